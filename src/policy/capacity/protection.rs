//! Managed termination protection and managed draining: what becomes of an instance that is to end.
//!
//! ECS protects an instance of a group from scale-in while it has a task that is not a daemon's, and takes the
//! protection away when it has none (documented). What protection does not stop (documented for the group, not read
//! again): a Spot reclaim, the replacement of an unhealthy instance, a termination by hand.

use crate::base::time::SimSpan;

/// The longest that managed draining holds an instance (documented).
pub const LONGEST_DRAIN: SimSpan = SimSpan::from_secs(48 * 3_600);

/// An instance as protection sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held<T> {
    /// Which.
    pub instance: T,
    /// Whether it has a task that is not a daemon's.
    pub is_busy: bool,
    /// Whether it is protected from scale-in now.
    pub is_protected: bool,
}

/// What ECS asks of the group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change<T> {
    /// To be protected from scale-in.
    pub protect: Vec<T>,
    /// To be so no longer.
    pub release: Vec<T>,
}

/// The protection that managed termination protection sets and takes away, in the order of `instances`.
pub fn change<T>(instances: impl IntoIterator<Item = Held<T>>) -> Change<T> {
    let mut change = Change { protect: Vec::new(), release: Vec::new() };
    for held in instances {
        match (held.is_busy, held.is_protected) {
            (true, false) => change.protect.push(held.instance),
            (false, true) => change.release.push(held.instance),
            _ => {}
        }
    }
    change
}

/// Why an instance is to end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// The desired capacity has become smaller.
    ScaleIn,
    /// The group moves an instance to another AZ.
    ZoneRebalance,
    /// An instance refresh.
    Refresh,
    /// `MaxInstanceLifetime`.
    Lifetime,
    /// A health check failed.
    Unhealthy,
    /// Spot takes it back.
    SpotReclaim,
    /// A replacement runs already, after a rebalance recommendation.
    CapacityRebalance,
    /// `TerminateInstances`.
    ByHand,
}

impl Cause {
    /// Whether protection from scale-in keeps the instance.
    #[must_use]
    pub fn heeds_protection(self) -> bool {
        match self {
            Cause::ScaleIn | Cause::ZoneRebalance | Cause::Refresh | Cause::Lifetime => true,
            Cause::Unhealthy | Cause::SpotReclaim | Cause::CapacityRebalance | Cause::ByHand => {
                false
            }
        }
    }
}

/// How an instance ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// It stays; the desired capacity is what it is (documented). A refresh waits for it.
    Stays,
    /// DRAINING first: a lifecycle hook holds it until it has no task, [`LONGEST_DRAIN`] at most.
    Drains,
    /// It ends at once, and its tasks with it.
    Ends,
}

/// How an instance ends, by the capacity provider's `managedDraining`.
#[must_use]
pub fn ending(cause: Cause, is_protected: bool, managed_draining: bool) -> Ending {
    if is_protected && cause.heeds_protection() {
        Ending::Stays
    } else if managed_draining {
        Ending::Drains
    } else {
        Ending::Ends
    }
}
