//! What a host keeps beside the fleet's ledgers: its queue of PENDING tasks, its image cache, what its disk has to write.

use crate::base::time::{SimSpan, SimTime};
use crate::model::ids::SourceId;
use crate::sim::setup::ImageCleanup;
use crate::sim::task::Slot;
use smallvec::SmallVec;

/// An image on disk, or on its way.
#[derive(Clone, Copy)]
struct Image {
    key: u32,
    /// When it is there.
    there: SimTime,
    /// Tasks on the host that have containers of it.
    users: u32,
    /// Since when there are none.
    idle_since: SimTime,
}

/// A container instance as its agent sees it. What every task looks at comes first, in one cache line with the image of
/// a host that runs one kind of task.
#[derive(Clone, Default)]
#[repr(C, align(64))]
pub struct Host {
    /// First and last PENDING task that waits for real room; strict first in, first out (agent source).
    pub(super) waiting: Option<(Slot, Slot)>,
    /// Whether it awaits daemons.
    is_held: bool,
    /// When the next clean-up is due, if that is known,
    next_clean: SimTime,
    images: SmallVec<[Image; 1]>,
    /// When the disk has written all pulls that have begun.
    written: SimTime,
    /// and how many there have been.
    cleaned: u64,
    /// Since when it stands still, if it does.
    still_since: Option<SimTime>,
    /// Critical daemons that have not run on it yet: all other tasks wait for them.
    awaits: Vec<SourceId>,
}

impl Host {
    /// It is new, and tasks wait until these daemons run.
    pub fn awaits(&mut self, daemons: Vec<SourceId>) {
        self.is_held = !daemons.is_empty();
        self.awaits = daemons;
    }

    /// Whether a task of this source may start: nothing is awaited, or it is.
    #[inline]
    #[must_use]
    pub fn lets_start(&self, source: SourceId) -> bool {
        !self.is_held || self.awaits.contains(&source)
    }

    /// A task of this source runs. Says whether others may start by that.
    pub fn daemon_runs(&mut self, source: SourceId) -> bool {
        if !self.is_held {
            return false;
        }
        self.awaits.retain(|awaited| *awaited != source);
        self.is_held = !self.awaits.is_empty();
        !self.is_held
    }

    /// Nothing is awaited any more. Says whether something was.
    pub fn opens(&mut self) -> bool {
        self.awaits.clear();
        std::mem::take(&mut self.is_held)
    }

    /// When an image is there that the host has, or is pulling.
    pub fn has_image_at(
        &mut self,
        key: u32,
        now: SimTime,
        rules: &ImageCleanup,
    ) -> Option<SimTime> {
        self.clean(now, rules);
        self.images.iter().find(|image| image.key == key).map(|image| image.there)
    }

    /// When an image is there for a task that wants it now and uses it from now on. Another task may still be pulling it:
    /// both wait for the same layers. Where it is not there, it is pulled in `pull`, of which the disk writes for `write`:
    /// one pull after the other (assumed), so that many at once are as slow as the disk.
    pub fn image_at(
        &mut self,
        key: u32,
        now: SimTime,
        cleanup: &ImageCleanup,
        (pull, write): (SimSpan, SimSpan),
    ) -> SimTime {
        self.clean(now, cleanup);
        if let Some(image) = self.images.iter_mut().find(|image| image.key == key) {
            image.users += 1;
            return image.there.max(now);
        }
        let mut there = now + pull;
        if pull > SimSpan::ZERO {
            self.written = self.written.max(now) + write;
            there = there.max(self.written);
        }
        self.images.push(Image { key, there, users: 1, idle_since: SimTime::NEVER });
        there
    }

    /// The host stands still: nothing that it was pulling comes any more.
    pub fn stands_still(&mut self, now: SimTime) {
        self.still_since = Some(now);
    }

    /// Until when it has pulled: now, or when it came to stand still.
    pub fn pulled_until(&self, now: SimTime) -> SimTime {
        self.still_since.unwrap_or(now)
    }

    /// It boots anew, without any task: the images that were there by then are still there, and nobody uses them.
    pub fn boots_anew(&mut self, now: SimTime) {
        let Some(since) = self.still_since.take() else { return };
        self.images.retain(|image| image.there <= since);
        for image in self.images.iter_mut().filter(|image| image.users > 0) {
            (image.users, image.idle_since) = (0, now);
        }
        self.written = self.written.min(now);
    }

    /// A task that used an image has stopped.
    pub fn leave_image(&mut self, key: u32, now: SimTime, cleanup: &ImageCleanup) {
        self.clean(now, cleanup);
        if let Some(image) = self.images.iter_mut().find(|image| image.key == key) {
            image.users -= 1;
            if image.users == 0 {
                image.idle_since = now;
            }
        }
    }

    /// Makes up for the clean-ups until `now`: nothing changes between two visits, so they need no events.
    #[inline]
    fn clean(&mut self, now: SimTime, rules: &ImageCleanup) {
        if now >= self.next_clean && rules.every > SimSpan::ZERO {
            self.clean_up(now, rules);
            self.next_clean = SimTime(self.cleaned.saturating_add(1).saturating_mul(rules.every.0));
        }
    }

    fn clean_up(&mut self, now: SimTime, rules: &ImageCleanup) {
        let last = now.0 / rules.every.0;
        while self.cleaned < last {
            let idle = |image: &&Image| image.users == 0;
            let free_at = |image: &Image| {
                (image.idle_since + rules.after_stop).max(image.there + rules.youngest)
            };
            let Some(first) = self.images.iter().filter(idle).map(free_at).min() else { break };
            let round = first.0.div_ceil(rules.every.0).max(self.cleaned + 1);
            if round > last {
                break;
            }
            self.cleaned = round;
            let at = SimTime(round * rules.every.0);
            let mut free: Vec<(SimTime, u32)> = self
                .images
                .iter()
                .filter(|image| image.users == 0 && free_at(image) <= at)
                .map(|image| (image.idle_since, image.key))
                .collect();
            free.sort_unstable();
            free.truncate(rules.most as usize);
            self.images.retain(|image| !free.iter().any(|(_, key)| *key == image.key));
        }
        self.cleaned = last;
    }
}
