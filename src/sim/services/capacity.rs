//! Where the tasks of a service go. A deployment may send them elsewhere than the one before it (UpdateService with another
//! capacity provider strategy): each deployment's tasks go where its revision says, also when it comes back.

use super::{Look, Service};
use crate::base::id::Column;
use crate::model::ids::{ProviderId, ServiceId};
use crate::model::platform::{LaunchType, Purchase};
use crate::policy::service::{ServiceTask, Share};
use crate::sim::callers::next_share;
use crate::sim::request::Target;
use crate::sim::rules::{Rules, Way};
use crate::sim::setup::Launch;
use crate::sim::task::Slot;

impl Service {
    /// Where tasks of a deployment go.
    pub fn launch(&self, generation: u32) -> &Launch {
        &self.setup.launches[self.revision_of(generation).launch]
    }

    /// The same as placement knows it.
    pub fn way(&self, rules: &Rules, generation: u32) -> Way {
        rules.askers[self.source].ways[self.revision_of(generation).launch]
    }

    /// Whether any of its deployments has tasks on EC2.
    pub fn uses_ec2(&self, rules: &Rules) -> bool {
        let ways = &rules.askers[self.source].ways;
        let is_on_ec2 =
            |revision: usize| ways[self.setup.revisions[revision].launch].launch == LaunchType::Ec2;
        self.deployments.iter().any(|deployment| is_on_ec2(deployment.revision))
    }
}

/// The capacity provider strategy of a launch as scale-in sees it; none without one.
pub fn shares_of(launch: &Launch) -> Vec<Share> {
    match launch {
        Launch::Providers(shares) => {
            shares.iter().map(|s| Share { base: s.base, weight: s.weight }).collect()
        }
        _ => Vec::new(),
    }
}

impl Look<'_> {
    /// Whether a task goes where a deployment's tasks go, by the same launch.
    fn shares_launch(&self, service: &Service, slot: Slot, launch: usize) -> bool {
        let of = || service.revision_of(self.services.member(slot).generation).launch;
        service.setup.launches.len() == 1 || of() == launch
    }

    /// The Fargate launch bucket that the deployment's next task takes from.
    pub fn fargate_purchase(&self, id: ServiceId, generation: u32) -> Option<Purchase> {
        match self.next_target_of(id, generation) {
            Target::Fargate(provider) => Some(self.rules.providers[provider].purchase),
            Target::Instances(_) | Target::Named(_) => None,
        }
    }

    /// Where the deployment's next task goes: under a strategy to the provider with the largest deficit. Tasks that are
    /// there by an earlier strategy do not count (assumed), nor those that have gone to Fargate for want of room. Those on
    /// DRAINING instances do until they stop, as they do in `runningCount` (assumed): while the replacement of one is
    /// launched the base has it still, and no task that runs is moved for the base afterwards.
    pub fn next_target_of(&self, id: ServiceId, generation: u32) -> Target {
        let service = &self.services.all[id];
        let way = service.way(self.rules, generation);
        match service.launch(generation) {
            Launch::Type(LaunchType::Fargate) => Target::Fargate(self.fargate.on_demand()),
            Launch::Type(LaunchType::Ec2) | Launch::Start(_) => Target::Instances(way.first_item),
            Launch::Providers(shares) => {
                let launch = service.revision_of(generation).launch;
                let mut placed: Column<ProviderId, u32> =
                    self.rules.providers.ids().map(|_| 0).collect();
                let mut total = 1;
                for &slot in &service.members {
                    let counts = !self.tasks[slot].has_overflowed;
                    if counts && self.shares_launch(service, slot, launch) {
                        placed[self.tasks[slot].provider] += 1;
                        total += 1;
                    }
                }
                let counts: Vec<u32> = shares.iter().map(|s| placed[s.provider]).collect();
                let item = next_share(shares, &counts, total);
                match way.launch {
                    LaunchType::Ec2 => Target::Instances(way.first_item + item),
                    LaunchType::Fargate => Target::Fargate(shares[item].provider),
                }
            }
        }
    }

    /// Which item of the capacity provider strategy that brought it a task counts for; 0 without one, none at all where
    /// it has gone to Fargate for want of room.
    pub fn item_of(&self, slot: Slot) -> u32 {
        let member = self.services.member(slot);
        let launch = self.services.all[member.service].launch(member.generation);
        let Launch::Providers(shares) = launch else { return 0 };
        if self.tasks[slot].has_overflowed {
            return u32::MAX;
        }
        let provider = self.tasks[slot].provider;
        shares.iter().position(|share| share.provider == provider).unwrap_or(0) as u32
    }

    /// In a rolling deployment tasks by another launch than the newest one's count for none of its items.
    pub fn count_by_newest(&self, service: &Service, tasks: &mut [ServiceTask]) {
        if service.setup.launches.len() == 1 {
            return;
        }
        let launch = |generation: u32| service.revision_of(generation).launch;
        let newest = launch(service.generation);
        for task in tasks.iter_mut().filter(|task| launch(task.generation) != newest) {
            task.provider = u32::MAX;
        }
    }
}
