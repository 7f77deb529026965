//! Keys of zonal shifts: when a zone is shifted away from, and who obeys.

use super::{ANY_SPAN, Kind, SECOND, Section, required, with_default};
use crate::base::time::LATEST;

/// `[[zonal_shift]]`.
pub static ZONAL_SHIFT: Section = Section::new(
    "zonal_shift",
    "A zonal shift of Application Recovery Controller, by hand or as zonal autoshift: for a while nothing new goes to an \
     Availability Zone, of all that has zonal shift switched on.",
    &[
        required("at", ANY_SPAN, "When it begins.", "ecsim"),
        required(
            "duration",
            Kind::Span(60 * SECOND, LATEST.0),
            "How long it lasts; AWS lets it expire after three days at most, and be prolonged.",
            "API",
        ),
        required("availability_zone", Kind::Text, "The zone that is shifted away from.", "API"),
    ],
);

/// `[capacity_provider.availability_zone_impairment_policy]`.
pub(super) static IMPAIRMENT_POLICY: Section = Section::new(
    "availability_zone_impairment_policy",
    "`AvailabilityZoneImpairmentPolicy` of an Auto Scaling group. In a `[[zonal_shift]]` it launches in other zones only, \
     and policies do not scale it in.",
    &[
        with_default(
            "zonal_shift_enabled",
            Kind::Flag,
            "true",
            "`ZonalShiftEnabled`: whether it obeys zonal shifts.",
            "API",
        ),
        with_default(
            "impaired_zone_health_check_behavior",
            Kind::Choice(&["ReplaceUnhealthy", "IgnoreUnhealthy"]),
            "\"ReplaceUnhealthy\"",
            "`ImpairedZoneHealthCheckBehavior`: whether instances of that zone that are found unhealthy are replaced at \
             once, or when the shift is over.",
            "API",
        ),
    ],
);
