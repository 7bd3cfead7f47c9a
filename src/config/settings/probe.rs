//! Health checks: what they look at.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::Command;
use crate::core::policy::ProbePolicy;
use crate::core::probe::Reading;
use crate::model::InterfaceName;

/// A health check with what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Its name, rhythm and effect.
    pub policy: ProbePolicy,
    /// What it does.
    pub test: ProbeTest,
}

/// What a health check does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeTest {
    /// Runs a program; exit 0 is healthy.
    Exec(Command),
    /// Connects to this address; an accepted connection is healthy.
    Tcp(SocketAddr),
    /// Asks over HTTP; the status code of the answer decides.
    Http(HttpProbe),
    /// Looks at when a file was last changed.
    File {
        /// The file, absolute.
        path: PathBuf,
        /// An older one is unhealthy.
        max_age: Duration,
    },
    /// Looks for a process.
    Process(ProcessProbe),
    /// Looks at an interface.
    Interface(InterfaceProbe),
    /// Asks an address for an echo.
    Icmp(PingTarget),
    /// Looks whether pfsync is in sync, see [`crate::core::policy::ProbeSource::Pfsync`].
    Pfsync,
}

/// A question over HTTP/1.1 and what its answers mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpProbe {
    /// What is asked for.
    pub url: HttpUrl,
    /// The status codes that are healthy; never empty.
    pub healthy: Vec<StatusRange>,
    /// The status codes that say nothing about the service's health, as of one that waits for somebody else.
    pub ignored: Vec<StatusRange>,
}

impl HttpProbe {
    /// What an answer with the status code `code` means.
    #[must_use]
    pub fn reading(&self, code: u16) -> Reading {
        let among = |ranges: &[StatusRange]| ranges.iter().any(|range| range.contains(code));
        if among(&self.healthy) {
            Reading::Healthy
        } else if among(&self.ignored) {
            Reading::Ignored
        } else {
            Reading::Unhealthy
        }
    }
}

/// `http://ADDRESS:PORT/PATH`. The address is a number: a name would have to be looked up, over the network that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl {
    /// Who is asked.
    pub address: SocketAddr,
    /// For what: a path with its query.
    pub path: String,
}

impl FromStr for HttpUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("http://").ok_or("it does not begin with http://")?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let with_port = authority.parse().or_else(|_| format!("{authority}:80").parse());
        let address = with_port.map_err(|_| format!("{authority:?} is not an address, with or without a port"))?;
        if path.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'#') {
            return Err("its path has characters that a request cannot hold".to_owned());
        }
        Ok(Self { address, path: path.to_owned() })
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.address, self.path)
    }
}

/// Status codes of HTTP from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusRange {
    low: u16,
    high: u16,
}

impl StatusRange {
    /// 200 to 299.
    pub const SUCCESS: Self = Self { low: 200, high: 299 };

    pub(crate) const fn contains(self, code: u16) -> bool {
        self.low <= code && code <= self.high
    }
}

impl FromStr for StatusRange {
    type Err = String;

    /// Reads `204` or `200-299`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let code = |text: &str| text.parse().ok().filter(|code| (100..=599).contains(code));
        match (code(low), code(high)) {
            (Some(low), Some(high)) if low <= high => Ok(Self { low, high }),
            _ => Err(format!("{text:?} is not a status code from 100 to 599 or a range of them")),
        }
    }
}

impl fmt::Display for StatusRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.low == self.high { write!(f, "{}", self.low) } else { write!(f, "{}-{}", self.low, self.high) }
    }
}

/// A process that has to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessProbe {
    /// Its first argument, whole or without its path, as rc.subr(8) looks for it.
    pub program: String,
    /// The file with its process id. Without it any process of that program will do.
    pub pidfile: Option<PathBuf>,
}

/// An interface that has to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceProbe {
    /// Its name.
    pub interface: InterfaceName,
    /// What it has to be.
    pub state: InterfaceState,
}

/// What an interface has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InterfaceState {
    /// `IFF_UP`.
    Up,
    /// Up, and its link as well.
    Running,
}

impl InterfaceState {
    /// `up` or `running`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Running => "running",
        }
    }
}

/// An address that answers ping(8). One that is valid on a link only, as the router of a network with IPv6 often has, comes with
/// its interface: `fe80::1%em0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingTarget {
    address: IpAddr,
    zone: Option<InterfaceName>,
}

impl PingTarget {
    /// The address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// The interface of a link-local address; `None` for all others.
    #[must_use]
    pub const fn zone(&self) -> Option<&InterfaceName> {
        self.zone.as_ref()
    }
}

impl FromStr for PingTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, zone) = match text.split_once('%') {
            Some((address, zone)) => {
                (address, Some(zone.parse().map_err(|_| format!("{zone:?} is not the name of an interface"))?))
            }
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| format!("{address:?} is not an address"))?;
        let link_local = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
        if link_local != zone.is_some() {
            return Err("a link-local address of IPv6 comes with its interface, and no other does".to_owned());
        }
        if address.is_unspecified() || address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) {
            return Err("it is not the address of one host".to_owned());
        }
        Ok(Self { address, zone })
    }
}

impl fmt::Display for PingTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.zone {
            Some(zone) => write!(f, "{}%{zone}", self.address),
            None => write!(f, "{}", self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pinged_is_one_host_and_a_link_local_one_has_its_interface() {
        for text in ["192.0.2.1", "2001:db8::1", "fe80::1%em0"] {
            assert_eq!(text.parse::<PingTarget>().unwrap().to_string(), text);
        }
        for bad in [
            "gateway",
            "fe80::1",
            "192.0.2.1%em0",
            "2001:db8::1%em0",
            "fe80::1%",
            "0.0.0.0",
            "::",
            "ff02::1%em0",
            "224.0.0.18",
            "255.255.255.255",
            "192.0.2.1/24",
            "",
        ] {
            assert!(bad.parse::<PingTarget>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_url_is_a_number_a_port_and_a_path() {
        for (text, shown) in [
            ("http://127.0.0.1:8080/health?x=1", "http://127.0.0.1:8080/health?x=1"),
            ("http://192.0.2.1", "http://192.0.2.1:80/"),
            ("http://[::1]/x", "http://[::1]:80/x"),
        ] {
            assert_eq!(text.parse::<HttpUrl>().unwrap().to_string(), shown);
        }
        for bad in [
            "https://127.0.0.1/",
            "127.0.0.1/x",
            "http://localhost/",
            "http://127.0.0.1/a b",
            "http://1.2.3.4/\r\nX: y",
        ] {
            assert!(bad.parse::<HttpUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_status_code_means_what_the_map_says_and_healthy_wins() {
        let range = |text: &str| text.parse::<StatusRange>().unwrap();
        let probe = HttpProbe {
            url: "http://127.0.0.1/".parse().unwrap(),
            healthy: vec![StatusRange::SUCCESS, range("404")],
            ignored: vec![range("400-503")],
        };
        let readings =
            [(200, Reading::Healthy), (404, Reading::Healthy), (503, Reading::Ignored), (504, Reading::Unhealthy)];
        for (code, reading) in readings {
            assert_eq!(probe.reading(code), reading, "{code}");
        }
        for bad in ["", "99", "600", "300-200", "2xx", "200-"] {
            assert!(bad.parse::<StatusRange>().is_err(), "{bad}");
        }
    }
}
