//! `ecsim trace`: look into traces of tasks and of requests, convert them to the native format, make new ones.

mod arguments;
mod file;
mod inspect;
mod traffic;

use super::Failure;
use crate::base::distribution::Distribution;
use crate::base::random::Seed;
use crate::base::time::{LATEST, SimSpan, SimTime};
use crate::model::arrival::RowCounts;
use crate::model::traffic::{RateEvent, RateTrace};
use crate::model::workload::{
    Bursts, DEFAULT_MAX_ROWS, GeneratorSpec, OnRowError, Order, RateShape, SizeShare, TraceFormat,
    TraceInput, Workload,
};
use crate::report::human;
use crate::trace::profile::Profile;
use crate::trace::traffic::profile::TrafficProfile;
use crate::trace::traffic::write::write_rates;
use crate::trace::write::{Extra, WriteError, write_native};
use crate::trace::{Format, Opened, STDIN, open, open_any};
use arguments::{bursts, count, duration, failures, format, memory, number, size, span};
use clap::{Args, Subcommand, ValueEnum};
use file::{OutFile, Target};
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Task traces
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  ecsim trace inspect jobs.swf.gz\n  \
    ecsim trace convert jobs.swf.gz -o jobs.csv.gz\n  \
    ecsim trace generate --rate 0.1 --until 1d --duration 10m -o day.csv.gz")]
pub struct TraceArgs {
    /// What to do.
    #[command(subcommand)]
    pub verb: TraceVerb,
}

/// What to do with traces.
#[derive(Subcommand, Clone, Debug)]
pub enum TraceVerb {
    /// Say what a trace holds: rows, tasks, arrivals, sizes, durations
    #[command(after_help = "Examples:\n  \
        ecsim trace inspect jobs.swf.gz\n  \
        ecsim trace inspect batch_task.csv --from alibaba_v2018_batch --format json\n  \
        ecsim trace generate --rate 0.1 --duration 10m -o - | ecsim trace inspect -")]
    Inspect(InspectArgs),
    /// Write a trace of any format as a native one, in order of arrival
    #[command(after_help = "Examples:\n  \
        ecsim trace convert jobs.swf.gz -o jobs.csv.gz\n  \
        ecsim trace convert pods.csv --from openb --limit 1000 -o pods-1000.csv\n  \
        ecsim trace convert jobs.swf.gz --swf-task-per-processor --time-scale 0.5 -o - | head")]
    Convert(ConvertArgs),
    /// Make a trace: arrivals, sizes and durations drawn from distributions
    #[command(after_help = "Examples:\n  \
        ecsim trace generate --rate 0.1 --until 1d --duration lognormal:mean=10m,sigma=1 -o day.csv.gz\n  \
        ecsim trace generate --rate 2 --limit 1000 --size 256:512:3 --size 1024:4096:1 \\\n    \
        --burst factor=10,gap=1h,length=5m --duration exponential:mean=90s -o ci.csv\n  \
        ecsim trace generate --traffic --per-second 50 --flash-crowd 2h:8:3m:20m:30m --until 6h -o crowd.csv\n  \
        ecsim trace generate --rate 1 --until 7d --daily-depth 0.8 --weekend-factor 0.3 -o - | gzip > w.gz\n\n\
        The same arguments give the same bytes on every machine.")]
    Generate(GenerateArgs),
}

/// How a trace is read: the keys that a scenario's `run_task` has for its trace.
#[derive(Args, Clone, Debug)]
pub struct ReadArgs {
    /// Trace, plain or gzip; - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Format of the trace: native, swf, alibaba_v2017_batch, alibaba_v2018_batch, openb, google_2011,
    /// azure_packing_2020; of requests: traffic, cloudwatch, counts, count_list, get_metric_data [default: guessed]
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    pub from: Option<Format>,
    /// Requests: length of a period where the format does not say
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub period: Option<SimSpan>,
    /// Requests: Id or Label of the series in a get_metric_data file
    #[arg(long, value_name = "ID")]
    pub series: Option<String>,
    /// What to do with a row that cannot be used
    #[arg(long, value_enum, default_value_t = OnErrorArg::Fail)]
    pub on_error: OnErrorArg,
    /// What to do with arrivals that go back in time [default: by format]
    #[arg(long, value_enum)]
    pub order: Option<OrderArg>,
    /// Multiply arrival times: 0.5 doubles the load
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = arguments::time_scale)]
    pub time_scale: u64,
    /// Use this many rows at most
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// CPU units that the largest machine stands for, where a trace gives shares of it
    #[arg(long, value_name = "UNITS", default_value_t = 65_536, value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    pub cpu_of_one: u32,
    /// Memory that the largest machine stands for, where a trace gives shares of it
    #[arg(long, value_name = "MEMORY", default_value = "256GiB", value_parser = memory)]
    pub memory_of_one: u32,
    /// CPU units of a row that gives none; of one processor in SWF
    #[arg(long, value_name = "UNITS", default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..=16_777_216))]
    pub default_cpu: u32,
    /// Memory of a row that gives none; of one processor in SWF
    #[arg(long, value_name = "MEMORY", default_value = "1GiB", value_parser = memory)]
    pub default_memory: u32,
    /// Duration of a task whose end is not known [default: left open]
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub default_duration: Option<SimSpan>,
    /// SWF: one task for each processor of a job, instead of one for the job
    #[arg(long)]
    pub swf_task_per_processor: bool,
    /// Most GiB that a compressed trace may expand to
    #[arg(long, value_name = "GIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub max_expanded_gib: u64,
    /// Most rows that are read
    #[arg(long, value_name = "ROWS", default_value_t = DEFAULT_MAX_ROWS)]
    pub max_rows: u64,
}

/// Arguments of `trace inspect`.
#[derive(Args, Clone, Debug)]
pub struct InspectArgs {
    /// How the trace is read.
    #[command(flatten)]
    pub read: ReadArgs,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = FormatArg::Human)]
    pub format: FormatArg,
}

/// Arguments of `trace convert`.
#[derive(Args, Clone, Debug)]
pub struct ConvertArgs {
    /// How the trace is read.
    #[command(flatten)]
    pub read: ReadArgs,
    /// Where it goes.
    #[command(flatten)]
    pub to: OutArgs,
}

/// Where a trace is written.
#[derive(Args, Clone, Debug)]
pub struct OutArgs {
    /// Output, compressed where the name ends in .gz; - for standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace the output file where it exists
    #[arg(long)]
    pub force: bool,
}

/// Arguments of `trace generate`.
#[derive(Args, Clone, Debug)]
pub struct GenerateArgs {
    /// Mean arrivals (rows) a second; with --traffic requests a second
    #[arg(long, visible_alias = "per-second", value_name = "PER_SECOND", value_parser = number)]
    pub rate: f64,
    /// Last instant of an arrival [default: 1d, or none with --limit]
    #[arg(long, value_name = "DURATION", value_parser = span)]
    pub until: Option<SimSpan>,
    /// Rows at most
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Depth of a daily wave: 0 none, 1 down to nothing at night
    #[arg(long, value_name = "DEPTH", default_value = "0", value_parser = number)]
    pub daily_depth: f64,
    /// Time of day of the peak; the trace begins at midnight of a Monday
    #[arg(long, value_name = "DURATION", default_value = "14h", value_parser = span)]
    pub daily_peak: SimSpan,
    /// Factor on the rate on days 6 and 7 of each week
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = number)]
    pub weekend_factor: f64,
    /// Bursts: factor on the rate, mean time between two, mean length, such as factor=5,gap=1h,length=5m
    #[arg(long, value_name = "BURSTS", value_parser = bursts)]
    pub burst: Option<Bursts>,
    /// Arrivals evenly spaced at the current rate, instead of random ones (Poisson)
    #[arg(long)]
    pub even: bool,
    /// A size of task, `CPU_UNITS:MIB[:WEIGHT[:GPUS]]`; several times for several sizes
    #[arg(long = "size", value_name = "SIZE", default_value = "256:512", value_parser = size)]
    pub sizes: Vec<SizeShare>,
    /// How long tasks run: a duration such as 90s, or constant:value=, uniform:min=,max=, exponential:mean=,
    /// normal:mean=,sd=, lognormal:mean=,sigma=, pareto:min=,alpha=, weibull:scale=,shape=, or empirical:FILE with
    /// one `VALUE[,WEIGHT]` a line; seconds, or with a unit
    #[arg(long, value_name = "DISTRIBUTION", default_value = "5m", value_parser = duration)]
    pub duration: Distribution,
    /// Equal tasks per row: a number, or a distribution as for --duration, rounded to a whole number from 1
    #[arg(long, value_name = "DISTRIBUTION", default_value = "1", value_parser = count)]
    pub count: Distribution,
    /// Percent of the rows with an exit code other than 0
    #[arg(long, visible_alias = "failure-percent", value_name = "PERCENT", default_value = "0", value_parser = failures)]
    pub failures: u32,
    /// Make a trace of requests instead of one of tasks
    #[arg(long, conflicts_with_all = ["limit", "sizes", "duration", "count", "failures"])]
    pub traffic: bool,
    /// What shapes a trace of requests.
    #[command(flatten)]
    pub shape: TrafficArgs,
    /// Seed of all draws
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub seed: u64,
    /// Name of the random streams: other names give other draws of the same seed
    #[arg(long, value_name = "NAME", default_value = "trace")]
    pub name: String,
    /// Where it goes.
    #[command(flatten)]
    pub to: OutArgs,
}

/// What shapes a generated trace of requests.
#[derive(Args, Clone, Debug)]
pub struct TrafficArgs {
    /// Requests: how long each rate holds
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = span, requires = "traffic")]
    pub step: SimSpan,
    /// Requests: noise of each step, the standard deviation of its logarithm
    #[arg(long, visible_alias = "noise-sigma", value_name = "SIGMA", default_value = "0", value_parser = number, requires = "traffic")]
    pub noise: f64,
    /// Requests: a linear change to a factor that stays, `AT:OVER:FACTOR`; several times for several
    #[arg(long = "ramp", value_name = "RAMP", value_parser = arguments::ramp, requires = "traffic")]
    pub ramps: Vec<RateEvent>,
    /// Requests: a factor for a while, `AT:FACTOR:LASTS`
    #[arg(long = "surge", visible_alias = "step-change", value_name = "SURGE", value_parser = arguments::step, requires = "traffic")]
    pub surges: Vec<RateEvent>,
    /// Requests: a flash crowd, `AT:FACTOR:RISE:HOLDS:DECAY`
    #[arg(long = "flash-crowd", value_name = "CROWD", value_parser = arguments::flash_crowd, requires = "traffic")]
    pub flash_crowds: Vec<RateEvent>,
}

/// `--format`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum FormatArg {
    /// A table for people.
    Human,
    /// JSON for programs.
    Json,
}

/// `--on-error`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnErrorArg {
    /// Stop and say where.
    Fail,
    /// Leave it out and count it by reason.
    Skip,
}

/// `--order`.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderArg {
    /// It is an error.
    Strict,
    /// Sort; memory grows with the trace.
    Sort,
}

/// Does what `args` say. Results go to `out`, notes to `notes`.
///
/// # Errors
/// Bad input, or a file that cannot be written: [`Failure::Input`].
pub fn run(args: &TraceArgs, out: &mut dyn Write, notes: &mut dyn Write) -> Result<(), Failure> {
    match &args.verb {
        TraceVerb::Inspect(args) => {
            let text = match (read(&args.read, notes)?, args.format) {
                (Opened::Tasks(mut trace), format) => {
                    let profile = Profile::of(&mut *trace.rows).map_err(complaint)?;
                    match format {
                        FormatArg::Human => inspect::table(&trace.input, &profile),
                        FormatArg::Json => inspect::json(&trace.input, &profile),
                    }
                }
                (Opened::Traffic { mut rates, trace, .. }, format) => {
                    let profile = TrafficProfile::of(&mut *rates).map_err(complaint)?;
                    match format {
                        FormatArg::Human => traffic::table(&trace, &profile),
                        FormatArg::Json => traffic::json(&trace, &profile),
                    }
                }
            };
            super::validate::write(out, &text)
                .map_err(|error| complaint(format!("cannot write the results: {error}")))
        }
        TraceVerb::Convert(args) => {
            let target = Target::new(&args.to.output, args.to.force)?;
            let counts = match read(&args.read, notes)? {
                Opened::Tasks(mut trace) => {
                    let extra = Extra::of(&Workload::Trace(trace.input.clone()));
                    save(&target, out, |out| write_native(&mut *trace.rows, extra, out))?;
                    trace.rows.counts().clone()
                }
                Opened::Traffic { mut rates, .. } => {
                    save(&target, out, |out| write_rates(&mut *rates, out))?;
                    rates.counts().clone()
                }
            };
            note(notes, &accounts(&counts));
            Ok(())
        }
        TraceVerb::Generate(args) => {
            let target = Target::new(&args.to.output, args.to.force)?;
            if args.traffic {
                let mut rates = traffic::generated(args).map_err(complaint)?;
                return save(&target, out, |out| write_rates(&mut *rates, out));
            }
            let workload = Workload::Generated(specification(args));
            let mut rows = open(&workload, Seed(args.seed)).map_err(complaint)?;
            save(&target, out, |out| write_native(&mut *rows, Extra::of(&workload), out))
        }
    }
}

/// Writes a file that is complete or not there.
pub(super) fn write_whole(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let mut file = file::OutFile::beside(path)?;
    file.write_all(text.as_bytes()).map_err(|error| file::failed("write", path, &error))?;
    file.publish(force)
}

fn complaint(problem: impl std::fmt::Display) -> Failure {
    Failure::Input(format!("error: {problem}"))
}

/// If stderr cannot take a note there is nobody left to tell.
fn note(notes: &mut dyn Write, text: &str) {
    let _ = writeln!(notes, "note: {text}");
}

/// Opens the trace and says which format was guessed.
fn read(args: &ReadArgs, notes: &mut dyn Write) -> Result<Opened, Failure> {
    let mut input = TraceInput::new(&args.file, TraceFormat::Native);
    if args.file.as_os_str() == STDIN {
        input.display = "standard input".into();
    }
    input.on_error = match args.on_error {
        OnErrorArg::Fail => OnRowError::Fail,
        OnErrorArg::Skip => OnRowError::Skip,
    };
    input.order = args.order.map(|order| match order {
        OrderArg::Strict => Order::Strict,
        OrderArg::Sort => Order::Sort,
    });
    input.time_scale_ppm = args.time_scale;
    input.limit = args.limit;
    input.cpu_of_one = args.cpu_of_one;
    input.memory_mib_of_one = args.memory_of_one;
    input.default_cpu = args.default_cpu;
    input.default_memory_mib = args.default_memory;
    input.default_duration = args.default_duration;
    input.swf_task_per_processor = args.swf_task_per_processor;
    input.max_expanded_bytes = args.max_expanded_gib << 30;
    input.max_rows = args.max_rows;
    let traffic = RateTrace {
        display: input.display.clone(),
        on_error: input.on_error,
        period: args.period,
        series: args.series.clone(),
        max_expanded_bytes: input.max_expanded_bytes,
        max_rows: input.max_rows,
        ..RateTrace::new(&args.file, Default::default())
    };
    let opened = open_any(&input, &traffic, args.from).map_err(complaint)?;
    let guess = match &opened {
        Opened::Tasks(trace) => trace.guess.map(|guess| (guess.format.name(), guess.because)),
        Opened::Traffic { trace, because, .. } => {
            because.map(|because| (traffic::name(trace), because))
        }
    };
    if let Some((name, because)) = guess {
        note(notes, &format!("read as {name}, because {because} (--from says otherwise)"));
    }
    Ok(opened)
}

/// Writes the rows where they are to go. Nothing is there before everything is.
fn save(
    target: &Target,
    stdout: &mut dyn Write,
    content: impl FnOnce(&mut dyn Write) -> Result<u64, WriteError>,
) -> Result<(), Failure> {
    let Target::File { path, force } = target else {
        let mut buffered = std::io::BufWriter::with_capacity(1 << 16, stdout);
        let written = content(&mut buffered).and_then(|_| Ok(buffered.flush()?));
        return match written {
            // Whatever is still in the buffer has nowhere to go either.
            Err(WriteError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                drop(buffered.into_parts());
                Ok(())
            }
            other => other.map_err(complaint),
        };
    };
    let mut file = OutFile::beside(path)?;
    content(&mut file).map_err(|error| match error {
        WriteError::Trace(problem) => complaint(problem),
        WriteError::Output(error) => file::failed("write", path, &error),
    })?;
    file.publish(*force)
}

/// What became of the rows, on one line.
fn accounts(counts: &RowCounts) -> String {
    let mut text = format!(
        "{} read, {} used",
        human::counted(counts.read, "row"),
        human::thousands(counts.used.into())
    );
    for (what, reasons) in [("skipped", &counts.skipped), ("adjusted", &counts.adjusted)] {
        for (reason, number) in reasons {
            let _ = write!(text, "; {number} {what}: {reason}");
        }
    }
    text
}

fn specification(args: &GenerateArgs) -> GeneratorSpec {
    let day = SimSpan::from_secs(86_400);
    let until = args.until.or(args.limit.is_none().then_some(day));
    GeneratorSpec {
        name: args.name.clone(),
        until: until.map_or(LATEST, |span| SimTime::ZERO + span),
        limit: args.limit,
        rate: RateShape {
            per_second: args.rate,
            daily_depth: args.daily_depth,
            daily_peak_s: args.daily_peak.to_secs_f64(),
            weekend_factor: args.weekend_factor,
            bursts: args.burst.clone(),
        },
        poisson: !args.even,
        sizes: args.sizes.clone(),
        duration: Some(args.duration.clone()),
        count: args.count.clone(),
        failure_ppm: args.failures,
    }
}
