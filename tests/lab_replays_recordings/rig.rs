//! The recorded set-ups, rebuilt in the lab, and the commands that were given there.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use carpd::lab::world::{ForcedState, NodeId, SegmentId, VhidSettings, World, WorldConfig};
use carpd::model::{AdvSkew, CarpKey, Demotion, InterfaceName, VhidRef};
use ipnet::IpNet;

#[derive(Clone)]
pub(crate) struct Rig {
    pub(crate) world: World,
    lan: SegmentId,
    /// Every address that ever was under a vhid, and which.
    pub(crate) vips: BTreeMap<IpAddr, u8>,
}

/// Two jails of one kernel at 100 Hz, as recorded; packets between them are handed over almost at once.
const JAILS: WorldConfig =
    WorldConfig { seed: 1, hz: 100, shared_kernel: true, delay: Duration::from_micros(100), jitter: Duration::ZERO };

impl Rig {
    /// n1 with epair0b and n2 with epair1b on one bridge, preempt on, no vhids yet.
    pub(crate) fn cluster() -> Self {
        let mut world = World::new(JAILS);
        let lan = world.add_segment();
        let mut rig = Self { world, lan, vips: BTreeMap::new() };
        for (node, interface, own) in [("n1", "epair0b", 11), ("n2", "epair1b", 12)] {
            let id = rig.world.add_node(node);
            rig.world.add_interface(id, &name(interface)).unwrap();
            rig.world.plug(id, &name(interface), lan).unwrap();
            rig.run(&format!("jexec {node} ifconfig {interface} inet 192.0.2.{own}/24 alias"));
            rig.run(&format!("jexec {node} sysctl net.inet.carp.preempt=1"));
        }
        rig
    }

    /// The host itself, without interfaces.
    pub(crate) fn host() -> Self {
        let mut world = World::new(WorldConfig { shared_kernel: false, ..JAILS });
        let lan = world.add_segment();
        world.add_node("host");
        Self { world, lan, vips: BTreeMap::new() }
    }

    pub(crate) fn is_host(&self) -> bool {
        self.world.node("host").is_some()
    }

    /// Gives the commands and lets the election settle.
    pub(crate) fn settled(mut self, commands: &[&str]) -> Self {
        for command in commands {
            self.run(command);
        }
        self.advance(10.0);
        for node in self.world.nodes() {
            self.world.drain_events(node).for_each(drop);
        }
        self
    }

    pub(crate) fn advance(&mut self, seconds: f64) {
        self.world.advance(Duration::from_secs_f64(seconds.max(0.0)));
    }

    pub(crate) fn node(&self, name: &str) -> NodeId {
        self.world.node(name).unwrap_or_else(|| panic!("no node {name}"))
    }

    /// `[jexec NODE] ifconfig ...`, `[jexec NODE] sysctl ...`, or `lab ...` for what happened outside the nodes.
    pub(crate) fn run(&mut self, command: &str) {
        let mut words = command.split_whitespace();
        let mut first = words.next().unwrap();
        let mut node = "host";
        if first == "jexec" {
            node = words.next().unwrap();
            first = words.next().unwrap();
        }
        let words: Vec<&str> = words.collect();
        match first {
            "lab" => self.lab(&words),
            "sysctl" => self.sysctl(self.node(node), words[0]),
            "ifconfig" if words[0].ends_with('a') && !self.is_host() => self.far_end(words[0], words[1]),
            "ifconfig" => self.ifconfig(self.node(node), words[0], &words[1..]),
            _ => panic!("cannot run {command}"),
        }
    }

    fn sysctl(&mut self, node: NodeId, assignment: &str) {
        let (key, value) = assignment.split_once('=').unwrap();
        let value: i32 = value.parse().unwrap();
        match key.strip_prefix("net.inet.carp.").unwrap() {
            "demotion" => self.world.add_demotion(node, Demotion::new(value)),
            "preempt" => self.world.set_preempt(node, value != 0),
            "allow" => self.world.set_allow(node, value != 0),
            "ifdown_demotion_factor" => self.world.set_ifdown_factor(node, Demotion::new(value)),
            other => panic!("cannot set {other}"),
        }
        .unwrap();
    }

    /// The other end of a node's epair: the node sees a link change only if it is destroyed.
    fn far_end(&mut self, far: &str, what: &str) {
        let near = name(&far.replace('a', "b").replace("epbir", "epair"));
        let node = self.node(if far == "epair0a" { "n1" } else { "n2" });
        match what {
            "down" => self.world.set_far_end(node, &near, false),
            "up" => self.world.set_far_end(node, &near, true),
            "destroy" => self.world.unplug(node, &near),
            _ => panic!("cannot {what} {far}"),
        }
        .unwrap();
    }

    fn lab(&mut self, words: &[&str]) {
        match words {
            ["partition"] => self.world.partition(self.lan, &[&[self.node("n1")]]),
            ["heal"] => self.world.heal(self.lan),
            ["interface", node, interface] => self.world.add_interface(self.node(node), &name(interface)).unwrap(),
            ["link", node, interface, state] => {
                self.world.set_link(self.node(node), &name(interface), *state == "up").unwrap();
            }
            other => panic!("cannot {other:?}"),
        }
    }

    fn ifconfig(&mut self, node: NodeId, interface: &str, words: &[&str]) {
        let interface = name(interface);
        let mut settings = Settings::default();
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            let mut value = || *words.next().unwrap();
            match word {
                "inet" | "inet6" | "alias" => {}
                "up" | "down" => self.world.set_up(node, &interface, word == "up").unwrap(),
                "destroy" => self.world.destroy_interface(node, &interface).unwrap(),
                "name" => self.world.rename_interface(node, &interface, &name(value())).unwrap(),
                "vhid" => settings.vhid = Some(VhidRef::new(value().parse().unwrap(), interface.clone())),
                "advskew" => settings.advskew = AdvSkew::new(value().parse().unwrap()),
                "pass" => settings.key = Some(CarpKey::from_password(value().as_bytes())),
                "peer" => settings.peer = Some(value().parse().unwrap()),
                "state" => settings.state = Some(value() == "master"),
                "-alias" => {
                    self.world.remove_address(node, &interface, settings.address.take().unwrap().addr()).unwrap()
                }
                address => settings.address = Some(net(address)),
            }
        }
        self.apply(node, &interface, settings);
    }

    /// As ifconfig does: read the vhid, set it whole, then add the address.
    fn apply(&mut self, node: NodeId, interface: &InterfaceName, settings: Settings) {
        if let Some(id) = &settings.vhid {
            let old = self.world.vhid(node, id).map(|vhid| vhid.carp().unwrap().advskew).unwrap_or_default();
            let force = |master| if master { ForcedState::Master } else { ForcedState::Backup };
            let whole = VhidSettings {
                advskew: settings.advskew.unwrap_or(old),
                key: settings.key,
                state: settings.state.map(force),
                peer: settings.peer,
                ..VhidSettings::default()
            };
            self.world.set_vhid(node, id, &whole).unwrap();
        }
        if let Some(net) = settings.address {
            if let Some(id) = &settings.vhid {
                self.vips.insert(net.addr(), id.vhid.get());
            }
            self.world.add_address(node, interface, net, settings.vhid.map(|id| id.vhid)).unwrap();
        }
    }
}

#[derive(Default)]
struct Settings {
    vhid: Option<VhidRef>,
    advskew: Option<AdvSkew>,
    key: Option<CarpKey>,
    state: Option<bool>,
    peer: Option<Ipv4Addr>,
    address: Option<IpNet>,
}

pub(crate) fn name(text: &str) -> InterfaceName {
    text.parse().unwrap()
}

fn net(text: &str) -> IpNet {
    text.parse()
        .unwrap_or_else(|_| IpNet::from(text.parse::<IpAddr>().unwrap_or_else(|_| panic!("no address: {text}"))))
}
