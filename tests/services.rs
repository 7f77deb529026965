//! Services from end to end: scenarios as text, run under all checks, and what their tables say.
//!
//! Unless a test says otherwise the scheduler reacts 1 s after an event, a task is RUNNING 2 s after it was placed, its
//! container stops within 1 s, and, without any check, it counts as healthy 40 s after RUNNING.

use crate::support::services::{Told, count, seconds, tell};

/// A cluster of boxes with room for `room` tasks each, in two zones, and what all scenarios share.
fn cluster(boxes: u32, room: u32, duration: &str) -> String {
    format!(
        r#"
[simulation]
region = "us-east-1"
duration = "{duration}"
sample_interval = "10s"

[latency]
ec2_start = "2s"
container_stop = "1s"

[service_scheduler]
reaction = "1s"

[[instance_type]]
name = "box.large"
vcpus = 64
memory = 65536
registered_memory = {memory}
usd_per_hour = 0.1

[[cluster]]
availability_zones = ["us-east-1a", "us-east-1b"]

[[capacity_provider]]
name = "boxes"
instance_types = ["box.large"]
desired_capacity = {boxes}

[[task_definition]]
family = "web"
cpu = 128
memory = 512
network_mode = "bridge"

[[task_definition]]
family = "new"
cpu = 128
memory = 512
network_mode = "bridge"
"#,
        memory = room * 512
    )
}

/// A service of `desired` tasks; `more` are further lines of it.
fn service(desired: u32, more: &str) -> String {
    format!(
        "[[service]]\nname = \"api\"\ntask_definition = \"web\"\nlaunch_type = \"EC2\"\ndesired_count = {desired}\n{more}\n"
    )
}

/// A new revision at 100 s.
const UPDATE: &str = "[[service.update]]\nat = \"100s\"\ntask_definition = \"new\"\n";

fn rolling(boxes: u32, room: u32, desired: u32, min: u32, max: u32) -> Told {
    let more = format!(
        "availability_zone_rebalancing = \"DISABLED\"\ndeployment_configuration = {{ minimum_healthy_percent = {min}, maximum_percent = {max} }}\n{UPDATE}"
    );
    tell(&(cluster(boxes, room, "1h") + &service(desired, &more)))
}

/// Stops and starts of a rolling deployment, round by round.
fn rounds(told: &Told) -> Vec<(u32, u32)> {
    told.steps(100.0).into_iter().map(|(_, stops, starts)| (stops, starts)).collect()
}

#[test]
fn without_any_check_a_task_counts_as_healthy_40_s_after_running() {
    let told = tell(&(cluster(2, 100, "5m") + &service(1, "starts_running = false")));
    // Created at 0, looked at at once: placed at 0, RUNNING at 2 s, healthy at 42 s, seen one second later.
    assert_eq!(told.placed(0.0), [0.0]);
    assert_eq!(count(told.service_at(40.0), "healthy"), 0);
    assert_eq!(count(told.service_at(50.0), "healthy"), 1);
    assert_eq!(told.once(1, "COMPLETED", ""), 43.0);
    assert_eq!(told.event("SERVICE_STEADY_STATE")[0].0, 43.0);
}

#[test]
fn a_service_of_no_tasks_is_complete_at_once_and_scales_out_later() {
    let more = "starts_running = false\n[[service.update]]\nat = \"60s\"\ndesired_count = 2";
    let told = tell(&(cluster(2, 100, "5m") + &service(0, more)));
    assert_eq!(told.once(1, "COMPLETED", ""), 0.0);
    assert_eq!(told.placed(0.0), [61.0, 61.0]);
}

#[test]
fn every_row_of_the_rolling_update_table_takes_its_steps() {
    type Row<'a> = (u32, u32, u32, &'a [(u32, u32)]);
    let nine_times = [[(0, 1)].as_slice(), &[(1, 1); 9], &[(1, 0)]].concat();
    let table: [Row; 11] = [
        (1, 100, 200, &[(0, 1), (1, 0)]),
        (1, 0, 100, &[(1, 1)]),
        (2, 75, 200, &[(0, 2), (2, 0)]),
        (3, 66, 133, &[(1, 1), (1, 1), (1, 1)]),
        (4, 50, 100, &[(2, 2), (2, 2)]),
        (4, 100, 200, &[(0, 4), (4, 0)]),
        (5, 50, 150, &[(2, 4), (3, 1)]),
        (6, 100, 150, &[(0, 3), (3, 3), (3, 0)]),
        (7, 50, 125, &[(3, 4), (4, 3)]),
        (10, 90, 110, &[(1, 2), (2, 2), (2, 2), (2, 2), (2, 2), (1, 0)]),
        (10, 100, 110, &nine_times),
    ];
    for (desired, min, max, steps) in table {
        let told = rolling(4, 100, desired, min, max);
        let named = format!("{desired} tasks, {min}/{max}");
        assert_eq!(rounds(&told), steps, "{named}");
        // Looked at at 101 s. A round: 2 s until RUNNING, 40 s until healthy, 1 s until it is seen.
        for (round, (at, ..)) in told.steps(100.0).iter().enumerate() {
            assert_eq!(*at, 101.0 + 43.0 * round as f64, "{named}");
        }
        let last = told.steps(100.0).iter().map(|step| step.0).fold(0.0, f64::max);
        let is_last_a_stop = steps.last().is_some_and(|step| step.1 == 0);
        // The old tasks stop within a second, which is seen then.
        let done = if is_last_a_stop { last + 1.0 } else { last + 43.0 };
        assert_eq!(told.once(2, "COMPLETED", ""), done, "{named}");
        assert_eq!(told.deployment(1, "INACTIVE", ""), [last + 1.0], "{named}");
        assert!(told.event("DEPLOYMENT_BLOCKED").is_empty(), "{named}");
    }
}

#[test]
fn two_rows_of_the_table_are_stuck_and_an_event_says_why() {
    for (desired, min, max, high) in [(1, 100, 100, 1), (3, 100, 125, 3)] {
        let told = rolling(4, 100, desired, min, max);
        assert_eq!(rounds(&told), []);
        assert!(told.deployment(2, "COMPLETED", "").is_empty());
        let (at, why) = &told.event("DEPLOYMENT_BLOCKED")[0];
        assert_eq!(*at, 101.0);
        let allows = format!("maximumPercent {max} allows {high} of {desired}");
        assert!(why.contains(&allows), "{why}");
    }
}

#[test]
fn the_capacity_bound_examples_of_aws_take_their_steps() {
    // Room for 8, 6 run. The scheduler wants more than fits, so the placement throttle says when it tries again; a
    // task that reaches RUNNING ends the throttle.
    let told = rolling(1, 8, 6, 100, 200);
    let steps: Vec<(u32, u32)> = merged(&told);
    assert_eq!(steps, [(0, 2), (2, 2), (2, 2), (2, 0)]);
    assert_eq!(told.deployment(2, "COMPLETED", "").len(), 1);
    let told = rolling(1, 8, 6, 50, 200);
    assert_eq!(merged(&told), [(3, 5), (3, 1)]);
    assert_eq!(told.deployment(2, "COMPLETED", "").len(), 1);
}

/// Rounds, where what happens within 20 s is one.
fn merged(told: &Told) -> Vec<(u32, u32)> {
    let mut rounds: Vec<(f64, u32, u32)> = Vec::new();
    for (at, stops, starts) in told.steps(100.0) {
        match rounds.last_mut().filter(|last| at - last.0 < 20.0) {
            Some(last) => (last.1, last.2) = (last.1 + stops, last.2 + starts),
            None => rounds.push((at, stops, starts)),
        }
    }
    rounds.into_iter().map(|(_, stops, starts)| (stops, starts)).collect()
}

/// A new revision at 100 s of which no task starts.
const BROKEN: &str = "[[service.update]]\nat = \"100s\"\ntask_definition = \"new\"\nbehaviour = { start_failure_percent = 100 }\n";

#[test]
fn the_circuit_breaker_trips_at_its_count_and_goes_back_to_the_tasks_that_are_there() {
    let more = format!(
        "deployment_configuration = {{ deployment_circuit_breaker = {{ rollback = true }} }}\n{BROKEN}"
    );
    // Desired 8: ⌈8 × 50 %⌉ = 4. All eight start at 101 s and fail at 103 s: the fourth failure is one too many.
    let told = tell(&(cluster(4, 100, "1h") + &service(8, &more)));
    assert_eq!(told.once(2, "FAILED", ""), 103.0);
    assert_eq!(told.once(2, "ROLLING_BACK", ""), 103.0);
    let failed = told.deployments.iter().find(|row| row["event"] == "FAILED").unwrap();
    assert_eq!(count(failed, "failed_tasks"), 4);
    // The first deployment is PRIMARY again with its eight tasks, none of which was ever stopped.
    assert_eq!(told.once(1, "IN_PROGRESS", ""), 103.0);
    assert_eq!(told.deployment(1, "COMPLETED", ""), [0.0, 104.0]);
    assert_eq!(told.placed(100.0).len(), 8);
    let stopped = told.tasks.iter().filter(|task| seconds(task, "stopped_s").is_some()).count();
    assert_eq!(stopped, 8);
    assert_eq!(told.event("SERVICE_DEPLOYMENT_FAILED").len(), 1);
}

#[test]
fn without_rollback_a_failed_deployment_stalls_beside_its_old_tasks() {
    let more = format!(
        "deployment_configuration = {{ deployment_circuit_breaker = {{ rollback = false }} }}\n{BROKEN}"
    );
    let told = tell(&(cluster(4, 100, "2h") + &service(4, &more)));
    assert_eq!(told.once(2, "FAILED", ""), 103.0);
    assert!(told.deployment(2, "ROLLING_BACK", "").is_empty());
    assert_eq!(told.placed(100.0).len(), 4, "nothing is started any more");
    assert_eq!(count(told.service_at(7_190.0), "healthy"), 4);
}

#[test]
fn attempts_of_a_service_whose_tasks_do_not_start_follow_the_launch_throttle() {
    let more = "behaviour = { start_failure_percent = 100 }\nstarts_running = false";
    let told = tell(&(cluster(2, 100, "3h") + &service(1, more)));
    // An attempt fails 2 s after it was placed. The first two are followed by another one at the next look, 1 s after
    // the failure. From the third failure on the delays hold: 1, 2, 4, 8, 16, 27, 27 minutes from the failure.
    let mut expected = vec![0.0, 3.0, 6.0];
    for minutes in [1.0, 2.0, 4.0, 8.0, 16.0, 27.0, 27.0, 27.0, 27.0, 27.0, 27.0] {
        let last: f64 = *expected.last().unwrap();
        expected.push(last + 2.0 + 60.0 * minutes);
    }
    expected.retain(|&at| at < 10_800.0);
    assert_eq!(told.placed(0.0), expected);
    assert_eq!(told.event("SERVICE_TASK_START_IMPAIRED").len(), 1);
    assert!(told.tasks.iter().all(|task| task["stopped_reason"] == "CannotPullContainerError"));
}

#[test]
fn a_task_that_does_not_start_says_why_in_the_words_of_its_revision() {
    let why = "ResourceInitializationError: no role, no \\\"secret\\\"";
    let behaviour =
        format!("behaviour = {{ start_failure_percent = 100, start_failure_reason = \"{why}\" }}");
    let told = tell(
        &(cluster(2, 100, "2m") + &service(1, &format!("{behaviour}\nstarts_running = false"))),
    );
    let stopped: Vec<_> = told.tasks.iter().filter(|task| !task["stop_code"].is_empty()).collect();
    assert!(stopped.len() >= 3, "{}", stopped.len());
    for task in stopped {
        assert_eq!(task["stop_code"], "TaskFailedToStart");
        assert_eq!(task["stopped_reason"], "ResourceInitializationError: no role, no \"secret\"");
    }
}

#[test]
fn a_rolling_deployment_that_is_throttled_is_looked_at_again() {
    // Four old tasks are as many as desired; the attempts for the new revision go on all the same.
    let told = tell(&(cluster(2, 100, "1h") + &service(4, BROKEN)));
    let first_of_each: Vec<f64> = {
        let mut all = told.placed(100.0);
        all.dedup();
        all
    };
    // Four fail at 103 s, of which the third makes the throttle hold for 1 min; then 2, 4, 8, 16 min.
    assert_eq!(first_of_each, [101.0, 163.0, 285.0, 527.0, 1_009.0, 1_971.0, 3_593.0]);
}

#[test]
fn a_task_that_ran_and_crashed_is_replaced_at_once_and_never_throttled() {
    let more = "behaviour = { time_to_failure = \"5s\" }\nstarts_running = false";
    let told = tell(&(cluster(2, 100, "10m") + &service(1, more)));
    // Placed, 2 s to RUNNING, 5 s to the crash, 1 s to the next look.
    let expected: Vec<f64> = (0..75).map(|turn| 8.0 * f64::from(turn)).collect();
    assert_eq!(told.placed(0.0), expected);
    assert!(told.event("SERVICE_TASK_START_IMPAIRED").is_empty());
}

#[test]
fn attempts_on_a_full_cluster_follow_the_placement_throttle() {
    let told = tell(&(cluster(1, 2, "3h") + &service(3, "")));
    let tries: Vec<f64> = told.failures.iter().map(|row| seconds(row, "time_s").unwrap()).collect();
    // 15, 15, 15 s, then 5, 10, 20, 27, 27 minutes.
    let minutes = [0.25, 0.25, 0.25, 5.0, 10.0, 20.0, 27.0, 27.0, 27.0, 27.0, 27.0];
    let mut expected = vec![0.0];
    for wait in minutes {
        expected.push(expected.last().unwrap() + 60.0 * wait);
    }
    expected.retain(|&at| at < 10_800.0);
    assert_eq!(tries, expected);
    assert_eq!(told.event("SERVICE_TASK_PLACEMENT_FAILURE").len(), 1, "repeated ones are left out");
}

#[test]
fn a_newer_deployment_takes_the_place_of_an_unfinished_one() {
    let more = "[[service.update]]\nat = \"100s\"\ntask_definition = \"new\"\n[[service.update]]\nat = \"120s\"\nforce_new_deployment = true\n";
    let told = tell(&(cluster(4, 100, "10m") + &service(4, more)));
    assert_eq!(told.once(2, "SUPERSEDED", ""), 120.0);
    // At 121 s there are 4 old and 4 of the second one, RUNNING but not healthy: high is 8, low is 4. Those that are
    // not healthy go, four of the third one start; they are healthy at 163 s, seen at 164 s.
    assert_eq!(told.steps(100.0), [(101.0, 0, 4), (121.0, 4, 4), (164.0, 4, 0)]);
    assert_eq!(told.once(3, "COMPLETED", ""), 165.0, "the old ones are STOPPED");
}

#[test]
fn protection_holds_up_a_scale_in_until_it_expires() {
    let more = "protection = { expires_in = \"10m\" }\n[[service.update]]\nat = \"100s\"\ndesired_count = 1\n";
    let told = tell(&(cluster(2, 100, "1h") + &service(3, more)));
    // Tasks are RUNNING since 0 s; protection ends at 600 s.
    assert_eq!(told.steps(1.0), [(600.0, 2, 0)]);
    assert!(told.event("DEPLOYMENT_BLOCKED")[0].1.contains("protected"));
}

#[test]
fn protection_holds_up_a_deployment_until_it_expires() {
    let more = format!("protection = {{ expires_in = \"10m\" }}\n{UPDATE}");
    let told = tell(&(cluster(2, 100, "1h") + &service(2, &more)));
    assert_eq!(told.steps(1.0), [(101.0, 0, 2), (600.0, 2, 0)]);
    assert_eq!(told.once(2, "COMPLETED", ""), 601.0, "they stop within a second");
}

#[test]
fn an_unhealthy_task_is_replaced_first_where_there_is_room_and_stopped_first_where_there_is_none() {
    // Of one task health checks fail from 100 s on; only the first task's life is that short.
    let check = "health_check = { interval = \"10s\", retries = 3, timeout = \"5s\" }";
    let base =
        cluster(2, 100, "5m").replace("family = \"web\"", &format!("family = \"web\"\n{check}"));
    let life = "behaviour = { time_to_unhealthy = \"100s\" }\n";
    for (max, starts_first) in [(200, true), (100, false)] {
        let more = format!(
            "{life}deployment_configuration = {{ minimum_healthy_percent = 0, maximum_percent = {max} }}\n"
        );
        let told = tell(&(base.clone() + &service(1, &more)));
        let first_start = told.placed(1.0)[0];
        let first_stop = seconds(&told.tasks[0], "stopping_s").unwrap();
        assert!(first_start > 100.0 && first_start < 140.0, "{first_start}");
        if starts_first {
            assert!(first_stop > first_start, "{first_stop} after {first_start}");
        } else {
            assert!(first_stop <= first_start, "{first_stop} before {first_start}");
        }
        let why = &told.tasks[0]["stopped_reason"];
        assert!(why.contains("health checks"), "{why}");
    }
}

#[test]
fn a_daemon_service_has_one_task_on_each_instance_and_stops_before_it_starts() {
    let more = "scheduling_strategy = \"DAEMON\"\n";
    let daemon = format!(
        "[[service]]\nname = \"agent\"\ntask_definition = \"web\"\nlaunch_type = \"EC2\"\n{more}{UPDATE}"
    );
    let told = tell(&(cluster(3, 2, "10m") + &daemon));
    let mut at: Vec<&str> = told.tasks[..3].iter().map(|t| t["instance_id"].as_str()).collect();
    at.sort_unstable();
    at.dedup();
    assert_eq!(at.len(), 3, "one on each");
    // minimumHealthyPercent is 0: all three stop at 101 s, and three start on the same instances.
    assert_eq!(told.steps(1.0), [(101.0, 3, 3)]);
    assert_eq!(told.once(2, "COMPLETED", ""), 144.0);
}

#[test]
fn a_daemon_service_keeps_its_minimum_healthy_through_an_update() {
    let daemon = format!(
        "[[service]]\nname = \"agent\"\ntask_definition = \"web\"\nlaunch_type = \"EC2\"\nscheduling_strategy = \"DAEMON\"\n\
         deployment_configuration = {{ minimum_healthy_percent = 50 }}\n{UPDATE}"
    );
    let told = tell(&(cluster(4, 2, "10m") + &daemon));
    // Low is 2 of 4: two at a time.
    assert_eq!(told.steps(1.0), [(101.0, 2, 2), (144.0, 2, 2)]);
}

#[test]
fn a_thousand_tasks_start_in_two_minutes() {
    let told = tell(&(cluster(10, 120, "5m") + &service(1000, "starts_running = false")));
    let placed = told.placed(0.0);
    assert_eq!(placed.len(), 1_000);
    // 500 a minute after a first batch of ten: the last one 990 × 0.12 s = 118.8 s after the first.
    let last = placed.last().unwrap();
    assert!((115.0..=121.0).contains(last), "{last}");
}

#[test]
fn a_strategy_with_a_base_splits_one_to_three_and_scale_in_takes_from_the_largest_surplus() {
    let second = "[[capacity_provider]]\nname = \"more\"\ninstance_types = [\"box.large\"]\ndesired_capacity = 2\n";
    let text = cluster(2, 100, "10m")
        + second
        + "[[service]]\nname = \"api\"\ntask_definition = \"web\"\ndesired_count = 10\n\
           capacity_provider_strategy = [{ capacity_provider = \"boxes\", base = 2, weight = 1 }, { capacity_provider = \"more\", weight = 3 }]\n\
           [[service.update]]\nat = \"100s\"\ndesired_count = 6\n";
    let told = tell(&text);
    let on = |name: &str, lives: bool| {
        let is_there = |t: &&_| !lives || seconds(t, "stopped_s").is_none();
        told.tasks.iter().filter(is_there).filter(|t| t["capacity_provider"] == name).count()
    };
    // 2 + 8 × 1/4 = 4 and 8 × 3/4 = 6; of six: 2 + 4 × 1/4 = 3 and 3.
    assert_eq!((on("boxes", false), on("more", false)), (4, 6));
    assert_eq!((on("boxes", true), on("more", true)), (3, 3));
}

#[test]
fn scale_in_takes_from_the_fullest_zone_and_for_binpack_empties_instances() {
    let more = "placement_strategy = [{ type = \"binpack\", field = \"memory\" }]\n[[service.update]]\nat = \"100s\"\ndesired_count = 4\n";
    let told = tell(&(cluster(2, 6, "10m") + &service(8, more)));
    // Binpack puts six on one instance and two on the other; the fuller zone gives until they are equal: 2 and 2.
    let lives = |zone: &str| {
        let there = told.tasks.iter().filter(|t| seconds(t, "stopped_s").is_none());
        there.filter(|t| t["availability_zone"] == zone).count()
    };
    assert_eq!((lives("us-east-1a"), lives("us-east-1b")), (2, 2));
    assert_eq!(told.steps(1.0), [(101.0, 4, 0)]);
}

/// A service behind an ALB on boxes, with 100 requests a second and what follows; a check every 10 s.
fn behind_a_balancer(desired: u32, more: &str) -> String {
    service(
        desired,
        &format!(
            "availability_zone_rebalancing = \"DISABLED\"\n\
             load_balancer = {{ health_check = {{ interval = \"10s\" }}, deregistration_delay = \"0s\" }}\n\
             traffic = {{ generate = {{ per_second = 100 }}, cpu_ms_per_request = 1 }}\n{more}"
        ),
    )
}

/// Instants and shares of production traffic, in percent, of a deployment.
fn shifts(told: &Told, number: u32) -> Vec<(f64, u32)> {
    let of = |row: &&std::collections::BTreeMap<String, String>| {
        row["deployment"] == number.to_string()
            && row["event"] == "TRAFFIC"
            && row["reason"] == "production traffic"
    };
    let shift = |row: &std::collections::BTreeMap<String, String>| {
        (seconds(row, "time_s").unwrap(), count(row, "traffic_percent"))
    };
    told.deployments.iter().filter(of).map(shift).collect()
}

/// Minutes from the first shift, and shares.
fn minutes_of(shifts: &[(f64, u32)]) -> Vec<(f64, u32)> {
    let after = |at: f64| (1e6 * (at - shifts[0].0)).round() / 6e7;
    shifts.iter().map(|(at, share)| (after(*at), *share)).collect()
}

#[test]
fn blue_green_doubles_the_tasks_shifts_at_once_bakes_and_cleans_up() {
    let more = format!(
        "deployment_configuration = {{ strategy = \"BLUE_GREEN\", bake_time = \"5m\" }}\n{UPDATE}"
    );
    let told = tell(&(cluster(4, 100, "30m") + &behind_a_balancer(4, &more)));
    let entered = |stage: &str| told.once(2, "STAGE", stage);
    assert_eq!(entered("RECONCILE_SERVICE"), 101.0);
    assert_eq!(entered("SCALE_UP"), 101.0);
    // Four green tasks start at 101 s and are RUNNING at 103 s; their first checks come within the next 10 s.
    assert_eq!(told.placed(1.0), [101.0; 4]);
    let up = entered("POST_SCALE_UP");
    assert!((104.0..=114.0).contains(&up), "{up}");
    assert_eq!(shifts(&told, 2), [(entered("PRODUCTION_TRAFFIC_SHIFT"), 100)]);
    assert_eq!(count(told.service_at(300.0), "running"), 8, "blue is still there");
    let bake = entered("BAKE_TIME");
    assert_eq!(bake, up);
    assert_eq!(entered("CLEAN_UP"), bake + 300.0);
    // Blue goes at the next look, one second later; the one after sees that it has gone.
    assert_eq!(told.once(2, "COMPLETED", ""), bake + 301.0);
    assert_eq!(count(told.service_at(600.0), "running"), 4);
    assert_eq!(told.deployment(1, "INACTIVE", "").len(), 1);
    let dropped: f64 = told.services.iter().filter_map(|row| seconds(row, "dropped")).sum();
    assert_eq!(dropped, 0.0, "nobody is without a target at any time");
}

#[test]
fn a_canary_gets_its_share_then_the_rest() {
    let more = format!(
        "deployment_configuration = {{ strategy = \"CANARY\", canary = {{ percent = 10, bake_time = \"10m\" }} }}\n{UPDATE}"
    );
    let told = tell(&(cluster(4, 100, "1h") + &behind_a_balancer(4, &more)));
    assert_eq!(minutes_of(&shifts(&told, 2)), [(0.0, 10), (10.0, 100)]);
}

#[test]
fn ten_linear_steps_take_54_minutes_and_steps_of_30_percent_have_three_waits() {
    let with = |linear: &str| {
        let more = format!(
            "deployment_configuration = {{ strategy = \"LINEAR\", linear = {{ {linear} }} }}\n{UPDATE}"
        );
        let told = tell(&(cluster(4, 100, "90m") + &behind_a_balancer(4, &more)));
        assert_eq!(told.deployment(2, "COMPLETED", "").len(), 1);
        minutes_of(&shifts(&told, 2))
    };
    let tens: Vec<(f64, u32)> =
        (0..10).map(|step| (6.0 * f64::from(step), 10 * (step + 1))).collect();
    assert_eq!(with("step_percent = 10, step_bake_time = \"6m\""), tens);
    let thirties = [(0.0, 30), (1.0, 60), (2.0, 90), (3.0, 100)];
    assert_eq!(with("step_percent = 30, step_bake_time = \"1m\""), thirties);
}

#[test]
fn traffic_of_a_shift_is_served_by_both_revisions_in_its_shares() {
    // Green answers every request with an error: errors are its share.
    let more = "deployment_configuration = { strategy = \"CANARY\", canary = { percent = 10, bake_time = \"10m\" } }\n\
                [[service.update]]\nat = \"100s\"\ntask_definition = \"new\"\nbehaviour = { error_percent = 100 }\n";
    let told = tell(&(cluster(4, 100, "30m") + &behind_a_balancer(4, more)));
    let share_at = |at: f64| {
        let row = told.service_at(at);
        100.0 * seconds(row, "errors").unwrap() / seconds(row, "served").unwrap()
    };
    assert_eq!(share_at(90.0), 0.0);
    assert!((share_at(300.0) - 10.0).abs() < 0.01, "{}", share_at(300.0));
    assert!((share_at(1_000.0) - 100.0).abs() < 0.01, "{}", share_at(1_000.0));
}

#[test]
fn hooks_hold_up_their_stages_and_a_failed_one_sends_traffic_back() {
    let with = |hook: &str| {
        let more = format!(
            "deployment_configuration = {{ strategy = \"BLUE_GREEN\", bake_time = \"1m\", lifecycle_hook = [{{ {hook} }}] }}\n{UPDATE}"
        );
        tell(&(cluster(4, 100, "1h") + &behind_a_balancer(2, &more)))
    };
    let told = with("lifecycle_stages = [\"PRE_SCALE_UP\"], takes = \"90s\"");
    assert_eq!(told.once(2, "STAGE", "PRE_SCALE_UP"), 101.0);
    assert_eq!(told.once(2, "STAGE", "SCALE_UP"), 191.0);
    let told = with(
        "lifecycle_stages = [\"POST_PRODUCTION_TRAFFIC_SHIFT\"], takes = \"30s\", result = \"FAILED\"",
    );
    let shifted = told.once(2, "STAGE", "POST_PRODUCTION_TRAFFIC_SHIFT");
    assert_eq!(told.once(2, "FAILED", ""), shifted + 30.0);
    let back = told.deployments.iter().find(|row| row["event"] == "ROLLING_BACK").unwrap();
    assert_eq!(count(back, "traffic_percent"), 0);
    assert_eq!(count(told.service_at(600.0), "running"), 2);
    let live = told.tasks.iter().filter(|task| seconds(task, "stopped_s").is_none());
    assert!(live.map(|task| &task["task_definition"]).all(|of| of.starts_with("web:")));
    let told = with("lifecycle_stages = [\"POST_SCALE_UP\"], type = \"PAUSE\", timeout = \"10m\"");
    let paused = told.once(2, "STAGE", "POST_SCALE_UP");
    assert_eq!(told.once(2, "FAILED", ""), paused + 600.0);
}

/// An alarm over errors, a point of which is a minute.
const ALARM: &str = "alarms = { rollback = true, alarm = [{ name = \"errors\", metric = \"error_percent\", threshold = 5 }] }";
/// A new revision at 100 s that answers every second request with an error.
const BAD: &str = "[[service.update]]\nat = \"100s\"\ntask_definition = \"new\"\nbehaviour = { error_percent = 50 }\n";

#[test]
fn an_alarm_in_the_bake_time_brings_blue_back() {
    let more = format!(
        "deployment_configuration = {{ strategy = \"BLUE_GREEN\", bake_time = \"10m\", {ALARM} }}\n{BAD}"
    );
    let told = tell(&(cluster(4, 100, "30m") + &behind_a_balancer(4, &more)));
    // Traffic goes over within 115 s; the point of the minute up to 120 s has errors, and shows 120 s after that minute.
    assert_eq!(told.once(2, "FAILED", ""), 241.0);
    assert_eq!(count(told.service_at(300.0), "running"), 4);
    assert_eq!(seconds(told.service_at(300.0), "errors"), Some(0.0));
    assert!(told.deployment(2, "COMPLETED", "").is_empty());
    assert_eq!(told.event("DEPLOYMENT_BLOCKED"), [], "blue is where it should be");
}

#[test]
fn an_alarm_rolls_a_rolling_deployment_back() {
    let more = format!("deployment_configuration = {{ {ALARM} }}\n{BAD}");
    let told = tell(&(cluster(4, 100, "30m") + &behind_a_balancer(4, &more)));
    assert_eq!(told.once(2, "FAILED", ""), 240.0);
    assert_eq!(count(told.service_at(300.0), "newest_revision"), 4);
    assert_eq!(seconds(told.service_at(300.0), "errors"), Some(0.0));
    let live = told.tasks.iter().filter(|task| seconds(task, "stopped_s").is_none());
    assert!(live.map(|task| &task["task_definition"]).all(|of| of.starts_with("web:")));
}

#[test]
fn an_alarm_that_fires_already_does_not_count_for_a_deployment() {
    // Points show two minutes late: at 400 s the alarm has been in ALARM for minutes.
    let update = UPDATE.replace("100s", "400s");
    let more = format!(
        "deployment_configuration = {{ {ALARM}, bake_time = \"2m\" }}\nbehaviour = {{ error_percent = 20 }}\n{update}"
    );
    let told = tell(&(cluster(4, 100, "30m") + &behind_a_balancer(4, &more)));
    assert!(told.deployment(2, "FAILED", "").is_empty());
    let baked = told.once(2, "STAGE", "BAKE_TIME");
    assert!((told.once(2, "COMPLETED", "") - baked - 120.0).abs() < 1e-6);
}

#[test]
fn early_success_completes_before_the_old_tasks_are_gone() {
    let with = |old: &str| {
        let more = format!(
            "availability_zone_rebalancing = \"DISABLED\"\n\
             deployment_configuration = {{ minimum_healthy_percent = 50, maximum_percent = 100, \
             early_success_criteria = {{ healthy_percent = 50, old_tasks = \"{old}\" }} }}\n{UPDATE}"
        );
        tell(&(cluster(4, 100, "30m") + &service(4, &more)))
    };
    // −2 +2 at 101 s; two of four are healthy at 143 s, seen at 144 s, when the last two old ones go.
    let told = with("DEFERRED");
    assert_eq!(rounds(&told), [(2, 2), (2, 2)]);
    assert_eq!(told.once(2, "COMPLETED", ""), 144.0);
}

#[test]
fn code_deploy_shifts_as_its_configuration_says_and_keeps_blue_for_an_hour() {
    let with = |name: &str| {
        let more = format!(
            "deployment_controller = \"CODE_DEPLOY\"\ndeployment_configuration = {{ code_deploy = \"CodeDeployDefault.{name}\" }}\n{UPDATE}"
        );
        tell(&(cluster(4, 100, "3h") + &behind_a_balancer(2, &more)))
    };
    let told = with("ECSAllAtOnce");
    assert_eq!(minutes_of(&shifts(&told, 2)), [(0.0, 100)]);
    let bake = told.once(2, "STAGE", "BAKE_TIME");
    assert_eq!(told.once(2, "STAGE", "CLEAN_UP"), bake + 3_600.0);
    let told = with("ECSCanary10Percent5Minutes");
    assert_eq!(minutes_of(&shifts(&told, 2)), [(0.0, 10), (5.0, 100)]);
    let told = with("ECSLinear10PercentEvery3Minutes");
    let tens: Vec<(f64, u32)> =
        (0..10).map(|step| (3.0 * f64::from(step), 10 * (step + 1))).collect();
    assert_eq!(minutes_of(&shifts(&told, 2)), tens);
}

#[test]
fn external_task_sets_have_their_scale_and_traffic_follows_the_primary() {
    let more = "deployment_controller = \"EXTERNAL\"\n\
        [[service.task_set]]\nname = \"blue\"\n\
        [[service.update]]\nat = \"100s\"\ncreate_task_set = { name = \"green\", task_definition = \"new\", behaviour = { error_percent = 100 }, scale_percent = 30 }\n\
        [[service.update]]\nat = \"200s\"\nupdate_task_set = { name = \"green\", scale_percent = 100 }\n\
        [[service.update]]\nat = \"300s\"\nprimary_task_set = \"green\"\n\
        [[service.update]]\nat = \"400s\"\ndelete_task_set = \"blue\"\n";
    let told = tell(&(cluster(4, 100, "20m") + &behind_a_balancer(5, more)));
    // ⌈5 × 30 %⌉ = 2.
    assert_eq!(told.steps(1.0), [(101.0, 0, 2), (201.0, 0, 3), (401.0, 5, 0)]);
    assert_eq!(seconds(told.service_at(290.0), "errors"), Some(0.0));
    let later = told.service_at(350.0);
    assert_eq!(later["errors"], later["served"]);
    assert_eq!(told.deployment(1, "INACTIVE", "").len(), 1);
    assert!(told.event("TASKSET_STEADY_STATE").len() >= 2);
}

#[test]
fn a_deployment_over_a_blue_green_one_that_cleans_up_leaves_the_serving_tasks() {
    // Blue's tasks protect themselves, so that CLEAN_UP takes long; the third deployment comes meanwhile.
    let more = format!(
        "deployment_configuration = {{ strategy = \"BLUE_GREEN\", bake_time = \"1m\" }}\nprotection = {{ expires_in = \"10m\" }}\n\
         {UPDATE}[[service.update]]\nat = \"300s\"\nforce_new_deployment = true\n"
    );
    let told = tell(&(cluster(4, 100, "1h") + &behind_a_balancer(2, &more)));
    assert_eq!(told.once(2, "COMPLETED", ""), 300.0);
    assert_eq!(told.deployment(3, "COMPLETED", "").len(), 1);
    let dropped: f64 = told.services.iter().filter_map(|row| seconds(row, "dropped")).sum();
    assert_eq!(dropped, 0.0);
    assert!(told.services.iter().all(|row| count(row, "healthy") >= 2));
}

#[test]
fn zones_out_of_balance_are_balanced_one_task_at_a_time() {
    // A rolling update in rounds leaves 4 tasks in one zone and 2 in the other: new tasks are spread by the tasks that
    // are there in each round, old ones included.
    let more = format!(
        "deployment_configuration = {{ minimum_healthy_percent = 100, maximum_percent = 150 }}\n{UPDATE}"
    );
    let told = tell(&(cluster(4, 100, "1h") + &service(6, &more)));
    let done = told.once(2, "COMPLETED", "");
    assert_eq!(told.event("SERVICE_REBALANCING_STARTED")[0].0, done + 60.0);
    let after: Vec<(f64, u32, u32)> =
        told.steps(done + 1.0).iter().map(|(at, out, new)| (at - done, *out, *new)).collect();
    // Started 60 s after the steady state; RUNNING 2 s, healthy 42 s, seen 43 s later, one goes a second after that.
    assert_eq!(after, [(60.0, 0, 1), (104.0, 1, 0)]);
    let lives = |zone: &str| {
        let there = told.tasks.iter().filter(|t| seconds(t, "stopped_s").is_none());
        there.filter(|t| t["availability_zone"] == zone).count()
    };
    assert_eq!((lives("us-east-1a"), lives("us-east-1b")), (3, 3));
    assert_eq!(told.event("SERVICE_REBALANCING_COMPLETED").len(), 1);
}

/// Families of the tasks that live at the end, in order.
fn families(told: &Told) -> Vec<&str> {
    let live = told.tasks.iter().filter(|task| seconds(task, "stopped_s").is_none());
    live.map(|task| task["task_definition"].split(':').next().unwrap()).collect()
}

/// The only task that runs at 200 s crashes.
const CRASH: &str = "[[failure]]\nat = \"200s\"\nservice = \"api\"\n";

#[test]
fn a_crashed_task_of_the_old_revision_is_replaced_by_its_own_while_the_new_one_does_not_start() {
    let told = tell(&(cluster(2, 100, "10m") + &service(1, BROKEN) + CRASH));
    assert_eq!(families(&told), ["web"]);
    let old = told.tasks.iter().find(|t| seconds(t, "placed_s") == Some(201.0)).unwrap();
    assert!(old["task_definition"].starts_with("web"), "{old:?}");
}

#[test]
fn a_crashed_blue_task_is_replaced_while_green_waits() {
    let more = format!(
        "deployment_configuration = {{ strategy = \"BLUE_GREEN\", lifecycle_hook = [{{ lifecycle_stages = [\"PRE_SCALE_UP\"], result = \"FAILED\", takes = \"10m\" }}] }}\n{UPDATE}"
    );
    let told = tell(&(cluster(2, 100, "1h") + &behind_a_balancer(1, &more) + CRASH));
    assert_eq!(told.once(2, "FAILED", ""), 701.0);
    assert_eq!(told.placed(1.0), [201.0]);
    assert_eq!(families(&told), ["web"]);
}

#[test]
fn green_that_does_not_start_holds_back_no_task_of_blue() {
    let more = format!("deployment_configuration = {{ strategy = \"BLUE_GREEN\" }}\n{BROKEN}");
    let told = tell(&(cluster(2, 100, "1h") + &behind_a_balancer(1, &more) + CRASH));
    // The throttle holds since 109 s, but the task of blue that crashes at 200 s is back at 201 s.
    assert_eq!(count(told.service_at(210.0), "running"), 1);
    assert!(told.placed(203.0)[0] > 201.0, "green is tried again");
    assert_eq!(families(&told).first(), Some(&"web"));
}

#[test]
fn a_scale_out_during_blue_green_reaches_both_revisions() {
    let more = format!(
        "deployment_configuration = {{ strategy = \"BLUE_GREEN\", bake_time = \"10m\" }}\n{UPDATE}[[service.update]]\nat = \"300s\"\ndesired_count = 5\n"
    );
    let told = tell(&(cluster(2, 100, "1h") + &behind_a_balancer(3, &more)));
    assert_eq!(told.steps(1.0)[..2], [(101.0, 0, 3), (301.0, 0, 4)]);
    assert_eq!(count(told.service_at(400.0), "running"), 10);
    assert_eq!(families(&told), ["new"; 5]);
}

#[test]
fn a_deployment_over_a_baking_blue_green_one_goes_back_to_blue_first() {
    let more = format!(
        "deployment_configuration = {{ strategy = \"BLUE_GREEN\", bake_time = \"10m\" }}\n{UPDATE}[[service.update]]\nat = \"300s\"\nforce_new_deployment = true\n"
    );
    let told = tell(&(cluster(2, 100, "1h") + &behind_a_balancer(3, &more)));
    assert_eq!(told.once(2, "SUPERSEDED", ""), 300.0);
    // The first green tasks go before the next ones come.
    assert_eq!(told.steps(1.0)[..3], [(101.0, 0, 3), (301.0, 3, 0), (302.0, 0, 3)]);
    assert_eq!(told.deployment(3, "COMPLETED", "").len(), 1);
    assert_eq!(told.deployment(1, "INACTIVE", "").len(), 1);
    assert!(told.services.iter().all(|row| count(row, "healthy") >= 3));
}

#[test]
fn a_scale_out_during_a_rolling_deployment_reaches_both_revisions_and_completes() {
    let more = format!("{UPDATE}[[service.update]]\nat = \"110s\"\ndesired_count = 6\n");
    let told = tell(&(cluster(4, 100, "10m") + &service(4, &more)));
    assert_eq!(families(&told), ["new"; 6]);
    assert_eq!(told.deployment(2, "COMPLETED", "").len(), 1);
}

#[test]
fn a_scale_in_to_nothing_during_a_deployment_completes_it() {
    let more = format!("{UPDATE}[[service.update]]\nat = \"110s\"\ndesired_count = 0\n");
    let told = tell(&(cluster(4, 100, "10m") + &service(4, &more)));
    assert!(families(&told).is_empty());
    assert_eq!(told.once(2, "COMPLETED", ""), 112.0, "they stop within a second");
}

#[test]
fn a_fix_after_a_stalled_deployment_comes_in() {
    let more = format!(
        "deployment_configuration = {{ deployment_circuit_breaker = {{ rollback = false }} }}\n{BROKEN}\
         [[service.update]]\nat = \"600s\"\ntask_definition = \"new\"\nbehaviour = {{ start_failure_percent = 0 }}\n"
    );
    let told = tell(&(cluster(4, 100, "1h") + &service(4, &more)));
    assert_eq!(told.steps(600.0)[0], (601.0, 0, 4));
    assert_eq!(told.once(3, "COMPLETED", ""), 645.0, "the old ones stop within a second");
    assert_eq!(families(&told), ["new"; 4]);
}

#[test]
fn a_rollback_without_a_completed_deployment_stalls() {
    let more = "starts_running = false\nbehaviour = { start_failure_percent = 100 }\n\
                deployment_configuration = { deployment_circuit_breaker = { rollback = true } }\n";
    let told = tell(&(cluster(4, 100, "2h") + &service(2, more)));
    // Two fail at 2 s, one more at 5 s: the third of ⌈2 × 50 %⌉, at least 3.
    assert_eq!(told.once(1, "FAILED", ""), 5.0);
    assert_eq!(told.placed(0.0), [0.0, 0.0, 3.0, 3.0]);
}

#[test]
fn tasks_replaced_for_their_health_are_counted_by_the_circuit_breaker() {
    // Every task runs, and none passes its check: each is replaced for its health, which the circuit breaker counts.
    let base = cluster(2, 100, "2h").replace(
        "family = \"new\"",
        "family = \"new\"\nhealth_check = { interval = \"10s\", retries = 2 }",
    );
    let more = "deployment_configuration = { deployment_circuit_breaker = { rollback = true, threshold = { type = \"COUNT\", value = 2 } } }\n\
                [[service.update]]\nat = \"100s\"\ntask_definition = \"new\"\nbehaviour = { never_healthy_percent = 100 }\n";
    let told = tell(&(base + &service(2, more)));
    let failed = told.deployments.iter().find(|row| row["event"] == "FAILED").unwrap();
    assert_eq!(count(failed, "failed_tasks"), 2);
    assert_eq!(told.deployment(1, "COMPLETED", "").len(), 2);
    assert_eq!(families(&told), ["web"; 2]);
}

#[test]
fn a_daemon_update_that_cannot_start_goes_back() {
    let daemon = "[[service]]\nname = \"agent\"\ntask_definition = \"web\"\nlaunch_type = \"EC2\"\nscheduling_strategy = \"DAEMON\"\n\
         deployment_configuration = { deployment_circuit_breaker = { rollback = true } }\n";
    let told = tell(&(cluster(4, 2, "10m") + daemon + BROKEN));
    // All four stop and four start at 101 s; the third failure at 103 s is one too many, and all is as it was at 144 s.
    assert_eq!(told.once(2, "FAILED", ""), 103.0);
    assert_eq!(families(&told), ["web"; 4]);
    assert_eq!(count(told.service_at(200.0), "healthy"), 4);
}
