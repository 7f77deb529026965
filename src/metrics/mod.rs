//! L3, the metrics: what is measured and how it is summed. They observe and never influence.

pub mod capacity;
pub mod histogram;
pub mod picture;
pub mod series;
pub mod summary;
pub mod table;
