//! What a run is told and never changes: definitions, providers, who asks for tasks and under which placement rules.
//!
//! Every room may read it; nobody can change it once the world stands.

use super::cluster::Cluster;
use super::setup::{
    AccessSetup, ImageCleanup, Launch, MANAGED_INSTANCE, Overflow, ProviderSetup, Setup,
    SourceSetup,
};
use super::task::Task;
use crate::base::distribution::Distribution;
use crate::base::id::{Column, Id as _};
use crate::base::lookup::Lookup;
use crate::base::random::{Family, Purpose, Seed};
use crate::base::time::{SimSpan, SimTime};
use crate::model::access::Role;
use crate::model::blackout::Blackouts;
use crate::model::definition::{NetworkMode, TaskDefinition};
use crate::model::ids::{DefinitionId, GroupId, PortSetId, ProviderId, SourceId, ZoneId};
use crate::model::network::TaskNetwork;
use crate::model::platform::LaunchType;
use crate::model::ports::{PortSet, PortSets};
use crate::policy::placement::{Ask, Rule, RuleId, Strategy};
use crate::policy::query::Expression;

/// Placement rules of one who asks for tasks: for each item of its strategy one a task definition.
#[derive(Default)]
pub struct RuleTable {
    /// Definitions that its tasks may have, ascending.
    definitions: Vec<DefinitionId>,
    /// By item, then definition.
    ids: Vec<RuleId>,
}

impl RuleTable {
    /// The rule of an item and a definition, which must be one of the table's.
    #[inline]
    #[must_use]
    pub fn of(&self, item: usize, definition: DefinitionId) -> RuleId {
        // A caller that knows all definitions finds its own by number.
        let at = match self.definitions.get(definition.index()) {
            Some(&found) if found == definition => definition.index(),
            _ => self.definitions.binary_search(&definition).expect("a rule for each definition"),
        };
        self.ids[item * self.definitions.len() + at]
    }
}

/// One way by which tasks get capacity: a launch type or a capacity provider strategy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Way {
    /// Where its tasks go.
    pub launch: LaunchType,
    /// The first item of its strategy among the items of all ways.
    pub first_item: usize,
}

/// One who asks for tasks, a caller or a service, as placement sees it.
pub struct Asker {
    /// Where its tasks go: at first, and after each update of a service that sends them elsewhere.
    pub ways: Vec<Way>,
    /// AZs of its subnets; `None`: all.
    pub zones: Option<Vec<ZoneId>>,
    /// Those subnets themselves.
    pub network: TaskNetwork,
    /// How long a task works whose row does not say so, and the draws of it, one stream a task.
    pub duration: Distribution,
    /// Draws of durations.
    pub durations: Family,
    /// Key of the draws of its tasks' stages, to which a task adds its number among the asker's own.
    pub draws: u64,
    /// StopTask is called so long after RUNNING.
    pub stop_after: Option<SimSpan>,
    /// Placement rules of the items of all ways, those on Fargate left out.
    pub table: RuleTable,
    /// By such an item: the provider for whose capacity its tasks wait in PROVISIONING.
    pub waits_for: Vec<Option<ProviderId>>,
    /// Where those go that find no room there.
    pub overflow: Option<Overflow>,
}

/// All that is fixed.
pub struct Rules {
    /// Scenario name.
    pub name: String,
    /// Seed of all random streams.
    pub seed: Seed,
    /// Nothing at or after this instant happens.
    pub horizon: Option<SimTime>,
    /// Distance of samples.
    pub sample_interval: SimSpan,
    /// Requests that a service may have alive at once where each is simulated by itself.
    pub max_requests_alive: u64,
    /// Capacity providers.
    pub providers: Column<ProviderId, ProviderSetup>,
    /// How many AZs there are.
    pub zone_count: usize,
    /// Their names.
    pub zones: Column<ZoneId, String>,
    /// Task definitions.
    pub definitions: Column<DefinitionId, TaskDefinition>,
    /// By family and by `family:revision`.
    pub definition_names: Lookup<String, DefinitionId>,
    /// Host ports of each definition.
    pub definition_ports: Column<DefinitionId, PortSetId>,
    /// Group of tasks that name none.
    pub family_groups: Column<DefinitionId, GroupId>,
    /// Key of each definition's image in the hosts' caches.
    pub images: Column<DefinitionId, u32>,
    /// When the agent removes images.
    pub image_cleanup: ImageCleanup,
    /// When metrics are out.
    pub blackouts: Blackouts,
    /// Sets of host ports.
    pub port_sets: PortSets,
    /// Callers, then services.
    pub askers: Column<SourceId, Asker>,
    /// The first number of a service among those who ask for tasks.
    pub first_service: u32,
    /// Time zero on the calendar, seconds since 1970.
    pub epoch_s: i64,
    /// Whether tasks may be refused that have a place: there is a network, or a role that lacks something.
    pub may_refuse: bool,
    /// How long what cannot be had is asked for.
    pub access: AccessSetup,
    /// Whether CPU credits are counted.
    pub counts_credits: bool,
    /// Instances that only some launches reach.
    apart: Apart,
}

/// Which instances only tasks may have that ask for them in so many words.
#[derive(Clone, Copy, Default)]
struct Apart {
    /// ECS Managed Instances: only by a capacity provider strategy (documented).
    managed: bool,
}

impl Rules {
    /// What `setup` says, before anybody asks for tasks; takes its definitions and providers.
    #[must_use]
    pub fn new(setup: &mut Setup) -> Rules {
        let mut port_sets = PortSets::default();
        let ports = setup.definitions.iter().map(|d| port_sets.intern(d.ports.clone()));
        Rules {
            definition_ports: ports.collect(),
            name: std::mem::take(&mut setup.name),
            seed: setup.seed,
            horizon: setup.horizon,
            sample_interval: setup.sample_interval,
            max_requests_alive: setup.max_requests_alive,
            zone_count: setup.zones.len(),
            zones: setup.zones.clone(),
            definition_names: Lookup::new(),
            family_groups: Column::new(),
            images: image_keys(&setup.definitions),
            image_cleanup: setup.latencies.image_cleanup,
            blackouts: setup.blackouts.clone(),
            port_sets,
            askers: Column::new(),
            first_service: u32::try_from(setup.sources.len()).expect("fewer than 2^32 callers"),
            epoch_s: setup.epoch_s,
            may_refuse: setup.network.is_some()
                || setup.definitions.iter().any(|of| of.needs.role != Role::Allowed),
            access: setup.access,
            counts_credits: setup.bill.as_ref().is_some_and(|bill| bill.credits.is_some()),
            apart: Apart { managed: setup.providers.iter().any(|of| of.batch_window.is_some()) },
            providers: std::mem::take(&mut setup.providers),
            definitions: std::mem::take(&mut setup.definitions),
        }
    }

    /// Takes in one who asks for tasks, and compiles its placement rules over these definitions: before the first task,
    /// so that groups are counted from the beginning. `later` is where updates send its tasks.
    pub fn add_asker(
        &mut self,
        setup: &SourceSetup,
        later: &[Launch],
        definitions: impl Iterator<Item = DefinitionId>,
        cluster: &mut Cluster,
    ) -> SourceId {
        let mut definitions: Vec<DefinitionId> = definitions.collect();
        definitions.sort_unstable();
        definitions.dedup();
        let mut table = RuleTable { definitions, ids: Vec::new() };
        let (mut ways, mut waits_for) = (Vec::new(), Vec::new());
        for launch in std::iter::once(&setup.launch).chain(later) {
            let way = Way { launch: self.launch_of(launch), first_item: waits_for.len() };
            if way.launch == LaunchType::Ec2 {
                self.compile(&mut table, (setup, launch), cluster);
                waits_for.extend(self.waits_for(launch, setup.overflow.is_some()));
            }
            ways.push(way);
        }
        self.askers.push(Asker {
            ways,
            zones: setup.zones.clone(),
            network: setup.network.clone(),
            duration: setup.duration.clone(),
            durations: self.seed.family(Purpose::Duration, &setup.stream),
            draws: self.seed.stream(Purpose::ContainerStart, &setup.stream).next_u64(),
            stop_after: setup.stop_after,
            table,
            waits_for,
            overflow: setup.overflow,
        })
    }

    /// Where tasks go that are launched so.
    #[must_use]
    pub fn launch_of(&self, launch: &Launch) -> LaunchType {
        match launch {
            Launch::Type(launch) => *launch,
            Launch::Providers(shares) => {
                shares.first().map_or(LaunchType::Ec2, |s| self.providers[s.provider].launch)
            }
            Launch::Start(_) => LaunchType::Ec2,
        }
    }

    /// Who overflows waits for capacity of fleets that do not grow, too.
    fn waits_for(&self, launch: &Launch, overflows: bool) -> Vec<Option<ProviderId>> {
        let Launch::Providers(shares) = launch else { return vec![None] };
        let is_waited_for =
            |provider: &ProviderId| overflows || self.providers[*provider].is_managed;
        shares.iter().map(|share| Some(share.provider).filter(is_waited_for)).collect()
    }

    /// Adds the rules of the items of a launch to a table.
    fn compile(
        &self,
        table: &mut RuleTable,
        (setup, launch): (&SourceSetup, &Launch),
        cluster: &mut Cluster,
    ) {
        let providers: Vec<Option<ProviderId>> = match launch {
            Launch::Providers(shares) => shares.iter().map(|s| Some(s.provider)).collect(),
            Launch::Type(_) | Launch::Start(_) => vec![None],
        };
        for provider in providers {
            for &definition in &table.definitions {
                table.ids.push(cluster.add_rule(self.rule_of(setup, definition, provider)));
            }
        }
    }

    fn rule_of(
        &self,
        setup: &SourceSetup,
        definition: DefinitionId,
        provider: Option<ProviderId>,
    ) -> Rule {
        let definition = &self.definitions[definition];
        let batched = provider.is_some_and(|of| self.providers[of].batch_window.is_some());
        let mut rule = Rule {
            cluster: setup.cluster,
            provider,
            zones: setup.zones.clone(),
            platform: (definition.platform_is_explicit || batched).then_some(definition.platform),
            strategies: setup.strategies.clone(),
            distinct_instance: setup.distinct_instance,
            member_of: setup.member_of.clone(),
        };
        if definition.network_mode != NetworkMode::Awsvpc {
            rule.zones = None; // only an ENI needs a subnet
        }
        if batched {
            // No placement strategies: zones first (documented).
            rule.strategies = Strategy::default_for_service();
        }
        if rule.strategies.is_empty() {
            rule.strategies = Strategy::default_for_run_task();
        }
        rule.member_of.extend(definition.placement_constraints.iter().map(|text| {
            Expression::parse(text).expect("a scenario's task definitions were checked")
        }));
        if matches!(setup.launch, Launch::Start(_)) {
            // StartTask knows neither strategies nor constraints (API reference).
            rule.member_of.clear();
            rule.distinct_instance = false;
        }
        if provider.is_none() && self.apart.managed {
            let text = format!("attribute:{MANAGED_INSTANCE} !exists");
            rule.member_of.push(Expression::parse(&text).expect("an expression"));
        }
        rule
    }

    /// Host ports of a definition.
    #[inline]
    #[must_use]
    pub fn ports(&self, definition: DefinitionId) -> &PortSet {
        self.port_sets.get(self.definition_ports[definition])
    }

    /// Whether tasks of this one go to a provider of its strategy.
    #[must_use]
    pub fn reaches(&self, source: SourceId, provider: ProviderId) -> bool {
        self.askers[source].waits_for.contains(&Some(provider))
    }

    /// What a task of a capacity provider strategy asked for.
    #[must_use]
    pub fn ask_of(&self, task: &Task) -> Ask {
        let asker = &self.askers[task.source];
        let item = asker.waits_for.iter().position(|of| *of == Some(task.provider)).unwrap_or(0);
        let rule = asker.table.of(item, task.definition);
        let ports = self.definition_ports[task.definition];
        Ask { rule, demand: task.demand, ports, group: task.group }
    }

    /// Whether this is a service.
    #[inline]
    #[must_use]
    pub fn is_service(&self, source: SourceId) -> bool {
        source.0 >= self.first_service
    }
}

/// A key for each definition's image: equal names share their layers.
fn image_keys(definitions: &Column<DefinitionId, TaskDefinition>) -> Column<DefinitionId, u32> {
    let mut known: Vec<&str> = Vec::new();
    let mut keys = Column::new();
    for definition in definitions.iter() {
        let found = known.iter().position(|image| *image == definition.image);
        let key = found.unwrap_or_else(|| {
            known.push(&definition.image);
            known.len() - 1
        });
        keys.push(u32::try_from(key).expect("fewer than 2^32 images"));
    }
    keys
}
