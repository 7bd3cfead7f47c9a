//! Proof, whenever this is compiled for FreeBSD, that the crate libc describes the structures used here as FreeBSD does.
//! `tests/layout.rs` compares the same numbers with FreeBSD's own headers.

use std::mem::{offset_of, size_of};

macro_rules! assert_layout {
    ($($structure:ident: $size:literal { $($field:ident: $at:literal),* })*) => {
        const _: () = {
            $(
                assert!(size_of::<libc::$structure>() == $size, stringify!($structure));
                $(
                    assert!(
                        offset_of!(libc::$structure, $field) == $at,
                        concat!(stringify!($structure), ".", stringify!($field))
                    );
                )*
            )*
        };
    };
}

assert_layout! {
    sockaddr: 16 { sa_family: 1 }
    sockaddr_in: 16 { sin_addr: 4 }
    sockaddr_in6: 28 { sin6_addr: 8, sin6_scope_id: 24 }
    sockaddr_un: 106 { sun_path: 2 }
    ifaddrs: 56 { ifa_next: 0, ifa_name: 8, ifa_flags: 16, ifa_addr: 24, ifa_netmask: 32, ifa_data: 48 }
    if_data: 152 { ifi_type: 0, ifi_link_state: 4, ifi_vhid: 5, ifi_datalen: 6, ifi_mtu: 8 }
}

const _: () = {
    assert!(libc::AF_INET == 2 && libc::AF_INET6 == 28 && libc::AF_LINK == 18, "address families");
    assert!(libc::IFF_UP == 1 && libc::IFF_MULTICAST == 0x8000, "interface flags");
};
