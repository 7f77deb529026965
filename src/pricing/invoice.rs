//! The bill while it grows, and the invoice that it becomes: one line per provider, category, item and price.
//!
//! Invariants: a line has usage; no line is negative; its amount is its exact usage times its price, rounded once;
//! the total is the sum of the lines. Memory grows with the number of lines, not with tasks or instances.

pub use super::category::Category;
use super::fees::Fee;
use super::meter::{FargateTask, FargateUsage, ec2_billed};
use super::price::Price;
use super::side::Per;
use crate::base::canary;
use crate::base::money::{HourlyRate, NanoUsd};
use crate::base::time::{MICROS_PER_SECOND, SimTime};
use crate::model::fargate::FargateRate;
use crate::model::ids::ProviderId;
use crate::model::platform::Purchase;
use std::collections::BTreeMap;

/// Usage of one provider's Fargate tasks under one price list.
#[derive(Clone, Debug)]
pub(super) struct FargateAccount {
    pub(super) provider: ProviderId,
    pub(super) rate: FargateRate,
    pub(super) usage: FargateUsage,
}

/// Instance-microseconds by instance type and price.
type InstanceUsage = BTreeMap<String, BTreeMap<HourlyRate, u128>>;

/// Usage so far. Adding is a few integer additions; nothing is charged before [`Bill::invoice`].
#[derive(Clone, Debug, Default)]
pub struct Bill {
    // A handful of price lists per run: a scan is quicker than any map.
    fargate: Vec<FargateAccount>,
    instances: BTreeMap<(ProviderId, Category), InstanceUsage>,
}

impl Bill {
    /// A bill without usage.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a Fargate task that has terminated, or runs until the end of what is billed.
    #[inline]
    pub fn fargate_task(&mut self, provider: ProviderId, rate: &FargateRate, task: &FargateTask) {
        let known = self.fargate.iter().position(|a| a.provider == provider && a.rate == *rate);
        let index = known.unwrap_or_else(|| {
            let usage = FargateUsage::default();
            self.fargate.push(FargateAccount { provider, rate: *rate, usage });
            self.fargate.len() - 1
        });
        self.fargate[index].usage.add(rate.os, task);
    }

    /// Adds one start of an instance that was `running` from `running` until `until`.
    ///
    /// Usage is split at price changes, so each price has a line of its own.
    pub fn instance(
        &mut self,
        provider: ProviderId,
        instance_type: &str,
        purchase: Purchase,
        price: &Price,
        running: SimTime,
        until: SimTime,
    ) {
        self.start(
            provider,
            instance_type,
            Category::of_instances(purchase),
            price,
            running,
            until,
        );
    }

    /// Adds the fee for one start of an instance.
    pub fn instance_fee(
        &mut self,
        provider: ProviderId,
        instance_type: &str,
        fee: Fee,
        running: SimTime,
        until: SimTime,
    ) {
        let price = Price::Fixed(fee.rate);
        self.start(provider, instance_type, fee.category, &price, running, until);
    }

    fn start(
        &mut self,
        provider: ProviderId,
        instance_type: &str,
        category: Category,
        price: &Price,
        running: SimTime,
        until: SimTime,
    ) {
        let types = self.instances.entry((provider, category)).or_default();
        if !types.contains_key(instance_type) {
            types.insert(instance_type.to_owned(), BTreeMap::new());
        }
        let usage = types.get_mut(instance_type).expect("inserted above");
        for (rate, span) in price.pieces(running, running + ec2_billed(running, until)) {
            *usage.entry(rate).or_default() += u128::from(span.0);
        }
    }

    /// Adds the usage of another bill, such as that of another part of the same run.
    pub fn merge(&mut self, other: &Bill) {
        for account in &other.fargate {
            let mine = self
                .fargate
                .iter_mut()
                .find(|a| a.provider == account.provider && a.rate == account.rate);
            match mine {
                Some(mine) => mine.usage.merge(account.usage),
                None => self.fargate.push(account.clone()),
            }
        }
        for (&key, types) in &other.instances {
            let mine = self.instances.entry(key).or_default();
            for (name, rates) in types {
                let mine = mine.entry(name.clone()).or_default();
                for (&rate, &micros) in rates {
                    *mine.entry(rate).or_default() += micros;
                }
            }
        }
    }

    /// Charges the usage: lines in order of provider, category, item and price.
    #[must_use]
    pub fn invoice(&self) -> Invoice {
        let mut usage: BTreeMap<(ProviderId, Category, String, HourlyRate), u128> = BTreeMap::new();
        let mut add = |provider, category, item: &str, rate, amount: u128| {
            if amount > 0 {
                *usage.entry((provider, category, item.to_owned(), rate)).or_default() += amount;
            }
        };
        for (&(provider, category), types) in &self.instances {
            for (name, rates) in types {
                for (&rate, &micros) in rates {
                    add(provider, category, name, rate, micros);
                }
            }
        }
        for account in &self.fargate {
            let item = platform_name(&account.rate);
            for (category, rate, amount) in fargate_lines(account) {
                add(account.provider, category, &item, rate, amount);
            }
        }
        let lines = usage.into_iter().map(|((provider, category, item, rate), usage)| {
            let usd = rate.charge_parts(usage, category.parts());
            let (provider, service) = (Some(provider), String::new());
            let (is_idle, under) = (false, None);
            let off = NanoUsd::ZERO;
            Line { provider, service, is_idle, category, item, usage, rate, usd, off, under }
        });
        Invoice { lines: lines.collect() }
    }
}

/// The item of a Fargate line: `linux/x86_64`.
pub(super) fn platform_name(rate: &FargateRate) -> String {
    format!("{}/{}", rate.os.attribute_value(), rate.architecture.attribute_value())
}

pub(super) fn fargate_lines(account: &FargateAccount) -> Vec<(Category, HourlyRate, u128)> {
    let FargateAccount { rate, usage, .. } = account;
    let [vcpu, memory, ephemeral] = match rate.purchase {
        Purchase::Spot => {
            [Category::FargateSpotVcpu, Category::FargateSpotMemory, Category::FargateSpotEphemeral]
        }
        _ => [Category::FargateVcpu, Category::FargateMemory, Category::FargateEphemeral],
    };
    let mut lines = vec![
        (vcpu, rate.vcpu, usage.cpu_unit_micros),
        (memory, rate.memory_gb, usage.mib_micros),
        (ephemeral, rate.ephemeral_gb, usage.ephemeral_gb_micros),
    ];
    if rate.licence_vcpu != HourlyRate::default() {
        lines.push((Category::FargateWindowsLicence, rate.licence_vcpu, usage.cpu_unit_micros));
    }
    lines
}

/// One line of the bill.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Capacity provider; none for what is left of commitments.
    pub provider: Option<ProviderId>,
    /// Service that the usage belongs to; empty where the bill is not split by service, and for tasks of callers.
    pub service: String,
    /// Whether it is time of instances that no task was promised.
    pub is_idle: bool,
    /// What is charged for.
    pub category: Category,
    /// Instance type, or platform of Fargate tasks such as `linux/x86_64`.
    pub item: String,
    /// Usage in part-microseconds of the priced unit, or bytes; always above zero.
    pub usage: u128,
    /// Price of one unit for an hour; of side costs also for a month, or of a GB.
    pub rate: HourlyRate,
    /// Usage times price, rounded once, half to even; less [`Line::off`].
    pub usd: NanoUsd,
    /// What a private discount takes off.
    pub off: NanoUsd,
    /// The commitment that covers it, or that nobody used so much of.
    pub under: Option<Covering>,
}

/// A commitment behind a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Covering {
    /// Its name.
    pub commitment: String,
    /// What it is, such as `compute_savings_plan`.
    pub kind: &'static str,
    /// What a unit costs without it, for so long as [`Line::rate`] says.
    pub list: HourlyRate,
}

impl Line {
    /// What it costs without a private discount.
    #[must_use]
    pub fn public_usd(&self) -> NanoUsd {
        self.usd + self.off
    }

    /// What so much of the usage costs.
    #[must_use]
    pub fn charge(&self, usage: u128) -> NanoUsd {
        let usage = if canary::breaks("bill") { usage + usage / 1_000 } else { usage };
        self.rate.charge_by(usage, self.category.divisor())
    }

    /// The quantity in [`Category::unit`], exactly, without trailing zeros: `usd = quantity / 3600 · rate`; by 730 more where
    /// the price is for a month.
    ///
    /// It is in seconds because an hour has no finite decimal share of most seconds.
    #[must_use]
    pub fn quantity(&self) -> String {
        // A 1,024th has ten binary, and so ten decimal, places: 1 / 1024 = 9765625 / 10^10.
        let (numerator, places) = match self.category {
            Category::Side(cost) if cost.per() == Per::Gb => (1, 0),
            of if of.parts() == 1 => (1, 6),
            _ => (9_765_625, 16),
        };
        let scaled = self.usage.checked_mul(numerator).expect("a quantity fits 128 bits");
        let unit = 10u128.pow(places);
        if places == 0 {
            return scaled.to_string();
        }
        let fraction = format!("{:0width$}", scaled % unit, width = places as usize);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{}{point}{fraction}", scaled / unit)
    }

    /// How many priced units, such as hours of an instance: `usd = priced · rate`. To twelve decimals, rounded down.
    #[must_use]
    pub fn priced(usage: u128, category: Category) -> String {
        const PLACES: u128 = 1_000_000_000_000;
        let divisor = category.divisor();
        let (whole, rest) = (usage / divisor, usage % divisor);
        let fraction = format!("{:012}", rest.saturating_mul(PLACES) / divisor);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{whole}{point}{fraction}")
    }

    /// The quantity in hours of the unit as a float, for people's tables only.
    #[must_use]
    pub fn quantity_hours(&self) -> f64 {
        let unit_hour = (self.category.parts() * u128::from(MICROS_PER_SECOND) * 3600) as f64;
        self.usage as f64 / unit_hour
    }
}

/// A finished bill.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Invoice {
    /// Lines in order of provider, category, item and price.
    pub lines: Vec<Line>,
}

impl Invoice {
    /// The sum of the lines.
    #[must_use]
    pub fn total(&self) -> NanoUsd {
        self.lines.iter().map(|line| line.usd).sum()
    }

    /// The sum of the lines by whatever `key` says of them, in order of the key; the sums add up to the total.
    pub fn sum_by<K: Ord>(&self, key: impl Fn(&Line) -> K) -> BTreeMap<K, NanoUsd> {
        let mut sums = BTreeMap::new();
        for line in &self.lines {
            *sums.entry(key(line)).or_insert(NanoUsd::ZERO) += line.usd;
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimSpan;
    use crate::model::platform::{Architecture, OperatingSystem};

    fn at(seconds: u64) -> SimTime {
        SimTime(SimSpan::from_secs(seconds).0)
    }

    #[test]
    fn the_lines_have_a_defined_order_and_sum_to_the_total() {
        let rate = FargateRate {
            os: OperatingSystem::Linux,
            architecture: Architecture::X86_64,
            purchase: Purchase::OnDemand,
            vcpu: HourlyRate::parse("0.04048").unwrap(),
            memory_gb: HourlyRate::parse("0.004445").unwrap(),
            ephemeral_gb: HourlyRate::parse("0.000111").unwrap(),
            licence_vcpu: HourlyRate::default(),
        };
        let task = FargateTask {
            cpu: 256,
            memory: 512,
            ephemeral_gib: 21,
            pull_started: at(0),
            stopped: at(90) + SimSpan(1),
        };
        let fixed = Price::Fixed(HourlyRate::parse("0.096").unwrap());
        let mut bill = Bill::new();
        bill.fargate_task(ProviderId(1), &rate, &task);
        bill.instance(ProviderId(0), "m5.large", Purchase::Spot, &fixed, at(0), at(3600));
        bill.instance(ProviderId(0), "m5.large", Purchase::OnDemand, &fixed, at(0), at(3600));
        bill.instance(ProviderId(0), "c5.large", Purchase::OnDemand, &fixed, at(0), at(1));
        let invoice = bill.invoice();
        let text: Vec<String> = invoice
            .lines
            .iter()
            .map(|l| {
                let (category, unit) = (l.category.name(), l.category.unit());
                let (quantity, rate, usd) = (l.quantity(), l.rate, l.usd);
                let provider = l.provider.map_or(99, |id| id.0);
                format!("{provider} {category} {} {quantity} {unit} {rate} {usd}", l.item)
            })
            .collect();
        // The task is billed 91 s: 0.25 vCPU, 0.5 GB, and 1 GB of storage above the included 20.
        insta::assert_snapshot!(text.join("\n"), @r"
        0 ec2_on_demand c5.large 60 instance-seconds 0.096 0.001600000
        0 ec2_on_demand m5.large 3600 instance-seconds 0.096 0.096000000
        0 ec2_spot m5.large 3600 instance-seconds 0.096 0.096000000
        1 fargate_vcpu linux/x86_64 22.75 vcpu-seconds 0.04048 0.000255811
        1 fargate_memory linux/x86_64 45.5 gb-seconds 0.004445 0.000056180
        1 fargate_ephemeral linux/x86_64 91 gb-seconds 0.000111 0.000002806
        ");
        assert_eq!(invoice.total(), invoice.sum_by(|l| l.category).into_values().sum());
        assert_eq!(invoice.sum_by(|l| l.provider).len(), 2);
    }

    #[test]
    fn free_storage_and_an_empty_bill_have_no_line() {
        assert_eq!(Bill::new().invoice(), Invoice::default());
        assert_eq!(Bill::new().invoice().total(), NanoUsd::ZERO);
    }
}
