//! How much faster than life the lab is: two nodes, three vhids, and a look at both kernels every 5 s, as two daemons would take.
//!
//! `cargo bench --bench lab_speed` prints virtual seconds per real second. Nothing is asserted: the figures are those of the machine.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use carpd::lab::world::{NodeId, VhidSettings, World, WorldConfig};
use carpd::model::{AdvSkew, CarpKey, InterfaceName, VhidRef};

/// Virtual time of one run.
const RUN: Duration = Duration::from_secs(100_000);

const RUNS: usize = 100;

fn main() -> Result<(), Box<dyn Error>> {
    println!("{RUNS} runs of {} virtual seconds: virtual seconds per real second", RUN.as_secs());
    println!("{:<44}{:>14}{:>14}{:>14}", "two nodes, three vhids", "min", "median", "p99");
    let settings: [(&str, Option<Duration>, Duration); 3] = [
        ("no looks", None, Duration::ZERO),
        ("a look at each node every 5 s", Some(Duration::from_secs(5)), Duration::ZERO),
        ("the same, with 100 µs of jitter", Some(Duration::from_secs(5)), Duration::from_micros(100)),
    ];
    for (name, poll, jitter) in settings {
        let mut speeds = Vec::with_capacity(RUNS);
        for seed in 0..RUNS {
            let (mut world, nodes) = pair(seed as u64, jitter)?;
            let start = Instant::now();
            run(&mut world, nodes, poll)?;
            speeds.push(RUN.as_secs_f64() / start.elapsed().as_secs_f64());
        }
        speeds.sort_by(f64::total_cmp);
        // Slower is worse, so the 99th percentile lies at the slow end.
        let (min, median, p99) = (speeds[0], speeds[RUNS / 2], speeds[RUNS / 100]);
        println!("{name:<44}{min:>14.0}{median:>14.0}{p99:>14.0}");
    }
    Ok(())
}

fn pair(seed: u64, jitter: Duration) -> Result<(World, [NodeId; 2]), Box<dyn Error>> {
    let mut world = World::new(WorldConfig { seed, jitter, ..WorldConfig::default() });
    let lan = world.add_segment();
    let em0: InterfaceName = "em0".parse()?;
    let nodes = [("a", 11, 0), ("b", 12, 100)].map(|(name, own, skew)| (world.add_node(name), own, skew));
    for (node, own, skew) in nodes {
        world.add_interface(node, &em0)?;
        world.plug(node, &em0, lan)?;
        world.set_preempt(node, true)?;
        world.add_address(node, &em0, format!("192.0.2.{own}/24").parse()?, None)?;
        for vhid in 1..=3 {
            let id: VhidRef = format!("{vhid}@em0").parse()?;
            let settings = VhidSettings {
                advskew: AdvSkew::new(skew).unwrap_or_default(),
                key: Some(CarpKey::from_password(b"secret")),
                ..VhidSettings::default()
            };
            world.set_vhid(node, &id, &settings)?;
            world.add_address(node, &em0, format!("192.0.2.{vhid}/24").parse()?, Some(id.vhid))?;
        }
    }
    Ok((world, nodes.map(|(node, ..)| node)))
}

fn run(world: &mut World, nodes: [NodeId; 2], poll: Option<Duration>) -> Result<(), Box<dyn Error>> {
    let end = world.now() + RUN;
    let Some(poll) = poll else {
        world.advance_to(end);
        return Ok(());
    };
    while world.now() < end {
        world.advance(poll);
        for node in nodes {
            black_box(world.snapshot(node)?);
            black_box(world.drain_events(node).count());
        }
    }
    Ok(())
}
