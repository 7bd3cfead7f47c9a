//! OPNsense's config.xml, as far as CARP, pfsync and the checks of [`super::lint`] need it.
//!
//! The file is read under a shared lock, never written, and every part of it may come in any order. A wrong number does not
//! stop the reader: it stays visible as [`Field::Wrong`], so that the findings can show it with all others.

mod collect;
mod field;
mod file;
mod ha;
mod network;
mod rules;
mod services;
mod vip;
mod xml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

pub use field::Field;
pub use file::{LOCK_LIMIT, MAX_BYTES, ReadError, read};
pub use ha::{HaSettings, PfsyncSettings, SyncTarget};
pub use network::{Addressing, Gateway, Interface, InterfaceGroup};
pub use rules::{Action, Endpoint, FilterRule, NatMode, NatRule, NatTarget, OutboundNat, Protocol, Target};
pub use services::{Advice, DhcpKind, DhcpServer, KeaHa, RaSource, RouterAdvert};
pub use vip::{DeclaredVhid, Password, Vip, VipMode};
pub use xml::ParseError;

use crate::model::{AdvBase, AdvSkew, InterfaceName, Vhid, VhidRef};

/// Where OPNsense keeps the file.
pub const DEFAULT_PATH: &str = "/conf/config.xml";

/// A file that was changed longer ago is not being written.
const SETTLED: Duration = Duration::from_secs(5);

/// How often [`load`] reads a half-written file again, and how long it waits before.
const REREADS: usize = 8;
const PAUSE: Duration = Duration::from_millis(250);

/// Why config.xml could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is not a config.xml.
    #[error("{}: {source}", .file.display())]
    Parse {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: ParseError,
    },
}

/// A kernel variable that the file sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunable {
    /// Its path in findings.
    pub path: String,
    /// Its line.
    pub line: u32,
    /// The variable.
    pub name: String,
    /// The value; `default` and nothing mean OPNsense's own.
    pub value: String,
}

impl Tunable {
    /// None for a variable that neither CARP nor pfsync has.
    fn read(element: &xml::Element<'_>, index: usize) -> Option<Self> {
        let name = element.value("tunable");
        if !name.starts_with("net.inet.carp.") && !name.starts_with("net.pfsync.") {
            return None;
        }
        Some(Self {
            path: format!("sysctl/item[{index}]"),
            line: element.line,
            name: xml::shorten(name),
            value: xml::shorten(element.value("value")),
        })
    }
}

/// What config.xml says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpnsenseConfig {
    /// The file it was read from.
    pub file: PathBuf,
    /// The host name without domain.
    pub hostname: Option<String>,
    /// The assigned interfaces, without groups.
    pub interfaces: Vec<Interface>,
    /// The interface groups.
    pub groups: Vec<InterfaceGroup>,
    /// The gateways.
    pub gateways: Vec<Gateway>,
    /// All virtual IPs in the order of the file, which is the order in which OPNsense sets them up.
    pub vips: Vec<Vip>,
    /// High availability settings.
    pub ha: HaSettings,
    /// The node is to stay in persistent maintenance.
    pub maintenance: bool,
    /// The line of that flag; 0 if the file has none.
    pub maintenance_line: u32,
    /// The variables of CARP and pfsync that are set.
    pub tunables: Vec<Tunable>,
    /// The enabled IPv4 DHCP servers.
    pub dhcp: Vec<DhcpServer>,
    /// Kea's failover.
    pub kea_ha: KeaHa,
    /// The router advertisements that are sent.
    pub adverts: Vec<RouterAdvert>,
    /// Outbound NAT.
    pub nat: OutboundNat,
    /// The enabled firewall rules that may touch CARP or pfsync, in the order of the file.
    pub rules: Vec<FilterRule>,
}

impl OpnsenseConfig {
    /// Reads `bytes`, which came from `file`.
    ///
    /// # Errors
    /// If they are not a whole, well-formed config.xml, or have more of something than any firewall has.
    pub fn parse(file: &Path, bytes: &[u8]) -> Result<Self, ParseError> {
        let text = xml::utf8(bytes)?;
        let mut collector = collect::Collector::new(Self { file: file.to_owned(), ..Self::default() });
        xml::walk(text, collect::PATTERNS, &mut |record, element| collector.take(record, element))?;
        Ok(collector.finish())
    }

    /// The interface with the key `key`.
    #[must_use]
    pub fn interface(&self, key: &str) -> Option<&Interface> {
        self.interfaces.iter().find(|interface| interface.key == key)
    }

    /// The device behind the key `key`.
    #[must_use]
    pub fn device(&self, key: &str) -> Option<&InterfaceName> {
        self.interface(key)?.device.as_ref()
    }

    /// The device of the interface that people call `text`: by its key, or by its description in any case.
    #[must_use]
    pub fn named(&self, text: &str) -> Option<&InterfaceName> {
        let described = || self.interfaces.iter().find(|i| i.descr.eq_ignore_ascii_case(text))?.device.as_ref();
        self.device(text).or_else(described)
    }

    /// The vhid that `text` means: `3@lan` by interface key, or `3@vtnet1` by device. None if it is not of that form or
    /// the interface is unknown; whether the vhid is declared is another question, see [`Self::vhids`].
    #[must_use]
    pub fn resolve(&self, text: &str) -> Option<VhidRef> {
        let (vhid, interface) = text.split_once('@')?;
        let by_key = self.device(interface);
        let by_device = || self.interfaces.iter().filter_map(|i| i.device.as_ref()).find(|d| d.as_str() == interface);
        Some(VhidRef::new(vhid.parse().ok()?, by_key.or_else(by_device)?.clone()))
    }

    /// The vhids that the file declares, in the order of interface and vhid. Entries that cannot reach the kernel (a vhid out
    /// of range, an unknown interface, an alias without its vhid) are left to the findings. Of two CARP entries for one vhid
    /// the later one sets the numbers, as it does in the kernel, and both addresses belong to it.
    #[must_use]
    pub fn vhids(&self) -> Vec<DeclaredVhid> {
        let mut vhids: BTreeMap<VhidRef, DeclaredVhid> = BTreeMap::new();
        for vip in self.vips.iter().filter(|vip| vip.is_carp()) {
            let Some((id, net)) = self.id_of(vip).zip(vip.net()) else { continue };
            let earlier = vhids.remove(&id).map(|other| other.addresses).unwrap_or_default();
            let addresses = earlier.into_iter().filter(|other| *other != net).chain([net]).collect();
            vhids.insert(id.clone(), declare(id, vip, addresses));
        }
        for vip in self.vips.iter().filter(|vip| vip.is_vhid_alias()) {
            let Some((id, net)) = self.id_of(vip).zip(vip.net()) else { continue };
            if let Some(vhid) = vhids.get_mut(&id).filter(|vhid| !vhid.addresses.contains(&net)) {
                vhid.addresses.push(net);
            }
        }
        vhids.into_values().collect()
    }

    fn id_of(&self, vip: &Vip) -> Option<VhidRef> {
        let vhid: Vhid = *vip.vhid.get()?;
        Some(VhidRef::new(vhid, self.device(&vip.interface)?.clone()))
    }
}

fn declare(id: VhidRef, vip: &Vip, addresses: Vec<ipnet::IpNet>) -> DeclaredVhid {
    DeclaredVhid {
        id,
        interface: vip.interface.clone(),
        advbase: vip.advbase.get().copied().unwrap_or(AdvBase::DEFAULT),
        advskew: vip.advskew.get().copied().unwrap_or_else(AdvSkew::default),
        key: vip.password.key.clone(),
        peer: vip.peer.get().copied(),
        peer6: vip.peer6.get().copied(),
        addresses,
        line: vip.line,
    }
}

/// Reads and parses the file at `path`. One that seems half-written and was changed within the last 5 s is read again for about
/// 2 s, because a writer that does not lock (a restore, a copy by hand) may be at work.
///
/// It blocks; call it from a thread that may.
///
/// # Errors
/// If the file cannot be read, or is not a whole, well-formed config.xml at the end of that time.
pub fn load(path: &Path) -> Result<OpnsenseConfig, LoadError> {
    load_with(path, &mut || read(path), &mut || {
        let being_written = may_be_written(path);
        if being_written {
            thread::sleep(PAUSE);
        }
        being_written
    })
}

/// Whether the file was changed so recently that its writer may still be at work. A change in the future counts: the clock was set.
fn may_be_written(path: &Path) -> bool {
    let changed = path.metadata().and_then(|meta| meta.modified());
    changed.is_ok_and(|changed| changed.elapsed().map_or(true, |ago| ago < SETTLED))
}

fn load_with(
    path: &Path,
    read: &mut dyn FnMut() -> Result<Vec<u8>, ReadError>,
    pause: &mut dyn FnMut() -> bool,
) -> Result<OpnsenseConfig, LoadError> {
    let mut left = REREADS;
    loop {
        // The file holds passwords in clear text, so its bytes are wiped as soon as they are read.
        let bytes = Zeroizing::new(read()?);
        match OpnsenseConfig::parse(path, &bytes) {
            Ok(config) => return Ok(config),
            // Without a writer at work, nothing is waited for.
            Err(error) if left > 0 && error.may_pass() && pause() => left -= 1,
            Err(source) => return Err(LoadError::Parse { file: path.to_owned(), source }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "<opnsense><system><hostname>fw1</hostname></system></opnsense>";

    /// Loads from reads that return `texts`, the last one for ever; also tells how often it paused.
    fn load_texts(texts: &[&str]) -> (Result<OpnsenseConfig, LoadError>, usize) {
        let (mut reads, mut pauses) = (0, 0);
        let mut read = || {
            reads += 1;
            Ok(texts[(reads - 1).min(texts.len() - 1)].as_bytes().to_vec())
        };
        let mut pause = || {
            pauses += 1;
            true
        };
        let loaded = load_with(Path::new("config.xml"), &mut read, &mut pause);
        (loaded, pauses)
    }

    #[test]
    fn a_half_written_file_is_read_again() {
        let (loaded, pauses) = load_texts(&["", &WHOLE[..30], WHOLE]);
        assert_eq!((loaded.unwrap().hostname.as_deref(), pauses), (Some("fw1"), 2));
    }

    #[test]
    fn a_file_that_stays_broken_is_reported_with_its_name() {
        let (loaded, pauses) = load_texts(&[&WHOLE[..30]]);
        assert!(loaded.unwrap_err().to_string().starts_with("config.xml: line 1: "));
        assert_eq!(pauses, REREADS);
    }

    #[test]
    fn what_no_writer_would_mend_is_reported_at_once() {
        for text in ["<html/>", "<!DOCTYPE opnsense><opnsense/>"] {
            let (loaded, pauses) = load_texts(&[text, WHOLE]);
            assert!(loaded.is_err());
            assert_eq!(pauses, 0, "{text}");
        }
    }

    #[test]
    fn a_broken_file_that_nobody_writes_is_not_waited_for() {
        let path = std::env::temp_dir().join(format!("carpd-settled-{}.xml", std::process::id()));
        std::fs::write(&path, &WHOLE[..30]).unwrap();
        assert!(may_be_written(&path));
        let long_ago = std::time::SystemTime::now() - Duration::from_secs(60);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        assert!(!may_be_written(&path));
        std::fs::remove_file(path).unwrap();
        let mut reads = 0;
        let mut read = || {
            reads += 1;
            Ok(WHOLE.as_bytes()[..30].to_vec())
        };
        assert!(load_with(Path::new("config.xml"), &mut read, &mut || false).is_err());
        assert_eq!(reads, 1);
    }
}
