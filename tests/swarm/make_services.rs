//! From a seed to a random scenario with services: every scheduling strategy, deployment, check, behaviour and
//! scaling policy, on the fleets of [`super::make`], sometimes beside callers of RunTask.

use super::make::{Case, Dice, definition, distribution, launch, seconds, strategy};
use ecsim::base::distribution::Distribution;
use ecsim::base::id::Column;
use ecsim::base::random::{Purpose, Seed};
use ecsim::base::time::SimTime;
use ecsim::model::connection::{Clients, Connections};
use ecsim::model::ids::{ClusterId, DefinitionId, ServiceId, ZoneId};
use ecsim::model::platform::LaunchType;
use ecsim::model::ports::PortSet;
use ecsim::model::scaling::{
    AdjustmentType, AlarmSpec, BreachBehaviour, Comparison, MetricDelays, MetricValue, MissingData,
    PredictiveScaling, ScalableTarget, ScalingMetric, ScheduledAction, Step, StepScaling,
    TargetTracking,
};
use ecsim::model::service::{
    BalancerKind, Behaviour, BreakerThreshold, Change, CircuitBreaker, ContainerCheck,
    DeploymentAlarm, DeploymentAlarms, DeploymentConfiguration, DeploymentController,
    DeploymentMetric, DeploymentStrategy, EarlySuccess, Hook, HookAction, LoadBalancer, Permille,
    Protection, Routing, SchedulerSettings, SchedulingStrategy, ServiceUpdate, Stage,
};
use ecsim::model::traffic::{
    Delivery, Fidelity, RateEvent, RateGenerator, RateOrigin, RateSource, Work, WorkKind,
};
use ecsim::sim::setup::{
    Failure, FailureKind, InstanceSetup, Launch, RevisionSetup, ServiceSetup, SourceSetup,
};

/// The scenario of this seed, and its failures.
pub fn case(seed: u64) -> (Case, Vec<Failure>) {
    let mut case = Case::new(seed);
    let mut dice = Dice(Seed(seed).stream(Purpose::Test, "swarm of services"));
    let setup = &mut case.setup;
    let hours = 1 + dice.below(2);
    setup.horizon = Some(SimTime(seconds(hours * 3_600 + dice.below(600)).0));
    setup.sample_interval = seconds(dice.pick(&[61, 300, 900]));
    setup.epoch_s = 1_774_000_000 + dice.below(10_000_000) as i64;
    if dice.one_in(2) {
        case.rows.clear();
        setup.sources = Column::new();
    }
    let sources = setup.sources.iter().cloned();
    setup.sources =
        sources.map(|source| SourceSetup { oversized_is_error: false, ..source }).collect();
    let first = setup.definitions.len();
    for index in 0..3 {
        let mut own = definition(&mut dice, 90 + index);
        own.demand.gpus = 0;
        own.demand.cpu = own.demand.cpu.min(512);
        own.demand.memory = own.demand.memory.min(512);
        own.fargate_request = (own.demand.cpu, own.demand.memory);
        if !dice.one_in(8) {
            (own.platform_is_explicit, own.ports) = (false, PortSet::default());
            own.placement_constraints.clear();
        }
        setup.definitions.push(own);
    }
    setup.scheduler = scheduler(&mut dice);
    setup.metric_delays = MetricDelays {
        standard: seconds(dice.pick(&[0, 30, 60, 120, 150])),
        high_resolution: seconds(dice.pick(&[0, 10, 20])),
    };
    let end = hours * 3_600;
    let count = 1 + dice.below(3);
    let instances = setup.instances.clone();
    let providers = setup.providers.len() as u32 - 2;
    // Its own draws, so that whatever else is random stays.
    let mut moving = Dice(Seed(seed).stream(Purpose::Test, "services that move"));
    let services: Column<ServiceId, ServiceSetup> = (0..count)
        .map(|index| {
            let launch = anywhere(&mut dice, providers, &instances);
            service(&mut dice, index, launch, first, end)
        })
        .map(|service| moves(&mut moving, service, providers, &instances))
        .collect();
    let mut failures: Vec<Failure> = (0..dice.below(3))
        .map(|_| Failure {
            at: SimTime(seconds(dice.below(end)).0),
            kind: FailureKind::TaskCrash {
                service: ServiceId(dice.below(count) as u32),
                tasks: 1 + dice.below(6) as u32,
            },
        })
        .collect();
    failures.sort_by_key(|failure| failure.at);
    setup.services = services;
    super::zones::shift_services(seed, setup);
    super::overflow::at_random(seed, setup);
    super::network::at_random(setup);
    if dice.one_in(3) {
        setup.fargate.risks = super::fargate_risks::at_random(&mut dice, &setup.fargate.zones);
    }
    (case, failures)
}

/// Where the tasks of a service may go.
fn anywhere(dice: &mut Dice, providers: u32, instances: &[InstanceSetup]) -> Launch {
    loop {
        match launch(dice, providers, ClusterId(0), instances) {
            Launch::Start(_) => {}
            other => break other,
        }
    }
}

/// Later revisions of a service go elsewhere, and now and then back.
fn moves(
    dice: &mut Dice,
    mut service: ServiceSetup,
    providers: u32,
    instances: &[InstanceSetup],
) -> ServiceSetup {
    if service.scheduling == SchedulingStrategy::Daemon || dice.one_in(2) {
        return service;
    }
    for _ in 0..=dice.below(2) {
        service.launches.push(anywhere(dice, providers, instances));
    }
    for revision in service.revisions.iter_mut().skip(1) {
        revision.launch = dice.below(service.launches.len());
    }
    service
}

fn scheduler(dice: &mut Dice) -> SchedulerSettings {
    let plain = SchedulerSettings::default();
    if dice.one_in(3) {
        return plain;
    }
    SchedulerSettings {
        reaction: distribution(dice, 3.0),
        batch: dice.pick(&[None, Some(1), Some(3), Some(10)]),
        launches_per_minute: dice.pick(&[3, 20, 500]),
        throttle_after: dice.pick(&[1, 3]),
        rebalancing_delay: seconds(dice.pick(&[0, 60])),
        ..plain
    }
}

fn behaviour(dice: &mut Dice) -> Behaviour {
    let ppm = |dice: &mut Dice, often: usize| match dice.below(often) {
        0 => dice.pick(&[100_000, 500_000, 1_000_000]),
        _ => 0,
    };
    Behaviour {
        start_failure_ppm: ppm(dice, 5),
        time_to_failure: dice
            .one_in(5)
            .then(|| Distribution::Exponential { mean: dice.pick(&[90.0, 900.0, 5_000.0]) }),
        never_healthy_ppm: ppm(dice, 6),
        time_to_unhealthy: dice
            .one_in(5)
            .then(|| Distribution::Exponential { mean: dice.pick(&[60.0, 900.0]) }),
        ready_after: if dice.one_in(2) {
            distribution(dice, 20.0)
        } else {
            Distribution::Constant(0.0)
        },
        cost_percent: dice.pick(&[100, 100, 40, 300]),
        error_ppm: dice.pick(&[0, 0, 20_000]),
        idle_memory_mib: dice.pick(&[0, 50, 100]),
        ..Behaviour::default()
    }
}

fn revision(dice: &mut Dice, first: usize) -> RevisionSetup {
    let check = dice.one_in(2).then(|| ContainerCheck {
        interval: seconds(dice.pick(&[5, 30])),
        timeout: seconds(dice.pick(&[2, 5])),
        retries: 1 + dice.below(4) as u32,
        start_period: seconds(dice.pick(&[0, 0, 60])),
    });
    RevisionSetup {
        definition: DefinitionId((first + dice.below(3)) as u32),
        launch: 0,
        check,
        cpu_is_limited: dice.one_in(2),
        memory_limit_mib: dice.pick(&[0, 200, 512]),
        behaviour: behaviour(dice),
    }
}

fn balancer(dice: &mut Dice) -> LoadBalancer {
    LoadBalancer {
        kind: dice.pick(&[BalancerKind::Application, BalancerKind::Network]),
        routing: dice.pick(&[Routing::RoundRobin, Routing::LeastOutstanding]),
        cross_zone: !dice.one_in(4),
        interval: seconds(dice.pick(&[5, 10, 30])),
        timeout: seconds(dice.pick(&[2, 4])),
        healthy_threshold: 2 + dice.below(4) as u32,
        unhealthy_threshold: 2 + dice.below(2) as u32,
        initial_checks: dice.pick(&[1, 1, 3]),
        registration: seconds(dice.pick(&[0, 0, 120])),
        slow_start: seconds(dice.pick(&[0, 0, 30])),
        deregistration_delay: seconds(dice.pick(&[0, 5, 30, 300])),
        failover: seconds(dice.pick(&[0, 4, 20])),
        deregistration: seconds(dice.pick(&[0, 0, 20, 120])),
    }
}

fn alarms(dice: &mut Dice) -> DeploymentAlarms {
    let periods = 1 + dice.below(3) as u32;
    let metric = dice.pick(&[
        DeploymentMetric::ErrorPercent,
        DeploymentMetric::DroppedPercent,
        DeploymentMetric::LatencyMs,
        DeploymentMetric::CpuPercent,
    ]);
    DeploymentAlarms {
        rollback: dice.one_in(2),
        alarms: vec![DeploymentAlarm {
            name: "bad".into(),
            metric,
            threshold_micro: dice.pick(&[1_000_000, 20_000_000, 100_000_000]),
            evaluation_periods: periods,
            datapoints_to_alarm: 1 + dice.below(periods as usize) as u32,
        }],
    }
}

fn deployment(
    dice: &mut Dice,
    is_daemon: bool,
    staged: bool,
    has_work: bool,
) -> DeploymentConfiguration {
    let minimum = dice.pick(&[0, 50, 100, 100]);
    let maximum = if is_daemon { 100 } else { dice.pick(&[100, 150, 200, 200]) };
    let percent = Permille(dice.pick(&[100, 255, 500]));
    let bake = seconds(dice.pick(&[0, 60, 300]));
    let strategy = match dice.below(3) {
        _ if !staged => DeploymentStrategy::Rolling,
        0 => DeploymentStrategy::BlueGreen,
        1 => DeploymentStrategy::Canary { percent, bake },
        _ => DeploymentStrategy::Linear { percent, bake },
    };
    let threshold = match dice.below(3) {
        0 => BreakerThreshold::BoundedPercent(50),
        1 => BreakerThreshold::UnboundedPercent(20),
        _ => BreakerThreshold::Count(1 + dice.below(4) as u32),
    };
    let hook = |dice: &mut Dice| Hook {
        stage: dice.pick(&[
            Stage::PreScaleUp,
            Stage::PostScaleUp,
            Stage::PostProductionTrafficShift,
        ]),
        action: match dice.below(2) {
            0 => HookAction::Lambda { takes: seconds(dice.below(100)), succeeds: !dice.one_in(3) },
            _ => HookAction::Pause {
                resumed_after: dice.one_in(2).then(|| seconds(200)),
                timeout: seconds(600),
            },
        },
    };
    DeploymentConfiguration {
        strategy,
        minimum_healthy_percent: if is_daemon || maximum > 100 { minimum } else { minimum.min(50) },
        maximum_percent: maximum,
        circuit_breaker: (!staged && dice.one_in(2)).then(|| CircuitBreaker {
            rollback: dice.one_in(2),
            threshold,
            reset_on_healthy_task: dice.one_in(2),
        }),
        alarms: (has_work && dice.one_in(3)).then(|| alarms(dice)),
        early_success: (!staged && dice.one_in(5)).then(|| EarlySuccess {
            healthy_percent: dice.pick(&[10, 60, 100]),
            old_tasks_block: dice.one_in(2),
        }),
        bake: dice.one_in(2).then(|| seconds(dice.pick(&[0, 45, 400]))),
        hooks: if staged && dice.one_in(2) { vec![hook(dice)] } else { Vec::new() },
        drains_ppm: 250_000,
        blue_termination_wait: seconds(dice.pick(&[0, 300, 3_600])),
    }
}

fn work(dice: &mut Dice, index: usize, end: usize) -> Work {
    let kind = if dice.one_in(4) { WorkKind::Messages } else { WorkKind::Requests };
    let fidelity = if dice.one_in(4) { Fidelity::Requests } else { Fidelity::Fluid };
    let per_second = match fidelity {
        Fidelity::Requests => dice.pick(&[0.05, 0.5, 1.0]),
        Fidelity::Fluid => dice.pick(&[0.0, 1.0, 20.0, 90.0]),
    };
    let event = |dice: &mut Dice| {
        let at = SimTime(seconds(dice.below(end)).0);
        let factor = dice.pick(&[0.0, 3.0, 8.0]);
        match dice.below(3) {
            0 => RateEvent::Ramp { at, over: seconds(600), factor: 2.0 },
            1 => RateEvent::Step { at, factor, lasts: dice.one_in(2).then(|| seconds(900)) },
            _ => RateEvent::FlashCrowd {
                at,
                factor: 5.0,
                rise: seconds(60),
                holds: seconds(300),
                decay: seconds(300),
            },
        }
    };
    let generator = RateGenerator {
        name: format!("t{index}"),
        per_second,
        daily_depth: dice.pick(&[0.0, 0.8]),
        daily_peak_s: 3_600.0,
        weekend_factor: 1.0,
        events: (0..dice.below(3)).map(|_| event(dice)).collect(),
        poisson: dice.one_in(4),
        noise_sigma: dice.pick(&[0.0, 0.0, 0.3]),
        bursts: None,
        step: seconds(60),
    };
    Work {
        kind,
        source: RateSource {
            origin: RateOrigin::Generated(generator),
            scale_ppm: 1_000_000,
            shift: seconds(dice.pick(&[0, 0, 700])),
            resample: None,
        },
        fidelity,
        cpu_ms: dice
            .pick(&[Distribution::Constant(20.0), Distribution::Exponential { mean: 60.0 }]),
        io_ms: dice.pick(&[Distribution::Constant(0.0), Distribution::Exponential { mean: 40.0 }]),
        memory_kib: dice.pick(&[0, 0, 2_000]),
        workers: match kind {
            WorkKind::Messages => Some(1 + dice.below(3) as u32),
            WorkKind::Requests => dice.pick(&[None, Some(4)]),
        },
        queue_limit: dice.pick(&[None, Some(0), Some(30)]),
        delivery: (kind == WorkKind::Messages && dice.one_in(2)).then(|| Delivery {
            visibility: seconds(dice.pick(&[1, 30, 600])),
            max_receives: dice.pick(&[None, Some(1), Some(3)]),
        }),
        finishes_on_stop: kind == WorkKind::Messages && dice.one_in(2),
        connections: connections(kind, index + end),
        timeout: seconds(dice.pick(&[5, 60, 4_000])),
    }
}

/// Long connections of every third service with requests; from no dice, so that the other draws stay what they were.
fn connections(kind: WorkKind, number: usize) -> Option<Box<Connections>> {
    (kind == WorkKind::Requests && number.is_multiple_of(3)).then(|| {
        let clients = match number % 2 {
            0 => Clients::Constant(40 + number as u64 % 400),
            _ => Clients::Each(250_000),
        };
        let lifetime = (number % 4 < 2).then(|| seconds(300));
        let reconnect = seconds([0, 15][number / 4 % 2]);
        Box::new(Connections { clients, lifetime, cpu_ns: 30_000_000, reconnect })
    })
}

fn metric(dice: &mut Dice, kind: WorkKind) -> (ScalingMetric, MetricValue) {
    let all: &[(ScalingMetric, u64)] = match kind {
        WorkKind::Requests => &[
            (ScalingMetric::Cpu, 50_000_000),
            (ScalingMetric::Memory, 60_000_000),
            (ScalingMetric::RequestCountPerTarget, 300_000_000),
            (ScalingMetric::ConcurrencyPerTarget, 2_000_000),
            (ScalingMetric::LatencyMs, 100_000_000),
            (ScalingMetric::RequestCount, 900_000_000),
        ],
        WorkKind::Messages => &[
            (ScalingMetric::Cpu, 50_000_000),
            (ScalingMetric::BacklogPerTask, 30_000_000),
            (ScalingMetric::MessagesVisible, 90_000_000),
        ],
    };
    let (metric, value) = dice.pick(all);
    (metric, MetricValue(value))
}

fn tracking(dice: &mut Dice, index: usize, kind: WorkKind) -> TargetTracking {
    let (metric, target) = metric(dice, kind);
    let high_resolution =
        matches!(metric, ScalingMetric::Cpu | ScalingMetric::Memory) && dice.one_in(3);
    TargetTracking {
        name: format!("track-{index}"),
        metric,
        statistic: metric.statistics()[0],
        high_resolution,
        target,
        scale_out_cooldown: seconds(dice.pick(&[0, 60, 300])),
        scale_in_cooldown: seconds(dice.pick(&[0, 60, 300])),
        disable_scale_in: dice.one_in(6),
        high_periods: 3,
        low_periods: if high_resolution { 45 } else { dice.pick(&[5, 15]) },
        low_percent: 90,
        scale_in_percent: 100,
    }
}

fn step_scaling(dice: &mut Dice, kind: WorkKind) -> StepScaling {
    let (metric, threshold) = metric(dice, kind);
    let periods = 1 + dice.below(3) as u32;
    let (comparison, steps) = if dice.one_in(2) {
        let step = |lower, upper, adjustment| Step { lower, upper, adjustment };
        let steps = vec![step(Some(0), Some(10_000_000), 1), step(Some(10_000_000), None, 3)];
        (Comparison::AtLeast, steps)
    } else {
        (Comparison::Below, vec![Step { lower: None, upper: Some(0), adjustment: -1 }])
    };
    StepScaling {
        name: "steps".into(),
        metric,
        aggregation: metric.statistics()[0],
        alarm: AlarmSpec {
            comparison,
            threshold,
            period: seconds(60),
            evaluation_periods: periods,
            datapoints_to_alarm: periods,
            missing: dice.pick(&[
                MissingData::Missing,
                MissingData::Breaching,
                MissingData::Ignore,
            ]),
        },
        adjustment_type: dice
            .pick(&[AdjustmentType::ChangeInCapacity, AdjustmentType::PercentChangeInCapacity]),
        steps,
        min_magnitude: dice.below(2) as u32,
        cooldown: seconds(dice.pick(&[0, 120])),
    }
}

fn scaling(dice: &mut Dice, kind: WorkKind) -> ScalableTarget {
    let min = dice.below(4) as u32;
    let scheduled = |dice: &mut Dice| ScheduledAction {
        name: "clock".into(),
        schedule: dice.pick(&["rate(20 minutes)", "cron(15 * * * ? *)"]).into(),
        timezone: "UTC".into(),
        min_capacity: dice.pick(&[None, Some(1), Some(5)]),
        max_capacity: Some(6 + dice.below(8) as u32),
    };
    let predictive = |dice: &mut Dice| PredictiveScaling {
        name: "oracle".into(),
        metric: ScalingMetric::Cpu,
        target: MetricValue(50_000_000),
        scales: dice.one_in(2),
        scheduling_buffer: seconds(300),
        breach: BreachBehaviour::HonorMaxCapacity,
    };
    ScalableTarget {
        own: None,
        min_capacity: min,
        max_capacity: min + dice.below(14) as u32,
        target_tracking: (0..dice.below(3)).map(|index| tracking(dice, index, kind)).collect(),
        step_scaling: (0..dice.below(2)).map(|_| step_scaling(dice, kind)).collect(),
        scheduled: (0..dice.below(2)).map(|_| scheduled(dice)).collect(),
        predictive: if dice.one_in(5) { vec![predictive(dice)] } else { Vec::new() },
        scale_in_suspended: dice.one_in(8),
        scale_out_suspended: dice.one_in(8),
        scheduled_suspended: dice.one_in(8),
    }
}

fn updates(dice: &mut Dice, end: usize, revisions: usize, is_daemon: bool) -> Vec<ServiceUpdate> {
    let mut updates: Vec<ServiceUpdate> = (0..dice.below(5))
        .map(|_| {
            let change = if is_daemon || dice.one_in(2) {
                Change::Deploy { revision: dice.below(revisions) }
            } else {
                Change::DesiredCount(dice.pick(&[0, 1, 3, 8, 15]))
            };
            // Sometimes all at one instant, or in the middle of the one before.
            let at = if dice.one_in(4) { 600 } else { dice.below(end) };
            ServiceUpdate { at: SimTime(seconds(at).0), change }
        })
        .collect();
    updates.sort_by_key(|update| update.at);
    updates
}

fn task_set_updates(dice: &mut Dice, end: usize, revisions: usize) -> Vec<ServiceUpdate> {
    let mut at: Vec<usize> = (0..4).map(|_| dice.below(end)).collect();
    at.sort_unstable();
    let scale = Permille(dice.pick(&[250, 500, 1_000]));
    let (green, blue) = ("green".to_string(), "blue".to_string());
    let changes = [
        Change::CreateTaskSet { name: green.clone(), revision: dice.below(revisions), scale },
        Change::ScaleTaskSet { name: green.clone(), scale: Permille(1_000) },
        Change::PrimaryTaskSet { name: green },
        Change::DeleteTaskSet { name: blue },
    ];
    let pairs = at.into_iter().zip(changes);
    pairs.map(|(at, change)| ServiceUpdate { at: SimTime(seconds(at).0), change }).collect()
}

fn service(
    dice: &mut Dice,
    index: usize,
    launch: Launch,
    first: usize,
    end: usize,
) -> ServiceSetup {
    let is_daemon = launch == Launch::Type(LaunchType::Ec2) && dice.one_in(2);
    let work = (!dice.one_in(4)).then(|| work(dice, index, end));
    let kind = work.as_ref().map_or(WorkKind::Requests, |work| work.kind);
    let is_queue = work.is_some() && kind == WorkKind::Messages;
    let balancer = (!is_queue && !dice.one_in(3)).then(|| balancer(dice));
    let controller = match dice.below(8) {
        0 if !is_daemon && balancer.is_some() => DeploymentController::CodeDeploy,
        1 if !is_daemon => DeploymentController::External,
        _ => DeploymentController::Ecs,
    };
    let may_stage =
        !is_daemon && balancer.is_some() && controller != DeploymentController::External;
    let staged = may_stage && (controller == DeploymentController::CodeDeploy || dice.one_in(3));
    let deployment = deployment(dice, is_daemon, staged, work.is_some());
    let revisions: Vec<RevisionSetup> =
        (0..=dice.below(3)).map(|_| revision(dice, first)).collect();
    let is_external = controller == DeploymentController::External;
    let strategies = match dice.below(3) {
        _ if is_daemon || dice.one_in(2) => Vec::new(),
        0 => vec![strategy(dice)],
        _ => vec![strategy(dice), strategy(dice)],
    };
    let is_replica = !is_daemon && controller == DeploymentController::Ecs;
    let rebalances_zones =
        is_replica && strategies.is_empty() && deployment.maximum_percent > 100 && dice.one_in(2);
    ServiceSetup {
        name: format!("v{index}"),
        stream: format!("v{index}"),
        cluster: ClusterId(0),
        launches: vec![launch],
        overflow: None,
        scheduling: if is_daemon {
            SchedulingStrategy::Daemon
        } else {
            SchedulingStrategy::Replica
        },
        daemon: None,
        desired_count: if is_daemon { 0 } else { dice.pick(&[0, 1, 2, 5, 9]) },
        starts_running: !dice.one_in(3),
        updates: match is_external {
            true => task_set_updates(dice, end, revisions.len()),
            false => updates(dice, end, revisions.len(), is_daemon),
        },
        revisions,
        controller,
        deployment,
        task_sets: match is_external {
            true => vec![("blue".into(), 0, Permille(1_000))],
            false => Vec::new(),
        },
        strategies,
        distinct_instance: !is_daemon && dice.one_in(6),
        member_of: Vec::new(),
        zones: dice.one_in(6).then(|| vec![ZoneId(0), ZoneId(2)]),
        network: Default::default(),
        balancer,
        shifts: Vec::new(),
        grace_period: seconds(dice.pick(&[0, 0, 60, 300])),
        rebalances_zones,
        container_stop: dice.one_in(4).then_some(Distribution::Uniform { min: 1.0, max: 40.0 }),
        protection: dice.one_in(5).then(|| Protection {
            tasks_ppm: dice.pick(&[200_000, 1_000_000]),
            expires_after: seconds(dice.pick(&[300, 3_000])),
            renewed: dice.one_in(3),
            while_busy: dice.one_in(3),
        }),
        scaling: (!is_daemon && !is_external && dice.one_in(2)).then(|| scaling(dice, kind)),
        work,
    }
}
