//! Keys of what users change of a service during the run (`[[service.update]]`).

use super::service::{CHANGED_BEHAVIOUR, TASKS};
use super::service_deployment::{DEPLOYMENT, TASK_SET, TASK_SET_SCALE};
use super::shared::A_SHARE;
use super::{Kind, SECOND, Section, optional, required};
use crate::base::time::LATEST;

static CHANGED_BALANCER: Section = Section::new(
    "load_balancer of an update",
    "What changes of a target group.",
    &[
        optional(
            "health_check",
            Kind::Table(&CHANGED_CHECK),
            "as it is",
            "Health checks of targets.",
            "API",
        ),
        optional(
            "deregistration_delay",
            Kind::Span(0, 3_600 * SECOND),
            "as it is",
            "How long a leaving target may finish its requests.",
            "API",
        ),
    ],
);

static CHANGED_CHECK: Section = Section::new(
    "health_check of an update",
    "What changes of the health checks of targets.",
    &[
        optional(
            "interval",
            Kind::Span(5 * SECOND, 300 * SECOND),
            "as it is",
            "Distance of checks.",
            "API",
        ),
        optional(
            "timeout",
            Kind::Span(2 * SECOND, 120 * SECOND),
            "as it is",
            "How long a check may take.",
            "API",
        ),
        optional(
            "healthy_threshold",
            Kind::Whole(2, 10),
            "as it is",
            "Passes in a row until an unhealthy target is healthy.",
            "API",
        ),
        optional(
            "unhealthy_threshold",
            Kind::Whole(2, 10),
            "as it is",
            "Failures in a row until a target is unhealthy.",
            "API",
        ),
    ],
);

/// `[[service.update]]`.
pub static UPDATE: Section = Section::new(
    "update",
    "A change that somebody makes to a service: UpdateService, or with the controller EXTERNAL its task sets.",
    &[
        required("at", Kind::Span(0, LATEST.0), "When.", "ecsim"),
        optional(
            "task_definition",
            Kind::Text,
            "the present one",
            "A new deployment of this family or `family:revision`.",
            "API",
        ),
        optional(
            "behaviour",
            Kind::Table(&CHANGED_BEHAVIOUR),
            "the service's",
            "A new deployment whose tasks differ from the service's `behaviour` in these keys.",
            "ecsim",
        ),
        optional(
            "capacity_provider_strategy",
            Kind::List(&A_SHARE, usize::MAX),
            "the present one",
            "A new deployment whose tasks go to other capacity, with `force_new_deployment`: from EC2 to Fargate, from one \
             group to another. `[]`: back to the launch type that the service began with. Placement strategies and \
             constraints of the service hold on EC2 alone.",
            "API",
        ),
        optional(
            "force_new_deployment",
            Kind::Flag,
            "false",
            "A new deployment of what is there.",
            "API",
        ),
        optional("desired_count", TASKS, "as it is", "Tasks to keep.", "API"),
        optional(
            "stop_deployment",
            Kind::Choice(&["ROLLBACK", "ABORT"]),
            "it goes on",
            "StopServiceDeployment of the controller ECS: the deployment under way goes back, or (rolling only) starts \
             nothing any more.",
            "API",
        ),
        optional(
            "deployment_configuration",
            Kind::Table(&DEPLOYMENT),
            "as it is",
            "What deployments from now on do differently, one that is under way as to its percents: keys that are not \
             given stay.",
            "API",
        ),
        optional(
            "health_check_grace_period",
            Kind::Span(0, 2_147_483_647 * SECOND),
            "as it is",
            "Grace period of tasks that start from now on.",
            "API",
        ),
        optional(
            "load_balancer",
            Kind::Table(&CHANGED_BALANCER),
            "as it is",
            "ModifyTargetGroup: for checks and tasks that begin or leave from now on.",
            "API",
        ),
        optional(
            "min_capacity",
            TASKS,
            "as it is",
            "RegisterScalableTarget: fewest tasks of `scaling`; fewer than that become as many at once.",
            "API; at once: assumed",
        ),
        optional(
            "max_capacity",
            TASKS,
            "as it is",
            "RegisterScalableTarget: most tasks of `scaling`; more than that become as many at once.",
            "API; at once: assumed",
        ),
        optional(
            "create_task_set",
            Kind::Table(&TASK_SET),
            "none",
            "EXTERNAL: CreateTaskSet.",
            "API",
        ),
        optional(
            "update_task_set",
            Kind::Table(&TASK_SET_SCALE),
            "none",
            "EXTERNAL: UpdateTaskSet.",
            "API",
        ),
        optional(
            "primary_task_set",
            Kind::Text,
            "as it is",
            "EXTERNAL: UpdateServicePrimaryTaskSet: traffic goes to this task set.",
            "API",
        ),
        optional("delete_task_set", Kind::Text, "none", "EXTERNAL: DeleteTaskSet.", "API"),
    ],
);
