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
