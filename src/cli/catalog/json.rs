//! The JSON of `ecsim catalog`: `"schema": "ecsim/1"`, to which later versions only add.

use crate::base::money::HourlyRate;
use crate::catalog::{Catalogue, FargatePrice, InstanceType, OnDemandPrice, SidePrice};
use serde::Serialize;

/// Version of the JSON layout; later ones only add.
const SCHEMA: &str = "ecsim/1";

/// Instance types, each with the prices asked for.
pub(super) fn types(
    catalogue: &Catalogue,
    types: impl Iterator<Item = (InstanceType, Vec<(String, OnDemandPrice)>)>,
) -> String {
    text(&TypesJson {
        schema: SCHEMA,
        catalog_version: catalogue.version(),
        instance_types: types.map(|(kind, prices)| type_json(catalogue, &kind, &prices)).collect(),
    })
}

/// Fargate prices by region, and every size.
pub(super) fn fargate(catalogue: &Catalogue, prices: &[(String, FargatePrice)]) -> String {
    text(&FargateJson {
        schema: SCHEMA,
        catalog_version: catalogue.version(),
        fargate_prices: prices.iter().map(fargate_price_json).collect(),
        fargate_sizes: fargate_sizes_json(catalogue),
    })
}

/// Prices of what is charged beside compute, by region.
pub(super) fn side(catalogue: &Catalogue, prices: &[(String, &'static str, SidePrice)]) -> String {
    let prices = prices.iter().map(|(region, item, price)| SidePriceJson {
        region: region.clone(),
        item,
        usd: usd(price.usd),
        per: price.per,
        basis: price.basis,
        as_of: price.as_of,
        is_assumed: price.is_assumed,
    });
    text(&SideJson {
        schema: SCHEMA,
        catalog_version: catalogue.version(),
        side_prices: prices.collect(),
    })
}

#[derive(Serialize)]
struct TypeJson {
    instance_type: String,
    family: String,
    arch: &'static str,
    vcpus: u32,
    memory_mib: u32,
    registered_cpu: u32,
    registered_memory_mib: u32,
    registered_memory_basis: &'static str,
    gpus: u16,
    neuron_devices: u16,
    max_enis: u16,
    awsvpc_tasks: u16,
    awsvpc_tasks_trunked: Option<u16>,
    baseline_bandwidth_mbps: u32,
    burstable: bool,
    bare_metal: bool,
    current_generation: bool,
    retired: bool,
    spot_supported: bool,
    prices: Vec<PriceJson>,
}

#[derive(Serialize)]
struct PriceJson {
    region: String,
    usd_per_hour: f64,
    as_of: &'static str,
    origin: &'static str,
    spot_usd_per_hour: Option<f64>,
    spot_is_assumed: Option<bool>,
    managed_fee_usd_per_hour: Option<f64>,
    managed_fee_is_assumed: Option<bool>,
}

#[derive(Serialize)]
struct TypesJson {
    schema: &'static str,
    catalog_version: String,
    instance_types: Vec<TypeJson>,
}

#[derive(Serialize)]
struct FargateJson {
    schema: &'static str,
    catalog_version: String,
    fargate_prices: Vec<FargatePriceJson>,
    fargate_sizes: Vec<FargateSizeJson>,
}

#[derive(Serialize)]
struct SideJson {
    schema: &'static str,
    catalog_version: String,
    side_prices: Vec<SidePriceJson>,
}

#[derive(Serialize)]
struct SidePriceJson {
    region: String,
    item: &'static str,
    usd: f64,
    per: &'static str,
    basis: &'static str,
    as_of: &'static str,
    is_assumed: bool,
}

#[derive(Serialize)]
struct FargatePriceJson {
    region: String,
    os: &'static str,
    arch: &'static str,
    purchase: String,
    usd_per_vcpu_hour: f64,
    usd_per_gb_hour: f64,
    usd_per_ephemeral_gb_hour: f64,
    usd_licence_per_vcpu_hour: f64,
    basis: &'static str,
    ephemeral_basis: &'static str,
    as_of: &'static str,
    origin: &'static str,
}

#[derive(Serialize)]
struct FargateSizeJson {
    cpu: u32,
    memory_mib: u32,
    windows: bool,
    newer: bool,
}

/// Dollars as a JSON number: the nearest float, whose shortest form is the decimal price again.
fn usd(rate: HourlyRate) -> f64 {
    rate.0 as f64 / 1e9
}

fn type_json(
    catalogue: &Catalogue,
    kind: &InstanceType,
    prices: &[(String, OnDemandPrice)],
) -> TypeJson {
    let registered = kind.resources(false);
    let prices = prices.iter().map(|(region, price)| {
        let spot = catalogue.ec2_spot_of(region, kind);
        let fee = catalogue.managed_fee_of(region, &kind.name);
        PriceJson {
            region: region.clone(),
            usd_per_hour: usd(price.rate),
            as_of: price.as_of,
            origin: price.origin,
            spot_usd_per_hour: spot.map(|(spot, _)| usd(spot)),
            spot_is_assumed: spot.map(|(_, is_assumed)| is_assumed),
            managed_fee_usd_per_hour: fee.map(|(fee, _)| usd(fee)),
            managed_fee_is_assumed: fee.map(|(_, is_assumed)| is_assumed),
        }
    });
    TypeJson {
        instance_type: kind.name.clone(),
        family: kind.family().to_owned(),
        arch: kind.architecture.attribute_value(),
        vcpus: kind.vcpus,
        memory_mib: kind.memory_mib,
        registered_cpu: registered.cpu,
        registered_memory_mib: registered.memory,
        registered_memory_basis: kind.registered_basis.name(),
        gpus: kind.gpus,
        neuron_devices: kind.neuron_devices,
        max_enis: kind.max_enis,
        awsvpc_tasks: kind.awsvpc_tasks,
        awsvpc_tasks_trunked: kind.awsvpc_tasks_trunked,
        baseline_bandwidth_mbps: kind.baseline_bandwidth_mbps,
        burstable: kind.burstable,
        bare_metal: kind.bare_metal,
        current_generation: kind.current_generation,
        retired: kind.retired,
        spot_supported: kind.spot_supported,
        prices: prices.collect(),
    }
}

fn text(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("plain structs are valid JSON");
    format!("{text}\n")
}

fn fargate_price_json((region, price): &(String, FargatePrice)) -> FargatePriceJson {
    FargatePriceJson {
        region: region.clone(),
        os: price.rate.os.attribute_value(),
        arch: price.rate.architecture.attribute_value(),
        purchase: price.rate.purchase.to_string(),
        usd_per_vcpu_hour: usd(price.rate.vcpu),
        usd_per_gb_hour: usd(price.rate.memory_gb),
        usd_per_ephemeral_gb_hour: usd(price.rate.ephemeral_gb),
        usd_licence_per_vcpu_hour: usd(price.rate.licence_vcpu),
        basis: price.basis.name(),
        ephemeral_basis: price.ephemeral_basis.name(),
        as_of: price.as_of,
        origin: price.origin,
    }
}

fn fargate_sizes_json(catalogue: &Catalogue) -> Vec<FargateSizeJson> {
    let sizes = catalogue.fargate_sizes().into_iter();
    let json = sizes.map(|size| FargateSizeJson {
        cpu: size.cpu,
        memory_mib: size.memory_mib,
        windows: size.windows,
        newer: size.newer,
    });
    json.collect()
}
