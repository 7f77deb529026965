//! What charts of a fleet that moves show: the lives of instances, and the metric of managed scaling over time.

use crate::base::time::SimTime;
use crate::model::group::EndCause;
use crate::model::scaling::MetricValue;

/// The life of an instance of an Auto Scaling group; [`SimTime::NEVER`] is what has not happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstanceLife {
    /// Its name.
    pub name: String,
    /// Since when it was in a warm pool.
    pub warm: SimTime,
    /// When it was asked for, or taken from the pool.
    pub launched: SimTime,
    /// When EC2 began to bill it.
    pub running: SimTime,
    /// When it was ACTIVE.
    pub registered: SimTime,
    /// Since when it was DRAINING.
    pub draining: SimTime,
    /// When it was gone.
    pub ended: SimTime,
    /// Why.
    pub end: Option<EndCause>,
}

/// Values of one metric in a stretch of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extent {
    /// The first instant.
    pub from: SimTime,
    /// The least value.
    pub least: MetricValue,
    /// The most.
    pub most: MetricValue,
}

/// A metric over time in at most [`MOST_EXTENTS`] stretches: neighbours are taken together when there would be more, so
/// that no peak is lost.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Track {
    /// In order of time.
    pub extents: Vec<Extent>,
    /// Points of a stretch.
    each: u32,
    /// Points of the last one.
    last: u32,
}

/// Stretches of a track at most.
pub const MOST_EXTENTS: usize = 2_000;

impl Track {
    /// A point.
    pub fn add(&mut self, at: SimTime, value: MetricValue) {
        self.each = self.each.max(1);
        match self.extents.last_mut() {
            Some(last) if self.last < self.each => {
                (last.least, last.most) = (last.least.min(value), last.most.max(value));
                self.last += 1;
            }
            _ => {
                self.extents.push(Extent { from: at, least: value, most: value });
                self.last = 1;
            }
        }
        if self.extents.len() > MOST_EXTENTS {
            self.halve();
        }
    }

    fn halve(&mut self) {
        let join = |pair: &[Extent]| Extent {
            from: pair[0].from,
            least: pair.iter().map(|extent| extent.least).min().unwrap_or_default(),
            most: pair.iter().map(|extent| extent.most).max().unwrap_or_default(),
        };
        let is_odd = self.extents.len() % 2 == 1;
        self.extents = self.extents.chunks(2).map(join).collect();
        self.last = if is_odd { self.last } else { self.last + self.each };
        self.each *= 2;
    }
}

/// `CapacityProviderReservation` of a provider over time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReservationTrack {
    /// The provider's name.
    pub provider: String,
    /// `targetCapacity`, percent.
    pub target: u32,
    /// The metric.
    pub track: Track,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_track_loses_no_peak() {
        let mut track = Track::default();
        for minute in 0..100_000_u64 {
            let value = if minute == 77_777 { 900 } else { minute % 7 };
            track.add(SimTime(minute), MetricValue(value));
        }
        assert!(track.extents.len() <= MOST_EXTENTS && track.extents.len() > MOST_EXTENTS / 3);
        assert_eq!(track.extents.iter().map(|extent| extent.most.0).max(), Some(900));
        assert!(track.extents.windows(2).all(|pair| pair[0].from < pair[1].from));
        let (first, second) = (track.extents[0], track.extents[1]);
        assert_eq!((first.from, first.least.0, first.most.0), (SimTime(0), 0, 6));
        assert_eq!(second.from, SimTime(64));
    }
}
