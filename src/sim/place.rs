//! Placing one task: the ask, the choice, the promise. The one place where a placement decision is applied.

use super::callers::{Request, Target};
use super::setup::{Launch, SourceSetup};
use super::task::{Place, Slot, Task};
use super::world::{Event, RunError, World};
use crate::base::time::SimTime;
use crate::engine::Queue;
use crate::model::arrival::TaskRow;
use crate::model::definition::{NetworkMode, TaskDefinition};
use crate::model::fargate::fargate_size_for;
use crate::model::ids::{DefinitionId, GroupId, InstanceId, ProviderId, SourceId, ZoneId};
use crate::model::lifecycle::{StopReason, TaskStatus};
use crate::model::platform::{OperatingSystem, Purchase};
use crate::model::resources::Resources;
use crate::policy::placement::{Ask, Reason, Refusals, Rule, Strategy};
use crate::policy::query::Expression;

/// Why a task could not be placed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// Every candidate was turned down.
    Refused(Refusals),
    /// There are no candidates at all.
    NoInstances,
    /// No Fargate size is large enough, or the task wants what Fargate has not.
    FargateConfiguration,
    /// The account's quota of Fargate vCPUs is used up.
    FargateVcpuLimit,
}

impl Failure {
    /// As ECS names it. Of several reasons that of the instance that came furthest in the pipeline (assumed: ECS's
    /// events speak of the "closest matching" instance; which one that is, is unpublished).
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Failure::Refused(refusals) => {
                let furthest = refusals.0.keys().next_back();
                furthest.map_or("NO_CONTAINER_INSTANCES", |reason| reason_name(*reason))
            }
            Failure::NoInstances => "NO_CONTAINER_INSTANCES",
            Failure::FargateConfiguration => "FARGATE_CONFIGURATION",
            Failure::FargateVcpuLimit => "FARGATE_VCPU_LIMIT",
        }
    }

    /// Whether waiting can help.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        !matches!(self, Failure::NoInstances | Failure::FargateConfiguration)
    }
}

/// The name of a reason in outputs: ECS's own where it has one.
#[must_use]
pub fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Agent => "AGENT",
        Reason::Location => "LOCATION",
        Reason::Attribute => "ATTRIBUTE",
        Reason::Cpu => "RESOURCE:CPU",
        Reason::Memory => "RESOURCE:MEMORY",
        Reason::Gpu => "RESOURCE:GPU",
        Reason::Ports => "RESOURCE:PORTS",
        Reason::Eni => "RESOURCE:ENI",
        Reason::MemberOf => "MEMBER_OF",
        Reason::DistinctInstance => "DISTINCT_INSTANCE",
    }
}

/// Refusals of the last ask that failed: a burst of equal tasks counts the fleet once.
#[derive(Default)]
pub struct LastRefusal {
    key: Option<(Ask, u64)>,
    refusals: Refusals,
}

impl World {
    /// Turns a trace row into a request.
    pub(super) fn resolve(
        &mut self,
        source: SourceId,
        row: TaskRow,
        now: SimTime,
    ) -> Result<Request, RunError> {
        let definition = match row.definition {
            Some(name) => self.definition_of_row(source, name)?,
            None => self.callers[source].setup.definition,
        };
        let group = match row.group {
            Some(name) => {
                let name = self.streams[source.0 as usize].names()[name.0 as usize].clone();
                self.group(&name)
            }
            None => self.callers[source].group.unwrap_or(self.family_groups[definition]),
        };
        let of_definition = &self.definitions[definition];
        let own = of_definition.demand;
        let demand = Resources {
            cpu: row.cpu.unwrap_or(own.cpu),
            memory: row.memory.unwrap_or(own.memory),
            gpus: row.gpus.unwrap_or(own.gpus),
            enis: own.enis,
        };
        let request = Request {
            source,
            arrival: now,
            accepted: None,
            first_id: self.next_task_id,
            others: self.next_task_id - self.callers[source].wanted,
            remaining: row.count,
            attempts: 0,
            demand,
            work: row.duration,
            definition,
            group,
            ephemeral_gib: row.ephemeral_gib.unwrap_or(of_definition.ephemeral_gib),
            exit_code: row.exit_code,
            reported: None,
            refused: (0, 0),
        };
        self.next_task_id += u64::from(row.count);
        self.callers[source].wanted += u64::from(row.count);
        if demand != own && !self.fleet.is_empty() {
            self.capacity.knows_size(now, demand, &self.fleet);
        }
        Ok(request)
    }

    fn definition_of_row(
        &mut self,
        source: SourceId,
        name: crate::model::arrival::NameId,
    ) -> Result<DefinitionId, RunError> {
        let name = &self.streams[source.0 as usize].names()[name.0 as usize];
        let found = self.definition_names.get(name.as_str()).copied();
        found.ok_or_else(|| {
            let known: Vec<&str> = self.definitions.iter().map(|d| d.family.as_str()).collect();
            let hint = crate::base::suggest::nearest(name, known.iter().copied())
                .map_or_else(String::new, |near| format!("did you mean \"{near}\"? "));
            RunError::Trace(format!(
                "run_task `{}`: its trace names the task definition `{name}`, which the scenario does not \
                 have\n  = help: {hint}known: {}",
                self.callers[source].setup.name,
                known.join(", ")
            ))
        })
    }

    /// Places the first task of `request`, or says why not. The outer error ends the run.
    pub(super) fn place_first(
        &mut self,
        request: &Request,
        target: Target,
        queue: &mut Queue<Event>,
    ) -> Result<Result<(), Failure>, RunError> {
        match target {
            Target::Fargate(provider) => self.place_on_fargate(request, provider, queue),
            Target::Instances(item) => {
                let ask = self.ask(request, item);
                match self.placer.choose(&ask, &self.fleet, &self.port_sets) {
                    Some(instance) => self.start_on_instance(request, instance, queue).map(Ok),
                    None => Ok(Err(self.refusals(&ask))),
                }
            }
            Target::Named(instance) => {
                let ask = self.ask(request, 0);
                match self.placer.verdict(&ask, instance, &self.fleet, &self.port_sets) {
                    None => self.start_on_instance(request, instance, queue).map(Ok),
                    Some(reason) => {
                        Ok(Err(Failure::Refused(Refusals(std::iter::once((reason, 1)).collect()))))
                    }
                }
            }
        }
    }

    /// What the first task of `request` asks for under item `item` of its caller's strategy.
    pub(super) fn ask(&self, request: &Request, item: usize) -> Ask {
        let rules = &self.callers[request.source].rules;
        let rule = rules.of(item, request.definition);
        let ports = self.definition_ports[request.definition];
        Ask { rule, demand: request.demand, ports, group: request.group }
    }

    fn refusals(&mut self, ask: &Ask) -> Failure {
        let key = Some((*ask, self.fleet_version));
        if self.last_refusal.key != key {
            self.last_refusal.refusals = self.placer.refusals(ask, &self.fleet, &self.port_sets);
            self.last_refusal.key = key;
        }
        if self.last_refusal.refusals.0.is_empty() {
            return Failure::NoInstances;
        }
        Failure::Refused(self.last_refusal.refusals.clone())
    }

    /// Compiles the placement rules of a caller: one for each item of its strategy and each definition it may use.
    /// All are compiled before the first task, so that groups are counted from the beginning.
    pub(super) fn compile_rules(&mut self, source: SourceId) {
        let setup = &self.callers[source].setup;
        let providers: Vec<Option<ProviderId>> = match &setup.launch {
            Launch::Providers(shares) => shares.iter().map(|s| Some(s.provider)).collect(),
            Launch::Type(_) | Launch::Start(_) => vec![None],
        };
        let mut rules = std::mem::take(&mut self.callers[source].rules);
        for provider in providers {
            for &definition in &rules.definitions {
                let rule = self.rule_of(&self.callers[source].setup, definition, provider);
                rules.ids.push(self.placer.add_rule(rule, &self.fleet));
            }
        }
        self.callers[source].rules = rules;
    }

    fn rule_of(
        &self,
        setup: &SourceSetup,
        definition: DefinitionId,
        provider: Option<ProviderId>,
    ) -> Rule {
        let definition = &self.definitions[definition];
        let mut rule = Rule {
            cluster: setup.cluster,
            provider,
            zones: setup.zones.clone(),
            platform: definition.platform_is_explicit.then_some(definition.platform),
            strategies: setup.strategies.clone(),
            distinct_instance: setup.distinct_instance,
            member_of: setup.member_of.clone(),
        };
        if definition.network_mode != NetworkMode::Awsvpc {
            rule.zones = None; // only an ENI needs a subnet
        }
        if rule.strategies.is_empty() {
            rule.strategies = Strategy::default_for_run_task();
        }
        rule.member_of.extend(definition.placement_constraints.iter().map(|text| {
            Expression::parse(text).expect("a scenario's task definitions were checked")
        }));
        if matches!(setup.launch, Launch::Start(_)) {
            // StartTask knows neither strategies nor constraints (API reference).
            rule.member_of.clear();
            rule.distinct_instance = false;
        }
        rule
    }

    /// Whether the first task of `request` could be placed if nothing else ran.
    pub(super) fn fits_when_empty(&self, request: &Request, target: Target) -> bool {
        match target {
            Target::Fargate(provider) => {
                let quota = self.fargate_quota(self.providers[provider].purchase);
                let definition = &self.definitions[request.definition];
                let size = self.fargate_size(definition, request.demand);
                quota.is_none_or(|vcpus| {
                    size.is_some_and(|s| u64::from(s.cpu) <= u64::from(vcpus) * 1024)
                })
            }
            Target::Named(instance) => request.demand.fits_into(self.fleet.registered[instance]),
            Target::Instances(item) => {
                let ask = self.ask(request, item);
                self.placer.could_fit_when_empty(&ask)
            }
        }
    }

    /// Applies a choice: the promise, the records, the first step of the lifecycle.
    fn start_on_instance(
        &mut self,
        request: &Request,
        instance: InstanceId,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        let provider = self.fleet.provider[instance];
        let task = self.new_task(request, Place::Instance(instance), provider, request.demand, now);
        let ports = self.port_sets.get(self.definition_ports[request.definition]);
        self.fleet.promise(instance, request.demand, ports);
        self.fleet_version += 1;
        self.placer.placed(instance, request.group, &self.fleet);
        self.capacity.promised(now, instance, request.demand, &self.fleet);
        let slot = self.tasks.insert(task);
        self.adopt(slot);
        self.recorder.status_is(provider, TaskStatus::Provisioning);
        self.provisioned_on_instance(slot, queue)
    }

    fn place_on_fargate(
        &mut self,
        request: &Request,
        provider: ProviderId,
        queue: &mut Queue<Event>,
    ) -> Result<Result<(), Failure>, RunError> {
        let of_definition = &self.definitions[request.definition];
        let asked = (request.demand.cpu, request.demand.memory);
        let Some(size) = self.fargate_size(of_definition, request.demand) else {
            return Ok(Err(Failure::FargateConfiguration));
        };
        let purchase = self.providers[provider].purchase;
        let used = self.fargate_cpu[purchase as usize];
        if let Some(vcpus) = self.fargate_quota(purchase)
            && used + u64::from(size.cpu) > u64::from(vcpus) * 1024
        {
            return Ok(Err(Failure::FargateVcpuLimit));
        }
        let now = queue.now();
        let zone = self.fargate_zone(request, provider);
        self.fargate_cpu[purchase as usize] += u64::from(size.cpu);
        self.fleet_version += 1;
        self.recorder.fargate_placed(asked, (size.cpu, size.memory));
        let task = self.new_task(request, Place::Fargate(zone), provider, size, now);
        let slot = self.tasks.insert(task);
        self.adopt(slot);
        self.recorder.status_is(provider, TaskStatus::Provisioning);
        self.provisioned_on_fargate(slot, queue)?;
        Ok(Ok(()))
    }

    /// The valid size that a request is raised to; `None` where Fargate cannot run it.
    fn fargate_size(&self, definition: &TaskDefinition, demand: Resources) -> Option<Resources> {
        if demand.gpus > 0 || definition.ephemeral_gib > 200 {
            return None;
        }
        let sizes = match definition.platform.os {
            OperatingSystem::Linux => &self.fargate_sizes.linux,
            OperatingSystem::Windows => &self.fargate_sizes.windows,
        };
        fargate_size_for(sizes, demand.cpu, demand.memory).map(|(cpu, memory)| Resources {
            cpu,
            memory,
            gpus: 0,
            enis: 1,
        })
    }

    fn fargate_quota(&self, purchase: Purchase) -> Option<u32> {
        match purchase {
            Purchase::OnDemand => self.limits.fargate_vcpus,
            Purchase::Spot => self.limits.fargate_spot_vcpus,
        }
    }

    /// The AZ with the fewest tasks of the group on this provider, ties to the order of the subnets
    /// (best-effort AZ spread; FARGATE and FARGATE_SPOT spread separately; documented).
    fn fargate_zone(&mut self, request: &Request, provider: ProviderId) -> ZoneId {
        let own = self.callers[request.source].setup.zones.as_deref();
        let zones = own.unwrap_or(&self.fargate_zones);
        let counts = self
            .fargate_spread
            .get_or_insert_with((request.group, provider), || vec![0; self.zone_count]);
        let zone = *zones
            .iter()
            .min_by_key(|zone| counts[zone.0 as usize])
            .expect("a scenario with Fargate has zones");
        counts[zone.0 as usize] += 1;
        zone
    }

    fn new_task(
        &mut self,
        request: &Request,
        place: Place,
        provider: ProviderId,
        demand: Resources,
        now: SimTime,
    ) -> Task {
        let caller = &self.callers[request.source];
        let work = request.work.unwrap_or_else(|| {
            caller.setup.duration.sample_span(&mut caller.durations.member(request.own_number()))
        });
        let accepted = request.accepted.unwrap_or(now);
        self.wanted -= 1;
        self.tally.placed += 1;
        self.recorder.waits.add(now.since(accepted));
        Task {
            id: request.first_id,
            arrival: request.arrival,
            accepted,
            placed: now,
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
            stop_reason: StopReason::EssentialContainerExited,
        }
    }

    /// The id of a task group, new or known.
    pub(super) fn group(&mut self, name: &str) -> GroupId {
        if let Some(&group) = self.group_names.get(name) {
            return group;
        }
        let group = self.recorder.names.add_group(name);
        let named = self.placer.name_group(name);
        debug_assert_eq!(group, named, "groups have one numbering");
        self.group_names.insert(name.into(), group);
        group
    }

    /// Container instances that StartTask names.
    pub(super) fn named_instances(&self, launch: &Launch) -> Vec<InstanceId> {
        let Launch::Start(names) = launch else { return Vec::new() };
        let find = |name: &String| self.fleet.name.enumerate().find(|(_, n)| *n == name);
        names.iter().filter_map(|name| find(name).map(|(id, _)| id)).collect()
    }
}
