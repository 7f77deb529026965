//! What a service has to do: rates from a trace or a generator, and what one request or message costs.

use super::Build;
use crate::base::distribution::Distribution;
use crate::base::time::{SimSpan, SimTime};
use crate::model::connection::{Clients, Connections};
use crate::model::traffic::{
    Delivery, Fidelity, RateEvent, RateGenerator, RateOrigin, RateSource, RateTrace, TrafficFormat,
    Work, WorkKind,
};
use crate::model::workload::{Bursts, OnRowError};
use crate::scenario::sections::RATE_TRACE_KEYS;
use crate::scenario::settings::Settings;

/// Defaults of keys that have none of their own, since a generator must not show them.
const MAX_EXPANDED_GIB: u64 = 64;
/// SQS's default, where only `max_receive_count` is written.
const VISIBILITY_TIMEOUT: SimSpan = SimSpan::from_secs(30);
const MAX_ROWS: u64 = 1_000_000_000;

impl Build<'_> {
    /// The `traffic` or the `queue` of a service.
    pub(super) fn work(&mut self, settings: &Settings, name: &str) -> Option<Work> {
        if settings.is_given("traffic") && settings.is_given("queue") {
            let message = "`traffic` and `queue` exclude each other: requests are pushed to the tasks, messages are taken by them";
            self.error(settings.place_of("queue"), message);
        }
        let (kind, unit, timeout, table) = if let Some(table) = settings.table("traffic") {
            (WorkKind::Requests, "request", "timeout", table)
        } else {
            (WorkKind::Messages, "message", "retention", settings.table("queue")?)
        };
        let source = self.rate_source(table, name);
        let connections = match kind {
            WorkKind::Requests => self.connections(table, settings),
            WorkKind::Messages => None,
        };
        let per = |what: &str| format!("{what}_per_{unit}");
        let cost = |what: &str| {
            let given = table.distribution(&per(what)).cloned();
            given.unwrap_or(Distribution::Constant(0.0))
        };
        Some(Work {
            kind,
            source: source?,
            fidelity: match table.text("fidelity") {
                Some("requests") => Fidelity::Requests,
                _ => Fidelity::Fluid,
            },
            cpu_ms: cost("cpu_ms"),
            io_ms: cost("io_ms"),
            memory_kib: table.whole32(&per("memory_kib")).unwrap_or(0),
            workers: table.whole32("workers"),
            queue_limit: match kind {
                WorkKind::Requests => table.whole32("queue_limit"),
                WorkKind::Messages => None,
            },
            timeout: table.span(timeout)?,
            delivery: match kind {
                WorkKind::Messages => self.delivery(table),
                WorkKind::Requests => None,
            },
            finishes_on_stop: kind == WorkKind::Messages && table.flag("finish_on_stop"),
            connections,
        })
    }

    /// Long connections by which requests come.
    fn connections(&mut self, traffic: &Settings, service: &Settings) -> Option<Box<Connections>> {
        let table = traffic.table("connections")?;
        if let Some(balancer) = service.table("load_balancer") {
            self.check_connected_balancer(balancer);
        }
        let clients = match (table.whole("open"), table.number("requests_per_s")) {
            (Some(_), Some(_)) => {
                let message = "`open` and `requests_per_s` exclude each other: clients are a number, or follow the traffic";
                self.error(table.place_of("requests_per_s"), message);
                return None;
            }
            (None, None) => {
                let message = "`connections` need `open` or `requests_per_s`";
                let help = "write how many clients there are, as in open = 4000, or how often each sends, as in requests_per_s = 0.1";
                self.error_with_help(table.place, message, help);
                return None;
            }
            (Some(open), None) => Clients::Constant(open),
            (None, Some(each)) => Clients::Each((each * 1e6).round().max(1.0) as u64),
        };
        Some(Box::new(Connections {
            clients,
            lifetime: table.span("lifetime"),
            cpu_ns: (table.number("cpu_ms_per_connect")? * 1e6).round() as u64,
            reconnect: table.span("reconnect")?,
        }))
    }

    /// What of a balancer has no meaning, or none that is modelled, where it routes long connections.
    fn check_connected_balancer(&mut self, balancer: &Settings) {
        if balancer.span("slow_start").is_some_and(|span| span > SimSpan::ZERO) {
            let message = "`slow_start` of long connections is not modelled";
            let help = "leave out `slow_start`, or `connections` of the traffic";
            self.error_with_help(balancer.value_place("slow_start"), message, help);
        }
        // The defaults may be written out, as a resolved scenario does.
        let is_default = |key: &str| match key {
            "requests_per_connection" => balancer.whole32(key) == Some(1),
            _ => balancer.span(key) == Some(SimSpan::from_secs(60)),
        };
        for key in ["requests_per_connection", "connection_duration"] {
            if balancer.is_given(key) && !is_default(key) {
                let message = format!(
                    "`{key}` is about connections that are not simulated, but the traffic has `connections`"
                );
                let help =
                    format!("leave `{key}` out: the bill counts the connections that there are");
                self.error_with_help(balancer.place_of(key), message, help);
            }
        }
    }

    /// When messages come back: where any key of it is written.
    fn delivery(&mut self, queue: &Settings) -> Option<Delivery> {
        let max_receives = queue.whole32("max_receive_count");
        if !queue.is_given("visibility_timeout") && max_receives.is_none() {
            return None;
        }
        let visibility = queue.span("visibility_timeout").unwrap_or(VISIBILITY_TIMEOUT);
        if queue.span("retention").is_some_and(|retention| visibility > retention) {
            let message =
                "`visibility_timeout` is longer than `retention`: no message would come back";
            self.error(queue.value_place("visibility_timeout"), message);
        }
        Some(Delivery { visibility, max_receives })
    }

    fn rate_source(&mut self, settings: &Settings, name: &str) -> Option<RateSource> {
        let what = settings.section.name;
        let origin = match (settings.is_given("trace"), settings.is_given("generate")) {
            (true, true) => {
                let message = "`generate` and `trace` exclude each other";
                self.error(settings.place_of("generate"), message);
                None
            }
            (false, false) => {
                let message = format!("`{what}` needs `trace` or `generate`");
                self.error(settings.place, message);
                None
            }
            (true, false) => self.rate_trace(settings).map(RateOrigin::Trace),
            (false, true) => {
                for key in RATE_TRACE_KEYS.into_iter().filter(|key| settings.is_given(key)) {
                    let message = format!("`{key}` is about traces, but the rate is generated");
                    self.error(settings.place_of(key), message);
                }
                let generate = settings.table("generate");
                // Single requests arrive by themselves; only a rate has exact numbers.
                let is_random = settings.text("fidelity") == Some("requests");
                generate
                    .and_then(|table| generator(table, name, is_random))
                    .map(RateOrigin::Generated)
            }
        };
        Some(RateSource {
            origin: origin?,
            scale_ppm: (settings.number("scale")? * 1e6).round() as u64,
            shift: settings.span("shift")?,
            resample: settings.span("resample"),
        })
    }

    fn rate_trace(&mut self, settings: &Settings) -> Option<RateTrace> {
        let written = settings.text("trace")?.to_string();
        let path = self.resolve(&written);
        self.is_file(&path, &written, settings.value_place("trace"));
        let wanted = settings.text("format").unwrap_or("native");
        let format = TrafficFormat::ALL.into_iter().find(|(_, known)| *known == wanted)?.0;
        if format != TrafficFormat::GetMetricData && settings.is_given("series") {
            let message = "`series` is about the format `get_metric_data`";
            self.error(settings.place_of("series"), message);
        }
        if format == TrafficFormat::Native && settings.is_given("period") {
            let message = "`period` is about formats that count; a native trace has rates";
            self.error(settings.place_of("period"), message);
        }
        Some(RateTrace {
            path,
            display: written,
            format,
            on_error: match settings.text("on_error") {
                Some("skip") => OnRowError::Skip,
                _ => OnRowError::Fail,
            },
            period: settings.span("period"),
            series: settings.text("series").map(str::to_string),
            skip: settings.span("skip").unwrap_or_default(),
            repeat: settings.flag("repeat"),
            max_expanded_bytes: settings.whole("max_expanded_gib").unwrap_or(MAX_EXPANDED_GIB)
                << 30,
            max_rows: settings.whole("max_rows").unwrap_or(MAX_ROWS),
        })
    }
}

fn generator(settings: &Settings, name: &str, is_random: bool) -> Option<RateGenerator> {
    let bursts = settings.table("bursts").and_then(|bursts| {
        Some(Bursts {
            factor: bursts.number("factor")?,
            mean_gap_s: bursts.span("mean_gap")?.to_secs_f64(),
            mean_length_s: bursts.span("mean_length")?.to_secs_f64(),
        })
    });
    Some(RateGenerator {
        name: name.to_string(),
        per_second: settings.number("per_second").unwrap_or_default(),
        daily_depth: settings.number("daily_depth")?,
        daily_peak_s: settings.span("daily_peak")?.to_secs_f64(),
        weekend_factor: settings.number("weekend_factor")?,
        events: rate_events(settings),
        poisson: if settings.is_given("poisson") { settings.flag("poisson") } else { is_random },
        noise_sigma: settings.number("noise_sigma")?,
        bursts,
        step: settings.span("step")?,
    })
}

/// Ramps, steps and crowds, in the order of the file; their factors multiply, so the order does not matter.
fn rate_events(settings: &Settings) -> Vec<RateEvent> {
    let at = |table: &Settings| table.span("at").map(|span| SimTime(span.0));
    let span = |table: &Settings, key: &str| table.span(key).unwrap_or_default();
    let ramps = settings.tables("ramp").filter_map(|table| {
        let factor = table.number("factor")?;
        Some(RateEvent::Ramp { at: at(table)?, over: span(table, "over"), factor })
    });
    let steps = settings.tables("step_change").filter_map(|table| {
        let factor = table.number("factor")?;
        Some(RateEvent::Step { at: at(table)?, factor, lasts: table.span("lasts") })
    });
    let crowds = settings.tables("flash_crowd").filter_map(|table| {
        Some(RateEvent::FlashCrowd {
            at: at(table)?,
            factor: table.number("factor")?,
            rise: span(table, "rise"),
            holds: span(table, "holds"),
            decay: span(table, "decay"),
        })
    });
    ramps.chain(steps).chain(crowds).collect()
}
