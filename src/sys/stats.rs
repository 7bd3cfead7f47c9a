//! The counters behind `net.inet.carp.stats` (`struct carpstats`, `sys/netinet/ip_carp.h`) and `net.pfsync.stats`
//! (`struct pfsyncstats`, `sys/net/if_pfsync.h`): arrays of `u64`. netstat(1) shows them with `-s -p carp` and `-s -p pfsync`.

use crate::model::CarpCounters;

/// Makes a structure of counters, each with its place in the kernel's array.
macro_rules! counters {
    ($(#[$doc:meta])* $name:ident { $($(#[$what:meta])* $field:ident = $place:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$what])* pub $field: u64,)*
        }

        impl $name {
            /// Reads the kernel's structure; `None` if it is shorter than any kernel's. What follows is not looked at: the
            /// size differs between releases, the beginning does not.
            #[must_use]
            pub fn decode(bytes: &[u8]) -> Option<Self> {
                Some(Self { $($field: counter(bytes, $place)?,)* })
            }

            #[cfg(test)]
            fn places() -> Vec<(&'static str, usize, fn(&Self) -> u64)> {
                vec![$((stringify!($field), $place, |counters| counters.$field),)*]
            }
        }
    };
}

counters! {
    /// What CARP counts. Three more fields of the structure are never incremented and left out.
    CarpStats {
        /// IPv4 adverts received.
        ipackets = 0,
        /// IPv6 adverts received.
        ipackets6 = 1,
        /// Received on an interface without CARP.
        badif = 2,
        /// With another TTL than 255: routed, not sent by a neighbour.
        badttl = 3,
        /// Shorter than a header.
        hdrops = 4,
        /// With a wrong checksum.
        badsum = 5,
        /// Of another protocol version.
        badver = 6,
        /// Shorter than an advert.
        badlen = 7,
        /// With another key or another address list.
        badauth = 8,
        /// For a vhid, or an address family of it, that is not configured here.
        badvhid = 9,
        /// IPv4 adverts sent.
        opackets = 11,
        /// IPv6 adverts sent.
        opackets6 = 12,
        /// Not sent for want of memory.
        onomem = 13,
    }
}

counters! {
    /// What pfsync counts, packets of IPv6 too. Three more fields of the structure are never incremented and left out, and so
    /// are the counts per kind of message.
    PfsyncStats {
        /// Packets received.
        ipackets = 0,
        /// Received on another interface than the syncdev.
        badif = 2,
        /// With another TTL than 255.
        badttl = 3,
        /// Shorter than a header.
        hdrops = 4,
        /// Of another message format.
        badver = 5,
        /// With a kind of message that is not known here.
        badact = 6,
        /// Shorter than its messages.
        badlen = 7,
        /// About a state that has moved on here.
        stale = 9,
        /// With a value that makes no sense.
        badval = 10,
        /// About a state that is not there.
        badstate = 11,
        /// Packets sent.
        opackets = 12,
        /// Not sent for want of memory.
        onomem = 14,
        /// Not sent because of another error.
        oerrors = 15,
    }
}

/// Reads `net.inet.carp.stats`; `None` if it is shorter than any kernel's.
#[must_use]
pub fn carp(bytes: &[u8]) -> Option<CarpCounters> {
    let stats = CarpStats::decode(bytes)?;
    Some(CarpCounters {
        ipackets: stats.ipackets,
        ipackets6: stats.ipackets6,
        badauth: stats.badauth,
        badvhid: stats.badvhid,
        opackets: stats.opackets,
        opackets6: stats.opackets6,
        badttl: stats.badttl,
        malformed: [stats.hdrops, stats.badsum, stats.badver, stats.badlen].into_iter().fold(0, u64::saturating_add),
        unsent: stats.onomem,
    })
}

/// Reads `net.pfsync.stats`: packets received and sent.
#[must_use]
pub fn pfsync(bytes: &[u8]) -> Option<(u64, u64)> {
    PfsyncStats::decode(bytes).map(|stats| (stats.ipackets, stats.opackets))
}

fn counter(bytes: &[u8], place: usize) -> Option<u64> {
    bytes.get(place * 8..place * 8 + 8)?.try_into().ok().map(u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::recorded::{abi, buffers_in_order};

    /// A structure in which every counter is its own place.
    fn numbered() -> Vec<u8> {
        (0..50u64).flat_map(u64::to_ne_bytes).collect()
    }

    #[test]
    fn every_counter_is_where_the_kernel_s_headers_have_it() {
        let carp = CarpStats::decode(&numbered()).unwrap();
        for (name, place, get) in CarpStats::places() {
            assert_eq!(abi().field("struct carpstats", &format!("carps_{name}")), [place * 8, 8], "{name}");
            assert_eq!(get(&carp), place as u64, "{name}");
        }
        let pfsync = PfsyncStats::decode(&numbered()).unwrap();
        for (name, place, get) in PfsyncStats::places() {
            assert_eq!(abi().field("struct pfsyncstats", &format!("pfsyncs_{name}")), [place * 8, 8], "{name}");
            assert_eq!(get(&pfsync), place as u64, "{name}");
        }
    }

    #[test]
    fn a_recorded_node_has_sent_and_received_and_refused() {
        let recorded = buffers_in_order("sysctl.txt");
        let first = |name: &str| recorded.iter().find(|(n, _)| n == name).unwrap().1.clone();
        let bytes = first("net.inet.carp.stats");
        let read = carp(&bytes).unwrap();
        assert_eq!((bytes.len(), read.ipackets, read.badvhid, read.opackets), (128, 92, 67, 92));
        let bytes = first("net.pfsync.stats");
        assert_eq!(bytes.len(), 400);
        assert_eq!(pfsync(&bytes).unwrap().0, 0x22);
    }

    #[test]
    fn a_structure_cut_short_is_none() {
        assert_eq!(carp(&numbered()[..111]), None);
        assert_eq!(pfsync(&numbered()[..127]), None);
    }
}
