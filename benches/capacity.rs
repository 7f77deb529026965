//! A fleet that breathes: a month of a cluster whose group managed scaling moves between 1,000 and 1,900 instances, with
//! 200 services that track their CPU and a million tasks of RunTask.

use criterion::{Criterion, Throughput};
use ecsim::engine::Pulse;
use ecsim::experiment::run_one;
use ecsim::scenario::{Scenario, load_text};
use ecsim::sim::{Watch, outputs::Sinks};
use std::fmt::Write as _;
use std::path::Path;

/// Services of the cluster.
const SERVICES: u64 = 200;

/// The cluster for so long, with so many tasks of RunTask.
fn scenario(span: &str, tasks: u64) -> Scenario {
    let mut text = format!(
        r#"
[simulation]
duration = "{span}"
seed = 7
sample_interval = "10m"

[limits]
provisioning_tasks_per_cluster = "off"

[[capacity_provider]]
name = "fleet"
instance_types = ["m5.2xlarge"]
max_size = 4000
desired_capacity = 600
protect_from_scale_in = true
managed_termination_protection = true

[capacity_provider.managed_scaling]

[[task_definition]]
family = "web"
cpu = 512
memory = 1024
network_mode = "bridge"

[[task_definition]]
family = "job"
cpu = 2048
memory = 4096
network_mode = "bridge"

[[run_task]]
name = "jobs"
task_definition = "job"
capacity_provider_strategy = [{{ capacity_provider = "fleet", weight = 1 }}]
placement_strategy = [{{ type = "binpack", field = "cpu" }}]
on_failure = "queue"

[run_task.generate]
per_second = 0.386
daily_depth = 0.8
daily_peak = "15h"
duration = {{ type = "lognormal", mean = "2h", sigma = 1 }}
limit = {tasks}
"#
    );
    for service in 0..SERVICES {
        let (rate, peak) = (900 + service, 12 + service % 7);
        write!(
            text,
            "[[service]]\nname = \"s{service}\"\ntask_definition = \"web\"\ndesired_count = 20\n\
             capacity_provider_strategy = [{{ capacity_provider = \"fleet\", weight = 1 }}]\n\
             placement_strategy = [{{ type = \"binpack\", field = \"cpu\" }}]\n\
             load_balancer = {{ type = \"application\" }}\n\
             traffic = {{ generate = {{ per_second = {rate}, daily_depth = 0.6, daily_peak = \"{peak}h\", \
             noise_sigma = 0.05 }}, cpu_ms_per_request = 10, io_ms_per_request = 20 }}\n\
             scaling = {{ min_capacity = 10, max_capacity = 100, target_tracking = [\
             {{ metric = \"ECSServiceAverageCPUUtilization\", target_value = 60 }}] }}\n"
        )
        .expect("a string takes text");
    }
    load_text(&text, "capacity.toml", Path::new("."), &[]).expect("a valid scenario")
}

/// `capacity/month` in tasks of RunTask per second; tables off.
pub fn benches(c: &mut Criterion) {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let (span, tasks) = if is_test { ("6h", 10_000) } else { ("30d", 1_000_000) };
    let scenario = scenario(span, tasks);
    let mut group = c.benchmark_group("capacity");
    group.sample_size(10).throughput(Throughput::Elements(tasks));
    group.bench_function("month", |b| {
        b.iter(|| {
            let watch = Watch { pulse: &Pulse::default(), check_every_event: false };
            let result = run_one(&scenario, scenario.setup.seed, Sinks::default(), watch)
                .expect("the run ends");
            let number = |name: &str| result.summary.get(name).and_then(|v| v.as_f64());
            let launched = number("instances_launched").expect("a fleet that moves");
            assert!(launched > 100.0, "managed scaling launches: {launched}");
            assert_eq!(number("tasks_lost"), Some(0.0), "only empty instances end");
            result.digest
        });
    });
    group.finish();
}
