//! From PROVISIONING to RUNNING. Each function is one step of the task life cycle
//! (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html>); a step of no
//! length is taken at once, without an event.

use super::refuse::Refusal;
use super::{Latency, Life, Met};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::model::access::Lack;
use crate::model::blackout::Puller;
use crate::model::ids::InstanceId;
use crate::model::lifecycle::TaskStatus;
use crate::model::platform::Purchase;
use crate::sim::books::Change;
use crate::sim::event::Event;
use crate::sim::setup::PullBehavior;
use crate::sim::task::{Place, Slot};

impl Life<'_> {
    /// A task goes to its next state.
    pub(super) fn become_status(&mut self, slot: Slot, next: TaskStatus) {
        let now = self.now();
        let task = &mut self.tasks[slot];
        let before = task.status;
        task.become_status(next);
        if before == TaskStatus::Provisioning {
            let attached = now.since(task.placed); // nothing where it had no place
            self.books.tally.interface_micros += u128::from(attached.0);
        }
        let changes = (before == TaskStatus::Running) != (next == TaskStatus::Running);
        if let (true, Some(instance)) = (changes, task.instance()) {
            self.cluster.running_changes(instance, next == TaskStatus::Running);
        }
        self.books.saw(Change::Status { provider: task.provider, from: before, to: next });
    }

    /// DEACTIVATING: out of the load balancer.
    pub fn become_deactivating(&mut self, slot: Slot) {
        self.become_status(slot, TaskStatus::Deactivating);
    }

    /// PROVISIONING: an ENI is attached on EC2 if the task has one, and always created on Fargate.
    pub(super) fn provisioned(&mut self, slot: Slot) {
        if self.rules.may_refuse {
            self.look_for_refusal(slot);
        }
        let task = &self.tasks[slot];
        let stages = &self.tasks.stages;
        let mut span = match task.place {
            Place::Instance(_) if task.demand.enis == 0 => SimSpan::ZERO,
            Place::Instance(_) => stages.eni_attach.span(task.draws),
            Place::Fargate(_) => stages.fargate_eni.span(task.draws),
            Place::Waiting(_) => return, // no stage of it begins
        };
        if let Some(Refusal::NoAddress(_)) = self.refusal(slot) {
            span = SimSpan(span.0.max(1)); // nothing is given back in the middle of a placement
        }
        if span == SimSpan::ZERO {
            return self.attached(slot);
        }
        self.queue.schedule(self.now() + span, Class::Supply, Event::Attached(slot));
    }

    /// PENDING: the agent, or Fargate, must act. A task whose interface could not be created fails now instead.
    pub fn attached(&mut self, slot: Slot) {
        if let Some(Refusal::NoAddress(_)) = self.refusal(slot) {
            return self.tasks.is_ready(slot);
        }
        self.become_status(slot, TaskStatus::Pending);
        let now = self.now();
        self.tasks[slot].pending = now;
        let task = &self.tasks[slot];
        let Place::Instance(instance) = task.place else {
            let in_vain = self.lacks(slot, Lack::is_before_the_pull).unwrap_or(SimSpan::ZERO);
            let span = self.tasks.stages.fargate_prepare.span(task.draws) + in_vain;
            if span == SimSpan::ZERO {
                return self.activate_on_fargate(slot);
            }
            self.queue.schedule(now + span, Class::Supply, Event::Prepared(slot));
            return;
        };
        let waiting = self.cluster.waiting(instance);
        let ports = self.rules.ports(task.definition);
        let may_start = self.cluster.lets_start(instance, task.source);
        // A daemon that others wait for goes before them.
        let is_next = waiting.is_none_or(|(first, _)| {
            may_start && !self.cluster.lets_start(instance, self.tasks[first].source)
        });
        if may_start && is_next && self.cluster.has_room(instance, task.demand, ports) {
            return self.activate_on_instance(slot, instance);
        }
        let first = match waiting {
            None => slot,
            Some((first, last)) => {
                self.tasks[last].next_in_queue = slot;
                first
            }
        };
        self.cluster.set_waiting(instance, Some((first, slot)));
    }

    /// ACTIVATING on EC2: the task takes its resources on the host; layers that the host lacks are pulled.
    fn activate_on_instance(&mut self, slot: Slot, instance: InstanceId) {
        let now = self.now();
        self.become_status(slot, TaskStatus::Activating);
        let task = &self.tasks[slot];
        let draws = task.draws;
        let definition = task.definition;
        let ports = self.rules.ports(definition);
        self.cluster.occupy(instance, task.demand, ports);
        self.books.saw(Change::Occupied { task });
        let no_secrets = self.lacks(slot, |lack| matches!(lack, Lack::Secrets(_)));
        let no_registry = self.lacks(slot, Lack::is_of_a_registry);
        let mib = self.rules.definitions[definition].image_mib;
        let pulled = match (no_secrets, no_registry) {
            (Some(span), _) => Err(now + span),
            (None, Some(span)) => self.uses_cache(slot, instance, now + span),
            (None, None) if mib == 0 => Ok(now),
            (None, None) => self.pulls(slot, instance, mib),
        };
        let order = self.rules.definitions[definition].order;
        let starts = self.tasks.stages.ec2_start.in_turn(order.starts, draws) + order.waits;
        let starts = self.lacks(slot, Lack::is_after_the_pull).unwrap_or(starts);
        self.starts_when(slot, pulled, starts);
    }

    /// The same where the registry is asked in vain until `gave_up`: an image that is there serves as it does while a
    /// registry is down, unless every start has to pull it.
    fn uses_cache(
        &mut self,
        slot: Slot,
        instance: InstanceId,
        gave_up: SimTime,
    ) -> Result<SimTime, SimTime> {
        let (now, cleanup) = (self.now(), self.rules.image_cleanup);
        let image = self.rules.images[self.tasks[slot].definition];
        let there = self.cluster.host(instance).has_image_at(image, now, &cleanup);
        let there = there.filter(|there| *there <= gave_up);
        let Some(there) = there.filter(|_| cleanup.pulls != PullBehavior::Always) else {
            return Err(gave_up);
        };
        self.has_image_all_the_same(slot);
        let is_asked = there > now || cleanup.pulls != PullBehavior::Once;
        let (none, host) = (SimSpan::ZERO, self.cluster.host(instance));
        let known = host.image_at(image, now, &cleanup, (none, none));
        Ok(if is_asked { gave_up.max(known) } else { known })
    }

    /// When an instance has the image of a task that wants it now; or when it is known that it gets none.
    fn pulls(&mut self, slot: Slot, instance: InstanceId, mib: u32) -> Result<SimTime, SimTime> {
        let now = self.now();
        let task = &self.tasks[slot];
        let (definition, draws) = (task.definition, task.draws);
        let (image, cleanup) = (self.rules.images[definition], self.rules.image_cleanup);
        let stages = &self.tasks.stages;
        let host = self.cluster.host(instance);
        let there = host.has_image_at(image, now, &cleanup);
        if there.is_some() && stages.registries.are_sound() {
            return Ok(host.image_at(image, now, &cleanup, (SimSpan::ZERO, SimSpan::ZERO)));
        }
        let (mut pull, write) =
            (stages.ec2_pull.transfer(mib, draws), Latency::write(mib, stages.ec2_disk));
        let mut answered = now;
        if !stages.registries.are_sound() {
            match there {
                Some(there) => {
                    let is_needed = there > now || cleanup.pulls == PullBehavior::Always;
                    let is_asked = there > now || cleanup.pulls != PullBehavior::Once;
                    if is_asked {
                        answered = self.asks_registry(slot, SimSpan::ZERO, |gave_up| {
                            is_needed && (cleanup.pulls == PullBehavior::Always || gave_up < there)
                        })?;
                    }
                }
                None => pull = self.asks_registry(slot, pull, |_| true)?.since(now),
            }
        }
        if there.is_none() {
            self.books.pulled(&self.tasks[slot], now, &self.rules.definitions[definition]);
        }
        let host = self.cluster.host(instance);
        Ok(host.image_at(image, now, &cleanup, (pull, write)).max(answered))
    }

    /// When a registry has answered a task that pulls for `span` where all is as usual, or has not; where the task
    /// `is_lost` without an answer it fails then.
    fn asks_registry(
        &mut self,
        slot: Slot,
        span: SimSpan,
        is_lost: impl Fn(SimTime) -> bool,
    ) -> Result<SimTime, SimTime> {
        let (now, task) = (self.now(), &self.tasks[slot]);
        let zone = match task.place {
            Place::Instance(instance) => self.cluster.fleet().zone[instance],
            Place::Fargate(zone) => zone,
            Place::Waiting(_) => return Ok(now + span), // it pulls nothing
        };
        let who = Puller { definition: task.definition, provider: task.provider, zone };
        let pull = self.tasks.stages.registries.pull(who, now, span);
        let (source, id) = (task.source, task.id);
        let met = pull.met.iter().map(|&outage| Met { outage, source, has_failed: false });
        self.tasks.met.extend(met);
        match pull.failed_by.filter(|_| is_lost(pull.end)) {
            None => Ok(pull.end),
            Some(outage) => {
                self.tasks.unpulled.insert(id, outage);
                Err(pull.end)
            }
        }
    }

    /// The image of a task is there at an instant and its containers have started some time later; or it gets none.
    fn starts_when(&mut self, slot: Slot, pulled: Result<SimTime, SimTime>, starts: SimSpan) {
        let task = &mut self.tasks[slot];
        task.pull_started = self.queue.now();
        let at = match pulled {
            Ok(pulled) => {
                task.pull_stopped = pulled;
                pulled + starts
            }
            Err(given_up) => given_up,
        };
        self.starts_at(slot, at);
    }

    /// ACTIVATING on Fargate: the image is pulled, always in full, and the bill begins.
    pub fn activate_on_fargate(&mut self, slot: Slot) {
        if self.lacks(slot, Lack::is_before_the_pull).is_some() {
            return self.tasks.is_ready(slot); // it has waited in vain, and fails
        }
        let now = self.now();
        self.become_status(slot, TaskStatus::Activating);
        let (draws, definition) = (self.tasks[slot].draws, self.tasks[slot].definition);
        let definition = &self.rules.definitions[definition];
        let stages = &self.tasks.stages;
        let span = stages.fargate_pull.transfer(definition.image_mib, draws);
        let order = definition.order;
        let starts = stages.fargate_start.in_turn(order.starts, draws) + order.waits;
        let starts = self.lacks(slot, Lack::is_after_the_pull).unwrap_or(starts);
        let in_vain = self.lacks(slot, |lack| !lack.is_after_the_pull());
        let is_usual = stages.registries.are_sound() || definition.image_mib == 0;
        let task = &mut self.tasks[slot];
        task.pull_started = now;
        self.books.saw(Change::Occupied { task });
        self.books.saw(Change::FargateStarts { task, definition });
        let pulled = match (in_vain, is_usual) {
            (Some(in_vain), _) => Err(now + in_vain),
            (None, true) => Ok(now + span),
            (None, false) => self.asks_registry(slot, span, |_| true),
        };
        if pulled.is_ok() {
            let task = &self.tasks[slot];
            self.books.pulled(task, now, &self.rules.definitions[task.definition]);
        }
        self.starts_when(slot, pulled, starts);
    }

    fn starts_at(&mut self, slot: Slot, at: SimTime) {
        if at == self.now() {
            return self.tasks.is_ready(slot);
        }
        self.queue.schedule(at, Class::Supply, Event::Running(slot));
    }

    /// RUNNING, as its owner wants it.
    pub fn becomes_running(&mut self, slot: Slot) {
        let now = self.now();
        self.become_status(slot, TaskStatus::Running);
        let task = &mut self.tasks[slot];
        task.started = now;
        self.books.saw(Change::Started { task });
        if self.fargate.market.is_some() {
            self.draw_warning(slot);
        }
    }

    /// A Spot task on Fargate runs: when it is to be taken back, if it is.
    fn draw_warning(&mut self, slot: Slot) {
        let task = &self.tasks[slot];
        let is_spot = self.rules.providers[task.provider].purchase == Purchase::Spot;
        let is_one = is_spot && matches!(task.place, Place::Fargate(_));
        let ends = match self.rules.is_service(task.source) {
            true => self.rules.horizon.unwrap_or(SimTime::NEVER),
            false => task.started + task.work,
        };
        let market = self.fargate.market.as_mut().filter(|_| is_one);
        if let Some((at, number)) = market.and_then(|m| m.draw_warning(task, slot, ends)) {
            self.queue.schedule(at, Class::Release, Event::FargateWarning(number));
        }
    }

    /// RUNNING for a task of a caller: the work begins, and its end is known.
    pub fn runs_to_its_end(&mut self, slot: Slot) {
        self.becomes_running(slot);
        // Even a task without work exits in an event of its own: its promise ends among the releases of the
        // next microsecond at the earliest, never in the middle of a placement.
        let at = self.now() + SimSpan(self.tasks[slot].work.0.max(1));
        let is_on_fargate = matches!(self.tasks[slot].place, Place::Fargate(_));
        if !is_on_fargate || !self.fargate.stops_tasks() {
            return self.queue.schedule(at, Class::Release, Event::Exit(slot));
        }
        let ticket = self.queue.schedule_cancellable(at, Class::Release, Event::Exit(slot));
        self.tasks.exits.insert(slot, ticket);
    }

    /// PENDING tasks of a host start in strict order, after the critical daemons of a new one, as far as its real room
    /// goes: a large one at the head holds up the small ones behind it (agent source, `monitorQueuedTasks`; documented).
    pub fn serve_host_queue(&mut self, instance: InstanceId) {
        while let Some((first, last)) = self.cluster.waiting(instance) {
            let task = &mut self.tasks[first];
            let ports = self.rules.ports(task.definition);
            let may_start = self.cluster.lets_start(instance, task.source);
            if !may_start || !self.cluster.has_room(instance, task.demand, ports) {
                return;
            }
            let next = std::mem::replace(&mut task.next_in_queue, Slot::NONE);
            self.cluster.set_waiting(instance, (first != last).then_some((next, last)));
            self.activate_on_instance(first, instance);
        }
    }

    pub(super) fn leave_host_queue(&mut self, slot: Slot, instance: InstanceId) {
        let Some((first, last)) = self.cluster.waiting(instance) else { return };
        let next = std::mem::replace(&mut self.tasks[slot].next_in_queue, Slot::NONE);
        if first == slot {
            return self.cluster.set_waiting(instance, (first != last).then_some((next, last)));
        }
        let mut before = first;
        while self.tasks[before].next_in_queue != slot {
            before = self.tasks[before].next_in_queue;
        }
        self.tasks[before].next_in_queue = next;
        if last == slot {
            self.cluster.set_waiting(instance, Some((first, before)));
        }
    }
}
