//! Requests of services: who gets them, what is measured of them.

mod bursts;
mod by_task;
mod excess;
mod hosts;
mod meter;
mod minutes;
mod samples;
mod shift;
mod startup;
mod targets;

pub use by_task::Starting;
pub use excess::Excess;
pub use meter::{MINUTE, Meter, TWENTY, in_memory_micro, is_high_resolution};
pub use minutes::{measure_capacity, measure_elasticity, note_drops, observe};
pub use shift::Shifted;
