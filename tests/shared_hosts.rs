//! What the tasks of one container instance share: its CPU, its ports, its memory.

use crate::support::services::{Cells, Told, count, tell};

/// One m5.large (2 vCPUs), a container of 256 CPU units on it that may burst, and one with a hard limit.
const HOST: &str = r#"
[simulation]
duration = "2h"
[[capacity_provider]]
name = "ec2"
instance_types = ["m5.large"]
desired_capacity = 1
[[task_definition]]
family = "burst"
[[task_definition.container]]
name = "app"
cpu = 256
memory = 512
[[task_definition]]
family = "hard"
cpu = 256
memory = 512
"#;

fn service(name: &str, family: &str, traffic: &str) -> String {
    format!(
        "[[service]]\nname = \"{name}\"\ntask_definition = \"{family}\"\ndesired_count = 1\n[service.traffic]\ncpu_ms_per_request = 10\n{traffic}\n"
    )
}

fn rows<'a>(told: &'a Told, name: &'a str) -> impl Iterator<Item = &'a Cells> {
    told.services.iter().filter(move |row| row["service"] == name)
}

fn number(row: &Cells, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} is {:?}", row[column]))
}

/// The row that ends at this instant.
fn at<'a>(told: &'a Told, name: &'a str, time: f64) -> &'a Cells {
    rows(told, name).find(|row| number(row, "time_s") == time).unwrap()
}

#[test]
fn a_task_without_a_limit_has_its_idle_host_to_itself() {
    // 50/s of 10 ms are 0.5 vCPU: twice the 256 units, a quarter of the host.
    for fidelity in ["fluid", "requests"] {
        let traffic = format!("fidelity = \"{fidelity}\"\ngenerate = {{ per_second = 50 }}");
        let told = tell(&(HOST.to_string() + &service("a", "burst", &traffic)));
        for row in rows(&told, "a").skip(1) {
            let dropped = number(row, "offered") - number(row, "served");
            assert!(dropped < 10.0, "{row:?}");
            let cpu = number(row, "cpu_utilization_percent");
            assert!((cpu - 200.0).abs() < if fidelity == "fluid" { 2.0 } else { 30.0 }, "{cpu}");
        }
    }
}

#[test]
fn a_hard_limit_stays_a_limit() {
    // 0.25 vCPU answers 25/s of 50.
    let told = tell(&(HOST.to_string() + &service("a", "hard", "generate = { per_second = 50 }")));
    let row = at(&told, "a", 3_600.0);
    assert_eq!(number(row, "served").round(), 1_500.0);
    assert_eq!(number(row, "cpu_utilization_percent").round(), 100.0);
}

#[test]
fn a_flash_crowd_gets_the_whole_host_and_passes() {
    // Twelve times 20/s want 2.4 vCPUs of 2: 200/s are answered, with 800 % of 256 units.
    let traffic = "generate = { per_second = 20, step_change = [{ at = \"60m\", factor = 12, lasts = \"5m\" }] }";
    for fidelity in ["fluid", "requests"] {
        let traffic = format!("fidelity = \"{fidelity}\"\n{traffic}");
        let told = tell(&(HOST.to_string() + &service("a", "burst", &traffic)));
        for minute in 61..65 {
            let row = at(&told, "a", f64::from(minute) * 60.0);
            let served = number(row, "served");
            // One by one, requests that share the CPU time out together, and have used it.
            let is_fluid = fidelity == "fluid";
            assert!(!is_fluid || (served - 12_000.0).abs() < 150.0, "{minute}: {served}");
            let cpu = number(row, "cpu_utilization_percent");
            assert!((cpu - 800.0).abs() < 10.0, "{fidelity} {minute}: {cpu}");
        }
        let row = at(&told, "a", 67.0 * 60.0);
        assert!(number(row, "backlog") < 5.0, "{fidelity}: {row:?}");
    }
}

#[test]
fn a_full_host_is_divided_by_cpu_units() {
    // Beside a limited task that uses its 0.25 vCPU: 1.75 are left. Both others want more; 256 to 768 units.
    let text = HOST.to_string()
        + "[[task_definition]]\nfamily = \"big\"\n[[task_definition.container]]\nname = \"app\"\ncpu = 768\nmemory = 512\n"
        + &service("hard", "hard", "generate = { per_second = 100 }")
        + &service("small", "burst", "generate = { per_second = 500 }")
        + &service("big", "big", "generate = { per_second = 500 }");
    let told = tell(&text);
    for (name, per_second) in [("hard", 25.0), ("small", 43.75), ("big", 131.25)] {
        let served = number(at(&told, name, 3_600.0), "served") / 60.0;
        assert!((served / per_second - 1.0).abs() < 0.01, "{name}: {served}");
    }
    assert_eq!(count(at(&told, "hard", 3_600.0), "running"), 1);
}

#[test]
fn an_instance_reserves_at_most_100_host_ports() {
    // Five are the instance's own; nine services with ten static ports each make 95, a tenth would make 105.
    let mut text = HOST.replace("m5.large", "m5.4xlarge").replace("2h", "10m");
    for name in 0..12 {
        let ports: Vec<String> = (0..10)
            .map(|port| 10_000 + 10 * name + port)
            .map(|port| format!("{{ container_port = {port}, host_port = {port} }}"))
            .collect();
        text += &format!(
            "[[task_definition]]\nfamily = \"s{name}\"\ncpu = 128\nmemory = 128\n[[task_definition.container]]\nname = \"c\"\nport_mappings = [{}]\n[[service]]\nname = \"s{name}\"\ntask_definition = \"s{name}\"\ndesired_count = 1\n",
            ports.join(", ")
        );
    }
    let told = tell(&text);
    let running: u32 = (0..12).map(|i| count(at(&told, &format!("s{i}"), 540.0), "running")).sum();
    assert_eq!(running, 9);
    let failures = told.event("SERVICE_TASK_PLACEMENT_FAILURE");
    assert!(!failures.is_empty());
    assert!(failures.iter().all(|(_, text)| text.contains("PORTS")), "{failures:?}");
}

#[test]
fn a_task_is_killed_for_its_own_requests() {
    // Six tasks of 2 GiB, 1 GiB of it idle, 20 MiB a request of about a second: 51 in flight fit, the mean is 42. As a
    // fluid all have the mean; one by one, some have more at the end of a minute, and not all of them.
    let run = |fidelity: &str| {
        let text = format!(
            r#"
[simulation]
duration = "20m"
[[task_definition]]
family = "w"
cpu = 1024
memory = 2048
network_mode = "awsvpc"
[[service]]
name = "a"
task_definition = "w"
launch_type = "FARGATE"
desired_count = 6
[service.behaviour]
idle_memory = 1024
[service.traffic]
fidelity = "{fidelity}"
cpu_ms_per_request = 5
io_ms_per_request = {{ type = "exponential", mean = 1000 }}
memory_kib_per_request = 20480
generate = {{ per_second = 250 }}
"#
        );
        let told = tell(&text);
        let mut killed: std::collections::BTreeMap<String, u32> = Default::default();
        for task in told.tasks.iter().filter(|task| task["exit_code"] == "137") {
            *killed.entry(task["stopping_s"].clone()).or_default() += 1;
        }
        killed
    };
    assert!(run("fluid").is_empty());
    let killed = run("requests");
    assert!(!killed.is_empty());
    assert!(killed.values().next().is_some_and(|&tasks| tasks < 6), "{killed:?}");
}
