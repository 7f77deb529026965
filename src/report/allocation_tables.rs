//! Whose the bill is: by service, caller and capacity provider, and by tag.

use super::csv::TableWriter;
use crate::base::money::NanoUsd;
use crate::base::spreadsheet::free_text;
use crate::metrics::table::{ColumnSpec, TableSpec, column};
use crate::model::ids::SourceId;
use crate::pricing::allocation::{Allocated, Use};
use crate::scenario::{Scenario, Tags};
use crate::sim::RunResult;
use std::collections::BTreeMap;

const USD: ColumnSpec = column(
    "usd",
    "decimal",
    "USD",
    "with idle apart: what it had of instances, by what was reserved or used, whichever is more, a vCPU, a memory-GB and a GPU \
     weighed 9 to 1 to 90 in each clock hour; and what is its own. In sum `total_usd`, exactly",
);
const UNUSED: ColumnSpec = column(
    "unused_usd",
    "decimal",
    "USD",
    "by AWS's split cost allocation: its part of what nobody had of its instances in its hours, which idle rows give; in sum 0",
);
const SPLIT: ColumnSpec =
    column("split_usd", "decimal", "USD", "`usd` and `unused_usd`; in sum `total_usd`, exactly");
const USES: &str = "tasks; idle: what nobody had of instances; commitments: what of them nobody used; shared: what is charged \
                    beside compute and is nobody's alone";

const ALLOCATION_COLUMNS: &[ColumnSpec] = &[
    column("capacity_provider", "text", "–", "capacity provider; empty for what belongs to none"),
    column("kind", "text", "–", "service, or caller of RunTask or StartTask; empty where nobody's"),
    column("name", "text", "–", "its name"),
    column("use", "text", "–", USES),
    USD,
    UNUSED,
    SPLIT,
];

/// `cost_allocation.csv`.
pub const COST_ALLOCATION: TableSpec = TableSpec {
    file: "cost_allocation.csv",
    row: "capacity provider and service or caller that cost anything; only where it is asked for, or anything has tags",
    columns: ALLOCATION_COLUMNS,
};

const TAG_COLUMNS: &[ColumnSpec] = &[
    column("tag", "text", "–", "key of the tag"),
    column(
        "value",
        "text",
        "–",
        "its value: that of the service or caller, else of the capacity provider; empty for what has no such tag",
    ),
    column("use", "text", "–", USES),
    USD,
    UNUSED,
    SPLIT,
];

/// `cost_by_tag.csv`.
pub const COST_BY_TAG: TableSpec = TableSpec {
    file: "cost_by_tag.csv",
    row: "tag, value and use that cost anything; the rows of each tag sum to `total_usd` exactly; only where anything has tags",
    columns: TAG_COLUMNS,
};

fn use_of(row: &Allocated) -> &'static str {
    match row.use_of {
        Use::Tasks => "tasks",
        Use::Idle => "idle",
        Use::Commitments => "commitments",
        Use::Shared => "shared",
    }
}

/// `cost_allocation.csv` of a finished run.
#[must_use]
pub fn cost_allocation(scenario: &Scenario, result: &RunResult, rows: &[Allocated]) -> Vec<u8> {
    let setup = &scenario.setup;
    let callers = setup.sources.iter().map(|source| ("caller", source.name.as_str()));
    let services = setup.services.iter().map(|service| ("service", service.name.as_str()));
    let names: Vec<(&str, &str)> = callers.chain(services).collect();
    let name = |owner: SourceId| names.get(owner.0 as usize).copied().unwrap_or_default();
    let mut table = TableWriter::new(COST_ALLOCATION);
    for row in rows {
        let (kind, owner) = row.owner.map(name).unwrap_or_default();
        table.row(&[
            row.provider.map_or(String::new(), |id| result.providers[id].name.clone()),
            kind.to_string(),
            free_text(owner).into_owned(),
            use_of(row).to_string(),
            row.usd.to_string(),
            row.unused.to_string(),
            row.split().to_string(),
        ]);
    }
    table.into_bytes()
}

/// `cost_by_tag.csv` of a finished run.
#[must_use]
pub fn cost_by_tag(tags: &Tags, rows: &[Allocated]) -> Vec<u8> {
    let mut table = TableWriter::new(COST_BY_TAG);
    for key in tags.keys() {
        let mut sums: BTreeMap<(&str, &str), (NanoUsd, NanoUsd)> = BTreeMap::new();
        for row in rows {
            let value = tags.value(key, row.owner, row.provider).unwrap_or_default();
            let sum = sums.entry((value, use_of(row))).or_default();
            sum.0 += row.usd;
            sum.1 += row.unused;
        }
        for ((value, use_of), (usd, unused)) in sums {
            table.row(&[
                free_text(key).into_owned(),
                free_text(value).into_owned(),
                use_of.to_string(),
                usd.to_string(),
                unused.to_string(),
                (usd + unused).to_string(),
            ]);
        }
    }
    table.into_bytes()
}
