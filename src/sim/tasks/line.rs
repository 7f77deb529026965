//! Tasks in PROVISIONING for which a capacity provider with managed scaling has no room yet: they wait in a line, first
//! come, first served, where nobody holds up another that needs something else (unpublished: assumed). They feed the
//! metric by which the provider's group grows.

use super::Life;
use crate::base::id::Id as _;
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::model::ids::{ClusterId, InstanceId, ProviderId};
use crate::model::lifecycle::StopReason;
use crate::model::provisioning::{WaitCause, WaitSpans};
use crate::policy::placement::Ask;
use crate::sim::books::Change;
use crate::sim::event::Event;
use crate::sim::request::{Failure, Request};
use crate::sim::setup::ProvisioningSetup;
use crate::sim::task::{Place, Slot};
use std::collections::BTreeMap;

/// A task that waits.
#[derive(Debug)]
struct Waiter {
    slot: Slot,
    since: SimTime,
    began: WaitSpans,
    /// When it may go to Fargate instead; never without an overflow.
    leaves: SimTime,
}

/// Tasks with the same requirements under the same rule.
#[derive(Debug)]
pub struct Kind {
    /// What each asks for.
    pub ask: Ask,
    /// Whose capacity they wait for.
    pub provider: ProviderId,
    /// By place in the line: the task, since when it waits, and how the clocks stood then.
    tasks: BTreeMap<u32, Waiter>,
}

impl Kind {
    /// How many wait.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.tasks.len() as u32
    }

    /// Those who wait, each with its place in the line.
    pub fn tasks(&self) -> impl Iterator<Item = (u32, Slot)> + '_ {
        self.tasks.iter().map(|(&place, waiter)| (place, waiter.slot))
    }
}

/// All who wait.
pub struct Line {
    settings: ProvisioningSetup,
    kinds: Vec<Kind>,
    by_cluster: Vec<u32>,
    /// The next place.
    next: u32,
    /// Whether an event will look who has waited for too long.
    is_watched: bool,
    /// Providers of Managed Instances for whose next batch an event is arranged.
    called: Vec<ProviderId>,
    /// For how long each provider's tasks have waited for what, while any did.
    clocks: BTreeMap<ProviderId, WaitSpans>,
    /// Until when the clocks are right.
    timed: SimTime,
    /// Those that may go to Fargate instead: when, by place in the line.
    pub(super) leaving: BTreeMap<(SimTime, u32), Slot>,
    /// For when an event is arranged for the first of them.
    pub(super) leaving_watched: Option<SimTime>,
}

impl Line {
    pub(super) fn new(settings: ProvisioningSetup) -> Line {
        Line {
            settings,
            kinds: Vec::new(),
            by_cluster: Vec::new(),
            next: 0,
            is_watched: false,
            called: Vec::new(),
            clocks: BTreeMap::new(),
            timed: SimTime::ZERO,
            leaving: BTreeMap::new(),
            leaving_watched: None,
        }
    }

    /// Whether nobody waits.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.kinds.iter().map(|kind| u64::from(kind.count())).sum()
    }

    /// Those who wait for a provider.
    pub fn of_provider(&self, provider: ProviderId) -> impl Iterator<Item = &Kind> {
        self.kinds.iter().filter(move |kind| kind.provider == provider)
    }

    /// How many wait for a provider.
    #[must_use]
    pub fn count(&self, provider: ProviderId) -> u32 {
        self.of_provider(provider).map(Kind::count).sum()
    }

    fn is_full(&self, cluster: ClusterId) -> bool {
        let waiting = self.by_cluster.get(cluster.index()).copied().unwrap_or(0);
        self.settings.limit.is_some_and(|limit| waiting >= limit)
    }

    /// The first in the line whose kind `may` be tried: its place, itself, what it asks for.
    pub fn first(&self, mut may: impl FnMut(&Kind) -> bool) -> Option<(Slot, Ask)> {
        let tried = self.kinds.iter().filter(|kind| may(kind));
        let heads = tried.filter_map(|kind| Some((kind.tasks.first_key_value()?, kind.ask)));
        heads.min_by_key(|((place, _), _)| **place).map(|((_, waiter), ask)| (waiter.slot, ask))
    }

    /// Those for whose capacity anybody waits.
    #[must_use]
    pub fn providers(&self) -> Vec<ProviderId> {
        let mut all: Vec<ProviderId> = self.kinds.iter().map(|kind| kind.provider).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// A batch of a provider begins: the next one may be called for.
    pub fn batch_begins(&mut self, provider: ProviderId) {
        self.called.retain(|called| *called != provider);
    }

    /// The first of all, and when it has waited for as long as it may.
    #[must_use]
    pub fn next_timeout(&self) -> Option<(Slot, SimTime)> {
        let heads = self.kinds.iter().filter_map(|kind| kind.tasks.first_key_value());
        let (_, waiter) = heads.min_by_key(|(place, _)| **place)?;
        Some((waiter.slot, waiter.since + self.settings.timeout))
    }

    /// Whether time has gone by in which somebody waited.
    #[inline]
    #[must_use]
    pub fn is_untimed(&self, now: SimTime) -> bool {
        !self.kinds.is_empty() && self.timed < now
    }

    /// The time until now was for these causes.
    pub fn time(&mut self, now: SimTime, cause: impl Fn(ProviderId) -> WaitCause) {
        let span = now.since(self.timed);
        for provider in self.providers() {
            let clock = self.clocks.entry(provider).or_default();
            let spent = &mut clock[cause(provider) as usize];
            *spent += span;
        }
        self.timed = now;
    }

    /// What the time was for that a task has waited until the clocks are right.
    #[must_use]
    pub fn waited(&self, provider: ProviderId, place: u32) -> Option<WaitSpans> {
        let waiter = self.of_provider(provider).find_map(|kind| kind.tasks.get(&place))?;
        Some(self.since(provider, &waiter.began))
    }

    fn since(&self, provider: ProviderId, began: &WaitSpans) -> WaitSpans {
        let now = self.clocks.get(&provider).copied().unwrap_or_default();
        std::array::from_fn(|cause| SimSpan(now[cause].0 - began[cause].0))
    }

    fn join(
        &mut self,
        (slot, now, leaves): (Slot, SimTime, SimTime),
        ask: Ask,
        provider: ProviderId,
        cluster: ClusterId,
    ) {
        let place = self.next;
        self.next += 1;
        if self.by_cluster.len() <= cluster.index() {
            self.by_cluster.resize(cluster.index() + 1, 0);
        }
        self.by_cluster[cluster.index()] += 1;
        let known = self.kinds.iter().position(|k| k.ask == ask && k.provider == provider);
        let at = known.unwrap_or_else(|| {
            self.kinds.push(Kind { ask, provider, tasks: BTreeMap::new() });
            self.kinds.len() - 1
        });
        self.timed = now; // where others wait it is so already
        let began = self.clocks.get(&provider).copied().unwrap_or_default();
        self.kinds[at].tasks.insert(place, Waiter { slot, since: now, began, leaves });
        if leaves < SimTime::NEVER {
            self.leaving.insert((leaves, place), slot);
        }
    }

    /// A task that may go to Fargate and finds no capacity there may try again later.
    pub(super) fn put_off(&mut self, (leaves, place): (SimTime, u32), later: SimTime) {
        let Some(slot) = self.leaving.remove(&(leaves, place)) else { return };
        self.leaving.insert((later, place), slot);
        let waiter = self.kinds.iter_mut().find_map(|kind| kind.tasks.get_mut(&place));
        waiter.expect("who may leave is in the line").leaves = later;
    }

    fn leave(
        &mut self,
        ask: Ask,
        provider: ProviderId,
        cluster: ClusterId,
        place: u32,
    ) -> WaitSpans {
        let found = self.kinds.iter().position(|k| k.ask == ask && k.provider == provider);
        let at = found.expect("who waits is in the line");
        let of = &mut self.kinds[at].tasks;
        let waiter = of.remove(&place).expect("who waits has a place in the line");
        self.leaving.remove(&(waiter.leaves, place));
        if self.kinds[at].tasks.is_empty() {
            self.kinds.remove(at);
        }
        self.by_cluster[cluster.index()] -= 1;
        self.since(provider, &waiter.began)
    }
}

impl Life<'_> {
    /// Whether a task that finds no room may wait in PROVISIONING: its provider has managed scaling.
    pub(super) fn waits_for(&self, request: &Request, item: usize) -> Option<ProviderId> {
        self.rules.askers[request.source].waits_for.get(item).copied().flatten()
    }

    /// A task that has found no room waits.
    ///
    /// # Errors
    /// Too many do.
    pub(super) fn begin_waiting(
        &mut self,
        request: &Request,
        ask: Ask,
        provider: ProviderId,
    ) -> Result<Slot, Failure> {
        let cluster = self.rules.providers[provider].cluster;
        if self.tasks.line.is_full(cluster) {
            return Err(Failure::ProvisioningLimit);
        }
        let now = self.now();
        let nowhere = Place::Waiting(self.tasks.line.next);
        let task = self.new_task(request, nowhere, provider, request.demand, SimTime::NEVER);
        self.books.saw(Change::Waits { provider });
        let slot = self.tasks.insert(task);
        let leaves = self.may_leave_at(request);
        self.tasks.line.join((slot, now, leaves), ask, provider, cluster);
        self.watch_the_line();
        self.watch_overflow(SimTime::ZERO);
        self.call_for_batch(provider);
        Ok(slot)
    }

    /// The first in the line has waited for long enough at an instant: an event is arranged for it.
    pub fn watch_the_line(&mut self) {
        if let (false, Some((_, at))) = (self.tasks.line.is_watched, self.tasks.line.next_timeout())
        {
            self.tasks.line.is_watched = true;
            self.queue.schedule(at, Class::Release, Event::WaitedEnough);
        }
    }

    /// The task that has waited for as long as it may, if there is one.
    pub fn next_timed_out(&mut self) -> Option<Slot> {
        self.tasks.line.is_watched = false;
        let now = self.now();
        self.tasks.line.next_timeout().filter(|(_, at)| *at <= now).map(|(slot, _)| slot)
    }

    /// The tasks that wait for Managed Instances are looked at together, a little later.
    pub fn call_for_batch(&mut self, provider: ProviderId) {
        let Some(window) = self.rules.providers[provider].batch_window else { return };
        if !self.tasks.line.called.contains(&provider) {
            self.tasks.line.called.push(provider);
            let at = self.now() + window;
            self.queue.schedule(at, Class::Control, Event::Batch(provider));
        }
    }

    /// A task that waits is given an instance, if there is room for it now.
    pub fn place_waiting(&mut self, slot: Slot, ask: Ask) -> bool {
        let near = self.ask_with_address(ask, self.tasks[slot].source);
        let chosen = self.cluster.choose(&near, &self.rules.port_sets);
        if let Some(instance) = chosen {
            self.give_place(slot, instance);
        }
        chosen.is_some()
    }

    /// A task that waits is given this instance, if there is room for it now.
    pub fn place_waiting_on(&mut self, slot: Slot, ask: Ask, instance: InstanceId) -> bool {
        let has_room = self.cluster.verdict(&ask, instance, &self.rules.port_sets).is_none();
        if has_room {
            self.give_place(slot, instance);
        }
        has_room
    }

    fn give_place(&mut self, slot: Slot, instance: InstanceId) {
        let now = self.now();
        self.leave_line(slot);
        let task = &mut self.tasks[slot];
        (task.place, task.placed) = (Place::Instance(instance), now);
        let task = &self.tasks[slot];
        let ports = self.rules.ports(task.definition);
        self.cluster.promise(now, instance, task.demand, ports, task.group);
        self.tasks.wanted -= 1;
        let task = &self.tasks[slot];
        self.books.saw(Change::WaitsNoMore { provider: task.provider });
        self.books.saw(Change::Placed { task, asked: task.demand });
        self.provisioned(slot);
    }

    /// A task that waits is wanted no longer, or has waited for too long.
    pub(super) fn give_up_waiting(&mut self, slot: Slot) {
        self.leave_line(slot);
        self.tasks.wanted -= 1;
        let task = &self.tasks[slot];
        let reason = match task.stop_reason {
            StopReason::ProvisioningTimeout => "PROVISIONING_TIMEOUT",
            _ => "STOPPED_IN_PROVISIONING",
        };
        self.books.saw(Change::GivenUp { task, reason });
    }

    pub(super) fn leave_line(&mut self, slot: Slot) {
        let task = &self.tasks[slot];
        let Place::Waiting(place) = task.place else { return };
        let (ask, provider) = (self.rules.ask_of(task), task.provider);
        let cluster = self.rules.providers[provider].cluster;
        let line = &mut self.tasks.line;
        let was_full = line.is_full(cluster);
        let waited = line.leave(ask, provider, cluster, place);
        self.books.tally.has_waited(&waited);
        self.books.recorder.tasks.waited(self.tasks[slot].id, waited);
        if was_full {
            self.cluster.line_has_room(); // a caller may have been turned away
        }
    }
}
