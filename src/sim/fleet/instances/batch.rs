//! A batch of waiting tasks: room that is there, then new instances.

use super::super::Supply;
use super::Meant;
use super::view::View;
use crate::base::time::SimTime;
use crate::engine::Class;
use crate::model::group::LaunchCause;
use crate::model::ids::{MachineId, ProviderId};
use crate::policy::capacity::managed_instances::{self, Launch};
use crate::sim::books::fleet_table::FleetRow;
use crate::sim::event::{Event, RunError};
use crate::sim::setup::{ReservationPreference, Shortage};
use std::borrow::Cow;
use std::ops::Range;

/// Why a launch into reserved capacity fails; in ECS it has no published name.
const RESERVATION_FULL: &str = "reservation_full";

impl Supply<'_> {
    /// The tasks that have come together are given room and instances.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn batch(&mut self, provider: ProviderId) -> Result<(), RunError> {
        self.drive.tasks.line.batch_begins(provider);
        let Some(index) = self.groups.of_provider(provider) else { return Ok(()) };
        if self.drive.tasks.line.count(provider) == 0 {
            return Ok(());
        }
        let now = self.now();
        if let Some(of) = &mut self.groups.all[index].instances {
            of.retry_at = of.retry_at.filter(|at| *at > now);
        }
        let view = self.view(index);
        if view.waiting.is_empty() {
            return Ok(());
        }
        let plan = managed_instances::plan(&view.tasks, &view.hosts, &view.market());
        let mut homeless: Vec<usize> = Vec::new();
        for &(task, host) in &plan.onto {
            let (waits, id) = (view.waiting[task], view.ids[host]);
            match self.open(id) {
                Some(instance) if !self.takes_place(waits, instance) => homeless.push(task),
                Some(_) => {}
                None => self.mean(index, id, &[waits]),
            }
        }
        self.launch_all(index, &view, &plan.launches, None)?;
        if !homeless.is_empty() {
            // Placement knows better than the plan: these get instances of their own.
            let tasks: Vec<_> = homeless.iter().map(|&task| view.tasks[task]).collect();
            let plan = managed_instances::plan(&tasks, &[], &view.market());
            self.launch_all(index, &view, &plan.launches, Some(&homeless))?;
        }
        if !plan.too_large.is_empty() {
            self.finds_nothing(index, !plan.launches.is_empty())?;
        }
        self.count(index);
        self.drive.start_ready()
    }

    /// Launches what was planned; `among` are the waiting tasks that the plan knows by their order, all without it.
    fn launch_all(
        &mut self,
        index: usize,
        view: &View,
        launches: &[Launch],
        among: Option<&[usize]>,
    ) -> Result<(), RunError> {
        let provider = self.groups.all[index].setup.provider;
        let repaired = if launches.is_empty() { Vec::new() } else { self.under_repair(index) };
        for launch in launches {
            let task = |&task: &usize| view.waiting[among.map_or(task, |all| all[task])];
            let meant: Vec<Meant> = launch.tasks.iter().map(task).collect();
            let cause = self.cause_for(&meant, &repaired);
            match self.launch_instance(index, launch.offer, cause)? {
                Some(id) => self.mean(index, id, &meant),
                None => self.drive.life().call_for_batch(provider), // other types may do
            }
        }
        Ok(())
    }

    fn mean(&mut self, index: usize, id: MachineId, tasks: &[Meant]) {
        if let Some(of) = &mut self.groups.all[index].instances {
            of.meant.entry(id).or_default().extend(tasks);
        }
    }

    /// Launches an instance; `None` where EC2 has no capacity of its type there.
    pub(super) fn launch_instance(
        &mut self,
        index: usize,
        offer: usize,
        cause: LaunchCause,
    ) -> Result<Option<MachineId>, RunError> {
        let now = self.now();
        let group = &self.groups.all[index];
        let purchase = group.setup.purchase;
        let of = group.instances.as_ref();
        if of.is_none_or(|of| of.short_until[offer] > now) {
            return Ok(None); // it is left alone
        }
        if let Some((offers, reason)) = self.cannot_have(index, offer) {
            self.launch_fails(index, offer, (offers, &reason))?;
            return Ok(None);
        }
        let id = self.groups.add(index, (offer, purchase), now, cause);
        self.takes_address(id);
        self.drive.books.tally.launched += 1;
        self.tell(id, "launch", None)?;
        self.next_stage_after(id, |timing| &timing.launch);
        Ok(Some(id))
    }

    /// Why an offer cannot be had now, if it cannot, and all offers of which that is true.
    fn cannot_have(
        &mut self,
        index: usize,
        offer: usize,
    ) -> Option<(Range<usize>, Cow<'static, str>)> {
        let now = self.now();
        self.see_addresses(index);
        let slots = self.slots(index);
        let group = &self.groups.all[index];
        let purchase = group.setup.purchase;
        let strikes = |shortage: &Shortage| {
            (shortage.from..shortage.until).contains(&now)
                && shortage.offers.contains(&offer)
                && shortage.purchase.is_none_or(|of| of == purchase)
        };
        let has_slot = slots.free(offer) > 0; // what is reserved can be had
        if !has_slot && slots.needs_slot {
            return Some((offer..offer + 1, RESERVATION_FULL.into()));
        }
        if !has_slot && group.setup.shortages.iter().any(strikes) {
            return Some((offer..offer + 1, "insufficient_capacity".into()));
        }
        let (zone, types) = (group.zone_of(offer), group.types());
        if !group.full[zone] {
            return None;
        }
        let (provider, id) = (group.setup.provider, group.setup.zones[zone]);
        Some((zone * types..(zone + 1) * types, self.no_address(provider, &[id])?))
    }

    fn launch_fails(
        &mut self,
        index: usize,
        offer: usize,
        (offers, reason): (Range<usize>, &str),
    ) -> Result<(), RunError> {
        let now = self.now();
        let group = &mut self.groups.all[index];
        let kind = &group.setup.offers[offer].registration;
        let Some(of) = &mut group.instances else { return Ok(()) };
        of.short_until[offers].fill(now + of.setup.retry_after);
        self.drive.books.tally.launches_failed += 1;
        let zone = &self.drive.rules.zones[kind.zone];
        let row = FleetRow {
            at: now,
            provider: &group.name,
            event: "launch_failed",
            instance: Some(("", &kind.instance_type, group.setup.purchase, zone)),
            sizes: None,
            reason,
            tasks: None,
        };
        self.drive.books.fleet_events.write(&row)
    }

    /// Tasks of a batch for which nothing can be had. Where slots were the reason and others were launched, zones with slots
    /// are tried at once; else they are looked at again as after a launch that failed.
    fn finds_nothing(&mut self, index: usize, has_launched: bool) -> Result<(), RunError> {
        let group = &self.groups.all[index];
        let provider = group.setup.provider;
        let Some(of) = &group.instances else { return Ok(()) };
        let (retry_after, retry_at) = (of.setup.retry_after, of.retry_at);
        let uses = of.setup.reservations.as_ref();
        if uses.is_none_or(|of| of.preference != ReservationPreference::Only) {
            self.try_again_later(index);
            return Ok(());
        }
        if has_launched {
            self.drive.life().call_for_batch(provider);
            return Ok(());
        }
        let now = self.now();
        if retry_at.is_some_and(|at| at > now) {
            return Ok(()); // it has been told already
        }
        self.drive.books.tally.launches_failed += 1;
        let row = FleetRow {
            at: now,
            provider: &group.name,
            event: "launch_failed",
            instance: None,
            sizes: None,
            reason: RESERVATION_FULL,
            tasks: None,
        };
        self.drive.books.fleet_events.write(&row)?;
        self.try_again_at(index, now + retry_after);
        Ok(())
    }

    /// When the first type and zone that EC2 had no capacity of may be asked for again.
    pub(super) fn next_try(&self, index: usize) -> Option<SimTime> {
        let of = self.groups.all[index].instances.as_ref()?;
        of.short_until.iter().copied().filter(|at| *at > self.now()).min()
    }

    /// Tasks for which nothing can be had are looked at again then.
    fn try_again_later(&mut self, index: usize) {
        if let Some(at) = self.next_try(index) {
            self.try_again_at(index, at);
        }
    }

    fn try_again_at(&mut self, index: usize, at: SimTime) {
        let group = &mut self.groups.all[index];
        let provider = group.setup.provider;
        let Some(of) = &mut group.instances else { return };
        if of.retry_at.is_none_or(|known| at < known) {
            of.retry_at = Some(at);
            self.drive.queue.schedule(at, Class::Control, Event::Batch(provider));
        }
    }

    /// A zone is back: waiting tasks may use it, and tasks may be spread over it.
    pub(crate) fn zone_may_be_used(&mut self, index: usize) {
        let provider = self.groups.all[index].setup.provider;
        if self.groups.all[index].instances.is_some() {
            self.drive.life().call_for_batch(provider);
            let now = self.now();
            self.look_again(index, Some(now));
        }
    }
}
