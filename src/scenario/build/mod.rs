//! Checked settings to a [`Setup`]: what refers to what, what excludes what, with ECS's reasons.
//!
//! Goes on after an error with what is left, so that all errors of a scenario are found in one pass.

mod bill;
mod bill_network;
mod bill_watch;
mod blackout;
mod calls;
mod commitment;
mod definition;
mod definition_json;
mod definition_order;
mod definition_rules;
mod expect;
mod external;
mod failure;
mod fargate_risks;
mod fault;
mod fleet;
mod group;
mod group_scaling;
mod instance_refresh;
mod instance_requirements;
mod interruption;
mod inventory;
mod lifecycle_hook;
mod managed_instances;
mod mixed_instances;
mod network;
mod overflow;
mod reservation_use;
mod roles;
mod rows;
mod segments;
mod service;
mod service_balancer;
mod service_changes;
mod service_deployment;
mod service_launch;
mod service_pace;
mod service_scaling;
mod service_traffic;
mod service_update;
mod spot_prices;
mod tags;
mod terms;
mod timing;
mod warm_pool;
mod workload;
mod zonal_shift;

use super::book::{Book, TypeFacts};
use super::diagnostic::{Diagnostics, quoted, suggestion};
use super::keys::Section;
use super::settings::Settings;
use super::tree::Place;
use super::{Charts, Expect, FailureTrace, MarketTrace, Outputs, TableRows, Tags, file};
use crate::base::id::{Column, Id as _};
use crate::base::lookup::Lookup;
use crate::base::random::Seed;
use crate::base::time::{SimSpan, SimTime};
use crate::model::arrival::RowCounts;
use crate::model::ids::{ClusterId, DefinitionId, ProviderId, ServiceId, SubnetId, ZoneId};
use crate::model::platform::{Architecture, OperatingSystem, Purchase};
use crate::model::workload::Workload;
use crate::policy::placement::TieBreak;
use crate::sim::setup::{
    Failure, Fees, GroupSetup, InstanceSetup, NetworkSetup, ProviderSetup, ProviderShare,
    ServiceSetup, Setup, SourceSetup,
};
use definition::Definition;
pub(super) use definition_json::lone;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a build yields: the setup, and what belongs to a scenario beside it.
pub(super) struct Built {
    pub setup: Setup,
    pub workloads: Vec<Workload>,
    pub failures: Vec<Failure>,
    pub failure_traces: Vec<FailureTrace>,
    pub markets: Vec<MarketTrace>,
    pub tables: Vec<TableRows>,
    pub notes: Vec<String>,
    pub outputs: Outputs,
    pub expects: Vec<Expect>,
    pub tags: Tags,
    pub book: (String, String, Option<String>),
    /// Files that were read, as the user wrote them, with their SHA-256.
    pub files: Vec<(String, String)>,
}

/// A cluster and the network of its tasks.
struct Cluster {
    name: String,
    zones: Vec<ZoneId>,
    zones_are_given: bool,
    subnets: Vec<(String, ZoneId)>,
    trunking: bool,
    reserved_memory: u32,
    /// Whether an EC2 capacity provider belongs to it.
    has_instances: bool,
    /// Whether it has external instances.
    has_external: bool,
    /// Its default capacity provider strategy.
    default_strategy: Option<Vec<ProviderShare>>,
}

/// The subnets while the scenario is put together.
struct NetworkPlan {
    setup: NetworkSetup,
    /// By capacity provider: where it was declared.
    places: Vec<Place>,
    /// Tasks of services on Fargate that are there from the beginning, by their subnets, and where the last was declared.
    running: BTreeMap<Vec<SubnetId>, (u64, Place)>,
}

/// The scenario while it is put together.
pub(super) struct Build<'a> {
    problems: &'a mut Diagnostics,
    book: Book,
    base: &'a Path,
    region: String,
    horizon: Option<SimTime>,
    /// Whether a duration was written, rightly or wrongly.
    has_duration: bool,
    zones: Column<ZoneId, String>,
    clusters: Vec<Cluster>,
    network: Option<NetworkPlan>,
    /// Instance types of the user's own.
    types: BTreeMap<String, TypeFacts>,
    /// Instance types that the catalogue was asked for.
    catalogue_types: Lookup<String, TypeFacts>,
    providers: Column<ProviderId, ProviderSetup>,
    instances: Vec<InstanceSetup>,
    groups: Vec<GroupSetup>,
    markets: Vec<MarketTrace>,
    fees: Fees,
    definitions: Vec<Definition>,
    /// Declared definitions by `family` and by `family:revision`.
    definition_names: Lookup<String, DefinitionId>,
    /// EC2 capacity providers by name.
    provider_names: Lookup<String, ProviderId>,
    /// Built-in providers by cluster and purchase option.
    fargate_providers: Lookup<(ClusterId, Purchase), ProviderId>,
    sources: Vec<SourceSetup>,
    workloads: Vec<Workload>,
    services: Vec<ServiceSetup>,
    service_names: Lookup<String, ServiceId>,
    /// Quota of tasks of a service.
    tasks_per_service: Option<u64>,
    files: Vec<(String, String)>,
    tables: Vec<TableRows>,
    /// What is read and not simulated, for people.
    notes: Vec<String>,
    /// Definitions that are to run on Fargate in another network mode than its only one: where, family, mode.
    not_awsvpc: Vec<(Place, String, &'static str)>,
    /// Families of definitions that were reported as bad; `None` where even the family is not known.
    lost_definitions: Vec<Option<String>>,
    /// Capacity providers and services as they are declared, rightly or wrongly; `None`: by a name that is no name.
    declared: [Vec<Option<String>>; 2],
}

/// Whether somebody who names `name` means an entry that was reported as bad.
fn is_lost(declared: &[Option<String>], name: &str) -> bool {
    declared.iter().any(|one| one.as_deref().is_none_or(|one| one == name))
}

/// Builds everything from the checked root table. `fallback_name` names a scenario that has no name.
pub(super) fn build(
    root: &Settings,
    fallback_name: &str,
    base: &Path,
    problems: &mut Diagnostics,
) -> Option<Built> {
    let or_empty = |section: &'static Section| {
        root.table(section.name).cloned().unwrap_or_else(|| Settings::empty(section, root.place))
    };
    let simulation = or_empty(&super::sections::SIMULATION);
    let mut build = Build::new(base, problems, &simulation);
    let outputs = build.outputs(&or_empty(&super::sections::OUTPUTS));
    build.declare(root);
    build.check_name(&simulation);
    build.read_prices(root);
    build.read_network(root);
    build.read_clusters(root);
    build.read_instance_types(root);
    build.read_providers(root);
    build.read_default_strategies(root);
    build.give_first_addresses();
    build.read_group_timing(root);
    build.read_definitions(root);
    build.read_run_tasks(root);
    build.read_services(root);
    build.zonal_shifts(root);
    build.report_network_modes();
    let epoch_s = build.epoch(&simulation);
    let failures = build.failures(root);
    let (faults, blackouts) = (build.faults(root), build.blackouts(root));
    let failure_traces = build.failure_traces(root);
    build.check_pull_rates(root);
    let (commitments, bill, tags) = (build.commitments(root), build.bill(root), build.tags(root));
    let terms = build.terms(root);
    build.check_credit_modes(root);
    build.note_credits(bill.as_ref());
    let (latencies, limits) = (timing::latencies(root), timing::limits(root));
    let fargate = build.fargate(root, epoch_s);
    let expects = build
        .read_expects(root, || expect::nothing(latencies.clone(), limits, fargate.clone(), root));
    if !build.problems.is_empty() {
        return None;
    }
    let setup = Setup {
        name: simulation.text("name").unwrap_or(fallback_name).to_string(),
        region: build.region,
        seed: Seed(simulation.whole("seed")?),
        horizon: build.horizon,
        sample_interval: simulation.span("sample_interval")?,
        max_requests_alive: simulation.whole("max_requests_alive")?,
        tie_break: tie_break(simulation.text("tie_break")?),
        zones: build.zones,
        clusters: build.clusters.into_iter().map(|cluster| cluster.name).collect(),
        providers: build.providers,
        instances: build.instances,
        groups: build.groups,
        faults,
        blackouts,
        fees: build.fees,
        commitments,
        terms,
        bill,
        definitions: build.definitions.into_iter().map(|one| one.definition).collect(),
        sources: build.sources.into_iter().collect(),
        latencies,
        limits,
        fargate,
        access: network::access(root),
        network: build.network.map(|plan| plan.setup),
        services: build.services.into_iter().collect(),
        scheduler: service_pace::scheduler(root),
        metric_delays: service_pace::metric_delays(root),
        epoch_s,
        is_dated: simulation.text("start") != Some(super::sections::DEFAULT_START),
    };
    Some(Built {
        setup,
        workloads: build.workloads,
        failures,
        failure_traces,
        markets: build.markets,
        tables: build.tables,
        notes: build.notes,
        outputs,
        expects,
        tags,
        book: build.book.version(),
        files: build.files,
    })
}

fn tie_break(name: &str) -> TieBreak {
    if name == "uniform" { TieBreak::Uniform } else { TieBreak::Stable }
}

fn read_outputs(settings: &Settings) -> Outputs {
    Outputs {
        tasks: settings.flag("tasks"),
        timeseries: settings.flag("timeseries"),
        instances: settings.flag("instances"),
        placement_failures: settings.flag("placement_failures"),
        placement_failures_interval: settings
            .span("placement_failures_interval")
            .unwrap_or(SimSpan::from_secs(60)),
        services: settings.flag("services"),
        deployments: settings.flag("deployments"),
        scaling: settings.flag("scaling"),
        service_events: settings.flag("service_events"),
        fleet_events: settings.flag("fleet_events"),
        capacity_reservation: settings.flag("capacity_reservation"),
        capacity_scaling: settings.flag("capacity_scaling"),
        subnets: settings.flag("subnets"),
        cost_hourly: settings.flag("cost_hourly"),
        cost_allocation: settings.flag("cost_allocation"),
        is_focus: settings.text("cost_format") == Some("focus"),
        account_id: settings.text("account_id").unwrap_or_default().to_string(),
        charts: match settings.text("charts") {
            Some("png") => Charts::Png,
            Some("none") => Charts::None,
            _ => Charts::Svg,
        },
    }
}

impl<'a> Build<'a> {
    fn new(base: &'a Path, problems: &'a mut Diagnostics, simulation: &Settings) -> Build<'a> {
        let book = Book::default();
        let mut region = simulation.text("region").unwrap_or("us-east-1").to_string();
        let regions = book.regions();
        if !regions.contains(&region) {
            let message = format!("unknown region {}", quoted(&region));
            let known = regions.iter().map(String::as_str);
            let help = suggestion(&region, known.clone());
            problems.error_with_help(simulation.value_place("region"), message, help);
            // Goes on with a region that exists, so that its prices and zones are not reported as missing.
            region = crate::base::suggest::nearest(&region, known).unwrap_or("us-east-1").into();
        }
        let horizon = simulation.span("duration").map(|span| SimTime(span.0));
        Build {
            problems,
            book,
            base,
            region,
            horizon,
            has_duration: simulation.is_given("duration"),
            zones: Column::new(),
            clusters: Vec::new(),
            network: None,
            types: BTreeMap::new(),
            catalogue_types: Lookup::new(),
            providers: Column::new(),
            instances: Vec::new(),
            groups: Vec::new(),
            markets: Vec::new(),
            fees: Fees::default(),
            definitions: Vec::new(),
            definition_names: Lookup::new(),
            provider_names: Lookup::new(),
            fargate_providers: Lookup::new(),
            sources: Vec::new(),
            workloads: Vec::new(),
            services: Vec::new(),
            service_names: Lookup::new(),
            tasks_per_service: None,
            files: Vec::new(),
            tables: Vec::new(),
            notes: Vec::new(),
            not_awsvpc: Vec::new(),
            lost_definitions: Vec::new(),
            declared: [Vec::new(), Vec::new()],
        }
    }

    /// What is declared, rightly or wrongly.
    fn declare(&mut self, root: &Settings) {
        self.declared = ["capacity_provider", "service"].map(|kind| {
            root.tables(kind).map(|one| one.text("name").map(str::to_string)).collect()
        });
    }

    /// Which files are written; an account has twelve digits.
    fn outputs(&mut self, outputs: &Settings) -> Outputs {
        let id = outputs.text("account_id").unwrap_or_default();
        if id.len() != 12 || !id.bytes().all(|c| c.is_ascii_digit()) {
            let message = format!("{} is no id of an AWS account", quoted(id));
            let place = outputs.value_place("account_id");
            self.error_with_help(place, message, "twelve digits, such as \"123456789012\"");
        }
        read_outputs(outputs)
    }

    /// The name of a scenario is that of its output folder, and must not lead anywhere else.
    fn check_name(&mut self, simulation: &Settings) {
        if let Some(Err(wrong)) = simulation.text("name").map(folder_name) {
            let help = "it is the name of a folder below `output`; `--out` chooses any other place";
            let message = format!("`name` {wrong}");
            self.error_with_help(simulation.value_place("name"), message, help);
        }
    }

    fn error(&mut self, place: Place, message: impl Into<String>) {
        self.problems.error(place, message);
    }

    fn error_with_help(
        &mut self,
        place: Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.error_with_help(place, message, help);
    }

    /// Reports a name that is taken, with both places; otherwise takes it.
    fn take_name(
        &mut self,
        taken: &mut BTreeMap<String, Place>,
        name: &str,
        place: Place,
        what: &str,
    ) -> bool {
        if let Some(first) = taken.get(name) {
            let first = self.problems.describe(*first);
            let message = format!("duplicate {what} {}; the first is at {first}", quoted(name));
            self.error(place, message);
            return false;
        }
        taken.insert(name.to_string(), place);
        true
    }

    /// A path of the scenario as it is opened.
    fn resolve(&self, written: &str) -> PathBuf {
        self.base.join(super::expand(written, self.base))
    }

    /// The text of a file that the scenario names; its digest becomes part of the scenario's.
    fn read_file(&mut self, written: &str, place: Place) -> Option<String> {
        let path = self.resolve(written);
        if !self.is_file(&path, written, place) {
            return None;
        }
        let text = file::read_text(&path, &self.display(written), self.problems)?;
        self.files.push((written.to_string(), hex(&Sha256::digest(text.as_bytes()))));
        Some(text)
    }

    /// Takes note of what became of the rows of a table.
    fn account(&mut self, name: String, file: &str, rows: RowCounts) {
        self.tables.push(TableRows { name, file: file.into(), rows });
    }

    /// Whether a path is a regular file; reported at `place` where it is not.
    fn is_file(&mut self, path: &Path, written: &str, place: Place) -> bool {
        if path.is_file() {
            return true;
        }
        let wrong = if path.exists() { "is not a regular file" } else { "does not exist" };
        let message = format!("{} {wrong}", quoted(&self.display(written)));
        let help = if written.contains(super::SHARED) {
            let said = match std::env::var("ECSIM_SHARED") {
                Ok(_) => "as the environment says",
                Err(_) => "not set: a folder `shared` two or three above the scenario's",
            };
            format!("ECSIM_SHARED is {said}; looked at {}", quoted(&path.display().to_string()))
        } else {
            "paths are relative to the scenario's folder".into()
        };
        self.error_with_help(place, message, help);
        false
    }

    /// A path of the scenario as messages show it: from where the user stands.
    fn display(&self, written: &str) -> String {
        let own = written.starts_with("${") || Path::new(written).is_absolute();
        let shown = if own || self.base.as_os_str().is_empty() {
            PathBuf::from(written)
        } else {
            self.base.join(written)
        };
        shown.display().to_string()
    }

    /// The zone called `name`, which must be one of the region's.
    fn zone(&mut self, name: &str, place: Place) -> Option<ZoneId> {
        let is_it = |known: &str| known == name && known != external::NOWHERE;
        if let Some((id, _)) = self.zones.enumerate().find(|(_, known)| is_it(known)) {
            return Some(id);
        }
        let rest = name.strip_prefix(self.region.as_str()).unwrap_or("");
        let one_letter = rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_lowercase());
        let local_zone = rest.starts_with('-') && rest.len() > 3;
        if !one_letter && !local_zone {
            let message = format!("{} is no Availability Zone of {}", quoted(name), self.region);
            let zones = self.book.zones(&self.region);
            let help = suggestion(name, zones.iter().map(String::as_str));
            self.error_with_help(place, message, help);
            return None;
        }
        Some(self.zones.push(name.to_string()))
    }

    /// The zones of a list key.
    fn zone_list(&mut self, settings: &Settings, key: &str) -> Vec<ZoneId> {
        let names: Vec<(String, Place)> =
            settings.texts(key).map(|(name, place)| (name.to_string(), place)).collect();
        let mut zones: Vec<ZoneId> = Vec::with_capacity(names.len());
        for (name, place) in names {
            let Some(zone) = self.zone(&name, place) else { continue };
            if zones.contains(&zone) {
                self.error(place, format!("{} is listed twice", quoted(&name)));
            } else {
                zones.push(zone);
            }
        }
        zones
    }

    /// The cluster that a key names, or the first one.
    fn cluster_of(&mut self, settings: &Settings) -> ClusterId {
        let Some(name) = settings.text("cluster") else { return ClusterId(0) };
        match self.clusters.iter().position(|cluster| cluster.name == name) {
            Some(index) => ClusterId::from_index(index),
            None => {
                let names: Vec<String> = self.clusters.iter().map(|c| c.name.clone()).collect();
                let help = suggestion(name, names.iter().map(String::as_str));
                let message = format!("unknown cluster {}", quoted(name));
                self.error_with_help(settings.value_place("cluster"), message, help);
                ClusterId(0)
            }
        }
    }
}

/// Longest name of a folder in bytes, with room for what is added while it is written.
const LONGEST_FOLDER: usize = 200;

/// What a terminal obeys and does not show.
fn is_unseen(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || c == '\u{feff}'
}

/// Whether a text can name a folder of its own; what is wrong where not.
pub(super) fn folder_name(name: &str) -> Result<(), String> {
    if name.contains(['/', '\\']) {
        Err(format!("{} must not hold `/` or `\\`", quoted(name)))
    } else if name.trim_matches(['.', ' ']).is_empty() {
        Err(format!("{} must not consist of dots and blanks", quoted(name)))
    } else if name.contains(is_unseen) {
        Err(format!("{} must not hold control characters or marks of direction", quoted(name)))
    } else if name.len() > LONGEST_FOLDER {
        Err(format!("is longer than {LONGEST_FOLDER} bytes"))
    } else {
        Ok(())
    }
}

fn architecture(name: Option<&str>) -> Architecture {
    if name == Some("ARM64") { Architecture::Arm64 } else { Architecture::X86_64 }
}

fn operating_system(name: Option<&str>) -> OperatingSystem {
    match name {
        Some(name) if name != "LINUX" => OperatingSystem::Windows,
        _ => OperatingSystem::Linux,
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
