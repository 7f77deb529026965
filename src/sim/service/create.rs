//! Services at time zero: who they are among those who ask for tasks, and their first tasks.

use super::super::bucket::TokenBucket;
use super::super::callers::{Caller, Rules};
use super::super::lifecycle::Stages;
use super::super::setup::{Bucket, Failure, Launch, OnFailure, ServiceSetup, SourceSetup};
use super::super::world::{Event, RunError, World};
use super::deployments::Kind;
use super::{Ledger, Meter, Rebalancing, Service, Services};
use crate::base::distribution::Distribution;
use crate::base::id::{Column, Id as _};
use crate::base::random::Purpose;
use crate::base::time::SimTime;
use crate::engine::Queue;
use crate::load::{Library, Load, LoadSetup};
use crate::model::ids::{ServiceId, SourceId};
use crate::model::platform::LaunchType;
use crate::model::scaling::MetricDelays;
use crate::model::service::{DeploymentController, SchedulerSettings};
use crate::model::traffic::RateStream;
use crate::policy::placement::Strategy;
use crate::policy::scaling::Scaler;
use crate::policy::service::throttle::Throttle;

/// Tokens of the launch bucket that one task costs: a rate a minute in whole tokens a second.
pub(super) const TOKENS_PER_TASK: u32 = 60;

impl Services {
    /// No services yet; theirs are the numbers from `first_source` on.
    pub fn new(
        first_source: usize,
        settings: SchedulerSettings,
        delays: MetricDelays,
        failures: Vec<Failure>,
    ) -> Services {
        Services {
            all: Column::new(),
            due: Column::new(),
            first_source: u32::try_from(first_source).expect("fewer than 2^32 callers"),
            members: Vec::new(),
            newborn: None,
            settings,
            delays,
            failures,
            failures_done: 0,
            library: Library::default(),
            minute_done: SimTime::ZERO,
            has_bursting: false,
        }
    }
}

/// A service as one who asks for tasks.
fn as_source(setup: &ServiceSetup) -> SourceSetup {
    let strategies = if setup.strategies.is_empty() {
        Strategy::default_for_service()
    } else {
        setup.strategies.clone()
    };
    SourceSetup {
        name: setup.name.clone(),
        cluster: setup.cluster,
        launch: setup.launch.clone(),
        definition: setup.revisions[0].definition,
        group: Some(format!("service:{}", setup.name)),
        strategies,
        distinct_instance: setup.distinct_instance,
        member_of: setup.member_of.clone(),
        zones: setup.zones.clone(),
        tasks_per_call: 10,
        on_failure: OnFailure::GiveUp,
        duration: Distribution::Constant(0.0),
        stop_after: None,
        oversized_is_error: false,
    }
}

impl World {
    /// Takes the services in, in order; `traffic` is theirs.
    pub(in super::super) fn know_services(
        &mut self,
        services: Column<ServiceId, ServiceSetup>,
        traffic: Vec<Option<Box<dyn RateStream + Send>>>,
    ) {
        let mut traffic = traffic.into_iter();
        for setup in services.iter().cloned() {
            let stream = traffic.next().flatten();
            let source = as_source(&setup);
            let launch = match &setup.launch {
                Launch::Type(launch) => *launch,
                Launch::Providers(shares) => self.providers[shares[0].provider].launch,
                Launch::Start(_) => LaunchType::Ec2,
            };
            let group = self.group(&format!("service:{}", setup.name));
            let definitions = setup.revisions.iter().map(|revision| revision.definition);
            let id = self.callers.push(Caller {
                launch,
                queue: Default::default(),
                named: Vec::new(),
                turn: 0,
                wanted: 0,
                durations: self.seed.family(Purpose::Duration, &setup.name),
                jitter: self.seed.family(Purpose::Retry, &setup.name),
                rules: Rules::over(definitions),
                group: Some(group),
                held: false,
                setup: source,
            });
            if launch == LaunchType::Ec2 {
                self.compile_rules(id);
            }
            let service = self.new_service(setup, id, group, stream);
            self.services.all.push(service);
            self.services.due.push(SimTime::ZERO);
        }
    }

    fn new_service(
        &self,
        setup: ServiceSetup,
        source: SourceId,
        group: crate::model::ids::GroupId,
        stream: Option<Box<dyn RateStream + Send>>,
    ) -> Service {
        let settings = &self.services.settings;
        let batch = settings.batch.unwrap_or(settings.launches_per_minute).max(1);
        let limit = Bucket {
            burst: batch * TOKENS_PER_TASK,
            per_second: settings.launches_per_minute.max(1),
        };
        let load = setup.work.clone().zip(stream).map(|(work, stream)| {
            let zones = self.zone_count;
            let library = self.services.library.clone();
            let of = LoadSetup { work, balancer: setup.balancer, zones, library };
            Load::new(of, self.seed, &setup.name, stream)
        });
        let scaler = setup
            .scaling
            .as_ref()
            .map(|target| Scaler::new(target, self.services.delays, self.epoch_s));
        Service {
            source,
            group,
            desired: setup.desired_count,
            members: Vec::new(),
            running: 0,
            healthy: 0,
            deployments: Vec::new(),
            generation: 0,
            last_generation: 0,
            completed_revision: None,
            pool: 0,
            throttle: Throttle::default(),
            launches: TokenBucket::new(limit),
            booked: None,
            looks_at: SimTime::NEVER,
            wanted_since: None,
            updates_done: 0,
            load,
            scaler,
            meter: Meter::of(&setup),
            ledger: Box::new(Ledger::new(&setup)),
            tasks_so_far: 0,
            steady_since: None,
            rebalancing: Rebalancing::default(),
            dice: self.seed.stream(Purpose::Service, &setup.name),
            behaviour: self.seed.family(Purpose::Behaviour, &setup.name),
            setup: Box::new(setup),
        }
    }

    /// Time zero: services that are in their steady state have their tasks, RUNNING and healthy, DAEMON services
    /// first; the others are created now.
    pub(in super::super) fn start_services(
        &mut self,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        if self.services.all.is_empty() {
            return Ok(());
        }
        let mut order: Vec<ServiceId> = self.services.all.ids().collect();
        order.sort_by_key(|&id| (!self.services.all[id].is_daemon(), id.index()));
        for id in order {
            self.first_deployments(id, queue)?;
            if self.services.all[id].setup.starts_running {
                self.start_settled(id, queue)?;
            }
            self.look_at(id, queue.now(), queue);
            self.schedule_next_update(id, queue);
            self.schedule_scaling_action(id, queue);
        }
        self.services.has_bursting = self.services.all.ids().any(|id| self.bursts(id));
        self.schedule_ticks(queue);
        self.schedule_next_failure(queue);
        Ok(())
    }

    fn first_deployments(
        &mut self,
        id: ServiceId,
        queue: &mut Queue<Event>,
    ) -> Result<(), RunError> {
        let service = &self.services.all[id];
        if service.setup.controller == DeploymentController::External {
            let sets = service.setup.task_sets.clone();
            for (name, revision, scale) in sets {
                self.create_deployment(id, revision, Kind::TaskSet { name, scale }, "", queue)?;
            }
            return Ok(());
        }
        self.create_deployment(id, 0, Kind::Rolling, "", queue)
    }

    /// Places the tasks of a service that has run for long.
    fn start_settled(&mut self, id: ServiceId, queue: &mut Queue<Event>) -> Result<(), RunError> {
        let timed = std::mem::replace(&mut self.stages, Stages::without_delay(self.seed));
        self.starts_settled = true;
        let done = self.reconcile_all_at_once(id, queue);
        self.starts_settled = false;
        self.stages = timed;
        done?;
        self.settle_first_deployments(id, queue)
    }
}
