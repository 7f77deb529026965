//! Why results could not be written: which file, what was attempted, what the system said, what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The output could not be written. Nothing was published, unless the text says so.
#[derive(Debug)]
pub enum OutputError {
    /// The place is not one that may be written to. The file system was not changed.
    Refused {
        /// The place.
        path: PathBuf,
        /// Why, as a clause such as `it is a file`.
        reason: String,
        /// What to do instead.
        hint: String,
    },
    /// The file system said no.
    Failed {
        /// What was attempted, as a verb such as `write`.
        attempt: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The reason that the operating system gave.
        source: io::Error,
    },
}

impl OutputError {
    pub(super) fn refused(path: &Path, reason: impl Into<String>, hint: impl Into<String>) -> Self {
        OutputError::Refused { path: path.to_path_buf(), reason: reason.into(), hint: hint.into() }
    }

    /// For `map_err`: adds what was attempted on which path.
    pub(super) fn failed(
        attempt: &'static str,
        path: &Path,
    ) -> impl FnOnce(io::Error) -> OutputError {
        let path = path.to_path_buf();
        move |source| OutputError::Failed { attempt, path, source }
    }

    /// What the user can do about it, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        match self {
            OutputError::Refused { hint, .. } => Some(hint),
            OutputError::Failed { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull => {
                    Some("the disk is full: free some space, or write elsewhere with `--out DIR`")
                }
                io::ErrorKind::QuotaExceeded => Some(
                    "the disk quota is used up: free some space, or write elsewhere with `--out DIR`",
                ),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                    Some("choose a folder that you may write to with `--out DIR`")
                }
                io::ErrorKind::NotADirectory => {
                    Some("a part of the path is a file: choose another folder with `--out DIR`")
                }
                _ => None,
            },
        }
    }
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutputError::Refused { path, reason, .. } => {
                write!(f, "cannot write results to `{}`: {reason}", path.display())?;
            }
            OutputError::Failed { attempt, path, source } => {
                write!(f, "cannot {attempt} `{}`: {source}", path.display())?;
            }
        }
        match self.hint() {
            Some(hint) => write!(f, "\n  = help: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for OutputError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OutputError::Refused { .. } => None,
            OutputError::Failed { source, .. } => Some(source),
        }
    }
}
