//! Keys of warm pools.

use super::{Kind, Section, optional, with_default};
use crate::scenario::keys::Unit;

/// `warm_pool` of a capacity provider.
pub static WARM_POOL: Section = Section::new(
    "warm_pool",
    "Instances that have booted once and wait until their group needs them. The pool holds what is prepared less the \
     desired capacity, and is full at the beginning. Stopped and hibernated ones cost nothing for compute.",
    &[
        with_default(
            "pool_state",
            Kind::Choice(&["Stopped", "Hibernated", "Running"]),
            "\"Stopped\"",
            "`PoolState`.",
            "API",
        ),
        with_default(
            "min_size",
            Kind::Whole(0, 1_000_000),
            "0",
            "`MinSize` of the pool, whatever the desired capacity.",
            "API",
        ),
        optional(
            "max_group_prepared_capacity",
            Kind::Whole(0, 1_000_000),
            "the group's `max_size`",
            "`MaxGroupPreparedCapacity`: instances of the group and of the pool together.",
            "API",
        ),
        optional(
            "reuse_on_scale_in",
            Kind::Flag,
            "false",
            "`ReuseOnScaleIn`: instances return to the pool when the group scales in, once they have drained. Not with \
             `managed_scaling`.",
            "API",
        ),
        optional(
            "start",
            Kind::Distribution(Unit::Seconds),
            "uniform: 17 to 19 s; of running ones 1.9 to 3.3 s",
            "From the need of an instance to the state `running`, at which its bill begins again; of a running one to its \
             being in service.",
            "measured (brevdev: 21.2, 20.7, 1.9 to 3.3 s up to a login, boot included)",
        ),
        optional(
            "boot",
            Kind::Distribution(Unit::Seconds),
            "uniform: 5 to 15 s; of hibernated ones 2 to 4 s; of running ones none",
            "From there to the start of the container agent; `latency.instance_register` follows.",
            "assumed (AWS: 36 s in all where a cold start takes 4 minutes)",
        ),
    ],
);
