//! Services: where their tasks go, how many, what CreateService refuses.

use super::Build;
use super::service_update::{History, Kept};
use crate::base::id::Id as _;
use crate::base::time::SimSpan;
use crate::model::ids::{ClusterId, DefinitionId, ServiceId};
use crate::model::platform::OperatingSystem;
use crate::model::scaling::ScalableTarget;
use crate::model::service::{
    Behaviour, DeploymentConfiguration, DeploymentController, ManagedDaemon, Protection,
    SchedulingStrategy, StartupCpu,
};
use crate::policy::placement::{SpreadField, Strategy};
use crate::scenario::diagnostic::quoted;
use crate::scenario::keys::grouped;
use crate::scenario::sections::BEHAVIOUR;
use crate::scenario::settings::Settings;
use crate::scenario::tree::Place;
use crate::sim::setup::{Launch, RevisionSetup, ServiceSetup};
use std::collections::BTreeMap;

/// The attribute that holds an instance's zone.
const ZONE_ATTRIBUTE: &str = "ecs.availability-zone";

/// What many checks of a service need to know of it.
pub(super) struct Subject<'s> {
    pub settings: &'s Settings,
    pub launch: Launch,
    pub fargate: bool,
    pub scheduling: SchedulingStrategy,
    pub controller: DeploymentController,
}

impl Subject<'_> {
    pub(super) fn is_daemon(&self) -> bool {
        self.scheduling == SchedulingStrategy::Daemon
    }
}

impl Build<'_> {
    pub(super) fn read_services(&mut self, root: &Settings) {
        let mut taken = BTreeMap::new();
        let mut of_cluster: BTreeMap<ClusterId, u64> = BTreeMap::new();
        let (services, tasks) = super::timing::service_quotas(root);
        self.tasks_per_service = tasks;
        for settings in root.tables("service") {
            let cluster = self.cluster_of(settings);
            let count = of_cluster.entry(cluster).or_default();
            *count += 1;
            if services.is_some_and(|quota| *count == quota + 1) {
                let message = format!(
                    "the cluster {} has more than {} services, the quota of services per cluster",
                    quoted(&self.clusters[cluster.index()].name),
                    grouped(*count - 1)
                );
                let help =
                    "AWS may have raised it for you: set `services_per_cluster` of `[limits]`";
                self.error_with_help(settings.place, message, help);
            }
            // What is beyond the quota is not read: a generated file may hold any number of services.
            if services.is_some_and(|quota| *count > quota) {
                continue;
            }
            self.read_service(settings, cluster, &mut taken);
        }
        if let Some(first) = root.tables("service").next()
            && !self.has_duration
        {
            let message = "services never end: the simulation needs a `duration`";
            let help = "write duration = \"1d\" in `[simulation]`";
            self.error_with_help(first.place, message, help);
        }
        self.check_running_tasks();
        self.check_overflow_times(root);
    }

    fn read_service(
        &mut self,
        settings: &Settings,
        cluster: ClusterId,
        taken: &mut BTreeMap<String, Place>,
    ) {
        let launch = self.launch(settings, cluster);
        let fargate = self.is_fargate(&launch);
        let overflow = self.overflow(settings, &launch, cluster);
        let scheduling = match settings.text("scheduling_strategy") {
            Some("DAEMON") => SchedulingStrategy::Daemon,
            _ => SchedulingStrategy::Replica,
        };
        let controller = match settings.text("deployment_controller") {
            Some("CODE_DEPLOY") => DeploymentController::CodeDeploy,
            Some("EXTERNAL") => DeploymentController::External,
            _ => DeploymentController::Ecs,
        };
        let subject = Subject { settings, launch, fargate, scheduling, controller };
        let name = self.service_name(settings, taken);
        let definition = self.service_definition(&subject, &subject.launch, settings);
        let stream = super::calls::stream_name(settings, name.as_deref().unwrap_or("service"));
        let work = self.work(settings, &stream);
        let (strategies, distinct_instance, mut member_of) = match definition {
            Some(id) => self.placement(settings, id, &subject.launch, fargate),
            None => Default::default(),
        };
        self.keep_apart(settings, (&subject.launch, cluster), &mut member_of);
        self.check_external_service(settings);
        self.check_managed_launch(settings, &subject.launch, definition, &member_of);
        let zones = self.caller_zones(settings, cluster);
        let may_be_fargate =
            fargate || overflow.is_some() || super::service_launch::moves_to_fargate(settings);
        let network =
            self.task_network(settings, cluster, zones.as_deref(), (may_be_fargate, definition));
        let zones = self.zones_of(Some(&network.subnets)).or(zones);
        let balancer = self.balancer(settings);
        let deployment = self.deployment(&subject, balancer.as_ref());
        let scaling = self.scaling(&subject, balancer.as_ref(), &deployment);
        let rebalances_zones = self.rebalances_zones(&subject, &strategies, &deployment);
        let desired_count = self.desired_count(&subject, scaling.as_ref());
        self.check_daemon(&subject);
        let daemon = self.managed_daemon(&subject);
        let (Some(name), Some(definition)) = (name, definition) else { return };
        if fargate
            && settings.flag("starts_running")
            && controller != DeploymentController::External
        {
            self.runs_from_the_beginning(&network, desired_count, settings.place);
        }
        let kept = Kept { definition, cluster, member_of: &member_of };
        let History { launches, revisions, updates, task_sets, .. } =
            self.history(&subject, kept, balancer.as_ref());
        let protection = self.protection(settings);
        self.services.push(ServiceSetup {
            name,
            stream,
            cluster,
            scheduling,
            daemon,
            desired_count,
            starts_running: settings.flag("starts_running"),
            revisions,
            updates,
            controller,
            deployment,
            task_sets,
            strategies,
            distinct_instance,
            member_of,
            zones,
            network,
            balancer,
            shifts: Vec::new(),
            grace_period: settings.span("health_check_grace_period").unwrap_or_default(),
            rebalances_zones,
            protection,
            container_stop: settings.distribution("container_stop").cloned(),
            work,
            scaling,
            launches,
            overflow,
        });
    }

    /// The `protection` of a service.
    fn protection(&mut self, service: &Settings) -> Option<Protection> {
        let settings = service.table("protection")?;
        let while_busy = settings.flag("while_busy");
        if while_busy && !service.is_given("queue") {
            let message = "`while_busy` is about messages: it needs a `queue`";
            self.error(settings.place_of("while_busy"), message);
        }
        for key in ["percent", "expires_in", "renewed"] {
            if while_busy && settings.is_given(key) {
                let message =
                    format!("`{key}` is about protection from the start on, not `while_busy`");
                self.error(settings.place_of(key), message);
            }
        }
        Some(Protection {
            tasks_ppm: if while_busy { 0 } else { ppm(settings, "percent") },
            expires_after: settings.span("expires_in").unwrap_or(SimSpan::from_secs(7_200)),
            renewed: settings.flag("renewed"),
            while_busy,
        })
    }

    /// The name, where it is not taken.
    fn service_name(
        &mut self,
        settings: &Settings,
        taken: &mut BTreeMap<String, Place>,
    ) -> Option<String> {
        let name = settings.text("name")?.to_string();
        let place = settings.value_place("name");
        self.take_name(taken, &name, place, "service");
        let id = ServiceId::from_index(self.services.len());
        self.service_names.get_or_insert_with(name.clone(), || id);
        Some(name)
    }

    /// The definition that a service, an update or a task set names.
    pub(super) fn service_definition(
        &mut self,
        subject: &Subject<'_>,
        launch: &Launch,
        settings: &Settings,
    ) -> Option<DefinitionId> {
        let wanted = settings.text("task_definition")?.to_string();
        let place = settings.value_place("task_definition");
        let id = self.definition_of(&wanted, place)?;
        if self.is_fargate(launch) {
            self.check_on_fargate(id, launch, place);
        }
        self.check_overflow_of(subject.settings, id);
        if super::external::is_external(subject.settings) {
            self.check_external_task(id, place);
        }
        Some(id)
    }

    /// A revision: what the definition says of limits and checks, and how its tasks behave.
    pub(super) fn revision(
        &self,
        (number, launch): (usize, &Launch),
        id: DefinitionId,
        behaviour: Behaviour,
    ) -> RevisionSetup {
        let known = &self.definitions[id.index()];
        let windows = known.definition.platform.os == OperatingSystem::Windows;
        RevisionSetup {
            definition: id,
            launch: number,
            check: known.check,
            cpu_is_limited: self.is_fargate(launch) || windows || known.has_task_cpu,
            memory_limit_mib: known.memory_limit_mib,
            behaviour,
        }
    }

    /// `desiredCount`: what was written, within the limits of scaling.
    fn desired_count(&mut self, subject: &Subject<'_>, scaling: Option<&ScalableTarget>) -> u32 {
        let settings = subject.settings;
        let limits = scaling.map_or((0, u32::MAX), |s| (s.min_capacity, s.max_capacity));
        let Some(count) = settings.whole32("desired_count").filter(|_| !subject.is_daemon()) else {
            let least = if subject.is_daemon() { 0 } else { 1 };
            return least.max(limits.0).min(limits.1);
        };
        let place = settings.value_place("desired_count");
        self.check_tasks(u64::from(count), place);
        let (min, max) = limits;
        if min <= max && !(min..=max).contains(&count) {
            let message = format!(
                "`desired_count` {count} is outside of `min_capacity` {min} and `max_capacity` {max}"
            );
            self.error(place, message);
        }
        count
    }

    /// The quota of tasks.
    pub(super) fn check_tasks(&mut self, count: u64, place: Place) {
        if let Some(quota) = self.tasks_per_service.filter(|quota| count > *quota) {
            let message = format!(
                "{} tasks are above the quota of tasks per service, {}",
                grouped(count),
                grouped(quota)
            );
            let help = "AWS may have raised it for you: set `tasks_per_service` of `[limits]`";
            self.error_with_help(place, message, help);
        }
    }

    /// What CreateService refuses of a DAEMON service (API reference; documented).
    fn check_daemon(&mut self, subject: &Subject<'_>) {
        let settings = subject.settings;
        if !subject.is_daemon() {
            return;
        }
        let place = settings.value_place("scheduling_strategy");
        if subject.fargate {
            self.error(place, "the DAEMON scheduling strategy is not supported with Fargate");
        }
        if subject.controller != DeploymentController::Ecs {
            let message = "the DAEMON scheduling strategy needs the deployment controller ECS";
            self.error(place, message);
        }
        self.check_daemon_launch(settings, &subject.launch, subject.fargate);
        let refused = [
            (
                "overflow_to_fargate",
                "a DAEMON service has a task on each container instance: none of them goes to Fargate",
            ),
            (
                "desired_count",
                "a DAEMON service takes no `desired_count`: it has one task on each container instance",
            ),
            ("placement_strategy", "a DAEMON service takes no placement strategy"),
        ];
        for (key, message) in refused.into_iter().filter(|(key, _)| settings.is_given(key)) {
            self.error(settings.place_of(key), message);
        }
    }

    /// What a managed daemon is to its instances.
    fn managed_daemon(&mut self, subject: &Subject<'_>) -> Option<ManagedDaemon> {
        let settings = subject.settings;
        let Some(provider) = self.managed_of(&subject.launch).filter(|_| subject.is_daemon())
        else {
            if settings.is_given("critical") {
                let message = "`critical` is about managed daemons: DAEMON services of a provider of Managed Instances";
                self.error(settings.place_of("critical"), message);
            }
            return None;
        };
        let group = self.groups.iter().find(|group| group.provider == provider);
        let of = group.and_then(|group| group.instances.as_ref());
        Some(ManagedDaemon {
            is_critical: !settings.is_given("critical") || settings.flag("critical"),
            is_repaired: of.is_some_and(|of| of.repair.is_on),
        })
    }

    /// Whether zone rebalancing is on: the default is ENABLED for a service that is eligible (developer guide,
    /// "Balancing an Amazon ECS service across Availability Zones"; documented).
    fn rebalances_zones(
        &mut self,
        subject: &Subject<'_>,
        strategies: &[Strategy],
        deployment: &DeploymentConfiguration,
    ) -> bool {
        let settings = subject.settings;
        let zones = Strategy::Spread(SpreadField::Attribute(ZONE_ATTRIBUTE.to_string()));
        let on_zones = settings
            .tables("placement_constraints")
            .filter_map(|constraint| constraint.text("expression"))
            .any(|expression| expression.contains(ZONE_ATTRIBUTE));
        let obstacle = if super::external::is_external(settings) {
            "external instances are in no Availability Zone"
        } else if subject.is_daemon() {
            "the scheduling strategy is DAEMON"
        } else if subject.controller == DeploymentController::External {
            "the deployment controller is EXTERNAL"
        } else if strategies.first().is_some_and(|first| *first != zones) {
            "the first placement strategy is not a spread over Availability Zones"
        } else if deployment.maximum_percent <= 100 {
            "`maximum_percent` is not above 100"
        } else if on_zones {
            "a placement constraint is about Availability Zones"
        } else {
            return settings.text("availability_zone_rebalancing") != Some("DISABLED");
        };
        if settings.text("availability_zone_rebalancing") == Some("ENABLED") {
            let message = format!("Availability Zone rebalancing cannot be enabled: {obstacle}");
            self.error(settings.value_place("availability_zone_rebalancing"), message);
        }
        false
    }
}

/// The `behaviour` of a service, under what a later revision changes of it.
pub(super) fn behaviour(service: &Settings, changed: Option<&Settings>) -> Behaviour {
    let defaults = Settings::empty(&BEHAVIOUR, service.place);
    let base = service.table("behaviour").unwrap_or(&defaults);
    // The table that says what a key is.
    let of = |key: &str| changed.filter(|changed| changed.is_given(key)).unwrap_or(base);
    let whole = |key: &str| of(key).whole32(key).unwrap_or_default();
    let part = |key: &str| ppm(of(key), key);
    let drawn = |key: &str| of(key).distribution(key).cloned();
    Behaviour {
        start_failure_ppm: part("start_failure_percent"),
        start_failure_reason: of("start_failure_reason")
            .text("start_failure_reason")
            .unwrap_or_default()
            .to_string(),
        time_to_failure: drawn("time_to_failure"),
        crash_exit_code: u8::try_from(whole("crash_exit_code")).unwrap_or(1),
        never_healthy_ppm: part("never_healthy_percent"),
        time_to_unhealthy: drawn("time_to_unhealthy"),
        ready_after: drawn("ready_after").unwrap_or(Behaviour::default().ready_after),
        cost_percent: whole("cost_percent"),
        error_ppm: part("error_percent"),
        idle_memory_mib: whole("idle_memory"),
        startup_cpu: of("startup_cpu").table("startup_cpu").map(|start| StartupCpu {
            millis: (start.number("vcpu").unwrap_or_default() * 1e3).round() as u32,
            lasts: start.span("duration").unwrap_or_default(),
        }),
    }
}

/// A percent as parts per million.
pub(super) fn ppm(settings: &Settings, key: &str) -> u32 {
    (settings.number(key).unwrap_or_default() * 1e4).round() as u32
}
