//! A policy of one's own: asked once a minute in place of alarms, and held to the bounds of its target like any other.

use super::{Decision, NotScaled, PolicyKind, Reason, Scaler, ServiceState};
use crate::base::time::SimTime;
use crate::model::own_scaling::{OwnScaling, ScalingPolicy, Seen};
use crate::model::scaling::{MetricValue, ScalableTarget};
use std::cmp::Ordering;

/// The policy, and where its metrics come from.
#[derive(Clone, Debug)]
pub(super) struct Running {
    of: OwnScaling,
    policy: Box<dyn ScalingPolicy>,
    /// By metric.
    feeds: Vec<usize>,
    /// The newest points, by metric: kept, so that nothing is allocated once a minute.
    newest: Vec<Option<MetricValue>>,
}

impl Running {
    pub fn new(of: OwnScaling, feeds: Vec<usize>) -> Running {
        Running { of, policy: (of.make)(), newest: vec![None; feeds.len()], feeds }
    }
}

/// Whether it can be: it decides alone.
///
/// # Errors
/// There are other policies.
pub(super) fn check(target: &ScalableTarget) -> Result<(), String> {
    let others = target.target_tracking.len() + target.step_scaling.len() + target.predictive.len();
    match &target.own {
        Some(own) if others > 0 => {
            Err(format!("\"{}\" decides alone: there are {others} policies beside it", own.name))
        }
        _ => Ok(()),
    }
}

impl Scaler {
    /// Asks the policy of one's own, where there is one.
    pub(super) fn ask_own(&mut self, now: SimTime, state: ServiceState) -> Option<Decision> {
        let (min, max) = self.min_max();
        let own = self.own.as_mut()?;
        for (newest, &feed) in own.newest.iter_mut().zip(&own.feeds) {
            *newest = self.feeds[feed].series.newest(1);
        }
        let seen = Seen {
            now,
            desired: state.desired,
            running: state.running,
            min_capacity: min,
            max_capacity: max,
            metrics: &own.newest,
        };
        let wanted = own.policy.desired(&seen);
        let (name, metric) = (own.of.name, own.of.metrics.first().copied());
        let metric = metric.zip(own.newest.first().copied().flatten());
        let (to, reason) = match self.allowed(state, wanted) {
            Ok(None) => {
                self.told = None;
                return None;
            }
            Ok(to) => {
                self.told = None;
                (to, Reason::Scaled)
            }
            Err(why) => {
                let telling = Some((why, PolicyKind::Own, 0));
                if self.told == telling {
                    return None;
                }
                self.told = telling;
                (None, Reason::NotScaled(why))
            }
        };
        Some(Decision {
            at: now,
            from: state.desired,
            to,
            wanted: Some(wanted),
            running: state.running,
            kind: PolicyKind::Own,
            policy: 0,
            policy_name: name.into(),
            alarm: None,
            metric,
            reason,
            min_capacity: min,
            max_capacity: max,
        })
    }

    /// What becomes of its wish; `None`: it wants what there is.
    fn allowed(&self, state: ServiceState, wanted: u32) -> Result<Option<u32>, NotScaled> {
        let (min, max) = self.min_max();
        let to = wanted.clamp(min.min(max), max);
        match (wanted.cmp(&state.desired), to.cmp(&state.desired)) {
            (Ordering::Equal, Ordering::Equal) => Ok(None),
            (_, Ordering::Greater) if self.scale_out_suspended => Err(NotScaled::Suspended),
            (_, Ordering::Less) if self.scale_in_suspended => Err(NotScaled::Suspended),
            (_, Ordering::Less) if state.deploying => Err(NotScaled::DeploymentInProgress),
            (Ordering::Greater, Ordering::Equal) => Err(NotScaled::AlreadyAtMaxCapacity),
            (Ordering::Less, Ordering::Equal) => Err(NotScaled::AlreadyAtMinCapacity),
            _ => Ok(Some(to)),
        }
    }
}
