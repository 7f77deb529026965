//! The deployment of a managed daemon: its tasks stay where they are, and the instances are replaced, a batch at a time.
//!
//! Documented (developer guide, "Daemon deployments"; API reference): a batch of instances drains, others come with the new
//! revision and take their tasks, until all have it; `drainPercent` is the share that drains at once; after each successful
//! step `bakeTimeInMinutes` pass. Assumed: the share is of the instances that are there when a step begins, rounded down,
//! one at least; a step is over when its instances have gone and every instance has a healthy task of the daemon.

use crate::base::time::{SimSpan, SimTime};

const MILLION: u64 = 1_000_000;

/// How far a deployment is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Step {
    /// The next batch may drain.
    #[default]
    Ready,
    /// A batch drains, or others come in its place.
    UnderWay,
    /// A step was successful, and is watched.
    Bakes {
        /// Until then.
        until: SimTime,
    },
}

/// What a deployment looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct View {
    /// ACTIVE instances of the daemon.
    pub instances: u32,
    /// Of these, with a task of another revision.
    pub old: u32,
    /// Instances with such a task that drain.
    pub leaving: u32,
    /// Whether each ACTIVE instance has a task, and those of the new revision are healthy.
    pub is_settled: bool,
}

/// How many of so many instances drain at once.
#[must_use]
pub fn batch(instances: u32, drains_ppm: u32) -> u32 {
    let share = u64::from(instances) * u64::from(drains_ppm) / MILLION;
    u32::try_from(share).unwrap_or(instances).max(1)
}

/// The next state of a deployment, and how many instances are to drain now.
#[must_use]
pub fn advance(
    step: Step,
    view: View,
    (drains_ppm, bake): (u32, SimSpan),
    now: SimTime,
) -> (Step, u32) {
    let is_over = view.leaving == 0 && view.is_settled;
    let next = match step {
        Step::UnderWay if !is_over => return (step, 0),
        Step::UnderWay if view.old > 0 && bake > SimSpan::ZERO => {
            return (Step::Bakes { until: now + bake }, 0);
        }
        Step::Bakes { until } if until > now => return (step, 0),
        _ => Step::Ready,
    };
    if view.old == 0 {
        return (next, 0);
    }
    (Step::UnderWay, batch(view.instances, drains_ppm).min(view.old))
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::model::service::DAEMON_DRAINS_PPM;

    const AT: SimTime = SimTime(1_000);

    fn view(instances: u32, old: u32, leaving: u32, is_settled: bool) -> View {
        View { instances, old, leaving, is_settled }
    }

    #[test]
    fn a_share_of_the_instances_drains_and_always_one() {
        let quarter = |instances| batch(instances, DAEMON_DRAINS_PPM);
        assert_eq!([1, 3, 4, 7, 8, 100].map(quarter), [1, 1, 1, 1, 2, 25]);
        assert_eq!(batch(10, 0), 1);
        assert_eq!(batch(10, 1_000_000), 10);
        assert_eq!(batch(1_000, 1_500), 1);
    }

    #[test]
    fn a_step_ends_when_its_instances_have_gone_and_all_is_settled() {
        let go = |step, view| advance(step, view, (500_000, SimSpan::ZERO), AT);
        assert_eq!(go(Step::Ready, view(4, 4, 0, true)), (Step::UnderWay, 2));
        assert_eq!(go(Step::UnderWay, view(3, 2, 1, true)), (Step::UnderWay, 0));
        assert_eq!(go(Step::UnderWay, view(4, 2, 0, false)), (Step::UnderWay, 0));
        assert_eq!(go(Step::UnderWay, view(4, 2, 0, true)), (Step::UnderWay, 2));
        assert_eq!(
            go(Step::UnderWay, view(3, 1, 0, true)),
            (Step::UnderWay, 1),
            "no more than there are"
        );
        assert_eq!(go(Step::UnderWay, view(4, 0, 0, true)), (Step::Ready, 0));
    }

    #[test]
    fn each_step_but_the_last_bakes_here() {
        let bake = SimSpan(60);
        let go = |step, view, now| advance(step, view, (500_000, bake), now);
        let until = AT + bake;
        assert_eq!(
            go(Step::Ready, view(4, 4, 0, true), AT).1,
            2,
            "the first one waits for nothing"
        );
        assert_eq!(go(Step::UnderWay, view(4, 2, 0, true), AT), (Step::Bakes { until }, 0));
        assert_eq!(go(Step::Bakes { until }, view(4, 2, 0, true), AT), (Step::Bakes { until }, 0));
        assert_eq!(go(Step::Bakes { until }, view(4, 2, 0, true), until), (Step::UnderWay, 2));
        // The last one bakes as every deployment does.
        assert_eq!(go(Step::UnderWay, view(4, 0, 0, true), AT), (Step::Ready, 0));
    }
}
