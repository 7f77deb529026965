//! Lifecycle hooks of Auto Scaling groups.

use super::Build;
use crate::base::time::SimSpan;
use crate::policy::capacity::hooks::DefaultResult;
use crate::scenario::settings::Settings;
use crate::sim::setup::{HookSetup, Transition};

/// Lifecycle hooks of a group at most (quota; documented).
const MOST: usize = 50;

impl Build<'_> {
    /// The hooks of a group.
    pub(super) fn lifecycle_hooks(&mut self, settings: &Settings) -> Vec<HookSetup> {
        let tables: Vec<&Settings> = settings.tables("lifecycle_hooks").collect();
        if tables.len() > MOST {
            let message =
                format!("a group has at most {MOST} lifecycle hooks, this one {}", tables.len());
            self.error(tables[MOST].place, message);
        }
        tables.into_iter().filter_map(|table| self.lifecycle_hook(table)).collect()
    }

    fn lifecycle_hook(&mut self, table: &Settings) -> Option<HookSetup> {
        let takes = table.distribution("takes")?.clone();
        let heartbeat = table.span("heartbeat_timeout")?;
        let name = table.text("default_result")?;
        let default = DefaultResult::ALL.iter().find(|(_, known)| *known == name)?.0;
        let transition = match table.text("transition")? {
            "launching" => Transition::Launching,
            _ => Transition::Terminating,
        };
        let is_late = SimSpan::from_secs_f64(takes.least()) > heartbeat;
        let is_launch = transition == Transition::Launching;
        if is_late && is_launch && default == DefaultResult::Abandon && !self.has_duration {
            let message =
                "this hook abandons every launch, again and again: it needs a run that ends";
            let help = "write a `duration` in `[simulation]`, or default_result = \"CONTINUE\"";
            self.error_with_help(table.value_place("takes"), message, help);
        }
        Some(HookSetup { transition, takes, heartbeat, default })
    }
}
