//! `carpctl lab run`: one scenario in virtual time.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::exit;
use crate::lab::scenario::{Mistake, Scenario};

/// Something that the scenario expects did not hold, or a promise was broken.
const NOT_HELD: u8 = exit::FAILED;

/// Run a scenario in virtual time: two or more simulated nodes with the real decisions of carpd.
///
/// Exits 0 if everything held, 1 if something did not, 64 if the file cannot be used.
#[derive(Args, Clone, Debug)]
pub struct LabRun {
    /// The scenario: a TOML file.
    #[arg(value_name = "SCENARIO")]
    pub file: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
    /// What everything random follows from, instead of the scenario's own seed.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// Runs the scenario and prints what it showed.
#[must_use]
pub fn run(args: &LabRun) -> u8 {
    let scenario = match Scenario::load(&args.file) {
        Ok(scenario) => scenario,
        Err(mistakes) => return unusable(&mistakes),
    };
    let report = match scenario.run(args.seed.unwrap_or(scenario.seed)) {
        Ok(report) => report,
        Err(mistake) => return unusable(&[mistake]),
    };
    let text = if args.json {
        serde_json::to_string_pretty(&report).map(|json| json + "\n").unwrap_or_default()
    } else {
        report.to_string()
    };
    // A reader that has seen enough, such as head(1), changes nothing about the result.
    let _ = std::io::stdout().write_all(text.as_bytes());
    if report.held { exit::DONE } else { NOT_HELD }
}

fn unusable(mistakes: &[Mistake]) -> u8 {
    let mut stderr = std::io::stderr();
    for mistake in mistakes {
        let _ = writeln!(stderr, "{mistake}");
    }
    exit::USAGE
}
