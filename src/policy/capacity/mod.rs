//! How many instances a capacity provider's group gets, of which kind and where, and which of them go.
//!
//! | File | Its one job |
//! | --- | --- |
//! | [`need`] | M and N: the metric `CapacityProviderReservation` |
//! | [`managed`] | managed scaling: alarms, steps, warm-up, from points to desired capacities |
//! | [`protection`] | managed termination protection and draining: what becomes of an instance that is to end |
//! | [`zones`] | where an instance is launched, rebalancing |
//! | [`mixed`] | On-Demand or Spot, and the pool by allocation strategy |
//! | [`group_scaling`] | groups without managed scaling: what differs from the policies of services |
//! | [`fargate`] | when Fargate takes a task away |
//! | [`managed_instances`] | ECS Managed Instances: First Fit Decreasing, consolidation |
//! | [`repair`] | ECS Managed Instances: how many IMPAIRED ones are drained at once |
//! | [`lifetime`] | instances that are as old as they may be: how many are replaced at once |
//! | [`warm_pool`] | the size of a warm pool, which of its instances is taken, which goes |
//! | [`hooks`] | lifecycle hooks: how long they hold an instance |
//! | [`refresh`] | instance refresh: how many end now, how many stand in for them |
//! | [`terminate`] | which instance ends: termination policies |
//!
//! Every one is a function of a plain view, or a state machine that is told what happens and when. `sim` fills the
//! views and applies what comes back.

pub mod fargate;
pub mod group_scaling;
pub mod hooks;
pub mod lifetime;
pub mod managed;
pub mod managed_instances;
pub mod mixed;
pub mod need;
pub mod protection;
pub mod refresh;
pub mod repair;
pub mod terminate;
pub mod warm_pool;
pub mod zones;

pub use managed::{GroupState, ManagedScaler, ManagedScaling};
pub use need::{Reading, View};
