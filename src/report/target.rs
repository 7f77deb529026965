//! Where results go, and what may lie beside it.
//!
//! While results are built, and while old ones are being replaced, they lie in `.ecsim-<target>-<16 letters or digits>`
//! beside the target: a name that nobody chooses. Their owner holds a lock on such a folder, which the system drops when
//! the owner dies, so the next run can tell what was left behind from what is in use. It removes what is not whole; whole
//! results go back to the target if that is free, and are otherwise removed only with `--force`.
//!
//! A folder is ours if its `manifest.json` says so, it holds nothing else, and no file was edited.

use super::error::OutputError;
use super::files::FileSystem;
use super::manifest::{MANIFEST_FILE, Manifest};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the names of our own folders beside the target begin; the target's name and [`RANDOM`] characters follow.
const OURS: &str = ".ecsim-";
const RANDOM: usize = 16;
/// How often a lock is tried.
const TRIES: u32 = 10;

/// Where the results go.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) path: PathBuf,
    pub(super) parent: PathBuf,
    name: OsString,
    force: bool,
}

impl Target {
    pub(super) fn new(path: &Path, force: bool) -> Result<Target, OutputError> {
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

    pub(super) fn check_parent(&self) -> Result<(), OutputError> {
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
    pub(super) fn check(&self) -> Result<bool, OutputError> {
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
        match foreign(&self.path, &manifest).map_err(OutputError::failed("list", &self.path))? {
            Some(what) => {
                let hint = "move them away, or choose another folder with `--out DIR`";
                Err(refuse(format!("it holds {what}"), hint))
            }
            None => Ok(true),
        }
    }

    /// Deals with what dead runs into this target have left, and says what it did.
    pub(super) fn clean_up(&self, files: &dyn FileSystem) -> Result<Vec<String>, OutputError> {
        let entries =
            fs::read_dir(&self.parent).map_err(OutputError::failed("list", &self.parent))?;
        let mut left: Vec<OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
        left.retain(|name| self.is_ours(name));
        left.sort_unstable();
        let mut notes = Vec::new();
        for path in left.into_iter().map(|name| self.parent.join(name)) {
            if path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
                notes.extend(self.clean_up_one(files, &path)?);
            }
        }
        Ok(notes)
    }

    fn clean_up_one(
        &self,
        files: &dyn FileSystem,
        path: &Path,
    ) -> Result<Option<String>, OutputError> {
        let shown = path.display();
        let _lock = match try_lock(path) {
            Ok(lock) => lock,
            Err(TryLockError::WouldBlock) => {
                return Err(OutputError::refused(
                    &self.path,
                    format!("another run is writing to it (in `{shown}`)"),
                    "wait until it has ended, or choose another folder with `--out DIR`",
                ));
            }
            // Of another user, for instance: it is in nobody's way.
            Err(TryLockError::Error(error)) => {
                return Ok(Some(format!("cannot look into `{shown}`, left by a run: {error}")));
            }
        };
        let is_whole = match Manifest::read(path).map(|manifest| foreign(path, &manifest)) {
            Ok(Ok(None)) => Manifest::verify(path).is_ok_and(|changed| changed.is_empty()),
            Ok(Ok(Some(what))) => {
                return Ok(Some(format!("left `{shown}` alone: it holds {what}")));
            }
            Ok(Err(error)) => return Ok(Some(format!("cannot look into `{shown}`: {error}"))),
            Err(_) => false,
        };
        if is_whole && self.path.symlink_metadata().is_err() {
            files.rename(path, &self.path).map_err(OutputError::failed("put back", &self.path))?;
            let target = self.path.display();
            return Ok(Some(format!("put back `{target}`, which a stopped run had left aside")));
        }
        // Without `--force` the run will be refused anyway: the target is taken.
        if is_whole && !self.force {
            return Ok(None);
        }
        Ok(Some(match files.remove_dir_all(path) {
            Ok(()) => format!("removed `{shown}`, left by a stopped run"),
            Err(error) => format!("cannot remove `{shown}`, left by a stopped run: {error}"),
        }))
    }

    /// Whether `name` is one that this program gives to folders beside this target.
    fn is_ours(&self, name: &OsStr) -> bool {
        let rest = name.as_encoded_bytes().strip_prefix(self.prefix().as_encoded_bytes());
        rest.is_some_and(|tail| tail.len() == RANDOM && tail.iter().all(u8::is_ascii_alphanumeric))
    }

    fn prefix(&self) -> OsString {
        let mut prefix = OsString::from(OURS);
        prefix.push(&self.name);
        prefix.push("-");
        prefix
    }

    /// A name of ours beside the target that is free.
    pub(super) fn free_name(&self) -> Result<PathBuf, OutputError> {
        self.make_beside(|path| match path.symlink_metadata() {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => Ok(()),
        })
    }

    fn make_beside(
        &self,
        make: impl FnMut(&Path) -> io::Result<()>,
    ) -> Result<PathBuf, OutputError> {
        let made = tempfile::Builder::new()
            .prefix(&self.prefix())
            .rand_bytes(RANDOM)
            .make_in(&self.parent, make)
            .map_err(OutputError::failed("create a folder beside", &self.path))?;
        Ok(made.into_temp_path().keep().expect("keeping a path does no I/O"))
    }

    /// The folder to build in, with its lock.
    pub(super) fn make_building_folder(
        &self,
        files: &dyn FileSystem,
    ) -> Result<(PathBuf, Option<File>), OutputError> {
        loop {
            let path = self.make_beside(|path| files.create_dir(path))?;
            // A run that cleans up may have taken the new folder for a dead one before it was locked.
            let lock = lock_folder(&path);
            if path.is_dir() && (lock.is_some() || !cfg!(unix)) {
                return Ok((path, lock));
            }
        }
    }
}

/// The lock of a folder, unless somebody who is alive holds it.
pub(super) fn lock_folder(path: &Path) -> Option<File> {
    try_lock(path).ok()
}

/// Where another process is being started it holds a copy of each of our locks for a moment: so look twice.
fn try_lock(path: &Path) -> Result<File, TryLockError> {
    let file = File::open(path).map_err(TryLockError::Error)?;
    let mut tries = 0;
    while let Err(refused) = file.try_lock() {
        tries += 1;
        if tries == TRIES || matches!(refused, TryLockError::Error(_)) {
            return Err(refused);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(file)
}

/// What the folder holds that replacing it would lose: things that its manifest does not list, or files that were edited.
fn foreign(folder: &Path, manifest: &Manifest) -> io::Result<Option<String>> {
    let mut foreign = Vec::new();
    let mut todo = vec![String::new()];
    while let Some(below) = todo.pop() {
        for entry in fs::read_dir(folder.join(&below))? {
            let entry = entry?;
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                let inside = name + "/";
                match manifest.files.keys().any(|file| file.starts_with(&inside)) {
                    true => todo.push(inside),
                    false => foreign.push(inside),
                }
            } else if name != MANIFEST_FILE && !manifest.files.contains_key(&name) {
                foreign.push(name);
            }
        }
    }
    foreign.sort_unstable();
    if let Some(first) = foreign.first() {
        return Ok(Some(format!(
            "{} that ecsim did not write, such as `{first}`",
            files(&foreign)
        )));
    }
    let changed = Manifest::verify(folder).map_err(io::Error::other)?;
    // What somebody has removed cannot be lost.
    let edited: Vec<_> = changed.into_iter().filter(|name| folder.join(name).exists()).collect();
    Ok(edited.first().map(|first| {
        format!("{} that somebody edited since ecsim wrote it, such as `{first}`", files(&edited))
    }))
}

fn files(names: &[String]) -> String {
    if names.len() == 1 { "a file".into() } else { format!("{} files", names.len()) }
}
