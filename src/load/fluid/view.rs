//! How a flow's station looks without its units, and the latencies that its rehearsals give.

use super::flows::{Flow, Rules};
use crate::base::distribution::Distribution;
use crate::load::LoadSetup;
use crate::load::queueing::{POINTS, Profile, Station};
use crate::load::rehearsal::{Rehearsal, Scene, UNIT_MS, neighbours, scaled};
use crate::load::work::Cost;

/// Rehearsals made so far.
pub(in crate::load) type Stage = Vec<Rehearsal>;

/// Targets of one kind: CPU thousandths, percent of the cost, how many.
pub(in crate::load) type Kind = (u32, u32, u64);

/// Most tasks behind one balancer that are rehearsed: round robin is as good as even by then.
const MOST_IN_TURN: u64 = 64;
const MOST_POOLED: u64 = 256;
/// Zones, or shares of a canary, that are rehearsed.
const MOST_ZONES: u64 = 8;

/// Where a flow's latencies come from: two rehearsals and the weight of the second, seconds per second of the scene,
/// and what is added, seconds.
#[derive(Clone, Copy)]
pub(in crate::load) struct View {
    scenes: [usize; 2],
    part: f64,
    unit: f64,
    shift: f64,
}

impl View {
    /// `None` where nothing is ever answered.
    pub fn of(
        flow: &Flow,
        rules: &Rules,
        cost: &Cost,
        setup: &LoadSetup,
        stage: &mut Stage,
    ) -> Option<View> {
        let mut kinds: Vec<Kind> = flow.kinds();
        let streams = flow.streams(rules);
        let is_pooled = rules.is_pooled();
        let &(cpu, percent, _) = kinds.first()?;
        if cpu == 0 || streams == 0 {
            return None;
        }
        // Equal tasks of at most one vCPU differ in speed only.
        let mut of_task = cost.cpu;
        if kinds.len() == 1 {
            let whole = cpu.max(1_000);
            of_task *= f64::from(percent) / 100.0 * f64::from(whole) / f64::from(cpu);
            kinds[0] = (whole, 100, flow.members);
        }
        let (unit, cpu_factor) = match cost.cpu {
            0.0 => (cost.io.max(1e-9) * 1e3 / UNIT_MS, 0.0),
            cpu => (of_task * 1e3 / UNIT_MS, UNIT_MS / (cpu * 1e3)),
        };
        let work = &setup.work;
        let mut io_ms = scaled(&work.io_ms, 1.0 / unit);
        let mut shift = 0.0;
        if let Distribution::Constant(io) = work.io_ms
            && rules.workers.is_none()
            && !is_pooled
            && cost.cpu > 0.0
        {
            (io_ms, shift) = (Distribution::Constant(0.0), io / 1e3);
        }
        let cpu_ms = scaled(&work.cpu_ms, cpu_factor);
        let mut build = |kinds: Vec<Kind>| {
            let zones = if is_pooled { streams.min(MOST_ZONES) } else { 1 };
            let scene = Scene {
                is_pooled,
                is_queue: rules.is_queue(),
                cpu_ms: cpu_ms.clone(),
                io_ms: io_ms.clone(),
                workers: rules.workers,
                tasks: kinds,
                zones,
                capacity: 0.0,
                variation: 0.0,
            };
            place(scene, setup, stage)
        };
        let (scenes, part) = match kinds.as_slice() {
            &[(cpu, percent, count)] => {
                let (count, most) =
                    if is_pooled { (count, MOST_POOLED) } else { (streams, MOST_IN_TURN) };
                let (low, high, part) = neighbours(count, most);
                ([low, high].map(|count| build(vec![(cpu, percent, count)])), part)
            }
            _ => ([build(kinds); 2], 0.0),
        };
        Some(View { scenes, part, unit, shift })
    }

    /// Latency at utilisation `rho`.
    pub fn profile(&self, rho: f64, setup: &LoadSetup, stage: &mut Stage) -> Profile {
        let [low, high] = self.scenes;
        let mut profile = stage[low].profile(rho, setup);
        if self.part > 0.0 {
            let other = stage[high].profile(rho, setup);
            let mix = |a: f64, b: f64| a + (b - a) * self.part;
            profile.mean = mix(profile.mean, other.mean);
            for point in 0..POINTS {
                profile.points[point] = mix(profile.points[point], other.points[point]);
            }
        }
        profile.mean = profile.mean * self.unit + self.shift;
        // Seconds of the scene are handed on as microseconds.
        profile.points = profile.points.map(|point| (point * self.unit + self.shift) * 1e6);
        profile
    }
}

/// The rehearsal of this scene.
fn place(mut scene: Scene, setup: &LoadSetup, stage: &mut Stage) -> usize {
    let mut work = setup.work.clone();
    (work.cpu_ms, work.io_ms) = (scene.cpu_ms.clone(), scene.io_ms.clone());
    let is_known = |known: &Rehearsal| known.scene.is_like(&scene);
    if let Some(index) = stage.iter().position(is_known) {
        return index;
    }
    let cost = Cost::of(&work);
    for &(cpu, percent, count) in &scene.tasks {
        let one = Station::new(&cost, cpu, percent, scene.workers, 1);
        scene.capacity += one.capacity() * count as f64;
        scene.variation = one.limiting_variation(&cost);
    }
    stage.push(Rehearsal::new(scene));
    stage.len() - 1
}
