//! The probe of the kind `pfsync`: whether this node has the states that its peer has.
//!
//! The core judges it itself, from the look at the kernel that it has anyway.

use super::Core;
use super::policy::ProbeSource;
use super::probe::Reading;
use crate::model::{Now, Snapshot};

impl Core {
    /// Judges the probes that are the core's own, where they are due.
    pub(super) fn judge_pfsync(&mut self, now: Now) {
        for at in 0..self.services.len() {
            if !self.services[at].probing() {
                continue;
            }
            for index in 0..self.policy.services[at].probes.len() {
                let (policy, service) = (&self.policy.services[at], &mut self.services[at]);
                let own = policy.probes[index].source == ProbeSource::Pfsync;
                if own && service.probes[index].start_if_due(now.mono) {
                    let (reading, text) = judge(self.observer.known());
                    let notice = service.probed(policy, index, reading, text, now.mono);
                    self.tell(at, notice);
                }
            }
        }
    }
}

/// What the last look says; nothing while the kernel cannot be read.
pub(super) fn judge(look: Option<&Snapshot>) -> (Reading, String) {
    let Some(look) = look else { return (Reading::Ignored, "the kernel cannot be read".to_owned()) };
    let unhealthy = |text: String| (Reading::Unhealthy, text);
    let Some(pfsync) = &look.pfsync else { return unhealthy("there is no pfsync0".to_owned()) };
    let Some(syncdev) = &pfsync.syncdev else { return unhealthy("pfsync has no syncdev, so it is off".to_owned()) };
    match look.interface(syncdev) {
        None => unhealthy(format!("pfsync's interface {syncdev} is not there")),
        Some(interface) if !interface.runs() => {
            unhealthy(format!("pfsync's interface {syncdev} is down or has no link"))
        }
        Some(_) if !pfsync.in_sync => unhealthy("pfsync has not all states of the peer yet".to_owned()),
        Some(_) => (Reading::Healthy, format!("pfsync is in sync over {syncdev}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::testing::snapshot;
    use crate::model::{CarpState, InterfaceSnapshot, PfsyncSnapshot};

    #[test]
    fn in_sync_is_a_finished_bulk_over_an_interface_that_runs() {
        let mut look = snapshot(&[("1@em0", CarpState::Master)]);
        let reading = |look: &Snapshot| judge(Some(look)).0;
        assert_eq!(judge(None).0, Reading::Ignored);
        assert_eq!(reading(&look), Reading::Unhealthy, "there is no pfsync");
        let pfsync = PfsyncSnapshot {
            syncdev: Some("em2".parse().unwrap()),
            syncpeer: None,
            version: 1500,
            in_sync: true,
            mtu: None,
            ipackets: 0,
            opackets: 0,
        };
        look.pfsync = Some(pfsync.clone());
        assert_eq!(reading(&look), Reading::Unhealthy, "its interface is not there");
        look.interfaces.push(InterfaceSnapshot { name: "em2".parse().unwrap(), up: true, link: true });
        assert_eq!(reading(&look), Reading::Healthy);
        look.interfaces[1].link = false;
        assert_eq!(reading(&look), Reading::Unhealthy);
        look.interfaces[1].link = true;
        look.pfsync = Some(PfsyncSnapshot { in_sync: false, ..pfsync.clone() });
        assert_eq!(reading(&look), Reading::Unhealthy, "the bulk update runs");
        look.pfsync = Some(PfsyncSnapshot { syncdev: None, ..pfsync });
        assert_eq!(reading(&look), Reading::Unhealthy, "it is off");
    }
}
