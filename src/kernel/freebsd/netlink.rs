//! The netlink socket over which vhids are read, and written where ioctl(2) does not reach.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{MsgFlags, recv, send, setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};

use super::super::KernelError;
use super::super::exchange::{Datagrams, End, Exchange};
use super::{call, calls};
use crate::model::InterfaceName;
use crate::sys::carp_netlink::{self, FAMILY, Record, Settings};
use crate::sys::netlink::{self, Family};

/// `AF_NETLINK`
pub(super) const AF_NETLINK: i32 = 38;
/// `NETLINK_GENERIC`
pub(super) const NETLINK_GENERIC: i32 = 16;
/// `SOL_NETLINK`
pub(super) const SOL_NETLINK: i32 = 270;
/// `NETLINK_EXT_ACK`: errors may be explained in words.
const EXT_ACK: i32 = 11;

/// The kernel answers at once; a second is for a machine that is out of breath.
const LIMIT_SECONDS: i64 = 1;

/// An open socket.
#[derive(Debug)]
pub(super) struct Netlink {
    exchange: Exchange<Socket>,
    /// The number of the family in this load of the module.
    family: Option<u16>,
}

#[derive(Debug)]
struct Socket(OwnedFd);

impl Datagrams for Socket {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        send(self.0.as_raw_fd(), datagram, MsgFlags::empty())?;
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(recv(self.0.as_raw_fd(), buffer, MsgFlags::empty())?)
    }
}

impl Netlink {
    pub(super) fn open() -> io::Result<Self> {
        let socket = calls::socket(AF_NETLINK, libc::SOCK_RAW, NETLINK_GENERIC)?;
        setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(LIMIT_SECONDS))?;
        // A kernel that does not know the option explains nothing, and that is all.
        let _ = calls::set_option(&socket, SOL_NETLINK, EXT_ACK, 1);
        Ok(Self { exchange: Exchange::new(Socket(socket)), family: None })
    }

    /// The vhids of `interface`; `None` if the kernel has no such family and must be asked in another way.
    pub(super) fn vhids(&mut self, interface: &InterfaceName) -> Result<Option<Vec<Record>>, KernelError> {
        let error = |source| call("netlink carp", interface.as_str(), source);
        let Some(mut family) = self.family().map_err(error)? else { return Ok(None) };
        loop {
            let (records, end) = self
                .exchange
                .ask(|seq| carp_netlink::get(family, interface, None, seq), Record::decode)
                .map_err(error)?;
            match end.errno {
                0 => return Ok(Some(records)),
                // No vhid on it, or gone since it was listed.
                libc::ENOENT | libc::ENXIO | libc::EADDRNOTAVAIL => return Ok(Some(Vec::new())),
                // Not of a type that carries any, or the number is another since the module was loaded anew. Taking the second for the
                // first would show a node without vhids.
                libc::EOPNOTSUPP => match self.resolve_carp().map_err(error)? {
                    Some(same) if same == family => return Ok(Some(Vec::new())),
                    Some(other) => family = other,
                    None => return Ok(None),
                },
                errno => return Err(error(io::Error::from_raw_os_error(errno))),
            }
        }
    }

    /// Changes or creates a vhid of `interface`. After an error of this function nobody knows whether it was done.
    pub(super) fn set(&mut self, interface: &InterfaceName, settings: &Settings) -> io::Result<End> {
        let Some(family) = self.family()? else { return Err(io::Error::from_raw_os_error(libc::EPROTONOSUPPORT)) };
        self.exchange.tell(|seq| carp_netlink::set(family, interface, settings, seq))
    }

    /// Whether the kernel has the family.
    pub(super) fn has_carp(&mut self) -> bool {
        matches!(self.family(), Ok(Some(_)))
    }

    fn family(&mut self) -> io::Result<Option<u16>> {
        if self.family.is_some() { Ok(self.family) } else { self.resolve_carp() }
    }

    fn resolve_carp(&mut self) -> io::Result<Option<u16>> {
        self.family = self.resolve(FAMILY)?.map(|family| family.id);
        Ok(self.family)
    }

    /// The generic family called `name`, if the kernel has it now.
    pub(super) fn resolve(&mut self, name: &str) -> io::Result<Option<Family>> {
        let (found, _) = self.exchange.ask(|seq| netlink::resolve(name, seq), Family::decode)?;
        Ok(found.into_iter().next())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Cable, set, skew, with_netlink};
    use super::*;
    use crate::kernel::Administer;

    #[test]
    #[ignore = "needs root in a vnet jail"]
    fn the_number_of_a_module_that_was_loaded_anew_is_looked_up_again() {
        let cable = Cable::new();
        with_netlink().write(&set(&cable.id(1), &skew(0, "x"))).unwrap();
        let mut netlink = Netlink::open().unwrap();
        let right = netlink.family().unwrap().unwrap();
        netlink.family = Some(right + 20);
        assert_eq!(netlink.vhids(&cable.end).unwrap().map(|records| records.len()), Some(1));
        assert_eq!(netlink.family, Some(right));
    }
}
