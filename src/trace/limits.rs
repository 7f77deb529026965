//! The largest values that a trace may name, and the numbers that public traces share. Far above any machine,
//! far below overflow.

use super::problem::{Fault, Faulty, shown};
use super::stream::{Adjustment, Adjustments};
use crate::base::time::{LATEST, MICROS_PER_SECOND, SimSpan, SimTime};
use crate::model::arrival::TaskRow;
use crate::model::workload::TraceInput;

/// CPU units: a million vCPU. Whole jobs of supercomputers are single rows of public logs.
pub(super) const MAX_CPU: u64 = 1 << 30;
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

/// Seconds from which on a time is one of Unix, since 1970, and not one since the beginning: 32 years.
pub(super) const UNIX_FROM: SimTime = SimTime(1_000_000_000 * MICROS_PER_SECOND);

/// Unix time after which one is thought to be in milliseconds: the year 2286.
pub(super) const UNIX_TO: SimTime = SimTime(10_000_000_000 * MICROS_PER_SECOND);

/// What to do about a time that is later than any.
pub(super) const TOO_LATE_HELP: &str = "times are in seconds; is it in milliseconds?";

/// The longest time in which nothing arrives: more is taken for a slip in the clock and not for a quiet year.
const LONGEST_GAP: SimSpan = SimSpan::from_secs(366 * 86_400);

/// Refuses a row that comes `gap` after the row before, or after the beginning where it is the first.
pub(super) fn check_gap(gap: SimSpan, is_first: bool) -> Faulty<()> {
    if gap <= LONGEST_GAP {
        return Ok(());
    }
    let days = gap.0 / (86_400 * MICROS_PER_SECOND);
    let after = if is_first { "the beginning" } else { "the row before" };
    let text = format!("the row is {days} d after {after}, more than a year");
    let help = "times are seconds from the beginning, or all on one calendar; is this row on another clock?";
    Err(Fault::line("more than a year after the row before", text).help(help))
}

/// A length from 10⁹ seconds on is the instant of an end in Unix time, and would be billed for decades.
#[cold]
pub(super) fn unix_length(index: usize, name: &str, text: &[u8]) -> Box<Fault> {
    let text = format!("{name} is {}: more than 31 years", shown(text));
    Fault::field(index, "Unix time for a length", text).help(UNIX_LENGTH_HELP)
}

/// What to do about a length that looks like Unix time.
const UNIX_LENGTH_HELP: &str =
    "it is a length in seconds, end less beginning; is it the instant of the end (Unix time)?";

/// An instant from 10⁹ seconds on where nothing says which calendar instant the beginning is.
#[cold]
pub(super) fn unix_instant(index: usize, name: &str, text: &[u8]) -> Box<Fault> {
    let text = format!("{name} is {}: seconds since 1970 (Unix time)", shown(text));
    let help = "write seconds from the beginning of the scenario, such as 5400 or 12.5";
    Fault::field(index, "Unix time", text).help(help)
}

/// `value · numerator / denominator`, rounded half up, or the greatest number where it is more.
pub(super) fn share(value: u64, numerator: u64, denominator: u64) -> u64 {
    let product = u128::from(value) * u128::from(numerator) + u128::from(denominator / 2);
    u64::try_from(product / u128::from(denominator)).unwrap_or(u64::MAX)
}

/// A row of a foreign trace: all that they have in common, for the format to fill in. What is out of range is refused
/// and not cut: the sums of a trace must be those of its publisher.
pub(super) fn plain_row(cpu: u64, memory: u64, duration: Option<SimSpan>) -> Faulty<TaskRow> {
    if let Some(text) = out_of_range(cpu, memory, duration) {
        return Err(Fault::line("a value is too large", text));
    }
    if duration.is_some_and(|duration| duration.0 >= UNIX_FROM.0) {
        let text = "the row runs for more than 31 years".to_string();
        return Err(Fault::line("Unix time for a length", text).help(UNIX_LENGTH_HELP));
    }
    Ok(TaskRow {
        arrival: SimTime::ZERO,
        cpu: Some(cpu as u32),
        memory: Some(memory as u32),
        gpus: None,
        duration,
        count: 1,
        definition: None,
        group: None,
        ephemeral_gib: None,
        exit_code: 0,
    })
}

fn out_of_range(cpu: u64, memory: u64, duration: Option<SimSpan>) -> Option<String> {
    if cpu > MAX_CPU {
        Some(format!("the row has {cpu} CPU units: more than {MAX_CPU}"))
    } else if memory > MAX_MEMORY_MIB {
        Some(format!("the row has {memory} MiB: more than {MAX_MEMORY_MIB}"))
    } else if duration.is_some_and(|duration| duration.0 > LATEST.0) {
        Some("the row runs for more than 100 years".into())
    } else {
        None
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
