//! The stages of blue/green, canary and linear deployments: a state machine that is stepped and says what to do.
//!
//! ECS-native deployments pass all of [`Stage::ALL`] in order, each with its hooks; CodeDeploy deployments pass those
//! of [`Kind::CodeDeploy`]. Documented: the order, 24 h for a stage, 30 days for a deployment, one hour for green
//! under CodeDeploy, what a hook that fails or a pause that times out does. Assumed: the hooks of one stage begin
//! together when it begins, before what the stage itself does; the limit of a stage does not hold for one with a
//! pause, whose own timeout may be longer.
//!
//! Invariant: after [`StageEffect::Completed`] or [`StageEffect::RollBack`] nothing follows.

use super::shift::{self, ShiftStep};
use crate::base::time::{SimSpan, SimTime};
use crate::model::service::{DeploymentStrategy, Hook, HookAction, Stage};

/// Who runs the deployment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The service scheduler.
    Native,
    /// CodeDeploy: green, test traffic, shift, wait, end of blue; no lifecycle hooks of ECS.
    CodeDeploy,
}

/// What a deployment is made of.
#[derive(Clone, PartialEq, Debug)]
pub struct StageConfig {
    /// Who runs it.
    pub kind: Kind,
    /// How production traffic moves; rolling counts as blue/green.
    pub strategy: DeploymentStrategy,
    /// Lifecycle hooks; native only.
    pub hooks: Vec<Hook>,
    /// How long blue is kept after the last shift: native the bake time, CodeDeploy the termination wait.
    pub bake: SimSpan,
    /// Longest time of a stage (documented: 24 h).
    pub stage_limit: SimSpan,
    /// Longest time of green until it is steady (documented: CodeDeploy 1 h; native as any stage).
    pub scale_up_limit: SimSpan,
    /// Longest time of the deployment (documented: 30 days).
    pub total_limit: SimSpan,
}

impl StageConfig {
    /// A configuration with the documented limits.
    #[must_use]
    pub fn new(kind: Kind, strategy: DeploymentStrategy, hooks: Vec<Hook>, bake: SimSpan) -> Self {
        let hours = |count: u64| SimSpan::from_secs(count * 3_600);
        StageConfig {
            kind,
            strategy,
            hooks: if kind == Kind::Native { hooks } else { Vec::new() },
            bake,
            stage_limit: hours(24),
            scale_up_limit: hours(if kind == Kind::Native { 24 } else { 1 }),
            total_limit: hours(30 * 24),
        }
    }
}

/// What a step looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StageInput {
    /// Whether other deployments of the service have come to an end.
    pub is_reconciled: bool,
    /// `desiredCount`.
    pub desired: u32,
    /// RUNNING green tasks.
    pub green_running: u32,
    /// Whether all of them count as healthy.
    pub green_is_healthy: bool,
    /// Whether no blue task is left.
    pub blue_is_gone: bool,
    /// Whether a deployment alarm is in ALARM (and was not when the deployment began).
    pub alarm: bool,
}

/// Why a deployment is rolled back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RollBackReason {
    /// An alarm.
    Alarm,
    /// A Lambda hook failed.
    HookFailed(Stage),
    /// Nobody ended a pause in time.
    PauseTimedOut(Stage),
    /// The stage took too long.
    StageTooLong(Stage),
    /// The deployment took too long.
    DeploymentTooLong,
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StageEffect {
    /// The stage begins.
    Entered(Stage),
    /// Green goes to the desired count.
    ScaleUpGreen,
    /// Test traffic goes to green.
    ShiftTest,
    /// This share of production traffic goes to green.
    Shift(crate::model::service::Permille),
    /// Blue goes to 0.
    CleanUpBlue,
    /// The deployment is COMPLETED.
    Completed,
    /// All traffic goes back to blue, green goes to 0.
    RollBack(RollBackReason),
}

const CODE_DEPLOY: [Stage; 5] = [
    Stage::ScaleUp,
    Stage::TestTrafficShift,
    Stage::ProductionTrafficShift,
    Stage::BakeTime,
    Stage::CleanUp,
];

/// A deployment on its way.
#[derive(Clone, PartialEq, Debug)]
pub struct Stages {
    config: StageConfig,
    steps: Vec<ShiftStep>,
    began_at: SimTime,
    state: Option<At>,
    is_over: bool,
}

/// The present stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct At {
    place: usize,
    entered_at: SimTime,
    /// Whether its hooks have ended and its own work has begun, and when.
    works_since: Option<SimTime>,
    /// Steps of the shift that were made.
    shifted: usize,
    /// When the last one was made.
    shifted_at: SimTime,
}

impl Stages {
    /// A deployment that begins at `now`. Call [`Stages::step`] at once.
    #[must_use]
    pub fn new(config: StageConfig, now: SimTime) -> Self {
        let steps = shift::schedule(config.strategy);
        Stages { config, steps, began_at: now, state: None, is_over: false }
    }

    /// The present stage; `None` before the first step and after the end.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        self.state.filter(|_| !self.is_over).map(|at| self.order()[at.place])
    }

    /// Whether it is completed or rolled back.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    fn order(&self) -> &'static [Stage] {
        match self.config.kind {
            Kind::Native => &Stage::ALL,
            Kind::CodeDeploy => &CODE_DEPLOY,
        }
    }

    /// Goes on as far as it can. Call it whenever the input changes, and at [`Stages::wakes_at`].
    pub fn step(&mut self, now: SimTime, input: &StageInput) -> Vec<StageEffect> {
        let mut effects = Vec::new();
        if self.is_over {
            return effects;
        }
        let mut at = self.state.take().unwrap_or_else(|| {
            let at = At::enter(0, now);
            effects.push(StageEffect::Entered(self.order()[0]));
            at
        });
        loop {
            let stage = self.order()[at.place];
            if let Some(reason) = self.failure(at, stage, now, input) {
                effects.push(StageEffect::RollBack(reason));
                self.is_over = true;
                break;
            }
            if at.works_since.is_none() && self.hooks_end(at, stage) <= now {
                at.works_since = Some(now);
                effects.extend(opening(stage));
            }
            let Some(since) = at.works_since else { break };
            if stage == Stage::ProductionTrafficShift {
                self.shift(&mut at, now, &mut effects);
            }
            if !self.is_done(at, stage, since, now, input) {
                break;
            }
            if at.place + 1 == self.order().len() {
                effects.push(StageEffect::Completed);
                self.is_over = true;
                break;
            }
            at = At::enter(at.place + 1, now);
            effects.push(StageEffect::Entered(self.order()[at.place]));
        }
        self.state = Some(at);
        effects
    }

    /// The next instant at which a step can do something by itself; `None`: it waits for its input, or is over.
    /// The instant does not lie before the last step.
    #[must_use]
    pub fn wakes_at(&self) -> Option<SimTime> {
        if self.is_over {
            return None;
        }
        let at = self.state?;
        let stage = self.order()[at.place];
        if stage == Stage::CleanUp && at.works_since.is_some() {
            return None;
        }
        let mut next = self.began_at + self.config.total_limit;
        if let Some((limit, _)) = self.deadline(at, stage) {
            next = next.min(limit);
        }
        let work = match (at.works_since, stage) {
            (None, _) => Some(self.hooks_end(at, stage)),
            (Some(since), Stage::BakeTime) => Some(since + self.config.bake),
            (Some(_), Stage::ProductionTrafficShift) => {
                self.steps.get(at.shifted).map(|step| at.shifted_at + step.wait)
            }
            _ => None,
        };
        Some(work.map_or(next, |work| next.min(work)))
    }

    fn hooks(&self, stage: Stage) -> impl Iterator<Item = &Hook> {
        self.config.hooks.iter().filter(move |hook| hook.stage == stage)
    }

    /// When the last hook of the stage ends well.
    fn hooks_end(&self, at: At, stage: Stage) -> SimTime {
        let span = |hook: &Hook| match hook.action {
            HookAction::Lambda { takes, .. } => takes,
            HookAction::Pause { resumed_after, timeout } => resumed_after.unwrap_or(timeout),
        };
        at.entered_at + self.hooks(stage).map(span).max().unwrap_or(SimSpan::ZERO)
    }

    /// The earliest instant at which the stage fails by a clock.
    fn deadline(&self, at: At, stage: Stage) -> Option<(SimTime, RollBackReason)> {
        let has_pause =
            self.hooks(stage).any(|hook| matches!(hook.action, HookAction::Pause { .. }));
        let limit = match stage {
            // Waits of its own configuration: up to 1,440 minutes a step.
            Stage::ProductionTrafficShift | Stage::BakeTime => None,
            Stage::ScaleUp => Some(self.config.scale_up_limit),
            _ => (!has_pause).then_some(self.config.stage_limit),
        };
        let too_long = limit.map(|limit| (limit, RollBackReason::StageTooLong(stage)));
        let failures = self.hooks(stage).filter(|_| at.works_since.is_none()).filter_map(|hook| {
            match hook.action {
                HookAction::Lambda { takes, succeeds: false } => {
                    Some((takes, RollBackReason::HookFailed(stage)))
                }
                HookAction::Lambda { .. } => None,
                HookAction::Pause { resumed_after, timeout } => resumed_after
                    .is_none_or(|after| after > timeout)
                    .then_some((timeout, RollBackReason::PauseTimedOut(stage))),
            }
        });
        let first = failures.chain(too_long).min_by_key(|(after, _)| *after);
        first.map(|(after, reason)| (at.entered_at + after, reason))
    }

    fn failure(
        &self,
        at: At,
        stage: Stage,
        now: SimTime,
        input: &StageInput,
    ) -> Option<RollBackReason> {
        // Blue goes: there is nothing left to go back to.
        if stage == Stage::CleanUp {
            return None;
        }
        if input.alarm {
            return Some(RollBackReason::Alarm);
        }
        let deadline = self.deadline(at, stage).filter(|(limit, _)| *limit <= now);
        if let Some((_, reason)) = deadline {
            return Some(reason);
        }
        (self.began_at + self.config.total_limit <= now)
            .then_some(RollBackReason::DeploymentTooLong)
    }

    fn shift(&self, at: &mut At, now: SimTime, effects: &mut Vec<StageEffect>) {
        while let Some(step) = self.steps.get(at.shifted) {
            let is_first = at.shifted == 0;
            if !is_first && at.shifted_at + step.wait > now {
                break;
            }
            effects.push(StageEffect::Shift(step.share));
            at.shifted += 1;
            at.shifted_at = now;
        }
    }

    fn is_done(
        &self,
        at: At,
        stage: Stage,
        since: SimTime,
        now: SimTime,
        input: &StageInput,
    ) -> bool {
        match stage {
            Stage::ReconcileService => input.is_reconciled,
            Stage::ScaleUp => input.green_is_healthy && input.green_running >= input.desired,
            Stage::ProductionTrafficShift => at.shifted == self.steps.len(),
            Stage::BakeTime => since + self.config.bake <= now,
            Stage::CleanUp => input.blue_is_gone,
            _ => true,
        }
    }
}

impl At {
    fn enter(place: usize, now: SimTime) -> At {
        At { place, entered_at: now, works_since: None, shifted: 0, shifted_at: now }
    }
}

/// What a stage does when its hooks have ended.
fn opening(stage: Stage) -> Option<StageEffect> {
    match stage {
        Stage::ScaleUp => Some(StageEffect::ScaleUpGreen),
        Stage::TestTrafficShift => Some(StageEffect::ShiftTest),
        Stage::CleanUp => Some(StageEffect::CleanUpBlue),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::service::Permille;

    const READY: StageInput = StageInput {
        is_reconciled: true,
        desired: 2,
        green_running: 2,
        green_is_healthy: true,
        blue_is_gone: true,
        alarm: false,
    };

    fn minutes(count: u64) -> SimSpan {
        SimSpan::from_secs(count * 60)
    }

    fn at(minute: u64) -> SimTime {
        SimTime::ZERO + minutes(minute)
    }

    /// Runs by its own clock and gives what it does beyond entering stages, with the minute.
    fn run(config: StageConfig, input: &StageInput) -> Vec<(u64, StageEffect)> {
        let mut stages = Stages::new(config, SimTime::ZERO);
        let (mut now, mut done) = (SimTime::ZERO, Vec::new());
        for _ in 0..1_000 {
            let minute = now.0 / minutes(1).0;
            let effects = stages.step(now, input).into_iter();
            let kept = effects.filter(|effect| !matches!(effect, StageEffect::Entered(_)));
            done.extend(kept.map(|effect| (minute, effect)));
            let Some(next) = stages.wakes_at() else { return done };
            assert!(next > now, "time goes on");
            now = next;
        }
        panic!("does not end: {done:?}");
    }

    fn native(strategy: DeploymentStrategy, hooks: Vec<Hook>) -> StageConfig {
        StageConfig::new(Kind::Native, strategy, hooks, minutes(5))
    }

    #[test]
    fn all_stages_come_in_order() {
        let mut stages = Stages::new(native(DeploymentStrategy::BlueGreen, vec![]), SimTime::ZERO);
        let mut effects = stages.step(SimTime::ZERO, &READY);
        effects.extend(stages.step(at(5), &READY));
        let entered: Vec<Stage> = effects
            .iter()
            .filter_map(|effect| match effect {
                StageEffect::Entered(stage) => Some(*stage),
                _ => None,
            })
            .collect();
        assert_eq!(entered, Stage::ALL);
        assert!(stages.is_over());
    }

    #[test]
    fn blue_green_shifts_all_at_once_and_bakes() {
        use StageEffect::{CleanUpBlue, Completed, ScaleUpGreen, Shift, ShiftTest};
        let done = run(native(DeploymentStrategy::BlueGreen, vec![]), &READY);
        let all = Shift(Permille::ALL);
        assert_eq!(
            done,
            [(0, ScaleUpGreen), (0, ShiftTest), (0, all), (5, CleanUpBlue), (5, Completed)]
        );
    }

    #[test]
    fn a_lambda_hook_delays_its_stage_and_its_failure_rolls_back() {
        let hook = |succeeds| Hook {
            stage: Stage::PreProductionTrafficShift,
            action: HookAction::Lambda { takes: minutes(3), succeeds },
        };
        let done = run(native(DeploymentStrategy::BlueGreen, vec![hook(true)]), &READY);
        assert_eq!(done[2], (3, StageEffect::Shift(Permille::ALL)));
        let done = run(native(DeploymentStrategy::BlueGreen, vec![hook(false)]), &READY);
        let reason = RollBackReason::HookFailed(Stage::PreProductionTrafficShift);
        assert_eq!(done[2..], [(3, StageEffect::RollBack(reason))]);
    }

    #[test]
    fn a_pause_ends_when_somebody_goes_on_or_rolls_back_at_its_timeout() {
        let hook = |resumed_after| Hook {
            stage: Stage::PostScaleUp,
            action: HookAction::Pause { resumed_after, timeout: minutes(1_440) },
        };
        let resumed = hook(Some(minutes(60)));
        let done = run(native(DeploymentStrategy::BlueGreen, vec![resumed]), &READY);
        assert_eq!(done[1], (60, StageEffect::ShiftTest));
        let done = run(native(DeploymentStrategy::BlueGreen, vec![hook(None)]), &READY);
        let reason = RollBackReason::PauseTimedOut(Stage::PostScaleUp);
        assert_eq!(done[1..], [(1_440, StageEffect::RollBack(reason))]);
    }

    #[test]
    fn code_deploy_gives_green_one_hour() {
        let config =
            StageConfig::new(Kind::CodeDeploy, DeploymentStrategy::BlueGreen, vec![], minutes(60));
        let late = StageInput { green_is_healthy: false, ..READY };
        let reason = RollBackReason::StageTooLong(Stage::ScaleUp);
        assert_eq!(run(config.clone(), &late)[1..], [(60, StageEffect::RollBack(reason))]);
        let done = run(config, &READY);
        assert_eq!(done.last(), Some(&(60, StageEffect::Completed)), "blue waits for an hour");
    }

    #[test]
    fn an_alarm_rolls_back_until_blue_goes() {
        let bake = minutes(10);
        let canary = DeploymentStrategy::Canary { percent: Permille(100), bake };
        let mut stages = Stages::new(native(canary, vec![]), SimTime::ZERO);
        stages.step(SimTime::ZERO, &READY);
        assert_eq!(stages.wakes_at(), Some(at(10)));
        let effects = stages.step(at(7), &StageInput { alarm: true, ..READY });
        assert_eq!(effects, [StageEffect::RollBack(RollBackReason::Alarm)]);
        assert!(stages.step(at(10), &READY).is_empty(), "nothing follows");
    }
}
