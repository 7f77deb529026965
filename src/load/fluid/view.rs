//! How a flow's station looks without its units, and the latencies that the table or rehearsals give.

use super::flows::{Flow, Rules};
use super::library::lock;
use super::quiet::{STEPS, middle};
use crate::base::distribution::Distribution;
use crate::base::random::{Purpose, Seed};
use crate::load::LoadSetup;
use crate::load::queueing::{POINTS, Profile, Station, sliced, sum_of};
use crate::load::rehearsal::{Rehearsal, Scene, Subject, UNIT_MS, neighbours, scaled};
use crate::load::table::{Law, Place, Times};
use crate::load::work::Cost;
use smallvec::SmallVec;
use std::sync::Mutex;

/// What is known so far, for services of different cost.
#[derive(Default)]
pub(in crate::load) struct Stage {
    list: Vec<Rehearsal>,
    /// Laws that the table does not know.
    laws: Vec<(Distribution, Times)>,
}

/// Views of the flows of services of one cost, by what makes them alike.
#[derive(Default)]
pub(in crate::load) struct Views {
    list: Vec<(Key, View)>,
}

/// Targets, of how many requests they get one, workers, queue, routing to whoever has least to do.
type Key = (Kinds, u64, Option<u32>, bool, bool);

/// Targets of one kind: CPU thousandths, percent of the cost, how many.
pub(in crate::load) type Kind = (u32, u32, u64);

/// Mostly there is one.
pub(in crate::load) type Kinds = SmallVec<[Kind; 1]>;

/// Most tasks behind one balancer that are rehearsed: round robin is as good as even by then.
const MOST_IN_TURN: u64 = 256;
const MOST_POOLED: u64 = 256;
/// Zones, or shares of a canary, that are rehearsed.
const MOST_ZONES: u64 = 8;
/// Share of the time with a worker that does not change its law.
const LITTLE: f64 = 0.05;
/// Draws that stand for a law that the table does not know.
const DRAWS: usize = 40_000;

/// Where a flow's latencies come from: scenes and their weights, seconds per second of a scene, and what each request
/// takes beside, independently, seconds.
struct View {
    scenes: Vec<(usize, f64)>,
    unit: f64,
    beside: Option<Times>,
    /// Latencies as far as they were wanted, and where those of each step of utilisation are, counted from 1.
    known: Vec<Profile>,
    places: [u8; STEPS],
}

/// A flow of targets, to be looked at.
struct Sight<'a> {
    kinds: Kinds,
    streams: u64,
    rules: &'a Rules,
    cost: &'a Cost,
    setup: &'a LoadSetup,
}

impl Views {
    /// The view of a flow; `None` where nothing is ever answered.
    pub fn find(
        &mut self,
        flow: &Flow,
        rules: &Rules,
        cost: &Cost,
        setup: &LoadSetup,
        stage: &mut Stage,
    ) -> Option<usize> {
        let (kinds, streams) = (flow.kinds(), flow.streams(rules));
        let &(cpu, ..) = kinds.first()?;
        if streams == 0 || cpu == 0 {
            return None;
        }
        let key = (kinds, streams, rules.workers, rules.is_queue(), rules.is_pooled());
        let known = self.list.iter().position(|(known, _)| *known == key);
        Some(known.unwrap_or_else(|| {
            let sight = Sight { kinds: key.0.clone(), streams, rules, cost, setup };
            let view = sight.line(stage).or_else(|| sight.shared(stage));
            let view = view.unwrap_or_else(|| sight.mixed(stage));
            self.list.push((key, view));
            self.list.len() - 1
        }))
    }

    /// Latency at a step of utilisation.
    pub fn profile(&mut self, view: usize, step: usize, stage: &Mutex<Stage>) -> Profile {
        let view = &mut self.list[view].1;
        if view.places[step] == 0 {
            let profile = view.profile(middle(step), &mut lock(stage));
            view.known.push(profile);
            view.places[step] = view.known.len() as u8;
        }
        view.known[usize::from(view.places[step]) - 1]
    }
}

impl View {
    fn new(scenes: Vec<(usize, f64)>, unit: f64, beside: Option<Times>) -> View {
        View { scenes, unit, beside, known: Vec::new(), places: [0; STEPS] }
    }

    fn profile(&self, rho: f64, stage: &mut Stage) -> Profile {
        let mut points = [0.0; POINTS];
        for &(scene, weight) in &self.scenes {
            let found = stage.list[scene].profile(rho);
            for (point, other) in points.iter_mut().zip(found.points) {
                *point += weight * self.unit * other;
            }
        }
        if let Some(beside) = &self.beside {
            points = sum_of(&points, beside);
        }
        let mean = Profile::of(points).mean;
        // Seconds are handed on as microseconds.
        Profile { mean, points: points.map(|point| point * 1e6) }
    }
}

impl Stage {
    /// What the table knows of this station.
    fn row(&mut self, law: Law, place: Place) -> usize {
        let is_same =
            |other: &Rehearsal| matches!(&other.of, Subject::Row(l, p) if (l, p) == (&law, &place));
        self.list.iter().position(is_same).unwrap_or_else(|| {
            self.list.push(Rehearsal::known(law, place, UNIT_MS / 1e3));
            self.list.len() - 1
        })
    }

    /// The rehearsal of this scene.
    fn scene(&mut self, mut scene: Scene, setup: &LoadSetup) -> usize {
        let is_same =
            |other: &Rehearsal| matches!(&other.of, Subject::Scene(s) if s.is_like(&scene));
        if let Some(index) = self.list.iter().position(is_same) {
            return index;
        }
        let mut work = setup.work.clone();
        (work.cpu_ms, work.io_ms) = (scene.cpu_ms.clone(), scene.io_ms.clone());
        let cost = Cost::of(&work);
        for &(cpu, percent, count) in &scene.tasks {
            let one = Station::new(&cost, cpu, percent, scene.workers, 1);
            scene.capacity += one.capacity() * count as f64;
            scene.variation = one.limiting_variation(&cost);
        }
        self.list.push(Rehearsal::new(scene));
        self.list.len() - 1
    }

    /// The slices of a law in milliseconds, seconds.
    fn times_of(&mut self, law: &Distribution) -> Times {
        if let Some(known) = Law::of(law) {
            return known.times().map(|time| time * law.mean() / 1e3);
        }
        if let Some((_, times)) = self.laws.iter().find(|(other, _)| other == law) {
            return *times;
        }
        let mut stream = Seed(0).stream(Purpose::RequestWork, "slices of a law");
        let draw = |_| (law.sample(&mut stream) / 1e3, 1.0);
        let times = sliced((0..DRAWS).map(draw).collect());
        self.laws.push((law.clone(), times));
        times
    }
}

impl Sight<'_> {
    /// Whoever has a worker has a vCPU of its own: a line before servers, which the table knows.
    fn line(&self, stage: &mut Stage) -> Option<View> {
        let (&[(cpu, percent, tasks)], Some(workers)) = (self.kinds.as_slice(), self.rules.workers)
        else {
            return None;
        };
        let is_plain =
            self.cost.cpu == 0.0 || u64::from(workers) * 1_000 <= u64::from(cpu.max(1_000));
        let place = match workers {
            _ if !is_plain => return None,
            _ if self.rules.is_queue() && u64::from(workers) * tasks > 1 => {
                Place::Crowd { servers: f64::from(workers) * tasks as f64 }
            }
            1 if self.rules.is_queue() => Place::Line { turns: 1.0 },
            1 if !self.rules.is_pooled() => Place::Line { turns: self.streams as f64 },
            _ => return None,
        };
        let slowdown = f64::from(percent) / 100.0 * 1_000.0 / f64::from(cpu.min(1_000));
        let work = &self.setup.work;
        let law = match self.cost.io / (self.cost.cpu * slowdown + self.cost.io) {
            io if io < LITTLE => Law::in_line(&work.cpu_ms),
            io if io > 1.0 - LITTLE => Law::in_line(&work.io_ms),
            _ => None,
        };
        let law = law.or_else(|| Law::of_variation(self.cost.variation(slowdown)))?;
        let cpu_times = stage.times_of(&work.cpu_ms).map(|time| time * slowdown);
        let beside = sum_of(&cpu_times, &stage.times_of(&work.io_ms));
        let unit = (self.cost.cpu * slowdown + self.cost.io) * 1e3 / UNIT_MS;
        Some(View::new(vec![(stage.row(law, place), 1.0)], unit, Some(beside)))
    }

    /// Requests share the CPU of their task, as many as there are: I/O comes after it and changes nothing, but for
    /// what a balancer sees.
    fn shared(&self, stage: &mut Stage) -> Option<View> {
        let &[(cpu, percent, tasks)] = self.kinds.as_slice() else { return None };
        if self.rules.workers.is_some() {
            return None;
        }
        let work = &self.setup.work;
        let beside = Some(stage.times_of(&work.io_ms));
        if self.cost.cpu == 0.0 {
            return Some(View::new(Vec::new(), 0.0, beside));
        }
        let unit = self.unit(cpu, percent);
        let is_pooled = self.rules.is_pooled() && tasks > 1;
        let cpus = f64::from(cpu.max(1_000)) / 1e3;
        let place = if !is_pooled {
            let is_alone = self.rules.is_pooled();
            Place::Share { turns: if is_alone { 1.0 } else { self.streams as f64 }, cpus }
        } else {
            let cpu_time = UNIT_MS * unit / 1e3;
            let loose = libm::sqrt(self.cost.io_variance) / cpu_time;
            Place::Pool { tasks: tasks as f64, cpus, ratio: self.cost.io / cpu_time, loose }
        };
        if self.rules.is_pooled() && self.streams > 1 {
            return None;
        }
        if let Some(law) = Law::of(&work.cpu_ms) {
            return Some(View::new(vec![(stage.row(law, place), 1.0)], unit, beside));
        }
        if is_pooled {
            return None;
        }
        let scene = Scene { io_ms: Distribution::Constant(0.0), ..self.scene(unit) };
        Some(View { beside, ..self.rehearsed(scene, unit, stage) })
    }

    /// Everything else is rehearsed.
    fn mixed(&self, stage: &mut Stage) -> View {
        let &(cpu, percent, _) = &self.kinds[0];
        let unit = match self.cost.cpu {
            0.0 => self.cost.io.max(1e-9) * 1e3 / UNIT_MS,
            _ => self.unit(cpu, percent),
        };
        self.rehearsed(self.scene(unit), unit, stage)
    }

    /// Equal tasks of at most one vCPU differ in speed only.
    fn unit(&self, cpu: u32, percent: u32) -> f64 {
        let mut of_task = self.cost.cpu;
        if self.kinds.len() == 1 {
            let whole = f64::from(cpu.max(1_000));
            of_task *= f64::from(percent) / 100.0 * whole / f64::from(cpu);
        }
        of_task * 1e3 / UNIT_MS
    }

    fn scene(&self, unit: f64) -> Scene {
        let is_pooled = self.rules.is_pooled();
        let mut tasks = self.kinds.to_vec();
        if let [(cpu, percent, count)] = tasks.as_mut_slice() {
            (*cpu, *percent) = ((*cpu).max(1_000), 100);
            *count = if is_pooled { *count } else { self.streams };
        }
        let cpu_factor = if self.cost.cpu == 0.0 { 0.0 } else { UNIT_MS / (self.cost.cpu * 1e3) };
        Scene {
            is_pooled,
            is_queue: self.rules.is_queue(),
            cpu_ms: scaled(&self.setup.work.cpu_ms, cpu_factor),
            io_ms: scaled(&self.setup.work.io_ms, 1.0 / unit),
            workers: self.rules.workers,
            tasks,
            zones: if is_pooled { self.streams.min(MOST_ZONES) } else { 1 },
            capacity: 0.0,
            variation: 0.0,
        }
    }

    /// The rehearsals around this scene.
    fn rehearsed(&self, scene: Scene, unit: f64, stage: &mut Stage) -> View {
        let mut build =
            |tasks: Vec<Kind>| stage.scene(Scene { tasks, ..scene.clone() }, self.setup);
        let scenes = match scene.tasks.as_slice() {
            &[(cpu, percent, count)] => {
                let most = if scene.is_pooled { MOST_POOLED } else { MOST_IN_TURN };
                let (low, high, part) = neighbours(count, most);
                let mut both = vec![(build(vec![(cpu, percent, low)]), 1.0 - part)];
                if part > 0.0 {
                    both.push((build(vec![(cpu, percent, high)]), part));
                }
                both
            }
            kinds => vec![(build(kinds.to_vec()), 1.0)],
        };
        View::new(scenes, unit, None)
    }
}
