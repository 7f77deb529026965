//! The invariants of services, compared after every event in tests and on request. A breach is a bug of ours: panic.

use crate::base::time::SimTime;
use crate::model::ids::ServiceId;
use crate::model::lifecycle::TaskStatus;
use crate::policy::deployment::rolling::{self, Progress};
use crate::sim::services::{Health, Kind, Look, Rebalancing, RolloutState, Service};
use crate::sim::task::Slot;

/// Compares what services believe with their tasks.
pub fn check(look: Look<'_>, now: SimTime) {
    look.check_services(now);
}

impl Look<'_> {
    /// Compares what services believe with their tasks, their loads and the work that is left.
    fn check_services(&self, now: SimTime) {
        let mut members = 0;
        for id in self.services.all.ids() {
            self.check_members(id);
            self.check_deployment_counts(id);
            self.check_meter(id);
            self.check_load(id);
            if self.services.is_checked && !self.services.starts_settled {
                self.check_somebody_looks(id, now);
            }
            members += self.services.all[id].members.len();
        }
        for left in self.services.members.iter().flatten().filter(|m| m.place == u32::MAX) {
            assert!(left.crash.is_none() && left.change.is_none(), "V1: who left has no plans");
        }
        let live = self.tasks.by_id();
        let is_wanted = |status| status < TaskStatus::Deactivating;
        let of_services = live.iter().filter(|task| task.source.0 >= self.services.first_source);
        let wanted = of_services.filter(|task| is_wanted(task.status)).count();
        assert_eq!(members, wanted, "V1: members are the tasks whose desired status is RUNNING");
    }

    fn is_running(&self, slot: Slot) -> bool {
        self.tasks[slot].status == TaskStatus::Running
    }

    fn check_members(&self, id: ServiceId) {
        let service = &self.services.all[id];
        let (mut running, mut healthy, mut unhealthy) = (0, 0, 0);
        for (place, &slot) in service.members.iter().enumerate() {
            let member = self.services.member(slot);
            let task = &self.tasks[slot];
            assert_eq!(task.source, service.source, "V1: a member is a task of its service");
            assert_eq!(member.service, id, "V1: a member knows its service");
            assert_eq!(member.place as usize, place, "V1: a member knows its place");
            assert!(task.status < TaskStatus::Deactivating, "V1: {:?} is wanted", task.status);
            assert!(!task.is_uncounted, "V1: a member is counted");
            running += u32::from(self.is_running(slot));
            healthy += u32::from(member.health == Health::Healthy);
            unhealthy += u32::from(member.health == Health::Unhealthy);
            if !self.is_running(slot) {
                assert_eq!(member.health, Health::Unknown, "V2: only RUNNING tasks have checks");
                assert!(member.crash.is_none(), "V2: only RUNNING tasks crash");
                assert!(member.change.is_none(), "V2: only RUNNING tasks change their health");
                assert!(!member.in_load, "V2: only RUNNING tasks get requests");
            }
        }
        assert_eq!(service.running, running, "V2: RUNNING members");
        assert_eq!(service.healthy, healthy, "V2: healthy members");
        assert_eq!(service.unhealthy, unhealthy, "V2: unhealthy members");
        if service.rebalancing == Rebalancing::Even {
            assert!(self.next_step(id).is_none(), "V2: even zones need no step");
        }
        if service.is_daemon() {
            let mut places: Vec<_> =
                service.members.iter().map(|&s| self.tasks[s].instance()).collect();
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), service.members.len(), "T5: one daemon on an instance");
        }
    }

    fn check_deployment_counts(&self, id: ServiceId) {
        let service = &self.services.all[id];
        let mut counted = 0;
        for deployment in &service.deployments {
            let own = || {
                let all = service.members.iter().copied();
                all.filter(|&slot| self.services.member(slot).generation == deployment.generation)
            };
            let running = own().filter(|&slot| self.is_running(slot)).count() as u32;
            let pending = own().count() as u32 - running;
            let is_healthy = |slot: &Slot| self.services.member(*slot).health == Health::Healthy;
            let healthy = own().filter(is_healthy).count() as u32;
            assert_eq!(
                (deployment.pending, deployment.running, deployment.healthy),
                (pending, running, healthy),
                "V3: pending, RUNNING and healthy tasks of deployment {}",
                deployment.generation
            );
            counted += own().count();
        }
        assert_eq!(counted, service.members.len(), "V3: each member has a deployment");
    }

    fn check_meter(&self, id: ServiceId) {
        let service = &self.services.all[id];
        let (mut cpu, mut memory, mut idle) = (0, 0, 0);
        for &slot in service.members.iter().filter(|&&slot| self.is_running(slot)) {
            let generation = self.services.member(slot).generation;
            cpu += u64::from(self.tasks[slot].demand.cpu);
            memory += u64::from(self.tasks[slot].demand.memory);
            idle += u64::from(service.revision_of(generation).behaviour.idle_memory_mib);
        }
        let meter = &service.meter;
        assert_eq!(
            (meter.reserved_cpu, meter.reserved_memory, meter.idle_memory),
            (cpu, memory, idle),
            "V4: CPU and memory reserved by RUNNING members, and what they use when idle"
        );
    }

    fn check_load(&self, id: ServiceId) {
        let service = &self.services.all[id];
        let Some(load) = &service.load else { return };
        let totals = load.totals();
        assert_eq!(totals.offered, totals.served + totals.dropped(), "L1: offered requests");
        if let Some(state) = load.connections() {
            let all = state.totals;
            assert_eq!(
                all.first + all.connects,
                state.open + all.ended + all.cut,
                "L3: long connections are open, have ended or were cut"
            );
        }
        let in_load = service.members.iter().filter(|&&slot| self.services.member(slot).in_load);
        let zone_of = |slot| self.tasks[slot].zone(self.cluster.fleet());
        assert_eq!(
            load.targets() + self.services.kept_away(id, zone_of),
            in_load.count() + service.late.len(),
            "L2: targets are the members that get requests, and those not known to be gone"
        );
        if service.setup.balancer.is_none() {
            return;
        }
        for &slot in &service.members {
            let member = self.services.member(slot);
            let expected = match member.health {
                Health::Unknown => false,
                Health::Healthy => true,
                Health::Unhealthy => service.healthy == 0,
            };
            assert_eq!(member.in_load, expected, "L2: a {:?} target gets requests", member.health);
        }
    }

    /// Nobody waits for ever: where something can be done, or a deployment is done, a look is arranged.
    fn check_somebody_looks(&self, id: ServiceId, now: SimTime) {
        let service = &self.services.all[id];
        if service.looks_at != SimTime::NEVER {
            assert!(service.looks_at >= now, "V5: no look is left out");
            return;
        }
        let name = &service.setup.name;
        if !service.is_daemon() {
            let idle = self.passes_with(id, now, &mut service.dice.clone());
            assert!(
                idle.iter().all(|pass| pass.is_idle()),
                "V5: nobody looks at {name} at {now}, who wants {}: {idle:?} of {:?}",
                service.desired,
                self.views(id, now)
            );
        }
        let Some(newest) = service.deployment(service.generation) else { return };
        assert!(!is_done(service), "V5: nobody sees that deployment {} is done", newest.generation);
        if let Some(at) = newest.wakes_at() {
            assert!(at <= now, "V5: nobody will see the next stage of {name}");
        }
    }
}

/// Whether the newest rolling deployment has reached its end without having been told so.
fn is_done(service: &Service) -> bool {
    let Some(newest) = service.deployment(service.generation) else { return false };
    if service.is_daemon() || newest.state != RolloutState::InProgress {
        return false;
    }
    let progress = Progress {
        desired: service.desired,
        new: newest.tasks(),
        new_healthy: newest.healthy,
        old: service.others_than(newest.generation),
    };
    matches!(newest.kind, Kind::Rolling)
        && rolling::is_complete(progress, service.setup.deployment.early_success)
}
