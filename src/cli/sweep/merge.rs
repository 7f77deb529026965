//! `ecsim sweep merge DIR...`: one folder of the cells of several.

use super::run::default_out;
use super::{ShowArgs, finish, status};
use crate::cli::{Failure, complain};
use crate::experiment::sweep::Plan;
use crate::report::sweep::{Record, Status, SweepFolder, difference, read_cell, read_plan};
use clap::Args;
use std::path::PathBuf;

/// Arguments of `ecsim sweep merge`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    ecsim sweep merge shards/1 shards/2 shards/3 --out output/sweep-grid\n  \
    ecsim sweep merge output/sweep-grid\n\n\
    Every cell of the sweep must be there, done or failed, and made by one version from one scenario with the same traces.")]
pub struct MergeArgs {
    /// Folders of shards; one that all shards have written to is finished in place
    #[arg(value_name = "DIR", required = true)]
    pub folders: Vec<PathBuf>,
    /// Output folder [default: the folder itself, where there is one; else output/sweep-NAME]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Take over the folder of another sweep
    #[arg(long)]
    pub force: bool,
    /// No notes on stderr
    #[arg(long, short)]
    pub quiet: bool,
    #[command(flatten)]
    pub show: ShowArgs,
}

/// Does what `args` say.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &MergeArgs) -> Result<(), Failure> {
    let plan = one_plan(&args.folders)?;
    let ids = plan.ids();
    // All is looked at before anything is written; what is kept is where a cell is, not what it says.
    let (mut from, mut problems) = (Vec::new(), String::new());
    let mut missing = Vec::new();
    for (index, id) in ids.iter().enumerate() {
        let (found, damaged) = find(&args.folders, id);
        match found {
            Ok(Some(folder)) => from.push(folder),
            Ok(None) => missing.push((index, damaged)),
            Err(why) => problems.push_str(&why),
        }
    }
    if !problems.is_empty() || !missing.is_empty() {
        let lines = missing.iter().map(|(index, why)| (*index, "missing", why.as_str()));
        problems.push_str(&status::named(&plan, lines));
        if !missing.is_empty() {
            problems.push_str(&format!(
                "{} of {} cells are missing: run their shards again; finished cells are not run twice",
                missing.len(),
                ids.len()
            ));
        }
        return Err(Failure::Expectation(problems));
    }
    let out = match (&args.out, &args.folders[..]) {
        (Some(out), _) => out.clone(),
        (None, [one]) => one.clone(),
        (None, _) => default_out(&plan.name),
    };
    let (folder, notes) = SweepFolder::open(&out, &plan, args.force)?;
    notes.iter().for_each(|note| complain(&format!("note: {note}")));
    for (id, from) in ids.iter().zip(&from) {
        let from = &args.folders[*from];
        if *from != out {
            let why = |why: &str| {
                Failure::Input(format!("error: `{}`: the cell {id}: {why}", from.display()))
            };
            let record = read_cell(from, id).map_err(|text| why(&text))?;
            let record = record.ok_or_else(|| why("it is not there any more"))?;
            if read_cell(&out, id).ok().flatten().as_ref() != Some(&record) {
                folder.reopen()?;
                folder.keep(&record)?;
            }
        }
    }
    finish::finish(&folder, &plan, &args.show, args.quiet)
}

/// The plan that all folders have.
fn one_plan(folders: &[PathBuf]) -> Result<Plan, Failure> {
    let read = |folder: &PathBuf| {
        read_plan(folder).map_err(|why| {
            Failure::Input(format!(
                "error: `{}` is not the folder of a sweep: {why}\n  = help: name the folders that `ecsim sweep --shard \
                 I/N` says it wrote",
                folder.display()
            ))
        })
    };
    let first = read(&folders[0])?;
    let mut problems = String::new();
    let (program, catalog) = (env!("CARGO_PKG_VERSION"), crate::catalog::CATALOGUE_VERSION);
    if (first.ecsim_version.as_str(), first.catalog_version.as_str())
        != (program, &*catalog.to_string())
    {
        problems.push_str(&format!(
            "`{}` holds cells of ecsim {} (catalogue {}), and this is {program} (catalogue {catalog})\n",
            folders[0].display(),
            first.ecsim_version,
            first.catalog_version
        ));
    }
    for folder in &folders[1..] {
        let plan = read(folder)?;
        if plan.digest() != first.digest() {
            problems.push_str(&format!(
                "`{}` does not belong to `{}`: {}\n",
                folder.display(),
                folders[0].display(),
                difference(&plan, &first)
            ));
        }
    }
    if problems.is_empty() { Ok(first) } else { Err(Failure::Expectation(problems)) }
}

/// In which of the folders a cell is, those that are done before those that failed; and why a file of it cannot be used.
/// The error is a line: two folders that say different things of one cell.
fn find(folders: &[PathBuf], id: &str) -> (Result<Option<usize>, String>, String) {
    let (mut found, mut damaged): (Option<(usize, Record)>, _) = (None, String::new());
    for (number, folder) in folders.iter().enumerate() {
        let record = match read_cell(folder, id) {
            Ok(Some(record)) => record,
            Ok(None) => continue,
            Err(why) => {
                damaged = format!("in `{}` {why}", folder.display());
                continue;
            }
        };
        match &found {
            Some((_, other)) if other.status == Status::Done => {
                if record.status == Status::Done && record != *other {
                    let (one, two) =
                        (folders[found.map_or(0, |of| of.0)].display(), folder.display());
                    let text =
                        format!("`{one}` and `{two}` say different things of the cell {id}\n");
                    return (Err(text), damaged);
                }
            }
            Some(_) if record.status != Status::Done => {}
            _ => found = Some((number, record)),
        }
    }
    (Ok(found.map(|of| of.0)), damaged)
}
