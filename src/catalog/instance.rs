//! An instance type: what a container instance of it registers.

use crate::model::platform::Architecture;
use crate::model::resources::Resources;

/// Where the figure for registered memory comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemoryBasis {
    /// Observed: a kernel reported it on that type, moved to Amazon Linux 2023 by a measured constant.
    Measured,
    /// Fitted to the measured types of the same make and generation.
    Fitted,
    /// Given by the user's price file.
    Given,
    /// A share of the advertised size; see [`super::assumed::registered_memory`].
    Assumed,
}

impl MemoryBasis {
    /// The name in outputs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            MemoryBasis::Measured => "measured",
            MemoryBasis::Fitted => "fitted",
            MemoryBasis::Given => "given",
            MemoryBasis::Assumed => "assumed",
        }
    }
}

/// An EC2 instance type, as far as ECS and its bill see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InstanceType {
    /// Name, such as `m7g.xlarge`.
    pub name: String,
    /// CPU architecture.
    pub architecture: Architecture,
    /// Default vCPUs.
    pub vcpus: u32,
    /// Advertised memory, MiB. ECS never has all of it to give away.
    pub memory_mib: u32,
    /// Memory that the agent registers on Amazon Linux 2023 with nothing held back, MiB.
    pub registered_mib: u32,
    /// Where `registered_mib` comes from.
    pub registered_basis: MemoryBasis,
    /// GPUs that the operating system sees; a slice of a card counts as one.
    pub gpus: u16,
    /// Inferentia and Trainium devices.
    pub neuron_devices: u16,
    /// Network interfaces of all network cards together.
    pub max_enis: u16,
    /// `awsvpc` tasks that fit without ENI trunking.
    pub awsvpc_tasks: u16,
    /// `awsvpc` tasks that fit with ENI trunking; `None` where the type has no trunking or nobody says.
    pub awsvpc_tasks_trunked: Option<u16>,
    /// Sustained network bandwidth, megabit per second; 0 where a price file did not give it.
    pub baseline_bandwidth_mbps: u32,
    /// Whether CPU is bought with credits (the T families).
    pub burstable: bool,
    /// Whether there is no hypervisor.
    pub bare_metal: bool,
    /// Whether EC2 counts it to the current generation.
    pub current_generation: bool,
    /// Whether EC2 no longer lists it, though it still has a price.
    pub retired: bool,
    /// Whether it can be bought as Spot.
    pub spot_supported: bool,
}

impl InstanceType {
    /// The part of the name before the point: `m7g`.
    #[must_use]
    pub fn family(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }

    /// What a container instance registers: 1,024 CPU units per vCPU (documented), the memory that the agent sees,
    /// GPUs, and slots for `awsvpc` tasks, which `awsvpcTrunking` raises where the type can do it.
    ///
    /// CPU units stop at `u32::MAX`, far above every type.
    #[must_use]
    pub fn resources(&self, trunking: bool) -> Resources {
        let trunked = self.awsvpc_tasks_trunked.filter(|_| trunking);
        Resources {
            cpu: self.vcpus.saturating_mul(1024),
            memory: self.registered_mib,
            gpus: self.gpus,
            enis: trunked.unwrap_or(self.awsvpc_tasks),
        }
    }

    /// Parses a row of `instance_types.csv`.
    pub(super) fn from_row(row: &str) -> InstanceType {
        let mut fields = row.split(',');
        let mut field = || fields.next().expect("an embedded row has every column");
        let name = field().to_owned();
        let architecture = match field() {
            "arm64" => Architecture::Arm64,
            _ => Architecture::X86_64,
        };
        let (vcpus, memory_mib, registered_mib) =
            (number(field()), number(field()), number(field()));
        let registered_basis = match field() {
            "measured" => MemoryBasis::Measured,
            _ => MemoryBasis::Fitted,
        };
        let (gpus, neuron_devices, max_enis) = (small(field()), small(field()), small(field()));
        let awsvpc_tasks = small(field());
        let trunked = field();
        let baseline_bandwidth_mbps = number(field());
        let flags = field();
        InstanceType {
            name,
            architecture,
            vcpus,
            memory_mib,
            registered_mib,
            registered_basis,
            gpus,
            neuron_devices,
            max_enis,
            awsvpc_tasks,
            awsvpc_tasks_trunked: (!trunked.is_empty()).then(|| small(trunked)),
            baseline_bandwidth_mbps,
            burstable: flags.contains('b'),
            bare_metal: flags.contains('m'),
            current_generation: !flags.contains('o'),
            retired: flags.contains('r'),
            spot_supported: flags.contains('s'),
        }
    }
}

fn number(text: &str) -> u32 {
    text.parse().expect("embedded numbers are whole and fit 32 bits")
}

fn small(text: &str) -> u16 {
    text.parse().expect("embedded counts are whole and fit 16 bits")
}
