//! EC2 first, Fargate for what does not fit: scenarios as text, run under all checks. A box has room for two tasks; a task
//! is RUNNING 2 s after it was placed on EC2 and 30 s after on Fargate, where its bill begins after 15 s. The metric of
//! managed scaling is published at whole minutes and evaluated 30 s later; an instance is ACTIVE 60 s after it was needed.

use crate::support::fleet::{BOXES, Moved, errors, run};
use crate::support::services::{Told, tell};
use crate::support::shipped::{Shipped, rows};
use ecsim::base::random::Seed;
use ecsim::experiment::plan::Goal;
use ecsim::experiment::plan::bounds::Bounds;
use ecsim::experiment::statistics::Exact;
use ecsim::metrics::summary::Value;
use ecsim::scenario::load_text;
use std::path::Path;

const HEAD: &str = r#"
[simulation]
region = "us-east-1"
duration = "3000s"
sample_interval = "10s"

[service_scheduler]
reaction = "1s"

[latency]
eni_attach = "0s"
eni_detach = "0s"
ec2_start = "2s"
container_stop = "1s"
instance_launch = "5s"
instance_pending = "15s"
instance_boot = "30s"
instance_register = "10s"
fargate_eni = "5s"
fargate_prepare = "10s"
fargate_start = "15s"
fargate_eni_detach = "1s"

[[task_definition]]
family = "web"
cpu = 1024
memory = 2048
network_mode = "awsvpc"
"#;

/// A fleet of this many boxes.
fn boxes(count: u32) -> String {
    format!(
        "[[capacity_provider]]\nname = \"boxes\"\ninstance_types = [\"box.large\"]\ndesired_capacity = {count}\n"
    )
}

/// A group that begins with nothing and has managed scaling.
const GROWS: &str = "[[capacity_provider]]\nname = \"boxes\"\ninstance_types = [\"box.large\"]\n\
                     max_size = 10\n[capacity_provider.managed_scaling]\n";

const STRATEGY: &str =
    "capacity_provider_strategy = [{ capacity_provider = \"boxes\", weight = 1 }]\n";

/// One call at 1 s for so many tasks.
fn jobs(fleet: &str, overflow: &str, count: u32, duration: u32, more: &str) -> String {
    format!(
        "{HEAD}{BOXES}awsvpc_trunking = true\n{fleet}\n[[run_task]]\nname = \"jobs\"\ntask_definition = \"web\"\n{STRATEGY}\
         overflow_to_fargate = {{ {overflow} }}\n[run_task.generate]\nper_second = 1\n\
         process = \"even\"\nlimit = 1\ncount = {count}\nduration = \"{duration}s\"\n{more}\n"
    )
}

fn service(fleet: &str, desired: u32, more: &str) -> String {
    format!(
        "{HEAD}{BOXES}awsvpc_trunking = true\n{fleet}\n[[service]]\nname = \"web\"\ntask_definition = \"web\"\n{STRATEGY}\
         desired_count = {desired}\nstarts_running = false\navailability_zone_rebalancing = \"DISABLED\"\n{more}\n"
    )
}

/// Where each task was placed, and when.
fn places(ran: &Moved) -> Vec<(&str, &str)> {
    ran.tasks.iter().map(|row| (row["launch"].as_str(), row["placed_s"].as_str())).collect()
}

fn on_fargate(told: &Told) -> Vec<usize> {
    let all = told.tasks.iter().enumerate();
    all.filter(|(_, row)| row["launch"] == "FARGATE").map(|(index, _)| index).collect()
}

#[test]
fn without_a_wait_what_does_not_fit_is_on_fargate_at_once() {
    let ran = run(&jobs(&boxes(2), "", 5, 300, ""));
    let ec2 = ("EC2", "1");
    assert_eq!(places(&ran), [ec2, ec2, ec2, ec2, ("FARGATE", "1")]);
    let last = &ran.tasks[4];
    assert_eq!((&last["capacity_provider"][..], &last["started_s"][..]), ("FARGATE", "31"));
    assert_eq!(ran.number("tasks_overflowed"), 1.0);
    assert_eq!(ran.number("overflow_wait_s_mean"), 0.0);
    assert_eq!(ran.number("overflow_running_s"), 300.0);
    // From the pull at 16 s to the end of its work at 331 s: 315 s of one vCPU and 2 GB.
    let usd = 315.0 * (0.04048 + 2.0 * 0.004445) / 3_600.0;
    assert!((ran.number("overflow_usd") - usd).abs() < 1e-8, "{}", ran.number("overflow_usd"));
    assert_eq!(ran.number("overflow_usd"), ran.number("fargate_usd"));
}

#[test]
fn after_its_wait_a_task_goes_to_fargate_unless_there_is_room_by_then() {
    // The four of EC2 are RUNNING at 3 s. The fifth waits until 61 s.
    let ran = run(&jobs(&boxes(2), "after = \"60s\"", 5, 300, ""));
    assert_eq!(places(&ran)[4], ("FARGATE", "61"));
    assert_eq!(ran.tasks[4]["wait_s"], "60");
    assert_eq!(ran.number("overflow_wait_s_mean"), 60.0);
    assert_eq!(ran.number("provisioning_max_size_s"), 60.0, "the fleet does not grow");
    // Their work ends at 43 s, and at 61 s, in the very instant in which the fifth may leave.
    for (duration, placed) in [(40, "43"), (58, "61")] {
        let ran = run(&jobs(&boxes(2), "after = \"60s\"", 5, duration, ""));
        assert_eq!(places(&ran)[4], ("EC2", placed));
        assert_eq!(ran.number("tasks_overflowed"), 0.0);
    }
}

#[test]
fn managed_scaling_counts_a_task_as_long_as_it_waits() {
    // At once: the metric never sees a task, and the group never grows.
    let never = run(&jobs(GROWS, "", 4, 1_000, ""));
    assert_eq!(never.metric("boxes", 60.0), [100.0, 0.0, 0.0, 0.0]);
    assert_eq!(never.event("launch").len(), 0);
    assert_eq!(places(&never), [("FARGATE", "1"); 4]);
    // Long enough: CPR is 200 at 60 s, two boxes are launched at 90 s and ACTIVE at 150 s.
    let waits = run(&jobs(GROWS, "after = \"150s\"", 4, 1_000, ""));
    assert_eq!(places(&waits), [("EC2", "150"); 4]);
    assert_eq!(waits.number("tasks_overflowed"), 0.0);
    // Too short: the tasks are gone before the boxes that they called for are there; both are paid.
    let twice = run(&jobs(GROWS, "after = \"100s\"", 4, 1_000, ""));
    assert_eq!(places(&twice), [("FARGATE", "101"); 4]);
    assert_eq!(twice.event("launch").len(), 2);
    assert_eq!(twice.metric("boxes", 60.0), [200.0, 2.0, 0.0, 4.0]);
    assert_eq!(twice.metric("boxes", 180.0), [0.0, 0.0, 2.0, 0.0]);
    assert_eq!(twice.number("idle_instance_percent"), 100.0);
}

#[test]
fn scale_in_takes_those_on_fargate_first_and_scale_out_tries_ec2_first() {
    let updates = "overflow_to_fargate = { after = \"30s\" }\n\
                   [[service.update]]\nat = \"300s\"\ndesired_count = 3\n\
                   [[service.update]]\nat = \"600s\"\ndesired_count = 6\n";
    let told = tell(&service(&boxes(2), 6, updates));
    // Four fit; two are on Fargate 30 s after they were wanted. Then those two go and one of EC2; then one more fits.
    let stopped: Vec<usize> = (0..9).filter(|&i| !told.tasks[i]["stopping_s"].is_empty()).collect();
    assert_eq!(on_fargate(&told), [4, 5, 7, 8]);
    assert_eq!(stopped.len(), 3);
    assert_eq!(stopped[1..], [4, 5]);
    let text = told.event("SERVICE_TASK_OVERFLOWED");
    assert_eq!(text.len(), 4);
    assert!(text[0].1.starts_with("(service web) has started a task on FARGATE because no "));
    assert!(text[0].1.ends_with("had room for it within 30 seconds."), "{}", text[0].1);
    let lives = told.tasks.iter().filter(|row| row["stopped_s"].is_empty());
    assert_eq!(lives.count(), 6);
}

#[test]
fn fargate_has_its_quota_and_its_rate_of_launches() {
    // One vCPU: the second waits until the first has ended at 131 + 1 s; asked again each 7 s after 1 s.
    let limits = "[limits]\nfargate_vcpus = 1\n";
    let ran = run(&jobs(&boxes(0), "again = \"7s\"", 2, 100, limits));
    assert_eq!(places(&ran), [("FARGATE", "1"), ("FARGATE", "134")]);
    // One launch a second, the first at once.
    let limits = "[limits]\nfargate_launches = { burst = 1, per_second = 1 }\n";
    let ran = run(&jobs(&boxes(0), "", 3, 100, limits));
    assert_eq!(places(&ran), [("FARGATE", "1"), ("FARGATE", "2"), ("FARGATE", "3")]);
    let ran = run(&jobs(&boxes(0), "after = \"20s\"", 3, 100, limits));
    assert_eq!(places(&ran), [("FARGATE", "21"), ("FARGATE", "22"), ("FARGATE", "23")]);
}

#[test]
fn it_may_be_fargate_spot() {
    let spot = "capacity_provider = \"FARGATE_SPOT\"";
    let ran = run(&jobs(&boxes(1), spot, 3, 100, ""));
    assert_eq!(ran.tasks[2]["capacity_provider"], "FARGATE_SPOT");
}

#[test]
fn what_fargate_cannot_run_waits_and_times_out() {
    // 3 vCPUs are more than a box has; the row's 300 GB more than Fargate has.
    let text =
        jobs(&boxes(1), "after = \"10s\"", 1, 100, "[limits]\nprovisioning_timeout = \"60s\"\n");
    let large = "sizes = [{ cpu = 3072, memory = 307200 }]\nper_second = 1";
    let ran = run(&text.replace("per_second = 1", large));
    assert_eq!(ran.number("tasks_refused"), 1.0);
    assert_eq!(ran.tasks[0]["stopped_s"], "61");
    // 2,100 CPU units and 2 GB are raised to 4 vCPU and 8 GB.
    let odd = "sizes = [{ cpu = 2100, memory = 2048 }]\nper_second = 1";
    let ran = run(&text.replace("per_second = 1", odd));
    assert_eq!(ran.tasks[0]["cpu"], "4096");
    assert_eq!(ran.tasks[0]["memory_mib"], "8192");
}

#[test]
fn plan_knows_no_bounds_of_tasks_that_go_elsewhere() {
    let bounds = |text: &str| {
        let scenario = load_text(text, "test.toml", Path::new("."), &[]);
        let scenario = scenario.unwrap_or_else(|errors| panic!("{errors}"));
        let limit = Exact::of(&Value::Count(1)).unwrap();
        let (metric, place) = ("wait_s_max".to_string(), String::new());
        let goals = [Goal { metric, is_at_most: true, limit, place }];
        Bounds::new(&goals, &[Seed(1)]).floor(&scenario).usd.len()
    };
    let text = jobs(&boxes(2), "", 40, 300, "");
    assert_eq!(bounds(&text.replace("overflow_to_fargate = {  }", "")), 1);
    assert_eq!(bounds(&text), 0);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let text = |of: &str| service(&boxes(1), 1, of);
    let overflow = "overflow_to_fargate = {}\n";
    let fargate = text(overflow).replace("\"boxes\", weight", "\"FARGATE\", weight");
    insta::assert_snapshot!(errors(&fargate), @r#"
    error: test.toml:59:1: `overflow_to_fargate` is for tasks on EC2: these are on Fargate already
       |
    59 | overflow_to_fargate = {}
       | ^^^^^^^^^^^^^^^^^^^
       |
       = help: remove it
    "#);
    insta::assert_snapshot!(errors(&text(overflow).replace(STRATEGY, "launch_type = \"EC2\"\n")), @r#"
    error: test.toml:59:1: `overflow_to_fargate` needs a capacity provider strategy: its tasks wait for room with a provider
       |
    59 | overflow_to_fargate = {}
       | ^^^^^^^^^^^^^^^^^^^
       |
       = help: write capacity_provider_strategy = [{ capacity_provider = "...", weight = 1 }]
    "#);
    let daemon = text("scheduling_strategy = \"DAEMON\"\noverflow_to_fargate = {}\n");
    insta::assert_snapshot!(errors(&daemon.replace("desired_count = 1\n", "")), @r#"
    error: test.toml:55:1: a DAEMON service takes no capacity provider strategy: it runs on every instance, or on those of one provider of Managed Instances
       |
    55 | capacity_provider_strategy = [{ capacity_provider = "boxes", weight = 1 }]
       | ^^^^^^^^^^^^^^^^^^^^^^^^^^

    error: test.toml:59:1: a DAEMON service has a task on each container instance: none of them goes to Fargate
       |
    59 | overflow_to_fargate = {}
       | ^^^^^^^^^^^^^^^^^^^
    "#);
    insta::assert_snapshot!(errors(&text(overflow).replace("\"awsvpc\"", "\"bridge\"")), @r#"
    error: test.toml:28:16: task definition "web" cannot run on Fargate: Fargate supports only the network mode `awsvpc`, not `bridge`
       |
    28 | network_mode = "bridge"
       |                ^^^^^^^^
       |
       = help: write network_mode = "awsvpc"
    "#);
    insta::assert_snapshot!(errors(&text(overflow).replace("cpu = 1024", "cpu = 1100")), @r#"
    error: test.toml:26:7: task definition "web" cannot run on Fargate: it has no size of 1100 CPU units and 2048 MiB
       |
    26 | cpu = 1100
       |       ^^^^
       |
       = help: `cpu` is one of 256, 512, 1024, 2048, 4096, 8192, 16384, 32768
    "#);
    insta::assert_snapshot!(errors(&text("overflow_to_fargate = { after = \"30m\" }\n")), @r#"
    error: test.toml:59:33: no task gets so far: it is stopped when it has waited in PROVISIONING for 1800 s, and this is 1800 s
       |
    59 | overflow_to_fargate = { after = "30m" }
       |                                 ^^^^^
       |
       = help: make `after` shorter, or `provisioning_timeout` of `[limits]` longer
    "#);
    insta::assert_snapshot!(errors(&text("overflow_to_fargate = { again = \"0s\" }\n")), @r#"
    error: test.toml:59:33: `again` must be between 1s and 36600d, is 0s
       |
    59 | overflow_to_fargate = { again = "0s" }
       |                                 ^^^^
    "#);
    let spot = "overflow_to_fargate = { capacity_provider = \"FARGATE_SPT\" }\n";
    insta::assert_snapshot!(errors(&text(spot)), @r#"
    error: test.toml:59:45: unknown `capacity_provider` "FARGATE_SPT"
       |
    59 | overflow_to_fargate = { capacity_provider = "FARGATE_SPT" }
       |                                             ^^^^^^^^^^^^^
       |
       = help: did you mean "FARGATE_SPOT"? valid: "FARGATE", "FARGATE_SPOT"
    "#);
}

#[test]
fn a_short_wait_pays_for_both_and_a_long_one_for_instances_that_stay() {
    let after = |span: &str| {
        let key = "service.web.overflow_to_fargate.after";
        Shipped::run("71-ec2-first-then-fargate", &[(key, span)])
    };
    let (at_once, short, long) = (after("0s"), after("90s"), after("5m"));
    let of = |metric: &str| [&at_once, &short, &long].map(|run| run.number(metric));
    assert_eq!(of("tasks_overflowed"), [4.0, 4.0, 0.0]);
    assert_eq!(of("instances_launched"), [0.0, 2.0, 2.0]);
    // Two m5.large for four hours. Two more for a quarter of an hour; or for two hours and more, of which one stays.
    let ec2 = of("ec2_usd");
    assert_eq!(ec2[0], 0.768);
    assert!((ec2[1] - ec2[0] - 2.0 * 0.096 * 0.25).abs() < 0.002, "{ec2:?}");
    let least = 2.0 * 0.096 * 2.25;
    assert!((least..least + 0.096 * 0.75).contains(&(ec2[2] - ec2[0])), "{ec2:?}");
    // Four tasks for two hours, less the half minute before the pull, and the 90 s.
    let second = 4.0 * (0.04048 + 2.0 * 0.004445) / 3_600.0;
    let fargate = of("overflow_usd");
    assert!((fargate[0] - second * 7_180.0).abs() < second * 10.0, "{fargate:?}");
    assert!((fargate[1] - second * 7_090.0).abs() < second * 10.0, "{fargate:?}");
    let last = at_once.service("web").samples.last().unwrap();
    assert_eq!(last.running, 4);
    for row in rows(&at_once.tasks) {
        assert_eq!(
            row["launch"] == "FARGATE",
            !row["stopped_s"].is_empty(),
            "those on Fargate went first"
        );
    }
}
