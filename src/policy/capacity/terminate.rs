//! Which instance of a group ends when it has too many.
//!
//! Documented, in this order: in a group with a mixed instances policy the purchase option that is above its share;
//! the zone with most instances that has an unprotected one; then each termination policy keeps what it likes best and
//! hands it to the next; at last a random one. Assumed: among equal zones the first of the list.

use super::mixed::OnDemandShare;
use crate::base::random::Stream;
use crate::base::time::{MICROS_PER_SECOND, SimTime};
pub use crate::model::group::TerminationPolicy;
use crate::model::platform::Purchase;

const HOUR: u64 = 3_600 * MICROS_PER_SECOND;

/// An instance in service that is not protected from scale-in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Index of its zone among the group's.
    pub zone: usize,
    /// How it is bought.
    pub purchase: Purchase,
    /// When it was launched; its billing hours begin there.
    pub launched: SimTime,
    /// Its number in the group, by age.
    pub number: u64,
    /// Version of the launch template; a lower one is older.
    pub template: u32,
    /// Place of its type in the order of its allocation strategy: 0 is liked best.
    pub rank: u32,
}

/// The group as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// Instances by zone, protected ones included.
    pub zones: &'a [u32],
    /// In a mixed group the share of On-Demand instances, and how many there are of On-Demand and of Spot.
    pub mixed: Option<(OnDemandShare, u32, u32)>,
    /// The policies in their order; none is `Default`.
    pub policies: &'a [TerminationPolicy],
}

/// The index of the candidate that ends; `None` without candidates.
#[must_use]
pub fn choose(
    candidates: &[Candidate],
    group: &Group,
    now: SimTime,
    dice: &mut Stream,
) -> Option<usize> {
    let mut left: Vec<usize> = (0..candidates.len()).collect();
    if let Some((share, on_demand, spot)) = group.mixed {
        let purchase = share.end(on_demand, spot);
        keep_least(&mut left, |i| u64::from(candidates[i].purchase != purchase));
    }
    let instances = |i: usize| group.zones.get(candidates[i].zone).copied().unwrap_or(0);
    keep_least(&mut left, |i| u64::from(u32::MAX - instances(i)));
    keep_least(&mut left, |i| candidates[i].zone as u64);
    let default = [TerminationPolicy::Default];
    let policies = if group.policies.is_empty() { &default } else { group.policies };
    for &policy in policies {
        narrow(&mut left, candidates, policy, (group.mixed.is_some(), now));
    }
    match left.len() {
        0 => None,
        1 => Some(left[0]),
        many => Some(left[dice.below(many as u64) as usize]),
    }
}

fn narrow(
    left: &mut Vec<usize>,
    candidates: &[Candidate],
    policy: TerminationPolicy,
    (is_mixed, now): (bool, SimTime),
) {
    let least_liked = |i: usize| u64::from(u32::MAX - candidates[i].rank);
    let next_hour = |i: usize| HOUR - now.since(candidates[i].launched).0 % HOUR;
    match policy {
        TerminationPolicy::Default => {
            if is_mixed {
                keep_least(left, least_liked);
            }
            keep_least(left, |i| u64::from(candidates[i].template));
            keep_least(left, next_hour);
        }
        TerminationPolicy::AllocationStrategy => keep_least(left, least_liked),
        TerminationPolicy::OldestLaunchTemplate => {
            keep_least(left, |i| u64::from(candidates[i].template));
        }
        TerminationPolicy::ClosestToNextInstanceHour => keep_least(left, next_hour),
        TerminationPolicy::NewestInstance => keep_least(left, |i| u64::MAX - candidates[i].number),
        TerminationPolicy::OldestInstance => keep_least(left, |i| candidates[i].number),
    }
}

fn keep_least(left: &mut Vec<usize>, key: impl Fn(usize) -> u64) {
    if let Some(least) = left.iter().map(|&index| key(index)).min() {
        left.retain(|&index| key(index) == least);
    }
}
