//! How long nothing can be decided: minutes that a caller may observe and evaluate later, in one go.

use super::alarm::{self, Alarm, AlarmState};
use super::series::Series;
use super::target_tracking::STANDARD_PERIOD;
use super::{PolicyAlarm, REPEAT, Scaler, ServiceState};
use crate::base::time::SimTime;
use crate::model::scaling::{Aggregation, MetricValue, ScalingMetric};
use smallvec::SmallVec;

/// How many minutes are passed over at once, at most.
pub const AT_ONCE: usize = 8;

/// The points that a feed shows when minutes are passed over: these, and those that were waiting.
type Shown = SmallVec<[Option<MetricValue>; 2 * AT_ONCE]>;

impl Scaler {
    /// How many of the one-minute evaluations after that of `now` can say nothing, if CPU utilisation stays within
    /// `least..=most`, no point is missing and `state` stays as it is.
    ///
    /// Either no alarm can fire; or one does, and its policy has told already why it gets nothing for as long as it
    /// does, and no alarm can fire anew. `u32::MAX`: nothing changes within the bounds. Of the first `harmless` minutes
    /// that was said before, with bounds of their own.
    #[must_use]
    pub fn quiet_minutes(
        &self,
        now: SimTime,
        state: ServiceState,
        harmless: u32,
        (least, most): (MetricValue, MetricValue),
    ) -> u32 {
        if self.own.is_some() {
            return 0;
        }
        let mut quiet = u32::MAX;
        for feed in &self.feeds {
            let series = &feed.series;
            let waiting: Shown = series.waiting().collect();
            let of_waiting = bounds_of(&waiting);
            for slot in &self.alarms[feed.alarms.clone()] {
                let seen = (waiting.as_slice(), of_waiting);
                quiet = quiet.min(quiet_points(series, seen, &slot.alarm, harmless, (least, most)));
                if quiet > 0 && slot.alarm.state() == AlarmState::Alarm {
                    let (low, high) = of_waiting.unwrap_or((least, most));
                    let bounds = (low.min(least), high.max(most));
                    let until = self.refuses_until(now, state, bounds).unwrap_or(now);
                    let minutes = until.since(now).0.saturating_sub(1) / STANDARD_PERIOD.0;
                    quiet = quiet.min(u32::try_from(minutes).unwrap_or(u32::MAX));
                }
            }
        }
        quiet
    }

    /// After how many minutes at the latest [`Scaler::pass_over`] is to be called; at most [`AT_ONCE`].
    #[inline]
    #[must_use]
    pub fn minutes_at_once(&self) -> usize {
        // A forecast learns in which hour a point was seen.
        if self.agenda.learns() { 1 } else { AT_ONCE }
    }

    /// As [`Scaler::observe_cpu`] of the minutes up to `now` with these values, and [`Scaler::pass_over`] of them.
    ///
    /// # Panics
    /// Where an alarm begins to fire.
    pub fn pass_over_cpu(&mut self, values: &[Option<MetricValue>], now: SimTime, running: u32) {
        let since = now.0 - STANDARD_PERIOD.0 * values.len() as u64;
        for feed in &mut self.feeds {
            if feed.series.observed_period == STANDARD_PERIOD {
                let mut end = SimTime(since);
                for &value in values {
                    end = end + STANDARD_PERIOD;
                    feed.series.observe_level(end, value);
                }
            }
        }
        self.pass_over(now, running);
    }

    /// As [`Scaler::evaluate`] of each minute since it was evaluated or this was called, up to `now`: minutes of which
    /// [`Scaler::quiet_minutes`] has said that they can say nothing; `running` tasks.
    ///
    /// # Panics
    /// Where an alarm begins to fire.
    #[inline]
    pub fn pass_over(&mut self, now: SimTime, running: u32) {
        let firing = self.firing;
        for index in 0..self.feeds.len() {
            if self.agenda.learns() {
                self.reveal(index, now, running);
            } else {
                self.reveal_at_once(index, now);
            }
        }
        assert!(self.firing <= firing, "a minute that was passed over had nothing to decide");
        if self.firing == 0 {
            (self.told, self.told_held) = (None, None);
            return;
        }
        // They were called, and told again what they knew.
        self.firing_alarms().for_each(|slot| slot.next_call = now + REPEAT);
    }
}

impl Scaler {
    /// Hands the newly visible points of a feed to its alarms, and evaluates those once whose points say it all.
    #[inline]
    fn reveal_at_once(&mut self, index: usize, now: SimTime) {
        let feed = &mut self.feeds[index];
        let shown: Shown = std::iter::from_fn(|| feed.series.reveal(now)).collect();
        let bounds = bounds_of(&shown);
        for slot in &mut self.alarms[feed.alarms.clone()] {
            match bounds {
                Some(bounds) if slot.alarm.is_full() => slot.alarm.push_all(&shown, bounds),
                _ => self.firing = slot.push_one_by_one(&shown, self.firing),
            }
            self.firing = slot.evaluate(self.firing);
        }
    }
}

impl PolicyAlarm {
    /// Takes these points, and is evaluated where its state may depend on the one before; how many alarms are in ALARM then.
    fn push_one_by_one(&mut self, points: &[Option<MetricValue>], mut firing: usize) -> usize {
        for &point in points {
            if point.is_none() {
                firing = self.evaluate(firing); // what it is now may decide what it will be
            }
            self.alarm.push(point);
            if !self.alarm.is_full() {
                firing = self.evaluate(firing);
            }
        }
        firing
    }
}

/// The least and the greatest of these points; `None` where one is missing.
#[inline]
fn bounds_of(points: &[Option<MetricValue>]) -> Option<(MetricValue, MetricValue)> {
    let none = (MetricValue(u64::MAX), MetricValue(0));
    points.iter().try_fold(none, |(least, most), point| {
        let value = (*point)?;
        Some((least.min(value), most.max(value)))
    })
}

/// After how many of the next points an alarm that is off cannot be on yet, or one that is on cannot be on again; with the
/// points that wait to be shown, and their bounds.
fn quiet_points(
    series: &Series,
    (waiting, of_waiting): (&[Option<MetricValue>], Option<(MetricValue, MetricValue)>),
    alarm: &Alarm,
    harmless: u32,
    (least, most): (MetricValue, MetricValue),
) -> u32 {
    if series.period != STANDARD_PERIOD || series.observed_period != STANDARD_PERIOD {
        return 0;
    }
    let is_firing = alarm.state() == AlarmState::Alarm;
    let is_mean = series.metric == ScalingMetric::Cpu && series.aggregation == Aggregation::Average;
    let of_waiting = of_waiting.filter(|_| is_mean);
    if is_firing && of_waiting.is_none() {
        return 0;
    }
    let spec = alarm.spec();
    let breaches = |value| alarm::breaches(spec.comparison, spec.threshold, value);
    let goes_on = |value| breaches(value) == is_firing;
    let all_go_on = |(low, high): (MetricValue, MetricValue)| {
        goes_on(low.min(least)) && goes_on(high.max(most))
    };
    let stays = of_waiting.is_some_and(all_go_on);
    // In harmless minutes one that is off stays off, and one that is on stays on.
    let harmless = if is_firing { 0 } else { harmless };
    let patience = alarm.patience(waiting.iter().copied(), harmless);
    if stays && (!is_firing || patience > 0) { u32::MAX } else { patience }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimSpan;
    use crate::model::scaling::{MetricDelays, ScalableTarget, TargetTracking};
    use crate::policy::scaling::Point;
    use crate::random::drawn;
    use proptest::prelude::*;

    fn scaler(bounds: (u32, u32), cooldowns: (u64, u64), disable_scale_in: bool) -> Scaler {
        let policy = TargetTracking {
            name: "cpu".into(),
            metric: ScalingMetric::Cpu,
            statistic: Aggregation::Average,
            high_resolution: false,
            target: MetricValue(60),
            scale_out_cooldown: SimSpan::from_secs(60 * cooldowns.0),
            scale_in_cooldown: SimSpan::from_secs(60 * cooldowns.1),
            disable_scale_in,
            high_periods: 3,
            low_periods: 5,
            low_percent: 90,
            scale_in_percent: 100,
        };
        let target = ScalableTarget {
            min_capacity: bounds.0,
            max_capacity: bounds.1,
            target_tracking: vec![policy],
            step_scaling: vec![],
            scheduled: vec![],
            predictive: vec![],
            own: None,
            scale_in_suspended: false,
            scale_out_suspended: false,
            scheduled_suspended: false,
        };
        Scaler::new(&target, MetricDelays::default(), 0)
    }

    fn least_and_most(points: &[u64]) -> (MetricValue, MetricValue) {
        let bound = |of: Option<&u64>| MetricValue(*of.expect("some points"));
        (bound(points.iter().min()), bound(points.iter().max()))
    }

    proptest! {
        #![proptest_config(drawn(256))]

        #[test]
        fn what_is_said_to_be_quiet_says_nothing_and_passing_over_it_is_to_evaluate_it(
            stretches in prop::collection::vec((40_u64..80, 1_usize..9, 0_u64..4), 10..40),
            (min, more) in (1_u32..8, 0_u32..8), cooldowns in (0_u64..9, 0_u64..9),
            reaches in (1_usize..9, 1_usize..20), disable_scale_in in prop::bool::weighted(0.2),
        ) {
            // Levels that hold for a while, with a little noise.
            let points: Vec<u64> = stretches
                .iter()
                .flat_map(|&(level, minutes, noise)| (0..minutes as u64).map(move |m| level + m % 2 * noise))
                .collect();
            let mut scaler = scaler((min, min + more), cooldowns, disable_scale_in);
            let mut desired = min;
            let at = |minute: usize| SimTime(minute as u64 * STANDARD_PERIOD.0);
            let observe = |scaler: &mut Scaler, minute: usize| {
                let mut values = [None; crate::model::scaling::METRICS];
                values[ScalingMetric::Cpu as usize] = Some(Point::level(MetricValue(points[minute])));
                scaler.observe(at(minute), STANDARD_PERIOD, &values);
            };
            let last = points.len().saturating_sub(reaches.0 + reaches.1 + 1);
            for minute in 1..last {
                let state = ServiceState { desired, running: desired, deploying: false };
                observe(&mut scaler, minute);
                if let Some(decision) = scaler.evaluate(at(minute), state) {
                    desired = decision.to.unwrap_or(desired);
                }
                let state = ServiceState { desired, running: desired, deploying: false };
                let (near, far) = (minute + 1 + reaches.0, minute + 1 + reaches.0 + reaches.1);
                let ask = |harmless: u32, upto: usize| {
                    let bounds = least_and_most(&points[minute + 1..upto]);
                    scaler.quiet_minutes(at(minute), state, harmless, bounds)
                };
                let mut quiet = ask(0, near).min(reaches.0 as u32);
                if ask(0, near) == u32::MAX {
                    quiet = ask(quiet, far).min((far - minute - 1) as u32);
                }
                let (mut awake, mut asleep, mut at_once) = (scaler.clone(), scaler.clone(), scaler.clone());
                let end = minute + quiet as usize;
                let mut values = Vec::new();
                for (next, &point) in points.iter().enumerate().take(end + 1).skip(minute + 1) {
                    observe(&mut awake, next);
                    observe(&mut asleep, next);
                    prop_assert_eq!(awake.evaluate(at(next), state), None, "{} after {}", next, minute);
                    if next == end || (next - minute).is_multiple_of(AT_ONCE) {
                        asleep.pass_over(at(next), state.running);
                    }
                    values.push(Some(MetricValue(point)));
                    if next == end || values.len() == AT_ONCE {
                        at_once.pass_over_cpu(&values, at(next), state.running);
                        values.clear();
                    }
                }
                prop_assert_eq!(format!("{awake:?}"), format!("{asleep:?}"));
                prop_assert_eq!(format!("{awake:?}"), format!("{at_once:?}"));
            }
        }
    }
}
