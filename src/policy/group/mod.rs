//! Auto Scaling groups: where a new instance goes, and which one ends when there are too many.
//!
//! Both are functions of plain views. Documented: the zone with fewest instances gets the next one, the zone with most
//! loses one first, then the termination policies narrow the choice one after the other. Assumed: among equal zones the
//! first listed one gets an instance.

mod launch;
mod terminate;

pub use launch::zone_for;
pub use terminate::{Candidate, choose};
