//! What a run is told of a service.

use super::{Launch, Overflow};
use crate::base::distribution::Distribution;
use crate::base::time::SimSpan;
use crate::model::group::ZonalShift;
use crate::model::ids::{ClusterId, DefinitionId, ZoneId};
use crate::model::network::TaskNetwork;
use crate::model::scaling::ScalableTarget;
use crate::model::service::{
    Behaviour, ContainerCheck, DeploymentConfiguration, DeploymentController, LoadBalancer,
    ManagedDaemon, Permille, Protection, SchedulingStrategy, ServiceUpdate,
};
use crate::model::traffic::Work;
use crate::policy::placement::Strategy;
use crate::policy::query::Expression;

/// A service.
#[derive(Clone, Debug)]
pub struct ServiceSetup {
    /// Name, unique among services; its task group is `service:<name>`.
    pub name: String,
    /// What its random streams are called: its name, unless a scenario says otherwise.
    pub stream: String,
    /// Cluster.
    pub cluster: ClusterId,
    /// Where its tasks go, at the start and after each update that sends them elsewhere; at least one, and none is
    /// [`Launch::Start`].
    pub launches: Vec<Launch>,
    /// Where those go that find no room on EC2; `None`: nowhere.
    pub overflow: Option<Overflow>,
    /// REPLICA or DAEMON.
    pub scheduling: SchedulingStrategy,
    /// What makes it a managed daemon, if it is one.
    pub daemon: Option<ManagedDaemon>,
    /// `desiredCount` at the start; DAEMON: 0.
    pub desired_count: u32,
    /// Whether the first deployment is already complete and healthy at time zero; otherwise the service is created then.
    pub starts_running: bool,
    /// Revisions in order; the first one is there at the start.
    pub revisions: Vec<RevisionSetup>,
    /// Changes, in order of time.
    pub updates: Vec<ServiceUpdate>,
    /// Who deploys.
    pub controller: DeploymentController,
    /// How.
    pub deployment: DeploymentConfiguration,
    /// EXTERNAL: the task sets at the start: name, revision, scale; the first one is primary.
    pub task_sets: Vec<(String, usize, Permille)>,
    /// Placement strategies; empty: ECS's default for services (AZ with fewest tasks, then instance with fewest).
    pub strategies: Vec<Strategy>,
    /// `distinctInstance`.
    pub distinct_instance: bool,
    /// `memberOf`, the task definitions' not included.
    pub member_of: Vec<Expression>,
    /// AZs of its subnets; `None`: all.
    pub zones: Option<Vec<ZoneId>>,
    /// Those subnets themselves.
    pub network: TaskNetwork,
    /// Load balancer.
    pub balancer: Option<LoadBalancer>,
    /// Zonal shifts that its load balancer obeys, in order of time; one ends before the next begins.
    pub shifts: Vec<ZonalShift>,
    /// `healthCheckGracePeriodSeconds`.
    pub grace_period: SimSpan,
    /// `availabilityZoneRebalancing` is ENABLED and the service is eligible.
    pub rebalances_zones: bool,
    /// Task protection.
    pub protection: Option<Protection>,
    /// How long its containers take to stop, seconds; `None`: as those of all.
    pub container_stop: Option<Distribution>,
    /// What it has to do.
    pub work: Option<Work>,
    /// Service auto scaling.
    pub scaling: Option<ScalableTarget>,
}

impl ServiceSetup {
    /// Whether a scaling policy, or an alarm of deployments, looks at metrics.
    #[must_use]
    pub fn looks_at_metrics(&self) -> bool {
        let scales = self.scaling.as_ref().is_some_and(ScalableTarget::looks_at_metrics);
        scales || self.deployment.alarms.is_some()
    }

    /// Whether its requests come by long connections.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.work.as_ref().is_some_and(|work| work.connections.is_some())
    }
}

/// A revision of a service: a task definition, where its tasks go and how they behave.
#[derive(Clone, Debug)]
pub struct RevisionSetup {
    /// Task definition.
    pub definition: DefinitionId,
    /// Which of [`ServiceSetup::launches`] its tasks go to.
    pub launch: usize,
    /// Container health check; `None`: none.
    pub check: Option<ContainerCheck>,
    /// Whether CPU is a hard limit: task-level `cpu` on EC2; always on Fargate and on Windows.
    pub cpu_is_limited: bool,
    /// Memory at which the kernel kills the task, MiB: the task's, or the sum of the containers' hard limits.
    pub memory_limit_mib: u32,
    /// Behaviour.
    pub behaviour: Behaviour,
}
