//! How production traffic goes to the new revision: a schedule of waits and shares.

use crate::base::time::SimSpan;
use crate::model::service::{DeploymentStrategy, Permille};

/// One step of a shift.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ShiftStep {
    /// Wait after the step before it; zero for the first.
    pub wait: SimSpan,
    /// Share of the new revision afterwards.
    pub share: Permille,
}

/// The steps of a strategy; the last one is [`Permille::ALL`].
///
/// Linear: as many waits as full steps that leave something, so none after 100 % (documented): steps of 10 % have
/// 9, steps of 30 % have 3. Rolling and blue/green have one step.
#[must_use]
pub fn schedule(strategy: DeploymentStrategy) -> Vec<ShiftStep> {
    let (first, step, bake) = match strategy {
        DeploymentStrategy::Rolling | DeploymentStrategy::BlueGreen => {
            (Permille::ALL, Permille::ALL, SimSpan::ZERO)
        }
        DeploymentStrategy::Canary { percent, bake } => (percent, Permille::ALL, bake),
        DeploymentStrategy::Linear { percent, bake } => (percent, percent, bake),
    };
    // A share of nothing would never end.
    let mut share = Permille(first.0.max(1)).min(Permille::ALL);
    let mut steps = vec![ShiftStep { wait: SimSpan::ZERO, share }];
    while share < Permille::ALL {
        share = Permille(share.0.saturating_add(step.0.max(1))).min(Permille::ALL);
        steps.push(ShiftStep { wait: bake, share });
    }
    steps
}

/// The time from the first step to the last.
#[must_use]
pub fn duration(steps: &[ShiftStep]) -> SimSpan {
    SimSpan(steps.iter().map(|step| step.wait.0).sum())
}

/// CodeDeploy's predefined configurations for ECS by name, as strategies (documented: CodeDeploy user guide,
/// "Deployment configurations on an Amazon ECS compute platform"); with or without the prefix `CodeDeployDefault.`.
#[must_use]
pub fn code_deploy_preset(name: &str) -> Option<DeploymentStrategy> {
    let minutes = |count: u64| SimSpan::from_secs(count * 60);
    let linear =
        |count| DeploymentStrategy::Linear { percent: Permille(100), bake: minutes(count) };
    let canary =
        |count| DeploymentStrategy::Canary { percent: Permille(100), bake: minutes(count) };
    match name.strip_prefix("CodeDeployDefault.").unwrap_or(name) {
        "ECSAllAtOnce" => Some(DeploymentStrategy::BlueGreen),
        "ECSLinear10PercentEvery1Minutes" => Some(linear(1)),
        "ECSLinear10PercentEvery3Minutes" => Some(linear(3)),
        "ECSCanary10Percent5Minutes" => Some(canary(5)),
        "ECSCanary10Percent15Minutes" => Some(canary(15)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(count: u64) -> SimSpan {
        SimSpan::from_secs(count * 60)
    }

    fn linear(permille: u16) -> Vec<ShiftStep> {
        let bake = minutes(6);
        schedule(DeploymentStrategy::Linear { percent: Permille(permille), bake })
    }

    #[test]
    fn linear_by_10_percent_bakes_9_times_and_takes_54_minutes() {
        assert_eq!(linear(100).len(), 10);
        assert_eq!(duration(&linear(100)), minutes(54));
    }

    #[test]
    fn linear_by_30_percent_bakes_3_times() {
        let shares: Vec<u16> = linear(300).iter().map(|step| step.share.0).collect();
        assert_eq!(shares, [300, 600, 900, 1_000]);
        assert_eq!(duration(&linear(300)), minutes(18));
    }

    #[test]
    fn a_canary_is_a_share_a_wait_and_the_rest() {
        let canary = DeploymentStrategy::Canary { percent: Permille(50), bake: minutes(10) };
        let step = |wait, share| ShiftStep { wait: minutes(wait), share: Permille(share) };
        assert_eq!(schedule(canary), [step(0, 50), step(10, 1_000)]);
        assert_eq!(schedule(DeploymentStrategy::BlueGreen), [step(0, 1_000)]);
    }

    #[test]
    fn code_deploy_presets_take_their_published_time() {
        for (name, total) in [
            ("ECSAllAtOnce", 0),
            ("ECSLinear10PercentEvery1Minutes", 9),
            ("ECSLinear10PercentEvery3Minutes", 27),
            ("CodeDeployDefault.ECSCanary10Percent5Minutes", 5),
            ("ECSCanary10Percent15Minutes", 15),
        ] {
            let strategy = code_deploy_preset(name).expect(name);
            assert_eq!(duration(&schedule(strategy)), minutes(total), "{name}");
        }
        assert_eq!(code_deploy_preset("ECSCanary"), None);
    }
}
