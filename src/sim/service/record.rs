//! What is written down about services: rows of their tables, samples for charts, the report at the end.

use super::super::outputs::field;
use super::super::service_tables::{DeploymentRow, EventRow, ScalingRow};
use super::super::setup::ServiceSetup;
use super::super::world::{RunError, World};
use super::Service;
use super::deployments::{Kind, Wants};
use super::tick::in_memory_micro;
use crate::base::money::NanoUsd;
use crate::base::time::{SimSpan, SimTime};
use crate::load::Load;
use crate::metrics::elasticity::ElasticityMeter;
use crate::metrics::series::ServiceSeries;
use crate::metrics::service::{Mark, RequestTotals, ServiceReport, ServiceSample};
use crate::model::ids::ServiceId;
use crate::model::scaling::{Comparison, MetricValue, ScalingMetric};
use crate::model::service::{DeploymentController, DeploymentStrategy, Permille, Stage};
use crate::model::traffic::WorkKind;
use crate::policy::scaling::Decision;
use std::collections::BTreeMap;

/// Counters and series of a service, for tables and reports only.
pub struct Ledger {
    /// Name as a CSV field.
    name: Box<[u8]>,
    /// Whether it takes messages.
    pub is_queue: bool,
    /// Target of its first target tracking policy over CPU.
    cpu_target: Option<MetricValue>,
    /// Tasks that were placed.
    pub tasks_started: u64,
    /// Tasks that crashed, did not start, or failed health checks.
    pub tasks_failed: u64,
    /// Of these, crashed.
    pub crashes: u64,
    /// Of these, killed for their memory.
    pub out_of_memory: u64,
    /// Scale-outs and scale-ins.
    pub scaling: [u64; 2],
    /// Deployments completed and failed.
    pub deployments: [u64; 2],
    /// Σ of the costs of its stopped tasks.
    pub usd: NanoUsd,
    /// Tasks of the old revision that a rolling deployment keeps up.
    pub old_desired: u32,
    /// Shares of production traffic.
    pub weights: [Permille; 4],
    /// When each event was last told, for repeated ones.
    told: BTreeMap<&'static str, SimTime>,
    /// Marks for charts.
    marks: Vec<Mark>,
    series: ServiceSeries,
    elasticity: ElasticityMeter,
    /// What one target could answer when there was one, millionths a second.
    per_target: u64,
    /// At the sample before.
    last: Option<(SimTime, RequestTotals, u128, u128)>,
}

impl Ledger {
    /// Nothing has happened.
    pub fn new(setup: &ServiceSetup) -> Ledger {
        let policies = setup.scaling.iter().flat_map(|scaling| &scaling.target_tracking);
        let mut over_cpu = policies.filter(|policy| policy.metric == ScalingMetric::Cpu);
        Ledger {
            name: field(&setup.name),
            is_queue: setup.work.as_ref().is_some_and(|w| w.kind == WorkKind::Messages),
            cpu_target: over_cpu.next().map(|policy| policy.target),
            tasks_started: 0,
            tasks_failed: 0,
            crashes: 0,
            out_of_memory: 0,
            scaling: [0; 2],
            deployments: [0; 2],
            usd: NanoUsd::ZERO,
            old_desired: 0,
            weights: [Permille::ALL, Permille::NONE, Permille::NONE, Permille::NONE],
            told: BTreeMap::new(),
            marks: Vec::new(),
            series: ServiceSeries::default(),
            elasticity: ElasticityMeter::default(),
            per_target: 0,
            last: None,
        }
    }
}

impl Service {
    /// What one of the present targets could answer.
    pub(super) fn measure_capacity(&mut self) {
        let Some(load) = &mut self.load else { return };
        let targets = load.targets() as u64;
        if let Some(per_target) = load.capacity_micro_per_s().checked_div(targets) {
            self.ledger.per_target = per_target;
        }
    }

    /// Tasks that the load needs now, at the target utilisation, against tasks that are healthy.
    pub(super) fn measure_elasticity(&mut self, now: SimTime) {
        let Some(load) = &self.load else { return };
        let per_target = self.ledger.per_target;
        if per_target == 0 {
            return;
        }
        let target = self.ledger.cpu_target.map_or(WHOLE, |target| target.0.clamp(1, WHOLE));
        let offered = load.offered_micro_per_s();
        let needed = match (per_target.checked_mul(target), offered.checked_mul(WHOLE)) {
            (Some(useful), Some(offered)) => offered.div_ceil(useful),
            _ => {
                let useful = u128::from(per_target) * u128::from(target);
                let offered = u128::from(offered) * u128::from(WHOLE);
                u64::try_from(offered.div_ceil(useful)).unwrap_or(u64::MAX)
            }
        };
        self.ledger.elasticity.push(now, needed, u64::from(self.healthy));
    }
}

impl World {
    /// A service event. A repeated one is suppressed until the service is steady again, or for six hours.
    pub(super) fn event(
        &mut self,
        id: ServiceId,
        now: SimTime,
        level: &'static str,
        event: &'static str,
        message: &str,
    ) -> Result<(), RunError> {
        let repeat = self.services.settings.event_repeat;
        let service = &mut self.services.all[id];
        if level != "INFO" {
            let last = service.ledger.told.get(event);
            if last.is_some_and(|&last| now.since(last) < repeat) {
                return Ok(());
            }
            service.ledger.told.insert(event, now);
        }
        let row = EventRow { at: now, service: &service.setup.name, level, event, message };
        Ok(self.tables.event(&row)?)
    }

    /// Says so when a service has become steady.
    pub(super) fn note_steady_state(
        &mut self,
        id: ServiceId,
        now: SimTime,
    ) -> Result<(), RunError> {
        let service = &mut self.services.all[id];
        let is_task_set = |d: &super::Deployment| matches!(d.kind, Kind::TaskSet { .. });
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
                self.event(id, now, "WARN", "SERVICE_TASK_START_IMPAIRED", &text)?;
            }
            return Ok(());
        }
        if service.steady_since.is_some() {
            return Ok(());
        }
        service.steady_since = Some(now);
        service.ledger.told.clear();
        if !self.tables.wants_events() {
            return Ok(());
        }
        let text = format!("(service {}) has reached a steady state.", service.setup.name);
        let event = if has_task_sets { "TASKSET_STEADY_STATE" } else { "SERVICE_STEADY_STATE" };
        self.event(id, now, "INFO", event, &text)
    }

    /// A row of `deployments.csv`.
    pub(super) fn record_deployment(
        &mut self,
        id: ServiceId,
        generation: u32,
        event: &str,
        stage: Option<Stage>,
        reason: &str,
        now: SimTime,
    ) -> Result<(), RunError> {
        if !self.tables.wants_deployments() {
            return Ok(());
        }
        let service = &self.services.all[id];
        let Some(deployment) = service.deployment(generation) else { return Ok(()) };
        let definition = &self.definitions[service.setup.revisions[deployment.revision].definition];
        let revision = format!("{}:{}", definition.family, definition.revision);
        let stage = stage.or(match &deployment.kind {
            Kind::Staged(stages) => stages.stage(),
            _ => None,
        });
        let status = match (generation == service.generation, deployment.tasks(), event) {
            (true, ..) => "PRIMARY",
            (false, 0, "INACTIVE") => "INACTIVE",
            _ => "ACTIVE",
        };
        let is_rolling = service.setup.controller == DeploymentController::Ecs
            && service.setup.deployment.strategy == DeploymentStrategy::Rolling;
        let has_own_traffic = service.setup.balancer.is_some() && !is_rolling;
        let share = service.ledger.weights[usize::from(deployment.pool)].0;
        let desired = match deployment.wants {
            Wants::Nothing => 0,
            Wants::All if generation == service.generation => deployment.wants(service.desired),
            Wants::All => deployment.tasks(),
        };
        let row = DeploymentRow {
            at: now,
            service: &service.setup.name,
            deployment: u64::from(generation),
            revision: &revision,
            event,
            stage: stage.map_or("", Stage::api_name),
            status,
            rollout_state: deployment.state.api_name(),
            desired,
            pending: deployment.pending,
            running: deployment.running,
            healthy: deployment.healthy,
            failed_tasks: deployment.failed_tasks,
            traffic_percent: has_own_traffic.then_some(u32::from(share) / 10),
            reason,
        };
        Ok(self.tables.deployment(&row)?)
    }

    /// Marks a deployment on the charts.
    pub(super) fn mark_deployment(&mut self, id: ServiceId, generation: u32, now: SimTime) {
        let service = &self.services.all[id];
        let Some(deployment) = service.deployment(generation) else { return };
        let definition = &self.definitions[service.setup.revisions[deployment.revision].definition];
        let (family, revision) = (&definition.family, definition.revision);
        let label = match generation {
            1 => format!("create {family}:{revision}"),
            _ => format!("deployment {generation}: {family}:{revision}"),
        };
        self.services.all[id].ledger.marks.push(Mark { at: now, label });
    }

    /// A row of `scaling.csv`.
    pub(super) fn record_scaling(
        &mut self,
        id: ServiceId,
        decision: &Decision,
        now: SimTime,
    ) -> Result<(), RunError> {
        if !self.tables.wants_scaling() {
            return Ok(());
        }
        let points: Vec<Option<MetricValue>> = decision
            .alarm
            .iter()
            .flat_map(|alarm| alarm.datapoints.iter().map(|(_, value)| Some(*value)))
            .collect();
        let row = ScalingRow {
            at: now,
            service: &self.services.all[id].setup.name,
            policy: &decision.policy_name,
            policy_type: decision.kind.name(),
            alarm: decision.alarm.as_ref().map_or("", |alarm| &alarm.name),
            metric: decision.metric.map_or("", |(metric, _)| metric.name()),
            value: decision.metric.map(|(_, value)| value),
            threshold: decision.alarm.as_ref().map(|alarm| alarm.threshold),
            comparison: decision.alarm.as_ref().map_or("", |alarm| comparison(alarm.comparison)),
            datapoints: &points,
            from: decision.from,
            wanted: decision.wanted.or(decision.to).unwrap_or(decision.from),
            to: decision.to.unwrap_or(decision.from),
            min_capacity: decision.min_capacity,
            max_capacity: decision.max_capacity,
            reason: decision.reason.name(),
        };
        Ok(self.tables.scaling(&row)?)
    }

    /// Whether anybody looks at samples of services.
    fn samples_services(&self) -> bool {
        self.recorder.picture || self.tables.wants_services()
    }

    /// A sample of every service.
    pub(in super::super) fn look_at_services(&mut self, now: SimTime) -> Result<(), RunError> {
        if !self.samples_services() {
            return Ok(());
        }
        for id in self.services.all.ids() {
            self.catch_up(id)?;
            let (sample, span) = self.sample_of_service(id, now)?;
            let service = &mut self.services.all[id];
            if self.recorder.picture {
                service.ledger.series.push(sample); // for charts alone: thousands of services have gigabytes of them
            }
            self.tables.sample(&service.ledger.name, &sample, span)?;
        }
        Ok(())
    }

    fn sample_of_service(
        &mut self,
        id: ServiceId,
        now: SimTime,
    ) -> Result<(ServiceSample, SimSpan), RunError> {
        let service = &mut self.services.all[id];
        service.meter.integrate(now);
        let newest = service.deployment(service.generation).map_or(0, |d| d.tasks());
        let mut sample = ServiceSample {
            at: now,
            desired: service.desired,
            running: service.running,
            pending: service.pending(),
            healthy: service.healthy,
            newest,
            ..ServiceSample::default()
        };
        let area = service.meter.cpu_area;
        let (mut totals, mut nanos) = (RequestTotals::default(), 0);
        let then = service.ledger.last.unwrap_or_default();
        if let Some(load) = &mut service.load {
            load.advance(now)?;
            (totals, nanos) = (*load.totals(), load.cpu_nanos());
            // A row tells of what arrived; the fate of some of it is known only later.
            totals.offered += load.pending_micro();
            sample.requests = totals.since(&then.1);
            sample.capacity_micro_per_s = load.capacity_micro_per_s();
            let waiting = if service.ledger.is_queue { 0 } else { load.in_flight_micro() };
            sample.backlog_micro = waiting.max(load.backlog_micro());
            sample.cpu_percent = percent(nanos - then.2, area - then.3);
            let kib = service.setup.work.as_ref().map_or(0, |work| work.memory_kib);
            let used = service.meter.idle_memory as f64
                + in_memory_micro(load, service.ledger.is_queue) as f64 / 1e6 * f64::from(kib)
                    / 1_024.0;
            let reserved = service.meter.reserved_memory as f64;
            sample.memory_percent = (reserved > 0.0).then(|| 100.0 * used / reserved);
            let latency = load.take_latency();
            sample.latency_mean = latency.mean;
            sample.latency_p50 = latency.p50;
            sample.latency_p95 = latency.p95;
            sample.latency_p99 = latency.p99;
        }
        service.ledger.last = Some((now, totals, nanos, area));
        Ok((sample, now.since(then.0)))
    }

    /// The loads end: what is unfinished is dropped, a last sample is taken.
    pub(in super::super) fn finish_services(&mut self, end: SimTime) -> Result<(), RunError> {
        for id in self.services.all.ids() {
            self.catch_up(id)?;
            if let Some(load) = &mut self.services.all[id].load {
                load.finish(end)?;
            }
        }
        Ok(())
    }

    /// What is known about every service at the end. Their loads and series go, so that nothing is there twice.
    pub(in super::super) fn service_reports(&mut self, end: SimTime) -> Vec<ServiceReport> {
        let mut reports = Vec::new();
        for id in self.services.all.ids() {
            let service = &mut self.services.all[id];
            service.meter.integrate(end);
            let ledger = &mut service.ledger;
            let elasticity = std::mem::take(&mut ledger.elasticity);
            let load = service.load.take();
            let (has_load, nanos) = (load.is_some(), load.as_ref().map(Load::cpu_nanos));
            reports.push(ServiceReport {
                name: service.setup.name.clone(),
                is_queue: ledger.is_queue,
                samples: std::mem::take(&mut ledger.series).into_points(),
                requests: load.as_ref().map(|load| *load.totals()).unwrap_or_default(),
                latency: load.map(Load::into_latency).unwrap_or_default(),
                cpu_percent: nanos.and_then(|nanos| percent(nanos, service.meter.cpu_area)),
                reserved_cpu_time: service.meter.cpu_area,
                running_mean: (end > SimTime::ZERO)
                    .then(|| service.meter.running_area as f64 / end.0 as f64),
                running_max: service.meter.most_running,
                cpu_target_percent: ledger.cpu_target.map(|target| target.0 as f64 / 1e6),
                tasks_started: ledger.tasks_started,
                tasks_failed: ledger.tasks_failed,
                scaling: ledger.scaling,
                deployments: ledger.deployments,
                elasticity: has_load.then(|| elasticity.finish(end)).flatten(),
                usd: ledger.usd,
                marks: std::mem::take(&mut ledger.marks),
            });
        }
        reports
    }
}

/// 100 % in millionths of a percent.
const WHOLE: u64 = 100_000_000;

/// CPU used by CPU reserved: nanoseconds of a vCPU by CPU units × microseconds.
fn percent(nanos: u128, area: u128) -> Option<f64> {
    (area > 0).then(|| 100.0 * (nanos as f64 * 1_024.0) / (area as f64 * 1_000.0))
}

/// `ComparisonOperator`.
fn comparison(of: Comparison) -> &'static str {
    match of {
        Comparison::Above => "GreaterThanThreshold",
        Comparison::AtLeast => "GreaterThanOrEqualToThreshold",
        Comparison::Below => "LessThanThreshold",
        Comparison::AtMost => "LessThanOrEqualToThreshold",
    }
}
