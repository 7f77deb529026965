//! Limits on a variant: absolute, or against the base ("at most 5 % dearer").
//!
//! A limit holds where it is shown to hold: the far end of the interval decides and not the mean, so that a few seeds that
//! say little do not open a gate. Against the base it is the interval of the pairs: for "at most 5 % more" that of
//! *variant − 1.05 · base*, seed by seed, which must end at or below zero. Where there is no interval (one seed, or seeds that
//! all agree) the mean decides.

use super::{Variant, pairs};
use crate::experiment::statistics::{BILLION, Confidence, Exact, Mean};

/// What a limit is measured from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum From {
    /// Zero.
    Nothing,
    /// The base, in the metric's unit.
    Base,
    /// The base, in per cent of it.
    BasePercent,
}

/// A limit on a metric, such as `total_usd<=+5%`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limit {
    /// As it was written.
    pub text: String,
    /// Name of the metric.
    pub metric: String,
    is_at_most: bool,
    from: From,
    value: Exact,
}

/// Largest change in per cent that can be asked for.
const MOST_PERCENT: i128 = 1_000;

impl Limit {
    /// Reads `METRIC<=LIMIT` or `METRIC>=LIMIT`. A limit with a sign is relative to the base: `+5%`, `-0.5`; without one
    /// it is absolute: `600`.
    ///
    /// # Errors
    /// A clause that says what is expected.
    pub fn parse(text: &str) -> Result<Limit, String> {
        let expected = "expected METRIC<=LIMIT or METRIC>=LIMIT with LIMIT such as +5% or -0.5 (against the base) \
                        or 600 (absolute)";
        let at_most = text.split_once("<=").map(|parts| (parts, true));
        let at_least = || text.split_once(">=").map(|parts| (parts, false));
        let ((metric, limit), is_at_most) = at_most.or_else(at_least).ok_or(expected)?;
        let (metric, limit) = (metric.trim(), limit.trim());
        let is_signed = limit.starts_with(['+', '-']);
        let (number, is_percent) = match limit.strip_suffix('%') {
            Some(number) => (number.trim_end(), true),
            None => (limit, false),
        };
        let value = Exact::parse(number).filter(|_| !metric.is_empty()).ok_or(expected)?;
        let from = match (is_signed, is_percent) {
            (true, true) => From::BasePercent,
            (true, false) => From::Base,
            (false, false) => From::Nothing,
            (false, true) => {
                return Err(format!("a limit in % is against the base: +{limit} or -{limit}"));
            }
        };
        if is_percent && value.0.abs() > MOST_PERCENT * BILLION {
            return Err(format!("at most {MOST_PERCENT} % more or less than the base"));
        }
        let (text, metric) = (text.trim().to_string(), metric.to_string());
        Ok(Limit { text, metric, is_at_most, from, value })
    }

    /// Whether it is a largest value, and which; `None` where it is measured from the base.
    #[must_use]
    pub fn absolute(&self) -> Option<(bool, Exact)> {
        (self.from == From::Nothing).then_some((self.is_at_most, self.value))
    }

    /// Whether it is measured from the base: then the base itself is not judged.
    #[must_use]
    pub fn is_relative(&self) -> bool {
        self.from != From::Nothing
    }

    /// How `variant` misses it, if it does: a clause. Both have the metric, or neither does.
    #[must_use]
    pub fn problem(&self, base: &Variant, variant: &Variant, sure: Confidence) -> Option<String> {
        let (Some(of_base), Some(of)) = (base.metric(&self.metric), variant.metric(&self.metric))
        else {
            return Some("is not defined".into());
        };
        // Millionths of per cent and of one, so that 1 + 5 % is whole: 100,000,000 + 5,000,000.
        let percent = self.value.0 / 1_000;
        let excess = |base: Exact, value: Exact| match self.from {
            From::Nothing => Exact(value.0 - self.value.0),
            From::Base => Exact(value.0 - base.0 - self.value.0),
            From::BasePercent => Exact(value.0 * 100_000_000 - base.0 * (100_000_000 + percent)),
        };
        let excess: Vec<Exact> = match self.from {
            From::Nothing => of.by_seed.values().map(|v| excess(Exact(0), *v)).collect(),
            _ => pairs(of_base, of).into_iter().map(|(base, v)| excess(base, v)).collect(),
        };
        let Some(found) = Mean::of(&excess, sure) else { return Some("is not defined".into()) };
        let (low, high) = found.ends();
        let holds = match (found.half_width, self.is_at_most) {
            // Without an interval the comparison is exact.
            (None, true) => found.sum.0 <= 0,
            (None, false) => found.sum.0 >= 0,
            (Some(_), true) => high <= 0.0,
            (Some(_), false) => low >= 0.0,
        };
        if holds {
            return None;
        }
        let scale = if self.from == From::BasePercent { 1e8 } else { 1.0 };
        let is_past = (found.sum.0 > 0) == self.is_at_most && found.sum.0 != 0;
        Some(self.told(
            is_past,
            found.mean / scale,
            found.half_width.map(|half| half / scale),
            sure,
        ))
    }

    /// The clause of [`Limit::problem`].
    fn told(&self, is_past: bool, mean: f64, half: Option<f64>, sure: Confidence) -> String {
        let beyond = if self.is_at_most { "above" } else { "below" };
        let within = if self.is_at_most { "below" } else { "above" };
        let distance = mean.abs();
        match (half, is_past) {
            (None, _) => format!("is {} {beyond} the limit", short(distance)),
            (Some(half), true) => {
                format!("is {} ± {} {beyond} the limit", short(distance), short(half))
            }
            (Some(half), false) => format!(
                "is {} {within} the limit, but only ± {} sure at {sure}: more replications narrow it",
                short(distance),
                short(half)
            ),
        }
    }
}

/// A distance with four digits that say something.
fn short(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".into();
    }
    let magnitude = libm::floor(libm::log10(value.abs())) as i32;
    let decimals = (3 - magnitude).clamp(0, 12) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn variant(values: &[i128]) -> Variant {
        let by_seed: BTreeMap<u64, Exact> =
            (1..).zip(values.iter().map(|value| Exact(value * BILLION / 100))).collect();
        let measured = crate::experiment::compare::Measured {
            name: "total_usd".into(),
            unit: "USD".into(),
            by_seed,
        };
        Variant { name: "v".into(), seeds: (1..=3).collect(), metrics: vec![measured] }
    }

    fn problem(limit: &str, base: &[i128], other: &[i128]) -> Option<String> {
        let limit = Limit::parse(limit).unwrap();
        limit.problem(&variant(base), &variant(other), Confidence::USUAL)
    }

    #[test]
    fn five_per_cent_dearer_is_judged_by_the_interval_of_the_pairs() {
        // Hundredths: 5.00, 10.00, 20.00; each variant 4 % dearer: variant − 1.05 · base = −0.05, −0.10, −0.20.
        // Mean −0.11667, deviation 0.076376, half 4.302653 · 0.076376 / √3 = 0.18973: the end is above 0.
        let base = [500, 1000, 2000];
        let wide = problem("total_usd<=+5%", &base, &[520, 1040, 2080]).unwrap();
        assert!(wide.contains("0.1167 below the limit, but only ± 0.1897"), "{wide}");
        // The same in cents of nearly equal bases: −0.0990, −0.1000, −0.1010 and ± 0.00248.
        let even = [990, 1000, 1010];
        assert_eq!(problem("total_usd<=+5%", &even, &[1030, 1040, 1050]), None);
        // Exactly 5 %, in every seed: no interval, and just allowed.
        assert_eq!(problem("total_usd<=+5%", &base, &[525, 1050, 2100]), None);
        let dearer = problem("total_usd <= +5%", &base, &[526, 1051, 2101]).unwrap();
        assert_eq!(dearer, "is 0.01 above the limit");
    }

    #[test]
    fn limits_have_two_directions_and_three_origins() {
        let base = [1000, 1000, 1000];
        assert_eq!(problem("total_usd<=10", &base, &base), None);
        assert!(problem("total_usd<=9.99", &base, &base).is_some());
        assert_eq!(problem("total_usd>=-0.5", &base, &[950, 950, 950]), None);
        assert!(problem("total_usd>=-0.5", &base, &[949, 949, 949]).is_some());
        assert!(problem("total_usd<=-3%", &base, &[971, 971, 971]).is_some());
        assert_eq!(problem("total_usd<=-3%", &base, &[970, 970, 970]), None);
        assert_eq!(problem("wait_s<=-3%", &base, &base).unwrap(), "is not defined");
    }

    #[test]
    fn what_is_no_limit_says_what_is_expected() {
        for text in ["", "total_usd", "total_usd<5", "<=5", "total_usd<=", "total_usd<=x", "a<=1e3"]
        {
            assert!(Limit::parse(text).unwrap_err().contains("METRIC<=LIMIT"), "{text}");
        }
        assert!(Limit::parse("total_usd<=5%").unwrap_err().contains("+5% or -5%"));
        assert!(Limit::parse("total_usd<=+1001%").unwrap_err().contains("1000 %"));
    }
}
