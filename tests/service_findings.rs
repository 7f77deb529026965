//! What people who run ECS report of their services, each as a scenario with the outcome that they saw.

use crate::support::services::{Cells, Told, count, seconds, tell};

/// A task definition for Fargate and how long the run takes.
fn head(duration: &str) -> String {
    format!(
        "[simulation]\nduration = \"{duration}\"\n\n[[task_definition]]\nfamily = \"w\"\ncpu = 1024\nmemory = 2048\nnetwork_mode = \"awsvpc\"\nimage_mib = 50\n\n"
    )
}

/// A service on Fargate.
fn fargate(desired: u32, more: &str) -> String {
    format!(
        "[[service]]\nname = \"api\"\ntask_definition = \"w\"\nlaunch_type = \"FARGATE\"\ndesired_count = {desired}\n{more}\n"
    )
}

const BREAKER: &str = "deployment_configuration = { deployment_circuit_breaker = { enable = true, rollback = true } }";

#[test]
fn the_circuit_breaker_counts_tasks_that_exit_before_they_are_healthy() {
    let dies = "update = [{ at = \"10m\", behaviour = { time_to_failure = \"1s\" } }]";
    for check in ["", "load_balancer = {}"] {
        let told = tell(&(head("1h") + &fargate(2, &format!("{check}\n{BREAKER}\n{dies}"))));
        // Half of 2, at least 3 failures; each takes a start and the second that it lives.
        let failed = told.once(2, "FAILED", "");
        assert!((600.0..1_200.0).contains(&failed), "{failed}");
        let row = told.deployments.iter().find(|row| row["event"] == "FAILED").unwrap();
        assert_eq!(count(row, "failed_tasks"), 3);
        assert_eq!(told.deployment(2, "ROLLING_BACK", "").len(), 1);
        assert!(told.placed(600.0).len() < 15);
    }
}

#[test]
fn a_task_that_crashes_at_once_comes_back_every_12_to_25_seconds() {
    // 2 s to start, 1 s to live, 8 to 20 s until the scheduler knows: 17 s on average, so that an hour has 212 starts.
    let text = |more: &str, service: &str| {
        format!(
            "[simulation]\nduration = \"1h\"\n[[capacity_provider]]\nname = \"ec2\"\ninstance_types = [\"m5.large\"]\ndesired_capacity = 1\n[[task_definition]]\nfamily = \"w\"\ncpu = 128\nmemory = 128\nimage_mib = 100\n{more}\n[[service]]\nname = \"w\"\ntask_definition = \"w\"\nstarts_running = false\nbehaviour = {{ time_to_failure = \"1s\" }}\n{service}\n"
        )
    };
    let gaps = |told: &Told| -> Vec<f64> {
        told.placed(1.0).windows(2).map(|two| two[1] - two[0]).collect()
    };
    for service in
        ["", "scheduling_strategy = \"DAEMON\"", "scaling = { min_capacity = 1, max_capacity = 1 }"]
    {
        let told = tell(&text("", service));
        let all = gaps(&told);
        assert!(all.iter().all(|gap| (11.0..=23.1).contains(gap)), "{all:?}");
        assert!((205..220).contains(&told.tasks.len()), "{}", told.tasks.len());
    }
    // Whoever scales out meanwhile does not have to wait for it: desired 3 at 10 min.
    let told = tell(&text("", "update = [{ at = \"10m\", desired_count = 3 }]"));
    let at_ten: Vec<f64> = told.placed(600.0).into_iter().filter(|&at| at < 606.0).collect();
    assert!((2..=3).contains(&at_ten.len()), "{at_ten:?}");
    // A scheduler of a known pace keeps it, unless it is told otherwise.
    let told = tell(&text("[service_scheduler]\nreaction = \"1s\"", ""));
    assert!(gaps(&told).iter().all(|&gap| (gap - 4.0).abs() < 1e-3));
    let both = "[service_scheduler]\nreaction = \"1s\"\ncrash_reaction = \"7s\"";
    assert!(gaps(&tell(&text(both, ""))).iter().all(|&gap| (gap - 10.0).abs() < 1e-3));
}

#[test]
fn the_circuit_breaker_counts_launches_that_cannot_be_made() {
    let text = format!(
        "[simulation]\nduration = \"1h\"\n\n[[task_definition]]\nfamily = \"w\"\ncpu = 1536\nmemory = 1024\nnetwork_mode = \"bridge\"\n\n[[capacity_provider]]\nname = \"ec2\"\ninstance_types = [\"m5.large\"]\ndesired_capacity = 2\n\n[[service]]\nname = \"api\"\ntask_definition = \"w\"\ndesired_count = 2\n{BREAKER}\nupdate = [{{ at = \"10m\", force_new_deployment = true }}]\n"
    );
    let told = tell(&text);
    let failed = told.once(2, "FAILED", "");
    assert!((601.0..700.0).contains(&failed), "{failed}");
    let row = told.deployments.iter().find(|row| row["event"] == "FAILED").unwrap();
    assert_eq!(count(row, "failed_tasks"), 3);
    assert_eq!(told.deployment(2, "ROLLING_BACK", "").len(), 1);
    // A repeated warning is told once until the service is steady.
    assert_eq!(told.event("SERVICE_TASK_PLACEMENT_FAILURE").len(), 1);
    assert_eq!(told.tasks.len(), 2, "the two old tasks stay");
}

#[test]
fn long_requests_do_not_make_health_checks_fail() {
    // 4 requests a second at 1 ms of CPU: four vCPUs are 0.1 % busy, nobody waits, however long the answers take.
    for fidelity in ["fluid", "requests"] {
        for io in [4_000, 6_000, 20_000] {
            let more = format!(
                "load_balancer = {{}}\n[service.traffic]\nfidelity = \"{fidelity}\"\ncpu_ms_per_request = 1\nio_ms_per_request = {io}\ngenerate = {{ per_second = 4 }}"
            );
            let told = tell(&(head("20m") + &fargate(4, &more)));
            assert_eq!(told.tasks.len(), 4, "{fidelity} {io}");
        }
    }
}

#[test]
fn zones_are_rebalanced_when_one_has_room_again() {
    let text = r#"
[simulation]
duration = "3h"
[[capacity_provider]]
name = "a"
instance_types = ["m5.large"]
desired_capacity = 2
availability_zones = ["us-east-1a", "us-east-1b"]
attributes = { p = "free" }
[[capacity_provider]]
name = "c"
instance_types = ["m5.large"]
desired_capacity = 1
availability_zones = ["us-east-1c"]
attributes = { p = "full" }
[[task_definition]]
family = "w"
cpu = 512
memory = 512
[[task_definition]]
family = "hog"
cpu = 2048
memory = 1024
[[service]]
name = "hog"
task_definition = "hog"
desired_count = 1
placement_constraints = [{ type = "memberOf", expression = "attribute:p == full" }]
update = [{ at = "2h", desired_count = 0 }]
[[service]]
name = "w"
task_definition = "w"
desired_count = 6
update = [{ at = "2h 20m", desired_count = 7 }]
"#;
    let told = tell(text);
    let mut started = told.event("SERVICE_REBALANCING_STARTED");
    started.retain(|(at, _)| *at > 8_400.0);
    // The seventh task makes it 3/3/1, healthy about 45 s after 8,400 s; a minute of steadiness later it moves one.
    assert_eq!(started.len(), 1, "{started:?}");
    assert!((8_490.0..8_530.0).contains(&started[0].0), "{started:?}");
}

#[test]
fn deployment_alarms_see_points_as_late_as_cloudwatch_shows_them() {
    let more = "load_balancer = { deregistration_delay = \"60s\" }\nbehaviour = { error_percent = 0 }\nupdate = [{ at = \"30m\", behaviour = { error_percent = 30 } }]\ndeployment_configuration = { alarms = { rollback = true, alarm = [{ name = \"5xx\", metric = \"error_percent\", threshold = 5, evaluation_periods = 2 }] } }\n[service.traffic]\ncpu_ms_per_request = 10\ngenerate = { per_second = 100 }";
    let told = tell(&(head("1h") + &fargate(4, more)));
    // New tasks answer from about 1,840 s on: 20 s · 30 % of the minute that ends at 1,860 s are more than 5 % of it.
    // That minute and the next are the first above; the second shows 120 s later.
    assert_eq!(told.once(2, "FAILED", ""), 1_920.0 + 120.0);
}

#[test]
fn a_missing_point_is_no_good_one_for_the_alarm_of_a_deployment() {
    let more = "load_balancer = { deregistration_delay = \"60s\" }\nbehaviour = { error_percent = 0 }\nupdate = [{ at = \"30m\", behaviour = { error_percent = 30 } }]\ndeployment_configuration = { bake_time = \"20m\", alarms = { rollback = true, alarm = [{ name = \"5xx\", metric = \"error_percent\", threshold = 5, evaluation_periods = 3 }] } }\n[service.traffic]\ncpu_ms_per_request = 10\ngenerate = { per_second = 100 }\n";
    let text = head("1h") + &fargate(4, more);
    // The first minute above ends at 1,860 s; three of three are there at 1,980 s and show two minutes later.
    assert_eq!(tell(&text).once(2, "FAILED", ""), 1_980.0 + 120.0);
    // Without that of 1,980 s the next one makes `0 X X - X`, which is ALARM (CloudWatch's table).
    let dark = "[[failure]]\nkind = \"metrics_outage\"\nat = \"1975s\"\nduration = \"10s\"\n";
    assert_eq!(tell(&(text + dark)).once(2, "FAILED", ""), 2_040.0 + 120.0);
}

#[test]
fn a_desired_count_of_0_is_not_blocked() {
    let told = tell(
        &(head("20m") + &fargate(0, "update = [{ at = \"10m\", force_new_deployment = true }]")),
    );
    assert_eq!(told.event("DEPLOYMENT_BLOCKED"), []);
    assert_eq!(told.deployment(2, "COMPLETED", "").len(), 1);
}

#[test]
fn a_used_up_quota_of_fargate_is_named_as_such() {
    let text = head("10m") + "[limits]\nfargate_vcpus = 2\n\n" + &fargate(3, "");
    let told = tell(&text);
    let failures = told.event("SERVICE_TASK_PLACEMENT_FAILURE");
    assert!(!failures.is_empty());
    for (_, text) in failures {
        assert!(text.contains("reached the limit on the number of vCPUs"), "{text}");
        assert!(!text.contains("container instance"), "{text}");
    }
}

#[test]
fn a_scale_out_cooldown_holds_target_tracking_back() {
    // 60 requests in flight at a target of 10 want six tasks. Four are there: the points of the minutes in which the
    // fifth and sixth start are still those of four tasks, and must not be multiplied with six.
    let more = "[service.behaviour]\nidle_memory = 100\n[service.traffic]\nfidelity = \"requests\"\ncpu_ms_per_request = 1\nio_ms_per_request = 60000\nmemory_kib_per_request = 20480\ntimeout = \"120s\"\ngenerate = { per_second = 1, poisson = false }\n[service.scaling]\nmin_capacity = 1\nmax_capacity = 20\ntarget_tracking = [{ metric = \"ConcurrencyPerTarget\", target_value = 10 }]";
    let told = tell(&(head("20m") + &fargate(4, more)));
    let most = told.services.iter().map(|row| count(row, "desired")).max();
    assert_eq!(most, Some(6));
}

#[test]
fn target_tracking_scales_in_gradually() {
    // 1 % of a target of 50 % wants one task of 40: 36, 33, 30, 27, 25, ... a tenth at a time, after each cooldown.
    let run = |percent: &str| {
        let more = format!(
            "[service.traffic]\ncpu_ms_per_request = 10\ngenerate = {{ per_second = 40 }}\n[service.scaling]\nmin_capacity = 1\nmax_capacity = 40\ntarget_tracking = [{{ metric = \"cpu\", target_value = 50, {percent} }}]"
        );
        let told = tell(&(head("45m") + &fargate(40, &more)));
        let mut steps: Vec<(u32, u32)> = Vec::new();
        for row in &told.services {
            let (at, desired) = (row["time_s"].parse::<f64>().unwrap(), count(row, "desired"));
            if steps.last().is_none_or(|&(_, before)| before != desired) {
                steps.push((at as u32, desired));
            }
        }
        steps
    };
    // The fifteenth point ends at 900 s and shows 120 s later.
    let gradual = [(0, 40), (1_020, 36), (1_320, 33), (1_620, 30), (1_920, 27), (2_220, 25)];
    assert_eq!(run("")[..6], gradual);
    assert_eq!(run("scale_in_percent = 100"), [(0, 40), (1_020, 1)]);
}

/// A service on Fargate in the network mode and of the image size of the reports.
fn reported(balancer: &str, desired: u32, more: &str) -> Told {
    let load_balancer = format!("load_balancer = {balancer}\n{more}");
    tell(
        &(head("1h").replace("cpu = 1024", "cpu = 256").replace("memory = 2048", "memory = 512")
            + &fargate(desired, &load_balancer)),
    )
}

#[test]
fn a_deployment_ends_when_the_old_tasks_are_gone() {
    let update = "update = [{ at = \"10m\", force_new_deployment = true }]";
    // The old tasks begin to drain at about 668 s; then the deregistration delay, 30 s at most to stop, the ENI.
    let told = reported("{}", 4, update);
    let done = told.once(2, "COMPLETED", "");
    let last = told.tasks.iter().filter_map(|task| seconds(task, "stopped_s")).fold(0.0, f64::max);
    assert!((968.0..985.0).contains(&last), "{last}");
    assert!((last + 1.0..last + 5.1).contains(&done), "{done} after {last}");
    assert_eq!(told.once(1, "INACTIVE", ""), done);
    let steady: Vec<f64> = told.event("SERVICE_STEADY_STATE").iter().map(|(at, _)| *at).collect();
    assert_eq!(steady.last(), Some(&done));
    assert_eq!(count(told.service_at(900.0), "draining"), 4);
    assert_eq!(count(told.service_at(1_020.0), "draining"), 0);
    // Five checks of 30 s each and 5 s of delay.
    let tuned = "{ deregistration_delay = \"5s\", health_check = { interval = \"5s\", timeout = \"2s\", healthy_threshold = 2 } }";
    let done = reported(tuned, 4, update).once(2, "COMPLETED", "");
    assert!((640.0..665.0).contains(&done), "{done}");
}

#[test]
fn draining_tasks_keep_their_places() {
    let never = format!(
        "{BREAKER}\nupdate = [{{ at = \"10m\", behaviour = {{ never_healthy_percent = 100 }} }}]"
    );
    let run = |delay: &str, flag: &str| {
        let told = reported(&format!("{{ deregistration_delay = \"{delay}\" }}"), 1, &never);
        if flag.is_empty() {
            return told;
        }
        let balancer = format!("load_balancer = {{ deregistration_delay = \"{delay}\" }}\n{never}");
        tell(&(flag.to_string() + &head("1h") + &fargate(1, &balancer)))
    };
    let told = run("300s", "");
    // A start, checks until the third fails, 300 s of draining: only then is there room for the next one.
    let starts = told.placed(600.0);
    for (start, about) in starts.iter().zip([601.0, 990.0, 1_380.0]) {
        assert!((start - about).abs() < 25.0, "{starts:?}");
    }
    let failed = told.once(2, "FAILED", "");
    assert!((1_440.0..1_500.0).contains(&failed), "{failed}");
    let alive = |at: f64| {
        let is_there = |task: &&_| {
            seconds(task, "placed_s").is_some_and(|placed| placed <= at)
                && seconds(task, "stopping_s").is_none_or(|stopping| stopping > at)
        };
        told.tasks.iter().filter(is_there).count()
    };
    assert!(starts.iter().all(|&at| alive(at) <= 2), "2 are allowed");
    let failed = run("0s", "").once(2, "FAILED", "");
    assert!((840.0..890.0).contains(&failed), "{failed}");
    let failed = run("300s", "[service_scheduler]\ndraining_tasks_count = false\n");
    let failed = failed.once(2, "FAILED", "");
    assert!((840.0..890.0).contains(&failed), "{failed}");
}

/// 100 requests a second at two tasks on Fargate, and what the table of services says of those that were lost.
fn lost(balancer: &str, fidelity: &str, more: &str) -> f64 {
    let traffic = format!(
        "{more}\n[service.traffic]\nfidelity = \"{fidelity}\"\ncpu_ms_per_request = 2\ngenerate = {{ per_second = 100 }}"
    );
    let text = head("20m") + &fargate(2, &format!("load_balancer = {balancer}\n{traffic}"));
    let told = tell(&if more.is_empty() {
        text + "\n[[failure]]\nat = \"10m\"\nservice = \"api\"\ntasks = 1\n"
    } else {
        text
    });
    let lost = |row: &Cells| row["dropped_task_lost"].parse::<f64>().unwrap();
    told.services.iter().map(lost).sum()
}

#[test]
fn a_crash_costs_requests_until_the_load_balancer_knows() {
    for fidelity in ["fluid", "requests"] {
        // Half of 100/s for 4 s.
        let of = lost("{}", fidelity, "");
        assert!((180.0..=220.0).contains(&of), "{fidelity}: {of}");
        let of = lost("{ failover = \"0s\" }", fidelity, "");
        assert!(of < 5.0, "{fidelity}: {of}");
    }
}

#[test]
fn a_network_load_balancer_sends_requests_to_stopped_tasks() {
    let update = "update = [{ at = \"10m\", force_new_deployment = true }]";
    for fidelity in ["fluid", "requests"] {
        // Two old beside two new tasks for 120 s: half of 12,000 requests.
        let of = lost("{ type = \"network\", deregistration_delay = \"0s\" }", fidelity, update);
        assert!((5_700.0..=6_300.0).contains(&of), "{fidelity}: {of}");
        // 30 s of the 120 are served while the tasks drain.
        let of = lost("{ type = \"network\", deregistration_delay = \"30s\" }", fidelity, update);
        assert!((4_200.0..=4_800.0).contains(&of), "{fidelity}: {of}");
        for delay in ["120s", "300s"] {
            let balancer = format!("{{ type = \"network\", deregistration_delay = \"{delay}\" }}");
            let of = lost(&balancer, fidelity, update); // but for what is in flight at the end
            assert!(of < 2.0, "{fidelity} {delay}: {of}");
        }
    }
}

#[test]
fn a_placement_failure_names_what_the_pool_lacks_that_the_service_may_use() {
    // Pool a has 2 vCPUs for three tasks of one; b has room, and is none of the service's.
    let pool = |name: &str, desired: u32| {
        format!(
            "[[capacity_provider]]\nname = \"{name}\"\ninstance_types = [\"m5.large\"]\ndesired_capacity = {desired}\nattributes = {{ pool = \"{name}\" }}\n"
        )
    };
    let text = format!(
        "[simulation]\nduration = \"10m\"\n{}{}[[task_definition]]\nfamily = \"w\"\ncpu = 1024\nmemory = 256\n[[service]]\nname = \"w\"\ntask_definition = \"w\"\ndesired_count = 3\nplacement_constraints = [{{ type = \"memberOf\", expression = \"attribute:pool == a\" }}]\n",
        pool("a", 1),
        pool("b", 5)
    );
    let told = tell(&text);
    let failures = told.event("SERVICE_TASK_PLACEMENT_FAILURE");
    assert!(!failures.is_empty());
    assert!(
        failures.iter().all(|(_, text)| text.contains("Reason: RESOURCE:CPU.")),
        "{failures:?}"
    );
}

#[test]
fn a_low_alarm_that_fires_in_vain_has_a_row() {
    // 40 a second of 10 ms at four vCPUs: 10 % of CPU, far below 50; 600 requests a task and minute, the other policy's
    // target, keep the count.
    let cpu = "{ metric = \"cpu\", target_value = 50 }";
    let service = |policies: &str, min: u32| {
        let more = format!(
            "load_balancer = {{}}\n[service.traffic]\ncpu_ms_per_request = 10\ngenerate = {{ per_second = 40 }}\n[service.scaling]\nmin_capacity = {min}\nmax_capacity = 8\ntarget_tracking = [{policies}]"
        );
        tell(&(head("1h") + &fargate(4, &more)))
    };
    let reasons = |told: &Told| -> Vec<String> {
        told.scaling.iter().map(|row| row["reason"].clone()).collect()
    };
    let both = format!("{cpu}, {{ metric = \"requests_per_target\", target_value = 600 }}");
    let told = service(&both, 1);
    assert_eq!(reasons(&told), ["OtherPolicyStays"]);
    let row = &told.scaling[0];
    // 15 points below the threshold of 45, the last of them visible two minutes after its end.
    assert_eq!((row["time_s"].as_str(), row["value"].as_str()), ("1020", "10"));
    assert_eq!((count(row, "from"), count(row, "to"), count(row, "wanted")), (4, 4, 1));
    assert!(row["alarm"].ends_with("-AlarmLow"), "{row:?}");
    let off = cpu.replace(" }", ", disable_scale_in = true }");
    assert_eq!(reasons(&service(&off, 1)), ["ScaleInDisabled"]);
    assert_eq!(reasons(&service(&both, 4)), ["AlreadyAtMinCapacity"]);
}

#[test]
fn a_step_that_takes_away_at_the_minimum_says_that_it_is_the_minimum() {
    for adjustment in ["ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity"] {
        let step = if adjustment == "ExactCapacity" { 0 } else { -50 };
        let more = format!(
            "[service.queue]\ncpu_ms_per_message = 10\ngenerate = {{ per_second = 0 }}\n[service.scaling]\nmin_capacity = 0\nmax_capacity = 8\nstep_scaling = [{{ metric = \"ApproximateNumberOfMessagesVisible\", adjustment_type = \"{adjustment}\", alarm = {{ comparison_operator = \"LessThanThreshold\", threshold = 1, evaluation_periods = 1 }}, step_adjustments = [{{ metric_interval_upper_bound = 0, scaling_adjustment = {step} }}] }}]"
        );
        let told = tell(&(head("30m") + &fargate(0, &more)));
        let reasons: Vec<&str> = told.scaling.iter().map(|row| row["reason"].as_str()).collect();
        assert_eq!(reasons, ["AlreadyAtMinCapacity"], "{adjustment}");
    }
}

#[test]
fn a_lower_desired_count_is_no_deployment() {
    let told = tell(&(head("10m") + &fargate(3, "update = [{ at = \"5m\", desired_count = 1 }]")));
    let reasons: Vec<&str> = told.tasks.iter().map(|row| row["stopped_reason"].as_str()).collect();
    let stopped: Vec<&&str> = reasons.iter().filter(|reason| !reason.is_empty()).collect();
    assert_eq!(stopped, [&"Scaling activity: more tasks than desired"; 2]);
}

#[test]
fn tasks_that_another_set_replaces_stop_for_the_deployment_and_not_for_scale_in() {
    let bad = "alarms = { rollback = true, alarm = [{ name = \"errors\", metric = \"error_percent\", threshold = 5 }] }";
    let staged = |strategy: &str, errors: u32| {
        let controller = if strategy == "CODE_DEPLOY" { strategy } else { "ECS" };
        let how = match strategy {
            "CODE_DEPLOY" => "code_deploy = \"CodeDeployDefault.ECSAllAtOnce\"".to_string(),
            _ => format!("strategy = \"{strategy}\", bake_time = \"5m\""),
        };
        format!(
            "deployment_controller = \"{controller}\"\ndeployment_configuration = {{ {how}, {bad} }}\n\
             load_balancer = {{ deregistration_delay = \"0s\" }}\n\
             traffic = {{ generate = {{ per_second = 100 }}, cpu_ms_per_request = 1 }}\n\
             update = [{{ at = \"10m\", behaviour = {{ error_percent = {errors} }} }}, {{ at = \"170m\", desired_count = 2 }}]"
        )
    };
    let sets = "deployment_controller = \"EXTERNAL\"\ntask_set = [{ name = \"blue\" }]\n\
        update = [{ at = \"10m\", create_task_set = { name = \"green\", scale_percent = 100 } }, \
        { at = \"20m\", primary_task_set = \"green\" }, { at = \"30m\", delete_task_set = \"blue\" }, \
        { at = \"170m\", desired_count = 2 }]";
    let mut cases: Vec<(String, bool)> = ["BLUE_GREEN", "CANARY", "LINEAR", "CODE_DEPLOY"]
        .iter()
        .flat_map(|strategy| [(staged(strategy, 0), false), (staged(strategy, 50), true)])
        .collect();
    cases.push((sets.into(), false));
    for (more, goes_back) in cases {
        let told = tell(&(head("3h") + &fargate(3, &more)));
        let stopped = |of: &&Cells| !of["stopped_reason"].is_empty();
        let (deployed, scaled): (Vec<&Cells>, Vec<&Cells>) = told
            .tasks
            .iter()
            .filter(stopped)
            .partition(|of| of["stopped_reason"] == "Task replaced by a deployment");
        // Blue, or green where it was no good; the one that scale-in takes later says so.
        let blue = |of: &&&Cells| seconds(of, "placed_s").unwrap() < 600.0;
        assert_eq!((deployed.len(), scaled.len()), (3, 1), "{more}");
        assert_eq!(deployed.iter().filter(blue).count(), if goes_back { 0 } else { 3 }, "{more}");
        assert_eq!(scaled[0]["stopped_reason"], "Scaling activity: more tasks than desired");
        let code = |of: &&Cells| of["stop_code"] == "ServiceSchedulerInitiated";
        assert!(deployed.iter().chain(&scaled).all(code), "{more}");
    }
}

#[test]
fn launches_keep_to_the_maximum_while_others_drain() {
    // As an auditor of the tables found it: scaling out and in, slow starts, replaced tasks that drain for 5 minutes.
    let text = r#"
[simulation]
duration = "3h"
seed = 101
[service_scheduler]
reaction = "1s"
cycle = "5s"
batch = 1
[[capacity_provider]]
name = "cp"
instance_types = ["m5.xlarge"]
desired_capacity = 15
[[task_definition]]
family = "t0"
cpu = 512
memory = 2048
network_mode = "bridge"
stop_timeout = "120s"
[[service]]
name = "s0"
task_definition = "t0"
launch_type = "EC2"
desired_count = 3
deployment_configuration = { minimum_healthy_percent = 50, maximum_percent = 150, deployment_circuit_breaker = { rollback = true } }
load_balancer = { type = "application", deregistration_delay = "300s", health_check = { interval = "10s" } }
behaviour = { ready_after = "60s", idle_memory = 300 }
update = [{ at = "10m", force_new_deployment = true }, { at = "90m", force_new_deployment = true }]
[service.traffic]
cpu_ms_per_request = 10
timeout = "60s"
generate = { per_second = 55.93 }
[service.scaling]
min_capacity = 0
max_capacity = 20
target_tracking = [{ metric = "cpu", target_value = 30, scale_out_cooldown = "120s", scale_in_cooldown = "0s", high_periods = 2, low_periods = 30 }, { metric = "requests_per_target", target_value = 3000, scale_in_cooldown = "0s" }]
"#;
    let told = tell(text);
    let mut desired = vec![(0.0, 3)];
    for (at, text) in told.event("SERVICE_DESIRED_COUNT_UPDATED") {
        let rest = text.split("set desired count to ").nth(1).unwrap();
        desired.push((at, rest.split('.').next().unwrap().parse::<u32>().unwrap()));
    }
    assert!(desired.len() > 4, "it scales");
    for placed in told.placed(1.0) {
        let wanted = desired.iter().rev().find(|(at, _)| *at <= placed).unwrap().1;
        // Those that drain because others replace them count; those that scale-in took away do not.
        let is_there = |task: &&Cells| {
            let leaves = seconds(task, "stopping_s").filter(|_| !task["stopped_reason"].is_empty());
            let scaled_in = task["stopped_reason"].contains("more tasks than desired");
            let gone = leaves.map_or(f64::INFINITY, |at| if scaled_in { at - 300.0 } else { at });
            seconds(task, "placed_s").unwrap() <= placed && gone > placed
        };
        let there = told.tasks.iter().filter(is_there).count() as u32;
        assert!(there <= (wanted * 150 / 100).max(wanted), "{there} of {wanted} at {placed}");
    }
}

#[test]
fn each_missing_task_has_waited_since_it_was_wanted() {
    // Sixteen tasks of 512 fit. At 1 h ten more of b are wanted, at 3 h eleven of a go; the ten come together then.
    let text = r#"
[simulation]
duration = "5h"
[[capacity_provider]]
name = "ec2"
instance_types = ["m5.2xlarge"]
desired_capacity = 1
[[task_definition]]
family = "t"
cpu = 512
memory = 512
[[service]]
name = "a"
task_definition = "t"
desired_count = 12
update = [{ at = "3h", desired_count = 1 }]
[[service]]
name = "b"
task_definition = "t"
desired_count = 4
update = [{ at = "1h", desired_count = 14 }]
"#;
    let told = tell(text);
    let late: Vec<&Cells> =
        told.tasks.iter().filter(|row| seconds(row, "placed_s") > Some(1.0)).collect();
    assert_eq!(late.len(), 10);
    let placed = seconds(late[0], "placed_s").unwrap();
    for row in &late {
        let (wanted, wait) = (seconds(row, "arrival_s").unwrap(), seconds(row, "wait_s").unwrap());
        assert!((3_601.0..3_606.0).contains(&wanted), "{row:?}");
        assert!((wait - (placed - wanted)).abs() < 1e-3, "{row:?}");
    }
    let mean = told.result.summary.get("wait_s_mean").unwrap().as_f64().unwrap();
    let expected = 10.0 * seconds(late[0], "wait_s").unwrap() / 26.0;
    assert!((mean - expected).abs() < 0.01, "{mean} {expected}");
}

/// Tasks that wait when the run ends, and their rows.
fn still_waiting(told: &Told) -> (u64, usize) {
    let waiting = told.result.summary.get("tasks_waiting_at_end").unwrap().as_f64().unwrap();
    let rows = told.tasks.iter().filter(|row| row["stopped_reason"].contains("waiting at the end"));
    (waiting as u64, rows.count())
}

#[test]
fn scale_in_takes_back_the_newest_wish() {
    // Four of 512 fit on one m5.large. Ten are wanted at 10 min, eight at 20 min, six at 30 min: two miss at the end, and
    // have waited since 10 min.
    let text = |service: &str| {
        format!(
            "[simulation]\nduration = \"1h\"\n[[capacity_provider]]\nname = \"ec2\"\ninstance_types = [\"m5.large\"]\ndesired_capacity = 1\n[[task_definition]]\nfamily = \"t\"\ncpu = 512\nmemory = 512\n[[service]]\nname = \"a\"\ntask_definition = \"t\"\n{service}\n"
        )
    };
    let told = tell(&text(
        "desired_count = 4\nupdate = [{ at = \"10m\", desired_count = 10 }, { at = \"20m\", desired_count = 8 }, { at = \"30m\", desired_count = 6 }]",
    ));
    assert_eq!(still_waiting(&told), (2, 2));
    let missing = told.tasks.iter().filter(|row| row["placed_s"].is_empty());
    for row in missing {
        assert!((601.0..606.0).contains(&seconds(row, "arrival_s").unwrap()), "{row:?}");
    }
    // Nobody waits whose service has all that it wants; tasks of a new revision wait like others.
    let told = tell(&text(
        "desired_count = 4\nupdate = [{ at = \"10m\", desired_count = 10 }, { at = \"20m\", desired_count = 4 }]",
    ));
    assert_eq!(still_waiting(&told), (0, 0));
    let told = tell(&text(
        "desired_count = 4\ndeployment_configuration = { minimum_healthy_percent = 100, maximum_percent = 200 }\nupdate = [{ at = \"10m\", force_new_deployment = true }]",
    ));
    assert_eq!(still_waiting(&told), (4, 4));
}
