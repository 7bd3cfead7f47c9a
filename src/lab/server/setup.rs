//! A lab node from a file of the admin's: config.xml or carpd.toml, told apart by content.

use std::path::{Path, PathBuf};

use serde::Serialize;
use zeroize::Zeroizing;

use crate::config::duration::Shown;
use crate::config::opnsense::{self, LoadError, OpnsenseConfig, ParseError};
use crate::config::settings::{Service, Vips};
use crate::config::system::AnySystem;
use crate::config::{self, Unusable, password};
use crate::core::policy::{Mode, OnExit, Require};
use crate::lab::dir::{DirError, LabDir, NodePaths};
use crate::lab::manners::Manners;
use crate::lab::plan::{NodePlan, PASSWORD};
use crate::model::{ServiceName, VhidRef};

/// How often a lab node looks whether its service runs.
const CHECK_EVERY: &str = "1s";

/// A node to be made.
#[derive(Clone, Debug)]
pub struct NodeInput {
    /// Its name.
    pub name: String,
    /// Its configuration.
    pub file: InputFile,
}

/// Where a node's configuration is.
#[derive(Clone, Debug)]
pub enum InputFile {
    /// In the program itself.
    Bundled(&'static str),
    /// On disk.
    Path(PathBuf),
}

/// The bundled pair: the example network of OPNsense's manual.
#[must_use]
pub fn example() -> Vec<NodeInput> {
    let files = [("fw1", include_str!("../example/fw1.xml")), ("fw2", include_str!("../example/fw2.xml"))];
    files.map(|(name, xml)| NodeInput { name: name.to_owned(), file: InputFile::Bundled(xml) }).into()
}

/// A node whose files are in place.
#[derive(Debug)]
pub struct NodeSetup {
    /// Its paths.
    pub paths: NodePaths,
    /// What its kernel is set up with.
    pub plan: NodePlan,
    /// Its services, as its carpd has them.
    pub services: Vec<Service>,
    /// What a person should know of the difference to the file given.
    pub notes: Vec<String>,
}

/// Why a node cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Used as a directory's name, and by the lab itself.
    #[error("{0:?} cannot be a node's name: 1 to 32 letters, digits, '_' or '-', each node another one")]
    Name(String),
    /// Nothing to be elected.
    #[error(
        "node {0}: its file has no CARP VIP on an interface with a known device, so there is nothing to be elected"
    )]
    NoVhid(String),
    /// Only the firewall's own kernel knows its vhids.
    #[error(
        "node {0}: its carpd.toml leaves the VIPs to the kernel, which is not here; give the node's config.xml instead"
    )]
    KernelVips(String),
    /// config.xml cannot be read.
    #[error(transparent)]
    Xml(#[from] LoadError),
    /// A bundled config.xml is broken.
    #[error("the bundled configuration: {0}")]
    Bundled(#[from] ParseError),
    /// carpd.toml cannot be used.
    #[error(transparent)]
    Toml(#[from] Unusable),
    /// The file cannot be read.
    #[error("{}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The lab's directory.
    #[error(transparent)]
    Dir(#[from] DirError),
    /// The configuration cannot be written as text; a path that is not UTF-8, most likely.
    #[error("node {node}: its configuration cannot be written: {why}; name a plain directory with --dir")]
    Text {
        /// The node.
        node: String,
        /// What the writer said.
        why: String,
    },
}

/// What was made of the file given.
struct Draft {
    plan: NodePlan,
    vips: VipsPart,
    services: Vec<(ServiceName, Vec<VhidRef>, Require, Option<Service>)>,
    rest: Option<config::Settings>,
    notes: Vec<String>,
}

enum VipsPart {
    Opnsense(Zeroizing<Vec<u8>>),
    Static(config::settings::StaticVips),
}

/// Makes the files of a node. `carpctl` is the program that stands in for its services.
///
/// # Errors
/// The node's file or the lab's directory cannot be used.
pub fn prepare(lab: &LabDir, input: &NodeInput, carpctl: &Path) -> Result<NodeSetup, SetupError> {
    check_name(&input.name)?;
    let mut draft = draft(input)?;
    let alone = draft.services.iter().filter_map(|(.., own)| own.as_ref()).filter(|own| own.driver.is_none());
    draft.plan.tunnels = alone.filter_map(|service| service.link.clone()).collect();
    if draft.plan.vhids.is_empty() {
        return Err(SetupError::NoVhid(input.name.clone()));
    }
    let names: Vec<ServiceName> = draft.services.iter().map(|(name, ..)| name.clone()).collect();
    let paths = lab.add_node(&input.name, &names)?;
    let text = carpd_toml(&input.name, &paths, &draft, carpctl)
        .map_err(|error| SetupError::Text { node: input.name.clone(), why: error.to_string() })?;
    if let VipsPart::Opnsense(bytes) = &draft.vips {
        lab.write(&paths.config_xml(), bytes)?;
    }
    if let VipsPart::Static(vips) = &draft.vips
        && has_password_elsewhere(vips)
    {
        lab.write(&paths.password(), PASSWORD)?;
    }
    lab.write(&paths.config(), text.as_bytes())?;
    for (name, .., own) in &draft.services {
        if let Some(tunnel) = own.as_ref().and_then(|service| service.link.clone()) {
            // Who has a link in life makes it himself.
            let manners = Manners { tunnel: Some(tunnel), ..Manners::default() };
            let text = toml::to_string(&manners)
                .map_err(|error| SetupError::Text { node: input.name.clone(), why: error.to_string() })?;
            lab.write(&paths.service(name).manners(), text.as_bytes())?;
        }
    }
    // Read back, so that lab and carpd cannot differ about limits and defaults.
    let services = config::load_for(&paths.config(), &AnySystem)?.settings.services;
    Ok(NodeSetup { paths, plan: draft.plan, services, notes: draft.notes })
}

fn check_name(name: &str) -> Result<(), SetupError> {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    if plain && (1..=32).contains(&name.len()) && name != "lock" {
        Ok(())
    } else {
        Err(SetupError::Name(name.to_owned()))
    }
}

fn draft(input: &NodeInput) -> Result<Draft, SetupError> {
    let path = match &input.file {
        InputFile::Bundled(xml) => {
            return Ok(from_xml(
                input,
                &OpnsenseConfig::parse(Path::new("config.xml"), xml.as_bytes())?,
                xml.as_bytes(),
            ));
        }
        InputFile::Path(path) => std::path::absolute(path).unwrap_or_else(|_| path.clone()),
    };
    let bytes = Zeroizing::new(opnsense::read(&path).map_err(LoadError::from)?);
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, 0xef | 0xbb | 0xbf));
    if first == Some(&b'<') {
        return Ok(from_xml(input, &opnsense::load(&path)?, &bytes));
    }
    from_toml(input, &path)
}

fn from_xml(input: &NodeInput, config: &OpnsenseConfig, bytes: &[u8]) -> Draft {
    let plan = NodePlan::from_opnsense(&input.name, config);
    let vips = VipsPart::Opnsense(Zeroizing::new(bytes.to_vec()));
    Draft { services: stand_in(&plan), plan, vips, rest: None, notes: Vec::new() }
}

/// One service that follows everything.
fn stand_in(plan: &NodePlan) -> Vec<(ServiceName, Vec<VhidRef>, Require, Option<Service>)> {
    let follows = plan.vhids.iter().map(|vhid| vhid.id.clone()).collect();
    "gateway".parse().map(|name| (name, follows, Require::All, None)).into_iter().collect()
}

fn from_toml(input: &NodeInput, path: &Path) -> Result<Draft, SetupError> {
    let settings = config::load_for(path, &AnySystem)?.settings;
    let mut notes = Vec::new();
    let (plan, vips) = match &settings.vips {
        Vips::Kernel => return Err(SetupError::KernelVips(input.name.clone())),
        Vips::Opnsense { config_xml } => {
            let beside = path.with_file_name("config.xml");
            let xml = if beside.is_file() { &beside } else { config_xml };
            notes.push(format!("{}: VIPs from {}", input.name, xml.display()));
            let bytes = Zeroizing::new(opnsense::read(xml).map_err(LoadError::from)?);
            (NodePlan::from_opnsense(&input.name, &opnsense::load(xml)?), VipsPart::Opnsense(bytes))
        }
        Vips::Static(vips) => {
            let plan = NodePlan::from_static(&input.name, vips);
            if has_password_elsewhere(vips) {
                notes.push(format!("{}: a password file is not here; a made-up password stands in for it", input.name));
            }
            (plan, VipsPart::Static(vips.clone()))
        }
    };
    let own: Vec<_> =
        settings.services.iter().map(|s| (s.name.clone(), s.follows.clone(), s.require, Some(s.clone()))).collect();
    if own.is_empty() {
        notes.push(format!("{}: no service in its file; `gateway` follows all its vhids", input.name));
    }
    let driven = |own: &Option<Service>| own.as_ref().is_some_and(|own| own.driver.is_some());
    for (name, ..) in own.iter().filter(|(.., own)| driven(own)) {
        let without = "without its probes, ready files and fence";
        notes.push(format!("{}: a stand-in runs in place of the service {name}, {without}", input.name));
    }
    let services = if own.is_empty() { stand_in(&plan) } else { own };
    Ok(Draft { plan, vips, services, rest: Some(settings), notes })
}

fn is_elsewhere(file: &Path) -> bool {
    password::read(file).is_err()
}

fn has_password_elsewhere(vips: &config::settings::StaticVips) -> bool {
    vips.vhids.iter().filter_map(|vhid| vhid.password_file.as_deref()).any(is_elsewhere)
}

#[derive(Serialize)]
struct TomlFile<'a> {
    node: TomlNode<'a>,
    control: TomlControl<'a>,
    vips: TomlVips<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pfsync: Option<TomlPfsync>,
    #[serde(skip_serializing_if = "Option::is_none")]
    carp: Option<TomlCarp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maintenance: Option<TomlMaintenance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<TomlHold>,
    service: Vec<TomlService<'a>>,
}

#[derive(Serialize)]
struct TomlNode<'a> {
    name: &'a str,
    state_dir: PathBuf,
    devd_socket: PathBuf,
    kernel: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    poll: Option<String>,
}

#[derive(Serialize)]
struct TomlControl<'a> {
    socket: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
}

#[derive(Serialize)]
struct TomlVips<'a> {
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    config_xml: Option<PathBuf>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vhid: Vec<TomlVhid<'a>>,
}

#[derive(Serialize)]
struct TomlVhid<'a> {
    interface: &'a str,
    vhid: u8,
    advbase: u8,
    advskew: u8,
    addresses: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer6: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_file: Option<PathBuf>,
}

#[derive(Serialize)]
struct TomlPfsync {
    syncdev: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    syncpeer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    defer: bool,
    maxupdates: u8,
}

#[derive(Serialize)]
struct TomlCarp {
    preempt: bool,
}

#[derive(Serialize)]
struct TomlMaintenance {
    demotion: i32,
}

#[derive(Serialize)]
struct TomlHold {
    boot: String,
    failback: String,
}

#[derive(Serialize)]
struct TomlService<'a> {
    name: &'a str,
    follows: Vec<String>,
    require: Require,
    check_every: String,
    #[serde(flatten)]
    limits: Option<TomlLimits>,
    mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<TomlLink<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exec: Option<TomlExec>,
}

#[derive(Serialize)]
struct TomlLink<'a> {
    interface: &'a str,
}

#[derive(Serialize)]
struct TomlLimits {
    min_master: String,
    settle: String,
    unknown_grace: String,
    start_limit: String,
    stop_limit: String,
    on_exit: OnExit,
}

#[derive(Serialize)]
struct TomlExec {
    start: Vec<String>,
    stop: Vec<String>,
    status: Vec<String>,
}

fn carpd_toml(name: &str, paths: &NodePaths, draft: &Draft, carpctl: &Path) -> Result<String, toml::ser::Error> {
    let group = nix::unistd::Group::from_gid(nix::unistd::getegid()).ok().flatten().map(|group| group.name);
    let rest = draft.rest.as_ref();
    let statics = match &draft.vips {
        VipsPart::Static(vips) => Some(vips),
        VipsPart::Opnsense(_) => None,
    };
    let file = TomlFile {
        node: TomlNode {
            name,
            state_dir: paths.state_dir(),
            devd_socket: paths.devd_socket(),
            kernel: format!("lab:{}", paths.kernel_socket().display()),
            poll: rest.map(|s| Shown(s.node.poll).to_string()),
        },
        control: TomlControl { socket: paths.control_socket(), group: group.as_deref() },
        vips: TomlVips {
            source: if statics.is_some() { "static" } else { "opnsense" },
            config_xml: statics.is_none().then(|| paths.config_xml()),
            vhid: statics
                .map(|vips| vips.vhids.iter().map(|vhid| toml_vhid(vhid, paths)).collect())
                .unwrap_or_default(),
        },
        pfsync: statics.and_then(|vips| vips.pfsync.as_ref()).map(|p| TomlPfsync {
            syncdev: p.syncdev.to_string(),
            syncpeer: p.syncpeer.map(|peer| peer.to_string()),
            version: p.version.map(config::settings::PfsyncVersion::number),
            defer: p.defer,
            maxupdates: p.maxupdates,
        }),
        carp: statics.map(|vips| TomlCarp { preempt: vips.preempt }),
        maintenance: rest.map(|s| TomlMaintenance { demotion: s.maintenance.demotion.into() }),
        hold: rest
            .map(|s| TomlHold { boot: Shown(s.boot_hold).to_string(), failback: Shown(s.failback_hold).to_string() }),
        service: draft.services.iter().map(|service| toml_service(service, paths, carpctl)).collect(),
    };
    toml::to_string(&file)
}

fn toml_vhid<'a>(vhid: &'a config::settings::StaticVhid, paths: &NodePaths) -> TomlVhid<'a> {
    TomlVhid {
        interface: vhid.id.interface.as_str(),
        vhid: vhid.id.vhid.get(),
        advbase: vhid.advbase.get(),
        advskew: vhid.advskew.get(),
        addresses: vhid.addresses.iter().map(ToString::to_string).collect(),
        peer: vhid.peer.map(|peer| peer.to_string()),
        peer6: vhid.peer6.map(|peer| peer.to_string()),
        password_file: vhid.password_file.clone().map(|file| if is_elsewhere(&file) { paths.password() } else { file }),
    }
}

fn toml_service<'a>(
    (name, follows, require, own): &'a (ServiceName, Vec<VhidRef>, Require, Option<Service>),
    paths: &NodePaths,
    carpctl: &Path,
) -> TomlService<'a> {
    let dir = paths.service(name);
    let command = |verb: &str| {
        let words = [carpctl.as_os_str(), "lab".as_ref(), "gateway".as_ref(), verb.as_ref(), dir.dir().as_os_str()];
        words.map(|word| word.to_string_lossy().into_owned()).to_vec()
    };
    TomlService {
        name: name.as_str(),
        follows: follows.iter().map(ToString::to_string).collect(),
        require: *require,
        check_every: own.as_ref().map_or_else(|| CHECK_EVERY.to_owned(), |s| Shown(s.check_every).to_string()),
        limits: own.as_ref().map(|s| TomlLimits {
            min_master: Shown(s.min_master).to_string(),
            settle: Shown(s.settle).to_string(),
            unknown_grace: Shown(s.unknown_grace).to_string(),
            start_limit: Shown(s.start_limit).to_string(),
            stop_limit: Shown(s.stop_limit).to_string(),
            on_exit: s.on_exit,
        }),
        mode: own.as_ref().map(|s| s.mode).unwrap_or_default(),
        link: own.as_ref().and_then(|s| s.link.as_ref()).map(|interface| TomlLink { interface: interface.as_str() }),
        // A service that is a link and nothing else has no process to stand in for.
        exec: own.as_ref().is_none_or(|s| s.driver.is_some()).then(|| TomlExec {
            start: command("start"),
            stop: command("stop"),
            status: command("status"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lab(name: &str) -> LabDir {
        LabDir::create(&std::env::temp_dir().join(format!("carpd-setup-{}-{name}", std::process::id()))).unwrap()
    }

    #[test]
    fn the_bundled_pair_makes_two_nodes_with_a_gateway_that_follows_all() {
        let lab = lab("example");
        for input in example() {
            let node = prepare(&lab, &input, Path::new("/bin/carpctl")).unwrap();
            let loaded = config::load_for(&node.paths.config(), &AnySystem).unwrap();
            assert_eq!(loaded.findings, [], "a generated file has no findings");
            assert_eq!(loaded.settings.services[0].follows.len(), 2);
            assert_eq!(loaded.settings.node.name, input.name);
        }
        lab.remove().unwrap();
    }

    #[test]
    fn a_service_without_a_process_gets_its_tunnel_and_no_stand_in() {
        let lab = lab("link");
        let file = lab.paths().root().join("own.toml");
        let text = "[vips]\nsource = \"static\"\n[[vips.vhid]]\ninterface = \"em0\"\nvhid = 7\naddresses = [\"192.0.2.1/24\"]\n\
                    [[service]]\nname = \"vpn\"\nfollows = [\"7@em0\"]\n[service.link]\ninterface = \"wg0\"\n";
        std::fs::write(&file, text).unwrap();
        let input = NodeInput { name: "a".to_owned(), file: InputFile::Path(file) };
        let node = prepare(&lab, &input, Path::new("/bin/carpctl")).unwrap();
        assert_eq!((&node.services[0].driver, &node.plan.tunnels), (&None, &vec!["wg0".parse().unwrap()]));
        assert!(node.notes.iter().all(|note| !note.contains("stand-in")), "{:?}", node.notes);
        lab.remove().unwrap();
    }

    #[test]
    fn a_carpd_toml_keeps_its_services_limits_and_gets_stand_ins() {
        let lab = lab("toml");
        let file = lab.paths().root().join("own.toml");
        let text = "[vips]\nsource = \"static\"\n[[vips.vhid]]\ninterface = \"em0\"\nvhid = 7\naddresses = [\"192.0.2.1/24\"]\n\
                    password_file = \"/nonexistent/key\"\n[[service]]\nname = \"vpn\"\nfollows = [\"7@em0\"]\nsettle = \"6s\"\nmode = \"warm\"\n\
                    [service.link]\ninterface = \"wg20\"\n[service.rc]\nscript = \"defguard_gateway\"\n";
        std::fs::write(&file, text).unwrap();
        let input = NodeInput { name: "a".to_owned(), file: InputFile::Path(file) };
        let node = prepare(&lab, &input, Path::new("/bin/carpctl")).unwrap();
        let service = &node.services[0];
        assert_eq!((service.name.as_str(), service.settle.as_secs()), ("vpn", 6));
        assert!(matches!(service.driver, Some(config::settings::Driver::Exec { .. })));
        let link = Some("wg20".parse().unwrap());
        assert_eq!((service.mode, &service.link), (Mode::Warm, &link));
        let stand_in = node.paths.service(&service.name);
        assert_eq!(crate::lab::gateway::manners(&stand_in).unwrap().tunnel, link, "somebody has to make it");
        assert_eq!(node.plan.vhids.len(), 1);
        let Vips::Static(vips) = config::load_for(&node.paths.config(), &AnySystem).unwrap().settings.vips else {
            panic!("its carpd.toml owns its vhids")
        };
        assert!(vips.wanted().unwrap().vhids[0].settings.key == node.plan.vhids[0].key, "its carpd.toml names its key");
        assert!(node.notes.iter().any(|note| note.contains("made-up password")));
        assert!(node.notes.iter().any(|note| note.contains("stand-in")));
        lab.remove().unwrap();
    }

    #[test]
    fn a_name_cannot_lead_out_of_the_lab() {
        for name in ["", "..", "a/b", "lock", &"x".repeat(33)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
