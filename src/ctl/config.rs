//! `config check` and `explain`: they need no daemon.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use super::exit::{self, Ended, Failure};
use super::render::finding;
use super::time::now;
use super::{Context, out};
use crate::config::{catalogue, check_file};

/// Reading and judging two large files takes a tenth of this.
const PATIENCE: Duration = Duration::from_millis(400);

pub(super) fn check(context: &mut Context, file: Option<&Path>, peer: Option<&Path>, json: bool) -> Ended {
    let path = file.unwrap_or(&context.target.config).to_owned();
    let text = format!("{} may be being written; waiting for its end, at most a few seconds", path.display());
    let report = with_patience(io::stderr().is_terminal(), move || out::complain(&text), || check_file(&path, peer));
    if json {
        context.out.json(&report)?;
    } else {
        context.out.write(&finding::report(&report))?;
    }
    Ok(report.verdict.exit_code())
}

/// Does `work`, and if it takes longer than any reading does, `tell`s once why, so that nobody takes carpctl for hung.
fn with_patience<T>(wanted: bool, tell: impl FnOnce() + Send + 'static, work: impl FnOnce() -> T) -> T {
    if !wanted {
        return work();
    }
    let (done, waits) = mpsc::channel::<()>();
    let teller = thread::spawn(move || {
        if waits.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            tell();
        }
    });
    let result = work();
    drop(done);
    // What it may have to say comes before the report.
    let _ = teller.join();
    result
}

pub(super) fn explain(context: &mut Context, code: Option<&str>) -> Ended {
    let view = context.out.view(now());
    let text = match code {
        None => finding::list(catalogue::all(), &view),
        Some(code) => {
            let entry = catalogue::find(code).ok_or_else(|| {
                let text = format!(
                    "there is no finding {code:?}; a code looks like CARP-C212, and `carpctl explain` lists all"
                );
                Failure::new(exit::FAILED, text)
            })?;
            finding::explain(entry, &view)
        }
    };
    context.out.write(&text)?;
    Ok(exit::DONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_wait_is_explained_and_a_short_one_is_not() {
        let (tell, told) = mpsc::channel();
        let teller = tell.clone();
        // The work lasts until the explanation has come.
        with_patience(true, move || teller.send(()).unwrap(), || told.recv().unwrap());
        with_patience(true, move || panic!("nothing was waited for"), || ());
        let silent = tell.clone();
        with_patience(false, move || silent.send(()).unwrap(), || ());
        drop(tell);
        assert!(told.recv().is_err(), "no more was told");
    }
}
