//! Who registers, and who never does: ECS has an instance that runs and does not terminated after a while, and the group
//! launches another one.

use super::{Groups, Supply};
use crate::base::distribution::Distribution;
use crate::base::random::Family;
use crate::base::time::SimSpan;
use crate::engine::Class;
use crate::model::fault::{Fault, Reaction, Trigger, Victims};
use crate::model::group::{EndCause, LaunchCause};
use crate::model::ids::{InstanceId, MachineId, ProviderId};
use crate::sim::event::Event;
use std::collections::VecDeque;

/// Of how many launches nothing comes, and what is done then.
pub(super) struct Misfits {
    of: Option<ProviderId>,
    ppm: u32,
    found_after: Distribution,
    is_found: bool,
    draws: Family,
}

/// Draws of an instance: whether it registers, when it is found.
const DRAWS: u64 = 2;
const MILLION: u64 = 1_000_000;

impl Groups {
    /// From now on somebody wants to know which instances register.
    pub fn watch_newcomers(&mut self) {
        self.newcomers = Some(VecDeque::new());
    }

    /// Whether any has registered.
    #[inline]
    #[must_use]
    pub fn has_newcomers(&self) -> bool {
        self.newcomers.as_ref().is_some_and(|newcomers| !newcomers.is_empty())
    }

    /// The next one that has registered.
    pub fn next_newcomer(&mut self) -> Option<InstanceId> {
        self.newcomers.as_mut()?.pop_front()
    }

    /// An instance of a fixed fleet has come later.
    pub fn comes_fixed(&mut self, instance: InstanceId, cause: LaunchCause) {
        self.fixed.insert(instance, (cause, None));
    }

    /// An instance of a fixed fleet has ended.
    pub fn ends_fixed(&mut self, instance: InstanceId, cause: EndCause) {
        let came = self.causes(instance).0;
        self.fixed.insert(instance, (came, Some(cause)));
    }

    /// Some launched instances will never register.
    pub fn know_misfits<'a>(&mut self, faults: impl Iterator<Item = (&'a Fault, Family)>) {
        for (fault, draws) in faults {
            let (Trigger::Launch(ppm), Victims::Random(of, _)) = (&fault.trigger, &fault.victims)
            else {
                continue;
            };
            self.misfits.push(Misfits {
                of: *of,
                ppm: *ppm,
                found_after: fault.found_after.clone(),
                is_found: fault.reaction != Reaction::Nothing,
                draws,
            });
        }
    }
}

impl Supply<'_> {
    /// Whether an instance whose agent would register now never does; then its end is arranged.
    pub(super) fn never_registers(&mut self, id: MachineId) -> bool {
        let machine = &self.groups.machines[id];
        let provider = self.groups.all[machine.group].setup.provider;
        let draw = u64::from(id.0) * DRAWS;
        let strikes = |misfits: &&Misfits| {
            misfits.of.is_none_or(|of| of == provider)
                && misfits.draws.member(draw).below(MILLION) < u64::from(misfits.ppm)
        };
        let Some(misfits) = self.groups.misfits.iter().find(strikes) else { return false };
        let span = misfits.found_after.sample_span(&mut misfits.draws.member(draw + 1));
        let is_found = misfits.is_found;
        let machine = &mut self.groups.machines[id];
        machine.never_registers = true;
        if is_found {
            let at = self.drive.queue.now() + SimSpan(span.0.max(1));
            let event = Event::Machine(id);
            let ticket = self.drive.queue.schedule_cancellable(at, Class::Release, event);
            machine.ticket = Some(ticket);
        }
        true
    }
}
