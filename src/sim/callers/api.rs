//! The API in front of the callers: token buckets, and one gate a launch type at which calls wait for tokens in order.

use crate::base::time::SimTime;
use crate::model::platform::LaunchType;
use crate::sim::bucket::TokenBucket;
use crate::sim::fargate::Fargate;
use crate::sim::request::Request;
use crate::sim::setup::{Bucket, Limits};
use std::collections::VecDeque;

/// The API's gates for one launch type: calls that wait for tokens, in order.
pub struct Gate {
    /// Buckets that every call takes one token from.
    pub per_call: Vec<usize>,
    /// Requests that wait.
    pub line: VecDeque<Request>,
    /// Whether an event is scheduled for the head.
    pub scheduled: bool,
}

/// The gates, and the token buckets of calls. Launch rates belong to Fargate.
pub struct Api {
    /// Buckets, shared between gates.
    buckets: Vec<TokenBucket>,
    /// EC2 and Fargate.
    pub gates: [Gate; 2],
}

impl Api {
    /// The buckets that the limits ask for.
    #[must_use]
    pub fn new(limits: &Limits) -> Api {
        let mut buckets = Vec::new();
        let mut add = |limit: Option<Bucket>| {
            limit.map(|limit| {
                buckets.push(TokenBucket::new(limit));
                buckets.len() - 1
            })
        };
        let calls = add(limits.run_task_calls);
        let fargate_calls = add(limits.fargate_calls);
        let gate = |per_call| Gate { per_call, line: VecDeque::new(), scheduled: false };
        let gates = [
            gate(calls.into_iter().collect()),
            gate(calls.into_iter().chain(fargate_calls).collect()),
        ];
        Api { buckets, gates }
    }

    /// Requests that wait for tokens.
    pub fn waiting(&self) -> impl Iterator<Item = &Request> {
        self.gates.iter().flat_map(|gate| &gate.line)
    }

    /// When a call with these launches on Fargate may pass.
    pub fn ready_at(
        &self,
        now: SimTime,
        gate: usize,
        launches: [u32; 2],
        fargate: &Fargate,
    ) -> SimTime {
        let calls = self.gates[gate].per_call.iter();
        let calls = calls.map(|&bucket| self.buckets[bucket].ready_at(now, 1)).max();
        calls.unwrap_or(now).max(fargate.launches_ready_at(now, launches))
    }

    /// Takes the tokens of a call that may pass.
    pub fn take(&mut self, now: SimTime, gate: usize, launches: [u32; 2], fargate: &mut Fargate) {
        for &bucket in &self.gates[gate].per_call {
            self.buckets[bucket].take(now, 1);
        }
        fargate.take_launches(now, launches);
    }
}

/// Index of a launch type's gate.
#[must_use]
pub fn gate_of(launch: LaunchType) -> usize {
    match launch {
        LaunchType::Ec2 => 0,
        LaunchType::Fargate => 1,
    }
}
