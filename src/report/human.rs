//! Numbers as people read them: thousands, money, percentages, lengths of time, bytes of text that are safe to show.

use crate::base::money::NanoUsd;
use crate::base::time::SimSpan;

/// A whole number with commas: `1,234,567`.
#[must_use]
pub fn thousands(value: u128) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// So many of them, in words: `1 task`, `1,234 tasks`. The noun takes an `s`.
#[must_use]
pub fn counted(count: impl TryInto<u128>, noun: &str) -> String {
    match count.try_into().unwrap_or(u128::MAX) {
        1 => format!("1 {noun}"),
        many => format!("{} {noun}s", thousands(many)),
    }
}

/// A number with commas and a fixed count of decimals; `–` where it is not finite.
#[must_use]
pub fn decimal(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let Ok(whole) = whole.parse::<u128>() else { return format!("{value:e}") };
    let sign =
        if value < 0.0 && text.chars().any(|c| c.is_ascii_digit() && c != '0') { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{fraction}", thousands(whole))
}

/// An amount in millionths, to the nearest whole one where it is 1,000 or more: `1,234,567`, `12.5`.
#[must_use]
pub fn amount(millionths: u64) -> String {
    let is_exact = millionths >= 1_000_000_000 || millionths.is_multiple_of(1_000_000);
    decimal(millionths as f64 / 1e6, if is_exact { 0 } else { 1 })
}

/// Money: `$1,234.56`; below a cent as many decimals as show two digits, `$0.00042`.
#[must_use]
pub fn usd(amount: NanoUsd) -> String {
    let nanos = amount.0.unsigned_abs();
    let sign = if amount.0 < 0 { "-" } else { "" };
    if nanos == 0 || nanos >= 10_000_000 {
        let cents = (nanos + 5_000_000) / 10_000_000;
        return format!("{sign}${}.{:02}", thousands(cents / 100), cents % 100);
    }
    let text = format!("{nanos:09}");
    let zeros = text.len() - text.trim_start_matches('0').len();
    format!("{sign}$0.{}", text[..(zeros + 2).min(9)].trim_end_matches('0'))
}

/// A percentage with one decimal, `63.2 %`; a small one with as many as show two digits, `0.033 %`.
#[must_use]
pub fn percent(value: f64) -> String {
    hundredths(value) + " %"
}

/// As [`percent`], without the sign.
#[must_use]
pub fn hundredths(value: f64) -> String {
    let magnitude = value.abs();
    // What is not nothing is not to be read as 0.0; rounding may carry into the next digit, which does no harm.
    if !(1e-9..0.095).contains(&magnitude) {
        return decimal(value, 1);
    }
    let zeros = (-libm::log10(magnitude)).floor() as usize;
    decimal(value, zeros + 2).trim_end_matches('0').to_string()
}

/// A text shortened in its middle to at most `most` characters: names differ at their ends.
#[must_use]
pub fn middle(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_string();
    }
    let kept = most.saturating_sub(1);
    let (head, tail) = (kept.div_ceil(2), kept / 2);
    let start: String = text.chars().take(head).collect();
    start + "…" + &text.chars().skip(count - tail).collect::<String>()
}

/// A length of time: `250 ms`, `4.2 s`, `2 m 05 s`, `3 h 07 m`, `12 d 06 h`.
#[must_use]
pub fn span(span: SimSpan) -> String {
    // Half of the range is 290,000 years: rounding up below cannot overflow.
    let micros = span.0.min(u64::MAX / 2);
    let seconds = (micros + 500_000) / 1_000_000;
    let pair = |large: u64, large_unit: &str, small: u64, small_unit: &str| {
        format!("{} {large_unit} {small:02} {small_unit}", thousands(large.into()))
    };
    match micros {
        0 => "0 s".into(),
        1..1_000 => format!("{micros} µs"),
        1_000..999_500 => format!("{} ms", (micros + 500) / 1_000),
        // Up to ten seconds a decimal still says something.
        999_500..9_950_000 => {
            let tenths = (micros + 50_000) / 100_000;
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
        _ if seconds < 60 => format!("{seconds} s"),
        _ if seconds < 3_600 => pair(seconds / 60, "m", seconds % 60, "s"),
        _ if seconds < 86_400 - 30 => {
            let minutes = (seconds + 30) / 60;
            pair(minutes / 60, "h", minutes % 60, "m")
        }
        _ => {
            let hours = (seconds + 1_800) / 3_600;
            pair(hours / 24, "d", hours % 24, "h")
        }
    }
}

/// Text that came from a user, fit to be shown: control characters and marks that change the direction of
/// writing appear as `\u{1b}`.
#[must_use]
pub fn visible(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff0}'..='\u{ffff}')
    };
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if hidden(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(999), "999");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(decimal(-1234.5, 1), "-1,234.5");
        assert_eq!(decimal(-0.01, 1), "0.0");
        assert_eq!(decimal(f64::NAN, 1), "–");
        assert_eq!(percent(63.24), "63.2 %");
        let small = [0.0, 0.1, 0.094, 0.04, 0.0333, -0.0004, 1e-12].map(hundredths);
        assert_eq!(small, ["0.0", "0.1", "0.094", "0.04", "0.033", "-0.0004", "0.0"]);
        assert_eq!([middle("abcdef", 6), middle("abcdefg", 6)], ["abcdef", "abc…fg"]);
        assert_eq!(amount(1_234_567_890_000), "1,234,568");
        assert_eq!([amount(12_540_000), amount(3_000_000)], ["12.5", "3"]);
    }

    #[test]
    fn money_has_cents_and_small_amounts_do_not_vanish() {
        assert_eq!(usd(NanoUsd(1_234_560_000_000)), "$1,234.56");
        assert_eq!(usd(NanoUsd(-5_250_000_000)), "-$5.25");
        assert_eq!(usd(NanoUsd(0)), "$0.00");
        assert_eq!(usd(NanoUsd(420_000)), "$0.00042");
        assert_eq!(usd(NanoUsd(7)), "$0.000000007");
    }

    #[test]
    fn a_span_shows_its_two_largest_units() {
        for (micros, text) in [
            (0, "0 s"),
            (999, "999 µs"),
            (250_000, "250 ms"),
            (999_600, "1.0 s"),
            (4_230_000, "4.2 s"),
            (59_400_000, "59 s"),
            (59_600_000, "1 m 00 s"),
            (125_000_000, "2 m 05 s"),
            (11_220_000_000, "3 h 07 m"),
            (86_399_000_000, "1 d 00 h"),
            (1_058_400_000_000, "12 d 06 h"),
        ] {
            assert_eq!(span(SimSpan(micros)), text);
        }
    }

    #[test]
    fn control_characters_are_shown_and_never_sent() {
        assert_eq!(visible("a\u{1b}[31m\u{202e}b"), "a\\u{1b}[31m\\u{202e}b");
    }
}
