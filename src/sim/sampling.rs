//! Samples: the rows of `timeseries.csv`, the series behind the charts, and the picture of the fleet.

use super::books::Books;
use super::books::capacity_tables::SubnetRow;
use super::cluster::Cluster;
use super::event::RunError;
use super::rules::Rules;
use super::tasks::Tasks;
use crate::base::money::NanoUsd;
use crate::base::time::SimTime;
use crate::metrics::picture::{FleetPicture, MOST_COLUMNS, PictureColumn};
use crate::metrics::series::Sample;
use crate::model::ids::{InstanceId, ProviderId};
use crate::model::lifecycle::{STATUS_COUNT, TaskStatus};
use crate::model::platform::LaunchType;

/// Up to this many live tasks every new maximum is worth a picture; it costs microseconds.
const FEW_TASKS: usize = 2_000;

/// Writes a row a subnet, where addresses are counted.
///
/// # Errors
/// What a sink says.
pub fn look_at_subnets(
    now: SimTime,
    rules: &Rules,
    cluster: &mut Cluster,
    books: &mut Books,
) -> Result<(), RunError> {
    let Some(network) = &mut cluster.network else { return Ok(()) };
    for (id, subnet, held) in network.subnets() {
        let (free, least) = (network.free(id), subnet.room().saturating_sub(held.recent_peak));
        let all = subnet.cidr.usable();
        books.capacity.subnet(&SubnetRow {
            at: now,
            subnet: &subnet.id,
            zone: &rules.zones[subnet.zone],
            cidr: &subnet.cidr.to_string(),
            addresses: [all, subnet.used, held.tasks, held.instances, free, least],
            refused: [held.refused_tasks, held.refused_launches],
        })?;
    }
    network.next_sample();
    Ok(())
}

/// Writes what is there at `now`: a row a provider and one in total.
///
/// # Errors
/// What a sink says.
pub fn look(
    now: SimTime,
    rules: &Rules,
    cluster: &Cluster,
    tasks: &Tasks,
    books: &mut Books,
) -> Result<(), RunError> {
    let mut total = Sample { at: now, waiting: tasks.wanted, ..Sample::default() };
    let mut held = (0, 0);
    let mut placed = 0;
    for provider in rules.providers.ids() {
        let sample = sample_of(provider, now, rules, cluster, books);
        let live = &books.tally.live[provider];
        let of = (live.held.cpu, live.held.memory);
        held = (held.0 + of.0, held.1 + of.1);
        let name = books.recorder.names.providers[provider].clone();
        row(books, &name, &sample, of);
        add(&mut total, &sample);
        if rules.providers[provider].launch == LaunchType::Ec2 {
            let promised = &sample.tasks[..TaskStatus::Deactivating as usize];
            placed += promised.iter().sum::<u64>() as usize;
        }
    }
    row(books, b"total", &total, held);
    books.recorder.timeseries.settle()?;
    books.series.push(total);
    books.last_sample = Some(now);
    if !books.recorder.picture {
        return Ok(());
    }
    // A picture costs a walk over the live tasks: where these are many, small rises are let pass.
    let margin = if tasks.len() > FEW_TASKS { books.picture_tasks / 20 } else { 0 };
    let is_first = books.picture.fleet == 0 && !cluster.fleet().is_empty();
    if is_first || placed > books.picture_tasks + margin {
        books.picture_tasks = placed;
        books.picture = picture(now, rules, cluster, tasks);
    }
    Ok(())
}

fn sample_of(
    provider: ProviderId,
    now: SimTime,
    rules: &Rules,
    cluster: &Cluster,
    books: &Books,
) -> Sample {
    let capacity = &cluster.capacity().providers[provider];
    let live = &books.tally.live[provider];
    let mut tasks = [0; STATUS_COUNT - 1];
    for (count, &known) in tasks.iter_mut().zip(&live.by_status) {
        *count = u64::from(known);
    }
    let mut sample = Sample {
        at: now,
        instances: capacity.instances.into(),
        idle_instances: capacity.idle.into(),
        needed_instances: capacity.needed,
        tasks,
        starting: tasks[..TaskStatus::Running as usize].iter().sum(),
        registered_cpu: capacity.registered.cpu,
        reserved_cpu: capacity.promised.cpu,
        registered_memory: capacity.registered.memory,
        reserved_memory: capacity.promised.memory,
        nano_usd_per_hour: books.spending.hourly_now(provider, now),
        ..Sample::default()
    };
    sample.desired_instances = sample.instances;
    if let Some(group) = &books.tally.groups[provider] {
        sample.desired_instances = group.desired.into();
        sample.launching_instances = group.launching.into();
        sample.draining_instances = group.draining.into();
        sample.warm_instances = group.warm.into();
    }
    if rules.providers[provider].launch == LaunchType::Fargate {
        sample.fargate_tasks = tasks.iter().sum();
        sample.fargate_cpu = live.held.cpu;
        sample.fargate_memory = live.held.memory;
    }
    sample
}

fn row(books: &mut Books, name: &[u8], sample: &Sample, held: (u64, u64)) {
    let table = &mut books.recorder.timeseries;
    if !table.is_on() {
        return;
    }
    let mut row = table.row();
    row.time(sample.at).name(name);
    for count in [sample.instances, sample.idle_instances, sample.needed_instances] {
        row.int(count);
    }
    for count in sample.tasks {
        row.int(count);
    }
    row.int(sample.waiting)
        .int(sample.registered_cpu)
        .int(sample.reserved_cpu + sample.fargate_cpu)
        .int(held.0)
        .int(sample.registered_memory)
        .int(sample.reserved_memory + sample.fargate_memory)
        .int(held.1)
        .usd(NanoUsd(sample.nano_usd_per_hour))
        .int(sample.desired_instances)
        .int(sample.launching_instances)
        .int(sample.draining_instances)
        .int(sample.warm_instances)
        .utc(sample.at)
        .end();
}

fn picture(now: SimTime, rules: &Rules, cluster: &Cluster, tasks: &Tasks) -> FleetPicture {
    let of = cluster.fleet();
    let there: Vec<InstanceId> = of.ids().filter(|&i| of.is_registered(i)).collect();
    let fleet = there.len();
    let step = fleet.div_ceil(MOST_COLUMNS).max(1);
    let shown: Vec<InstanceId> = there.into_iter().step_by(step).collect();
    let column = |&instance: &InstanceId| PictureColumn {
        name: of.name[instance].clone(),
        instance_type: of.instance_type[instance].clone(),
        registered: of.registered[instance],
        tasks: Vec::new(),
    };
    let mut columns: Vec<PictureColumn> = shown.iter().map(column).collect();
    for task in tasks.by_id() {
        let Some(instance) = task.instance() else { continue };
        let Ok(at) = shown.binary_search(&instance) else { continue };
        if task.status < TaskStatus::Deactivating {
            columns[at].tasks.push((task.definition.0, task.demand));
        }
    }
    let families = rules.definitions.iter().map(|d| d.family.clone()).collect();
    FleetPicture { at: now, families, columns, fleet }
}

fn add(total: &mut Sample, part: &Sample) {
    total.instances += part.instances;
    total.idle_instances += part.idle_instances;
    total.needed_instances += part.needed_instances;
    for (sum, count) in total.tasks.iter_mut().zip(part.tasks) {
        *sum += count;
    }
    total.starting += part.starting;
    total.fargate_tasks += part.fargate_tasks;
    total.registered_cpu += part.registered_cpu;
    total.reserved_cpu += part.reserved_cpu;
    total.registered_memory += part.registered_memory;
    total.reserved_memory += part.reserved_memory;
    total.fargate_cpu += part.fargate_cpu;
    total.fargate_memory += part.fargate_memory;
    total.desired_instances += part.desired_instances;
    total.launching_instances += part.launching_instances;
    total.draining_instances += part.draining_instances;
    total.warm_instances += part.warm_instances;
    total.nano_usd_per_hour += part.nano_usd_per_hour;
}
