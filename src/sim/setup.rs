//! Everything that a run needs, resolved: the value that a scenario becomes. Plain data, no files.

use crate::base::distribution::Distribution;
use crate::base::id::Column;
use crate::base::random::Seed;
use crate::base::time::{SimSpan, SimTime};
use crate::model::arrival::TaskStream;
use crate::model::blackout::Blackouts;
use crate::model::definition::TaskDefinition;
use crate::model::fault::Fault;
use crate::model::ids::{ClusterId, DefinitionId, ProviderId, ServiceId, SourceId, ZoneId};
use crate::model::network::TaskNetwork;
use crate::model::platform::LaunchType;
use crate::model::scaling::MetricDelays;
use crate::model::service::SchedulerSettings;
use crate::model::traffic::RateStream;
use crate::policy::placement::{Strategy, TieBreak};
use crate::policy::query::Expression;

mod bill;
mod capacity;
mod dependency;
mod fargate;
mod network;
mod service;
mod spot;

pub use bill::{
    AddressPrice, AskerBill, BalancedService, BalancerSetup, BillSetup, Bytes, CreditTerms,
    CreditsSetup, Exit, GatewaySetup, InsightsSetup, LogsSetup, TransferSetup, VolumePrice,
    VolumeRates, VolumeShape, WatchedSetup,
};
pub use capacity::{
    GroupScaling, GroupSetup, HookSetup, InstanceSetup, LifetimeSetup, MANAGED_INSTANCE,
    ManagedInstancesSetup, ManagedSetup, ProviderSetup, ProvisioningSetup, RefreshSetup,
    RepairSetup, ReservationPreference, ReservationUse, Transition, WarmPoolSetup, ZoningSetup,
};
pub use dependency::Outages;
pub use fargate::{
    Amount, FargateRisks, FargateShortage, Overflow, Retirement, SpotLimit, SpotReclaim,
};
pub use network::{AccessSetup, NetworkSetup};
pub use service::{RevisionSetup, ServiceSetup};
pub use spot::{
    InterruptionSetup, ManagedSpot, MixedSetup, PoolLimit, SegmentsSetup, Shortage, SpotPool,
};
// Declared below this layer, where the catalogue and the bill can reach them.
pub use crate::model::fargate::FargateRate;
pub use crate::pricing::{Fee, Fees, Price, Terms, commitments::Commitments};

/// A run, ready to start. The rows of `sources` come from streams that the caller opens, in the same order.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Scenario name.
    pub name: String,
    /// Region, such as `us-east-1`.
    pub region: String,
    /// Seed of all random streams.
    pub seed: Seed,
    /// Nothing at or after this instant happens; `None`: until the last task has stopped.
    pub horizon: Option<SimTime>,
    /// Distance of the samples of `timeseries.csv`.
    pub sample_interval: SimSpan,
    /// Requests or messages that a service may have alive at once where each is simulated by itself.
    pub max_requests_alive: u64,
    /// Who wins among equals.
    pub tie_break: TieBreak,
    /// Availability Zones.
    pub zones: Column<ZoneId, String>,
    /// Cluster names.
    pub clusters: Column<ClusterId, String>,
    /// Capacity providers.
    pub providers: Column<ProviderId, ProviderSetup>,
    /// Container instances of the fixed fleets, in order of registration.
    pub instances: Vec<InstanceSetup>,
    /// Auto Scaling groups behind capacity providers; one that has none is a fixed fleet.
    pub groups: Vec<GroupSetup>,
    /// What goes wrong with hosts and zones.
    pub faults: Vec<Fault>,
    /// When registries of images or metrics are out.
    pub blackouts: Blackouts,
    /// What ECS charges for instances, beside EC2.
    pub fees: Fees,
    /// Reserved Instances and Savings Plans.
    pub commitments: Commitments,
    /// Private discounts, and the currency.
    pub terms: Terms,
    /// What is billed beside compute; `None`: nothing.
    pub bill: Option<BillSetup>,
    /// Task definitions.
    pub definitions: Column<DefinitionId, TaskDefinition>,
    /// Callers.
    pub sources: Column<SourceId, SourceSetup>,
    /// How long each stage of a task takes.
    pub latencies: Latencies,
    /// Quotas and rates.
    pub limits: Limits,
    /// Fargate sizes and prices.
    pub fargate: FargateSetup,
    /// Subnets whose addresses are counted; `None`: there are always enough.
    pub network: Option<NetworkSetup>,
    /// How long what cannot be had is asked for.
    pub access: AccessSetup,
    /// Services.
    pub services: Column<ServiceId, ServiceSetup>,
    /// How the service scheduler paces itself.
    pub scheduler: SchedulerSettings,
    /// How late CloudWatch is.
    pub metric_delays: MetricDelays,
    /// Time zero on the calendar, seconds since 1970-01-01T00:00Z: for schedules and weekdays.
    pub epoch_s: i64,
    /// Whether the user gave an instant of its own: then tables and charts show the calendar.
    pub is_dated: bool,
}

impl Setup {
    /// Whether any tasks go to Fargate where EC2 has no room for them.
    #[must_use]
    pub fn overflows(&self) -> bool {
        let callers = self.sources.iter().map(|source| source.overflow);
        callers.chain(self.services.iter().map(|service| service.overflow)).any(|of| of.is_some())
    }
}

/// A caller of RunTask or StartTask.
#[derive(Clone, Debug)]
pub struct SourceSetup {
    /// Name, unique.
    pub name: String,
    /// What its random streams are called: its name, unless a scenario says otherwise.
    pub stream: String,
    /// Cluster.
    pub cluster: ClusterId,
    /// Where the tasks go.
    pub launch: Launch,
    /// Where those go that find no room on EC2; `None`: nowhere.
    pub overflow: Option<Overflow>,
    /// Task definition of rows that name none.
    pub definition: DefinitionId,
    /// Task group of rows that name none; `None`: `family:<family>`.
    pub group: Option<String>,
    /// Placement strategies; empty: the RunTask default, `random`.
    pub strategies: Vec<Strategy>,
    /// `distinctInstance`.
    pub distinct_instance: bool,
    /// `memberOf`, the task definition's not included.
    pub member_of: Vec<Expression>,
    /// AZs of the call's subnets; `None`: all.
    pub zones: Option<Vec<ZoneId>>,
    /// Those subnets themselves.
    pub network: TaskNetwork,
    /// Tasks in one API call, 1 to 10.
    pub tasks_per_call: u32,
    /// What the caller does when placement fails.
    pub on_failure: OnFailure,
    /// Durations of rows that give none.
    pub duration: Distribution,
    /// StopTask is called when a task has run this long.
    pub stop_after: Option<SimSpan>,
    /// Limits work per task: tasks larger than any Fargate size or instance are refused, never an error.
    pub oversized_is_error: bool,
}

/// Something that goes wrong at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: SimTime,
    /// What.
    pub kind: FailureKind,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// So many RUNNING tasks of a service crash, drawn at random.
    TaskCrash {
        /// Service.
        service: ServiceId,
        /// How many.
        tasks: u32,
    },
    /// Somebody calls StopTask for so many RUNNING tasks of a service, drawn at random.
    StopTask {
        /// Service.
        service: ServiceId,
        /// How many.
        tasks: u32,
    },
    /// What the tasks of a service depend on is slow or gone.
    DependencyOutage {
        /// Service.
        service: ServiceId,
        /// How bad.
        outage: Outage,
    },
}

/// An outage of what a service's tasks depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// How long.
    pub lasts: SimSpan,
    /// What each request waits longer.
    pub latency: SimSpan,
    /// Share of the answers that are errors, parts per million.
    pub error_ppm: u32,
    /// Whether health checks ask for the dependency, too.
    pub fails_checks: bool,
}

/// The streams of a run, opened by the caller.
#[derive(Default)]
pub struct Inputs {
    /// Rows of each caller, in the order of [`Setup::sources`].
    pub tasks: Vec<Box<dyn TaskStream + Send>>,
    /// Traffic of each service, in the order of [`Setup::services`]; `None` for one without work.
    pub traffic: Vec<Option<Box<dyn RateStream + Send>>>,
    /// Failures in order of time.
    pub failures: Vec<Failure>,
    /// Faults from traces, after those of [`Setup::faults`].
    pub faults: Vec<Fault>,
}

impl From<Vec<Box<dyn TaskStream + Send>>> for Inputs {
    fn from(tasks: Vec<Box<dyn TaskStream + Send>>) -> Self {
        Inputs { tasks, ..Inputs::default() }
    }
}

/// Where a caller's tasks go.
#[derive(Clone, Debug, PartialEq)]
pub enum Launch {
    /// RunTask with a launch type.
    Type(LaunchType),
    /// RunTask with a capacity provider strategy; all of one launch type.
    Providers(Vec<ProviderShare>),
    /// StartTask: the caller names the instances (by name), one after the other.
    Start(Vec<String>),
}

/// One item of a capacity provider strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProviderShare {
    /// Provider.
    pub provider: ProviderId,
    /// Tasks of a call that it gets first.
    pub base: u32,
    /// Share of the rest.
    pub weight: u32,
}

/// What a caller does when ECS cannot place a task.
#[derive(Clone, Debug, PartialEq)]
pub enum OnFailure {
    /// Nothing: the task is refused.
    GiveUp,
    /// Calls again, with growing delays.
    Retry {
        /// Calls in all, at least 1; `None`: until it works.
        attempts: Option<u32>,
        /// Delay before the second call.
        first_delay: SimSpan,
        /// Growth of the delay in percent of the last one; 200 doubles it.
        growth_percent: u32,
        /// Largest delay.
        max_delay: SimSpan,
        /// Each delay is drawn uniformly from `[delay · (1 − jitter), delay]`; in percent.
        jitter_percent: u32,
    },
    /// Keeps a first-come, first-served queue and calls when room appears, as a batch scheduler does.
    Queue,
}

/// Whether the agent asks the registry for an image that the instance has (`ECS_IMAGE_PULL_BEHAVIOR`; documented).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PullBehavior {
    /// It does, and takes what is there where it gets no answer.
    #[default]
    Default,
    /// It does; a task whose pull fails fails.
    Always,
    /// It does not, and neither does it with `prefer-cached`, by which it removes none either.
    Once,
}

/// How the agent keeps images, and removes those that nobody uses (agent's README; documented).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageCleanup {
    /// Whether it asks for those that it has.
    pub pulls: PullBehavior,
    /// `ECS_IMAGE_CLEANUP_INTERVAL`: 30 min; zero: never.
    pub every: SimSpan,
    /// `ECS_IMAGE_MINIMUM_CLEANUP_AGE`: only those pulled an hour ago or longer.
    pub youngest: SimSpan,
    /// `ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION`: containers of a stopped task hold their image for 3 h.
    pub after_stop: SimSpan,
    /// `ECS_NUM_IMAGES_DELETE_PER_CYCLE`: 5.
    pub most: u32,
}

impl Default for ImageCleanup {
    fn default() -> Self {
        ImageCleanup {
            pulls: PullBehavior::Default,
            every: SimSpan::from_secs(1_800),
            youngest: SimSpan::from_secs(3_600),
            after_stop: SimSpan::from_secs(3 * 3_600),
            most: 5,
        }
    }
}

/// How long each stage of a task takes (seconds), and how fast images are pulled.
#[derive(Clone, Debug)]
pub struct Latencies {
    /// ENI attachment of an `awsvpc` task on EC2.
    pub eni_attach: Distribution,
    /// ENI detachment.
    pub eni_detach: Distribution,
    /// Container creation and start on EC2.
    pub ec2_start: Distribution,
    /// Rate of an image pull on EC2, MiB per second.
    pub ec2_pull_mib_per_s: Distribution,
    /// What the disk of an instance writes for all pulls together, MiB per second; 0: no limit.
    pub ec2_disk_mib_per_s: u32,
    /// When the agent removes images.
    pub image_cleanup: ImageCleanup,
    /// From SIGTERM to the exit of a container; cut at `stopTimeout` by SIGKILL.
    pub container_stop: Distribution,
    /// Fargate: ENI creation.
    pub fargate_eni: Distribution,
    /// Fargate: from the ENI to the start of the pull.
    pub fargate_prepare: Distribution,
    /// Fargate: rate of an image pull, MiB per second.
    pub fargate_pull_mib_per_s: Distribution,
    /// Fargate: from the end of the pull to RUNNING.
    pub fargate_start: Distribution,
    /// Fargate: ENI deletion.
    pub fargate_eni_detach: Distribution,
}

/// A token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Tokens at the start and at most.
    pub burst: u32,
    /// Tokens that come back each second.
    pub per_second: u32,
}

/// Quotas and rates; `None` switches one off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// RunTask and StartTask calls of the account and region.
    pub run_task_calls: Option<Bucket>,
    /// Fargate On-Demand task launches.
    pub fargate_launches: Option<Bucket>,
    /// Fargate Spot task launches.
    pub fargate_spot_launches: Option<Bucket>,
    /// RunTask calls for Fargate.
    pub fargate_calls: Option<Bucket>,
    /// vCPUs of all Fargate On-Demand tasks together.
    pub fargate_vcpus: Option<u32>,
    /// vCPUs of all Fargate Spot tasks together.
    pub fargate_spot_vcpus: Option<u32>,
    /// Tasks that wait for capacity.
    pub provisioning: ProvisioningSetup,
}

/// Fargate sizes and prices of the region.
#[derive(Clone, Debug, Default)]
pub struct FargateSetup {
    /// Valid (CPU units, MiB), ascending; Windows sizes are those of 1 to 4 vCPU.
    pub sizes: Vec<(u32, u32)>,
    /// Prices.
    pub rates: Vec<FargateRate>,
    /// Zones that Fargate tasks spread over.
    pub zones: Vec<ZoneId>,
    /// Whether a task is billed until it is STOPPED, and not only until its last container has exited.
    pub is_billed_until_stopped: bool,
    /// How its capacity fails.
    pub risks: FargateRisks,
}
