//! Finished output folders of `ecsim run` as variants: what they say of each metric, seed by seed.

use crate::experiment::compare::{Measured, Variant};
use crate::experiment::statistics::Exact;
use crate::report::manifest::Manifest;
use crate::report::summary::METRICS;
use std::collections::BTreeMap;
use std::path::Path;

/// Reads a folder that `run` has written, for one or several seeds. The variant is called as the path is written.
///
/// # Errors
/// A message that says why the folder is none of `run`'s, or was changed since.
pub fn read(folder: &Path) -> Result<(Variant, Manifest), String> {
    let shown = folder.display();
    let manifest = Manifest::read(folder)
        .map_err(|why| format!("`{shown}` is no output folder of `ecsim run`: {why}"))?;
    let tables: Vec<(u64, &String)> = manifest
        .files
        .keys()
        .filter_map(|name| {
            let inside = name.strip_suffix(METRICS.file)?;
            match inside {
                "" => Some((manifest.seed, name)),
                _ => {
                    let seed = inside.strip_prefix("seed-")?.strip_suffix('/')?;
                    Some((seed.parse().ok()?, name))
                }
            }
        })
        .collect();
    if tables.is_empty() {
        return Err(format!(
            "`{shown}` is no output folder of `ecsim run`: its manifest lists no `{}`",
            METRICS.file
        ));
    }
    let changed = Manifest::verify(folder)?;
    let mut variant = Variant {
        name: shown.to_string(),
        seeds: tables.iter().map(|(seed, _)| *seed).collect(),
        metrics: Vec::new(),
    };
    variant.seeds.sort_unstable();
    for (seed, name) in tables {
        let path = folder.join(name);
        if changed.contains(name) {
            let path = path.display();
            return Err(format!("`{path}` was changed or removed since `ecsim run` wrote it"));
        }
        read_one(&path, seed, &mut variant.metrics)
            .map_err(|why| format!("cannot read `{}`: {why}", path.display()))?;
    }
    Ok((variant, manifest))
}

/// Adds the metrics of one seed.
fn read_one(path: &Path, seed: u64, metrics: &mut Vec<Measured>) -> Result<(), String> {
    let mut reader = csv::Reader::from_path(path).map_err(|error| error.to_string())?;
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (at, metric) in metrics.iter().enumerate() {
        places.insert(metric.name.clone(), at);
    }
    for row in reader.records() {
        let row = row.map_err(|error| error.to_string())?;
        let cell = |at: usize| row.get(at).unwrap_or_default();
        let (name, value, unit) = (cell(0), cell(1), cell(2));
        if matches!(name, "scenario" | "seed") {
            continue;
        }
        let at = *places.entry(name.to_string()).or_insert_with(|| {
            let by_seed = BTreeMap::new();
            metrics.push(Measured { name: name.into(), unit: unit.into(), by_seed });
            metrics.len() - 1
        });
        // Empty where it is not defined.
        if let Some(value) = Exact::parse(value) {
            metrics[at].by_seed.insert(seed, value);
        }
    }
    Ok(())
}
