//! What a client of the VIPs went through, and what the kernels did: read off the recorded timeline.

use std::time::Duration;

use super::pair::{Pair, Vip};
use crate::core::policy::Require;
use crate::core::status::VhidState;
use crate::lab::server::timeline::{Timeline, Track, Window, longest, windows};
use crate::model::{Mono, VhidRef};

/// The time of one thing that happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure<'a> {
    pub(super) pair: &'a Pair,
    pub(super) timeline: &'a Timeline,
    pub(super) from: Mono,
    pub(super) until: Mono,
}

impl Measure<'_> {
    fn states<'a>(&'a self, vip: &'a Vip, of: usize) -> Option<&'a Track<VhidState>> {
        self.timeline.nodes[self.pair.at[of]].vhid(&vip.ids[of])
    }

    /// When nobody was MASTER of `vip`.
    pub(super) fn vip_outages(&self, vip: &Vip) -> Vec<Window> {
        let tracks: Vec<_> = (0..2).filter_map(|of| self.states(vip, of)).collect();
        windows(&tracks, self.from, self.until, |states| !states.contains(&Some(&VhidState::Master)))
    }

    /// The longest time for which nobody was MASTER of `vip`.
    pub(super) fn vip_outage(&self, vip: &Vip) -> Duration {
        longest(&self.vip_outages(vip))
    }

    /// When both nodes were MASTER of `vip`.
    pub(super) fn splits(&self, vip: &Vip) -> Vec<Window> {
        let tracks: Vec<_> = (0..2).filter_map(|of| self.states(vip, of)).collect();
        windows(&tracks, self.from, self.until, |states| states == [Some(&VhidState::Master); 2])
    }

    /// When node number `of` of the pair became MASTER of `vip`, for good.
    pub(super) fn mastered(&self, vip: &Vip, of: usize) -> Option<Mono> {
        let track = self.states(vip, of)?;
        settled(track, self.from, self.until, |state| *state == VhidState::Master)
    }

    /// When node number `of` of the pair became the only MASTER of `vip`, for good.
    pub(super) fn mastered_alone(&self, vip: &Vip, of: usize) -> Option<Mono> {
        let other = self.states(vip, 1 - of)?;
        let alone = settled(other, self.from, self.until, |state| *state != VhidState::Master)?;
        Some(self.mastered(vip, of)?.max(alone))
    }

    /// When node number `of` of the pair had become MASTER of all VIPs.
    pub(super) fn mastered_all(&self, of: usize) -> Option<Mono> {
        self.pair.vips.iter().map(|vip| self.mastered(vip, of)).collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// Whether service number `service` should run on node number `of` of the pair, by what its vhids are.
    fn role(&self, service: usize, of: usize) -> Track<bool> {
        let settings = &self.pair.services[service].settings[of];
        let node = &self.timeline.nodes[self.pair.at[of]];
        let tracks: Vec<&Track<VhidState>> = settings.follows.iter().filter_map(|id: &VhidRef| node.vhid(id)).collect();
        let active = |states: &[Option<&VhidState>]| {
            let mut masters = states.iter().map(|state| *state == Some(&VhidState::Master));
            match settings.require {
                Require::All => masters.all(|master| master) && states.len() == settings.follows.len(),
                Require::Any => masters.any(|master| master),
            }
        };
        as_track(&windows(&tracks, Mono::ZERO, self.until, active))
    }

    fn answers(&self, service: usize, of: usize) -> Track<bool> {
        let name = &self.pair.services[service].name;
        self.timeline.nodes[self.pair.at[of]].service(name).cloned().unwrap_or_default()
    }

    /// The longest time from a node's becoming MASTER of all that a service follows until that service answered there.
    pub(super) fn ready(&self, of: usize) -> Option<Duration> {
        let each = (0..self.pair.services.len()).map(|service| {
            let role = settled(&self.role(service, of), self.from, self.until, |active| *active)?;
            let answered = settled(&self.answers(service, of), self.from, self.until, |answers| *answers)?;
            Some(answered.since(role))
        });
        each.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// When no client of service number `service` got an answer: on no node was it both in charge and answering.
    pub(super) fn service_outages(&self, service: usize) -> Vec<Window> {
        let served = [0, 1].map(|of| {
            let (role, answers) = (self.role(service, of), self.answers(service, of));
            as_track(&windows(&[&role, &answers], Mono::ZERO, self.until, all_true))
        });
        windows(&[&served[0], &served[1]], self.from, self.until, |values| !values.contains(&Some(&true)))
    }

    /// The longest time for which clients of any service got no answer.
    pub(super) fn service_outage(&self) -> Duration {
        let services = 0..self.pair.services.len();
        services.map(|service| longest(&self.service_outages(service))).max().unwrap_or_default()
    }

    /// When service number `service` ran on both nodes.
    pub(super) fn overlaps(&self, service: usize) -> Vec<Window> {
        let tracks = [self.answers(service, 0), self.answers(service, 1)];
        windows(&[&tracks[0], &tracks[1]], self.from, self.until, all_true)
    }

    /// The longest time for which any service ran on both nodes.
    pub(super) fn overlap(&self) -> Duration {
        let services = 0..self.pair.services.len();
        services.map(|service| longest(&self.overlaps(service))).max().unwrap_or_default()
    }

    /// The longest time for which a service did not answer on node number `of` of the pair.
    pub(super) fn silence(&self, of: usize) -> Duration {
        let each = (0..self.pair.services.len()).map(|service| {
            let track = self.answers(service, of);
            longest(&windows(&[&track], self.from, self.until, |values| values != [Some(&true)]))
        });
        each.max().unwrap_or_default()
    }

    /// How often any vhid of any node changed its state.
    pub(super) fn moves(&self) -> usize {
        let nodes = self.pair.at.iter().map(|at| &self.timeline.nodes[*at]);
        nodes.flat_map(|node| &node.vhids).map(|(_, track)| track.changes(self.from, self.until).count()).sum()
    }

    /// How often the demotion of node number `of` of the pair changed.
    pub(super) fn demotions(&self, of: usize) -> usize {
        self.timeline.nodes[self.pair.at[of]].demotion.changes(self.from, self.until).count()
    }

    /// How often the carpds wrote to their kernels.
    pub(super) fn writes(&self) -> usize {
        self.timeline.nodes.iter().map(|node| node.written(self.from, self.until).0).sum()
    }
}

/// From when on the value was one that `wanted` accepts, until the end.
fn settled<T: Clone + PartialEq>(
    track: &Track<T>,
    from: Mono,
    until: Mono,
    wanted: impl Fn(&T) -> bool,
) -> Option<Mono> {
    let last: Window = *windows(&[track], from, until, |values| values[0].is_some_and(&wanted)).last()?;
    (last.until == until).then_some(last.from)
}

fn all_true(values: &[Option<&bool>]) -> bool {
    values.iter().all(|value| *value == Some(&true))
}

fn as_track(windows: &[Window]) -> Track<bool> {
    let mut track = Track::default();
    track.push(Mono::ZERO, false);
    for window in windows {
        track.push(window.from, true);
        track.push(window.until, false);
    }
    track
}
