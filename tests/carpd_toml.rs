//! carpd.toml: what is read from it, what is said about its mistakes, and that nothing in it can bring the reader down.

#![allow(clippy::unwrap_used, reason = "a test that cannot set up its files has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use carpd::config::check::{Format, Verdict, check_file, check_file_for};
use carpd::config::settings::{Driver, KernelChoice, Vips};
use carpd::config::system::AnySystem;
use carpd::config::{Finding, Loaded, Severity, Unusable, load, load_for};
use carpd::core::policy::{MaintenanceOwner, Mode, OnExit, ProbeEffect, Require};

/// A directory of its own for each test, removed at its end.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("carpd-toml-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        mode(&path, 0o600);
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn read(test: &str, text: impl AsRef<[u8]>) -> Result<Loaded, Unusable> {
    let directory = Directory::new(test);
    load_for(&directory.file("carpd.toml", text), &AnySystem)
}

fn shared(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config").join(name)
}

/// Code, line and key of each finding, one per line.
fn summary(findings: &[Finding]) -> String {
    findings.iter().map(|f| format!("{} {} {}\n", f.code, f.place.line, f.key)).collect()
}

fn told(result: Result<Loaded, Unusable>) -> Vec<Finding> {
    result.map_or_else(|unusable| unusable.findings, |loaded| loaded.findings)
}

#[test]
fn a_file_without_any_key_watches_what_the_kernel_has() {
    let loaded = read("keyless", "# all defaults\n").unwrap();
    let settings = &loaded.settings;
    assert!(loaded.findings.is_empty(), "{:?}", loaded.findings);
    assert_eq!((&settings.vips, &settings.node.kernel), (&Vips::Kernel, &KernelChoice::Freebsd));
    assert_eq!((settings.node.poll, settings.boot_hold), (Duration::from_secs(5), Duration::ZERO));
    assert_eq!((settings.control.group.as_str(), settings.metrics), ("wheel", None));
    assert!(loaded.policy().services.is_empty() && loaded.policy().vhids.is_empty());
}

#[test]
fn a_whole_file_becomes_the_policy_it_asks_for() {
    let loaded = load_for(&shared("static.toml"), &AnySystem).unwrap();
    assert_eq!(summary(&loaded.findings), "");
    let policy = loaded.policy();
    assert_eq!(policy.node, "fw1");
    let vhids: Vec<String> = policy.vhids.iter().map(ToString::to_string).collect();
    assert_eq!(vhids, ["1@vtnet0", "3@vtnet1", "1@vtnet2"]);
    let [gateway, agent] = &policy.services[..] else { panic!("{:?}", policy.services) };
    assert_eq!((gateway.require, gateway.on_exit), (Require::All, OnExit::Leave));
    assert_eq!((gateway.settle, gateway.unknown_grace), (Duration::from_secs(4), Duration::from_secs(15)));
    assert_eq!((agent.require, agent.on_exit), (Require::Any, OnExit::Standby));
    assert_eq!(agent.start_limit, Duration::from_secs(90));
    assert_eq!((agent.min_master, agent.fenced, gateway.fenced), (Duration::from_secs(10), true, false));
    assert_eq!(loaded.settings.services[1].ready, [Path::new("/usr/local/etc/agent.pem")]);
    assert_eq!((policy.boot_hold, policy.failback_hold), (Duration::from_secs(90), Duration::from_secs(60)));
    assert_eq!((gateway.mode, gateway.driven, &gateway.link), (Mode::Service, true, &None));
    let effects: Vec<_> = gateway.probes.iter().map(|probe| probe.effect).collect();
    let [ProbeEffect::Report, ProbeEffect::Demote { amount, dwell }] = effects[..] else { panic!("{effects:?}") };
    assert_eq!((i32::from(amount), dwell), (96, Duration::from_secs(60)));
    assert!(matches!(&loaded.settings.services[0].driver, Some(Driver::Rc { scripts }) if scripts.len() == 2));
    assert!(
        matches!(&loaded.settings.services[1].driver, Some(Driver::Exec { start, .. }) if start.args() == ["up", "wg 20"])
    );
}

#[test]
fn a_service_may_have_a_link_beside_its_driver_or_in_its_place() {
    let policy = load_for(&shared("kernel.toml"), &AnySystem).unwrap().policy();
    let [_, vpn, wireguard] = &policy.services[..] else { panic!("{:?}", policy.services) };
    assert_eq!((vpn.mode, vpn.driven, &vpn.link), (Mode::Warm, true, &"wg20".parse().ok()));
    assert_eq!((wireguard.mode, wireguard.driven, &wireguard.link), (Mode::Service, false, &"wg0".parse().ok()));
}

#[test]
fn conditions_of_a_start_that_no_start_has_are_told() {
    let service = |more: &str| {
        let head = "[vips]\nsource = \"kernel\"\n[[service]]\nname = \"a\"\nfollows = [\"1@em0\"]\n";
        let keys = "min_master = \"10s\"\nfence = [\"/bin/true\"]\nready = [\"/x\"]\n";
        let findings = told(read("conditions", format!("{head}{keys}{more}")));
        findings.iter().filter(|f| f.code.to_string() == "CARP-C120").map(|f| f.key.clone()).collect::<Vec<_>>()
    };
    let link = "[service.link]\ninterface = \"wg0\"\n";
    let rc = "[service.rc]\nscript = \"x\"\n";
    assert_eq!(service(link).len(), 3);
    assert_eq!(service(&format!("mode = \"warm\"\n{link}{rc}")).len(), 2);
    assert_eq!(service(rc), Vec::<String>::new());
}

#[test]
fn every_mistake_is_told_at_once_with_its_line() {
    let Err(unusable) = load_for(&shared("mistakes.toml"), &AnySystem) else { panic!("it was accepted") };
    assert!(!unusable.unread);
    // Each line that has a mistake says which: `# C112 key`.
    let text = fs::read_to_string(shared("mistakes.toml")).unwrap();
    let mut expected = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let Some((_, marks)) = line.split_once("# !") else { continue };
        for mark in marks.split(';') {
            let (code, key) = mark.trim().split_once(' ').unwrap_or((mark.trim(), ""));
            expected.push(format!("CARP-{code} {} {key}", at + 1));
        }
    }
    let mut found: Vec<String> = summary(&unusable.findings).lines().map(str::to_owned).collect();
    found.sort();
    expected.sort();
    assert_eq!(found.join("\n"), expected.join("\n"));
    for finding in &unusable.findings {
        assert!(!finding.cause.is_empty() && !finding.remedy.is_empty(), "{finding:?}");
    }
}

#[test]
fn a_slip_is_answered_with_the_word_that_was_meant() {
    let findings = told(read("slip", "[node]\npol = \"5s\"\n[vips]\nsource = \"opnsens\"\n[contrl]\n"));
    let remedies: Vec<&str> = findings.iter().map(|f| f.remedy.as_str()).collect();
    assert!(remedies[0].contains("did you mean poll?"), "{remedies:?}");
    assert!(remedies[1].contains("did you mean \"opnsense\"?"), "{remedies:?}");
    assert!(remedies[2].contains("did you mean control?"), "{remedies:?}");
}

#[test]
fn the_effective_configuration_reads_back_as_itself() {
    for name in ["static.toml", "kernel.toml"] {
        let loaded = load_for(&shared(name), &AnySystem).unwrap();
        let shown = loaded.settings.to_toml();
        let again = read("effective", &shown).unwrap_or_else(|unusable| panic!("{unusable}\n{shown}"));
        assert_eq!(again.settings, loaded.settings, "{shown}");
    }
}

#[test]
fn a_reformatted_file_is_no_change() {
    let one = read("one", "[hold]\nboot = \"90s\"\n[node]\nname = \"a\"\n").unwrap();
    let two = read("two", "node = { name = \"a\" } # the same\n\n[hold]\nboot = \"1m30s\"\n").unwrap();
    let three = read("three", "node = { name = \"a\" }\n[hold]\nboot = \"91s\"\n").unwrap();
    assert_eq!(one.settings, two.settings);
    assert_ne!(one.settings, three.settings);
}

#[test]
fn unreadable_and_wrong_are_told_apart() {
    let directory = Directory::new("apart");
    let exit = |path: &Path| check_file_for(path, None, &AnySystem).verdict.exit_code();
    assert_eq!(exit(&directory.0.join("absent.toml")), 1);
    assert_eq!(exit(&directory.0), 1, "a directory");
    assert_eq!(exit(&directory.file("syntax.toml", "[node\n")), 1);
    assert_eq!(exit(&directory.file("latin1.toml", b"[node]\nname = \"caf\xe9\"\n")), 1);
    assert_eq!(exit(&directory.file("large.toml", "# comment\n".repeat(110_000))), 1);
    assert_eq!(exit(&directory.file("wrong.toml", "[node]\npoll = \"1h\"\n")), 2);
    assert_eq!(exit(&directory.file("warning.toml", "[carp]\npreempt = true\n")), 2);
    assert_eq!(exit(&directory.file("note.toml", SERVICE)), 0, "a note alone");
    assert_eq!(exit(&directory.file("clean.toml", "[node]\n")), 0);
}

const SERVICE: &str = "[[service]]\nname = \"s\"\nfollows = [\"1@em0\"]\n[service.rc]\nscript = \"s\"\n";

#[test]
fn a_pipe_in_its_place_does_not_hang_the_reader() {
    let directory = Directory::new("pipe");
    let pipe = directory.0.join("carpd.toml");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR).unwrap();
    assert_eq!(check_file(&pipe, None).verdict, Verdict::Unread);
}

#[test]
fn the_line_of_the_first_byte_that_is_no_text_is_told() {
    let findings = told(read("bytes", b"# one\n# two\n\xff\xff\n"));
    assert_eq!(summary(&findings), "CARP-C102 3 \n");
}

#[test]
fn a_password_in_the_file_is_refused_and_not_repeated() {
    let text = "[vips]\nsource = \"static\"\n[[vips.vhid]]\ninterface = \"em0\"\nvhid = 1\naddresses = [\"192.0.2.1/24\"]\npassword = \"hunter2hunter2\"\npassword_file = \"hunter2hunter2\"\n[control]\ngroup = 7\nadmin_group = [\"hunter2hunter2\"]\n";
    let directory = Directory::new("inline");
    let report = check_file_for(&directory.file("carpd.toml", text), None, &AnySystem);
    assert!(report.findings.iter().any(|f| f.code.to_string() == "CARP-C150" && f.place.line == 7));
    let everything = format!("{report}{report:?}{}", serde_json::to_string(&report).unwrap());
    assert!(!everything.contains("hunter2"), "{everything}");
    let broken = told(read("inline2", text.replace("hunter2\"\n[control]", "hunter2\n[control]")));
    assert!(!format!("{broken:?}").contains("hunter2"), "{broken:?}");
}

#[test]
fn a_password_file_is_used_only_if_nobody_else_can() {
    let directory = Directory::new("password");
    let check = |name: &str, contents: &[u8], bits: u32| {
        let password = directory.file(name, contents);
        mode(&password, bits);
        let text = format!(
            "[vips]\nsource = \"static\"\n[[vips.vhid]]\ninterface = \"em0\"\nvhid = 1\naddresses = [\"192.0.2.1/24\"]\npassword_file = {password:?}\n"
        );
        summary(&told(load(&directory.file("carpd.toml", text))))
    };
    let refused = "CARP-C151 7 vips.vhid[1@em0].password_file\n";
    assert_eq!(check("good", b"secret\n", 0o600), "");
    assert_eq!(check("read-only", b"secret", 0o400), "");
    assert_eq!(check("group", b"secret\n", 0o640), refused);
    assert_eq!(check("world", b"secret\n", 0o604), refused);
    assert_eq!(check("empty", b"\n", 0o600), refused);
    assert_eq!(check("lines", b"secret\nsecond\n", 0o600), refused);
    assert_eq!(check("large", &[b'a'; 5000], 0o600), refused);
    assert_eq!(check("long", b"12345678901234567890\n", 0o600), "CARP-C152 7 vips.vhid[1@em0].password_file\n");
}

#[test]
fn what_this_machine_lacks_is_a_warning_and_no_refusal() {
    let directory = Directory::new("machine");
    let open = directory.file("open", "#!/bin/sh\n");
    mode(&open, 0o777);
    let text = format!(
        "[control]\ngroup = \"no-such-group-here\"\n[[service]]\nname = \"s\"\nfollows = [\"1@em0\"]\n[service.exec]\nstart = [\"/no/such/program\"]\nstop = [{open:?}]\nstatus = [\"/bin/sh\"]\nuser = \"no-such-user-here\"\n"
    );
    let path = directory.file("carpd.toml", text);
    mode(&path, 0o666);
    let loaded = load(&path).unwrap();
    let warnings: Vec<String> = loaded
        .findings
        .iter()
        .filter(|f| f.severity == Severity::Warning)
        .map(|f| format!("{} {}", f.code, f.key))
        .collect();
    assert_eq!(
        warnings,
        [
            "CARP-C145 ",
            "CARP-C142 control.group",
            "CARP-C140 service[s].exec.start",
            "CARP-C141 service[s].exec.stop",
            "CARP-C143 service[s].exec.user"
        ]
    );
}

#[test]
fn two_nodes_that_do_not_fit_are_told() {
    let report = check_file_for(&shared("static.toml"), Some(&shared("peer.toml")), &AnySystem);
    assert_eq!(
        summary(&report.findings),
        "CARP-C171 0 vips.vhid[1@vtnet0].advskew\n\
         CARP-C172 0 vips.vhid[1@vtnet0].addresses\n\
         CARP-C173 0 vips.vhid[1@vtnet2]\n\
         CARP-C173 0 vips.vhid[9@em0]\n\
         CARP-C175 0 pfsync.version\n\
         CARP-C177 0 service[agent]\n\
         CARP-C180 0 service[gateway].probe[tunnel].demote\n"
    );
    let small = report.findings.last().unwrap();
    assert!(small.cause.contains("demotes by 96") && small.cause.contains("3@vtnet1 is 100 higher"), "{}", small.cause);
    assert_eq!(small.remedy, "demote by at least 112");
}

#[test]
fn a_demotion_that_moves_nothing_is_told_whoever_owns_the_vhids() {
    let directory = Directory::new("small");
    let pair = |maintenance: u32, here: u32, there: u32| {
        let own = format!("{VHID}advskew = {here}\n[maintenance]\ndemotion = {maintenance}\n");
        let own = directory.file("own.toml", own);
        let peer = directory.file("peer.toml", format!("{VHID}advskew = {there}\n"));
        let findings = check_file_for(&own, Some(&peer), &AnySystem).findings;
        findings.into_iter().find(|f| f.code.to_string() == "CARP-C180").map(|f| f.remedy)
    };
    assert_eq!(pair(112, 0, 112).unwrap(), "demote by at least 128");
    assert!(pair(240, 0, 250).unwrap().contains("above 239"));
    assert!(pair(240, 200, 239).is_none() && pair(128, 0, 112).is_none());
    assert!(pair(16, 100, 0).is_none(), "the other node is the better one already");
    let xml = shared("fw1.xml");
    let own =
        format!("[vips]\nsource = \"opnsense\"\nconfig_xml = \"{}\"\n[maintenance]\ndemotion = 48\n", xml.display());
    let own = directory.file("opnsense.toml", own);
    let found = summary(&check_file(&own, Some(&shared("fw2.xml"))).findings);
    assert!(found.contains("CARP-C180 0 maintenance.demotion"), "{found}");
}

#[test]
fn a_note_about_unchecked_vhids_comes_once() {
    let text = format!("{SERVICE}{}", SERVICE.replace("\"s\"", "\"t\"").replace("1@em0", "2@em1"));
    let findings = told(read("once", text));
    assert_eq!(summary(&findings), "CARP-C131 1 service\n");
    assert!(findings[0].cause.contains("1@em0 or 2@em1"), "{}", findings[0].cause);
}

const SAMPLE: &str = include_str!("../examples/carpd.toml.sample");

/// The sample with its keys in force, and the choices made that let all of them have an effect.
fn sample_in_force() -> String {
    let shown = |line: &str| {
        line.strip_prefix('#')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '['))
            .map(str::to_owned)
    };
    SAMPLE
        .lines()
        .map(|line| shown(line).unwrap_or_else(|| line.to_owned()) + "\n")
        .collect::<String>()
        .replace("source = \"kernel\"", "source = \"static\"")
        .replace("\nconfig_xml = \"/conf/config.xml\"", "")
        .replace("effect = \"report\"", "effect = \"demote\"")
}

#[test]
fn a_probe_that_demotes_where_nothing_moves_is_told_and_no_preempt_alone_is_a_note() {
    let text = |effect: &str, preempt: bool| {
        format!(
            "[vips]\nsource = \"static\"\n[carp]\npreempt = {preempt}\n[[service]]\nname = \"db\"\nfollows = [\"1@em0\"]\n\
             rc = {{ script = \"db\" }}\n[[service.probe]]\nname = \"port\"\nkind = \"tcp\"\nconnect = \"127.0.0.1:1\"\n\
             effect = \"{effect}\"\n[[vips.vhid]]\nvhid = 1\ninterface = \"em0\"\naddresses = [\"192.0.2.1/24\"]\n"
        )
    };
    let codes = |effect, preempt| -> Vec<String> {
        let loaded = read("preempt", text(effect, preempt)).unwrap();
        let findings = loaded.findings.iter().filter(|finding| matches!(finding.code.0, 156 | 164));
        findings.map(|finding| format!("{:?} {}", finding.severity, finding.code)).collect()
    };
    assert_eq!(codes("demote", true), Vec::<String>::new());
    assert_eq!(codes("report", false), ["Note CARP-C156"]);
    assert_eq!(codes("demote", false), ["Note CARP-C156", "Warning CARP-C164"]);
}

#[test]
fn the_sample_as_it_stands_asks_for_nothing() {
    let sample = read("sample", SAMPLE).unwrap();
    assert_eq!(sample, read("sample-empty", "#\n").unwrap());
}

#[test]
fn every_default_in_the_sample_is_the_real_one() {
    let text = sample_in_force();
    let whole = read("defaults", &text).unwrap();
    assert_eq!(summary(&whole.findings), "");
    let lines: Vec<&str> = text.lines().collect();
    let (mut defaults, mut examples) = (0, 0);
    for (at, line) in lines.iter().enumerate() {
        let Some((key, value)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) else { continue };
        if matches!(key, "source" | "effect") {
            continue;
        }
        let without: String =
            lines.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, l)| format!("{l}\n")).collect();
        let without = read("defaults-without", without);
        let comment = lines[..at].iter().rev().take_while(|line| line.starts_with("# "));
        if let Some(default) = comment.filter_map(|line| line.strip_prefix("# Default: ")).next() {
            assert_eq!(default, value, "{key}");
            assert_eq!(without.unwrap().settings, whole.settings, "{key}");
            defaults += 1;
        } else {
            assert!(
                without.map_or(true, |without| without.settings != whole.settings),
                "{key} has a default that is not told"
            );
            examples += 1;
        }
    }
    assert!(defaults > 20 && examples > 10, "{defaults} {examples}");
}

#[test]
fn the_sample_shows_every_key() {
    // An unknown key under each header makes the reader list those it knows there.
    let listed = |text: &str| -> Vec<(String, String)> {
        let text: String = text
            .lines()
            .map(|line| if line.starts_with('[') { format!("{line}\nqqqqqqqq = 1\n") } else { format!("{line}\n") })
            .collect();
        let findings = told(read("keys", format!("qqqqqqqq = 1\n{text}")));
        let keys = findings
            .iter()
            .filter_map(|f| Some((f.key.clone(), f.remedy.split_once("the keys here are ")?.1.to_owned())));
        keys.flat_map(|(section, keys)| {
            keys.split(", ").map(|key| (section.clone(), key.to_owned())).collect::<Vec<_>>()
        })
        .collect()
    };
    let whole = sample_in_force();
    let other = whole
        .replace("[service.rc]", "[service.exec]\nstart = [\"/a\"]\nstop = [\"/a\"]\nstatus = [\"/a\"]")
        .replace("kind = \"tcp\"", "kind = \"exec\"");
    let keys: Vec<(String, String)> = listed(&whole).into_iter().chain(listed(&other)).collect();
    assert!(keys.len() > 60, "{keys:?}");
    for (section, key) in keys {
        let shown = SAMPLE.lines().any(|line| {
            let line = line.trim_start_matches(['#', ' ']);
            line.starts_with(&format!("{key} = "))
                || line.ends_with(&format!("[{key}]"))
                || line.ends_with(&format!(".{key}]"))
                || line.ends_with(&format!("{key}]]"))
        });
        assert!(shown, "{key} of {section} is not in the sample");
    }
}

#[test]
fn the_alternatives_in_the_sample_are_legal() {
    let block: String = SAMPLE
        .lines()
        .filter_map(|line| line.strip_prefix("#     "))
        .filter(|l| !l.starts_with("carpctl"))
        .map(|l| format!("{l}\n"))
        .collect();
    let mut parts = block.split("kind = ");
    let (exec, configd) = parts.next().unwrap().split_once("[service.configd]").unwrap();
    let probes: String =
        parts.enumerate().map(|(at, probe)| format!("[[service.probe]]\nname = \"p{at}\"\nkind = {probe}")).collect();
    let text = format!("[[service]]\nname = \"s\"\nfollows = [\"1@em0\"]\n{exec}{probes}");
    let loaded = read("alternatives", &text).unwrap();
    assert_eq!(loaded.settings.services[0].probes.len(), 7);
    assert_eq!(read("alternatives-shown", loaded.settings.to_toml()).unwrap().settings, loaded.settings);
    assert_eq!(summary(&loaded.findings), "CARP-C131 1 service\n");
    let process = "[service.process]\nprogram = \"defguard-gateway\"\n";
    let text = format!("[[service]]\nname = \"s\"\nfollows = [\"1@em0\"]\n[service.configd]{configd}{process}");
    let loaded = read("configd", &text).unwrap();
    assert_eq!(read("configd-shown", loaded.settings.to_toml()).unwrap().settings, loaded.settings);
    assert_eq!(summary(&loaded.findings), "CARP-C131 1 service\n");
}

#[test]
fn what_says_which_processes_are_a_service_s_leaves_no_doubt() {
    let service = |name: &str, parts: &str| {
        format!("[[service]]\nname = \"{name}\"\nfollows = [\"1@em0\"]\n[service.rc]\nscript = \"{name}\"\n{parts}\n")
    };
    let found = |text: String| summary(&read("process", text).unwrap_err().findings);
    let process = |keys: &str| format!("[service.process]\n{keys}");
    assert!(found(service("s", &process("program = \"/usr/local/bin/python3.11\""))).contains("CARP-C137"));
    assert!(found(service("s", &process("program = \"sh\""))).contains("CARP-C137"));
    assert!(found(service("s", &process("pidfile = \"/x\""))).contains("CARP-C114"));
    assert!(read("process", service("s", &process("program = \"sh\"\npidfile = \"/x\""))).is_ok());
    let two = |one: &str, other: &str| service("a", &process(one)) + &service("b", &process(other));
    assert!(found(two("program = \"/opt/x\"", "program = \"x\"\npidfile = \"/y\"")).contains("CARP-C139"));
    let apart = two("program = \"x\"\npidfile = \"/y\"", "program = \"x\"\npidfile = \"/z\"");
    assert!(read("process", apart).is_ok());
    let configd =
        "[[service]]\nname = \"s\"\nfollows = [\"1@em0\"]\n[service.configd]\nstart = \"x start\"\nstop = \"x stop\"\n";
    assert!(found(configd.to_owned()).contains("CARP-C138"));
    let detached = configd.replace("x start", "&x start");
    assert!(found(detached + &process("program = \"x\"")).contains("CARP-C115"));
}

#[test]
fn opnsense_says_which_vhids_a_service_can_follow() {
    let directory = Directory::new("opnsense");
    let text = |follows: &str| {
        format!(
            "[vips]\nsource = \"opnsense\"\nconfig_xml = {:?}\n[[service]]\nname = \"s\"\nfollows = [{follows}]\n[service.rc]\nscript = \"s\"\n",
            shared("fw1.xml")
        )
    };
    let loaded = load(&directory.file("carpd.toml", text("\"1@wan\", \"1@vtnet0\", \"3@vtnet1\""))).unwrap();
    let follows: Vec<String> = loaded.settings.services[0].follows.iter().map(ToString::to_string).collect();
    assert_eq!(follows, ["1@vtnet0", "3@vtnet1"]);
    assert!(summary(&loaded.findings).contains("CARP-C125 6 service[s].follows"), "{:?}", loaded.findings);
    let config = loaded.opnsense.as_ref().unwrap();
    assert_eq!(loaded.policy().vhids, config.vhids().into_iter().map(|vhid| vhid.id).collect::<Vec<_>>());
    assert_eq!(loaded.policy().opnsense_maintenance, config.maintenance);
    assert_eq!(loaded.policy().maintenance_owner, MaintenanceOwner::Opnsense { record: None });

    // What was deleted in the GUI is absent, so its services stay on standby, and all others go on.
    let gone = load(&directory.file("carpd.toml", text("\"99@wan\", \"1@nowhere\""))).unwrap();
    assert!(summary(&gone.findings).starts_with("CARP-C129 6 service[s].follows\nCARP-C129 6 service[s].follows\n"));
    assert!(gone.findings[0].remedy.contains("1@vtnet0 (1@wan)"), "{}", gone.findings[0].remedy);
    let follows: Vec<String> = gone.settings.services[0].follows.iter().map(ToString::to_string).collect();
    assert_eq!(follows, ["99@vtnet0", "1@nowhere"]);

    let absent = text("\"1@wan\"").replace("fw1.xml", "no-such.xml");
    let unusable = load(&directory.file("carpd.toml", absent)).unwrap_err();
    assert!(unusable.unread);
    assert_eq!(summary(&unusable.findings), "CARP-C105 3 vips.config_xml\n");
}

#[test]
fn a_report_reads_like_a_compiler_s() {
    let directory = Directory::new("text");
    let path = directory.file("carpd.toml", "[node]\npoll = \"6s\"\nlgo = \"info\"\n");
    let report = check_file_for(&path, None, &AnySystem);
    let text = report.to_string().replace(&path.display().to_string(), "carpd.toml");
    assert_eq!(
        text,
        "error[CARP-C112]: poll is \"6s\", outside 1s to 5s\n  --> carpd.toml:2  node.poll\n   = write a duration from \"1s\" to \"5s\"\n\n\
         error[CARP-C110]: node has no key \"lgo\"\n  --> carpd.toml:3  node.lgo\n   = did you mean log?\n\n\
         carpd.toml: 2 errors; `carpctl explain CODE` tells more\n"
    );
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["verdict"], &json["format"]), (&"findings".into(), &"carpd.toml".into()));
    assert_eq!((&json["errors"], &json["findings"][0]["code"]), (&2.into(), &"CARP-C112".into()));
    let clean = check_file_for(&directory.file("clean.toml", "[node]\n"), None, &AnySystem).to_string();
    assert!(clean.ends_with("clean.toml: no findings\n") && clean.lines().count() == 1, "{clean}");
}

#[test]
fn files_are_told_apart_by_what_is_in_them() {
    let directory = Directory::new("kinds");
    let (fw1, fw2) = (fs::read(shared("fw1.xml")).unwrap(), fs::read(shared("fw2.xml")).unwrap());
    let xml = directory.file("backup.toml", [b"\xef\xbb\xbf\n"[..].to_vec(), fw1.clone()].concat());
    assert_eq!(check_file(&xml, None).format, Format::ConfigXml);
    let (own, other) = (directory.file("one", fw1), directory.file("two", fw2));
    let kernel = directory.file("kernel", SERVICE);
    let opnsense = directory.file("opnsense", format!("[vips]\nsource = \"opnsense\"\nconfig_xml = {own:?}\n"));
    let codes = |path: &Path, peer: Option<&Path>| {
        let report = check_file_for(path, peer, &carpd::config::system::ThisSystem);
        assert_ne!(report.verdict, Verdict::Unread, "{report}");
        report.findings.iter().map(|f| f.code.to_string()).collect::<Vec<_>>()
    };
    // A carpd.toml that leaves the vhids to OPNsense is judged together with its config.xml, and so with the other node's.
    assert_eq!(codes(&opnsense, None), codes(&own, None));
    assert_eq!(codes(&opnsense, Some(&other)), codes(&own, Some(&other)));
    assert_eq!(codes(&kernel, Some(&other)), ["CARP-C131", "CARP-C170"]);
    assert!(codes(&own, Some(&kernel)).contains(&"CARP-C170".to_owned()));
    assert_eq!(check_file(&directory.file("cut", "<opnsense><system>"), None).verdict, Verdict::Unread);
    for own in [&own, &kernel] {
        assert_eq!(check_file(own, Some(&directory.0.join("absent"))).verdict, Verdict::Unread);
    }
}

#[test]
fn a_file_that_holds_nothing_is_no_clean_configuration() {
    let directory = Directory::new("nothing");
    for content in ["", " \n\n"] {
        let report = check_file(&directory.file("config.xml", content), None);
        assert_eq!((report.format, report.verdict), (Format::ConfigXml, Verdict::Unread), "{content:?}");
        assert!(report.findings[0].cause.contains("the file is empty: perhaps it is being written"), "{report}");
        let report = check_file(&directory.file("carpd.toml", content), None);
        assert_eq!(summary(&report.findings), "CARP-C106 0 \n", "{content:?}");
        assert!(load_for(&directory.file("carpd.toml", content), &AnySystem).is_ok(), "it is legal");
    }
    let text = check_file(&directory.file("binary.xml", [0, 1, 2]), None);
    assert_eq!((text.format, text.verdict), (Format::ConfigXml, Verdict::Unread));
    let report = check_file(&directory.file("config.xml", "<opnsense/>"), None);
    assert_eq!((report.verdict, summary(&report.findings).as_str()), (Verdict::Findings, "CARP-C222 0 interfaces\n"));
}

const VHID: &str = "[vips]\nsource = \"static\"\n[[vips.vhid]]\ninterface = \"em0\"\nvhid = 1\naddresses = [\"192.0.2.1/24\"]\npassword_file = \"/nonexistent/password\"\n";

#[test]
fn what_is_absent_here_does_not_keep_two_files_from_being_compared() {
    let directory = Directory::new("off-box");
    let own = directory.file("own.toml", VHID);
    let peer = directory.file("peer.toml", VHID.replace("192.0.2.1", "192.0.2.2"));
    let report = check_file(&own, Some(&peer));
    let found = summary(&report.findings);
    assert!(found.contains("CARP-C157") && found.contains("CARP-C172") && !found.contains("CARP-C178"), "{found}");
    let absent = report.findings.iter().find(|f| f.code.to_string() == "CARP-C157").unwrap();
    assert_eq!(absent.severity, Severity::Warning);
    assert!(load(&own).is_err(), "the node itself refuses");
}

#[test]
fn a_comparison_that_was_not_made_is_told() {
    let directory = Directory::new("skipped");
    let own = directory.file("own.toml", format!("{VHID}advskew = 999\n"));
    let peer = directory.file("peer.toml", VHID);
    let found = |own: &Path, peer: &Path| summary(&check_file(own, Some(peer)).findings);
    assert!(found(&own, &peer).contains("CARP-C178"));
    assert!(found(&peer, &own).contains("CARP-C178"));
    let binary = directory.file("binary", [b'P', b'K', 0, 0xff, 0xfe]);
    let fw1 = shared("fw1.xml");
    for own in [&peer, &fw1] {
        let found = found(own, &binary);
        assert!(found.contains("CARP-C102") && found.contains("CARP-C178") && !found.contains("CARP-C170"), "{found}");
    }
    let report = check_file(&fw1, Some(&directory.0.join("absent.xml"))).to_string();
    assert!(report.contains("absent.xml does not exist") && report.contains("copy it from the other node"), "{report}");
}

#[test]
fn one_file_is_not_compared_with_itself() {
    let directory = Directory::new("same");
    let copy = directory.file("copy.xml", fs::read(shared("fw1.xml")).unwrap());
    for peer in [&shared("fw1.xml"), &copy] {
        assert_eq!(summary(&check_file(&shared("fw1.xml"), Some(peer)).findings), "CARP-C179 0 \n");
    }
}

#[test]
fn what_has_no_process_is_not_restarted() {
    let text = "[[service]]\nname = \"s\"\nfollows = [\"1@em0\"]\n[service.link]\ninterface = \"wg0\"\n\
        [[service.probe]]\nname = \"up\"\nkind = \"interface\"\ninterface = \"wg0\"\neffect = \"restart\"\n";
    let loaded = read("no-process", text).unwrap();
    assert!(summary(&loaded.findings).contains("CARP-C120 10 service[s].probe[up].effect"), "{:?}", loaded.findings);
}
