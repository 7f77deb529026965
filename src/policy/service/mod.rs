//! The service scheduler's decisions: which tasks of a service start and which stop.
//!
//! [`pass()`] is one reconciliation of a REPLICA service, in steady state and during a rolling deployment alike;
//! [`scale_in`] says which tasks go when some must. [`daemon`] is the same for DAEMON services, [`throttle`] the delays
//! after failed starts, [`rebalance`] the balance of Availability Zones, [`health`] the instants at which a task counts
//! as healthy or unhealthy. Everything here reads plain views and returns decisions; nothing is remembered between
//! calls but what the caller hands back.

pub mod daemon;
pub mod health;
mod pass;
pub mod rebalance;
pub mod scale_in;
pub mod throttle;

pub use pass::{OldRevision, Pass, PassInput, StopReason, fill_up, pass};
pub use scale_in::{ScaleIn, Share};

use crate::model::ids::{InstanceId, ZoneId};

/// A task of the service whose desired status is RUNNING, as the scheduler sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServiceTask {
    /// The caller's handle; given back in decisions.
    pub key: u32,
    /// The task's number, for stable orders.
    pub id: u64,
    /// Number of its deployment: larger is newer.
    pub generation: u32,
    /// RUNNING; otherwise PROVISIONING to ACTIVATING.
    pub is_running: bool,
    /// Counted by `minimumHealthyPercent`.
    pub counts_healthy: bool,
    /// A check says UNHEALTHY.
    pub is_unhealthy: bool,
    /// Within the health check grace period: unhealthy results are ignored.
    pub in_grace: bool,
    /// Scale-in protection is on.
    pub is_protected: bool,
    /// Its instance is DRAINING.
    pub is_draining: bool,
    /// Item of the capacity provider strategy that it counts for; 0 without one. A number that the strategy does not have:
    /// it is there by another strategy, counts for none, and goes first where providers matter (assumed).
    pub provider: u32,
    /// Availability Zone.
    pub zone: ZoneId,
    /// Container instance; `None` on Fargate and before placement.
    pub instance: Option<InstanceId>,
}

impl ServiceTask {
    /// Whether the scheduler acts on its bad health.
    #[must_use]
    pub fn is_sick(&self) -> bool {
        self.is_unhealthy && !self.in_grace
    }

    /// Whether it may still become healthy: neither counted yet nor given up.
    #[must_use]
    pub fn is_coming(&self) -> bool {
        !self.counts_healthy && !self.is_sick()
    }
}
