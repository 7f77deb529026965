//! Services as plain data: how many tasks, how they are checked and balanced, how a new revision comes in.
//!
//! Names and defaults are those of the ECS API (`CreateService`, `DeploymentConfiguration`; documented) unless a field
//! says otherwise.

use crate::base::distribution::Distribution;
use crate::base::time::{SimSpan, SimTime};

/// A share in tenths of a percent: ECS takes canary and linear steps to one decimal. 1,000 is everything.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Permille(pub u16);

impl Permille {
    /// Nothing.
    pub const NONE: Permille = Permille(0);
    /// Everything.
    pub const ALL: Permille = Permille(1_000);
}

/// `schedulingStrategy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SchedulingStrategy {
    /// Keeps the desired count.
    #[default]
    Replica,
    /// One task on each ACTIVE instance that meets the constraints.
    Daemon,
}

/// `deploymentController.type`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DeploymentController {
    /// The service scheduler.
    #[default]
    Ecs,
    /// CodeDeploy blue/green.
    CodeDeploy,
    /// The caller manages task sets.
    External,
}

/// How production traffic goes from the old revision to the new one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DeploymentStrategy {
    /// Tasks are replaced in place, between the two percents.
    #[default]
    Rolling,
    /// A second set of tasks, then everything at once.
    BlueGreen,
    /// A second set of tasks, a first share, a wait, then the rest.
    Canary {
        /// First share, 0.1 to 100 %.
        percent: Permille,
        /// Wait before the rest.
        bake: SimSpan,
    },
    /// A second set of tasks, equal steps with a wait after each but the last.
    Linear {
        /// Share of each step, 3 to 100 %.
        percent: Permille,
        /// Wait after each step.
        bake: SimSpan,
    },
}

/// `deploymentCircuitBreaker.thresholdConfiguration`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BreakerThreshold {
    /// Percent of the desired count, at least 3 and at most 200 failures.
    BoundedPercent(u32),
    /// Percent of the desired count, as it comes out (at least 1).
    UnboundedPercent(u32),
    /// A number of failures.
    Count(u32),
}

impl Default for BreakerThreshold {
    fn default() -> Self {
        BreakerThreshold::BoundedPercent(50)
    }
}

/// `deploymentCircuitBreaker`, where it is enabled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CircuitBreaker {
    /// Whether a failed deployment goes back to the last completed one.
    pub rollback: bool,
    /// When the deployment has failed.
    pub threshold: BreakerThreshold,
    /// Whether a task that becomes healthy sets the count of failures to 0.
    pub reset_on_healthy_task: bool,
}

/// What a deployment alarm looks at, by one-minute points (assumed: ECS takes any CloudWatch alarm; these are the
/// metrics that the simulation has).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeploymentMetric {
    /// Errors by requests, percent.
    ErrorPercent,
    /// Requests dropped by requests offered, percent.
    DroppedPercent,
    /// Mean latency of what was answered in the minute, milliseconds.
    LatencyMs,
    /// CPU utilisation, percent.
    CpuPercent,
    /// `HTTPCode_Target_5XX_Count`: answers of the minute with an error.
    Target5xxCount,
    /// `HTTPCode_ELB_5XX_Count`: requests of the minute that were dropped.
    Elb5xxCount,
    /// `UnHealthyHostCount`: RUNNING tasks whose checks fail when the minute ends.
    UnhealthyHostCount,
    /// 50th percentile of the minute's latency, milliseconds.
    LatencyP50Ms,
    /// 90th percentile.
    LatencyP90Ms,
    /// 95th percentile.
    LatencyP95Ms,
    /// 99th percentile.
    LatencyP99Ms,
    /// Messages that wait (`ApproximateNumberOfMessagesVisible`).
    MessagesVisible,
}

impl DeploymentMetric {
    /// All metrics with their names in scenarios.
    pub const ALL: [(DeploymentMetric, &'static str); 12] = [
        (DeploymentMetric::ErrorPercent, "error_percent"),
        (DeploymentMetric::DroppedPercent, "dropped_percent"),
        (DeploymentMetric::LatencyMs, "latency_ms"),
        (DeploymentMetric::CpuPercent, "cpu_percent"),
        (DeploymentMetric::Target5xxCount, "target_5xx_count"),
        (DeploymentMetric::Elb5xxCount, "elb_5xx_count"),
        (DeploymentMetric::UnhealthyHostCount, "unhealthy_host_count"),
        (DeploymentMetric::LatencyP50Ms, "latency_p50_ms"),
        (DeploymentMetric::LatencyP90Ms, "latency_p90_ms"),
        (DeploymentMetric::LatencyP95Ms, "latency_p95_ms"),
        (DeploymentMetric::LatencyP99Ms, "latency_p99_ms"),
        (DeploymentMetric::MessagesVisible, "messages_visible"),
    ];

    /// Whether it is measured from the latency of requests.
    #[must_use]
    pub fn is_latency(self) -> bool {
        use DeploymentMetric::{LatencyMs, LatencyP50Ms, LatencyP90Ms, LatencyP95Ms, LatencyP99Ms};
        matches!(self, LatencyMs | LatencyP50Ms | LatencyP90Ms | LatencyP95Ms | LatencyP99Ms)
    }
}

/// An alarm that deployments watch.
#[derive(Clone, PartialEq, Debug)]
pub struct DeploymentAlarm {
    /// Name.
    pub name: String,
    /// What it looks at.
    pub metric: DeploymentMetric,
    /// Breaches above this; in millionths of the metric's unit.
    pub threshold_micro: u64,
    /// Points that are looked at.
    pub evaluation_periods: u32,
    /// Points that must breach.
    pub datapoints_to_alarm: u32,
}

/// `deploymentConfiguration.alarms`, where it is enabled.
#[derive(Clone, PartialEq, Debug)]
pub struct DeploymentAlarms {
    /// Whether a failed deployment goes back to the last completed one.
    pub rollback: bool,
    /// The alarms; any one in ALARM fails the deployment.
    pub alarms: Vec<DeploymentAlarm>,
}

/// `deploymentConfiguration.earlySuccessCriteria`, where it is enabled: rolling deployments only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EarlySuccess {
    /// Done at ⌈desired × percent⌉ healthy tasks of the new revision, at least 1.
    pub healthy_percent: u32,
    /// Whether old tasks must be gone before the deployment counts as completed.
    pub old_tasks_block: bool,
}

/// Stage of an ECS-native blue/green, canary or linear deployment, in order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stage {
    /// Other deployments are brought to an end.
    ReconcileService,
    /// Before green tasks start.
    PreScaleUp,
    /// Green goes to the full desired count.
    ScaleUp,
    /// Green is healthy.
    PostScaleUp,
    /// Test traffic goes to green.
    TestTrafficShift,
    /// Test traffic has gone.
    PostTestTrafficShift,
    /// Before production traffic.
    PreProductionTrafficShift,
    /// Production traffic goes to green, in steps.
    ProductionTrafficShift,
    /// All production traffic has gone.
    PostProductionTrafficShift,
    /// Blue is still there.
    BakeTime,
    /// Blue goes to 0.
    CleanUp,
}

impl Stage {
    /// All stages in order.
    pub const ALL: [Stage; 11] = [
        Stage::ReconcileService,
        Stage::PreScaleUp,
        Stage::ScaleUp,
        Stage::PostScaleUp,
        Stage::TestTrafficShift,
        Stage::PostTestTrafficShift,
        Stage::PreProductionTrafficShift,
        Stage::ProductionTrafficShift,
        Stage::PostProductionTrafficShift,
        Stage::BakeTime,
        Stage::CleanUp,
    ];

    /// The name in the API.
    #[must_use]
    pub fn api_name(self) -> &'static str {
        match self {
            Stage::ReconcileService => "RECONCILE_SERVICE",
            Stage::PreScaleUp => "PRE_SCALE_UP",
            Stage::ScaleUp => "SCALE_UP",
            Stage::PostScaleUp => "POST_SCALE_UP",
            Stage::TestTrafficShift => "TEST_TRAFFIC_SHIFT",
            Stage::PostTestTrafficShift => "POST_TEST_TRAFFIC_SHIFT",
            Stage::PreProductionTrafficShift => "PRE_PRODUCTION_TRAFFIC_SHIFT",
            Stage::ProductionTrafficShift => "PRODUCTION_TRAFFIC_SHIFT",
            Stage::PostProductionTrafficShift => "POST_PRODUCTION_TRAFFIC_SHIFT",
            Stage::BakeTime => "BAKE_TIME",
            Stage::CleanUp => "CLEAN_UP",
        }
    }

    /// Whether a Lambda hook can be attached (API reference, `DeploymentLifecycleHook`).
    #[must_use]
    pub fn takes_lambda(self) -> bool {
        !matches!(self, Stage::ScaleUp | Stage::BakeTime | Stage::CleanUp)
    }

    /// Whether a pause hook can be attached.
    #[must_use]
    pub fn takes_pause(self) -> bool {
        self.takes_lambda()
            && !matches!(self, Stage::TestTrafficShift | Stage::ProductionTrafficShift)
    }
}

/// What a hook does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HookAction {
    /// A Lambda function that takes this long (IN_PROGRESS included) and succeeds, or fails the deployment.
    Lambda {
        /// Time until its answer.
        takes: SimSpan,
        /// Its answer.
        succeeds: bool,
    },
    /// Somebody must go on; at the timeout the deployment is rolled back.
    Pause {
        /// When somebody goes on; `None`: nobody does.
        resumed_after: Option<SimSpan>,
        /// Longest wait: 1,440 minutes by default, at most 20,160.
        timeout: SimSpan,
    },
}

/// A lifecycle hook of a deployment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hook {
    /// Stage that it belongs to.
    pub stage: Stage,
    /// What it does.
    pub action: HookAction,
}

/// `deploymentConfiguration`.
#[derive(Clone, PartialEq, Debug)]
pub struct DeploymentConfiguration {
    /// How traffic moves.
    pub strategy: DeploymentStrategy,
    /// Healthy tasks kept, in percent of the desired count, rounded up.
    pub minimum_healthy_percent: u32,
    /// RUNNING and PENDING tasks allowed, in percent of the desired count, rounded down.
    pub maximum_percent: u32,
    /// Circuit breaker; rolling only.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Alarms.
    pub alarms: Option<DeploymentAlarms>,
    /// Early success; rolling only.
    pub early_success: Option<EarlySuccess>,
    /// Time that alarms, or blue, are kept after the new revision serves. `None`: 0, or with alarms what
    /// [`SchedulerSettings::alarm_bake`] says.
    pub bake: Option<SimSpan>,
    /// Lifecycle hooks; native blue/green, canary and linear only.
    pub hooks: Vec<Hook>,
    /// Managed daemons: which share of the instances drains at once, in parts per million.
    pub drains_ppm: u32,
    /// CodeDeploy: how long blue is kept after the last shift (classic default 1 h).
    pub blue_termination_wait: SimSpan,
}

impl Default for DeploymentConfiguration {
    fn default() -> Self {
        DeploymentConfiguration {
            strategy: DeploymentStrategy::Rolling,
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            circuit_breaker: None,
            alarms: None,
            early_success: None,
            bake: None,
            hooks: Vec::new(),
            drains_ppm: DAEMON_DRAINS_PPM,
            blue_termination_wait: SimSpan::from_secs(3_600),
        }
    }
}

/// `drainPercent` where nothing is said: the console's default (developer guide; documented; the API names none), in parts
/// per million.
pub const DAEMON_DRAINS_PPM: u32 = 250_000;

/// A managed daemon: a DAEMON service of one provider of Managed Instances.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ManagedDaemon {
    /// `critical`: its failure is its instance's, and other tasks on a new instance wait for it.
    pub is_critical: bool,
    /// Whether that replaces the instance: its provider repairs what is IMPAIRED.
    pub is_repaired: bool,
}

/// A container health check (`healthCheck`), the worst of the essential containers'.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContainerCheck {
    /// Distance of checks: 5 to 300 s, default 30 s.
    pub interval: SimSpan,
    /// How long a check may take: 2 to 60 s, default 5 s.
    pub timeout: SimSpan,
    /// Failures in a row until UNHEALTHY: 1 to 10, default 3.
    pub retries: u32,
    /// Failures that do not count, from the start of the container: 0 to 300 s, default 0.
    pub start_period: SimSpan,
}

/// Kind of load balancer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BalancerKind {
    /// Application Load Balancer.
    #[default]
    Application,
    /// Network Load Balancer.
    Network,
}

/// How a load balancer chooses a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Routing {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The target with the fewest requests in flight (`least_outstanding_requests`).
    LeastOutstanding,
}

/// A target group and the load balancer in front of it (`loadBalancers`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoadBalancer {
    /// Kind.
    pub kind: BalancerKind,
    /// Routing algorithm.
    pub routing: Routing,
    /// Whether each zone's requests may go to targets in other zones. Off: each zone gets an equal share.
    pub cross_zone: bool,
    /// Distance of health checks: default 30 s.
    pub interval: SimSpan,
    /// How long a check may take: ALB default 5 s, NLB 10 s.
    pub timeout: SimSpan,
    /// Passes in a row until an unhealthy target is healthy: default 5.
    pub healthy_threshold: u32,
    /// Failures in a row until a target is unhealthy: default 2.
    pub unhealthy_threshold: u32,
    /// Checks that a newly registered target must pass: 1 (documented for ALB); NLB: see `registration`.
    pub initial_checks: u32,
    /// From RegisterTargets to the first check. Assumed 0 s for ALB; 120 s for NLB (measured 90 to 180 s).
    pub registration: SimSpan,
    /// `slow_start.duration_seconds`: a new target's share grows linearly over this long; 0 is off.
    pub slow_start: SimSpan,
    /// `deregistration_delay.timeout_seconds`: default 300 s.
    pub deregistration_delay: SimSpan,
    /// From a task's crash until it is deregistered, which the requests for it do not survive: 4 s (measured: 3 to 5).
    pub failover: SimSpan,
    /// From DeregisterTargets until no new requests come: 0 s; network 120 s (measured: up to 2 minutes).
    pub deregistration: SimSpan,
}

/// CPU that a task burns for its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StartupCpu {
    /// Thousandths of a vCPU.
    pub millis: u32,
    /// For so long from RUNNING on.
    pub lasts: SimSpan,
}

/// How the tasks of a revision behave beyond their resources.
#[derive(Clone, PartialEq, Debug)]
pub struct Behaviour {
    /// Chance that a task never reaches RUNNING (bad image, bad configuration), parts per million.
    pub start_failure_ppm: u32,
    /// `stoppedReason` of such a task.
    pub start_failure_reason: String,
    /// Time from RUNNING to a crash, seconds; `None`: never. Exponential is a constant hazard rate.
    pub time_to_failure: Option<Distribution>,
    /// Exit code of a crash.
    pub crash_exit_code: u8,
    /// Chance that a task never passes a health check, parts per million.
    pub never_healthy_ppm: u32,
    /// Time from RUNNING until health checks begin to fail for good, seconds; `None`: never.
    pub time_to_unhealthy: Option<Distribution>,
    /// Time from RUNNING until the application answers requests and checks, seconds.
    pub ready_after: Distribution,
    /// CPU that a request costs, in percent of the service's figure.
    pub cost_percent: u32,
    /// Share of served requests that are answered with an error, parts per million.
    pub error_ppm: u32,
    /// Memory of a task without requests, MiB.
    pub idle_memory_mib: u32,
    /// CPU that it burns while it starts.
    pub startup_cpu: Option<StartupCpu>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Behaviour {
            start_failure_ppm: 0,
            start_failure_reason: "CannotPullContainerError".into(),
            time_to_failure: None,
            crash_exit_code: 1,
            never_healthy_ppm: 0,
            time_to_unhealthy: None,
            ready_after: Distribution::Constant(0.0),
            cost_percent: 100,
            error_ppm: 0,
            idle_memory_mib: 0,
            startup_cpu: None,
        }
    }
}

/// Task scale-in protection, set by the tasks themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Protection {
    /// Share of tasks that protect themselves when they reach RUNNING, parts per million.
    pub tasks_ppm: u32,
    /// `expiresInMinutes`: 1 to 2,880 minutes, default 120.
    pub expires_after: SimSpan,
    /// Whether a task renews its protection for as long as it runs.
    pub renewed: bool,
    /// Whether tasks are protected just while they work on a message.
    pub while_busy: bool,
}

/// What is known about how the service scheduler paces itself; most of it unpublished, so parameters.
#[derive(Clone, PartialEq, Debug)]
pub struct SchedulerSettings {
    /// Distance of reconciliations while there is something to do (assumed 10 s).
    pub cycle: SimSpan,
    /// From an event to the reconciliation that it causes, seconds (assumed uniform 1 to 5).
    pub reaction: Distribution,
    /// From the exit of an essential container to the start of the task that replaces it, seconds (assumed uniform 8 to
    /// 20: measured are 12 to 25 s between the starts of a task that crashes at once). Other looks in between do not
    /// know of it.
    pub crash_reaction: Distribution,
    /// Tasks started or stopped in one reconciliation (assumed 10). `None`: no limit.
    pub batch: Option<u32>,
    /// Tasks that a service may start a minute (documented: 500).
    pub launches_per_minute: u32,
    /// Launch failures in a row before the throttle holds (assumed 3).
    pub throttle_after: u32,
    /// Delays of the throttle, the last one for ever (assumed 1, 2, 4, 8, 16, 27 min; the cap is documented).
    pub throttle_delays: Vec<SimSpan>,
    /// Delays after failed placements, the last one for ever (assumed 3 × 15 s, then 5, 10, 20, 27 min).
    pub placement_delays: Vec<SimSpan>,
    /// Whether a new instance ends the wait of a throttled service (assumed: no).
    pub new_instance_wakes: bool,
    /// When a task without any check counts as healthy after RUNNING (documented: 40 s).
    pub healthy_without_checks: SimSpan,
    /// Whether tasks in their deregistration delay count toward `maximumPercent` (assumed, from timings of failing
    /// deployments; those that scale-in takes away do not).
    pub draining_tasks_count: bool,
    /// Availability Zone rebalancing begins this long after the steady state (assumed 60 s).
    pub rebalancing_delay: SimSpan,
    /// Bake time of a deployment with alarms that sets none (assumed 180 s; documented: under 5 min).
    pub alarm_bake: SimSpan,
    /// How long a repeated service event is suppressed (documented: 6 h).
    pub event_repeat: SimSpan,
    /// From the death of a task for its memory to the next look at the others of its service (assumed).
    pub next_out_of_memory: SimSpan,
}

impl Default for SchedulerSettings {
    fn default() -> Self {
        let minutes = |list: &[u64]| list.iter().map(|m| SimSpan::from_secs(m * 60)).collect();
        let mut placement_delays: Vec<SimSpan> = vec![SimSpan::from_secs(15); 3];
        placement_delays.extend::<Vec<SimSpan>>(minutes(&[5, 10, 20, 27]));
        SchedulerSettings {
            cycle: SimSpan::from_secs(10),
            reaction: Distribution::Uniform { min: 1.0, max: 5.0 },
            crash_reaction: Distribution::Uniform { min: 8.0, max: 20.0 },
            batch: Some(10),
            launches_per_minute: 500,
            throttle_after: 3,
            throttle_delays: minutes(&[1, 2, 4, 8, 16, 27]),
            placement_delays,
            new_instance_wakes: false,
            healthy_without_checks: SimSpan::from_secs(40),
            draining_tasks_count: true,
            rebalancing_delay: SimSpan::from_secs(60),
            alarm_bake: SimSpan::from_secs(180),
            event_repeat: SimSpan::from_secs(6 * 3_600),
            next_out_of_memory: SimSpan::from_secs(1),
        }
    }
}

/// A change that somebody makes to a service (`UpdateService`, `UpdateTaskSet`).
#[derive(Clone, PartialEq, Debug)]
pub struct ServiceUpdate {
    /// When.
    pub at: SimTime,
    /// What.
    pub change: Change,
}

/// What an update changes.
#[derive(Clone, PartialEq, Debug)]
pub enum Change {
    /// A new deployment of this revision (index into the service's revisions); the present one: a forced deployment.
    Deploy {
        /// Revision.
        revision: usize,
    },
    /// `desiredCount`.
    DesiredCount(u32),
    /// `deploymentConfiguration`.
    Configure(Box<DeploymentConfiguration>),
    /// `healthCheckGracePeriodSeconds`.
    GracePeriod(SimSpan),
    /// ModifyTargetGroup.
    Balancer(LoadBalancer),
    /// RegisterScalableTarget.
    Capacity {
        /// `MinCapacity`.
        min: u32,
        /// `MaxCapacity`.
        max: u32,
    },
    /// StopServiceDeployment: the deployment that is under way goes back (ROLLBACK), or stays as it is (ABORT).
    StopDeployment {
        /// ROLLBACK.
        rolls_back: bool,
    },
    /// EXTERNAL: CreateTaskSet with this scale.
    CreateTaskSet {
        /// Name of the task set.
        name: String,
        /// Revision.
        revision: usize,
        /// Percent of the desired count, rounded up.
        scale: Permille,
    },
    /// EXTERNAL: UpdateTaskSet.
    ScaleTaskSet {
        /// Name of the task set.
        name: String,
        /// Percent of the desired count, rounded up.
        scale: Permille,
    },
    /// EXTERNAL: UpdateServicePrimaryTaskSet; production traffic goes there.
    PrimaryTaskSet {
        /// Name of the task set.
        name: String,
    },
    /// EXTERNAL: DeleteTaskSet.
    DeleteTaskSet {
        /// Name of the task set.
        name: String,
    },
}
