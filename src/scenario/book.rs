//! The handful of questions that a scenario asks the catalogue, and nothing else of it.

use super::diagnostic::Diagnostics;
use super::tree::Place;
use crate::base::money::HourlyRate;
use crate::catalog::{Burstable, Catalogue, InstanceType, PriceFile, SpotAdvice};
use crate::model::arrival::RowCounts;
use crate::model::fargate::FargateRate;
use crate::model::platform::{Architecture, OperatingSystem};

/// Why a run leaves out a price.
const OTHER_REGIONS: &str = "of another region than the run's";

/// What an instance type registers and costs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TypeFacts {
    /// CPU units that an instance registers.
    pub cpu_units: u32,
    /// MiB that an instance registers with nothing held back.
    pub registered_memory: u32,
    /// Whole GPUs.
    pub gpus: u16,
    /// `awsvpc` tasks without ENI trunking.
    pub awsvpc_tasks: u16,
    /// `awsvpc` tasks with ENI trunking; `None`: not supported.
    pub awsvpc_tasks_trunked: Option<u16>,
    /// Architecture.
    pub architecture: Architecture,
    /// On-Demand price in the region.
    pub on_demand: Option<HourlyRate>,
    /// Spot price in the region, where the user gives none.
    pub spot: Option<HourlyRate>,
}

/// Requirements of instance types.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Fewest and most vCPUs.
    pub vcpus: (u32, u32),
    /// Least and most memory, MiB.
    pub memory: (u32, u32),
    /// Least and most memory of a vCPU, MiB.
    pub mib_per_vcpu: (u64, u64),
    /// Patterns of names; empty: all.
    pub allowed: Vec<String>,
    /// Patterns of names that are left out.
    pub excluded: Vec<String>,
    /// Whether types of the current generation are among them, and of previous ones.
    pub generations: [bool; 2],
    /// Architectures.
    pub architectures: Vec<Architecture>,
    /// Whether the T families are among them, and others.
    pub burstable: [bool; 2],
    /// Whether types without a hypervisor are among them, and others.
    pub bare_metal: [bool; 2],
    /// Fewest and most GPUs, Inferentia and Trainium devices together.
    pub accelerators: (u32, u32),
}

/// A type that meets requirements.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// What it holds and costs.
    pub facts: TypeFacts,
    /// Whether it is of the current generation.
    pub is_current: bool,
    /// Whether it is of the C, M or R families.
    pub is_general: bool,
}

impl Default for Wanted {
    fn default() -> Wanted {
        Wanted {
            vcpus: (1, u32::MAX),
            memory: (1, u32::MAX),
            mib_per_vcpu: (0, u64::MAX),
            allowed: Vec::new(),
            excluded: Vec::new(),
            generations: [true, false],
            architectures: vec![Architecture::X86_64, Architecture::Arm64],
            burstable: [false, true],
            bare_metal: [false, true],
            accelerators: (0, 0),
        }
    }
}

/// The catalogue as a scenario sees it: the embedded facts, under the user's price file where there is one.
#[derive(Clone, Debug, Default)]
pub struct Book(Catalogue);

impl Book {
    /// Puts the user's price file above the embedded facts; its problems become errors of the scenario.
    /// What became of its prices, one a row, in a run in `region`, and what is odd about them there.
    pub fn add_price_file(
        &mut self,
        (name, text): (&str, &str),
        region: &str,
        problems: &mut Diagnostics,
    ) -> (RowCounts, Vec<String>) {
        match PriceFile::parse(name, text.as_bytes(), &self.0) {
            Ok(file) => {
                let mut odd: Vec<String> = file.warnings.iter().map(ToString::to_string).collect();
                odd.extend(file.lacks(name, region));
                let counts = counts(&file, region);
                self.0 = std::mem::take(&mut self.0).with_price_file(file);
                (counts, odd)
            }
            Err(list) => {
                let mut last: Option<(usize, u32)> = None;
                for problem in list {
                    let line = usize::try_from(problem.line).unwrap_or(1);
                    let excerpt = text.split('\n').nth(line.saturating_sub(1)).unwrap_or("");
                    let excerpt = excerpt.trim_end_matches('\r');
                    let source = match last {
                        Some((number, source)) if number == line => source,
                        _ => problems.add_excerpt(name, excerpt, line),
                    };
                    last = Some((line, source));
                    let start = usize::try_from(problem.column).unwrap_or(1).saturating_sub(1);
                    let start = start.min(excerpt.len());
                    let length = excerpt.as_bytes()[start..].iter().take_while(|b| **b != b',');
                    let place = Place::new(source, start..start + length.count());
                    match problem.hint {
                        Some(hint) => problems.error_with_help(place, problem.message, hint),
                        None => problems.error(place, problem.message),
                    }
                }
                (RowCounts::default(), Vec::new())
            }
        }
    }

    /// What ECS charges an hour for a Managed Instance of a type, where the user's file says so.
    #[must_use]
    pub fn managed_fee(&self, region: &str, instance_type: &str) -> Option<HourlyRate> {
        self.0.managed_fee(region, instance_type)
    }

    /// Its version, the newest day of its embedded prices, and the oldest day that the user's file names.
    #[must_use]
    pub fn version(&self) -> (String, String, Option<String>) {
        let (embedded, own) = self.0.as_of();
        (self.0.version(), embedded.to_string(), own.map(str::to_string))
    }

    /// What an instance type holds and costs in a region.
    #[must_use]
    pub fn type_facts(&self, region: &str, name: &str) -> Option<TypeFacts> {
        let facts = self.0.instance_type(name)?;
        let resources = facts.resources(false);
        Some(TypeFacts {
            cpu_units: resources.cpu,
            registered_memory: resources.memory,
            gpus: resources.gpus,
            awsvpc_tasks: facts.awsvpc_tasks,
            awsvpc_tasks_trunked: facts.awsvpc_tasks_trunked,
            architecture: facts.architecture,
            on_demand: self.0.on_demand(region, name),
            spot: self.0.ec2_spot(region, name),
        })
    }

    /// What the Spot Advisor says of an instance type in a region.
    #[must_use]
    pub fn spot_advice(&self, region: &str, name: &str) -> Option<SpotAdvice> {
        self.0.spot_advice(region, name)
    }

    /// Types with a price in the region that meet requirements, in order of name.
    #[must_use]
    pub fn types_that_are(&self, region: &str, wanted: &Wanted) -> Vec<Found> {
        let all = self.0.instance_types();
        let meets = |of: &&InstanceType| {
            let named = |list: &[String]| list.iter().any(|pattern| matches(pattern, &of.name));
            let accelerators = u32::from(of.gpus) + u32::from(of.neuron_devices);
            let (memory, vcpus) = (u64::from(of.memory_mib), u64::from(of.vcpus));
            let least = wanted.mib_per_vcpu.0.saturating_mul(vcpus);
            let most = wanted.mib_per_vcpu.1.saturating_mul(vcpus);
            !of.retired
                && wanted.generations[usize::from(!of.current_generation)]
                && wanted.architectures.contains(&of.architecture)
                && wanted.burstable[usize::from(!of.burstable)]
                && wanted.bare_metal[usize::from(!of.bare_metal)]
                && (wanted.accelerators.0..=wanted.accelerators.1).contains(&accelerators)
                && (wanted.vcpus.0..=wanted.vcpus.1).contains(&of.vcpus)
                && (wanted.memory.0..=wanted.memory.1).contains(&of.memory_mib)
                && (least..=most).contains(&memory)
                && (wanted.allowed.is_empty() || named(&wanted.allowed))
                && !named(&wanted.excluded)
        };
        let facts = |of: &InstanceType| {
            let facts = self.type_facts(region, &of.name).filter(|f| f.on_demand.is_some())?;
            Some(Found {
                name: of.name.clone(),
                facts,
                is_current: of.current_generation,
                is_general: is_general(of.family()),
            })
        };
        all.iter().filter(meets).filter_map(facts).collect()
    }

    /// Instance types with names near to an unknown one, nearest first.
    #[must_use]
    pub fn nearest_types(&self, name: &str) -> Vec<String> {
        self.0.nearest_instance_types(name)
    }

    /// The CPU credits of an instance type, where it has some.
    #[must_use]
    pub fn burstable(&self, name: &str) -> Option<Burstable> {
        crate::catalog::burstable(name)
    }

    /// The price of something beside compute.
    ///
    /// # Panics
    /// For an item that is not in the catalogue.
    #[must_use]
    pub fn side_rate(&self, region: &str, item: &str) -> HourlyRate {
        self.0.side_price(region, item).expect("every item has a price").usd
    }

    /// Every known region.
    #[must_use]
    pub fn regions(&self) -> Vec<String> {
        self.0.regions().into_iter().map(str::to_string).collect()
    }

    /// The zones that a cluster spans unless it says otherwise.
    #[must_use]
    pub fn zones(&self, region: &str) -> Vec<String> {
        self.0.availability_zones(region)
    }

    /// Fargate prices of a region.
    #[must_use]
    pub fn fargate_rates(&self, region: &str) -> Vec<FargateRate> {
        self.0.fargate_rates(region)
    }

    /// Fargate sizes (CPU units, MiB) of an operating system, ascending.
    #[must_use]
    pub fn fargate_sizes(&self, os: OperatingSystem) -> Vec<(u32, u32)> {
        self.0.fargate_sizes_of(os)
    }
}

/// Prices of a file: those of the run's region are used, whatever of them the run then asks for.
fn counts(file: &PriceFile, region: &str) -> RowCounts {
    let (read, used) = (file.len() as u64, file.len_of(region) as u64);
    let mut counts = RowCounts { read, used, ..RowCounts::default() };
    if used < read {
        counts.skipped.insert(OTHER_REGIONS.into(), read - used);
    }
    counts
}

/// Whether a family is one of C, M or R: `c7g`, not `mac2`.
fn is_general(family: &str) -> bool {
    let letters: &str = family.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default();
    matches!(letters, "c" | "m" | "r")
}

/// Whether a name fits a pattern in which `*` stands for anything.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, tail)) => name.strip_prefix(head).is_some_and(|rest| {
            (0..=rest.len())
                .filter(|&at| rest.is_char_boundary(at))
                .any(|at| matches(tail, &rest[at..]))
        }),
    }
}
