//! One reconciliation of a REPLICA service: in steady state, in a rolling deployment, around DRAINING instances.
//!
//! The pass follows the arithmetic of `minimumHealthyPercent` and `maximumPercent` (documented: API reference,
//! `DeploymentConfiguration`), stop first and then start in the same pass (assumed). A task that is stopped has left
//! the healthy ones at once, and `high` when its deregistration delay is over (unpublished; inferred from how long
//! failing deployments of one task take: a parameter). Tasks fall in three classes:
//! *keep*: of the target generation, not unhealthy, not on a DRAINING instance;
//! *sick*: the same but unhealthy outside of the grace period;
//! *leaving*: of an earlier generation, or on a DRAINING instance.
//!
//! Invariants: no protected task is stopped; a pass takes the healthy count no further down than `low`; it starts
//! nothing beyond `high`; it costs O(tasks), plus O(log tasks) a stop.

use super::{ScaleIn, ServiceTask, scale_in};
use crate::base::random::Stream;
use crate::policy::deployment::rolling::Bounds;

/// Why a pass stops a task.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StopReason {
    /// More tasks than desired.
    ScaleIn,
    /// A newer deployment takes its place.
    Deployment,
    /// It is unhealthy.
    Unhealthy,
    /// Its instance is DRAINING.
    Draining,
}

/// The revision that served before a rolling deployment, as far as the scheduler still keeps tasks of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OldRevision {
    /// Its generation: of the last completed deployment.
    pub generation: u32,
    /// Its deployment's `desiredCount`: tasks that it should still have. At the start of the new deployment the
    /// service's desired count; then what [`Pass::old_desired`] says.
    pub desired: u32,
}

/// What a pass looks at.
#[derive(Clone, Copy)]
pub struct PassInput<'a> {
    /// `desiredCount`.
    pub desired: u32,
    /// Healthy tasks kept and tasks allowed.
    pub bounds: Bounds,
    /// Generation that all tasks should have.
    pub generation: u32,
    /// Tasks in their deregistration delay whose places are not free yet: they count toward `high` alone.
    pub draining: u32,
    /// Whether RUNNING tasks that are stopped drain first, and so count there.
    pub stops_drain: bool,
    /// Tasks whose desired status is RUNNING.
    pub tasks: &'a [ServiceTask],
    /// How tasks are chosen on scale-in.
    pub scale_in: ScaleIn<'a>,
    /// Whether a rolling deployment goes on. Off: `old` is not looked at.
    pub is_rolling: bool,
    /// The revision whose failed tasks are replaced by its own during a rolling deployment (documented, since
    /// November 2025); `None`: there is no completed one.
    pub old: Option<OldRevision>,
    /// Whether the launch throttle or the circuit breaker holds back tasks of the target generation: the room is then
    /// left to `old`, and nothing of the target is started.
    pub is_held: bool,
}

/// What a pass decides: first the stops, then the starts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pass {
    /// Keys of the tasks to stop, in order.
    pub stop: Vec<(u32, StopReason)>,
    /// Generations and numbers of tasks to start, in order; numbers above 0.
    pub start: Vec<(u32, u32)>,
    /// [`OldRevision::desired`] for the next pass; 0 without an old revision.
    pub old_desired: u32,
}

impl Pass {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.stop.is_empty() && self.start.is_empty()
    }
}

/// One reconciliation. A caller with a batch limit may apply a prefix of the stops, or all of them and a prefix of
/// the starts: both keep to the bounds. It makes no start before the last stop.
pub fn pass(input: &PassInput, draws: &mut Stream) -> Pass {
    let mut work = Work::new(input);
    work.stop_at_once();
    work.stop_replaced_sick(draws);
    work.stop_leaving(draws);
    work.stop_surplus(draws);
    work.make_room(draws);
    work.start()
}

/// The same of `total` tasks of which none is leaving or sick, and which are no more than desired, outside of rolling
/// deployments: nothing is stopped, and who they are does not matter.
#[must_use]
pub fn fill_up(input: &PassInput, total: u32) -> Pass {
    let missing = if input.is_held { 0 } else { input.desired - total };
    let room = input.bounds.high.saturating_sub(total + input.draining);
    let count = missing.min(room);
    let start = if count > 0 { vec![(input.generation, count)] } else { Vec::new() };
    Pass { stop: Vec::new(), start, old_desired: 0 }
}

/// A pass in the making.
struct Work<'a> {
    input: &'a PassInput<'a>,
    gone: Vec<bool>,
    /// Tasks that are left.
    total: u32,
    /// Counted healthy among them.
    healthy: u32,
    /// Tasks that drain.
    draining: u32,
    stop: Vec<(u32, StopReason)>,
}

impl<'a> Work<'a> {
    fn new(input: &'a PassInput<'a>) -> Self {
        let healthy = input.tasks.iter().filter(|task| task.counts_healthy).count();
        Work {
            input,
            gone: vec![false; input.tasks.len()],
            total: to_count(input.tasks.len()),
            healthy: to_count(healthy),
            draining: input.draining,
            stop: Vec::new(),
        }
    }

    fn is_leaving(&self, task: &ServiceTask) -> bool {
        task.generation != self.input.generation || task.is_draining
    }

    fn is_kept(&self, task: &ServiceTask) -> bool {
        !self.is_leaving(task) && !task.is_sick()
    }

    fn is_of_old(&self, task: &ServiceTask) -> bool {
        self.old().is_some_and(|old| old.generation == task.generation) && !task.is_draining
    }

    fn old(&self) -> Option<OldRevision> {
        let is_earlier = |old: &OldRevision| old.generation != self.input.generation;
        self.input.old.filter(is_earlier).filter(|_| self.input.is_rolling)
    }

    /// Tasks left for which `test` holds.
    fn count(&self, test: impl Fn(&ServiceTask) -> bool) -> u32 {
        let left = self.input.tasks.iter().zip(&self.gone).filter(|(_, gone)| !**gone);
        to_count(left.filter(|(task, _)| test(task)).count())
    }

    /// Rows of the tasks left that are not protected and for which `test` holds.
    fn stoppable(&self, test: impl Fn(&ServiceTask) -> bool) -> Vec<usize> {
        let rows = 0..self.input.tasks.len();
        let can_go = |row: &usize| {
            let task = &self.input.tasks[*row];
            !self.gone[*row] && !task.is_protected && test(task)
        };
        let mut all = Vec::with_capacity(self.input.tasks.len());
        all.extend(rows.filter(can_go));
        all
    }

    fn take(&mut self, rows: &[usize], reason: impl Fn(&ServiceTask) -> StopReason) {
        for &row in rows {
            let task = &self.input.tasks[row];
            self.gone[row] = true;
            self.total -= 1;
            self.healthy -= u32::from(task.counts_healthy);
            let reason = reason(task);
            let drains = self.input.stops_drain && task.is_running;
            self.draining += u32::from(drains && reason != StopReason::ScaleIn);
            self.stop.push((task.key, reason));
        }
    }

    fn choose(&self, rows: &[usize], count: u32, draws: &mut Stream) -> Vec<usize> {
        scale_in::choose(self.input.scale_in, self.input.tasks, &self.gone, rows, count, draws)
    }

    /// Stops that cost no healthy task and wait for nothing: PENDING tasks on DRAINING instances (documented), and,
    /// of earlier generations, unhealthy tasks and PENDING tasks of deployments that never completed (assumed).
    fn stop_at_once(&mut self) {
        let rows = self.stoppable(|task| {
            let is_earlier = task.generation != self.input.generation;
            let is_superseded = is_earlier && !task.is_running && !self.is_of_old(task);
            let is_free = (task.is_draining && !task.is_running)
                || (is_earlier && task.is_sick())
                || is_superseded;
            is_free && !task.counts_healthy
        });
        self.take(&rows, leaving_reason);
    }

    /// Unhealthy tasks whose replacement is healthy, and of tasks and replacements that are both unhealthy as many
    /// as there are too many (documented: start first, then stop; either one). The choice is random.
    fn stop_replaced_sick(&mut self, draws: &mut Stream) {
        let sick = self.count(|task| !self.is_leaving(task) && task.is_sick());
        if sick == 0 {
            return;
        }
        let settled = self.count(|task| self.is_kept(task) && task.counts_healthy);
        let needed = self.input.desired.saturating_sub(settled);
        let mut rows = self.stoppable(|task| !self.is_leaving(task) && task.is_sick());
        let count = sick.saturating_sub(needed).min(to_count(rows.len()));
        draw(&mut rows, count, draws);
        self.take(&rows, |_| StopReason::Unhealthy);
    }

    /// Tasks of earlier generations and RUNNING tasks on DRAINING instances, as far as enough healthy ones stay.
    fn stop_leaving(&mut self, draws: &mut Stream) {
        let budget = self.healthy.saturating_sub(self.input.bounds.low);
        let healthy = self.stoppable(|task| self.is_leaving(task) && task.counts_healthy);
        let rows = self.choose(&healthy, budget, draws);
        self.take(&rows, leaving_reason);
        if self.healthy >= self.input.bounds.low {
            // Nobody waits for these any more.
            let rows = self.stoppable(|task| self.is_leaving(task) && !task.counts_healthy);
            self.take(&rows, leaving_reason);
        }
    }

    /// More good tasks than desired: those that are not healthy yet go first (assumed), then by [`scale_in`].
    fn stop_surplus(&mut self, draws: &mut Stream) {
        let kept = self.count(|task| self.is_kept(task));
        let surplus = kept.saturating_sub(self.input.desired);
        if surplus == 0 {
            return;
        }
        let coming = self.stoppable(|task| self.is_kept(task) && !task.counts_healthy);
        let rows = self.choose(&coming, surplus, draws);
        self.take(&rows, |_| StopReason::ScaleIn);
        let rest = surplus - to_count(rows.len());
        let budget = self.healthy.saturating_sub(self.input.bounds.low);
        let healthy = self.stoppable(|task| self.is_kept(task) && task.counts_healthy);
        let rows = self.choose(&healthy, rest.min(budget), draws);
        self.take(&rows, |_| StopReason::ScaleIn);
    }

    /// No room for a replacement: one unhealthy task goes first, at random, where tasks that are not still coming
    /// stay `low` in number (documented: one by one, with `minimumHealthyPercent` as a constraint; that unhealthy
    /// ones are among those that it counts here is assumed, since otherwise nothing could ever be replaced).
    fn make_room(&mut self, draws: &mut Stream) {
        let kept = self.count(|task| self.is_kept(task));
        let has_room = self.total + self.draining < self.input.bounds.high;
        if has_room || kept >= self.input.desired || self.draining > 0 {
            return; // what drains will make room
        }
        let settled = self.count(|task| !task.is_coming());
        let mut rows = self.stoppable(ServiceTask::is_sick);
        if settled > self.input.bounds.low && !rows.is_empty() {
            draw(&mut rows, 1, draws);
            self.take(&rows, leaving_reason);
        }
    }

    /// Starts what is missing, as far as `high` has room.
    ///
    /// Where failures of the old revision have left fewer healthy tasks than `low`, its own replacements come first.
    /// One place is left to the new revision as long as none of it is on its way (assumed), so that a fix can
    /// replace an old revision that cannot stay up.
    fn start(self) -> Pass {
        let bounds = self.input.bounds;
        let kept = self.count(|task| self.is_kept(task));
        let missing = match self.input.is_held {
            true => 0,
            false => self.input.desired.saturating_sub(kept),
        };
        let room = bounds.high.saturating_sub(self.total + self.draining);
        let mut start = Vec::new();
        let (mut of_old, mut old_desired) = (0, 0);
        if let Some(old) = self.old() {
            let present = self.count(|task| task.generation == old.generation);
            let coming = self.count(|task| self.is_of_old(task) && task.is_coming());
            let short = bounds.low.saturating_sub(self.healthy + coming);
            let on_the_way = self.count(|task| self.is_kept(task) && task.is_coming());
            let reserved = u32::from(missing > 0 && on_the_way == 0).min(room);
            of_old = short.min(old.desired.saturating_sub(present)).min(room - reserved);
            if of_old > 0 {
                start.push((old.generation, of_old));
            }
            // A loss that leaves enough healthy tasks is one stop less to make.
            let is_waited_for = short > of_old;
            let now = present + of_old;
            old_desired = if is_waited_for { old.desired } else { old.desired.min(now) };
        }
        let of_new = missing.min(room - of_old);
        if of_new > 0 {
            start.push((self.input.generation, of_new));
        }
        Pass { stop: self.stop, start, old_desired }
    }
}

fn leaving_reason(task: &ServiceTask) -> StopReason {
    match (task.is_draining, task.is_sick()) {
        (true, _) => StopReason::Draining,
        (false, true) => StopReason::Unhealthy,
        (false, false) => StopReason::Deployment,
    }
}

/// Keeps `count` of the rows, drawn without replacement.
fn draw(rows: &mut Vec<usize>, count: u32, draws: &mut Stream) {
    let count = (count as usize).min(rows.len());
    for place in 0..count {
        let other = place + draws.below((rows.len() - place) as u64) as usize;
        rows.swap(place, other);
    }
    rows.truncate(count);
}

fn to_count(length: usize) -> u32 {
    u32::try_from(length).expect("a service has fewer than 2^32 tasks")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::{Purpose, Seed};
    use crate::model::fleet::Fleet;
    use crate::model::ids::ZoneId;
    use crate::random::drawn;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(drawn(512))]

        #[test]
        fn to_fill_up_is_a_pass_over_tasks_that_all_may_stay(
            states in prop::collection::vec((any::<bool>(), any::<bool>(), any::<bool>()), 0..12),
            more in 0_u32..12, (low, high) in (0_u32..20, 0_u32..30), draining in 0_u32..4,
            (stops_drain, is_held) in any::<(bool, bool)>(),
        ) {
            let task = |(key, &(is_running, healthy, is_protected)): (usize, &(bool, bool, bool))| ServiceTask {
                key: key as u32,
                id: key as u64,
                generation: 3,
                is_running,
                counts_healthy: is_running && healthy,
                is_unhealthy: false,
                in_grace: false,
                is_protected,
                provider: 0,
                is_draining: false,
                zone: ZoneId(key as u32 % 3),
                instance: None,
            };
            let tasks: Vec<ServiceTask> = states.iter().enumerate().map(task).collect();
            let total = tasks.len() as u32;
            let demand = crate::model::resources::Resources::default();
            let input = PassInput {
                desired: total + more,
                bounds: Bounds { low, high },
                generation: 3,
                draining,
                stops_drain,
                tasks: &tasks,
                scale_in: ScaleIn { fleet: &Fleet::default(), strategies: &[], demand, shares: &[] },
                is_rolling: false,
                old: Some(OldRevision { generation: 2, desired: 5 }),
                is_held,
            };
            let mut draws = Seed(1).stream(Purpose::Service, "fill up");
            let mut untouched = draws.clone();
            prop_assert_eq!(pass(&input, &mut draws), fill_up(&input, total));
            prop_assert_eq!(draws.below(1 << 40), untouched.below(1 << 40), "nothing is drawn");
        }
    }
}
