//! `config check` and `explain`: they need no daemon.

use std::path::Path;

use super::Context;
use super::exit::{self, Ended, Failure};
use super::render::finding;
use super::time::now;
use crate::config::{catalogue, check_file};

pub(super) fn check(context: &mut Context, file: Option<&Path>, peer: Option<&Path>, json: bool) -> Ended {
    let report = check_file(file.unwrap_or(&context.target.config), peer);
    if json {
        context.out.json(&report)?;
    } else {
        context.out.write(&finding::report(&report))?;
    }
    Ok(report.verdict.exit_code())
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
