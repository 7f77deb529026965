//! How many instances a capacity provider's group gets, of which kind and where, and which of them go.
//!
//! | File | Its one job |
//! | --- | --- |
//! | [`need`] | M and N: the metric `CapacityProviderReservation` |
//! | [`managed`] | managed scaling: alarms, steps, warm-up, from points to desired capacities |
//! | [`protection`] | managed termination protection and draining: what becomes of an instance that is to end |
//! | [`strategy`] | base and weight: which provider a task goes to |
//! | [`zones`] | where an instance is launched, rebalancing, the size of a warm pool |
//! | [`mixed`] | On-Demand or Spot, and the pool by allocation strategy |
//! | [`terminate`] | which instance ends: termination policies |
//!
//! Every one is a function of a plain view, or a state machine that is told what happens and when. `sim` fills the
//! views and applies what comes back.

pub mod managed;
pub mod mixed;
pub mod need;
pub mod protection;
pub mod strategy;
pub mod terminate;
pub mod zones;

pub use managed::{GroupState, ManagedScaler, ManagedScaling};
pub use need::{Reading, View};
