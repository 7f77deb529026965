//! How long nothing can be decided: minutes that a caller may observe and evaluate later, in one go.

use super::alarm::{self, Alarm, AlarmState};
use super::series::Series;
use super::target_tracking::STANDARD_PERIOD;
use super::{REPEAT, Scaler, ServiceState};
use crate::base::time::SimTime;
use crate::model::scaling::{MetricValue, ScalingMetric};

impl Scaler {
    /// How many of the one-minute evaluations after that of `now` can say nothing, if CPU utilisation stays within
    /// `least..=most`, no point is missing and `state` stays as it is.
    ///
    /// Either no alarm can fire; or one does, and its policy has told already why it gets nothing for as long as it
    /// does, and no alarm can fire anew.
    #[must_use]
    pub fn quiet_minutes(
        &self,
        now: SimTime,
        state: ServiceState,
        least: MetricValue,
        most: MetricValue,
    ) -> u32 {
        let mut quiet = u32::MAX;
        for slot in &self.alarms {
            let series = &self.feeds[slot.feed].series;
            quiet = quiet.min(quiet_points(series, &slot.alarm, least, most));
            if quiet > 0 && slot.alarm.state() == AlarmState::Alarm {
                let bounds = series
                    .waiting()
                    .flatten()
                    .fold((least, most), |(low, high), value| (low.min(value), high.max(value)));
                let until = self.refuses_until(now, state, bounds).unwrap_or(now);
                let minutes = until.since(now).0.saturating_sub(1) / STANDARD_PERIOD.0;
                quiet = quiet.min(u32::try_from(minutes).unwrap_or(u32::MAX));
            }
        }
        quiet
    }

    /// As [`Scaler::evaluate`] at `now`, in one of the minutes of which [`Scaler::quiet_minutes`] has said that they can
    /// say nothing; `running` tasks.
    ///
    /// # Panics
    /// Where an alarm begins to fire.
    #[inline]
    pub fn pass_over(&mut self, now: SimTime, running: u32) {
        let firing = self.firing;
        for index in 0..self.feeds.len() {
            self.reveal(index, now, running);
        }
        assert!(self.firing <= firing, "a minute that was passed over had nothing to decide");
        if self.firing == 0 {
            self.told = None;
            return;
        }
        for slot in &mut self.alarms {
            slot.next_call = now + REPEAT; // it was called, and told again what it knew
        }
    }
}

/// After how many of the next points an alarm that is off cannot be on yet, or one that is on cannot be on again.
fn quiet_points(series: &Series, alarm: &Alarm, least: MetricValue, most: MetricValue) -> u32 {
    if series.period != STANDARD_PERIOD || series.observed_period != STANDARD_PERIOD {
        return 0;
    }
    let is_firing = alarm.state() == AlarmState::Alarm;
    let is_known = series.metric == ScalingMetric::Cpu && series.waiting().all(|p| p.is_some());
    if is_firing && !is_known {
        return 0;
    }
    let spec = alarm.spec();
    let breaches = |value| alarm::breaches(spec.comparison, spec.threshold, value);
    let goes_on = |value| breaches(value) == is_firing;
    let stays =
        is_known && goes_on(least) && goes_on(most) && series.waiting().flatten().all(goes_on);
    let patience = alarm.patience();
    if stays && (!is_firing || patience > 0) { u32::MAX } else { patience }
}
