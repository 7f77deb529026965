//! What a JSON task definition says that its renamed keys do not carry: which shape of file it is, what ECS would refuse
//! of it, what would reserve something that is not simulated, and what is passed over with a note.

use super::Build;
use crate::scenario::diagnostic::quoted;
use crate::scenario::tree::{Data, Node};

/// What is needed instead of another shape.
const NEEDED: &str = "needed is what `aws ecs register-task-definition` takes or `describe-task-definition` prints, \
                      with `family` and `containerDefinitions`";

/// Other files that carry task definitions or stand beside them, by a key that tells them.
const SHAPES: [(&str, &str); 13] = [
    ("ContainerDefinitions", "the properties of a CloudFormation resource"),
    ("Properties", "a CloudFormation resource"),
    ("Resources", "a CloudFormation template"),
    ("container_definitions", "written in Terraform's names"),
    ("format_version", "the output of `terraform show -json`"),
    ("planned_values", "the output of `terraform show -json`"),
    ("taskDefinitionArns", "the output of `aws ecs list-task-definitions`"),
    ("families", "the output of `aws ecs list-task-definition-families`"),
    ("services", "the output of `aws ecs describe-services`"),
    ("tasks", "the output of `aws ecs describe-tasks`"),
    ("clusters", "the output of `aws ecs describe-clusters`"),
    ("taskDefinition", "a request or an answer that names a task definition, and does not hold it"),
    ("service", "the output of `aws ecs create-service` or `update-service`"),
];

impl Build<'_> {
    /// The table that is the definition in a file; anything else is reported for what it is.
    pub(super) fn definition_in(&mut self, root: &Node, file: &str) -> Option<Node> {
        if let Data::List(items) = &root.data
            && items.iter().any(|item| item.get("image").or(item.get("name")).is_some())
        {
            // A bare list of containers, as Terraform's `container_definitions` holds.
            return Some(super::definition_json::of_containers(root));
        }
        let definition = root.get("taskDefinition").unwrap_or(root);
        let definition = if matches!(definition.data, Data::Table(_)) { definition } else { root };
        let is_one = |key| definition.get(key).is_some();
        let is_renamed = is_one("container_definitions") && !is_one("containerDefinitions");
        if !is_renamed && (is_one("family") || is_one("containerDefinitions")) {
            return Some(definition.clone());
        }
        let what = match &definition.data {
            Data::Table(_) => SHAPES.iter().find(|(key, _)| is_one(key)).map_or(
                "no task definition: it has neither `family` nor `containerDefinitions`",
                |(_, what)| what,
            ),
            Data::List(_) => "a list, and not one of container definitions",
            _ => "no JSON object",
        };
        let message = format!("{} is {what}", quoted(file));
        self.error_with_help(definition.place, message, NEEDED);
        None
    }

    /// Reports what ECS refuses and what cannot be simulated.
    pub(super) fn check_json_definition(&mut self, definition: &Node) {
        match definition.get("containerDefinitions") {
            None => {
                let message = "`containerDefinitions` is missing";
                self.error_with_help(definition.place, message, "ECS wants at least one container");
            }
            Some(Node { data: Data::List(containers), place }) => {
                if containers.is_empty() {
                    let message = "`containerDefinitions` is empty";
                    self.error_with_help(*place, message, "ECS wants at least one container");
                }
                for container in containers {
                    self.check_json_container(container);
                }
            }
            // The wrong type is reported by the check.
            Some(_) => {}
        }
        if let Some(Node { data: Data::List(list), place }) =
            definition.get("inferenceAccelerators")
            && !list.is_empty()
        {
            self.error(*place, "Elastic Inference accelerators are not simulated");
        }
    }

    fn check_json_container(&mut self, container: &Node) {
        let Data::Table(_) = container.data else { return };
        if container.get("image").is_none() {
            self.error(container.place, "`image` is missing");
        }
        for mapping in items(container, "portMappings") {
            let range = mapping.get("containerPortRange");
            let single = mapping.get("containerPort").or(mapping.get("hostPort"));
            if let (Some(range), Some(_)) = (range, single) {
                let message = "`containerPortRange` excludes `containerPort` and `hostPort`";
                self.error(range.place, message);
            } else if let Some(range) = range
                && !range.as_text().is_some_and(is_port_range)
            {
                let message = "`containerPortRange` must be text such as \"8080-8085\"";
                self.error(range.place, message);
            }
        }
        if let Some(check) = container.get("healthCheck")
            && matches!(check.data, Data::Table(_))
            && !matches!(check.get("command"), Some(Node { data: Data::List(list), .. }) if !list.is_empty())
        {
            self.error(check.place, "`command` of the health check is missing");
        }
        self.check_requirements(container);
    }

    /// Devices: whole GPUs are simulated and nothing else, and a task that gets less than it asks for is placed where
    /// it could not run.
    fn check_requirements(&mut self, container: &Node) {
        let mut gpus = 0;
        for requirement in items(container, "resourceRequirements") {
            let kind = requirement.get("type").and_then(Node::as_text).unwrap_or_default();
            let place = requirement.get("type").map_or(requirement.place, |kind| kind.place);
            if kind != "GPU" {
                let message = match kind {
                    "NeuronDevice" => "Neuron devices are not simulated".to_string(),
                    "InferenceAccelerator" => {
                        "Elastic Inference accelerators are not simulated".to_string()
                    }
                    other => format!("unknown resource type {}", quoted(other)),
                };
                self.error_with_help(place, message, "of devices only whole GPUs are simulated");
                continue;
            }
            gpus += 1;
            if gpus > 1 {
                self.error(place, "a container has one requirement of the type GPU");
            }
            if let Some(sharing) = requirement.get("sharingStrategy") {
                let message = "sharing of a GPU among tasks is not simulated";
                let help = "ask for whole GPUs, without `sharingStrategy`";
                self.error_with_help(sharing.place, message, help);
            }
            match requirement.get("value") {
                Some(Node { data: Data::Text(text) | Data::Number(text), place }) => {
                    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
                        let message = format!(
                            "the number of GPUs must be whole, is {}; shares of a GPU are not simulated",
                            quoted(text)
                        );
                        self.error(*place, message);
                    }
                }
                Some(other) => {
                    self.error(other.place, "the number of GPUs must be text such as \"1\"")
                }
                None => self.error(requirement.place, "`value` of the GPU requirement is missing"),
            }
        }
    }
}

/// The tables of a list.
fn items<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    match node.get(key) {
        Some(Node { data: Data::List(list), .. }) => list,
        _ => &[],
    }
}

/// `8080-8085`: two ports in order.
fn is_port_range(text: &str) -> bool {
    let port = |text: &str| text.parse::<u16>().ok().filter(|&port| port > 0);
    text.split_once('-')
        .and_then(|(first, last)| Some(port(first)? <= port(last)?))
        .unwrap_or(false)
}
