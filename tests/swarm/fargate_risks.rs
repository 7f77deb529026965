//! Fargate's capacity that fails at random, in every way at once.

use super::make::{Dice, seconds};
use ecsim::base::time::SimTime;
use ecsim::model::ids::ZoneId;
use ecsim::model::platform::Purchase;
use ecsim::model::spot::Availability;
use ecsim::sim::setup::{
    Amount, FargateRisks, FargateShortage, Retirement, SpotLimit, SpotReclaim,
};

fn instant(dice: &mut Dice, most: usize) -> SimTime {
    SimTime(seconds(dice.below(most)).0)
}

/// Interruptions by rate, by zone, by script and by limit, shortages and retirements, often enough for a short run.
pub fn at_random(dice: &mut Dice, zones: &[ZoneId]) -> FargateRisks {
    let zone = |dice: &mut Dice| dice.one_in(2).then(|| dice.pick(zones));
    let scripted = (0..dice.below(4)).map(|_| SpotReclaim {
        at: instant(dice, 900),
        zone: zone(dice),
        amount: match dice.one_in(2) {
            true => Amount::Tasks(1 + dice.below(5) as u32),
            false => Amount::Percent(1 + dice.below(100) as u32),
        },
    });
    let scripted = scripted.collect();
    let limit = |dice: &mut Dice| {
        let change = |step: usize| (SimTime(seconds(step * 200).0), step);
        let steps: Vec<_> = (0..1 + dice.below(5)).map(change).collect();
        let most = |&(at, _): &(SimTime, usize)| (at, dice.below(9) as u32);
        let changes: Vec<(SimTime, u32)> = steps.iter().map(most).collect();
        changes.into_iter().map(|(at, instances)| Availability { at, instances }).collect()
    };
    let limits = (0..dice.below(3)).map(|_| {
        let changes = limit(dice);
        SpotLimit { zone: zone(dice), changes }
    });
    let limits = limits.collect();
    let shortages = (0..dice.below(3)).map(|_| {
        let from = instant(dice, 1_500);
        FargateShortage {
            zone: zone(dice),
            purchase: dice.pick(&[None, Some(Purchase::OnDemand), Some(Purchase::Spot)]),
            from,
            until: from + seconds(1 + dice.below(600)),
        }
    });
    let shortages = shortages.collect();
    let mut retirements: Vec<Retirement> = (0..dice.below(3))
        .map(|_| {
            let notice = instant(dice, 600);
            let at = notice + seconds(dice.below(300));
            let until = dice.one_in(2).then(|| at + seconds(1 + dice.below(100)));
            Retirement { notice, at, until }
        })
        .collect();
    retirements.sort_by_key(|of| of.at);
    FargateRisks {
        spot_per_task_hour: dice.below(30) as f64,
        spot_reclaims: dice
            .one_in(2)
            .then(|| (1.0 + dice.below(10) as f64, 1 + dice.below(100) as u32)),
        scripted,
        limits,
        shortages,
        retirements,
    }
}
