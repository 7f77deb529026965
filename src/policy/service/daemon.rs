//! DAEMON services: exactly one task on each ACTIVE instance that meets the constraints.
//!
//! Documented: none is started on a DRAINING instance and there it stops last; where a constraint no longer holds the
//! task is stopped; an update stops, then starts, within `minimumHealthyPercent` (`maximumPercent` is 100).
//! Assumed: rounding as for REPLICA services, with the number of eligible instances as the desired count; unhealthy
//! tasks are replaced one at a time, earlier generations in order of their instances.

use super::{ServiceTask, StopReason};
use crate::model::ids::InstanceId;
use crate::policy::deployment::rolling::percent_of;

/// What a pass looks at.
#[derive(Clone, Copy)]
pub struct DaemonInput<'a> {
    /// ACTIVE instances that meet the constraints, ascending.
    pub eligible: &'a [InstanceId],
    /// Generation that all tasks should have.
    pub generation: u32,
    /// `minimumHealthyPercent`.
    pub minimum_healthy_percent: u32,
    /// Tasks whose desired status is RUNNING; each has an instance.
    pub tasks: &'a [ServiceTask],
    /// Whether a DRAINING instance holds nothing but daemon tasks any more.
    pub is_otherwise_empty: &'a dyn Fn(InstanceId) -> bool,
}

/// What a pass decides: first the stops, then the starts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DaemonPass {
    /// Keys of the tasks to stop.
    pub stop: Vec<(u32, StopReason)>,
    /// Instances on which a task of the target generation is to be started, ascending.
    pub start: Vec<InstanceId>,
}

/// One reconciliation of a DAEMON service.
#[must_use]
pub fn pass(input: &DaemonInput) -> DaemonPass {
    let mut stop = Vec::new();
    let low = percent_of(
        u32::try_from(input.eligible.len()).expect("a fleet has fewer than 2^32 instances"),
        input.minimum_healthy_percent,
    );
    let mut rows: Vec<&ServiceTask> = input.tasks.iter().collect();
    // The one that stays on an instance comes first: the newest generation, then the oldest task.
    rows.sort_by_key(|task| (task.instance, u32::MAX - task.generation, task.id));
    let mut stays: Vec<&ServiceTask> = Vec::with_capacity(rows.len());
    for task in rows {
        let Some(instance) = task.instance else { continue };
        let is_second = stays.last().is_some_and(|last| last.instance == task.instance);
        if task.is_draining {
            if (input.is_otherwise_empty)(instance) {
                stop.push((task.key, StopReason::Draining));
            }
        } else if is_second || input.eligible.binary_search(&instance).is_err() {
            stop.push((task.key, StopReason::ScaleIn));
        } else {
            stays.push(task);
        }
    }
    let is_old = |task: &ServiceTask| task.generation != input.generation;
    let count = |test: &dyn Fn(&ServiceTask) -> bool| {
        let number = stays.iter().filter(|task| test(task)).count();
        u32::try_from(number).expect("a fleet has fewer than 2^32 instances")
    };
    let mut budget = count(&|task| task.counts_healthy).saturating_sub(low);
    let may_stop_sick = count(&|task| !task.is_coming()) > low;
    let mut replaced_sick = false;
    stays.retain(|task| {
        let goes = if is_old(task) {
            let is_paid = task.counts_healthy && budget > 0;
            budget -= u32::from(is_paid);
            is_paid || !task.counts_healthy
        } else {
            task.is_sick() && may_stop_sick && !std::mem::replace(&mut replaced_sick, true)
        };
        if goes && !task.is_protected {
            let is_sick = task.is_sick();
            let reason = if is_sick { StopReason::Unhealthy } else { StopReason::Deployment };
            stop.push((task.key, reason));
        }
        !goes || task.is_protected
    });
    let holds = |instance: &InstanceId| {
        stays.binary_search_by_key(&Some(*instance), |task| task.instance).is_ok()
    };
    let start = input.eligible.iter().filter(|instance| !holds(instance)).copied().collect();
    DaemonPass { stop, start }
}
