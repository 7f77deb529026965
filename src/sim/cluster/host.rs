//! What a host keeps beside the fleet's ledgers: its queue of PENDING tasks and its image cache.

use crate::base::time::SimTime;
use crate::sim::task::Slot;

/// A container instance as its agent sees it.
#[derive(Clone, Default)]
pub struct Host {
    /// First and last PENDING task that waits for real room; strict first in, first out (agent source).
    pub(super) waiting: Option<(Slot, Slot)>,
    /// Images on disk, or on their way: (image, when it is there).
    images: Vec<(u32, SimTime)>,
}

impl Host {
    /// When an image is there for a task that wants it now. Another task may still be pulling it: both wait for the same
    /// layers. Where it is not there, `pull` says when it will be.
    pub fn image_at(
        &mut self,
        image: u32,
        now: SimTime,
        pull: impl FnOnce() -> SimTime,
    ) -> SimTime {
        if let Some(&(_, there)) = self.images.iter().find(|(known, _)| *known == image) {
            return there.max(now);
        }
        let there = pull();
        self.images.push((image, there));
        there
    }
}
