//! Availability Zones of a group: where an instance is launched, and what rebalancing does.
//!
//! The zone with fewest instances gets the next one (documented). Assumed: among equal ones the first of the list.

/// `CapacityDistributionStrategy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Distribution {
    /// `balanced-best-effort`, the default: another zone where the first has no capacity.
    #[default]
    BestEffort,
    /// `balanced-only`: only a zone with fewest instances, and it waits for that.
    BalancedOnly,
}

impl Distribution {
    /// All of them with their names in the API.
    pub const ALL: [(Distribution, &'static str); 2] = [
        (Distribution::BestEffort, "balanced-best-effort"),
        (Distribution::BalancedOnly, "balanced-only"),
    ];
}

/// A zone of the group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Zone {
    /// Instances of the group in it, on their way included.
    pub instances: u32,
    /// Whether the group uses it: not in an outage, not shifted away from. A zone that is out is not counted when
    /// zones are balanced.
    pub is_used: bool,
    /// Whether a launch would succeed.
    pub has_capacity: bool,
}

/// The zone of the next instance; `None` where the launch has to wait.
#[must_use]
pub fn launch(zones: &[Zone], distribution: Distribution) -> Option<usize> {
    let used = || (0..zones.len()).filter(|&zone| zones[zone].is_used);
    let least = used().map(|zone| zones[zone].instances).min()?;
    let fits = |&zone: &usize| {
        let is_least = zones[zone].instances == least;
        zones[zone].has_capacity && (is_least || distribution == Distribution::BestEffort)
    };
    used().filter(fits).min_by_key(|&zone| (zones[zone].instances, zone))
}

/// A step of rebalancing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Where an instance is launched first.
    pub to: usize,
    /// Where one ends then.
    pub from: usize,
}

/// The next step of rebalancing; `None` where zones in use differ by one instance at most.
#[must_use]
pub fn rebalance(zones: &[Zone]) -> Option<Step> {
    let used = || (0..zones.len()).filter(|&zone| zones[zone].is_used);
    let from = used().min_by_key(|&zone| (u32::MAX - zones[zone].instances, zone))?;
    let can_launch = used().filter(|&zone| zones[zone].has_capacity);
    let to = can_launch.min_by_key(|&zone| (zones[zone].instances, zone))?;
    let gap = zones[from].instances - zones[to].instances;
    (gap > 1).then_some(Step { to, from })
}

/// How many instances rebalancing may have beyond `MaxSize`: a tenth of it, at least one (documented).
#[must_use]
pub fn above_max(max: u32) -> u32 {
    (max / 10).max(1)
}
