//! From arguments to the scenarios that are compared.

use super::CompareArgs;
use crate::base::random::Seed;
use crate::cli::{Failure, complain};
use crate::experiment::cells::Cell;
use crate::experiment::sweep::{self, Source};
use crate::scenario::{self, Scenario};
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

/// Most variants of one comparison.
const MOST: usize = 200;
/// Most values of a range.
const LONGEST_RANGE: u64 = 10_000;

/// A scenario that is compared.
pub struct Named {
    /// What tables call it.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// What was set in it, in order.
    pub overrides: Vec<(String, String)>,
    /// The scenario.
    pub scenario: Scenario,
}

/// Parses `KEY=V1,V2`; commas in lists, tables and quotes belong to a value. `1..8` stands for every whole number from 1
/// to 8, `10..100/30` for 10, 40, 70 and 100.
///
/// # Errors
/// A sentence where there is no `=`, an empty value, or a range that goes nowhere.
pub fn key_values(text: &str) -> Result<(String, Vec<String>), String> {
    let (key, values) = text.split_once('=').ok_or("expected KEY=VALUE,VALUE,...")?;
    let values = split(values);
    if key.trim().is_empty() || values.iter().any(String::is_empty) {
        return Err("expected KEY=VALUE,VALUE,... without an empty one".into());
    }
    let mut all = Vec::new();
    for value in values {
        match range(&value)? {
            Some(numbers) => all.extend(numbers),
            None => all.push(value),
        }
    }
    Ok((key.trim().to_string(), all))
}

/// The numbers of `1..8` or `10..100/30`; `None` where it is no range.
fn range(text: &str) -> Result<Option<Vec<String>>, String> {
    let Some((from, rest)) = text.split_once("..") else { return Ok(None) };
    let (to, step) = rest.split_once('/').unwrap_or((rest, "1"));
    let whole = |part: &str| part.trim().parse::<u64>().ok();
    // Whatever else has two dots is a value.
    let (Some(from), Some(to), Some(step)) = (whole(from), whole(to), whole(step)) else {
        return Ok(None);
    };
    if step == 0 || to < from {
        return Err(format!("`{text}` is an empty range: expected one such as 1..8 or 10..100/30"));
    }
    if (to - from) / step >= LONGEST_RANGE {
        return Err(format!("`{text}` has more than {LONGEST_RANGE} values"));
    }
    let count = (to - from) / step;
    Ok(Some((0..=count).map(|index| (from + index * step).to_string()).collect()))
}

/// Parts between commas that are in no brackets and no quotes.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quote) = (vec![String::new()], 0usize, None);
    for c in text.chars() {
        match (c, quote) {
            (',', None) if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            ('"' | '\'', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('[' | '{', None) => depth += 1,
            (']' | '}', None) => depth = depth.saturating_sub(1),
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.iter().map(|part| part.trim().to_string()).collect()
}

/// Loads every variant, the base first, and says what `args` mean with what a sweep's file says.
///
/// # Errors
/// All mistakes of the first scenario that has some; nothing to compare; the same twice.
pub fn load(args: &CompareArgs) -> Result<(Vec<Named>, CompareArgs), Failure> {
    if let [one] = &args.scenarios[..]
        && sweep::is_sweep(one)
    {
        return of_sweep(one, args);
    }
    let named = if args.vary.is_empty() { scenarios(args) } else { varied(args) };
    Ok((named?, args.clone()))
}

/// What the scenarios have to say, each thing once.
pub fn tell(named: &[Named], args: &CompareArgs) {
    let mut told = BTreeSet::new();
    for scenario in named.iter().map(|named| &named.scenario) {
        let warnings = scenario.warnings.iter().map(|text| format!("warning: {text}"));
        let notes = scenario.notes.iter().map(|text| format!("note: {text}"));
        let notes = notes.filter(|_| !args.quiet);
        for text in warnings.chain(notes) {
            if told.insert(text.clone()) {
                complain(&text);
            }
        }
    }
    if args.most_seeds() == 1 && !args.quiet {
        complain(
            "note: one replication: where anything is random there are no intervals, and no difference can be told \
             from chance; --replications 10 tells more",
        );
    }
}

/// Refuses a path that is named twice.
///
/// # Errors
/// Which one.
pub fn refuse_twins(paths: &[&Path], what: &str) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    for path in paths {
        // The same file by two names is found by its content.
        let parts = path.components().filter(|part| *part != Component::CurDir);
        if !seen.insert(parts.collect::<PathBuf>()) {
            let path = path.display();
            return Err(Failure::Input(format!(
                "error: the {what} `{path}` is named twice: there is nothing to compare"
            )));
        }
    }
    Ok(())
}

fn scenarios(args: &CompareArgs) -> Result<Vec<Named>, Failure> {
    if let [one] = &args.scenarios[..] {
        return Err(Failure::Input(format!(
            "error: one scenario is nothing to compare\n  = help: name another, or vary a key: ecsim compare {} \
             --vary capacity_provider.general.desired_capacity=6,8",
            one.display()
        )));
    }
    refuse_many(args.scenarios.len())?;
    let paths: Vec<&Path> = args.scenarios.iter().map(PathBuf::as_path).collect();
    refuse_twins(&paths, "scenario")?;
    let mut all = Vec::new();
    for path in paths {
        let scenario = read(path, &args.overrides, args.overrides.len())?;
        let (path, overrides) = (path.to_path_buf(), args.overrides.clone());
        all.push(Named { name: scenario.setup.name.clone(), path, overrides, scenario });
    }
    // Scenarios of one name are told apart by their files.
    let names: Vec<String> = all.iter().map(|named| named.name.clone()).collect();
    for named in &mut all {
        if names.iter().filter(|name| **name == named.name).count() > 1 {
            named.name = named.path.display().to_string();
        }
    }
    refuse_equals(&all)?;
    Ok(all)
}

/// The settings of a sweep, with its seeds and metrics where `args` say none.
fn of_sweep(path: &Path, args: &CompareArgs) -> Result<(Vec<Named>, CompareArgs), Failure> {
    let input = |text: String| Failure::Input(text);
    let file = path.display();
    if !args.vary.is_empty() {
        return Err(input(format!(
            "error: --vary makes the variants of a scenario, and {file} is a sweep\n  = help: give it another `[[axis]]`"
        )));
    }
    let read = sweep::read(path).map_err(|problems| input(problems.to_string()))?;
    refuse_many(read.grid.len())?;
    let base = read.scenario.0.clone();
    let source = Source::new(read, args.overrides.clone());
    let source = source.map_err(|problems| input(problems.to_string()))?;
    let first = args.seed.map(Seed);
    let plan = source.plan(first, args.replications).map_err(input)?.plan;
    if plan.settings.len() == 1 {
        return Err(input(format!(
            "error: {file} has one settings: there is nothing to compare\n  = help: give an `[[axis]]` two values"
        )));
    }
    let follow = |pair: &[u64]| pair[1] == pair[0].wrapping_add(1);
    if !plan.seeds.windows(2).all(follow) {
        return Err(input(format!(
            "error: the seeds of {file} do not follow each other\n  = help: `compare` runs successive seeds: say which, as in \
             --seed 1 --replications 10"
        )));
    }
    let mut args = args.clone();
    args.seed = plan.seeds.first().copied();
    // A file that says nothing of seeds means one, from which no interval can be made.
    if args.precision.is_empty() && plan.seeds.len() > 1 {
        args.replications = u32::try_from(plan.seeds.len()).ok();
    }
    if args.metrics.is_empty() {
        args.metrics.clone_from(&plan.metrics);
    }
    let mut all = Vec::new();
    for (number, settings) in plan.settings.iter().enumerate() {
        let cell = Cell { settings: number, seed: Seed(0) };
        let scenario =
            source.scenario(&plan, cell).map_err(|why| input(format!("error: {why}")))?;
        let overrides = settings.set.clone();
        all.push(Named { name: source.called(number), path: base.clone(), overrides, scenario });
    }
    Ok((all, args))
}

/// Every combination of the values of `--vary`, the last key's changing fastest.
fn varied(args: &CompareArgs) -> Result<Vec<Named>, Failure> {
    let [path] = &args.scenarios[..] else {
        return Err(Failure::Input(format!(
            "error: --vary makes the variants of one scenario, and {} are named\n  = help: compare the scenarios without \
             it, or set the key in all of them by --set",
            args.scenarios.len()
        )));
    };
    if path.as_os_str() == "-" {
        let text = "error: --vary reads the scenario once a variant: it must be a file, not standard input";
        return Err(Failure::Input(text.into()));
    }
    let mut keys = BTreeSet::new();
    if let Some((key, _)) = args.vary.iter().find(|(key, _)| !keys.insert(key)) {
        return Err(Failure::Input(format!(
            "error: --vary {key} is given twice\n  = help: name its values together, as in --vary {key}=1,2"
        )));
    }
    let count =
        args.vary.iter().fold(1usize, |count, (_, values)| count.saturating_mul(values.len()));
    if count == 1 {
        let (key, values) = &args.vary[0];
        return Err(Failure::Input(format!(
            "error: --vary {key}={} is one variant: there is nothing to compare\n  = help: name two values or more, the \
             base first, as in --vary {key}={},...",
            values[0], values[0]
        )));
    }
    refuse_many(count)?;
    let mut all = Vec::new();
    for number in 0..count {
        let mut rest = number;
        let mut settings: Vec<(String, String)> = Vec::new();
        for (key, values) in args.vary.iter().rev() {
            settings.push((key.clone(), values[rest % values.len()].clone()));
            rest /= values.len();
        }
        settings.reverse();
        let name: Vec<String> = settings
            .iter()
            .map(|(key, value)| format!("{}={value}", called(key, &args.vary)))
            .collect();
        let overrides: Vec<(String, String)> =
            args.overrides.iter().cloned().chain(settings).collect();
        let scenario = read(path, &overrides, args.overrides.len())?;
        all.push(Named { name: name.join(", "), path: path.clone(), overrides, scenario });
    }
    refuse_equals(&all)?;
    Ok(all)
}

/// The last part of a varied key, where no other of `all` ends as it does; else all of it.
pub fn called<'a>(key: &'a str, all: &[(String, Vec<String>)]) -> &'a str {
    let last = |key: &str| key.rfind('.').map_or(0, |at| at + 1);
    let end = &key[last(key)..];
    let twins = all.iter().filter(|(other, _)| &other[last(other)..] == end).count();
    // A quoted part may hold dots.
    if twins == 1 && !end.contains('"') { end } else { key }
}

/// Reads a scenario; from the override with the number `varied` on they come from `--vary`.
fn read(path: &Path, overrides: &[(String, String)], varied: usize) -> Result<Scenario, Failure> {
    scenario::load(path, overrides).map_err(|mut problems| {
        problems.call_sets(varied, "--vary");
        Failure::Input(problems.to_string())
    })
}

fn refuse_many(count: usize) -> Result<(), Failure> {
    if count > MOST {
        return Err(Failure::Input(format!(
            "error: {count} variants are too many to read side by side: at most {MOST}"
        )));
    }
    Ok(())
}

/// Refuses two variants that are the same scenario.
fn refuse_equals(all: &[Named]) -> Result<(), Failure> {
    for (index, one) in all.iter().enumerate() {
        let twin = all[..index].iter().find(|other| other.scenario.digest == one.scenario.digest);
        if let Some(twin) = twin {
            return Err(Failure::Input(format!(
                "error: `{}` and `{}` are the same scenario: there is nothing to compare",
                twin.name, one.name
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_lists_and_quotes_belong_to_a_value() {
        assert_eq!(split("1, 2,3"), ["1", "2", "3"]);
        let strategies = r#"[{ type = "binpack", field = "memory" }, { a = 1 }],[]"#;
        let one = r#"[{ type = "binpack", field = "memory" }, { a = 1 }]"#;
        assert_eq!(split(strategies), [one, "[]"]);
        assert_eq!(split(r#""a,b",'c,d'"#), [r#""a,b""#, "'c,d'"]);
        assert_eq!(split("a,,b"), ["a", "", "b"]);
        let values = |text: &str| key_values(text).map(|(_, values)| values);
        assert_eq!(values("a=1..3,9"), Ok(["1", "2", "3", "9"].map(String::from).to_vec()));
        assert_eq!(values("a=10..100/40"), Ok(["10", "50", "90"].map(String::from).to_vec()));
        assert_eq!(values("a=../x,1.5"), Ok(["../x", "1.5"].map(String::from).to_vec()));
        assert!(values("a=8..1").is_err() && values("a=1..8/0").is_err());
        assert!(values("a=0..99999").unwrap_err().contains("more than 10000"));
        assert!(key_values("a").is_err() && key_values("a=1,").is_err());
        assert!(key_values("=1,2").is_err() && key_values("a=").is_err());
        assert_eq!(key_values("a.b = 1,2"), Ok(("a.b".into(), vec!["1".into(), "2".into()])));
    }
}
