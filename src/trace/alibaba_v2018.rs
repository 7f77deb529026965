//! Alibaba cluster-trace-v2018, table `batch_task` (`schema.txt` and `trace_2018.md` of the publisher): 9 columns,
//! without a header line as published; a header line, which copies of it have, is passed over.
//!
//! | Ours | From | Rule |
//! | --- | --- | --- |
//! | arrival | 6 start time | seconds; there is no submit time; the earliest is at zero |
//! | duration | 7 end time | end less start for tasks that are over |
//! | count | 2 number of instances | empty: 1 |
//! | CPU | 8 | 100 = one core = 1,024 CPU units; empty: `default_cpu` |
//! | memory | 9 | percent of the largest machine, times `memory_mib_of_one` / 100, at least 1 MiB; empty, -1 or above 100: `default_memory_mib` |
//! | exit code | 5 status | Terminated and Running 0; Failed, Cancelled and Interrupted 1 |
//!
//! Running tasks have an end time of 0 and get `default_duration`. Tasks that never started and tasks that end
//! before they begin are left out and counted. Dependencies in the task names are not followed: the start times
//! already hold them. The table is ordered by job, so the default order is `sort`.

use super::alibaba_v2017::{
    ENDS_BEFORE_START, NEVER_STARTED, Status, cpu_units, instances, status,
};
use super::limits::{Defaults, plain_row, share};
use super::problem::Faulty;
use super::records::Fields;
use super::stream::{Adjustment, Adjustments, Layout, Verdict};
use crate::base::time::SimSpan;
use crate::model::workload::TraceInput;

const INSTANCES: usize = 1;
const STATUS: usize = 4;
const STARTED: usize = 5;
const ENDED: usize = 6;
const CPU: usize = 7;
const MEMORY: usize = 8;
const FIELDS: usize = 9;

/// Hundred percent at the scale at which memory is read.
const WHOLE_MACHINE: i64 = 100_000_000_000;

/// Reads lines of `batch_task.csv`.
pub(super) struct AlibabaV2018 {
    defaults: Defaults,
    memory_mib_of_one: u64,
}

impl AlibabaV2018 {
    /// Reads the table as `input` asks.
    pub fn new(input: &TraceInput) -> Self {
        let memory_mib_of_one = u64::from(input.memory_mib_of_one);
        AlibabaV2018 { defaults: Defaults::of(input), memory_mib_of_one }
    }

    fn memory(&self, fields: Fields<'_>, adjusted: &mut Adjustments) -> Faulty<u64> {
        if fields.get(MEMORY).is_empty() {
            return Ok(self.defaults.memory(adjusted));
        }
        match fields.signed(MEMORY, "plan_mem", 9)? {
            percent @ 0..=WHOLE_MACHINE => {
                let percent = percent.unsigned_abs();
                let whole = WHOLE_MACHINE.unsigned_abs();
                Ok(share(percent, self.memory_mib_of_one, whole).max(1))
            }
            percent if percent > WHOLE_MACHINE => {
                adjusted.add(Adjustment::MemoryAboveWhole);
                Ok(self.defaults.memory)
            }
            _ => Ok(self.defaults.memory(adjusted)),
        }
    }
}

/// Whether a first line is a header: its start time is a name and not a number.
pub(super) fn is_header(first: Fields<'_>) -> bool {
    first.get(STARTED).first().is_some_and(u8::is_ascii_alphabetic)
}

impl Layout for AlibabaV2018 {
    fn read(&mut self, fields: Fields<'_>) -> Faulty<Verdict> {
        fields.expect_len(FIELDS, "a line of this format")?;
        let status = status(fields, STATUS)?;
        if status == Status::NotStarted {
            return Ok(Verdict::Skip(NEVER_STARTED));
        }
        let started = fields.signed(STARTED, "start_time", 6)?;
        let ended = fields.signed(ENDED, "end_time", 6)?;
        let count = match fields.get(INSTANCES) {
            b"" => 1,
            _ => instances(fields, INSTANCES)?,
        };
        let mut adjusted = Adjustments::default();
        let cpu = match fields.get(CPU) {
            b"" => self.defaults.cpu(&mut adjusted),
            _ => cpu_units(fields.scaled(CPU, "plan_cpu", 6)?),
        };
        let memory = self.memory(fields, &mut adjusted)?;
        let (duration, exit_code) = match status {
            Status::Ended(_) if ended < started => return Ok(Verdict::Skip(ENDS_BEFORE_START)),
            Status::Ended(code) => (Some(SimSpan(ended.abs_diff(started))), code),
            _ => (self.defaults.duration(&mut adjusted), 0),
        };
        let mut row = plain_row(cpu, memory, duration)?;
        row.count = count;
        row.exit_code = exit_code;
        Ok(Verdict::Row(started, row, adjusted))
    }
}
