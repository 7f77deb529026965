//! A plan as tables for programs and for people.

mod json;
mod text;

pub use json::to_json;
pub use text::{to_text, why_none};

use super::compare::text::{shown, with_half};
use super::csv::TableWriter;
use crate::base::spreadsheet::free_text;
use crate::experiment::plan::{
    Binding, Candidate, Goal, Kept, Outcome, Rules, Standing, Verdict, bindings, front,
};
use crate::experiment::statistics::Mean;
use crate::metrics::table::{ColumnSpec, TableSpec, column};

/// The metric that is as small as can be: the whole bill.
pub const COST: &str = "total_usd";

/// A metric that was kept of every run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// Name, as in `summary.csv`.
    pub name: String,
    /// Unit, empty where it has none.
    pub unit: String,
}

/// What all runs simulated together: what the same trials would have been in AWS.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Trial {
    /// Runs.
    pub runs: u64,
    /// Rounds of confirmation.
    pub confirmations: u32,
    /// Hours that a cluster would have run.
    pub hours: f64,
    /// The bills of all, dollars.
    pub usd: f64,
}

/// What a plan is made of.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// Name of the scenario.
    pub name: &'a str,
    /// What each candidate chooses.
    pub settings: &'a [String],
    /// What must be kept.
    pub goals: &'a [Goal],
    /// What was kept of a run: the cost, a metric for each goal, then others.
    pub columns: &'a [Column],
    /// The metric that is shown against the cost, where the user has named one.
    pub against: Option<&'a str>,
    /// How they raced.
    pub rules: &'a Rules,
    /// How it ended.
    pub outcome: &'a Outcome,
    /// Where each stands.
    pub standings: &'a [Standing],
    /// What was simulated.
    pub trial: Trial,
}

/// A plan that is done.
#[derive(Clone, Debug)]
pub struct Study<'a> {
    /// Name of the scenario.
    pub name: &'a str,
    /// What each candidate chooses.
    pub settings: &'a [String],
    /// What must be kept.
    pub goals: &'a [Goal],
    /// What was kept of a run.
    pub columns: &'a [Column],
    /// How they raced.
    pub rules: &'a Rules,
    /// How it ended.
    pub outcome: &'a Outcome,
    /// Where each stands.
    pub standings: &'a [Standing],
    /// What was simulated.
    pub trial: Trial,
    /// Column of the metric that is shown against the cost.
    pub against: usize,
    /// The front of cost against it, by rising cost.
    pub front: Vec<usize>,
    /// What keeps the answer from being cheaper.
    pub bindings: Vec<Binding>,
}

impl<'a> Study<'a> {
    /// Draws up what follows from the race.
    #[must_use]
    pub fn new(parts: Parts<'a>) -> Study<'a> {
        let Parts { name, settings, goals, columns, against, rules, outcome, standings, trial } =
            parts;
        let bindings = bindings(outcome, goals, standings);
        let position = |name: &str| columns.iter().position(|column| column.name == name);
        let of_goal = |goal: usize| Some(goal + 1).filter(|at| columns[*at].name != COST);
        let against = against
            .and_then(position)
            .or_else(|| bindings.first().and_then(|binding| of_goal(binding.goal)))
            .or_else(|| (0..goals.len()).find_map(of_goal))
            .or_else(|| position("wait_s_p95"))
            .unwrap_or(0);
        let limit = goals.iter().find(|goal| goal.metric == columns[against].name);
        let sign = if limit.is_some_and(|goal| !goal.is_at_most) { -1.0 } else { 1.0 };
        let front = front(outcome, standings, against, sign);
        Study {
            name,
            settings,
            goals,
            columns,
            rules,
            outcome,
            standings,
            trial,
            against,
            front,
            bindings,
        }
    }

    /// The mean of a column of a candidate, over the confirmation where it has one, else over the race.
    #[must_use]
    pub fn mean(&self, at: usize, column: usize) -> Option<Mean> {
        self.outcome.candidates[at].mean(column, self.outcome.sure)
    }

    /// The same by name, without its interval.
    #[must_use]
    pub fn mean_of(&self, at: usize, name: &str) -> Option<f64> {
        let column = self.columns.iter().position(|column| column.name == name)?;
        self.mean(at, column).map(|mean| mean.mean)
    }

    /// A mean of a column with its interval, as people read it.
    #[must_use]
    pub fn told(&self, mean: &Mean, column: usize) -> String {
        let unit = self.columns[column].unit.as_str();
        let per_cent = if unit == "%" { " %" } else { "" };
        match mean.is_constant {
            true => format!("{}{per_cent} in all", shown(mean.mean, unit)),
            false => with_half(mean, unit) + per_cent,
        }
    }

    /// A limit in words, with the unit of its metric.
    #[must_use]
    pub fn limit(&self, goal: usize) -> String {
        let of = &self.goals[goal];
        let side = if of.is_at_most { "at most" } else { "at least" };
        let unit = self.columns[goal + 1].unit.as_str();
        let per_cent = if unit == "%" { " %" } else { "" };
        format!("{} {side} {}{per_cent}", of.metric, shown(of.limit.to_f64(), unit))
    }

    /// The least that settings cost of which neither a bound nor seeds show that they miss a limit; `None` where of some
    /// nothing is known.
    #[must_use]
    pub fn bound_usd(&self) -> Option<f64> {
        let may_keep = |of: &&Candidate| {
            use Verdict::{Impossible, Misses, MissesByBound};
            !matches!(of.verdict, Impossible(_) | MissesByBound { .. } | Misses { .. })
        };
        let of = self.outcome.candidates.iter().filter(may_keep);
        let least = of.map(|of| Mean::of(&of.floor.usd, self.outcome.sure).map_or(0.0, |m| m.mean));
        least.reduce(f64::min).filter(|least| *least > 0.0)
    }

    /// A word for the verdict.
    #[must_use]
    pub fn verdict(&self, at: usize) -> &'static str {
        let of = &self.outcome.candidates[at];
        match of.verdict {
            Verdict::Best => "best",
            Verdict::NotCheaper { .. } => "not_cheaper",
            Verdict::AboveByBound { .. } => "above_by_bound",
            Verdict::Misses { .. } => "misses",
            Verdict::MissesByBound { .. } => "misses_by_bound",
            Verdict::NotShown { .. } => "not_shown",
            Verdict::NotConfirmed { .. } => "not_confirmed",
            Verdict::Impossible(_) => "impossible",
            Verdict::Open if of.seen.is_empty() => "not_run",
            Verdict::Open => "undecided",
        }
    }

    /// Why a candidate is not the answer: a clause. Empty for the answer.
    #[must_use]
    pub fn why(&self, at: usize) -> String {
        let of = &self.outcome.candidates[at];
        let value = |goal: usize| match self.mean(at, goal + 1) {
            Some(mean) => self.told(&mean, goal + 1),
            None => "not defined".into(),
        };
        match &of.verdict {
            Verdict::Best => String::new(),
            Verdict::NotCheaper { .. } => self.why_not_cheaper(at),
            Verdict::AboveByBound { .. } => "costs more than the best whatever happens".into(),
            Verdict::Misses { goal } => format!("misses {}: {}", self.limit(*goal), value(*goal)),
            Verdict::MissesByBound { goal } => {
                format!("cannot keep {}: its fleet is too small for the work", self.limit(*goal))
            }
            Verdict::NotShown { goal } => {
                format!("may or may not keep {}: {}", self.limit(*goal), value(*goal))
            }
            Verdict::NotConfirmed { goal } => {
                format!(
                    "fresh seeds do not show that it keeps {}: {}",
                    self.limit(*goal),
                    value(*goal)
                )
            }
            Verdict::Impossible(why) => why.lines().next().unwrap_or_default().to_string(),
            Verdict::Open if of.seen.is_empty() => "the budget was spent before it was run".into(),
            Verdict::Open if of.seen.len() as u32 >= self.rules.replications => {
                "its cost cannot be told from the best's: more replications would".into()
            }
            Verdict::Open => "the budget was spent before it was decided".into(),
        }
    }

    fn why_not_cheaper(&self, at: usize) -> String {
        let difference = self.standings[at].difference;
        if self.outcome.answer.is_none() {
            return "costs no less than one that was not confirmed".into();
        }
        match difference {
            Some(mean) if mean.sum.0 == 0 => "costs the same".into(),
            Some(mean) if mean.ends().0 > 0.0 => "costs more".into(),
            _ => "costs the same within the zone".into(),
        }
    }
}

const PLAN_COLUMNS: &[ColumnSpec] = &[
    column(
        "candidate",
        "integer",
        "–",
        "number, in the order of the values; the last key's change fastest",
    ),
    column("settings", "text", "–", "what was chosen"),
    column(
        "verdict",
        "text",
        "–",
        "best; not_cheaper by more than the zone; misses a limit; above_by_bound, misses_by_bound: without a run; not_shown: all \
         seeds do not tell whether a limit is kept; not_confirmed by fresh seeds; impossible: no scenario; undecided, not_run: \
         the budget was spent",
    ),
    column("why", "text", "–", "why it is not the answer; empty for the answer"),
    column("seeds", "integer", "–", "seeds of the race that it was run under"),
    column(
        "fresh_seeds",
        "integer",
        "–",
        "seeds of the confirmation, which had no part in the choice",
    ),
    column(
        "usd",
        "decimal",
        "USD",
        "mean bill over the fresh seeds where there are any, else over those of the race",
    ),
    column(
        "usd_half_width",
        "decimal",
        "USD",
        "half of its interval; empty below two seeds and where all are equal",
    ),
    column(
        "bound_usd",
        "decimal",
        "USD",
        "what it costs at the least, without a run; empty where nothing is known",
    ),
    column(
        "difference_usd",
        "decimal",
        "USD",
        "its bill less the answer's under the seeds of the race that both have; empty without an answer",
    ),
    column("difference_half_width", "decimal", "USD", "half of its interval"),
    column(
        "on_front",
        "boolean",
        "–",
        "whether none is as cheap and as good in the metric of the chart, and better in one of them",
    ),
];

/// `plan.csv`.
pub const PLAN: TableSpec = TableSpec {
    file: "plan.csv",
    row: "settings that `ecsim plan` had to choose from",
    columns: PLAN_COLUMNS,
};

const METRIC_COLUMNS: &[ColumnSpec] = &[
    column("candidate", "integer", "–", "number, as in `plan.csv`"),
    column("metric", "text", "–", "name of the metric, as in `summary.csv`"),
    column("unit", "text", "–", "its unit, empty where it has none"),
    column("at_most", "decimal", "see `unit`", "largest right value; empty where there is none"),
    column("at_least", "decimal", "see `unit`", "smallest right value; empty where there is none"),
    column("seeds", "integer", "–", "seeds of the mean: fresh ones where there are any"),
    column("mean", "decimal", "see `unit`", "mean; empty where a seed does not define it"),
    column("half_width", "decimal", "see `unit`", "half of its interval"),
    column(
        "kept",
        "text",
        "–",
        "yes or no where the interval shows it, else unclear; empty where the metric has no limit",
    ),
    column("seeds_kept", "integer", "–", "seeds that keep the limit by themselves"),
];

/// `plan_metrics.csv`.
pub const PLAN_METRICS: TableSpec = TableSpec {
    file: "plan_metrics.csv",
    row: "settings that `ecsim plan` has run and metric that was kept of its runs; a metric with two limits has two rows",
    columns: METRIC_COLUMNS,
};

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:.9}"))
}

/// `plan.csv`.
#[must_use]
pub fn to_csv(study: &Study<'_>) -> Vec<u8> {
    let mut table = TableWriter::new(PLAN);
    for (at, of) in study.outcome.candidates.iter().enumerate() {
        let usd = study.mean(at, 0);
        let bound = Mean::of(&of.floor.usd, study.outcome.sure);
        let difference = study.standings[at].difference;
        table.row(&[
            (at + 1).to_string(),
            free_text(&study.settings[at]).into_owned(),
            study.verdict(at).to_string(),
            free_text(&study.why(at)).into_owned(),
            of.seen.len().to_string(),
            of.fresh.len().to_string(),
            number(usd.map(|mean| mean.mean)),
            number(usd.and_then(|mean| mean.half_width)),
            number(bound.map(|mean| mean.mean)),
            number(difference.map(|mean| mean.mean)),
            number(difference.and_then(|mean| mean.half_width)),
            study.front.contains(&at).to_string(),
        ]);
    }
    table.into_bytes()
}

/// `plan_metrics.csv`.
#[must_use]
pub fn metrics_to_csv(study: &Study<'_>) -> Vec<u8> {
    let mut table = TableWriter::new(PLAN_METRICS);
    for (at, of) in
        study.outcome.candidates.iter().enumerate().filter(|(_, of)| !of.seen.is_empty())
    {
        for (column, metric) in study.columns.iter().enumerate() {
            let goal = column.checked_sub(1).and_then(|goal| study.goals.get(goal));
            let look = goal.map(|goal| goal.look(&of.values(column), study.outcome.sure));
            let mean = study.mean(at, column);
            let limit = |is_at_most: bool| goal.filter(|goal| goal.is_at_most == is_at_most);
            let limit = |side| number(limit(side).map(|goal| goal.limit.to_f64()));
            table.row(&[
                (at + 1).to_string(),
                metric.name.clone(),
                metric.unit.clone(),
                limit(true),
                limit(false),
                of.values(column).len().to_string(),
                number(mean.map(|mean| mean.mean)),
                number(mean.and_then(|mean| mean.half_width)),
                look.map_or("", |look| kept(look.kept)).to_string(),
                look.map_or_else(String::new, |look| look.seeds_kept.to_string()),
            ]);
        }
    }
    table.into_bytes()
}

/// A word.
fn kept(kept: Kept) -> &'static str {
    match kept {
        Kept::Yes => "yes",
        Kept::Unclear => "unclear",
        Kept::No => "no",
    }
}
