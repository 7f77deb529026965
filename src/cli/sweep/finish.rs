//! Every cell is there: tables, charts, the manifest, the table on stdout.

use super::{FormatArg, ShowArgs};
use crate::cli::run::ChartsArg;
use crate::cli::{Failure, complain, print};
use crate::experiment::sweep::Plan;
use crate::report::charts::{self, Format};
use crate::report::manifest::Manifest;
use crate::report::summary::Style;
use crate::report::sweep::{self as tables, Status, SweepFolder};

/// Writes what the cells say together, and shows it.
///
/// # Errors
/// See [`Failure`]; cells that failed come last, so that no result is lost to one.
pub fn finish(
    folder: &SweepFolder,
    plan: &Plan,
    show: &ShowArgs,
    quiet: bool,
) -> Result<(), Failure> {
    let gathered = tables::gather(folder.path(), plan, &show.metrics, show.confidence)
        .map_err(|why| Failure::Input(format!("error: {why}")))?;
    let results = &gathered.results;
    let format = show.charts.map_or(Format::Svg, ChartsArg::format);
    #[cfg(feature = "parquet")]
    let parquet = show.parquet.then(|| tables::parquet::of_table(&gathered.table)).transpose();
    let mut files = vec![
        (tables::SWEEP_FILE.to_string(), gathered.table),
        (tables::MEANS_FILE.to_string(), tables::means_to_csv(plan, results)),
    ];
    #[cfg(feature = "parquet")]
    if let Some(bytes) =
        parquet.map_err(|why| Failure::Input(format!("error: {}: {why}", tables::PARQUET_FILE)))?
    {
        files.push((tables::PARQUET_FILE.to_string(), bytes));
    }
    files.extend(charts::render_sweep(plan, results, format));
    let outcome = if gathered.troubles.is_empty() { "completed" } else { "cells_failed" };
    let manifest = Manifest {
        scenario: plan.name.clone(),
        scenario_digest: plan.digest(),
        seed: plan.seeds.first().copied().unwrap_or_default(),
        catalog_version: plan.catalog_version.clone(),
        outcome: outcome.into(),
        event_digest: format!("{:016x}", gathered.event_digest),
        ..Manifest::default()
    };
    folder.finish(&plan.ids(), &files, manifest)?;
    print(&match show.format {
        FormatArg::Human => tables::to_text(plan, results, &gathered.troubles, Style::detect()),
        FormatArg::Json => tables::to_json(plan, results, &gathered.troubles),
    })?;
    if gathered.not_kept > 0 && !quiet {
        complain(&format!(
            "note: an [[expect]] of the scenario fails in {} cells: see the column `expectations_hold`",
            gathered.not_kept
        ));
    }
    if !quiet {
        complain(&format!("wrote {}", folder.path().display()));
    }
    let cells = plan.cells();
    let troubles = gathered.troubles.iter().map(|trouble| {
        let cell = cells[trouble.cell];
        let line = trouble.error.lines().next().unwrap_or_default();
        let named = plan.named(cell.settings);
        (trouble.status, format!("failed: {named}, seed {}: {line}", cell.seed.0))
    });
    verdict(&troubles.collect::<Vec<_>>())
}

/// Most cells that are named.
const MOST: usize = 20;

/// How a process ends some of whose cells failed, each with a line that says how.
///
/// # Errors
/// An invariant that broke, or an expectation: that cells can be run.
pub fn verdict(troubles: &[(Status, String)]) -> Result<(), Failure> {
    if troubles.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<&str> = troubles.iter().take(MOST).map(|(_, line)| line.as_str()).collect();
    let last =
        format!("{} cells failed; the same command tries them again, and no other", troubles.len());
    lines.push(&last);
    let text = lines.join("\n");
    match troubles.iter().any(|(status, _)| *status == Status::Broken) {
        true => Err(Failure::Invariant(text)),
        false => Err(Failure::Expectation(text)),
    }
}
