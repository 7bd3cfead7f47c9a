//! The netlink socket over which vhids are read.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};
use zeroize::Zeroizing;

use super::super::KernelError;
use super::{call, calls};
use crate::model::InterfaceName;
use crate::sys::carp_netlink::{self, FAMILY, Record};
use crate::sys::netlink::{self, Answer, Family};

/// `AF_NETLINK`
const AF_NETLINK: i32 = 38;
/// `NETLINK_GENERIC`
const NETLINK_GENERIC: i32 = 16;

/// The kernel answers at once; a second is for a machine that is out of breath.
const LIMIT_SECONDS: i64 = 1;

/// More than the socket's receive buffer holds, so no datagram is ever cut.
const BUFFER: usize = 128 << 10;

/// An open socket.
#[derive(Debug)]
pub(super) struct Netlink {
    socket: OwnedFd,
    /// The number of the family in this load of the module.
    family: Option<u16>,
    seq: u32,
    /// Wiped when it goes: root is told keys.
    buffer: Zeroizing<Vec<u8>>,
}

impl Netlink {
    pub(super) fn open() -> io::Result<Self> {
        let socket = calls::socket(AF_NETLINK, libc::SOCK_RAW, NETLINK_GENERIC)?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(LIMIT_SECONDS))?;
        Ok(Self { socket, family: None, seq: 0, buffer: Zeroizing::new(vec![0; BUFFER]) })
    }

    /// The vhids of `interface`; `None` if the kernel has no such family and must be asked in another way.
    pub(super) fn vhids(&mut self, interface: &InterfaceName) -> Result<Option<Vec<Record>>, KernelError> {
        let error = |source| call("netlink carp", interface.as_str(), source);
        let Some(family) = self.family().map_err(error)? else { return Ok(None) };
        let mut records = Vec::new();
        let seq = self.next();
        let errno = self
            .exchange(seq, &carp_netlink::get(family, interface, None, seq), |message| {
                records.push(Record::decode(message).map_err(io::Error::other)?);
                Ok(())
            })
            .map_err(error)?;
        match errno {
            0 => Ok(Some(records)),
            // No vhid on it; gone since it was listed; not of a type that carries any.
            libc::ENOENT | libc::ENXIO | libc::EOPNOTSUPP | libc::EADDRNOTAVAIL => Ok(Some(Vec::new())),
            errno => {
                // The module may have been loaded anew, with another number for its family.
                self.family = None;
                Err(error(io::Error::from_raw_os_error(errno)))
            }
        }
    }

    fn family(&mut self) -> io::Result<Option<u16>> {
        if self.family.is_none() {
            let seq = self.next();
            let mut found = None;
            self.exchange(seq, &netlink::resolve(FAMILY, seq), |message| {
                found = Some(Family::decode(message).map_err(io::Error::other)?.id);
                Ok(())
            })?;
            self.family = found;
        }
        Ok(self.family)
    }

    fn next(&mut self) -> u32 {
        self.seq = self.seq.wrapping_add(1);
        self.seq
    }

    /// Sends a request and takes its answers until the one that ends it. Returns that one's errno, 0 for success.
    fn exchange(
        &mut self,
        seq: u32,
        request: &[u8],
        mut take: impl FnMut(&netlink::Message<'_>) -> io::Result<()>,
    ) -> io::Result<i32> {
        nix::sys::socket::send(self.socket.as_raw_fd(), request, nix::sys::socket::MsgFlags::empty())?;
        loop {
            let length =
                nix::sys::socket::recv(self.socket.as_raw_fd(), &mut self.buffer, nix::sys::socket::MsgFlags::empty())?;
            for message in netlink::messages(&self.buffer[..length]) {
                let message = message.map_err(io::Error::other)?;
                // Answers to a request whose patience had run out.
                if message.seq != seq {
                    continue;
                }
                match message.answer().map_err(io::Error::other)? {
                    Answer::Data(data) => take(&data)?,
                    Answer::Done { errno } | Answer::Status { errno, .. } => return Ok(errno),
                }
            }
        }
    }
}
