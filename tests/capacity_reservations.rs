//! On-Demand Capacity Reservations from end to end: bills worked out by hand.

use crate::support::fleet::{BOXES, HEAD, LATENCY, WEB, cost_lines, errors, jobs, run};
use ecsim::report::bill_tables;

/// So many boxes at 3.60 $ an hour, a tenth of a cent a second, in one zone.
fn boxes(count: u32, more: &str) -> String {
    format!(
        "{HEAD}{BOXES}{WEB}{LATENCY}\n[[capacity_provider]]\nname = \"boxes\"\navailability_zones = [\"us-east-1a\"]\n\
         instance_types = [\"box.large\"]\ndesired_capacity = {count}\n{more}"
    )
}

fn reserved(count: u32, more: &str) -> String {
    format!(
        "[[capacity_reservation]]\ninstance_type = \"box.large\"\navailability_zone = \"us-east-1a\"\n\
         instance_count = {count}\n{more}\n"
    )
}

#[test]
fn pr_49_of_twenty_reserved_slots_fifteen_have_an_instance_and_five_are_paid_unused() {
    let ran = run(&boxes(15, &reserved(20, "")));
    assert_eq!(
        cost_lines(&ran),
        ["ec2_on_demand idle 15000 15", "capacity_reservation_unused idle 5000 5"]
    );
    assert_eq!(ran.number("total_usd"), 20.0);
    assert_eq!(ran.number("capacity_reservations_utilization_percent"), 75.0);
    assert_eq!(ran.number("capacity_reservations_unused_usd"), 5.0);
    let table = String::from_utf8(bill_tables::commitments(&ran.result).unwrap()).unwrap();
    let row = "capacity-1,capacity_reservation,box.large,20.000000000,15.000000000,75.0000,15.000000000,-5.000000000";
    assert_eq!(table.lines().nth(1), Some(row));
    // Another zone's instances use none of them.
    let elsewhere = reserved(20, "").replace("us-east-1a", "us-east-1b");
    assert_eq!(run(&boxes(15, &elsewhere)).number("total_usd"), 35.0);
}

#[test]
fn pr_48_a_reservation_is_paid_by_the_second_while_it_lasts() {
    let text = boxes(0, &reserved(1, "from = \"1h\"\nuntil = \"25h 15m\""))
        .replace("duration = \"1000s\"", "duration = \"3d\"");
    // 24.25 h at 3.60 $.
    let ran = run(&text);
    assert_eq!(cost_lines(&ran), ["capacity_reservation_unused idle 87300 87.3"]);
}

#[test]
fn pr_50_a_slot_that_is_empty_at_first_and_occupied_then_costs_the_same_throughout() {
    // At 0.10 $ an hour for 5 h: an instance comes for a task that is wanted after the first hour.
    let job = jobs(1, "5h").replace(
        "on_failure = \"queue\"",
        "capacity_provider_strategy = [{ capacity_provider = \"boxes\", weight = 1 }]",
    );
    let job = job.replace("per_second = 1", "per_second = 0.000277777");
    let group = "max_size = 1\nmanaged_scaling = { status = \"ENABLED\" }\n";
    let text = boxes(0, &format!("{group}{job}{}", reserved(1, "")))
        .replace("duration = \"1000s\"", "duration = \"5h\"")
        .replace("usd_per_hour = 3.6", "usd_per_hour = 0.1");
    let ran = run(&text);
    assert_eq!(ran.number("total_usd"), 0.5, "{:?}", cost_lines(&ran));
    let unused = ran.number("capacity_reservations_unused_usd");
    assert!((0.1..0.12).contains(&unused), "{unused}");
}

#[test]
fn regional_reserved_instances_and_plans_cover_unused_slots_after_instances() {
    let ri = |count: u32, zone: &str| {
        format!(
            "[[reserved_instances]]\ninstance_type = \"box.large\"\ninstance_count = {count}\nusd_per_hour = 1.8\n{zone}\n"
        )
    };
    // Two instances, four slots: two unused. Three reserved: both instances first, then a slot.
    let text = boxes(2, &format!("{}{}", reserved(4, ""), ri(3, "")));
    assert_eq!(
        cost_lines(&run(&text)),
        [
            "capacity_reservation_unused idle 1000 1",
            "capacity_reservation_unused_reserved_instances idle 1000 0.5",
            "ec2_reserved_instances idle 2000 1",
        ]
    );
    // A zonal one covers instances only.
    let text =
        boxes(2, &format!("{}{}", reserved(4, ""), ri(3, "availability_zone = \"us-east-1a\"")));
    assert_eq!(
        cost_lines(&run(&text)),
        [
            "capacity_reservation_unused idle 2000 2",
            "ec2_reserved_instances idle 2000 1",
            "reserved_instances_unused idle 1000 0.5",
        ]
    );
    // A plan of 4.50 $ an hour at half price: 2,500 s of boxes, of which 2,000 s are instances.
    let plan = "[[savings_plan]]\ntype = \"Compute\"\nusd_per_hour = 4.5\ndiscount_percent = 50\n";
    assert_eq!(
        cost_lines(&run(&boxes(2, &format!("{}{plan}", reserved(4, ""))))),
        [
            "capacity_reservation_unused idle 1500 1.5",
            "capacity_reservation_unused_savings_plan idle 500 0.25",
            "ec2_savings_plan idle 2000 1",
        ]
    );
}

#[test]
fn spot_instances_use_no_slots() {
    let spot = "purchase = \"spot\"\nspot_price_usd_per_hour = 0.36\n";
    let text = boxes(2, &format!("{spot}{}", reserved(2, "")));
    let ran = run(&text);
    assert_eq!(ran.number("capacity_reservations_utilization_percent"), 0.0);
}

#[test]
fn bad_reservations_are_refused_with_their_place() {
    let bad = boxes(
        1,
        "[[capacity_reservation]]\ninstance_type = \"box.lorge\"\navailability_zone = \"us-east-1a\"\n\
         [[capacity_reservation]]\ninstance_type = \"box.large\"\navailability_zone = \"mars\"\n\
         [[capacity_reservation]]\ninstance_type = \"box.large\"\navailability_zone = \"us-east-1a\"\nfrom = \"2h\"\nuntil = \"1h\"\n\
         [[capacity_reservation]]\ninstance_type = \"box.large\"\ninstance_count = 0\n",
    );
    let said = errors(&bad);
    for wanted in [
        "unknown instance type \"box.lorge\"",
        "\"mars\" is no Availability Zone of us-east-1",
        "ends before it begins",
        "`availability_zone`",
        "`instance_count`",
    ] {
        assert!(said.contains(wanted), "{wanted}\n{said}");
    }
}
