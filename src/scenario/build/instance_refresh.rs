//! What replaces the instances of a group: their highest age.

use super::Build;
use crate::base::time::SimSpan;
use crate::policy::capacity::lifetime;
use crate::scenario::settings::Settings;
use crate::sim::setup::LifetimeSetup;

const PAUSE: SimSpan = SimSpan::from_secs(300);

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
}
