//! `aws ec2 describe-instance-types`: what types hold.

use super::{Described, Update};
use crate::model::platform::Architecture;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct File {
    instance_types: Vec<Type>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Type {
    instance_type: String,
    #[serde(rename = "VCpuInfo")]
    vcpus: Vcpus,
    memory_info: Memory,
    processor_info: Option<Processor>,
    network_info: Option<Network>,
    gpu_info: Option<Gpus>,
}

#[derive(Deserialize)]
struct Vcpus {
    #[serde(rename = "DefaultVCpus")]
    default: u32,
}

#[derive(Deserialize)]
struct Memory {
    #[serde(rename = "SizeInMiB")]
    mib: u32,
}

#[derive(Deserialize)]
struct Processor {
    #[serde(rename = "SupportedArchitectures", default)]
    architectures: Vec<String>,
}

#[derive(Deserialize)]
struct Network {
    #[serde(rename = "MaximumNetworkInterfaces")]
    interfaces: Option<u32>,
}

#[derive(Deserialize)]
struct Gpus {
    #[serde(rename = "Gpus", default)]
    all: Vec<Gpu>,
}

#[derive(Deserialize)]
struct Gpu {
    #[serde(rename = "Count")]
    count: Option<u32>,
}

impl Update {
    /// Takes what types hold.
    pub(super) fn instance_types(&mut self, name: &str, text: &[u8]) -> serde_json::Result<()> {
        let file: File = serde_json::from_slice(text)?;
        for (index, of) in file.instance_types.into_iter().enumerate() {
            let place = format!("{name}: InstanceTypes[{index}]");
            let architectures = of.processor_info.map_or(Vec::new(), |of| of.architectures);
            let is_arm = architectures.iter().any(|arch| arch == "arm64");
            let gpus = of.gpu_info.map_or(Vec::new(), |of| of.all);
            let described = Described {
                vcpus: of.vcpus.default,
                memory_mib: of.memory_info.mib,
                architecture: if is_arm { Architecture::Arm64 } else { Architecture::X86_64 },
                gpus: gpus.iter().map(|gpu| gpu.count.unwrap_or(1)).sum(),
                max_enis: of.network_info.and_then(|of| of.interfaces),
            };
            self.describe(of.instance_type, described, &place);
        }
        Ok(())
    }

    /// A type is so; what `describe-instance-types` says of it stands above what a product says.
    pub(super) fn describe(&mut self, name: String, described: Described, place: &str) {
        let known = self.types.get(&name);
        let differs = known.is_some_and(|known| known.max_enis.is_some() && *known != described);
        if differs && described.max_enis.is_some() {
            let message = format!("{name} is described differently by another file");
            self.problem(place, message, None);
        } else if known.is_none_or(|known| known.max_enis.is_none()) {
            self.types.insert(name, described);
        }
    }
}
