//! What a whole run makes of its inputs: every row of every table accounted for in the manifest, names, limits.

use crate::support::program::Desk;
use serde_json::Value;

/// A cluster for callers whose trace is `jobs.csv`.
const CALLER: &str = r#"
[simulation]
name = "small"
duration = "1m"

[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 2

[[run_task]]
name = "jobs"
trace = "jobs.csv"
"#;

/// A service on Fargate whose traffic is `y.csv`.
const SERVICE: &str = r#"
[simulation]
name = "small"
duration = "1h"

[[task_definition]]
family = "web"
cpu = 256
memory = 512
network_mode = "awsvpc"

[[service]]
name = "web"
task_definition = "web"
launch_type = "FARGATE"
desired_count = 2
traffic = { trace = "y.csv", format = "cloudwatch", on_error = "skip", cpu_ms_per_request = 5 }
"#;

/// The account of one table in the manifest of a run of `small.toml`.
fn account(desk: &Desk, table: &str) -> Value {
    desk.ok("run small.toml --quiet --charts none --force");
    let manifest = desk.read("output/small/manifest.json");
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let rows = manifest["traces"][table].clone();
    assert!(rows.is_object(), "{table} is not in {}", manifest["traces"]);
    let skipped = rows["skipped"].as_object().unwrap();
    let skipped: u64 = skipped.values().map(|count| count.as_u64().unwrap()).sum();
    let whole = |key: &str| rows[key].as_u64().unwrap();
    assert_eq!(whole("read"), whole("used") + skipped, "{rows}");
    rows
}

#[test]
fn rows_after_the_end_of_the_run_are_counted_as_left_out() {
    let text = "arrival_s,cpu,memory_mib,duration_s\n0,256,512,9\n30,256,512,9\n\
                90,256,512,9\n120,256,512,9\n";
    for order in ["", "order = \"sort\"\n"] {
        let desk = Desk::with(&format!("{CALLER}{order}"));
        desk.write("jobs.csv", text);
        let rows = account(&desk, "jobs");
        let expected = serde_json::json!({
            "file": "jobs.csv", "read": 4, "used": 2,
            "skipped": { "after the end of the run": 2 }, "adjusted": {},
        });
        assert_eq!(rows, expected, "{order}");
    }
}

#[test]
fn what_is_wrong_after_the_end_of_the_run_is_of_no_consequence() {
    let desk = Desk::with(CALLER);
    let text = "arrival_s,cpu,memory_mib,duration_s\n0,256,512,9\n90,256,512,9\nnonsense\n";
    desk.write("jobs.csv", text);
    let rows = account(&desk, "jobs");
    assert_eq!((&rows["read"], &rows["used"]), (&3.into(), &1.into()), "{rows}");
}

#[test]
fn traffic_is_accounted_for() {
    let desk = Desk::with(SERVICE);
    let minute = |minute: &str| format!("2024-01-01T{minute}:00Z,600\n");
    let rows = ["00:00", "00:05", "00:05", "00:10", "00:30", "01:30", "01:35"].map(minute);
    desk.write("y.csv", format!("timestamp,value\n{}", rows.concat()));
    let expected = serde_json::json!({
        "file": "y.csv", "read": 7, "used": 4,
        "skipped": { "after the end of the run": 2, "the same instant twice": 1 },
        // 00:15 to 00:30 and 00:35 to 01:00.
        "adjusted": { "a period without a row: no requests": 8 },
    });
    assert_eq!(account(&desk, "service.web"), expected);
    // Two services that share the trace, one of which plays more of it.
    let second = SERVICE.split("[[service]]").nth(1).unwrap();
    let second = second.replace("name = \"web\"", "name = \"later\"");
    let second = second.replace("trace =", "skip = \"40m\", trace =");
    desk.write("small.toml", format!("{SERVICE}[[service]]{second}"));
    assert_eq!(account(&desk, "service.later")["used"], 6);
}

#[test]
fn each_format_of_traffic_counts_what_it_does_not_play() {
    for (format, text, used) in [
        ("native", "time_s,requests_per_s\n0,1\n600,2\n1200,3\n3600,4\n4000,5\n", [1, 2, 2]),
        ("counts", "period,count\n0,60\n600,60\n1200,60\n3600,60\n4000,60\n", [1, 2, 2]),
        ("count_list", "60 60 60 60 60\n", [2, 2, 1]),
    ] {
        let period = match format {
            "native" => "",
            "counts" => ", period = \"1m\"",
            _ => ", period = \"20m\"",
        };
        let traffic = format!("format = \"{format}\", skip = \"20m\"{period}");
        let scenario = SERVICE.replace("format = \"cloudwatch\"", &traffic);
        let desk = Desk::with(&scenario.replace("duration = \"1h\"", "duration = \"40m\""));
        desk.write("y.csv", text);
        let rows = account(&desk, "service.web");
        let skipped = |reason: &str| rows["skipped"][reason].as_u64().unwrap_or(0);
        let before = skipped("before the part of the trace that is played");
        let found = [rows["used"].as_u64().unwrap(), skipped("after the end of the run"), before];
        assert_eq!(found, used, "{format}: {rows}");
    }
}

#[test]
fn failures_inventories_and_prices_are_accounted_for() {
    let spot = "purchase = \"spot\"\nspot_prices = \"spot.csv\"\ninventory = \"nodes.csv\"\n\
                availability_zones = [\"us-east-1a\"]\n[[run_task]]";
    let callers = CALLER
        .replace("instance_types = [\"m5.large\"]\ndesired_capacity = 2\n", "")
        .replace("[[run_task]]", spot);
    let services = SERVICE.split("[[task_definition]]").nth(1).unwrap();
    let scenario = format!(
        "{callers}\n[[failure_trace]]\ntrace = \"crashes.csv\"\n[[task_definition]]{services}"
    );
    let desk = Desk::with(&scenario);
    desk.write("jobs.csv", "arrival_s,cpu,memory_mib,duration_s\n0,256,512,9\n");
    desk.write("y.csv", "timestamp,value\n0,600\n300,600\n");
    desk.write(
        "crashes.csv",
        "time_s,kind,target,duration_s\n5,task_crash,web,\n90,task_crash,web,\n",
    );
    desk.write("nodes.csv", "instance_type,count\nm5.large,2\nm5.large,1\n");
    let zone = "us-east-1a,m5.large";
    desk.write(
        "spot.csv",
        format!(
            "time_s,availability_zone,instance_type,usd_per_hour\n5,{zone},0.04\n5,{zone},0.05\n"
        ),
    );
    let crashes = account(&desk, "failure_trace.1");
    assert_eq!(crashes["skipped"], serde_json::json!({ "after the end of the run": 1 }));
    assert_eq!(account(&desk, "capacity_provider.general.inventory")["used"], 2);
    let prices = account(&desk, "capacity_provider.general.spot_prices");
    let replaced = serde_json::json!({ "the next row has the same market and instant": 1 });
    assert_eq!(prices["skipped"], replaced);
    let assumed = serde_json::json!({ "the first price of a market also holds before it": 1 });
    assert_eq!(prices["adjusted"], assumed);
}

#[test]
fn unix_time_is_counted_from_the_first_row_and_noted() {
    const UNIX: &str = "Unix time: the first row is at the beginning";
    let desk = Desk::with(SERVICE);
    desk.write("y.csv", "timestamp,value\n1394323200,600\n1394323500,600\n");
    let rows = account(&desk, "service.web");
    assert_eq!((&rows["used"], &rows["adjusted"][UNIX]), (&2.into(), &2.into()), "{rows}");
    let summary = desk.read("output/small/summary.json");
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!(summary["metrics"]["requests_offered"]["value"], 1_200);
    for (text, expected) in [
        (
            "timestamp,value\n0,1\n1394323500,1\n",
            "y.csv:3:1: timestamp is \"1394323500\": seconds since",
        ),
        (
            "timestamp,value\n50000000,1\n50000300,1\n",
            "y.csv:2:1: the row is 578 d after the beginning",
        ),
    ] {
        desk.write("small.toml", SERVICE.replace("on_error = \"skip\"", "on_error = \"fail\""));
        desk.write("y.csv", text);
        desk.run("run small.toml --force").ends_with(2).says(expected);
    }
    let desk = Desk::with(&CALLER.replace("duration = \"1m\"", "duration = \"1h\""));
    desk.write("jobs.csv", "arrival_s,cpu,memory_mib,duration_s\n1394323200,256,512,60\n");
    assert_eq!(account(&desk, "jobs")["adjusted"][UNIX], 1);
}

#[test]
fn names_are_those_that_ecs_takes() {
    let scenario = r#"
[[cluster]]
name = "=c"

[[instance_type]]
name = "+t"
vcpus = 2
memory = "4 GiB"

[[capacity_provider]]
name = "@p"
instance_types = ["m5.large"]
desired_capacity = 1

[[task_definition]]
family = "arn:aws:ecs:x"
memory = 512
container = [{ name = "a b", memory = 64 }]

[[run_task]]
name = "=1+1"
group = "-g"
generate = { per_second = 1, until = "1m", sizes = [{ cpu = 256, memory = 512 }] }

[[service]]
name = "-web"
task_definition = "arn:aws:ecs:x"
desired_count = 1
"#;
    let desk = Desk::with(scenario);
    let done = desk.run("validate small.toml").ends_with(2);
    for (line, name) in [
        (3, "=c"),
        (6, "+t"),
        (11, "@p"),
        (16, "arn:aws:ecs:x"),
        (18, "a b"),
        (21, "=1+1"),
        (22, "-g"),
        (26, "-web"),
    ] {
        let place = format!("small.toml:{line}:");
        let message = format!(" \"{name}\" is not a name that ECS takes");
        let found = done.stderr.lines().any(|l| l.contains(&place) && l.contains(&message));
        assert!(found, "{name}: {}", done.stderr);
    }
}

#[test]
fn cells_of_an_inventory_are_names() {
    let callers = CALLER.replace(
        "instance_types = [\"m5.large\"]\ndesired_capacity = 2\n",
        "inventory = \"n.csv\"\n",
    );
    let desk = Desk::with(&callers);
    desk.write("jobs.csv", "arrival_s,cpu,memory_mib,duration_s\n0,256,512,9\n");
    let header = "instance_id,instance_type,cpu,memory_mib,attribute:rack\n";
    desk.write(
        "n.csv",
        format!(
            "{header}=1+1,rack,2048,4096,a\ni-1,\u{1b}[31m,2048,4096,a\ni-2,m5.large,,,a\u{7}\n"
        ),
    );
    desk.run("validate small.toml")
        .ends_with(2)
        .says("n.csv:2:1: `instance_id` \"=1+1\" is not a name")
        .says("n.csv:3:5: `instance_type` must not hold control characters")
        .says("n.csv:4:16: `attribute:rack` must not hold control characters");
}

#[test]
fn a_scenario_s_name_stays_in_the_output_folder() {
    for name in ["../x", "/tmp/x", "a/b", "a\\\\b", ".", ".."] {
        let desk = Desk::with(&CALLER.replace("\"small\"", &format!("\"{name}\"")));
        desk.write("jobs.csv", "arrival_s,cpu,memory_mib,duration_s\n0,256,512,9\n");
        desk.run("run small.toml").ends_with(2).says("small.toml:3:8: `name` ");
        assert_eq!(desk.names(), ["jobs.csv", "small.toml"], "{name}");
    }
    let desk = Desk::new();
    desk.write("..toml", CALLER.replace("name = \"small\"\n", ""));
    desk.write("jobs.csv", "arrival_s,cpu,memory_mib,duration_s\n0,256,512,9\n");
    desk.ok("run ..toml --quiet --charts none");
    assert!(desk.path("output/scenario/manifest.json").is_file());
}

#[test]
fn metrics_of_expectations_are_known_before_the_run() {
    let expect = |metric: &str| format!("\n[[expect]]\nmetric = \"{metric}\"\nat_most = 1e9\n");
    let known = ["wait_s_p95", "total_usd", "requests_offered", "service.web.usd"].map(expect);
    let desk = Desk::with(&format!("{SERVICE}{}", known.concat()));
    desk.write("y.csv", "timestamp,value\n0,600\n300,600\n");
    desk.ok("validate small.toml");
    desk.ok("run small.toml --quiet --charts none");
    let wrong =
        ["wait_s_p_95", "service.nope.usd", "service.web.usdd", "service.web", "p95"].map(expect);
    desk.write("small.toml", format!("{SERVICE}{}", wrong.concat()));
    for command in ["validate small.toml", "run small.toml --dry-run", "run small.toml --force"] {
        desk.run(command)
            .ends_with(2)
            .says("there is no metric \"wait_s_p_95\"")
            .says("did you mean \"wait_s_p95\"?")
            .says("there is no metric \"service.nope.usd\": the scenario has no service \"nope\"")
            .says("there is no metric \"service.web.usdd\"")
            .says("there is no metric \"service.web\"")
            .says("there is no metric \"p95\"");
    }
}

#[test]
fn ranges_of_generators_are_those_of_the_run() {
    let traffic = |keys: &str| {
        let generate = format!("generate = {{ per_second = 1, {keys} }}");
        SERVICE
            .replace("trace = \"y.csv\", format = \"cloudwatch\", on_error = \"skip\"", &generate)
    };
    let caller = |keys: &str| {
        let sizes = "sizes = [{ cpu = 256, memory = 512 }]";
        let generate = format!("generate = {{ per_second = 1e-3, limit = 1, {sizes}, {keys} }}");
        CALLER.replace("trace = \"jobs.csv\"", &generate)
    };
    let bursts = |factor: u64, gap: &str| {
        format!("bursts = {{ factor = {factor}, mean_gap = \"{gap}\", mean_length = \"{gap}\" }}")
    };
    for (most, more) in [
        ("weekend_factor = 1000".to_string(), "weekend_factor = 1001".to_string()),
        (bursts(10_000, "5000w"), bursts(10_001, "5000w")),
        (bursts(2, "36600d"), bursts(2, "36601d")),
        ("daily_peak = \"24h\"".to_string(), "daily_peak = \"25h\"".to_string()),
    ] {
        for scenario in [&traffic as &dyn Fn(&str) -> String, &caller] {
            let desk = Desk::with(&scenario(&most));
            desk.ok("run small.toml --charts none");
            desk.write("small.toml", scenario(&more));
            desk.run("validate small.toml").ends_with(2).says("small.toml:");
        }
    }
    let desk = Desk::with(&traffic("step = \"366d\""));
    desk.ok("run small.toml --charts none");
    desk.write("small.toml", traffic("step = \"367d\""));
    desk.run("validate small.toml").ends_with(2);
}

#[test]
fn headers_that_are_none_cost_one_message() {
    let inventory = CALLER.replace(
        "instance_types = [\"m5.large\"]\ndesired_capacity = 2\n",
        "inventory = \"n.csv\"\n",
    );
    let prices = format!("{CALLER}\n[prices]\nfile = \"n.csv\"\n");
    let spot = CALLER.replace(
        "desired_capacity = 2",
        "desired_capacity = 2\npurchase = \"spot\"\nspot_prices = \"n.csv\"",
    );
    for scenario in [inventory, prices, spot] {
        let desk = Desk::with(&scenario);
        desk.write("jobs.csv", "arrival_s,cpu,memory_mib,duration_s\n0,256,512,9\n");
        for text in [
            format!("sn,cpu_milli{}\n", ",".repeat(900)),
            format!("sn,cpu_milli{}\n", ",".repeat(16_000)),
            format!("{}\n", "x".repeat(100_000)),
            format!("{}\n", "x,".repeat(1 << 20)),
        ] {
            desk.write("n.csv", &text);
            let done = desk.run("validate small.toml").ends_with(2).says("n.csv:1:");
            assert!(done.stderr.len() < 20_000, "{}", done.stderr.len());
        }
    }
    let desk = Desk::with(CALLER);
    desk.write("jobs.csv", format!("{}\n", "column,".repeat(20_000)));
    for command in ["run small.toml", "trace inspect jobs.csv", "trace convert jobs.csv -o x.csv"] {
        let done = desk.run(command).ends_with(2);
        assert!(done.stderr.len() < 5_000, "{command}: {}", done.stderr.len());
    }
}

#[test]
fn what_is_long_is_cut_and_what_cannot_be_seen_is_escaped() {
    let desk = Desk::new();
    let long = "1".repeat(100_000);
    for text in [
        format!("[simulation]\nduration = \"{long}\"\n"),
        format!("[simulation]\nduration = \"{long}s\"\n"),
        format!("[simulation]\nduration = {long}\n"),
        format!("[simulation]\nduration = \"1{}\"\n", "x".repeat(100_000)),
        format!("[simulation]\nseed = {long}\n"),
        format!("[[run_task]]\nname = \"{}\"\n", "é".repeat(2_000)),
    ] {
        desk.write("small.toml", &text);
        let done = desk.run("validate small.toml").ends_with(2);
        assert!(done.stderr.len() < 4_000, "{}", &done.stderr[..1_000]);
    }
    let expect = "\n[[expect]]\nmetric = \"total\u{202e}_usd\u{200b}\"\nat_most = 1\n";
    desk.write("small.toml", format!("{CALLER}{expect}"));
    desk.write("jobs.csv", "arrival_s,cpu,memory_mib,duration_s\n0,256,512,9\n");
    let done = desk.run("validate small.toml").ends_with(2);
    assert!(!done.stderr.contains(['\u{202e}', '\u{200b}']), "{}", done.stderr);
}

#[test]
fn a_file_of_errors_is_soon_told() {
    let desk = Desk::new();
    desk.write("small.toml", format!("a = {{{}}}\n", "a,".repeat(1 << 20)));
    desk.run("validate small.toml").ends_with(2).says("TOML:");
    let unknown: String = (0..5_000).map(|key| format!("key{key} = 1\n")).collect();
    desk.write("small.toml", unknown);
    desk.run("validate small.toml").ends_with(2).says("and 4900 more errors");
    desk.write("small.json", "// a comment\n{ \"simulation\": {} }\n");
    let done = desk.run("validate small.json").ends_with(2);
    assert!(!done.stderr.contains("TOML"), "{}", done.stderr);
}

#[test]
fn prices_are_exact_or_refused() {
    let desk = Desk::with(
        &CALLER.replace("desired_capacity", "usd_per_hour = 0.12345678949\ndesired_capacity"),
    );
    desk.write("jobs.csv", "arrival_s,cpu,memory_mib,duration_s\n0,256,512,9\n");
    desk.run("validate small.toml").ends_with(2).says("`usd_per_hour` has more than nine decimals");
    desk.write(
        "small.toml",
        CALLER.replace("desired_capacity", "usd_per_hour = 1.25e-1\ndesired_capacity"),
    );
    desk.ok("validate small.toml");
}

#[test]
fn errors_of_a_row_name_its_line() {
    let header = "arrival_s,cpu,memory_mib,duration_s,task_definition\n";
    for order in ["", "order = \"sort\"\n"] {
        let desk = Desk::with(&format!("{CALLER}{order}"));
        desk.write("jobs.csv", format!("{header}0,256,512,9,\n\n1,256,512,9,nobody\n"));
        desk.run("run small.toml")
            .ends_with(2)
            .says("error: jobs.csv:4: run_task `jobs`: its trace names");
        desk.write("jobs.csv", format!("{header}0,256,512,9,\n1,256000,512,9,\n"));
        let queue = format!("{CALLER}{order}on_failure = \"queue\"\n");
        desk.write("small.toml", queue);
        desk.run("run small.toml").ends_with(2).says("error: jobs.csv:3: run_task `jobs`: task 1");
    }
}

#[test]
fn the_columns_of_another_format_say_which_it_is() {
    let desk = Desk::with(&SERVICE.replace(", format = \"cloudwatch\"", ""));
    desk.write("y.csv", "timestamp,value\n0,600\n300,600\n");
    desk.run("run small.toml")
        .ends_with(2)
        .says("the columns are those of format = \"cloudwatch\"");
    desk.write("jobs.csv", "{ \"Datapoints\": [] }\n");
    desk.run("trace inspect jobs.csv").ends_with(2).says("is JSON and not a table");
    desk.write("usage.csv", "m_1932,386670,41,92,,,43.04,33.08,5\n");
    let done = desk.run("trace inspect usage.csv").ends_with(2);
    assert!(!done.stderr.contains("alibaba_v2018"), "{}", done.stderr);
}

#[test]
fn fields_between_other_separators_than_commas_are_told_to_be_so() {
    let desk = Desk::with(CALLER);
    let says = "by semicolons, not by commas";
    desk.write("jobs.csv", "arrival_s;cpu;memory_mib;duration_s\n0;256;512;9,5\n");
    desk.run("run small.toml").ends_with(2).says("jobs.csv:1:1").says(says).says("tr ';' ','");
    desk.run("trace inspect jobs.csv").ends_with(2).says(says);
    desk.write("jobs.csv", "arrival_s\tcpu\tmemory_mib\tduration_s\n0\t256\t512\t9\n");
    desk.run("trace inspect jobs.csv").ends_with(2).says("by tabs, not by commas");
    for header in ["time_s;requests_per_s", "Timestamp;Value", "period; count"] {
        desk.write("y.csv", format!("{header}\n0;5\n"));
        desk.write("small.toml", SERVICE);
        desk.run("run small.toml").ends_with(2).says("y.csv:1:1").says(says);
        desk.write("small.toml", SERVICE.replace(", format = \"cloudwatch\"", ""));
        desk.run("run small.toml").ends_with(2).says("y.csv:1:1").says(says);
    }
    desk.write("y.csv", "\"time_s\";\"requests_per_s\"\n0;5\n");
    desk.run("run small.toml").ends_with(2).says("y.csv:1:8").says("put commas between fields");
    desk.write("y.csv", "time_s;requests_per_s\n0;5\n");
    desk.run("trace inspect y.csv").ends_with(2).says(says);
    let fleet = "instance_types = [\"m5.large\"]\ndesired_capacity = 2\n";
    assert!(CALLER.contains(fleet));
    desk.write("small.toml", CALLER.replace(fleet, "inventory = \"n.csv\"\n"));
    desk.write("n.csv", "instance_type;availability_zone\nm5.large;us-east-1a\n");
    desk.run("run small.toml").ends_with(2).says("n.csv:1:1").says(says);
    desk.write("small.toml", format!("{CALLER}\n[prices]\nfile = \"p.csv\"\n"));
    desk.write("p.csv", "region;instance_type;usd_per_hour\nus-east-1;m5.large;1\n");
    desk.run("run small.toml").ends_with(2).says("p.csv:1:1").says(says);
}

#[test]
fn sizes_may_be_left_to_the_task_definition_altogether() {
    let definition = "[[task_definition]]\nfamily = \"job\"\ncpu = 256\nmemory = 512\n";
    let scenario = CALLER.replace("name = \"jobs\"", "name = \"jobs\"\ntask_definition = \"job\"");
    let desk = Desk::with(&format!("{scenario}\n{definition}"));
    desk.write("jobs.csv", "arrival_s,duration_s\n0,9\n");
    assert_eq!(account(&desk, "jobs")["used"], 1);
    desk.write("small.toml", CALLER);
    desk.run("run small.toml --force").ends_with(2).says("jobs.csv:2:1: cpu is empty");
}

#[test]
fn compressed_tables_are_read_like_plain_ones() {
    let inventory = CALLER.replace(
        "instance_types = [\"m5.large\"]\ndesired_capacity = 2\n",
        "inventory = \"n.csv.gz\"\n",
    );
    let desk = Desk::with(&inventory);
    desk.write("jobs.csv", "arrival_s,cpu,memory_mib,duration_s\n0,256,512,9\n");
    desk.write("n.csv.gz", crate::trace_support::gzip(b"instance_type,count\nm5.large,2\n"));
    assert_eq!(account(&desk, "capacity_provider.general.inventory")["used"], 1);
    desk.write("n.csv.gz", &crate::trace_support::gzip(b"instance_type,count\nm5.large,2\n")[..30]);
    desk.run("validate small.toml").ends_with(2).says("n.csv.gz");
}

/// A task on a large instance whose definition is `X.json`.
fn with_definition(json: &str) -> Desk {
    let desk = Desk::with(
        r#"
[[task_definition]]
file = "X.json"

[[capacity_provider]]
name = "one"
instance_types = ["p3.16xlarge"]
desired_capacity = 1

[[run_task]]
name = "jobs"
task_definition = "f"
trace = "one.csv"
"#,
    );
    desk.write("one.csv", "arrival_s,cpu,memory_mib,duration_s\n0,,,60\n");
    desk.write("X.json", json);
    desk
}

/// A definition of one container with these further keys.
fn container(keys: &str) -> String {
    let container = format!("{{\"name\":\"c\",\"image\":\"i\",\"cpu\":256,\"memory\":512{keys}}}");
    format!("{{\"family\":\"f\",\"containerDefinitions\":[{container}]}}")
}

#[test]
fn definitions_that_ecs_takes_are_taken() {
    for keys in [
        "",
        r#","portMappings":[{"containerPortRange":"8080-8081"}]"#,
        r#","memoryReservation":512"#,
        r#","memoryReservation":"256","portMappings":[{"containerPort":"80"}]"#,
        r#","resourceRequirements":[{"type":"GPU","value":"2"}]"#,
        r#","healthCheck":{"command":["CMD","true"]}"#,
    ] {
        with_definition(&container(keys)).ok("run small.toml --charts none");
    }
    let default = container("").replace("\"family\"", "\"networkMode\":\"default\",\"family\"");
    with_definition(&default).ok("validate small.toml");
    let desk = with_definition(r#"[{"name":"c","image":"i","cpu":256,"memory":512}]"#);
    let scenario = desk.read("small.toml").replace("file =", "family = \"f\"\nfile =");
    desk.run("validate small.toml").ends_with(2).says("X.json:1:1: `family` is missing");
    desk.write("small.toml", scenario);
    desk.ok("run small.toml --charts none");
}

#[test]
fn definitions_that_ask_for_what_is_not_simulated_are_refused() {
    for (keys, expected) in [
        (
            r#","resourceRequirements":[{"type":"GPU","value":"1","sharingStrategy":{"nvidiaMps":{"memory":4096}}}]"#,
            "sharing of a GPU among tasks is not simulated (at $.containerDefinitions[0].resourceRequirements[0].sharingStrategy)",
        ),
        (
            r#","resourceRequirements":[{"type":"GPU","value":"0.5"}]"#,
            "shares of a GPU are not simulated",
        ),
        (
            r#","resourceRequirements":[{"type":"NeuronDevice","value":"ALL"}]"#,
            "Neuron devices are not simulated",
        ),
        (
            r#","resourceRequirements":[{"type":"InferenceAccelerator","value":"a"}]"#,
            "accelerators are not simulated",
        ),
        (
            r#","portMappings":[{"containerPortRange":"1-2","containerPort":1}]"#,
            "`containerPortRange` excludes",
        ),
        (r#","memoryReservation":513"#, "must not be below `memory_reservation` 513 MiB"),
        (r#","healthCheck":{}"#, "`command` of the health check is missing"),
        (
            r#","dependsOn":[{"containerName":"x","condition":"START"}]"#,
            "names the container \"x\", which there is not",
        ),
    ] {
        let done = with_definition(&container(keys))
            .run("validate small.toml")
            .ends_with(2)
            .says(expected)
            .says("X.json:1:");
        assert!(!done.stderr.contains("unknown task definition"), "{}", done.stderr);
    }
    for (json, expected) in [
        (
            r#"{"Family":"f","ContainerDefinitions":[{"Name":"c"}]}"#,
            "X.json:1:1: \"X.json\" is the properties of a CloudFormation resource",
        ),
        (
            r#"{"family":"f","container_definitions":[{"name":"c"}]}"#,
            "\"X.json\" is written in Terraform's names",
        ),
        (r#"{"services":[{"serviceName":"x"}]}"#, "is the output of `aws ecs describe-services`"),
        (r#"{"format_version":"1.0"}"#, "is the output of `terraform show -json`"),
        (r#"{"taskDefinitionArns":[]}"#, "is the output of `aws ecs list-task-definitions`"),
        (r#"{"family":"f","memory":"512"}"#, "`containerDefinitions` is missing"),
        (
            r#"{"family":"f","memory":"512","containerDefinitions":[]}"#,
            "`containerDefinitions` is empty",
        ),
        (
            r#"{"family":"f","containerDefinitions":[{"name":"c","memory":512}]}"#,
            "`image` is missing",
        ),
        ("{", "X.json:1:2: JSON: expected a key"),
    ] {
        let done = with_definition(json).run("validate small.toml").ends_with(2).says(expected);
        assert!(!done.stderr.contains("unknown task definition"), "{}", done.stderr);
    }
}

#[test]
fn fargate_rules_point_into_the_file_of_a_definition() {
    let desk = with_definition(&container(r#","stopTimeout":121"#));
    let scenario = desk
        .read("small.toml")
        .replace("name = \"jobs\"", "name = \"jobs\"\nlaunch_type = \"FARGATE\"");
    desk.write("small.toml", scenario);
    desk.run("validate small.toml")
        .ends_with(2)
        .says("X.json:1:1: task definition \"f\" cannot run on Fargate")
        .says("write \"networkMode\": \"awsvpc\"")
        .says("stop time-out is above 120 s (at $.containerDefinitions[0].stopTimeout)");
}

#[test]
fn what_a_definition_says_in_vain_is_noted() {
    let definition = r#"{"family":"f","memory":"512","containerDefinitions":[{"name":"c","image":"i"},{"name":"d","image":"i","dependsOn":[{"containerName":"c","condition":"START"}],"restartPolicy":{"enabled":true}}]}"#;
    let desk = with_definition(definition);
    for command in ["validate small.toml", "run small.toml --charts none"] {
        desk.ok(command)
            .says("note: X.json:1:")
            .says("the restart policy does nothing: this container never crashes");
    }
}

#[test]
fn a_job_that_fits_nowhere_says_how_jobs_are_split() {
    let scenario = CALLER.replace(
        "trace = \"jobs.csv\"",
        "trace = \"jobs.swf\"\nformat = \"swf\"\non_failure = \"queue\"",
    );
    let desk = Desk::with(&scenario);
    desk.write("jobs.swf", "; a log\n1 0 0 60 64 -1 -1 64 -1 -1 1 1 1 1 1 1 -1 -1\n");
    desk.run("run small.toml")
        .ends_with(2)
        .says("error: jobs.swf:2: run_task `jobs`: task 0")
        .says("`swf_task_per_processor = true` makes one of each processor");
}
