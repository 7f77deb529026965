//! Warm pools: how many instances they hold, which one a group takes, which one goes.
//!
//! The size is documented. Assumed: an instance is taken in the zone with fewest of the group's, the oldest first, and
//! one that is ready anywhere comes before a launch; of too many the youngest goes, one that is not ready yet before all
//! others.

/// Instances that a warm pool holds: (`MaxGroupPreparedCapacity` or `MaxSize`) less the desired capacity, and `MinSize`
/// of the pool at least (documented).
#[must_use]
pub fn size(prepared_or_max: u32, desired: u32, min: u32) -> u32 {
    prepared_or_max.saturating_sub(desired).max(min)
}

/// An instance of a warm pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Warm {
    /// Index of its zone among the group's.
    pub zone: usize,
    /// Whether it has been prepared.
    pub is_ready: bool,
    /// Whether EC2 would start it now: it is there, and there is room for one that does not run.
    pub can_start: bool,
}

/// The index of the instance that the group takes; `None` where it has to launch one. `in_zones` are the group's own
/// instances by zone, `pool` the warm ones, oldest first.
#[must_use]
pub fn take(pool: &[Warm], in_zones: &[u32]) -> Option<usize> {
    let instances = |warm: &Warm| in_zones.get(warm.zone).copied().unwrap_or(0);
    let ready = (0..pool.len()).filter(|&at| pool[at].is_ready && pool[at].can_start);
    ready.min_by_key(|&at| (instances(&pool[at]), pool[at].zone, at))
}

/// The index of the instance that goes where there are too many; `None` for an empty pool.
#[must_use]
pub fn drop(pool: &[Warm]) -> Option<usize> {
    (0..pool.len()).max_by_key(|&at| (!pool[at].is_ready, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warm(zone: usize, is_ready: bool, can_start: bool) -> Warm {
        Warm { zone, is_ready, can_start }
    }

    #[test]
    fn the_oldest_ready_one_of_the_emptiest_zone_is_taken() {
        let pool = [warm(0, true, true), warm(1, false, true), warm(1, true, true)];
        assert_eq!(take(&pool, &[2, 1]), Some(2), "the first of the second zone is not ready");
        assert_eq!(take(&pool, &[1, 2]), Some(0));
        assert_eq!(take(&pool, &[1, 1]), Some(0), "among equal zones the first");
        let shut = [warm(0, true, false), warm(1, true, true)];
        assert_eq!(take(&shut, &[0, 9]), Some(1), "one that starts comes before balance");
        assert_eq!(take(&shut[..1], &[0, 9]), None);
    }

    #[test]
    fn the_youngest_goes_and_one_that_is_not_ready_first() {
        let pool = [warm(0, true, true), warm(0, false, true), warm(1, true, true)];
        assert_eq!(drop(&pool), Some(1));
        assert_eq!(drop(&[pool[0], pool[2]]), Some(1));
        assert_eq!(drop(&[]), None);
    }
}
