//! What carpd.toml wants of the kernel, with the passwords read.

use std::path::PathBuf;

use super::password::{self, PasswordError};
use super::settings::{PfsyncVersion, StaticVhid, StaticVips};
use crate::core::plan::{Wanted, WantedVhid};
use crate::core::policy::OwnedVhid;
use crate::model::{CarpParameters, PfsyncSettings, VhidSettings};

/// A password file that cannot be used any more.
#[derive(Debug, thiserror::Error)]
#[error("{} {source}; `carpctl config check` tells what to do", .path.display())]
pub struct NoPassword {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: PasswordError,
}

impl StaticVips {
    /// What the file owns, for [`crate::core::plan::plan`].
    ///
    /// # Errors
    /// A password file cannot be read.
    pub fn wanted(&self) -> Result<Wanted, NoPassword> {
        let pfsync = self.pfsync.as_ref().map(|pfsync| PfsyncSettings {
            syncdev: Some(pfsync.syncdev.clone()),
            syncpeer: pfsync.syncpeer,
            version: pfsync.version.map_or(0, PfsyncVersion::number),
            defer: pfsync.defer,
            maxupdates: pfsync.maxupdates,
        });
        let vhids: Result<_, _> = self.vhids.iter().map(vhid).collect();
        Ok(Wanted { vhids: vhids?, remove: Vec::new(), pfsync, preempt: self.preempt })
    }
}

impl StaticVhid {
    /// What the core knows of it.
    pub(super) fn owned(&self) -> OwnedVhid {
        let Self { advbase, advskew, peer, peer6, .. } = *self;
        let mut addresses = self.addresses.clone();
        addresses.sort_unstable();
        OwnedVhid { id: self.id.clone(), carp: CarpParameters { advbase, advskew, peer, peer6 }, addresses }
    }
}

fn vhid(vhid: &StaticVhid) -> Result<WantedVhid, NoPassword> {
    let read = |path: &PathBuf| {
        let password = password::read(path).map_err(|source| NoPassword { path: path.clone(), source });
        password.map(|password| password.key)
    };
    let settings = VhidSettings {
        advbase: vhid.advbase,
        advskew: vhid.advskew,
        key: vhid.password_file.as_ref().map(read).transpose()?,
        peer: vhid.peer,
        peer6: vhid.peer6,
    };
    Ok(WantedVhid { id: vhid.id.clone(), settings, addresses: vhid.addresses.clone() })
}
