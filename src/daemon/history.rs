//! What happened: the newest entries in memory, and on disk as far as the disk allows.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::control::Entry;
use crate::core::{Level, Note, Topic};
use crate::model::Wall;
use crate::regular_file;

/// How many entries are kept in memory.
const KEPT: usize = 1000;

/// The size at which the file is set aside as `history.jsonl.1`; so both together stay below about 2 MiB.
const ROTATE_AT: u64 = 1 << 20;

/// How many lines may wait for a slow disk before newer ones are not written.
const QUEUE: usize = 4096;

/// How the note begins that a daemon writes when it starts.
pub(crate) const STARTS: &str = "carpd ";

/// The note that a daemon writes last.
pub(crate) const ENDS: &str = "carpd ends; the vhids stay as they are";

/// How the note begins that stands before what was done in the absence of a daemon.
pub(crate) const WITHOUT: &str = "without carpd: ";

/// The history of a node.
#[derive(Debug)]
pub(crate) struct History {
    entries: VecDeque<Entry>,
    next: u64,
    disk: mpsc::Sender<Arc<str>>,
}

impl History {
    /// The history kept in `directory`, and the task that writes it.
    pub(crate) fn open(directory: &Path) -> (Self, JoinHandle<()>) {
        let (entries, torn) = restore(directory);
        let next = entries.back().map_or(1, |entry| entry.seq + 1);
        let (disk, lines) = mpsc::channel(QUEUE);
        if torn {
            let _ = disk.try_send("\n".into());
        }
        let writer = tokio::spawn(write_all(directory.to_owned(), lines));
        (Self { entries, next, disk }, writer)
    }

    /// The time of the last entry, if the daemon that wrote it did not come to its end. A history without any start is of no daemon
    /// that would have written its end.
    pub(crate) fn broke_off(&self) -> Option<Wall> {
        let begins = |entry: &Entry, with: &str| entry.note.topic == Topic::Daemon && entry.note.text.starts_with(with);
        let last = self.entries.iter().rposition(|entry| begins(entry, STARTS))?;
        // What was done in its absence was not its word.
        let words = self.entries.range(last..).take_while(|entry| !begins(entry, WITHOUT));
        (self.entries[last].note.text != ENDS).then(|| words.last().map(|entry| entry.time)).flatten()
    }

    /// Adds an entry. Returns it as a line of JSON.
    pub(crate) fn add(&mut self, note: Note, time: Wall) -> Entry {
        let entry = Entry { seq: self.next, time, note };
        self.next += 1;
        if self.entries.len() == KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(entry.clone());
        if let Ok(mut line) = serde_json::to_string(&entry) {
            line.push('\n');
            // A disk that cannot keep up costs lines on the disk, never the daemon's time.
            let _ = self.disk.try_send(line.into());
        }
        entry
    }

    /// The newest `limit` entries, the newest last.
    pub(crate) fn newest(&self, limit: usize) -> Vec<Entry> {
        self.entries.iter().skip(self.entries.len().saturating_sub(limit)).cloned().collect()
    }
}

/// Adds to the history in `directory` what was done in the absence of a daemon, and why. The caller holds the lock.
pub(crate) fn record(directory: &Path, why: &str, mut notes: Vec<Note>, time: Wall) -> io::Result<()> {
    let text = format!("{WITHOUT}{why}");
    notes.insert(0, Note { level: Level::Info, topic: Topic::Daemon, object: String::new(), text });
    let (entries, torn) = restore(directory);
    let next = entries.back().map_or(1, |entry| entry.seq + 1);
    let mut batch = if torn { "\n".to_owned() } else { String::new() };
    for (seq, note) in (next..).zip(notes) {
        batch += &serde_json::to_string(&Entry { seq, time, note })?;
        batch.push('\n');
    }
    append(directory, batch.as_bytes())
}

/// The newest entries on disk, and whether the last line was cut by a crash.
fn restore(directory: &Path) -> (VecDeque<Entry>, bool) {
    let mut entries = VecDeque::with_capacity(KEPT);
    let mut torn = false;
    for name in ["history.jsonl.1", "history.jsonl"] {
        let bytes = tail(&directory.join(name)).unwrap_or_default();
        torn = bytes.last().is_some_and(|last| *last != b'\n');
        for entry in understand(&bytes) {
            if entries.len() == KEPT {
                entries.pop_front();
            }
            entries.push_back(entry);
        }
    }
    (entries, torn)
}

/// No history comes to so many entries: a damaged number must not end the counting.
const MOST: u64 = u64::MAX / 2;

/// The entries in the content of a file. Lines that are none are passed over: the first may be cut, and so may the last.
pub(super) fn understand(bytes: &[u8]) -> impl Iterator<Item = Entry> {
    let entries = bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Entry>(line).ok());
    entries.filter(|entry| entry.seq < MOST)
}

/// The end of a file, as far as it can hold entries of interest.
fn tail(path: &Path) -> io::Result<Vec<u8>> {
    let (mut file, meta) = regular_file::open(path)?;
    file.seek(SeekFrom::Start(meta.len().saturating_sub(ROTATE_AT / 4)))?;
    let mut bytes = Vec::new();
    file.take(ROTATE_AT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

async fn write_all(directory: PathBuf, mut lines: mpsc::Receiver<Arc<str>>) {
    while let Some(first) = lines.recv().await {
        let mut batch = first.to_string();
        while let Ok(line) = lines.try_recv() {
            batch.push_str(&line);
        }
        let directory = directory.clone();
        let written = tokio::task::spawn_blocking(move || append(&directory, batch.as_bytes())).await;
        if let Ok(Err(error)) = written {
            tracing::debug!("the history cannot be written: {error}");
        }
    }
}

fn append(directory: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = directory.join("history.jsonl");
    let open = || OpenOptions::new().append(true).create(true).mode(0o600).open(&path);
    let mut file: File = open()?;
    if file.metadata()?.len() + bytes.len() as u64 > ROTATE_AT {
        std::fs::rename(&path, directory.join("history.jsonl.1"))?;
        file = open()?;
    }
    file.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(text: &str) -> Note {
        Note { level: Level::Info, topic: Topic::Vhid, object: "1@em0".into(), text: text.into() }
    }

    #[tokio::test]
    async fn a_restart_keeps_the_history_and_counts_on() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let (mut history, writer) = History::open(directory);
        for n in 0..1500 {
            history.add(note(&n.to_string()), Wall::from_millis(n));
        }
        assert_eq!(history.newest(2).iter().map(|e| e.seq).collect::<Vec<_>>(), [1499, 1500]);
        drop(history);
        writer.await.unwrap();
        append(directory, b"{\"seq\":1501,\"ti").unwrap();
        let (mut history, writer) = History::open(directory);
        let entries = history.newest(usize::MAX);
        assert_eq!((entries.len(), entries[0].seq, entries[999].seq), (KEPT, 501, 1500));
        assert_eq!(history.add(note("next"), Wall::from_millis(0)).seq, 1501);
        drop(history);
        writer.await.unwrap();
        let (entries, torn) = restore(directory);
        assert_eq!((entries[999].seq, torn), (1501, false), "a line cut by a crash does not spoil the next one");
    }

    #[tokio::test]
    async fn a_damaged_number_does_not_end_the_counting() {
        let directory = tempfile::tempdir().unwrap();
        let line = |seq: u64| {
            let entry = Entry { seq, time: Wall::from_millis(0), note: note("old") };
            serde_json::to_string(&entry).unwrap() + "\n"
        };
        append(directory.path(), (line(7) + &line(u64::MAX)).as_bytes()).unwrap();
        let (mut history, _writer) = History::open(directory.path());
        assert_eq!(
            [history.add(note("a"), Wall::from_millis(1)).seq, history.add(note("b"), Wall::from_millis(1)).seq],
            [8, 9]
        );
    }

    #[test]
    fn the_files_stay_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let batch = vec![b'x'; 300_000];
        for _ in 0..20 {
            append(directory, &batch).unwrap();
        }
        for name in ["history.jsonl", "history.jsonl.1"] {
            let length = std::fs::metadata(directory.join(name)).unwrap().len();
            assert!(length <= ROTATE_AT, "{name} {length}");
        }
    }
}
