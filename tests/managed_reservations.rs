//! Managed Instances and capacity reservations (`capacityOptionType` RESERVED): scenarios as text, run under all checks, each
//! bill worked out by hand. Tasks that wait are collected for 1 s; an instance is ACTIVE 30 s after its launch and billed
//! from 16 s on. A large box, with room for four tasks, is a tenth of a cent a second; a small one, with room for two, is two
//! thirds of that. ECS's own fee is nothing here.

use crate::support::fleet::{MANAGED, Moved, errors, run};

/// One zone, or two.
fn scenario(zones: &str, keys: &str, preference: &str, more: &str) -> String {
    let preference = match preference {
        "" => String::new(),
        word => format!("reservation_preference = \"RESERVATIONS_{word}\"\n"),
    };
    format!(
        r#"
[simulation]
region = "us-west-2"
duration = "1000s"

{MANAGED}
[[cluster]]
availability_zones = [{zones}]

[[capacity_provider]]
name = "mi"
instance_types = ["box.large", "box.small"]
{keys}
[capacity_provider.managed_instances]
fee_percent = 0
{preference}

[[task_definition]]
family = "web"
cpu = 1024
memory = 1024
network_mode = "host"
{more}
"#
    )
}

const ONE: &str = "\"us-west-2a\"";
const TWO: &str = "\"us-west-2a\", \"us-west-2b\"";
const STRATEGY: &str =
    "capacity_provider_strategy = [{ capacity_provider = \"mi\", weight = 1 }]\n";

/// So many tasks at 1 s, for a hundred seconds each.
fn tasks(count: u32) -> String {
    format!(
        "[[run_task]]\nname = \"jobs\"\ntask_definition = \"web\"\n{STRATEGY}[run_task.generate]\nper_second = 1\n\
         process = \"even\"\nlimit = 1\ncount = {count}\nduration = \"100s\"\n"
    )
}

/// A service with one task.
fn service() -> String {
    format!(
        "[[service]]\nname = \"web\"\ntask_definition = \"web\"\ndesired_count = 1\nstarts_running = false\n{STRATEGY}"
    )
}

/// Slots for large boxes.
fn slots(zone: &str, count: u32, more: &str) -> String {
    format!(
        "[[capacity_reservation]]\ninstance_type = \"box.large\"\navailability_zone = \"us-west-2{zone}\"\n\
         instance_count = {count}\n{more}\n"
    )
}

fn launches(ran: &Moved) -> Vec<[&str; 3]> {
    let launched = ran.fleet.iter().filter(|row| row["event"] == "launch");
    launched
        .map(|row| ["time_s", "instance_type", "availability_zone"].map(|of| row[of].as_str()))
        .collect()
}

fn failed(ran: &Moved) -> Vec<[&str; 2]> {
    let failed = ran.fleet.iter().filter(|row| row["event"] == "launch_failed");
    failed.map(|row| ["time_s", "reason"].map(|of| row[of].as_str())).collect()
}

#[test]
fn reservations_only_launches_into_slots_and_fails_where_they_are_full() {
    let ran = run(&scenario(ONE, "", "ONLY", &(tasks(6) + &slots("a", 1, ""))));
    // Four on the only slot. At 3 s the two others find none, though a small box were to be had; the four end at 134 s.
    assert_eq!(launches(&ran), [["2", "box.large", "us-west-2a"]]);
    assert_eq!(failed(&ran), [["3", "reservation_full"]]);
    assert_eq!(ran.number("launches_failed"), 1.0);
    assert_eq!(ran.of_tasks("placed_s"), ["32", "32", "32", "32", "135", "135"]);
    // The slot is paid for 1,000 s, whoever is in it.
    assert_eq!(ran.number("total_usd"), 1.0);
    let idle: f64 = ran.number("capacity_reservations_unused_usd");
    let until: f64 = ran.instances[0]["terminated_s"].parse().unwrap();
    assert!((idle - (1_000.0 - (until - 18.0)) / 1_000.0).abs() < 1e-9, "{idle}");
}

#[test]
fn a_launch_that_found_no_slot_is_tried_again_after_300_s() {
    // The second slot is there from 200 s on.
    let more =
        tasks(6).replace("100s", "900s") + &slots("a", 1, "") + &slots("a", 1, "from = \"200s\"");
    let ran = run(&scenario(ONE, "", "ONLY", &more));
    assert_eq!(failed(&ran), [["3", "reservation_full"]]);
    assert_eq!(launches(&ran)[1], ["303", "box.large", "us-west-2a"]);
    assert_eq!(ran.number("total_usd"), 1.8);
}

#[test]
fn slots_of_another_zone_are_tried_at_once() {
    // Eight tasks, four in each zone; but only zone a has slots, two of them.
    let ran = run(&scenario(TWO, "", "ONLY", &(tasks(8) + &slots("a", 2, ""))));
    assert_eq!(launches(&ran), [["2", "box.large", "us-west-2a"]; 2]);
    assert!(failed(&ran).is_empty());
}

#[test]
fn reservations_first_fills_slots_and_goes_on_on_demand() {
    let run_with = |word: &str| run(&scenario(ONE, "", word, &(tasks(6) + &slots("a", 1, ""))));
    let (first, excluded, none) = (run_with("FIRST"), run_with("EXCLUDED"), run_with(""));
    for ran in [&first, &excluded, &none] {
        let of = [["2", "box.large", "us-west-2a"], ["2", "box.small", "us-west-2a"]];
        assert_eq!(launches(ran), of);
        assert!(failed(ran).is_empty());
    }
    // The slot costs $1. Beside it the small box, or both.
    let of = |ran: &Moved, nth: usize| -> f64 { ran.instances[nth]["usd"].parse().unwrap() };
    let close = |one: f64, other: f64| assert!((one - other).abs() < 1e-8, "{one} {other}");
    close(first.number("total_usd"), 1.0 + of(&first, 1));
    close(none.number("total_usd"), first.number("total_usd"));
    close(excluded.number("total_usd"), 1.0 + of(&excluded, 0) + of(&excluded, 1));
    assert_eq!(excluded.number("capacity_reservations_utilization_percent"), 0.0);
}

#[test]
fn a_slot_comes_before_a_cheaper_type_and_is_not_left_for_one() {
    let more = service() + &slots("a", 1, "");
    let first = run(&scenario(ONE, "", "FIRST", &more));
    assert_eq!(launches(&first), [["1", "box.large", "us-west-2a"]]);
    assert!(
        first.event("draining").is_empty(),
        "a small box would be cheaper, were the slot not paid"
    );
    assert_eq!(first.number("total_usd"), 1.0);
    let none = run(&scenario(ONE, "", "", &more));
    assert_eq!(launches(&none), [["1", "box.small", "us-west-2a"]]);
    // A reservation that begins later takes the task in when its box has been quiet for 300 s.
    let later = service() + &slots("a", 1, "from = \"200s\"");
    let ran = run(&scenario(ONE, "", "FIRST", &later));
    assert_eq!(launches(&ran)[0], ["1", "box.small", "us-west-2a"]);
    assert_eq!(launches(&ran)[1][1], "box.large");
    assert_eq!(launches(&ran).len(), 2);
}

#[test]
fn what_is_reserved_can_be_had_in_a_shortage() {
    let keys = "shortages = [{ at = \"0s\", duration = \"900s\" }]";
    let ran = run(&scenario(ONE, keys, "FIRST", &(tasks(6) + &slots("a", 1, ""))));
    assert_eq!(launches(&ran), [["2", "box.large", "us-west-2a"]]);
    assert_eq!(failed(&ran)[0], ["2", "insufficient_capacity"]);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let spot = scenario(
        ONE,
        "purchase = \"spot\"\nspot_price_usd_per_hour = 1.0",
        "FIRST",
        &(tasks(1) + &slots("a", 1, "")),
    );
    insta::assert_snapshot!(errors(&spot), @r#"
    error: test.toml:43:1: `capacityOptionType` is either SPOT or RESERVED: Spot instances are in no slots
       |
    43 | reservation_preference = "RESERVATIONS_FIRST"
       | ^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: remove `purchase` of the capacity provider, or this
    "#);
    insta::assert_snapshot!(errors(&scenario(ONE, "", "ONLY", &tasks(1))), @r#"
    error: test.toml:42:1: no `[[capacity_reservation]]` is of a type and a zone that this provider may launch
       |
    42 | reservation_preference = "RESERVATIONS_ONLY"
       | ^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: declare one, or allow its `instance_type` and `availability_zone` here
    "#);
    let elsewhere = scenario(
        TWO,
        "availability_zones = [\"us-west-2a\"]",
        "ONLY",
        &(tasks(1) + &slots("b", 1, "")),
    );
    insta::assert_snapshot!(errors(&elsewhere), @r#"
    error: test.toml:42:1: no `[[capacity_reservation]]` is of a type and a zone that this provider may launch
       |
    42 | reservation_preference = "RESERVATIONS_ONLY"
       | ^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: declare one, or allow its `instance_type` and `availability_zone` here
    "#);
    let unknown = scenario(ONE, "", "LAST", &(tasks(1) + &slots("a", 1, "")));
    insta::assert_snapshot!(errors(&unknown), @r#"
    error: test.toml:42:26: unknown `reservation_preference` "RESERVATIONS_LAST"
       |
    42 | reservation_preference = "RESERVATIONS_LAST"
       |                          ^^^^^^^^^^^^^^^^^^^
       |
       = help: did you mean "RESERVATIONS_FIRST"? valid: "RESERVATIONS_ONLY", "RESERVATIONS_FIRST", "RESERVATIONS_EXCLUDED"
    "#);
}
