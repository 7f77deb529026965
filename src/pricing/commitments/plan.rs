//! Savings Plans.

use super::units::family;
use super::{Commitment, FINE, FINE_HOUR, Offer, Outcome, Subject, Usage, of_hours, spend};
use crate::base::money::HourlyRate;
use crate::base::time::SimSpan;
use std::collections::BTreeMap;

/// Whole prices, in millionths.
const MILLION: u128 = 1_000_000;

/// Discounts in millionths that are assumed where a scenario gives none, for one and three years without upfront payment:
/// published samples give Fargate 20 to 22 and 45 %, instances under a Compute Savings Plan 20 to 29 and 43 to 48 %, and
/// under an EC2 Instance Savings Plan what a Standard Reserved Instance gives, 37 and 57 to 58 %.
pub const FARGATE_PLAN: [u32; 2] = [200_000, 450_000];
/// See [`FARGATE_PLAN`].
pub const COMPUTE_PLAN: [u32; 2] = [270_000, 450_000];
/// See [`FARGATE_PLAN`]; of Reserved Instances, too.
pub const INSTANCE_PLAN: [u32; 2] = [370_000, 580_000];

/// What a plan covers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PlanKind {
    /// EC2 of any kind, and Fargate.
    Compute,
    /// EC2 of one family in the region.
    Ec2Instance(String),
}

/// What usage costs under a plan.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PlanRates {
    /// Discount on instances, millionths of their On-Demand price.
    pub instances: u32,
    /// Discount on Fargate, likewise.
    pub fargate: u32,
    /// Prices that are given: of instance types.
    pub of_types: BTreeMap<String, HourlyRate>,
    /// Prices that are given: of a vCPU of Fargate by platform, as on the bill. AWS lists x86 and ARM apart.
    pub fargate_vcpu: BTreeMap<String, HourlyRate>,
    /// Of a GB of Fargate by platform.
    pub fargate_memory: BTreeMap<String, HourlyRate>,
}

/// A commitment to spend so much an hour at the rates of a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SavingsPlan {
    /// Name in outputs.
    pub name: String,
    /// What it covers.
    pub kind: PlanKind,
    /// Dollars an hour.
    pub commitment: HourlyRate,
    /// What usage costs under it.
    pub rates: PlanRates,
}

/// `list` less a discount in millionths, rounded half up to a nano-dollar.
#[must_use]
pub fn discounted(list: HourlyRate, discount: u32) -> HourlyRate {
    let rest = MILLION - u128::from(discount).min(MILLION);
    let rate = (u128::from(list.0) * rest + MILLION / 2) / MILLION;
    HourlyRate(u64::try_from(rate).unwrap_or(u64::MAX))
}

impl SavingsPlan {
    /// A Compute Savings Plan of a year without upfront payment, at the discounts that are assumed where nobody gives any.
    #[must_use]
    pub fn of_a_year() -> SavingsPlan {
        SavingsPlan {
            name: String::new(),
            kind: PlanKind::Compute,
            commitment: HourlyRate(0),
            rates: PlanRates {
                instances: COMPUTE_PLAN[0],
                fargate: FARGATE_PLAN[0],
                ..PlanRates::default()
            },
        }
    }

    fn rate(&self, usage: &Usage) -> Option<HourlyRate> {
        let given = match &usage.subject {
            Subject::Instances(name, _) | Subject::UnusedSlots(name, _) => {
                let is_covered = match &self.kind {
                    PlanKind::Compute => true,
                    PlanKind::Ec2Instance(of) => family(name) == of,
                };
                if !is_covered {
                    return None;
                }
                let given = self.rates.of_types.get(name).copied();
                given.unwrap_or_else(|| discounted(usage.list, self.rates.instances))
            }
            _ if self.kind != PlanKind::Compute => return None,
            Subject::FargateVcpu(platform) | Subject::FargateMemory(platform) => {
                let given = match usage.subject {
                    Subject::FargateVcpu(_) => &self.rates.fargate_vcpu,
                    _ => &self.rates.fargate_memory,
                };
                let given = given.get(platform).copied();
                given.unwrap_or_else(|| discounted(usage.list, self.rates.fargate))
            }
        };
        Some(given)
    }

    /// What it covers, in the order in which it does: the highest percentage of discount, then the lowest rate; unused
    /// slots of capacity reservations after everything that is used.
    pub(super) fn offers(&self, usage: &[Usage]) -> Vec<Offer> {
        let offer = |(index, one): (usize, &Usage)| {
            let rate = self.rate(one)?;
            // What costs no less under the plan is left alone.
            (rate < one.list).then(|| Offer {
                usage: index,
                rate,
                // What the plan gives for nothing takes next to nothing of it.
                weight: (u128::from(rate.0) * (FINE / one.parts)).max(1),
            })
        };
        let mut offers: Vec<Offer> = usage.iter().enumerate().filter_map(offer).collect();
        let share =
            |offer: &Offer| (u128::from(offer.rate.0), u128::from(usage[offer.usage].list.0));
        offers.sort_by(|a, b| {
            let ((a_rate, a_list), (b_rate, b_list)) = (share(a), share(b));
            let is_slot = |of: &Offer| matches!(usage[of.usage].subject, Subject::UnusedSlots(..));
            is_slot(a)
                .cmp(&is_slot(b))
                .then((a_rate * b_list).cmp(&(b_rate * a_list)).then(a_rate.cmp(&b_rate)))
        });
        offers
    }

    pub(super) fn apply<'a>(
        &self,
        commitment: Commitment<'a>,
        usage: &[Usage],
        left: &mut [Vec<u128>],
        lengths: &[SimSpan],
    ) -> Outcome<'a> {
        let each = u128::from(self.commitment.0) * FINE;
        let (covered, unused) = spend(each, &self.offers(usage), left, lengths);
        let hours = of_hours(lengths);
        let price = (1, FINE_HOUR);
        Outcome::new(commitment, (each * hours, unused), covered, (price, hours))
    }
}
