//! What a task must be let at and must reach before it can start: its images, its secrets, its logs.
//!
//! On Fargate, Managed Instances and external instances ECS fetches all of it with the task execution role; on EC2 the
//! instance's role serves for images and logs, and only secrets need the execution role (developer guide, "task execution
//! IAM role"; documented). On Fargate everything goes by the task's own interface, elsewhere by the instance's
//! (platform version 1.4.0; documented).

/// The task execution role.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Role {
    /// There is one, and it may do what is needed.
    #[default]
    Allowed,
    /// There is one, and it may not.
    Denied,
    /// There is none.
    Missing,
}

/// What a task needs to start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Needs {
    /// Its execution role.
    pub role: Role,
    /// Whether an image is in a private ECR repository.
    pub private_image: bool,
    /// Whether an image is in a public registry.
    pub public_image: bool,
    /// Whether a container logs by `awslogs`.
    pub awslogs: bool,
    /// Whether it has secrets, or credentials of a private registry.
    pub secrets: bool,
}

/// From where a task starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reach {
    /// Whether its execution role is used for images and logs, too: everywhere but on EC2.
    pub by_execution_role: bool,
    /// Whether AWS's services can be reached.
    pub aws: bool,
    /// Whether the internet can be reached.
    pub internet: bool,
}

/// Why something cannot be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// The role may not, or there is none.
    Denied,
    /// There is no way there.
    Unreachable,
}

/// What a task does not get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lack {
    /// Secrets.
    Secrets(Why),
    /// The token for a private ECR repository.
    RegistryAuth(Why),
    /// An image of a public registry.
    Image,
    /// The stream of its logs.
    Logs(Why),
}

impl Lack {
    /// Why.
    #[must_use]
    pub fn why(self) -> Why {
        match self {
            Lack::Secrets(why) | Lack::RegistryAuth(why) | Lack::Logs(why) => why,
            Lack::Image => Why::Unreachable,
        }
    }

    /// Whether it is missed when the image is there.
    #[must_use]
    pub fn is_after_the_pull(self) -> bool {
        matches!(self, Lack::Logs(_))
    }

    /// Whether a registry does not give it.
    #[must_use]
    pub fn is_of_a_registry(self) -> bool {
        matches!(self, Lack::RegistryAuth(_) | Lack::Image)
    }

    /// Whether it is missed before the pull of an image begins.
    #[must_use]
    pub fn is_before_the_pull(self) -> bool {
        matches!(self, Lack::Secrets(_) | Lack::RegistryAuth(_))
    }
}

impl Needs {
    /// The first thing that a task does not get, in the order in which it is fetched: secrets, the registry's token, the
    /// image, the stream of logs.
    #[must_use]
    pub fn lack(self, from: Reach) -> Option<Lack> {
        let has_role = self.role == Role::Allowed;
        let may = has_role || !from.by_execution_role;
        let missed = |may: bool| match (may, from.aws) {
            (_, false) => Some(Why::Unreachable),
            (false, true) => Some(Why::Denied),
            (true, true) => None,
        };
        let secrets = missed(has_role).filter(|_| self.secrets).map(Lack::Secrets);
        let auth = missed(may).filter(|_| self.private_image).map(Lack::RegistryAuth);
        let image = (self.public_image && !from.internet).then_some(Lack::Image);
        let logs = missed(may).filter(|_| self.awslogs).map(Lack::Logs);
        secrets.or(auth).or(image).or(logs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Needs = Needs {
        role: Role::Allowed,
        private_image: true,
        public_image: false,
        awslogs: true,
        secrets: true,
    };
    const EVERYWHERE: Reach = Reach { by_execution_role: true, aws: true, internet: true };

    #[test]
    fn what_is_fetched_first_is_missed_first() {
        assert_eq!(ALL.lack(EVERYWHERE), None);
        let denied = Needs { role: Role::Denied, ..ALL };
        assert_eq!(denied.lack(EVERYWHERE), Some(Lack::Secrets(Why::Denied)));
        let denied = Needs { secrets: false, ..denied };
        assert_eq!(denied.lack(EVERYWHERE), Some(Lack::RegistryAuth(Why::Denied)));
        let denied = Needs { private_image: false, ..denied };
        assert_eq!(denied.lack(EVERYWHERE), Some(Lack::Logs(Why::Denied)));
        let plain = Needs { awslogs: false, role: Role::Missing, ..denied };
        assert_eq!(plain.lack(EVERYWHERE), None, "a role that nobody asks");
    }

    #[test]
    fn endpoints_lead_to_private_images_and_not_to_public_ones() {
        let endpoints = Reach { internet: false, ..EVERYWHERE };
        assert_eq!(ALL.lack(endpoints), None);
        let public = Needs { private_image: false, public_image: true, ..ALL };
        assert_eq!(public.lack(endpoints), Some(Lack::Image));
        let both = Needs { public_image: true, ..ALL };
        assert_eq!(both.lack(endpoints), Some(Lack::Image), "one of two images");
        let nowhere = Reach { aws: false, ..endpoints };
        assert_eq!(public.lack(nowhere), Some(Lack::Secrets(Why::Unreachable)));
        let unsecret = Needs { secrets: false, ..ALL };
        assert_eq!(unsecret.lack(nowhere), Some(Lack::RegistryAuth(Why::Unreachable)));
    }

    #[test]
    fn on_ec2_only_secrets_need_the_execution_role() {
        let on_ec2 = Reach { by_execution_role: false, ..EVERYWHERE };
        let missing = Needs { role: Role::Missing, ..ALL };
        assert_eq!(missing.lack(on_ec2), Some(Lack::Secrets(Why::Denied)));
        assert_eq!(Needs { secrets: false, ..missing }.lack(on_ec2), None);
    }
}
