//! What OPNsense's plugin writes down beside the maintenance flag, for which config.xml has no place.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::core::Maintenance;
use crate::model::Wall;
use crate::regular_file;

/// The file, in the state directory.
const NAME: &str = "maintenance.json";

/// Far more than any record has, in bytes.
const LONGEST: u64 = 64 << 10;

#[derive(Deserialize)]
struct Record {
    reason: String,
    by: String,
    since: Option<Wall>,
    until: Option<Wall>,
}

/// Where it is.
pub(super) fn path(state_dir: &Path) -> PathBuf {
    state_dir.join(NAME)
}

/// The record in `state_dir`, if there is one that can be read. It only explains the flag, so nothing depends on it.
pub(super) fn read(state_dir: &Path) -> Option<Maintenance> {
    let bytes = regular_file::read(&path(state_dir), LONGEST).ok()?;
    let record: Record = serde_json::from_slice(&bytes).ok()?;
    Some(Maintenance { reason: record.reason, by: record.by, since: record.since?, until: record.until })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_of_the_plugin_is_read_and_any_other_text_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(dir.path().join(NAME), text).unwrap();
        assert_eq!(read(dir.path()), None);
        write(
            "{\"reason\":\"update\",\"by\":\"admin\",\"since\":\"2025-11-21T00:00:00Z\",\"until\":null,\"in_place\":true,\"boot\":\"b\"}",
        );
        let since = Wall::from_millis(1_763_683_200_000);
        let record = Maintenance { reason: "update".to_owned(), by: "admin".to_owned(), since, until: None };
        assert_eq!(read(dir.path()), Some(record));
        for text in ["", "{", "[]", "{\"reason\":\"\",\"by\":\"\",\"since\":null,\"until\":null}"] {
            write(text);
            assert_eq!(read(dir.path()), None, "{text}");
        }
    }
}
