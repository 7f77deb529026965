//! Whether a trace is the same file at the end of a run as at its beginning. One that somebody cuts or appends to meanwhile
//! would otherwise end early, perhaps within a row, without a word.

use crate::model::arrival::TraceProblem;
use crate::model::traffic::RateOrigin;
use crate::model::workload::Workload;
use crate::scenario::Scenario;
use std::path::PathBuf;
use std::time::SystemTime;

/// Length and time of change; `None` where there is nothing to be asked.
type Stamp = Option<(u64, SystemTime)>;

/// The files that a scenario reads while it runs.
pub(super) struct Stamps(Vec<(PathBuf, String, Stamp)>);

impl Stamps {
    /// The files as they are now.
    pub(super) fn of(scenario: &Scenario) -> Stamps {
        let mut files = Vec::new();
        for workload in &scenario.workloads {
            if let Workload::Trace(trace) = workload {
                files.push((trace.path.clone(), trace.display.clone()));
            }
        }
        for service in scenario.setup.services.iter() {
            let origin = service.work.as_ref().map(|work| &work.source.origin);
            if let Some(RateOrigin::Trace(trace)) = origin {
                files.push((trace.path.clone(), trace.display.clone()));
            }
        }
        let stamped = files.into_iter().map(|(path, display)| {
            let stamp = stamp(&path);
            (path, display, stamp)
        });
        Stamps(stamped.collect())
    }

    /// Compares them with how they are now.
    pub(super) fn compare(&self) -> Result<(), TraceProblem> {
        match self.0.iter().find(|(path, _, before)| stamp(path) != *before) {
            Some((_, display, _)) => Err(TraceProblem(format!(
                "{display}: the file was changed while it was read\n  = help: run again when \
                 nobody writes to it"
            ))),
            None => Ok(()),
        }
    }
}

fn stamp(path: &std::path::Path) -> Stamp {
    let meta = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    Some((meta.len(), meta.modified().ok()?))
}
