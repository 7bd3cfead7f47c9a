//! `carpctl lab show`

use std::fmt::Write;

use super::order;
use crate::ctl::exit::{self, Ended, Failure};
use crate::ctl::out::Out;
use crate::lab::dir::LabPaths;
use crate::lab::server::protocol::{CableView, LabAnswer, LabAsk, LabView, NodeView};

pub(super) fn run(lab: &LabPaths, json: bool, out: &mut Out) -> Ended {
    let LabAnswer::View { view } = order::ask(lab, &LabAsk::Show)? else {
        return Err(Failure::new(exit::FAILED, "the lab answered another question"));
    };
    let shown = if json { out.json(&view) } else { out.write(&text(&view)) };
    shown.map(|()| exit::DONE)
}

fn text(view: &LabView) -> String {
    let mut text = String::new();
    for node in &view.nodes {
        one_node(&mut text, node);
    }
    let apart: Vec<&str> = view.segments.iter().filter(|s| s.partitioned).map(|s| s.name.as_str()).collect();
    if !apart.is_empty() {
        let _ = writeln!(text, "partitioned: {}", apart.join(", "));
    }
    text
}

// Writing to a String cannot fail.
fn one_node(text: &mut String, node: &NodeView) {
    if !node.powered {
        let _ = writeln!(text, "{}: powered off\n", node.name);
        return;
    }
    let carpd = node.daemon.map_or_else(|| "does not run".to_owned(), |pid| format!("pid {pid}"));
    let devd = if node.devd { format!("{} connected", node.devd_clients) } else { "stopped".to_owned() };
    let _ = writeln!(text, "{}: demotion {}, carpd {carpd}, devd {devd}", node.name, node.demotion);
    for vhid in &node.vhids {
        let id = format!("{}@{} ({})", vhid.id.vhid, vhid.id.interface, vhid.label);
        let addresses: Vec<String> = vhid.addresses.iter().map(ToString::to_string).collect();
        let (state, skew, effective) = (vhid.state.as_str(), vhid.advskew, vhid.effective);
        let _ = writeln!(text, "  vhid     {id:<18} {state:<7} skew {skew} eff {effective}  {}", addresses.join(", "));
    }
    for interface in &node.interfaces {
        let name = format!("{} ({})", interface.name, interface.label);
        let cable = match interface.cable {
            CableView::Whole => "plugged in",
            CableView::Pulled => "PULLED",
            CableView::Cut => "CUT behind the switch",
        };
        let _ = writeln!(text, "  cable    {name:<18} {cable}, segment {}", interface.segment);
    }
    for tunnel in &node.tunnels {
        let _ = writeln!(text, "  tunnel   {:<18} {}", tunnel.name, if tunnel.up { "up" } else { "down" });
    }
    for service in &node.services {
        let is = service.pid.map_or_else(|| "does not run".to_owned(), |pid| format!("runs, pid {pid}"));
        let core = if service.core { "" } else { ", its core is LOST" };
        let _ = writeln!(text, "  service  {:<18} {is}{core}", service.name);
    }
    let off = |name: &str, on: bool| if on { String::new() } else { format!(", net.inet.carp.{name} 0") };
    let _ = writeln!(
        text,
        "  kernel   {} writes by carpd, {} adverts failed authentication{}{}\n",
        node.writes,
        node.badauth,
        off("allow", node.allow),
        off("preempt", node.preempt)
    );
}
