//! Task definitions as JSON: what `aws ecs register-task-definition` takes and `describe-task-definition` prints.
//!
//! The known keys are renamed to the scenario's own and checked by the same rules; all others, `environment` among them,
//! are dropped unread; of roles, secrets and logs only whether there are some is kept. Errors name the JSON path beside
//! line and column.

use super::Build;
use crate::scenario::LoneDefinition;
use crate::scenario::check;
use crate::scenario::diagnostic::{Diagnostics, quoted};
use crate::scenario::json;
use crate::scenario::sections::{SIMULATION, TASK_DEFINITION};
use crate::scenario::settings::Settings;
use crate::scenario::tree::{Data, Entry, Node, Place};
use std::collections::BTreeMap;
use std::path::Path;

/// JSON name, our name.
const TASK: &[(&str, &str)] = &[
    ("family", "family"),
    ("revision", "revision"),
    ("cpu", "cpu"),
    ("memory", "memory"),
    ("networkMode", "network_mode"),
    ("requiresCompatibilities", "requires_compatibilities"),
    ("runtimePlatform", "runtime_platform"),
    ("placementConstraints", "placement_constraints"),
    ("containerDefinitions", "container"),
];
const PLATFORM: &[(&str, &str)] = &[
    ("cpuArchitecture", "cpu_architecture"),
    ("operatingSystemFamily", "operating_system_family"),
];
const CONSTRAINT: &[(&str, &str)] = &[("type", "type"), ("expression", "expression")];
const CONTAINER: &[(&str, &str)] = &[
    ("name", "name"),
    ("image", "image"),
    ("cpu", "cpu"),
    ("memory", "memory"),
    ("memoryReservation", "memory_reservation"),
    ("essential", "essential"),
    ("portMappings", "port_mappings"),
    ("stopTimeout", "stop_timeout_s"),
    ("healthCheck", "health_check"),
    ("dependsOn", "depends_on"),
    ("restartPolicy", "restart_policy"),
];
const DEPENDENCY: &[(&str, &str)] = &[("containerName", "container"), ("condition", "condition")];
const RESTART: &[(&str, &str)] = &[
    ("enabled", "enabled"),
    ("ignoredExitCodes", "ignored_exit_codes"),
    ("restartAttemptPeriod", "restart_attempt_period_s"),
];
/// Seconds all; the command is not run.
const HEALTH_CHECK: &[(&str, &str)] = &[
    ("interval", "interval_s"),
    ("timeout", "timeout_s"),
    ("retries", "retries"),
    ("startPeriod", "start_period_s"),
];
const PORT: &[(&str, &str)] =
    &[("containerPort", "container_port"), ("hostPort", "host_port"), ("protocol", "protocol")];

impl Build<'_> {
    /// Reads a definition in a file, under the keys that the scenario adds.
    pub(super) fn read_definition_json(
        &mut self,
        settings: &Settings,
        written: &str,
        taken: &mut BTreeMap<String, Place>,
    ) {
        match self.read_file(written, settings.value_place("file")) {
            Some(text) => {
                self.read_definition_text(settings, (&self.display(written), &text), taken);
            }
            None => self.lose_definition(settings),
        }
    }

    /// The same of a text and the name of its file.
    fn read_definition_text(
        &mut self,
        settings: &Settings,
        file: (&str, &str),
        taken: &mut BTreeMap<String, Place>,
    ) {
        let known = self.definitions.len();
        let merged = self.merged_with_json(settings, file);
        let Some((merged, json)) = merged else { return self.lose_definition(settings) };
        let before = self.problems.len();
        self.read_definition(&merged, taken);
        match self.definitions.get_mut(known) {
            Some(definition) => definition.json = Some(json),
            None => {
                self.name_json_paths(before, &json);
                return self.lose_definition(&merged);
            }
        }
        self.name_json_paths_of(before, known);
    }

    /// A definition that cannot be used is reported once, and not again by everybody who names it.
    fn lose_definition(&mut self, settings: &Settings) {
        self.lost_definitions.push(settings.text("family").map(str::to_string));
    }

    /// Adds the JSON paths to the errors from `first` on about the file of a definition.
    pub(super) fn name_json_paths_of(&mut self, first: usize, definition: usize) {
        if let Some(json) = self.definitions[definition].json.take() {
            self.name_json_paths(first, &json);
            self.definitions[definition].json = Some(json);
        }
    }

    fn name_json_paths(&mut self, first: usize, (root, source): &(Node, u32)) {
        self.problems.name_json_paths(first, *source, |place| path_of(root, place));
    }

    fn merged_with_json(
        &mut self,
        settings: &Settings,
        (shown, text): (&str, &str),
    ) -> Option<(Settings, (Node, u32))> {
        let source = self.problems.add_source(shown, text);
        let root = json::parse(text, source, self.problems)?;
        let before = self.problems.len();
        let definition = self.definition_in(&root, shown)?;
        let has_family = settings.is_given("family") || definition.get("family").is_some();
        if !has_family {
            let message = "`family` is missing";
            let help = "give `family` beside `file` in the scenario, and on Fargate `cpu`, `memory`, `network_mode`";
            self.error_with_help(definition.place, message, help);
        }
        self.check_json_definition(&definition);
        let renamed = task(&definition);
        let from_file = check::check(&renamed, &TASK_DEFINITION, self.problems);
        let json = (root, source);
        self.name_json_paths(before, &json);
        let mut merged = settings.over(&from_file);
        merged.place = definition.place;
        has_family.then_some((merged, json))
    }
}

/// Reads the definition in the text of a file, which belongs to no scenario.
pub(in crate::scenario) fn lone(
    file: (&str, &str),
    problems: &mut Diagnostics,
) -> Option<LoneDefinition> {
    let nothing = Settings::empty(&SIMULATION, Place::DEFAULT);
    let mut build = Build::new(Path::new(""), problems, &nothing);
    let nothing = Settings::empty(&TASK_DEFINITION, Place::DEFAULT);
    build.read_definition_text(&nothing, file, &mut BTreeMap::new());
    let notes = std::mem::take(&mut build.notes);
    let read = build.definitions.pop().filter(|_| build.problems.is_empty())?;
    let has_task_size = read.has_task_size();
    Some(LoneDefinition { definition: read.definition, has_task_size, notes })
}

/// The definition that a bare list of containers is part of.
pub(super) fn of_containers(list: &Node) -> Node {
    let entry =
        Entry { key: "containerDefinitions".into(), key_place: list.place, value: list.clone() };
    Node { place: list.place, data: Data::Table(vec![entry]) }
}

/// A table with the listed keys only, under our names. `null` is the API's way to leave a key out.
fn rename(node: &Node, names: &[(&str, &str)]) -> Vec<Entry> {
    let Data::Table(entries) = &node.data else { return Vec::new() };
    let one = |entry: &Entry| {
        let (_, ours) = names.iter().find(|(theirs, _)| *theirs == entry.key)?;
        if entry.value.data == Data::Null {
            return None;
        }
        Some(Entry { key: (*ours).into(), key_place: entry.key_place, value: entry.value.clone() })
    };
    entries.iter().filter_map(one).collect()
}

/// Changes the value of a key in place.
fn change(entries: &mut [Entry], key: &str, with: impl Fn(&Node) -> Node) {
    for entry in entries.iter_mut().filter(|entry| entry.key == key) {
        entry.value = with(&entry.value);
    }
}

fn table(node: &Node, entries: Vec<Entry>) -> Node {
    match node.data {
        Data::Table(_) => Node { place: node.place, data: Data::Table(entries) },
        // The wrong type is reported by the check.
        _ => node.clone(),
    }
}

fn each(node: &Node, with: impl Fn(&Node) -> Node) -> Node {
    match &node.data {
        Data::List(items) => {
            Node { place: node.place, data: Data::List(items.iter().map(with).collect()) }
        }
        _ => node.clone(),
    }
}

fn task(node: &Node) -> Node {
    let mut entries = rename(node, TASK);
    change(&mut entries, "cpu", quantity);
    change(&mut entries, "memory", quantity);
    change(&mut entries, "network_mode", |node| match node.as_text() {
        // The console's word for what Docker does without another one: bridge on Linux, NAT on Windows.
        Some("default") => Node { place: node.place, data: Data::Text("bridge".into()) },
        _ => node.clone(),
    });
    change(&mut entries, "runtime_platform", |node| table(node, rename(node, PLATFORM)));
    change(&mut entries, "placement_constraints", |node| {
        each(node, |node| table(node, rename(node, CONSTRAINT)))
    });
    change(&mut entries, "container", |node| each(node, container));
    let size = node.get("ephemeralStorage").and_then(|storage| storage.get("sizeInGiB"));
    entries.extend(size.map(|size| Entry {
        key: "ephemeral_storage_gib".into(),
        key_place: size.place,
        value: size.clone(),
    }));
    entries.extend(needs(node));
    table(node, entries)
}

/// Whether there is an execution role, and what it is for.
fn needs(node: &Node) -> Vec<Entry> {
    let mut found = Vec::new();
    let mut add = |key: &str, place: Place, data: Data| {
        let value = Node { place, data };
        found.push(Entry { key: key.into(), key_place: place, value });
    };
    let role = node.get("executionRoleArn");
    if let Some(role) = role.filter(|role| role.as_text().is_some_and(|arn| !arn.is_empty())) {
        add("execution_role", role.place, Data::Text("allowed".into()));
    }
    let Some(Node { data: Data::List(containers), .. }) = node.get("containerDefinitions") else {
        return found;
    };
    let has_some = |list: &&Node| matches!(&list.data, Data::List(items) if !items.is_empty());
    let logs =
        |one: &Node| one.get("logConfiguration").and_then(|logs| logs.get("logDriver")).cloned();
    let is_awslogs = |driver: &Node| driver.as_text() == Some("awslogs");
    if let Some(driver) = containers.iter().filter_map(logs).find(is_awslogs) {
        add("log_driver", driver.place, Data::Text("awslogs".into()));
    }
    let secret = |one: &Node| {
        let own = one.get("secrets").filter(has_some);
        own.or(one.get("repositoryCredentials").filter(|one| one.data != Data::Null))
            .map(|of| of.place)
    };
    if let Some(place) = containers.iter().find_map(secret) {
        add("secrets", place, Data::Flag(true));
    }
    found
}

/// The API takes whole numbers as text.
fn quantity(node: &Node) -> Node {
    match &node.data {
        Data::Text(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
            Node { place: node.place, data: Data::Number(text.clone()) }
        }
        _ => node.clone(),
    }
}

fn container(node: &Node) -> Node {
    let mut entries = rename(node, CONTAINER);
    for key in ["cpu", "memory", "memory_reservation", "stop_timeout_s"] {
        change(&mut entries, key, quantity);
    }
    change(&mut entries, "port_mappings", ports);
    change(&mut entries, "health_check", |node| table(node, rename(node, HEALTH_CHECK)));
    change(&mut entries, "depends_on", |node| {
        each(node, |node| table(node, rename(node, DEPENDENCY)))
    });
    change(&mut entries, "restart_policy", |node| table(node, rename(node, RESTART)));
    if let Some(Node { data: Data::List(requirements), .. }) = node.get("resourceRequirements") {
        let is_gpu = |r: &&Node| r.get("type").and_then(Node::as_text) == Some("GPU");
        let gpu = requirements.iter().find(is_gpu).and_then(|r| r.get("value"));
        // Anything but a whole number is reported by `check_requirements`.
        let gpu = gpu.map(quantity).filter(|value| matches!(value.data, Data::Number(_)));
        entries.extend(gpu.map(|value| Entry {
            key: "gpus".into(),
            key_place: value.place,
            value,
        }));
    }
    table(node, entries)
}

/// Mappings of single ports. A range is mapped to ports that nobody chose, so it reserves none.
fn ports(node: &Node) -> Node {
    let Data::List(items) = &node.data else { return node.clone() };
    let single = items.iter().filter(|mapping| mapping.get("containerPortRange").is_none());
    let mappings = single.map(|mapping| {
        let mut entries = rename(mapping, PORT);
        for key in ["container_port", "host_port"] {
            change(&mut entries, key, quantity);
        }
        table(mapping, entries)
    });
    Node { place: node.place, data: Data::List(mappings.collect()) }
}

/// The JSON path of the innermost value at a place: `$.containerDefinitions[0].cpu`.
fn path_of(root: &Node, place: Place) -> String {
    let holds = |node: &Node| node.place.start <= place.start && place.end <= node.place.end;
    let mut path = String::from("$");
    let mut node = root;
    loop {
        let next = match &node.data {
            Data::Table(entries) => entries
                .iter()
                .find(|entry| holds(&entry.value) || entry.key_place == place)
                .map(|entry| {
                    path += &format!(".{}", quoted(&entry.key).trim_matches('"'));
                    &entry.value
                }),
            Data::List(items) => items.iter().position(holds).map(|index| {
                path += &format!("[{index}]");
                &items[index]
            }),
            _ => None,
        };
        match next {
            Some(inner) => node = inner,
            None => return path,
        }
    }
}
