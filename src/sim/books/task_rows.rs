//! The rows of `tasks.csv`, from lines that hold all that a row tells.

use super::outputs::TASKS;
use super::recorder::Names;
use super::rows::{Row, RowWriter, field};
use crate::base::id::Column;
use crate::base::money::NanoUsd;
use crate::base::time::SimTime;
use crate::model::ids::{DefinitionId, GroupId, InstanceId, SourceId};
use crate::model::lifecycle::StopReason;
use crate::model::provisioning::{WAIT_CAUSES, WaitSpans};
use crate::sim::request::Request;
use crate::sim::task::{Place, Task};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// How many lines before a row its instance's fields are asked for.
const NAMED_AHEAD: usize = 8;

/// Fields of an instance, in one cache line where they are short.
#[repr(align(64))]
struct PlaceFields(SmallVec<[u8; 56]>);

/// Why a task has no place that nobody has given up.
pub const STILL_WAITS: &str = "waiting at the end of the run";

/// What the table hears, in order.
pub enum Line {
    /// The next task group has this name.
    Group(String),
    /// `launch,capacity_provider,availability_zone,instance_id` of tasks on the next container instance.
    Place(Box<[u8]>),
    /// The task of this number has failed to start, for a reason of its own.
    NotStarted(u64, Box<str>),
    /// The task of this number waits no longer for capacity: for what it has waited.
    Waited(u64, WaitSpans),
    /// The task of this number is DEACTIVATING from this instant on, and its containers run on for a while.
    Deactivates(u64, SimTime),
    /// A task has stopped, or lives on at the end of the run ([`SimTime::NEVER`]); what it cost.
    Task(Task, SimTime, NanoUsd),
    /// Tasks of a request were never placed, why, and when their caller gave them up ([`SimTime::NEVER`]: it did not).
    Unplaced(Box<Request>, &'static str, SimTime),
}

/// Writes lines as rows.
pub struct TaskRows {
    rows: RowWriter,
    names: Names,
    groups: Column<GroupId, Box<[u8]>>,
    places: Column<InstanceId, PlaceFields>,
    origins: LastOrigin,
    stop_texts: StopTexts,
    /// Tasks that failed to start and are not STOPPED: why, as fields.
    not_started: BTreeMap<u64, Box<[u8]>>,
    /// Tasks that have waited for capacity and are not STOPPED: for what.
    waited: BTreeMap<u64, WaitSpans>,
    /// Tasks that are DEACTIVATING for some time: since when.
    deactivating: BTreeMap<u64, SimTime>,
}

impl TaskRows {
    /// A table that begins with its header.
    #[must_use]
    pub fn new(sink: Box<dyn Write + Send>, names: Names) -> TaskRows {
        TaskRows {
            rows: RowWriter::new(Some(sink), &TASKS),
            names,
            groups: Column::new(),
            places: Column::new(),
            origins: LastOrigin::default(),
            stop_texts: StopTexts::default(),
            not_started: BTreeMap::new(),
            waited: BTreeMap::new(),
            deactivating: BTreeMap::new(),
        }
    }

    /// Writes what lines tell.
    ///
    /// # Errors
    /// What the sink says.
    pub fn write(&mut self, lines: &[Line]) -> io::Result<()> {
        lines.iter().enumerate().try_for_each(|(at, line)| {
            // The names of a large fleet are not in the caches.
            if let Some(Line::Task(soon, ..)) = lines.get(at + NAMED_AHEAD)
                && let Some(instance) = soon.instance()
            {
                self.places.ask_for(instance);
            }
            self.line(line)
        })
    }

    #[inline]
    fn line(&mut self, line: &Line) -> io::Result<()> {
        match line {
            Line::Group(name) => {
                self.groups.push(field(name));
            }
            Line::Place(place) => {
                self.places.push(PlaceFields(SmallVec::from_slice(place)));
            }
            Line::NotStarted(task, why) => {
                let code = StopReason::FailedToStart.code().to_string();
                let fields = [code.as_bytes(), &field(why)].join(&b',');
                self.not_started.insert(*task, fields.into_boxed_slice());
            }
            Line::Waited(task, spans) => {
                self.waited.insert(*task, *spans);
            }
            Line::Deactivates(task, since) => {
                self.deactivating.insert(*task, *since);
            }
            Line::Task(task, stopped, usd) => return self.task(task, *stopped, *usd),
            Line::Unplaced(request, why, refused) => return self.unplaced(request, why, *refused),
        }
        Ok(())
    }

    /// Hands everything to the sink and flushes it.
    ///
    /// # Errors
    /// What the sink says.
    pub fn finish(&mut self) -> io::Result<()> {
        self.rows.finish()
    }

    /// A row for each task of a request that was never placed.
    fn unplaced(&mut self, request: &Request, why: &str, refused: SimTime) -> io::Result<()> {
        for id in request.first_id..request.first_id + u64::from(request.remaining) {
            let mut row = self.rows.row();
            row.int(id)
                .name(&self.names.sources[request.source])
                .name(&self.groups[request.group])
                .name(&self.names.definitions[request.definition])
                .empty()
                .empty()
                .empty()
                .empty()
                .int(u64::from(request.demand.cpu))
                .int(u64::from(request.demand.memory))
                .int(u64::from(request.demand.gpus))
                .time(request.arrival)
                .time(request.accepted.unwrap_or(SimTime::NEVER));
            for _ in 0..9 {
                row.empty();
            }
            row.name(why.as_bytes()).empty().empty().empty();
            row.time(refused).int(u64::from(request.ephemeral_gib));
            no_waits(&mut row);
            row.empty().end();
            self.rows.settle()?;
        }
        Ok(())
    }

    /// A task has stopped, or lives on at the end of the run (`stopped` is never).
    pub fn task(&mut self, task: &Task, stopped: SimTime, usd: NanoUsd) -> io::Result<()> {
        let mut row = self.rows.row();
        row.int(task.id).name(self.origins.of(&self.names, &self.groups, task));
        match task.place {
            Place::Instance(instance) => {
                row.name(&self.places[instance].0);
            }
            Place::Fargate(zone) => {
                row.name(b"FARGATE")
                    .name(&self.names.providers[task.provider])
                    .name(&self.names.zones[zone])
                    .empty();
            }
            Place::Waiting(_) => {
                row.name(b"EC2").name(&self.names.providers[task.provider]).empty().empty();
            }
        }
        row.int(u64::from(task.demand.cpu))
            .int(u64::from(task.demand.memory))
            .int(u64::from(task.demand.gpus))
            .times([
                task.arrival,
                task.accepted,
                task.placed,
                task.pending,
                task.pull_started,
                task.pull_stopped,
                task.started,
                task.stopping,
                task.execution_stopped,
                stopped,
            ]);
        if task.stopping == SimTime::NEVER && task.waits() {
            row.empty().name(STILL_WAITS.as_bytes()).empty();
        } else if task.stopping == SimTime::NEVER {
            row.empty().empty().empty();
        } else {
            let own = match task.stop_reason {
                StopReason::FailedToStart => self.not_started.remove(&task.id),
                _ => None,
            };
            let texts = own.as_deref().unwrap_or_else(|| self.stop_texts.of(task.stop_reason));
            row.name(texts).int(u64::from(task.exit_code));
        }
        if task.waits() {
            row.empty().usd(usd);
        } else {
            row.span(task.placed.since(task.accepted)).usd(usd);
        }
        row.empty().int(u64::from(task.ephemeral_gib));
        let waited = if self.waited.is_empty() { None } else { self.waited.remove(&task.id) };
        match waited {
            Some(spans) => spans.into_iter().for_each(|span| {
                row.span(span);
            }),
            None => no_waits(&mut row),
        }
        let since = match self.deactivating.is_empty() {
            true => None,
            false => self.deactivating.remove(&task.id),
        };
        // Without a load balancer to leave it takes no time.
        let since = since.unwrap_or(task.stopping);
        row.time(since).end();
        self.rows.settle()?;
        Ok(())
    }
}

/// It has not waited for a capacity provider.
#[inline]
fn no_waits(row: &mut Row<'_>) {
    for _ in 0..WAIT_CAUSES {
        row.empty();
    }
}

/// `stop_code,stopped_reason` of every reason, as fields.
struct StopTexts([Box<[u8]>; StopReason::ALL.len()]);

impl Default for StopTexts {
    fn default() -> Self {
        let fields =
            |reason: StopReason| [reason.code().to_string(), reason.text().into()].join(",");
        StopTexts(StopReason::ALL.map(|reason| fields(reason).into_bytes().into_boxed_slice()))
    }
}

impl StopTexts {
    fn of(&self, reason: StopReason) -> &[u8] {
        &self.0[reason as usize]
    }
}

/// `source,group,task_definition` of the task that was written last: tasks come in runs of equal origin.
#[derive(Default)]
struct LastOrigin {
    key: Option<(SourceId, GroupId, DefinitionId)>,
    text: Vec<u8>,
}

impl LastOrigin {
    fn of(&mut self, names: &Names, groups: &Column<GroupId, Box<[u8]>>, task: &Task) -> &[u8] {
        let key = Some((task.source, task.group, task.definition));
        if self.key != key {
            self.key = key;
            let (source, group) = (&names.sources[task.source], &groups[task.group]);
            self.text = [&source[..], group, &names.definitions[task.definition]].join(&b',');
        }
        &self.text
    }
}
