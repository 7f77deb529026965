//! L1, the engine: a clock, a queue with one total order, and the loop that joins them. It knows no ECS.
//!
//! # The order of simultaneous events
//!
//! Events happen in order of (instant, [`Class`], order of scheduling). The order of the classes is part of the
//! model: capacity comes back before it is asked for, schedulers act once on the settled state, samples see
//! the instant after all have acted. Arrivals come sorted from a trace and never enter the queue; at equal
//! instants they are the first of class [`Class::Demand`], as if all had been scheduled before the run.

mod blocks;
mod near;
mod queue;
mod run;
#[cfg(test)]
mod tests;

pub use queue::{Class, Queue, Ticket};
pub use run::{Model, Outcome, Pulse, run};
