//! What AWS's price list says of transfer out to the internet: a product a region, with a price a tier.
//!
//! Attributes, units and where tiers begin are those of real rows (Ireland, October 2026), which a public test of a program
//! that parses them has: usage type `EU-DataTransfer-Out-Bytes`, transfer type `AWS Outbound`, tiers from 0, 10,240,
//! 51,200 and 153,600 GB on. The region stands in `fromRegionCode`.

use super::is_usage;
use super::offers::Attributes;
use crate::base::money::HourlyRate;
use crate::catalog::side::INTERNET_TIERS;

/// Services whose offers have the product: its own, and, in older lists, EC2's.
const SERVICES: [&str; 3] = ["", "AWSDataTransfer", "AmazonEC2"];

/// Whether a product is transfer out to the internet.
pub(super) fn is_internet(of: &Attributes) -> bool {
    SERVICES.contains(&&*of.servicecode)
        && ["", "AWS Outbound"].contains(&&*of.transfer_type)
        && is_usage(&of.usagetype, "DataTransfer-Out-Bytes")
}

/// Whether a product is transfer from one zone of a region to another.
pub(super) fn is_between_zones(of: &Attributes) -> bool {
    SERVICES.contains(&&*of.servicecode)
        && ["", "IntraRegion"].contains(&&*of.transfer_type)
        && is_usage(&of.usagetype, "DataTransfer-Regional-Bytes")
}

/// The book's items, each with its price, from the list's tiers: from how many GB of a month on, and what a GB costs. `None`
/// where a tier of the list begins within one of the book's.
pub(super) fn tiers(mut listed: Vec<(u64, HourlyRate)>) -> Option<Vec<(&'static str, HourlyRate)>> {
    listed.sort_unstable();
    let first = listed.first()?.0;
    let ends = INTERNET_TIERS.iter().skip(1).map(|(begin, _)| *begin).chain([u64::MAX]);
    let of = |(&(begin, item), end): (&(u64, &'static str), u64)| {
        // What is free before the first tier is the account's, not the region's.
        let begin = begin.max(first);
        let cuts = |(at, _): &&(u64, HourlyRate)| begin < *at && *at < end;
        let (_, rate) = listed.iter().rev().find(|(at, _)| *at <= begin)?;
        (begin < end && listed.iter().find(cuts).is_none()).then_some((item, *rate))
    };
    INTERNET_TIERS.iter().zip(ends).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(listed: &[(u64, u64)]) -> Option<Vec<u64>> {
        let listed = listed.iter().map(|&(at, usd)| (at, HourlyRate(usd))).collect();
        tiers(listed).map(|all| all.iter().map(|(_, rate)| rate.0).collect())
    }

    #[test]
    fn each_tier_of_the_book_has_the_price_that_holds_all_over_it() {
        let real = [(153_600, 50), (0, 90), (10_240, 85), (51_200, 70)];
        assert_eq!(told(&real), Some(vec![90, 85, 70, 50]));
        assert_eq!(told(&[(0, 20)]), Some(vec![20; 4]), "one price for all");
        assert_eq!(told(&[(0, 9), (51_200, 5)]), Some(vec![9, 9, 5, 5]));
        assert_eq!(told(&[(1, 90), (10_240, 85)]), Some(vec![90, 85, 85, 85]), "a free GB");
        assert_eq!(told(&[(0, 90), (20_480, 85)]), None, "a tier that begins within the second");
        assert_eq!(told(&[(10_240, 85)]), None, "nothing of the first");
        assert_eq!(told(&[]), None);
    }
}
