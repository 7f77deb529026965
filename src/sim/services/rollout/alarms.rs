//! The alarms that deployments watch: points once a minute, and who is in ALARM.

use super::state::Kind;
use crate::base::time::SimSpan;
use crate::model::ids::ServiceId;
use crate::model::service::DeploymentMetric;
use crate::model::traffic::MICRO;
use crate::sim::event::RunError;
use crate::sim::services::{Plan, Service};

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
            for (index, (alarm, value)) in alarms.alarms.iter().zip(&values).enumerate() {
                let (points, count) = &mut deployment.alarm_points[index];
                let breaches = value.is_some_and(|value| value > alarm.threshold_micro);
                *points = *points << 1 | u64::from(breaches);
                *count = (*count + 1).min(64);
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
        let firing = alarms_firing(service, &deployment.alarm_points) & !deployment.alarms_ignored;
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

/// Bits of the alarms in ALARM.
pub fn alarms_firing(service: &Service, points: &[(u64, u32)]) -> u64 {
    let Some(alarms) = &service.setup.deployment.alarms else { return 0 };
    let fires = |(index, (seen, count)): (usize, &(u64, u32))| {
        let alarm = &alarms.alarms[index];
        let looked_at = alarm.evaluation_periods.min(64);
        let mask = if looked_at == 64 { u64::MAX } else { (1 << looked_at) - 1 };
        let breaching = (seen & mask).count_ones() >= alarm.datapoints_to_alarm;
        u64::from(breaching && *count >= alarm.datapoints_to_alarm) << index
    };
    points.iter().enumerate().map(fires).sum()
}
