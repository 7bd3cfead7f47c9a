//! `carpctl why`: about the node, a vhid, all vhids of an interface, or a service.
//!
//! An interface may be named as the kernel or as OPNsense names it. The latter's names are in its config.xml, which only root
//! may read; whoever else asks has to know the kernel's.

use super::args::Object;
use super::exit::{self, Ended, Failure};
use super::render::{View, why as render};
use super::time::now;
use super::{Context, look, shows};
use crate::config::load;
use crate::config::opnsense::OpnsenseConfig;
use crate::core::status::Status;
use crate::model::{InterfaceName, ServiceName, VhidRef};

pub(super) fn why(context: &mut Context, object: Option<&Object>) -> Ended {
    let view = context.out.view(now());
    let config = context.target.config.clone();
    // Read only if the name is none of the kernel's: that takes the whole of carpd.toml and of config.xml.
    let labels = || load(&config).ok().and_then(|loaded| loaded.opnsense);
    let (status, text) = match object {
        None => {
            let status = look::anyone(&context.target);
            let text = render::node(&status, &view);
            (status, Ok(text))
        }
        Some(Object::Vhid(id)) => {
            let status = look::anyone(&context.target);
            let text = vhid(&status, id, labels, &view);
            (status, text)
        }
        Some(Object::Service(name)) => match look::daemon(&context.target) {
            Ok(status) => {
                let text = service(&status, name, labels, &view);
                (status, text)
            }
            // Only the daemon knows of services, but the kernel knows its interfaces.
            Err(failure) => {
                let status = look::anyone(&context.target);
                let text = interface(&status, name.as_str(), labels, &view).ok_or(failure)?;
                (status, Ok(text))
            }
        },
    };
    shows::mention(context, &status);
    let text = text.map_err(|text| Failure::new(exit::FAILED, text))?;
    context.out.write(&text)?;
    Ok(exit::DONE)
}

fn vhid(
    status: &Status,
    id: &VhidRef,
    labels: impl FnOnce() -> Option<OpnsenseConfig>,
    view: &View,
) -> Result<String, String> {
    if status.vhids.iter().any(|vhid| vhid.vhid == id.vhid && vhid.interface == id.interface) {
        return render::vhid(status, id, view);
    }
    let device = labels().and_then(|labels| labels.named(id.interface.as_str()).cloned());
    let meant = device.map_or_else(|| id.clone(), |device| VhidRef::new(id.vhid, device));
    render::vhid(status, &meant, view)
}

/// A service that has the name of an interface hides it; `VHID@INTERFACE` still names the interface's vhids.
fn service(
    status: &Status,
    name: &ServiceName,
    labels: impl FnOnce() -> Option<OpnsenseConfig>,
    view: &View,
) -> Result<String, String> {
    if !status.services.iter().any(|service| service.name == *name)
        && let Some(text) = interface(status, name.as_str(), labels, view)
    {
        return Ok(text);
    }
    render::service(status, name, view)
}

/// All vhids of the interface called `name`; `None` if none is called so, or it has no vhid.
fn interface(
    status: &Status,
    name: &str,
    labels: impl FnOnce() -> Option<OpnsenseConfig>,
    view: &View,
) -> Option<String> {
    let of = |device: &InterfaceName| {
        let vhids = status.vhids.iter().filter(|vhid| vhid.interface == *device);
        let ids = vhids.map(|vhid| VhidRef::new(vhid.vhid, vhid.interface.clone()));
        let texts: Vec<String> = ids.filter_map(|id| render::vhid(status, &id, view).ok()).collect();
        (!texts.is_empty()).then(|| texts.join("\n"))
    };
    name.parse().ok().and_then(|device| of(&device)).or_else(|| of(labels()?.named(name)?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::core::status::{Problem, Severity, from_kernel};
    use crate::core::testing::{at, snapshot};
    use crate::model::CarpState::{Backup, Master};

    const XML: &[u8] = b"<opnsense><interfaces><lan><if>vtnet1</if><descr>Office</descr></lan></interfaces></opnsense>";

    fn labels() -> Option<OpnsenseConfig> {
        OpnsenseConfig::parse(Path::new("config.xml"), XML).ok()
    }

    fn status() -> Status {
        let look = snapshot(&[("1@vtnet0", Master), ("3@vtnet1", Backup), ("4@vtnet1", Backup)]);
        let silence =
            Problem { severity: Severity::Warning, what: "a".into(), effect: String::new(), next: String::new() };
        from_kernel("fw1".to_owned(), &look, None, silence, at(0))
    }

    fn view() -> View {
        View::new(80, false, at(0).wall)
    }

    #[test]
    fn an_interface_is_known_by_the_names_of_the_kernel_and_of_people() {
        for name in ["vtnet1", "lan", "Office", "office"] {
            let text = service(&status(), &name.parse().unwrap(), labels, &view()).unwrap();
            assert!(text.contains("3@vtnet1") && text.contains("4@vtnet1") && !text.contains("1@vtnet0"), "{text}");
        }
        let text = vhid(&status(), &"3@lan".parse().unwrap(), labels, &view()).unwrap();
        assert!(text.contains("3@vtnet1") && !text.contains("4@vtnet1"), "{text}");
    }

    #[test]
    fn a_name_that_nothing_has_is_refused_with_what_there_is() {
        for told in [
            service(&status(), &"dmz".parse().unwrap(), labels, &view()),
            vhid(&status(), &"3@dmz".parse().unwrap(), labels, &view()),
            vhid(&status(), &"9@lan".parse().unwrap(), labels, &view()),
            vhid(&status(), &"3@lan".parse().unwrap(), || None, &view()),
        ] {
            assert!(told.is_err(), "{told:?}");
        }
    }

    #[test]
    fn nothing_is_read_for_a_name_of_the_kernel_s() {
        let unread = || -> Option<OpnsenseConfig> { panic!("the configuration was read") };
        vhid(&status(), &"3@vtnet1".parse().unwrap(), unread, &view()).unwrap();
        interface(&status(), "vtnet1", unread, &view()).unwrap();
    }
}
