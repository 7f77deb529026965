//! Who waits, for how long, and what ends it: each expected number is worked out by hand beside it.

use crate::support::{caller, instance, run, setup, sized};
use ecsim::base::time::SimTime;
use ecsim::model::arrival::TaskRow;
use ecsim::scenario::load_text;
use ecsim::sim::setup::{OnFailure, SourceSetup};
use std::collections::BTreeMap;
use std::path::Path;

fn queue() -> SourceSetup {
    SourceSetup { on_failure: OnFailure::Queue, ..caller() }
}

#[test]
fn who_still_waits_at_the_end_is_in_the_waits() {
    let mut setup = setup(vec![instance("i", 1024, 1024)], queue());
    setup.horizon = Some(SimTime(3_600_000_000));
    let rows = vec![
        sized(0.0, 10_000.0, 1024, 1024),
        TaskRow { count: 100, ..sized(0.0, 1.0, 1024, 1024) },
    ];
    let finished = run(setup, rows);
    assert_eq!(finished.number("tasks_waiting_at_end"), 100.0);
    assert_eq!(finished.number("wait_s_max"), 3_600.0);
    assert_eq!(finished.number("wait_s_p50"), 3_600.0);
    // One waited 0 s, a hundred an hour so far: 360,000 s over 101 tasks, to the nearest microsecond.
    assert_eq!(finished.number("wait_s_mean"), 3_564.356_436);
}

#[test]
fn packing_never_needs_more_instances_than_there_are() {
    let instances = vec![
        instance("c-0", 8192, 15_500),
        instance("c-1", 8192, 15_500),
        instance("r-0", 4096, 31_500),
        instance("r-1", 4096, 31_500),
    ];
    let row = TaskRow { count: 6, ..sized(0.0, 100.0, 1024, 15_000) };
    let finished = run(setup(instances, caller()), vec![row]);
    assert_eq!(finished.number("tasks_placed"), 6.0);
    // 90,000 MiB at 31,500 MiB an instance are three instances, 6,144 units at 8,192 one: three of four.
    assert_eq!(finished.number("packing_efficiency_percent"), 75.0);
}

#[test]
fn every_zone_has_every_type() {
    let text = r#"
[[capacity_provider]]
name = "general"
instance_types = ["m5.large", "c5.large", "r5.large"]
availability_zones = ["us-east-1a", "us-east-1b", "us-east-1c"]
desired_capacity = 9
[[run_task]]
generate = { per_second = 1, limit = 10, sizes = [{ cpu = 256, memory = 512 }] }
"#;
    let scenario =
        load_text(text, "test.toml", Path::new(""), &[]).unwrap_or_else(|e| panic!("{e}"));
    let mut counts: BTreeMap<(u32, &str), u32> = BTreeMap::new();
    for instance in &scenario.setup.instances {
        let registration = &instance.registration;
        *counts.entry((registration.zone.0, &registration.instance_type)).or_default() += 1;
    }
    assert_eq!(counts.len(), 9, "each type is in each zone");
    assert!(counts.values().all(|count| *count == 1));
}
