//! L4, the simulation: binds the model, the policies and the engine.
//!
//! In comes a [`setup::Setup`], plain data, and one stream of rows per caller; out go rows to [`outputs::Sinks`] and a
//! [`RunResult`]. The same input gives the same output, event by event. No TOML, no catalogue, no file names here.
//!
//! Rooms from the bottom; one imports lower ones only, and a test holds that:
//!
//! | Room | What it owns |
//! | --- | --- |
//! | `setup`, `task`, `request`, `event`, `bucket` | plain values that cross between rooms |
//! | `books` | everything that only listens: tables, counts, the bill |
//! | `cluster` | the one door to EC2 capacity |
//! | `fargate` | sizes, quotas, launch rates |
//! | `rules` | what is fixed: definitions, providers, who asks, compiled placement rules |
//! | `tasks` | the slab, and the stages of a task |
//! | `callers` | RunTask and StartTask |
//! | `services` | the driver of services |
//! | `fleet` | Auto Scaling groups: instances come and go |
//! | `faults` | hosts and zones fail |
//! | `arrivals`, `sampling`, `checks` | the rows to come; samples; the invariants |
//! | `world` | the parts together, and dispatch |
//! | `summary`, `end` | the books are closed |

mod arrivals;
mod books;
mod bucket;
mod callers;
mod checks;
pub mod cluster;
mod end;
mod event;
mod fargate;
mod faults;
mod fleet;
mod misfits;
mod request;
mod rules;
mod sampling;
mod services;
pub mod setup;
mod summary;
mod task;
mod tasks;
mod waits;
mod world;

pub use books::{capacity_tables, fleet_table, outputs, rows, service_tables};
pub use callers::split_by_strategy;
pub use end::{InputRows, RunResult, Unregistered, Watch, run};
pub use event::RunError;
pub use misfits::misfits;
