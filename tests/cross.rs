//! Promises about the programs as they are linked for FreeBSD: what they need there, and from which release on they start.
//!
//! `CROSS_BUILT` is the folder that the cross-build left them in; `make test` sets it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Libraries of FreeBSD's base system whose versions are the same in 14 and 15.
const LIBRARIES: [&str; 3] = ["libc.so.7", "libthr.so.3", "libm.so.5"];

/// The newest version of a symbol that FreeBSD 14.0 has is `FBSD_1.7`.
const NEWEST: u32 = 7;

/// What is looked for when a program starts and may be absent.
const OPTIONAL: [&str; 7] = [
    "_ITM_deregisterTMCloneTable",
    "_ITM_registerTMCloneTable",
    "__cxa_thread_atexit_impl",
    "__deregister_frame_info",
    "__gmon_start__",
    "__register_frame_info",
    "posix_spawn_file_actions_addchdir",
];

fn programs() -> Vec<PathBuf> {
    let Some(folder) = std::env::var_os("CROSS_BUILT") else {
        eprintln!("SKIPPED: no CROSS_BUILT, the folder of the programs built for FreeBSD");
        return Vec::new();
    };
    ["carpd", "carpctl"].map(|name| Path::new(&folder).join(name)).to_vec()
}

fn readelf(options: &[&str], program: &Path) -> String {
    let output = Command::new("readelf").args(options).arg("-W").arg(program).output().expect("binutils' readelf runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.split_once(before)?.1.split_once(after).map(|found| found.0)).collect()
}

#[test]
fn the_programs_need_nothing_but_libraries_that_14_and_15_have_alike() {
    for program in programs() {
        let dynamic = readelf(&["-d"], &program);
        let needed = between(&dynamic, "Shared library: [", "]");
        assert!(needed.contains(&"libc.so.7"), "{program:?}: {needed:?}");
        assert!(needed.iter().all(|library| LIBRARIES.contains(library)), "{program:?}: {needed:?}");
        assert!(!dynamic.contains("RPATH") && !dynamic.contains("RUNPATH"), "{program:?}: {dynamic}");
    }
}

/// What release the kernel should behave like, in the kernel's own numbers: 1400097 is 14.0.
fn release(notes: &str) -> u32 {
    let note = notes.lines().find(|line| line.contains("FreeBSD") && line.contains("NT_VERSION"));
    let (_, data) = note.and_then(|line| line.split_once("description data: ")).expect("the note of FreeBSD's ABI");
    let bytes: Vec<u8> = data.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
    u32::from_le_bytes(bytes.try_into().unwrap())
}

#[test]
fn the_programs_start_on_freebsd_14_0() {
    for program in programs() {
        let segments = readelf(&["-l"], &program);
        assert_eq!(between(&segments, "program interpreter: ", "]"), ["/libexec/ld-elf.so.1"], "{program:?}");
        assert_eq!(release(&readelf(&["-n"], &program)) / 100_000, 14, "{program:?}");
        let versions = readelf(&["-V"], &program);
        let wanted: Vec<u32> =
            between(&versions, "Name: FBSD_1.", " ").into_iter().map(|minor| minor.parse().unwrap()).collect();
        assert!(wanted.contains(&0) && wanted.iter().all(|minor| *minor <= NEWEST), "{program:?}: {wanted:?}");
    }
}

#[test]
fn every_symbol_that_the_programs_need_belongs_to_a_version() {
    for program in programs() {
        let symbols = readelf(&["--dyn-syms"], &program);
        let undefined: Vec<&str> = symbols
            .lines()
            .filter_map(|line| line.split_once(" UND ").map(|(_, name)| name.trim()))
            .filter(|name| !name.is_empty())
            .collect();
        assert!(undefined.iter().any(|name| name.starts_with("ioctl@FBSD_")), "{program:?}: {undefined:?}");
        for name in undefined {
            let symbol = name.split(['@', ' ']).next().unwrap();
            assert!(name.contains("@FBSD_1.") || OPTIONAL.contains(&symbol), "{program:?}: {name}");
        }
    }
}

#[test]
fn the_programs_are_hardened() {
    for program in programs() {
        let header = readelf(&["-h"], &program);
        assert!(header.contains("DYN (Position-Independent Executable file)"), "{program:?}: {header}");
        let dynamic = readelf(&["-d"], &program);
        assert!(dynamic.contains("BIND_NOW") && dynamic.contains("NOW PIE"), "{program:?}: {dynamic}");
        let segments = readelf(&["-l"], &program);
        assert!(segments.contains("GNU_RELRO"), "{program:?}: {segments}");
        let stack = segments.lines().find(|line| line.contains("GNU_STACK")).expect("a line about the stack");
        assert!(!stack.contains("RWE"), "{program:?}: {stack}");
    }
}

#[test]
fn the_programs_tell_nothing_of_the_machine_that_built_them() {
    for program in programs() {
        let bytes = std::fs::read(&program).unwrap();
        let home = std::env::home_dir().unwrap().join("").into_os_string().into_string().unwrap();
        for path in [env!("CARGO_MANIFEST_DIR"), &home] {
            assert!(!bytes.windows(path.len()).any(|part| part == path.as_bytes()), "{program:?} names {path}");
        }
    }
}
