//! Traces of requests: made from flags, and their profile as a table for people and as JSON.

use super::super::screen::{align_right, table as new_table};
use super::GenerateArgs;
use crate::base::random::Seed;
use crate::base::time::{SimSpan, SimTime};
use crate::model::arrival::TraceProblem;
use crate::model::traffic::{
    RateGenerator, RateOrigin, RateSource, RateStream, RateTrace, TrafficFormat,
};
use crate::report::human;
use crate::trace::open_traffic;
use crate::trace::traffic::profile::TrafficProfile;
use serde_json::json;

/// Midnight of a Monday, seconds since 1970: generated traces begin there.
const MONDAY_S: i64 = 4 * 86_400;

/// The requests that `args` ask for.
pub(super) fn generated(args: &GenerateArgs) -> Result<Box<dyn RateStream + Send>, TraceProblem> {
    let shape = &args.shape;
    let events = [&shape.ramps, &shape.surges, &shape.flash_crowds].into_iter().flatten();
    let origin = RateOrigin::Generated(RateGenerator {
        name: args.name.clone(),
        per_second: args.rate,
        daily_depth: args.daily_depth,
        daily_peak_s: args.daily_peak.to_secs_f64(),
        weekend_factor: args.weekend_factor,
        events: events.copied().collect(),
        poisson: !args.even,
        noise_sigma: shape.noise,
        bursts: args.burst.clone(),
        step: shape.step,
    });
    let source = RateSource { origin, scale_ppm: 1_000_000, shift: SimSpan::ZERO, resample: None };
    let until = SimTime::ZERO + args.until.unwrap_or(SimSpan::from_secs(86_400));
    let mut opened = open_traffic(&[Some(&source)], Some(until), MONDAY_S, Seed(args.seed))?;
    Ok(opened.pop().flatten().expect("one source is one stream"))
}

/// The name that `--from` takes.
pub(super) fn name(trace: &RateTrace) -> &'static str {
    match trace.format {
        TrafficFormat::Native => "traffic",
        format => format.name(),
    }
}

/// The profile for people.
pub(super) fn table(trace: &RateTrace, profile: &TrafficProfile) -> String {
    let thousands = |value: u64| human::thousands(u128::from(value));
    let mut rows = new_table(&["rows", ""]);
    rows.add_row(["read".to_owned(), thousands(profile.rows.read)]);
    rows.add_row(["used".to_owned(), thousands(profile.rows.used)]);
    for (what, reasons) in
        [("skipped", &profile.rows.skipped), ("adjusted", &profile.rows.adjusted)]
    {
        for (reason, number) in reasons {
            rows.add_row([format!("{what}: {reason}"), thousands(*number)]);
        }
    }
    align_right(&mut rows, 1..2);
    let dash = || "-".to_owned();
    let rate = |value: Option<f64>| value.map_or_else(dash, |v| human::decimal(v, 3) + " a second");
    let peak_at = profile.peak.map(|peak| human::span(peak.start.since(SimTime::ZERO)));
    let mut requests = new_table(&["requests", ""]);
    for (what, value) in [
        ("requests", human::decimal(profile.requests(), 0)),
        ("length", human::span(profile.length)),
        ("usual period", profile.usual_period.map_or_else(dash, human::span)),
        ("periods", thousands(profile.periods)),
        ("periods without requests", thousands(profile.empty_periods)),
        ("mean rate", rate(profile.mean_rate())),
        ("highest rate", rate(profile.peak_rate())),
        ("first at", peak_at.unwrap_or_else(dash)),
        ("highest to mean", profile.peak_to_mean().map_or_else(dash, |v| human::decimal(v, 2))),
    ] {
        requests.add_row([what.to_owned(), value]);
    }
    align_right(&mut requests, 1..2);
    let shown = human::visible(&trace.display);
    format!("{shown}: {}\n{rows}\n{requests}\n", name(trace))
}

/// The profile for programs.
pub(super) fn json(trace: &RateTrace, profile: &TrafficProfile) -> String {
    let answer = json!({
        "schema": "ecsim/1",
        "trace": trace.display,
        "format": name(trace),
        "rows": {
            "read": profile.rows.read,
            "used": profile.rows.used,
            "skipped": profile.rows.skipped,
            "adjusted": profile.rows.adjusted,
        },
        "requests": profile.requests(),
        "length_s": profile.length.to_secs_f64(),
        "period_s": profile.usual_period.map(SimSpan::to_secs_f64),
        "periods": profile.periods,
        "empty_periods": profile.empty_periods,
        "requests_per_second": profile.mean_rate(),
        "peak_requests_per_second": profile.peak_rate(),
        "peak_from_s": profile.peak.map(|peak| peak.start.to_secs_f64()),
        "peak_to_mean": profile.peak_to_mean(),
    });
    format!("{answer}\n")
}
