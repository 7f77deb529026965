//! Predictive scaling: our own seasonal forecast of load, since AWS's is unpublished.
//!
//! Load is metric · running tasks (metrics are by task). An hour's load is the mean of its minutes. Documented: at least 24 h of
//! data, at most 14 days of it, an hourly forecast 48 h ahead, renewed every 6 h, capacity is only raised.
//! Assumed: an hour's load is the mean of the same hours of the week before, or, within the first week, of the same hours of the days
//! before; times how the last day compares with the day before (within 1/2 to 2), where there are two.

use crate::base::time::SimSpan;
use crate::model::scaling::{BreachBehaviour, MetricValue, PredictiveScaling};

/// Hours of data without which there is no forecast (documented).
pub const LEAST_HOURS: i64 = 24;
/// Hours of data that are remembered: 14 days (documented).
pub const MOST_HOURS: i64 = 14 * 24;
/// Hours that a forecast reaches ahead (documented).
pub const HORIZON_HOURS: i64 = 48;
/// Hours between forecasts (documented).
pub const RENEWAL_HOURS: i64 = 6;

/// Whether a policy is one that the API takes.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check(policy: &PredictiveScaling) -> Result<(), String> {
    if policy.target.0 == 0 {
        return Err("the target value must be above 0".into());
    }
    if policy.scheduling_buffer >= SimSpan::from_secs(3_600) {
        return Err(format!(
            "the scheduling buffer must be below 3600 s, not {} s",
            policy.scheduling_buffer
        ));
    }
    if let BreachBehaviour::IncreaseMaxCapacity { buffer_percent } = policy.breach
        && buffer_percent > 100
    {
        return Err(format!(
            "the maximum capacity buffer must be 0 to 100 %, not {buffer_percent} %"
        ));
    }
    Ok(())
}

/// Tasks that keep `load` (metric · tasks) at `target`.
#[must_use]
pub fn capacity_for(load: u64, target: MetricValue) -> u32 {
    u32::try_from(load.div_ceil(target.0.max(1))).unwrap_or(u32::MAX)
}

/// The maximum that holds while `forecast` tasks are forecast.
#[must_use]
pub fn effective_max(forecast: u32, max: u32, breach: BreachBehaviour) -> u32 {
    match breach {
        BreachBehaviour::HonorMaxCapacity => max,
        BreachBehaviour::IncreaseMaxCapacity { buffer_percent } => {
            let buffered = (u64::from(forecast) * (100 + u64::from(buffer_percent))).div_ceil(100);
            max.max(u32::try_from(buffered).unwrap_or(u32::MAX))
        }
    }
}

/// The loads of past hours. Hours are counted from 1970.
#[derive(Clone, Default, Debug)]
pub struct History {
    /// Mean load by hour; `None`: no data. The last one is that of `last_hour`.
    hours: std::collections::VecDeque<Option<u64>>,
    last_hour: i64,
    /// The hour under way.
    current_hour: i64,
    sum: u128,
    count: u64,
}

impl History {
    /// Takes one visible point during `hour`.
    #[inline]
    pub fn learn(&mut self, hour: i64, metric: MetricValue, running: u32) {
        if hour != self.current_hour {
            self.close();
            self.current_hour = hour;
        }
        self.sum += u128::from(metric.0) * u128::from(running);
        self.count += 1;
    }

    /// Ends the hour under way.
    pub fn close(&mut self) {
        if self.count == 0 {
            return;
        }
        let mean = u64::try_from(self.sum / u128::from(self.count)).unwrap_or(u64::MAX);
        if !self.hours.is_empty() {
            let skipped = (self.current_hour - self.last_hour - 1).clamp(0, MOST_HOURS);
            self.hours.extend((0..skipped).map(|_| None));
        }
        self.hours.push_back(Some(mean));
        let surplus = self.hours.len().saturating_sub(MOST_HOURS as usize);
        self.hours.drain(..surplus);
        self.last_hour = self.current_hour;
        (self.sum, self.count) = (0, 0);
    }

    /// The load of a past hour.
    fn at(&self, hour: i64) -> Option<u64> {
        let back = usize::try_from(self.last_hour - hour).ok()?;
        let index = self.hours.len().checked_sub(1 + back)?;
        self.hours[index]
    }

    fn mean(&self, hours: impl Iterator<Item = i64>) -> Option<u64> {
        let (mut sum, mut count) = (0_u128, 0_u128);
        for load in hours.filter_map(|hour| self.at(hour)) {
            sum += u128::from(load);
            count += 1;
        }
        (count > 0).then(|| (sum / count) as u64)
    }

    /// The seasonal load of a future hour: weekly where there is a week, else daily.
    fn seasonal(&self, hour: i64) -> Option<u64> {
        let weekly = (1..=2).map(|week| hour - week * 168).filter(|&h| h <= self.last_hour);
        let daily = (1..=7).map(|day| hour - day * 24).filter(|&h| h <= self.last_hour);
        self.mean(weekly).or_else(|| self.mean(daily))
    }

    /// Last day and the day before it: (sum, sum) over the hours that both have.
    fn trend(&self) -> (u128, u128) {
        let mut sums = (0_u128, 0_u128);
        for back in 0..24 {
            let hour = self.last_hour - back;
            if let (Some(new), Some(old)) = (self.at(hour), self.seasonal_before(hour)) {
                sums.0 += u128::from(new);
                sums.1 += u128::from(old);
            }
        }
        sums
    }

    /// What the same hour a week before was, or a day before.
    fn seasonal_before(&self, hour: i64) -> Option<u64> {
        self.at(hour - 168).or_else(|| self.at(hour - 24))
    }

    /// The load of `hour` as forecast with what is known; `None` with less than 24 h of data.
    #[must_use]
    pub fn forecast(&self, hour: i64) -> Option<u64> {
        let known = self.hours.iter().flatten().count() as i64;
        if known < LEAST_HOURS {
            return None;
        }
        let load = u128::from(self.seasonal(hour)?);
        let (new, old) = self.trend();
        if old == 0 {
            return Some(load as u64);
        }
        let level = new.clamp(old.div_ceil(2), old * 2);
        Some(u64::try_from(load * level / old).unwrap_or(u64::MAX))
    }
}
