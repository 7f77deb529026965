//! How long the stages of a task take, and the streams that is drawn from.

use super::pull::Registries;
use crate::base::distribution::Distribution;
use crate::base::random::{Family, Purpose, Seed};
use crate::base::time::SimSpan;
use crate::model::blackout::Blackouts;
use crate::model::definition::{StopOrder, TaskDefinition};
use crate::sim::setup::Latencies;

/// A latency and the streams it is drawn from: one stream a task, so that a draw depends on the task alone and not on
/// whose tasks came before.
pub struct Latency {
    /// Seconds, or MiB per second.
    pub distribution: Distribution,
    /// Streams by [`crate::sim::task::Task::draws`].
    pub draws: Family,
    /// The span of a constant one.
    constant: Option<SimSpan>,
}

impl Latency {
    /// A latency with its streams.
    #[must_use]
    pub fn new(distribution: Distribution, draws: Family) -> Self {
        let constant = match distribution {
            Distribution::Constant(seconds) => Some(SimSpan::from_secs_f64(seconds)),
            _ => None,
        };
        Latency { distribution, draws, constant }
    }

    /// The span for one task.
    #[inline]
    pub fn span(&self, task: u64) -> SimSpan {
        match self.constant {
            Some(span) => span,
            None => self.distribution.sample_span(&mut self.draws.member(task)),
        }
    }

    /// So many spans for one task, one after the other.
    #[inline]
    pub fn in_turn(&self, count: u16, task: u64) -> SimSpan {
        if count == 1 {
            return self.span(task);
        }
        if let Some(span) = self.constant {
            return SimSpan(span.0.saturating_mul(u64::from(count)));
        }
        let mut draws = self.draws.member(task);
        let spans = (0..count).map(|_| self.distribution.sample_span(&mut draws));
        spans.fold(SimSpan::ZERO, |sum, span| sum + span)
    }

    /// How long `mib` take at a rate that is drawn for one task.
    pub fn transfer(&self, mib: u32, task: u64) -> SimSpan {
        if mib == 0 {
            return SimSpan::ZERO;
        }
        let rate = self.distribution.sample(&mut self.draws.member(task));
        // A rate of nothing would never end; the slowest rate that is taken seriously is a KiB per second.
        SimSpan::from_secs_f64(f64::from(mib) / rate.max(1.0 / 1024.0))
    }

    /// How long the disk of an instance writes `mib` at `rate` MiB per second; no time where it has no limit.
    pub fn write(mib: u32, rate: u32) -> SimSpan {
        let micros = (u64::from(mib) * 1_000_000).checked_div(u64::from(rate));
        micros.map_or(SimSpan::ZERO, SimSpan)
    }

    /// The longest of `count` draws for one task.
    pub fn longest(&self, count: u16, task: u64) -> SimSpan {
        if let Some(span) = self.constant {
            return if count == 0 { SimSpan::ZERO } else { span };
        }
        let mut draws = self.draws.member(task);
        (0..count).map(|_| self.distribution.sample_span(&mut draws)).max().unwrap_or_default()
    }

    /// How long the containers of a task take to stop; `is_asked`: also the essential one, which has exited by itself
    /// otherwise. `timeout` is how long each of them may take, `work` what the essential one has to finish before it
    /// leaves.
    pub fn of_containers(
        &self,
        definition: &TaskDefinition,
        is_asked: bool,
        task: u64,
        timeout: SimSpan,
        work: SimSpan,
    ) -> Leave {
        let StopOrder { turns, essential } = &definition.stop_order;
        if turns.is_empty() {
            let span = self.longest(definition.other_containers + u16::from(is_asked), task) + work;
            return Leave { span: span.min(timeout), is_killed: span > timeout };
        }
        let mut draws = self.draws.member(task);
        let mut leave = Leave::default();
        for (turn, &count) in turns.iter().enumerate() {
            let count = count.saturating_sub(u16::from(turn == *essential && !is_asked));
            let spans = (0..count).map(|_| self.distribution.sample_span(&mut draws));
            let mut span = spans.max().unwrap_or_default();
            if turn == *essential {
                span += work;
            }
            leave.is_killed |= span > timeout;
            leave.span += span.min(timeout);
        }
        leave
    }
}

/// How long the containers of a task take to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Leave {
    /// From SIGTERM to the exit of the last one.
    pub span: SimSpan,
    /// One of those that stop in turn took too long for SIGTERM.
    pub is_killed: bool,
}

/// The stages' latencies, as in [`crate::sim::setup::Latencies`].
pub struct Stages {
    /// Where images come from.
    pub registries: Registries,
    /// Whether these are the stages of tasks that have run for long.
    pub is_settled: bool,
    /// ENI attachment on EC2.
    pub eni_attach: Latency,
    /// ENI detachment on EC2.
    pub eni_detach: Latency,
    /// Container start on EC2.
    pub ec2_start: Latency,
    /// Pull rate on EC2.
    pub ec2_pull: Latency,
    /// What an instance's disk writes for pulls, MiB per second; 0: no limit.
    pub ec2_disk: u32,
    /// Container stop.
    pub stop: Latency,
    /// Fargate ENI.
    pub fargate_eni: Latency,
    /// Fargate preparation.
    pub fargate_prepare: Latency,
    /// Fargate pull rate.
    pub fargate_pull: Latency,
    /// Fargate start.
    pub fargate_start: Latency,
    /// Fargate ENI deletion.
    pub fargate_eni_detach: Latency,
}

impl Stages {
    /// The latencies of a scenario.
    #[must_use]
    pub fn new(latencies: &Latencies, blackouts: &Blackouts, seed: Seed) -> Stages {
        let stage = |distribution: &Distribution, purpose, name: &str| {
            Latency::new(distribution.clone(), seed.family(purpose, name))
        };
        Stages {
            registries: Registries::new(blackouts.registries.clone()),
            is_settled: false,
            eni_attach: stage(&latencies.eni_attach, Purpose::EniAttach, "ec2"),
            eni_detach: stage(&latencies.eni_detach, Purpose::EniDetach, "ec2"),
            ec2_start: stage(&latencies.ec2_start, Purpose::ContainerStart, "ec2"),
            ec2_pull: stage(&latencies.ec2_pull_mib_per_s, Purpose::ImagePull, "ec2"),
            ec2_disk: latencies.ec2_disk_mib_per_s,
            stop: stage(&latencies.container_stop, Purpose::ContainerStop, "all"),
            fargate_eni: stage(&latencies.fargate_eni, Purpose::EniAttach, "fargate"),
            fargate_prepare: stage(&latencies.fargate_prepare, Purpose::FargatePrepare, "fargate"),
            fargate_pull: stage(&latencies.fargate_pull_mib_per_s, Purpose::ImagePull, "fargate"),
            fargate_start: stage(&latencies.fargate_start, Purpose::ContainerStart, "fargate"),
            fargate_eni_detach: stage(&latencies.fargate_eni_detach, Purpose::EniDetach, "fargate"),
        }
    }

    /// Stages that take no time at all, for tasks that have run for long when the simulation begins.
    #[must_use]
    pub fn without_delay(seed: Seed) -> Stages {
        let draws = seed.family(Purpose::ContainerStart, "without delay");
        let none = || Latency::new(Distribution::Constant(0.0), draws);
        let at_once = || Latency::new(Distribution::Constant(f64::INFINITY), draws);
        Stages {
            registries: Registries::default(),
            is_settled: true,
            eni_attach: none(),
            eni_detach: none(),
            ec2_start: none(),
            ec2_pull: at_once(),
            ec2_disk: 0,
            stop: none(),
            fargate_eni: none(),
            fargate_prepare: none(),
            fargate_pull: at_once(),
            fargate_start: none(),
            fargate_eni_detach: none(),
        }
    }
}
