//! Bad and unusual input, case by case: what is refused says where, what is not reads the same.

use crate::trace_support::{Chunked, gzip, input, native, native_error, read, read_from};
use ecsim::model::workload::{OnRowError, Order, TraceFormat};
use std::io::Cursor;

const HEADER: &str = "arrival_s,cpu,memory_mib,duration_s\n";
const GOOD: &str = "arrival_s,cpu,memory_mib,duration_s\n0,256,512,60\n1.5,512,1024,7.25\n";

#[test]
fn a_bad_value_is_refused_at_its_line_and_column() {
    for (row, expected) in [
        ("NaN,1,1,1", "t.csv:2:1: arrival_s is \"NaN\": not a plain decimal number"),
        ("inf,1,1,1", "t.csv:2:1: arrival_s is \"inf\": not a plain decimal number"),
        ("-1,1,1,1", "t.csv:2:1: arrival_s is \"-1\": must not be negative"),
        (",1,1,1", "t.csv:2:1: arrival_s is empty"),
        ("1e308,1,1,1", "t.csv:2:1: arrival_s is \"1e308\": not a plain decimal number"),
        ("9999999999,1,1,1", "t.csv:2:1: arrival_s is \"9999999999\": later than 100 years"),
        ("0,1.5,1,1", "t.csv:2:3: cpu is \"1.5\": not a whole number"),
        ("0,9999999999,1,1", "t.csv:2:3: cpu is \"9999999999\": more than 1073741824"),
        ("0,1,-1,1", "t.csv:2:5: memory_mib is \"-1\": must not be negative"),
        ("0,1,1,1e9", "t.csv:2:7: duration_s is \"1e9\": not a plain decimal number"),
        ("0,1,1", "t.csv:2:1: the row has 3 fields, the header has 4"),
        ("0,1,1,1,1", "t.csv:2:1: the row has 5 fields, the header has 4"),
        ("0,1,1,\"1", "t.csv:2:7: the quote opened here is not closed on this line"),
        ("1700000000000,1,1,1", "t.csv:2:1: arrival_s is \"1700000000000\": later than 100 years"),
        ("31700000,1,1,1", "t.csv:2:1: the row is 366 d after the beginning, more than a year"),
        ("0,1,\u{0}1,1", "t.csv:2:5: a NUL byte"),
    ] {
        let error = native_error(&format!("{HEADER}{row}\n"));
        assert!(error.starts_with(expected), "{row}: {error}");
    }
}

#[test]
fn a_row_without_a_size_is_refused_where_no_definition_gives_one() {
    let mut bare = input(TraceFormat::Native);
    bare.rows_give_size = true;
    for (row, expected) in [
        ("0,,,60", "t.csv:2:3: cpu is empty, and no task definition says it"),
        ("0,,512,60", "t.csv:2:3: cpu is empty, and no task definition says it"),
        ("0,256,,60", "t.csv:2:7: memory_mib is empty, and no task definition says it"),
    ] {
        let text = format!("{HEADER}{row}\n");
        let error = read(text.as_bytes(), &bare).unwrap_err().0;
        assert!(error.starts_with(expected), "{row}: {error}");
        assert_eq!(native(&text).unwrap().counts.used, 1, "a task definition may say it");
    }
    let named = "arrival_s,cpu,memory_mib,duration_s,task_definition\n0,,,60,web\n";
    assert_eq!(read(named.as_bytes(), &bare).unwrap().counts.used, 1);
    bare.on_error = OnRowError::Skip;
    let counts = read(format!("{HEADER}0,,,60\n0,1,1,60\n").as_bytes(), &bare).unwrap().counts;
    assert_eq!(counts.skipped["a task without a size"], 1);
    let error = native_error(&format!("{HEADER}0,256,0,60\n"));
    assert!(error.starts_with("t.csv:2:7: memory_mib is \"0\": must be at least 1"), "{error}");
}

#[test]
fn rows_out_of_order_name_both_lines_and_can_be_sorted() {
    let text = format!("{HEADER}5,1,1,1\n\n3,2,1,1\n");
    let expected = "t.csv:4:1: the row arrives at 3 s, before the row on line 2 at 5 s\n  \
                    = help: sort the file by arrival, or read it with order = \"sort\"";
    assert_eq!(native_error(&text), expected);
    let mut sorted = input(TraceFormat::Native);
    sorted.order = Some(Order::Sort);
    let rows = read(text.as_bytes(), &sorted).unwrap().rows;
    assert_eq!(rows.iter().map(|row| row.cpu).collect::<Vec<_>>(), [Some(2), Some(1)]);
}

#[test]
fn unix_time_counts_from_the_first_row() {
    let text = format!("{HEADER}1763000000,1,1,1\n1763000030,1,1,1\n");
    for order in [None, Some(Order::Sort)] {
        let mut sorted = input(TraceFormat::Native);
        sorted.order = order;
        let whole = read(text.as_bytes(), &sorted).unwrap();
        let arrivals: Vec<u64> = whole.rows.iter().map(|row| row.arrival.0).collect();
        assert_eq!(arrivals, [0, 30_000_000]);
        assert_eq!(whole.counts.adjusted["Unix time: the first row is at the beginning"], 2);
    }
    for (rows, expected) in [
        (
            "0,1,1,1\n1763000000,1,1,1\n",
            "seconds since 1970 (Unix time), but the rows above have seconds",
        ),
        ("1763000000,1,1,1\n5,1,1,1\n", "seconds, but the rows above have seconds since 1970"),
        ("1763000000,1,1,1\n2026-11-21T00:00:00Z,1,1,1\n", "RFC 3339 instants, but the rows above"),
        (
            "1970-01-01T00:00:00Z,1,1,1\n2026-11-21T00:00:00Z,1,1,1\n",
            "t.csv:3:1: the row is 20778 d after",
        ),
    ] {
        let error = native_error(&format!("{HEADER}{rows}"));
        assert!(error.contains(expected), "{rows}: {error}");
    }
    // In a sorted trace the line is that of the file.
    let mut sorted = input(TraceFormat::Native);
    sorted.order = Some(Order::Sort);
    let rows =
        "2026-11-21T00:00:00Z,1,1,1\n2026-11-22T00:00:00Z,1,1,1\n1970-01-01T00:00:00Z,1,1,1\n";
    let error = read(format!("{HEADER}{rows}").as_bytes(), &sorted).unwrap_err().0;
    assert!(error.starts_with("t.csv:2:1: the row is 20778 d after the row before"), "{error}");
    // Milliseconds are fine where the scenario says so.
    let mut scaled = input(TraceFormat::Native);
    scaled.time_scale_ppm = 1_000;
    let text = format!("{HEADER}0,1,1,1\n90000000,1,1,1\n");
    assert_eq!(read(text.as_bytes(), &scaled).unwrap().rows[1].arrival.0, 90_000_000_000);
}

#[test]
fn a_bad_header_tells_all_its_mistakes_and_the_known_columns() {
    let error = native_error("arival_s,cpu,cpu,memory_mib\n");
    assert!(error.starts_with(
        "t.csv:1:1: bad header: unknown column \"arival_s\" (did you mean arrival_s?)"
    ));
    assert!(
        error.contains("column \"cpu\" is there twice; missing arrival_s, duration_s"),
        "{error}"
    );
    assert!(
        error.contains("= help: required: arrival_s, duration_s; optional: cpu, memory_mib, count")
    );
}

#[test]
fn line_ends_marks_comments_and_blanks_do_not_change_the_rows() {
    let rows = native(GOOD).unwrap().rows;
    for text in [
        GOOD.trim_end().to_string(),
        format!("\u{feff}{GOOD}"),
        GOOD.replace('\n', "\r\n"),
        GOOD.replace('\n', "\r"),
        GOOD.replace('\n', "\n\n# a comment, with \"quotes\n  \n"),
        GOOD.replace(',', " , "),
        GOOD.replace("256", "\"256\""),
    ] {
        assert_eq!(native(&text).map(|whole| whole.rows), Ok(rows.clone()), "{text:?}");
    }
    assert_eq!(native(HEADER).unwrap().rows, []);
    assert!(native_error("").starts_with("t.csv: is empty"));
}

#[test]
fn skipped_rows_are_counted_by_reason_and_so_is_the_limit() {
    let mut lenient = input(TraceFormat::Native);
    lenient.on_error = OnRowError::Skip;
    lenient.limit = Some(1);
    let text = format!("{HEADER}x,1,1,1\n1,1,1,1\n2,1,1,1\n3,1\n");
    let counts = read(text.as_bytes(), &lenient).unwrap().counts;
    let skipped: Vec<_> = counts.skipped.iter().map(|(why, n)| (why.as_str(), *n)).collect();
    assert_eq!(skipped, [("beyond the row limit", 1), ("not a number", 1), ("too few fields", 1)]);
}

#[test]
fn every_cut_of_a_gzip_file_and_rubbish_behind_it_are_errors() {
    let packed = gzip(GOOD.as_bytes());
    let native = input(TraceFormat::Native);
    assert_eq!(read(&packed, &native), read(GOOD.as_bytes(), &native));
    for cut in 0..packed.len() {
        assert!(read(&packed[..cut], &native).is_err(), "cut at {cut}");
    }
    let rubbish = [&packed[..], b"rubbish"].concat();
    assert!(read(&rubbish, &native).is_err());
    let two = [gzip(HEADER.as_bytes()), gzip(b"0,1,1,1\n")].concat();
    assert_eq!(read(&two, &native).unwrap().counts.used, 1);
    assert!(read(&gzip(&packed), &native).unwrap_err().0.starts_with("t.csv: is compressed twice"));
}

#[test]
fn long_lines_and_bombs_are_refused() {
    let long = format!("{HEADER}{}\n", "1".repeat(10 << 20));
    assert!(native_error(&long).starts_with("t.csv:2:1: the line is longer than 1 MiB"));
    let mut small = input(TraceFormat::Native);
    small.max_expanded_bytes = 1 << 20;
    let bomb = gzip(&[HEADER.as_bytes(), &b"0,1,1,1\n".repeat(1 << 18)].concat());
    assert!(read(&bomb, &small).unwrap_err().0.contains("holds more than 1048576 bytes"));
}

#[test]
fn the_size_of_a_read_does_not_change_the_rows() {
    let native = input(TraceFormat::Native);
    let text = GOOD.replace('\n', "\r\n");
    for bytes in [text.clone().into_bytes(), gzip(text.as_bytes())] {
        let whole = read(&bytes, &native);
        for size in [1, 2, 7, 4096] {
            assert_eq!(read_from(Chunked(Cursor::new(bytes.clone()), size), &native), whole);
        }
    }
}
