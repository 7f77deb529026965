//! Standard Workload Format 2.2 (Parallel Workloads Archive, Feitelson et al.): 18 numbers a line, separated by
//! blanks; lines that begin with `;` are comments; `-1` means that a field does not apply.
//!
//! | Ours | From | Rule |
//! | --- | --- | --- |
//! | arrival | 2 submit time | seconds; the first job that is used is at zero |
//! | duration | 4 run time | seconds, without the wait of field 3, which was another scheduler's |
//! | processors | 5 allocated, else 8 requested | each is `default_cpu` CPU units |
//! | memory | 10 requested, else 7 used, else `default_memory_mib` | KB per processor, rounded up to MiB |
//! | exit code | 11 status | 0 failed, 4 last part failed and 5 cancelled: 1; everything else: 0 |
//!
//! A job is one task with the CPU and memory of all its processors, or, with `swf_task_per_processor`, one task
//! for each. In this format 0 is a value and -1 says that there is none: a run time of 0 is under half a second. A
//! job without a run time never ran, nor did one with 0 that has no allocated processors or was cancelled; it is left
//! out and counted, as is one without processors. The order is strict: the archive asks for lines in order of submit
//! time, and the logs that break it do so only in jobs that never ran.

use super::limits::{Defaults, MAX_COUNT, plain_row, share};
use super::problem::{Fault, Faulty};
use super::records::Fields;
use super::stream::{Adjustment, Adjustments, Layout, Verdict};
use crate::base::time::SimSpan;
use crate::model::workload::TraceInput;

const SUBMIT: usize = 1;
const RUN: usize = 3;
const ALLOCATED: usize = 4;
const USED_MEMORY: usize = 6;
const REQUESTED: usize = 7;
const REQUESTED_MEMORY: usize = 9;
const STATUS: usize = 10;
const FIELDS: usize = 18;

/// A status.
const CANCELLED: i64 = 5;

/// Reads SWF lines.
pub(super) struct Swf {
    defaults: Defaults,
    task_per_processor: bool,
}

impl Swf {
    /// Reads SWF as `input` asks.
    pub fn new(input: &TraceInput) -> Self {
        let task_per_processor = input.swf_task_per_processor;
        Swf { defaults: Defaults::of(input), task_per_processor }
    }

    /// MiB per processor.
    fn memory(&self, fields: Fields<'_>, adjusted: &mut Adjustments) -> Faulty<u64> {
        let requested = fields.signed(REQUESTED_MEMORY, "requested memory", 0)?;
        let used = fields.signed(USED_MEMORY, "used memory", 0)?;
        Ok(if requested > 0 {
            requested.unsigned_abs().div_ceil(1024)
        } else if used > 0 {
            adjusted.add(Adjustment::UsedMemory);
            used.unsigned_abs().div_ceil(1024)
        } else {
            self.defaults.memory(adjusted)
        })
    }
}

impl Layout for Swf {
    fn read(&mut self, fields: Fields<'_>) -> Faulty<Verdict> {
        fields.expect_len(FIELDS, "a line of this format")?;
        let submit = fields.signed(SUBMIT, "submit time", 6)?;
        let run = fields.signed(RUN, "run time", 6)?;
        let allocated = fields.signed(ALLOCATED, "allocated processors", 0)?;
        let requested = fields.signed(REQUESTED, "requested processors", 0)?;
        let status = fields.signed(STATUS, "status", 0)?;
        let mut adjusted = Adjustments::default();
        let memory = self.memory(fields, &mut adjusted)?;
        if run < 0 || (run == 0 && (allocated <= 0 || status == CANCELLED)) {
            return Ok(Verdict::Skip("the job never ran (run time 0 or -1)"));
        }
        let processors = if allocated > 0 { allocated } else { requested };
        if processors <= 0 {
            return Ok(Verdict::Skip("the job has no processors"));
        }
        if allocated <= 0 {
            adjusted.add(Adjustment::RequestedProcessors);
        }
        if submit < 0 {
            return Ok(Verdict::Skip("the job has no submit time"));
        }
        let processors = processors.unsigned_abs();
        let copies = if self.task_per_processor { processors } else { 1 };
        if copies > MAX_COUNT {
            let text = format!("the job has {processors} processors: more than {MAX_COUNT} tasks");
            return Err(Fault::line("a value is too large", text));
        }
        let each = if self.task_per_processor { 1 } else { processors };
        let cpu = share(self.defaults.cpu, each, 1);
        let memory = share(memory, each, 1);
        let duration = SimSpan(run.unsigned_abs());
        let mut row = plain_row(cpu, memory, Some(duration))?;
        row.count = copies as u32;
        row.exit_code = u8::from(matches!(status, 0 | 4 | CANCELLED));
        Ok(Verdict::Row(submit, row, adjusted))
    }
}
