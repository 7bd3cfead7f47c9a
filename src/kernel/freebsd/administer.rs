//! The writes, each led to the file that makes it.

use std::io;

use super::super::refusal::{Answer, Call, Refusal};
use super::super::{Administer, KernelError};
use super::calls::{Sysctl, has_module};
use super::{FreeBsd, call, link, pfsync};
use crate::model::{CarpVariable, Inventory, Write};

/// Why a write was not made: it was refused, or what it needs to know could not be read.
#[derive(Debug)]
pub(super) enum Trouble {
    Refused(Refusal),
    Unread(KernelError),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<KernelError> for Trouble {
    fn from(error: KernelError) -> Self {
        Self::Unread(error)
    }
}

impl Administer for FreeBsd {
    fn inventory(&mut self) -> Result<Inventory, KernelError> {
        self.look_at_everything()
    }

    fn write(&mut self, write: &Write) -> Result<(), KernelError> {
        let made = match write {
            Write::Sysctl { variable, value } => set_variable(*variable, *value),
            Write::Vhid { id, settings } => self.write_vhid(id, settings),
            Write::AddAddress { id, net } => self.add_address(id, *net),
            Write::DeleteAddress { id, net } => self.delete_address(id, *net),
            Write::Pfsync(settings) => pfsync::write(settings),
            Write::Link { interface, up } => link::write(interface, *up),
        };
        made.map_err(|trouble| match trouble {
            Trouble::Refused(refusal) => refusal.of(write),
            Trouble::Unread(error) => error,
        })
    }
}

fn set_variable(variable: CarpVariable, value: i32) -> Result<(), Trouble> {
    let name = variable.name();
    let refused = |error: io::Error| match error.raw_os_error() {
        Some(libc::ENOENT) if !has_module(c"carp") => Trouble::Unread(KernelError::NoCarp),
        _ => Trouble::Refused(refused(Call::Sysctl, "sysctl", name, &error)),
    };
    if Sysctl(name).int().map_err(refused)? == value {
        return Ok(());
    }
    Sysctl(name).set_int(value).map_err(refused)
}

/// The kernel's answer to the call `name` about `object`, in plain words.
pub(super) fn refused(call: Call, name: &str, object: &str, error: &io::Error) -> Refusal {
    match error.raw_os_error() {
        Some(errno) => Answer { call, name, object, errno, text: None }.explain(),
        None => Refusal::new(format!("{name} {object}: {error}"), "see whether `dmesg` tells more"),
    }
}

/// The interfaces and addresses could not be listed.
pub(super) fn unlisted(error: io::Error) -> KernelError {
    call("getifaddrs", "all interfaces", error)
}
