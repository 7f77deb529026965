//! Rows of a price file for what ECS charges for a Managed Instance, by type.

use super::reader::Reader;
use super::rows::Row;

pub(super) const FEE: &str = "managed_fee_usd_per_hour";
pub(super) const FEE_COLUMNS: [&str; 3] = ["region", "instance_type", FEE];

impl Reader<'_> {
    pub(super) fn fee_row(&mut self, row: &Row<'_>, region: String) -> String {
        let name = self.required(row, "instance_type");
        let rate = self.rate(row, FEE);
        let Some((column, name)) = name else { return String::new() };
        if !self.knows_type(name) {
            self.unknown_type(row.line, column, name);
        }
        let key = format!("the fee of {name} in {region}");
        self.out.fees.insert((region, name.to_owned()), rate);
        key
    }
}
