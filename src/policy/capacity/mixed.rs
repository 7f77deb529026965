//! Mixed instances policies: On-Demand or Spot, and of which type.
//!
//! The base and the percentage above it say how many instances are On-Demand, fractions in their favour (documented).
//! The zone comes first ([`super::zones`]), then the pool within it: a pool is a type in a zone. AWS shows nobody how
//! much capacity a pool has: a score stands for it, larger is more (input, or the Spot Advisor's band; assumed).

use crate::base::money::HourlyRate;
use crate::model::platform::Purchase;

/// How many of a group's instances are On-Demand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OnDemandShare {
    /// `OnDemandBaseCapacity`.
    pub base: u32,
    /// `OnDemandPercentageAboveBaseCapacity`.
    pub percent: u32,
}

impl Default for OnDemandShare {
    /// The API's: no base, and all above it On-Demand.
    fn default() -> Self {
        OnDemandShare { base: 0, percent: 100 }
    }
}

impl OnDemandShare {
    /// Of `total` instances so many are On-Demand.
    #[must_use]
    pub fn of(self, total: u32) -> u32 {
        let base = self.base.min(total);
        let above = u64::from(total - base) * u64::from(self.percent.min(100));
        base + above.div_ceil(100) as u32 // at most what is above the base
    }

    /// How the next instance is bought, when so many of each are there.
    #[must_use]
    pub fn launch(self, on_demand: u32, spot: u32) -> Purchase {
        let total = on_demand.saturating_add(spot).saturating_add(1);
        if on_demand < self.of(total) { Purchase::OnDemand } else { Purchase::Spot }
    }

    /// Of which purchase option one ends, when so many of each are there.
    #[must_use]
    pub fn end(self, on_demand: u32, spot: u32) -> Purchase {
        let total = on_demand.saturating_add(spot).saturating_sub(1);
        if spot == 0 || on_demand > self.of(total) { Purchase::OnDemand } else { Purchase::Spot }
    }
}

/// A capacity type of a distribution segment, as the API names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CapacityType {
    /// On-Demand Capacity Reservations.
    OnDemandReservation,
    /// Capacity Blocks.
    CapacityBlock,
    /// Interruptible Capacity Reservations.
    InterruptibleReservation,
    /// On-Demand, whether anything is reserved or not.
    OnDemand,
}

impl CapacityType {
    /// All of them with their names in the API.
    pub const ALL: [(CapacityType, &'static str); 4] = [
        (CapacityType::OnDemandReservation, "on-demand-capacity-reservation"),
        (CapacityType::CapacityBlock, "capacity-block"),
        (CapacityType::InterruptibleReservation, "interruptible-capacity-reservation"),
        (CapacityType::OnDemand, "on-demand"),
    ];

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<CapacityType> {
        CapacityType::ALL.iter().find(|(_, known)| *known == name).map(|(of, _)| *of)
    }
}

/// `OnDemandAllocationStrategy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnDemandAllocation {
    /// The first type of the list that has capacity: the default for lists of types.
    #[default]
    Prioritized,
    /// The cheapest: the default where types are selected by attributes.
    LowestPrice,
}

impl OnDemandAllocation {
    /// All of them with their names in the API.
    pub const ALL: [(OnDemandAllocation, &'static str); 2] = [
        (OnDemandAllocation::Prioritized, "prioritized"),
        (OnDemandAllocation::LowestPrice, "lowest-price"),
    ];
}

/// `SpotAllocationStrategy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SpotAllocation {
    /// Evenly over the cheapest pools of the zone: the API's default, with two of them.
    LowestPrice {
        /// `SpotInstancePools`, 1 to 20.
        pools: u32,
    },
    /// The pool with the best score.
    CapacityOptimized,
    /// The same; the order of the list decides among equal scores.
    CapacityOptimizedPrioritized,
    /// The cheapest of the pools whose score is at most [`NEAR`] below the best: what AWS recommends.
    PriceCapacityOptimized,
}

/// How far from the best score a pool may be to count as one of "the pools with the highest capacity": unpublished.
pub const NEAR: u32 = 1;

/// `SpotInstancePools` by default (documented).
pub const DEFAULT_POOLS: u32 = 2;

impl Default for SpotAllocation {
    fn default() -> Self {
        SpotAllocation::LowestPrice { pools: DEFAULT_POOLS }
    }
}

impl SpotAllocation {
    /// All of them with their names in the API.
    pub const ALL: [(SpotAllocation, &'static str); 4] = [
        (SpotAllocation::LowestPrice { pools: DEFAULT_POOLS }, "lowest-price"),
        (SpotAllocation::CapacityOptimized, "capacity-optimized"),
        (SpotAllocation::CapacityOptimizedPrioritized, "capacity-optimized-prioritized"),
        (SpotAllocation::PriceCapacityOptimized, "price-capacity-optimized"),
    ];
}

/// A type in a zone, as the choice of a pool sees it. Pools are in the order of the group's list of types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pool {
    /// On-Demand price, or the Spot price of now.
    pub price: HourlyRate,
    /// Capacity; only Spot strategies look at it.
    pub score: u32,
    /// Whether a launch would succeed.
    pub is_open: bool,
    /// Instances of the group in it, of this purchase option.
    pub instances: u32,
}

/// The pool of the next On-Demand instance; `None` where no pool has capacity.
#[must_use]
pub fn on_demand_pool(pools: &[Pool], strategy: OnDemandAllocation) -> Option<usize> {
    let mut open = open(pools);
    match strategy {
        OnDemandAllocation::Prioritized => open.next(),
        OnDemandAllocation::LowestPrice => open.min_by_key(|&index| (pools[index].price, index)),
    }
}

/// The pool of the next Spot instance; `None` where no pool has capacity at a price up to `max_price` (`SpotMaxPrice`:
/// above it nothing is launched, below it the current price is paid; documented).
#[must_use]
pub fn spot_pool(
    pools: &[Pool],
    strategy: SpotAllocation,
    max_price: Option<HourlyRate>,
) -> Option<usize> {
    let is_paid = |&index: &usize| max_price.is_none_or(|most| pools[index].price <= most);
    let candidates: Vec<usize> = open(pools).filter(is_paid).collect();
    let best = candidates.iter().map(|&index| pools[index].score).max()?;
    let key = |index: usize| (pools[index].price, index);
    match strategy {
        SpotAllocation::LowestPrice { pools: most } => {
            let mut cheapest = candidates;
            cheapest.sort_by_key(|&index| key(index));
            cheapest.truncate(most.max(1) as usize);
            cheapest.into_iter().min_by_key(|&index| (pools[index].instances, key(index)))
        }
        SpotAllocation::CapacityOptimized => {
            // Among equal scores AWS says nothing; the cheaper one is taken.
            let best = candidates.into_iter().filter(|&index| pools[index].score == best);
            best.min_by_key(|&index| key(index))
        }
        SpotAllocation::CapacityOptimizedPrioritized => {
            candidates.into_iter().find(|&index| pools[index].score == best)
        }
        SpotAllocation::PriceCapacityOptimized => {
            let near = best.saturating_sub(NEAR);
            let good = candidates.into_iter().filter(|&index| pools[index].score >= near);
            good.min_by_key(|&index| key(index))
        }
    }
}

/// Per pool its place in the order in which a strategy likes them, 0 best: what termination aligns with.
#[must_use]
pub fn on_demand_ranks(pools: &[Pool], strategy: OnDemandAllocation) -> Vec<u32> {
    ranks(pools, |pools| on_demand_pool(pools, strategy))
}

/// The same of a Spot strategy. The pools that `lowest-price` spreads over are liked the same.
#[must_use]
pub fn spot_ranks(pools: &[Pool], strategy: SpotAllocation) -> Vec<u32> {
    let SpotAllocation::LowestPrice { pools: most } = strategy else {
        return ranks(pools, |pools| spot_pool(pools, strategy, None));
    };
    let by_price =
        ranks(pools, |pools| spot_pool(pools, SpotAllocation::LowestPrice { pools: 1 }, None));
    by_price.into_iter().map(|rank| if rank < most { 0 } else { rank }).collect()
}

/// Chooses a pool again and again, each time without those that were chosen.
fn ranks(pools: &[Pool], choose: impl Fn(&[Pool]) -> Option<usize>) -> Vec<u32> {
    let mut left: Vec<Pool> = pools.iter().map(|&pool| Pool { is_open: true, ..pool }).collect();
    let mut ranks = vec![0; pools.len()];
    for rank in 0_u32.. {
        let Some(index) = choose(&left) else { break };
        ranks[index] = rank;
        left[index].is_open = false;
    }
    ranks
}

fn open(pools: &[Pool]) -> impl Iterator<Item = usize> {
    (0..pools.len()).filter(|&index| pools[index].is_open)
}

/// Attribute-based selection with price protection: whether a type may be launched at `price` when the cheapest
/// current-generation C, M or R type that has the attributes costs `reference`, with so many percent above it allowed
/// (On-Demand: 20 by default; documented).
#[must_use]
pub fn is_price_protected(price: HourlyRate, reference: HourlyRate, percent: u32) -> bool {
    i128::from(price.0) * 100 <= i128::from(reference.0) * (100 + i128::from(percent))
}
