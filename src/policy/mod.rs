//! L3, the policies: pure decisions over a read-only view of the model.
//!
//! [`placement`] chooses where one task goes, [`query`] is the cluster query language of `memberOf`,
//! [`scaling`] is service auto scaling. A policy holds its
//! parameters and whatever makes it fast, returns a choice or a count of refusals by reason, and changes nothing:
//! `sim` applies choices. It sees no price and no clock; [`scaling`] sees the metrics that `sim` hands to it.

pub mod placement;
pub mod query;
pub mod scaling;
