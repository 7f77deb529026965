//! Latencies, limits, Fargate rates and the price file.

use super::fleet::discounted;
use super::{Build, architecture, operating_system};
use crate::base::distribution::Distribution;
use crate::base::money::HourlyRate;
use crate::base::time::SimSpan;
use crate::model::ids::ZoneId;
use crate::model::platform::{OperatingSystem, Purchase};
use crate::scenario::sections::{FARGATE, LATENCY, LIMITS};
use crate::scenario::settings::{Item, Settings, Value};
use crate::sim::setup::{
    Bucket, FargateRate, FargateSetup, ImageCleanup, Latencies, Limits, ProvisioningSetup,
    PullBehavior,
};

/// The Fargate stages of a profile in seconds, and its pull rate in MiB per second: they sum to 20, 30 and 45 s.
fn profile(name: Option<&str>) -> [f64; 4] {
    match name {
        Some("fast") => [10.0, 5.0, 80.0, 5.0],
        Some("slow") => [10.0, 28.0, 15.0, 7.0],
        _ => [10.0, 15.0, 40.0, 5.0],
    }
}

pub(super) fn latencies(root: &Settings) -> Latencies {
    let defaults = Settings::empty(&LATENCY, root.place);
    let settings = root.table("latency").unwrap_or(&defaults);
    let [eni, prepare, pull, start] = profile(settings.text("profile"));
    let get = |key: &str, otherwise: f64| {
        settings.distribution(key).cloned().unwrap_or(Distribution::Constant(otherwise))
    };
    Latencies {
        eni_attach: get("eni_attach", 6.0),
        eni_detach: get("eni_detach", 2.0),
        ec2_start: get("ec2_start", 2.0),
        ec2_pull_mib_per_s: get("ec2_pull_mib_per_s", 60.0),
        ec2_disk_mib_per_s: match settings.item("ec2_disk_mib_per_s") {
            Some(Item { value: Value::Whole(rate), .. }) => u32::try_from(*rate).unwrap_or(0),
            Some(_) => 0, // "off"
            None => 125,
        },
        image_cleanup: image_cleanup(settings),
        container_stop: get("container_stop", 1.0),
        fargate_eni: get("fargate_eni", eni),
        fargate_prepare: get("fargate_prepare", prepare),
        fargate_pull_mib_per_s: get("fargate_pull_mib_per_s", pull),
        fargate_start: get("fargate_start", start),
        fargate_eni_detach: get("fargate_eni_detach", 10.0),
    }
}

/// When the agent removes images; what is not written is the agent's default.
fn image_cleanup(settings: &Settings) -> ImageCleanup {
    let usual = ImageCleanup::default();
    let span = |key: &str, otherwise: SimSpan| settings.span(key).unwrap_or(otherwise);
    let behavior = settings.text("image_pull_behavior");
    ImageCleanup {
        pulls: match behavior {
            Some("always") => PullBehavior::Always,
            Some("once" | "prefer-cached") => PullBehavior::Once,
            _ => PullBehavior::Default,
        },
        every: match behavior {
            Some("prefer-cached") => SimSpan::ZERO, // no image is removed (documented)
            _ => span("image_cleanup_interval", usual.every),
        },
        youngest: span("image_minimum_cleanup_age", usual.youngest),
        after_stop: span("task_cleanup_wait", usual.after_stop),
        most: settings.whole32("images_deleted_per_cycle").unwrap_or(usual.most),
    }
}

pub(super) fn limits(root: &Settings) -> Limits {
    let defaults = Settings::empty(&LIMITS, root.place);
    let settings = root.table("limits").unwrap_or(&defaults);
    let bucket = |key: &str| {
        let table = settings.table(key)?;
        Some(Bucket { burst: table.whole32("burst")?, per_second: table.whole32("per_second")? })
    };
    let count = |key: &str| match settings.item(key) {
        Some(Item { value: Value::Whole(vcpus), .. }) => u32::try_from(*vcpus).ok(),
        _ => None,
    };
    Limits {
        run_task_calls: bucket("run_task_calls"),
        fargate_launches: bucket("fargate_launches"),
        fargate_spot_launches: bucket("fargate_spot_launches"),
        fargate_calls: bucket("fargate_calls"),
        fargate_vcpus: count("fargate_vcpus"),
        fargate_spot_vcpus: count("fargate_spot_vcpus"),
        provisioning: ProvisioningSetup {
            limit: count("provisioning_tasks_per_cluster"),
            timeout: settings.span("provisioning_timeout").unwrap_or(SimSpan::from_secs(1_800)),
        },
    }
}

impl Build<'_> {
    /// An image that is pulled at no rate never arrives.
    pub(super) fn check_pull_rates(&mut self, root: &Settings) {
        let Some(settings) = root.table("latency") else { return };
        for key in ["ec2_pull_mib_per_s", "fargate_pull_mib_per_s"] {
            if settings.distribution(key).is_some_and(|rate| rate.mean() <= 0.0) {
                self.error(settings.value_place(key), format!("`{key}` must be above zero"));
            }
        }
    }

    pub(super) fn read_prices(&mut self, root: &Settings) {
        let Some(prices) = root.table("prices") else { return };
        for key in ["file", "side_file"] {
            let Some(written) = prices.text(key).map(str::to_string) else { continue };
            let Some(text) = self.read_file(&written, prices.value_place(key)) else { continue };
            let name = self.display(&written);
            let file = (name.as_str(), text.as_str());
            let (rows, odd) = self.book.add_price_file(file, &self.region, self.problems);
            self.notes.extend(odd);
            self.account("prices".into(), &written, rows);
        }
    }

    pub(super) fn fargate(&mut self, root: &Settings, epoch_s: i64) -> FargateSetup {
        let defaults = Settings::empty(&FARGATE, root.place);
        let settings = root.table("fargate").unwrap_or(&defaults);
        let mut zones = self.zone_list(settings, "availability_zones");
        if zones.is_empty() {
            zones = self.clusters.iter().flat_map(|cluster| cluster.zones.clone()).collect();
            zones.sort_unstable();
            zones.dedup();
        }
        let zones: Vec<ZoneId> = zones;
        let mut rates = self.book.fargate_rates(&self.region);
        for rate in settings.tables("rates").filter_map(fargate_rate) {
            rates.retain(|known| platform(known) != platform(&rate));
            rates.push(rate);
        }
        if let Some(percent) = settings.number("spot_discount_percent") {
            rates.retain(|rate| rate.purchase == Purchase::OnDemand);
            for rate in rates.clone() {
                if rate.os == OperatingSystem::Linux {
                    rates.push(spot(rate, percent));
                }
            }
        }
        rates.sort_by_key(platform);
        self.check_fargate_rates(&rates);
        let risks = self.fargate_risks(settings, &zones, epoch_s);
        FargateSetup {
            sizes: self.book.fargate_sizes(OperatingSystem::Linux),
            rates,
            zones,
            is_billed_until_stopped: settings.text("billed_until") == Some("stopped"),
            risks,
        }
    }

    /// Each Fargate caller's platform must have a price.
    fn check_fargate_rates(&mut self, rates: &[FargateRate]) {
        use crate::base::id::Id as _;
        use crate::sim::setup::Launch;
        let mut missing = Vec::new();
        for source in &self.sources {
            let known = &self.definitions[source.definition.index()];
            let platform = known.definition.platform;
            let purchases: Vec<Purchase> = match &source.launch {
                Launch::Type(crate::model::platform::LaunchType::Fargate) => {
                    vec![Purchase::OnDemand]
                }
                Launch::Providers(shares) => shares
                    .iter()
                    .map(|share| &self.providers[share.provider])
                    .filter(|provider| provider.name.starts_with("FARGATE"))
                    .map(|provider| provider.purchase)
                    .collect(),
                _ => Vec::new(),
            };
            for purchase in purchases {
                let found = rates.iter().any(|rate| {
                    (rate.os, rate.architecture, rate.purchase)
                        == (platform.os, platform.architecture, purchase)
                });
                if !found {
                    missing.push((known.place, purchase, platform));
                }
            }
        }
        for (place, purchase, platform) in missing {
            let message = format!(
                "no Fargate price ({purchase}, {}, {}) in {} is known",
                platform.os.attribute_value(),
                platform.architecture.attribute_value(),
                self.region
            );
            self.error_with_help(place, message, "add it to `rates` of `[fargate]`");
        }
    }
}

fn platform(
    rate: &FargateRate,
) -> (OperatingSystem, crate::model::platform::Architecture, Purchase) {
    (rate.os, rate.architecture, rate.purchase)
}

fn fargate_rate(settings: &Settings) -> Option<FargateRate> {
    Some(FargateRate {
        os: operating_system(settings.text("operating_system_family")),
        architecture: architecture(settings.text("cpu_architecture")),
        purchase: match settings.text("purchase")? {
            "spot" => Purchase::Spot,
            _ => Purchase::OnDemand,
        },
        vcpu: settings.rate("usd_per_vcpu_hour")?,
        memory_gb: settings.rate("usd_per_gb_hour")?,
        ephemeral_gb: settings.rate("usd_per_ephemeral_gb_hour")?,
        licence_vcpu: settings.rate("usd_per_licence_vcpu_hour")?,
    })
}

fn spot(rate: FargateRate, percent: f64) -> FargateRate {
    let less = |rate: HourlyRate| discounted(rate, percent);
    FargateRate {
        purchase: Purchase::Spot,
        vcpu: less(rate.vcpu),
        memory_gb: less(rate.memory_gb),
        ephemeral_gb: less(rate.ephemeral_gb),
        ..rate
    }
}

/// Services of a cluster and tasks of a service that ECS allows; `None`: no limit.
pub(super) fn service_quotas(root: &Settings) -> (Option<u64>, Option<u64>) {
    let defaults = Settings::empty(&LIMITS, root.place);
    let table = root.table("limits").unwrap_or(&defaults);
    (table.whole("services_per_cluster"), table.whole("tasks_per_service"))
}
