//! carpd's command line.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use super::{LogTo, Options, check, early, run};

/// What keeps carpd from running, such as a mistake in its configuration or another carpd, is not gone a second later. A
/// longer pause of the supervisor itself would also hold up the start after a crash.
const NEXT_TRY: Duration = Duration::from_secs(30);

/// Makes everything on this node follow what CARP has elected.
///
/// It stays in the foreground and logs to standard error; daemon(8) puts it into the background.
#[derive(Parser)]
#[command(name = "carpd", version)]
struct Args {
    /// The configuration file.
    #[arg(long, value_name = "PATH", default_value = crate::config::load::DEFAULT_PATH)]
    config: PathBuf,
    /// Check the configuration and exit: 0 good, 1 unusable, 2 good with warnings.
    #[arg(long)]
    check: bool,
    /// Put a maintenance and the boot hold into effect, before the network comes up, and exit.
    #[arg(long, conflicts_with = "check")]
    early: bool,
    /// Wait until the boot hold is over, end it if no carpd runs, and exit.
    #[arg(long, conflicts_with_all = ["check", "early"])]
    end_hold: bool,
    /// Begin each line of the log with the time.
    #[arg(long)]
    log_time: bool,
    /// Log to syslogd instead of standard error [default socket: /var/run/log].
    #[arg(long, value_name = "SOCKET", num_args = 0..=1, require_equals = true, default_missing_value = "/var/run/log")]
    syslog: Option<PathBuf>,
    /// A supervisor starts carpd again whenever it ends: if carpd cannot run, say why and wait 30 s before ending.
    #[arg(long)]
    supervised: bool,
    /// Accepted for the sake of service managers; the daemon always stays in the foreground.
    #[arg(long)]
    foreground: bool,
}

/// Runs one carpd command line, the program's own name first.
#[must_use]
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    if args.check {
        return ExitCode::from(check(&args.config));
    }
    if args.early || args.end_hold {
        return ended(if args.early { early::apply(&args.config) } else { early::end_hold(&args.config) });
    }
    let log_to = args.syslog.map_or(LogTo::Stderr { time: args.log_time }, LogTo::Syslog);
    let ended = ended(run(&Options { config: args.config, log_to }));
    if args.supervised && ended != ExitCode::SUCCESS {
        std::thread::sleep(NEXT_TRY);
    }
    ended
}

fn ended(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(io::stderr(), &format!("carpd: {}", told_once(&error)));
            ExitCode::FAILURE
        }
    }
}

/// Writes a line. A console that has been taken away, or a pipe that nobody reads, is no reason to end: the macros of std panic.
pub(super) fn say(mut to: impl Write, line: &str) {
    let _ = writeln!(to, "{line}");
}

/// The error and its causes, without those that an earlier one has quoted already.
fn told_once(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| {
        if told.is_empty() {
            cause
        } else if told.contains(&cause) {
            told
        } else {
            format!("{told}: {cause}")
        }
    })
}
