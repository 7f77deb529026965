//! Exact decimal text to scaled integers and back. Money, times and prices never pass through a float.
//!
//! Accepted: digits with at most one point (`12`, `12.5`, `.5`, `12.`). Refused: signs, exponents, spaces,
//! digit separators, `NaN`, `inf`, and anything that does not fit. So a number is read whole or not at all.

/// Why a decimal number was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecimalError {
    /// Nothing where a number should be.
    #[error("expected a number, found nothing")]
    Empty,
    /// A leading minus sign.
    #[error("must not be negative")]
    Negative,
    /// `NaN`, `inf`, an exponent, a stray character.
    #[error("not a plain decimal number (digits and at most one point)")]
    NotPlain,
    /// Larger than the largest value that the quantity can hold.
    #[error("too large")]
    TooLarge,
}

/// Parses `text` as a decimal number times `10^scale`, rounding the digits beyond `scale` half up.
///
/// # Errors
/// See [`DecimalError`]; a value above `u64::MAX` after scaling is [`DecimalError::TooLarge`].
#[inline]
pub fn parse_scaled(text: &[u8], scale: u32) -> Result<u64, DecimalError> {
    match parse_short(text, scale) {
        Some(value) => Ok(value),
        None => parse_any(text, scale),
    }
}

/// The common case without a check per digit: at most 18 characters, no digit beyond `scale`.
#[inline]
fn parse_short(text: &[u8], scale: u32) -> Option<u64> {
    if text.len() > 18 {
        return None;
    }
    let mut value: u64 = 0;
    let mut at = 0;
    while at < text.len() && text[at].is_ascii_digit() {
        value = value * 10 + u64::from(text[at] - b'0');
        at += 1;
    }
    let whole = at;
    if at < text.len() && text[at] == b'.' {
        at += 1;
        while at < text.len() && text[at].is_ascii_digit() {
            value = value * 10 + u64::from(text[at] - b'0');
            at += 1;
        }
    }
    let fraction = at.saturating_sub(whole + 1) as u32;
    if at < text.len() || whole == 0 || fraction > scale {
        return None;
    }
    value.checked_mul(*POWERS_OF_TEN.get((scale - fraction) as usize)?)
}

/// Those that fit.
const POWERS_OF_TEN: [u64; 20] = {
    let mut powers = [1; 20];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// Appends at most 18 digits to the number `value`; whether there was nothing else.
#[inline]
fn digits(text: &[u8], value: &mut u64) -> bool {
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return false;
        }
        *value = *value * 10 + u64::from(digit);
    }
    true
}

/// Every case, digit by digit.
fn parse_any(text: &[u8], scale: u32) -> Result<u64, DecimalError> {
    let mut value: u64 = 0;
    let mut fraction: Option<u32> = None;
    let mut round_up = false;
    let mut digits = 0u32;
    for &byte in text {
        if byte.is_ascii_digit() {
            digits += 1;
            let digit = u64::from(byte - b'0');
            match &mut fraction {
                Some(seen) if *seen >= scale => {
                    if *seen == scale {
                        round_up = digit >= 5;
                    }
                    *seen = seen.saturating_add(1);
                    continue;
                }
                Some(seen) => *seen += 1,
                None => {}
            }
            value = value
                .checked_mul(10)
                .and_then(|v| v.checked_add(digit))
                .ok_or(DecimalError::TooLarge)?;
        } else if byte == b'.' && fraction.is_none() {
            fraction = Some(0);
        } else {
            return Err(if text[0] == b'-' {
                DecimalError::Negative
            } else {
                DecimalError::NotPlain
            });
        }
    }
    if digits == 0 {
        return Err(if text.is_empty() { DecimalError::Empty } else { DecimalError::NotPlain });
    }
    for _ in fraction.unwrap_or(0).min(scale)..scale {
        value = value.checked_mul(10).ok_or(DecimalError::TooLarge)?;
    }
    if round_up {
        value = value.checked_add(1).ok_or(DecimalError::TooLarge)?;
    }
    Ok(value)
}

/// Parses a whole number of at most `max`.
///
/// # Errors
/// As [`parse_scaled`]; a fraction is [`DecimalError::NotPlain`].
#[inline]
pub fn parse_whole(text: &[u8], max: u64) -> Result<u64, DecimalError> {
    let mut value = 0;
    if text.len() <= 18 && !text.is_empty() && digits(text, &mut value) {
        return if value <= max { Ok(value) } else { Err(DecimalError::TooLarge) };
    }
    if text.contains(&b'.') {
        return Err(DecimalError::NotPlain);
    }
    match parse_scaled(text, 0) {
        Ok(value) if value <= max => Ok(value),
        Ok(_) => Err(DecimalError::TooLarge),
        Err(error) => Err(error),
    }
}

/// As [`parse_scaled`], also with an exponent: `1e2`, `6.25e-05`, as programs write that have only floats. Exact, too:
/// the point is moved.
///
/// # Errors
/// As [`parse_scaled`].
pub fn parse_scientific(text: &[u8], scale: u32) -> Result<u64, DecimalError> {
    let Some(at) = text.iter().position(|byte| matches!(byte, b'e' | b'E')) else {
        return parse_scaled(text, scale);
    };
    let (mantissa, exponent) = (&text[..at], &text[at + 1..]);
    let (digits, negative) = match exponent {
        [b'-', digits @ ..] => (digits, true),
        [b'+', digits @ ..] | digits => (digits, false),
    };
    let Ok(exponent) = parse_whole(digits, MOST_EXPONENT) else {
        return Err(DecimalError::NotPlain);
    };
    if mantissa.is_empty() {
        return Err(DecimalError::NotPlain);
    }
    if !negative {
        return parse_scaled(mantissa, scale + exponent as u32);
    }
    parse_scaled(mantissa, scale)?;
    let point = mantissa.iter().position(|&byte| byte == b'.').unwrap_or(mantissa.len());
    let zeros = vec![b'0'; exponent as usize];
    let all = [&zeros, &mantissa[..point], mantissa.get(point + 1..).unwrap_or_default()].concat();
    // The zeros in front are as many as the point moves, so it stays within the digits.
    let (whole, fraction) = all.split_at(point);
    parse_scaled(&[whole, b".", fraction].concat(), scale)
}

/// How many digits behind the point a decimal number needs, trailing zeros aside; 0 where the text is no number.
#[must_use]
pub fn decimals(text: &[u8]) -> u32 {
    let (number, exponent) = match text.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&text[..at], std::str::from_utf8(&text[at + 1..]).unwrap_or_default()),
        None => (text, "0"),
    };
    let exponent = exponent.parse::<i64>().unwrap_or(0);
    let behind = number.iter().position(|&b| b == b'.').map_or(0, |at| number.len() - at - 1);
    let zeros = number.iter().rev().take_while(|b| matches!(b, b'0' | b'.')).count();
    let point_in_zeros = number[number.len() - zeros..].contains(&b'.');
    let zeros = zeros - usize::from(point_in_zeros);
    u32::try_from(behind as i64 - zeros as i64 - exponent).unwrap_or(0)
}

/// The greatest exponent of a double has three digits.
const MOST_EXPONENT: u64 = 400;

/// As [`parse_whole`], also with a fraction of zero and with an exponent: `2.0`, `1e2`.
///
/// # Errors
/// As [`parse_whole`].
pub fn parse_whole_float(text: &[u8], max: u64) -> Result<u64, DecimalError> {
    match parse_scientific(text, 3)? {
        value if value % 1_000 != 0 => Err(DecimalError::NotPlain),
        value if value / 1_000 > max => Err(DecimalError::TooLarge),
        value => Ok(value / 1_000),
    }
}

/// Appends `value / 10^scale` without trailing zeros: `1500000` at scale 6 is `1.5`. `scale` is at most 9.
#[inline]
pub fn write_scaled(out: &mut Vec<u8>, value: u64, scale: u32) {
    debug_assert!(scale <= 9, "a fraction of nine digits fits 32 bits");
    in_room(out, |room| write_digits(room, value, scale));
}

/// Room for the longest number with its fraction and a comma.
const LONGEST: usize = 32;

/// Writes a number into room of fixed length at the end of `out`, where its digits belong, and returns how long it is: a
/// copy of unknown length is a call, and a row has twenty of them.
#[inline]
fn write_digits(room: &mut [u8; LONGEST], value: u64, scale: u32) -> usize {
    // The scales in use, so that the compiler divides by a number that it knows.
    let (whole, rest) = match scale {
        0 => (value, 0),
        6 => (value / 1_000_000, value % 1_000_000),
        9 => (value / 1_000_000_000, value % 1_000_000_000),
        _ => (value / 10u64.pow(scale), value % 10u64.pow(scale)),
    };
    let length = write_whole(room, whole);
    if rest == 0 { length } else { write_fraction(room, length, rest, scale) }
}

/// The eight digits of a number below 100,000,000, the first in the lowest byte: the number is cut into halves, quarters
/// and digits side by side in one word.
#[inline]
fn eight_digits(value: u64) -> u64 {
    debug_assert!(value < 100_000_000, "eight digits");
    let halves = (value / 10_000) | (value % 10_000) << 32;
    // 10,486 / 2^20 is a hundredth, 103 / 2^10 a tenth, for all that can be here.
    let tops = ((halves * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let quarters = tops | (halves - 100 * tops) << 16;
    let tens = ((quarters * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | (quarters - 10 * tens) << 8
}

/// `0` in each byte.
const ZEROS: u64 = 0x3030_3030_3030_3030;

#[inline]
fn put_eight(room: &mut [u8; LONGEST], at: usize, digits: u64) {
    room[at..at + 8].copy_from_slice(&(digits | ZEROS).to_le_bytes());
}

#[inline]
fn write_whole(room: &mut [u8; LONGEST], whole: u64) -> usize {
    if whole >= 100_000_000 {
        return write_long(room, whole);
    }
    let (digits, length) = without_zeros_ahead(eight_digits(whole));
    put_eight(room, 0, digits);
    length
}

/// Eight digits without the zeros in front, of which the last stays in any case, and how many are left.
#[inline]
fn without_zeros_ahead(digits: u64) -> (u64, usize) {
    let zeros = (digits | 1 << 63).trailing_zeros() / 8;
    (digits >> (zeros * 8), 8 - zeros as usize)
}

/// How many of eight digits are left without the zeros at the end.
#[inline]
fn digits_of_fraction(digits: u64) -> usize {
    8 - digits.leading_zeros() as usize / 8
}

#[inline(never)]
fn write_long(room: &mut [u8; LONGEST], whole: u64) -> usize {
    let at = write_whole(room, whole / 100_000_000);
    put_eight(room, at, eight_digits(whole % 100_000_000));
    at + 8
}

/// Writes a fraction that is not zero without the zeros at its end.
#[inline]
fn write_fraction(room: &mut [u8; LONGEST], from: usize, rest: u64, scale: u32) -> usize {
    room[from] = b'.';
    let (eight, ninth) = if scale < 9 {
        (rest * POWERS_OF_TEN[(8 - scale) as usize], 0)
    } else {
        (rest / 10, (rest % 10) as u8)
    };
    let digits = eight_digits(eight);
    put_eight(room, from + 1, digits);
    if ninth > 0 {
        room[from + 9] = b'0' + ninth;
        return from + 10;
    }
    from + 1 + digits_of_fraction(digits)
}

/// Makes room at the end of `out`, lets `write` fill it, and takes back what it did not use.
#[inline]
fn in_room(out: &mut Vec<u8>, write: impl FnOnce(&mut [u8; LONGEST]) -> usize) {
    let start = out.len();
    out.extend_from_slice(&[0; LONGEST]);
    let room = out[start..].first_chunk_mut().expect("the room has just been made");
    let length = write(room);
    out.truncate(start + length);
}

/// Writes `value` × 10^-`scale` and a comma, as [`write_scaled`] does.
#[inline]
pub fn write_field(out: &mut Vec<u8>, value: u64, scale: u32) {
    in_room(out, |room| field(room, value, scale));
}

/// A number and a comma, to be written several times: its digits as words, which are stored and never read back.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    whole: u64,
    fraction: u64,
    whole_length: usize,
    fraction_length: usize,
}

impl Written {
    /// `value` in millionths, as [`write_scaled`] writes it; `None` where it is longer than two words.
    #[inline]
    #[must_use]
    pub fn millionths(value: u64) -> Option<Written> {
        let (whole, rest) = (value / 1_000_000, value % 1_000_000);
        if whole >= 100_000_000 {
            return None;
        }
        let (whole, whole_length) = without_zeros_ahead(eight_digits(whole));
        let fraction = eight_digits(rest * 100);
        Some(Written {
            whole,
            fraction,
            whole_length,
            fraction_length: digits_of_fraction(fraction),
        })
    }

    /// Appends it.
    #[inline]
    pub fn append_to(&self, out: &mut Vec<u8>) {
        in_room(out, |room| {
            put_eight(room, 0, self.whole);
            let mut at = self.whole_length & 15; // it is 8 at most: no bound to check
            if self.fraction_length > 0 {
                room[at] = b'.';
                put_eight(room, at + 1, self.fraction);
                at += 1 + (self.fraction_length & 15);
            }
            room[at] = b',';
            at + 1
        });
    }
}

#[inline]
fn field(room: &mut [u8; LONGEST], value: u64, scale: u32) -> usize {
    let length = write_digits(room, value, scale);
    room[length] = b',';
    length + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_exactly_and_rounded_half_up_beyond_the_scale() {
        for (text, scale, value) in [
            ("0", 6, 0),
            ("12", 6, 12_000_000),
            ("12.", 6, 12_000_000),
            (".5", 6, 500_000),
            ("12.3456784", 6, 12_345_678),
            ("12.3456785", 6, 12_345_679),
            ("0.0000004", 6, 0),
            ("0.02337032", 9, 23_370_320),
            ("18446744073709551615", 0, u64::MAX),
        ] {
            assert_eq!(parse_scaled(text.as_bytes(), scale), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_plain_decimal_is_refused() {
        use DecimalError::*;
        for (text, error) in [
            ("", Empty),
            (".", NotPlain),
            ("-1", Negative),
            ("-0", Negative),
            ("+1", NotPlain),
            ("1e5", NotPlain),
            ("NaN", NotPlain),
            ("inf", NotPlain),
            ("1_000", NotPlain),
            ("1,5", NotPlain),
            (" 1", NotPlain),
            ("0x10", NotPlain),
            ("1.2.3", NotPlain),
            ("18446744073709551616", TooLarge),
            ("18446744073709551615.0", TooLarge),
        ] {
            assert_eq!(parse_scaled(text.as_bytes(), 6).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn exponents_move_the_point() {
        for (text, scale, value) in [
            ("1e2", 6, 100_000_000),
            ("6.25e-05", 9, 62_500),
            ("6.25E-05", 6, 63),
            ("0.5e+1", 0, 5),
            ("12.5e-1", 3, 1_250),
            ("0e400", 6, 0),
            ("1.5", 1, 15),
        ] {
            assert_eq!(parse_scientific(text.as_bytes(), scale), Ok(value), "{text}");
        }
        for text in ["e5", "1e", "1e-", "1e1.5", "1e401", "1e5e5", "nan", "1.2.3e-1", "--1e1"] {
            assert!(parse_scientific(text.as_bytes(), 6).is_err(), "{text}");
        }
        assert_eq!(parse_scientific(b"1e300", 6), Err(DecimalError::TooLarge));
        for (text, count) in [
            ("0.1234567894", 10),
            ("0.120", 2),
            ("10", 0),
            ("10e-1", 0),
            ("1.5e-8", 9),
            ("2.50e1", 0),
        ] {
            assert_eq!(decimals(text.as_bytes()), count, "{text}");
        }
        assert_eq!(parse_whole_float(b"2.0", 9), Ok(2));
        assert_eq!(parse_whole_float(b"2.5", 9), Err(DecimalError::NotPlain));
        assert_eq!(parse_whole_float(b"1e2", 9), Err(DecimalError::TooLarge));
    }

    /// The slow way: the standard library's digits, and zeros cut off one by one.
    #[test]
    fn numbers_of_every_length_are_written_as_the_standard_library_writes_them() {
        let mut values = vec![0, u64::MAX];
        for power in 0..20u32 {
            let ten = 10u64.pow(power);
            values.extend([ten - 1, ten, ten + 1, ten.wrapping_mul(7), ten.wrapping_mul(12_345)]);
        }
        let mut state = 1u64;
        for bits in 0..64 {
            for _ in 0..200 {
                state =
                    state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
                values.push(state >> bits);
            }
        }
        for value in values {
            for scale in 0..=9u32 {
                let (whole, rest) = (value / 10u64.pow(scale), value % 10u64.pow(scale));
                let fraction = format!("{rest:0width$}", width = scale as usize);
                let text = match rest {
                    0 => whole.to_string(),
                    _ => format!("{whole}.{}", fraction.trim_end_matches('0')),
                };
                let mut out = Vec::new();
                write_scaled(&mut out, value, scale);
                write_field(&mut out, value, scale);
                assert_eq!(String::from_utf8(out).unwrap(), format!("{text}{text},"));
                let Some(written) = Written::millionths(value).filter(|_| scale == 6) else {
                    continue;
                };
                let mut out = Vec::new();
                written.append_to(&mut out);
                assert_eq!(String::from_utf8(out).unwrap(), format!("{text},"));
            }
        }
    }

    #[test]
    fn written_decimals_drop_trailing_zeros_only() {
        for (value, text) in [
            (0, "0"),
            (1_500_000, "1.5"),
            (1, "0.000001"),
            (10_000_000, "10"),
            (12_001_000, "12.001"),
            (12_000_100, "12.0001"),
            (999_999, "0.999999"),
            (u64::MAX, "18446744073709.551615"),
            (99_000_000, "99"),
            (100_000_000, "100"),
            (4_294_967_296_000_000, "4294967296"),
        ] {
            let mut out = Vec::new();
            write_scaled(&mut out, value, 6);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
