//! CARP's own numbers and states.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The kernel's state of a vhid (`sys/netinet/ip_carp.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum CarpState {
    /// Cannot run: interface down, no address, or `net.inet.carp.allow` is 0.
    Init,
    /// Listens to a MASTER.
    Backup,
    /// Owns the addresses.
    Master,
}

impl CarpState {
    /// The kernel's word: `INIT`, `BACKUP` or `MASTER`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Init => "INIT",
            Self::Backup => "BACKUP",
            Self::Master => "MASTER",
        }
    }
}

impl fmt::Display for CarpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for CarpState {
    type Err = String;

    /// Reads the kernel's words, in any case.
    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_uppercase().as_str() {
            "INIT" => Ok(Self::Init),
            "BACKUP" => Ok(Self::Backup),
            "MASTER" => Ok(Self::Master),
            _ => Err(format!("{text:?} is not INIT, BACKUP or MASTER")),
        }
    }
}

/// Seconds between adverts, 1 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(try_from = "u32", into = "u8")]
#[cfg_attr(test, schemars(with = "u8"))]
pub struct AdvBase(u8);

impl AdvBase {
    /// One second, the kernel's default.
    pub const DEFAULT: Self = Self(1);

    /// The value, if it is 1 to 255.
    #[must_use]
    pub fn new(seconds: u32) -> Option<Self> {
        u8::try_from(seconds).ok().filter(|s| *s > 0).map(Self)
    }

    /// Seconds.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for AdvBase {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl TryFrom<u32> for AdvBase {
    type Error = String;

    fn try_from(seconds: u32) -> Result<Self, String> {
        Self::new(seconds).ok_or_else(|| format!("advbase {seconds} is not 1 to 255"))
    }
}

impl From<AdvBase> for u8 {
    fn from(base: AdvBase) -> Self {
        base.0
    }
}

/// What a node adds to the advert interval, in 1/256 s, 0 to 254. Lower wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(try_from = "u32", into = "u8")]
#[cfg_attr(test, schemars(with = "u8"))]
pub struct AdvSkew(u8);

impl AdvSkew {
    /// The largest skew that goes out on the wire (`CARP_MAXSKEW`); more is accepted and advertised as this.
    pub const MAX_ADVERTISED: u8 = 240;

    /// The value, if it is 0 to 254.
    #[must_use]
    pub fn new(skew: u32) -> Option<Self> {
        u8::try_from(skew).ok().filter(|s| *s < 255).map(Self)
    }

    /// In 1/256 s.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The skew that goes out on the wire under `demotion`: `clamp(advskew + demotion, 0, 240)`.
    #[must_use]
    pub fn effective(self, demotion: Demotion) -> u8 {
        let sum = i64::from(self.0) + i64::from(demotion.get());
        // The clamp makes the conversion lossless.
        u8::try_from(sum.clamp(0, i64::from(Self::MAX_ADVERTISED))).unwrap_or(Self::MAX_ADVERTISED)
    }
}

impl TryFrom<u32> for AdvSkew {
    type Error = String;

    fn try_from(skew: u32) -> Result<Self, String> {
        Self::new(skew).ok_or_else(|| format!("advskew {skew} is not 0 to 254"))
    }
}

impl From<AdvSkew> for u8 {
    fn from(skew: AdvSkew) -> Self {
        skew.0
    }
}

/// `net.inet.carp.demotion`, or a part of it: a signed sum that many parties add to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Demotion(i32);

impl Demotion {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// This amount.
    #[must_use]
    pub const fn new(amount: i32) -> Self {
        Self(amount)
    }

    /// The amount.
    #[must_use]
    pub const fn get(self) -> i32 {
        self.0
    }

    /// The sum, wrapping as the kernel's counter does.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }

    /// The difference, wrapping as the kernel's counter does.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

impl fmt::Display for Demotion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_skew_is_clamped_at_both_ends() {
        let skew = AdvSkew::new(100).unwrap();
        for (demotion, effective) in [(0, 100), (140, 240), (2880, 240), (-100, 0), (-5000, 0), (i32::MAX, 240)] {
            assert_eq!(skew.effective(Demotion::new(demotion)), effective);
        }
        assert_eq!(AdvSkew::new(254).unwrap().effective(Demotion::ZERO), 240);
    }

    #[test]
    fn out_of_range_numbers_are_refused() {
        assert!(AdvBase::new(0).is_none() && AdvBase::new(256).is_none());
        assert!(AdvSkew::new(255).is_none() && AdvSkew::new(254).is_some());
    }
}
