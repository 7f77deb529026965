//! Money in whole nano-dollars and hourly prices in nano-dollars an hour.
//!
//! A line of the bill is an exact sum of usage (in unit-microseconds, `u128`) times one hourly price, rounded
//! once, half to even. So a bill does not depend on the order in which usage was added up.

use super::decimal::{self, DecimalError};
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// Microseconds in an hour.
pub const MICROS_PER_HOUR: u128 = 3_600_000_000;

/// An amount of US dollars in whole nano-dollars (10⁻⁹ USD). 64 bits would end at nine billion dollars, which a fleet at a
/// price within the documented range can spend.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct NanoUsd(pub i128);

impl NanoUsd {
    /// No money.
    pub const ZERO: NanoUsd = NanoUsd(0);

    /// `numerator / denominator` nano-dollars, rounded half to even: the one place where money is rounded.
    ///
    /// Panics on a denominator of zero.
    #[must_use]
    pub fn from_ratio(numerator: u128, denominator: u128) -> NanoUsd {
        let (whole, rest) = (numerator / denominator, numerator % denominator);
        // `rest` against the other half of the denominator: twice the rest could overflow.
        let up = match rest.cmp(&(denominator - rest)) {
            std::cmp::Ordering::Less => 0,
            std::cmp::Ordering::Equal => whole & 1,
            std::cmp::Ordering::Greater => 1,
        };
        NanoUsd(i128::try_from(whole + up).expect("a line stays below 10^29 dollars"))
    }

    /// Dollars as a float, for charts and ratios only.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl fmt::Display for NanoUsd {
    /// Dollars with nine decimals: `1.260000000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let abs = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:09}", abs / 1_000_000_000, abs % 1_000_000_000)
    }
}

impl Add for NanoUsd {
    type Output = NanoUsd;
    fn add(self, other: NanoUsd) -> NanoUsd {
        NanoUsd(self.0.checked_add(other.0).expect("a bill stays below 10^29 dollars"))
    }
}

impl AddAssign for NanoUsd {
    fn add_assign(&mut self, other: NanoUsd) {
        *self = *self + other;
    }
}

impl Sub for NanoUsd {
    type Output = NanoUsd;
    fn sub(self, other: NanoUsd) -> NanoUsd {
        self + -other
    }
}

impl SubAssign for NanoUsd {
    fn sub_assign(&mut self, other: NanoUsd) {
        *self = *self - other;
    }
}

impl Neg for NanoUsd {
    type Output = NanoUsd;
    fn neg(self) -> NanoUsd {
        NanoUsd(-self.0)
    }
}

impl Sum for NanoUsd {
    fn sum<I: Iterator<Item = NanoUsd>>(iter: I) -> NanoUsd {
        iter.fold(NanoUsd::ZERO, Add::add)
    }
}

/// A price of one unit for one hour, in nano-dollars.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct HourlyRate(pub u64);

impl HourlyRate {
    /// Parses dollars per hour, such as `0.04048` or `1e-3`, exactly to nine decimals.
    ///
    /// # Errors
    /// See [`DecimalError`].
    pub fn parse(text: &str) -> Result<HourlyRate, DecimalError> {
        decimal::parse_scientific(text.as_bytes(), 9).map(HourlyRate)
    }

    /// The price of `unit_micros` unit-microseconds, rounded once, half to even.
    #[must_use]
    pub fn charge(self, unit_micros: u128) -> NanoUsd {
        self.charge_parts(unit_micros, 1)
    }

    /// As [`HourlyRate::charge`], for usage in part-microseconds of a unit that has `parts` parts: a vCPU has
    /// 1,024 CPU units, a GB 1,024 MiB.
    #[must_use]
    pub fn charge_parts(self, part_micros: u128, parts: u128) -> NanoUsd {
        self.charge_by(part_micros, parts * MICROS_PER_HOUR)
    }

    /// The price of `usage` where so much of it as `divisor` costs the rate, rounded once, half to even.
    #[must_use]
    pub fn charge_by(self, usage: u128, divisor: u128) -> NanoUsd {
        let product = usage
            .checked_mul(u128::from(self.0))
            .expect("usage times price fits 128 bits within the documented limits");
        NanoUsd::from_ratio(product, divisor)
    }
}

impl fmt::Display for HourlyRate {
    /// Dollars per hour without trailing zeros: `0.04048`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        decimal::write_scaled(&mut out, self.0, 9);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_is_rounded_once_half_to_even() {
        // 1 nano-dollar an hour for half an hour is half a nano-dollar: to even, so 0; three halves give 2.
        assert_eq!(HourlyRate(1).charge(1_800_000_000), NanoUsd(0));
        assert_eq!(HourlyRate(3).charge(1_800_000_000), NanoUsd(2));
        assert_eq!(HourlyRate(1).charge(1_800_000_001), NanoUsd(1));
    }

    #[test]
    fn a_line_may_be_above_nine_billion_dollars() {
        // 99,999 $/h for 3,850 days.
        let micros = 3_850 * 24 * MICROS_PER_HOUR;
        let usd = HourlyRate(99_999_000_000_000).charge(micros);
        assert_eq!(usd.to_string(), "9239907600.000000000");
        assert_eq!((usd + usd).to_string(), "18479815200.000000000");
    }

    #[test]
    fn money_prints_nine_decimals_and_a_sign() {
        assert_eq!(NanoUsd(1_260_000_000).to_string(), "1.260000000");
        assert_eq!(NanoUsd(-5).to_string(), "-0.000000005");
    }
}
