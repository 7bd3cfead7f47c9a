//! The counters behind `net.inet.carp.stats` (`struct carpstats`, `sys/netinet/ip_carp.h`) and `net.pfsync.stats`
//! (`struct pfsyncstats`, `sys/net/if_pfsync.h`): arrays of `u64`.

use crate::model::CarpCounters;

/// The position of each counter that is used, in `u64`s.
mod place {
    pub(super) const IPACKETS: usize = 0;
    pub(super) const IPACKETS6: usize = 1;
    pub(super) const CARP_BADAUTH: usize = 8;
    pub(super) const CARP_BADVHID: usize = 9;
    pub(super) const CARP_OPACKETS: usize = 11;
    pub(super) const CARP_OPACKETS6: usize = 12;
    pub(super) const PFSYNC_OPACKETS: usize = 12;
}

/// Reads `net.inet.carp.stats`; `None` if it is shorter than any kernel's.
#[must_use]
pub fn carp(bytes: &[u8]) -> Option<CarpCounters> {
    Some(CarpCounters {
        ipackets: counter(bytes, place::IPACKETS)?,
        ipackets6: counter(bytes, place::IPACKETS6)?,
        badauth: counter(bytes, place::CARP_BADAUTH)?,
        badvhid: counter(bytes, place::CARP_BADVHID)?,
        opackets: counter(bytes, place::CARP_OPACKETS)?,
        opackets6: counter(bytes, place::CARP_OPACKETS6)?,
    })
}

/// Reads `net.pfsync.stats`: packets received and sent. The size differs between releases, the beginning does not.
#[must_use]
pub fn pfsync(bytes: &[u8]) -> Option<(u64, u64)> {
    Some((counter(bytes, place::IPACKETS)?, counter(bytes, place::PFSYNC_OPACKETS)?))
}

fn counter(bytes: &[u8], place: usize) -> Option<u64> {
    bytes.get(place * 8..place * 8 + 8)?.try_into().ok().map(u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_is_where_the_kernel_s_headers_have_it() {
        let abi: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/freebsd-15.1-amd64/abi.json")).unwrap();
        let at = |of: &str, field: &str| abi["structs"][of]["fields"][field][0].as_u64().unwrap();
        let mut bytes = [0u8; 128];
        for (field, value) in [
            ("carps_ipackets", 1),
            ("carps_ipackets6", 2),
            ("carps_badauth", 3),
            ("carps_badvhid", 4),
            ("carps_opackets", 5),
            ("carps_opackets6", 6),
        ] {
            bytes[usize::try_from(at("struct carpstats", field)).unwrap()] = value;
        }
        let read = carp(&bytes).unwrap();
        let got = [read.ipackets, read.ipackets6, read.badauth, read.badvhid, read.opackets, read.opackets6];
        assert_eq!(got, [1, 2, 3, 4, 5, 6]);
        assert_eq!(at("struct pfsyncstats", "pfsyncs_opackets"), 8 * place::PFSYNC_OPACKETS as u64);
        assert_eq!(carp(&bytes[..100]), None);
    }
}
