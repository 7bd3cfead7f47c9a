//! `struct ifreq`, the argument of most requests about an interface (`sys/net/if.h`), and what its request codes tell
//! (`sys/sys/ioccom.h`).

use super::sockaddr;
use crate::model::InterfaceName;

/// Bytes of a request: the name, and a union of what each request wants.
pub const SIZE: usize = NAME + UNION;

/// Where the union begins.
pub const UNION_AT: usize = NAME;

/// `IFNAMSIZ`: the longest name, and its NUL.
const NAME: usize = 16;
const UNION: usize = 16;

const _: () = assert!(sockaddr::V4 == UNION, "an IPv4 address fills the union");

/// How many bytes the kernel copies in, out, or both, for the request with this code.
#[must_use]
pub const fn argument_size(code: u64) -> usize {
    (code >> 16) as usize & 0x1fff
}

/// A request about `interface` whose union is still empty.
#[must_use]
pub fn about(interface: &InterfaceName) -> [u8; SIZE] {
    let mut request = [0; SIZE];
    name(&mut request, interface);
    request
}

/// Puts the name where every request about an interface begins. It is shorter than its field, so a NUL follows.
pub(super) fn name(request: &mut [u8], interface: &InterfaceName) {
    let bytes = interface.as_str().as_bytes();
    request[..bytes.len()].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::recorded::{abi, buffer};

    #[test]
    fn a_request_is_byte_for_byte_what_was_recorded() {
        let epair0b = "epair0b".parse().unwrap();
        assert_eq!(about(&epair0b)[..], buffer("siocgvh-one-unknown.hex", "ifreq.in"));
    }

    #[test]
    fn the_layout_is_the_kernel_s() {
        let [at, size] = abi().field("struct ifreq", "ifr_ifru");
        assert_eq!((at, size, SIZE), (UNION_AT, UNION, abi().size("struct ifreq")));
        assert_eq!(abi().field("struct ifreq", "ifr_addr"), [UNION_AT, sockaddr::V4]);
    }

    #[test]
    fn a_name_of_full_length_still_ends_in_nul() {
        let longest: InterfaceName = "a234567890.1-3_".parse().unwrap();
        let request = about(&longest);
        assert_eq!((&request[..15], request[15]), (longest.as_str().as_bytes(), 0));
    }
}
