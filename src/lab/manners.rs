//! How a service that is not there behaves: the same words for the simulated service of a scenario (`[service.manners]`) and for the process
//! that stands in for it in the real-time lab (`manners.toml` in its directory).
//!
//! The defaults are those of a service that does what it is told. Everything else was read of, or seen with, gateways of VPNs that are
//! started by an rc(8) script: `start` succeeds whatever becomes of the process, the tunnel is the kernel's and outlives the process, and
//! who is outside raises it again.

use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::duration::{self, Shown};
use crate::model::InterfaceName;

/// How a service behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Manners {
    /// What its start does.
    pub start: StartManner,
    /// How long after its process has begun it answers.
    #[serde(with = "span")]
    pub up_after: Duration,
    /// Its process ends by itself so long after it has begun to answer.
    #[serde(with = "maybe_span", skip_serializing_if = "Option::is_none")]
    pub dies_after: Option<Duration>,
    /// It does not end on SIGTERM.
    pub ignores_term: bool,
    /// It writes no pid file, so that its process has to be looked for.
    pub no_pidfile: bool,
    /// The interface that it makes and raises. It belongs to the kernel and outlives the process, however that ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<InterfaceName>,
    /// It raises the tunnel whenever its core connects or sends a configuration. Without it only a tunnel that is not there is made, and
    /// one that somebody took down stays down.
    pub raises: bool,
    /// How long after its process answers, or the core is back, the core connects.
    #[serde(with = "span")]
    pub core_after: Duration,
    /// It fails closed: the tunnel is made when the core connects, and destroyed if the core is lost for so long. Without it the tunnel is
    /// made at the start, and a lost core changes nothing.
    #[serde(with = "maybe_span", skip_serializing_if = "Option::is_none")]
    pub core_grace: Option<Duration>,
    /// Where it answers `GET /health` over HTTP: 200 with a core, 503 without. In a scenario each of its probes asks there, and this has no
    /// effect. If it cannot be bound, the process ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<SocketAddr>,
}

/// What a start does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartManner {
    /// It returns when the service answers, and fails if that does not come about.
    #[default]
    Waits,
    /// It puts the process into the background and succeeds at once, whatever becomes of it. The process keeps the descriptors that it
    /// inherited.
    Background,
    /// It succeeds and starts nothing, as rc.subr(8) does without `NAME_enable="YES"`.
    Lies,
}

mod span {
    use super::{Duration, Shown, duration};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Shown(*span))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        duration::parse(&text).map_err(|why| serde::de::Error::custom(format!("{text:?} {why}")))
    }
}

mod maybe_span {
    use super::{Duration, span};
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match span {
            Some(span) => span::serialize(span, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        span::deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manners_are_read_as_they_are_written() {
        let text = "start = \"background\"\nup_after = \"2s\"\ndies_after = \"10ms\"\nignores_term = true\nno_pidfile = true\n\
                    tunnel = \"wg20\"\nraises = true\ncore_after = \"10s\"\ncore_grace = \"30s\"\nhealth = \"127.0.0.1:55003\"\n";
        let manners: Manners = toml::from_str(text).unwrap();
        assert_eq!(manners.core_grace, Some(Duration::from_secs(30)));
        assert_eq!(toml::to_string(&manners).unwrap(), text);
        assert_eq!(toml::from_str::<Manners>("").unwrap(), Manners::default());
        assert_eq!(
            toml::from_str::<Manners>(&toml::to_string(&Manners::default()).unwrap()).unwrap(),
            Manners::default()
        );
    }

    #[test]
    fn what_is_not_known_or_no_time_is_refused() {
        for wrong in
            ["speed = 1", "start = \"now\"", "up_after = \"soon\"", "tunnel = \"a b\"", "health = \"localhost\""]
        {
            assert!(toml::from_str::<Manners>(wrong).is_err(), "{wrong}");
        }
    }
}
