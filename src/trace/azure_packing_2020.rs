//! Azure Trace for Packing 2020 (Azure/AzurePublicDataset, `AzureTracesForPacking2020.md`). It is published as an
//! SQLite file; we read this export of it (the size is taken on the machine type with the lowest id):
//!
//! ```text
//! sqlite3 -header -csv packing_trace_zone_a_v1.sqlite "
//!   SELECT vm.vmId, vm.priority, printf('%.9f', vm.starttime) AS starttime,
//!          CASE WHEN vm.endtime IS NULL THEN '' ELSE printf('%.9f', vm.endtime) END AS endtime,
//!          MIN(t.machineId) AS machineId, printf('%.9f', t.core) AS core, printf('%.9f', t.memory) AS memory
//!   FROM vm JOIN vmType t ON t.vmTypeId = vm.vmTypeId
//!   GROUP BY vm.vmId ORDER BY vm.starttime" | gzip > vm.csv.gz
//! ```
//!
//! | Ours | From | Rule |
//! | --- | --- | --- |
//! | arrival | `starttime` | fractional days; below zero, where the VM was there before, it is zero |
//! | duration | `endtime` | end less arrival; empty, where the VM is still alive: `default_duration` |
//! | CPU | `core` | share of the machine, times `cpu_of_one`, at least 1 |
//! | memory | `memory` | share of the machine, times `memory_mib_of_one`, at least 1 MiB |
//!
//! Other columns are passed over. The order is strict. Time zero is the beginning of the trace.

use super::columns::{Column, Unknown, required, resolve};
use super::limits::{Defaults, plain_row, share};
use super::problem::Faulty;
use super::records::Fields;
use super::stream::{Adjustment, Adjustments, Layout, Verdict};
use crate::base::time::SimSpan;
use crate::model::workload::TraceInput;

const COLUMNS: [Column; 4] =
    [required("starttime"), required("endtime"), required("core"), required("memory")];

/// Digits after the point at which days and shares are read.
const SCALE: u32 = 9;

/// Billionths of a day in a microsecond are 10⁹ / 86,400·10⁶ = 10 / 864.
const MICROS_PER_864_BILLIONTHS_OF_A_DAY: (i128, i128) = (864, 10);

/// Reads VMs.
pub(super) struct AzurePacking {
    defaults: Defaults,
    cpu_of_one: u64,
    memory_mib_of_one: u64,
    at: [usize; 4],
    width: usize,
}

impl AzurePacking {
    /// Understands the header line.
    pub fn new(header: Fields<'_>, input: &TraceInput) -> Faulty<Self> {
        let at = resolve(header, &COLUMNS, Unknown::Ignore)?;
        Ok(AzurePacking {
            defaults: Defaults::of(input),
            cpu_of_one: u64::from(input.cpu_of_one),
            memory_mib_of_one: u64::from(input.memory_mib_of_one),
            at: std::array::from_fn(|i| at[i].expect("required columns are there")),
            width: header.len(),
        })
    }
}

/// Days, in billionths, as microseconds.
fn micros(days: i64) -> i64 {
    let (numerator, denominator) = MICROS_PER_864_BILLIONTHS_OF_A_DAY;
    let micros = i128::from(days) * numerator / denominator;
    micros.clamp(i128::from(i64::MIN / 2), i128::from(i64::MAX / 2)) as i64
}

impl Layout for AzurePacking {
    fn read(&mut self, fields: Fields<'_>) -> Faulty<Verdict> {
        fields.expect_len(self.width, "the header")?;
        let [start, end, core, memory] = self.at;
        let mut adjusted = Adjustments::default();
        let started = micros(fields.signed(start, "starttime", SCALE)?);
        if started < 0 {
            adjusted.add(Adjustment::AlreadyThere);
        }
        let arrival = started.max(0);
        let duration = match fields.get(end) {
            b"" => self.defaults.duration(&mut adjusted),
            _ => {
                let ended = micros(fields.signed(end, "endtime", SCALE)?);
                if ended < arrival {
                    return Ok(Verdict::Skip("the VM ends before it begins, or before the trace"));
                }
                Some(SimSpan(ended.abs_diff(arrival)))
            }
        };
        let one = 10u64.pow(SCALE);
        let cpu = share(fields.scaled(core, "core", SCALE)?, self.cpu_of_one, one).max(1);
        let of_one = fields.scaled(memory, "memory", SCALE)?;
        let memory = share(of_one, self.memory_mib_of_one, one).max(1);
        Ok(Verdict::Row(arrival, plain_row(cpu, memory, duration)?, adjusted))
    }

    fn rebases(&self) -> bool {
        false
    }
}
