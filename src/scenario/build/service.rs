//! Services: where their tasks go, how many, what CreateService refuses.

use super::Build;
use crate::base::id::Id as _;
use crate::base::time::SimSpan;
use crate::model::ids::DefinitionId;
use crate::model::platform::OperatingSystem;
use crate::model::service::{
    Behaviour, DeploymentConfiguration, DeploymentController, Protection, SchedulingStrategy,
};
use crate::policy::placement::{SpreadField, Strategy};
use crate::scenario::diagnostic::quoted;
use crate::scenario::sections::BEHAVIOUR;
use crate::scenario::settings::Settings;
use crate::sim::setup::{Launch, RevisionSetup, ServiceSetup};
use std::collections::BTreeMap;

/// Longest name of a service (API reference, CreateService; documented).
const LONGEST_NAME: usize = 255;
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
        for settings in root.tables("service") {
            self.read_service(settings, &mut taken);
        }
        if let Some(first) = root.tables("service").next()
            && !self.has_duration
        {
            let message = "services never end: the simulation needs a `duration`";
            let help = "write duration = \"1d\" in `[simulation]`";
            self.error_with_help(first.place, message, help);
        }
    }

    fn read_service(
        &mut self,
        settings: &Settings,
        taken: &mut BTreeMap<String, crate::scenario::tree::Place>,
    ) {
        let cluster = self.cluster_of(settings);
        let launch = self.launch(settings, cluster);
        let fargate = self.is_fargate(&launch);
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
        let definition = self.service_definition(&subject, settings);
        let behaviour = self.behaviour(settings);
        let work = self.work(settings, name.as_deref().unwrap_or("service"));
        let (strategies, distinct_instance, member_of) = match definition {
            Some(id) => self.placement(settings, id, &subject.launch, fargate),
            None => Default::default(),
        };
        let zones = self.caller_zones(settings, cluster);
        let deployment = DeploymentConfiguration::default();
        let rebalances_zones = self.rebalances_zones(&subject, &strategies, &deployment);
        let desired_count = match scheduling {
            SchedulingStrategy::Daemon => 0,
            SchedulingStrategy::Replica => settings.whole32("desired_count").unwrap_or(1),
        };
        let (Some(name), Some(definition)) = (name, definition) else { return };
        let revisions = vec![self.revision(&subject, definition, behaviour)];
        self.services.push(ServiceSetup {
            name,
            cluster,
            scheduling,
            desired_count,
            starts_running: settings.flag("starts_running"),
            revisions,
            updates: Vec::new(),
            controller,
            deployment,
            task_sets: Vec::new(),
            strategies,
            distinct_instance,
            member_of,
            zones,
            balancer: None,
            grace_period: settings.span("health_check_grace_period").unwrap_or_default(),
            rebalances_zones,
            protection: settings.table("protection").map(protection),
            work,
            scaling: None,
            launch: subject.launch,
        });
    }

    /// The name, where it is one that ECS takes.
    fn service_name(
        &mut self,
        settings: &Settings,
        taken: &mut BTreeMap<String, crate::scenario::tree::Place>,
    ) -> Option<String> {
        let name = settings.text("name")?.to_string();
        let place = settings.value_place("name");
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.len() > LONGEST_NAME || !name.chars().all(is_part) {
            let message = format!("{} is no name of a service", quoted(&name));
            let help = "ECS takes up to 255 letters, digits, hyphens and underscores";
            self.error_with_help(place, message, help);
        }
        self.take_name(taken, &name, place, "service");
        Some(name)
    }

    /// The definition that a service, an update or a task set names.
    pub(super) fn service_definition(
        &mut self,
        subject: &Subject<'_>,
        settings: &Settings,
    ) -> Option<DefinitionId> {
        let wanted = settings.text("task_definition")?.to_string();
        let place = settings.value_place("task_definition");
        let id = self.definition_of(&wanted, place)?;
        if subject.fargate {
            self.check_on_fargate(id, &subject.launch, place);
        }
        Some(id)
    }

    /// A revision: what the definition says of limits and checks, and how its tasks behave.
    pub(super) fn revision(
        &self,
        subject: &Subject<'_>,
        id: DefinitionId,
        behaviour: Behaviour,
    ) -> RevisionSetup {
        let known = &self.definitions[id.index()];
        let windows = known.definition.platform.os == OperatingSystem::Windows;
        RevisionSetup {
            definition: id,
            check: known.check,
            cpu_is_limited: subject.fargate || windows || known.has_task_cpu,
            memory_limit_mib: known.memory_limit_mib,
            behaviour,
        }
    }

    /// The `behaviour` of a service, an update or a task set.
    pub(super) fn behaviour(&mut self, settings: &Settings) -> Behaviour {
        let defaults = Settings::empty(&BEHAVIOUR, settings.place);
        let table = settings.table("behaviour").unwrap_or(&defaults);
        let whole = |key: &str| table.whole32(key).unwrap_or_default();
        Behaviour {
            start_failure_ppm: ppm(table, "start_failure_percent"),
            start_failure_reason: table.text("start_failure_reason").unwrap_or_default().into(),
            time_to_failure: table.distribution("time_to_failure").cloned(),
            crash_exit_code: u8::try_from(whole("crash_exit_code")).unwrap_or(1),
            never_healthy_ppm: ppm(table, "never_healthy_percent"),
            time_to_unhealthy: table.distribution("time_to_unhealthy").cloned(),
            ready_after: table
                .distribution("ready_after")
                .cloned()
                .unwrap_or(Behaviour::default().ready_after),
            cost_percent: whole("cost_percent"),
            error_ppm: ppm(table, "error_percent"),
            idle_memory_mib: whole("idle_memory"),
        }
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
        let zone_spread = |strategy: &Strategy| {
            matches!(strategy, Strategy::Spread(SpreadField::Attribute(name)) if name == ZONE_ATTRIBUTE)
        };
        let on_zones = settings
            .tables("placement_constraints")
            .filter_map(|constraint| constraint.text("expression"))
            .any(|expression| expression.contains(ZONE_ATTRIBUTE));
        let obstacle = if subject.is_daemon() {
            "the scheduling strategy is DAEMON"
        } else if subject.controller != DeploymentController::Ecs {
            "the deployment controller is not ECS"
        } else if strategies.first().is_some_and(|first| !zone_spread(first)) {
            "the first placement strategy is not a spread over Availability Zones"
        } else if deployment.maximum_percent <= 100 {
            "`maximum_percent` is not above 100"
        } else if on_zones {
            "a placement constraint is about Availability Zones"
        } else {
            return settings.text("availability_zone_rebalancing") != Some("DISABLED");
        };
        if settings.text("availability_zone_rebalancing") == Some("ENABLED") {
            let message =
                format!("Availability Zone rebalancing cannot be enabled: {obstacle}");
            self.error(settings.value_place("availability_zone_rebalancing"), message);
        }
        false
    }
}

/// A percent as parts per million.
pub(super) fn ppm(settings: &Settings, key: &str) -> u32 {
    (settings.number(key).unwrap_or_default() * 1e4).round() as u32
}

fn protection(settings: &Settings) -> Protection {
    Protection {
        tasks_ppm: ppm(settings, "percent"),
        expires_after: settings.span("expires_in").unwrap_or(SimSpan::from_secs(7_200)),
        renewed: settings.flag("renewed"),
    }
}
