//! What a run wrote, as lives that are charged: from when until when, at which price of the catalogue's files.

use crate::support::services::Cells;
use crate::swarm::tables::scaled;
use std::collections::BTreeMap;

pub const SECOND: u64 = 1_000_000;
pub const HOUR: u64 = 3_600 * SECOND;
const ON_DEMAND: &str = include_str!("../../../src/catalog/data/on_demand.csv");
const FARGATE: &str = include_str!("../../../src/catalog/data/fargate.csv");
const SIDE: &str = include_str!("../../../src/catalog/data/side.csv");
const REGION: &str = "us-east-1";

/// Whose something is, in the order in which a line is cut; nobody last.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Whose {
    /// Tasks of RunTask.
    Callers,
    /// Number and name of a service.
    Service(usize, String),
    Nobody,
}

/// What a task was promised of an instance: its part is `weight` of `whole`.
#[derive(Clone, Debug)]
pub struct Promise {
    pub whose: Whose,
    pub from: u64,
    pub until: u64,
    pub weight: u128,
    pub whole: u128,
}

/// A line of the bill before anybody has been told whose it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Key {
    /// Number of the provider, in the order of the run.
    pub provider: usize,
    /// Of what commitments cover, vCPUs of Fargate come before memory.
    pub rank: usize,
    pub category: &'static str,
    pub item: String,
    /// Nano-dollars.
    pub rate: u64,
}

impl Key {
    fn new(provider: usize, category: &'static str, item: &str, rate: u64) -> Key {
        let order = ["ec2_on_demand", "fargate_vcpu", "fargate_memory"];
        let rank = order.iter().position(|known| *known == category).unwrap_or(order.len());
        Key { provider, rank, category, item: item.to_string(), rate }
    }
}

/// A life at a price.
#[derive(Clone, Debug)]
pub struct Charge {
    pub key: Key,
    pub zone: String,
    /// Billed microseconds: rounded up to a second, at least a minute.
    pub from: u64,
    pub until: u64,
    /// How much is charged of each microsecond, and how much of it for how long has the price.
    pub units: u128,
    pub divisor: u128,
    /// Whose it is where it belongs to a task.
    pub whose: Whose,
    /// Who was promised parts of it where it is an instance.
    pub promises: Vec<Promise>,
}

/// Nano-dollars of a price in text.
pub fn nano(text: &str) -> u64 {
    u64::try_from(scaled(text, 9)).unwrap()
}

/// `percent` of a price, half a nano-dollar up.
pub fn percent(rate: u64, percent: u64) -> u64 {
    (rate * percent + 50) / 100
}

pub fn on_demand(kind: &str) -> u64 {
    let mut lines = ON_DEMAND.lines();
    let column = lines.next().unwrap().split(',').position(|name| name == REGION).unwrap();
    let row = lines.find(|line| line.split(',').next() == Some(kind)).unwrap();
    // A letter for the source stands behind the price.
    nano(row.split(',').nth(column).unwrap().trim_end_matches(char::is_alphabetic))
}

fn side(item: &str) -> u64 {
    let start = format!("{REGION},{item},");
    nano(
        SIDE.lines().find_map(|line| line.strip_prefix(&start)).unwrap().split(',').next().unwrap(),
    )
}

/// A vCPU, a GB, a GB of storage on Linux.
fn fargate(is_arm: bool, is_spot: bool) -> [u64; 3] {
    let arch = if is_arm { "arm64" } else { "x86_64" };
    let purchase = if is_spot { "spot" } else { "on_demand" };
    let start = format!("{REGION},linux,{arch},{purchase},");
    let row = FARGATE.lines().find_map(|line| line.strip_prefix(&start)).unwrap();
    let mut cells = row.split(',').map(nano_or_none);
    std::array::from_fn(|_| cells.next().flatten().unwrap())
}

fn nano_or_none(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')).then(|| nano(text))
}

/// A time in a cell, microseconds; none where it is empty.
fn micros(row: &Cells, column: &str) -> Option<u64> {
    let cell = &row[column];
    (!cell.is_empty()).then(|| u64::try_from(scaled(cell, 6)).unwrap())
}

/// The end of what is billed of a life: second by second, until it and the minute are over.
fn billed_until(from: u64, until: u64) -> u64 {
    let mut seconds = 0;
    while seconds < 60 || from + seconds * SECOND < until {
        seconds += 1;
    }
    from + seconds * SECOND
}

/// What is billed, as the scenario has it.
pub struct Facts {
    pub providers: Vec<String>,
    pub services: Vec<String>,
    pub end: u64,
    pub is_arm: bool,
    /// GiB of storage of a task on Fargate.
    pub storage: u64,
    /// Managed Instances.
    pub managed: Vec<String>,
    pub bills_volumes: bool,
    pub bills_instance_addresses: bool,
    /// Callers and services whose tasks have public addresses.
    pub public: Vec<String>,
}

impl Facts {
    fn provider(&self, name: &str) -> usize {
        self.providers.iter().position(|known| known == name).unwrap()
    }

    fn whose(&self, task: &Cells) -> Whose {
        match self.services.iter().position(|name| *name == task["source"]) {
            Some(number) => Whose::Service(number, task["source"].clone()),
            None => Whose::Callers,
        }
    }

    /// All lives of `tasks.csv` and `instances.csv`.
    pub fn charges(&self, tasks: &[Cells], instances: &[Cells]) -> Vec<Charge> {
        let mut all: Vec<Charge> =
            instances.iter().flat_map(|row| self.of_instance(row, tasks)).collect();
        let on_fargate = tasks.iter().filter(|row| row["launch"] == "FARGATE");
        all.extend(on_fargate.flat_map(|row| self.of_task(row)));
        all
    }

    fn of_instance(&self, row: &Cells, tasks: &[Cells]) -> Vec<Charge> {
        let Some(from) = micros(row, "running_s") else { return Vec::new() };
        let ended = micros(row, "terminated_s").unwrap();
        let (kind, is_spot) = (&row["instance_type"], row["purchase"] == "spot");
        let weigh = |cpu: &str, mib: &str| -> u128 {
            9 * row_number(cpu) + row_number(mib) // a vCPU has 1,024 units, a GB 1,024 MiB
        };
        let whole = weigh(&row["registered_cpu"], &row["registered_memory_mib"]);
        let here = tasks.iter().filter(|task| task["instance_id"] == row["instance_id"]);
        let promise = |task: &Cells| Promise {
            whose: self.whose(task),
            from: micros(task, "placed_s").unwrap(),
            until: micros(task, "stopping_s").unwrap_or(self.end),
            weight: weigh(&task["cpu"], &task["memory_mib"]),
            whole,
        };
        let list = on_demand(kind);
        // Taken back in its first hour it is free.
        let is_free = row["end_cause"] == "spot_interruption" && ended - from < HOUR;
        let rate = match (is_spot, is_free) {
            (_, true) => 0,
            (true, _) => percent(list, 35),
            _ => list,
        };
        let provider = self.provider(&row["capacity_provider"]);
        let charge = |category, item: &str, rate, (from, until), units, month| Charge {
            key: Key::new(provider, category, item, rate),
            zone: row["availability_zone"].clone(),
            from,
            until: billed_until(from, until),
            units,
            divisor: u128::from(HOUR) * month,
            whose: Whose::Nobody,
            promises: Vec::new(),
        };
        let promises: Vec<Promise> = here.map(promise).collect();
        let category = if is_spot { "ec2_spot" } else { "ec2_on_demand" };
        let own = charge(category, kind, rate, (from, ended), 1, 1);
        let mut all = vec![Charge { promises: promises.clone(), ..own }];
        if self.managed.contains(&row["capacity_provider"]) {
            let fee = charge("managed_instances_fee", kind, percent(list, 12), (from, ended), 1, 1);
            all.push(Charge { promises, ..fee });
        }
        if from < ended && self.bills_volumes {
            let gb = charge("ebs_volume", "gp3", side("gp3_gb"), (from, ended), 30, 730);
            all.push(Charge { whose: Whose::Callers, ..gb });
        }
        if from < ended && self.bills_instance_addresses {
            let of = charge("public_ipv4", "instance", side("public_ipv4"), (from, ended), 1, 1);
            all.push(Charge { whose: Whose::Callers, ..of });
        }
        all
    }

    fn of_task(&self, row: &Cells) -> Vec<Charge> {
        let Some(from) = micros(row, "pull_started_s") else { return Vec::new() };
        let until = billed_until(from, micros(row, "execution_stopped_s").unwrap_or(self.end));
        let is_spot = row["capacity_provider"] == "FARGATE_SPOT";
        let [vcpu, gb, storage] = fargate(self.is_arm, is_spot);
        let item = if self.is_arm { "linux/arm64" } else { "linux/x86_64" };
        let provider = self.provider(&row["capacity_provider"]);
        let charge = |category, item: &str, rate, units, parts: u128| Charge {
            key: Key::new(provider, category, item, rate),
            zone: String::new(),
            from,
            until,
            units,
            divisor: parts * u128::from(HOUR),
            whose: self.whose(row),
            promises: Vec::new(),
        };
        let names = if is_spot {
            ["fargate_spot_vcpu", "fargate_spot_memory", "fargate_spot_ephemeral"]
        } else {
            ["fargate_vcpu", "fargate_memory", "fargate_ephemeral"]
        };
        let (cpu, mib) = (row_number(&row["cpu"]), row_number(&row["memory_mib"]));
        let mut all = vec![
            charge(names[0], item, vcpu, cpu, 1_024),
            charge(names[1], item, gb, mib, 1_024),
            charge(names[2], item, storage, u128::from(self.storage - 20), 1),
        ];
        if self.public.contains(&row["source"]) {
            all.push(charge("public_ipv4", "fargate task", side("public_ipv4"), 1, 1));
        }
        all.retain(|charge| charge.units > 0);
        all
    }
}

fn row_number(cell: &str) -> u128 {
    cell.parse().unwrap()
}

/// `[from, until)` by the clock hour, `offset` microseconds of the first of which were over when the run began; what lies
/// behind the last of `hours` is part of it.
pub fn by_hour((from, until): (u64, u64), offset: u64, hours: usize) -> Vec<u64> {
    let (from, until) = (from + offset, until + offset);
    let mut parts = vec![0; hours];
    for hour in from / HOUR..=until / HOUR {
        let (begin, end) = (from.max(hour * HOUR), until.min((hour + 1) * HOUR));
        parts[(hour as usize).min(hours - 1)] += end.saturating_sub(begin);
    }
    parts
}

/// `amount / by`, halves to the even neighbour.
pub fn half_to_even(amount: u128, by: u128) -> i128 {
    let (whole, rest) = (amount / by, amount % by);
    let up = rest * 2 > by || (rest * 2 == by && whole % 2 == 1);
    i128::try_from(whole + u128::from(up)).unwrap()
}

/// Charges by line.
pub fn lines(charges: &[Charge]) -> BTreeMap<Key, Vec<&Charge>> {
    let mut lines: BTreeMap<Key, Vec<&Charge>> = BTreeMap::new();
    for charge in charges {
        lines.entry(charge.key.clone()).or_default().push(charge);
    }
    lines
}
