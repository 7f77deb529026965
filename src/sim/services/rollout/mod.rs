//! Revisions of a service come, take over, are completed, fail, go back; and what users change.

mod alarms;
mod changes;
mod deployments;
mod record;
mod stages;
mod state;

pub use state::{Deployment, Kind, RolloutState};
