//! Zonal shifts: when, of which zone, and who obeys them.

use super::Build;
use crate::base::id::Id as _;
use crate::base::time::SimTime;
use crate::model::group::ZonalShift;
use crate::policy::capacity::zones::Distribution;
use crate::scenario::diagnostic::{quoted, suggestion};
use crate::scenario::settings::Settings;
use crate::sim::setup::ZoningSetup;

impl Build<'_> {
    /// How a group uses its zones; its shifts are told later, see [`Build::zonal_shifts`].
    pub(super) fn zoning(&mut self, settings: &Settings) -> ZoningSetup {
        let name = settings.text("capacity_distribution_strategy").unwrap_or_default();
        let known = Distribution::ALL.iter().find(|(_, known)| *known == name);
        let policy = settings.table("availability_zone_impairment_policy");
        let of_policy = |key: &str| policy.and_then(|policy| policy.text(key));
        let behavior = of_policy("impaired_zone_health_check_behavior");
        ZoningSetup {
            distribution: known.map_or(Distribution::default(), |(known, _)| *known),
            shifts: Vec::new(),
            ignores_unhealthy: behavior == Some("IgnoreUnhealthy"),
        }
    }

    /// Zonal shifts are told to those who obey them.
    pub(super) fn zonal_shifts(&mut self, root: &Settings) {
        let mut shifts: Vec<(&Settings, ZonalShift)> =
            root.tables("zonal_shift").filter_map(|one| Some((one, self.shift(one)?))).collect();
        shifts.sort_by_key(|(_, shift)| shift.from);
        for pair in shifts.windows(2) {
            if pair[1].1.from < pair[0].1.until {
                let message = "this zonal shift begins before the last one has ended";
                let help = "one zone at a time can be shifted away from";
                self.error_with_help(pair[1].0.value_place("at"), message, help);
            }
        }
        let mut is_obeyed = vec![false; shifts.len()];
        let providers: Vec<&Settings> = root.tables("capacity_provider").collect();
        for settings in providers.into_iter().filter(|settings| obeys(settings)) {
            let name = settings.text("name").unwrap_or_default();
            let provider = self.provider_names.get(name).copied();
            let Some(group) = self.groups.iter_mut().find(|g| Some(g.provider) == provider) else {
                continue;
            };
            for ((_, shift), is_obeyed) in shifts.iter().zip(&mut is_obeyed) {
                if group.zones.contains(&shift.zone) {
                    group.zoning.shifts.push(*shift);
                    *is_obeyed = true;
                }
            }
        }
        let services: Vec<&Settings> = root.tables("service").collect();
        for settings in services.into_iter().filter(|settings| is_shifted(settings)) {
            let id = settings.text("name").and_then(|name| self.service_names.get(name).copied());
            let Some(service) = id.and_then(|id| self.services.get_mut(id.index())) else {
                continue;
            };
            service.shifts = shifts.iter().map(|(_, shift)| *shift).collect();
            is_obeyed.fill(true);
        }
        for ((settings, _), _) in shifts.iter().zip(is_obeyed).filter(|(_, is_obeyed)| !is_obeyed) {
            let message = "nobody obeys this zonal shift";
            let help = "switch it on: `availability_zone_impairment_policy = {}` of an Auto Scaling group that uses the zone, \
                        or `zonal_shift = true` of a load balancer";
            self.error_with_help(settings.place, message, help);
        }
    }

    fn shift(&mut self, settings: &Settings) -> Option<ZonalShift> {
        let (from, lasts) = (settings.span("at")?, settings.span("duration")?);
        let name = settings.text("availability_zone")?;
        let Some((zone, _)) = self.zones.enumerate().find(|(_, known)| *known == name) else {
            let message = format!("unknown availability zone {}", quoted(name));
            let help = suggestion(name, self.zones.iter().map(String::as_str));
            self.error_with_help(settings.value_place("availability_zone"), message, help);
            return None;
        };
        Some(ZonalShift { zone, from: SimTime(from.0), until: SimTime(from.0) + lasts })
    }
}

fn is_shifted(service: &Settings) -> bool {
    service.table("load_balancer").is_some_and(|balancer| balancer.flag("zonal_shift"))
}

fn obeys(provider: &Settings) -> bool {
    let policy = provider.table("availability_zone_impairment_policy");
    policy.is_some_and(|policy| policy.flag("zonal_shift_enabled"))
}
