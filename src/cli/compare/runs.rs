//! Runs every variant under every seed, on all cores; only what tables need is kept of a run.

use super::{CompareArgs, Named};
use crate::base::digest::Digest;
use crate::base::random::Seed;
use crate::cli::output::traces;
use crate::cli::precision::{self, Seen};
use crate::cli::progress::Progress;
use crate::cli::seeds::{gather, guarded, replay};
use crate::cli::{Failure, complain};
use crate::engine::Pulse;
use crate::experiment::{self, compare::Variant};
use crate::metrics::summary::Summary;
use crate::report::human;
use crate::report::manifest::TraceRows;
use crate::sim::outputs::Sinks;
use crate::sim::{RunResult, Watch};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What the threads of a comparison share.
pub struct Study {
    pub args: CompareArgs,
    pub named: Vec<Named>,
    pub seed: Seed,
    pub pulse: Arc<Pulse>,
}

/// A variant under all seeds.
pub struct Ran {
    pub variant: Variant,
    /// Digest of the events of each seed, in order.
    pub digests: Vec<u64>,
    /// Digest of what each seed met from outside, in order.
    pub inputs: Vec<u64>,
    /// What became of the rows that its first seed read.
    pub traces: BTreeMap<String, TraceRows>,
}

/// A run, or a pair of mirror images.
struct One {
    seed: u64,
    summary: Summary,
    /// With `--antithetic` that of the mirror image.
    mirrored: Option<Summary>,
    digest: u64,
    inputs: u64,
    traces: BTreeMap<String, TraceRows>,
}

impl Study {
    /// Runs a variant under seed number `of_seed`. Nothing where it was interrupted.
    fn one(&self, variant: usize, of_seed: u32) -> Result<Option<One>, Failure> {
        if self.is_interrupted() {
            return Ok(None);
        }
        let named = &self.named[variant];
        let seed = Seed(self.seed.0.wrapping_add(u64::from(of_seed)));
        let Some(result) = self.result(named, seed)? else { return Ok(None) };
        let traces = if of_seed == 0 { traces(&named.scenario, &result) } else { BTreeMap::new() };
        let (mut digest, mut inputs) = (result.digest, result.input_digest);
        let mut mirrored = None;
        if self.args.antithetic {
            let Some(image) = self.result(named, seed.mirrored())? else { return Ok(None) };
            digest = joined(digest, image.digest);
            inputs = joined(inputs, image.input_digest);
            mirrored = Some(image.summary);
        }
        Ok(Some(One { seed: seed.0, summary: result.summary, mirrored, digest, inputs, traces }))
    }

    fn result(&self, named: &Named, seed: Seed) -> Result<Option<RunResult>, Failure> {
        let watch = Watch { pulse: &self.pulse, check_every_event: self.args.check };
        let replay = || replay(&named.path, seed, &named.overrides);
        let result = guarded(&named.scenario, seed, Sinks::default(), watch, replay)
            .map_err(|failure| said_by(failure, &named.name))?;
        Ok((!self.is_interrupted()).then_some(result))
    }

    fn is_interrupted(&self) -> bool {
        self.pulse.interrupt.load(Ordering::Relaxed)
    }
}

/// One digest of two.
fn joined(one: u64, other: u64) -> u64 {
    let mut digest = Digest::default();
    digest.add(one);
    digest.add(other);
    digest.value()
}

/// A failure with the name of the variant that had it.
fn said_by(failure: Failure, name: &str) -> Failure {
    match failure {
        Failure::Input(text) => {
            Failure::Input(text.replacen("error: ", &format!("error: in `{name}`: "), 1))
        }
        other => other,
    }
}

/// Every variant under every seed, in order; `None` where it was interrupted.
///
/// # Errors
/// That of the first run that has one.
pub fn run_all(study: &Arc<Study>) -> Result<Option<Vec<Ran>>, Failure> {
    let horizon = study.named[0].scenario.setup.horizon;
    let _progress = Progress::follow(Arc::clone(&study.pulse), horizon, study.args.quiet);
    let (asked, most) = (&study.args.precision, study.args.most_seeds());
    let mut runs: Vec<Vec<One>> = study.named.iter().map(|_| Vec::new()).collect();
    let (mut done, mut wanted) = (0, precision::first(asked, most));
    let mut differences = Vec::new();
    while done < wanted {
        if !run_some(study, done..wanted, &mut runs)? {
            return Ok(None);
        }
        done = wanted;
        differences = differences_of(study, &runs);
        wanted = precision::wanted(asked, &differences, wanted).min(most);
    }
    if !study.args.quiet {
        let images = if study.args.antithetic { " and their mirror images" } else { "" };
        complain(&format!(
            "ran {} under {}{images}",
            human::counted(runs.len(), "variant"),
            human::counted(done, "seed")
        ));
        precision::told(asked, &differences).iter().for_each(|text| complain(text));
    }
    let named = study.named.iter().zip(runs);
    Ok(Some(named.map(|(named, runs)| together(&named.name, runs)).collect()))
}

/// Runs every variant under the seeds of these numbers; whether all have ended.
fn run_some(
    study: &Arc<Study>,
    numbers: Range<u32>,
    runs: &mut [Vec<One>],
) -> Result<bool, Failure> {
    let (from, of_each) = (numbers.start, numbers.end - numbers.start);
    let count = study.named.len() as u64 * u64::from(of_each);
    let count = u32::try_from(count)
        .map_err(|_| Failure::Input(format!("error: {count} runs are too many")))?;
    let shared = Arc::clone(study);
    let mut ended = gather(&study.pulse, move |report| {
        // After an interruption nobody listens any more. Seeds of the first variant come first.
        let one = |index: u32| {
            let ran = shared.one((index / of_each) as usize, from + index % of_each);
            report.send((index, ran)).is_ok()
        };
        experiment::each(count, shared.args.threads, one).map(drop)
    })?;
    for (variant, runs) in (0..).zip(runs) {
        for of_seed in 0..of_each {
            let index = variant * of_each + of_seed;
            let Some(one) = ended.remove(&index).unwrap_or(Ok(None))? else { return Ok(false) };
            runs.push(one);
        }
    }
    Ok(true)
}

/// The differences to the base whose precision is asked for.
fn differences_of(study: &Study, runs: &[Vec<One>]) -> Vec<Seen> {
    if study.args.precision.is_empty() {
        return Vec::new();
    }
    let variant = |(named, runs): (&Named, &Vec<One>)| variant(&named.name, runs);
    let variants: Vec<Variant> = study.named.iter().zip(runs).map(variant).collect();
    precision::of_differences(&study.args.precision, &variants, study.args.confidence)
}

fn variant(name: &str, runs: &[One]) -> Variant {
    let pairs = runs.iter().filter_map(|of| Some((of.seed, [&of.summary, of.mirrored.as_ref()?])));
    let pairs: Vec<(u64, [&Summary; 2])> = pairs.collect();
    if pairs.is_empty() {
        let runs = runs.iter().map(|one| (one.seed, &one.summary));
        return Variant::of(name, &runs.collect::<Vec<_>>());
    }
    Variant::of_pairs(name, &pairs)
}

/// Says whether all variants met the same arrivals and failures: then what differs comes of their settings alone.
pub fn tell_inputs(all: &[Ran]) {
    let Some((base, others)) = all.split_first() else { return };
    let mut is_same = true;
    for other in others {
        let pairs = base.inputs.iter().zip(&other.inputs);
        let differ = pairs.filter(|(base, other)| base != other).count();
        if differ > 0 {
            is_same = false;
            let (name, seeds) = (&other.variant.name, other.inputs.len());
            complain(&format!(
                "note: `{name}` met other arrivals or failures than the base under {differ} of {seeds} seeds: \
                 differences are of these, too"
            ));
        }
    }
    if is_same && !others.is_empty() {
        complain("arrivals and failures are the same for all variants under each seed");
    }
}

fn together(name: &str, mut runs: Vec<One>) -> Ran {
    let variant = variant(name, &runs);
    let digests = runs.iter().map(|one| one.digest).collect();
    let traces = runs.first_mut().map(|one| std::mem::take(&mut one.traces)).unwrap_or_default();
    let inputs = runs.iter().map(|one| one.inputs).collect();
    Ran { variant, digests, inputs, traces }
}
