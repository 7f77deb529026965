//! What new users asked for in their first hour: the answer first, the calendar, one flag for many entries, a scenario
//! from a pipe, pictures that say what they show.

use crate::support::program::{Desk, SMALL};
use std::io::Write as _;
use std::process::Stdio;

/// Four services of which the last takes messages from a queue.
const FOUR: &str = r#"
[simulation]
name = "four"
duration = "2h"
start = "2026-03-02T10:30:00Z"

[[capacity_provider]]
name = "general"
instance_types = ["m5.large", "m5.xlarge"]
desired_capacity = 4

[[task_definition]]
family = "web"
cpu = 256
memory = 256

[[service]]
name = "a"
task_definition = "web"
desired_count = 1

[[service]]
name = "b"
task_definition = "web"
desired_count = 1

[[service]]
name = "c"
task_definition = "web"
desired_count = 1

[[service]]
name = "worker"
task_definition = "web"
desired_count = 1
queue = { cpu_ms_per_message = 5000, generate = { per_second = 1 } }
"#;

#[test]
fn validate_tells_mean_and_peak_of_traffic_and_counts_as_people_do() {
    let desk = Desk::with(FOUR);
    assert_eq!(
        desk.ok("validate small.toml").stdout,
        "four: 4 container instances, 1 task definition, 0 callers, 4 services in us-east-1\n\
         traffic of worker: 1.00 messages a second on average, 1.00 at the peak\n"
    );
    desk.write("small.toml", FOUR.replace("\"four\"", "\"a\\u202eb\""));
    desk.run("validate small.toml")
        .ends_with(2)
        .says("must not hold control characters or marks of direction");
}

#[test]
fn a_star_sets_a_key_in_every_entry_of_a_list() {
    let desk = Desk::with(FOUR);
    let shown =
        desk.ok("validate small.toml --show resolved --set service.*.desired_count=3").stdout;
    assert_eq!(shown.matches("\ndesired_count = 3\n").count(), 4, "{shown}");
    let wrong = desk.run("validate small.toml --set service.*.desired_cuont=3").ends_with(2).stderr;
    assert_eq!(wrong.matches("unknown key").count(), 4, "{wrong}");
    let none = desk.run("validate small.toml --set run_task.*.count=3").ends_with(2).stderr;
    assert!(none.contains("run_task"), "{none}");
    let whole = desk.run("validate small.toml --set service.*=3").ends_with(2).stderr;
    assert!(whole.contains("name one of their keys"), "{whole}");
}

#[test]
fn a_scenario_may_come_from_standard_input() {
    let desk = Desk::with(SMALL);
    let piped = |arguments: &str| {
        let mut child = desk.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(SMALL.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    assert!(piped("validate -").status.success());
    assert!(piped("run - --out piped --charts none").status.success());
    desk.ok("run small.toml --out named --charts none");
    for file in ["tasks.csv", "summary.csv", "cost.csv"] {
        assert_eq!(desk.read(&format!("piped/{file}")), desk.read(&format!("named/{file}")));
    }
    let mut wrong = desk.command("validate -").stdin(Stdio::piped()).spawn().unwrap();
    wrong.stdin.take().unwrap().write_all(b"[simulation]\nseed = \"x\"\n").unwrap();
    let wrong = wrong.wait_with_output().unwrap();
    let stderr = String::from_utf8(wrong.stderr).unwrap();
    assert!(stderr.starts_with("error: standard input:2:8: "), "{stderr}");
}

/// The last cell of each row, below the header.
fn last_cells(table: &str) -> Vec<&str> {
    table.lines().skip(1).map(|line| line.rsplit(',').next().unwrap()).collect()
}

#[test]
fn tables_have_the_calendar_where_the_scenario_has_a_start() {
    let desk = Desk::with(FOUR);
    desk.ok("run small.toml --out dated --charts none");
    let series = desk.read("dated/timeseries.csv");
    assert!(series.lines().next().unwrap().ends_with(",utc"));
    // Samples each minute: after 90 minutes it is noon; one row for the provider and one for the total.
    let noon: Vec<&str> = series.lines().filter(|line| line.starts_with("5400,")).collect();
    assert_eq!(noon.len(), 2);
    assert!(noon.iter().all(|line| line.ends_with(",2026-03-02T12:00:00Z")), "{noon:?}");
    for file in ["services", "service_events", "deployments"] {
        let table = desk.read(&format!("dated/{file}.csv"));
        let cells = last_cells(&table);
        assert!(!cells.is_empty(), "{file}");
        assert!(cells.iter().all(|cell| cell.starts_with("2026-03-02T1")), "{file}: {cells:?}");
    }
    desk.write("undated.toml", FOUR.replace("start = \"2026-03-02T10:30:00Z\"", ""));
    desk.ok("run undated.toml --out undated --charts none");
    let table = desk.read("undated/services.csv");
    assert!(last_cells(&table).iter().all(|cell| cell.is_empty()));
}

#[test]
fn the_screen_begins_with_the_answer_and_says_that_the_fleet_is_fixed() {
    let desk = Desk::with(SMALL);
    let long = "a-name-of-a-scenario-that-is-so-long-that-every-row-of-the-table-would-be-as-long";
    let screen = desk.ok(&format!("run small.toml --quiet --set simulation.name={long}")).stdout;
    let lines: Vec<&str> = screen.lines().collect();
    assert!(lines[0].starts_with("Tasks     ") && lines[0].contains("all placed"), "{screen}");
    assert!(lines[1].starts_with("Cost      $") && lines[1].contains(", all EC2"), "{screen}");
    assert!(lines[2].starts_with("Fleet     fixed: 3 container instances"), "{screen}");
    // The table below is no wider for the name.
    assert!(lines[4..].iter().all(|line| line.chars().count() <= 90), "{screen}");
    assert!(screen.contains("a-name-of-a-scenario…"), "{screen}");
}

#[test]
fn pictures_show_the_calendar_the_queue_the_types_and_what_an_hour_costs() {
    let desk = Desk::with(FOUR);
    desk.ok("run small.toml --out out");
    let picture = |name: &str| desk.read(&format!("out/charts/{name}.svg"));
    for name in ["load", "spending", "reservation", "service-worker-traffic", "service-a-tasks"] {
        let svg = picture(name);
        assert!(svg.contains("UTC, from Mon 2 Mar 2026, 10:30"), "{name}");
        assert!(svg.contains("\n11:00\n") && svg.contains("\n12:00\n"), "{name}");
    }
    // Five CPU seconds a message at one a second: most of them wait.
    assert!(picture("service-worker-traffic").contains("Messages that wait"));
    let fleet = picture("fleet");
    assert!(fleet.contains("2 × m5.large") && fleet.contains("2 × m5.xlarge"), "{fleet}");
    // Types come in equal numbers: two of $0.096 and two of $0.192 an hour, $0.576, below a tick of 0.6.
    let spending = picture("spending");
    assert!(spending.contains("US dollars an hour") && spending.contains("\n0.6\n"), "{spending}");
}

#[test]
fn definitions_that_all_need_awsvpc_are_one_error_with_one_flag_that_mends_it() {
    let desk = Desk::new();
    let mut text = String::from("[simulation]\nduration = \"1h\"\n");
    for name in ["a", "b", "c"] {
        text += &format!(
            "[[task_definition]]\nfamily = \"{name}\"\ncpu = 256\nmemory = 512\n\
             [[service]]\nname = \"{name}\"\ntask_definition = \"{name}\"\nlaunch_type = \"FARGATE\"\ndesired_count = 1\n"
        );
    }
    desk.write("three.toml", &text);
    let stderr = desk.run("validate three.toml").ends_with(2).stderr;
    assert_eq!(stderr.matches("error: ").count(), 1, "{stderr}");
    assert!(stderr.contains("3 task definitions cannot run on Fargate"), "{stderr}");
    assert!(stderr.contains("\"a\", \"b\", \"c\""), "{stderr}");
    // What the help says is what helps.
    let flag = "--set task_definition.*.network_mode=awsvpc";
    assert!(stderr.contains("--set 'task_definition.*.network_mode=awsvpc'"), "{stderr}");
    desk.ok(&format!("validate three.toml {flag}"));
}

#[test]
fn flags_of_generated_traces_have_the_names_of_the_keys_too() {
    let desk = Desk::new();
    let of =
        |flags: &str| desk.ok(&format!("trace generate --rate 5 --until 10m -o - {flags}")).stdout;
    assert_eq!(of("--failures 20"), of("--failure-percent 20"));
    let traffic = |flags: &str| of(&format!("--traffic {flags}"));
    assert_eq!(traffic("--noise 0.2"), traffic("--noise-sigma 0.2"));
    assert_eq!(traffic("--surge 2m:3:1m"), traffic("--step-change 2m:3:1m"));
}

/// Two pools of one instance each; `jobs` may use pool a only.
const POOLS: &str = r#"
[[capacity_provider]]
name = "a"
instance_types = ["m5.large"]
desired_capacity = 1
attributes = { pool = "a" }

[[capacity_provider]]
name = "b"
instance_types = ["m5.large"]
desired_capacity = 1
attributes = { pool = "b" }

[[task_definition]]
family = "job"
cpu = 2048
memory = 1024

[[run_task]]
name = "jobs"
task_definition = "job"
trace = "jobs.csv"
placement_constraints = [{ type = "memberOf", expression = "attribute:pool == a" }]
"#;

#[test]
fn a_refused_task_names_what_the_pool_lacks_that_it_may_use() {
    let desk = Desk::with(POOLS);
    desk.write("jobs.csv", "arrival_s,duration_s\n0,100\n10,100\n");
    desk.ok("run small.toml --out out --charts none");
    // The first takes both vCPUs of pool a. For the second a lacks CPU, and b, which has room, is none of its pool.
    let failures = desk.read("out/placement_failures.csv");
    assert!(failures.contains("10,jobs,1,1,1,RESOURCE:CPU,1,"), "{failures}");
    assert!(failures.contains("10,jobs,1,1,1,MEMBER_OF,1,"), "{failures}");
    let metrics = desk.read("out/metrics.csv");
    assert!(metrics.contains("tasks_refused_cpu,1,tasks"), "{metrics}");
    assert!(metrics.contains("tasks_refused_member_of,0,tasks"), "{metrics}");
}

#[test]
fn an_expression_on_an_agent_version_that_nobody_has_is_noted() {
    let version = POOLS.replace("attribute:pool == a", "agentVersion >= 1.0.0");
    let desk = Desk::with(&version);
    desk.write("jobs.csv", "arrival_s,duration_s\n0,100\n");
    let stderr = desk.ok("validate small.toml").stderr;
    assert!(stderr.contains("note: no instance has an agent version"), "{stderr}");
    let known = version.replace("pool = \"b\"", "agentVersion = \"1.2.0\"");
    desk.write("known.toml", known);
    assert_eq!(desk.ok("validate known.toml").stderr, "");
    desk.ok("run known.toml --out out --charts none");
    assert!(desk.read("out/tasks.csv").contains(",EC2,b,"));
}

#[test]
fn a_provider_without_base_and_weight_is_no_place_to_wait_for() {
    // Only b, which never gets a task, would be large enough.
    let strategy = "capacity_provider_strategy = [{ capacity_provider = \"a\", weight = 1 }, \
                    { capacity_provider = \"b\", weight = 0 }]\non_failure = \"queue\"\non_oversized = \"refuse\"";
    let text = POOLS
        .replace("cpu = 2048", "cpu = 3072")
        .replace("name = \"b\"\ninstance_types = [\"m5.large\"]", "name = \"b\"\ninstance_types = [\"m5.xlarge\"]")
        .replace("placement_constraints = [{ type = \"memberOf\", expression = \"attribute:pool == a\" }]", strategy);
    let desk = Desk::with(&text);
    desk.write("jobs.csv", "arrival_s,duration_s\n0,100\n");
    desk.ok("run small.toml --out out --charts none");
    let metrics = desk.read("out/metrics.csv");
    assert!(metrics.contains("tasks_refused,1,tasks"), "{metrics}");
    assert!(metrics.contains("tasks_waiting_at_end,0,tasks"), "{metrics}");
}

/// The number of MiB behind a label of a dry run.
fn mebibytes(dry: &str, label: &str) -> f64 {
    let said = dry.lines().find_map(|line| line.strip_prefix(label)).expect("the label");
    said.split_whitespace().next().unwrap().replace(',', "").parse().unwrap()
}

/// Runs to the end; the most memory that the program had, in MiB, or nothing where the system does not say.
fn peak(desk: &Desk, arguments: &str) -> Option<f64> {
    let mut child = desk.command(arguments).stdout(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = None;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: Option<f64> =
            line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
        peak = kib.map(|kib| kib / 1024.0).or(peak);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert!(child.wait().unwrap().success(), "{arguments}");
    peak
}

#[test]
fn a_dry_run_foresees_disk_and_memory_within_a_fifth() {
    let desk = Desk::new();
    let shipped = |name: &str| format!("{}/scenarios/{name}", env!("CARGO_MANIFEST_DIR"));
    // Thirty services with long names, by the minute for two days.
    let mut thirty =
        String::from("[simulation]\nduration = \"2d\"\nstart = \"2026-03-02T00:00:00Z\"\n");
    for i in 0..30 {
        let name = format!("payments-authorisation-and-settlement-gateway-{i:02}");
        thirty += &format!(
            "[[task_definition]]\nfamily = \"{name}\"\ncpu = 512\nmemory = 1024\nnetwork_mode = \"awsvpc\"\n\
             [[service]]\nname = \"{name}\"\ntask_definition = \"{name}\"\nlaunch_type = \"FARGATE\"\n\
             desired_count = 3\nload_balancer = {{}}\n\
             traffic = {{ cpu_ms_per_request = 5, generate = {{ per_second = 90, daily_depth = 0.7 }} }}\n\
             scaling = {{ min_capacity = 2, max_capacity = 9, target_tracking = [{{ metric = \"ECSServiceAverageCPUUtilization\", target_value = 60 }}] }}\n"
        );
    }
    desk.write("thirty.toml", thirty);
    for scenario in [
        shipped("01-batch-on-ec2.toml"),
        shipped("03-fargate.toml"),
        shipped("08-ec2-and-fargate.toml"),
        "thirty.toml".to_string(),
    ] {
        let dry = desk.ok(&format!("run {scenario} --dry-run")).stdout;
        let (disk, memory) = (mebibytes(&dry, "disk, about"), mebibytes(&dry, "memory, about"));
        let most = peak(&desk, &format!("run {scenario} --quiet --force --out out"));
        let bytes: usize = desk.files("out").0.values().map(Vec::len).sum();
        let found = bytes as f64 / f64::from(1 << 20);
        println!("{scenario}: disk {disk} foreseen, {found:.2} found; memory {memory}, {most:?}");
        assert!((found / 1.2..=found * 1.2).contains(&disk), "{scenario}: {disk} and {found} MiB");
        // Builds without optimisation have larger stacks. A program that ends between two looks has had more than was
        // seen: a few MiB, of the pictures at the end.
        if let Some(most) = most.filter(|_| !cfg!(debug_assertions)) {
            let seen = most / 1.2..=most * 1.2 + 5.0;
            assert!(seen.contains(&memory), "{scenario}: {memory}, {most}");
        }
    }
}

#[test]
fn a_canary_has_a_picture_of_the_traffic_that_it_gets() {
    let desk = Desk::new();
    let shipped = format!("{}/scenarios/36-blue-green.toml", env!("CARGO_MANIFEST_DIR"));
    desk.ok(&format!("run {shipped} --quiet --out out"));
    let share = "Share of the traffic on the newest revision, %";
    assert!(desk.read("out/charts/service-api-tasks.svg").contains(share));
    // A rolling update shifts no traffic by weight.
    let rolling = format!("{}/scenarios/31-rolling-update.toml", env!("CARGO_MANIFEST_DIR"));
    desk.ok(&format!("run {rolling} --quiet --out rolling"));
    assert!(!desk.read("rolling/charts/service-api-tasks.svg").contains(share));
}

#[test]
fn values_without_quotes_and_lists_without_brackets_are_told_how_to_write_them() {
    let desk = Desk::with(SMALL);
    let strategy = "run_task.jobs.placement_strategy=[{type=binpack}]";
    desk.run(&format!("validate small.toml --set {strategy}"))
        .ends_with(2)
        .says("neither a list nor a table of TOML")
        .says("needs quotes, such as [{ type = \"binpack\"");
    let types = "capacity_provider.general.instance_types=m7g.large";
    let list = desk.run(&format!("validate small.toml --set {types}")).ends_with(2);
    assert!(list.stderr.contains("`instance_types` must be a list, not text"), "{}", list.stderr);
    assert!(list.stderr.contains("write [\"m7g.large\"]"), "{}", list.stderr);
}

#[test]
fn a_task_that_never_fits_names_its_row_however_late_it_is_found_out() {
    // One call a second: the row is read at 0 s, and its call is made at 3 s, when later rows have been read.
    let limits = "[limits]\nrun_task_calls = { burst = 1, per_second = 1 }\n";
    let text = POOLS
        .replace("placement_constraints = [{ type = \"memberOf\", expression = \"attribute:pool == a\" }]", "on_failure = \"retry\"")
        .replace("cpu = 2048", "cpu = 256");
    let desk = Desk::with(&(limits.to_string() + &text));
    let rows = "arrival_s,duration_s,cpu\n0,9,\n0,9,\n0,9,\n0,9,4096\n1,9,\n2,9,\n2.5,9,\n";
    desk.write("jobs.csv", rows);
    let stderr = desk.run("run small.toml --out out --charts none").ends_with(2).stderr;
    assert!(stderr.contains("jobs.csv:5: run_task `jobs`: task 3 (arrival 0 s)"), "{stderr}");
}

#[test]
fn no_wait_has_a_place_of_its_own_on_the_axis_of_waits() {
    let desk = Desk::with(SMALL);
    desk.ok("run small.toml --out out --quiet");
    let text = desk.read("out/charts/waits.svg");
    let document = roxmltree::Document::parse(&text).unwrap();
    let of = |words: &str| -> Vec<i64> {
        let is = |node: &roxmltree::Node<'_, '_>| node.text().is_some_and(|t| t.trim() == words);
        let nodes = document.descendants().filter(is);
        nodes.filter_map(|node| node.attribute("x")?.parse().ok()).collect()
    };
    // Half of the tasks did not wait: p50 is 0, and stands left of every tick of the logarithmic axis.
    assert!(text.contains("p50  0 s"), "{text}");
    // The other "0" is the label of the vertical axis, further left.
    let zero = of("0").into_iter().max().expect("a tick for 0");
    let first = ["1 s", "2 s", "5 s", "10 s"].into_iter().flat_map(of).min().unwrap();
    assert!(zero < first, "0 at {zero}, the first tick at {first}");
}

/// Two m7g.large (2 vCPU, 8 GiB, arm64) and a service of two tasks.
fn cannot(definition: &str, service: &str) -> String {
    format!(
        "[simulation]\nduration = \"1h\"\n[[capacity_provider]]\nname = \"e\"\ninstance_types = [\"m7g.large\"]\ndesired_capacity = 2\n[[task_definition]]\nfamily = \"search\"\n{definition}\n[[service]]\nname = \"search\"\ntask_definition = \"search\"\ndesired_count = 2\ntraffic = {{ generate = {{ per_second = 1 }} }}\n{service}\n"
    )
}

#[test]
fn a_service_that_can_never_be_placed_is_warned_of() {
    // The host keeps some of its 8 GiB; the instances are arm64.
    let cases = [
        ("cpu = 2048\nmemory = 8192", "", "RESOURCE:MEMORY on 2"),
        (
            "cpu = 256\nmemory = 256\nruntime_platform = { cpu_architecture = \"X86_64\" }",
            "",
            "ATTRIBUTE on 2",
        ),
        (
            "cpu = 256\nmemory = 256",
            "placement_constraints = [{ type = \"memberOf\", expression = \"attribute:rack == a\" }]",
            "MEMBER_OF on 2",
        ),
        ("cpu = 256\nmemory = 256\ngpus = 1", "", "RESOURCE:GPU on 2"),
        ("cpu = 256\nmemory = 256", "scheduling_strategy = \"DAEMON\"", ""),
        ("cpu = 256\nmemory = 256", "", ""),
    ];
    for (definition, service, why) in cases {
        let mut text = cannot(definition, service);
        if service.contains("DAEMON") {
            text = text.replace("desired_count = 2\ntraffic", "traffic");
        }
        let desk = Desk::with(&text);
        let validated = desk.ok("validate small.toml").stderr;
        let ran = desk.ok("run small.toml --out out --charts none --quiet");
        for stderr in [validated, ran.stderr] {
            let warned = stderr.contains("warning: service `search` can never have a task");
            assert_eq!(warned, !why.is_empty(), "{definition}: {stderr}");
            assert!(stderr.contains(why), "{definition}: {stderr}");
        }
        if !why.is_empty() {
            let reason = why.split(" on ").next().unwrap().trim_start_matches("RESOURCE:");
            let reason = reason.to_lowercase().replace('_', " ");
            assert!(ran.stdout.contains(&format!("by reason: {reason} (")), "{}", ran.stdout);
            assert!(desk.read("out/metrics.csv").contains("tasks_waiting_at_end,2,tasks"));
        }
    }
}

#[test]
fn drops_that_all_lie_at_the_beginning_are_said_to() {
    // Two tasks of a vCPU answer 200 a second of 10 ms; 300 come until scaling has added some.
    let text = "[simulation]\nduration = \"8h\"\n[[task_definition]]\nfamily = \"w\"\ncpu = 1024\nmemory = 2048\nnetwork_mode = \"awsvpc\"\n[[service]]\nname = \"api\"\ntask_definition = \"w\"\nlaunch_type = \"FARGATE\"\ndesired_count = 2\nload_balancer = {}\ntraffic = { cpu_ms_per_request = 10, generate = { per_second = 300 } }\nscaling = { min_capacity = 2, max_capacity = 20, target_tracking = [{ metric = \"cpu\", target_value = 50 }] }\n";
    let hint = "the desired counts at time zero may not fit the load";
    let desk = Desk::with(text);
    let stdout = desk.ok("run small.toml --out out --charts none --quiet").stdout;
    assert!(stdout.contains(hint), "{stdout}");
    let metrics = desk.read("out/metrics.csv");
    let row = metrics.lines().find(|row| row.contains("requests_dropped_last_s,")).unwrap();
    let last: f64 = row.split(',').nth(1).unwrap().parse().unwrap();
    assert!(last > 60.0 && last < 3_600.0, "{row}");
    // Without scaling they are dropped to the end, and there is nothing to hint at.
    let lasting = text.replace("max_capacity = 20", "max_capacity = 2");
    let desk = Desk::with(&lasting);
    let stdout = desk.ok("run small.toml --out out --charts none --quiet").stdout;
    assert!(!stdout.contains(hint), "{stdout}");
    // What an incident drops says nothing of time zero.
    let struck = text.replace("per_second = 300", "per_second = 150")
        + "[[failure]]\nkind = \"az_outage\"\navailability_zone = \"us-east-1a\"\nat = \"2m\"\nduration = \"10m\"\n";
    let desk = Desk::with(&struck);
    let stdout = desk.ok("run small.toml --out out --charts none --quiet").stdout;
    assert!(stdout.contains(" dropped (") && !stdout.contains(hint), "{stdout}");
}
