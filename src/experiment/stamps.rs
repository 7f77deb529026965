//! Whether a trace is the same file at the end of a run as at its beginning. One that somebody cuts or appends to meanwhile
//! would otherwise end early, perhaps within a row, without a word.

use crate::model::arrival::TraceProblem;
use crate::model::traffic::RateOrigin;
use crate::model::workload::Workload;
use crate::scenario::Scenario;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// What the system knows of a file; `None` where there is nothing to be asked.
type Stamp = Option<Metadata>;

/// The files that a scenario reads while it runs.
pub(super) struct Stamps(Vec<(PathBuf, String, Stamp)>);

/// The traces that a scenario reads when it is run, by path and as the user wrote them.
pub(super) fn files(scenario: &Scenario) -> Vec<(PathBuf, String)> {
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
    let markets = scenario.markets.iter();
    files.extend(markets.map(|market| (market.path.clone(), market.display.clone())));
    let failures = scenario.failure_traces.iter();
    files.extend(failures.map(|trace| (trace.path.clone(), trace.display.clone())));
    files
}

impl Stamps {
    /// The files as they are now.
    pub(super) fn of(scenario: &Scenario) -> Stamps {
        let stamped = files(scenario).into_iter().map(|(path, display)| {
            let stamp = stamp(&path);
            (path, display, stamp)
        });
        Stamps(stamped.collect())
    }

    /// One file as it is now.
    pub(super) fn of_file(path: &Path, display: &str) -> Stamps {
        Stamps(vec![(path.to_path_buf(), display.to_string(), stamp(path))])
    }

    /// Compares them with how they are now.
    pub(super) fn compare(&self) -> Result<(), TraceProblem> {
        match self.0.iter().find(|(path, _, before)| !is_same(before, &stamp(path))) {
            Some((_, display, _)) => Err(TraceProblem(format!(
                "{display}: the file was changed while it was read\n  = help: run again when \
                 nobody writes to it"
            ))),
            None => Ok(()),
        }
    }
}

fn stamp(path: &Path) -> Stamp {
    path.metadata().ok().filter(Metadata::is_file)
}

/// Whether length and time of change are the same.
fn is_same(before: &Stamp, after: &Stamp) -> bool {
    let known = |of: &Stamp| of.as_ref().map(|meta| (meta.len(), meta.modified().ok()));
    known(before) == known(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_that_is_cut_while_it_is_read_is_an_error() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("trace.csv");
        std::fs::write(&path, "arrival_s\n1\n2\n").expect("a file");
        let stamps = Stamps(vec![(path.clone(), "trace.csv".into(), stamp(&path))]);
        assert!(stamps.compare().is_ok());
        std::fs::write(&path, "arrival_s\n1\n").expect("the file");
        let problem = stamps.compare().expect_err("it is shorter");
        assert!(problem.0.starts_with("trace.csv: the file was changed while"), "{}", problem.0);
    }
}
