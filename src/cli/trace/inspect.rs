//! A profile of a trace as tables for people and as JSON for programs.

use super::super::screen::{align_right, table as new_table};
use crate::base::time::{SimSpan, SimTime};
use crate::model::workload::TraceInput;
use crate::report::human;
use crate::trace::profile::{Profile, Size, Tally};
use comfy_table::Table;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How many sizes are listed.
const TOP: usize = 10;
/// The quantiles that are shown, in parts per thousand.
const QUANTILES: [(&str, u64); 3] = [("p50", 500), ("p90", 900), ("p99", 990)];

/// The profile for people.
pub(super) fn table(input: &TraceInput, profile: &Profile) -> String {
    let mut text = format!("{}: {}\n", human::visible(&input.display), input.format.name());
    let _ = writeln!(text, "{}", rows(profile));
    if profile.tasks == 0 {
        return text + "no tasks\n";
    }
    let _ = writeln!(text, "{}", arrivals(profile));
    let _ = writeln!(text, "{}", quantities(profile));
    let _ = writeln!(text, "{}", sizes(profile));
    text
}

fn rows(profile: &Profile) -> Table {
    let counts = &profile.rows;
    let mut table = new_table(&["rows", ""]);
    table.add_row(["read".to_owned(), thousands(counts.read)]);
    table.add_row(["used".to_owned(), thousands(counts.used)]);
    for (what, reasons) in [("skipped", &counts.skipped), ("adjusted", &counts.adjusted)] {
        for (reason, number) in reasons {
            table.add_row([format!("{what}: {reason}"), thousands(*number)]);
        }
    }
    align_right(&mut table, 1..2);
    table
}

fn arrivals(profile: &Profile) -> Table {
    let mut table = new_table(&["tasks", ""]);
    let (first, _) = profile.span.unwrap_or_default();
    let since_zero = |at: SimTime| human::span(at.since(SimTime::ZERO));
    let peak = &profile.peak;
    let a_minute = format!(
        "{} a minute, from {} s on",
        thousands(peak.tasks),
        human::decimal(peak.from.to_secs_f64(), 0)
    );
    let mut lines = vec![
        ("tasks (copies of rows)", thousands(profile.tasks)),
        ("first arrival", since_zero(first)),
        ("first to last arrival", human::span(profile.arrival_span())),
        ("last end, if none waits", since_zero(profile.last_end)),
        ("mean rate of arrivals", profile.tasks_per_second().map_or_else(dash, rate)),
        ("highest rate of arrivals", a_minute),
        ("vCPU-hours", human::decimal(profile.vcpu_hours(), 1)),
        ("GiB-hours", human::decimal(profile.gib_hours(), 1)),
        ("mean vCPUs at work, if none waits", mean_load(profile, profile.vcpu_hours())),
        ("mean GiB at work, if none waits", mean_load(profile, profile.gib_hours())),
    ];
    for (name, tasks) in
        [("tasks with GPUs", profile.gpu_tasks), ("tasks that fail", profile.failing_tasks)]
    {
        if tasks > 0 {
            lines.push((name, thousands(tasks)));
        }
    }
    for (name, value) in lines {
        table.add_row([name.to_owned(), value]);
    }
    align_right(&mut table, 1..2);
    table
}

/// From the first arrival to the last end.
fn makespan(profile: &Profile) -> SimSpan {
    profile.span.map_or(SimSpan::ZERO, |(first, _)| profile.last_end.since(first))
}

fn mean_load(profile: &Profile, hours: f64) -> String {
    let all_hours = makespan(profile).to_secs_f64() / 3_600.0;
    if all_hours > 0.0 { human::decimal(hours / all_hours, 1) } else { dash() }
}

fn rate(per_second: f64) -> String {
    if per_second >= 0.1 {
        format!("{} a second", human::decimal(per_second, 2))
    } else {
        format!("{} an hour", human::decimal(per_second * 3_600.0, 2))
    }
}

fn quantities(profile: &Profile) -> Table {
    let headers: Vec<&str> =
        ["of a task"].into_iter().chain(QUANTILES.map(|(name, _)| name)).chain(["max"]).collect();
    let mut table = new_table(&headers);
    let mut add = |name: &str, tally: &Tally, show: &dyn Fn(u64) -> String| {
        let mut row = vec![name.to_owned()];
        row.extend(QUANTILES.map(|(_, at)| tally.quantile(at).map_or_else(dash, show)));
        row.push(tally.max().map_or_else(dash, show));
        table.add_row(row);
    };
    add("CPU units", &profile.cpu, &thousands);
    add("memory, MiB", &profile.memory, &thousands);
    add("duration", &profile.duration, &|micros| human::span(SimSpan(micros)));
    align_right(&mut table, 1..headers.len());
    table
}

fn sizes(profile: &Profile) -> String {
    let mut table = new_table(&["CPU units", "memory, MiB", "GPUs", "tasks", "share"]);
    let text = |value: Option<u32>| value.map_or_else(dash, |value| thousands(u64::from(value)));
    for (Size { cpu, memory, gpus }, tasks) in profile.top_sizes(TOP) {
        let share = human::percent(100.0 * tasks as f64 / profile.tasks as f64);
        table.add_row([text(cpu), text(memory), gpus.to_string(), thousands(tasks), share]);
    }
    align_right(&mut table, 0..5);
    let distinct = profile.distinct_sizes();
    match (distinct, profile.tasks_of_other_sizes()) {
        (_, 0) if distinct <= TOP => table.to_string(),
        (_, 0) => format!("{table}\nthe first {TOP} of {} sizes", thousands(distinct as u64)),
        (_, others) => format!(
            "{table}\nthe first {TOP} of more than {} sizes; {} tasks have further ones",
            thousands(distinct as u64),
            thousands(others)
        ),
    }
}

/// The profile for programs.
pub(super) fn json(input: &TraceInput, profile: &Profile) -> String {
    let quantiles = |tally: &Tally, show: &dyn Fn(u64) -> Value| {
        let mut all: BTreeMap<&str, Value> = QUANTILES
            .iter()
            .map(|(name, at)| (*name, tally.quantile(*at).map_or(Value::Null, show)))
            .collect();
        all.insert("max", tally.max().map_or(Value::Null, show));
        all.insert("tasks", tally.count().into());
        all
    };
    let seconds = |micros: u64| json!(SimSpan(micros).to_secs_f64());
    let sizes: Vec<Value> = profile
        .top_sizes(TOP)
        .into_iter()
        .map(|(size, tasks)| {
            json!({ "cpu": size.cpu, "memory_mib": size.memory, "gpus": size.gpus, "tasks": tasks })
        })
        .collect();
    let answer = json!({
        "schema": "ecsim/1",
        "trace": input.display,
        "format": input.format.name(),
        "rows": {
            "read": profile.rows.read,
            "used": profile.rows.used,
            "skipped": profile.rows.skipped,
            "adjusted": profile.rows.adjusted,
        },
        "tasks": profile.tasks,
        "first_arrival_s": profile.span.map(|(first, _)| first.to_secs_f64()),
        "last_arrival_s": profile.span.map(|(_, last)| last.to_secs_f64()),
        "last_end_s": profile.span.map(|_| profile.last_end.to_secs_f64()),
        "tasks_per_second": profile.tasks_per_second(),
        "peak_minute": { "from_s": profile.peak.from.to_secs_f64(), "tasks": profile.peak.tasks },
        "cpu": quantiles(&profile.cpu, &Value::from),
        "memory_mib": quantiles(&profile.memory, &Value::from),
        "duration_s": quantiles(&profile.duration, &seconds),
        "vcpu_hours": profile.vcpu_hours(),
        "gib_hours": profile.gib_hours(),
        "gpu_tasks": profile.gpu_tasks,
        "failing_tasks": profile.failing_tasks,
        "distinct_sizes": profile.distinct_sizes(),
        "tasks_of_other_sizes": profile.tasks_of_other_sizes(),
        "top_sizes": sizes,
    });
    format!("{answer}\n")
}

fn thousands(value: u64) -> String {
    human::thousands(u128::from(value))
}

fn dash() -> String {
    "-".to_owned()
}
