//! The points of one metric at one period: what was observed, and how much of it is visible.
//!
//! A point is visible once its period has ended and the metric's delay has gone by. Points are contiguous: a period that
//! nobody observed is a missing point. The ring is large enough for everything that an alarm may still ask for.

use super::Point;
use super::quiet::AT_ONCE;
use crate::base::hint::ask_for_row;
use crate::base::time::{SimSpan, SimTime};
use crate::model::scaling::{Aggregation, MetricValue, ScalingMetric};
use std::ops::Range;

/// The mark of a missing point in the ring; no metric reaches it.
const MISSING: u64 = u64::MAX;

/// Points of one metric, one aggregation and one period.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Series {
    pub(in crate::policy) metric: ScalingMetric,
    pub(in crate::policy) aggregation: Aggregation,
    /// Length of a period of this series.
    pub(in crate::policy) period: SimSpan,
    /// Length of the periods that are observed; longer periods are put together from them.
    pub(in crate::policy) observed_period: SimSpan,
    delay: SimSpan,
    ring: Vec<u64>,
    /// Points `[0, observed)` are known, points `[0, visible)` are visible.
    observed: u64,
    visible: u64,
    last_end: SimTime,
    visible_at: SimTime,
    bucket: Bucket,
}

/// A long period under construction.
#[derive(Clone, Copy, Default, Debug)]
struct Bucket {
    /// Its end; zero: none is begun.
    end: SimTime,
    sum: u128,
    count: u64,
    smallest: u64,
    largest: u64,
}

impl Series {
    /// An empty series of `period`, put together from points of `observed_period`.
    pub(in crate::policy) fn new(
        (metric, aggregation): (ScalingMetric, Aggregation),
        period: SimSpan,
        observed_period: SimSpan,
        delay: SimSpan,
    ) -> Series {
        Series {
            metric,
            aggregation,
            period,
            observed_period,
            delay,
            ring: Vec::new(),
            observed: 0,
            visible: 0,
            last_end: SimTime::ZERO,
            visible_at: SimTime::NEVER,
            bucket: Bucket::default(),
        }
    }

    /// Makes room for the last `window` visible points besides those that wait to be visible.
    pub(in crate::policy) fn keep(&mut self, window: u32) {
        let waiting = self.delay.0 / self.period.0.max(1) + 2 + AT_ONCE as u64;
        let room = (u64::from(window) + waiting).next_power_of_two() as usize;
        if room > self.ring.len() {
            self.ring = vec![MISSING; room];
        }
    }

    /// Asks memory for the newest points.
    pub(super) fn look_ahead(&self) {
        ask_for_row(&self.ring, self.observed as usize & (self.ring.len().max(1) - 1));
    }

    /// Takes the point of the observed period that ends at `end`.
    #[inline]
    pub(in crate::policy) fn observe(&mut self, end: SimTime, point: Option<Point>) {
        if self.period == self.observed_period {
            let value = point.map_or(MISSING, |p| p.of(self.aggregation).0.min(MISSING - 1));
            self.push(end, value);
        } else {
            self.collect(end, point);
        }
    }

    /// The same where all statistics of the period are this value.
    #[inline]
    pub(in crate::policy) fn observe_level(&mut self, end: SimTime, value: Option<MetricValue>) {
        if self.period == self.observed_period {
            self.push(end, value.map_or(MISSING, |value| value.0.min(MISSING - 1)));
        } else {
            self.collect(end, value.map(Point::level));
        }
    }

    /// As [`Series::observe_level`] of periods that follow each other, the last of which ends at `end`.
    pub(in crate::policy) fn observe_levels(
        &mut self,
        end: SimTime,
        values: &[Option<MetricValue>],
    ) {
        let length = self.observed_period.0;
        let mut next = SimTime(end.0 - length * values.len() as u64);
        let goes_on = self.period == self.observed_period && self.last_end == next;
        if !goes_on || values.len() > self.ring.len() || self.observed == 0 {
            for &value in values {
                next = SimTime(next.0 + length);
                self.observe_level(next, value);
            }
            return;
        }
        if self.visible == self.observed {
            self.visible_at = SimTime(next.0 + length) + self.delay;
        }
        for (number, value) in (self.observed..).zip(values) {
            let slot = self.slot(number);
            self.ring[slot] = value.map_or(MISSING, |value| value.0.min(MISSING - 1));
        }
        self.observed += values.len() as u64;
        self.last_end = end;
    }

    fn collect(&mut self, end: SimTime, point: Option<Point>) {
        let bucket_end = SimTime(end.0.div_ceil(self.period.0) * self.period.0);
        if self.bucket.end != bucket_end {
            self.close_bucket();
            self.bucket = Bucket { end: bucket_end, smallest: u64::MAX, ..Bucket::default() };
        }
        if let Some(point) = point {
            self.bucket.sum += u128::from(point.average.0);
            self.bucket.count += 1;
            self.bucket.smallest = self.bucket.smallest.min(point.minimum.0);
            self.bucket.largest = self.bucket.largest.max(self.largest_of(point));
        }
        if end == bucket_end {
            self.close_bucket();
        }
    }

    /// What a long period takes the largest of.
    fn largest_of(&self, point: Point) -> u64 {
        if self.aggregation.is_percentile() {
            point.of(self.aggregation).0
        } else {
            point.maximum.0
        }
    }

    fn close_bucket(&mut self) {
        let bucket = std::mem::take(&mut self.bucket);
        if bucket.end == SimTime::ZERO {
            return;
        }
        let value = match (bucket.count, self.aggregation) {
            (0, _) => MISSING,
            (count, Aggregation::Average) => (bucket.sum / u128::from(count)) as u64,
            (_, Aggregation::Minimum) => bucket.smallest,
            (_, Aggregation::Sum) => u64::try_from(bucket.sum).unwrap_or(MISSING - 1),
            // Percentiles are asked for by the minute only; of several minutes the worst is the nearest.
            (_, _) => bucket.largest,
        };
        self.push(bucket.end, value);
    }

    #[inline]
    fn push(&mut self, end: SimTime, value: u64) {
        if self.observed > 0 {
            debug_assert!(end > self.last_end, "periods are observed in order");
            let mut expected = self.last_end + self.period;
            while expected < end {
                self.append(expected, MISSING);
                expected = expected + self.period;
            }
        }
        self.append(end, value);
    }

    #[inline]
    fn append(&mut self, end: SimTime, value: u64) {
        if self.visible == self.observed {
            self.visible_at = end + self.delay;
        }
        let slot = self.slot(self.observed);
        self.ring[slot] = value;
        self.observed += 1;
        self.last_end = end;
    }

    #[inline]
    fn slot(&self, number: u64) -> usize {
        number as usize & (self.ring.len() - 1)
    }

    #[inline]
    fn value(&self, number: u64) -> Option<MetricValue> {
        // What nobody evaluated for longer than the ring reaches back is lost, and so missing.
        let is_kept = self.observed - number <= self.ring.len() as u64;
        let value = self.ring[self.slot(number)];
        (is_kept && value != MISSING).then_some(MetricValue(value))
    }

    /// The next point that has become visible at `now`, if there is one; the inner `None` is a missing point.
    #[inline]
    pub(in crate::policy) fn reveal(&mut self, now: SimTime) -> Option<Option<MetricValue>> {
        if self.visible == self.observed || self.visible_at > now {
            return None;
        }
        let value = self.value(self.visible);
        self.visible += 1;
        self.visible_at = self.visible_at + self.period;
        Some(value)
    }

    /// As [`Series::reveal`] as long as there are points to see: the numbers of these.
    pub(in crate::policy) fn reveal_all(&mut self, now: SimTime) -> Range<u64> {
        let first = self.visible;
        while self.visible < self.observed && self.visible_at <= now {
            self.visible += 1;
            self.visible_at = self.visible_at + self.period;
        }
        first..self.visible
    }

    /// The points of these numbers, which are visible.
    pub(in crate::policy) fn points(
        &self,
        numbers: &Range<u64>,
    ) -> impl ExactSizeIterator<Item = Option<MetricValue>> {
        let (first, count) = (numbers.start, (numbers.end - numbers.start) as usize);
        (0..count).map(move |index| self.value(first + index as u64))
    }

    /// The least and the greatest of them; `None` where one is missing.
    pub(in crate::policy) fn bounds_of(
        &self,
        numbers: &Range<u64>,
    ) -> Option<(MetricValue, MetricValue)> {
        let (mut least, mut most) = (u64::MAX, 0);
        for number in numbers.clone() {
            let value = self.ring[self.slot(number)];
            (least, most) = (least.min(value), most.max(value));
        }
        let is_kept = self.observed - numbers.start <= self.ring.len() as u64;
        (is_kept && most < MISSING).then_some((MetricValue(least), MetricValue(most)))
    }

    /// Points that are observed and not visible yet; a missing one is `None`.
    pub(in crate::policy) fn waiting(&self) -> impl Iterator<Item = Option<MetricValue>> {
        (self.visible..self.observed).map(|number| self.value(number))
    }

    /// The newest real point among the last `window` visible ones.
    #[inline]
    pub(in crate::policy) fn newest(&self, window: u32) -> Option<MetricValue> {
        let oldest = self.visible.saturating_sub(u64::from(window));
        (oldest..self.visible).rev().find_map(|number| self.value(number))
    }

    /// The `count` newest real points among the last `window` visible ones, oldest first, with the ends of their periods.
    pub(in crate::policy) fn real_points(
        &self,
        window: u32,
        count: u32,
    ) -> Vec<(SimTime, MetricValue)> {
        let oldest = self.visible.saturating_sub(u64::from(window));
        let newest = (oldest..self.visible)
            .rev()
            .filter_map(|number| self.value(number).map(|value| (self.end_of(number), value)));
        let mut points = Vec::with_capacity(window.min(count) as usize);
        points.extend(newest.take(count as usize));
        points.reverse();
        points
    }

    fn end_of(&self, number: u64) -> SimTime {
        SimTime(self.last_end.0 - (self.observed - 1 - number) * self.period.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::drawn;
    use proptest::prelude::*;

    fn series(period: u64, observed: u64) -> Series {
        let mut series = Series::new(
            (ScalingMetric::Cpu, Aggregation::Average),
            SimSpan::from_secs(period),
            SimSpan::from_secs(observed),
            SimSpan::from_secs(120),
        );
        series.keep(5);
        series
    }

    fn at(seconds: u64) -> SimTime {
        SimTime(seconds * 1_000_000)
    }

    #[test]
    fn a_point_is_visible_after_its_delay_and_not_before() {
        let mut s = series(60, 60);
        s.observe(at(60), Some(Point::level(MetricValue(7))));
        assert_eq!(s.reveal(at(179)), None);
        assert_eq!(s.reveal(at(180)), Some(Some(MetricValue(7))));
        assert_eq!(s.reveal(at(180)), None);
    }

    #[test]
    fn a_period_that_nobody_observed_is_missing() {
        let mut s = series(60, 60);
        s.observe(at(60), Some(Point::level(MetricValue(1))));
        s.observe(at(180), Some(Point::level(MetricValue(3))));
        let seen: Vec<_> = std::iter::from_fn(|| s.reveal(at(600))).collect();
        assert_eq!(seen, [Some(MetricValue(1)), None, Some(MetricValue(3))]);
        assert_eq!(s.real_points(5, 2), [(at(60), MetricValue(1)), (at(180), MetricValue(3))]);
    }

    #[test]
    fn a_long_period_is_the_mean_of_its_minutes() {
        let mut s = series(300, 60);
        for minute in 1..=5 {
            s.observe(at(60 * minute), (minute != 2).then(|| Point::level(MetricValue(minute))));
        }
        // (1 + 3 + 4 + 5) / 4 = 3.25; the missing minute does not count.
        assert_eq!(s.reveal(at(420)), Some(Some(MetricValue(3))));
    }
    proptest! {
        #![proptest_config(drawn(512))]

        #[test]
        fn periods_observed_and_shown_at_once_are_those_observed_and_shown_one_by_one(
            runs in prop::collection::vec((0_u64..4, prop::collection::vec(prop::option::weighted(0.9, 0_u64..9), 1..12)), 1..9),
            period in prop::sample::select(vec![60_u64, 300]), looks in prop::bool::weighted(0.8),
        ) {
            let (mut fast, mut slow) = (series(period, 60), series(period, 60));
            let mut minute = 0;
            for (gap, values) in runs {
                minute += gap * 60; // periods that nobody observes
                let values: Vec<_> = values.into_iter().map(|value| value.map(MetricValue)).collect();
                for &value in &values {
                    minute += 60;
                    slow.observe_level(at(minute), value);
                }
                fast.observe_levels(at(minute), &values);
                prop_assert_eq!(format!("{fast:?}"), format!("{slow:?}"));
                if looks {
                    let shown: Vec<_> = std::iter::from_fn(|| slow.reveal(at(minute))).collect();
                    let numbers = fast.reveal_all(at(minute));
                    let all: Option<Vec<MetricValue>> = shown.iter().copied().collect();
                    let bounds = all.map(|all| {
                        let (least, most) = (all.iter().min(), all.iter().max());
                        (*least.unwrap_or(&MetricValue(u64::MAX)), *most.unwrap_or(&MetricValue(0)))
                    });
                    prop_assert_eq!(fast.bounds_of(&numbers), bounds);
                    prop_assert_eq!(fast.points(&numbers).collect::<Vec<_>>(), shown);
                    prop_assert_eq!(format!("{fast:?}"), format!("{slow:?}"));
                }
            }
        }
    }
}
