//! A workload that rests for a part of each day: nothing arrives then, and services are scaled to no tasks.
//!
//! Days are counted from the beginning of the run; the workload begins with each of them.

use super::variant::{entries, table_of};
use crate::base::time::SimSpan;
use crate::model::arrival::{RowCounts, TaskRow, TaskStream, TraceProblem};
use crate::model::traffic::{RateSegment, RateStream};
use crate::sim::setup::Inputs;
use toml::{Table, Value};

/// Minutes of a day.
const MINUTES: u32 = 24 * 60;
/// A day in microseconds.
const DAY: u64 = 86_400_000_000;
/// Reason under which rows are counted that would come while the workload rests.
const AT_REST: &str = "in the part of the day in which the workload rests";

/// For how long of each day the workload runs that runs for `percent` of it: whole minutes.
pub(super) fn active(percent: u32) -> SimSpan {
    SimSpan::from_secs(u64::from(minutes(percent)) * 60)
}

fn minutes(percent: u32) -> u32 {
    (MINUTES * percent + 50) / 100
}

/// Lets the services of a scenario that begins at `epoch_s`, seconds since 1970, have tasks for `percent` of each day only, by
/// scheduled actions of service auto scaling.
///
/// # Errors
/// A service that has counts by its own times.
pub(super) fn rest(table: &mut Table, percent: u32, epoch_s: i64) -> Result<(), String> {
    let begin = (epoch_s.div_euclid(60).rem_euclid(i64::from(MINUTES))) as u32;
    let end = (begin + minutes(percent)) % MINUTES;
    for service in entries(table, "service") {
        if service.get("scheduling_strategy").and_then(Value::as_str) == Some("DAEMON") {
            continue; // it has as many tasks as there are instances
        }
        let name = service.get("name").and_then(Value::as_str).unwrap_or_default().to_string();
        if entries(service, "update").any(|update| update.contains_key("desired_count")) {
            return Err(format!("the service {name} has updates of its desired_count"));
        }
        let count = service.get("desired_count").cloned().unwrap_or(Value::Integer(1));
        let none: [(&str, Value); 2] = [("min_capacity", count.clone()), ("max_capacity", count)];
        let scaling = service.entry("scaling").or_insert_with(|| table_of(none));
        let Value::Table(scaling) = scaling else { continue };
        if scaling.contains_key("scheduled") {
            return Err(format!("the service {name} has scheduled actions of its own"));
        }
        let limit = |key: &str| scaling.get(key).cloned().unwrap_or(Value::Integer(0));
        let (least, most) = (limit("min_capacity"), limit("max_capacity"));
        let nothing = || Value::Integer(0);
        let actions = vec![action(end, nothing(), nothing()), action(begin, least, most)];
        scaling.insert("scheduled".into(), Value::Array(actions));
    }
    Ok(())
}

/// An action on every day at a minute of it.
fn action(minute: u32, least: Value, most: Value) -> Value {
    let schedule = format!("cron({} {} * * ? *)", minute % 60, minute / 60);
    table_of([
        ("schedule", Value::String(schedule)),
        ("min_capacity", least),
        ("max_capacity", most),
    ])
}

/// Takes away what arrives in the part of each day in which the workload rests.
pub(super) fn silence(inputs: &mut Inputs, active: SimSpan) {
    let tasks = std::mem::take(&mut inputs.tasks).into_iter();
    let tasks = tasks.map(|inner| -> Box<dyn TaskStream + Send> {
        Box::new(Tasks { inner, active: active.0, rested: 0, counts: None })
    });
    inputs.tasks = tasks.collect();
    let traffic = std::mem::take(&mut inputs.traffic).into_iter();
    let requests = |inner| -> Box<dyn RateStream + Send> {
        Box::new(Requests { inner, active: active.0, rest: None })
    };
    inputs.traffic = traffic.map(|stream| stream.map(requests)).collect();
}

/// Rows of a caller that come in the active part of the day.
struct Tasks {
    inner: Box<dyn TaskStream + Send>,
    active: u64,
    /// Rows that were left out.
    rested: u64,
    /// What became of all rows, once the stream has ended.
    counts: Option<RowCounts>,
}

impl Tasks {
    fn settle(&mut self) {
        let mut counts = self.inner.counts().clone();
        counts.used = counts.used.saturating_sub(self.rested);
        if self.rested > 0 {
            counts.skipped.insert(AT_REST.into(), self.rested);
        }
        self.counts = Some(counts);
    }
}

impl TaskStream for Tasks {
    fn next_row(&mut self) -> Result<Option<TaskRow>, TraceProblem> {
        loop {
            match self.inner.next_row()? {
                Some(row) if row.arrival.0 % DAY >= self.active => self.rested += 1,
                Some(row) => return Ok(Some(row)),
                None => {
                    self.settle();
                    return Ok(None);
                }
            }
        }
    }

    fn end(&mut self, untaken: u64) {
        self.inner.end(untaken);
        self.settle();
    }

    fn names(&self) -> &[String] {
        self.inner.names()
    }

    fn place(&self) -> Option<(&str, u64)> {
        self.inner.place()
    }

    fn counts(&self) -> &RowCounts {
        self.counts.as_ref().unwrap_or_else(|| self.inner.counts())
    }
}

/// Requests of a service in the active part of the day.
struct Requests {
    inner: Box<dyn RateStream + Send>,
    active: u64,
    /// What of a segment comes after the part that was given.
    rest: Option<RateSegment>,
}

impl RateStream for Requests {
    fn next_segment(&mut self) -> Result<Option<RateSegment>, TraceProblem> {
        let next = match self.rest.take() {
            Some(rest) => Some(rest),
            None => self.inner.next_segment()?,
        };
        let Some(segment) = next else { return Ok(None) };
        let of_day = segment.start.0 % DAY;
        let is_active = of_day < self.active;
        let until = segment.start.0 - of_day + if is_active { self.active } else { DAY };
        let mut head = segment;
        if until < segment.end.0 {
            let (part, whole) = (until - segment.start.0, segment.end.0 - segment.start.0);
            let micro = u128::from(segment.micro) * u128::from(part) / u128::from(whole);
            head.end.0 = until;
            head.micro = micro as u64; // no more than that of the whole
            let micro = segment.micro - head.micro;
            self.rest = Some(RateSegment { start: head.end, end: segment.end, micro });
        }
        if !is_active {
            head.micro = 0;
        }
        Ok(Some(head))
    }

    fn end(&mut self) {
        self.inner.end();
    }

    fn counts(&self) -> &RowCounts {
        self.inner.counts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimTime;

    const HOUR: u64 = 3_600_000_000;

    /// Rows or segments that are given, one after the other.
    struct Given<T>(std::vec::IntoIter<T>, RowCounts);

    impl TaskStream for Given<TaskRow> {
        fn next_row(&mut self) -> Result<Option<TaskRow>, TraceProblem> {
            let row = self.0.next();
            let some = u64::from(row.is_some());
            (self.1.read, self.1.used) = (self.1.read + some, self.1.used + some);
            Ok(row)
        }
        fn names(&self) -> &[String] {
            &[]
        }
        fn counts(&self) -> &RowCounts {
            &self.1
        }
    }

    impl RateStream for Given<RateSegment> {
        fn next_segment(&mut self) -> Result<Option<RateSegment>, TraceProblem> {
            Ok(self.0.next())
        }
        fn counts(&self) -> &RowCounts {
            &self.1
        }
    }

    #[test]
    fn rows_at_rest_are_left_out_and_counted() {
        let row = |hour: u64| TaskRow {
            arrival: SimTime(hour * HOUR),
            cpu: None,
            memory: None,
            gpus: None,
            duration: None,
            count: 1,
            definition: None,
            group: None,
            ephemeral_gib: None,
            exit_code: 0,
        };
        let rows = [0, 5, 6, 23, 24, 29, 30].map(row).to_vec();
        let inner = Box::new(Given(rows.into_iter(), RowCounts::default()));
        let mut of_day = Tasks { inner, active: active(25).0, rested: 0, counts: None };
        let mut hours = Vec::new();
        while let Some(row) = of_day.next_row().unwrap() {
            hours.push(row.arrival.0 / HOUR);
        }
        assert_eq!(hours, [0, 5, 24, 29]);
        let counts = of_day.counts();
        assert_eq!((counts.read, counts.used, counts.skipped[AT_REST]), (7, 4, 3));
    }

    /// 48 requests over two days, at half a day each: 12, nothing, 12, nothing.
    #[test]
    fn requests_are_cut_at_the_ends_of_the_days_parts() {
        let all = RateSegment { start: SimTime::ZERO, end: SimTime(2 * DAY), micro: 48_000_000 };
        let inner = Box::new(Given(vec![all].into_iter(), RowCounts::default()));
        let mut of_day = Requests { inner, active: active(50).0, rest: None };
        let mut found = Vec::new();
        while let Some(segment) = of_day.next_segment().unwrap() {
            found.push((segment.start.0 / HOUR, segment.end.0 / HOUR, segment.micro));
        }
        let requests = 12_000_000;
        assert_eq!(found, [(0, 12, requests), (12, 24, 0), (24, 36, requests), (36, 48, 0)]);
    }

    #[test]
    fn services_get_scheduled_actions_by_the_clock_of_the_run() {
        let text = "[[service]]\nname = \"a\"\ndesired_count = 4\n[[service]]\nname = \"b\"\n\
             [service.scaling]\nmin_capacity = 2\nmax_capacity = 9\n";
        let mut table: Table = toml::from_str(text).unwrap();
        rest(&mut table, 25, 23 * 3_600).unwrap(); // the run begins at 23:00
        let scaling = |index: usize| table["service"][index]["scaling"].clone();
        for (index, least, most) in [(0, 4, 4), (1, 2, 9)] {
            let scaling = scaling(index);
            assert_eq!(scaling["min_capacity"].as_integer(), Some(least), "from the beginning on");
            let action = |at: usize| {
                let of = |key: &str| scaling["scheduled"][at][key].clone();
                let number = |key: &str| of(key).as_integer().unwrap();
                let schedule = of("schedule").as_str().unwrap().to_string();
                (schedule, number("min_capacity"), number("max_capacity"))
            };
            assert_eq!(action(0), ("cron(0 5 * * ? *)".into(), 0, 0));
            assert_eq!(action(1), ("cron(0 23 * * ? *)".into(), least, most));
        }
        assert!(rest(&mut table, 25, 0).is_err_and(|why| why.contains("scheduled actions")));
    }
}
