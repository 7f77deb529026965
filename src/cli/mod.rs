//! L8, the command line: clap types, what they mean, and exit codes.
//!
//! stdout holds results only; problems, notes and progress go to stderr. A reader that closes the pipe early is
//! no error.

pub mod breakeven;
pub mod catalog;
pub mod compare;
mod dry_run;
mod expect;
pub mod init;
mod output;
pub mod plan;
mod precision;
pub mod price;
mod progress;
pub mod run;
pub mod schema;
mod screen;
mod seeds;
pub mod sensitivity;
pub mod steady;
mod study;
pub mod sweep;
pub mod trace;
pub mod validate;

use crate::base::text::visible;
use clap::{CommandFactory as _, Parser, Subcommand};
use std::io::Write as _;
use std::process::ExitCode;

/// A deterministic discrete-event simulator of Amazon ECS clusters.
#[derive(Parser, Debug)]
#[command(
    name = "ecsim",
    version,
    about,
    max_term_width = 110,
    after_help = "Examples:\n  \
        ecsim run scenarios/01-batch-on-ec2.toml\n  \
        ecsim validate my.toml --show resolved\n  \
        ecsim trace inspect jobs.swf.gz\n  \
        ecsim catalog show m7g.xlarge\n  \
        ecsim price task-definition.json\n  \
        ecsim breakeven my.toml\n  \
        ecsim sweep grid.toml\n  \
        ecsim plan my.toml --choose capacity_provider.general.desired_capacity=4..12\n\n\
        Exit codes: 0 done; 1 an [[expect]] of the scenario failed; 2 bad usage or input; \
        3 an invariant of the simulator broke; 130 interrupted."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Subcommand, Debug)]
#[allow(clippy::large_enum_variant)] // there is one of it in a process
pub enum Verb {
    /// Run a scenario: a summary on stdout, tables and charts in the output folder
    Run(run::RunArgs),
    /// Compare scenarios, or settings of one, over several seeds, with intervals
    Compare(compare::CompareArgs),
    /// Run a grid of settings under seeds, on all cores or in shards; goes on where it was stopped
    Sweep(sweep::SweepArgs),
    /// Check a scenario, all mistakes at once, and run nothing
    Validate(validate::ValidateArgs),
    /// Print a commented scenario to start from
    Init(init::InitArgs),
    /// Print the JSON Schema of a scenario, for editors
    Schema(schema::SchemaArgs),
    /// Look into task traces, convert them, make new ones
    Trace(trace::TraceArgs),
    /// Look into the catalogue of instance types and prices
    Catalog(catalog::CatalogArgs),
    /// What one task of a definition costs, on Fargate and on EC2
    Price(price::PriceArgs),
    /// EC2 or Fargate: what a workload costs on each kind of capacity, over a range of load
    Breakeven(breakeven::BreakevenArgs),
    /// The cheapest settings that keep the limits of a scenario
    Plan(plan::PlanArgs),
    /// What each stage of a start, and each setting, buys of waits, drops and cost
    Sensitivity(sensitivity::SensitivityArgs),
    /// Of one long run: where its warm-up ends, how sure its means are
    Steady(steady::SteadyArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  ecsim completions bash > ecsim.bash")]
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// How a command failed. The text is for stderr.
#[derive(Debug)]
pub enum Failure {
    /// Bad usage or input, or the file system said no: exit code 2.
    Input(String),
    /// An `[[expect]]` failed: exit code 1.
    Expectation(String),
    /// An invariant broke: exit code 3.
    Invariant(String),
    /// Ctrl-C or SIGTERM: exit code 130.
    Interrupted(String),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Failure::Expectation(_) => 1,
            Failure::Input(_) => 2,
            Failure::Invariant(_) => 3,
            Failure::Interrupted(_) => 130,
        }
    }

    /// Says it on stderr; the exit code of the process.
    fn tell(&self) -> u8 {
        complain(self.text());
        self.exit_code()
    }

    fn text(&self) -> &str {
        match self {
            Failure::Input(text)
            | Failure::Expectation(text)
            | Failure::Invariant(text)
            | Failure::Interrupted(text) => text,
        }
    }
}

/// Parses the arguments of the process and does what they say.
#[must_use]
pub fn main() -> ExitCode {
    limits_are_errors();
    let verb = match Cli::try_parse() {
        Ok(cli) => cli.verb,
        // Help and version are no errors, and go to stdout.
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) => {
            complain(&error.render().to_string());
            return ExitCode::from(2);
        }
    };
    let done = match verb {
        Verb::Run(args) => run::run(&args),
        Verb::Compare(args) => compare::run(&args),
        Verb::Sweep(args) => sweep::run(&args),
        Verb::Steady(args) => steady::run(&args),
        Verb::Validate(args) => validate::run(&args, &mut std::io::stdout().lock()).map_err(input),
        Verb::Init(args) => init::run(&args, &mut std::io::stdout().lock()).map_err(input),
        Verb::Schema(args) => schema::run(&args, &mut std::io::stdout().lock())
            .map_err(|error| Failure::Input(format!("error: cannot write the schema: {error}"))),
        Verb::Trace(args) => {
            trace::run(&args, &mut std::io::stdout().lock(), &mut std::io::stderr())
        }
        Verb::Catalog(args) => catalog(&args),
        Verb::Price(args) => price(&args),
        Verb::Breakeven(args) => breakeven::run(&args),
        Verb::Plan(args) => plan::run(&args),
        Verb::Sensitivity(args) => sensitivity::run(&args),
        Verb::Completions { shell } => completions(shell),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(failure.tell()),
    }
}

/// From here on a file that grows beyond a limit (`ulimit -f`) is an error with words, and no longer the end of the
/// process: what a handler does not end, the failed call tells.
fn limits_are_errors() {
    #[cfg(unix)]
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default());
}

/// A verb's own failure is bad usage or input.
fn input(failure: impl std::fmt::Display) -> Failure {
    Failure::Input(failure.to_string())
}

/// Writes results to stdout. A reader that has gone is no error.
///
/// # Errors
/// stdout cannot take them, for instance because a disk is full.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Input(format!("error: cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a line to stderr; if even that fails there is nobody left to tell.
fn complain(text: &str) {
    // Names of files and values of the user reach many messages; none may steer the terminal.
    let _ = writeln!(std::io::stderr().lock(), "{}", visible(text.trim_end()));
}

fn catalog(args: &catalog::CatalogArgs) -> Result<(), Failure> {
    match catalog::run(args, &mut std::io::stdout().lock()) {
        Ok(warnings) => {
            warnings.iter().for_each(|warning| complain(warning));
            Ok(())
        }
        Err(failure) => Err(marked(failure.to_string())),
    }
}

fn price(args: &price::PriceArgs) -> Result<(), Failure> {
    let warnings = price::run(args, &mut std::io::stdout().lock()).map_err(marked)?;
    warnings.iter().for_each(|warning| complain(warning));
    Ok(())
}

/// A text for stderr that says that it is an error, as some do and some do not.
fn marked(text: String) -> Failure {
    let is_marked = text.lines().next().is_some_and(|line| line.contains("error: "));
    Failure::Input(if is_marked { text } else { format!("error: {text}") })
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ecsim", &mut script);
    print(&String::from_utf8_lossy(&script))
}
