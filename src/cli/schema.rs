//! `ecsim schema`: the JSON Schema of scenarios, for editors.

use super::validate::write;
use std::io::{self, Write};

/// Print the JSON Schema of scenarios, for editors
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Example:\n  ecsim schema > scenario.schema.json")]
pub struct SchemaArgs {}

/// Prints the schema.
///
/// # Errors
/// Where `out` cannot take it; a reader that closed the pipe early is no error.
pub fn run(_args: &SchemaArgs, out: &mut dyn Write) -> io::Result<()> {
    write(out, &format!("{:#}\n", crate::scenario::schema::schema()))
}
