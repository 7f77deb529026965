//! `aws ec2 describe-spot-price-history`: what Spot costs now.

use super::{Moment, Thing, Update};
use crate::base::money::HourlyRate;
use crate::model::platform::Purchase;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The newest price of each zone, by region and type: instant, price, place.
pub(super) type Newest = BTreeMap<(String, String), BTreeMap<String, (String, HourlyRate, String)>>;

#[derive(Deserialize)]
struct File {
    #[serde(rename = "SpotPriceHistory")]
    history: Vec<Point>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Point {
    availability_zone: Option<String>,
    instance_type: String,
    product_description: Option<String>,
    spot_price: String,
    timestamp: Moment,
}

impl Update {
    /// Takes the newest price of each zone.
    pub(super) fn spot_history(&mut self, name: &str, text: &[u8]) -> serde_json::Result<()> {
        let file: File = serde_json::from_slice(text)?;
        let mut newest: Option<String> = None;
        for (index, point) in file.history.into_iter().enumerate() {
            let place = format!("{name}: SpotPriceHistory[{index}]");
            let linux = ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"];
            if point.product_description.is_some_and(|of| !linux.contains(&of.as_str())) {
                self.skip("Spot prices of other systems than Linux");
                continue;
            }
            let zone = point.availability_zone.unwrap_or_default();
            let region = zone.trim_end_matches(|c: char| c.is_ascii_lowercase());
            if region.is_empty() || region == zone {
                let hint = "every point names its AvailabilityZone";
                self.problem(&place, "a price without its region".into(), Some(hint));
                continue;
            }
            let Some(rate) = self.rate(&place, &point.spot_price) else { continue };
            let (at, region) = (point.timestamp.text(), region.to_string());
            newest = newest.max(Some(at.clone()));
            let zones = self.spot.entry((region, point.instance_type)).or_default();
            let known = zones.get(&zone).is_some_and(|(known, ..)| *known >= at);
            if !known {
                zones.insert(zone, (at, rate, place));
            }
        }
        self.day(newest.as_deref());
        Ok(())
    }

    /// Spot of a region is the mean over its zones, rounded half up.
    pub(super) fn add_spot(&mut self) {
        for ((region, name), zones) in std::mem::take(&mut self.spot) {
            let count = zones.len() as u64;
            let sum: u64 = zones.values().map(|(_, rate, _)| rate.0).sum();
            let Some((_, _, place)) = zones.values().next() else { continue };
            let rate = HourlyRate((sum + count / 2) / count);
            let place = place.clone();
            self.price(Thing::Instance(region, name, Purchase::Spot), rate, &place);
        }
    }
}
