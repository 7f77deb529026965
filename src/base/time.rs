//! The simulation clock: whole microseconds. No floats, no wall clock.

use super::decimal::{self, DecimalError};
use super::text::shortened;
use std::fmt;
use std::ops::{Add, AddAssign, Sub};

/// Microseconds in a second.
pub const MICROS_PER_SECOND: u64 = 1_000_000;

/// The latest instant that input may name: 100 years. Everything that adds to it stays far from overflow.
pub const LATEST: SimTime = SimTime(100 * 366 * 86_400 * MICROS_PER_SECOND);

/// An instant: whole microseconds since the scenario began.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SimTime(pub u64);

/// A length of time in whole microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct SimSpan(pub u64);

impl SimTime {
    /// The beginning of the scenario.
    pub const ZERO: SimTime = SimTime(0);
    /// Later than every instant that can be reached.
    pub const NEVER: SimTime = SimTime(u64::MAX);

    /// The span from `earlier` to `self`; zero where `earlier` is later.
    #[inline]
    #[must_use]
    pub fn since(self, earlier: SimTime) -> SimSpan {
        SimSpan(self.0.saturating_sub(earlier.0))
    }

    /// Parses seconds since the beginning, such as `12.5`, to the nearest microsecond.
    ///
    /// # Errors
    /// [`DecimalError`]; beyond [`LATEST`] it is [`DecimalError::TooLarge`].
    #[inline]
    pub fn parse_seconds(text: &[u8]) -> Result<SimTime, DecimalError> {
        match decimal::parse_scaled(text, 6)? {
            micros if micros <= LATEST.0 => Ok(SimTime(micros)),
            _ => Err(DecimalError::TooLarge),
        }
    }

    /// Seconds as a float, for charts and reports only.
    #[must_use]
    pub fn to_secs_f64(self) -> f64 {
        self.0 as f64 / MICROS_PER_SECOND as f64
    }
}

impl SimSpan {
    /// No time at all.
    pub const ZERO: SimSpan = SimSpan(0);

    /// A span of whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> SimSpan {
        SimSpan(seconds * MICROS_PER_SECOND)
    }

    /// A span of whole milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> SimSpan {
        SimSpan(millis * 1_000)
    }

    /// The nearest span to `seconds`; negative and NaN are zero, beyond [`LATEST`] is [`LATEST`]'s length.
    /// Random draws pass through here, so a draw is an integer before anything depends on it.
    #[must_use]
    pub fn from_secs_f64(seconds: f64) -> SimSpan {
        // `as` saturates and maps NaN to zero.
        SimSpan(((seconds * MICROS_PER_SECOND as f64).round() as u64).min(LATEST.0))
    }

    /// Parses a number of seconds, such as `12.5`, to the nearest microsecond.
    ///
    /// # Errors
    /// As [`SimTime::parse_seconds`].
    #[inline]
    pub fn parse_seconds(text: &[u8]) -> Result<SimSpan, DecimalError> {
        SimTime::parse_seconds(text).map(|t| SimSpan(t.0))
    }

    /// Seconds as a float, for charts and reports only.
    #[must_use]
    pub fn to_secs_f64(self) -> f64 {
        self.0 as f64 / MICROS_PER_SECOND as f64
    }

    /// Parses a span with units: `90s`, `15m`, `1h 30m`, `7d`, `250ms`, `10us`.
    ///
    /// # Errors
    /// A sentence that says what is wrong: no unit, an unknown unit, not a number, too large.
    pub fn parse_with_unit(text: &str) -> Result<SimSpan, String> {
        let mut total: u64 = 0;
        let mut parts = 0;
        for part in text.split_whitespace() {
            let shown = shortened(part);
            let split = part
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .ok_or_else(|| format!("`{shown}` has no unit; write for example `{shown}s`"))?;
            let (number, unit) = part.split_at(split);
            let micros_per_unit = match unit {
                "us" => 1,
                "ms" => 1_000,
                "s" => MICROS_PER_SECOND,
                "m" | "min" => 60 * MICROS_PER_SECOND,
                "h" => 3_600 * MICROS_PER_SECOND,
                "d" => 86_400 * MICROS_PER_SECOND,
                "w" => 7 * 86_400 * MICROS_PER_SECOND,
                _ => {
                    let unit = shortened(unit);
                    return Err(format!(
                        "unknown unit `{unit}` in `{shown}`; valid: us, ms, s, m, h, d, w"
                    ));
                }
            };
            // Nine decimals of any unit: a microsecond is far above a billionth of a week.
            let scaled = decimal::parse_scaled(number.as_bytes(), 9)
                .map_err(|e| format!("`{shown}`: {e}"))?;
            let micros =
                (u128::from(scaled) * u128::from(micros_per_unit) + 500_000_000) / 1_000_000_000;
            total = u64::try_from(micros)
                .ok()
                .and_then(|m| total.checked_add(m))
                .filter(|&t| t <= LATEST.0)
                .ok_or_else(|| format!("`{}` is longer than 100 years", shortened(text)))?;
            parts += 1;
        }
        if parts == 0 {
            Err("expected a duration such as `90s`, found nothing".into())
        } else {
            Ok(SimSpan(total))
        }
    }
}

impl Add<SimSpan> for SimTime {
    type Output = SimTime;
    #[inline]
    fn add(self, span: SimSpan) -> SimTime {
        SimTime(self.0.saturating_add(span.0))
    }
}

impl Add for SimSpan {
    type Output = SimSpan;
    #[inline]
    fn add(self, other: SimSpan) -> SimSpan {
        SimSpan(self.0.saturating_add(other.0))
    }
}

impl AddAssign for SimSpan {
    #[inline]
    fn add_assign(&mut self, other: SimSpan) {
        *self = *self + other;
    }
}

impl Sub<SimTime> for SimTime {
    type Output = SimSpan;
    #[inline]
    fn sub(self, earlier: SimTime) -> SimSpan {
        debug_assert!(earlier <= self, "spans are not negative");
        self.since(earlier)
    }
}

impl fmt::Display for SimTime {
    /// Seconds without trailing zeros: `12.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        decimal::write_scaled(&mut out, self.0, 6);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

impl fmt::Display for SimSpan {
    /// Seconds without trailing zeros: `12.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SimTime(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_their_unit() {
        for (text, seconds) in [
            ("90s", 90.0),
            ("15m", 900.0),
            ("1h 30m", 5400.0),
            ("7d", 604_800.0),
            ("250ms", 0.25),
            ("0.5h", 1800.0),
        ] {
            assert_eq!(
                SimSpan::parse_with_unit(text),
                Ok(SimSpan::from_secs_f64(seconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_duration_without_a_unit_is_refused_with_a_hint() {
        for (text, part) in [
            ("90", "has no unit"),
            ("90x", "unknown unit `x`"),
            ("", "found nothing"),
            ("9e9d", "unknown unit"),
            ("-1s", "unknown unit"),
            ("99999999d", "longer than 100 years"),
        ] {
            let error = SimSpan::parse_with_unit(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
