use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use ipnet::IpNet;

use super::*;
use crate::core::plan::WantedVhid;
use crate::kernel::{Kernel, KernelError};
use crate::lab::cluster::Cluster;
use crate::lab::plan::{InterfacePlan, NodePlan, VhidPlan};
use crate::lab::world::WorldConfig;
use crate::model::{AdvBase, AdvSkew, CarpKey, VhidSettings};

const OLD: &str = "192.0.2.1/24";
const NEW: &str = "192.0.2.9/24";
const FW1: usize = 0;
const FW2: usize = 1;

/// Both nodes of a pair and everything that a walk does to them, in virtual time.
struct Pair {
    cluster: Cluster,
    /// Longest time so far without, and with two, MASTERs.
    none: Duration,
    longest_none: Duration,
    longest_both: Duration,
    both: Duration,
    /// Writes that each node was asked for.
    writes: [Vec<String>; 2],
    /// Writes of this kind fail.
    broken: Option<&'static str>,
}

type Shared = Rc<RefCell<Pair>>;

fn id() -> VhidRef {
    "1@em0".parse().unwrap()
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn skew(at: usize) -> AdvSkew {
    AdvSkew::new(if at == FW1 { 0 } else { 100 }).unwrap()
}

fn key() -> CarpKey {
    CarpKey::from_password(b"secret")
}

fn pair() -> Shared {
    let node = |at: usize| NodePlan {
        name: format!("fw{}", at + 1),
        interfaces: vec![InterfacePlan {
            name: "em0".parse().unwrap(),
            label: "lan".to_owned(),
            addresses: vec![net("192.0.2.0/24")],
        }],
        vhids: vec![VhidPlan {
            id: id(),
            advbase: AdvBase::DEFAULT,
            advskew: skew(at),
            key: Some(key()),
            peers: Vec::new(),
            addresses: vec![net(OLD)],
        }],
        preempt: true,
        senderr_factor: 240,
        pfsync: None,
        opnsense_maintenance: false,
        tunnels: Vec::new(),
    };
    let mut cluster = Cluster::new(vec![node(FW1), node(FW2)], WorldConfig::default()).unwrap();
    cluster.world.advance(Duration::from_secs(6));
    Rc::new(RefCell::new(Pair {
        cluster,
        none: Duration::ZERO,
        longest_none: Duration::ZERO,
        longest_both: Duration::ZERO,
        both: Duration::ZERO,
        writes: [Vec::new(), Vec::new()],
        broken: None,
    }))
}

impl Pair {
    fn state(&mut self, at: usize) -> CarpState {
        self.cluster.kernel(at).snapshot(&[]).unwrap().vhid(&id()).unwrap().state
    }

    fn addresses(&mut self, at: usize) -> Vec<IpNet> {
        self.cluster.kernel(at).snapshot(&[]).unwrap().vhid(&id()).unwrap().addresses.clone()
    }

    fn advance(&mut self, time: Duration) {
        let step = Duration::from_millis(10);
        for _ in 0..time.as_millis() / step.as_millis() {
            self.cluster.world.advance(step);
            let masters = [FW1, FW2].iter().filter(|at| self.state(**at) == CarpState::Master).count();
            self.none = if masters == 0 { self.none + step } else { Duration::ZERO };
            self.both = if masters == 2 { self.both + step } else { Duration::ZERO };
            self.longest_none = self.longest_none.max(self.none);
            self.longest_both = self.longest_both.max(self.both);
        }
    }
}

type Reply = Box<dyn FnOnce(&Shared) -> Answer>;

/// One node's terminal. Questions that nobody has an answer to are the end of the input.
struct Terminal {
    pair: Shared,
    at: usize,
    replies: VecDeque<Reply>,
    said: String,
}

impl Administer for Terminal {
    fn inventory(&mut self) -> Result<Inventory, KernelError> {
        self.pair.borrow_mut().cluster.kernel(self.at).inventory()
    }

    fn write(&mut self, write: &Write) -> Result<(), KernelError> {
        let mut pair = self.pair.borrow_mut();
        pair.writes[self.at].push(write.to_string());
        if pair.broken.is_some_and(|kind| write.to_string().starts_with(kind)) {
            return Err(KernelError::Unsupported);
        }
        pair.cluster.kernel(self.at).write(write)
    }
}

impl Site for Terminal {
    fn node(&self) -> String {
        format!("fw{}", self.at + 1)
    }

    fn kernel(&mut self) -> &mut dyn Administer {
        self
    }

    fn adverts(&mut self) -> Result<Adverts, Failure> {
        let counters = self.pair.borrow_mut().cluster.kernel(self.at).snapshot(&[]).unwrap().counters;
        Ok(Adverts { heard: counters.ipackets + counters.ipackets6, refused: counters.badauth })
    }

    fn show(&mut self, document: &Document) -> Result<(), Failure> {
        self.say(&crate::ctl::render::plan::summary(document))
    }

    fn say(&mut self, text: &str) -> Result<(), Failure> {
        self.said.push_str(text);
        self.said.push('\n');
        Ok(())
    }

    fn ask(&mut self, question: &str) -> Answer {
        self.said.push_str(question);
        self.said.push('\n');
        // A person needs a while.
        self.pair.borrow_mut().advance(Duration::from_secs(5));
        self.replies.pop_front().map_or(Answer::Abort, |reply| reply(&self.pair))
    }

    fn wait(&mut self, time: Duration) -> Answer {
        self.pair.borrow_mut().advance(time);
        Answer::Yes
    }
}

fn wanted(at: usize, addresses: &[&str]) -> Wanted {
    let settings =
        VhidSettings { advbase: AdvBase::DEFAULT, advskew: skew(at), key: Some(key()), peer: None, peer6: None };
    let vhid = WantedVhid { id: id(), settings, addresses: addresses.iter().map(|a| net(a)).collect() };
    Wanted { vhids: vec![vhid], remove: Vec::new(), pfsync: None, preempt: true }
}

fn walk_at(pair: &Shared, at: usize, addresses: &[&str], replies: Vec<Reply>) -> (Ended, String) {
    let mut terminal = Terminal { pair: pair.clone(), at, replies: replies.into(), said: String::new() };
    let ended = walk(&mut terminal, &wanted(at, addresses));
    (ended, terminal.said)
}

fn yes() -> Reply {
    Box::new(|_| Answer::Yes)
}

fn abort() -> Reply {
    Box::new(|_| Answer::Abort)
}

/// Goes to the other node, and walks it through its part there.
fn other_node(addresses: &'static [&'static str]) -> Reply {
    Box::new(|pair| {
        let (ended, said) = walk_at(pair, FW1, addresses, vec![yes(), yes()]);
        assert_eq!(ended, Ok(exit::DONE), "{said}");
        Answer::Yes
    })
}

#[test]
fn the_walk_changes_both_nodes_without_two_masters_and_with_one_bounce() {
    let pair = pair();
    let (ended, said) = walk_at(&pair, FW2, &[OLD, NEW], vec![yes(), other_node(&[OLD, NEW])]);
    assert_eq!(ended, Ok(exit::DONE), "{said}");
    assert!(said.contains("accepts the adverts of the other node"), "{said}");
    let mut pair = pair.borrow_mut();
    pair.advance(Duration::from_secs(10));
    assert_eq!((pair.state(FW1), pair.state(FW2)), (CarpState::Master, CarpState::Backup));
    assert_eq!(pair.addresses(FW1), [net(OLD), net(NEW)]);
    assert_eq!(pair.addresses(FW2), [net(OLD), net(NEW)]);
    assert_eq!(pair.longest_both, Duration::ZERO);
    assert!((2_900..3_200).contains(&pair.longest_none.as_millis()), "{:?}", pair.longest_none);
    let expected = ["set net.inet.carp.allow to 0", "add 192.0.2.9/24 to vhid 1@em0", "set net.inet.carp.allow to 1"];
    assert_eq!(pair.writes[FW2], expected);
    assert_eq!(pair.writes[FW1], ["add 192.0.2.9/24 to vhid 1@em0"]);
}

#[test]
fn a_walk_with_nothing_to_do_asks_nothing_and_writes_nothing() {
    let pair = pair();
    for at in [FW1, FW2] {
        let (ended, said) = walk_at(&pair, at, &[OLD], vec![]);
        assert_eq!(ended, Ok(exit::DONE), "{said}");
        assert!(said.starts_with("nothing to do"), "{said}");
    }
    assert!(pair.borrow().writes.iter().all(Vec::is_empty));
}

#[test]
fn a_master_is_not_changed_before_the_other_node_is_out() {
    let pair = pair();
    let (ended, said) = walk_at(&pair, FW1, &[OLD, NEW], vec![abort()]);
    assert_eq!(ended.unwrap_err().code, exit::REFUSED, "{said}");
    let (ended, _) = walk_at(&pair, FW1, &[OLD, NEW], vec![yes(), abort()]);
    assert!(ended.unwrap_err().text.contains("Abort on the other node as well"));
    assert!(pair.borrow().writes.iter().all(Vec::is_empty));
}

#[test]
fn a_node_that_hears_no_master_does_not_leave_the_election_as_well() {
    let pair = pair();
    let fw1 = pair.borrow().cluster.nodes[FW1].id;
    pair.borrow_mut().cluster.world.set_allow(fw1, false).unwrap();
    let (ended, said) = walk_at(&pair, FW2, &[OLD, NEW], vec![yes()]);
    assert_eq!(ended.unwrap_err().code, exit::REFUSED, "{said}");
    assert!(pair.borrow().writes[FW2].is_empty());
}

#[test]
fn whoever_aborts_at_the_first_question_has_changed_nothing() {
    let pair = pair();
    for replies in [vec![abort()], vec![]] {
        let (ended, _) = walk_at(&pair, FW2, &[OLD, NEW], replies);
        assert_eq!(ended.unwrap_err().text, "given up; nothing was changed");
    }
    assert!(pair.borrow().writes[FW2].is_empty());
}

#[test]
fn whoever_aborts_later_finds_the_node_as_it_was_and_in_the_election() {
    for replies in [vec![yes(), abort()], vec![yes()]] {
        let pair = pair();
        let (ended, said) = walk_at(&pair, FW2, &[NEW], replies);
        let text = ended.unwrap_err().text;
        assert!(
            text.contains("has its old addresses") && text.contains("accepts the other node's adverts"),
            "{text} {said}"
        );
        let mut pair = pair.borrow_mut();
        pair.advance(Duration::from_secs(10));
        assert_eq!(pair.addresses(FW2), [net(OLD)]);
        assert_eq!((pair.state(FW1), pair.state(FW2)), (CarpState::Master, CarpState::Backup));
        assert_eq!((pair.longest_both, pair.longest_none), (Duration::ZERO, Duration::ZERO));
    }
}

#[test]
fn an_error_takes_back_what_was_done_and_resumes() {
    let pair = pair();
    pair.borrow_mut().broken = Some("delete");
    let (ended, said) = walk_at(&pair, FW2, &[NEW], vec![yes()]);
    let text = ended.unwrap_err().text;
    assert!(
        text.contains("could not be taken back"),
        "an addition cannot be taken back without a deletion: {text} {said}"
    );
    assert!(text.contains("CARP is off here again") && text.contains("sysctl net.inet.carp.allow=1"), "{text}");
    let mut pair = pair.borrow_mut();
    pair.advance(Duration::from_secs(10));
    assert_eq!((pair.state(FW1), pair.state(FW2)), (CarpState::Master, CarpState::Init));
    assert_eq!(pair.longest_both, Duration::ZERO);
}

#[test]
fn nodes_that_still_differ_are_never_both_master() {
    let pair = pair();
    let (ended, said) = walk_at(&pair, FW2, &[OLD, NEW], vec![yes(), yes()]);
    assert!(ended.unwrap_err().text.contains("the other node's adverts are refused"), "{said}");
    pair.borrow_mut().advance(Duration::from_secs(10));
    assert_eq!(pair.borrow().longest_both, Duration::ZERO);
    assert_eq!(pair.borrow_mut().state(FW2), CarpState::Init);
    // The other node is put right, and the walk goes on from where it was.
    let (ended, said) = walk_at(&pair, FW2, &[OLD, NEW], vec![other_node(&[OLD, NEW])]);
    assert_eq!(ended, Ok(exit::DONE), "{said}");
    assert!(said.contains("goes on from there"), "{said}");
    let mut pair = pair.borrow_mut();
    pair.advance(Duration::from_secs(10));
    assert_eq!((pair.state(FW1), pair.state(FW2)), (CarpState::Master, CarpState::Backup));
    assert_eq!(pair.longest_both, Duration::ZERO);
}

#[test]
fn whoever_aborts_a_walk_that_was_broken_off_finds_carp_as_it_was_found() {
    let pair = pair();
    let fw2 = pair.borrow().cluster.nodes[FW2].id;
    pair.borrow_mut().cluster.world.set_allow(fw2, false).unwrap();
    let (ended, _) = walk_at(&pair, FW2, &[OLD, NEW], vec![]);
    let text = ended.unwrap_err().text;
    assert!(
        text.contains("still off, as it was found") && text.contains("net.inet.carp.allow=1 resumes")
            || text.contains("`sysctl net.inet.carp.allow=1` resumes"),
        "{text}"
    );
    assert_eq!(pair.borrow_mut().addresses(FW2), [net(OLD)]);
}
