//! How a new revision of a service comes in.
//!
//! [`rolling`] has the bounds and the end of a rolling deployment, whose steps
//! [`service::pass`](crate::policy::service::pass()) decides; [`breaker`] counts its failures. [`stages`] is the state
//! machine of blue/green, canary and linear deployments, ECS-native and CodeDeploy, with the steps of traffic from
//! [`shift`]. [`task_set`] is the arithmetic of EXTERNAL and CODE_DEPLOY. [`daemon`] has the steps by which the instances of
//! a managed daemon are replaced.

pub mod breaker;
pub mod daemon;
pub mod rolling;
pub mod shift;
pub mod stages;
pub mod task_set;
