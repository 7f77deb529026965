//! Tasks that go to Fargate for want of room, of callers and services at random.

use super::make::{Dice, seconds};
use ecsim::base::id::Id as _;
use ecsim::base::random::{Purpose, Seed};
use ecsim::model::ids::ProviderId;
use ecsim::sim::setup::{Launch, Overflow, Setup};

/// Lets every other one overflow that has a capacity provider strategy on EC2: on random numbers of their own, so that older
/// cases stay as they are.
pub fn at_random(seed: u64, setup: &mut Setup) {
    let mut dice = Dice(Seed(seed).stream(Purpose::Test, "overflow"));
    let fargate = setup.providers.len() - 2; // FARGATE and FARGATE_SPOT come last
    let may = |launch: &Launch| match launch {
        Launch::Providers(shares) => shares.iter().all(|share| share.provider.index() < fargate),
        _ => false,
    };
    let mut overflow = || Overflow {
        provider: ProviderId::from_index(fargate + dice.below(2)),
        after: seconds(dice.pick(&[0, 0, 5, 60, 400])),
        again: seconds(1 + dice.below(60)),
    };
    let mut wants = Dice(Seed(seed).stream(Purpose::Test, "who overflows"));
    for id in setup.sources.ids().collect::<Vec<_>>() {
        let source = &mut setup.sources[id];
        source.overflow = (may(&source.launch) && wants.one_in(2)).then(&mut overflow);
    }
    for id in setup.services.ids().collect::<Vec<_>>() {
        let service = &mut setup.services[id];
        let is_one = service.launches.iter().any(may) && wants.one_in(2);
        service.overflow = is_one.then(&mut overflow);
    }
}
