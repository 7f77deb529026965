//! What watching costs: logs, metrics, alarms, Container Insights; and images.

use super::Build;
use crate::base::id::{Column, Id as _};
use crate::base::money::HourlyRate;
use crate::model::ids::{ProviderId, ServiceId};
use crate::pricing::side::SideCost;
use crate::scenario::settings::Settings;
use crate::sim::setup::{InsightsSetup, LogsSetup, VolumeRates, VolumeShape, WatchedSetup};
use std::collections::BTreeSet;

/// Alarms of a target tracking policy: one above the target, one below (documented).
const ALARMS_OF_TRACKING: usize = 2;

impl Build<'_> {
    /// Logs of CloudWatch.
    pub(super) fn logs(&self, settings: &Settings) -> Option<LogsSetup> {
        settings.flag("logs").then(|| LogsSetup {
            ingest: self.side_rate("log_ingest_gb"),
            archive: self.side_rate("log_archive_gb"),
            archived_percent: settings.whole32("log_archived_percent").unwrap_or(0),
        })
    }

    /// Bytes of the images in ECR, each once, and their price.
    pub(super) fn images(&self, settings: &Settings) -> Option<(u64, HourlyRate)> {
        if !settings.flag("ecr") {
            return None;
        }
        let mut seen = BTreeSet::new();
        let own = self.definitions.iter().map(|one| &one.definition);
        let own = own.filter(|of| of.needs.private_image && of.image_mib > 0);
        let once = own.filter(|of| seen.insert(of.image.clone()));
        let bytes: u64 = once.map(|of| u64::from(of.image_mib) << 20).sum();
        (bytes > 0).then(|| (bytes, self.side_rate("ecr_gb")))
    }

    /// Metrics and alarms that are there all the time.
    pub(super) fn watched(&self, settings: &Settings) -> Vec<WatchedSetup> {
        let mut all = Vec::new();
        let mut add = |cost, item, service, count: usize| {
            let key = match (cost, item) {
                (SideCost::Alarm, "standard") => "alarm_standard",
                (SideCost::Alarm, _) => "alarm_high_resolution",
                _ => "custom_metric",
            };
            if let (Ok(count), true) = (u32::try_from(count), count > 0) {
                all.push(WatchedSetup { cost, item, service, count, rate: self.side_rate(key) });
            }
        };
        let given = |key| settings.whole32(key).unwrap_or(0) as usize;
        if settings.flag("alarms") {
            for (index, service) in self.services.iter().enumerate() {
                let id = Some(ServiceId::from_index(index));
                let tracking = service.scaling.iter().flat_map(|of| &of.target_tracking);
                let fine = tracking.clone().filter(|policy| policy.high_resolution).count();
                let coarse = tracking.count() - fine;
                let steps = service.scaling.as_ref().map_or(0, |of| of.step_scaling.len());
                let own = service.deployment.alarms.as_ref().map_or(0, |of| of.alarms.len());
                let coarse = ALARMS_OF_TRACKING * coarse + steps + own;
                add(SideCost::Alarm, "standard", id, coarse);
                add(SideCost::Alarm, "high-resolution", id, ALARMS_OF_TRACKING * fine);
            }
            let groups: usize = self
                .groups
                .iter()
                .map(|group| {
                    let own = group.scaling.as_ref().map_or(0, |of| {
                        ALARMS_OF_TRACKING * of.target.target_tracking.len()
                            + of.target.step_scaling.len()
                    });
                    own + if group.managed.is_some() { ALARMS_OF_TRACKING } else { 0 }
                })
                .sum();
            add(SideCost::Alarm, "standard", None, groups + given("other_alarms"));
            add(SideCost::Alarm, "high-resolution", None, given("other_high_resolution_alarms"));
        }
        add(SideCost::CustomMetric, "standard", None, given("custom_metrics"));
        add(SideCost::CustomMetric, "high-resolution", None, given("high_resolution_metrics"));
        all
    }

    /// Container Insights, where it is on.
    pub(super) fn insights(&self, settings: &Settings) -> Option<InsightsSetup> {
        let (item, has_tasks) = match settings.text("container_insights") {
            Some("enabled") => ("custom_metric", false),
            Some("enhanced") => ("container_insights_metric", true),
            _ => return None,
        };
        let of = |key: &str| settings.whole32(&format!("insights_metrics_per_{key}")).unwrap_or(0);
        Some(InsightsSetup {
            per_cluster: of("cluster"),
            per_service: of("service"),
            per_task: if has_tasks { of("task") } else { 0 },
            rate: self.side_rate(item),
        })
    }

    /// Prices of data volumes, and the data volumes of capacity providers.
    pub(super) fn data_volumes(
        &self,
        root: &Settings,
        settings: &Settings,
    ) -> (Option<VolumeRates>, Column<ProviderId, Option<VolumeShape>>) {
        let rates = settings.flag("data_volumes").then(|| VolumeRates {
            gb: self.side_rate("gp3_gb"),
            iops: self.side_rate("gp3_iops"),
            mbps: self.side_rate("gp3_mbps"),
        });
        let mut volumes: Column<ProviderId, Option<VolumeShape>> =
            self.providers.ids().map(|_| None).collect();
        for provider in root.tables("capacity_provider") {
            let id = provider.text("name").and_then(|name| self.provider_names.get(name));
            if let (Some(&id), Some(table)) = (id, provider.table("data_volume")) {
                volumes[id] = Some(super::bill_network::volume_shape(table));
            }
        }
        (rates, volumes)
    }
}
