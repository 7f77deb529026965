//! The invariants of a run, compared after every event in tests and on request. A breach is a bug of ours: panic.

mod fleet;
mod services;

use super::books::Books;
use super::callers::Callers;
use super::cluster::Cluster;
use super::fargate::Fargate;
use super::fleet::Groups;
use super::rules::Rules;
use super::services::{Look, Services};
use super::task::{Slot, Task};
use super::tasks::Tasks;
use crate::base::id::{Column, Id as _};
use crate::base::time::SimTime;
use crate::metrics::capacity::Totals;
use crate::model::ids::{InstanceId, ProviderId};
use crate::model::lifecycle::TaskStatus;
use crate::model::resources::Resources;

/// The parts that are compared.
pub struct Parts<'a> {
    /// What is fixed.
    pub rules: &'a Rules,
    /// EC2 capacity.
    pub cluster: &'a Cluster,
    /// Fargate capacity.
    pub fargate: &'a Fargate,
    /// The tasks.
    pub tasks: &'a Tasks,
    /// The callers.
    pub callers: &'a Callers,
    /// The services.
    pub services: &'a Services,
    /// Auto Scaling groups.
    pub groups: &'a Groups,
    /// Who listens.
    pub books: &'a Books,
}

/// Compares every book with every other: resources, counts, states. Costs a walk over fleet and tasks.
pub fn check(parts: &Parts<'_>, now: SimTime) {
    let Parts { rules, cluster, fargate, tasks, services, .. } = *parts;
    services::check(Look { rules, cluster, fargate, tasks, services }, now);
    parts.check_resources();
    parts.check_counts();
    fleet::check(parts);
    fleet::check_fargate(parts);
    fleet::check_network(parts);
}

impl Parts<'_> {
    fn check_resources(&self) {
        let mut promised: Column<InstanceId, Resources> =
            self.cluster.fleet().ids().map(|_| Resources::ZERO).collect();
        let mut held = promised.clone();
        let mut tasks: Column<InstanceId, u32> = self.cluster.fleet().ids().map(|_| 0).collect();
        let mut by_status: Column<ProviderId, [u32; 8]> =
            self.rules.providers.ids().map(|_| [0; 8]).collect();
        for task in self.tasks.by_id() {
            by_status[task.provider][task.status as usize] += 1;
            self.check_times(task);
            let Some(instance) = task.instance() else { continue };
            let add = |to: &mut Resources, amount| {
                *to = to.checked_add(amount).expect("sums of demands stay far below 2^32");
            };
            if task.holds_promise() {
                add(&mut promised[instance], task.demand);
                tasks[instance] += 1;
            } else {
                add(&mut promised[instance], task.demand.only_enis()); // until its interface is gone
            }
            match task.status {
                TaskStatus::Activating
                | TaskStatus::Running
                | TaskStatus::Deactivating
                | TaskStatus::Stopping
                    if task.is_on_host() =>
                {
                    add(&mut held[instance], task.demand);
                }
                TaskStatus::Deprovisioning if task.is_on_host() => {
                    add(&mut held[instance], task.demand.only_enis());
                }
                _ => {}
            }
        }
        for instance in self.cluster.fleet().ids() {
            let registered = self.cluster.fleet().registered[instance];
            let is = |free: Resources, used: Resources| free.checked_add(used) == Some(registered);
            assert!(
                is(self.cluster.fleet().free[instance], promised[instance]),
                "R1: free + promised"
            );
            assert!(
                is(self.cluster.fleet().host_free[instance], held[instance]),
                "R1: the host's ledger"
            );
            assert_eq!(
                self.cluster.fleet().tasks[instance],
                tasks[instance],
                "R2: tasks of an instance"
            );
            self.check_host_queue(instance);
        }
        for provider in self.rules.providers.ids() {
            let live = &self.books.tally.live[provider];
            assert_eq!(live.by_status, by_status[provider], "R2: tasks by status");
            self.check_capacity(provider);
        }
        if self.services.is_checked {
            self.cluster.check_index();
        }
    }

    fn check_counts(&self) {
        let live = self.tasks.len() as u64;
        let refused: u64 = self.books.tally.refused.values().sum();
        assert_eq!(
            self.books.tally.submitted,
            self.books.tally.placed + self.tasks.wanted + refused,
            "T2: submitted = placed + waiting + refused"
        );
        assert_eq!(
            self.books.tally.placed,
            live - self.tasks.line.len() + self.books.tally.completed + self.books.tally.failed,
            "T2: placed = live + stopped"
        );
        let waiting = self.callers.waiting().map(|request| u64::from(request.remaining));
        let wishes = self.services.all.iter().map(|service| service.wishes.len() as u64);
        let waiting = waiting.sum::<u64>() + wishes.sum::<u64>() + self.tasks.line.len();
        assert_eq!(self.tasks.wanted, waiting, "T2: who waits is somewhere");
    }

    fn check_times(&self, task: &Task) {
        assert_eq!(
            task.waits(),
            task.placed == SimTime::NEVER,
            "T3: who has no place waits for it"
        );
        let mut last = task.arrival;
        for next in [task.accepted, task.placed, task.pending, task.pull_started, task.started] {
            assert!(next >= last, "T3: the times of a task do not decrease");
            last = next;
        }
        assert!(task.pull_stopped >= task.pull_started, "T3: a pull ends after it begins");
    }

    fn check_host_queue(&self, instance: InstanceId) {
        let Some((first, last)) = self.cluster.waiting(instance) else { return };
        let mut slot = first;
        loop {
            let task = &self.tasks[slot];
            assert_eq!(task.status, TaskStatus::Pending, "only PENDING tasks wait for their host");
            assert_eq!(task.instance(), Some(instance), "a host's queue holds its own tasks");
            if task.next_in_queue == Slot::NONE {
                break;
            }
            slot = task.next_in_queue;
        }
        assert_eq!(slot, last, "the queue ends where it says");
        let head = &self.tasks[first];
        let ports = self.rules.ports(head.definition);
        assert!(
            !self.cluster.has_room(instance, head.demand, ports)
                || !self.cluster.lets_start(instance, head.source),
            "nobody waits for a host that has room"
        );
    }

    fn check_capacity(&self, provider: ProviderId) {
        let mut registered = Totals::default();
        let mut promised = Totals::default();
        let (mut instances, mut idle, mut tasks) = (0, 0, 0);
        let of_provider = |i: &InstanceId| {
            let fleet = self.cluster.fleet();
            fleet.provider[*i] == provider && fleet.is_registered(*i)
        };
        for instance in self.cluster.fleet().ids().filter(of_provider) {
            let whole = self.cluster.fleet().registered[instance];
            registered.add(whole);
            let used = whole.checked_sub(self.cluster.fleet().free[instance]);
            promised.add(used.expect("0 ≤ free ≤ registered"));
            instances += 1;
            tasks += self.cluster.fleet().tasks[instance];
            idle += u32::from(self.cluster.fleet().tasks[instance] == 0);
        }
        let books = &self.cluster.capacity().providers[provider];
        assert_eq!(books.registered, registered, "R2: registered by provider");
        assert_eq!(books.promised, promised, "R2: promised by provider");
        assert_eq!(
            (books.instances, books.idle, books.tasks),
            (instances, idle, tasks),
            "R2: instances, idle ones and tasks by provider"
        );
        assert!(provider.index() < self.rules.providers.len());
    }
}
