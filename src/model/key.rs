//! The shared secret of a vhid.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A CARP key: up to 20 raw bytes, zero padded (`CARP_KEY_LEN`, `sys/netinet/ip_carp.h`).
///
/// It is wiped when dropped and has neither `Display` nor serialization, so that it cannot reach a log or a JSON by accident.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct CarpKey([u8; Self::LEN]);

impl CarpKey {
    /// Bytes in the kernel's field.
    pub const LEN: usize = 20;

    /// Bytes that reach the kernel through `ifconfig ... pass`, which keeps room for a terminator (`sbin/ifconfig/carp.c`).
    pub const SIGNIFICANT: usize = 19;

    /// The key that `ifconfig ... pass PASSWORD` would set: the first 19 bytes.
    #[must_use]
    pub fn from_password(password: &[u8]) -> Self {
        let mut key = [0; Self::LEN];
        for (to, from) in key.iter_mut().zip(password.iter().take(Self::SIGNIFICANT)) {
            *to = *from;
        }
        Self(key)
    }

    /// The key in a field of the kernel's.
    #[must_use]
    pub const fn from_kernel(raw: &[u8; Self::LEN]) -> Self {
        Self(*raw)
    }

    /// The raw bytes without the zeros they are padded with, for the kernel only.
    #[must_use]
    pub fn significant(&self) -> &[u8] {
        let end = self.0.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        &self.0[..end]
    }

    /// The raw bytes, for the kernel only.
    #[must_use]
    pub const fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Debug for CarpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CarpKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_that_agree_in_19_bytes_are_the_same_key() {
        let short = CarpKey::from_password(b"1234567890123456789");
        let long = CarpKey::from_password(b"1234567890123456789 and more");
        assert!(short == long);
        assert!(short != CarpKey::from_password(b"123456789012345678"));
    }

    #[test]
    fn a_key_is_never_printed() {
        assert!(!format!("{:?}", CarpKey::from_password(b"secret")).contains("secret"));
    }
}
