//! What is installed beside the programs: manual pages that say what the programs do, no more and no less, and scripts that parse.
#![allow(clippy::unwrap_used, reason = "a test may stop where it is wrong")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PAGES: [&str; 3] = ["man/carpd.8", "man/carpctl.8", "man/carpd.toml.5"];
const SAMPLE: &str = "examples/carpd.toml.sample";

fn in_tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(in_tree(path)).unwrap()
}

fn carpctl(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_carpctl")).current_dir(in_tree("")).args(args).output().unwrap()
}

fn help(program: &str, command: &[&str]) -> String {
    let output = Command::new(program).args(command).arg("--help").output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The lines of a help text below `heading`, up to the next one.
fn below<'a>(help: &'a str, heading: &str) -> Vec<&'a str> {
    let lines = help.lines().skip_while(|line| *line != heading).skip(1);
    lines.take_while(|line| line.is_empty() || line.starts_with(' ')).collect()
}

/// The long options that a help text lists below `heading`, but those that every program has.
fn options_of_help(help: &str, heading: &str) -> BTreeSet<String> {
    let tagged = below(help, heading).into_iter().filter(|line| line.trim_start().starts_with('-'));
    // A value that may be left out follows as in `--option[=<VALUE>]`.
    let words = tagged.flat_map(|line| line.split([' ', ',', '[']));
    let options = words.filter_map(|word| word.strip_prefix("--")).filter(|name| !["help", "version"].contains(name));
    options.map(str::to_owned).collect()
}

/// Every command that does something, by its words, with its long options.
fn commands_of_help(command: &[&str], into: &mut BTreeMap<String, BTreeSet<String>>) {
    let help = help(env!("CARGO_BIN_EXE_carpctl"), command);
    let is_tag = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let children: Vec<&str> = below(&help, "Commands:")
        .into_iter()
        .filter(is_tag)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    // `lab` by itself tells its story; the other groups only have members.
    if !command.is_empty() && (children.is_empty() || help.contains("\n       carpctl ")) {
        into.insert(command.join(" "), options_of_help(&help, "Options:"));
    }
    for child in children {
        commands_of_help(&[command, &[child]].concat(), into);
    }
}

/// The lines of a manual page in the section `name`.
fn section<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let heading = format!(".Sh {name}");
    page.lines().skip_while(|line| *line != heading).skip(1).take_while(|line| !line.starts_with(".Sh ")).collect()
}

/// The long options that a line of mdoc marks as such.
fn options_of_line(line: &str) -> impl Iterator<Item = String> {
    let words: Vec<&str> = line.split(' ').collect();
    let names =
        words.iter().filter_map(|word| word.strip_prefix('-')).filter(|name| !["help", "version"].contains(name));
    let names: Vec<String> = names.map(str::to_owned).collect();
    names.into_iter()
}

fn is_word_of_a_command(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') && !word.starts_with('-')
}

/// Every command that carpctl.8 describes, with the long options in its tags.
fn commands_of_page(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut commands = BTreeMap::<String, BTreeSet<String>>::new();
    for line in section(page, "COMMANDS") {
        if let Some(tag) = line.strip_prefix(".It Ic ") {
            let words: Vec<&str> = tag.split(' ').take_while(|word| is_word_of_a_command(word)).collect();
            commands.entry(words.join(" ")).or_default().extend(options_of_line(tag));
        }
    }
    commands
}

#[test]
fn carpctl_8_has_every_command_with_its_options_and_no_other() {
    let mut programs = BTreeMap::new();
    commands_of_help(&[], &mut programs);
    assert!(programs.contains_key("maintenance enter") && programs.contains_key("lab"), "{programs:?}");
    assert!(programs["status"].contains("json"), "{programs:?}");
    assert_eq!(commands_of_page(&read("man/carpctl.8")), programs);
}

#[test]
fn the_pages_have_every_option_that_goes_with_all_commands_and_no_other() {
    let options_of_page = |page: &str| -> BTreeSet<String> {
        let text = read(page);
        section(&text, "DESCRIPTION")
            .into_iter()
            .filter(|line| line.starts_with(".It Fl "))
            .flat_map(options_of_line)
            .collect()
    };
    let global = help(env!("CARGO_BIN_EXE_carpctl"), &[]);
    assert_eq!(options_of_page("man/carpctl.8"), options_of_help(&global, "Global options:"));
    let daemon = help(env!("CARGO_BIN_EXE_carpd"), &[]);
    assert_eq!(options_of_page("man/carpd.8"), options_of_help(&daemon, "Options:"));
}

#[test]
fn carpctl_8_has_every_exit_code_and_no_other() {
    let help = help(env!("CARGO_BIN_EXE_carpctl"), &[]);
    let told = help.split_once("Exit codes: ").unwrap().1.split_once("check:").unwrap().0;
    let of_help: BTreeSet<u8> = told.split([' ', '\n']).filter_map(|word| word.parse().ok()).collect();
    let page = read("man/carpctl.8");
    let tags = section(&page, "EXIT STATUS").into_iter().filter_map(|line| line.strip_prefix(".It "));
    let of_page: BTreeSet<u8> = tags.map(|tag| tag.parse().unwrap()).collect();
    use carpd::ctl::exit;
    let of_program = [exit::DONE, exit::FAILED, exit::UNREACHABLE, exit::REFUSED, exit::TIMED_OUT, exit::USAGE];
    assert_eq!(of_help, BTreeSet::from(of_program));
    assert_eq!(of_page, of_help);
}

/// A line of the sample without what makes it a comment. Prose is left with its number sign.
fn uncommented(line: &str) -> &str {
    line.strip_prefix("#     ").or_else(|| line.strip_prefix('#').filter(|rest| !rest.starts_with(' '))).unwrap_or(line)
}

fn is_key(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[test]
fn carpd_toml_5_has_every_key_of_the_sample_and_no_other() {
    let (mut table, mut of_sample) = (String::new(), BTreeSet::new());
    let sample = read(SAMPLE);
    for line in sample.lines().map(uncommented) {
        if line.starts_with('[') && line.ends_with(']') {
            line.clone_into(&mut table);
        } else if let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| is_key(key)) {
            of_sample.insert(format!("{table} {key}"));
        }
    }
    let (mut table, mut of_page) = (String::new(), BTreeSet::new());
    let page = read("man/carpd.toml.5");
    for line in section(&page, "DESCRIPTION") {
        if let Some(heading) = line.strip_prefix(".Ss ") {
            heading.clone_into(&mut table);
        } else if let Some(key) = line.strip_prefix(".It Ic ") {
            of_page.insert(format!("{table} {key}"));
        }
    }
    assert!(
        of_sample.contains("[[service.probe]] command") && of_sample.contains("[service.exec] user"),
        "{of_sample:?}"
    );
    assert_eq!(of_page, of_sample);
}

/// The displays of a page's examples, each with its lines.
fn examples(page: &str) -> Vec<Vec<String>> {
    let mut displays = Vec::new();
    let mut open: Option<Vec<String>> = None;
    for line in section(page, "EXAMPLES") {
        if line.starts_with(".Bd ") {
            open = Some(Vec::new());
        } else if line == ".Ed" {
            displays.extend(open.take());
        } else if let Some(display) = &mut open {
            display.push(line.replace("\\(dq", "\""));
        }
    }
    displays
}

/// Files that the examples name, and what in the tree takes their place.
fn stand_in(word: &str) -> &str {
    match word {
        "/usr/local/etc/carpd/carpd.toml" => SAMPLE,
        "fw1.xml" => "tests/config/fw1.xml",
        "fw2.xml" => "tests/config/fw2.xml",
        word => word,
    }
}

#[test]
fn the_examples_that_check_a_configuration_find_nothing_wrong() {
    let mut ran = 0;
    for line in PAGES.iter().flat_map(|page| examples(&read(page))).flatten() {
        if line.starts_with("carpctl config check ") {
            let args: Vec<&str> = line.split(' ').skip(1).map(stand_in).collect();
            let output = carpctl(&args);
            assert!(output.status.success(), "{line}: {output:?}");
            ran += 1;
        }
    }
    assert_eq!(ran, 4);
}

#[test]
fn the_examples_use_commands_and_options_that_exist() {
    let mut known = BTreeMap::new();
    commands_of_help(&[], &mut known);
    let mut seen = 0;
    for line in PAGES.iter().flat_map(|page| examples(&read(page))).flatten() {
        let Some(rest) = line.strip_prefix("carpctl ") else { continue };
        let words: Vec<&str> = rest.split(' ').take_while(|word| !["&&", ">"].contains(word)).collect();
        let command = (1..=words.len()).rev().map(|n| words[..n].join(" ")).find(|words| known.contains_key(words));
        let options = &known[&command.unwrap_or_else(|| panic!("{line}: no such command"))];
        for option in words.iter().filter_map(|word| word.strip_prefix("--")) {
            assert!(options.contains(option), "{line}: no such option");
        }
        seen += 1;
    }
    assert!(seen >= 8, "{seen}");
}

#[test]
fn the_example_of_carpd_toml_5_is_a_usable_configuration() {
    let page = read("man/carpd.toml.5");
    let example = examples(&page).into_iter().find(|display| display[0].starts_with('[')).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("carpd.toml");
    // The group that may read by default is not on every system.
    std::fs::write(&file, format!("[control]\ngroup = \"root\"\n{}\n", example.join("\n"))).unwrap();
    let output = carpctl(&["config", "check", "--json", file.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("\"error\""), "{text}");
}

#[test]
fn the_manual_pages_have_no_mistake_of_form() {
    for page in PAGES {
        match Command::new("mandoc").args(["-T", "lint", "-W", "warning"]).arg(in_tree(page)).output() {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
            Err(error) => return eprintln!("the form is not checked: mandoc: {error}"),
        }
    }
}

#[test]
fn the_rc_scripts_parse_and_say_what_rcorder_needs() {
    for entry in std::fs::read_dir(in_tree("rc.d")).unwrap() {
        let path = entry.unwrap().path();
        let status = Command::new("sh").arg("-n").arg(&path).status().unwrap();
        assert!(status.success(), "{path:?}");
        let (text, name) = (std::fs::read_to_string(&path).unwrap(), path.file_name().unwrap().to_str().unwrap());
        for line in [format!("# PROVIDE: {name}"), format!("name=\"{name}\""), format!("rcvar=\"{name}_enable\"")] {
            assert!(text.lines().any(|have| have == line), "{path:?}: {line}");
        }
        // rc.subr takes it for the program to start, in place of daemon(8).
        assert!(!text.contains(&format!("{name}_program")), "{path:?}");
        let follows_carpd = format!(": ${{{name}_enable:=\"${{carpd_enable:-NO}}\"}}");
        assert!(text.contains(&format!(": ${{{name}_enable:=\"NO\"}}")) || text.contains(&follows_carpd), "{path:?}");
        assert!(text.ends_with("run_rc_command \"$1\"\n"), "{path:?}");
    }
}

/// The words of a line of `# KEY: words` in an rc script.
fn rc_words(script: &str, key: &str) -> Vec<String> {
    let script = read(&format!("rc.d/{script}"));
    let lines = script.lines().filter_map(|line| line.strip_prefix(&format!("# {key}: ")));
    lines.flat_map(|words| words.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn what_precedes_the_network_and_what_ends_first_stand_where_rcorder_needs_them() {
    assert_eq!(rc_words("carpd_early", "BEFORE"), ["netif"]);
    assert!(rc_words("carpd_early", "REQUIRE").contains(&"FILESYSTEMS".to_owned()));
    assert!(!rc_words("carpd_early", "KEYWORD").contains(&"shutdown".to_owned()));
    // The last of the base system: rc.shutdown(8) stops in reverse order.
    assert!(rc_words("carpd_drain", "REQUIRE").contains(&"securelevel".to_owned()));
    assert_eq!(rc_words("carpd_drain", "KEYWORD"), ["shutdown"]);
    assert_eq!(rc_words("carpd", "KEYWORD"), ["shutdown"]);
}

/// The long options that a script gives to one of the programs.
fn options_of_script(text: &str, program: &str) -> BTreeSet<String> {
    let text = text.replace("\\\n", " ");
    let lines = text.lines().filter(|line| !line.starts_with('#') && line.contains(program));
    let words = lines.flat_map(|line| line.split_once(program).unwrap().1.split_whitespace().collect::<Vec<_>>());
    let words: Vec<&str> = words.collect();
    words.into_iter().filter_map(|word| word.strip_prefix("--")).map(str::to_owned).collect()
}

#[test]
fn the_rc_scripts_use_options_that_exist() {
    let known = options_of_help(&help(env!("CARGO_BIN_EXE_carpd"), &[]), "Options:");
    let mut commands = BTreeMap::new();
    commands_of_help(&[], &mut commands);
    let drain = &commands["drain"];
    for script in ["carpd", "carpd_early", "carpd_drain"] {
        let text = read(&format!("rc.d/{script}"));
        for option in options_of_script(&text, "carpd_binary}") {
            assert!(known.contains(&option), "{script}: --{option}");
        }
        for option in options_of_script(&text, "carpctl}\"") {
            assert!(drain.contains(&option) || option == "config", "{script}: --{option}");
        }
    }
    assert!(read("rc.d/carpd").contains(" --syslog --supervised "));
}

#[test]
fn devd_s_rule_is_of_the_lowest_priority_and_does_not_hold_devd_up() {
    let text = read("devd/carpd.conf");
    let rules: Vec<&str> = text.lines().filter(|line| !line.starts_with('#') && line.ends_with('{')).collect();
    assert_eq!(rules, ["notify 0 {"]);
    let action = text.lines().find(|line| line.trim_start().starts_with("action ")).unwrap();
    assert!(action.contains("/usr/local/sbin/carpctl nudge ") && action.ends_with(" &\";"), "{action}");
}

#[test]
fn install_puts_everything_where_freebsd_expects_it() {
    let directory = tempfile::tempdir().unwrap();
    let (built, staged) = (directory.path().join("built"), directory.path().join("staged"));
    std::fs::create_dir(&built).unwrap();
    for program in ["carpd", "carpctl"] {
        std::fs::write(built.join(program), program).unwrap();
    }
    let set = |name: &str, path: &Path| format!("{name}={}", path.display());
    let mut make = Command::new("make");
    // A make that runs this test hands its own settings down.
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL").current_dir(in_tree(""));
    let made = make.args(["install", &set("BUILT", &built), &set("DESTDIR", &staged), "PREFIX=/opt"]).output();
    let Ok(made) = made else { return eprintln!("install is not tested: make: {made:?}") };
    assert!(made.status.success(), "{made:?}");
    let found = Command::new("find").arg(&staged).args(["-type", "f"]).output().unwrap();
    let found = String::from_utf8(found.stdout).unwrap();
    let mode = |path: &str| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(staged.join(path)).unwrap().permissions().mode() & 0o7777
    };
    let expected = [
        ("opt/sbin/carpd", 0o555),
        ("opt/sbin/carpctl", 0o555),
        ("opt/etc/rc.conf.d/defguard_gateway/carpd", 0o444),
        ("opt/etc/rc.d/carpd", 0o555),
        ("opt/etc/rc.d/carpd_drain", 0o555),
        ("opt/etc/rc.d/carpd_early", 0o555),
        ("opt/libexec/carpd/postgresql", 0o555),
        ("opt/share/examples/carpd/defguard-pair/fw1.toml", 0o444),
        ("opt/share/examples/carpd/devd.conf", 0o444),
        ("opt/etc/carpd/carpd.toml.sample", 0o640),
        ("opt/share/man/man5/carpd.toml.5", 0o444),
        ("opt/share/man/man8/carpctl.8", 0o444),
        ("opt/share/man/man8/carpd.8", 0o444),
    ];
    for (path, wanted) in expected {
        assert_eq!(mode(path), wanted, "{path}");
    }
    let others = found.lines().filter(|path| !path.contains("/share/examples/carpd/"));
    assert_eq!(others.count(), expected.len() - 2, "{found}");
    assert_eq!(mode("opt/etc/carpd"), 0o750);
    let script = std::fs::read_to_string(staged.join("opt/etc/rc.d/carpd")).unwrap();
    assert!(script.contains("\"/opt/sbin/carpd\""), "{script}");
}
