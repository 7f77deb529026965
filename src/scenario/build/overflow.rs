//! EC2 first, Fargate for what does not fit: beyond ECS, which has no fallback from one to the other.

use super::Build;
use crate::base::time::SimSpan;
use crate::model::ids::{ClusterId, DefinitionId};
use crate::model::platform::Purchase;
use crate::scenario::settings::Settings;
use crate::sim::setup::{Launch, Overflow};

const KEY: &str = "overflow_to_fargate";

/// Whether tasks of a caller or a service may go to Fargate for want of room.
pub(super) fn is_given(settings: &Settings) -> bool {
    settings.is_given(KEY)
}

fn purchase(overflow: &Settings) -> Purchase {
    match overflow.text("capacity_provider") {
        Some("FARGATE_SPOT") => Purchase::Spot,
        _ => Purchase::OnDemand,
    }
}

impl Build<'_> {
    /// The overflow of a caller or a service whose (first) tasks go to `launch`.
    pub(super) fn overflow(
        &mut self,
        settings: &Settings,
        launch: &Launch,
        cluster: ClusterId,
    ) -> Option<Overflow> {
        let overflow = settings.table(KEY)?;
        let shares = match launch {
            Launch::Providers(shares) => &shares[..],
            Launch::Type(_) | Launch::Start(_) => &[],
        };
        // A strategy that was refused has been told of.
        let is_refused = matches!(launch, Launch::Providers(shares) if shares.is_empty());
        if self.is_fargate(launch) {
            let message = "`overflow_to_fargate` is for tasks on EC2: these are on Fargate already";
            self.error_with_help(settings.place_of(KEY), message, "remove it");
        } else if shares.is_empty() && !is_refused {
            let message = "`overflow_to_fargate` needs a capacity provider strategy: its tasks wait for room with a provider";
            let help =
                "write capacity_provider_strategy = [{ capacity_provider = \"...\", weight = 1 }]";
            self.error_with_help(settings.place_of(KEY), message, help);
        }
        let provider = self.fargate_provider(cluster, purchase(overflow));
        Some(Overflow {
            provider,
            after: overflow.span("after").unwrap_or_default(),
            again: overflow.span("again").unwrap_or(SimSpan::from_secs(10)),
        })
    }

    /// What Fargate refuses of a definition whose tasks may overflow.
    pub(super) fn check_overflow_of(&mut self, settings: &Settings, definition: DefinitionId) {
        if let Some(overflow) = settings.table(KEY) {
            self.check_fargate(definition, Some((purchase(overflow), settings.place_of(KEY))));
        }
    }

    /// Tasks that stop waiting before they may go to Fargate never do.
    pub(super) fn check_overflow_times(&mut self, root: &Settings) {
        let limits = super::timing::limits(root).provisioning;
        for settings in root.tables("run_task").chain(root.tables("service")) {
            let Some(overflow) = settings.table(KEY) else { continue };
            let Some(after) = overflow.span("after").filter(|after| *after >= limits.timeout)
            else {
                continue;
            };
            let message = format!(
                "no task gets so far: it is stopped when it has waited in PROVISIONING for {} s, and this is {} s",
                limits.timeout.0 / 1_000_000,
                after.0 / 1_000_000
            );
            let help = "make `after` shorter, or `provisioning_timeout` of `[limits]` longer";
            self.error_with_help(overflow.value_place("after"), message, help);
        }
    }
}
