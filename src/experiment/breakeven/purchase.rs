//! What capacity costs however it is bought: of each commitment as much as would have been best for the run.
//!
//! A run says how many instances and tasks there were in each hour; what a commitment would have saved follows from it
//! exactly, without another run.

use crate::base::money::{HourlyRate, NanoUsd};
use crate::pricing::Uncovered;
use crate::pricing::commitments::{
    COMPUTE_PLAN, FARGATE_PLAN, INSTANCE_PLAN, PlanKind, PlanRates, SavingsPlan, Subject,
    best_plan, family,
};
use std::collections::BTreeSet;

/// What is committed to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Terms {
    /// A Compute Savings Plan: discounts on instances and on Fargate, millionths.
    Compute(u32, u32),
    /// An EC2 Instance Savings Plan for each family: the rates of Standard Reserved Instances. Nothing for Fargate.
    Instance(u32),
}

/// A way to buy capacity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Purchase {
    /// Its name in tables, as it was asked for.
    pub name: String,
    terms: Terms,
}

impl Purchase {
    /// From `compute-1y`, `compute-3y`, `instance-1y` or `instance-3y`, at the discounts that are assumed where a scenario
    /// gives none; or with discounts of your own in percent, `compute:27:20` (instances, Fargate) and `instance:41.2`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Purchase, String> {
        let years = |text: &str| ["1y", "3y"].iter().position(|term| *term == text);
        let percents: Vec<&str> = text.split(':').skip(1).collect();
        let terms = match (text.split(':').next().unwrap_or_default(), &percents[..]) {
            ("compute", [ec2, fargate]) => Terms::Compute(discount(ec2)?, discount(fargate)?),
            ("instance", [ec2]) => Terms::Instance(discount(ec2)?),
            (name, []) => match name.split_once('-').map(|(kind, term)| (kind, years(term))) {
                Some(("compute", Some(term))) => {
                    Terms::Compute(COMPUTE_PLAN[term], FARGATE_PLAN[term])
                }
                Some(("instance", Some(term))) => Terms::Instance(INSTANCE_PLAN[term]),
                _ => return Err(known()),
            },
            _ => return Err(known()),
        };
        Ok(Purchase { name: text.to_string(), terms })
    }

    /// Whether Fargate is cheaper under it.
    #[must_use]
    pub fn covers_fargate(&self) -> bool {
        matches!(self.terms, Terms::Compute(..))
    }

    /// What the best commitment of this kind would have saved of a run; where there are private discounts it has that of what it
    /// covers.
    #[must_use]
    pub fn saves(&self, of: &Uncovered) -> NanoUsd {
        let plan = |kind, instances, fargate| SavingsPlan {
            name: String::new(),
            kind,
            commitment: HourlyRate(0),
            rates: PlanRates { instances, fargate, ..PlanRates::default() },
        };
        let saved = |plan: &SavingsPlan| {
            let best = best_plan(plan, &of.usage, &of.lengths);
            best.without - best.usd
        };
        match self.terms {
            Terms::Compute(instances, fargate) => {
                saved(&plan(PlanKind::Compute, instances, fargate))
            }
            Terms::Instance(instances) => {
                let of_instances = of.usage.iter().filter_map(|usage| match &usage.subject {
                    Subject::Instances(name, _) | Subject::UnusedSlots(name, _) => {
                        Some(family(name))
                    }
                    _ => None,
                });
                // No two of them cover the same usage.
                let families: BTreeSet<&str> = of_instances.collect();
                let each = families
                    .into_iter()
                    .map(|of| saved(&plan(PlanKind::Ec2Instance(of.to_string()), instances, 0)));
                each.sum()
            }
        }
    }
}

fn known() -> String {
    "known are compute-1y, compute-3y, instance-1y, instance-3y, compute:PERCENT:PERCENT and instance:PERCENT"
        .into()
}

/// A discount in percent as millionths.
fn discount(text: &str) -> Result<u32, String> {
    let millionths = crate::base::decimal::parse_scaled(text.as_bytes(), 4).ok();
    let millionths = millionths.and_then(|value| u32::try_from(value).ok());
    let is_good = |value: &u32| *value < 1_000_000;
    millionths
        .filter(is_good)
        .ok_or_else(|| "a discount is from 0 to below 100 percent, with four digits at most".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::SimSpan;
    use crate::pricing::commitments::Usage;

    /// Two hours: two instances of one family and one of another at a dollar, and a vCPU of Fargate at a dollar, all the time.
    #[test]
    fn families_are_committed_to_by_themselves_and_fargate_only_by_compute() {
        const HOUR: u128 = 3_600_000_000;
        let usage = |subject, count: u128| Usage {
            subject,
            list: HourlyRate(1_000_000_000),
            parts: 1,
            amount: vec![count * HOUR; 2],
        };
        let of = Uncovered {
            usage: vec![
                usage(Subject::Instances("m5.large".into(), None), 2),
                usage(Subject::Instances("c5.large".into(), None), 1),
                usage(Subject::FargateVcpu("linux/x86_64".into()), 1),
            ],
            lengths: vec![SimSpan(HOUR as u64); 2],
        };
        let saves = |text: &str| Purchase::parse(text).unwrap().saves(&of);
        // Three instances for two hours at 40 % off; with 20 % on Fargate on top.
        assert_eq!(saves("instance:40"), NanoUsd(2_400_000_000));
        assert_eq!(saves("compute:40:20"), NanoUsd(2_800_000_000));
        assert_eq!(saves("instance-1y"), NanoUsd(2_220_000_000));
        assert_eq!(saves("compute-3y"), NanoUsd(3_600_000_000));
        for text in ["compute", "instance-2y", "compute:1", "instance:100", "instance:x", "spot"] {
            assert!(Purchase::parse(text).is_err(), "{text}");
        }
    }
}
