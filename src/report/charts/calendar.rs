//! An axis of time by the calendar: ticks at round hours, midnights, Mondays and first days of months, in UTC.

use super::axis::Axis;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
/// Most ticks of an axis.
const MOST_TICKS: i64 = 14;
/// Steps within a day, in seconds.
const STEPS: [i64; 18] = [
    1,
    2,
    5,
    10,
    15,
    30,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    4 * HOUR,
    6 * HOUR,
    12 * HOUR,
];
/// Steps in days.
const DAYS: [i64; 3] = [1, 2, 7];
/// Steps in months; beyond them whole years.
const MONTHS: [i64; 5] = [1, 2, 3, 6, 12];

/// Ticks over `seconds` from `start`, seconds since 1970, on; and what the axis is called. `None` beyond the calendar.
pub fn ticks(start: i64, seconds: f64) -> Option<(Vec<(f64, String)>, String)> {
    let span = seconds.ceil() as i64;
    let begin = civil(start)?;
    civil(start.checked_add(span)?)?;
    let fits = |step: &i64| span / step <= MOST_TICKS;
    let days = DAYS.map(|days| days * DAY);
    let ticks = if let Some(step) = STEPS.into_iter().find(fits) {
        every(start, span, step, 0).map(|at| Some((at, clock(civil(at)?, step)))).collect()
    } else if let Some(step) = days.into_iter().find(fits) {
        // 1970 began on a Thursday: Mondays are four days later.
        let phase = if step == 7 * DAY { 4 * DAY } else { 0 };
        every(start, span, step, phase).map(|at| Some((at, day(civil(at)?)))).collect()
    } else {
        firsts(begin.date(), start, span)
    };
    let ticks: Option<Vec<(i64, String)>> = ticks;
    let ticks = ticks?.into_iter().map(|(at, label)| ((at - start) as f64, label)).collect();
    let (date, time) = (begin.date(), begin.time().strftime("%H:%M"));
    Some((ticks, format!("UTC, from {} {}, {time}", weekday(date), date.strftime("%-d %b %Y"))))
}

impl Axis {
    /// The axis over `seconds` with its name: by the calendar where the scenario has one, else since the start.
    pub fn clock(start: Option<i64>, seconds: f64, span: (f64, f64)) -> (Axis, String) {
        let (mut axis, unit) = Axis::time(seconds, span);
        match start.and_then(|start| ticks(start, seconds.clamp(1.0, 1e12))) {
            Some((ticks, name)) => {
                axis.ticks = ticks;
                (axis, name)
            }
            None => (axis, format!("time since the start, {unit}")),
        }
    }
}

fn civil(unix_s: i64) -> Option<DateTime> {
    Timestamp::from_second(unix_s).ok().map(|at| TimeZone::UTC.to_datetime(at))
}

/// The instants from `start` on that are `phase` after a multiple of `step`.
fn every(start: i64, span: i64, step: i64, phase: i64) -> impl Iterator<Item = i64> {
    let first = start + (phase - start).rem_euclid(step);
    (0..=MOST_TICKS + 1)
        .map(move |index| first + index * step)
        .filter(move |&at| at - start <= span)
}

/// The first days of months, at most [`MOST_TICKS`] and one.
fn firsts(begin: Date, start: i64, span: i64) -> Option<Vec<(i64, String)>> {
    let months = span / (30 * DAY);
    let years = || (2..10_000).map(|years| 12 * years);
    let step = MONTHS.into_iter().chain(years()).find(|step| months / step <= MOST_TICKS)?;
    let mut date = begin.first_of_month();
    let mut ticks = Vec::new();
    loop {
        let at = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_second();
        if at - start > span {
            return Some(ticks);
        }
        let month = i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
        if at >= start && month % step == 0 {
            let label = if date.month() == 1 { "%Y" } else { "%b" };
            ticks.push((at, date.strftime(label).to_string()));
        }
        date = date.checked_add(1.month()).ok()?;
    }
}

/// `14:00`, `14:00:05` where seconds matter, at midnight the day.
fn clock(at: DateTime, step: i64) -> String {
    let time = at.time();
    match (time.hour(), time.minute(), time.second()) {
        (0, 0, 0) => format!("{} {}", weekday(at.date()), day(at)),
        _ if step < MINUTE => time.strftime("%H:%M:%S").to_string(),
        _ => time.strftime("%H:%M").to_string(),
    }
}

/// `5 Jan`.
fn day(at: DateTime) -> String {
    at.date().strftime("%-d %b").to_string()
}

fn weekday(date: Date) -> String {
    date.strftime("%a").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-05T00:00:00Z, a Monday.
    const MONDAY: i64 = 1_767_571_200;

    fn labels(start: i64, seconds: f64) -> (Vec<String>, Vec<f64>, String) {
        let (ticks, name) = ticks(start, seconds).unwrap();
        let (at, labels) = ticks.into_iter().unzip();
        (labels, at, name)
    }

    #[test]
    fn hours_are_those_of_the_clock_and_midnight_names_the_day() {
        // From 22:30 to 04:30: the first whole hour is half an hour later.
        let (labels, at, name) = labels(MONDAY - 5_400, 6.0 * 3_600.0);
        assert_eq!(
            labels[..7],
            ["22:30", "23:00", "23:30", "Mon 5 Jan", "00:30", "01:00", "01:30"]
        );
        assert_eq!(at[3], 5_400.0);
        assert_eq!(name, "UTC, from Sun 4 Jan 2026, 22:30");
    }

    #[test]
    fn weeks_begin_on_mondays_and_months_on_their_first_day() {
        let (halves, at, _) = labels(MONDAY + 21_600, 5.0 * 86_400.0);
        assert_eq!(halves[..3], ["12:00", "Tue 6 Jan", "12:00"]);
        assert_eq!(at[0], 21_600.0);
        let (weeks, at, _) = labels(MONDAY + 86_400, 60.0 * 86_400.0);
        assert_eq!(weeks[..3], ["12 Jan", "19 Jan", "26 Jan"]);
        assert_eq!(at[0], 6.0 * 86_400.0);
        let (months, at, _) = labels(MONDAY, 400.0 * 86_400.0);
        assert_eq!(months[..2], ["Feb", "Mar"]);
        assert_eq!((months[11].as_str(), months.len()), ("2027", 13));
        assert_eq!(at[0], 27.0 * 86_400.0);
        let (years, ..) = labels(MONDAY, 9.0 * 365.0 * 86_400.0);
        assert_eq!(years[..2], ["2027", "2028"]);
    }

    #[test]
    fn without_a_calendar_and_beyond_it_time_counts_from_the_start() {
        for start in [None, Some(i64::MAX), Some(253_402_300_700)] {
            let (axis, name) = Axis::clock(start, 7_200.0, (0.0, 1.0));
            assert_eq!(
                (name.as_str(), axis.ticks[1].1.as_str()),
                ("time since the start, minutes", "10")
            );
        }
        for seconds in [f64::NAN, f64::INFINITY, 0.0, 1e15] {
            let (axis, _) = Axis::clock(Some(MONDAY), seconds, (0.0, 1.0));
            assert!(axis.ticks.len() < 40, "{seconds}");
        }
    }
}
