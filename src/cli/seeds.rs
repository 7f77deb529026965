//! Runs every seed of a scenario on threads of its own, and hears Ctrl-C whatever they are busy with.
//!
//! A run looks at its [`Pulse`] every few thousand events, which may take long where events are heavy or a trace is being
//! sorted. So the main thread only waits: when it is asked to stop, it gives the runs a moment and then goes on without
//! those that have not ended. They can write to the output folder no more, and end with the process.

use super::Failure;
use super::output::{StreamedFiles, write_result};
use super::precision;
use super::progress::Progress;
use super::run::RunArgs;
use crate::base::random::Seed;
use crate::engine::Pulse;
use crate::experiment;
use crate::metrics::summary::Summary;
use crate::report::charts::Format;
use crate::report::folder::FolderWriter;
use crate::scenario::Scenario;
use crate::sim::outputs::Sinks;
use crate::sim::{RunResult, Watch};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
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
    /// How many were to be run.
    pub seeds: u32,
}

/// Whether a run may have threads beside it.
fn has_second_core(threads: usize) -> bool {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    (if threads == 0 { cores() } else { threads }) > 1
}

impl Job {
    /// The folder of a seed; empty where there is one seed only.
    pub fn folder_of(&self, seed: Seed) -> String {
        if self.args.has_several() { format!("seed-{}", seed.0) } else { String::new() }
    }

    fn seed(&self, index: u32) -> Seed {
        Seed(self.seed.0.wrapping_add(u64::from(index)))
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
        sinks.beside = !self.args.has_several() && has_second_core(self.args.threads);
        let args = &self.args;
        let watch = Watch { pulse: &self.pulse, check_every_event: args.check };
        let replay = || replay(&args.scenario, seed, &args.overrides);
        let result = guarded(&self.scenario, seed, sinks, watch, replay)?;
        if self.is_interrupted() {
            return Ok(None);
        }
        files.finish()?;
        write_result(&self.folder, &prefix, &self.scenario, &result, self.format)?;
        Ok(Some(result))
    }
}

/// Runs every seed and writes its files.
///
/// # Errors
/// That of the first seed that has one.
pub fn run_all(job: &Arc<Job>) -> Result<Ended, Failure> {
    let horizon = job.scenario.setup.horizon;
    let _progress = Progress::follow(Arc::clone(&job.pulse), horizon, job.args.quiet);
    let (asked, most) = (&job.args.precision, job.args.most_seeds());
    let mut all = Ended { results: Vec::new(), interrupted: Vec::new(), seeds: 0 };
    let mut wanted = precision::first(asked, most);
    while all.seeds < wanted && all.interrupted.is_empty() {
        run_some(job, all.seeds..wanted, &mut all)?;
        all.seeds = wanted;
        let summaries: Vec<&Summary> = all.results.iter().map(|(_, run)| &run.summary).collect();
        wanted =
            precision::wanted(asked, &precision::of_means(asked, &summaries), wanted).min(most);
    }
    Ok(all)
}

/// Runs the seeds of these numbers.
fn run_some(job: &Arc<Job>, numbers: Range<u32>, all: &mut Ended) -> Result<(), Failure> {
    let (shared, from) = (Arc::clone(job), numbers.start);
    let count = numbers.end - from;
    let mut ended = gather(&job.pulse, move |report| {
        // After an interruption nobody listens any more.
        let one = |index: u32, seed: Seed| report.send((index, shared.one(seed))).is_ok();
        experiment::replicate(shared.seed(from), count, shared.args.threads, one).map(drop)
    })?;
    for number in numbers {
        let seed = job.seed(number);
        match ended.remove(&(number - from)).unwrap_or(Ok(None))? {
            Some(result) => all.results.push((seed, result)),
            None => all.interrupted.push(seed),
        }
    }
    Ok(())
}

/// What `runner`, on a thread of its own, reports by number. Where `pulse` is asked to stop it is given a moment, and what
/// it has not reported then is not there.
///
/// # Errors
/// The system cannot start the threads.
pub fn gather<T: Send + 'static>(
    pulse: &Pulse,
    runner: impl FnOnce(mpsc::Sender<(u32, T)>) -> Result<(), rayon::ThreadPoolBuildError>
    + Send
    + 'static,
) -> Result<BTreeMap<u32, T>, Failure> {
    let (report, reports) = mpsc::channel();
    let runner = std::thread::spawn(move || runner(report));
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
        if pulse.interrupt.load(Ordering::Relaxed) {
            let deadline = *deadline.get_or_insert_with(|| Instant::now() + GRACE);
            if Instant::now() >= deadline {
                break false;
            }
        }
    };
    if all_ended {
        match runner.join() {
            Ok(done) => done.map_err(|error| {
                Failure::Input(format!("error: cannot start the threads: {error}"))
            })?,
            Err(panic) => resume_unwind(panic),
        }
    }
    Ok(ended)
}

/// A run whose panics are broken invariants: the message says how to repeat it, by the command `replay`.
pub fn guarded(
    scenario: &Scenario,
    seed: Seed,
    sinks: Sinks,
    watch: Watch<'_>,
    replay: impl FnOnce() -> String,
) -> Result<RunResult, Failure> {
    match catch_unwind(AssertUnwindSafe(|| experiment::run_one(scenario, seed, sinks, watch))) {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(error)) => Err(Failure::Input(format!("error: {error}"))),
        Err(_) => Err(broken(&replay())),
    }
}

/// What is said of a broken invariant, with the command that repeats it.
pub fn broken(replay: &str) -> Failure {
    Failure::Invariant(format!(
        "error: an invariant of the simulator broke: this is a bug of ecsim, not of your scenario\n  \
         = help: please report it with the scenario and this command: {replay} --check"
    ))
}

/// The command that runs a scenario as it was run, for messages.
pub fn replay(scenario: &Path, seed: Seed, overrides: &[(String, String)]) -> String {
    let mut replay = format!("ecsim run {} --seed {}", scenario.display(), seed.0);
    for (key, value) in overrides {
        let _ = write!(replay, " --set '{key}={value}'");
    }
    replay
}

/// A pulse that Ctrl-C and SIGTERM ask to stop.
pub fn interruptible() -> Arc<Pulse> {
    let pulse = Arc::new(Pulse::default());
    let raised = Arc::clone(&pulse);
    // Only the first handler of a process counts; a second `run` in one process keeps it.
    let _ = ctrlc::set_handler(move || raised.interrupt.store(true, Ordering::Relaxed));
    pulse
}
