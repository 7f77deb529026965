//! Task definitions: what a task asks for and how it behaves, already resolved to numbers.
//!
//! Sizing rules of the EC2 launch type (agent source `ToHostResources`, API `RegisterTaskDefinition`; documented):
//! CPU is the task's, else the sum over containers; memory is the task's, else per container the reservation
//! where there is one and the hard limit otherwise; GPUs are summed; one ENI for `awsvpc`; static host ports only
//! in `bridge` and `host` mode.

use super::access::Needs;
use super::platform::Platform;
use super::ports::PortSet;
use super::resources::Resources;
use crate::base::distribution::Distribution;
use crate::base::time::SimSpan;

/// Network mode of a task.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum NetworkMode {
    /// Docker bridge, the default on Linux.
    #[default]
    Bridge,
    /// The host's own network.
    Host,
    /// An ENI of its own.
    Awsvpc,
    /// No network.
    None,
}

impl NetworkMode {
    /// The name in the API.
    #[must_use]
    pub fn api_name(self) -> &'static str {
        match self {
            NetworkMode::Bridge => "bridge",
            NetworkMode::Host => "host",
            NetworkMode::Awsvpc => "awsvpc",
            NetworkMode::None => "none",
        }
    }
}

/// How the containers of a task start one after the other (`dependsOn`): the longest way through them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StartOrder {
    /// Containers that start one after the other; 1 where all start together.
    pub starts: u16,
    /// What they wait for besides: the health of one, the end of another.
    pub waits: SimSpan,
}

impl Default for StartOrder {
    fn default() -> Self {
        StartOrder { starts: 1, waits: SimSpan::ZERO }
    }
}

/// How the containers of a task stop one after the other: `dependsOn` in reverse, dependents first (documented).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StopOrder {
    /// Containers that stop at a time; empty where all stop together. Those that others wait for to complete are not
    /// among them: they have exited long ago.
    pub turns: Vec<u16>,
    /// The turn of the first essential container.
    pub essential: usize,
}

/// `restartPolicy` of the container whose exit would end the task, where it is enabled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestartPolicy {
    /// `ignoredExitCodes`: the task ends with these.
    pub ignored_exit_codes: Vec<u8>,
    /// `restartAttemptPeriod`: a container that has run for less is not started again; default 300 s.
    pub attempt_period: SimSpan,
}

/// An essential container beside the first: it crashes by itself, in tasks of services.
#[derive(Clone, Debug)]
pub struct Sidecar {
    /// From its start to its crash, seconds.
    pub lives: Distribution,
    /// Its exit code, 1 to 255.
    pub exit_code: u8,
    /// Restart in place; `None`: its crash ends the task.
    pub restart: Option<RestartPolicy>,
}

/// A task definition, resolved.
#[derive(Clone, Debug)]
pub struct TaskDefinition {
    /// Family; the default task group is `family:<family>`.
    pub family: String,
    /// Revision, from 1.
    pub revision: u32,
    /// What a container instance must promise. For Fargate see [`TaskDefinition::fargate_request`].
    pub demand: Resources,
    /// CPU units and MiB at task level, which Fargate requires and rounds up to a valid size.
    pub fargate_request: (u32, u32),
    /// Static host ports.
    pub ports: PortSet,
    /// Network mode.
    pub network_mode: NetworkMode,
    /// Operating system and architecture.
    pub platform: Platform,
    /// Whether the definition names its platform; one that does not runs on instances of any architecture.
    pub platform_is_explicit: bool,
    /// Task storage in GiB; 20 are included on Fargate.
    pub ephemeral_gib: u16,
    /// Compressed size of all images together, MiB; 0 means that nothing is pulled.
    pub image_mib: u32,
    /// Name of the image set, the key of the layer cache; definitions with equal names share layers.
    pub image: String,
    /// How many containers are stopped by SIGTERM when an essential one exits: all but that one.
    pub other_containers: u16,
    /// How long a container may take to stop before SIGKILL (API default 30 s, Fargate at most 120 s).
    pub stop_timeout: SimSpan,
    /// How its containers start.
    pub order: StartOrder,
    /// How they stop.
    pub stop_order: StopOrder,
    /// Restart in place.
    pub restart: Option<RestartPolicy>,
    /// Essential containers beside the first that crash.
    pub sidecars: Vec<Sidecar>,
    /// What it needs to start.
    pub needs: Needs,
    /// `memberOf` expressions of the definition itself (text; compiled with the caller's).
    pub placement_constraints: Vec<String>,
}
