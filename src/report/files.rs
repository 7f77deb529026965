//! The file system as the output folder needs it: few calls, each of which a test can make fail.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// A file that is being written.
pub trait OutputFile: Write + Send {
    /// Waits until all that was written is on the medium.
    ///
    /// # Errors
    /// As `fsync`.
    fn sync(&mut self) -> io::Result<()>;
}

/// Every call that changes the file system. Looking does not go through here: it cannot do harm.
pub trait FileSystem: fmt::Debug + Send + Sync {
    /// Makes a folder; its parent exists.
    ///
    /// # Errors
    /// As `mkdir`, also where it exists.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder and its missing parents; no error where it exists.
    ///
    /// # Errors
    /// As `mkdir`.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Makes a file that did not exist.
    ///
    /// # Errors
    /// As `open` with `O_CREAT | O_EXCL`.
    fn create_file(&self, path: &Path) -> io::Result<Box<dyn OutputFile>>;

    /// Renames a folder.
    ///
    /// # Errors
    /// As `rename`, also where `to` is a folder that is not empty.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Exchanges the names of two folders in one step, so that neither is ever absent.
    ///
    /// # Errors
    /// As `renameat2`; [`io::ErrorKind::Unsupported`] where the system or the file system cannot.
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()>;

    /// Waits until the names in a folder are on the medium.
    ///
    /// # Errors
    /// As `fsync`.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Removes a folder and all in it, without following symbolic links.
    ///
    /// # Errors
    /// As `unlink` and `rmdir`.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
}

/// The file system of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealFileSystem;

impl OutputFile for fs::File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl FileSystem for RealFileSystem {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn create_file(&self, path: &Path) -> io::Result<Box<dyn OutputFile>> {
        Ok(Box::new(fs::File::create_new(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    #[cfg(target_os = "linux")]
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        match renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE) {
            // An old kernel, or a file system that does not know the flag.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                Err(io::ErrorKind::Unsupported.into())
            }
            done => done.map_err(io::Error::from),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn exchange(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        // Only Unix lets a folder be opened; elsewhere the rename itself must be enough.
        if cfg!(unix) { fs::File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }
}
