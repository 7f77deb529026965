//! The size that a task definition asks for, from the JSON of `aws ecs describe-task-definition`, of
//! `register-task-definition --cli-input-json` or of the console.

use crate::model::fargate::INCLUDED_EPHEMERAL_GIB;
use crate::model::platform::{Architecture, OperatingSystem, Platform};
use crate::model::resources::Resources;
use serde_json::Value;

/// Bytes of the largest file that is read. ECS takes definitions of 64 KiB (documented).
pub const MAX_BYTES: usize = 4 << 20;
/// CPU units and MiB above which an amount is a slip: more than any instance has.
const MOST: u64 = 64 << 20;
/// Task storage that Fargate takes (documented).
const STORAGE_GIB: std::ops::RangeInclusive<u64> = 21..=200;

/// What one task asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaskSize {
    /// `family:revision`, or the family alone.
    pub name: String,
    /// What the task takes of a container instance: of memory the reservations where there are any.
    pub on_instance: Resources,
    /// CPU units and MiB that Fargate must give: those of the task, else the sum of the containers' limits.
    pub on_fargate: (u32, u32),
    /// Whether the task itself has `cpu` and `memory`, without which Fargate refuses it.
    pub has_task_size: bool,
    /// Task storage, GiB.
    pub ephemeral_gib: u16,
    /// Operating system and architecture.
    pub platform: Platform,
}

impl TaskSize {
    /// Reads a task definition.
    ///
    /// # Errors
    /// Everything that is wrong, a line each with the place: `file:line:column` where the text is no JSON, else the path of
    /// the value.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<TaskSize, Vec<String>> {
        if bytes.len() > MAX_BYTES {
            return Err(vec![format!("{name}: error: larger than 4 MiB: no task definition")]);
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let json: Value = serde_json::from_slice(bytes).map_err(|error| {
            let (line, column) = (error.line().max(1), error.column().max(1));
            let text = error.to_string();
            let what = text.split(" at line ").next().unwrap_or_default();
            vec![format!("{name}:{line}:{column}: error: not JSON: {what}")]
        })?;
        let definition = json.get("taskDefinition").unwrap_or(&json);
        if !definition.is_object() || definition.get("containerDefinitions").is_none() {
            return Err(vec![format!(
                "{name}: error: no \"containerDefinitions\" in it\n  = help: {}",
                hint_of(&json)
            )]);
        }
        let mut reader = Reader { name, problems: Vec::new() };
        let size = reader.size(definition);
        if reader.problems.is_empty() { Ok(size) } else { Err(reader.problems) }
    }
}

/// What another kind of JSON may be.
fn hint_of(json: &Value) -> &'static str {
    if json.get("ContainerDefinitions").is_some() || json.get("Resources").is_some() {
        "this is CloudFormation's spelling; `aws ecs describe-task-definition` prints the definition as ECS has it"
    } else if json.get("taskDefinitionArns").is_some() || json.get("services").is_some() {
        "this is another answer of ECS; `aws ecs describe-task-definition --task-definition NAME` prints one definition"
    } else {
        "`aws ecs describe-task-definition --task-definition NAME` prints what is wanted here"
    }
}

/// What a container adds.
#[derive(Clone, Copy, Default)]
struct Container {
    cpu: u64,
    limit: Option<u64>,
    reservation: Option<u64>,
    gpus: u64,
}

struct Reader<'a> {
    name: &'a str,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn problem(&mut self, path: &str, text: impl std::fmt::Display) {
        self.problems.push(format!("{}: error: `{path}`: {text}", self.name));
    }

    fn size(&mut self, definition: &Value) -> TaskSize {
        let containers = self.containers(&definition["containerDefinitions"]);
        let cpu = self.amount(&definition["cpu"], "cpu", &CPU);
        let memory = self.amount(&definition["memory"], "memory", &MEMORY);
        for (at, container) in containers.iter().enumerate() {
            if memory.is_none() && container.limit.is_none() && container.reservation.is_none() {
                let path = format!("containerDefinitions[{at}]");
                self.problem(
                    &path,
                    "needs `memory` or `memoryReservation` where the task has no `memory`",
                );
            }
        }
        let sum = |of: &dyn Fn(&Container) -> u64| containers.iter().map(of).sum::<u64>();
        let limits = sum(&|container| container.limit.or(container.reservation).unwrap_or(0));
        let kept = sum(&|container| container.reservation.or(container.limit).unwrap_or(0));
        let (of_cpu, gpus) = (sum(&|container| container.cpu), sum(&|container| container.gpus));
        let awsvpc = definition["networkMode"] == "awsvpc";
        TaskSize {
            name: self.title(definition),
            on_instance: Resources {
                cpu: self.fitting(cpu.unwrap_or(of_cpu), "cpu"),
                memory: self.fitting(memory.unwrap_or(kept), "memory"),
                gpus: u16::try_from(gpus).unwrap_or(u16::MAX),
                enis: u16::from(awsvpc),
            },
            on_fargate: (
                self.fitting(cpu.unwrap_or(of_cpu), "cpu"),
                self.fitting(memory.unwrap_or(limits), "memory"),
            ),
            has_task_size: cpu.is_some() && memory.is_some(),
            ephemeral_gib: self.storage(&definition["ephemeralStorage"]),
            platform: self.platform(&definition["runtimePlatform"]),
        }
    }

    fn title(&mut self, definition: &Value) -> String {
        let family = definition["family"].as_str().unwrap_or("task").to_owned();
        definition["revision"]
            .as_u64()
            .map_or(family.clone(), |number| format!("{family}:{number}"))
    }

    /// An amount that fits; sums of amounts that do may not.
    fn fitting(&mut self, amount: u64, path: &str) -> u32 {
        u32::try_from(amount).ok().filter(|_| amount <= MOST).unwrap_or_else(|| {
            self.problem(path, format!("{amount} is more than any instance has"));
            0
        })
    }

    fn containers(&mut self, list: &Value) -> Vec<Container> {
        let Some(list) = list.as_array().filter(|list| !list.is_empty()) else {
            self.problem("containerDefinitions", "expected a list of at least one container");
            return Vec::new();
        };
        list.iter().enumerate().map(|(at, container)| self.container(at, container)).collect()
    }

    fn container(&mut self, at: usize, container: &Value) -> Container {
        let path = |key: &str| format!("containerDefinitions[{at}].{key}");
        if !container.is_object() {
            self.problem(&format!("containerDefinitions[{at}]"), "expected a container: an object");
            return Container { limit: Some(0), ..Container::default() };
        }
        let limit = self.amount(&container["memory"], &path("memory"), &MEMORY);
        let kept =
            self.amount(&container["memoryReservation"], &path("memoryReservation"), &MEMORY);
        if let (Some(limit), Some(kept)) = (limit, kept)
            && kept > limit
        {
            let text = format!("{kept} MiB is more than `memory`, {limit} MiB (ECS refuses it)");
            self.problem(&path("memoryReservation"), text);
        }
        Container {
            cpu: self.amount(&container["cpu"], &path("cpu"), &CPU).unwrap_or(0),
            limit: limit.filter(|&amount| amount > 0),
            reservation: kept.filter(|&amount| amount > 0),
            gpus: self.gpus(&container["resourceRequirements"], &path("resourceRequirements")),
        }
    }

    fn gpus(&mut self, list: &Value, path: &str) -> u64 {
        let wanted = list.as_array().into_iter().flatten().filter(|item| item["type"] == "GPU");
        let mut gpus = 0;
        for item in wanted {
            let value = &item["value"];
            let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
            match number {
                Some(number) if number <= 16 => gpus += number,
                _ => self.problem(path, format!("{value} is no number of GPUs from 0 to 16")),
            }
        }
        gpus
    }

    fn storage(&mut self, storage: &Value) -> u16 {
        if storage.is_null() {
            return INCLUDED_EPHEMERAL_GIB;
        }
        match storage["sizeInGiB"].as_u64() {
            Some(gib) if STORAGE_GIB.contains(&gib) => gib as u16,
            _ => {
                let text = format!("expected 21 to 200, found {}", storage["sizeInGiB"]);
                self.problem("ephemeralStorage.sizeInGiB", text);
                INCLUDED_EPHEMERAL_GIB
            }
        }
    }

    fn platform(&mut self, platform: &Value) -> Platform {
        let architecture = match &platform["cpuArchitecture"] {
            Value::Null => Architecture::X86_64,
            value if value == "X86_64" => Architecture::X86_64,
            value if value == "ARM64" => Architecture::Arm64,
            other => {
                let text = format!("expected \"X86_64\" or \"ARM64\", found {other}");
                self.problem("runtimePlatform.cpuArchitecture", text);
                Architecture::X86_64
            }
        };
        let os = match &platform["operatingSystemFamily"] {
            Value::Null => OperatingSystem::Linux,
            value if value == "LINUX" => OperatingSystem::Linux,
            Value::String(text) if text.starts_with("WINDOWS_SERVER_") => OperatingSystem::Windows,
            other => {
                let text = format!("expected \"LINUX\" or a \"WINDOWS_SERVER_...\", found {other}");
                self.problem("runtimePlatform.operatingSystemFamily", text);
                OperatingSystem::Linux
            }
        };
        Platform { os, architecture }
    }

    /// An amount: a number, or text of a number with or without its unit (`"512"`, `".5 vCPU"`, `"1 GB"`).
    fn amount(&mut self, value: &Value, path: &str, unit: &Unit) -> Option<u64> {
        let found = match value {
            Value::Null => return None,
            Value::Number(number) => number.as_u64(),
            Value::String(text) => unit.amount(text),
            _ => None,
        };
        match found {
            Some(amount) if amount <= MOST => Some(amount),
            _ => {
                self.problem(path, format!("expected {}, found {value}", unit.wanted));
                Some(0)
            }
        }
    }
}

/// How an amount may be written.
struct Unit {
    names: &'static [&'static str],
    wanted: &'static str,
}

const CPU: Unit =
    Unit { names: &["vcpu", "vcpus"], wanted: "CPU units such as 512, or \"0.5 vCPU\"" };
const MEMORY: Unit = Unit { names: &["gb"], wanted: "MiB such as 1024, or \"1 GB\"" };

impl Unit {
    /// A whole number of small units, or a decimal number of large ones, 1,024 small ones each.
    fn amount(&self, text: &str) -> Option<u64> {
        let text = text.trim();
        if let Ok(amount) = text.parse() {
            return Some(amount);
        }
        let at = text.find(|letter: char| letter.is_ascii_alphabetic())?;
        let (number, name) = (text[..at].trim(), text[at..].to_ascii_lowercase());
        if !self.names.contains(&name.as_str()) {
            return None;
        }
        let millionths = crate::base::decimal::parse_scaled(number.as_bytes(), 6).ok()?;
        let scaled = u128::from(millionths) * 1024;
        (scaled % 1_000_000 == 0).then(|| u64::try_from(scaled / 1_000_000).ok())?
    }
}
