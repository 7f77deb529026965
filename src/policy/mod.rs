//! L3, the policies: pure decisions over a read-only view of the model.
//!
//! [`placement`] chooses where one task goes, [`query`] is the cluster query language of `memberOf`. [`service`] says
//! which tasks of a service start and stop, [`deployment`] how a new revision comes in, [`scaling`] is service auto
//! scaling, [`capacity`] says how many instances a group gets, of which kind, and which go. A policy holds its
//! parameters and whatever makes it fast, returns a choice or a count of refusals by reason, and changes nothing: `sim`
//! applies choices. It sees no clock but the instant that it is given, [`scaling`] and [`capacity`] the metrics that
//! `sim` hands to them, and no price, but for the choice of Spot pools.

pub mod capacity;
pub mod deployment;
pub mod placement;
pub mod query;
pub mod scaling;
pub mod service;
