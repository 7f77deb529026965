//! Instance refresh: a group replaces its instances by new ones of the latest launch template, some at a time.
//!
//! What is to be replaced is known when it begins: all instances of the group then, or those of another version of the
//! launch template. The rest follows from what is in service: whenever something about the group has changed the refresh
//! goes on as far as [`crate::policy::capacity::refresh`] lets it. Assumed: it begins with the warm pool, which is
//! launched anew at once; it does not wait until the instances that it ends have drained; while it is in progress nobody
//! is replaced for being old; when it fails without a rollback the group keeps the new version.

mod counts;
mod steps;

use super::Supply;
use super::lifetime::Ageing;
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Class;
use crate::model::group::{EndCause, LaunchCause};
use crate::model::ids::{MachineId, ProviderId};
use crate::model::platform::Purchase;
use crate::policy::capacity::refresh::{self, LONGEST};
use crate::sim::event::{Event, RunError};
use crate::sim::setup::{GroupSetup, RefreshSetup};

/// How the instances of a group are renewed.
pub struct Renewal {
    /// The version of its launch template, from 1 on.
    pub(super) template: u32,
    /// Instances that it has beyond its desired capacity: they stand in for those that a refresh ends next.
    extra: u32,
    /// Those that a refresh has left on their way: once ACTIVE they are too many.
    left_over: u32,
    /// Those that it ends next: for whom others stand in.
    goes_next: Next,
    /// The version that its last refresh was to bring; 0 before the first one.
    refreshed_to: u32,
    /// The refresh that is in progress.
    pub(super) refresh: Option<Box<Refresh>>,
    /// What it counts.
    counts: Option<Box<counts::Counts>>,
    /// It goes on just now: it has been taken out for that.
    is_at_work: bool,
    /// How many have been asked for.
    begun: usize,
    /// Instances that are as old as they may be, where it has such an age.
    pub(super) ageing: Option<Ageing>,
}

impl Renewal {
    pub(super) fn of(setup: &GroupSetup) -> Renewal {
        Renewal {
            template: 1,
            extra: 0,
            left_over: 0,
            goes_next: Next::default(),
            refreshed_to: 0,
            refresh: None,
            counts: None,
            is_at_work: false,
            begun: 0,
            ageing: Ageing::of(setup),
        }
    }

    /// How many instances its group has beyond its desired capacity, some of them on their way.
    #[must_use]
    pub fn beyond(&self) -> u32 {
        self.extra + self.left_over
    }

    /// So many are on their way: no more can be left of a refresh that is over.
    pub(super) fn keep_left_over(&mut self, on_their_way: u32) {
        self.left_over = self.left_over.min(on_their_way);
    }

    /// Whether a refresh is in progress.
    #[must_use]
    pub fn is_in_progress(&self) -> bool {
        self.refresh.is_some() || self.is_at_work
    }

    /// Instances by zone without those that stand-ins will replace: where the next one is missing.
    pub(super) fn missing_in(&self, by_zone: &[u32]) -> Vec<u32> {
        let mut left = by_zone.to_vec();
        for (there, goes) in left.iter_mut().zip(&self.goes_next.by_zone) {
            *there = there.saturating_sub(*goes);
        }
        left
    }

    /// Of so many On-Demand instances, and of all that its group is to have, what is left without those that go next.
    pub(super) fn stays(&self, on_demand: u32, all: u32) -> [u32; 2] {
        let next = &self.goes_next;
        let goes = next.ids.len() as u32;
        [on_demand.saturating_sub(next.on_demand), all.saturating_sub(goes)]
    }

    /// One of its group has come, or has gone into service.
    pub(super) fn has_changed(&mut self, id: MachineId) {
        if let Some(counts) = &mut self.counts {
            counts.has_changed(id);
        }
    }

    /// One of its group has left.
    pub(super) fn has_left(&mut self, id: MachineId, zone: usize, purchase: Purchase) {
        self.has_changed(id);
        let next = &mut self.goes_next;
        if let Ok(at) = next.ids.binary_search(&id) {
            next.ids.remove(at);
            next.by_zone[zone] -= 1;
            next.on_demand -= u32::from(purchase == Purchase::OnDemand);
        }
    }

    /// Whether instances of a version may be in its warm pool: a refresh has launched that anew.
    pub(super) fn is_for_pool(&self, template: u32) -> bool {
        self.refreshed_to == 0 || [self.refreshed_to, self.template].contains(&template)
    }

    fn stand_in(&mut self, extra: u32, goes_next: Next) {
        (self.extra, self.goes_next) = (extra, goes_next);
    }

    /// Whether a refresh is in progress, or to come.
    pub(super) fn goes_on(&self, setup: &GroupSetup) -> bool {
        self.is_in_progress() || self.begun < setup.refreshes.len()
    }
}

/// Instances that a refresh ends next.
#[derive(Default)]
struct Next {
    /// In ascending order.
    ids: Vec<MachineId>,
    by_zone: Vec<u32>,
    /// How many of them are bought On-Demand.
    on_demand: u32,
}

/// A refresh in progress.
pub struct Refresh {
    /// Its number among the group's.
    number: usize,
    /// The version before it.
    before: u32,
    /// Whether it takes another one back that has failed.
    is_rollback: bool,
    began: SimTime,
    /// How many instances it is to replace.
    total: u32,
    /// How many it has replaced.
    done: u32,
    /// How many checkpoints it has passed.
    passed: usize,
    /// It waits until then: at a checkpoint, or while it bakes.
    pause: Option<SimTime>,
    bakes: bool,
    /// When it last got on.
    moved: SimTime,
    /// It looks again then.
    patient_until: SimTime,
    /// Only protected instances are left.
    is_held: bool,
}

/// How a refresh ends.
enum Outcome {
    Successful,
    Cancelled,
    Failed(&'static str),
}

impl Refresh {
    fn goal(&self, setup: &RefreshSetup) -> u32 {
        refresh::goal(self.total, setup.checkpoints.get(self.passed).copied().unwrap_or(100))
    }

    fn told(&self, why: &str) -> String {
        let space = if why.is_empty() { "" } else { " " };
        format!("{why}{space}{} of {}", self.done, self.total)
    }
}

impl Supply<'_> {
    /// The instants at which refreshes are asked for and cancelled are known.
    pub(super) fn arrange_refreshes(&mut self, index: usize) {
        let setup = &self.groups.all[index].setup;
        let event = Event::Renew(setup.provider);
        for refresh in &setup.refreshes {
            for at in [Some(refresh.at), refresh.cancel, refresh.alarm].into_iter().flatten() {
                self.drive.queue.schedule(at, Class::Control, event);
            }
        }
    }

    /// An instance is in service: a refresh in progress counts it when it is warm.
    pub(super) fn arrange_warm_up(&mut self, index: usize) {
        if let Some(refresh) = &self.groups.all[index].renewal.refresh {
            let warm_up = self.setup_of(index, refresh).warm_up;
            if warm_up > SimSpan::ZERO {
                self.renew_at(index, self.now() + warm_up);
            }
        }
    }

    fn renew_at(&mut self, index: usize, at: SimTime) {
        let event = Event::Renew(self.groups.all[index].setup.provider);
        self.drive.queue.schedule(at.max(self.now()), Class::Control, event);
    }

    /// Replacements of a group are to go on.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn renew(&mut self, provider: ProviderId) -> Result<(), RunError> {
        let Some(index) = self.groups.of_provider(provider) else { return Ok(()) };
        let now = self.now();
        loop {
            let group = &self.groups.all[index];
            let next = group.setup.refreshes.get(group.renewal.begun);
            if next.is_none_or(|next| next.at > now) {
                break;
            }
            self.refresh_begins(index)?;
        }
        self.refresh_goes_on(index)?;
        self.replace_old(index)
    }

    /// A refresh is asked for: one at a time (documented).
    fn refresh_begins(&mut self, index: usize) -> Result<(), RunError> {
        let group = &mut self.groups.all[index];
        let number = group.renewal.begun;
        group.renewal.begun += 1;
        if group.renewal.refresh.is_some() {
            return self.tell_group(index, "refresh_refused", "in_progress");
        }
        let setup = &group.setup.refreshes[number];
        let before = group.renewal.template;
        let template = setup.template.unwrap_or(before.saturating_add(1));
        let skips = setup.skip_matching;
        self.replacing_begins(index, (number, false), (before, template), skips)
    }

    /// Instances of another version, or all, are to be replaced from now on.
    fn replacing_begins(
        &mut self,
        index: usize,
        (number, is_rollback): (usize, bool),
        (before, template): (u32, u32),
        skips: bool,
    ) -> Result<(), RunError> {
        let now = self.now();
        let group = &mut self.groups.all[index];
        let warm_up = group.setup.refreshes[number].warm_up;
        (group.renewal.template, group.renewal.refreshed_to) = (template, template);
        let is_old = |id: &MachineId| !skips || self.groups.machines[*id].template != template;
        let old: Vec<MachineId> = group.members.iter().copied().filter(is_old).collect();
        let pool = group.pool.iter().flat_map(|pool| &pool.members);
        let warm: Vec<MachineId> = pool.copied().filter(is_old).collect();
        let refresh = Refresh {
            number,
            before,
            is_rollback,
            began: now,
            total: old.len() as u32,
            done: 0,
            passed: 0,
            pause: None,
            bakes: false,
            moved: now,
            patient_until: now,
            is_held: false,
        };
        let counts = counts::Counts::new(group, &old, warm_up);
        self.groups.all[index].renewal.counts = Some(Box::new(counts));
        let event = if is_rollback { "refresh_rolls_back" } else { "refresh_started" };
        self.tell_group(index, event, &refresh.told(""))?;
        self.await_what_warms(index, &refresh, &old);
        self.renew_at(index, now + LONGEST);
        self.groups.all[index].renewal.refresh = Some(Box::new(refresh));
        for &id in &warm {
            self.end(id, EndCause::Refresh)?;
        }
        self.fill_pool(index) // nothing old returns from now on
    }

    /// Instances that are not old, in service and not warm when a refresh begins: it goes on when they are.
    fn await_what_warms(&mut self, index: usize, refresh: &Refresh, old: &[MachineId]) {
        let now = self.now();
        let warm_up = self.setup_of(index, refresh).warm_up;
        let group = &self.groups.all[index];
        let fleet = self.drive.cluster.fleet();
        let is_new = |id: &&MachineId| old.binary_search(id).is_err();
        let warm_at = group.members.iter().filter(is_new).filter_map(|&id| {
            let instance = self.groups.machines[id].instance?;
            Some(fleet.registered_at[instance] + warm_up).filter(|&at| at > now)
        });
        let warm_at: std::collections::BTreeSet<SimTime> = warm_at.collect();
        for at in warm_at {
            self.renew_at(index, at);
        }
    }

    /// Something about a group has changed: a refresh that is in progress goes on as far as it may.
    pub(super) fn refresh_goes_on(&mut self, index: usize) -> Result<(), RunError> {
        let Some(mut refresh) = self.groups.all[index].renewal.refresh.take() else {
            return Ok(());
        };
        self.groups.all[index].renewal.is_at_work = true;
        let outcome = loop {
            let seen = self.see(index, &refresh);
            let outcome = self.advance(index, &mut refresh, &seen)?;
            if outcome.is_some() {
                break outcome;
            }
            if !self.next_step(index, &mut refresh, &seen)? {
                break self.is_stuck(index, &mut refresh, &seen)?;
            }
            self.reconcile(index, LaunchCause::Refresh)?;
        };
        self.groups.all[index].renewal.is_at_work = false;
        match outcome {
            None => self.groups.all[index].renewal.refresh = Some(refresh),
            Some(outcome) => {
                self.refresh_is_over(index, &refresh, &outcome)?;
                let rolls_back = self.setup_of(index, &refresh).rolls_back && !refresh.is_rollback;
                if rolls_back && matches!(outcome, Outcome::Failed(_)) {
                    let versions = (self.groups.all[index].renewal.template, refresh.before);
                    self.replacing_begins(index, (refresh.number, true), versions, true)?;
                    self.renew_at(index, self.now());
                }
            }
        }
        Ok(())
    }

    fn setup_of(&self, index: usize, refresh: &Refresh) -> &RefreshSetup {
        &self.groups.all[index].setup.refreshes[refresh.number]
    }

    fn refresh_is_over(
        &mut self,
        index: usize,
        refresh: &Refresh,
        outcome: &Outcome,
    ) -> Result<(), RunError> {
        let tally = &mut self.drive.books.tally;
        let (event, why) = match outcome {
            Outcome::Successful if refresh.is_rollback => ("refresh_rolled_back", ""),
            Outcome::Successful => {
                tally.refreshes_successful += 1;
                ("refresh_successful", "")
            }
            Outcome::Failed(why) if refresh.is_rollback => ("refresh_rollback_failed", *why),
            Outcome::Cancelled => ("refresh_cancelled", ""),
            Outcome::Failed(why) => {
                tally.refreshes_failed += 1;
                ("refresh_failed", *why)
            }
        };
        self.tell_group(index, event, &refresh.told(why))?;
        let renewal = &mut self.groups.all[index].renewal;
        renewal.counts = None;
        let had = renewal.extra;
        renewal.left_over += had;
        renewal.stand_in(0, Next::default());
        if had > 0 {
            self.reconcile(index, LaunchCause::Refresh)?;
        }
        self.renew_at(index, self.now()); // instances may have grown too old meanwhile
        Ok(())
    }
}
