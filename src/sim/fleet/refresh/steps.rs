//! A refresh that is in progress: what it sees, what it does next, when it is over.

use super::super::{Stage, Supply};
use super::{Next, Outcome, Refresh};
use crate::base::time::SimSpan;
use crate::model::group::{EndCause, ProtectedInstances};
use crate::model::ids::MachineId;
use crate::model::platform::Purchase;
use crate::policy::capacity::refresh::{self, LONGEST, PATIENCE, View};
use crate::sim::event::RunError;
use crate::sim::setup::RefreshSetup;

/// What a refresh sees.
pub(super) struct Seen {
    /// Old instances in service and new ones that are warm.
    healthy: u32,
    /// New ones that are not.
    coming: u32,
    /// Those of them that are in service, and warm up.
    warming: u32,
    /// Instances that the group would have and has not launched.
    lacking: u32,
    /// Old ones that nothing keeps.
    replaceable: u32,
    /// Those of them that are in service.
    may_end: u32,
    /// Which, where ECS protects instances that have tasks.
    unprotected: Option<Vec<MachineId>>,
}

impl Supply<'_> {
    /// Counts what has been replaced; passes checkpoints.
    pub(super) fn advance(
        &mut self,
        index: usize,
        refresh: &mut Refresh,
        seen: &Seen,
    ) -> Result<Option<Outcome>, RunError> {
        let now = self.now();
        let gone = refresh.total - self.old_left(index);
        // Of what is to come some only stand in for old ones that are still there.
        let stand_ins = self.groups.all[index].renewal.extra;
        let done = gone.saturating_sub((seen.coming + seen.lacking).saturating_sub(stand_ins));
        if done > refresh.done {
            (refresh.done, refresh.moved) = (done, now);
            self.tell_group(index, "refresh_progress", &refresh.told(""))?;
        }
        let setup = self.rules_of(index, refresh);
        if setup.cancel.is_some_and(|at| at <= now) {
            return Ok(Some(Outcome::Cancelled));
        }
        if setup.alarm.is_some_and(|at| at <= now) {
            return Ok(Some(Outcome::Failed("alarm")));
        }
        if now >= refresh.began + LONGEST {
            return Ok(Some(Outcome::Failed("timed_out")));
        }
        if refresh.pause.is_some_and(|until| until > now) {
            return Ok(None);
        }
        if refresh.bakes {
            return Ok(Some(Outcome::Successful));
        }
        if refresh.pause.take().is_some() {
            refresh.moved = now;
        }
        let is_settled = seen.coming + seen.lacking == 0;
        let ignores = setup.protected == ProtectedInstances::Ignore;
        let only_protected = ignores && seen.replaceable == 0 && is_settled;
        let mut has_passed = false;
        while refresh.done >= refresh.goal(&setup) || only_protected {
            if only_protected || refresh.passed + 1 >= setup.checkpoints.len() {
                return self.has_replaced_all(index, refresh, setup.bake);
            }
            (refresh.passed, has_passed) = (refresh.passed + 1, true);
        }
        if has_passed {
            self.pauses(index, refresh, setup.checkpoint_delay, "refresh_checkpoint")?;
        }
        Ok(None)
    }

    /// All that it was to replace it has replaced; it may bake.
    fn has_replaced_all(
        &mut self,
        index: usize,
        refresh: &mut Refresh,
        bake: SimSpan,
    ) -> Result<Option<Outcome>, RunError> {
        if bake == SimSpan::ZERO {
            return Ok(Some(Outcome::Successful));
        }
        refresh.bakes = true;
        self.pauses(index, refresh, bake, "refresh_bakes")?;
        Ok(None)
    }

    fn pauses(
        &mut self,
        index: usize,
        refresh: &mut Refresh,
        span: SimSpan,
        event: &'static str,
    ) -> Result<(), RunError> {
        let until = self.now() + span;
        refresh.pause = Some(until);
        self.renew_at(index, until);
        self.tell_group(index, event, &refresh.told(""))
    }

    /// Ends what may end now. Says whether anything has changed.
    pub(super) fn next_step(
        &mut self,
        index: usize,
        refresh: &mut Refresh,
        seen: &Seen,
    ) -> Result<bool, RunError> {
        let before = self.groups.all[index].renewal.extra;
        if refresh.pause.is_some() {
            self.groups.all[index].renewal.stand_in(0, Next::default());
            return Ok(before > 0);
        }
        let now = self.now();
        let setup = self.rules_of(index, refresh);
        let group = &self.groups.all[index];
        let gone = refresh.total - self.old_left(index);
        let view = View {
            desired: group.desired,
            healthy: seen.healthy,
            replaceable: seen.replaceable,
            may_end: seen.may_end,
            allowed: refresh.goal(&setup).saturating_sub(gone),
        };
        let step = refresh::step(&view, (setup.min, setup.max));
        let chosen = self.choose_old(index, seen, step.end + step.extra);
        let (ends, next) = chosen.split_at(chosen.len().min(step.end as usize));
        let mut goes_next = Next { by_zone: vec![0; group.by_zone.len()], ..Next::default() };
        for &id in next {
            goes_next.ids.push(id);
            goes_next.by_zone[group.zone_of(self.groups.machines[id].offer)] += 1;
            let purchase = self.groups.machines[id].purchase;
            goes_next.on_demand += u32::from(purchase == Purchase::OnDemand);
        }
        goes_next.ids.sort_unstable();
        self.groups.all[index].renewal.stand_in(step.extra, goes_next);
        for &id in ends {
            self.drive.books.tally.refreshed += 1;
            self.end(id, EndCause::Refresh)?;
            (refresh.moved, refresh.is_held) = (now, false);
        }
        Ok(step.end > 0 || step.extra != before)
    }

    /// Whether it has got nowhere for as long as it may; what it waits for is written down.
    pub(super) fn is_stuck(
        &mut self,
        index: usize,
        refresh: &mut Refresh,
        seen: &Seen,
    ) -> Result<Option<Outcome>, RunError> {
        if refresh.pause.is_some() {
            return Ok(None);
        }
        let now = self.now();
        let is_held =
            seen.coming + seen.lacking + seen.replaceable == 0 && self.old_left(index) > 0;
        if is_held && !refresh.is_held {
            (refresh.is_held, refresh.moved) = (true, now);
            let why = refresh.told("protected_from_scale_in");
            self.tell_group(index, "refresh_waiting", &why)?;
        }
        let until = refresh.moved + PATIENCE;
        if now < until {
            if refresh.patient_until != until {
                refresh.patient_until = until;
                self.renew_at(index, until);
            }
            return Ok(None);
        }
        if seen.warming > 0 {
            return Ok(None); // it goes on when they are warm
        }
        Ok(Some(Outcome::Failed(match (is_held, seen.lacking) {
            (true, _) => "protected_from_scale_in",
            (false, 1..) => "insufficient_capacity",
            (false, 0) => "not_in_service",
        })))
    }

    /// What it is told to do; a rollback has no checkpoints, no bake time and no alarm (assumed).
    fn rules_of(&self, index: usize, refresh: &Refresh) -> RefreshSetup {
        let setup = self.setup_of(index, refresh).clone();
        match refresh.is_rollback {
            true => {
                RefreshSetup { checkpoints: Vec::new(), bake: SimSpan::ZERO, alarm: None, ..setup }
            }
            false => setup,
        }
    }

    /// Old ones that are left.
    fn old_left(&self, index: usize) -> u32 {
        self.groups.all[index].renewal.counts.as_ref().map_or(0, |counts| counts.old())
    }

    /// The old instances in service that go first.
    fn choose_old(&self, index: usize, seen: &Seen, count: u32) -> Vec<MachineId> {
        let group = &self.groups.all[index];
        let Some(counts) = &group.renewal.counts else { return Vec::new() };
        match &seen.unprotected {
            None => {
                let queues = counts.old_in_service().iter().map(|of| of.iter().copied());
                refresh::choose(queues.collect(), &group.by_zone, count)
            }
            Some(free) => {
                let mut by_zone = vec![Vec::new(); group.by_zone.len()];
                for &id in free {
                    by_zone[group.zone_of(self.groups.machines[id].offer)].push(id);
                }
                let queues = by_zone.into_iter().map(Vec::into_iter);
                refresh::choose(queues.collect(), &group.by_zone, count)
            }
        }
    }

    /// What there is now; those of the old ones that are gone are forgotten.
    pub(super) fn see(&mut self, index: usize, refresh: &Refresh) -> Seen {
        let now = self.now();
        let taken = self.groups.all[index].renewal.counts.take();
        let mut counts = taken.unwrap_or_default();
        let group = &self.groups.all[index];
        counts.look(self.groups, group, (now, self.drive.cluster.fleet()));
        let heeds = self.setup_of(index, refresh).protected != ProtectedInstances::Refresh;
        let keeps_all = heeds && group.keeps_all();
        let protects = group.managed.as_ref().is_some_and(|managed| managed.protects);
        let unprotected = (heeds && protects && !keeps_all).then(|| {
            let in_service = |id: &MachineId| self.groups.machines[*id].stage == Stage::InService;
            let free = self.may_scale_in(index).into_iter();
            free.filter(|id| counts.is_old(*id) && in_service(id)).collect::<Vec<_>>()
        });
        let may_end = match &unprotected {
            _ if keeps_all => 0,
            Some(free) => free.len() as u32,
            None => counts.number_in_service(),
        };
        let on_their_way = if keeps_all { 0 } else { counts.old_on_their_way() };
        let (coming, warming) = counts.coming_and_warming();
        let seen = Seen {
            healthy: counts.healthy(),
            coming,
            warming,
            lacking: group.wanted().saturating_sub(group.members.len() as u32),
            replaceable: may_end + on_their_way,
            may_end,
            unprotected,
        };
        self.groups.all[index].renewal.counts = Some(counts);
        seen
    }
}
