//! The commitment that would have been best for a run: an exact answer, since its cost is convex in the commitment.

use super::plan::SavingsPlan;
use super::{Commitment, FINE, FINE_HOUR, Usage, of_hours};
use crate::base::money::{HourlyRate, NanoUsd};
use crate::base::time::SimSpan;

/// The best commitment of one plan, and what it comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BestPlan {
    /// Dollars an hour; zero where no commitment saves anything.
    pub commitment: HourlyRate,
    /// Commitment and what it leaves at list prices, over the run.
    pub usd: NanoUsd,
    /// The same without any commitment.
    pub without: NanoUsd,
}

/// A stretch of an hour's usage under the plan.
#[derive(Clone, Copy)]
struct Step {
    hour: usize,
    /// Commitment that covers it to its end, in nano-dollars an hour.
    upto: u64,
    /// What a dollar more an hour saves in it, in dollar-microseconds times [`SCALE`].
    saves: u128,
}

/// Resolution of what a dollar saves.
const SCALE: u128 = 1 << 20;

/// The commitment to `plan`'s kind, at its rates, that makes `usage` cheapest. The plan's own commitment plays no part.
///
/// A dollar more an hour costs a dollar every hour, and saves in each hour what the last unit that it reaches costs more at
/// list price; since an hour is covered from the highest discount down, that saving only falls. So the best commitment is
/// the last at which the savings of all hours are above what it costs.
#[must_use]
pub fn best_plan(plan: &SavingsPlan, usage: &[Usage], lengths: &[SimSpan]) -> BestPlan {
    let steps = steps(plan, usage, lengths);
    let commitment = HourlyRate(last_worth_it(steps, lengths));
    let of = |commitment| plan_cost(&SavingsPlan { commitment, ..plan.clone() }, usage, lengths);
    let (without, with) = (of(HourlyRate(0)), of(commitment));
    if with < without {
        BestPlan { commitment, usd: with, without }
    } else {
        BestPlan { commitment: HourlyRate(0), usd: without, without }
    }
}

fn steps(plan: &SavingsPlan, usage: &[Usage], lengths: &[SimSpan]) -> Vec<Step> {
    let offers = plan.offers(usage);
    let mut steps = Vec::new();
    for (hour, length) in lengths.iter().enumerate().filter(|(_, length)| length.0 > 0) {
        let mut reached = 0;
        for offer in offers.iter().filter(|offer| offer.rate.0 > 0) {
            let amount = usage[offer.usage].amount[hour];
            if amount > 0 {
                reached += amount * offer.weight;
                let upto = reached.div_ceil(u128::from(length.0) * FINE);
                let list = u128::from(usage[offer.usage].list.0);
                let saves = u128::from(length.0) * SCALE * list / u128::from(offer.rate.0);
                steps.push(Step { hour, upto: u64::try_from(upto).unwrap_or(u64::MAX), saves });
            }
        }
    }
    steps
}

/// The largest commitment at which another dollar an hour saves more than it costs.
fn last_worth_it(mut steps: Vec<Step>, lengths: &[SimSpan]) -> u64 {
    // From the highest end down: below a step's end its hour saves what the step does, no longer what the step above did.
    steps.sort_by_key(|step| std::cmp::Reverse(step.upto));
    let costs = of_hours(lengths) * SCALE;
    let mut saves_in = vec![0; lengths.len()];
    let mut saves = 0;
    for step in steps {
        saves = saves - saves_in[step.hour] + step.saves;
        saves_in[step.hour] = step.saves;
        if saves > costs {
            return step.upto;
        }
    }
    0
}

/// What `plan`'s commitment costs over the run, and what it leaves of `usage` at list prices.
#[must_use]
pub fn plan_cost(plan: &SavingsPlan, usage: &[Usage], lengths: &[SimSpan]) -> NanoUsd {
    let mut left: Vec<Vec<u128>> = usage.iter().map(|one| one.amount.clone()).collect();
    let outcome = plan.apply(Commitment::Plan(plan), usage, &mut left, lengths);
    let rest = |(one, left): (&Usage, Vec<u128>)| {
        u128::from(one.list.0) * (FINE / one.parts) * left.into_iter().sum::<u128>()
    };
    let list: u128 = usage.iter().zip(left).map(rest).sum();
    NanoUsd::from_ratio(outcome.pool + list, FINE_HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::commitments::{PlanKind, PlanRates, Subject};

    /// Four hours with 1, 2, 3 and 4 instances at a dollar, 30 % off: an hour's worth of the n-th instance is used in
    /// 5 - n hours. The first two cost 4 · 0.70 each and replace 4 and 3 dollars; the third would cost 2.80 for 2.
    #[test]
    fn a_commitment_pays_where_it_is_used_often_enough() {
        const HOUR: u128 = 3_600_000_000;
        let lengths = [SimSpan(HOUR as u64); 4];
        let usage = [Usage {
            subject: Subject::Instances("m5.large".into(), None),
            list: HourlyRate(1_000_000_000),
            parts: 1,
            amount: vec![HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR],
        }];
        let plan = SavingsPlan {
            name: "p".into(),
            kind: PlanKind::Compute,
            commitment: HourlyRate(0),
            rates: PlanRates { instances: 300_000, ..PlanRates::default() },
        };
        let best = best_plan(&plan, &usage, &lengths);
        assert_eq!(best.commitment, HourlyRate(1_400_000_000));
        assert_eq!(best.without, NanoUsd(10_000_000_000));
        assert_eq!(best.usd, NanoUsd(5_600_000_000 + 3_000_000_000));
        // Hill climbing by hand finds no better one.
        for nano in (0..40).map(|tenth| tenth * 100_000_000) {
            let other = SavingsPlan { commitment: HourlyRate(nano), ..plan.clone() };
            assert!(plan_cost(&other, &usage, &lengths) >= best.usd, "{nano}");
        }
    }
}
