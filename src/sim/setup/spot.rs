//! What is set up of Spot: mixed instances policies and the pools that a group buys from. Plain data.

use crate::base::money::HourlyRate;
use crate::policy::capacity::mixed::{OnDemandShare, SpotAllocation};
use crate::pricing::Price;

/// `MixedInstancesPolicy` of an Auto Scaling group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MixedSetup {
    /// How many of its instances are On-Demand.
    pub share: OnDemandShare,
    /// From which pool Spot instances come.
    pub spot: SpotAllocation,
    /// `SpotMaxPrice`; `None`: whatever Spot costs.
    pub max_price: Option<HourlyRate>,
    /// The Spot side of each of the group's offers, in their order.
    pub pools: Vec<SpotPool>,
}

/// A Spot pool: a type in a zone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SpotPool {
    /// What it costs.
    pub price: Price,
    /// How much capacity it has, for the strategies that look at it: more is better.
    pub score: u32,
}
