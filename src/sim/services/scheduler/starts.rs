//! Starting a task of a service: the rates, the place, the member.

use crate::base::time::{SimSpan, SimTime};
use crate::model::ids::ServiceId;
use crate::policy::service::Pass;
use crate::sim::event::RunError;
use crate::sim::request::{Call, Failure, Request, Target};
use crate::sim::services::{Drive, Health, Look, Member};

/// Tokens of the launch bucket that one task costs: a rate a minute in whole tokens a second.
pub const TOKENS_PER_TASK: u32 = 60;

impl Drive<'_> {
    pub fn apply_starts(&mut self, id: ServiceId, pass: &Pass) -> Result<(), RunError> {
        let now = self.queue.now();
        let newest = self.services.all[id].last_generation;
        self.forget_crashes(id, now);
        for &(generation, count) in &pass.start {
            let crashed = self.services.all[id].crashed.iter();
            let unknown = crashed.filter(|crashed| crashed.generation == generation).count();
            for _ in 0..count.saturating_sub(unknown as u32) {
                if self.services.all[id].last_generation != newest {
                    return Ok(()); // a task failed at once and the deployment goes back: look again
                }
                let ready = self.launch_is_ready_at(id, generation, now);
                if ready > now {
                    // The next batch, not the next task: as fast, and one look in place of ten.
                    let pace = self.pace();
                    self.plan().look_at(id, ready.max(now + pace));
                    return Ok(());
                }
                if let Err(failure) = self.place_member(id, generation)? {
                    return self.could_not_place(id, generation, &failure);
                }
                self.services.all[id].launches.take(now, TOKENS_PER_TASK);
            }
        }
        Ok(())
    }

    /// The scheduler knows now of tasks that have crashed long enough ago, and looks again when it learns of the next.
    pub fn forget_crashes(&mut self, id: ServiceId, now: SimTime) {
        let crashed = &mut self.services.all[id].crashed;
        crashed.retain(|crashed| crashed.at > now);
        let next = crashed.iter().map(|crashed| crashed.at).min();
        if let Some(next) = next {
            self.plan().look_at(id, next);
        }
    }

    /// When the rates let a service start its next task. A service that has to wait for the account's rate takes its
    /// place in the line now (assumed: throttled schedulers are served in turn), so that thousands of them do not all
    /// come back for each token.
    pub fn launch_is_ready_at(&mut self, id: ServiceId, generation: u32, now: SimTime) -> SimTime {
        let own = self.services.all[id].launches.ready_at(now, TOKENS_PER_TASK);
        if own > now {
            return own;
        }
        let purchase = self.look().fargate_purchase(id, generation);
        let Some(bucket) = purchase.and_then(|purchase| self.fargate.launch_bucket(purchase))
        else {
            return now;
        };
        let service = &mut self.services.all[id];
        let booked = *service.booked.get_or_insert_with(|| {
            let at = bucket.ready_at(now, 1);
            bucket.take(at, 1);
            at
        });
        if booked <= now {
            service.booked = None;
        }
        booked
    }

    /// Starts one task of a deployment, or says why it cannot be placed.
    pub fn place_member(
        &mut self,
        id: ServiceId,
        generation: u32,
    ) -> Result<Result<(), Failure>, RunError> {
        let target = self.look().next_target_of(id, generation);
        self.place_member_at(id, generation, target)
    }

    /// The same at a place that was chosen already.
    pub fn place_member_at(
        &mut self,
        id: ServiceId,
        generation: u32,
        target: Target,
    ) -> Result<Result<(), Failure>, RunError> {
        let now = self.queue.now();
        let is_extra = self.services.all[id].wishes.is_empty(); // one more than are wanted, for a while
        if is_extra {
            self.wish(id, 1);
        }
        let (mut request, member) = self.look().ask_for_member(id, generation, now);
        match self.life().place_first(&request, target) {
            Ok(slot) => {
                self.adopt(slot, member);
                self.tasks.next_id += 1;
                self.look().check_ceiling(id, generation);
                let service = &mut self.services.all[id];
                service.tasks_so_far += 1;
                service.wishes.pop_front();
                self.tell_overflow(slot)?;
                self.start_ready()?;
                Ok(Ok(()))
            }
            Err(failure) => {
                if is_extra {
                    self.wish(id, 0);
                }
                self.books.recorder.failed(now, &mut request, &failure)?;
                Ok(Err(failure))
            }
        }
    }

    /// A task found no place: the launch throttle and the circuit breaker count it, an event says so.
    pub fn could_not_place(
        &mut self,
        id: ServiceId,
        generation: u32,
        failure: &Failure,
    ) -> Result<(), RunError> {
        let now = self.queue.now();
        if *failure == Failure::ProvisioningLimit {
            // The scheduler tries again later (documented), and it is no failure of the task's.
            let cycle = self.services.settings.cycle;
            self.plan().look_at(id, now + cycle);
            return Ok(());
        }
        let service = &mut self.services.all[id];
        service.throttle.could_not_place(now, &self.services.settings);
        let text = format!("(service {}) {}", service.setup.name, why_not_placed(failure));
        self.books.service_event(id, now, "ERROR", "SERVICE_TASK_PLACEMENT_FAILURE", &text)?;
        self.plan().launch_failed(id, generation)?;
        if let Some(at) = self.services.all[id].throttle.blocked_until(now) {
            self.plan().look_at(id, at);
        }
        Ok(())
    }
}

/// What ECS says of a task that found no place.
fn why_not_placed(failure: &Failure) -> String {
    let why = match failure {
        Failure::FargateCapacity => {
            return "was unable to place a task. Reason: Capacity is unavailable at this time. Please try again \
                    later or in a different availability zone."
                .into();
        }
        Failure::FargateVcpuLimit => "you have reached the limit on the number of vCPUs",
        _ => "no container instance met all of its requirements",
    };
    format!("was unable to place a task because {why}. Reason: {}.", failure.reason())
}

impl Look<'_> {
    /// The request for a task that is wanted since the oldest wish, or `now`, and the member that it would be.
    pub fn ask_for_member(
        &self,
        id: ServiceId,
        generation: u32,
        now: SimTime,
    ) -> (Request, Member) {
        let service = &self.services.all[id];
        let definition = service.revision_of(generation).definition;
        let of_definition = &self.rules.definitions[definition];
        let since = service.wishes.front().copied().unwrap_or(now);
        let request = Request {
            source: service.source,
            arrival: since,
            accepted: Some(since),
            first_id: self.tasks.next_id,
            others: self.tasks.next_id - service.tasks_so_far,
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
            throttled_before: SimSpan::ZERO,
            call: Call::default(),
            line: 0,
        };
        let member = Member {
            task: self.tasks.next_id,
            service: id,
            generation,
            number: service.tasks_so_far,
            place: u32::MAX,
            health: Health::Unknown,
            answers: false,
            in_load: false,
            drains: false,
            never_healthy: false,
            was_healthy: false,
            phase: SimSpan::ZERO,
            grace_until: SimTime::NEVER,
            protected_until: SimTime::ZERO,
            crash: None,
            sidecar: None,
            slow_since: None,
            heals_at: None,
            start: None,
            container_since: SimTime::ZERO,
            restarts: 0,
            change: None,
        };
        (request, member)
    }
}
