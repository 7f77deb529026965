//! A group gets what it lacks: the stages until an instance is ACTIVE.

use super::{Stage, Supply};
use crate::base::distribution::Distribution;
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::model::group::{EndCause, InstanceTiming, LaunchCause};
use crate::model::ids::MachineId;
use crate::model::platform::Purchase;
use crate::sim::books::Change;
use crate::sim::event::{Event, RunError};

/// Draws of an instance are numbered: so many each.
const DRAWS: u64 = 4;

impl Supply<'_> {
    /// A group is brought to its desired capacity, as far as it is allowed to.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn reconcile(&mut self, group: usize, cause: LaunchCause) -> Result<(), RunError> {
        if self.groups.all[group].instances.is_some() {
            self.count(group); // ECS says itself what it launches and what it ends
            return Ok(());
        }
        let of = &mut self.groups.all[group];
        of.renewal.keep_left_over(of.members.len() as u32 - of.active);
        let there = of.members.len() as u32;
        let wanted = of.wanted();
        if std::mem::replace(&mut of.tried, wanted) != wanted {
            self.try_now(group);
        }
        if there < wanted {
            let lacks = |of: &super::Group| (of.members.len() as u32) < wanted;
            while lacks(&self.groups.all[group]) && self.take_warm(group, cause)? {}
            while let Some(purchase) = self.groups.all[group].lacks() {
                self.launch(group, purchase, cause)?;
            }
        } else {
            self.shrink(group)?;
        }
        self.fill_pool(group)?;
        self.count(group);
        self.refresh_goes_on(group)?;
        self.replace_old(group) // it may be whole now
    }

    /// A group ends what it has too much of. Where one at risk is chosen, its replacement is one too many next.
    fn shrink(&mut self, group: usize) -> Result<(), RunError> {
        loop {
            let of = &self.groups.all[group];
            let there = of.members.len();
            let excess = there.saturating_sub(of.wanted() as usize);
            if excess > 0 {
                self.scale_in(group, excess as u32, EndCause::ScaleIn)?;
            }
            if excess == 0 || self.groups.all[group].members.len() == there {
                return Ok(());
            }
        }
    }

    /// Launches one instance in the zone with fewest; where there is no capacity for it, the group waits.
    fn launch(
        &mut self,
        group: usize,
        purchase: Purchase,
        cause: LaunchCause,
    ) -> Result<(), RunError> {
        let now = self.now();
        self.see_addresses(group);
        self.see_openings(group);
        let Some(offer) = self.groups.all[group].choose(purchase, now) else {
            let reason = self.why_not(group, purchase);
            return self.back_off(group, purchase, &reason);
        };
        self.launch_offer(group, (offer, purchase), cause)?;
        Ok(())
    }

    /// Launches one instance of an offer.
    pub(super) fn launch_offer(
        &mut self,
        group: usize,
        (offer, purchase): (usize, Purchase),
        cause: LaunchCause,
    ) -> Result<MachineId, RunError> {
        let now = self.now();
        self.has_launched(group, purchase);
        let place = self.groups.all[group].place_of(offer);
        let id = self.groups.add(group, (offer, purchase), now, cause);
        self.groups.put_in(id, place);
        self.arrange_return(id);
        self.takes_address(id);
        self.drive.books.tally.launched += 1;
        self.tell(id, "launch", None)?;
        self.next_stage_after(id, |timing| &timing.launch);
        Ok(id)
    }

    pub(super) fn next_stage_after(
        &mut self,
        id: MachineId,
        span: impl FnOnce(&InstanceTiming) -> &Distribution,
    ) {
        let span = self.stage_takes(id, span);
        self.stage_ends_in(id, span);
    }

    /// How long the stage takes that an instance is in.
    fn stage_takes(
        &self,
        id: MachineId,
        span: impl FnOnce(&InstanceTiming) -> &Distribution,
    ) -> SimSpan {
        let machine = &self.groups.machines[id];
        let group = &self.groups.all[machine.group];
        let draw = machine.number * DRAWS + machine.stage as u64;
        span(&group.setup.timing).sample_span(&mut group.draws.member(draw))
    }

    pub(super) fn stage_ends_in(&mut self, id: MachineId, span: SimSpan) {
        let now = self.now();
        // Capacity that is decided about now is there at the next microsecond at the earliest.
        let span = SimSpan(span.0.max(1));
        let event = Event::Machine(id);
        self.groups.machines[id].ticket =
            Some(self.drive.queue.schedule_cancellable(now + span, Class::Supply, event));
    }

    /// The next stage of an instance is due.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn machine_goes_on(&mut self, id: MachineId) -> Result<(), RunError> {
        let machine = &mut self.groups.machines[id];
        machine.ticket = None;
        match machine.stage {
            Stage::Requested => {
                machine.stage = Stage::Pending;
                self.next_stage_after(id, |timing| &timing.pending);
                Ok(())
            }
            Stage::Pending => self.runs(id),
            Stage::Booting if machine.is_in_pool() => self.waits_for_pool(id),
            Stage::Booting => {
                machine.stage = Stage::Registering;
                if !self.never_registers(id) {
                    let register = self.stage_takes(id, |timing| &timing.register);
                    self.waits_for_launch(id, register);
                }
                Ok(())
            }
            Stage::Registering | Stage::Held if machine.is_abandoned => self.launch_abandoned(id),
            Stage::Held => self.has_warmed(id),
            Stage::Registering if machine.never_registers => {
                self.tell(id, "never_registered", None)?;
                self.replace_failed(id)
            }
            Stage::Registering => self.registers(id),
            Stage::Draining => self.finish_or_return(id), // it has drained for as long as it may
            Stage::InService => self.grows_old(id),
            Stage::Terminated | Stage::Warm => Ok(()),
        }
    }

    /// EC2 says `running`: one of a warm pool may have run all the time.
    fn runs(&mut self, id: MachineId) -> Result<(), RunError> {
        let machine = &mut self.groups.machines[id];
        machine.stage = Stage::Booting;
        let is_from_pool = machine.was_in_pool();
        if machine.running == SimTime::NEVER {
            machine.running = self.drive.queue.now();
            self.bill_begins(id);
            self.draw_fate(id);
            self.tell(id, "running", None)?;
        }
        if is_from_pool {
            self.pool_stage(id, 1, |timing| &timing.boot);
        } else {
            self.next_stage_after(id, |timing| &timing.boot);
        }
        Ok(())
    }

    pub(super) fn bill_begins(&mut self, id: MachineId) {
        let provider = self.groups.all[self.groups.machines[id].group].setup.provider;
        let price = self.groups.price_of(id);
        self.drive.books.saw(Change::InstanceRuns { provider, price });
        let instance_type = self.groups.type_of(id);
        self.drive.books.saw(Change::Fee { provider, instance_type, begins: true });
    }

    /// ACTIVE: the cluster has it, those who wait for capacity are told.
    fn registers(&mut self, id: MachineId) -> Result<(), RunError> {
        let now = self.now();
        let name = self.groups.name_of(id);
        let machine = &mut self.groups.machines[id];
        machine.stage = Stage::InService;
        let (group, launched, running) = (machine.group, machine.launched, machine.running);
        let (offer, reservation) = (machine.offer, machine.reservation);
        let mut registration = self.groups.all[group].setup.offers[offer].registration.clone();
        let price = self.groups.price_of(id).clone();
        (registration.name, registration.registered_at) = (name, now);
        self.name_subnet(id, &mut registration);
        let cluster = registration.cluster;
        let instance = self.drive.cluster.register_launched(registration, launched, running);
        self.groups.bind(id, instance);
        let fleet = self.drive.cluster.fleet();
        let purchase = self.groups.bought(id);
        let of = Change::Registered { instance, purchase, price, reservation, fleet };
        self.drive.books.saw(of);
        self.groups.all[group].active += 1;
        self.groups.all[group].renewal.has_changed(id);
        self.tell(id, "registered", None)?;
        if self.agent_drains(id) {
            self.drains(id, instance)?; // its notice came before it registered
            return self.reconcile(group, LaunchCause::ScaleOut);
        }
        self.instance_takes_its_batch(id, instance)?;
        self.arrange_old_age(id);
        self.arrange_warm_up(group);
        self.drive.plan().instance_registers(cluster);
        self.relieve(group, id)?;
        if self.is_extra_no_more(id) {
            self.scale_in(group, 1, EndCause::Rebalance)?;
            self.rebalance(group)?;
        }
        // The desired capacity may have gone down while it was on its way.
        self.reconcile(group, LaunchCause::ScaleOut)
    }
}
