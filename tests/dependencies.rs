//! Promises about what carpd is built from.
#![allow(clippy::unwrap_used, reason = "a broken tree has to fail the test")]

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

fn metadata() -> Value {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", "x86_64-unknown-freebsd"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

/// The packages that end up in the binaries on FreeBSD, or that build them.
fn shipped(metadata: &Value) -> Vec<&Value> {
    let nodes: BTreeMap<&str, &Value> =
        metadata["resolve"]["nodes"].as_array().unwrap().iter().map(|n| (n["id"].as_str().unwrap(), n)).collect();
    let mut todo = vec![metadata["resolve"]["root"].as_str().unwrap()];
    let mut seen = Vec::new();
    while let Some(id) = todo.pop() {
        if seen.contains(&id) {
            continue;
        }
        seen.push(id);
        for dep in nodes[id]["deps"].as_array().unwrap() {
            if dep["dep_kinds"].as_array().unwrap().iter().any(|k| k["kind"] != "dev") {
                todo.push(dep["pkg"].as_str().unwrap());
            }
        }
    }
    metadata["packages"].as_array().unwrap().iter().filter(|p| seen.contains(&p["id"].as_str().unwrap())).collect()
}

#[test]
fn every_shipped_licence_is_on_the_list() {
    let deny: toml::Table = std::fs::read_to_string("deny.toml").unwrap().parse().unwrap();
    let allowed: Vec<&str> =
        deny["licenses"]["allow"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect();
    let metadata = metadata();
    for package in shipped(&metadata) {
        let licence = package["license"].as_str().unwrap_or("none");
        // "A OR B" needs one of them, "A AND B" all.
        let normal = licence.replace('/', " OR ").replace(['(', ')'], "");
        let ok = normal.split(" AND ").all(|part| part.split(" OR ").any(|one| allowed.contains(&one.trim())));
        assert!(ok, "{}: {licence}", package["name"]);
    }
}

#[test]
fn nothing_shipped_brings_c_code_or_comes_from_outside_the_registry() {
    let metadata = metadata();
    for package in shipped(&metadata) {
        assert!(package["links"].is_null(), "{} links {}", package["name"], package["links"]);
        let from_registry = package["source"].as_str().is_none_or(|s| s.starts_with("registry+"));
        assert!(from_registry, "{} comes from {}", package["name"], package["source"]);
        let builds_c =
            package["dependencies"].as_array().unwrap().iter().any(|d| d["name"] == "cc" && d["kind"] == "build");
        assert!(!builds_c, "{} builds C", package["name"]);
    }
}

#[test]
fn every_direct_dependency_has_its_reason_in_the_readme() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let manifest: toml::Table = std::fs::read_to_string("Cargo.toml").unwrap().parse().unwrap();
    for section in ["dependencies", "dev-dependencies"] {
        for name in manifest[section].as_table().unwrap().keys() {
            assert!(readme.contains(&format!("`{name}`")), "{name} is not in the README's list");
        }
    }
}
