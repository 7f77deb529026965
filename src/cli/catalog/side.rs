//! `ecsim catalog show side`: prices of what is charged beside compute.

use super::{CatalogFailure, CatalogFormat, ShowArgs, json, or_dash, regions_of};
use crate::catalog::side::STANDS_IN;
use crate::catalog::{Catalogue, SidePrice, side_items};
use crate::cli::screen::{align_right, table};

/// Every item in the region asked for; without one, what is known of each region itself.
///
/// # Errors
/// [`CatalogFailure::Input`] for an unknown region.
pub(super) fn text(catalogue: &Catalogue, args: &ShowArgs) -> Result<String, CatalogFailure> {
    let mut prices: Vec<(String, &'static str, SidePrice)> = Vec::new();
    for region in regions_of(catalogue, args.region.as_deref())? {
        let all =
            side_items().filter_map(|item| Some((item, catalogue.side_price(&region, item)?)));
        let kept = all.filter(|(_, price)| args.region.is_some() || !price.is_assumed);
        prices.extend(kept.map(|(item, price)| (region.clone(), item, price)));
    }
    if args.common.format == CatalogFormat::Json {
        return Ok(json::side(catalogue, &prices));
    }
    let mut table = table(&["region", "item", "USD", "per", "basis", "as of"]);
    for (region, item, price) in &prices {
        let basis = if price.is_assumed {
            format!("assumed: that of {STANDS_IN}")
        } else {
            price.basis.to_owned()
        };
        table.add_row([
            region.clone(),
            (*item).to_owned(),
            price.usd.to_string(),
            price.per.to_owned(),
            basis,
            or_dash(Some(price.as_of.to_owned())),
        ]);
    }
    align_right(&mut table, 2..3);
    let others = match args.region {
        Some(_) => String::new(),
        None => format!("; what is not told of a region has the price of {STANDS_IN}"),
    };
    Ok(format!(
        "{table}\nA month has 730 hours, a gb 2^30 bytes{others}.\ncatalogue {}\n",
        catalogue.version()
    ))
}
