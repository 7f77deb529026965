//! Traces: no bytes may cause a panic, every row is accounted for, every message says where, and it does not matter in
//! which pieces a file arrives.

use crate::trace_support::{Chunked, Whole, gzip, read_from};
use ecsim::model::arrival::TraceProblem;
use ecsim::model::workload::{OnRowError, Order, TraceFormat, TraceInput};
use std::io::Cursor;

/// A target: its name, and what must hold for any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target of this file.
pub const TARGETS: [Target; 8] = [
    ("trace_native", trace_native),
    ("trace_swf", trace_swf),
    ("trace_alibaba_v2017", trace_alibaba_v2017),
    ("trace_alibaba_v2018", trace_alibaba_v2018),
    ("trace_openb", trace_openb),
    ("trace_google_2011", trace_google_2011),
    ("trace_azure_packing_2020", trace_azure_packing_2020),
    ("trace_gzip", trace_gzip),
];

pub fn trace_native(data: &[u8]) {
    holds_for(data, TraceFormat::Native);
}

pub fn trace_swf(data: &[u8]) {
    holds_for(data, TraceFormat::Swf);
}

pub fn trace_alibaba_v2017(data: &[u8]) {
    holds_for(data, TraceFormat::AlibabaV2017);
}

pub fn trace_alibaba_v2018(data: &[u8]) {
    holds_for(data, TraceFormat::AlibabaV2018);
}

pub fn trace_openb(data: &[u8]) {
    holds_for(data, TraceFormat::Openb);
}

pub fn trace_google_2011(data: &[u8]) {
    holds_for(data, TraceFormat::Google2011);
}

pub fn trace_azure_packing_2020(data: &[u8]) {
    holds_for(data, TraceFormat::AzurePacking2020);
}

/// Bytes that may be a gzip file, and a gzip file of the bytes, which must read as they do.
pub fn trace_gzip(data: &[u8]) {
    holds_for(data, TraceFormat::Native);
    let input = input(TraceFormat::Native);
    let packed = read_in(&gzip(data), &input, usize::MAX);
    if data.starts_with(b"\x1f\x8b") {
        assert!(packed.unwrap_err().0.contains("is compressed twice"));
    } else {
        assert_eq!(packed, read_in(data, &input, usize::MAX));
    }
}

pub fn input(format: TraceFormat) -> TraceInput {
    let mut input = TraceInput::new("fuzz.csv", format);
    input.max_expanded_bytes = 1 << 20;
    input.max_rows = 10_000;
    input
}

pub fn read_in(data: &[u8], input: &TraceInput, chunk: usize) -> Result<Whole, TraceProblem> {
    read_from(Chunked(Cursor::new(data.to_vec()), chunk), input)
}

/// Reading checks that arrivals do not go back and that all rows are accounted for.
pub fn holds_for(data: &[u8], format: TraceFormat) {
    let strict = input(format);
    let mut lenient = strict.clone();
    (lenient.on_error, lenient.order) = (OnRowError::Skip, Some(Order::Sort));
    for input in [strict, lenient] {
        let whole = read_in(data, &input, usize::MAX);
        if let Err(problem) = &whole {
            says_where(&problem.0, data);
        }
        for chunk in [1, 2, 7, 4_096] {
            assert_eq!(read_in(data, &input, chunk), whole, "in pieces of {chunk}");
        }
    }
}

/// A message begins with `file:line:column: ` inside the text, or with `file: ` where it is about the file.
pub fn says_where(message: &str, data: &[u8]) {
    let rest = message.strip_prefix("fuzz.csv:").unwrap_or_else(|| panic!("{message}"));
    if rest.starts_with(' ') {
        return;
    }
    let mut parts = rest.splitn(3, ':');
    let mut number = || parts.next().and_then(|part| part.parse::<usize>().ok());
    let (line, column) = (number(), number());
    assert!(line.is_some_and(|line| line > 0), "{message}");
    assert!(column.is_some_and(|column| column > 0), "{message}");
    if !data.starts_with(b"\x1f\x8b") {
        let ends = data.iter().filter(|&&byte| byte == b'\n' || byte == b'\r').count();
        assert!(line <= Some(ends + 1), "{message}");
    }
    assert!(message.lines().skip(1).all(|line| line.starts_with("  = help: ")), "{message}");
    assert!(!message.contains(|c: char| c.is_control() && c != '\n'), "{message:?}");
}
