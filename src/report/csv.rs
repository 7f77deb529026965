//! Small tables as CSV under a [`TableSpec`]: the header and the number of columns cannot drift from the reference.
//!
//! Cells that hold free text (reasons, names from elsewhere) go through
//! [`free_text`](crate::base::spreadsheet::free_text). Numbers never do.

use crate::metrics::table::TableSpec;

/// A table in memory.
#[derive(Debug)]
pub struct TableWriter {
    spec: TableSpec,
    writer: csv::Writer<Vec<u8>>,
}

impl TableWriter {
    /// A table with its header.
    #[must_use]
    pub fn new(spec: TableSpec) -> TableWriter {
        let mut table = TableWriter { spec, writer: csv::Writer::from_writer(Vec::new()) };
        let names: Vec<&str> = spec.columns.iter().map(|column| column.name).collect();
        table.row(&names);
        table
    }

    /// Adds a row.
    ///
    /// # Panics
    /// Unless there is one cell for each column.
    pub fn row<C: AsRef<[u8]>>(&mut self, cells: &[C]) {
        assert_eq!(cells.len(), self.spec.columns.len(), "a row of {}", self.spec.file);
        self.writer.write_record(cells).expect("memory takes every row of the right length");
    }

    /// The content of the file.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.writer.into_inner().expect("flushing to memory cannot fail")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::table::column;

    const SPEC: TableSpec = TableSpec {
        file: "x.csv",
        row: "x",
        columns: &[column("a", "integer", "–", "A"), column("b", "text", "–", "B")],
    };

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut table = TableWriter::new(SPEC);
        table.row(&["1", "plain"]);
        table.row(&["2", "a, \"b\"\nc"]);
        let text = String::from_utf8(table.into_bytes()).unwrap();
        assert_eq!(text, "a,b\n1,plain\n2,\"a, \"\"b\"\"\nc\"\n");
    }

    #[test]
    #[should_panic(expected = "a row of x.csv")]
    fn a_row_of_the_wrong_length_is_our_bug() {
        TableWriter::new(SPEC).row(&["1"]);
    }
}
