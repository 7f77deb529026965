//! The packings that people repeat as the point at which EC2 costs what Fargate does, beside where it really is:
//! `breakeven_marks.csv`.

use super::breakeven::{Study, level};
use super::csv::TableWriter;
use crate::base::spreadsheet::free_text;
use crate::experiment::breakeven::{Cell, Kind, cheapest};
use crate::metrics::table::{TableSpec, column};

/// `breakeven_marks.csv`.
pub const BREAKEVEN_MARKS: TableSpec = TableSpec {
    file: "breakeven_marks.csv",
    row: "kind of instances, and figure that people repeat for the packing from which it is cheaper than Fargate, or of \
          `--mark`; of `ecsim breakeven`",
    columns: &[
        column("on", "text", "–", "kind of instances"),
        column("from_percent", "decimal", "%", "the figure, or the least of it"),
        column("to_percent", "decimal", "%", "the figure, or the most of it"),
        column("who", "text", "–", "who says so"),
        column("origin", "text", "–", "where it was read"),
        column(
            "level_from_percent",
            "decimal",
            "%",
            "least of the packings, over the loads, at which these instances cost what Fargate does",
        ),
        column("level_to_percent", "decimal", "%", "most of them"),
        column("promised_from_percent", "decimal", "%", "least of the packings that they reach"),
        column("promised_to_percent", "decimal", "%", "most of them"),
        column(
            "verdict",
            "text",
            "–",
            "whether the figure holds for all of these packings, some, or is too low or too high",
        ),
    ],
};

/// The least and the most of a packing, percent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ends {
    /// Of what is promised.
    pub packed: (f64, f64),
    /// Of what would have to be promised to cost what Fargate does.
    pub level: (f64, f64),
}

/// The cheapest of a kind at each load, of those that serve as well, else of all.
fn cells<'a>(study: &Study<'a>, kind: Kind) -> impl Iterator<Item = &'a Cell> {
    let cells = study.cells;
    let of = move |&load: &f64| {
        cheapest(cells, load, kind, true).or_else(|| cheapest(cells, load, kind, false))
    };
    study.question.loads.iter().filter_map(of)
}

/// Over all loads how full a kind of instances is, and how full it would have to be; nothing where there is no Fargate to
/// compare with.
#[must_use]
pub fn ends(study: &Study<'_>, kind: Kind) -> Option<Ends> {
    let each = cells(study, kind).filter_map(|cell| {
        Some((cell.mean(|said| said.packed_percent)?, level(study, cell)?.mean))
    });
    each.fold(None, |ends: Option<Ends>, (packed, level)| {
        let wider = |(least, most): (f64, f64), value: f64| (least.min(value), most.max(value));
        let before = ends.unwrap_or(Ends { packed: (packed, packed), level: (level, level) });
        Some(Ends { packed: wider(before.packed, packed), level: wider(before.level, level) })
    })
}

/// `breakeven_marks.csv`.
#[must_use]
pub fn to_csv(study: &Study<'_>) -> Vec<u8> {
    let mut table = TableWriter::new(BREAKEVEN_MARKS);
    for &kind in study.question.kinds.iter().filter(|kind| kind.is_instances()) {
        let Some(Ends { packed, level }) = ends(study, kind) else { continue };
        for claim in study.claims {
            let percent = |value: f64| format!("{value:.6}");
            table.row(&[
                kind.name().to_string(),
                percent(claim.percent.0),
                percent(claim.percent.1),
                free_text(&claim.who).into_owned(),
                free_text(&claim.origin).into_owned(),
                percent(level.0),
                percent(level.1),
                percent(packed.0),
                percent(packed.1),
                claim.verdict(level).to_string(),
            ]);
        }
    }
    table.into_bytes()
}
