//! L2, the model: what exists in a cluster and how it may change. No policy, no billing, no files.
//!
//! [`fleet`] holds the container instances with their two ledgers, [`group`] what an Auto Scaling group is,
//! [`definition`] what a task asks for, [`lifecycle`]
//! the legal steps of a task's life. [`arrival`] and [`workload`] are the work: a row of a trace, and where rows come
//! from, as plain data that layer 5 opens. [`fargate`] knows sizes and rounding, not prices.
//!
//! Invariants, asserted where they could break: 0 ≤ free ≤ registered on both ledgers; a status changes only along the
//! table in [`lifecycle`]; ids are issued in order and never reused in a run.

pub mod access;
pub mod arrival;
pub mod blackout;
pub mod connection;
pub mod definition;
pub mod fargate;
pub mod fault;
pub mod fleet;
pub mod group;
pub mod ids;
pub mod lifecycle;
pub mod network;
pub mod outage;
pub mod own_scaling;
pub mod platform;
pub mod ports;
pub mod provisioning;
pub mod resources;
pub mod scaling;
pub mod service;
pub mod spot;
pub mod traffic;
pub mod workload;
