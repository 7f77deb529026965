//! Tasks that ECS has accepted and that cannot start: no address for their interface, no role for what they need, no way
//! to it. Without `[network]` and without roles that lack something nobody looks.

use super::Life;
use super::pull::NO_IMAGE;
use crate::base::time::SimSpan;
use crate::model::access::{Lack, Needs, Reach, Why};
use crate::model::ids::SubnetId;
use crate::model::lifecycle::StopReason;
use crate::model::network::Subnet;
use crate::model::platform::Purchase;
use crate::sim::cluster::SUBNET;
use crate::sim::event::RunError;
use crate::sim::task::{Place, Slot};

/// Why a task cannot start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The subnet in which its interface was to be has no free address.
    NoAddress(SubnetId),
    /// It does not get what it needs.
    Lacks(Lack),
}

impl Life<'_> {
    /// A task begins to start: its interface gets an address, where there is one, and what it will lack is found out.
    pub(super) fn look_for_refusal(&mut self, slot: Slot) {
        let task = &self.tasks[slot];
        if task.waits() {
            return;
        }
        let zone = task.zone(self.cluster.fleet());
        let (id, of) = (task.id, &self.rules.askers[task.source].network);
        let mut refused = None;
        if let Some(network) = self.cluster.network.as_mut().filter(|_| task.demand.enis > 0) {
            refused = network.take_for_task(id, of, zone).err().map(Refusal::NoAddress);
        }
        if refused.is_none() && !self.tasks.stages.is_settled {
            let needs = self.rules.definitions[self.tasks[slot].definition].needs;
            refused = needs.lack(self.reach(slot)).map(Refusal::Lacks);
        }
        if let Some(refusal) = refused {
            self.tasks.refused.insert(id, refusal);
        }
    }

    /// From where a task starts. Instances in public subnets have public addresses (assumed).
    fn reach(&self, slot: Slot) -> Reach {
        let task = &self.tasks[slot];
        let provider = &self.rules.providers[task.provider];
        let is_ec2 = provider.batch_window.is_none() && provider.purchase != Purchase::External;
        let by_execution_role = !is_ec2 || matches!(task.place, Place::Fargate(_));
        let (subnet, has_public_ip) = match task.place {
            Place::Instance(instance) => {
                let fleet = self.cluster.fleet();
                let attribute = fleet.attribute(SUBNET);
                let name = attribute.and_then(|id| fleet.attribute_value(id, instance));
                let network = self.cluster.network.as_deref();
                (name.and_then(|name| network?.subnet_called(name)), true)
            }
            _ => {
                let network = self.cluster.network.as_deref();
                (
                    network.and_then(|n| n.of_task(task.id)),
                    self.rules.askers[task.source].network.public_ip,
                )
            }
        };
        let route = subnet.map(|subnet: &Subnet| subnet.route);
        Reach {
            by_execution_role,
            aws: route.is_none_or(|route| route.reaches_aws(has_public_ip)),
            internet: route.is_none_or(|route| route.reaches_internet(has_public_ip)),
        }
    }

    /// A task needs no registry because its host has the image: it may still lack what comes after the pull.
    pub(super) fn has_image_all_the_same(&mut self, slot: Slot) {
        let task = &self.tasks[slot];
        let (id, needs) = (task.id, self.rules.definitions[task.definition].needs);
        let needs = Needs { private_image: false, public_image: false, ..needs };
        match needs.lack(self.reach(slot)) {
            Some(lack) => self.tasks.refused.insert(id, Refusal::Lacks(lack)),
            None => self.tasks.refused.remove(&id),
        };
    }

    /// Why a task cannot start, if it cannot.
    #[inline]
    pub(super) fn refusal(&self, slot: Slot) -> Option<Refusal> {
        if self.tasks.refused.is_empty() {
            return None;
        }
        self.tasks.refused.get(&self.tasks[slot].id).copied()
    }

    /// For how long what a task lacks is asked for in vain; `None` where it lacks nothing that `is_meant`.
    pub(super) fn lacks(&self, slot: Slot, is_meant: impl Fn(Lack) -> bool) -> Option<SimSpan> {
        let Some(Refusal::Lacks(lack)) = self.refusal(slot) else { return None };
        let span = match lack.why() {
            Why::Denied => self.rules.access.denied,
            Why::Unreachable => self.rules.access.unreachable,
        };
        // Nothing is given back in the middle of a placement.
        is_meant(lack).then_some(SimSpan(span.0.max(1)))
    }

    /// Why a task that is ready to start cannot, if it cannot, in ECS's words as far as they are known.
    pub fn why_it_fails(&mut self, slot: Slot) -> Option<String> {
        if self.has_no_image(slot) {
            return Some(NO_IMAGE.to_string());
        }
        let task = &self.tasks[slot];
        let is_on_fargate = matches!(task.place, Place::Fargate(_));
        let lack = match self.refusal(slot)? {
            Refusal::NoAddress(subnet) => {
                let public_ip =
                    match (is_on_fargate, self.rules.askers[task.source].network.public_ip) {
                        (true, true) => " with public IP assignment enabled",
                        (true, false) => " with public IP assignment disabled",
                        (false, _) => "",
                    };
                let network = self.cluster.network.as_deref();
                let id = network.map_or("", |network| &network.subnet(subnet).id);
                return Some(format!(
                    "Unexpected EC2 error while attempting to Create Network Interface{public_ip} in subnet '{id}': \
                     InsufficientFreeAddressesInSubnet"
                ));
            }
            Refusal::Lacks(lack) => lack,
        };
        Some(if is_on_fargate { on_fargate(lack) } else { on_instance(lack).into() })
    }

    /// A task of a caller is ready: it runs to its end, or fails to start. The caller is not told: RunTask has accepted
    /// it long ago.
    ///
    /// # Errors
    /// An output cannot be written.
    pub fn is_ready_to_work(&mut self, slot: Slot) -> Result<(), RunError> {
        let Some(why) = self.why_it_fails(slot) else {
            self.runs_to_its_end(slot);
            return Ok(());
        };
        let task = &mut self.tasks[slot];
        (task.stop_reason, task.exit_code) = (StopReason::FailedToStart, 1);
        self.books.recorder.tasks.not_started(task.id, &why);
        self.fail_to_start(slot)
    }
}

/// `stoppedReason` on Fargate (developer guide, "stopped task error messages"; reports of users).
fn on_fargate(lack: Lack) -> String {
    let of = |why: Why, retries: u32| match why {
        Why::Denied => "service call has been retried 1 time(s): AccessDeniedException".to_string(),
        Why::Unreachable => format!(
            "service call has been retried {retries} time(s): RequestError: send request failed: i/o timeout. \
             Please check your task network configuration."
        ),
    };
    let prefix = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed";
    match lack {
        Lack::Secrets(why) => format!("{prefix}: unable to retrieve secret from asm: {}", of(why, 5)),
        Lack::RegistryAuth(why) => format!("{prefix}: unable to retrieve ecr registry auth: {}", of(why, 3)),
        Lack::Image => "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to do request: \
                        dial tcp: i/o timeout"
            .into(),
        Lack::Logs(why) => format!(
            "ResourceInitializationError: failed to validate logger args: failed to create Cloudwatch log stream: {}",
            of(why, 1)
        ),
    }
}

/// `stoppedReason` on instances.
fn on_instance(lack: Lack) -> &'static str {
    match lack {
        Lack::Secrets(Why::Denied) => {
            "Fetching secret data from AWS Secrets Manager: AccessDeniedException"
        }
        Lack::Secrets(Why::Unreachable) => {
            "Fetching secret data from AWS Secrets Manager: RequestError: send request failed: i/o timeout"
        }
        Lack::RegistryAuth(Why::Denied) => "CannotPullECRContainerError: AccessDeniedException",
        Lack::RegistryAuth(Why::Unreachable) => {
            "CannotPullECRContainerError: RequestError: send request failed: i/o timeout"
        }
        Lack::Image => {
            "CannotPullContainerError: Error response from daemon: net/http: request canceled while waiting for connection"
        }
        Lack::Logs(_) => {
            "CannotStartContainerError: failed to initialize logging driver: failed to create Cloudwatch log stream: \
             AccessDeniedException"
        }
    }
}
