//! Outages of registries of images and of metrics.

use super::Build;
use super::definition::Definition;
use crate::base::id::Id as _;
use crate::base::time::{SimSpan, SimTime};
use crate::model::blackout::{Blackouts, MetricsOf, MetricsOutage, RegistryOutage, WHOLE};
use crate::model::ids::{DefinitionId, ProviderId, ZoneId};
use crate::scenario::diagnostic::{quoted, suggestion};
use crate::scenario::settings::Settings;
use crate::sim::setup::{GroupSetup, ServiceSetup};

/// Where images come from that name no host.
const USUAL_REGISTRY: &str = "docker.io";
/// Keys of registries, and of nothing else.
const OF_REGISTRIES: [&str; 2] = ["slowdown", "registry"];
/// What an outage of registries may say, beside `at` and `kind`.
const REGISTRY_SAYS: [&str; 5] =
    ["duration", "slowdown", "registry", "capacity_provider", "availability_zone"];
/// What an outage of metrics may say.
const METRICS_SAY: [&str; 3] = ["duration", "service", "capacity_provider"];

/// Whether a failure is an outage of registries or of metrics.
pub(super) fn is_blackout(settings: &Settings) -> bool {
    matches!(settings.text("kind"), Some("registry_outage" | "metrics_outage"))
}

impl Build<'_> {
    /// All outages, in the order of the scenario.
    pub(super) fn blackouts(&mut self, root: &Settings) -> Blackouts {
        self.check_pull_behavior(root);
        let mut all = Blackouts::default();
        for settings in root.tables("failure") {
            match settings.text("kind") {
                Some("registry_outage") => all.registries.extend(self.registry_outage(settings)),
                Some("metrics_outage") => all.metrics.extend(self.metrics_outage(settings)),
                kind => {
                    for key in OF_REGISTRIES.into_iter().filter(|key| settings.is_given(key)) {
                        let kind = kind.unwrap_or("task_crash");
                        let message = format!("`{key}` is about registries; the kind is {kind:?}");
                        self.error(settings.place_of(key), message);
                    }
                }
            }
        }
        all
    }

    fn check_pull_behavior(&mut self, root: &Settings) {
        let Some(latency) = root.table("latency") else { return };
        let key = "image_cleanup_interval";
        if latency.text("image_pull_behavior") == Some("prefer-cached") && latency.is_given(key) {
            let message =
                format!("with \"prefer-cached\" no image is removed: `{key}` says nothing");
            self.error(latency.place_of(key), message);
        }
    }

    /// From when until when.
    fn window(&mut self, settings: &Settings, says: &[&str]) -> Option<(SimTime, SimTime)> {
        let kind = settings.text("kind")?;
        let others = super::fault::KEYS.into_iter().flatten().chain(&OF_REGISTRIES);
        for key in others.filter(|key| !says.contains(key) && settings.is_given(key)) {
            let message = format!("`{key}` says nothing of a \"{kind}\"");
            self.error(settings.place_of(key), message);
        }
        for key in ["at", "duration"].into_iter().filter(|key| !settings.is_given(key)) {
            self.error(settings.place, format!("a \"{kind}\" needs `{key}`"));
        }
        let (at, lasts): (SimSpan, SimSpan) = (settings.span("at")?, settings.span("duration")?);
        Some((SimTime(at.0), SimTime(at.0) + lasts))
    }

    fn registry_outage(&mut self, settings: &Settings) -> Option<RegistryOutage> {
        let window = self.window(settings, &REGISTRY_SAYS);
        let providers = self.pulling_providers(settings);
        let zone = self.zone_without_registry(settings);
        let definitions = self.pulling_definitions(settings);
        let (from, until) = window?;
        let (providers, zone, definitions) = (providers?, zone?, definitions?);
        let names = ["registry", "capacity_provider", "availability_zone"];
        let whose: Vec<&str> = names.into_iter().filter_map(|key| settings.text(key)).collect();
        Some(RegistryOutage {
            what: if whose.is_empty() { "all registries".into() } else { whose.join(", ") },
            from,
            until,
            time_percent: settings.number("slowdown").map(|times| (times * 100.0).round() as u32),
            definitions,
            providers,
            zone,
        })
    }

    /// Those of the name that is given, one a cluster of Fargate's own.
    fn pulling_providers(&mut self, settings: &Settings) -> Option<Option<Vec<ProviderId>>> {
        let Some(name) = settings.text("capacity_provider") else { return Some(None) };
        let own = self.providers.enumerate().filter(|(_, provider)| provider.name == name);
        let own: Vec<ProviderId> = own.map(|(id, _)| id).collect();
        if own.is_empty() {
            self.provider_of_instances(settings); // says what is known
            return None;
        }
        Some(Some(own))
    }

    fn zone_without_registry(&mut self, settings: &Settings) -> Option<Option<ZoneId>> {
        match settings.text("availability_zone") {
            None => Some(None),
            Some(name) => self.known_zone(settings, name).map(Some),
        }
    }

    /// Whose images come from there, and how much of all that they pull.
    fn pulling_definitions(
        &mut self,
        settings: &Settings,
    ) -> Option<Option<Vec<(DefinitionId, u32)>>> {
        let pulls = self.definitions.iter().enumerate();
        let pulls = pulls.filter(|(_, one)| one.definition.image_mib > 0);
        let pulled: Vec<(DefinitionId, Vec<(String, u64)>)> =
            pulls.map(|(n, one)| (DefinitionId::from_index(n), one.pulls_from())).collect();
        if pulled.is_empty() {
            let message = "no task definition pulls an image";
            let help = "give the sizes of images as `image_mib`; 0 is already there";
            self.error_with_help(settings.value_place("kind"), message, help);
            return None;
        }
        let Some(registry) = settings.text("registry") else { return Some(None) };
        let share = |(id, of): &(DefinitionId, Vec<(String, u64)>)| {
            let mib = |of: &mut dyn Iterator<Item = &(String, u64)>| of.map(|(_, mib)| mib).sum();
            let is_own = |(host, _): &&(String, u64)| host == registry;
            let [own, all]: [u64; 2] = [mib(&mut of.iter().filter(is_own)), mib(&mut of.iter())];
            (own > 0).then(|| (*id, (own * u64::from(WHOLE) / all.max(1)).max(1) as u32))
        };
        let own: Vec<(DefinitionId, u32)> = pulled.iter().filter_map(share).collect();
        if own.is_empty() {
            let message = format!("no image comes from the registry {}", quoted(registry));
            let known = pulled.iter().flat_map(|(_, of)| of.iter().map(|(host, _)| host.as_str()));
            let help = suggestion(registry, known.take(1_000));
            self.error_with_help(settings.value_place("registry"), message, help);
            return None;
        }
        Some(Some(own))
    }

    fn metrics_outage(&mut self, settings: &Settings) -> Option<MetricsOutage> {
        let window = self.window(settings, &METRICS_SAY);
        let (service, provider) = (settings.text("service"), settings.text("capacity_provider"));
        let of = match (service, provider) {
            (Some(_), Some(_)) => {
                let message = "`service` and `capacity_provider` are two outages";
                self.error(settings.value_place("capacity_provider"), message);
                return None;
            }
            (Some(name), None) => self.service_without_metrics(settings, name)?,
            (None, Some(name)) => self.group_without_metrics(settings, name)?,
            (None, None) => {
                let has_any = self.services.iter().any(ServiceSetup::looks_at_metrics)
                    || self.groups.iter().any(GroupSetup::looks_at_metrics);
                if !has_any {
                    let message = "no alarm and no scaling policy looks at any metric";
                    self.error(settings.value_place("kind"), message);
                }
                MetricsOf::All
            }
        };
        let (from, until) = window?;
        let what = service.or(provider).unwrap_or("all metrics").to_string();
        Some(MetricsOutage { what, from, until, of })
    }

    fn service_without_metrics(&mut self, settings: &Settings, name: &str) -> Option<MetricsOf> {
        let Some(&id) = self.service_names.get(name) else {
            let message = format!("unknown service {}", quoted(name));
            let known = self.services.iter().map(|service| service.name.as_str());
            let help = suggestion(name, known.take(1_000));
            self.error_with_help(settings.value_place("service"), message, help);
            return None;
        };
        if !self.services.get(id.index()).is_some_and(ServiceSetup::looks_at_metrics) {
            let message = format!(
                "service {} has no scaling policies and no alarms of deployments that look at metrics",
                quoted(name)
            );
            self.error(settings.value_place("service"), message);
        }
        Some(MetricsOf::Service(id))
    }

    fn group_without_metrics(&mut self, settings: &Settings, name: &str) -> Option<MetricsOf> {
        let provider = self.provider_of_instances(settings)??;
        let group = self.groups.iter().find(|group| group.provider == provider);
        if !group.is_some_and(GroupSetup::looks_at_metrics) {
            let message = format!("nobody scales {} by metrics", quoted(name));
            self.error(settings.value_place("capacity_provider"), message);
        }
        Some(MetricsOf::Provider(provider))
    }
}

impl Definition {
    /// The hosts that its images come from, and how large these are. Where nobody tells the sizes of its containers'
    /// images, they are all as large (assumed).
    fn pulls_from(&self) -> Vec<(String, u64)> {
        let own = self.images.iter().map(|(image, mib)| (image.as_str(), u64::from(*mib)));
        let mut images: Vec<(&str, u64)> = own.filter(|&(_, mib)| mib > 0).collect();
        if images.is_empty() {
            images = self.definition.image.split(' ').map(|image| (image, 1)).collect();
        }
        images.into_iter().map(|(image, mib)| (host_of(image).to_string(), mib)).collect()
    }
}

/// The host that an image comes from, as Docker reads its name.
fn host_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => USUAL_REGISTRY,
    }
}
