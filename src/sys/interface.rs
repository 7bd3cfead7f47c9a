//! The flags of an interface in a `struct ifreq` (`sys/net/if.h`, netintro(4)).

use super::netlink::u16_at;
use crate::model::InterfaceName;

/// SIOCGIFFLAGS, `_IOWR('i', 17, struct ifreq)`
pub const SIOCGIFFLAGS: u64 = 0xc020_6911;
/// SIOCSIFFLAGS, `_IOW('i', 16, struct ifreq)`
pub const SIOCSIFFLAGS: u64 = 0x8020_6910;

/// Bytes of `struct ifreq`.
pub const SIZE: usize = 32;

/// The argument of SIOCSIFFLAGS; what SIOCGIFFLAGS asks with has no flags.
#[must_use]
pub fn with_flags(interface: &InterfaceName, flags: u32) -> [u8; SIZE] {
    let mut request = [0; SIZE];
    let name = interface.as_str().as_bytes();
    request[..name.len()].copy_from_slice(name);
    // The flags are two numbers, the lower half first.
    let (low, high) = (flags as u16, (flags >> 16) as u16);
    request[16..18].copy_from_slice(&low.to_ne_bytes());
    request[18..20].copy_from_slice(&high.to_ne_bytes());
    request
}

/// The flags in the answer of SIOCGIFFLAGS.
#[must_use]
pub fn flags(answer: &[u8; SIZE]) -> u32 {
    let half = |at| u16_at(answer, at).map_or(0, u32::from);
    half(16) | half(18) << 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_offsets_are_those_of_a_running_kernel() {
        let abi: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/freebsd-15.1-amd64/abi.json")).unwrap();
        assert_eq!(abi["ioctl"]["SIOCGIFFLAGS"], format!("{SIOCGIFFLAGS:#x}"));
        assert_eq!(abi["ioctl"]["SIOCSIFFLAGS"], format!("{SIOCSIFFLAGS:#x}"));
        let ifreq = &abi["structs"]["struct ifreq"];
        assert_eq!(ifreq["size"], SIZE);
        assert_eq!((&ifreq["fields"]["ifr_flags"][0], &ifreq["fields"]["ifr_flagshigh"][0]), (&16.into(), &18.into()));
    }

    #[test]
    fn both_halves_of_the_flags_are_kept() {
        let request = with_flags(&"wg0".parse().unwrap(), 0x0100_8843);
        assert_eq!(request[..4], *b"wg0\0");
        assert_eq!(flags(&request), 0x0100_8843);
    }
}
