//! Looks at the flags of an interface.

use std::time::Duration;

use super::blocking::Permit;
use crate::config::settings::{InterfaceProbe, InterfaceState};
use crate::kernel::interfaces;
use crate::model::InterfaceSnapshot;

pub(super) async fn look(permit: &Permit, probe: InterfaceProbe, limit: Duration) -> Result<String, String> {
    let what = probe.interface.to_string();
    // One call of the kernel, but on a machine with thousands of addresses not a short one.
    permit.run(&what, limit, move || find(&probe)).await
}

fn find(probe: &InterfaceProbe) -> Result<String, String> {
    let all = interfaces().map_err(|error| format!("the interfaces cannot be listed: {error}"))?;
    judge(probe, all.iter().find(|interface| interface.name == probe.interface))
}

fn judge(probe: &InterfaceProbe, found: Option<&InterfaceSnapshot>) -> Result<String, String> {
    let name = &probe.interface;
    match found {
        None => Err(format!("there is no interface {name}")),
        Some(interface) if !interface.up => Err(format!("{name} is down")),
        Some(interface) if probe.state == InterfaceState::Running && !interface.link => {
            Err(format!("{name} is up, but its link is not"))
        }
        Some(_) => Ok(format!("{name} is {}", probe.state.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_is_the_flag_and_running_needs_the_link_as_well() {
        let probe = |state| InterfaceProbe { interface: "wg20".parse().unwrap(), state };
        let found = |up, link| InterfaceSnapshot { name: "wg20".parse().unwrap(), up, link };
        for (state, up, link, healthy) in [
            (InterfaceState::Up, true, false, true),
            (InterfaceState::Up, false, true, false),
            (InterfaceState::Running, true, true, true),
            (InterfaceState::Running, true, false, false),
            (InterfaceState::Running, false, true, false),
        ] {
            assert_eq!(judge(&probe(state), Some(&found(up, link))).is_ok(), healthy, "{state:?} {up} {link}");
        }
        assert_eq!(judge(&probe(InterfaceState::Up), None), Err("there is no interface wg20".into()));
    }

    #[test]
    fn the_loopback_is_up_and_another_is_not_there() {
        let probe = |name: &str| InterfaceProbe { interface: name.parse().unwrap(), state: InterfaceState::Up };
        let loopback = if cfg!(target_os = "linux") { "lo" } else { "lo0" };
        assert_eq!(find(&probe(loopback)), Ok(format!("{loopback} is up")));
        assert!(find(&probe("carpd9")).is_err());
    }
}
