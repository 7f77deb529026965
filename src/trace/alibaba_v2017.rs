//! Alibaba cluster-trace-v2017, table `batch_task` (`schema.csv` and `trace_201708.md` of the publisher): 8 columns,
//! without a header line as published; a header line, which copies of it have, is passed over.
//!
//! | Ours | From | Rule |
//! | --- | --- | --- |
//! | arrival | 1 create time | seconds, may be negative; the earliest is at zero |
//! | duration | 2 end time | end less creation for Terminated and Failed tasks |
//! | count | 5 number of instances | |
//! | CPU | 7 | 100 = one core = 1,024 CPU units |
//! | memory | 8 | share of the largest machine, times `memory_mib_of_one`, at least 1 MiB |
//! | exit code | 6 status | Terminated 0, Failed 1, Running 0 |
//!
//! The end time is the latest change of state, so it is no end for a task that was still Running: such a task has
//! `default_duration`. Tasks that never started (Waiting and Ready, and Running without CPU and memory) and tasks
//! that end before they begin are left out and counted. The file is not sorted, so the default order is `sort`.

use super::limits::{CPU_UNITS_PER_CORE, Defaults, MAX_COUNT, plain_row, share};
use super::problem::{Fault, Faulty, shown};
use super::records::Fields;
use super::stream::{Adjustments, Layout, Verdict};
use crate::base::time::SimSpan;
use crate::model::workload::TraceInput;

const CREATED: usize = 0;
const ENDED: usize = 1;
const INSTANCES: usize = 4;
const STATUS: usize = 5;
const CPU: usize = 6;
const MEMORY: usize = 7;
const FIELDS: usize = 8;

/// Reasons and rules that both Alibaba batch tables share.
pub(super) const NEVER_STARTED: &str = "the task never started";
pub(super) const ENDS_BEFORE_START: &str = "the task ends before it begins";

/// What a status says about a batch task.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Status {
    /// Waiting or Ready.
    NotStarted,
    /// Running at the end of the trace.
    Running,
    /// Over, with this exit code.
    Ended(u8),
}

/// Understands the status in field `index`.
pub(super) fn status(fields: Fields<'_>, index: usize) -> Faulty<Status> {
    match fields.get(index) {
        b"Terminated" => Ok(Status::Ended(0)),
        b"Failed" | b"Cancelled" | b"Interrupted" => Ok(Status::Ended(1)),
        b"Running" => Ok(Status::Running),
        b"Waiting" | b"Ready" => Ok(Status::NotStarted),
        other => {
            let text = format!("status is {}", shown(other));
            let help = "known: Terminated, Failed, Cancelled, Interrupted, Running, Waiting, Ready";
            Err(Fault::field(index, "an unknown status", text).help(help))
        }
    }
}

/// The number of instances, at least 1.
pub(super) fn instances(fields: Fields<'_>, index: usize) -> Faulty<u32> {
    let count = fields.whole(index, "number of instances", MAX_COUNT)?;
    if count == 0 {
        let text = "number of instances is \"0\": must be at least 1".into();
        return Err(Fault::field(index, "a count of zero", text));
    }
    Ok(count as u32)
}

/// Hundredths of a core as CPU units.
pub(super) fn cpu_units(hundredths_e6: u64) -> u64 {
    share(hundredths_e6, CPU_UNITS_PER_CORE, 100 * 1_000_000)
}

/// Reads lines of `batch_task.csv`.
pub(super) struct AlibabaV2017 {
    defaults: Defaults,
    memory_mib_of_one: u64,
}

impl AlibabaV2017 {
    /// Reads the table as `input` asks.
    pub fn new(input: &TraceInput) -> Self {
        let memory_mib_of_one = u64::from(input.memory_mib_of_one);
        AlibabaV2017 { defaults: Defaults::of(input), memory_mib_of_one }
    }
}

/// Whether a first line is a header: its first field is a name and not a number.
pub(super) fn is_header(first: Fields<'_>) -> bool {
    first.get(CREATED).first().is_some_and(u8::is_ascii_alphabetic)
}

impl Layout for AlibabaV2017 {
    fn read(&mut self, fields: Fields<'_>) -> Faulty<Verdict> {
        fields.expect_len(FIELDS, "a line of this format")?;
        let created = fields.signed(CREATED, "create time", 6)?;
        let ended = fields.signed(ENDED, "end time", 6)?;
        let count = instances(fields, INSTANCES)?;
        let status = status(fields, STATUS)?;
        let unsized_row = fields.get(CPU).is_empty() && fields.get(MEMORY).is_empty();
        if status == Status::NotStarted || (status == Status::Running && unsized_row) {
            return Ok(Verdict::Skip(NEVER_STARTED));
        }
        let mut adjusted = Adjustments::default();
        let cpu = match fields.get(CPU) {
            b"" => self.defaults.cpu(&mut adjusted),
            _ => cpu_units(fields.scaled(CPU, "cpu", 6)?),
        };
        let memory = match fields.get(MEMORY) {
            b"" => self.defaults.memory(&mut adjusted),
            _ => {
                let of_one = fields.scaled(MEMORY, "memory", 9)?;
                share(of_one, self.memory_mib_of_one, 1_000_000_000).max(1)
            }
        };
        let (duration, exit_code) = match status {
            Status::Ended(_) if ended < created => return Ok(Verdict::Skip(ENDS_BEFORE_START)),
            Status::Ended(code) => (Some(SimSpan(ended.abs_diff(created))), code),
            _ => (self.defaults.duration(&mut adjusted), 0),
        };
        let mut row = plain_row(cpu, memory, duration)?;
        row.count = count;
        row.exit_code = exit_code;
        Ok(Verdict::Row(created, row, adjusted))
    }
}
