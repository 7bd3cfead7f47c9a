//! Whose demotion it is: splits the kernel's sum into named parts that always add up.

use serde::{Deserialize, Serialize};

use crate::model::{CarpState, Demotion, Snapshot};

/// The bit of the sum that OPNsense's service check uses as its own marker (`carp_service_status`).
pub const OPNSENSE_SERVICE_BIT: i32 = 1 << 20;

/// What OPNsense's maintenance mode adds.
pub const OPNSENSE_MAINTENANCE: i32 = 240;

/// Who is behind a part of the demotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum PartSource {
    /// carpd's own share.
    Carpd,
    /// The kernel itself.
    Kernel,
    /// OPNsense's scripts.
    Opnsense,
    /// Nobody that carpd knows: whoever wrote the sysctl by hand or script, or a send error that outlived its cause.
    Unattributed,
}

/// One named part of the demotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Part {
    /// `maintenance`, `health:gateway/http`, `interface down`, `pfsync bulk`, ...
    pub name: String,
    /// How much of the sum it is.
    pub value: i32,
    /// Who is behind it.
    pub source: PartSource,
    /// What it is about, e.g. the interface; may be empty.
    pub detail: String,
}

/// The foreign parts of the sum: everything but `share`. Their values add up to `sum - share` exactly.
#[must_use]
pub fn foreign_parts(snapshot: &Snapshot, share: Demotion, opnsense_maintenance: bool) -> Vec<Part> {
    let mut rest = snapshot.sysctls.demotion.minus(share).get();
    let mut parts = Vec::new();
    let mut take = |rest: &mut i32, name: &str, value: i32, source, detail: String| {
        if value != 0 {
            *rest = rest.wrapping_sub(value);
            parts.push(Part { name: name.to_owned(), value, source, detail });
        }
    };
    let (down, detail) = interface_down(snapshot);
    take(&mut rest, "interface down", down, PartSource::Kernel, detail);
    if snapshot.pfsync.as_ref().is_some_and(|p| p.syncdev.is_some() && !p.in_sync) {
        let factor = snapshot.sysctls.pfsync_demotion_factor.get();
        take(&mut rest, "pfsync bulk", factor, PartSource::Kernel, "states are being copied from the peer".into());
    }
    if rest > 0 && rest & OPNSENSE_SERVICE_BIT != 0 {
        take(
            &mut rest,
            "service status",
            OPNSENSE_SERVICE_BIT,
            PartSource::Opnsense,
            "a check in rc.carp_service_status.d fails".into(),
        );
    }
    if opnsense_maintenance && rest >= OPNSENSE_MAINTENANCE {
        take(&mut rest, "OPNsense maintenance", OPNSENSE_MAINTENANCE, PartSource::Opnsense, String::new());
    }
    let left = rest;
    take(&mut rest, "unattributed", left, PartSource::Unattributed, String::new());
    parts
}

/// What vhids that cannot run add: the factor once for each (`carp_sc_state()`), and the interfaces it is about.
///
/// A vhid in INIT without an address never went through that function, so it adds nothing.
fn interface_down(snapshot: &Snapshot) -> (i32, String) {
    let mut interfaces: Vec<&str> = Vec::new();
    let mut count: i32 = 0;
    for vhid in &snapshot.vhids {
        let dead = !snapshot.sysctls.allow || snapshot.interface(&vhid.id.interface).is_some_and(|i| !i.runs());
        if dead && vhid.state == CarpState::Init && !vhid.addresses.is_empty() {
            count += 1;
            let name = vhid.id.interface.as_str();
            if !interfaces.contains(&name) {
                interfaces.push(name);
            }
        }
    }
    let detail = if snapshot.sysctls.allow { interfaces.join(", ") } else { "net.inet.carp.allow is 0".to_owned() };
    (snapshot.sysctls.ifdown_demotion_factor.get().wrapping_mul(count), detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::testing::snapshot;
    use proptest::prelude::*;

    fn total(parts: &[Part]) -> i32 {
        parts.iter().fold(0, |sum, part| sum.wrapping_add(part.value))
    }

    #[test]
    fn each_known_cause_is_named() {
        let mut look = snapshot(&[("1@em0", CarpState::Init), ("3@em1", CarpState::Backup)]);
        look.interfaces[0].link = false;
        look.sysctls.demotion = Demotion::new(241 + 240 + OPNSENSE_SERVICE_BIT + 240 + 7);
        let parts = foreign_parts(&look, Demotion::new(241), true);
        let names: Vec<_> = parts.iter().map(|p| (p.name.as_str(), p.value, p.detail.as_str())).collect();
        assert_eq!(names[0], ("interface down", 240, "em0"));
        assert_eq!(
            (names[1].0, names[2].0, names[3]),
            ("service status", "OPNsense maintenance", ("unattributed", 7, ""))
        );
    }

    proptest! {
        #[test]
        fn the_parts_always_add_up(sum: i32, share in 0..70_000i32, down: bool, flag: bool) {
            let mut look = snapshot(&[("1@em0", CarpState::Init)]);
            look.interfaces[0].link = !down;
            look.sysctls.demotion = Demotion::new(sum);
            let parts = foreign_parts(&look, Demotion::new(share), flag);
            prop_assert_eq!(total(&parts).wrapping_add(share), sum);
        }
    }
}
