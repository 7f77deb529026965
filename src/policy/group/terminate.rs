//! Which instance of a group ends.

use crate::base::random::Stream;
use crate::base::time::{MICROS_PER_SECOND, SimTime};
use crate::model::group::TerminationPolicy;

/// Microseconds of an hour.
const HOUR: u64 = 3_600 * MICROS_PER_SECOND;

/// An instance that may end: in service, and not protected from scale-in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Index of its zone among the group's.
    pub zone: usize,
    /// When it was launched.
    pub launched: SimTime,
    /// Its number in the group, by age.
    pub number: u64,
    /// Place of its type in the order of the allocation strategy: 0 is liked best.
    pub rank: u32,
}

/// The index of the candidate that ends: in the zone with most instances (of those with a candidate; `instances` counts
/// protected ones, too), then as the policies say in their order, then at random. `None` without candidates.
pub fn choose(
    candidates: &[Candidate],
    instances: &[u32],
    policies: &[TerminationPolicy],
    now: SimTime,
    dice: &mut Stream,
) -> Option<usize> {
    let most = candidates.iter().map(|candidate| instances[candidate.zone]).max()?;
    let zone = candidates.iter().map(|c| c.zone).filter(|&zone| instances[zone] == most).min()?;
    let mut left: Vec<usize> =
        (0..candidates.len()).filter(|&index| candidates[index].zone == zone).collect();
    for policy in policies {
        match policy {
            TerminationPolicy::Default => {
                keep_least(&mut left, |i| u64::from(u32::MAX - candidates[i].rank));
                keep_least(&mut left, |i| until_next_hour(candidates[i].launched, now));
            }
            TerminationPolicy::AllocationStrategy => {
                keep_least(&mut left, |i| u64::from(u32::MAX - candidates[i].rank));
            }
            TerminationPolicy::OldestInstance => keep_least(&mut left, |i| candidates[i].number),
            TerminationPolicy::NewestInstance => {
                keep_least(&mut left, |i| u64::MAX - candidates[i].number);
            }
            TerminationPolicy::ClosestToNextInstanceHour => {
                keep_least(&mut left, |i| until_next_hour(candidates[i].launched, now));
            }
        }
    }
    match left.len() {
        0 => None,
        1 => Some(left[0]),
        many => Some(left[dice.below(many as u64) as usize]),
    }
}

/// Microseconds until the instance begins its next hour.
fn until_next_hour(launched: SimTime, now: SimTime) -> u64 {
    HOUR - now.since(launched).0 % HOUR
}

fn keep_least(left: &mut Vec<usize>, key: impl Fn(usize) -> u64) {
    if let Some(least) = left.iter().map(|&index| key(index)).min() {
        left.retain(|&index| key(index) == least);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::{Purpose, Seed};

    fn candidate(zone: usize, launched_min: u64, number: u64, rank: u32) -> Candidate {
        Candidate { zone, launched: SimTime(launched_min * 60_000_000), number, rank }
    }

    fn chosen(candidates: &[Candidate], policy: TerminationPolicy) -> Option<u64> {
        let mut instances = vec![0; 3];
        candidates.iter().for_each(|candidate| instances[candidate.zone] += 1);
        let now = SimTime(600 * 60_000_000);
        let mut dice = Seed(1).stream(Purpose::Test, "terminate");
        let index = choose(candidates, &instances, &[policy], now, &mut dice)?;
        Some(candidates[index].number)
    }

    #[test]
    fn the_zone_with_most_instances_loses_one_and_there_the_policy_decides() {
        // At minute 600: number 1 is 50 min into its hour, 2 is 5 min, 3 is 59 min; 0 is alone in its zone.
        let all = [
            candidate(0, 1, 0, 9),
            candidate(1, 10, 1, 0),
            candidate(1, 55, 2, 1),
            candidate(1, 61, 3, 0),
        ];
        assert_eq!(chosen(&all, TerminationPolicy::OldestInstance), Some(1));
        assert_eq!(chosen(&all, TerminationPolicy::NewestInstance), Some(3));
        assert_eq!(chosen(&all, TerminationPolicy::ClosestToNextInstanceHour), Some(3));
        assert_eq!(chosen(&all, TerminationPolicy::AllocationStrategy), Some(2));
        assert_eq!(chosen(&all, TerminationPolicy::Default), Some(2), "alignment comes first");
        assert_eq!(chosen(&[], TerminationPolicy::Default), None);
    }
}
