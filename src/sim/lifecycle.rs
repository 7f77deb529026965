//! The stages of a placed task, on EC2 and on Fargate. Each function is one step of the task life cycle
//! (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html>); a step of no
//! length is taken at once, without an event.

use super::task::{Place, Slot};
use super::world::{Event, RunError, World};
use crate::base::distribution::Distribution;
use crate::base::random::{Family, Purpose, Seed};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::{Class, Queue};
use crate::model::ids::{GroupId, InstanceId, ProviderId, ZoneId};
use crate::model::lifecycle::{StopCode, StopReason, TaskStatus};
use crate::model::resources::Resources;

/// A latency and the streams it is drawn from: one stream a task, so that a draw depends on the task alone.
pub struct Latency {
    /// Seconds, or MiB per second.
    pub distribution: Distribution,
    /// Streams by task id.
    pub draws: Family,
    /// The span of a constant one.
    constant: Option<SimSpan>,
}

impl Latency {
    /// A latency with its streams.
    #[must_use]
    pub fn new(distribution: Distribution, draws: Family) -> Self {
        let constant = match distribution {
            Distribution::Constant(seconds) => Some(SimSpan::from_secs_f64(seconds)),
            _ => None,
        };
        Latency { distribution, draws, constant }
    }

    /// The span for one task.
    #[inline]
    fn span(&self, task: u64) -> SimSpan {
        match self.constant {
            Some(span) => span,
            None => self.distribution.sample_span(&mut self.draws.member(task)),
        }
    }

    /// How long `mib` take at a rate that is drawn for one task.
    fn transfer(&self, mib: u32, task: u64) -> SimSpan {
        if mib == 0 {
            return SimSpan::ZERO;
        }
        let rate = self.distribution.sample(&mut self.draws.member(task));
        // A rate of nothing would never end; the slowest rate that is taken seriously is a KiB per second.
        SimSpan::from_secs_f64(f64::from(mib) / rate.max(1.0 / 1024.0))
    }

    /// The longest of `count` draws for one task.
    fn longest(&self, count: u16, task: u64) -> SimSpan {
        if let Some(span) = self.constant {
            return if count == 0 { SimSpan::ZERO } else { span };
        }
        let mut draws = self.draws.member(task);
        (0..count).map(|_| self.distribution.sample_span(&mut draws)).max().unwrap_or_default()
    }
}

/// The stages' latencies, as in [`super::setup::Latencies`].
pub struct Stages {
    /// ENI attachment on EC2.
    pub eni_attach: Latency,
    /// ENI detachment on EC2.
    pub eni_detach: Latency,
    /// Container start on EC2.
    pub ec2_start: Latency,
    /// Pull rate on EC2.
    pub ec2_pull: Latency,
    /// Container stop.
    pub stop: Latency,
    /// Fargate ENI.
    pub fargate_eni: Latency,
    /// Fargate preparation.
    pub fargate_prepare: Latency,
    /// Fargate pull rate.
    pub fargate_pull: Latency,
    /// Fargate start.
    pub fargate_start: Latency,
    /// Fargate ENI deletion.
    pub fargate_eni_detach: Latency,
}

impl Stages {
    /// Stages that take no time at all, for tasks that have run for long when the simulation begins.
    #[must_use]
    pub fn without_delay(seed: Seed) -> Stages {
        let draws = seed.family(Purpose::ContainerStart, "without delay");
        let none = || Latency::new(Distribution::Constant(0.0), draws);
        let at_once = || Latency::new(Distribution::Constant(f64::INFINITY), draws);
        Stages {
            eni_attach: none(),
            eni_detach: none(),
            ec2_start: none(),
            ec2_pull: at_once(),
            stop: none(),
            fargate_eni: none(),
            fargate_prepare: none(),
            fargate_pull: at_once(),
            fargate_start: none(),
            fargate_eni_detach: none(),
        }
    }
}

/// What a host keeps beside the fleet's ledgers: its queue of PENDING tasks and its image cache.
#[derive(Clone)]
pub struct Host {
    /// First and last PENDING task that waits for real room; strict first in, first out (agent source).
    pub waiting: Option<(Slot, Slot)>,
    /// Images on disk, or on their way: (image, when it is there).
    pub images: Vec<(u32, SimTime)>,
}

/// Most that a container on Fargate may take to stop (API reference, `stopTimeout`; documented).
const FARGATE_STOP_TIMEOUT: SimSpan = SimSpan::from_secs(120);

impl World {
    /// DEACTIVATING: out of the load balancer.
    pub(super) fn become_deactivating(&mut self, slot: Slot) {
        self.become_status(slot, TaskStatus::Deactivating);
    }

    fn become_status(&mut self, slot: Slot, next: TaskStatus) {
        let task = &mut self.tasks[slot];
        let before = task.status;
        task.become_status(next);
        self.recorder.status_changes(task.provider, before, next);
    }

    /// PROVISIONING on EC2: the ENI is attached, if there is one.
    pub(super) fn provisioned_on_instance(
        &mut self,
        slot: Slot,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let task = &self.tasks[slot];
        let span =
            if task.demand.enis > 0 { self.stages.eni_attach.span(task.id) } else { SimSpan::ZERO };
        if span == SimSpan::ZERO {
            return self.attached(slot, queue);
        }
        queue.schedule(queue.now() + span, Class::Supply, Event::Attached(slot));
        Ok(())
    }

    /// PROVISIONING on Fargate: the ENI is created.
    pub(super) fn provisioned_on_fargate(
        &mut self,
        slot: Slot,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let span = self.stages.fargate_eni.span(self.tasks[slot].id);
        if span == SimSpan::ZERO {
            return self.attached(slot, queue);
        }
        queue.schedule(queue.now() + span, Class::Supply, Event::Attached(slot));
        Ok(())
    }

    /// PENDING: the agent, or Fargate, must act.
    pub(super) fn attached(
        &mut self,
        slot: Slot,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        self.become_status(slot, TaskStatus::Pending);
        let task = &mut self.tasks[slot];
        task.pending = queue.now();
        let Place::Instance(instance) = task.place else {
            let span = self.stages.fargate_prepare.span(task.id);
            if span == SimSpan::ZERO {
                return self.activate_on_fargate(slot, queue);
            }
            queue.schedule(queue.now() + span, Class::Supply, Event::Prepared(slot));
            return Ok(());
        };
        let ports = self.port_sets.get(self.definition_ports[task.definition]);
        let room = self.fleet.host_has_room(instance, task.demand, ports);
        if room && self.hosts[instance].waiting.is_none() {
            return self.activate_on_instance(slot, instance, queue);
        }
        let waiting = &mut self.hosts[instance].waiting;
        let first = match *waiting {
            None => slot,
            Some((first, last)) => {
                self.tasks[last].next_in_queue = slot;
                first
            }
        };
        *waiting = Some((first, slot));
        Ok(())
    }

    /// ACTIVATING on EC2: the task takes its resources on the host; layers that the host lacks are pulled.
    fn activate_on_instance(
        &mut self,
        slot: Slot,
        instance: InstanceId,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        self.become_status(slot, TaskStatus::Activating);
        let task = &mut self.tasks[slot];
        let ports = self.port_sets.get(self.definition_ports[task.definition]);
        self.fleet.host_take(instance, task.demand, ports);
        self.recorder.host_takes(task.provider, task.demand);
        let definition = &self.definitions[task.definition];
        task.pull_started = now;
        task.pull_stopped = now;
        if definition.image_mib > 0 {
            let image = self.images[task.definition];
            let cache = &mut self.hosts[instance].images;
            task.pull_stopped = match cache.iter().find(|(known, _)| *known == image) {
                // Another task may still be pulling it: both wait for the same layers.
                Some(&(_, there)) => there.max(now),
                None => {
                    let there = now + self.stages.ec2_pull.transfer(definition.image_mib, task.id);
                    cache.push((image, there));
                    there
                }
            };
        }
        let at = task.pull_stopped + self.stages.ec2_start.span(task.id);
        self.run_at(slot, at, queue)
    }

    /// ACTIVATING on Fargate: the image is pulled, always in full, and the bill begins.
    pub(super) fn activate_on_fargate(
        &mut self,
        slot: Slot,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        self.become_status(slot, TaskStatus::Activating);
        let task = &mut self.tasks[slot];
        let mib = self.definitions[task.definition].image_mib;
        task.pull_started = now;
        task.pull_stopped = now + self.stages.fargate_pull.transfer(mib, task.id);
        self.recorder.host_takes(task.provider, task.demand);
        let at = task.pull_stopped + self.stages.fargate_start.span(task.id);
        self.spending.fargate_starts(&self.definitions[task.definition], task);
        self.run_at(slot, at, queue)
    }

    fn run_at(
        &mut self,
        slot: Slot,
        at: SimTime,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        if at == queue.now() {
            return self.running(slot, queue);
        }
        queue.schedule(at, Class::Supply, Event::Running(slot));
        Ok(())
    }

    /// RUNNING: the work begins, and its end is known.
    pub(super) fn running(&mut self, slot: Slot, queue: &mut Queue<Event>) -> Result<(), RunError> {
        let now = queue.now();
        let is_member = self.is_member(slot);
        if is_member && self.fails_to_start(slot) {
            return self.member_failed_to_start(slot, queue);
        }
        self.become_status(slot, TaskStatus::Running);
        let task = &mut self.tasks[slot];
        task.started = now;
        self.recorder.starts.add(now.since(task.accepted));
        self.tally.started += 1;
        if is_member {
            return self.member_runs(slot, queue);
        }
        let limit = self.callers[task.source].setup.stop_after;
        let mut runs = task.work;
        if let Some(limit) = limit.filter(|limit| *limit < task.work) {
            runs = limit;
            task.stop_reason = StopReason::UserInitiated;
        }
        // Even a task without work exits in an event of its own: its promise ends among the releases of the
        // next microsecond at the earliest, never in the middle of a placement.
        let at = now + SimSpan(runs.0.max(1));
        queue.schedule(at, Class::Release, Event::Exit(slot));
        Ok(())
    }

    /// An essential container exits, or StopTask is called.
    pub(super) fn exit(&mut self, slot: Slot, queue: &mut Queue<Event>) -> Result<(), RunError> {
        if self.is_member(slot) {
            return self.member_exits(slot, queue);
        }
        // No load balancer: DEACTIVATING takes no time.
        self.become_status(slot, TaskStatus::Deactivating);
        self.stopping(slot, queue)
    }

    /// STOPPING: the scheduler has the resources back, the host not yet.
    pub(super) fn stopping(
        &mut self,
        slot: Slot,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        self.become_status(slot, TaskStatus::Stopping);
        let task = &mut self.tasks[slot];
        if task.stopping == SimTime::NEVER {
            task.stopping = now;
        }
        self.tally.running_micros += u128::from(now.since(task.started).0);
        self.promise_ends(slot, now);
        let task = &mut self.tasks[slot];
        let definition = &self.definitions[task.definition];
        let (others, mut timeout) = (definition.other_containers, definition.stop_timeout);
        if let Place::Fargate(_) = task.place {
            timeout = timeout.min(FARGATE_STOP_TIMEOUT);
        }
        let signalled = match task.stop_reason.code() {
            StopCode::UserInitiated | StopCode::ServiceSchedulerInitiated => others + 1,
            StopCode::EssentialContainerExited | StopCode::TaskFailedToStart => others,
        };
        let wanted = self.stages.stop.longest(signalled, task.id);
        let code = task.stop_reason.code();
        if wanted > timeout {
            self.tally.killed += 1;
            if matches!(code, StopCode::UserInitiated | StopCode::ServiceSchedulerInitiated) {
                task.exit_code = SIGKILL_EXIT_CODE;
            }
        } else if code == StopCode::UserInitiated {
            task.exit_code = SIGTERM_EXIT_CODE;
        }
        let span = wanted.min(timeout);
        self.capacity_came_back(queue);
        if span == SimSpan::ZERO {
            return self.execution_stopped(slot, queue);
        }
        queue.schedule(now + span, Class::Release, Event::ExecutionStopped(slot));
        Ok(())
    }

    /// The scheduler has the resources of a task back.
    fn promise_ends(&mut self, slot: Slot, now: SimTime) {
        let is_uncounted = self.is_uncounted(slot);
        let task = &self.tasks[slot];
        match task.place {
            Place::Instance(instance) => {
                let ports = self.port_sets.get(self.definition_ports[task.definition]);
                self.fleet.release(instance, task.demand, ports);
                self.fleet_version += 1;
                if is_uncounted {
                    self.placer.instance_changed(instance, &self.fleet);
                } else {
                    self.placer.released(instance, task.group, &self.fleet);
                }
                self.capacity.released(now, task.placed, instance, task.demand, &self.fleet);
                self.spending.promise_ended(task, instance, now, &self.fleet);
            }
            Place::Fargate(zone) => {
                if !is_uncounted {
                    self.leave_fargate_zone(zone, task.group, task.provider);
                }
            }
        }
    }

    /// A task that is no longer wanted stops counting for `spread` and `distinctInstance`, which look at
    /// `desiredStatus` (documented), before it gives its resources back.
    pub(super) fn stop_counting(&mut self, slot: Slot) {
        let task = &self.tasks[slot];
        match task.place {
            Place::Instance(instance) => {
                self.fleet_version += 1;
                self.placer.released(instance, task.group, &self.fleet);
            }
            Place::Fargate(zone) => self.leave_fargate_zone(zone, task.group, task.provider),
        }
    }

    fn leave_fargate_zone(&mut self, zone: ZoneId, group: GroupId, provider: ProviderId) {
        let spread = self.fargate_spread.get_mut(&(group, provider));
        spread.expect("the group was counted when it was placed")[zone.0 as usize] -= 1;
    }

    /// A task is asked to stop before it runs. Its promise ends now; the step that it is in is finished first
    /// (assumed: neither an ENI's attachment nor a pull is broken off).
    pub(super) fn stop_early(
        &mut self,
        slot: Slot,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        let waits = self.tasks[slot].status == TaskStatus::Pending;
        self.become_status(slot, TaskStatus::Deactivating);
        self.become_status(slot, TaskStatus::Stopping);
        self.tasks[slot].stopping = now;
        self.promise_ends(slot, now);
        self.capacity_came_back(queue);
        match self.tasks[slot].place {
            Place::Instance(instance) if waits => {
                self.leave_host_queue(slot, instance);
                self.execution_stopped(slot, queue)?;
                self.serve_host_queue(instance, queue)
            }
            _ => Ok(()),
        }
    }

    /// A task fails while it starts: nothing of it ever ran.
    pub(super) fn fail_to_start(
        &mut self,
        slot: Slot,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let now = queue.now();
        self.become_status(slot, TaskStatus::Deactivating);
        self.become_status(slot, TaskStatus::Stopping);
        self.tasks[slot].stopping = now;
        self.promise_ends(slot, now);
        self.capacity_came_back(queue);
        self.execution_stopped(slot, queue)
    }

    fn leave_host_queue(&mut self, slot: Slot, instance: InstanceId) {
        let Some((first, last)) = self.hosts[instance].waiting else { return };
        let next = std::mem::replace(&mut self.tasks[slot].next_in_queue, Slot::NONE);
        if first == slot {
            self.hosts[instance].waiting = (first != last).then_some((next, last));
            return;
        }
        let mut before = first;
        while self.tasks[before].next_in_queue != slot {
            before = self.tasks[before].next_in_queue;
        }
        self.tasks[before].next_in_queue = next;
        if last == slot {
            self.hosts[instance].waiting = Some((first, before));
        }
    }

    /// DEPROVISIONING: the last container has exited, the host has its resources back, the ENI goes.
    pub(super) fn execution_stopped(
        &mut self,
        slot: Slot,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        self.become_status(slot, TaskStatus::Deprovisioning);
        let task = &mut self.tasks[slot];
        task.execution_stopped = queue.now();
        let (is_on_host, has_eni) = (task.is_on_host(), task.has_eni());
        if is_on_host {
            self.recorder.host_gives_back(task.provider, task.demand);
        }
        let span = match task.place {
            Place::Instance(instance) => {
                let id = task.id;
                if is_on_host {
                    let ports = self.port_sets.get(self.definition_ports[task.definition]);
                    let without_eni = Resources { enis: 0, ..task.demand };
                    self.fleet.host_give_back(instance, without_eni, ports);
                    self.serve_host_queue(instance, queue)?;
                }
                if has_eni { self.stages.eni_detach.span(id) } else { SimSpan::ZERO }
            }
            Place::Fargate(_) => {
                let purchase = self.providers[task.provider].purchase;
                self.fargate_cpu[purchase as usize] -= u64::from(task.demand.cpu);
                self.fleet_version += 1;
                self.capacity_came_back(queue);
                let task = &self.tasks[slot];
                if is_on_host {
                    self.spending.fargate_stops(&self.definitions[task.definition], task);
                }
                if has_eni { self.stages.fargate_eni_detach.span(task.id) } else { SimSpan::ZERO }
            }
        };
        if span == SimSpan::ZERO {
            return self.stopped(slot, queue);
        }
        queue.schedule(queue.now() + span, Class::Release, Event::Detached(slot));
        Ok(())
    }

    /// STOPPED: the record is written and forgotten.
    pub(super) fn stopped(&mut self, slot: Slot, queue: &mut Queue<Event>) -> Result<(), RunError> {
        let now = queue.now();
        self.become_status(slot, TaskStatus::Stopped);
        let task = &self.tasks[slot];
        if let Place::Instance(instance) = task.place
            && task.demand.enis > 0
            && task.is_on_host()
        {
            let eni = Resources { enis: task.demand.enis, ..Resources::ZERO };
            let none = self.port_sets.get(crate::model::ports::PortSets::NONE);
            self.fleet.host_give_back(instance, eni, none);
            self.serve_host_queue(instance, queue)?;
        }
        let is_member = self.is_member(slot);
        let task = &self.tasks[slot];
        self.tally.stopped(task);
        if self.recorder.tasks.is_on() || is_member {
            let definition = &self.definitions[task.definition];
            let usd = self.spending.task_cost(task, now, definition, &self.fleet);
            if is_member {
                self.services.task_cost(task.source, usd);
            }
            if self.recorder.tasks.is_on() {
                self.recorder.stopped(task, Some(now), usd)?;
            }
        }
        self.tasks.remove(slot);
        Ok(())
    }

    /// PENDING tasks of a host start in strict order, as far as its real room goes: a large one at the head
    /// holds up the small ones behind it (agent source, `monitorQueuedTasks`; documented).
    fn serve_host_queue(
        &mut self,
        instance: InstanceId,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        while let Some((first, last)) = self.hosts[instance].waiting {
            let task = &mut self.tasks[first];
            let ports = self.port_sets.get(self.definition_ports[task.definition]);
            if !self.fleet.host_has_room(instance, task.demand, ports) {
                return Ok(());
            }
            let next = std::mem::replace(&mut task.next_in_queue, Slot::NONE);
            self.hosts[instance].waiting = (first != last).then_some((next, last));
            self.activate_on_instance(first, instance, queue)?;
        }
        Ok(())
    }
}

/// Exit code of a container that SIGKILL ended (128 + 9).
const SIGKILL_EXIT_CODE: u8 = 137;
/// Exit code of a container that SIGTERM ended (128 + 15; assumed: it has no handler of its own).
const SIGTERM_EXIT_CODE: u8 = 143;
