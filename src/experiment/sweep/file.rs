//! The file of a sweep, as text with places.

use super::axis::{self, Axis, is_name, refuse_unknown, settings_of, text_of};
use super::grid::Grid;
use crate::scenario::diagnostic::{Diagnostics, quoted};
use crate::scenario::file::{parse_toml, read_text};
use crate::scenario::set::Setting;
use crate::scenario::template::Origin;
use crate::scenario::tree::{Data, Node, Place};
use std::path::{Path, PathBuf};

/// Most seeds of a sweep.
const MOST_SEEDS: usize = 100_000;

/// Which seeds every cell is run under.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seeds {
    /// So many, from the scenario's own (or another) on.
    Count(u32),
    /// These.
    List(Vec<u64>),
}

/// A sweep as its file says it; the scenario has not been read.
#[derive(Clone, PartialEq, Debug)]
pub struct Sweep {
    /// Its name: that of the file, unless it says another.
    pub name: String,
    /// The scenario's file, and where it was named.
    pub scenario: (PathBuf, Place),
    /// The seeds.
    pub seeds: Seeds,
    /// Metrics for the screen and the charts, by name with `*` for any text; empty where the file names none.
    pub metrics: Vec<String>,
    /// What is set in every cell, before the axes.
    pub settings: Vec<Setting>,
    /// The axes and how they are walked.
    pub grid: Grid,
    /// The file.
    pub origin: Origin,
}

const ROOT_KEYS: [&str; 2] = ["sweep", "axis"];
const SWEEP_KEYS: [&str; 5] = ["name", "scenario", "seeds", "metrics", "set"];

/// Whether a file is that of a sweep: TOML with a table `[sweep]`, which no scenario has. A file that cannot be read is
/// none; whoever reads it next says why.
#[must_use]
pub fn is_sweep(path: &Path) -> bool {
    let mut unheard = Diagnostics::new();
    let Some(text) = read_text(path, "", &mut unheard) else { return false };
    let source = unheard.add_source("", &text);
    parse_toml(&text, source, &mut unheard).is_some_and(|root| root.get("sweep").is_some())
}

/// Reads the file of a sweep.
///
/// # Errors
/// Everything that is wrong with it. Values of keys are looked at with each cell's scenario.
pub fn read(path: &Path) -> Result<Sweep, Diagnostics> {
    let mut problems = Diagnostics::new();
    let display = path.display().to_string();
    let Some(text) = read_text(path, &display, &mut problems) else { return Err(problems) };
    of_text(&text, &display, path, problems)
}

/// The same from text; `path` says where the scenario's path begins.
fn of_text(
    text: &str,
    display: &str,
    path: &Path,
    mut problems: Diagnostics,
) -> Result<Sweep, Diagnostics> {
    let source = problems.add_source(display, text);
    assert_eq!(source, Origin::SOURCE, "the places are those of every cell's errors");
    let root = parse_toml(text, source, &mut problems);
    let sweep = root.and_then(|root| {
        let folder = path.parent().unwrap_or(Path::new(""));
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let fallback = stem.filter(|stem| is_name(stem)).unwrap_or_else(|| "sweep".into());
        sweep(&root, folder, fallback, &mut problems)
    });
    let Some(mut sweep) = sweep.filter(|_| problems.is_empty()) else {
        problems.sort();
        return Err(problems);
    };
    sweep.origin = Origin { name: display.into(), text: text.into() };
    Ok(sweep)
}

fn sweep(root: &Node, folder: &Path, name: String, problems: &mut Diagnostics) -> Option<Sweep> {
    let example = "such as [sweep] with scenario = \"web.toml\" and seeds = 10";
    let Data::Table(entries) = &root.data else { return None };
    refuse_unknown(entries, &ROOT_KEYS, problems);
    let start = Place::new(Origin::SOURCE, 0..0);
    let Some(table) = root.get("sweep") else {
        problems.error_with_help(start, "a sweep has a table [sweep]", example);
        return None;
    };
    let Data::Table(keys) = &table.data else {
        let message = format!("`sweep` is {}, expected a table", table.data.kind_name());
        problems.error_with_help(table.place, message, example);
        return None;
    };
    refuse_unknown(keys, &SWEEP_KEYS, problems);
    let name = match text_of(table, "name", problems) {
        Some((name, at)) if !is_name(name) => {
            let help = "letters, digits, `_`, `-` and `.`, a letter or digit first, at most 100";
            problems.error_with_help(at, format!("{} cannot be a name", quoted(name)), help);
            return None;
        }
        Some((name, _)) => name.to_string(),
        None => name,
    };
    let scenario = text_of(table, "scenario", problems);
    if table.get("scenario").is_none() {
        let at = keys.first().map_or(table.place, |entry| entry.key_place);
        problems.error_with_help(at, "a sweep names its `scenario`", example);
    }
    let seeds = seeds(table.get("seeds"), problems);
    let metrics = metrics(table.get("metrics"), problems);
    let settings = match table.get("set") {
        Some(node) => settings_of(node, problems),
        None => Some(Vec::new()),
    };
    let grid = axes(root, start, problems);
    let (scenario, at) = scenario?;
    Some(Sweep {
        name,
        scenario: (folder.join(scenario), at),
        seeds: seeds?,
        metrics: metrics?,
        settings: settings?,
        grid: grid?,
        origin: Origin { name: String::new(), text: String::new() },
    })
}

/// A count, or a list of seeds; one where there is none.
fn seeds(node: Option<&Node>, problems: &mut Diagnostics) -> Option<Seeds> {
    let Some(node) = node else { return Some(Seeds::Count(1)) };
    let help = "a count such as seeds = 10, or a list such as seeds = [1, 2, 3]";
    match &node.data {
        Data::Number(text) => match text.parse::<u32>() {
            Ok(count) if count >= 1 && count as usize <= MOST_SEEDS => Some(Seeds::Count(count)),
            _ => {
                let message = format!("{text} seeds: from 1 to {MOST_SEEDS}");
                problems.error_with_help(node.place, message, help);
                None
            }
        },
        Data::List(items) if items.is_empty() => {
            problems.error_with_help(node.place, "no seeds: there is nothing to run", help);
            None
        }
        Data::List(items) if items.len() > MOST_SEEDS => {
            problems.error(node.place, format!("more than {MOST_SEEDS} seeds"));
            None
        }
        Data::List(items) => {
            let mut seeds = Vec::new();
            for item in items {
                let seed = match &item.data {
                    Data::Number(text) => text.parse::<u64>().ok(),
                    _ => None,
                };
                match seed {
                    Some(seed) if seeds.contains(&seed) => {
                        problems.error(item.place, format!("seed {seed} is named twice"));
                    }
                    Some(seed) => seeds.push(seed),
                    None => {
                        let message = "a seed is a whole number from 0 to 18446744073709551615";
                        problems.error(item.place, message);
                    }
                }
            }
            (seeds.len() == items.len()).then_some(Seeds::List(seeds))
        }
        other => {
            let message = format!("`seeds` is {}", other.kind_name());
            problems.error_with_help(node.place, message, help);
            None
        }
    }
}

fn metrics(node: Option<&Node>, problems: &mut Diagnostics) -> Option<Vec<String>> {
    let Some(node) = node else { return Some(Vec::new()) };
    let help = "such as metrics = [\"total_usd\", \"wait_s_p95\"]";
    let Data::List(items) = &node.data else {
        let message = format!("`metrics` is {}, expected a list", node.data.kind_name());
        problems.error_with_help(node.place, message, help);
        return None;
    };
    let mut names = Vec::new();
    for item in items {
        match item.as_text() {
            Some(name) if !name.is_empty() => names.push(name.to_string()),
            _ => problems.error_with_help(item.place, "a metric is named by text", help),
        }
    }
    (names.len() == items.len()).then_some(names)
}

/// The `[[axis]]` tables.
fn axes(root: &Node, start: Place, problems: &mut Diagnostics) -> Option<Grid> {
    let help = "such as [[axis]] with key = \"simulation.seed\" and values = [1, 2]";
    let node = root.get("axis");
    let items = match node.map(|node| &node.data) {
        Some(Data::List(items)) if !items.is_empty() => items,
        Some(Data::Table(_)) => {
            let at = node.map_or(start, |node| node.place);
            problems.error_with_help(at, "axes are a list: [[axis]], with two brackets", help);
            return None;
        }
        _ => {
            let at = node.map_or(start, |node| node.place);
            problems.error_with_help(at, "a sweep without an axis", help);
            return None;
        }
    };
    let before = problems.len();
    let axes: Vec<Axis> = items.iter().filter_map(|item| axis::read(item, problems)).collect();
    for (index, axis) in axes.iter().enumerate() {
        if axes[..index].iter().any(|other| other.name == axis.name) {
            let message = format!("two axes are called {}", quoted(&axis.name));
            let help = "give one of them a `name` of its own";
            problems.error_with_help(axis.place, message, help);
        }
        refuse_key_twice(&axes[..index], axis, problems);
    }
    let grid = Grid::new(axes, problems)?;
    (problems.len() == before).then_some(grid)
}

/// Two axes that set one key: the later would hide the earlier.
fn refuse_key_twice(earlier: &[Axis], axis: &Axis, problems: &mut Diagnostics) {
    let keys = |axis: &Axis| -> Vec<(String, Place)> {
        let settings = axis.points.iter().flat_map(|point| &point.settings);
        settings.map(|setting| (setting.key.clone(), setting.key_place)).collect()
    };
    let own = keys(axis);
    for other in earlier {
        let theirs = keys(other);
        if let Some((key, at)) = own.iter().find(|own| theirs.iter().any(|their| their.0 == own.0))
        {
            let message =
                format!("{} is set by the axis {} already", quoted(key), quoted(&other.name));
            problems.error_with_help(*at, message, "one key belongs to one axis");
        }
    }
}
