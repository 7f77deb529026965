//! The myths of `scenarios/myths`: what a calculator says, what ten seeds say, that the two contradict each other, and that
//! the page there has these numbers. `UPDATE_README=1` renews them (the page is written by a test of `readme.rs`).
//!
//! A calculator is a small function here, in prices of the catalogue and figures of the scenario. What it must be given
//! (how many task-hours there are, what the bill is without the change) it is given from the runs, in its favour.

use ecsim::base::money::HourlyRate;
use ecsim::base::random::Seed;
use ecsim::catalog::Catalogue;
use ecsim::engine::Pulse;
use ecsim::experiment::compare::{Comparison, Variant, compare};
use ecsim::experiment::statistics::{Confidence, Exact, Mean, Paired};
use ecsim::experiment::{replicate, run_one};
use ecsim::metrics::summary::Summary;
use ecsim::model::fargate::FargateRate;
use ecsim::model::platform::{Architecture, OperatingSystem};
use ecsim::report::human;
use ecsim::scenario::load;
use ecsim::sim::Watch;
use ecsim::sim::outputs::Sinks;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

mod all;

/// Seeds that each variant runs under, from the scenario's own on: as many as `compare` takes.
const SEEDS: u32 = 10;
const REGION: &str = "us-east-1";

/// What is on trial: a metric of a variant, or its difference to that of the first one.
#[derive(Clone, Copy)]
enum Trial {
    Of(usize),
    Difference(usize),
}

/// A myth.
struct Myth {
    /// The scenario, without its ending.
    file: &'static str,
    /// What people say.
    said: &'static str,
    /// What the numbers of the table are.
    quantity: &'static str,
    /// Keys and their values, as `--vary` takes them.
    vary: &'static [(&'static str, &'static [&'static str])],
    /// What its variants are called, in the order of `compare`.
    variants: &'static [&'static str],
    /// Metrics to show; the first one is on trial.
    metrics: &'static [&'static str],
    trial: Trial,
    reckon: fn(&Runs) -> Reckoned,
}

/// What a calculator says, seed by seed, and how it comes to that.
struct Reckoned {
    by_seed: Vec<Exact>,
    how: String,
}

/// All runs of a myth.
struct Runs {
    variants: Vec<Variant>,
    comparison: Comparison,
    book: Catalogue,
    /// Length of a run.
    hours: f64,
}

/// A myth and what came of it.
pub(crate) struct Found {
    myth: &'static Myth,
    runs: Runs,
    how: String,
    calculator: Mean,
    ours: Mean,
    /// What was found less what the calculator says, seed by seed.
    off: Paired,
}

impl Runs {
    /// A metric of a variant, by seed.
    fn of(&self, variant: usize, metric: &str) -> Vec<Exact> {
        let measured =
            self.variants[variant].metric(metric).unwrap_or_else(|| panic!("no metric {metric}"));
        measured.by_seed.values().copied().collect()
    }

    /// Its mean.
    fn mean(&self, variant: usize, metric: &str) -> f64 {
        Mean::of(&self.of(variant, metric), Confidence::USUAL).unwrap().mean
    }

    /// What an instance costs an hour.
    fn ec2(&self, instance_type: &str) -> f64 {
        dollars(self.book.on_demand(REGION, instance_type).unwrap())
    }

    /// What a vCPU and what a GB of Fargate cost an hour.
    fn fargate(&self) -> (f64, f64) {
        let is_usual = |rate: &FargateRate| {
            (rate.os, rate.architecture) == (OperatingSystem::Linux, Architecture::X86_64)
        };
        // In order of purchase: On-Demand before Spot.
        let rate = self.book.fargate_rates(REGION).into_iter().find(is_usual).unwrap();
        (dollars(rate.vcpu), dollars(rate.memory_gb))
    }

    /// A number that does not depend on the seed.
    fn always(value: f64, how: String) -> Reckoned {
        let exact = Exact::parse(&format!("{value:.9}")).unwrap();
        Reckoned { by_seed: vec![exact; SEEDS as usize], how }
    }
}

fn dollars(rate: HourlyRate) -> f64 {
    rate.0 as f64 / 1e9
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

impl Myth {
    fn path(&self) -> PathBuf {
        root().join(format!("scenarios/myths/{}.toml", self.file))
    }

    /// The settings of each variant: every combination, the last key changing fastest, as `compare` has them.
    fn settings(&self) -> Vec<Vec<(String, String)>> {
        let mut all = vec![Vec::new()];
        for (key, values) in self.vary {
            let more = |one: &Vec<(String, String)>| {
                let with = |value: &&str| {
                    [one.as_slice(), &[((*key).to_string(), (*value).to_string())]].concat()
                };
                values.iter().map(with).collect::<Vec<_>>()
            };
            all = all.iter().flat_map(more).collect();
        }
        all
    }

    /// The command that prints the same.
    fn command(&self) -> String {
        let vary =
            self.vary.iter().map(|(key, values)| format!(" --vary '{key}={}'", values.join(",")));
        let (file, vary) = (self.file, vary.collect::<String>());
        let metrics = self.metrics.join(",");
        format!(
            "cargo run --release -- compare scenarios/myths/{file}.toml{vary} --metrics {metrics}"
        )
    }

    fn run(&self) -> Runs {
        let settings = self.settings();
        assert_eq!(settings.len(), self.variants.len(), "{}", self.file);
        let mut hours = 0.0;
        let variant = |(name, set): (&&str, &Vec<(String, String)>)| {
            let scenario = load(&self.path(), set).unwrap_or_else(|problems| panic!("{problems}"));
            hours = scenario.setup.horizon.expect("it has a duration").0 as f64 / 3.6e9;
            let one = |_, seed: Seed| -> (u64, Summary) {
                let watch = Watch { pulse: &Pulse::default(), check_every_event: false };
                (seed.0, run_one(&scenario, seed, Sinks::default(), watch).unwrap().summary)
            };
            let ran = replicate(scenario.setup.seed, SEEDS, 0, one).unwrap();
            let ran: Vec<(u64, &Summary)> = ran.iter().map(|(seed, of)| (*seed, of)).collect();
            Variant::of(name, &ran)
        };
        let variants: Vec<Variant> = self.variants.iter().zip(&settings).map(variant).collect();
        let names: Vec<String> = self.metrics.iter().map(|name| (*name).to_string()).collect();
        let comparison = compare(&variants, &names, Confidence::USUAL);
        Runs { variants, comparison, book: Catalogue::embedded(), hours }
    }
}

/// A myth by its number, from 1 on; run once, whoever asks.
pub(crate) fn found(number: usize) -> &'static Found {
    static FOUND: [OnceLock<Found>; all::MYTHS.len()] =
        [const { OnceLock::new() }; all::MYTHS.len()];
    FOUND[number - 1].get_or_init(|| Found::of(&all::MYTHS[number - 1]))
}

impl Found {
    fn of(myth: &'static Myth) -> Found {
        let runs = myth.run();
        let metric = myth.metrics[0];
        let ours = match myth.trial {
            Trial::Of(variant) => runs.of(variant, metric),
            Trial::Difference(variant) => {
                let pairs = runs.variants[0].pairs_with(&runs.variants[variant], metric);
                pairs.into_iter().map(|(base, other)| Exact(other.0 - base.0)).collect()
            }
        };
        let Reckoned { by_seed, how } = (myth.reckon)(&runs);
        assert_eq!((by_seed.len(), ours.len()), (SEEDS as usize, SEEDS as usize), "{}", myth.file);
        let pairs: Vec<(Exact, Exact)> =
            by_seed.iter().copied().zip(ours.iter().copied()).collect();
        let mean = |values: &[Exact]| Mean::of(values, Confidence::USUAL).unwrap();
        let (calculator, ours) = (mean(&by_seed), mean(&ours));
        let off = Paired::of(&pairs, Confidence::USUAL).unwrap();
        Found { myth, runs, how, calculator, ours, off }
    }

    /// That the interval of what was found holds nothing of what the calculator says, nor that of their difference 0.
    fn contradicts(&self) -> &Runs {
        let (file, calculator) = (self.myth.file, self.calculator.mean);
        let (low, high) = self.ours.ends();
        assert!(calculator < low || high < calculator, "{file}: {calculator} in {low} to {high}");
        assert!(self.off.p_value.expect("seeds differ") < 0.001, "{file}: {:?}", self.off);
        let (low, high) = self.off.difference.ends();
        assert!(low > 0.0 || high < 0.0, "{file}: off by {low} to {high}");
        &self.runs
    }

    fn unit(&self) -> &str {
        &self.runs.comparison.rows[0].unit
    }

    /// What was found by what the calculator says.
    fn factor(&self) -> f64 {
        self.ours.mean / self.calculator.mean
    }

    /// Its row of the table, but for its number.
    fn row(&self) -> String {
        let digits = digits(self.unit(), &self.ours);
        let calculator = amount(self.unit(), self.calculator.mean, digits);
        let ours = told(self.unit(), &self.ours);
        let factor = match self.calculator.mean {
            0.0 => "–".into(),
            _ => format!("× {}", human::decimal(self.factor(), 2)),
        };
        let Myth { said, quantity, .. } = self.myth;
        format!("| {said} | {quantity} | {calculator} | {ours} | {factor} |\n")
    }

    /// What its chapter has of numbers: how the calculator reckons, what the runs say, the command.
    fn chapter(&self) -> String {
        let mut out = format!("The calculator: {}\n\n| ecsim |", self.how);
        for variant in self.myth.variants {
            out += &format!(" {variant} |");
        }
        out += "\n| --- |";
        out += &" ---: |".repeat(self.myth.variants.len());
        for row in &self.runs.comparison.rows {
            out += &format!("\n| `{}` |", row.metric);
            for cell in &row.cells {
                out += &format!(" {} |", told(&row.unit, cell.mean.as_ref().unwrap()));
            }
        }
        if let Trial::Difference(variant) = self.myth.trial {
            let (name, difference) = (self.myth.variants[variant], told(self.unit(), &self.ours));
            out += &format!(
                "\n\n{name}, less {}, paired by seed: {difference}.",
                self.myth.variants[0]
            );
        }
        out + &format!("\n\n```sh\n{}\n```\n", self.myth.command())
    }
}

/// So many decimals that half an interval shows two digits; of money cents at least.
fn digits(unit: &str, mean: &Mean) -> usize {
    let least = if unit == "USD" { 2 } else { 1 };
    let half = mean.half_width.unwrap_or(1.0).max(1e-6);
    least.max((1.0 - half.log10().floor()).max(0.0) as usize)
}

/// A number with its unit.
fn amount(unit: &str, value: f64, digits: usize) -> String {
    let number = human::decimal(value, digits);
    match unit {
        "USD" => format!("${number}"),
        "%" | "s" => format!("{number} {unit}"),
        _ => number,
    }
}

/// A mean with half of its interval; `in all` where no seed differs.
fn told(unit: &str, mean: &Mean) -> String {
    let digits = digits(unit, mean);
    let whole = amount(unit, mean.mean, digits);
    match mean.half_width {
        None => format!("{whole} in all"),
        Some(half) if ["%", "s"].contains(&unit) => {
            format!("{} ± {}", human::decimal(mean.mean, digits), amount(unit, half, digits))
        }
        Some(half) => format!("{whole} ± {}", amount(unit, half, digits)),
    }
}

const HEADER: &str =
    "| myth | of what | calculator | ecsim | factor |\n| --- | --- | ---: | ---: | ---: |\n";

/// The page's texts between marks: name of the mark, text.
pub(crate) fn texts() -> Vec<(String, String)> {
    let numbers = 1..=all::MYTHS.len();
    let mut table =
        HEADER.replacen("| myth", "| | myth", 1).replacen("| --- |", "| ---: | --- |", 1);
    for number in numbers.clone() {
        table += &format!("| {number} {}", found(number).row());
    }
    table += &format!(
        "\nMeans of {SEEDS} seeds, ± half of a 95 % interval of Student's t. Of each row the difference to the calculator's \
         number, paired by seed, is not 0 at 99.9 %.\n"
    );
    let chapters = numbers.map(|number| (format!("myth {number:02}"), found(number).chapter()));
    std::iter::once(("table".to_string(), table)).chain(chapters).collect()
}

/// The rows that README shows.
pub(crate) fn striking() -> String {
    [2, 6, 7].into_iter().fold(HEADER.to_string(), |table, number| table + &found(number).row())
}
