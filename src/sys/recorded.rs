//! Reads the bytes that a running FreeBSD kernel produced; the format is told in the README beside them.

use std::collections::BTreeMap;
use std::path::Path;

/// The buffers of a `.hex` file by name.
pub(crate) fn buffers(file: &str) -> BTreeMap<String, Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/freebsd-15.1-amd64").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut buffers = BTreeMap::new();
    let mut current: Option<(String, usize)> = None;
    for line in text.lines() {
        if let Some(header) = line.strip_prefix("== ") {
            let (name, length) = header.rsplit_once(' ').unwrap();
            buffers.insert(name.to_owned(), Vec::new());
            current = Some((name.to_owned(), length.parse().unwrap()));
        } else if let Some((name, length)) = &current
            && !line.starts_with('#')
        {
            let bytes: &mut Vec<u8> = buffers.get_mut(name).unwrap();
            if bytes.len() < *length {
                bytes.extend(line.split_whitespace().map(|b| u8::from_str_radix(b, 16).unwrap()));
            }
        }
    }
    buffers
}

/// One buffer of a file.
pub(crate) fn buffer(file: &str, name: &str) -> Vec<u8> {
    buffers(file).remove(name).unwrap_or_else(|| panic!("{file} has no {name}"))
}
