//! The bill as its charts show it: by the hour, by what and by whom, and from list prices down to what is paid.

use crate::base::money::{HourlyRate, NanoUsd};
use crate::base::time::SimTime;
use crate::model::platform::Purchase;
use crate::pricing::{Category, Invoiced, Line, Price};
use crate::scenario::Scenario;
use crate::sim::RunResult;
use std::collections::BTreeMap;

/// A name and its dollars in each hour.
pub type Part = (String, Vec<NanoUsd>);

/// A bill that was kept by the hour.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BillView {
    /// When each clock hour of the run begins.
    pub begins: Vec<SimTime>,
    /// When the run ends.
    pub end: SimTime,
    /// By category, in any order.
    pub by_category: Vec<Part>,
    /// By service, with callers and what is nobody's; empty where there are no services.
    pub by_service: Vec<Part>,
    /// By whether tasks had it.
    pub by_use: Vec<Part>,
    /// What is paid in a currency that is not the dollar: its code, and how much, in billionths.
    pub paid_in: Option<(&'static str, i128)>,
    /// From list prices to the bill.
    pub discounts: Discounts,
}

/// What lowers list prices, and what nobody used of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Discounts {
    /// All usage at On-Demand prices.
    pub list: NanoUsd,
    /// What Spot prices save, free first hours included; nothing of Spot instances whose On-Demand price the scenario does not
    /// say: those are at their own price in `list`, too.
    pub spot: NanoUsd,
    /// What usage that Reserved Instances cover costs less.
    pub reserved: NanoUsd,
    /// What usage that Savings Plans cover costs less.
    pub plans: NanoUsd,
    /// What of commitments nobody used, paid all the same.
    pub unused: NanoUsd,
    /// What private discounts take off.
    pub private: NanoUsd,
    /// What is paid: `list` less what is saved, and `unused`.
    pub bill: NanoUsd,
}

impl Discounts {
    /// Whether anything is taken off list prices, or paid for nothing.
    #[must_use]
    pub fn says_something(&self) -> bool {
        let all = [self.spot, self.reserved, self.plans, self.unused, self.private];
        all.iter().any(|usd| *usd != NanoUsd::ZERO)
    }
}

impl BillView {
    /// Of a finished run; `None` where its bill was not kept by the hour.
    #[must_use]
    pub fn of(scenario: &Scenario, result: &RunResult) -> Option<BillView> {
        let by_hour = result.by_hour.as_ref()?;
        let lines = || result.invoice.lines.iter().zip(&by_hour.lines);
        let has_services = !result.services.is_empty();
        let by_service = lines().filter(|_| has_services);
        Some(BillView {
            begins: by_hour.begins.clone(),
            end: result.end,
            by_category: parts(lines(), |line| line.category.label().to_string()),
            by_service: parts(by_service, |line| Owner::of(line).label().to_string()),
            by_use: parts(lines(), use_of),
            paid_in: result.invoiced.as_ref().and_then(paid_in),
            discounts: discounts(scenario, result),
        })
    }
}

fn paid_in(of: &Invoiced) -> Option<(&'static str, i128)> {
    of.currency.map(|currency| (currency.code, of.nanos()))
}

fn parts<'a>(
    lines: impl Iterator<Item = (&'a Line, &'a Vec<NanoUsd>)>,
    name: impl Fn(&Line) -> String,
) -> Vec<Part> {
    let mut parts: BTreeMap<String, Vec<NanoUsd>> = BTreeMap::new();
    for (line, hours) in lines {
        let own = parts.entry(name(line)).or_insert_with(|| vec![NanoUsd::ZERO; hours.len()]);
        own.iter_mut().zip(hours).for_each(|(own, usd)| *own += *usd);
    }
    parts.into_iter().collect()
}

/// Whose a line of the bill is, where there are services.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Owner {
    /// A service, by its name: its tasks, and what is charged for it alone.
    Service(String),
    /// Tasks of RunTask and StartTask.
    Callers,
    /// Charged beside compute, and no service's alone.
    Beside,
    /// Hours of commitments that nothing used.
    Unused,
    /// Time of instances that no task was promised.
    Idle,
}

impl Owner {
    /// That of a line.
    #[must_use]
    pub fn of(line: &Line) -> Owner {
        match line.service.as_str() {
            "" => Owner::unless_a_service(line),
            service => Owner::Service(service.to_string()),
        }
    }

    fn unless_a_service(line: &Line) -> Owner {
        match line.category {
            Category::ReservedUnused | Category::SavingsPlanUnused => Owner::Unused,
            Category::Side(_) => Owner::Beside,
            _ if line.is_idle => Owner::Idle,
            _ => Owner::Callers,
        }
    }

    /// As charts call it.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Owner::Service(name) => name,
            Owner::Callers => "tasks of callers",
            Owner::Beside => "beside compute",
            Owner::Unused => "commitments, unused",
            Owner::Idle => "idle instances",
        }
    }
}

/// Whether tasks had it, and if not, why.
fn use_of(line: &Line) -> String {
    match Owner::unless_a_service(line) {
        Owner::Callers => "tasks".to_string(),
        nobody => nobody.label().to_string(),
    }
}

fn discounts(scenario: &Scenario, result: &RunResult) -> Discounts {
    let private = result.invoiced.as_ref().map_or(NanoUsd::ZERO, Invoiced::off);
    let bill = result.invoice.total();
    let mut all = Discounts { bill, private, ..Discounts::default() };
    for line in &result.invoice.lines {
        let at = |rate: HourlyRate| Line { rate, ..line.clone() }.charge(line.usage);
        let public = line.public_usd();
        let saved = match (line.category, &line.under) {
            (Category::ReservedUnused | Category::SavingsPlanUnused, _) => {
                all.unused += public;
                continue;
            }
            (Category::Ec2Reserved | Category::CapacityUnusedReserved, Some(under)) => {
                let saved = at(under.list) - public;
                all.reserved += saved;
                saved
            }
            (_, Some(under)) => {
                let saved = at(under.list) - public;
                all.plans += saved;
                saved
            }
            (_, None) => {
                let saved =
                    on_demand(line, scenario).map_or(NanoUsd::ZERO, |rate| at(rate) - public);
                all.spot += saved;
                saved
            }
        };
        all.list += public + saved;
    }
    all
}

/// The On-Demand price of what is bought as Spot, where the scenario says it.
fn on_demand(line: &Line, scenario: &Scenario) -> Option<HourlyRate> {
    let of_fargate = || {
        let platform = |rate: &&crate::model::fargate::FargateRate| {
            let (os, architecture) =
                (rate.os.attribute_value(), rate.architecture.attribute_value());
            rate.purchase == Purchase::OnDemand && line.item == format!("{os}/{architecture}")
        };
        scenario.setup.fargate.rates.iter().find(platform)
    };
    match line.category {
        Category::FargateSpotVcpu => Some(of_fargate()?.vcpu),
        Category::FargateSpotMemory => Some(of_fargate()?.memory_gb),
        Category::FargateSpotEphemeral => Some(of_fargate()?.ephemeral_gb),
        Category::Ec2Spot => {
            // Offers of a group that mixes have the On-Demand price beside that of their Spot pools.
            let mut groups = scenario.setup.groups.iter();
            let group =
                groups.find(|of| Some(of.provider) == line.provider && of.mixed.is_some())?;
            let is_it = |registered: &str| registered == line.item;
            let offer = group.offers.iter().find(|of| is_it(&of.registration.instance_type))?;
            match offer.price {
                Price::Fixed(rate) => Some(rate),
                Price::Steps(_) => None,
            }
        }
        _ => None,
    }
}
