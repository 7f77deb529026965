//! Rows per second of the trace readers and of the generator.

use criterion::{BatchSize, Criterion, Throughput};
use ecsim::base::distribution::Distribution;
use ecsim::base::random::Seed;
use ecsim::base::time::SimTime;
use ecsim::model::arrival::TaskStream;
use ecsim::model::workload::{
    GeneratorSpec, RateShape, SizeShare, TraceFormat, TraceInput, Workload,
};
use ecsim::trace::write::{Extra, write_native};
use std::io::{Cursor, Write};

const ROWS: u64 = 100_000;

fn spec() -> GeneratorSpec {
    let sizes = [(256, 512, 4.0), (512, 1024, 3.0), (1024, 2048, 2.0), (2048, 8192, 1.0)];
    GeneratorSpec {
        name: "bench".into(),
        until: SimTime::parse_seconds(b"1000000").expect("a number"),
        limit: Some(ROWS),
        rate: RateShape {
            per_second: 35.0,
            daily_depth: 0.0,
            daily_peak_s: 0.0,
            weekend_factor: 1.0,
            bursts: None,
        },
        poisson: true,
        sizes: sizes
            .map(|(cpu, memory, weight)| SizeShare { cpu, memory, gpus: 0, weight })
            .to_vec(),
        duration: Some(Distribution::LogNormal { mean: 600.0, sigma: 1.0 }),
        count: Distribution::Constant(1.0),
        failure_ppm: 0,
    }
}

fn generated() -> Box<dyn TaskStream + Send> {
    ecsim::trace::open(&Workload::Generated(spec()), Seed(1)).expect("a valid specification")
}

fn native() -> Vec<u8> {
    let mut out = Vec::new();
    write_native(&mut *generated(), Extra::default(), &mut out).expect("memory can be written");
    out
}

fn swf() -> Vec<u8> {
    let mut out = Vec::new();
    for job in 0..ROWS {
        let run = 1 + job % 5_000;
        writeln!(out, "{job} {job} 0 {run} 4 -1 -1 4 9000 409600 1 1 1 -1 1 1 -1 -1")
            .expect("memory can be written");
    }
    out
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

fn drain(stream: &mut dyn TaskStream) -> u64 {
    let mut rows = 0;
    while stream.next_row().expect("a valid trace").is_some() {
        rows += 1;
    }
    rows
}

/// `trace/read/...`, `trace/generate` and `trace/write`, in rows per second.
pub fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("trace");
    group.throughput(Throughput::Elements(ROWS));
    let native = native();
    for (name, format, bytes) in [
        ("read/native", TraceFormat::Native, native.clone()),
        ("read/native_gz", TraceFormat::Native, gzip(&native)),
        ("read/swf", TraceFormat::Swf, swf()),
    ] {
        let input = TraceInput::new("bench", format);
        group.bench_function(name, |b| {
            b.iter_batched(
                || Cursor::new(bytes.clone()),
                |bytes| {
                    let mut stream = ecsim::trace::open_bytes(bytes, &input).expect("a trace");
                    assert_eq!(drain(&mut *stream), ROWS);
                },
                BatchSize::LargeInput,
            );
        });
    }
    // What the bare `csv` crate takes for the same bytes: the measure of our own reading.
    group.bench_function("read/bare_csv", |b| {
        b.iter_batched(
            || Cursor::new(native.clone()),
            |bytes| {
                let mut reader = csv::Reader::from_reader(bytes);
                let (mut record, mut rows) = (csv::ByteRecord::new(), 0);
                while reader.read_byte_record(&mut record).expect("a valid trace") {
                    rows += 1;
                }
                assert_eq!(rows, ROWS);
            },
            BatchSize::LargeInput,
        );
    });
    group.bench_function("generate", |b| b.iter(|| assert_eq!(drain(&mut *generated()), ROWS)));
    group.bench_function("write", |b| {
        b.iter(|| {
            let mut out = std::io::sink();
            let rows = write_native(&mut *generated(), Extra::default(), &mut out);
            assert_eq!(rows.expect("a sink takes everything"), ROWS);
        });
    });
    group.finish();
}
