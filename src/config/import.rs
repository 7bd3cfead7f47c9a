//! A carpd.toml from what is there already: a running kernel, or the lines of rc.conf(5) that set it up.

mod inventory;
mod rc_conf;
mod toml;

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

pub use inventory::from_inventory;
pub use rc_conf::{Files, from_files};

use super::settings::{Pfsync, StaticVhid, StaticVips, Vips};
use crate::model::{AdvSkew, CarpKey, VhidRef};

/// A carpd.toml in the making, with what could not be put into it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Where it comes from, as the end of `imported from ...`.
    from: String,
    vhids: Vec<DraftVhid>,
    pfsync: Option<Pfsync>,
    /// `None` if nothing is known about it.
    preempt: Option<bool>,
    /// What is not in it, or has to be looked at, in whole sentences.
    notes: Vec<String>,
}

#[derive(Clone, Debug)]
struct DraftVhid {
    /// Without the file of its password.
    vhid: StaticVhid,
    secret: Secret,
}

/// What is known of a vhid's password.
#[derive(Clone)]
enum Secret {
    /// It has none: its key is all zero.
    None,
    /// It may have one, which this process may not know.
    Hidden,
    /// It has one that does not go through a file of one line.
    Binary,
    /// The line that a password file has to hold.
    Line(Zeroizing<Vec<u8>>),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A password file that is to be written, of mode 0600.
pub struct PasswordFile<'a> {
    /// Where.
    pub path: PathBuf,
    /// Its only line, without the line's end.
    pub line: &'a [u8],
}

impl Draft {
    fn new(from: String) -> Self {
        Self { from, vhids: Vec::new(), pfsync: None, preempt: None, notes: Vec::new() }
    }

    /// Takes a vhid up, unless it is one that a carpd.toml cannot have.
    fn add(&mut self, vhid: StaticVhid, secret: Secret) {
        let id = &vhid.id;
        if vhid.addresses.is_empty() {
            self.notes.push(format!("vhid {id} has no address, so it does nothing; it was left out."));
            return;
        }
        let skew = vhid.advskew.get();
        if skew > AdvSkew::MAX_ADVERTISED {
            self.notes.push(format!(
                "The advskew {skew} of vhid {id} goes out as {}, so that maintenance cannot make it worse; 239 or less is better.",
                AdvSkew::MAX_ADVERTISED
            ));
        }
        match secret {
            Secret::None => {
                self.notes.push(format!("vhid {id} has no password: any host of its network can take it over."))
            }
            Secret::Hidden => self.notes.push(format!("Whether vhid {id} has a password is told to root only.")),
            Secret::Binary => {
                // No password_file can hold it, and carpd does not take over a vhid whose key it cannot name.
                self.notes.push(format!(
                    "The key of vhid {id} is none that ifconfig(8) could have set, so no password_file can hold it; the vhid was left out."
                ));
                return;
            }
            Secret::Line(_) => {}
        }
        self.vhids.push(DraftVhid { vhid, secret });
    }

    /// What could not be put into the file, or has to be looked at: whole sentences. The file has them as comments.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether there is no vhid in it, so that carpd.toml would own nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.vhids.is_empty()
    }

    /// What the file will say of vhids, pfsync and CARP, if the passwords are in `passwords`.
    #[must_use]
    pub fn vips(&self, passwords: Option<&Path>) -> Vips {
        let vhid = |draft: &DraftVhid| StaticVhid {
            password_file: passwords
                .filter(|_| draft.has_line())
                .map(|directory| password_file(directory, &draft.vhid.id)),
            ..draft.vhid.clone()
        };
        let mut vhids: Vec<StaticVhid> = self.vhids.iter().map(vhid).collect();
        vhids.sort_by(|a, b| a.id.cmp(&b.id));
        Vips::Static(StaticVips { vhids, pfsync: self.pfsync.clone(), preempt: self.preempt.unwrap_or(true) })
    }

    /// Whether there are passwords that [`Self::passwords`] can write.
    #[must_use]
    pub fn has_passwords(&self) -> bool {
        self.vhids.iter().any(DraftVhid::has_line)
    }

    /// The password files that belong to it, in `directory`.
    pub fn passwords<'a>(&'a self, directory: &'a Path) -> impl Iterator<Item = PasswordFile<'a>> {
        self.vhids.iter().filter_map(|draft| match &draft.secret {
            Secret::Line(line) => Some(PasswordFile { path: password_file(directory, &draft.vhid.id), line }),
            _ => None,
        })
    }
}

impl DraftVhid {
    const fn has_line(&self) -> bool {
        matches!(self.secret, Secret::Line(_))
    }
}

impl Secret {
    fn of_key(key: &CarpKey) -> Self {
        let line = key.significant();
        if line.is_empty() {
            return Self::None;
        }
        // What the reader of password files would make another key of, or refuse.
        let odd = line.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0));
        if odd || line.len() > CarpKey::SIGNIFICANT { Self::Binary } else { Self::Line(Zeroizing::new(line.to_vec())) }
    }
}

/// The file of one vhid's password.
fn password_file(directory: &Path, id: &VhidRef) -> PathBuf {
    directory.join(format!("{}-{}.password", id.interface, id.vhid))
}
