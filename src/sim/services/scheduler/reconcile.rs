//! The service scheduler's pass: decisions of [`crate::policy::service`] applied to the tasks of a service, in batches
//! and at the pace that ECS allows; and when it looks again.

use crate::base::time::{SimSpan, SimTime};
use crate::model::ids::ServiceId;
use crate::model::lifecycle::StopReason;
use crate::policy::service::{self as policy, Pass};
use crate::sim::event::RunError;
use crate::sim::services::Drive;
use crate::sim::task::Slot;

impl Drive<'_> {
    /// The scheduler looks at a service.
    pub fn reconcile(&mut self, id: ServiceId) -> Result<(), RunError> {
        let now = self.queue.now();
        if self.services.all[id].looks_at != now {
            return Ok(()); // an earlier look took its place
        }
        self.services.all[id].looks_at = SimTime::NEVER;
        self.plan().advance_stages(id)?;
        let mut did = if self.services.all[id].is_daemon() {
            self.reconcile_daemons(id)?
        } else {
            self.reconcile_replicas(id)?
        };
        self.forget_stopped(); // what stops in no time is gone by now
        let deployments = self.services.all[id].deployments.len();
        self.plan().judge_deployments(id)?;
        if self.services.all[id].deployments.len() < deployments {
            did |= self.has_work(id, now); // an old revision kept room that the new one may have now
        }
        self.plan().note_steady_state(id, now)?;
        self.rebalance_zones(id)?; // after it: steadiness that begins now arranges the look that rebalances
        self.plan().look_again(id, did);
        Ok(())
    }

    /// Whether a pass would find something to do.
    fn has_work(&self, id: ServiceId, now: SimTime) -> bool {
        let service = &self.services.all[id];
        let passes = || self.look().passes_with(id, now, &mut service.dice.clone());
        !service.is_daemon() && passes().iter().any(|pass| !pass.is_idle())
    }

    pub fn reconcile_replicas(&mut self, id: ServiceId) -> Result<bool, RunError> {
        if self.services.all[id].is_as_wanted()
            && !self.services.is_sick(id)
            && !self.look().has_draining_task(id)
        {
            self.wish(id, 0);
            return Ok(false); // most looks come after a task has begun to run, or has become healthy
        }
        if self.services.all[id].setup.protection.is_some_and(|protection| protection.while_busy) {
            let now = self.queue.now();
            self.flow().come_to(id, now)?; // who is busy now?
        }
        let mut batch = self.services.settings.batch.unwrap_or(u32::MAX);
        let mut did = false;
        let now = self.now();
        let passes = self.passes(id, now);
        self.wish_for(id, &passes);
        for pass in passes {
            if pass.is_idle() {
                self.plan().tell_if_blocked(id, now)?;
            }
            did |= !pass.is_idle();
            if !self.apply_stops(id, &pass, &mut batch)? {
                return Ok(true);
            }
            self.services.all[id].old_desired = pass.old_desired;
            self.apply_starts(id, &pass)?;
        }
        Ok(did)
    }

    /// All at once, at time zero: neither batches nor rates.
    pub fn reconcile_all_at_once(&mut self, id: ServiceId) -> Result<(), RunError> {
        if self.services.all[id].is_daemon() {
            self.reconcile_daemons(id)?;
            return Ok(());
        }
        let passes = self.passes(id, self.now());
        self.wish_for(id, &passes);
        for pass in passes {
            for &(generation, count) in &pass.start {
                for _ in 0..count {
                    if let Err(failure) = self.place_member(id, generation)? {
                        self.could_not_place(id, generation, &failure)?;
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    /// What should be done about a service now: one pass for a rolling service, one for each set of tasks otherwise.
    pub fn passes(&mut self, id: ServiceId, now: SimTime) -> Vec<Pass> {
        let mut dice = self.services.all[id].dice.clone();
        let passes = self.look().passes_with(id, now, &mut dice);
        let of = &mut self.services.all[id];
        of.dice = dice;
        if let [pass] = passes.as_slice() {
            of.old_desired = pass.old_desired;
        }
        passes
    }

    /// Stops what the pass says, at most a batch. Says whether all of it was stopped.
    pub fn apply_stops(
        &mut self,
        id: ServiceId,
        pass: &Pass,
        batch: &mut u32,
    ) -> Result<bool, RunError> {
        let target = self.services.all[id].generation;
        for &(key, reason) in &pass.stop {
            if *batch == 0 {
                let at = self.now() + self.pace();
                self.plan().look_at(id, at);
                return Ok(false);
            }
            let slot = Slot(key);
            if self.services.member(slot).place == u32::MAX {
                continue; // a stop before it made room for it, and it failed to start
            }
            *batch -= 1;
            let generation = self.services.member(slot).generation;
            let reason = match reason {
                policy::StopReason::ScaleIn if self.services.all[id].is_replaced(generation) => {
                    StopReason::Deployed
                }
                policy::StopReason::ScaleIn => StopReason::ScaledIn,
                policy::StopReason::Deployment => StopReason::Deployed,
                policy::StopReason::Draining if self.fargate.is_retired(&self.tasks[slot]) => {
                    self.books.tally.fargate_retired += 1;
                    StopReason::Retired
                }
                policy::StopReason::Draining => StopReason::Draining,
                policy::StopReason::Unhealthy => {
                    self.plan().task_failed(id, generation)?;
                    self.services.unhealthy_reason(slot)
                }
            };
            self.stop_member(slot, reason)?;
            if self.services.all[id].generation != target {
                return Ok(false); // the deployment has failed: the rest of the pass is no longer wanted
            }
        }
        Ok(true)
    }

    /// Time that a batch takes at the service's launch rate.
    pub fn pace(&self) -> SimSpan {
        let settings = &self.services.settings;
        let batch = u64::from(settings.batch.unwrap_or(10).min(settings.launches_per_minute));
        SimSpan(batch * 60_000_000 / u64::from(settings.launches_per_minute.max(1)))
    }
}
