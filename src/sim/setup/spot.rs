//! What is set up of Spot: mixed instances policies, the pools that a group buys from, how they take instances back.

use super::GroupSetup;
use crate::base::distribution::Distribution;
use crate::base::money::HourlyRate;
use crate::base::time::{SimSpan, SimTime};
use crate::model::platform::Purchase;
use crate::model::spot::Availability;
use crate::policy::capacity::mixed::{CapacityType, OnDemandShare, SpotAllocation};
use crate::pricing::Price;

/// `MixedInstancesPolicy` of an Auto Scaling group.
#[derive(Clone, PartialEq, Debug)]
pub struct MixedSetup {
    /// How many of its instances are On-Demand.
    pub share: OnDemandShare,
    /// From which pool Spot instances come.
    pub spot: SpotAllocation,
    /// `SpotMaxPrice`; `None`: whatever Spot costs.
    pub max_price: Option<HourlyRate>,
    /// The Spot side of each of the group's offers, in their order.
    pub pools: Vec<SpotPool>,
    /// How its Spot instances are taken back.
    pub interruption: InterruptionSetup,
    /// Distribution segments in place of the share: everything is On-Demand then.
    pub segments: Option<SegmentsSetup>,
}

/// `DistributionSegments`: the capacity types of which a group launches, first things first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SegmentsSetup {
    /// The types, in the order in which they are tried.
    pub types: Vec<CapacityType>,
    /// By offer: the numbers of the capacity reservations of its type and zone.
    pub reservations: Vec<Vec<usize>>,
}

/// A Spot pool: a type in a zone.
#[derive(Clone, PartialEq, Debug)]
pub struct SpotPool {
    /// What it costs.
    pub price: Price,
    /// How much capacity it has, for the strategies that look at it: more is better.
    pub score: u32,
    /// Interruptions of an instance in an hour.
    pub hazard_per_hour: f64,
    /// Whether price protection lets its type be launched there On-Demand, and as Spot.
    pub bought: [bool; 2],
}

/// How Spot instances are taken back.
#[derive(Clone, PartialEq, Debug)]
pub struct InterruptionSetup {
    /// The market before 2018: an instance is lost when its pool costs more than the highest price.
    pub above_max_price: bool,
    /// A pool takes back many instances at once: so often an hour, and such a share of them in percent.
    pub reclaims: Option<(f64, u32)>,
    /// From the notice to the end.
    pub notice: SimSpan,
    /// From the recommendation to rebalance to the notice, seconds.
    pub recommendation: Distribution,
    /// Capacity rebalancing: the group launches another one first, and ends the instance when that one is ACTIVE.
    pub rebalances: bool,
    /// `ECS_ENABLE_SPOT_INSTANCE_DRAINING`: the agent sets the instance DRAINING when it has its notice.
    pub agent_drains: bool,
    /// How many instances some pools can hold, over time.
    pub limits: Vec<PoolLimit>,
}

impl Default for InterruptionSetup {
    /// None, and the defaults of how they are told.
    fn default() -> Self {
        InterruptionSetup {
            above_max_price: false,
            reclaims: None,
            notice: SimSpan::from_secs(120),
            recommendation: Distribution::Uniform { min: 0.0, max: 900.0 },
            rebalances: false,
            agent_drains: false,
            limits: Vec::new(),
        }
    }
}

/// How Managed Instances that are bought as Spot are taken back.
#[derive(Clone, PartialEq, Debug)]
pub struct ManagedSpot {
    /// What is told of it, and when.
    pub interruption: InterruptionSetup,
    /// Interruptions of an instance in an hour, for each of the provider's offers in their order.
    pub hazards_per_hour: Vec<f64>,
}

impl GroupSetup {
    /// How its Spot instances are taken back; `None`: they are not.
    #[must_use]
    pub fn interruption(&self) -> Option<&InterruptionSetup> {
        let managed = || self.instances.as_ref()?.spot.as_ref().map(|spot| &spot.interruption);
        self.mixed.as_ref().map(|mixed| &mixed.interruption).or_else(managed)
    }

    /// Interruptions of a Spot instance of an offer in an hour.
    #[must_use]
    pub fn hazard_per_hour(&self, offer: usize) -> f64 {
        let managed = || Some(self.instances.as_ref()?.spot.as_ref()?.hazards_per_hour[offer]);
        let mixed = self.mixed.as_ref().map(|mixed| mixed.pools[offer].hazard_per_hour);
        mixed.or_else(managed).unwrap_or(0.0)
    }
}

/// How many Spot instances of a group some of its pools can hold together.
#[derive(Clone, PartialEq, Debug)]
pub struct PoolLimit {
    /// The pools, by their offers.
    pub offers: Vec<usize>,
    /// How many, from each instant on.
    pub changes: Vec<Availability>,
}

/// Nothing can be had of some offers for a while.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shortage {
    /// The offers.
    pub offers: Vec<usize>,
    /// How they are not to be had; `None`: neither way.
    pub purchase: Option<Purchase>,
    /// From when on.
    pub from: SimTime,
    /// Until when.
    pub until: SimTime,
}
