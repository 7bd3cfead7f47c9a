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
use std::time::{Duration, Instant};

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

/// How long [`load`] waits for a half-written file to become whole.
const WHOLE_LIMIT: Duration = Duration::from_secs(2);

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

/// Reads and parses the file at `path`. One that does not parse is read again for up to 2 s, because a writer that does not
/// lock (a restore, a copy by hand) may be at work.
///
/// It blocks; call it from a thread that may.
///
/// # Errors
/// If the file cannot be read, or is not a whole, well-formed config.xml at the end of that time.
pub fn load(path: &Path) -> Result<OpnsenseConfig, LoadError> {
    load_within(path, WHOLE_LIMIT)
}

fn load_within(path: &Path, limit: Duration) -> Result<OpnsenseConfig, LoadError> {
    let started = Instant::now();
    loop {
        // The file holds passwords in clear text, so its bytes are wiped as soon as they are read.
        let bytes = Zeroizing::new(read(path)?);
        match OpnsenseConfig::parse(path, &bytes) {
            Ok(config) => return Ok(config),
            Err(_) if started.elapsed() < limit => thread::sleep(Duration::from_millis(250).min(limit)),
            Err(source) => return Err(LoadError::Parse { file: path.to_owned(), source }),
        }
    }
}
