//! Random scenario files with everything on at random: fleets that move, Spot, Managed Instances, Fargate and its risks,
//! services that scale and are deployed, failures of all kinds, few addresses. Each runs under all checks after every event.
//!
//! A file that fails is cut down to the lines without which it does not fail, and is printed whole.

use super::make::Dice;
use ecsim::base::money::NanoUsd;
use ecsim::base::random::{Purpose, Seed};
use ecsim::engine::Pulse;
use ecsim::experiment::run_one;
use ecsim::model::platform::Purchase;
use ecsim::scenario::load_text;
use ecsim::sim::outputs::Sinks;
use ecsim::sim::{RunError, RunResult, Watch};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Tables of a scenario file with their lines, the header first.
pub type Blocks = Vec<Vec<String>>;

pub fn text(blocks: &Blocks) -> String {
    blocks.iter().map(|lines| lines.join("\n")).collect::<Vec<_>>().join("\n\n") + "\n"
}

/// What a random file has, so that its tables fit each other.
struct Maker {
    dice: Dice,
    blocks: Blocks,
    zones: usize,
    /// Providers by name, and whether one is an Auto Scaling group with managed scaling or Managed Instances.
    providers: Vec<(String, bool)>,
    services: Vec<String>,
    has_managed_instances: bool,
    has_segments: bool,
    /// Providers of these.
    of_managed_instances: Vec<String>,
}

impl Maker {
    fn table(&mut self, header: &str, lines: &[String]) {
        let mut block = vec![header.to_owned()];
        block.extend(lines.iter().filter(|line| !line.is_empty()).cloned());
        self.blocks.push(block);
    }

    /// The line, once in `n` times.
    fn maybe(&mut self, n: usize, line: &str) -> String {
        if self.dice.one_in(n) { line.to_owned() } else { String::new() }
    }

    fn pick(&mut self, of: &[&str]) -> String {
        self.dice.pick(of).to_owned()
    }

    /// A number from `least` on.
    fn number(&mut self, least: usize, most: usize) -> usize {
        least + self.dice.below(most - least + 1)
    }

    fn zone(&mut self) -> String {
        let letter = [b'a', b'b', b'c'][self.dice.below(self.zones)] as char;
        format!("us-east-1{letter}")
    }
}

/// The file of this seed.
pub fn file(seed: u64) -> Blocks {
    let mut maker = Maker {
        dice: Dice(Seed(seed).stream(Purpose::Test, "files")),
        blocks: Vec::new(),
        zones: 0,
        providers: Vec::new(),
        services: Vec::new(),
        has_managed_instances: false,
        has_segments: false,
        of_managed_instances: Vec::new(),
    };
    maker.zones = maker.number(1, 3);
    base(&mut maker, seed);
    for index in 0..maker.number(0, 2) {
        provider(&mut maker, index);
    }
    definitions(&mut maker);
    for index in 0..maker.number(0, 2) {
        caller(&mut maker, index);
    }
    for index in 0..maker.number(0, 2) {
        service(&mut maker, index);
    }
    for _ in 0..maker.number(0, 3) {
        failure(&mut maker);
    }
    fargate(&mut maker);
    commitments(&mut maker);
    if maker.has_segments {
        reservations(&mut maker);
    }
    bill(&mut maker);
    maker.blocks
}

/// Reserved Instances and Savings Plans, of types that run and of others.
fn commitments(maker: &mut Maker) {
    for _ in 0..maker.number(0, 2) {
        let of = maker.pick(&["m5.large", "m5.xlarge", "c5.large", "t3.medium"]);
        let count = maker.number(1, 4);
        let zone = maker.zone();
        let lines = [
            format!("instance_type = \"{of}\""),
            format!("instance_count = {count}"),
            maker.maybe(3, &format!("availability_zone = \"{zone}\"")),
            maker.maybe(3, "term = \"3y\""),
        ];
        maker.table("[[reserved_instances]]", &lines);
    }
    for _ in 0..maker.number(0, 2) {
        let kind =
            maker.pick(&["type = \"Compute\"", "type = \"EC2Instance\"\ninstance_family = \"m5\""]);
        let cents = maker.number(0, 99);
        let lines = [kind, format!("usd_per_hour = 0.{cents:02}")];
        maker.table("[[savings_plan]]", &lines);
    }
}

/// What is billed beside compute.
fn bill(maker: &mut Maker) {
    if !maker.dice.one_in(2) {
        return;
    }
    let lines = [maker.maybe(6, "volumes = false"), maker.maybe(6, "addresses = false")];
    let mut lines = lines.to_vec();
    if lines[1].is_empty() {
        lines.push(maker.maybe(2, "public_instances = true"));
    }
    maker.table("[bill]", &lines);
}

fn base(maker: &mut Maker, seed: u64) {
    let minutes = maker.number(10, 50);
    maker.table(
        "[simulation]",
        &[
            format!("duration = \"{minutes}m\""),
            format!("seed = {seed}"),
            "sample_interval = \"5m\"".into(),
        ],
    );
    let zones: Vec<String> =
        ["a", "b", "c"][..maker.zones].iter().map(|l| format!("\"us-east-1{l}\"")).collect();
    let lines = [
        format!("availability_zones = [{}]", zones.join(", ")),
        maker.maybe(4, "awsvpc_trunking = true"),
    ];
    maker.table("[[cluster]]", &lines);
    if maker.dice.one_in(4) {
        let lines = [
            maker.maybe(2, "provisioning_timeout = \"4m\""),
            maker.maybe(3, "provisioning_tasks_per_cluster = 6"),
            maker.maybe(3, "fargate_vcpus = 4"),
            maker.maybe(3, "tasks_per_service = 12"),
        ];
        maker.table("[limits]", &lines);
    }
    if maker.dice.one_in(3) {
        let lines = [
            maker.maybe(2, "instance_boot = \"70s\""),
            maker.maybe(2, "container_stop = { type = \"uniform\", min = \"0s\", max = \"40s\" }"),
            maker.maybe(2, "eni_attach = \"20s\""),
        ];
        maker.table("[latency]", &lines);
    }
    if maker.dice.one_in(4) {
        let subnets: Vec<String> = (0..maker.zones)
            .map(|at| {
                let letter = ["a", "b", "c"][at];
                let used = maker.number(0, 2);
                let route = maker.pick(&["nat", "endpoints", "internet_gateway"]);
                format!(
                    "  {{ id = \"s{letter}\", availability_zone = \"us-east-1{letter}\", cidr = \"10.0.{at}.0/28\", \
                     route = \"{route}\", used_addresses = {used} }},"
                )
            })
            .collect();
        let mut lines = vec!["subnets = [".to_owned()];
        lines.extend(subnets);
        lines.push("]".into());
        lines.push(maker.maybe(3, "full_subnets = \"picked\""));
        maker.table("[network]", &lines);
    }
}

fn provider(maker: &mut Maker, index: usize) {
    let name = format!("p{index}");
    let kind = maker.number(0, 4);
    let types = maker.pick(&[
        "\"m5.large\"",
        "\"m5.large\", \"c5.xlarge\"",
        "\"m6g.large\"",
        "\"t3.medium\", \"m5.large\", \"m5a.large\"",
    ]);
    let size = maker.number(0, 6);
    let mut lines = vec![format!("name = \"{name}\""), format!("instance_types = [{types}]")];
    if kind == 0 {
        lines.push(format!("desired_capacity = {}", size + 1));
        lines.push(maker.maybe(4, "purchase = \"spot\""));
        maker.table("[[capacity_provider]]", &lines);
        maker.providers.push((name, false));
        return;
    }
    if kind == 4 {
        maker.table("[[capacity_provider]]", &lines);
        let lines = [
            maker.maybe(2, "scale_in_after = \"60s\""),
            maker.maybe(3, "lifetime = \"10m\""),
            maker.maybe(3, "batch_window = \"10s\""),
            maker.maybe(4, "auto_repair = \"DISABLED\""),
        ];
        maker.table("[capacity_provider.managed_instances]", &lines);
        maker.has_managed_instances = true;
        maker.of_managed_instances.push(name.clone());
        maker.providers.push((name, true));
        return;
    }
    let is_managed = kind > 1;
    let most = size + maker.number(1, 8);
    let is_mixed = maker.dice.one_in(3);
    if !is_mixed {
        lines.push(maker.maybe(4, "allocation_strategy = \"lowest-price\""));
    }
    let policies = ["Default", "OldestInstance", "NewestInstance", "ClosestToNextInstanceHour"];
    let policy = maker.pick(&policies);
    lines.extend([
        format!("desired_capacity = {size}"),
        format!("max_size = {most}"),
        maker.maybe(3, "managed_draining = false"),
        maker.maybe(4, "health_check_grace_period = \"5m\""),
        maker.maybe(3, "drain_timeout = \"3m\""),
        format!("termination_policies = [\"{policy}\"]"),
    ]);
    let is_protected = maker.dice.one_in(4);
    if is_protected {
        lines.push("protect_from_scale_in = true".into());
        if is_managed {
            lines.push("managed_termination_protection = true".into());
        }
    }
    maker.table("[[capacity_provider]]", &lines);
    if is_managed {
        let lines = [
            maker.maybe(3, "target_capacity = 80"),
            maker.maybe(3, "minimum_scaling_step_size = 2"),
            maker.maybe(3, "instance_warmup_period = \"60s\""),
            maker.maybe(3, "low_periods = 3"),
            maker.maybe(4, "packing = \"per_resource\""),
        ];
        maker.table("[capacity_provider.managed_scaling]", &lines);
    }
    if is_mixed && maker.dice.one_in(3) {
        segments(maker);
    } else if is_mixed {
        mixed(maker);
    } else if maker.dice.one_in(3) {
        let state = maker.pick(&["Stopped", "Hibernated", "Running"]);
        let lines = [format!("pool_state = \"{state}\""), maker.maybe(2, "min_size = 2")];
        maker.table("[capacity_provider.warm_pool]", &lines);
    }
    for _ in 0..maker.number(0, 2) {
        let lines = [
            format!("at = \"{}m\"", maker.number(1, 30)),
            format!("desired_capacity = {}", maker.number(0, most)),
        ];
        maker.table("[[capacity_provider.scheduled_actions]]", &lines);
    }
    if maker.dice.one_in(4) {
        let lines = [
            format!("at = \"{}m\"", maker.number(0, 20)),
            format!("duration = \"{}m\"", maker.number(1, 20)),
            if maker.dice.one_in(2) {
                format!("availability_zone = \"{}\"", maker.zone())
            } else {
                String::new()
            },
        ];
        maker.table("[[capacity_provider.shortages]]", &lines);
    }
    if maker.dice.one_in(4) {
        refresh(maker);
    }
    maker.providers.push((name, is_managed));
}

fn refresh(maker: &mut Maker) {
    let protected = maker.pick(&["Refresh", "Ignore", "Wait"]);
    let lines = [
        format!("at = \"{}m\"", maker.number(1, 20)),
        format!("min_healthy_percentage = {}", maker.number(0, 4) * 25),
        maker.maybe(3, "min_healthy_percentage = 100\nmax_healthy_percentage = 150"),
        maker.maybe(2, "instance_warmup = \"30s\""),
        maker.maybe(3, "checkpoint_percentages = [50]\ncheckpoint_delay = \"2m\""),
        maker.maybe(3, "skip_matching = true"),
        maker.maybe(3, "launch_template_version = 3\nauto_rollback = true"),
        maker.maybe(3, "alarm_at = \"22m\""),
        format!("scale_in_protected_instances = \"{protected}\""),
        maker.maybe(4, "cancel_at = \"24m\""),
    ];
    let mut lines: Vec<String> = lines.iter().flat_map(|l| l.lines()).map(String::from).collect();
    lines.retain(|line| !line.is_empty());
    if lines.iter().any(|line| line.starts_with("max_healthy")) {
        lines.remove(1);
    }
    maker.table("[[capacity_provider.instance_refreshes]]", &lines);
}

/// Capacity types in some order; their reservations are declared at the end of the file.
fn segments(maker: &mut Maker) {
    let types = maker.pick(&[
        "\"on-demand-capacity-reservation\", \"on-demand\"",
        "\"capacity-block\", \"interruptible-capacity-reservation\", \"on-demand\"",
        "\"interruptible-capacity-reservation\", \"on-demand\", \"capacity-block\"",
        "\"capacity-block\", \"on-demand-capacity-reservation\"",
    ]);
    let lines = [format!("distribution_segments = [{{ target_capacity_types = [{types}] }}]")];
    maker.table("[capacity_provider.mixed_instances]", &lines);
    maker.has_segments = true;
}

/// Reservations of each kind for what groups with segments may launch.
fn reservations(maker: &mut Maker) {
    let kinds =
        ["on-demand-capacity-reservation", "capacity-block", "interruptible-capacity-reservation"];
    for zone in (0..maker.zones).map(|zone| ["us-east-1a", "us-east-1b", "us-east-1c"][zone]) {
        for (index, kind) in kinds.iter().enumerate() {
            let from = maker.number(0, 10);
            let lines = [
                format!("type = \"{kind}\""),
                format!(
                    "instance_type = \"{}\"",
                    maker.pick(&["m5.large", "m5.xlarge", "c5.large"])
                ),
                format!("availability_zone = \"{zone}\""),
                format!("instance_count = {}", maker.number(1, 3)),
                format!("from = \"{from}m\"\nuntil = \"{}m\"", from + maker.number(5, 20)),
                "usd_per_hour = 0.5".into(),
                if index > 0 {
                    "instances_end_before = \"3m\"\nnotice = \"1m\"".into()
                } else {
                    String::new()
                },
                if index > 0 { maker.maybe(2, "drain_at_notice = true") } else { String::new() },
            ];
            maker.table("[[capacity_reservation]]", &lines);
        }
    }
}

fn mixed(maker: &mut Maker) {
    let strategy = maker.pick(&["lowest-price", "capacity-optimized", "price-capacity-optimized"]);
    let lines = [
        format!("on_demand_base_capacity = {}", maker.number(0, 3)),
        format!("on_demand_percentage_above_base_capacity = {}", maker.number(0, 3) * 25),
        format!("spot_allocation_strategy = \"{strategy}\""),
    ];
    maker.table("[capacity_provider.mixed_instances]", &lines);
    let lines = [
        format!("per_instance_hour = {}", maker.number(0, 4)),
        maker.pick(&[
            "",
            "reclaims_per_pool_hour = 2",
            "reclaims_per_pool_hour = 3\nreclaim_percent = 50",
        ]),
        maker.maybe(2, "capacity_rebalancing = true"),
        maker.maybe(2, "spot_instance_draining = true"),
        maker.maybe(3, "notice = \"30s\""),
    ];
    maker.table("[capacity_provider.mixed_instances.interruption]", &lines);
}

/// `e` runs on instances, `f` also on Fargate.
fn definitions(maker: &mut Maker) {
    let modes: &[&str] = if maker.has_managed_instances {
        &["awsvpc", "host"] // Managed Instances have no bridge
    } else {
        &["bridge", "awsvpc", "host"]
    };
    let mode = maker.pick(modes);
    let cpu = maker.pick(&["128", "256", "512", "1024", "2048"]);
    let memory = maker.pick(&["256", "1024", "3072"]);
    let lines = [
        "family = \"e\"".into(),
        format!("cpu = {cpu}"),
        format!("memory = {memory}"),
        format!("network_mode = \"{mode}\""),
        maker.maybe(2, "image_mib = 300"),
        maker.maybe(4, "stop_timeout = \"5s\""),
    ];
    maker.table("[[task_definition]]", &lines);
    let lines = [
        "family = \"f\"".into(),
        "cpu = 256".into(),
        "memory = 512".into(),
        "network_mode = \"awsvpc\"".into(),
        maker.maybe(2, "image_mib = 100"),
    ];
    maker.table("[[task_definition]]", &lines);
}

/// Where tasks go: lines of a caller or a service, and whether it is Fargate.
fn target(maker: &mut Maker) -> Vec<String> {
    let is_on_fargate = maker.providers.is_empty() || maker.dice.one_in(3);
    if is_on_fargate {
        let strategy = "capacity_provider_strategy = [{ capacity_provider = \"FARGATE\", base = 1, weight = 1 }, \
                        { capacity_provider = \"FARGATE_SPOT\", weight = 2 }]";
        let launch = maker.pick(&["launch_type = \"FARGATE\"", strategy]);
        return vec!["task_definition = \"f\"".into(), launch];
    }
    let definition = maker.pick(&["task_definition = \"e\"", "task_definition = \"f\""]);
    let mut items = Vec::new();
    for (at, (name, _)) in maker.providers.clone().iter().enumerate() {
        // Managed Instances stand alone in a strategy.
        if at == 0 || (!maker.has_managed_instances && maker.dice.one_in(2)) {
            let weight = at + 1;
            items.push(format!("{{ capacity_provider = \"{name}\", weight = {weight} }}"));
        }
    }
    let is_fixed = maker.providers.iter().all(|(_, grows)| !grows);
    let launch = if is_fixed && maker.dice.one_in(2) {
        "launch_type = \"EC2\"".to_owned()
    } else {
        format!("capacity_provider_strategy = [{}]", items.join(", "))
    };
    if maker.has_managed_instances {
        return vec![definition, launch]; // ECS places by itself there
    }
    let strategy = maker.pick(&[
        "",
        "placement_strategy = [{ type = \"binpack\", field = \"memory\" }]",
        "placement_strategy = [{ type = \"spread\", field = \"attribute:ecs.availability-zone\" }]",
        "placement_strategy = [{ type = \"spread\", field = \"instanceId\" }]",
        "placement_strategy = [{ type = \"random\" }]",
    ]);
    let distinct = maker.maybe(6, "placement_constraints = [{ type = \"distinctInstance\" }]");
    vec![definition, launch, strategy, distinct]
}

fn caller(maker: &mut Maker, index: usize) {
    let mut lines = vec![format!("name = \"c{index}\"")];
    lines.extend(target(maker));
    let on_failure = maker.pick(&["give_up", "queue", "retry"]);
    lines.push(format!("on_failure = \"{on_failure}\""));
    lines.push("on_oversized = \"refuse\"".into());
    lines.push(maker.maybe(5, "stop_after = \"90s\""));
    maker.table("[[run_task]]", &lines);
    let seconds = maker.number(20, 900);
    let lines = [
        format!("per_second = 0.0{}", maker.number(1, 9)),
        format!("limit = {}", maker.number(1, 30)),
        format!("duration = {{ type = \"exponential\", mean = \"{seconds}s\" }}"),
        maker.maybe(3, "count = 4"),
    ];
    maker.table("[run_task.generate]", &lines);
}

/// What a DAEMON service of Managed Instances may say: how it fails, and is updated.
fn managed_daemon(maker: &mut Maker, lines: &mut Vec<String>) {
    lines.push("starts_running = false".into());
    lines.push(maker.maybe(3, "critical = false"));
    let behaviour = maker.pick(&[
        "",
        "behaviour = { time_to_failure = \"7m\" }",
        "behaviour = { start_failure_percent = 30 }",
        "behaviour = { time_to_failure = { type = \"exponential\", mean = \"20m\" } }",
    ]);
    lines.push(behaviour);
    let percent = maker.number(0, 100);
    let of_updates = format!(
        "deployment_configuration = {{ drain_percent = {percent}, bake_time = \"{}s\" }}\n\
         update = [{{ at = \"{}m\", force_new_deployment = true }}]",
        maker.number(0, 90),
        maker.number(1, 15)
    );
    lines.push(maker.maybe(2, &of_updates));
}

fn service(maker: &mut Maker, index: usize) {
    let name = format!("s{index}");
    maker.services.push(name.clone());
    let is_daemon = !maker.providers.is_empty() && maker.dice.one_in(8);
    let mut lines = vec![format!("name = \"{name}\"")];
    if is_daemon {
        lines.extend(["task_definition = \"e\"".into(), "scheduling_strategy = \"DAEMON\"".into()]);
        match maker.of_managed_instances.first().cloned() {
            Some(name) if maker.dice.one_in(2) => {
                lines.push(format!(
                    "capacity_provider_strategy = [{{ capacity_provider = \"{name}\", weight = 1 }}]"
                ));
                managed_daemon(maker, &mut lines);
            }
            _ => lines.push("launch_type = \"EC2\"".into()),
        }
        maker.table("[[service]]", &lines);
        return;
    }
    lines.extend(target(maker));
    lines.push(format!("desired_count = {}", maker.number(1, 8)));
    lines.push(maker.maybe(2, "starts_running = false"));
    let has_balancer = maker.dice.one_in(2);
    if has_balancer {
        lines.push("health_check_grace_period = \"30s\"".into());
        lines.push("load_balancer = { deregistration_delay = \"30s\" }".into());
    }
    maker.table("[[service]]", &lines);
    if maker.dice.one_in(2) {
        let rate = maker.number(1, 60);
        let lines = [
            format!("cpu_ms_per_request = {}", maker.number(5, 40)),
            maker.maybe(3, "timeout = \"5s\""),
            format!("generate = {{ per_second = {rate}, daily_depth = 0.3 }}"),
        ];
        maker.table("[service.traffic]", &lines);
        if maker.dice.one_in(2) {
            let lines = [
                "min_capacity = 1".into(),
                "max_capacity = 12".into(),
                "target_tracking = [{ metric = \"ECSServiceAverageCPUUtilization\", target_value = 50 }]".into(),
            ];
            maker.table("[service.scaling]", &lines);
        }
    }
    if maker.dice.one_in(3) {
        let lines = [
            maker.maybe(3, "start_failure_percent = 30"),
            maker.maybe(3, "time_to_failure = { type = \"exponential\", mean = \"8m\" }"),
            maker.maybe(4, "never_healthy_percent = 20"),
        ];
        maker.table("[service.behaviour]", &lines);
    }
    if maker.dice.one_in(3) {
        let lines = [
            format!("minimum_healthy_percent = {}", maker.number(0, 2) * 50),
            format!("maximum_percent = {}", 100 + maker.number(0, 2) * 50),
            maker.maybe(2, "deployment_circuit_breaker = { enable = true, rollback = true }"),
        ];
        maker.table("[service.deployment_configuration]", &lines);
    }
    for _ in 0..maker.number(0, 2) {
        let change =
            maker.pick(&["force_new_deployment = true", "desired_count = 3", "desired_count = 0"]);
        let lines = [format!("at = \"{}m\"", maker.number(1, 25)), change];
        maker.table("[[service.update]]", &lines);
    }
}

fn failure(maker: &mut Maker) {
    let at = format!("at = \"{}s\"", maker.number(0, 1_500));
    let mut lines = vec![at];
    let on_instances = !maker.providers.is_empty();
    match maker.number(0, 7) {
        6 if maker.blocks.iter().flatten().any(|line| line.starts_with("image_mib")) => {
            lines.push("kind = \"registry_outage\"".into());
            lines.push(format!("duration = \"{}m\"", maker.number(1, 15)));
            lines.push(maker.maybe(2, "slowdown = 8"));
        }
        7 if maker.blocks.iter().any(|block| block[0].ends_with("caling]")) => {
            lines.push("kind = \"metrics_outage\"".into());
            lines.push(format!("duration = \"{}m\"", maker.number(1, 15)));
        }
        0 => {
            lines.push("kind = \"az_outage\"".into());
            lines.push(format!("availability_zone = \"{}\"", maker.zone()));
            lines.push(format!("duration = \"{}m\"", maker.number(1, 20)));
        }
        1 if !maker.services.is_empty() => {
            lines.push(format!("service = \"{}\"", maker.services[0]));
            lines.push(format!("tasks = {}", maker.number(1, 4)));
        }
        kind @ 2..=4 if on_instances => {
            let kind = ["instance", "agent_disconnect", "impaired"][kind - 2];
            lines.push(format!("kind = \"{kind}\""));
            lines.push(maker.maybe(2, "repair = \"4m\""));
            lines.push(maker.maybe(2, "instances = 2"));
            let reaction = maker.pick(&["", "reaction = \"none\"", "reaction = \"terminate\""]);
            lines.push(reaction);
        }
        5 if on_instances => {
            lines[0] = "kind = \"never_registers\"".into();
            lines.push("percent = 30".into());
        }
        _ => return,
    }
    maker.table("[[failure]]", &lines);
}

fn fargate(maker: &mut Maker) {
    if maker.dice.one_in(3) {
        let lines = [
            format!("interruptions_per_task_hour = {}", maker.number(0, 5)),
            maker.maybe(2, "reclaims_per_zone_hour = 2\nreclaim_percent = 60"),
        ];
        maker.table("[fargate.spot]", &lines);
    }
    if maker.dice.one_in(3) {
        let lines = [
            format!("at = \"{}m\"", maker.number(0, 15)),
            format!("duration = \"{}m\"", maker.number(1, 15)),
            maker.maybe(2, "purchase = \"spot\""),
        ];
        maker.table("[[fargate.shortages]]", &lines);
    }
}

/// What came of a file.
enum Outcome {
    /// It is no scenario, and why.
    Refused(String),
    /// It ran.
    Ran(Box<RunResult>),
    /// It broke something.
    Broke,
}

fn run(text: &str) -> Outcome {
    let scenario = match load_text(text, "random.toml", Path::new("."), &[]) {
        Ok(scenario) => scenario,
        Err(problems) => return Outcome::Refused(problems.to_string()),
    };
    let work = || {
        let watch = Watch { pulse: &Pulse::default(), check_every_event: true };
        let sinks = Sinks { hourly: true, ..Sinks::default() };
        let result = run_one(&scenario, scenario.setup.seed, sinks, watch);
        result.inspect(audit)
    };
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(result)) => Outcome::Ran(Box::new(result)),
        Ok(Err(RunError::Oversized(why))) => Outcome::Refused(why),
        Ok(Err(error)) => {
            eprintln!("{error}");
            Outcome::Broke
        }
        Err(_) => Outcome::Broke,
    }
}

/// Requests and dollars add up.
fn audit(result: &RunResult) {
    for report in &result.services {
        let totals = &report.requests;
        let sum = totals.served + totals.dropped();
        assert_eq!(totals.offered, sum, "requests of {}", report.name);
    }
    let total = result.summary.get("total_usd").and_then(|value| value.as_f64()).unwrap();
    assert!((total - result.invoice.total().to_f64()).abs() < 1e-6, "the lines are the total");
    assert!(result.invoice.lines.iter().all(|line| line.usd.0 >= 0), "no line is negative");
    let by_hour = result.by_hour.as_ref().unwrap();
    for (line, hours) in result.invoice.lines.iter().zip(&by_hour.lines) {
        assert_eq!(hours.iter().copied().sum::<NanoUsd>(), line.usd, "hours of {line:?}");
        assert!(hours.iter().all(|usd| usd.0 >= 0), "no hour is negative");
    }
    // What commitments cost is on the bill, used or not.
    let committed: NanoUsd =
        result.settlement.as_ref().unwrap().reports.iter().map(|report| report.committed).sum();
    let of_commitments = result.invoice.sum_by(|line| {
        let name = line.category.name();
        let is_unused = name.ends_with("_unused") && !name.starts_with("capacity_");
        name.ends_with("_savings_plan") || is_unused || name.contains("reserved")
    });
    let billed = of_commitments.get(&true).copied().unwrap_or_default();
    assert_eq!(billed, committed, "commitments on the bill");
    blocks_are_paid_as_a_whole(result);
}

/// Capacity Blocks cost what they cost, used or not; and each instance is billed for a minute at least.
fn blocks_are_paid_as_a_whole(result: &RunResult) {
    let reports = result.settlement.iter().flat_map(|of| &of.reservations);
    let committed: i128 =
        reports.filter(|of| of.kind == "capacity_block").map(|of| of.committed.0).sum();
    let billed = result.invoice.sum_by(|line| line.category.name().contains("capacity_block"));
    let beyond = billed.get(&true).map_or(0, |usd| usd.0) - committed;
    let all =
        result.purchases.iter().copied().chain(result.unregistered.iter().map(|of| of.purchase));
    let instances = all.filter(|of| *of == Purchase::CapacityBlock);
    let rounding = 100; // of lines
    // Half a dollar an hour.
    let minutes = instances.count() as i128 * 500_000_000 / 60;
    assert!((-rounding..=rounding + minutes).contains(&beyond), "Capacity Blocks: {beyond}");
}

/// Takes away whole tables, then lines, as long as the rest still fails.
fn shrink(blocks: &Blocks, fails: &mut dyn FnMut(&Blocks) -> bool) -> Blocks {
    let mut least = blocks.clone();
    loop {
        let before = least.clone();
        for at in (0..least.len()).rev() {
            let mut without = least.clone();
            without.remove(at);
            if fails(&without) {
                least = without;
            }
        }
        for at in 0..least.len() {
            for line in (1..least[at].len()).rev() {
                let mut without = least.clone();
                without[at].remove(line);
                if fails(&without) {
                    least = without;
                }
            }
        }
        if least == before {
            return least;
        }
    }
}

#[test]
fn invariants_hold_for_random_files_and_what_fails_is_a_file() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let seeds = match number("ECSIM_SWARM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ECSIM_SWARM_CASES").unwrap_or(2_000),
    };
    let mut broken = Vec::new();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let (mut refused, mut events, cases) = (0, 0, seeds.end - seeds.start);
    let mut sums = [0.0; 6];
    let names = [
        "instances_launched",
        "instances_ended",
        "instances_interrupted",
        "tasks_lost",
        "tasks_completed",
        "fargate_interrupted",
    ];
    for seed in seeds {
        let blocks = file(seed);
        match run(&text(&blocks)) {
            Outcome::Refused(why) => {
                refused += 1;
                let first = why.lines().next().unwrap_or_default().to_owned();
                let why = first.splitn(5, ':').last().unwrap_or_default().trim().to_owned();
                *reasons.entry(why).or_default() += 1;
            }
            Outcome::Ran(result) => {
                events += result.events;
                for (sum, name) in sums.iter_mut().zip(names) {
                    *sum += result.summary.get(name).and_then(|v| v.as_f64()).unwrap_or(0.0);
                }
            }
            Outcome::Broke => broken.push(seed),
        }
    }
    println!("refused: {reasons:#?}");
    println!("{cases} files, {refused} refused, {events} events, {names:?} {sums:?}");
    if let Some(&seed) = broken.first() {
        let fails = &mut |some: &Blocks| matches!(run(&text(some)), Outcome::Broke);
        let least = shrink(&file(seed), fails);
        panic!(
            "files {broken:?} failed, see above; this part of the first does, too:\n\n{}",
            text(&least)
        );
    }
    if cases >= 2_000 {
        assert!(refused < cases / 10, "{refused} of {cases} files are no scenarios");
        assert!(sums.iter().all(|&sum| sum > cases as f64 / 20.0), "too tame: {sums:?}");
    }
}

#[test]
fn a_failing_file_is_cut_down_to_what_makes_it_fail() {
    let blocks = file(3);
    let has = |blocks: &Blocks, line: &str| blocks.iter().flatten().any(|known| known == line);
    assert!(has(&blocks, "family = \"f\"") && blocks.len() > 4);
    let least = shrink(&blocks, &mut |some| has(some, "family = \"f\""));
    assert_eq!(text(&least), "[[task_definition]]\nfamily = \"f\"\n");
}

/// What random files found, cut down; each broke an invariant, or panicked.
#[test]
fn files_that_once_failed_pass() {
    for (name, text) in [
        ("crash", include_str!("once/crash-on-a-host-that-stands-still.toml")),
        ("host", include_str!("once/host-of-a-draining-target-stands-still.toml")),
        ("room", include_str!("once/room-of-a-deployment-that-is-gone.toml")),
        ("agent", include_str!("once/silent-agent-found-in-a-zone-that-is-out.toml")),
        ("drained", include_str!("once/drained-target-moves-off-a-managed-instance.toml")),
    ] {
        assert!(matches!(run(text), Outcome::Ran(_)), "{name}");
    }
}
