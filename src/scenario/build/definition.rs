//! Task definitions: sizing rules of container instances, and what RegisterTaskDefinition refuses.

use super::{Build, architecture, operating_system};
use crate::base::id::Id as _;
use crate::base::time::SimSpan;
use crate::model::access::Needs;
use crate::model::definition::{NetworkMode, StartOrder, StopOrder, TaskDefinition};
use crate::model::ids::DefinitionId;
use crate::model::platform::{OperatingSystem, Platform, Purchase};
use crate::model::ports::{HostPort, PortSet, Protocol};
use crate::model::resources::Resources;
use crate::model::service::ContainerCheck;
use crate::policy::query::Expression;
use crate::scenario::diagnostic::{quoted, suggestion};
use crate::scenario::settings::Settings;
use crate::scenario::tree::{Node, Place};
use std::collections::BTreeMap;

/// `stopTimeout` where no container says (API reference; documented).
const STOP_TIMEOUT: SimSpan = SimSpan::from_secs(30);
/// Longest `stopTimeout` on Fargate (API reference; documented).
const FARGATE_STOP_TIMEOUT: SimSpan = SimSpan::from_secs(120);

/// A task definition with what later checks need.
pub(super) struct Definition {
    pub definition: TaskDefinition,
    /// The images of its containers and their sizes in MiB, unless `image` tells of the whole task.
    pub images: Vec<(String, u32)>,
    /// Where it was declared.
    pub place: Place,
    /// Where its size, network mode, GPUs and stop time-out were written, for errors on Fargate.
    settings: Option<Settings>,
    /// The file that it is from, for the paths in errors.
    pub json: Option<(Node, u32)>,
    /// Whether the Fargate rules were applied.
    checked_for_fargate: bool,
    /// Container health check.
    pub check: Option<ContainerCheck>,
    /// Whether CPU is written at task level, where it is a hard limit.
    pub has_task_cpu: bool,
    /// MiB at which the kernel kills the task; `u32::MAX`: the host's memory is the limit.
    pub memory_limit_mib: u32,
}

impl Definition {
    /// Whether CPU and memory are written at task level, as Fargate needs them.
    pub(super) fn has_task_size(&self) -> bool {
        let is_given = |key| self.settings.as_ref().is_some_and(|settings| settings.is_given(key));
        is_given("cpu") && is_given("memory")
    }
}

impl Build<'_> {
    pub(super) fn read_definitions(&mut self, root: &Settings) {
        let mut taken = BTreeMap::new();
        for settings in root.tables("task_definition") {
            match settings.text("file").map(str::to_string) {
                None => self.read_definition(settings, &mut taken),
                Some(file) => self.read_definition_json(settings, &file, &mut taken),
            }
        }
    }

    pub(super) fn read_definition(
        &mut self,
        settings: &Settings,
        taken: &mut BTreeMap<String, Place>,
    ) {
        let Some(family) = settings.text("family").map(str::to_string) else {
            if !settings.is_given("family") {
                self.error(settings.place, "`family` is missing");
            }
            self.lost_definitions.push(None);
            return;
        };
        let revision = settings.whole32("revision").unwrap_or(1);
        let exact = format!("{family}:{revision}");
        self.take_name(taken, &exact, settings.value_place("family"), "task definition");
        let mode = network_mode(settings.text("network_mode"));
        let demand = self.demand(settings, mode);
        let ports = self.static_ports(settings, mode);
        self.check_containers(settings);
        let expressions = self.member_of(settings, "placement_constraints");
        let containers: Vec<&Settings> = settings.tables("container").collect();
        let platform = settings.table("runtime_platform");
        let request = |key: &str, sum: u32| settings.whole32(key).unwrap_or(sum);
        // Without a size of the task Fargate would have to hold what the containers may use, not what they reserve.
        let limit = |c: &&Settings| c.whole32("memory").or_else(|| c.whole32("memory_reservation"));
        let limits = containers.iter().filter_map(limit).fold(0, u32::saturating_add);
        let images = containers.iter().filter_map(|c| c.text("image"));
        let images: Vec<String> = images.map(str::to_string).collect();
        let image_mib = containers.iter().filter_map(|c| c.whole32("image_mib")).sum();
        let longest = containers.iter().filter_map(|c| c.span("stop_timeout")).max();
        let stop_timeout = settings.span("stop_timeout").or(longest).unwrap_or(STOP_TIMEOUT);
        let definition = TaskDefinition {
            revision,
            demand,
            fargate_request: (request("cpu", demand.cpu), request("memory", limits)),
            ports,
            network_mode: mode,
            platform: Platform {
                os: operating_system(platform.and_then(|p| p.text("operating_system_family"))),
                architecture: architecture(platform.and_then(|p| p.text("cpu_architecture"))),
            },
            platform_is_explicit: platform.is_some(),
            ephemeral_gib: settings.whole16("ephemeral_storage_gib").unwrap_or(20),
            image_mib: settings.whole32("image_mib").unwrap_or(image_mib),
            image: match settings.text("image") {
                Some(image) => image.to_string(),
                None if images.is_empty() => family.clone(),
                None => images.join(" "),
            },
            other_containers: u16::try_from(containers.len().saturating_sub(1)).unwrap_or(0),
            stop_timeout,
            order: self.start_order(settings),
            stop_order: super::definition_order::stop_order(settings),
            restart: self.restart_policy(settings),
            sidecars: self.sidecars(settings),
            needs: self.needs(settings),
            placement_constraints: expressions,
            family,
        };
        let image = |c: &Settings| {
            (c.text("image").unwrap_or_default().to_string(), c.whole32("image_mib").unwrap_or(0))
        };
        let own = settings.tables("container").filter(|_| !settings.is_given("image"));
        let images = own.map(image).collect();
        let check = container_check(settings);
        let id = DefinitionId::from_index(self.definitions.len());
        self.definition_names.get_or_insert_with(exact, || id);
        // A family alone means its latest revision.
        let latest = self.definition_names.get(&definition.family).copied();
        if latest.is_none_or(|known| self.definitions[known.index()].definition.revision < revision)
        {
            self.definition_names.insert(definition.family.clone(), id);
        }
        self.definitions.push(Definition {
            definition,
            images,
            place: settings.place,
            settings: Some(settings.clone()),
            json: None,
            checked_for_fargate: false,
            check,
            has_task_cpu: settings.is_given("cpu"),
            memory_limit_mib: memory_limit(settings),
        });
        let fargate = settings.texts("requires_compatibilities").any(|(name, _)| name == "FARGATE");
        if fargate {
            self.check_fargate(id, None);
        }
    }

    /// What a container instance must promise.
    fn demand(&mut self, settings: &Settings, mode: NetworkMode) -> Resources {
        let containers: Vec<Settings> = settings.tables("container").cloned().collect();
        let sum = |key: &str| -> u64 { containers.iter().filter_map(|c| c.whole(key)).sum() };
        let task_cpu = settings.whole("cpu");
        if let Some(cpu) = task_cpu
            && sum("cpu") > cpu
        {
            let message = format!(
                "the containers ask for {} CPU units, more than the task's {cpu}",
                sum("cpu")
            );
            self.error(settings.value_place("cpu"), message);
        }
        let mut memory: u64 = 0;
        for container in &containers {
            memory += self.container_memory(settings, container);
        }
        if let Some(task) = settings.whole("memory") {
            if memory > task {
                let message =
                    format!("the containers reserve {memory} MiB, more than the task's {task} MiB");
                self.error(settings.value_place("memory"), message);
            }
            memory = task;
        } else if containers.is_empty() && !settings.is_given("memory") {
            let message = "`memory` is missing";
            let help = "give the task or each of its containers `memory` in MiB";
            self.error_with_help(settings.place, message, help);
        }
        let gpus = settings.whole("gpus").unwrap_or(0) + sum("gpus");
        if gpus > 64 {
            self.error(settings.place, format!("the task asks for {gpus} GPUs; at most 64"));
        }
        let narrow = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Resources {
            cpu: narrow(task_cpu.unwrap_or(sum("cpu"))),
            memory: narrow(memory),
            gpus: u16::try_from(gpus).unwrap_or(u16::MAX),
            enis: u16::from(mode == NetworkMode::Awsvpc),
        }
    }

    /// What a container reserves: its reservation where there is one, else its hard limit.
    fn container_memory(&mut self, task: &Settings, container: &Settings) -> u64 {
        let hard = container.whole("memory");
        let soft = container.whole("memory_reservation");
        if let (Some(hard), Some(soft)) = (hard, soft)
            && hard < soft
        {
            // The API's text says "greater", its guide that equal is allowed, and it is.
            let message =
                format!("`memory` {hard} MiB must not be below `memory_reservation` {soft} MiB");
            self.error(container.value_place("memory"), message);
        }
        if let (Some(hard), Some(limit)) = (hard, task.whole("memory"))
            && hard > limit
        {
            let message = format!("`memory` {hard} MiB is above the task's {limit} MiB");
            self.error(container.value_place("memory"), message);
        }
        let missing = hard.is_none() && soft.is_none();
        let wrong = container.is_given("memory") || container.is_given("memory_reservation");
        if missing && !wrong && !task.is_given("memory") {
            let message =
                "a container needs `memory` or `memory_reservation` where the task has no `memory`";
            self.error(container.place, message);
        }
        soft.or(hard).unwrap_or(0)
    }

    fn check_containers(&mut self, settings: &Settings) {
        let containers: Vec<Settings> = settings.tables("container").cloned().collect();
        if containers.is_empty() {
            return;
        }
        if containers.len() > 10 {
            let message = format!(
                "a task definition has at most 10 containers, this one {}",
                containers.len()
            );
            self.error(containers[10].place, message);
        }
        if !containers.iter().any(|container| container.flag("essential")) {
            let message = "at least one container of a task definition must be essential";
            self.error(settings.place_of("container"), message);
        }
        let mut taken = BTreeMap::new();
        for container in &containers {
            if let Some(name) = container.text("name") {
                self.take_name(&mut taken, name, container.value_place("name"), "container");
            }
        }
    }

    /// Static host ports by the rules of the network mode.
    fn static_ports(&mut self, settings: &Settings, mode: NetworkMode) -> PortSet {
        let mut ports: BTreeMap<HostPort, Place> = BTreeMap::new();
        let mappings = settings.tables("container").flat_map(|c| c.tables("port_mappings"));
        for mapping in mappings.cloned().collect::<Vec<_>>() {
            let Some(container) = mapping.whole16("container_port") else { continue };
            let host = mapping.whole16("host_port");
            let place = mapping.value_place("host_port");
            if mode == NetworkMode::None {
                let message = "containers in network mode `none` have no port mappings";
                self.error(mapping.place, message);
                continue;
            }
            if mode != NetworkMode::Bridge
                && host.is_some_and(|host| host != container && host != 0)
            {
                let message = format!(
                    "in network mode `{}` the host port is the container port {container}, not {}",
                    mode.api_name(),
                    host.unwrap_or(0)
                );
                self.error(place, message);
            }
            let port = match mode {
                NetworkMode::Host => container,
                NetworkMode::Bridge => host.unwrap_or(0),
                _ => 0,
            };
            let udp = mapping.text("protocol") == Some("udp");
            let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
            if port != 0 && ports.insert(HostPort { protocol, port }, place).is_some() {
                self.error(place, format!("host port {port} is mapped twice"));
            }
        }
        PortSet::new(ports.into_keys().collect())
    }

    /// The `memberOf` expressions of a list of constraints, each parsed once to find its errors.
    pub(super) fn member_of(&mut self, settings: &Settings, key: &str) -> Vec<String> {
        let mut expressions = Vec::new();
        for constraint in settings.tables(key).cloned().collect::<Vec<_>>() {
            if constraint.text("type") != Some("memberOf") {
                continue;
            }
            if let Some(text) = constraint.text("expression")
                && self.expression(text, constraint.value_place("expression")).is_some()
            {
                expressions.push(text.to_string());
            }
        }
        expressions
    }

    /// Parses an expression of the cluster query language; errors point into the text.
    pub(super) fn expression(&mut self, text: &str, place: Place) -> Option<Expression> {
        match Expression::parse(text) {
            Ok(expression) => {
                self.note_agent_version(text);
                Some(expression)
            }
            Err(error) => {
                let place = self.problems.within_text(place, text, error.at);
                self.error(place, error.message);
                None
            }
        }
    }

    /// A version of the agent is an attribute here like any other: where no instance has one, nothing compares with it.
    fn note_agent_version(&mut self, text: &str) {
        const AGENT_VERSION: &str = "agentVersion";
        let is_known =
            self.instances.iter().any(|i| i.registration.attributes.contains_key(AGENT_VERSION));
        if text.contains(AGENT_VERSION) && !is_known {
            self.notes.push(format!(
                "no instance has an agent version, so {} holds nowhere; give a capacity provider \
                 `attributes = {{ {AGENT_VERSION} = \"1.95.0\" }}`",
                quoted(text)
            ));
        }
    }

    /// The definition that a caller names as `family` or `family:revision`.
    pub(super) fn definition_of(&mut self, name: &str, place: Place) -> Option<DefinitionId> {
        if let Some(id) = self.definition_names.get(name) {
            return Some(*id);
        }
        let family = name.split(':').next().unwrap_or(name);
        if super::is_lost(&self.lost_definitions, family) {
            return None;
        }
        let declared = self.definitions.iter().filter(|d| d.settings.is_some());
        let families: Vec<&str> = declared.map(|d| d.definition.family.as_str()).collect();
        let help = suggestion(name, families);
        let message = format!("unknown task definition {}", quoted(name));
        self.error_with_help(place, message, help);
        None
    }

    /// A definition for tasks of a trace that name none.
    pub(super) fn implicit_definition(
        &mut self,
        family: &str,
        in_awsvpc: bool,
        place: Place,
    ) -> DefinitionId {
        let mode = if in_awsvpc { NetworkMode::Awsvpc } else { NetworkMode::Bridge };
        let definition = TaskDefinition {
            family: family.to_string(),
            revision: 1,
            demand: Resources { enis: u16::from(in_awsvpc), ..Resources::ZERO },
            fargate_request: (0, 0),
            ports: PortSet::default(),
            network_mode: mode,
            platform: Platform::default(),
            platform_is_explicit: false,
            ephemeral_gib: 20,
            image_mib: 0,
            image: family.to_string(),
            other_containers: 0,
            stop_timeout: STOP_TIMEOUT,
            order: StartOrder::default(),
            stop_order: StopOrder::default(),
            sidecars: Vec::new(),
            restart: None,
            needs: Needs::default(),
            placement_constraints: Vec::new(),
        };
        let implicit = Definition {
            definition,
            images: Vec::new(),
            place,
            settings: None,
            json: None,
            checked_for_fargate: true,
            check: None,
            has_task_cpu: true,
            memory_limit_mib: u32::MAX,
        };
        self.definitions.push(implicit);
        DefinitionId::from_index(self.definitions.len() - 1)
    }

    /// What Fargate refuses of a definition, once per definition; `purchase` where a caller asks for it.
    pub(super) fn check_fargate(&mut self, id: DefinitionId, purchase: Option<(Purchase, Place)>) {
        let known = &mut self.definitions[id.index()];
        let windows = known.definition.platform.os == OperatingSystem::Windows;
        if let (true, Some((Purchase::Spot, place))) = (windows, purchase) {
            self.error(place, "Fargate Spot does not run Windows tasks");
            return;
        }
        if std::mem::replace(&mut known.checked_for_fargate, true) {
            return;
        }
        let Some(settings) = known.settings.clone() else { return };
        let definition = known.definition.clone();
        let is_json = settings.is_given("file");
        let before = self.problems.len();
        let family = quoted(&definition.family);
        if definition.network_mode != NetworkMode::Awsvpc {
            let (place, mode) =
                (settings.value_place("network_mode"), definition.network_mode.api_name());
            if is_json {
                let message = only_awsvpc(&family, mode);
                self.error_with_help(place, message, "write \"networkMode\": \"awsvpc\"");
            } else {
                self.not_awsvpc.push((place, family.clone(), mode));
            }
        }
        if definition.demand.gpus > 0 {
            let message =
                format!("task definition {family} cannot run on Fargate: Fargate has no GPUs");
            self.error(
                place_in(&settings, "gpus", |c| c.whole("gpus").is_some_and(|n| n > 0)),
                message,
            );
        }
        if !definition.placement_constraints.is_empty() {
            let message = format!(
                "task definition {family} cannot run on Fargate: Fargate has no placement constraints"
            );
            self.error(settings.value_place("placement_constraints"), message);
        }
        if definition.stop_timeout > FARGATE_STOP_TIMEOUT {
            let message = format!(
                "task definition {family} cannot run on Fargate: its stop time-out is above 120 s"
            );
            let is_long = |c: &Settings| c.span("stop_timeout") == Some(definition.stop_timeout);
            self.error(place_in(&settings, "stop_timeout", is_long), message);
        }
        self.check_fargate_role(&settings, &definition);
        self.check_fargate_size(&settings, &definition);
        self.name_json_paths_of(before, id.index());
    }

    fn check_fargate_size(&mut self, settings: &Settings, definition: &TaskDefinition) {
        let family = quoted(&definition.family);
        let mut missing = false;
        for key in ["cpu", "memory"] {
            if !settings.is_given(key) {
                let message = format!(
                    "task definition {family} cannot run on Fargate: Fargate needs `{key}` at task level"
                );
                self.error(settings.place, message);
            }
            missing |= settings.whole(key).is_none();
        }
        if missing {
            return;
        }
        let (cpu, memory) = definition.fargate_request;
        let sizes = self.book.fargate_sizes(definition.platform.os);
        if sizes.contains(&(cpu, memory)) {
            return;
        }
        let of_cpu: Vec<u32> =
            sizes.iter().filter(|size| size.0 == cpu).map(|size| size.1).collect();
        let help = match (of_cpu.first(), of_cpu.last()) {
            (Some(least), Some(most)) => {
                format!(
                    "with {cpu} CPU units the memory is one of {} sizes from {least} to {most} MiB",
                    of_cpu.len()
                )
            }
            _ => {
                let mut cpus: Vec<String> = sizes.iter().map(|size| size.0.to_string()).collect();
                cpus.dedup();
                format!("`cpu` is one of {}", cpus.join(", "))
            }
        };
        let message = format!(
            "task definition {family} cannot run on Fargate: it has no size of {cpu} CPU units and {memory} MiB"
        );
        let key = if of_cpu.is_empty() { "cpu" } else { "memory" };
        self.error_with_help(settings.value_place(key), message, help);
    }
}

/// That a definition has another network mode than Fargate's only one.
fn only_awsvpc(family: &str, mode: &str) -> String {
    format!(
        "task definition {family} cannot run on Fargate: Fargate supports only the network mode `awsvpc`, not `{mode}`"
    )
}

impl Build<'_> {
    /// The definitions whose network mode is not Fargate's, in one error: there is one possible value.
    pub(super) fn report_network_modes(&mut self) {
        let found = std::mem::take(&mut self.not_awsvpc);
        match &found[..] {
            [] => {}
            [(place, family, mode)] => {
                let message = only_awsvpc(family, mode);
                self.error_with_help(*place, message, "write network_mode = \"awsvpc\"");
            }
            [(place, ..), ..] => {
                let families: Vec<&str> = found.iter().map(|one| one.1.as_str()).collect();
                let message = format!(
                    "{} task definitions cannot run on Fargate: Fargate supports only the network mode `awsvpc`: {}",
                    families.len(),
                    families.join(", ")
                );
                let help = "write network_mode = \"awsvpc\" in each; to try it out: --set 'task_definition.*.network_mode=awsvpc'";
                self.error_with_help(*place, message, help);
            }
        }
    }
}

/// Where a key was written: at the task, or at the container that is meant.
fn place_in(settings: &Settings, key: &str, is_meant: impl Fn(&Settings) -> bool) -> Place {
    let container = settings.tables("container").find(|one| one.is_given(key) && is_meant(one));
    match container {
        Some(container) if !settings.is_given(key) => container.value_place(key),
        _ => settings.value_place(key),
    }
}

/// The health check of a task: its own, else the worst of its essential containers' in each respect.
fn container_check(settings: &Settings) -> Option<ContainerCheck> {
    let one = |table: &Settings| {
        Some(ContainerCheck {
            interval: table.span("interval")?,
            timeout: table.span("timeout")?,
            retries: table.whole32("retries")?,
            start_period: table.span("start_period")?,
        })
    };
    if let Some(table) = settings.table("health_check") {
        return one(table);
    }
    let essential = settings.tables("container").filter(|container| container.flag("essential"));
    let checks = essential.filter_map(|container| one(container.table("health_check")?));
    checks.reduce(|a, b| ContainerCheck {
        interval: a.interval.max(b.interval),
        timeout: a.timeout.max(b.timeout),
        retries: a.retries.max(b.retries),
        start_period: a.start_period.max(b.start_period),
    })
}

/// MiB at which the kernel kills a task: its own, else the sum of the containers' hard limits where all have one.
fn memory_limit(settings: &Settings) -> u32 {
    let sum = || -> Option<u32> {
        let limits = settings.tables("container").map(|container| container.whole32("memory"));
        limits.sum()
    };
    settings.whole32("memory").or_else(sum).unwrap_or(u32::MAX)
}

fn network_mode(name: Option<&str>) -> NetworkMode {
    match name {
        Some("host") => NetworkMode::Host,
        Some("awsvpc") => NetworkMode::Awsvpc,
        Some("none") => NetworkMode::None,
        _ => NetworkMode::Bridge,
    }
}
