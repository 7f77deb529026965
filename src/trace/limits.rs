//! The largest values that a trace may name, and the numbers that public traces share. Far above any machine,
//! far below overflow.

use super::stream::{Adjustment, Adjustments};
use crate::base::time::{SimSpan, SimTime};
use crate::model::arrival::TaskRow;
use crate::model::workload::TraceInput;

/// CPU units: 16,384 vCPU.
pub(super) const MAX_CPU: u64 = 1 << 24;
/// MiB: 1 PiB.
pub(super) const MAX_MEMORY_MIB: u64 = 1 << 30;
/// GPUs of a task.
pub(super) const MAX_GPUS: u64 = 1_024;
/// Copies of a row.
pub(super) const MAX_COUNT: u64 = 10_000_000;
/// GiB of task storage.
pub(super) const MAX_EPHEMERAL_GIB: u64 = 65_534;
/// CPU units of one core or vCPU.
pub(super) const CPU_UNITS_PER_CORE: u64 = 1_024;

/// `value · numerator / denominator`, rounded half up, at most `max`.
pub(super) fn share(value: u64, numerator: u64, denominator: u64, max: u64) -> u64 {
    let product = u128::from(value) * u128::from(numerator) + u128::from(denominator / 2);
    u64::try_from(product / u128::from(denominator)).unwrap_or(u64::MAX).min(max)
}

/// A row of a foreign trace: all that they have in common, for the format to fill in.
pub(super) fn plain_row(cpu: u64, memory: u64, duration: Option<SimSpan>) -> TaskRow {
    TaskRow {
        arrival: SimTime::ZERO,
        cpu: Some(cpu.min(MAX_CPU) as u32),
        memory: Some(memory.min(MAX_MEMORY_MIB) as u32),
        gpus: None,
        duration,
        count: 1,
        definition: None,
        group: None,
        ephemeral_gib: None,
        exit_code: 0,
    }
}

/// What stands in for what a foreign row does not say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    /// CPU units.
    pub cpu: u64,
    /// MiB.
    pub memory: u64,
    /// Duration.
    pub duration: Option<SimSpan>,
}

impl Defaults {
    /// The defaults that the user chose.
    pub fn of(input: &TraceInput) -> Self {
        Defaults {
            cpu: u64::from(input.default_cpu),
            memory: u64::from(input.default_memory_mib),
            duration: input.default_duration,
        }
    }

    /// The CPU of a row that gives none.
    pub fn cpu(&self, adjusted: &mut Adjustments) -> u64 {
        adjusted.add(Adjustment::DefaultCpu);
        self.cpu
    }

    /// The memory of a row that gives none.
    pub fn memory(&self, adjusted: &mut Adjustments) -> u64 {
        adjusted.add(Adjustment::DefaultMemory);
        self.memory
    }

    /// The duration of a task whose end is not known.
    pub fn duration(&self, adjusted: &mut Adjustments) -> Option<SimSpan> {
        adjusted.add(match self.duration {
            Some(_) => Adjustment::DefaultDuration,
            None => Adjustment::NoDuration,
        });
        self.duration
    }
}
