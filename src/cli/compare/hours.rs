//! `--series`: finished runs hour by hour beside what was measured, or beside a run.

use super::{CompareArgs, FormatArg};
use crate::cli::{Failure, complain, print};
use crate::experiment::compare::metrics;
use crate::report::calibration::{self as tables, Line};
use crate::report::folder::OutputFolder;
use crate::report::manifest::Manifest;
use crate::report::measured;
use crate::report::series::{self, Series};
use crate::report::summary::Style;
use std::path::Path;

/// Whether hours are compared: where series are named, or the base is a table of measurements.
pub fn are_asked_for(args: &CompareArgs) -> bool {
    !args.series.is_empty() || args.base.as_deref().is_some_and(Path::is_file)
}

/// Compares them.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &CompareArgs, base: &Path) -> Result<(), Failure> {
    let input = |text: String| Failure::Input(format!("error: {text}"));
    if !args.metrics.is_empty() || !args.limits.is_empty() {
        let text = "--metrics and --expect are about whole runs, --series and measurements about their hours";
        return Err(input(format!("{text}\n  = help: two commands")));
    }
    let folder = match &args.out {
        Some(out) => Some(OutputFolder::create(out, args.force)?),
        None => None,
    };
    let mut lines = Vec::new();
    for head in &args.heads {
        let simulated = series::read(head).map_err(input)?;
        let measured = if base.is_file() {
            measured::read(base, series::start_of(head))
                .map_err(|problems| Failure::Input(problems.to_string()))?
        } else {
            series::read(base).map_err(input)?
        };
        lines.extend(of_head(args, &head.display().to_string(), &measured, &simulated)?);
    }
    if let Some(folder) = folder {
        folder.write(tables::CALIBRATION.file, &tables::to_csv(&lines))?;
        let of = Manifest::read(&args.heads[0]).map_err(input)?;
        let manifest = Manifest {
            scenario: of.scenario,
            scenario_digest: of.scenario_digest,
            seed: of.seed,
            catalog_version: of.catalog_version,
            prices_as_of: of.prices_as_of,
            outcome: "completed".into(),
            ..Manifest::default()
        };
        folder.publish(manifest)?.notes.iter().for_each(|note| complain(&format!("note: {note}")));
    }
    print(&match args.format {
        FormatArg::Text => tables::to_text(&lines, Style::detect()),
        FormatArg::Markdown => tables::to_markdown(&lines),
        FormatArg::Json => tables::to_json(&lines),
    })
}

/// The lines of one run: of the series that are asked for, or of all that were measured.
fn of_head(
    args: &CompareArgs,
    run: &str,
    measured: &[Series],
    simulated: &[Series],
) -> Result<Vec<Line>, Failure> {
    let input = |text: String| Failure::Input(format!("error: {text}"));
    let of_run: Vec<&str> = simulated.iter().map(|series| series.name.as_str()).collect();
    let of_base: Vec<&str> = measured.iter().map(|series| series.name.as_str()).collect();
    for pattern in &args.series {
        if !of_base.iter().any(|name| metrics::matches(pattern, name)) {
            return Err(input(format!("--series: {}", metrics::unknown_series(pattern, &of_base))));
        }
    }
    let is_wanted = |name: &str| {
        args.series.is_empty() || args.series.iter().any(|pattern| metrics::matches(pattern, name))
    };
    let is_exact = |name: &str| args.series.iter().any(|pattern| pattern == name);
    let mut lines = Vec::new();
    for base in measured.iter().filter(|series| is_wanted(&series.name)) {
        match simulated.iter().find(|series| series.name == base.name) {
            Some(other) => lines.push(tables::line(run, base, other)),
            // What a table of measurements has is meant; of a run's many series some may have no partner.
            None if args.series.is_empty() || is_exact(&base.name) => {
                let why = metrics::unknown_series(&base.name, &of_run);
                return Err(input(format!("in `{run}` {why}")));
            }
            None => {}
        }
    }
    if let Some(apart) = lines.iter().find(|line| line.errors.is_none()) {
        return Err(input(format!(
            "`{}` of the base and of `{run}` have no hour in common\n  = help: instants are seconds since the run's \
             beginning, or of its calendar in a column `utc`",
            apart.series
        )));
    }
    if lines.is_empty() {
        return Err(input(format!("the base and `{run}` have no series in common")));
    }
    Ok(lines)
}
