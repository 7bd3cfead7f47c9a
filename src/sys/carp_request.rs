//! `struct carpreq` (40 bytes), the argument of SIOCSVH and SIOCGVH: `sys/netinet/ip_carp.h`.
//!
//! One vhid at a time: the list mode of SIOCGVH is unreliable.

use super::carp_netlink::{ForcedState, state};
use super::netlink::{i32_at, u32_at};
use crate::model::{AdvBase, AdvSkew, CarpKey, CarpState, Vhid};

/// Bytes of a request.
pub const SIZE: usize = 40;

/// SIOCSVH, `_IOWR('i', 245, struct ifreq)`
pub const SIOCSVH: u64 = 0xc020_69f5;
/// SIOCGVH, `_IOWR('i', 246, struct ifreq)`
pub const SIOCGVH: u64 = 0xc020_69f6;

/// What SIOCGVH tells of one vhid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VhidRecord {
    /// Its number.
    pub vhid: Vhid,
    /// Its state.
    pub state: CarpState,
    /// Seconds between adverts.
    pub advbase: AdvBase,
    /// In 1/256 s.
    pub advskew: AdvSkew,
    /// All zero without the privilege to read it.
    pub key: CarpKey,
}

/// Asks for `vhid`.
#[must_use]
pub fn get(vhid: Vhid) -> [u8; SIZE] {
    let mut request = [0; SIZE];
    put(&mut request, 0, 1);
    put(&mut request, 4, vhid.get().into());
    request
}

/// Creates or changes `vhid`. Every field is written, so a change begins with reading what is there; a key of zeros and
/// no state leave those alone.
#[must_use]
pub fn set(
    vhid: Vhid,
    advbase: AdvBase,
    advskew: AdvSkew,
    key: Option<&CarpKey>,
    state: Option<ForcedState>,
) -> [u8; SIZE] {
    let mut request = get(vhid);
    put(&mut request, 8, state.map_or(0, |state| if state == ForcedState::Backup { 1 } else { 2 }));
    put(&mut request, 12, advskew.get().into());
    put(&mut request, 16, advbase.get().into());
    if let Some(key) = key {
        request[20..].copy_from_slice(key.expose());
    }
    request
}

/// Reads the answer of SIOCGVH to [`get`]. `None` if it is not about a CARP vhid; see [`decode_vrrp`].
#[must_use]
pub fn decode(answer: &[u8; SIZE]) -> Option<VhidRecord> {
    Some(VhidRecord {
        vhid: Vhid::new(u32_at(answer, 4)?)?,
        state: state(u32_at(answer, 8)?)?,
        advskew: AdvSkew::new(u32::try_from(i32_at(answer, 12)?).ok()?)?,
        advbase: AdvBase::new(u32::try_from(i32_at(answer, 16)?).ok()?)?,
        key: CarpKey::from_kernel(answer[20..].try_into().ok()?),
    })
}

/// Reads the answer of SIOCGVH to [`get`] about a VRRP vhid. `None` if it is about another: the kernel fills in number and state
/// of a VRRP one only, and leaves the advbase of 0 that was asked with, which no CARP vhid has.
#[must_use]
pub fn decode_vrrp(answer: &[u8; SIZE]) -> Option<(Vhid, CarpState)> {
    let vhid = Vhid::new(u32_at(answer, 4)?)?;
    let state = state(u32_at(answer, 8)?)?;
    (i32_at(answer, 16)? == 0).then_some((vhid, state))
}

fn put(request: &mut [u8; SIZE], at: usize, value: u32) {
    request[at..at + 4].copy_from_slice(&value.to_ne_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::recorded::buffer;

    #[test]
    fn a_request_and_its_answer_are_byte_for_byte_what_was_recorded() {
        let vhid = Vhid::new(1).unwrap();
        assert_eq!(get(vhid)[..], buffer("siocgvh-one-single-root.hex", "carpreq.in"));
        let answer: [u8; SIZE] = buffer("siocgvh-one-single-root.hex", "carpreq.out").try_into().unwrap();
        let record = decode(&answer).unwrap();
        assert_eq!((record.state, record.advskew.get(), record.advbase.get()), (CarpState::Master, 20, 1));
        assert!(record.key == CarpKey::from_password(b"secret1"));
        let written = set(vhid, record.advbase, record.advskew, Some(&record.key), Some(ForcedState::Master));
        assert_eq!(written, answer, "writing back what was read changes nothing but the state it asks for");
    }

    #[test]
    fn codes_and_offsets_are_those_of_a_running_kernel() {
        let abi: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/fixtures/freebsd-15.1-amd64/abi.json")).unwrap();
        assert_eq!(abi["ioctl"]["SIOCSVH"], format!("{SIOCSVH:#x}"));
        assert_eq!(abi["ioctl"]["SIOCGVH"], format!("{SIOCGVH:#x}"));
        let carpreq = &abi["structs"]["struct carpreq"];
        assert_eq!(carpreq["size"], SIZE);
        let offsets = ["count", "vhid", "state", "advskew", "advbase", "key"];
        let offsets = offsets.map(|name| carpreq["fields"][format!("carpr_{name}")][0].as_u64().unwrap());
        assert_eq!(offsets, [0, 4, 8, 12, 16, 20]);
    }

    #[test]
    fn nobody_reads_zeros_instead_of_the_key() {
        let answer: [u8; SIZE] = buffer("siocgvh-one-single-nobody.hex", "carpreq.out").try_into().unwrap();
        assert_eq!(decode(&answer).unwrap().key.expose(), &[0; 20]);
    }

    #[test]
    fn a_vrrp_vhid_is_not_taken_for_a_carp_one() {
        // The recording shows which bytes the kernel fills in for VRRP; the others stay as they were asked.
        let (asked, answered) = (buffer("siocgvh-vrrp.hex", "carpreq.in"), buffer("siocgvh-vrrp.hex", "carpreq.out"));
        let mut ours = get(Vhid::new(30).unwrap());
        for at in (0..SIZE).filter(|at| asked[*at] != answered[*at]) {
            ours[at] = answered[at];
        }
        assert_eq!(decode(&ours), None);
        assert_eq!(decode_vrrp(&ours), Some((Vhid::new(30).unwrap(), CarpState::Master)));
        let carp = buffer("siocgvh-one-single-root.hex", "carpreq.out").try_into().unwrap();
        assert_eq!(decode_vrrp(&carp), None);
    }
}
