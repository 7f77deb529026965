//! L4, the simulation: binds the model, the policies and the engine.
//!
//! `world` owns the state of a run and dispatches events; `callers` is RunTask and StartTask with their rates and
//! reactions; `place` applies a placement; `lifecycle` is every stage of a placed task; `recorder`, `sampling` and
//! `spending` listen; `end` closes the books; `checks` compares them all, after every event where asked.
//!
//! In comes a [`setup::Setup`], plain data, and one stream of rows per caller; out go rows to [`outputs::Sinks`] and a
//! [`RunResult`]. The same input gives the same output, event by event. No TOML, no catalogue, no file names here.

mod api;
mod bucket;
mod callers;
mod checks;
mod end;
mod lifecycle;
pub mod outputs;
mod place;
mod recorder;
mod sampling;
mod service;
pub mod service_tables;
pub mod setup;
mod spending;
mod summary;
mod task;
mod world;

pub use callers::split_by_strategy;
pub use end::{RunResult, Watch, run};
pub use world::RunError;
