//! The state file: the journal on disk, replaced as a whole and never half.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::core::{Journal, Loaded, Unmanaged};
use crate::model::{ServiceName, Wall};
use crate::regular_file;

/// The version of the file's format that this program writes, and the newest it can read.
const FORMAT: u64 = 1;

/// Far more than any journal has.
const LONGEST: u64 = 1 << 20;

/// The state file of a directory.
#[derive(Clone, Debug)]
pub(crate) struct StateFile {
    directory: PathBuf,
}

#[derive(Deserialize)]
struct Header {
    format: u64,
}

#[derive(Serialize)]
struct Document<'a> {
    format: u64,
    journal: &'a Journal,
}

#[derive(Deserialize)]
struct Content {
    journal: Journal,
}

impl StateFile {
    /// The one in `directory`.
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    fn path(&self) -> PathBuf {
        self.directory.join("state.json")
    }

    /// What an earlier run left, and what is to be said about it.
    ///
    /// Content that makes no sense is set aside, and carpd begins with an empty journal. That is safe: an empty journal
    /// claims no share, so carpd takes nothing back that it might not have added. What an earlier run did add stays in the
    /// sum, where status shows it as nobody's, the node is held back rather than put forward, and its write mark in the low
    /// bits makes the ledger refuse to guess. A reboot clears it.
    ///
    /// A file that is of a later version, or cannot be read at all, may be perfectly good, so it is neither used nor replaced.
    pub(crate) fn load(&self) -> (Loaded, Option<String>) {
        let path = self.path();
        let bytes = match read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return (Loaded::Journal(Journal::default()), None),
            Err(error) => {
                return frozen(format!(
                    "{} cannot be read: {error}; make it readable, then restart carpd",
                    path.display()
                ));
            }
        };
        match understand(&bytes) {
            Ok(journal) => (Loaded::Journal(journal), None),
            Err(Unusable::Later(format)) => frozen(format!(
                "{} was written by a later carpd (format {format}, this one knows {FORMAT}); install that version again, or \
                 move the file away if what it remembers may be lost",
                path.display(),
            )),
            Err(Unusable::Damaged(error)) => self.set_aside(&error),
        }
    }

    fn set_aside(&self, error: &serde_json::Error) -> (Loaded, Option<String>) {
        let path = self.path();
        let Some(aside) = (1..1000).map(|n| self.directory.join(format!("state.json.bad-{n}"))).find(|p| !p.exists())
        else {
            return frozen(format!("{} is damaged, and so are 999 earlier ones; remove them", path.display()));
        };
        if let Err(rename) = fs::rename(&path, &aside) {
            return frozen(format!("{} is damaged ({error}) and cannot be moved away: {rename}", path.display()));
        }
        let text = format!(
            "{} is damaged ({error}); it is now {}, and carpd begins anew: if this node was in maintenance, enter it again; \
             a demotion that nobody owns goes away with the next reboot",
            path.display(),
            aside.display()
        );
        (Loaded::Journal(Journal::default()), Some(text))
    }

    /// The journal for somebody who only looks: nothing is set aside, and what cannot be used is as good as absent. `None` if
    /// this user may not read it, too.
    pub(crate) fn peek(&self) -> Option<Journal> {
        let bytes = read(&self.path()).ok()?;
        let header = serde_json::from_slice::<Header>(&bytes).ok()?;
        (header.format <= FORMAT)
            .then(|| serde_json::from_slice::<Content>(&bytes).ok())?
            .map(|content| content.journal)
    }

    /// Who has taken `service` over, for somebody who only looks.
    pub(crate) fn unmanaged(&self, service: &ServiceName, now: Wall) -> Option<Unmanaged> {
        self.peek()?.unmanaged.remove(service).filter(|taken| !taken.expired(now))
    }

    /// Makes `journal` the content, durably: after a crash at any point the file is the old one or the new one.
    ///
    /// # Errors
    /// The cause, with the object's name. The file is then the old one, or the new one that may not survive a power loss.
    pub(crate) fn write(&self, journal: &Journal) -> Result<(), String> {
        let temporary = self.directory.join("state.json.new");
        let said = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
        let bytes = document(journal).map_err(|e| e.to_string())?;
        replace(&temporary, &bytes).map_err(|error| said(&temporary, error))?;
        fs::rename(&temporary, self.path()).map_err(|error| said(&self.path(), error))?;
        // Without this the rename itself could be lost with the power (fsync(2)).
        File::open(&self.directory).and_then(|directory| directory.sync_all()).map_err(|e| said(&self.directory, e))
    }
}

/// Why the content of the file is no journal.
#[derive(Debug)]
pub(super) enum Unusable {
    /// It was written by a later version, in this format.
    Later(u64),
    /// It makes no sense.
    Damaged(serde_json::Error),
}

/// The journal in the content of the file.
pub(super) fn understand(bytes: &[u8]) -> Result<Journal, Unusable> {
    let header: Header = serde_json::from_slice(bytes).map_err(Unusable::Damaged)?;
    if header.format > FORMAT {
        return Err(Unusable::Later(header.format));
    }
    let content: Content = serde_json::from_slice(bytes).map_err(Unusable::Damaged)?;
    Ok(content.journal)
}

/// The content of a file that holds `journal`.
pub(super) fn document(journal: &Journal) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(&Document { format: FORMAT, journal })?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn frozen(why: String) -> (Loaded, Option<String>) {
    (Loaded::Frozen(why.clone()), Some(why))
}

/// The content of the file, of which a part is enough to see that it is damaged if it is too long.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let (file, _) = regular_file::open(path)?;
    file.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    use crate::core::Maintenance;
    use crate::model::{Demotion, Wall};

    fn directory_with(content: &[u8]) -> TempDir {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("state.json"), content).unwrap();
        directory
    }

    fn file(directory: &TempDir) -> StateFile {
        StateFile::new(directory.path())
    }

    fn journal() -> Journal {
        let maintenance = Maintenance {
            reason: "update".into(),
            by: "anna".into(),
            since: Wall::from_millis(1_777_000_000_000),
            until: None,
        };
        Journal {
            boot: "b".into(),
            share: Demotion::new(241),
            mark: 1,
            maintenance: Some(maintenance),
            ..Journal::default()
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        file(&directory).write(&journal()).unwrap();
        let (Loaded::Journal(read), None) = file(&directory).load() else { panic!("{:?}", file(&directory).load()) };
        assert_eq!(read, journal());
    }

    #[test]
    fn a_missing_file_is_a_first_start() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(file(&directory).load(), (Loaded::Journal(j), None) if j == Journal::default()));
    }

    #[test]
    fn a_torn_file_is_set_aside_and_told() {
        let whole = tempfile::tempdir().unwrap();
        file(&whole).write(&journal()).unwrap();
        let bytes = fs::read(whole.path().join("state.json")).unwrap();
        for cut in [0, 1, 10, bytes.len() / 2, bytes.len() - 3] {
            let directory = directory_with(&bytes[..cut]);
            let (Loaded::Journal(read), Some(told)) = file(&directory).load() else { panic!("cut at {cut}") };
            assert_eq!(read, Journal::default());
            assert!(told.contains("state.json.bad-1"), "{told}");
            assert_eq!(fs::read(directory.path().join("state.json.bad-1")).unwrap(), &bytes[..cut]);
            assert!(matches!(file(&directory).load(), (Loaded::Journal(_), None)), "the second start is clean");
        }
    }

    #[test]
    fn a_later_format_is_neither_used_nor_replaced() {
        let later = br#"{"format":2,"journal":{"something":"new"}}"#;
        let directory = directory_with(later);
        assert!(matches!(file(&directory).load(), (Loaded::Frozen(why), Some(_)) if why.contains("later carpd")));
        assert_eq!(fs::read(directory.path().join("state.json")).unwrap(), later);
    }

    #[test]
    fn what_cannot_be_read_is_neither_used_nor_replaced() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("state.json")).unwrap();
        assert!(
            matches!(file(&directory).load(), (Loaded::Frozen(why), Some(_)) if why.contains("not a regular file"))
        );
    }
}
