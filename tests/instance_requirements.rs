//! Attribute-based selection of instance types with price protection: which types, how they are bought, what is refused.
//!
//! The types of the catalogue with 4 vCPUs and 32 GiB in us-east-1 on x86 begin so, in dollars an hour: r5a.xlarge
//! 0.226, r6a.xlarge 0.2268, r5.xlarge and r6i.xlarge 0.252 (previous generation), r5ad.xlarge 0.262, r8i-flex.xlarge
//! 0.26394, r7i.xlarge 0.2646, r8i.xlarge 0.27784.

use crate::support::fleet::{LATENCY, WEB, errors, run};
use ecsim::scenario::load_text;
use std::path::Path;

fn group(requirements: &str, policy: &str, more: &str) -> String {
    format!(
        r#"
[simulation]
region = "us-east-1"
duration = "1000s"

{LATENCY}

[[cluster]]
availability_zones = ["us-east-1a", "us-east-1b"]

[[capacity_provider]]
name = "boxes"
max_size = 8
desired_capacity = 4
spot_discount_percent = 50
{more}

[capacity_provider.mixed_instances]
{policy}

[capacity_provider.mixed_instances.instance_requirements]
min_vcpus = 4
max_vcpus = 4
min_memory = "32 GiB"
max_memory = "32 GiB"
{requirements}

{WEB}
"#
    )
}

/// What `ecsim validate` says of the types.
fn selected(text: &str) -> [Vec<String>; 2] {
    let scenario = load_text(text, "test.toml", Path::new("."), &[]).unwrap();
    let note = scenario.notes.iter().find(|note| note.contains("meet the")).unwrap();
    let names = |part: &str| -> Vec<String> {
        let list = part.split_once('(').map_or("", |(_, list)| list);
        let list = list.trim_end_matches(')').split(", ");
        list.filter(|name| !name.is_empty()).map(str::to_string).collect()
    };
    let (on_demand, spot) = note.split_once("; Spot").unwrap();
    [names(on_demand), names(spot)]
}

#[test]
fn on_demand_types_cost_a_fifth_more_than_the_cheapest_at_most() {
    // 1.2 times 0.226 are 0.2712.
    let [on_demand, _] = selected(&group("", "", ""));
    let all = ["r5.xlarge", "r5a.xlarge", "r5ad.xlarge", "r6a.xlarge", "r6i.xlarge", "r7i.xlarge"];
    assert_eq!(on_demand, [&all[..], &["r8i-flex.xlarge"]].concat());
    let [on_demand, _] = selected(&group("instance_generations = [\"current\"]", "", ""));
    let current = ["r5a.xlarge", "r5ad.xlarge", "r6a.xlarge", "r7i.xlarge", "r8i-flex.xlarge"];
    assert_eq!(on_demand, current);
    let key = "on_demand_max_price_percentage_over_lowest_price";
    assert_eq!(selected(&group(&format!("{key} = 0"), "", ""))[0], ["r5a.xlarge"]);
    assert_eq!(selected(&group(&format!("{key} = 1"), "", ""))[0], ["r5a.xlarge", "r6a.xlarge"]);
    assert_eq!(selected(&group(&format!("{key} = 999999"), "", ""))[0].len(), 29);
    let excluded = format!("{key} = 1\nexcluded_instance_types = [\"r5*\"]");
    // Now r6a.xlarge is the cheapest.
    assert_eq!(selected(&group(&excluded, "", ""))[0], ["r6a.xlarge"]);
    let allowed = format!("{key} = 1\nallowed_instance_types = [\"r7*\", \"i*\"]");
    assert_eq!(selected(&group(&allowed, "", ""))[0], ["r7i.xlarge"]);
}

#[test]
fn spot_types_cost_twice_the_cheapest_at_most_or_a_share_of_its_on_demand_price() {
    // At half of On-Demand the cheapest costs 0.113: 0.226 are allowed, which i3en.xlarge at 0.452 just keeps to.
    let [_, spot] = selected(&group("", "", ""));
    assert_eq!(spot.len(), 25);
    assert!(spot.contains(&"i3en.xlarge".to_string()) && !spot.contains(&"d3.xlarge".to_string()));
    let key = "spot_max_price_percentage_over_lowest_price";
    assert_eq!(selected(&group(&format!("{key} = 0"), "", ""))[1], ["r5a.xlarge"]);
    // 50 % of 0.226 are 0.113, 51 % are 0.11526: r6a.xlarge costs 0.1134 as Spot, r5.xlarge 0.126.
    let key = "max_spot_price_as_percentage_of_optimal_on_demand_price";
    assert_eq!(selected(&group(&format!("{key} = 50"), "", ""))[1], ["r5a.xlarge"]);
    let two = ["r5a.xlarge", "r6a.xlarge"];
    assert_eq!(selected(&group(&format!("{key} = 51"), "", ""))[1], two);
    assert_eq!(selected(&group(&format!("{key} = 51"), "", ""))[0].len(), 7, "On-Demand as before");
}

#[test]
fn attributes_narrow_the_choice() {
    let none = "on_demand_max_price_percentage_over_lowest_price = 999999";
    let of = |keys: &str| {
        let text = group(&format!("{none}\n{keys}"), "", "");
        selected(&text)[0].clone()
    };
    let arm = of("cpu_architectures = [\"ARM64\"]");
    assert!(arm.contains(&"r7g.xlarge".to_string()) && !arm.contains(&"r7i.xlarge".to_string()));
    let both = of("cpu_architectures = [\"ARM64\", \"X86_64\"]");
    assert_eq!(both.len(), arm.len() + 29);
    let text = group(&format!("{none}\nburstable_performance = \"required\""), "", "");
    let burstable = text.replace("min_memory = \"32 GiB\"", "").replace("\"32 GiB\"", "\"16 GiB\"");
    let found = selected(&burstable)[0].clone();
    assert!(!found.is_empty() && found.iter().all(|name| name.starts_with('t')), "{found:?}");
    let text = group(&format!("{none}\nmin_accelerators = 1"), "", "")
        .replace("min_memory = \"32 GiB\"\nmax_memory = \"32 GiB\"", "");
    let found = selected(&text)[0].clone();
    assert!(found.contains(&"g6.xlarge".to_string()), "{found:?}");
    assert!(!found.contains(&"r5a.xlarge".to_string()));
    let text = group(&format!("{none}\nmax_memory_gib_per_vcpu = 2"), "", "")
        .replace("min_memory = \"32 GiB\"\nmax_memory = \"32 GiB\"", "");
    let found = selected(&text)[0].clone();
    assert!(found.contains(&"c5.xlarge".to_string()) && !found.contains(&"m5.xlarge".to_string()));
}

#[test]
fn a_group_launches_what_price_protection_leaves() {
    // The cheapest, On-Demand as in the API's default for attributes.
    let ran = run(&group("", "", ""));
    let types = ran.of_instances("instance_type");
    assert_eq!(types.len(), 4);
    assert!(types.iter().all(|(_, of)| *of == "r5a.xlarge"), "{types:?}");
    // 1000 s of four at 0.226 $/h.
    assert_eq!(ran.number("ec2_usd"), 0.251111111);
    // Spot over the two cheapest pools of each zone; On-Demand protection at 0 does not matter to them.
    let key = "on_demand_max_price_percentage_over_lowest_price = 0";
    let ran = run(&group(key, "on_demand_percentage_above_base_capacity = 0", ""));
    let mut types: Vec<&str> = ran.of_instances("instance_type").iter().map(|(_, t)| *t).collect();
    types.sort_unstable();
    assert_eq!(types, ["r5a.xlarge", "r5a.xlarge", "r6a.xlarge", "r6a.xlarge"]);
    // Where the cheapest is out of capacity the next one comes, within the protection; with 0 there is none.
    let short = "shortages = [{ at = \"0s\", duration = \"400s\", \
        instance_type = \"r5a.xlarge\" }]\n\
        scheduled_actions = [{ at = \"100s\", desired_capacity = 4 }]\n";
    let late = |key: &str| {
        run(&group(key, "", short)
            .replace("desired_capacity = 4\nspot", "desired_capacity = 0\nspot"))
    };
    let ran = late("");
    assert_eq!(ran.of_instances("instance_type").len(), 4);
    assert!(ran.of_instances("instance_type").iter().all(|(_, of)| *of == "r6a.xlarge"));
    // It tries at 100, 160, 280 and 520 s.
    let ran = late(key);
    let seconds: Vec<f64> = ran.event("launch").iter().map(|(at, _)| *at).collect();
    assert_eq!(seconds, [520.0; 4]);
}

#[test]
fn price_protection_of_managed_instances_counts_with_the_spot_prices_that_are_given() {
    let types = |price: &str, percent: u32| {
        let text = format!(
            "[simulation]\nregion = \"us-east-1\"\nduration = \"10s\"\n{WEB}\n\
             [[capacity_provider]]\nname = \"own\"\npurchase = \"spot\"\n{price}\n\
             [capacity_provider.managed_instances.instance_requirements]\n\
             min_vcpus = 4\nmax_vcpus = 4\nmin_memory = \"32 GiB\"\nmax_memory = \"32 GiB\"\n\
             cpu_architectures = [\"X86_64\"]\n\
             spot_max_price_percentage_over_lowest_price = {percent}\n"
        );
        let scenario = load_text(&text, "test.toml", Path::new("."), &[]).unwrap();
        let note = scenario.notes.iter().find(|note| note.contains("meet the")).unwrap();
        let list = note.split_once('(').unwrap().1.trim_end_matches(')');
        list.split(", ").map(str::to_string).collect::<Vec<_>>()
    };
    let all = types("spot_price_usd_per_hour = 0.05", 999_999);
    assert!(all.len() > 10, "{all:?}");
    // All of them cost the same, none more than the cheapest.
    assert_eq!(types("spot_price_usd_per_hour = 0.05", 0), all);
    // At half of On-Demand the cheapest On-Demand type is the cheapest.
    assert_eq!(types("spot_discount_percent = 50", 0), ["r5a.xlarge"]);
}

#[test]
fn bad_requirements_are_refused() {
    let cases = [
        ("min_memory_gib_per_vcpu = 9\nmax_memory_gib_per_vcpu = 8", "", "", "is above"),
        ("min_accelerators = 2\nmax_accelerators = 1", "", "", "`min_accelerators` 2 is above"),
        ("min_accelerators = 16", "", "", "no instance type with a price in us-east-1"),
        (
            "allowed_instance_types = [\"m*\"]\nexcluded_instance_types = [\"m5*\"]",
            "",
            "",
            "`excluded_instance_types` and `allowed_instance_types` exclude each other",
        ),
        (
            "spot_max_price_percentage_over_lowest_price = 1\n\
             max_spot_price_as_percentage_of_optimal_on_demand_price = 50",
            "",
            "",
            "exclude each other",
        ),
        ("", "", "instance_types = [\"m5.large\"]", "`instance_types` and `instance_requirements`"),
        ("", "", "usd_per_hour = 1", "`usd_per_hour` and `instance_requirements` exclude"),
        ("", "on_demand_allocation_strategy = \"prioritized\"", "", "attributes have no order"),
        (
            "",
            "spot_allocation_strategy = \"capacity-optimized-prioritized\"",
            "",
            "attributes have no order",
        ),
        ("instance_generations = [\"next\"]", "", "", "previous"),
    ];
    for (requirements, policy, more, message) in cases {
        let found = errors(&group(requirements, policy, more));
        assert!(found.contains(message), "{requirements} {policy} {more}: {found}");
    }
}
