//! Keys of ECS Managed Instances.

use super::instance_requirements::INSTANCE_REQUIREMENTS;
use super::{Kind, SECOND, Section, optional, with_default};

/// `managed_instances` of a capacity provider.
pub static MANAGED_INSTANCES: Section = Section::new(
    "managed_instances",
    "ECS Managed Instances: ECS chooses, launches and ends the instances; what AWS does not publish is a key here.",
    &[
        optional(
            "instance_requirements",
            Kind::Table(&INSTANCE_REQUIREMENTS),
            "the M families of the current generation",
            "Which types of the catalogue may be launched, in place of `instance_types`.",
            "API",
        ),
        with_default(
            "scale_in_after",
            Kind::WordOr(&["never"], &Kind::Span(0, 3_600 * SECOND)),
            "\"300s\"",
            "`scaleInAfter`: for how long no task may have begun or ended on an instance before it may go; `never` is the API's -1.",
            "assumed (AWS's own default is unpublished)",
        ),
        optional(
            "reservation_preference",
            Kind::Choice(&["RESERVATIONS_ONLY", "RESERVATIONS_FIRST", "RESERVATIONS_EXCLUDED"]),
            "none: `capacityOptionType` is not RESERVED",
            "`capacityOptionType` RESERVED with this `reservationPreference`: instances are launched into the slots of \
             `[[capacity_reservation]]` of their types and zones only, where a launch fails that finds none; into those first and \
             On-Demand then; or are in none. Without it they fill slots as they come.",
            "API",
        ),
        with_default(
            "batch_window",
            Kind::Span(0, 600 * SECOND),
            "\"1s\"",
            "For how long waiting tasks are collected before instances are launched for them.",
            "assumed",
        ),
        with_default(
            "retry_after",
            Kind::Span(SECOND, 86_400 * SECOND),
            "\"300s\"",
            "How long a type in a zone of which EC2 had no capacity is left alone.",
            "measured",
        ),
        with_default(
            "lifetime",
            Kind::Span(SECOND, 10_000 * 86_400 * SECOND),
            "\"14d\"",
            "Age at which an instance begins to drain; `drain_timeout` (here 7 days) later it ends.",
            "documented",
        ),
        with_default(
            "auto_repair",
            Kind::Choice(&["ENABLED", "DISABLED"]),
            "\"ENABLED\"",
            "`actionsStatus` of `autoRepairConfiguration`: an instance that ECS finds IMPAIRED is drained and replaced, or only \
             reported. What makes it so: the kinds \"impaired\" and \"agent_disconnect\" of `[[failure]]`, `found_after` \
             the failure.",
            "documented",
        ),
        with_default(
            "repair_at_once_percent",
            Kind::Whole(1, 100),
            "20",
            "Which share of the provider's instances drains for repair at once, rounded down, one at least.",
            "documented (of GPUs; assumed of the others)",
        ),
        optional(
            "repair_drain_timeout",
            Kind::Span(0, 30 * 86_400 * SECOND),
            "`drain_timeout`",
            "For how long at most an instance drains that is repaired. Tasks of callers go on there until then; where nothing \
             is heard of its agent it ends when no task there is wanted.",
            "assumed",
        ),
        with_default(
            "patience",
            Kind::Span(0, 86_400 * SECOND),
            "\"60s\"",
            "How much longer than zone rebalancing takes an instance is kept that was launched for a task which has not come.",
            "assumed",
        ),
        with_default(
            "rebalancing_pause",
            Kind::Span(0, 30 * 86_400 * SECOND),
            "\"1h\"",
            "How long no instance is launched to rebalance zones after one that nobody used.",
            "assumed",
        ),
        optional(
            "fee_percent",
            Kind::Number(0.0, 1_000.0),
            "the price file's fee of the type, else 12; 7.8 of types of the G families",
            "What ECS charges for an instance, in percent of its On-Demand price, however it is bought.",
            "measured (c6a.2xlarge, g6.xlarge, g6e.xlarge); else assumed",
        ),
        optional(
            "fee_usd_per_hour",
            Kind::Usd,
            "`fee_percent`",
            "What ECS charges for each instance an hour.",
            "ecsim",
        ),
    ],
);
