//! The alarms that deployments watch: points once a minute, and who is in ALARM.

use super::state::Kind;
use crate::base::time::SimSpan;
use crate::model::ids::ServiceId;
use crate::model::scaling::{AlarmSpec, Comparison, MetricValue, MissingData};
use crate::model::service::{DeploymentAlarm, DeploymentConfiguration, DeploymentMetric};
use crate::model::traffic::MICRO;
use crate::policy::scaling::alarm::{Alarm, AlarmState};
use crate::sim::event::RunError;
use crate::sim::services::{Plan, Service};

/// A point a minute.
const MINUTE: SimSpan = SimSpan(60_000_000);

impl Plan<'_> {
    /// One-minute points of the alarms that deployments watch.
    pub fn watch_deployment_alarms(&mut self, id: ServiceId) -> Result<(), RunError> {
        let unhealthy = self.services.unhealthy_tasks(id);
        let service = &mut self.services.all[id];
        let Some(alarms) = service.setup.deployment.alarms.clone() else { return Ok(()) };
        let now = self.queue.now();
        let is_dark = service.meter.is_dark(now);
        let mut value = |metric| service.alarm_value(metric, unhealthy).filter(|_| !is_dark);
        let values: Vec<Option<u64>> = alarms.alarms.iter().map(|a| value(a.metric)).collect();
        service.meter.alarm_requests =
            service.load.as_ref().map(|l| *l.totals()).unwrap_or_default();
        // Like every alarm they see a point only when CloudWatch shows it, here at the next end of a minute.
        let waiting = &mut service.meter.alarm_values;
        waiting.push_back((now + self.services.delays.standard, values));
        if waiting.front().is_none_or(|(shows, _)| *shows > now) {
            return Ok(());
        }
        let Some((_, values)) = waiting.pop_front() else { return Ok(()) };
        let generation = service.generation;
        // All deployments see the same points: whichever is the next to be watched knows what fired before.
        for deployment in &mut service.deployments {
            for (alarm, value) in deployment.alarms.iter_mut().zip(&values) {
                alarm.push(value.map(MetricValue));
                alarm.evaluate();
            }
        }
        let Some(deployment) = service.deployment(generation) else { return Ok(()) };
        let is_rolling = matches!(deployment.kind, Kind::Rolling);
        let is_watched = is_rolling && deployment.is_under_way();
        if let Some(name) = self.deployment_alarm(id, generation).filter(|_| is_watched) {
            let reason = format!("alarm {name} is in ALARM");
            return self.fail_rolling(id, generation, &reason, alarms.rollback);
        }
        if !is_rolling && self.deployment_alarm(id, generation).is_some() {
            self.look_soon(id);
        }
        Ok(())
    }

    /// The first alarm in ALARM that was not so when the deployment began.
    pub fn deployment_alarm(&self, id: ServiceId, generation: u32) -> Option<String> {
        let service = &self.services.all[id];
        let deployment = service.deployment(generation)?;
        let firing = alarms_firing(&deployment.alarms) & !deployment.alarms_ignored;
        let alarms = service.setup.deployment.alarms.as_ref()?;
        let first = (0..alarms.alarms.len()).find(|index| firing >> index & 1 == 1)?;
        Some(alarms.alarms[first].name.clone())
    }
}

impl Service {
    /// The last minute's value of what a deployment alarm looks at, millionths.
    pub fn alarm_value(&mut self, metric: DeploymentMetric, unhealthy: u64) -> Option<u64> {
        let load = self.load.as_mut()?;
        let latency = &self.meter.latency;
        let millis = |span: Option<SimSpan>| span.map(|span| span.0 * 1_000);
        let requests = load.totals().since(&self.meter.alarm_requests);
        let percent = |part: u64, whole: u64| {
            (u128::from(part) * 100_000_000).checked_div(u128::from(whole)).map(|v| v as u64)
        };
        match metric {
            DeploymentMetric::ErrorPercent => percent(requests.errors, requests.served),
            DeploymentMetric::DroppedPercent => percent(requests.dropped(), requests.offered),
            DeploymentMetric::LatencyMs => millis(latency.mean),
            DeploymentMetric::LatencyP50Ms => millis(latency.p50),
            DeploymentMetric::LatencyP90Ms => millis(latency.p90),
            DeploymentMetric::LatencyP95Ms => millis(latency.p95),
            DeploymentMetric::LatencyP99Ms => millis(latency.p99),
            DeploymentMetric::CpuPercent => self.meter.cpu_of_last_minute,
            DeploymentMetric::Target5xxCount => Some(requests.errors),
            DeploymentMetric::Elb5xxCount => Some(requests.dropped()),
            DeploymentMetric::UnhealthyHostCount => Some(unhealthy * MICRO),
            DeploymentMetric::MessagesVisible => Some(load.backlog_micro()),
        }
    }
}

/// The alarms of a service's deployments as they are at first. Missing points are `missing`, as CloudWatch has it.
pub fn new_alarms(configuration: &DeploymentConfiguration) -> Vec<Alarm> {
    let alarms = configuration.alarms.iter().flat_map(|alarms| &alarms.alarms);
    let spec = |of: &DeploymentAlarm| AlarmSpec {
        comparison: Comparison::Above,
        threshold: MetricValue(of.threshold_micro),
        period: MINUTE,
        evaluation_periods: of.evaluation_periods,
        datapoints_to_alarm: of.datapoints_to_alarm,
        missing: MissingData::Missing,
    };
    alarms.map(|of| Alarm::new(spec(of))).collect()
}

/// Bits of the alarms in ALARM.
pub fn alarms_firing(alarms: &[Alarm]) -> u64 {
    let fires = |alarm: &Alarm| u64::from(alarm.state() == AlarmState::Alarm);
    alarms.iter().enumerate().map(|(index, alarm)| fires(alarm) << index).sum()
}
