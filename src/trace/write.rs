//! Rows to the native format, so that what is written reads back as the same rows.

use super::native;
use crate::base::decimal;
use crate::model::arrival::{NameId, TaskRow, TaskStream, TraceProblem};
use crate::model::workload::{GeneratorSpec, TraceFormat, TraceInput, Workload};
use std::io::Write;

/// Which optional columns are written; the four required ones always are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extra {
    /// `count`
    pub count: bool,
    /// `gpus`
    pub gpus: bool,
    /// `task_definition` and `group`
    pub names: bool,
    /// `ephemeral_gib`
    pub ephemeral_gib: bool,
    /// `exit_code`
    pub exit_code: bool,
}

impl Extra {
    /// The columns that rows of `workload` can need.
    #[must_use]
    pub fn of(workload: &Workload) -> Extra {
        match workload {
            Workload::Trace(input) => Extra::of_format(input),
            Workload::Generated(spec) => Extra::of_generator(spec),
        }
    }

    fn of_format(input: &TraceInput) -> Extra {
        let none = Extra::default();
        match input.format {
            TraceFormat::Native => {
                Extra { count: true, gpus: true, names: true, ephemeral_gib: true, exit_code: true }
            }
            TraceFormat::Swf => {
                Extra { count: input.swf_task_per_processor, exit_code: true, ..none }
            }
            TraceFormat::AlibabaV2017 | TraceFormat::AlibabaV2018 => {
                Extra { count: true, exit_code: true, ..none }
            }
            TraceFormat::Openb => Extra { gpus: true, exit_code: true, ..none },
            TraceFormat::Google2011 => Extra { exit_code: true, ..none },
            TraceFormat::AzurePacking2020 => none,
        }
    }

    fn of_generator(spec: &GeneratorSpec) -> Extra {
        Extra {
            count: spec.count != crate::base::distribution::Distribution::Constant(1.0),
            gpus: spec.sizes.iter().any(|size| size.gpus > 0),
            exit_code: spec.failure_ppm > 0,
            ..Extra::default()
        }
    }

    /// Whether column `index` of the native format is written.
    fn has(self, index: usize) -> bool {
        match index {
            4 => self.count,
            5 => self.gpus,
            6 | 7 => self.names,
            8 => self.ephemeral_gib,
            9 => self.exit_code,
            _ => true,
        }
    }
}

/// Writes a header line and all rows of `rows`; the caller flushes. Returns how many rows were written.
///
/// # Errors
/// Reading the rows, or writing.
pub fn write_native(
    rows: &mut dyn TaskStream,
    extra: Extra,
    out: &mut dyn Write,
) -> Result<u64, WriteError> {
    let header: Vec<&str> = native::COLUMNS
        .iter()
        .enumerate()
        .filter(|(index, _)| extra.has(*index))
        .map(|(_, column)| column.name)
        .collect();
    let mut line = header.join(",").into_bytes();
    line.push(b'\n');
    out.write_all(&line)?;
    let mut written = 0;
    while let Some(row) = rows.next_row()? {
        line.clear();
        write_row(&mut line, &row, rows.names(), extra);
        out.write_all(&line)?;
        written += 1;
    }
    Ok(written)
}

/// Why a trace could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The rows cannot be read.
    #[error(transparent)]
    Trace(#[from] TraceProblem),
    /// The output cannot be written.
    #[error("cannot write: {0}")]
    Output(#[from] std::io::Error),
}

fn write_row(line: &mut Vec<u8>, row: &TaskRow, names: &[String], extra: Extra) {
    decimal::write_scaled(line, row.arrival.0, 6);
    write_whole(line, row.cpu.map(u64::from));
    write_whole(line, row.memory.map(u64::from));
    line.push(b',');
    if let Some(duration) = row.duration {
        decimal::write_scaled(line, duration.0, 6);
    }
    if extra.count {
        write_whole(line, Some(u64::from(row.count)));
    }
    if extra.gpus {
        write_whole(line, row.gpus.map(u64::from));
    }
    if extra.names {
        write_name(line, row.definition, names);
        write_name(line, row.group, names);
    }
    if extra.ephemeral_gib {
        write_whole(line, row.ephemeral_gib.map(u64::from));
    }
    if extra.exit_code {
        write_whole(line, Some(u64::from(row.exit_code)));
    }
    line.push(b'\n');
}

fn write_whole(line: &mut Vec<u8>, value: Option<u64>) {
    line.push(b',');
    if let Some(value) = value {
        line.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }
}

/// Names have no character that would need quotes: the readers see to that.
fn write_name(line: &mut Vec<u8>, name: Option<NameId>, names: &[String]) {
    line.push(b',');
    if let Some(NameId(index)) = name {
        line.extend_from_slice(names[index as usize].as_bytes());
    }
}
