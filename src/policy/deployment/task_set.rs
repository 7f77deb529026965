//! Task sets, of the EXTERNAL and CODE_DEPLOY controllers (documented: API reference, `TaskSet`).

use crate::model::service::Permille;

/// `computedDesiredCount`: ⌈desired × scale⌉.
#[must_use]
pub fn computed_desired(desired: u32, scale: Permille) -> u32 {
    let exact = (u64::from(desired) * u64::from(scale.0)).div_ceil(1_000);
    u32::try_from(exact).unwrap_or(u32::MAX)
}

/// The tasks of a task set.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TaskSetCounts {
    /// `runningCount`.
    pub running: u32,
    /// `pendingCount`.
    pub pending: u32,
    /// Tasks on DRAINING instances.
    pub on_draining: u32,
    /// Tasks that are not counted healthy.
    pub not_healthy: u32,
}

/// `stabilityStatus` is STEADY_STATE: as many run as computed, none is pending, none on a DRAINING instance, all are
/// healthy.
#[must_use]
pub fn is_steady(counts: TaskSetCounts, computed_desired: u32) -> bool {
    let has_count = counts.running == computed_desired && counts.pending == 0;
    has_count && counts.on_draining == 0 && counts.not_healthy == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_computed_desired_count_is_rounded_up() {
        assert_eq!(computed_desired(10, Permille(255)), 3);
        assert_eq!(computed_desired(10, Permille::ALL), 10);
        assert_eq!(computed_desired(10, Permille::NONE), 0);
    }

    #[test]
    fn a_task_set_is_steady_only_when_all_of_it_holds() {
        let counts = TaskSetCounts { running: 3, ..TaskSetCounts::default() };
        assert!(is_steady(counts, 3));
        assert!(!is_steady(counts, 4));
        assert!(!is_steady(TaskSetCounts { pending: 1, ..counts }, 3));
        assert!(!is_steady(TaskSetCounts { on_draining: 1, ..counts }, 3));
        assert!(!is_steady(TaskSetCounts { not_healthy: 1, ..counts }, 3));
    }
}
