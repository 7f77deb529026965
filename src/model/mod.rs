//! L2, the model: what exists in a cluster and how it may change. No policy, no billing, no files.

pub mod arrival;
pub mod definition;
pub mod fargate;
pub mod fleet;
pub mod ids;
pub mod lifecycle;
pub mod platform;
pub mod ports;
pub mod resources;
pub mod workload;
