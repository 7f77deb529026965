//! Availability Zone rebalancing: one task is started in the least loaded zone, then one stopped in the most loaded.
//!
//! Documented: the target is ⌊tasks ÷ zones⌋ in each zone, one more in as many as the remainder; who is eligible; that a
//! concurrent deployment or task protection ends it. Assumed: one task at a time, ties by the order of the zones.

use crate::model::ids::ZoneId;
use crate::model::service::{DeploymentController, SchedulingStrategy};
use crate::policy::placement::{SpreadField, Strategy};

/// One step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// Where a task is started.
    pub start_in: ZoneId,
    /// Where one is stopped once the new one is RUNNING and HEALTHY.
    pub stop_in: ZoneId,
}

/// The next step for these counts of tasks per zone, zones without tasks included; `None`: balanced.
#[must_use]
pub fn step(counts: &[(ZoneId, u32)]) -> Option<Step> {
    let least = counts.iter().min_by_key(|(zone, count)| (*count, *zone))?;
    let most = counts.iter().min_by_key(|(zone, count)| (u32::MAX - count, *zone))?;
    (most.1 - least.1 > 1).then_some(Step { start_in: least.0, stop_in: most.0 })
}

/// What eligibility depends on.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// `schedulingStrategy`.
    pub scheduling: SchedulingStrategy,
    /// `deploymentController`.
    pub controller: DeploymentController,
    /// `maximumPercent`.
    pub maximum_percent: u32,
    /// Placement strategies.
    pub strategies: &'a [Strategy],
    /// Whether a placement constraint names the zone.
    pub zone_in_constraint: bool,
    /// Zones that the service can use.
    pub zones: usize,
}

/// Why a service cannot be rebalanced.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Ineligible {
    /// DAEMON.
    Daemon,
    /// The EXTERNAL controller.
    External,
    /// `maximumPercent` of 100 or less.
    MaximumPercent,
    /// The first strategy is not a spread over zones.
    Strategy,
    /// A constraint names the zone.
    Constraint,
    /// There is only one zone.
    OneZone,
}

impl Ineligible {
    /// The reason as a sentence.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Ineligible::Daemon => "services with the DAEMON scheduling strategy are not rebalanced",
            Ineligible::External => "services with the EXTERNAL controller are not rebalanced",
            Ineligible::MaximumPercent => "rebalancing needs a maximumPercent above 100",
            Ineligible::Strategy => {
                "rebalancing needs no placement strategy, or a spread over Availability Zones first"
            }
            Ineligible::Constraint => {
                "services with a placement constraint on the Availability Zone are not rebalanced"
            }
            Ineligible::OneZone => "there is only one Availability Zone",
        }
    }
}

/// Whether a service may be rebalanced.
///
/// # Errors
/// The first reason against it.
pub fn eligible(service: &Candidate) -> Result<(), Ineligible> {
    let spreads_zones = |strategy: &Strategy| match strategy {
        Strategy::Spread(SpreadField::Attribute(name)) => name == "ecs.availability-zone",
        _ => false,
    };
    let against = [
        (service.scheduling == SchedulingStrategy::Daemon, Ineligible::Daemon),
        (service.controller == DeploymentController::External, Ineligible::External),
        (service.maximum_percent <= 100, Ineligible::MaximumPercent),
        (!service.strategies.first().is_none_or(spreads_zones), Ineligible::Strategy),
        (service.zone_in_constraint, Ineligible::Constraint),
        (service.zones < 2, Ineligible::OneZone),
    ];
    match against.iter().find(|(holds, _)| *holds) {
        Some((_, reason)) => Err(*reason),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: [u32; 3]) -> Vec<(ZoneId, u32)> {
        (0..).map(ZoneId).zip(of).collect()
    }

    #[test]
    fn tasks_move_one_at_a_time_from_the_fullest_zone_to_the_emptiest() {
        let mut now = counts([6, 3, 1]);
        let mut moves = 0;
        while let Some(step) = step(&now) {
            now.iter_mut().find(|(zone, _)| *zone == step.start_in).unwrap().1 += 1;
            now.iter_mut().find(|(zone, _)| *zone == step.stop_in).unwrap().1 -= 1;
            moves += 1;
        }
        // 10 tasks in 3 zones: 3 each and one more.
        assert_eq!(now, counts([4, 3, 3]));
        assert_eq!(moves, 2);
        assert_eq!(step(&counts([4, 3, 3])), None);
    }

    #[test]
    fn who_cannot_be_rebalanced_is_told_why() {
        let good = Candidate {
            scheduling: SchedulingStrategy::Replica,
            controller: DeploymentController::Ecs,
            maximum_percent: 200,
            strategies: &[],
            zone_in_constraint: false,
            zones: 3,
        };
        assert_eq!(eligible(&good), Ok(()));
        let spread = Strategy::default_for_service();
        assert_eq!(eligible(&Candidate { strategies: &spread, ..good }), Ok(()));
        let random = [Strategy::Random];
        for (bad, reason) in [
            (Candidate { strategies: &random, ..good }, Ineligible::Strategy),
            (Candidate { maximum_percent: 100, ..good }, Ineligible::MaximumPercent),
            (Candidate { scheduling: SchedulingStrategy::Daemon, ..good }, Ineligible::Daemon),
            (Candidate { zone_in_constraint: true, ..good }, Ineligible::Constraint),
            (Candidate { zones: 1, ..good }, Ineligible::OneZone),
        ] {
            assert_eq!(eligible(&bad), Err(reason), "{}", reason.sentence());
        }
    }
}
