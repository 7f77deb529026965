//! Samples of services, and what is known about them at the end.

use super::meter::counted;
use super::{in_memory_micro, note_drops};
use crate::base::time::{SimSpan, SimTime};
use crate::load::{Asker, Load};
use crate::metrics::service::{RequestTotals, ServiceReport, ServiceSample};
use crate::model::ids::ServiceId;
use crate::sim::event::RunError;
use crate::sim::services::Flow;

impl Flow<'_> {
    /// A sample of every service.
    pub fn look_at_services(&mut self, now: SimTime) -> Result<(), RunError> {
        if !self.books.wants_samples_of_services() {
            return Ok(());
        }
        for id in self.services.all.ids() {
            self.catch_up(id)?;
            let (sample, span) = self.sample_of_service(id, now)?;
            let ledger = &mut self.books.services[id];
            if self.books.recorder.picture {
                ledger.series.push(sample); // for charts alone: thousands of services have gigabytes of them
            }
            self.books.tables.sample(&ledger.name, &sample, span)?;
            if let Some(state) = self.services.all[id].load.as_ref().and_then(Load::connections) {
                self.books.tables.connections.sample((id, &ledger.name), now, &state)?;
            }
        }
        Ok(())
    }

    pub fn sample_of_service(
        &mut self,
        id: ServiceId,
        now: SimTime,
    ) -> Result<(ServiceSample, SimSpan), RunError> {
        let service = &mut self.services.all[id];
        let ledger = &mut self.books.services[id];
        service.meter.integrate(now);
        let newest = service.deployment(service.generation).map_or(0, |d| d.tasks());
        let mut sample = ServiceSample {
            at: now,
            desired: service.desired,
            running: service.running,
            pending: service.pending(),
            healthy: service.healthy,
            draining: service.leaving(),
            newest,
            newest_traffic_percent: service.newest_traffic_percent(),
            ..ServiceSample::default()
        };
        let area = service.meter.cpu_area;
        let (mut totals, mut nanos) = (RequestTotals::default(), 0);
        let then = ledger.last.unwrap_or_default();
        if let Some(load) = &mut service.load {
            load.advance(now)?;
            (totals, nanos) = (*load.totals(), load.cpu_nanos() + service.meter.startup_nanos);
            // A row tells of what arrived; the fate of some of it is known only later.
            totals.offered += load.pending_micro();
            sample.requests = totals.since(&then.1);
            sample.capacity_micro_per_s = load.capacity_micro_per_s();
            let waiting = if ledger.is_queue { 0 } else { load.in_flight_micro() };
            sample.backlog_micro = waiting.max(load.backlog_micro());
            let used = counted(nanos - then.2, area - then.3, service.bursts);
            sample.cpu_percent = percent(used, area - then.3);
            let kib = service.setup.work.as_ref().map_or(0, |work| work.memory_kib);
            let used = service.meter.idle_memory as f64
                + in_memory_micro(load, ledger.is_queue) as f64 / 1e6 * f64::from(kib) / 1_024.0;
            let reserved = service.meter.reserved_memory as f64;
            sample.memory_percent = (reserved > 0.0).then(|| 100.0 * used / reserved);
            let latency = load.take_latency(Asker::Samples);
            sample.latency_mean = latency.mean;
            sample.latency_p50 = latency.p50;
            sample.latency_p95 = latency.p95;
            sample.latency_p99 = latency.p99;
        }
        ledger.last = Some((now, totals, nanos, area));
        Ok((sample, now.since(then.0)))
    }

    /// The loads end: what is unfinished is dropped, a last sample is taken.
    pub fn finish_services(&mut self, end: SimTime) -> Result<(), RunError> {
        for id in self.services.all.ids() {
            self.catch_up(id)?;
            let service = &mut self.services.all[id];
            if let Some(load) = &mut service.load {
                load.advance(end)?;
            }
            note_drops(service, &mut self.books.services[id], end);
            if let Some(load) = &mut service.load {
                load.finish(end)?;
            }
        }
        Ok(())
    }

    /// What is known about every service at the end. Their loads and series go, so that nothing is there twice.
    pub fn service_reports(&mut self, end: SimTime) -> Vec<ServiceReport> {
        let mut reports = Vec::new();
        for id in self.services.all.ids() {
            let service = &mut self.services.all[id];
            service.meter.integrate(end);
            let ledger = &mut self.books.services[id];
            let elasticity = std::mem::take(&mut ledger.elasticity);
            let load = service.load.take();
            let connections = load.as_ref().and_then(Load::connections);
            let (has_load, nanos) = (
                load.is_some(),
                load.as_ref().map(|l| l.cpu_nanos() + service.meter.startup_nanos),
            );
            reports.push(ServiceReport {
                name: service.setup.name.clone(),
                is_queue: ledger.is_queue,
                samples: std::mem::take(&mut ledger.series).into_points(),
                connections,
                last_drop: ledger.drops.1,
                requests: load.as_ref().map(|load| *load.totals()).unwrap_or_default(),
                latency: load.map(Load::into_latency).unwrap_or_default(),
                cpu_percent: nanos.and_then(|nanos| {
                    percent(
                        counted(nanos, service.meter.cpu_area, service.bursts),
                        service.meter.cpu_area,
                    )
                }),
                reserved_cpu_time: service.meter.cpu_area,
                running_mean: (end > SimTime::ZERO)
                    .then(|| service.meter.running_area as f64 / end.0 as f64),
                running_max: service.meter.most_running,
                cpu_target_percent: ledger.cpu_target.map(|target| target.0 as f64 / 1e6),
                memory_target_percent: ledger.memory_target.map(|target| target.0 as f64 / 1e6),
                tasks_started: ledger.tasks_started,
                tasks_failed: ledger.tasks_failed,
                restarts: ledger.restarts,
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

/// CPU used by CPU reserved: nanoseconds of a vCPU by CPU units × microseconds.
fn percent(nanos: u128, area: u128) -> Option<f64> {
    (area > 0).then(|| 100.0 * (nanos as f64 * 1_024.0) / (area as f64 * 1_000.0))
}
