//! Requests of services: who gets them, what is measured of them.

mod bursts;
mod meter;
mod minutes;
mod samples;
mod targets;

pub use meter::{MINUTE, Meter, TWENTY, in_memory_micro, is_high_resolution};
pub use minutes::{measure_capacity, measure_elasticity, observe};
