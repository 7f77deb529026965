//! What a trace of traffic holds, in one pass: span, requests, mean and peak, periods.

use crate::base::time::{SimSpan, SimTime};
use crate::model::arrival::{RowCounts, TraceProblem};
use crate::model::traffic::{MICRO, RateSegment, RateStream};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Most lengths of a period that are told apart.
const LENGTHS: usize = 1_024;

/// What a trace of traffic holds.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TrafficProfile {
    /// What became of the rows.
    pub rows: RowCounts,
    /// Segments.
    pub periods: u64,
    /// Segments without a request.
    pub empty_periods: u64,
    /// From time zero to the end of the last segment.
    pub length: SimSpan,
    /// Requests in all, in millionths.
    pub micro: u128,
    /// The segment with the highest rate, the earliest of several.
    pub peak: Option<RateSegment>,
    /// The commonest length of a segment, the shortest of several.
    pub usual_period: Option<SimSpan>,
}

impl TrafficProfile {
    /// Reads `traffic` to its end.
    ///
    /// # Errors
    /// A row that cannot be used.
    pub fn of(traffic: &mut dyn RateStream) -> Result<TrafficProfile, TraceProblem> {
        let mut profile = TrafficProfile::default();
        let mut lengths: BTreeMap<u64, u64> = BTreeMap::new();
        while let Some(segment) = traffic.next_segment()? {
            let length = segment.end.0 - segment.start.0;
            profile.periods += 1;
            profile.empty_periods += u64::from(segment.micro == 0);
            profile.length = segment.end.since(SimTime::ZERO);
            profile.micro += u128::from(segment.micro);
            if lengths.len() < LENGTHS || lengths.contains_key(&length) {
                *lengths.entry(length).or_default() += 1;
            }
            if profile.peak.is_none_or(|peak| compare(&segment, &peak) == Ordering::Greater) {
                profile.peak = Some(segment);
            }
        }
        let usual = lengths.into_iter().rev().max_by_key(|(_, count)| *count);
        profile.usual_period = usual.map(|(length, _)| SimSpan(length));
        profile.rows = traffic.counts().clone();
        Ok(profile)
    }

    /// Requests in all.
    #[must_use]
    pub fn requests(&self) -> f64 {
        self.micro as f64 / MICRO as f64
    }

    /// Requests a second over the whole length; `None` where there is none.
    #[must_use]
    pub fn mean_rate(&self) -> Option<f64> {
        (self.length > SimSpan::ZERO).then(|| self.requests() / self.length.to_secs_f64())
    }

    /// Requests a second of the busiest segment.
    #[must_use]
    pub fn peak_rate(&self) -> Option<f64> {
        self.peak.map(|peak| {
            let requests = peak.micro as f64 / MICRO as f64;
            requests / (peak.end - peak.start).to_secs_f64()
        })
    }

    /// How many times the mean the peak is; `None` without requests.
    #[must_use]
    pub fn peak_to_mean(&self) -> Option<f64> {
        let mean = self.mean_rate().filter(|&mean| mean > 0.0)?;
        self.peak_rate().map(|peak| peak / mean)
    }
}

/// Compares rates exactly.
fn compare(a: &RateSegment, b: &RateSegment) -> Ordering {
    let cross =
        |x: &RateSegment, y: &RateSegment| u128::from(x.micro) * u128::from(y.end.0 - y.start.0);
    cross(a, b).cmp(&cross(b, a))
}
