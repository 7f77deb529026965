//! Callers of RunTask and StartTask: API rates, calls of at most ten tasks, and what happens when a task does
//! not fit.
//!
//! A throttled call waits for its token in order (assumed: the caller's SDK retries until the API lets it
//! through). A call is accepted as a whole; each of its tasks is then placed or refused by itself.
//!
//! | File | Its part |
//! | --- | --- |
//! | `mod.rs` | the state of callers, and [`Calls`]: the parts that they may touch |
//! | `api.rs` | token buckets, and the lines in which calls wait for them |
//! | `calls.rs` | rows become requests, requests become calls |
//! | `failures.rs` | what a caller does about tasks that found no place |
//! | `queue.rs` | callers that keep a queue of their own |
//! | `shares.rs` | capacity provider strategies |

mod api;
mod calls;
mod failures;
mod queue;
mod shares;

use super::request::Request;
use super::setup::{Launch, Limits, OnFailure, SourceSetup};
use super::tasks::Life;
use crate::base::id::Column;
use crate::base::random::{Family, Purpose, Seed};
use crate::base::time::{SimSpan, SimTime};
use crate::model::fleet::Fleet;
use crate::model::ids::{GroupId, InstanceId, SourceId};
use crate::model::platform::LaunchType;
use api::{Api, gate_of};
use shares::by_preference;
pub use shares::{next_share, split_by_strategy};
use std::collections::VecDeque;

/// What a caller remembers.
pub struct Caller {
    /// Its settings.
    setup: SourceSetup,
    /// Where its calls go.
    launch: LaunchType,
    /// Its own first-come queue.
    queue: VecDeque<Request>,
    /// Instances that StartTask names, and whose turn it is.
    named: Vec<InstanceId>,
    /// Index into `named`.
    turn: usize,
    /// The file of its trace, for messages.
    file: Option<Box<str>>,
    /// Tasks that it has wanted so far.
    wanted: u64,
    /// Jitter of retries, one stream a request.
    jitter: Family,
    /// Group of rows that name none, where the caller sets it.
    group: Option<GroupId>,
    /// Since when its queue waits in a line for the API to let a call through, if it does.
    held_since: Option<SimTime>,
    /// For how long its queue has waited so, before that.
    throttled: SimSpan,
}

impl Caller {
    /// For how long its queue has waited for the API by `now`.
    fn throttled_until(&self, now: SimTime) -> SimSpan {
        self.held_since.map_or(self.throttled, |since| self.throttled + now.since(since))
    }
}

/// All callers, and the API in front of them.
pub struct Callers {
    all: Column<SourceId, Caller>,
    api: Api,
    parked: Vec<Option<Request>>,
    free_parked: Vec<u32>,
    /// Launch types whose capacity has changed so that a queue may go on.
    woken: [bool; 2],
    /// Whether a Control event of this instant will serve them.
    control_is_due: bool,
    /// When launch tokens will be there that a queue on Fargate lacked.
    tokens_at: Option<SimTime>,
}

impl Callers {
    /// Nobody calls yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Callers {
        Callers {
            all: Column::new(),
            api: Api::new(limits),
            parked: Vec::new(),
            free_parked: Vec::new(),
            woken: [false; 2],
            control_is_due: false,
            tokens_at: None,
        }
    }

    /// Takes in the next caller.
    pub fn add(
        &mut self,
        setup: &SourceSetup,
        launch: LaunchType,
        group: Option<GroupId>,
        seed: Seed,
        fleet: &Fleet,
    ) {
        self.all.push(Caller {
            launch,
            queue: VecDeque::new(),
            named: named_instances(&setup.launch, fleet),
            turn: 0,
            file: None,
            wanted: 0,
            jitter: seed.family(Purpose::Retry, &setup.stream),
            group,
            held_since: None,
            throttled: SimSpan::ZERO,
            setup: setup.clone(),
        });
    }

    /// Everything that waits for placement, in no order.
    pub fn waiting(&self) -> impl Iterator<Item = &Request> {
        let queues = self.all.iter().flat_map(|caller| &caller.queue);
        self.api.waiting().chain(queues).chain(self.parked.iter().flatten())
    }

    /// A number for the digest that does not depend on how memory is reused: the first task of a parked request.
    #[must_use]
    pub fn parked_task(&self, parked: u32) -> u64 {
        self.parked[parked as usize].as_ref().map_or(0, |request| request.first_id)
    }

    /// When the API has accepted a request that still waits at `now`, if it has. Of a queue's: when it was wanted, and
    /// later by the time for which the API held the queue back.
    #[must_use]
    pub fn accepted(&self, request: &Request, now: SimTime) -> Option<SimTime> {
        let caller = &self.all[request.source];
        if caller.setup.on_failure != OnFailure::Queue {
            return request.accepted;
        }
        let throttled = caller.throttled_until(now).0 - request.throttled_before.0;
        Some(request.arrival + SimSpan(throttled))
    }

    /// Whether nothing that waits can ever be placed, once no task lives and no row is to come: everyone who could be
    /// next has been refused in the very state that its capacity is in (`versions`, of EC2 and of Fargate). A queue calls
    /// again only after a change; who retries StartTask has named each of its instances by then. Who calls a bounded
    /// number of times makes all of its calls. A call that waits for tokens is one of the others.
    #[must_use]
    pub fn is_stuck(&self, versions: [u64; 2]) -> bool {
        let refusals = |request: &Request| match request.refused {
            (seen, times) if seen == versions[gate_of(self.all[request.source].launch)] => times,
            _ => 0,
        };
        let mut heads = self.all.iter().filter_map(|caller| caller.queue.front());
        let mut parked = self.parked.iter().flatten().chain(self.api.waiting());
        let names = |request: &Request| self.all[request.source].named.len().max(1);
        let is_bounded = |request: &Request| {
            let on_failure = &self.all[request.source].setup.on_failure;
            matches!(on_failure, OnFailure::Retry { attempts: Some(_), .. })
        };
        heads.all(|request| refusals(request) > 0)
            && parked.all(|request| !is_bounded(request) && refusals(request) >= names(request))
    }
}

/// Container instances that StartTask names.
fn named_instances(launch: &Launch, fleet: &Fleet) -> Vec<InstanceId> {
    let Launch::Start(names) = launch else { return Vec::new() };
    let find = |name: &String| fleet.name.enumerate().find(|(_, n)| *n == name);
    names.iter().filter_map(|name| find(name).map(|(id, _)| id)).collect()
}

/// The parts that a caller may touch: its own, and through [`Life`] what placing a task touches.
pub struct Calls<'a> {
    /// What a placement may touch.
    pub life: Life<'a>,
    /// The callers.
    pub callers: &'a mut Callers,
}
