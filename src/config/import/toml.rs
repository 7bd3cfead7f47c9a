//! How a draft is written down: as a person would, with the remarks where they belong.

use std::fmt::Write;
use std::path::Path;

use super::{Draft, DraftVhid, Secret, password_file};
use crate::config::settings::Pfsync;

/// Where the comments break.
const WIDTH: usize = 110;

impl Draft {
    /// The carpd.toml. `passwords` is the directory of [`Self::passwords`], absolute; without it the file names none.
    ///
    /// `kernel` is written as `node.kernel`, if it is not this machine's own.
    #[must_use]
    pub fn to_toml(&self, passwords: Option<&Path>, kernel: Option<&str>) -> String {
        let mut text = String::new();
        comment(&mut text, &format!("carpd.toml(5), imported from {} by `carpctl import`.", self.from));
        comment(&mut text, "Plain addresses, routes and modules are not in it: they stay where they are set up.");
        for note in &self.notes {
            text.push_str("#\n");
            comment(&mut text, &format!("NOTE: {note}"));
        }
        if let Some(kernel) = kernel {
            text.push_str(&format!("\n[node]\nkernel = {}\n", quoted(kernel)));
        }
        text.push_str("\n[vips]\nsource = \"static\"\n");
        for vhid in &self.vhids {
            vhid.write(&mut text, passwords);
        }
        if let Some(pfsync) = &self.pfsync {
            write_pfsync(&mut text, pfsync);
        }
        if let Some(preempt) = self.preempt {
            text.push_str(&format!("\n[carp]\npreempt = {preempt}\n"));
        }
        text
    }
}

impl DraftVhid {
    fn write(&self, text: &mut String, passwords: Option<&Path>) {
        let vhid = &self.vhid;
        let addresses: Vec<String> = vhid.addresses.iter().map(|net| format!("\"{net}\"")).collect();
        let (interface, number) = (quoted(vhid.id.interface.as_str()), vhid.id.vhid);
        text.push_str(&format!("\n[[vips.vhid]]\ninterface = {interface}\nvhid = {number}\n"));
        text.push_str(&format!("advbase = {}\nadvskew = {}\n", vhid.advbase.get(), vhid.advskew.get()));
        text.push_str(&format!("addresses = [{}]\n", addresses.join(", ")));
        if let Some(peer) = vhid.peer {
            text.push_str(&format!("peer = \"{peer}\"\n"));
        }
        if let Some(peer) = vhid.peer6 {
            text.push_str(&format!("peer6 = \"{peer}\"\n"));
        }
        match (&self.secret, passwords) {
            (Secret::Line(_), Some(directory)) => {
                text.push_str(&format!("password_file = {}\n", path(&password_file(directory, &vhid.id))));
            }
            (Secret::Line(_) | Secret::Hidden, _) => {
                comment(
                    text,
                    "The password was not written: put it into this file, alone and of mode 0600, or import with --passwords.",
                );
                let file = password_file(Path::new("/usr/local/etc/carpd"), &vhid.id);
                text.push_str(&format!("#password_file = {}\n", path(&file)));
            }
            (Secret::None | Secret::Binary, _) => {}
        }
    }
}

fn write_pfsync(text: &mut String, pfsync: &Pfsync) {
    text.push_str(&format!("\n[pfsync]\nsyncdev = {}\n", quoted(pfsync.syncdev.as_str())));
    if let Some(peer) = pfsync.syncpeer {
        text.push_str(&format!("syncpeer = \"{peer}\"\n"));
    }
    if let Some(version) = pfsync.version {
        text.push_str(&format!("version = {}\n", version.number()));
    }
    text.push_str(&format!("defer = {}\nmaxupdates = {}\n", pfsync.defer, pfsync.maxupdates));
}

fn path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Appends a comment, broken between words. A comment of TOML has no control characters.
fn comment(text: &mut String, said: &str) {
    let mut width = 0;
    for word in said.split_whitespace() {
        let word = word.replace(char::is_control, "?");
        let length = word.chars().count() + 1;
        if width == 0 || width + length > WIDTH {
            if width > 0 {
                text.push('\n');
            }
            text.push('#');
            width = 1;
        }
        // Writing into a string does not fail.
        let _ = write!(text, " {word}");
        width += length;
    }
    text.push('\n');
}
