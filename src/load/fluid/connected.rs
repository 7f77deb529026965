//! Requests that come by long connections, as a fluid: each target has the share of them that it has of the connections,
//! and those of clients without a connection are dropped.

use super::Fluid;
use crate::base::time::SimTime;
use crate::model::connection::ConnectionState;

impl Fluid {
    /// At time zero, connections are where they have been for long, whoever has joined meanwhile.
    pub(super) fn settle_connections(&mut self) {
        if let Some(book) = self.connections.as_mut().filter(|_| self.now == SimTime::ZERO) {
            book.settle(self.arrivals.rate_from(self.now));
        }
    }

    /// An instant at which connections change by themselves, if it is one.
    pub(super) fn tick(&mut self) {
        let Some(next) = self.connections.as_ref().map(|book| book.next) else { return };
        if next != self.now {
            return;
        }
        let tasks: Vec<u64> = self.members.iter().map(|member| member.target.task).collect();
        let needs: Vec<u32> = tasks.into_iter().map(|task| self.demand_cpu_millis(task)).collect();
        let rate = self.arrivals.rate_from(self.now);
        let Some(mut book) = self.connections.take() else { return };
        let (used, has_changed) = book.tick(self.now, rate, &needs);
        self.cpu.0 += u128::from(used);
        if has_changed {
            self.change();
            for (member, holder) in self.members.iter_mut().zip(book.holders()) {
                member.target.cpu_millis = holder.left();
            }
        }
        self.next_slow_step = book.next;
        self.connections = Some(book);
    }

    /// CPU of a target, with what connects take of it now.
    pub(super) fn cpu_of(&self, at: usize) -> u32 {
        match &self.connections {
            Some(book) => book.limit(at),
            None => self.members[at].target.cpu_millis,
        }
    }

    /// A target is gone, and so are its connections.
    pub(super) fn cut(&mut self, task: u64) {
        if let Some(book) = &mut self.connections {
            self.cpu.0 += u128::from(book.remove(task, self.now));
        }
    }

    /// CPU of connects up to now.
    pub(super) fn burn(&mut self) {
        if let Some(book) = &mut self.connections {
            self.cpu.0 += u128::from(book.burn(self.now));
        }
    }

    /// See [`crate::load::Load::connections`].
    pub fn connection_state(&self) -> Option<ConnectionState> {
        self.connections.as_ref().map(|book| book.state(self.now))
    }
}
