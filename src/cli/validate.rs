//! `ecsim validate`: is a scenario right, and what does it mean with every default filled in?

use super::dry_run::traffic;
use crate::report::human;
use crate::scenario::{self, Diagnostics};
use std::io::{self, Write};
use std::path::PathBuf;

/// Check a scenario: all errors at once, with line, column and a hint
#[derive(clap::Args, Clone, Debug)]
#[command(
    after_help = "Examples:\n  ecsim validate web.toml\n  ecsim validate web.toml --show resolved\n  \
    ecsim validate web.toml --set capacity_provider.general.desired_capacity=80"
)]
pub struct ValidateArgs {
    /// Scenario file (TOML, or JSON of the same shape); `-` reads it from standard input
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,
    /// Print the scenario with every default filled in
    #[arg(long, value_name = "WHAT")]
    pub show: Option<Show>,
    /// Set a key by dotted path; entries of lists by name or number
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub set: Vec<(String, String)>,
    /// What stdout gets
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
}

/// What `--show` prints.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Show {
    /// Every key with its value, as TOML that loads to the same scenario.
    Resolved,
}

/// Format of the answer.
#[derive(clap::ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Text for people.
    Human,
    /// One JSON object.
    Json,
}

/// Parses `KEY=VALUE`.
///
/// # Errors
/// A sentence where there is no `=`.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.trim().to_string(), value.trim().to_string()))
}

/// Why `validate` failed.
#[derive(Debug, thiserror::Error)]
pub enum ValidateFailure {
    /// The scenario is wrong: exit code 2.
    #[error("{0}")]
    Input(Diagnostics),
    /// The results could not be written.
    #[error("cannot write the results: {0}")]
    Output(#[from] io::Error),
}

/// Checks the scenario and answers on `out`. With `--format json` errors are results: they go to `out` as well.
///
/// # Errors
/// [`ValidateFailure::Input`] with all errors of the scenario; [`ValidateFailure::Output`].
pub fn run(args: &ValidateArgs, out: &mut dyn Write) -> Result<(), ValidateFailure> {
    let loaded = match scenario::load(&args.scenario, &args.set) {
        Ok(loaded) => loaded,
        Err(problems) => {
            if args.format == Format::Json {
                write(out, &format!("{}\n", problems.to_json()))?;
            }
            return Err(ValidateFailure::Input(problems));
        }
    };
    loaded.warnings.iter().for_each(|text| super::complain(&format!("warning: {text}")));
    loaded.notes.iter().for_each(|note| super::complain(&format!("note: {note}")));
    let setup = &loaded.setup;
    let text = match (args.show, args.format) {
        (Some(Show::Resolved), Format::Human) => loaded.resolved.clone(),
        (None, Format::Human) => {
            let of = [
                human::counted(setup.instances.len(), "container instance"),
                human::counted(setup.definitions.len(), "task definition"),
                human::counted(setup.sources.len(), "caller"),
                human::counted(setup.services.len(), "service"),
            ];
            let traffic = traffic::generated(&loaded);
            format!("{}: {} in {}\n{traffic}", setup.name, of.join(", "), setup.region)
        }
        (show, Format::Json) => {
            let mut answer = serde_json::json!({
                "schema": "ecsim/1",
                "name": setup.name,
                "region": setup.region,
                "digest": loaded.digest,
                "container_instances": setup.instances.len(),
                "task_definitions": setup.definitions.len(),
                "callers": setup.sources.len(),
                "services": setup.services.len(),
                "errors": [],
            });
            if show == Some(Show::Resolved) {
                answer["resolved"] = loaded.resolved.clone().into();
            }
            format!("{answer}\n")
        }
    };
    write(out, &text)?;
    Ok(())
}

/// Writes results; a reader that closed the pipe early is no error.
pub(super) fn write(out: &mut dyn Write, text: &str) -> io::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
