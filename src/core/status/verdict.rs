//! The judgement: one line that an administrator reads first, and the problems behind it, each with the next step.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::links;
use super::{Health, Status, VhidState, VhidStatus};
use crate::core::attribution::PartSource;
use crate::core::events::EventSource;
use crate::core::ledger::LedgerState;
use crate::core::role::Role;
use crate::core::service::{ActionResult, Is};
use crate::core::vrrp;
use crate::model::{InterfaceName, VhidRef};

/// How bad it is, in the words of monitoring plugins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// All is as it should be.
    #[default]
    Ok,
    /// It cannot be told.
    Unknown,
    /// Something should be looked at.
    Warning,
    /// Something does not work.
    Critical,
}

impl Severity {
    /// `OK`, `WARNING`, `CRITICAL` or `UNKNOWN`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Unknown => "UNKNOWN",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        }
    }
}

/// The judgement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Verdict {
    /// The worst of the problems.
    pub severity: Severity,
    /// The roles in a few words: `MASTER of 3/3 vhids`.
    pub summary: String,
    /// What is wrong, the worst first.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What is the case, naming the object.
    pub what: String,
    /// What it means.
    pub effect: String,
    /// What to do next; may be empty.
    pub next: String,
}

/// What the judgement needs beyond the status itself.
#[derive(Debug, Default)]
pub(super) struct Facts<'a> {
    pub(super) unreadable: Option<(Duration, &'a str)>,
    pub(super) frozen: Option<&'a str>,
    pub(super) write_error: Option<&'a str>,
    /// Why the kernel does not let carpd change the demotion.
    pub(super) refusal: Option<&'a str>,
    /// For how long no source of events has been connected that announces every change.
    pub(super) events_lost: Option<Duration>,
    /// Interfaces with vhids that do not run, and whether they are administratively up.
    pub(super) dead_interfaces: Vec<(InterfaceName, bool)>,
    /// Vhids that are there and not as the configuration says, with what is different.
    pub(super) differing: Vec<(VhidRef, String)>,
    /// Why the daemon is not the one who answers.
    pub(super) silence: Option<Problem>,
}

pub(super) fn judge(status: &Status, facts: &Facts<'_>) -> Verdict {
    let mut problems = Vec::new();
    kernel(facts, &mut problems);
    vhids(status, facts, &mut problems);
    demotion(status, &mut problems);
    unmoved(status, &mut problems);
    services(status, &mut problems);
    links::problems(status, &mut problems);
    carp(status, &mut problems);
    events(status, facts, &mut problems);
    state_file(facts, &mut problems);
    refusal(facts, &mut problems);
    problems.extend(facts.silence.clone());
    problems.sort_by_key(|p| std::cmp::Reverse(p.severity));
    let severity = problems.iter().map(|p| p.severity).max().unwrap_or_default();
    Verdict { severity, summary: summary(status), problems }
}

pub(super) fn problem(
    severity: Severity,
    what: impl Into<String>,
    effect: impl Into<String>,
    next: impl Into<String>,
) -> Problem {
    Problem { severity, what: what.into(), effect: effect.into(), next: next.into() }
}

fn summary(status: &Status) -> String {
    let all = status.vhids.len();
    let count = |state: VhidState| status.vhids.iter().filter(|v| v.state == state).count();
    if all == 0 {
        return if status.carp.is_some() { "no vhids" } else { "state unknown" }.to_owned();
    }
    let states = [VhidState::Master, VhidState::Backup, VhidState::Init, VhidState::Absent, VhidState::Unknown];
    let parts: Vec<String> = states
        .into_iter()
        .filter(|state| count(*state) > 0)
        .map(|state| format!("{} of {}/{all}", state.as_str(), count(state)))
        .collect();
    format!("{} vhids", parts.join(", "))
}

fn kernel(facts: &Facts<'_>, problems: &mut Vec<Problem>) {
    if let Some((waited, why)) = facts.unreadable {
        let what = format!("the kernel cannot be read for {} s: {why}", waited.as_secs());
        problems.push(problem(
            Severity::Critical,
            what,
            "running services are left alone for a while, nothing is started",
            "",
        ));
    }
}

fn vhids(status: &Status, facts: &Facts<'_>, problems: &mut Vec<Problem>) {
    for (interface, up) in &facts.dead_interfaces {
        let (what, next) = if *up {
            (format!("{interface} has no carrier"), format!("plug in {interface}, or look at its switch port"))
        } else {
            (format!("{interface} is administratively down"), format!("ifconfig {interface} up"))
        };
        problems.push(problem(Severity::Warning, what, "its vhids are INIT and the whole node is demoted", next));
    }
    for vhid in &status.vhids {
        if vhid.state == VhidState::Absent {
            let what = format!("vhid {}@{} is configured but the kernel does not have it", vhid.vhid, vhid.interface);
            let effect = "what follows it is standby on this node";
            problems.push(problem(Severity::Warning, what, effect, absent_remedy(status, vhid)));
        }
    }
    for (id, text) in &facts.differing {
        let what = format!("{id} is not as carpd.toml says: {text}");
        problems.push(problem(Severity::Warning, what, "only carpctl apply changes a live vhid", "carpctl plan"));
    }
    let masters = status.vhids.iter().filter(|v| v.state == VhidState::Master).count();
    let backups = status.vhids.iter().filter(|v| v.state == VhidState::Backup).count();
    if masters > 0 && backups > 0 {
        let effect = "traffic may enter on one node and leave on the other";
        let next =
            "normal for a second at a failover and where vhids are meant for different nodes; else compare both nodes";
        problems.push(problem(
            Severity::Warning,
            "this node is MASTER of some vhids and BACKUP of others",
            effect,
            next,
        ));
    }
}

/// An interface that was renamed took its vhids along, so the one that is missing may be near.
fn absent_remedy(status: &Status, absent: &VhidStatus) -> String {
    let elsewhere = status
        .vhids
        .iter()
        .find(|other| other.vhid == absent.vhid && other.state != VhidState::Absent && *other != absent);
    let remedy = "apply the configuration, or remove the vhid from it";
    elsewhere.map_or_else(
        || remedy.to_owned(),
        |other| {
            format!(
                "{remedy}; the kernel has vhid {} on {}: was {} renamed?",
                other.vhid, other.interface, absent.interface
            )
        },
    )
}

fn demotion(status: &Status, problems: &mut Vec<Problem>) {
    let Some(total) = status.demotion.total else { return };
    if status.maintenance.active || status.maintenance.opnsense {
        let next = if status.maintenance.active { "carpctl maintenance leave" } else { "leave it in the GUI" };
        problems.push(problem(Severity::Warning, "in maintenance", maintenance_effect(status), next));
    }
    if status.draining {
        let effect = "it gives up its VIPs and starts nothing more: it is about to be shut down";
        let next = "if the shutdown was called off: carpctl drain --cancel";
        problems.push(problem(Severity::Warning, "this node is draining", effect, next));
    }
    for part in &status.demotion.reasons {
        if part.source == PartSource::Unattributed && status.demotion.ledger == LedgerState::Unread {
            let what = format!("a demotion of {} that the kernel alone does not explain", part.value);
            let effect = "it may be carpd's own share; the election is not what the configured skews say";
            problems.push(problem(Severity::Warning, what, effect, "ask again when the daemon answers"));
        } else if part.source == PartSource::Unattributed {
            let what = format!("a demotion of {} that nobody owns", part.value);
            let effect = "the election is not what the configured skews say";
            problems.push(problem(
                Severity::Warning,
                what,
                effect,
                format!("if nobody needs it: sysctl net.inet.carp.demotion={}", -i64::from(part.value)),
            ));
        }
        if part.source == PartSource::Carpd && part.name.starts_with("health:") {
            let what = format!("{} keeps a demotion of {}", part.name, part.value);
            let effect = "this node is held back until the service has run here in good health";
            problems.push(problem(Severity::Warning, what, effect, "carpctl why tells what the probe said"));
        }
        if part.source == PartSource::Opnsense && part.name == "service status" {
            let what = "OPNsense's service check demotes this node";
            problems.push(problem(
                Severity::Warning,
                what,
                part.detail.clone(),
                "run /usr/local/sbin/carp_service_status",
            ));
        }
    }
    if total < 0 {
        let what = format!("the demotion is negative ({total})");
        let effect = "this node looks better than it is; maintenance may have no effect";
        problems.push(problem(Severity::Warning, what, effect, "carpctl why"));
    }
    if status.demotion.ledger == LedgerState::Uncertain {
        let what = "it is not known whether carpd's last change of the demotion arrived";
        let next = "carpctl demotion assume landed, or lost";
        problems.push(problem(Severity::Critical, what, "carpd writes no demotion", next));
    }
}

/// A node that is still MASTER some seconds after it has offered its VIPs has nobody who takes them.
fn maintenance_effect(status: &Status) -> &'static str {
    let patience = Duration::from_secs(10);
    let masters = status.vhids.iter().any(|v| v.state == VhidState::Master && !v.is_vrrp());
    if masters && status.maintenance.since.is_some_and(|since| status.time.since(since) >= patience) {
        "this node is still MASTER: the peer does not take over; is it up, with preempt 1, and not demoted as well?"
    } else {
        "this node gives up its VIPs while the peer lives"
    }
}

/// What is meant to move the whole node leaves the VRRP vhids where they are.
fn unmoved(status: &Status, problems: &mut Vec<Problem>) {
    let Some(total) = status.demotion.total.filter(|total| *total > 0) else { return };
    let fixed = status.vhids.iter().filter(|v| v.is_vrrp() && v.state == VhidState::Master);
    let fixed: Vec<VhidRef> = fixed.map(|v| VhidRef::new(v.vhid, v.interface.clone())).collect();
    let (Some(first), Some(named)) = (fixed.first(), vrrp::named(&fixed.iter().collect::<Vec<_>>())) else { return };
    let verb = if fixed.len() == 1 { "stays" } else { "stay" };
    let what = format!("{named} {verb} MASTER here: demotion has no effect on VRRP");
    let effect = format!("the node's demotion of {total} moves its CARP vhids only");
    let next = format!(
        "to move one, give it less priority than the peer's: ifconfig {} vhid {} carpver 3 vrrpprio N",
        first.interface, first.vhid
    );
    problems.push(problem(Severity::Warning, what, effect, next));
}

fn services(status: &Status, problems: &mut Vec<Problem>) {
    for service in &status.services {
        let name = &service.name;
        if let Some(taken) = &service.unmanaged {
            let what = format!("{name} is {}", taken.said());
            let effect = "carpd neither starts, stops nor judges it, whatever the election says";
            problems.push(problem(Severity::Warning, what, effect, format!("carpctl service manage {name}")));
            continue;
        }
        let failed = service.last_action.as_ref().filter(|a| a.result != ActionResult::Ok);
        let detail = failed.map_or_else(String::new, |a| format!(": {} {}", a.kind.as_str(), a.detail));
        match (service.process_role().filter(|_| service.process), service.is) {
            // Whoever shuts the node down stops it.
            (Some(Role::Active), Is::Stopped) if status.draining => {}
            (Some(Role::Active), Is::Stopped) if service.lacks.is_some() => {
                let lacks = service.lacks.as_deref().unwrap_or_default();
                let what = format!("{name} should run and is not ready: {lacks}");
                let next = "put it there; that is noticed within seconds";
                problems.push(problem(Severity::Critical, what, "nothing is started that cannot work", next));
            }
            (Some(Role::Active), Is::Stopped) if failed.is_some() => {
                let what = format!("{name} should run and does not{detail}");
                problems.push(problem(Severity::Critical, what, "it is tried again", format!("carpctl why {name}")));
            }
            (Some(Role::Active), Is::Stopped) => {
                problems.push(problem(Severity::Warning, format!("{name} is being started"), "", ""));
            }
            (Some(Role::Standby), Is::Running) => {
                let severity = if failed.is_some() { Severity::Critical } else { Severity::Warning };
                let what = format!("{name} runs although it should be standby{detail}");
                problems.push(problem(severity, what, "it may run on both nodes", format!("carpctl why {name}")));
            }
            (Some(_), Is::Unknown) => {
                problems.push(problem(Severity::Warning, format!("it cannot be told whether {name} runs"), "", ""));
            }
            _ => {}
        }
        if let Some(lacks) =
            service.lacks.as_ref().filter(|_| service.want != Some(Role::Active) || service.is != Is::Stopped)
        {
            let what = format!("{name} could not be started here: {lacks}");
            let effect = "at the next failover to this node it would be missed";
            problems.push(problem(Severity::Warning, what, effect, format!("carpctl why {name}")));
        }
        if service.deaths >= 3 {
            let what = format!("{name} died {} times in the last ten minutes", service.deaths);
            let effect = "it is started again with growing pauses";
            let down = service.process_role() == Some(Role::Active) && service.is == Is::Stopped;
            let severity = if down { Severity::Critical } else { Severity::Warning };
            problems.push(problem(severity, what, effect, "look at its own log"));
        }
        if service.health == Health::Unhealthy {
            let what = format!("{name} is unhealthy: {}", service.health_detail);
            problems.push(problem(Severity::Critical, what, "", format!("carpctl why {name}")));
        }
        if service.given_up {
            let what = format!("{name} was restarted for its health, which has not helped");
            let effect =
                "carpd does not restart it again until its role changes or it has been healthy for some minutes";
            problems.push(problem(
                Severity::Critical,
                what,
                effect,
                "look at its own log, mend it, restart it by hand",
            ));
        } else if service.restarts >= 3 {
            let what =
                format!("{name} was restarted {} times for its health in the last ten minutes", service.restarts);
            problems.push(problem(Severity::Warning, what, "restarts get rarer, and end", "look at its own log"));
        }
    }
}

fn carp(status: &Status, problems: &mut Vec<Problem>) {
    let Some(carp) = &status.carp else { return };
    if !carp.allow {
        let what = "net.inet.carp.allow is 0";
        problems.push(problem(
            Severity::Critical,
            what,
            "CARP is off, every vhid is INIT",
            "sysctl net.inet.carp.allow=1",
        ));
    }
    if !carp.preempt && !status.vhids.is_empty() {
        let what = "net.inet.carp.preempt is 0";
        let effect = "this node never takes over from a living MASTER, so the peer's maintenance moves nothing";
        problems.push(problem(Severity::Warning, what, effect, "sysctl net.inet.carp.preempt=1, on both nodes"));
    }
    if let Some(ago) = carp.badauth_ago {
        // Only a MASTER sends adverts.
        let two_masters = status.vhids.iter().any(|v| v.state == VhidState::Master);
        let severity = if two_masters { Severity::Critical } else { Severity::Warning };
        let what = format!("adverts of another node fail authentication, the last one {ago} s ago");
        let effect = if two_masters {
            "both nodes are MASTER: their address lists or passwords differ"
        } else {
            "address lists or passwords differ, so this node will be MASTER as well"
        };
        problems.push(problem(severity, what, effect, "carpctl config check --peer compares both nodes"));
    }
}

/// Nothing depends on events, but without them a change is noticed later.
fn events(status: &Status, facts: &Facts<'_>, problems: &mut Vec<Problem>) {
    if let Some(lost) = facts.events_lost.filter(|lost| *lost >= Duration::from_secs(10)) {
        let what = format!("devd has not answered for {} s", lost.as_secs());
        let effect = if status.events.sources.contains(&EventSource::Rtnetlink) {
            "changes that rtnetlink does not tell are noticed within 5 s instead of at once"
        } else {
            "changes are noticed within 5 s instead of at once"
        };
        problems.push(problem(Severity::Warning, what, effect, "service devd status"));
    }
}

fn refusal(facts: &Facts<'_>, problems: &mut Vec<Problem>) {
    if let Some(why) = facts.refusal {
        let what = format!("the kernel refuses the change of carpd's demotion: {why}");
        let effect = "maintenance and health do not show in the election as they should; it is tried again";
        let next = "run carpd as root: of the host, or of the vnet jail whose vhids these are";
        problems.push(problem(Severity::Critical, what, effect, next));
    }
}

fn state_file(facts: &Facts<'_>, problems: &mut Vec<Problem>) {
    if let Some(why) = facts.frozen {
        let what = format!("the state file cannot be used: {why}");
        problems.push(problem(Severity::Critical, what, "maintenance and demotion cannot be changed", ""));
    }
    if let Some(why) = facts.write_error {
        let what = format!("the state file cannot be written: {why}");
        problems.push(problem(
            Severity::Critical,
            what,
            "maintenance and demotion cannot be changed",
            "free space, then wait 5 s",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::status::from_kernel;
    use crate::core::testing::{at, snapshot};
    use crate::model::{CarpState, Demotion};

    #[test]
    fn without_the_daemon_a_share_is_not_called_nobodys() {
        let mut look = snapshot(&[("1@em0", CarpState::Master)]);
        look.sysctls.demotion = Demotion::new(241);
        let silence = problem(Severity::Warning, "the daemon does not run", "", "service carpd start");
        let verdict = from_kernel("fw1".to_owned(), &look, None, silence.clone(), at(0)).verdict;
        assert!(verdict.problems.contains(&silence));
        assert!(verdict.problems.iter().all(|p| !p.what.contains("nobody owns")), "{verdict:?}");
        assert!(verdict.problems.iter().any(|p| p.effect.contains("carpd's own share")), "{verdict:?}");
    }

    #[test]
    fn what_a_dead_daemon_has_left_is_told_from_its_journal() {
        use crate::core::{Journal, Maintenance};
        use crate::model::Wall;
        let look = snapshot(&[("1@em0", CarpState::Backup)]);
        let maintenance =
            Maintenance { reason: "update".into(), by: "anna".into(), since: Wall::from_millis(1), until: None };
        let maintenance = Some(maintenance);
        let journal = Journal { boot: "boot".into(), share: Demotion::new(241), maintenance, ..Journal::default() };
        let silence = problem(Severity::Warning, "the daemon does not run", "", "service carpd start");
        let told = |journal: &Journal, sum: i32| {
            let mut look = look.clone();
            look.sysctls.demotion = Demotion::new(sum);
            let status = from_kernel("fw1".to_owned(), &look, Some(journal), silence.clone(), at(0));
            let parts: Vec<_> = status.demotion.reasons.iter().map(|part| (part.name.clone(), part.value)).collect();
            (status.maintenance.active && !status.maintenance.unknown, parts)
        };
        let part = |name: &str, value| (name.to_owned(), value);
        let both = vec![part("maintenance", 240), part("write mark", 1), part("unattributed", 240)];
        assert_eq!(told(&journal, 481), (true, both));
        let with_hold = Journal { drain: true, ..journal.clone() };
        assert_eq!(told(&with_hold, 241), (true, vec![part("carpd's share", 241)]));
        let of_an_earlier_boot = Journal { boot: "earlier".into(), ..journal };
        assert_eq!(told(&of_an_earlier_boot, 240), (true, vec![part("unattributed", 240)]));
        let nobody = from_kernel("fw1".to_owned(), &look, None, silence.clone(), at(0));
        assert!(nobody.maintenance.unknown && !nobody.maintenance.active);
    }
}
