//! A batch of waiting tasks: room that is there, then new instances.

use super::super::Supply;
use super::Meant;
use crate::base::time::SimTime;
use crate::engine::Class;
use crate::model::group::LaunchCause;
use crate::model::ids::{MachineId, ProviderId};
use crate::policy::capacity::managed_instances;
use crate::sim::books::fleet_table::FleetRow;
use crate::sim::event::{Event, RunError};
use crate::sim::setup::Shortage;

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
        let view = self.view(index);
        if view.waiting.is_empty() {
            return Ok(());
        }
        let plan = managed_instances::plan(&view.tasks, &view.hosts, &view.market());
        for &(task, host) in &plan.onto {
            let (task, id) = (view.waiting[task], view.ids[host]);
            match self.open(id) {
                Some(instance) => {
                    let ask = self.ask_of(task.slot);
                    self.drive.life().place_waiting_on(task.slot, ask, instance);
                }
                None => self.mean(index, id, &[task]),
            }
        }
        for launch in &plan.launches {
            let meant: Vec<Meant> = launch.tasks.iter().map(|&task| view.waiting[task]).collect();
            match self.launch_instance(index, launch.offer, LaunchCause::Tasks)? {
                Some(id) => self.mean(index, id, &meant),
                None => self.drive.life().call_for_batch(provider), // other types may do
            }
        }
        if !plan.too_large.is_empty() {
            self.try_again_later(index);
        }
        self.count(index);
        self.drive.start_ready()
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
        let group = &mut self.groups.all[index];
        let kind = &group.setup.offers[offer].registration;
        let Some(of) = &mut group.instances else { return Ok(None) };
        let purchase = group.setup.purchase;
        let strikes = |shortage: &Shortage| {
            (shortage.from..shortage.until).contains(&now)
                && shortage.offers.contains(&offer)
                && shortage.purchase.is_none_or(|of| of == purchase)
        };
        if group.setup.shortages.iter().any(strikes) {
            of.short_until[offer] = now + of.setup.retry_after;
            let zone = &self.drive.rules.zones[kind.zone];
            let row = FleetRow {
                at: now,
                provider: &group.name,
                event: "launch_failed",
                instance: Some(("", &kind.instance_type, purchase, zone)),
                sizes: None,
                reason: "insufficient_capacity",
                tasks: None,
            };
            self.drive.books.fleet_events.write(&row)?;
            return Ok(None);
        }
        let id = self.groups.add(index, (offer, purchase), now, cause);
        self.drive.books.tally.launched += 1;
        self.tell(id, "launch", None)?;
        self.next_stage_after(id, |timing| &timing.launch);
        Ok(Some(id))
    }

    /// Tasks for which nothing can be had are looked at again when the first type may be asked for again.
    fn try_again_later(&mut self, index: usize) {
        let now = self.now();
        let group = &self.groups.all[index];
        let Some(of) = &group.instances else { return };
        let later = of.short_until.iter().copied().filter(|at| *at > now).min();
        let provider = group.setup.provider;
        if let Some(at) = later.filter(|at| *at < SimTime::NEVER) {
            self.drive.queue.schedule(at, Class::Control, Event::Batch(provider));
        }
    }
}
