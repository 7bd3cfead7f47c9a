//! What demotion cannot move: vhids that speak VRRP go out with their priority as configured (`vrrp_send_ad_locked()`).

use crate::model::{CarpState, Snapshot, VhidRef};

/// How many vhids are named where there may be hundreds.
const NAMED: usize = 3;

/// The VRRP vhids that this node is MASTER of and stays MASTER of, and why; `None` if there is none.
pub(super) fn fixed(snapshot: &Snapshot) -> Option<String> {
    let fixed = snapshot.vhids.iter().filter(|v| v.carp().is_none() && v.state == CarpState::Master);
    let fixed: Vec<&VhidRef> = fixed.map(|v| &v.id).collect();
    let (is, speaks) = if fixed.len() == 1 { ("vhid", "speaks") } else { ("vhids", "speak") };
    let named = named(&fixed)?;
    Some(format!("{is} {named} {speaks} VRRP and will not move: demotion has no effect on VRRP"))
}

/// The first few of `vhids` and how many more there are; `None` if there is none.
pub(super) fn named(vhids: &[&VhidRef]) -> Option<String> {
    let mut names: Vec<String> = vhids.iter().take(NAMED).map(ToString::to_string).collect();
    let more = vhids.len() - names.len();
    if more > 0 {
        names.push(format!("{more} more"));
    }
    let last = names.pop()?;
    Some(if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::testing::{make_vrrp, snapshot};

    #[test]
    fn what_stays_is_named_and_a_crowd_is_counted() {
        let names = ["1@em0", "30@em0", "31@em0", "32@em0", "33@em0", "34@em0"];
        let mut look = snapshot(&names.map(|id| (id, CarpState::Master)));
        assert_eq!(fixed(&look), None);
        make_vrrp(&mut look, "30@em0", 150);
        let one = fixed(&look).unwrap();
        assert_eq!(one, "vhid 30@em0 speaks VRRP and will not move: demotion has no effect on VRRP");
        for id in &names[2..] {
            make_vrrp(&mut look, id, 150);
        }
        assert!(fixed(&look).unwrap().starts_with("vhids 30@em0, 31@em0, 32@em0 and 2 more speak VRRP"));
        look.vhids[1].state = CarpState::Backup;
        assert!(fixed(&look).unwrap().starts_with("vhids 31@em0, 32@em0, 33@em0 and 1 more speak VRRP"));
    }
}
