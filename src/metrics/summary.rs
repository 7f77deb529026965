//! The summary of a run: named metrics in a fixed order.

use crate::base::money::NanoUsd;
use crate::base::time::SimSpan;
use std::fmt;

/// The value of a metric. Floats occur only here, after everything has been summed in integers.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// A count.
    Count(u64),
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
    /// Name, such as `wait_s_p95`.
    pub name: &'static str,
    /// Unit, or `–`.
    pub unit: &'static str,
    /// Definition in a sentence.
    pub meaning: &'static str,
    /// Heading under which the summary table shows it.
    pub section: &'static str,
    /// Value.
    pub value: Value,
}

/// All metrics of a run. The list is the same for every run, so that summaries can be laid side by side.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Summary(pub Vec<Metric>);

impl Summary {
    /// The value of a metric.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|metric| metric.name == name).map(|metric| &metric.value)
    }
}
