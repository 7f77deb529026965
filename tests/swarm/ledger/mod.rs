//! The slow biller: the bill once more, from the text of `tasks.csv`, `instances.csv` and the catalogue's files alone.
//!
//! Random files ([`super::files`]) run with commitments, volumes and addresses; every life is charged by itself, hour by hour,
//! in the most obvious way. Then `cost.csv` must have the same lines to the nano-dollar, `cost_hourly.csv` the same hours up to
//! the rounding of each line, and whatever else tells of dollars the same sums.
//!
//! Left to others: what follows from requests and not from lives (balancers, gateways, alarms, CPU credits); warm pools, of
//! whose starts `instances.csv` has the last one only; and capacity reservations.

mod cover;
mod lives;
mod terms;

use super::files::{Blocks, file, text};
use super::make::Dice;
use crate::support::Page;
use crate::support::services::{Cells, rows};
use crate::swarm::tables::scaled;
use cover::{Commitment, Outcome, Usage, cover, usage_of};
use ecsim::base::money::NanoUsd;
use ecsim::base::random::{Purpose, Seed};
use ecsim::engine::Pulse;
use ecsim::report::{bill_tables, tables};
use ecsim::scenario::{Scenario, load_text};
use ecsim::sim::outputs::Sinks;
use ecsim::sim::{RunResult, Watch};
use lives::{Charge, Facts, HOUR, Key, Whose, by_hour, half_to_even, lines, nano, percent};
use std::collections::BTreeMap;
use std::path::Path;

/// Beginnings of the categories that follow from lives, beside addresses of instances and tasks.
const OF_LIVES: [&str; 6] = [
    "ec2_",
    "fargate_",
    "managed_instances_fee",
    "ebs_volume",
    "reserved_instances_unused",
    "savings_plan_unused",
];

/// The first line of a block that begins with this key, its value without quotes.
fn value<'a>(block: &'a [String], key: &str) -> Option<&'a str> {
    let of = |line: &'a str| line.strip_prefix(key)?.trim_start().strip_prefix('=');
    let mut lines = block.iter().flat_map(|line| line.lines());
    lines.find_map(of).map(|value| value.trim().trim_matches('"'))
}

/// The file of a seed: longer, over hours that begin within the run, with more kinds of Fargate tasks and without warm pools.
fn blocks(seed: u64) -> Blocks {
    let mut dice = Dice(Seed(seed).stream(Purpose::Test, "ledger"));
    let mut blocks = file(seed);
    blocks.retain(|block| !block[0].contains("warm_pool") && !block[0].contains("reservation"));
    blocks.iter_mut().for_each(|block| block.retain(|line| !line.starts_with("distribution_")));
    let has = |blocks: &Blocks, name: &str| blocks.iter().any(|block| block[0].contains(name));
    let (has_network, has_providers) =
        (has(&blocks, "[network]"), has(&blocks, "[[capacity_provider]]"));
    let minutes = 30 + dice.below(170);
    for block in &mut blocks {
        match block[0].as_str() {
            "[simulation]" => {
                block[1] = format!("duration = \"{minutes}m\"");
                if !dice.one_in(3) {
                    let minute = dice.below(60);
                    block.push(format!("start = \"2026-03-02T09:{minute:02}:17Z\""));
                }
            }
            // Who has a public address must be told by the table.
            "[bill]" if value(block, "addresses").is_none() => {
                let of_instances = value(block, "public_instances").is_some();
                block.retain(|line| !line.starts_with("public_instances"));
                block.push(format!("public_instances = {of_instances}"));
            }
            "[[task_definition]]" if value(block, "family") == Some("f") => {
                if dice.one_in(2) {
                    block.push(format!("ephemeral_storage_gib = {}", 20 + dice.below(60)));
                }
                if !has_providers && dice.one_in(2) {
                    block.push("runtime_platform = { cpu_architecture = \"ARM64\" }".into());
                }
                if dice.one_in(2) {
                    let (cpu, memory) = dice.pick(&[(512, 3_072), (1_024, 3_072), (2_048, 5_120)]);
                    block.retain(|line| !line.starts_with("cpu") && !line.starts_with("memory"));
                    block.extend([format!("cpu = {cpu}"), format!("memory = {memory}")]);
                }
            }
            "[[run_task]]" | "[[service]]"
                if has_network
                    && dice.one_in(2)
                    && value(block, "launch_type") == Some("FARGATE") =>
            {
                block.push("assign_public_ip = true".into());
            }
            _ => {}
        }
    }
    if dice.one_in(3) {
        blocks.push(terms::block(&mut dice));
    }
    blocks
}

fn facts(blocks: &Blocks, scenario: &Scenario, result: &RunResult) -> Facts {
    let named = |header: &str| -> Vec<&Vec<String>> {
        blocks.iter().filter(|block| block[0] == header).collect()
    };
    let bill = named("[bill]").first().copied();
    let f =
        named("[[task_definition]]").into_iter().find(|block| value(block, "family") == Some("f"));
    let f = f.unwrap();
    let mut managed = Vec::new();
    for pair in blocks.windows(2) {
        if pair[1][0] == "[capacity_provider.managed_instances]" {
            managed.push(value(&pair[0], "name").unwrap().to_string());
        }
    }
    let askers = named("[[run_task]]").into_iter().chain(named("[[service]]"));
    let is_public = |block: &&Vec<String>| value(block, "assign_public_ip").is_some();
    let public = askers.filter(is_public).map(|block| value(block, "name").unwrap().to_string());
    let bills = |key: &str| bill.is_some_and(|bill| value(bill, key) != Some("false"));
    Facts {
        providers: result.providers.iter().map(|provider| provider.name.clone()).collect(),
        services: scenario.setup.services.iter().map(|service| service.name.clone()).collect(),
        end: result.end.0,
        is_arm: f.iter().any(|line| line.contains("ARM64")),
        storage: value(f, "ephemeral_storage_gib").map_or(20, |gib| gib.parse().unwrap()),
        managed,
        bills_volumes: bills("volumes"),
        bills_instance_addresses: bills("addresses")
            && value(bill.unwrap(), "public_instances") == Some("true"),
        public: if bills("addresses") { public.collect() } else { Vec::new() },
    }
}

fn commitments(blocks: &Blocks, list: impl Fn(&str) -> u64) -> Vec<Commitment> {
    let mut all = Vec::new();
    let (mut reserved, mut plans) = (0, 0);
    for block in blocks {
        match block[0].as_str() {
            "[[reserved_instances]]" => {
                reserved += 1;
                let kind = value(block, "instance_type").unwrap().to_string();
                let discount = if value(block, "term") == Some("3y") { 58 } else { 37 };
                all.push(Commitment::Reserved {
                    name: format!("reserved-{reserved}"),
                    count: value(block, "instance_count").unwrap().parse().unwrap(),
                    zone: value(block, "availability_zone").map(String::from),
                    rate: percent(list(&kind), 100 - discount),
                    kind,
                });
            }
            "[[savings_plan]]" => {
                plans += 1;
                all.push(Commitment::Plan {
                    name: format!("savings-plan-{plans}"),
                    family: value(block, "instance_family").map(String::from),
                    rate: nano(value(block, "usd_per_hour").unwrap()),
                });
            }
            _ => {}
        }
    }
    all
}

/// A line of the bill.
struct Line<'a> {
    key: &'a Key,
    provider: &'a str,
    divisor: u128,
    /// What of it commitments cover.
    covered: u128,
    outcomes: &'a [Outcome],
}

/// Provider, service, use, category, item, price: nano-dollars.
type Bill = BTreeMap<[String; 6], i128>;

/// A bill as the slow biller has it.
#[derive(Default)]
struct Expected {
    /// Each line, whoever has it: exactly. Service and use are empty where lines have several.
    whole: Bill,
    /// Each part of a line: exactly where nothing is covered, else up to the rounding of shares.
    parts: BTreeMap<[String; 6], f64>,
    /// Dollars of each hour by provider, service, use, category.
    hours: BTreeMap<(usize, [String; 4]), f64>,
    /// Promises: each may be cut at a microsecond.
    cuts: usize,
    /// In what `commitments.csv` differs.
    of_commitments: Vec<String>,
    /// What is paid of it; nothing without `[invoice]`.
    terms: terms::Terms,
}

/// What was used in hours, by whom: exact where nothing is covered.
struct Shares {
    exact: BTreeMap<Whose, u128>,
    hours: BTreeMap<Whose, Vec<f64>>,
}

fn shares(charges: &[&Charge], (offset, hours): (u64, usize)) -> Shares {
    let mut exact: BTreeMap<Whose, u128> = BTreeMap::new();
    let mut by_whom: BTreeMap<Whose, Vec<f64>> = BTreeMap::new();
    let mut add = |whose: &Whose, span, units: f64| {
        let of = by_whom.entry(whose.clone()).or_insert_with(|| vec![0.0; hours]);
        let all = by_hour(span, offset, hours);
        of.iter_mut().zip(all).for_each(|(of, micros)| *of += micros as f64 * units);
    };
    let mut left = 0;
    for charge in charges {
        let usage = u128::from(charge.until - charge.from) * charge.units;
        left += usage;
        add(&charge.whose, (charge.from, charge.until), charge.units as f64);
        if charge.whose != Whose::Nobody {
            *exact.entry(charge.whose.clone()).or_default() += usage;
            left -= usage;
        }
        for promise in &charge.promises {
            let share = u128::from(promise.until - promise.from) * promise.weight / promise.whole;
            *exact.entry(promise.whose.clone()).or_default() += share;
            left = left.saturating_sub(share);
            let part = promise.weight as f64 / promise.whole as f64;
            add(&promise.whose, (promise.from, promise.until), part);
            add(&Whose::Nobody, (promise.from, promise.until), -part);
        }
    }
    exact.insert(Whose::Nobody, left);
    Shares { exact, hours: by_whom }
}

fn name_and_use(whose: &Whose) -> [String; 2] {
    match whose {
        Whose::Callers => [String::new(), "tasks".into()],
        Whose::Service(_, name) => [name.clone(), "tasks".into()],
        Whose::Nobody => [String::new(), "idle".into()],
    }
}

/// A price as `cost.csv` writes it.
fn price(rate: u64) -> String {
    ecsim::base::money::HourlyRate(rate).to_string()
}

impl Expected {
    fn add_part(
        &mut self,
        provider: &str,
        whose: &Whose,
        (category, item, rate): (&str, &str, u64),
        usd: f64,
    ) {
        let [service, of] = name_and_use(whose);
        let key = [provider.into(), service, of, category.into(), item.into(), price(rate)];
        *self.parts.entry(key).or_default() += usd;
    }

    fn add_hour(&mut self, hour: usize, provider: &str, whose: &Whose, category: &str, usd: f64) {
        let [service, of] = name_and_use(whose);
        *self.hours.entry((hour, [provider.into(), service, of, category.into()])).or_default() +=
            usd;
    }

    fn add_whole(&mut self, provider: &str, category: &str, item: &str, rate: u64, usd: i128) {
        let (none, tasks) = (String::new(), String::new());
        let key = [provider.into(), none, tasks, category.into(), item.into(), price(rate)];
        *self.whole.entry(key).or_default() += usd;
    }

    /// A line: in whole, by whom, and by the hour.
    fn line(&mut self, line: &Line, charges: &[&Charge], clock: (u64, usize)) {
        let shares = shares(charges, clock);
        self.cuts += charges.iter().map(|charge| charge.promises.len()).sum::<usize>();
        self.add_exactly(line, &shares.exact);
        let mut zones: BTreeMap<&String, Vec<&Charge>> = BTreeMap::new();
        charges.iter().for_each(|charge| zones.entry(&charge.zone).or_default().push(charge));
        for (zone, of_zone) in zones {
            let hours = self::shares(&of_zone, clock).hours;
            let zone = (line.key.clone(), zone.clone());
            (0..clock.1).for_each(|hour| self.hour_of_zone(line, &zone, hour, &hours));
        }
    }

    /// What no commitment covers is rounded once; where none covers anything, its parts are differences of running totals.
    fn add_exactly(&mut self, line: &Line, shares: &BTreeMap<Whose, u128>) {
        let Key { category, item, rate, .. } = line.key;
        let usd = |amount: u128| half_to_even(amount * u128::from(*rate), line.divisor);
        let usage: u128 = shares.values().sum();
        // What stands beside compute is a line of its own for everybody.
        let is_beside = ["ebs_volume", "public_ipv4"].contains(category);
        let mut whole = usd(usage - line.covered);
        if is_beside {
            whole = shares.values().map(|&amount| usd(amount)).sum();
        }
        self.add_whole(line.provider, category, item, *rate, whole);
        let mut upto = 0;
        for (whose, amount) in shares.iter().filter(|_| line.covered == 0) {
            let before = if is_beside { 0 } else { upto };
            upto = before + amount;
            let part = usd(upto) - usd(before);
            self.add_part(line.provider, whose, (category, item, *rate), part as f64);
        }
    }

    /// An hour of a line in a zone: commitments cover the same share of whoever has it.
    fn hour_of_zone(
        &mut self,
        line: &Line,
        zone: &(Key, String),
        hour: usize,
        hours: &BTreeMap<Whose, Vec<f64>>,
    ) {
        let (key, provider) = (line.key, line.provider);
        let all: f64 = hours.values().map(|hours| hours[hour]).sum();
        for (whose, hours) in hours {
            let mut left = hours[hour];
            for outcome in line.outcomes {
                let amount = outcome.of_zones.get(zone).map_or(0, |amounts| amounts[hour]);
                if amount == 0 {
                    continue;
                }
                let part = amount as f64 * hours[hour] / all;
                left -= part;
                let category = covered_category(key.category, &outcome.commitment);
                let usd = outcome_usd(outcome, key, part);
                self.add_hour(hour, provider, whose, category, usd);
                let name = (category, key.item.as_str(), outcome.covered[key].0);
                self.add_part(provider, whose, name, usd);
            }
            let usd = left * key.rate as f64 / line.divisor as f64;
            self.add_hour(hour, provider, whose, key.category, usd);
            if line.covered > 0 {
                self.add_part(provider, whose, (key.category, &key.item, key.rate), usd);
            }
        }
    }

    fn commitment(&mut self, outcome: &Outcome, facts: &Facts) {
        for (key, rate, _, usd) in outcome.of_lines() {
            let category = covered_category(key.category, &outcome.commitment);
            self.add_whole(&facts.providers[key.provider], category, &key.item, rate, usd);
        }
        let (category, item, rate) = match &outcome.commitment {
            Commitment::Reserved { kind, rate, .. } => ("reserved_instances_unused", kind, *rate),
            Commitment::Plan { name, rate, .. } => ("savings_plan_unused", name, *rate),
        };
        self.add_whole("", category, item, rate, outcome.unused());
        self.add_part("", &Whose::Nobody, (category, item, rate), outcome.unused() as f64);
        for (hour, (pool, used)) in outcome.pool.iter().zip(&outcome.used).enumerate() {
            let usd = outcome.usd(pool - used) as f64;
            self.add_hour(hour, "", &Whose::Nobody, category, usd);
        }
    }
}

/// Nano-dollars of a part of what a commitment covers of a line.
fn outcome_usd(outcome: &Outcome, key: &Key, part: f64) -> f64 {
    let (_, amounts) = &outcome.covered[key];
    let all: u128 = amounts.iter().sum();
    let usd: i128 =
        outcome.of_lines().into_iter().filter(|line| line.0 == key).map(|line| line.3).sum();
    usd as f64 * part / all as f64
}

fn covered_category(category: &str, by: &Commitment) -> &'static str {
    match (category, by) {
        ("ec2_on_demand", Commitment::Reserved { .. }) => "ec2_reserved_instances",
        ("ec2_on_demand", Commitment::Plan { .. }) => "ec2_savings_plan",
        ("fargate_vcpu", _) => "fargate_vcpu_savings_plan",
        ("fargate_memory", _) => "fargate_memory_savings_plan",
        (other, _) => panic!("{other} is covered"),
    }
}

/// Everything that a run has written of its bill.
struct Told {
    cost: Vec<Cells>,
    hourly: Vec<Cells>,
    commitments: Vec<Cells>,
    invoice: Vec<Cells>,
}

impl Told {
    /// Nano-dollars by these columns.
    fn sums<const N: usize>(table: &[Cells], columns: [&str; N]) -> BTreeMap<[String; N], i128> {
        let mut sums = BTreeMap::new();
        for row in table {
            let key = columns.map(|column| row[column].clone());
            *sums.entry(key).or_default() += i128::from(scaled(&row["usd"], 9));
        }
        sums
    }
}

fn of_lives(row: &Cells) -> bool {
    let of_address = |item: &String| ["instance", "fargate task"].contains(&item.as_str());
    let is_address = row["category"] == "public_ipv4" && row.get("item").is_some_and(of_address);
    is_address || OF_LIVES.iter().any(|start| row["category"].starts_with(start))
}

/// Runs a file; its tables, and the bill that follows from its lives. `None` where it is no scenario.
fn run(blocks: &Blocks, lie: fn(&mut Charge)) -> Option<(RunResult, Told, Expected)> {
    let scenario = load_text(&text(blocks), "random.toml", Path::new("."), &[]).ok()?;
    let page = Page::default();
    let tasks: Option<Box<dyn std::io::Write + Send>> = Some(Box::new(page.clone()));
    let sinks = Sinks { tasks, hourly: true, allocation: true, ..Sinks::default() };
    let watch = Watch { pulse: &Pulse::default(), check_every_event: false };
    let result = ecsim::experiment::run_one(&scenario, scenario.setup.seed, sinks, watch).ok()?;
    let zones: Vec<String> = scenario.setup.zones.iter().cloned().collect();
    let table = |bytes: Vec<u8>| rows(&String::from_utf8(bytes).unwrap());
    let told = Told {
        cost: table(bill_tables::cost(&result)),
        hourly: table(bill_tables::cost_hourly(&result, None).unwrap()),
        commitments: bill_tables::commitments(&result).map(table).unwrap_or_default(),
        invoice: bill_tables::invoice(&result).map(table).unwrap_or_default(),
    };
    let facts = facts(blocks, &scenario, &result);
    let (tasks, instances) = (rows(&page.text()), table(tables::instances(&result, &zones)));
    let mut charges = facts.charges(&tasks, &instances);
    charges.iter_mut().for_each(lie);
    let offset = u64::try_from(scenario.setup.epoch_s.rem_euclid(3_600)).unwrap() * 1_000_000;
    let hours = usize::try_from((offset + facts.end).div_ceil(HOUR)).unwrap();
    let lengths = by_hour((0, facts.end), offset, hours);
    let mut usage: Usage = usage_of(&charges, offset, hours);
    let outcomes = cover(&commitments(blocks, lives::on_demand), &mut usage, &lengths);
    let mut expected = Expected::default();
    for (key, of) in lines(&charges) {
        let covered = outcomes.iter().filter_map(|outcome| outcome.covered.get(&key));
        let line = Line {
            key: &key,
            provider: &facts.providers[key.provider],
            divisor: of[0].divisor,
            covered: covered.flat_map(|(_, amounts)| amounts).sum(),
            outcomes: &outcomes,
        };
        expected.line(&line, &of, (offset, hours));
    }
    outcomes.iter().for_each(|outcome| expected.commitment(outcome, &facts));
    expected.of_commitments = of_commitments(&told, &outcomes);
    expected.terms = terms::Terms::of(blocks);
    Some((result, told, expected))
}

/// Where `commitments.csv` is not what the slow biller found.
fn of_commitments(told: &Told, outcomes: &[Outcome]) -> Vec<String> {
    assert_eq!(told.commitments.len(), outcomes.len());
    let of = |(row, outcome): (&Cells, &Outcome)| {
        let name = match &outcome.commitment {
            Commitment::Reserved { name, .. } | Commitment::Plan { name, .. } => name,
        };
        let usd = |column: &str| i128::from(scaled(&row[column], 9));
        let committed = outcome.usd(outcome.pool.iter().sum());
        let used = outcome.usd(outcome.used.iter().sum());
        let is_same = row["commitment"] == *name
            && usd("committed_usd") == committed
            && usd("used_usd") == used;
        (!is_same).then(|| format!("{row:?}: {name}, {committed}, {used}"))
    };
    told.commitments.iter().zip(outcomes).filter_map(of).collect()
}

/// Every key of either side, where they differ by more than this.
fn differ<K: Ord + std::fmt::Debug>(
    found: &BTreeMap<K, i128>,
    expected: &BTreeMap<K, f64>,
    slack: f64,
) -> Vec<String> {
    let mut keys: Vec<&K> = found.keys().chain(expected.keys()).collect();
    keys.sort();
    keys.dedup();
    let of = |key: &K| {
        let (found, expected) =
            (found.get(key).copied().unwrap_or(0), expected.get(key).copied().unwrap_or(0.0));
        ((found as f64 - expected).abs() > slack)
            .then(|| format!("{key:?}: {found}, not {expected}"))
    };
    keys.into_iter().filter_map(of).collect()
}

/// Everything in which the tables of a run differ from the slow bill.
fn differences(result: &RunResult, told: &Told, expected: &Expected) -> Vec<String> {
    let cost: Vec<Cells> = told.cost.iter().filter(|row| of_lives(row)).cloned().collect();
    let columns = ["capacity_provider", "service", "use", "category", "item", "usd_per_hour"];
    let parts = Told::sums(&cost, columns);
    let mut whole = Bill::new();
    for ([provider, _, _, category, item, rate], usd) in &parts {
        let none = String::new;
        let key = [provider.clone(), none(), none(), category.clone(), item.clone(), rate.clone()];
        *whole.entry(key).or_default() += usd;
    }
    let paid = |category: &str, usd: f64| expected.terms.paid(category, usd);
    let of_key = |(key, usd): (&[String; 6], &i128)| (key.clone(), paid(&key[3], *usd as f64));
    let exactly = expected.whole.iter().map(of_key).collect();
    let mut all = expected.of_commitments.clone();
    all.extend(expected.terms.differences(&expected.whole, &whole, &told.invoice));
    // A category's discount is rounded once: each part of a line is up to a nano-dollar beside its own.
    let off = if expected.terms.is_empty() { 0.0 } else { 1.0 };
    all.extend(differ(&whole, &exactly, off * (1 + parts.len()) as f64));
    let has_commitments = !told.commitments.is_empty();
    // Shares of what is covered are cut at a microsecond of each promise and each hour: at most a dollar an hour each.
    let slack = if has_commitments { 2.0 + expected.cuts as f64 } else { 0.0 };
    let of_part = |(key, usd): (&[String; 6], &f64)| (key.clone(), paid(&key[3], *usd));
    let expected_parts = expected.parts.iter().map(of_part).collect();
    all.extend(differ(&parts, &expected_parts, slack + off));
    // Hours: what is kept of each is told by provider, service, use and category.
    let by = ["capacity_provider", "service", "use", "category"];
    let (of_cost, of_hours) = (Told::sums(&told.cost, by), Told::sums(&told.hourly, by));
    let as_floats = of_cost.iter().map(|(key, usd)| (key.clone(), *usd as f64)).collect();
    all.extend(differ(&of_hours, &as_floats, 0.0));
    let mut hours: BTreeMap<(usize, [String; 4]), i128> = BTreeMap::new();
    let begins = &result.by_hour.as_ref().unwrap().begins;
    for row in told.hourly.iter().filter(|row| of_lives(row)) {
        let at = scaled(&row["hour_s"], 6) as u64;
        let hour = begins.iter().position(|begin| begin.0 == at).unwrap();
        *hours.entry((hour, by.map(|column| row[column].clone()))).or_default() +=
            i128::from(scaled(&row["usd"], 9));
    }
    let mut expected_hours = expected.hours.clone();
    // Hours do not tell whose address it was.
    expected_hours.retain(|(_, key), _| key[3] != "public_ipv4");
    expected_hours.iter_mut().for_each(|((_, key), usd)| *usd = paid(&key[3], *usd));
    let slack = 2.0 + (1.0 + off) * expected.parts.len() as f64 + expected.cuts as f64;
    all.extend(differ(&hours, &expected_hours, slack));
    // Whose it all is adds up, too.
    let total = result.invoice.total();
    let rows = result.allocation.as_ref().unwrap();
    for sum in
        [rows.iter().map(|row| row.usd).sum::<NanoUsd>(), rows.iter().map(|row| row.split()).sum()]
    {
        if sum != total {
            all.push(format!("allocated {sum} of {total}"));
        }
    }
    all
}

fn seeds(cases: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    match number("ECSIM_SWARM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ECSIM_SWARM_CASES").unwrap_or(cases),
    }
}

#[test]
fn the_slow_biller_finds_the_same_lines_and_hours_for_random_files() {
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    let (seeds, mut ran, mut discounted) = (seeds(600), 0, 0);
    let cases = seeds.end - seeds.start;
    for seed in seeds {
        let blocks = blocks(seed);
        let Some((result, told, expected)) = run(&blocks, |_| ()) else { continue };
        ran += 1;
        discounted += u64::from(!told.invoice.is_empty());
        let differences = differences(&result, &told, &expected);
        assert!(
            differences.is_empty(),
            "scenario {seed}:\n{}\n\n{}",
            differences.join("\n"),
            text(&blocks)
        );
        for row in told.cost.iter().filter(|row| of_lives(row)) {
            *lines.entry(row["category"].clone()).or_default() += 1;
        }
    }
    println!("{ran} of {cases} files ran, {discounted} with discounts; lines: {lines:#?}");
    if cases >= 600 {
        assert!(ran > cases * 4 / 5, "{ran} of {cases} files ran");
        assert!(discounted > cases / 5, "{discounted} of {cases} files have discounts");
        assert!(lines.len() >= 17 && lines.values().all(|&count| count >= 5), "too tame");
    }
}

/// A biller that has never found anything has not been tested: each of these lies must be found, and nothing without one.
#[test]
fn what_is_billed_wrong_would_be_found() {
    type Lie = (&'static str, fn(&mut Charge));
    let lies: [Lie; 5] = [
        ("nothing", |_| ()),
        ("ten nano-dollars an hour more", |charge| charge.key.rate += 10),
        ("a second more of each life", |charge| charge.until += lives::SECOND),
        ("a second less of each promise", |charge| {
            charge
                .promises
                .iter_mut()
                .for_each(|one| one.from = one.until.min(one.from + lives::SECOND));
        }),
        ("a GB weighs as much as a vCPU", |charge| {
            charge.promises.iter_mut().for_each(|one| one.weight += one.whole / 8);
        }),
    ];
    for (what, lie) in lies {
        let told = |seed| {
            let (result, told, expected) = run(&blocks(seed), lie)?;
            Some(!differences(&result, &told, &expected).is_empty())
        };
        let found = (0..30).filter_map(told).filter(|found| *found).count();
        assert_eq!(found >= 8, what != "nothing", "{what}: found in {found} of 30 files");
        assert!(found == 0 || what != "nothing");
    }
}
