//! Bad services: the exact text of each error with its place and its hint, one rule of ECS per test.

use ecsim::scenario::load_text;
use std::path::Path;

/// A service on a fleet of three instances; a test adds what is wrong with it.
const SERVICE: &str = r#"[simulation]
duration = "1d"
[[task_definition]]
family = "api"
cpu = 512
memory = 1024
network_mode = "awsvpc"
[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3
[[service]]
name = "api"
task_definition = "api"
"#;

/// The messages and hints of a scenario, without the excerpts, which `scenario_errors` holds.
fn messages(toml: &str) -> String {
    let problems = load_text(toml, "web.toml", Path::new(""), &[]).expect_err("it is wrong");
    let text = problems.to_string();
    let kept = text.lines().map(str::trim_start).map(|line| line.trim_start_matches("= "));
    let kept = kept.filter(|line| line.starts_with("error: ") || line.starts_with("help: "));
    kept.collect::<Vec<_>>().join("\n")
}

/// Fails where a service with these lines is not refused with these messages.
fn refused(lines: &str, expected: &str) {
    assert_eq!(messages(&format!("{SERVICE}{lines}")), expected);
}

#[test]
fn a_minimum_capacity_above_the_maximum() {
    refused(
        r#"scaling = { min_capacity = 5, max_capacity = 4 }
"#,
        r#"error: web.toml:15:28: `min_capacity` 5 is above `max_capacity` 4"#,
    );
}

#[test]
fn a_desired_count_outside_of_the_scaling_limits() {
    refused(
        r#"desired_count = 9
scaling = { min_capacity = 1, max_capacity = 4 }
"#,
        r#"error: web.toml:15:17: `desired_count` 9 is outside of `min_capacity` 1 and `max_capacity` 4"#,
    );
}

#[test]
fn weights_that_are_all_zero() {
    refused(
        r#"capacity_provider_strategy = [{ capacity_provider = "general" }]
"#,
        r#"error: web.toml:15:30: all weights of the strategy are 0: a service cannot place tasks with such a strategy
help: give at least one provider a `weight` from 1 to 1,000 (the API's default is 0)"#,
    );
}

#[test]
fn fargate_and_ec2_providers_in_one_strategy() {
    refused(
        r#"capacity_provider_strategy = [{ capacity_provider = "general", weight = 1, base = 1 }, { capacity_provider = "FARGATE", weight = 1, base = 2 }]
"#,
        r#"error: web.toml:15:30: a strategy cannot mix Fargate capacity providers with others
error: web.toml:15:140: only one provider of a strategy has a `base`; the first is at web.toml:15:83"#,
    );
}

#[test]
fn strategies_and_constraints_on_fargate() {
    refused(
        r#"launch_type = "FARGATE"
placement_strategy = [{ type = "random" }]
placement_constraints = [{ type = "distinctInstance" }]
"#,
        r#"error: web.toml:16:1: placement strategies are not supported with Fargate: Fargate spreads tasks over the Availability Zones by itself
error: web.toml:17:1: placement constraints are not supported with Fargate: Fargate spreads tasks over the Availability Zones by itself"#,
    );
}

#[test]
fn more_than_five_strategies() {
    refused(
        r#"placement_strategy = [{ type = "random" }, { type = "random" }, { type = "random" }, { type = "random" }, { type = "random" }, { type = "random" }]
"#,
        r#"error: web.toml:15:128: at most 5 placement strategies are allowed, found 6"#,
    );
}

#[test]
fn more_than_ten_constraints() {
    refused(
        r#"placement_constraints = [{ type = "distinctInstance" }, { type = "distinctInstance" }, { type = "distinctInstance" }, { type = "distinctInstance" }, { type = "distinctInstance" }, { type = "distinctInstance" }, { type = "distinctInstance" }, { type = "distinctInstance" }, { type = "distinctInstance" }, { type = "distinctInstance" }, { type = "distinctInstance" }]
"#,
        r#"error: web.toml:15:1: at most 10 placement constraints are allowed, those of the task definition included; found 11"#,
    );
}

#[test]
fn traffic_shifting_without_a_load_balancer() {
    refused(
        r#"deployment_configuration = { strategy = "CANARY" }
"#,
        r#"error: web.toml:15:41: the strategy CANARY needs a `load_balancer`: without one there is no traffic to shift"#,
    );
}

#[test]
fn rolling_only_criteria_with_blue_green() {
    refused(
        r#"load_balancer = { type = "application" }
deployment_configuration = { strategy = "BLUE_GREEN", deployment_circuit_breaker = { rollback = true }, early_success_criteria = { healthy_percent = 100 } }
"#,
        r#"error: web.toml:16:55: the deployment circuit breaker is for rolling deployments of the controller ECS only
error: web.toml:16:105: early success is for rolling deployments of the controller ECS only"#,
    );
}

#[test]
fn early_success_below_the_minimum() {
    refused(
        r#"deployment_configuration = { early_success_criteria = { healthy_percent = 50 } }
"#,
        r#"error: web.toml:15:75: `healthy_percent` 50 is below `minimum_healthy_percent` 100"#,
    );
}

#[test]
fn a_breaker_percent_above_a_hundred() {
    refused(
        r#"deployment_configuration = { deployment_circuit_breaker = { threshold = { value = 101 } } }
"#,
        r#"error: web.toml:15:83: `value` 101 is no percent from 1 to 100
help: write type = "COUNT" for a number of tasks"#,
    );
}

#[test]
fn hooks_at_stages_that_take_none() {
    refused(
        r#"load_balancer = { type = "application" }
[service.deployment_configuration]
strategy = "LINEAR"
lifecycle_hook = [{ lifecycle_stages = ["SCALE_UP"] }, { lifecycle_stages = ["TEST_TRAFFIC_SHIFT"], type = "PAUSE" }, { lifecycle_stages = ["POST_SCALEUP"] }]
"#,
        r#"error: web.toml:18:41: the stage SCALE_UP takes no hook of type LAMBDA
error: web.toml:18:78: the stage TEST_TRAFFIC_SHIFT takes no hook of type PAUSE
error: web.toml:18:141: unknown `lifecycle_stages` "POST_SCALEUP"
help: did you mean "POST_SCALE_UP"? valid: "RECONCILE_SERVICE", "PRE_SCALE_UP", "SCALE_UP", "POST_SCALE_UP", "TEST_TRAFFIC_SHIFT", "POST_TEST_TRAFFIC_SHIFT", "PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT", "POST_PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP""#,
    );
}

#[test]
fn hooks_with_rolling_updates() {
    refused(
        r#"deployment_configuration = { lifecycle_hook = [{ lifecycle_stages = ["POST_SCALE_UP"] }] }
"#,
        r#"error: web.toml:15:30: lifecycle hooks need one of the strategies BLUE_GREEN, CANARY, LINEAR of the controller ECS"#,
    );
}

#[test]
fn a_pause_of_more_than_fourteen_days() {
    refused(
        r#"load_balancer = { type = "application" }
deployment_configuration = { strategy = "BLUE_GREEN", lifecycle_hook = [{ type = "PAUSE", lifecycle_stages = ["POST_SCALE_UP"], timeout = "20161m" }] }
"#,
        r#"error: web.toml:16:139: `timeout` must be between 1m and 14d, is 20161m"#,
    );
}

#[test]
fn linear_and_canary_shares_out_of_range() {
    refused(
        r#"load_balancer = { type = "application" }
deployment_configuration = { strategy = "LINEAR", linear = { step_percent = 2.9 }, canary = { percent = 0.05 } }
"#,
        r#"error: web.toml:16:77: `step_percent` must be between 3 and 100, is 2.9
error: web.toml:16:84: `canary` is about the strategy CANARY, not LINEAR
error: web.toml:16:105: `percent` must be between 0.1 and 100, is 0.05"#,
    );
}

#[test]
fn a_share_with_two_decimals() {
    refused(
        r#"load_balancer = { type = "application" }
deployment_configuration = { strategy = "LINEAR", linear = { step_percent = 3.25 } }
"#,
        r#"error: web.toml:16:77: `step_percent` has at most one decimal"#,
    );
}

#[test]
fn daemon_with_what_it_does_not_take() {
    refused(
        r#"scheduling_strategy = "DAEMON"
desired_count = 3
placement_strategy = [{ type = "random" }]
scaling = { min_capacity = 1, max_capacity = 2 }
deployment_configuration = { maximum_percent = 150 }
"#,
        r#"error: web.toml:16:1: a DAEMON service takes no `desired_count`: it has one task on each container instance
error: web.toml:17:1: a DAEMON service takes no placement strategy
error: web.toml:18:1: a DAEMON service cannot scale: it has one task on each container instance
error: web.toml:19:48: `maximum_percent` of a DAEMON service must be 100"#,
    );
}

#[test]
fn daemon_on_fargate() {
    refused(
        r#"scheduling_strategy = "DAEMON"
launch_type = "FARGATE"
"#,
        r#"error: web.toml:15:23: the DAEMON scheduling strategy is not supported with Fargate"#,
    );
}

#[test]
fn daemon_with_the_controller_external() {
    refused(
        r#"scheduling_strategy = "DAEMON"
deployment_controller = "EXTERNAL"
"#,
        r#"error: web.toml:15:23: the DAEMON scheduling strategy needs the deployment controller ECS"#,
    );
}

#[test]
fn a_load_balancer_that_an_update_adds() {
    refused(
        r#"update = [{ at = "1h", load_balancer = { deregistration_delay = "30s" } }]
"#,
        r#"error: web.toml:15:24: the service has no `load_balancer` to change: an update that adds its first one is not modelled
help: give the service its `load_balancer` from the beginning, or simulate the time before and after apart"#,
    );
}

#[test]
fn code_deploy_without_a_load_balancer() {
    refused(
        r#"deployment_controller = "CODE_DEPLOY"
"#,
        r#"error: web.toml:15:25: the deployment controller CODE_DEPLOY needs a `load_balancer`"#,
    );
}

#[test]
fn code_deploy_in_steps_with_a_network_load_balancer() {
    refused(
        r#"deployment_controller = "CODE_DEPLOY"
load_balancer = { type = "network" }
deployment_configuration = { code_deploy = "CodeDeployDefault.ECSCanary10Percent5Minutes" }
"#,
        r#"error: web.toml:17:44: with a Network Load Balancer CodeDeploy shifts all at once only
help: write code_deploy = "CodeDeployDefault.ECSAllAtOnce""#,
    );
}

#[test]
fn a_strategy_of_ecs_with_the_controller_external() {
    refused(
        r#"load_balancer = { type = "application" }
deployment_controller = "EXTERNAL"
deployment_configuration = { strategy = "BLUE_GREEN" }
"#,
        r#"error: web.toml:17:41: `strategy` BLUE_GREEN is one of the deployment controller ECS, not of EXTERNAL"#,
    );
}

#[test]
fn request_count_without_a_load_balancer() {
    refused(
        r#"scaling = { min_capacity = 1, max_capacity = 2, target_tracking = [{ metric = "requests_per_target", target_value = 100 }] }
"#,
        r#"error: web.toml:15:79: the metric ALBRequestCountPerTarget needs a `load_balancer` of type "application""#,
    );
}

#[test]
fn request_count_with_blue_green() {
    refused(
        r#"load_balancer = { type = "application" }
deployment_configuration = { strategy = "BLUE_GREEN" }
scaling = { min_capacity = 1, max_capacity = 2, target_tracking = [{ metric = "ALBRequestCountPerTarget", target_value = 100 }] }
"#,
        r#"error: web.toml:17:79: the metric ALBRequestCountPerTarget is not supported with blue/green deployments, whose target group changes"#,
    );
}

#[test]
fn backlog_without_a_queue() {
    refused(
        r#"scaling = { min_capacity = 1, max_capacity = 2, target_tracking = [{ metric = "BacklogPerTask", target_value = 100 }] }
"#,
        r#"error: web.toml:15:79: the metric BacklogPerTask needs a `queue`"#,
    );
}

#[test]
fn traffic_and_a_queue() {
    refused(
        r#"traffic = { generate = { per_second = 1 } }
queue = { generate = { per_second = 1 } }
"#,
        r#"error: web.toml:16:1: `traffic` and `queue` exclude each other: requests are pushed to the tasks, messages are taken by them"#,
    );
}

#[test]
fn traffic_from_nowhere() {
    refused(
        r#"traffic = { cpu_ms_per_request = 5 }
"#,
        r#"error: web.toml:15:11: `traffic` needs `trace` or `generate`"#,
    );
}

#[test]
fn more_than_fifty_policies() {
    refused(
        r#"scaling = { min_capacity = 1, max_capacity = 2, target_tracking = [{ metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }, { metric = "cpu", target_value = 50 }] }
"#,
        r#"error: web.toml:15:11: a scalable target has at most 50 policies, this one 51"#,
    );
}

#[test]
fn more_than_twenty_steps() {
    refused(
        r#"scaling = { min_capacity = 1, max_capacity = 2, step_scaling = [{ metric = "cpu", alarm = { threshold = 50 }, step_adjustments = [{ metric_interval_lower_bound = 0, metric_interval_upper_bound = 1, scaling_adjustment = 1 }, { metric_interval_lower_bound = 1, metric_interval_upper_bound = 2, scaling_adjustment = 1 }, { metric_interval_lower_bound = 2, metric_interval_upper_bound = 3, scaling_adjustment = 1 }, { metric_interval_lower_bound = 3, metric_interval_upper_bound = 4, scaling_adjustment = 1 }, { metric_interval_lower_bound = 4, metric_interval_upper_bound = 5, scaling_adjustment = 1 }, { metric_interval_lower_bound = 5, metric_interval_upper_bound = 6, scaling_adjustment = 1 }, { metric_interval_lower_bound = 6, metric_interval_upper_bound = 7, scaling_adjustment = 1 }, { metric_interval_lower_bound = 7, metric_interval_upper_bound = 8, scaling_adjustment = 1 }, { metric_interval_lower_bound = 8, metric_interval_upper_bound = 9, scaling_adjustment = 1 }, { metric_interval_lower_bound = 9, metric_interval_upper_bound = 10, scaling_adjustment = 1 }, { metric_interval_lower_bound = 10, metric_interval_upper_bound = 11, scaling_adjustment = 1 }, { metric_interval_lower_bound = 11, metric_interval_upper_bound = 12, scaling_adjustment = 1 }, { metric_interval_lower_bound = 12, metric_interval_upper_bound = 13, scaling_adjustment = 1 }, { metric_interval_lower_bound = 13, metric_interval_upper_bound = 14, scaling_adjustment = 1 }, { metric_interval_lower_bound = 14, metric_interval_upper_bound = 15, scaling_adjustment = 1 }, { metric_interval_lower_bound = 15, metric_interval_upper_bound = 16, scaling_adjustment = 1 }, { metric_interval_lower_bound = 16, metric_interval_upper_bound = 17, scaling_adjustment = 1 }, { metric_interval_lower_bound = 17, metric_interval_upper_bound = 18, scaling_adjustment = 1 }, { metric_interval_lower_bound = 18, metric_interval_upper_bound = 19, scaling_adjustment = 1 }, { metric_interval_lower_bound = 19, metric_interval_upper_bound = 20, scaling_adjustment = 1 }, { metric_interval_lower_bound = 20, metric_interval_upper_bound = 21, scaling_adjustment = 1 }] }] }
"#,
        r#"error: web.toml:15:130: a policy has at most 20 steps, this one 21"#,
    );
}

#[test]
fn steps_with_a_gap_and_an_overlap() {
    refused(
        r#"scaling = { min_capacity = 1, max_capacity = 2, step_scaling = [{ metric = "cpu", alarm = { threshold = 50 }, step_adjustments = [{ metric_interval_lower_bound = 0, metric_interval_upper_bound = 10, scaling_adjustment = 1 }, { metric_interval_lower_bound = 15, metric_interval_upper_bound = 30, scaling_adjustment = 2 }, { metric_interval_lower_bound = 20, scaling_adjustment = 3 }] }] }
"#,
        r#"error: web.toml:15:226: there is a gap before this step
error: web.toml:15:322: this step overlaps another one"#,
    );
}

#[test]
fn schedules_and_time_zones_that_are_none() {
    refused(
        r#"scaling = { min_capacity = 1, max_capacity = 2, scheduled = [{ schedule = "cron(0 9 * * *)", min_capacity = 2 }, { schedule = "rate(5 minutes)", timezone = "Europe/Berlinn", min_capacity = 1 }, { schedule = "at(2026-01-05T09:00:00)" }] }
"#,
        r#"error: web.toml:15:75: cron has six fields (minutes, hours, day of month, month, day of week, year), not 5
error: web.toml:15:157: unknown time zone `Europe/Berlinn`; write an IANA name such as `Europe/Berlin` or `UTC`
error: web.toml:15:195: a scheduled action needs `min_capacity` or `max_capacity`"#,
    );
}

#[test]
fn health_checks_out_of_range() {
    refused(
        r#"health_check_grace_period = "2147483648s"
load_balancer = { health_check = { interval = "4s" } }
"#,
        r#"error: web.toml:15:29: `health_check_grace_period` must be between 0s and 2147483647s, is 2147483648s
error: web.toml:16:47: `interval` must be between 5s and 5m, is 4s"#,
    );
}

#[test]
fn a_health_check_time_out_above_its_interval() {
    refused(
        r#"load_balancer = { health_check = { interval = "10s", timeout = "10s" } }
"#,
        r#"error: web.toml:15:64: `timeout` 10s must be below the `interval` 10s"#,
    );
}

#[test]
fn a_name_that_ecs_does_not_take_and_one_that_is_taken() {
    refused(
        r#"[[service]]
name = "api"
task_definition = "api"
[[service]]
name = "a.b"
task_definition = "api"
"#,
        r#"error: web.toml:16:8: duplicate service "api"; the first is at web.toml:13:8
error: web.toml:19:8: `name` "a.b" is not a name that ECS takes
help: up to 255 letters, digits, `-` and `_`, first a letter, digit or `_`"#,
    );
}

#[test]
fn an_unknown_task_definition() {
    refused(
        r#"[[service]]
name = "web"
task_definition = "apy"
"#,
        r#"error: web.toml:17:19: unknown task definition "apy"
help: did you mean "api"? valid: "api""#,
    );
}

#[test]
fn a_failure_of_an_unknown_service() {
    refused(
        r#"[[failure]]
at = "1h"
service = "apy"
"#,
        r#"error: web.toml:17:11: unknown service "apy"
help: did you mean "api"? valid: "api""#,
    );
}

#[test]
fn more_tasks_than_the_quota() {
    refused(
        r#"desired_count = 5001
"#,
        r#"error: web.toml:15:17: 5,001 tasks are above the quota of tasks per service, 5,000
help: AWS may have raised it for you: set `tasks_per_service` of `[limits]`"#,
    );
}

#[test]
fn an_update_that_changes_nothing() {
    refused(
        r#"[[service.update]]
at = "1h"
"#,
        r#"error: web.toml:15:1: the update changes nothing
help: give it `task_definition`, `behaviour`, `force_new_deployment` or `desired_count`"#,
    );
}

#[test]
fn task_sets_without_the_controller_external() {
    refused(
        r#"[[service.update]]
at = "1h"
delete_task_set = "blue"
"#,
        r#"error: web.toml:17:1: `delete_task_set` is not for the deployment controller ECS
help: use `task_definition`, `behaviour` or `force_new_deployment`"#,
    );
}

#[test]
fn rebalancing_of_a_service_that_is_not_eligible() {
    refused(
        r#"availability_zone_rebalancing = "ENABLED"
placement_strategy = [{ type = "binpack", field = "cpu" }]
"#,
        r#"error: web.toml:15:33: Availability Zone rebalancing cannot be enabled: the first placement strategy is not a spread over Availability Zones"#,
    );
}

#[test]
fn services_need_a_duration() {
    let toml = r#"[simulation]
[[task_definition]]
family = "api"
cpu = 512
memory = 1024
network_mode = "awsvpc"
[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3
[[service]]
name = "api"
task_definition = "api"
"#;
    assert_eq!(
        messages(toml),
        r#"error: web.toml:11:1: services never end: the simulation needs a `duration`
help: write duration = "1d" in `[simulation]`"#
    );
}

#[test]
fn a_start_that_is_no_instant() {
    let toml = r#"[simulation]
duration = "1d"
start = "monday"
[[task_definition]]
family = "api"
cpu = 512
memory = 1024
network_mode = "awsvpc"
[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3
[[service]]
name = "api"
task_definition = "api"
"#;
    assert_eq!(
        messages(toml),
        r#"error: web.toml:3:9: `start` "monday" is no RFC 3339 instant
help: write a date, a time and an offset, such as "2026-01-05T00:00:00Z""#
    );
}

#[test]
fn more_services_than_the_quota() {
    let toml = r#"[simulation]
duration = "1d"
[[task_definition]]
family = "api"
cpu = 512
memory = 1024
network_mode = "awsvpc"
[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3
[[service]]
name = "api"
task_definition = "api"
[[service]]
name = "s0"
task_definition = "api"
[[service]]
name = "s1"
task_definition = "api"
[limits]
services_per_cluster = 2
"#;
    assert_eq!(
        messages(toml),
        r#"error: web.toml:18:1: the cluster "default" has more than 2 services, the quota of services per cluster
help: AWS may have raised it for you: set `services_per_cluster` of `[limits]`"#
    );
}

#[test]
fn nothing_to_do_at_all_is_legal() {
    let lines = r#"desired_count = 0
traffic = { generate = { per_second = 0 }, cpu_ms_per_request = 0 }
scaling = { min_capacity = 0, max_capacity = 0, target_tracking = [{ metric = "cpu", target_value = 50, scale_out_cooldown = "0s", scale_in_cooldown = "0s" }] }
"#;
    let loaded = load_text(&format!("{SERVICE}{lines}"), "web.toml", Path::new(""), &[]);
    loaded.unwrap_or_else(|problems| panic!("{problems}"));
}

/// So many services with traffic and scaling each.
fn many(count: usize, limit: &str) -> String {
    let mut text = SERVICE.to_string();
    for index in 0..count {
        text += &format!(
            "[[service]]\nname = \"s{index}\"\ntask_definition = \"api\"\n\
             traffic = {{ generate = {{ per_second = 10 }} }}\n\
             scaling = {{ min_capacity = 1, max_capacity = 9, target_tracking = [{{ metric = \"cpu\", target_value = 60 }}] }}\n"
        );
    }
    text + limit
}

#[test]
fn thousands_of_services_load_in_linear_time() {
    for (count, limit) in [(4_999, ""), (20_000, "[limits]\nservices_per_cluster = \"off\"\n")] {
        let text = many(count, limit);
        let start = std::time::Instant::now();
        let scenario = load_text(&text, "web.toml", Path::new(""), &[]);
        println!("{count} services in {:?}", start.elapsed());
        assert_eq!(scenario.unwrap_or_else(|e| panic!("{e}")).setup.services.len(), count + 1);
    }
}
