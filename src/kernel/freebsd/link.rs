//! Bringing interfaces up and down.

use std::io;

use super::super::decide::link;
use super::super::refusal::{Call, Refusal};
use super::administer::{Trouble, refused};
use super::calls;
use crate::model::InterfaceName;
use crate::sys::interface::{self, SIOCGIFFLAGS, SIOCSIFFLAGS};

/// Makes the interface be up and run, or be down.
///
/// The kernel answers before anything can be seen on the wire, but not before the driver was told: a WireGuard tunnel that is up has
/// its port when this returns, and one that is down has closed it.
pub(super) fn write(interface: &InterfaceName, up: bool) -> Result<(), Trouble> {
    let failed = |name, error: io::Error| refused(Call::Flags, name, interface.as_str(), &error);
    let before = flags(interface).map_err(|e| failed("SIOCGIFFLAGS", e))?;
    let Some(wanted) = link::write(before, up) else { return Ok(()) };
    set(interface, wanted).map_err(|e| failed("SIOCSIFFLAGS", e))?;
    let now = flags(interface).map_err(|e| failed("SIOCGIFFLAGS", e))?;
    if link::follows(now, up) {
        return Ok(());
    }
    if up && !link::is_up(before) {
        // Whether this succeeds or not, it is the first failure that has to be told.
        let _ = set(interface, before);
    }
    let state = if up { "does not run" } else { "stays up" };
    let remedy = "if it is a WireGuard tunnel, see with `wg show` that no other one has its port; else see whether `dmesg` tells more";
    Err(Refusal::new(format!("the kernel takes the request, but {interface} {state}"), remedy).into())
}

/// Its flags (netintro(4)).
pub(super) fn flags(interface: &InterfaceName) -> io::Result<u32> {
    let mut request = interface::with_flags(interface, 0);
    calls::ioctl_plain::<SIOCGIFFLAGS, _>(libc::AF_LOCAL, &mut request)?;
    Ok(interface::flags(&request))
}

fn set(interface: &InterfaceName, flags: u32) -> io::Result<()> {
    calls::ioctl_plain::<SIOCSIFFLAGS, _>(libc::AF_LOCAL, &mut interface::with_flags(interface, flags))
}
