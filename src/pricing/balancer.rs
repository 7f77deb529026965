//! Capacity units of load balancers: of each hour the dimension of which most was used (documented).

use super::side::BYTES_PER_GB;
use crate::base::money::MICROS_PER_HOUR;
use crate::base::time::SimSpan;

/// The first rules of an Application Load Balancer, whose evaluation is free (documented).
pub const FREE_RULES: u32 = 10;

/// How many a capacity unit holds in each dimension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CapacityUnit {
    /// New connections a second.
    pub new: u32,
    /// Connections that are active at a time, sampled each minute.
    pub active: u32,
    /// Rule evaluations a second; 0: this dimension is not counted.
    pub evaluations: u32,
}

/// An Application Load Balancer (documented); a GB an hour like all of them.
pub const APPLICATION: CapacityUnit = CapacityUnit { new: 25, active: 3_000, evaluations: 1_000 };
/// The same with mutual TLS (documented).
pub const APPLICATION_MUTUAL_TLS: CapacityUnit = CapacityUnit { active: 1_500, ..APPLICATION };
/// A Network Load Balancer's TCP (documented).
pub const NETWORK_TCP: CapacityUnit = CapacityUnit { new: 800, active: 100_000, evaluations: 0 };
/// Its UDP (documented).
pub const NETWORK_UDP: CapacityUnit = CapacityUnit { new: 400, active: 50_000, evaluations: 0 };
/// Its TLS (documented).
pub const NETWORK_TLS: CapacityUnit = CapacityUnit { new: 50, active: 3_000, evaluations: 0 };

/// What comes to a load balancer in an hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// Requests, millionths.
    pub requests_micro: u128,
    /// Bytes of requests and answers.
    pub bytes: u128,
    /// Requests that come by one connection.
    pub requests_per_connection: u32,
    /// How long a connection is open.
    pub connection: SimSpan,
    /// Rules that a request is compared with.
    pub rules: u32,
    /// Long connections that are simulated, instead of those by request: made, and open ones times microseconds.
    pub long: Option<(u128, u128)>,
}

/// Unit-microseconds by dimension: new connections, active ones, bytes, rule evaluations.
pub type Used = [u128; 4];

/// What an hour's traffic uses of a capacity unit, each dimension at its mean over the hour.
#[must_use]
pub fn used(unit: CapacityUnit, of: &Traffic) -> Used {
    let connections = u128::from(of.requests_per_connection.max(1));
    // An hour has 3,600 s and 3.6 · 10⁹ µs: a millionth of a request an hour is one µs by each that a second may have.
    let (new, active) = match of.long {
        Some((made, open)) => {
            (made * 1_000_000 / u128::from(unit.new), open / u128::from(unit.active))
        }
        None => (
            of.requests_micro / (u128::from(unit.new) * connections),
            of.requests_micro * u128::from(of.connection.0)
                / (connections * 1_000_000 * u128::from(unit.active)),
        ),
    };
    let bytes = of.bytes * MICROS_PER_HOUR / BYTES_PER_GB;
    let compared = u128::from(of.rules.saturating_sub(FREE_RULES));
    let evaluations = (of.requests_micro * compared).checked_div(unit.evaluations.into());
    [new, active, bytes, evaluations.unwrap_or(0)]
}

/// Which dimension of an hour is billed; the first of equal ones.
#[must_use]
pub fn billed(used: &Used) -> usize {
    (0..used.len()).rev().max_by_key(|&dimension| used[dimension]).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u128 = 3_600;

    fn traffic(
        per_second: u128,
        connections: u32,
        seconds: u64,
        rules: u32,
        bytes: u128,
    ) -> Traffic {
        Traffic {
            requests_micro: per_second * HOUR * 1_000_000,
            bytes,
            requests_per_connection: connections,
            connection: SimSpan::from_secs(seconds),
            rules,
            long: None,
        }
    }

    /// Capacity units, to the millionth.
    fn units(unit: CapacityUnit, of: &Traffic) -> [u128; 4] {
        used(unit, of).map(|micros| (micros * 1_000_000 + MICROS_PER_HOUR / 2) / MICROS_PER_HOUR)
    }

    #[test]
    fn the_example_of_the_pricing_page_pays_for_its_bytes() {
        // A connection a second that lasts two minutes, 5 requests each, 60 rules, 300 KB a second: 1.08 GB an hour.
        let bytes = 108 * BYTES_PER_GB / 100;
        let page = traffic(5, 5, 120, 60, bytes);
        assert_eq!(units(APPLICATION, &page), [40_000, 40_000, 1_080_000, 250_000]);
        assert_eq!(billed(&used(APPLICATION, &page)), 2);
    }

    #[test]
    fn each_dimension_can_be_the_one_that_counts() {
        let of = |of: Traffic| (billed(&used(APPLICATION, &of)), units(APPLICATION, &of));
        assert_eq!(of(traffic(50, 1, 1, 10, 0)), (0, [2_000_000, 16_667, 0, 0]));
        assert_eq!(of(traffic(50, 1, 300, 10, 0)).0, 1);
        assert_eq!(of(traffic(50, 1, 300, 10, 0)).1[1], 5_000_000);
        // The first ten rules are free: 100 · 90 evaluations a second.
        assert_eq!(of(traffic(100, 10, 1, 100, 0)), (3, [400_000, 3_333, 0, 9_000_000]));
        assert_eq!(of(traffic(0, 1, 1, 1, 0)), (0, [0; 4]));
        let tls = traffic(50, 1, 300, 10, 0);
        assert_eq!(units(APPLICATION_MUTUAL_TLS, &tls)[1], 10_000_000);
    }

    #[test]
    fn long_connections_count_as_they_are() {
        // 6,000 open for an hour are two units; 90,000 made in it are 25 a second, one unit.
        let of =
            Traffic { long: Some((90_000, 6_000 * MICROS_PER_HOUR)), ..traffic(50, 1, 1, 1, 0) };
        assert_eq!(units(APPLICATION, &of), [1_000_000, 2_000_000, 0, 0]);
        assert_eq!(billed(&used(APPLICATION, &of)), 1);
    }

    #[test]
    fn a_network_load_balancer_counts_by_protocol() {
        let of = traffic(1_600, 1, 100, 100, 0);
        assert_eq!(units(NETWORK_TCP, &of), [2_000_000, 1_600_000, 0, 0]);
        assert_eq!(units(NETWORK_UDP, &of), [4_000_000, 3_200_000, 0, 0]);
        assert_eq!(units(NETWORK_TLS, &of), [32_000_000, 53_333_333, 0, 0]);
    }
}
