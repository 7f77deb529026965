//! What is due without an alarm: scheduled actions, and the hours of predictive scaling.

use super::predictive::{self, History};
use super::schedule::{self, Schedule};
use super::{Decision, NotScaled, PolicyKind, Reason, Scaler, ServiceState};
use crate::base::time::{MICROS_PER_SECOND, SimTime};
use crate::model::scaling::{MetricValue, PredictiveScaling, ScalableTarget, ScheduledAction};

const HOUR_S: i64 = 3_600;

/// Something that is due.
#[derive(Clone, Copy, Debug)]
pub(super) enum Due {
    /// A scheduled action, by its index.
    Scheduled(usize),
    /// The forecast of policy `policy` says `capacity` tasks.
    Forecast { policy: usize, capacity: u32 },
}

#[derive(Clone, Debug)]
struct Planned {
    action: ScheduledAction,
    schedule: Option<Schedule>,
    next: Option<SimTime>,
}

#[derive(Clone, Debug)]
struct Forecaster {
    policy: PredictiveScaling,
    /// Index of the feed that it learns from.
    feed: usize,
    history: History,
    /// Tasks by hour, from `plan_from` on.
    plan: Vec<u32>,
    plan_from: i64,
    /// The next hour to begin, and the next for which capacity is raised ahead.
    next_hour: i64,
    next_raise: i64,
    /// Tasks that are forecast now: this hour's, or the next hour's where its buffer has begun.
    capacity: u32,
    raised_max: u32,
}

/// All of it, with the earliest instant at hand.
#[derive(Clone, Debug)]
pub(super) struct Agenda {
    epoch_s: i64,
    scheduled: Vec<Planned>,
    is_suspended: bool,
    forecasters: Vec<Forecaster>,
    next: Option<SimTime>,
}

impl Agenda {
    pub(super) fn new(target: &ScalableTarget, epoch_s: i64) -> Agenda {
        let plan = |action: &ScheduledAction| {
            let schedule = schedule::parse(&action.schedule, &action.timezone).ok();
            Planned { action: action.clone(), schedule, next: None }
        };
        let forecaster = |policy: &PredictiveScaling| {
            let buffer_s = (policy.scheduling_buffer.0 / MICROS_PER_SECOND) as i64;
            Forecaster {
                policy: policy.clone(),
                feed: usize::MAX,
                history: History::default(),
                plan: Vec::new(),
                plan_from: 0,
                next_hour: epoch_s.div_euclid(HOUR_S) + 1,
                next_raise: (epoch_s + buffer_s).div_euclid(HOUR_S) + 1,
                capacity: 0,
                raised_max: 0,
            }
        };
        let mut agenda = Agenda {
            epoch_s,
            scheduled: target.scheduled.iter().map(plan).collect(),
            is_suspended: target.scheduled_suspended,
            forecasters: target.predictive.iter().map(forecaster).collect(),
            next: None,
        };
        for planned in &mut agenda.scheduled {
            // An action that is due at the very beginning counts.
            planned.next = next_of(planned, epoch_s - 1, epoch_s);
        }
        agenda.find_next();
        agenda
    }

    pub(super) fn learn_from(&mut self, policy: usize, feed: usize) {
        self.forecasters[policy].feed = feed;
    }

    #[inline]
    pub(super) fn learns(&self) -> bool {
        !self.forecasters.is_empty()
    }

    pub(super) fn learn(&mut self, feed: usize, now: SimTime, value: MetricValue, running: u32) {
        let hour = self.unix_s(now).div_euclid(HOUR_S);
        for forecaster in self.forecasters.iter_mut().filter(|f| f.feed == feed) {
            forecaster.history.learn(hour, value, running);
        }
    }

    #[inline]
    pub(super) fn next(&self) -> Option<SimTime> {
        self.next
    }

    /// The most tasks that predictive scaling with `ForecastAndScale` forecasts for now; zero without one.
    #[inline]
    pub(super) fn forecast_capacity(&self) -> u32 {
        let scaling = self.forecasters.iter().filter(|f| f.policy.scales);
        scaling.map(|f| f.capacity).max().unwrap_or(0)
    }

    /// The maximum that predictive scaling asks for now; zero without one.
    #[inline]
    pub(super) fn raised_max(&self) -> u32 {
        self.forecasters.iter().map(|f| f.raised_max).max().unwrap_or(0)
    }

    fn unix_s(&self, at: SimTime) -> i64 {
        self.epoch_s + (at.0 / MICROS_PER_SECOND) as i64
    }

    fn find_next(&mut self) {
        let scheduled = self.scheduled.iter().filter_map(|planned| planned.next);
        let forecasts = self.forecasters.iter().map(|f| f.next(self.epoch_s));
        self.next = scheduled.chain(forecasts).min();
    }

    /// Everything that is due at `now`, in order: scheduled actions by index, then forecasts by index.
    pub(super) fn take_due(&mut self, now: SimTime, max: u32) -> Vec<Due> {
        let mut due = Vec::new();
        let now_s = self.unix_s(now);
        let epoch_s = self.epoch_s;
        for (index, planned) in self.scheduled.iter_mut().enumerate() {
            if planned.next.is_some_and(|next| next <= now) {
                planned.next = next_of(planned, now_s, epoch_s);
                if !self.is_suspended {
                    due.push(Due::Scheduled(index));
                }
            }
        }
        for (policy, forecaster) in self.forecasters.iter_mut().enumerate() {
            let mut is_due = false;
            while forecaster.next(epoch_s) <= now {
                forecaster.advance(epoch_s, max);
                is_due = true;
            }
            if is_due && forecaster.policy.scales {
                due.push(Due::Forecast { policy, capacity: forecaster.capacity });
            }
        }
        self.find_next();
        due
    }
}

/// When a scheduled action is due after `after_s`; both are seconds since 1970.
fn next_of(planned: &Planned, after_s: i64, start_s: i64) -> Option<SimTime> {
    let next = planned.schedule.as_ref()?.next(after_s, start_s)?;
    instant(next, start_s)
}

fn instant(unix_s: i64, epoch_s: i64) -> Option<SimTime> {
    let seconds = u64::try_from(unix_s - epoch_s).ok()?;
    seconds.checked_mul(MICROS_PER_SECOND).map(SimTime)
}

impl Forecaster {
    fn hour_start(hour: i64, epoch_s: i64) -> SimTime {
        instant(hour * HOUR_S, epoch_s).unwrap_or(SimTime::ZERO)
    }

    fn raise_at(&self, epoch_s: i64) -> SimTime {
        let start = Self::hour_start(self.next_raise, epoch_s).0;
        SimTime(start.saturating_sub(self.policy.scheduling_buffer.0))
    }

    fn next(&self, epoch_s: i64) -> SimTime {
        Self::hour_start(self.next_hour, epoch_s).min(self.raise_at(epoch_s))
    }

    /// Does the earlier of the two steps: an hour begins, or the buffer before one.
    fn advance(&mut self, epoch_s: i64, max: u32) {
        let hour_begins = Self::hour_start(self.next_hour, epoch_s) <= self.raise_at(epoch_s);
        if hour_begins {
            let hour = self.next_hour;
            self.next_hour += 1;
            if hour.rem_euclid(predictive::RENEWAL_HOURS) == 0 || self.plan.is_empty() {
                self.renew(hour);
            }
            self.capacity = self.planned(hour);
        } else {
            // Until the hour begins, the larger of both hours' capacities holds.
            self.capacity = self.capacity.max(self.planned(self.next_raise));
            self.next_raise += 1;
        }
        self.raised_max = if self.policy.scales {
            predictive::effective_max(self.capacity, max, self.policy.breach)
        } else {
            0
        };
    }

    fn renew(&mut self, hour: i64) {
        self.history.close();
        let tasks = |hour| {
            let load = self.history.forecast(hour)?;
            Some(predictive::capacity_for(load, self.policy.target))
        };
        self.plan = (hour..hour + predictive::HORIZON_HOURS).map_while(tasks).collect();
        self.plan_from = hour;
    }

    fn planned(&self, hour: i64) -> u32 {
        let index = usize::try_from(hour - self.plan_from).ok();
        index.and_then(|index| self.plan.get(index)).copied().unwrap_or(0)
    }
}

impl Scaler {
    /// Carries out one thing that is due; `None` where it changes nothing.
    pub(super) fn carry_out(
        &mut self,
        due: Due,
        now: SimTime,
        state: ServiceState,
    ) -> Option<Decision> {
        match due {
            Due::Scheduled(index) => Some(self.carry_out_action(index, now, state)),
            Due::Forecast { policy, capacity } => {
                let to = capacity.min(self.min_max().1);
                if to <= state.desired {
                    return None;
                }
                let of = &self.agenda.forecasters[policy].policy;
                let (name, metric) = (of.name.clone(), Some((of.metric, of.target)));
                let plain = self.plain(now, state, (PolicyKind::Predictive, policy), name);
                let wanted = Some(capacity);
                Some(Decision { to: Some(to), wanted, metric, ..plain })
            }
        }
    }

    /// RegisterScalableTarget again: other limits, and the desired count within them (assumed: at once, as with a
    /// scheduled action).
    pub fn register(&mut self, min: u32, max: u32, now: SimTime, state: ServiceState) -> Decision {
        (self.min, self.max) = (min, max);
        let (min, max) = self.min_max();
        let to = state.desired.clamp(min, max);
        let name = "RegisterScalableTarget".to_string();
        let plain = self.plain(now, state, (PolicyKind::Scheduled, 0), name);
        Decision { to: (to != state.desired).then_some(to), ..plain }
    }

    fn carry_out_action(&mut self, index: usize, now: SimTime, state: ServiceState) -> Decision {
        let action = &self.agenda.scheduled[index].action;
        let name = action.name.clone();
        let min = action.min_capacity.unwrap_or(self.min);
        let max = action.max_capacity.unwrap_or(self.max);
        if min > max {
            let plain = self.plain(now, state, (PolicyKind::Scheduled, index), name);
            return Decision { reason: Reason::NotScaled(NotScaled::ValidationException), ..plain };
        }
        (self.min, self.max) = (min, max);
        let (min, max) = self.min_max();
        let to = state.desired.clamp(min, max);
        let plain = self.plain(now, state, (PolicyKind::Scheduled, index), name);
        Decision { to: (to != state.desired).then_some(to), ..plain }
    }

    /// A decision without an alarm.
    fn plain(
        &self,
        now: SimTime,
        state: ServiceState,
        (kind, policy): (PolicyKind, usize),
        policy_name: String,
    ) -> Decision {
        let (min_capacity, max_capacity) = self.min_max();
        Decision {
            at: now,
            from: state.desired,
            to: None,
            wanted: None,
            running: state.running,
            kind,
            policy,
            policy_name: policy_name.into(),
            alarm: None,
            metric: None,
            reason: if kind == PolicyKind::Scheduled {
                Reason::Scheduled
            } else {
                Reason::Predictive
            },
            min_capacity,
            max_capacity,
        }
    }
}
