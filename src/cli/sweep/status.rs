//! `ecsim sweep status DIR`: how far a sweep is.

use super::FormatArg;
use crate::cli::{Failure, print};
use crate::experiment::sweep::Plan;
use crate::report::manifest::{MANIFEST_FILE, SCHEMA};
use crate::report::sweep::{Progress, progress, read_plan};
use clap::Args;
use std::fmt::Write as _;
use std::path::PathBuf;

/// Arguments of `ecsim sweep status`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  ecsim sweep status output/sweep-fleet-size")]
pub struct StatusArgs {
    /// The folder of a sweep or of a shard
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = FormatArg::Human)]
    pub format: FormatArg,
}

/// Most cells that are named of a kind.
const MOST: usize = 20;

/// Does what `args` say.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &StatusArgs) -> Result<(), Failure> {
    let shown = args.folder.display();
    let plan = read_plan(&args.folder).map_err(|why| {
        Failure::Input(format!(
            "error: `{shown}` is not the folder of a sweep: {why}\n  = help: name the folder that `ecsim sweep` says it \
             wrote"
        ))
    })?;
    let progress = progress(&args.folder, &plan);
    let is_finished = args.folder.join(MANIFEST_FILE).is_file();
    print(&match args.format {
        FormatArg::Human => told(&plan, &progress, is_finished),
        FormatArg::Json => json(&plan, &progress, is_finished),
    })
}

fn told(plan: &Plan, progress: &Progress, is_finished: bool) -> String {
    let all = plan.cells().len();
    let mut out = format!(
        "{:<10}{}\n{:<10}{all}\n{:<10}{}\n",
        "sweep", plan.name, "cells", "done", progress.done
    );
    let _ = writeln!(out, "{:<10}{}", "failed", progress.failed.len());
    let damaged = progress.damaged.len();
    if damaged > 0 {
        let _ = writeln!(out, "{:<10}{damaged}", "damaged");
    }
    let _ = writeln!(out, "{:<10}{}", "missing", progress.missing.len());
    let tables = if is_finished { "written" } else { "not yet" };
    let _ = writeln!(out, "{:<10}{tables}", "tables");
    let lines = progress.failed.iter().map(|(cell, why)| (*cell, "failed", why.as_str()));
    let lines =
        lines.chain(progress.damaged.iter().map(|(cell, why)| (*cell, "damaged", why.as_str())));
    out.push_str(&named(plan, lines));
    out
}

/// A line a cell, of some of them.
pub(super) fn named<'a>(
    plan: &Plan,
    lines: impl Iterator<Item = (usize, &'a str, &'a str)>,
) -> String {
    let (cells, ids) = (plan.cells(), plan.ids());
    let (mut out, mut count) = (String::new(), 0);
    for (index, what, why) in lines {
        count += 1;
        if count > MOST {
            continue;
        }
        let (cell, id) = (cells[index], &ids[index]);
        let line = why.lines().next().unwrap_or_default();
        let colon = if line.is_empty() { "" } else { ": " };
        let named = plan.named(cell.settings);
        let _ = writeln!(out, "{what}: {named}, seed {} ({id}){colon}{line}", cell.seed.0);
    }
    if count > MOST {
        let _ = writeln!(out, "and {} more", count - MOST);
    }
    out
}

fn json(plan: &Plan, progress: &Progress, is_finished: bool) -> String {
    let (cells, ids) = (plan.cells(), plan.ids());
    let one = |index: usize, why: &str| {
        let cell = cells[index];
        serde_json::json!({
            "cell": ids[index], "settings": plan.named(cell.settings), "seed": cell.seed.0, "error": why,
        })
    };
    let of = |list: &[(usize, String)]| -> Vec<serde_json::Value> {
        list.iter().map(|(index, why)| one(*index, why)).collect()
    };
    let missing: Vec<serde_json::Value> =
        progress.missing.iter().map(|index| one(*index, "")).collect();
    let value = serde_json::json!({
        "schema": SCHEMA, "sweep": plan.name, "cells": cells.len(), "done": progress.done,
        "failed": of(&progress.failed), "damaged": of(&progress.damaged), "missing": missing,
        "finished": is_finished,
    });
    format!("{value:#}\n")
}
