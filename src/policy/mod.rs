//! L3, the policies: pure decisions over a read-only view of the model.
//!
//! [`placement`] chooses where one task goes, [`query`] is the cluster query language of `memberOf`. A policy holds its
//! parameters and whatever makes it fast, returns a choice or a count of refusals by reason, and changes nothing:
//! `sim` applies choices. It sees no price, no metric and no clock.

pub mod placement;
pub mod query;
