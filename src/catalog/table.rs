//! A sorted text table, searched where it lies.

/// Rows of comma-separated fields under one header line, sorted by their first field, all of it ASCII without quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    header: &'static str,
    rows: &'static str,
}

impl Table {
    /// A table from an embedded file. Its shape is held by the tests of `data/`.
    pub(super) fn new(text: &'static str) -> Table {
        let (header, rows) = text.split_once('\n').expect("an embedded table has a header line");
        Table { header, rows }
    }

    /// Names of the columns, in order.
    pub(super) fn columns(self) -> impl Iterator<Item = &'static str> {
        self.header.split(',')
    }

    /// All rows, in order of their first field.
    pub(super) fn rows(self) -> impl Iterator<Item = &'static str> {
        self.rows.lines()
    }

    /// The first row whose first field is `key`, by bisection over bytes: no index is ever built.
    pub(super) fn find(self, key: &str) -> Option<&'static str> {
        let row = self.rows[self.lower_bound(key)..].lines().next()?;
        (first_field(row) == key).then_some(row)
    }

    /// All rows whose first field is `key`.
    pub(super) fn find_all(self, key: &str) -> impl Iterator<Item = &'static str> {
        let from = self.lower_bound(key);
        self.rows[from..].lines().take_while(move |row| first_field(row) == key)
    }

    /// Byte offset of the first row whose first field is not less than `key`.
    fn lower_bound(self, key: &str) -> usize {
        let (mut low, mut high) = (0, self.rows.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let start = self.rows[low..middle].rfind('\n').map_or(low, |at| low + at + 1);
            let end = self.rows[start..].find('\n').map_or(self.rows.len(), |at| start + at + 1);
            if first_field(&self.rows[start..end]) < key {
                low = end;
            } else {
                high = start;
            }
        }
        low
    }
}

fn first_field(row: &str) -> &str {
    row.split(',').next().expect("splitting gives at least one part")
}

#[cfg(test)]
mod tests {
    use super::Table;

    const TABLE: &str = "key,value\na,1\nb,2\nb,3\nbb,4\nc1.large,5\n";

    #[test]
    fn every_row_is_found_and_nothing_else() {
        let table = Table::new(TABLE);
        for (key, row) in [
            ("a", Some("a,1")),
            ("b", Some("b,2")),
            ("bb", Some("bb,4")),
            ("c1.large", Some("c1.large,5")),
            ("", None),
            ("0", None),
            ("aa", None),
            ("c1.larg", None),
            ("zzz", None),
        ] {
            assert_eq!(table.find(key), row, "{key:?}");
        }
        assert_eq!(table.find_all("b").collect::<Vec<_>>(), ["b,2", "b,3"]);
        assert_eq!(Table::new("key\n").find("a"), None);
    }
}
