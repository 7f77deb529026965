//! Spot prices as AWS gives them out: which files, from when on.

use super::Build;
use crate::model::ids::ProviderId;
use crate::model::platform::Purchase;
use crate::scenario::MarketTrace;
use crate::scenario::diagnostic::quoted;
use crate::scenario::market::MarketFile;
use crate::scenario::settings::Settings;

/// Keys that say what Spot costs; one of them at most.
const KEYS: [&str; 4] =
    ["spot_price_usd_per_hour", "spot_discount_percent", "spot_prices", "spot_price_history"];

impl Build<'_> {
    /// What Spot costs is said once, and only where Spot is bought.
    pub(super) fn check_spot_keys(&mut self, settings: &Settings, purchase: Purchase) {
        let given: Vec<&str> = KEYS.into_iter().filter(|key| settings.is_given(key)).collect();
        if purchase == Purchase::OnDemand && !settings.is_given("mixed_instances") {
            for key in &given {
                let message = format!("`{key}` without `purchase = \"spot\"` or `mixed_instances`");
                self.error(settings.place_of(key), message);
            }
        } else if let [first, second, ..] = given[..] {
            let message = format!("`{second}` and `{first}` exclude each other");
            self.error(settings.place_of(second), message);
        }
        for key in ["spot_price_start", "spot_price_instance_type"] {
            if settings.is_given(key) && !settings.is_given("spot_price_history") {
                let message = format!("`{key}` without `spot_price_history`");
                self.error(settings.place_of(key), message);
            }
        }
    }

    /// The histories of Spot prices, not opened yet.
    pub(super) fn read_spot_history(
        &mut self,
        settings: &Settings,
        provider: ProviderId,
        name: &str,
    ) {
        let files: Vec<(String, crate::scenario::tree::Place)> = settings
            .texts("spot_price_history")
            .map(|(path, place)| (path.to_string(), place))
            .collect();
        let start = settings.text("spot_price_start").map(str::to_string).and_then(|text| {
            let parsed = text.parse::<jiff::Timestamp>().ok();
            if parsed.is_none() {
                let message = format!("{} is no RFC 3339 instant", quoted(&text));
                let help = "write a date, a time and an offset, such as \"2016-03-01T00:00:00Z\"";
                self.error_with_help(settings.value_place("spot_price_start"), message, help);
            }
            parsed.map(jiff::Timestamp::as_microsecond)
        });
        if settings.is_empty_list("spot_price_history") {
            let message = "`spot_price_history` needs at least one file";
            self.error(settings.value_place("spot_price_history"), message);
        } else if files.len() > 1 && !settings.is_given("spot_price_start") {
            let message = "several files of `spot_price_history` need `spot_price_start`";
            self.error(settings.place_of("spot_price_history"), message);
        }
        for (index, (written, place)) in files.into_iter().enumerate() {
            let path = self.resolve(&written);
            self.is_file(&path, &written, place);
            self.markets.push(MarketTrace {
                provider: Some(provider),
                name: format!("capacity_provider.{name}.spot_price_history.{}", index + 1),
                path,
                display: written,
                file: MarketFile::Prices {
                    start,
                    instance_type: settings.text("spot_price_instance_type").map(str::to_string),
                },
            });
        }
    }
}
