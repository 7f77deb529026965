//! Warm pools of Auto Scaling groups, and what they are refused with.

use super::Build;
use super::fleet::FleetSpec;
use crate::base::distribution::Distribution;
use crate::model::group::{PoolState, PoolTiming};
use crate::model::platform::Purchase;
use crate::scenario::settings::Settings;
use crate::sim::setup::{MixedSetup, WarmPoolSetup};

impl Build<'_> {
    /// The warm pool of a group, where it has one.
    pub(super) fn warm_pool(
        &mut self,
        fleet: &FleetSpec<'_>,
        mixed: Option<&MixedSetup>,
    ) -> Option<WarmPoolSetup> {
        let table = fleet.settings.table("warm_pool")?;
        let place = fleet.settings.place_of("warm_pool");
        if fleet.purchase == Purchase::Spot {
            let message = "a warm pool holds no Spot instances: `warm_pool` and `purchase = \"spot\"` exclude each other";
            self.error(place, message);
        }
        if mixed.is_some_and(|mixed| mixed.share.percent < 100) {
            let message = "a warm pool holds no Spot instances, and the group's `mixed_instances` would launch some";
            let help = "write on_demand_percentage_above_base_capacity = 100: several types are allowed, all On-Demand";
            self.error_with_help(place, message, help);
        }
        let reuses = table.flag("reuse_on_scale_in");
        if reuses && super::group::enabled(fleet.settings).is_some() {
            let message = "`reuse_on_scale_in` and `managed_scaling` exclude each other: ECS does not support it";
            self.error(table.place_of("reuse_on_scale_in"), message);
        }
        let state = state(table);
        Some(WarmPoolSetup {
            state,
            min: table.whole32("min_size").unwrap_or(0),
            prepared: table.whole32("max_group_prepared_capacity"),
            reuses,
            timing: timing(table, state),
        })
    }
}

fn state(table: &Settings) -> PoolState {
    let name = table.text("pool_state").unwrap_or_default();
    let known = PoolState::ALL.iter().find(|(_, known)| *known == name);
    known.map_or(PoolState::default(), |(state, _)| *state)
}

fn timing(table: &Settings, state: PoolState) -> PoolTiming {
    let uniform = |min: f64, max: f64| Distribution::Uniform { min, max };
    let (start, boot) = match state {
        PoolState::Stopped => (uniform(17.0, 19.0), uniform(5.0, 15.0)),
        PoolState::Hibernated => (uniform(17.0, 19.0), uniform(2.0, 4.0)),
        PoolState::Running => (uniform(1.9, 3.3), Distribution::Constant(0.0)),
    };
    let get = |key: &str, or: Distribution| table.distribution(key).cloned().unwrap_or(or);
    PoolTiming { start: get("start", start), boot: get("boot", boot) }
}
