//! `[service.exec]`, `[service.rc]` and `[service.configd]`: how a service is made active or standby.

use std::path::Path;

use super::Context;
use super::report::{Fault, quoted};
use super::section::Section;
use super::values::{self, list, name, parsed, socket_path};
use crate::config::catalogue::carpd_toml as codes;
use crate::config::settings::{Command, CommandError, ConfigdAction, Driver, ScriptName};
use crate::config::system::Program;

const CHOOSE: &str = "keep one of [service.exec], [service.rc] and [service.configd]";

/// Where OPNsense's configd listens (`service/conf/configd.conf`).
const CONFIGD_SOCKET: &str = "/var/run/configd.socket";

const DRIVERS: [&str; 3] = ["exec", "rc", "configd"];

/// What drives the service: nothing, where its link is all that follows. Without a value the file has a mistake.
pub(super) fn driver(service: &mut Section<'_>, cx: &mut Context<'_>) -> Option<Option<Driver>> {
    let there = DRIVERS.map(|name| service.has(name).then_some(name));
    let there: Vec<&str> = there.into_iter().flatten().collect();
    if let [first, second, ..] = there[..] {
        let cause = format!("the service has the drivers {first} and {second}");
        service.find(&mut cx.report, &codes::TWO_DRIVERS, second, &cause, CHOOSE);
    } else if there.is_empty() {
        if service.has("link") {
            return Some(None);
        }
        let remedy = "add [service.rc], [service.exec], [service.configd] or [service.link]";
        service.find(&mut cx.report, &codes::NO_DRIVER, "exec", "the service has neither a driver nor a link", remedy);
    }
    // All are read, so that a mistake in any is told now and not when the others are gone.
    let exec = exec(service, cx);
    let rc = rc(service, cx);
    let configd = configd(service, cx);
    exec.or(rc).or(configd).map(Some)
}

fn configd(service: &mut Section<'_>, cx: &mut Context<'_>) -> Option<Driver> {
    let mut table = service.section(&mut cx.report, "configd")?;
    let remedy = "write what comes after configctl, e.g. start = \"defguardgateway start\"";
    let read = parsed::<ConfigdAction>("the words of an action, without & and !", "\"defguardgateway start\"");
    let start = table.required(&mut cx.report, "start", remedy, &read);
    let stop = table.required(&mut cx.report, "stop", remedy, &read);
    let socket = table.get(&mut cx.report, "socket", socket_path);
    table.finish(&mut cx.report);
    Some(Driver::Configd { start: start?, stop: stop?, socket: socket.unwrap_or_else(|| CONFIGD_SOCKET.into()) })
}

fn exec(service: &mut Section<'_>, cx: &mut Context<'_>) -> Option<Driver> {
    let mut table = service.section(&mut cx.report, "exec")?;
    let start = required_command(&mut table, cx, "start");
    let stop = required_command(&mut table, cx, "stop");
    let status = required_command(&mut table, cx, "status");
    let user = table.get(&mut cx.report, "user", name);
    if let Some(user) = user.as_ref().filter(|user| !cx.system.has_user(user)) {
        let cause = format!("the user {user} does not exist on this system");
        let remedy = format!("create it with `pw useradd {user}`, or name another one");
        table.find(&mut cx.report, &codes::NO_USER, "user", &cause, &remedy);
    }
    table.finish(&mut cx.report);
    Some(Driver::Exec { start: start?, stop: stop?, status: status?, user })
}

fn rc(service: &mut Section<'_>, cx: &mut Context<'_>) -> Option<Driver> {
    const REMEDY: &str = "name the script, e.g. script = \"defguard_gateway\"";
    let mut table = service.section(&mut cx.report, "rc")?;
    table.need(&mut cx.report, "script", REMEDY);
    let scripts = table.items(
        &mut cx.report,
        "script",
        true,
        parsed::<ScriptName>("the name of a script of rc(8), without its directory", "\"defguard_gateway\""),
    );
    if let Some(scripts) = &scripts {
        if scripts.is_empty() {
            table.find(&mut cx.report, &codes::EMPTY, "script", "script is an empty list", REMEDY);
        } else if !cx.system.has_script(scripts) {
            let names = list(scripts.iter().map(ToString::to_string));
            let cause = format!("neither /etc/rc.d nor /usr/local/etc/rc.d has {names}");
            let remedy = "install the package, or list the script's real name";
            table.find(&mut cx.report, &codes::NO_SCRIPT, "script", &cause, remedy);
        }
    }
    table.finish(&mut cx.report);
    scripts.filter(|scripts| !scripts.is_empty()).map(|scripts| Driver::Rc { scripts })
}

/// A command that may be there.
pub(super) fn command(table: &mut Section<'_>, cx: &mut Context<'_>, key: &'static str) -> Option<Command> {
    table.accept(&[key]);
    if table.has(key) { required_command(table, cx, key) } else { None }
}

/// A command that has to be there.
pub(super) fn required_command(table: &mut Section<'_>, cx: &mut Context<'_>, key: &'static str) -> Option<Command> {
    const REMEDY: &str = "list the program's absolute path and its arguments, e.g. [\"/usr/bin/true\"]";
    table.need(&mut cx.report, key, REMEDY);
    let words = table.items(&mut cx.report, key, false, |value| values::text(value).map(str::to_owned))?;
    let command = Command::new(words).map_err(|error| {
        let (entry, remedy) = match &error {
            CommandError::Empty => (&codes::EMPTY, REMEDY.to_owned()),
            CommandError::NotAbsolute(first) if first.contains(' ') => {
                (&codes::RELATIVE_PATH, "write each word as an item of its own: no shell splits them".to_owned())
            }
            CommandError::NotAbsolute(first) => {
                (&codes::RELATIVE_PATH, format!("write the whole path; `which {first}` shows it"))
            }
            CommandError::Nul(_) => (&codes::MALFORMED, "take it out".to_owned()),
        };
        let cause = match &error {
            CommandError::NotAbsolute(first) => {
                format!("starts with {}, which is not an absolute path", quoted(first))
            }
            other => other.to_string(),
        };
        let fault = Fault::new(entry, cause, remedy);
        let (line, key) = (table.line_of(&cx.report, key), table.key(key));
        cx.report.fault(line, &key, &fault);
    });
    let command = command.ok()?;
    look_at(table, cx, key, command.program());
    Some(command)
}

fn look_at(table: &Section<'_>, cx: &mut Context<'_>, key: &'static str, program: &Path) {
    let (entry, state, remedy) = match cx.system.program(program) {
        Program::Usable => return,
        Program::Missing => {
            (&codes::NO_PROGRAM, "does not exist".to_owned(), "install it, or correct the path".to_owned())
        }
        Program::NotExecutable => (
            &codes::NO_PROGRAM,
            "cannot be executed".to_owned(),
            "run `chmod +x` on it, or name the interpreter as the first word".to_owned(),
        ),
        Program::Open { what, remedy } => (&codes::OPEN_PROGRAM, format!("is not safe to run: {what}"), remedy),
    };
    let path = quoted(&program.display().to_string());
    table.find(&mut cx.report, entry, key, &format!("the program {path} {state}"), &remedy);
}
