//! What is on the bill beside compute.

use super::Build;
use crate::base::money::HourlyRate;
use crate::base::time::SimSpan;
use crate::model::fleet::Registration;
use crate::model::ids::ProviderId;
use crate::model::platform::OperatingSystem;
use crate::pricing::credits::{CreditKind, CreditMode};
use crate::scenario::settings::Settings;
use crate::sim::setup::{AddressPrice, BillSetup, CreditTerms, CreditsSetup, VolumePrice};
use std::collections::{BTreeMap, BTreeSet};

impl Build<'_> {
    /// Side costs; `None` where only compute is billed.
    pub(super) fn bill(&mut self, root: &Settings) -> Option<BillSetup> {
        let settings = root.table("bill")?;
        self.check_switches(settings);
        let volumes = settings.flag("volumes").then(|| {
            let own = settings.rate("volume_usd_per_gb_month");
            let gb_month = own.unwrap_or_else(|| self.side_rate("gp3_gb"));
            VolumePrice { gb: settings.whole32("volume_gb").unwrap_or(0), gb_month }
        });
        let addresses = settings.flag("addresses").then(|| AddressPrice {
            rate: settings
                .rate("address_usd_per_hour")
                .unwrap_or_else(|| self.side_rate("public_ipv4")),
            of_instances: settings
                .is_given("public_instances")
                .then(|| settings.flag("public_instances")),
        });
        let credits = self.credits(root, settings);
        let balancers = self.balancers(root);
        let [nat, endpoints] = self.gateways(settings);
        let has_s3_gateway = match settings.is_given("s3_gateway_endpoint") {
            true => settings.flag("s3_gateway_endpoint"),
            false => endpoints.is_some(),
        };
        let (volume_rates, data_volumes) = self.data_volumes(root, settings);
        Some(BillSetup {
            volumes,
            addresses,
            credits,
            balancers,
            bills_balancers: settings.flag("load_balancers"),
            clusters: super::bill_network::count(self.clusters.len()),
            askers: self.askers(root, [nat.is_some(), endpoints.is_some()]),
            nat,
            endpoints,
            has_s3_gateway,
            transfer: self.transfer(settings),
            images: self.images(settings),
            logs: self.logs(settings),
            watched: self.watched(settings),
            insights: self.insights(settings),
            volume_rates,
            data_volumes,
        })
    }

    /// The price of something beside compute.
    pub(super) fn side_rate(&self, item: &str) -> HourlyRate {
        self.book.side_rate(&self.region, item)
    }

    /// CPU credits, where they are billed and an instance has some.
    fn credits(&mut self, root: &Settings, settings: &Settings) -> Option<CreditsSetup> {
        if !settings.flag("cpu_credits") {
            return None;
        }
        let modes = self.credit_modes(root);
        let offers = self.groups.iter().flat_map(|group| &group.offers);
        let mut terms = BTreeMap::new();
        for instance in self.instances.iter().chain(offers) {
            let Registration { provider, instance_type, platform, .. } = &instance.registration;
            // Once for all instances of a fleet.
            let key = (*provider, instance_type.clone());
            if terms.contains_key(&key) {
                continue;
            }
            let Some(of) = self.book.burstable(instance_type) else { continue };
            let otherwise = match of.is_unlimited {
                true => CreditMode::Unlimited,
                false => CreditMode::Standard,
            };
            let item = match platform.os {
                OperatingSystem::Windows => "cpu_credits_windows".to_string(),
                OperatingSystem::Linux => format!("cpu_credits_{}", of.family),
            };
            let kind = CreditKind {
                baseline_millis: of.baseline_millis,
                launch: of.launch_credits,
                kept: SimSpan::from_secs(u64::from(of.days_kept) * 24 * 3_600),
            };
            let (mode, rate) =
                (modes.get(provider).copied().unwrap_or(otherwise), self.side_rate(&item));
            let of = CreditTerms { kind, mode, family: of.family, rate };
            terms.insert(key, of);
        }
        let percent = |key| settings.whole32(key).unwrap_or(0);
        let (used_percent, first_percent) =
            (percent("task_cpu_percent"), percent("first_credits_percent"));
        (!terms.is_empty()).then_some(CreditsSetup { terms, used_percent, first_percent })
    }

    /// What capacity providers say of their instances' credits.
    fn credit_modes(&self, root: &Settings) -> BTreeMap<ProviderId, CreditMode> {
        let mut modes = BTreeMap::new();
        for settings in root.tables("capacity_provider") {
            let mode = match settings.text("cpu_credits") {
                Some("unlimited") => CreditMode::Unlimited,
                Some(_) => CreditMode::Standard,
                None => continue,
            };
            let provider = settings.text("name").and_then(|name| self.provider_names.get(name));
            modes.extend(provider.map(|&provider| (provider, mode)));
        }
        modes
    }

    /// Says where a run differs from instances of the T families: none of its tasks is slowed down for want of credits, and
    /// without a bill of them nothing is counted at all.
    pub(super) fn note_credits(&mut self, bill: Option<&BillSetup>) {
        let terms = bill.and_then(|bill| bill.credits.as_ref()).map(|credits| &credits.terms);
        let offers = self.groups.iter().flat_map(|group| &group.offers);
        let all = self.instances.iter().chain(offers).map(|of| &of.registration);
        let kinds: BTreeSet<(ProviderId, &str)> =
            all.map(|of| (of.provider, of.instance_type.as_str())).collect();
        let mut notes = Vec::new();
        for (provider, name) in kinds {
            if self.book.burstable(name).is_none() {
                continue;
            }
            let of = terms.and_then(|terms| terms.get(&(provider, name.to_string())));
            let whose = format!("{name} of \"{}\"", self.providers[provider].name);
            match of.map(|of| of.mode) {
                None => notes.push(format!(
                    "{whose}: CPU credits are not counted without `[bill]` and its `cpu_credits`: tasks have all of the CPU, \
                     at no charge"
                )),
                Some(CreditMode::Standard) => notes.push(format!(
                    "{whose}: standard instances without CPU credits are counted (`cpu_credits_exhausted`), but their tasks \
                     are not slowed down"
                )),
                Some(CreditMode::Unlimited) => {}
            }
        }
        self.notes.extend(notes);
    }

    /// `cpu_credits` of a provider without a burstable type says nothing.
    pub(super) fn check_credit_modes(&mut self, root: &Settings) {
        for settings in root.tables("capacity_provider") {
            let provider = settings.text("name").and_then(|name| self.provider_names.get(name));
            let (Some(&provider), true) = (provider, settings.is_given("cpu_credits")) else {
                continue;
            };
            let offers = self.groups.iter().flat_map(|group| &group.offers);
            let mut own = self.instances.iter().chain(offers).map(|of| &of.registration);
            let bursts = |of: &Registration| self.book.burstable(&of.instance_type).is_some();
            if !own.any(|of| of.provider == provider && bursts(of)) {
                let message = "`cpu_credits` where no instance type is of the T families";
                let help = "leave it out: other types have no CPU credits";
                self.error_with_help(settings.place_of("cpu_credits"), message, help);
            }
        }
    }

    /// Keys of a category that is switched off would say nothing.
    fn check_switches(&mut self, settings: &Settings) {
        for (switch, keys) in SWITCHES {
            if settings.flag(switch) {
                continue;
            }
            // The default may be written out, as a resolved scenario does.
            for key in keys.iter().filter(|key| settings.is_not_default(key)) {
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
    ("cpu_credits", &["task_cpu_percent", "first_credits_percent"]),
    ("transfer", &["internet_free_gb"]),
    ("logs", &["log_archived_percent"]),
    ("alarms", &["other_alarms", "other_high_resolution_alarms"]),
];
