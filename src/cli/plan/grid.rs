//! From choices to scenarios: every combination, the last key's values changing fastest.

use super::PlanArgs;
use crate::cli::compare::variants::called;
use crate::cli::{Failure, complain};
use crate::experiment;
use crate::scenario::{self, Scenario};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// Most settings that are searched without `--yes`.
const MANY: usize = 1_000;
/// Most settings at all: each is a scenario in memory.
const MOST: usize = 100_000;

/// All settings.
pub struct Grid {
    /// What tables call them.
    pub labels: Vec<String>,
    /// What is set in each, `--set` first.
    pub overrides: Vec<Vec<(String, String)>>,
    /// The scenarios; or why one is none.
    pub scenarios: Vec<Result<Scenario, String>>,
}

impl Grid {
    /// Reads the scenario under all settings.
    ///
    /// # Errors
    /// A value with which no settings are a scenario; no choice; too many settings.
    pub fn load(args: &PlanArgs) -> Result<Grid, Failure> {
        let count = checked(args)?;
        let all: Vec<Vec<(String, String)>> =
            (0..count).map(|number| settings(args, number)).collect();
        let labels = all.iter().map(|of| label(args, of)).collect();
        let with_set =
            |of: Vec<(String, String)>| args.overrides.iter().cloned().chain(of).collect();
        let overrides: Vec<Vec<(String, String)>> = all.into_iter().map(with_set).collect();
        let read = |number: u32| {
            let overrides = &overrides[number as usize];
            scenario::load(&args.scenario, overrides).map_err(|mut problems| {
                problems.call_sets(args.overrides.len(), "--choose");
                problems.to_string()
            })
        };
        let scenarios = experiment::each(count as u32, args.study.threads, read)
            .map_err(|error| Failure::Input(format!("error: cannot start threads: {error}")))?;
        let grid = Grid { labels, overrides, scenarios };
        grid.refuse_useless(args)?;
        grid.tell(args);
        Ok(grid)
    }

    /// The first settings that are a scenario.
    pub fn base(&self) -> &Scenario {
        let first = self.scenarios.iter().find_map(|of| of.as_ref().ok());
        first.expect("settings of which none is a scenario were refused")
    }

    /// A digest of all scenarios by name.
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        for (label, scenario) in self.labels.iter().zip(&self.scenarios) {
            let digest = scenario.as_ref().map_or("none", |of| &of.digest);
            hasher.update(format!("{label} {digest}\n"));
        }
        hasher.finalize().iter().fold(String::new(), |mut out, byte| {
            let _ = write!(out, "{byte:02x}");
            out
        })
    }

    /// Refuses a value with which no settings are a scenario: a misspelt one would silently be left out.
    fn refuse_useless(&self, args: &PlanArgs) -> Result<(), Failure> {
        let mut stride = self.scenarios.len();
        for (_, values) in &args.choose {
            let before = stride;
            stride /= values.len();
            for value in 0..values.len() {
                let of_value = |at: &usize| at % before / stride == value;
                let mut of =
                    (0..self.scenarios.len()).filter(of_value).map(|at| &self.scenarios[at]);
                let first = of.next().and_then(|first| first.as_ref().err());
                if let (Some(why), true) = (first, of.all(Result::is_err)) {
                    return Err(Failure::Input(why.clone()));
                }
            }
        }
        Ok(())
    }

    /// What the scenario has to say, and how many settings are none.
    fn tell(&self, args: &PlanArgs) {
        if args.study.quiet {
            return;
        }
        self.base().notes.iter().for_each(|note| complain(&format!("note: {note}")));
        let wrong = self.scenarios.iter().filter(|of| of.is_err()).count();
        if wrong > 0 {
            let all = self.scenarios.len();
            complain(&format!(
                "note: {wrong} of {all} settings are no scenario, such as a minimum above a maximum; plan.csv says why"
            ));
        }
    }
}

/// How many settings there are.
fn checked(args: &PlanArgs) -> Result<usize, Failure> {
    let refuse = |text: String| Err(Failure::Input(format!("error: {text}")));
    if args.scenario == Path::new("-") {
        return refuse(
            "plan reads its scenario many times: it must be a file, not standard input".into(),
        );
    }
    let mut keys = BTreeSet::new();
    for (key, values) in &args.choose {
        if !keys.insert(key) {
            return refuse(format!(
                "--choose {key} is given twice\n  = help: name its values together, as in --choose {key}=1,2"
            ));
        }
        let mut seen = BTreeSet::new();
        if let Some(twin) = values.iter().find(|value| !seen.insert(*value)) {
            return refuse(format!("--choose {key}: `{twin}` is named twice"));
        }
    }
    let product =
        |count: usize, (_, values): &(String, Vec<String>)| count.saturating_mul(values.len());
    let count = args.choose.iter().fold(1, product);
    match count {
        1 => refuse(
            "one value for each key leaves nothing to choose\n  = help: name several, as in --choose \
             capacity_provider.general.desired_capacity=4..12"
                .into(),
        ),
        _ if count > MOST => refuse(format!("{count} settings are too many: at most {MOST}")),
        _ if count > MANY && !args.yes => refuse(format!(
            "{count} settings may take very long: more than {MANY} are searched with --yes only\n  = help: fewer values, a \
             coarser range such as 10..100/10, or a --budget beside --yes"
        )),
        _ => Ok(count),
    }
}

/// What settings number `number` choose, in the order of the keys.
fn settings(args: &PlanArgs, number: usize) -> Vec<(String, String)> {
    let mut rest = number;
    let mut settings: Vec<(String, String)> = Vec::new();
    for (key, values) in args.choose.iter().rev() {
        settings.push((key.clone(), values[rest % values.len()].clone()));
        rest /= values.len();
    }
    settings.reverse();
    settings
}

fn label(args: &PlanArgs, settings: &[(String, String)]) -> String {
    let one = |(key, value): &(String, String)| format!("{}={value}", called(key, &args.choose));
    settings.iter().map(one).collect::<Vec<_>>().join(", ")
}
