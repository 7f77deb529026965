//! The service scheduler's pass: decisions of [`crate::policy::service`] applied to the tasks of a service, in batches
//! and at the pace that ECS allows; and when it looks again.

use super::super::callers::{Request, Target, next_share};
use super::super::place::Failure;
use super::super::setup::{Launch, ServiceSetup};
use super::super::task::{Place, Slot};
use super::super::world::{Event, RunError, World};
use super::create::TOKENS_PER_TASK;
use super::deployments::{Kind, RolloutState};
use super::{Health, Member, Next, Rebalancing};
use crate::base::id::Column;
use crate::base::random::Stream;
use crate::base::time::{SimSpan, SimTime};
use crate::engine::{Class, Queue};
use crate::model::fleet::InstanceStatus;
use crate::model::ids::{ProviderId, ServiceId};
use crate::model::lifecycle::{StopReason, TaskStatus};
use crate::model::platform::LaunchType;
use crate::policy::deployment::rolling;
use crate::policy::service::{self as policy, Pass, PassInput, ScaleIn, ServiceTask, Share};

/// The capacity provider strategy of a service as its scale-in sees it; none without one.
fn shares_of(setup: &ServiceSetup) -> Vec<Share> {
    match &setup.launch {
        Launch::Providers(shares) => {
            shares.iter().map(|s| Share { base: s.base, weight: s.weight }).collect()
        }
        _ => Vec::new(),
    }
}

impl World {
    /// Something about a service has changed: the scheduler reacts in a moment.
    pub(super) fn look_soon(&mut self, id: ServiceId, queue: &mut Queue<Event>) {
        if self.starts_settled {
            return; // the world is being set up; the first look is arranged
        }
        let service = &mut self.services.all[id];
        let reaction = self.services.settings.reaction.sample_span(&mut service.dice);
        self.look_at(id, queue.now() + reaction, queue);
    }

    /// The scheduler looks at a service at this instant, unless it does so earlier.
    pub(super) fn look_at(&mut self, id: ServiceId, at: SimTime, queue: &mut Queue<Event>) {
        let service = &mut self.services.all[id];
        if at < service.looks_at {
            service.looks_at = at;
            queue.schedule(at, Class::Control, Event::Reconcile(id));
        }
    }

    /// The scheduler looks at a service.
    pub(in super::super) fn reconcile(
        &mut self,
        id: ServiceId,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        if self.services.all[id].looks_at != now {
            return Ok(()); // an earlier look took its place
        }
        self.services.all[id].looks_at = SimTime::NEVER;
        self.advance_stages(id, queue)?;
        let did = if self.services.all[id].is_daemon() {
            self.reconcile_daemons(id, queue)?
        } else {
            self.reconcile_replicas(id, queue)?
        };
        self.judge_deployments(id, queue)?;
        self.rebalance_zones(id, queue)?;
        self.note_steady_state(id, now)?;
        self.look_again(id, did, queue);
        Ok(())
    }

    fn reconcile_replicas(
        &mut self,
        id: ServiceId,
        queue: &mut Queue<Event>,
    ) -> Result<bool, RunError> {
        if self.services.all[id].is_as_wanted() && !self.is_sick(id) {
            return Ok(false); // most looks come after a task has begun to run, or has become healthy
        }
        let mut batch = self.services.settings.batch.unwrap_or(u32::MAX);
        let mut did = false;
        for pass in self.passes(id, queue.now()) {
            if pass.is_idle() {
                self.tell_if_blocked(id, queue.now())?;
            }
            did |= !pass.is_idle();
            if !self.apply_stops(id, &pass, &mut batch, queue)? {
                return Ok(true);
            }
            self.services.all[id].ledger.old_desired = pass.old_desired;
            self.apply_starts(id, &pass, queue)?;
        }
        Ok(did)
    }

    /// Whether any task of a service is unhealthy.
    fn is_sick(&self, id: ServiceId) -> bool {
        let service = &self.services.all[id];
        let is_unhealthy = |&slot: &Slot| self.services.member(slot).health == Health::Unhealthy;
        service.may_be_sick() && service.members.iter().any(is_unhealthy)
    }

    /// A rolling deployment, or a scale-in, that can neither stop nor start a task, with nothing on its way: says so, and why.
    fn tell_if_blocked(&mut self, id: ServiceId, now: SimTime) -> Result<(), RunError> {
        let service = &self.services.all[id];
        let Some(newest) = service.deployment(service.generation) else { return Ok(()) };
        let is_alone = service.deployments.len() == 1 || newest.state == RolloutState::Completed;
        let is_done = newest.tasks() == service.desired && is_alone;
        let waits = service.pending() > 0 || service.healthy < service.running;
        let is_held = newest.is_stalled || service.throttle.blocked_until(now).is_some();
        let is_moving = service.rebalancing == Rebalancing::Started;
        if !matches!(newest.kind, Kind::Rolling) || is_done || waits || is_held || is_moving {
            return Ok(());
        }
        let of = &service.setup.deployment;
        let bounds =
            rolling::bounds(service.desired, of.minimum_healthy_percent, of.maximum_percent);
        let is_protected =
            service.members.iter().any(|&slot| self.services.member(slot).protected_until > now);
        let why = if is_protected {
            "tasks are protected".to_string()
        } else {
            format!(
                "minimumHealthyPercent {} keeps {} healthy tasks and maximumPercent {} allows {} of {}",
                of.minimum_healthy_percent,
                bounds.low,
                of.maximum_percent,
                bounds.high,
                service.desired
            )
        };
        let name = &service.setup.name;
        let text = format!("(service {name}) deployment cannot go on: {why}.");
        self.event(id, now, "WARN", "DEPLOYMENT_BLOCKED", &text)
    }

    /// All at once, at time zero: neither batches nor rates.
    pub(super) fn reconcile_all_at_once(
        &mut self,
        id: ServiceId,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        if self.services.all[id].is_daemon() {
            self.reconcile_daemons(id, queue)?;
            return Ok(());
        }
        for pass in self.passes(id, queue.now()) {
            for &(generation, count) in &pass.start {
                for _ in 0..count {
                    if let Err(failure) = self.place_member(id, generation, queue)? {
                        self.could_not_place(id, &failure, queue)?;
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// What should be done about a service now: one pass for a rolling service, one for each set of tasks otherwise.
    fn passes(&mut self, id: ServiceId, now: SimTime) -> Vec<Pass> {
        let mut dice = self.services.all[id].dice.clone();
        let passes = self.passes_with(id, now, &mut dice);
        let of = &mut self.services.all[id];
        of.dice = dice;
        if let [pass] = passes.as_slice() {
            of.ledger.old_desired = pass.old_desired;
        }
        passes
    }

    /// The same without consequences.
    pub(super) fn passes_with(&self, id: ServiceId, now: SimTime, dice: &mut Stream) -> Vec<Pass> {
        let tasks = self.views(id, now);
        let of = &self.services.all[id];
        let Some(newest) = of.deployment(of.generation) else { return Vec::new() };
        let is_throttled = of.throttle.blocked_until(now).is_some();
        let is_held = newest.is_stalled || is_throttled;
        let definition = of.revision_of(of.generation).definition;
        let demand = self.definitions[definition].demand;
        let setup = &of.setup;
        let (low, high) =
            (setup.deployment.minimum_healthy_percent, setup.deployment.maximum_percent);
        let shares = shares_of(setup);
        let scale_in =
            ScaleIn { fleet: &self.fleet, strategies: &setup.strategies, demand, shares: &shares };
        let mut passes = Vec::new();
        if of.deployments.iter().all(|d| matches!(d.kind, Kind::Rolling)) {
            let is_moving = of.rebalancing == Rebalancing::Started && !of.is_rolling();
            let desired = of.desired + u32::from(is_moving);
            let input = PassInput {
                desired,
                bounds: rolling::bounds(of.desired, low, high),
                generation: of.generation,
                tasks: &tasks,
                scale_in,
                is_rolling: of.is_rolling(),
                old: of.old_revision(),
                is_held,
            };
            passes.push(policy::pass(&input, dice));
        } else {
            for deployment in &of.deployments {
                let own: Vec<ServiceTask> = tasks
                    .iter()
                    .copied()
                    .filter(|task| task.generation == deployment.generation)
                    .collect();
                let desired = deployment.wants(of.desired);
                // The failed starts of green are no reason not to replace a task of blue.
                let is_own = matches!(deployment.kind, Kind::TaskSet { .. })
                    || deployment.generation == of.generation;
                let input = PassInput {
                    desired,
                    bounds: rolling::bounds(desired, low, high.max(100)),
                    generation: deployment.generation,
                    tasks: &own,
                    scale_in,
                    is_rolling: false,
                    old: None,
                    is_held: is_throttled && is_own,
                };
                passes.push(policy::pass(&input, dice));
            }
        }
        passes
    }

    /// The service's tasks as the policies see them, in order of number.
    pub(super) fn views(&self, id: ServiceId, now: SimTime) -> Vec<ServiceTask> {
        let service = &self.services.all[id];
        let mut views: Vec<ServiceTask> =
            service.members.iter().map(|&slot| self.view(slot, now)).collect();
        views.sort_unstable_by_key(|view| view.id);
        views
    }

    fn view(&self, slot: Slot, now: SimTime) -> ServiceTask {
        let member = self.services.member(slot);
        let task = &self.tasks[slot];
        let (zone, instance) = match task.place {
            Place::Instance(instance) => (self.fleet.zone[instance], Some(instance)),
            Place::Fargate(zone) => (zone, None),
        };
        ServiceTask {
            key: slot.0,
            id: task.id,
            generation: member.generation,
            is_running: task.status == TaskStatus::Running,
            counts_healthy: member.health == Health::Healthy,
            is_unhealthy: member.health == Health::Unhealthy,
            in_grace: now < member.grace_until,
            is_protected: now < member.protected_until,
            provider: self.item_of(member.service, task.provider),
            is_draining: instance.is_some_and(|i| self.fleet.status[i] == InstanceStatus::Draining),
            zone,
            instance,
        }
    }

    /// Stops what the pass says, at most a batch. Says whether all of it was stopped.
    fn apply_stops(
        &mut self,
        id: ServiceId,
        pass: &Pass,
        batch: &mut u32,
        queue: &mut Queue<Event>,
    ) -> Result<bool, RunError> {
        let target = self.services.all[id].generation;
        for &(key, reason) in &pass.stop {
            if *batch == 0 {
                let pace = self.pace();
                self.look_at(id, queue.now() + pace, queue);
                return Ok(false);
            }
            let slot = Slot(key);
            if self.services.member(slot).place == u32::MAX {
                continue; // a stop before it made room for it, and it failed to start
            }
            *batch -= 1;
            let generation = self.services.member(slot).generation;
            let reason = match reason {
                policy::StopReason::ScaleIn => StopReason::ScaledIn,
                policy::StopReason::Deployment => StopReason::Deployed,
                policy::StopReason::Draining => StopReason::Draining,
                policy::StopReason::Unhealthy => {
                    self.task_failed(id, generation, queue)?;
                    self.unhealthy_reason(slot)
                }
            };
            self.stop_member(slot, reason, queue)?;
            if self.services.all[id].generation != target {
                return Ok(false); // the deployment has failed: the rest of the pass is no longer wanted
            }
        }
        Ok(true)
    }

    /// Which item of a service's capacity provider strategy a provider is.
    fn item_of(&self, id: ServiceId, provider: ProviderId) -> u32 {
        match &self.services.all[id].setup.launch {
            Launch::Providers(shares) => {
                shares.iter().position(|share| share.provider == provider).unwrap_or(0) as u32
            }
            _ => 0,
        }
    }

    /// Time that a batch takes at the service's launch rate.
    fn pace(&self) -> SimSpan {
        let settings = &self.services.settings;
        let batch = u64::from(settings.batch.unwrap_or(10).min(settings.launches_per_minute));
        SimSpan(batch * 60_000_000 / u64::from(settings.launches_per_minute.max(1)))
    }

    fn apply_starts(
        &mut self,
        id: ServiceId,
        pass: &Pass,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        let newest = self.services.all[id].last_generation;
        for &(generation, count) in &pass.start {
            for _ in 0..count {
                if self.services.all[id].last_generation != newest {
                    return Ok(()); // a task failed at once and the deployment goes back: look again
                }
                let ready = self.launch_is_ready_at(id, now);
                if ready > now {
                    // The next batch, not the next task: as fast, and one look in place of ten.
                    let pace = self.pace();
                    self.look_at(id, ready.max(now + pace), queue);
                    return Ok(());
                }
                if let Err(failure) = self.place_member(id, generation, queue)? {
                    return self.could_not_place(id, &failure, queue);
                }
                self.services.all[id].launches.take(now, TOKENS_PER_TASK);
            }
        }
        Ok(())
    }

    /// When the rates let a service start its next task. A service that has to wait for the account's rate takes its
    /// place in the line now (assumed: throttled schedulers are served in turn), so that thousands of them do not all
    /// come back for each token.
    fn launch_is_ready_at(&mut self, id: ServiceId, now: SimTime) -> SimTime {
        let own = self.services.all[id].launches.ready_at(now, TOKENS_PER_TASK);
        if own > now {
            return own;
        }
        let purchase = self.fargate_purchase(id);
        let Some(bucket) = purchase.and_then(|purchase| self.api.launches[purchase]) else {
            return now;
        };
        let service = &mut self.services.all[id];
        let booked = *service.booked.get_or_insert_with(|| {
            let bucket = &mut self.api.buckets[bucket];
            let at = bucket.ready_at(now, 1);
            bucket.take(at, 1);
            at
        });
        if booked <= now {
            service.booked = None;
        }
        booked
    }

    /// The Fargate launch bucket that the service's next task takes from.
    fn fargate_purchase(&self, id: ServiceId) -> Option<usize> {
        match self.next_target_of(id) {
            Target::Fargate(provider) => Some(self.providers[provider].purchase as usize),
            Target::Instances(_) | Target::Named(_) => None,
        }
    }

    /// Where the service's next task goes: under a strategy to the provider with the largest deficit.
    pub(super) fn next_target_of(&self, id: ServiceId) -> Target {
        let service = &self.services.all[id];
        match &service.setup.launch {
            Launch::Type(LaunchType::Fargate) => Target::Fargate(self.fargate_on_demand),
            Launch::Type(LaunchType::Ec2) | Launch::Start(_) => Target::Instances(0),
            Launch::Providers(shares) => {
                let mut placed: Column<ProviderId, u32> = self.providers.ids().map(|_| 0).collect();
                for &slot in &service.members {
                    placed[self.tasks[slot].provider] += 1;
                }
                let counts: Vec<u32> = shares.iter().map(|s| placed[s.provider]).collect();
                let total = service.members.len() as u32 + 1;
                let item = next_share(shares, &counts, total);
                match self.callers[service.source].launch {
                    LaunchType::Ec2 => Target::Instances(item),
                    LaunchType::Fargate => Target::Fargate(shares[item].provider),
                }
            }
        }
    }

    /// Starts one task of a deployment, or says why it cannot be placed.
    pub(super) fn place_member(
        &mut self,
        id: ServiceId,
        generation: u32,
        queue: &mut Queue<Event>,
    ) -> Result<Result<(), Failure>, RunError> {
        let target = self.next_target_of(id);
        self.place_member_at(id, generation, target, queue)
    }

    /// The same at a place that was chosen already.
    pub(super) fn place_member_at(
        &mut self,
        id: ServiceId,
        generation: u32,
        target: Target,
        queue: &mut Queue<Event>,
    ) -> Result<Result<(), Failure>, RunError> {
        let now = queue.now();
        let (request, member) = self.ask_for_member(id, generation, now);
        self.services.newborn = Some(member);
        self.wanted += 1;
        self.tally.submitted += 1;
        let placed = self.place_first(&request, target, queue)?;
        match &placed {
            Ok(()) => {
                self.next_task_id += 1;
                self.check_ceiling(id, generation);
                let service = &mut self.services.all[id];
                service.tasks_so_far += 1;
                service.wanted_since = None;
                service.ledger.tasks_started += 1;
            }
            Err(failure) => {
                self.services.newborn = None;
                self.wanted -= 1;
                self.tally.submitted -= 1;
                self.services.all[id].wanted_since.get_or_insert(now);
                let mut request = request;
                self.recorder.failed(now, &mut request, failure)?;
            }
        }
        Ok(placed)
    }

    pub(super) fn ask_for_member(
        &self,
        id: ServiceId,
        generation: u32,
        now: SimTime,
    ) -> (Request, Member) {
        let service = &self.services.all[id];
        let definition = service.revision_of(generation).definition;
        let of_definition = &self.definitions[definition];
        let since = service.wanted_since.unwrap_or(now);
        let request = Request {
            source: service.source,
            arrival: since,
            accepted: Some(since),
            first_id: self.next_task_id,
            others: self.next_task_id - service.tasks_so_far,
            remaining: 1,
            attempts: 0,
            demand: of_definition.demand,
            work: Some(SimSpan::ZERO),
            definition,
            group: service.group,
            ephemeral_gib: of_definition.ephemeral_gib,
            exit_code: 0,
            reported: None,
            refused: (0, 0),
        };
        let member = Member {
            service: id,
            generation,
            number: service.tasks_so_far,
            place: u32::MAX,
            health: Health::Unknown,
            answers: false,
            is_uncounted: false,
            in_load: false,
            never_healthy: false,
            phase: SimSpan::ZERO,
            grace_until: SimTime::NEVER,
            protected_until: SimTime::ZERO,
            crash: None,
            heals_at: None,
            change: None::<(_, Next)>,
        };
        (request, member)
    }

    /// A task found no place: the launch throttle counts it, an event says so.
    pub(super) fn could_not_place(
        &mut self,
        id: ServiceId,
        failure: &Failure,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        let service = &mut self.services.all[id];
        service.throttle.could_not_place(now, &self.services.settings);
        let text = format!(
            "(service {}) was unable to place a task because no container instance met all of its requirements. \
             Reason: {}.",
            service.setup.name,
            failure.reason()
        );
        self.event(id, now, "ERROR", "SERVICE_TASK_PLACEMENT_FAILURE", &text)?;
        if let Some(at) = self.services.all[id].throttle.blocked_until(now) {
            self.look_at(id, at, queue);
        }
        Ok(())
    }

    /// Arranges the next look: after work, the next cycle; otherwise when something is known to change.
    fn look_again(&mut self, id: ServiceId, did: bool, queue: &mut Queue<Event>) {
        let now = queue.now();
        let service = &self.services.all[id];
        let mut at = SimTime::NEVER;
        if did {
            at = at.min(now + self.services.settings.cycle);
        }
        // Not only where tasks are missing in number: those that are there may be old, or unhealthy.
        if let Some(until) = service.throttle.blocked_until(now) {
            at = at.min(until);
        }
        let is_moving = |&slot: &Slot| {
            let is_sick = self.services.member(slot).health == Health::Unhealthy;
            let place = self.tasks[slot].place;
            is_sick
                || matches!(place, Place::Instance(i) if self.fleet.status[i] == InstanceStatus::Draining)
        };
        // Tasks on Fargate that are all healthy need not be looked at one by one.
        let may_move =
            service.may_be_sick() || self.callers[service.source].launch == LaunchType::Ec2;
        if service.is_rolling()
            || service.members.len() > service.desired as usize
            || (may_move && service.members.iter().any(is_moving))
        {
            let protected =
                service.members.iter().map(|&s| self.services.member(s).protected_until);
            at = at.min(protected.filter(|&p| p > now).min().unwrap_or(SimTime::NEVER));
        }
        if service.may_be_sick() {
            let sick = service.members.iter().map(|&slot| self.services.member(slot));
            let grace = sick.filter(|m| m.health == Health::Unhealthy && m.grace_until > now);
            at = at.min(grace.map(|member| member.grace_until).min().unwrap_or(SimTime::NEVER));
        }
        for deployment in &service.deployments {
            at = at.min(deployment.wakes_at().filter(|&wake| wake > now).unwrap_or(SimTime::NEVER));
        }
        if at != SimTime::NEVER {
            self.look_at(id, at, queue);
        }
    }

    /// The desired count becomes another.
    pub(super) fn set_desired(
        &mut self,
        id: ServiceId,
        count: u32,
        who: &str,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let before = self.services.all[id].desired;
        if before == count {
            return Ok(());
        }
        self.disturb(id)?; // what the alarms had to say before, they said of the count before
        let service = &mut self.services.all[id];
        service.desired = count;
        let old = service.ledger.old_desired;
        service.ledger.old_desired = rolling::old_desired_after(old, before, count);
        service.steady_since = None;
        if self.tables.wants_events() {
            let name = &self.services.all[id].setup.name;
            let text = format!("(service {name}) has set desired count to {count}. Cause: {who}.");
            self.event(id, queue.now(), "INFO", "SERVICE_DESIRED_COUNT_UPDATED", &text)?;
        }
        self.look_soon(id, queue);
        Ok(())
    }
}
