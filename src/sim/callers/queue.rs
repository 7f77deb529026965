//! Callers that keep a first-come, first-served queue of their own, as a batch scheduler does.
//!
//! The head of a queue is tried wherever its caller allows: a queue waits only while no provider of its strategy, and none
//! of the instances that StartTask names, has room. What may change that wakes it, and nothing else does.

use super::api::{FARGATE, Waiting, gate_of};
use super::{Calls, by_preference};
use crate::base::time::SimSpan;
use crate::engine::Class;
use crate::model::ids::SourceId;
use crate::sim::event::{Event, RunError};
use crate::sim::request::{Call, Failure, Request, Target};
use crate::sim::setup::Launch;

impl Calls<'_> {
    /// Capacity of these launch types has changed: one Control event at the end of the instant serves those who wait for it.
    pub fn wake(&mut self, woken: [bool; 2]) {
        let mut is_needed = false;
        for caller in self.callers.all.iter().filter(|caller| !caller.queue.is_empty()) {
            let gate = gate_of(caller.launch);
            if woken[gate] {
                self.callers.woken[gate] = true;
                is_needed = true;
            }
        }
        if is_needed && !std::mem::replace(&mut self.callers.control_is_due, true) {
            self.life.queue.schedule(self.now(), Class::Control, Event::Control);
        }
    }

    /// The settled state of an instant: every queue that was woken is served, in order of caller.
    ///
    /// # Errors
    /// As [`Calls::request_row`].
    pub fn serve_queues(&mut self) -> Result<(), RunError> {
        self.callers.control_is_due = false;
        if self.callers.tokens_at.is_some_and(|at| at <= self.now()) {
            self.callers.tokens_at = None;
            self.callers.woken[FARGATE] = true;
        }
        self.serve_woken()
    }

    /// Serves the queues that were woken and have not been served since.
    pub(super) fn serve_woken(&mut self) -> Result<(), RunError> {
        let woken = std::mem::take(&mut self.callers.woken);
        if woken == [false; 2] {
            return Ok(());
        }
        for source in self.callers.all.ids() {
            if woken[gate_of(self.callers.all[source].launch)] {
                self.serve_queue(source)?;
            }
        }
        Ok(())
    }

    /// A caller's queue joins the line of those who want to call, unless it waits there already.
    pub(super) fn serve_queue(&mut self, source: SourceId) -> Result<(), RunError> {
        self.join_line(source);
        self.serve_lines()
    }

    fn join_line(&mut self, source: SourceId) {
        let now = self.now();
        let caller = &mut self.callers.all[source];
        if caller.queue.is_empty() || caller.held_since.is_some() {
            return;
        }
        caller.held_since = Some(now);
        self.callers.api.join(gate_of(caller.launch), Waiting::Queue(source));
    }

    /// The API lets a call of a queue through: one for its head, and the next has to get in line again.
    pub(super) fn queue_calls(&mut self, source: SourceId) -> Result<(), RunError> {
        let now = self.now();
        let caller = &mut self.callers.all[source];
        caller.throttled = caller.throttled_until(now);
        caller.held_since = None;
        if self.serve_head(source)? {
            self.join_line(source);
        }
        Ok(())
    }

    /// Launch tokens of the call that a queue wants to make for its head.
    pub(super) fn launch_tokens_of_queue(&self, source: SourceId) -> [u32; 2] {
        let caller = &self.callers.all[source];
        let head = caller.queue.front().expect("a queue in line has a head");
        if head.call.left > 0 {
            return self.launch_tokens(source, &head.call.placed, head.call.total, head.call.left);
        }
        let tasks = head.remaining.min(caller.setup.tasks_per_call);
        self.launch_tokens(source, &[], tasks, tasks)
    }

    /// One call for the head of a queue; says whether the queue goes on.
    fn serve_head(&mut self, source: SourceId) -> Result<bool, RunError> {
        let now = self.now();
        let caller = &mut self.callers.all[source];
        let gate = gate_of(caller.launch);
        let Some(mut request) = caller.queue.pop_front() else { return Ok(false) };
        let throttled = caller.throttled.0 - request.throttled_before.0;
        request.accepted = Some(request.arrival + SimSpan(throttled));
        if request.call.left == 0 {
            let tasks = request.remaining.min(caller.setup.tasks_per_call);
            request.call = Call { total: tasks, left: tasks, placed: Vec::new() };
        }
        debug_assert!(request.arrival + SimSpan(throttled) <= now, "a span of its own wait");
        let mut launched = [0; 2];
        let mut started = 0;
        let mut blocked = None;
        while request.call.left > 0 {
            if let Err(failure) = self.place_anywhere(&mut request, &mut launched) {
                blocked = Some(failure);
                break;
            }
            request.first_id += 1;
            request.remaining -= 1;
            request.call.left -= 1;
            started += 1;
        }
        if started > 0 {
            self.take_tokens(gate, launched);
        }
        // Without a failure it only lacks launch tokens, and an event is scheduled for those.
        if let Some(Some(failure)) = &blocked {
            self.failed(&mut request, failure)?;
            if !self.may_pass(&request, failure) || !self.could_ever_fit(&request)? {
                self.refuse(&request, failure)?;
                return Ok(true);
            }
        }
        if request.remaining > 0 {
            self.callers.all[source].queue.push_front(request);
        }
        Ok(blocked.is_none())
    }

    /// Places the first task of a queue's head wherever there is room, at the place that it should go to by choice.
    fn place_anywhere(
        &mut self,
        request: &mut Request,
        launched: &mut [u32; 2],
    ) -> Result<(), Option<Failure>> {
        let mut all: Option<Failure> = None;
        for item in self.items_in_order(request) {
            let target = self.target(request.source, item);
            let mut launches = *launched;
            if let Target::Fargate(provider) = target {
                launches[self.life.rules.providers[provider].purchase as usize] += 1;
                if !self.has_launch_tokens(launches) {
                    continue;
                }
            }
            match self.place_first(request, target) {
                Ok(()) => {
                    *launched = launches;
                    let caller = &mut self.callers.all[request.source];
                    match &caller.setup.launch {
                        Launch::Providers(_) => request.call.placed[item] += 1,
                        Launch::Start(_) => caller.turn = item + 1,
                        Launch::Type(_) => {}
                    }
                    return Ok(());
                }
                Err(failure) => {
                    all = Some(match all {
                        Some(others) => others.and(failure),
                        None => failure,
                    });
                }
            }
        }
        Err(all)
    }

    /// Where the next task of a queue's head may go, the place by choice first.
    fn items_in_order(&self, request: &mut Request) -> Vec<usize> {
        let caller = &self.callers.all[request.source];
        match &caller.setup.launch {
            Launch::Type(_) => vec![0],
            Launch::Providers(shares) => {
                let call = &mut request.call;
                call.placed.resize(shares.len(), 0);
                by_preference(shares, &call.placed, call.total)
            }
            Launch::Start(_) => {
                let names = caller.named.len();
                (0..names).map(|i| (caller.turn + i) % names).collect()
            }
        }
    }

    /// Whether so many launches may begin now; if not, the queues on Fargate look again when they may.
    fn has_launch_tokens(&mut self, launches: [u32; 2]) -> bool {
        let now = self.now();
        let at = self.life.fargate.launches_ready_at(now, launches);
        if at > now && self.callers.tokens_at.is_none_or(|known| at < known) {
            self.callers.tokens_at = Some(at);
            self.life.queue.schedule(at, Class::Control, Event::Control);
        }
        at <= now
    }
}
