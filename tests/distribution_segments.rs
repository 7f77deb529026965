//! Distribution segments of Auto Scaling groups: scenarios as text, run under all checks, each bill worked out by hand. A large
//! box is a tenth of a cent a second, a cheap one half of that; an instance is billed 20 s after its launch and ACTIVE 60 s
//! after it.

use crate::support::fleet::{BOXES, HEAD, LATENCY, Moved, WEB, cost_lines, errors, run};
use crate::support::services::Cells;

/// A group that begins with so many instances, and its capacity types.
fn group(desired: u32, types: &[&str], keys: &str) -> String {
    let types: Vec<String> = types.iter().map(|name| format!("\"{name}\"")).collect();
    let keys = if keys.contains("availability_zones") {
        keys.to_string()
    } else {
        format!("availability_zones = [\"us-east-1a\"]\n{keys}")
    };
    format!(
        "[[capacity_provider]]\nname = \"boxes\"\ninstance_types = [\"box.large\", \"box.cheap\"]\nmax_size = 6\n\
         desired_capacity = {desired}\n{keys}\n[capacity_provider.mixed_instances]\n\
         distribution_segments = [{{ target_capacity_types = [{}] }}]\n",
        types.join(", ")
    )
}

fn reservation(of: &str, instance_type: &str, count: u32, more: &str) -> String {
    format!(
        "[[capacity_reservation]]\ntype = \"{of}\"\ninstance_type = \"{instance_type}\"\n\
         availability_zone = \"us-east-1a\"\ninstance_count = {count}\n{more}\n"
    )
}

fn scenario(parts: &[String]) -> String {
    format!("{HEAD}{BOXES}{WEB}{LATENCY}\n{}", parts.concat())
}

/// When, of which type and how each instance was launched after the beginning.
fn launches(ran: &Moved) -> Vec<[&str; 3]> {
    let launched = ran.fleet.iter().filter(|row| row["event"] == "launch");
    launched.map(|row| ["time_s", "instance_type", "purchase"].map(|of| row[of].as_str())).collect()
}

fn told<'a>(ran: &'a Moved, event: &str) -> Vec<[&'a str; 2]> {
    let rows = ran.fleet.iter().filter(move |row| row["event"] == event);
    rows.map(|row| ["time_s", "reason"].map(|of| row[of].as_str())).collect()
}

const RESERVED: &str = "on-demand-capacity-reservation";
const BLOCK: &str = "capacity-block";
const LENT: &str = "interruptible-capacity-reservation";

/// Two large slots; a large one in a block that ends at 900 s, with its instances 300 s before, 100 s of notice; a cheap one
/// that its owner has back at 700 s.
fn three_kinds() -> [String; 3] {
    [
        reservation(RESERVED, "box.large", 2, ""),
        reservation(
            BLOCK,
            "box.large",
            1,
            "until = \"900s\"\nusd_per_hour = 7.2\ninstances_end_before = \"300s\"\nnotice = \"100s\"",
        ),
        reservation(LENT, "box.cheap", 1, "until = \"700s\""),
    ]
}

#[test]
fn each_launch_takes_the_first_capacity_type_with_room_and_none_is_insufficient_capacity() {
    let [reserved, block, lent] = three_kinds();
    let ran = run(&scenario(&[group(5, &[RESERVED, BLOCK, LENT], ""), reserved, block, lent]));
    let kinds = ran.instances.iter().map(|row| (&*row["instance_type"], &*row["purchase"]));
    assert_eq!(
        kinds.collect::<Vec<_>>(),
        [
            ("box.large", "on_demand"),
            ("box.large", "on_demand"),
            ("box.large", "capacity_block"),
            ("box.cheap", "interruptible_reservation"),
        ]
    );
    // The fifth finds nothing, and is asked for again after 1, 2, 4 and 8 minutes; what ends meanwhile waits with it.
    let failed = ["0", "60", "180", "420", "900"].map(|at| [at, "insufficient_capacity"]);
    assert_eq!(told(&ran, "launch_failed"), failed);
    assert_eq!(launches(&ran), [[""; 3]; 0]);
    assert_eq!(ran.event("interruption_notice"), [(500.0, "boxes-2"), (580.0, "boxes-3")]);
    let ended = "capacity_reservation_ended";
    assert_eq!(told(&ran, "terminated"), [["600", ended], ["700", ended]]);
    assert_eq!(
        (ran.number("instances_reclaimed"), ran.number("instances_interrupted")),
        (2.0, 0.0)
    );
    // 2,000 s of large boxes and 700 s of a cheap one; the block is 900 s at a fifth of a cent, used or not.
    assert_eq!(
        cost_lines(&ran),
        [
            "ec2_on_demand idle 700 0.35",
            "ec2_on_demand idle 2000 2",
            "ec2_capacity_block idle 600 1.2",
            "capacity_block_unused idle 300 0.6",
        ]
    );
    assert_eq!(ran.number("total_usd"), 4.15);
}

#[test]
fn instances_that_end_with_their_reservation_can_be_expected() {
    let expect = "[[expect]]\nmetric = \"instances_reclaimed\"\nat_least = 1\n".to_string();
    let [reserved, _, lent] = three_kinds();
    let ran = run(&scenario(&[group(2, &[LENT, "on-demand"], ""), lent, expect.clone()]));
    assert_eq!(ran.number("instances_reclaimed"), 1.0);
    // Without reservations that end no run has this metric.
    let found = errors(&scenario(&[group(2, &[RESERVED], ""), reserved, expect]));
    assert!(found.contains("there is no metric \"instances_reclaimed\""), "{found}");
}

#[test]
fn on_demand_takes_what_reservations_have_no_room_for_and_replaces_what_they_take_back() {
    let [reserved, block, lent] = three_kinds();
    let types = [RESERVED, BLOCK, LENT, "on-demand"];
    let ran = run(&scenario(&[group(5, &types, ""), reserved, block, lent]));
    assert_eq!(ran.instances[4]["purchase"], "on_demand");
    assert!(told(&ran, "launch_failed").is_empty());
    let one = |at| [at, "box.large", "on_demand"];
    assert_eq!(launches(&ran), [one("600"), one("700")]);
    // Three large boxes all along, the two others from 620 s and 720 s on: 3,660 s; the cheap one and the block as before.
    assert_eq!(ran.number("total_usd"), 3.66 + 0.35 + 1.8);
}

#[test]
fn a_reservation_that_begins_later_is_found_by_the_next_try() {
    let block = "from = \"100s\"\nuntil = \"1h\"\nusd_per_hour = 7.2";
    let parts = [group(1, &[BLOCK], ""), reservation(BLOCK, "box.cheap", 1, block)];
    let ran = run(&scenario(&parts));
    assert_eq!(launches(&ran), [["180", "box.cheap", "capacity_block"]]);
    // 900 s at a fifth of a cent, 100 s of them before the instance runs.
    assert_eq!(
        cost_lines(&ran),
        ["ec2_capacity_block idle 800 1.6", "capacity_block_unused idle 100 0.2"]
    );
}

#[test]
fn a_capacity_type_goes_before_balance_between_zones_unless_that_is_required() {
    let zones =
        |more: &str| format!("availability_zones = [\"us-east-1a\", \"us-east-1b\"]\n{more}");
    let kinds = |keys: &str| {
        let parts =
            [group(4, &[RESERVED, "on-demand"], keys), reservation(RESERVED, "box.cheap", 3, "")];
        let ran = run(&scenario(&parts));
        let kind = |row: &Cells| format!("{} {}", row["instance_type"], row["availability_zone"]);
        ran.instances.iter().map(kind).collect::<Vec<_>>()
    };
    let reserved = "box.cheap us-east-1a";
    assert_eq!(kinds(&zones("")), [reserved, reserved, reserved, "box.large us-east-1b"]);
    let only = zones("capacity_distribution_strategy = \"balanced-only\"");
    let beside = "box.large us-east-1b";
    assert_eq!(kinds(&only), [reserved, beside, reserved, beside]);
}

#[test]
fn slots_are_shared_with_whoever_is_in_them_and_free_again_when_one_leaves() {
    // A fixed box has one of two slots, and a plain group's box the other one until 100 s.
    let plain = "[[capacity_provider]]\nname = \"fixed\"\ninstance_types = [\"box.large\"]\ndesired_capacity = 1\n\
        availability_zones = [\"us-east-1a\"]\n[[capacity_provider]]\nname = \"plain\"\n\
        instance_types = [\"box.large\"]\nmax_size = 1\ndesired_capacity = 1\navailability_zones = [\"us-east-1a\"]\n\
        scheduled_actions = [{ at = \"100s\", desired_capacity = 0 }]\n";
    let parts =
        [plain.to_string(), group(1, &[RESERVED], ""), reservation(RESERVED, "box.large", 2, "")];
    let ran = run(&scenario(&parts));
    assert_eq!(launches(&ran), [["180", "box.large", "on_demand"]]);
    // The two slots are paid throughout, whoever is in them.
    assert_eq!(ran.number("total_usd"), 2.0);
}

#[test]
fn the_last_capacity_type_of_the_list_ends_first() {
    let keys = "scheduled_actions = [{ at = \"100s\", desired_capacity = 2 }]";
    let block = "until = \"2h\"\nusd_per_hour = 7.2";
    let parts = [group(5, &[BLOCK, "on-demand"], keys), reservation(BLOCK, "box.large", 2, block)];
    let ran = run(&scenario(&parts));
    let ended = |row: &&Cells| row["terminated_s"] == "100";
    let ended = ran.instances.iter().filter(ended).map(|row| row["purchase"].as_str());
    assert_eq!(ended.collect::<Vec<_>>(), ["on_demand"; 3]);
}

#[test]
fn instances_drain_at_their_notice_where_somebody_acts_on_it() {
    let block = |more: &str| {
        let more = format!("until = \"3000s\"\nusd_per_hour = 7.2\n{more}");
        let parts = [group(1, &[BLOCK], ""), reservation(BLOCK, "box.large", 1, &more)];
        run(&scenario(&parts))
    };
    // 30 min before the end, with 10 min of notice: at 600 s.
    let plain = block("");
    assert_eq!(plain.event("interruption_notice"), [(600.0, "boxes-0")]);
    assert!(plain.event("draining").is_empty());
    assert_eq!(block("drain_at_notice = true").event("draining"), [(600.0, "boxes-0")]);
}

#[test]
fn what_is_launched_after_the_notice_has_it_at_once() {
    let keys = "scheduled_actions = [{ at = \"600s\", desired_capacity = 1 }]";
    let block =
        "until = \"1000s\"\nusd_per_hour = 7.2\ninstances_end_before = \"300s\"\nnotice = \"100s\"";
    let parts = [group(0, &[BLOCK], keys), reservation(BLOCK, "box.large", 1, block)];
    let ran = run(&scenario(&parts));
    assert_eq!(launches(&ran), [["600", "box.large", "capacity_block"]]);
    assert_eq!(ran.event("interruption_notice"), [(600.000001, "boxes-0")]);
    assert_eq!(ran.event("terminated"), [(700.0, "boxes-0")]);
    // Its replacement finds nothing: the block takes no instance any more.
    assert_eq!(
        told(&ran, "launch_failed"),
        [
            ["700", "insufficient_capacity"],
            ["760", "insufficient_capacity"],
            ["880", "insufficient_capacity"]
        ]
    );
}

#[test]
fn savings_plans_cover_no_capacity_block_and_an_owner_elsewhere_pays_for_what_is_empty() {
    let plan = "[[savings_plan]]\ntype = \"Compute\"\nusd_per_hour = 3.6\ndiscount_percent = 50\n";
    let parts = [
        group(2, &[BLOCK, LENT], ""),
        reservation(BLOCK, "box.large", 2, "until = \"2h\"\nusd_per_hour = 7.2"),
        reservation(LENT, "box.cheap", 2, "usd_per_hour = 0"),
        plan.to_string(),
    ];
    assert_eq!(
        cost_lines(&run(&scenario(&parts))),
        ["ec2_capacity_block idle 2000 4", "savings_plan_unused idle 1000 1"]
    );
}

#[test]
fn what_cannot_be_is_refused() {
    let block = || reservation(BLOCK, "box.large", 1, "until = \"2h\"\nusd_per_hour = 7.2");
    let of = |text: &str| errors(&scenario(&[text.to_string(), block()]));
    let good = group(1, &[BLOCK], "");
    let with = |more: &str| format!("{good}{more}\n");
    for (key, value) in [
        ("on_demand_base_capacity", "1"),
        ("on_demand_percentage_above_base_capacity", "50"),
        ("spot_allocation_strategy", "\"price-capacity-optimized\""),
        ("spot_max_price", "1.0"),
        ("spot_instance_pools", "2"),
        ("interruption", "{ per_instance_hour = 1.0 }"),
    ] {
        let found = of(&with(&format!("{key} = {value}")));
        let wanted = format!("`{key}` and `distribution_segments` exclude each other");
        assert!(found.contains(&wanted), "{found}");
    }
    let found = of(&with("on_demand_allocation_strategy = \"lowest-price\""));
    assert!(found.contains("\"lowest-price\" and `distribution_segments`"), "{found}");
    let found = of(&group(1, &[BLOCK, BLOCK], ""));
    assert!(found.contains("\"capacity-block\" twice"), "{found}");
    let found = of(&group(1, &[], ""));
    assert!(found.contains("no capacity type"), "{found}");
    let found = of(&group(1, &["capacity-blocks"], ""));
    assert!(found.contains("\"capacity-block\""), "{found}");
    let found = of(&good.replace("[{ target_capacity_types = [\"capacity-block\"] }]", "[]"));
    assert!(found.contains("no segment"), "{found}");
    let two = "[{ target_capacity_types = [\"capacity-block\"] }, { target_capacity_types = [\"on-demand\"] }]";
    let found = of(&good.replace("[{ target_capacity_types = [\"capacity-block\"] }]", two));
    assert!(found.contains("a second segment"), "{found}");
    let found = of(&group(1, &[BLOCK], "warm_pool = {}"));
    assert!(found.contains("`warm_pool` with `distribution_segments` is not modelled"), "{found}");
    let found = of(&group(1, &[BLOCK], "purchase = \"spot\"\nspot_discount_percent = 50"));
    assert!(found.contains("`purchase` and `mixed_instances` exclude each other"), "{found}");
    let found = of(&group(1, &[RESERVED, LENT], ""));
    assert!(found.contains("no `[[capacity_reservation]]` is of a capacity type"), "{found}");
    for (of_kind, more, wanted) in [
        (BLOCK, "usd_per_hour = 1.0", "a Capacity Block without `until`"),
        (BLOCK, "until = \"1h\"", "a Capacity Block without `usd_per_hour`"),
        (BLOCK, "until = \"30m\"\nusd_per_hour = 1.0", "whose instances end before it begins"),
        (RESERVED, "notice = \"1m\"", "`notice` of an On-Demand Capacity Reservation"),
        (RESERVED, "drain_at_notice = true", "`drain_at_notice` of an On-Demand"),
    ] {
        let found = errors(&scenario(&[good.clone(), reservation(of_kind, "box.large", 1, more)]));
        assert!(found.contains(wanted), "{found}");
    }
}
