//! The JSON of `ecsim price`: `"schema": "ecsim/1"`, to which later versions only add.

use crate::catalog::Catalogue;
use crate::experiment::quote::{Cost, HOURS_PER_MONTH, OnFargate, OnInstance, Question, Quote};
use crate::scenario::LoneDefinition;
use serde::Serialize;

/// The whole answer: every instance type that holds a task.
pub(super) fn quote(
    catalogue: &Catalogue,
    read: &LoneDefinition,
    question: &Question<'_>,
    answer: &Quote,
) -> String {
    let task = &read.definition;
    let ask = task.demand;
    let json = QuoteJson {
        schema: "ecsim/1",
        catalog_version: catalogue.version(),
        region: question.region,
        task_definition: format!("{}:{}", task.family, task.revision),
        arch: task.platform.architecture.attribute_value(),
        os: task.platform.os.attribute_value(),
        cpu: ask.cpu,
        memory_mib: ask.memory,
        gpus: ask.gpus,
        ephemeral_gib: task.ephemeral_gib,
        hours_per_month: HOURS_PER_MONTH as u32,
        packing_percent: question.packing_percent,
        has_task_size: read.has_task_size,
        fargate_cpu: task.fargate_request.0,
        fargate_memory_mib: task.fargate_request.1,
        open_constraints: &answer.open_constraints,
        fargate_size: answer
            .fargate_size
            .as_ref()
            .ok()
            .map(|&(cpu, memory_mib)| SizeJson { cpu, memory_mib }),
        fargate_refused: answer.fargate_size.as_ref().err().map(String::as_str),
        fargate: answer.fargate.iter().map(on_fargate).collect(),
        instances: answer.instances.iter().flatten().map(on_instance).collect(),
    };
    let text = serde_json::to_string_pretty(&json).expect("plain structs are valid JSON");
    format!("{text}\n")
}

#[derive(Serialize)]
struct QuoteJson<'a> {
    schema: &'static str,
    catalog_version: String,
    region: &'a str,
    task_definition: String,
    arch: &'static str,
    os: &'static str,
    cpu: u32,
    memory_mib: u32,
    gpus: u16,
    ephemeral_gib: u16,
    hours_per_month: u32,
    packing_percent: u32,
    /// Whether CPU and memory are written at task level, as Fargate needs them.
    has_task_size: bool,
    /// What Fargate must hold.
    fargate_cpu: u32,
    fargate_memory_mib: u32,
    open_constraints: &'a [String],
    fargate_size: Option<SizeJson>,
    fargate_refused: Option<&'a str>,
    fargate: Vec<FargateJson>,
    instances: Vec<InstanceJson>,
}

#[derive(Serialize)]
struct SizeJson {
    cpu: u32,
    memory_mib: u32,
}

#[derive(Serialize)]
struct FargateJson {
    arch: &'static str,
    purchase: String,
    basis: &'static str,
    usd_per_hour: f64,
    usd_per_month: f64,
    usd_per_month_above_request: f64,
}

#[derive(Serialize)]
struct InstanceJson {
    instance_type: String,
    arch: &'static str,
    usd_per_instance_hour: f64,
    tasks: u32,
    bound_by: &'static str,
    usd_per_task_month_full: f64,
    usd_per_task_month_packed: f64,
    usd_per_task_month_packed_spot: Option<f64>,
    break_even_packing_percent: Option<f64>,
}

fn month(cost: Cost) -> f64 {
    cost.hours(HOURS_PER_MONTH).to_f64()
}

fn on_fargate(offer: &OnFargate) -> FargateJson {
    FargateJson {
        arch: offer.architecture.attribute_value(),
        purchase: offer.purchase.to_string(),
        basis: offer.basis.name(),
        usd_per_hour: offer.cost.hours(1).to_f64(),
        usd_per_month: month(offer.cost),
        usd_per_month_above_request: month(offer.wasted),
    }
}

fn on_instance(offer: &OnInstance) -> InstanceJson {
    InstanceJson {
        instance_type: offer.kind.name.clone(),
        arch: offer.kind.architecture.attribute_value(),
        usd_per_instance_hour: offer.price.0 as f64 / 1e9,
        tasks: offer.tasks,
        bound_by: offer.binds,
        usd_per_task_month_full: month(offer.full),
        usd_per_task_month_packed: month(offer.packed),
        usd_per_task_month_packed_spot: offer.packed_spot.map(month),
        break_even_packing_percent: offer
            .break_even_permille
            .map(|permille| permille as f64 / 10.0),
    }
}
