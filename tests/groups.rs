//! Auto Scaling groups from end to end: scenarios as text, run under all checks.
//!
//! An instance is ACTIVE 60 s after it was needed: RunInstances is called after 5 s, EC2 says `running` 15 s later, the
//! agent starts 30 s after that and registers within 10 s. A box costs a tenth of a cent a second.

use crate::support::fleet::{BOXES, LATENCY, Moved, WEB, errors, jobs, run};
use crate::support::services::{Cells, count, seconds};

/// A group of boxes with room for two tasks each, in two zones.
fn group(sizes: &str, more: &str) -> String {
    format!(
        r#"
[simulation]
region = "us-east-1"
duration = "1000s"
sample_interval = "10s"

{LATENCY}

[service_scheduler]
reaction = "1s"

{BOXES}

[[capacity_provider]]
name = "boxes"
{types}
{sizes}

{WEB}
{more}
"#,
        types =
            if sizes.contains("instance_types") { "" } else { "instance_types = [\"box.large\"]" }
    )
}

fn action(at: u32, sizes: &str) -> String {
    format!("[[capacity_provider.scheduled_actions]]\nat = \"{at}s\"\n{sizes}\n")
}

#[test]
fn an_instance_is_launched_runs_registers_and_gets_what_waits() {
    let sizes = "max_size = 3\ndesired_capacity = 1\n".to_string();
    let ran = run(&group(&(sizes + &action(100, "desired_capacity = 3")), &jobs(5, "100s")));
    // One box holds two tasks; they stop working at 1 + 2 + 100 s, then two more have room, which leaves one for 160 s.
    assert_eq!(ran.event("launch"), [(100.0, "boxes-1"), (100.0, "boxes-2")]);
    assert_eq!(ran.event("running"), [(120.0, "boxes-1"), (120.0, "boxes-2")]);
    assert_eq!(ran.event("registered"), [(160.0, "boxes-1"), (160.0, "boxes-2")]);
    assert_eq!(ran.of_tasks("placed_s"), ["1", "1", "103", "103", "160"]);
    let zones = ["us-east-1a", "us-east-1b", "us-east-1a"];
    let found: Vec<&str> = ran.of_instances("availability_zone").iter().map(|(_, z)| *z).collect();
    assert_eq!(found, zones, "the zone with fewest instances gets the next");
    assert_eq!(
        ran.of_instances("launch_cause"),
        [("boxes-0", "initial"), ("boxes-1", "scale_out"), ("boxes-2", "scale_out")]
    );
    // 1000 s and twice 880 s at a tenth of a cent.
    assert_eq!(ran.number("ec2_usd"), 2.76);
    assert_eq!(ran.number("instances_launched"), 2.0);
    let states = |at: f64| {
        let row: &Cells = ran.at(at);
        ["desired_instances", "launching_instances", "instances"].map(|column| count(row, column))
    };
    assert_eq!(states(90.0), [1, 0, 1]);
    assert_eq!(states(150.0), [3, 2, 1]);
    assert_eq!(states(160.0), [3, 0, 3]);
    // The bill of an instance begins when it runs, and so does the rate of spending.
    assert_eq!(ran.at(110.0)["usd_per_hour"], "3.6");
    assert_eq!(ran.at(120.0)["usd_per_hour"], "10.8");
}

/// The zones are equal: the first one loses its instance.
fn from_two_to_one(more: &str) -> Moved {
    let sizes = format!(
        "max_size = 2\ndesired_capacity = 2\ntermination_policies = [\"NewestInstance\"]\n{more}\n"
    );
    run(&group(&(sizes + &action(100, "desired_capacity = 1")), &jobs(4, "300s")))
}

#[test]
fn with_managed_draining_standalone_tasks_run_to_their_end() {
    let ran = from_two_to_one("");
    assert_eq!(ran.event("draining"), [(100.0, "boxes-0")]);
    // RUNNING at 3 s, 300 s of work.
    assert_eq!(ran.event("terminated"), [(303.0, "boxes-0")]);
    assert_eq!((ran.number("tasks_completed"), ran.number("tasks_lost")), (4.0, 0.0));
    assert_eq!(ran.of_instances("end_cause"), [("boxes-0", "scale_in"), ("boxes-1", "")]);
    assert_eq!(ran.number("ec2_usd"), 1.303);
    assert_eq!(count(ran.at(200.0), "draining_instances"), 1);
}

#[test]
fn without_managed_draining_its_tasks_are_lost() {
    let ran = from_two_to_one("managed_draining = false");
    assert_eq!(ran.event("terminated"), [(100.0, "boxes-0")]);
    assert_eq!((ran.number("tasks_completed"), ran.number("tasks_lost")), (2.0, 2.0));
    let lost: Vec<&Cells> = ran.tasks.iter().filter(|t| t["instance_id"] == "boxes-0").collect();
    for task in lost {
        assert_eq!(task["stopped_s"], "100");
        assert_eq!(task["stop_code"], "TerminationNotice");
        assert_eq!(task["stopped_reason"], "Host EC2 instance terminated");
        assert_eq!(task["exit_code"], "137");
    }
    assert_eq!(ran.number("ec2_usd"), 1.1);
}

#[test]
fn draining_ends_at_its_time_out_and_takes_the_tasks_with_it() {
    let ran = from_two_to_one("drain_timeout = \"50s\"");
    assert_eq!(ran.event("terminated"), [(150.0, "boxes-0")]);
    assert_eq!(ran.number("tasks_lost"), 2.0);
}

#[test]
fn a_start_is_billed_for_a_minute_at_least_and_an_instance_on_its_way_is_not_ended() {
    let sizes = "max_size = 1\n".to_string()
        + &action(100, "desired_capacity = 1")
        + &action(130, "desired_capacity = 0");
    let ran = run(&group(&sizes, ""));
    // It runs from 120 s to 160 s: 40 s, and 60 s are paid.
    assert_eq!(ran.event("terminated"), [(160.0, "boxes-0")]);
    assert_eq!(ran.number("ec2_usd"), 0.06);
    // One that never registers before the run ends is paid, too: from 980 s to 1000 s.
    let sizes = "max_size = 1\n".to_string() + &action(960, "desired_capacity = 1");
    let ran = run(&group(&sizes, ""));
    assert_eq!(ran.number("ec2_usd"), 0.06);
    assert_eq!(ran.of_instances("registered_s"), [("boxes-0", "")]);
    assert_eq!(ran.of_instances("usd"), [("boxes-0", "0.060000000")]);
}

#[test]
fn protection_from_scale_in_keeps_every_instance() {
    let ran = from_two_to_one("protect_from_scale_in = true");
    assert_eq!(ran.event("terminated"), []);
    assert_eq!(count(ran.at(500.0), "desired_instances"), 1);
    assert_eq!(count(ran.at(500.0), "instances"), 2);
}

#[test]
fn the_termination_policy_says_which_instance_of_the_fullest_zone_ends() {
    // Two instances from the beginning, two more at 160 s: a has 0 and 2, b has 1 and 3.
    let ended = |policy: &str| {
        let sizes = format!(
            "max_size = 4\ndesired_capacity = 2\ntermination_policies = [\"{policy}\"]\n{}{}",
            action(100, "desired_capacity = 4"),
            action(500, "desired_capacity = 2")
        );
        let ran = run(&group(&sizes, ""));
        let all: Vec<String> = ran.event("terminated").iter().map(|(_, i)| i.to_string()).collect();
        all
    };
    assert_eq!(ended("OldestInstance"), ["boxes-0", "boxes-1"]);
    assert_eq!(ended("NewestInstance"), ["boxes-2", "boxes-3"]);
    // 500 s of an hour are gone for the first two, 400 s for the others.
    assert_eq!(ended("ClosestToNextInstanceHour"), ["boxes-0", "boxes-1"]);
}

#[test]
fn the_allocation_strategy_says_which_type_is_launched_and_which_ends_first() {
    let launched = |strategy: &str| {
        let sizes = format!(
            "instance_types = [\"box.large\", \"box.cheap\"]\nmax_size = 2\n{strategy}\n{}",
            action(100, "desired_capacity = 2")
        );
        run(&group(&sizes, "")).of_instances("instance_type")[0].1.to_string()
    };
    assert_eq!(launched(""), "box.large");
    assert_eq!(launched("allocation_strategy = \"prioritized\""), "box.large");
    assert_eq!(launched("allocation_strategy = \"lowest-price\""), "box.cheap");
}

#[test]
fn services_replace_the_tasks_of_an_instance_that_drains() {
    let service = "[[service]]\nname = \"api\"\ntask_definition = \"web\"\nlaunch_type = \"EC2\"\n\
                   desired_count = 2\nstarts_running = true\navailability_zone_rebalancing = \"DISABLED\"\n";
    let sizes = "max_size = 3\ndesired_capacity = 2\ntermination_policies = [\"NewestInstance\"]\n"
        .to_string()
        + &action(100, "desired_capacity = 1");
    let ran = run(&group(&sizes, service));
    let moved: Vec<&Cells> =
        ran.tasks.iter().filter(|task| task["instance_id"] == "boxes-0").collect();
    assert_eq!(moved.len(), 1, "the default strategy spreads over zones");
    // The scheduler looks after 1 s and starts another one on the box that stays: RUNNING at 103 s, healthy after 40 s.
    // It looks 1 s later, and the old one stops within 1 s.
    let placed: Vec<f64> =
        ran.tasks.iter().map(|task| seconds(task, "placed_s").unwrap()).collect();
    assert_eq!(placed, [0.0, 0.0, 101.0]);
    assert_eq!(moved[0]["stopped_reason"], "Container instance is draining");
    assert_eq!(moved[0]["stopping_s"], "144");
    assert_eq!(ran.event("terminated"), [(145.0, "boxes-0")]);
    assert_eq!(ran.number("tasks_lost"), 0.0);
}

/// Assumed, and written down where strategies are: until it stops, a task on a draining instance is one that runs on its
/// capacity provider, and no other one is launched there for the base.
#[test]
fn a_task_on_a_draining_instance_counts_for_the_base_until_it_stops() {
    let service = "[[capacity_provider]]\nname = \"others\"\ninstance_types = [\"box.cheap\"]\ndesired_capacity = 1\n\
                   [[service]]\nname = \"api\"\ntask_definition = \"web\"\ndesired_count = 1\n\
                   starts_running = true\navailability_zone_rebalancing = \"DISABLED\"\n\
                   capacity_provider_strategy = [{ capacity_provider = \"boxes\", base = 1, weight = 0 },\n\
                   { capacity_provider = \"others\", weight = 1 }]\n";
    let sizes = "max_size = 3\ndesired_capacity = 2\ntermination_policies = [\"NewestInstance\"]\n"
        .to_string()
        + &action(100, "desired_capacity = 1");
    let ran = run(&group(&sizes, service));
    assert_eq!(ran.of_tasks("instance_id"), ["boxes-0", "others-0"]);
    assert_eq!(ran.of_tasks("placed_s"), ["0", "101"]);
    // The scheduler moves no task that runs: the base stays empty when the first one has stopped.
    assert_eq!(ran.event("terminated").len(), 1);
}

#[test]
fn services_relaunch_what_is_lost_and_what_lacks_room_when_an_instance_registers() {
    let service = "[[service]]\nname = \"api\"\ntask_definition = \"web\"\nlaunch_type = \"EC2\"\n\
                   desired_count = 4\nstarts_running = true\navailability_zone_rebalancing = \"DISABLED\"\n";
    let sizes = "max_size = 2\ndesired_capacity = 2\nmanaged_draining = false\n".to_string()
        + &action(100, "desired_capacity = 1")
        + &action(200, "desired_capacity = 2");
    let placed = |text: &str| {
        let ran = run(text);
        assert_eq!(ran.number("tasks_lost"), 2.0);
        let placed: Vec<f64> =
            ran.tasks.iter().filter_map(|task| seconds(task, "placed_s")).collect();
        placed
    };
    // ACTIVE at 260 s. Looked at in 1 s, then after failures 15, 15, 15 and 300 s later.
    let text = group(&sizes, service);
    assert_eq!(placed(&text), [0.0, 0.0, 0.0, 0.0, 446.0, 446.0]);
    // Where a new instance ends the wait, a second after it is ACTIVE.
    let text = text.replace("reaction = \"1s\"", "reaction = \"1s\"\nnew_instance_wakes = true");
    assert_eq!(placed(&text), [0.0, 0.0, 0.0, 0.0, 261.0, 261.0]);
}

#[test]
fn daemon_tasks_stop_last_on_an_instance_that_drains() {
    let daemon = "[[service]]\nname = \"agent\"\ntask_definition = \"web\"\nlaunch_type = \"EC2\"\n\
                  scheduling_strategy = \"DAEMON\"\nstarts_running = true\n";
    let sizes = "max_size = 3\ndesired_capacity = 2\ntermination_policies = [\"NewestInstance\"]\n"
        .to_string()
        + &action(100, "desired_capacity = 1")
        + &action(400, "desired_capacity = 2");
    let ran = run(&group(&sizes, &(daemon.to_string() + &jobs(2, "200s"))));
    let on_second: Vec<&Cells> =
        ran.tasks.iter().filter(|task| task["instance_id"] == "boxes-0").collect();
    let names: Vec<(&str, &str)> =
        on_second.iter().map(|t| (t["source"].as_str(), t["stopping_s"].as_str())).collect();
    // The job ends at 1 + 2 + 200 s; the daemon service looks a second later, and its container takes one to stop.
    assert_eq!(names, [("agent", "204"), ("jobs", "203")]);
    assert_eq!(ran.event("terminated"), [(205.0, "boxes-0")]);
    // A new instance gets a daemon task: ACTIVE at 460 s, looked at 1 s later.
    let third: Vec<&Cells> =
        ran.tasks.iter().filter(|task| task["instance_id"] == "boxes-2").collect();
    assert_eq!(third[0]["placed_s"], "461");
}

#[test]
fn a_task_that_fits_no_instance_yet_waits_for_one_that_may_come() {
    let sizes = "max_size = 1\n".to_string() + &action(100, "desired_capacity = 1");
    let text = group(&sizes, &jobs(1, "10s")).replace("duration = \"1000s\"\n", "");
    let ran = run(&text);
    assert_eq!(ran.of_tasks("placed_s"), ["160"]);
    // Without a horizon the run ends with the last task.
    assert_eq!(ran.result.end.to_string(), "172");
}

#[test]
fn what_a_group_does_not_take_is_said() {
    let told = |sizes: &str| errors(&group(sizes, ""));
    assert!(told("min_size = 3\nmax_size = 2").contains("`min_size` 3 is above `max_size` 2"));
    assert!(
        told("max_size = 2\ndesired_capacity = 3")
            .contains("`desired_capacity` 3 is outside of `min_size` 0 and `max_size` 2")
    );
    assert!(told("desired_capacity = 1\nmin_size = 1").contains("`min_size` without `max_size`"));
    let late = "max_size = 2\n".to_string()
        + &action(10, "max_size = 1")
        + &action(20, "desired_capacity = 2");
    assert!(told(&late).contains("is outside of `min_size` 0 and `max_size` 1, as they are then"));
    let nothing = "max_size = 2\n".to_string() + &action(10, "");
    assert!(told(&nothing).contains("a scheduled action needs"));
    assert!(told("max_size = 2\ninventory = \"a.csv\"").contains("exclude each other"));
}
