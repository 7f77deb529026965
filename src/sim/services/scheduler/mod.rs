//! The service scheduler: what it sees, what it starts and stops, and when it looks again.

mod ceiling;
mod daemons;
mod looks;
mod managed_daemons;
mod reconcile;
mod starts;
mod views;
mod wishes;
mod zones;

pub use managed_daemons::DaemonNews;
pub use starts::TOKENS_PER_TASK;
pub use zones::Rebalancing;
