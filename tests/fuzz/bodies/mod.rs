//! What must hold for any bytes: one function for each fuzz target. The tests replay the corpus through the same ones.

pub mod policy;
pub mod scenario;
pub mod trace;
