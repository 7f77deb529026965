//! Hostile input and hostile moments: what must neither hang nor wrap nor litter, whoever does it.

use crate::support::program::Desk;
use std::time::{Duration, Instant};

/// One service on Fargate; `TRAFFIC` and `DURATION` are to be filled in.
const SERVICE: &str = r#"
[simulation]
name = "small"
duration = "DURATION"

[[task_definition]]
family = "web"
cpu = 512
memory = 1024
network_mode = "awsvpc"

[[service]]
name = "web"
task_definition = "web"
launch_type = "FARGATE"
TRAFFIC
"#;

fn service(duration: &str, traffic: &str) -> Desk {
    Desk::with(&SERVICE.replace("DURATION", duration).replace("TRAFFIC", traffic))
}

#[test]
fn a_length_that_is_an_instant_of_unix_time_is_refused_in_every_format() {
    let scenario = |format: &str| {
        format!(
            "[[capacity_provider]]\nname = \"a\"\ninstance_types = [\"m5.large\"]\n\
             desired_capacity = 1\n[[run_task]]\nname = \"jobs\"\ntrace = \"jobs\"\nformat = \"{format}\"\n"
        )
    };
    for (format, text, problem) in [
        (
            "native",
            "arrival_s,cpu,memory_mib,duration_s\n0,256,512,1763000060\n",
            "jobs:2:11: duration_s is \"1763000060\": more than 31 years",
        ),
        (
            "swf",
            "1 0 0 1763000060 1 -1 -1 1 100 -1 1 1 1 1 1 1 -1 -1\n",
            "jobs:1:1: the row runs for more than 31 years",
        ),
        (
            "alibaba_v2018_batch",
            "t1,1,j_1,1,Terminated,60,1763000060,100,0.5\n",
            "jobs:1:1: the row runs for more than 31 years",
        ),
    ] {
        let desk = Desk::with(&scenario(format));
        desk.write("jobs", text);
        let done = desk.run("run small.toml").ends_with(2).says(problem);
        done.says("is it the instant of the end (Unix time)?");
    }
    // Thirty years are a length.
    let desk = Desk::with(&scenario("native"));
    desk.write("jobs", "arrival_s,cpu,memory_mib,duration_s\n0,256,512,946080000\n");
    desk.ok("run small.toml --charts none --quiet --set simulation.sample_interval=\"1d\"");
}

#[test]
fn outages_in_unix_time_are_refused_like_other_failures() {
    let desk = service(
        "1h",
        "[[failure_trace]]\ntrace = \"f.csv\"\nformat = \"outages\"\n\
         [[capacity_provider]]\nname = \"a\"\ninstance_types = [\"m5.large\"]\ndesired_capacity = 1",
    );
    for (row, problem) in [
        ("1763000600,a,60", "f.csv:2:1: time_s is \"1763000600\": seconds since 1970 (Unix time)"),
        ("600,a,1763000600", "f.csv:2:7: duration_s is \"1763000600\": more than 31 years"),
    ] {
        desk.write("f.csv", format!("time_s,machine,duration_s\n{row}\n"));
        desk.run("run small.toml").ends_with(2).says(problem);
    }
    desk.write("f.csv", "time_s,machine,duration_s\n600,a,60\n");
    desk.ok("run small.toml --quiet");
}

#[test]
fn more_requests_than_can_be_counted_are_an_error_and_no_small_number() {
    // 10⁹ a second for 100,000 s are 10¹⁴ requests; the counters hold 9.2 · 10¹² of all services together.
    let traffic =
        "traffic = { cpu_ms_per_request = 0.001, generate = { per_second = 1000000000 } }";
    let desk = service("100000s", traffic);
    let done = desk.run("run small.toml --quiet").ends_with(2);
    done.says("more than 9223372036854 requests and messages in one run: they cannot be counted");
    assert!(!desk.path("output/small").exists());
    // 5 · 10¹² are counted to the last one.
    desk.write("small.toml", SERVICE.replace("DURATION", "5000s").replace("TRAFFIC", traffic));
    desk.ok("run small.toml --quiet --charts none");
    let metrics = desk.read("output/small/metrics.csv");
    assert!(metrics.contains("requests_offered,5000000000000,requests"), "{metrics}");
    // Two services with as many each cannot be summed.
    let second =
        SERVICE.split("[[service]]").nth(1).unwrap().replace("\"web\"\ntask", "\"b\"\ntask");
    let both = format!("{SERVICE}[[service]]{second}");
    desk.write("small.toml", both.replace("DURATION", "5000s").replace("TRAFFIC", traffic));
    desk.run("run small.toml --quiet --force").ends_with(2).says("they cannot be counted");
}

#[test]
fn requests_alive_have_a_limit_with_a_name_and_a_dry_run_foresees_them() {
    // One task of half a vCPU answers 100 requests a second of 5 ms; of 10,000 a second nearly all wait for their
    // timeout of 60 s, so that 600,000 are alive: 41 MiB of 72 bytes each, beside 15 for the program.
    let traffic = "traffic = { fidelity = \"requests\", timeout = \"60s\", cpu_ms_per_request = 5, \
                   generate = { per_second = 10000, poisson = false } }";
    let desk = service("3m", traffic);
    let dry = desk.ok("run small.toml --dry-run").stdout;
    let said = |label: &str| {
        let line = dry.lines().find_map(|line| line.strip_prefix(label));
        line.unwrap_or_else(|| panic!("{label} in {dry}")).trim().to_string()
    };
    assert_eq!(
        said("traffic of web"),
        "10,000.00 requests a second on average, 10,000.00 at the peak"
    );
    let memory: f64 = said("memory, about").split(' ').next().unwrap().parse().unwrap();
    assert!((54.0..58.0).contains(&memory), "{memory}");
    // That it may grow to a hundred tasks does not help before it has.
    let scaled = format!("{traffic}\nscaling = {{ min_capacity = 1, max_capacity = 100 }}");
    let dry = service("3m", &scaled).ok("run small.toml --dry-run").stdout;
    let line = dry.lines().find_map(|line| line.strip_prefix("memory, about")).unwrap();
    let scaled: f64 = line.trim().split(' ').next().unwrap().parse().unwrap();
    assert!(scaled >= memory, "{scaled} {memory}");
    let set = "--set simulation.max_requests_alive=500000";
    let done = desk.run(&format!("run small.toml --quiet {set}")).ends_with(2);
    done.says("service `web`: more than 500000 requests are alive at 50.")
        .says("max_requests_alive");
    desk.ok("run small.toml --quiet --charts none --set simulation.max_requests_alive=610000");
    // Messages wait for four days.
    let queue = "queue = { fidelity = \"requests\", cpu_ms_per_message = 5, generate = { per_second = 1000 } }";
    desk.write("small.toml", SERVICE.replace("DURATION", "10m").replace("TRAFFIC", queue));
    let done = desk.run(&format!("run small.toml --force --quiet {set}")).ends_with(2);
    done.says("more than 500000 requests are alive at 55");
    for value in ["0", "4000000001"] {
        let set = format!("--set simulation.max_requests_alive={value}");
        desk.run(&format!("validate small.toml {set}")).ends_with(2).says("must be between 1 and");
    }
}

#[test]
fn keys_without_end_and_without_number_are_soon_told() {
    let begun = Instant::now();
    let desk = Desk::with(&format!("{} = 3\n", "x".repeat(1_000_000)));
    desk.run("validate small.toml").ends_with(2).says("unknown key \"xxxx");
    let keys: String = (0..50_000).map(|i| format!("key_{i} = 1\n")).collect();
    desk.write("small.toml", keys);
    desk.run("validate small.toml").ends_with(2).says("and 49900 more errors");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[cfg(unix)]
#[test]
fn a_trace_that_is_stopped_half_way_leaves_nothing_behind() {
    use std::os::unix::process::ExitStatusExt as _;
    let desk = Desk::new();
    let rows: String = (0..200_000).map(|i| format!("{i},256,512,60\n")).collect();
    desk.write("jobs.csv", format!("arrival_s,cpu,memory_mib,duration_s\n{rows}"));
    for arguments in [
        "trace generate --rate 1000 --until 3000d -o out.csv.gz",
        "trace generate --traffic --rate 1000 --step 1s --until 30000d -o out.csv",
    ] {
        let mut child =
            desk.command(arguments).stderr(std::process::Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        let is_there = |name: &String| name.starts_with(".ecsim-");
        while !desk.names().iter().any(is_there) && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(50));
        let kill = std::process::Command::new("kill").arg(child.id().to_string()).status();
        assert!(kill.unwrap().success());
        let status = child.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (Some(130), None), "{arguments}");
        assert_eq!(desk.names(), ["jobs.csv"], "{arguments}");
    }
}

/// The errors of a scenario, without the lines that they show.
fn errors(desk: &Desk, arguments: &str) -> Vec<String> {
    let told = desk.run(arguments).ends_with(2).stderr;
    told.lines().filter(|line| line.starts_with("error")).map(str::to_string).collect()
}

#[test]
fn what_follows_from_an_error_is_not_told_as_another() {
    let desk = Desk::with(
        r#"
[simulation]
duration = "1h"
[[capacity_provider]]
name = "a"
instance_types = ["m5.large"]
desired_capacity = 1
purchase = "spot"
spot_prices = "prices.csv"
[[task_definition]]
family = "web"
cpu = 256
memory = 512
[[service]]
name = "web"
task_definition = "web"
capacity_provider_strategy = [{ capacity_provider = "a", weight = 1 }]
[[failure]]
at = "1m"
service = "web"
"#,
    );
    let header = "time_s,availability_zone,instance_type,usd_per_hour";
    desk.write("prices.csv", format!("{header}\n0,us-east-1a,m5.large,-1\n"));
    let told = errors(&desk, "validate small.toml");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("prices.csv:2:23: `usd_per_hour` must be between"), "{told:?}");
    // A price that is not there is an error of its own where the file is right.
    desk.write("prices.csv", format!("{header}\n"));
    let told = errors(&desk, "validate small.toml");
    assert!(
        told[0].contains("`spot_prices` has no price of \"m5.large\" in us-east-1a"),
        "{told:?}"
    );
    desk.write("prices.csv", format!("{header}\n0,us-east-1a,m5.large,0.03\n"));
    let told = errors(
        &desk,
        "validate small.toml --set capacity_provider.0.availability_zones=[\"us-east-1a\"] --set simulation.seed=x",
    );
    assert_eq!(told.len(), 1, "{told:?}");
    for (key, names) in [
        ("capacity_provider.0.name", "`name` \"=x\" is not a name"),
        ("task_definition.0.family", "`family` \"=x\" is not a name"),
        ("service.0.name", "`name` \"=x\" is not a name"),
    ] {
        let told = errors(
            &desk,
            &format!(
                "validate small.toml --set {key}==x \
                 --set capacity_provider.0.availability_zones=[\"us-east-1a\"]"
            ),
        );
        assert_eq!(told.len(), 1, "{key}: {told:?}");
        assert!(told[0].contains(names), "{key}: {told:?}");
    }
}

#[test]
fn a_list_that_cannot_be_read_is_not_told_to_be_empty() {
    let text = |keys: &str| {
        format!(
            "[simulation]\nduration = \"1h\"\n[[capacity_provider]]\nname = \"a\"\ndesired_capacity = 1\n{keys}"
        )
    };
    let job = "[[run_task]]\ngenerate = { per_second = 1, sizes = [{ cpu = 64, memory = 64 }] }\n";
    for (keys, error) in [
        (
            "instance_types = \"m7g.large\"",
            "error: small.toml:6:18: `instance_types` must be a list, not text",
        ),
        (
            "instance_types = [7]",
            "error: small.toml:6:19: `instance_types` must be text, not a number",
        ),
        (
            "instance_types = [\"m7g.large\"]\navailability_zones = \"us-east-1a\"",
            "error: small.toml:7:22: `availability_zones` must be a list, not text",
        ),
        ("instance_types = []", "error: small.toml:6:18: `instance_types` needs at least one type"),
    ] {
        let desk = Desk::with(&format!("{}\n{job}", text(keys)));
        assert_eq!(errors(&desk, "validate small.toml"), [error], "{keys}");
    }
    let strategy = "capacity_provider_strategy = { capacity_provider = \"a\" }\n";
    let desk =
        Desk::with(&format!("{}\n{job}{strategy}", text("instance_types = [\"m7g.large\"]")));
    let told = errors(&desk, "validate small.toml");
    assert_eq!(
        told,
        [
            "error: small.toml:9:30: `capacity_provider_strategy` must be a list of tables, not a table"
        ]
    );
    desk.run("validate small.toml").says("write [{ … }]");
}

#[test]
fn attributes_are_those_that_ecs_takes() {
    let desk = Desk::with(
        "[[capacity_provider]]\nname = \"a\"\ninstance_types = [\"m5.large\"]\ndesired_capacity = 1\nattributes = ATTRIBUTES\n",
    );
    let text = desk.read("small.toml");
    let with = |attributes: &str| desk.write("small.toml", text.replace("ATTRIBUTES", attributes));
    for good in ["{ stack = \"prod blue\" }", "{ \"a/b.c-d_e\" = \"x@y:z/9\" }"] {
        with(good);
        desk.ok("validate small.toml");
    }
    for bad in [
        "{ \"=a\" = \"b\" }",
        "{ a = \"=1+1\" }",
        "{ a = \" b\" }",
        "{ a = \"\" }",
        "{ \"a b\" = \"c\" }",
    ] {
        with(bad);
        desk.run("validate small.toml").ends_with(2).says("is no attribute that ECS takes");
    }
}

/// Tags are no attributes: AWS takes other characters in them, and more of them.
#[test]
fn tags_are_those_that_aws_takes() {
    let desk = Desk::with(
        "[[capacity_provider]]\nname = \"a\"\ninstance_types = [\"m5.large\"]\ndesired_capacity = 1\ntags = TAGS\n",
    );
    let text = desk.read("small.toml");
    let with = |tags: &str| desk.write("small.toml", text.replace("TAGS", tags));
    let (long, longer) = ("x".repeat(256), "x".repeat(257));
    for good in [
        "{ team = \"Zürich + 日本\" }".to_string(),
        "{ \"cost center\" = \"a=b @ 1/2: _-.\" }".to_string(),
        format!("{{ team = \"{long}\" }}"),
    ] {
        with(&good);
        desk.ok("validate small.toml");
    }
    for bad in [
        "{ team = \"\" }".to_string(),
        "{ team = \" b\" }".to_string(),
        "{ team = \"a,b\" }".to_string(),
        "{ \"AWS:team\" = \"b\" }".to_string(),
        format!("{{ {} = \"b\" }}", "n".repeat(129)),
        format!("{{ team = \"{longer}\" }}"),
    ] {
        with(&bad);
        desk.run("validate small.toml").ends_with(2).says("is no tag that AWS takes");
    }
}

#[test]
fn a_value_that_is_replaced_is_counted_under_its_own_reason() {
    let desk = Desk::new();
    desk.write(
        "t.csv",
        "t1,1,j_1,1,Terminated,60,120,100,500\nt2,1,j_1,1,Terminated,60,120,100,100\n",
    );
    let done = desk.ok("trace convert t.csv --from alibaba_v2018_batch -o -");
    done.says("2 rows read, 2 used; 1 adjusted: more memory than the largest machine has: the default is used");
}

#[test]
fn a_file_of_values_may_be_compressed_and_is_not_cut() {
    use std::io::Write as _;
    let desk = Desk::new();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(b"7\n").unwrap();
    desk.write("values.gz", packed.finish().unwrap());
    let done = desk.ok("trace generate --rate 1 --limit 1 --duration empirical:values.gz -o -");
    assert!(done.stdout.contains(",256,512,7\n"), "{}", done.stdout);
}
