//! Traffic: every format against small files of it and the published totals of real ones, and what is done to rates.

use crate::support::random::drawn;
use crate::trace_support::{Chunked, assert_accounted, gzip, shared};
use ecsim::base::random::{Purpose, Seed};
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::model::arrival::{RowCounts, TraceProblem};
use ecsim::model::traffic::{
    MICRO, RateEvent, RateGenerator, RateOrigin, RateSegment, RateSource, RateStream, RateTrace,
    TrafficFormat,
};
use ecsim::model::workload::{Bursts, OnRowError};
use ecsim::trace::traffic::profile::TrafficProfile;
use ecsim::trace::traffic::{open_traffic, open_traffic_bytes, write::write_rates};
use proptest::prelude::*;
use std::io::Cursor;
use std::path::Path;

fn trace(format: TrafficFormat) -> RateTrace {
    RateTrace::new("t.csv", format)
}

fn at(seconds: u64) -> SimTime {
    SimTime(seconds * 1_000_000)
}

/// Everything that a stream yields, checked to be contiguous from zero.
fn drain(stream: &mut dyn RateStream) -> Result<Vec<RateSegment>, TraceProblem> {
    let (mut segments, mut end) = (Vec::new(), SimTime::ZERO);
    while let Some(segment) = stream.next_segment()? {
        assert_eq!(segment.start, end, "segments have no gaps");
        assert!(segment.end > segment.start, "{segment:?}");
        end = segment.end;
        segments.push(segment);
        assert!(segments.len() < 5_000_000, "endless");
    }
    assert_eq!(stream.next_segment(), Ok(None), "the end is the end");
    Ok(segments)
}

fn read_all(
    bytes: &[u8],
    trace: &RateTrace,
    until: Option<SimTime>,
) -> Result<(Vec<RateSegment>, RowCounts), TraceProblem> {
    let mut stream = open_traffic_bytes(Cursor::new(bytes.to_vec()), trace, until)?;
    let segments = drain(&mut *stream)?;
    let counts = stream.counts().clone();
    assert_accounted(&counts);
    Ok((segments, counts))
}

/// Segments in a short form: end in seconds, and requests.
fn brief(segments: &[RateSegment]) -> Vec<(f64, f64)> {
    segments.iter().map(|s| (s.end.to_secs_f64(), s.micro as f64 / MICRO as f64)).collect()
}

fn read(text: &str, trace: &RateTrace, until: Option<SimTime>) -> Vec<(f64, f64)> {
    brief(&read_all(text.as_bytes(), trace, until).unwrap().0)
}

fn refusal(text: &str, trace: &RateTrace) -> String {
    read_all(text.as_bytes(), trace, Some(at(600))).expect_err("should be refused").0
}

fn total(segments: &[RateSegment]) -> u128 {
    segments.iter().map(|segment| u128::from(segment.micro)).sum()
}

#[test]
fn a_native_rate_holds_until_the_next_row_and_the_last_to_the_end() {
    let text = "time_s,requests_per_s\n10,2\n70,0.5\n";
    let native = trace(TrafficFormat::Native);
    let held = read(text, &native, Some(at(100)));
    assert_eq!(held, [(10.0, 0.0), (70.0, 120.0), (100.0, 15.0)]);
    // Without an end the last row holds as long as the one before.
    assert_eq!(read(text, &native, None)[2], (130.0, 30.0));
    let told = RateTrace { period: Some(SimSpan::from_secs(5)), ..native.clone() };
    assert_eq!(read(text, &told, None)[2], (75.0, 2.5));
    // A last row of zero closes the trace.
    assert_eq!(read("time_s,requests_per_s\n0,1\n9,0\n", &native, Some(at(50))), [(9.0, 9.0)]);
    // Calendar instants count from the first.
    let dates = "requests_per_s,time_s\n1,2026-11-21T09:30:00Z\n2,2026-11-21T10:31:00+01:00\n";
    assert_eq!(read(dates, &native, Some(at(120))), [(60.0, 60.0), (120.0, 120.0)]);
}

#[test]
fn rates_that_are_no_whole_millionths_lose_nothing() {
    // A millionth of a request a second for thirds of a second: 30 rows are 10 millionths.
    let mut text = String::from("time_s,requests_per_s\n");
    (0..=30).for_each(|row| {
        let rate = if row == 30 { "0" } else { "0.000001" };
        text += &format!("{}.{:06},{rate}\n", row / 3, row % 3 * 333_333);
    });
    let (segments, _) =
        read_all(text.as_bytes(), &trace(TrafficFormat::Native), Some(at(60))).unwrap();
    assert_eq!(total(&segments), 10);
}

#[test]
fn a_huge_rate_is_cut_into_spans_that_can_be_counted() {
    let text = "time_s,requests_per_s\n0,1000000000\n31536000,0\n";
    let (segments, _) = read_all(text.as_bytes(), &trace(TrafficFormat::Native), None).unwrap();
    assert_eq!(total(&segments), 31_536_000 * 1_000_000_000 * u128::from(MICRO));
    assert!(segments.len() > 1);
}

#[test]
fn cloudwatch_sums_begin_at_their_instant_and_lost_rows_are_zero() {
    let text = "timestamp,value\n2014-04-10 00:04:00,94.0\n2014-04-10 00:09:00,56.0\n\
        2014-04-10 00:14:00,187.0\n2014-04-10 00:24:00,95.5\n2014-04-10 00:28:00,1\n2014-04-10 00:33:00,2\n";
    let (segments, counts) =
        read_all(text.as_bytes(), &trace(TrafficFormat::Cloudwatch), None).unwrap();
    let expected = [
        (300.0, 94.0),
        (600.0, 56.0),
        (900.0, 187.0),
        (1_200.0, 0.0),
        (1_440.0, 95.5),
        (1_740.0, 1.0),
        (2_040.0, 2.0),
    ];
    assert_eq!(brief(&segments), expected);
    let adjusted: Vec<u64> = counts.adjusted.values().copied().collect();
    assert_eq!(adjusted, [1, 1], "{counts:?}");
    let one = "timestamp,value\n2014-04-10 00:04:00,94.0\n";
    let problem = refusal(one, &trace(TrafficFormat::Cloudwatch));
    assert!(problem.contains("t.csv: has one row") && problem.contains("= help"), "{problem}");
    let told =
        RateTrace { period: Some(SimSpan::from_secs(60)), ..trace(TrafficFormat::Cloudwatch) };
    assert_eq!(read(one, &told, None), [(60.0, 94.0)]);
}

#[test]
fn counts_are_those_of_a_minute_and_missing_minutes_are_zero() {
    let text = "period,count\n1998-05-01 00:00:00,3\n1998-05-01 00:03:00,4\n";
    let (segments, counts) =
        read_all(text.as_bytes(), &trace(TrafficFormat::Counts), None).unwrap();
    assert_eq!(brief(&segments), [(60.0, 3.0), (180.0, 0.0), (240.0, 4.0)]);
    assert_eq!(counts.adjusted.values().sum::<u64>(), 2);
    assert!(
        refusal("period,count\n1998-05-01 00:00:00,3.5\n", &trace(TrafficFormat::Counts))
            .starts_with("t.csv:2:21: count is \"3.5\": not a whole number")
    );
}

#[test]
fn a_count_list_may_be_one_line_or_many() {
    let list = trace(TrafficFormat::CountList);
    let seconds = [(1.0, 3.0), (2.0, 0.0), (3.0, 12.0)];
    for text in ["3 0 12", " 3\t0 12 \n", "3\r\n0\r\n12\r\n", "\u{feff}3\n\n0 12"] {
        assert_eq!(read(text, &list, None), seconds, "{text:?}");
        assert_eq!(brief(&read_all(&gzip(text.as_bytes()), &list, None).unwrap().0), seconds);
    }
    let minutes = RateTrace { period: Some(SimSpan::from_secs(60)), ..list.clone() };
    assert_eq!(read("5 6", &minutes, None), [(60.0, 5.0), (120.0, 6.0)]);
    let skips = RateTrace { on_error: OnRowError::Skip, ..list.clone() };
    let (segments, counts) = read_all(b"1 x -2 1e9 4", &skips, None).unwrap();
    assert_eq!(brief(&segments)[4], (5.0, 4.0), "time goes on where a number is skipped");
    assert_eq!((counts.read, counts.used, counts.skipped.len()), (5, 2, 2), "{counts:?}");
    assert!(refusal("1 2\n3 4,5", &list).starts_with("t.csv:2:3: the count is \"4,5\""));
    assert!(refusal(&"9".repeat(5_000), &list).contains("longer than any number"));
}

const ANSWER: &str = r#"{
  "MetricDataResults": [
    { "Id": "cpu", "Label": "CPU", "Timestamps": ["2026-11-20T00:05:00+00:00"], "Values": [-3.5] },
    { "Id": "alb", "Label": "Requests", "StatusCode": "Complete",
      "Timestamps": ["2026-11-20T00:15:00+00:00", "2026-11-20T00:05:00+00:00", "2026-11-20T00:00:00Z"],
      "Values": [30, 1.5e1, 7.25] }
  ] }"#;

#[test]
fn get_metric_data_is_read_by_id_or_label_in_any_order() {
    let all = trace(TrafficFormat::GetMetricData);
    let of = |series: &str| RateTrace { series: Some(series.into()), ..all.clone() };
    let expected = [(300.0, 7.25), (600.0, 15.0), (900.0, 0.0), (1_200.0, 30.0)];
    for series in ["alb", "Requests"] {
        assert_eq!(read(ANSWER, &of(series), None), expected, "{series}");
    }
    let problem = refusal(ANSWER, &all);
    assert!(problem.contains("has 2 series") && problem.contains("\"alb\", \"cpu\""), "{problem}");
    assert!(refusal(ANSWER, &of("abl")).contains("did you mean alb?"));
    let problem = refusal(ANSWER, &of("cpu"));
    assert!(
        problem.starts_with("t.csv:3:92: the value is \"-3.5\": must not be negative"),
        "{problem}"
    );
    // The first CLI wrote seconds since 1970.
    let first = r#"{"MetricDataResults":[{"Id":"a","Timestamps":[120,60],"Values":[1,2]}]}"#;
    assert_eq!(read(first, &all, None), [(60.0, 2.0), (120.0, 1.0)]);
}

#[test]
fn a_cut_answer_of_get_metric_data_is_refused() {
    let all = trace(TrafficFormat::GetMetricData);
    let partial = r#"{"MetricDataResults":[{"Id":"a","Timestamps":[60,0],"Values":[1,2],"StatusCode":"PartialData"}]}"#;
    assert!(refusal(partial, &all).contains("PartialData"));
    let skips = RateTrace { on_error: OnRowError::Skip, ..all.clone() };
    assert_eq!(read_all(partial.as_bytes(), &skips, None).unwrap().1.adjusted.len(), 1);
    for (text, part) in [
        ("", "is empty"),
        ("{", "t.csv:1:1: EOF while parsing"),
        ("[]", "t.csv:1:"),
        ("{}", "missing field `MetricDataResults`"),
        (r#"{"MetricDataResults":[]}"#, "has no series"),
        (r#"{"MetricDataResults":[],"NextToken":"x"}"#, "has no series"),
        (
            r#"{"MetricDataResults":[{"Id":"a","Timestamps":[60],"Values":[]}]}"#,
            "1 Timestamps but 0",
        ),
        (
            r#"{"MetricDataResults":[{"Id":"a","Timestamps":[60,60],"Values":[1,2]}]}"#,
            "is there twice",
        ),
        (r#"{"MetricDataResults":[{"Id":"a","Timestamps":["x"],"Values":[1]}]}"#, "not an instant"),
        (r#"{"MetricDataResults":[{"Id":"a","Timestamps":[0],"Values":["1"]}]}"#, "not a number"),
        (r#"{"MetricDataResults":[{"Id":"a","Timestamps":[0],"Values":[1e40]}]}"#, "more than"),
    ] {
        let problem = refusal(text, &all);
        assert!(problem.starts_with("t.csv:") && problem.contains(part), "{text}: {problem}");
    }
}

#[test]
fn bad_rows_are_refused_with_their_place_or_counted_by_reason() {
    let native = trace(TrafficFormat::Native);
    let table = [
        ("1,NaN", "2:3", "not a number"),
        ("1,inf", "2:3", "not a number"),
        ("1,-1", "2:3", "a value is negative"),
        ("1,-0", "2:3", "a value is negative"),
        ("1,1e400", "2:3", "not a number"),
        ("1,1_000", "2:3", "not a number"),
        ("1,", "2:3", "a value is missing"),
        ("1,99999999999999", "2:3", "a value is too large"),
        ("1,18446744073709551616", "2:3", "a value is too large"),
        (",1", "2:1", "a value is missing"),
        ("-1,1", "2:1", "a value is negative"),
        ("x,1", "2:1", "not a number"),
        ("99999999999999,1", "2:1", "too late"),
        ("2026-11-21 09:30:00,1", "2:1", "not a number"),
        ("1", "2:1", "too few fields"),
        ("1,2,3", "2:1", "too many fields"),
        ("1,\"2", "2:3", "misplaced quote"),
        ("1,\"2\"x", "2:5", "misplaced quote"),
    ];
    for (row, place, reason) in table {
        let text = format!("time_s,requests_per_s\n{row}\n");
        let problem = refusal(&text, &native);
        assert!(problem.starts_with(&format!("t.csv:{place}: ")), "{row}: {problem}");
        let skips = RateTrace { on_error: OnRowError::Skip, ..native.clone() };
        let counts = read_all(text.as_bytes(), &skips, None).unwrap().1;
        assert_eq!(counts.skipped.get(reason), Some(&1), "{row}: {counts:?}");
    }
    // Blanks around a field do not count, as in every trace.
    assert_eq!(read("time_s, requests_per_s\n0, 1\n", &native, Some(at(5))), [(5.0, 5.0)]);
}

#[test]
fn rows_out_of_order_name_both_lines() {
    let native = trace(TrafficFormat::Native);
    let header = "time_s,requests_per_s\n";
    let back = refusal(&format!("{header}5,1\n3,1\n"), &native);
    assert!(
        back.starts_with("t.csv:3:1: time_s is \"3\": earlier than the row on line 2"),
        "{back}"
    );
    let twice = refusal(&format!("{header}5,1\n5.0,1\n"), &native);
    assert!(twice.contains("the same instant as on line 2"), "{twice}");
    let mixed = refusal(&format!("{header}5,1\n2026-11-21T00:00:00Z,1\n"), &native);
    assert!(mixed.contains("but the rows above have seconds"), "{mixed}");
    let skips = RateTrace { on_error: OnRowError::Skip, ..native };
    let text = format!("{header}0,1\n5,2\n3,9\n5,9\n10,0\n");
    let (segments, counts) = read_all(text.as_bytes(), &skips, None).unwrap();
    assert_eq!(brief(&segments), [(5.0, 5.0), (10.0, 10.0)]);
    assert_eq!(counts.skipped.len(), 2, "{counts:?}");
}

#[test]
fn a_file_without_rows_is_no_traffic_and_an_empty_one_is_refused() {
    for (format, header) in [
        (TrafficFormat::Native, "time_s,requests_per_s\r\n"),
        (TrafficFormat::Cloudwatch, "\u{feff}timestamp,value\n"),
        (TrafficFormat::Counts, "# a comment\nperiod,count"),
        (TrafficFormat::CountList, " \n"),
    ] {
        for repeat in [false, true] {
            let empty = RateTrace { repeat, ..trace(format) };
            assert_eq!(read(header, &empty, Some(at(9))), [], "{format:?}");
        }
        assert!(refusal("", &trace(format)).starts_with("t.csv: is empty"));
    }
    let problem = refusal("time,rps\n", &trace(TrafficFormat::Native));
    assert!(problem.starts_with("t.csv:1:1: bad header: unknown column \"time\""), "{problem}");
    let folder =
        RateSource::of(RateTrace::new(env!("CARGO_MANIFEST_DIR"), TrafficFormat::CountList));
    let problem = open_traffic(&[Some(&folder)], None, 0, Seed(1)).err().unwrap().0;
    assert!(problem.contains("is a directory"), "{problem}");
}

#[test]
fn a_gzip_file_cut_at_any_byte_is_an_error() {
    let text = "time_s,requests_per_s\n0,1\n60,2\n120,0\n";
    let whole = gzip(text.as_bytes());
    for length in 0..whole.len() {
        let cut = read_all(&whole[..length], &trace(TrafficFormat::Native), None);
        assert!(cut.is_err(), "{length} of {} bytes", whole.len());
    }
}

#[test]
fn limits_hold_in_every_format() {
    for (format, text) in [
        (TrafficFormat::Native, "time_s,requests_per_s\n0,1\n1,2\n2,3\n"),
        (TrafficFormat::CountList, "1 2 3"),
        (TrafficFormat::Counts, "period,count\n0,1\n60,2\n120,3\n"),
        (
            TrafficFormat::GetMetricData,
            r#"{"MetricDataResults":[{"Id":"a","Timestamps":[0,1,2],"Values":[1,2,3]}]}"#,
        ),
    ] {
        let rows = RateTrace { max_rows: 2, ..trace(format) };
        assert!(refusal(text, &rows).contains("has more than 2 rows"), "{format:?}");
        let bytes = RateTrace { max_expanded_bytes: 4, ..trace(format) };
        assert!(refusal(text, &bytes).contains("holds more than 4 bytes"), "{format:?}");
    }
    // A bomb of ten million zeros.
    let bomb = gzip(&b"0 ".repeat(5_000_000));
    let limited = RateTrace { max_expanded_bytes: 1 << 20, ..trace(TrafficFormat::CountList) };
    assert!(read_all(&bomb, &limited, None).unwrap_err().0.contains("holds more than"));
}

/// A source in a file of its own.
fn in_file(folder: &Path, name: &str, text: &str, format: TrafficFormat) -> RateSource {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    RateSource::of(RateTrace::new(path, format))
}

fn open_one(source: &RateSource, until: Option<SimTime>) -> Result<Vec<RateSegment>, TraceProblem> {
    drain(&mut *open_traffic(&[Some(source)], until, 0, Seed(1))?.remove(0).unwrap())
}

fn tune(source: &RateSource, change: impl FnOnce(&mut RateTrace)) -> RateSource {
    let mut source = source.clone();
    if let RateOrigin::Trace(trace) = &mut source.origin {
        change(trace);
    }
    source
}

#[test]
fn skip_repeat_shift_scale_and_resample_do_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let source = in_file(folder.path(), "c", "10 20 30 40 50", TrafficFormat::CountList);
    let open = |source: &RateSource, until| brief(&open_one(source, until).unwrap());
    let skipped = tune(&source, |trace| trace.skip = SimSpan::from_millis(1_500));
    assert_eq!(open(&skipped, None), [(0.5, 10.0), (1.5, 30.0), (2.5, 40.0), (3.5, 50.0)]);
    let repeated = tune(&skipped, |trace| trace.repeat = true);
    let laps = open(&repeated, Some(at(4)));
    assert_eq!(laps[3..6], [(3.5, 50.0), (4.0, 10.0), (5.0, 30.0)]);
    let shifted = RateSource { shift: SimSpan::from_secs(9), ..source.clone() };
    assert_eq!(open(&shifted, None)[..2], [(9.0, 0.0), (10.0, 10.0)]);
    let halved = RateSource { scale_ppm: 500_000, ..source.clone() };
    assert_eq!(open(&halved, None)[0], (1.0, 5.0));
    let gridded = RateSource { resample: Some(SimSpan::from_secs(2)), ..source.clone() };
    assert_eq!(open(&gridded, None), [(2.0, 30.0), (4.0, 70.0), (5.0, 50.0)]);
    // What is coarser than the grid stays as it is.
    let coarse =
        in_file(folder.path(), "n", "time_s,requests_per_s\n1,1\n9,0\n", TrafficFormat::Native);
    let coarse = RateSource { resample: Some(SimSpan::from_secs(2)), ..coarse };
    assert_eq!(open(&coarse, None), [(2.0, 1.0), (8.0, 6.0), (9.0, 1.0)]);
    let late = tune(&source, |trace| trace.skip = SimSpan::from_secs(5));
    assert!(open_one(&late, None).unwrap_err().0.contains("is over before the 5 s"));
    let vast = RateSource { scale_ppm: u64::MAX, ..source };
    assert!(open_one(&vast, None).unwrap_err().0.contains("more requests in one period"));
}

#[test]
fn services_that_share_a_file_get_what_each_would_get_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..5_000).map(|n| format!("{} ", n * 7 % 101)).collect();
    let base = in_file(folder.path(), "shared", &text, TrafficFormat::CountList);
    let other =
        in_file(folder.path(), "other", "time_s,requests_per_s\n0,3\n", TrafficFormat::Native);
    let sources = [
        base.clone(),
        RateSource { scale_ppm: 1_234_567, ..base.clone() },
        RateSource {
            shift: SimSpan::from_secs(77),
            resample: Some(SimSpan::from_secs(60)),
            ..base.clone()
        },
        tune(&base, |trace| (trace.skip, trace.repeat) = (SimSpan::from_secs(100), true)),
        tune(&base, |trace| trace.period = Some(SimSpan::from_secs(2))),
        RateSource { shift: SimSpan::from_secs(10), ..other.clone() },
        other,
    ];
    let until = Some(at(12_000));
    let mut asked: Vec<Option<&RateSource>> = sources.iter().map(Some).collect();
    asked.insert(3, None);
    let mut together = open_traffic(&asked, until, 0, Seed(1)).unwrap();
    assert!(together.remove(3).is_none());
    for (source, stream) in sources.iter().zip(together) {
        let mut stream = stream.unwrap();
        assert_eq!(drain(&mut *stream).unwrap(), open_one(source, until).unwrap());
        assert_accounted(stream.counts());
    }
}

proptest! {
    #![proptest_config(drawn(64))]

    #[test]
    fn no_request_is_lost_or_made_up(
        counts in prop::collection::vec(0u64..1_000_000, 1..60),
        scale_ppm in 0u64..5_000_000,
        shift in 0u64..10_000_000,
        grid in prop::option::of(1u64..20_000_000),
        laps in 1u64..4,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let text: String = counts.iter().map(|count| format!("{count} ")).collect();
        let source = in_file(folder.path(), "c", &text, TrafficFormat::CountList);
        let source = tune(&source, |trace| trace.repeat = laps > 1);
        let shift = SimSpan(shift);
        let source = RateSource { scale_ppm, shift, resample: grid.map(SimSpan), ..source };
        let until = SimTime(counts.len() as u64 * laps * 1_000_000 + shift.0);
        let segments = open_one(&source, Some(until)).unwrap();
        let sum = u128::from(counts.iter().sum::<u64>()) * u128::from(laps);
        // Micro-requests times parts per million: the total is rounded down once.
        prop_assert_eq!(total(&segments), sum * u128::from(scale_ppm));
        prop_assert_eq!(segments.last().unwrap().end, until);
    }

    #[test]
    fn no_bytes_cause_a_panic(
        data in prop::collection::vec(prop_oneof![
            Just(b"time_s,requests_per_s\n".to_vec()), Just(b"timestamp,value\n".to_vec()),
            Just(b"period,count\n".to_vec()), Just(b"2014-04-10 00:04:00,".to_vec()),
            Just(b"{\"MetricDataResults\":[{\"Id\":\"a\",\"Timestamps\":[".to_vec()),
            Just(b"],\"Values\":[".to_vec()), Just(b"]}]}".to_vec()),
            Just(b"-0".to_vec()), Just(b"1e400".to_vec()), Just(b"18446744073709551615".to_vec()),
            Just(b",".to_vec()), Just(b"\n".to_vec()), Just(b"\r".to_vec()), Just(b"\"".to_vec()),
            Just(b"\x1f\x8b\x08".to_vec()), Just(b"\xef\xbb\xbf".to_vec()), Just(b" ".to_vec()),
            "[0-9]{1,6}".prop_map(String::into_bytes), prop::collection::vec(any::<u8>(), 1..6),
        ], 0..40).prop_map(|parts| parts.concat()),
        format in 0usize..5, skips: bool, repeat: bool, skip in 0u64..100_000_000,
    ) {
        let mut trace = trace(TrafficFormat::ALL[format].0);
        trace.max_expanded_bytes = 1 << 20;
        (trace.repeat, trace.skip) = (repeat, SimSpan(skip));
        if skips {
            trace.on_error = OnRowError::Skip;
        }
        let read_in = |chunk| {
            let bytes = Chunked(Cursor::new(data.clone()), chunk);
            let mut stream = open_traffic_bytes(bytes, &trace, Some(at(1_000)))?;
            let mut segments = Vec::new();
            while segments.len() < 10_000 && let Some(segment) = stream.next_segment()? {
                segments.push(segment);
            }
            Ok::<_, TraceProblem>((segments, stream.counts().clone()))
        };
        let whole = read_in(usize::MAX);
        if let Err(problem) = &whole {
            prop_assert!(problem.0.starts_with("t.csv:"), "{}", problem);
            prop_assert!(!problem.0.contains(|c: char| c.is_control() && c != '\n'), "{:?}", problem.0);
        }
        prop_assert_eq!(read_in(1), whole);
    }
}

/// What a real trace holds.
fn profile_of(path: &str, format: TrafficFormat) -> Option<TrafficProfile> {
    let source = RateSource::of(RateTrace::new(shared(path)?, format));
    let mut stream = open_traffic(&[Some(&source)], None, 0, Seed(1)).unwrap().remove(0).unwrap();
    Some(TrafficProfile::of(&mut *stream).unwrap())
}

fn whole_requests(profile: &TrafficProfile) -> u64 {
    assert_eq!(profile.micro % u128::from(MICRO), 0);
    (profile.micro / u128::from(MICRO)) as u64
}

#[test]
fn the_world_cup_has_the_published_requests() {
    let path = "worldcup98/invocation_count.before-1998-06-21.csv.gz";
    let Some(profile) = profile_of(path, TrafficFormat::Counts) else { return };
    assert_eq!((profile.rows.used, whole_requests(&profile)), (73_580, 574_934_701));
    let peak = profile.peak.unwrap();
    assert_eq!(peak.micro, 153_878 * MICRO);
    // 1998-06-15 14:29 after 1998-04-30 21:30.
    assert_eq!(peak.start, at(45 * 86_400 + 16 * 3_600 + 59 * 60));
    assert_eq!(profile.rows.adjusted.values().sum::<u64>(), 10);
}

#[test]
fn nasa_has_the_published_requests() {
    let path = "nasa-http/nasa-jul95.requests-per-second.txt.gz";
    let Some(profile) = profile_of(path, TrafficFormat::CountList) else { return };
    assert_eq!((profile.rows.used, whole_requests(&profile)), (2_381_544, 1_891_713));
    assert_eq!(profile.peak.unwrap().micro, 20 * MICRO);
    assert_eq!(profile.length, SimSpan::from_secs(2_381_544));
}

#[test]
fn the_load_balancer_of_nab_has_the_published_requests() {
    let path = "nab/realAWSCloudwatch/elb_request_count_8c0756.csv";
    let Some(profile) = profile_of(path, TrafficFormat::Cloudwatch) else { return };
    assert_eq!((profile.rows.used, whole_requests(&profile)), (4_032, 249_327));
    assert_eq!(profile.usual_period, Some(SimSpan::from_secs(300)));
    assert_eq!(profile.peak.unwrap().micro, 656 * MICRO);
}

#[test]
fn an_answer_of_cloudwatch_is_read() {
    let Some(root) = shared("../aws-fixtures/cloudwatch-get-metric-data.json") else { return };
    let mut source = RateTrace::new(root, TrafficFormat::GetMetricData);
    source.series = Some("web_cpu".into());
    let segments = open_one(&RateSource::of(source), None).unwrap();
    assert_eq!((segments.len(), segments[0].micro), (288, 14_675_000));
}

fn generator() -> RateGenerator {
    RateGenerator {
        name: "web".into(),
        per_second: 10.0,
        daily_depth: 0.0,
        daily_peak_s: 0.0,
        weekend_factor: 1.0,
        events: Vec::new(),
        poisson: false,
        noise_sigma: 0.0,
        bursts: None,
        step: SimSpan::from_secs(60),
    }
}

/// The requests of each step from Thursday 1970-01-01 on.
fn generate(spec: &RateGenerator, until: u64, seed: u64) -> Vec<f64> {
    let origin = RateOrigin::Generated(spec.clone());
    let source = RateSource { origin, ..RateSource::of(trace(TrafficFormat::Native)) };
    let mut stream =
        open_traffic(&[Some(&source)], Some(at(until)), 0, Seed(seed)).unwrap().remove(0).unwrap();
    let segments = drain(&mut *stream).unwrap();
    segments.iter().map(|segment| segment.micro as f64 / MICRO as f64).collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn a_constant_rate_is_constant_and_a_daily_wave_keeps_the_mean() {
    assert_eq!(generate(&generator(), 180, 1), [600.0; 3]);
    let daily = RateGenerator { daily_depth: 0.6, daily_peak_s: 14.0 * 3_600.0, ..generator() };
    let day = generate(&daily, 86_400, 1);
    assert!((mean(&day) - 600.0).abs() < 1e-3, "{}", mean(&day));
    assert!((day[14 * 60] - 960.0).abs() < 0.1 && (day[2 * 60] - 240.0).abs() < 0.1);
}

#[test]
fn weekends_are_those_of_the_calendar() {
    let spec =
        RateGenerator { weekend_factor: 0.5, step: SimSpan::from_secs(86_400), ..generator() };
    // 1970 began on a Thursday.
    let (full, half) = (864_000.0, 432_000.0);
    assert_eq!(generate(&spec, 6 * 86_400, 1), [full, full, half, half, full, full]);
}

#[test]
fn events_have_their_exact_mean_over_each_step() {
    let minutes = |n: u64| SimSpan::from_secs(60 * n);
    let of = |event| {
        let spec = RateGenerator { events: vec![event], per_second: 1.0 / 60.0, ..generator() };
        generate(&spec, 600, 1)
    };
    let near = |found: Vec<f64>, expected: &[f64]| {
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 2e-6, "{found:?} against {expected:?}");
        }
    };
    // From the middle of minute 1 on, for a minute: half of two steps.
    near(
        of(RateEvent::Step { at: at(90), factor: 3.0, lasts: Some(minutes(1)) }),
        &[1.0, 2.0, 2.0, 1.0],
    );
    near(of(RateEvent::Step { at: at(60), factor: 0.0, lasts: None }), &[1.0, 0.0, 0.0]);
    near(
        of(RateEvent::Ramp { at: at(60), over: minutes(2), factor: 5.0 }),
        &[1.0, 2.0, 4.0, 5.0, 5.0],
    );
    // A ramp of no length is a step.
    near(of(RateEvent::Ramp { at: at(60), over: minutes(0), factor: 5.0 }), &[1.0, 5.0]);
    let decay = minutes(1);
    let crowd = of(RateEvent::FlashCrowd {
        at: at(60),
        factor: 11.0,
        rise: minutes(2),
        holds: minutes(1),
        decay,
    });
    let e = |t: f64| (-t).exp();
    near(
        crowd,
        &[1.0, 3.5, 8.5, 11.0, 1.0 + 10.0 * (1.0 - e(1.0)), 1.0 + 10.0 * (e(1.0) - e(2.0))],
    );
}

#[test]
fn poisson_counts_have_mean_and_variance_alike() {
    let spec = RateGenerator { poisson: true, ..generator() };
    let counts = generate(&spec, 60 * 20_000, 3);
    let average = mean(&counts);
    let variance =
        counts.iter().map(|c| (c - average) * (c - average)).sum::<f64>() / counts.len() as f64;
    assert!((average - 600.0).abs() < 1.0, "{average}");
    assert!((variance / average - 1.0).abs() < 0.05, "{}", variance / average);
    assert!(counts.iter().all(|count| count.fract() == 0.0));
}

#[test]
fn noise_has_the_mean_one_and_bursts_the_share_of_their_time() {
    let noisy = RateGenerator { noise_sigma: 0.5, ..generator() };
    let average = mean(&generate(&noisy, 60 * 50_000, 4));
    assert!((average / 600.0 - 1.0).abs() < 0.01, "{average}");
    let bursts = Bursts { factor: 5.0, mean_gap_s: 900.0, mean_length_s: 100.0 };
    let bursty = RateGenerator { bursts: Some(bursts), ..generator() };
    // A tenth of the time at five times the rate.
    let average = mean(&generate(&bursty, 60 * 100_000, 5));
    assert!((average / 600.0 / 1.4 - 1.0).abs() < 0.03, "{average}");
}

#[test]
fn equal_names_and_seeds_give_equal_rates_and_others_do_not() {
    let spec = RateGenerator { poisson: true, noise_sigma: 0.2, ..generator() };
    let renamed = RateGenerator { name: "api".into(), ..spec.clone() };
    let first = generate(&spec, 6_000, 1);
    assert_eq!(first, generate(&spec, 6_000, 1));
    assert_ne!(first, generate(&spec, 6_000, 2));
    assert_ne!(first, generate(&renamed, 6_000, 1));
    // Noise does not move with the drawing of counts.
    let even = |noise_sigma| RateGenerator { noise_sigma, ..generator() };
    assert_eq!(generate(&even(0.2), 6_000, 1).len(), generate(&even(0.0), 6_000, 1).len());
}

#[test]
fn a_generator_with_senseless_numbers_is_refused() {
    let event = |factor| vec![RateEvent::Step { at: at(0), factor, lasts: None }];
    for (wrong, part) in [
        (RateGenerator { per_second: f64::NAN, ..generator() }, "the rate is NaN"),
        (RateGenerator { per_second: -1.0, ..generator() }, "the rate is -1"),
        (RateGenerator { daily_depth: 1.5, ..generator() }, "the daily depth is 1.5"),
        (RateGenerator { weekend_factor: -1.0, ..generator() }, "the weekend factor is -1"),
        (RateGenerator { noise_sigma: f64::INFINITY, ..generator() }, "the noise is inf"),
        (RateGenerator { step: SimSpan::ZERO, ..generator() }, "the step is 0 s"),
        (RateGenerator { events: event(f64::NAN), ..generator() }, "the factor of an event is NaN"),
    ] {
        let origin = RateOrigin::Generated(wrong);
        let source = RateSource { origin, ..RateSource::of(trace(TrafficFormat::Native)) };
        let problem = open_traffic(&[Some(&source)], None, 0, Seed(1)).err().unwrap().0;
        assert!(problem.starts_with("generator \"web\": ") && problem.contains(part), "{problem}");
    }
}

#[test]
fn a_written_trace_reads_as_it_was_within_a_request() {
    let mut stream = Seed(9).stream(Purpose::Test, "traffic");
    let text: String = (0..3_000).map(|_| format!("{} ", stream.below(50))).collect();
    let list = RateTrace { period: Some(SimSpan::from_secs(7)), ..trace(TrafficFormat::CountList) };
    let (segments, _) = read_all(text.as_bytes(), &list, None).unwrap();
    let mut written = Vec::new();
    let mut again = open_traffic_bytes(Cursor::new(text.into_bytes()), &list, None).unwrap();
    write_rates(&mut *again, &mut written).unwrap();
    let (back, _) = read_all(&written, &trace(TrafficFormat::Native), Some(at(1_000_000))).unwrap();
    assert_eq!(back.last().unwrap().end, segments.last().unwrap().end);
    assert!(total(&segments).abs_diff(total(&back)) < u128::from(MICRO) / 1_000);
}
