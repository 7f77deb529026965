//! The life of a task, stage by stage, with the arithmetic of each expected instant in a comment.

use crate::support::{Finished, caller, definition, instance, row, run, setup, sized};
use ecsim::base::distribution::Distribution;
use ecsim::base::time::SimSpan;
use ecsim::model::arrival::TaskRow;
use ecsim::model::definition::{NetworkMode, TaskDefinition};
use ecsim::model::ids::{ProviderId, ZoneId};
use ecsim::model::platform::LaunchType;
use ecsim::model::ports::{HostPort, PortSet, Protocol};
use ecsim::model::resources::Resources;
use ecsim::sim::setup::{
    Bucket, InstanceSetup, Launch, OnFailure, ProviderShare, Setup, SourceSetup,
};

fn with_definition(mut setup: Setup, definition: TaskDefinition) -> Setup {
    setup.definitions = std::iter::once(definition).collect();
    setup
}

fn with_enis(mut instance: InstanceSetup, enis: u16) -> InstanceSetup {
    instance.registration.resources.enis = enis;
    instance
}

fn cells(finished: &Finished, columns: &[&str]) -> Vec<Vec<String>> {
    let columns: Vec<Vec<String>> = columns.iter().map(|name| finished.column(name)).collect();
    (0..columns[0].len()).map(|i| columns.iter().map(|c| c[i].clone()).collect()).collect()
}

const STAGES: [&str; 8] = [
    "placed_s",
    "pending_s",
    "pull_started_s",
    "pull_stopped_s",
    "started_s",
    "stopping_s",
    "execution_stopped_s",
    "stopped_s",
];

#[test]
fn an_awsvpc_task_on_ec2_goes_through_every_stage() {
    let mut setup = with_definition(
        setup(vec![with_enis(instance("i", 4096, 8192), 3)], caller()),
        TaskDefinition {
            demand: Resources { cpu: 1024, memory: 1024, gpus: 0, enis: 1 },
            network_mode: NetworkMode::Awsvpc,
            image_mib: 600,
            image: "app".into(),
            other_containers: 1,
            ..definition("app", 1024, 1024)
        },
    );
    setup.latencies.eni_attach = Distribution::Constant(6.0);
    setup.latencies.ec2_start = Distribution::Constant(2.0);
    setup.latencies.container_stop = Distribution::Constant(5.0);
    setup.latencies.eni_detach = Distribution::Constant(1.0);
    let finished = run(setup, vec![row(10.0, 100.0), row(12.0, 100.0), row(200.0, 100.0)]);
    assert_eq!(
        cells(&finished, &STAGES),
        [
            // ENI 6 s, 600 MiB at 60 MiB/s are 10 s, start 2 s, work 100 s, the sidecar stops in 5 s, ENI 1 s.
            ["10", "16", "16", "26", "28", "128", "133", "134"],
            // Same host, pull still going on: it waits for the same layers until 26 s.
            ["12", "18", "18", "26", "28", "128", "133", "134"],
            // The layers are there: no pull.
            ["200", "206", "206", "206", "208", "308", "313", "314"],
        ]
    );
}

#[test]
fn a_container_that_outlasts_its_stop_timeout_is_killed() {
    let mut setup = with_definition(
        setup(vec![instance("i", 4096, 8192)], caller()),
        TaskDefinition {
            other_containers: 1,
            stop_timeout: SimSpan::from_secs(30),
            ..definition("app", 1024, 1024)
        },
    );
    setup.latencies.container_stop = Distribution::Constant(45.0);
    let finished = run(setup, vec![row(0.0, 100.0)]);
    // 100 s of work, then SIGTERM, SIGKILL after 30 s.
    assert_eq!(finished.column("execution_stopped_s"), ["130"]);
    assert_eq!(finished.number("tasks_killed"), 1.0);
    // The essential container had exited with 0 before.
    assert_eq!(finished.column("exit_code"), ["0"]);
}

#[test]
fn stop_after_calls_stop_task_and_the_task_counts_as_failed() {
    let caller = SourceSetup { stop_after: Some(SimSpan::from_secs(50)), ..caller() };
    let finished = run(setup(vec![instance("i", 4096, 8192)], caller), vec![row(0.0, 100.0)]);
    assert_eq!(finished.column("stopping_s"), ["50"]);
    assert_eq!(finished.column("stop_code"), ["UserInitiated"]);
    assert_eq!(finished.column("exit_code"), ["143"]);
    assert_eq!((finished.number("tasks_failed"), finished.number("tasks_completed")), (1.0, 0.0));
}

/// One instance of two vCPUs whose tasks take 20 s to stop.
fn slow_stop(caller: SourceSetup) -> Setup {
    let mut setup = with_definition(
        setup(vec![instance("i", 2048, 8192)], caller),
        TaskDefinition { other_containers: 1, ..definition("app", 1024, 1024) },
    );
    setup.latencies.container_stop = Distribution::Constant(20.0);
    setup
}

#[test]
fn a_task_is_placed_when_another_begins_to_stop_but_runs_only_when_the_host_is_free() {
    let finished = run(
        slow_stop(SourceSetup { on_failure: OnFailure::Queue, ..caller() }),
        vec![sized(0.0, 100.0, 2048, 1024), sized(1.0, 10.0, 1024, 1024)],
    );
    // The promise ends at 100 s, the containers at 120 s.
    assert_eq!(finished.column("placed_s"), ["0", "100"]);
    assert_eq!(finished.column("pull_started_s"), ["0", "120"]);
    assert_eq!(finished.column("started_s"), ["0", "120"]);
}

#[test]
fn the_host_queue_is_strict_and_a_large_task_at_its_head_blocks_small_ones() {
    let finished = run(
        slow_stop(SourceSetup { on_failure: OnFailure::Queue, ..caller() }),
        vec![
            sized(0.0, 100.0, 1024, 1024), // stops 100..120
            sized(0.0, 110.0, 1024, 1024), // stops 110..130
            sized(1.0, 10.0, 1024, 1024),  // placed at 100, waits on the host until 120
            sized(2.0, 10.0, 1024, 1024),  // placed at 110; the host has room from 130
        ],
    );
    assert_eq!(finished.column("placed_s"), ["0", "0", "100", "110"]);
    assert_eq!(finished.column("started_s"), ["0", "0", "120", "130"]);
}

#[test]
fn two_tasks_with_one_static_host_port_never_share_an_instance() {
    let port = HostPort { protocol: Protocol::Tcp, port: 8080 };
    let web = TaskDefinition { ports: PortSet::new(vec![port]), ..definition("web", 256, 256) };
    let instances = vec![instance("a", 4096, 8192), instance("b", 4096, 8192)];
    let finished = run(
        with_definition(setup(instances, caller()), web),
        vec![row(0.0, 50.0), row(1.0, 50.0), row(2.0, 50.0), row(60.0, 50.0)],
    );
    assert_eq!(finished.column("instance_id"), ["a", "b", "", "a"]);
    assert_eq!(finished.number("tasks_refused_ports"), 1.0);
}

#[test]
fn four_tasks_of_2048_mib_do_not_fit_an_8_gib_linux_instance() {
    // m5.large registers 7,617 MiB of its 8,192 (Amazon Linux 2023).
    let finished = run(
        setup(vec![instance("m5.large", 2048, 7617)], caller()),
        (0..4).map(|_| sized(0.0, 10.0, 256, 2048)).collect(),
    );
    assert_eq!(finished.number("tasks_placed"), 3.0);
    assert_eq!(finished.number("tasks_refused_memory"), 1.0);
}

#[test]
fn c5_large_runs_two_awsvpc_tasks_and_ten_with_trunking() {
    let app = TaskDefinition {
        demand: Resources { cpu: 128, memory: 128, gpus: 0, enis: 1 },
        network_mode: NetworkMode::Awsvpc,
        ..definition("app", 128, 128)
    };
    for (slots, running) in [(2, 2.0), (10, 10.0)] {
        let instances = vec![with_enis(instance("c5.large", 2048, 3768), slots)];
        let setup = with_definition(setup(instances, caller()), app.clone());
        let finished = run(setup, vec![TaskRow { count: 12, ..row(0.0, 10.0) }]);
        assert_eq!(finished.number("tasks_placed"), running);
        assert_eq!(finished.number("tasks_refused_eni"), 12.0 - running);
    }
}

#[test]
fn gpus_are_whole_and_never_shared() {
    let mut gpu = instance("g4dn.12xlarge", 49_152, 180_000);
    gpu.registration.resources.gpus = 4;
    let three = TaskRow { gpus: Some(3), ..row(0.0, 10.0) };
    let finished = run(setup(vec![gpu], caller()), vec![three, TaskRow { gpus: Some(2), ..three }]);
    assert_eq!(finished.column("gpus"), ["3", "2"]);
    assert_eq!(finished.number("tasks_refused_gpu"), 1.0);
}

fn fargate(caller: SourceSetup) -> Setup {
    let launch = Launch::Type(LaunchType::Fargate);
    setup(Vec::new(), SourceSetup { launch, ..caller })
}

#[test]
fn a_fargate_task_is_billed_from_its_pull_to_its_end_with_a_minute_at_least() {
    let mut setup = with_definition(
        fargate(caller()),
        TaskDefinition { image_mib: 400, ..definition("job", 256, 512) },
    );
    setup.latencies.fargate_eni = Distribution::Constant(10.0);
    setup.latencies.fargate_prepare = Distribution::Constant(15.0);
    setup.latencies.fargate_start = Distribution::Constant(5.0);
    let finished = run(setup, vec![row(0.0, 300.0), row(0.0, 1.0)]);
    // 400 MiB at 40 MiB/s are 10 s: no cache on Fargate, so both pull.
    assert_eq!(
        cells(&finished, &STAGES),
        [
            ["0", "10", "25", "35", "40", "340", "340", "340"],
            ["0", "10", "25", "35", "40", "41", "41", "41"],
        ]
    );
    // 0.25 vCPU and 0.5 GB: 0.0123425 $/h. 315 s and (16 s, so) 60 s.
    assert_eq!(finished.column("usd"), ["0.001079969", "0.000205708"]);
    // The lines round by themselves: 375 s · 0.01012 $/h + 375 s · 0.0022225 $/h.
    assert_eq!(finished.result.invoice.total().to_string(), "0.001285677");
}

#[test]
fn a_request_between_two_fargate_sizes_is_raised_and_the_summary_says_what_that_wastes() {
    let finished = run(fargate(caller()), vec![sized(0.0, 60.0, 300, 600)]);
    assert_eq!(finished.column("cpu"), ["512"]);
    assert_eq!(finished.column("memory_mib"), ["1024"]);
    let wasted = finished.number("fargate_rounding_cpu_percent");
    assert!((wasted - 100.0 * (512.0 - 300.0) / 512.0).abs() < 1e-9, "{wasted}");
}

#[test]
fn what_fargate_cannot_run_is_refused_by_reason() {
    let gpu = TaskRow { gpus: Some(1), ..row(0.0, 60.0) };
    let finished = run(fargate(caller()), vec![gpu, sized(0.0, 60.0, 4096, 4096)]);
    assert_eq!(finished.number("tasks_refused_fargate_configuration"), 2.0);
}

#[test]
fn fargate_launches_pass_a_token_bucket_in_order() {
    let mut setup = fargate(caller());
    setup.limits.fargate_launches = Some(Bucket { burst: 100, per_second: 20 });
    let finished = run(setup, vec![TaskRow { count: 140, ..row(0.0, 60.0) }]);
    let accepted = finished.column("accepted_s");
    assert_eq!((accepted[99].as_str(), accepted[100].as_str()), ("0", "0.5"));
    // Ten at a time: 40 tasks are four calls, each half a second after the last.
    assert_eq!(accepted[139], "2");
}

#[test]
fn fargate_tasks_of_a_group_spread_over_the_zones() {
    let finished = run(fargate(caller()), vec![TaskRow { count: 4, ..row(0.0, 60.0) }]);
    let zones = finished.column("availability_zone");
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1a", "us-east-1b"]);
}

#[test]
fn a_capacity_provider_strategy_splits_each_call() {
    let shares = vec![
        ProviderShare { provider: ProviderId(1), base: 2, weight: 1 },
        ProviderShare { provider: ProviderId(2), base: 0, weight: 3 },
    ];
    let launch = Launch::Providers(shares);
    let finished = run(
        setup(Vec::new(), SourceSetup { launch, ..caller() }),
        vec![TaskRow { count: 6, ..row(0.0, 3600.0) }],
    );
    let spot = finished.column("capacity_provider").iter().filter(|p| *p == "FARGATE_SPOT").count();
    assert_eq!(spot, 3);
    // Three tasks of 1 vCPU / 2 GB for an hour: 3 · 0.04937 $, and three at 30 %.
    assert_eq!(finished.result.invoice.total().to_string(), "0.192543000");
}

#[test]
fn a_quota_of_fargate_vcpus_refuses_what_is_above_it() {
    let mut setup = fargate(caller());
    setup.limits.fargate_vcpus = Some(6);
    let finished = run(setup, vec![TaskRow { count: 10, ..row(0.0, 60.0) }, row(120.0, 60.0)]);
    assert_eq!(finished.number("tasks_placed"), 7.0);
    assert_eq!(finished.number("tasks_refused_fargate_vcpu_limit"), 4.0);
}

#[test]
fn a_caller_that_retries_waits_longer_each_time_up_to_its_limit() {
    let on_failure = OnFailure::Retry {
        attempts: None,
        first_delay: SimSpan::from_secs(10),
        growth_percent: 200,
        max_delay: SimSpan::from_secs(30),
        jitter_percent: 0,
    };
    let caller = SourceSetup { on_failure, ..caller() };
    let finished =
        run(setup(vec![instance("i", 1024, 1024)], caller), vec![row(0.0, 100.0), row(1.0, 10.0)]);
    // Calls at 1, 11, 31, 61, 91, 121: the instance is free from 100.
    assert_eq!(finished.column("placed_s"), ["0", "121"]);
    assert_eq!(finished.column("wait_s"), ["0", "120"]);
    assert_eq!(finished.number("placement_failures"), 5.0);
}

#[test]
fn a_caller_gives_up_after_its_last_attempt() {
    let on_failure = OnFailure::Retry {
        attempts: Some(3),
        first_delay: SimSpan::from_secs(10),
        growth_percent: 100,
        max_delay: SimSpan::from_secs(10),
        jitter_percent: 0,
    };
    let finished = run(
        setup(vec![instance("i", 1024, 1024)], SourceSetup { on_failure, ..caller() }),
        vec![row(0.0, 100.0), row(1.0, 10.0)],
    );
    assert_eq!(finished.number("tasks_refused_cpu"), 1.0);
    assert_eq!(finished.number("placement_failures"), 3.0);
    assert_eq!(finished.column("stopped_reason")[1], "RESOURCE:CPU");
}

#[test]
fn a_first_come_queue_serves_in_order_even_when_a_later_task_would_fit() {
    let finished = run(
        setup(
            vec![instance("i", 2048, 8192)],
            SourceSetup { on_failure: OnFailure::Queue, ..caller() },
        ),
        vec![
            sized(0.0, 100.0, 1024, 1024),
            sized(1.0, 10.0, 2048, 1024), // does not fit beside the first: heads the queue until 100
            sized(2.0, 10.0, 1024, 1024), // would fit at 2, but waits its turn until 110
        ],
    );
    assert_eq!(finished.column("placed_s"), ["0", "100", "110"]);
}

#[test]
fn run_task_calls_pass_a_token_bucket() {
    let mut setup = setup(vec![instance("i", 65_536, 65_536)], caller());
    setup.limits.run_task_calls = Some(Bucket { burst: 1, per_second: 2 });
    let finished = run(setup, vec![TaskRow { count: 25, ..sized(0.0, 60.0, 128, 128) }]);
    let accepted = finished.column("accepted_s");
    // Three calls of ten, ten and five tasks.
    let at = [accepted[0].as_str(), accepted[10].as_str(), accepted[24].as_str()];
    assert_eq!(at, ["0", "0.5", "1"]);
    assert_eq!(finished.number("wait_s_max"), 0.0, "a throttled call has not been accepted");
}

#[test]
fn start_task_takes_the_instances_that_the_caller_names_in_turn() {
    let launch = Launch::Start(vec!["b".into(), "a".into()]);
    let instances = vec![instance("a", 1024, 8192), instance("b", 2048, 8192)];
    let finished = run(
        setup(instances, SourceSetup { launch, ..caller() }),
        vec![TaskRow { count: 4, ..row(0.0, 60.0) }],
    );
    // The fourth is for `a` again, which is full: StartTask looks nowhere else.
    assert_eq!(finished.column("instance_id"), ["b", "a", "b", ""]);
}

#[test]
fn a_run_with_a_horizon_ends_there_and_says_who_is_still_alive() {
    let mut setup = setup(
        vec![instance("i", 1024, 1024)],
        SourceSetup { on_failure: OnFailure::Queue, ..caller() },
    );
    setup.horizon = Some(ecsim::base::time::SimTime(50_000_000));
    let finished = run(setup, vec![row(0.0, 100.0), row(1.0, 10.0), row(60.0, 1.0)]);
    assert_eq!(finished.number("tasks_submitted"), 2.0);
    assert_eq!(finished.number("tasks_alive_at_end"), 1.0);
    assert_eq!(finished.number("tasks_waiting_at_end"), 1.0);
    assert_eq!(finished.column("stopped_s"), ["", ""]);
    assert_eq!(finished.column("stopped_reason"), ["", "waiting at the end of the run"]);
    assert_eq!(finished.number("simulated_s"), 50.0);
    // 50 s are billed as 60: 0.1 $/h for a minute.
    assert_eq!(finished.result.invoice.total().to_string(), "0.001666667");
}

#[test]
fn an_instance_is_billed_whole_and_the_idle_part_is_what_no_promise_covers() {
    // One of two vCPUs and half the memory for half of the hour: a quarter is covered.
    let mut setup = setup(vec![instance("i", 2048, 8192)], caller());
    setup.horizon = Some(ecsim::base::time::SimTime(3_600_000_000));
    let finished = run(setup, vec![sized(0.0, 1800.0, 1024, 4096)]);
    assert_eq!(finished.result.invoice.total().to_string(), "0.100000000");
    assert_eq!(finished.column("usd"), ["0.025"]);
    assert_eq!(finished.number("ec2_idle_usd"), 0.075);
    assert_eq!(finished.number("cpu_reservation_percent"), 25.0);
    assert_eq!(finished.number("idle_instance_percent"), 50.0);
    assert_eq!(finished.number("packing_efficiency_percent"), 50.0);
}

#[test]
fn capacity_that_no_definition_can_use_is_stranded() {
    // 3 vCPU with 4 GiB; a task takes one vCPU and 4 GiB: two vCPUs are stranded while it runs.
    let mut setup = with_definition(
        setup(vec![instance("i", 3072, 4096)], caller()),
        definition("fat", 1024, 4096),
    );
    setup.horizon = Some(ecsim::base::time::SimTime(100_000_000));
    let finished = run(setup, vec![row(0.0, 50.0)]);
    let stranded = finished.number("stranded_cpu_percent");
    assert!((stranded - 100.0 / 3.0).abs() < 1e-9, "{stranded}"); // 2/3 of the CPU, half of the time
    assert_eq!(finished.number("stranded_memory_percent"), 0.0);
}

#[test]
fn a_task_that_can_never_fit_ends_the_run_of_a_caller_that_waits() {
    use ecsim::engine::Pulse;
    use ecsim::sim::{RunError, Watch};
    let caller = SourceSetup { on_failure: OnFailure::Queue, ..caller() };
    let setup = setup(vec![instance("i", 1024, 1024)], caller);
    let rows = crate::support::Rows::of(vec![row(0.0, 1.0), sized(7.5, 1.0, 4096, 512)]);
    let watch = Watch { pulse: &Pulse::default(), check_every_event: true };
    let error = match ecsim::sim::run(setup, vec![rows], Default::default(), watch) {
        Err(error @ RunError::Oversized(_)) => error.to_string(),
        _ => panic!("the run must not go on"),
    };
    insta::assert_snapshot!(error, @r#"
    run_task `caller`: task 1 (arrival 7.5 s) asks for 4096 CPU units, 512 MiB and fits no container instance even when it is empty, so its caller would wait for ever; the largest container instance registers 1024 CPU units, 1024 MiB
      = help: set `on_oversized = "refuse"` to count such tasks as refused, or choose larger instances
    "#);
}

#[test]
fn zones_without_a_subnet_are_not_used_by_fargate() {
    let launch = Launch::Type(LaunchType::Fargate);
    let caller = SourceSetup { launch, zones: Some(vec![ZoneId(1)]), ..caller() };
    let finished = run(setup(Vec::new(), caller), vec![TaskRow { count: 3, ..row(0.0, 60.0) }]);
    assert_eq!(finished.column("availability_zone"), ["us-east-1b"; 3]);
}

#[test]
fn a_sample_sees_its_instant_after_all_have_acted() {
    let setup = setup(vec![instance("i", 1024, 1024)], caller());
    let finished = run(setup, vec![row(60.0, 90.0)]);
    let total: Vec<&str> = finished.timeseries.lines().filter(|l| l.contains(",total,")).collect();
    let at = |second: &str| total.iter().find(|l| l.starts_with(&format!("{second},"))).copied();
    // One instance at 0.1 $/h: idle, then one task RUNNING from 60 s to 150 s, where the run ends.
    assert_eq!(at("0"), Some("0,total,1,1,0,0,0,0,0,0,0,0,0,1024,0,0,1024,0,0,0.1,1,0,0,0,"));
    assert_eq!(
        at("60"),
        Some("60,total,1,0,1,0,0,0,1,0,0,0,0,1024,1024,1024,1024,1024,1024,0.1,1,0,0,0,")
    );
    assert_eq!(at("150"), Some("150,total,1,1,0,0,0,0,0,0,0,0,0,1024,0,0,1024,0,0,0.1,1,0,0,0,"));
    assert_eq!(total.len(), 4);
}

#[test]
fn a_failed_placement_says_how_many_instances_were_turned_down_for_what() {
    let instances = vec![
        instance("full of tasks", 1024, 8192),
        instance("small", 512, 8192),
        instance("short of memory", 4096, 512),
    ];
    let finished = run(setup(instances, caller()), vec![row(0.0, 60.0), row(1.5, 60.0)]);
    assert_eq!(
        finished.failures.lines().collect::<Vec<_>>(),
        [
            "time_s,source,task_id,tasks,attempt,reason,instances,utc",
            "1.5,caller,1,1,1,RESOURCE:CPU,2,",
            "1.5,caller,1,1,1,RESOURCE:MEMORY,1,",
        ]
    );
    // The instance that lacks only memory came furthest.
    assert_eq!(finished.column("stopped_reason")[1], "RESOURCE:MEMORY");
}

#[test]
fn the_agent_removes_images_that_nobody_uses() {
    // 600 MiB at 60 MiB/s are 10 s. The first task stops at 110 s, its containers hold the image for 3 h, until 10,910 s;
    // the next clean-up of every 30 min is at 12,600 s.
    let pulls = |second: f64, change: fn(&mut ecsim::sim::setup::ImageCleanup)| {
        let mut setup = with_definition(
            setup(vec![instance("i", 4096, 8192)], caller()),
            TaskDefinition { image_mib: 600, ..definition("app", 1024, 1024) },
        );
        change(&mut setup.latencies.image_cleanup);
        let finished = run(setup, vec![row(0.0, 100.0), row(second, 100.0)]);
        let at = |name: &str| finished.column(name)[1].parse::<f64>().unwrap();
        at("pull_stopped_s") - at("pull_started_s")
    };
    assert_eq!(pulls(12_599.0, |_| {}), 0.0);
    assert_eq!(pulls(12_601.0, |_| {}), 10.0);
    // Never, or sooner: the age counts from the end of the pull, 10 s, so that the clean-up at 3,600 s comes too early.
    assert_eq!(pulls(90_000.0, |images| images.every = SimSpan::ZERO), 0.0);
    let at_once: fn(&mut ecsim::sim::setup::ImageCleanup) = |i| i.after_stop = SimSpan::ZERO;
    assert_eq!(pulls(5_399.0, at_once), 0.0);
    assert_eq!(pulls(5_401.0, at_once), 10.0);
}
