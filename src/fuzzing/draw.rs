//! Values made of the fuzzer's bytes, so that it can steer what is encoded.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::model::{AdvBase, AdvSkew, CarpKey, InterfaceName, Vhid};

/// Bytes that are drawn from; when they are used up, everything is zero.
pub(super) struct Draw<'a>(pub(super) &'a [u8]);

impl Draw<'_> {
    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut drawn = [0; N];
        let taken = self.0.len().min(N);
        drawn[..taken].copy_from_slice(&self.0[..taken]);
        self.0 = &self.0[taken..];
        drawn
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.bytes::<1>()[0]
    }

    pub(super) fn number(&mut self) -> u32 {
        u32::from_ne_bytes(self.bytes())
    }

    /// A value or none, evenly.
    pub(super) fn maybe<T>(&mut self, draw: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.byte() & 1 == 1).then(|| draw(self))
    }

    pub(super) fn interface(&mut self) -> InterfaceName {
        const LETTERS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._";
        let length = 1 + usize::from(self.byte() % 15);
        let name: String = (0..length).map(|_| char::from(LETTERS[usize::from(self.byte() % 64)])).collect();
        name.parse().unwrap()
    }

    pub(super) fn vhid(&mut self) -> Vhid {
        Vhid::new(u32::from(self.byte().max(1))).unwrap()
    }

    pub(super) fn advbase(&mut self) -> AdvBase {
        AdvBase::new(u32::from(self.byte().max(1))).unwrap()
    }

    pub(super) fn advskew(&mut self) -> AdvSkew {
        AdvSkew::new(u32::from(self.byte().min(254))).unwrap()
    }

    pub(super) fn key(&mut self) -> CarpKey {
        CarpKey::from_kernel(&self.bytes())
    }

    pub(super) fn v4(&mut self) -> Ipv4Addr {
        self.bytes::<4>().into()
    }

    pub(super) fn v6(&mut self) -> Ipv6Addr {
        self.bytes::<16>().into()
    }

    pub(super) fn net(&mut self) -> IpNet {
        if self.byte() & 1 == 0 { self.net4().into() } else { self.net6().into() }
    }

    pub(super) fn net4(&mut self) -> Ipv4Net {
        Ipv4Net::new(self.v4(), self.byte() % 33).unwrap()
    }

    pub(super) fn net6(&mut self) -> Ipv6Net {
        Ipv6Net::new(self.v6(), self.byte() % 129).unwrap()
    }
}
