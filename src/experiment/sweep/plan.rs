//! A plan: every cell of a sweep with what it sets and what it is called. It is all that shards and merges agree on.

use super::file::{Seeds, Sweep};
use crate::base::random::Seed;
use crate::catalog::CATALOGUE_VERSION;
use crate::experiment::cells::{Cell, FileDigests, Load, cell_id, foreseen};
use crate::scenario::diagnostic::Diagnostics;
use crate::scenario::template::{Template, to_toml};
use crate::scenario::{Expect, Scenario};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Most mistakes that are shown.
const MOST_SHOWN: usize = 100;

/// An axis as tables and charts need it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlannedAxis {
    /// Its name.
    pub name: String,
    /// Number of its dimension: axes that are walked together have one.
    pub dimension: usize,
    /// What its points are called, in order.
    pub points: Vec<String>,
}

/// Settings of the grid.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Planned {
    /// Number of the point on each axis.
    pub points: Vec<usize>,
    /// What is set, as `--set` takes it, in order.
    pub set: Vec<(String, String)>,
    /// What the results follow from but the seed; see [`FileDigests::identity`].
    pub identity: String,
}

/// A plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Version of the program.
    pub ecsim_version: String,
    /// Version of the catalogue.
    pub catalog_version: String,
    /// Name of the sweep.
    pub name: String,
    /// The scenario's file as the sweep names it.
    pub scenario: String,
    /// Metrics for the screen and the charts; empty: the usual ones.
    pub metrics: Vec<String>,
    /// Axes, in the order of the file.
    pub axes: Vec<PlannedAxis>,
    /// Seeds of every settings, in order.
    pub seeds: Vec<u64>,
    /// Settings, in the order of the grid.
    pub settings: Vec<Planned>,
}

/// Where the cells' scenarios come from.
pub struct Source {
    sweep: Sweep,
    template: Template,
    overrides: Vec<(String, String)>,
    digests: FileDigests,
}

impl Source {
    /// The scenario of `sweep`, with the `--set`s of the command line put in last.
    ///
    /// # Errors
    /// The scenario cannot be read, or is neither TOML nor JSON.
    pub fn new(sweep: Sweep, overrides: Vec<(String, String)>) -> Result<Source, Diagnostics> {
        let (path, place) = &sweep.scenario;
        if path.symlink_metadata().is_err() {
            let mut problems = Diagnostics::new();
            problems.add_source(&sweep.origin.name, &sweep.origin.text);
            let message = format!("there is no file `{}`", path.display());
            problems.error_with_help(*place, message, "its path begins at the folder of this file");
            return Err(problems);
        }
        let template = Template::read(path)?;
        Ok(Source { sweep, template, overrides, digests: FileDigests::default() })
    }

    /// The scenario's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.sweep.scenario.0
    }

    /// The scenario of the settings with this number.
    fn variant(&self, number: usize) -> Result<Scenario, Diagnostics> {
        let mut settings = self.sweep.settings.clone();
        settings.extend(self.sweep.grid.settings(number));
        self.template.with(&self.sweep.origin, &settings, &self.overrides)
    }

    /// The scenario of a cell, which must still be what `plan` says.
    ///
    /// # Errors
    /// It is another one by now; a trace that cannot be read.
    pub fn scenario(&self, plan: &Plan, cell: Cell) -> Result<Scenario, String> {
        let scenario = self.variant(cell.settings).map_err(|problems| problems.to_string())?;
        let identity = self.digests.identity(&scenario).map_err(|problem| problem.to_string())?;
        if identity != plan.settings[cell.settings].identity {
            return Err("a file that the scenario names was changed after the sweep began".into());
        }
        Ok(scenario)
    }

    /// The plan, with how much work each settings may be and what the scenarios have to say, each thing once. Every
    /// scenario is read; `seeds` are in place of the file's where they are given, `first` in place of the scenario's own.
    ///
    /// # Errors
    /// All that is wrong with any of the scenarios, each thing once; settings that are the same scenario.
    pub fn plan(&self, first: Option<Seed>, seeds: Option<u32>) -> Result<Drawn, String> {
        let grid = &self.sweep.grid;
        let read: Vec<Result<Read, Vec<String>>> =
            (0..grid.len()).into_par_iter().map(|number| self.read(number)).collect();
        let mut wrong: Vec<String> = Vec::new();
        let mut all = Vec::new();
        for one in read {
            match one {
                Ok(read) => all.push(read),
                // A mistake of the scenario itself is in every cell.
                Err(texts) => texts.into_iter().for_each(|text| {
                    if wrong.len() <= MOST_SHOWN && !wrong.contains(&text) {
                        wrong.push(text);
                    }
                }),
            }
        }
        if wrong.len() > MOST_SHOWN {
            wrong[MOST_SHOWN] = "and more errors".into();
        }
        if !wrong.is_empty() {
            return Err(wrong.join("\n\n"));
        }
        self.refuse_twins(&all)?;
        let own = all.first().map_or(Seed(0), |read| read.seed);
        let count_from = |first: Seed, count: u32| {
            (0..u64::from(count)).map(|index| first.0.wrapping_add(index)).collect()
        };
        let seeds: Vec<u64> = match (&self.sweep.seeds, seeds) {
            (_, Some(count)) => count_from(first.unwrap_or(own), count),
            (Seeds::Count(count), None) => count_from(first.unwrap_or(own), *count),
            (Seeds::List(list), None) => list.clone(),
        };
        let mut drawn = Drawn {
            loads: Vec::new(),
            expects: Vec::new(),
            notes: Vec::new(),
            warnings: Vec::new(),
            plan: self.empty(seeds),
        };
        for (number, read) in all.into_iter().enumerate() {
            drawn.expects.push(read.expects);
            drawn.loads.push(Load { foreseen: read.foreseen, measured: None });
            add_new(&mut drawn.notes, read.notes);
            add_new(&mut drawn.warnings, read.warnings);
            drawn.plan.settings.push(self.planned(number, read.identity));
        }
        Ok(drawn)
    }

    /// The plan without its settings.
    fn empty(&self, seeds: Vec<u64>) -> Plan {
        let grid = &self.sweep.grid;
        let dimension_of = |axis: usize| grid.dimensions().iter().position(|of| of.contains(&axis));
        let axes = grid.axes().iter().enumerate().map(|(number, axis)| PlannedAxis {
            name: axis.name.clone(),
            dimension: dimension_of(number).unwrap_or(number),
            points: axis.points.iter().map(|point| point.label.clone()).collect(),
        });
        let path = &self.sweep.scenario.0;
        Plan {
            ecsim_version: env!("CARGO_PKG_VERSION").into(),
            catalog_version: CATALOGUE_VERSION.to_string(),
            name: self.sweep.name.clone(),
            scenario: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            metrics: self.sweep.metrics.clone(),
            axes: axes.collect(),
            seeds,
            settings: Vec::new(),
        }
    }

    fn planned(&self, number: usize, identity: String) -> Planned {
        let grid = &self.sweep.grid;
        let points = grid.axes().iter().zip(grid.points(number)).map(|(axis, point)| {
            axis.points.iter().position(|of| of.label == point.label).unwrap_or_default()
        });
        let of_axes = grid.settings(number);
        let set = self.sweep.settings.iter().chain(&of_axes);
        let set = set.map(|one| (one.key.clone(), to_toml(&one.value)));
        let set = set.chain(self.overrides.iter().cloned()).collect();
        Planned { points: points.collect(), set, identity }
    }

    fn read(&self, number: usize) -> Result<Read, Vec<String>> {
        let scenario =
            self.variant(number).map_err(|problems| problems.rendered().collect::<Vec<_>>())?;
        let identity = self.digests.identity(&scenario);
        let identity = identity.map_err(|problem| vec![format!("error: {problem}")])?;
        Ok(Read {
            identity,
            seed: scenario.setup.seed,
            foreseen: foreseen(&scenario),
            expects: scenario.expects,
            notes: scenario.notes,
            warnings: scenario.warnings,
        })
    }

    /// Two settings that are one scenario would be run twice and told apart for nothing.
    fn refuse_twins(&self, all: &[Read]) -> Result<(), String> {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for (number, read) in all.iter().enumerate() {
            if let Some(other) = seen.insert(&read.identity, number) {
                let (one, two) = (self.named(other), self.named(number));
                let file = &self.sweep.origin.name;
                return Err(format!(
                    "error: {file}: `{one}` and `{two}` are the same scenario\n  = help: an axis whose values mean the \
                     same, or a --set that hides an axis"
                ));
            }
        }
        Ok(())
    }

    /// What the settings with this number are called: the point of the one axis there is, else all axes with theirs.
    #[must_use]
    pub fn called(&self, number: usize) -> String {
        match (self.sweep.grid.axes(), self.sweep.grid.points(number).as_slice()) {
            ([_], [point]) => point.label.clone(),
            _ => self.named(number),
        }
    }

    fn named(&self, number: usize) -> String {
        let grid = &self.sweep.grid;
        let axes = grid.axes().iter().zip(grid.points(number));
        let names: Vec<String> =
            axes.map(|(axis, point)| format!("{}={}", axis.name, point.label)).collect();
        names.join(", ")
    }
}

fn add_new(all: &mut Vec<String>, texts: Vec<String>) {
    for text in texts {
        if !all.contains(&text) {
            all.push(text);
        }
    }
}

/// What is kept of a scenario that was read for the plan.
struct Read {
    identity: String,
    seed: Seed,
    foreseen: u64,
    expects: Vec<Expect>,
    notes: Vec<String>,
    warnings: Vec<String>,
}

/// A plan, drawn up.
pub struct Drawn {
    /// The plan.
    pub plan: Plan,
    /// How much work each settings may be.
    pub loads: Vec<Load>,
    /// Limits of each settings.
    expects: Vec<Vec<Expect>>,
    /// What files say that is not simulated.
    pub notes: Vec<String>,
    /// What hardly anybody wants.
    pub warnings: Vec<String>,
}

impl Drawn {
    /// The limits on metrics of the settings with this number.
    #[must_use]
    pub fn expects(&self, settings: usize) -> &[Expect] {
        self.expects.get(settings).map_or(&[], Vec::as_slice)
    }
}

impl Plan {
    /// Every cell: the seeds of the first settings, then those of the next.
    #[must_use]
    pub fn cells(&self) -> Vec<Cell> {
        let seeds = || self.seeds.iter().map(|seed| Seed(*seed));
        let of = |settings| seeds().map(move |seed| Cell { settings, seed });
        (0..self.settings.len()).flat_map(of).collect()
    }

    /// What each of [`Plan::cells`] is called.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        let of = |cell: &Cell| cell_id(&self.settings[cell.settings].identity, cell.seed);
        self.cells().iter().map(of).collect()
    }

    /// Digest of what decides the results: two plans with one digest have the same cells in the same order.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut text = format!("{}\n{}\n", self.ecsim_version, self.catalog_version);
        for axis in &self.axes {
            let _ = writeln!(text, "{:?} {} {:?}", axis.name, axis.dimension, axis.points);
        }
        let _ = writeln!(text, "{:?}", self.seeds);
        for settings in &self.settings {
            let _ = writeln!(text, "{:?} {}", settings.points, settings.identity);
        }
        Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
    }

    /// What the point of each axis is called in these settings.
    #[must_use]
    pub fn labels(&self, settings: usize) -> Vec<&str> {
        let points = self.axes.iter().zip(&self.settings[settings].points);
        points.map(|(axis, point)| axis.points.get(*point).map_or("", String::as_str)).collect()
    }

    /// Settings for people: `size=4, strategy=binpack`.
    #[must_use]
    pub fn named(&self, settings: usize) -> String {
        let pairs = self.axes.iter().zip(self.labels(settings));
        let pairs: Vec<String> =
            pairs.map(|(axis, label)| format!("{}={label}", axis.name)).collect();
        pairs.join(", ")
    }

    /// Whether its numbers fit together: a plan may come from a file.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let fits = |of: &Planned| {
            of.points.len() == self.axes.len()
                && of.points.iter().zip(&self.axes).all(|(point, axis)| *point < axis.points.len())
        };
        !self.seeds.is_empty() && !self.settings.is_empty() && self.settings.iter().all(fits)
    }
}
