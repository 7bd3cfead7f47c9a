//! Promises about the package for pkg(8) and about the port. The programs in it are stand-ins: what matters here is what lies
//! around them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
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

/// Builds a package below `directory`, unpacks it there and returns its bytes and the names in it, in order.
fn package(directory: &Path) -> (Vec<u8>, Vec<String>) {
    let out = directory.join("out");
    run("package.sh", &[&programs(directory), &out]);
    let [file] = &fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>()[..] else {
        panic!("more than the package is left")
    };
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(file.file_name().unwrap().to_str(), Some(&*format!("carpd-{version}.pkg")));
    let unpacked = directory.join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    let tar = |words: &[&str]| {
        let output = Command::new("tar").args(words).arg("--zstd").arg("-f").arg(file).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    tar(&["-x", "-C", unpacked.to_str().unwrap()]);
    let names = tar(&["-t", "-P"]).lines().map(str::to_owned).collect();
    let owners = tar(&["-t", "-v", "-P"]);
    assert!(owners.lines().all(|line| line.contains(" root/wheel ")), "{owners}");
    (fs::read(file).unwrap(), names)
}

#[test]
fn a_package_has_a_sum_for_every_file_and_starts_or_stops_nothing() {
    if !has("make") || !has("zstd") || !has("sha256sum") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (_, names) = package(directory.path());
    let [compact, full, files @ ..] = &names[..] else { panic!("{names:?}") };
    assert_eq!((compact.as_str(), full.as_str()), ("+COMPACT_MANIFEST", "+MANIFEST"));
    let manifest = fs::read_to_string(directory.path().join("unpacked/+MANIFEST")).unwrap();
    for file in files {
        assert!(file.starts_with("/usr/local/"), "{file}");
        let unpacked = directory.path().join("unpacked").join(file.trim_start_matches('/'));
        let output = Command::new("sha256sum").arg(unpacked).output().unwrap();
        let sum = String::from_utf8(output.stdout).unwrap()[..64].to_owned();
        assert!(manifest.contains(&format!("\"{file}\": {{\"sum\": \"1${sum}\"")), "{file}: {manifest}");
    }
    let packed = fs::read_to_string(in_tree("packaging/port/pkg-plist")).unwrap();
    assert_eq!(files.len(), packed.lines().filter(|line| !line.starts_with("@dir")).count());
    // The administrator's own file is no file of the package's: an upgrade cannot replace it.
    assert!(!files.iter().any(|file| file == "/usr/local/etc/carpd/carpd.toml"), "{files:?}");
    // Nothing is stopped or started, least of all by an upgrade.
    assert!(!manifest.contains("\"scripts\"") && !manifest.replace("libexec", "").contains("exec"), "{manifest}");
}

#[test]
fn the_same_sources_make_the_same_package() {
    if !has("make") || !has("zstd") {
        return;
    }
    let [first, second] = [(); 2].map(|()| {
        let directory = tempfile::tempdir().unwrap();
        package(directory.path()).0
    });
    assert!(first == second);
}
