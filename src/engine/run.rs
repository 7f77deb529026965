//! The loop: merges the sorted arrivals with the queue and hands events to the model, one at a time.

use super::queue::{Class, Queue};
use crate::base::time::{SimSpan, SimTime};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What the loop drives.
pub trait Model {
    /// A scheduled event.
    type Event: Copy;
    /// What can end a run before its horizon, such as a bad row in a trace.
    type Error;

    /// When the next arrival happens; `None` when there are no more. Never earlier than the last one.
    ///
    /// # Errors
    /// Whatever the source of arrivals meets.
    fn next_arrival(&mut self) -> Result<Option<SimTime>, Self::Error>;

    /// Handles the arrival that [`Model::next_arrival`] announced. The clock reads its instant.
    ///
    /// # Errors
    /// Whatever the model cannot go on from.
    fn arrive(&mut self, queue: &mut Queue<Self::Event>) -> Result<(), Self::Error>;

    /// Handles a scheduled event. The clock reads its instant.
    ///
    /// # Errors
    /// Whatever the model cannot go on from.
    fn handle(
        &mut self,
        class: Class,
        event: Self::Event,
        queue: &mut Queue<Self::Event>,
    ) -> Result<(), Self::Error>;

    /// An event is among the next, perhaps: a model whose state is larger than the caches may ask memory for what it
    /// concerns. Of some it is never told. Nothing may depend on it.
    #[inline]
    fn soon(&self, _event: Self::Event) {}

    /// Whether only periodic events (samples) are left: with no arrival to come, the run is over.
    fn is_idle(&self) -> bool;
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The horizon was reached: nothing at or after it has happened.
    Horizon,
    /// Nothing is left to happen.
    Exhausted,
    /// The flag was raised.
    Interrupted,
}

/// What the outside sees of a run, and how it asks it to end. Nothing here influences results.
#[derive(Debug, Default)]
pub struct Pulse {
    /// Raised to end the run early.
    pub interrupt: AtomicBool,
    /// The clock in microseconds, now and then.
    pub now: AtomicU64,
    /// Events so far, now and then.
    pub events: AtomicU64,
}

/// The most events that one instant may hold before the run is called a loop without progress.
const MOST_EVENTS_AN_INSTANT: u64 = 1 << 32;

/// However few its events are, so often a run shows where it is and looks whether it is asked to end.
const LOOK_EVERY: SimSpan = SimSpan::from_secs(60);

/// Runs `model` over `[now, horizon)`. On return every event before the end has been handled, and the second
/// value is the number of events, arrivals included. The clock is left at the last event; the caller decides
/// what the time up to the horizon means.
///
/// # Errors
/// The model's own. Panics when an instant does not end: that is a bug of the model.
pub fn run<M: Model>(
    model: &mut M,
    queue: &mut Queue<M::Event>,
    horizon: SimTime,
    pulse: &Pulse,
) -> Result<(Outcome, u64), M::Error> {
    let mut events = 0u64;
    let mut instant = (SimTime::ZERO, 0u64);
    let mut look_at = SimTime::ZERO;
    loop {
        let arrival = model.next_arrival()?;
        if arrival.is_none() && model.is_idle() {
            return Ok((Outcome::Exhausted, events));
        }
        let at = match (arrival, queue.next_instant()) {
            (Some(arrival), Some(queued)) => arrival.min(queued),
            (Some(arrival), None) => arrival,
            (None, Some(queued)) => queued,
            (None, None) => return Ok((Outcome::Exhausted, events)),
        };
        if at >= horizon {
            return Ok((Outcome::Horizon, events));
        }
        events += 1;
        // Where events are few they are heavy: minutes of requests.
        if events & 0xfff == 0 || at >= look_at {
            look_at = at + LOOK_EVERY;
            pulse.now.store(at.0, Ordering::Relaxed);
            pulse.events.store(events, Ordering::Relaxed);
            if pulse.interrupt.load(Ordering::Relaxed) {
                return Ok((Outcome::Interrupted, events));
            }
        }
        if at > instant.0 {
            instant = (at, 0);
        }
        instant.1 += 1;
        assert!(instant.1 < MOST_EVENTS_AN_INSTANT, "no progress at {at}");

        if at > queue.now() {
            queue.advance_to(at, |event| model.soon(event));
        }
        let is_arrival = arrival == Some(at);
        let first = if is_arrival { queue.pop_before(Class::Demand) } else { queue.pop_present() };
        match first {
            Some((class, event)) => model.handle(class, event, queue)?,
            None if is_arrival => {
                queue.open(Class::Demand);
                model.arrive(queue)?;
            }
            // A cancelled entry had announced this instant.
            None => events -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Recording {
        arrivals: Vec<u64>,
        log: Vec<(u64, String)>,
    }

    impl Model for Recording {
        type Event = &'static str;
        type Error = std::convert::Infallible;
        fn next_arrival(&mut self) -> Result<Option<SimTime>, Self::Error> {
            Ok(self.arrivals.first().map(|&t| SimTime(t)))
        }
        fn arrive(&mut self, queue: &mut Queue<&'static str>) -> Result<(), Self::Error> {
            let at = self.arrivals.remove(0);
            self.log.push((queue.now().0, format!("arrival {at}")));
            queue.schedule(queue.now(), Class::Control, "control");
            Ok(())
        }
        fn handle(
            &mut self,
            _: Class,
            event: &'static str,
            queue: &mut Queue<&'static str>,
        ) -> Result<(), Self::Error> {
            self.log.push((queue.now().0, event.into()));
            Ok(())
        }
        fn is_idle(&self) -> bool {
            false
        }
    }

    /// A cancelled event of an earlier class stands before nothing.
    #[test]
    fn an_arrival_comes_before_control_also_behind_a_cancelled_release() {
        let mut model = Recording { arrivals: vec![10], log: vec![] };
        let mut queue = Queue::new();
        let release = queue.schedule_cancellable(SimTime(10), Class::Release, "release");
        queue.schedule(SimTime(10), Class::Control, "scaler");
        assert!(queue.cancel(release));
        let ended = run(&mut model, &mut queue, SimTime(30), &Pulse::default());
        let log: Vec<&str> = model.log.iter().map(|(_, what)| what.as_str()).collect();
        assert_eq!(log, ["arrival 10", "scaler", "control"]);
        assert_eq!(ended, Ok((Outcome::Exhausted, 3)));
    }

    #[test]
    fn arrivals_come_after_releases_and_before_other_demand_of_their_instant() {
        let mut model = Recording { arrivals: vec![10, 10, 20], log: vec![] };
        let mut queue = Queue::new();
        queue.schedule(SimTime(10), Class::Demand, "retry");
        queue.schedule(SimTime(10), Class::Release, "release");
        queue.schedule(SimTime(15), Class::Release, "release");
        queue.schedule(SimTime(20), Class::Sample, "sample");
        queue.schedule(SimTime(30), Class::Release, "at the horizon");
        let ended = run(&mut model, &mut queue, SimTime(30), &Pulse::default());
        let log: Vec<String> = model.log.iter().map(|(t, what)| format!("{t} {what}")).collect();
        assert_eq!(
            log,
            [
                "10 release",
                "10 arrival 10",
                "10 arrival 10",
                "10 retry",
                "10 control",
                "10 control",
                "15 release",
                "20 arrival 20",
                "20 control",
                "20 sample",
            ]
        );
        assert_eq!(ended, Ok((Outcome::Horizon, 10)));
    }
}
