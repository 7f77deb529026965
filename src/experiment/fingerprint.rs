//! A digest of what a run meets from outside: rows of tasks, rates of requests, failures. Two runs with equal digests had
//! the same arrivals at the same instants and the same failures by script and by trace, whatever their settings did with them:
//! that is what makes their difference one of the settings.
//!
//! What is drawn on the way (latencies, hazards) follows from the seed and the names of things, and is not in it.

use crate::base::digest::Digest;
use crate::base::time::SimTime;
use crate::model::arrival::{RowCounts, TaskRow, TaskStream, TraceProblem};
use crate::model::traffic::{RateSegment, RateStream};
use crate::sim::setup::Inputs;
use std::fmt::{Debug, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The digest of one stream, when it has ended.
type Shared = Arc<AtomicU64>;

/// Digests of the inputs of a run; known when it has ended.
pub struct Fingerprint {
    streams: Vec<Shared>,
    failures: u64,
}

impl Fingerprint {
    /// Looks over the shoulder of whoever reads `inputs`, up to `horizon`: a run may read a little further, or not.
    pub fn take(inputs: &mut Inputs, horizon: Option<SimTime>) -> Fingerprint {
        let until = horizon.unwrap_or(SimTime::NEVER);
        let mut streams = Vec::new();
        let mut shared = || {
            let shared = Shared::default();
            streams.push(Arc::clone(&shared));
            shared
        };
        let tasks = std::mem::take(&mut inputs.tasks).into_iter().map(|inner| {
            let seen = Seen { inner, until, digest: Digest::default(), shared: shared() };
            Box::new(seen) as Box<dyn TaskStream + Send>
        });
        inputs.tasks = tasks.collect();
        let traffic = std::mem::take(&mut inputs.traffic).into_iter().map(|stream| {
            let inner = stream?;
            let seen = Seen { inner, until, digest: Digest::default(), shared: shared() };
            Some(Box::new(seen) as Box<dyn RateStream + Send>)
        });
        inputs.traffic = traffic.collect();
        let mut words = Words::default();
        words.all(&inputs.failures);
        words.all(&inputs.faults);
        Fingerprint { streams, failures: words.0.value() }
    }

    /// The digest of all of them.
    pub fn value(&self) -> u64 {
        let mut digest = Digest::default();
        digest.add(self.failures);
        self.streams.iter().for_each(|stream| digest.add(stream.load(Ordering::Relaxed)));
        digest.value()
    }
}

/// Text into a digest, without keeping it.
#[derive(Default)]
struct Words(Digest);

impl Words {
    fn all<T: Debug>(&mut self, items: &[T]) {
        for item in items {
            write!(self, "{item:?}").expect("a digest takes any text");
        }
    }
}

impl Write for Words {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for chunk in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0.add(u64::from_le_bytes(word));
        }
        Ok(())
    }
}

/// A stream that is looked at.
struct Seen<S> {
    inner: S,
    until: SimTime,
    digest: Digest,
    shared: Shared,
}

impl<S> Seen<S> {
    #[inline]
    fn add(&mut self, words: &[u64]) {
        words.iter().for_each(|&word| self.digest.add(word));
    }

    /// The run has ended: nothing is added any more.
    fn hand_in(&self) {
        self.shared.store(self.digest.value(), Ordering::Relaxed);
    }
}

/// A number that may be missing as a word.
fn word(of: Option<u64>) -> u64 {
    of.map_or(0, |value| value.wrapping_add(1))
}

impl TaskStream for Seen<Box<dyn TaskStream + Send>> {
    fn next_row(&mut self) -> Result<Option<TaskRow>, TraceProblem> {
        let row = self.inner.next_row()?;
        if let Some(row) = row.filter(|row| row.arrival < self.until) {
            let size = word(row.cpu.map(u64::from)) | word(row.memory.map(u64::from)) << 33;
            let rest = word(row.gpus.map(u64::from)) | word(row.ephemeral_gib.map(u64::from)) << 20;
            let names = word(row.definition.map(|id| u64::from(id.0)))
                | word(row.group.map(|id| u64::from(id.0))) << 33;
            let copies = u64::from(row.count) | u64::from(row.exit_code) << 32;
            let lasts = word(row.duration.map(|span| span.0));
            self.add(&[row.arrival.0, size, rest, names, copies, lasts]);
        }
        Ok(row)
    }

    fn end(&mut self, untaken: u64) {
        self.hand_in();
        self.inner.end(untaken);
    }

    fn names(&self) -> &[String] {
        self.inner.names()
    }

    fn place(&self) -> Option<(&str, u64)> {
        self.inner.place()
    }

    fn counts(&self) -> &RowCounts {
        self.inner.counts()
    }
}

/// Adds a segment that begins before the horizon.
#[inline]
fn note(digest: &mut Digest, horizon: SimTime, segment: &RateSegment) {
    if segment.start < horizon {
        for word in [segment.start.0, segment.end.0, segment.micro] {
            digest.add(word);
        }
    }
}

impl RateStream for Seen<Box<dyn RateStream + Send>> {
    fn next_segment(&mut self) -> Result<Option<RateSegment>, TraceProblem> {
        let segment = self.inner.next_segment()?;
        segment.iter().for_each(|segment| note(&mut self.digest, self.until, segment));
        Ok(segment)
    }

    fn read_until(
        &mut self,
        until: SimTime,
        take: &mut dyn FnMut(RateSegment),
    ) -> Result<bool, TraceProblem> {
        let Seen { inner, until: horizon, digest, .. } = self;
        inner.read_until(until, &mut |segment| {
            note(digest, *horizon, &segment);
            take(segment);
        })
    }

    fn look_ahead(&self) {
        self.inner.look_ahead();
    }

    fn end(&mut self) {
        self.hand_in();
        self.inner.end();
    }

    fn counts(&self) -> &RowCounts {
        self.inner.counts()
    }
}
