//! What follows a fault: ECS misses the agent, the fault is found and reacted to, the host or another one comes.

use super::{Due, Mishap, Out, Spell};
use crate::engine::Class;
use crate::model::fault::{FaultKind, Reaction};
use crate::model::fleet::InstanceStatus;
use crate::model::group::{EndCause, LaunchCause};
use crate::model::ids::InstanceId;
use crate::model::lifecycle::StopReason;
use crate::sim::books::Change;
use crate::sim::event::{Event, RunError};

impl Mishap<'_> {
    /// The instance of a spell that is still going on.
    fn still_out(&mut self, spell: Spell) -> Option<Out> {
        let out = *self.faults.out.get(&spell.instance)?;
        if out.number != spell.number {
            return None;
        }
        let fleet = self.supply.drive.cluster.fleet();
        if fleet.status[spell.instance] == InstanceStatus::Inactive {
            self.faults.out.remove(&spell.instance); // it was ended for another reason
            return None;
        }
        Some(out)
    }

    /// ECS knows that it hears nothing: it places nothing there.
    pub(super) fn is_missed(&mut self, spell: Spell) -> Result<(), RunError> {
        let Some(out) = self.still_out(spell) else { return Ok(()) };
        self.supply.drive.cluster.set_agent(spell.instance, false);
        self.tell(spell.instance, "agent_lost", out.kind, None)
    }

    /// The fault is found.
    pub(super) fn is_found(&mut self, spell: Spell) -> Result<(), RunError> {
        let Some(out) = self.still_out(spell) else { return Ok(()) };
        let instance = spell.instance;
        let grace = match out.kind {
            FaultKind::AgentDisconnect => None, // whoever reacts to that is not the group's health check
            _ => self.supply.in_grace_until(instance),
        };
        if let Some(until) = self.supply.ignored_until(instance).max(grace) {
            self.schedule(until, Class::Control, Due::Found(spell)); // after the end of the shift
            return Ok(());
        }
        self.faults.count_found(out.incident, self.now());
        let reaction = self.reaction(out.fault, instance);
        match (self.supply.groups.behind(instance), reaction) {
            (_, Reaction::Nothing) => Ok(()),
            (Some(machine), Reaction::ByOwner) => {
                self.supply.becomes_impaired(machine, out.kind.name())
            }
            (Some(machine), Reaction::Drain) => self.supply.drain_failed(machine),
            (Some(machine), Reaction::Terminate) => {
                self.faults.out.remove(&instance);
                let before = self.supply.drive.books.tally.lost;
                self.supply.replace_failed(machine)?;
                let lost = self.supply.drive.books.tally.lost - before;
                self.faults.count_lost(out.incident, lost as u32);
                Ok(())
            }
            (None, _) => {
                self.faults.out.remove(&instance);
                self.terminate_fixed(instance, out)
            }
        }
    }

    /// What is done about a fault of an instance: by its owner, which is ECS then, only where ECS finds it IMPAIRED.
    pub(super) fn reaction(&self, fault: usize, instance: InstanceId) -> Reaction {
        let of = &self.faults.list[fault];
        match of.reaction {
            Reaction::ByOwner if of.kind.makes_impaired() && self.supply.looks_after(instance) => {
                Reaction::ByOwner
            }
            Reaction::ByOwner if of.kind == FaultKind::AgentDisconnect => Reaction::Nothing,
            Reaction::ByOwner => Reaction::Terminate,
            given => given,
        }
    }

    /// An instance of a fixed fleet ends; where its fault does not last for ever another one like it comes then.
    fn terminate_fixed(&mut self, instance: InstanceId, out: Out) -> Result<(), RunError> {
        let reason = StopReason::HostTerminated;
        let lost = self.supply.drive.lose_instance(instance, reason)?;
        let provider = self.supply.drive.cluster.fleet().provider[instance];
        let price = &self.faults.kinds[self.faults.origin(instance).0].price;
        self.supply.drive.books.saw(Change::InstanceEnds { provider, price });
        self.supply.groups.ends_fixed(instance, EndCause::Failure);
        self.faults.count_lost(out.incident, lost);
        self.tell(instance, "terminated", out.kind, Some(lost))?;
        if out.until != crate::base::time::SimTime::NEVER {
            // It may have been well again for a while and not come back, because its zone was out.
            let at = out.until.max(self.now());
            self.schedule(at, Class::Supply, Due::Returns { was: instance });
        } else if let Some(subnet) = self.faults.kinds[self.faults.origin(instance).0].subnet
            && self.supply.drive.cluster.gives_back_for_good(subnet)
        {
            self.supply.drive.fargate.turns();
        }
        Ok(())
    }

    /// A machine of a fixed fleet is there again, as a new container instance.
    pub(super) fn returns(&mut self, was: InstanceId) -> Result<(), RunError> {
        let now = self.now();
        let zone = self.supply.drive.cluster.fleet().zone[was];
        if let Some(until) = self.out_until(zone) {
            self.schedule(until, Class::Supply, Due::Returns { was });
            return Ok(());
        }
        let (kind, times) = self.faults.origin(was);
        let of = &self.faults.kinds[kind];
        let (mut registration, price) = (of.registration.clone(), of.price.clone());
        registration.name = format!("{}.{}", registration.name, times + 1);
        registration.registered_at = now;
        let (cluster, provider) = (registration.cluster, registration.provider);
        let instance = self.supply.drive.cluster.register(now, registration);
        self.faults.origins.insert(instance, (kind, times + 1));
        self.supply.groups.comes_fixed(instance, LaunchCause::Replacement);
        let fleet = self.supply.drive.cluster.fleet();
        let books = &mut self.supply.drive.books;
        books.tally.launched += 1;
        books.saw(Change::InstanceRuns { provider, price: &price });
        let purchase = self.supply.drive.rules.providers[provider].purchase;
        books.saw(Change::Registered { instance, purchase, price, reservation: None, fleet });
        self.tell(instance, "registered", FaultKind::Failure, None)?;
        self.supply.drive.plan().instance_registers(cluster);
        self.instance_comes(instance);
        Ok(())
    }

    /// A fault is over before anybody has ended the instance. A host that stood still has lost its tasks; one that was
    /// silent tells what has happened meanwhile.
    pub(super) fn is_over(&mut self, spell: Spell) -> Result<Vec<Event>, RunError> {
        let Some(out) = self.still_out(spell) else { return Ok(Vec::new()) };
        let instance = spell.instance;
        let zone = self.supply.drive.cluster.fleet().zone[instance];
        if let Some(until) = self.out_until(zone) {
            self.schedule(until, Class::Supply, Due::Over(spell)); // nothing comes back there
            return Ok(Vec::new());
        }
        self.faults.out.remove(&instance);
        let drive = &mut self.supply.drive;
        let status = drive.cluster.fleet().status[instance];
        let mut lost = 0;
        if out.kind.is_dead() {
            lost = drive.lose_tasks_on(instance, StopReason::EssentialContainerExited)?;
            drive.cluster.host(instance).boots_anew(drive.queue.now());
            if drive.cluster.fleet().status[instance] != status {
                drive.cluster.set_status(instance, status);
            }
        }
        self.supply.becomes_well(instance);
        let drive = &mut self.supply.drive;
        let told = drive.tasks.let_go(instance);
        if !drive.cluster.fleet().agent_connected[instance] {
            drive.cluster.set_agent(instance, true);
        }
        let cluster = drive.cluster.fleet().cluster[instance];
        drive.plan().instance_registers(cluster);
        self.faults.count_lost(out.incident, lost);
        self.tell(instance, "recovered", out.kind, Some(lost))?;
        let number = out.draw % super::strike::MOST_FAULTS;
        self.arrange_hazard(out.fault, instance, number + 1);
        Ok(told)
    }
}
