//! Reads the bytes that a running FreeBSD kernel produced; the format is told in the README beside them.

use std::path::{Path, PathBuf};

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/freebsd-15.1-amd64").join(file)
}

/// The text of a file.
pub(crate) fn text(file: &str) -> String {
    let path = path(file);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The buffers of a file with their names, which may occur more than once.
pub(crate) fn buffers_in_order(file: &str) -> Vec<(String, Vec<u8>)> {
    let mut buffers: Vec<(String, Vec<u8>)> = Vec::new();
    let mut length = 0;
    for line in text(file).lines() {
        if let Some(header) = line.strip_prefix("== ") {
            let (name, bytes) = header.rsplit_once(' ').unwrap();
            buffers.push((name.to_owned(), Vec::new()));
            length = bytes.parse().unwrap();
        } else if let Some((_, bytes)) = buffers.last_mut()
            && bytes.len() < length
            && !line.starts_with('#')
        {
            bytes.extend(line.split_whitespace().map(|b| u8::from_str_radix(b, 16).unwrap()));
        }
    }
    buffers
}

/// One buffer of a file.
pub(crate) fn buffer(file: &str, name: &str) -> Vec<u8> {
    let mut buffers = buffers_in_order(file);
    let at = buffers.iter().position(|(n, _)| n == name).unwrap_or_else(|| panic!("{file} has no {name}"));
    buffers.swap_remove(at).1
}

/// Sizes, offsets and numbers of the system that the rest was recorded on, as its own headers have them.
pub(super) struct Abi(serde_json::Value);

pub(super) fn abi() -> Abi {
    Abi(serde_json::from_str(&text("abi.json")).unwrap())
}

impl Abi {
    fn number(value: &serde_json::Value) -> usize {
        usize::try_from(value.as_u64().unwrap()).unwrap()
    }

    /// The size of a structure.
    pub(super) fn size(&self, of: &str) -> usize {
        Self::number(&self.0["structs"][of]["size"])
    }

    /// The offset and the size of a field.
    pub(super) fn field(&self, of: &str, name: &str) -> [usize; 2] {
        let field = &self.0["structs"][of]["fields"][name];
        [Self::number(&field[0]), Self::number(&field[1])]
    }

    /// The number of a request.
    pub(super) fn request(&self, name: &str) -> u64 {
        let code = self.0["ioctl"][name].as_str().unwrap().trim_start_matches("0x");
        u64::from_str_radix(code, 16).unwrap()
    }

    /// A constant.
    pub(super) fn constant(&self, name: &str) -> u64 {
        self.0["const"][name].as_u64().unwrap()
    }
}
