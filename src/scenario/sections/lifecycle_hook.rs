//! Keys of lifecycle hooks.

use super::{Kind, SECOND, Section, required, with_default};
use crate::scenario::keys::Unit;

/// `[[capacity_provider.lifecycle_hooks]]`.
pub(super) static LIFECYCLE_HOOK: Section = Section::new(
    "lifecycle_hook of a group",
    "A lifecycle hook of an Auto Scaling group. While one holds an instance that ends, ECS has it DRAINING (assumed).",
    &[
        required(
            "transition",
            Kind::Choice(&["launching", "terminating"]),
            "`LifecycleTransition`: `autoscaling:EC2_INSTANCE_LAUNCHING`, from the end of the boot on and before the agent \
             registers; or `autoscaling:EC2_INSTANCE_TERMINATING`, beside managed draining.",
            "API; when it begins is assumed",
        ),
        required(
            "takes",
            Kind::Distribution(Unit::Seconds),
            "From its begin to the call of CompleteLifecycleAction with CONTINUE.",
            "ecsim",
        ),
        with_default(
            "heartbeat_timeout",
            Kind::Span(30 * SECOND, 7_200 * SECOND),
            "\"1h\"",
            "`HeartbeatTimeout`: it has its default result when it has not called by then.",
            "API",
        ),
        with_default(
            "default_result",
            Kind::Choice(&["ABANDON", "CONTINUE"]),
            "\"ABANDON\"",
            "`DefaultResult`: ABANDON ends a launch, and another instance is launched; it ends what waits to be terminated at \
             once, tasks or not.",
            "API",
        ),
    ],
);
