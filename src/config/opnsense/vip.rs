//! Virtual IPs as the file lists them, and the vhids that follow from them.

use std::net::IpAddr;

use ipnet::IpNet;
use zeroize::Zeroizing;

use super::field::{Field, address, number};
use super::xml::{Element, shorten};
use crate::model::{AdvBase, AdvSkew, CarpKey, Vhid, VhidRef};

/// What OPNsense makes of a virtual IP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VipMode {
    /// Creates a vhid with this address.
    Carp,
    /// An additional address; with a vhid it belongs to that vhid.
    IpAlias,
    /// Answers ARP for a network without having the addresses.
    ProxyArp,
    /// Anything else, such as the `other` of old versions: OPNsense ignores it.
    Other(String),
}

/// What carpd needs to know of a password without keeping it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Password {
    /// What reaches the kernel.
    pub key: CarpKey,
    /// Bytes before the cut at 19; 0 means that there is none.
    pub len: usize,
    /// Its line, or that of its VIP.
    pub line: u32,
}

impl Password {
    /// Does what OPNsense does before it calls ifconfig: removes the spaces, then adds a backslash before quotes,
    /// backslashes and NUL (`interface_carp_configure` in `src/etc/inc/interfaces.inc` of opnsense/core).
    fn new(text: &str, line: u32) -> Self {
        let mut bytes = Zeroizing::new(Vec::with_capacity(2 * text.len()));
        for byte in text.bytes().filter(|byte| *byte != b' ') {
            match byte {
                b'\'' | b'"' | b'\\' => bytes.extend([b'\\', byte]),
                0 => bytes.extend(*b"\\0"),
                _ => bytes.push(byte),
            }
        }
        Self { key: CarpKey::from_password(&bytes), len: bytes.len(), line }
    }
}

/// One `<vip>`, as it is written: wrong numbers are kept for the findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vip {
    /// Its place among the VIPs of the file, counted from 1.
    pub index: usize,
    /// Its line.
    pub line: u32,
    /// The interface key.
    pub interface: String,
    /// What it is.
    pub mode: VipMode,
    /// The address, without scope.
    pub address: Field<IpAddr>,
    /// The prefix length.
    pub bits: Field<u8>,
    /// The vhid; for an alias the one it belongs to.
    pub vhid: Field<Vhid>,
    /// Seconds between adverts.
    pub advbase: Field<AdvBase>,
    /// The skew.
    pub advskew: Field<AdvSkew>,
    /// The password.
    pub password: Password,
    /// Where IPv4 adverts go instead of to the multicast group.
    pub peer: Field<IpAddr>,
    /// Where IPv6 adverts go instead of to the multicast group.
    pub peer6: Field<IpAddr>,
    /// The configuration synchronization leaves it out.
    pub nosync: bool,
    /// What people call it.
    pub descr: String,
}

impl Vip {
    /// The address with its mask, if both are legal.
    #[must_use]
    pub fn net(&self) -> Option<IpNet> {
        let ip = *self.address.get()?;
        let bits = self.bits.get().copied().unwrap_or(if ip.is_ipv4() { 32 } else { 128 });
        IpNet::new(ip, bits).ok()
    }

    /// It creates a vhid.
    #[must_use]
    pub const fn is_carp(&self) -> bool {
        matches!(self.mode, VipMode::Carp)
    }

    /// It is an additional address of a vhid.
    #[must_use]
    pub fn is_vhid_alias(&self) -> bool {
        self.mode == VipMode::IpAlias && !self.vhid.is_unset()
    }

    /// Its path in findings: `virtualip/vip[2]/vhid`.
    #[must_use]
    pub fn path(&self, child: &str) -> String {
        format!("virtualip/vip[{}]/{child}", self.index)
    }

    pub(super) fn read(element: &Element<'_>, index: usize) -> Self {
        let line = element.line;
        let password = element.child("password");
        Self {
            index,
            line,
            interface: shorten(element.value("interface")),
            mode: match element.value("mode") {
                "carp" => VipMode::Carp,
                "ipalias" | "" => VipMode::IpAlias,
                "proxyarp" => VipMode::ProxyArp,
                other => VipMode::Other(shorten(other)),
            },
            address: Field::read(element, "subnet", address),
            bits: Field::read(element, "subnet_bits", |text| number(text).filter(|bits| (1..=128).contains(bits))),
            vhid: Field::read(element, "vhid", |text| text.parse().ok()),
            advbase: Field::read(element, "advbase", |text| number(text).and_then(AdvBase::new)),
            advskew: Field::read(element, "advskew", |text| number(text).and_then(AdvSkew::new)),
            password: Password::new(
                password.map_or("", Element::text),
                password.map_or(line, |password| password.line),
            ),
            peer: Field::read(element, "peer", address),
            peer6: Field::read(element, "peer6", address),
            nosync: element.truthy("nosync"),
            descr: shorten(element.value("descr")),
        }
    }
}

/// A vhid in the kernel's words, as the file declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredVhid {
    /// Which one.
    pub id: VhidRef,
    /// The key of its interface.
    pub interface: String,
    /// Seconds between adverts.
    pub advbase: AdvBase,
    /// The skew.
    pub advskew: AdvSkew,
    /// The key that OPNsense gives to the kernel.
    pub key: CarpKey,
    /// Where IPv4 adverts go if not to the multicast group.
    pub peer: Option<IpAddr>,
    /// Where IPv6 adverts go if not to the multicast group.
    pub peer6: Option<IpAddr>,
    /// Its addresses in the order of the file: that of the CARP entry first, then its aliases.
    pub addresses: Vec<IpNet>,
    /// The line of the CARP entry.
    pub line: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_reaches_the_kernel_as_opnsense_sends_it() {
        let key = |text: &str| Password::new(text, 1).key;
        assert!(key("a b c") == CarpKey::from_password(b"abc"));
        assert!(key(r#"o'b"r\"#) == CarpKey::from_password(br#"o\'b\"r\\"#));
        assert!(key("1234567890123456789and more") == CarpKey::from_password(b"1234567890123456789"));
        assert_eq!(Password::new("12345678901234567'8", 1).len, 20, "the backslash counts");
    }
}
