//! pfsync0's configuration.

use std::io;

use super::super::KernelError;
use super::{call, calls};
use crate::model::InterfaceName;
use crate::sys::nvlist::NvList;
use crate::sys::pfsync::{LEGACY_SIZE, Pfsync, SIOCGETPFSYNC, SIOCGETPFSYNCNV};

/// Where the kernel packs its answer; too small a buffer is refused without saying how large it should be.
const BUFFER: usize = 64 << 10;

/// What pfsync0 is set to; `None` if the module is not loaded.
pub(super) fn read() -> Result<Option<Pfsync>, KernelError> {
    let Ok(pfsync0) = "pfsync0".parse::<InterfaceName>() else { return Ok(None) };
    let mut buffer = vec![0; BUFFER];
    match calls::ioctl_nv(&pfsync0, SIOCGETPFSYNCNV, &mut buffer) {
        // An unwritable buffer goes unreported, so what came back is looked at and not taken for granted.
        Ok(length) => {
            let list = buffer.get(..length).and_then(|bytes| NvList::unpack(bytes).ok());
            let pfsync = list.as_ref().and_then(Pfsync::from_nvlist);
            pfsync.map(Some).ok_or_else(|| call("SIOCGETPFSYNCNV", "pfsync0", io::ErrorKind::InvalidData.into()))
        }
        Err(e) if e.raw_os_error() == Some(libc::ENXIO) => Ok(None),
        Err(e) if e.raw_os_error() == Some(libc::ENOTTY) => legacy(&pfsync0),
        Err(e) => Err(call("SIOCGETPFSYNCNV", "pfsync0", e)),
    }
}

fn legacy(pfsync0: &InterfaceName) -> Result<Option<Pfsync>, KernelError> {
    let mut request = [0; LEGACY_SIZE];
    calls::ioctl_with(pfsync0, SIOCGETPFSYNC, &mut request).map_err(|e| call("SIOCGETPFSYNC", "pfsync0", e))?;
    Ok(Pfsync::from_legacy(&request))
}
