//! Nothing in a file can bring its reader down.

use super::*;
use crate::config::system::AnySystem;

fn read(bytes: impl AsRef<[u8]>) -> Result<Loaded, Unusable> {
    check(Path::new("carpd.toml"), bytes.as_ref(), false, &AnySystem)
}

#[test]
fn deep_long_and_many_is_refused_in_bounded_time() {
    let depth = 200_000;
    for text in [
        format!("a = {}", "[".repeat(depth)),
        format!("a = {}{}", "[".repeat(depth), "]".repeat(depth)),
        format!("a = {}", "{a=".repeat(depth)),
        format!("{}a = 1", "a.".repeat(depth)),
        format!("[{}a]", "a.".repeat(depth)),
        format!("[[{}a]]", "a.".repeat(depth)),
        format!("a = {{ {}a = 1 }}", "a.".repeat(depth)),
        "[[a]]\n[a.b]\n".repeat(40_000),
        "[\n".repeat(depth),
        "[[service]]\n".repeat(80_000),
        "[[service]]\nname=\"a\"\n".repeat(45_000),
        format!("[[service]]\nfollows = [{}]", (0..60_000).map(|at| format!("\"1@{at:x}\",")).collect::<String>()),
        format!("[[service]]\nname = \"{}\"", "a".repeat(1_000_000)),
        format!("[node]\n{}", (0..90_000).map(|at| format!("pol{at}=1\n")).collect::<String>()),
        "\"".repeat(depth),
        "a=1\n".repeat(depth),
    ] {
        let start = text.chars().take(20).collect::<String>();
        let unusable = read(&text).expect_err(&start);
        assert!(!unusable.findings.is_empty());
    }
}

#[test]
fn odd_bytes_are_told_and_not_fatal() {
    for bytes in [
        &b"\0"[..],
        b"\xef\xbb\xbf",
        b"\xff",
        b"\r",
        b"a = \"\\u0000\"",
        b"a = 1e999",
        b"a = 99999999999999999999",
        b"=",
        b"''' ",
    ] {
        let _ = read(bytes);
    }
    assert!(read(b"\xef\xbb\xbf[node]\n").is_ok(), "a byte order mark is allowed");
    assert!(read("[node]\r\npoll = \"2s\"\r\n").is_ok(), "lines may end as on Windows");
    let nul = "[node]\nstate_dir = \"/a\\u0000b\"\nname = \"a\\u0000b\"\n";
    assert_eq!(read(nul).expect_err("NUL").findings.len(), 2);
}

#[test]
fn a_key_twice_is_told_with_its_line() {
    let unusable = read("[node]\npoll = \"2s\"\nlog = \"info\"\npoll = \"3s\"\n[hold]\n[node]\n").expect_err("twice");
    let lines: Vec<u32> = unusable.findings.iter().map(|finding| finding.place.line).collect();
    assert!(unusable.unread);
    assert_eq!(lines, [4, 6], "{:?}", unusable.findings);
}

/// A file that has all there is, so that a change to it reaches every reader.
const WHOLE: &str = include_str!("../../../tests/config/static.toml");
const WRONG: &str = include_str!("../../../tests/config/mistakes.toml");

/// What can be in the place of any value.
const VALUES: [&str; 16] = [
    "\"\"",
    "-1",
    "0",
    "9223372036854775807",
    "99999999999999999999",
    "0xffffffffffffffff",
    "1.5",
    "nan",
    "true",
    "1979-05-27T07:32:00Z",
    "[]",
    "[[], {}, \"x\", 1]",
    "{}",
    "{ a = { b = [1] } }",
    "\"\u{0661}@\u{1F980}\"",
    "\"18446744073709551615d\"",
];

fn holds_together(bytes: &[u8]) {
    let lines = bytes.iter().filter(|b| **b == b'\n').count() + 1;
    let findings = match read(bytes) {
        Ok(loaded) => {
            assert!(usable(&loaded.findings));
            let again = read(loaded.settings.to_toml()).expect("the effective configuration reads back");
            assert_eq!(again.settings, loaded.settings);
            assert_eq!(loaded.policy().services.len(), loaded.settings.services.len());
            loaded.findings
        }
        Err(unusable) => {
            assert!(!usable(&unusable.findings));
            unusable.findings
        }
    };
    for finding in findings {
        assert!(finding.place.line as usize <= lines, "{finding:?}");
        assert!(!finding.cause.is_empty() && !finding.remedy.is_empty(), "{finding:?}");
        assert!(!finding.cause.contains(char::is_control), "{finding:?}");
    }
}

mod mutated {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            holds_together(&bytes);
        }

        #[test]
        fn a_damaged_file_is_read_without_harm(
            wrong in any::<bool>(),
            cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, prop::collection::vec(any::<u8>(), 0..6)), 1..5),
        ) {
            let mut bytes = if wrong { WRONG } else { WHOLE }.as_bytes().to_vec();
            for (at, length, with) in cuts {
                let at = at.index(bytes.len() + 1);
                let end = (at + length).min(bytes.len());
                bytes.splice(at..end, with);
            }
            holds_together(&bytes);
        }

        #[test]
        fn any_value_in_any_place_is_read_without_harm(
            wrong in any::<bool>(),
            changes in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&VALUES[..])), 1..8),
        ) {
            let text = if wrong { WRONG } else { WHOLE };
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            for (at, value) in changes {
                let at = at.index(lines.len());
                if let Some((key, _)) = lines[at].split_once(" = ").filter(|(_, rest)| !rest.ends_with('[')) {
                    lines[at] = format!("{key} = {value}");
                }
            }
            holds_together(lines.join("\n").as_bytes());
        }

        #[test]
        fn lines_in_any_order_are_read_without_harm(order in Just(WHOLE.lines().collect::<Vec<_>>()).prop_shuffle(), keep in 1..60_usize) {
            holds_together(order[..keep].join("\n").as_bytes());
        }
    }
}
