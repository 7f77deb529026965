//! Numbers at the edge: text to checked quantities. `nan`, `inf`, negative and absurd values end here.
//!
//! Each function returns the rest of a sentence that begins with the key's name, such as
//! "must be between 1 and 10, is 11".

use super::diagnostic::quoted;
use super::keys::grouped;
use crate::base::decimal::{self, DecimalError};
use crate::base::money::HourlyRate;
use crate::base::text::shortened;
use crate::base::time::{SimSpan, SimTime};

/// Dearest hour that a price may name: a million dollars.
const MOST_USD: &str = "1000000";

fn not_finite(text: &str) -> bool {
    text.ends_with("nan") || text.ends_with("inf")
}

fn between(min: u64, max: u64, unit: &str, shown: &str) -> String {
    format!("must be between {} and {}{unit}, is {shown}", grouped(min), grouped(max))
}

/// A whole number in a range.
pub fn whole(text: &str, min: u64, max: u64) -> Result<u64, String> {
    whole_of(text, min, max, "")
}

/// A whole number in a range, with the unit that errors name.
pub fn whole_of(text: &str, min: u64, max: u64, unit: &str) -> Result<u64, String> {
    if not_finite(text) {
        return Err(between(min, max, unit, &shortened(text)));
    }
    match decimal::parse_whole(text.as_bytes(), u64::MAX) {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        Ok(number) => Err(between(min, max, unit, &grouped(number))),
        Err(DecimalError::Negative | DecimalError::TooLarge) => {
            Err(between(min, max, unit, &shortened(text)))
        }
        Err(_) => Err(format!("must be a whole number, is {}", shortened(text))),
    }
}

/// A finite number in a range.
pub fn number(text: &str, min: f64, max: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(number),
        _ => Err(format!("must be between {min} and {max}, is {}", shortened(text))),
    }
}

/// Dollars an hour, exact: a tenth decimal would be rounded away.
pub fn usd(text: &str) -> Result<HourlyRate, String> {
    let most = HourlyRate::parse(MOST_USD).expect("the limit is a number");
    if decimal::decimals(text.as_bytes()) > 9 {
        return Err(format!("has more than nine decimals: {}", shortened(text)));
    }
    match HourlyRate::parse(text) {
        Ok(rate) if rate <= most => Ok(rate),
        Err(DecimalError::NotPlain) if !not_finite(text) => {
            Err(format!("must be a plain decimal number of dollars, is {}", shortened(text)))
        }
        _ => Err(format!("must be between 0 and 1,000,000 dollars, is {}", shortened(text))),
    }
}

fn in_range(span: SimSpan, min: u64, max: u64) -> Result<SimSpan, String> {
    if (min..=max).contains(&span.0) {
        return Ok(span);
    }
    let (min, max) = (readable(SimSpan(min)), readable(SimSpan(max)));
    Err(format!("must be between {min} and {max}, is {}", readable(span)))
}

/// A duration with unit.
pub fn span(text: &str, min: u64, max: u64) -> Result<SimSpan, String> {
    let span = SimSpan::parse_with_unit(text).map_err(|why| format!("is no duration: {why}"))?;
    in_range(span, min, max)
}

/// A number of seconds.
pub fn seconds(text: &str, min: u64, max: u64) -> Result<SimSpan, String> {
    match SimTime::parse_seconds(text.as_bytes()) {
        Ok(time) => in_range(SimSpan(time.0), min, max),
        Err(DecimalError::NotPlain) if !not_finite(text) => {
            Err(format!("must be a plain decimal number of seconds, is {}", shortened(text)))
        }
        Err(_) => {
            let (min, max) = (readable(SimSpan(min)), readable(SimSpan(max)));
            Err(format!("must be between {min} and {max}, is {}", shortened(text)))
        }
    }
}

/// MiB from text with a unit: `512 MiB`, `4 GiB`, `1.5 TiB`; `GB` means GiB, as in task definitions of ECS.
pub fn memory(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let (number, unit) = split_unit(text);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "mib" | "mb" => 1,
        "gib" | "gb" => 1_024,
        "tib" | "tb" => 1_024 * 1_024,
        "" => return Err(format!("has no unit: write {}", quoted(&format!("{text} MiB")))),
        _ => return Err(format!("has the unknown unit {}; valid: MiB, GiB, TiB", quoted(unit))),
    };
    scaled(number, factor, min, max, " MiB", text)
}

/// CPU units from text with a unit: `0.5 vCPU`.
pub fn cpu(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let (number, unit) = split_unit(text);
    match unit.to_ascii_lowercase().as_str() {
        "vcpu" | "vcpus" => scaled(number, 1_024, min, max, " CPU units", text),
        // The API takes CPU units as text.
        "" => whole_of(number, min, max, " CPU units"),
        _ => Err(format!("has the unknown unit {}; valid: vCPU", quoted(unit))),
    }
}

fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..at], text[at..].trim())
}

fn scaled(
    number: &str,
    factor: u64,
    min: u64,
    max: u64,
    unit: &str,
    text: &str,
) -> Result<u64, String> {
    let micro = decimal::parse_scaled(number.as_bytes(), 6)
        .map_err(|why| format!("is {}: {why}", quoted(text)))?;
    let product = u128::from(micro) * u128::from(factor);
    if product % 1_000_000 != 0 {
        return Err(format!("is no whole number of{unit}: {}", quoted(text)));
    }
    let value = u64::try_from(product / 1_000_000).unwrap_or(u64::MAX);
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(between(min, max, unit, &shortened(text)))
    }
}

/// A span in the largest unit that divides it: `90s`, `15m`, `2d`; reads back to the same span.
#[must_use]
pub fn readable(span: SimSpan) -> String {
    const UNITS: [(u64, &str); 6] = [
        (86_400_000_000, "d"),
        (3_600_000_000, "h"),
        (60_000_000, "m"),
        (1_000_000, "s"),
        (1_000, "ms"),
        (1, "us"),
    ];
    match UNITS.iter().find(|(micros, _)| span.0.is_multiple_of(*micros)) {
        Some((micros, unit)) if span.0 > 0 => format!("{}{unit}", span.0 / micros),
        _ => "0s".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_and_without_units() {
        assert_eq!(memory("4 GiB", 1, 1 << 20), Ok(4_096));
        assert_eq!(memory("0.5GB", 1, 1 << 20), Ok(512));
        assert_eq!(memory("1.5 TiB", 1, 1 << 30), Ok(1_572_864));
        assert_eq!(cpu("0.25 vCPU", 128, 196_608), Ok(256));
        assert_eq!(cpu("512", 128, 196_608), Ok(512));
    }

    #[test]
    fn what_is_no_whole_number_of_the_unit_is_refused() {
        for wrong in [memory("0.3 MiB", 1, 100), memory("4", 1, 100), memory("-1 GiB", 1, 100)] {
            assert!(wrong.is_err(), "{wrong:?}");
        }
        assert!(cpu("0.0001 vCPU", 1, 100).is_err());
        assert!(memory("99999999999999999999 GiB", 1, 100).is_err());
    }

    #[test]
    fn odd_numbers_are_refused() {
        for text in ["nan", "-inf", "inf", "-0", "-1", "1e3", "1.5", "18446744073709551616", "101"]
        {
            assert!(whole(text, 0, 100).is_err(), "{text}");
        }
        for text in ["nan", "inf", "-1", "1e400", "101"] {
            assert!(number(text, 0.0, 100.0).is_err(), "{text}");
        }
        for text in ["nan", "-0.1", "1e-10", "0.12345678949", "1000001", "1e7"] {
            assert!(usd(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_readable_span_reads_back_to_itself() {
        for micros in [0, 1, 999, 1_000, 90_000_000, 5_400_000_000, 604_800_000_000] {
            let text = readable(SimSpan(micros));
            assert_eq!(span(&text, 0, u64::MAX), Ok(SimSpan(micros)), "{text}");
        }
    }
}
