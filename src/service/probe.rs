//! Looks at the health of a service.

mod blocking;
mod exec;
mod file;
mod http;
mod icmp;
mod interface;
mod process;
mod tcp;

use std::sync::Arc;
use std::time::Duration;

pub(super) use blocking::Permit;

use super::Prepared;
use crate::config::settings::ProbeTest;
use crate::core::probe::Reading;

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// What it means.
    pub reading: Reading,
    /// What it saw, for people.
    pub text: String,
}

impl Health {
    fn of(result: Result<String, String>) -> Self {
        match result {
            Ok(text) => Self { reading: Reading::Healthy, text },
            Err(text) => Self { reading: Reading::Unhealthy, text },
        }
    }

    /// Runs probe number `index` of `service`, which takes at most about `limit`; `None` if there is no such probe.
    pub async fn look(service: Arc<Prepared>, index: usize, limit: Duration) -> Option<Self> {
        let test = &service.settings.probes.get(index)?.test;
        let permit = service.permits.get(index)?;
        Some(match test {
            ProbeTest::Exec(command) => Self::of(exec::look(&service, command, limit).await),
            ProbeTest::Tcp(address) => Self::of(tcp::look(*address, limit).await),
            ProbeTest::Http(http) => http::look(http, limit).await,
            ProbeTest::File { path, max_age } => Self::of(file::look(permit, path.clone(), *max_age, limit).await),
            ProbeTest::Interface(probe) => Self::of(interface::look(permit, probe.clone(), limit).await),
            ProbeTest::Icmp(target) => Self::of(icmp::look(target, limit).await),
            // The core judges it itself.
            ProbeTest::Pfsync => return None,
            ProbeTest::Process(process) => Self::of(process::look(permit, process.clone(), limit).await),
        })
    }
}
