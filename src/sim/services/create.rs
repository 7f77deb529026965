//! Services at time zero: who they are among those who ask for tasks, and their first tasks.

use super::load::{Excess, Meter};
use super::scheduler::TOKENS_PER_TASK;
use super::{Drive, Kind, Rebalancing, Service, Services};
use crate::base::distribution::Distribution;
use crate::base::id::{Column, Id as _};
use crate::base::random::Purpose;
use crate::base::time::SimTime;
use crate::load::{Library, Load, LoadSetup};
use crate::model::ids::{GroupId, ServiceId, SourceId};
use crate::model::platform::LaunchType;
use crate::model::scaling::MetricDelays;
use crate::model::service::{DeploymentController, Permille, SchedulerSettings};
use crate::model::traffic::RateStream;
use crate::policy::placement::Strategy;
use crate::policy::scaling::Scaler;
use crate::policy::service::throttle::Throttle;
use crate::sim::bucket::TokenBucket;
use crate::sim::event::RunError;
use crate::sim::rules::Rules;
use crate::sim::setup::{Bucket, Failure, OnFailure, ServiceSetup, SourceSetup};
use crate::sim::tasks::Latency;
use crate::sim::tasks::Stages;
use std::collections::VecDeque;

impl Services {
    /// No services yet.
    #[must_use]
    pub fn new(
        first_source: usize,
        settings: SchedulerSettings,
        delays: MetricDelays,
        failures: Vec<Failure>,
    ) -> Services {
        Services {
            sidecars: std::collections::BTreeMap::new(),
            all: Column::new(),
            due: Column::new(),
            first_source: u32::try_from(first_source).expect("fewer than 2^32 callers"),
            members: Vec::new(),
            settings,
            delays,
            failures,
            failures_done: 0,
            library: Library::default(),
            minute_done: SimTime::ZERO,
            has_bursting: false,
            starts_settled: false,
            is_checked: false,
            daemon_news: Default::default(),
        }
    }

    /// What tasks use beyond what they reserved is measured from now on, before any runs.
    pub fn measure_excess(&mut self, into_hour: u64) {
        for id in self.all.ids() {
            let service = &mut self.all[id];
            let may_exceed = service.bursts || service.meter.memory_kib > 0;
            if let Some(load) = service.load.as_mut().filter(|_| may_exceed) {
                load.measure_targets();
                service.meter.excess = Some(Box::new(Excess::new(into_hour)));
            }
        }
    }

    /// Takes the next service in; `source` is its number among those who ask for tasks, `stream` its traffic.
    pub fn add(
        &mut self,
        setup: ServiceSetup,
        source: SourceId,
        group: GroupId,
        stream: Option<Box<dyn RateStream + Send>>,
        rules: &Rules,
    ) {
        let settings = &self.settings;
        let batch = settings.batch.unwrap_or(settings.launches_per_minute).max(1);
        let limit = Bucket {
            burst: batch * TOKENS_PER_TASK,
            per_second: settings.launches_per_minute.max(1),
        };
        let load = setup.work.clone().zip(stream).map(|(work, stream)| {
            let library = self.library.within(rules.max_requests_alive);
            let zones = rules.zone_count;
            let of = LoadSetup { work, balancer: setup.balancer, zones, library };
            Load::new(of, rules.seed, &setup.stream, stream)
        });
        let mut meter = Meter::of(&setup);
        let id = ServiceId(u32::try_from(self.all.len()).expect("fewer than 2^32 services"));
        meter.dark = rules.blackouts.of_service(id);
        let load = load.map(|mut load| {
            if meter.wants_tasks || rules.counts_credits {
                load.measure_targets();
            }
            load
        });
        let scaler = setup.scaling.as_ref();
        let scaler = scaler.map(|target| Scaler::new(target, self.delays, rules.epoch_s));
        let is_limited = setup.revisions.iter().all(|revision| revision.cpu_is_limited);
        let is_on_ec2 = rules.askers[source].ways.iter().any(|way| way.launch == LaunchType::Ec2);
        self.due.push(SimTime::ZERO);
        self.all.push(Service {
            source,
            group,
            desired: setup.desired_count,
            members: Vec::new(),
            running: 0,
            healthy: 0,
            unhealthy: 0,
            deployments: Vec::new(),
            generation: 0,
            last_generation: 0,
            completed_revision: None,
            pool: 0,
            throttle: Throttle::default(),
            launches: TokenBucket::new(limit),
            crashed: Vec::new(),
            given_up: Vec::new(),
            booked: None,
            looks_at: SimTime::NEVER,
            wishes: VecDeque::new(),
            updates_done: 0,
            shifted: Default::default(),
            load,
            late: Vec::new(),
            scaler,
            meter,
            old_desired: 0,
            weights: [Permille::ALL, Permille::NONE, Permille::NONE, Permille::NONE],
            bursts: !is_limited && is_on_ec2,
            tasks_so_far: 0,
            steady_since: None,
            rebalancing: Rebalancing::default(),
            dice: rules.seed.stream(Purpose::Service, &setup.stream),
            crash_dice: rules.seed.stream(Purpose::Fault, &format!("tasks of {}", setup.stream)),
            behaviour: rules.seed.family(Purpose::Behaviour, &setup.stream),
            outage: None,
            stop: setup.container_stop.clone().map(|stop| {
                Latency::new(stop, rules.seed.family(Purpose::ContainerStop, &setup.stream))
            }),
            setup: Box::new(setup),
        });
    }
}

/// A service as one who asks for tasks.
#[must_use]
pub fn as_source(setup: &ServiceSetup) -> SourceSetup {
    let strategies = if setup.strategies.is_empty() {
        Strategy::default_for_service()
    } else {
        setup.strategies.clone()
    };
    SourceSetup {
        name: setup.name.clone(),
        stream: setup.stream.clone(),
        cluster: setup.cluster,
        launch: setup.launches[0].clone(),
        overflow: setup.overflow,
        definition: setup.revisions[0].definition,
        group: Some(format!("service:{}", setup.name)),
        strategies,
        distinct_instance: setup.distinct_instance,
        member_of: setup.member_of.clone(),
        zones: setup.zones.clone(),
        network: setup.network.clone(),
        tasks_per_call: 10,
        on_failure: OnFailure::GiveUp,
        duration: Distribution::Constant(0.0),
        stop_after: None,
        oversized_is_error: false,
    }
}

impl Drive<'_> {
    /// Time zero: services that are in their steady state have their tasks, RUNNING and healthy, DAEMON services
    /// first; the others are created now.
    pub fn start_services(&mut self) -> Result<(), RunError> {
        if self.services.all.is_empty() {
            return Ok(());
        }
        let mut order: Vec<ServiceId> = self.services.all.ids().collect();
        order.sort_by_key(|&id| (!self.services.all[id].is_daemon(), id.index()));
        for id in order {
            self.first_deployments(id)?;
            if self.services.all[id].setup.starts_running {
                self.start_settled(id)?;
            }
            let now = self.now();
            self.plan().look_at(id, now);
            self.plan().schedule_next_update(id);
            self.plan().schedule_scaling_action(id);
            self.plan().schedule_next_shift(id);
        }
        self.services.has_bursting = self.services.all.iter().any(|service| service.bursts);
        let now = self.now();
        self.flow().share_idle_cpu(now)?;
        self.plan().schedule_ticks();
        self.schedule_next_failure();
        Ok(())
    }

    fn first_deployments(&mut self, id: ServiceId) -> Result<(), RunError> {
        let service = &self.services.all[id];
        if service.setup.controller == DeploymentController::External {
            let sets = service.setup.task_sets.clone();
            for (name, revision, scale) in sets {
                self.plan().create_deployment(id, revision, Kind::TaskSet { name, scale }, "")?;
            }
            return Ok(());
        }
        self.plan().create_deployment(id, 0, Kind::Rolling, "")
    }

    /// Places the tasks of a service that has run for long.
    fn start_settled(&mut self, id: ServiceId) -> Result<(), RunError> {
        let timed =
            std::mem::replace(&mut self.tasks.stages, Stages::without_delay(self.rules.seed));
        self.services.starts_settled = true;
        let done = self.reconcile_all_at_once(id);
        self.services.starts_settled = false;
        self.tasks.stages = timed;
        done?;
        self.plan().settle_first_deployments(id)
    }
}
