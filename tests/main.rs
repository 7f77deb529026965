//! The one test program: each file of this folder is a module of it.
#![allow(clippy::unwrap_used)]

mod catalog;
mod fuzz_scenario;
mod pricing_reference;
mod pricing_vectors;
mod scenario;
mod scenario_errors;
