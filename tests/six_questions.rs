//! Six questions of cost that tools which multiply a count by a price get wrong, each with its value worked out by hand; README
//! shows the answers.

use crate::support::fleet::{FARGATE, Moved, run};

/// An hour, and a task of 1 vCPU and 2 GB: 0.04048 + 2 · 0.004445 = 0.04937 $ an hour on Fargate.
const HEAD: &str = r#"
[simulation]
region = "us-east-1"
duration = "1h"
sample_interval = "1m"

[service_scheduler]
reaction = "1s"

[[task_definition]]
family = "web"
cpu = 1024
memory = 2048
network_mode = "awsvpc"
"#;

/// Four vCPUs weigh 9 each, 16 GB weigh 1 each: 52 at half a cent an hour.
const BOX: &str = r#"
[[instance_type]]
name = "box.xlarge"
vcpus = 4
memory = 16384
registered_memory = 16384
usd_per_hour = 0.26

[[capacity_provider]]
name = "fleet"
instance_types = ["box.xlarge"]
"#;

/// Dollars of a service, of a caller (nothing) or of what is idle, and what is said of them in README.
fn usd(ran: &Moved, service: &str, is_idle: bool) -> String {
    let lines = ran.result.invoice.lines.iter();
    let own = lines.filter(|line| line.service == service && line.is_idle == is_idle);
    own.map(|line| line.usd).sum::<ecsim::base::money::NanoUsd>().to_string()
}

fn shown(answer: &str) {
    let readme = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(readme).unwrap();
    assert!(text.contains(&format!("| {answer} |")), "README says {answer}");
}

#[test]
fn what_a_service_on_ec2_costs() {
    let text = "desired_capacity = 2\n[[service]]\nname = \"shop\"\ntask_definition = \"web\"\n\
                launch_type = \"EC2\"\ndesired_count = 4\n";
    let ran = run(&format!("{HEAD}{BOX}{text}"));
    // A task weighs 9 + 2 = 11: 0.055 $. Two boxes cost 0.52 $, of which nobody has 0.30 $.
    assert_eq!(usd(&ran, "shop", false), "0.220000000");
    assert_eq!(usd(&ran, "", true), "0.300000000");
    shown("$0.22, and $0.30 idle");
}

#[test]
fn a_strategy_with_base_and_weight() {
    let text = "[[service]]\nname = \"shop\"\ntask_definition = \"web\"\ndesired_count = 5\n\
                capacity_provider_strategy = [{ capacity_provider = \"FARGATE\", base = 1, weight = 1 },\n\
                { capacity_provider = \"FARGATE_SPOT\", weight = 3 }]\n";
    let ran = run(&format!("{HEAD}{FARGATE}{text}"));
    // One by the base, one of the other four by weight: 2 · 0.04937. Three on Spot: 3 · (0.01264355 + 2 · 0.00138835).
    assert_eq!(usd(&ran, "shop", false), "0.145000750");
    shown("$0.1450");
}

#[test]
fn spot_beside_on_demand() {
    let text = "[[capacity_provider]]\nname = \"mixed\"\ninstance_types = [\"m5.large\"]\ndesired_capacity = 5\n\
                max_size = 5\n[capacity_provider.mixed_instances]\non_demand_base_capacity = 1\n\
                on_demand_percentage_above_base_capacity = 50\n";
    let ran = run(&format!("{HEAD}{text}"));
    // One by the base and half of the other four: 3 · 0.096. Two on Spot at 35 %: 2 · 0.0336.
    assert_eq!(usd(&ran, "", true), "0.355200000");
    shown("$0.3552");
}

#[test]
fn a_service_with_its_autoscaling() {
    let day = HEAD.replace("\"1h\"", "\"2h\"\nstart = \"2026-01-05T00:00:00Z\"");
    let text = "[[service]]\nname = \"shop\"\ntask_definition = \"web\"\nlaunch_type = \"FARGATE\"\n\
                desired_count = 2\n[service.scaling]\nmin_capacity = 2\nmax_capacity = 6\nscheduled = [\n\
                { schedule = \"at(2026-01-05T00:30:00)\", min_capacity = 6, max_capacity = 6 },\n\
                { schedule = \"at(2026-01-05T01:30:00)\", min_capacity = 2, max_capacity = 2 }]\n";
    let ran = run(&format!("{day}{FARGATE}{text}"));
    // Four more are asked for at 1,801 s and bill from the pull at 1,816 s. Four of the six stop at 5,401 s, 20 s long; one of
    // them has been there from the beginning, as zones stay balanced: 7,200 + 5,421 + 5,384 + 3 · 3,605 = 28,820 s.
    assert_eq!(usd(&ran, "shop", false), "0.395234278");
    shown("$0.3952");
}

#[test]
fn one_off_tasks() {
    let of = |name: &str, count: u32, seconds: u32| {
        format!(
            "[[run_task]]\nname = \"{name}\"\ntask_definition = \"web\"\nlaunch_type = \"FARGATE\"\n\
             [run_task.generate]\nper_second = 1\nprocess = \"even\"\nlimit = {count}\nduration = \"{seconds}s\"\n"
        )
    };
    let ran = run(&format!("{HEAD}{FARGATE}{}{}", of("short", 10, 20), of("long", 2, 600)));
    // 15 s to start are billed, too. Ten of 35 s are a minute each, two last 615 s: 1,830 s at 0.04937 $ an hour.
    assert_eq!(usd(&ran, "", false), "0.025096416");
    shown("$0.0251");
}

#[test]
fn a_service_whose_task_has_no_explicit_cost() {
    // Its container reserves a GB and no CPU, and the task has no size.
    let task = "desired_capacity = 1\n[[task_definition]]\nfamily = \"agent\"\nnetwork_mode = \"bridge\"\n\
                [[task_definition.container]]\nname = \"app\"\nmemory = 2048\nmemory_reservation = 1024\n\
                [[task_definition]]\nfamily = \"shop\"\ncpu = 1024\nmemory = 4096\nnetwork_mode = \"bridge\"\n";
    let service = |name: &str| {
        format!(
            "[[service]]\nname = \"{name}\"\ntask_definition = \"{name}\"\nlaunch_type = \"EC2\"\ndesired_count = 1\n"
        )
    };
    let asked = "[outputs]\ncost_allocation = true\n";
    let ran = run(&format!("{HEAD}{asked}{BOX}{task}{}{}", service("agent"), service("shop")));
    // 1 of 52, at 0.26 $; beside it 13 of 52.
    assert_eq!(usd(&ran, "agent", false), "0.005000000");
    assert_eq!(usd(&ran, "shop", false), "0.065000000");
    // With its part of what nobody had: of eleven GB a fifth, as it has one of the five that are held, and of the CPU nothing.
    let rows = ran.result.allocation.as_ref().unwrap();
    let split: Vec<f64> = rows.iter().map(|row| row.split().to_f64()).collect();
    for wanted in [0.016, 0.244] {
        assert!(split.iter().any(|usd| (usd - wanted).abs() < 3e-9), "{split:?}");
    }
    shown("$0.005; $0.016 with its part of what is idle");
}
