//! Managed scaling of a capacity provider: a target tracking policy on its group that ECS owns.
//!
//! `sim` publishes the metric once a minute ([`ManagedScaler::publish`]), asks when the point is visible
//! ([`ManagedScaler::evaluate`], a [delay](ManagedScaling::metric_delay) later) and at the scaler's own instants
//! ([`ManagedScaler::next_step`]), and applies the [`Decision`]s. The alarms and the series are those of services.
//!
//! Out: one point above the target (measured), `⌈100 · M / target⌉` instances, within the step sizes, not while an
//! instance warms up, never fewer than desired. In: fifteen points below it (documented), at most half of the desired
//! capacity by step (documented since 2022), a step every 200 s while the alarm lasts (fitted to the published
//! measurement: 334 instances to 34 in ten minutes). Invariant: a decision leaves the desired capacity within
//! [minimum, maximum], and moves it by at least one.

use super::need::{self, Estimate, Estimator, FULL, Packing, Reading, View};
use crate::base::time::{SimSpan, SimTime};
use crate::model::scaling::{
    Aggregation, AlarmSpec, Comparison, MetricValue, MissingData, ScalingMetric,
};
use crate::policy::scaling::alarm::{Alarm, AlarmState};
use crate::policy::scaling::series::Series;
use crate::policy::scaling::target_tracking::STANDARD_PERIOD;
use crate::policy::scaling::{AlarmFiring, Decision, NotScaled, Point, PolicyKind, Reason};
use std::collections::VecDeque;

/// The largest step size and warm-up, in seconds, that the API takes (documented).
pub const MOST: u32 = 10_000;

/// `managedScaling` of a capacity provider, with the constants that AWS does not publish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ManagedScaling {
    /// `targetCapacity`, 1 to 100 percent.
    pub target_capacity: u32,
    /// `minimumScalingStepSize`: at least so many instances by scale-out.
    pub min_step: u32,
    /// `maximumScalingStepSize`: at most so many.
    pub max_step: u32,
    /// `instanceWarmupPeriod`: no scale-out while an instance is younger.
    pub warm_up: SimSpan,
    /// How tasks that wait are packed.
    pub packing: Packing,
    /// Who estimates M.
    pub estimator: Estimator,
    /// From a point to its evaluation.
    pub metric_delay: SimSpan,
    /// Points of the high alarm.
    pub high_periods: u32,
    /// Points of the low alarm.
    pub low_periods: u32,
    /// The low alarm's threshold in percent of the target.
    pub low_percent: u32,
    /// The most that a step of scale-in takes away, percent of the desired capacity.
    pub scale_in_percent: u32,
    /// Between two steps of scale-in.
    pub scale_in_interval: SimSpan,
}

impl Default for ManagedScaling {
    fn default() -> Self {
        ManagedScaling {
            target_capacity: 100,
            min_step: 1,
            max_step: MOST,
            warm_up: SimSpan::from_secs(300),
            packing: Packing::default(),
            estimator: Estimator::default(),
            metric_delay: SimSpan::from_secs(30),
            high_periods: 1,
            low_periods: 15,
            low_percent: 100,
            scale_in_percent: 50,
            scale_in_interval: SimSpan::from_secs(200),
        }
    }
}

impl ManagedScaling {
    /// The part that decides about M.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        Estimate {
            target: self.target_capacity,
            min_step: self.min_step,
            max_step: self.max_step,
            packing: self.packing,
            estimator: self.estimator,
        }
    }

    fn target(&self) -> MetricValue {
        MetricValue(u64::from(self.target_capacity) * (FULL.0 / 100))
    }

    fn alarm(&self, comparison: Comparison, threshold: MetricValue, periods: u32) -> AlarmSpec {
        AlarmSpec {
            comparison,
            threshold,
            period: STANDARD_PERIOD,
            evaluation_periods: periods,
            datapoints_to_alarm: periods,
            missing: MissingData::Missing,
        }
    }

    /// The alarm that scales out.
    #[must_use]
    pub fn high_alarm(&self) -> AlarmSpec {
        self.alarm(Comparison::Above, self.target(), self.high_periods)
    }

    /// The alarm that scales in.
    #[must_use]
    pub fn low_alarm(&self) -> AlarmSpec {
        let threshold = MetricValue(self.target().0 * u64::from(self.low_percent) / 100);
        self.alarm(Comparison::Below, threshold, self.low_periods)
    }
}

/// Whether the parameters are ones that the API and this model take.
///
/// # Errors
/// All that is wrong: the field's name in the API, or the model's own, and a sentence.
pub fn check(managed: &ManagedScaling) -> Result<(), Vec<(&'static str, String)>> {
    let mut problems = Vec::new();
    let mut within = |field, value: u64, least: u64, most: u64| {
        if value < least || value > most {
            problems.push((field, format!("must be {least} to {most}, not {value}")));
        }
    };
    let most = u64::from(MOST);
    let seconds = |span: SimSpan| span.0.div_ceil(1_000_000);
    within("targetCapacity", managed.target_capacity.into(), 1, 100);
    within("minimumScalingStepSize", managed.min_step.into(), 1, most);
    within("maximumScalingStepSize", managed.max_step.into(), 1, most);
    within("instanceWarmupPeriod", seconds(managed.warm_up), 0, most);
    within("low_percent", managed.low_percent.into(), 1, 100);
    within("scale_in_percent", managed.scale_in_percent.into(), 1, 100);
    within("scale_in_interval", seconds(managed.scale_in_interval), 1, 86_400);
    if managed.min_step > managed.max_step {
        let (min, max) = (managed.min_step, managed.max_step);
        problems.push(("minimumScalingStepSize", format!("{min} is above the largest step {max}")));
    }
    use crate::policy::scaling::alarm;
    for (field, spec) in
        [("high_periods", managed.high_alarm()), ("low_periods", managed.low_alarm())]
    {
        if let Err(problem) = alarm::check(&spec) {
            problems.push((field, problem));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// What the scaler needs to know of its Auto Scaling group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupState {
    /// `DesiredCapacity`.
    pub desired: u32,
    /// `MinSize`.
    pub min: u32,
    /// `MaxSize`.
    pub max: u32,
    /// When the youngest instance of the group was launched, if there is one: it may still warm up.
    pub youngest_launch: Option<SimTime>,
}

/// Managed scaling of one capacity provider.
#[derive(Clone, Debug)]
pub struct ManagedScaler {
    managed: ManagedScaling,
    series: Series,
    high: Alarm,
    low: Alarm,
    /// Readings behind the points that are not visible yet, oldest first.
    waiting: VecDeque<Option<Reading>>,
    /// The reading behind the newest real point that is visible.
    newest: Option<Reading>,
    /// Before this instant there is no step of scale-in.
    next_in: SimTime,
    /// The last refusal that was told: the same one is not told every minute.
    told: Option<NotScaled>,
}

impl ManagedScaler {
    /// A scaler without history. The parameters were [checked](check).
    #[must_use]
    pub fn new(managed: ManagedScaling) -> ManagedScaler {
        let (high, low) = (Alarm::new(managed.high_alarm()), Alarm::new(managed.low_alarm()));
        let source = (ScalingMetric::ProviderReservation, Aggregation::Average);
        let mut series =
            Series::new(source, STANDARD_PERIOD, STANDARD_PERIOD, managed.metric_delay);
        series.keep(high.range_points().max(low.range_points()));
        ManagedScaler {
            managed,
            series,
            high,
            low,
            waiting: VecDeque::new(),
            newest: None,
            next_in: SimTime::ZERO,
            told: None,
        }
    }

    /// What it was made from.
    #[must_use]
    pub fn managed(&self) -> &ManagedScaling {
        &self.managed
    }

    /// The states of the high and of the low alarm.
    #[must_use]
    pub fn alarms(&self) -> (AlarmState, AlarmState) {
        (self.high.state(), self.low.state())
    }

    /// Publishes the point of the minute that ends at `now`. To be called every 60 s from the same phase on; `None` is
    /// a minute in which the metric does not arrive.
    pub fn publish(&mut self, now: SimTime, view: Option<&View>) -> Option<Reading> {
        self.publish_reading(now, view.map(|view| need::read(view, self.managed.estimate())))
    }

    /// The same where the view was read already.
    pub fn publish_reading(&mut self, now: SimTime, reading: Option<Reading>) -> Option<Reading> {
        self.series.observe(now, reading.map(|reading| Point::level(reading.value)));
        self.waiting.push_back(reading);
        reading
    }

    /// Whether evaluating the newest point could say nothing new: the metric is at its target, or the group is at its
    /// minimum with that told, and no point waits that says otherwise.
    #[must_use]
    pub fn is_quiet(&self, state: GroupState) -> bool {
        let target = self.managed.target();
        let low = self.managed.low_alarm().threshold;
        let rests = self.low.state() != AlarmState::Alarm
            && self.waiting.iter().flatten().all(|r| r.value <= target && r.value >= low);
        let is_at_min = self.told == Some(NotScaled::AlreadyAtMinCapacity)
            && state.desired == state.min
            && self.waiting.iter().flatten().all(|r| r.value < low);
        let all_came = self.waiting.iter().all(Option::is_some);
        self.high.state() != AlarmState::Alarm && all_came && (rests || is_at_min)
    }

    /// When [`ManagedScaler::evaluate`] has a step of scale-in to do, besides the instants at which points become
    /// visible; `None`: not before the next point. It changes in `evaluate` only.
    #[must_use]
    pub fn next_step(&self, now: SimTime) -> Option<SimTime> {
        (self.low.state() == AlarmState::Alarm && self.next_in > now).then_some(self.next_in)
    }

    /// Evaluates the alarms on what is visible at `now` and says what becomes of the desired capacity; `None`: nothing,
    /// or a refusal that was told already.
    pub fn evaluate(&mut self, now: SimTime, state: GroupState) -> Option<Decision> {
        let is_called = self.reveal(now);
        let reading = self.newest?;
        let is_firing = |alarm: &Alarm| alarm.state() == AlarmState::Alarm;
        if is_firing(&self.high) {
            return if is_called { self.decide_out(now, state, reading) } else { None };
        }
        if !is_firing(&self.low) {
            self.told = None;
            return None;
        }
        if now < self.next_in { None } else { self.decide_in(now, state, reading) }
    }

    /// In place of [`ManagedScaler::evaluate`] where it [is quiet](ManagedScaler::is_quiet): the alarms hear of the points that
    /// are visible at `now`, so that no more wait than the metric is late.
    pub fn pass_over(&mut self, now: SimTime) {
        self.reveal(now);
    }

    /// Hands the newly visible points to the alarms; whether there were any.
    fn reveal(&mut self, now: SimTime) -> bool {
        let mut is_any = false;
        while let Some(point) = self.series.reveal(now) {
            self.newest = self.waiting.pop_front().flatten().or(self.newest);
            for alarm in [&mut self.high, &mut self.low] {
                alarm.push(point);
                alarm.evaluate();
            }
            is_any = true;
        }
        is_any
    }

    /// How many points wait to become visible.
    #[must_use]
    pub fn points_waiting(&self) -> usize {
        self.waiting.len()
    }

    fn decide_out(
        &mut self,
        now: SimTime,
        state: GroupState,
        reading: Reading,
    ) -> Option<Decision> {
        let wanted = wanted(reading, self.managed.target());
        let outcome = self.scale_out(now, state, wanted);
        let decision = self.decision(now, state, reading, (wanted, outcome), &self.high);
        self.tell(decision)
    }

    fn decide_in(&mut self, now: SimTime, state: GroupState, reading: Reading) -> Option<Decision> {
        let wanted = wanted(reading, self.managed.target());
        let outcome = self.scale_in(state, wanted);
        if outcome.is_ok() {
            self.next_in = now + self.managed.scale_in_interval;
        }
        let decision = self.decision(now, state, reading, (wanted, outcome), &self.low);
        self.tell(decision)
    }

    /// The decision, unless it is the refusal that was told last.
    fn tell(&mut self, decision: Decision) -> Option<Decision> {
        let telling = match decision.reason {
            Reason::NotScaled(why) => Some(why),
            _ => None,
        };
        let is_told = telling.is_some() && self.told == telling;
        self.told = telling;
        (!is_told).then_some(decision)
    }

    fn scale_out(&self, now: SimTime, state: GroupState, wanted: u32) -> Result<u32, NotScaled> {
        let warm_up = self.managed.warm_up;
        if state.desired < state.min {
            return Ok(state.min);
        }
        if state.desired >= state.max {
            return Err(NotScaled::AlreadyAtMaxCapacity);
        }
        if state.youngest_launch.is_some_and(|launch| now < launch + warm_up) {
            return Err(NotScaled::WarmingUp);
        }
        let more = wanted.saturating_sub(state.desired);
        if more == 0 {
            return Err(NotScaled::AlreadyAtDesiredCapacity);
        }
        let step = more.max(self.managed.min_step).min(self.managed.max_step);
        Ok(state.desired.saturating_add(step).min(state.max))
    }

    fn scale_in(&self, state: GroupState, wanted: u32) -> Result<u32, NotScaled> {
        if state.desired > state.max {
            return Ok(state.max);
        }
        if state.desired <= state.min {
            return Err(NotScaled::AlreadyAtMinCapacity);
        }
        // At most so many percent, and at least one instance.
        let share = u64::from(state.desired) * u64::from(self.managed.scale_in_percent) / 100;
        let share = u32::try_from(share.max(1)).unwrap_or(u32::MAX);
        let to = wanted.max(state.desired.saturating_sub(share)).max(state.min);
        if to >= state.desired { Err(NotScaled::AlreadyAtDesiredCapacity) } else { Ok(to) }
    }

    fn decision(
        &self,
        now: SimTime,
        state: GroupState,
        reading: Reading,
        (wanted, outcome): (u32, Result<u32, NotScaled>),
        alarm: &Alarm,
    ) -> Decision {
        let spec = alarm.spec();
        let side = if spec.comparison == Comparison::Above { "High" } else { "Low" };
        Decision {
            at: now,
            from: state.desired,
            to: outcome.ok(),
            wanted: Some(wanted),
            running: reading.running,
            kind: PolicyKind::Managed,
            policy: 0,
            policy_name: "managed".into(),
            alarm: Some(AlarmFiring {
                name: format!("ECSManagedAutoScaling-Alarm{side}").into(),
                threshold: spec.threshold,
                comparison: spec.comparison,
                datapoints: self.series.real_points(alarm.range_points(), spec.evaluation_periods),
            }),
            metric: Some((ScalingMetric::ProviderReservation, reading.value)),
            reason: outcome.map_or_else(Reason::NotScaled, |_| Reason::Scaled),
            min_capacity: state.min,
            max_capacity: state.max,
        }
    }
}

/// The capacity that brings the metric to its target: `⌈100 · M / target⌉`, or what the metric of an empty group says
/// of a capacity of one (documented).
fn wanted(reading: Reading, target: MetricValue) -> u32 {
    let (needed, target) = (u64::from(reading.needed), target.0.max(1));
    let wanted = if reading.running == 0 {
        reading.value.0.div_ceil(target)
    } else {
        (needed * FULL.0).div_ceil(target)
    };
    u32::try_from(wanted).unwrap_or(u32::MAX)
}
