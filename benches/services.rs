//! Services: a simulated week at one-minute metrics, from ten services to five thousand; and the load by itself.

use criterion::{BenchmarkId, Criterion, Throughput};
use ecsim::base::random::Seed;
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::engine::Pulse;
use ecsim::experiment::run_one;
use ecsim::load::{Library, Load, LoadSetup, Target};
use ecsim::model::arrival::{RowCounts, TraceProblem};
use ecsim::model::ids::ZoneId;
use ecsim::model::traffic::{Fidelity, RateSegment, RateStream};
use ecsim::scenario::{Scenario, load_text};
use ecsim::sim::{Watch, outputs::Sinks};
use std::fmt::Write as _;
use std::path::Path;

/// Tasks that a service starts with.
const TASKS: u64 = 20;

/// So many services of twenty Fargate tasks behind load balancers, each with a daily wave of its own phase that changes
/// every minute, for so long; with target tracking that follows the wave, or without.
fn scenario(services: u64, span: &str, scaled: bool) -> Scenario {
    let mut text = format!(
        "[simulation]\nduration = \"{span}\"\nseed = 7\n[limits]\nfargate_vcpus = \"off\"\n\
         [[task_definition]]\nfamily = \"web\"\ncpu = 256\nmemory = 512\nnetwork_mode = \"awsvpc\"\n"
    );
    for service in 0..services {
        let (rate, peak) = (200 + service % 50, service % 24);
        write!(
            text,
            "[[service]]\nname = \"s{service}\"\ntask_definition = \"web\"\nlaunch_type = \"FARGATE\"\n\
             desired_count = {TASKS}\nload_balancer = {{ type = \"application\" }}\n\
             traffic = {{ generate = {{ per_second = {rate}, daily_depth = 0.5, daily_peak = \"{peak}h\" }}, \
             cpu_ms_per_request = 10, io_ms_per_request = 20 }}\n"
        )
        .expect("a string takes text");
        if scaled {
            text.push_str(
                "scaling = { min_capacity = 10, max_capacity = 60, target_tracking = [\
                 { metric = \"ECSServiceAverageCPUUtilization\", target_value = 60 }] }\n",
            );
        }
    }
    load_text(&text, "services.toml", Path::new("."), &[]).expect("a valid scenario")
}

/// `services/week/N` and `services/scaled_week/N` in service-minutes per second, and `load/...`.
pub fn benches(c: &mut Criterion) {
    weeks(c, "services/week", false);
    weeks(c, "services/scaled_week", true);
    loads(c);
}

fn weeks(c: &mut Criterion, name: &str, scaled: bool) {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let (span, minutes) = if is_test { ("1h", 60) } else { ("7d", 7 * 24 * 60) };
    let mut group = c.benchmark_group(name);
    group.sample_size(10);
    for services in [10, 100, 1_000, 5_000] {
        if is_test && services > 100 {
            continue;
        }
        let scenario = scenario(services, span, scaled);
        group.throughput(Throughput::Elements(services * minutes));
        group.bench_with_input(BenchmarkId::from_parameter(services), &scenario, |b, scenario| {
            b.iter(|| {
                let pulse = Pulse::default();
                let watch = Watch { pulse: &pulse, check_every_event: false };
                let result = run_one(scenario, scenario.setup.seed, Sinks::default(), watch)
                    .expect("the run ends");
                let served: u64 = result.services.iter().map(|s| s.requests.served).sum();
                let offered: u64 = result.services.iter().map(|s| s.requests.offered).sum();
                assert!(served > offered / 100 * 99, "the services keep up");
                result.digest
            });
        });
    }
    group.finish();
}

/// A rate that changes every minute.
struct Minutes {
    at: SimTime,
    counts: RowCounts,
}

impl RateStream for Minutes {
    fn next_segment(&mut self) -> Result<Option<RateSegment>, TraceProblem> {
        let start = self.at;
        self.at = start + SimSpan::from_secs(60);
        let micro = 6_000_000_000 + start.0 % 1_000_003;
        Ok(Some(RateSegment { start, end: self.at, micro }))
    }

    fn counts(&self) -> &RowCounts {
        &self.counts
    }
}

fn load(fidelity: Fidelity) -> Load {
    let scenario = scenario(1, "1d", false);
    let service = scenario.setup.services.iter().next().expect("one service");
    let mut work = service.work.clone().expect("it has traffic");
    work.fidelity = fidelity;
    let setup =
        LoadSetup { work, balancer: service.balancer, zones: 3, library: Library::default() };
    let stream = Minutes { at: SimTime::ZERO, counts: RowCounts::default() };
    let mut load = Load::new(setup, Seed(1), "bench", Box::new(stream));
    for task in 0..TASKS {
        load.add(Target {
            task,
            zone: ZoneId((task % 3) as u32),
            pool: 0,
            cpu_millis: 250,
            cost_percent: 100,
            error_ppm: 0,
            since: SimTime::ZERO,
        });
    }
    load
}

/// `load/fluid` in minutes of a service per second, `load/requests` in requests per second.
fn loads(c: &mut Criterion) {
    let mut group = c.benchmark_group("load");
    for (name, fidelity, minutes, elements) in [
        ("fluid", Fidelity::Fluid, 10_000, 10_000),
        ("requests", Fidelity::Requests, 10, 10 * 6_000),
    ] {
        group.throughput(Throughput::Elements(elements));
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut load = load(fidelity);
                for minute in 1..=minutes {
                    let now = SimTime(minute * 60_000_000);
                    load.advance(now).expect("the rate goes on");
                }
                assert!(load.totals().served > 0);
                load.cpu_nanos()
            });
        });
    }
    group.finish();
}
