//! Prices of what is charged beside compute: by region where they are known, else those of us-east-1.

use super::book::Catalogue;
use super::table::Table;
use crate::base::money::HourlyRate;

/// The region whose prices stand in where a region's own are not known (assumed: a few percent apart).
pub const STANDS_IN: &str = "us-east-1";

/// Tiers of what goes out to the internet: from how many GB of a month on, and the item that has the price (documented: 10 TB,
/// 40 more, 100 more, the rest).
pub const INTERNET_TIERS: [(u64, &str); 4] = [
    (0, "internet_gb_1"),
    (10_240, "internet_gb_2"),
    (51_200, "internet_gb_3"),
    (153_600, "internet_gb_4"),
];

/// A price beside compute, and where it comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SidePrice {
    /// Of an hour, a month of 730 hours or a GB, as the item says.
    pub usd: HourlyRate,
    /// `hour`, `month` or `gb`.
    pub per: &'static str,
    /// How it is known: a word of `data/README.md`; `given` by the user's price file.
    pub basis: &'static str,
    /// When it was last seen; empty for the user's own.
    pub as_of: &'static str,
    /// Whether it is another region's.
    pub is_assumed: bool,
}

fn table() -> Table {
    Table::new(include_str!("data/side.csv"))
}

fn known(region: &str, item: &str) -> Option<SidePrice> {
    let row = table().find_all(region).find(|row| row.split(',').nth(1) == Some(item))?;
    let mut fields = row.split(',').skip(2);
    let mut field = || fields.next().expect("an embedded row has every column");
    let usd = HourlyRate::parse(field()).expect("embedded prices are decimal numbers");
    Some(SidePrice { usd, per: field(), basis: field(), as_of: field(), is_assumed: false })
}

/// Names of all items, in order.
pub fn side_items() -> impl Iterator<Item = &'static str> {
    table().find_all(STANDS_IN).filter_map(|row| row.split(',').nth(1))
}

impl Catalogue {
    /// The price of an item in a region; `None` for an item that nobody knows.
    #[must_use]
    pub fn side_price(&self, region: &str, item: &str) -> Option<SidePrice> {
        let base = || {
            let other = known(STANDS_IN, item)?;
            Some(SidePrice { is_assumed: region != STANDS_IN, ..other })
        };
        let price = known(region, item).or_else(base)?;
        let own = self.own().side_price(region, item);
        Some(own.map_or(price, |&usd| SidePrice {
            usd,
            basis: "given",
            as_of: "",
            is_assumed: false,
            ..price
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_has_its_own_price_or_that_of_us_east_1() {
        let book = Catalogue::embedded();
        let usd = |region, item| book.side_price(region, item).map(|of| of.usd.to_string());
        assert_eq!(usd("sa-east-1", "internet_gb_2"), Some("0.138".into()));
        assert_eq!(usd("eu-west-1", "internet_gb_2"), Some("0.085".into()));
        assert_eq!(usd("sa-east-1", "alb"), Some("0.0225".into()));
        assert_eq!(usd("us-east-1", "albs"), None);
        assert!(book.side_price("sa-east-1", "alb").unwrap().is_assumed);
        assert!(!book.side_price("us-east-1", "alb").unwrap().is_assumed);
        assert_eq!(side_items().count(), 29);
    }
}
