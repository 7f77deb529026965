//! Spot markets over time: prices, and how many instances could be had.

use crate::base::money::HourlyRate;
use crate::base::time::SimTime;
use crate::model::arrival::RowCounts;

/// An instance type in a zone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SpotMarket {
    /// Instance type.
    pub instance_type: String,
    /// Availability Zone, by name or by id, as the history has it.
    pub zone: String,
}

/// A price that holds from now on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PriceChange {
    /// From when on.
    pub at: SimTime,
    /// Index of the market.
    pub market: usize,
    /// The price.
    pub price: HourlyRate,
}

/// Prices of some markets over time.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PriceHistory {
    /// Markets, in order.
    pub markets: Vec<SpotMarket>,
    /// Changes in order of time and market. A market has no known price before its first one.
    pub changes: Vec<PriceChange>,
    /// What became of the records.
    pub counts: RowCounts,
}

impl PriceHistory {
    /// The price of a market at `at`; `None` before its first record.
    #[must_use]
    pub fn price(&self, market: usize, at: SimTime) -> Option<HourlyRate> {
        let until = self.changes.partition_point(|change| change.at <= at);
        let before = self.changes[..until].iter().rev();
        before.into_iter().find(|change| change.market == market).map(|change| change.price)
    }

    /// When an instance whose bid is `bid` is lost in the old market: the first change after `from` above it.
    #[must_use]
    pub fn outbid(&self, market: usize, bid: HourlyRate, from: SimTime) -> Option<SimTime> {
        let later = self.changes.partition_point(|change| change.at <= from);
        let mut later = self.changes[later..].iter();
        later.find(|change| change.market == market && change.price > bid).map(|change| change.at)
    }
}

/// How many instances a market can hold, from an instant on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Availability {
    /// From when on.
    pub at: SimTime,
    /// So many.
    pub instances: u32,
}

/// The availability of one market over time, changes only; the first is at zero.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AvailabilityTrace {
    /// Changes in order of time.
    pub changes: Vec<Availability>,
    /// Price of each sample that differs from the one before, where the trace has prices.
    pub prices: Vec<(SimTime, HourlyRate)>,
    /// Where the last sample ends: nothing is known after it.
    pub end: SimTime,
    /// What became of the samples.
    pub counts: RowCounts,
}
