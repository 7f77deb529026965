//! `ecsim trace` as a program: what is on stdout and stderr, exit codes, files that appear whole or not at all.

use crate::trace_support::gzip;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const TRACE: &str =
    "arrival_s,cpu,memory_mib,duration_s,count\n0,256,512,60,1\n30,1024,2048,3600,3\n";

fn ecsim(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ecsim"))
        .args(["trace"])
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn stdout_of(folder: &Path, arguments: &[&str]) -> String {
    let done = ecsim(folder, arguments);
    let stderr = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(0), "{arguments:?}: {stderr}");
    String::from_utf8(done.stdout).unwrap()
}

/// The message of a command that must fail with exit code 2 and nothing on stdout.
fn refusal(folder: &Path, arguments: &[&str]) -> String {
    let done = ecsim(folder, arguments);
    assert_eq!(done.status.code(), Some(2), "{arguments:?}");
    assert_eq!(String::from_utf8(done.stdout).unwrap(), "", "{arguments:?}");
    String::from_utf8(done.stderr).unwrap()
}

fn folder_with(name: &str, bytes: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    folder
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn inspect_tells_programs_what_a_trace_holds() {
    let folder = folder_with("t.csv", TRACE.as_bytes());
    let text = stdout_of(folder.path(), &["inspect", "t.csv", "--format", "json"]);
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (pointer, expected) in [
        ("/schema", serde_json::json!("ecsim/1")),
        ("/format", "native".into()),
        ("/rows/read", 2.into()),
        ("/rows/used", 2.into()),
        ("/tasks", 4.into()),
        ("/last_end_s", 3_630.0.into()),
        ("/peak_minute/tasks", 4.into()),
        ("/cpu/p50", 1_024.into()),
        ("/duration_s/max", 3_600.0.into()),
        // One minute of a quarter of a vCPU and half a GiB, and three hours of one and two.
        ("/vcpu_hours", (3.0 + 0.25 / 60.0).into()),
        ("/gib_hours", (6.0 + 0.5 / 60.0).into()),
        ("/top_sizes/0/tasks", 3.into()),
        ("/distinct_sizes", 2.into()),
    ] {
        assert_eq!(found.pointer(pointer), Some(&expected), "{pointer}");
    }
}

#[test]
fn inspect_shows_people_tables_and_says_on_stderr_what_was_guessed() {
    let folder = folder_with("t.csv.gz", &gzip(TRACE.as_bytes()));
    let done = ecsim(folder.path(), &["inspect", "t.csv.gz"]);
    let (text, notes) =
        (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap());
    assert!(text.starts_with("t.csv.gz: native\n"), "{text}");
    assert!(text.contains("│ vCPU-hours"), "{text}");
    assert!(notes.starts_with("note: read as native, because its header has arrival_s"), "{notes}");
    let told = ecsim(folder.path(), &["inspect", "t.csv.gz", "--from", "native"]);
    assert!(told.stderr.is_empty() && told.stdout == text.as_bytes());
}

#[test]
fn a_trace_of_no_rows_is_no_error() {
    let folder = folder_with("t.csv", b"arrival_s,cpu,memory_mib,duration_s\n");
    assert!(stdout_of(folder.path(), &["inspect", "t.csv"]).ends_with("no tasks\n"));
    let text = stdout_of(folder.path(), &["inspect", "t.csv", "--format", "json"]);
    assert!(text.contains("\"tasks_per_second\":null"), "{text}");
}

#[test]
fn convert_writes_a_native_trace_and_accounts_for_the_rows_on_stderr() {
    let swf = "; a comment\n1 10 0 60 2 -1 -1 2 -1 1048576 1 1 1 1 1 1 -1 -1\n\
               2 20 0 -1 2 -1 -1 2 -1 -1 5 1 1 1 1 1 -1 -1\n\
               3 25.5 0 90 -1 -1 -1 4 -1 -1 0 1 1 1 1 1 -1 -1\n";
    let folder = folder_with("t.swf", swf.as_bytes());
    let done = ecsim(folder.path(), &["convert", "t.swf", "-o", "t.csv"]);
    assert_eq!((done.status.code(), done.stdout.len()), (Some(0), 0));
    let notes = String::from_utf8(done.stderr).unwrap();
    assert!(notes.contains("read as swf, because its name ends in .swf"), "{notes}");
    assert!(
        notes.contains("3 rows read, 2 used; 1 skipped: the job never ran (run time 0 or -1)"),
        "{notes}"
    );
    let expected = "arrival_s,cpu,memory_mib,duration_s,exit_code\n\
                    0,2048,2048,60,0\n15.5,4096,4096,90,1\n";
    assert_eq!(fs::read_to_string(folder.path().join("t.csv")).unwrap(), expected);
    assert_eq!(names_in(folder.path()), ["t.csv", "t.swf"], "nothing is left beside it");
    let arguments =
        ["convert", "t.swf", "--swf-task-per-processor", "--time-scale", "2", "-o", "-"];
    assert!(stdout_of(folder.path(), &arguments).contains("\n31,1024,1024,90,4,1\n"));
}

#[test]
fn what_convert_wrote_converts_to_the_same_bytes() {
    let folder = folder_with("t.csv", TRACE.as_bytes());
    stdout_of(folder.path(), &["convert", "t.csv", "-o", "a.csv.gz"]);
    stdout_of(folder.path(), &["convert", "a.csv.gz", "-o", "b.csv"]);
    let again = stdout_of(folder.path(), &["convert", "b.csv", "-o", "-"]);
    assert_eq!(again, fs::read_to_string(folder.path().join("b.csv")).unwrap());
    assert!(fs::read(folder.path().join("a.csv.gz")).unwrap().starts_with(b"\x1f\x8b"));
}

#[test]
fn an_existing_file_is_replaced_only_by_force_and_only_where_it_is_a_file() {
    let folder = folder_with("t.csv", TRACE.as_bytes());
    fs::write(folder.path().join("old.csv"), "precious").unwrap();
    fs::create_dir(folder.path().join("d")).unwrap();
    let message = refusal(folder.path(), &["convert", "t.csv", "-o", "old.csv"]);
    assert!(message.contains("error: old.csv: is there already\n  = help: --force"), "{message}");
    assert_eq!(fs::read(folder.path().join("old.csv")).unwrap(), b"precious");
    stdout_of(folder.path(), &["convert", "t.csv", "-o", "old.csv", "--force"]);
    assert!(fs::read_to_string(folder.path().join("old.csv")).unwrap().starts_with("arrival_s,"));
    for target in ["d", "/dev/null"] {
        let message = refusal(folder.path(), &["convert", "t.csv", "-o", target, "--force"]);
        assert!(message.contains("is there and is no file"), "{message}");
    }
    assert!(
        refusal(folder.path(), &["convert", "t.csv", "-o", "no/such/x.csv"]).contains("beside")
    );
}

#[test]
fn a_bad_trace_leaves_no_file_and_is_told_with_its_place() {
    let folder = folder_with("t.csv", format!("{TRACE}5,1,1,1,1\n").as_bytes());
    let message = refusal(folder.path(), &["convert", "t.csv", "-o", "out.csv"]);
    assert!(message.contains("error: t.csv:4:1: the row arrives at 5 s, before"), "{message}");
    assert_eq!(names_in(folder.path()), ["t.csv"]);
    let sorted = stdout_of(folder.path(), &["convert", "t.csv", "--order", "sort", "-o", "-"]);
    assert_eq!(sorted.lines().nth(2), Some("5,1,1,1,1,,,,,0"));
    let skipped = ["inspect", "t.csv", "--on-error", "skip", "--format", "json"];
    assert!(stdout_of(folder.path(), &skipped).contains("\"skipped\":{\"out of order\":1}"));
    let wrong = refusal(folder.path(), &["inspect", "t.csv", "--from", "openb"]);
    assert!(wrong.contains("t.csv:1:1: bad header: missing cpu_milli"), "{wrong}");
    let wrong = refusal(folder.path(), &["inspect", "t.csv", "--from", "natve"]);
    assert!(wrong.contains("did you mean native?"), "{wrong}");
}

#[test]
fn what_is_no_trace_file_is_refused_without_waiting() {
    let folder = folder_with("empty.csv", b"");
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (file, expected) in [
        ("empty.csv", "error: empty.csv: is empty"),
        (".", "error: .: is a directory, not a trace file"),
        ("none.csv", "error: none.csv: no such file"),
        ("/dev/null", "error: /dev/null: is not a regular file"),
        ("pipe", "error: pipe: is not a regular file"),
        ("-", "error: standard input: is empty"),
    ] {
        let message = refusal(folder.path(), &["inspect", file]);
        assert!(message.contains(expected), "{file}: {message}");
    }
}

#[test]
fn a_trace_comes_through_a_pipe_and_a_closed_pipe_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let start = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ecsim"));
        command.arg("trace").args(arguments).current_dir(folder.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut inspect = start(&["inspect", "-"]);
    inspect.stdin.take().unwrap().write_all(&gzip(TRACE.as_bytes())).unwrap();
    let done = inspect.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(0));
    assert!(String::from_utf8(done.stdout).unwrap().starts_with("standard input: native\n"));

    let mut generate = start(&["generate", "--rate", "1000", "--limit", "200000", "-o", "-"]);
    let mut first = [0; 16];
    generate.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let done = generate.wait_with_output().unwrap();
    assert_eq!((done.status.code(), done.stderr.len()), (Some(0), 0));
}

#[test]
fn generate_obeys_its_flags_and_its_seed() {
    let folder = folder_with("durations", b"# seconds, weight\n5,1\n1m,3\n");
    let arguments = |seed| {
        let shape = ["--burst", "factor=5,gap=1h,length=5m", "--size", "256:512:3"];
        let rest = ["--size", "1024:2048:1:2", "--count", "uniform:min=1,max=4"];
        let start = ["generate", "--rate", "0.5", "--until", "2h", "--failures", "10"];
        let end = ["--duration", "empirical:durations", "--seed", seed, "-o", "-"];
        [&start[..], &shape, &rest, &end].concat()
    };
    let text = stdout_of(folder.path(), &arguments("7"));
    assert_eq!(text, stdout_of(folder.path(), &arguments("7")));
    assert_ne!(text, stdout_of(folder.path(), &arguments("8")));
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("arrival_s,cpu,memory_mib,duration_s,count,gpus,exit_code"));
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        assert!(fields[0].parse::<f64>().unwrap() <= 7_200.0, "{line}");
        assert!(["256,512", "1024,2048"].contains(&fields[1..3].join(",").as_str()), "{line}");
        assert!(["5", "60"].contains(&fields[3]) && ["0", "1"].contains(&fields[6]), "{line}");
        assert_eq!(fields[5], if fields[1] == "1024" { "2" } else { "" }, "{line}");
    }
    for (flag, value, part) in [
        ("--rate", "nan", "must be finite"),
        ("--until", "7", "has no unit"),
        ("--size", "1", "expected CPU_UNITS:MIB"),
        ("--duration", "lognormal:mean=60", "missing sigma"),
        ("--burst", "factor=2", "missing gap, length"),
        ("--failures", "101", "must be from 0 to 100"),
    ] {
        let message = refusal(folder.path(), &["generate", "-o", "-", "--rate", "1", flag, value]);
        assert!(message.contains(part) || flag == "--rate", "{flag} {value}: {message}");
    }
    let message =
        refusal(folder.path(), &["generate", "--rate", "1", "--daily-depth", "2", "-o", "-"]);
    assert!(message.contains("the daily depth is 2; it must be from 0 to 1"), "{message}");
}

#[test]
fn the_sample_traces_are_what_their_commands_make() {
    let samples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios/traces");
    let readme = fs::read_to_string(samples.join("README.md")).unwrap();
    let commands: Vec<&str> =
        readme.lines().filter_map(|line| line.strip_prefix("ecsim trace ")).collect();
    let mut made: Vec<String> = Vec::new();
    for command in commands {
        let folder = tempfile::tempdir().unwrap();
        let arguments: Vec<&str> = command.split(' ').collect();
        stdout_of(folder.path(), &arguments);
        let names = names_in(folder.path());
        let [name] = &names[..] else { panic!("{command} makes one file") };
        let [fresh, kept] =
            [folder.path(), &samples].map(|folder| fs::read(folder.join(name)).unwrap());
        assert!(kept.len() < 100_000, "{name} is small");
        // Another version of the compressor may give other bytes for the same rows.
        assert!(unpacked(&fresh) == unpacked(&kept), "{name} is not what its command makes");
        made.push(name.clone());
    }
    made.push("README.md".into());
    made.sort();
    assert_eq!(made, names_in(&samples));
}

#[test]
fn traffic_is_inspected_and_converted_like_tasks() {
    let text = "period,count\n1998-05-01 00:00:00,30\n1998-05-01 00:02:00,60\n";
    let folder = folder_with("c.csv", text.as_bytes());
    let json = stdout_of(folder.path(), &["inspect", "c.csv", "--format", "json"]);
    let found: serde_json::Value = serde_json::from_str(&json).unwrap();
    for (pointer, expected) in [
        ("/format", serde_json::json!("counts")),
        ("/rows/used", 2.into()),
        ("/requests", 90.0.into()),
        ("/length_s", 180.0.into()),
        ("/empty_periods", 1.into()),
        ("/peak_requests_per_second", 1.0.into()),
        ("/peak_to_mean", 2.0.into()),
    ] {
        assert_eq!(found.pointer(pointer), Some(&expected), "{pointer}");
    }
    let native = stdout_of(folder.path(), &["convert", "c.csv", "-o", "-"]);
    assert_eq!(native, "time_s,requests_per_s\n0,0.5\n60,0\n120,1\n180,0\n");
    let table =
        stdout_of(folder.path(), &["inspect", "c.csv", "--from", "counts", "--period", "2m"]);
    assert!(table.contains("c.csv: counts") && table.contains("usual period"), "{table}");
    let message = refusal(folder.path(), &["inspect", "c.csv", "--from", "traffic"]);
    assert!(message.contains("c.csv:1:1: bad header"), "{message}");
}

#[test]
fn traffic_is_generated_by_flags_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let start =
        ["generate", "--traffic", "--per-second", "2", "--even", "--until", "4m", "-o", "-"];
    let plain = stdout_of(folder.path(), &start);
    assert_eq!(plain, "time_s,requests_per_s\n0,2\n240,0\n");
    let surge = stdout_of(folder.path(), &[&start[..], &["--surge", "1m:3:2m"]].concat());
    assert_eq!(surge, "time_s,requests_per_s\n0,2\n60,6\n180,2\n240,0\n");
    for (more, part) in [
        (["--flash-crowd", "1m:3"], "expected AT:FACTOR:RISE:HOLDS:DECAY"),
        (["--ramp", "1m:1m:-2"], "must be finite and not negative"),
        (["--limit", "5"], "cannot be used with"),
        (["--noise", "99"], "the noise is 99"),
    ] {
        let message = refusal(folder.path(), &[&start[..], &more].concat());
        assert!(message.contains(part), "{more:?}: {message}");
    }
    refusal(folder.path(), &["generate", "--rate", "2", "--step", "5m", "-o", "-"]);
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    match flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut all) {
        Ok(_) => all,
        Err(_) => bytes.to_vec(),
    }
}
