//! The bodies of the fuzz targets as a library, with what they share with the tests.

#![allow(clippy::unwrap_used, dead_code, missing_docs)]

#[path = "mod.rs"]
mod bodies;
#[path = "../../trace_support.rs"]
mod trace_support;

pub use bodies::{policy, scenario, trace};
