//! The packed form of libnv's lists, which pfsync is configured with: nv(9), `sys/contrib/libnv/nvlist.c`.
//!
//! Two things are easily got wrong. In *every* header, nested ones too, the size is the number of bytes that follow up to the
//! end of the whole buffer. And the data size of a nested list does not count the terminator that closes it.

/// The longest name that is read, in bytes; the kernel's own limit is far above.
const LONGEST_NAME: usize = 255;
/// How deep lists may be nested when read.
const DEEPEST: usize = 8;

const MAGIC: u8 = 0x6c;
const HEADER: usize = 19;
const BIG_ENDIAN: u8 = 0x80;

const TYPE_BOOL: u8 = 2;
const TYPE_NUMBER: u8 = 3;
const TYPE_STRING: u8 = 4;
const TYPE_NVLIST: u8 = 5;
const TYPE_BINARY: u8 = 7;
const TYPE_UP: u8 = 255;

/// A list of named values, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NvList(Vec<(String, Value)>);

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// A number.
    Number(u64),
    /// A text.
    Text(String),
    /// Bytes; never empty.
    Binary(Vec<u8>),
    /// A list.
    List(NvList),
}

/// Why bytes are not a packed list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NvError {
    /// The first byte is not that of a list.
    #[error("not a packed nvlist")]
    Magic,
    /// Written by a machine of the other byte order.
    #[error("a packed nvlist of another byte order")]
    ByteOrder,
    /// It ends in the middle of something, or its sizes contradict each other.
    #[error("a packed nvlist whose sizes contradict each other")]
    Size,
    /// A name or text without its end, or not UTF-8.
    #[error("a packed nvlist with a broken text")]
    Text,
    /// A type that pfsync does not use.
    #[error("a packed nvlist with a value of type {0}")]
    Type(u8),
    /// Lists within lists within lists.
    #[error("a packed nvlist that is nested too deep")]
    Depth,
}

impl NvList {
    /// Adds a value.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.0.push((name.to_owned(), value));
        self
    }

    /// The value called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// The number called `name`.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        if let Some(Value::Number(number)) = self.get(name) { Some(*number) } else { None }
    }

    /// The text called `name`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        if let Some(Value::Text(text)) = self.get(name) { Some(text) } else { None }
    }

    /// The list called `name`.
    #[must_use]
    pub fn list(&self, name: &str) -> Option<&Self> {
        if let Some(Value::List(list)) = self.get(name) { Some(list) } else { None }
    }

    /// The bytes called `name`.
    #[must_use]
    pub fn binary(&self, name: &str) -> Option<&[u8]> {
        if let Some(Value::Binary(bytes)) = self.get(name) { Some(bytes) } else { None }
    }

    /// The packed form.
    #[must_use]
    pub fn pack(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut headers = Vec::new();
        pack_list(self, &mut bytes, &mut headers);
        let end = bytes.len();
        for at in headers {
            let follow = (end - at - HEADER) as u64;
            bytes[at + 11..at + HEADER].copy_from_slice(&follow.to_ne_bytes());
        }
        bytes
    }

    /// Reads the packed form.
    ///
    /// # Errors
    /// If the bytes are not one whole list of the types that pfsync uses.
    pub fn unpack(bytes: &[u8]) -> Result<Self, NvError> {
        let mut reader = Reader { bytes, at: 0 };
        let list = reader.list(0, false)?;
        if reader.at == bytes.len() { Ok(list) } else { Err(NvError::Size) }
    }
}

fn pack_list(list: &NvList, bytes: &mut Vec<u8>, headers: &mut Vec<usize>) {
    headers.push(bytes.len());
    bytes.extend([MAGIC, 0, 0]);
    bytes.extend([0; 16]);
    for (name, value) in &list.0 {
        let kind = match value {
            Value::Bool(_) => TYPE_BOOL,
            Value::Number(_) => TYPE_NUMBER,
            Value::Text(_) => TYPE_STRING,
            Value::Binary(_) => TYPE_BINARY,
            Value::List(_) => TYPE_NVLIST,
        };
        let size_at = pack_pair(kind, name, bytes);
        let start = bytes.len();
        match value {
            Value::Bool(value) => bytes.push(u8::from(*value)),
            Value::Number(number) => bytes.extend(number.to_ne_bytes()),
            Value::Text(text) => {
                bytes.extend(text.as_bytes());
                bytes.push(0);
            }
            Value::Binary(data) => bytes.extend(data),
            Value::List(nested) => pack_list(nested, bytes, headers),
        }
        let size = (bytes.len() - start) as u64;
        bytes[size_at..size_at + 8].copy_from_slice(&size.to_ne_bytes());
        if kind == TYPE_NVLIST {
            pack_pair(TYPE_UP, "", bytes);
        }
    }
}

/// Writes a pair's header and name; returns where its data size goes.
fn pack_pair(kind: u8, name: &str, bytes: &mut Vec<u8>) -> usize {
    bytes.push(kind);
    // The names are the few that pfsync knows.
    bytes.extend(u16::try_from(name.len() + 1).unwrap_or(u16::MAX).to_ne_bytes());
    let size_at = bytes.len();
    bytes.extend([0; 16]);
    bytes.extend(name.as_bytes());
    bytes.push(0);
    size_at
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], NvError> {
        let end = self.at.checked_add(length).ok_or(NvError::Size)?;
        let taken = self.bytes.get(self.at..end).ok_or(NvError::Size)?;
        self.at = end;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, NvError> {
        self.take(8)?.try_into().map(u64::from_ne_bytes).map_err(|_| NvError::Size)
    }

    fn list(&mut self, depth: usize, nested: bool) -> Result<NvList, NvError> {
        if depth > DEEPEST {
            return Err(NvError::Depth);
        }
        let header = self.take(3)?;
        if header[0] != MAGIC {
            return Err(NvError::Magic);
        }
        if header[2] & BIG_ENDIAN != 0 {
            return Err(NvError::ByteOrder);
        }
        self.number()?;
        let follow = self.number()?;
        if follow != (self.bytes.len() - self.at) as u64 {
            return Err(NvError::Size);
        }
        let mut list = NvList::default();
        while self.at < self.bytes.len() {
            let (kind, name, size) = self.pair()?;
            if kind == TYPE_UP {
                return if nested { Ok(list) } else { Err(NvError::Size) };
            }
            let value = self.value(kind, size, depth)?;
            list.0.push((name, value));
        }
        if nested { Err(NvError::Size) } else { Ok(list) }
    }

    fn pair(&mut self) -> Result<(u8, String, usize), NvError> {
        let kind = self.take(1)?[0];
        let name_size = self.take(2)?.try_into().map(u16::from_ne_bytes).map_err(|_| NvError::Size)?;
        let size = usize::try_from(self.number()?).map_err(|_| NvError::Size)?;
        self.number()?;
        let name = self.take(name_size.into())?;
        if name.len() > LONGEST_NAME {
            return Err(NvError::Text);
        }
        Ok((kind, text(name)?, size))
    }

    fn value(&mut self, kind: u8, size: usize, depth: usize) -> Result<Value, NvError> {
        match kind {
            TYPE_BOOL if size == 1 => Ok(Value::Bool(self.take(1)? != [0])),
            TYPE_NUMBER if size == 8 => Ok(Value::Number(self.number()?)),
            TYPE_BOOL | TYPE_NUMBER => Err(NvError::Size),
            TYPE_STRING => Ok(Value::Text(text(self.take(size)?)?)),
            // libnv has none that are empty, and refuses to write one.
            TYPE_BINARY if size == 0 => Err(NvError::Size),
            TYPE_BINARY => Ok(Value::Binary(self.take(size)?.to_vec())),
            TYPE_NVLIST => Ok(Value::List(self.list(depth + 1, true)?)),
            other => Err(NvError::Type(other)),
        }
    }
}

fn text(bytes: &[u8]) -> Result<String, NvError> {
    let (nul, text) = bytes.split_last().ok_or(NvError::Text)?;
    if *nul != 0 || text.contains(&0) {
        return Err(NvError::Text);
    }
    String::from_utf8(text.to_vec()).map_err(|_| NvError::Text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::recorded::buffer;
    use proptest::prelude::*;

    #[test]
    fn what_was_recorded_is_read_and_packed_again_to_the_same_bytes() {
        for file in [
            "nv-get-initial.hex",
            "nv-set-empty-syncdev.hex",
            "nv-set-missing-flags.hex",
            "nv-set-missing-maxupdates.hex",
            "nv-set-v4-1400.hex",
            "nv-set-v6-ll.hex",
            "nv-set-v4-1500-mcast.hex",
            "nv-set-handmade.hex",
            "nv-get-after-v6-1400-defer.hex",
        ] {
            let bytes = buffer(file, "nvlist");
            let list = NvList::unpack(&bytes).unwrap_or_else(|e| panic!("{file}: {e}"));
            assert_eq!(list.pack(), bytes, "{file}");
        }
    }

    #[test]
    fn a_nested_list_before_other_pairs_counts_to_the_end_of_the_buffer() {
        let peer = NvList::default().with("af", Value::Number(2)).with("address", Value::Binary(vec![16; 16]));
        let list = NvList::default().with("syncpeer", Value::List(peer)).with("maxupdates", Value::Number(128));
        let bytes = list.pack();
        assert_eq!((bytes.len(), bytes[11], bytes[46 + 1 + 11]), (197, 0xb2, 0x83));
        assert_eq!(NvList::unpack(&bytes).unwrap(), list);
    }

    proptest! {
        #[test]
        fn any_change_to_a_list_is_read_or_refused_without_harm(at in 0..308usize, byte: u8, cut in 0..308usize) {
            let mut bytes = buffer("nv-get-after-v6-ll.hex", "nvlist");
            bytes[at] = byte;
            bytes.truncate(308 - cut);
            let _ = NvList::unpack(&bytes);
        }
    }
}
