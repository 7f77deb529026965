//! Fleets and Spot prices from CSV files.

use super::Build;
use super::fleet::{FleetSpec, NewInstance, SpotPrices};
use super::rows::{Row, Rows};
use crate::base::lookup::Lookup;
use crate::base::money::HourlyRate;
use crate::base::time::{MICROS_PER_SECOND, SimTime};
use crate::model::arrival::RowCounts;
use crate::model::platform::Architecture;
use crate::scenario::book::TypeFacts;
use crate::scenario::diagnostic::{quoted, suggestion};
use crate::scenario::sections::{MOST_CPU, MOST_MEMORY};
use crate::scenario::tree::Place;
use crate::scenario::units;
use std::collections::BTreeMap;

/// Most instances of a fleet.
const MOST_INSTANCES: usize = 1_000_000;
const NATIVE: &[&str] = &[
    "instance_type",
    "cpu",
    "memory_mib",
    "instance_id",
    "availability_zone",
    "count",
    "gpus",
    "max_enis",
    "architecture",
    "usd_per_hour",
    "attribute:",
];
const OPENB: &[&str] = &["sn", "cpu_milli", "memory_mib", "gpu", "model"];

/// Why a Spot price is left out.
const REPLACED: &str = "the next row has the same market and instant";
/// Times from here on count from 1970.
const UNIX_FROM: SimTime = SimTime(1_000_000_000 * MICROS_PER_SECOND);
/// What is assumed of them.
const UNIX_TIME: &str = "Unix time: the first row is at the beginning";
/// What is assumed of a market whose first price is later than the beginning.
const HOLDS_BEFORE: &str = "the first price of a market also holds before it";

/// A row of an inventory, checked.
struct Machine<'t> {
    id: Option<&'t str>,
    type_name: String,
    facts: TypeFacts,
    zone: Option<&'t str>,
    count: u64,
    price: Option<HourlyRate>,
    attributes: Vec<(String, String)>,
}

impl Build<'_> {
    pub(super) fn read_inventory(&mut self, fleet: &mut FleetSpec<'_>) {
        let settings = fleet.settings;
        let Some(path) = settings.text("inventory").map(str::to_string) else { return };
        if fleet.zones.is_empty() {
            return;
        }
        let Some(text) = self.read_file(&path, settings.value_place("inventory")) else { return };
        let name = self.display(&path);
        let openb = settings.text("inventory_format") == Some("openb");
        let (required, optional): (&[&str], &[&str]) =
            if openb { (OPENB, &[]) } else { (&[], NATIVE) };
        let Some(mut rows) = Rows::open(&name, &text, required, optional, self.problems) else {
            return;
        };
        let mut ids: Lookup<String, usize> = Lookup::new();
        let place = settings.value_place("inventory");
        let mut made = 0;
        while let Some(row) = rows.next(self.problems) {
            let machine = if openb {
                self.openb_machine(&mut rows, &row)
            } else {
                self.native_machine(&mut rows, &row)
            };
            let Some(machine) = machine else { continue };
            if let Some(id) = machine.id
                && let Some(first) = ids.insert(id.to_string(), row.number)
            {
                let message =
                    format!("duplicate instance {}; the first is on line {first}", quoted(id));
                rows.fail_at(&row, 0, message, None, self.problems);
                continue;
            }
            made += usize::try_from(machine.count).unwrap_or(usize::MAX);
            if made > MOST_INSTANCES {
                let message = "the fleet has more than 1,000,000 instances".to_string();
                rows.fail_at(&row, 0, message, None, self.problems);
                return;
            }
            if !self.add_machine(fleet, &mut rows, &row, &machine, place) {
                return;
            }
        }
        let counts = RowCounts { read: rows.read(), used: rows.read(), ..RowCounts::default() };
        self.account(format!("capacity_provider.{}.inventory", fleet.name), &path, counts);
    }

    /// Adds the copies of a machine; `false` where no further row can be used.
    fn add_machine<'t>(
        &mut self,
        fleet: &mut FleetSpec<'_>,
        rows: &mut Rows<'t>,
        row: &Row<'t>,
        machine: &Machine<'t>,
        place: Place,
    ) -> bool {
        for copy in 0..machine.count {
            let index = self.instances_of_fleet(fleet);
            let name = match (machine.id, machine.count) {
                (Some(id), 1) => id.to_string(),
                (Some(id), _) => format!("{id}-{copy}"),
                (None, _) => format!("{}-{index}", fleet.name),
            };
            let zone = match machine.zone {
                None => fleet.zones[index % fleet.zones.len()],
                Some(zone) => {
                    let known = self.zones.enumerate().find(|(_, z)| z.as_str() == zone);
                    match known.map(|(id, _)| id) {
                        Some(id) => id,
                        None => {
                            let column = rows.column("availability_zone").unwrap_or(0);
                            let at = rows.place(row, column, self.problems);
                            let Some(id) = self.zone(zone, at) else { return true };
                            id
                        }
                    }
                }
            };
            let new = NewInstance {
                name,
                type_name: &machine.type_name,
                facts: &machine.facts,
                zone,
                price: machine.price,
                attributes: &machine.attributes,
                place,
            };
            if !self.add_instance(fleet, &new) {
                return false;
            }
        }
        true
    }

    fn instances_of_fleet(&self, fleet: &FleetSpec<'_>) -> usize {
        self.instances.len() - fleet.first
    }

    fn native_machine<'t>(&mut self, rows: &mut Rows<'t>, row: &Row<'t>) -> Option<Machine<'t>> {
        let whole = |max: u64| move |text: &str| units::whole(text, 0, max);
        let problems = &mut *self.problems;
        let id = rows.name(row, "instance_id", ".:/", problems)?;
        let type_name = rows.name(row, "instance_type", ".", problems)?;
        let cpu = rows.value(row, "cpu", problems, |t| units::whole(t, 1, MOST_CPU))?;
        let memory =
            rows.value(row, "memory_mib", problems, |t| units::whole(t, 1, MOST_MEMORY))?;
        let gpus = rows.value(row, "gpus", problems, whole(64))?;
        let enis = rows.value(row, "max_enis", problems, |t| units::whole(t, 1, 512))?;
        let count = rows.value(row, "count", problems, whole(MOST_INSTANCES as u64))?.unwrap_or(1);
        let price = rows.value(row, "usd_per_hour", problems, units::usd)?;
        let architecture = rows.value(row, "architecture", problems, |text| match text {
            "X86_64" | "x86_64" => Ok(Architecture::X86_64),
            "ARM64" | "arm64" => Ok(Architecture::Arm64),
            _ => Err(format!("is {}; valid: X86_64, ARM64", quoted(text))),
        })?;
        let facts = match type_name {
            Some(name) if cpu.is_none() && memory.is_none() => {
                let Some(facts) = self.known_type(name) else {
                    let column = rows.column("instance_type").unwrap_or(0);
                    let near = self.book.nearest_types(name);
                    let help = suggestion(name, near.iter().map(String::as_str));
                    let message = format!("unknown instance type {}", quoted(name));
                    rows.fail_at(row, column, message, Some(help), self.problems);
                    return None;
                };
                facts
            }
            _ => {
                let (Some(cpu), Some(memory)) = (cpu, memory) else {
                    let message = "the row needs `instance_type`, or `cpu` and `memory_mib`";
                    rows.fail_at(row, 0, message.into(), None, self.problems);
                    return None;
                };
                machine_facts(cpu, memory, gpus.unwrap_or(0), enis.unwrap_or(4))
            }
        };
        let facts = TypeFacts { architecture: architecture.unwrap_or(facts.architecture), ..facts };
        let columns = rows.columns_with("attribute:");
        let attributes = columns
            .into_iter()
            .filter_map(|(index, name)| Some((name.into(), Rows::field(row, Some(index))?.into())))
            .collect();
        Some(Machine {
            id,
            type_name: type_name.unwrap_or("machine").to_string(),
            facts,
            zone: Rows::field(row, rows.column("availability_zone")),
            count,
            price,
            attributes,
        })
    }

    fn openb_machine<'t>(&mut self, rows: &mut Rows<'t>, row: &Row<'t>) -> Option<Machine<'t>> {
        let problems = &mut *self.problems;
        let milli = rows.value(row, "cpu_milli", problems, |t| units::whole(t, 1, 1_000_000))?;
        let memory =
            rows.value(row, "memory_mib", problems, |t| units::whole(t, 1, MOST_MEMORY))?;
        let gpus = rows.value(row, "gpu", problems, |t| units::whole(t, 0, 64))?;
        let (Some(milli), Some(memory)) = (milli, memory) else {
            let message = "`cpu_milli` and `memory_mib` must not be empty".to_string();
            rows.fail_at(row, 0, message, None, self.problems);
            return None;
        };
        let id = rows.name(row, "sn", ".:/", self.problems)?;
        let model = rows.name(row, "model", ".", self.problems)?;
        let attributes =
            model.map(|model| ("gpu-model".to_string(), model.to_string())).into_iter().collect();
        let gpus = gpus.unwrap_or(0);
        let size = format!("{}x{}", milli.div_ceil(1_000), memory);
        Some(Machine {
            id,
            type_name: match model {
                Some(model) => format!("openb.{size}-{gpus}x{model}"),
                None => format!("openb.{size}"),
            },
            facts: machine_facts(milli * 1_024 / 1_000, memory, gpus, 15),
            zone: None,
            count: 1,
            price: None,
            attributes,
        })
    }

    /// Reads a trace of Spot prices. The first price of a market also holds before it.
    pub(super) fn read_spot_prices(
        &mut self,
        provider: &str,
        path: &str,
        place: Place,
    ) -> SpotPrices {
        let Some(text) = self.read_file(path, place) else { return SpotPrices::new() };
        let name = self.display(path);
        let required = ["time_s", "availability_zone", "instance_type", "usd_per_hour"];
        let Some(mut rows) = Rows::open(&name, &text, &required, &[], self.problems) else {
            return SpotPrices::new();
        };
        let (mut replaced, mut unix) = (0, None);
        let mut markets: BTreeMap<(String, String), Vec<(SimTime, HourlyRate)>> = BTreeMap::new();
        while let Some(row) = rows.next(self.problems) {
            let seconds = |text: &str| units::seconds(text, 0, crate::base::time::LATEST.0);
            let Some(time) = rows.value(&row, "time_s", self.problems, seconds) else { continue };
            let Some(rate) = rows.value(&row, "usd_per_hour", self.problems, units::usd) else {
                continue;
            };
            let zone = Rows::field(&row, rows.column("availability_zone"));
            let kind = Rows::field(&row, rows.column("instance_type"));
            let (Some(time), Some(rate), Some(zone), Some(kind)) = (time, rate, zone, kind) else {
                rows.fail_at(&row, 0, "no field may be empty".into(), None, self.problems);
                continue;
            };
            let time = SimTime(time.0);
            let is_unix = time >= UNIX_FROM;
            if *unix.get_or_insert(is_unix) != is_unix {
                let message =
                    "seconds since 1970 (Unix time) and seconds from the beginning are mixed";
                rows.fail_at(&row, 0, message.into(), None, self.problems);
                continue;
            }
            let steps = markets.entry((zone.into(), kind.into())).or_default();
            match steps.last() {
                None => steps.push((time, rate)),
                Some((last, _)) if *last > time => {
                    let message = format!("the time goes back from {last} s to {time} s");
                    rows.fail_at(&row, 0, message, None, self.problems);
                }
                Some((last, _)) if *last == time => {
                    let at = steps.len() - 1;
                    steps[at].1 = rate;
                    replaced += 1;
                }
                Some(_) => steps.push((time, rate)),
            }
        }
        let mut counts = RowCounts { read: rows.read(), ..RowCounts::default() };
        counts.used = counts.read.saturating_sub(replaced);
        if unix == Some(true) {
            counts.adjusted.insert(UNIX_TIME.into(), counts.used);
            let first = markets.values().map(|steps| steps[0].0).min().unwrap_or_default();
            let all = markets.values_mut().flatten();
            all.for_each(|(at, _)| *at = SimTime(at.0.saturating_sub(first.0)));
        }
        if replaced > 0 {
            counts.skipped.insert(REPLACED.into(), replaced);
        }
        let late = markets.values().filter(|steps| steps[0].0 > SimTime::ZERO).count() as u64;
        if late > 0 {
            counts.adjusted.insert(HOLDS_BEFORE.into(), late);
        }
        self.account(format!("capacity_provider.{provider}.spot_prices"), path, counts);
        let from_the_beginning = |mut steps: Vec<(SimTime, HourlyRate)>| {
            steps[0].0 = SimTime::ZERO;
            steps.into()
        };
        markets.into_iter().map(|(market, steps)| (market, from_the_beginning(steps))).collect()
    }
}

fn machine_facts(cpu: u64, memory: u64, gpus: u64, enis: u64) -> TypeFacts {
    let narrow = |number: u64| u16::try_from(number).expect("the range was checked");
    TypeFacts {
        cpu_units: u32::try_from(cpu).expect("the range was checked"),
        registered_memory: u32::try_from(memory).expect("the range was checked"),
        gpus: narrow(gpus),
        awsvpc_tasks: narrow(enis - 1),
        awsvpc_tasks_trunked: None,
        architecture: Architecture::X86_64,
        on_demand: None,
        spot: None,
    }
}
