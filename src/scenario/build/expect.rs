//! Limits on metrics: every name is checked before the run, which may take hours.

use super::Build;
use crate::base::id::Column;
use crate::base::random::Seed;
use crate::base::time::{SimSpan, SimTime};
use crate::engine::Pulse;
use crate::metrics::service_summary::of_each_service;
use crate::metrics::summary::SERVICE_PREFIX;
use crate::policy::placement::TieBreak;
use crate::scenario::Expect;
use crate::scenario::diagnostic::{quoted, suggestion};
use crate::scenario::settings::Settings;
use crate::sim::outputs::Sinks;
use crate::sim::setup::{FargateSetup, Inputs, Latencies, Limits, Setup};
use crate::sim::{Watch, run};

/// Among more services than this no similar name is looked for.
const MOST_NAMES: usize = 1_000;

impl Build<'_> {
    /// The limits; `nothing` is a setup in which nothing happens.
    pub(super) fn read_expects(
        &mut self,
        root: &Settings,
        nothing: impl FnOnce() -> Setup,
    ) -> Vec<Expect> {
        let mut expects = Vec::new();
        let mut known = None;
        let mut nothing = Some(nothing);
        for settings in root.tables("expect") {
            let Some(metric) = settings.text("metric") else { continue };
            let (at_most, at_least) = (settings.number("at_most"), settings.number("at_least"));
            if at_most.is_none() && at_least.is_none() {
                let message = "an `expect` needs `at_most` or `at_least`";
                self.error(settings.place, message);
            }
            if let (Some(most), Some(least)) = (at_most, at_least)
                && most < least
            {
                let message = format!("`at_most` {most} is below `at_least` {least}");
                self.error(settings.value_place("at_most"), message);
            }
            let known =
                known.get_or_insert_with(|| nothing.take().map(metrics_of).unwrap_or_default());
            if metric == RECLAIMED && has_slots_that_end(root) {
                known.push(RECLAIMED.to_string());
            }
            if let Some((message, help)) = unknown_metric(metric, root, known) {
                self.error_with_help(settings.value_place("metric"), message, help);
            }
            let place = self.problems.describe(settings.value_place("metric"));
            expects.push(Expect { metric: metric.to_string(), at_most, at_least, place });
        }
        expects
    }
}

/// A metric of runs with Capacity Blocks or interruptible reservations alone.
const RECLAIMED: &str = "instances_reclaimed";

/// Whether it has capacity reservations whose instances end with them.
fn has_slots_that_end(root: &Settings) -> bool {
    let plain = "on-demand-capacity-reservation";
    root.tables("capacity_reservation").any(|one| one.text("type").is_some_and(|of| of != plain))
}

/// The names of the metrics that every run has: those of a run in which nothing happens.
fn metrics_of(nothing: impl FnOnce() -> Setup) -> Vec<String> {
    let watch = Watch { pulse: &Pulse::default(), check_every_event: false };
    let ran = run(nothing(), Inputs::default(), Sinks::default(), watch);
    let summary = ran.map(|result| result.summary).unwrap_or_default();
    summary.0.into_iter().map(|metric| metric.name.into_owned()).collect()
}

/// What is wrong with the name of a metric, and what may have been meant.
fn unknown_metric(metric: &str, root: &Settings, known: &[String]) -> Option<(String, String)> {
    let message = format!("there is no metric {}", quoted(metric));
    let Some((service, of_service)) =
        metric.strip_prefix(SERVICE_PREFIX).and_then(|rest| rest.split_once('.'))
    else {
        let help = || suggestion(metric, known.iter().map(String::as_str));
        return (!known.iter().any(|name| name == metric)).then(|| (message, help()));
    };
    let names: Option<Vec<&str>> = root.tables("service").map(|one| one.text("name")).collect();
    // A service whose name is refused may be the one that is meant.
    if let Some(names) = names
        && !names.contains(&service)
    {
        let help = match names.len() {
            0 => "the scenario has no `[[service]]`".to_string(),
            n if n > MOST_NAMES => format!("none of the {n} services has this name"),
            _ => suggestion(service, names.iter().copied()),
        };
        return Some((format!("{message}: the scenario has no service {}", quoted(service)), help));
    }
    let all = of_each_service();
    let is_known = all.iter().any(|(name, ..)| *name == of_service);
    let help = || suggestion(of_service, all.iter().map(|(name, ..)| *name));
    (!is_known).then(|| (message, help()))
}

/// A setup in which nothing happens, by these rules.
pub(super) fn nothing(
    latencies: Latencies,
    limits: Limits,
    fargate: FargateSetup,
    root: &Settings,
) -> Setup {
    Setup {
        name: String::new(),
        region: String::new(),
        seed: Seed(0),
        horizon: Some(SimTime(1)),
        sample_interval: SimSpan::from_secs(1),
        max_requests_alive: 1,
        tie_break: TieBreak::Stable,
        zones: Column::new(),
        clusters: Column::new(),
        providers: Column::new(),
        instances: Vec::new(),
        groups: Vec::new(),
        faults: Vec::new(),
        blackouts: Default::default(),
        fees: crate::pricing::Fees::default(),
        commitments: crate::sim::setup::Commitments::default(),
        terms: Default::default(),
        bill: None,
        definitions: Column::new(),
        sources: Column::new(),
        latencies,
        limits,
        fargate,
        network: None,
        access: Default::default(),
        services: Column::new(),
        scheduler: super::service_pace::scheduler(root),
        metric_delays: super::service_pace::metric_delays(root),
        epoch_s: 0,
        is_dated: false,
    }
}
