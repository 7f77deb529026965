//! Callers of RunTask and StartTask: where their tasks go, and what RunTask refuses.

use super::Build;
use crate::base::id::Id as _;
use crate::base::lookup::Lookup;
use crate::model::ids::{ClusterId, DefinitionId, ProviderId, ZoneId};
use crate::model::platform::{LaunchType, Purchase};
use crate::model::resources::Resources;
use crate::policy::placement::{PackField, SpreadField, Strategy};
use crate::policy::query::Expression;
use crate::scenario::diagnostic::{quoted, suggestion};
use crate::scenario::sections::RETRY;
use crate::scenario::settings::{Item, Settings, Value};
use crate::scenario::tree::Place;
use crate::sim::setup::{Launch, OnFailure, ProviderSetup, ProviderShare, SourceSetup};
use std::collections::BTreeMap;

impl Build<'_> {
    pub(super) fn read_run_tasks(&mut self, root: &Settings) {
        let mut taken = BTreeMap::new();
        for (index, settings) in root.tables("run_task").enumerate() {
            let name = settings.text("name").map(str::to_string);
            let name = name.unwrap_or_else(|| format!("run-task-{}", index + 1));
            self.take_name(&mut taken, &name, settings.value_place("name"), "`run_task`");
            self.read_run_task(settings, name);
        }
    }

    fn read_run_task(&mut self, settings: &Settings, name: String) {
        let cluster = self.cluster_of(settings);
        let launch = self.launch(settings, cluster);
        let fargate = self.is_fargate(&launch);
        let overflow = self.overflow(settings, &launch, cluster);
        let definition = self.caller_definition(settings, &name, &launch, fargate);
        let (strategies, distinct_instance, mut member_of) =
            self.placement(settings, definition, &launch, fargate);
        self.keep_apart(settings, (&launch, cluster), &mut member_of);
        if super::external::is_external(settings) {
            let key = if settings.is_given("task_definition") {
                "task_definition"
            } else {
                "launch_type"
            };
            self.check_external_task(definition, settings.value_place(key));
        }
        self.check_managed_launch(settings, &launch, Some(definition), &member_of);
        let zones = self.caller_zones(settings, cluster);
        let may_be_fargate = fargate || overflow.is_some();
        let network = self.task_network(
            settings,
            cluster,
            zones.as_deref(),
            (may_be_fargate, Some(definition)),
        );
        let zones = self.zones_of(Some(&network.subnets)).or(zones);
        let stream = stream_name(settings, &name);
        let workload = self.workload(settings, &stream);
        let Some(workload) = workload else { return };
        let constant = || crate::base::distribution::Distribution::Constant(60.0);
        self.sources.push(SourceSetup {
            cluster,
            launch,
            overflow,
            definition,
            group: settings.text("group").map(str::to_string),
            strategies,
            distinct_instance,
            member_of,
            zones,
            network,
            tasks_per_call: settings.whole32("tasks_per_call").unwrap_or(10),
            on_failure: on_failure(settings),
            duration: settings.distribution("duration").cloned().unwrap_or_else(constant),
            stop_after: settings.span("stop_after"),
            oversized_is_error: settings.text("on_oversized") != Some("refuse"),
            stream,
            name,
        });
        self.workloads.push(workload);
    }

    pub(super) fn launch(&mut self, settings: &Settings, cluster: ClusterId) -> Launch {
        let keys = ["launch_type", "capacity_provider_strategy", "start_task"];
        // A service has no `start_task`.
        let is_given =
            |key: &&str| settings.section.index_of(key).is_some() && settings.is_given(key);
        let given: Vec<&str> = keys.into_iter().filter(is_given).collect();
        if let [first, second, ..] = given[..] {
            let message = format!("`{second}` and `{first}` exclude each other");
            self.error(settings.place_of(second), message);
        }
        if given.contains(&"start_task") {
            return self.start_task(settings);
        }
        if settings.is_given("capacity_provider_strategy") {
            let shares = self.provider_shares(settings, "capacity_provider_strategy", cluster);
            return Launch::Providers(shares);
        }
        let is_daemon = settings.section.index_of("scheduling_strategy").is_some()
            && settings.text("scheduling_strategy") == Some("DAEMON");
        let default = self.clusters[cluster.index()].default_strategy.clone();
        if let (true, false, Some(shares)) = (given.is_empty(), is_daemon, default) {
            return Launch::Providers(shares);
        }
        if super::external::is_external(settings) {
            if !self.clusters[cluster.index()].has_external {
                let name = quoted(&self.clusters[cluster.index()].name);
                let message = format!("the cluster {name} has no external instances");
                let help = "declare a `[[capacity_provider]]` with external = true";
                self.error_with_help(settings.value_place("launch_type"), message, help);
            }
            return Launch::Type(LaunchType::Ec2);
        }
        let has_instances = self.clusters[cluster.index()].has_instances;
        let fargate = match settings.text("launch_type") {
            Some(launch) => launch == "FARGATE",
            None => !has_instances,
        };
        if fargate {
            self.fargate_provider(cluster, Purchase::OnDemand);
            return Launch::Type(LaunchType::Fargate);
        }
        if !has_instances {
            let name = quoted(&self.clusters[cluster.index()].name);
            let message =
                format!("the cluster {name} has no container instances for launch type EC2");
            let help = "declare a `[[capacity_provider]]`, or write launch_type = \"FARGATE\"";
            self.error_with_help(settings.value_place("launch_type"), message, help);
        }
        Launch::Type(LaunchType::Ec2)
    }

    fn start_task(&mut self, settings: &Settings) -> Launch {
        let mut names = Vec::new();
        let listed = settings.table("start_task").cloned();
        let mut all: Lookup<&str, ()> = Lookup::new();
        for instance in &self.instances {
            all.insert(&instance.registration.name, ());
        }
        let mut unknown = Vec::new();
        for (name, place) in listed.iter().flat_map(|table| table.texts("container_instances")) {
            match all.get(name) {
                Some(()) => names.push(name.to_string()),
                None => unknown.push((name.to_string(), place)),
            }
        }
        if let Some(table) = &listed
            && matches!(table.item("container_instances"), Some(i) if i.value == Value::List(vec![]))
        {
            let message = "StartTask needs at least one container instance";
            self.error(table.value_place("container_instances"), message);
        }
        for (name, place) in unknown {
            let known = self.instances.iter().map(|i| i.registration.name.as_str());
            let help = suggestion(&name, known);
            let message = format!("unknown container instance {}", quoted(&name));
            self.error_with_help(place, message, help);
        }
        Launch::Start(names)
    }

    /// The built-in provider of a cluster, made at first use.
    pub(super) fn fargate_provider(
        &mut self,
        cluster: ClusterId,
        purchase: Purchase,
    ) -> ProviderId {
        let name = match purchase {
            Purchase::Spot => "FARGATE_SPOT",
            _ => "FARGATE",
        };
        if let Some(id) = self.fargate_providers.get(&(cluster, purchase)) {
            return *id;
        }
        let id = self.providers.push(ProviderSetup {
            name: name.to_string(),
            stream: name.to_string(),
            launch: LaunchType::Fargate,
            is_managed: false,
            batch_window: None,
            purchase,
            cluster,
            largest: Resources::ZERO,
        });
        self.fargate_providers.insert((cluster, purchase), id);
        id
    }

    /// The capacity provider strategy that stands under this key, with all that ECS refuses.
    pub(super) fn provider_shares(
        &mut self,
        settings: &Settings,
        key: &str,
        cluster: ClusterId,
    ) -> Vec<ProviderShare> {
        let items: Vec<Settings> = settings.tables(key).cloned().collect();
        let place = settings.value_place(key);
        let count = settings.list(key).len();
        if settings.is_empty_list(key) {
            self.error(place, "a capacity provider strategy needs at least one provider");
        }
        if count > 20 {
            let message =
                format!("a capacity provider strategy has at most 20 providers, this one {count}");
            self.error(place, message);
        }
        let mut shares: Vec<ProviderShare> = Vec::new();
        let mut first_base: Option<Place> = None;
        for item in &items {
            let Some(name) = item.text("capacity_provider") else { continue };
            let at = item.value_place("capacity_provider");
            let Some(provider) = self.provider_of(name, cluster, at) else { continue };
            if shares.iter().any(|share| share.provider == provider) {
                let message = format!("{} is in the strategy twice", quoted(name));
                self.error(at, message);
                continue;
            }
            let base = item.whole32("base").unwrap_or(0);
            if base > 0 {
                if let Some(first) = first_base {
                    let first = self.problems.describe(first);
                    let message = format!(
                        "only one provider of a strategy has a `base`; the first is at {first}"
                    );
                    self.error(item.value_place("base"), message);
                }
                first_base.get_or_insert(item.value_place("base"));
            }
            let weight = item.whole32("weight").unwrap_or(0);
            shares.push(ProviderShare { provider, base, weight });
        }
        let whole = shares.len() == count && count > 0;
        if whole && shares.iter().all(|share| share.weight == 0) {
            let message = match settings.section.name {
                "service" | "update" | "task_set" => {
                    "all weights of the strategy are 0: a service cannot place tasks with such a strategy"
                }
                _ => "all weights of the strategy are 0: RunTask fails with such a strategy",
            };
            let help =
                "give at least one provider a `weight` from 1 to 1,000 (the API's default is 0)";
            self.error_with_help(place, message, help);
        }
        let is_external =
            |share: &ProviderShare| self.providers[share.provider].purchase == Purchase::External;
        if shares.iter().any(is_external) {
            let message = "external instances are in no capacity provider strategy";
            self.error_with_help(place, message, "write launch_type = \"EXTERNAL\"");
        }
        let launch = |share: &ProviderShare| self.providers[share.provider].launch;
        if let [first, rest @ ..] = &shares[..]
            && rest.iter().any(|share| launch(share) != launch(first))
        {
            let message = "a strategy cannot mix Fargate capacity providers with others";
            self.error(place, message);
        }
        let is_managed =
            |share: &ProviderShare| self.providers[share.provider].batch_window.is_some();
        if shares.iter().any(is_managed) && !shares.iter().all(is_managed) {
            let message = "a strategy cannot mix Managed Instances with other capacity providers";
            self.error(place, message);
        }
        shares
    }

    fn provider_of(&mut self, name: &str, cluster: ClusterId, place: Place) -> Option<ProviderId> {
        match name {
            "FARGATE" => return Some(self.fargate_provider(cluster, Purchase::OnDemand)),
            "FARGATE_SPOT" => return Some(self.fargate_provider(cluster, Purchase::Spot)),
            _ => {}
        }
        let found = self.provider_names.get(name).copied();
        match found.map(|id| (id, self.providers[id].cluster)) {
            Some((id, owner)) if owner == cluster => Some(id),
            Some((_, owner)) => {
                let message = format!(
                    "the capacity provider {} belongs to the cluster {}",
                    quoted(name),
                    quoted(&self.clusters[owner.index()].name)
                );
                self.error(place, message);
                None
            }
            None if super::is_lost(&self.declared[0], name) => None,
            None => {
                let mut names: Vec<String> =
                    self.providers.iter().map(|p| p.name.clone()).collect();
                names.extend(["FARGATE".to_string(), "FARGATE_SPOT".to_string()]);
                names.sort();
                names.dedup();
                let help = suggestion(name, names.iter().map(String::as_str));
                let message = format!("unknown capacity provider {}", quoted(name));
                self.error_with_help(place, message, help);
                None
            }
        }
    }

    pub(super) fn is_fargate(&self, launch: &Launch) -> bool {
        match launch {
            Launch::Type(launch) => *launch == LaunchType::Fargate,
            Launch::Providers(shares) => shares
                .first()
                .is_some_and(|s| self.providers[s.provider].launch == LaunchType::Fargate),
            Launch::Start(_) => false,
        }
    }

    fn caller_definition(
        &mut self,
        settings: &Settings,
        name: &str,
        launch: &Launch,
        fargate: bool,
    ) -> DefinitionId {
        let in_awsvpc =
            fargate || self.managed_of(launch).is_some() || super::overflow::is_given(settings);
        let Some(wanted) = settings.text("task_definition").map(str::to_string) else {
            if let Some(id) = self.definition_names.get(name) {
                let place = self.definitions[id.index()].place;
                let first = self.problems.describe(place);
                let message = format!(
                    "tasks without a definition take the family {}, which the definition at {first} has",
                    quoted(name)
                );
                let help = "name it as `task_definition`, or give the `run_task` another `name`";
                self.error_with_help(settings.value_place("name"), message, help);
            }
            return self.implicit_definition(name, in_awsvpc, settings.place);
        };
        let place = settings.value_place("task_definition");
        let Some(id) = self.definition_of(&wanted, place) else {
            return self.implicit_definition(name, in_awsvpc, settings.place);
        };
        if fargate {
            self.check_on_fargate(id, launch, place);
        }
        self.check_overflow_of(settings, id);
        id
    }

    /// What Fargate refuses of a definition that a caller or a service names at `place`.
    pub(super) fn check_on_fargate(&mut self, id: DefinitionId, launch: &Launch, place: Place) {
        let spot = match launch {
            Launch::Providers(shares) => {
                shares.iter().any(|s| self.providers[s.provider].purchase == Purchase::Spot)
            }
            _ => false,
        };
        let purchase = if spot { Purchase::Spot } else { Purchase::OnDemand };
        self.check_fargate(id, Some((purchase, place)));
    }

    pub(super) fn placement(
        &mut self,
        settings: &Settings,
        definition: DefinitionId,
        launch: &Launch,
        fargate: bool,
    ) -> (Vec<Strategy>, bool, Vec<Expression>) {
        for (key, what) in
            [("placement_strategy", "strategies"), ("placement_constraints", "constraints")]
        {
            let refused = match launch {
                _ if fargate => {
                    "are not supported with Fargate: Fargate spreads tasks over the Availability Zones by itself"
                }
                Launch::Start(_) if key == "placement_strategy" => {
                    "are not supported with StartTask: the caller names the instances"
                }
                _ => continue,
            };
            if settings.is_given(key) {
                self.error(settings.place_of(key), format!("placement {what} {refused}"));
            }
        }
        let items: Vec<Settings> = settings.tables("placement_strategy").cloned().collect();
        if items.len() > 5 {
            let message =
                format!("at most 5 placement strategies are allowed, found {}", items.len());
            self.error(items[5].place, message);
        }
        let strategies = items.iter().filter_map(|item| self.strategy(item)).collect();
        let constraints: Vec<Settings> =
            settings.tables("placement_constraints").cloned().collect();
        let of_definition =
            self.definitions[definition.index()].definition.placement_constraints.len();
        if constraints.len() + of_definition > 10 {
            let message = format!(
                "at most 10 placement constraints are allowed, those of the task definition included; found {}",
                constraints.len() + of_definition
            );
            self.error(settings.place_of("placement_constraints"), message);
        }
        let mut distinct = false;
        let mut member_of = Vec::new();
        for constraint in &constraints {
            let text = constraint.text("expression");
            match (constraint.text("type"), text) {
                (Some("distinctInstance"), None) => distinct = true,
                (Some("distinctInstance"), Some(_)) => {
                    let message = "`distinctInstance` takes no expression";
                    self.error(constraint.place_of("expression"), message);
                }
                (Some("memberOf"), Some(text)) => {
                    let place = constraint.value_place("expression");
                    member_of.extend(self.expression(text, place));
                }
                (Some("memberOf"), None) if !constraint.is_given("expression") => {
                    self.error(constraint.place, "`memberOf` needs an `expression`");
                }
                _ => {}
            }
        }
        (strategies, distinct, member_of)
    }

    fn strategy(&mut self, item: &Settings) -> Option<Strategy> {
        let kind = item.text("type")?;
        let field = item.text("field");
        let place = item.value_place("field");
        match (kind, field) {
            ("binpack" | "spread", None) => {
                if !item.is_given("field") {
                    let help = match kind {
                        "binpack" => "valid: \"cpu\", \"memory\"",
                        _ => "valid: \"instanceId\", \"host\", \"attribute:<name>\"",
                    };
                    self.error_with_help(item.place, format!("`{kind}` needs a `field`"), help);
                }
                None
            }
            ("binpack", Some(field)) => match field.to_ascii_lowercase().as_str() {
                "cpu" => Some(Strategy::Binpack(PackField::Cpu)),
                "memory" => Some(Strategy::Binpack(PackField::Memory)),
                _ => {
                    let message = format!("unknown `field` {} of `binpack`", quoted(field));
                    self.error_with_help(place, message, suggestion(field, ["cpu", "memory"]));
                    None
                }
            },
            ("spread", Some(field)) => match field.strip_prefix("attribute:") {
                Some(name) if !name.is_empty() => {
                    Some(Strategy::Spread(SpreadField::Attribute(name.to_string())))
                }
                None if matches!(field, "instanceId" | "host") => {
                    Some(Strategy::Spread(SpreadField::Instance))
                }
                _ => {
                    let valid = ["instanceId", "host", "attribute:ecs.availability-zone"];
                    let message = format!("unknown `field` {} of `spread`", quoted(field));
                    self.error_with_help(place, message, suggestion(field, valid));
                    None
                }
            },
            (_, Some(_)) => {
                self.error(item.place_of("field"), format!("`{kind}` takes no `field`"));
                None
            }
            ("random", None) => Some(Strategy::Random),
            ("first_fit", None) => Some(Strategy::FirstFit),
            ("worst_fit", None) => Some(Strategy::WorstFit),
            _ => Some(Strategy::BestFit),
        }
    }

    pub(super) fn caller_zones(
        &mut self,
        settings: &Settings,
        cluster: ClusterId,
    ) -> Option<Vec<ZoneId>> {
        let both = settings.is_given("subnets") && settings.is_given("availability_zones");
        if both {
            let message = "`availability_zones` and `subnets` exclude each other";
            self.error(settings.place_of("availability_zones"), message);
        }
        if settings.is_given("availability_zones") {
            let zones = self.zone_list(settings, "availability_zones");
            let place = settings.value_place("availability_zones");
            if settings.is_empty_list("availability_zones") {
                self.error(place, "`availability_zones` needs at least one zone");
            }
            return Some(zones);
        }
        if !settings.is_given("subnets") {
            return None;
        }
        let known = self.clusters[cluster.index()].subnets.clone();
        let mut zones = Vec::new();
        for (id, place) in settings.texts("subnets") {
            match known.iter().find(|(name, _)| name == id) {
                Some((_, zone)) if zones.contains(zone) => {}
                Some((_, zone)) => zones.push(*zone),
                None => {
                    let help = suggestion(id, known.iter().map(|(name, _)| name.as_str()));
                    let message = format!("unknown subnet {}", quoted(id));
                    self.error_with_help(place, message, help);
                }
            }
        }
        if settings.is_empty_list("subnets") {
            self.error(settings.value_place("subnets"), "`subnets` needs at least one subnet");
        }
        Some(zones)
    }
}

/// What the random streams of an entry are called.
pub(super) fn stream_name(settings: &Settings, name: &str) -> String {
    settings.text("stream").unwrap_or(name).to_string()
}

fn on_failure(settings: &Settings) -> OnFailure {
    let defaults = Settings::empty(&RETRY, settings.place);
    let retry = match settings.item("on_failure") {
        Some(Item { value: Value::Table(table), .. }) => table.table("retry").unwrap_or(&defaults),
        Some(Item { value: Value::Text(word), .. }) if word == "queue" => return OnFailure::Queue,
        Some(Item { value: Value::Text(word), .. }) if word == "retry" => &defaults,
        _ => return OnFailure::GiveUp,
    };
    OnFailure::Retry {
        attempts: retry.whole32("attempts"),
        first_delay: retry.span("first_delay").unwrap_or_default(),
        growth_percent: retry.whole32("growth_percent").unwrap_or(200),
        max_delay: retry.span("max_delay").unwrap_or_default(),
        jitter_percent: retry.whole32("jitter_percent").unwrap_or(0),
    }
}
