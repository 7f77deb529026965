//! Figures that no source gives: defaults that a scenario may override, each with its reason.

use crate::base::money::HourlyRate;

/// EC2 Spot price where neither the user nor a trace gives one, in percent of On-Demand. Assumed: published samples
/// pay 30 to 40 percent.
pub const EC2_SPOT_PERCENT_OF_ON_DEMAND: u32 = 35;

/// Fargate Spot price where the catalogue has none for a region, in percent of On-Demand. The pricing page says "up
/// to 70 % off"; regions whose price was seen pay 30 to 40 percent.
pub const FARGATE_SPOT_PERCENT_OF_ON_DEMAND: u32 = 30;

/// The Availability Zones of a region, as letters behind its name. Assumed: regions have three to six zones, not
/// always these letters; three is what clusters commonly span. A scenario may name any others.
pub const ZONE_LETTERS: [char; 3] = ['a', 'b', 'c'];

/// `percent` of a price, rounded half up to a nano-dollar an hour.
#[must_use]
pub fn percent_of(rate: HourlyRate, percent: u32) -> HourlyRate {
    let scaled = (u128::from(rate.0) * u128::from(percent) + 50) / 100;
    HourlyRate(u64::try_from(scaled).expect("a price times a percentage stays below 2^64"))
}

/// Memory in MiB that an instance type registers where nothing better is known: 97 percent of the advertised size
/// below 16 GiB, 98 percent from there on (assumed; the observed losses are 2.1 to 6.3 percent).
#[must_use]
pub fn registered_memory(advertised_mib: u32) -> u32 {
    let percent = if advertised_mib < 16 * 1024 { 97 } else { 98 };
    u32::try_from(u64::from(advertised_mib) * percent / 100).expect("less than the advertised size")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_of_a_price_is_rounded_half_up() {
        assert_eq!(percent_of(HourlyRate(101), 50), HourlyRate(51));
        assert_eq!(percent_of(HourlyRate(96_000_000), 35), HourlyRate(33_600_000));
    }

    #[test]
    fn four_tasks_of_2_gib_do_not_fit_an_8_gib_instance_of_unknown_make() {
        assert_eq!(registered_memory(8192), 7946);
        assert_eq!(registered_memory(16384), 16056);
    }
}
