//! AWS's cron expressions: minutes, hours, day of month, month, day of week, year; 1 is Sunday.
//!
//! A field is a bit set; days have `L`, `W` and `#` besides. One of the two day fields is `?`. The search goes month by
//! month and day by day up to the last year of the expression, so impossible dates end it.

use super::schedule::instant_of;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

const FIRST_YEAR: i64 = 1970;
const LAST_YEAR: i64 = 2199;
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEK_DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A field as it is written: its name for messages, its range, names of its values.
struct Field {
    name: &'static str,
    first: i64,
    last: i64,
    names: &'static [&'static str],
}

const MINUTES: Field = Field { name: "minutes", first: 0, last: 59, names: &[] };
const HOURS: Field = Field { name: "hours", first: 0, last: 23, names: &[] };
const DAYS: Field = Field { name: "day of month", first: 1, last: 31, names: &[] };
const MONTH: Field = Field { name: "month", first: 1, last: 12, names: &MONTHS };
const DAY_OF_WEEK: Field = Field { name: "day of week", first: 1, last: 7, names: &WEEK_DAYS };
const YEAR: Field = Field { name: "year", first: FIRST_YEAR, last: LAST_YEAR, names: &[] };

/// Which days of a month match.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    /// Days of the month, bit 1 to 31.
    OfMonth(u64),
    /// `L`, or `LW`: the last day, or the last day from Monday to Friday.
    Last { is_working: bool },
    /// `15W`: the day from Monday to Friday nearest to a day, in the same month.
    Nearest(i8),
    /// Days of the week, bit 1 (Sunday) to 7.
    OfWeek(u64),
    /// `6L`: the last such day of the week.
    LastOfWeek(i8),
    /// `2#1`: the first, second, ... such day of the week.
    Nth(i8, i8),
}

/// A cron expression.
#[derive(Clone, Debug)]
pub(super) struct Cron {
    minutes: u64,
    hours: u64,
    days: Days,
    months: u64,
    /// Bit 0 is [`FIRST_YEAR`].
    years: [u64; 4],
    last_year: i16,
}

/// The second at which clocks show `local`, or at which they have jumped over it; and whether they show it.
fn instant(local: DateTime, zone: &TimeZone) -> Option<(i64, bool)> {
    let due = instant_of(local, zone)?;
    let shown = zone.to_datetime(Timestamp::from_second(due).ok()?);
    Some((due, shown == local))
}

impl Field {
    fn wrong(&self, part: &str) -> String {
        let Field { name, first, last, .. } = self;
        format!("`{part}` is wrong in the field {name} ({first} to {last})")
    }

    fn value(&self, text: &str) -> Result<i64, String> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        if let Some(index) = named {
            return Ok(self.first + index as i64);
        }
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let value = text.parse().ok().filter(|v| is_number && (self.first..=self.last).contains(v));
        value.ok_or_else(|| self.wrong(text))
    }

    /// Calls `take` with every value of a list of values, ranges and steps.
    fn each(&self, text: &str, mut take: impl FnMut(i64)) -> Result<(), String> {
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => (range, Some(step)),
                None => (part, None),
            };
            let (from, to) = match range.split_once('-') {
                _ if range == "*" => (self.first, self.last),
                Some((from, to)) => (self.value(from)?, self.value(to)?),
                // `5/10` goes on to the end of the field, `5` does not.
                None if step.is_some() => (self.value(range)?, self.last),
                None => (self.value(range)?, self.value(range)?),
            };
            if from > to {
                return Err(format!("{}: a range goes up; split it in two", self.wrong(part)));
            }
            let step = match step.map(str::parse::<usize>) {
                None => 1,
                Some(Ok(step)) if step > 0 => step,
                Some(_) => return Err(format!("{}: a step is a number above 0", self.wrong(part))),
            };
            (from..=to).step_by(step).for_each(&mut take);
        }
        Ok(())
    }

    fn bits(&self, text: &str) -> Result<u64, String> {
        let mut bits = 0;
        self.each(text, |value| bits |= 1 << value)?;
        Ok(bits)
    }
}

impl Cron {
    /// Reads the six fields between the parentheses.
    pub(super) fn parse(text: &str) -> Result<Cron, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, week_days, years] = fields[..] else {
            return Err(format!(
                "cron has six fields (minutes, hours, day of month, month, day of week, year), not {}",
                fields.len()
            ));
        };
        let days = match (days, week_days) {
            ("?", "?") => return Err("only one of day of month and day of week can be `?`".into()),
            (days, "?") => days_of_month(days)?,
            ("?", week_days) => days_of_week(week_days)?,
            _ => {
                return Err(
                    "one of day of month and day of week must be `?`, as in `0 9 * * ? *`".into()
                );
            }
        };
        let mut in_years = [0; 4];
        let mut last_year = FIRST_YEAR;
        YEAR.each(years, |year| {
            let bit = (year - FIRST_YEAR) as usize;
            in_years[bit / 64] |= 1 << (bit % 64);
            last_year = last_year.max(year);
        })?;
        Ok(Cron {
            minutes: MINUTES.bits(minutes)?,
            hours: HOURS.bits(hours)?,
            days,
            months: MONTH.bits(months)?,
            years: in_years,
            last_year: last_year as i16,
        })
    }

    fn has_year(&self, year: i16) -> bool {
        let bit = usize::try_from(i64::from(year) - FIRST_YEAR).unwrap_or(usize::MAX);
        self.years.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// The first matching second after `after_s`, both since 1970; `None`: never again.
    pub(super) fn next(&self, after_s: i64, zone: &TimeZone) -> Option<i64> {
        let after = Timestamp::from_second(after_s).ok()?;
        let local = zone.to_datetime(after);
        let (mut year, mut month) = (local.year().max(FIRST_YEAR as i16), local.month());
        if local.year() < year {
            month = 1;
        }
        while year <= self.last_year {
            if self.has_year(year) && self.months >> month & 1 == 1 {
                let first = Date::new(year, month, 1).ok()?;
                let found = self.next_in_month(first, local, after_s, zone);
                if found.is_some() {
                    return found;
                }
            }
            (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        }
        None
    }

    /// Whether it has an instant on this day that clocks which go forward do not leave out. Then it skips those that
    /// they do; else it runs once, when they have gone forward.
    fn runs_on(&self, date: Date, zone: &TimeZone) -> bool {
        let mut hours = (0..24).filter(|hour| self.hours >> hour & 1 == 1);
        hours.any(|hour| {
            let mut minutes = (0..60).filter(|minute| self.minutes >> minute & 1 == 1);
            minutes.any(|minute| {
                instant(date.at(hour, minute, 0, 0), zone).is_some_and(|(_, is_there)| is_there)
            })
        })
    }

    fn next_in_month(
        &self,
        first: Date,
        local: DateTime,
        after_s: i64,
        zone: &TimeZone,
    ) -> Option<i64> {
        let days = self.days.in_month(first);
        for day in (1..=first.days_in_month()).filter(|day| days >> day & 1 == 1) {
            let date = Date::new(first.year(), first.month(), day).ok()?;
            if date < local.date() {
                continue;
            }
            for hour in (0..24).filter(|hour| self.hours >> hour & 1 == 1) {
                if date == local.date() && hour < local.hour() {
                    continue;
                }
                for minute in (0..60).filter(|minute| self.minutes >> minute & 1 == 1) {
                    let (due, is_there) = instant(date.at(hour, minute, 0, 0), zone)?;
                    if due > after_s && (is_there || !self.runs_on(date, zone)) {
                        return Some(due);
                    }
                }
            }
        }
        None
    }
}

fn days_of_month(text: &str) -> Result<Days, String> {
    match text.to_ascii_uppercase().as_str() {
        "L" => Ok(Days::Last { is_working: false }),
        "LW" => Ok(Days::Last { is_working: true }),
        upper => match upper.strip_suffix('W') {
            Some(day) => Ok(Days::Nearest(DAYS.value(day)? as i8)),
            None => Ok(Days::OfMonth(DAYS.bits(upper)?)),
        },
    }
}

fn days_of_week(text: &str) -> Result<Days, String> {
    let upper = text.to_ascii_uppercase();
    if upper == "L" {
        // The last day of the week is Saturday.
        return Ok(Days::OfWeek(1 << 7));
    }
    if let Some(day) = upper.strip_suffix('L') {
        return Ok(Days::LastOfWeek(DAY_OF_WEEK.value(day)? as i8));
    }
    if let Some((day, nth)) = upper.split_once('#') {
        let nth = nth.parse().ok().filter(|nth| (1..=5).contains(nth));
        let nth =
            nth.ok_or_else(|| format!("{}: `#` is followed by 1 to 5", DAY_OF_WEEK.wrong(text)))?;
        return Ok(Days::Nth(DAY_OF_WEEK.value(day)? as i8, nth));
    }
    Ok(Days::OfWeek(DAY_OF_WEEK.bits(&upper)?))
}

/// The day of the week as AWS counts it: 1 is Sunday.
fn week_day(date: Date) -> i8 {
    date.weekday().to_sunday_one_offset()
}

impl Days {
    /// The matching days of the month that begins with `first`, as bits 1 to 31.
    fn in_month(&self, first: Date) -> u64 {
        let length = first.days_in_month();
        let on = |day: i8| week_day(first).wrapping_sub(1).wrapping_add(day - 1).rem_euclid(7) + 1;
        match *self {
            Days::OfMonth(bits) => bits,
            Days::Last { is_working: false } => 1 << length,
            Days::Last { is_working: true } => match on(length) {
                1 => 1 << (length - 2),
                7 => 1 << (length - 1),
                _ => 1 << length,
            },
            Days::Nearest(day) if day > length => 0,
            Days::Nearest(day) => match on(day) {
                7 if day == 1 => 1 << 3,
                7 => 1 << (day - 1),
                1 if day == length => 1 << (day - 2),
                1 => 1 << (day + 1),
                _ => 1 << day,
            },
            Days::OfWeek(bits) => {
                (1..=length).filter(|&day| bits >> on(day) & 1 == 1).fold(0, |b, day| b | 1 << day)
            }
            Days::LastOfWeek(of) => (length - 6..=length)
                .filter(|&day| on(day) == of)
                .fold(0, |bits, day| bits | 1 << day),
            Days::Nth(of, nth) => {
                let day = (of - on(1)).rem_euclid(7) + 1 + 7 * (nth - 1);
                if day > length { 0 } else { 1 << day }
            }
        }
    }
}
