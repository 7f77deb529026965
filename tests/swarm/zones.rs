//! Groups that use their zones at random: balanced or not, with zonal shifts.

use super::make::{Dice, seconds};
use ecsim::base::distribution::Distribution as Times;
use ecsim::base::random::{Purpose, Seed};
use ecsim::base::time::SimTime;
use ecsim::model::group::ZonalShift;
use ecsim::model::ids::{ProviderId, ZoneId};
use ecsim::policy::capacity::hooks::DefaultResult;
use ecsim::policy::capacity::zones::Distribution;
use ecsim::sim::setup::{HookSetup, Setup, Transition, ZoningSetup};

/// How a group uses its zones: on random numbers of their own, so that older cases stay as they are.
pub fn at_random(seed: u64, provider: ProviderId, zones: &[ZoneId]) -> ZoningSetup {
    let name = format!("zones of {}", provider.0);
    let mut dice = Dice(Seed(seed).stream(Purpose::Test, &name));
    let distributions = Distribution::ALL.map(|(distribution, _)| distribution);
    let shifts = shifts(&mut dice, zones);
    ZoningSetup {
        distribution: dice.pick(&distributions),
        shifts,
        ignores_unhealthy: dice.one_in(2),
    }
}

/// Zonal shifts of the load balancers of one service in two.
pub fn shift_services(seed: u64, setup: &mut Setup) {
    let mut dice = Dice(Seed(seed).stream(Purpose::Test, "shifts of services"));
    let zones: Vec<ZoneId> = setup.zones.ids().collect();
    for id in setup.services.ids().collect::<Vec<_>>() {
        if setup.services[id].balancer.is_some() {
            setup.services[id].shifts = shifts(&mut dice, &zones);
        }
    }
}

/// Zonal shifts, one after the other, or none.
fn shifts(dice: &mut Dice, zones: &[ZoneId]) -> Vec<ZonalShift> {
    let (mut at, mut shifts) = (0, Vec::new());
    while dice.one_in(2) {
        let from = at + dice.below(300);
        at = from + 60 + dice.below(300);
        let (from, until) = (SimTime(seconds(from).0), SimTime(seconds(at).0));
        shifts.push(ZonalShift { zone: dice.pick(zones), from, until });
    }
    shifts
}

/// Lifecycle hooks of one group in two, some of which take longer than they may.
pub fn hooks(seed: u64, provider: ProviderId) -> Vec<HookSetup> {
    let name = format!("hooks of {}", provider.0);
    let mut dice = Dice(Seed(seed).stream(Purpose::Test, &name));
    let mut hooks = Vec::new();
    while dice.one_in(3) {
        hooks.push(HookSetup {
            transition: dice.pick(&[Transition::Launching, Transition::Terminating]),
            takes: Times::Uniform { min: 0.0, max: 100.0 },
            heartbeat: seconds(30 + dice.below(90)),
            default: dice.pick(&[DefaultResult::Abandon, DefaultResult::Continue]),
        });
    }
    hooks
}
