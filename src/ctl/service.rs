//! `service`: a person takes a service over, or gives it back.

use super::args::Service;
use super::exit::{self, Ended};
use super::time::now;
use super::{Context, changes, text};
use crate::control::Ask;
use crate::core::io::Request;

pub(super) fn run(context: &mut Context, command: Service) -> Ended {
    let change = match command {
        Service::Unmanage { name, time, reason } => {
            Request::ServiceUnmanage { service: name, until: now() + time, reason }
        }
        Service::Manage { name } => Request::ServiceManage { service: name },
    };
    let said = changes::ask(&context.target, &Ask::Change { change })?;
    context.out.write(&format!("{}: {}\n", context.target.node, text::clean(&said)))?;
    Ok(exit::DONE)
}
