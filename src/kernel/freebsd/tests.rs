//! Against a running kernel, within a jail that has a network stack of its own, so that nothing outside it is touched:
//!
//! ```sh
//! jail -c name=carpd-test persist vnet path=/
//! jexec carpd-test TEST_BINARY kernel::freebsd --ignored --test-threads=1
//! ```

mod addresses;
mod links;
mod pfsync0;
mod vhids;

use std::process::Command;

use super::super::{Administer, KernelError};
use super::FreeBsd;
use super::calls::Sysctl;
use crate::model::{
    AdvBase, AdvSkew, CarpKey, CarpVariable, InterfaceName, Vhid, VhidInventory, VhidRef, VhidSettings, Write,
};

fn run(command: &str) -> String {
    let out = Command::new("/bin/sh").args(["-ec", command]).env("PATH", "/sbin:/bin:/usr/sbin:/usr/bin").output();
    let out = out.unwrap();
    assert!(out.status.success(), "{command}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// Refuses to run where there could be CARP that matters.
fn only_in_a_jail() {
    assert_eq!(Sysctl("security.jail.vnet").int().unwrap(), 1, "run this in a jail with its own network stack");
}

/// A virtual cable; both ends are in this jail.
pub(super) struct Cable {
    pub(super) end: InterfaceName,
}

impl Cable {
    pub(super) fn new() -> Self {
        only_in_a_jail();
        let end = run("ifconfig epair create");
        run(&format!("ifconfig {end} up"));
        Self { end: end.parse().unwrap() }
    }

    pub(super) fn id(&self, vhid: u32) -> VhidRef {
        VhidRef::new(Vhid::new(vhid).unwrap(), self.end.clone())
    }

    fn ifconfig(&self, arguments: &str) {
        run(&format!("ifconfig {} {arguments}", self.end));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        let _ = Command::new("/sbin/ifconfig").args([self.end.as_str(), "destroy"]).output();
    }
}

/// Makes this process nobody's, and root's again when dropped.
struct Nobody;

impl Nobody {
    fn now() -> Self {
        nix::unistd::seteuid(65534.into()).unwrap();
        Self
    }
}

impl Drop for Nobody {
    fn drop(&mut self) {
        nix::unistd::seteuid(0.into()).unwrap();
    }
}

pub(super) fn with_netlink() -> FreeBsd {
    let kernel = FreeBsd::new();
    assert!(kernel.netlink.is_some());
    kernel
}

const fn without_netlink() -> FreeBsd {
    FreeBsd { netlink: None, boot: None }
}

pub(super) fn skew(advskew: u32, password: &str) -> VhidSettings {
    VhidSettings {
        advbase: AdvBase::DEFAULT,
        advskew: AdvSkew::new(advskew).unwrap(),
        key: Some(CarpKey::from_password(password.as_bytes())),
        peer: None,
        peer6: None,
    }
}

pub(super) fn set(id: &VhidRef, settings: &VhidSettings) -> Write {
    Write::Vhid { id: id.clone(), settings: settings.clone() }
}

fn add(id: &VhidRef, net: &str) -> Write {
    Write::AddAddress { id: id.clone(), net: net.parse().unwrap() }
}

fn delete(id: &VhidRef, net: &str) -> Write {
    Write::DeleteAddress { id: id.clone(), net: net.parse().unwrap() }
}

fn vhid(kernel: &mut FreeBsd, id: &VhidRef) -> Option<VhidInventory> {
    kernel.inventory().unwrap().vhid(id).cloned()
}

fn refusal(made: Result<(), KernelError>) -> String {
    let error = made.unwrap_err();
    println!("{error}");
    assert!(matches!(error, KernelError::Refused { .. }), "{error:?}");
    error.to_string()
}

fn addresses(vhid: &VhidInventory) -> Vec<String> {
    vhid.seen.addresses.iter().map(ToString::to_string).collect()
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn an_inventory_shows_everything_that_can_be_changed() {
    let cable = Cable::new();
    cable.ifconfig("inet 192.0.2.11/24");
    for mut kernel in [with_netlink(), without_netlink()] {
        for number in [9, 3, 5] {
            kernel.write(&set(&cable.id(number), &skew(number, "x"))).unwrap();
        }
        let inventory = kernel.inventory().unwrap();
        let there: Vec<u8> = inventory.vhids.iter().map(|vhid| vhid.seen.id.vhid.get()).collect();
        assert_eq!(there, [3, 5, 9]);
        let ours = inventory.interface(&cable.end).unwrap();
        assert!(ours.up && ours.link && ours.may_carry_carp);
        assert_eq!(ours.plain[0], "192.0.2.11/24".parse().unwrap());
        let lo0 = inventory.interface(&"lo0".parse().unwrap()).unwrap();
        assert!(!lo0.may_carry_carp);
        assert_eq!(inventory.variables.len(), CarpVariable::ALL.len());
        assert_eq!(inventory.variable(CarpVariable::Allow), Some(1));
        assert!(inventory.pfsync.is_some());
    }
}

#[test]
#[ignore = "needs root in a vnet jail"]
fn variables_are_set_and_read_back() {
    only_in_a_jail();
    let mut kernel = with_netlink();
    for variable in CarpVariable::ALL {
        let before = kernel.inventory().unwrap().variable(variable).unwrap();
        for value in [before + 1, before] {
            kernel.write(&Write::Sysctl { variable, value }).unwrap();
            assert_eq!(kernel.inventory().unwrap().variable(variable), Some(value), "{}", variable.name());
        }
    }
}
