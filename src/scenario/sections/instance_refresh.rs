//! Keys of what replaces the instances of a group: their highest age.

use super::{Key, Kind, SECOND, optional};

const DAY: u64 = 86_400 * SECOND;

/// The highest age of a group's instances.
pub(super) const MAX_INSTANCE_LIFETIME: Key = optional(
    "max_instance_lifetime",
    Kind::Span(0, 365 * DAY),
    "none, as is \"0s\"",
    "Auto Scaling group: `MaxInstanceLifetime`, from 1 to 365 days: instances in service for so long are replaced, one after \
     the other, those that are protected from scale-in when they no longer are.",
    "API",
);

/// The pace of these replacements.
pub(super) const MAX_INSTANCE_LIFETIME_PAUSE: Key = optional(
    "max_instance_lifetime_pause",
    Kind::Span(SECOND, DAY),
    "\"5m\"",
    "From one such replacement to the next at least; where the lifetime is too short for that, up to 10 % of the instances \
     are replaced at once.",
    "assumed (AWS: \"a pause\")",
);
