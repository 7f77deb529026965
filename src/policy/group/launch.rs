//! Where a group's next instance goes.

/// The index of the zone that gets the next instance: of those that are open the one with fewest instances, among equals
/// the first. `None` where no zone is open.
pub fn zone_for(instances: &[u32], is_open: impl Fn(usize) -> bool) -> Option<usize> {
    let open = (0..instances.len()).filter(|&zone| is_open(zone));
    open.min_by_key(|&zone| instances[zone])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_open_zone_with_fewest_instances_gets_the_next() {
        assert_eq!(zone_for(&[2, 1, 1], |_| true), Some(1));
        assert_eq!(zone_for(&[2, 1, 1], |zone| zone != 1), Some(2));
        assert_eq!(zone_for(&[2, 1], |_| false), None);
        assert_eq!(zone_for(&[], |_| true), None);
    }
}
