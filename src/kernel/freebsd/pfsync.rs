//! pfsync0's configuration.

use std::io;

use super::super::KernelError;
use super::super::decide::link::follows;
use super::super::decide::pfsync::{self, Now, PfsyncWrite};
use super::super::refusal::{Call, Refusal};
use super::administer::{Trouble, refused, unlisted};
use super::{call, calls, interfaces, link};
use crate::model::{InterfaceName, PfsyncSettings};
use crate::sys::nvlist::NvList;
use crate::sys::pfsync::{LEGACY_SIZE, Pfsync, SIOCGETPFSYNC, SIOCGETPFSYNCNV, SIOCSETPFSYNC, SIOCSETPFSYNCNV};

/// Where the kernel packs its answer. It takes some hundred bytes; should it ever be more, the first size is refused with `EFBIG`.
const BUFFERS: [usize; 2] = [4 << 10, 64 << 10];

const PFSYNC0: &str = "pfsync0";

/// Which requests a kernel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Requests {
    /// Those with a list of named values: FreeBSD 14 and newer.
    Nv,
    /// The older ones alone.
    Legacy,
}

/// What pfsync0 is set to; `None` if the module is not loaded.
pub(super) fn read() -> Result<Option<Pfsync>, KernelError> {
    let Some(pfsync0) = pfsync0() else { return Ok(None) };
    Ok(look(&pfsync0)?.map(|(pfsync, _)| pfsync))
}

/// Makes pfsync0 what `wanted` says, if it is not.
pub(super) fn write(wanted: &PfsyncSettings) -> Result<(), Trouble> {
    let found = pfsync0().map(|pfsync0| Ok::<_, KernelError>((look(&pfsync0)?, pfsync0))).transpose()?;
    let Some((Some((before, requests)), pfsync0)) = found else { return Err(absent().into()) };
    let (interfaces, _) = interfaces::list().map_err(unlisted)?;
    let flags = link::flags(&pfsync0).map_err(|e| call("SIOCGIFFLAGS", PFSYNC0, e))?;
    let now = Now { pfsync: before, legacy: requests == Requests::Legacy, running: follows(flags, true) };
    match pfsync::write(&now, &interfaces, interfaces::number, wanted)? {
        PfsyncWrite::Nothing => Ok(()),
        PfsyncWrite::Raise => link::write(&pfsync0, true),
        PfsyncWrite::Set { request, raise } => {
            if raise {
                link::write(&pfsync0, true)?;
            }
            set(&pfsync0, requests, &request).map_err(|refusal| take_back(&pfsync0, requests, &now, raise, refusal))
        }
    }
}

/// A refused request may have been taken over in part: the kernel joins the multicast group last. So what there was is set again.
pub(super) fn take_back(
    pfsync0: &InterfaceName,
    requests: Requests,
    before: &Now,
    raised: bool,
    refusal: Refusal,
) -> Trouble {
    let restored = match look(pfsync0) {
        Ok(Some((now, _))) if now == before.pfsync => true,
        _ => set(pfsync0, requests, &before.pfsync).is_ok(),
    };
    let lowered = !raised || link::write(pfsync0, false).is_ok();
    if restored && lowered {
        return refusal.into();
    }
    let cause = format!("{}, and pfsync0 could not be set back to what it was", refusal.cause);
    Refusal::new(cause, format!("{}, and look at it with `ifconfig pfsync0`", refusal.remedy)).into()
}

fn pfsync0() -> Option<InterfaceName> {
    PFSYNC0.parse().ok()
}

fn absent() -> Refusal {
    if calls::has_module(c"pfsync") {
        Refusal::new(
            "the kernel has pfsync, but here is no pfsync0",
            "see whether it was renamed: `ifconfig -g pfsync`",
        )
    } else {
        Refusal::new(
            "the kernel has no pfsync",
            "load it with `kldload pfsync`, and at every boot with pfsync_load=\"YES\" in loader.conf; in a jail, do so on its host",
        )
    }
}

fn look(pfsync0: &InterfaceName) -> Result<Option<(Pfsync, Requests)>, KernelError> {
    let mut buffer = vec![0; BUFFERS[0]];
    let mut asked = calls::ioctl_nv(pfsync0, SIOCGETPFSYNCNV, &mut buffer);
    if asked.as_ref().is_err_and(|e| e.raw_os_error() == Some(libc::EFBIG)) {
        buffer = vec![0; BUFFERS[1]];
        asked = calls::ioctl_nv(pfsync0, SIOCGETPFSYNCNV, &mut buffer);
    }
    match asked {
        // An unwritable buffer goes unreported, so what came back is looked at and not taken for granted.
        Ok(length) => {
            let list = buffer.get(..length).and_then(|bytes| NvList::unpack(bytes).ok());
            let pfsync = list.as_ref().and_then(Pfsync::from_nvlist);
            let broken = || call("SIOCGETPFSYNCNV", PFSYNC0, io::ErrorKind::InvalidData.into());
            pfsync.map(|pfsync| Some((pfsync, Requests::Nv))).ok_or_else(broken)
        }
        Err(e) if e.raw_os_error() == Some(libc::ENXIO) => Ok(None),
        Err(e) if e.raw_os_error() == Some(libc::ENOTTY) => {
            Ok(look_legacy(pfsync0)?.map(|pfsync| (pfsync, Requests::Legacy)))
        }
        Err(e) => Err(call("SIOCGETPFSYNCNV", PFSYNC0, e)),
    }
}

fn look_legacy(pfsync0: &InterfaceName) -> Result<Option<Pfsync>, KernelError> {
    let mut request = [0; LEGACY_SIZE];
    calls::ioctl_with(pfsync0, SIOCGETPFSYNC, &mut request).map_err(|e| call("SIOCGETPFSYNC", PFSYNC0, e))?;
    Ok(Pfsync::from_legacy(&request))
}

/// Sets all of it. Never without need: with a syncdev it demotes the node.
pub(super) fn set(pfsync0: &InterfaceName, requests: Requests, pfsync: &Pfsync) -> Result<(), Refusal> {
    let (name, set) = match requests {
        Requests::Nv => {
            let mut list = pfsync.to_nvlist().pack();
            ("SIOCSETPFSYNCNV", calls::ioctl_nv(pfsync0, SIOCSETPFSYNCNV, &mut list).map(|_| ()))
        }
        Requests::Legacy => {
            let Some(mut request) = pfsync.to_legacy() else {
                return Err(Refusal::new("this kernel's pfsync speaks IPv4 only", "name an IPv4 address as its peer"));
            };
            ("SIOCSETPFSYNC", calls::ioctl_with(pfsync0, SIOCSETPFSYNC, &mut request))
        }
    };
    set.map_err(|error| refused(Call::SetPfsync, name, PFSYNC0, &error))
}
