//! The targets over the corpus, and over changes to it: a short form of what cargo-fuzz does, the same at every run.

use std::fs;
use std::path::{Path, PathBuf};

use super::{TARGETS, Target};

/// How many changed inputs each target is given, unless `FUZZ_ROUNDS` says otherwise.
const ROUNDS: u64 = 400;

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name)
}

/// The files of a target's corpus in the order of their names.
fn inputs(name: &str) -> Vec<Vec<u8>> {
    let folder = corpus(name);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// xorshift64: good enough to choose bytes, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound.max(1)).unwrap()).unwrap()
    }
}

/// One to four changes of the kind that find mistakes: bits, extreme bytes, cuts, doubled and foreign pieces.
fn changed(inputs: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = inputs[dice.below(inputs.len())].clone();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let room = bytes.len() - at;
        match dice.below(6) {
            0 if room > 0 => bytes[at] ^= 1 << dice.below(8),
            1 if room > 0 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff, b'"'][dice.below(6)],
            2 => bytes.truncate(at),
            3 => {
                let piece = bytes[at..at + dice.below(room.min(64) + 1)].to_vec();
                bytes.splice(at..at, piece);
            }
            4 => {
                bytes.drain(at..at + dice.below(room.min(64) + 1));
            }
            _ => {
                let other = &inputs[dice.below(inputs.len())];
                let from = dice.below(other.len() + 1);
                let piece = other[from..from + dice.below((other.len() - from).min(64) + 1)].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

fn survives(name: &str) {
    let (_, target): &Target = TARGETS.iter().find(|(known, _)| *known == name).unwrap();
    let inputs = inputs(name);
    for input in &inputs {
        target(input);
    }
    target(&[]);
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let rounds = std::env::var("FUZZ_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    for _ in 0..rounds {
        target(&changed(&inputs, &mut dice));
    }
}

/// One test for each target, so that they run side by side and the name tells which one fails.
mod no_bytes_harm {
    macro_rules! targets {
        ($($name:ident)*) => {
            $(#[test]
            fn $name() {
                super::survives(stringify!($name));
            })*

            #[test]
            fn every_target_is_driven_here_and_by_the_fuzzer() {
                let mut names = vec![$(stringify!($name)),*];
                names.sort_unstable();
                let known: Vec<_> = super::TARGETS.iter().map(|(name, _)| *name).collect();
                assert_eq!(names, known);
                let fuzz = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
                let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
                for name in known {
                    let file = format!("fuzz_targets/{name}.rs");
                    assert!(manifest.contains(&format!("path = \"{file}\"")), "{file} is not in fuzz/Cargo.toml");
                    let text = std::fs::read_to_string(fuzz.join(&file)).unwrap();
                    assert!(text.contains(&format!("carpd::fuzzing::{name}(")), "{file} drives something else");
                }
            }
        };
    }

    targets!(address answer carp_netlink carp_request carpd_toml config_xml control core devd history http icmp kernel_log lab_ask
        netlink nvlist pfsync rc_conf requests scenario state_file stats);
}
