//! Hostile traces: no bytes may cause a panic, every row is accounted for, every message says where, and it does
//! not matter in which pieces a file arrives.
//!
//! The fuzz targets are in `fuzz/bodies`; the committed corpus and mutations of it from a fixed seed are
//! ordinary tests. The comma-separated dialect is also compared with a splitter that is too simple to be wrong.

use crate::fuzz_bodies::trace::{TARGETS, input, read_in};
use crate::support::random::drawn;
use ecsim::base::random::{Purpose, Seed, Stream};
use ecsim::model::workload::TraceFormat;
use proptest::prelude::*;
use std::path::{Path, PathBuf};

/// Mutations of the corpus per target.
const MUTATIONS: u64 = 600;

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has a corpus");
    files.into_iter().map(|file| (file.clone(), std::fs::read(file).unwrap())).collect()
}

#[test]
fn the_saved_corpus_holds() {
    for (name, target) in TARGETS {
        for (file, data) in corpus(name) {
            println!("{}", file.display());
            target(&data);
        }
    }
}

const DICTIONARY: [&[u8]; 30] = [
    b"NaN",
    b"-inf",
    b"1e400",
    b"-1",
    b"-0",
    b"+1",
    b"0x10",
    b"1_000",
    b"18446744073709551616",
    b"9223372036854775807",
    b"4294967295",
    b"99999999999999999999999999999999999999999999.9999999999999999999",
    b"0.0000004999999999999999999999999999",
    b"2026-11-21T09:30:00Z",
    b"-9999-01-01T00:00:00Z",
    b"\"",
    b"\"\"",
    b"\",\"",
    b",",
    b",,,,,,,,,,",
    b"\r",
    b"\n",
    b"\r\n",
    b"\n#",
    b";",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    "\u{202e}\u{200b}é".as_bytes(),
    b"Terminated",
];

fn mutated(data: &[u8], stream: &mut Stream) -> Vec<u8> {
    let mut data = data.to_vec();
    for _ in 0..=stream.below(4) {
        let at = stream.below(data.len() as u64 + 1) as usize;
        let end = (at + stream.below(20) as usize).min(data.len());
        let word = DICTIONARY[stream.below(DICTIONARY.len() as u64) as usize];
        match stream.below(6) {
            0 => drop(data.splice(at..at, word.iter().copied())),
            1 => drop(data.splice(at..end, word.iter().copied())),
            2 => drop(data.drain(at..end)),
            3 => {
                let piece = data[at..end].to_vec();
                let to = stream.below(data.len() as u64 + 1) as usize;
                drop(data.splice(to..to, piece));
            }
            4 => data.truncate(at),
            _ => {
                if let Some(byte) = data.get_mut(at) {
                    *byte ^= 1 << stream.below(8);
                }
            }
        }
    }
    data
}

#[test]
fn mutations_of_the_corpus_hold() {
    for (name, target) in TARGETS {
        let corpus = corpus(name);
        let mut stream = Seed(1).stream(Purpose::Test, name);
        for number in 0..MUTATIONS {
            let (_, data) = &corpus[stream.below(corpus.len() as u64) as usize];
            let data = mutated(data, &mut stream);
            let held = std::panic::catch_unwind(|| target(&data));
            assert!(held.is_ok(), "{name}, mutation {number}: {}", data.escape_ascii());
        }
    }
}

#[test]
fn every_cut_of_a_compressed_trace_is_an_error() {
    let [_, _, _, _, _, (_, whole)] = &corpus("trace_gzip")[..] else { panic!("six files") };
    let input = input(TraceFormat::Native);
    assert_eq!(read_in(whole, &input, 7).unwrap().counts.used, 40);
    for cut in 0..whole.len() {
        assert!(read_in(&whole[..cut], &input, usize::MAX).is_err(), "cut at {cut}");
    }
}

#[test]
fn damaged_compressed_traces_are_told_apart() {
    for (file, data) in corpus("trace_gzip") {
        let found = read_in(&data, &input(TraceFormat::Native), usize::MAX);
        let expected = match file.file_name().and_then(|name| name.to_str()).unwrap() {
            "whole.gz" | "two-members.gz" => {
                assert_eq!(found.unwrap().counts.used, 40);
                continue;
            }
            "cut.gz" => "fuzz.csv: the gzip data end too early: the file is cut",
            "twice.gz" => "fuzz.csv: is compressed twice",
            _ => "fuzz.csv: the gzip data are damaged",
        };
        let message = found.unwrap_err().0;
        assert!(message.starts_with(expected), "{}: {message}", file.display());
    }
}

/// Arrival, CPU, memory and duration of a native row.
type Row = (u64, Option<u64>, Option<u64>, Option<u64>);

/// Lines as an editor numbers them.
fn naive_lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.split('\n').map(str::to_string).collect()
}

/// The fields of one line; `None` where a quote is out of place.
fn naive_fields(line: &str) -> Option<Vec<String>> {
    let (mut fields, mut rest) = (Vec::new(), line);
    loop {
        let mut field = String::new();
        if let Some(mut inside) = rest.strip_prefix('"') {
            loop {
                let (before, after) = inside.split_once('"')?;
                field += before;
                match after.strip_prefix('"') {
                    Some(after) => (field, inside) = (field + "\"", after),
                    None => break rest = after,
                }
            }
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            (field, rest) = (rest[..end].to_string(), &rest[end..]);
            if field.contains('"') {
                return None;
            }
        }
        fields.push(field.trim_matches([' ', '\t']).to_string());
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None => return rest.is_empty().then_some(fields),
        }
    }
}

/// A decimal number in millionths, rounded half up; at most `most` of them.
fn naive_millionths(text: &str, most: u64) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let scaled: u128 = format!("{whole}{fraction:0<7}").get(..whole.len() + 7)?.parse().ok()?;
    u64::try_from((scaled + 5) / 10).ok().filter(|&value| value <= most)
}

/// The rows of a trace below its header, or the number of the first bad line.
fn naive_rows(text: &str) -> Result<Vec<Row>, usize> {
    const LATEST: u64 = 100 * 366 * 86_400 * 1_000_000;
    let follows = |last: u64, at: u64| last <= at && at - last <= LATEST / 100;
    let mut rows: Vec<Row> = Vec::new();
    for (index, line) in naive_lines(text).iter().enumerate().skip(1) {
        if line.starts_with('#') || line.trim_matches([' ', '\t']).is_empty() {
            continue;
        }
        let row = || -> Option<Row> {
            let fields = naive_fields(line)?;
            let [arrival, cpu, memory, duration] = &fields[..] else { return None };
            let optional = |text: &String, read: &dyn Fn(&str) -> Option<u64>| {
                if text.is_empty() { Some(None) } else { read(text).map(Some) }
            };
            let whole = |text: &str, most: u64| {
                let millionths = naive_millionths(text, most * 1_000_000)?;
                (!text.contains('.')).then_some(millionths / 1_000_000)
            };
            Some((
                naive_millionths(arrival, LATEST)?,
                optional(cpu, &|text| whole(text, 1 << 30))?,
                optional(memory, &|text| whole(text, 1 << 30).filter(|&memory| memory > 0))?,
                optional(duration, &|text| naive_millionths(text, LATEST))?,
            ))
        };
        match row() {
            Some(row) if follows(rows.last().map_or(0, |last| last.0), row.0) => rows.push(row),
            _ => return Err(index + 1),
        }
    }
    Ok(rows)
}

/// Text in which good rows, odd values and odd line ends are all likely.
fn trace_text() -> impl Strategy<Value = String> {
    const VALUES: [&str; 24] = [
        "0",
        "1",
        "2",
        "1.5",
        "12.",
        ".5",
        ".",
        "007",
        "1e3",
        "-1",
        "",
        "NaN",
        " 1",
        "1\t",
        "\"1\"",
        "\"1",
        "\"1\"\"\"",
        "\"1,2\"",
        "\"\"",
        "1\"",
        "99999999",
        "4294967296",
        "9999999999",
        "0.99999950000001",
    ];
    const ENDS: [&str; 8] = ["\n", "\r\n", "\r", "\n\n", "\r\r", "\n#,\"\n", "\n \t\n", "\n\r"];
    let value = prop_oneof![6 => 0..3usize, 1 => 0..VALUES.len()].prop_map(|at| VALUES[at]);
    let width = prop_oneof![20 => Just(4usize), 1 => 1..6usize];
    let fields = width.prop_flat_map(move |width| {
        proptest::collection::vec(value.clone(), width).prop_map(|fields| fields.join(","))
    });
    let good = Just("3,256,512,60".to_string());
    let line = (prop_oneof![1 => good, 2 => fields], 0..ENDS.len());
    proptest::collection::vec(line, 0..8).prop_map(|lines| {
        let header = "arrival_s,cpu,memory_mib,duration_s\n".to_string();
        lines.into_iter().fold(header, |text, (line, end)| text + &line + ENDS[end])
    })
}

proptest! {
    #![proptest_config(drawn(2_000))]

    #[test]
    fn the_dialect_is_that_of_a_simple_splitter(text in trace_text(), chunk in 1..50usize) {
        let expected = naive_rows(&text);
        match read_in(text.as_bytes(), &input(TraceFormat::Native), chunk) {
            Ok(whole) => {
                let rows: Vec<Row> = whole
                    .rows
                    .iter()
                    .map(|row| {
                        let (cpu, memory) = (row.cpu.map(u64::from), row.memory.map(u64::from));
                        (row.arrival.0, cpu, memory, row.duration.map(|span| span.0))
                    })
                    .collect();
                prop_assert_eq!(Ok(rows), expected);
            }
            Err(problem) => {
                let line = problem.0.split(':').nth(1).and_then(|line| line.parse().ok());
                prop_assert_eq!(line, expected.err(), "{}", problem.0);
            }
        }
    }
}
