//! Names: of a vhid (always with its interface), of an interface, of a service.

use std::fmt;
use std::num::NonZeroU8;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not a name of the wanted kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    /// Not a number from 1 to 255 (`CARP_MAXVHID`, `sys/netinet/ip_carp.h`).
    #[error("vhid {0:?} is not a number from 1 to 255")]
    Vhid(String),
    /// Empty, longer than 15 bytes (`IFNAMSIZ` - 1, `sys/net/if.h`), or with a character no interface has.
    #[error("{0:?} is not an interface name: 1 to 15 letters, digits, '.', '_' or '-'")]
    Interface(String),
    /// A vhid without its interface, or the reverse.
    #[error("{0:?} is not VHID@INTERFACE, for example 1@vtnet0")]
    VhidRef(String),
    /// Not usable as a service name.
    #[error("{0:?} is not a service name: 1 to 63 letters, digits, '.', '_' or '-'")]
    Service(String),
}

/// A virtual host id, 1 to 255. Unique per interface only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(try_from = "u32", into = "u8")]
#[cfg_attr(test, schemars(with = "NonZeroU8"))]
pub struct Vhid(NonZeroU8);

impl Vhid {
    /// The vhid with this number, if it is 1 to 255.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        u8::try_from(number).ok().and_then(NonZeroU8::new).map(Self)
    }

    /// The number, 1 to 255.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

impl TryFrom<u32> for Vhid {
    type Error = ParseIdError;

    fn try_from(number: u32) -> Result<Self, ParseIdError> {
        Self::new(number).ok_or_else(|| ParseIdError::Vhid(number.to_string()))
    }
}

impl From<Vhid> for u8 {
    fn from(vhid: Vhid) -> Self {
        vhid.get()
    }
}

impl FromStr for Vhid {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<u32>()
            .ok()
            .filter(|_| plain)
            .and_then(Self::new)
            .ok_or_else(|| ParseIdError::Vhid(text.to_owned()))
    }
}

impl fmt::Display for Vhid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn is_name(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $longest:expr, $error:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(try_from = "String", into = "String")]
        #[cfg_attr(test, schemars(with = "String"))]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                if is_name(text, $longest) {
                    Ok(Self(text.into()))
                } else {
                    Err(ParseIdError::$error(text.to_owned()))
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;

            fn try_from(text: String) -> Result<Self, ParseIdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name_type!(
    /// An interface as the kernel knows it (`vtnet0`, `vlan0.10`), 1 to 15 bytes.
    InterfaceName, 15, Interface
);
name_type!(
    /// A service as the configuration names it, 1 to 63 bytes.
    ServiceName, 63, Service
);

/// A vhid together with its interface, written `1@vtnet0` as the kernel's events write it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(test, schemars(with = "String"))]
pub struct VhidRef {
    /// The interface that carries the vhid.
    pub interface: InterfaceName,
    /// The vhid.
    pub vhid: Vhid,
}

impl VhidRef {
    /// The vhid `vhid` of `interface`.
    #[must_use]
    pub const fn new(vhid: Vhid, interface: InterfaceName) -> Self {
        Self { interface, vhid }
    }
}

impl FromStr for VhidRef {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (vhid, interface) = text.split_once('@').ok_or_else(|| ParseIdError::VhidRef(text.to_owned()))?;
        Ok(Self::new(vhid.parse()?, interface.parse()?))
    }
}

impl TryFrom<String> for VhidRef {
    type Error = ParseIdError;

    fn try_from(text: String) -> Result<Self, ParseIdError> {
        text.parse()
    }
}

impl From<VhidRef> for String {
    fn from(id: VhidRef) -> Self {
        id.to_string()
    }
}

impl fmt::Display for VhidRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.width().is_some() {
            return f.pad(&format!("{}@{}", self.vhid, self.interface));
        }
        write!(f, "{}@{}", self.vhid, self.interface)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vhid_is_1_to_255_and_nothing_else() {
        for text in ["1", "255", "007"] {
            assert!(text.parse::<Vhid>().is_ok(), "{text}");
        }
        for text in ["0", "256", "-1", "+1", "", "1x", "4294967297"] {
            assert!(text.parse::<Vhid>().is_err(), "{text}");
        }
    }

    #[test]
    fn vhid_ref_reads_what_it_writes() {
        let id: VhidRef = "12@vlan0.10".parse().unwrap();
        assert_eq!((id.vhid.get(), id.interface.as_str()), (12, "vlan0.10"));
        assert_eq!(id.to_string().parse::<VhidRef>().unwrap(), id);
        for text in ["1", "@em0", "1@", "1@em0@em1", "1@a-name-of-16-byte", "1@em 0", "0@em0"] {
            assert!(text.parse::<VhidRef>().is_err(), "{text}");
        }
    }
}
