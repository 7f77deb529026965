//! "EC2 or Fargate?" for a workload: the same scenario on each kind of capacity, over a range of load.
//!
//! How full instances are is no input here: it is simulated, with all that managed scaling, boot times and scale-in do to
//! it. Kinds of capacity differ in how long tasks wait, too. So there are two answers: which is cheapest, and which is
//! cheapest where tasks start as soon and as surely as on Fargate; fleets may keep spare room for it (`targetCapacity`).

mod claims;
mod daemons;
mod day;
mod estimate;
mod map;
mod mix;
mod pairs;
mod purchase;
mod variant;
mod verdict;

pub use claims::Claim;
pub use estimate::estimate;
pub use map::{Day, Field, field};
pub use mix::{MOST_DIVIDED, Mix, divisions};
pub use pairs::{Bought, Pair, pairs};
pub use purchase::Purchase;
pub use variant::{Kind, Original, Placement, Variant};
pub use verdict::{Crossing, Interval, cheapest, crossings, level_percent};

use super::run_with;
use crate::base::random::Seed;
use crate::engine::Pulse;
use crate::metrics::summary::Summary;
use crate::scenario::load_text;
use crate::sim::Watch;
use crate::sim::outputs::Sinks;
use rayon::prelude::*;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// By how many percentage points more requests may be dropped, or tasks refused, than on Fargate.
const SLACK_PERCENT: f64 = 0.1;

/// What a task takes to start on Fargate at the least, seconds: the limit where next to nothing starts during the run.
const USUAL_START_S: f64 = 30.0;
/// Name of a rewritten scenario in messages.
const REWRITTEN: &str = "the rewritten scenario";

/// What is asked.
#[derive(Clone, PartialEq, Debug)]
pub struct Question {
    /// Kinds of capacity, in the order of the answer.
    pub kinds: Vec<Kind>,
    /// Instance types of EC2.
    pub instance_types: Vec<String>,
    /// Factors on the load, ascending.
    pub loads: Vec<f64>,
    /// `targetCapacity` of groups, percent, descending: the fuller first.
    pub target_capacities: Vec<u32>,
    /// How tasks are placed on instances.
    pub placements: Vec<Placement>,
    /// Seeds of each run.
    pub seeds: Vec<Seed>,
    /// Term of the Savings Plan that is asked for, `1y` or `3y`.
    pub term: String,
    /// Base and weights of mixtures.
    pub mixes: Vec<Mix>,
    /// Services and callers on EC2 where a cluster is split; each is tried.
    pub divisions: Vec<Vec<String>>,
    /// Commitments whose best amounts are looked for, each by itself.
    pub purchases: Vec<Purchase>,
    /// Seconds that 95 % of tasks may take to RUNNING; `None`: as on Fargate at the same load, and at least 30 s.
    pub most_start_s: Option<f64>,
}

/// What one run said.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Said {
    /// The bill, dollars.
    pub usd: f64,
    /// The bill with the best Savings Plan, dollars.
    pub usd_with_plan: f64,
    /// The bill with the best commitment of each kind that the question has, dollars.
    pub usd_bought: Vec<f64>,
    /// The bill by hour of RUNNING tasks, dollars.
    pub usd_per_task_hour: f64,
    /// 95th percentile of the time from acceptance to RUNNING, seconds.
    pub start_p95_s: f64,
    /// Requests dropped, percent.
    pub dropped_percent: f64,
    /// Tasks given up, or still not placed at the end, percent of those wanted.
    pub refused_percent: f64,
    /// What of instances was promised to tasks, by money, percent; of Fargate 100.
    pub packed_percent: f64,
    /// CPU of Fargate sizes beyond what tasks asked for, percent.
    pub ladder_cpu_percent: f64,
    /// Memory of Fargate sizes beyond what tasks asked for, percent.
    pub ladder_memory_percent: f64,
    /// What the least billed time of Fargate tasks added, dollars.
    pub minimum_usd: f64,
}

/// A variant at a load: what each seed said, or why it cannot be.
#[derive(Clone, PartialEq, Debug)]
pub struct Cell {
    /// Factor on the load.
    pub load: f64,
    /// What it runs on.
    pub variant: Variant,
    /// By seed; or why there is nothing.
    pub said: Result<Vec<Said>, String>,
    /// Whether tasks start as soon and as surely as on Fargate, or as the limit says; or what they fail in.
    pub quick: Quick,
}

/// How a variant serves, beside Fargate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quick {
    /// As well.
    AsQuick,
    /// Tasks start later.
    Later,
    /// More requests are dropped.
    DropsMore,
    /// More tasks are given up.
    RefusesMore,
}

impl Cell {
    /// Whether it serves as well as Fargate.
    #[must_use]
    pub fn is_as_quick(&self) -> bool {
        self.quick == Quick::AsQuick
    }

    /// The mean over the seeds; nothing where it could not run.
    #[must_use]
    pub fn mean(&self, of: impl Fn(&Said) -> f64) -> Option<f64> {
        let said = self.said.as_ref().ok().filter(|said| !said.is_empty())?;
        Some(said.iter().map(of).sum::<f64>() / said.len() as f64)
    }
}

/// Runs everything that `question` asks of `original` on the threads of the pool that it is called in. `base` is the folder
/// of the scenario's paths; `done` counts runs that have ended. Nothing where `pulse` was interrupted.
#[must_use]
pub fn answer(
    original: &Original,
    question: &Question,
    base: &Path,
    (pulse, done): (&Pulse, &AtomicUsize),
) -> Option<Vec<Cell>> {
    let cells = cells(question);
    let work: Vec<(usize, Seed)> = (0..cells.len())
        .flat_map(|cell| question.seeds.iter().map(move |seed| (cell, *seed)))
        .collect();
    let said: Vec<Result<Said, String>> = work
        .par_iter()
        .map(|&(index, seed)| {
            let (load, variant) = &cells[index];
            let said = one(original, (variant, *load, question), base, seed, pulse);
            done.fetch_add(1, Ordering::Relaxed);
            said
        })
        .collect();
    if pulse.interrupt.load(Ordering::Relaxed) {
        return None;
    }
    let seeds = question.seeds.len();
    let mut cells: Vec<Cell> = cells
        .into_iter()
        .zip(said.chunks(seeds))
        .map(|((load, variant), said)| {
            let said = said.iter().cloned().collect();
            Cell { load, variant, said, quick: Quick::Later }
        })
        .collect();
    judge(&mut cells, question);
    Some(cells)
}

/// How many runs a question takes.
#[must_use]
pub fn runs(question: &Question) -> usize {
    cells(question).len() * question.seeds.len()
}

/// Why the workload can run on nothing that `question` asks of; nothing where it can somewhere.
#[must_use]
pub fn why_nowhere(original: &Original, question: &Question, base: &Path) -> Option<String> {
    let mut why = None;
    for (load, variant) in cells(question) {
        let loaded = original.rewritten(&variant, load, &question.term).and_then(|text| {
            let loaded = load_text(&text, REWRITTEN, base, &[]);
            loaded.map_err(|found| first_of(&found.to_string()))
        });
        match loaded {
            Ok(_) => return None,
            Err(found) => why = why.or(Some(found)),
        }
    }
    why
}

/// Every load on every kind of capacity; groups with every type, target and placement.
fn cells(question: &Question) -> Vec<(f64, Variant)> {
    let mut cells = Vec::new();
    for &load in &question.loads {
        for &kind in &question.kinds {
            cells.extend(variants(question, kind).into_iter().map(|variant| (load, variant)));
        }
    }
    cells
}

fn variants(question: &Question, kind: Kind) -> Vec<Variant> {
    let of = |instance_types, target_capacity, placement| Variant {
        kind,
        instance_types,
        target_capacity,
        placement,
        mix: None,
        on_ec2: Vec::new(),
    };
    let placements = question.placements.iter().copied();
    let mixed = |all: Vec<Variant>| -> Vec<Variant> {
        let with = |one: Variant| {
            let mixes = question.mixes.iter();
            mixes.map(move |&mix| Variant { mix: Some(mix), ..one.clone() })
        };
        all.into_iter().flat_map(with).collect()
    };
    match kind {
        Kind::Given | Kind::Fargate | Kind::FargateSpot => {
            vec![of(Vec::new(), None, Placement::Own)]
        }
        Kind::FargateMixed => mixed(vec![of(Vec::new(), None, Placement::Own)]),
        Kind::Ec2Mixed => {
            let all = variants(question, Kind::Ec2).into_iter();
            mixed(all.map(|one| Variant { kind, ..one }).collect())
        }
        Kind::Split => {
            let with = |one: Variant| {
                let divisions = question.divisions.iter();
                divisions.map(move |on_ec2| Variant { kind, on_ec2: on_ec2.clone(), ..one.clone() })
            };
            variants(question, Kind::Ec2).into_iter().flat_map(with).collect()
        }
        Kind::ManagedInstances => vec![of(question.instance_types.clone(), None, Placement::Own)],
        Kind::Ec2 | Kind::Ec2Spot => {
            let mut all = Vec::new();
            for name in &question.instance_types {
                for &target in &question.target_capacities {
                    let one = |how| of(vec![name.clone()], Some(target), how);
                    all.extend(placements.clone().map(one));
                }
            }
            all
        }
    }
}

fn one(
    original: &Original,
    (variant, load, question): (&Variant, f64, &Question),
    base: &Path,
    seed: Seed,
    pulse: &Pulse,
) -> Result<Said, String> {
    if pulse.interrupt.load(Ordering::Relaxed) {
        return Err("interrupted".into());
    }
    let text = original.rewritten(variant, load, &question.term)?;
    let scenario =
        load_text(&text, REWRITTEN, base, &[]).map_err(|found| first_of(&found.to_string()))?;
    let watch = Watch { pulse, check_every_event: false };
    let result = run_with(&scenario, seed, Sinks::default(), watch, |inputs| {
        if let Some(active) = original.active() {
            day::silence(inputs, active);
        }
    });
    let result = result.map_err(|error| first_of(&error.to_string()))?;
    let mut said = said(&result.summary);
    let saves = |purchase: &Purchase| {
        let saved = result.settlement.as_ref().map(|settled| purchase.saves(&settled.rest));
        said.usd - saved.map_or(0.0, |saved| saved.to_f64())
    };
    said.usd_bought = question.purchases.iter().map(saves).collect();
    Ok(said)
}

/// The first line of a text, without the place in a text that nobody sees.
fn first_of(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let place = line.strip_prefix(REWRITTEN).and_then(|rest| rest.split_once(": "));
    place.map_or(line, |(_, message)| message).to_string()
}

fn said(summary: &Summary) -> Said {
    let value = |name: &str| summary.get(name).and_then(crate::metrics::summary::Value::as_f64);
    let number = |name: &str| value(name).unwrap_or(0.0);
    let usd = number("total_usd");
    let refused = number("tasks_refused") + number("tasks_waiting_at_end");
    let wanted = number("tasks_submitted");
    Said {
        usd,
        usd_with_plan: usd - number("best_savings_plan_saved_usd"),
        usd_bought: Vec::new(),
        usd_per_task_hour: number("usd_per_task_hour"),
        start_p95_s: number("start_s_p95"),
        dropped_percent: number("requests_dropped_percent"),
        refused_percent: if wanted > 0.0 { 100.0 * refused / wanted } else { 0.0 },
        packed_percent: 100.0 - number("usd_idle_percent"),
        ladder_cpu_percent: number("fargate_rounding_cpu_percent"),
        ladder_memory_percent: number("fargate_rounding_memory_percent"),
        minimum_usd: number("fargate_minimum_usd"),
    }
}

/// Marks the cells where tasks start as soon, and where no more is dropped or refused, than on Fargate at the same load.
fn judge(cells: &mut [Cell], question: &Question) {
    for &load in &question.loads {
        let fargate = cells.iter().find(|c| c.load == load && c.variant.kind == Kind::Fargate);
        let of_fargate =
            |of: fn(&Said) -> f64| fargate.and_then(|cell| cell.mean(of)).unwrap_or(f64::INFINITY);
        let start = question
            .most_start_s
            .unwrap_or_else(|| of_fargate(|said| said.start_p95_s).max(USUAL_START_S));
        let dropped = of_fargate(|said| said.dropped_percent) + SLACK_PERCENT;
        let refused = fargate.and_then(|cell| cell.mean(|said| said.refused_percent));
        let refused = refused.unwrap_or(0.0) + SLACK_PERCENT;
        for cell in cells.iter_mut().filter(|cell| cell.load == load) {
            let is_below = |of: fn(&Said) -> f64, limit: f64| {
                cell.mean(of).is_some_and(|mean| mean <= limit + 1e-9)
            };
            cell.quick = if !is_below(|said| said.refused_percent, refused) {
                Quick::RefusesMore
            } else if !is_below(|said| said.start_p95_s, start) {
                Quick::Later
            } else if !is_below(|said| said.dropped_percent, dropped) {
                Quick::DropsMore
            } else {
                Quick::AsQuick
            };
        }
    }
}
