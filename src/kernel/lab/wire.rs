//! What can be changed in a simulated kernel, as it travels over its socket. Keys are written here and nowhere else: the socket
//! belongs to the lab's user alone, and both its ends are the lab's.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::model::{
    AdvBase, AdvSkew, CarpKey, CarpVariable, Demotion, InterfaceInventory, InterfaceName, Inventory, PfsyncSettings,
    VhidInventory, VhidRef, VhidSettings, VhidSnapshot, Write,
};

#[derive(Serialize, Deserialize)]
#[serde(remote = "Write", rename_all = "snake_case")]
pub(super) enum WriteDef {
    Sysctl {
        variable: CarpVariable,
        value: i32,
    },
    Vhid {
        id: VhidRef,
        #[serde(with = "SettingsDef")]
        settings: VhidSettings,
    },
    AddAddress {
        id: VhidRef,
        net: IpNet,
    },
    DeleteAddress {
        id: VhidRef,
        net: IpNet,
    },
    Pfsync(PfsyncSettings),
    Link {
        interface: InterfaceName,
        up: bool,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "VhidSettings")]
struct SettingsDef {
    advbase: AdvBase,
    advskew: AdvSkew,
    #[serde(with = "key")]
    key: Option<CarpKey>,
    peer: Option<Ipv4Addr>,
    peer6: Option<Ipv6Addr>,
}

#[derive(Serialize, Deserialize)]
struct WireVhid {
    seen: VhidSnapshot,
    #[serde(with = "key")]
    key: Option<CarpKey>,
}

#[derive(Serialize, Deserialize)]
struct WireInventory {
    vhids: Vec<WireVhid>,
    interfaces: Vec<InterfaceInventory>,
    variables: Vec<(CarpVariable, i32)>,
    demotion: Demotion,
    pfsync: Option<PfsyncSettings>,
}

/// An inventory.
pub(super) mod inventory {
    use super::*;
    use serde::{Deserializer, Serializer};

    #[expect(clippy::borrowed_box, reason = "serde hands the field as it is")]
    pub(in super::super) fn serialize<S: Serializer>(inventory: &Box<Inventory>, to: S) -> Result<S::Ok, S::Error> {
        let vhid = |vhid: &VhidInventory| WireVhid { seen: vhid.seen.clone(), key: vhid.key.clone() };
        let wire = WireInventory {
            vhids: inventory.vhids.iter().map(vhid).collect(),
            interfaces: inventory.interfaces.clone(),
            variables: inventory.variables.clone(),
            demotion: inventory.demotion,
            pfsync: inventory.pfsync.clone(),
        };
        wire.serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Box<Inventory>, D::Error> {
        let WireInventory { vhids, interfaces, variables, demotion, pfsync } = WireInventory::deserialize(from)?;
        let vhids = vhids.into_iter().map(|WireVhid { seen, key }| VhidInventory { seen, key }).collect();
        Ok(Box::new(Inventory { vhids, interfaces, variables, demotion, pfsync }))
    }
}

/// A key, as numbers.
mod key {
    use super::*;
    use serde::de::Error;
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(key: &Option<CarpKey>, to: S) -> Result<S::Ok, S::Error> {
        key.as_ref().map(CarpKey::expose).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<CarpKey>, D::Error> {
        let raw = Option::<[u8; CarpKey::LEN]>::deserialize(from);
        // The decoder's own message would quote what it has read.
        let raw = raw.map_err(|_| D::Error::custom("not a key"))?;
        Ok(raw.map(|raw| CarpKey::from_kernel(&raw)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{KernelAnswer, KernelAsk};
    use super::*;

    #[test]
    fn what_goes_over_the_socket_arrives_as_it_was_and_is_printed_without_its_key() {
        let settings = VhidSettings {
            advbase: AdvBase::DEFAULT,
            advskew: AdvSkew::default(),
            key: Some(CarpKey::from_password(b"secret")),
            peer: None,
            peer6: None,
        };
        let ask = KernelAsk::Write { write: Write::Vhid { id: "1@em0".parse().unwrap(), settings } };
        let text = serde_json::to_string(&ask).unwrap();
        assert_eq!(serde_json::from_str::<KernelAsk>(&text).unwrap(), ask);
        let number = "115,101,99";
        assert!(text.contains(number) && !format!("{ask:?}").contains("115"));
        let broken = text.replace(number, "115,\"secret\",99");
        let error = serde_json::from_str::<KernelAsk>(&broken).unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
        let inventory = Inventory {
            vhids: Vec::new(),
            interfaces: Vec::new(),
            variables: vec![(CarpVariable::Allow, 1)],
            demotion: Demotion::new(240),
            pfsync: None,
        };
        let answer = KernelAnswer::Inventory { inventory: Box::new(inventory) };
        let text = serde_json::to_string(&answer).unwrap();
        assert_eq!(serde_json::from_str::<KernelAnswer>(&text).unwrap(), answer);
    }
}
