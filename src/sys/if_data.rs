//! `struct if_data` (152 bytes, `sys/net/if.h`): what getifaddrs(3) and the routing socket tell of an interface, and of each
//! of its addresses. Of an interface the link state counts, of an address the vhid; the other one is 0.

use super::netlink::u32_at;
use crate::model::Vhid;

/// Bytes of the structure.
pub const SIZE: usize = 152;

/// Bytes that are read here; they have been the same since FreeBSD 11, whatever follows them.
const NEEDED: usize = 8;

const TYPE: usize = 0;
const LINK_STATE: usize = 4;
const VHID: usize = 5;
const LENGTH: usize = 6;
const MTU: usize = 8;

const _: () = assert!(LENGTH + 2 == NEEDED && NEEDED <= SIZE);

/// `LINK_STATE_UP`
const LINK_STATE_UP: u8 = 2;
/// `IFT_ETHER`, `IFT_L2VLAN` and `IFT_BRIDGE`: the types that CARP accepts (`carp_is_supported_if()`).
const CARP_TYPES: [u8; 3] = [0x06, 0x87, 0xd1];

/// What is used of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfData {
    /// `ifi_type`, 0 of an address.
    pub kind: u8,
    /// The link state is exactly "up"; CARP takes "unknown" for down. False of an address.
    pub link: bool,
    /// The vhid that an address belongs to.
    pub vhid: Option<Vhid>,
    /// The largest packet of an interface, in bytes; 0 of an address.
    pub mtu: u32,
}

impl IfData {
    /// Reads the structure; `None` if it is shorter than it says, or than what is needed of it.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; NEEDED] = bytes.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([head[LENGTH], head[LENGTH + 1]]));
        (NEEDED..=bytes.len()).contains(&length).then_some(Self {
            kind: head[TYPE],
            link: head[LINK_STATE] == LINK_STATE_UP,
            vhid: Vhid::new(head[VHID].into()),
            mtu: u32_at(bytes, MTU).unwrap_or_default(),
        })
    }

    /// Whether CARP runs on interfaces of this type, provided they have multicast.
    #[must_use]
    pub fn may_carry_carp(&self) -> bool {
        CARP_TYPES.contains(&self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::recorded::{abi, buffers_in_order};

    /// The recording has the beginning of each structure; nothing behind it is looked at.
    fn whole(beginning: &[u8]) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes[..beginning.len()].copy_from_slice(beginning);
        bytes
    }

    #[test]
    fn the_interface_has_the_link_and_the_addresses_have_the_vhids() {
        let recorded = buffers_in_order("getifaddrs.txt");
        let read: Vec<IfData> = recorded
            .iter()
            .filter(|(name, _)| name == "ifa_data")
            .map(|(_, bytes)| IfData::decode(&whole(bytes)).unwrap())
            .collect();
        assert!(read[0].link && read[0].may_carry_carp() && read[0].vhid.is_none());
        let vhids: Vec<_> = read[1..8].iter().map(|data| data.vhid.map(Vhid::get)).collect();
        assert_eq!(vhids, [None, None, None, Some(1), Some(2), Some(7), Some(30)]);
        assert!(read[1..8].iter().all(|data| !data.link));
    }

    #[test]
    fn the_layout_is_the_kernel_s() {
        for (name, at) in [
            ("ifi_type", TYPE),
            ("ifi_link_state", LINK_STATE),
            ("ifi_vhid", VHID),
            ("ifi_datalen", LENGTH),
            ("ifi_mtu", MTU),
        ] {
            assert_eq!(abi().field("struct if_data", name)[0], at, "{name}");
        }
        assert_eq!(abi().size("struct if_data"), SIZE);
    }

    #[test]
    fn one_that_is_shorter_than_it_says_is_refused() {
        let mut bytes = whole(&[6, 0, 6, 18, 2, 0, 152, 0]);
        assert!(IfData::decode(&bytes).is_some());
        assert_eq!(IfData::decode(&bytes[..151]), None);
        assert_eq!(IfData::decode(&bytes[..7]), None);
        bytes[LENGTH] = 7;
        assert_eq!(IfData::decode(&bytes), None);
    }
}
