//! The words of the field as types: a value of these types is always legal, so no later code has to check it again.

pub mod carp;
pub mod id;
pub mod inventory;
pub mod key;
pub mod snapshot;
pub mod time;
pub mod write;

pub use carp::{AdvBase, AdvSkew, CarpState, Demotion};
pub use id::{InterfaceName, ParseIdError, ServiceName, Vhid, VhidRef};
pub use inventory::{InterfaceInventory, Inventory, VhidInventory};
pub use key::CarpKey;
pub use snapshot::{
    CarpCounters, CarpParameters, CarpSysctls, InterfaceSnapshot, LinkSnapshot, LinkState, PfsyncSnapshot, Snapshot,
    VhidProtocol, VhidSnapshot, VrrpParameters,
};
pub use time::{Mono, Now, Wall};
pub use write::{CarpVariable, PfsyncSettings, VhidSettings, Write};
