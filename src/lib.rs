//! ecsim
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod base;
pub mod catalog;
pub mod cli;
pub mod engine;
pub mod experiment;
pub mod metrics;
pub mod model;
pub mod policy;
pub mod pricing;
pub mod report;
pub mod scenario;
pub mod sim;
pub mod trace;
