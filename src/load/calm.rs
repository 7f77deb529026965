//! What comes to a load in the steps of a calm time: the traffic is known ahead, so that somebody can say when an alarm
//! will fire.

use super::ahead::Ahead;
use super::arrivals::{mul_div, rate_of};
use crate::base::time::{SimSpan, SimTime};
use crate::model::traffic::RateSegment;

/// What would come in a step to come at the smallest and at the greatest rate in it, millionths of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Level {
    /// At the smallest rate.
    pub least: u64,
    /// At the greatest.
    pub most: u64,
}

/// The steps of a time in which nothing can build up, as long as the targets stay as they are; without steps it is not
/// known, or not now.
#[derive(Clone)]
pub struct Calm<'a>(Option<Steps<'a>>);

#[derive(Clone)]
struct Steps<'a> {
    ahead: &'a Ahead,
    present: RateSegment,
    /// The segment in which the next step begins: zero is the present one, then come those ahead.
    number: usize,
    /// Where the next step begins.
    at: SimTime,
    step: SimSpan,
    until: SimTime,
    /// The greatest rate that is calm, and the least count of a step that is not.
    most: u64,
    above: u64,
}

impl<'a> Calm<'a> {
    /// No step is known to be calm.
    pub(super) const UNKNOWN: Calm<'static> = Calm(None);

    /// Steps from `now` on which end by `until`, as far as no rate exceeds `most` (millionths of a request per second).
    pub(super) fn new(
        (present, ahead): (RateSegment, &'a Ahead),
        (now, step, until): (SimTime, SimSpan, SimTime),
        most: u64,
    ) -> Calm<'a> {
        // Rates are rounded down: this is the least count whose rate is above.
        let above = ((u128::from(most) + 1) * u128::from(step.0)).div_ceil(1_000_000);
        let above = u64::try_from(above).unwrap_or(u64::MAX);
        let number = usize::from(present.end <= now);
        Calm(Some(Steps { ahead, present, number, at: now, step, until, most, above }))
    }
}

impl Iterator for Calm<'_> {
    type Item = Level;

    #[inline]
    fn next(&mut self) -> Option<Level> {
        let steps = self.0.as_mut()?;
        let end = steps.at + steps.step;
        if end > steps.until {
            return None;
        }
        let level = match steps.even() {
            Some(micro) if micro < steps.above => {
                steps.number += 1;
                Level { least: micro, most: micro }
            }
            Some(_) => return None,
            None => steps.across(end)?,
        };
        steps.at = end;
        Some(level)
    }
}

impl Steps<'_> {
    /// What the next step brings, where it is one segment of those that are as long as each other.
    #[inline]
    fn even(&self) -> Option<u64> {
        let number = self.number.checked_sub(1)?;
        let (start, length, even) = self.ahead.even();
        let begins_here = self.at.0 == start.0 + number as u64 * length;
        even.get(number).copied().filter(|_| begins_here && length == self.step.0)
    }

    /// The next step as any segments make it, of which it may be a part.
    fn across(&mut self, end: SimTime) -> Option<Level> {
        let mut level = Level { least: u64::MAX, most: 0 };
        loop {
            let segment = self.segment()?;
            if segment.end > self.at {
                if rate_of(&segment) > self.most {
                    return None;
                }
                let length = segment.end.0 - segment.start.0;
                let micro = mul_div(segment.micro, self.step.0, length);
                level = Level { least: level.least.min(micro), most: level.most.max(micro) };
                if segment.end >= end {
                    self.number += usize::from(segment.end == end);
                    return Some(level);
                }
            }
            self.number += 1;
        }
    }

    fn segment(&self) -> Option<RateSegment> {
        match self.number.checked_sub(1) {
            None => Some(self.present),
            Some(ahead) => self.ahead.get(ahead),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::drawn;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(drawn(1_024))]

        #[test]
        fn steps_are_calm_as_long_as_each_segment_in_them_is(
            first in (1_u64..5, 0_u64..9_000_000),
            runs in prop::collection::vec((1_u64..5, prop::collection::vec(0_u64..9_000_000, 1..9)), 0..5),
            step in 1_u64..5, into in 0_u64..5, until in 0_u64..50, most in 0_u64..30_000_000,
        ) {
            // Lengths of one to four seconds; the present segment may be over.
            let second = 1_000_000;
            let lengths = runs.iter().flat_map(|(length, all)| all.iter().map(|&micro| (*length, micro)));
            let mut at = SimTime::ZERO;
            let all: Vec<RateSegment> = std::iter::once(first).chain(lengths).map(|(length, micro)| {
                let start = at;
                at = SimTime(start.0 + length * second);
                RateSegment { start, end: at, micro }
            }).collect();
            let mut ahead = Ahead::default();
            all[1..].iter().for_each(|&segment| ahead.push(segment));
            let now = SimTime(into.min(first.0) * second);
            let (step, until) = (SimSpan(step * second), SimTime(until * second));
            let mut expected = Vec::new();
            for number in 0_u64.. {
                let (start, end) = (SimTime(now.0 + number * step.0), SimTime(now.0 + (number + 1) * step.0));
                let within = || all.iter().filter(|s| s.end > start && s.start < end);
                if end > until.min(at) || within().any(|s| rate_of(s) > most) {
                    break;
                }
                let in_a_step = |s: &RateSegment| s.micro * step.0 / (s.end.0 - s.start.0);
                let (least, most) = (within().map(in_a_step).min(), within().map(in_a_step).max());
                expected.push(Level { least: least.unwrap_or(0), most: most.unwrap_or(0) });
            }
            let calm = Calm::new((all[0], &ahead), (now, step, until), most);
            prop_assert_eq!(calm.collect::<Vec<_>>(), expected);
            let mut unknown = Calm::UNKNOWN;
            prop_assert_eq!(unknown.next(), None);
        }
    }
}
