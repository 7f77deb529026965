//! The API in front of the callers: token buckets, and the lines in which calls wait for tokens.
//!
//! There is a line a launch type, since Fargate has limits of its own that must not hold up EC2. Calls of either take
//! tokens of the bucket that they share in the order in which they came: that is what tickets are for.

use crate::base::time::SimTime;
use crate::model::ids::SourceId;
use crate::model::platform::LaunchType;
use crate::sim::bucket::TokenBucket;
use crate::sim::fargate::Fargate;
use crate::sim::request::Request;
use crate::sim::setup::Limits;
use std::collections::VecDeque;

/// Who waits for tokens.
#[allow(clippy::large_enum_variant)] // a line of queues is short, one of requests is what it is for
pub enum Waiting {
    /// A request whose calls are still to be made.
    Calls(Request),
    /// A caller that wants to make a call for the head of its own queue.
    Queue(SourceId),
}

/// The lines, and the token buckets of calls. Launch rates belong to Fargate.
pub struct Api {
    /// Calls of both launch types.
    calls: Option<TokenBucket>,
    /// Calls on Fargate.
    fargate_calls: Option<TokenBucket>,
    /// EC2 and Fargate: who waits, by ticket.
    lines: [VecDeque<(u64, Waiting)>; 2],
    next_ticket: u64,
    /// The instant of the next event that is scheduled for the lines.
    pub due: Option<SimTime>,
}

impl Api {
    /// The buckets that the limits ask for.
    #[must_use]
    pub fn new(limits: &Limits) -> Api {
        Api {
            calls: limits.run_task_calls.map(TokenBucket::new),
            fargate_calls: limits.fargate_calls.map(TokenBucket::new),
            lines: [VecDeque::new(), VecDeque::new()],
            next_ticket: 0,
            due: None,
        }
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.lines.iter().all(VecDeque::is_empty)
    }

    /// Requests that wait for tokens.
    pub fn waiting(&self) -> impl Iterator<Item = &Request> {
        self.lines.iter().flatten().filter_map(|(_, waiting)| match waiting {
            Waiting::Calls(request) => Some(request),
            Waiting::Queue(_) => None,
        })
    }

    /// The lines that have a head, the earlier head first.
    #[must_use]
    pub fn heads(&self) -> Vec<(usize, &Waiting)> {
        let heads = self.lines.iter().enumerate();
        let mut heads: Vec<_> =
            heads.filter_map(|(gate, line)| line.front().map(|head| (gate, head))).collect();
        heads.sort_by_key(|(_, (ticket, _))| *ticket);
        heads.into_iter().map(|(gate, (_, waiting))| (gate, waiting)).collect()
    }

    /// Joins the end of a line.
    pub fn join(&mut self, gate: usize, waiting: Waiting) {
        self.lines[gate].push_back((self.next_ticket, waiting));
        self.next_ticket += 1;
    }

    /// The head of a line leaves it.
    pub fn leave(&mut self, gate: usize) -> (u64, Waiting) {
        self.lines[gate].pop_front().expect("the line has a head")
    }

    /// What is left of the head of a line goes back to its place.
    pub fn come_back(&mut self, gate: usize, ticket: u64, waiting: Waiting) {
        self.lines[gate].push_front((ticket, waiting));
    }

    /// When a call with these launches on Fargate may pass.
    pub fn ready_at(
        &self,
        now: SimTime,
        gate: usize,
        launches: [u32; 2],
        fargate: &Fargate,
    ) -> SimTime {
        let own = self.fargate_calls.as_ref().filter(|_| gate == FARGATE);
        let buckets = self.calls.iter().chain(own);
        let calls = buckets.map(|bucket| bucket.ready_at(now, 1)).max();
        calls.unwrap_or(now).max(fargate.launches_ready_at(now, launches))
    }

    /// Takes the tokens of a call that may pass.
    pub fn take(&mut self, now: SimTime, gate: usize, launches: [u32; 2], fargate: &mut Fargate) {
        let own = self.fargate_calls.as_mut().filter(|_| gate == FARGATE);
        for bucket in self.calls.iter_mut().chain(own) {
            bucket.take(now, 1);
        }
        fargate.take_launches(now, launches);
    }
}

/// Fargate's line.
pub const FARGATE: usize = 1;

/// Index of a launch type's line.
#[must_use]
pub fn gate_of(launch: LaunchType) -> usize {
    match launch {
        LaunchType::Ec2 => 0,
        LaunchType::Fargate => FARGATE,
    }
}
