//! The folder of a sweep, in which finished cells outlive the process.
//!
//! ```text
//! <out>/sweep.json         the plan, first
//!       cells/<id>.json    a file a finished cell
//!       sweep.csv, sweep_means.csv, charts/
//!       manifest.json      last: a folder without it is unfinished
//! ```
//!
//! Invariants. Every file comes by rename after it was synced, so a name stands for a whole file. Nothing that is not
//! ours is changed. Several processes may work in one folder at once: they write the same bytes under the same names.
//! What a process is writing lies in `.ecsim-sweep-<16 letters or digits>` inside, which it holds a lock on; the next one
//! removes what the dead have left.

use super::record::{Record, Status};
use crate::experiment::sweep::Plan;
use crate::report::error::OutputError;
use crate::report::files::{FileSystem, RealFileSystem};
use crate::report::manifest::digest_text;
use crate::report::manifest::{FileEntry, MANIFEST_FILE, Manifest, SCHEMA};
use crate::report::target::lock_folder;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

/// Name of the plan.
pub const PLAN_FILE: &str = "sweep.json";
const CELLS: &str = "cells";
const CHARTS: &str = "charts";
const WORK: &str = ".ecsim-sweep-";
/// What a file that is no cell is called from then on.
const BAD: &str = ".bad";

/// The plan as a file.
#[derive(Serialize, Deserialize)]
struct PlanFile {
    schema: String,
    kind: String,
    #[serde(flatten)]
    plan: Plan,
}

/// The content of `sweep.json`.
fn plan_text(plan: &Plan) -> String {
    let file = PlanFile { schema: SCHEMA.into(), kind: "sweep".into(), plan: plan.clone() };
    let text = serde_json::to_string_pretty(&file);
    text.expect("a plan has text keys and whole numbers only") + "\n"
}

/// Reads the plan of a sweep's folder.
///
/// # Errors
/// A clause that says why the folder is none.
pub fn read_plan(folder: &Path) -> Result<Plan, String> {
    let path = folder.join(PLAN_FILE);
    let is_file = path.symlink_metadata().is_ok_and(|meta| meta.is_file());
    if !is_file {
        return Err(format!("it holds no `{PLAN_FILE}`"));
    }
    let text = fs::read_to_string(&path)
        .map_err(|error| format!("its `{PLAN_FILE}` cannot be read ({error})"))?;
    let file: PlanFile = serde_json::from_str(&text)
        .map_err(|error| format!("its `{PLAN_FILE}` is not that of a sweep ({error})"))?;
    if file.schema != SCHEMA || file.kind != "sweep" || !file.plan.is_sound() {
        return Err(format!("its `{PLAN_FILE}` is not that of a sweep"));
    }
    Ok(file.plan)
}

/// Reads the file of a cell; nothing where there is none.
///
/// # Errors
/// A clause that says why it is not whole.
pub fn read_cell(folder: &Path, id: &str) -> Result<Option<Record>, String> {
    match fs::read_to_string(folder.join(CELLS).join(format!("{id}.json"))) {
        Ok(text) => Record::parse(&text, id).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("it cannot be read ({error})")),
    }
}

/// The folder of a sweep.
#[derive(Debug)]
pub struct SweepFolder {
    files: Arc<dyn FileSystem>,
    path: PathBuf,
    work: PathBuf,
    /// Held until the process is done with the folder.
    lock: Option<File>,
}

impl SweepFolder {
    /// Opens the folder for the cells of `plan`: a new one, or one that holds some of them already. With `force`, one of
    /// another sweep: cells that this one has, too, are kept, all else of ours is removed. What was noticed, a sentence
    /// each, for the user.
    ///
    /// # Errors
    /// [`OutputError::Refused`] where the folder may not be written to; [`OutputError::Failed`] where the system says no.
    pub fn open(
        path: &Path,
        plan: &Plan,
        force: bool,
    ) -> Result<(SweepFolder, Vec<String>), OutputError> {
        Self::open_on(Arc::new(RealFileSystem), path, plan, force)
    }

    /// As [`SweepFolder::open`], on another file system.
    ///
    /// # Errors
    /// As [`SweepFolder::open`].
    pub fn open_on(
        files: Arc<dyn FileSystem>,
        path: &Path,
        plan: &Plan,
        force: bool,
    ) -> Result<(SweepFolder, Vec<String>), OutputError> {
        let found = look_at(path)?;
        let is_other = check_plan(path, &found, plan, force)?;
        files.create_dir_all(path).map_err(OutputError::failed("create folder", path))?;
        let mut notes = Vec::new();
        for name in found.iter().filter(|name| is_work(name)) {
            let left = path.join(name);
            // Whoever holds the lock is alive.
            if let Some(_lock) = lock_folder(&left) {
                match files.remove_dir_all(&left) {
                    Ok(()) => notes.push("removed what a stopped process had not finished".into()),
                    Err(error) => {
                        notes.push(format!("cannot remove `{}`: {error}", left.display()))
                    }
                }
            }
        }
        let (work, lock) = make_work(files.as_ref(), path)?;
        let folder = SweepFolder { files, path: path.to_path_buf(), work, lock };
        if is_other {
            folder.make_room(plan)?;
        }
        let cells = path.join(CELLS);
        folder
            .files
            .create_dir_all(&cells)
            .map_err(OutputError::failed("create folder", &cells))?;
        folder.put(PLAN_FILE, plan_text(plan).as_bytes())?;
        folder.sync_dirs()?;
        Ok((folder, notes))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The record of a cell, if it is there and whole. A file that is not moves aside, as `<id>.json.bad`; the text says so.
    ///
    /// # Errors
    /// [`OutputError::Failed`] where it cannot be moved.
    pub fn cell(&self, id: &str) -> Result<(Option<Record>, Option<String>), OutputError> {
        match read_cell(&self.path, id) {
            Ok(record) => Ok((record, None)),
            Err(why) => {
                let name = format!("{CELLS}/{id}.json");
                let (from, to) = (self.path.join(&name), self.path.join(format!("{name}{BAD}")));
                self.files.rename(&from, &to).map_err(OutputError::failed("move aside", &from))?;
                let name = from.display();
                Ok((None, Some(format!("moved `{name}` aside, and run the cell again: {why}"))))
            }
        }
    }

    /// Says that the folder is unfinished from now on, since a cell or a table of it will change.
    ///
    /// # Errors
    /// [`OutputError::Failed`].
    pub fn reopen(&self) -> Result<(), OutputError> {
        remove(&self.path.join(MANIFEST_FILE))
    }

    /// Keeps a cell that has ended; from any thread.
    ///
    /// # Errors
    /// [`OutputError::Failed`].
    pub fn keep(&self, record: &Record) -> Result<(), OutputError> {
        self.write(&format!("{CELLS}/{}.json", record.id), record.to_text().as_bytes())
    }

    /// Writes a whole file, unless it holds just this: written aside, synced, renamed.
    ///
    /// # Errors
    /// [`OutputError::Failed`].
    pub fn put(&self, name: &str, content: &[u8]) -> Result<(), OutputError> {
        let path = self.path.join(name);
        let is_same = fs::read(&path).is_ok_and(|found| found == content);
        if is_same {
            return Ok(());
        }
        if name != PLAN_FILE {
            self.reopen()?;
        }
        self.write(name, content)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), OutputError> {
        let path = self.path.join(name);
        let aside = self.work.join(name.replace('/', "-"));
        let mut file =
            self.files.create_file(&aside).map_err(OutputError::failed("create", &aside))?;
        file.write_all(content).map_err(OutputError::failed("write", &path))?;
        file.sync().map_err(OutputError::failed("sync", &path))?;
        drop(file);
        self.files.rename(&aside, &path).map_err(OutputError::failed("rename to", &path))
    }

    /// Writes the tables and charts, removes those that there are no longer, and last the manifest with the digest of
    /// every file.
    ///
    /// # Errors
    /// [`OutputError::Failed`].
    pub fn finish(
        &self,
        ids: &[String],
        results: &[(String, Vec<u8>)],
        mut manifest: Manifest,
    ) -> Result<(), OutputError> {
        let charts = self.path.join(CHARTS);
        if results.iter().any(|(name, _)| name.starts_with(CHARTS)) {
            self.files
                .create_dir_all(&charts)
                .map_err(OutputError::failed("create folder", &charts))?;
        }
        let kept: BTreeSet<&str> = results.iter().map(|(name, _)| name.as_str()).collect();
        for name in names_in(&charts) {
            if !kept.contains(format!("{CHARTS}/{name}").as_str()) && is_chart(&name) {
                self.reopen()?;
                remove(&charts.join(&name))?;
            }
        }
        for (name, content) in results {
            self.put(name, content)?;
        }
        manifest.files = self.entries(ids, results)?;
        let text = manifest.to_json();
        let path = self.path.join(MANIFEST_FILE);
        if fs::read_to_string(&path).is_ok_and(|found| found == text) {
            return Ok(());
        }
        self.sync_dirs()?;
        self.write(MANIFEST_FILE, text.as_bytes())?;
        self.sync_dirs()
    }

    fn entries(
        &self,
        ids: &[String],
        results: &[(String, Vec<u8>)],
    ) -> Result<BTreeMap<String, FileEntry>, OutputError> {
        let cells = ids.iter().map(|id| format!("{CELLS}/{id}.json"));
        let names = results.iter().map(|(name, _)| name.clone());
        let all = cells.chain(names).chain([PLAN_FILE.to_string()]);
        let entry = |name: String| -> Result<(String, FileEntry), OutputError> {
            let path = self.path.join(&name);
            let content = fs::read(&path).map_err(OutputError::failed("read", &path))?;
            let bytes = content.len() as u64;
            Ok((name, FileEntry { bytes, digest: digest_text(xxh3_128(&content)) }))
        };
        all.map(entry).collect()
    }

    fn sync_dirs(&self) -> Result<(), OutputError> {
        for folder in [self.path.join(CELLS), self.path.join(CHARTS), self.path.clone()] {
            if folder.is_dir() {
                self.files.sync_dir(&folder).map_err(OutputError::failed("sync", &folder))?;
            }
        }
        Ok(())
    }

    /// Removes what another sweep has left: results, and the cells that `plan` has not.
    fn make_room(&self, plan: &Plan) -> Result<(), OutputError> {
        self.reopen()?;
        let ids: BTreeSet<String> = plan.ids().into_iter().collect();
        let cells = self.path.join(CELLS);
        for name in names_in(&cells) {
            if cell_of(&name).is_some_and(|id| !ids.contains(id)) {
                remove(&cells.join(&name))?;
            }
        }
        Ok(())
    }
}

impl Drop for SweepFolder {
    fn drop(&mut self) {
        // Nothing can be reported from here; what stays is removed by the next process.
        let _ = self.files.remove_dir_all(&self.work);
        self.lock.take();
    }
}

/// How often a lock is asked for: some network file systems give none.
const TRIES: u32 = 3;

/// The folder to write in, with its lock where the file system has locks. Without one it is never taken for a dead
/// process's, and stays where its owner is killed.
fn make_work(files: &dyn FileSystem, path: &Path) -> Result<(PathBuf, Option<File>), OutputError> {
    let mut tries = 0;
    loop {
        let made = tempfile::Builder::new()
            .prefix(WORK)
            .rand_bytes(16)
            .make_in(path, |work| files.create_dir(work))
            .map_err(OutputError::failed("create a folder in", path))?;
        let work = made.into_temp_path().keep().expect("keeping a path does no I/O");
        let lock = lock_folder(&work);
        tries += 1;
        // A process that cleans up may have taken it for a dead one's before it was locked.
        if work.is_dir() {
            if lock.is_some() || !cfg!(unix) || tries >= TRIES {
                return Ok((work, lock));
            }
            files.remove_dir_all(&work).map_err(OutputError::failed("remove", &work))?;
        }
    }
}

fn remove(path: &Path) -> Result<(), OutputError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(OutputError::failed("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// The names in a folder, in order; none where there is no such folder.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

fn is_work(name: &str) -> bool {
    let tail = name.strip_prefix(WORK);
    tail.is_some_and(|tail| tail.len() == 16 && tail.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The cell that a file in `cells` is of, also one that was moved aside.
fn cell_of(name: &str) -> Option<&str> {
    let id = name.strip_suffix(BAD).unwrap_or(name).strip_suffix(".json")?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    (id.len() == 32 && id.bytes().all(is_digit)).then_some(id)
}

fn is_chart(name: &str) -> bool {
    let ours = name.starts_with("axis-") || name.starts_with("heat-");
    ours && (name.ends_with(".svg") || name.ends_with(".png"))
}

/// What is at `path`: names, none where there is nothing.
fn look_at(path: &Path) -> Result<Vec<String>, OutputError> {
    let elsewhere = "choose another folder with `--out DIR`";
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(OutputError::failed("look at", path)(error)),
        Ok(meta) if meta.is_symlink() => {
            let hint = "name the folder that it points to, or choose another with `--out DIR`";
            Err(OutputError::refused(path, "it is a symbolic link", hint))
        }
        Ok(meta) if !meta.is_dir() => Err(OutputError::refused(path, "it is a file", elsewhere)),
        Ok(_) => {
            let mut names = Vec::new();
            for entry in fs::read_dir(path).map_err(OutputError::failed("list", path))? {
                let entry = entry.map_err(OutputError::failed("list", path))?;
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
            names.sort_unstable();
            Ok(names)
        }
    }
}

/// Whether the folder holds another sweep, which `force` lets go.
fn check_plan(
    path: &Path,
    found: &[String],
    plan: &Plan,
    force: bool,
) -> Result<bool, OutputError> {
    // What a process leaves that died before it had written its plan.
    let is_empty = found
        .iter()
        .all(|name| is_work(name) || (name == CELLS && names_in(&path.join(CELLS)).is_empty()));
    if is_empty {
        return Ok(false);
    }
    let elsewhere = "choose another folder with `--out DIR`";
    let old = read_plan(path).map_err(|why| {
        let reason = format!("it exists and was not written by `ecsim sweep` ({why})");
        OutputError::refused(path, reason, elsewhere)
    })?;
    if old.digest() == plan.digest() {
        return Ok(false);
    }
    if !force {
        let reason = difference(&old, plan);
        let hint = "`--force` replaces it and keeps the cells that both have, `--out DIR` writes elsewhere";
        return Err(OutputError::refused(path, reason, hint));
    }
    match foreign(path, found) {
        Some(name) => {
            let reason = format!("it holds files that ecsim did not write, such as `{name}`");
            let hint = "move them away, or choose another folder with `--out DIR`";
            Err(OutputError::refused(path, reason, hint))
        }
        None => Ok(true),
    }
}

/// In what two plans differ, for people.
#[must_use]
pub fn difference(old: &Plan, new: &Plan) -> String {
    let versions =
        |plan: &Plan| format!("{} (catalogue {})", plan.ecsim_version, plan.catalog_version);
    let (theirs, ours) = (versions(old), versions(new));
    if theirs != ours {
        return format!("it holds cells of ecsim {theirs}, and this is {ours}");
    }
    let axes = |plan: &Plan| plan.axes.clone();
    if axes(old) != axes(new) || old.settings.len() != new.settings.len() {
        return "it holds a sweep over other axes".into();
    }
    if old.seeds != new.seeds {
        return "it holds a sweep with other seeds".into();
    }
    "it holds a sweep of another scenario, or of one that was changed since: its text, its tables or its traces".into()
}

/// The first file that is not ours.
fn foreign(path: &Path, found: &[String]) -> Option<String> {
    const RESULTS: [&str; 5] =
        [PLAN_FILE, MANIFEST_FILE, super::SWEEP_FILE, super::PARQUET_FILE, super::MEANS_FILE];
    let is_ours = |name: &String| RESULTS.contains(&name.as_str()) || is_work(name);
    let top = found.iter().filter(|name| *name != CELLS && *name != CHARTS && !is_ours(name));
    let in_cells = names_in(&path.join(CELLS)).into_iter().filter(|name| cell_of(name).is_none());
    let in_charts = names_in(&path.join(CHARTS)).into_iter().filter(|name| !is_chart(name));
    let inside = in_cells.map(|name| format!("{CELLS}/{name}"));
    let inside = inside.chain(in_charts.map(|name| format!("{CHARTS}/{name}")));
    top.cloned().chain(inside).next()
}

/// How many cells of a plan a folder holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Run to their end.
    pub done: usize,
    /// Numbers, in the plan, of those that could not be run, with the reason.
    pub failed: Vec<(usize, String)>,
    /// Numbers of those whose file is not whole, with the reason.
    pub damaged: Vec<(usize, String)>,
    /// Numbers of those that are not there.
    pub missing: Vec<usize>,
}

/// Looks at every cell of a plan, changing nothing.
#[must_use]
pub fn progress(folder: &Path, plan: &Plan) -> Progress {
    let mut progress = Progress::default();
    for (index, id) in plan.ids().iter().enumerate() {
        match read_cell(folder, id) {
            Ok(Some(record)) if record.status == Status::Done => progress.done += 1,
            Ok(Some(record)) => progress.failed.push((index, record.error)),
            Ok(None) => progress.missing.push(index),
            Err(why) => progress.damaged.push((index, why)),
        }
    }
    progress
}
