//! Auto Scaling groups that ECS does not manage, from end to end: target tracking, steps and forecasts on metrics of the
//! cluster and of the group.
//!
//! A box has two vCPUs and 4,096 MiB. A metric has a point at whole minutes, which is evaluated two minutes later.

use crate::support::fleet::{WEB, errors, run};

fn scenario(length: &str, provider: &str, scaling: &str, more: &str) -> String {
    format!(
        r#"
[simulation]
region = "us-east-1"
duration = "{length}"

[latency]
ec2_start = "0s"
container_stop = "0s"
instance_launch = "5s"
instance_pending = "15s"
instance_boot = "30s"
instance_register = "10s"

[[instance_type]]
name = "box.large"
vcpus = 2
memory = 4096
registered_memory = 4096
usd_per_hour = 3.6

[[capacity_provider]]
name = "boxes"
instance_types = ["box.large"]
{provider}

[capacity_provider.scaling]
{scaling}

{WEB}
{more}
"#
    )
}

fn jobs(count: u32, seconds: u32) -> String {
    format!(
        "[[run_task]]\nname = \"jobs\"\ntask_definition = \"web\"\n[run_task.generate]\nper_second = 1\n\
         process = \"even\"\nlimit = 1\ncount = {count}\nduration = \"{seconds}s\"\n"
    )
}

const FOUR: &str = "max_size = 20\nmin_size = 1\ndesired_capacity = 4";

#[test]
fn a_group_tracks_the_cpu_that_its_cluster_reserves() {
    let policy = "target_tracking = [{ metric = \"CPUReservation\", target_value = 50 }]";
    let ran = run(&scenario("600s", FOUR, policy, &jobs(7, 9_000)));
    // 7 of 8 vCPUs: 87.5 % at 60, 120 and 180 s, seen at 300 s. ⌈4 · 87.5 / 50⌉ = 7, with which it is 50 %.
    assert_eq!(ran.steps("boxes"), [(300.0, 4, 7)]);
    assert_eq!(ran.scaling[0]["metric"], "CPUReservation");
    assert_eq!(ran.scaling[0]["policy_type"], "TargetTrackingScaling");
    assert_eq!(ran.event("launch").len(), 3);
    assert_eq!(ran.fleet.iter().filter(|row| row["reason"] == "scaling_policy").count(), 1);
}

#[test]
fn a_scale_in_waits_for_fifteen_points_below_seventy_percent_of_the_target() {
    let policy = "target_tracking = [{ metric = \"CPUReservation\", target_value = 50 }]";
    let ran = run(&scenario("3600s", FOUR, policy, &jobs(2, 9_000)));
    // 25 %: below 35 at 60 to 900 s, seen at 1,020 s. A tenth of four is one at least; 33 % of three are 50 % of two.
    assert_eq!(ran.steps("boxes"), [(1_020.0, 4, 3), (1_320.0, 3, 2)]);
    let near = run(&scenario("3600s", FOUR, policy, &jobs(3, 9_000)));
    assert!(near.steps("boxes").is_empty(), "37.5 % is not below 35");
}

#[test]
fn a_group_steps_by_the_memory_that_its_cluster_reserves() {
    let policy = "step_scaling = [{ metric = \"MemoryReservation\", alarm = { threshold = 40 }, \
                  step_adjustments = [{ metric_interval_lower_bound = 0, scaling_adjustment = 2 }] }]";
    let ran = run(&scenario("600s", FOUR, policy, &jobs(7, 9_000)));
    // 7 of 16 GiB are 43.75 %: one point, seen at 180 s; six instances have 29 %.
    assert_eq!(ran.steps("boxes"), [(180.0, 4, 6)]);
}

#[test]
fn a_group_tracks_its_own_cpu() {
    let policy = "target_tracking = [{ metric = \"ASGAverageCPUUtilization\", target_value = 70 }]";
    let ran = run(&scenario("600s", FOUR, policy, &jobs(7, 9_000)));
    // Tasks of RunTask use what they hold: 87.5 %; ⌈4 · 87.5 / 70⌉ = 5.
    assert_eq!(ran.steps("boxes"), [(300.0, 4, 5)]);
}

/// A service that holds a whole vCPU a task and uses a quarter of it: the group's CPU says so, the reservation does not.
#[test]
fn the_cpu_of_a_group_is_what_its_services_use_and_not_what_they_hold() {
    let service = "[[service]]\nname = \"shop\"\ntask_definition = \"web\"\ndesired_count = 4\n\
                   load_balancer = { type = \"application\" }\n\
                   behaviour = { idle_memory = 0 }\n\
                   [service.traffic]\ncpu_ms_per_request = 10\n[service.traffic.generate]\nper_second = 100\n";
    let two = "max_size = 20\nmin_size = 1\ndesired_capacity = 2";
    let by = |metric: &str| {
        let policy = format!("target_tracking = [{{ metric = \"{metric}\", target_value = 50 }}]");
        run(&scenario("600s", two, &policy, service)).steps("boxes")
    };
    // 100 requests a second of 10 ms are one vCPU of four; the tasks hold all four.
    assert_eq!(by("CPUReservation"), [(300.0, 2, 4)]);
    assert_eq!(by("ASGAverageCPUUtilization"), []);
}

/// Policies cannot start a group from zero: without instances the cluster has no reservation.
#[test]
fn a_group_of_its_own_policies_stays_at_zero() {
    let policy = "target_tracking = [{ metric = \"CPUReservation\", target_value = 50 }]";
    let zero = "max_size = 20\ndesired_capacity = 0";
    let queue =
        jobs(2, 100).replace("[run_task.generate]", "on_failure = \"queue\"\n[run_task.generate]");
    let ran = run(&scenario("1800s", zero, policy, &queue));
    assert!(ran.steps("boxes").is_empty());
    assert_eq!(ran.number("tasks_waiting_at_end"), 2.0);
}

/// After a day the forecast of the hour scales out before the metric does. A wave holds seven vCPUs from 12:00 to 13:00 of
/// each day; the second day's capacity is there at 11:55.
#[test]
fn a_forecast_scales_out_before_the_hour() {
    let policy = "predictive = [{ metric = \"CPUReservation\", target_value = 50, mode = \"ForecastAndScale\" }]";
    let wave = "[[run_task]]\nname = \"jobs\"\ntask_definition = \"web\"\non_failure = \"queue\"\n[run_task.generate]\n\
                per_second = 0.0000231481481481481\nprocess = \"even\"\nlimit = 3\ncount = 7\nduration = \"3600s\"\n";
    let ran = run(&scenario("42h", FOUR, policy, wave));
    let steps = ran.steps("boxes");
    assert_eq!(ran.scaling[0]["policy_type"], "PredictiveScaling");
    assert!(steps.iter().all(|(at, from, to)| to > from && *at >= 86_400.0), "{steps:?}");
    assert!(steps.iter().any(|(at, ..)| (at / 3_600.0) % 24.0 < 12.0), "{steps:?}");
}

#[test]
fn what_cannot_be_a_policy_of_a_group_is_refused() {
    let refused = |provider: &str, scaling: &str| errors(&scenario("60s", provider, scaling, ""));
    let said = refused(
        FOUR,
        "target_tracking = [{ metric = \"ECSServiceAverageCPUUtilization\", target_value = 50 }]",
    );
    assert!(said.contains("CPUReservation"), "{said}");
    assert!(refused(FOUR, "").contains("needs 1 to 50 policies, not 0"));
    let fixed = refused(
        "desired_capacity = 4",
        "target_tracking = [{ metric = \"CPUReservation\", target_value = 50 }]",
    );
    assert!(fixed.contains("`scaling` without `max_size`"), "{fixed}");
    let both = format!("{FOUR}\nmanaged_scaling = {{}}");
    let said =
        refused(&both, "target_tracking = [{ metric = \"CPUReservation\", target_value = 50 }]");
    assert!(said.contains("`scaling` and `managed_scaling` exclude each other"), "{said}");
    let fine = "step_scaling = [{ metric = \"CPUReservation\", alarm = { threshold = 40, period = \"10s\" }, \
                step_adjustments = [{ metric_interval_lower_bound = 0, scaling_adjustment = 2 }] }]";
    assert!(refused(FOUR, fine).contains("has a point a minute"));
}
