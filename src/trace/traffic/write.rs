//! Traffic to a native trace: `time_s,requests_per_s`, one row each time the rate changes.
//!
//! A rate is written to a millionth of a request a second. What that rounds off is added to the next rate, so that
//! the requests of the whole trace stay right to less than one. A last row of 0 closes the trace.

use crate::base::decimal::write_scaled;
use crate::model::traffic::RateStream;
use crate::trace::write::WriteError;
use std::io::Write;

/// Writes all segments of `traffic`; how many rows.
///
/// # Errors
/// The trace cannot be read further, or `out` not be written.
pub fn write_rates(traffic: &mut dyn RateStream, out: &mut dyn Write) -> Result<u64, WriteError> {
    out.write_all(b"time_s,requests_per_s\n")?;
    let (mut rows, mut before, mut rest, mut end) = (0, None, 0u128, 0);
    let mut line = Vec::new();
    let mut put = |at: u64, rate: u64| -> Result<(), WriteError> {
        line.clear();
        write_scaled(&mut line, at, 6);
        line.push(b',');
        write_scaled(&mut line, rate, 6);
        line.push(b'\n');
        Ok(out.write_all(&line)?)
    };
    while let Some(segment) = traffic.next_segment()? {
        end = segment.end.0;
        let rate = if segment.micro == 0 {
            0
        } else {
            let length = u128::from(segment.end.0 - segment.start.0);
            let sum = u128::from(segment.micro) * 1_000_000 + rest;
            rest = sum % length;
            u64::try_from(sum / length).unwrap_or(u64::MAX)
        };
        if before != Some(rate) {
            put(segment.start.0, rate)?;
            rows += 1;
            before = Some(rate);
        }
    }
    if before.is_some() {
        put(end, 0)?;
        rows += 1;
    }
    Ok(rows)
}
