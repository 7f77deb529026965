//! Rows of a price file for what is charged beside compute.

use super::reader::{Reader, did_you_mean};
use super::rows::{Row, shown};
use crate::base::suggest;
use crate::catalog::side::side_items;

pub(super) const SIDE_COLUMNS: [&str; 3] = ["region", "item", "usd"];

impl Reader<'_> {
    pub(super) fn side_row(&mut self, row: &Row<'_>, region: String) -> String {
        let item = self.required(row, "item");
        let rate = self.rate(row, "usd");
        let Some((column, item)) = item else { return String::new() };
        if !side_items().any(|known| known == item) {
            let near = (item.len() < 64).then(|| suggest::nearest(item, side_items())).flatten();
            let hint = near.map_or_else(
                || format!("known: {}", side_items().collect::<Vec<_>>().join(", ")),
                did_you_mean,
            );
            self.problem(row.line, column, format!("unknown item {}", shown(item)), Some(hint));
        }
        let key = format!("{item} in {region}");
        self.out.side.insert((region, item.to_owned()), rate);
        key
    }
}
