//! Instants as RFC 3339 text, without a calendar library: tables write one in every row.

use std::io::Write as _;

const DAY: i64 = 86_400;

/// Whether it is `2026-10-27`.
#[must_use]
pub fn is_day(text: &str) -> bool {
    let digits = |at: std::ops::Range<usize>| {
        text.get(at).is_some_and(|part| part.bytes().all(|c| c.is_ascii_digit()))
    };
    text.len() == 10 && digits(0..4) && digits(5..7) && digits(8..10) && text[4..].starts_with('-')
}

/// Appends `2026-01-05T00:00:00Z` for so many seconds since 1970; nothing beyond the years 0 to 9999.
pub fn write_utc(out: &mut Vec<u8>, unix_s: i64) {
    let (days, second) = (unix_s.div_euclid(DAY), unix_s.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    if (0..=9_999).contains(&year) {
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let written =
            write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
        debug_assert!(written.is_ok(), "memory takes text");
    }
}

/// Year, month and day of a number of days since 1970-01-01 (Howard Hinnant's `civil_from_days`: years begin in March, so
/// that the leap day is their last).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(unix_s: i64) -> String {
        let mut out = Vec::new();
        write_utc(&mut out, unix_s);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn instants_are_those_of_the_calendar() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(utc(-1), "1969-12-31T23:59:59Z");
        assert_eq!([utc(i64::MAX), utc(i64::MIN)], ["", ""]);
        // Every fifth day and a bit of four thousand years, against another implementation.
        for unix_s in (-62_135_596_800..=64_092_211_200i64).step_by(433_217) {
            let expected = jiff::Timestamp::from_second(unix_s).unwrap().to_string();
            assert_eq!(utc(unix_s), expected);
        }
    }
}
