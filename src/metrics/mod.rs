//! L3, the metrics: what is measured and how it is summed. They observe and never influence.
//!
//! [`capacity`] integrates what is registered, promised, idle and stranded, in whole numbers, [`elasticity`] how well
//! the tasks of a service follow its load; [`histogram`] and [`series`] keep distributions and time series in bounded
//! memory; [`summary`] names the results, [`service_summary`] those of services. [`table`] declares columns once, for
//! writers, reference page and tests. What a number means is decided here, how it looks in `report`.

pub mod capacity;
pub mod capacity_track;
pub mod elasticity;
pub mod incident;
pub mod picture;
pub mod series;
pub mod service;
pub mod service_summary;
pub mod summary;
pub mod table;

pub use crate::base::histogram;
