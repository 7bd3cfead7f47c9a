//! The log as syslogd gets it.

use std::os::unix::net::UnixDatagram;

use carpd::model::CarpState::{Backup, Master};

use crate::support::{Node, PATIENCE, vhids, wait_for};

fn syslogd(node: &Node) -> UnixDatagram {
    let syslogd = UnixDatagram::bind(node.path("syslog")).unwrap();
    syslogd.set_read_timeout(Some(PATIENCE)).unwrap();
    syslogd
}

/// The next record that has `part` in it.
fn record(syslogd: &UnixDatagram, part: &str) -> String {
    wait_for(part, || {
        let mut bytes = [0; 4096];
        let length = syslogd.recv(&mut bytes).unwrap();
        let record = String::from_utf8(bytes[..length].to_vec()).unwrap();
        assert!(!record.contains('\n'), "{record:?}");
        record.contains(part).then_some(record)
    })
}

#[test]
fn every_line_is_a_record_with_its_priority_and_standard_error_stays_silent() {
    let mut node = Node::new(&vhids(2, Backup));
    node.write_configuration("");
    let log = syslogd(&node);
    node.daemon = Some(node.command().arg(format!("--syslog={}", node.path("syslog").display())).spawn().unwrap());
    node.wait_until_ready();
    let pid = node.daemon.as_ref().unwrap().id();
    assert_eq!(record(&log, "vhid 1@vtnet0"), format!("<29>carpd[{pid}]: vhid 1@vtnet0: is BACKUP"));
    node.devd.stop();
    assert!(record(&log, "lost the connection to devd").starts_with("<28>"));
    // syslogd is restarted.
    drop(log);
    std::fs::remove_file(node.path("syslog")).unwrap();
    let log = syslogd(&node);
    node.kernel.set("2@vtnet0", Master);
    assert!(record(&log, "vhid 2@vtnet0: BACKUP -> MASTER").starts_with("<29>"));
    assert!(node.stop().success());
    record(&log, "carpd ends");
    assert_eq!(node.log(), "");
}
