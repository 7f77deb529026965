//! A refresh that is in progress: what it sees, what it does next, when it is over.

use super::super::{Stage, Supply};
use super::{Next, Outcome, Refresh};
use crate::base::time::SimSpan;
use crate::model::group::{EndCause, ProtectedInstances};
use crate::model::ids::MachineId;
use crate::model::platform::Purchase;
use crate::policy::capacity::refresh::{self, LONGEST, PATIENCE, View};
use crate::sim::event::RunError;

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
    free: Vec<MachineId>,
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
        let gone = refresh.total - refresh.old.len() as u32;
        // Of what is to come some only stand in for old ones that are still there.
        let stand_ins = self.groups.all[index].renewal.extra;
        let done = gone.saturating_sub((seen.coming + seen.lacking).saturating_sub(stand_ins));
        if done > refresh.done {
            (refresh.done, refresh.moved) = (done, now);
            self.tell_group(index, "refresh_progress", &refresh.told(""))?;
        }
        let setup = self.setup_of(index, refresh).clone();
        if setup.cancel.is_some_and(|at| at <= now) {
            return Ok(Some(Outcome::Cancelled));
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
        let setup = self.setup_of(index, refresh);
        let group = &self.groups.all[index];
        let gone = refresh.total - refresh.old.len() as u32;
        let view = View {
            desired: group.desired,
            healthy: seen.healthy,
            replaceable: seen.replaceable,
            may_end: seen.free.len() as u32,
            allowed: refresh.goal(setup).saturating_sub(gone),
        };
        let step = refresh::step(&view, (setup.min, setup.max));
        let zone = |id: &MachineId| group.zone_of(self.groups.machines[*id].offer);
        let zones: Vec<usize> = seen.free.iter().map(zone).collect();
        let chosen = refresh::choose(&zones, &group.by_zone, step.end + step.extra);
        let (ends, next) = chosen.split_at(chosen.len().min(step.end as usize));
        let mut goes_next = Next { by_zone: vec![0; group.by_zone.len()], ..Next::default() };
        for &at in next {
            let id = seen.free[at];
            goes_next.ids.push(id);
            goes_next.by_zone[zones[at]] += 1;
            let purchase = self.groups.machines[id].purchase;
            goes_next.on_demand += u32::from(purchase == Purchase::OnDemand);
        }
        goes_next.ids.sort_unstable();
        self.groups.all[index].renewal.stand_in(step.extra, goes_next);
        for &at in ends {
            self.drive.books.tally.refreshed += 1;
            self.end(seen.free[at], EndCause::Refresh)?;
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
        let is_held = seen.coming + seen.lacking + seen.replaceable == 0 && !refresh.old.is_empty();
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

    /// What there is now; those of the old ones that are gone are forgotten.
    pub(super) fn see(&self, index: usize, refresh: &mut Refresh) -> Seen {
        let now = self.now();
        let group = &self.groups.all[index];
        let mut is_there = among(&group.members);
        refresh.old.retain(|id| is_there(*id));
        let refresh = &*refresh;
        let setup = &group.setup.refreshes[refresh.number];
        let fleet = self.drive.cluster.fleet();
        let mut is_old = among(&refresh.old);
        let mut seen = Seen {
            healthy: 0,
            coming: 0,
            warming: 0,
            lacking: group.wanted().saturating_sub(group.members.len() as u32),
            replaceable: 0,
            free: Vec::new(),
        };
        for id in &group.members {
            let machine = &self.groups.machines[*id];
            let since = machine.instance.map(|instance| fleet.registered_at[instance]);
            let in_service = machine.stage == Stage::InService;
            let is_warm = since.is_some_and(|since| since + setup.warm_up <= now);
            let is_old = is_old(*id);
            let is_healthy = in_service && (is_old || is_warm);
            seen.healthy += u32::from(is_healthy);
            seen.coming += u32::from(!is_healthy && !is_old);
            seen.warming += u32::from(!is_healthy && in_service);
        }
        let heeds = setup.protected != ProtectedInstances::Refresh;
        let keeps_all = heeds && group.keeps_all();
        let free = if heeds { self.may_scale_in(index) } else { refresh.old.clone() };
        let in_service = |id: &MachineId| self.groups.machines[*id].stage == Stage::InService;
        let on_its_way = refresh.old.iter().filter(|id| !in_service(id) && !keeps_all).count();
        let mut is_old = among(&refresh.old);
        seen.free = free.into_iter().filter(|id| is_old(*id) && in_service(id)).collect();
        seen.replaceable = (seen.free.len() + on_its_way) as u32;
        seen
    }
}

/// Whether instances are in a list. Both are in ascending order: they are asked for one after the other.
fn among(list: &[MachineId]) -> impl FnMut(MachineId) -> bool {
    let mut left = list.iter().copied().peekable();
    move |id| {
        while left.next_if(|other| *other < id).is_some() {}
        left.peek() == Some(&id)
    }
}
