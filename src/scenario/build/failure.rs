//! What goes wrong: failures one by one, and the traces that hold more of them, which are not opened here.

use super::Build;
use crate::base::time::SimTime;
use crate::scenario::FailureTrace;
use crate::scenario::diagnostic::{quoted, suggestion};
use crate::scenario::settings::Settings;
use crate::sim::setup::{Failure, FailureKind};

/// Among more services than this no similar name is looked for.
const MOST_NAMES: usize = 1_000;

impl Build<'_> {
    /// The failures that the scenario lists, in order of time.
    pub(super) fn failures(&mut self, root: &Settings) -> Vec<Failure> {
        let mut failures = Vec::new();
        let known: Vec<&str> =
            root.tables("service").filter_map(|service| service.text("name")).collect();
        for settings in root.tables("failure") {
            let Some(name) = settings.text("service") else { continue };
            let Some(service) = self.service_names.get(name).copied() else {
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
            let (Some(at), Some(tasks)) = (settings.span("at"), settings.whole32("tasks")) else {
                continue;
            };
            let kind = FailureKind::TaskCrash { service, tasks };
            failures.push(Failure { at: SimTime(at.0), kind });
        }
        failures.sort_by_key(|failure| failure.at);
        failures
    }

    /// The traces of failures.
    pub(super) fn failure_traces(&mut self, root: &Settings) -> Vec<FailureTrace> {
        let mut traces = Vec::new();
        for settings in root.tables("failure_trace") {
            let Some(written) = settings.text("trace").map(str::to_string) else { continue };
            let path = self.resolve(&written);
            self.is_file(&path, &written, settings.value_place("trace"));
            traces.push(FailureTrace { path, display: written });
        }
        traces
    }
}
