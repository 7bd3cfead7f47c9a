//! Creating and changing vhids.

use zeroize::Zeroizing;

use super::super::decide::Address;
use super::super::decide::vhid::{self, VhidWrite};
use super::super::refusal::{Answer, Call, Refusal};
use super::administer::{Trouble, refused, unlisted};
use super::netlink::Netlink;
use super::{FreeBsd, KernelError, call, calls, interfaces, one_by_one};
use crate::model::{VhidRef, VhidSettings};
use crate::sys::carp_netlink::{Protocol, Settings};
use crate::sys::carp_request::{self, SIOCSVH};

impl FreeBsd {
    /// Makes the vhid what `wanted` says, if it is not.
    pub(super) fn write_vhid(&mut self, id: &VhidRef, wanted: &VhidSettings) -> Result<(), Trouble> {
        let (_, addresses) = interfaces::list().map_err(unlisted)?;
        match self.decide_vhid(id, wanted)? {
            VhidWrite::Nothing => return Ok(()),
            VhidWrite::Request { advbase, advskew, key } => {
                let request = carp_request::set(id.vhid, advbase, advskew, key.as_ref(), None);
                let mut request = Zeroizing::new(request);
                calls::ioctl_with(&id.interface, SIOCSVH, &mut request[..])
                    .map_err(|error| refused(Call::SetVhid, "SIOCSVH", id.interface.as_str(), &error))?;
            }
            VhidWrite::Message(settings) => self.set_over_netlink(id, &settings, wanted)?,
        }
        if belongs_to(id, &addresses) { still_has_addresses(id) } else { Ok(()) }
    }

    /// What the vhid speaks, with its parameters; `None` if it does not exist.
    pub(super) fn protocol(&mut self, id: &VhidRef) -> Result<Option<Protocol>, KernelError> {
        if let Some(netlink) = &mut self.netlink
            && let Some(records) = netlink.vhids(&id.interface)?
        {
            return Ok(records.into_iter().find(|record| record.vhid == id.vhid).map(|record| record.protocol));
        }
        Ok(one_by_one(&id.interface, id.vhid)?.map(|record| record.protocol))
    }

    fn decide_vhid(&mut self, id: &VhidRef, wanted: &VhidSettings) -> Result<VhidWrite, Trouble> {
        let now = self.protocol(id)?;
        let netlink = self.netlink.as_mut().is_some_and(Netlink::has_carp);
        Ok(vhid::write(id.vhid, now.as_ref(), netlink, wanted)?)
    }

    fn set_over_netlink(&mut self, id: &VhidRef, settings: &Settings, wanted: &VhidSettings) -> Result<(), Trouble> {
        let Some(netlink) = &mut self.netlink else { return Err(KernelError::NoCarp.into()) };
        match netlink.set(&id.interface, settings) {
            Ok(end) if end.errno == 0 => Ok(()),
            Ok(end) => {
                let object = id.interface.as_str();
                let (errno, text) = (end.errno, end.text.as_deref());
                Err(Answer { call: Call::SetVhid, name: "netlink SET", object, errno, text }.explain().into())
            }
            // The answer was lost, so the vhid itself has to tell whether it was changed.
            Err(source) => match self.decide_vhid(id, wanted)? {
                VhidWrite::Nothing => Ok(()),
                _ => Err(call("netlink SET", &id.to_string(), source).into()),
            },
        }
    }
}

fn belongs_to(id: &VhidRef, addresses: &[Address]) -> bool {
    addresses.iter().any(|address| address.interface == id.interface && address.vhid == Some(id.vhid))
}

/// A request that meets no vhid makes a new one, without addresses and with an empty key. So if the vhid had addresses and has none
/// now, it was removed in the moment between the look and the request.
pub(super) fn still_has_addresses(id: &VhidRef) -> Result<(), Trouble> {
    let (_, addresses) = interfaces::list().map_err(unlisted)?;
    if belongs_to(id, &addresses) {
        return Ok(());
    }
    let cause = "somebody removed its addresses at the same moment";
    Err(Refusal::new(cause, "look at it with `ifconfig`, and apply again").into())
}
