//! Placing one task: the ask, the choice, the promise. The one place where a placement decision is applied.

use super::Life;
use crate::base::time::SimTime;
use crate::model::ids::{GroupId, InstanceId, ProviderId, SourceId, ZoneId};
use crate::model::lifecycle::{StopReason, TaskStatus};
use crate::model::resources::Resources;
use crate::policy::placement::{Ask, Refusals};
use crate::sim::books::Change;
use crate::sim::request::{Failure, Request, Target};
use crate::sim::task::{Place, Slot, Task};

impl Life<'_> {
    /// Places the first task of `request`, or says why not. It is on its way then; whoever wanted it asks
    /// [`super::Tasks::next_ready`] whether it has started already.
    ///
    /// # Errors
    /// Why it found no place.
    pub fn place_first(&mut self, request: &Request, target: Target) -> Result<Slot, Failure> {
        match target {
            Target::Fargate(provider) => self.place_on_fargate(request, provider),
            Target::Instances(item) => {
                let ask = self.ask(request, item);
                let near = self.ask_with_address(ask, request.source);
                match self.cluster.choose(&near, &self.rules.port_sets) {
                    Some(instance) => Ok(self.start_on_instance(request, instance)),
                    None => match self.waits_for(request, item) {
                        Some(provider) => match self.overflows_at_once(request) {
                            Some(slot) => Ok(slot),
                            None => self.begin_waiting(request, ask, provider),
                        },
                        None => Err(self.cluster.refusals(&near, &self.rules.port_sets)),
                    },
                }
            }
            Target::Named(instance) => {
                let ask = self.ask(request, 0);
                match self.cluster.verdict(&ask, instance, &self.rules.port_sets) {
                    None => Ok(self.start_on_instance(request, instance)),
                    Some(reason) => {
                        Err(Failure::Refused(Refusals(std::iter::once((reason, 1)).collect())))
                    }
                }
            }
        }
    }

    /// What the first task of `request` asks for under item `item` of its asker's strategy.
    #[must_use]
    pub fn ask(&self, request: &Request, item: usize) -> Ask {
        let rule = self.rules.askers[request.source].table.of(item, request.definition);
        let ports = self.rules.definition_ports[request.definition];
        Ask { rule, demand: request.demand, ports, group: request.group }
    }

    /// An ask that keeps to zones where an interface finds an address, as long as there are such.
    #[inline]
    #[must_use]
    pub fn ask_with_address(&mut self, ask: Ask, source: SourceId) -> Ask {
        if self.cluster.network.is_none() {
            return ask;
        }
        let of = &self.rules.askers[source].network;
        self.cluster.ask_with_address(ask, of, self.rules.zones.ids(), &self.rules.port_sets)
    }

    /// Whether the first task of `request` could be placed if nothing else ran.
    #[must_use]
    pub fn fits_when_empty(&self, request: &Request, target: Target) -> bool {
        match target {
            Target::Fargate(provider) => {
                let definition = &self.rules.definitions[request.definition];
                let size = self.fargate.size(definition, request.demand);
                let purchase = self.rules.providers[provider].purchase;
                self.fargate.could_fit_when_empty(size, purchase)
            }
            Target::Named(instance) => {
                let ask = self.ask(request, 0);
                self.cluster.could_take_when_empty(&ask, instance, &self.rules.port_sets)
            }
            Target::Instances(item) => {
                self.cluster.could_fit_when_empty(&self.ask(request, item), &self.rules.port_sets)
            }
        }
    }

    /// Applies a choice: the promise, the records, the first step of the lifecycle.
    fn start_on_instance(&mut self, request: &Request, instance: InstanceId) -> Slot {
        self.cluster.look_ahead(instance);
        let now = self.now();
        let provider = self.cluster.fleet().provider[instance];
        let place = Place::Instance(instance);
        let task = self.new_task(request, place, provider, request.demand, now);
        let ports = self.rules.ports(request.definition);
        self.cluster.promise(now, instance, request.demand, ports, request.group);
        self.begin(task, request.demand)
    }

    fn place_on_fargate(
        &mut self,
        request: &Request,
        provider: ProviderId,
    ) -> Result<Slot, Failure> {
        let definition = &self.rules.definitions[request.definition];
        let size = self.fargate.size(definition, request.demand);
        let size = size.ok_or(Failure::FargateConfiguration)?;
        let zone = self.fargate_zone((request.source, request.group), provider, size)?;
        let now = self.now();
        let task = self.new_task(request, Place::Fargate(zone), provider, size, now);
        Ok(self.begin(task, request.demand))
    }

    /// Takes a task's part of Fargate, in a zone of its asker's subnets, with addresses as long as there are such.
    pub(super) fn fargate_zone(
        &mut self,
        (source, group): (SourceId, GroupId),
        provider: ProviderId,
        size: Resources,
    ) -> Result<ZoneId, Failure> {
        let purchase = self.rules.providers[provider].purchase;
        let asker = &self.rules.askers[source];
        let zones = asker.zones.as_deref();
        let open = zones.and_then(|all| self.cluster.zones_with_addresses(&asker.network, all));
        let subnets = open.as_deref().or(zones);
        self.fargate.take(size, purchase, provider, group, subnets)
    }

    pub(super) fn begin(&mut self, task: Task, asked: Resources) -> Slot {
        self.tasks.wanted -= 1;
        self.books.saw(Change::Placed { task: &task, asked });
        let slot = self.tasks.insert(task);
        self.provisioned(slot);
        slot
    }

    pub(super) fn new_task(
        &self,
        request: &Request,
        place: Place,
        provider: ProviderId,
        demand: Resources,
        placed: SimTime,
    ) -> Task {
        let asker = &self.rules.askers[request.source];
        let mut work = request.work.unwrap_or_else(|| {
            asker.duration.sample_span(&mut asker.durations.member(request.own_number()))
        });
        let mut stop_reason = StopReason::EssentialContainerExited;
        if let Some(limit) = asker.stop_after.filter(|limit| *limit < work) {
            work = limit;
            stop_reason = StopReason::UserInitiated;
        }
        Task {
            id: request.first_id,
            draws: asker.draws.wrapping_add(request.own_number()),
            arrival: request.arrival,
            accepted: request.accepted.unwrap_or_else(|| self.now()),
            placed,
            pending: SimTime::NEVER,
            pull_started: SimTime::NEVER,
            pull_stopped: SimTime::NEVER,
            started: SimTime::NEVER,
            stopping: SimTime::NEVER,
            execution_stopped: SimTime::NEVER,
            work,
            demand,
            definition: request.definition,
            group: request.group,
            place,
            next_in_queue: Slot::NONE,
            provider,
            source: request.source,
            ephemeral_gib: request.ephemeral_gib,
            exit_code: request.exit_code,
            status: TaskStatus::Provisioning,
            is_uncounted: false,
            has_overflowed: false,
            stop_reason,
        }
    }
}
