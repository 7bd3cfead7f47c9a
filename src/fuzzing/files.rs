//! Files that people write.

use std::path::Path;

use crate::config::load;
use crate::config::opnsense::OpnsenseConfig;
use crate::config::rc_conf::RcConf;
use crate::config::system::AnySystem;
use crate::config::{Finding, Settings, lint};
use crate::lab::scenario::Scenario;

/// A carpd.toml: one that can be used shows itself with every default, and that means the same.
pub fn carpd_toml(bytes: &[u8]) {
    let path = Path::new("carpd.toml");
    match load::check(path, bytes, false, &AnySystem) {
        Ok(loaded) => {
            let shown = loaded.settings.to_toml();
            let again = settings(path, shown.as_bytes());
            assert_eq!(again.to_toml(), shown);
            assert_eq!(again, loaded.settings, "{shown}");
            let _ = loaded.policy();
            told(&loaded.findings, bytes);
        }
        Err(unusable) => told(&unusable.findings, bytes),
    }
}

fn settings(path: &Path, text: &[u8]) -> Settings {
    match load::check(path, text, false, &AnySystem) {
        Ok(loaded) => loaded.settings,
        Err(unusable) => panic!("what `config show` says is refused: {unusable}\n{}", String::from_utf8_lossy(text)),
    }
}

/// A config.xml: every finding names a line that there is. A pair of a file with itself can be judged, too.
pub fn config_xml(bytes: &[u8]) {
    let Ok(config) = OpnsenseConfig::parse(Path::new("config.xml"), bytes) else { return };
    let _ = config.vhids();
    told(&lint::single(&config), bytes);
    told(&lint::pair(&config, &config), bytes);
}

fn told(findings: &[Finding], bytes: &[u8]) {
    let lines = 1 + bytes.iter().filter(|byte| **byte == b'\n').count();
    for finding in findings {
        assert!(!finding.cause.is_empty() && !finding.remedy.is_empty(), "{finding:?}");
        assert!(usize::try_from(finding.place.line).unwrap() <= lines, "{finding:?}");
    }
}

/// A scenario of the lab: its mistakes are told with lines that there are.
pub fn scenario(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // Files that a scenario names are looked for beside it, so nothing outside of this path is opened.
    let Err(mistakes) = Scenario::parse(Path::new("/nonexistent/scenario.toml"), text) else { return };
    assert!(!mistakes.is_empty());
    let lines = 1 + text.bytes().filter(|byte| *byte == b'\n').count();
    for mistake in mistakes {
        assert!(mistake.line.is_none_or(|line| (1..=lines).contains(&line)), "{mistake}");
    }
}

/// An rc.conf: nothing in it is run, and what is found or not understood has a line that there is.
pub fn rc_conf(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = 1 + text.bytes().filter(|byte| *byte == b'\n').count();
    let mut read = RcConf::default();
    read.add(&text, Path::new("rc.conf"));
    for vip in read.vips() {
        assert!((1..=lines).contains(&usize::try_from(vip.place.line).unwrap()), "{vip:?}");
        let _ = read.interface(&vip.interface);
    }
    let _ = (read.unread().len(), read.calls());
}
