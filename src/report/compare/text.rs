//! A comparison for people: a table on a terminal, or in Markdown for a comment on a pull request.

use super::relative;
use crate::base::money::NanoUsd;
use crate::base::text::visible;
use crate::base::time::SimSpan;
use crate::experiment::compare::metrics::Sense;
use crate::experiment::compare::{Cell, Comparison, Row};
use crate::experiment::statistics::Mean;
use crate::report::human;
use crate::report::summary::{Style, heading, lines, plain_table};
use comfy_table::CellAlignment;

/// Longest name of a variant in the table for a terminal, in characters.
const LONGEST_NAME: usize = 60;

const TITLES: [&str; 6] = ["mean", "difference", "relative", "correlation", "p (Holm)", "verdict"];

/// The table for a terminal: a heading for each metric, then a line a variant. Ends with a newline.
#[must_use]
pub fn to_text(of: &Comparison, style: Style) -> String {
    if of.rows.is_empty() {
        return nothing(of);
    }
    let mut table = plain_table(style);
    let right = |text: &str| comfy_table::Cell::new(text).set_alignment(CellAlignment::Right);
    let titles = TITLES.iter().enumerate().map(|(at, title)| match at {
        5 => heading(title, style),
        _ => heading(title, style).set_alignment(CellAlignment::Right),
    });
    table.add_row(std::iter::once(heading("", style)).chain(titles).collect::<Vec<_>>());
    for row in &of.rows {
        table.add_row(vec![heading(&named(row), style)]);
        for (index, cell) in row.cells.iter().enumerate() {
            let name = human::middle(&visible(&of.variants[index]), LONGEST_NAME);
            let texts = texts(row, index, cell);
            let cells = texts.iter().enumerate().map(|(at, text)| match at {
                5 => comfy_table::Cell::new(text),
                _ => right(text),
            });
            let name = comfy_table::Cell::new(format!("  {name}"));
            table.add_row(std::iter::once(name).chain(cells).collect::<Vec<_>>());
        }
    }
    format!("{}\n{}\n", lines(&table), explanation(of))
}

/// The same as a table of Markdown, with what it means below. Ends with a newline.
#[must_use]
pub fn to_markdown(of: &Comparison) -> String {
    if of.rows.is_empty() {
        return nothing(of);
    }
    let mut out = format!("| metric | variant | {} |\n", TITLES.join(" | "));
    out.push_str("| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |\n");
    for row in &of.rows {
        for (index, cell) in row.cells.iter().enumerate() {
            let metric = if index == 0 { named(row) } else { String::new() };
            let mut cells = vec![metric, visible(&of.variants[index]).to_string()];
            cells.extend(texts(row, index, cell));
            let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
            out.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
    }
    format!("{out}\n{}\n", explanation(of))
}

/// Text that Markdown shows as it is, in its cell.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if matches!(c, '\\' | '|' | '*' | '_' | '`' | '<' | '>' | '[' | ']' | '#' | '~') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn nothing(of: &Comparison) -> String {
    let base = of.variants.first().map(|name| visible(name).to_string()).unwrap_or_default();
    format!("No variant differs from {base} in cost, waits, drops, placement or fleet.\n")
}

/// A metric, with the unit where its values do not carry it.
fn named(row: &Row) -> String {
    match row.unit.as_str() {
        "" | "USD" | "s" => row.metric.clone(),
        unit => format!("{}, {unit}", row.metric),
    }
}

/// The texts of a cell, in the order of [`TITLES`].
fn texts(row: &Row, index: usize, cell: &Cell) -> [String; 6] {
    let unit = row.unit.as_str();
    let difference = cell.paired.map(|paired| paired.difference);
    let per_cent = relative(&row.cells[0], cell).map(|per_cent| signed(per_cent, "%") + " %");
    let number = |value: Option<f64>| value.map_or_else(String::new, |v| format!("{v:.3}"));
    let p = cell.p_holm.map(|p| if p < 0.001 { "< 0.001".into() } else { format!("{p:.3}") });
    [
        cell.mean.map_or_else(|| "not defined".into(), |mean| with_half(&mean, unit)),
        difference.map_or_else(String::new, |mean| difference_with_half(&mean, unit)),
        per_cent.unwrap_or_default(),
        number(cell.paired.and_then(|paired| paired.correlation)),
        p.unwrap_or_default(),
        verdict(row, index, cell),
    ]
}

/// What is to be thought of it.
fn verdict(row: &Row, index: usize, cell: &Cell) -> String {
    let difference = cell.paired.map(|paired| paired.difference);
    let is_more = difference.is_some_and(|mean| mean.sum.0 > 0);
    let is_same = difference.is_some_and(|mean| mean.sum.0 == 0 && mean.is_constant);
    let mut words = Vec::new();
    if index == 0 {
        words.push("base");
    }
    words.extend(match (cell.is_significant, row.sense) {
        _ if is_same => Some("the same"),
        (Some(true), Sense::Neither) => Some("differs"),
        (Some(true), sense) => {
            Some(if (sense == Sense::Lower) == is_more { "worse" } else { "better" })
        }
        (Some(false), _) => Some("may be chance"),
        (None, _) => None,
    });
    if cell.is_best {
        words.push("best");
    }
    words.join(", ")
}

/// A value as people read it, without its sign where it is money or time; a percentage without `%`.
pub(in crate::report) fn shown(value: f64, unit: &str) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    let magnitude = value.abs();
    match unit {
        "USD" => format!("{sign}{}", human::usd(NanoUsd((magnitude * 1e9).round() as i128))),
        "s" => format!("{sign}{}", human::span(SimSpan((magnitude * 1e6).round() as u64))),
        "%" => human::hundredths(value),
        _ => human::decimal(value, if magnitude < 10.0 { 3 } else { 1 }),
    }
}

/// As [`shown`], with a plus before what is more.
pub(in crate::report) fn signed(value: f64, unit: &str) -> String {
    let text = shown(value, unit);
    if value > 0.0 { format!("+{text}") } else { text }
}

/// A mean as people read it, with half of its interval, both to the digit of the half's second figure.
pub(in crate::report) fn with_half(mean: &Mean, unit: &str) -> String {
    let Some(half) = mean.half_width else {
        let in_all = if mean.is_constant { " in all" } else { "" };
        return shown(mean.mean, unit) + in_all;
    };
    if unit == "s" {
        return format!("{} ± {}", shown(mean.mean, unit), shown(half, unit));
    }
    let (least, mark) = if unit == "USD" { (2, "$") } else { (1, "") };
    // Where the half vanishes beside the mean, three figures of the mean are enough.
    let decimals = decimals_of(half).min(decimals_of(mean.mean) + 1).max(least);
    let value = human::decimal(mean.mean, decimals);
    let (sign, magnitude) = value.strip_prefix('-').map_or(("", &value[..]), |rest| ("-", rest));
    format!("{sign}{mark}{magnitude} ± {mark}{}", human::decimal(half, decimals))
}

/// As [`with_half`], with a plus before what is more.
pub(in crate::report) fn difference_with_half(mean: &Mean, unit: &str) -> String {
    let text = with_half(mean, unit);
    if mean.mean > 0.0 { format!("+{text}") } else { text }
}

/// How many decimals show two figures of a value.
fn decimals_of(value: f64) -> usize {
    const MOST: f64 = 9.0;
    (1.0 - libm::log10(value.abs().max(1e-12)).floor()).clamp(0.0, MOST) as usize
}

/// What the table means.
fn explanation(of: &Comparison) -> String {
    let least = of.seeds.iter().min().copied().unwrap_or(0);
    let most = of.seeds.iter().max().copied().unwrap_or(0);
    let base = of.variants.first().map(|name| visible(name).to_string()).unwrap_or_default();
    let cells = || of.rows.iter().flat_map(|row| &row.cells);
    let tests = cells().filter(|cell| cell.p_holm.is_some()).count();
    let has_constants = cells().any(|cell| {
        let is_constant = |mean: Mean| mean.is_constant;
        cell.mean.is_some_and(is_constant)
            || cell.paired.is_some_and(|paired| paired.difference.is_constant)
    });
    if most <= 1 {
        return format!(
            "One seed: differences to {base} have no interval, and none can be told from chance."
        );
    }
    let seeds = match least == most {
        true => format!("{most} seeds"),
        false => format!("{least} to {most} seeds"),
    };
    let sure = of.confidence;
    let mut out = format!(
        "{seeds}; ± is half of a {sure} interval; differences are to {base}, paired by seed."
    );
    if tests > 0 {
        let tests = if tests == 1 {
            "one test".into()
        } else {
            format!("{tests} tests, corrected by Holm")
        };
        out.push_str(&format!("\nBetter, worse and differs hold at {sure} over {tests}."));
    }
    if has_constants {
        out.push_str("\n\"In all\": every seed gives the same value; there is no interval.");
    }
    out
}
