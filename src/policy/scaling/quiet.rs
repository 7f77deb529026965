//! How long nothing can be decided: minutes that a caller may observe and evaluate later, in one go.

use super::alarm;
use super::target_tracking::STANDARD_PERIOD;
use super::{Feed, PolicyAlarm, REPEAT, Scaler, ServiceState};
use crate::base::time::SimTime;
use crate::model::scaling::{MetricValue, ScalingMetric};

impl Scaler {
    /// How many of the one-minute evaluations after that of `now` can say nothing, if CPU utilisation stays within
    /// `least..=most`, no point is missing and `state` stays as it is.
    ///
    /// Either no alarm can fire; or one does and goes on to, and its policy has told already why it gets nothing.
    #[must_use]
    pub fn quiet_minutes(
        &self,
        now: SimTime,
        state: ServiceState,
        least: MetricValue,
        most: MetricValue,
    ) -> u32 {
        let mut quiet = u32::MAX;
        let (mut lowest, mut highest) = (least, most);
        for feed in &self.feeds {
            let waiting = feed.series.waiting().flatten();
            (lowest, highest) = waiting
                .fold((lowest, highest), |(low, high), value| (low.min(value), high.max(value)));
            for alarm in &self.alarms[feed.alarms.clone()] {
                quiet = quiet.min(quiet_points(feed, alarm, least, most));
            }
        }
        if self.firing == 0 || quiet == 0 {
            return quiet;
        }
        let until = self.refuses_until(now, state, (lowest, highest)).unwrap_or(now);
        let minutes = until.since(now).0.saturating_sub(1) / STANDARD_PERIOD.0;
        quiet.min(u32::try_from(minutes).unwrap_or(u32::MAX))
    }

    /// As [`Scaler::evaluate`] at `now`, in one of the minutes of which [`Scaler::quiet_minutes`] has said that they can
    /// say nothing; `running` tasks.
    ///
    /// # Panics
    /// Where an alarm fires, or one stops to.
    #[inline]
    pub fn pass_over(&mut self, now: SimTime, running: u32) {
        let firing = self.firing;
        for index in 0..self.feeds.len() {
            self.reveal(index, now, running);
        }
        assert_eq!(self.firing, firing, "a minute that was passed over had nothing to decide");
        if firing == 0 {
            self.told = None;
            return;
        }
        for slot in &mut self.alarms {
            slot.next_call = now + REPEAT; // it was called, and told again what it knew
        }
    }
}

/// How many of the next points leave an alarm in its state.
fn quiet_points(feed: &Feed, slot: &PolicyAlarm, least: MetricValue, most: MetricValue) -> u32 {
    let (series, alarm) = (&feed.series, &slot.alarm);
    if series.period != STANDARD_PERIOD || series.observed_period != STANDARD_PERIOD {
        return 0;
    }
    let spec = alarm.spec();
    let breaches = |value| alarm::breaches(spec.comparison, spec.threshold, value);
    let all = |wanted: bool| {
        let mut waiting = series.waiting();
        series.metric == ScalingMetric::Cpu
            && breaches(least) == wanted
            && breaches(most) == wanted
            && waiting.all(|point| point.is_some_and(|value| breaches(value) == wanted))
    };
    if alarm.holds() {
        return if all(true) { u32::MAX } else { 0 };
    }
    if all(false) { u32::MAX } else { alarm.patience() }
}
