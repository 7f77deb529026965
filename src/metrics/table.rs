//! The columns of the output files: one list that the writers, `output/README.md` and the tests share.

/// A column of an output file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ColumnSpec {
    /// Header.
    pub name: &'static str,
    /// `text`, `integer`, `decimal`.
    pub kind: &'static str,
    /// Unit, or `–`.
    pub unit: &'static str,
    /// One sentence, without a full stop.
    pub meaning: &'static str,
}

/// An output file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TableSpec {
    /// File name.
    pub file: &'static str,
    /// What one row stands for.
    pub row: &'static str,
    /// Columns in order.
    pub columns: &'static [ColumnSpec],
}

impl TableSpec {
    /// The header line, with its line end.
    #[must_use]
    pub fn header(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name).collect();
        names.join(",") + "\n"
    }
}

/// Shorthand for a column.
#[must_use]
pub const fn column(
    name: &'static str,
    kind: &'static str,
    unit: &'static str,
    meaning: &'static str,
) -> ColumnSpec {
    ColumnSpec { name, kind, unit, meaning }
}
