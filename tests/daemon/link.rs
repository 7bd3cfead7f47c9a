//! A link follows its role, and never holds anything else up.

use carpd::control::{Answer, Ask};
use carpd::core::link::Level;
use carpd::model::CarpState::{Backup, Master};
use carpd::model::{LinkSnapshot, LinkState};

use crate::support::{Node, vhids, wait_for};

/// A node whose services each have the link `wgN`, all of them up before carpd starts.
fn node(services: &[(&str, &str)]) -> Node {
    let mut node = Node::new(&vhids(1, Backup));
    for (at, (name, more)) in services.iter().enumerate() {
        let name_of_link = format!("wg{at}");
        node.add_service(
            name,
            "1@vtnet0",
            &format!("settle = \"0s\"\nlink = {{ interface = \"{name_of_link}\" }}\n{more}"),
        );
        let link = LinkSnapshot { name: name_of_link.parse().unwrap(), state: LinkState::Up };
        node.kernel.change(|kernel| kernel.snapshot.links.push(link));
    }
    node.write_usual_program();
    node.write_configuration("");
    node
}

fn link(node: &Node, at: usize) -> LinkState {
    node.kernel.lock().snapshot.links[at].state
}

fn wait_for_link(node: &Node, at: usize, state: LinkState) {
    wait_for(&format!("wg{at} is {}", state.as_str()), || (link(node, at) == state).then_some(()));
}

#[test]
fn a_link_is_up_while_its_service_is_active_and_down_otherwise() {
    let mut node = node(&[("gw", "")]);
    node.start();
    wait_for_link(&node, 0, LinkState::Down);
    node.kernel.set("1@vtnet0", Master);
    node.devd.carp("1@vtnet0", Master);
    wait_for_link(&node, 0, LinkState::Up);
    wait_for("the service is as wanted", || node.status().services[0].as_wanted().then_some(()));
    node.kernel.set("1@vtnet0", Backup);
    node.devd.carp("1@vtnet0", Backup);
    wait_for("it was stopped", || (node.actions("gw") == ["start", "stop"]).then_some(()));
    assert_eq!(link(&node, 0), LinkState::Down, "the link goes first");
    let Some(Answer::Text { text }) = node.ask(&Ask::Metrics) else { panic!("no metrics") };
    for line in ["carpd_link_up{service=\"gw\",interface=\"wg0\"} 0", "carpd_link_failures_total{interface=\"wg0\"} 0"]
    {
        assert!(text.lines().any(|l| l == line), "{line} is missing in\n{text}");
    }
}

#[test]
fn a_link_that_hangs_holds_up_neither_status_nor_another_service() {
    let mut node = node(&[("gw", ""), ("vpn", "")]);
    node.kernel.change(|kernel| kernel.stall_link = "wg0".parse().ok());
    node.start();
    wait_for("the write hangs", || node.kernel.lock().stalled.then_some(()));
    wait_for_link(&node, 1, LinkState::Down);
    let busy = |node: &Node| node.status().services[0].link.as_ref().unwrap().busy;
    assert_eq!(busy(&node), Some(Level::Down));
    node.kernel.set("1@vtnet0", Master);
    node.devd.carp("1@vtnet0", Master);
    wait_for_link(&node, 1, LinkState::Up);
    assert_eq!(busy(&node), Some(Level::Down), "one write at a time");
    node.kernel.change(|kernel| kernel.stall_link = None);
    wait_for("wg0 is up after all", || (link(&node, 0) == LinkState::Up && busy(&node).is_none()).then_some(()));
}

#[test]
fn an_event_about_the_link_itself_is_acted_on_at_once() {
    let mut node = node(&[("gw", "mode = \"warm\"")]);
    node.start();
    wait_for_link(&node, 0, LinkState::Down);
    wait_for("it runs on the standby", || (node.actions("gw") == ["start"]).then_some(()));
    node.kernel.change(|kernel| kernel.snapshot.links[0].state = LinkState::Up);
    node.devd.send("!system=IFNET subsystem=wg0 type=LINK_UP\n");
    wait_for_link(&node, 0, LinkState::Down);
    assert!(node.path("gw.up").exists());
}
