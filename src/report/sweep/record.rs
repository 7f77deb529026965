//! `cells/<id>.json`: what is kept of a cell. JSON whose last line is a check sum of all lines before it.

use crate::experiment::cells::{Measured, Outcome};
use crate::metrics::summary::{Metric, Value};
use crate::report::manifest::SCHEMA;
use crate::report::manifest::digest_text;
use crate::scenario::Expect;
use serde::Deserialize;
use std::fmt::Write as _;
use xxhash_rust::xxh3::xxh3_128;

/// How a cell ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It was run to its end: it is never run again.
    Done,
    /// It could not be run. The next start tries again.
    Failed,
    /// An invariant of the simulator broke.
    Broken,
}

impl Status {
    /// As files write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Status::Done => "done",
            Status::Failed => "failed",
            Status::Broken => "broken",
        }
    }
}

/// A cell that has ended.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Record {
    schema: String,
    /// What the cell is called.
    pub id: String,
    /// Its seed.
    pub seed: u64,
    /// How it ended.
    pub status: Status,
    /// Why it could not be run; empty where it was.
    pub error: String,
    /// Whether every `[[expect]]` of the scenario holds; `None` where there is none, or the cell was not run.
    pub expectations_hold: Option<bool>,
    /// Digest of its events in order; empty where it was not run.
    pub event_digest: String,
    /// Name, unit and value of each metric that is a number, in the order of the summary; no value where it is not defined.
    pub metrics: Vec<(String, String, Option<String>)>,
}

/// How the last line begins.
const CHECKSUM: &str = "  \"checksum\": \"";

impl Record {
    /// What is kept of an outcome.
    #[must_use]
    pub fn of(id: &str, seed: u64, outcome: &Outcome, expects: &[Expect]) -> Record {
        let (status, error) = match outcome {
            Outcome::Done(_) => (Status::Done, String::new()),
            Outcome::Failed(why) => (Status::Failed, why.clone()),
            Outcome::Broken => {
                (Status::Broken, "an invariant of the simulator broke: a bug of ecsim".into())
            }
        };
        let mut record = Record {
            schema: SCHEMA.into(),
            id: id.into(),
            seed,
            status,
            error,
            expectations_hold: None,
            event_digest: String::new(),
            metrics: Vec::new(),
        };
        if let Outcome::Done(measured) = outcome {
            record.event_digest = format!("{:016x}", measured.event_digest);
            record.expectations_hold =
                (!expects.is_empty()).then(|| expects.iter().all(|one| holds(one, measured)));
            record.metrics = measured.summary.0.iter().filter_map(kept).collect();
        }
        record
    }

    /// The value of a metric as text, where it is defined.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let found = self.metrics.iter().find(|metric| metric.0 == name);
        found.and_then(|metric| metric.2.as_deref())
    }

    /// The content of the file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let json = |text: &str| serde_json::Value::from(text).to_string();
        let mut out =
            format!("{{\n  \"schema\": {},\n  \"id\": {},\n", json(SCHEMA), json(&self.id));
        let _ = writeln!(out, "  \"seed\": {},", self.seed);
        let _ = writeln!(out, "  \"status\": {},", json(self.status.name()));
        let _ = writeln!(out, "  \"error\": {},", json(&self.error));
        let holds = self.expectations_hold.map_or("null".into(), |holds| holds.to_string());
        let _ = writeln!(out, "  \"expectations_hold\": {holds},");
        let _ = writeln!(out, "  \"event_digest\": {},", json(&self.event_digest));
        out.push_str("  \"metrics\": [");
        for (index, (name, unit, value)) in self.metrics.iter().enumerate() {
            let value = value.as_deref().map_or("null".into(), json);
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(out, "{comma}\n    [{}, {}, {value}]", json(name), json(unit));
        }
        out.push_str("],\n");
        let checksum = digest_text(xxh3_128(out.as_bytes()));
        let _ = writeln!(out, "{CHECKSUM}{checksum}\"}}");
        out
    }

    /// Reads a file that should be that of the cell `id`.
    ///
    /// # Errors
    /// A clause that says why it is not, or not whole.
    pub fn parse(text: &str, id: &str) -> Result<Record, String> {
        let at = text.rfind(CHECKSUM).ok_or("it has no check sum")?;
        let expected = format!("{CHECKSUM}{}\"}}\n", digest_text(xxh3_128(&text.as_bytes()[..at])));
        if text[at..] != expected {
            return Err("it is not what was written: its check sum is another".into());
        }
        let record: Record =
            serde_json::from_str(text).map_err(|error| format!("it cannot be read ({error})"))?;
        if record.schema != SCHEMA {
            return Err(format!("it does not say `\"schema\": \"{SCHEMA}\"`"));
        }
        if record.id != id {
            return Err(format!("it is that of the cell {}", record.id));
        }
        Ok(record)
    }
}

/// A metric as a cell keeps it: those that are numbers, and not the seed, which is no result.
fn kept(metric: &Metric) -> Option<(String, String, Option<String>)> {
    let value = match &metric.value {
        Value::Text(_) => return None,
        _ if metric.name == "seed" => return None,
        Value::Missing => None,
        Value::Ratio(ratio) if !ratio.is_finite() => None,
        value => Some(value.to_string()),
    };
    Some((metric.name.to_string(), metric.unit_or_nothing().to_string(), value))
}

/// Whether a metric is within its limits; one that is not defined is not.
fn holds(expect: &Expect, measured: &Measured) -> bool {
    let value = measured.summary.get(&expect.metric).and_then(Value::as_f64);
    value.is_some_and(|value| {
        expect.at_most.is_none_or(|most| value <= most)
            && expect.at_least.is_none_or(|least| value >= least)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            schema: SCHEMA.into(),
            id: "0123".into(),
            seed: 7,
            status: Status::Failed,
            error: "a \"quoted\"\nline".into(),
            expectations_hold: None,
            event_digest: String::new(),
            metrics: vec![
                ("total_usd".into(), "USD".into(), Some("0.123456789".into())),
                ("wait_s_p95".into(), "s".into(), None),
            ],
        }
    }

    #[test]
    fn a_cell_reads_back_as_it_was_and_is_json() {
        let text = record().to_text();
        assert_eq!(Record::parse(&text, "0123"), Ok(record()));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["metrics"][0][2], "0.123456789");
    }

    #[test]
    fn a_file_that_was_cut_or_changed_anywhere_is_no_cell() {
        let text = record().to_text();
        for end in 0..text.len() {
            assert!(Record::parse(&text[..end], "0123").is_err(), "cut at {end}");
        }
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'7' { b'8' } else { b'7' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(Record::parse(&changed, "0123").is_err(), "changed at {at}");
        }
        assert!(Record::parse(&text, "0124").is_err(), "of another cell");
        assert!(Record::parse(&format!("{text}{text}"), "0123").is_err(), "twice");
    }
}
