//! Alibaba GPU cluster trace v2023 ("openb", Weng et al., USENIX ATC 2023), pod lists: CSV with a header line.
//!
//! | Ours | From | Rule |
//! | --- | --- | --- |
//! | arrival | `creation_time` | seconds; the first pod is at zero |
//! | duration | `scheduled_time`, `deletion_time` | deletion less scheduling |
//! | CPU | `cpu_milli` | 1,000 = one vCPU = 1,024 CPU units, rounded half up |
//! | memory | `memory_mib` | 0: `default_memory_mib` |
//! | GPUs | `num_gpu`, `gpu_milli` | ECS gives whole GPUs only, so a share of one is raised to one and counted |
//! | exit code | `pod_phase` | Failed 1, everything else 0 |
//!
//! A pod that was never scheduled (Pending) asked for room all the same: its duration is from creation to
//! deletion. A pod that was still Running at the end of the observation runs until then. Without a deletion time
//! the duration is `default_duration`. `gpu_spec` and `qos` are not used. The default list is sorted by creation
//! time and its variants are not, so the default order is `sort`. The variant list without times cannot be
//! replayed and is refused for its missing columns.

use super::columns::{Column, Unknown, optional, required, resolve};
use super::limits::{
    CPU_UNITS_PER_CORE, Defaults, MAX_CPU, MAX_GPUS, MAX_MEMORY_MIB, plain_row, share,
};
use super::problem::Faulty;
use super::records::Fields;
use super::stream::{Adjustment, Adjustments, Layout, Verdict};
use crate::base::time::SimSpan;
use crate::model::workload::TraceInput;

const COLUMNS: [Column; 8] = [
    required("cpu_milli"),
    required("memory_mib"),
    required("num_gpu"),
    required("gpu_milli"),
    required("creation_time"),
    required("deletion_time"),
    optional("scheduled_time"),
    optional("pod_phase"),
];

/// Thousandths of a GPU that make a whole one.
const WHOLE_GPU: u64 = 1_000;

/// Reads pods.
pub(super) struct Openb {
    defaults: Defaults,
    /// Positions of the first six of [`COLUMNS`].
    at: [usize; 6],
    scheduled: Option<usize>,
    phase: Option<usize>,
    width: usize,
}

impl Openb {
    /// Understands the header line.
    pub fn new(header: Fields<'_>, input: &TraceInput) -> Faulty<Self> {
        let at = resolve(header, &COLUMNS, Unknown::Ignore)?;
        Ok(Openb {
            defaults: Defaults::of(input),
            at: std::array::from_fn(|i| at[i].expect("required columns are there")),
            scheduled: at[6],
            phase: at[7],
            width: header.len(),
        })
    }

    fn duration(
        &self,
        fields: Fields<'_>,
        created: u64,
        adjusted: &mut Adjustments,
    ) -> Faulty<Option<Option<SimSpan>>> {
        let deletion = self.at[5];
        if fields.get(deletion).is_empty() {
            return Ok(Some(self.defaults.duration(adjusted)));
        }
        let deleted = fields.scaled(deletion, "deletion_time", 6)?;
        let begun = match self.scheduled {
            Some(index) if !fields.get(index).is_empty() => {
                fields.scaled(index, "scheduled_time", 6)?.max(created)
            }
            _ => {
                adjusted.add(Adjustment::NeverScheduled);
                created
            }
        };
        Ok(deleted.checked_sub(begun).map(|micros| Some(SimSpan(micros))))
    }
}

impl Layout for Openb {
    fn read(&mut self, fields: Fields<'_>) -> Faulty<Verdict> {
        fields.expect_len(self.width, "the header")?;
        let [cpu, memory, gpus, gpu_share, created, _] = self.at;
        let mut adjusted = Adjustments::default();
        let cpu = fields.whole(cpu, "cpu_milli", MAX_CPU)?;
        let memory = match fields.whole(memory, "memory_mib", MAX_MEMORY_MIB)? {
            0 => self.defaults.memory(&mut adjusted),
            memory => memory,
        };
        let gpus = fields.whole(gpus, "num_gpu", MAX_GPUS)?;
        let gpu_milli = fields.whole(gpu_share, "gpu_milli", WHOLE_GPU)?;
        if gpus > 0 && gpu_milli < WHOLE_GPU {
            let many = if gpus == 1 { Adjustment::GpuShare } else { Adjustment::GpuShareOfMany };
            adjusted.add(many);
        }
        let created = fields.scaled(created, "creation_time", 6)?.min(i64::MAX as u64);
        let Some(duration) = self.duration(fields, created, &mut adjusted)? else {
            return Ok(Verdict::Skip("the pod ends before it begins"));
        };
        let phase = self.phase.map_or(&b""[..], |index| fields.get(index));
        if phase == b"Running" {
            adjusted.add(Adjustment::UntilObserved);
        }
        let cpu = share(cpu, CPU_UNITS_PER_CORE, 1_000);
        let mut row = plain_row(cpu, memory, duration)?;
        row.gpus = Some(gpus as u16);
        row.exit_code = u8::from(phase == b"Failed");
        Ok(Verdict::Row(created as i64, row, adjusted))
    }
}
