//! Warm pools of Auto Scaling groups through whole runs: sizes, states and what they cost, what takes how long, what is
//! refused.

use crate::support::fleet::{BOXES, LATENCY, Moved, WEB, errors, jobs, run};
use crate::support::services::count;

/// A group of boxes at a tenth of a cent a second. One is ACTIVE 60 s after it was needed, one from a pool, in every
/// state, after 8 + 2 + 10 = 20 s.
fn text(sizes: &str, pool: &str, more: &str) -> String {
    format!(
        "[simulation]\nregion = \"us-east-1\"\nduration = \"1000s\"\nsample_interval = \"10s\"\n\
         {LATENCY}\n[service_scheduler]\nreaction = \"1s\"\n{BOXES}\n[[capacity_provider]]\nname = \"boxes\"\n\
         instance_types = [\"box.large\"]\n{sizes}\n[capacity_provider.warm_pool]\nstart = \"8s\"\nboot = \"2s\"\n\
         {pool}\n{more}\n{WEB}\n"
    )
}

fn action(at: u32, sizes: &str) -> String {
    format!("[[capacity_provider.scheduled_actions]]\nat = \"{at}s\"\n{sizes}\n")
}

fn warm(ran: &Moved, at: f64) -> u32 {
    count(ran.at(at), "warm_instances")
}

/// Two boxes of at most four, a third one wanted at 100 s.
fn third(pool: &str) -> Moved {
    run(&text("max_size = 4\ndesired_capacity = 2", pool, &action(100, "desired_capacity = 3")))
}

#[test]
fn a_warm_pool_holds_what_is_prepared_less_the_desired_capacity() {
    let held = |sizes: &str, pool: &str| warm(&run(&text(sizes, pool, "")), 500.0);
    assert_eq!(held("max_size = 10\ndesired_capacity = 6", ""), 4);
    let prepared = "max_group_prepared_capacity = 8";
    assert_eq!(held("max_size = 10\ndesired_capacity = 6", prepared), 2);
    assert_eq!(held("max_size = 10\ndesired_capacity = 9", prepared), 0);
    assert_eq!(
        held("max_size = 10\ndesired_capacity = 9", &format!("{prepared}\nmin_size = 3")),
        3
    );
}

#[test]
fn a_stopped_instance_is_taken_starts_in_its_own_time_and_cost_nothing_before() {
    let ran = third("");
    // boxes-0 and boxes-1 are the group's, boxes-2 and boxes-3 wait in zones a and b: the first zone is filled first.
    assert_eq!(ran.event("launch"), [], "the pool is one smaller, and has one less to hold");
    assert_eq!(ran.event("leaves_warm_pool"), [(100.0, "boxes-2")]);
    assert_eq!((ran.number("warm_starts"), ran.number("instances_launched")), (1.0, 0.0));
    assert_eq!(ran.event("running"), [(108.0, "boxes-2")]);
    assert_eq!(ran.event("registered"), [(120.0, "boxes-2")]);
    assert_eq!([warm(&ran, 90.0), warm(&ran, 100.0)], [2, 1]);
    let causes = [("boxes-0", "initial"), ("boxes-1", "initial"), ("boxes-2", "scale_out")];
    assert_eq!(ran.of_instances("launch_cause")[..3], causes);
    assert_eq!(ran.of_instances("launch_cause")[3], ("boxes-3", "warm_pool"), "it never left");
    // Two for 1,000 s and one from 108 s on.
    assert_eq!(ran.number("ec2_usd"), 2.892);
    assert_eq!(ran.number("warm_pool_usd"), 0.0);
}

#[test]
fn a_hibernated_one_costs_nothing_and_a_running_one_is_billed_whole() {
    let ran = third("pool_state = \"Hibernated\"");
    assert_eq!((ran.number("ec2_usd"), ran.number("warm_pool_usd")), (2.892, 0.0));
    let ran = third("pool_state = \"Running\"");
    assert_eq!(ran.event("running"), [], "it has run all the time");
    assert_eq!(ran.event("registered"), [(120.0, "boxes-2")]);
    // Four for 1,000 s, of which one was in the pool for 100 s and one for all of them.
    assert_eq!((ran.number("ec2_usd"), ran.number("warm_pool_usd")), (4.0, 1.1));
    let usd = ["", "", "0.100000000", "1.000000000"];
    let found: Vec<&str> = ran.of_instances("warm_pool_usd").iter().map(|(_, usd)| *usd).collect();
    assert_eq!(found, usd);
}

#[test]
fn an_empty_pool_means_a_cold_start_and_the_pool_refills() {
    // Of the three that are wanted at 100 s one is ready. The pool must have one, and has it again after 50 s.
    let pool = "min_size = 1\nmax_group_prepared_capacity = 0";
    let sizes = "max_size = 5\ndesired_capacity = 1";
    let ran = run(&text(sizes, pool, &action(100, "desired_capacity = 4")));
    assert_eq!(ran.event("leaves_warm_pool"), [(100.0, "boxes-1")]);
    let launched = [(100.0, "boxes-2"), (100.0, "boxes-3"), (100.0, "boxes-4")];
    assert_eq!(ran.event("launch"), launched, "two for the group, the last for the pool");
    let registered = [(120.0, "boxes-1"), (160.0, "boxes-2"), (160.0, "boxes-3")];
    assert_eq!(ran.event("registered"), registered);
    assert_eq!(ran.event("warmed"), [(150.0, "boxes-4")]);
    // It ran from 120 s to 150 s to be prepared, and a minute of a start is paid at least.
    assert_eq!(ran.number("warm_pool_usd"), 0.06);
    // 1,000 s; from 108 s; twice from 120 s; the minute.
    assert_eq!(ran.number("ec2_usd"), 1.0 + 0.892 + 2.0 * 0.88 + 0.06);
    let prepared = ran.of_instances("usd").last().copied();
    assert_eq!(prepared, Some(("boxes-4", "0.060000000")));
}

#[test]
fn an_instance_that_leaves_later_pays_for_both_of_its_starts() {
    let pool = "min_size = 1\nmax_group_prepared_capacity = 0";
    let more = action(100, "desired_capacity = 2") + &action(400, "desired_capacity = 3");
    let ran = run(&text("max_size = 5\ndesired_capacity = 1", pool, &more));
    // boxes-2 is prepared from 120 s to 150 s (60 s are paid), leaves at 400 s, and runs from 408 s to 1,000 s.
    assert_eq!(ran.event("leaves_warm_pool"), [(100.0, "boxes-1"), (400.0, "boxes-2")]);
    let of = |column: &str| {
        let cells = ran.of_instances(column);
        cells.iter().find(|(name, _)| *name == "boxes-2").unwrap().1.to_string()
    };
    assert_eq!([of("warm_pool_since_s"), of("launched_s"), of("running_s")], ["100", "400", "408"]);
    assert_eq!([of("warm_pool_usd"), of("usd")], ["0.060000000", "0.652000000"]);
}

/// One box and one in the pool; a second box is wanted at 100 s, a third at 400 s. Launches have one hook.
fn hooked(hook: &str) -> Moved {
    let hook =
        format!("[[capacity_provider.lifecycle_hooks]]\ntransition = \"launching\"\n{hook}\n");
    let pool = "min_size = 1\nmax_group_prepared_capacity = 0";
    let more = action(100, "desired_capacity = 2") + &action(400, "desired_capacity = 3") + &hook;
    run(&text("max_size = 5\ndesired_capacity = 1", pool, &more))
}

#[test]
fn hooks_hold_an_instance_when_it_enters_the_pool_and_again_when_it_leaves() {
    let ran = hooked("takes = \"40s\"");
    // boxes-1 has booted at 110 s, registers within 10 s, and was in the pool from the beginning. boxes-2 is launched for
    // the pool, runs from 120 s on and has booted at 150 s; it leaves at 400 s.
    assert_eq!(ran.event("warmed")[0], (190.0, "boxes-2"));
    assert_eq!(ran.event("registered"), [(160.0, "boxes-1"), (460.0, "boxes-2")]);
    // It was stopped after 70 s, and started at 408 s.
    let usd = ran.of_instances("warm_pool_usd");
    assert!(usd.contains(&("boxes-2", "0.070000000")), "{usd:?}");
    assert!(ran.of_instances("usd").contains(&("boxes-2", "0.662000000")));
}

#[test]
fn both_waits_of_an_instance_are_drawn_by_themselves() {
    let ran = hooked("takes = { type = \"uniform\", min = \"10s\", max = \"100s\" }");
    let at = |event: &str| {
        let found = ran.event(event);
        found.iter().find(|(_, name)| *name == "boxes-2").unwrap().0
    };
    let waits = [at("warmed") - 150.0, at("registered") - 420.0];
    assert!(waits.iter().all(|wait| (10.0..=100.0).contains(wait)), "{waits:?}");
    assert_ne!(waits[0], waits[1]);
}

#[test]
fn an_instance_that_hooks_abandon_on_its_way_into_the_pool_is_replaced() {
    let ran = hooked("takes = \"100s\"\nheartbeat_timeout = \"60s\"");
    // boxes-1 leaves the pool at 100 s, has booted at 110 s and is given up at 170 s: boxes-3 is launched in its place. What
    // is launched for the pool at 100 s has booted at 150 s.
    let abandoned = ran.event("launch_abandoned");
    assert_eq!(abandoned[..2], [(170.0, "boxes-1"), (210.0, "boxes-2")]);
    assert_eq!(ran.event("terminated")[..2], abandoned[..2]);
    let launched = [(100.0, "boxes-2"), (170.0, "boxes-3"), (210.0, "boxes-4")];
    assert_eq!(ran.event("launch")[..3], launched);
    assert_eq!(ran.event("warmed"), []);
    // It ran from 120 s to 210 s.
    assert!(ran.of_instances("warm_pool_usd").contains(&("boxes-2", "0.090000000")));
}

#[test]
fn instances_return_to_the_pool_when_the_group_scales_in_and_come_back() {
    let more = action(100, "desired_capacity = 1") + &action(400, "desired_capacity = 2");
    let sizes = "max_size = 2\ndesired_capacity = 2\ntermination_policies = [\"NewestInstance\"]";
    let ran = run(&text(sizes, "reuse_on_scale_in = true", &more));
    assert_eq!(ran.event("terminated"), [(100.0, "boxes-0")], "its row ends");
    assert_eq!(ran.event("returns_to_warm_pool"), [(100.0, "boxes-2")]);
    assert_eq!(ran.event("leaves_warm_pool"), [(400.0, "boxes-2")]);
    assert_eq!(ran.event("registered"), [(420.0, "boxes-2")]);
    assert_eq!(ran.event("launch"), []);
    // 100 s, 1,000 s, and from 408 s on.
    assert_eq!(ran.number("ec2_usd"), 1.692);
    // Without reuse another one is launched for the pool.
    let ran = run(&text(sizes, "", &more));
    assert_eq!(ran.event("launch"), [(100.0, "boxes-2")]);
}

#[test]
fn an_instance_returns_when_its_tasks_have_gone_and_none_is_launched_in_the_meantime() {
    let sizes = "max_size = 2\ndesired_capacity = 2\ntermination_policies = [\"NewestInstance\"]";
    let more = action(100, "desired_capacity = 1");
    let text = text(sizes, "reuse_on_scale_in = true", &more) + &jobs(4, "300s");
    let ran = run(&text);
    assert_eq!(ran.event("draining"), [(100.0, "boxes-0")]);
    assert_eq!(ran.event("returns_to_warm_pool"), [(303.0, "boxes-2")]);
    assert_eq!(ran.event("launch"), []);
    assert_eq!(ran.number("tasks_completed"), 4.0);
}

#[test]
fn a_pool_that_is_too_large_ends_its_youngest() {
    let ran = run(&text("max_size = 4\ndesired_capacity = 1", "", &action(100, "max_size = 2")));
    // Three were prepared, one may stay.
    assert_eq!(ran.event("terminated"), [(100.0, "boxes-3"), (100.0, "boxes-2")]);
    let ends: Vec<&str> = ran.of_instances("end_cause").iter().map(|(_, end)| *end).collect();
    assert_eq!(ends, ["", "", "warm_pool", "warm_pool"]);
    assert_eq!((ran.number("instances_ended"), ran.number("ec2_usd")), (2.0, 1.0));
}

#[test]
fn a_stopped_instance_needs_capacity_to_start_and_a_running_one_does_not() {
    let short = "[[capacity_provider.shortages]]\nat = \"50s\"\nduration = \"900s\"\n";
    let more = action(100, "desired_capacity = 3") + short;
    let left = |pool: &str| {
        let ran = run(&text("max_size = 4\ndesired_capacity = 2", pool, &more));
        ran.event("leaves_warm_pool").first().map(|(at, _)| *at)
    };
    assert_eq!(left("pool_state = \"Running\""), Some(100.0));
    // Tried again 1, 2, 4 and 8 minutes later: at 160, 280, 520 and 1,000 s.
    assert_eq!(left(""), None);
}

/// Managed scaling counts neither the pool as N, nor an instance of it as needed: AS-07b with a pool behind it.
#[test]
fn as_07b_with_a_warm_pool_counts_only_what_the_group_has() {
    let managed = "[capacity_provider.managed_scaling]\ninstance_warmup_period = \"0s\"\n";
    let caller = jobs(10, "900s").replace(
        "on_failure = \"queue\"",
        "on_failure = \"queue\"\ncapacity_provider_strategy = [{ capacity_provider = \"boxes\", weight = 1 }]",
    );
    let text = text("max_size = 8\ndesired_capacity = 4", "", managed) + &caller;
    let ran = run(&text);
    assert_eq!(warm(&ran, 50.0), 4, "as many as the group has");
    // Ten tasks, two a box: M = 5, N = 4, 125 %; the point of 60 s is visible at 90 s.
    assert_eq!(ran.event("leaves_warm_pool"), [(90.0, "boxes-4")]);
    assert_eq!(ran.event("registered"), [(110.0, "boxes-4")]);
    assert_eq!(count(ran.at(200.0), "desired_instances"), 5);
}

fn refused(sizes: &str, pool: &str, more: &str) -> String {
    errors(&text(sizes, pool, more))
}

#[test]
fn what_ec2_and_ecs_refuse_of_a_warm_pool_is_refused() {
    let says = |found: &str, line: &str, what: &str| {
        assert!(found.contains(what) && found.contains(line), "{found}");
    };
    let sizes = "max_size = 4\npurchase = \"spot\"\nspot_discount_percent = 60";
    says(
        &refused(sizes, "", ""),
        "[capacity_provider.warm_pool]",
        "a warm pool holds no Spot instances",
    );
    let mixed = "[capacity_provider.mixed_instances]\non_demand_base_capacity = 4\n\
                 on_demand_percentage_above_base_capacity = 50";
    says(
        &refused("max_size = 4\nspot_discount_percent = 60", "", mixed),
        "warm_pool",
        "would launch some",
    );
    let managed = "[capacity_provider.managed_scaling]";
    let reuse = "reuse_on_scale_in = true";
    says(
        &refused("max_size = 4", reuse, managed),
        "reuse_on_scale_in = true",
        "exclude each other",
    );
    says(
        &refused("desired_capacity = 4", "", ""),
        "`warm_pool` without `max_size`",
        "`max_size` makes",
    );
    says(&refused("max_size = 4", "pool_state = \"Stoped\"", ""), "pool_state", "\"Stopped\"");
    says(
        &refused("max_size = 4", "min_size = -1", ""),
        "min_size = -1",
        "must be between 0 and 1,000,000",
    );
    let key = "max_group_prepared_capacity";
    says(&refused("max_size = 4", &format!("{key} = 1.5"), ""), key, "whole number");
    says(
        &refused("max_size = 4", "reuse_on_scale_in = 1", ""),
        "reuse_on_scale_in",
        "true or false",
    );
    let twice = text("max_size = 4", "", "").replace("start = \"8s\"", "start = \"fast\"");
    let found = errors(&twice);
    says(&found, "start = \"fast\"", "fast");
    let twice = text("max_size = 4", "", "").replace("boot = \"2s\"", "boot = -2");
    let found = errors(&twice);
    says(&found, "boot = -2", "boot");
}

#[test]
fn a_pool_goes_with_several_types_that_are_all_on_demand() {
    let mixed =
        "[capacity_provider.mixed_instances]\non_demand_percentage_above_base_capacity = 100\n";
    let sizes = "max_size = 4\ndesired_capacity = 2\nspot_discount_percent = 60";
    let ran =
        run(&text(sizes, "", mixed).replace("[\"box.large\"]", "[\"box.large\", \"box.cheap\"]"));
    assert_eq!(warm(&ran, 100.0), 2);
}
