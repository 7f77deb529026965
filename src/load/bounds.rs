//! How much a run can hold and count. Beyond that it ends with words: no counter wraps, and no service takes memory
//! without end.

use crate::base::time::SimTime;
use crate::model::arrival::TraceProblem;
use crate::model::traffic::MICRO;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Requests that a service may have alive at once where each is simulated by itself.
pub const MOST_ALIVE: u64 = 20_000_000;

/// Bytes of a request alive: its slot, its place in a queue or at a station, and what a growing list keeps in reserve.
pub const REQUEST_BYTES: u64 = 72;

/// Requests of all services in one run, millionths: half of what a counter holds, since sums of totals are taken.
const MOST_OFFERED: u64 = u64::MAX / 2;

/// What the loads of a run may bring together, and what one of them may hold. Clones share the count.
#[derive(Clone)]
pub(super) struct Bounds {
    most_alive: u64,
    /// Millionths of requests of all services so far.
    offered: Arc<AtomicU64>,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds { most_alive: MOST_ALIVE, offered: Arc::default() }
    }
}

impl Bounds {
    /// At most `most_alive` requests of a service at once.
    pub fn within(self, most_alive: u64) -> Bounds {
        Bounds { most_alive, ..self }
    }

    /// Counts what segments of traffic bring.
    pub fn offer(&self, micro: u64) -> Result<(), TraceProblem> {
        let before = self.offered.load(Ordering::Relaxed);
        let Some(sum) = before.checked_add(micro).filter(|&sum| sum <= MOST_OFFERED) else {
            let most = MOST_OFFERED / MICRO;
            return Err(TraceProblem(format!(
                "more than {most} requests and messages in one run: they cannot be counted\n  \
                 = help: simulate a shorter time, or less traffic"
            )));
        };
        self.offered.store(sum, Ordering::Relaxed);
        Ok(())
    }

    /// Whether one more than `alive` may be there at once.
    #[inline]
    pub fn has_room(&self, alive: u64) -> bool {
        alive < self.most_alive
    }

    /// One more than there may be.
    #[cold]
    pub fn crowded(&self, service: &str, at: SimTime) -> TraceProblem {
        let (most, gib) = (self.most_alive, (self.most_alive * REQUEST_BYTES) >> 20);
        TraceProblem(format!(
            "service `{service}`: more than {most} requests are alive at {at} s, about {gib} MiB of memory\n  \
             = help: `fidelity = \"fluid\"` holds none of them; `max_requests_alive` of `[simulation]` allows more"
        ))
    }
}
