//! The interfaces of this machine, whether or not CARP knows them.

use std::io;

use crate::model::InterfaceSnapshot;

/// All interfaces with names that carpd can name.
///
/// # Errors
/// The system cannot be asked.
#[cfg(target_os = "freebsd")]
pub fn interfaces() -> io::Result<Vec<InterfaceSnapshot>> {
    let (interfaces, _) = super::freebsd::interfaces::list()?;
    let row = |i: super::decide::Interface| InterfaceSnapshot { name: i.name, up: i.up, link: i.link };
    Ok(interfaces.into_iter().map(row).collect())
}

/// All interfaces with names that carpd can name. Whether there is a link is what `IFF_RUNNING` says here (netdevice(7)).
///
/// # Errors
/// The system cannot be asked.
#[cfg(not(target_os = "freebsd"))]
pub fn interfaces() -> io::Result<Vec<InterfaceSnapshot>> {
    use nix::net::if_::InterfaceFlags;
    // An entry for each address: the first of an interface tells all.
    let mut all: Vec<InterfaceSnapshot> = Vec::new();
    for entry in nix::ifaddrs::getifaddrs()? {
        let Ok(name) = entry.interface_name.parse() else { continue };
        if all.iter().all(|known| known.name != name) {
            let has = |flag| entry.flags.contains(flag);
            all.push(InterfaceSnapshot {
                name,
                up: has(InterfaceFlags::IFF_UP),
                link: has(InterfaceFlags::IFF_RUNNING),
            });
        }
    }
    Ok(all)
}
