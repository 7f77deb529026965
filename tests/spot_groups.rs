//! Groups with `purchase = "spot"` and no mixed instances policy, of which EC2 takes instances back: they do as a policy
//! without On-Demand instances does, see `spot_interruption.rs`.

use crate::spot::{file, group};
use crate::support::fleet::{errors, jobs, run};

fn spot(keys: &str, interruption: &str) -> String {
    format!(
        "availability_zones = [\"us-east-1a\"]\nmax_size = 4\ndesired_capacity = 2\n\
         purchase = \"spot\"\nspot_discount_percent = 75\n{keys}\n\
         [capacity_provider.interruption]\n{interruption}\n"
    )
}

#[test]
fn an_instance_has_two_minutes_and_is_replaced() {
    // Two instances can be had, from 200 s to 300 s one.
    let trace = r#"{"metadata": {"gap_seconds": 100}, "data": [2, 2, 1, 2]}"#;
    let trace = file("plain-dip.json", trace);
    let availability = format!(
        "[[capacity_provider.interruption.availability]]\n\
         availability_zone = \"us-east-1a\"\ntrace = \"{trace}\"\n"
    );
    let ran = run(&group(&spot("", &availability), &jobs(4, "2000s")));
    let seconds = |event: &str| ran.event(event).iter().map(|(at, _)| *at).collect::<Vec<_>>();
    assert_eq!(seconds("interruption_notice"), [200.0]);
    assert_eq!(seconds("terminated"), [320.0]);
    assert_eq!(seconds("launch"), [320.0]);
    assert_eq!(ran.event("registered"), [(380.0, "boxes-2")]);
    assert_eq!((ran.number("tasks_lost"), ran.number("instances_interrupted")), (2.0, 1.0));
    // One costs nothing; the others 1000 s and 660 s of 0.90 $ an hour.
    assert_eq!(ran.number("ec2_usd"), 0.415);
    assert!(ran.of_instances("purchase").iter().all(|(_, how)| *how == "spot"));
}

#[test]
fn the_strategy_is_the_groups_own() {
    let types = |strategy: &str| {
        let keys = format!("instance_types = [\"box.large\", \"box.cheap\"]\n{strategy}");
        let ran = run(&group(&spot(&keys, "per_instance_hour = 0.0"), ""));
        let types = ran.of_instances("instance_type");
        types.iter().map(|(_, of)| of.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(types(""), ["box.large", "box.large"]);
    assert_eq!(types("allocation_strategy = \"lowest-price\""), ["box.cheap", "box.cheap"]);
}

#[test]
fn interruptions_of_what_is_not_spot_are_refused() {
    let on_demand = spot("", "").replace("purchase = \"spot\"\nspot_discount_percent = 75\n", "");
    let found = errors(&group(&on_demand, ""));
    assert!(
        found.contains("`interruption` is about a group with `purchase = \"spot\"`"),
        "{found}"
    );
    let found = errors(&group(&spot("", "above_max_price = true"), ""));
    assert!(found.contains("without `spot_max_price` of `mixed_instances`"), "{found}");
    // What is not known of a type is said once, not once in each zone.
    let advised = spot("", "spot_advisor = true")
        .replace("[\"us-east-1a\"]", "[\"us-east-1a\", \"us-east-1b\"]");
    let found = errors(&group(&advised, ""));
    assert_eq!(found.matches("says nothing about \"box.large\"").count(), 1, "{found}");
    let fixed = spot("", "").replace("max_size = 4\n", "");
    let found = errors(&group(&fixed, ""));
    assert!(found.contains("`interruption` without `max_size`"), "{found}");
}

#[test]
fn what_a_pool_loses_does_not_depend_on_the_traces_of_others() {
    let availability = |zone: &str, data: &str| {
        let text = format!("{{\"metadata\": {{\"gap_seconds\": 100}}, \"data\": {data}}}");
        format!(
            "[[capacity_provider.interruption.availability]]\n\
             availability_zone = \"{zone}\"\ntrace = \"{}\"\n",
            file("pool.json", &text)
        )
    };
    let lost = |traces: &str| -> Vec<String> {
        let zones = "availability_zones = [\"us-east-1a\", \"us-east-1b\"]\nmax_size = 16\n\
                     desired_capacity = 16";
        let one = "availability_zones = [\"us-east-1a\"]\nmax_size = 4\ndesired_capacity = 2";
        let ran = run(&group(&spot("", traces).replace(one, zones), &jobs(1, "10s")));
        let noticed = ran.event("interruption_notice");
        noticed.into_iter().map(|(_, instance)| instance.to_string()).collect()
    };
    let (first, second) =
        (availability("us-east-1a", "[20, 20]"), availability("us-east-1b", "[20, 4]"));
    let alone = lost(&second);
    assert_eq!(alone.len(), 4, "of eight four are left");
    assert_eq!(lost(&(first.clone() + &second)), alone);
    assert_eq!(lost(&(second + &first)), alone);
}
