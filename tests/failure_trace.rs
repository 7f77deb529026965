//! Failure traces: what is read, and what is refused with its place.

use crate::support::program::Desk;
use ecsim::base::time::{SimSpan, SimTime};
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
fn outages_of_dependencies_and_calls_of_stop_task_are_read() {
    let rows = read(
        "time_s,kind,target,duration_s,count,latency_s,error_percent\n5,stop_task,web,,2,,\n\
         6,dependency_outage,web,60,,,\n7,dependency_outage,api,60.5,,2,\n8,dependency_outage,b,1,,2,12.5\n",
    )
    .unwrap();
    let outage = |lasts, latency, error_ppm| FailureTraceKind::DependencyOutage {
        lasts: SimSpan(lasts),
        latency: SimSpan(latency),
        error_ppm,
    };
    let kinds: Vec<_> = rows.iter().map(|row| (row.kind, row.count)).collect();
    let expected = [
        (FailureTraceKind::StopTask, 2),
        (outage(60_000_000, 0, 1_000_000), 1),
        (outage(60_500_000, 2_000_000, 0), 1),
        (outage(1_000_000, 2_000_000, 125_000), 1),
    ];
    assert_eq!(kinds, expected);
    for (row, part) in [
        ("1,dependency_outage,web,,,,", "duration_s is empty or 0: a dependency_outage has one"),
        ("1,dependency_outage,web,1763000000,,,", "f.csv:2:25: duration_s is \"1763000000\": more"),
        ("1,dependency_outage,web,9,2,,", "f.csv:2:27: count is given: an outage is felt by all"),
        ("1,dependency_outage,web,9,,,101", "error_percent is \"101\": more than 100"),
        ("1,dependency_outage,web,9,,x,", "latency_s is \"x\""),
        ("1,stop_task,web,9,,,", "duration_s is \"9\": StopTask has no duration"),
        ("1,stop_task,web,,,3,", "latency_s is about the kind dependency_outage"),
        ("1,task_crash,web,,,,3", "error_percent is about the kind dependency_outage"),
    ] {
        let header = "time_s,kind,target,duration_s,count,latency_s,error_percent";
        let problem = read(&format!("{header}\n{row}\n")).unwrap_err();
        assert!(problem.contains(part), "{row}: {problem}");
    }
}

#[test]
fn a_trace_of_failures_does_what_the_scenario_s_own_do() {
    let scenario = |failures: &str| {
        format!(
            "[simulation]\nname = \"small\"\nduration = \"30m\"\n[[task_definition]]\nfamily = \"w\"\ncpu = 256\n\
             memory = 512\nnetwork_mode = \"awsvpc\"\n[[service]]\nname = \"web\"\ntask_definition = \"w\"\n\
             launch_type = \"FARGATE\"\ndesired_count = 3\n\
             traffic = {{ cpu_ms_per_request = 1, generate = {{ per_second = 10, poisson = false }} }}\n{failures}"
        )
    };
    let own = "[[failure]]\nat = \"600s\"\nkind = \"stop_task\"\nservice = \"web\"\ntasks = 2\n\
               [[failure]]\nat = \"900s\"\nkind = \"dependency_outage\"\nservice = \"web\"\nduration = \"60s\"\n\
               error_percent = 50\n";
    let desk = Desk::with(&scenario(own));
    desk.ok("run small.toml --charts none --quiet --out own");
    desk.write("small.toml", scenario("[[failure_trace]]\ntrace = \"f.csv\"\n"));
    let header = "time_s,kind,target,duration_s,count,error_percent\n";
    desk.write(
        "f.csv",
        format!("{header}600,stop_task,web,,2,\n900,dependency_outage,web,60,,50\n"),
    );
    desk.ok("run small.toml --charts none --quiet --out trace");
    for table in ["tasks.csv", "services.csv", "summary.csv"] {
        assert_eq!(desk.read(&format!("own/{table}")), desk.read(&format!("trace/{table}")));
    }
    // Half of 10 a second for 60 s are errors.
    let metrics = desk.read("trace/metrics.csv");
    assert!(metrics.contains("requests_errors,300,requests"), "{metrics}");
    // Two at a time are one too many, in a file and beside the scenario's own.
    let outage = "900,dependency_outage,web,60,,\n";
    let text = format!("{header}{outage}960,dependency_outage,web,60,,\n");
    desk.write("f.csv", text);
    let overlap = "f.csv:3: two outages of what this service depends on overlap";
    desk.run("run small.toml --force").ends_with(2).says(overlap);
    desk.write("f.csv", format!("{header}{outage}"));
    let both = scenario(&format!("{own}[[failure_trace]]\ntrace = \"f.csv\"\n"));
    desk.write("small.toml", both);
    desk.run("run small.toml --force").ends_with(2).says("f.csv:2: two outages");
}

#[test]
fn what_cannot_be_used_is_refused_with_its_place() {
    for (row, part) in [
        ("x,task_crash,web,", "f.csv:2:1: time_s is \"x\""),
        ("2026-11-21T00:00:00Z,task_crash,web,", "f.csv:2:1: time_s is"),
        ("-1,task_crash,web,", "f.csv:2:1: time_s is \"-1\": must not be negative"),
        (
            "1,availability_zone_outage,us-east-1a,60",
            "f.csv:2:3: kind is \"availability_zone_outage\": only task_crash, stop_task, dependency_outage stand in such a file",
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
