//! Rolling deployments: the two bounds, and when the new revision has made it.

use crate::model::service::EarlySuccess;

/// Bounds of a rolling deployment, and of the replacement of unhealthy tasks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// Healthy tasks kept: ⌈desired × minimumHealthyPercent⌉.
    pub low: u32,
    /// Tasks allowed, RUNNING and PENDING: ⌊desired × maximumPercent⌋.
    pub high: u32,
}

/// The bounds of a desired count (documented: API reference, `DeploymentConfiguration`).
#[must_use]
pub fn bounds(desired: u32, minimum_healthy_percent: u32, maximum_percent: u32) -> Bounds {
    let high = u64::from(desired) * u64::from(maximum_percent) / 100;
    Bounds {
        low: percent_of(desired, minimum_healthy_percent),
        high: u32::try_from(high).unwrap_or(u32::MAX),
    }
}

/// ⌈count × percent⌉.
#[must_use]
pub fn percent_of(count: u32, percent: u32) -> u32 {
    let exact = (u64::from(count) * u64::from(percent)).div_ceil(100);
    u32::try_from(exact).unwrap_or(u32::MAX)
}

/// Where a rolling deployment stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// `desiredCount`.
    pub desired: u32,
    /// Tasks of the new revision whose desired status is RUNNING.
    pub new: u32,
    /// Counted healthy among them.
    pub new_healthy: u32,
    /// Tasks of earlier revisions that are not STOPPED yet.
    pub old: u32,
}

/// Whether the deployment has reached its end, so that its bake time, if any, begins (documented: the new revision is
/// at the desired count, healthy, and old tasks are gone; or the criteria of early success).
#[must_use]
pub fn is_complete(progress: Progress, early: Option<EarlySuccess>) -> bool {
    match early {
        None => {
            let is_there = progress.new == progress.desired;
            is_there && progress.new_healthy >= progress.desired && progress.old == 0
        }
        Some(early) => {
            let needed = percent_of(progress.desired, early.healthy_percent);
            let needed = needed.max(1).min(progress.desired);
            progress.new_healthy >= needed && (!early.old_tasks_block || progress.old == 0)
        }
    }
}

/// [`OldRevision::desired`](crate::policy::service::OldRevision) after the service's desired count changed during a
/// rolling deployment: a scale-out is applied to both revisions in proportion (documented since November 2025; the
/// rounding, up, is assumed); a scale-in leaves it, the pass stops what is too many.
#[must_use]
pub fn old_desired_after(old_desired: u32, desired_before: u32, desired_now: u32) -> u32 {
    if desired_now <= desired_before || desired_before == 0 {
        return old_desired;
    }
    let scaled = (u64::from(old_desired) * u64::from(desired_now)).div_ceil(desired_before.into());
    u32::try_from(scaled).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DONE: Progress = Progress { desired: 4, new: 4, new_healthy: 4, old: 0 };

    #[test]
    fn a_deployment_is_complete_when_the_new_revision_is_healthy_and_the_old_one_gone() {
        assert!(is_complete(DONE, None));
        for open in [
            Progress { new: 3, ..DONE },
            Progress { new_healthy: 3, ..DONE },
            Progress { old: 1, ..DONE },
        ] {
            assert!(!is_complete(open, None), "{open:?}");
        }
    }

    #[test]
    fn early_success_is_a_share_of_the_desired_count() {
        let early = |old_tasks_block| Some(EarlySuccess { healthy_percent: 75, old_tasks_block });
        let most = Progress { new_healthy: 3, old: 1, ..DONE };
        assert!(is_complete(most, early(false)));
        assert!(!is_complete(most, early(true)));
        assert!(!is_complete(Progress { new_healthy: 2, ..most }, early(false)));
    }

    #[test]
    fn a_scale_out_goes_to_both_revisions() {
        assert_eq!(old_desired_after(3, 4, 8), 6);
        assert_eq!(old_desired_after(3, 4, 2), 3);
        assert_eq!(old_desired_after(0, 4, 8), 0);
    }
}
