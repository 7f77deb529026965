//! Runs every seed of a scenario on threads of its own, and hears Ctrl-C whatever they are busy with.
//!
//! A run looks at its [`Pulse`] every few thousand events, which may take long where events are heavy or a trace is being
//! sorted. So the main thread only waits: when it is asked to stop, it gives the runs a moment and then goes on without
//! those that have not ended. They can write to the output folder no more, and end with the process.

use super::Failure;
use super::output::{StreamedFiles, write_result};
use super::progress::Progress;
use super::run::RunArgs;
use crate::base::random::Seed;
use crate::engine::Pulse;
use crate::experiment;
use crate::report::charts::Format;
use crate::report::folder::FolderWriter;
use crate::scenario::Scenario;
use crate::sim::outputs::Sinks;
use crate::sim::{RunResult, Watch};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How long runs have to end by themselves when they are asked to.
const GRACE: Duration = Duration::from_millis(300);
/// How often the main thread looks whether it was asked to stop.
const LOOK: Duration = Duration::from_millis(50);

/// What the threads of a run share.
pub struct Job {
    pub args: RunArgs,
    pub scenario: Scenario,
    pub seed: Seed,
    pub format: Format,
    pub folder: FolderWriter,
    pub pulse: Arc<Pulse>,
}

/// The runs that have ended, in order of their seeds.
pub struct Ended {
    pub results: Vec<(Seed, RunResult)>,
    /// Seeds whose runs were interrupted.
    pub interrupted: Vec<Seed>,
}

/// Whether a run may have threads beside it.
fn has_second_core(threads: usize) -> bool {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    (if threads == 0 { cores() } else { threads }) > 1
}

impl Job {
    /// The folder of a seed; empty where there is one seed only.
    pub fn folder_of(&self, seed: Seed) -> String {
        if self.args.replications > 1 { format!("seed-{}", seed.0) } else { String::new() }
    }

    fn seeds(&self) -> impl Iterator<Item = Seed> + use<> {
        let first = self.seed.0;
        (0..u64::from(self.args.replications)).map(move |index| Seed(first.wrapping_add(index)))
    }

    fn is_interrupted(&self) -> bool {
        self.pulse.interrupt.load(Ordering::Relaxed)
    }

    /// Runs one seed and writes its files; nothing where it was interrupted.
    fn one(&self, seed: Seed) -> Result<Option<RunResult>, Failure> {
        if self.is_interrupted() {
            return Ok(None);
        }
        let folder = self.folder_of(seed);
        let prefix = if folder.is_empty() { folder } else { folder + "/" };
        let picture = self.format != Format::None;
        let (files, mut sinks) =
            StreamedFiles::open(&self.folder, &prefix, &self.scenario, picture)?;
        sinks.beside = self.args.replications == 1 && has_second_core(self.args.threads);
        let result = self.guarded(seed, sinks)?;
        if self.is_interrupted() {
            return Ok(None);
        }
        files.finish()?;
        write_result(&self.folder, &prefix, &self.scenario, &result, self.format)?;
        Ok(Some(result))
    }

    /// A run whose panics are broken invariants: the message says how to repeat it.
    fn guarded(&self, seed: Seed, sinks: Sinks) -> Result<RunResult, Failure> {
        let args = &self.args;
        let watch = Watch { pulse: &self.pulse, check_every_event: args.check };
        let run = || experiment::run_one(&self.scenario, seed, sinks, watch);
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(error)) => Err(Failure::Input(format!("error: {error}"))),
            Err(_) => {
                let mut replay = format!("ecsim run {} --seed {}", args.scenario.display(), seed.0);
                for (key, value) in &args.overrides {
                    let _ = write!(replay, " --set '{key}={value}'");
                }
                Err(Failure::Invariant(format!(
                    "error: an invariant of the simulator broke: this is a bug of ecsim, not of your \
                     scenario\n  = help: please report it with the scenario and this command: {replay} --check"
                )))
            }
        }
    }
}

/// Runs every seed and writes its files.
///
/// # Errors
/// That of the first seed that has one.
pub fn run_all(job: &Arc<Job>) -> Result<Ended, Failure> {
    let horizon = job.scenario.setup.horizon;
    let _progress = Progress::follow(Arc::clone(&job.pulse), horizon, job.args.quiet);
    let (report, reports) = mpsc::channel();
    let runner = {
        let job = Arc::clone(job);
        std::thread::spawn(move || {
            let args = &job.args;
            // After an interruption nobody listens any more.
            let one = |index: u32, seed: Seed| report.send((index, job.one(seed))).is_ok();
            experiment::replicate(job.seed, args.replications, args.threads, one)
        })
    };
    let mut ended = BTreeMap::new();
    let mut deadline = None;
    let all_ended = loop {
        match reports.recv_timeout(LOOK) {
            Ok((index, outcome)) => {
                ended.insert(index, outcome);
            }
            Err(RecvTimeoutError::Disconnected) => break true,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if job.is_interrupted() {
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + GRACE);
            if Instant::now() >= deadline {
                break false;
            }
        }
    };
    if all_ended {
        match runner.join() {
            Ok(done) => done.map(drop).map_err(|error| {
                Failure::Input(format!("error: cannot start the threads: {error}"))
            })?,
            Err(panic) => resume_unwind(panic),
        }
    }
    let mut all = Ended { results: Vec::new(), interrupted: Vec::new() };
    for (index, seed) in (0..).zip(job.seeds()) {
        match ended.remove(&index).unwrap_or(Ok(None))? {
            Some(result) => all.results.push((seed, result)),
            None => all.interrupted.push(seed),
        }
    }
    Ok(all)
}

/// A pulse that Ctrl-C and SIGTERM ask to stop.
pub fn interruptible() -> Arc<Pulse> {
    let pulse = Arc::new(Pulse::default());
    let raised = Arc::clone(&pulse);
    // Only the first handler of a process counts; a second `run` in one process keeps it.
    let _ = ctrlc::set_handler(move || raised.interrupt.store(true, Ordering::Relaxed));
    pulse
}
