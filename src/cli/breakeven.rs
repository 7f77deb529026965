//! `ecsim breakeven`: EC2 or Fargate, for the workload of a scenario.

mod map;
mod packing;
mod told;

use super::progress::Runs;
use super::run::FormatArg;
use super::study::StudyArgs;
use super::{Failure, complain, print, seeds};
use crate::base::random::Seed;
use crate::catalog::CATALOGUE_VERSION;
use crate::experiment::breakeven::{
    Cell, Claim, Day, Kind, MOST_DIVIDED, Mix, Original, Placement, Purchase, Question, answer,
    divisions, runs, why_nowhere,
};
use crate::report::breakeven::{
    BREAKEVEN, BREAKEVEN_CROSSINGS, BREAKEVEN_PAIRS, Study, crossings_to_csv, pairs_to_csv, to_csv,
};
use crate::report::breakeven_map::{self, BREAKEVEN_MAP};
use crate::report::breakeven_marks::{self, BREAKEVEN_MARKS};
use crate::report::breakeven_page;
use crate::report::charts;
use crate::report::folder::OutputFolder;
use crate::report::manifest::Manifest;
use crate::scenario::{self, Scenario};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// EC2 or Fargate: what the workload of a scenario costs on each kind of capacity, over a range of load
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:\n  ecsim breakeven scenarios/30-web-service.toml\n  \
    ecsim breakeven my.toml --types m7i.xlarge,c7i.xlarge --load 0.5,1,2,4,8 --seeds 10\n  \
    ecsim breakeven my.toml --on given,fargate --load 1\n  \
    ecsim breakeven my.toml --on fargate,ec2 --types m7i.xlarge --day-share 10,25,50,100")]
pub struct BreakevenArgs {
    /// A scenario, TOML or JSON
    #[arg(value_name = "SCENARIO")]
    pub scenario: PathBuf,
    /// Only these services and run_task entries of it, each by its name
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Kinds of capacity: given (as the scenario has it), fargate, fargate-spot, ec2, ec2-spot, managed-instances; mixtures
    /// of On-Demand and Spot in one strategy (--mix): fargate-mixed, ec2-mixed; and split, every division of up to five
    /// services and callers between EC2 and Fargate. One service cannot be on both: ECS refuses Fargate and Auto Scaling
    /// groups in one strategy
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = kind,
        default_value = "fargate,fargate-spot,ec2,ec2-spot,managed-instances")]
    pub on: Vec<Kind>,
    /// Instance types of EC2; each is tried, and Managed Instances choose among all
    #[arg(
        long,
        value_name = "TYPES",
        value_delimiter = ',',
        default_value = "c6i.xlarge,m6i.xlarge,r6i.xlarge"
    )]
    pub types: Vec<String>,
    /// Factors on the load
    #[arg(long, value_name = "FACTORS", value_delimiter = ',', value_parser = load, default_value = "0.25,0.5,1,2,4")]
    pub load: Vec<f64>,
    /// targetCapacity of the groups, percent: what is below 100 keeps instances for tasks that have not come
    #[arg(long, value_name = "PERCENTS", value_delimiter = ',', default_value = "100,90,80,60",
        value_parser = clap::value_parser!(u32).range(1..=100))]
    pub target_capacity: Vec<u32>,
    /// How tasks are placed on instances: own (as the scenario says), binpack (by memory)
    #[arg(long, value_name = "HOW", value_delimiter = ',', value_parser = placement, default_value = "own,binpack")]
    pub placement: Vec<Placement>,
    /// Seeds of each run, from the scenario's on
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub seeds: u32,
    /// Seconds that 95 % of the tasks may take to RUNNING [default: what they take on Fargate, at least 30]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub most_start: Option<f64>,
    /// Term of the Savings Plan that would have been best, no upfront payment
    #[arg(long, value_name = "TERM", default_value = "1y", value_parser = ["1y", "3y"])]
    pub term: String,
    /// Base, weight of On-Demand and weight of Spot of fargate-mixed and ec2-mixed; each is tried
    #[arg(long, value_name = "BASE:WEIGHT:WEIGHT", value_delimiter = ',', value_parser = Mix::parse, default_value = "1:1:3")]
    pub mix: Vec<Mix>,
    /// Commitments of which the best amount is looked for: compute-1y, compute-3y, instance-1y, instance-3y (EC2 Instance
    /// Savings Plans, at the rates of Standard Reserved Instances), or with discounts of your own in percent,
    /// compute:EC2:FARGATE and instance:EC2
    #[arg(long, value_name = "KINDS", value_delimiter = ',', value_parser = Purchase::parse,
        default_value = "compute-1y,compute-3y,instance-1y,instance-3y")]
    pub commit: Vec<Purchase>,
    /// Shares of each day in percent, such as 10,25,50,100: a map of load by share of the day in which the workload runs, who
    /// wins by how much. In the rest of each day nothing arrives and services are scaled to no tasks, by the clock from the
    /// beginning of the run on; groups follow by managed scaling
    #[arg(long, value_name = "PERCENTS", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=100))]
    pub day_share: Vec<u32>,
    /// Packings to hold beside the answer, such as 95 or 70-85, in percent [default: figures that people repeat]
    #[arg(long, value_name = "PERCENTS", value_delimiter = ',', value_parser = Claim::parse)]
    pub mark: Vec<Claim>,
    /// Threads, folder, what is shown.
    #[command(flatten)]
    pub study: StudyArgs,
}

fn kind(text: &str) -> Result<Kind, String> {
    let known = Kind::ALL.iter().find(|(_, name)| *name == text);
    let names = || Kind::ALL.map(|(_, name)| name).join(", ");
    known.map(|(kind, _)| *kind).ok_or_else(|| format!("known are {}", names()))
}

fn placement(text: &str) -> Result<Placement, String> {
    let known = Placement::ALL.iter().find(|(_, name)| *name == text);
    known.map(|(how, _)| *how).ok_or_else(|| "known are own, binpack".into())
}

fn load(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_string())?;
    let is_good = (0.001..=1_000.0).contains(&number);
    is_good.then_some(number).ok_or_else(|| "from 0.001 to 1000".into())
}

fn seconds(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_string())?;
    let is_good = number.is_finite() && number > 0.0;
    is_good.then_some(number).ok_or_else(|| "above 0".into())
}

/// Does what `args` say.
///
/// # Errors
/// See [`Failure`].
pub fn run(args: &BreakevenArgs) -> Result<(), Failure> {
    let (scenario, original) = read(args)?;
    let question = question(args, &scenario, &original)?;
    let out = args.study.folder("breakeven", &scenario.setup.name);
    let base = args.scenario.parent().unwrap_or(Path::new(""));
    if let Some(why) = why_nowhere(&original, &question, base) {
        return Err(Failure::Input(format!("error: the workload runs on none of these: {why}")));
    }
    let days = days(args, &original)?;
    let pulse = seeds::interruptible();
    let folder = OutputFolder::create(&out, args.study.force)?;
    let done = Arc::new(AtomicUsize::new(0));
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.study.threads)
        .build()
        .map_err(|error| Failure::Input(format!("error: cannot start threads: {error}")))?;
    let answered = {
        let parts = days.iter().filter(|(_, part)| part.is_some()).count();
        let all = runs(&question) * (1 + parts);
        let _bar = Runs::follow(Arc::clone(&done), all, args.study.quiet);
        pool.install(|| {
            let cells = answer(&original, &question, base, (&pulse, &done))?;
            let of_day = |(percent, part): &(u32, Option<Original>)| {
                let cells = match part {
                    Some(part) => answer(part, &question, base, (&pulse, &done))?,
                    None => cells.clone(),
                };
                Some(Day { percent: *percent, cells })
            };
            let map = days.iter().map(of_day).collect::<Option<Vec<Day>>>()?;
            Some((cells, map))
        })
    };
    let Some((cells, map)) = answered else {
        folder.close();
        return Err(Failure::Interrupted("interrupted; nothing was written".into()));
    };
    publish(args, (&scenario, &original), &question, (&cells, &map), folder)?;
    if !args.study.quiet {
        complain(&format!("wrote {}", out.display()));
    }
    Ok(())
}

/// The shares of the day that are asked for, ascending, each with the workload that rests else; nothing to change where it runs
/// all day.
fn days(
    args: &BreakevenArgs,
    original: &Original,
) -> Result<Vec<(u32, Option<Original>)>, Failure> {
    let mut shares = args.day_share.clone();
    shares.sort_unstable();
    shares.dedup();
    let part = |percent: u32| {
        let part = (percent < 100).then(|| original.for_part_of_the_day(percent)).transpose();
        part.map(|part| (percent, part)).map_err(|why| {
            Failure::Input(format!("error: `--day-share` cannot cut the workload's day: {why}"))
        })
    };
    shares.into_iter().map(part).collect()
}

fn read(args: &BreakevenArgs) -> Result<(Scenario, Original), Failure> {
    if args.scenario == Path::new("-") {
        return Err(Failure::Input(
            "error: breakeven reads its scenario several times: give a file".into(),
        ));
    }
    let scenario = scenario::load(&args.scenario, &[])
        .map_err(|problems| Failure::Input(problems.to_string()))?;
    let text = std::fs::read_to_string(&args.scenario)
        .map_err(|error| Failure::Input(format!("error: {}: {error}", args.scenario.display())))?;
    let mut original = Original::new(&text, &scenario)
        .map_err(|error| Failure::Input(format!("error: {error}")))?;
    if !args.only.is_empty() {
        original.keep(&args.only).map_err(|text| Failure::Input(format!("error: {text}")))?;
    }
    Ok((scenario, original))
}

/// The question, each of its lists in order and without doubles.
fn question(
    args: &BreakevenArgs,
    scenario: &Scenario,
    original: &Original,
) -> Result<Question, Failure> {
    let mut loads = args.load.clone();
    loads.sort_by(f64::total_cmp);
    loads.dedup();
    let mut targets = args.target_capacity.clone();
    targets.sort_unstable_by(|a, b| b.cmp(a));
    targets.dedup();
    let mut kinds = args.on.clone();
    kinds.sort_unstable();
    kinds.dedup();
    if kinds.contains(&Kind::Given) && !original.has_providers() {
        let text = "error: `--on given`, and the scenario has no [[capacity_provider]] of its own";
        return Err(Failure::Input(text.into()));
    }
    let askers = original.askers();
    if kinds.contains(&Kind::Split) && !(2..=MOST_DIVIDED).contains(&askers.len()) {
        return Err(Failure::Input(format!(
            "error: `--on split` divides two to {MOST_DIVIDED} named services and run_task entries, and there are {}; \
             `--only` keeps some",
            askers.len()
        )));
    }
    let mut instance_types = Vec::new();
    for name in &args.types {
        if !instance_types.contains(name) {
            instance_types.push(name.clone());
        }
    }
    if let Some(why) = original.unknown_type(&instance_types) {
        return Err(Failure::Input(format!("error: {why}")));
    }
    let mut purchases: Vec<Purchase> = Vec::new();
    for purchase in &args.commit {
        if !purchases.contains(purchase) {
            purchases.push(purchase.clone());
        }
    }
    let mut placements = args.placement.clone();
    placements.sort_unstable();
    placements.dedup();
    let first = scenario.setup.seed.0;
    let seeds = (0..u64::from(args.seeds)).map(|index| Seed(first.wrapping_add(index)));
    Ok(Question {
        kinds,
        instance_types,
        loads,
        target_capacities: targets,
        placements,
        seeds: seeds.collect(),
        term: args.term.clone(),
        mixes: args.mix.clone(),
        divisions: divisions(&askers),
        purchases,
        most_start_s: args.most_start,
    })
}

fn publish(
    args: &BreakevenArgs,
    (scenario, original): (&Scenario, &Original),
    question: &Question,
    (cells, map): (&[Cell], &[Day]),
    folder: OutputFolder,
) -> Result<(), Failure> {
    let mut remarks = original.raised();
    let is_scaled = question.loads.iter().any(|load| *load != 1.0);
    if original.has_traces() && is_scaled {
        let text = "Traces of tasks are played faster or slower for other loads, so their days are shorter or longer.";
        remarks.push(text.into());
    }
    let claims = if args.mark.is_empty() { Claim::repeated() } else { args.mark.clone() };
    let name = &scenario.setup.name;
    let study = Study { name, question, cells, map, claims: &claims, remarks: &remarks };
    let table = to_csv(&study);
    folder.write(BREAKEVEN.file, &table)?;
    folder.write(BREAKEVEN_CROSSINGS.file, &crossings_to_csv(&study))?;
    folder.write(BREAKEVEN_PAIRS.file, &pairs_to_csv(&study))?;
    folder.write(BREAKEVEN_MARKS.file, &breakeven_marks::to_csv(&study))?;
    if !map.is_empty() {
        folder.write(BREAKEVEN_MAP.file, &breakeven_map::to_csv(&study))?;
    }
    folder.write(breakeven_page::FILE, breakeven_page::to_markdown(&study).as_bytes())?;
    folder.write("scenario.toml", scenario.resolved.as_bytes())?;
    let format = args.study.charts.format();
    for (name, bytes) in charts::render_breakeven(&study, format) {
        folder.write(&name, &bytes)?;
    }
    let mut digest = crate::base::digest::Digest::default();
    table.chunks(8).for_each(|bytes| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        digest.add(u64::from_le_bytes(word));
    });
    let manifest = Manifest {
        scenario: scenario.setup.name.clone(),
        scenario_digest: scenario.digest.clone(),
        seed: scenario.setup.seed.0,
        catalog_version: CATALOGUE_VERSION.to_string(),
        outcome: "completed".into(),
        event_digest: format!("{:016x}", digest.value()),
        ..Manifest::default()
    };
    let published = folder.publish(manifest)?;
    published.notes.iter().for_each(|note| complain(&format!("note: {note}")));
    print(&match args.study.format {
        FormatArg::Human => told::human(&study),
        FormatArg::Json => told::json(&study),
    })
}
