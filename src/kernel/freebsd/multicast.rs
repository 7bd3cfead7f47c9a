//! Sockets to which the kernel multicasts what happens.

use std::io;
use std::os::fd::OwnedFd;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{setsockopt, sockopt};

use super::calls::{self, Sysctl};
use super::netlink::{AF_NETLINK, NETLINK_GENERIC, Netlink, SOL_NETLINK};
use crate::sys::netlink::Family;
use crate::sys::{nlsysevent, rtnetlink};

/// `NETLINK_ROUTE`
const NETLINK_ROUTE: i32 = 0;

/// `NETLINK_ADD_MEMBERSHIP`
const ADD_MEMBERSHIP: i32 = 1;

/// What does not fit is dropped without a word. The default of 64 KiB holds about 1000 events.
const RECEIVE_BUFFER: usize = 1 << 20;

/// A socket that is told every event of nlsysevent that matters here, with the family as it is now; `None` while the module
/// is not loaded.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] if this process can never have it: the kernel has no netlink, or this is a jail, to which
/// nothing is delivered although it may join.
pub(crate) fn nlsysevent() -> io::Result<Option<(OwnedFd, Family)>> {
    if Sysctl("security.jail.jailed").int()? != 0 {
        return Err(io::ErrorKind::Unsupported.into());
    }
    let Some(family) = nlsysevent_family()? else { return Ok(None) };
    let Some(groups) = nlsysevent::groups(&family) else { return Ok(None) };
    let socket = calls::socket(AF_NETLINK, libc::SOCK_RAW, NETLINK_GENERIC)?;
    Ok(Some((join(socket, &groups)?, family)))
}

/// The family of nlsysevent as it is now; `None` while the module is not loaded.
pub(crate) fn nlsysevent_family() -> io::Result<Option<Family>> {
    Netlink::open().map_err(never_without_netlink)?.resolve(nlsysevent::FAMILY)
}

/// A socket that is told every change of links and addresses.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] if the kernel has no netlink.
pub(crate) fn rtnetlink() -> io::Result<OwnedFd> {
    let socket = calls::socket(AF_NETLINK, libc::SOCK_RAW, NETLINK_ROUTE).map_err(never_without_netlink)?;
    join(socket, &rtnetlink::GROUPS)
}

fn join(socket: OwnedFd, groups: &[u32]) -> io::Result<OwnedFd> {
    // Refused where the limit is smaller; then the default stays.
    let _ = setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER);
    for group in groups {
        let group = i32::try_from(*group).map_err(io::Error::other)?;
        calls::set_option(&socket, SOL_NETLINK, ADD_MEMBERSHIP, group)?;
    }
    fcntl(&socket, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(socket)
}

fn never_without_netlink(error: io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT) => io::ErrorKind::Unsupported.into(),
        _ => error,
    }
}
