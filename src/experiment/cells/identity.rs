//! What a cell is called: a digest of everything that its result follows from.

use crate::base::random::Seed;
use crate::catalog::CATALOGUE_VERSION;
use crate::experiment::stamps::{Stamps, files};
use crate::model::arrival::TraceProblem;
use crate::scenario::Scenario;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use xxhash_rust::xxh3::Xxh3;

/// Digits of an identity: 128 bits.
const DIGITS: usize = 32;
const BLOCK: usize = 1 << 18;

/// Digests of the files that scenarios read while they run, each taken once.
#[derive(Default)]
pub struct FileDigests(Mutex<BTreeMap<PathBuf, Known>>);

/// A digest, and the file's stamp at that time.
struct Known {
    digest: u128,
    stamps: Stamps,
}

impl FileDigests {
    /// What the results of a scenario follow from but the seed, as 32 hexadecimal digits: version of the program and of
    /// the catalogue, every key with its value, the small files that it names, and what its traces hold.
    ///
    /// # Errors
    /// A trace that cannot be read, or that is not the file any more that its digest was taken of.
    pub fn identity(&self, scenario: &Scenario) -> Result<String, TraceProblem> {
        let mut text = format!("ecsim {}\n", env!("CARGO_PKG_VERSION"));
        let _ = writeln!(text, "catalog {CATALOGUE_VERSION}\nscenario {}", scenario.digest);
        for (path, display) in files(scenario) {
            let digest = self.digest(&path, &display)?;
            let _ = writeln!(text, "file {digest:032x} {display}");
        }
        Ok(short(&text))
    }

    fn digest(&self, path: &Path, display: &str) -> Result<u128, TraceProblem> {
        // Held while the file is read: whoever else asks for it waits, and does not read it again.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(path) {
            known.stamps.compare()?;
            return Ok(known.digest);
        }
        let stamps = Stamps::of_file(path, display);
        let digest = digest_of(path)
            .map_err(|error| TraceProblem(format!("{display}: cannot be read: {error}")))?;
        stamps.compare()?;
        known.insert(path.to_path_buf(), Known { digest, stamps });
        Ok(digest)
    }
}

/// The identity of a cell, from that of its scenario: 32 hexadecimal digits.
#[must_use]
pub fn cell_id(scenario: &str, seed: Seed) -> String {
    short(&format!("{scenario}\nseed {}\n", seed.0))
}

fn short(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(DIGITS / 2).fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn digest_of(path: &Path) -> std::io::Result<u128> {
    // A pipe can be read once, and the run comes later.
    if !path.metadata()?.is_file() {
        return Err(std::io::Error::other("not a regular file, and it is read once a run"));
    }
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Xxh3::new();
    let mut block = vec![0; BLOCK];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hasher.digest128()),
            read => hasher.update(&block[..read]),
        }
    }
}
