//! From the end of a task's work to STOPPED: the scheduler has its resources back first, then the host, then its ENI
//! goes.

use super::{Leave, Life, Met, Refusal};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::model::definition::TaskDefinition;
use crate::model::lifecycle::{StopCode, StopReason, TaskStatus};
use crate::model::ports::PortSets;
use crate::sim::books::Change;
use crate::sim::cluster::{Promise, Taker};
use crate::sim::event::{Event, RunError};
use crate::sim::task::{Place, Slot, Task};

/// Most that a container on Fargate may take to stop (API reference, `stopTimeout`; documented).
const FARGATE_STOP_TIMEOUT: SimSpan = SimSpan::from_secs(120);
/// Exit code of a container that SIGKILL ended (128 + 9).
pub(super) const SIGKILL_EXIT_CODE: u8 = 137;
/// Exit code of a container that SIGTERM ended (128 + 15; assumed: it has no handler of its own).
const SIGTERM_EXIT_CODE: u8 = 143;

/// How a task takes its leave once SIGTERM is sent.
#[derive(Clone, Copy, Default)]
pub struct Farewell {
    /// What it finishes first.
    pub work: SimSpan,
    /// How long its containers take, with that; `None`: as all do.
    pub containers: Option<Leave>,
}

/// How long each container of a task may take from SIGTERM to SIGKILL.
pub fn stop_timeout(definition: &TaskDefinition, task: &Task) -> SimSpan {
    match task.place {
        Place::Fargate(_) => definition.stop_timeout.min(FARGATE_STOP_TIMEOUT),
        _ => definition.stop_timeout,
    }
}

impl Life<'_> {
    /// A caller's task has worked to its end, or StopTask is called: no load balancer, so DEACTIVATING takes no time.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn exits(&mut self, slot: Slot) -> Result<(), RunError> {
        if !self.tasks.exits.is_empty() {
            self.tasks.exits.remove(&slot);
        }
        self.become_deactivating(slot);
        self.stopping(slot, Farewell::default())
    }

    /// A task of a caller is stopped in the middle of its work.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn break_off(&mut self, slot: Slot) -> Result<(), RunError> {
        let is_known = self.call_off_exit(slot);
        assert!(is_known, "what may be broken off has an end that can be called off");
        self.exits(slot)
    }

    /// Calls off the end of a task's work, where it can be.
    pub(super) fn call_off_exit(&mut self, slot: Slot) -> bool {
        let ticket = self.tasks.exits.remove(&slot);
        if let Some(ticket) = ticket {
            self.queue.cancel(ticket);
        }
        ticket.is_some()
    }

    /// STOPPING: the scheduler has the resources back, the host not yet.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn stopping(&mut self, slot: Slot, farewell: Farewell) -> Result<(), RunError> {
        let now = self.now();
        self.become_status(slot, TaskStatus::Stopping);
        let task = &mut self.tasks[slot];
        if task.stopping == SimTime::NEVER {
            task.stopping = now;
        }
        let (ran, has_overflowed) = (now.since(task.started), task.has_overflowed);
        self.books.saw(Change::StopsRunning { ran, has_overflowed });
        self.promise_ends(slot);
        let span = self.time_to_stop(slot, farewell);
        let is_held = self.tasks[slot].instance().is_some_and(|at| self.tasks.is_held(at));
        if span == SimSpan::ZERO && !is_held {
            return self.execution_stopped(slot);
        }
        if span == SimSpan::ZERO {
            self.tasks.hold_back(Event::ExecutionStopped(slot));
            return Ok(());
        }
        self.queue.schedule(now + span, Class::Release, Event::ExecutionStopped(slot));
        Ok(())
    }

    /// How long a task's containers take to stop once SIGTERM is sent, and with which code the essential one exits.
    fn time_to_stop(&mut self, slot: Slot, farewell: Farewell) -> SimSpan {
        let task = &self.tasks[slot];
        let definition = &self.rules.definitions[task.definition];
        let timeout = stop_timeout(definition, task);
        let (code, is_asked) = (task.stop_reason.code(), task.stop_reason.is_signalled());
        let stop = &self.tasks.stages.stop;
        let stop = || stop.of_containers(definition, is_asked, task.draws, timeout, farewell.work);
        let leave = farewell.containers.unwrap_or_else(stop);
        let task = &mut self.tasks[slot];
        if leave.is_killed {
            self.books.saw(Change::Killed);
            if is_asked {
                task.exit_code = SIGKILL_EXIT_CODE;
            }
        } else if is_asked && code != StopCode::ServiceSchedulerInitiated {
            task.exit_code = SIGTERM_EXIT_CODE;
        }
        leave.span
    }

    /// The scheduler has the resources of a task back.
    pub(super) fn promise_ends(&mut self, slot: Slot) {
        let now = self.now();
        let task = &self.tasks[slot];
        let is_uncounted = task.is_uncounted;
        match task.place {
            Place::Instance(instance) => {
                let ports = self.rules.ports(task.definition);
                let (demand, group) = (task.demand, task.group);
                let promise = Promise { instance, demand, ports, group, is_uncounted };
                self.cluster.release(now, task.placed, &promise);
                let fleet = self.cluster.fleet();
                self.books.saw(Change::PromiseEnded { task, instance, now, fleet });
            }
            Place::Fargate(zone) => {
                self.fargate.release(zone, task.group, task.provider, !is_uncounted);
            }
            Place::Waiting(_) => self.give_up_waiting(slot),
        }
    }

    /// A task that is no longer wanted stops counting for `spread` and `distinctInstance`, which look at
    /// `desiredStatus` (documented), before it gives its resources back.
    pub fn stop_counting(&mut self, slot: Slot) {
        let task = &mut self.tasks[slot];
        task.is_uncounted = true;
        match task.place {
            Place::Instance(instance) => self.cluster.uncount(instance, task.group),
            Place::Fargate(zone) => self.fargate.uncount(zone, task.group, task.provider),
            Place::Waiting(_) => {}
        }
    }

    /// A task is asked to stop before it runs. Its promise ends now; the step that it is in is finished first
    /// (assumed: neither an ENI's attachment nor a pull is broken off).
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn stop_early(&mut self, slot: Slot) -> Result<(), RunError> {
        let waits = self.tasks[slot].status == TaskStatus::Pending;
        self.stop_unstarted(slot);
        match self.tasks[slot].place {
            Place::Instance(instance) if waits => {
                self.leave_host_queue(slot, instance);
                self.execution_stopped(slot)?;
                self.serve_host_queue(instance);
                Ok(())
            }
            Place::Waiting(_) => self.execution_stopped(slot), // no stage of it is under way
            _ => Ok(()),
        }
    }

    /// A task that was to start now has no image: what that is due to is noted, and told.
    pub(super) fn has_no_image(&mut self, slot: Slot) -> bool {
        if self.tasks.unpulled.is_empty() {
            return false;
        }
        let (id, source) = (self.tasks[slot].id, self.tasks[slot].source);
        let outage = self.tasks.unpulled.remove(&id);
        self.tasks.met.extend(outage.map(|outage| Met { outage, source, has_failed: true }));
        outage.is_some()
    }

    /// A task fails while it starts: nothing of it ever ran.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn fail_to_start(&mut self, slot: Slot) -> Result<(), RunError> {
        self.stop_unstarted(slot);
        self.execution_stopped(slot)
    }

    pub(super) fn stop_unstarted(&mut self, slot: Slot) {
        self.become_status(slot, TaskStatus::Deactivating);
        self.become_status(slot, TaskStatus::Stopping);
        self.tasks[slot].stopping = self.now();
        self.promise_ends(slot);
    }

    /// DEPROVISIONING: the last container has exited, the host has its resources back, the ENI goes.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn execution_stopped(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.now();
        self.become_status(slot, TaskStatus::Deprovisioning);
        self.tasks[slot].execution_stopped = now;
        let task = &self.tasks[slot];
        let (draws, is_on_host, has_eni) = (task.draws, task.is_on_host(), task.has_eni());
        if is_on_host {
            self.books.saw(Change::Vacated { task });
        }
        let detach = match task.place {
            Place::Instance(instance) => {
                if is_on_host {
                    let has_image = task.pull_stopped != SimTime::NEVER;
                    if has_image && self.rules.definitions[task.definition].image_mib > 0 {
                        let image = self.rules.images[task.definition];
                        let cleanup = &self.rules.image_cleanup;
                        self.cluster.host(instance).leave_image(image, now, cleanup);
                    }
                    let ports = self.rules.ports(task.definition);
                    self.cluster.vacate(instance, task.demand.without_enis(), ports);
                    self.serve_host_queue(instance);
                }
                &self.tasks.stages.eni_detach
            }
            Place::Fargate(zone) => {
                let purchase = self.rules.providers[task.provider].purchase;
                self.fargate.give_back(task.demand, purchase, zone);
                if is_on_host {
                    let definition = &self.rules.definitions[task.definition];
                    self.books.saw(Change::FargateStops { task, definition });
                }
                &self.tasks.stages.fargate_eni_detach
            }
            Place::Waiting(_) => return self.stopped(slot),
        };
        let span = if has_eni { detach.span(draws) } else { SimSpan::ZERO };
        if span == SimSpan::ZERO {
            return self.stopped(slot);
        }
        self.queue.schedule(now + span, Class::Release, Event::Detached(slot));
        Ok(())
    }

    /// STOPPED: the record is written and forgotten.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn stopped(&mut self, slot: Slot) -> Result<(), RunError> {
        self.write_stopped(slot)?;
        self.tasks.remove(slot);
        Ok(())
    }

    /// The record of a task is written; it is forgotten next.
    pub(super) fn write_stopped(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.now();
        self.become_status(slot, TaskStatus::Stopped);
        if !self.tasks.unpulled.is_empty() {
            let id = self.tasks[slot].id;
            self.tasks.unpulled.remove(&id);
        }
        let task = &self.tasks[slot];
        if let Place::Instance(instance) = task.place
            && task.demand.enis > 0
        {
            let (is_on_host, slots) = (task.is_on_host(), task.demand.only_enis());
            self.cluster.interface_gone(now, instance, slots);
            if is_on_host {
                self.cluster.vacate(instance, slots, self.rules.port_sets.get(PortSets::NONE));
                self.serve_host_queue(instance);
            }
        }
        if self.cluster.gives_address_back(Taker::Task(self.tasks[slot].id)) {
            self.fargate.turns();
        }
        if !self.tasks.refused.is_empty() {
            let (id, why) = (self.tasks[slot].id, self.tasks[slot].stop_reason);
            let refusal = self.tasks.refused.remove(&id);
            match refusal.filter(|_| why == StopReason::FailedToStart) {
                Some(Refusal::Lacks(_)) => self.books.tally.without_access += 1,
                Some(Refusal::NoAddress(subnet)) => {
                    self.cluster.network.iter_mut().for_each(|of| of.refused_task(subnet));
                }
                None => {}
            }
        }
        let task = &self.tasks[slot];
        let definition = &self.rules.definitions[task.definition];
        self.books.task_stopped(now, task, definition, self.cluster.fleet())?;
        if self.rules.is_service(self.tasks[slot].source) {
            self.tasks.has_stopped(slot);
        }
        Ok(())
    }
}
