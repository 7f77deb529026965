//! A summary as `summary.csv`, `summary.json`, and a table for people.

use super::csv::TableWriter;
use super::human;
use super::manifest::SCHEMA;
use crate::base::spreadsheet::free_text;
use crate::metrics::service_summary;
use crate::metrics::summary::{Metric, Summary, Value};
use crate::metrics::table::{ColumnSpec, TableSpec, column};
use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table};
use std::fmt::Write;

const METRIC_COLUMNS: &[ColumnSpec] = &[
    column("metric", "text", "–", "name of the metric, as in `summary.csv`"),
    column("value", "text", "see `unit`", "its value; empty where it is not defined"),
    column("unit", "text", "–", "its unit, empty where it has none"),
];

/// `metrics.csv`.
pub const METRICS: TableSpec = TableSpec {
    file: "metrics.csv",
    row: "metric of `summary.csv`, in its order",
    columns: METRIC_COLUMNS,
};

/// The value as in `summary.csv`.
fn cell(metric: &Metric) -> String {
    match &metric.value {
        Value::Text(text) => free_text(text).into_owned(),
        // A ratio that is not a number is not defined.
        Value::Ratio(ratio) if !ratio.is_finite() => String::new(),
        value => value.to_string(),
    }
}

/// `summary.csv`: the names of the metrics, and one row of values. A value that is not defined is empty.
#[must_use]
pub fn to_csv(summary: &Summary) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let names = summary.0.iter().map(|metric| metric.name.as_ref());
    let values = summary.0.iter().map(cell);
    let written = writer.write_record(names).and_then(|()| writer.write_record(values));
    written.expect("both rows have one cell for each metric");
    writer.into_inner().expect("flushing to memory cannot fail")
}

/// `metrics.csv`: the same metrics with a row each, as spreadsheets and data frames like them.
#[must_use]
pub fn to_rows(summary: &Summary) -> Vec<u8> {
    let mut table = TableWriter::new(METRICS);
    for metric in &summary.0 {
        table.row(&[metric.name.as_ref(), &cell(metric), metric.unit_or_nothing()]);
    }
    table.into_bytes()
}

/// `summary.json`, also what `--format json` prints: every metric with its unit, in the order of the summary.
/// Numbers are written exactly as in `summary.csv`; a value that is not defined is `null`.
#[must_use]
pub fn to_json(summary: &Summary) -> String {
    let mut out = format!("{{\n  \"schema\": \"{SCHEMA}\",");
    json_metrics(&mut out, summary, "  ");
    out.push_str("\n}\n");
    out
}

/// The key `metrics` of a JSON document.
pub(super) fn json_metrics(out: &mut String, summary: &Summary, indent: &str) {
    let _ = write!(out, "\n{indent}\"metrics\": {{");
    for (index, metric) in summary.0.iter().enumerate() {
        let value = match &metric.value {
            Value::Text(text) => quoted(text),
            Value::Missing => "null".into(),
            Value::Ratio(ratio) if !ratio.is_finite() => "null".into(),
            value => value.to_string(),
        };
        let comma = if index == 0 { "" } else { "," };
        let (name, unit) = (quoted(&metric.name), quoted(metric.unit));
        let _ =
            write!(out, "{comma}\n{indent}  {name}: {{ \"value\": {value}, \"unit\": {unit} }}");
    }
    let _ = write!(out, "\n{indent}}}");
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is always JSON")
}

/// How the table for people is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Style {
    /// Whether headings are bold. The caller knows about terminals and `NO_COLOR`; see [`Style::detect`].
    pub bold: bool,
    /// Most columns of characters; `None`: as wide as needed.
    pub width: Option<u16>,
}

/// Below this many columns a table is not fitted to the terminal: it would be one letter a line.
const NARROWEST: u16 = 40;

impl Style {
    /// What suits standard output: bold on a terminal, unless `NO_COLOR` is set to something, as wide as the
    /// terminal is.
    #[must_use]
    pub fn detect() -> Style {
        use std::io::IsTerminal;
        let terminal = std::io::stdout().is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        // A terminal without columns (cron, a bare pty) knows no width; a narrow one is better wrapped by itself.
        let width = Table::new().width().filter(|&width| terminal && width >= NARROWEST);
        Style { bold: terminal && !no_color, width }
    }
}

/// A table without lines.
pub(super) fn plain_table(style: Style) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    if style.bold {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    if let Some(width) = style.width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table
}

/// A heading in a table.
pub(super) fn heading(text: &str, style: Style) -> Cell {
    let cell = Cell::new(text);
    if style.bold { cell.add_attribute(Attribute::Bold) } else { cell }
}

/// The lines of a table without blanks at their ends.
pub(super) fn lines(table: &Table) -> String {
    let mut out = String::new();
    for line in table.lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Whether the run had services.
pub(super) fn has_services(summary: &Summary) -> bool {
    summary.get("services").and_then(Value::as_f64).is_some_and(|count| count > 0.0)
}

/// Whether people get to see a metric at all: single services have a table of their own.
pub(super) fn belongs_on_screen(metric: &Metric, has_services: bool) -> bool {
    !metric.is_of_one_service() && (has_services || metric.section != service_summary::SECTION)
}

/// Longest value of a metric in the table, in characters.
const LONGEST_VALUE: usize = 40;

/// The table for people: a heading for each section, then metric and value. Ends with a newline.
#[must_use]
pub fn to_text(summary: &Summary, style: Style) -> String {
    let mut table = plain_table(style);
    let mut section = "";
    let has_services = has_services(summary);
    let is_shown = |metric: &&Metric| {
        tells_something(metric, summary) && belongs_on_screen(metric, has_services)
    };
    for metric in summary.0.iter().filter(is_shown) {
        if metric.section != section {
            if !section.is_empty() {
                table.add_row(vec![Cell::new("")]);
            }
            section = metric.section;
            table.add_row(vec![heading(section, style)]);
        }
        // A long name would make every row as long.
        let value = human::middle(&shown(metric), LONGEST_VALUE);
        let value = Cell::new(value).set_alignment(CellAlignment::Right);
        table.add_row(vec![
            Cell::new(format!("  {}", metric.name)),
            value,
            Cell::new(unit(metric)),
        ]);
    }
    lines(&table)
}

/// Whether a metric is worth a line on a screen: reasons for refusals, kinds of loss, stages of waiting and reactions are only
/// where there was one, ratios only where there is something to divide, a fleet or a tariff only where it is used. The files
/// hold them all.
fn tells_something(metric: &Metric, summary: &Summary) -> bool {
    let is_zero = |name: &str| {
        summary.get(name).is_some_and(|value| value.as_f64().is_some_and(|number| number == 0.0))
    };
    if metric.section == "EC2 capacity" && is_zero("instances") {
        return false;
    }
    // What people look for and are glad to find 0; every other 0 only makes the rest harder to find.
    const TOLD_AT_ZERO: [&str; 20] = [
        "seed",
        "simulated_s",
        "events",
        "tasks_submitted",
        "tasks_placed",
        "tasks_started",
        "tasks_completed",
        "tasks_failed",
        "tasks_lost",
        "tasks_refused",
        "tasks_waiting_at_end",
        "wait_s_max",
        "instances",
        "cpu_reservation_percent",
        "memory_reservation_percent",
        "total_usd",
        "requests_offered",
        "requests_served",
        "requests_dropped",
        "requests_dropped_percent",
    ];
    match &metric.value {
        Value::Missing => false,
        value if value.as_f64() == Some(0.0) => TOLD_AT_ZERO.contains(&metric.name.as_ref()),
        _ => true,
    }
}

/// The value as people read it.
pub(super) fn shown(metric: &Metric) -> String {
    match &metric.value {
        Value::Count(count) => human::thousands(u128::from(*count)),
        Value::Seconds(span) => human::span(*span),
        Value::Millionths(amount) => human::amount(*amount),
        Value::Ratio(ratio) if metric.unit == "%" => human::hundredths(*ratio),
        Value::Ratio(ratio) => human::decimal(*ratio, 3),
        Value::Usd(usd) => human::usd(*usd),
        Value::Text(text) => human::visible(text),
        Value::Missing => "–".into(),
    }
}

/// The unit, where the value does not carry it.
pub(super) fn unit(metric: &Metric) -> &'static str {
    match metric.value {
        Value::Seconds(_) | Value::Text(_) | Value::Missing => "",
        // Dollars show their sign; dollars per something still have to say per what.
        Value::Usd(_) if metric.unit.eq_ignore_ascii_case("USD") => "",
        Value::Ratio(ratio) if !ratio.is_finite() => "",
        _ if metric.unit == "–" => "",
        _ => metric.unit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::money::NanoUsd;
    use crate::base::time::SimSpan;

    fn summary() -> Summary {
        let metric = |section, name: &'static str, unit, value| Metric {
            name: name.into(),
            unit,
            meaning: "",
            section,
            value,
        };
        Summary(vec![
            metric("Tasks", "tasks_submitted", "tasks", Value::Count(1_234_567)),
            metric("Tasks", "wait_s_p95", "s", Value::Seconds(SimSpan(125_500_000))),
            metric("Tasks", "wait_s_max", "s", Value::Missing),
            metric("Packing", "cpu_reservation_percent", "%", Value::Ratio(63.249)),
            metric("Packing", "tasks_refused_cpu", "tasks", Value::Count(0)),
            metric("Packing", "not_a_number", "%", Value::Ratio(f64::NAN)),
            metric("Cost", "total_usd", "USD", Value::Usd(NanoUsd(1_234_561_234_567))),
            metric("Cost", "note", "–", Value::Text("=a \"b\"!".into())),
        ])
    }

    #[test]
    fn summary_csv_has_one_row_and_neither_formulas_nor_nan() {
        insta::assert_snapshot!(String::from_utf8(to_csv(&summary())).unwrap(), @r#"
        tasks_submitted,wait_s_p95,wait_s_max,cpu_reservation_percent,tasks_refused_cpu,not_a_number,total_usd,note
        1234567,125.5,,63.249000,0,,1234.561234567,"'=a ""b""!"
        "#);
    }

    #[test]
    fn summary_json_names_units_and_keeps_every_digit() {
        let text = to_json(&summary());
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["metrics"]["not_a_number"]["value"], serde_json::Value::Null);
        insta::assert_snapshot!(text, @r#"
        {
          "schema": "ecsim/1",
          "metrics": {
            "tasks_submitted": { "value": 1234567, "unit": "tasks" },
            "wait_s_p95": { "value": 125.5, "unit": "s" },
            "wait_s_max": { "value": null, "unit": "s" },
            "cpu_reservation_percent": { "value": 63.249000, "unit": "%" },
            "tasks_refused_cpu": { "value": 0, "unit": "tasks" },
            "not_a_number": { "value": null, "unit": "%" },
            "total_usd": { "value": 1234.561234567, "unit": "USD" },
            "note": { "value": "=a \"b\"!", "unit": "–" }
          }
        }
        "#);
    }

    #[test]
    fn the_table_is_aligned_and_speaks_to_people() {
        insta::assert_snapshot!(to_text(&summary(), Style::default()), @r#"
        Tasks
          tasks_submitted          1,234,567  tasks
          wait_s_p95                2 m 06 s

        Packing
          cpu_reservation_percent       63.2  %
          not_a_number                     –

        Cost
          total_usd                $1,234.56
          note                       =a "b"!
        "#);
    }

    #[test]
    fn an_empty_summary_is_valid_everywhere() {
        let empty = Summary::default();
        assert_eq!(to_text(&empty, Style::default()), "");
        assert!(serde_json::from_str::<serde_json::Value>(&to_json(&empty)).is_ok());
        assert_eq!(to_csv(&empty), b"\"\"\n\"\"\n");
    }
}
