//! `ecsim steady`: of one long run, where its warm-up ends and how sure its means are.

use super::run::FormatArg;
use super::{Failure, print};
use crate::base::time::SimSpan;
use crate::experiment::compare::metrics;
use crate::experiment::statistics::Confidence;
use crate::report::series;
use crate::report::steady::{self, Line};
use crate::report::summary::Style;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `ecsim steady`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    ecsim steady output/web\n  \
    ecsim steady output/web --series 'tasks.*,total.running' --batch 24h\n\n\
    Traffic with a daily wave is steady from day to day only: --batch 24h, and 20 days or more.")]
pub struct SteadyArgs {
    /// Finished output folder of `run`, of one seed
    pub folder: PathBuf,
    /// Series by name, `*` for any text [default: waits of tasks, totals, and latency and CPU of services]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub series: Vec<String>,
    /// Length of a batch, such as 24h [default: what makes 20 to 30 batches]
    #[arg(long, value_name = "DURATION")]
    pub batch: Option<String>,
    /// How sure intervals are, per cent
    #[arg(long, value_name = "PERCENT", default_value = "95", value_parser = Confidence::parse)]
    pub confidence: Confidence,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = FormatArg::Human)]
    pub format: FormatArg,
}

/// What is shown where nothing is said.
const USUAL: [&str; 9] = [
    "tasks.*",
    "total.instances",
    "total.running",
    "total.waiting",
    "total.reserved_cpu",
    "total.usd_per_hour",
    "service.*.cpu_utilization_percent",
    "service.*.latency_mean_s",
    "service.*.latency_p95_s",
];

/// Does what `args` say.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &SteadyArgs) -> Result<(), Failure> {
    let input = |text: String| Failure::Input(format!("error: {text}"));
    let batch = args.batch.as_ref().map(|text| {
        let span =
            SimSpan::parse_with_unit(text).map_err(|why| input(format!("--batch: {why}")))?;
        if span.0 == 0 {
            return Err(input("--batch: a batch is longer than nothing".into()));
        }
        Ok(span.to_secs_f64())
    });
    let batch = batch.transpose()?;
    let all = series::read(&args.folder).map_err(input)?;
    let known: Vec<&str> = all.iter().map(|series| series.name.as_str()).collect();
    let usual: Vec<String> = USUAL.map(String::from).to_vec();
    let patterns = if args.series.is_empty() { &usual } else { &args.series };
    let is_wanted = |name: &str| patterns.iter().any(|pattern| metrics::matches(pattern, name));
    for pattern in &args.series {
        if !known.iter().any(|name| metrics::matches(pattern, name)) {
            return Err(input(format!("--series: {}", metrics::unknown_series(pattern, &known))));
        }
    }
    let chosen = all.iter().filter(|series| is_wanted(&series.name));
    let lines: Vec<Line> =
        chosen.filter_map(|series| steady::look(series, batch, args.confidence)).collect();
    print(&match args.format {
        FormatArg::Human => steady::to_text(&lines, args.confidence, Style::detect()),
        FormatArg::Json => steady::to_json(&lines, args.confidence),
    })
}
