//! The network as a run is told of it.

use crate::base::id::Column;
use crate::base::time::SimSpan;
use crate::model::ids::{ProviderId, SubnetId};
use crate::model::network::Subnet;

/// Subnets whose addresses are counted.
#[derive(Clone, Debug, Default)]
pub struct NetworkSetup {
    /// The subnets.
    pub subnets: Column<SubnetId, Subnet>,
    /// By capacity provider: the subnets that its instances are launched in; none on Fargate.
    pub of_provider: Column<ProviderId, Vec<SubnetId>>,
    /// Whether interfaces are created where there is a free address, as long as one of the task's subnets has one;
    /// otherwise zone and subnet are picked without a look at addresses.
    pub avoids_full: bool,
}

/// How long ECS asks for what a task cannot get, before the task fails to start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AccessSetup {
    /// What cannot be reached.
    pub unreachable: SimSpan,
    /// What it is not let at.
    pub denied: SimSpan,
}

impl Default for AccessSetup {
    fn default() -> Self {
        AccessSetup { unreachable: SimSpan::from_secs(180), denied: SimSpan::from_secs(10) }
    }
}
