//! The output folder: built aside, synced, and renamed into place as a whole.
//!
//! Invariants. The target holds at every moment nothing, the old results or the new results, never a part of
//! either (while old results are replaced it may be absent for an instant; the next run puts them back).
//! Nothing that is not ours is changed. A file counts as written only after [`FileWriter::finish`] has synced
//! it; dropping is giving up. A folder is ours if its `manifest.json` says so and it lists every file in it.
//!
//! While results are built they lie in `<target>.tmp-<random>`; results that are being replaced lie in
//! `<target>.old-<random>`. Their owner holds a lock on such a folder, which the system drops when the owner
//! dies, so the next run can tell what was left behind from what is in use.

use super::error::OutputError;
use super::files::{FileSystem, OutputFile, RealFileSystem};
use super::manifest::{FileEntry, MANIFEST_FILE, Manifest, digest_text};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use xxhash_rust::xxh3::Xxh3;

/// Bytes that a writer collects before it digests and writes them: few system calls, and a digest in bulk.
const BLOCK: usize = 32 * 1024;

const BUILDING: &str = ".tmp-";
const REPLACED: &str = ".old-";

/// Files by name; `None` while a file is open.
type Ledger = Arc<Mutex<BTreeMap<String, Option<FileEntry>>>>;

/// An output folder under construction. Dropping it removes what was built.
#[derive(Debug)]
pub struct OutputFolder {
    files: Arc<dyn FileSystem>,
    target: Target,
    building: PathBuf,
    /// Held until the folder is published or given up.
    lock: Option<File>,
    ledger: Ledger,
    published: bool,
}

/// Where the results go.
#[derive(Clone, Debug)]
struct Target {
    path: PathBuf,
    parent: PathBuf,
    name: OsString,
    force: bool,
}

impl OutputFolder {
    /// Begins a folder that will become `target`. With `force`, results of ours at `target` will be replaced.
    /// Cleans up what dead runs into the same target have left behind.
    ///
    /// # Errors
    /// [`OutputError::Refused`] where `target` may not be written to, or another run is writing to it;
    /// [`OutputError::Failed`] where the file system says no.
    pub fn create(target: &Path, force: bool) -> Result<OutputFolder, OutputError> {
        Self::create_on(Arc::new(RealFileSystem), target, force)
    }

    /// As [`OutputFolder::create`], on another file system.
    ///
    /// # Errors
    /// As [`OutputFolder::create`].
    pub fn create_on(
        files: Arc<dyn FileSystem>,
        target: &Path,
        force: bool,
    ) -> Result<OutputFolder, OutputError> {
        let target = Target::new(target, force)?;
        target.check_parent()?;
        files
            .create_dir_all(&target.parent)
            .map_err(OutputError::failed("create folder", &target.parent))?;
        target.clean_up(files.as_ref())?;
        target.check()?;
        let (building, lock) = target.make_building_folder(files.as_ref())?;
        let ledger = Ledger::default();
        Ok(OutputFolder { files, target, building, lock, ledger, published: false })
    }

    /// The folder in which the files lie until they are published, for readers that follow a run.
    #[must_use]
    pub fn building(&self) -> &Path {
        &self.building
    }

    /// Opens a file of the folder; `name` may hold `/`, such as `charts/load.svg`.
    ///
    /// # Errors
    /// [`OutputError::Failed`].
    ///
    /// # Panics
    /// On a name that is taken, or not of plain parts `[A-Za-z0-9._-]`: names of files are ours, not the user's.
    pub fn file(&self, name: &str) -> Result<FileWriter, OutputError> {
        assert!(is_plain_name(name), "`{name}` is not a plain file name");
        assert!(name != MANIFEST_FILE, "the manifest is written by `publish`");
        self.open(name)
    }

    fn open(&self, name: &str) -> Result<FileWriter, OutputError> {
        let path = self.building.join(name);
        let shown = self.target.path.join(name);
        let before = lock(&self.ledger).insert(name.to_string(), None);
        assert!(before.is_none(), "`{name}` is written once");
        if let Some((folder, _)) = name.rsplit_once('/') {
            let folder = self.building.join(folder);
            self.files
                .create_dir_all(&folder)
                .map_err(OutputError::failed("create folder", &folder))?;
        }
        let file = self.files.create_file(&path).map_err(OutputError::failed("create", &shown))?;
        Ok(FileWriter {
            file,
            name: name.to_string(),
            shown,
            buffer: Vec::with_capacity(BLOCK),
            hasher: Box::new(Xxh3::new()),
            bytes: 0,
            failed: false,
            ledger: Arc::clone(&self.ledger),
        })
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// [`OutputError::Failed`].
    ///
    /// # Panics
    /// As [`OutputFolder::file`].
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), OutputError> {
        let mut writer = self.file(name)?;
        writer.put(content)?;
        writer.finish()
    }

    /// Writes the manifest, with the list of the files filled in, and renames the folder into place.
    /// Returns the manifest as written.
    ///
    /// # Errors
    /// [`OutputError::Failed`], also where a file was not finished. The target then holds what it held before,
    /// except where the text says that the new results are in place.
    pub fn publish(mut self, mut manifest: Manifest) -> Result<Manifest, OutputError> {
        manifest.files = self.finished_files()?;
        let mut writer = self.open(MANIFEST_FILE)?;
        writer.put(manifest.to_json().as_bytes())?;
        writer.finish()?;
        self.sync_folders(&manifest)?;
        // Another run may have come first, or somebody may have put files there in the meantime.
        let replaces = self.target.check()?;
        if replaces {
            self.swap()?;
        } else {
            self.files
                .rename(&self.building, &self.target.path)
                .map_err(OutputError::failed("rename the finished folder to", &self.target.path))?;
            self.published = true;
            self.sync_parent()?;
        }
        Ok(manifest)
    }

    fn finished_files(&self) -> Result<BTreeMap<String, FileEntry>, OutputError> {
        let ledger = lock(&self.ledger);
        let finished = ledger.iter().map(|(name, entry)| match entry {
            Some(entry) => Ok((name.clone(), entry.clone())),
            None => Err(OutputError::Failed {
                attempt: "publish",
                path: self.target.path.join(name),
                source: io::Error::other("the file was not written to its end"),
            }),
        });
        finished.collect()
    }

    /// Every folder with a file in it, then the building folder itself.
    fn sync_folders(&self, manifest: &Manifest) -> Result<(), OutputError> {
        let mut folders: Vec<&str> = Vec::new();
        for name in manifest.files.keys() {
            let mut rest = name.as_str();
            while let Some((folder, _)) = rest.rsplit_once('/') {
                folders.push(folder);
                rest = folder;
            }
        }
        folders.sort_unstable();
        folders.dedup();
        for folder in folders.into_iter().rev().chain([""]) {
            let path = self.building.join(folder);
            self.files.sync_dir(&path).map_err(OutputError::failed("sync", &path))?;
        }
        Ok(())
    }

    /// Puts the new folder where results of ours are: the old ones step aside, and step back if it fails.
    fn swap(&mut self) -> Result<(), OutputError> {
        let target = &self.target;
        let aside = target.sibling(REPLACED, &self.building);
        let old_lock = lock_folder(&target.path);
        self.files
            .rename(&target.path, &aside)
            .map_err(OutputError::failed("move aside", &target.path))?;
        if let Err(source) = self.files.rename(&self.building, &target.path) {
            // If this fails too, the old results stay in `aside`, where the next run finds them.
            let _ = self.files.rename(&aside, &target.path);
            let attempt = "rename the finished folder to";
            return Err(OutputError::Failed { attempt, path: target.path.clone(), source });
        }
        self.published = true;
        self.sync_parent()?;
        self.files.remove_dir_all(&aside).map_err(OutputError::failed(
            "remove the replaced results (the new ones are in place)",
            &aside,
        ))?;
        drop(old_lock);
        Ok(())
    }

    fn sync_parent(&self) -> Result<(), OutputError> {
        let attempt = "sync (the new results are in place, but may not survive a power cut)";
        let parent = &self.target.parent;
        self.files.sync_dir(parent).map_err(OutputError::failed(attempt, parent))
    }
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        if !self.published {
            // Nothing can be reported from here; what stays is removed by the next run into this target.
            let _ = self.files.remove_dir_all(&self.building);
        }
        self.lock.take();
    }
}

impl Target {
    fn new(path: &Path, force: bool) -> Result<Target, OutputError> {
        let hint = "name a folder that need not exist yet, such as `--out results`";
        let Some(name) = path.file_name() else {
            return Err(OutputError::refused(path, "it names no folder of its own", hint));
        };
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        Ok(Target { path: parent.join(name), parent, name: name.to_os_string(), force })
    }

    fn check_parent(&self) -> Result<(), OutputError> {
        let nearest = self.parent.ancestors().find(|p| p.symlink_metadata().is_ok());
        match nearest {
            Some(found) if !found.is_dir() => Err(OutputError::refused(
                &self.path,
                format!("`{}` is not a folder", found.display()),
                "choose another place with `--out DIR`",
            )),
            _ => Ok(()),
        }
    }

    /// Whether results of ours are there, to be replaced.
    fn check(&self) -> Result<bool, OutputError> {
        let refuse = |reason: String, hint: &str| OutputError::refused(&self.path, reason, hint);
        let elsewhere = "choose another folder with `--out DIR`";
        let meta = match self.path.symlink_metadata() {
            Ok(meta) => meta,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(e) => return Err(OutputError::failed("look at", &self.path)(e)),
        };
        if meta.is_symlink() {
            let hint = "name the folder that it points to, or choose another with `--out DIR`";
            return Err(refuse("it is a symbolic link".into(), hint));
        }
        if !meta.is_dir() {
            return Err(refuse("it is a file".into(), elsewhere));
        }
        let manifest = match Manifest::read(&self.path) {
            Ok(manifest) => manifest,
            Err(why) => {
                let reason = format!("it exists and was not written by ecsim ({why})");
                return Err(refuse(reason, elsewhere));
            }
        };
        if !self.force {
            let hint = "`--force` replaces them, `--out DIR` writes elsewhere";
            return Err(refuse("it holds the results of an earlier run".into(), hint));
        }
        let foreign = foreign_files(&self.path, &manifest)
            .map_err(OutputError::failed("list", &self.path))?;
        match foreign.first() {
            Some(first) => Err(refuse(
                format!(
                    "it holds {} that ecsim did not write, such as `{first}`",
                    match foreign.len() {
                        1 => "a file".into(),
                        n => format!("{n} files"),
                    }
                ),
                "move them away, or choose another folder with `--out DIR`",
            )),
            None => Ok(true),
        }
    }

    /// Removes what dead runs into this target have built, and puts back results that one was replacing.
    fn clean_up(&self, files: &dyn FileSystem) -> Result<(), OutputError> {
        let entries =
            fs::read_dir(&self.parent).map_err(OutputError::failed("list", &self.parent))?;
        let mut left: Vec<OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
        left.sort_unstable();
        for name in left {
            let Some(kind) = self.kind_of(&name) else { continue };
            let path = self.parent.join(&name);
            if !path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
                continue;
            }
            let Some(_lock) = lock_folder(&path) else {
                return Err(OutputError::refused(
                    &self.path,
                    format!("another run is writing to it (in `{}`)", path.display()),
                    "wait until it has ended, or choose another folder with `--out DIR`",
                ));
            };
            let absent = self.path.symlink_metadata().is_err();
            if kind == REPLACED && absent && Manifest::read(&path).is_ok() {
                files
                    .rename(&path, &self.path)
                    .map_err(OutputError::failed("put back", &self.path))?;
            } else {
                files
                    .remove_dir_all(&path)
                    .map_err(OutputError::failed("remove what a stopped run left in", &path))?;
            }
        }
        Ok(())
    }

    /// Whether `name` is one that this program gives to folders beside this target.
    fn kind_of(&self, name: &OsStr) -> Option<&'static str> {
        let name = name.as_encoded_bytes();
        let rest = name.strip_prefix(self.name.as_encoded_bytes())?;
        [BUILDING, REPLACED].into_iter().find(|kind| {
            rest.strip_prefix(kind.as_bytes())
                .is_some_and(|tail| tail.len() == 8 && tail.iter().all(u8::is_ascii_alphanumeric))
        })
    }

    /// The name of `building` with another kind in place of its own: as unique as that one.
    fn sibling(&self, kind: &str, building: &Path) -> PathBuf {
        let name = building.file_name().expect("a building folder has a name");
        let skip = self.name.len() + BUILDING.len();
        let tail = String::from_utf8_lossy(&name.as_encoded_bytes()[skip..]).into_owned();
        let mut sibling = self.name.clone();
        sibling.push(kind);
        sibling.push(tail);
        self.parent.join(sibling)
    }

    fn make_building_folder(
        &self,
        files: &dyn FileSystem,
    ) -> Result<(PathBuf, Option<File>), OutputError> {
        let mut prefix = self.name.clone();
        prefix.push(BUILDING);
        loop {
            let made = tempfile::Builder::new()
                .prefix(&prefix)
                .rand_bytes(8)
                .make_in(&self.parent, |path| files.create_dir(path))
                .map_err(OutputError::failed("create a folder beside", &self.path))?;
            let path = made.into_temp_path().keep().expect("keeping a path does no I/O");
            // A run that cleans up may have taken the new folder for a dead one before it was locked.
            let lock = lock_folder(&path);
            if path.is_dir() && (lock.is_some() || !cfg!(unix)) {
                return Ok((path, lock));
            }
        }
    }
}

/// The lock of a folder, unless somebody who is alive holds it.
fn lock_folder(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    file.try_lock().ok()?;
    Some(file)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // The maps behind these locks are changed in one step each, so a panic elsewhere leaves them whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Files below `folder` that its manifest does not list, by name.
fn foreign_files(folder: &Path, manifest: &Manifest) -> io::Result<Vec<String>> {
    let mut foreign = Vec::new();
    let mut todo = vec![String::new()];
    while let Some(below) = todo.pop() {
        for entry in fs::read_dir(folder.join(&below))? {
            let entry = entry?;
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                todo.push(name + "/");
            } else if name != MANIFEST_FILE && !manifest.files.contains_key(&name) {
                foreign.push(name);
            }
        }
    }
    foreign.sort_unstable();
    Ok(foreign)
}

fn is_plain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(plain);
    name.len() <= 200 && name.split('/').all(part)
}

/// A file of the folder that is being written. It exists only after [`FileWriter::finish`].
pub struct FileWriter {
    file: Box<dyn OutputFile>,
    name: String,
    /// Where the file will be, for messages.
    shown: PathBuf,
    buffer: Vec<u8>,
    hasher: Box<Xxh3>,
    bytes: u64,
    failed: bool,
    ledger: Ledger,
}

impl FileWriter {
    /// Appends bytes.
    ///
    /// # Errors
    /// [`OutputError::Failed`]; the file is then lost.
    #[inline]
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        if self.buffer.len() + bytes.len() > BLOCK {
            self.write_block()?;
            if bytes.len() >= BLOCK {
                return self.write_through(bytes);
            }
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Bytes so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes + self.buffer.len() as u64
    }

    /// Writes what is left, waits until all is on the medium, and notes length and digest.
    ///
    /// # Errors
    /// [`OutputError::Failed`], also where an earlier call has failed.
    pub fn finish(mut self) -> Result<(), OutputError> {
        self.write_block()?;
        self.file.sync().map_err(OutputError::failed("sync", &self.shown))?;
        let digest = digest_text(self.hasher.digest128());
        lock(&self.ledger).insert(self.name, Some(FileEntry { bytes: self.bytes, digest }));
        Ok(())
    }

    fn write_block(&mut self) -> Result<(), OutputError> {
        let block = std::mem::take(&mut self.buffer);
        let result = self.write_through(&block);
        self.buffer = block;
        self.buffer.clear();
        result
    }

    fn write_through(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        let result = match self.failed {
            true => Err(io::Error::other("an earlier part of the file could not be written")),
            false => self.file.write_all(bytes),
        };
        if let Err(source) = result {
            self.failed = true;
            let path = self.shown.clone();
            return Err(OutputError::Failed { attempt: "write", path, source });
        }
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.put(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(OutputError::Failed { source, .. }) => Err(source),
            Err(refused) => Err(io::Error::other(refused.to_string())),
        }
    }

    /// Does nothing: only [`FileWriter::finish`] can say that the file is there.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
