//! Groups without managed scaling: the policies of EC2 Auto Scaling on metrics of the cluster and of the group, by the
//! alarms and policies of services.

use super::managed::MINUTE;
use super::{Group, Supply};
use crate::base::time::SimSpan;
use crate::engine::Class;
use crate::model::ids::{InstanceId, ProviderId};
use crate::model::scaling::{MetricDelays, MetricValue, ScalingMetric};
use crate::policy::capacity::group_scaling;
use crate::policy::scaling::{Decision, Point, Scaler, ServiceState, metric};
use crate::sim::event::{Event, RunError};
use crate::sim::setup::GroupScaling;

/// The policies of a group in the middle of a run.
pub struct Scaled {
    scaler: Scaler,
    delay: SimSpan,
}

impl Scaled {
    pub(super) fn new(setup: &GroupScaling, epoch_s: i64) -> Scaled {
        let delays = MetricDelays { standard: setup.delay, ..MetricDelays::default() };
        Scaled { scaler: Scaler::new(&setup.target, delays, epoch_s), delay: setup.delay }
    }
}

impl Group {
    /// Whether managed scaling or policies of its own look at metrics.
    #[must_use]
    pub fn looks_at_metrics(&self) -> bool {
        self.setup.looks_at_metrics()
    }

    /// The group as its policies see it: they start from what it has in service, and what is on its way is part of the
    /// desired capacity.
    fn service_state(&self) -> ServiceState {
        ServiceState { desired: self.desired, running: self.active, deploying: false }
    }
}

impl Supply<'_> {
    pub(super) fn schedule_forecast(&mut self, group: usize) {
        let of = &self.groups.all[group];
        let next = of.scaled.as_ref().and_then(|scaled| scaled.scaler.next_action());
        if let Some(at) = next {
            let event = Event::ManagedScaling(of.setup.provider);
            self.drive.queue.schedule(at.max(self.now()), Class::Control, event);
        }
    }

    /// A minute has ended: the metrics that the policies look at have a point each.
    pub(super) fn observe_group(&mut self, index: usize) -> Result<(), RunError> {
        let now = self.now();
        let provider = self.groups.all[index].setup.provider;
        self.drive.queue.schedule(now + MINUTE, Class::Control, Event::Reservation(provider));
        let mut points = [None; ScalingMetric::COUNT];
        let wants = |of: &Group, metric| of.scaled.as_ref().is_some_and(|s| s.scaler.wants(metric));
        let of = &self.groups.all[index];
        let (cpu, memory) =
            (ScalingMetric::ClusterCpuReservation, ScalingMetric::ClusterMemoryReservation);
        if wants(of, cpu) || wants(of, memory) {
            let found = self.reservations(provider);
            points[cpu as usize] = found.map(|(cpu, _)| Point::level(cpu));
            points[memory as usize] = found.map(|(_, memory)| Point::level(memory));
        }
        if wants(of, ScalingMetric::GroupCpu) {
            points[ScalingMetric::GroupCpu as usize] = self.cpu_of(index)?.map(Point::level);
        }
        if self.drive.rules.blackouts.is_dark(provider, now) {
            points = [None; ScalingMetric::COUNT];
        }
        if let Some(scaled) = &mut self.groups.all[index].scaled {
            scaled.scaler.observe(now, MINUTE, &points);
            let at = now + scaled.delay;
            self.drive.queue.schedule(at, Class::Control, Event::ManagedScaling(provider));
        }
        Ok(())
    }

    fn reservations(&self, provider: ProviderId) -> Option<(MetricValue, MetricValue)> {
        let providers = &self.drive.rules.providers;
        let of_cluster = |id: &ProviderId| providers[*id].cluster == providers[provider].cluster;
        let books = &self.drive.cluster.capacity().providers;
        group_scaling::reservations(providers.ids().filter(of_cluster).map(|id| {
            let of = &books[id];
            ([of.registered.cpu, of.registered.memory], [of.promised.cpu, of.promised.memory])
        }))
    }

    /// CPU that is used on a group's instances: by tasks of services what they have to do, by others all that they
    /// hold (assumed).
    fn cpu_of(&mut self, index: usize) -> Result<Option<MetricValue>, RunError> {
        let now = self.now();
        let own: Vec<InstanceId> = self.active_instances(index).collect();
        let used = self.drive.flow().cpu_by_host(now)?;
        let fleet = self.drive.cluster.fleet();
        let (mut busy, mut all) = (0_u64, 0_u64);
        for instance in own {
            let whole = u64::from(fleet.registered[instance].cpu) * 1_000 / 1_024;
            busy += used.get(&instance).copied().unwrap_or(0).min(whole);
            all += whole;
        }
        Ok(metric::utilisation(busy, all))
    }

    /// Points are visible, or a forecast is to be acted on.
    pub(super) fn evaluate_group(&mut self, index: usize) -> Result<(), RunError> {
        let now = self.now();
        let group = &mut self.groups.all[index];
        let state = group.service_state();
        let (min, max) = (group.min, group.max);
        let Some(scaled) = &mut group.scaled else { return Ok(()) };
        scaled.scaler.set_bounds(min, max);
        let mut decisions: Vec<Decision> = Vec::new();
        if scaled.scaler.next_action().is_some_and(|at| at <= now) {
            decisions.extend(scaled.scaler.act(now, state));
            self.schedule_forecast(index);
        }
        for decision in decisions {
            self.obey(index, &decision)?;
        }
        let group = &mut self.groups.all[index];
        let state = group.service_state();
        let decision = group.scaled.as_mut().and_then(|scaled| scaled.scaler.evaluate(now, state));
        match decision {
            Some(decision) => self.obey(index, &decision),
            None => Ok(()),
        }
    }
}
