//! Gives the recorded commands at the recorded times and compares what follows.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use carpd::model::{CarpCounters, Mono};

use super::recording::{Line, What};
use super::rig::Rig;

/// Between a STEP line and its earliest effect: the start of `jexec` and of the command. It took 0.03 to 0.10 s.
const PROCESS_START: f64 = 0.025;

/// How far apart a recorded and a modelled time may lie. Timers of 3 s were late by up to 0.095 s on that loaded, emulated machine with
/// ticks of 10 ms; and starting a process took up to 0.10 s.
const TOLERANCE: f64 = 0.15;

/// `ifconfig` and `sysctl` looked at the node this long before their output was noted.
const LOOK: f64 = 0.1;

/// The recordings show no adverts, so at which point of an advert interval a step fell is unknown. Before each step the model may idle for
/// up to one interval (1.4 s at advskew 100, 1.94 s when demoted); with one of these shifts everything until the next step has to agree.
/// The same before the first line: where vhids of the set-up stand to ones that are created later is unknown, too.
const SHIFTS: usize = 80;
const SHIFT: f64 = 0.025;

pub(crate) struct Replay<'a> {
    /// The set-up, with its state at the first line of the recording.
    pub(crate) rig: Rig,
    /// What a STEP line means that is no command itself: seconds after it, and the command.
    pub(crate) prose: &'a [(&'a str, &'a [(f64, &'a str)])],
    /// What was done without a STEP line.
    pub(crate) silent: &'a [&'a [(f64, &'a str)]],
    /// Until then devd was busy with the creation of interfaces and sent its records seconds late.
    pub(crate) devd_late_until: f64,
}

/// `(interface, vhid)`: within one of these, order and number of events have to be the same.
type Key = (String, u8);

/// Times and texts.
type Events = BTreeMap<Key, Vec<(f64, String)>>;

/// Commands that belong together, with their times; what they cause is compared until the next action.
#[derive(Default)]
struct Action(Vec<(f64, String)>);

impl Action {
    fn at(&self) -> f64 {
        self.0.first().map_or(f64::MIN, |first| first.0)
    }
}

impl Replay<'_> {
    pub(crate) fn run(self, lines: &[Line]) {
        let actions = self.actions(lines);
        // How far it came, and why not further.
        let mut complaint = (f64::MIN, String::new());
        for start in 0..SHIFTS {
            let mut rig = self.rig.clone();
            rig.advance(start as f64 * SHIFT);
            let clock = Clock { recorded: lines[0].at, model: rig.world.now() };
            match self.play(Played { rig, clock, looks: Looks::default(), compared: 0 }, &actions, lines) {
                Ok(played) => {
                    assert!(played.compared > 3, "nothing was compared");
                    return;
                }
                Err(why) if why.0 > complaint.0 => complaint = why,
                Err(_) => {}
            }
        }
        panic!("{}", complaint.1);
    }

    fn play(&self, mut played: Played, actions: &[Action], lines: &[Line]) -> Result<Played, (f64, String)> {
        let mut at = lines[0].at;
        for (n, action) in actions.iter().enumerate() {
            let until = actions.get(n + 1).map_or(f64::MAX, Action::at);
            let lines: Vec<&Line> = lines.iter().filter(|line| (at..until).contains(&line.at)).collect();
            let until = until.min(lines.last().map_or(at, |line| line.at) + 10.0);
            let window = Window { until, action, lines: &lines, late: self.devd_late_until };
            let complain = |why| (at, format!("{at:.3} {:?}\n{why}", action.0));
            played = window.play_shifted(&played).map_err(complain)?;
            at = until;
        }
        Ok(played)
    }

    /// An empty action for the time before the first command, then all others in order.
    fn actions(&self, lines: &[Line]) -> Vec<Action> {
        let own = |at: f64, commands: &[(f64, &str)]| {
            Action(commands.iter().map(|(after, command)| (at + after, (*command).to_owned())).collect())
        };
        let mut actions: Vec<Action> = self.silent.iter().map(|commands| own(0.0, commands)).collect();
        for line in lines {
            let What::Step(step) = &line.what else { continue };
            if let Some((_, commands)) = self.prose.iter().find(|(prose, _)| step.starts_with(prose)) {
                actions.extend((!commands.is_empty()).then(|| own(line.at, commands)));
            } else if step.starts_with("jexec ") || step.starts_with("ifconfig ") {
                let command = step.split(" (").next().unwrap_or(step);
                actions.push(own(line.at, &[(PROCESS_START, command)]));
            } else {
                let harmless = ["state", "start", "fresh"];
                assert!(harmless.iter().any(|word| step.starts_with(word)), "unknown step: {step}");
            }
        }
        actions.push(Action::default());
        actions.sort_by(|a, b| a.at().total_cmp(&b.at()));
        actions
    }
}

/// Which model time belongs to which recorded time.
#[derive(Clone, Copy)]
struct Clock {
    recorded: f64,
    model: Mono,
}

impl Clock {
    fn shifted(self, idle: f64) -> Self {
        Self { model: self.model + Duration::from_secs_f64(idle), ..self }
    }

    fn model(self, recorded: f64) -> Mono {
        self.model + Duration::from_secs_f64((recorded - self.recorded).max(0.0))
    }

    fn recorded(self, model: Mono) -> f64 {
        self.recorded + (model.as_micros() as f64 - self.model.as_micros() as f64) / 1e6
    }
}

/// How far the replay is.
#[derive(Clone)]
struct Played {
    rig: Rig,
    clock: Clock,
    looks: Looks,
    /// Events that agreed.
    compared: usize,
}

/// From one action to the next.
struct Window<'a> {
    until: f64,
    action: &'a Action,
    lines: &'a [&'a Line],
    late: f64,
}

impl Window<'_> {
    fn play_shifted(&self, before: &Played) -> Result<Played, String> {
        let mut complaint = None;
        for shift in 0..SHIFTS {
            let mut after = before.clone();
            after.clock = before.clock.shifted(shift as f64 * SHIFT);
            match self.play(&mut after) {
                Ok(()) => return Ok(after),
                Err(why) => _ = complaint.get_or_insert(why),
            }
        }
        Err(complaint.unwrap_or_default())
    }

    fn play(&self, played: &mut Played) -> Result<(), String> {
        let Played { rig, clock, looks, compared } = played;
        for (at, command) in &self.action.0 {
            rig.world.advance_to(clock.model(*at));
            rig.run(command);
        }
        for line in self.lines {
            if let What::Shown { node, text } = &line.what {
                rig.world.advance_to(clock.model(line.at - LOOK));
                looks.compare(rig, node, text).map_err(|why| format!("{:.3} {node}: {why}", line.at))?;
            }
        }
        rig.world.advance_to(clock.model(self.until));
        let modelled = modelled_events(rig, *clock);
        let recorded = self.recorded_events(rig);
        let same = recorded.len() == modelled.len()
            && recorded.iter().zip(&modelled).all(|(r, m)| r.0 == m.0 && self.agree(r.1, m.1));
        *compared += recorded.values().map(Vec::len).sum::<usize>();
        if same { Ok(()) } else { Err(format!("recorded: {recorded:#.3?}\nmodelled: {modelled:#.3?}")) }
    }

    fn recorded_events(&self, rig: &Rig) -> Events {
        let mut events = Events::new();
        for line in self.lines {
            if let What::Event(text) = &line.what {
                let text = without_scope(text);
                if let Some(key) = key(rig, &text) {
                    events.entry(key).or_default().push((line.at, text));
                }
            }
        }
        events
    }

    fn agree(&self, recorded: &[(f64, String)], modelled: &[(f64, String)]) -> bool {
        let agrees = |(r, m): (&(f64, String), &(f64, String))| {
            let late = r.0 < self.late && r.0 > m.0;
            r.1 == m.1 && (late || (r.0 - m.0).abs() <= TOLERANCE)
        };
        recorded.len() == modelled.len() && recorded.iter().zip(modelled).all(agrees)
    }
}

fn modelled_events(rig: &mut Rig, clock: Clock) -> Events {
    let mut events = Events::new();
    for node in rig.world.nodes() {
        let drained: Vec<_> = rig.world.drain_events(node).collect();
        for event in drained {
            let text = without_scope(event.text.strip_suffix('\n').unwrap_or("no newline"));
            if let Some(key) = key(rig, &text) {
                events.entry(key).or_default().push((clock.recorded(event.at), text));
            }
        }
    }
    events
}

/// Where an event belongs, if it is compared: CARP, the addresses of vhids, and real link changes and renames of interfaces that carry vhids.
///
/// Left out, because the lab does not create jails and cables: ATTACH, DETACH and IFATTACH of interfaces, everything about lo0 and about a
/// node's own addresses, and links of epairs and vlans, which come up once at creation.
fn key(rig: &Rig, text: &str) -> Option<Key> {
    let mut fields = text.split(' ').filter_map(|field| field.split_once('='));
    let (system, subsystem, kind) = (fields.next()?.1, fields.next()?.1, fields.next()?.1);
    match (system, kind) {
        ("CARP", _) => {
            let (vhid, interface) = subsystem.split_once('@')?;
            Some((interface.to_owned(), vhid.parse().ok()?))
        }
        ("IFNET", "ADDR_ADD" | "ADDR_DEL") => {
            let address: IpAddr = fields.next()?.1.parse().ok()?;
            Some((subsystem.to_owned(), *rig.vips.get(&address)?))
        }
        ("IFNET", "LINK_UP" | "LINK_DOWN" | "RENAME") if rig.is_host() && !made_up(subsystem) => {
            Some((subsystem.to_owned(), 0))
        }
        _ => None,
    }
}

fn made_up(interface: &str) -> bool {
    interface.starts_with("epair") || interface.starts_with("vlan")
}

/// Interface numbers depend on what else the recorded system had.
fn without_scope(text: &str) -> String {
    match text.split_once("fe80:") {
        Some((before, after)) if !after.starts_with(':') => {
            let (_, rest) = after.split_once(':').unwrap_or_default();
            format!("{before}fe80:{rest}")
        }
        _ => text.to_owned(),
    }
}

/// What commands showed of the nodes.
#[derive(Clone, Default)]
struct Looks {
    /// The vhids since the last line about demotion, which completes a look at a node.
    vhids: BTreeMap<String, Vec<String>>,
    /// By node and kind: the last recorded and modelled count.
    counts: BTreeMap<(String, String), (u64, u64)>,
}

impl Looks {
    fn compare(&mut self, rig: &Rig, node: &str, text: &str) -> Result<(), String> {
        if text.starts_with("carp: ") {
            self.vhids.entry(node.to_owned()).or_default().push(text.to_owned());
            return Ok(());
        }
        let look = rig.world.snapshot(rig.node(node)).map_err(|why| why.to_string())?;
        if let Some((count, what)) = text.split_once(' ').and_then(|(count, what)| Some((count.parse().ok()?, what))) {
            return self.compare_counter(node, count, what, &look.counters);
        }
        let sysctls = look.sysctls;
        let full = format!(
            "net.inet.carp.demotion={} preempt={} allow={}",
            sysctls.demotion,
            u8::from(sysctls.preempt),
            u8::from(sysctls.allow)
        );
        let short = format!("demotion {}", sysctls.demotion);
        let modelled = match text {
            _ if text.starts_with("net.inet.carp.demotion=") => full,
            _ if text.starts_with("demotion ") => short,
            _ => return Ok(()),
        };
        equal("sysctls", text, &modelled)?;
        let mut shown = self.vhids.remove(node).unwrap_or_default();
        shown.sort();
        let mut vhids: Vec<String> = look
            .vhids
            .iter()
            .map(|v| {
                let (base, skew) = v.carp().map(|carp| (carp.advbase.get(), carp.advskew.get())).unwrap();
                format!("carp: {} vhid {} advbase {base} advskew {skew}", v.state, v.id.vhid)
            })
            .collect();
        vhids.sort();
        equal("vhids", &shown.join(", "), &vhids.join(", "))
    }
}

impl Looks {
    /// Counters are compared by how much they grew since the last look. Adverts every 1.03 to 1.07 s instead of 1.01 s and the idle time before
    /// a step are worth a few packets; growth as such and its absence must agree.
    fn compare_counter(&mut self, node: &str, count: u64, what: &str, counters: &CarpCounters) -> Result<(), String> {
        let modelled = match what {
            "packets received (IPv4)" => counters.ipackets,
            "packets received (IPv6)" => counters.ipackets6,
            "discarded for bad authentication" => counters.badauth,
            "discarded for bad vhid" => counters.badvhid,
            _ => return Ok(()),
        };
        let Some((r, m)) = self.counts.insert((node.to_owned(), what.to_owned()), (count, modelled)) else {
            return Ok(());
        };
        let (r, m) = (count - r, modelled - m);
        let near = (r == 0) == (m == 0) && r.abs_diff(m) <= 2 + r / 10;
        if near { Ok(()) } else { Err(format!("{what}: recorded {r} more, modelled {m}")) }
    }
}

fn equal(what: &str, recorded: &str, modelled: &str) -> Result<(), String> {
    if recorded == modelled { Ok(()) } else { Err(format!("{what}: recorded {recorded}, modelled {modelled}")) }
}
