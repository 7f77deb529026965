//! Requests that come by long connections, one by one: any client is as likely to have sent the next one, and goes where
//! its connection is.

use super::Requests;
use crate::base::time::SimTime;
use crate::model::connection::ConnectionState;

impl Requests {
    /// The clock, in the book's microseconds.
    fn at(&self) -> SimTime {
        SimTime(self.now / 1_000)
    }

    /// At time zero, connections are where they have been for long.
    pub(super) fn settle_connections(&mut self) {
        if let Some(book) = self.connections.as_mut().filter(|_| self.now == 0) {
            book.settle(self.arrivals.rate_from(SimTime::ZERO));
        }
    }

    /// When connections change by themselves, nanoseconds.
    #[inline]
    pub(super) fn next_tick(&self) -> u64 {
        self.connections.as_ref().map_or(u64::MAX, |book| book.next.0.saturating_mul(1_000))
    }

    /// They do.
    pub(super) fn tick(&mut self) {
        let now = self.at();
        let tasks: Vec<u64> = self.index.keys().copied().collect();
        let needs: Vec<u32> = tasks.into_iter().map(|task| self.demand_cpu_millis(task)).collect();
        let rate = self.arrivals.rate_from(now);
        let Some(mut book) = self.connections.take() else { return };
        let (used, has_changed) = book.tick(now, rate, &needs);
        self.used += u128::from(used) * 1_000;
        let stations: Vec<usize> = self.index.values().copied().collect();
        for (index, holder) in stations.into_iter().zip(book.holders()).filter(|_| has_changed) {
            self.give_cpu(index, holder.left());
        }
        self.connections = Some(book);
    }

    /// The station of the next request; `None`: its client has no connection.
    pub(super) fn by_connection(&self) -> Option<u32> {
        let book = self.connections.as_ref()?;
        let task = book.draw(self.numbered)?; // which has been counted on
        self.index.get(&task).map(|&index| index as u32)
    }

    /// A target gets no new connections, or some again.
    pub(super) fn drains(&mut self, task: u64, is_draining: bool) {
        let now = self.at();
        if let Some(book) = &mut self.connections {
            book.set_draining(task, is_draining, now);
        }
    }

    /// A target is gone, and so are its connections.
    pub(super) fn cut(&mut self, task: u64) {
        let now = self.at();
        if let Some(book) = &mut self.connections {
            self.used += u128::from(book.remove(task, now)) * 1_000;
        }
    }

    /// CPU of connects up to now.
    pub(super) fn burn(&mut self) {
        let now = self.at();
        if let Some(book) = &mut self.connections {
            self.used += u128::from(book.burn(now)) * 1_000;
        }
    }

    /// See [`crate::load::Load::connections`].
    pub fn connection_state(&self) -> Option<ConnectionState> {
        self.connections.as_ref().map(|book| book.state(self.at()))
    }
}
