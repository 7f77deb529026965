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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::ZoneId;

    fn task(key: u32, instance: u32, generation: u32) -> ServiceTask {
        ServiceTask {
            key,
            id: key.into(),
            generation,
            is_running: true,
            counts_healthy: true,
            is_unhealthy: false,
            in_grace: false,
            is_protected: false,
            is_draining: false,
            provider: 0,
            zone: ZoneId(0),
            instance: Some(InstanceId(instance)),
        }
    }

    fn run(eligible: u32, tasks: &[ServiceTask], minimum: u32, is_empty: bool) -> DaemonPass {
        let eligible: Vec<InstanceId> = (0..eligible).map(InstanceId).collect();
        pass(&DaemonInput {
            eligible: &eligible,
            generation: 2,
            minimum_healthy_percent: minimum,
            tasks,
            is_otherwise_empty: &|_| is_empty,
        })
    }

    #[test]
    fn each_eligible_instance_has_exactly_one_task() {
        let decided = run(3, &[task(0, 0, 2), task(1, 0, 2), task(2, 7, 2)], 0, false);
        assert_eq!(decided.stop, [(1, StopReason::ScaleIn), (2, StopReason::ScaleIn)]);
        assert_eq!(decided.start, [InstanceId(1), InstanceId(2)]);
    }

    #[test]
    fn an_update_stops_and_then_starts_within_the_minimum() {
        let old: Vec<ServiceTask> = (0..4).map(|n| task(n, n, 1)).collect();
        assert_eq!(run(4, &old, 0, false).stop.len(), 4);
        let half = run(4, &old, 50, false);
        assert_eq!(half.stop, [(0, StopReason::Deployment), (1, StopReason::Deployment)]);
        assert_eq!(half.start, [InstanceId(0), InstanceId(1)]);
        assert!(run(4, &old, 100, false).stop.is_empty());
    }

    #[test]
    fn a_daemon_is_the_last_task_on_a_draining_instance() {
        let last = [ServiceTask { is_draining: true, ..task(0, 9, 2) }];
        assert!(run(0, &last, 0, false).stop.is_empty());
        assert_eq!(run(0, &last, 0, true).stop, [(0, StopReason::Draining)]);
    }

    #[test]
    fn unhealthy_daemons_are_replaced_one_at_a_time() {
        let sick = |task| ServiceTask { counts_healthy: false, is_unhealthy: true, ..task };
        let decided = run(2, &[sick(task(0, 0, 2)), sick(task(1, 1, 2))], 0, false);
        assert_eq!(decided.stop, [(0, StopReason::Unhealthy)]);
        assert_eq!(decided.start, [InstanceId(0)]);
    }
}
