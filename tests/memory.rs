//! Section 7's bound: memory grows with the tasks that live, not with the trace.

use crate::support::program::Desk;
use std::io::Write as _;
use std::time::Duration;

const SCENARIO: &str = r#"
[simulation]
name = "long"

[[capacity_provider]]
name = "general"
instance_types = ["m5.4xlarge"]
desired_capacity = 200

[[run_task]]
trace = "jobs.csv"
placement_strategy = [{ type = "binpack", field = "cpu" }]
"#;

/// A trace of this many rows: 25 tasks a second, which RunTask lets through, of a few sizes, 40 s each.
fn write_trace(desk: &Desk, rows: u64) {
    let file = std::fs::File::create(desk.path("jobs.csv")).unwrap();
    let mut out = std::io::BufWriter::new(file);
    writeln!(out, "arrival_s,cpu,memory_mib,duration_s").unwrap();
    for row in 0..rows {
        let (millis, size) = (row * 40, 1 + row * 7 % 4);
        let (cpu, memory) = (256 * size, 700 * size);
        writeln!(out, "{}.{:03},{cpu},{memory},40", millis / 1000, millis % 1000).unwrap();
    }
    out.flush().unwrap();
}

/// Most resident memory of a run with all files, in KiB, as the system kept it.
fn peak_kib(desk: &Desk, rows: u64) -> u64 {
    write_trace(desk, rows);
    let mut child = desk
        .command("run long.toml --out results --force --charts svg --quiet")
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        // The high-water mark never falls, so the last reading is nearly the last value.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(kib.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(child.wait().unwrap().success());
    let lines = desk.read("results/tasks.csv").lines().count() as u64;
    assert_eq!(lines, rows + 1, "every row is accounted for");
    peak
}

#[test]
fn ten_times_the_trace_needs_no_more_memory() {
    if cfg!(debug_assertions) || !std::path::Path::new("/proc/self/status").exists() {
        return println!("measured in release builds on Linux only: skipped");
    }
    let desk = Desk::new();
    desk.write("long.toml", SCENARIO);
    let (short, long) = (peak_kib(&desk, 100_000), peak_kib(&desk, 1_000_000));
    println!("peak memory: {short} KiB for 100,000 rows, {long} KiB for 1,000,000");
    assert!(long <= 128 * 1024, "{long} KiB");
    assert!(long * 10 <= short * 12, "{short} KiB grew to {long} KiB");
}
