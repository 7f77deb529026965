//! Outages of registries and of metrics at random.

use super::make::{Dice, seconds};
use ecsim::base::time::SimTime;
use ecsim::model::blackout::{Blackouts, MetricsOf, MetricsOutage, RegistryOutage};
use ecsim::sim::setup::{PullBehavior, Setup};

/// Up to a handful of each, which may overlap.
pub fn at_random(dice: &mut Dice, setup: &mut Setup) {
    let behaviors = [PullBehavior::Default, PullBehavior::Always, PullBehavior::Once];
    setup.latencies.image_cleanup.pulls = dice.pick(&behaviors);
    let window = |dice: &mut Dice| {
        let from = SimTime(seconds(dice.below(900)).0);
        (from, from + seconds(1 + dice.below(300)))
    };
    let mut all = Blackouts::default();
    while dice.one_in(2) {
        let (from, until) = window(dice);
        all.registries.push(RegistryOutage {
            what: "a registry".into(),
            from,
            until,
            time_percent: dice.one_in(2).then(|| 100 + dice.below(2_000) as u32),
            definitions: dice.one_in(3).then(|| {
                let some = setup.definitions.ids().step_by(2);
                some.map(|id| (id, 1 + dice.below(1_000_000) as u32)).collect()
            }),
            providers: dice.one_in(3).then(|| setup.providers.ids().skip(1).collect()),
            zone: dice.one_in(3).then(|| dice.pick(&setup.zones.ids().collect::<Vec<_>>())),
        });
    }
    while dice.one_in(2) {
        let (from, until) = window(dice);
        let of = match dice.one_in(2) {
            true => MetricsOf::All,
            false => MetricsOf::Provider(dice.pick(&setup.providers.ids().collect::<Vec<_>>())),
        };
        all.metrics.push(MetricsOutage { what: "metrics".into(), from, until, of });
    }
    setup.blackouts = all;
}
