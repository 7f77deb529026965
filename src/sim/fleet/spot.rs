//! The end of a Spot instance: the recommendation to rebalance, the notice, two minutes later the loss. And of one whose
//! capacity reservation ends: the notice and the loss.

use super::{Stage, Supply};
use crate::base::distribution::Distribution;
use crate::base::id::Column;
use crate::base::random::{Family, Purpose, Seed};
use crate::base::time::{LATEST, SimSpan, SimTime};
use crate::engine::{Class, Ticket};
use crate::model::group::{EndCause, LaunchCause};
use crate::model::ids::{MachineId, ZoneId};
use crate::model::platform::Purchase;
use crate::pricing::SPOT_FREE_HOUR;
use crate::sim::books::Change;
use crate::sim::event::{Event, RunError};
use crate::sim::setup::{GroupSetup, InstanceSetup, InterruptionSetup};

/// How far an interruption has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Step {
    /// Nothing is known of one.
    #[default]
    Calm,
    /// EC2 has recommended to rebalance.
    Recommended,
    /// EC2 has given notice.
    Noticed,
}

/// What is to become of a Spot instance.
#[derive(Clone, Debug, Default)]
pub struct Fate {
    /// How far it has come.
    pub step: Step,
    /// When notice is given, where that is known.
    notice: SimTime,
    pub(super) ticket: Option<Ticket>,
}

impl Supply<'_> {
    fn interruption(&self, id: MachineId) -> Option<&InterruptionSetup> {
        let group = &self.groups.all[self.groups.machines[id].group];
        group.setup.interruption()
    }

    /// A Spot instance runs: when it is taken back, if its pool has a rate of interruptions.
    pub(super) fn draw_fate(&mut self, id: MachineId) {
        let now = self.now();
        let machine = &self.groups.machines[id];
        let group = &self.groups.all[machine.group];
        // One that has its notice before it runs needs no other.
        let may_be = machine.is_spot() && machine.fate.step == Step::Calm;
        let Some(setup) = group.setup.interruption().filter(|_| may_be) else { return };
        let hazard = group.setup.hazard_per_hour(machine.offer);
        if hazard <= 0.0 {
            return;
        }
        let mut stream = group.fates[machine.offer].member(machine.number);
        let wait = Distribution::Exponential { mean: 3_600.0 / hazard }.sample_span(&mut stream);
        let lead = setup.recommendation.sample_span(&mut stream);
        let notice = now + wait;
        if notice >= LATEST {
            return;
        }
        let recommended = SimTime(notice.0.saturating_sub(lead.0)).max(now + SimSpan(1));
        self.groups.machines[id].fate.notice = notice;
        self.fate_goes_on_at(id, recommended);
    }

    pub(super) fn fate_goes_on_at(&mut self, id: MachineId, at: SimTime) {
        let event = Event::Spot(id);
        let ticket = self.drive.queue.schedule_cancellable(at, Class::Release, event);
        self.groups.machines[id].fate.ticket = Some(ticket);
    }

    /// The next step of an interruption is due.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn spot_goes_on(&mut self, id: MachineId) -> Result<(), RunError> {
        let now = self.now();
        let fate = &mut self.groups.machines[id].fate;
        fate.ticket = None;
        let (notice, step) = (fate.notice, fate.step);
        match step {
            Step::Calm if self.given_back(id).is_some() => self.give_notice(id),
            Step::Calm => {
                self.recommend(id)?;
                if self.groups.machines[id].stage == Stage::Terminated {
                    return Ok(()); // its group was quicker
                }
                if notice > now {
                    self.fate_goes_on_at(id, notice);
                    return Ok(());
                }
                self.give_notice(id)
            }
            Step::Recommended => self.give_notice(id),
            Step::Noticed => self.take_back(id),
        }
    }

    /// A pool takes an instance back: it has its notice now.
    pub(super) fn interrupt(&mut self, id: MachineId) -> Result<(), RunError> {
        let machine = &mut self.groups.machines[id];
        if machine.fate.step == Step::Noticed || machine.stage == Stage::Terminated {
            return Ok(());
        }
        let step = machine.fate.step;
        if let Some(ticket) = machine.fate.ticket.take() {
            self.drive.queue.cancel(ticket);
        }
        if step == Step::Calm {
            self.recommend(id)?;
        }
        match self.groups.machines[id].stage {
            Stage::Terminated => Ok(()), // its group was quicker
            _ => self.give_notice(id),
        }
    }

    fn recommend(&mut self, id: MachineId) -> Result<(), RunError> {
        self.groups.machines[id].fate.step = Step::Recommended;
        self.tell(id, "rebalance_recommendation", None)?;
        let index = self.groups.machines[id].group;
        let is_member = self.groups.all[index].members.binary_search(&id).is_ok();
        if self.interruption(id).is_some_and(|setup| setup.rebalances) && is_member {
            self.groups.all[index].at_risk.push(id);
            self.reconcile(index, LaunchCause::CapacityRebalancing)?;
        }
        Ok(())
    }

    fn give_notice(&mut self, id: MachineId) -> Result<(), RunError> {
        let machine = &mut self.groups.machines[id];
        machine.fate.step = Step::Noticed;
        let (instance, stage) = (machine.instance, machine.stage);
        self.tell(id, "interruption_notice", None)?;
        let end = match (self.given_back(id), self.interruption(id)) {
            (Some(back), _) => back.at.max(self.now()),
            (None, Some(setup)) => self.now() + setup.notice,
            (None, None) => return Ok(()),
        };
        let drains = self.agent_drains(id);
        self.fate_goes_on_at(id, end);
        self.batch_is_upset(id); // what it was launched for cannot wait for it
        match instance.filter(|_| drains && stage == Stage::InService) {
            Some(instance) => self.drains(id, instance),
            None => Ok(()),
        }
    }

    /// EC2 takes the instance: what runs on it is lost, and the group launches another one.
    fn take_back(&mut self, id: MachineId) -> Result<(), RunError> {
        let now = self.now();
        let machine = &mut self.groups.machines[id];
        let is_spot = machine.is_spot();
        machine.end = Some(match is_spot {
            true => EndCause::SpotInterruption,
            false => EndCause::ReservationEnded,
        });
        let (index, running, instance) = (machine.group, machine.running, machine.instance);
        if is_spot && running <= now && now.since(running) < SPOT_FREE_HOUR {
            machine.is_free = true;
            if let Some(instance) = instance {
                self.drive.books.saw(Change::Forgiven { instance });
            }
        }
        let tally = &mut self.drive.books.tally;
        *(if is_spot { &mut tally.interrupted } else { &mut tally.reclaimed }) += 1;
        self.leaves(id);
        self.finish(id)?;
        self.reconcile(index, LaunchCause::Replacement)
    }

    /// Whether the agent of an instance drains it because it has its notice.
    pub(super) fn agent_drains(&self, id: MachineId) -> bool {
        let drains = match self.given_back(id) {
            Some(back) => back.drains,
            None => self.interruption(id).is_some_and(|setup| setup.agent_drains),
        };
        drains && self.groups.machines[id].is_noticed()
    }

    /// An instance of a group is ACTIVE: it stands in for the first one that is at risk, which ends.
    pub(super) fn relieve(&mut self, index: usize, relief: MachineId) -> Result<(), RunError> {
        let group = &self.groups.all[index];
        let is_one = |id: &MachineId| *id != relief;
        let spares = group.active > group.desired + group.renewal.beyond();
        let Some(id) = group.at_risk.iter().copied().find(is_one).filter(|_| spares) else {
            return Ok(());
        };
        self.end(id, EndCause::CapacityRebalancing)
    }
}

impl super::Machine {
    /// Whether it is a Spot instance.
    #[must_use]
    pub fn is_spot(&self) -> bool {
        self.purchase == Purchase::Spot
    }

    /// Whether it has its notice.
    #[must_use]
    pub fn is_noticed(&self) -> bool {
        self.fate.step == Step::Noticed
    }
}

/// The interruptions of each offer; none where nothing is taken back.
pub(super) fn fates(
    setup: &GroupSetup,
    name: &str,
    zones: &Column<ZoneId, String>,
    seed: Seed,
) -> Vec<Family> {
    let offers = setup.offers.iter().filter(|_| setup.interruption().is_some());
    let family = |offer: &InstanceSetup| {
        let of = &offer.registration;
        let key = format!("{name}/{}/{}", zones[of.zone], of.instance_type);
        seed.family(Purpose::Interruption, &key)
    };
    offers.map(family).collect()
}
