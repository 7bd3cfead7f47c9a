//! Why a write is not made, in plain words: from the state of things, or from the kernel's errno.
//!
//! The numbers are FreeBSD's (`sys/sys/errno.h`), so that this reads and is tested the same everywhere.

use std::fmt;

use super::KernelError;
use crate::model::Write;

pub(super) const EPERM: i32 = 1;
pub(super) const ENOENT: i32 = 2;
pub(super) const ENXIO: i32 = 6;
const ENOMEM: i32 = 12;
const EBUSY: i32 = 16;
const EEXIST: i32 = 17;
const EINVAL: i32 = 22;
const EDESTADDRREQ: i32 = 39;
const ENOPROTOOPT: i32 = 42;
pub(super) const EPROTONOSUPPORT: i32 = 43;
pub(super) const EOPNOTSUPP: i32 = 45;
const EADDRINUSE: i32 = 48;
pub(super) const EADDRNOTAVAIL: i32 = 49;
const ENOBUFS: i32 = 55;

/// What speaks against a write, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) cause: String,
    pub(super) remedy: String,
}

/// The calls that change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// `sysctlbyname(3)` with a new value.
    Sysctl,
    /// SIOCSVH, or SET of the netlink family `carp`.
    SetVhid,
    /// SIOCAIFADDR or SIOCAIFADDR_IN6.
    AddAddress,
    /// SIOCDIFADDR or SIOCDIFADDR_IN6.
    DeleteAddress,
    /// SIOCSETPFSYNCNV or SIOCSETPFSYNC.
    SetPfsync,
    /// SIOCGIFFLAGS or SIOCSIFFLAGS.
    Flags,
}

/// The kernel's answer to a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer<'a> {
    pub(super) call: Call,
    /// How the call is named in the manual.
    pub(super) name: &'a str,
    /// The interface or variable it was about.
    pub(super) object: &'a str,
    pub(super) errno: i32,
    /// What the kernel said beside the number (the extended acknowledgement of netlink).
    pub(super) text: Option<&'a str>,
}

impl Refusal {
    pub(super) fn new(cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { cause: cause.into(), remedy: remedy.into() }
    }

    /// The error of `write`.
    pub(super) fn of(self, write: &Write) -> KernelError {
        KernelError::Refused { write: write.to_string(), cause: self.cause, remedy: self.remedy }
    }
}

impl Answer<'_> {
    /// What it means.
    pub(super) fn explain(&self) -> Refusal {
        let (cause, remedy) = self.anywhere().unwrap_or_else(|| match self.call {
            Call::SetVhid => self.set_vhid(),
            Call::AddAddress => self.add_address(),
            Call::DeleteAddress => self.delete_address(),
            Call::SetPfsync => self.set_pfsync(),
            Call::Sysctl => self.sysctl(),
            Call::Flags => self.unknown(),
        });
        Refusal::new(format!("{cause} ({self})"), remedy)
    }

    /// What a number means whatever the call was.
    fn anywhere(&self) -> Option<(String, String)> {
        let object = self.object;
        let said = |cause: String, remedy: &str| Some((cause, remedy.to_owned()));
        match self.errno {
            EPERM => said(
                "this process may not change it".to_owned(),
                "run it as root; in a jail only root of one with its own network stack (vnet) may",
            ),
            ENXIO => said(
                format!("there is no interface {object}"),
                "compare the name with `ifconfig -l`: it may just have been renamed or destroyed",
            ),
            EPROTONOSUPPORT => said(
                "the kernel has no CARP".to_owned(),
                "load it with `kldload carp`, and at every boot with carp_load=\"YES\" in loader.conf; in a jail, do so on its host",
            ),
            EBUSY => said("the network stack of this jail is being torn down".to_owned(), "start the jail again"),
            ENOMEM | ENOBUFS => said("the kernel is short of memory".to_owned(), "try again when it has some"),
            _ => None,
        }
    }

    fn set_vhid(&self) -> (String, String) {
        let object = self.object;
        let (cause, remedy) = match self.errno {
            EOPNOTSUPP => (
                format!("{object} is of a type that carries no vhid"),
                "use an Ethernet, VLAN, lagg or bridge interface, and of a lagg itself, not one of its ports",
            ),
            EADDRNOTAVAIL => {
                (format!("{object} does not do multicast"), "use an interface that `ifconfig` shows with MULTICAST")
            }
            EINVAL => (
                "the kernel does not take these values, or the vhid speaks VRRP by now".to_owned(),
                "look at the vhid with `ifconfig`, and try again",
            ),
            _ => return self.unknown(),
        };
        (cause, remedy.to_owned())
    }

    fn add_address(&self) -> (String, String) {
        let object = self.object;
        let (cause, remedy) = match self.errno {
            ENOPROTOOPT => (format!("{object} has no vhid at all"), "create the vhid first"),
            ENOENT => (format!("{object} has other vhids, but not this one"), "create the vhid first"),
            EINVAL => (
                format!("{object} does not take this address"),
                "if it is a member of a bridge, put the address on the bridge itself, or set net.link.bridge.member_ifaddrs to 1",
            ),
            EEXIST => ("another interface has it or its network".to_owned(), "take it from there first"),
            EDESTADDRREQ => {
                (format!("{object} is a point-to-point interface"), "use an Ethernet, VLAN, lagg or bridge interface")
            }
            EADDRINUSE => {
                (format!("{object} cannot join CARP's multicast group"), "see whether `ifmcstat` shows it joined")
            }
            _ => return self.unknown(),
        };
        (cause, remedy.to_owned())
    }

    fn delete_address(&self) -> (String, String) {
        match self.errno {
            EADDRNOTAVAIL => (
                format!("{} no longer has it", self.object),
                "look at the vhid with `ifconfig`: somebody else is changing it".to_owned(),
            ),
            _ => self.unknown(),
        }
    }

    fn set_pfsync(&self) -> (String, String) {
        let (cause, remedy) = match self.errno {
            EINVAL => (
                "the kernel does not take these values".to_owned(),
                "see that the syncdev still exists and that this kernel speaks the message version",
            ),
            EADDRNOTAVAIL => (
                "the syncdev does not do multicast".to_owned(),
                "name the peer's address, so that states are sent to it alone",
            ),
            _ => return self.unknown(),
        };
        (cause, remedy.to_owned())
    }

    fn sysctl(&self) -> (String, String) {
        match self.errno {
            ENOENT => (format!("this kernel has no {}", self.object), "leave it out of the configuration".to_owned()),
            EINVAL => ("the value is out of range".to_owned(), "see carp(4) for what it may be".to_owned()),
            _ => self.unknown(),
        }
    }

    fn unknown(&self) -> (String, String) {
        (format!("the kernel refused it on {}", self.object), "see whether `dmesg` tells more".to_owned())
    }
}

/// The call with the kernel's own answer, for whoever wants to look it up.
impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: errno {}", self.name, self.object, self.errno)?;
        match self.text {
            Some(text) => write!(f, ", {text}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explain(call: Call, errno: i32) -> Refusal {
        Answer { call, name: "CALL", object: "em0", errno, text: None }.explain()
    }

    #[test]
    fn every_number_that_a_running_kernel_gave_has_a_cause_of_its_own() {
        for (call, errnos) in [
            (Call::SetVhid, &[EPERM, ENXIO, EINVAL, EOPNOTSUPP, EADDRNOTAVAIL, EPROTONOSUPPORT, EBUSY][..]),
            (Call::AddAddress, &[EPERM, ENXIO, ENOPROTOOPT, ENOENT, EINVAL, EDESTADDRREQ, EADDRINUSE, EEXIST, ENOBUFS]),
            (Call::DeleteAddress, &[EPERM, ENXIO, EADDRNOTAVAIL]),
            (Call::SetPfsync, &[EPERM, EINVAL, EADDRNOTAVAIL, ENOMEM]),
            (Call::Sysctl, &[EPERM, ENOENT, EINVAL]),
            (Call::Flags, &[EPERM, ENXIO]),
        ] {
            let mut causes: Vec<String> = errnos.iter().map(|errno| explain(call, *errno).cause).collect();
            assert!(causes.iter().all(|cause| !cause.contains("the kernel refused")), "{call:?}: {causes:?}");
            causes.sort();
            causes.dedup();
            assert_eq!(causes.len(), errnos.len(), "{call:?}");
        }
    }

    #[test]
    fn the_kernel_s_own_words_and_number_are_kept() {
        let text = Some("Unable to find interface with index 5");
        let answer = Answer { call: Call::SetVhid, name: "netlink SET", object: "em0", errno: 71, text };
        let refusal = answer.explain();
        assert!(refusal.cause.ends_with("(netlink SET em0: errno 71, Unable to find interface with index 5)"));
        assert!(!refusal.remedy.is_empty());
    }

    #[test]
    fn an_error_names_object_cause_and_remedy() {
        let write = Write::AddAddress { id: "1@em0".parse().unwrap(), net: "192.0.2.1/24".parse().unwrap() };
        let error = explain(Call::AddAddress, ENOPROTOOPT).of(&write).to_string();
        assert_eq!(
            error,
            "cannot add 192.0.2.1/24 to vhid 1@em0: em0 has no vhid at all (CALL em0: errno 42); create the vhid first"
        );
    }
}
