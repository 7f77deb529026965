//! How long the next message has waited: when it came, read from the curve of arrivals. The queue is first come, first
//! served, so the message that is next came when as many had come as are answered now. A backlog over the present
//! capacity would say something else as soon as tasks are added: those who wait now have not waited so long.

use crate::base::time::SimTime;
use std::collections::VecDeque;

/// Arrivals that were not turned away, over time, as far back as somebody still waits.
pub(super) struct Line {
    /// Instants and sums of arrivals, ascending in both.
    curve: VecDeque<(SimTime, u64)>,
    answered: u64,
    /// What the next message has waited, microseconds.
    waited: f64,
}

impl Default for Line {
    fn default() -> Self {
        Line { curve: VecDeque::from([(SimTime::ZERO, 0)]), answered: 0, waited: 0.0 }
    }
}

impl Line {
    /// At `at`, `answered` more have been answered and `backlog` wait. Gives the wait of who is next now and of who was
    /// next at the call before, microseconds.
    pub fn goes_on(&mut self, at: SimTime, answered: u64, backlog: u64) -> (f64, f64) {
        self.answered += answered;
        let before = self.waited;
        if backlog == 0 {
            self.curve.clear();
        }
        self.curve.push_back((at, self.answered + backlog));
        while self.curve.len() > 1 && self.curve[1].1 <= self.answered {
            self.curve.pop_front();
        }
        self.waited = at.0 as f64 - self.came(at);
        (before, self.waited)
    }

    /// When the next message came, microseconds.
    fn came(&self, at: SimTime) -> f64 {
        let (Some(&(from, sum)), Some(&(to, more))) = (self.curve.front(), self.curve.get(1))
        else {
            return at.0 as f64;
        };
        let part = self.answered.saturating_sub(sum) as f64 / (more - sum).max(1) as f64;
        from.0 as f64 + part * (to.0 - from.0) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_message_came_when_as_many_had_come_as_are_answered() {
        let mut line = Line::default();
        let at = |seconds: u64| SimTime(seconds * 1_000_000);
        line.goes_on(at(0), 0, 0);
        // 10 a second come for 100 s, nobody answers: the first has waited for 100 s.
        assert_eq!(line.goes_on(at(100), 0, 1_000).1, 100e6);
        // Nothing comes any more; 500 are answered by 110 s: number 500 came at 50 s.
        assert_eq!(line.goes_on(at(110), 500, 500), (100e6, 60e6));
        // All are answered by 120 s.
        assert_eq!(line.goes_on(at(120), 500, 0).1, 0.0);
    }
}
