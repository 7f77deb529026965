//! How Fargate takes tasks back, and when it has none to give.

use super::Build;
use super::interruption::shortage;
use crate::base::time::{SimSpan, SimTime};
use crate::model::ids::ZoneId;
use crate::policy::capacity::fargate::{
    EventWindow, RetirementWait, retires_at, retires_until, spot_hazard_per_hour,
};
use crate::scenario::diagnostic::{quoted, suggestion};
use crate::scenario::sections::WEEKDAYS;
use crate::scenario::settings::Settings;
use crate::sim::setup::{
    Amount, FargateRisks, FargateShortage, Retirement, SpotLimit, SpotReclaim,
};

impl Build<'_> {
    /// How Fargate's capacity fails.
    pub(super) fn fargate_risks(
        &mut self,
        fargate: &Settings,
        zones: &[ZoneId],
        epoch_s: i64,
    ) -> FargateRisks {
        let mut risks = FargateRisks::default();
        if let Some(spot) = fargate.table("spot") {
            risks.spot_per_task_hour = self.spot_rate(spot);
            risks.spot_reclaims = self.reclaims(spot, "reclaims_per_zone_hour");
            risks.scripted = self.spot_script(spot, zones);
            risks.limits = self.spot_limits(spot, zones);
        }
        for settings in fargate.tables("shortages") {
            let Some(zone) = self.fargate_zone(settings, zones) else { continue };
            let Some((from, until, purchase)) = shortage(settings) else { continue };
            risks.shortages.push(FargateShortage { zone, purchase, from, until });
        }
        risks.retirements = retirements(fargate, epoch_s);
        let hours: u32 = windows(fargate).iter().map(|window| window.hours).sum();
        if (1..4).contains(&hours) {
            let message = "event windows have four hours a week together, or more";
            self.error(fargate.place_of("event_windows"), message);
        }
        if fargate.is_given("event_windows") && !fargate.is_given("retirements") {
            let message = "`event_windows` without `retirements`";
            self.error(fargate.place_of("event_windows"), message);
        }
        risks
    }

    fn spot_rate(&mut self, spot: &Settings) -> f64 {
        let per_hour = spot.number("interruptions_per_task_hour");
        let per_month = spot.number("interrupted_percent_per_month");
        if per_hour.is_some() && per_month.is_some() {
            let message =
                "`interruptions_per_task_hour` and `interrupted_percent_per_month` say the same";
            self.error(spot.place_of("interrupted_percent_per_month"), message);
        }
        per_hour.or(per_month.map(spot_hazard_per_hour)).unwrap_or(0.0)
    }

    fn spot_script(&mut self, spot: &Settings, zones: &[ZoneId]) -> Vec<SpotReclaim> {
        let mut script = Vec::new();
        for settings in spot.tables("interruptions") {
            let Some(zone) = self.fargate_zone(settings, zones) else { continue };
            let Some(at) = settings.span("at") else { continue };
            let (tasks, percent) = (settings.whole32("tasks"), settings.whole32("percent"));
            if tasks.is_some() && percent.is_some() {
                let message = "`tasks` says how many: `percent` says nothing more";
                self.error(settings.place_of("percent"), message);
            }
            let amount = tasks.map_or(Amount::Percent(percent.unwrap_or(100)), Amount::Tasks);
            script.push(SpotReclaim { at: SimTime(at.0), zone, amount });
        }
        script
    }

    fn spot_limits(&mut self, spot: &Settings, zones: &[ZoneId]) -> Vec<SpotLimit> {
        let mut limits = Vec::new();
        for settings in spot.tables("availability") {
            let Some(zone) = self.fargate_zone(settings, zones) else { continue };
            if self.availability(settings, (None, "fargate.spot".into()), limits.len()) {
                limits.push(SpotLimit { zone, changes: Vec::new() });
            }
        }
        limits
    }

    /// The zone that is named, if any; `None` where Fargate has no such zone.
    fn fargate_zone(&mut self, settings: &Settings, zones: &[ZoneId]) -> Option<Option<ZoneId>> {
        let Some(name) = settings.text("availability_zone") else { return Some(None) };
        if let Some(&zone) = zones.iter().find(|&&zone| self.zones[zone] == *name) {
            return Some(Some(zone));
        }
        let message = format!("{} is not among Fargate's Availability Zones", quoted(name));
        let known: Vec<String> = zones.iter().map(|&zone| self.zones[zone].clone()).collect();
        let help = suggestion(name, known.iter().map(String::as_str));
        self.error_with_help(settings.value_place("availability_zone"), message, help);
        None
    }
}

/// When tasks are retired, in order of time.
fn retirements(fargate: &Settings, epoch_s: i64) -> Vec<Retirement> {
    let wait = fargate.text("task_retirement_wait_days").unwrap_or_default();
    let wait = RetirementWait::ALL.iter().find(|(_, days)| *days == wait);
    let wait = wait.map_or_else(RetirementWait::default, |(wait, _)| *wait);
    let windows = windows(fargate);
    let announced = fargate.tables("retirements").filter_map(|of| of.span("announced_at"));
    let retirement = |announced: SimSpan| {
        let notice = SimTime(announced.0);
        let at = retires_at(notice, wait, &windows, epoch_s);
        Retirement { notice, at, until: retires_until(at, &windows, epoch_s) }
    };
    let mut all: Vec<Retirement> = announced.map(retirement).collect();
    all.sort_by_key(|of| of.at);
    all
}

fn windows(fargate: &Settings) -> Vec<EventWindow> {
    let window = |of: &Settings| {
        let day = WEEKDAYS.iter().position(|day| of.text("weekday") == Some(day))?;
        Some(EventWindow {
            from: day as u32 * 24 + of.whole32("start_hour")?,
            hours: of.whole32("hours")?,
        })
    };
    fargate.tables("event_windows").filter_map(window).collect()
}
