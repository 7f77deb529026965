//! Auto-repair of Managed Instances: how many IMPAIRED instances of a provider are drained at once.
//!
//! Documented (developer guide, GPU auto-repair): at most 20 % of the provider's instances, and one at a time where it has
//! fewer than nine. Assumed: the share is rounded down, one is always allowed, the same holds whatever the reason is, and
//! instances that drain for another reason do not count.

/// The documented share, in percent.
pub const AT_ONCE_PERCENT: u32 = 20;

/// How many of a provider's `instances` may drain for repair at once, at `percent` of them.
#[must_use]
pub fn at_once(instances: usize, percent: u32) -> usize {
    (instances * percent as usize / 100).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_of_the_instances_and_always_one() {
        let most = |instances| at_once(instances, AT_ONCE_PERCENT);
        assert_eq!([0, 1, 4, 5, 8, 9].map(most), [1; 6], "fewer than nine have one at a time");
        assert_eq!([10, 14, 15, 100].map(most), [2, 2, 3, 20]);
        assert_eq!(at_once(3, 100), 3);
    }
}
