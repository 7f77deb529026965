//! The output folder: built aside, synced, and renamed into place as a whole.
//!
//! Invariants. The target holds at every moment nothing, the old results or the new results, never a part of
//! either (where the file system cannot exchange two folders it is absent for an instant while old results are
//! replaced; the next run puts them back). Nothing that is not ours is changed. A file counts as written only after
//! [`FileWriter::finish`] has synced it; dropping is giving up.
//!
//! What lies beside the target meanwhile, and what becomes of it: see `target`.

use super::error::OutputError;
use super::files::{FileSystem, OutputFile, RealFileSystem};
use super::manifest::{FileEntry, MANIFEST_FILE, Manifest, digest_text};
use super::target::{Target, lock_folder};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use xxhash_rust::xxh3::Xxh3;

/// Bytes that a writer collects before it digests and writes them: few system calls, and a digest in bulk.
const BLOCK: usize = 32 * 1024;

/// What was written so far.
#[derive(Debug, Default)]
struct Ledger {
    /// Files by name; `None` while a file is open.
    entries: BTreeMap<String, Option<FileEntry>>,
    /// Whether [`FolderWriter`]s may open no more files.
    is_closed: bool,
}

/// An output folder under construction. Dropping it removes what was built.
#[derive(Debug)]
pub struct OutputFolder {
    writer: FolderWriter,
    target: Target,
    /// Held until the folder is published or given up.
    lock: Option<File>,
    notes: Vec<String>,
    /// Folders above it that were made for it, the innermost first.
    made: Vec<PathBuf>,
    published: bool,
}

/// Writes files into an output folder from any thread, until the folder is published, closed or given up.
#[derive(Clone, Debug)]
pub struct FolderWriter {
    files: Arc<dyn FileSystem>,
    building: PathBuf,
    /// Where the folder will be, for messages.
    target: PathBuf,
    ledger: Arc<Mutex<Ledger>>,
}

/// A folder that is in place.
#[derive(Debug)]
pub struct Published {
    /// The manifest as written.
    pub manifest: Manifest,
    /// What else was done or could not be done beside the target, a sentence each, for the user.
    pub notes: Vec<String>,
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
        let above = target.parent.ancestors().take_while(|path| !path.as_os_str().is_empty());
        let made: Vec<PathBuf> =
            above.take_while(|path| !path.exists()).map(Path::to_path_buf).collect();
        files
            .create_dir_all(&target.parent)
            .map_err(OutputError::failed("create folder", &target.parent))?;
        let notes = target.clean_up(files.as_ref())?;
        target.check()?;
        let (building, lock) = target.make_building_folder(files.as_ref())?;
        let writer =
            FolderWriter { files, building, target: target.path.clone(), ledger: Arc::default() };
        Ok(OutputFolder { writer, target, lock, notes, made, published: false })
    }

    /// A handle for threads that write files.
    #[must_use]
    pub fn writer(&self) -> FolderWriter {
        self.writer.clone()
    }

    /// Refuses all files that [`FolderWriter`]s try to open from now on.
    pub fn close(&self) {
        lock(&self.writer.ledger).is_closed = true;
    }

    /// Gives up every file below `folder`, finished or not.
    ///
    /// # Errors
    /// [`OutputError::Failed`].
    pub fn discard(&self, folder: &str) -> Result<(), OutputError> {
        let inside = format!("{folder}/");
        lock(&self.writer.ledger).entries.retain(|name, _| !name.starts_with(&inside));
        let path = self.writer.building.join(folder);
        match self.writer.files.remove_dir_all(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(OutputError::failed("remove", &path)(e))
            }
            _ => Ok(()),
        }
    }

    /// The folder in which the files lie until they are published, for readers that follow a run.
    #[must_use]
    pub fn building(&self) -> &Path {
        &self.writer.building
    }

    /// Opens a file of the folder; see [`FolderWriter::file`].
    ///
    /// # Errors
    /// [`OutputError::Failed`].
    pub fn file(&self, name: &str) -> Result<FileWriter, OutputError> {
        assert_is_ours(name);
        self.writer.open(name, &mut lock(&self.writer.ledger))
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// [`OutputError::Failed`].
    ///
    /// # Panics
    /// As [`FolderWriter::file`].
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), OutputError> {
        self.file(name)?.write_whole(content)
    }

    /// Writes the manifest, with the list of the files filled in, and renames the folder into place.
    ///
    /// # Errors
    /// [`OutputError::Failed`], also where a file was not finished, or is not there any more as it was written. The
    /// target then holds what it held before, except where the text says that the new results are in place.
    pub fn publish(mut self, mut manifest: Manifest) -> Result<Published, OutputError> {
        manifest.files = self.finished_files()?;
        self.close();
        let writer = self.writer.open(MANIFEST_FILE, &mut lock(&self.writer.ledger))?;
        writer.write_whole(manifest.to_json().as_bytes())?;
        self.sync_folders(&manifest)?;
        // Another run may have come first, or somebody may have put files there in the meantime.
        let replaces = self.target.check()?;
        if replaces {
            self.swap()?;
        } else {
            self.writer
                .files
                .rename(&self.writer.building, &self.target.path)
                .map_err(OutputError::failed("rename the finished folder to", &self.target.path))?;
            self.published = true;
            self.sync_parent()?;
        }
        Ok(Published { manifest, notes: std::mem::take(&mut self.notes) })
    }

    fn finished_files(&self) -> Result<BTreeMap<String, FileEntry>, OutputError> {
        let ledger = lock(&self.writer.ledger);
        let finished = ledger.entries.iter().map(|(name, entry)| match entry {
            // Whoever tidies up temporary folders must not leave us with a manifest of files that are gone.
            Some(entry) if self.has_bytes(name, entry.bytes) => Ok((name.clone(), entry.clone())),
            Some(_) => Err(self.unpublishable(name, "somebody changed or removed the file")),
            None => Err(self.unpublishable(name, "the file was not written to its end")),
        });
        finished.collect()
    }

    fn has_bytes(&self, name: &str, bytes: u64) -> bool {
        let meta = self.writer.building.join(name).symlink_metadata();
        meta.is_ok_and(|meta| meta.is_file() && meta.len() == bytes)
    }

    fn unpublishable(&self, name: &str, why: &str) -> OutputError {
        let path = self.target.path.join(name);
        OutputError::Failed { attempt: "publish", path, source: io::Error::other(why) }
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
            let path = self.writer.building.join(folder);
            self.writer.files.sync_dir(&path).map_err(OutputError::failed("sync", &path))?;
        }
        Ok(())
    }

    /// Puts the new folder where results of ours are, and removes those.
    fn swap(&mut self) -> Result<(), OutputError> {
        let target = &self.target;
        // Held so that no other run takes what we are replacing for something left behind.
        let old_lock = lock_folder(&target.path);
        let old = match self.writer.files.exchange(&self.writer.building, &target.path) {
            Ok(()) => self.writer.building.clone(),
            Err(e) if e.kind() == io::ErrorKind::Unsupported => self.step_aside()?,
            Err(e) => return Err(OutputError::failed("exchange with", &target.path)(e)),
        };
        self.published = true;
        self.sync_parent()?;
        // The results are in place, so this is no failure of the run.
        if let Err(error) = self.writer.files.remove_dir_all(&old) {
            let old = old.display();
            self.notes.push(format!("cannot remove the replaced results in `{old}`: {error}"));
        }
        drop(old_lock);
        Ok(())
    }

    /// The same in two steps: the old results step aside, and step back if it fails. Where they are then.
    fn step_aside(&self) -> Result<PathBuf, OutputError> {
        let target = &self.target;
        let aside = target.free_name()?;
        self.writer
            .files
            .rename(&target.path, &aside)
            .map_err(OutputError::failed("move aside", &target.path))?;
        if let Err(source) = self.writer.files.rename(&self.writer.building, &target.path) {
            // If this fails too, the old results stay in `aside`, where the next run finds them.
            let _ = self.writer.files.rename(&aside, &target.path);
            let attempt = "rename the finished folder to";
            return Err(OutputError::Failed { attempt, path: target.path.clone(), source });
        }
        Ok(aside)
    }

    fn sync_parent(&self) -> Result<(), OutputError> {
        let attempt = "sync (the new results are in place, but may not survive a power cut)";
        let parent = &self.target.parent;
        self.writer.files.sync_dir(parent).map_err(OutputError::failed(attempt, parent))
    }
}

impl FolderWriter {
    /// Opens a file of the folder; `name` may hold `/`, such as `charts/load.svg`.
    ///
    /// # Errors
    /// [`OutputError::Failed`], also where the folder is closed.
    ///
    /// # Panics
    /// On a name that is taken, or not of plain parts `[A-Za-z0-9._-]`: names of files are ours, not the user's.
    pub fn file(&self, name: &str) -> Result<FileWriter, OutputError> {
        assert_is_ours(name);
        // Held until the file is there: nothing appears in a folder that has been closed.
        let mut ledger = lock(&self.ledger);
        if ledger.is_closed {
            let source = io::Error::other("the folder is closed");
            let path = self.target.join(name);
            return Err(OutputError::Failed { attempt: "create", path, source });
        }
        self.open(name, &mut ledger)
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// [`OutputError::Failed`].
    ///
    /// # Panics
    /// As [`FolderWriter::file`].
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), OutputError> {
        self.file(name)?.write_whole(content)
    }

    fn open(&self, name: &str, ledger: &mut Ledger) -> Result<FileWriter, OutputError> {
        let path = self.building.join(name);
        let shown = self.target.join(name);
        let before = ledger.entries.insert(name.to_string(), None);
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
}

fn assert_is_ours(name: &str) {
    assert!(is_plain_name(name), "`{name}` is not a plain file name");
    assert!(name != MANIFEST_FILE, "the manifest is written by `publish`");
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        if !self.published {
            // Nothing can be reported from here; what stays is removed by the next run into this target.
            self.close();
            let _ = self.writer.files.remove_dir_all(&self.writer.building);
            // Whoever has put something beside it since keeps it: only an empty folder goes.
            for folder in &self.made {
                let _ = std::fs::remove_dir(folder);
            }
        }
        self.lock.take();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // The maps behind these locks are changed in one step each, so a panic elsewhere leaves them whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
    ledger: Arc<Mutex<Ledger>>,
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
        // Of a file that was given up there is no entry any more.
        if let Some(entry) = lock(&self.ledger).entries.get_mut(&self.name) {
            *entry = Some(FileEntry { bytes: self.bytes, digest });
        }
        Ok(())
    }

    fn write_whole(mut self, content: &[u8]) -> Result<(), OutputError> {
        self.put(content)?;
        self.finish()
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
