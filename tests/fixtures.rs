//! What was recorded on a running kernel is worth nothing unless something is held against it.
#![allow(clippy::unwrap_used, reason = "a broken tree has to fail the test")]

use std::fs;
use std::path::{Path, PathBuf};

/// The recordings that no test reads, and why they are there all the same.
const FOR_PEOPLE: [(&str, &str); 8] = [
    ("README.md", "says what the others are"),
    ("errno.txt", "the source of what is said about each refusal"),
    ("netlink-ifconfig.txt", "what ifconfig showed at the moment of netlink-get-*"),
    ("netlink-get-vrrp-ifconfig.txt", "what ifconfig showed at the moment of netlink-get-vrrp.hex"),
    ("netlink-getaddr-ifconfig.txt", "what ifconfig showed at the moment of netlink-getaddr-dump.hex"),
    ("nv-get-initial.txt", "what ifconfig showed at the moment of nv-get-initial.hex"),
    ("nv-after-v4-1400-3s.txt", "the same as nv-after-v4-1400.txt, some seconds later"),
    ("siocgvh-", "siocgvh-*.txt: what ifconfig showed at the moment of siocgvh-*.hex"),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests/fixtures.rs") {
            found.push(path);
        }
    }
}

/// pfsync's recordings come in threes; a test names what they have in common.
fn common_name(file: &str) -> Option<&str> {
    let stem = file.strip_suffix(".hex").or_else(|| file.strip_suffix(".txt"))?;
    ["nv-set-", "nv-get-after-", "nv-after-"].iter().find_map(|prefix| stem.strip_prefix(prefix))
}

#[test]
fn every_recording_is_held_against_something_or_says_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("tests"), &mut files);
    let code: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let mut forgotten = Vec::new();
    for entry in fs::read_dir(root.join("tests/fixtures/freebsd-15.1-amd64")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let named = |name: &str| code.contains(&format!("\"{name}\"")) || code.contains(&format!("/{name}\""));
        let for_people = FOR_PEOPLE
            .iter()
            .any(|(name, _)| file == *name || name.ends_with('-') && file.starts_with(name) && file.ends_with(".txt"));
        if !named(&file) && !common_name(&file).is_some_and(named) && !for_people {
            forgotten.push(file);
        }
    }
    assert!(forgotten.is_empty(), "nothing reads {forgotten:?}");
}
