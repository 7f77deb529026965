//! A group loses what it has too much of: the choice, draining, the end of an instance and of what runs on it.

use super::retry::Retry;
use super::{Group, Stage, Supply};
use crate::base::time::SimSpan;
use crate::engine::Class;
use crate::model::fleet::InstanceStatus;
use crate::model::group::EndCause;
use crate::model::ids::{InstanceId, MachineId};
use crate::model::lifecycle::StopReason;
use crate::model::platform::Purchase;
use crate::policy::capacity::mixed::OnDemandShare;
use crate::policy::capacity::terminate::{self, Candidate};
use crate::sim::books::Change;
use crate::sim::event::{Event, RunError};

impl Group {
    /// One of its instances is no member any more.
    fn leave(&mut self, id: MachineId, offer: usize, purchase: Purchase) {
        if let Ok(at) = self.members.binary_search(&id) {
            self.members.remove(at);
            self.at_risk.retain(|&other| other != id);
            self.enters(offer, purchase, -1);
            self.renewal.has_left(id, self.zone_of(offer), purchase);
        }
    }

    /// Counts so many more, or less, of an offer.
    pub(super) fn enters(&mut self, offer: usize, purchase: Purchase, by: i32) {
        let zone = self.zone_of(offer);
        let (own, at) = (&mut self.by_offer[offer], purchase as usize);
        for count in [&mut self.by_zone[zone], &mut self.bought[at], &mut own[at]] {
            *count = count.saturating_add_signed(by);
        }
    }

    /// For how long an instance may drain that ends for this.
    fn longest_drain(&self, cause: EndCause) -> SimSpan {
        match &self.instances {
            Some(of) if cause == EndCause::Repair => of.longest_repair(),
            _ => self.setup.draining.longest,
        }
    }
}

impl Supply<'_> {
    /// Ends up to so many instances of a group.
    pub(super) fn scale_in(
        &mut self,
        index: usize,
        count: u32,
        cause: EndCause,
    ) -> Result<(), RunError> {
        let now = self.now();
        let mut ids = self.may_scale_in(index);
        let ranks = self.groups.all[index].ranks(now);
        let group = &mut self.groups.all[index];
        let mut in_zone = group.by_zone.clone();
        let candidate = |&id: &MachineId| {
            let machine = &self.groups.machines[id];
            Candidate {
                zone: group.zone_of(machine.offer),
                purchase: machine.purchase,
                launched: machine.launched,
                number: machine.number,
                template: machine.template,
                // Those of the last segments first.
                rank: ranks[machine.offer][machine.purchase as usize]
                    + (machine.segment * group.types()) as u32,
            }
        };
        let mut candidates: Vec<Candidate> = ids.iter().map(candidate).collect();
        let mut chosen = Vec::new();
        let mut bought = group.bought;
        for _ in 0..count {
            let share = match &group.setup.mixed {
                Some(mixed) => Some((mixed.share, bought[0], bought[1])),
                None if group.types() > 1 => Some(all_of_one(group.setup.purchase, &in_zone)),
                None => None,
            };
            let view = terminate::Group {
                zones: &in_zone,
                mixed: share,
                policies: &group.setup.termination,
            };
            let found = terminate::choose(&candidates, &view, now, &mut group.dice);
            let Some(at) = found else { break };
            let gone = candidates.remove(at);
            in_zone[gone.zone] -= 1;
            bought[gone.purchase as usize] -= 1;
            chosen.push(ids.remove(at));
        }
        for id in chosen {
            self.end(id, cause)?;
        }
        Ok(())
    }

    /// An instance is to end: it drains first where its group does so.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn end(&mut self, id: MachineId, cause: EndCause) -> Result<(), RunError> {
        let machine = &mut self.groups.machines[id];
        if matches!(machine.stage, Stage::Draining | Stage::Terminated) {
            return Ok(());
        }
        machine.end = Some(cause);
        if let Some(ticket) = machine.ticket.take() {
            self.drive.queue.cancel(ticket);
        }
        let index = machine.group;
        self.leaves(id);
        let machine = &mut self.groups.machines[id];
        let group = &mut self.groups.all[index];
        let draining = group.setup.draining;
        match machine.instance {
            Some(instance) if draining.is_on || group.has_termination_hooks() => {
                machine.stage = Stage::Draining;
                group.draining += 1;
                group.leaving.push(id);
                group.leaving_spot[machine.offer] += u32::from(machine.is_spot());
                let drains =
                    if draining.is_on { group.longest_drain(cause) } else { SimSpan::ZERO };
                let held = self.termination_begins(id, drains);
                let is_empty = self.drive.cluster.fleet().holds_nothing(instance);
                let at = match held {
                    None if is_empty => return self.finish_or_return(id),
                    None => self.now() + SimSpan(drains.0.max(1)),
                    Some(_) if is_empty => self.groups.machines[id].held_until,
                    Some(last) => last,
                };
                let event = Event::Machine(id);
                let ticket = self.drive.queue.schedule_cancellable(at, Class::Release, event);
                self.groups.machines[id].ticket = Some(ticket);
                self.drains(id, instance)
            }
            _ => self.finish_or_return(id),
        }
    }

    /// A group counts an instance no longer.
    pub(super) fn leaves(&mut self, id: MachineId) {
        let machine = &self.groups.machines[id];
        let group = &mut self.groups.all[machine.group];
        group.leave(id, machine.offer, machine.purchase);
        group.active -= u32::from(machine.stage == Stage::InService);
        self.groups.leaves_pool(id);
    }

    /// DRAINING: no new tasks, services replace theirs.
    pub(super) fn drains(&mut self, id: MachineId, instance: InstanceId) -> Result<(), RunError> {
        if self.drive.cluster.fleet().status[instance] == InstanceStatus::Draining {
            self.count(self.groups.machines[id].group); // its agent was quicker
            return Ok(());
        }
        self.groups.machines[id].draining = self.now();
        self.drive.cluster.set_status(instance, InstanceStatus::Draining);
        let tasks = self.drive.cluster.fleet().tasks[instance];
        self.tell(id, "draining", Some(tasks))?;
        self.drive.plan().instance_drains(instance);
        self.count(self.groups.machines[id].group);
        Ok(())
    }

    /// DRAINING instances have got something back: those that hold nothing any more end, and where only tasks of DAEMON
    /// services are left these stop.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn drained(&mut self) -> Result<(), RunError> {
        while let Some(instance) = self.drive.cluster.take_eased() {
            let fleet = self.drive.cluster.fleet();
            if fleet.status[instance] != InstanceStatus::Draining {
                continue;
            }
            if !fleet.holds_nothing(instance) {
                self.drive.plan().instance_empties(instance);
                if let Some(id) = self.groups.behind(instance) {
                    self.end_silent(id)?;
                }
            } else if let Some(id) = self.groups.behind(instance)
                && self.groups.machines[id].stage == Stage::Draining
            {
                self.finish_or_return(id)?; // one that only its agent drains is EC2's to end
            }
        }
        Ok(())
    }

    /// The end of an instance: what still runs on it is lost, its bill is closed.
    pub(super) fn finish(&mut self, id: MachineId) -> Result<(), RunError> {
        self.is_extra_no_more(id);
        let now = self.now();
        let machine = &mut self.groups.machines[id];
        let before = machine.stage;
        (machine.stage, machine.ended) = (Stage::Terminated, now);
        for ticket in [machine.ticket.take(), machine.fate.ticket.take()].into_iter().flatten() {
            self.drive.queue.cancel(ticket);
        }
        let (index, instance, offer) = (machine.group, machine.instance, machine.offer);
        let is_spot = machine.is_spot();
        let was_billed = machine.running <= now;
        let group = &mut self.groups.all[index];
        group.draining -= u32::from(before == Stage::Draining);
        if before == Stage::Draining {
            group.leaving.retain(|other| *other != id);
            group.leaving_spot[offer] -= u32::from(is_spot);
        }
        group.retries.iter_mut().for_each(Retry::may_find_now); // what it held may be had again
        let mut lost = 0;
        if let Some(instance) = instance {
            lost = self.drive.lose_instance(instance, StopReason::HostTerminated)?;
        }
        if was_billed {
            let provider = self.groups.all[index].setup.provider;
            let price = self.groups.price_of(id);
            self.drive.books.saw(Change::InstanceEnds { provider, price });
            let instance_type = self.groups.type_of(id);
            self.drive.books.saw(Change::Fee { provider, instance_type, begins: false });
        } else if before == Stage::Warm {
            self.drive.books.tally.ended += 1; // it was stopped
        }
        self.gives_address_back(id);
        self.groups.gives_place_back(id);
        self.batch_is_upset(id);
        self.tell(id, "terminated", Some(lost))?;
        self.count(index);
        self.was_repaired(id)
    }
}

/// The share of a group whose instances are all bought the same way.
fn all_of_one(purchase: Purchase, in_zone: &[u32]) -> (OnDemandShare, u32, u32) {
    let all = in_zone.iter().sum();
    match purchase {
        Purchase::Spot => (OnDemandShare { base: 0, percent: 0 }, 0, all),
        _ => (OnDemandShare::default(), all, 0),
    }
}
