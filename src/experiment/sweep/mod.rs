//! A sweep: every combination of values of some keys of a scenario, each under the same seeds.
//!
//! ```text
//! SWEEP.toml ─► file ─► Sweep (axes, seeds) ─► grid ─► plan: every cell with its settings and its identity
//! ```
//!
//! A plan is plain data and the same wherever it is made, so that shards on many machines agree on the cells without
//! asking each other. Every cell's scenario is read before the first run: what is wrong with any of them is told at once.

mod axis;
mod file;
mod grid;
mod plan;
mod results;
mod shard;

pub use axis::{Axis, Point};
pub use file::{Seeds, Sweep, is_sweep, read};
pub use grid::Grid;
pub use plan::{Drawn, Plan, Planned, PlannedAxis, Source};
pub use results::{Chosen, Results};
pub use shard::Shard;
