//! What studies of many runs of one scenario have in common: their threads, their folder, what they show.

use super::run::{ChartsArg, FormatArg};
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
