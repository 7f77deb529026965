//! Services whose tasks go elsewhere after an update, from end to end: scenarios as text, run under all checks.
//!
//! The scheduler reacts 1 s after an event. On an instance a task is RUNNING 8 s after it was placed (6 s of them its network
//! interface), on Fargate after 30 s. Without any check it counts as healthy 40 s after RUNNING.

use crate::support::fleet::errors;
use crate::support::services::{Cells, Told, count, seconds, tell};

const HEAD: &str = r#"
[simulation]
region = "us-east-1"
duration = "1000s"
sample_interval = "10s"

[latency]
ec2_start = "2s"
eni_attach = "6s"
fargate_eni = "5s"
fargate_prepare = "10s"
fargate_start = "15s"
fargate_eni_detach = "1s"
container_stop = "1s"

[service_scheduler]
reaction = "1s"

[[instance_type]]
name = "box.large"
vcpus = 64
memory = 65536
max_enis = 15
usd_per_hour = 0.1

[[cluster]]
availability_zones = ["us-east-1a", "us-east-1b"]

[[capacity_provider]]
name = "old"
instance_types = ["box.large"]
desired_capacity = 2

[[capacity_provider]]
name = "next"
instance_types = ["box.large"]
desired_capacity = 2

[[task_definition]]
family = "web"
cpu = 1024
memory = 2048
network_mode = "awsvpc"

[[service]]
name = "api"
task_definition = "web"
availability_zone_rebalancing = "DISABLED"
"#;

const OLD: &str = "capacity_provider_strategy = [{ capacity_provider = \"old\", weight = 1 }]\n";

/// The service with these lines, and an update at 100 s to this strategy.
fn moved(lines: &str, strategy: &str, more: &str) -> String {
    format!("{HEAD}{lines}\n{}", update(100, strategy, more))
}

fn update(at: u32, strategy: &str, more: &str) -> String {
    format!(
        "[[service.update]]\nat = \"{at}s\"\nforce_new_deployment = true\n\
         capacity_provider_strategy = [{strategy}]\n{more}\n"
    )
}

fn to(provider: &str) -> String {
    format!("{{ capacity_provider = \"{provider}\", weight = 1 }}")
}

fn percents(minimum: u32, maximum: u32, more: &str) -> String {
    format!(
        "deployment_configuration = {{ minimum_healthy_percent = {minimum}, maximum_percent = {maximum}{more} }}\n"
    )
}

/// Instant of placement and provider of the tasks, by instant.
fn placed(told: &Told, from: f64) -> Vec<(f64, &str)> {
    let own = |task: &Cells| seconds(task, "placed_s").filter(|at| *at >= from);
    let mut all: Vec<(f64, &str)> = told
        .tasks
        .iter()
        .filter_map(|task| Some((own(task)?, task["capacity_provider"].as_str())))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all
}

/// Instants at which tasks of a provider were told to stop.
fn stopped(told: &Told, provider: &str) -> Vec<f64> {
    let own = told.tasks.iter().filter(|task| task["capacity_provider"] == provider);
    let mut all: Vec<f64> = own.filter_map(|task| seconds(task, "stopping_s")).collect();
    all.sort_by(f64::total_cmp);
    all
}

#[test]
fn a_service_moves_from_its_instances_to_fargate_between_the_two_percents() {
    let lines = format!("{OLD}desired_count = 4\n{}", percents(50, 100, ""));
    let told = tell(&moved(&lines, &to("FARGATE"), ""));
    // 50 % of 4 are 2: two old ones stop at 101 s, two come on Fargate. They are RUNNING at 131 s, healthy at 171 s, seen at
    // 172 s: the other two go and come. Those are healthy at 242 s, and the deployment is complete at 243 s.
    let expected: Vec<(f64, &str)> = [101.0, 101.0, 172.0, 172.0].map(|at| (at, "FARGATE")).into();
    assert_eq!(placed(&told, 1.0), expected);
    assert_eq!(stopped(&told, "old"), [101.0, 101.0, 172.0, 172.0]);
    assert_eq!(told.once(2, "COMPLETED", ""), 243.0);
    assert!(stopped(&told, "FARGATE").is_empty());
    // What ran where is paid where: Fargate bills from when images are pulled, 5 s + 10 s after placement, until the end at
    // 1000 s, each task 1 vCPU at 0.04048 and 2 GB at 0.004445 dollars an hour.
    let on_fargate: f64 = told
        .tasks
        .iter()
        .filter(|task| task["capacity_provider"] == "FARGATE")
        .map(|task| task["usd"].parse::<f64>().unwrap())
        .sum();
    let seconds = 2.0 * (1000.0 - 116.0) + 2.0 * (1000.0 - 187.0);
    let by_hand = seconds / 3_600.0 * (0.04048 + 2.0 * 0.004445);
    assert!((on_fargate - by_hand).abs() < 1e-6, "{on_fargate} is not {by_hand}");
}

#[test]
fn a_failed_move_goes_back_to_the_old_instances() {
    let breaker = ", deployment_circuit_breaker = { rollback = true }";
    let lines = format!("{OLD}desired_count = 8\n{}", percents(50, 100, breaker));
    let broken = "behaviour = { start_failure_percent = 100 }";
    let told = tell(&moved(&lines, &to("FARGATE"), broken));
    // Four stop at 101 s, four come on Fargate and fail at 131 s: ⌈8 × 50 %⌉ = 4 are enough for the breaker. What is missing
    // comes back at 132 s, on the old instances.
    assert_eq!(told.once(2, "ROLLING_BACK", ""), 131.0);
    let mut expected: Vec<(f64, &str)> = vec![(101.0, "FARGATE"); 4];
    expected.extend([(132.0, "old"); 4]);
    assert_eq!(placed(&told, 1.0), expected);
    // RUNNING at 140 s, healthy at 180 s, complete at 181 s.
    assert_eq!(told.deployment(1, "COMPLETED", ""), [0.0, 181.0]);
    assert_eq!(count(told.service_at(990.0), "healthy"), 8);
}

#[test]
fn a_service_moves_from_one_group_to_another_and_scales_there() {
    let lines = format!("{OLD}desired_count = 3\n{}", percents(100, 200, ""));
    let later = "[[service.update]]\nat = \"500s\"\ndesired_count = 5\n";
    let told = tell(&moved(&lines, &to("next"), later));
    // Three come at 101 s, are RUNNING at 109 s, healthy at 149 s, seen at 150 s: the old ones go. Two more at 501 s.
    let mut expected: Vec<(f64, &str)> = vec![(101.0, "next"); 3];
    expected.extend([(501.0, "next"); 2]);
    assert_eq!(placed(&told, 1.0), expected);
    assert_eq!(stopped(&told, "old"), [150.0; 3]);
    // Their containers exit after 1 s, their interfaces are detached after 2 s more, and one later that is seen.
    assert_eq!(told.once(2, "COMPLETED", ""), 154.0);
}

#[test]
fn a_share_counts_the_tasks_of_its_own_strategy_alone() {
    // Six on the old group; then one in three on it. If those six counted, all six new ones would go to the other.
    let lines = format!("{OLD}desired_count = 6\n{}", percents(100, 200, ""));
    let both =
        "{ capacity_provider = \"old\", weight = 1 }, { capacity_provider = \"next\", weight = 2 }";
    let told = tell(&moved(&lines, both, ""));
    let new = placed(&told, 1.0);
    assert_eq!(new.iter().filter(|(_, provider)| *provider == "old").count(), 2, "{new:?}");
    assert_eq!(new.iter().filter(|(_, provider)| *provider == "next").count(), 4, "{new:?}");
    assert!(new.iter().all(|(at, _)| *at == 101.0));
}

#[test]
fn an_empty_strategy_goes_back_to_the_launch_type_of_the_beginning() {
    let lines = format!("launch_type = \"FARGATE\"\ndesired_count = 2\n{}", percents(100, 200, ""));
    let told = tell(&moved(&lines, &to("old"), &update(400, "", "")));
    // To the instances at 101 s, back to Fargate at 401 s.
    let expected = vec![(101.0, "old"), (101.0, "old"), (401.0, "FARGATE"), (401.0, "FARGATE")];
    assert_eq!(placed(&told, 1.0), expected);
    // Healthy at 401 + 30 + 40 s, seen a second later.
    assert_eq!(stopped(&told, "old"), [472.0; 2]);
    assert_eq!(count(told.service_at(990.0), "healthy"), 2);
}

#[test]
fn a_later_update_keeps_to_the_capacity_of_the_one_before() {
    let lines = format!("{OLD}desired_count = 1\n{}", percents(100, 200, ""));
    let again = "[[service.update]]\nat = \"400s\"\nforce_new_deployment = true\n";
    let told = tell(&moved(&lines, &to("next"), again));
    assert_eq!(placed(&told, 1.0), [(101.0, "next"), (401.0, "next")]);
}

#[test]
fn green_runs_on_other_capacity_than_blue() {
    let lines = format!(
        "{OLD}desired_count = 2\ndeployment_configuration = {{ strategy = \"BLUE_GREEN\", bake_time = \"100s\" }}\n\
         [service.load_balancer]\n[service.load_balancer.health_check]\ninterval = \"10s\"\nhealthy_threshold = 2\n"
    );
    let told = tell(&moved(&lines, &to("FARGATE"), ""));
    assert_eq!(placed(&told, 1.0), [(101.0, "FARGATE"); 2]);
    let done = told.once(2, "COMPLETED", "");
    assert_eq!(stopped(&told, "old").len(), 2);
    assert!(
        stopped(&told, "old").iter().all(|at| *at > 231.0 && *at <= done),
        "after the bake time"
    );
    assert_eq!(count(told.service_at(990.0), "healthy"), 2);
}

#[test]
fn what_ecs_refuses_of_a_move_is_refused() {
    let forced = moved(OLD, &to("FARGATE"), "").replace("force_new_deployment = true\n", "");
    assert!(errors(&forced).contains("without a forced deployment"), "{}", errors(&forced));
    let mixed = moved(OLD, &format!("{}, {}", to("next"), to("FARGATE")), "");
    assert!(errors(&mixed).contains("cannot mix Fargate capacity providers"));
    let empty = moved(OLD, "", "");
    assert!(errors(&empty).contains("no launch type to go back to"), "{}", errors(&empty));
    let bridge = moved(OLD, &to("FARGATE"), "").replace("\"awsvpc\"", "\"bridge\"");
    assert!(errors(&bridge).contains("awsvpc"), "{}", errors(&bridge));
    let unknown = moved(OLD, &to("nxt"), "");
    assert!(errors(&unknown).contains("unknown capacity provider"));
    let idle = moved(OLD, "{ capacity_provider = \"next\" }", "");
    assert!(errors(&idle).contains("a service cannot place tasks"), "{}", errors(&idle));
    let daemon =
        moved("scheduling_strategy = \"DAEMON\"\nlaunch_type = \"EC2\"\n", &to("next"), "");
    assert!(errors(&daemon).contains("DAEMON"), "{}", errors(&daemon));
}
