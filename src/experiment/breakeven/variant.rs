//! One workload on another kind of capacity: the scenario rewritten, key by key.
//!
//! Services that run from before the beginning do so on Fargate and on groups, whose first fleet has room for them; managed
//! scaling takes what is too much. Managed Instances begin with nothing: there such services start at time zero.

use super::day;
use super::mix::{self, Mix};
use crate::base::time::SimSpan;
use crate::catalog::Catalogue;
use crate::model::definition::TaskDefinition;
use crate::model::fargate::fargate_size_for;
use crate::scenario::Scenario;
use crate::scenario::diagnostic::{quoted, suggestion};
use std::fmt;
use toml::{Table, Value};

/// Name of the capacity providers of rewritten scenarios; one a cluster.
const PROVIDER: &str = "study";
/// Most instances of a group: no limit that anybody meets.
const MOST_INSTANCES: i64 = 10_000;
/// Commitments of a scenario, which were made for its own capacity.
const COMMITMENTS: [&str; 2] = ["reserved_instances", "savings_plan"];
/// A first fleet has this much more than what services ask for, percent: places are lost between sizes and zones.
const FIRST_FLEET_PERCENT: f64 = 130.0;

/// A kind of capacity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// As the scenario has it.
    Given,
    /// Fargate.
    Fargate,
    /// Fargate Spot.
    FargateSpot,
    /// An Auto Scaling group of On-Demand instances with managed scaling.
    Ec2,
    /// The same of Spot instances.
    Ec2Spot,
    /// ECS Managed Instances.
    ManagedInstances,
    /// FARGATE and FARGATE_SPOT in one strategy.
    FargateMixed,
    /// Two groups in one strategy, On-Demand and Spot.
    Ec2Mixed,
    /// Some services on a group of On-Demand instances, the others on Fargate.
    Split,
}

impl Kind {
    /// Every kind, with its name on the command line and in tables.
    pub const ALL: [(Kind, &'static str); 9] = [
        (Kind::Given, "given"),
        (Kind::Fargate, "fargate"),
        (Kind::FargateSpot, "fargate-spot"),
        (Kind::Ec2, "ec2"),
        (Kind::Ec2Spot, "ec2-spot"),
        (Kind::ManagedInstances, "managed-instances"),
        (Kind::FargateMixed, "fargate-mixed"),
        (Kind::Ec2Mixed, "ec2-mixed"),
        (Kind::Split, "split"),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Kind::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// Whether it has no instances that can be more or less full.
    #[must_use]
    pub fn is_fargate(self) -> bool {
        matches!(self, Kind::Fargate | Kind::FargateSpot | Kind::FargateMixed)
    }

    /// Whether all of it is instances, so that how full they are says what they are worth.
    #[must_use]
    pub fn is_instances(self) -> bool {
        !self.is_fargate() && self != Kind::Split
    }
}

/// How tasks are placed on instances.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Placement {
    /// As the scenario says.
    Own,
    /// On the fullest instance by memory, which empties the others: cheaper, and less spread over zones.
    Binpack,
}

impl Placement {
    /// Every placement, with its name on the command line and in tables.
    pub const ALL: [(Placement, &'static str); 2] =
        [(Placement::Own, "own"), (Placement::Binpack, "binpack")];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Placement::ALL.iter().find(|(one, _)| *one == self).map_or("", |(_, name)| name)
    }
}

/// What one run of the study is about.
#[derive(Clone, PartialEq, Debug)]
pub struct Variant {
    /// Kind of capacity.
    pub kind: Kind,
    /// Instance types; empty where the kind has none, or the scenario says.
    pub instance_types: Vec<String>,
    /// `targetCapacity` of managed scaling, percent.
    pub target_capacity: Option<u32>,
    /// How tasks are placed; nothing to choose on Fargate.
    pub placement: Placement,
    /// Base and weights of a mixture.
    pub mix: Option<Mix>,
    /// Of a cluster that is split the services and callers on EC2.
    pub on_ec2: Vec<String>,
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if let [one] = &self.instance_types[..] {
            write!(f, " {one}")?;
        }
        if let Some(percent) = self.target_capacity {
            write!(f, " at {percent} %")?;
        }
        if self.placement == Placement::Binpack {
            f.write_str(", binpack")?;
        }
        match (self.mix, self.kind) {
            (Some(mix), _) => write!(f, " {mix}"),
            (_, Kind::Split) => write!(f, ": {}", self.on_ec2.join(", ")),
            _ => Ok(()),
        }
    }
}

/// A scenario as text that can be rewritten.
#[derive(Clone, Debug)]
pub struct Original {
    table: Table,
    /// Names of its clusters.
    clusters: Vec<String>,
    definitions: Vec<TaskDefinition>,
    /// When it begins, seconds since 1970.
    epoch_s: i64,
    /// For how long of each day it runs, where it does not all day.
    active: Option<SimSpan>,
}

impl Original {
    /// From the text of a scenario that has been loaded as `scenario`.
    ///
    /// # Errors
    /// Neither TOML nor JSON.
    pub fn new(text: &str, scenario: &Scenario) -> Result<Original, String> {
        let table: Table = match text.trim_start().starts_with('{') {
            true => serde_json::from_str(text).map_err(|error| error.to_string())?,
            false => toml::from_str(text).map_err(|error| error.to_string())?,
        };
        let clusters = scenario.setup.clusters.iter().cloned().collect();
        let definitions = scenario.setup.definitions.iter().cloned().collect();
        let epoch_s = scenario.setup.epoch_s;
        Ok(Original { table, clusters, definitions, epoch_s, active: None })
    }

    /// The same, for `percent` of each day from the beginning of the run on: in the rest of the day nothing arrives, and
    /// services have no tasks.
    ///
    /// # Errors
    /// A service that has counts by its own times.
    pub fn for_part_of_the_day(&self, percent: u32) -> Result<Original, String> {
        let mut part = self.clone();
        day::rest(&mut part.table, percent, self.epoch_s)?;
        part.active = Some(day::active(percent));
        Ok(part)
    }

    /// For how long of each day it runs; `None`: all day.
    #[must_use]
    pub fn active(&self) -> Option<SimSpan> {
        self.active
    }

    /// Only what these services and callers do; all others are taken away.
    ///
    /// # Errors
    /// A name that nobody has, with what there is.
    pub fn keep(&mut self, names: &[String]) -> Result<(), String> {
        let name_of = |asker: &Table| asker.get("name").and_then(Value::as_str).map(str::to_string);
        let mut known = Vec::new();
        for key in ["run_task", "service"] {
            known.extend(entries(&mut self.table, key).filter_map(|asker| name_of(asker)));
        }
        if let Some(wrong) = names.iter().find(|name| !known.contains(name)) {
            let help = suggestion(wrong, known.iter().map(String::as_str));
            return Err(format!("no service or run_task is called {}; {help}", quoted(wrong)));
        }
        for key in ["run_task", "service"] {
            if let Some(Value::Array(all)) = self.table.get_mut(key) {
                let is_kept = |asker: &Value| {
                    let name = asker.as_table().and_then(name_of);
                    name.is_some_and(|name| names.contains(&name))
                };
                all.retain(is_kept);
            }
        }
        let is_gone = |entry: &Table| {
            let of = entry.get("service").and_then(Value::as_str);
            of.is_some_and(|of| !names.iter().any(|name| name == of))
        };
        drop_entries(&mut self.table, "failure", is_gone);
        Ok(())
    }

    /// Definitions that Fargate gives more than they ask for, in words.
    #[must_use]
    pub fn raised(&self) -> Vec<String> {
        let raised = |of: &TaskDefinition| {
            let sizes = Catalogue::embedded().fargate_sizes_of(of.platform.os);
            let (cpu, memory) = fargate_size_for(&sizes, of.demand.cpu, of.demand.memory)?;
            let ask = of.demand;
            (ask.cpu > 0 && (cpu, memory) != (ask.cpu, ask.memory)).then(|| {
                format!(
                    "{}: Fargate's next size has {cpu} CPU units and {memory} MiB for {} and {}",
                    of.family, ask.cpu, ask.memory
                )
            })
        };
        self.definitions.iter().filter_map(raised).collect()
    }

    /// Whether a trace of tasks is played.
    #[must_use]
    pub fn has_traces(&self) -> bool {
        let callers = self.table.get("run_task").and_then(Value::as_array);
        callers.into_iter().flatten().any(|caller| caller.get("trace").is_some())
    }

    /// Names of its services and callers, as far as they have any.
    #[must_use]
    pub fn askers(&self) -> Vec<String> {
        let all = ["run_task", "service"].into_iter().filter_map(|key| self.table.get(key));
        let all = all.filter_map(Value::as_array).flatten();
        let names = all.filter_map(|asker| asker.get("name").and_then(Value::as_str));
        names.map(str::to_string).collect()
    }

    /// The first of these instance types that nobody knows, with what may be meant; a price file may know any.
    #[must_use]
    pub fn unknown_type(&self, names: &[String]) -> Option<String> {
        let own = self.table.get("instance_type").and_then(Value::as_array);
        let is_own = |name: &str| {
            let mut own = own.into_iter().flatten();
            own.any(|of| of.get("name").and_then(Value::as_str) == Some(name))
        };
        let catalogue = Catalogue::embedded();
        let is_known = |name: &str| catalogue.instance_type(name).is_some() || is_own(name);
        let wrong = names.iter().find(|name| !is_known(name))?;
        let near = catalogue.nearest_instance_types(wrong);
        let help =
            near.first().map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
        let is_told = !self.table.contains_key("prices");
        is_told.then(|| format!("unknown instance type {}{help}", quoted(wrong)))
    }

    /// Whether it has instances of its own.
    #[must_use]
    pub fn has_providers(&self) -> bool {
        self.table.contains_key("capacity_provider")
    }

    /// The scenario on the capacity of `variant`, with `load` times its work, and asked what Savings Plan of `term`
    /// would have been best for it.
    ///
    /// # Errors
    /// Why the workload cannot be there.
    pub fn rewritten(&self, variant: &Variant, load: f64, term: &str) -> Result<String, String> {
        let mut table = self.table.clone();
        table.remove("expect");
        if variant.kind != Kind::Given {
            COMMITMENTS.iter().for_each(|key| drop(table.remove(*key)));
        }
        let plan: [(&str, Value); 3] = [
            ("type", "Compute".into()),
            ("usd_per_hour", Value::Integer(0)),
            ("term", term.into()),
        ];
        // The first Compute plan says at which rates the best is looked for: a scenario's own goes first.
        match table.get_mut("savings_plan") {
            Some(Value::Array(plans)) => plans.push(table_of(plan)),
            _ => drop(table.insert("savings_plan".into(), Value::Array(vec![table_of(plan)]))),
        }
        for caller in entries(&mut table, "run_task") {
            scale_caller(caller, load);
        }
        for service in entries(&mut table, "service") {
            scale_service(service, load);
        }
        if variant.kind != Kind::Given {
            self.move_to(&mut table, variant)?;
        }
        toml::to_string(&table).map_err(|error| error.to_string())
    }

    fn move_to(&self, table: &mut Table, variant: &Variant) -> Result<(), String> {
        table.remove("capacity_provider");
        let is_fargate = variant.kind.is_fargate();
        for key in ["run_task", "service"] {
            for asker in entries(table, key) {
                let name = asker.get("name").and_then(Value::as_str).unwrap_or_default();
                let own = mix::of_asker(variant, name);
                self.move_asker(asker, &own, key)?;
                if variant.kind == Kind::Split && own.kind == Kind::Fargate {
                    mix::take_copies(asker);
                }
            }
        }
        let mut copies = Vec::new();
        for (index, definition) in entries(table, "task_definition").enumerate() {
            definition.remove("requires_compatibilities");
            if variant.kind == Kind::Split {
                let mut copy = mix::copy_for_fargate(definition);
                // One that Fargate has no size for can only be on EC2: who takes the copy says why not.
                if to_fargate(&mut copy, self.definitions.get(index)).is_ok() {
                    copies.push(Value::Table(copy));
                }
            }
            if is_fargate {
                to_fargate(definition, self.definitions.get(index))?;
            }
            if variant.kind == Kind::ManagedInstances {
                definition.insert("network_mode".into(), "awsvpc".into());
            }
        }
        if let Some(Value::Array(all)) = table.get_mut("task_definition") {
            all.extend(copies);
        }
        for cluster in clusters(table) {
            cluster.remove("default_capacity_provider_strategy");
            if !is_fargate {
                cluster.insert("awsvpc_trunking".into(), Value::Boolean(true));
            }
        }
        // What is said of instances that are not there cannot be kept.
        drop_entries(table, "failure", |entry| entry.contains_key("capacity_provider"));
        if !is_fargate {
            let first = self.first_fleets(table, variant);
            let providers =
                (0..self.clusters.len()).flat_map(|index| self.providers(index, variant, first));
            table.insert("capacity_provider".into(), Value::Array(providers.collect()));
        }
        Ok(())
    }

    fn move_asker(&self, asker: &mut Table, variant: &Variant, key: &str) -> Result<(), String> {
        for gone in
            ["launch_type", "capacity_provider_strategy", "overflow_to_fargate", "start_task"]
        {
            asker.remove(gone);
        }
        // Nor do its tasks go elsewhere later on.
        for update in entries(asker, "update") {
            update.remove("capacity_provider_strategy");
        }
        if key == "run_task" {
            asker.insert("on_failure".into(), "retry".into());
        } else if variant.kind == Kind::ManagedInstances {
            asker.insert("starts_running".into(), Value::Boolean(false));
        }
        let is_daemon = asker.get("scheduling_strategy").and_then(Value::as_str) == Some("DAEMON");
        super::daemons::fit(asker, variant.kind == Kind::ManagedInstances);
        if variant.placement == Placement::Binpack && !is_daemon {
            let fullest = table_of([("type", "binpack".into()), ("field", "memory".into())]);
            asker.insert("placement_strategy".into(), Value::Array(vec![fullest]));
        }
        if variant.kind == Kind::ManagedInstances {
            asker.remove("placement_strategy"); // ECS spreads tasks over the zones by itself there
        }
        if is_daemon && matches!(variant.kind, Kind::Ec2 | Kind::Ec2Spot | Kind::Ec2Mixed) {
            asker.insert("launch_type".into(), "EC2".into());
            return Ok(()); // on every instance, whoever launched it
        }
        if variant.kind.is_fargate() {
            asker.remove("placement_strategy");
            asker.remove("placement_constraints");
            if is_daemon {
                let name = asker.get("name").and_then(Value::as_str).unwrap_or_default();
                return Err(format!("the service {name} is a DAEMON, which Fargate does not run"));
            }
        }
        let provider = match variant.kind {
            Kind::Fargate | Kind::FargateMixed => "FARGATE".to_string(),
            Kind::FargateSpot => "FARGATE_SPOT".to_string(),
            _ => {
                let name = asker.get("cluster").and_then(Value::as_str);
                let at = name.and_then(|name| self.clusters.iter().position(|of| of == name));
                provider_name(at.unwrap_or(0))
            }
        };
        if let Some(mix) = variant.mix {
            let of_spot = match variant.kind {
                Kind::FargateMixed => "FARGATE_SPOT".to_string(),
                _ => mix::spot_name(&provider),
            };
            let strategy = mix::strategy(mix, &provider, &of_spot);
            asker.insert("capacity_provider_strategy".into(), strategy);
            return Ok(());
        }
        let strategy = table_of([
            ("capacity_provider", Value::String(provider)),
            ("weight", Value::Integer(1)),
        ]);
        asker.insert("capacity_provider_strategy".into(), Value::Array(vec![strategy]));
        Ok(())
    }

    /// Instances that services which run from the beginning on need, of all clusters together, of a mixture On-Demand and on
    /// Spot; none where the type is not in the catalogue, or the kind takes no first fleet.
    fn first_fleets(&self, table: &mut Table, variant: &Variant) -> (i64, i64) {
        let [name] = &variant.instance_types[..] else { return (0, 0) };
        let Some(kind) = Catalogue::embedded().instance_type(name) else { return (0, 0) };
        let whole = kind.resources(true);
        // CPU and memory, in instances: On-Demand, Spot.
        let mut needed = [(0.0, 0.0); 2];
        for service in entries(table, "service") {
            if service.get("starts_running").and_then(Value::as_bool) == Some(false) {
                continue;
            }
            let name = service.get("name").and_then(Value::as_str).unwrap_or_default();
            if mix::of_asker(variant, name).kind.is_fargate() {
                continue;
            }
            let family = service.get("task_definition").and_then(Value::as_str).unwrap_or_default();
            let family = family.split(':').next().unwrap_or_default();
            let Some(of) = self.definitions.iter().find(|of| of.family == family) else { continue };
            let count = service.get("desired_count").and_then(number).unwrap_or(1.0);
            let (on_demand, spot) = variant.mix.map_or((count, 0.0), |mix| mix.shares(count));
            for (part, tasks) in needed.iter_mut().zip([on_demand, spot]) {
                part.0 += tasks * f64::from(of.demand.cpu) / f64::from(whole.cpu.max(1));
                part.1 += tasks * f64::from(of.demand.memory) / f64::from(whole.memory.max(1));
            }
        }
        let fleet = |(cpu, memory): (f64, f64)| {
            let instances = (cpu.max(memory) * FIRST_FLEET_PERCENT / 100.0).ceil() as i64;
            instances.min(MOST_INSTANCES)
        };
        (fleet(needed[0]), fleet(needed[1]))
    }

    /// The providers of a cluster: one, or of a mixture one of Spot beside it.
    fn providers(&self, cluster: usize, variant: &Variant, first: (i64, i64)) -> Vec<Value> {
        let mut providers = vec![self.provider(cluster, variant, first.0)];
        if variant.kind == Kind::Ec2Mixed {
            let own = Variant { kind: Kind::Ec2Spot, ..variant.clone() };
            let mut of_spot = self.provider(cluster, &own, first.1);
            if let Value::Table(of_spot) = &mut of_spot {
                let name = mix::spot_name(&provider_name(cluster));
                of_spot.insert("name".into(), Value::String(name));
            }
            providers.push(of_spot);
        }
        providers
    }

    fn provider(&self, cluster: usize, variant: &Variant, first: i64) -> Value {
        let types = variant.instance_types.iter().map(|name| Value::String(name.clone()));
        let mut keys: Vec<(&str, Value)> = vec![
            ("name", Value::String(provider_name(cluster))),
            ("instance_types", Value::Array(types.collect())),
        ];
        if self.clusters.len() > 1 {
            keys.push(("cluster", Value::String(self.clusters[cluster].clone())));
        }
        if variant.kind == Kind::ManagedInstances {
            keys.push(("managed_instances", Value::Table(Table::new())));
            return table_of(keys);
        }
        if variant.kind == Kind::Ec2Spot {
            keys.push(("purchase", "spot".into()));
        }
        let target = Value::Integer(variant.target_capacity.unwrap_or(100).into());
        keys.push(("min_size", Value::Integer(0)));
        keys.push(("desired_capacity", Value::Integer(first)));
        keys.push(("max_size", Value::Integer(MOST_INSTANCES)));
        keys.push(("managed_scaling", table_of([("target_capacity", target)])));
        table_of(keys)
    }
}

fn provider_name(cluster: usize) -> String {
    if cluster == 0 { PROVIDER.to_string() } else { format!("{PROVIDER}-{}", cluster + 1) }
}

pub(super) fn table_of<'a>(keys: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::Table(keys.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
}

/// The entries of a list of tables.
pub(super) fn entries<'a>(table: &'a mut Table, key: &str) -> impl Iterator<Item = &'a mut Table> {
    let list = table.get_mut(key).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_table_mut)
}

/// Takes away the entries of a list of tables of which `gone` is true.
fn drop_entries(table: &mut Table, key: &str, gone: impl Fn(&Table) -> bool) {
    if let Some(Value::Array(all)) = table.get_mut(key) {
        all.retain(|entry| !entry.as_table().is_some_and(&gone));
    }
}

/// The clusters: a list, one table, or none, which becomes one.
fn clusters(table: &mut Table) -> Vec<&mut Table> {
    let list = table.entry("cluster").or_insert_with(|| Value::Table(Table::new()));
    match list {
        Value::Array(all) => all.iter_mut().filter_map(Value::as_table_mut).collect(),
        Value::Table(one) => vec![one],
        _ => Vec::new(),
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64))
}

/// Multiplies a number, or gives it where it is left out.
fn multiply(table: &mut Table, key: &str, otherwise: Option<f64>, by: f64) {
    if let Some(now) = table.get(key).and_then(number).or(otherwise) {
        table.insert(key.into(), Value::Float(now * by));
    }
}

/// Multiplies a whole number, rounded up; what is 0 stays so.
fn multiply_whole(table: &mut Table, key: &str, otherwise: Option<f64>, by: f64) {
    if let Some(now) = table.get(key).and_then(number).or(otherwise) {
        table.insert(key.into(), Value::Integer((now * by - 1e-9).ceil() as i64));
    }
}

/// More arrivals of a generator; a trace is played faster, which makes it shorter as well.
fn scale_caller(caller: &mut Table, load: f64) {
    if load == 1.0 {
        return;
    }
    if caller.contains_key("trace") {
        multiply(caller, "time_scale", Some(1.0), 1.0 / load);
    }
    if let Some(Value::Table(generate)) = caller.get_mut("generate") {
        multiply(generate, "per_second", None, load);
        multiply_whole(generate, "limit", None, load);
    }
}

/// More requests; of a service without any more tasks. The bounds of its scaling grow with it.
fn scale_service(service: &mut Table, load: f64) {
    if load == 1.0 || service.get("scheduling_strategy").and_then(Value::as_str) == Some("DAEMON") {
        return;
    }
    for key in ["traffic", "queue"] {
        if let Some(Value::Table(work)) = service.get_mut(key) {
            multiply(work, "scale", Some(1.0), load);
        }
    }
    multiply_whole(service, "desired_count", Some(1.0), load);
    if let Some(Value::Table(scaling)) = service.get_mut("scaling") {
        multiply_whole(scaling, "min_capacity", None, load);
        multiply_whole(scaling, "max_capacity", None, load);
        for action in entries(scaling, "scheduled") {
            multiply_whole(action, "min_capacity", None, load);
            multiply_whole(action, "max_capacity", None, load);
        }
    }
    for update in entries(service, "update") {
        multiply_whole(update, "desired_count", None, load);
    }
}

/// A definition as Fargate takes it: awsvpc, and the next of its sizes.
fn to_fargate(table: &mut Table, definition: Option<&TaskDefinition>) -> Result<(), String> {
    table.remove("placement_constraints");
    table.insert("network_mode".into(), "awsvpc".into());
    let Some(definition) = definition else { return Ok(()) };
    let ask = definition.demand;
    if ask.gpus > 0 {
        return Err(format!("{} asks for GPUs, which Fargate does not have", definition.family));
    }
    let sizes = Catalogue::embedded().fargate_sizes_of(definition.platform.os);
    let Some((cpu, memory)) = fargate_size_for(&sizes, ask.cpu, ask.memory) else {
        return Err(format!("{} is larger than any size of Fargate", definition.family));
    };
    table.insert("cpu".into(), Value::Integer(cpu.into()));
    table.insert("memory".into(), Value::Integer(memory.into()));
    Ok(())
}
