//! What tasks use beyond what they reserved, by the clock hour: split cost allocation charges whichever is more.
//!
//! Measured at the end of each minute, as CloudWatch does; what a task used in its last, broken minute is not known. Only
//! CPU that a task without a limit of its own takes from what is idle, and memory above a reservation, can be more.

use super::meter::MINUTE;
use crate::base::time::SimTime;
use crate::load::Load;
use crate::model::ids::InstanceId;
use crate::model::resources::Resources;
use crate::pricing::allocation::Amounts;

/// Where the tasks of a service are measured, and what was found.
#[derive(Clone, Debug, Default)]
pub struct Excess {
    /// How much of the first clock hour was over when the run began, microseconds.
    into_hour: u64,
    tasks: Vec<Measured>,
    /// Instance, part-microseconds beyond the reservation, and an instant at the end of or within the clock hour.
    pub found: Vec<(InstanceId, Amounts, SimTime)>,
}

/// A RUNNING task in the clock hour that goes on.
#[derive(Clone, Copy, Debug)]
struct Measured {
    task: u64,
    instance: InstanceId,
    reserved: Resources,
    /// Since when it is measured in this hour, and until when.
    span: (SimTime, SimTime),
    /// CPU when the last minute ended, nanoseconds of a vCPU.
    nanos: u128,
    /// Of this hour: nanoseconds of a vCPU, and KiB-microseconds.
    used: (u128, u128),
}

impl Measured {
    /// What it used in this hour beyond what it reserved.
    fn excess(&self) -> Amounts {
        let micros = u128::from(self.span.1.since(self.span.0).0);
        let cpu = self.used.0 * 1_024 / 1_000;
        let memory = self.used.1 / 1_024;
        Amounts {
            cpu: cpu.saturating_sub(u128::from(self.reserved.cpu) * micros),
            memory: memory.saturating_sub(u128::from(self.reserved.memory) * micros),
            gpus: 0,
        }
    }
}

impl Excess {
    /// Of a run that begins so many microseconds after a full hour of the clock.
    pub fn new(into_hour: u64) -> Excess {
        Excess { into_hour, ..Excess::default() }
    }

    /// A task begins to be RUNNING on an instance.
    pub fn joins(
        &mut self,
        (task, instance): (u64, InstanceId),
        reserved: Resources,
        now: SimTime,
    ) {
        let (nanos, used) = (0, (0, 0));
        self.tasks.push(Measured { task, instance, reserved, span: (now, now), nanos, used });
    }

    /// It is no longer RUNNING.
    pub fn leaves(&mut self, task: u64) {
        if let Some(index) = self.tasks.iter().position(|of| of.task == task) {
            let gone = self.tasks.swap_remove(index);
            self.note(&gone);
        }
    }

    fn note(&mut self, of: &Measured) {
        let more = of.excess();
        if more != Amounts::default() {
            self.found.push((of.instance, more, of.span.1));
        }
    }

    /// The minute that ends `now`: `idle_mib` and `kib` are the memory of a task and of a request in it.
    pub fn minute(&mut self, load: &mut Load, (idle_mib, kib): (u32, u32), now: SimTime) {
        let hour = (now.0 + self.into_hour) / 3_600_000_000;
        let mut over = Vec::new();
        for of in &mut self.tasks {
            let nanos = load.cpu_nanos_of(of.task);
            // A target that left and came back counts anew.
            of.used.0 += nanos.checked_sub(of.nanos).unwrap_or(nanos);
            of.nanos = nanos;
            let requests = match kib {
                0 => 0,
                _ => u128::from(load.in_memory_at(of.task)) * u128::from(kib) / 1_000_000,
            };
            let memory = (u128::from(idle_mib) << 10) + requests;
            of.used.1 += memory * u128::from(now.since(of.span.1).0.min(MINUTE.0));
            of.span.1 = now;
            if (of.span.0.0 + self.into_hour) / 3_600_000_000 != hour {
                over.push(*of);
                (of.span.0, of.used) = (now, (0, 0));
            }
        }
        over.iter().for_each(|of| self.note(of));
    }

    /// The run ends.
    pub fn finish(&mut self) {
        let left = std::mem::take(&mut self.tasks);
        left.iter().for_each(|of| self.note(of));
    }
}
