//! All integration tests, as one program: one link instead of twenty.

#![allow(clippy::unwrap_used)]

mod trace_bad_input;
mod trace_real;
mod trace_support;
