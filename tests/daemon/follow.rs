//! Services follow the election, whatever becomes of the events.

use carpd::control::Ask;
use carpd::core::status::VhidState;
use carpd::model::CarpState::{Backup, Init, Master};

use crate::support::{Node, vhids, wait_for};

fn node_with_one_service() -> Node {
    let mut node = Node::new(&vhids(1, Backup));
    node.add_service("gw", "1@vtnet0", "settle = \"0s\"");
    node.write_usual_program();
    node.write_configuration("");
    node.start();
    node
}

fn wait_for_actions(node: &Node, service: &str, actions: &[&str]) {
    wait_for(&format!("{service} sees {actions:?}"), || (node.actions(service) == actions).then_some(()));
}

#[test]
fn a_service_follows_its_vhid() {
    let mut node = node_with_one_service();
    node.kernel.set("1@vtnet0", Master);
    node.devd.carp("1@vtnet0", Master);
    wait_for("the service runs", || node.status().services[0].as_wanted().then_some(()));
    assert_eq!(node.actions("gw"), ["start"]);
    node.kernel.set("1@vtnet0", Init);
    node.devd.carp("1@vtnet0", Init);
    wait_for_actions(&node, "gw", &["start", "stop"]);
    assert_eq!(node.status().events.missed, 0);
    assert!(node.stop().success());
    assert!(node.kernel.lock().added.is_empty());
}

#[test]
fn a_lost_event_is_made_up_for() {
    let mut node = Node::new(&vhids(1, Backup));
    node.add_service("gw", "1@vtnet0", "");
    node.poll = 1;
    node.write_usual_program();
    node.write_configuration("");
    node.start();
    // The looks that follow the connection to devd are over when one comes without any event.
    wait_for("the kernel is polled", || (node.kernel.lock().looks > 7).then_some(()));
    node.kernel.set("1@vtnet0", Master);
    wait_for_actions(&node, "gw", &["start"]);
}

#[test]
fn an_event_about_an_interface_is_a_reason_to_look() {
    let node = node_with_one_service();
    let looks = node.kernel.lock().looks;
    for record in ["!system=ACPI subsystem=x type=y\n", "garbage\n", "!system=CARP subsystem=1@vtnet0 type=MAS"] {
        node.devd.send(record);
    }
    node.kernel.set("1@vtnet0", Master);
    node.devd.send("!system=IFNET subsystem=vtnet0 type=LINK_UP\n");
    wait_for_actions(&node, "gw", &["start"]);
    assert!(node.kernel.lock().looks > looks);
}

#[test]
fn devd_may_be_restarted() {
    let mut node = node_with_one_service();
    node.devd.stop();
    wait_for("the loss is told", || (!node.status().events.connected).then_some(()));
    // What happens while it is gone is never announced.
    node.kernel.set("1@vtnet0", Master);
    node.devd.start();
    node.devd.accept();
    wait_for_actions(&node, "gw", &["start"]);
    wait_for("it is connected", || node.status().events.connected.then_some(()));
    node.kernel.set("1@vtnet0", Backup);
    node.devd.carp("1@vtnet0", Backup);
    wait_for_actions(&node, "gw", &["start", "stop"]);
}

#[test]
fn a_devd_that_is_absent_at_the_start_is_listened_to_as_soon_as_it_is_there() {
    let mut node = Node::new(&vhids(1, Backup));
    node.devd.stop();
    std::fs::remove_file(node.path("devd")).unwrap();
    node.add_service("gw", "1@vtnet0", "");
    node.write_usual_program();
    node.write_configuration("");
    node.spawn();
    wait_for("the daemon answers", || node.ask(&Ask::Status));
    wait_for("the absence is told", || node.log().contains("devd").then_some(()));
    node.devd.start();
    // Returns when the daemon has come.
    node.devd.accept();
    node.kernel.set("1@vtnet0", Master);
    node.devd.carp("1@vtnet0", Master);
    wait_for_actions(&node, "gw", &["start"]);
    assert_eq!(node.status().events.missed, 0);
}

#[test]
fn a_flip_of_all_vhids_acts_on_each_service_once() {
    const MANY: u32 = 255;
    let mut node = Node::new(&vhids(MANY, Backup));
    for n in 1..=MANY {
        node.add_service(&format!("s{n}"), &format!("{n}@vtnet0"), "settle = \"0s\"\ncheck_every = \"60s\"");
    }
    node.write_usual_program();
    node.write_configuration("");
    node.start();
    wait_for("all services were looked at", || {
        node.status().services.iter().all(carpd::core::status::ServiceStatus::as_wanted).then_some(())
    });
    node.kernel.set_all(Master);
    for n in 1..=MANY {
        node.devd.carp(&format!("{n}@vtnet0"), Master);
        node.devd.send("!system=IFNET subsystem=vtnet0 type=ADDR_ADD address=192.0.2.1\n");
    }
    wait_for("all services run", || {
        node.status().services.iter().all(carpd::core::status::ServiceStatus::as_wanted).then_some(())
    });
    for n in 1..=MANY {
        assert_eq!(node.actions(&format!("s{n}")), ["start"], "s{n}");
    }
    assert_eq!(node.status().events.missed, 0);
}

#[test]
fn an_unreadable_kernel_is_told_once_and_starts_and_stops_nothing() {
    let node = node_with_one_service();
    node.kernel.set("1@vtnet0", Master);
    node.devd.carp("1@vtnet0", Master);
    wait_for_actions(&node, "gw", &["start"]);
    node.kernel.lock().broken = true;
    node.devd.carp("1@vtnet0", Backup);
    wait_for("the status says so", || node.status().carp.is_none().then_some(()));
    // Two more looks, and nothing more is said about them.
    node.devd.send("!system=IFNET subsystem=vtnet0 type=LINK_UP\n");
    node.devd.send("!system=IFNET subsystem=vtnet0 type=LINK_UP\n");
    node.kernel.lock().broken = false;
    node.devd.carp("1@vtnet0", Master);
    wait_for("it is read again", || node.status().carp.map(|_| ()));
    assert_eq!(node.log().matches("the kernel cannot be read").count(), 1);
    assert_eq!(node.actions("gw"), ["start"]);
}

#[test]
fn whoever_asks_is_told_the_kernel_s_state_of_now() {
    let mut node = Node::new(&vhids(1, Backup));
    node.write_configuration("");
    node.start();
    // No event tells of the changes, and the daemon's own looks would take 5 s to notice each.
    for round in 0..10 {
        let (state, shown) = if round % 2 == 0 { (Master, VhidState::Master) } else { (Backup, VhidState::Backup) };
        node.kernel.set("1@vtnet0", state);
        wait_for("the change is told", || (node.status().vhids[0].state == shown).then_some(()));
    }
}

#[test]
fn a_storm_of_askers_does_not_load_the_kernel() {
    let mut node = Node::new(&vhids(1, Backup));
    node.write_configuration("");
    node.start();
    let (began, looks) = (std::time::Instant::now(), node.kernel.lock().looks);
    for _ in 0..200 {
        node.status();
    }
    // What the start and the connection to devd cause, and one for each tenth of a second.
    let most = 8 + began.elapsed().as_millis() / 100;
    assert!(u128::from(node.kernel.lock().looks - looks) <= most);
}
