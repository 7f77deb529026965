//! The API in front of the callers: token buckets, and one gate a launch type at which calls wait for tokens in order.

use super::bucket::TokenBucket;
use super::callers::Request;
use super::setup::{Bucket, Limits};
use crate::base::time::SimTime;
use crate::model::platform::LaunchType;
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

/// All token buckets and gates.
pub struct Api {
    /// Buckets, shared between gates.
    pub buckets: Vec<TokenBucket>,
    /// EC2 and Fargate.
    pub gates: [Gate; 2],
    /// Launch buckets of Fargate On-Demand and Spot: a token a task.
    pub launches: [Option<usize>; 2],
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
        let launches = [add(limits.fargate_launches), add(limits.fargate_spot_launches)];
        let gate = |per_call| Gate { per_call, line: VecDeque::new(), scheduled: false };
        let gates = [
            gate(calls.into_iter().collect()),
            gate(calls.into_iter().chain(fargate_calls).collect()),
        ];
        Api { buckets, gates, launches }
    }

    /// Every bucket that a call takes from, with the number of tokens.
    fn takes(&self, gate: usize, launches: [u32; 2]) -> impl Iterator<Item = (usize, u32)> + '_ {
        let calls = self.gates[gate].per_call.iter().map(|&bucket| (bucket, 1));
        let tasks = self.launches.iter().zip(launches);
        calls.chain(tasks.filter_map(|(bucket, n)| bucket.filter(|_| n > 0).map(|b| (b, n))))
    }

    /// When a call with these launch tokens may pass.
    pub fn ready_at(&self, now: SimTime, gate: usize, launches: [u32; 2]) -> SimTime {
        let takes = self.takes(gate, launches);
        takes.map(|(bucket, n)| self.buckets[bucket].ready_at(now, n)).max().unwrap_or(now)
    }

    /// Takes the tokens of a call that may pass.
    pub fn take(&mut self, now: SimTime, gate: usize, launches: [u32; 2]) {
        for &bucket in &self.gates[gate].per_call {
            self.buckets[bucket].take(now, 1);
        }
        for (bucket, tokens) in self.launches.into_iter().zip(launches) {
            if let Some(bucket) = bucket.filter(|_| tokens > 0) {
                self.buckets[bucket].take(now, tokens);
            }
        }
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
