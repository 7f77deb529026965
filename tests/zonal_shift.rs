//! Balance of zones and zonal shifts, from end to end: scenarios as text, run under all checks.
//!
//! A new instance is ACTIVE 60 s after it was needed. An unhealthy one is found after 60 s.

use crate::instance_failures::boxes;
use crate::support::fleet::{Moved, errors, run};

/// The first zone is out from 100 s to 300 s; hosts are found after 60 s.
const FIRST_ZONE_IS_OUT: &str = "[[failure]]\nkind = \"az_outage\"\n\
    availability_zone = \"us-east-1a\"\nat = \"100s\"\nduration = \"200s\"\n\
    found_after = \"60s\"\nagent_noticed_after = \"30s\"\n";
/// It is shifted away from, from 100 s to 400 s.
const SHIFT: &str = "[[zonal_shift]]\nat = \"100s\"\nduration = \"300s\"\n\
    availability_zone = \"us-east-1a\"\n";
const OBEYS: &str = "availability_zone_impairment_policy = {}\n";

fn group(keys: &str, more: &str) -> String {
    let mut text = boxes(&format!("max_size = 8\n{keys}"), more);
    text = text.replace("desired_capacity = 2\n", "desired_capacity = 4\n");
    text
}

fn action(at: u32, desired: u32) -> String {
    format!(
        "[[capacity_provider.scheduled_actions]]\nat = \"{at}s\"\ndesired_capacity = {desired}\n"
    )
}

fn zones_of(ran: &Moved) -> Vec<&str> {
    ran.of_instances("availability_zone").iter().map(|(_, zone)| &zone[9..]).collect()
}

#[test]
fn a_group_that_is_balanced_only_waits_for_the_zone_that_is_out() {
    let ran = run(&group("capacity_distribution_strategy = \"balanced-only\"", FIRST_ZONE_IS_OUT));
    // Both of the first zone are found at 160 s. The zone with fewest instances is out: nothing is launched. The group
    // would try again at 220 s and 340 s; at 300 s the zone is back, and both are launched there at once.
    assert_eq!(ran.event("terminated"), [(160.0, "boxes-0"), (160.0, "boxes-2")]);
    assert_eq!(ran.event("launch"), [(300.0, "boxes-4"), (300.0, "boxes-5")]);
    assert_eq!(zones_of(&ran), ["a", "b", "a", "b", "a", "a"]);
    let failed: Vec<_> = ran.fleet.iter().filter(|row| row["event"] == "launch_failed").collect();
    let seconds: Vec<&str> = failed.iter().map(|row| row["time_s"].as_str()).collect();
    assert_eq!(seconds, ["160", "220"]);
    assert!(failed.iter().all(|row| row["reason"] == "availability_zone_out"));
    assert_eq!(ran.number("launches_failed"), 2.0);
    // Best effort launches in the other zone at once, and moves back later.
    let ran = run(&group("", FIRST_ZONE_IS_OUT));
    assert_eq!(ran.event("launch")[..2], [(160.0, "boxes-4"), (160.0, "boxes-5")]);
    assert_eq!(zones_of(&ran)[4..6], ["b", "b"]);
}

#[test]
fn a_group_that_is_balanced_only_waits_for_the_zone_that_has_no_capacity() {
    let keys = "capacity_distribution_strategy = \"balanced-only\"\n\
        shortages = [{ at = \"0s\", duration = \"500s\", availability_zone = \"us-east-1a\" }]\n";
    let ran = run(&group(&format!("{keys}{}", action(150, 7)), ""));
    // Two and two: the other zone gets one, then the first one would be next, and has none until 500 s. After 150 s the
    // group tries at 210, 330 and 570 s.
    let seconds: Vec<f64> = ran.event("launch").iter().map(|(at, _)| *at).collect();
    assert_eq!(seconds, [150.0, 570.0, 570.0]);
    assert_eq!(zones_of(&ran)[4..], ["b", "a", "a"]);
}

#[test]
fn in_a_zonal_shift_launches_go_elsewhere_and_afterwards_zones_are_balanced() {
    let ran = run(&group(&format!("{OBEYS}{}", action(150, 6)), SHIFT));
    // Two and two; both new ones go to the other zone. At 400 s there are two and four: one is launched first, and one
    // of the four ends when it has registered.
    assert_eq!(ran.event("zonal_shift_begins").len(), 1);
    let launches = ran.event("launch");
    assert_eq!(launches, [(150.0, "boxes-4"), (150.0, "boxes-5"), (400.0, "boxes-6")]);
    assert_eq!(zones_of(&ran), ["a", "b", "a", "b", "b", "b", "a"]);
    assert_eq!(ran.event("terminated").len(), 1);
    assert_eq!(ran.event("terminated")[0].0, 460.0);
    let told: Vec<_> = ran.fleet.iter().filter(|row| row["event"].starts_with("zonal")).collect();
    let cells = |column: &str| told.iter().map(|row| row[column].as_str()).collect::<Vec<_>>();
    assert_eq!(cells("time_s"), ["100", "400"]);
    assert_eq!(cells("event"), ["zonal_shift_begins", "zonal_shift_ends"]);
    assert_eq!(cells("reason"), ["us-east-1a", "us-east-1a"]);
    // A group that is balanced only does not wait for a zone that is shifted away from.
    let only = format!("{OBEYS}capacity_distribution_strategy = \"balanced-only\"\n");
    let ran = run(&group(&format!("{only}{}", action(150, 6)), SHIFT));
    assert_eq!(zones_of(&ran)[4..6], ["b", "b"]);
}

#[test]
fn a_group_with_one_zone_launches_nothing_until_its_shift_is_over() {
    let one_zone = "availability_zones = [\"us-east-1a\"]\n";
    let ran = run(&group(&format!("{one_zone}{OBEYS}{}", action(150, 5)), SHIFT));
    assert_eq!(ran.event("launch"), [(400.0, "boxes-4")]);
}

/// Both instances of the first zone fail at 150 s, and are found at 210 s.
const FAILURES: &str = "[[failure]]\nkind = \"impaired\"\nat = \"150s\"\n\
    instance = \"boxes-0\"\nfound_after = \"60s\"\n\
    [[failure]]\nkind = \"impaired\"\nat = \"150s\"\ninstance = \"boxes-1\"\n\
    found_after = \"60s\"\n";

#[test]
fn unhealthy_instances_of_the_zone_are_replaced_or_ignored() {
    let ran = run(&group(OBEYS, &format!("{SHIFT}{FAILURES}")));
    assert_eq!(ran.event("terminated")[..2], [(210.0, "boxes-0"), (210.0, "boxes-1")]);
    assert_eq!(ran.event("launch")[..2], [(210.0, "boxes-4"), (210.0, "boxes-5")]);
    assert_eq!(zones_of(&ran)[4..6], ["b", "b"]);
    let ignores = "availability_zone_impairment_policy = \
        { impaired_zone_health_check_behavior = \"IgnoreUnhealthy\" }\n";
    let ran = run(&group(ignores, &format!("{SHIFT}{FAILURES}")));
    // That of the other zone is replaced at 210 s, that of the first one at 400 s, in its own zone.
    assert_eq!(ran.event("terminated"), [(210.0, "boxes-1"), (400.0, "boxes-0")]);
    assert_eq!(ran.event("launch"), [(210.0, "boxes-4"), (400.0, "boxes-5")]);
    assert_eq!(zones_of(&ran), ["a", "b", "a", "b", "b", "a"]);
}

#[test]
fn policies_do_not_scale_in_while_a_zone_is_shifted_away_from() {
    let scaling = "managed_scaling = { low_periods = 1, metric_delay = \"0s\" }\n";
    // Four empty instances: the metric is 0 from the first minute on, and the group is halved, and so on.
    let without = run(&group(scaling, ""));
    let steps = without.steps("boxes");
    assert!(steps.first().is_some_and(|(at, from, to)| *at < 100.0 && (*from, *to) == (4, 2)));
    let early =
        "[[zonal_shift]]\nat = \"0s\"\nduration = \"300s\"\navailability_zone = \"us-east-1a\"\n";
    let ran = run(&group(&format!("{scaling}{OBEYS}"), early));
    let ends = ran.event("terminated");
    assert!(ends.iter().all(|(at, _)| *at >= 300.0) && !ends.is_empty(), "{ends:?}");
}

#[test]
fn bad_zonal_shifts_are_refused() {
    let shift = |keys: &str| format!("[[zonal_shift]]\n{keys}\n");
    let zone = "availability_zone = \"us-east-1a\"";
    let cases = [
        (OBEYS, shift(&format!("at = \"1s\"\nduration = \"59s\"\n{zone}")), "`duration`"),
        (OBEYS, shift(&format!("at = \"1s\"\n{zone}")), "`duration`"),
        (OBEYS, shift("at = \"1s\"\nduration = \"60s\""), "`availability_zone`"),
        (
            OBEYS,
            shift("at = \"1s\"\nduration = \"60s\"\navailability_zone = \"us-east-1z\""),
            "unknown availability zone \"us-east-1z\"",
        ),
        ("", SHIFT.to_string(), "nobody obeys this zonal shift"),
        (
            "availability_zone_impairment_policy = { zonal_shift_enabled = false }",
            SHIFT.to_string(),
            "nobody obeys this zonal shift",
        ),
        (OBEYS, format!("{SHIFT}{SHIFT}"), "begins before the last one has ended"),
        (
            "availability_zone_impairment_policy = { impaired_zone_health_check_behavior = \"no\" }",
            SHIFT.to_string(),
            "IgnoreUnhealthy",
        ),
        ("capacity_distribution_strategy = \"balanced\"", String::new(), "balanced-only"),
    ];
    for (keys, more, message) in cases {
        let found = errors(&group(keys, &more));
        assert!(found.contains(message), "{keys} {more}: {found}");
    }
    let fixed = errors(&boxes("capacity_distribution_strategy = \"balanced-only\"", ""));
    assert!(fixed.contains("`capacity_distribution_strategy` without `max_size`"), "{fixed}");
    let fixed = errors(&boxes(OBEYS, ""));
    assert!(fixed.contains("without `max_size`"), "{fixed}");
}

/// Four tasks of a service behind a load balancer, two in each zone, that answer ten requests a second each; thirty come.
fn served(balancer: &str) -> Moved {
    let service = format!(
        "[[service]]\nname = \"web\"\ntask_definition = \"web\"\ndesired_count = 4\n\
         starts_running = true\n\
         [service.load_balancer]\nhealth_check = {{ interval = \"300s\", unhealthy_threshold = 10 }}\n{balancer}\n\
         [service.traffic]\ngenerate = {{ per_second = 30 }}\ncpu_ms_per_request = 100\nworkers = 1\n"
    );
    let shift = if balancer.ends_with("true") { SHIFT } else { "" };
    let text = boxes("", &format!("{service}{shift}"));
    run(&text.replace("desired_capacity = 2", "desired_capacity = 4"))
}

#[test]
fn a_load_balancer_sends_nothing_to_a_zone_that_is_shifted_away_from() {
    let shift = |text: &str| served(text).number("requests_dropped");
    assert!(shift("zonal_shift = false") < 1.0);
    // Two tasks answer twenty a second: for 300 s ten a second are too many, 3,000 less the 60 s
    // of work that wait at the end of the shift: 1,800.
    let dropped = shift("zonal_shift = true");
    assert!((1_700.0..1_900.0).contains(&dropped), "{dropped}");
}

#[test]
fn a_load_balancer_whose_targets_are_all_in_the_zone_ignores_the_shift() {
    let one_zone = "placement_constraints = [{ type = \"memberOf\", \
        expression = \"attribute:ecs.availability-zone == us-east-1a\" }]\n";
    let service = format!(
        "[[service]]\nname = \"web\"\ntask_definition = \"web\"\ndesired_count = 2\n\
         starts_running = true\n{one_zone}\
         [service.load_balancer]\nzonal_shift = true\n\
         [service.traffic]\ngenerate = {{ per_second = 10 }}\ncpu_ms_per_request = 10\nworkers = 8\n"
    );
    let ran = run(&boxes("", &format!("{service}{SHIFT}")));
    assert_eq!(ran.number("requests_served"), 10_000.0);
}
