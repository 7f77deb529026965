//! Samples: the rows of `timeseries.csv`, the series behind the charts, and the picture of the fleet.

use super::world::{Event, RunError, World};
use crate::base::id::Id as _;
use crate::base::time::SimTime;
use crate::engine::{Class, Queue};
use crate::metrics::picture::{FleetPicture, MOST_COLUMNS, PictureColumn};
use crate::metrics::series::Sample;
use crate::model::lifecycle::{STATUS_COUNT, TaskStatus};
use crate::model::platform::LaunchType;

/// Up to this many live tasks every new maximum is worth a picture; it costs microseconds.
const FEW_TASKS: usize = 2_000;

impl World {
    /// A sample is due: looks at the instant and arranges the next.
    pub(super) fn sample(&mut self, queue: &mut Queue<Event>) -> Result<(), RunError> {
        let now = queue.now();
        self.look(now)?;
        self.look_at_services(now)?;
        queue.schedule(now + self.sample_interval, Class::Sample, Event::Sample);
        Ok(())
    }

    /// Writes what is there at `now`: a row a provider and one in total.
    pub(super) fn look(&mut self, now: SimTime) -> Result<(), RunError> {
        let mut total = Sample { at: now, waiting: self.wanted, ..Sample::default() };
        let mut held = (0, 0);
        let mut placed = 0;
        for provider in self.providers.ids() {
            let sample = self.sample_of(provider.index(), now);
            let live = &self.recorder.live[provider];
            let of = (live.held.cpu, live.held.memory);
            held = (held.0 + of.0, held.1 + of.1);
            let name = self.recorder.names.providers[provider].clone();
            self.row(&name, &sample, of);
            add(&mut total, &sample);
            if self.providers[provider].launch == LaunchType::Ec2 {
                let promised = &sample.tasks[..TaskStatus::Deactivating as usize];
                placed += promised.iter().sum::<u32>() as usize;
            }
        }
        self.row(b"total", &total, held);
        self.recorder.timeseries.settle()?;
        self.series.push(total);
        self.last_sample = Some(now);
        if !self.recorder.picture {
            return Ok(());
        }
        // A picture costs a walk over the live tasks: where these are many, small rises are let pass.
        let margin = if self.tasks.len() > FEW_TASKS { self.picture_tasks / 20 } else { 0 };
        let is_first = self.picture.fleet == 0 && !self.fleet.is_empty();
        if is_first || placed > self.picture_tasks + margin {
            self.picture_tasks = placed;
            self.take_picture(now);
        }
        Ok(())
    }

    fn sample_of(&self, provider: usize, now: SimTime) -> Sample {
        let provider = crate::model::ids::ProviderId::from_index(provider);
        let capacity = &self.capacity.providers[provider];
        let live = &self.recorder.live[provider];
        let mut tasks = [0; STATUS_COUNT - 1];
        tasks.copy_from_slice(&live.by_status[..STATUS_COUNT - 1]);
        let mut sample = Sample {
            at: now,
            instances: capacity.instances,
            idle_instances: capacity.idle,
            needed_instances: u32::try_from(capacity.needed).unwrap_or(u32::MAX),
            tasks,
            registered_cpu: capacity.registered.cpu,
            reserved_cpu: capacity.promised.cpu,
            registered_memory: capacity.registered.memory,
            reserved_memory: capacity.promised.memory,
            nano_usd_per_hour: self.spending.hourly_now(provider, now, &self.fixed_rates),
            ..Sample::default()
        };
        if self.providers[provider].launch == LaunchType::Fargate {
            sample.fargate_tasks = tasks.iter().sum();
            sample.fargate_cpu = live.held.cpu;
            sample.fargate_memory = live.held.memory;
        }
        sample
    }

    fn row(&mut self, name: &[u8], sample: &Sample, held: (u64, u64)) {
        let table = &mut self.recorder.timeseries;
        if !table.is_on() {
            return;
        }
        let mut row = table.row();
        row.time(sample.at).name(name);
        for count in [sample.instances, sample.idle_instances, sample.needed_instances] {
            row.int(u64::from(count));
        }
        for count in sample.tasks {
            row.int(u64::from(count));
        }
        row.int(sample.waiting)
            .int(sample.registered_cpu)
            .int(sample.reserved_cpu + sample.fargate_cpu)
            .int(held.0)
            .int(sample.registered_memory)
            .int(sample.reserved_memory + sample.fargate_memory)
            .int(held.1)
            .usd(crate::base::money::NanoUsd(
                i64::try_from(sample.nano_usd_per_hour).unwrap_or(i64::MAX),
            ))
            .end();
    }

    fn take_picture(&mut self, now: SimTime) {
        let fleet = self.fleet.len();
        let step = fleet.div_ceil(MOST_COLUMNS).max(1);
        let mut columns: Vec<PictureColumn> = self
            .fleet
            .ids()
            .step_by(step)
            .map(|instance| PictureColumn {
                name: self.fleet.name[instance].clone(),
                registered: self.fleet.registered[instance],
                tasks: Vec::new(),
            })
            .collect();
        for task in self.tasks.by_id() {
            let Some(instance) = task.instance().filter(|i| i.index() % step == 0) else {
                continue;
            };
            if task.status < TaskStatus::Deactivating {
                columns[instance.index() / step].tasks.push((task.definition.0, task.demand));
            }
        }
        let families = self.definitions.iter().map(|d| d.family.clone()).collect();
        self.picture = FleetPicture { at: now, families, columns, fleet };
    }
}

fn add(total: &mut Sample, part: &Sample) {
    total.instances += part.instances;
    total.idle_instances += part.idle_instances;
    total.needed_instances += part.needed_instances;
    for (sum, count) in total.tasks.iter_mut().zip(part.tasks) {
        *sum += count;
    }
    total.fargate_tasks += part.fargate_tasks;
    total.registered_cpu += part.registered_cpu;
    total.reserved_cpu += part.reserved_cpu;
    total.registered_memory += part.registered_memory;
    total.reserved_memory += part.reserved_memory;
    total.fargate_cpu += part.fargate_cpu;
    total.fargate_memory += part.fargate_memory;
    total.nano_usd_per_hour += part.nano_usd_per_hour;
}
