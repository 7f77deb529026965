//! L8, the command line: clap types, what they mean, and exit codes.

pub mod catalog;
pub mod init;
pub mod schema;
pub mod validate;
