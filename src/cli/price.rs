//! `ecsim price`: what one task of a definition costs, for people who have no scenario yet.

mod json;

use super::catalog::{CatalogFormat, open};
use super::screen::{align_right, table};
use super::validate::write;
use crate::base::text::visible;
use crate::catalog::{Basis, Catalogue};
use crate::experiment::quote::{HOURS_PER_MONTH, OnInstance, Question, Quote, quote};
use crate::model::platform::{Architecture, Purchase};
use crate::report::human;
use crate::scenario::{LoneDefinition, load_task_definition};
use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

/// What one task of a definition costs, on Fargate and on EC2
#[derive(clap::Args, Clone, Debug)]
#[command(
    after_help = "Examples:\n  aws ecs describe-task-definition --task-definition api | ecsim price -\n  \
        ecsim price api.json --region eu-west-1 --packing 60\n  ecsim price api.json --format json"
)]
pub struct PriceArgs {
    /// A task definition as ECS has it, JSON; - for standard input
    #[arg(value_name = "TASKDEF.json")]
    pub definition: PathBuf,
    /// Region of the prices
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    pub region: String,
    /// Percent of the tasks that would fit that an instance holds in the mean
    #[arg(long, value_name = "PERCENT", default_value_t = 70, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub packing: u32,
    /// Families of instances shown of each architecture
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    pub top: u32,
    /// Look at burstable types (T families), too: the task must live on their baseline
    #[arg(long)]
    pub burstable: bool,
    /// Instances have ENI trunking: more awsvpc tasks fit
    #[arg(long)]
    pub trunking: bool,
    /// A price file of your own, above the book; the last one wins
    #[arg(long = "price-file", value_name = "FILE")]
    pub price_files: Vec<PathBuf>,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t)]
    pub format: CatalogFormat,
}

/// Answers `args` on `out`; what is odd about price files is returned, for stderr.
///
/// # Errors
/// A text for stderr: an unknown region, a file that cannot be read, everything that is wrong in it, or an `out` that cannot
/// take the results. A reader that closed the pipe early is no error.
pub fn run(args: &PriceArgs, out: &mut dyn Write) -> Result<Vec<String>, String> {
    let (catalogue, mut warnings) =
        open(&args.price_files, Some(&args.region)).map_err(|failure| failure.to_string())?;
    super::catalog::known_region(&catalogue, &args.region)
        .map_err(|failure| failure.to_string())?;
    let mut task = load_task_definition(&args.definition).map_err(|found| found.to_string())?;
    warnings.append(&mut task.notes);
    let question = Question {
        region: &args.region,
        packing_percent: args.packing,
        with_burstable: args.burstable,
        with_trunking: args.trunking,
    };
    let answer = quote(&catalogue, &task.definition, &question);
    let text = match args.format {
        CatalogFormat::Json => json::quote(&catalogue, &task, &question, &answer),
        CatalogFormat::Human => human(&catalogue, &task, &question, &answer, args.top as usize),
    };
    write(out, &text).map_err(|error| format!("error: cannot write the results: {error}"))?;
    Ok(warnings)
}

fn human(
    catalogue: &Catalogue,
    task: &LoneDefinition,
    question: &Question<'_>,
    answer: &Quote,
    top: usize,
) -> String {
    let mut text = String::new();
    let definition = &task.definition;
    let ask = definition.demand;
    let gpus =
        if ask.gpus > 0 { format!(", {}", human::counted(ask.gpus, "GPU")) } else { String::new() };
    let _ = writeln!(
        text,
        "{}:{}: {} vCPU, {} MiB{gpus}, {}, in {}; a month has {HOURS_PER_MONTH} hours",
        visible(&definition.family),
        definition.revision,
        vcpus(ask.cpu),
        ask.memory,
        definition.platform.architecture.attribute_value(),
        question.region,
    );
    for constraint in &answer.open_constraints {
        let _ = writeln!(text, "not looked at: {}", visible(constraint));
    }
    fargate_text(&mut text, task, answer);
    match &answer.instances {
        None => text.push_str("\nEC2: the catalogue has prices of Linux only\n"),
        Some(_) => {
            let other = match definition.platform.architecture {
                Architecture::X86_64 => Architecture::Arm64,
                Architecture::Arm64 => Architecture::X86_64,
            };
            for architecture in [definition.platform.architecture, other] {
                let of_it = answer.families(architecture);
                let needs =
                    if architecture == other { ", if the image is built for it" } else { "" };
                let name = architecture.attribute_value();
                let _ = writeln!(text, "\nEC2 {name}{needs}: {}", cheapest(of_it.len(), top));
                if !of_it.is_empty() {
                    instances_text(&mut text, &of_it[..of_it.len().min(top)], question);
                }
            }
        }
    }
    let _ = writeln!(
        text,
        "\nPrices of compute alone: no volumes, addresses, balancers, logs or transfer. Spot of EC2 is assumed unless a \
         price file says it.\nCatalogue {}",
        catalogue.version()
    );
    text
}

fn cheapest(found: usize, top: usize) -> String {
    match found {
        0 => "no type with a price holds the task".to_owned(),
        _ if found > top => format!("the {top} cheapest of {found} families when full"),
        1 => "the one family that holds the task".to_owned(),
        _ => format!("{found} families, cheapest when full first"),
    }
}

fn vcpus(units: u32) -> String {
    format!("{}", f64::from(units) / 1024.0)
}

fn fargate_text(text: &mut String, task: &LoneDefinition, answer: &Quote) {
    let (cpu, memory) = match &answer.fargate_size {
        Ok(raised) => *raised,
        Err(why) => {
            let _ = writeln!(text, "\nFargate: {why}");
            return;
        }
    };
    let asked = task.definition.fargate_request;
    let is_exact = (cpu, memory) == asked;
    let _ = write!(text, "\nFargate: {} vCPU, {memory} MiB", vcpus(cpu));
    if !is_exact {
        let (asked, wanted) = asked;
        let _ = write!(text, ", the next size above {} vCPU, {wanted} MiB", vcpus(asked));
    }
    if !task.has_task_size {
        text.push_str(" (the task itself needs `cpu` and `memory` for it)");
    }
    text.push('\n');
    if answer.fargate.is_empty() {
        text.push_str(
            "no Fargate price of this platform is known there; a --price-file can give one\n",
        );
        return;
    }
    let mut rows =
        table(&["architecture", "purchase", "USD/h", "USD/month", "of it above the request"]);
    for offer in &answer.fargate {
        let month = offer.cost.hours(HOURS_PER_MONTH);
        let wasted = offer.wasted.hours(HOURS_PER_MONTH);
        let mark = if offer.basis == Basis::Derived { " *" } else { "" };
        rows.add_row([
            offer.architecture.attribute_value().to_owned(),
            format!("{}{mark}", purchase_name(offer.purchase)),
            format!("{:.5}", offer.cost.hours(1).to_f64()),
            format!("{:.2}", month.to_f64()),
            format!("{:.2}", wasted.to_f64()),
        ]);
    }
    align_right(&mut rows, 2..5);
    let _ = writeln!(text, "{rows}");
    if answer.fargate.iter().any(|offer| offer.basis == Basis::Derived) {
        text.push_str("* derived from another price: `ecsim catalog show fargate` says how\n");
    }
}

fn purchase_name(purchase: Purchase) -> &'static str {
    match purchase {
        Purchase::OnDemand => "On-Demand",
        Purchase::Spot => "Spot",
        other => other.name(),
    }
}

fn instances_text(text: &mut String, offers: &[&OnInstance], question: &Question<'_>) {
    let packing = question.packing_percent;
    let (packed, spot) = (format!("at {packing} %"), format!("Spot at {packing} %"));
    let mut rows = table(&[
        "type",
        "USD/h",
        "tasks",
        "bound by",
        "USD/task-month when full",
        &packed,
        &spot,
        "beats Fargate from",
    ]);
    for offer in offers {
        let month = |cost: crate::experiment::quote::Cost| {
            format!("{:.2}", cost.hours(HOURS_PER_MONTH).to_f64())
        };
        rows.add_row([
            offer.kind.name.clone(),
            offer.price.to_string(),
            offer.tasks.to_string(),
            offer.binds.to_owned(),
            month(offer.full),
            month(offer.packed),
            offer.packed_spot.map_or("-".to_owned(), month),
            match offer.break_even_permille {
                None => "-".to_owned(),
                Some(permille) if permille > 1_000 => "never".to_owned(),
                Some(permille) => format!("{}.{} %", permille / 10, permille % 10),
            },
        ]);
    }
    align_right(&mut rows, 1..3);
    align_right(&mut rows, 4..8);
    let _ = writeln!(text, "{rows}");
}
