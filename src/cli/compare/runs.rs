//! Runs every variant under every seed, on all cores; only what tables need is kept of a run.

use super::{CompareArgs, Named};
use crate::base::random::Seed;
use crate::cli::output::traces;
use crate::cli::progress::Progress;
use crate::cli::seeds::{gather, guarded, replay};
use crate::cli::{Failure, complain};
use crate::engine::Pulse;
use crate::experiment::{self, compare::Variant};
use crate::metrics::summary::Summary;
use crate::report::manifest::TraceRows;
use crate::sim::Watch;
use crate::sim::outputs::Sinks;
use std::collections::BTreeMap;
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
    /// What became of the rows that its first seed read.
    pub traces: BTreeMap<String, TraceRows>,
}

/// A run.
struct One {
    seed: u64,
    summary: Summary,
    digest: u64,
    traces: BTreeMap<String, TraceRows>,
}

impl Study {
    /// Runs number `index`: seeds of the first variant come first. Nothing where it was interrupted.
    fn one(&self, index: u32) -> Result<Option<One>, Failure> {
        if self.is_interrupted() {
            return Ok(None);
        }
        let (variant, of_seed) = (index / self.args.replications, index % self.args.replications);
        let named = &self.named[variant as usize];
        let seed = Seed(self.seed.0.wrapping_add(u64::from(of_seed)));
        let watch = Watch { pulse: &self.pulse, check_every_event: self.args.check };
        let replay = || replay(&named.path, seed, &named.overrides);
        let result = guarded(&named.scenario, seed, Sinks::default(), watch, replay)
            .map_err(|failure| said_by(failure, &named.name))?;
        if self.is_interrupted() {
            return Ok(None);
        }
        let traces = if of_seed == 0 { traces(&named.scenario, &result) } else { BTreeMap::new() };
        Ok(Some(One { seed: seed.0, summary: result.summary, digest: result.digest, traces }))
    }

    fn is_interrupted(&self) -> bool {
        self.pulse.interrupt.load(Ordering::Relaxed)
    }
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
    let count = study.named.len() as u64 * u64::from(study.args.replications);
    let count = u32::try_from(count)
        .map_err(|_| Failure::Input(format!("error: {count} runs are too many")))?;
    let shared = Arc::clone(study);
    let mut ended = gather(&study.pulse, move |report| {
        // After an interruption nobody listens any more.
        let one = |index: u32| report.send((index, shared.one(index))).is_ok();
        experiment::each(count, shared.args.threads, one).map(drop)
    })?;
    let mut all = Vec::new();
    let mut index = 0;
    for named in &study.named {
        let mut runs = Vec::new();
        for _ in 0..study.args.replications {
            let Some(one) = ended.remove(&index).unwrap_or(Ok(None))? else { return Ok(None) };
            runs.push(one);
            index += 1;
        }
        all.push(together(&named.name, runs));
    }
    if !study.args.quiet {
        complain(&format!("ran {} variants under {} seeds", all.len(), study.args.replications));
    }
    Ok(Some(all))
}

fn together(name: &str, mut runs: Vec<One>) -> Ran {
    let summaries: Vec<(u64, &Summary)> = runs.iter().map(|one| (one.seed, &one.summary)).collect();
    let variant = Variant::of(name, &summaries);
    let digests = runs.iter().map(|one| one.digest).collect();
    let traces = runs.first_mut().map(|one| std::mem::take(&mut one.traces)).unwrap_or_default();
    Ran { variant, digests, traces }
}
