//! How Spot instances are taken back, and what is not to be had for a while.

use super::Build;
use super::fleet::FleetSpec;
use super::instance_requirements::Selected;
use crate::base::time::SimTime;
use crate::model::ids::ProviderId;
use crate::model::platform::Purchase;
use crate::scenario::MarketTrace;
use crate::scenario::diagnostic::{quoted, suggestion};
use crate::scenario::market::MarketFile;
use crate::scenario::settings::Settings;
use crate::sim::setup::{InterruptionSetup, PoolLimit, Shortage};

impl Build<'_> {
    /// How the Spot instances of a mixed group are taken back.
    pub(super) fn interruption(
        &mut self,
        fleet: &FleetSpec<'_>,
        (holder, has_max_price): (&Settings, bool),
        types: &[Selected],
    ) -> InterruptionSetup {
        let usual = InterruptionSetup::default();
        let Some(table) = holder.table("interruption") else { return usual };
        let above_max_price = table.flag("above_max_price");
        if above_max_price && !has_max_price {
            let message = "`above_max_price` without `spot_max_price` of `mixed_instances`";
            self.error(table.place_of("above_max_price"), message);
        }
        let reclaims = self.reclaims(table, "reclaims_per_pool_hour");
        let limits = self.pool_limits(fleet, table, types);
        InterruptionSetup {
            above_max_price,
            reclaims,
            notice: table.span("notice").unwrap_or(usual.notice),
            recommendation: table
                .distribution("rebalance_recommendation")
                .cloned()
                .unwrap_or(usual.recommendation),
            rebalances: table.flag("capacity_rebalancing"),
            agent_drains: table.flag("spot_instance_draining"),
            limits,
        }
    }

    /// Reclaims of many at once: how often an hour, and of which share in percent.
    pub(super) fn reclaims(&mut self, table: &Settings, key: &str) -> Option<(f64, u32)> {
        let percent = table.whole32("reclaim_percent");
        let often = table.number(key).filter(|often| *often > 0.0);
        if percent.is_some() && often.is_none() {
            let message = format!("`reclaim_percent` without `{key}`");
            self.error(table.place_of("reclaim_percent"), message);
        }
        often.map(|often| (often, percent.unwrap_or(100)))
    }

    /// A file that says how much Spot capacity there is over time, for the limit of this number. Says whether one is
    /// named.
    pub(super) fn availability(
        &mut self,
        settings: &Settings,
        (provider, name): (Option<ProviderId>, String),
        limit: usize,
    ) -> bool {
        let Some(written) = settings.text("trace").map(str::to_string) else { return false };
        let path = self.resolve(&written);
        self.is_file(&path, &written, settings.value_place("trace"));
        self.markets.push(MarketTrace {
            provider,
            name: format!("{name}.availability.{}", limit + 1),
            path,
            display: written,
            file: MarketFile::Availability {
                limit,
                is_available: settings.text("meaning") != Some("unavailable"),
                gap: settings.span("gap"),
            },
        });
        true
    }

    /// Interruptions of an instance of a type in an hour.
    pub(super) fn hazard(&mut self, policy: &Settings, instance_type: &str) -> f64 {
        let Some(table) = policy.table("interruption") else { return 0.0 };
        let given = table.number("per_instance_hour").unwrap_or(0.0);
        if !table.flag("spot_advisor") {
            return given;
        }
        match self.book.spot_advice(&self.region, instance_type) {
            Some(advice) => given + advice.band.hazard_per_hour(),
            None => {
                let message = format!(
                    "the Spot Advisor says nothing about {} in {}",
                    quoted(instance_type),
                    self.region
                );
                let help = "give `per_instance_hour` in place of `spot_advisor`";
                self.error_with_help(table.value_place("spot_advisor"), message, help);
                given
            }
        }
    }

    fn pool_limits(
        &mut self,
        fleet: &FleetSpec<'_>,
        table: &Settings,
        types: &[Selected],
    ) -> Vec<PoolLimit> {
        let mut limits = Vec::new();
        let own: Vec<String> = types.iter().map(|one| one.name.clone()).collect();
        for settings in table.tables("availability") {
            let Some(offers) = self.offers_of(fleet, &own, settings) else { continue };
            let of = (Some(fleet.provider), format!("capacity_provider.{}", fleet.name));
            if self.availability(settings, of, limits.len()) {
                limits.push(PoolLimit { offers, changes: Vec::new() });
            }
        }
        limits
    }

    /// The offers of a zone and a type, where they are given.
    fn offers_of(
        &mut self,
        fleet: &FleetSpec<'_>,
        types: &[String],
        of: &Settings,
    ) -> Option<Vec<usize>> {
        let types: Vec<&str> = types.iter().map(String::as_str).collect();
        let zones: Vec<String> = fleet.zones.iter().map(|&z| self.zones[z].clone()).collect();
        let zones: Vec<&str> = zones.iter().map(String::as_str).collect();
        for (key, known, what) in [
            ("instance_type", &types, "`instance_types`"),
            ("availability_zone", &zones, "group's Availability Zones"),
        ] {
            let Some(name) = of.text(key).filter(|name| !known.contains(name)) else { continue };
            let message = format!("{} is not among the {what}", quoted(name));
            let help = suggestion(name, known.iter().copied());
            self.error_with_help(of.value_place(key), message, help);
            return None;
        }
        let mut offers = Vec::new();
        for (zone, name) in zones.iter().enumerate() {
            for (index, kind) in types.iter().enumerate() {
                let is_it = |key: &str, own: &str| of.text(key).is_none_or(|given| given == own);
                if is_it("availability_zone", name) && is_it("instance_type", kind) {
                    offers.push(zone * types.len() + index);
                }
            }
        }
        Some(offers)
    }

    /// When a group finds no capacity.
    pub(super) fn shortages(&mut self, fleet: &FleetSpec<'_>, types: &[String]) -> Vec<Shortage> {
        let mut shortages = Vec::new();
        for settings in fleet.settings.tables("shortages") {
            let Some(offers) = self.offers_of(fleet, types, settings) else { continue };
            let Some((from, until, purchase)) = shortage(settings) else { continue };
            shortages.push(Shortage { offers, purchase, from, until });
        }
        shortages
    }
}

/// From when until when there is a shortage, and of what.
pub(super) fn shortage(settings: &Settings) -> Option<(SimTime, SimTime, Option<Purchase>)> {
    let purchase = settings.text("purchase").map(|name| match name {
        "spot" => Purchase::Spot,
        _ => Purchase::OnDemand,
    });
    let from = SimTime(settings.span("at")?.0);
    Some((from, from + settings.span("duration")?, purchase))
}
