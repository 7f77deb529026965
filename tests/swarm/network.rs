//! Subnets of random scenarios: small ones, so that addresses run out.

use super::make::Dice;
use ecsim::base::id::Column;
use ecsim::base::random::{Purpose, Seed};
use ecsim::model::access::{Needs, Role};
use ecsim::model::ids::{SubnetId, ZoneId};
use ecsim::model::network::{Cidr, Route, Subnet, TaskNetwork};
use ecsim::sim::cluster::{Network, set_subnet};
use ecsim::sim::setup::{NetworkSetup, Setup};

/// Gives one scenario in three a network, in which the instances of the beginning have room.
pub fn at_random(setup: &mut Setup) {
    let Seed(seed) = setup.seed;
    let mut dice = Dice(Seed(seed).stream(Purpose::Test, "network"));
    if !dice.one_in(3) {
        return;
    }
    let mut subnets: Column<SubnetId, Subnet> = Column::new();
    for zone in setup.zones.ids() {
        let first = setup.instances.iter().filter(|i| i.registration.zone == zone).count();
        let mut needed = first as u32;
        for _ in 0..=dice.below(2) {
            let cidr = Cidr::parse(&format!("10.{}.0.0/16", subnets.ids().count())).unwrap();
            let room = needed + dice.below(12) as u32;
            subnets.push(Subnet {
                id: format!("subnet-{}", subnets.ids().count()),
                zone,
                cidr,
                route: dice.pick(&Route::ALL),
                used: cidr.usable() - room,
            });
            needed = 0;
        }
    }
    let all: Vec<SubnetId> = subnets.ids().collect();
    let network = NetworkSetup {
        of_provider: setup.providers.iter().map(|_| all.clone()).collect(),
        subnets,
        avoids_full: !dice.one_in(3),
    };
    let mut plan = Network::new(network.clone());
    for instance in &mut setup.instances {
        let of = &mut instance.registration;
        let subnet = plan.for_instance(of.provider, of.zone).unwrap();
        plan.take_for_good(subnet);
        set_subnet(of, &plan.subnet(subnet).id);
        instance.subnet = Some(subnet);
    }
    let mut own = |zones: &Option<Vec<ZoneId>>| TaskNetwork {
        subnets: network
            .subnets
            .enumerate()
            .filter(|(_, s)| zones.as_ref().is_none_or(|zones| zones.contains(&s.zone)))
            .map(|(id, _)| id)
            .collect(),
        public_ip: dice.one_in(2),
    };
    for id in setup.sources.ids().collect::<Vec<_>>() {
        setup.sources[id].network = own(&setup.sources[id].zones);
    }
    for id in setup.services.ids().collect::<Vec<_>>() {
        setup.services[id].network = own(&setup.services[id].zones);
    }
    for id in setup.definitions.ids().collect::<Vec<_>>() {
        setup.definitions[id].needs = Needs {
            role: dice.pick(&[Role::Allowed, Role::Allowed, Role::Denied]),
            private_image: dice.one_in(2),
            public_image: dice.one_in(2),
            awslogs: dice.one_in(3),
            secrets: dice.one_in(3),
        };
    }
    setup.network = Some(network);
}
