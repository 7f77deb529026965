//! Service auto scaling: alarms, policies and scheduled actions of one service, as a state machine.
//!
//! `sim` hands in points of metrics ([`Scaler::observe`]) at the end of each period, asks once they are visible
//! ([`Scaler::evaluate`]) and at the scaler's own instants ([`Scaler::act`]), and applies the [`Decision`]s. The scaler
//! declares its state (minimum, maximum, cooldowns, alarms) and reads nothing else: what it says depends on the points
//! that are visible, the instants of the calls and the [`ServiceState`]s, and on no clock or random number.
//!
//! | File | Its one job |
//! | --- | --- |
//! | `series` | points of one metric, and which of them are visible |
//! | [`alarm`] | M of N with missing data |
//! | [`target_tracking`], [`step`] | what a policy wants |
//! | `combine` | what a service gets: the largest wish, bounds, cooldowns, deployments, suspension |
//! | `quiet` | how long nothing can be decided |
//! | [`schedule`], `cron` | when scheduled actions are due |
//! | [`predictive`] | a seasonal forecast |
//! | `agenda` | what is due without an alarm: scheduled actions and forecasts |
//! | [`metric`] | arithmetic of utilisation and backlog |
//!
//! Invariant: no decision takes the desired count outside of [minimum, maximum], but towards it.

mod agenda;
pub mod alarm;
mod combine;
mod cron;
mod decision;
pub mod metric;
mod own;
pub mod predictive;
mod quiet;
pub mod schedule;
pub(in crate::policy) mod series;
pub mod step;
pub mod target_tracking;

pub use decision::{AlarmFiring, Decision, NotScaled, PolicyKind, Reason};
pub use quiet::AT_ONCE;

use crate::base::hint::{Before, ask_for};
use crate::base::time::{SimSpan, SimTime};
use crate::model::scaling::{
    Aggregation, AlarmSpec, MetricDelays, MetricValue, ScalableTarget, ScalingMetric, StepScaling,
    TargetTracking,
};
use agenda::Agenda;
use alarm::{Alarm, AlarmState};
use combine::Cooldowns;
use series::Series;
use std::ops::Range;
use std::sync::Arc;
use target_tracking::{HIGH_RESOLUTION_PERIOD, STANDARD_PERIOD};

/// The most policies of a scalable target (quota, documented).
pub const MOST_POLICIES: usize = 50;
/// The most scheduled actions of a scalable target (quota, documented).
pub const MOST_SCHEDULED_ACTIONS: usize = 200;

/// How often CloudWatch calls the action of an alarm that stays in ALARM (documented).
const REPEAT: SimSpan = SimSpan::from_secs(60);

/// One point of a metric: the statistics of a period's samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Point {
    /// Mean.
    pub average: MetricValue,
    /// Smallest.
    pub minimum: MetricValue,
    /// Largest.
    pub maximum: MetricValue,
    /// 50th, 90th, 95th and 99th percentile.
    pub percentiles: [MetricValue; 4],
}

impl Point {
    /// A point at which all samples are equal, or of a metric that has one.
    #[must_use]
    pub fn level(value: MetricValue) -> Point {
        Point { average: value, minimum: value, maximum: value, percentiles: [value; 4] }
    }

    #[inline]
    fn of(self, aggregation: Aggregation) -> MetricValue {
        match aggregation {
            // Sums are asked for where there is one sample in a minute.
            Aggregation::Average | Aggregation::Sum => self.average,
            Aggregation::Minimum => self.minimum,
            Aggregation::Maximum => self.maximum,
            Aggregation::P50 => self.percentiles[0],
            Aggregation::P90 => self.percentiles[1],
            Aggregation::P95 => self.percentiles[2],
            Aggregation::P99 => self.percentiles[3],
        }
    }
}

/// What the scaler needs to know of its service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServiceState {
    /// The desired count.
    pub desired: u32,
    /// Tasks in RUNNING: policies start from this count and not from the desired one (documented).
    pub running: u32,
    /// Whether a deployment is in progress, which forbids scale-in.
    pub deploying: bool,
}

/// Whose alarm it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    /// The high alarm of a target tracking policy.
    High,
    /// Its low alarm.
    Low,
    /// The alarm of a step scaling policy.
    Step,
}

#[derive(Clone, Debug)]
struct PolicyAlarm {
    alarm: Alarm,
    names: Arc<AlarmNames>,
    role: Role,
    /// Index of the policy in its list.
    policy: usize,
    feed: usize,
    /// When the action of a firing alarm is called next.
    next_call: SimTime,
}

/// The name of an alarm, and that of its policy.
#[derive(Debug)]
struct AlarmNames {
    alarm: Arc<str>,
    policy: Arc<str>,
}

impl PolicyAlarm {
    /// Evaluates the alarm where `firing` alarms were in ALARM; how many are afterwards.
    #[inline]
    fn evaluate(&mut self, firing: usize) -> usize {
        let was = self.alarm.state();
        let is = self.alarm.evaluate();
        if (was == AlarmState::Alarm) == (is == AlarmState::Alarm) {
            return firing;
        }
        self.next_call = SimTime::ZERO;
        if is == AlarmState::Alarm { firing + 1 } else { firing - 1 }
    }
}

/// A series and the alarms that look at it.
#[derive(Clone, Debug)]
struct Feed {
    series: Series,
    alarms: Range<usize>,
}

/// Auto scaling of one service.
#[derive(Clone, Debug)]
pub struct Scaler {
    min: u32,
    max: u32,
    feeds: Vec<Feed>,
    /// Which metrics they look at, a bit each: points of 60 s, and of 20 s.
    wanted: [u16; 2],
    /// In the order of their feeds.
    alarms: Vec<PolicyAlarm>,
    /// How many of them are in ALARM.
    firing: usize,
    target_tracking: Vec<TargetTracking>,
    step_scaling: Vec<StepScaling>,
    scale_in_suspended: bool,
    scale_out_suspended: bool,
    cooldowns: Cooldowns,
    /// The last refusal that was told: the same one is not told every minute.
    told: Option<(NotScaled, PolicyKind, usize)>,
    /// The same of a low alarm that fires in vain.
    told_held: Option<(NotScaled, usize)>,
    agenda: Agenda,
    own: Option<own::Running>,
}

impl Scaler {
    /// Asks memory for what an evaluation looks at: the scaler itself, what it points to, and the newest points.
    pub fn look_ahead(&self, before: Before) {
        match before {
            Before::Third => {
                ask_for(&self.feeds);
                ask_for(&self.target_tracking);
                ask_for(&self.cooldowns);
                ask_for(&self.told_held);
            }
            Before::Second => {
                for feed in &self.feeds {
                    ask_for(feed);
                    ask_for(&feed.alarms);
                }
                for alarm in &self.alarms {
                    ask_for(alarm);
                    ask_for(&alarm.next_call);
                }
                self.target_tracking.iter().for_each(ask_for);
            }
            Before::First => self.feeds.iter().for_each(|feed| feed.series.look_ahead()),
        }
    }

    /// The scaler of a service that is registered at the scenario's beginning; that instant is `epoch_s` seconds after
    /// 1970-01-01T00:00:00Z, from which scheduled actions and forecasts know the time of day. The target was
    /// [checked](check); schedules that cannot be parsed never fire.
    #[must_use]
    pub fn new(target: &ScalableTarget, delays: MetricDelays, epoch_s: i64) -> Scaler {
        let mut scaler = Scaler {
            min: target.min_capacity,
            max: target.max_capacity,
            feeds: Vec::new(),
            wanted: [0; 2],
            alarms: Vec::new(),
            firing: 0,
            target_tracking: target.target_tracking.clone(),
            step_scaling: target.step_scaling.clone(),
            scale_in_suspended: target.scale_in_suspended,
            scale_out_suspended: target.scale_out_suspended,
            cooldowns: Cooldowns::default(),
            told: None,
            told_held: None,
            agenda: Agenda::new(target, epoch_s),
            own: None,
        };
        for (index, policy) in target.target_tracking.iter().enumerate() {
            let source = (policy.metric, policy.statistic);
            scaler.add_alarm(
                source,
                target_tracking::high_alarm(policy),
                Role::High,
                index,
                delays,
            );
            scaler.add_alarm(source, target_tracking::low_alarm(policy), Role::Low, index, delays);
        }
        for (index, policy) in target.step_scaling.iter().enumerate() {
            let source = (policy.metric, policy.aggregation);
            scaler.add_alarm(source, policy.alarm, Role::Step, index, delays);
        }
        for index in 0..target.predictive.len() {
            let metric = target.predictive[index].metric;
            let source = (metric, metric.statistics()[0]);
            let feed = scaler.feed(source, STANDARD_PERIOD, 1, delays);
            scaler.agenda.learn_from(index, feed);
        }
        if let Some(own) = target.own {
            let mut feed = |metric: ScalingMetric| {
                scaler.feed((metric, metric.statistics()[0]), STANDARD_PERIOD, 1, delays)
            };
            let feeds = own.metrics.iter().map(|&metric| feed(metric)).collect();
            scaler.own = Some(own::Running::new(own, feeds));
        }
        scaler.alarms.sort_by_key(|a| a.feed);
        for (index, feed) in scaler.feeds.iter_mut().enumerate() {
            let from = scaler.alarms.partition_point(|a| a.feed < index);
            feed.alarms = from..scaler.alarms.partition_point(|a| a.feed <= index);
        }
        scaler
    }

    fn add_alarm(
        &mut self,
        source: (ScalingMetric, Aggregation),
        spec: AlarmSpec,
        role: Role,
        policy: usize,
        delays: MetricDelays,
    ) {
        let alarm = Alarm::new(spec);
        let feed = self.feed(source, spec.period, alarm.range_points(), delays);
        let names = Arc::new(self.names_of(role, policy));
        let next_call = SimTime::ZERO;
        self.alarms.push(PolicyAlarm { alarm, names, role, policy, feed, next_call });
    }

    /// Made once: decisions are many.
    fn names_of(&self, role: Role, policy: usize) -> AlarmNames {
        let policy = match role {
            Role::Step => &self.step_scaling[policy].name,
            Role::High | Role::Low => &self.target_tracking[policy].name,
        };
        let alarm = match role {
            Role::High => format!("TargetTracking-{policy}-AlarmHigh"),
            Role::Low => format!("TargetTracking-{policy}-AlarmLow"),
            Role::Step => format!("StepScaling-{policy}-Alarm"),
        };
        AlarmNames { alarm: alarm.into(), policy: policy.as_str().into() }
    }

    /// The feed of `source` at `period`, made if there is none, which keeps at least `window` points.
    fn feed(
        &mut self,
        source: (ScalingMetric, Aggregation),
        period: SimSpan,
        window: u32,
        delays: MetricDelays,
    ) -> usize {
        let is_same = |s: &Series| (s.metric, s.aggregation) == source && s.period == period;
        let found = self.feeds.iter().position(|feed| is_same(&feed.series));
        let index = found.unwrap_or_else(|| {
            let is_high_resolution = period < STANDARD_PERIOD;
            let series = if is_high_resolution {
                Series::new(source, period, HIGH_RESOLUTION_PERIOD, delays.high_resolution)
            } else {
                Series::new(source, period, STANDARD_PERIOD, delays.standard)
            };
            self.wanted[usize::from(is_high_resolution)] |= 1 << source.0 as usize;
            self.feeds.push(Feed { series, alarms: 0..0 });
            self.feeds.len() - 1
        });
        self.feeds[index].series.keep(window);
        index
    }

    /// `MinCapacity` and `MaxCapacity` as they are now: scheduled actions set them, predictive scaling may raise the
    /// maximum for an hour.
    #[must_use]
    pub fn min_max(&self) -> (u32, u32) {
        (self.min, self.max.max(self.agenda.raised_max()))
    }

    /// The limits have been changed by somebody else: those of an Auto Scaling group are its own.
    pub fn set_bounds(&mut self, min: u32, max: u32) {
        (self.min, self.max) = (min, max);
    }

    /// Whether points of `metric` by 60 s are looked at.
    #[inline]
    #[must_use]
    pub fn wants(&self, metric: ScalingMetric) -> bool {
        self.wanted[0] & 1 << metric as usize != 0
    }

    /// Whether points of `metric` by 20 s are looked at.
    #[inline]
    #[must_use]
    pub fn wants_high_resolution(&self, metric: ScalingMetric) -> bool {
        self.wanted[1] & 1 << metric as usize != 0
    }

    /// Whether points of `metric` by 60 s are all that is looked at by 60 s.
    #[inline]
    #[must_use]
    pub fn wants_only(&self, metric: ScalingMetric) -> bool {
        self.wanted[0] == 1 << metric as usize
    }

    /// As [`Scaler::observe`] of 60 s where only the CPU is [wanted](Scaler::wants_only), and a period has one value.
    #[inline]
    pub fn observe_cpu(&mut self, end: SimTime, value: Option<MetricValue>) {
        for feed in &mut self.feeds {
            if feed.series.observed_period == STANDARD_PERIOD {
                feed.series.observe_level(end, value);
            }
        }
    }

    /// Takes the points of the period `[end − period, end)`, 60 s or 20 s long, by index of [`ScalingMetric`]; `None`, or
    /// a list that ends before, is no data. Periods of one length come in order; one that never comes is missing data.
    #[inline]
    pub fn observe(&mut self, end: SimTime, period: SimSpan, values: &[Option<Point>]) {
        for feed in &mut self.feeds {
            if feed.series.observed_period == period {
                feed.series
                    .observe(end, values.get(feed.series.metric as usize).copied().flatten());
            }
        }
    }

    /// Evaluates the alarms whose data is visible at `now`, which is from `period end + delay` on, and says what the
    /// policies want together; `None`: nothing, or a refusal that was told already.
    ///
    /// To be called once a minute at the phase of the standard delay, and every 20 s at the phase of the high-resolution
    /// delay if [`Scaler::wants_high_resolution`] of any metric. A minute without any data is called, too.
    #[inline]
    pub fn evaluate(&mut self, now: SimTime, state: ServiceState) -> Option<Decision> {
        for index in 0..self.feeds.len() {
            self.reveal(index, now, state.running);
        }
        if self.own.is_some() {
            return self.ask_own(now, state);
        }
        if self.firing == 0 && state.running > 0 {
            self.told = None;
            return None;
        }
        self.combine(now, state)
    }

    fn firing_alarms(&mut self) -> impl Iterator<Item = &mut PolicyAlarm> {
        self.alarms.iter_mut().filter(|slot| slot.alarm.state() == AlarmState::Alarm)
    }

    /// Hands the newly visible points of a feed to its alarms and to the forecasts.
    #[inline]
    fn reveal(&mut self, index: usize, now: SimTime, running: u32) {
        let feed = &mut self.feeds[index];
        let alarms = &mut self.alarms[feed.alarms.clone()];
        while let Some(point) = feed.series.reveal(now) {
            for slot in &mut *alarms {
                slot.alarm.push(point);
                self.firing = slot.evaluate(self.firing);
            }
            if self.agenda.learns()
                && let Some(value) = point
            {
                self.agenda.learn(index, now, value, running);
            }
        }
    }

    /// The next instant at which [`Scaler::act`] has something to do; `None`: never. It changes only in `act`.
    #[inline]
    #[must_use]
    pub fn next_action(&self) -> Option<SimTime> {
        self.agenda.next()
    }

    /// Carries out what is due at `now`: scheduled actions in the order of their list, then forecasts. Each decision
    /// starts from the desired count that the one before left. Cooldowns do not matter here.
    pub fn act(&mut self, now: SimTime, state: ServiceState) -> Vec<Decision> {
        let mut desired = state.desired;
        let mut decisions = Vec::new();
        for due in self.agenda.take_due(now, self.max) {
            let decision = self.carry_out(due, now, ServiceState { desired, ..state });
            if let Some(decision) = decision {
                desired = decision.to.unwrap_or(desired);
                decisions.push(decision);
            }
        }
        decisions
    }
}

/// Whether a target is one that Application Auto Scaling and this model take.
///
/// # Errors
/// All that is wrong: each entry is the name of the policy or action (empty: the target itself) and a sentence.
pub fn check(target: &ScalableTarget) -> Result<(), Vec<(String, String)>> {
    let mut problems = Vec::new();
    let mut note = |name: &str, result: Result<(), String>| {
        if let Err(problem) = result {
            problems.push((name.to_string(), problem));
        }
    };
    let policies =
        target.target_tracking.len() + target.step_scaling.len() + target.predictive.len();
    let at_most = |count: usize, most: usize, what: &str| {
        if count > most { Err(format!("{count} {what}; {most} at most")) } else { Ok(()) }
    };
    note("", at_most(policies, MOST_POLICIES, "scaling policies"));
    note("", at_most(target.scheduled.len(), MOST_SCHEDULED_ACTIONS, "scheduled actions"));
    if target.min_capacity > target.max_capacity {
        let (min, max) = (target.min_capacity, target.max_capacity);
        note("", Err(format!("the minimum capacity {min} is above the maximum capacity {max}")));
    }
    note("", own::check(target));
    for policy in &target.target_tracking {
        note(&policy.name, target_tracking::check(policy));
    }
    for policy in &target.step_scaling {
        note(&policy.name, step::check(&policy.steps));
        note(&policy.name, alarm::check(&policy.alarm));
    }
    for action in &target.scheduled {
        note(&action.name, schedule::parse(&action.schedule, &action.timezone).map(|_| ()));
        note(&action.name, schedule::check_bounds(action));
    }
    for policy in &target.predictive {
        note(&policy.name, predictive::check(policy));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}
