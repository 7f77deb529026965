//! What goes wrong: failures one by one, and the traces that hold more of them, which are not opened here.

use super::Build;
use crate::base::time::{SimSpan, SimTime};
use crate::scenario::FailureTrace;
use crate::scenario::diagnostic::{quoted, suggestion};
use crate::scenario::settings::Settings;
use crate::sim::setup::{Failure, FailureKind, Outage, Outages};

/// Keys of an outage.
const OF_OUTAGES: [&str; 4] = ["duration", "latency", "error_percent", "health_checks"];
/// Among more services than this no similar name is looked for.
const MOST_NAMES: usize = 1_000;

impl Build<'_> {
    /// The failures that the scenario lists, in order of time.
    pub(super) fn failures(&mut self, root: &Settings) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut outages = Outages::default();
        let known: Vec<&str> =
            root.tables("service").filter_map(|service| service.text("name")).collect();
        for settings in root.tables("failure") {
            if super::fault::is_of_instances(settings) || super::blackout::is_blackout(settings) {
                continue;
            }
            self.check_of_service(settings);
            let Some(name) = settings.text("service") else { continue };
            let Some(service) = self.service_names.get(name).copied() else {
                if super::is_lost(&self.declared[1], name) {
                    continue;
                }
                let message = format!("unknown service {}", quoted(name));
                let help = match known.len() {
                    0 => "the scenario has no `[[service]]`".to_string(),
                    // Each error would walk over all of them.
                    n if n > MOST_NAMES => format!("{n} services are valid"),
                    _ => suggestion(name, known.iter().copied()),
                };
                self.error_with_help(settings.value_place("service"), message, help);
                continue;
            };
            let Some(at) = settings.span("at") else { continue };
            let tasks = settings.whole32("tasks").unwrap_or(1);
            let kind = match settings.text("kind") {
                Some("dependency_outage") => {
                    let Some(outage) = self.outage(settings) else { continue };
                    let kind = FailureKind::DependencyOutage { service, outage };
                    if outages.overlap(SimTime(at.0), &kind) {
                        let message = "two outages of what this service depends on overlap";
                        self.error(settings.value_place("at"), message);
                    }
                    kind
                }
                Some("stop_task") => FailureKind::StopTask { service, tasks },
                _ => FailureKind::TaskCrash { service, tasks },
            };
            if !matches!(kind, FailureKind::DependencyOutage { .. }) {
                for key in OF_OUTAGES.into_iter().filter(|key| settings.is_given(key)) {
                    let message = format!("`{key}` is about the kind \"dependency_outage\"");
                    self.error(settings.place_of(key), message);
                }
            }
            failures.push(Failure { at: SimTime(at.0), kind });
        }
        failures.sort_by_key(|failure| failure.at);
        failures
    }

    /// How bad an outage is.
    fn outage(&mut self, settings: &Settings) -> Option<Outage> {
        if settings.is_given("tasks") {
            let message = "an outage is felt by all tasks: `tasks` is about those that crash";
            self.error(settings.place_of("tasks"), message);
        }
        let Some(lasts) = settings.span("duration") else {
            self.error(settings.place, "a \"dependency_outage\" needs a `duration`");
            return None;
        };
        let latency = settings.span("latency").unwrap_or_default();
        let usual = if latency == SimSpan::ZERO { 1_000_000 } else { 0 };
        let given = settings.is_given("error_percent");
        let error_ppm = if given { super::service::ppm(settings, "error_percent") } else { usual };
        let fails_checks = !settings.is_given("health_checks") || settings.flag("health_checks");
        Some(Outage { lasts, latency, error_ppm, fails_checks })
    }

    /// The traces of failures.
    pub(super) fn failure_traces(&mut self, root: &Settings) -> Vec<FailureTrace> {
        let mut traces = Vec::new();
        for settings in root.tables("failure_trace") {
            let Some(written) = settings.text("trace").map(str::to_string) else { continue };
            let path = self.resolve(&written);
            self.is_file(&path, &written, settings.value_place("trace"));
            let machines = self.machine_trace(settings);
            traces.push(FailureTrace { path, display: written, machines });
        }
        traces
    }
}
