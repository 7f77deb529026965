//! The summary of a run: named metrics in a fixed order.

use crate::base::decimal;
use crate::base::money::NanoUsd;
use crate::base::time::SimSpan;
use std::borrow::Cow;
use std::fmt;

/// The value of a metric. Floats occur only here, after everything has been summed in integers.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// A count.
    Count(u64),
    /// An amount that may be a fraction, such as requests of a fluid: millionths, printed exactly.
    Millionths(u64),
    /// Seconds.
    Seconds(SimSpan),
    /// A percentage or ratio, printed with six decimals.
    Ratio(f64),
    /// Money.
    Usd(NanoUsd),
    /// Text.
    Text(String),
    /// Not defined in this run, such as a waiting time without tasks.
    Missing,
}

impl Value {
    /// As a number, for `[[expect]]` and charts.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Count(count) => Some(*count as f64),
            Value::Millionths(amount) => Some(*amount as f64 / 1e6),
            Value::Seconds(span) => Some(span.to_secs_f64()),
            Value::Ratio(ratio) => Some(*ratio),
            Value::Usd(usd) => Some(usd.to_f64()),
            Value::Text(_) | Value::Missing => None,
        }
    }
}

impl fmt::Display for Value {
    /// As in `summary.csv`: nothing for [`Value::Missing`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Count(count) => count.fmt(f),
            Value::Millionths(amount) => {
                let mut out = Vec::new();
                decimal::write_scaled(&mut out, *amount, 6);
                f.write_str(&String::from_utf8_lossy(&out))
            }
            Value::Seconds(span) => span.fmt(f),
            Value::Ratio(ratio) => write!(f, "{ratio:.6}"),
            Value::Usd(usd) => usd.fmt(f),
            Value::Text(text) => f.write_str(text),
            Value::Missing => Ok(()),
        }
    }
}

/// One metric.
#[derive(Clone, PartialEq, Debug)]
pub struct Metric {
    /// Name, such as `wait_s_p95`, or `service.<name>.requests_served` for that of one service.
    pub name: Cow<'static, str>,
    /// Unit, or `–`.
    pub unit: &'static str,
    /// Definition in a sentence.
    pub meaning: &'static str,
    /// Heading under which the summary table shows it.
    pub section: &'static str,
    /// Value.
    pub value: Value,
}

impl Metric {
    /// The unit as files say it: empty where there is none.
    #[must_use]
    pub fn unit_or_nothing(&self) -> &'static str {
        if self.unit == "–" { "" } else { self.unit }
    }

    /// Whether it tells of one service and not of the whole run.
    #[must_use]
    pub fn is_of_one_service(&self) -> bool {
        self.name.starts_with(SERVICE_PREFIX)
    }
}

/// How the names of the metrics of one service begin; the service's name and a dot follow.
pub const SERVICE_PREFIX: &str = "service.";

/// All metrics of a run. The list of those without [`SERVICE_PREFIX`] is the same for every run, so that summaries can
/// be laid side by side; those of single services follow, in the order of the scenario.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Summary(pub Vec<Metric>);

impl Summary {
    /// Adds metrics: each behind the last of its section, or at the end where there is none.
    pub fn add(&mut self, metrics: impl IntoIterator<Item = Metric>) {
        for metric in metrics {
            let last = self.0.iter().rposition(|other| other.section == metric.section);
            self.0.insert(last.map_or(self.0.len(), |last| last + 1), metric);
        }
    }

    /// The value of a metric.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|metric| metric.name == name).map(|metric| &metric.value)
    }
}
