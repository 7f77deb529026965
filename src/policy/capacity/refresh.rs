//! Instance refresh: how many instances of a group may end now, how many may stand in for them beforehand.
//!
//! Documented: at least `MinHealthyPercentage` of the desired capacity (rounded up) stays in service and warm; there are
//! never more than `MaxHealthyPercentage` of it; the two lie at most 100 points apart; a checkpoint is reached when its
//! share has been replaced. Where the percentages leave no room at all one instance is replaced at a time, and with both
//! at 100 the new one is launched first. Assumed: the highest number is rounded down, but leaves room for one instance
//! where it is above 100 %; a checkpoint's share is rounded up; first goes the oldest instance of the zone with most.

use crate::base::time::SimSpan;

/// A refresh that replaces nothing for so long has failed (documented for protected instances; assumed of others).
pub const PATIENCE: SimSpan = SimSpan::from_secs(3_600);
/// A refresh takes at most so long (documented).
pub const LONGEST: SimSpan = SimSpan::from_secs(14 * 86_400);

/// A group in the middle of a refresh.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct View {
    /// The desired capacity.
    pub desired: u32,
    /// Instances in service: old ones, and new ones that are warm.
    pub healthy: u32,
    /// Old ones that nothing keeps, in service or on their way.
    pub replaceable: u32,
    /// Those of them that are in service.
    pub may_end: u32,
    /// How many may be replaced until the next checkpoint.
    pub allowed: u32,
}

/// What the refresh does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Step {
    /// Old instances that end now.
    pub end: u32,
    /// How many instances the group has beyond its desired capacity from then on.
    pub extra: u32,
}

/// The least number of healthy instances and the highest number of instances at all, by the two percentages.
#[must_use]
pub fn limits(desired: u32, (min, max): (u32, u32)) -> (u32, u32) {
    let part = |percent: u32| u64::from(desired) * u64::from(percent);
    let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let (mut least, mut most) = (narrow(part(min).div_ceil(100)), narrow(part(max) / 100));
    if max > 100 {
        most = most.max(desired.saturating_add(1));
    }
    if least >= desired && most <= desired {
        if min >= 100 {
            most = desired.saturating_add(1);
        } else {
            least = desired.saturating_sub(1);
        }
    }
    (least, most)
}

/// What may be done now, with the two percentages.
#[must_use]
pub fn step(view: &View, percents: (u32, u32)) -> Step {
    let (least, most) = limits(view.desired, percents);
    let rest = view.replaceable.min(view.allowed);
    let end = view.healthy.saturating_sub(least).min(view.may_end).min(rest);
    let extra = most.saturating_sub(view.desired).min(rest - end);
    Step { end, extra }
}

/// How many of `total` instances have been replaced when so many percent have.
#[must_use]
pub fn goal(total: u32, percent: u32) -> u32 {
    (u64::from(total) * u64::from(percent)).div_ceil(100).min(u64::from(total)) as u32
}

/// The instances that end: of the candidates of each zone, oldest first, and of instances by zone. It looks at no more
/// candidates than it chooses.
#[must_use]
pub fn choose<T>(candidates: Vec<impl Iterator<Item = T>>, in_zones: &[u32], count: u32) -> Vec<T> {
    let mut queues: Vec<_> = candidates.into_iter().map(Iterator::peekable).collect();
    let mut in_zones = in_zones.to_vec();
    let mut chosen = Vec::new();
    for _ in 0..count {
        let mut fullest: Option<usize> = None;
        for (zone, queue) in queues.iter_mut().enumerate() {
            let is_fuller = fullest.is_none_or(|of| in_zones[zone] > in_zones[of]);
            if is_fuller && queue.peek().is_some() {
                fullest = Some(zone);
            }
        }
        let Some(zone) = fullest else { break };
        in_zones[zone] = in_zones[zone].saturating_sub(1);
        chosen.extend(queues[zone].next());
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All of the group are old, in service and free to go.
    fn first(desired: u32, percents: (u32, u32)) -> Step {
        let all = desired;
        let view = View { desired, healthy: all, replaceable: all, may_end: all, allowed: all };
        step(&view, percents)
    }

    #[test]
    fn by_default_a_tenth_ends_first() {
        assert_eq!(limits(20, (90, 100)), (18, 20));
        assert_eq!(first(20, (90, 100)), Step { end: 2, extra: 0 });
        // 13.5 is rounded up to 14.
        assert_eq!(first(15, (90, 100)), Step { end: 1, extra: 0 });
    }

    #[test]
    fn where_rounding_leaves_no_room_one_is_replaced_at_a_time() {
        // 3.6 of 4 is 4: nothing could end.
        assert_eq!(first(4, (90, 100)), Step { end: 1, extra: 0 });
        assert_eq!(first(1, (90, 100)), Step { end: 1, extra: 0 }, "an outage, as documented");
        assert_eq!(first(4, (100, 100)), Step { end: 0, extra: 1 }, "launch first");
        // 10 % of 4 more is no instance: one all the same.
        assert_eq!(first(4, (100, 110)), Step { end: 0, extra: 1 });
    }

    #[test]
    fn a_range_on_both_sides_is_used_on_both() {
        // From 9 to 11 of 10: one ends, one more than it stands in.
        assert_eq!(first(10, (90, 110)), Step { end: 1, extra: 1 });
        assert_eq!(first(10, (100, 200)), Step { end: 0, extra: 10 });
        assert_eq!(first(10, (0, 100)), Step { end: 10, extra: 0 });
    }

    #[test]
    fn what_stands_in_lets_old_ones_go() {
        let view = View { desired: 4, healthy: 6, replaceable: 4, may_end: 4, allowed: 4 };
        assert_eq!(step(&view, (100, 150)), Step { end: 2, extra: 2 });
        // The last old one: nobody need stand in for anybody after it.
        let view = View { desired: 4, healthy: 5, replaceable: 1, may_end: 1, allowed: 1 };
        assert_eq!(step(&view, (100, 150)), Step { end: 1, extra: 0 });
        // Until the checkpoint one more may be replaced.
        let view = View { desired: 10, healthy: 10, replaceable: 8, may_end: 8, allowed: 1 };
        assert_eq!(step(&view, (50, 100)), Step { end: 1, extra: 0 });
        let view = View { desired: 2, healthy: 2, replaceable: 0, may_end: 0, allowed: 2 };
        assert_eq!(step(&view, (100, 200)), Step::default(), "all of them are protected");
    }

    #[test]
    fn a_checkpoint_is_a_share_rounded_up() {
        assert_eq!([goal(10, 25), goal(3, 50), goal(3, 100), goal(0, 50)], [3, 2, 3, 0]);
    }

    #[test]
    fn the_oldest_of_the_fullest_zone_goes_first() {
        // Zones have 3, 2 and 1 instances.
        let zones = || vec![vec![0, 3, 5].into_iter(), vec![1, 4].into_iter(), vec![2].into_iter()];
        assert_eq!(choose(zones(), &[3, 2, 1], 3), [0, 3, 1]);
        assert_eq!(choose(zones(), &[3, 2, 1], 9).len(), 6);
        assert_eq!(choose(vec![std::iter::empty::<u32>()], &[1], 1), [0_u32; 0]);
    }

    #[test]
    fn the_choice_among_many_takes_no_longer_than_their_number() {
        // Three zones alike: one after the other, oldest first.
        let zones = (0..3).map(|zone| (0..100_000_u32).map(move |at| 3 * at + zone));
        let all: Vec<u32> = (0..300_000).collect();
        assert_eq!(choose(zones.collect(), &[100_000; 3], 300_000), all);
    }
}
