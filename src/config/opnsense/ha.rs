//! `<hasync>`: preemption, pfsync, and the target of the configuration synchronization.

use std::net::IpAddr;

use super::field::{Field, address, number};
use super::xml::{Element, shorten};

/// The high-availability settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaSettings {
    /// Its line; 0 if the file has none.
    pub line: u32,
    /// `net.inet.carp.preempt` is to be 1.
    pub preempt: bool,
    /// The line that switches preemption off, or that of the settings.
    pub preempt_line: u32,
    /// pfsync, if it is on.
    pub pfsync: Option<PfsyncSettings>,
    /// The node that this one sends its configuration to.
    pub sync_target: Option<SyncTarget>,
}

impl Default for HaSettings {
    /// What OPNsense does without any settings: preemption on, all else off.
    fn default() -> Self {
        Self { line: 0, preempt: true, preempt_line: 0, pfsync: None, sync_target: None }
    }
}

/// pfsync as it is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PfsyncSettings {
    /// The key of the interface that carries it.
    pub interface: String,
    /// The line of that key.
    pub line: u32,
    /// The other node; without it states go to the multicast group 224.0.0.240.
    pub peer: Field<IpAddr>,
    /// The format of the messages: 1301 or 1400.
    pub version: Field<u32>,
}

/// Where the configuration is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncTarget {
    /// The other node's host, taken out of the address or URL in the file.
    pub host: String,
    /// Its line.
    pub line: u32,
    /// A password for it is set.
    pub has_password: bool,
}

impl SyncTarget {
    /// The host, if it is an address.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl HaSettings {
    pub(super) fn read(element: &Element<'_>) -> Self {
        let line_of = |name: &str| element.child(name).map_or(element.line, |child| child.line);
        Self {
            line: element.line,
            preempt: !element.truthy("disablepreempt"),
            preempt_line: line_of("disablepreempt"),
            pfsync: PfsyncSettings::read(element),
            sync_target: match element.value("synchronizetoip") {
                "" => None,
                text => Some(SyncTarget {
                    host: host_of(text),
                    line: line_of("synchronizetoip"),
                    has_password: !element.value("password").is_empty(),
                }),
            },
        }
    }
}

impl PfsyncSettings {
    /// Up to 24.1 a switch of its own, `pfsyncenabled`, stood beside the interface; now the interface alone decides.
    fn read(element: &Element<'_>) -> Option<Self> {
        let interface = element.child("pfsyncinterface").filter(|child| !child.text().is_empty())?;
        if element.child("pfsyncenabled").is_some_and(|switch| matches!(switch.text(), "" | "0")) {
            return None;
        }
        Some(Self {
            interface: shorten(interface.text()),
            line: interface.line,
            peer: Field::read(element, "pfsyncpeerip", address),
            version: Field::read(element, "pfsyncversion", number),
        })
    }
}

/// The host in `10.0.0.2`, `https://10.0.0.2:8443` or `https://[fd00::2]/`. Names and passwords in a URL are left out.
fn host_of(text: &str) -> String {
    let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = after_scheme.split('/').next().unwrap_or("");
    let authority = authority.rsplit('@').next().unwrap_or("");
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or(""),
        // More than one colon without brackets is a bare IPv6 address, not a port.
        None if authority.matches(':').count() == 1 => authority.split(':').next().unwrap_or(""),
        None => authority,
    };
    shorten(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_found_in_every_way_to_write_the_target() {
        for (text, host) in [
            ("10.0.0.2", "10.0.0.2"),
            ("https://10.0.0.2:8443/x", "10.0.0.2"),
            ("https://root:secret@fw2.example.org", "fw2.example.org"),
            ("https://[fd00::2]:443", "fd00::2"),
            ("fd00::2", "fd00::2"),
        ] {
            assert_eq!(host_of(text), host);
        }
    }
}
