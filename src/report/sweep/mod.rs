//! A sweep as files and as text: the folder with its cells, one tidy table, means for people.

mod folder;
#[cfg(feature = "parquet")]
pub mod parquet;
mod record;
mod tables;
mod text;

pub use folder::{Progress, SweepFolder, difference, progress, read_cell, read_plan};
pub use record::{Record, Status};
pub use tables::{Gathered, Trouble, gather, means_to_csv};
pub use text::{to_json, to_text};

/// A row a cell: axes, seed, status, every metric.
pub const SWEEP_FILE: &str = "sweep.csv";
/// The same with the cargo feature `parquet`.
pub const PARQUET_FILE: &str = "sweep.parquet";
/// A row a settings and chosen metric: mean and half of its interval.
pub const MEANS_FILE: &str = "sweep_means.csv";
