//! How long nothing can be decided: minutes that a caller may observe and evaluate later, in one go.

use super::alarm::Foresight;
use super::combine::Refusals;
use super::target_tracking::STANDARD_PERIOD;
use super::{Feed, PolicyAlarm, REPEAT, Scaler, ServiceState};
use crate::base::time::SimTime;
use crate::model::scaling::{Aggregation, MetricValue, ScalingMetric};
use smallvec::SmallVec;

/// How many minutes are passed over at once, at most: with those that alarms look at they fit into a ring of 32.
pub const AT_ONCE: usize = 11;

/// The least and the greatest value that a point can have.
pub type Bounds = (MetricValue, MetricValue);

impl Scaler {
    /// How many of the one-minute evaluations after that of `now` can say nothing, if CPU utilisation stays within the bounds
    /// of each minute that is `coming`, no point is missing and `state` stays as it is: at most as many as there are of those.
    ///
    /// Either no alarm can fire; or one does, and its policy has told already why it gets nothing for as long as it
    /// does, and no alarm can fire anew.
    #[must_use]
    pub fn quiet_minutes(
        &self,
        now: SimTime,
        state: ServiceState,
        coming: impl Iterator<Item = Bounds> + Clone,
    ) -> u32 {
        if self.own.is_some() {
            return 0;
        }
        let of_feeds = self.feeds.iter().filter(|feed| !feed.alarms.is_empty());
        let fewest = of_feeds.fold(usize::MAX, |fewest, feed| {
            self.quiet_points(feed, now, state, coming.clone().take(fewest)).min(fewest)
        });
        let quiet = if fewest < usize::MAX { fewest } else { coming.count() };
        u32::try_from(quiet).unwrap_or(u32::MAX)
    }

    /// The same as far as the alarms of one feed are meant.
    fn quiet_points(
        &self,
        feed: &Feed,
        now: SimTime,
        state: ServiceState,
        mut coming: impl Iterator<Item = Bounds>,
    ) -> usize {
        let series = &feed.series;
        let is_by_minute =
            series.period == STANDARD_PERIOD && series.observed_period == STANDARD_PERIOD;
        let of_alarms = self.alarms[feed.alarms.clone()].iter().map(|slot| slot.alarm.foresight());
        let foreseen: Option<SmallVec<[Foresight; 2]>> = of_alarms.collect();
        let Some(mut alarms) = foreseen.filter(|_| is_by_minute) else { return 0 };
        let is_mean =
            series.metric == ScalingMetric::Cpu && series.aggregation == Aggregation::Average;
        let (mut refusals, mut waiting) = (None, series.waiting());
        let (mut passed, mut known, mut at) = (0, 0, now);
        let harmless = harmless_to_all(&alarms);
        let mut was_harmless = false;
        // Of each minute the point that is shown at its end: first those that wait to be.
        loop {
            let bounds = match waiting.next() {
                Some(Some(value)) => (value, value),
                Some(None) => break,
                None => {
                    let Some(bounds) = coming.next() else { break };
                    known += 1;
                    if is_mean { bounds } else { (MetricValue(0), MetricValue(u64::MAX)) }
                }
            };
            at = at + STANDARD_PERIOD;
            let is_harmless = harmless.0 <= bounds.0 && bounds.1 <= harmless.1;
            if is_harmless && was_harmless {
                passed += 1;
                continue;
            }
            was_harmless = is_harmless;
            let mut is_on = false;
            let may_fire = alarms.iter_mut().any(|alarm| {
                let may_fire = alarm.may_fire(bounds);
                is_on |= alarm.may_be_on();
                may_fire
            });
            if may_fire || is_on && !self.are_refused(&mut refusals, (now, state), at, bounds) {
                break;
            }
            passed += 1;
        }
        // Of the minutes themselves as many must be known.
        known += coming.take(passed - known.min(passed)).count();
        passed.min(known)
    }

    /// Whether the calls of the alarm that fires are refused at an instant as they were before; `refusals` are made at the
    /// first of them.
    fn are_refused(
        &self,
        refusals: &mut Option<Option<Refusals>>,
        (now, state): (SimTime, ServiceState),
        at: SimTime,
        bounds: Bounds,
    ) -> bool {
        let refusals = refusals.get_or_insert_with(|| self.refusals(now, state));
        refusals.as_mut().is_some_and(|refusals| refusals.last(self, at, bounds))
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
        for feed in &mut self.feeds {
            if feed.series.observed_period == STANDARD_PERIOD {
                feed.series.observe_levels(now, values);
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
        let shown = feed.series.reveal_all(now);
        let bounds = feed.series.bounds_of(&shown);
        for slot in &mut self.alarms[feed.alarms.clone()] {
            let points = feed.series.points(&shown);
            match bounds {
                Some(bounds) if slot.alarm.is_full() => slot.alarm.push_all(points, bounds),
                _ => self.firing = slot.push_one_by_one(points, self.firing),
            }
            self.firing = slot.evaluate(self.firing);
        }
    }
}

impl PolicyAlarm {
    /// Takes these points, and is evaluated where its state may depend on the one before; how many alarms are in ALARM then.
    fn push_one_by_one(
        &mut self,
        points: impl Iterator<Item = Option<MetricValue>>,
        mut firing: usize,
    ) -> usize {
        for point in points {
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

/// The bounds within which a point is [harmless](Foresight::harmless) to each of these alarms; the second is less than the
/// first where there are none.
fn harmless_to_all(alarms: &[Foresight]) -> Bounds {
    let all = (MetricValue(0), MetricValue(u64::MAX));
    let none = (MetricValue(u64::MAX), MetricValue(0));
    alarms.iter().fold(all, |(from, to), alarm| {
        let (least, most) = alarm.harmless().unwrap_or(none);
        (from.max(least), to.min(most))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimSpan;
    use crate::model::scaling::{MetricDelays, ScalableTarget, TargetTracking};
    use crate::policy::scaling::Point;
    use crate::random::drawn;
    use proptest::prelude::*;

    fn scaler(
        bounds: (u32, u32),
        cooldowns: (u64, u64),
        disable_scale_in: bool,
        delay: u64,
    ) -> Scaler {
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
        let standard = SimSpan(STANDARD_PERIOD.0 * delay);
        Scaler::new(&target, MetricDelays { standard, ..MetricDelays::default() }, 0)
    }

    proptest! {
        #![proptest_config(drawn(256))]

        #[test]
        fn what_is_said_to_be_quiet_says_nothing_and_passing_over_it_is_to_evaluate_it(
            stretches in prop::collection::vec((40_u64..80, 1_usize..9, 0_u64..4), 10..40),
            (min, more) in (1_u32..8, 0_u32..8), cooldowns in (0_u64..9, 0_u64..9),
            reach in 1_usize..40, unsure in (0_u64..3, 0_u64..3), disable_scale_in in prop::bool::weighted(0.2),
            delay in 0_u64..4,
        ) {
            // Levels that hold for a while, with a little noise.
            let points: Vec<u64> = stretches
                .iter()
                .flat_map(|&(level, minutes, noise)| (0..minutes as u64).map(move |m| level + m % 2 * noise))
                .collect();
            let mut scaler = scaler((min, min + more), cooldowns, disable_scale_in, delay);
            let mut desired = min;
            let at = |minute: usize| SimTime(minute as u64 * STANDARD_PERIOD.0);
            let observe = |scaler: &mut Scaler, minute: usize| {
                let mut values = [None; crate::model::scaling::METRICS];
                values[ScalingMetric::Cpu as usize] = Some(Point::level(MetricValue(points[minute])));
                scaler.observe(at(minute), STANDARD_PERIOD, &values);
            };
            let last = points.len().saturating_sub(reach + 1);
            for minute in 1..last {
                let state = ServiceState { desired, running: desired, deploying: false };
                observe(&mut scaler, minute);
                if let Some(decision) = scaler.evaluate(at(minute), state) {
                    desired = decision.to.unwrap_or(desired);
                }
                let state = ServiceState { desired, running: desired, deploying: false };
                let coming = points[minute + 1..][..reach].iter().map(|&point| {
                    (MetricValue(point - unsure.0), MetricValue(point + unsure.1))
                });
                let quiet = scaler.quiet_minutes(at(minute), state, coming);
                prop_assert!(quiet as usize <= reach);
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
                if minute > 20 && unsure == (0, 0) && (quiet as usize) < reach {
                    observe(&mut awake, end + 1);
                    let _ = awake.evaluate(at(end + 1), state);
                    prop_assert!(awake.firing > 0, "what is known to the point is passed over as far as can be");
                }
            }
        }
    }
}
