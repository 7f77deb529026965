//! Hostile services: what is refused is refused with a place; what is accepted runs under all checks, without a panic.
//!
//! Mutations of the shipped services from a fixed seed. A mutant that is accepted is mutated further, so that the walk
//! goes away from what anybody thought of.

use ecsim::base::random::{Purpose, Seed, Stream};
use ecsim::engine::Pulse;
use ecsim::experiment::run_one;
use ecsim::scenario::{Scenario, load_text};
use ecsim::sim::outputs::Sinks;
use ecsim::sim::{RunError, Watch};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Values for any key, most of which some key takes.
const VALUES: [&str; 40] = [
    "0",
    "1",
    "2",
    "3",
    "7",
    "50",
    "100",
    "200",
    "5000",
    "-1",
    "0.5",
    "\"0s\"",
    "\"1ms\"",
    "\"1s\"",
    "\"30s\"",
    "\"10m\"",
    "\"1h\"",
    "true",
    "false",
    "\"FARGATE\"",
    "\"EC2\"",
    "\"DAEMON\"",
    "\"REPLICA\"",
    "\"CODE_DEPLOY\"",
    "\"EXTERNAL\"",
    "\"BLUE_GREEN\"",
    "\"CANARY\"",
    "\"LINEAR\"",
    "\"network\"",
    "\"application\"",
    "\"fluid\"",
    "\"host\"",
    "\"bridge\"",
    "\"awsvpc\"",
    "\"BacklogPerTask\"",
    "\"ALBRequestCountPerTarget\"",
    "\"ECSServiceAverageMemoryUtilization\"",
    "[]",
    "{}",
    "\"least_outstanding_requests\"",
];

/// Lines that fit somewhere.
const LINES: [&str; 22] = [
    "starts_running = false",
    "health_check_grace_period = \"10s\"",
    "protection = { percent = 50 }",
    "behaviour = { start_failure_percent = 50 }",
    "behaviour = { time_to_failure = \"5m\" }",
    "behaviour = { ready_after = \"5m\" }",
    "queue_limit = 0",
    "workers = 1",
    "timeout = \"1s\"",
    "slow_start = \"30s\"",
    "cross_zone = false",
    "memory_kib_per_request = 500000",
    "deployment_controller = \"CODE_DEPLOY\"",
    "desired_count = 0",
    "availability_zone_rebalancing = \"DISABLED\"",
    "[service_scheduler]\nbatch = \"off\"",
    "[[service.update]]\nat = \"5m\"\ndesired_count = 0",
    "[[service.update]]\nat = \"6m\"\nbehaviour = { start_failure_percent = 100 }",
    "[[service.update]]\nat = \"6m\"\nbehaviour = { cost_percent = 1000 }",
    "[[failure]]\nat = \"10m\"\nservice = \"api\"\ntasks = 3",
    "[[failure]]\nat = \"10m\"\nservice = \"web\"\ntasks = 3",
    "[limits]\nfargate_vcpus = 1",
];

fn pick<'a, T>(list: &'a [T], stream: &mut Stream) -> &'a T {
    &list[stream.below(list.len() as u64) as usize]
}

fn mutate(text: &str, stream: &mut Stream) -> String {
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    for _ in 0..=stream.below(2) {
        let at = stream.below(lines.len() as u64) as usize;
        match stream.below(6) {
            0 => drop(lines.remove(at)),
            1 => {
                let line = pick(&lines, stream).clone();
                lines.insert(at, line);
            }
            2 => lines.insert(at, (*pick(&LINES, stream)).into()),
            _ => {
                // Another value after an equals sign.
                let line = &lines[at];
                let signs: Vec<usize> =
                    line.match_indices("= ").map(|(sign, _)| sign + 2).collect();
                if !signs.is_empty() {
                    let start = *pick(&signs, stream);
                    let end = line[start..].find([',', '}']).map_or(line.len(), |n| start + n);
                    let value = pick(&VALUES, stream);
                    lines[at] = format!("{}{value}{}", &line[..start], &line[end..]);
                }
            }
        }
        if lines.is_empty() {
            lines.push(String::new());
        }
    }
    lines.join("\n")
}

/// Loads a text with a short horizon; `None` where it is refused, which must be with a place.
fn accepted(text: &str) -> Option<Scenario> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let short = [("simulation.duration".to_string(), "20m".to_string())];
    match load_text(text, "fuzz.toml", &base, &short) {
        Ok(scenario) => Some(scenario),
        Err(problems) => {
            let located: Vec<_> = problems.located().collect();
            assert!(!located.is_empty(), "{problems}");
            assert!(located.iter().all(|error| error.line > 0 && error.column > 0), "{problems}");
            None
        }
    }
}

#[test]
fn services_that_are_accepted_run_under_all_checks() {
    let mut stream = Seed(5).stream(Purpose::Test, "fuzz_services");
    let shipped = crate::scenario::shipped();
    let first = shipped.iter().map(|(_, text)| text).filter(|text| text.contains("[[service]]"));
    let mut pool: Vec<String> =
        first.filter(|text| !text.contains("ECSIM_SHARED")).cloned().collect();
    pool.push(crate::services_cli::MIXED.replace("fidelity = \"requests\", ", ""));
    let first = pool.len();
    let mut ran = 0;
    for _ in 0..700 {
        let parent = pick(&pool, &mut stream).clone();
        let text = mutate(&parent, &mut stream);
        let Some(scenario) = accepted(&text) else { continue };
        let watch = Watch { pulse: &Pulse::default(), check_every_event: true };
        let seed = scenario.setup.seed;
        let run = || run_one(&scenario, seed, Sinks::default(), watch);
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(_) | Err(RunError::Oversized(_))) => ran += 1,
            Ok(Err(error)) => panic!("{error:?} of\n{text}"),
            Err(_) => panic!("a panic in\n{text}"),
        }
        if text.len() < 6_000 {
            pool.push(text);
        }
        if pool.len() > first + 40 {
            pool.remove(first + stream.below(40) as usize);
        }
    }
    assert!(ran > 100, "{ran} of 700 ran");
}
