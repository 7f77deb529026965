//! Placed tasks: the slab that holds them, and every stage of their lives on EC2 and on Fargate.
//!
//! | File | Its part |
//! | --- | --- |
//! | `mod.rs` | the slab, and [`Life`]: the parts that a stage may touch |
//! | `latency.rs` | how long each stage takes |
//! | `place.rs` | a placement decision is applied: the promise, the record, the first stage |
//! | `start.rs` | from PROVISIONING to RUNNING |
//! | `pull.rs` | pulls while a registry is slow or down |
//! | `stop.rs` | from the end of the work to STOPPED |
//! | `lose.rs` | the instance of a task goes away under it |
//! | `line.rs` | tasks in PROVISIONING that wait for capacity |
//! | `overflow.rs` | tasks that wait for EC2 and go to Fargate instead |
//! | `refuse.rs` | tasks that cannot start: no address, no role, no way to what they need |
//! | `hold.rs` | hosts that stand still or that nobody hears |
//!
//! Who wanted a task is not known here. A task whose containers have started is handed out by [`Tasks::next_ready`];
//! its owner, a caller or a service, says that it runs.

mod hold;
mod latency;
mod line;
mod lose;
mod overflow;
mod place;
mod pull;
mod refuse;
mod start;
mod stop;

use super::books::Books;
use super::cluster::Cluster;
use super::event::Event;
use super::fargate::Fargate;
use super::rules::Rules;
use super::setup::ProvisioningSetup;
use super::task::{Slot, Task};
use crate::base::hint::ask_for;
use crate::base::time::SimTime;
use crate::engine::{Queue, Ticket};
use crate::model::ids::{GroupId, InstanceId};
use std::collections::BTreeMap;

pub use latency::{Latency, Leave, Stages};
pub use line::{Kind, Line};
pub use pull::Met;
pub use refuse::Refusal;
pub use stop::{Farewell, stop_timeout};

/// No task has this number.
const VACANT: u64 = u64::MAX;

/// The slab of live tasks.
pub struct Tasks {
    /// By slot; a row without a task has the number [`VACANT`].
    rows: Vec<Task>,
    free: Vec<Slot>,
    /// Tasks whose containers have started and whose owners have not been told.
    ready: std::collections::VecDeque<Slot>,
    /// Slots of tasks that were lost while an event of theirs was on its way: they are used again when it has come.
    ghosts: usize,
    /// Hosts that nobody hears.
    held: hold::Held,
    /// Tasks of services that are STOPPED and whose services have not been told.
    stopped: Vec<Slot>,
    /// Ends of work that may be called off: of callers' tasks on Fargate where it may take them away.
    pub(super) exits: BTreeMap<Slot, Ticket>,
    /// Tasks that cannot start, by number.
    pub refused: BTreeMap<u64, Refusal>,
    /// Tasks that wait in PROVISIONING for capacity.
    pub line: Line,
    /// How long the stages take.
    pub(super) stages: Stages,
    /// What tasks met on their way to their images, and nobody has been told.
    met: Vec<Met>,
    /// Instances that have ended, and how many tasks were lost with each, that nobody has been told of.
    lost_with: Vec<(InstanceId, u32)>,
    /// Tasks that will not get their image, by number: the outage by which.
    unpulled: BTreeMap<u64, usize>,
    /// The number of the next task.
    pub(super) next_id: u64,
    /// Tasks that are wanted and neither placed nor refused.
    pub(super) wanted: u64,
}

impl Tasks {
    /// No tasks.
    #[must_use]
    pub fn new(stages: Stages, provisioning: ProvisioningSetup) -> Tasks {
        Tasks {
            rows: Vec::new(),
            free: Vec::new(),
            ready: std::collections::VecDeque::new(),
            ghosts: 0,
            held: hold::Held::default(),
            stopped: Vec::new(),
            exits: BTreeMap::new(),
            refused: BTreeMap::new(),
            line: Line::new(provisioning),
            stages,
            met: Vec::new(),
            lost_with: Vec::new(),
            unpulled: BTreeMap::new(),
            next_id: 0,
            wanted: 0,
        }
    }

    /// Whether tasks have met outages of registries or were lost with an instance, and nobody has been told.
    #[inline]
    #[must_use]
    pub fn has_news(&self) -> bool {
        !self.met.is_empty() || !self.lost_with.is_empty()
    }

    /// Instances that have ended since this was last called, and how many tasks were lost with each.
    pub fn take_lost(&mut self) -> Vec<(InstanceId, u32)> {
        std::mem::take(&mut self.lost_with)
    }

    /// An instance has ended, and so many tasks with it.
    pub fn lost_with(&mut self, instance: InstanceId, tasks: u32) {
        self.lost_with.push((instance, tasks));
    }

    /// What tasks have met since this was last called.
    pub fn take_met(&mut self) -> Vec<Met> {
        std::mem::take(&mut self.met)
    }

    /// A task's containers have started: its owner is to be told.
    #[inline]
    pub(super) fn is_ready(&mut self, slot: Slot) {
        self.ready.push_back(slot);
    }

    /// Whether any owner is to be told.
    #[inline]
    #[must_use]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next task whose containers have started and whose owner has not been told.
    #[inline]
    pub fn next_ready(&mut self) -> Option<Slot> {
        self.ready.pop_front()
    }

    /// A service's task is STOPPED: its service is to be told before the slot is used again.
    #[inline]
    pub(super) fn has_stopped(&mut self, slot: Slot) {
        self.stopped.push(slot);
    }

    /// Whether any service is to be told.
    #[inline]
    #[must_use]
    pub fn has_any_stopped(&self) -> bool {
        !self.stopped.is_empty()
    }

    /// A stopped task whose service has not been told.
    #[inline]
    pub fn next_stopped(&mut self) -> Option<Slot> {
        self.stopped.pop()
    }

    /// Adds a task.
    #[inline]
    pub fn insert(&mut self, task: Task) -> Slot {
        if let Some(slot) = self.free.pop() {
            self.rows[slot.0 as usize] = task;
            return slot;
        }
        self.rows.push(task);
        Slot(u32::try_from(self.rows.len() - 1).expect("fewer than 2^32 live tasks"))
    }

    /// Removes a stopped task.
    #[inline]
    pub fn remove(&mut self, slot: Slot) {
        self.vacate(slot);
        self.free.push(slot);
    }

    fn vacate(&mut self, slot: Slot) {
        let id = &mut self.rows[slot.0 as usize].id;
        assert!(*id != VACANT, "a task is removed once");
        *id = VACANT;
    }

    /// Asks memory for each cache line of a record that is needed soon: records of live tasks are more than the caches
    /// hold, and nobody waits for what comes in time.
    #[inline]
    pub fn look_ahead(&self, slot: Slot) {
        let task = &self.rows[slot.0 as usize];
        ask_for(&task.id);
        ask_for(&task.started);
        ask_for(&task.stop_reason);
    }

    /// Asks memory for where a task lives.
    #[inline]
    pub fn look_ahead_to_place(&self, slot: Slot) {
        ask_for(&self.rows[slot.0 as usize].place);
    }

    /// Where the task of a slot lives, if it is an instance; for hints alone, since there may be no task any more.
    #[inline]
    #[must_use]
    pub fn instance_of(&self, slot: Slot) -> Option<InstanceId> {
        self.rows[slot.0 as usize].instance()
    }

    /// How many tasks are live.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len() - self.free.len() - self.ghosts
    }

    /// Whether no task is live.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All live tasks in order of id. Allocates: for the end of a run, pictures and checks.
    #[must_use]
    pub fn by_id(&self) -> Vec<&Task> {
        let mut live: Vec<&Task> = self.live().collect();
        live.sort_unstable_by_key(|task| task.id);
        live
    }

    /// The task of a slot, if there is one.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<&Task> {
        self.rows.get(slot.0 as usize).filter(|task| task.id != VACANT)
    }

    /// Live tasks, in no order that means anything.
    pub fn live(&self) -> impl Iterator<Item = &Task> {
        self.by_slot().map(|(_, task)| task)
    }

    fn by_slot(&self) -> impl Iterator<Item = (Slot, &Task)> {
        let slots = (0..u32::MAX).map(Slot);
        slots.zip(&self.rows).filter(|(_, task)| task.id != VACANT)
    }
}

impl std::ops::Index<Slot> for Tasks {
    type Output = Task;
    #[inline]
    fn index(&self, slot: Slot) -> &Task {
        let task = &self.rows[slot.0 as usize];
        assert!(task.id != VACANT, "the slot holds a live task");
        task
    }
}

impl std::ops::IndexMut<Slot> for Tasks {
    #[inline]
    fn index_mut(&mut self, slot: Slot) -> &mut Task {
        let task = &mut self.rows[slot.0 as usize];
        assert!(task.id != VACANT, "the slot holds a live task");
        task
    }
}

/// The parts that a stage of a task may touch.
pub struct Life<'a> {
    /// What is fixed.
    pub rules: &'a Rules,
    /// EC2 capacity.
    pub cluster: &'a mut Cluster,
    /// Fargate capacity.
    pub fargate: &'a mut Fargate,
    /// The tasks.
    pub tasks: &'a mut Tasks,
    /// Who listens.
    pub books: &'a mut Books,
    /// Clock and events to come.
    pub queue: &'a mut Queue<Event>,
}

impl Life<'_> {
    /// The clock.
    #[inline]
    pub fn now(&self) -> SimTime {
        self.queue.now()
    }

    /// Equal versions mean that placement finds equal capacity, on EC2 and on Fargate.
    #[inline]
    pub fn capacity_version(&self) -> u64 {
        self.cluster.version() + self.fargate.version() // neither ever falls
    }

    /// The id of a task group, new or known.
    pub fn group(&mut self, name: &str) -> GroupId {
        let (group, is_new) = self.cluster.group(name);
        if is_new {
            self.books.name_group(name, group);
        }
        group
    }
}
