//! Latencies of answered requests, weighted by requests: since the start, and since they were last asked for.

use crate::base::histogram::SpanHistogram;
use crate::base::time::SimSpan;

/// Latency over some time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LatencySummary {
    /// Mean; `None` where nothing was answered.
    pub mean: Option<SimSpan>,
    /// Median.
    pub p50: Option<SimSpan>,
    /// 90th percentile.
    pub p90: Option<SimSpan>,
    /// 95th percentile.
    pub p95: Option<SimSpan>,
    /// 99th percentile.
    pub p99: Option<SimSpan>,
    /// Requests answered, millionths.
    pub requests_micro: u64,
}

impl LatencySummary {
    fn of(histogram: &SpanHistogram) -> LatencySummary {
        LatencySummary {
            mean: histogram.mean(),
            p50: histogram.quantile(500),
            p90: histogram.quantile(900),
            p95: histogram.quantile(950),
            p99: histogram.quantile(990),
            requests_micro: histogram.count(),
        }
    }
}

/// Longest list that is kept as it is.
const LIST: usize = 256;

/// Who asks for latencies, each since the last time that they did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asker {
    /// Samples of services.
    Samples,
    /// Metrics by the minute, for alarms.
    Minutes,
}

/// Latencies since the last time that one of them asked.
#[derive(Default)]
struct Recent {
    /// A list while it is short, then a histogram.
    list: Vec<(u64, u64)>,
    overflow: SpanHistogram,
    /// Nobody has asked yet: since the start is since the last time.
    is_asked: bool,
}

/// Records latencies. Weights are millionths of a request.
#[derive(Default)]
pub(super) struct LatencyMeter {
    total: SpanHistogram,
    /// What is to be added to it: a histogram is large, and its counters lie far apart.
    pending: Vec<(SimSpan, u64)>,
    /// By [`Asker`].
    recent: [Recent; 2],
}

impl LatencyMeter {
    /// Both since the start and since somebody asked.
    #[inline]
    pub fn add(&mut self, span: SimSpan, weight: u64) {
        self.add_to_total(span, weight);
        self.add_to_recent(span, weight);
    }

    /// Since the start only.
    #[inline]
    pub fn add_to_total(&mut self, span: SimSpan, weight: u64) {
        if weight > 0 {
            if self.pending.len() == LIST {
                self.settle();
            }
            self.pending.push((span, weight));
        }
    }

    /// Brings the total up to date.
    pub fn settle(&mut self) {
        for (span, weight) in self.pending.drain(..) {
            self.total.add_many(span, weight);
        }
    }

    /// Since somebody asked only; nothing where nobody has.
    pub fn add_to_recent(&mut self, span: SimSpan, weight: u64) {
        if weight > 0 {
            self.recent.iter_mut().for_each(|recent| recent.add(span, weight));
        }
    }

    /// Whether somebody has asked for latencies since the last time.
    #[inline]
    pub fn is_asked(&self) -> bool {
        self.recent.iter().any(|recent| recent.is_asked)
    }

    /// Whether `asker` has.
    pub fn is_asked_by(&self, asker: Asker) -> bool {
        self.recent[asker as usize].is_asked
    }

    /// As of the last [`LatencyMeter::take`] or [`LatencyMeter::settle`].
    pub fn total(&self) -> &SpanHistogram {
        &self.total
    }

    pub fn into_total(mut self) -> SpanHistogram {
        self.settle();
        self.total
    }

    /// What was added since the last call.
    pub fn take(&mut self, asker: Asker) -> LatencySummary {
        self.settle();
        let recent = &mut self.recent[asker as usize];
        if !recent.is_asked {
            recent.is_asked = true;
            return LatencySummary::of(&self.total);
        }
        recent.take()
    }
}

impl Recent {
    fn add(&mut self, span: SimSpan, weight: u64) {
        if !self.is_asked {
            return;
        }
        if self.list.len() == LIST {
            for (span, weight) in self.list.drain(..) {
                self.overflow.add_many(SimSpan(span), weight);
            }
        }
        self.list.push((span.0, weight));
    }

    fn take(&mut self) -> LatencySummary {
        if self.overflow.count() > 0 {
            for (span, weight) in self.list.drain(..) {
                self.overflow.add_many(SimSpan(span), weight);
            }
            let summary = LatencySummary::of(&self.overflow);
            self.overflow = SpanHistogram::default();
            return summary;
        }
        let summary = summary_of_list(&mut self.list);
        self.list.clear();
        summary
    }
}

fn summary_of_list(list: &mut [(u64, u64)]) -> LatencySummary {
    if !list.is_sorted() {
        list.sort_unstable();
    }
    let count: u64 = list.iter().map(|(_, weight)| weight).sum();
    if count == 0 {
        return LatencySummary::default();
    }
    let sum: u128 = list.iter().map(|(s, weight)| u128::from(*s) * u128::from(*weight)).sum();
    let mut summary = LatencySummary {
        mean: Some(SimSpan((sum / u128::from(count)) as u64)),
        requests_micro: count,
        ..LatencySummary::default()
    };
    let (mut seen, mut at) = (0, 0);
    let quantiles = [&mut summary.p50, &mut summary.p90, &mut summary.p95, &mut summary.p99];
    for (per_mille, slot) in [500u128, 900, 950, 990].into_iter().zip(quantiles) {
        let rank = (u128::from(count) * per_mille).div_ceil(1_000) as u64;
        while seen + list[at].1 < rank {
            seen += list[at].1;
            at += 1;
        }
        *slot = Some(SimSpan(list[at].0));
    }
    summary
}
