//! Service auto scaling: the scalable target, its policies, and what Application Auto Scaling refuses.

use super::Build;
use super::service::Subject;
use crate::base::time::SimSpan;
use crate::model::scaling::{
    AdjustmentType, Aggregation, AlarmSpec, BreachBehaviour, Comparison, MetricValue, MissingData,
    PredictiveScaling, ScalableTarget, ScalingMetric, ScheduledAction, Step, StepScaling,
    TargetTracking,
};
use crate::model::service::{
    BalancerKind, DeploymentConfiguration, DeploymentStrategy, LoadBalancer,
};
use crate::policy::scaling::schedule;
use crate::scenario::sections::METRICS;
use crate::scenario::settings::Settings;
use crate::scenario::tree::Place;
use std::collections::BTreeMap;

/// Policies of a scalable target, steps of a policy, scheduled actions of a target (quotas; documented).
const MOST_POLICIES: usize = 50;
const MOST_STEPS: usize = 20;
const MOST_ACTIONS: usize = 200;
/// Points of the low alarm: 15 minutes (measured; of 20-second points assumed).
const LOW_PERIODS: u32 = 15;
/// The low alarm's threshold, percent of the target (measured).
const LOW_PERCENT: u32 = 90;
const LOW_PERIODS_HIGH_RESOLUTION: u32 = 45;
/// An alarm looks back a day at most (CloudWatch; documented).
const LONGEST_ALARM: SimSpan = SimSpan::from_secs(86_400);

/// What the metrics of a service depend on.
struct Metered<'a, 's> {
    subject: &'a Subject<'s>,
    balancer: Option<&'a LoadBalancer>,
    deployment: &'a DeploymentConfiguration,
}

impl Build<'_> {
    /// The `scaling` of a service.
    pub(super) fn scaling(
        &mut self,
        subject: &Subject<'_>,
        balancer: Option<&LoadBalancer>,
        deployment: &DeploymentConfiguration,
    ) -> Option<ScalableTarget> {
        let settings = subject.settings.table("scaling")?;
        if subject.is_daemon() {
            let message =
                "a DAEMON service cannot scale: it has one task on each container instance";
            self.error(subject.settings.place_of("scaling"), message);
        }
        let metered = Metered { subject, balancer, deployment };
        let mut taken = BTreeMap::new();
        let lists = ["target_tracking", "step_scaling", "predictive"];
        let policies: usize = lists.iter().map(|key| settings.list(key).len()).sum();
        if policies > MOST_POLICIES {
            let message = format!(
                "a scalable target has at most {MOST_POLICIES} policies, this one {policies}"
            );
            self.error(settings.place, message);
        }
        let target_tracking = self.target_tracking(settings, &metered, &mut taken);
        let step_scaling = self.step_scaling(settings, &metered, &mut taken);
        let predictive = self.predictive(settings, &metered, &mut taken);
        let scheduled = self.scheduled(settings);
        let suspended =
            |key: &str| settings.table("suspended_state").is_some_and(|table| table.flag(key));
        self.check_capacities(settings);
        Some(ScalableTarget {
            min_capacity: settings.whole32("min_capacity")?,
            max_capacity: settings.whole32("max_capacity")?,
            target_tracking,
            step_scaling,
            scheduled,
            predictive,
            own: None,
            scale_in_suspended: suspended("dynamic_scaling_in_suspended"),
            scale_out_suspended: suspended("dynamic_scaling_out_suspended"),
            scheduled_suspended: suspended("scheduled_scaling_suspended"),
        })
    }

    /// Minimum and maximum of a target or of a scheduled action.
    fn check_capacities(&mut self, settings: &Settings) {
        let (min, max) = (settings.whole("min_capacity"), settings.whole("max_capacity"));
        if let (Some(min), Some(max)) = (min, max)
            && min > max
        {
            let message = format!("`min_capacity` {min} is above `max_capacity` {max}");
            self.error(settings.value_place("min_capacity"), message);
        }
        if let Some(max) = max {
            self.check_tasks(max, settings.value_place("max_capacity"));
        }
    }

    /// The name of a policy, which no other policy of the target has.
    pub(super) fn policy_name(
        &mut self,
        settings: &Settings,
        index: usize,
        taken: &mut BTreeMap<String, Place>,
    ) -> String {
        let kind = settings.section.name.trim_start_matches("group_").replace('_', "-");
        let name = settings.text("name").map(str::to_string);
        let name = name.unwrap_or_else(|| format!("{kind}-{}", index + 1));
        self.take_name(taken, &name, settings.value_place("name"), "scaling policy");
        name
    }

    /// The metric of a policy, where the service has it.
    fn scaling_metric(
        &mut self,
        settings: &Settings,
        metered: &Metered<'_, '_>,
    ) -> Option<ScalingMetric> {
        let written = settings.text("metric")?;
        let position = METRICS.iter().position(|name| *name == written)?;
        let metric = ScalingMetric::ALL[position % ScalingMetric::ALL.len()].0;
        let service = metered.subject.settings;
        let application = metered.balancer.is_some_and(|b| b.kind == BalancerKind::Application);
        let blue_green = metered.deployment.strategy != DeploymentStrategy::Rolling;
        let has_work = service.is_given("traffic") || service.is_given("queue");
        let missing = match metric {
            ScalingMetric::RequestCountPerTarget if !application => {
                "needs a `load_balancer` of type \"application\""
            }
            ScalingMetric::RequestCountPerTarget if blue_green => {
                "is not supported with blue/green deployments, whose target group changes"
            }
            ScalingMetric::RequestCount if !application => {
                "needs a `load_balancer` of type \"application\""
            }
            ScalingMetric::BacklogPerTask | ScalingMetric::MessagesVisible
                if !service.is_given("queue") =>
            {
                "needs a `queue`"
            }
            ScalingMetric::ConcurrencyPerTarget | ScalingMetric::LatencyMs if !has_work => {
                "needs `traffic` or a `queue`"
            }
            _ => return Some(metric),
        };
        let message = format!("the metric {} {missing}", metric.name());
        self.error(settings.value_place("metric"), message);
        None
    }

    fn target_tracking(
        &mut self,
        settings: &Settings,
        metered: &Metered<'_, '_>,
        taken: &mut BTreeMap<String, Place>,
    ) -> Vec<TargetTracking> {
        let mut policies = Vec::new();
        for (index, table) in settings.tables("target_tracking").enumerate() {
            let name = self.policy_name(table, index, taken);
            let high_resolution = table.flag("high_resolution");
            let low = if high_resolution { LOW_PERIODS_HIGH_RESOLUTION } else { LOW_PERIODS };
            let Some(metric) = self.scaling_metric(table, metered) else { continue };
            if high_resolution && !matches!(metric, ScalingMetric::Cpu | ScalingMetric::Memory) {
                let message = "high-resolution metrics are those of CPU and memory";
                self.error(table.place_of("high_resolution"), message);
            }
            let statistic = self.statistic(table, metric, None);
            if high_resolution && statistic != Aggregation::Average {
                let message = "high-resolution metrics have the statistic \"Average\" only";
                self.error(table.value_place("statistic"), message);
            }
            let span = |key: &str| table.span(key).unwrap_or_default();
            let policy = TargetTracking {
                name,
                metric,
                statistic,
                high_resolution,
                target: MetricValue::default(),
                scale_out_cooldown: span("scale_out_cooldown"),
                scale_in_cooldown: span("scale_in_cooldown"),
                disable_scale_in: false,
                high_periods: 3,
                low_periods: low,
                low_percent: LOW_PERCENT,
                scale_in_percent: 10,
            };
            policies.push(tune(policy, table));
        }
        policies
    }

    fn step_scaling(
        &mut self,
        settings: &Settings,
        metered: &Metered<'_, '_>,
        taken: &mut BTreeMap<String, Place>,
    ) -> Vec<StepScaling> {
        let mut policies = Vec::new();
        for (index, table) in settings.tables("step_scaling").enumerate() {
            let name = self.policy_name(table, index, taken);
            let metric = self.scaling_metric(table, metered);
            let steps = self.steps(table);
            let alarm = table.table("alarm").map(|alarm| self.scaling_alarm(alarm));
            let (Some(metric), Some(alarm)) = (metric, alarm) else { continue };
            let aggregation = self.step_statistic(table, metric, &alarm);
            let cooldown = table.span("cooldown").unwrap_or_default();
            policies.push(stepping(table, name, (metric, aggregation), alarm, (steps, cooldown)));
        }
        policies
    }

    /// The statistic of a metric: as written, else `other` where the metric has it, else the usual one.
    fn statistic(
        &mut self,
        table: &Settings,
        metric: ScalingMetric,
        other: Option<Aggregation>,
    ) -> Aggregation {
        let all = metric.statistics();
        let named = |name: &str| Aggregation::ALL.iter().find(|(_, own)| *own == name);
        let Some(&(written, name)) = table.text("statistic").and_then(named) else {
            return other.filter(|other| all.contains(other)).unwrap_or(all[0]);
        };
        if !all.contains(&written) {
            let names: Vec<&str> = all.iter().map(|statistic| statistic.name()).collect();
            let message = format!(
                "the metric {} has no statistic {name}, but {}",
                metric.name(),
                names.join(", ")
            );
            self.error(table.value_place("statistic"), message);
        }
        written
    }

    /// The statistic of a step policy's alarm, of which percentiles are known by the minute only.
    fn step_statistic(
        &mut self,
        table: &Settings,
        metric: ScalingMetric,
        alarm: &AlarmSpec,
    ) -> Aggregation {
        let other = match table.text("metric_aggregation_type") {
            Some("Minimum") => Aggregation::Minimum,
            Some("Maximum") => Aggregation::Maximum,
            _ => Aggregation::Average,
        };
        let statistic = self.statistic(table, metric, Some(other));
        let minute = SimSpan::from_secs(60);
        let is_fine = matches!(metric, ScalingMetric::Cpu | ScalingMetric::Memory)
            && statistic == Aggregation::Average;
        let settings = table.table("alarm").unwrap_or(table);
        if statistic.is_percentile() && alarm.period != minute {
            let message = format!(
                "the statistic {} is taken of one minute: `period` must be \"60s\"",
                statistic.name()
            );
            self.error(settings.value_place("period"), message);
        } else if alarm.period < minute && !is_fine {
            let message = format!(
                "{} of {} has a point a minute: `period` must be whole minutes",
                statistic.name(),
                metric.name()
            );
            self.error(settings.value_place("period"), message);
        }
        statistic
    }

    pub(super) fn scaling_alarm(&mut self, table: &Settings) -> AlarmSpec {
        let periods = table.whole32("evaluation_periods").unwrap_or(1);
        let points = table.whole32("datapoints_to_alarm").unwrap_or(periods);
        self.check_points(table, points, periods);
        let period = table.span("period").unwrap_or(SimSpan::from_secs(60));
        let seconds = period.0 / 1_000_000;
        let whole = period.0.is_multiple_of(1_000_000);
        if !whole || (![10, 20, 30].contains(&seconds) && !seconds.is_multiple_of(60)) {
            let message = "`period` must be 10 s, 20 s, 30 s or a whole number of minutes";
            self.error(table.value_place("period"), message);
        } else if period.0.saturating_mul(u64::from(periods)) > LONGEST_ALARM.0 {
            let message = "an alarm looks at a day at most: `period` times `evaluation_periods`";
            self.error(table.value_place("evaluation_periods"), message);
        }
        AlarmSpec {
            comparison: match table.text("comparison_operator") {
                Some("GreaterThanThreshold") => Comparison::Above,
                Some("LessThanThreshold") => Comparison::Below,
                Some("LessThanOrEqualToThreshold") => Comparison::AtMost,
                _ => Comparison::AtLeast,
            },
            threshold: metric_value(table, "threshold"),
            period,
            evaluation_periods: periods,
            datapoints_to_alarm: points,
            missing: match table.text("treat_missing_data") {
                Some("ignore") => MissingData::Ignore,
                Some("breaching") => MissingData::Breaching,
                Some("notBreaching") => MissingData::NotBreaching,
                _ => MissingData::Missing,
            },
        }
    }

    /// The steps, in order of their lower bounds, without gaps or overlaps (API reference; documented).
    pub(super) fn steps(&mut self, table: &Settings) -> Vec<Step> {
        let count = table.list("step_adjustments").len();
        let place = table.value_place("step_adjustments");
        if count > MOST_STEPS {
            let message = format!("a policy has at most {MOST_STEPS} steps, this one {count}");
            self.error(place, message);
        }
        if count == 0 && table.item("step_adjustments").is_some() {
            self.error(place, "a step scaling policy needs at least one step");
        }
        let exact = table.text("adjustment_type") == Some("ExactCapacity");
        let mut steps: Vec<(Step, Place)> = Vec::new();
        for inner in table.tables("step_adjustments") {
            let bound = |key: &str| inner.number(key).map(|number| (number * 1e6).round() as i64);
            let lower = bound("metric_interval_lower_bound");
            let upper = bound("metric_interval_upper_bound");
            let Some(adjustment) = inner.number("scaling_adjustment") else { continue };
            let at = inner.value_place("scaling_adjustment");
            if adjustment.fract() != 0.0 {
                self.error(at, "`scaling_adjustment` must be a whole number");
            } else if exact && adjustment < 0.0 {
                self.error(at, "an exact capacity cannot be negative");
            }
            if let (Some(lower), Some(upper)) = (lower, upper)
                && lower >= upper
            {
                let message = "the lower bound of a step must be below its upper bound";
                self.error(inner.place, message);
                continue;
            }
            steps.push((Step { lower, upper, adjustment: adjustment as i32 }, inner.place));
        }
        // An open lower bound is below all others.
        steps.sort_by_key(|(step, _)| step.lower);
        for pair in steps.windows(2) {
            let [(before, _), (after, place)] = pair else { continue };
            let wrong = match (before.upper, after.lower) {
                (_, None) => "only one step may have an open lower bound",
                (None, Some(_)) => "only the last step may have an open upper bound",
                (Some(upper), Some(lower)) if upper < lower => "there is a gap before this step",
                (Some(upper), Some(lower)) if upper > lower => "this step overlaps another one",
                _ => continue,
            };
            self.error(*place, wrong);
        }
        steps.into_iter().map(|(step, _)| step).collect()
    }

    fn scheduled(&mut self, settings: &Settings) -> Vec<ScheduledAction> {
        let count = settings.list("scheduled").len();
        if count > MOST_ACTIONS {
            let message = format!(
                "a scalable target has at most {MOST_ACTIONS} scheduled actions, this one {count}"
            );
            self.error(settings.value_place("scheduled"), message);
        }
        let mut taken = BTreeMap::new();
        let mut actions = Vec::new();
        for (index, table) in settings.tables("scheduled").enumerate() {
            let name = table.text("name").map(str::to_string);
            let name = name.unwrap_or_else(|| format!("scheduled-{}", index + 1));
            self.take_name(&mut taken, &name, table.value_place("name"), "scheduled action");
            self.check_capacities(table);
            if !table.is_given("min_capacity") && !table.is_given("max_capacity") {
                let message = "a scheduled action needs `min_capacity` or `max_capacity`";
                self.error(table.place, message);
            }
            let (Some(schedule), Some(timezone)) = (table.text("schedule"), table.text("timezone"))
            else {
                continue;
            };
            self.check_schedule(table, schedule, timezone);
            actions.push(ScheduledAction {
                name,
                schedule: schedule.to_string(),
                timezone: timezone.to_string(),
                min_capacity: table.whole32("min_capacity"),
                max_capacity: table.whole32("max_capacity"),
            });
        }
        actions
    }

    /// A schedule and its time zone, as the policy itself reads them.
    fn check_schedule(&mut self, table: &Settings, schedule: &str, timezone: &str) {
        if let Err(why) = schedule::parse("rate(1 hour)", timezone) {
            self.error(table.value_place("timezone"), why);
        } else if let Err(why) = schedule::parse(schedule, timezone) {
            self.error(table.value_place("schedule"), why);
        }
    }

    fn predictive(
        &mut self,
        settings: &Settings,
        metered: &Metered<'_, '_>,
        taken: &mut BTreeMap<String, Place>,
    ) -> Vec<PredictiveScaling> {
        let mut policies = Vec::new();
        for (index, table) in settings.tables("predictive").enumerate() {
            let name = self.policy_name(table, index, taken);
            let Some(metric) = self.scaling_metric(table, metered) else { continue };
            let mut policy = self.forecasting(table, name, metric);
            if table.text("max_capacity_breach_behavior") == Some("IncreaseMaxCapacity") {
                let buffer_percent = table.whole32("max_capacity_buffer").unwrap_or(0);
                policy.breach = BreachBehaviour::IncreaseMaxCapacity { buffer_percent };
            }
            policies.push(policy);
        }
        policies
    }

    /// A predictive policy on a metric; what happens at the maximum is left at its default.
    pub(super) fn forecasting(
        &mut self,
        table: &Settings,
        name: String,
        metric: ScalingMetric,
    ) -> PredictiveScaling {
        let buffer = table.span("scheduling_buffer_time").unwrap_or_default();
        if buffer >= SimSpan::from_secs(3_600) {
            let message = "`scheduling_buffer_time` must be below 3,600 s";
            self.error(table.value_place("scheduling_buffer_time"), message);
        }
        PredictiveScaling {
            name,
            metric,
            target: metric_value(table, "target_value"),
            scales: table.text("mode") == Some("ForecastAndScale"),
            scheduling_buffer: buffer,
            breach: BreachBehaviour::HonorMaxCapacity,
        }
    }
}

/// What a target tracking policy of a service or of a group says beside its metric; what it does not say stays.
pub(super) fn tune(policy: TargetTracking, table: &Settings) -> TargetTracking {
    let whole = |key: &str, default: u32| table.whole32(key).unwrap_or(default);
    TargetTracking {
        target: metric_value(table, "target_value"),
        disable_scale_in: table.flag("disable_scale_in"),
        high_periods: whole("high_periods", policy.high_periods),
        low_periods: whole("low_periods", policy.low_periods),
        low_percent: whole("low_percent", policy.low_percent),
        scale_in_percent: whole("scale_in_percent", policy.scale_in_percent),
        ..policy
    }
}

/// A step scaling policy on a metric, of a service or of a group.
pub(super) fn stepping(
    table: &Settings,
    name: String,
    (metric, aggregation): (ScalingMetric, Aggregation),
    alarm: AlarmSpec,
    (steps, cooldown): (Vec<Step>, SimSpan),
) -> StepScaling {
    StepScaling {
        name,
        metric,
        aggregation,
        alarm,
        adjustment_type: adjustment_type(table),
        steps,
        min_magnitude: table.whole32("min_adjustment_magnitude").unwrap_or(0),
        cooldown,
    }
}

/// How the adjustments of a step policy are meant.
fn adjustment_type(table: &Settings) -> AdjustmentType {
    match table.text("adjustment_type") {
        Some("ExactCapacity") => AdjustmentType::ExactCapacity,
        Some("PercentChangeInCapacity") => AdjustmentType::PercentChangeInCapacity,
        _ => AdjustmentType::ChangeInCapacity,
    }
}

/// A number as whole millionths.
fn metric_value(settings: &Settings, key: &str) -> MetricValue {
    MetricValue((settings.number(key).unwrap_or_default() * 1e6).round() as u64)
}
