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

/// The region of an Availability Zone such as `us-gov-west-1a`; `None` of a local zone such as `us-west-2-lax-1a`, or a
/// Wavelength Zone such as `us-east-1-wl1-bos-wlz-1`.
fn region_of(zone: &str) -> Option<&str> {
    let region = zone.strip_suffix(|c: char| c.is_ascii_lowercase())?;
    let (words, number) = region.rsplit_once('-')?;
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    (is_number && words.split('-').all(is_word)).then_some(region)
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
            if zone.is_empty() {
                let hint = "every point names its AvailabilityZone";
                self.problem(&place, "a price without its region".into(), Some(hint));
                continue;
            }
            let Some(region) = region_of(&zone) else {
                self.skip("Spot prices of local zones and others that are no region");
                continue;
            };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_has_a_region_unless_it_is_a_local_one() {
        assert_eq!(region_of("eu-west-1a"), Some("eu-west-1"));
        assert_eq!(region_of("us-gov-west-1b"), Some("us-gov-west-1"));
        for other in ["us-west-2-lax-1a", "us-east-1-wl1-bos-wlz-1", "eu-west-1", "a", ""] {
            assert_eq!(region_of(other), None, "{other}");
        }
    }
}
