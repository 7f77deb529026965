//! Managed scaling of capacity providers from end to end: scenarios as text, run under all checks; the published
//! vectors by name.
//!
//! The metric is published at whole minutes and evaluated 30 s later. An instance is ACTIVE 60 s after it was needed. A
//! box has room for two tasks.

use crate::support::fleet::{LATENCY, Moved, WEB, errors, run};
use crate::support::services::{Cells, count};

fn scenario(length: u32, providers: &str, more: &str) -> String {
    format!(
        r#"
[simulation]
region = "us-east-1"
duration = "{length}s"
sample_interval = "10s"

{LATENCY}

[service_scheduler]
reaction = "1s"

[[instance_type]]
name = "box.large"
vcpus = 2
memory = 8192
registered_memory = 8192
usd_per_hour = 3.6

[[instance_type]]
name = "box.small"
vcpus = 1
memory = 2048
registered_memory = 2048
usd_per_hour = 1.8

[[cluster]]
availability_zones = ["us-east-1a", "us-east-1b"]
{providers}

{WEB}

[[task_definition]]
family = "large"
cpu = 2048
memory = 1024
network_mode = "bridge"

[[task_definition]]
family = "workshop"
cpu = 420
memory = 1680
network_mode = "bridge"
{more}
"#
    )
}

/// A provider with managed scaling.
fn provider(name: &str, keys: &str, managed: &str) -> String {
    let types =
        if keys.contains("instance_types") { "" } else { "instance_types = [\"box.large\"]\n" };
    format!(
        "[[capacity_provider]]\nname = \"{name}\"\n{types}{keys}\n\
         [capacity_provider.managed_scaling]\n{managed}\n"
    )
}

const EMPTIES_ONLY: &str = "protect_from_scale_in = true\nmanaged_termination_protection = true\n";

/// Tasks of RunTask at this instant, through a strategy.
fn tasks(name: &str, at: u32, count: u32, seconds: u32, keys: &str) -> String {
    let strategy = if keys.contains("capacity_provider_strategy") {
        ""
    } else {
        "capacity_provider_strategy = [{ capacity_provider = \"boxes\", weight = 1 }]\n"
    };
    let definition =
        if keys.contains("task_definition") { "" } else { "task_definition = \"web\"\n" };
    format!(
        "[[run_task]]\nname = \"{name}\"\n{definition}{strategy}{keys}\n[run_task.generate]\nper_second = {rate}\n\
         process = \"even\"\nlimit = 1\ncount = {count}\nduration = \"{seconds}s\"\n",
        rate = 1.0 / f64::from(at)
    )
}

fn placed(ran: &Moved) -> Vec<&str> {
    ran.of_tasks("placed_s")
}

/// AS-11: one task and no instance. CPR is 200, so that two instances are launched; one is given back.
#[test]
fn as_11_one_task_from_zero_starts_two_instances_and_gives_one_back() {
    let boxes = provider("boxes", &format!("max_size = 10\n{EMPTIES_ONLY}"), "");
    let ran = run(&scenario(4_000, &boxes, &tasks("jobs", 1, 1, 2_000, "")));
    assert_eq!(ran.metric("boxes", 60.0), [200.0, 1.0, 0.0, 1.0], "AS-04b");
    assert_eq!(ran.event("launch").len(), 2);
    assert_eq!(placed(&ran), ["150"], "90 + 60 s");
    assert_eq!(ran.metric("boxes", 180.0), [50.0, 1.0, 2.0, 0.0]);
    // Fifteen points from 180 to 1,020 are below 100; the task ends at 2,152 and fifteen points more are 0.
    assert_eq!(
        ran.steps("boxes"),
        [(90.0, 0, 2), (1_050.0, 2, 1), (3_030.0, 1, 0)],
        "out, in, and the last one when nobody needs it"
    );
    let ended: Vec<f64> = ran.event("terminated").iter().map(|(at, _)| *at).collect();
    assert_eq!(ended, [1_050.0, 3_030.0]);
    assert_eq!(ran.metric("boxes", 3_060.0), [100.0, 0.0, 0.0, 0.0], "AS-04a: no action");
    // Two run from 110 s (5 + 15 s after 90 s) on: 940 s and 2,920 s at a tenth of a cent.
    assert_eq!(ran.number("ec2_usd"), 3.86);
}

/// AS-07a and AS-07b: two tasks an instance. Four instances with eight tasks are right; two tasks more need a fifth.
#[test]
fn as_07_two_tasks_more_than_four_instances_hold_need_a_fifth() {
    let boxes = provider("boxes", "max_size = 10\ndesired_capacity = 4\n", "");
    let more = tasks("first", 1, 8, 900, "") + &tasks("more", 100, 2, 900, "");
    let ran = run(&scenario(900, &boxes, &more));
    assert_eq!(ran.metric("boxes", 60.0), [100.0, 4.0, 4.0, 0.0]);
    assert_eq!(ran.metric("boxes", 120.0), [125.0, 5.0, 4.0, 2.0]);
    assert_eq!(ran.steps("boxes"), [(150.0, 4, 5)]);
    assert_eq!(placed(&ran)[8..], ["210", "210"]);
    assert_eq!(ran.metric("boxes", 240.0), [100.0, 5.0, 5.0, 0.0]);
}

/// AS-02 and AS-05: a target of 50 keeps an empty instance for each that is used; AS-07c: eight tasks, eight instances.
#[test]
fn as_05_a_target_of_50_keeps_as_many_empty_instances_as_used_ones() {
    let boxes = provider("boxes", "max_size = 10\ndesired_capacity = 3\n", "target_capacity = 50");
    let binpack = "placement_strategy = [{ type = \"binpack\", field = \"cpu\" }]\n";
    let more = tasks("first", 1, 4, 5_000, binpack) + &tasks("more", 400, 4, 5_000, binpack);
    let ran = run(&scenario(1_500, &boxes, &more));
    assert_eq!(ran.metric("boxes", 60.0), [66.666666, 2.0, 3.0, 0.0], "AS-02");
    assert_eq!(ran.steps("boxes")[0], (90.0, 3, 4), "AS-02");
    // Eight tasks are on four instances; the metric is 100 then, and the warm-up of the first step ends at 390 s.
    assert_eq!(ran.steps("boxes")[1], (450.0, 4, 8), "AS-07c");
    assert_eq!(ran.steps("boxes").len(), 2);
    assert!(placed(&ran).iter().all(|at| ["1", "400"].contains(at)), "nobody waited");
}

/// AS-08a, with the strategy of AS-32: base 2 on On-Demand, weights 1 and 3; four tasks an instance.
#[test]
fn as_08_each_provider_of_a_strategy_starts_two_from_zero() {
    let providers =
        provider("od", "max_size = 10\n", "") + &provider("spot", "max_size = 10\n", "");
    let strategy = "task_definition = \"workshop\"\ncapacity_provider_strategy = [\
                    { capacity_provider = \"od\", base = 2, weight = 1 }, \
                    { capacity_provider = \"spot\", weight = 3 }]\n";
    let ran = run(&scenario(400, &providers, &tasks("jobs", 1, 10, 5_000, strategy)));
    assert_eq!(ran.metric("od", 60.0), [200.0, 1.0, 0.0, 4.0]);
    assert_eq!(ran.metric("spot", 60.0), [200.0, 2.0, 0.0, 6.0]);
    assert_eq!((ran.steps("od"), ran.steps("spot")), (vec![(90.0, 0, 2)], vec![(90.0, 0, 2)]));
    let of =
        |provider: &str| ran.tasks.iter().filter(|t| t["capacity_provider"] == provider).count();
    assert_eq!((of("od"), of("spot")), (4, 6));
    assert!(placed(&ran).iter().all(|at| *at == "150"));
}

/// AS-10: the shortfall is made up in one step.
#[test]
fn as_10_twelve_more_are_launched_at_once() {
    let boxes = provider("boxes", "max_size = 40\ndesired_capacity = 14\n", "");
    let more = tasks("first", 1, 10, 900, "")
        + &tasks("second", 2, 10, 900, "")
        + &tasks("third", 4, 8, 900, "")
        + &tasks("more", 100, 24, 900, "tasks_per_call = 10\n");
    let ran = run(&scenario(400, &boxes, &more));
    assert_eq!(ran.steps("boxes"), [(150.0, 14, 26)]);
}

/// AS-14: a task that does not fit on the smallest type launches nothing and waits; the metric rests at its target.
#[test]
fn as_14_a_task_larger_than_the_smallest_type_waits_for_nothing() {
    let keys =
        "instance_types = [\"box.large\", \"box.small\"]\nmax_size = 10\ndesired_capacity = 1\n";
    let more = tasks("first", 1, 2, 5_000, "")
        + &tasks("jobs", 2, 1, 100, "task_definition = \"large\"\n");
    let ran = run(&scenario(2_000, &provider("boxes", keys, ""), &more));
    assert_eq!(ran.metric("boxes", 60.0), [100.0, 1.0, 1.0, 1.0]);
    assert!(ran.steps("boxes").is_empty());
    assert_eq!(ran.tasks[2]["stop_code"], "TaskFailedToStart");
    assert_eq!(ran.tasks[2]["stopped_s"], "1802", "30 min in PROVISIONING");
    assert_eq!(ran.number("tasks_refused"), 1.0);
}

/// AS-15: the smallest step is two: one that is needed launches two.
#[test]
fn as_15_the_smallest_step_is_a_floor() {
    let boxes =
        provider("boxes", "max_size = 10\ndesired_capacity = 4\n", "minimum_scaling_step_size = 2");
    let more = tasks("first", 1, 8, 900, "") + &tasks("more", 100, 1, 900, "");
    let ran = run(&scenario(400, &boxes, &more));
    assert_eq!(ran.metric("boxes", 120.0), [150.0, 6.0, 4.0, 1.0]);
    assert_eq!(ran.steps("boxes"), [(150.0, 4, 6)]);
}

/// The largest step is a ceiling, and the next one waits for the warm-up.
#[test]
fn scale_out_goes_by_the_largest_step_and_waits_for_the_warm_up() {
    let boxes =
        provider("boxes", "max_size = 10\ndesired_capacity = 1\n", "maximum_scaling_step_size = 2");
    let more = tasks("first", 1, 2, 5_000, "") + &tasks("more", 2, 8, 5_000, "");
    let ran = run(&scenario(1_000, &boxes, &more));
    // Launched at 90 s: no step before 390 s. At 420 s the point of 390 s would be needed: those of 360 s and 420 s are.
    assert_eq!(ran.steps("boxes"), [(90.0, 1, 3), (390.0, 3, 5)]);
    assert_eq!(
        ran.refusals("boxes"),
        [(150.0, "InstanceWarmup"), (450.0, "InstanceWarmup")],
        "told once a step"
    );
}

/// A group at its maximum: tasks wait until there is room, and the first come is the first served.
#[test]
fn at_its_maximum_tasks_wait_in_provisioning_in_order() {
    let boxes = provider("boxes", "max_size = 1\n", "");
    let ran = run(&scenario(1_000, &boxes, &tasks("jobs", 1, 4, 100, "")));
    // ACTIVE at 150; two tasks until 252, then two more.
    assert_eq!(placed(&ran), ["150", "150", "252", "252"]);
    assert_eq!(ran.steps("boxes"), [(90.0, 0, 1)]);
    assert_eq!(count(ran.at(60.0), "provisioning"), 4);
    let cut = run(&scenario(100, &boxes, &tasks("jobs", 1, 4, 100, "")));
    assert_eq!(cut.of_tasks("stopped_reason"), ["waiting at the end of the run"; 4]);
    assert_eq!(cut.number("tasks_waiting_at_end"), 4.0);
    assert_eq!(ran.of_tasks("wait_s"), ["149", "149", "251", "251"]);
}

/// Nobody holds up another that needs something else: a small task passes a large one.
#[test]
fn a_small_task_passes_a_large_one_that_finds_no_room() {
    let boxes = provider("boxes", "max_size = 1\ndesired_capacity = 1\n", "");
    let more = tasks("one", 1, 1, 500, "")
        + &tasks("large", 2, 1, 100, "task_definition = \"large\"\n")
        + &tasks("two", 4, 1, 100, "");
    let ran = run(&scenario(1_000, &boxes, &more));
    assert_eq!(placed(&ran), ["1", "503", "4"]);
}

/// As many as may wait do; who comes then is turned away at once, and a queue of its own waits for a place in the line.
#[test]
fn the_line_is_limited_by_cluster() {
    let limits = "[limits]\nprovisioning_tasks_per_cluster = 2\n";
    let boxes = provider("boxes", "max_size = 1\n", "");
    let ran = run(&scenario(400, &(limits.to_string() + &boxes), &tasks("jobs", 1, 5, 50, "")));
    assert_eq!(ran.number("tasks_refused"), 3.0);
    assert_eq!(placed(&ran), ["150", "150", "", "", ""]);
    assert_eq!(ran.tasks[4]["stopped_reason"], "PROVISIONING_LIMIT");
    let queue = tasks("jobs", 1, 5, 50, "on_failure = \"queue\"\n");
    let ran = run(&scenario(400, &(limits.to_string() + &boxes), &queue));
    assert_eq!(placed(&ran), ["150", "150", "202", "202", "254"]);
}

fn service(count: u32, more: &str) -> String {
    format!(
        "[[service]]\nname = \"shop\"\ntask_definition = \"web\"\ndesired_count = {count}\nstarts_running = false\n\
         capacity_provider_strategy = [{{ capacity_provider = \"boxes\", weight = 1 }}]\n{more}\n"
    )
}

/// A service's tasks wait as those of RunTask do: no placement failure, no throttle, no second task for one that waits.
#[test]
fn tasks_of_a_service_wait_in_provisioning() {
    let boxes = provider("boxes", "max_size = 4\n", "");
    let ran = run(&scenario(600, &boxes, &service(5, "")));
    assert_eq!(ran.metric("boxes", 60.0), [200.0, 3.0, 0.0, 5.0]);
    // Two from zero, which hold four; the third when they are warm: 390 s, ACTIVE at 450 s.
    assert_eq!(ran.steps("boxes"), [(90.0, 0, 2), (390.0, 2, 3)]);
    assert_eq!(placed(&ran), ["150", "150", "150", "150", "450"]);
    assert_eq!(ran.number("placement_failures"), 0.0);
}

/// A service that wants fewer stops those first that wait.
#[test]
fn a_scale_in_of_a_service_stops_those_that_wait() {
    let boxes = provider("boxes", "max_size = 2\n", "");
    let update = "[[service.update]]\nat = \"200s\"\ndesired_count = 4\n";
    let ran = run(&scenario(600, &boxes, &service(6, update)));
    let waited: Vec<&Cells> = ran.tasks.iter().filter(|t| t["placed_s"].is_empty()).collect();
    assert_eq!(waited.len(), 2);
    for task in waited {
        assert_eq!(task["stop_code"], "ServiceSchedulerInitiated");
        assert!(task["instance_id"].is_empty() && task["usd"] == "0");
    }
    assert_eq!(ran.number("tasks_refused"), 2.0);
    assert_eq!(count(ran.at(590.0), "running"), 4);
}

/// After its time-out a task of a service is STOPPED and the service makes a new one, which waits in its turn.
#[test]
fn a_task_of_a_service_that_times_out_is_replaced() {
    let limits = "[limits]\nprovisioning_timeout = \"100s\"\n";
    let boxes = provider("boxes", "max_size = 1\n", "");
    let ran = run(&scenario(400, &(limits.to_string() + &boxes), &service(3, "")));
    // Three wait from 0 s to 100 s; of the three that take their place two have room at 150 s.
    let stopped: Vec<&str> =
        ran.of_tasks("stopped_s").into_iter().filter(|s| !s.is_empty()).collect();
    assert_eq!(stopped[..3], ["100", "100", "100"]);
    assert_eq!(ran.tasks[0]["stopped_reason"], "Timed out in PROVISIONING: no capacity");
    assert_eq!(count(ran.at(390.0), "running"), 2);
}

/// Four instances of which one has a task; three are given back.
fn scales_in(protection: bool, draining: bool) -> Moved {
    let keys = format!(
        "max_size = 4\ndesired_capacity = 4\nmanaged_draining = {draining}\n\
         termination_policies = [\"OldestInstance\"]\n{}",
        if protection { EMPTIES_ONLY } else { "" }
    );
    let boxes = provider("boxes", &keys, "scale_in_percent = 100");
    // The oldest instance has the task.
    let more = tasks(
        "jobs",
        1,
        1,
        5_000,
        "placement_strategy = [{ type = \"binpack\", field = \"cpu\" }]\n",
    );
    run(&scenario(2_000, &boxes, &more))
}

/// The four combinations of managed termination protection and managed draining. Fifteen points end at 900 s.
#[test]
fn managed_termination_protection_and_managed_draining_in_all_four_combinations() {
    for draining in [false, true] {
        let ran = scales_in(true, draining);
        assert_eq!(ran.steps("boxes"), [(930.0, 4, 1)]);
        let mut ended: Vec<&str> = ran.event("terminated").iter().map(|(_, name)| *name).collect();
        ended.sort_unstable();
        assert_eq!(ended, ["boxes-1", "boxes-2", "boxes-3"], "only empty ones go");
        assert_eq!(ran.number("tasks_lost"), 0.0);
    }
    let ran = scales_in(false, true);
    assert_eq!(ran.event("draining"), [(930.0, "boxes-0")], "any may be picked; its task runs on");
    assert_eq!(ran.number("tasks_lost"), 0.0);
    let ran = scales_in(false, false);
    assert_eq!(ran.number("tasks_lost"), 1.0, "its task ends with it");
    assert!(ran.event("draining").is_empty());
}

/// An instance with nothing but daemons counts as empty: it is given back, and the daemon with it.
#[test]
fn tasks_of_daemons_do_not_count() {
    let boxes =
        provider("boxes", &format!("max_size = 2\ndesired_capacity = 2\n{EMPTIES_ONLY}"), "");
    let daemon = "[[service]]\nname = \"agent\"\ntask_definition = \"web\"\nscheduling_strategy = \"DAEMON\"\n";
    let ran =
        run(&scenario(1_200, &boxes, &(daemon.to_string() + &tasks("jobs", 1, 1, 5_000, ""))));
    assert_eq!(ran.metric("boxes", 60.0), [50.0, 1.0, 2.0, 0.0]);
    assert_eq!(ran.steps("boxes"), [(930.0, 2, 1)]);
    assert_eq!(ran.event("terminated").len(), 1);
}

/// Protected without managed termination protection: the desired capacity goes down, and nothing ends.
#[test]
fn protected_instances_never_go() {
    let boxes =
        provider("boxes", "max_size = 2\ndesired_capacity = 2\nprotect_from_scale_in = true\n", "");
    let ran = run(&scenario(2_000, &boxes, ""));
    assert_eq!(ran.steps("boxes"), [(930.0, 2, 1), (1_130.0, 1, 0)]);
    assert!(ran.event("terminated").is_empty());
    assert_eq!(ran.number("ec2_usd"), 4.0, "2 × 2,000 s at a tenth of a cent");
}

/// Tasks with a launch type occupy instances, and never raise the metric.
#[test]
fn tasks_with_a_launch_type_do_not_wait_and_launch_nothing() {
    let boxes = provider("boxes", "max_size = 4\ndesired_capacity = 1\n", "");
    let jobs = "[[run_task]]\nname = \"jobs\"\ntask_definition = \"web\"\nlaunch_type = \"EC2\"\n\
                [run_task.generate]\nper_second = 1\nprocess = \"even\"\nlimit = 1\ncount = 3\nduration = \"300s\"\n";
    let ran = run(&scenario(400, &boxes, jobs));
    assert_eq!(ran.metric("boxes", 60.0), [100.0, 1.0, 1.0, 0.0]);
    assert_eq!(ran.number("tasks_refused"), 1.0);
    assert!(ran.steps("boxes").is_empty());
}

/// distinctInstance: one task of the group an instance, and those that have one of it are no room.
#[test]
fn distinct_instance_needs_an_instance_for_each_task() {
    let boxes = provider("boxes", "max_size = 9\ndesired_capacity = 1\n", "");
    let distinct = "placement_constraints = [{ type = \"distinctInstance\" }]\n";
    let ran = run(&scenario(400, &boxes, &tasks("jobs", 1, 4, 5_000, distinct)));
    assert_eq!(ran.metric("boxes", 60.0), [400.0, 4.0, 1.0, 3.0]);
    assert_eq!(ran.steps("boxes"), [(90.0, 1, 4)]);
}

/// AS-01: nobody waits, two of three are used: after fifteen minutes two are left.
#[test]
fn as_01_the_empty_one_of_three_goes_after_fifteen_minutes() {
    let boxes =
        provider("boxes", &format!("max_size = 3\ndesired_capacity = 3\n{EMPTIES_ONLY}"), "");
    let binpack = "placement_strategy = [{ type = \"binpack\", field = \"cpu\" }]\n";
    let ran = run(&scenario(1_000, &boxes, &tasks("jobs", 1, 4, 5_000, binpack)));
    assert_eq!(ran.metric("boxes", 60.0), [66.666666, 2.0, 3.0, 0.0]);
    assert_eq!(ran.steps("boxes"), [(930.0, 3, 2)]);
}

#[test]
fn what_ecs_refuses_of_managed_scaling_is_refused() {
    let refused =
        |keys: &str, managed: &str| errors(&scenario(100, &provider("boxes", keys, managed), ""));
    let cases = [
        ("max_size = 0\n", "", "`max_size` 0 with `managed_scaling`"),
        ("max_size = 2\n", "target_capacity = 0", "target_capacity"),
        ("max_size = 2\n", "target_capacity = 101", "target_capacity"),
        (
            "max_size = 2\n",
            "minimum_scaling_step_size = 5\nmaximum_scaling_step_size = 4",
            "`minimum_scaling_step_size` 5 is above `maximum_scaling_step_size` 4",
        ),
        ("max_size = 2\n", "maximum_scaling_step_size = 10001", "maximum_scaling_step_size"),
        ("max_size = 2\n", "instance_warmup_period = \"10001s\"", "instance_warmup_period"),
        (
            "max_size = 2\nmanaged_termination_protection = true\n",
            "",
            "needs `protect_from_scale_in`",
        ),
        ("desired_capacity = 2\n", "", "`managed_scaling` without `max_size`"),
    ];
    for (keys, managed, says) in cases {
        let found = refused(keys, managed);
        assert!(found.contains(says), "{keys}{managed}: {found}");
    }
    let alone = "[[capacity_provider]]\nname = \"boxes\"\ninstance_types = [\"box.large\"]\nmax_size = 2\n\
                 protect_from_scale_in = true\nmanaged_termination_protection = true\n";
    assert!(errors(&scenario(100, alone, "")).contains("needs `managed_scaling`"));
}

/// The cluster's default strategy is for those who name neither a launch type nor a strategy.
#[test]
fn a_default_capacity_provider_strategy_is_used_by_those_who_name_nothing() {
    let boxes = provider("boxes", "max_size = 4\n", "");
    let job = "[[run_task]]\nname = \"jobs\"\ntask_definition = \"web\"\n[run_task.generate]\nper_second = 1\n\
               process = \"even\"\nlimit = 1\nduration = \"50s\"\n";
    let strategy =
        "default_capacity_provider_strategy = [{ capacity_provider = \"boxes\", weight = 1 }]";
    let text = scenario(400, &format!("{strategy}\n{boxes}"), job);
    let ran = run(&text);
    assert_eq!(placed(&ran), ["150"]);
    let other = job.replace("task_definition", "launch_type = \"EC2\"\ntask_definition");
    let ran = run(&scenario(400, &format!("{strategy}\n{boxes}"), &other));
    assert_eq!(ran.number("tasks_refused"), 1.0, "it named a launch type");
    let wrong = strategy.replace("boxes", "bxes");
    let said = errors(&scenario(400, &format!("{wrong}\n{boxes}"), job));
    assert!(said.contains("bxes") && said.contains("boxes"), "{said}");
}

/// An instance that a single task keeps, and the time that is paid for before an instance is of use.
#[test]
fn who_keeps_an_instance_and_what_starting_costs_are_told() {
    let boxes = provider("boxes", &format!("max_size = 10\n{EMPTIES_ONLY}"), "");
    let ran = run(&scenario(4_000, &boxes, &tasks("jobs", 1, 1, 2_000, "")));
    // As AS-11: one of two instances has the task from 150 s to 2,152 s, at the ends of 33 minutes from 180 to 2,100 s.
    let kept: Vec<&str> = ran.of_instances("single_task_s").iter().map(|(_, kept)| *kept).collect();
    assert_eq!(kept.iter().filter(|kept| **kept == "1980").count(), 1, "{kept:?}");
    assert_eq!(kept.iter().filter(|kept| **kept == "0").count(), 1, "{kept:?}");
    // Both are billed from 110 s and register at 150 s: 80 of 940 + 2,920 s.
    assert!((ran.number("launching_time_percent") - 100.0 * 80.0 / 3_860.0).abs() < 1e-9);
    assert_eq!(ran.number("single_task_s"), 1_980.0);
}

/// DISABLED is as if the table were not there: who finds no room is refused.
#[test]
fn managed_scaling_may_be_disabled() {
    let boxes = provider("boxes", "max_size = 10\n", "status = \"DISABLED\"");
    let ran = run(&scenario(400, &boxes, &tasks("jobs", 1, 1, 50, "")));
    assert_eq!(ran.number("tasks_refused"), 1.0);
    assert!(ran.reservation.is_empty());
    let said =
        errors(&scenario(400, &provider("boxes", "max_size = 10\n", "status = \"OFF\""), ""));
    assert!(said.contains("\"ENABLED\", \"DISABLED\""), "{said}");
}
