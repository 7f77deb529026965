//! Figures that no source gives: defaults that a scenario may override, each with its reason.

use crate::base::money::HourlyRate;

/// EC2 Spot price where neither the user nor a trace gives one, in percent of On-Demand. Assumed: published samples
/// pay 30 to 40 percent.
pub const EC2_SPOT_PERCENT_OF_ON_DEMAND: u32 = 35;

/// Fargate Spot price where the catalogue has none for a region, in percent of On-Demand. The pricing page says "up
/// to 70 % off"; regions whose price was seen pay 30 to 40 percent.
pub const FARGATE_SPOT_PERCENT_OF_ON_DEMAND: u32 = 30;

/// What ECS charges for a Managed Instance where no price file says so, in percent of On-Demand, by type. Measured: 12 on
/// c6a.2xlarge (AWS's page), 7.8 on g6.xlarge and g6e.xlarge (a bill of 2026); for all other types assumed from these.
#[must_use]
pub fn managed_fee_percent(instance_type: &str) -> f64 {
    let mut letters = instance_type.chars();
    let is_g = letters.next() == Some('g') && letters.next().is_some_and(|c| c.is_ascii_digit());
    if is_g { 7.8 } else { 12.0 }
}

/// `percent` of a price, rounded half up to a nano-dollar an hour, to six decimals of a percent.
#[must_use]
pub fn share_of(rate: HourlyRate, percent: f64) -> HourlyRate {
    let scaled = (u128::from(rate.0) * (percent * 1e6).round() as u128 + 50_000_000) / 100_000_000;
    HourlyRate(u64::try_from(scaled).unwrap_or(u64::MAX))
}

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
    fn the_fee_of_g_families_is_lower_and_that_of_gr_and_others_is_not() {
        let percents = ["g6.xlarge", "g6e.48xlarge", "gr6.4xlarge", "c6a.2xlarge", "g", ""];
        assert_eq!(percents.map(managed_fee_percent), [7.8, 7.8, 12.0, 12.0, 12.0, 12.0]);
    }

    #[test]
    fn four_tasks_of_2_gib_do_not_fit_an_8_gib_instance_of_unknown_make() {
        assert_eq!(registered_memory(8192), 7946);
        assert_eq!(registered_memory(16384), 16056);
    }
}
