//! When a scheduled action is due: `at(...)`, `rate(...)`, `cron(...)` in an IANA time zone.
//!
//! The time zone database is part of the program, so that no file of the system changes a result. A local time that
//! daylight saving skips is due at the next existing time, a repeated one once, at its first occurrence.
//! Invariant: `next(t) > t`.

use super::cron::Cron;
use crate::model::scaling::ScheduledAction;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

/// A schedule that was found valid.
#[derive(Clone, Debug)]
pub struct Schedule {
    kind: Kind,
    zone: TimeZone,
}

#[derive(Clone, Debug)]
enum Kind {
    /// Once, at this second since 1970.
    At(i64),
    /// Every so many seconds.
    Rate(i64),
    Cron(Box<Cron>),
}

/// Reads a schedule expression; `zone` is an IANA name, empty for UTC.
///
/// # Errors
/// A sentence that says what is wrong and what would be right.
pub fn parse(text: &str, zone: &str) -> Result<Schedule, String> {
    let zone = if zone.is_empty() { "UTC" } else { zone };
    let zone = TimeZoneDatabase::bundled().get(zone).map_err(|_| {
        format!("unknown time zone `{zone}`; write an IANA name such as `Europe/Berlin` or `UTC`")
    })?;
    let text = text.trim();
    let (name, inside) = text
        .strip_suffix(')')
        .and_then(|rest| rest.split_once('('))
        .ok_or_else(|| unknown(text))?;
    let kind = match name {
        "at" => Kind::At(at(inside, &zone)?),
        "rate" => Kind::Rate(rate(inside)?),
        "cron" => Kind::Cron(Box::new(Cron::parse(inside)?)),
        _ => return Err(unknown(text)),
    };
    Ok(Schedule { kind, zone })
}

fn unknown(text: &str) -> String {
    format!(
        "`{text}` is no schedule; write `at(2026-03-08T09:00:00)`, `rate(5 minutes)` or `cron(0 9 ? * MON-FRI *)`"
    )
}

fn at(inside: &str, zone: &TimeZone) -> Result<i64, String> {
    let wrong = || format!("`{inside}` is no local time of the form `yyyy-mm-ddThh:mm:ss`");
    if inside.len() != 19 || inside.as_bytes().get(10) != Some(&b'T') {
        return Err(wrong());
    }
    let local: DateTime = inside.parse().map_err(|_| wrong())?;
    instant_of(local, zone).ok_or_else(wrong)
}

fn rate(inside: &str) -> Result<i64, String> {
    let wrong = || format!("`{inside}` is no rate; write a number and minutes, hours or days");
    let (number, unit) = inside.trim().split_once(' ').ok_or_else(wrong)?;
    let number: i64 = number.parse().map_err(|_| wrong())?;
    let unit_s = match unit.trim() {
        "minute" | "minutes" => 60,
        "hour" | "hours" => 3_600,
        "day" | "days" => 86_400,
        _ => return Err(wrong()),
    };
    if !(1..=36_500 * 1_440).contains(&number) {
        return Err(format!("a rate must be at least 1 and below 100 years, not `{inside}`"));
    }
    Ok(number * unit_s)
}

/// The second since 1970 of a local time; in a gap the gap's end, where it repeats its first occurrence.
pub(super) fn instant_of(local: DateTime, zone: &TimeZone) -> Option<i64> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let is_gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
    let earlier = ambiguous.earlier().ok()?;
    if is_gap {
        // The earlier reading lies before the change of the clock, which is the next existing time.
        return zone.following(earlier).next().map(|change| change.timestamp().as_second());
    }
    Some(earlier.as_second())
}

impl Schedule {
    /// The first due second after `after_s`; `None`: never again. Seconds count from 1970; rates count from `start_s`.
    #[must_use]
    pub fn next(&self, after_s: i64, start_s: i64) -> Option<i64> {
        match &self.kind {
            Kind::At(at) => (*at > after_s).then_some(*at),
            Kind::Rate(every) => {
                let gone = (after_s - start_s).max(0) / every;
                Some(start_s + (gone + 1) * every)
            }
            Kind::Cron(cron) => cron.next(after_s, &self.zone),
        }
    }
}

/// Whether an action sets any bound, and not a minimum above its maximum.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check_bounds(action: &ScheduledAction) -> Result<(), String> {
    match (action.min_capacity, action.max_capacity) {
        (None, None) => Err("a scheduled action sets a minimum, a maximum or both".into()),
        (Some(min), Some(max)) if min > max => {
            Err(format!("the minimum capacity {min} is above the maximum capacity {max}"))
        }
        _ => Ok(()),
    }
}
