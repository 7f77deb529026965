//! L3, the policies: pure decisions over a read-only view of the model.

pub mod placement;
pub mod query;
