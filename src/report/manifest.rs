//! `manifest.json`: what was run and what the folder holds. It is written last, so a folder that has one is whole.
//!
//! It names no wall clock, host or absolute path: the same run gives the same bytes everywhere.

use crate::model::arrival::RowCounts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Name of the file.
pub const MANIFEST_FILE: &str = "manifest.json";
/// What every machine-readable file of ours calls its layout.
pub const SCHEMA: &str = "ecsim/1";
/// The digest of the files: XXH3 with 128 bits, 32 hexadecimal digits as `xxhsum -H2` prints.
pub const DIGEST: &str = "xxh3-128";

/// What was run, how it ended and which files came of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: String,
    /// Version of the program.
    pub ecsim_version: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Digest of the resolved scenario, hexadecimal.
    pub scenario_digest: String,
    /// Seed.
    pub seed: u64,
    /// Version of the price and instance catalogue, and the digest of the user's price file.
    pub catalog_version: String,
    /// How old the prices are.
    #[serde(default)]
    pub prices_as_of: PricesAsOf,
    /// How the run ended, such as `completed` or `expectation_failed`.
    pub outcome: String,
    /// Digest of all events in order, hexadecimal: equal digests mean equal histories.
    pub event_digest: String,
    /// Digest of what came from outside, hexadecimal: rows of tasks, rates of requests, failures by script and by trace. Equal
    /// digests mean that runs of different settings met the same.
    #[serde(default)]
    pub input_digest: String,
    /// What became of the rows of each table that was read: those of callers by the name of their `run_task`, all
    /// others by what they are for, such as `service.web`.
    pub traces: BTreeMap<String, TraceRows>,
    /// Which digest `files` holds: [`DIGEST`].
    pub digest: String,
    /// Every other file of the folder by name, with `/` between folders.
    pub files: BTreeMap<String, FileEntry>,
}

/// How old prices are.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PricesAsOf {
    /// Newest day of the embedded prices.
    pub catalog: String,
    /// Oldest day of the user's price file, where it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_file: Option<String>,
}

/// What became of the rows of one trace.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TraceRows {
    /// The file as the scenario names it, an absolute path without its folders; none for generated rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Rows read.
    pub read: u64,
    /// Rows used.
    pub used: u64,
    /// Rows left out, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Rows used under an assumption, by assumption.
    pub adjusted: BTreeMap<String, u64>,
}

/// A file of the folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileEntry {
    /// Length in bytes.
    pub bytes: u64,
    /// Digest of the content.
    pub digest: String,
}

impl From<&RowCounts> for TraceRows {
    fn from(counts: &RowCounts) -> Self {
        TraceRows {
            file: None,
            read: counts.read,
            used: counts.used,
            skipped: counts.skipped.clone(),
            adjusted: counts.adjusted.clone(),
        }
    }
}

impl TraceRows {
    /// The counts of a file that the scenario calls `written`.
    #[must_use]
    pub fn of_file(written: &str, counts: &RowCounts) -> TraceRows {
        let path = Path::new(written);
        let name = path.file_name().filter(|_| path.is_absolute());
        let file = name.map_or_else(|| written.into(), |name| name.to_string_lossy().into_owned());
        TraceRows { file: Some(file), ..TraceRows::from(counts) }
    }
}

impl Default for Manifest {
    /// Schema, version and digest of this program; all else empty.
    fn default() -> Self {
        Manifest {
            schema: SCHEMA.into(),
            ecsim_version: env!("CARGO_PKG_VERSION").into(),
            scenario: String::new(),
            scenario_digest: String::new(),
            seed: 0,
            catalog_version: String::new(),
            prices_as_of: PricesAsOf::default(),
            outcome: String::new(),
            event_digest: String::new(),
            input_digest: String::new(),
            traces: BTreeMap::new(),
            digest: DIGEST.into(),
            files: BTreeMap::new(),
        }
    }
}

impl Manifest {
    /// The file's content: indented JSON in a fixed order, with a final newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self);
        text.expect("a manifest has text keys and finite numbers only") + "\n"
    }

    /// Reads the manifest of a finished folder.
    ///
    /// # Errors
    /// A clause that says why the folder is not one of ours, or not whole.
    pub fn read(folder: &Path) -> Result<Manifest, String> {
        let path = folder.join(MANIFEST_FILE);
        let is_file = path.symlink_metadata().is_ok_and(|meta| meta.is_file());
        if !is_file {
            return Err(format!("it holds no `{MANIFEST_FILE}`"));
        }
        let text = std::fs::read_to_string(&path)
            .map_err(|e| format!("its `{MANIFEST_FILE}` cannot be read ({e})"))?;
        // The schema is looked at first: another layout must not be reported as a syntax error.
        let value: serde_json::Value = serde_json::from_str(&text)
            .map_err(|e| format!("its `{MANIFEST_FILE}` is not JSON ({e})"))?;
        if value.get("schema").and_then(|schema| schema.as_str()) != Some(SCHEMA) {
            return Err(format!("its `{MANIFEST_FILE}` does not say `\"schema\": \"{SCHEMA}\"`"));
        }
        serde_json::from_value(value)
            .map_err(|e| format!("its `{MANIFEST_FILE}` is not complete ({e})"))
    }

    /// Compares the files of a folder with the manifest; the names that are missing or differ, in order.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn verify(folder: &Path) -> Result<Vec<String>, String> {
        let manifest = Manifest::read(folder)?;
        let differs = |(name, entry): &(&String, &FileEntry)| {
            !digest_of_file(&folder.join(name)).is_ok_and(|found| found == **entry)
        };
        Ok(manifest.files.iter().filter(differs).map(|(name, _)| name.clone()).collect())
    }
}

/// A digest as text: 32 hexadecimal digits.
pub(super) fn digest_text(digest: u128) -> String {
    format!("{digest:032x}")
}

fn digest_of_file(path: &Path) -> std::io::Result<FileEntry> {
    use std::io::Read;
    let mut file = std::fs::File::open(path)?;
    let mut hasher = xxhash_rust::xxh3::Xxh3::new();
    let mut block = vec![0; 1 << 18];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            return Ok(FileEntry { bytes, digest: digest_text(hasher.digest128()) });
        }
        hasher.update(&block[..read]);
        bytes += read as u64;
    }
}
