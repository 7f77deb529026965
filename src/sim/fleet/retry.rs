//! A launch that finds no capacity is tried again, later and later.

use super::{Group, Groups, Supply};
use crate::base::time::SimSpan;
use crate::engine::{Class, Ticket};
use crate::model::group::LaunchCause;
use crate::model::ids::{MachineId, ProviderId};
use crate::model::platform::Purchase;
use crate::sim::event::{Event, RunError};

/// After a failure the group waits a minute, then twice as long each time, up to [`LONGEST_MINUTES`] (assumed: AWS says
/// only that it tries again later and later).
const LONGEST_MINUTES: u64 = 15;

/// What a group does about launches that fail, by purchase option.
#[derive(Default)]
pub struct Retry {
    failures: u32,
    ticket: Option<Ticket>,
    has_hope: bool,
    /// How many addresses had been given back when it failed.
    given_back: u64,
}

impl Retry {
    /// Whether nothing holds back the next launch.
    pub(super) fn is_free(&self) -> bool {
        self.ticket.is_none()
    }

    /// Whether it waits for what may still come.
    pub(super) fn has_hope(&self) -> bool {
        self.ticket.is_some() && self.has_hope
    }

    /// Whether it waits, and an address was given back meanwhile.
    pub(super) fn may_find_address(&self, given_back: u64) -> bool {
        self.ticket.is_some() && given_back > self.given_back
    }

    /// Something has left: what it held may be had at the next try.
    pub(super) fn may_find_now(&mut self) {
        self.has_hope = true;
    }

    /// From a failure to the next try.
    fn wait(&self) -> SimSpan {
        let minutes = 1_u64.checked_shl(self.failures).unwrap_or(LONGEST_MINUTES);
        SimSpan::from_secs(60 * minutes.min(LONGEST_MINUTES))
    }
}

impl Groups {
    /// Whether capacity may still come that nobody has asked for by now; so many addresses were given back so far. Managed
    /// scaling launches for those who wait in PROVISIONING, and these are tasks that live.
    #[must_use]
    pub fn may_grow(&self, given_back: u64) -> bool {
        let moves = |group: &Group| {
            let is_noticed = |id: &MachineId| self.machines[*id].is_noticed();
            let leaves = || group.members.iter().chain(&group.leaving).any(is_noticed);
            let may_open = || group.pools.may_open() || leaves();
            group.retries.iter().any(|retry| retry.may_find_address(given_back))
                || group
                    .retries
                    .iter()
                    .any(|retry| retry.has_hope() || !retry.is_free() && may_open())
                || group.members.len() as u32 > group.active
                || group.changes_done < group.setup.changes.len()
                || group.renewal.goes_on(&group.setup)
                || group.shifted.is_some()
        };
        self.all.iter().any(moves)
    }
}

impl Supply<'_> {
    /// A launch has found no capacity.
    pub(super) fn back_off(
        &mut self,
        index: usize,
        purchase: Purchase,
        reason: &str,
    ) -> Result<(), RunError> {
        let (now, given_back) = (self.now(), self.drive.cluster.given_back());
        let group = &mut self.groups.all[index];
        let (provider, has_hope) = (group.setup.provider, group.may_find(purchase, now));
        let retry = &mut group.retries[purchase as usize];
        let at = now + retry.wait();
        (retry.failures, retry.has_hope) = (retry.failures + 1, has_hope);
        retry.given_back = given_back;
        let event = Event::LaunchAgain(provider, purchase);
        let ticket = self.drive.queue.schedule_cancellable(at, Class::Control, event);
        retry.ticket = Some(ticket);
        self.drive.books.tally.launches_failed += 1;
        self.tell_group(index, "launch_failed", reason)
    }

    /// A group tries again what failed.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn launch_again(
        &mut self,
        provider: ProviderId,
        purchase: Purchase,
    ) -> Result<(), RunError> {
        let Some(index) = self.groups.of_provider(provider) else { return Ok(()) };
        self.groups.all[index].retries[purchase as usize].ticket = None;
        self.reconcile(index, LaunchCause::ScaleOut)
    }

    /// A launch has found capacity: the next failure is a first one.
    pub(super) fn has_launched(&mut self, index: usize, purchase: Purchase) {
        self.groups.all[index].retries[purchase as usize].failures = 0;
    }

    /// The desired capacity has changed: the group tries at once.
    pub(super) fn try_now(&mut self, index: usize) {
        for retry in &mut self.groups.all[index].retries {
            if let Some(ticket) = retry.ticket.take() {
                self.drive.queue.cancel(ticket);
            }
        }
    }
}
