//! Services follow the election.

use carpd::model::CarpState::{Backup, Master};

use crate::support::{Node, vhids, wait_for};

#[test]
fn a_service_follows_its_vhid() {
    let mut node = Node::new(&vhids(1, Backup));
    node.add_service("gw", "1@vtnet0", "settle = \"0s\"");
    node.write_usual_program();
    node.write_configuration("");
    node.start();
    node.kernel.set("1@vtnet0", Master);
    node.devd.carp("1@vtnet0", Master);
    wait_for("the service runs", || node.status().services[0].as_wanted().then_some(()));
    assert_eq!(node.actions("gw"), ["start"]);
    node.kernel.set("1@vtnet0", Backup);
    node.devd.carp("1@vtnet0", Backup);
    wait_for("the service is stopped", || (node.actions("gw") == ["start", "stop"]).then_some(()));
    assert_eq!(node.status().events.missed, 0);
    assert!(node.stop().success());
    assert!(node.kernel.lock().added.is_empty());
}
