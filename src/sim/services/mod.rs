//! Services: the driver that binds the service scheduler's policies, load, health, deployments and scaling to tasks.
//!
//! | Room | What it drives |
//! | --- | --- |
//! | `mod.rs` | the state of services and of their tasks |
//! | `parts.rs` | what each room may touch |
//! | `create.rs` | services at time zero |
//! | `capacity.rs` | where the tasks of each deployment go |
//! | `leaving.rs` | how a task stops: what it still finishes |
//! | `members.rs` | a task's life in its service: runs, crashes, is stopped |
//! | `scheduler/` | the scheduler's pass: what is started and stopped, when it looks again; daemons; rebalancing of zones |
//! | `health/` | when a task counts as healthy, is seen unhealthy; overload |
//! | `restart.rs` | containers that are started again in place |
//! | `waiting.rs` | tasks in PROVISIONING: capacity comes, or they have waited for too long |
//! | `rollout/` | revisions come, are completed, fail, go back; stages of blue/green, canary, linear; alarms; updates |
//! | `scaling/` | once a minute: alarms and policies |
//! | `load/` | who gets requests, what a minute measures, idle CPU of hosts, samples |
//! | `failures.rs`, `outage.rs` | what fails by script |
//! | `fleet.rs`, `stranded.rs` | instances come, drain and go; hosts that stand still |
//!
//! A reconciliation is an event of its own, seconds after what caused it; nothing here runs between events, and a
//! service to which nothing happens costs a visit an hour at best, in which its minutes are made up for.

mod capacity;
mod create;
mod failures;
mod fleet;
mod health;
mod interrupted;
mod leaving;
mod load;
mod members;
mod memory;
mod outage;
mod parts;
mod restart;
mod rollout;
mod scaling;
mod scheduler;
mod sidecars;
mod stranded;
mod waiting;

use super::bucket::TokenBucket;
use super::setup::{Failure, Outage, RevisionSetup, ServiceSetup};
use super::task::Slot;
use super::tasks::Latency;
use crate::base::hint::{Before, ask_for, ask_for_row};
use crate::base::id::Column;
use crate::base::random::{Family, Stream};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Ticket;
use crate::load::{Library, Load};
use crate::model::ids::{GroupId, InstanceId, ServiceId, SourceId};
use crate::model::lifecycle::StopReason;
use crate::model::scaling::MetricDelays;
use crate::model::service::{Permille, SchedulerSettings, SchedulingStrategy};
use crate::policy::scaling::{Scaler, ServiceState};
use crate::policy::service::throttle::Throttle;
pub use create::as_source;
use health::Checks;
use load::{Meter, Shifted};
pub use parts::{Drive, Flow, Look, Plan};
pub use rollout::{Deployment, Kind, RolloutState};
pub use scheduler::{DaemonNews, Rebalancing};
use sidecars::RunningSidecar;
use std::collections::{BTreeMap, VecDeque};

/// What a task's health checks say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Health {
    /// Nothing yet.
    #[default]
    Unknown,
    /// It passes.
    Healthy,
    /// It fails.
    Unhealthy,
}

/// What happens next to a task's health.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// It answers again after its container was started anew, and no check has noticed.
    Returns,
    /// It answers: without a load balancer it gets work from now on.
    Ready,
    /// It has passed its checks.
    Healthy,
    /// It stops answering; nobody has noticed yet.
    GoesBad,
    /// Its checks have failed often enough.
    Unhealthy,
}

/// What the scheduler knows about a task of a service, beside the [`super::task::Task`] in the same slot. In the order
/// written here and in cache lines of its own: a pass of the scheduler looks at the first one of every task.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Member {
    /// Number of its task among all.
    pub task: u64,
    /// Until when unhealthy results are ignored.
    pub grace_until: SimTime,
    /// Until when it is protected from scale-in.
    pub protected_until: SimTime,
    /// Number among its service's tasks: the key of its draws.
    pub number: u64,
    /// Service.
    pub service: ServiceId,
    /// Number of its deployment.
    pub generation: u32,
    /// Its place in [`Service::members`]; `u32::MAX` once it is no longer wanted.
    pub place: u32,
    /// What its checks say.
    pub health: Health,
    /// Whether its application answers.
    pub answers: bool,
    /// Whether it gets requests.
    pub in_load: bool,
    /// Whether it is in its deregistration delay, and another is to take its place.
    pub drains: bool,
    /// Whether it never passes a check.
    pub never_healthy: bool,
    /// It has counted as healthy before: what becomes of it later is no failure of its deployment.
    pub was_healthy: bool,
    /// Since when its checks wait longer than they may take.
    pub slow_since: Option<SimTime>,
    /// Where its checks stand in their interval.
    pub phase: SimSpan,
    /// When its container was started last, and how often it was started again.
    pub container_since: SimTime,
    pub restarts: u32,
    /// Its crash, and that of its next sidecar, to be cancelled.
    pub crash: Option<Ticket>,
    pub sidecar: Option<Ticket>,
    /// When it will pass its checks though they have failed at first.
    pub heals_at: Option<SimTime>,
    /// The end of its start, to be cancelled.
    pub start: Option<Ticket>,
    /// Its next change of health, to be cancelled.
    pub change: Option<(Ticket, Next)>,
}

/// A task that has crashed, of which the scheduler does not know yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Crashed {
    /// When it learns of it.
    pub at: SimTime,
    /// The task's deployment.
    pub generation: u32,
    /// Where it was.
    pub instance: Option<InstanceId>,
}

/// A target that a load balancer still sends requests to, though it should not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Late {
    /// When it learns of it.
    pub at: SimTime,
    /// The task.
    pub task: u64,
    /// Whether the task has stopped working: its requests are lost.
    pub is_dead: bool,
}

/// A service in the middle of a run.
pub struct Service {
    /// Settings; boxed: what a minute looks at should lie close together.
    pub setup: Box<ServiceSetup>,
    /// Its number among those who ask for tasks.
    pub source: SourceId,
    /// Its task group.
    pub group: GroupId,
    /// `desiredCount`.
    pub desired: u32,
    /// Tasks whose desired status is RUNNING.
    pub members: Vec<Slot>,
    /// Of these, RUNNING.
    pub running: u32,
    /// Of these, counted as healthy.
    pub healthy: u32,
    /// Of the RUNNING ones, unhealthy.
    pub unhealthy: u32,
    /// Deployments that have tasks or are to get some, oldest first.
    pub deployments: Vec<Deployment>,
    /// Number of the PRIMARY deployment: tasks are to be of this one.
    pub generation: u32,
    /// Number of the newest deployment.
    pub last_generation: u32,
    /// Revision of the last completed deployment.
    pub completed_revision: Option<usize>,
    /// Target group of production traffic: a pool of the load.
    pub pool: u8,
    /// Launch throttle.
    pub throttle: Throttle,
    /// Tasks that may be started a minute.
    pub launches: TokenBucket,
    /// When its turn at the account's launch rate comes, if it has asked for one.
    pub booked: Option<SimTime>,
    /// When the scheduler looks at it next.
    pub looks_at: SimTime,
    /// Since when the scheduler wants each task that has no place yet, oldest first.
    pub wishes: VecDeque<SimTime>,
    /// When the scheduler learns of tasks that have crashed: not before then are they replaced.
    pub crashed: Vec<Crashed>,
    /// Managed daemons: instances that are given up because its task has failed there.
    pub given_up: Vec<InstanceId>,
    /// Scripted changes that have happened.
    pub updates_done: usize,
    /// Requests and how they are served.
    pub load: Option<Load>,
    /// Targets of which its load balancer has not learnt yet that they are gone.
    pub late: Vec<Late>,
    /// Its zonal shifts.
    pub shifted: Shifted,
    /// Auto scaling.
    pub scaler: Option<Scaler>,
    /// Counters behind metrics.
    pub meter: Meter,
    /// Tasks of the old revision that a rolling deployment keeps up.
    pub old_desired: u32,
    /// Shares of production traffic, by target group.
    pub weights: [Permille; 4],
    /// Whether its tasks may use idle CPU of their hosts.
    pub bursts: bool,
    /// Tasks that it has asked for.
    pub tasks_so_far: u64,
    /// Since when it is steady: every task wanted is there and healthy.
    pub steady_since: Option<SimTime>,
    /// Availability Zone rebalancing.
    pub rebalancing: Rebalancing,
    /// Draws that follow the order of its decisions: reactions, random choices.
    pub dice: Stream,
    /// Draws of whose tasks fail by script: their own, so that nothing else moves with them.
    pub crash_dice: Stream,
    /// Draws of its tasks, by their number.
    pub behaviour: Family,
    /// What its tasks depend on is slow or gone until then.
    pub outage: Option<(SimTime, Outage)>,
    /// How long its containers take to stop, where it says so.
    pub stop: Option<Latency>,
}

impl Service {
    /// The deployment with this number, if it is still there.
    pub fn deployment(&self, generation: u32) -> Option<&Deployment> {
        self.deployments.iter().find(|d| d.generation == generation)
    }

    /// The same, to be changed.
    pub fn deployment_mut(&mut self, generation: u32) -> Option<&mut Deployment> {
        self.deployments.iter_mut().find(|d| d.generation == generation)
    }

    /// The revision of a deployment; the first one where the deployment is gone.
    pub fn revision_of(&self, generation: u32) -> &RevisionSetup {
        let revision = self.deployment(generation).map_or(0, |d| d.revision);
        &self.setup.revisions[revision]
    }

    /// Whether it keeps one task on each instance.
    pub fn is_daemon(&self) -> bool {
        self.setup.scheduling == SchedulingStrategy::Daemon
    }

    /// Whether a pass could not find anything to do unless a task is unhealthy: one complete deployment with all of its
    /// tasks, none of them on an instance that drains, which is for the caller to see.
    pub fn is_as_wanted(&self) -> bool {
        self.members.len() == self.desired as usize
            && self.rebalancing != Rebalancing::Started
            && !self.is_rolling()
            // A lone task set may want a share of the desired count only.
            && self.deployments.iter().all(|d| d.wants(self.desired) == self.desired)
    }

    /// Whether tasks may be unhealthy: only those that are RUNNING and not healthy can.
    pub fn may_be_sick(&self) -> bool {
        self.running != self.healthy
    }

    /// What scaling policies see of it.
    pub fn scaling_state(&self) -> ServiceState {
        ServiceState {
            desired: self.desired,
            running: self.running,
            deploying: self.is_deploying(),
        }
    }

    /// Asks memory for what a minute looks at.
    pub fn look_ahead(&self, before: Before) {
        match before {
            Before::Third => {
                ask_for(&self.members);
                ask_for(&self.deployments);
                ask_for(&self.load);
                ask_for(&self.scaler);
                self.meter.look_ahead();
            }
            Before::Second => {
                self.deployments.iter().for_each(|deployment| {
                    ask_for(&deployment.state);
                    ask_for(&deployment.kind);
                });
                self.load.iter().for_each(|load| load.look_ahead(before));
            }
            Before::First => self.load.iter().for_each(|load| load.look_ahead(before)),
        }
        self.scaler.iter().for_each(|scaler| scaler.look_ahead(before));
    }

    /// Tasks before RUNNING.
    pub fn pending(&self) -> u32 {
        self.members.len() as u32 - self.running
    }
}

/// All services.
pub struct Services {
    /// The services.
    pub all: Column<ServiceId, Service>,
    /// When each must be looked at in any case, at the end of a minute. Apart from the services, so that a minute touches
    /// nothing of those that sleep.
    pub due: Column<ServiceId, SimTime>,
    /// The first number of a service among those who ask for tasks.
    pub first_source: u32,
    /// By slot of the task; stale where the slot is another caller's.
    pub members: Vec<Option<Member>>,
    /// How the scheduler paces itself.
    pub settings: SchedulerSettings,
    /// How late CloudWatch is.
    pub delays: MetricDelays,
    /// Scripted failures, in order of time.
    pub failures: Vec<Failure>,
    /// Failures that have happened.
    pub failures_done: usize,
    /// What loads have in common.
    pub library: Library,
    /// The last whole minute that was looked at.
    pub minute_done: SimTime,
    /// Sidecars that crash, by slot of their task.
    pub sidecars: BTreeMap<u32, Vec<RunningSidecar>>,
    /// Whether tasks of any service share idle CPU of their hosts.
    pub has_bursting: bool,
    /// Whether services are being put into their steady state, at time zero.
    pub starts_settled: bool,
    /// Whether a run that checks itself visits every minute.
    pub is_checked: bool,
    /// What managed daemons mean for instances, and nobody has been told.
    pub daemon_news: VecDeque<(InstanceId, DaemonNews)>,
}

impl Services {
    /// The member in a slot, which must hold a service's task.
    #[inline]
    pub fn member(&self, slot: Slot) -> &Member {
        self.members[slot.0 as usize].as_ref().expect("a service's task is a member")
    }

    /// Asks memory for a member that is looked at soon.
    #[inline]
    pub fn look_ahead_to_member(&self, slot: Slot) {
        ask_for_row(&self.members, slot.0 as usize);
    }

    /// The same, to be changed.
    #[inline]
    pub fn member_mut(&mut self, slot: Slot) -> &mut Member {
        self.members[slot.0 as usize].as_mut().expect("a service's task is a member")
    }

    /// Whether any task of a service is unhealthy.
    pub fn is_sick(&self, id: ServiceId) -> bool {
        self.all[id].unhealthy > 0
    }

    /// How many tasks of a service are unhealthy.
    pub fn unhealthy_tasks(&self, id: ServiceId) -> u64 {
        u64::from(self.all[id].unhealthy)
    }

    /// Tasks of a deployment come and go.
    pub fn count_tasks(&mut self, id: ServiceId, generation: u32, pending: i32, running: i32) {
        if let Some(deployment) = self.all[id].deployment_mut(generation) {
            deployment.pending = deployment.pending.checked_add_signed(pending).expect("counted");
            deployment.running = deployment.running.checked_add_signed(running).expect("counted");
        }
    }

    /// Whether it has the tasks that it should: RUNNING, and past its health checks where it has any.
    pub fn has_all(&self, id: ServiceId) -> bool {
        let service = &self.all[id];
        let is_checked = self.checks(id, service.generation).are_there();
        (if is_checked { service.healthy } else { service.running }) >= service.desired
    }

    /// The checks of a deployment's tasks.
    fn checks(&self, id: ServiceId, generation: u32) -> Checks {
        let service = &self.all[id];
        Checks {
            container: service.revision_of(generation).check,
            balancer: service.setup.balancer,
            healthy_without_checks: self.settings.healthy_without_checks,
        }
    }

    /// Why the scheduler replaces an unhealthy task.
    pub fn unhealthy_reason(&self, slot: Slot) -> StopReason {
        let member = self.member(slot);
        let checks = self.checks(member.service, member.generation);
        if checks.balancer.is_some() {
            StopReason::FailedElbHealthChecks
        } else {
            StopReason::FailedContainerHealthChecks
        }
    }
}
