//! `carpctl import`: what runs, or what rc.conf sets up, becomes a carpd.toml that means the same; and a vhid has one owner.
#![allow(clippy::unwrap_used, reason = "a test may stop where it is wrong")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use carpd::config::import::{Draft, Files, from_files, from_inventory};
use carpd::config::opnsense::{LoadError, OpnsenseConfig};
use carpd::config::password::{self, PasswordError};
use carpd::config::rc_conf::RcConf;
use carpd::config::settings::{ScriptName, Vips};
use carpd::config::system::{AnySystem, Program, System};
use carpd::config::{Loaded, Severity, Unusable, load_for};
use carpd::core::plan::plan;
use carpd::model::{
    AdvBase, AdvSkew, CarpKey, CarpParameters, CarpState, CarpVariable, Demotion, InterfaceInventory, InterfaceName,
    Inventory, PfsyncSettings, Vhid, VhidInventory, VhidProtocol, VhidRef, VhidSnapshot, VrrpParameters,
};
use ipnet::IpNet;
use proptest::prelude::*;

/// A machine with this rc.conf.
struct Machine(&'static str);

impl System for Machine {
    fn host_name(&self) -> String {
        AnySystem.host_name()
    }

    fn has_group(&self, name: &str) -> bool {
        AnySystem.has_group(name)
    }

    fn has_user(&self, name: &str) -> bool {
        AnySystem.has_user(name)
    }

    fn has_script(&self, names: &[ScriptName]) -> bool {
        AnySystem.has_script(names)
    }

    fn program(&self, path: &Path) -> Program {
        AnySystem.program(path)
    }

    fn password(&self, path: &Path) -> Result<bool, PasswordError> {
        password::read(path).map(|password| password.cut)
    }

    fn opnsense(&self, path: &Path) -> Option<Result<OpnsenseConfig, LoadError>> {
        AnySystem.opnsense(path)
    }

    fn rc_conf(&self) -> RcConf {
        rc_conf(self.0)
    }

    fn program_file(&self, path: &Path) -> Option<Result<String, String>> {
        AnySystem.program_file(path)
    }
}

fn rc_conf(text: &str) -> RcConf {
    let mut rc_conf = RcConf::default();
    rc_conf.add(text, Path::new("/etc/rc.conf"));
    rc_conf
}

fn loaded(text: &str, system: &dyn System) -> Result<Loaded, Unusable> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("carpd.toml");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    load_for(&path, system)
}

fn vhid(id: &str, skew: u32, addresses: &[&str], key: Option<CarpKey>) -> VhidInventory {
    let carp = CarpParameters { advskew: AdvSkew::new(skew).unwrap(), ..CarpParameters::default() };
    let seen = VhidSnapshot {
        id: id.parse().unwrap(),
        state: CarpState::Backup,
        protocol: VhidProtocol::Carp(carp),
        addresses: addresses.iter().map(|net| net.parse().unwrap()).collect(),
    };
    VhidInventory { seen, key }
}

fn pass(text: &str) -> Option<CarpKey> {
    Some(CarpKey::from_password(text.as_bytes()))
}

fn inventory(vhids: Vec<VhidInventory>) -> Inventory {
    let mut names: Vec<InterfaceName> = vhids.iter().map(|vhid| vhid.seen.id.interface.clone()).collect();
    names.push("em2".parse().unwrap());
    names.sort();
    names.dedup();
    let interface = |name| InterfaceInventory { name, up: true, link: true, may_carry_carp: true, plain: Vec::new() };
    Inventory {
        vhids,
        interfaces: names.into_iter().map(interface).collect(),
        variables: vec![(CarpVariable::Preempt, 1), (CarpVariable::Log, 1)],
        demotion: Demotion::ZERO,
        pfsync: None,
    }
}

fn pair_of_two() -> Inventory {
    let mut unicast = vhid("2@em1", 100, &["198.51.100.1/24", "2001:db8::1/64"], pass("hush2"));
    if let VhidProtocol::Carp(carp) = &mut unicast.seen.protocol {
        carp.advbase = AdvBase::new(2).unwrap();
        carp.peer = "198.51.100.3".parse().ok();
        carp.peer6 = "2001:db8::3".parse().ok();
    }
    let mut inventory = inventory(vec![vhid("1@em0", 0, &["192.0.2.1/24", "192.0.2.9/32"], pass("hush1")), unicast]);
    inventory.pfsync = Some(PfsyncSettings {
        syncdev: "em2".parse().ok(),
        syncpeer: "10.0.0.2".parse().ok(),
        version: 1400,
        defer: true,
        maxupdates: 64,
    });
    inventory
}

/// What stands in the directory of the passwords.
fn write_passwords(draft: &Draft, directory: &Path) {
    for file in draft.passwords(directory) {
        fs::write(&file.path, file.line).unwrap();
        fs::set_permissions(&file.path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// Whether there is nothing to do.
fn plans_to_nothing(vips: &Vips, inventory: &Inventory) -> bool {
    let Vips::Static(vips) = vips else { return false };
    plan(&vips.wanted().unwrap(), inventory).is_ok_and(|plan| plan.is_empty())
}

/// Whether the carpd.toml asks for exactly what the kernel has.
fn asks_for(vips: &Vips, inventory: &Inventory) -> bool {
    let Vips::Static(vips) = vips else { return false };
    vips.vhids.len() == inventory.vhids.len()
        && vips.vhids.iter().zip(&inventory.vhids).all(|(wanted, have)| {
            let carp = have.seen.carp().unwrap();
            let same_key =
                wanted.password_file.as_ref().is_none_or(|file| Some(password::read(file).unwrap().key) == have.key);
            wanted.id == have.seen.id
                && wanted.addresses == have.seen.addresses
                && (wanted.advbase, wanted.advskew) == (carp.advbase, carp.advskew)
                && (wanted.peer, wanted.peer6) == (carp.peer, carp.peer6)
                && same_key
        })
        && vips.preempt == (inventory.variable(CarpVariable::Preempt) != Some(0))
        && vips.pfsync.as_ref().map(|p| (Some(p.syncdev.clone()), p.syncpeer, p.defer, p.maxupdates))
            == inventory.pfsync.as_ref().map(|p| (p.syncdev.clone(), p.syncpeer, p.defer, p.maxupdates))
}

#[test]
fn what_runs_is_written_so_that_it_is_asked_for_again_without_a_finding() {
    let directory = tempfile::tempdir().unwrap();
    let inventory = pair_of_two();
    let draft = from_inventory(&inventory);
    write_passwords(&draft, directory.path());
    let text = draft.to_toml(Some(directory.path()), None);
    let loaded = loaded(&text, &Machine("")).unwrap();
    assert_eq!((loaded.findings, draft.notes()), (Vec::new(), &[][..]));
    assert_eq!(loaded.settings.vips, draft.vips(Some(directory.path())));
    assert!(asks_for(&loaded.settings.vips, &inventory), "{text}");
    assert!(plans_to_nothing(&loaded.settings.vips, &inventory), "{text}");
    assert!(!text.contains("hush"));
    let Vips::Static(vips) = loaded.settings.vips else { panic!() };
    assert!(vips.vhids.iter().all(|vhid| vhid.password_file.is_some()));
}

#[test]
fn without_being_asked_no_password_is_written_but_its_place_is_kept() {
    let text = from_inventory(&pair_of_two()).to_toml(None, None);
    assert!(text.contains("#password_file = \"/usr/local/etc/carpd/em0-1.password\"\n"), "{text}");
    let loaded = loaded(&text, &Machine("")).unwrap();
    assert!(asks_for(&loaded.settings.vips, &pair_of_two()));
    let codes: Vec<String> = loaded.findings.iter().map(|finding| finding.code.to_string()).collect();
    assert_eq!(codes, ["CARP-C153", "CARP-C153"], "that it has no password, and nothing else");
}

#[test]
fn what_cannot_be_said_in_a_carpd_toml_is_a_note_and_a_comment() {
    let mut vrrp = vhid("30@em0", 0, &["192.0.2.30/24"], None);
    vrrp.seen.protocol = VhidProtocol::Vrrp(Some(VrrpParameters { priority: 150, interval: 100 }));
    let mut odd = inventory(vec![
        vhid("1@em0", 254, &["192.0.2.1/24"], pass("")),
        vhid("2@em0", 0, &[], pass("hush")),
        vhid("3@em0", 0, &["192.0.2.3/24"], None),
        vhid("4@em0", 0, &["192.0.2.4/24"], Some(CarpKey::from_kernel(&[b'h'; 20]))),
        vrrp,
    ]);
    odd.variables = vec![(CarpVariable::Preempt, 0), (CarpVariable::Log, 2)];
    let draft = from_inventory(&odd);
    let text = draft.to_toml(None, None);
    for said in [
        "The advskew 254 of vhid 1@em0 goes out as 240",
        "vhid 1@em0 has no password",
        "vhid 2@em0 has no address",
        "Whether vhid 3@em0 has a password is told to root only",
        "The key of vhid 4@em0 is none that ifconfig(8) could have set",
        "vhid 30@em0 speaks VRRP",
        "net.inet.carp.preempt is 0",
        "net.inet.carp.log is 2",
    ] {
        assert_eq!(
            draft.notes().iter().filter(|note| note.starts_with(said)).count(),
            1,
            "{said}: {:?}",
            draft.notes()
        );
        assert!(text.contains(&format!("# NOTE: {said}")), "{text}");
    }
    let Vips::Static(vips) = loaded(&text, &Machine("")).unwrap().settings.vips else { panic!() };
    let ids: Vec<String> = vips.vhids.iter().map(|vhid| vhid.id.to_string()).collect();
    assert_eq!((ids.join(" ").as_str(), vips.preempt), ("1@em0 3@em0", false));
    assert!(plans_to_nothing(&Vips::Static(vips), &odd), "what was left out is left alone");
}

#[test]
fn each_interface_may_have_the_same_link_local_address() {
    let inventory =
        inventory(vec![vhid("1@em0", 0, &["fe80::1/64"], pass("x")), vhid("1@em1", 0, &["fe80::1/64"], pass("x"))]);
    let loaded = loaded(&from_inventory(&inventory).to_toml(None, None), &Machine("")).unwrap();
    assert!(asks_for(&loaded.settings.vips, &inventory));
}

const HANDBOOK: &str = "hostname=\"fw1\"\n\
    ifconfig_em0=\"inet 192.0.2.2/24\"\n\
    ifconfig_em0_alias0=\"inet vhid 1 advskew 100 pass hush1 alias 192.0.2.1/32\"\n\
    ifconfig_em0_ipv6=\"inet6 2001:db8::1 prefixlen 64 vhid 1\"\n\
    ifconfig_em1_aliases=\"inet 198.51.100.1/24 vhid 2 pass hush2 peer 198.51.100.3 \\\n\
    \tinet 198.51.100.9/32 vhid 2\"\n\
    pfsync_enable=\"YES\"\n\
    pfsync_syncdev=\"em2\"\n\
    pfsync_syncpeer=\"10.0.0.2\"\n\
    pfsync_ifconfig=\"maxupd 64 defer\"\n";

fn files(text: &str, sysctl: Option<&str>) -> Files {
    Files {
        name: "/etc/rc.conf".to_owned(),
        rc_conf: rc_conf(text),
        sysctl_conf: sysctl.map(|text| text.to_owned().into()),
        loader_conf: None,
    }
}

#[test]
fn rc_conf_becomes_the_carpd_toml_that_takes_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let draft = from_files(&files(HANDBOOK, Some("net.inet.carp.preempt=1 # both nodes\n")));
    write_passwords(&draft, directory.path());
    let text = draft.to_toml(Some(directory.path()), None);
    let loaded = loaded(&text, &Machine("")).unwrap();
    assert_eq!(loaded.findings, [], "{text}");
    let mut expected = pair_of_two();
    expected.vhids[0] = vhid("1@em0", 100, &["192.0.2.1/32", "2001:db8::1/64"], pass("hush1"));
    expected.vhids[1] = vhid("2@em1", 0, &["198.51.100.1/24", "198.51.100.9/32"], pass("hush2"));
    if let VhidProtocol::Carp(carp) = &mut expected.vhids[1].seen.protocol {
        carp.peer = "198.51.100.3".parse().ok();
    }
    assert!(asks_for(&loaded.settings.vips, &expected), "{text}");
    assert!(!plans_to_nothing(&loaded.settings.vips, &pair_of_two()), "the test can tell");
    assert!(!text.contains("hush"));
    let notes = draft.notes().join("\n");
    assert!(notes.contains("vhid 1@em0 is set up in /etc/rc.conf:4, /etc/rc.conf:3: take it out there"), "{notes}");
    assert!(notes.contains("pfsync is set up in /etc/rc.conf:7"), "{notes}");
}

#[test]
fn what_is_not_understood_in_rc_conf_is_told_without_its_words() {
    let text = "ifconfig_em0_alias0=\"inet vhid 1 pass $(cat /x) 192.0.2.1/32\"\n\
                ifconfig_em0_alias1=\"inet vhid 30 carpver 3 vrrpprio 150 alias 192.0.2.30/32\"\n\
                ifconfig_em1_alias0=\"inet vhid 2 pass hush mtu 1400 alias 198.51.100.1/24\"\n\
                ifconfig_em1_alias1=\"inet vhid 2 pass hash alias 198.51.100.2/24\"\n\
                ifconfig_em1_10_alias0=\"inet vhid 3 pass hush alias 203.0.113.1\"\n\
                pfsync_enable=YES\n";
    let draft = from_files(&files(text, Some("net.inet.carp.preempt=0\nnet.inet.carp.log=2\n")));
    let notes = draft.notes().join("\n");
    for said in [
        "/etc/rc.conf:1: ifconfig_em0_alias0 was not understood: the shell would have to evaluate it",
        "/etc/rc.conf:2: vhid 30@em0 speaks VRRP",
        "/etc/rc.conf:3: ifconfig_em1_alias0 sets more than CARP",
        "vhid 2@em1 is given different passwords",
        "/etc/rc.conf:5: ifconfig_em1_10_alias0 was not understood: its address has no prefix length",
        "pfsync_syncdev names no interface",
        "net.inet.carp.preempt is 0",
        "net.inet.carp.log=2 stays",
    ] {
        assert!(notes.contains(said), "{said}:\n{notes}");
    }
    assert!(!notes.contains("hush") && !notes.contains("/x") && !draft.to_toml(None, None).contains("hush"));
}

const OWNED: &str =
    "[vips]\nsource = \"static\"\n[[vips.vhid]]\ninterface = \"em0.10\"\nvhid = 1\naddresses = [\"192.0.2.1/24\"]\n";

#[test]
fn a_vhid_that_rc_conf_sets_up_too_is_refused() {
    for (rc_conf, place) in [
        ("\nifconfig_em0_10_alias0=\"inet vhid 1 pass hush 198.51.100.7/24\"\n", "/etc/rc.conf:2"),
        ("ifconfig_em9_alias0=\"inet vhid 9 pass hush 192.0.2.1/32\"\n", "/etc/rc.conf:1"),
    ] {
        let Err(unusable) = loaded(OWNED, &Machine(rc_conf)) else { panic!("it would have two owners: {rc_conf}") };
        let finding = unusable.findings.iter().find(|finding| finding.severity == Severity::Error).unwrap();
        assert_eq!((finding.code.to_string().as_str(), finding.place.line), ("CARP-C158", 5));
        assert!(finding.cause.contains(place) && !finding.cause.contains("hush"), "{}", finding.cause);
    }
}

#[test]
fn another_vhid_in_rc_conf_and_a_lab_node_are_none_of_its_business() {
    let other =
        Machine("ifconfig_em0_alias0=\"inet vhid 1 pass x 198.51.100.1/24\"\nifconfig_em1=\"inet 10.0.0.1/24\"\n");
    assert!(loaded(OWNED, &other).is_ok(), "1@em0 is not 1@em0.10");
    let same = Machine("ifconfig_em0_10_alias0=\"inet vhid 1 pass x 192.0.2.1/24\"\n");
    assert!(loaded(&format!("{OWNED}[node]\nkernel = \"lab:/tmp/kernel\"\n"), &same).is_ok());
    assert!(loaded("[vips]\nsource = \"kernel\"\n", &same).is_ok());
}

#[test]
fn a_line_of_rc_conf_that_is_not_understood_is_a_note() {
    let system = Machine("ifconfig_em0_10_alias0=\"inet vhid 1 pass $x 192.0.2.1/24\"\n");
    let findings = loaded(OWNED, &system).unwrap().findings;
    let finding = findings.iter().find(|finding| finding.code.to_string() == "CARP-C159").unwrap();
    assert_eq!(finding.severity, Severity::Note);
    assert!(finding.cause.contains("ifconfig_em0_10_alias0 in /etc/rc.conf:1"), "{}", finding.cause);
}

/// A node's /etc, and carpctl beside it.
struct Etc(tempfile::TempDir);

impl Etc {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("rc.conf"), HANDBOOK).unwrap();
        fs::write(directory.path().join("sysctl.conf"), "net.inet.carp.preempt=1\n").unwrap();
        Self(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn import(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_carpctl"));
        command.current_dir(self.0.path()).args(["import", "--rc-conf", "rc.conf"]).args(args).output().unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        self.path(name).metadata().unwrap().permissions().mode() & 0o7777
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn the_result_goes_to_standard_output_and_the_notes_to_standard_error() {
    let ran = Etc::new().import(&[]);
    assert_eq!(ran.status.code(), Some(0));
    assert!(
        text(&ran.stdout).contains("\nsource = \"static\"\n")
            && text(&ran.stderr).contains("carpctl: note: vhid 1@em0")
    );
    assert!(!text(&ran.stdout).contains("hush") && !text(&ran.stderr).contains("hush"));
    assert!(loaded(text(&ran.stdout), &Machine("")).is_ok());
}

#[test]
fn files_are_written_with_their_modes_and_never_replaced_unasked() {
    let etc = Etc::new();
    let args = ["--passwords", "secret", "--output", "carpd.toml"];
    let ran = etc.import(&args);
    assert_eq!((ran.status.code(), text(&ran.stdout)), (Some(0), ""));
    assert_eq!((etc.mode("carpd.toml"), etc.mode("secret"), etc.mode("secret/em0-1.password")), (0o640, 0o700, 0o600));
    assert_eq!(fs::read_to_string(etc.path("secret/em1-2.password")).unwrap(), "hush2\n");
    let written = fs::read_to_string(etc.path("carpd.toml")).unwrap();
    assert_eq!(loaded(&written, &Machine("")).unwrap().findings, []);
    assert_eq!(etc.import(&args).status.code(), Some(1));
    fs::remove_file(etc.path("carpd.toml")).unwrap();
    fs::remove_file(etc.path("secret/em0-1.password")).unwrap();
    let ran = etc.import(&args);
    assert!(text(&ran.stderr).contains("em1-2.password exists; --force replaces it"), "{ran:?}");
    assert!(!etc.path("carpd.toml").exists() && !etc.path("secret/em0-1.password").exists(), "all or nothing");
    assert_eq!(etc.import(&[&args[..], &["--force"]].concat()).status.code(), Some(0));
    assert_eq!((etc.mode("carpd.toml"), etc.mode("secret/em0-1.password")), (0o640, 0o600));
    let left: Vec<_> = fs::read_dir(etc.path("secret")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn where_there_is_nothing_to_import_nothing_is_written() {
    let etc = Etc::new();
    fs::write(etc.path("rc.conf"), "ifconfig_em0=\"inet 192.0.2.2/24\"\n").unwrap();
    let ran = etc.import(&["--output", "carpd.toml", "--passwords", "secret"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(!etc.path("carpd.toml").exists() && !etc.path("secret").exists());
    fs::remove_file(etc.path("rc.conf")).unwrap();
    assert!(text(&etc.import(&[]).stderr).contains("cannot read rc.conf"));
}

fn net() -> impl Strategy<Value = IpNet> {
    let v4 = (any::<[u8; 2]>(), 1..=254_u8).prop_map(|([a, b], c)| format!("10.{a}.{b}.{c}/24"));
    let v6 = (1..=0xffff_u16).prop_map(|n| format!("2001:db8::{n:x}/64"));
    prop_oneof![v4, v6].prop_map(|text| text.parse().unwrap())
}

/// Without the vhids whose key does not go through a password file.
fn readable(inventory: &Inventory) -> Inventory {
    let mut readable = inventory.clone();
    let odd =
        |key: &CarpKey| key.significant().len() > 19 || key.significant().iter().any(|byte| b"\n\r\0".contains(byte));
    readable.vhids.retain(|vhid| !vhid.key.as_ref().is_some_and(odd));
    readable
}

prop_compose! {
    fn any_vhid()(
        number in 1..=255_u32,
        interface in "[a-z]{1,8}[0-9]{1,2}(\\.[0-9]{1,3})?",
        base in 1..=255_u32,
        skew in 0..=254_u32,
        addresses in proptest::collection::vec(net(), 1..4),
        peer in proptest::option::of(Just("10.9.9.9".parse().unwrap())),
        key in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..=20)),
    ) -> VhidInventory {
        let mut carp = CarpParameters { peer, ..CarpParameters::default() };
        carp.advbase = AdvBase::new(base).unwrap();
        carp.advskew = AdvSkew::new(skew).unwrap();
        let id = VhidRef::new(Vhid::new(number).unwrap(), interface.parse().unwrap());
        let seen = VhidSnapshot { id, state: CarpState::Master, protocol: VhidProtocol::Carp(carp), addresses };
        let raw = |mut key: Vec<u8>| {
            key.resize(CarpKey::LEN, 0);
            CarpKey::from_kernel(&key.try_into().unwrap())
        };
        VhidInventory { seen, key: key.map(raw) }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_runs_is_asked_for_again(mut vhids in proptest::collection::vec(any_vhid(), 1..6)) {
        vhids.sort_by(|a, b| a.seen.id.cmp(&b.seen.id));
        vhids.dedup_by(|a, b| a.seen.id == b.seen.id);
        let mut taken = std::collections::BTreeSet::new();
        vhids.iter_mut().for_each(|vhid| vhid.seen.addresses.retain(|net| taken.insert(net.addr())));
        vhids.retain(|vhid| !vhid.seen.addresses.is_empty());
        let inventory = inventory(vhids);
        let directory = tempfile::tempdir().unwrap();
        let draft = from_inventory(&inventory);
        write_passwords(&draft, directory.path());
        let text = draft.to_toml(Some(directory.path()), None);
        let loaded = loaded(&text, &Machine(""));
        if !draft.is_empty() {
            let vips = loaded.unwrap().settings.vips;
            prop_assert!(asks_for(&vips, &readable(&inventory)), "{}", text);
            prop_assert!(plans_to_nothing(&vips, &inventory), "{}", text);
        }
    }
}
