//! Netlink messages as FreeBSD speaks them: framing, attributes, answers, and the resolution of generic families.
//!
//! Sources: netlink(4), genetlink(4), `sys/netlink/netlink.h`, `sys/netlink/netlink_generic.h`. FreeBSD differs from Linux:
//! errors are positive errno values, an error found during a dump is in the closing `NLMSG_DONE` and nowhere else, and
//! answers copy the request's flags, so only the type tells what a message is.

use std::ffi::CStr;

/// `NLMSG_ERROR`
const ERROR: u16 = 2;
/// `NLMSG_DONE`
const DONE: u16 = 3;

/// `NLM_F_REQUEST`: without it a message is ignored.
pub const REQUEST: u16 = 0x1;
/// `NLM_F_ACK`: an answer even to success.
pub const ACK: u16 = 0x4;
/// `NLM_F_DUMP`: everything that fits.
pub const DUMP: u16 = 0x300;
/// `NLM_F_CREATE | NLM_F_EXCL`: what adding means. The kernel does not look at it yet: an address that exists is replaced
/// (`sys/netlink/route/iface.c`).
pub const CREATE: u16 = 0x600;

/// `GENL_ID_CTRL`: the family that knows all families.
const CONTROL_FAMILY: u16 = 0x10;
/// `CTRL_CMD_GETFAMILY`
const GET_FAMILY: u8 = 3;
/// `CTRL_ATTR_FAMILY_ID`
const FAMILY_ID: u16 = 1;
/// `CTRL_ATTR_FAMILY_NAME`
const FAMILY_NAME: u16 = 2;
/// `CTRL_ATTR_MCAST_GROUPS`
const FAMILY_GROUPS: u16 = 7;
/// `CTRL_ATTR_MCAST_GRP_NAME`
const GROUP_NAME: u16 = 1;
/// `CTRL_ATTR_MCAST_GRP_ID`
const GROUP_ID: u16 = 2;

/// `NLMSGERR_ATTR_MSG`
const ERROR_TEXT: u16 = 1;
/// `NLMSGERR_ATTR_OFFS`
const ERROR_OFFSET: u16 = 2;

/// `struct nlmsghdr`
const HEADER: usize = 16;
/// `struct nlattr`
const ATTRIBUTE_HEADER: usize = 4;

/// Why bytes are not what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They end in the middle of something.
    #[error("a netlink message ends in the middle of its {0}")]
    Short(&'static str),
    /// A value has another size than its attribute's type.
    #[error("netlink attribute {attribute} has {size} bytes")]
    Size {
        /// Its number.
        attribute: u16,
        /// Its size.
        size: usize,
    },
    /// A value is outside its range.
    #[error("netlink attribute {0} is out of range")]
    Range(u16),
    /// An attribute that has to be there is not.
    #[error("a netlink message lacks attribute {0}")]
    Missing(u16),
}

/// A message, decoded as far as its header goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its type: a control number, or that of a family.
    pub kind: u16,
    /// The number of the request that it answers.
    pub seq: u32,
    /// What follows the header.
    pub body: &'a [u8],
}

/// What a message means in an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// One of the things that were asked for.
    Data(Message<'a>),
    /// The end of a dump; not 0 if it failed.
    Done {
        /// The errno, 0 for success.
        errno: i32,
    },
    /// The end of anything else; 0 is the acknowledgement.
    Status {
        /// The errno, 0 for success.
        errno: i32,
        /// The kernel's own words, if it has any (`NLMSGERR_ATTR_MSG`).
        text: Option<&'a str>,
    },
}

/// The messages of a datagram. It ends after the first one that is broken.
pub fn messages(datagram: &[u8]) -> impl Iterator<Item = Result<Message<'_>, DecodeError>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let message = message(rest);
        rest = match &message {
            Ok(message) => rest.get(align(HEADER + message.body.len())..).unwrap_or_default(),
            Err(_) => &[],
        };
        Some(message)
    })
}

fn message(bytes: &[u8]) -> Result<Message<'_>, DecodeError> {
    let length = u32_at(bytes, 0).ok_or(DecodeError::Short("header"))? as usize;
    let body = bytes.get(HEADER..length).ok_or(DecodeError::Short("body"))?;
    let kind = u16_at(bytes, 4).ok_or(DecodeError::Short("header"))?;
    let seq = u32_at(bytes, 8).ok_or(DecodeError::Short("header"))?;
    Ok(Message { kind, seq, body })
}

impl<'a> Message<'a> {
    /// What it means.
    ///
    /// # Errors
    /// A status without its number.
    pub fn answer(self) -> Result<Answer<'a>, DecodeError> {
        let errno = || i32_at(self.body, 0).ok_or(DecodeError::Short("status"));
        Ok(match self.kind {
            DONE => Answer::Done { errno: errno()? },
            ERROR => Answer::Status { errno: errno()?, text: self.error_text() },
            _ => Answer::Data(self),
        })
    }

    fn error_text(&self) -> Option<&'a str> {
        self.explanation(ERROR_TEXT).and_then(|text| string(ERROR_TEXT, text).ok())
    }

    /// Where in the request the attribute begins that a refusal is about, in bytes, if the kernel tells
    /// (`NLMSGERR_ATTR_OFFS`).
    #[must_use]
    pub fn refused_at(&self) -> Option<u32> {
        if self.kind != ERROR {
            return None;
        }
        self.explanation(ERROR_OFFSET).and_then(|offset| number(ERROR_OFFSET, offset).ok())
    }

    /// An error quotes the whole request, an acknowledgement only its header; attributes come behind the quotation, if the
    /// socket asked for them (`NETLINK_EXT_ACK`).
    fn explanation(&self, wanted: u16) -> Option<&'a [u8]> {
        let quoted = align(u32_at(self.body, 4)? as usize);
        let behind = self.body.get(quoted.checked_add(4)?..)?;
        attributes(behind).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
    }
}

/// The attributes in `bytes`, by type. A broken one ends them: what comes before it still counts, as with any attribute
/// that an older or newer kernel lacks.
pub fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0)?);
        // The high bits say that a value is nested or in network order; the type is below.
        let kind = u16_at(rest, 2)? & 0x3fff;
        let value = rest.get(ATTRIBUTE_HEADER..length)?;
        rest = rest.get(align(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// A number of four bytes.
///
/// # Errors
/// Another size.
pub fn number(attribute: u16, value: &[u8]) -> Result<u32, DecodeError> {
    value.try_into().map(u32::from_ne_bytes).map_err(|_| DecodeError::Size { attribute, size: value.len() })
}

/// A fixed number of bytes.
///
/// # Errors
/// Another size.
pub fn array<const N: usize>(attribute: u16, value: &[u8]) -> Result<[u8; N], DecodeError> {
    value.try_into().map_err(|_| DecodeError::Size { attribute, size: value.len() })
}

/// A text that ends in NUL.
///
/// # Errors
/// No NUL, or not UTF-8.
pub fn string(attribute: u16, value: &[u8]) -> Result<&str, DecodeError> {
    CStr::from_bytes_until_nul(value).ok().and_then(|text| text.to_str().ok()).ok_or(DecodeError::Range(attribute))
}

/// Writes one message.
#[derive(Debug)]
pub struct Builder(Vec<u8>);

impl Builder {
    /// A request of the type `kind` with the number `seq`. `body` is the fixed part after the header.
    #[must_use]
    pub fn request(kind: u16, flags: u16, seq: u32, body: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend(0u32.to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend((REQUEST | flags).to_ne_bytes());
        bytes.extend(seq.to_ne_bytes());
        bytes.extend(0u32.to_ne_bytes());
        bytes.extend(body);
        Self(bytes)
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        // No value here is longer than a few dozen bytes.
        let length = u16::try_from(ATTRIBUTE_HEADER + value.len()).unwrap_or(u16::MAX);
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(value);
        self.0.resize(align(self.0.len()), 0);
        self
    }

    /// Adds a number of four bytes.
    #[must_use]
    pub fn number(self, kind: u16, value: u32) -> Self {
        self.attribute(kind, &value.to_ne_bytes())
    }

    /// Adds a text with its NUL.
    #[must_use]
    pub fn string(self, kind: u16, value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes)
    }

    /// The message.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        let length = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0[..4].copy_from_slice(&length.to_ne_bytes());
        self.0
    }
}

/// `struct genlmsghdr` of the family version that FreeBSD's families use.
#[must_use]
pub const fn generic(command: u8) -> [u8; 4] {
    [command, 2, 0, 0]
}

/// Asks for the family called `name`.
#[must_use]
pub fn resolve(name: &str, seq: u32) -> Vec<u8> {
    Builder::request(CONTROL_FAMILY, ACK, seq, &[GET_FAMILY, 1, 0, 0]).string(FAMILY_NAME, name).finish()
}

/// A generic family: its number, and its multicast groups by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// Its number in this boot.
    pub id: u16,
    /// Its multicast groups.
    pub groups: Vec<(String, u32)>,
}

impl Family {
    /// Reads the answer to [`resolve`].
    ///
    /// # Errors
    /// The number is missing or of another size.
    pub fn decode(message: &Message<'_>) -> Result<Self, DecodeError> {
        let body = message.body.get(4..).ok_or(DecodeError::Short("generic header"))?;
        let mut family = Self { id: 0, groups: Vec::new() };
        for (kind, value) in attributes(body) {
            match kind {
                FAMILY_ID => family.id = u16::from_ne_bytes(array(kind, value)?),
                FAMILY_GROUPS => family.groups = attributes(value).filter_map(|(_, group)| group_of(group)).collect(),
                _ => {}
            }
        }
        if family.id == 0 { Err(DecodeError::Missing(FAMILY_ID)) } else { Ok(family) }
    }
}

fn group_of(bytes: &[u8]) -> Option<(String, u32)> {
    let name = attributes(bytes).find(|(kind, _)| *kind == GROUP_NAME)?;
    let id = attributes(bytes).find(|(kind, _)| *kind == GROUP_ID)?;
    Some((string(GROUP_NAME, name.1).ok()?.to_owned(), number(GROUP_ID, id.1).ok()?))
}

/// The next multiple of four. The lengths of hostile bytes go up to the largest number there is.
const fn align(length: usize) -> usize {
    length.saturating_add(3) & !3
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

pub(super) fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    bytes.get(at..at + 4)?.try_into().ok().map(i32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::recorded::{abi, buffer};
    use proptest::prelude::*;

    fn answers(datagram: &[u8]) -> Vec<Answer<'_>> {
        messages(datagram).map(|m| m.unwrap().answer().unwrap()).collect()
    }

    #[test]
    fn a_family_is_asked_for_and_understood_as_recorded() {
        let sent = buffer("netlink-resolve-carp.hex", "send");
        assert_eq!(resolve("carp", 1), sent);
        let received = buffer("netlink-resolve-carp.hex", "recv.0");
        let [Answer::Data(family), Answer::Status { errno: 0, text: None }] = answers(&received)[..] else { panic!() };
        assert_eq!(Family::decode(&family).unwrap(), Family { id: 0x11, groups: Vec::new() });
    }

    #[test]
    fn the_layout_and_the_numbers_are_the_kernel_s() {
        assert_eq!((abi().size("struct nlmsghdr"), abi().size("struct nlattr")), (HEADER, ATTRIBUTE_HEADER));
        assert_eq!(abi().size("struct nlmsgerr"), 4 + HEADER, "the errno comes before the quoted header");
        for (name, number) in [
            ("NLMSG_ERROR", ERROR),
            ("NLMSG_DONE", DONE),
            ("NLM_F_REQUEST", REQUEST),
            ("NLM_F_ACK", ACK),
            ("NLM_F_DUMP", DUMP),
            ("NLMSGERR_ATTR_MSG", ERROR_TEXT),
            ("NLMSGERR_ATTR_OFFS", ERROR_OFFSET),
            ("GENL_ID_CTRL", CONTROL_FAMILY),
            ("CTRL_CMD_GETFAMILY", GET_FAMILY.into()),
            ("CTRL_ATTR_FAMILY_ID", FAMILY_ID),
            ("CTRL_ATTR_FAMILY_NAME", FAMILY_NAME),
            ("CTRL_ATTR_MCAST_GROUPS", FAMILY_GROUPS),
            ("CTRL_ATTR_MCAST_GRP_NAME", GROUP_NAME),
            ("CTRL_ATTR_MCAST_GRP_ID", GROUP_ID),
        ] {
            assert_eq!(abi().constant(name), u64::from(number), "{name}");
        }
    }

    #[test]
    fn a_dump_of_links_is_taken_apart_as_recorded() {
        let received = buffer("netlink-getlink-dump.hex", "recv.0");
        let mut names = Vec::new();
        for answer in answers(&received) {
            let Answer::Data(link) = answer else { continue };
            let (_, name) = attributes(&link.body[16..]).find(|(kind, _)| *kind == 3).unwrap();
            names.push(string(3, name).unwrap());
        }
        assert_eq!(names, ["lo0", "pflog0", "pfsync0", "epair0b"]);
    }

    #[test]
    fn an_unknown_family_is_an_error_with_a_positive_number() {
        let received = buffer("netlink-resolve-unknown.hex", "recv.0");
        assert_eq!(answers(&received), [Answer::Status { errno: 2, text: None }]);
    }

    #[test]
    fn an_error_during_a_dump_is_in_its_end() {
        let received = buffer("netlink-get-unknown-vhid.hex", "recv.0");
        assert_eq!(answers(&received), [Answer::Done { errno: 2 }]);
    }

    #[test]
    fn refusals_are_read_with_and_without_attributes_behind_the_quotation() {
        for (file, errno) in [
            ("netlink-get-unknown-if.hex", 6),
            ("netlink-get-lo0.hex", 45),
            ("netlink-set-eperm.hex", 1),
            ("netlink-set-long-key.hex", 22),
            ("netlink-deladdr-missing.hex", 49),
        ] {
            let received = buffer(file, "recv.0");
            assert!(matches!(answers(&received)[..], [Answer::Status { errno: e, .. }] if e == errno), "{file}");
        }
    }

    #[test]
    fn the_kernel_s_words_and_the_attribute_it_means_are_found_as_recorded() {
        for (file, words, about) in [
            ("netlink-set-short-int.hex", Some("nla type 1 size(2) is not uint32"), 1u16),
            ("netlink-set-long-key.hex", None, 5),
        ] {
            let (sent, received) = (buffer(file, "send"), buffer(file, "recv.0"));
            assert_eq!(answers(&received), [Answer::Status { errno: 22, text: words }], "{file}");
            let refused_at = messages(&received).next().unwrap().unwrap().refused_at().unwrap();
            let (kind, _) = attributes(&sent[refused_at as usize..]).next().unwrap();
            assert_eq!(kind, about, "{file}");
        }
        let received = buffer("netlink-get-extack.hex", "recv.0");
        assert_eq!(answers(&received), [Answer::Status { errno: 6, text: None }]);
    }

    #[test]
    fn the_kernel_s_words_behind_an_error_are_found() {
        let quoted = resolve("carp", 9);
        let mut body = 22i32.to_ne_bytes().to_vec();
        body.extend(&quoted);
        let mut message = Builder::request(ERROR, 0, 9, &body).string(1, "no such thing").finish();
        assert_eq!(answers(&message), [Answer::Status { errno: 22, text: Some("no such thing") }]);
        message.truncate(30);
        assert_eq!(messages(&message).next(), Some(Err(DecodeError::Short("body"))));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for message in messages(&bytes).flatten() {
                if let Ok(Answer::Data(data)) = message.answer() {
                    let _ = Family::decode(&data);
                }
            }
        }
    }
}
