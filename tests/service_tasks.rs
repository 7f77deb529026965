//! The life of a task in its service, worked out by hand: stops in every starting state, deregistration, crashes,
//! grace, fail-open, memory, messages that go back, and what is still there when the run ends.

use crate::support::Page;
use crate::swarm::tables::{Table, scaled};
use ecsim::engine::Pulse;
use ecsim::scenario::load_text;
use ecsim::sim::outputs::Sinks;
use ecsim::sim::{RunResult, Watch};
use std::path::Path;

/// A run and its tables.
struct Ran {
    result: RunResult,
    tasks: Table,
    services: Table,
}

impl Ran {
    fn of(text: &str) -> Ran {
        let loaded = load_text(text, "test.toml", Path::new(""), &[]);
        let scenario = loaded.unwrap_or_else(|problems| panic!("{problems}"));
        let (tasks, services) = (Page::default(), Page::default());
        let sinks = Sinks {
            tasks: Some(Box::new(tasks.clone())),
            services: Some(Box::new(services.clone())),
            ..Sinks::default()
        };
        let watch = Watch { pulse: &Pulse::default(), check_every_event: true };
        let seed = scenario.setup.seed;
        let result = ecsim::experiment::run_one(&scenario, seed, sinks, watch).unwrap();
        let [tasks, services] = [tasks, services].map(|page| Table::of(&page.text()));
        Ran { result, tasks, services }
    }

    /// The cells of a column of `tasks.csv`, by task.
    fn tasks(&self, column: &str) -> Vec<String> {
        let rows = self.tasks.rows.iter();
        let mut cells: Vec<(u64, String)> = rows
            .map(|row| (self.tasks.int(row, "task_id"), self.tasks.cell(row, column).to_string()))
            .collect();
        cells.sort();
        cells.into_iter().map(|(_, cell)| cell).collect()
    }

    /// Seconds of a column of `tasks.csv`, where it is filled.
    fn seconds(&self, column: &str) -> Vec<Option<f64>> {
        self.tasks(column).iter().map(|cell| cell.parse().ok()).collect()
    }

    /// A cell of `services.csv` at this second.
    fn at(&self, second: u32, column: &str) -> f64 {
        let at = |row: &&csv::StringRecord| self.services.cell(row, "time_s") == second.to_string();
        let row = self.services.rows.iter().find(at).unwrap();
        self.services.cell(row, column).parse().unwrap()
    }
}

/// One service; the scheduler reacts after a second. `more`: keys of the service, and tables.
fn service(launch: &str, minutes: u32, desired: u32, more: &str) -> String {
    format!(
        r#"
[simulation]
duration = "{minutes}m"
sample_interval = "10s"

[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 2

[[task_definition]]
family = "api"
cpu = 512
memory = 1024
network_mode = "awsvpc"
image_mib = 600

[service_scheduler]
reaction = "1s"

[[service]]
name = "api"
task_definition = "api"
launch_type = "{launch}"
desired_count = {desired}
{more}
"#
    )
}

/// A service is created at time zero, and its tasks are stopped so many seconds later.
fn stopped_at(launch: &str, second: u32) -> Ran {
    let more =
        format!("starts_running = false\nupdate = [{{ at = \"{second}s\", desired_count = 0 }}]");
    Ran::of(&service(launch, 10, 1, &more))
}

#[test]
fn a_stop_before_running_waits_for_the_step_it_is_in_and_runs_nothing() {
    // EC2: placed at 0 or 1 s, ENI until +6 s, pull of 10 s, start of 2 s. Fargate: ENI 10 s, preparation 15 s, pull
    // 15 s, start 5 s. One second in each of the states.
    for (launch, seconds) in [("EC2", [3, 9, 16]), ("FARGATE", [4, 20, 35])] {
        for second in seconds {
            let ran = stopped_at(launch, second);
            let what = format!("{launch} at {second} s");
            assert_eq!(ran.tasks("task_id").len(), 1, "{what}: nothing is started again");
            assert_eq!(ran.seconds("started_s"), [None], "{what}");
            let stopping = ran.seconds("stopping_s")[0].unwrap();
            assert_eq!(stopping, f64::from(second) + 1.0, "{what}");
            let stopped = ran.seconds("stopped_s")[0].unwrap();
            assert!((stopping..stopping + 40.0).contains(&stopped), "{what}: {stopped}");
            assert_eq!(ran.result.services[0].tasks_failed, 0, "{what}: that is no failure");
            let billed = ran.result.services[0].usd.0 > 0;
            let pulled = ran.seconds("pull_started_s")[0].is_some();
            assert!(launch == "EC2" || billed == pulled, "{what}: Fargate bills from the pull on");
        }
    }
}

#[test]
fn a_task_behind_a_load_balancer_is_deregistered_before_it_gets_the_signal() {
    let more = r#"
update = [{ at = "60s", desired_count = 0 }]
load_balancer = { deregistration_delay = "30s" }
traffic = { generate = { per_second = 10 } }
"#;
    let ran = Ran::of(&service("EC2", 5, 1, more));
    assert_eq!(ran.seconds("stopping_s"), [Some(91.0)], "1 s to react, 30 s to deregister");
    assert_eq!(ran.tasks("exit_code"), ["0"]);
    assert_eq!(ran.result.services[0].requests.task_lost, 0, "requests in flight are finished");
}

#[test]
fn a_draining_task_does_not_crash_and_is_paid_for_when_the_run_ends() {
    // It would crash at 65 s, drains from 61 s to beyond the end, and has cost until then what it reserves.
    let more = r#"
update = [{ at = "60s", desired_count = 0 }]
load_balancer = { deregistration_delay = "300s" }
behaviour = { time_to_failure = "65s" }
"#;
    for launch in ["EC2", "FARGATE"] {
        let ran = Ran::of(&service(launch, 3, 1, more));
        assert_eq!(ran.result.services[0].tasks_failed, 0);
        assert_eq!(ran.seconds("stopping_s"), [None], "{launch}: still DEACTIVATING");
        let usd: i64 = ran.tasks("usd").iter().map(|cell| scaled(cell, 9)).sum();
        assert!(usd > 0);
        assert_eq!(i128::from(usd), ran.result.services[0].usd.0, "{launch}");
    }
}

#[test]
fn a_crash_is_replaced_at_once_and_with_exit_code_0_too() {
    let more = r#"
behaviour = { time_to_failure = "100s", crash_exit_code = 3 }
"#;
    let ran = Ran::of(&service("EC2", 5, 1, more));
    let (placed, codes) = (ran.seconds("placed_s"), ran.tasks("exit_code"));
    assert_eq!(&placed[..2], [Some(0.0), Some(101.0)]);
    assert_eq!(codes[0], "3");
}

#[test]
fn without_a_healthy_target_all_get_requests_and_a_healthy_one_takes_them_back() {
    // The one task that there is begins to fail for good after 60 s: until a replacement passes, it gets everything,
    // and answers with errors; nothing is dropped for want of a target.
    let more = r#"
load_balancer = { deregistration_delay = "0s", health_check = { interval = "10s" } }
behaviour = { time_to_unhealthy = "60s" }
traffic = { generate = { per_second = 10 } }
"#;
    let ran = Ran::of(&service("EC2", 4, 1, more));
    let totals = ran.result.services[0].requests;
    assert_eq!(totals.no_target, 0, "{totals:?}");
    assert!(totals.errors > 100_000_000, "{totals:?}");
    assert!(totals.errors < totals.served / 2, "the replacement answers: {totals:?}");
    assert!(ran.result.services[0].tasks_failed >= 1);
}

#[test]
fn targets_that_never_pass_a_check_get_requests_where_there_is_no_other() {
    let more = r#"
load_balancer = { deregistration_delay = "0s", health_check = { interval = "10s" } }
behaviour = { never_healthy_percent = 100 }
starts_running = false
traffic = { generate = { per_second = 10 } }
"#;
    let ran = Ran::of(&service("EC2", 4, 2, more));
    let totals = ran.result.services[0].requests;
    assert_eq!(
        totals.errors, totals.served,
        "tasks that answer no check answer nobody: {totals:?}"
    );
    assert!(totals.errors > 0, "but they are asked: {totals:?}");
    assert_eq!(ran.at(230, "healthy"), 0.0);
}

#[test]
fn unhealthy_results_in_the_grace_period_stop_nothing() {
    let more = |grace: u32| {
        format!(
            r#"
starts_running = false
health_check_grace_period = "{grace}s"
behaviour = {{ ready_after = "100s" }}
load_balancer = {{ deregistration_delay = "0s", health_check = {{ interval = "10s", healthy_threshold = 2 }} }}
"#
        )
    };
    let patient = Ran::of(&service("EC2", 10, 1, &more(200)));
    assert_eq!(patient.result.services[0].tasks_started, 1, "it becomes healthy in time");
    assert_eq!(patient.at(590, "healthy"), 1.0);
    let hasty = Ran::of(&service("EC2", 10, 1, &more(0)));
    assert!(hasty.result.services[0].tasks_started > 1, "it is replaced before it answers");
}

#[test]
fn too_many_requests_in_flight_kill_the_tasks_for_their_memory() {
    // 1 GiB and 10 MiB a request: about a hundred in flight are too many. Nobody answers 100 a second here.
    let more = r#"
traffic = { cpu_ms_per_request = 50, memory_kib_per_request = 10240, generate = { per_second = 100 } }
"#;
    let ran = Ran::of(&service("FARGATE", 5, 1, more));
    let killed = ran.tasks("exit_code").iter().filter(|code| *code == "137").count();
    assert!(killed >= 1, "{:?}", ran.tasks("stopped_reason"));
    assert!(
        ran.tasks("stopped_reason")[0].contains("OutOfMemory"),
        "{:?}",
        ran.tasks("stopped_reason")
    );
    assert!(ran.result.services[0].requests.task_lost > 0);
}

#[test]
fn tasks_run_out_of_memory_each_for_its_own_requests() {
    // Four tasks in three zones that share 120 a second alike: 40 at each lone task, 20 at each of the pair, a second
    // long. 33 of 20 MiB fit beside what is always there; the mean of 30 would fit everywhere.
    for fidelity in ["fluid", "requests"] {
        let more = format!(
            r#"
load_balancer = {{ cross_zone = false }}
behaviour = {{ idle_memory = 364 }}
traffic = {{ fidelity = "{fidelity}", cpu_ms_per_request = 1, io_ms_per_request = 1000, memory_kib_per_request = 20480, generate = {{ per_second = 120, poisson = false }} }}
"#
        );
        let ran = Ran::of(&service("FARGATE", 3, 4, &more));
        let zones = ran.tasks("availability_zone");
        let (codes, ends) = (ran.tasks("exit_code"), ran.seconds("execution_stopped_s"));
        // One dies, a second later the other one; then the pair has everything, and follows.
        let first = ends.iter().flatten().copied().fold(f64::INFINITY, f64::min);
        let is_early = |task: &usize| ends[*task].is_some_and(|end| end < first + 1.5);
        let killed: Vec<usize> = (0..4).filter(is_early).collect();
        assert!(killed.iter().all(|&task| codes[task] == "137"), "{fidelity}: {codes:?}");
        let is_alone =
            |task: &usize| zones[..4].iter().filter(|z| **z == zones[*task]).count() == 1;
        let lone: Vec<usize> = (0..4).filter(is_alone).collect();
        assert_eq!((killed.len(), &killed), (2, &lone), "{fidelity}: {zones:?} {ends:?}");
        assert_eq!((ends[lone[0]].unwrap() - ends[lone[1]].unwrap()).abs(), 1.0, "{fidelity}");
    }
}

#[test]
fn tasks_without_memory_die_one_after_the_other() {
    // 300 a second of 1 s and 20 MiB at six tasks: 50 at each are 1,024 MiB, 51 are too many for the 2,048 that a task
    // has beside the 1,024 that are always there. At 330 a second each has 55: one dies, and the others have 66.
    for fidelity in ["fluid", "requests"] {
        let more = format!(
            r#"
behaviour = {{ idle_memory = 1024 }}
traffic = {{ fidelity = "{fidelity}", cpu_ms_per_request = 5, io_ms_per_request = 1000, memory_kib_per_request = 20480, generate = {{ per_second = 290, poisson = false, step_change = [{{ at = "4m", factor = 1.2, lasts = "10m" }}] }} }}
"#
        );
        let ran =
            Ran::of(&service("FARGATE", 8, 6, &more).replace("memory = 1024\n", "memory = 2048\n"));
        let ends = ran.seconds("execution_stopped_s");
        let mut killed: Vec<f64> = ran
            .tasks("exit_code")
            .iter()
            .zip(&ends)
            .filter_map(|(code, end)| end.filter(|_| code == "137"))
            .collect();
        killed.sort_by(f64::total_cmp);
        assert!(killed.len() >= 6, "{fidelity}: {killed:?}");
        assert!(killed[0] >= 240.0, "{fidelity}: {killed:?}");
        assert!(killed.windows(2).all(|two| two[1] - two[0] >= 1.0), "{fidelity}: {killed:?}");
    }
}

#[test]
fn checks_feel_the_queue_of_their_own_task() {
    // Half a vCPU answers 50 a second of 10 ms. Four tasks in three zones share 180 a second: 60 at each lone task,
    // whose queue grows, 30 at each of the pair. Only the lone ones wait for more than the 5 s of a check.
    for fidelity in ["fluid", "requests"] {
        let more = format!(
            r#"
load_balancer = {{ cross_zone = false }}
traffic = {{ fidelity = "{fidelity}", cpu_ms_per_request = 10, generate = {{ per_second = 180, poisson = false }} }}
"#
        );
        let ran = Ran::of(&service("FARGATE", 10, 4, &more));
        // Seen at 60 s; two checks 30 s apart fail and hang for 5 s: unhealthy by 125 s. Then the pair gets 90 each, which
        // is seen at 120 s, and fails from 155 s on; no replacement is there yet.
        let healthy = [50, 140].map(|second| ran.at(second, "healthy"));
        assert_eq!(healthy, [4.0, 2.0], "{fidelity}");
    }
}

#[test]
fn overloaded_tasks_fail_their_checks_each_at_its_own_instant() {
    // 400 a second at four tasks that answer 50 each: all wait equally long, their checks come at different times.
    for fidelity in ["fluid", "requests"] {
        let more = format!(
            r#"
load_balancer = {{}}
traffic = {{ fidelity = "{fidelity}", cpu_ms_per_request = 10, generate = {{ per_second = 400, poisson = false }} }}
"#
        );
        let ran = Ran::of(&service("FARGATE", 10, 4, &more));
        let mut stops: Vec<f64> =
            ran.seconds("stopping_s")[..4].iter().copied().flatten().collect();
        stops.sort_by(f64::total_cmp);
        assert_eq!(stops.len(), 4, "{fidelity}");
        assert!(stops[0] < stops[3], "{fidelity}: {stops:?}");
    }
}

#[test]
fn a_long_queue_of_messages_is_no_reason_for_checks_to_fail() {
    // A worker answers one message a second, ten come: those that wait are in the queue, not at the task.
    for fidelity in ["fluid", "requests"] {
        let more = format!(
            r#"
queue = {{ fidelity = "{fidelity}", cpu_ms_per_message = 500, workers = 1, generate = {{ per_second = 10 }} }}
"#
        );
        let text = service("FARGATE", 30, 2, &more)
            .replace("image_mib = 600\n", "image_mib = 600\nhealth_check = {}\n");
        let ran = Ran::of(&text);
        assert_eq!(ran.tasks("stopped_reason").len(), 2, "{fidelity}");
        assert_eq!(ran.result.services[0].tasks_failed, 0, "{fidelity}");
    }
}

#[test]
fn messages_of_a_stopped_worker_go_back_to_the_queue_and_none_is_lost() {
    for fidelity in ["fluid", "requests"] {
        let more = format!(
            r#"
update = [{{ at = "2m", desired_count = 1 }}, {{ at = "4m", desired_count = 4 }}]
behaviour = {{ time_to_failure = {{ type = "exponential", mean = "3m" }} }}
queue = {{ fidelity = "{fidelity}", cpu_ms_per_message = 0, io_ms_per_message = 2000, generate = {{ per_second = 1.5, step_change = [{{ at = "8m", factor = 0 }}] }} }}
"#
        );
        let ran = Ran::of(&service("EC2", 30, 4, &more));
        let totals = ran.result.services[0].requests;
        assert_eq!(totals.dropped(), 0, "{fidelity}: {totals:?}");
        assert_eq!(totals.served, totals.offered, "{fidelity}");
        // 1.5 a second for eight minutes are 720; single messages come by chance, with a deviation of √720 = 27.
        let off = totals.offered.abs_diff(720_000_000);
        let most = if fidelity == "fluid" { 0 } else { 4 * 27_000_000 };
        assert!(off <= most, "{fidelity}: {totals:?}");
        assert!(ran.result.services[0].tasks_failed > 2, "{fidelity}: workers have crashed");
    }
}

#[test]
fn tasks_that_have_run_for_long_at_time_zero_did_not_fail_to_start() {
    let ran = Ran::of(&service("EC2", 1, 4, "behaviour = { start_failure_percent = 100 }"));
    assert_eq!(ran.at(0, "healthy"), 4.0);
    assert_eq!(ran.result.services[0].tasks_failed, 0);
}
