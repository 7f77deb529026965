//! Holds the tables of a run against each other and against its input, from their text alone: T1 to T4, R1, L2, M1, M3.

use super::make::Case;
use super::tables::{Instant, TaskLine, Written, expected, scaled, usd};
use ecsim::sim::RunResult;
use std::collections::BTreeMap;

const WAITING: &str = "waiting at the end of the run";

/// Panics at the first statement that does not hold.
pub fn audit(case: &Case, result: &RunResult, written: &Written) {
    let audit = Audit { case, result, written, end: result.end.0 };
    audit.rows_are_accounted_for();
    audit.tasks_are_counted();
    audit.times_are_in_order();
    audit.instances_hold_no_more_than_they_registered();
    audit.samples_see_the_tasks();
    audit.integrals_agree();
    audit.money_adds_up();
}

struct Audit<'a> {
    case: &'a Case,
    result: &'a RunResult,
    written: &'a Written,
    end: u64,
}

/// The value of a sum of changes over time: `(instant, change)`, ended at `end`; calls `each(value, length)`.
fn walk(mut changes: Vec<(u64, i64)>, end: u64, mut each: impl FnMut(i64, u64)) {
    changes.push((end, 0));
    changes.sort_unstable();
    let (mut value, mut last) = (0, 0);
    for (at, change) in changes {
        each(value, at.min(end) - last);
        last = at.min(end);
        value += change;
    }
}

impl Audit<'_> {
    fn number(&self, metric: &str) -> f64 {
        self.result.summary.get(metric).unwrap().as_f64().unwrap_or(f64::NAN)
    }

    fn count(&self, metric: &str, of: impl Fn(&TaskLine) -> bool) {
        let counted = self.written.tasks.iter().filter(|task| of(task)).count();
        assert_eq!(self.number(metric), counted as f64, "T2: {metric}");
    }

    /// Each task of each row has one line, with the row's own arrival and caller.
    fn rows_are_accounted_for(&self) {
        for (rows, counts) in self.case.rows.iter().zip(&self.result.rows.tasks) {
            assert_eq!(counts.read, counts.used, "T1: nothing is skipped");
            assert!(counts.read <= rows.len() as u64);
        }
        let expected = expected(self.case, self.end);
        assert_eq!(self.written.tasks.len(), expected.len(), "T1: a line for each task");
        for (id, (task, (source, row))) in self.written.tasks.iter().zip(&expected).enumerate() {
            assert_eq!(task.id, id, "T1: each task once");
            assert_eq!(task.arrival(), row.arrival.0, "T1: arrival of task {id}");
            assert_eq!(task.source, format!("s{source}"), "T1: caller of task {id}");
            assert_eq!(task.gpus == 0, self.gpus_of(task, row.gpus) == 0, "T1: GPUs of task {id}");
        }
    }

    fn gpus_of(&self, task: &TaskLine, asked: Option<u16>) -> u16 {
        let definitions = &self.case.setup.definitions;
        let is_own = |d: &&ecsim::model::definition::TaskDefinition| {
            format!("{}:{}", d.family, d.revision) == task.definition
        };
        asked.unwrap_or_else(|| definitions.iter().find(is_own).unwrap().demand.gpus)
    }

    fn enis_of(&self, task: &TaskLine) -> u64 {
        let definitions = &self.case.setup.definitions;
        let own = |d: &&_| {
            let d: &ecsim::model::definition::TaskDefinition = d;
            format!("{}:{}", d.family, d.revision) == task.definition
        };
        u64::from(definitions.iter().find(own).unwrap().demand.enis)
    }

    fn tasks_are_counted(&self) {
        self.count("tasks_submitted", |_| true);
        self.count("tasks_placed", |t| t.placed().is_some());
        self.count("tasks_started", |t| t.stages[4].is_some());
        self.count("tasks_completed", |t| t.stages[7].is_some() && t.exit_code == "0");
        self.count("tasks_failed", |t| t.stages[7].is_some() && t.exit_code != "0");
        self.count("tasks_alive_at_end", |t| t.placed().is_some() && t.stages[7].is_none());
        self.count("tasks_waiting_at_end", |t| t.placed().is_none() && t.reason == WAITING);
        self.count("tasks_refused", |t| t.placed().is_none() && t.reason != WAITING);
        for row in &self.written.failures.rows {
            let first = self.written.failures.int(row, "task_id") as usize;
            let tasks = self.written.failures.int(row, "tasks") as usize;
            assert!(first + tasks <= self.written.tasks.len(), "a failure of unknown tasks");
        }
    }

    fn times_are_in_order(&self) {
        for task in &self.written.tasks {
            let mut last = 0;
            for stage in task.stages {
                let Some(at) = stage else { continue };
                assert!(at >= last && at <= self.end, "T3: task {}: {:?}", task.id, task.stages);
                last = at;
            }
            let known: Vec<bool> = task.stages.iter().map(Option::is_some).collect();
            assert!(known.is_sorted_by(|a, b| a >= b), "T3: a stage is missing: {known:?}");
            if let (Some(from), Some(to)) = (task.stages[3], task.pull_stopped) {
                assert!(
                    from <= to && task.stages[4].is_none_or(|started| to <= started),
                    "T3: pull"
                );
            }
            if let Some(placed) = task.placed() {
                let accepted = task.accepted.unwrap();
                assert!(task.arrival() <= accepted && accepted <= placed, "T3: accepted");
                assert_eq!(task.wait, Some(placed - accepted), "wait_s");
            }
        }
    }

    /// `(instance, resource)` to changes over time.
    fn promises(&self) -> BTreeMap<(&str, usize), Vec<(u64, i64)>> {
        let mut promises: BTreeMap<(&str, usize), Vec<(u64, i64)>> = BTreeMap::new();
        for task in self.written.tasks.iter().filter(|task| task.launch == "EC2") {
            let (from, to) = task.promise(self.end).unwrap();
            let amounts = [task.cpu, task.memory, task.gpus, self.enis_of(task), 1];
            for (resource, amount) in amounts.into_iter().enumerate() {
                let changes = promises.entry((&task.instance, resource)).or_default();
                changes.push((from, amount as i64));
                changes.push((to, -(amount as i64)));
            }
        }
        promises
    }

    /// R1, from the promises of `tasks.csv` alone.
    fn instances_hold_no_more_than_they_registered(&self) {
        let promises = self.promises();
        for setup in &self.case.setup.instances {
            let registration = &setup.registration;
            let r = registration.resources;
            let registered = [r.cpu, r.memory, r.gpus.into(), r.enis.into()];
            for (resource, registered) in registered.into_iter().enumerate() {
                let key = (registration.name.as_str(), resource);
                let changes = promises.get(&key).cloned().unwrap_or_default();
                walk(changes, self.end, |held, _| {
                    assert!(
                        (0..=i64::from(registered)).contains(&held),
                        "R1: {key:?} holds {held}"
                    );
                });
            }
        }
        for row in &self.written.instances.rows {
            let name = self.written.instances.cell(row, "instance_id");
            let hosted = self.written.tasks.iter().filter(|t| t.instance == name).count();
            assert_eq!(self.written.instances.int(row, "tasks_hosted"), hosted as u64);
        }
    }

    /// Each row of `timeseries.csv` against the tasks that lived at its instant.
    fn samples_see_the_tasks(&self) {
        let series = &self.written.series;
        let is_over = |stage: Instant, at: u64| stage.is_some_and(|stage| stage <= at);
        let statuses =
            ["provisioning", "pending", "activating", "running", "stopping", "deprovisioning"];
        for row in &series.rows {
            let at = u64::try_from(scaled(series.cell(row, "time_s"), 6)).unwrap();
            let provider = series.cell(row, "capacity_provider");
            let (mut counts, mut reserved, mut never_placed) = ([0; 6], [0; 2], [0; 2]);
            for task in &self.written.tasks {
                if provider != "total" && task.provider != provider {
                    continue;
                }
                if task.placed().is_none_or(|placed| placed > at) {
                    let is_refused = task.placed().is_none() && task.reason != WAITING;
                    never_placed[usize::from(is_refused)] += u64::from(task.arrival() <= at);
                    continue;
                }
                // Stages 1 to 6 begin the six statuses.
                let status =
                    (1..=7).rev().find(|stage| is_over(task.stages[*stage], at)).unwrap() - 1;
                if status < 6 {
                    counts[status] += 1;
                }
                // On Fargate a size is taken from the start of the pull to the exit of the last container.
                let from_to = if task.launch == "EC2" { (1, 5) } else { (3, 6) };
                if is_over(task.stages[from_to.0], at) && !is_over(task.stages[from_to.1], at) {
                    reserved[0] += task.cpu;
                    reserved[1] += task.memory;
                }
            }
            for (status, count) in statuses.iter().zip(counts) {
                assert_eq!(series.int(row, status), count, "L2: {status} of {provider} at {at}");
            }
            assert_eq!(series.int(row, "reserved_cpu"), reserved[0], "L2: {provider} at {at}");
            assert_eq!(
                series.int(row, "reserved_memory_mib"),
                reserved[1],
                "L2: {provider} at {at}"
            );
            if provider == "total" {
                let waiting = series.int(row, "waiting");
                let [known, refused] = never_placed;
                assert!((known..=known + refused).contains(&waiting), "L2: waiting at {at}");
            }
        }
    }

    /// L2: the ratios of the summary from the lives in `tasks.csv`.
    fn integrals_agree(&self) {
        let promises = self.promises();
        let instances = &self.case.setup.instances;
        let (mut held, mut whole, mut busy) = ([0i128; 2], [0i128; 2], 0u64);
        for setup in instances {
            let name = setup.registration.name.as_str();
            let r = setup.registration.resources;
            for (resource, registered) in [r.cpu, r.memory].into_iter().enumerate() {
                whole[resource] += i128::from(registered) * i128::from(self.end);
                let changes = promises.get(&(name, resource)).cloned().unwrap_or_default();
                walk(changes, self.end, |value, length| {
                    held[resource] += i128::from(value) * i128::from(length);
                });
            }
            let changes = promises.get(&(name, 4)).cloned().unwrap_or_default();
            walk(changes, self.end, |tasks, length| busy += length * u64::from(tasks > 0));
        }
        let same = |metric: &str, part: i128, whole: i128| {
            let expected = 100.0 * part as f64 / whole as f64;
            let found = self.number(metric);
            let both_missing = whole == 0 && found.is_nan();
            assert!(
                both_missing || (found - expected).abs() < 1e-9,
                "{metric}: {found}, {expected}"
            );
        };
        same("cpu_reservation_percent", held[0], whole[0]);
        same("memory_reservation_percent", held[1], whole[1]);
        let all = instances.len() as i128 * i128::from(self.end);
        same("idle_instance_percent", all - i128::from(busy), all);
        same("packing_efficiency_percent", self.needed_time(), all);
    }

    /// ∫ of the lower bound of instances, provider by provider.
    fn needed_time(&self) -> i128 {
        let mut needed = 0;
        for provider in self.case.setup.providers.iter() {
            let of = provider.largest;
            let unit = [of.cpu, of.memory, of.gpus.into(), of.enis.into()].map(i64::from);
            let mut changes: Vec<(u64, [i64; 4])> = Vec::new();
            let own = |t: &&TaskLine| t.launch == "EC2" && t.provider == provider.name;
            for task in self.written.tasks.iter().filter(own) {
                let (from, to) = task.promise(self.end).unwrap();
                let demand = [task.cpu, task.memory, task.gpus, self.enis_of(task)];
                changes.push((from, demand.map(|amount| amount as i64)));
                changes.push((to, demand.map(|amount| -(amount as i64))));
            }
            changes.sort_unstable();
            let (mut sum, mut last) = ([0i64; 4], 0);
            for (at, change) in changes {
                let share =
                    |i: usize| if unit[i] == 0 { 0 } else { (sum[i] + unit[i] - 1) / unit[i] };
                let fewest = (0..4).map(share).max().unwrap();
                needed += i128::from(fewest) * i128::from(at - last);
                last = at;
                sum = std::array::from_fn(|i| sum[i] + change[i]);
            }
        }
        needed
    }

    /// M1 and M3: lines, instances and tasks against the totals.
    fn money_adds_up(&self) {
        let cost = &self.written.cost;
        let dollars = |row| i128::from(scaled(cost.cell(row, "usd"), 9));
        let lines: i128 = cost.rows.iter().map(dollars).sum();
        assert_eq!(lines, usd(self.result, "total_usd").0, "M1: the lines sum to the total");
        for row in &cost.rows {
            let quantity = cost.cell(row, "quantity");
            assert!(
                !quantity.starts_with('-') && quantity != "0",
                "M4: a line without usage: {row:?}"
            );
            assert!(scaled(cost.cell(row, "usd"), 9) >= 0, "M4: a negative line: {row:?}");
        }
        let total = |of: &str| -> (i128, i128) {
            let own = self.written.tasks.iter().filter(|task| task.launch == of);
            own.fold((0, 0), |(sum, count), task| (sum + i128::from(task.usd), count + 1))
        };
        let (fargate, tasks) = total("FARGATE");
        let billed = usd(self.result, "fargate_usd").0;
        // Tasks and lines are rounded each by itself, by half a nano-dollar at most.
        assert!((fargate - billed).abs() <= tasks + 24, "M1: tasks {fargate}, lines {billed}");
        let instances = &self.written.instances;
        let dollars = |row| i128::from(scaled(instances.cell(row, "usd"), 9));
        let own: i128 = instances.rows.iter().map(dollars).sum();
        let (shares, tasks) = total("EC2");
        assert!(shares <= own, "M1: EC2 tasks {shares} against their instances {own}");
        // Shares are rounded down; the idle part is what is left of the cost.
        let covered = own - usd(self.result, "ec2_idle_usd").0;
        assert!((0..=tasks).contains(&(covered - shares)), "covered {covered}, shares {shares}");
        let billed = usd(self.result, "ec2_usd").0;
        assert!((own - billed).abs() <= instances.rows.len() as i128 + 24, "M3: {own}, {billed}");
    }
}
