//! The reference of the output files as Markdown, made from the tables that the writers use.

use crate::metrics::service_summary;
use crate::metrics::summary::{SERVICE_PREFIX, Summary};
use crate::metrics::table::TableSpec;
use std::fmt::Write;

/// The line after which `output/README.md` is made by [`render`].
pub const MARK: &str =
    "<!-- The rest of this page is made from the code; a test compares them. -->";

/// Every column of every table: a section for each file, with name, type, unit and meaning.
#[must_use]
pub fn render(tables: &[TableSpec]) -> String {
    let mut out = String::new();
    for table in tables {
        let _ = write!(out, "\n## `{}`\n\nOne row per {}.\n\n", table.file, cell(table.row));
        out.push_str("| Column | Type | Unit | Meaning |\n| --- | --- | --- | --- |\n");
        for column in table.columns {
            let (kind, unit, meaning) =
                (cell(column.kind), cell(column.unit), cell(column.meaning));
            let _ = writeln!(out, "| `{}` | {kind} | {unit} | {meaning} |", cell(column.name));
        }
    }
    out
}

/// Every metric of a summary: name, unit and meaning, then those that each service has besides.
#[must_use]
pub fn render_metrics(summary: &Summary) -> String {
    let mut out = String::from("\n## `summary.csv`, `summary.json`\n\nOne row per run.\n\n");
    out.push_str("| Metric | Unit | Meaning |\n| --- | --- | --- |\n");
    let mut line = |name: &str, unit: &str, meaning: &str| {
        let _ = writeln!(out, "| `{}` | {} | {} |", cell(name), cell(unit), cell(meaning));
    };
    for metric in summary.0.iter().filter(|metric| !metric.is_of_one_service()) {
        line(&metric.name, metric.unit, metric.meaning);
    }
    for (name, unit, meaning) in service_summary::of_each_service() {
        line(&format!("{SERVICE_PREFIX}<name>.{name}"), unit, meaning);
    }
    out
}

/// Text that stays in its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::table::{ColumnSpec, column};

    #[test]
    fn the_reference_lists_each_column_and_keeps_text_in_its_cell() {
        const COLUMNS: &[ColumnSpec] = &[column("x_s", "decimal", "s", "This | that")];
        let spec = TableSpec { file: "a.csv", row: "thing", columns: COLUMNS };
        insta::assert_snapshot!(render(&[spec]), @r"

        ## `a.csv`

        One row per thing.

        | Column | Type | Unit | Meaning |
        | --- | --- | --- | --- |
        | `x_s` | decimal | s | This \| that |
        ");
    }
}
