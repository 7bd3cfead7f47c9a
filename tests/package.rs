//! Promises about the packages for pkg(8) and about the port. The programs in it are stand-ins: what matters here is what lies
//! around them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn in_tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn has(tool: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().unwrap().status.success();
    if !found {
        eprintln!("SKIPPED: no {tool} here");
    }
    found
}

/// Runs a script of packaging/ and returns what it printed.
fn run(script: &str, arguments: &[&Path]) -> String {
    let mut command = Command::new("sh");
    // A make that runs this test hands its own settings down.
    command.env_remove("MAKEFLAGS").env_remove("MAKELEVEL").env("SOURCE_DATE_EPOCH", "1700000000");
    let output = command.arg(in_tree("packaging").join(script)).args(arguments).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A folder with two programs.
fn programs(directory: &Path) -> PathBuf {
    let built = directory.join("built");
    fs::create_dir(&built).unwrap();
    for program in ["carpd", "carpctl"] {
        fs::write(built.join(program), program).unwrap();
    }
    built
}

#[test]
fn the_port_packs_what_install_installs() {
    if !has("make") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let stage = directory.path().join("stage");
    run("stage.sh", &[&stage, &programs(directory.path())]);
    let list = run("plist.sh", &[&stage]);
    assert!(list.lines().any(|line| line == "sbin/carpd"), "{list}");
    let of_port = fs::read_to_string(in_tree("packaging/port/pkg-plist")).unwrap();
    assert_eq!(of_port, list, "packaging/port/pkg-plist has to be the right-hand side");
}

/// A package as it was built: its bytes, the names of its files in order, and where it is unpacked.
struct Package {
    bytes: Vec<u8>,
    files: Vec<String>,
    unpacked: PathBuf,
}

impl Package {
    fn manifest(&self) -> String {
        fs::read_to_string(self.unpacked.join("+MANIFEST")).unwrap()
    }
}

/// Builds the packages of carpd and of the plugin below `directory` and unpacks them there.
fn packages(directory: &Path) -> [Package; 2] {
    let out = directory.join("out");
    run("package.sh", &[&programs(directory), &out]);
    let mut left: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).collect();
    left.sort();
    let version = env!("CARGO_PKG_VERSION");
    let names = ["carpd", "os-carpd"];
    assert_eq!(left, names.map(|name| out.join(format!("{name}-{version}.pkg"))));
    names.map(|name| unpack(&out.join(format!("{name}-{version}.pkg")), &directory.join(name)))
}

fn unpack(file: &Path, unpacked: &Path) -> Package {
    fs::create_dir(unpacked).unwrap();
    let tar = |words: &[&str]| {
        let output = Command::new("tar").args(words).arg("--zstd").arg("-f").arg(file).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    tar(&["-x", "-p", "-C", unpacked.to_str().unwrap()]);
    let owners = tar(&["-t", "-v", "-P"]);
    assert!(owners.lines().all(|line| line.contains(" root/wheel ")), "{owners}");
    let names: Vec<String> = tar(&["-t", "-P"]).lines().map(str::to_owned).collect();
    let [compact, full, files @ ..] = &names[..] else { panic!("{names:?}") };
    assert_eq!((compact.as_str(), full.as_str()), ("+COMPACT_MANIFEST", "+MANIFEST"));
    Package { bytes: fs::read(file).unwrap(), files: files.to_vec(), unpacked: unpacked.to_owned() }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Every file lies below /usr/local, and the manifest has its sum and its mode.
fn check_files(package: &Package) {
    let manifest = package.manifest();
    for file in &package.files {
        assert!(file.starts_with("/usr/local/"), "{file}");
        let unpacked = package.unpacked.join(file.trim_start_matches('/'));
        let output = Command::new("sha256sum").arg(&unpacked).output().unwrap();
        let sum = String::from_utf8(output.stdout).unwrap()[..64].to_owned();
        let line = manifest.lines().find(|line| line.contains(&format!("\"{file}\": {{\"sum\": \"1${sum}\"")));
        let perm = format!("\"perm\": \"{:o}\"", mode(&unpacked));
        assert!(line.is_some_and(|line| line.contains(&perm)), "{file}, {perm}: {manifest}");
    }
}

/// The files below a folder of the tree, with their paths from there.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() { folders.push(path) } else { found.push(path.strip_prefix(folder).unwrap().to_owned()) }
        }
    }
    found
}

#[test]
fn a_package_has_a_sum_for_every_file_and_starts_or_stops_nothing() {
    if !has("make") || !has("zstd") || !has("sha256sum") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let [carpd, _] = packages(directory.path());
    check_files(&carpd);
    let (files, manifest) = (&carpd.files, carpd.manifest());
    let packed = fs::read_to_string(in_tree("packaging/port/pkg-plist")).unwrap();
    assert_eq!(files.len(), packed.lines().filter(|line| !line.starts_with("@dir")).count());
    // The administrator's own file is no file of the package's: an upgrade cannot replace it.
    assert!(!files.iter().any(|file| file == "/usr/local/etc/carpd/carpd.toml"), "{files:?}");
    // Nothing is stopped or started, least of all by an upgrade.
    assert!(!manifest.contains("\"scripts\"") && !manifest.replace("libexec", "").contains("exec"), "{manifest}");
}

#[test]
fn the_plugins_package_is_what_its_tree_says_and_overlaps_no_file_of_carpds() {
    if !has("make") || !has("zstd") || !has("sha256sum") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let [carpd, plugin] = packages(directory.path());
    check_files(&plugin);
    let shared: Vec<_> = plugin.files.iter().filter(|file| carpd.files.contains(file)).collect();
    assert!(shared.is_empty(), "{shared:?}");

    let src = in_tree("opnsense-plugin/src");
    let mut expected = vec!["/usr/local/opnsense/version/carpd".to_owned()];
    for file in files_below(&src) {
        let installed = format!("/usr/local/{}", file.display());
        let executable = mode(&src.join(&file)) & 0o100 != 0;
        let unpacked = plugin.unpacked.join(installed.trim_start_matches('/'));
        assert_eq!(mode(&unpacked), if executable { 0o755 } else { 0o644 }, "{installed}");
        let called = installed.contains("/rc.syshook.d/") || installed.contains("/scripts/");
        assert_eq!(executable, called, "{installed}: what is called has to be executable, and nothing else");
        expected.push(installed);
    }
    expected.sort();
    assert_eq!(plugin.files, expected);
}

#[test]
fn the_firmware_page_is_told_what_it_asks_for() {
    if !has("make") || !has("zstd") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let [_, plugin] = packages(directory.path());
    let manifest: serde_json::Value = serde_json::from_str(&plugin.manifest()).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(manifest["name"], "os-carpd");
    assert_eq!(manifest["origin"], "opnsense/os-carpd");
    assert_eq!(manifest["version"], version);
    assert_eq!(manifest["abi"], "FreeBSD:*:*");
    assert_eq!(manifest["deps"], serde_json::json!({"carpd": {"origin": "net/carpd", "version": version}}));
    let told = fs::read_to_string(plugin.unpacked.join("usr/local/opnsense/version/carpd")).unwrap();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    // The plugin's Makefile has its own line for the version: the two packages are one release.
    assert_eq!(told["product_version"], version);
    // OPNsense takes a plugin for installed if this is os- and the file's name.
    assert_eq!(told["product_id"], "os-carpd");
    assert_eq!(told["product_tier"], "3");
    assert_eq!(manifest["annotations"], told);
    let described = manifest["desc"].as_str().unwrap();
    assert!(described.contains(&format!("\n{version}\n")), "the changelog misses {version}: {described}");
}

#[test]
fn the_plugins_scripts_reload_what_they_added_and_do_nothing_where_opnsense_is_not() {
    if !has("make") || !has("zstd") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let [_, plugin] = packages(directory.path());
    let manifest: serde_json::Value = serde_json::from_str(&plugin.manifest()).unwrap();
    assert_eq!(manifest.get("lua_scripts"), None);
    let scripts = manifest["scripts"].as_object().unwrap();
    assert_eq!(scripts.keys().collect::<Vec<_>>(), ["post-deinstall", "post-install"]);
    let calls = |name: &str| {
        let root = directory.path().join(name);
        let log = root.join("log");
        for program in
            ["etc/rc.d/configd", "etc/rc.configure_plugins", "sbin/configctl", "opnsense/mvc/script/run_migrations.php"]
        {
            let path = root.join(program);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, format!("#!/bin/sh\necho ${{0##*/}} \"$@\" >>{}\n", log.display())).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let script = scripts[name].as_str().unwrap();
        let run = |script: &str| Command::new("sh").args(["-e", "-c", script]).output().unwrap();
        let output = run(&script.replace("/usr/local", root.to_str().unwrap()));
        assert!(output.status.success(), "{output:?}");
        let elsewhere = run(&script.replace("/usr/local", "/nonexistent"));
        assert!(
            elsewhere.status.success() && elsewhere.stdout.is_empty() && elsewhere.stderr.is_empty(),
            "{elsewhere:?}"
        );
        fs::read_to_string(log).unwrap()
    };
    assert_eq!(
        calls("post-install").lines().collect::<Vec<_>>(),
        [
            "configd restart",
            "run_migrations.php OPNsense/Carpd",
            "rc.configure_plugins POST_INSTALL",
            "configctl template reload OPNsense/Carpd",
            "configctl template reload OPNsense/Syslog",
        ]
    );
    assert_eq!(calls("post-deinstall").lines().collect::<Vec<_>>(), ["rc.configure_plugins POST_DEINSTALL"]);
}

#[test]
fn the_same_sources_make_the_same_packages() {
    if !has("make") || !has("zstd") {
        return;
    }
    let [first, second] = [(); 2].map(|()| {
        let directory = tempfile::tempdir().unwrap();
        packages(directory.path()).map(|package| package.bytes)
    });
    assert!(first == second);
}
