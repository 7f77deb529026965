//! On-Demand and Spot instances in one group, from end to end: scenarios as text, run under all checks.
//!
//! An instance is ACTIVE 60 s after it was needed, and runs 20 s after. A large box costs 3.60 $ an hour On-Demand, a
//! tenth of a cent a second, a small one half of that; Spot costs a quarter of it where nothing else is said.

use crate::support::fleet::{BOXES, LATENCY, Moved, WEB, errors, run};
use crate::support::services::Cells;
use std::sync::atomic::{AtomicU32, Ordering};

/// A group of boxes with room for two tasks each, in two zones.
pub fn group(keys: &str, more: &str) -> String {
    format!(
        r#"
[simulation]
region = "us-east-1"
duration = "1000s"
sample_interval = "10s"

{LATENCY}

[service_scheduler]
reaction = "1s"

{BOXES}

[[capacity_provider]]
name = "boxes"
{types}
{spot}
{keys}

{WEB}
{more}
"#,
        types =
            if keys.contains("instance_types") { "" } else { "instance_types = [\"box.large\"]" },
        spot = if keys.contains("spot_price") || !keys.contains("mixed") {
            ""
        } else {
            "spot_discount_percent = 75"
        }
    )
}

pub fn action(at: u32, sizes: &str) -> String {
    format!("[[capacity_provider.scheduled_actions]]\nat = \"{at}s\"\n{sizes}\n")
}

fn mixed(keys: &str) -> String {
    format!("[capacity_provider.mixed_instances]\n{keys}\n")
}

/// The purchase options of the instances in order of their launch, `D` for On-Demand and `S` for Spot.
fn purchases(ran: &Moved) -> String {
    let letter = |(_, how): &(&str, &str)| if *how == "spot" { 'S' } else { 'D' };
    ran.of_instances("purchase").iter().map(letter).collect()
}

/// A file for one run: tests run side by side, and a trace must not change while it is read.
pub fn file(name: &str, text: &str) -> String {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let number = FILES.fetch_add(1, Ordering::Relaxed);
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("{number}-{name}"));
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn the_base_and_the_percentage_above_it_are_on_demand_and_each_pays_its_price() {
    let policy = mixed(
        "on_demand_base_capacity = 1\non_demand_percentage_above_base_capacity = 50\n\
         spot_allocation_strategy = \"price-capacity-optimized\"",
    );
    let sizes = "max_size = 4\ndesired_capacity = 2\n".to_string()
        + &policy
        + &action(100, "desired_capacity = 4");
    let ran = run(&group(&sizes, ""));
    // Of 2: the base and half of one, rounded up, so both are On-Demand. Of 4: the base and half of 3, rounded up: 3.
    assert_eq!(purchases(&ran), "DDDS");
    let launches: Vec<(&str, &str)> = ran
        .fleet
        .iter()
        .filter(|row| row["event"] == "launch")
        .map(|row| (row["instance_id"].as_str(), row["purchase"].as_str()))
        .collect();
    assert_eq!(launches, [("boxes-2", "on_demand"), ("boxes-3", "spot")]);
    // On-Demand: twice 1000 s and once 880 s of a tenth of a cent; Spot: 880 s of a quarter of that.
    let costs: Vec<&str> = ran.of_instances("usd").into_iter().map(|(_, usd)| usd).collect();
    assert_eq!(costs, ["1.000000000", "1.000000000", "0.880000000", "0.220000000"]);
    assert_eq!(ran.number("ec2_usd"), 3.1);
    let lines = ran.result.invoice.lines.iter();
    let told: Vec<(String, i128)> =
        lines.map(|line| (format!("{:?}", line.category), line.usd.0)).collect();
    assert_eq!(
        told,
        [("Ec2OnDemand".into(), 2_880_000_000), ("Ec2Spot".into(), 220_000_000)],
        "the bill tells them apart"
    );
    assert_eq!(ran.at(150.0)["usd_per_hour"], "11.7", "3 × 3.60 and 0.90");
}

#[test]
fn what_stands_in_the_table_of_shares_comes_out_of_a_run() {
    // AS-20, AS-21, AS-23, AS-24: 10, 20 instances → On-Demand.
    for (base, percent, of_10, of_20) in
        [(10, 50, 10, 15), (0, 0, 0, 0), (0, 100, 10, 20), (12, 0, 10, 12)]
    {
        let policy = mixed(&format!(
            "on_demand_base_capacity = {base}\non_demand_percentage_above_base_capacity = {percent}"
        ));
        let sizes = "max_size = 20\ndesired_capacity = 10\n".to_string() + &policy;
        let count = |text: &str| purchases(&run(text)).matches('D').count();
        assert_eq!(count(&group(&sizes, "")), of_10, "{base}, {percent}");
        // What grows to 20 has as many On-Demand ones as what begins there, never less than it had.
        let grown = sizes.clone() + &action(100, "desired_capacity = 20");
        assert_eq!(count(&group(&grown, "")), of_20.max(of_10), "{base}, {percent}");
        let at_once = sizes.replace("desired_capacity = 10", "desired_capacity = 20");
        assert_eq!(count(&group(&at_once, "")), of_20, "{base}, {percent}");
    }
}

#[test]
fn scale_in_keeps_the_share() {
    let policy = mixed("on_demand_percentage_above_base_capacity = 50");
    let sizes = "max_size = 4\ndesired_capacity = 4\ntermination_policies = [\"NewestInstance\"]\n"
        .to_string()
        + &policy
        + &action(100, "desired_capacity = 2")
        + &action(200, "desired_capacity = 1");
    let ran = run(&group(&sizes, ""));
    assert_eq!(purchases(&ran), "DDSS");
    // 3 take two On-Demand, so a Spot one goes first; of 2 one is On-Demand; of 1 it is On-Demand.
    let ended: Vec<(f64, &str)> = ran.event("terminated");
    assert_eq!(ended.len(), 3);
    let kinds: Vec<&str> = ran
        .fleet
        .iter()
        .filter(|row| row["event"] == "terminated")
        .map(|row| row["purchase"].as_str())
        .collect();
    assert_eq!(kinds, ["spot", "on_demand", "spot"]);
}

/// The types of the first Spot instances in `us-east-1a`, four over two zones.
fn types_by(strategy: &str, prices: [&str; 2], pools: &str) -> Vec<String> {
    let name = format!("pools-{}.csv", strategy.len() * 100 + pools.len() + prices[0].len());
    let rows = |zone: &str| {
        format!("0,{zone},box.large,{}\n0,{zone},box.cheap,{}\n", prices[0], prices[1])
    };
    let text = format!(
        "time_s,availability_zone,instance_type,usd_per_hour\n{}{}",
        rows("us-east-1a"),
        rows("us-east-1b")
    );
    let sizes = format!(
        "instance_types = [\"box.large\", \"box.cheap\"]\nmax_size = 8\ndesired_capacity = 8\n\
         spot_prices = \"{}\"\n{}",
        file(&name, &text),
        mixed(&format!("on_demand_percentage_above_base_capacity = 0\n{strategy}\n{pools}"))
    );
    let ran = run(&group(&sizes, ""));
    let in_a: Vec<&Cells> =
        ran.instances.iter().filter(|row| row["availability_zone"] == "us-east-1a").collect();
    assert_eq!(in_a.len(), 4, "zones are even");
    in_a.iter().map(|row| row["instance_type"].clone()).collect()
}

#[test]
fn the_spot_strategy_says_from_which_pool_instances_come() {
    let score = |large: u32, cheap: u32| {
        format!(
            "[[capacity_provider.mixed_instances.pools]]\ninstance_type = \"box.large\"\nscore = {large}\n\
             [[capacity_provider.mixed_instances.pools]]\ninstance_type = \"box.cheap\"\nscore = {cheap}\n"
        )
    };
    let (large, cheap) = ("box.large", "box.cheap");
    let prices = ["0.5", "0.9"];
    // The API's default: evenly over the two cheapest pools; with one pool all from the cheapest.
    assert_eq!(types_by("", prices, ""), [large, cheap, large, cheap]);
    assert_eq!(types_by("spot_instance_pools = 1", prices, ""), [large; 4]);
    let by = |name: &str| format!("spot_allocation_strategy = \"{name}\"");
    assert_eq!(types_by(&by("capacity-optimized"), prices, &score(2, 9)), [cheap; 4]);
    assert_eq!(types_by(&by("capacity-optimized"), prices, &score(9, 9)), [large; 4]);
    // Among equal scores the list decides, not the price.
    let prioritized = by("capacity-optimized-prioritized");
    assert_eq!(types_by(&prioritized, ["0.9", "0.5"], &score(9, 9)), [large; 4]);
    // The cheapest of the pools whose score is at most one below the best.
    let both = by("price-capacity-optimized");
    assert_eq!(types_by(&both, prices, &score(8, 9)), [large; 4]);
    assert_eq!(types_by(&both, prices, &score(7, 9)), [cheap; 4]);
}

#[test]
fn above_its_highest_price_spot_is_not_launched_and_tried_again_later_and_later() {
    let prices = file(
        "falls.csv",
        "time_s,availability_zone,instance_type,usd_per_hour\n\
         0,us-east-1a,box.large,2\n400,us-east-1a,box.large,1\n700,us-east-1a,box.large,3\n",
    );
    let sizes = format!(
        "availability_zones = [\"us-east-1a\"]\nmax_size = 4\ndesired_capacity = 3\nspot_prices = \"{prices}\"\n{}",
        mixed(
            "on_demand_base_capacity = 1\non_demand_percentage_above_base_capacity = 0\nspot_max_price = 1.5"
        )
    );
    let ran = run(&group(&sizes, ""));
    // Tried at 0, 60, 180 and 420 s: after 1, 2 and 4 minutes. The price falls at 400 s.
    let failed: Vec<&Cells> =
        ran.fleet.iter().filter(|row| row["event"] == "launch_failed").collect();
    let times: Vec<&str> = failed.iter().map(|row| row["time_s"].as_str()).collect();
    assert_eq!(times, ["0", "60", "180"]);
    assert_eq!(failed[0]["reason"], "price_above_spot_max_price");
    assert_eq!(ran.event("launch"), [(420.0, "boxes-1"), (420.0, "boxes-2")]);
    assert_eq!(ran.number("launches_failed"), 3.0);
    assert_eq!(purchases(&ran), "DSS", "the On-Demand one did not wait");
    // From 440 s: 260 s at 1 $ and, once launched, 300 s at 3 $ an hour.
    let usd = ran.of_instances("usd")[1].1;
    assert_eq!(usd, "0.322222222");
}

#[test]
fn a_change_by_hand_is_tried_at_once() {
    let sizes = "max_size = 4\ndesired_capacity = 1\nspot_price_usd_per_hour = 2\n".to_string()
        + &mixed("on_demand_percentage_above_base_capacity = 0\nspot_max_price = 1")
        + &action(90, "desired_capacity = 2");
    let ran = run(&group(&sizes, ""));
    let failed: Vec<&str> = ran
        .fleet
        .iter()
        .filter(|row| row["event"] == "launch_failed")
        .map(|row| row["time_s"].as_str())
        .collect();
    // 0, 60 (a minute), then 90 by hand and 4, 8 minutes after that.
    assert_eq!(failed, ["0", "60", "90", "330", "810"]);
}

#[test]
fn what_a_mixed_group_does_not_take_is_said() {
    let told = |keys: &str, policy: &str| {
        errors(&group(&format!("max_size = 2\n{keys}\n{}", mixed(policy)), ""))
    };
    assert!(told("purchase = \"spot\"", "").contains("`purchase` and `mixed_instances` exclude"));
    assert!(
        told("allocation_strategy = \"lowest-price\"", "")
            .contains("= help: use its `on_demand_allocation_strategy`")
    );
    let pools = "spot_allocation_strategy = \"capacity-optimized\"\nspot_instance_pools = 3";
    assert!(told("", pools).contains("`spot_instance_pools` is about \"lowest-price\""));
    assert!(told("", "spot_instance_pools = 21").contains("`spot_instance_pools`"));
    assert!(
        told("", "on_demand_percentage_above_base_capacity = 101")
            .contains("`on_demand_percentage_above_base_capacity`")
    );
    let pool = |keys: &str| format!("[[capacity_provider.mixed_instances.pools]]\n{keys}\n");
    let kind = pool("instance_type = \"box.larg\"");
    let text = told("", &kind);
    assert!(text.contains("\"box.larg\" is not among the `instance_types`"), "{text}");
    assert!(text.contains("did you mean"), "{text}");
    let zone = pool("instance_type = \"box.large\"\navailability_zone = \"us-east-1f\"");
    assert!(told("", &zone).contains("is not among the group's Availability Zones"));
    let score = pool("instance_type = \"box.large\"\nscore = 101");
    assert!(told("", &score).contains("`score`"));
    let none = group(&("max_size = 2\n".to_string() + &mixed("")), "")
        .replace("spot_discount_percent = 75", "");
    assert!(errors(&none).contains("no Spot price of \"box.large\""));
    let fixed = group(&("desired_capacity = 2\n".to_string() + &mixed("")), "");
    assert!(errors(&fixed).contains("`mixed_instances` without `max_size`"));
}
