//! Services whose tasks fit nowhere, not even on an empty fleet: they would lack them for as long as the run lasts.

use super::books::outputs::Sinks;
use super::request::reason_name;
use super::services::Service;
use super::setup::{Inputs, Launch, Setup};
use super::world::World;
use crate::base::id::Column;
use crate::model::ids::{DefinitionId, ProviderId};
use crate::model::platform::LaunchType;
use crate::policy::placement::Ask;

/// A definition that a service has tasks of, and by which of its launches.
type Kept = (DefinitionId, usize);

/// A sentence for each service and each task definition of it that nothing could ever take: no container instance that is
/// there or may be launched, no quota of Fargate. No row of a trace is read for it.
#[must_use]
pub fn misfits(mut setup: Setup) -> Vec<String> {
    if setup.services.is_empty() {
        return Vec::new();
    }
    setup.sources = Column::new(); // callers would want to be read
    World::new(setup, Inputs::default(), Sinks::default()).misfits()
}

impl World {
    fn misfits(&self) -> Vec<String> {
        let mut told = Vec::new();
        for service in self.services.all.iter() {
            let revisions = service.setup.revisions.iter();
            let mut all: Vec<Kept> = revisions.map(|of| (of.definition, of.launch)).collect();
            all.sort_unstable();
            all.dedup();
            let lost = all.into_iter().filter(|&kept| !self.may_fit(service, kept));
            told.extend(lost.map(|kept| self.why_misfit(service, kept)));
        }
        told
    }

    /// The items of a launch's capacity provider strategy that are given tasks, or the only place that it has.
    fn items(service: &Service, launch: usize) -> Vec<usize> {
        match &service.setup.launches[launch] {
            Launch::Providers(shares) => (0..shares.len())
                .filter(|&item| shares[item].base > 0 || shares[item].weight > 0)
                .collect(),
            _ => vec![0],
        }
    }

    fn may_fit(&self, service: &Service, (definition, launch): Kept) -> bool {
        let way = self.rules.askers[service.source].ways[launch];
        let overflow = service.setup.overflow.filter(|_| way.launch == LaunchType::Ec2);
        if overflow.is_some_and(|of| self.may_fit_on_fargate(of.provider, definition)) {
            return true;
        }
        Self::items(service, launch).into_iter().any(|item| {
            if way.launch == LaunchType::Ec2 {
                let ask = self.ask_of(service, definition, way.first_item + item);
                return self.cluster.could_fit_when_empty(&ask, &self.rules.port_sets);
            }
            let provider = match &service.setup.launches[launch] {
                Launch::Providers(shares) => shares[item].provider,
                _ => self.fargate.on_demand(),
            };
            self.may_fit_on_fargate(provider, definition)
        })
    }

    fn may_fit_on_fargate(&self, provider: ProviderId, definition: DefinitionId) -> bool {
        let of = &self.rules.definitions[definition];
        let purchase = self.rules.providers[provider].purchase;
        self.fargate.could_fit_when_empty(self.fargate.size(of, of.demand), purchase)
    }

    fn ask_of(&self, service: &Service, definition: DefinitionId, item: usize) -> Ask {
        Ask {
            rule: self.rules.askers[service.source].table.of(item, definition),
            demand: self.rules.definitions[definition].demand,
            ports: self.rules.definition_ports[definition],
            group: service.group,
        }
    }

    fn why_misfit(&self, service: &Service, (definition, launch): Kept) -> String {
        let way = self.rules.askers[service.source].ways[launch];
        let of = &self.rules.definitions[definition];
        let begin = format!(
            "service `{}` can never have a task of `{}:{}`, which asks for {}",
            service.setup.name, of.family, of.revision, of.demand
        );
        if way.launch == LaunchType::Fargate {
            return format!("{begin}: the account's quota of Fargate has fewer vCPUs");
        }
        let mut reasons: Vec<String> = Vec::new();
        for item in Self::items(service, launch) {
            let ask = self.ask_of(service, definition, way.first_item + item);
            let refusals = self.cluster.refusals_now(&ask, &self.rules.port_sets);
            for (reason, count) in refusals.0 {
                reasons.push(format!("{} on {count}", reason_name(reason)));
            }
        }
        let fleet = self.cluster.fleet();
        let largest = fleet.ids().map(|instance| fleet.registered[instance]);
        let largest = largest.max_by_key(|registered| (registered.cpu, registered.memory));
        let has = match largest {
            Some(largest) => format!("; the largest container instance registers {largest}"),
            None => "; there is no container instance at time zero".into(),
        };
        let turned_down = match reasons.is_empty() {
            true => String::new(),
            false => format!(" ({})", reasons.join(", ")),
        };
        format!("{begin}: no container instance takes it even when it is empty{turned_down}{has}")
    }
}
