//! Service auto scaling: alarms and policies decide, the desired count follows.

mod tick;

use super::Plan;
use super::load::{MINUTE, TWENTY, is_high_resolution};
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::model::ids::ServiceId;
use crate::model::scaling::{Comparison, MetricValue};
use crate::policy::deployment::rolling;
use crate::policy::scaling::{Decision, Scaler};
use crate::sim::books::service_tables::ScalingRow;
use crate::sim::event::{Event, RunError, Tick};

impl Plan<'_> {
    pub fn schedule_ticks(&mut self) {
        let services = &self.services;
        let has_work = |s: &super::Service| s.load.is_some() || s.scaler.is_some();
        if !services.all.iter().any(has_work) {
            return;
        }
        let after = |period: SimSpan, delay: SimSpan| SimTime(period.0 + delay.0 % period.0);
        let delays = services.delays;
        let at = |at, tick| (at, Event::Tick(tick));
        let mut all = vec![at(SimTime(MINUTE.0), Tick::Minute)];
        if !self.points_show_on_the_minute() {
            all.push(at(after(MINUTE, delays.standard), Tick::Alarms));
        }
        if services.all.iter().any(is_high_resolution) {
            all.push(at(SimTime(TWENTY.0), Tick::TwentySeconds));
            all.push(at(after(TWENTY, delays.high_resolution), Tick::HighResolutionAlarms));
        }
        for (at, event) in all {
            self.queue.schedule(at, Class::Control, event);
        }
    }

    /// Whether one-minute points become visible at whole minutes: a service's alarms are then looked at together with
    /// its new points, which makes one visit of two. Services do not look at each other, so the order is the same.
    pub fn points_show_on_the_minute(&self) -> bool {
        self.services.delays.standard.0.is_multiple_of(MINUTE.0)
    }

    pub fn evaluate(&mut self, id: ServiceId) -> Result<(), RunError> {
        let state = self.services.all[id].scaling_state();
        let Some(scaler) = &mut self.services.all[id].scaler else { return Ok(()) };
        match scaler.evaluate(self.queue.now(), state) {
            Some(decision) => self.scale(id, decision),
            None => match scaler.held_back(self.queue.now(), state) {
                Some(held) => self.record_scaling(id, &held, self.now()),
                None => Ok(()),
            },
        }
    }

    pub fn schedule_scaling_action(&mut self, id: ServiceId) {
        let scaler = self.services.all[id].scaler.as_ref();
        if let Some(at) = scaler.and_then(Scaler::next_action) {
            let at = at.max(self.now());
            self.queue.schedule(at, Class::Control, Event::ScalingAction(id));
        }
    }

    /// A scheduled action, or a step of predictive scaling, is due.
    pub fn scaling_action(&mut self, id: ServiceId) -> Result<(), RunError> {
        self.flow().disturb(id)?;
        let state = self.services.all[id].scaling_state();
        let Some(scaler) = &mut self.services.all[id].scaler else { return Ok(()) };
        for decision in scaler.act(self.queue.now(), state) {
            self.scale(id, decision)?;
        }
        self.schedule_scaling_action(id);
        Ok(())
    }

    pub fn scale(&mut self, id: ServiceId, decision: Decision) -> Result<(), RunError> {
        self.record_scaling(id, &decision, self.now())?;
        let Some(to) = decision.to else { return Ok(()) };
        let service = &mut self.services.all[id];
        let direction = usize::from(to < service.desired);
        if to != service.desired {
            self.books.services[id].scaling[direction] += 1;
        }
        self.set_desired(id, to, "Application Auto Scaling")
    }

    /// The desired count becomes another.
    pub fn set_desired(&mut self, id: ServiceId, count: u32, who: &str) -> Result<(), RunError> {
        let before = self.services.all[id].desired;
        if before == count {
            return Ok(());
        }
        self.flow().disturb(id)?; // what the alarms had to say before, they said of the count before
        let service = &mut self.services.all[id];
        service.desired = count;
        service.old_desired = rolling::old_desired_after(service.old_desired, before, count);
        service.steady_since = None;
        if self.books.tables.wants_events() {
            let name = &service.setup.name;
            let text = format!("(service {name}) has set desired count to {count}. Cause: {who}.");
            let now = self.queue.now();
            let event = "SERVICE_DESIRED_COUNT_UPDATED";
            self.books.service_event(id, now, "INFO", event, &text)?;
        }
        self.look_soon(id);
        Ok(())
    }

    /// A row of `scaling.csv`.
    pub fn record_scaling(
        &mut self,
        id: ServiceId,
        decision: &Decision,
        now: SimTime,
    ) -> Result<(), RunError> {
        if !self.books.tables.wants_scaling() {
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
        Ok(self.books.tables.scaling(&row)?)
    }
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
