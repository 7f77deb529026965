//! Tables for people, as every verb prints them.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// An empty table below `headers`.
pub(super) fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(headers);
    table
}

/// Sets `columns`, which hold numbers, to the right.
pub(super) fn align_right(table: &mut Table, columns: std::ops::Range<usize>) {
    for index in columns {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
