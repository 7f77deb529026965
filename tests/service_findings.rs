//! What people who run ECS report of their services, each as a scenario with the outcome that they saw.

use crate::support::services::{count, tell};

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
