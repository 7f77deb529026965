//! Private discounts and the currency, from the text of a file.

use super::{Bill, Blocks, value};
use crate::support::services::Cells;
use crate::swarm::make::Dice;
use crate::swarm::tables::scaled;
use std::collections::BTreeMap;

/// What discounts of random files are on.
const ON: [&str; 7] = [
    "all",
    "ec2",
    "fargate",
    "fargate_spot",
    "ec2_on_demand",
    "ebs_volume",
    "fargate_vcpu_savings_plan",
];

/// A block of random discounts, now and then with a currency.
pub fn block(dice: &mut Dice) -> Vec<String> {
    let mut block = vec!["[invoice]".to_string()];
    let mut discounts = Vec::new();
    for category in ON {
        if dice.one_in(3) || category == "all" {
            let percent = dice.pick(&["0", "100", "7.5", "12.345678", "33.333333"]);
            discounts.push(format!("{{ category = \"{category}\", percent = {percent} }}"));
        }
    }
    block.push(format!("discount = [{}]", discounts.join(", ")));
    if dice.one_in(2) {
        let rate = dice.pick(&["0.9", "149.123456", "1.000000001"]);
        block.extend(["currency = \"JPY\"".to_string(), format!("per_usd = {rate}")]);
    }
    block
}

/// What was agreed on.
#[derive(Default)]
pub struct Terms {
    /// Category or group, and millionths of a percent.
    discounts: Vec<(String, i128)>,
    /// Billionths of the currency for a dollar.
    per_usd: i128,
}

/// `of * part / whole`, halves to the even neighbour; none is negative.
fn half_even(of: i128, part: i128, whole: i128) -> i128 {
    let product = of * part;
    let down = product / whole;
    match (2 * (product - down * whole)).cmp(&whole) {
        std::cmp::Ordering::Less => down,
        std::cmp::Ordering::Equal => down + down % 2,
        std::cmp::Ordering::Greater => down + 1,
    }
}

const HUNDRED: i128 = 100_000_000;

impl Terms {
    /// Of a file.
    pub fn of(blocks: &Blocks) -> Terms {
        let Some(block) = blocks.iter().find(|block| block[0] == "[invoice]") else {
            return Terms { discounts: Vec::new(), per_usd: 1_000_000_000 };
        };
        let entries = value(block, "discount").unwrap().split('{').skip(1);
        let entry = |text: &str| {
            let category = text.split('"').nth(1).unwrap().to_string();
            let percent = text.split("percent = ").nth(1).unwrap().split(' ').next().unwrap();
            (category, i128::from(scaled(percent, 6)))
        };
        let per_usd = value(block, "per_usd").map_or(1_000_000_000, |rate| scaled(rate, 9).into());
        Terms { discounts: entries.map(entry).collect(), per_usd }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.discounts.is_empty()
    }

    /// Tries the whole name, then one word less, and less; at last what is on all.
    fn parts(&self, category: &str) -> i128 {
        let find = |name: &str| self.discounts.iter().find(|one| one.0 == name).map(|one| one.1);
        let mut words: Vec<&str> = category.split('_').collect();
        while !words.is_empty() {
            if let Some(parts) = find(&words.join("_")) {
                return parts;
            }
            words.pop();
        }
        find("all").unwrap_or(0)
    }

    /// What is paid of so much, without rounding.
    pub fn paid(&self, category: &str, usd: f64) -> f64 {
        usd * (HUNDRED - self.parts(category)) as f64 / HUNDRED as f64
    }

    /// Where categories are not rounded once, to the nano-dollar and to the billionth of the currency.
    pub fn differences(&self, public: &Bill, paid: &Bill, invoice: &[Cells]) -> Vec<String> {
        let sums = |bill: &Bill| {
            let mut sums: BTreeMap<String, i128> = BTreeMap::new();
            bill.iter().for_each(|(key, usd)| *sums.entry(key[3].clone()).or_default() += usd);
            sums
        };
        let paid = sums(paid);
        let mut all = Vec::new();
        for (category, usd) in sums(public) {
            // Of addresses the slow biller knows a part only.
            if category == "public_ipv4" {
                continue;
            }
            let left = usd - half_even(usd, self.parts(&category), HUNDRED);
            let found = paid.get(&category).copied().unwrap_or(0);
            if found != left {
                all.push(format!("{category}: {found} is paid of {usd}, not {left}"));
            }
            let Some(row) = invoice.iter().find(|row| row["category"] == category) else {
                continue;
            };
            let told = ["undiscounted_usd", "usd", "invoiced"]
                .map(|column| i128::from(scaled(&row[column], 9)));
            let expected = [usd, left, half_even(left, self.per_usd, 1_000_000_000)];
            if told != expected {
                all.push(format!("{category}: {told:?} on the invoice, not {expected:?}"));
            }
        }
        all
    }
}
