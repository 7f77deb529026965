//! Containers that are started again in place: the task goes on, and its application does not answer meanwhile.

use super::members::{AGAIN, DRAWS};
use super::{Drive, Health, Member, Next, Plan};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::model::lifecycle::StopReason;
use crate::sim::event::{Event, RunError};
use crate::sim::task::{Place, Slot};

impl Drive<'_> {
    /// A container exits. Gives `true` where its restart policy starts it again: it has run for long enough, and its exit
    /// code is not one of those that it ignores.
    pub fn restarts(&mut self, slot: Slot) -> Result<bool, RunError> {
        let now = self.now();
        let task = &self.tasks[slot];
        let Some(policy) = &self.rules.definitions[task.definition].restart else {
            return Ok(false);
        };
        let member = *self.services.member(slot);
        let is_ignored = policy.ignored_exit_codes.contains(&task.exit_code);
        if is_ignored || now.since(member.container_since) < policy.attempt_period {
            return Ok(false);
        }
        let (draws, number) = (task.draws, member.number);
        let stages = &self.tasks.stages;
        let start = match task.place {
            Place::Instance(_) => stages.ec2_start.span(draws),
            Place::Fargate(_) | Place::Waiting(_) => stages.fargate_start.span(draws),
        };
        let service = &self.services.all[member.service];
        let behaviour = &service.revision_of(member.generation).behaviour;
        let mut dice = service.behaviour.member(number * DRAWS + AGAIN);
        let (mut ready_after, mut lives) = (SimSpan::ZERO, None);
        for _ in 0..=member.restarts {
            ready_after = behaviour.ready_after.sample_span(&mut dice);
            lives = behaviour.time_to_failure.as_ref().map(|d| d.sample_span(&mut dice));
        }
        let exit_code = behaviour.crash_exit_code;
        let since = now + start;
        let of = self.services.member_mut(slot);
        of.container_since = since;
        of.restarts += 1;
        of.crash = None;
        self.books.services[member.service].restarts += 1;
        let task = &mut self.tasks[slot];
        task.stop_reason = StopReason::EssentialContainerExited;
        task.exit_code = 0;
        if let Some(lives) = lives {
            let at = since + SimSpan(lives.0.max(1));
            let crash = self.queue.schedule_cancellable(at, Class::Release, Event::Exit(slot));
            self.services.member_mut(slot).crash = Some(crash);
            self.tasks[slot].exit_code = exit_code;
        }
        self.plan().is_away(slot, since + ready_after)?;
        Ok(true)
    }
}

impl Plan<'_> {
    /// An application that does not answer until `back`. Behind a load balancer its requests fail until a check has
    /// noticed; whoever takes messages takes none.
    fn is_away(&mut self, slot: Slot, back: SimTime) -> Result<(), RunError> {
        let now = self.queue.now();
        let Member { service: id, generation, phase, grace_until, in_load, health, .. } =
            *self.services.member(slot);
        self.services.member_mut(slot).answers = false;
        let has_balancer = self.services.all[id].setup.balancer.is_some();
        if in_load {
            self.flow().remove_from_load(slot, now)?;
            if has_balancer {
                self.flow().put_into_load(slot, now)?;
            }
        }
        let started = self.tasks[slot].started;
        let checks = self.services.checks(id, generation);
        match health {
            Health::Healthy => {
                let seen = checks.unhealthy_at(started, now, phase, grace_until);
                if checks.are_there() && seen < back {
                    let heals = checks.recovers_at(started, back, phase);
                    self.services.member_mut(slot).heals_at = Some(heals);
                    self.change_at(slot, seen, Next::Unhealthy);
                } else {
                    self.change_at(slot, back, Next::Returns);
                }
            }
            Health::Unknown if has_balancer => self.await_first_verdict(slot, Some(back)),
            Health::Unknown => self.change_at(slot, back, Next::Ready),
            Health::Unhealthy => {
                let at = checks.recovers_at(started, back, phase);
                self.change_at(slot, at, Next::Healthy);
            }
        }
        Ok(())
    }

    /// A healthy task answers again before any check has noticed.
    pub fn returns(&mut self, slot: Slot) -> Result<(), RunError> {
        let now = self.queue.now();
        self.flow().add_to_load(slot, now)?;
        self.hang_as_drawn(slot, now);
        Ok(())
    }
}
