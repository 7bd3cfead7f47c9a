//! `carpctl why`: what decides about a vhid, a service or the node, in sentences.
//!
//! The rules of the election are those of `sys/netinet/ip_carp.c` (`carp_input_c()`, `carp_setrun()`, `carp_sc_state()`).

use super::page::{Line, Page, Style, View};
use super::status::{events, head, health, is, link, pfsync, problems, unknown};
use super::{demotion, id, objects};
use crate::core::attribution::PartSource;
use crate::core::ledger::LedgerState;
use crate::core::link::Level;
use crate::core::policy::{Mode, Require};
use crate::core::role::Role;
use crate::core::service::{ActionKind, ActionResult, Is};
use crate::core::status::{CarpStatus, LinkStatus, ServiceStatus, Source, Status, VhidState, VhidStatus};
use crate::ctl::text::GLUE;
use crate::ctl::time;
use crate::model::{AdvSkew, LinkState, ServiceName, VhidRef, Wall};

/// Where the texts after a label begin.
const INDENT: usize = 13;

/// The whole node.
#[must_use]
pub fn node(status: &Status, view: &View) -> String {
    let mut page = Page::new(*view);
    head(&mut page, status);
    problems(&mut page, status);
    page.gap();
    row(&mut page, "demotion", &demotion::sum(status, view.now()));
    for part in demotion::parts(status) {
        let text = format!("{} {}: {}", part.value, part.name, origin(&part, status.demotion.ledger));
        page.labelled(&Line::default(), INDENT, &text);
    }
    if let Some(carp) = &status.carp {
        row(&mut page, "preempt", preempt(carp.preempt));
        row(&mut page, "adverts", &adverts(carp));
    }
    for vhid in &status.vhids {
        let text = format!("{}; {}", short(vhid, status.source, view.now()), arithmetic(status, vhid));
        row(&mut page, &id(vhid).to_string(), &text);
    }
    for service in &status.services {
        row(&mut page, service.name.as_str(), &next(status, service));
    }
    if let Some(pfsync) = &status.pfsync {
        let caveat = if pfsync.in_sync { "; the kernel says so after a copy that failed, too" } else { "" };
        row(&mut page, "pfsync", &format!("{}{caveat}", self::pfsync(pfsync)));
    }
    match status.source {
        Source::Daemon => row(&mut page, "events", &events(status)),
        Source::Kernel => row(&mut page, "unknown", unknown(status)),
    }
    page.finish()
}

/// One vhid.
///
/// # Errors
/// The node has no such vhid; the text says which it has.
pub fn vhid(status: &Status, wanted: &VhidRef, view: &View) -> Result<String, String> {
    let Some(vhid) = status.vhids.iter().find(|vhid| id(vhid) == *wanted) else {
        return Err(no_vhid(status, wanted));
    };
    let mut page = Page::new(*view);
    page.paragraph(&format!("{wanted} is {}", short(vhid, status.source, view.now())));
    page.gap();
    row(&mut page, if vhid.is_vrrp() { "priority" } else { "advskew" }, &arithmetic(status, vhid));
    row(&mut page, "demotion", &demotion::sum(status, view.now()));
    row(&mut page, "because", &cause(status, vhid));
    row(&mut page, "MASTER if", &remedy(status, vhid));
    if let Some(carp) = &status.carp {
        if carp.badauth > 0 && vhid.state != VhidState::Init {
            let text = format!("{} failed authentication since boot, of all vhids together", carp.badauth);
            row(&mut page, "adverts", &text);
        }
        row(&mut page, "preempt", preempt(carp.preempt));
    }
    if !vhid.peers.is_empty() {
        row(&mut page, "unicast", &format!("its adverts go to {} alone", vhid.peers.join(" and ")));
    }
    let addresses = if vhid.addresses.is_empty() { "none".to_owned() } else { vhid.addresses.join(", ") };
    row(&mut page, "addresses", &addresses);
    let followers: Vec<&str> =
        status.services.iter().filter(|s| s.follows.contains(wanted)).map(|s| s.name.as_str()).collect();
    if !followers.is_empty() {
        let text = format!("{} follow{} it", followers.join(", "), one(followers.len(), "s", ""));
        row(&mut page, "services", &text);
    }
    Ok(page.finish())
}

/// One service.
///
/// # Errors
/// carpd manages no such service; the text says which it does.
pub fn service(status: &Status, name: &ServiceName, view: &View) -> Result<String, String> {
    let service =
        status.services.iter().find(|service| service.name == *name).ok_or_else(|| no_service(status, name))?;
    let mut page = Page::new(*view);
    let now = view.now();
    let text = match service.want {
        Some(role) => format!("{name} should be {} on this node and is {}", role.as_str(), is(service.is)),
        None => format!("it is undecided what {name} should be on this node; it is {}", is(service.is)),
    };
    let since = service.since.map_or_else(String::new, |at| format!(", for {} now", time::span(now.since(at))));
    page.paragraph(&format!("{text}{since}"));
    page.gap();
    row(&mut page, "follows", &follows(status, service));
    row(&mut page, "want", want_because(status, service));
    if service.mode == Mode::Warm {
        row(&mut page, "mode", "warm: its process runs on both nodes, and only its link follows the election");
    }
    if let Some(link) = &service.link {
        row(&mut page, "link", &format!("{}{}", self::link(service, link, now), link_rule(link)));
    }
    let detail = if service.health_detail.is_empty() { String::new() } else { format!(": {}", service.health_detail) };
    row(&mut page, "health", &format!("{}{detail}", health(service).0));
    if let Some(lacks) = &service.lacks {
        row(&mut page, "not ready", lacks);
    }
    if let Some(text) = restarts(service) {
        row(&mut page, "restarts", &text);
    }
    row(&mut page, "last", &last(service, now));
    row(&mut page, "next", &next(status, service));
    Ok(page.finish())
}

/// Which services there are, for somebody who asked for another one.
pub(in crate::ctl) fn no_service(status: &Status, name: &ServiceName) -> String {
    if status.source == Source::Kernel {
        return format!("only the daemon knows of {name}: {}", known_problems(status));
    }
    // Whoever gives half of a vhid's name has meant that vhid.
    let half = |vhid: &&VhidStatus| vhid.vhid.to_string() == name.as_str() || vhid.interface.as_str() == name.as_str();
    let meant: Vec<String> = status.vhids.iter().filter(half).map(|vhid| id(vhid).to_string()).collect();
    let hint = if meant.is_empty() { String::new() } else { format!(" Did you mean {}?", meant.join(" or ")) };
    format!("carpd on {} manages no service {name}: {}.{hint}", status.node, objects(status))
}

/// Which vhids there are, for somebody who asked for another one.
pub(in crate::ctl) fn no_vhid(status: &Status, wanted: &VhidRef) -> String {
    if status.carp.is_none() {
        return format!("nothing is known of {wanted}: {}", known_problems(status));
    }
    format!("there is no vhid {wanted} on {}: {}", status.node, objects(status))
}

fn known_problems(status: &Status) -> String {
    let what: Vec<&str> = status.verdict.problems.iter().map(|problem| problem.what.as_str()).collect();
    what.join("; ")
}

fn row(page: &mut Page, label: &str, text: &str) {
    let label = Line::default().add(Style::Dim, &format!("  {label}"));
    if label.width() + 2 > INDENT {
        page.line(&label);
        page.labelled(&Line::default(), INDENT, text);
    } else {
        page.labelled(&label, INDENT, text);
    }
}

fn one<'a>(count: usize, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

fn short(vhid: &VhidStatus, source: Source, now: Wall) -> String {
    let since = match vhid.since {
        Some(since) => format!(", for {} now", time::span(now.since(since))),
        None if source == Source::Kernel => String::new(),
        None => " since before carpd watched it".to_owned(),
    };
    let changes = match vhid.transitions {
        0 => String::new(),
        count => {
            format!("; {count} change{} since carpd's start", one(usize::try_from(count).unwrap_or(2), "", "s"))
        }
    };
    format!("{}{since}{changes}", vhid.state.as_str())
}

/// What the kernel counts. What hardly ever happens is told only where it has.
fn adverts(carp: &CarpStatus) -> String {
    let mut text = format!(
        "{} adverts failed authentication since boot, {} were for vhids that are not configured here",
        carp.badauth, carp.badvhid
    );
    for (count, what) in [
        (carp.badttl, "came through a router, which CARP refuses"),
        (carp.malformed, "were damaged or of another version"),
        (carp.unsent, "could not be sent for want of memory"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text
}

/// The effective skew, as the kernel adds it up; of VRRP the priority, which nothing is added to.
fn arithmetic(status: &Status, vhid: &VhidStatus) -> String {
    if vhid.is_vrrp() {
        let (Some(priority), Some(interval)) = (vhid.priority, vhid.interval) else {
            return "it speaks VRRP, whose priority this kernel does not tell without netlink".to_owned();
        };
        let every = time::took(u64::from(interval) * 10);
        return format!("{priority} on the wire, every {every}: it speaks VRRP, and demotion has no effect on VRRP");
    }
    let (Some(skew), Some(total), Some(effective)) = (vhid.advskew, status.demotion.total, vhid.effective_advskew)
    else {
        return "the effective advskew is unknown".to_owned();
    };
    let sum = i64::from(skew) + i64::from(total);
    let max = AdvSkew::MAX_ADVERTISED;
    let clamp = if sum > i64::from(max) {
        format!(", limited to {max}")
    } else if sum < 0 {
        ", limited to 0".to_owned()
    } else {
        String::new()
    };
    let sign = if total < 0 { '-' } else { '+' };
    format!("{effective} on the wire = {skew} configured {sign} {} demotion{clamp}", total.unsigned_abs())
}

/// Whether the kernel has just rejected an advert. The counter alone may tell of a mistake that was mended long ago; that it
/// grows is what the daemon judges.
fn rejects(status: &Status) -> bool {
    status.carp.is_some_and(|carp| carp.badauth_ago.is_some())
}

fn cause(status: &Status, vhid: &VhidStatus) -> String {
    match vhid.state {
        VhidState::Master if vhid.is_vrrp() && vhid.priority == Some(255) => {
            "its priority is 255, so it listens to no other".to_owned()
        }
        VhidState::Master if vhid.is_vrrp() => {
            "it hears no MASTER of a higher priority or a shorter interval; one that is equal to itself does not make it yield"
                .to_owned()
        }
        VhidState::Master if rejects(status) => {
            "it hears no MASTER whose adverts it accepts: those of another node fail authentication, because the address \
             lists or passwords of the vhid differ. That is why both nodes are MASTER; carpctl config check --peer compares \
             them"
                .to_owned()
        }
        VhidState::Master => {
            "it hears no MASTER that advertises as often as itself; it yields to one that does, whatever preempt says"
                .to_owned()
        }
        VhidState::Backup => "it hears a MASTER".to_owned(),
        VhidState::Init if status.carp.is_some_and(|carp| !carp.allow) => {
            "net.inet.carp.allow is 0: CARP is off".to_owned()
        }
        VhidState::Init if vhid.addresses.is_empty() => "the vhid has no address".to_owned(),
        VhidState::Init => {
            format!("CARP cannot run on {}: it is not up, or its link is not (ifconfig {0})", vhid.interface)
        }
        VhidState::Absent => "the configuration wants it, but the kernel does not have it".to_owned(),
        VhidState::Unknown => "the kernel cannot be read".to_owned(),
    }
}

/// What would make it MASTER.
fn remedy(status: &Status, vhid: &VhidStatus) -> String {
    match vhid.state {
        VhidState::Master => "it is".to_owned(),
        VhidState::Backup if vhid.is_vrrp() => vrrp_takeover(status, vhid),
        VhidState::Backup => takeover(status, vhid),
        VhidState::Init if status.carp.is_some_and(|carp| !carp.allow) => {
            "CARP is switched on: sysctl net.inet.carp.allow=1".to_owned()
        }
        VhidState::Init if vhid.addresses.is_empty() => "it gets an address, and wins the election then".to_owned(),
        VhidState::Init => format!("{} is up and has a carrier, and it wins the election then", vhid.interface),
        VhidState::Absent => "the configuration is applied, and it wins the election then".to_owned(),
        VhidState::Unknown => "that cannot be told".to_owned(),
    }
}

/// The silence that a BACKUP waits for does not depend on the demotion; the comparison with a living MASTER does.
fn takeover(status: &Status, vhid: &VhidStatus) -> String {
    let silent = match (vhid.advbase, vhid.advskew) {
        (Some(base), Some(skew)) => {
            let millis = 3000 * u64::from(base) + 1000 * u64::from(skew) / 256;
            format!("the MASTER is silent for {}", time::took(millis))
        }
        _ => "the MASTER falls silent".to_owned(),
    };
    let (Some(carp), Some(effective)) = (status.carp, vhid.effective_advskew) else { return silent };
    let base = vhid.advbase.map_or_else(String::new, |base| format!(" (with the same advbase of {base} s)"));
    if !carp.preempt {
        return format!("{silent}, or advertises more than three times slower than this node would; preempt is 0 here");
    }
    if effective == AdvSkew::MAX_ADVERTISED {
        return format!(
            "{silent}; no living MASTER{base} is slower than this node with its effective advskew of {effective}, so its \
             demotion has to go first"
        );
    }
    format!("{silent}, or advertises an advskew above {effective}{base}")
}

/// The time that a VRRP vhid waits for follows from the interval that it last heard of, here taken for its own.
fn vrrp_takeover(status: &Status, vhid: &VhidStatus) -> String {
    let silent = match (vhid.priority, vhid.interval) {
        (Some(priority), Some(interval)) => {
            let interval = u64::from(interval);
            let centis = 3 * interval + (256 - u64::from(priority)) * interval / 256;
            format!("the MASTER is silent for {} (if its interval is the same)", time::took(centis * 10))
        }
        _ => "the MASTER falls silent".to_owned(),
    };
    match (status.carp, vhid.priority) {
        (Some(carp), _) if !carp.preempt => format!("{silent}; preempt is 0 here"),
        (Some(_), Some(priority)) => format!("{silent}, or has a priority below {priority} or a longer interval"),
        (Some(_), None) => format!("{silent}, or has a lower priority or a longer interval"),
        (None, _) => silent,
    }
}

const fn preempt(on: bool) -> &'static str {
    if on {
        "1: this node takes over from a living MASTER that is slower than itself"
    } else {
        "0: this node leaves a living MASTER alone, so a demotion of the peer moves nothing; set it on both nodes"
    }
}

fn origin(part: &demotion::Summand, ledger: LedgerState) -> String {
    if part.source == PartSource::Unattributed {
        // What may be carpd's own must not be taken away by hand: carpd would take it back once more.
        return match ledger {
            LedgerState::Unread => format!("{}; start it before this is changed by hand", demotion::WITHOUT_DAEMON),
            _ => format!(
                "written by somebody unknown, by hand or by a script, or left by a send error; if nobody needs it: \
                 sysctl{GLUE}net.inet.carp.demotion={}",
                -part.value
            ),
        };
    }
    let said = match (part.source, part.name.as_str()) {
        (PartSource::Carpd, "maintenance") => "carpctl maintenance leave takes it back",
        (PartSource::Carpd, "boot hold") => "ends by itself, at its limit at the latest",
        (PartSource::Carpd, "failback hold") => "ends by itself, at its limit after the fault at the latest",
        (PartSource::Carpd, "drain") => "ends with the boot; carpctl drain --cancel ends it before",
        (PartSource::Carpd, "write mark") => "tells carpd after a crash whether its last write arrived",
        (PartSource::Carpd, "carpd's share") => "maintenance, health, a hold or a drain",
        (PartSource::Carpd, "changing") => "carpd's share is being changed",
        (PartSource::Carpd, _) => "ends when the service has run here in good health, and its dwell time is over",
        (PartSource::Kernel, "interface down") => "the kernel takes it back when the interface is up",
        (PartSource::Kernel, "pfsync bulk") => "the kernel takes it back when the copy has ended",
        (PartSource::Kernel, _) => "the kernel's own",
        (PartSource::Opnsense, _) => "written by OPNsense",
        (PartSource::Unattributed, _) => "nobody is known for it",
    };
    if part.detail.is_empty() || part.detail == said { said.to_owned() } else { format!("{}; {said}", part.detail) }
}

fn follows(status: &Status, service: &ServiceStatus) -> String {
    let state = |wanted: &VhidRef| {
        let row = status.vhids.iter().find(|vhid| id(vhid) == *wanted);
        format!("{wanted} {}", row.map_or(VhidState::Unknown, |vhid| vhid.state).as_str())
    };
    let text = service.follows.iter().map(state).collect::<Vec<_>>().join(", ");
    let rule = match (service.require, service.follows.len()) {
        (_, 1) => "it is active while that one is MASTER",
        (Require::All, _) => "it is active while all of them are MASTER",
        (Require::Any, _) => "it is active while any of them is MASTER",
    };
    format!("{text}; {rule}")
}

/// What the states of the followed vhids say now; `None` if one of them is unknown.
fn election(status: &Status, service: &ServiceStatus) -> Option<Role> {
    let mut masters = 0;
    for wanted in &service.follows {
        match status.vhids.iter().find(|vhid| id(vhid) == *wanted)?.state {
            VhidState::Unknown => return None,
            VhidState::Master => masters += 1,
            _ => {}
        }
    }
    let active = match service.require {
        Require::All => masters == service.follows.len() && masters > 0,
        Require::Any => masters > 0,
    };
    Some(if active { Role::Active } else { Role::Standby })
}

fn want_because(status: &Status, service: &ServiceStatus) -> &'static str {
    match (service.want, election(status, service)) {
        (Some(Role::Active), Some(Role::Active)) => "active, because of these states",
        (Some(Role::Active), Some(Role::Standby)) => {
            "still active: the vhids say standby, but a MASTER that comes back within the settle time shall find it running"
        }
        (Some(Role::Active), None) => "still active: the kernel cannot be read, and one failed look stops nothing",
        (Some(Role::Standby), Some(Role::Standby)) => "standby, because of these states",
        (Some(Role::Standby), Some(Role::Active)) => "still standby; that changes in a moment",
        (Some(Role::Standby), None) => "standby: the states are unknown, and unknown starts nothing",
        (None, _) => "undecided: the kernel was not read yet, or a MASTER may come back in a moment",
    }
}

/// What becomes of it next, and what others have done to it.
fn link_rule(link: &LinkStatus) -> String {
    let rule = match link.want {
        Some(Level::Up) => "it goes down as soon as its vhids leave",
        Some(Level::Down) => {
            "it comes up as soon as its vhids are MASTER here, and is taken down if somebody raises it before"
        }
        None => "it stays as it is until it is known what it should be",
    };
    let others = match link.meddled {
        0 => String::new(),
        1 => "; somebody else has changed it once in the last ten minutes".to_owned(),
        times => format!("; somebody else has changed it {times} times in the last ten minutes"),
    };
    format!("; {rule}{others}")
}

fn restarts(service: &ServiceStatus) -> Option<String> {
    let times = match service.restarts {
        0 => "none in the last ten minutes".to_owned(),
        1 => "one for its health in the last ten minutes".to_owned(),
        more => format!("{more} for its health in the last ten minutes"),
    };
    if service.given_up {
        let end = "they have not helped; no more until its role changes or it has been healthy for some minutes";
        return Some(format!("{times}; {end}"));
    }
    (service.restarts > 0).then_some(times)
}

fn last(service: &ServiceStatus, now: Wall) -> String {
    if !service.process {
        return "it has no process to be started or stopped".to_owned();
    }
    let Some(action) = &service.last_action else { return "carpd has not started or stopped it yet".to_owned() };
    let result = match action.result {
        ActionResult::Ok => "worked",
        ActionResult::Failed => "failed",
        ActionResult::TimedOut => "timed out",
    };
    let detail = if action.detail.is_empty() { String::new() } else { format!(": {}", action.detail) };
    let took = time::took(action.duration_ms);
    format!("{} {result} after {took}, {} ago{detail}", action.kind.as_str(), time::span(now.since(action.at)))
}

/// What happens next to a service that is its link alone.
fn link_next(service: &ServiceStatus) -> &'static str {
    match service.link.as_ref().and_then(|link| Some((link.want?, link.is?))) {
        Some((want, is)) if want.is_met_by(is) => "nothing: its link is as it should be",
        Some((_, LinkState::Absent)) => "nothing, until its interface is there",
        Some((Level::Up, _)) => "carpd raises its link",
        Some((Level::Down, _)) => "carpd takes its link down",
        None => "nothing, until it is known what its link is and should be",
    }
}

/// What happens to a service next.
fn next(status: &Status, service: &ServiceStatus) -> String {
    if let Some(taken) = &service.unmanaged {
        return format!("nothing: it is {}; carpctl service manage {} ends that", taken.said(), service.name);
    }
    let failed = service.last_action.as_ref().is_some_and(|action| action.result != ActionResult::Ok);
    let again = if failed { " again, after a pause that grows to one minute" } else { "" };
    if !service.process {
        return link_next(service).to_owned();
    }
    match (service.busy, service.process_role(), service.is) {
        (Some(ActionKind::Fence), ..) => "its fence runs right now; the start follows if that succeeds".to_owned(),
        (Some(ActionKind::Start), ..) => "it is being started right now".to_owned(),
        (Some(ActionKind::Stop), ..) => "it is being stopped right now".to_owned(),
        (_, Some(Role::Active), Is::Stopped) if status.draining => "nothing: the node is draining".to_owned(),
        (_, Some(Role::Active), Is::Stopped) if service.lacks.is_some() => {
            "nothing until it is ready; that is looked at every few seconds".to_owned()
        }
        (_, Some(Role::Active), Is::Stopped) if service.next_try.is_some_and(|at| at > status.time) => {
            let wait = service.next_try.map(|at| at.since(status.time)).unwrap_or_default();
            format!("carpd starts it in {} s", wait.as_millis().div_ceil(1000))
        }
        (_, Some(Role::Active), Is::Stopped) => format!("carpd starts it{again}"),
        (_, Some(Role::Standby), Is::Running) => format!("carpd stops it{again}"),
        (_, Some(Role::Standby), Is::Unknown) => format!("carpd stops it, to be sure{again}"),
        (_, Some(_), Is::Unknown) => "carpd looks at it again in a moment, and starts nothing before that".to_owned(),
        (_, Some(_), Is::Running) if service.mode == Mode::Warm => "nothing: its process runs on both nodes".to_owned(),
        (_, Some(Role::Active), Is::Running) if election(status, service) == Some(Role::Standby) => {
            "carpd stops it at the end of its settle time, unless its vhids are MASTER again before".to_owned()
        }
        (_, Some(Role::Active), Is::Running) => {
            "nothing: it runs, as it should; it stops when its vhids move".to_owned()
        }
        (_, Some(Role::Standby), Is::Stopped) => "nothing: it waits for its vhids to become MASTER here".to_owned(),
        (_, None, _) => "nothing, until it is decided what it should be".to_owned(),
    }
}
