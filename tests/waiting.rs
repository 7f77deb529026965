//! Who waits, for how long, and what ends it: each expected number is worked out by hand beside it.

use crate::support::{Finished, Page, Rows, caller, definition, instance, row, run, setup, sized};
use ecsim::base::distribution::Distribution;
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::engine::Pulse;
use ecsim::model::arrival::TaskRow;
use ecsim::model::ids::ProviderId;
use ecsim::model::platform::LaunchType;
use ecsim::model::ports::{HostPort, PortSet, Protocol};
use ecsim::policy::query::Expression;
use ecsim::scenario::load_text;
use ecsim::sim::Watch;
use ecsim::sim::outputs::Sinks;
use ecsim::sim::setup::{
    Bucket, InstanceSetup, Launch, OnFailure, ProviderSetup, ProviderShare, Setup, SourceSetup,
};
use std::collections::BTreeMap;
use std::path::Path;

fn queue() -> SourceSetup {
    SourceSetup { on_failure: OnFailure::Queue, ..caller() }
}

#[test]
fn who_still_waits_at_the_end_is_in_the_waits() {
    let mut setup = setup(vec![instance("i", 1024, 1024)], queue());
    setup.horizon = Some(SimTime(3_600_000_000));
    let rows = vec![
        sized(0.0, 10_000.0, 1024, 1024),
        TaskRow { count: 100, ..sized(0.0, 1.0, 1024, 1024) },
    ];
    let finished = run(setup, rows);
    assert_eq!(finished.number("tasks_waiting_at_end"), 100.0);
    assert_eq!(finished.number("wait_s_max"), 3_600.0);
    assert_eq!(finished.number("wait_s_p50"), 3_600.0);
    // One waited 0 s, a hundred an hour so far: 360,000 s over 101 tasks, to the nearest microsecond.
    assert_eq!(finished.number("wait_s_mean"), 3_564.356_436);
}

#[test]
fn packing_never_needs_more_instances_than_there_are() {
    let instances = vec![
        instance("c-0", 8192, 15_500),
        instance("c-1", 8192, 15_500),
        instance("r-0", 4096, 31_500),
        instance("r-1", 4096, 31_500),
    ];
    let row = TaskRow { count: 6, ..sized(0.0, 100.0, 1024, 15_000) };
    let finished = run(setup(instances, caller()), vec![row]);
    assert_eq!(finished.number("tasks_placed"), 6.0);
    // 90,000 MiB at 31,500 MiB an instance are three instances, 6,144 units at 8,192 one: three of four.
    assert_eq!(finished.number("packing_efficiency_percent"), 75.0);
}

/// Instances of a fixed fleet by zone and by type.
fn dealt(types: usize, zones: usize, count: usize) -> BTreeMap<(u32, String), usize> {
    let list = |names: &[&str], many: usize| {
        let quoted: Vec<String> = names[..many].iter().map(|name| format!("\"{name}\"")).collect();
        quoted.join(", ")
    };
    let text = format!(
        "[[capacity_provider]]\nname = \"general\"\ninstance_types = [{}]\navailability_zones = [{}]\n\
         desired_capacity = {count}\n[[run_task]]\n\
         generate = {{ per_second = 1, limit = 10, sizes = [{{ cpu = 256, memory = 512 }}] }}\n",
        list(&["m5.large", "c5.large", "r5.large", "m5.xlarge"], types),
        list(&["us-east-1a", "us-east-1b", "us-east-1c"], zones),
    );
    let scenario =
        load_text(&text, "test.toml", Path::new(""), &[]).unwrap_or_else(|e| panic!("{e}"));
    let mut counts = BTreeMap::new();
    for instance in &scenario.setup.instances {
        let registration = &instance.registration;
        let key = (registration.zone.0, registration.instance_type.to_string());
        *counts.entry(key).or_default() += 1;
    }
    counts
}

#[test]
fn every_zone_has_every_type_and_every_type_its_share() {
    for types in 1..=4 {
        for zones in 1..=3 {
            let all = dealt(types, zones, 2 * types * zones);
            assert_eq!(
                all.len(),
                types * zones,
                "each of {types} types is in each of {zones} zones"
            );
            assert!(all.values().all(|count| *count == 2), "{all:?}");
            for count in types..types * zones {
                let some = dealt(types, zones, count);
                let mut by_type: BTreeMap<&str, usize> = BTreeMap::new();
                some.iter().for_each(|((_, name), n)| *by_type.entry(name).or_default() += n);
                let (least, most) = (by_type.values().min(), by_type.values().max());
                assert_eq!(by_type.len(), types, "{count} of {types} types: {some:?}");
                assert!(most.unwrap() - least.unwrap() <= 1, "{some:?}");
            }
        }
    }
}

/// Runs a setup with several callers, checked after every event.
fn run_all(setup: Setup, rows: Vec<Vec<TaskRow>>) -> Finished {
    let (tasks, failures) = (Page::default(), Page::default());
    let sinks = Sinks {
        tasks: Some(Box::new(tasks.clone())),
        placement_failures: Some(Box::new(failures.clone())),
        ..Sinks::default()
    };
    let watch = Watch { pulse: &Pulse::default(), check_every_event: true };
    let streams: Vec<_> = rows.into_iter().map(Rows::of).collect();
    let result = ecsim::sim::run(setup, streams, sinks, watch).unwrap();
    let timeseries = String::new();
    Finished { result, tasks: tasks.text(), timeseries, failures: failures.text() }
}

/// A second caller beside the first.
fn with_second(mut setup: Setup, second: SourceSetup) -> Setup {
    setup.sources.push(SourceSetup { name: "second".into(), ..second });
    setup
}

/// Two EC2 providers, `ec2` and `b`, which a caller uses by this base and these weights.
fn two_providers(of_a: &[u32], of_b: &[u32], base: u32, on_failure: OnFailure) -> Setup {
    let of = |name: String, cpu: u32, provider: u32| {
        let mut instance: InstanceSetup = instance(&name, cpu, 8192);
        instance.registration.provider = ProviderId(provider);
        instance
    };
    let a = of_a.iter().enumerate().map(|(i, cpu)| of(format!("a-{i}"), *cpu, 0));
    let b = of_b.iter().enumerate().map(|(i, cpu)| of(format!("b-{i}"), *cpu, 3));
    let shares = vec![
        ProviderShare { provider: ProviderId(0), base, weight: 1 },
        ProviderShare { provider: ProviderId(3), base: 0, weight: 1 },
    ];
    let caller = SourceSetup { launch: Launch::Providers(shares), on_failure, ..caller() };
    let mut setup = setup(a.chain(b).collect(), caller);
    let b = ProviderSetup { name: "b".into(), ..setup.providers[ProviderId(0)].clone() };
    setup.providers.push(b);
    setup
}

fn retry(attempts: Option<u32>) -> OnFailure {
    OnFailure::Retry {
        attempts,
        first_delay: SimSpan::from_secs(10),
        growth_percent: 100,
        max_delay: SimSpan::from_secs(10),
        jitter_percent: 0,
    }
}

fn member_of(text: &str) -> Vec<Expression> {
    vec![Expression::parse(text).unwrap()]
}

#[test]
fn a_placement_that_makes_an_affinity_true_wakes_who_waits_for_it() {
    let waiting = SourceSetup { member_of: member_of("task:group == a"), ..queue() };
    let other = SourceSetup { group: Some("a".into()), ..caller() };
    let setup = with_second(setup(vec![instance("i", 4096, 8192)], waiting), other);
    let finished = run_all(setup, vec![vec![row(0.0, 5.0)], vec![row(10.0, 100.0)]]);
    assert_eq!(finished.column("placed_s"), ["10", "10"]);
}

#[test]
fn running_tasks_count_counts_running_tasks_and_wakes_who_waits_for_them() {
    let waiting = SourceSetup { member_of: member_of("runningTasksCount > 0"), ..queue() };
    let mut setup = with_second(setup(vec![instance("i", 4096, 8192)], waiting), caller());
    setup.latencies.ec2_start = Distribution::Constant(5.0);
    let finished = run_all(setup, vec![vec![row(0.0, 5.0)], vec![row(10.0, 100.0)]]);
    // The other is placed at 10 s and RUNNING from 15 s on.
    assert_eq!(finished.column("placed_s"), ["15", "10"]);
}

#[test]
fn what_stops_on_fargate_wakes_no_queue_on_ec2() {
    let fargate = SourceSetup { launch: Launch::Type(LaunchType::Fargate), ..caller() };
    let setup = with_second(setup(vec![instance("i", 1024, 8192)], queue()), fargate);
    let rows = vec![row(0.0, 100.0), row(0.0, 10.0)];
    let finished = run_all(setup, vec![rows, vec![row(0.0, 50.0)]]);
    assert_eq!(finished.column("placed_s"), ["0", "100", "0"]);
    assert_eq!(finished.number("placement_failures"), 1.0);
}

#[test]
fn who_has_waited_goes_before_a_newcomer_of_the_same_instant() {
    let setup = with_second(setup(vec![instance("i", 1024, 8192)], queue()), caller());
    let rows = vec![row(0.0, 100.0), row(1.0, 10.0)];
    let finished = run_all(setup, vec![rows, vec![row(100.0, 10.0)]]);
    // The first ends at 100 s, when the caller that gives up arrives.
    assert_eq!(finished.column("placed_s"), ["0", "100", ""]);
}

#[test]
fn a_retry_shares_the_tasks_that_failed_out_anew() {
    let setup = two_providers(&[2048], &[2048], 0, retry(None));
    let finished = run(setup, vec![TaskRow { count: 8, ..sized(0.0, 20.0, 1024, 128) }]);
    // Two of each at 0 s; one call for four at 10 s finds nothing; at 20 s two of each.
    assert_eq!(finished.column("placed_s"), ["0", "0", "0", "0", "20", "20", "20", "20"]);
    let providers = finished.column("capacity_provider");
    assert_eq!(providers.iter().filter(|name| *name == "b").count(), 4);
    // Two rows a failed call, one a provider, for two tasks each: 4 at 0 s and 4 at 10 s.
    assert_eq!(finished.number("placement_failures"), 8.0);
}

#[test]
fn a_queue_waits_only_while_no_provider_has_room() {
    let setup = two_providers(&[2048, 2048], &[2048], 0, OnFailure::Queue);
    let finished = run(setup, vec![TaskRow { count: 6, ..sized(0.0, 1000.0, 1024, 128) }]);
    assert_eq!(finished.column("placed_s"), ["0"; 6]);
}

#[test]
fn a_queue_counts_its_base_once_however_often_it_looks() {
    let setup = two_providers(&[4096], &[2048], 2, OnFailure::Queue);
    let finished = run(setup, vec![TaskRow { count: 8, ..sized(0.0, 20.0, 1024, 128) }]);
    // 5 : 3 by base 2 and equal weights. Six fit at 0 s, 4 : 2; of the last two each gets one.
    let providers = finished.column("capacity_provider");
    assert_eq!(providers.iter().filter(|name| *name == "b").count(), 3);
    assert_eq!(finished.column("placed_s")[5..], ["0", "20", "20"]);
}

#[test]
fn a_queue_of_start_task_tries_every_named_instance_at_once() {
    let launch = Launch::Start(vec!["x".into(), "y".into()]);
    let caller = SourceSetup { launch, ..queue() };
    let setup = setup(vec![instance("x", 1024, 8192), instance("y", 2048, 8192)], caller);
    let finished = run(setup, vec![row(0.0, 500.0), row(1.0, 500.0), row(2.0, 500.0)]);
    assert_eq!(finished.column("instance_id"), ["x", "y", "y"]);
    assert_eq!(finished.column("placed_s"), ["0", "1", "2"]);
}

#[test]
fn a_throttled_call_waits_for_the_api_and_not_for_a_place() {
    for on_failure in [OnFailure::GiveUp, OnFailure::Queue, retry(None)] {
        let caller = SourceSetup { on_failure, ..caller() };
        let mut setup = setup(vec![instance("i", 8192, 8192)], caller);
        setup.limits.run_task_calls = Some(Bucket { burst: 1, per_second: 1 });
        let finished = run(setup, vec![row(0.0, 50.0), row(0.0, 50.0), row(0.0, 50.0)]);
        assert_eq!(finished.column("accepted_s"), ["0", "1", "2"]);
        assert_eq!(finished.column("wait_s"), ["0", "0", "0"]);
        assert_eq!(finished.number("throttled_s_mean"), 1.0);
        assert_eq!(finished.number("throttled_s_max"), 2.0);
    }
}

#[test]
fn calls_on_ec2_and_on_fargate_take_tokens_in_order() {
    let fargate = SourceSetup { launch: Launch::Type(LaunchType::Fargate), ..caller() };
    let mut setup = with_second(setup(vec![instance("i", 8192, 8192)], caller()), fargate);
    setup.limits.run_task_calls = Some(Bucket { burst: 1, per_second: 1 });
    let ec2 = vec![row(0.0, 50.0), row(0.1, 50.0), row(0.3, 50.0)];
    let finished = run_all(setup, vec![ec2, vec![row(0.2, 50.0)]]);
    // Numbers are in order of arrival: the third is on Fargate.
    assert_eq!(finished.column("launch"), ["EC2", "EC2", "FARGATE", "EC2"]);
    assert_eq!(finished.column("accepted_s"), ["0", "1", "2", "3"]);
}

#[test]
fn a_port_that_every_instance_keeps_is_like_a_task_that_is_too_large() {
    let ssh = PortSet::new(vec![HostPort { protocol: Protocol::Tcp, port: 22 }]);
    for oversized_is_error in [true, false] {
        let mut instance = instance("i", 4096, 8192);
        instance.registration.ports = ssh.clone();
        let mut setup = setup(vec![instance], SourceSetup { oversized_is_error, ..queue() });
        let web = ecsim::model::definition::TaskDefinition {
            ports: ssh.clone(),
            ..definition("web", 256, 256)
        };
        setup.definitions = std::iter::once(web).collect();
        let watch = Watch { pulse: &Pulse::default(), check_every_event: true };
        let rows = vec![Rows::of(vec![row(0.0, 5.0)])];
        match ecsim::sim::run(setup, rows, Sinks::default(), watch) {
            Err(error) => {
                assert!(oversized_is_error && error.to_string().contains("port"), "{error}");
            }
            Ok(result) => {
                let refused = result.summary.get("tasks_refused_ports").unwrap().as_f64();
                assert_eq!((oversized_is_error, refused), (false, Some(1.0)));
            }
        }
    }
}

#[test]
fn who_calls_three_times_makes_three_calls_before_the_run_ends() {
    let caller = SourceSetup { on_failure: retry(Some(3)), ..caller() };
    let finished =
        run(setup(vec![instance("i", 1024, 8192)], caller), vec![sized(0.0, 5.0, 4096, 128)]);
    assert_eq!(finished.number("placement_failures"), 3.0);
    assert_eq!(finished.number("tasks_refused"), 1.0);
    assert_eq!(finished.number("simulated_s"), 20.0);
}

#[test]
fn another_callers_tasks_do_not_move_the_latencies_of_a_task() {
    let started = |others: usize| {
        let other = SourceSetup { name: "other".into(), ..caller() };
        let mut setup = setup(vec![instance("i", 65_536, 65_536)], other);
        setup.latencies.ec2_start = Distribution::Exponential { mean: 5.0 };
        let setup = with_second(setup, caller());
        let mut rows = vec![row(1.0, 100.0), row(2.0, 100.0)];
        rows.truncate(others);
        let finished = run_all(setup, vec![rows, vec![row(3.0, 100.0), row(4.0, 100.0)]]);
        finished.column("started_s")[others..].to_vec()
    };
    assert_eq!(started(0), started(2));
}

#[test]
fn an_eni_slot_comes_back_when_the_interface_is_gone() {
    let mut host = instance("i", 4096, 8192);
    host.registration.resources.enis = 1;
    let mut setup = setup(vec![host], queue());
    let mut app = definition("app", 256, 256);
    app.demand.enis = 1;
    app.network_mode = ecsim::model::definition::NetworkMode::Awsvpc;
    setup.definitions = std::iter::once(app).collect();
    setup.latencies.eni_detach = Distribution::Constant(2.0);
    let finished = run(setup, vec![row(0.0, 100.0), row(1.0, 100.0)]);
    // It exits at 100 s, its interface is gone at 102 s: then the other is placed.
    assert_eq!(finished.column("placed_s"), ["0", "102"]);
}

#[test]
fn the_table_says_when_a_caller_gave_a_task_up() {
    let caller = SourceSetup { on_failure: retry(Some(3)), ..caller() };
    let rows = vec![sized(0.0, 5.0, 512, 128), sized(0.0, 5.0, 4096, 128)];
    let finished = run(setup(vec![instance("i", 1024, 8192)], caller), rows);
    // Calls at 0, 10 and 20 s.
    assert_eq!(finished.column("refused_s"), ["", "20"]);
    assert_eq!(finished.column("ephemeral_gib"), ["20", "20"]);
}

#[test]
fn fargate_bills_to_the_end_that_the_scenario_names() {
    let cost = |is_billed_until_stopped: bool| {
        let fargate = SourceSetup { launch: Launch::Type(LaunchType::Fargate), ..caller() };
        let mut setup = setup(Vec::new(), fargate);
        setup.fargate.is_billed_until_stopped = is_billed_until_stopped;
        setup.latencies.fargate_eni_detach = Distribution::Constant(100.0);
        let finished = run(setup, vec![sized(0.0, 100.0, 1024, 2048)]);
        assert_eq!(finished.column("stopped_s"), ["200"]);
        finished.column("usd")
    };
    // 1 vCPU and 2 GB: 0.04048 + 2 · 0.004445 = 0.04937 $/h, for 100 s and for 200 s.
    assert_eq!(cost(false), ["0.001371389"]);
    assert_eq!(cost(true), ["0.002742778"]);
}
