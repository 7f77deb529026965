//! Runs the cells that are not there yet, and finishes the folder when all are.

use super::{GridArgs, arrays, finish};
use crate::base::random::Seed;
use crate::cli::progress::Runs;
use crate::cli::seeds::{gather, interruptible, replay};
use crate::cli::{Failure, complain, print};
use crate::engine::Pulse;
use crate::experiment::cells::{Cell, Outcome, Runner};
use crate::experiment::sweep::{self, Drawn, Seeds, Shard, Source, Sweep};
use crate::report::error::OutputError;
use crate::report::human;
use crate::report::sweep::{Record, Status, SweepFolder};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Most cells that are run without `--yes`.
const MOST_UNASKED: usize = 10_000;
/// Most cells at all.
const MOST: usize = 1_000_000;

/// Where the results of a sweep go unless told otherwise.
pub(super) fn default_out(name: &str) -> PathBuf {
    Path::new("output").join(format!("sweep-{name}"))
}

/// What the threads share.
struct Study {
    args: GridArgs,
    source: Source,
    drawn: Drawn,
    ids: Vec<String>,
    /// The cells to run, and the number of each in the plan.
    todo: (Vec<Cell>, Vec<usize>),
    folder: SweepFolder,
    pulse: Arc<Pulse>,
    ended: Arc<AtomicUsize>,
}

/// Does what `args` say.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &GridArgs) -> Result<(), Failure> {
    let shard = shard(args)?;
    let file = args.sweep.as_deref().unwrap_or(Path::new(""));
    let sweep = sweep::read(file).map_err(|problems| Failure::Input(problems.to_string()))?;
    let name = sweep.name.clone();
    refuse_many(args, &sweep)?;
    let source = Source::new(sweep, args.overrides.clone())
        .map_err(|problems| Failure::Input(problems.to_string()))?;
    let mut drawn = source.plan(args.seed.map(Seed), args.replications).map_err(Failure::Input)?;
    drawn.warnings.iter().for_each(|text| complain(&format!("warning: {text}")));
    if !args.quiet {
        drawn.notes.iter().for_each(|text| complain(&format!("note: {text}")));
    }
    let ids = drawn.plan.ids();
    let own = shard.of(&ids);
    let out = args.out.clone().unwrap_or_else(|| default_out(&name));
    if args.dry_run {
        return print(&describe(args, &drawn, shard, own.len(), &out));
    }
    // Before the folder: whoever is interrupted from here on also cleans up.
    let pulse = interruptible();
    let (folder, notes) = SweepFolder::open(&out, &drawn.plan, args.force)?;
    notes.iter().for_each(|note| complain(&format!("note: {note}")));
    let cells = drawn.plan.cells();
    let mut todo = (Vec::new(), Vec::new());
    for index in own.iter().copied() {
        let (found, note) = folder.cell(&ids[index])?;
        note.iter().for_each(|note| complain(&format!("note: {note}")));
        match found.filter(|record| record.status == Status::Done) {
            Some(record) => learn(&mut drawn, cells[index], &record),
            None => {
                todo.0.push(cells[index]);
                todo.1.push(index);
            }
        }
    }
    let (all, there) = (own.len(), own.len() - todo.0.len());
    if !todo.0.is_empty() {
        folder.reopen()?;
    }
    if there > 0 && !args.quiet {
        complain(&format!("{there} of {all} cells are there already"));
    }
    let ended = Arc::default();
    let (args, study) =
        (args, Study { args: args.clone(), source, drawn, ids, todo, folder, pulse, ended });
    let study = Arc::new(study);
    run_cells(&study, there)?;
    if shard.is_whole() {
        return finish::finish(&study.folder, &study.drawn.plan, &args.show, args.quiet);
    }
    if !args.quiet {
        let (shown, ran) = (out.display(), study.todo.0.len());
        complain(&format!(
            "shard {shard}: {all} of {} cells are done, {ran} of them now, in {shown}\n\
             when all shards are done: ecsim sweep merge DIR...",
            study.ids.len()
        ));
    }
    shard_verdict(&study, &own)
}

fn shard(args: &GridArgs) -> Result<Shard, Failure> {
    let wrong = |why: String| Failure::Input(format!("error: --shard: {why}"));
    match args.shard.as_deref() {
        None => Ok(Shard::WHOLE),
        Some("auto") => {
            let found = arrays::find(|name| std::env::var(name).ok()).map_err(wrong)?;
            if !args.quiet {
                complain(&format!("shard {}, as {} says", found.shard, found.engine));
            }
            Ok(found.shard)
        }
        Some(text) => Shard::parse(text).map_err(wrong),
    }
}

/// Refuses a grid that nobody can have meant, before its scenarios are read.
fn refuse_many(args: &GridArgs, sweep: &Sweep) -> Result<(), Failure> {
    let seeds = match (args.replications, &sweep.seeds) {
        (Some(count), _) => count as usize,
        (None, Seeds::Count(count)) => *count as usize,
        (None, Seeds::List(list)) => list.len(),
    };
    let settings = sweep.grid.len();
    let cells = settings.saturating_mul(seeds);
    let file = &sweep.origin.name;
    if cells > MOST {
        return Err(Failure::Input(format!(
            "error: {file}: {settings} settings under {seeds} seeds are {cells} cells: at most {MOST}"
        )));
    }
    if cells > MOST_UNASKED && !args.yes && !args.dry_run {
        return Err(Failure::Input(format!(
            "error: {file}: {settings} settings under {seeds} seeds are {cells} cells, more than {MOST_UNASKED}\n  = \
             help: --yes runs them all the same; --dry-run says what would run"
        )));
    }
    Ok(())
}

/// A cell that is there says how long others of its settings take.
fn learn(drawn: &mut Drawn, cell: Cell, record: &Record) {
    let events = record.value("events").and_then(|events| events.parse().ok());
    if let Some(load) = drawn.loads.get_mut(cell.settings) {
        load.measured = load.measured.or(events);
    }
}

fn describe(args: &GridArgs, drawn: &Drawn, shard: Shard, own: usize, out: &Path) -> String {
    let plan = &drawn.plan;
    let axes = plan.axes.iter().map(|axis| {
        let zipped = plan.axes.iter().any(|o| o.dimension == axis.dimension && o.name != axis.name);
        let zip = if zipped { ", zipped" } else { "" };
        let points = human::counted(axis.points.len(), "point");
        format!("{:<22}{points}{zip}: {}\n", axis.name, axis.points.join(", "))
    });
    let axes: String = axes.collect();
    let threads = match args.threads {
        0 => "one a core".to_string(),
        count => count.to_string(),
    };
    format!(
        "{:<22}{}\n{:<22}{}\n{axes}{:<22}{}\n{:<22}{}\n{:<22}{} of {}\n{:<22}{threads}\n{:<22}{}\n",
        "sweep",
        plan.name,
        "scenario",
        plan.scenario,
        "settings",
        plan.settings.len(),
        "seeds",
        plan.seeds.len(),
        "cells",
        if shard.is_whole() { plan.cells().len() } else { own },
        plan.cells().len(),
        "threads",
        "output folder",
        out.display()
    )
}

/// Runs what is to be run and keeps each cell.
fn run_cells(study: &Arc<Study>, there: usize) -> Result<(), Failure> {
    let count = study.todo.0.len();
    let _bar = Runs::follow(Arc::clone(&study.ended), count, study.args.quiet);
    let shared = Arc::clone(study);
    let kept = gather(&study.pulse, move |report| shared.run(&report))?;
    // In the order of the grid, so that the first failure is always the same one.
    for outcome in kept.into_values() {
        outcome?;
    }
    if study.pulse.interrupt.load(Ordering::Relaxed) {
        let done = there + study.ended.load(Ordering::Relaxed);
        return Err(Failure::Interrupted(format!(
            "interrupted: {done} of {} cells are done and kept; run the same command again to go on",
            there + count
        )));
    }
    Ok(())
}

type Report = std::sync::mpsc::Sender<(u32, Result<(), OutputError>)>;

impl Study {
    /// The command that runs a cell by itself.
    fn replay(&self, cell: Cell) -> String {
        let set = &self.drawn.plan.settings[cell.settings].set;
        replay(self.source.path(), cell.seed, set)
    }

    fn run(&self, report: &Report) -> Result<(), rayon::ThreadPoolBuildError> {
        let runner = Runner {
            threads: self.args.threads,
            pulse: &self.pulse,
            check_every_event: self.args.check,
        };
        let scenario = |cell: Cell| self.source.scenario(&self.drawn.plan, cell);
        let ended = |place: usize, outcome: Outcome| {
            let (index, cell) = (self.todo.1[place], self.todo.0[place]);
            let expects = self.drawn.expects(cell.settings);
            let mut record = Record::of(&self.ids[index], cell.seed.0, &outcome, expects);
            if record.status == Status::Broken {
                let replay = self.replay(cell);
                record.error = format!("{}; please report it with {replay} --check", record.error);
            }
            let kept = self.folder.keep(&record);
            if kept.is_err() {
                // What cannot be kept need not be run.
                self.pulse.interrupt.store(true, Ordering::Relaxed);
            } else {
                self.ended.fetch_add(1, Ordering::Relaxed);
            }
            // After an interruption nobody listens any more.
            let _ = report.send((u32::try_from(place).unwrap_or(u32::MAX), kept));
        };
        let (cells, loads) = (&self.todo.0, &self.drawn.loads);
        runner.run(cells, loads, scenario, ended).map(drop)
    }
}

/// What a shard says of its cells that failed.
fn shard_verdict(study: &Study, own: &[usize]) -> Result<(), Failure> {
    let mut troubles = Vec::new();
    let cells = study.drawn.plan.cells();
    for &index in own {
        if let (Some(record), _) = study.folder.cell(&study.ids[index])?
            && record.status != Status::Done
        {
            let named = study.drawn.plan.named(cells[index].settings);
            let line = record.error.lines().next().unwrap_or_default().to_string();
            troubles
                .push((record.status, format!("failed: {named}, seed {}: {line}", record.seed)));
        }
    }
    finish::verdict(&troubles)
}
