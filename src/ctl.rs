//! carpctl: shows and changes what carpd does on a node.
//!
//! Everything it shows is rendered by pure functions in [`render`]; everything it knows comes from the daemon's control
//! socket, or from the kernel when the daemon does not answer. It blocks, has no runtime, and every wait has a limit.

mod apply;
pub mod args;
mod changes;
pub mod client;
mod config;
mod drain;
mod events;
pub mod exit;
mod gate;
mod gui;
mod import;
mod lab;
pub mod lab_run;
pub mod look;
mod maintenance;
mod nudge;
pub mod out;
pub mod plan;
pub mod render;
mod service;
mod shows;
pub mod target;
pub mod text;
pub mod time;
mod wait;
mod why;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::CommandFactory;

use args::{Cli, Command, Config, Demotion, Global};
use exit::Ended;
use out::Out;
use target::Target;

/// What a command has to do with: the node it is about, and standard output.
pub struct Context {
    /// The node.
    pub target: Target,
    /// Standard output.
    pub out: Out,
}

/// Runs one carpctl command line, the program's own name first.
#[must_use]
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    match args::read(&args) {
        Ok(cli) => exit::code(run(cli)),
        Err(usage) => {
            let wrong = usage.use_stderr();
            // Whether the text could be printed changes nothing about the exit code.
            let _ = usage.print();
            match (wrong, args::is_check(&args)) {
                (false, _) => exit::DONE,
                (true, true) => {
                    println_check("wrong usage");
                    exit::UNREACHABLE
                }
                (true, false) => exit::USAGE,
            }
            .into()
        }
    }
}

/// A monitoring system shows the first line of standard output, so `check` has one even if it cannot judge.
fn println_check(why: &str) {
    let _ = Out::new(out::Color::Never).write(&format!("CARP UNKNOWN - {}\n", text::clean(why).replace('|', "/")));
}

/// All commands but those of the lab are about one node.
fn one_node(nodes: &[String]) -> Result<Option<&str>, exit::Failure> {
    match nodes {
        [] => Ok(None),
        [node] => Ok(Some(node)),
        _ => Err(exit::Failure::new(exit::USAGE, "--node names one node here; only `carpctl lab` takes several")),
    }
}

fn run(cli: Cli) -> Ended {
    let Global { socket, config, nodes, color } = cli.global;
    let target = one_node(&nodes).and_then(|node| Target::resolve(node, config.as_deref(), socket.as_deref()));
    let context = target.map(|target| Context { target, out: Out::new(color) });
    match cli.command {
        Command::Status(args) => shows::status(&mut context?, &args),
        Command::Why { object } => why::why(&mut context?, object.as_ref()),
        Command::Maintenance(command) => maintenance::run(&mut context?, &command),
        Command::Service(command) => service::run(&mut context?, command),
        Command::Drain { cancel: true, .. } => drain::cancel(&mut context?),
        Command::Drain { limit, .. } => drain::drain(&mut context?, limit),
        Command::Check { expect } => match context {
            Ok(mut context) => shows::check(&mut context, expect),
            Err(failure) => {
                println_check(&failure.text);
                Ok(exit::UNREACHABLE)
            }
        },
        Command::History { limit, json } => events::history(&mut context?, limit, json),
        Command::Events { json, .. } => events::follow(&mut context?, json),
        Command::IsMaster { vhid, verbose } => gate::answer(context, verbose, |target| gate::is_master(target, &vhid)),
        Command::MayRun { service, verbose } => {
            gate::answer(context, verbose, |target| gate::may_run(target, &service))
        }
        Command::Wait(args) => wait::run(&mut context?, &args),
        Command::Plan(args) => plan::run(&mut context?, &args.remove, args.json),
        Command::Apply(args) => apply::run(&mut context?, &args),
        Command::Config(Config::Show) => shows::config(&mut context?),
        Command::Config(Config::Check { file, peer, json }) => {
            config::check(&mut context?, file.as_deref(), peer.as_deref(), json)
        }
        Command::Import(args) => import::run(&mut context?, &args),
        Command::Explain { code } => config::explain(&mut context?, code.as_deref()),
        Command::Nudge => nudge::run(&mut context?),
        Command::Reload => changes::reload(&mut context?),
        Command::Metrics => shows::metrics(&mut context?),
        Command::Demotion(Demotion::Assume { fate }) => changes::assume(&mut context?, fate),
        Command::Lab(command) => lab::run(command, &nodes, &mut Out::new(color)),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "carpctl", &mut script);
            context?.out.write(&String::from_utf8_lossy(&script)).map(|()| exit::DONE)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::plan::document::Document;
    use crate::core::status::Status;

    fn is_in_the_tree<T: schemars::JsonSchema>(name: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ctl").join(name);
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(T)).unwrap() + "\n";
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &schema).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == schema, "{name} has changed; UPDATE_GOLDEN=1 writes it anew");
    }

    /// `UPDATE_GOLDEN=1 cargo nextest run -E 'test(the_schemas_in_the_tree)'` writes the files anew. A field that is renamed,
    /// taken away or given another meaning also needs a new [`crate::core::status::SCHEMA`] or
    /// [`super::plan::document::SCHEMA`].
    #[test]
    fn the_schemas_in_the_tree_are_those_of_the_code() {
        is_in_the_tree::<Status>("status.schema.json");
        is_in_the_tree::<Document>("plan.schema.json");
    }
}
