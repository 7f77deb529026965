//! Rows kept in memory to be sorted: 48 bytes each, sorted in place.

use super::stream::{Adjustments, RawRow};
use crate::base::time::{SimSpan, SimTime};
use crate::model::arrival::{NameId, TaskRow};

/// Stands for "not given" in a packed field; no input reaches it.
const NONE_32: u32 = u32::MAX;
const NONE_16: u16 = u16::MAX;
const NONE_64: u64 = u64::MAX;

/// A [`RawRow`] without the room that `Option`s take.
pub(super) struct PackedRow {
    /// Arrival on the trace's clock.
    pub at: i64,
    duration: u64,
    /// Line of the file: equal arrivals stay in file order.
    line: u32,
    cpu: u32,
    memory: u32,
    count: u32,
    definition: u32,
    group: u32,
    adjusted: Adjustments,
    gpus: u16,
    ephemeral_gib: u16,
    exit_code: u8,
}

impl PackedRow {
    /// Packs the row of `line`.
    pub fn new(raw: &RawRow, line: u32) -> Self {
        let row = &raw.row;
        PackedRow {
            at: raw.at,
            duration: row.duration.map_or(NONE_64, |d| d.0),
            line,
            cpu: row.cpu.unwrap_or(NONE_32),
            memory: row.memory.unwrap_or(NONE_32),
            count: row.count,
            definition: row.definition.map_or(NONE_32, |n| n.0),
            group: row.group.map_or(NONE_32, |n| n.0),
            adjusted: raw.adjusted,
            gpus: row.gpus.unwrap_or(NONE_16),
            ephemeral_gib: row.ephemeral_gib.unwrap_or(NONE_16),
            exit_code: row.exit_code,
        }
    }

    /// The row again.
    pub fn unpack(&self) -> RawRow {
        let given = |value: u32| (value != NONE_32).then_some(value);
        let given_16 = |value: u16| (value != NONE_16).then_some(value);
        let row = TaskRow {
            arrival: SimTime::ZERO,
            cpu: given(self.cpu),
            memory: given(self.memory),
            gpus: given_16(self.gpus),
            duration: (self.duration != NONE_64).then_some(SimSpan(self.duration)),
            count: self.count,
            definition: given(self.definition).map(NameId),
            group: given(self.group).map(NameId),
            ephemeral_gib: given_16(self.ephemeral_gib),
            exit_code: self.exit_code,
        };
        RawRow { at: self.at, line: u64::from(self.line), row, adjusted: self.adjusted }
    }
}

/// Sorts by arrival; rows that arrive together stay in file order.
pub(super) fn sort_rows(rows: &mut [PackedRow]) {
    rows.sort_unstable_by_key(|row| (row.at, row.line));
}
