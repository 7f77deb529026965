//! Idle and under-used instances go: one drain at a time in a provider, until nothing changes any more.

use super::super::Supply;
use crate::base::time::SimTime;
use crate::engine::Class;
use crate::model::group::{EndCause, LaunchCause};
use crate::model::ids::{MachineId, ProviderId};
use crate::policy::capacity::managed_instances::{self, Step};
use crate::sim::event::{Event, RunError};

impl Supply<'_> {
    /// Something has begun or ended on an instance: those of Managed Instances are looked at when they may be ripe.
    pub fn stirred(&mut self) {
        self.drive.cluster.calm();
        let now = self.now();
        for group in &mut self.groups.all {
            let Some(of) = &mut group.instances else { continue };
            if let (Some(after), false) = (of.setup.scale_in_after, of.is_looked_at) {
                of.is_looked_at = true;
                let event = Event::Optimise(group.setup.provider);
                self.drive.queue.schedule(now + after, Class::Control, event);
            }
        }
    }

    /// Looks for instances that are idle or under-used.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn optimise(&mut self, provider: ProviderId) -> Result<(), RunError> {
        let Some(index) = self.groups.of_provider(provider) else { return Ok(()) };
        if let Some(of) = &mut self.groups.all[index].instances {
            of.is_looked_at = false;
        }
        // While one drains there is nothing to decide: when it goes, its end stirs the provider.
        while self.groups.all[index].draining == 0 {
            let view = self.view(index);
            match managed_instances::consolidate(&view.hosts, &view.market()) {
                Some(Step::Deregister(host)) => {
                    self.was_it_of_use(view.ids[host]);
                    self.end(view.ids[host], EndCause::Idle)?;
                    continue;
                }
                Some(Step::Drain { host, .. } | Step::Replace { host, .. }) => {
                    self.end(view.ids[host], EndCause::UnderUsed)?;
                }
                Some(Step::Rebalance { onto: None, offer, .. }) if self.may_rebalance(index) => {
                    let launched = self.launch_instance(index, offer, LaunchCause::Rebalancing)?;
                    let retry = self.next_try(index).filter(|_| launched.is_none());
                    self.look_again(index, earlier(view.next_ripe, retry));
                }
                Some(Step::Rebalance { onto: None, .. }) => {
                    let of = self.groups.all[index].instances.as_ref();
                    let again = of.map(|of| of.no_rebalancing_before);
                    self.look_again(index, earlier(view.next_ripe, again));
                }
                Some(Step::Rebalance { .. }) | None => self.look_again(index, view.next_ripe),
            }
            break;
        }
        self.count(index);
        Ok(())
    }

    pub(super) fn look_again(&mut self, index: usize, at: Option<SimTime>) {
        let group = &mut self.groups.all[index];
        if let (Some(of), Some(at)) = (&mut group.instances, at)
            && !of.is_looked_at
        {
            of.is_looked_at = true;
            let event = Event::Optimise(group.setup.provider);
            self.drive.queue.schedule(at, Class::Control, event);
        }
    }

    fn may_rebalance(&self, index: usize) -> bool {
        let of = self.groups.all[index].instances.as_ref();
        of.is_some_and(|of| of.no_rebalancing_before <= self.now())
    }

    fn was_it_of_use(&mut self, id: MachineId) {
        let machine = &self.groups.machines[id];
        let Some(instance) = machine.instance else { return };
        let fleet = self.drive.cluster.fleet();
        let was_used = self.drive.cluster.touched(instance) != fleet.registered_at[instance];
        if machine.cause == LaunchCause::Rebalancing && !was_used {
            let (group, now) = (machine.group, self.now());
            if let Some(of) = &mut self.groups.all[group].instances {
                of.no_rebalancing_before = now + of.setup.rebalancing_pause;
            }
        }
    }
}

/// The earlier of two instants, as far as there are any.
fn earlier(one: Option<SimTime>, other: Option<SimTime>) -> Option<SimTime> {
    one.into_iter().chain(other).min()
}
