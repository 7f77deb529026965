//! CPU by task, where a statistic over tasks is asked for, and CPU that tasks burn while they start.

use super::Meter;
use super::meter::{MINUTE, cpu_percent};
use crate::base::time::SimTime;
use crate::load::Load;
use crate::model::ids::InstanceId;
use crate::model::scaling::MetricValue;
use crate::policy::scaling::Point;

/// The CPU of a RUNNING task.
#[derive(Clone, Copy, Debug)]
pub struct TaskMeter {
    task: u64,
    /// Its CPU units.
    cpu: u64,
    since: SimTime,
    /// Of requests and of its start, when the last minute ended.
    nanos: u128,
    startup: u128,
    startup_before: u128,
}

/// A task that burns CPU for its start.
#[derive(Clone, Copy, Debug)]
pub struct Starting {
    /// The task.
    pub task: u64,
    /// Thousandths of a vCPU.
    pub millis: u32,
    /// Until then.
    pub until: SimTime,
    /// Where that takes CPU credits, if it does.
    pub host: Option<InstanceId>,
}

impl Meter {
    /// A task of `cpu` units begins to be RUNNING.
    pub fn task_joins(&mut self, task: u64, cpu: u64, now: SimTime) {
        if self.wants_tasks {
            let (nanos, startup, startup_before) = (0, 0, 0);
            self.tasks.push(TaskMeter { task, cpu, since: now, nanos, startup, startup_before });
        }
    }

    /// It is no longer RUNNING, nor starting. Integrated up to this instant.
    pub fn task_leaves(&mut self, task: u64) {
        self.tasks.retain(|of| of.task != task);
        self.starting.retain(|of| of.task != task);
    }

    /// What a starting task burns at most from now on. Integrated up to this instant.
    pub fn cap_start(&mut self, task: u64, most: u32) {
        if let Some(starting) = self.starting.iter_mut().find(|of| of.task == task) {
            starting.millis = starting.millis.min(most);
        }
    }

    /// What a task burns for its start now, thousandths of a vCPU.
    pub fn start_of(&self, task: u64) -> u32 {
        self.starting.iter().find(|of| of.task == task).map_or(0, |of| of.millis)
    }

    /// Adds what starting tasks have burnt between `since` and `now`.
    pub fn burn(&mut self, since: SimTime, now: SimTime) {
        if self.starting.is_empty() {
            return;
        }
        for starting in &self.starting {
            let passed = u128::from(starting.until.min(now).since(since.min(starting.until)).0);
            let nanos = u128::from(starting.millis) * passed;
            self.startup_nanos += nanos;
            self.burnt.extend(starting.host.map(|host| (host, nanos)));
            if let Some(of) = self.tasks.iter_mut().find(|of| of.task == starting.task) {
                of.startup += nanos;
            }
        }
        self.starting.retain(|starting| starting.until > now);
    }

    /// Utilisation of the minute that ends at `now`: the mean, and the statistics over the tasks that are there.
    pub fn cpu_point(&mut self, mean: Option<u64>, load: &Load, now: SimTime) -> Option<Point> {
        let average = MetricValue(mean?);
        let begin = SimTime(now.0.saturating_sub(MINUTE.0));
        let mut all = Vec::with_capacity(self.tasks.len());
        for of in &mut self.tasks {
            let nanos = load.cpu_nanos_of(of.task);
            // A target that left and came back counts anew.
            let used = nanos.checked_sub(of.nanos).unwrap_or(nanos);
            let area = u128::from(of.cpu) * u128::from(now.since(of.since.max(begin)).0);
            all.extend(cpu_percent(used + of.startup - of.startup_before, area));
            (of.nanos, of.startup_before) = (nanos, of.startup);
        }
        all.sort_unstable();
        let (Some(&minimum), Some(&maximum)) = (all.first(), all.last()) else {
            return Some(Point::level(average));
        };
        // The nearest rank: of n values the ⌈n · p⌉-th.
        let at = |percent: usize| all[(all.len() * percent).div_ceil(100).max(1) - 1];
        Some(Point { average, minimum, maximum, percentiles: [50, 90, 95, 99].map(at) })
    }
}
