//! Roles and what they are for: images, logs, secrets; and what RegisterTaskDefinition refuses of them.

use super::Build;
use crate::model::access::{Needs, Role};
use crate::model::definition::TaskDefinition;
use crate::scenario::diagnostic::quoted;
use crate::scenario::settings::Settings;

/// Whether the name of an image is that of a private ECR repository.
fn is_private_ecr(image: &str) -> bool {
    let host = image.split('/').next().unwrap_or_default();
    let is_aws = host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn");
    is_aws && host.contains(".dkr.ecr")
}

impl Build<'_> {
    /// What tasks of a definition need to start. A file without `executionRoleArn` has no role where there is a network;
    /// otherwise nobody asks.
    pub(super) fn needs(&mut self, settings: &Settings) -> Needs {
        let containers = settings.tables("container").filter_map(|one| one.text("image"));
        let images: Vec<&str> = containers.chain(settings.text("image")).collect();
        let (private_image, public_image) = match settings.text("registry") {
            Some(registry) => (registry == "ecr", registry != "ecr"),
            None if images.is_empty() => (true, false),
            None => (
                images.iter().any(|image| is_private_ecr(image)),
                images.iter().any(|image| !is_private_ecr(image)),
            ),
        };
        let needs = Needs {
            role: match settings.text("execution_role") {
                Some("none") => Role::Missing,
                Some("denied") => Role::Denied,
                None if settings.is_given("file") && self.network.is_some() => Role::Missing,
                _ => Role::Allowed,
            },
            private_image,
            public_image,
            awslogs: settings.text("log_driver") == Some("awslogs"),
            secrets: settings.flag("secrets"),
        };
        if needs.secrets && needs.role == Role::Missing {
            let message = "RegisterTaskDefinition refuses secrets without an execution role";
            let help = "\"When you are specifying container secrets, you must also specify a value for \
                        'executionRoleArn'\"";
            let key = match settings.is_given("execution_role") {
                true => settings.value_place("execution_role"),
                false => settings.place_of("secrets"),
            };
            self.error_with_help(key, message, help);
        }
        needs
    }

    /// What Fargate refuses of a definition without an execution role.
    pub(super) fn check_fargate_role(&mut self, settings: &Settings, definition: &TaskDefinition) {
        let needs = definition.needs;
        if needs.role != Role::Missing {
            return;
        }
        let place = match settings.is_given("execution_role") {
            true => settings.value_place("execution_role"),
            false => settings.place,
        };
        let wanted = [(needs.private_image, "ECR images"), (needs.awslogs, "log driver awslogs")];
        for (_, what) in wanted.into_iter().filter(|(is_wanted, _)| *is_wanted) {
            let message = format!(
                "task definition {} cannot run on Fargate: Fargate requires task definition to have execution role ARN \
                 to support {what}",
                quoted(&definition.family)
            );
            let help = match needs.private_image {
                true => "write execution_role = \"allowed\", or registry = \"public\"",
                false => "write execution_role = \"allowed\"",
            };
            self.error_with_help(place, message, help);
        }
    }
}
