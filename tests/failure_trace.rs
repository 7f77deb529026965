//! Failure traces: what is read, and what is refused with its place.

use ecsim::base::time::SimTime;
use ecsim::trace::failures::{FailureRow, FailureTraceKind, open_failures_bytes};
use std::io::Cursor;

fn read(text: &str) -> Result<Vec<FailureRow>, String> {
    open_failures_bytes(Cursor::new(text.as_bytes().to_vec()), "f.csv").map_err(|problem| problem.0)
}

#[test]
fn crashes_are_read_with_their_count() {
    let rows =
        read("time_s,kind,target,duration_s,count\n5,task_crash,web,,3\n5,task_crash,api,0,\n")
            .unwrap();
    let crash = |target: &str, count, line| FailureRow {
        at: SimTime(5_000_000),
        kind: FailureTraceKind::TaskCrash,
        target: target.into(),
        count,
        line,
    };
    assert_eq!(rows, [crash("web", 3, 2), crash("api", 1, 3)]);
    assert_eq!(
        read("duration_s,target,kind,time_s\n,web,task_crash,5\n").unwrap(),
        [crash("web", 1, 2)]
    );
    assert_eq!(read("time_s,kind,target,duration_s\n"), Ok(Vec::new()));
}

#[test]
fn what_cannot_be_used_is_refused_with_its_place() {
    for (row, part) in [
        ("x,task_crash,web,", "f.csv:2:1: time_s is \"x\""),
        ("2026-11-21T00:00:00Z,task_crash,web,", "f.csv:2:1: time_s is"),
        ("-1,task_crash,web,", "f.csv:2:1: time_s is \"-1\": must not be negative"),
        (
            "1,availability_zone_outage,us-east-1a,60",
            "f.csv:2:3: kind is \"availability_zone_outage\": only task_crash stands in such a file",
        ),
        ("1,task_crsh,web,", "did you mean task_crash?"),
        ("1,,web,", "f.csv:2:3: kind is \"\": unknown"),
        ("1,task_crash,,", "f.csv:2:14: target is empty"),
        ("1,task_crash,web,60", "f.csv:2:18: duration_s is \"60\": a task crash has no duration"),
        ("1,task_crash,web,NaN", "f.csv:2:18: duration_s is \"NaN\""),
        ("1,task_crash,web", "the row has 3 fields"),
        (
            "9,task_crash,web,\n8,task_crash,web,",
            "f.csv:3:1: time_s is \"8\": earlier than the row on line 2",
        ),
    ] {
        let problem = read(&format!("time_s,kind,target,duration_s\n{row}\n")).unwrap_err();
        assert!(problem.contains(part), "{row}: {problem}");
    }
    assert!(
        read("time_s,kind,target,duration_s,count\n1,task_crash,web,,0\n")
            .unwrap_err()
            .contains("at least 1")
    );
    assert!(read("").unwrap_err().starts_with("f.csv: is empty"));
    assert!(read("time_s,kind\n").unwrap_err().contains("missing target, duration_s"));
}
