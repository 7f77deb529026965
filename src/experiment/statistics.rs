//! What a few seeds say about a mean and about a difference: Student's t, pairs, Holm's correction.
//!
//! Values are whole billionths, so that sums and every comparison are exact: whether all seeds agree, which mean is the
//! least. Floats begin where a deviation is squared. Student's distribution is that of the crate `statrs`, which takes
//! its elementary functions from `libm`: the same digits on every machine.

pub mod calibration;
pub mod precision;
pub mod quantile;
pub mod steady;

use crate::metrics::summary::Value;
use statrs::distribution::{Continuous as _, ContinuousCDF as _, StudentsT};

/// Billionths of a unit.
pub const BILLION: i128 = 1_000_000_000;
/// The largest magnitude that is taken, in units: no sum of a study can then overflow.
const MOST: i128 = 100_000_000_000_000;

/// A value in billionths of its unit; every metric is written with at most nine decimals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Exact(pub i128);

impl Exact {
    /// The value of a metric as files have it; `None` where it is text, not defined or beyond ±10¹⁴.
    #[must_use]
    pub fn of(value: &Value) -> Option<Exact> {
        let billionths = match value {
            Value::Count(count) => i128::from(*count) * BILLION,
            Value::Millionths(amount) => i128::from(*amount) * 1_000,
            Value::Seconds(span) => i128::from(span.0) * 1_000,
            Value::Usd(usd) => usd.0,
            Value::Ratio(ratio) if ratio.is_finite() => return Exact::parse(&value.to_string()),
            Value::Ratio(_) | Value::Text(_) | Value::Missing => return None,
        };
        Exact::checked(billionths)
    }

    /// Reads plain decimal text: a sign, digits, at most one point, at most nine decimals.
    #[must_use]
    pub fn parse(text: &str) -> Option<Exact> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_plain(whole) || !is_plain(fraction) || fraction.len() > 9 || digits.len() > 30 {
            return None;
        }
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let number = |part: &str| if part.is_empty() { Some(0) } else { part.parse::<i128>().ok() };
        let whole = number(whole)?.checked_mul(BILLION)?;
        let fraction = number(&format!("{fraction:0<9}"))?;
        Exact::checked(sign * (whole + fraction))
    }

    fn checked(billionths: i128) -> Option<Exact> {
        (billionths.unsigned_abs() <= MOST.unsigned_abs() * BILLION.unsigned_abs())
            .then_some(Exact(billionths))
    }

    /// In units, rounded to a float.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / BILLION as f64
    }
}

/// How sure an interval is, in millionths: 950,000 for 95 %.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Confidence(u32);

impl Confidence {
    /// The usual 95 %.
    pub const USUAL: Confidence = Confidence(950_000);

    /// From per cent, such as `95` or `99.9`.
    ///
    /// # Errors
    /// A clause where it is not a number from 50 to 99.9999.
    pub fn parse(percent: &str) -> Result<Confidence, String> {
        let ten_thousandths = crate::base::decimal::parse_scaled(percent.as_bytes(), 4).ok();
        let of_share = ten_thousandths.and_then(|value| u32::try_from(value).ok());
        of_share
            .filter(|value| (500_000..1_000_000).contains(value))
            .map(Confidence)
            .ok_or_else(|| "expected per cent from 50 to 99.9999, such as 95".to_string())
    }

    /// From 0 to 1.
    #[must_use]
    pub fn share(self) -> f64 {
        f64::from(self.0) / 1e6
    }

    /// As sure after `times` tries as this is after one: the chance of being wrong is halved with each, so that all
    /// tries together are wrong no more often than twice the first.
    #[must_use]
    pub fn halved(self, times: u32) -> Confidence {
        let wrong = (1_000_000 - self.0).checked_shr(times).unwrap_or(0).max(1);
        Confidence(1_000_000 - wrong)
    }

    /// Whether a chance of being wrong is small enough.
    #[must_use]
    pub fn is_reached(self, p_value: f64) -> bool {
        p_value <= f64::from(1_000_000 - self.0) / 1e6
    }
}

impl std::fmt::Display for Confidence {
    /// In per cent, such as `95 %`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} %", f64::from(self.0) / 1e4)
    }
}

/// The mean of a sample and how far from it the expectation may be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Mean {
    /// Values.
    pub count: usize,
    /// Sum, exact.
    pub sum: Exact,
    /// Sum by count.
    pub mean: f64,
    /// Standard deviation of one value; `None` below two.
    pub deviation: Option<f64>,
    /// Half of the interval of Student's t; `None` below two values, and where all are equal: they show no spread, which
    /// is not the same as an interval of width zero.
    pub half_width: Option<f64>,
    /// Whether there are two values or more, all equal.
    pub is_constant: bool,
}

impl Mean {
    /// Of a sample; `None` without values.
    #[must_use]
    pub fn of(values: &[Exact], confidence: Confidence) -> Option<Mean> {
        let first = values.first()?;
        let count = values.len();
        let n = count as f64;
        let sum: i128 = values.iter().map(|value| value.0).sum();
        let deviation = (count > 1).then(|| (squares(values, values) / (n - 1.0)).sqrt());
        let is_constant = count > 1 && values.iter().all(|value| value == first);
        let half_width = deviation
            .filter(|_| !is_constant)
            .map(|deviation| student(confidence, count - 1) * deviation / n.sqrt());
        let mean = sum as f64 / (n * BILLION as f64);
        Some(Mean { count, sum: Exact(sum), mean, deviation, half_width, is_constant })
    }

    /// The ends of the interval; the mean itself where there is none.
    #[must_use]
    pub fn ends(&self) -> (f64, f64) {
        let half = self.half_width.unwrap_or(0.0);
        (self.mean - half, self.mean + half)
    }
}

/// What pairs of values say about a difference.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Paired {
    /// Of the differences, other less base.
    pub difference: Mean,
    /// Correlation of the pairs; `None` where one side does not vary.
    pub correlation: Option<f64>,
    /// Two-sided chance of a mean difference that is at least so far from 0 where there is none; `None` where the
    /// differences do not vary: there is nothing to test then.
    pub p_value: Option<f64>,
}

impl Paired {
    /// Of pairs (base, other); `None` without any.
    #[must_use]
    pub fn of(pairs: &[(Exact, Exact)], confidence: Confidence) -> Option<Paired> {
        let (base, other): (Vec<Exact>, Vec<Exact>) = pairs.iter().copied().unzip();
        let differences: Vec<Exact> =
            pairs.iter().map(|(base, other)| Exact(other.0 - base.0)).collect();
        let difference = Mean::of(&differences, confidence)?;
        let (of_base, of_other) = (squares(&base, &base), squares(&other, &other));
        let correlation = (of_base > 0.0 && of_other > 0.0)
            .then(|| (squares(&base, &other) / (of_base * of_other).sqrt()).clamp(-1.0, 1.0));
        let deviation = difference.deviation.filter(|_| !difference.is_constant);
        let p_value = deviation.map(|deviation| {
            let n = difference.count as f64;
            chance_beyond(difference.mean / (deviation / n.sqrt()), difference.count - 1)
        });
        Some(Paired { difference, correlation, p_value })
    }
}

/// Sum of the products of deviations from the means, in units squared.
fn squares(left: &[Exact], right: &[Exact]) -> f64 {
    let n = left.len() as i128;
    let sum = |values: &[Exact]| values.iter().map(|value| value.0).sum::<i128>();
    let (sum_left, sum_right) = (sum(left), sum(right));
    let scale = n as f64 * BILLION as f64;
    let deviation = |value: &Exact, sum: i128| (n * value.0 - sum) as f64 / scale;
    let products = left.iter().zip(right);
    products.map(|(l, r)| deviation(l, sum_left) * deviation(r, sum_right)).sum()
}

/// By how many standard errors a two-sided interval reaches to either side: a quantile of Student's t with this many
/// degrees of freedom, at least one.
#[must_use]
pub fn student(confidence: Confidence, freedom: usize) -> f64 {
    let Some(law) = law(freedom) else { return f64::NAN };
    let beyond = (1.0 - confidence.share()) / 2.0;
    let first = law.inverse_cdf(1.0 - beyond);
    // Of many degrees of freedom the crate's inverse is right to five digits only; a step of Newton's doubles them.
    first + (law.sf(first) - beyond) / law.pdf(first)
}

/// The chance that Student's t is at least as far from 0 as `t`, on either side.
fn chance_beyond(t: f64, freedom: usize) -> f64 {
    law(freedom).map_or(f64::NAN, |law| (2.0 * law.sf(t.abs())).min(1.0))
}

fn law(freedom: usize) -> Option<StudentsT> {
    StudentsT::new(0.0, 1.0, freedom as f64).ok()
}

/// Holm's correction: p values as if each were the only one, so that the chance of any false alarm among all of them
/// stays what it is for one. In the order given; what was not tested stays so and does not count.
///
/// Source: S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
#[must_use]
pub fn holm(p_values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut tested: Vec<(f64, usize)> =
        p_values.iter().enumerate().filter_map(|(at, p)| p.map(|p| (p, at))).collect();
    tested.sort_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)));
    let mut corrected = vec![None; p_values.len()];
    let mut greatest: f64 = 0.0;
    for (rank, (p, at)) in tested.iter().enumerate() {
        greatest = greatest.max((tested.len() - rank) as f64 * p).min(1.0);
        corrected[*at] = Some(greatest);
    }
    corrected
}

#[cfg(test)]
mod tests;
