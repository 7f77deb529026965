//! From a seed to a whole random scenario: fleet, definitions, callers, latencies, limits and traces.

use ecsim::base::distribution::Distribution;
use ecsim::base::id::Column;
use ecsim::base::money::HourlyRate;
use ecsim::base::random::{Purpose, Seed, Stream};
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::model::arrival::{NameId, RowCounts, TaskRow, TaskStream, TraceProblem};
use ecsim::model::definition::{NetworkMode, RestartPolicy, StartOrder, TaskDefinition};
use ecsim::model::fargate::FargateRate;
use ecsim::model::fleet::Registration;
use ecsim::model::ids::{ClusterId, DefinitionId, ProviderId, ZoneId};
use ecsim::model::platform::{Architecture, LaunchType, OperatingSystem, Platform, Purchase};
use ecsim::model::ports::{HostPort, PortSet, Protocol};
use ecsim::model::resources::Resources;
use ecsim::model::scaling::MetricDelays;
use ecsim::model::service::SchedulerSettings;
use ecsim::policy::placement::{PackField, SpreadField, Strategy, TieBreak};
use ecsim::policy::query::Expression;
use ecsim::pricing::Price;
use ecsim::sim::setup::{
    Bucket, FargateRisks, FargateSetup, ImageCleanup, InstanceSetup, Latencies, Launch, Limits,
    OnFailure, ProviderSetup, ProviderShare, ProvisioningSetup, Setup, SourceSetup,
};
use std::collections::BTreeMap;

const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];
const GROUPS: [&str; 3] = ["red", "green", "blue"];
const EXPRESSIONS: [&str; 7] = [
    "attribute:rack == r1",
    "attribute:rack exists",
    "attribute:ecs.availability-zone in [us-east-1a, us-east-1b]",
    "not (attribute:rack in [r0, r2])",
    "runningTasksCount < 4",
    "not (task:group == red)",
    "task:group == green or runningTasksCount == 0",
];

/// A source of small decisions.
pub struct Dice(pub Stream);

impl Dice {
    /// From 0 to `bound` - 1.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound as u64) as usize
    }

    /// Yes, once in `n` times.
    pub fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

/// A random scenario with its rows, one list a caller.
pub struct Case {
    /// What runs.
    pub setup: Setup,
    /// What arrives.
    pub rows: Vec<Vec<TaskRow>>,
    /// What the rows' names mean.
    pub names: Vec<String>,
}

impl Case {
    /// The scenario of this seed.
    pub fn new(seed: u64) -> Case {
        let mut dice = Dice(Seed(seed).stream(Purpose::Test, "swarm"));
        let providers = 1 + dice.below(3) as u32;
        let instances = instances(&mut dice, providers);
        let definitions: Column<DefinitionId, TaskDefinition> =
            (0..=dice.below(4)).map(|index| definition(&mut dice, index)).collect();
        let sources: Vec<SourceSetup> = (0..=dice.below(3))
            .map(|index| source(&mut dice, index, providers, &instances, definitions.len()))
            .collect();
        let mut names: Vec<String> = GROUPS.map(String::from).into();
        names.extend(definitions.iter().map(|d| d.family.clone()));
        let rows = sources.iter().map(|_| rows(&mut dice, names.len())).collect();
        let horizon = dice.one_in(3).then(|| SimTime(seconds(dice.below(2_000)).0));
        let setup = Setup {
            name: "swarm".into(),
            region: "us-east-1".into(),
            seed: Seed(seed),
            horizon,
            sample_interval: seconds(30 + dice.below(300)),
            max_requests_alive: 20_000_000,
            tie_break: dice.pick(&[TieBreak::Stable, TieBreak::Uniform]),
            zones: ZONES.map(String::from).into_iter().collect(),
            clusters: ["one", "two"].map(String::from).into_iter().collect(),
            providers: provider_setups(&mut dice, providers, &instances),
            instances,
            definitions,
            network: None,
            access: Default::default(),
            groups: Vec::new(),
            faults: Vec::new(),
            blackouts: Default::default(),
            fees: Default::default(),
            commitments: ecsim::sim::setup::Commitments::default(),
            terms: Default::default(),
            bill: None,
            sources: sources.into_iter().collect(),
            latencies: latencies(&mut dice),
            services: Column::new(),
            scheduler: SchedulerSettings::default(),
            metric_delays: MetricDelays::default(),
            epoch_s: 0,
            is_dated: false,
            limits: limits(&mut dice),
            fargate: fargate(),
        };
        Case { setup, rows, names }
    }

    /// The rows as streams.
    pub fn streams(&self) -> Vec<Box<dyn TaskStream + Send>> {
        let stream = |rows: &Vec<TaskRow>| {
            let stream = Named {
                rows: rows.clone().into_iter(),
                names: self.names.clone(),
                counts: RowCounts::default(),
            };
            Box::new(stream) as Box<dyn TaskStream + Send>
        };
        self.rows.iter().map(stream).collect()
    }
}

/// Rows from memory that name definitions and groups.
struct Named {
    rows: std::vec::IntoIter<TaskRow>,
    names: Vec<String>,
    counts: RowCounts,
}

impl TaskStream for Named {
    fn next_row(&mut self) -> Result<Option<TaskRow>, TraceProblem> {
        let row = self.rows.next();
        self.counts.read += u64::from(row.is_some());
        self.counts.used = self.counts.read;
        Ok(row)
    }
    fn names(&self) -> &[String] {
        &self.names
    }
    fn counts(&self) -> &RowCounts {
        &self.counts
    }
}

pub(super) fn seconds(seconds: usize) -> SimSpan {
    SimSpan::from_secs(seconds as u64)
}

fn platform(dice: &mut Dice) -> Platform {
    let architecture =
        dice.pick(&[Architecture::X86_64, Architecture::X86_64, Architecture::Arm64]);
    Platform { os: OperatingSystem::Linux, architecture }
}

/// Instances of EC2 provider `p` are in cluster 0, those of the last of three providers in cluster 1.
fn cluster_of(provider: u32) -> ClusterId {
    ClusterId(u32::from(provider == 2))
}

fn instances(dice: &mut Dice, providers: u32) -> Vec<InstanceSetup> {
    let uniform = dice.one_in(3);
    let count = dice.pick(&[1, 2, 3, 5, 8, 12]);
    (0..count)
        .map(|index| {
            let size = if uniform { 2 } else { 1 + dice.below(4) as u32 };
            let zone = dice.below(3);
            let provider = ProviderId(dice.below(providers as usize) as u32);
            let mut attributes = BTreeMap::new();
            attributes.insert("ecs.availability-zone".to_string(), ZONES[zone].to_string());
            if !dice.one_in(4) {
                attributes.insert("rack".to_string(), format!("r{}", dice.below(3)));
            }
            let ssh = HostPort { protocol: Protocol::Tcp, port: 22 };
            let registration = Registration {
                name: format!("i-{index}"),
                instance_type: format!("test.{size}x"),
                cluster: cluster_of(provider.0),
                provider,
                zone: ZoneId(zone as u32),
                platform: platform(dice),
                resources: Resources {
                    cpu: 1024 * size,
                    memory: 2048 * size - 133,
                    gpus: if dice.one_in(4) { 1 + dice.below(4) as u16 } else { 0 },
                    enis: if uniform { 3 } else { dice.below(6) as u16 },
                },
                ports: PortSet::new(vec![ssh]),
                attributes: attributes.into(),
                registered_at: SimTime::ZERO,
            };
            InstanceSetup { registration, price: price(dice), subnet: None }
        })
        .collect()
}

fn price(dice: &mut Dice) -> Price {
    let rate = |dice: &mut Dice| HourlyRate(1 + dice.below(3) as u64 * 77_700_001);
    if !dice.one_in(4) {
        return Price::Fixed(rate(dice));
    }
    let mut at = SimTime::ZERO;
    let steps = (0..=dice.below(4)).map(|_| {
        let step = (at, rate(dice));
        at = at + SimSpan(dice.below(900_000_000) as u64);
        step
    });
    Price::Steps(steps.collect())
}

fn provider_setups(
    dice: &mut Dice,
    count: u32,
    instances: &[InstanceSetup],
) -> Column<ProviderId, ProviderSetup> {
    let mut setups = Column::new();
    for provider in 0..count {
        let own = instances.iter().map(|i| &i.registration).filter(|i| i.provider.0 == provider);
        let largest = own.map(|i| i.resources).reduce(Resources::largest_of_each);
        setups.push(ProviderSetup {
            name: format!("ec2-{provider}"),
            stream: format!("ec2-{provider}"),
            launch: LaunchType::Ec2,
            is_managed: false,
            batch_window: None,
            purchase: dice.pick(&[Purchase::OnDemand, Purchase::Spot, Purchase::External]),
            cluster: cluster_of(provider),
            largest: largest.unwrap_or_default(),
        });
    }
    for (name, purchase) in [("FARGATE", Purchase::OnDemand), ("FARGATE_SPOT", Purchase::Spot)] {
        setups.push(ProviderSetup {
            name: name.into(),
            stream: name.into(),
            launch: LaunchType::Fargate,
            is_managed: false,
            batch_window: None,
            purchase,
            cluster: ClusterId(0),
            largest: Resources::ZERO,
        });
    }
    setups
}

pub(super) fn definition(dice: &mut Dice, index: usize) -> TaskDefinition {
    let network_mode = dice.pick(&[
        NetworkMode::Bridge,
        NetworkMode::Bridge,
        NetworkMode::Awsvpc,
        NetworkMode::Host,
    ]);
    let (cpu, memory) = (dice.pick(&[128, 256, 512, 1024, 2048]), 128 << dice.below(6));
    let ports = match network_mode {
        NetworkMode::Bridge | NetworkMode::Host if dice.one_in(3) => (0..=dice.below(2))
            .map(|_| HostPort {
                protocol: dice.pick(&[Protocol::Tcp, Protocol::Udp]),
                port: dice.pick(&[80, 443, 8080]),
            })
            .collect(),
        _ => Vec::new(),
    };
    let windows = Platform { os: OperatingSystem::Windows, architecture: Architecture::X86_64 };
    let constraint = dice.one_in(6).then(|| dice.pick(&EXPRESSIONS).to_string());
    TaskDefinition {
        family: format!("d{index}"),
        revision: 1 + dice.below(3) as u32,
        demand: Resources {
            cpu,
            memory,
            gpus: u16::from(dice.one_in(8)),
            enis: u16::from(network_mode == NetworkMode::Awsvpc),
        },
        fargate_request: (cpu, memory),
        ports: PortSet::new(ports),
        network_mode,
        platform: if dice.one_in(12) { windows } else { platform(dice) },
        platform_is_explicit: dice.one_in(4),
        ephemeral_gib: dice.pick(&[20, 20, 20, 21, 75]),
        image_mib: dice.pick(&[0, 0, 40, 700]),
        image: dice.pick(&["shared", "alone"]).into(),
        other_containers: dice.pick(&[0, 0, 1, 3]),
        stop_timeout: seconds(dice.pick(&[2, 30, 120, 300])),
        order: StartOrder { starts: dice.pick(&[1, 1, 3]), waits: seconds(dice.pick(&[0, 0, 20])) },
        stop_order: Default::default(),
        sidecars: Vec::new(),
        restart: dice.one_in(3).then(|| RestartPolicy {
            ignored_exit_codes: dice.pick(&[vec![], vec![1]]),
            attempt_period: seconds(dice.pick(&[60, 300])),
        }),
        needs: Default::default(),
        placement_constraints: constraint.into_iter().collect(),
    }
}

pub(super) fn strategy(dice: &mut Dice) -> Strategy {
    match dice.below(10) {
        0 | 1 => Strategy::Binpack(PackField::Cpu),
        2 => Strategy::Binpack(PackField::Memory),
        3 | 4 => Strategy::Spread(SpreadField::Attribute("ecs.availability-zone".into())),
        5 => Strategy::Spread(SpreadField::Attribute("rack".into())),
        6 => Strategy::Spread(SpreadField::Instance),
        7 => Strategy::Random,
        8 => dice.pick(&[Strategy::FirstFit, Strategy::WorstFit]),
        _ => Strategy::BestFit,
    }
}

pub(super) fn launch(
    dice: &mut Dice,
    providers: u32,
    cluster: ClusterId,
    instances: &[InstanceSetup],
) -> Launch {
    let share = |dice: &mut Dice, provider: u32| ProviderShare {
        provider: ProviderId(provider),
        base: if dice.one_in(3) { dice.below(4) as u32 } else { 0 },
        weight: dice.below(4) as u32,
    };
    let own: Vec<u32> = (0..providers).filter(|p| cluster_of(*p) == cluster).collect();
    let named = instances.iter().map(|i| &i.registration).filter(|i| i.cluster == cluster);
    let named: Vec<String> = named.map(|i| i.name.clone()).collect();
    let mut shares = match dice.below(8) {
        0 | 1 => return Launch::Type(LaunchType::Ec2),
        2 => return Launch::Type(LaunchType::Fargate),
        3 if !named.is_empty() => {
            return Launch::Start((0..=dice.below(3)).map(|_| dice.pick(&named)).collect());
        }
        3..=5 => own.iter().map(|provider| share(dice, *provider)).collect(),
        6 => vec![share(dice, providers + 1)],
        _ => vec![share(dice, providers), share(dice, providers + 1)],
    };
    if shares.is_empty() {
        return Launch::Type(LaunchType::Ec2);
    }
    if shares.iter().all(|share| share.weight == 0) {
        shares[0].weight = 1;
    }
    Launch::Providers(shares)
}

fn source(
    dice: &mut Dice,
    index: usize,
    providers: u32,
    instances: &[InstanceSetup],
    definitions: usize,
) -> SourceSetup {
    let cluster = ClusterId(u32::from(providers == 3 && dice.one_in(5)));
    let on_failure = match dice.below(5) {
        0 => OnFailure::GiveUp,
        1 | 2 => OnFailure::Queue,
        way => OnFailure::Retry {
            attempts: (way == 3).then(|| 1 + dice.below(4) as u32),
            first_delay: SimSpan(1 + dice.below(20_000_000) as u64),
            growth_percent: dice.pick(&[100, 150, 300]),
            max_delay: seconds(20 + dice.below(60)),
            jitter_percent: dice.pick(&[0, 0, 50, 90]),
        },
    };
    let strategies = match dice.below(4) {
        0 => Vec::new(),
        1 => vec![strategy(dice)],
        _ => (0..=dice.below(4)).map(|_| strategy(dice)).collect(),
    };
    let member_of = if dice.one_in(4) {
        vec![Expression::parse(dice.pick(&EXPRESSIONS)).unwrap()]
    } else {
        Vec::new()
    };
    let zone = |dice: &mut Dice| ZoneId(dice.below(3) as u32);
    SourceSetup {
        name: format!("s{index}"),
        stream: format!("s{index}"),
        cluster,
        launch: launch(dice, providers, cluster, instances),
        overflow: None,
        definition: DefinitionId(dice.below(definitions) as u32),
        group: dice.one_in(3).then(|| dice.pick(&GROUPS).to_string()),
        strategies,
        distinct_instance: dice.one_in(6),
        member_of,
        zones: dice.one_in(4).then(|| vec![zone(dice)]),
        network: Default::default(),
        tasks_per_call: 1 + dice.below(10) as u32,
        on_failure,
        duration: distribution(dice, 100.0),
        stop_after: dice.one_in(4).then(|| seconds(1 + dice.below(120))),
        oversized_is_error: dice.one_in(12),
    }
}

/// A distribution of numbers around `scale`, or nothing but zero.
pub(super) fn distribution(dice: &mut Dice, scale: f64) -> Distribution {
    match dice.below(6) {
        0 => Distribution::Constant(0.0),
        1 => Distribution::Constant(scale),
        2 => Distribution::Uniform { min: 0.0, max: 2.0 * scale },
        3 => Distribution::Exponential { mean: scale },
        4 => Distribution::LogNormal { mean: scale, sigma: 1.2 },
        _ => Distribution::Normal { mean: scale, sd: scale },
    }
}

fn latencies(dice: &mut Dice) -> Latencies {
    Latencies {
        ec2_disk_mib_per_s: dice.pick(&[0, 20, 125]),
        image_cleanup: ImageCleanup {
            pulls: Default::default(),
            every: seconds(dice.pick(&[0, 60, 1_800])),
            youngest: seconds(dice.pick(&[0, 600])),
            after_stop: seconds(dice.pick(&[0, 300])),
            most: dice.pick(&[1, 5]),
        },
        eni_attach: distribution(dice, 6.0),
        eni_detach: distribution(dice, 2.0),
        ec2_start: distribution(dice, 2.0),
        ec2_pull_mib_per_s: Distribution::Uniform { min: 1.0, max: 90.0 },
        container_stop: distribution(dice, 10.0),
        fargate_eni: distribution(dice, 10.0),
        fargate_prepare: distribution(dice, 15.0),
        fargate_pull_mib_per_s: Distribution::Exponential { mean: 40.0 },
        fargate_start: distribution(dice, 5.0),
        fargate_eni_detach: distribution(dice, 10.0),
    }
}

fn limits(dice: &mut Dice) -> Limits {
    let bucket = |dice: &mut Dice| {
        dice.one_in(3).then(|| Bucket {
            burst: 1 + dice.below(12) as u32,
            per_second: 1 + dice.below(3) as u32,
        })
    };
    Limits {
        run_task_calls: bucket(dice),
        fargate_launches: bucket(dice),
        fargate_spot_launches: bucket(dice),
        fargate_calls: bucket(dice),
        fargate_vcpus: dice.one_in(4).then(|| 1 + dice.below(8) as u32),
        fargate_spot_vcpus: dice.one_in(4).then(|| 1 + dice.below(8) as u32),
        provisioning: ProvisioningSetup::default(),
    }
}

fn fargate() -> FargateSetup {
    use {Architecture::*, OperatingSystem::*, Purchase::*};
    let rate = |(os, architecture, purchase, vcpu, licence)| FargateRate {
        os,
        architecture,
        purchase,
        vcpu: HourlyRate(vcpu),
        memory_gb: HourlyRate(vcpu / 9),
        ephemeral_gb: HourlyRate(111_000),
        licence_vcpu: HourlyRate(licence),
    };
    let rates = [
        (Linux, X86_64, OnDemand, 40_480_000, 0),
        (Linux, Arm64, OnDemand, 32_380_000, 0),
        (Windows, X86_64, OnDemand, 46_552_000, 46_000_000),
        (Linux, X86_64, Spot, 12_643_550, 0),
        (Linux, Arm64, Spot, 11_643_551, 0),
        (Windows, X86_64, Spot, 13_000_007, 46_000_000),
    ];
    FargateSetup {
        sizes: vec![
            (256, 512),
            (256, 1024),
            (512, 1024),
            (512, 4096),
            (1024, 2048),
            (1024, 8192),
            (2048, 4096),
        ],
        rates: rates.map(rate).into(),
        is_billed_until_stopped: false,
        risks: FargateRisks::default(),
        zones: vec![ZoneId(0), ZoneId(1), ZoneId(2)],
    }
}

fn rows(dice: &mut Dice, names: usize) -> Vec<TaskRow> {
    let mut at = SimTime::ZERO;
    let gap = dice.pick(&[1, 20, 60]);
    (0..5 + dice.below(56))
        .map(|_| {
            at = match dice.below(4) {
                0 => at,
                1 => at + seconds(dice.below(gap)),
                _ => at + SimSpan(dice.below(gap * 1_000_000) as u64),
            };
            let size = dice.one_in(4);
            let definition = GROUPS.len() + dice.below(names - GROUPS.len());
            TaskRow {
                arrival: at,
                cpu: size.then(|| dice.pick(&[128, 700, 1024, 3000])),
                memory: size.then(|| dice.pick(&[100, 1000, 2000, 5000])),
                gpus: dice.one_in(30).then(|| dice.below(3) as u16),
                duration: match dice.below(4) {
                    0 => None,
                    1 => Some(SimSpan(dice.below(3) as u64)),
                    _ => Some(SimSpan(dice.below(200_000_000) as u64)),
                },
                count: if dice.one_in(3) { 1 + dice.below(12) as u32 } else { 1 },
                definition: dice.one_in(3).then_some(NameId(definition as u32)),
                group: dice.one_in(4).then(|| NameId(dice.below(GROUPS.len()) as u32)),
                ephemeral_gib: dice.one_in(6).then(|| dice.pick(&[5, 20, 30, 200])),
                exit_code: u8::from(dice.one_in(6)),
            }
        })
        .collect()
}
