//! For what tasks wait in PROVISIONING, from end to end: each instant worked out by hand.
//!
//! The metric of a minute is acted on 30 s later. An instance is ACTIVE 60 s after it was needed; a box has room for two
//! tasks. A task is RUNNING 2 s after it has its place and its interface, and works for 100 s.

use crate::support::fleet::{BOXES, LATENCY, Moved, run};
use crate::support::services::{Cells, seconds};
use crate::support::shipped::{Shipped, rows};

const CAUSES: [&str; 4] =
    ["waited_decision_s", "waited_launch_s", "waited_max_size_s", "waited_no_capacity_s"];

/// So many tasks at 1 s for a group of at most `most` instances that begins with none.
fn waiting(count: u32, most: u32, more: &str) -> Moved {
    waiting_in("bridge", count, most, more)
}

fn waiting_in(mode: &str, count: u32, most: u32, more: &str) -> Moved {
    let ran = run(&format!(
        r#"
[simulation]
region = "us-east-1"
duration = "1000s"

{LATENCY}
eni_attach = "3s"
eni_detach = "0s"

{BOXES}

[[capacity_provider]]
name = "boxes"
instance_types = ["box.large"]
max_size = {most}
managed_scaling = {{}}
{more}

[[task_definition]]
family = "web"
cpu = 1024
memory = 1024
network_mode = "{mode}"

[[run_task]]
name = "jobs"
task_definition = "web"
capacity_provider_strategy = [{{ capacity_provider = "boxes", weight = 1 }}]

[run_task.generate]
per_second = 1
process = "even"
limit = 1
count = {count}
duration = "100s"
"#
    ));
    adds_up(&ran.tasks, 1_000.0, |name| ran.number(name));
    ran
}

fn waited(row: &Cells) -> [f64; 4] {
    CAUSES.map(|cause| seconds(row, cause).unwrap_or(0.0))
}

/// The time of each task in PROVISIONING is the sum of its causes, and all together are the metrics.
fn adds_up(tasks: &[Cells], end: f64, number: impl Fn(&str) -> f64) {
    let micros = |second: f64| (second * 1e6).round() as i64;
    let (mut by_cause, mut interfaces) = ([0; 4], 0);
    for row in tasks {
        let at = |column: &str| seconds(row, column).map(micros);
        let leaves = at("pending_s").or(at("stopping_s")).unwrap_or(micros(end));
        if row[CAUSES[0]].is_empty() {
            interfaces += at("placed_s").map_or(0, |placed| leaves - placed);
            continue;
        }
        let placed = at("placed_s").unwrap_or(leaves);
        let own = waited(row).map(micros);
        let all = placed - at("accepted_s").unwrap();
        let sum = own.iter().sum::<i64>();
        // A service looks at what it lacks a little later, and only then its task is PROVISIONING.
        let is_of_caller = row["group"].starts_with("family:");
        assert!(sum == all || !is_of_caller && sum < all, "{row:?}");
        interfaces += leaves - placed;
        (0..4).for_each(|cause| by_cause[cause] += own[cause]);
    }
    let names = ["decision", "launch", "max_size", "no_capacity"];
    for (name, sum) in names.iter().zip(by_cause) {
        assert_eq!(micros(number(&format!("provisioning_{name}_s"))), sum, "{name}");
    }
    assert_eq!(micros(number("provisioning_interface_s")), interfaces);
    let all = by_cause.iter().sum::<i64>() + interfaces;
    assert_eq!(micros(number("provisioning_s")), all);
}

#[test]
fn a_task_waits_for_the_decision_and_then_for_the_launch() {
    let ran = waiting(1, 10, "");
    // From 1 s to 90 s, from 90 s to 150 s.
    assert_eq!(waited(&ran.tasks[0]), [89.0, 60.0, 0.0, 0.0]);
    assert_eq!(ran.number("provisioning_s"), 149.0);
}

#[test]
fn at_its_largest_the_group_is_what_the_others_wait_for() {
    let ran = waiting(6, 1, "");
    assert_eq!(ran.of_tasks("placed_s"), ["150", "150", "252", "252", "354", "354"]);
    let all: Vec<[f64; 4]> = ran.tasks.iter().map(waited).collect();
    assert_eq!(all[1], [89.0, 60.0, 0.0, 0.0]);
    assert_eq!(all[3], [89.0, 60.0, 102.0, 0.0], "two places, each taken for 102 s");
    assert_eq!(all[5], [89.0, 60.0, 204.0, 0.0]);
    assert_eq!(ran.number("provisioning_max_size_s"), 2.0 * 102.0 + 2.0 * 204.0);
}

#[test]
fn where_ec2_has_nothing_that_is_what_they_wait_for() {
    let shortage = "[[capacity_provider.shortages]]\nat = \"0s\"\nduration = \"200s\"\n";
    let ran = waiting(1, 10, shortage);
    // Tried at 90 s, a minute later and two minutes later.
    assert_eq!(ran.event("launch_failed").len(), 2);
    assert_eq!(ran.event("launch")[0].0, 270.0);
    assert_eq!(waited(&ran.tasks[0]), [89.0, 60.0, 0.0, 180.0]);
}

#[test]
fn an_interface_is_waited_for_by_those_who_have_their_place() {
    assert_eq!(waiting(1, 10, "").number("provisioning_interface_s"), 0.0);
    let ran = waiting_in("awsvpc", 1, 10, "");
    // 89 and 60 s, and 3 s for the interface.
    assert_eq!(ran.tasks[0]["pending_s"], "153");
    assert_eq!(ran.number("provisioning_interface_s"), 3.0);
    assert_eq!(ran.number("provisioning_s"), 152.0);
}

#[test]
fn whatever_a_run_does_the_causes_add_up() {
    for name in
        ["64-provisioning-times-out", "50-from-zero-on-ec2", "59-registry-outage-meets-scale-out"]
    {
        let run = Shipped::run_checked(name, &[], false);
        let end = run.result.end.0 as f64 / 1e6;
        adds_up(&rows(&run.tasks), end, |metric| run.number(metric));
        assert!(run.number("provisioning_s") > 0.0, "{name}");
    }
}
