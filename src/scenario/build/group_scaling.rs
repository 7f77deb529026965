//! Policies of an Auto Scaling group that ECS does not manage.

use super::Build;
use super::service_scaling::{stepping, tune};
use crate::base::time::SimSpan;
use crate::model::scaling::{
    MetricValue, PredictiveScaling, ScalableTarget, ScalingMetric, StepScaling, TargetTracking,
};
use crate::policy::capacity::group_scaling;
use crate::scenario::settings::Settings;
use crate::scenario::tree::Place;
use crate::sim::setup::GroupScaling;
use std::collections::BTreeMap;

/// Policies of a group (quota; documented).
const MOST_POLICIES: usize = 50;

impl Build<'_> {
    /// The `scaling` of a group; it has the group's own limits.
    pub(super) fn read_group_scaling(&mut self, settings: &Settings) -> Option<GroupScaling> {
        let table = settings.table("scaling")?;
        if super::group::enabled(settings).is_some() {
            let message = "`scaling` and `managed_scaling` exclude each other";
            let help = "ECS asks that nothing else scales a group that it manages; scheduled_actions may set its limits";
            self.error_with_help(settings.place_of("scaling"), message, help);
        }
        let lists = ["target_tracking", "step_scaling", "predictive"];
        let policies: usize = lists.iter().map(|key| table.list(key).len()).sum();
        if policies == 0 || policies > MOST_POLICIES {
            let message =
                format!("`scaling` of a group needs 1 to {MOST_POLICIES} policies, not {policies}");
            self.error(table.place, message);
        }
        let mut taken = BTreeMap::new();
        let target = ScalableTarget {
            min_capacity: settings.whole32("min_size").unwrap_or(0),
            max_capacity: settings.whole32("max_size").unwrap_or(0),
            target_tracking: self.group_tracking(table, &mut taken),
            step_scaling: self.group_steps(table, &mut taken),
            scheduled: Vec::new(),
            predictive: self.group_predictive(table, &mut taken),
            own: None,
            scale_in_suspended: false,
            scale_out_suspended: false,
            scheduled_suspended: false,
        };
        let delay = table.span("metric_delay").unwrap_or(SimSpan::from_secs(120));
        Some(GroupScaling { target, delay })
    }

    fn group_tracking(
        &mut self,
        settings: &Settings,
        taken: &mut BTreeMap<String, Place>,
    ) -> Vec<TargetTracking> {
        let mut policies = Vec::new();
        for (index, table) in settings.tables("target_tracking").enumerate() {
            let name = self.policy_name(table, index, taken);
            let Some(metric) = metric(table) else { continue };
            let none = MetricValue::default();
            let policy = group_scaling::target_tracking(&name, metric, none, warm_up(table));
            policies.push(tune(policy, table));
        }
        policies
    }

    fn group_steps(
        &mut self,
        settings: &Settings,
        taken: &mut BTreeMap<String, Place>,
    ) -> Vec<StepScaling> {
        let mut policies = Vec::new();
        for (index, table) in settings.tables("step_scaling").enumerate() {
            let name = self.policy_name(table, index, taken);
            let steps = self.steps(table);
            let alarm = table.table("alarm").map(|alarm| self.scaling_alarm(alarm));
            let (Some(metric), Some(alarm)) = (metric(table), alarm) else { continue };
            if alarm.period < SimSpan::from_secs(60) {
                let message = format!("{} has a point a minute", metric.name());
                let place = table.table("alarm").map_or(table.place, |a| a.value_place("period"));
                self.error_with_help(place, message, "`period` must be whole minutes");
            }
            let source = (metric, metric.statistics()[0]);
            policies.push(stepping(table, name, source, alarm, (steps, warm_up(table))));
        }
        policies
    }

    fn group_predictive(
        &mut self,
        settings: &Settings,
        taken: &mut BTreeMap<String, Place>,
    ) -> Vec<PredictiveScaling> {
        let mut policies = Vec::new();
        for (index, table) in settings.tables("predictive").enumerate() {
            let name = self.policy_name(table, index, taken);
            let Some(metric) = metric(table) else { continue };
            policies.push(self.forecasting(table, name, metric));
        }
        policies
    }
}

fn warm_up(table: &Settings) -> SimSpan {
    table.span("estimated_instance_warmup").unwrap_or(group_scaling::DEFAULT_COOLDOWN)
}

fn metric(table: &Settings) -> Option<ScalingMetric> {
    let written = table.text("metric")?;
    let known = ScalingMetric::OF_FLEETS.iter().find(|(_, name)| *name == written);
    known.map(|(metric, _)| *metric)
}
