//! What is paid in the end: private discounts by category, and the currency of the invoice.
//!
//! A discount is taken off closed lines, off whatever price they are at: list, Spot or under a commitment; what commitments
//! cover is decided before. Each category is rounded once a step, half to even, to a billionth of a dollar or of the currency:
//! its lines, and their hours, are differences of running totals, so that they sum to the rounded category exactly.

use super::commitments::{BestPlan, Usage, best_plan};
use super::invoice::Category;
use super::settle::{Closed, HourlyBill};
use super::side::SideCost;
use crate::base::money::{HourlyRate, NanoUsd};
use std::collections::BTreeMap;

/// Parts of a percent that a discount is known to.
pub const PERCENT_PARTS: u32 = 1_000_000;
/// A discount of everything.
const WHOLE: u32 = 100 * PERCENT_PARTS;
/// Decimals of [`WHOLE`].
const WHOLE_PLACES: usize = 8;
/// Parts of a unit of a currency.
const NANO: u128 = 1_000_000_000;
/// What every category begins with.
pub const ALL: &str = "all";
/// First words of categories that are no category themselves, and all.
pub const GROUPS: [&str; 6] = [ALL, "ec2", "fargate", "fargate_spot", "ebs", "log"];

/// A discount on public prices.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Discount {
    /// A category as `cost.csv` names it, or one of [`GROUPS`]; it is of all categories that begin with its words.
    pub category: String,
    /// Millionths of a percent, at most 100 %.
    pub parts: u32,
}

/// What the invoice is paid in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Currency {
    /// Its code by ISO 4217.
    pub code: &'static str,
    /// Billionths of it for a dollar; above zero.
    pub nanos_per_usd: u64,
}

/// What was agreed on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Terms {
    /// In any order: of those that a category is in, that of the most words holds.
    pub discounts: Vec<Discount>,
    /// US dollars where there is none.
    pub currency: Option<Currency>,
}

/// A category on the invoice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvoicedCategory {
    /// The category.
    pub category: Category,
    /// What it costs without a private discount.
    pub public: NanoUsd,
    /// Its discount, millionths of a percent.
    pub parts: u32,
    /// What that is.
    pub off: NanoUsd,
    /// What is left, in billionths of the currency.
    pub nanos: i128,
}

impl InvoicedCategory {
    /// What is left: its lines of the bill.
    #[must_use]
    pub fn usd(&self) -> NanoUsd {
        self.public - self.off
    }
}

/// An invoice as it is paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invoiced {
    /// Categories with usage, in order.
    pub rows: Vec<InvoicedCategory>,
    /// What it is paid in; US dollars where there is none.
    pub currency: Option<Currency>,
}

impl Discount {
    fn covers(&self, category: &str) -> bool {
        let rest = category.strip_prefix(self.category.as_str());
        self.category == ALL || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    }

    /// `all` is less than any first word.
    fn is_of(&self) -> usize {
        if self.category == ALL { 0 } else { self.category.len() }
    }
}

/// What a discount may be on: every category as `cost.csv` names it, and groups of them.
pub fn names() -> impl Iterator<Item = &'static str> {
    let compute = Category::COMPUTE.iter().map(|category| category.name());
    GROUPS.into_iter().chain(compute).chain(SideCost::ALL.iter().map(|cost| cost.name()))
}

impl Terms {
    /// Whether public prices in dollars are what is paid.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.discounts.is_empty() && self.currency.is_none()
    }

    /// The discount of a category, millionths of a percent.
    #[must_use]
    pub fn parts_of(&self, category: Category) -> u32 {
        let covering = self.discounts.iter().filter(|discount| discount.covers(category.name()));
        covering.max_by_key(|discount| discount.is_of()).map_or(0, |discount| discount.parts)
    }

    /// What is left of an amount of a category.
    #[must_use]
    pub fn discounted(&self, category: Category, usd: NanoUsd) -> NanoUsd {
        usd - share(usd, self.parts_of(category).into(), WHOLE.into())
    }

    /// The least of public prices that is paid of anything, for bounds; 1 without discounts.
    #[must_use]
    pub fn least_share(&self) -> f64 {
        let most = self.discounts.iter().map(|discount| discount.parts).max().unwrap_or(0);
        1.0 - f64::from(most) / f64::from(WHOLE)
    }

    /// Takes discounts off a closed bill, and says what is paid of it; `None` where nothing was agreed on.
    pub fn apply(&self, closed: &mut Closed) -> Option<Invoiced> {
        if self.is_empty() {
            return None;
        }
        let public = closed.invoice.sum_by(|line| line.category);
        if !self.discounts.is_empty() {
            self.take_off(closed);
        }
        let mut paid = closed.invoice.sum_by(|line| line.category);
        let of_category = |(category, public): (Category, NanoUsd)| {
            let usd = paid.remove(&category).unwrap_or_default();
            let (parts, off) = (self.parts_of(category), public - usd);
            InvoicedCategory { category, public, parts, off, nanos: self.exchanged(usd) }
        };
        let rows = public.into_iter().map(of_category).collect();
        Some(Invoiced { rows, currency: self.currency })
    }

    fn take_off(&self, closed: &mut Closed) {
        let mut running: BTreeMap<Category, NanoUsd> = BTreeMap::new();
        let hours = closed.by_hour.as_ref().map_or(0, |by_hour| by_hour.lines.len());
        let mut off = Vec::with_capacity(hours);
        for (index, line) in closed.invoice.lines.iter_mut().enumerate() {
            let parts = self.parts_of(line.category);
            let upto = running.entry(line.category).or_default();
            if let Some(HourlyBill { lines, .. }) = &mut closed.by_hour {
                off.push(take_off_each(&mut lines[index], parts, *upto));
            }
            line.off = share_between(parts, *upto, line.usd);
            *upto += line.usd;
            line.usd -= line.off;
        }
        if let Some(by_hour) = &mut closed.by_hour {
            by_hour.off = off;
        }
        let Some(settlement) = &mut closed.settlement else { return };
        self.take_off_prices(&mut settlement.rest.usage);
        // What a plan covers has the discount of what it covers: how much of it is best stays, what it saves is less.
        if let (Some((plan, usage)), Some(best)) = (&mut settlement.offer, &mut settlement.best) {
            self.take_off_prices(usage);
            let BestPlan { usd, without, .. } = best_plan(plan, usage, &settlement.rest.lengths);
            *best = BestPlan { usd, without, ..*best };
        }
    }

    fn take_off_prices(&self, usage: &mut [Usage]) {
        for of in usage {
            let left = WHOLE - self.parts_of(of.subject.category());
            let list = share(NanoUsd(of.list.0.into()), left.into(), WHOLE.into());
            of.list = HourlyRate(u64::try_from(list.0).unwrap_or(of.list.0));
        }
    }

    /// An amount in billionths of the currency, rounded half to even; the amount itself where that is the dollar.
    #[must_use]
    pub fn exchanged(&self, usd: NanoUsd) -> i128 {
        self.currency.map_or(usd, |of| share(usd, of.nanos_per_usd.into(), NANO)).0
    }

    /// A price after a discount, in the currency: exactly, without trailing zeros.
    #[must_use]
    pub fn unit_price(&self, rate: HourlyRate, parts: u32) -> String {
        let (mut value, mut places) = (u128::from(rate.0), 9);
        let factors = [
            (u128::from(WHOLE - parts.min(WHOLE)), WHOLE_PLACES),
            (self.currency.map_or(NANO, |of| of.nanos_per_usd.into()), 9),
        ];
        for (mut factor, mut more) in factors {
            while more > 0 && factor % 10 == 0 {
                (factor, more) = (factor / 10, more - 1);
            }
            value = value.checked_mul(factor).expect("a price in a currency fits 128 bits");
            places += more;
        }
        let unit = 10u128.pow(places as u32);
        let fraction = format!("{:0places$}", value % unit);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{}{point}{fraction}", value / unit)
    }

    /// The code of the currency.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.currency.map_or("USD", |currency| currency.code)
    }
}

/// Takes a discount off amounts that come after `upto`; what is taken off each.
fn take_off_each(amounts: &mut [NanoUsd], parts: u32, mut upto: NanoUsd) -> Vec<NanoUsd> {
    let take = |amount: &mut NanoUsd| {
        let off = share_between(parts, upto, *amount);
        upto += *amount;
        *amount -= off;
        off
    };
    amounts.iter_mut().map(take).collect()
}

/// The discount of an amount that comes after others of its category.
fn share_between(parts: u32, upto: NanoUsd, amount: NanoUsd) -> NanoUsd {
    let discount = |of| share(of, parts.into(), WHOLE.into());
    discount(upto + amount) - discount(upto)
}

/// Amounts of the bill as parts of what is paid in a currency: those of a category add up to what its row of the invoice says.
#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    terms: &'a Terms,
    upto: BTreeMap<Category, NanoUsd>,
}

impl<'a> Exchange<'a> {
    /// Of nothing so far.
    #[must_use]
    pub fn new(terms: &'a Terms) -> Exchange<'a> {
        Exchange { terms, upto: BTreeMap::new() }
    }

    /// What the next amount of a category is, in billionths of the currency.
    pub fn next(&mut self, category: Category, usd: NanoUsd) -> NanoUsd {
        let upto = self.upto.entry(category).or_default();
        let before = self.terms.exchanged(*upto);
        *upto += usd;
        NanoUsd(self.terms.exchanged(*upto) - before)
    }
}

impl Invoiced {
    /// What it is without private discounts.
    #[must_use]
    pub fn public(&self) -> NanoUsd {
        self.rows.iter().map(|row| row.public).sum()
    }

    /// What discounts take off.
    #[must_use]
    pub fn off(&self) -> NanoUsd {
        self.rows.iter().map(|row| row.off).sum()
    }

    /// What is left, in billionths of the currency.
    #[must_use]
    pub fn nanos(&self) -> i128 {
        self.rows.iter().map(|row| row.nanos).sum()
    }
}

/// `numerator / denominator` of an amount, rounded half to even. No line of a bill is negative.
fn share(of: NanoUsd, numerator: u128, denominator: u128) -> NanoUsd {
    let product = of.0.max(0).unsigned_abs().checked_mul(numerator);
    NanoUsd::from_ratio(
        product.expect("a bill times a rate of exchange fits 128 bits"),
        denominator,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::{Invoice, Line};

    /// A line of each amount, all of it in two hours: a third in the first.
    fn bill(lines: &[(Category, i128)]) -> Closed {
        let line = |&(category, usd): &(Category, i128)| Line {
            provider: None,
            service: String::new(),
            is_idle: false,
            category,
            item: String::new(),
            usage: 1,
            rate: HourlyRate(1),
            usd: NanoUsd(usd),
            off: NanoUsd::ZERO,
            under: None,
        };
        let hours = |&(_, usd): &(Category, i128)| [usd / 3, usd - usd / 3].map(NanoUsd).to_vec();
        let by_hour = HourlyBill {
            begins: Vec::new(),
            lines: lines.iter().map(hours).collect(),
            off: Vec::new(),
        };
        Closed {
            invoice: Invoice { lines: lines.iter().map(line).collect() },
            by_hour: Some(by_hour),
            settlement: None,
        }
    }

    fn discount(category: &str, percent: u32) -> Discount {
        Discount { category: category.into(), parts: percent * PERCENT_PARTS }
    }

    #[test]
    fn the_discount_of_the_most_words_holds() {
        let discounts =
            vec![discount("fargate", 20), discount("all", 5), discount("fargate_spot", 0)];
        let terms = Terms { discounts, currency: None };
        let of = |category| terms.parts_of(category) / PERCENT_PARTS;
        assert_eq!(of(Category::FargateVcpu), 20);
        assert_eq!(of(Category::FargateSpotVcpu), 0);
        assert_eq!(of(Category::Ec2OnDemand), 5);
        assert_eq!(terms.least_share(), 0.8);
        // Words, not letters.
        assert!(!discount("fargate_s", 1).covers("fargate_spot_vcpu"));
        assert!(discount("nat_gateway", 1).covers("nat_gateway_data"));
    }

    #[test]
    fn each_category_is_rounded_once_and_lines_and_hours_sum_to_it() {
        let currency = Some(Currency { code: "EUR", nanos_per_usd: 500_000_000 });
        let terms = Terms { discounts: vec![discount("ec2", 10)], currency };
        let lines = [
            (Category::Ec2OnDemand, 12),
            (Category::Ec2OnDemand, 3),
            (Category::Ec2Spot, 25),
            (Category::FargateVcpu, 7),
        ];
        let mut closed = bill(&lines);
        let invoiced = terms.apply(&mut closed).unwrap();
        let rows: Vec<_> =
            invoiced.rows.iter().map(|row| (row.public.0, row.off.0, row.nanos)).collect();
        // A tenth of 15 is 1.5, to even 2, and half of 13 6.5, to even 6; of 25 2.5, 2, and half of 23 11.5, 12.
        assert_eq!(rows, [(15, 2, 6), (25, 2, 12), (7, 0, 4)]);
        assert_eq!((invoiced.public().0, invoiced.off().0, invoiced.nanos()), (47, 4, 22));
        assert_eq!(closed.invoice.total().0, 43);
        let by_hour = closed.by_hour.unwrap();
        let mut exchange = Exchange::new(&terms);
        let mut paid: BTreeMap<Category, i128> = BTreeMap::new();
        for (line, (hours, off)) in
            closed.invoice.lines.iter().zip(by_hour.lines.iter().zip(&by_hour.off))
        {
            assert_eq!(hours.iter().copied().sum::<NanoUsd>(), line.usd);
            assert_eq!(off.iter().copied().sum::<NanoUsd>(), line.off);
            assert!(hours.iter().chain(off).all(|usd| usd.0 >= 0));
            for usd in hours {
                *paid.entry(line.category).or_default() += exchange.next(line.category, *usd).0;
            }
        }
        assert_eq!(paid.into_values().collect::<Vec<_>>(), [6, 12, 4]);
        assert_eq!(Terms::default().apply(&mut bill(&lines)), None);
    }

    #[test]
    fn a_unit_price_is_exact() {
        let rate = HourlyRate::parse("0.0416").unwrap();
        let dollars = Terms::default();
        assert_eq!(dollars.unit_price(rate, 0), "0.0416");
        assert_eq!(dollars.unit_price(rate, 12 * PERCENT_PARTS + PERCENT_PARTS / 2), "0.0364");
        let currency = Some(Currency { code: "JPY", nanos_per_usd: 149_123_456_789 });
        let yen = Terms { discounts: Vec::new(), currency };
        assert_eq!(yen.unit_price(rate, PERCENT_PARTS), "6.141500444398176");
        assert_eq!(yen.unit_price(HourlyRate(0), 0), "0");
    }

    #[test]
    fn the_lists_of_categories_are_in_order_and_end_with_the_last() {
        assert!(Category::COMPUTE.windows(2).all(|two| two[0] < two[1]));
        assert!(SideCost::ALL.windows(2).all(|two| two[0] < two[1]));
        assert!(SideCost::ALL.iter().enumerate().all(|(at, cost)| *cost as usize == at));
        let all: std::collections::BTreeSet<_> = names().collect();
        assert_eq!(all.len(), GROUPS.len() + 23 + 19);
        // Each group has several.
        for group in GROUPS {
            let of = |name: &&&str| !GROUPS.contains(name) && discount(group, 1).covers(name);
            assert!(all.iter().filter(of).count() >= 2, "{group}");
        }
    }
}
