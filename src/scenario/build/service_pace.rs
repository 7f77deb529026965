//! The pace of the service scheduler, the delays of CloudWatch, and the calendar.

use super::Build;
use crate::base::distribution::Distribution;
use crate::base::time::SimSpan;
use crate::model::scaling::MetricDelays;
use crate::model::service::SchedulerSettings;
use crate::scenario::diagnostic::quoted;
use crate::scenario::sections::{CLOUDWATCH, SERVICE_SCHEDULER};
use crate::scenario::settings::{Settings, Value};

impl Build<'_> {
    /// Time zero on the calendar, seconds since 1970.
    pub(super) fn epoch(&mut self, simulation: &Settings) -> i64 {
        let text = simulation.text("start").unwrap_or_default();
        match text.parse::<jiff::Timestamp>() {
            Ok(instant) => instant.as_second(),
            Err(_) => {
                let message = format!("`start` {} is no RFC 3339 instant", quoted(text));
                let help = "write a date, a time and an offset, such as \"2026-01-05T00:00:00Z\"";
                self.error_with_help(simulation.value_place("start"), message, help);
                0
            }
        }
    }
}

/// `[service_scheduler]`.
pub(super) fn scheduler(root: &Settings) -> SchedulerSettings {
    let defaults = Settings::empty(&SERVICE_SCHEDULER, root.place);
    let table = root.table("service_scheduler").unwrap_or(&defaults);
    let known = SchedulerSettings::default();
    let span = |key: &str, otherwise: SimSpan| table.span(key).unwrap_or(otherwise);
    SchedulerSettings {
        cycle: span("cycle", known.cycle),
        reaction: table.distribution("reaction").cloned().unwrap_or(known.reaction),
        crash_reaction: crash_reaction(table).cloned().unwrap_or(known.crash_reaction),
        batch: table.whole32("batch"),
        launches_per_minute: table
            .whole32("launches_per_minute")
            .unwrap_or(known.launches_per_minute),
        throttle_after: table.whole32("throttle_after").unwrap_or(known.throttle_after),
        throttle_delays: spans(table, "throttle_delays"),
        placement_delays: spans(table, "placement_delays"),
        new_instance_wakes: table.flag("new_instance_wakes"),
        healthy_without_checks: span("healthy_without_checks", known.healthy_without_checks),
        draining_tasks_count: table.flag("draining_tasks_count"),
        rebalancing_delay: span("rebalancing_delay", known.rebalancing_delay),
        alarm_bake: span("alarm_bake", known.alarm_bake),
        event_repeat: span("event_repeat", known.event_repeat),
        next_out_of_memory: span("next_out_of_memory", known.next_out_of_memory),
    }
}

/// Whoever says that the scheduler is faster or slower than by default says it of crashes, too. By the value: the resolved
/// scenario gives every key.
fn crash_reaction(table: &Settings) -> Option<&Distribution> {
    let known = SchedulerSettings::default().reaction;
    let all = || table.distribution("reaction").filter(|reaction| **reaction != known);
    table.distribution("crash_reaction").or_else(all)
}

/// `[cloudwatch]`.
pub(super) fn metric_delays(root: &Settings) -> MetricDelays {
    let defaults = Settings::empty(&CLOUDWATCH, root.place);
    let table = root.table("cloudwatch").unwrap_or(&defaults);
    let known = MetricDelays::default();
    MetricDelays {
        standard: table.span("metric_delay").unwrap_or(known.standard),
        high_resolution: table.span("high_resolution_delay").unwrap_or(known.high_resolution),
    }
}

fn spans(settings: &Settings, key: &str) -> Vec<SimSpan> {
    let span = |value: &Value| match value {
        Value::Span(span) => Some(*span),
        _ => None,
    };
    settings.list(key).iter().filter_map(|item| span(&item.value)).collect()
}
