//! What a service gets when its policies want something: the largest wish, within bounds, cooldowns and what a
//! deployment or a suspension allows.

use super::alarm::{self, AlarmState};
use super::{
    AlarmFiring, Decision, NotScaled, PolicyAlarm, PolicyKind, REPEAT, Reason, Role, Scaler,
    ServiceState, step, target_tracking,
};
use crate::base::time::{SimSpan, SimTime};
use crate::model::scaling::{AdjustmentType, MetricValue};
use std::cmp::Ordering;
use std::sync::Arc;

/// Cooldowns of the scalable target.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Cooldowns {
    /// A scale-out cooldown goes on before this instant,
    out_until: SimTime,
    /// which began with so many running tasks.
    out_base: u32,
    /// A scale-in cooldown goes on before this instant.
    in_until: SimTime,
}

/// What one policy wants.
#[derive(Clone, Copy, Debug)]
struct Want {
    capacity: u32,
    kind: PolicyKind,
    policy: usize,
    /// Index of its alarm.
    alarm: usize,
    metric: MetricValue,
    /// Whether it names a count and not a change of one.
    is_exact: bool,
}

/// A new desired count, and the cooldown that it starts.
struct Change {
    to: u32,
    starts_cooldown: bool,
}

/// Calls of an alarm that are refused for a reason that was told: until an instant, and for which newest points.
pub(super) struct Refusals {
    now: SimTime,
    state: ServiceState,
    alarm: usize,
    until: SimTime,
    /// The least and the greatest point at which the alarm may fire.
    breaching: (MetricValue, MetricValue),
    /// Those of them that are known to be refused.
    refused: Option<(MetricValue, MetricValue)>,
}

impl Refusals {
    /// Whether a call at an instant is refused so, if the newest point then lies within these bounds.
    pub fn last(
        &mut self,
        scaler: &Scaler,
        at: SimTime,
        (least, most): (MetricValue, MetricValue),
    ) -> bool {
        let (least, most) = (least.max(self.breaching.0), most.min(self.breaching.1));
        let known = self.refused.unwrap_or((MetricValue(u64::MAX), MetricValue(0)));
        let is_refused = |value| known.0 <= value && value <= known.1 || self.is(scaler, value);
        if at >= self.until || !is_refused(least) || !is_refused(most) {
            return false;
        }
        self.refused = Some((known.0.min(least), known.1.max(most)));
        true
    }

    /// Whether a call with this newest point would be.
    fn is(&self, scaler: &Scaler, metric: MetricValue) -> bool {
        let want = scaler.want_at(self.alarm, self.state, true, metric);
        let Some(want) = want else { return true };
        let why = scaler.outcome(self.now, self.state, want).err();
        why.is_some_and(|why| scaler.told == Some((why, want.kind, want.policy)))
    }
}

impl Scaler {
    /// Combines the wishes of all policies whose alarms are in ALARM, if the action of any of them is due.
    pub(super) fn combine(&mut self, now: SimTime, state: ServiceState) -> Option<Decision> {
        if !self.is_called(now, state) {
            return None;
        }
        let Some(want) = self.largest_want(state) else {
            self.told = None;
            return None;
        };
        match self.outcome(now, state, want) {
            Ok(change) => {
                self.told = None;
                if change.starts_cooldown {
                    self.start_cooldown(now, state, want);
                }
                Some(self.decision(now, state, want, Some(change.to), Reason::Scaled))
            }
            Err(why) => {
                let telling = Some((why, want.kind, want.policy));
                if self.told == telling {
                    return None;
                }
                self.told = telling;
                Some(self.decision(now, state, want, None, Reason::NotScaled(why)))
            }
        }
    }

    /// A low alarm that fires in vain, and why: its policy may not scale in, or another one does not want to (documented:
    /// the count falls only if all target tracking policies want it). To be asked where [`Scaler::evaluate`] says nothing;
    /// tells the same once.
    pub fn held_back(&mut self, now: SimTime, state: ServiceState) -> Option<Decision> {
        let held = if self.firing == 0 { None } else { self.who_is_held_back(state) };
        let telling = held.map(|(want, why)| (why, want.policy));
        if self.told_held == telling {
            return None;
        }
        self.told_held = telling;
        let (want, why) = held?;
        Some(self.decision(now, state, want, None, Reason::NotScaled(why)))
    }

    fn who_is_held_back(&self, state: ServiceState) -> Option<(Want, NotScaled)> {
        let is_low =
            |slot: &PolicyAlarm| slot.role == Role::Low && slot.alarm.state() == AlarmState::Alarm;
        let alarm = self.alarms.iter().position(is_low)?;
        if self.largest_want(state).is_some() {
            return None; // another wish is what is told of
        }
        let slot = &self.alarms[alarm];
        let metric = self.feeds[slot.feed].series.newest(slot.alarm.range_points())?;
        let policy = &self.target_tracking[slot.policy];
        let capacity = target_tracking::wanted(state.running, metric, policy.target);
        let why = if state.desired <= self.min {
            NotScaled::AlreadyAtMinCapacity
        } else if policy.disable_scale_in {
            NotScaled::ScaleInDisabled
        } else {
            NotScaled::OtherPolicyStays
        };
        let (kind, policy) = (PolicyKind::TargetTracking, slot.policy);
        Some((Want { capacity, kind, policy, alarm, metric, is_exact: false }, why))
    }

    /// What becomes of a wish.
    fn outcome(&self, now: SimTime, state: ServiceState, want: Want) -> Result<Change, NotScaled> {
        match want.capacity.cmp(&state.running) {
            Ordering::Greater => self.scale_out(now, state, want),
            Ordering::Less => self.scale_in(now, state, want),
            Ordering::Equal => Err(self.refusal_to_stay(state, want)),
        }
    }

    /// How calls end while the alarm that fires now, which is one of N of N points, goes on to: as the last one did, with a
    /// refusal that was told, for as long as [`Refusals::last`] says so. `None`: not known.
    ///
    /// Known for one policy alone: the wish grows with the point, and goes from one refusal to the next in a fixed order,
    /// so that a refusal at both ends is the refusal in between. A cooldown that ends may change it.
    pub(super) fn refusals(&self, now: SimTime, state: ServiceState) -> Option<Refusals> {
        if state.deploying || self.target_tracking.len() != 1 || !self.step_scaling.is_empty() {
            return None;
        }
        let is_firing = |slot: &PolicyAlarm| slot.alarm.state() == AlarmState::Alarm;
        let firing = self.alarms.iter().position(is_firing)?;
        // While it fires, its newest point breaches.
        let spec = self.alarms[firing].alarm.spec();
        let breaching = alarm::breaching(spec.comparison, spec.threshold);
        let ends = [self.cooldowns.out_until, self.cooldowns.in_until];
        let until = ends.into_iter().filter(|&end| end > now).min().unwrap_or(SimTime::NEVER);
        let mut refusals = Refusals { now, state, alarm: firing, until, breaching, refused: None };
        let is_all_refused = [breaching.0, breaching.1].iter().all(|&end| refusals.is(self, end));
        refusals.refused = is_all_refused.then_some(breaching);
        Some(refusals)
    }

    /// Whether an action is called now: at once when its alarm fires, then once a minute while it stays in ALARM.
    fn is_called(&mut self, now: SimTime, state: ServiceState) -> bool {
        let is_due = self.firing_alarms().any(|slot| slot.next_call <= now);
        if is_due {
            self.firing_alarms().for_each(|slot| slot.next_call = now + REPEAT);
        }
        // A service without tasks does not wait for all points of the high alarm.
        is_due || state.running == 0
    }

    /// The largest of all wishes; between equals the first in the order of kinds and lists.
    fn largest_want(&self, state: ServiceState) -> Option<Want> {
        let all_want_in = self.alarms.iter().all(|slot| {
            slot.role != Role::Low
                || self.target_tracking[slot.policy].disable_scale_in
                || slot.alarm.state() == AlarmState::Alarm
        });
        let mut best: Option<Want> = None;
        for index in 0..self.alarms.len() {
            let Some(want) = self.want(index, state, all_want_in) else { continue };
            let is_larger = best.is_none_or(|best| {
                let rank = |w: Want| (w.kind, w.policy);
                want.capacity > best.capacity
                    || want.capacity == best.capacity && rank(want) < rank(best)
            });
            if is_larger {
                best = Some(want);
            }
        }
        best
    }

    fn want(&self, index: usize, state: ServiceState, all_want_in: bool) -> Option<Want> {
        let slot = &self.alarms[index];
        let is_firing = slot.alarm.state() == AlarmState::Alarm;
        let wakes = slot.role == Role::High && state.running == 0 && slot.alarm.newest_breaches();
        if !is_firing && !wakes {
            return None;
        }
        let metric = self.feeds[slot.feed].series.newest(slot.alarm.range_points())?;
        self.want_at(index, state, all_want_in, metric)
    }

    /// What a policy whose alarm fires wants at this point.
    fn want_at(
        &self,
        index: usize,
        state: ServiceState,
        all_want_in: bool,
        metric: MetricValue,
    ) -> Option<Want> {
        let slot = &self.alarms[index];
        let (kind, capacity, is_exact) = if slot.role == Role::Step {
            let policy = &self.step_scaling[slot.policy];
            let is_exact = policy.adjustment_type == AdjustmentType::ExactCapacity;
            (PolicyKind::Step, step::wanted(policy, state.running, metric)?, is_exact)
        } else {
            let policy = &self.target_tracking[slot.policy];
            if slot.role == Role::Low && (policy.disable_scale_in || !all_want_in) {
                return None;
            }
            let wanted = target_tracking::wanted(state.running, metric, policy.target);
            (PolicyKind::TargetTracking, wanted, false)
        };
        Some(Want { capacity, kind, policy: slot.policy, alarm: index, metric, is_exact })
    }

    fn scale_out(
        &self,
        now: SimTime,
        state: ServiceState,
        want: Want,
    ) -> Result<Change, NotScaled> {
        let (min, max) = self.min_max();
        if self.scale_out_suspended {
            return Err(NotScaled::Suspended);
        }
        if state.desired >= max {
            return Err(NotScaled::AlreadyAtMaxCapacity);
        }
        if state.desired < min {
            // First to the minimum; the next call goes on from there.
            return Ok(Change { to: min, starts_cooldown: false });
        }
        let is_cooling = now < self.cooldowns.out_until;
        let capacity = if is_cooling && !want.is_exact {
            // What the scale-out before has added is a part of what is wanted now.
            self.in_cooldown(state, want)
        } else {
            want.capacity
        };
        let to = capacity.min(max);
        if to > state.desired {
            Ok(Change { to, starts_cooldown: true })
        } else if is_cooling {
            Err(NotScaled::ScaleOutCooldown)
        } else {
            Err(NotScaled::AlreadyAtDesiredCapacity)
        }
    }

    /// What a wish amounts to while an earlier scale-out takes effect, seen from the count that it began with. Target
    /// tracking multiplies a point that is minutes old: with the count of now, each task that starts would raise the
    /// wish (assumed: the cooldown is documented to wait for the earlier scale-out, the rule is unpublished).
    fn in_cooldown(&self, state: ServiceState, want: Want) -> u32 {
        let base = self.cooldowns.out_base;
        match want.kind {
            PolicyKind::TargetTracking => {
                let target = self.target_tracking[want.policy].target;
                target_tracking::wanted(base, want.metric, target)
            }
            _ => base.saturating_add(want.capacity - state.running),
        }
    }

    fn scale_in(&self, now: SimTime, state: ServiceState, want: Want) -> Result<Change, NotScaled> {
        let (min, max) = self.min_max();
        let least = min.max(self.agenda.forecast_capacity().min(max));
        if self.scale_in_suspended {
            return Err(NotScaled::Suspended);
        }
        if state.deploying {
            return Err(NotScaled::DeploymentInProgress);
        }
        if state.desired > max {
            return Ok(Change { to: max, starts_cooldown: false });
        }
        if state.desired <= least {
            return Err(NotScaled::AlreadyAtMinCapacity);
        }
        let to = self.gradual(state, want).max(least);
        if to >= state.desired {
            return Err(NotScaled::AlreadyAtDesiredCapacity);
        }
        if self.would_breach(state, want, to) {
            return Err(NotScaled::AnticipatedFlapping);
        }
        if now < self.cooldowns.in_until {
            return Err(NotScaled::ScaleInCooldown);
        }
        Ok(Change { to, starts_cooldown: true })
    }

    /// How far one scale-in goes: target tracking "scales in more gradually" than it scales out (documented; the share
    /// that it takes away is unpublished). What is left to do is done after the cooldown, while the alarm lasts.
    fn gradual(&self, state: ServiceState, want: Want) -> u32 {
        if want.kind != PolicyKind::TargetTracking {
            return want.capacity;
        }
        let percent = u64::from(self.target_tracking[want.policy].scale_in_percent);
        let most = (u64::from(state.desired) * percent / 100).max(1) as u32;
        want.capacity.max(state.desired.saturating_sub(most))
    }

    /// Whether any target tracking policy would scale out again from `capacity` tasks; the one whose wish it is has
    /// seen to that.
    fn would_breach(&self, state: ServiceState, want: Want, capacity: u32) -> bool {
        let is_own = |slot: &PolicyAlarm| {
            want.kind == PolicyKind::TargetTracking && slot.policy == want.policy
        };
        let mut others = self.alarms.iter().filter(|slot| slot.role == Role::High && !is_own(slot));
        others.any(|slot| {
            let metric = self.feeds[slot.feed].series.newest(slot.alarm.range_points());
            let target = self.target_tracking[slot.policy].target;
            metric.is_some_and(|metric| {
                target_tracking::would_breach(state.running, metric, target, capacity)
            })
        })
    }

    /// Why the count stays although an alarm fires: a lower alarm whose policy found no lower count is one that
    /// anticipates flapping.
    fn refusal_to_stay(&self, state: ServiceState, want: Want) -> NotScaled {
        let slot = &self.alarms[want.alarm];
        let is_down = match slot.role {
            Role::Low => true,
            Role::High => false,
            Role::Step => step::lowers(&self.step_scaling[want.policy], state.running, want.metric),
        };
        if is_down && state.desired <= self.min {
            NotScaled::AlreadyAtMinCapacity
        } else if slot.role != Role::Low {
            NotScaled::AlreadyAtDesiredCapacity
        } else {
            NotScaled::AnticipatedFlapping
        }
    }

    fn start_cooldown(&mut self, now: SimTime, state: ServiceState, want: Want) {
        let is_out = want.capacity > state.running;
        let length = self.cooldown_of(want, is_out);
        if is_out {
            if now >= self.cooldowns.out_until {
                self.cooldowns.out_base = state.running;
            }
            self.cooldowns.out_until = now + length;
            self.cooldowns.in_until = SimTime::ZERO;
        } else {
            self.cooldowns.in_until = now + length;
            self.cooldowns.out_until = SimTime::ZERO;
        }
    }

    fn cooldown_of(&self, want: Want, is_out: bool) -> SimSpan {
        if want.kind == PolicyKind::Step {
            return self.step_scaling[want.policy].cooldown;
        }
        let policy = &self.target_tracking[want.policy];
        if is_out { policy.scale_out_cooldown } else { policy.scale_in_cooldown }
    }

    fn decision(
        &self,
        now: SimTime,
        state: ServiceState,
        want: Want,
        to: Option<u32>,
        reason: Reason,
    ) -> Decision {
        let slot = &self.alarms[want.alarm];
        let series = &self.feeds[slot.feed].series;
        let spec = slot.alarm.spec();
        let points = series.real_points(slot.alarm.range_points(), spec.evaluation_periods);
        let (min_capacity, max_capacity) = self.min_max();
        Decision {
            at: now,
            from: state.desired,
            to,
            wanted: Some(want.capacity),
            running: state.running,
            kind: want.kind,
            policy: want.policy,
            policy_name: Arc::clone(&slot.names.policy),
            alarm: Some(AlarmFiring {
                name: Arc::clone(&slot.names.alarm),
                threshold: spec.threshold,
                comparison: spec.comparison,
                datapoints: points,
            }),
            metric: Some((series.metric, want.metric)),
            reason,
            min_capacity,
            max_capacity,
        }
    }
}
