//! What an update changes beside the revision: how deployments go, checks, grace, and how far scaling may go.

use super::Build;
use super::service::Subject;
use super::service_update::History;
use crate::base::time::SimSpan;
use crate::model::service::{Change, LoadBalancer};
use crate::scenario::sections::DEPLOYMENT;
use crate::scenario::settings::Settings;

/// Keys of an update that change a service's settings and begin no deployment.
pub(super) const OF_SETTINGS: [&str; 5] = [
    "deployment_configuration",
    "health_check_grace_period",
    "load_balancer",
    "min_capacity",
    "max_capacity",
];

/// A service's settings as its updates have left them.
pub(super) struct Present {
    configuration: Settings,
    balancer: Option<LoadBalancer>,
    /// `min_capacity` and `max_capacity`.
    capacity: Option<(u32, u32)>,
}

impl Present {
    /// Those of a service at the start.
    pub fn of(subject: &Subject<'_>, balancer: Option<&LoadBalancer>) -> Present {
        let empty = Settings::empty(&DEPLOYMENT, subject.settings.place);
        let configuration = subject.settings.table("deployment_configuration").unwrap_or(&empty);
        let scaling = subject.settings.table("scaling");
        Present {
            configuration: configuration.clone(),
            balancer: balancer.copied(),
            capacity: scaling.and_then(|scaling| {
                Some((scaling.whole32("min_capacity")?, scaling.whole32("max_capacity")?))
            }),
        }
    }

    /// The strategy of its deployments.
    pub fn strategy(&self) -> &str {
        self.configuration.text("strategy").unwrap_or("ROLLING")
    }
}

impl Build<'_> {
    /// What an update changes of the settings.
    pub(super) fn settings_of(
        &mut self,
        history: &mut History<'_, '_>,
        update: &Settings,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        let subject = history.subject;
        let present = &mut history.settings;
        if let Some(table) = update.table("load_balancer") {
            match &mut present.balancer {
                Some(balancer) => {
                    self.change_balancer(balancer, table);
                    changes.push(Change::Balancer(*balancer));
                }
                None => {
                    let message = "the service has no `load_balancer` to change: an update that adds its first one is not modelled";
                    let help = "give the service its `load_balancer` from the beginning, or simulate the time before and \
                                after apart";
                    self.error_with_help(update.place_of("load_balancer"), message, help);
                }
            }
        }
        if let Some(table) = update.table("deployment_configuration") {
            present.configuration = table.over(&present.configuration);
            let balancer = present.balancer;
            let configuration = present.configuration.clone();
            let deployment =
                self.deployment_of_settings(subject, &configuration, balancer.as_ref());
            changes.push(Change::Configure(Box::new(deployment)));
        }
        if update.is_given("health_check_grace_period") {
            let grace = update.span("health_check_grace_period").unwrap_or_default();
            changes.push(Change::GracePeriod(grace));
        }
        changes.extend(self.capacity_of(history, update));
        changes
    }

    /// RegisterScalableTarget again, with other limits.
    fn capacity_of(&mut self, history: &mut History<'_, '_>, update: &Settings) -> Option<Change> {
        let key = ["min_capacity", "max_capacity"].into_iter().find(|key| update.is_given(key))?;
        let Some((min, max)) = history.settings.capacity else {
            let message = format!("`{key}` is about `scaling`, which the service does not have");
            self.error(update.place_of(key), message);
            return None;
        };
        let min = update.whole32("min_capacity").unwrap_or(min);
        let max = update.whole32("max_capacity").unwrap_or(max);
        let place = update.value_place(key);
        if min > max {
            let message = format!("`min_capacity` {min} is above `max_capacity` {max} then");
            self.error(place, message);
        }
        self.check_tasks(u64::from(max), place);
        history.settings.capacity = Some((min, max));
        Some(Change::Capacity { min, max })
    }

    /// ModifyTargetGroup and ModifyTargetGroupAttributes.
    fn change_balancer(&mut self, balancer: &mut LoadBalancer, table: &Settings) {
        if table.is_given("deregistration_delay") {
            balancer.deregistration_delay = table.span("deregistration_delay").unwrap_or_default();
        }
        let Some(check) = table.table("health_check") else { return };
        let span = |key: &str, before: SimSpan| {
            if check.is_given(key) { check.span(key).unwrap_or(before) } else { before }
        };
        let whole = |key: &str, before: u32| {
            if check.is_given(key) { check.whole32(key).unwrap_or(before) } else { before }
        };
        balancer.interval = span("interval", balancer.interval);
        balancer.timeout = span("timeout", balancer.timeout);
        balancer.healthy_threshold = whole("healthy_threshold", balancer.healthy_threshold);
        balancer.unhealthy_threshold = whole("unhealthy_threshold", balancer.unhealthy_threshold);
        if balancer.timeout > balancer.interval {
            let message = "`timeout` would be above the `interval`";
            self.error(table.value_place("health_check"), message);
        }
    }
}
