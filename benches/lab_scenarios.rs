//! How much faster than life scenarios run: two nodes, three vhids and one service, with the whole of carpd's core on both nodes.
//!
//! `cargo bench --bench lab_scenarios` prints virtual seconds per real second. Nothing is asserted: the figures are those of the machine.

use std::path::Path;

use carpd::lab::scenario::Scenario;

const RUNS: u64 = 20;

fn main() -> Result<(), String> {
    println!("{RUNS} runs of a day each: virtual seconds per real second");
    println!("{:<44}{:>14}{:>14}{:>14}", "two nodes, three vhids, one service", "min", "median", "p99");
    for (name, file) in [("nothing happens", "quiet-day"), ("something happens every 15 minutes", "busy-day")] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(file).with_extension("toml");
        let scenario = Scenario::load(&path).map_err(|mistakes| format!("{mistakes:?}"))?;
        let mut speeds = Vec::new();
        for seed in 1..=RUNS {
            let report = scenario.run(seed).map_err(|mistake| mistake.to_string())?;
            speeds.push(report.virtual_seconds / report.wall_seconds);
        }
        speeds.sort_by(f64::total_cmp);
        // Slower is worse, so the 99th percentile lies at the slow end.
        let (min, median, p99) = (speeds[0], speeds[speeds.len() / 2], speeds[speeds.len() / 100]);
        println!("{name:<44}{min:>14.0}{median:>14.0}{p99:>14.0}");
    }
    Ok(())
}
