//! What tasks in PROVISIONING wait for.

use crate::base::time::SimSpan;

/// Why a task that waits for capacity has none yet, seen from its capacity provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitCause {
    /// Nobody has asked for more instances: the metric is late, warms up, or says that there are enough.
    Decision,
    /// Instances are on their way.
    Launch,
    /// The group is as large as it may be, and nothing is on its way.
    MaxSize,
    /// A launch has failed, nothing is on its way, and it is tried again later.
    NoCapacity,
}

/// How many causes there are.
pub const WAIT_CAUSES: usize = 4;

/// Time by cause, in the order of [`WaitCause`].
pub type WaitSpans = [SimSpan; WAIT_CAUSES];
