//! What replaces the instances of a group: refreshes, their highest age.

use super::Build;
use crate::base::time::{SimSpan, SimTime};
use crate::model::group::ProtectedInstances;
use crate::policy::capacity::lifetime;
use crate::scenario::settings::{Settings, Value};
use crate::sim::setup::{LifetimeSetup, RefreshSetup};

const PAUSE: SimSpan = SimSpan::from_secs(300);
const CHECKPOINT_DELAY: SimSpan = SimSpan::from_secs(3_600);

/// `HealthCheckGracePeriod` of a group.
pub(super) fn health_check_grace(settings: &Settings) -> SimSpan {
    settings.span("health_check_grace_period").unwrap_or(SimSpan::ZERO)
}

impl Build<'_> {
    /// `MaxInstanceLifetime` of a group, where it has one.
    pub(super) fn lifetime(&mut self, settings: &Settings) -> Option<LifetimeSetup> {
        let pause = settings.span("max_instance_lifetime_pause");
        let longest = settings.span("max_instance_lifetime").filter(|span| span.0 > 0);
        if pause.is_some() && longest.is_none() {
            let message = "`max_instance_lifetime_pause` without `max_instance_lifetime`";
            self.error(settings.place_of("max_instance_lifetime_pause"), message);
        }
        let longest = longest?;
        if longest < lifetime::SHORTEST {
            let message = "`max_instance_lifetime` is less than a day";
            let help = "EC2 Auto Scaling takes 1 to 365 days, or \"0s\" for none";
            self.error_with_help(settings.value_place("max_instance_lifetime"), message, help);
        }
        Some(LifetimeSetup { longest, pause: pause.unwrap_or(PAUSE) })
    }

    /// Refreshes of a group, in order of time.
    pub(super) fn refreshes(&mut self, settings: &Settings) -> Vec<RefreshSetup> {
        let grace = health_check_grace(settings);
        let mut found: Vec<RefreshSetup> =
            settings.tables("instance_refreshes").map(|table| self.refresh(table, grace)).collect();
        found.sort_by_key(|refresh| refresh.at);
        found
    }

    fn refresh(&mut self, table: &Settings, grace: SimSpan) -> RefreshSetup {
        let (min, max) = self.percentages(table);
        let at = SimTime(table.span("at").unwrap_or(SimSpan::ZERO).0);
        let cancel = table.span("cancel_at").map(|span| SimTime(span.0));
        if cancel.is_some_and(|cancel| cancel <= at) {
            let message = "`cancel_at` is not after `at`";
            self.error(table.value_place("cancel_at"), message);
        }
        let alarm = table.span("alarm_at").map(|span| SimTime(span.0));
        if alarm.is_some_and(|alarm| alarm <= at) {
            let message = "`alarm_at` is not after `at`";
            self.error(table.value_place("alarm_at"), message);
        }
        let rolls_back = table.flag("auto_rollback");
        if rolls_back && !table.is_given("launch_template_version") {
            let message = "`auto_rollback` without `launch_template_version`";
            let help =
                "EC2 Auto Scaling rolls back to what was before a desired configuration only";
            self.error_with_help(table.place_of("auto_rollback"), message, help);
        }
        let checkpoints = self.checkpoints(table);
        let name = table.text("scale_in_protected_instances");
        let known = ProtectedInstances::ALL.iter().find(|(_, known)| Some(*known) == name);
        RefreshSetup {
            at,
            template: table.whole32("launch_template_version"),
            min,
            max,
            warm_up: table.span("instance_warmup").unwrap_or(grace),
            checkpoints,
            checkpoint_delay: table.span("checkpoint_delay").unwrap_or(CHECKPOINT_DELAY),
            skip_matching: table.flag("skip_matching"),
            protected: known.map(|(protected, _)| *protected).unwrap_or_default(),
            bake: table.span("bake_time").unwrap_or(SimSpan::ZERO),
            cancel,
            alarm,
            rolls_back,
        }
    }

    fn percentages(&mut self, table: &Settings) -> (u32, u32) {
        let percent = |key: &str, or: u32| table.whole32(key).unwrap_or(or);
        let (min, max) =
            (percent("min_healthy_percentage", 90), percent("max_healthy_percentage", 100));
        let place = table.value_place("max_healthy_percentage");
        if max > min + 100 {
            let message = format!(
                "`max_healthy_percentage` {max} is more than 100 above `min_healthy_percentage` {min}"
            );
            self.error(place, message);
        } else if table.is_given("max_healthy_percentage")
            && !table.is_given("min_healthy_percentage")
        {
            let message = "`max_healthy_percentage` without `min_healthy_percentage`";
            let help =
                "the API takes the two together; 100 launches new instances before old ones end";
            self.error_with_help(place, message, help);
        }
        (min, max)
    }

    fn checkpoints(&mut self, table: &Settings) -> Vec<u32> {
        let items = table.list("checkpoint_percentages");
        let percent = |item: &Value| match item {
            Value::Whole(percent) => u32::try_from(*percent).ok(),
            _ => None,
        };
        let percents: Vec<u32> = items.iter().filter_map(|item| percent(&item.value)).collect();
        if let Some(at) = percents.windows(2).position(|pair| pair[0] >= pair[1]) {
            let message = "`checkpoint_percentages` must ascend, each of them once";
            self.error(items[at + 1].place, message);
        }
        if table.is_given("checkpoint_delay") && percents.is_empty() {
            let message = "`checkpoint_delay` without `checkpoint_percentages`";
            self.error(table.place_of("checkpoint_delay"), message);
        }
        percents
    }
}
