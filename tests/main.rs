//! The tests of ecsim: one program, so that it is linked once. `tests/README.md` says what each file holds.

#![allow(clippy::unwrap_used, missing_docs)]

mod catalog;
mod charts;
mod cli;
mod deployment_table;
mod determinism;
mod failure_trace;
mod faults;
mod fuzz_policy;
mod fuzz_scenario;
mod fuzz_trace;
mod house;
mod lifecycle;
mod load;
mod memory;
mod placement;
mod pricing_reference;
mod pricing_vectors;
mod publish;
mod reference_pages;
mod scaling_vectors;
mod scenario;
mod scenario_errors;
mod service_errors;
mod service_outputs;
mod support;
mod swarm;
mod theory;
mod trace_bad_input;
mod trace_cli;
mod trace_formats;
mod trace_generator;
mod trace_real;
mod trace_support;
mod traffic;
