//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::out::Color;
use super::render::check::Expect;
use crate::config::duration;
use crate::core::role::Role;
use crate::model::{CarpState, ParseIdError, ServiceName, VhidRef};

const EXIT_CODES: &str = "\
Exit codes: 0 done or already so, 1 failed or not permitted, 3 the daemon cannot be reached,
4 refused because a known fact speaks against it (--force overrides), 5 timed out, 64 wrong usage.
check: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. is-master, may-run: 0 yes, 1 no, else: cannot tell.
plan: 0 nothing to do, 1 cannot, 2 changes.

In trouble?  carpctl status  says what is wrong and what to do next;  carpctl why  explains it.";

/// Shows and changes what carpd does on this node of a CARP pair.
#[derive(Debug, Parser)]
#[command(name = "carpctl", version, after_help = EXIT_CODES, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = false, disable_help_subcommand = true)]
pub struct Cli {
    /// Which node, and how it is shown.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// The daemon's control socket, if it is not the one that carpd.toml names.
    #[arg(long, global = true, value_name = "PATH", help_heading = "Global options")]
    pub socket: Option<PathBuf>,
    /// The node's carpd.toml [default: /usr/local/etc/carpd/carpd.toml].
    #[arg(long, global = true, value_name = "PATH", help_heading = "Global options", conflicts_with = "nodes")]
    pub config: Option<PathBuf>,
    /// A node of the lab that `carpctl lab up` runs, instead of this machine. With `lab` itself: NAME=FILE, once for each node.
    #[arg(long = "node", global = true, value_name = "NAME", help_heading = "Global options")]
    pub nodes: Vec<String>,
    /// When to use colour. auto: on a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Global options")]
    pub color: Color,
}

/// The commands, the most needed first.
// Building what the other commands take would cost more than half of the time that `status` needs.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Show the state of this node: what is wrong, why, and what to do next.
    ///
    /// Without the daemon the kernel is asked, and the answer says so. Always exits 0; monitoring uses `check`.
    Status(StatusArgs),
    /// Explain in sentences why something is as it is.
    ///
    /// For a vhid: what decides its state, and what would make it MASTER. For a service: which vhids decide about it,
    /// and what happens next. Without an argument: the whole node.
    Why {
        /// A vhid with its interface, as in 1@em0; an interface, by the kernel's or OPNsense's name; or a service.
        object: Option<Object>,
    },
    /// Make this node give up its VIPs and stay out of the way, or end that.
    #[command(subcommand)]
    Maintenance(Maintenance),
    /// Take a service out of carpd's hands for a while, or give it back.
    #[command(subcommand)]
    Service(Service),
    /// Hand the VIPs over before a shutdown: give them up, start nothing more in this boot, and wait for the peer.
    ///
    /// Services are stopped as ever once their vhids have left. Exits 5 if this node is still MASTER at the limit.
    Drain {
        /// How long to wait at most.
        #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
        limit: Duration,
        /// The shutdown was called off: take part in the election again.
        #[arg(long, conflicts_with = "limit")]
        cancel: bool,
    },
    /// Judge the node for a monitoring system: one line with performance data.
    ///
    /// Exits 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; wrong usage is UNKNOWN as well.
    Check {
        /// What all vhids of this node should be. Otherwise it is CRITICAL; in maintenance it is WARNING.
        #[arg(long, value_name = "STATE", default_value = "any")]
        expect: Expect,
    },
    /// Show what happened, the newest last.
    History {
        /// At most so many entries.
        #[arg(long, short = 'n', value_name = "N", default_value = "20")]
        limit: usize,
        /// One JSON object per line.
        #[arg(long)]
        json: bool,
    },
    /// Show what happens from now on, until Ctrl-C. Exits 3 if the daemon ends.
    Events {
        /// Keep showing. There is no other way; the word keeps scripts readable.
        #[arg(long, short = 'f', required = true)]
        follow: bool,
        /// One JSON object per line.
        #[arg(long)]
        json: bool,
    },
    /// Ask whether this node is MASTER of a vhid. Exits 0 yes, 1 no, 2 or more: cannot tell.
    ///
    /// Prints nothing, so that it fits into scripts: `carpctl is-master 1@em0 && ...`. Works without the daemon.
    IsMaster {
        /// The vhid with its interface, as in 1@em0.
        vhid: VhidRef,
        /// Say why.
        #[arg(long, short = 'v')]
        verbose: bool,
    },
    /// Ask whether a service may run on this node now. Exits 0 yes, 1 no, 2 or more: cannot tell.
    ///
    /// A service that carpd does not manage may always run. Works without the daemon: then the kernel decides.
    MayRun {
        /// The service, or the script of rc(8) that one drives.
        service: ServiceName,
        /// Say why.
        #[arg(long, short = 'v')]
        verbose: bool,
    },
    /// Wait until a vhid has a state, or a service a role. Exits 5 if it does not within the limit.
    Wait(WaitArgs),
    /// Show how the kernel differs from carpd.toml, and what it would cost to change that. Changes nothing.
    ///
    /// Every write is listed with its cause and its effect: which vhid bounces, and for how long it has no MASTER.
    /// Exits 0 nothing to do, 1 something stands in the way, 2 there are changes.
    Plan(PlanArgs),
    /// Make the kernel what carpd.toml says, step by step as `plan` lists them.
    ///
    /// It stops at the first error, and looks again at the end. Nothing to do means not one write.
    Apply(ApplyArgs),
    /// Show or check the configuration.
    #[command(subcommand)]
    Config(Config),
    /// Write a carpd.toml that owns the VIPs and the pfsync that run here, or that rc.conf sets up.
    ///
    /// Nothing is changed, and no daemon is needed. What a carpd.toml cannot say is told, and stands in it as a comment.
    Import(ImportArgs),
    /// Explain a finding of `config check`; without a code, list all of them.
    Explain {
        /// Its code, as in CARP-C212 or C212.
        code: Option<String>,
    },
    /// Read the configuration again; one with mistakes is refused and changes nothing.
    Reload,
    /// Have the kernel looked at now. Without the daemon: stop services whose vhids are MASTER elsewhere; start nothing.
    ///
    /// For devd's rules and scripts of others.
    Nudge,
    /// Print the metrics as Prometheus text.
    Metrics,
    /// Settle the ledger of demotion after a crash, if carpd cannot do it by itself.
    #[command(subcommand)]
    Demotion(Demotion),
    /// Run a pair of nodes with real carpds on this machine, let things happen to it, and measure what carpd promises.
    ///
    /// Without a further command the whole story is told: exit 0 only if every promise held.
    Lab(super::lab::Lab),
    /// Print the completions of a shell.
    Completions {
        /// Which.
        shell: Shell,
    },
}

/// `carpctl status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// One line if all is well, otherwise only what is not.
    #[arg(short = 'x', conflicts_with = "json")]
    pub brief: bool,
    /// As JSON; its schema is documented and stable.
    #[arg(long)]
    pub json: bool,
    /// Show it again every so many seconds, until Ctrl-C.
    #[arg(long, value_name = "SECS", num_args = 0..=1, default_missing_value = "2")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub watch: Option<u64>,
}

/// `carpctl maintenance`
#[derive(Debug, Subcommand)]
pub enum Maintenance {
    /// Demote this node by 240, so that the peer takes over; survives restarts and reboots.
    ///
    /// Doing it again is no mistake: --reason and --for then change what is in force, and without them it stays.
    Enter(EnterArgs),
    /// Take that demotion back. Whether this node becomes MASTER again is for the election to decide.
    Leave,
    /// Show whether this node is in maintenance, who wanted it, why and until when.
    Show,
}

/// `carpctl service`
#[derive(Debug, Subcommand)]
pub enum Service {
    /// Have carpd leave a service alone for a while: it is neither started, stopped nor judged.
    ///
    /// It survives restarts and reboots, and `may-run` says yes meanwhile. Doing it again sets another end.
    Unmanage {
        /// The service.
        name: ServiceName,
        /// How long, as in 15m or 2h; at most 31d.
        #[arg(long = "for", value_name = "TIME", value_parser = leave)]
        time: Duration,
        /// Why; everybody who looks at the status will read it.
        #[arg(long, value_name = "TEXT", value_parser = reason, default_value = "", hide_default_value = true)]
        reason: String,
    },
    /// Have carpd manage it again at once: it is brought to where the election wants it.
    Manage {
        /// The service.
        name: ServiceName,
    },
}

/// `carpctl maintenance enter`
#[derive(Debug, Args)]
pub struct EnterArgs {
    /// Why; everybody who looks at the status will read it.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: Option<String>,
    /// End it by itself after this time, as in 90m, 2h or 1d; at most 366d.
    #[arg(long = "for", value_name = "TIME", value_parser = duty)]
    pub time: Option<Duration>,
    /// Wait until no vhid is MASTER here; exits 5 if that takes longer.
    #[arg(long, value_name = "LIMIT", num_args = 0..=1, default_missing_value = "30s", value_parser = time)]
    pub wait: Option<Duration>,
    /// Even where it is known that the peer would not take over cleanly.
    #[arg(long)]
    pub force: bool,
}

/// `carpctl wait`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("goal").required(true))]
pub struct WaitArgs {
    /// A vhid with its interface, as in 1@em0, or the name of a service.
    pub object: Object,
    /// The state that the vhid should have: MASTER, BACKUP or INIT.
    #[arg(long, value_name = "STATE", group = "goal")]
    pub state: Option<CarpState>,
    /// The role that the service should have and be in.
    #[arg(long, value_name = "ROLE", group = "goal")]
    pub role: Option<WaitRole>,
    /// How long to wait at most.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    pub timeout: Duration,
}

/// A role to wait for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum WaitRole {
    /// It runs here, or is about to.
    Active,
    /// It does not run here.
    Standby,
}

impl From<WaitRole> for Role {
    fn from(role: WaitRole) -> Self {
        match role {
            WaitRole::Active => Self::Active,
            WaitRole::Standby => Self::Standby,
        }
    }
}

/// `carpctl plan`
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// As JSON; its schema is documented and stable.
    #[arg(long)]
    pub json: bool,
    /// Also take away this vhid, which carpd.toml does not name; once for each.
    #[arg(long, value_name = "VHID@IF")]
    pub remove: Vec<VhidRef>,
}

/// `carpctl apply`
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// Only show the plan.
    #[arg(long, conflicts_with_all = ["guided", "force"])]
    pub dry_run: bool,
    /// Change both nodes of a pair in the one order in which they never both are MASTER, asking before each step.
    #[arg(long, conflicts_with = "force")]
    pub guided: bool,
    /// Take the answers of --guided from standard input even if that is no terminal.
    #[arg(long, requires = "guided")]
    pub yes: bool,
    /// Change the addresses of a vhid that is MASTER or BACKUP at once, as on a node without a peer.
    #[arg(long)]
    pub force: bool,
    /// Also take away this vhid, which carpd.toml does not name; once for each.
    #[arg(long, value_name = "VHID@IF")]
    pub remove: Vec<VhidRef>,
}

/// `carpctl config`
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Check a carpd.toml or an OPNsense config.xml. Exits 0 clean, 1 cannot be read, 2 findings.
    ///
    /// Notes are no findings. Nothing is changed, and no daemon is needed.
    Check {
        /// The file [default: this node's carpd.toml].
        file: Option<PathBuf>,
        /// The other node's file: whether the two can work as a pair is checked, too.
        #[arg(long, value_name = "FILE")]
        peer: Option<PathBuf>,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the configuration in force.
    Show,
}

/// `carpctl import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Read rc.conf instead of the kernel; without FILE, that of this node with its sysctl.conf and loader.conf.
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub rc_conf: Option<Option<PathBuf>>,
    /// Write each vhid's password into a file of its own in DIR, readable for nobody else.
    #[arg(long, value_name = "DIR")]
    pub passwords: Option<PathBuf>,
    /// Write the carpd.toml into FILE instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace files that exist.
    #[arg(long)]
    pub force: bool,
}

/// `carpctl demotion`
#[derive(Debug, Subcommand)]
pub enum Demotion {
    /// Tell carpd whether its last change of the demotion reached the kernel.
    ///
    /// Only needed when the status says that this is not known. `sysctl net.inet.carp.demotion` shows the sum.
    Assume {
        /// Whether it arrived.
        fate: Fate,
    },
}

/// What became of a write to the demotion sysctl.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fate {
    /// It is in the sum.
    Landed,
    /// It is not.
    Lost,
}

/// Something that can be asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A vhid.
    Vhid(VhidRef),
    /// A service.
    Service(ServiceName),
}

impl std::str::FromStr for Object {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        if text.contains('@') { text.parse().map(Self::Vhid) } else { text.parse().map(Self::Service) }
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let time = duration::parse(text).map_err(|error| error.to_string())?;
    if time.is_zero() { Err("is no time at all".to_owned()) } else { Ok(time) }
}

/// How long a maintenance may be meant to last: whoever writes more has mistyped it.
const LONGEST_MAINTENANCE: Duration = Duration::from_secs(366 * 86_400);

fn duty(text: &str) -> Result<Duration, String> {
    let time = time(text)?;
    if time > LONGEST_MAINTENANCE {
        return Err("is more than 366d; without --for it lasts until `carpctl maintenance leave`".to_owned());
    }
    Ok(time)
}

/// Whoever needs a service for longer takes it out of carpd.toml.
const LONGEST_LEAVE: Duration = Duration::from_secs(31 * 86_400);

fn leave(text: &str) -> Result<Duration, String> {
    let time = time(text)?;
    if time > LONGEST_LEAVE {
        return Err("is more than 31d; take the service out of carpd.toml instead".to_owned());
    }
    Ok(time)
}

/// Everybody's status shows the reason, so it has to fit there.
const LONGEST_REASON: usize = 200;

fn reason(text: &str) -> Result<String, String> {
    if text.len() > LONGEST_REASON {
        return Err(format!("has {} bytes, and a reason may have {LONGEST_REASON}; shorten it", text.len()));
    }
    Ok(text.to_owned())
}

/// A command line, read.
///
/// Building all the commands takes longer than most of them run, so it is read against its own one first. What that does not
/// understand, help among it, is for all of them together.
///
/// # Errors
/// It is wrong, or asks for help.
pub(super) fn read(args: &[OsString]) -> Result<Cli, clap::Error> {
    alone(args).map_or_else(|| Cli::try_parse_from(args), Ok)
}

fn alone(args: &[OsString]) -> Option<Cli> {
    let all = Command::augment_subcommands(clap::Command::new("carpctl"));
    let own = all.find_subcommand(command_word(args)?)?.clone();
    let root = Global::augment_args(clap::Command::new("carpctl")).subcommand(own).subcommand_required(true);
    let mut matches = root.try_get_matches_from(args).ok()?;
    let command = Command::from_arg_matches_mut(&mut matches).ok()?;
    Some(Cli { global: Global::from_arg_matches_mut(&mut matches).ok()?, command })
}

/// Whether a command line that cannot be parsed was meant for `check`, whose exit codes are those of monitoring plugins.
pub(super) fn is_check(args: &[OsString]) -> bool {
    command_word(args) == Some("check")
}

/// The command of a command line, behind the global options.
fn command_word(args: &[OsString]) -> Option<&str> {
    let mut args = args.iter().skip(1);
    while let Some(arg) = args.next() {
        match arg.to_str() {
            Some("--socket" | "--config" | "--node" | "--color") => {
                args.next();
            }
            Some(option) if option.starts_with('-') => {}
            word => return word,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_names_the_path_that_is_really_the_default() {
        let help = Cli::command().render_long_help().to_string();
        assert!(help.contains(crate::config::load::DEFAULT_PATH), "{help}");
    }

    #[test]
    fn a_command_line_means_the_same_read_against_its_own_command_and_against_all() {
        let meant = |cli: Result<Cli, clap::Error>| cli.map(|cli| format!("{cli:?}")).map_err(|e| e.to_string());
        for line in [
            "status",
            "--config /c status -x --color never",
            "--node fw1 why 1@em0",
            "status --node a --node b",
            "maintenance enter --reason x --for 1h",
            "wait 1@em0 --state MASTER --timeout 3s",
            "apply --guided --yes --remove 7@em1",
            "lab up -d",
            "lab --json",
            "completions zsh",
            "status --help",
            "statsu",
            "check --nonsense",
            "apply --guided --force",
            "--config /c --node fw1 status",
            "-h",
            "--version",
            "",
        ] {
            let args: Vec<OsString> = ["carpctl"].into_iter().chain(line.split_whitespace()).map(Into::into).collect();
            assert_eq!(meant(read(&args)), meant(Cli::try_parse_from(&args)), "{line}");
        }
        assert!(alone(&["carpctl", "status", "-x"].map(Into::into)).is_some(), "the quick way is taken");
    }

    #[test]
    fn check_is_recognised_behind_global_options() {
        let is = |line: &str| is_check(&line.split(' ').map(Into::into).collect::<Vec<_>>());
        assert!(is("carpctl check --nonsense"));
        assert!(is("carpctl --socket status --color=never check"));
        assert!(!is("carpctl --socket check status --nonsense"));
        assert!(!is("carpctl"));
    }
}
