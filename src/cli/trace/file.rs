//! A file that is complete or not there: written under another name beside it, brought to the medium, renamed.

use super::super::Failure;
use super::complaint;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Where results go.
pub(super) enum Target {
    /// Standard output.
    Stdout,
    /// A file.
    File {
        /// Its path.
        path: PathBuf,
        /// Whether it may be replaced.
        force: bool,
    },
}

impl Target {
    /// Checks early, before much is read, whether `path` may be written to.
    pub fn new(path: &Path, force: bool) -> Result<Target, Failure> {
        if path.as_os_str() == "-" {
            return Ok(Target::Stdout);
        }
        let shown = path.display();
        if path.file_name().is_none() {
            return Err(complaint(format!("{shown}: is not the name of a file")));
        }
        match std::fs::symlink_metadata(path) {
            Ok(found) if !found.is_file() => {
                let help = "only a file is ever replaced; `-o -` writes to standard output";
                Err(complaint(format!("{shown}: is there and is no file\n  = help: {help}")))
            }
            Ok(_) if !force => Err(exists(path)),
            _ => Ok(Target::File { path: path.to_path_buf(), force }),
        }
    }
}

fn exists(path: &Path) -> Failure {
    let help = "--force replaces it";
    complaint(format!("{}: is there already\n  = help: {help}", path.display()))
}

/// A failure of the file system.
pub(super) fn failed(attempt: &str, path: &Path, error: &io::Error) -> Failure {
    complaint(format!("cannot {attempt} {}: {error}", path.display()))
}

/// A file that is being written. It vanishes where it is not published.
pub(super) struct OutFile {
    content: Content,
    target: PathBuf,
}

enum Content {
    Plain(BufWriter<NamedTempFile>),
    Gzip(Box<GzEncoder<BufWriter<NamedTempFile>>>),
}

impl OutFile {
    /// Begins to write beside `target`.
    pub fn beside(target: &Path) -> Result<OutFile, Failure> {
        let file = temporary(folder_of(target))
            .map_err(|error| failed("make a file beside", target, &error))?;
        remove_when_interrupted(file.path());
        let file = BufWriter::with_capacity(1 << 16, file);
        let compressed = target.extension().is_some_and(|ending| ending == "gz");
        let content = if compressed {
            Content::Gzip(Box::new(GzEncoder::new(file, Compression::default())))
        } else {
            Content::Plain(file)
        };
        Ok(OutFile { content, target: target.to_path_buf() })
    }

    /// Gives the file its name.
    pub fn publish(self, force: bool) -> Result<(), Failure> {
        let target = self.target;
        let written = match self.content {
            Content::Plain(file) => file.into_inner().map_err(|error| error.into_error()),
            Content::Gzip(file) => {
                file.finish().and_then(|file| file.into_inner().map_err(|error| error.into_error()))
            }
        };
        let file = written
            .and_then(|file| file.as_file().sync_all().map(|()| file))
            .map_err(|error| failed("write", &target, &error))?;
        let renamed = if force { file.persist(&target) } else { file.persist_noclobber(&target) };
        match renamed {
            Ok(_) => {}
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(exists(&target));
            }
            Err(error) => return Err(failed("name", &target, &error.error)),
        }
        sync_folder(folder_of(&target)).map_err(|error| failed("keep", &target, &error))
    }
}

impl Write for OutFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.content {
            Content::Plain(file) => file.write(bytes),
            Content::Gzip(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.content {
            Content::Plain(file) => file.flush(),
            Content::Gzip(file) => file.flush(),
        }
    }
}

/// Ctrl-C and SIGTERM take the unfinished file away, which has a name that nobody would look for, and end the process.
fn remove_when_interrupted(path: &Path) {
    let path = path.to_path_buf();
    // Only the first handler of a process counts, which is enough for a program that writes one file.
    let _ = ctrlc::set_handler(move || {
        let _ = std::fs::remove_file(&path);
        let interrupted = Failure::Interrupted("interrupted; nothing was written".into());
        std::process::exit(i32::from(interrupted.tell()));
    });
}

fn folder_of(target: &Path) -> &Path {
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".ecsim-").suffix(".part");
    // Readable for all whom the umask lets read, as any other file that a program makes.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    // Only Unix lets a folder be opened; elsewhere the rename itself must be enough.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
