//! What studies of many runs of one scenario have in common: their threads, their folder, what they show.

use super::Failure;
use super::run::{ChartsArg, FormatArg};
use crate::experiment;
use crate::experiment::compare::metrics::unknown;
use crate::scenario::Scenario;
use clap::Args;
use std::path::{Path, PathBuf};

/// Arguments of every such study.
#[derive(Args, Clone, Debug)]
pub struct StudyArgs {
    /// Threads [default: one a core]. Results do not depend on it
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// Output folder [default: output/, the verb, a hyphen, and the name of the scenario]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace an output folder of ours; a folder that is not ours is never touched
    #[arg(long)]
    pub force: bool,
    /// Format of the charts
    #[arg(long, value_enum, default_value = "svg")]
    pub charts: ChartsArg,
    /// What stdout gets
    #[arg(long, value_enum, default_value = "human")]
    pub format: FormatArg,
    /// No progress and no notes on stderr
    #[arg(long, short)]
    pub quiet: bool,
}

impl StudyArgs {
    /// The output folder of a study by `verb` of the scenario of this name.
    pub fn folder(&self, verb: &str, scenario: &str) -> PathBuf {
        let usual = || Path::new("output").join(format!("{verb}-{scenario}"));
        self.out.clone().unwrap_or_else(usual)
    }
}

/// The names of the metrics that a run of a scenario has, known before anything is run.
///
/// # Errors
/// What it names cannot be opened.
pub fn known_metrics(scenario: &Scenario) -> Result<Vec<String>, Failure> {
    let known = experiment::metrics_of(scenario);
    let mut known = known.map_err(|error| Failure::Input(format!("error: {error}")))?;
    known.retain(|name| name != "seed");
    Ok(known)
}

/// Refuses metrics that a user names by `flag` and that are not `known`; `is` says whether a name that is asked for means one
/// that there is.
///
/// # Errors
/// Each that there is not, with the nearest that there is.
pub fn refuse_unknown<'a>(
    flag: &str,
    names: impl IntoIterator<Item = &'a str>,
    known: &[&str],
    is: impl Fn(&str, &str) -> bool,
) -> Result<(), Failure> {
    let is_there = |asked: &&str| known.iter().any(|name| is(asked, name));
    let problems = names.into_iter().filter(|asked| !is_there(asked));
    let problems: Vec<String> =
        problems.map(|asked| format!("error: {flag}: {}", unknown(asked, known))).collect();
    if problems.is_empty() { Ok(()) } else { Err(Failure::Input(problems.join("\n"))) }
}
