//! What the tests share: rows from memory, small setups, a way to run them and to read what was written.

pub mod balancer;
pub mod fleet;
pub mod program;
pub mod random;
pub mod services;
pub mod shipped;

use ecsim::base::distribution::Distribution;
use ecsim::base::money::HourlyRate;
use ecsim::base::random::Seed;
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::engine::Pulse;
use ecsim::model::arrival::{RowCounts, TaskRow, TaskStream, TraceProblem};
use ecsim::model::definition::{NetworkMode, StartOrder, TaskDefinition};
use ecsim::model::fargate::FargateRate;
use ecsim::model::fleet::Registration;
use ecsim::model::ids::{ClusterId, DefinitionId, ProviderId, ZoneId};
use ecsim::model::platform::{Architecture, LaunchType, OperatingSystem, Platform, Purchase};
use ecsim::model::ports::PortSet;
use ecsim::model::resources::Resources;
use ecsim::model::scaling::MetricDelays;
use ecsim::model::service::SchedulerSettings;
use ecsim::policy::placement::{PackField, Strategy, TieBreak};
use ecsim::pricing::Price;
use ecsim::sim::outputs::Sinks;
use ecsim::sim::setup::{
    FargateRisks, FargateSetup, ImageCleanup, InstanceSetup, Latencies, Launch, Limits, OnFailure,
    ProviderSetup, ProvisioningSetup, Setup, SourceSetup,
};
use ecsim::sim::{RunResult, Watch};
use std::io::Write;
use std::sync::{Arc, Mutex};

/// Rows from memory.
pub struct Rows {
    rows: std::vec::IntoIter<TaskRow>,
    counts: RowCounts,
}

impl Rows {
    /// A stream of these rows.
    pub fn of(rows: Vec<TaskRow>) -> Box<dyn TaskStream + Send> {
        Box::new(Rows { rows: rows.into_iter(), counts: RowCounts::default() })
    }
}

impl TaskStream for Rows {
    fn next_row(&mut self) -> Result<Option<TaskRow>, TraceProblem> {
        let row = self.rows.next();
        self.counts.read += u64::from(row.is_some());
        self.counts.used = self.counts.read;
        Ok(row)
    }
    fn names(&self) -> &[String] {
        &[]
    }
    fn counts(&self) -> &RowCounts {
        &self.counts
    }
}

/// A row that asks for one task of the definition's size.
pub fn row(arrival_s: f64, duration_s: f64) -> TaskRow {
    TaskRow {
        arrival: SimTime(SimSpan::from_secs_f64(arrival_s).0),
        cpu: None,
        memory: None,
        gpus: None,
        duration: Some(SimSpan::from_secs_f64(duration_s)),
        count: 1,
        definition: None,
        group: None,
        ephemeral_gib: None,
        exit_code: 0,
    }
}

/// A row that asks for one task of this size.
pub fn sized(arrival_s: f64, duration_s: f64, cpu: u32, memory: u32) -> TaskRow {
    TaskRow { cpu: Some(cpu), memory: Some(memory), ..row(arrival_s, duration_s) }
}

/// No latency anywhere.
pub fn no_latency() -> Latencies {
    let none = || Distribution::Constant(0.0);
    Latencies {
        ec2_disk_mib_per_s: 0,
        image_cleanup: ImageCleanup::default(),
        eni_attach: none(),
        eni_detach: none(),
        ec2_start: none(),
        ec2_pull_mib_per_s: Distribution::Constant(60.0),
        container_stop: none(),
        fargate_eni: none(),
        fargate_prepare: none(),
        fargate_pull_mib_per_s: Distribution::Constant(40.0),
        fargate_start: none(),
        fargate_eni_detach: none(),
    }
}

/// A task definition of this size, `bridge` mode, no image.
pub fn definition(family: &str, cpu: u32, memory: u32) -> TaskDefinition {
    TaskDefinition {
        family: family.into(),
        revision: 1,
        demand: Resources { cpu, memory, gpus: 0, enis: 0 },
        fargate_request: (cpu, memory),
        ports: PortSet::default(),
        network_mode: NetworkMode::Bridge,
        platform: Platform::default(),
        platform_is_explicit: false,
        ephemeral_gib: 20,
        image_mib: 0,
        image: String::new(),
        other_containers: 0,
        stop_timeout: SimSpan::from_secs(30),
        order: StartOrder::default(),
        stop_order: Default::default(),
        sidecars: Vec::new(),
        restart: None,
        needs: Default::default(),
        placement_constraints: Vec::new(),
    }
}

/// An instance of this size in AZ 0.
pub fn instance(name: &str, cpu: u32, memory: u32) -> InstanceSetup {
    InstanceSetup {
        registration: Registration {
            name: name.into(),
            instance_type: "test.large".into(),
            cluster: ClusterId(0),
            provider: ProviderId(0),
            zone: ZoneId(0),
            platform: Platform::default(),
            resources: Resources { cpu, memory, gpus: 0, enis: 0 },
            ports: PortSet::default(),
            attributes: std::sync::Arc::new(
                [("ecs.availability-zone".to_string(), "us-east-1a".to_string())].into(),
            ),
            registered_at: SimTime::ZERO,
        },
        price: Price::Fixed(HourlyRate(100_000_000)),
        subnet: None,
    }
}

/// A caller on EC2 with binpack on cpu that gives up.
pub fn caller() -> SourceSetup {
    SourceSetup {
        name: "caller".into(),
        stream: "caller".into(),
        cluster: ClusterId(0),
        launch: Launch::Type(LaunchType::Ec2),
        overflow: None,
        definition: DefinitionId(0),
        group: None,
        strategies: vec![Strategy::Binpack(PackField::Cpu)],
        distinct_instance: false,
        member_of: Vec::new(),
        zones: None,
        network: Default::default(),
        tasks_per_call: 10,
        on_failure: OnFailure::GiveUp,
        duration: Distribution::Constant(60.0),
        stop_after: None,
        oversized_is_error: true,
    }
}

/// A run of one caller on these instances, without latencies and limits.
pub fn setup(instances: Vec<InstanceSetup>, caller: SourceSetup) -> Setup {
    let largest = instances.iter().map(|i| i.registration.resources);
    let largest = largest.reduce(Resources::largest_of_each);
    let provider = |name: &str, launch, purchase, largest| ProviderSetup {
        name: name.into(),
        stream: name.into(),
        launch,
        is_managed: false,
        batch_window: None,
        purchase,
        cluster: ClusterId(0),
        largest,
    };
    Setup {
        name: "test".into(),
        region: "us-east-1".into(),
        seed: Seed(1),
        horizon: None,
        sample_interval: SimSpan::from_secs(60),
        max_requests_alive: 20_000_000,
        tie_break: TieBreak::Stable,
        zones: ["us-east-1a", "us-east-1b"].into_iter().map(String::from).collect(),
        clusters: std::iter::once("default".to_string()).collect(),
        providers: [
            provider("ec2", LaunchType::Ec2, Purchase::OnDemand, largest.unwrap_or_default()),
            provider("FARGATE", LaunchType::Fargate, Purchase::OnDemand, Resources::ZERO),
            provider("FARGATE_SPOT", LaunchType::Fargate, Purchase::Spot, Resources::ZERO),
        ]
        .into_iter()
        .collect(),
        instances,
        network: None,
        access: Default::default(),
        groups: Vec::new(),
        faults: Vec::new(),
        blackouts: Default::default(),
        fees: Default::default(),
        commitments: ecsim::sim::setup::Commitments::default(),
        terms: Default::default(),
        bill: None,
        definitions: std::iter::once(definition("job", 1024, 1024)).collect(),
        sources: std::iter::once(caller).collect(),
        latencies: no_latency(),
        services: ecsim::base::id::Column::new(),
        scheduler: SchedulerSettings::default(),
        metric_delays: MetricDelays::default(),
        epoch_s: 0,
        is_dated: false,
        limits: Limits {
            run_task_calls: None,
            fargate_launches: None,
            fargate_spot_launches: None,
            fargate_calls: None,
            fargate_vcpus: None,
            fargate_spot_vcpus: None,
            provisioning: ProvisioningSetup::default(),
        },
        fargate: FargateSetup {
            sizes: vec![(256, 512), (512, 1024), (1024, 2048), (1024, 3072), (2048, 4096)],
            rates: [(Purchase::OnDemand, 1_000), (Purchase::Spot, 300)]
                .map(|(purchase, per_mille)| FargateRate {
                    os: OperatingSystem::Linux,
                    architecture: Architecture::X86_64,
                    purchase,
                    vcpu: HourlyRate(40_480_000 * per_mille / 1_000),
                    memory_gb: HourlyRate(4_445_000 * per_mille / 1_000),
                    ephemeral_gb: HourlyRate(111_000),
                    licence_vcpu: HourlyRate(0),
                })
                .into(),
            zones: vec![ZoneId(0), ZoneId(1)],
            is_billed_until_stopped: false,
            risks: FargateRisks::default(),
        },
    }
}

/// A sink whose bytes can be read after the run.
#[derive(Clone, Default)]
pub struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    /// What was written.
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A finished run and its tables.
pub struct Finished {
    /// The result.
    pub result: RunResult,
    /// `tasks.csv`.
    pub tasks: String,
    /// `timeseries.csv`.
    pub timeseries: String,
    /// `placement_failures.csv`.
    pub failures: String,
}

impl Finished {
    /// A count of the summary.
    pub fn number(&self, metric: &str) -> f64 {
        let value = self.result.summary.get(metric).unwrap_or_else(|| panic!("no metric {metric}"));
        value.as_f64().unwrap_or_else(|| panic!("{metric} is not a number"))
    }

    /// The cells of a column of `tasks.csv`, in order of task id.
    pub fn column(&self, name: &str) -> Vec<String> {
        let mut reader = csv::Reader::from_reader(self.tasks.as_bytes());
        let at = reader.headers().unwrap().iter().position(|h| h == name).unwrap();
        let mut rows: Vec<(u64, String)> = reader
            .records()
            .map(|r| r.unwrap())
            .map(|r| (r[0].parse().unwrap(), r[at].to_string()))
            .collect();
        rows.sort();
        rows.into_iter().map(|(_, cell)| cell).collect()
    }
}

/// Runs with all tables on and every book checked after every event.
pub fn run(setup: Setup, rows: Vec<TaskRow>) -> Finished {
    run_watched(setup, rows, true)
}

/// Runs with all tables on.
pub fn run_watched(setup: Setup, rows: Vec<TaskRow>, check_every_event: bool) -> Finished {
    let (tasks, timeseries, failures) = (Page::default(), Page::default(), Page::default());
    let sinks = Sinks {
        tasks: Some(Box::new(tasks.clone())),
        timeseries: Some(Box::new(timeseries.clone())),
        placement_failures: Some(Box::new(failures.clone())),
        picture: true,
        ..Sinks::default()
    };
    let watch = Watch { pulse: &Pulse::default(), check_every_event };
    let result = ecsim::sim::run(setup, vec![Rows::of(rows)], sinks, watch).unwrap();
    Finished {
        result,
        tasks: tasks.text(),
        timeseries: timeseries.text(),
        failures: failures.text(),
    }
}

/// Runs many replications without tables and checks, for statistics.
pub fn run_bare(setup: Setup, rows: Vec<TaskRow>) -> RunResult {
    let watch = Watch { pulse: &Pulse::default(), check_every_event: false };
    ecsim::sim::run(setup, vec![Rows::of(rows)], Sinks::default(), watch).unwrap()
}
