//! What is on the bill beside compute.

use super::Build;
use crate::scenario::settings::Settings;
use crate::sim::setup::{AddressPrice, BillSetup, VolumePrice};

impl Build<'_> {
    /// Side costs; `None` where only compute is billed.
    pub(super) fn bill(&mut self, root: &Settings) -> Option<BillSetup> {
        let settings = root.table("bill")?;
        self.check_switches(settings);
        let volumes = settings.flag("volumes").then(|| {
            let gb_month = settings.rate("volume_usd_per_gb_month").unwrap_or_default();
            VolumePrice { gb: settings.whole32("volume_gb").unwrap_or(0), gb_month }
        });
        let addresses = settings.flag("addresses").then(|| AddressPrice {
            rate: settings.rate("address_usd_per_hour").unwrap_or_default(),
            of_instances: settings
                .is_given("public_instances")
                .then(|| settings.flag("public_instances")),
        });
        Some(BillSetup { volumes, addresses })
    }

    /// Keys of a category that is switched off would say nothing.
    fn check_switches(&mut self, settings: &Settings) {
        for (switch, keys) in SWITCHES {
            if settings.flag(switch) {
                continue;
            }
            for key in keys.iter().filter(|key| settings.is_given(key)) {
                let message = format!("`{key}` with `{switch} = false`, which bills none of it");
                let help = format!("leave out `{key}`, or switch `{switch}` on");
                self.error_with_help(settings.place_of(key), message, help);
            }
        }
    }
}

/// Categories, and the keys that only mean something with them.
const SWITCHES: &[(&str, &[&str])] = &[
    ("volumes", &["volume_gb", "volume_usd_per_gb_month"]),
    ("addresses", &["address_usd_per_hour", "public_instances"]),
];
