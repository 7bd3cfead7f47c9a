//! A plan as a document: what `plan --json` prints, and what the page for people is made of.

use serde::Serialize;

use crate::core::plan::{Effect, Plan, Refusal, Step};
use crate::ctl::exit;
use crate::model::{VhidRef, Write};

/// The schema's major version: a reader of it understands every document that carries the same number.
pub const SCHEMA: u32 = 1;

/// A plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Document {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The node's name.
    pub node: String,
    /// The judgement, first.
    pub verdict: Verdict,
    /// Why carpd.toml owns nothing here; `null` where it does.
    pub not_owned: Option<String>,
    /// The writes, in their order.
    pub steps: Vec<PlannedStep>,
    /// The longest time that a vhid which is MASTER here has no MASTER, in milliseconds, unless the peer takes over.
    pub without_master_ms: u64,
    /// Vhids that take part in the election and whose addresses change: `apply` wants `--guided` for them.
    pub guided: Vec<VhidRef>,
    /// Vhids of the kernel that carpd.toml does not name. They are left alone.
    pub left_alone: Vec<VhidRef>,
    /// Vhids whose key only root may know, so that it may differ from the one in the password file.
    pub unknown_keys: Vec<VhidRef>,
    /// What stands in the way. There are no steps then.
    pub refusals: Vec<Obstacle>,
}

/// What a plan comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The kernel is as carpd.toml says.
    Equal,
    /// There is something to do.
    Changes,
    /// Something stands in the way.
    Refused,
    /// Nothing is known to be different, but not everything may be looked at.
    Unknown,
    /// carpd.toml owns nothing here.
    NotOwned,
}

impl Verdict {
    /// The exit code of `carpctl plan`.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Equal | Self::NotOwned => exit::DONE,
            Self::Refused | Self::Unknown => exit::FAILED,
            Self::Changes => exit::CHANGES,
        }
    }
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PlannedStep {
    /// Its kind.
    pub write: Kind,
    /// What is written to: a variable, a vhid, or `pfsync0`.
    pub object: String,
    /// The write in words, without any key.
    pub text: String,
    /// The difference that makes it necessary.
    pub why: String,
    /// What follows from it. Of several changes to the addresses of one vhid only the first tells.
    pub effects: Vec<Consequence>,
}

/// The kinds of writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A variable of CARP.
    Sysctl,
    /// A vhid is created or changed.
    Vhid,
    /// An address is added to a vhid.
    AddAddress,
    /// An address is taken from a vhid.
    DeleteAddress,
    /// pfsync0.
    Pfsync,
    /// An interface is brought up or down.
    Link,
}

/// What a write causes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Consequence {
    /// Its kind.
    pub effect: EffectKind,
    /// The vhid; `null` if it is about the whole node.
    pub vhid: Option<VhidRef>,
    /// In words.
    pub text: String,
}

/// The kinds of effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum EffectKind {
    /// The vhid goes through INIT and BACKUP.
    Bounce,
    /// Both nodes are MASTER until the peer is changed as well.
    TwoMasters,
    /// The vhid may move.
    MayMove,
    /// The vhid takes part in the election for the first time.
    Begin,
    /// The vhid ceases to exist here.
    End,
    /// pfsync fetches all states, and the node is demoted meanwhile.
    BulkUpdate,
    /// Whether a better node takes over from a living MASTER.
    Preempt,
}

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Obstacle {
    /// What it is about.
    pub object: String,
    /// What is the case.
    pub cause: String,
    /// What to do.
    pub remedy: String,
}

impl Document {
    /// The document of a plan, or of what stands in its way.
    #[must_use]
    pub fn of(node: &str, planned: &Result<Plan, Vec<Refusal>>) -> Self {
        let empty = Self::empty(node);
        match planned {
            Err(refusals) => {
                Self { verdict: Verdict::Refused, refusals: refusals.iter().map(obstacle).collect(), ..empty }
            }
            Ok(plan) => {
                let mut guided: Vec<VhidRef> = plan.bouncing().cloned().collect();
                guided.sort_unstable();
                Self {
                    verdict: match (plan.is_empty(), plan.unknown_keys.is_empty()) {
                        (false, _) => Verdict::Changes,
                        (true, true) => Verdict::Equal,
                        (true, false) => Verdict::Unknown,
                    },
                    steps: plan.steps.iter().map(step).collect(),
                    without_master_ms: u64::try_from(plan.without_master().as_millis()).unwrap_or(u64::MAX),
                    guided,
                    left_alone: plan.foreign.clone(),
                    unknown_keys: plan.unknown_keys.clone(),
                    ..empty
                }
            }
        }
    }

    /// The document of a node where carpd.toml owns nothing.
    #[must_use]
    pub fn not_owned(node: &str, why: &str) -> Self {
        Self { verdict: Verdict::NotOwned, not_owned: Some(why.to_owned()), ..Self::empty(node) }
    }

    fn empty(node: &str) -> Self {
        Self {
            schema: SCHEMA,
            node: node.to_owned(),
            verdict: Verdict::Equal,
            not_owned: None,
            steps: Vec::new(),
            without_master_ms: 0,
            guided: Vec::new(),
            left_alone: Vec::new(),
            unknown_keys: Vec::new(),
            refusals: Vec::new(),
        }
    }
}

fn step(step: &Step) -> PlannedStep {
    let (write, object) = match &step.write {
        Write::Sysctl { variable, .. } => (Kind::Sysctl, variable.name().to_owned()),
        Write::Vhid { id, .. } => (Kind::Vhid, id.to_string()),
        Write::AddAddress { id, .. } => (Kind::AddAddress, id.to_string()),
        Write::DeleteAddress { id, .. } => (Kind::DeleteAddress, id.to_string()),
        Write::Pfsync(_) => (Kind::Pfsync, "pfsync0".to_owned()),
        Write::Link { interface, .. } => (Kind::Link, interface.to_string()),
    };
    let effects = step.effects.iter().map(consequence).collect();
    PlannedStep { write, object, text: step.write.to_string(), why: step.why.clone(), effects }
}

fn consequence(effect: &Effect) -> Consequence {
    let kind = match effect {
        Effect::Bounce { .. } => EffectKind::Bounce,
        Effect::TwoMasters { .. } => EffectKind::TwoMasters,
        Effect::MayMove { .. } => EffectKind::MayMove,
        Effect::Begin { .. } => EffectKind::Begin,
        Effect::End { .. } => EffectKind::End,
        Effect::Bulk => EffectKind::BulkUpdate,
        Effect::Preempt { .. } => EffectKind::Preempt,
    };
    Consequence { effect: kind, vhid: effect.vhid().cloned(), text: effect.to_string() }
}

fn obstacle(refusal: &Refusal) -> Obstacle {
    Obstacle { object: refusal.object(), cause: refusal.cause(), remedy: refusal.remedy() }
}
