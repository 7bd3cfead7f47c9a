//! Reading the configuration again.

use std::fs;

use carpd::control::{Answer, Ask};
use carpd::core::io::Reply;
use carpd::model::CarpState::{Backup, Master};
use nix::sys::signal::Signal;

use crate::support::{Node, vhids, wait_for};

fn node() -> Node {
    let mut node = Node::new(&vhids(2, Backup));
    node.add_service("gw", "1@vtnet0", "settle = \"0s\"");
    node.write_usual_program();
    node.write_configuration("");
    node.start();
    node.kernel.set("1@vtnet0", Master);
    node.devd.carp("1@vtnet0", Master);
    wait_for("the service runs", || node.status().services[0].as_wanted().then_some(()));
    node
}

fn text(node: &Node) -> String {
    fs::read_to_string(node.path("carpd.toml")).unwrap()
}

fn write(node: &Node, text: &str) {
    fs::write(node.path("carpd.toml"), text).unwrap();
}

#[test]
fn an_unchanged_configuration_causes_nothing() {
    let node = node();
    let (log, actions) = (node.log(), node.actions("gw"));
    write(&node, &format!("# only a comment\n{}", text(&node)));
    for _ in 0..3 {
        node.signal(Signal::SIGHUP);
        let Reply::Done { text } = node.reply(&Ask::Reload) else { panic!() };
        assert_eq!(text, "unchanged");
    }
    assert_eq!((node.log(), node.actions("gw")), (log, actions));
    assert!(node.kernel.lock().added.is_empty());
    let Some(Answer::Text { text }) = node.ask(&Ask::ConfigShow) else { panic!() };
    let path = node.path("shown.toml");
    fs::write(&path, &text).unwrap();
    let shown = carpd::config::load(&path).unwrap().settings;
    assert_eq!(shown, carpd::config::load(&node.path("carpd.toml")).unwrap().settings);
    assert!(text.contains("unknown_grace"), "a default is shown, too: {text}");
}

#[test]
fn a_bad_configuration_is_told_whole_and_changes_nothing() {
    let node = node();
    let status = node.status();
    write(&node, &text(&node).replace("settle = \"0s\"", "settle = 7\nnonsense = 1"));
    let Reply::Failed { text } = node.reply(&Ask::Reload) else { panic!() };
    assert!(text.contains("settle") && text.contains("nonsense"), "{text}");
    assert_eq!(node.status().services, status.services);
    let Some(Answer::Text { text }) = node.ask(&Ask::Metrics) else { panic!() };
    assert!(text.contains("carpd_config_last_reload_successful 0"));
}

#[test]
fn a_changed_configuration_takes_effect_at_once_and_says_what_does_not() {
    let node = node();
    let changed = text(&node).replace("1@vtnet0", "2@vtnet0").replace("/state\"", "/elsewhere\"");
    write(&node, &changed);
    let Reply::Done { text } = node.reply(&Ask::Reload) else { panic!() };
    assert!(text.contains("restart carpd for the change of node.state_dir"), "{text}");
    wait_for("the service follows another vhid", || (node.actions("gw") == ["start", "stop"]).then_some(()));
    assert!(node.kernel.lock().added.is_empty());
}

#[test]
fn actions_of_a_service_never_overlap_even_if_it_leaves_the_configuration_meanwhile() {
    let mut node = Node::new(&vhids(1, Master));
    node.add_service("gw", "1@vtnet0", "");
    node.write_program(
        "run",
        "#!/bin/sh\ncase $2 in\nstart) echo begin >>$1.log; sleep 1; echo end >>$1.log; : >$1.up;;\n\
         status) test -e $1.up;;\nesac\n",
    );
    node.write_configuration("");
    node.start();
    wait_for("it is being started", || (node.actions("gw") == ["begin"]).then_some(()));
    let with = text(&node);
    write(&node, &with[..with.find("[[service]]").unwrap()]);
    assert!(matches!(node.reply(&Ask::Reload), Reply::Done { .. }));
    assert!(node.status().services.is_empty());
    write(&node, &with);
    assert!(matches!(node.reply(&Ask::Reload), Reply::Done { .. }));
    wait_for("it runs", || node.status().services[0].as_wanted().then_some(()));
    assert_eq!(node.actions("gw"), ["begin", "end"]);
}
