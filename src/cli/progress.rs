//! The progress bar of a long run: on stderr, and only on a terminal.

use crate::base::time::SimTime;
use crate::engine::Pulse;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Runs shorter than this show nothing.
const PATIENCE: Duration = Duration::from_millis(400);

/// A bar that follows a [`Pulse`] until it is dropped.
pub struct Progress {
    done: Arc<AtomicBool>,
    painter: Option<JoinHandle<()>>,
}

impl Progress {
    /// Follows `pulse` towards `horizon`, if there is one. Shows nothing where `quiet`, or where stderr is not a
    /// terminal.
    #[must_use]
    pub fn follow(pulse: Arc<Pulse>, horizon: Option<SimTime>, quiet: bool) -> Progress {
        let done = Arc::new(AtomicBool::new(false));
        let wanted = !quiet && std::io::stderr().is_terminal();
        let painter = wanted.then(|| {
            let done = Arc::clone(&done);
            std::thread::spawn(move || paint(&pulse, horizon, &done))
        });
        Progress { done, painter }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(painter) = self.painter.take() {
            painter.thread().unpark();
            // A painter that has panicked has painted its last; the run's result stands.
            let _ = painter.join();
        }
    }
}

fn paint(pulse: &Pulse, horizon: Option<SimTime>, done: &AtomicBool) {
    std::thread::park_timeout(PATIENCE);
    let bar = match horizon {
        Some(horizon) => ProgressBar::new(horizon.0).with_style(
            ProgressStyle::with_template("{bar:40} {percent:>3} % {msg} {eta}")
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
        ),
        None => ProgressBar::new_spinner(),
    };
    while !done.load(Ordering::Relaxed) {
        let now = pulse.now.load(Ordering::Relaxed);
        let events = pulse.events.load(Ordering::Relaxed);
        bar.set_position(now);
        let day = now as f64 / 86_400e6;
        bar.set_message(format!("day {day:.2}, {:.1} million events", events as f64 / 1e6));
        bar.tick();
        std::thread::park_timeout(Duration::from_millis(100));
    }
    bar.finish_and_clear();
}

/// A bar of runs that have ended, until it is dropped.
pub struct Runs {
    _bar: Progress,
}

impl Runs {
    /// Follows `ended` of `all` runs. Shows nothing where `quiet`, or where stderr is not a terminal.
    #[must_use]
    pub fn follow(ended: Arc<AtomicUsize>, all: usize, quiet: bool) -> Runs {
        let done = Arc::new(AtomicBool::new(false));
        let wanted = !quiet && std::io::stderr().is_terminal();
        let painter = wanted.then(|| {
            let done = Arc::clone(&done);
            std::thread::spawn(move || paint_runs(&ended, all, &done))
        });
        Runs { _bar: Progress { done, painter } }
    }
}

fn paint_runs(ended: &AtomicUsize, all: usize, done: &AtomicBool) {
    std::thread::park_timeout(PATIENCE);
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} runs {eta}");
    let bar = ProgressBar::new(all as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    while !done.load(Ordering::Relaxed) {
        bar.set_position(ended.load(Ordering::Relaxed) as u64);
        bar.tick();
        std::thread::park_timeout(Duration::from_millis(100));
    }
    bar.finish_and_clear();
}
