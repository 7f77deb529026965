//! The metrics of `summary.csv`, which `output/README.md` lists, from the books of a finished run. Integers become
//! ratios only here.

mod optional;

use super::world::World;
use crate::base::money::NanoUsd;
use crate::base::time::{SimSpan, SimTime};
use crate::metrics::capacity::ProviderCapacity;
use crate::metrics::histogram::SpanHistogram;
use crate::metrics::summary::{Metric, Summary, Value};
use crate::model::platform::Purchase;
use crate::pricing::{Category, Invoice};

/// Collects metrics under the current heading.
struct Sheet {
    section: &'static str,
    metrics: Vec<Metric>,
}

impl Sheet {
    fn add(&mut self, name: &'static str, unit: &'static str, meaning: &'static str, value: Value) {
        self.metrics.push(Metric {
            name: name.into(),
            unit,
            meaning,
            section: self.section,
            value,
        });
    }

    fn count(&mut self, name: &'static str, unit: &'static str, meaning: &'static str, value: u64) {
        self.add(name, unit, meaning, Value::Count(value));
    }

    fn percent(&mut self, name: &'static str, meaning: &'static str, part: u128, whole: u128) {
        let value = if whole == 0 {
            Value::Missing
        } else {
            Value::Ratio(100.0 * (part as f64) / (whole as f64))
        };
        self.add(name, "%", meaning, value);
    }

    fn usd(&mut self, name: &'static str, meaning: &'static str, value: NanoUsd) {
        self.add(name, "USD", meaning, Value::Usd(value));
    }

    fn spans(&mut self, names: &SpanNames, histogram: &SpanHistogram) {
        let seconds = |span: Option<SimSpan>| span.map_or(Value::Missing, Value::Seconds);
        self.add(names.mean, "s", names.meaning, seconds(histogram.mean()));
        for (name, per_mille) in
            [(names.p50, 500), (names.p90, 900), (names.p95, 950), (names.p99, 990)]
        {
            self.add(name, "s", names.meaning, seconds(histogram.quantile(per_mille)));
        }
        self.add(names.max, "s", names.meaning, seconds(histogram.max()));
    }
}

struct SpanNames {
    meaning: &'static str,
    mean: &'static str,
    p50: &'static str,
    p90: &'static str,
    p95: &'static str,
    p99: &'static str,
    max: &'static str,
}

const WAIT: SpanNames = SpanNames {
    meaning: "from the accepted request to placement; quantiles at most 1/256 too high. A lower bound where \
              `tasks_waiting_at_end` is not 0: those count with what they have waited so far",
    mean: "wait_s_mean",
    p50: "wait_s_p50",
    p90: "wait_s_p90",
    p95: "wait_s_p95",
    p99: "wait_s_p99",
    max: "wait_s_max",
};

const START: SpanNames = SpanNames {
    meaning: "from the accepted request to RUNNING; quantiles at most 1/256 too high",
    mean: "start_s_mean",
    p50: "start_s_p50",
    p90: "start_s_p90",
    p95: "start_s_p95",
    p99: "start_s_p99",
    max: "start_s_max",
};

const THROTTLED: SpanNames = SpanNames {
    meaning: "tasks of callers: from the wish to the accepted request, while the API's limits held the call back; of \
              a queue, all the time for which they held it back. Not part of `wait_s_*`",
    mean: "throttled_s_mean",
    p50: "throttled_s_p50",
    p90: "throttled_s_p90",
    p95: "throttled_s_p95",
    p99: "throttled_s_p99",
    max: "throttled_s_max",
};

/// The summary of a finished run; `instances` is what all of them cost.
pub(super) fn of(
    world: &World,
    invoice: &Invoice,
    instances: NanoUsd,
    end: SimTime,
    events: u64,
) -> Summary {
    let mut sheet = Sheet { section: "Run", metrics: Vec::new() };
    sheet.add("scenario", "–", "name of the scenario", Value::Text(world.rules.name.clone()));
    sheet.count("seed", "–", "seed of all random streams", world.rules.seed.0);
    sheet.add("simulated_s", "s", "simulated time", Value::Seconds(SimSpan(end.0)));
    sheet.count("events", "events", "events handled, arrivals included, samples not", events);
    sheet.count("samples", "samples", "samples taken, which only observe", world.books.samples);
    tasks(&mut sheet, world);
    sheet.section = "Waiting";
    sheet.spans(&WAIT, &world.books.recorder.waits);
    sheet.spans(&START, &world.books.recorder.starts);
    sheet.spans(&THROTTLED, &world.books.recorder.throttled);
    provisioning(&mut sheet, world);
    capacity(&mut sheet, world, end);
    fargate(&mut sheet, world);
    cost(&mut sheet, world, invoice, instances);
    sheet.metrics.extend(optional::overflow(world));
    sheet.metrics.extend(optional::network(world));
    Summary(sheet.metrics)
}

/// Task time in PROVISIONING, in all and by cause.
fn provisioning(sheet: &mut Sheet, world: &World) {
    let spans = world.provisioning_spans();
    let total = spans.iter().fold(SimSpan::ZERO, |sum, &span| sum + span);
    let all =
        "time that tasks were in PROVISIONING, all of them together; the next five add up to it";
    sheet.add("provisioning_s", "s", all, Value::Seconds(total));
    let causes = [
        (
            "provisioning_decision_s",
            "waiting for capacity while nobody had asked for more instances",
        ),
        ("provisioning_launch_s", "waiting for capacity while instances were on their way"),
        (
            "provisioning_max_size_s",
            "waiting for capacity of a group that is as large as it may be",
        ),
        (
            "provisioning_no_capacity_s",
            "waiting for capacity while a launch that failed is tried again",
        ),
        ("provisioning_interface_s", "placed, and waiting for a network interface"),
    ];
    for ((name, meaning), span) in causes.into_iter().zip(spans) {
        sheet.add(name, "s", meaning, Value::Seconds(span));
    }
}

fn tasks(sheet: &mut Sheet, world: &World) {
    let tally = &world.books.tally;
    sheet.section = "Tasks";
    sheet.count("tasks_submitted", "tasks", "tasks that callers asked for", tally.submitted);
    sheet.count("tasks_placed", "tasks", "tasks that were placed", tally.placed);
    sheet.count("tasks_started", "tasks", "tasks that reached RUNNING", tally.started);
    sheet.count("tasks_completed", "tasks", "tasks that stopped with exit code 0", tally.completed);
    sheet.count(
        "tasks_failed",
        "tasks",
        "tasks whose essential container exited by itself with another code; what a service stopped, for instance for \
         its health checks, counts in `service_tasks_failed`",
        tally.failed,
    );
    sheet.count(
        "tasks_killed",
        "tasks",
        "of the stopped ones, those with a container that SIGKILL ended",
        tally.killed,
    );
    sheet.count(
        "tasks_lost",
        "tasks",
        "of the stopped ones, those that ended with their instance",
        tally.lost,
    );
    let refused: u64 = tally.refused.values().sum();
    sheet.count("tasks_refused", "tasks", "tasks that were never placed and given up", refused);
    sheet.count(
        "tasks_alive_at_end",
        "tasks",
        "placed tasks that had not stopped when the run ended",
        world.tasks.len() as u64,
    );
    sheet.count(
        "tasks_waiting_at_end",
        "tasks",
        "tasks that waited for placement when the run ended",
        world.tasks.wanted,
    );
    sheet.count(
        "placement_failures",
        "attempts",
        "attempts to place a task that failed; a task that waits or calls again has many",
        world.books.recorder.failed_placements,
    );
    for (_, name, reason) in REASONS {
        let meaning = "failed attempts for this reason: that of the instance that came closest";
        let count = world.books.recorder.reasons.get(reason).copied().unwrap_or(0);
        sheet.count(name, "attempts", meaning, count);
    }
    for (name, _, reason) in REASONS {
        let meaning = "tasks refused for this reason: that of the instance that came closest";
        sheet.count(name, "tasks", meaning, tally.refused.get(reason).copied().unwrap_or(0));
    }
}

/// Metrics of refused tasks and of failed placements, by reason.
const REASONS: [(&str, &str, &str); 15] = [
    ("tasks_refused_cpu", "placement_failures_cpu", "RESOURCE:CPU"),
    ("tasks_refused_memory", "placement_failures_memory", "RESOURCE:MEMORY"),
    ("tasks_refused_gpu", "placement_failures_gpu", "RESOURCE:GPU"),
    ("tasks_refused_ports", "placement_failures_ports", "RESOURCE:PORTS"),
    ("tasks_refused_eni", "placement_failures_eni", "RESOURCE:ENI"),
    ("tasks_refused_agent", "placement_failures_agent", "AGENT"),
    ("tasks_refused_location", "placement_failures_location", "LOCATION"),
    ("tasks_refused_attribute", "placement_failures_attribute", "ATTRIBUTE"),
    ("tasks_refused_member_of", "placement_failures_member_of", "MEMBER_OF"),
    (
        "tasks_refused_distinct_instance",
        "placement_failures_distinct_instance",
        "DISTINCT_INSTANCE",
    ),
    ("tasks_refused_no_instances", "placement_failures_no_instances", "NO_CONTAINER_INSTANCES"),
    (
        "tasks_refused_fargate_configuration",
        "placement_failures_fargate_configuration",
        "FARGATE_CONFIGURATION",
    ),
    (
        "tasks_refused_fargate_vcpu_limit",
        "placement_failures_fargate_vcpu_limit",
        "FARGATE_VCPU_LIMIT",
    ),
    ("tasks_refused_fargate_capacity", "placement_failures_fargate_capacity", "FARGATE_CAPACITY"),
    (
        "tasks_refused_provisioning_limit",
        "placement_failures_provisioning_limit",
        "PROVISIONING_LIMIT",
    ),
];

fn capacity(sheet: &mut Sheet, world: &World, end: SimTime) {
    sheet.section = "EC2 capacity";
    let mut all = ProviderCapacity::default();
    for provider in world.cluster.capacity().providers.iter() {
        all.needed_time += provider.needed_time;
        all.instance_time += provider.instance_time;
        all.idle_time += provider.idle_time;
        all.stranded_cpu_time += provider.stranded_cpu_time;
        all.stranded_memory_time += provider.stranded_memory_time;
        all.registered_cpu_time += provider.registered_cpu_time;
        all.registered_memory_time += provider.registered_memory_time;
    }
    // ∫ promised dt is the sum over all tasks of what each held times how long it held it.
    let uses = || world.cluster.capacity().uses.iter();
    let promised_cpu_time: u128 = uses().map(|usage| usage.cpu_time).sum();
    let promised_memory_time: u128 = uses().map(|usage| usage.memory_time).sum();
    sheet.count(
        "instances",
        "instances",
        "container instances",
        world.cluster.fleet().len() as u64,
    );
    let tally = &world.books.tally;
    let launched = "instances that Auto Scaling groups launched after the beginning";
    sheet.count("instances_launched", "instances", launched, tally.launched);
    let warm = "instances that Auto Scaling groups took from their warm pools";
    sheet.count("warm_starts", "instances", warm, tally.warm_starts);
    renewals(sheet, world);
    let failed = "launches of Auto Scaling groups that found no capacity";
    let interrupted = "Spot instances that EC2 took back";
    sheet.count("instances_interrupted", "instances", interrupted, tally.interrupted);
    if world.groups.reserved.may_return() {
        let reclaimed =
            "instances that ended with their Capacity Block or interruptible reservation";
        sheet.count("instances_reclaimed", "instances", reclaimed, tally.reclaimed);
    }
    sheet.count("launches_failed", "launches", failed, tally.launches_failed);
    sheet.count("instances_ended", "instances", "instances that ended before the run", tally.ended);
    let (before, launched) = world.groups.time_before_useful(world.cluster.fleet(), end);
    sheet.percent(
        "launching_time_percent",
        "billed time of launched instances before they had registered",
        before,
        launched,
    );
    let warm =
        "what instances cost in warm pools, before their groups took them; part of `ec2_usd`";
    sheet.add("warm_pool_usd", "USD", warm, Value::Usd(world.groups.warm_pools_usd(end)));
    let lonely = world.cluster.fleet().ids().map(|id| world.groups.lonely(id).0).sum();
    let kept = "instance time for which a single task kept the instance, by the minute; managed scaling only";
    sheet.add("single_task_s", "s", kept, Value::Seconds(SimSpan(lonely)));
    sheet.percent(
        "cpu_reservation_percent",
        "promised share of the registered CPU over time",
        promised_cpu_time,
        all.registered_cpu_time,
    );
    sheet.percent(
        "memory_reservation_percent",
        "promised share of the registered memory over time",
        promised_memory_time,
        all.registered_memory_time,
    );
    sheet.percent(
        "packing_efficiency_percent",
        "fewest instances that could hold the tasks, as a share of those registered, over time",
        all.needed_time,
        all.instance_time,
    );
    sheet.percent(
        "stranded_cpu_percent",
        "registered CPU that is free where no task definition fits any more",
        all.stranded_cpu_time,
        all.registered_cpu_time,
    );
    sheet.percent(
        "stranded_memory_percent",
        "registered memory that is free where no task definition fits any more",
        all.stranded_memory_time,
        all.registered_memory_time,
    );
    sheet.percent(
        "idle_instance_percent",
        "share of instance time without a task",
        all.idle_time,
        all.instance_time,
    );
}

fn renewals(sheet: &mut Sheet, world: &World) {
    let tally = &world.books.tally;
    let renewed = "instances that instance refreshes ended";
    sheet.count("instances_refreshed", "instances", renewed, tally.refreshed);
    let old = "instances that ended because of `MaxInstanceLifetime`";
    sheet.count("instances_too_old", "instances", old, tally.too_old);
    let successful = "instance refreshes that replaced what they were to replace";
    sheet.count("refreshes_successful", "refreshes", successful, tally.refreshes_successful);
    let stuck = "instance refreshes that failed";
    sheet.count("refreshes_failed", "refreshes", stuck, tally.refreshes_failed);
}

fn fargate(sheet: &mut Sheet, world: &World) {
    let rounding = world.books.tally.rounding;
    sheet.section = "Fargate";
    let interrupted = "Spot tasks that Fargate took back";
    sheet.count("fargate_interrupted", "tasks", interrupted, world.books.tally.fargate_interrupted);
    let retired = "tasks that Fargate retired with the revision of its platform";
    sheet.count("fargate_retired", "tasks", retired, world.books.tally.fargate_retired);
    sheet.percent(
        "fargate_rounding_cpu_percent",
        "CPU of Fargate sizes beyond what tasks asked for",
        u128::from(rounding.given_cpu.saturating_sub(rounding.asked_cpu)),
        u128::from(rounding.given_cpu),
    );
    sheet.percent(
        "fargate_rounding_memory_percent",
        "memory of Fargate sizes beyond what tasks asked for",
        u128::from(rounding.given_memory.saturating_sub(rounding.asked_memory)),
        u128::from(rounding.given_memory),
    );
}

fn cost(sheet: &mut Sheet, world: &World, invoice: &Invoice, instances: NanoUsd) {
    sheet.section = "Cost";
    let of = |wanted: &dyn Fn(Category) -> bool| -> NanoUsd {
        invoice.lines.iter().filter(|l| wanted(l.category)).map(|l| l.usd).sum()
    };
    let ec2 = of(&Category::is_of_instances);
    let side = of(&|category| matches!(category, Category::Side(_)));
    let neither = of(&|category| category == Category::SavingsPlanUnused) + side;
    let total = invoice.total();
    sheet.usd("total_usd", "the whole bill", total);
    sheet.usd("ec2_usd", "container instances", ec2);
    sheet.usd("fargate_usd", "Fargate tasks", total - ec2 - neither);
    if side != NanoUsd::ZERO {
        sheet.usd("side_usd", "beside compute: volumes, addresses, load balancers and so on", side);
    }
    if world.rules.providers.iter().any(|of| of.purchase == Purchase::External) {
        let external = of(&|of| matches!(of, Category::ExternalHost | Category::AnywhereFee));
        let meaning = "external instances, with the fee of ECS Anywhere; part of `ec2_usd`";
        sheet.usd("external_usd", meaning, external);
    }
    let minimum = world.books.spending.fargate_minimum();
    let least = "what of it is Fargate's least billed time: beyond the seconds that tasks lasted";
    sheet.usd("fargate_minimum_usd", least, minimum);
    let (spending, cluster) = (&world.books.spending, &world.cluster);
    let uses = |id| &cluster.capacity().uses[id];
    let covered = |id| spending.covered(id, uses(id), cluster.fleet());
    let covered: NanoUsd = cluster.fleet().ids().map(covered).sum();
    let idle = instances - covered;
    sheet.usd("ec2_idle_usd", "EC2 cost that no promise covers", idle);
    sheet.percent(
        "usd_idle_percent",
        "share of the EC2 cost that no promise covers, CPU to memory-GB weighed 9 to 1",
        idle.0.max(0).unsigned_abs(),
        instances.0.unsigned_abs(),
    );
    let hours = world.books.tally.running_micros as f64 / 3.6e9;
    let per_hour = if hours > 0.0 { Value::Ratio(total.to_f64() / hours) } else { Value::Missing };
    sheet.add("usd_per_task_hour", "USD", "the whole bill by hour of RUNNING tasks", per_hour);
}
