//! L4, the simulation: binds the model, the policies and the engine.

mod bucket;
mod callers;
mod checks;
mod end;
mod lifecycle;
pub mod outputs;
mod place;
mod recorder;
mod sampling;
pub mod setup;
mod spending;
mod summary;
mod task;
mod world;

pub use callers::split_by_strategy;
pub use end::{RunResult, Watch, run};
pub use world::RunError;
