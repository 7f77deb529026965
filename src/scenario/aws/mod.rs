//! What the AWS CLI prints and takes, read as it is.

pub mod task_definition;

pub use task_definition::TaskSize;
