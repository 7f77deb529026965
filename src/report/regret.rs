//! What to commit to over several seeds: a row each, and the answer in words.

use super::csv::TableWriter;
use super::human;
use crate::experiment::regret::{Regret, choice};
use crate::metrics::table::{ColumnSpec, TableSpec, column};

const COLUMNS: &[ColumnSpec] = &[
    column("seed", "integer", "–", "the run that the commitment is best for"),
    column(
        "usd_per_hour",
        "decimal",
        "USD/h",
        "the Compute Savings Plan that would have made it cheapest: `best_savings_plan_usd_per_hour`",
    ),
    column("saved_usd", "decimal", "USD", "what that saves in this run"),
    column(
        "saved_elsewhere_usd",
        "decimal",
        "USD",
        "what it saves in the mean of the other runs; below zero where it costs more than it replaces",
    ),
    column(
        "regret_usd",
        "decimal",
        "USD",
        "how much less that is than what the best commitment of each would save, in the mean",
    ),
    column("worst_regret_usd", "decimal", "USD", "the same of the run in which it is most"),
];

/// `commitment_regret.csv`.
pub const COMMITMENT_REGRET: TableSpec = TableSpec {
    file: "commitment_regret.csv",
    row: "seed of `--replications`, the first hundred, in a scenario with commitments",
    columns: COLUMNS,
};

/// `commitment_regret.csv`.
#[must_use]
pub fn to_csv(regrets: &[Regret]) -> Vec<u8> {
    let mut table = TableWriter::new(COMMITMENT_REGRET);
    for of in regrets {
        table.row(&[
            of.seed.0.to_string(),
            of.commitment.to_string(),
            of.saved.to_string(),
            of.saved_elsewhere.to_string(),
            of.regret.to_string(),
            of.worst.to_string(),
        ]);
    }
    table.into_bytes()
}

/// What to commit to, in a few lines; nothing without commitments. Ends with a newline.
#[must_use]
pub fn to_text(regrets: &[Regret]) -> String {
    let Some(chosen) = choice(regrets) else { return String::new() };
    let rate = |of: &Regret| format!("${}", human::decimal(of.commitment.0 as f64 / 1e9, 4));
    let least = regrets.iter().min_by_key(|of| of.commitment).map(rate).unwrap_or_default();
    let most = regrets.iter().max_by_key(|of| of.commitment).map(rate).unwrap_or_default();
    format!(
        "\nWhat to commit to, a Compute Savings Plan: {} an hour, the best of seed {}. In the other {} it saves {} in the mean,\n\
         {} less than the best of each, {} less at most. The best of each is from {least} to {most} an hour.\n",
        rate(chosen),
        chosen.seed.0,
        human::counted(regrets.len() - 1, "run"),
        human::usd(chosen.saved_elsewhere),
        human::usd(chosen.regret),
        human::usd(chosen.worst),
    )
}
