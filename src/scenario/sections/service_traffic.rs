//! Keys of what a service has to do: requests (`traffic`) or messages (`queue`), and what one costs.

use super::shared::{BURSTS_OF_A_RATE, DAILY_DEPTH};
use super::{ANY_SPAN, Key, Kind, MOST_MEMORY, SECOND, SPAN_FROM_1S, Section};
use super::{optional, required, with_default};
use crate::base::time::LATEST;
use crate::scenario::keys::Unit;

const MILLISECONDS: Kind = Kind::Distribution(Unit::Plain);
const STEP: Kind = Kind::Span(SECOND, 366 * 86_400 * SECOND);
const FACTOR: Kind = Kind::Number(0.0, 1e6);

/// Keys that say how a trace of rates is read, which a generator has no use for.
pub const RATE_TRACE_KEYS: [&str; 8] =
    ["format", "period", "series", "skip", "repeat", "on_error", "max_expanded_gib", "max_rows"];

/// Where rates come from, and what one unit of work costs: what `traffic` and `queue` share, under their sections.
const TRACE: Key = optional(
    "trace",
    Kind::Path,
    "none; needs `generate` then",
    "Trace of rates or counts, also gzip.",
    "ecsim",
);
const FORMAT: Key = optional(
    "format",
    Kind::Choice(&["native", "cloudwatch", "counts", "count_list", "get_metric_data"]),
    "`native`: `time_s, requests_per_s`",
    "Layout of the trace.",
    "ecsim",
);
const PERIOD: Key = optional(
    "period",
    Kind::Span(1_000, LATEST.0),
    "as the format says",
    "Length of a period of the trace.",
    "ecsim",
);
const SERIES: Key = optional(
    "series",
    Kind::Text,
    "the only one",
    "`get_metric_data`: `Id` or `Label` of the series.",
    "API",
);
const SKIP: Key = optional(
    "skip",
    ANY_SPAN,
    "nothing",
    "This much of the trace is left out at its beginning.",
    "ecsim",
);
const REPEAT: Key = optional(
    "repeat",
    Kind::Flag,
    "false",
    "Whether the trace begins again when it ends.",
    "ecsim",
);
const ON_ERROR: Key = optional(
    "on_error",
    Kind::Choice(&["fail", "skip"]),
    "`fail`",
    "What happens to a row that cannot be used; skipped rows are counted by reason.",
    "ecsim",
);
const MAX_EXPANDED: Key = optional(
    "max_expanded_gib",
    Kind::Whole(1, 1 << 20),
    "64",
    "GiB that a compressed trace may expand to.",
    "ecsim",
);
const MAX_ROWS: Key = optional(
    "max_rows",
    Kind::Whole(1, 1_000_000_000_000),
    "1,000,000,000",
    "Rows that a trace may have.",
    "ecsim",
);
const GENERATE: Key = optional(
    "generate",
    Kind::Table(&GENERATE_RATE),
    "none; needs `trace` then",
    "A rate from waves, events and noise.",
    "ecsim",
);
const SCALE: Key = with_default("scale", FACTOR, "1", "Factor on every rate.", "ecsim");
const SHIFT: Key = with_default(
    "shift",
    ANY_SPAN,
    "\"0s\"",
    "It begins this much later; nothing comes before.",
    "ecsim",
);
const RESAMPLE: Key = optional(
    "resample",
    SPAN_FROM_1S,
    "as it comes",
    "Periods are summed to this grid, which makes long fine traces cheaper.",
    "ecsim",
);
const FIDELITY: Key = with_default(
    "fidelity",
    Kind::Choice(&["fluid", "requests"]),
    "\"fluid\"",
    "Rates that are integrated exactly between events, or an event for each one.",
    "ecsim",
);

/// `traffic` of a service.
pub static TRAFFIC: Section = Section::new(
    "traffic",
    "Requests that somebody waits for: when they come, and what one costs.",
    &[
        TRACE,
        FORMAT,
        PERIOD,
        SERIES,
        SKIP,
        REPEAT,
        ON_ERROR,
        MAX_EXPANDED,
        MAX_ROWS,
        GENERATE,
        SCALE,
        SHIFT,
        RESAMPLE,
        FIDELITY,
        with_default(
            "cpu_ms_per_request",
            MILLISECONDS,
            "10",
            "CPU time of a request, milliseconds of one vCPU.",
            "assumed",
        ),
        with_default(
            "io_ms_per_request",
            MILLISECONDS,
            "0",
            "Time of a request without CPU, such as a database's, milliseconds.",
            "assumed",
        ),
        with_default(
            "memory_kib_per_request",
            Kind::Whole(0, MOST_MEMORY),
            "0",
            "Memory of a request in flight, KiB.",
            "assumed",
        ),
        optional(
            "workers",
            Kind::Whole(1, 1_000_000),
            "no limit",
            "Requests that a task works on at a time.",
            "ecsim",
        ),
        optional(
            "queue_limit",
            Kind::Whole(0, 1_000_000_000),
            "no limit",
            "Requests that may wait for a worker of a task; one more is dropped.",
            "ecsim",
        ),
        with_default(
            "timeout",
            Kind::Span(1_000, LATEST.0),
            "\"60s\"",
            "A request that has waited this long for its answer is dropped; ALB's idle timeout.",
            "documented",
        ),
        optional(
            "connections",
            Kind::Table(&CONNECTIONS),
            "none: each request goes where the balancer sends it",
            "Long connections (WebSocket, gRPC streams, clients of a database) by which the requests come.",
            "ecsim",
        ),
    ],
);

static CONNECTIONS: Section = Section::new(
    "connections",
    "Long connections: each client holds one, and sends its requests by it. The balancer routes connections when they are \
     made; they stay where they are.",
    &[
        optional(
            "open",
            Kind::Whole(1, 1_000_000_000),
            "none; needs `requests_per_s` then",
            "Clients, each of which wants one open connection.",
            "ecsim",
        ),
        optional(
            "requests_per_s",
            Kind::Number(1e-6, 1e6),
            "none; needs `open` then",
            "Requests a second of each client: there are as many as the traffic stands for, looked at each minute.",
            "ecsim",
        ),
        optional(
            "lifetime",
            SPAN_FROM_1S,
            "for ever",
            "Mean time (exponential) after which a client ends its connection and makes another at once.",
            "ecsim",
        ),
        with_default(
            "cpu_ms_per_connect",
            Kind::Number(0.0, 1e6),
            "1",
            "CPU time that a new connection costs its task, milliseconds of one vCPU.",
            "assumed",
        ),
        with_default(
            "reconnect",
            Kind::Span(0, 86_400 * SECOND),
            "\"10s\"",
            "Clients whose connection was cut come back evenly over this span; `\"0s\"`: all within a second.",
            "assumed",
        ),
    ],
);

/// `queue` of a service.
pub static QUEUE: Section = Section::new(
    "queue",
    "Messages of a queue (SQS): tasks take the next when a worker is free. A trace of `counts` says few messages exactly.",
    &[
        TRACE,
        FORMAT,
        PERIOD,
        SERIES,
        SKIP,
        REPEAT,
        ON_ERROR,
        MAX_EXPANDED,
        MAX_ROWS,
        GENERATE,
        SCALE,
        SHIFT,
        RESAMPLE,
        FIDELITY,
        with_default(
            "cpu_ms_per_message",
            MILLISECONDS,
            "10",
            "CPU time of a message, milliseconds of one vCPU.",
            "assumed",
        ),
        with_default(
            "io_ms_per_message",
            MILLISECONDS,
            "0",
            "Time of a message without CPU, milliseconds.",
            "assumed",
        ),
        with_default(
            "memory_kib_per_message",
            Kind::Whole(0, MOST_MEMORY),
            "0",
            "Memory of a message in work, KiB.",
            "assumed",
        ),
        with_default(
            "workers",
            Kind::Whole(1, 1_000_000),
            "1",
            "Messages that a task works on at a time.",
            "assumed",
        ),
        with_default(
            "retention",
            Kind::Span(60 * SECOND, 14 * 86_400 * SECOND),
            "\"4d\"",
            "A message that has waited this long is lost: 1 minute to 14 days.",
            "documented (SQS)",
        ),
        optional(
            "visibility_timeout",
            Kind::Span(SECOND, 12 * 3_600 * SECOND),
            "a worker keeps its message, and a lost task's come back at once; with `max_receive_count` \"30s\"",
            "A message that is not done with so long after it was received is received again: its work takes longer, ends \
             in an error (`error_percent`), or its task is lost.",
            "documented (SQS)",
        ),
        optional(
            "max_receive_count",
            Kind::Whole(1, 1_000),
            "no limit",
            "Receives after which a message is a dead letter the next time.",
            "documented (SQS)",
        ),
        with_default(
            "finish_on_stop",
            Kind::Flag,
            "false",
            "Whether a task that is stopped first finishes the messages that it works on, within its `stop_timeout`. Else \
             they come back. `fluid` loses none either way.",
            "ecsim",
        ),
    ],
);

static GENERATE_RATE: Section = Section::new(
    "generate rate",
    "A rate that is drawn: waves, events and noise multiply each other; constant over each `step`.",
    &[
        required(
            "per_second",
            Kind::Number(0.0, 1e9),
            "Mean rate a second, before all factors; a daily wave peaks at `per_second` × (1 + `daily_depth`).",
            "ecsim",
        ),
        DAILY_DEPTH,
        with_default(
            "daily_peak",
            Kind::Span(0, 86_400 * SECOND),
            "\"14h\"",
            "Time of day of the peak, by the clock that `simulation.start` sets.",
            "ecsim",
        ),
        with_default(
            "weekend_factor",
            Kind::Number(0.0, 1e3),
            "1",
            "Factor on Saturdays and Sundays.",
            "ecsim",
        ),
        optional(
            "ramp",
            Kind::List(&Kind::Table(&RAMP), 10_000),
            "none",
            "Linear changes that stay.",
            "ecsim",
        ),
        optional(
            "step_change",
            Kind::List(&Kind::Table(&STEP_CHANGE), 10_000),
            "none",
            "Sudden changes.",
            "ecsim",
        ),
        optional(
            "flash_crowd",
            Kind::List(&Kind::Table(&FLASH_CROWD), 10_000),
            "none",
            "Flash crowds.",
            "ecsim",
        ),
        optional(
            "poisson",
            Kind::Flag,
            "true with `fidelity = \"requests\"`, else false",
            "Whether the requests of each step are drawn from a Poisson distribution. Without it each step has an \
             exact number of requests: arrivals that are more even the shorter the step.",
            "ecsim",
        ),
        with_default(
            "noise_sigma",
            Kind::Number(0.0, 5.0),
            "0",
            "Log-normal noise of each step: standard deviation of the logarithm.",
            "ecsim",
        ),
        BURSTS_OF_A_RATE,
        with_default("step", STEP, "\"60s\"", "Distance of changes, at most 366 days.", "ecsim"),
    ],
);

static RAMP: Section = Section::new(
    "ramp",
    "A rate that goes linearly to a factor and stays there.",
    &[
        required("at", ANY_SPAN, "Begin.", "ecsim"),
        required("over", ANY_SPAN, "Length.", "ecsim"),
        required("factor", FACTOR, "Factor at the end.", "ecsim"),
    ],
);

static STEP_CHANGE: Section = Section::new(
    "step_change",
    "A rate that changes at once.",
    &[
        required("at", ANY_SPAN, "Begin.", "ecsim"),
        required("factor", FACTOR, "Factor.", "ecsim"),
        optional("lasts", SPAN_FROM_1S, "for ever", "Length.", "ecsim"),
    ],
);

static FLASH_CROWD: Section = Section::new(
    "flash_crowd",
    "A crowd that comes at once: a rise, a plateau, an exponential decline.",
    &[
        required("at", ANY_SPAN, "Begin.", "ecsim"),
        required("factor", FACTOR, "Factor on the plateau.", "ecsim"),
        with_default("rise", ANY_SPAN, "\"1m\"", "Rise.", "assumed"),
        with_default("holds", ANY_SPAN, "\"10m\"", "Plateau.", "assumed"),
        with_default("decay", ANY_SPAN, "\"15m\"", "Time constant of the decline.", "assumed"),
    ],
);
