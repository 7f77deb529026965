//! EC2 first, Fargate for what does not fit: a task that has waited long enough for room with its EC2 capacity provider
//! starts on Fargate. ECS knows no such fallback; users have wished for it for years.

use super::Life;
use crate::base::time::SimTime;
use crate::engine::Class;
use crate::model::definition::NetworkMode;
use crate::model::resources::Resources;
use crate::sim::books::Change;
use crate::sim::event::Event;
use crate::sim::request::Request;
use crate::sim::setup::Overflow;
use crate::sim::task::{Place, Slot, Task};

impl Life<'_> {
    /// Where a task overflows to, and the size that it has there, if it may.
    fn overflow_of(&self, of: &Task) -> Option<(Overflow, Resources)> {
        let overflow = self.rules.askers[of.source].overflow?;
        let definition = &self.rules.definitions[of.definition];
        // A row of a trace may name another definition than its caller's, and sizes of its own.
        let fits = definition.network_mode == NetworkMode::Awsvpc;
        let size = self.fargate.size(definition, of.demand).filter(|_| fits)?;
        Some((overflow, size))
    }

    /// When a task that begins to wait may go to Fargate.
    pub(super) fn may_leave_at(&mut self, request: &Request) -> SimTime {
        let now = self.now();
        let Some(of) = self.rules.askers[request.source].overflow else { return SimTime::NEVER };
        if of.after.0 > 0 {
            return now + of.after;
        }
        // It has been tried in this very moment.
        let rate = self.fargate_ready_at(of);
        if rate > now { rate } else { now + of.again }
    }

    /// The first task of a request found no room on EC2: it starts on Fargate if it need not wait for that. Capacity and
    /// launches of Fargate are first for those who wait already.
    pub(super) fn overflows_at_once(&mut self, request: &Request) -> Option<Slot> {
        let now = self.now();
        let of = self.rules.askers[request.source].overflow?;
        let first = self.tasks.line.leaving.first_key_value();
        let is_behind = first.is_some_and(|((at, _), _)| *at <= now);
        if of.after.0 > 0 || is_behind || self.fargate_ready_at(of) > now {
            return None;
        }
        let nowhere = Place::Waiting(u32::MAX);
        let mut task = self.new_task(request, nowhere, of.provider, request.demand, now);
        let (of, size) = self.overflow_of(&task)?;
        self.take_fargate(&mut task, of, size)?;
        self.books.saw(Change::Overflows { waited: now.since(task.accepted) });
        Some(self.begin(task, request.demand))
    }

    fn fargate_ready_at(&mut self, of: Overflow) -> SimTime {
        let now = self.now();
        let purchase = self.rules.providers[of.provider].purchase;
        self.fargate.launch_bucket(purchase).map_or(now, |bucket| bucket.ready_at(now, 1))
    }

    /// Gives a task its size and its zone on Fargate, and takes the launch from the account's rate; `None` where Fargate
    /// has no capacity for it.
    fn take_fargate(&mut self, task: &mut Task, of: Overflow, size: Resources) -> Option<()> {
        let now = self.now();
        let purchase = self.rules.providers[of.provider].purchase;
        let zone = self.fargate_zone((task.source, task.group), of.provider, size).ok()?;
        if let Some(bucket) = self.fargate.launch_bucket(purchase) {
            bucket.take(now, 1);
        }
        (task.place, task.provider, task.placed) = (Place::Fargate(zone), of.provider, now);
        (task.demand, task.has_overflowed) = (size, true);
        Some(())
    }

    /// The event for which the line waits is here.
    pub fn overflow_is_due(&mut self) {
        let now = self.now();
        let watched = &mut self.tasks.line.leaving_watched;
        *watched = watched.filter(|at| *at > now);
    }

    /// The next task that has waited long enough and gets a place on Fargate.
    pub fn next_overflow(&mut self) -> Option<Slot> {
        loop {
            let now = self.now();
            let (&key, &slot) = self.tasks.line.leaving.first_key_value()?;
            let of = self.rules.askers[self.tasks[slot].source].overflow?;
            if key.0 > now {
                self.watch_overflow(key.0);
                return None;
            }
            let ready = self.fargate_ready_at(of);
            if ready > now {
                self.watch_overflow(ready); // all of one purchase option wait for it in turn
                return None;
            }
            if self.overflows(slot) {
                return Some(slot);
            }
            self.tasks.line.put_off(key, now + of.again);
        }
    }

    /// A task leaves the line for Fargate, if there is capacity for it.
    fn overflows(&mut self, slot: Slot) -> bool {
        let mut task = self.tasks[slot].clone();
        let asked = task.demand;
        let Some((of, size)) = self.overflow_of(&task) else { return false };
        if self.take_fargate(&mut task, of, size).is_none() {
            return false;
        }
        self.leave_line(slot);
        self.books.saw(Change::WaitsNoMore { provider: self.tasks[slot].provider });
        self.books.saw(Change::Overflows { waited: task.placed.since(task.accepted) });
        self.books.saw(Change::Placed { task: &task, asked });
        self.tasks[slot] = task;
        self.tasks.wanted -= 1;
        self.provisioned(slot);
        true
    }

    /// An event is arranged for the first that may leave, not before an instant.
    pub fn watch_overflow(&mut self, not_before: SimTime) {
        let line = &mut self.tasks.line;
        let Some((&(at, _), _)) = line.leaving.first_key_value() else { return };
        let at = at.max(not_before).max(self.queue.now());
        if line.leaving_watched.is_none_or(|watched| at < watched) {
            line.leaving_watched = Some(at);
            self.queue.schedule(at, Class::Control, Event::Overflow);
        }
    }
}
