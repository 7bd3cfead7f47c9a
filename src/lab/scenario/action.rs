//! What may happen in a scenario: everything that people, cables, power and programs do to a cluster.

use std::fmt;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::duration;
use crate::lab::daemon::Death;
use crate::model::{InterfaceName, ServiceName, VhidRef};

/// A duration as people write it: `4s`, `1m30s`, `250ms`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(pub(crate) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration::parse(&text).map(Self).map_err(|why| serde::de::Error::custom(format!("{text:?} {why}")))
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:?}", self.0))
    }
}

/// What happens at a step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// To the node with this index.
    Node(usize, NodeAction),
    /// To a segment.
    Network(NetworkAction),
}

/// What happens to a segment, which any interface on it names: by its label (`wan`) or device (`vtnet0`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", deny_unknown_fields)]
pub(crate) enum NetworkAction {
    /// It falls apart: no node hears another there, links stay up.
    #[serde(rename = "partition")]
    Partition { interface: String },
    /// Partitions and one-way cuts end.
    #[serde(rename = "heal")]
    Heal { interface: String },
    /// Nothing passes from one node to the other any more; the other direction works.
    #[serde(rename = "one-way cut")]
    OneWayCut { interface: String, from: String, to: String },
    /// So many percent of the packets are lost.
    #[serde(rename = "loss")]
    Loss { interface: String, percent: u8 },
}

/// What happens to a node. Vhids are named as `1@wan` or `1@vtnet0`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", deny_unknown_fields)]
pub(crate) enum NodeAction {
    /// The cable is pulled: the link goes down.
    #[serde(rename = "cable pull")]
    CablePull { interface: String },
    /// The cable is plugged in where it was.
    #[serde(rename = "cable plug")]
    CablePlug { interface: String },
    /// The way is cut behind the switch port: nothing passes, the link stays up.
    #[serde(rename = "cable cut")]
    CableCut { interface: String },
    /// That is mended.
    #[serde(rename = "cable mend")]
    CableMend { interface: String },
    /// The power fails.
    #[serde(rename = "crash")]
    Crash {},
    /// The power is back: kernel, VIPs, pfsync and carpd start.
    #[serde(rename = "boot")]
    Boot {},
    /// Off and on again. CARP has no farewell, so a clean shutdown looks the same to the peer.
    #[serde(rename = "reboot")]
    Reboot { down_for: Span },
    /// kill -9.
    #[serde(rename = "daemon kill")]
    DaemonKill {},
    /// kill -9 at its next write.
    #[serde(rename = "daemon dies")]
    DaemonDies { when: Death },
    /// SIGTERM.
    #[serde(rename = "daemon stop")]
    DaemonStop {},
    /// It is started, unless it runs.
    #[serde(rename = "daemon start")]
    DaemonStart {},
    /// devd is gone: its socket closes, events are lost.
    #[serde(rename = "devd down")]
    DevdDown {},
    /// devd is back.
    #[serde(rename = "devd up")]
    DevdUp {},
    /// devd stays connected and passes on nothing.
    #[serde(rename = "lose events")]
    LoseEvents {
        #[serde(rename = "for")]
        time: Span,
    },
    /// `carpctl maintenance enter`
    #[serde(rename = "maintenance enter")]
    MaintenanceEnter {
        #[serde(default)]
        reason: String,
        #[serde(default, rename = "for")]
        time: Option<Span>,
        #[serde(default)]
        force: bool,
    },
    /// `carpctl maintenance leave`
    #[serde(rename = "maintenance leave")]
    MaintenanceLeave {},
    /// Somebody else writes to `net.inet.carp.demotion`.
    #[serde(rename = "demotion add")]
    DemotionAdd { by: i32 },
    /// Somebody writes "0 minus what it is": the sum becomes 0, whoever it belonged to.
    #[serde(rename = "demotion reset")]
    DemotionReset {},
    /// OPNsense's own maintenance mode is entered: its flag is set and 240 added.
    #[serde(rename = "opnsense maintenance enter")]
    OpnsenseEnter {},
    /// It is left: the flag is cleared and the sum set to 0.
    #[serde(rename = "opnsense maintenance leave")]
    OpnsenseLeave {},
    /// `net.inet.carp.allow`
    #[serde(rename = "allow")]
    Allow { on: bool },
    /// `net.inet.carp.preempt`
    #[serde(rename = "preempt")]
    Preempt { on: bool },
    /// OPNsense's "Temporarily disable CARP": allow is 0 and all VIPs are removed.
    #[serde(rename = "carp disable")]
    CarpDisable {},
    /// OPNsense's "Enable CARP": pfsync is set, allow is 1 and all VIPs are added.
    #[serde(rename = "carp enable")]
    CarpEnable {},
    /// An address is added to the node's configuration, and to the vhid unless CARP is disabled.
    #[serde(rename = "vip add")]
    VipAdd { vhid: VhidRef, address: IpNet },
    /// It is removed from both.
    #[serde(rename = "vip del")]
    VipDel { vhid: VhidRef, address: IpNet },
    /// The vhid's password is changed, in the kernel and in the node's configuration.
    #[serde(rename = "password")]
    Password {
        vhid: VhidRef,
        // A scenario's password is no secret, but carpd shows none, ever.
        #[serde(skip_serializing)]
        password: String,
    },
    /// The service's process dies.
    #[serde(rename = "service crash")]
    ServiceCrash { service: ServiceName },
    /// Somebody starts it by hand.
    #[serde(rename = "service start")]
    ServiceStart { service: ServiceName },
    /// `carpctl service unmanage`
    #[serde(rename = "service unmanage")]
    ServiceUnmanage {
        service: ServiceName,
        #[serde(rename = "for")]
        time: Span,
        #[serde(default)]
        reason: String,
    },
    /// `carpctl service manage`
    #[serde(rename = "service manage")]
    ServiceManage { service: ServiceName },
    /// From now on what its starts need is not there, or is again.
    #[serde(rename = "service files missing")]
    FilesMissing { service: ServiceName, on: bool },
    /// From now on its fence fails, or succeeds again.
    #[serde(rename = "service fence fails")]
    FenceFails { service: ServiceName, on: bool },
    /// From now on its starts fail, or work again.
    #[serde(rename = "service start fails")]
    StartFails { service: ServiceName, on: bool },
    /// From now on its stops hang until they are killed, or work again.
    #[serde(rename = "service stop hangs")]
    StopHangs { service: ServiceName, on: bool },
    /// From now on its starts succeed and start nothing, or work again.
    #[serde(rename = "service start lies")]
    StartLies { service: ServiceName, on: bool },
    /// From now on its process dies 10 ms after it was started, or lives again.
    #[serde(rename = "service dies at start")]
    DiesAtStart { service: ServiceName, on: bool },
    /// Somebody saves its page of the GUI, which starts it again, whether it ran or not.
    #[serde(rename = "gui save")]
    GuiSave { service: ServiceName },
    /// Its core cannot be reached from this node any more.
    #[serde(rename = "core lost")]
    CoreLost { service: ServiceName },
    /// It can again.
    #[serde(rename = "core back")]
    CoreBack { service: ServiceName },
    /// Its core sends it a configuration.
    #[serde(rename = "core push")]
    CorePush { service: ServiceName },
    /// Somebody raises an interface.
    #[serde(rename = "interface up")]
    InterfaceUp { interface: InterfaceName },
    /// Somebody takes it down.
    #[serde(rename = "interface down")]
    InterfaceDown { interface: InterfaceName },
    /// Somebody destroys it.
    #[serde(rename = "interface destroy")]
    InterfaceDestroy { interface: InterfaceName },
    /// From now on its probes fail, or succeed again.
    #[serde(rename = "service unhealthy")]
    Unhealthy { service: ServiceName, on: bool },
    /// The disk of the state file is full, or has room again.
    #[serde(rename = "disk full")]
    DiskFull { on: bool },
    /// carpd cannot read the kernel, or can again.
    #[serde(rename = "kernel unreadable")]
    KernelUnreadable { on: bool },
    /// The system clock is set forward.
    #[serde(rename = "clock forward")]
    ClockForward { by: Span },
    /// The system clock is set back.
    #[serde(rename = "clock back")]
    ClockBack { by: Span },
    /// pfsync is set again as it was, which OPNsense does whenever its page is saved.
    #[serde(rename = "pfsync reset")]
    PfsyncReset {},
}

impl NodeAction {
    /// The service that it is about.
    pub(crate) const fn service(&self) -> Option<&ServiceName> {
        match self {
            Self::ServiceCrash { service }
            | Self::ServiceStart { service }
            | Self::ServiceUnmanage { service, .. }
            | Self::ServiceManage { service }
            | Self::FilesMissing { service, .. }
            | Self::FenceFails { service, .. }
            | Self::StartFails { service, .. }
            | Self::StartLies { service, .. }
            | Self::DiesAtStart { service, .. }
            | Self::GuiSave { service }
            | Self::CoreLost { service }
            | Self::CoreBack { service }
            | Self::CorePush { service }
            | Self::StopHangs { service, .. }
            | Self::Unhealthy { service, .. } => Some(service),
            _ => None,
        }
    }
}

impl fmt::Display for NodeAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        words(serde_json::to_value(self), f)
    }
}

impl fmt::Display for NetworkAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        words(serde_json::to_value(self), f)
    }
}

/// Shows an action in the words of the file: `cable pull wan`, `maintenance enter reason update for 3600s`.
fn words(action: serde_json::Result<serde_json::Value>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Ok(serde_json::Value::Object(fields)) = action else { return Ok(()) };
    f.write_str(fields.get("do").and_then(serde_json::Value::as_str).unwrap_or_default())?;
    for (name, value) in fields.iter().filter(|(name, _)| *name != "do") {
        let value = match value {
            serde_json::Value::Bool(on) if name == "on" => if *on { "on" } else { "off" }.to_owned(),
            serde_json::Value::Null | serde_json::Value::Bool(false) => continue,
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        match name.as_str() {
            _ if value.is_empty() => {}
            "on" | "when" | "interface" | "service" | "vhid" | "address" => write!(f, " {value}")?,
            name => write!(f, " {name} {value}")?,
        }
    }
    Ok(())
}
