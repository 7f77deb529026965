//! When the scheduler looks at a service.

use crate::base::time::SimTime;
use crate::engine::Class;
use crate::model::ids::ServiceId;
use crate::policy::deployment::rolling;
use crate::sim::event::{Event, RunError};
use crate::sim::services::{
    Crashed, Deployment, Health, Kind, Member, Plan, Rebalancing, RolloutState,
};
use crate::sim::task::Slot;

impl Plan<'_> {
    /// Something about a service has changed: the scheduler reacts in a moment.
    pub fn look_soon(&mut self, id: ServiceId) {
        if self.services.starts_settled {
            return; // the world is being set up; the first look is arranged
        }
        let service = &mut self.services.all[id];
        let reaction = self.services.settings.reaction.sample_span(&mut service.dice);
        self.look_at(id, self.queue.now() + reaction);
    }

    /// A task of a service has crashed: the scheduler learns of it in a while, and does not replace it before.
    pub fn learn_of_crash(&mut self, slot: Slot) {
        let Member { service: id, generation, .. } = *self.services.member(slot);
        let instance = self.tasks[slot].instance();
        let service = &mut self.services.all[id];
        let settings = &self.services.settings;
        let at = self.queue.now() + settings.crash_reaction.sample_span(&mut service.dice);
        service.crashed.push(Crashed { at, generation, instance });
        self.look_at(id, at);
    }

    /// The scheduler looks at a service at this instant, unless it does so earlier.
    pub fn look_at(&mut self, id: ServiceId, at: SimTime) {
        let service = &mut self.services.all[id];
        if at < service.looks_at {
            service.looks_at = at;
            self.queue.schedule(at, Class::Control, Event::Reconcile(id));
        }
    }

    /// Arranges the next look: after work, the next cycle; otherwise when something is known to change.
    pub fn look_again(&mut self, id: ServiceId, did: bool) {
        let now = self.queue.now();
        let service = &self.services.all[id];
        let mut at = SimTime::NEVER;
        if did {
            at = at.min(now + self.services.settings.cycle);
        }
        // Not only where tasks are missing in number: those that are there may be old, or unhealthy.
        if let Some(until) = service.throttle.blocked_until(now) {
            at = at.min(until);
        }
        if let Some(protection) = service.setup.protection
            && (service.is_rolling()
                || service.members.len() > service.desired as usize
                || self.services.is_sick(id)
                || self.look().has_draining_task(id))
        {
            let protected =
                service.members.iter().map(|&s| self.services.member(s).protected_until);
            at = at.min(protected.filter(|&p| p > now).min().unwrap_or(SimTime::NEVER));
            if protection.while_busy {
                at = at.min(now + self.services.settings.cycle); // whoever is done is no longer protected
            }
        }
        if self.services.is_sick(id) {
            let sick = service.members.iter().map(|&slot| self.services.member(slot));
            let grace = sick.filter(|m| m.health == Health::Unhealthy && m.grace_until > now);
            at = at.min(grace.map(|member| member.grace_until).min().unwrap_or(SimTime::NEVER));
        }
        for deployment in &service.deployments {
            at = at.min(deployment.wakes_at().filter(|&wake| wake > now).unwrap_or(SimTime::NEVER));
        }
        if at != SimTime::NEVER {
            self.look_at(id, at);
        }
    }

    /// Says so when a service has become steady.
    pub fn note_steady_state(&mut self, id: ServiceId, now: SimTime) -> Result<(), RunError> {
        let service = &mut self.services.all[id];
        let is_task_set = |d: &Deployment| matches!(d.kind, Kind::TaskSet { .. });
        let has_task_sets = service.deployments.iter().any(is_task_set);
        let wanted = match has_task_sets {
            true => service.deployments.iter().map(|d| d.wants(service.desired)).sum(),
            false if service.is_daemon() => service.members.len() as u32,
            false => service.desired,
        } as usize;
        let is_steady = service.members.len() == wanted
            && service.healthy as usize == wanted
            && (has_task_sets || !service.is_rolling());
        if !is_steady {
            service.steady_since = None;
            let impaired = service.throttle.is_impaired(&self.services.settings);
            if impaired {
                let text = format!(
                    "(service {}) is unable to consistently start tasks successfully.",
                    service.setup.name
                );
                self.books.service_event(id, now, "WARN", "SERVICE_TASK_START_IMPAIRED", &text)?;
            }
            return Ok(());
        }
        if service.steady_since.is_some() {
            return Ok(());
        }
        service.steady_since = Some(now);
        self.books.services[id].forget_what_was_told();
        if !self.books.tables.wants_events() {
            return Ok(());
        }
        let text = format!("(service {}) has reached a steady state.", service.setup.name);
        let event = if has_task_sets { "TASKSET_STEADY_STATE" } else { "SERVICE_STEADY_STATE" };
        self.books.service_event(id, now, "INFO", event, &text)
    }

    /// A rolling deployment, or a scale-in, that can neither stop nor start a task, with nothing on its way: says so, and why.
    pub fn tell_if_blocked(&mut self, id: ServiceId, now: SimTime) -> Result<(), RunError> {
        let service = &self.services.all[id];
        let Some(newest) = service.deployment(service.generation) else { return Ok(()) };
        let is_alone = service.deployments.len() == 1 || newest.state == RolloutState::Completed;
        // An older deployment without tasks, as with a desired count of 0, holds nothing up.
        let is_alone = is_alone || service.members.len() == newest.tasks() as usize;
        let is_done = newest.tasks() == service.desired && is_alone;
        let waits = service.pending() + service.leaving() > 0 || service.healthy < service.running;
        let is_held = newest.is_stalled || service.throttle.blocked_until(now).is_some();
        let is_moving = service.rebalancing == Rebalancing::Started;
        if !matches!(newest.kind, Kind::Rolling) || is_done || waits || is_held || is_moving {
            return Ok(());
        }
        let of = &service.setup.deployment;
        let bounds =
            rolling::bounds(service.desired, of.minimum_healthy_percent, of.maximum_percent);
        let is_protected = self.look().views(id, now).iter().any(|task| task.is_protected);
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
        self.books.service_event(id, now, "WARN", "DEPLOYMENT_BLOCKED", &text)
    }
}
