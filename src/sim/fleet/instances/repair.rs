//! Auto-repair: an instance that ECS finds IMPAIRED is drained and replaced, or only reported.
//!
//! Documented: it drains at once, which is when others come for its tasks, so they start before it ends; a few at a time
//! ([`crate::policy::capacity::repair`]). Assumed: instances come as they do for all tasks that wait, so that room which
//! is there is used first; one that waits for its turn and is well by then stays; one that drains goes, well or not; and
//! nobody waits for tasks to stop of whose agent nothing is heard.

use super::super::{Stage, Supply};
use super::Meant;
use crate::model::group::{EndCause, LaunchCause};
use crate::model::ids::{InstanceId, MachineId, ServiceId, SourceId};
use crate::policy::capacity::repair;
use crate::sim::event::RunError;
use crate::sim::services::DaemonNews;

impl Supply<'_> {
    /// Whether ECS looks after the health of an instance: it is a Managed Instance.
    #[must_use]
    pub fn looks_after(&self, instance: InstanceId) -> bool {
        let behind = self.groups.behind(instance);
        behind.is_some_and(|id| self.groups.all[self.groups.machines[id].group].instances.is_some())
    }

    /// ECS finds a Managed Instance IMPAIRED.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn becomes_impaired(&mut self, id: MachineId, why: &str) -> Result<(), RunError> {
        self.tell_because(id, "impaired", why, None)?;
        let machine = &self.groups.machines[id];
        let (index, is_up) = (machine.group, machine.stage == Stage::InService);
        let Some(of) = &mut self.groups.all[index].instances else { return Ok(()) };
        if of.setup.repair.is_on && is_up && !of.impaired.contains(&id) {
            of.impaired.push_back(id);
        }
        self.repair(index)
    }

    /// An instance is well again: where its repair has not begun there is none, unless a managed daemon has failed there.
    pub fn becomes_well(&mut self, instance: InstanceId) {
        if self.drive.services.all.iter().any(|service| service.given_up.contains(&instance)) {
            return;
        }
        let Some(id) = self.groups.behind(instance) else { return };
        let index = self.groups.machines[id].group;
        if let Some(of) = &mut self.groups.all[index].instances {
            of.impaired.retain(|other| *other != id);
        }
    }

    /// Drains as many IMPAIRED instances of a provider as may drain at once, in the order in which they were found.
    pub(in crate::sim::fleet) fn repair(&mut self, index: usize) -> Result<(), RunError> {
        loop {
            let group = &self.groups.all[index];
            let Some(of) = &group.instances else { return Ok(()) };
            let is_repaired = |id: &&MachineId| self.is_repaired(**id);
            let draining = group.leaving.iter().filter(is_repaired).count();
            let instances = group.members.len() + group.leaving.len();
            let most = repair::at_once(instances, of.setup.repair.at_once_percent);
            if of.impaired.is_empty() || draining >= most {
                return Ok(());
            }
            let next = self.groups.all[index].instances.as_mut();
            let Some(id) = next.and_then(|of| of.impaired.pop_front()) else { return Ok(()) };
            if self.groups.machines[id].stage == Stage::InService {
                self.end(id, EndCause::Repair)?;
                self.end_silent(id)?;
            }
        }
    }

    fn is_repaired(&self, id: MachineId) -> bool {
        self.groups.machines[id].end == Some(EndCause::Repair)
    }

    /// Ends an instance that drains for repair and of whose agent nothing is heard, once no task there is wanted: nobody
    /// would learn that they have stopped.
    pub(in crate::sim::fleet) fn end_silent(&mut self, id: MachineId) -> Result<(), RunError> {
        let machine = &self.groups.machines[id];
        let Some(instance) = machine.instance else { return Ok(()) };
        let is_over = machine.stage == Stage::Draining
            && self.is_repaired(id)
            && self.drive.tasks.is_held(instance)
            && self.drive.cluster.fleet().tasks[instance] == 0;
        if is_over { self.finish(id) } else { Ok(()) }
    }

    /// An instance that was repaired has gone: the next one may drain.
    pub(in crate::sim::fleet) fn was_repaired(&mut self, id: MachineId) -> Result<(), RunError> {
        let index = self.groups.machines[id].group;
        let of = self.groups.all[index].instances.as_mut();
        match of.filter(|of| !of.impaired.is_empty() && !of.repairs) {
            Some(of) => of.repairs = true,
            None => return Ok(()),
        }
        let done = self.repair(index);
        if let Some(of) = &mut self.groups.all[index].instances {
            of.repairs = false;
        }
        done
    }

    /// Services that have tasks on instances of a provider that drain to be replaced, ascending, and what for.
    pub(super) fn under_repair(&self, index: usize) -> Vec<(SourceId, LaunchCause)> {
        let mut all = Vec::new();
        for &id in &self.groups.all[index].leaving {
            let machine = &self.groups.machines[id];
            let cause = match machine.end {
                Some(EndCause::Repair) => LaunchCause::Repair,
                Some(EndCause::DaemonDeployment) => LaunchCause::DaemonDeployment,
                _ => continue,
            };
            let on = machine.instance.map(|instance| self.drive.tasks.on(instance));
            let sources = on.into_iter().flatten().map(|slot| self.drive.tasks[slot].source);
            let of_services = sources.filter(|of| self.drive.rules.is_service(*of));
            all.extend(of_services.map(|source| (source, cause)));
        }
        all.sort_unstable();
        all.dedup_by_key(|(source, _)| *source);
        all
    }

    /// Why an instance is launched for these tasks.
    pub(super) fn cause_for(
        &self,
        meant: &[Meant],
        replaced: &[(SourceId, LaunchCause)],
    ) -> LaunchCause {
        let cause = |of: &Meant| {
            let source = self.drive.tasks[of.slot].source;
            let at = replaced.binary_search_by_key(&source, |(known, _)| *known).ok()?;
            Some(replaced[at].1)
        };
        meant.iter().find_map(cause).unwrap_or(LaunchCause::Tasks)
    }

    /// What managed daemons mean for instances: one whose critical daemon has failed is IMPAIRED, and one with an old
    /// revision drains. Tasks that wait there for a daemon which has failed start without it (assumed).
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn daemons_say(&mut self) -> Result<(), RunError> {
        while let Some((instance, news)) = self.drive.services.daemon_news.pop_front() {
            let Some(id) = self.groups.behind(instance) else { continue };
            match news {
                DaemonNews::Update => self.end(id, EndCause::DaemonDeployment)?,
                DaemonNews::Failed => {
                    self.becomes_impaired(id, "daemon_failed")?;
                    if self.drive.cluster.host(instance).opens() {
                        self.drive.life().serve_host_queue(instance);
                    }
                }
            }
        }
        self.drive.start_ready()
    }

    /// A new instance is to run its critical daemons before other tasks; not one whose deployment has failed with nothing
    /// to go back to, which starts no task any more (assumed).
    pub(super) fn awaits_daemons(&mut self, instance: InstanceId, daemons: &[ServiceId]) {
        let is_awaited = |id: &&ServiceId| {
            let of = &self.drive.services.all[**id];
            let is_stalled = of.deployment(of.generation).is_some_and(|d| d.is_stalled);
            of.setup.daemon.is_some_and(|of| of.is_critical)
                && !is_stalled
                && self.drive.look().eligible_for_daemon(**id).binary_search(&instance).is_ok()
        };
        let source = |id: &ServiceId| self.drive.services.all[*id].source;
        let awaited: Vec<SourceId> = daemons.iter().filter(is_awaited).map(source).collect();
        self.drive.cluster.host(instance).awaits(awaited);
    }
}
