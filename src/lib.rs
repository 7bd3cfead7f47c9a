//! carpd makes a FreeBSD or OPNsense node behave as one member of a CARP pair.
//!
//! The kernel elects MASTER and BACKUP; carpd sees to it that everything else on the node follows that election,
//! never disturbs it by accident, and can say why.
//!
//! * [`model`]: plain domain types that cannot hold an illegal value.
//! * [`core`]: every decision, as a pure function of what was seen and of time.
//! * [`ctl`]: carpctl's commands and how they are shown.
//! * [`kernel`]: the [`kernel::Kernel`] trait, through which all reads and writes of CARP and pfsync pass.
//! * [`lab`]: a model of FreeBSD's CARP and pfsync, in virtual time.
//! * [`sys`]: codecs of the system's interfaces.
//! * [`service`]: drivers and probes.
//! * [`daemon`]: the wiring of all this.

pub mod config;
pub mod control;
pub mod core;
pub mod ctl;
pub mod daemon;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod kernel;
pub mod lab;
pub mod model;
mod regular_file;
pub mod service;
pub mod sys;
