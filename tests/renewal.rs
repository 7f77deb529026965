//! Instances that are renewed, together with the rest of a group: On-Demand shares, warm pools, shortages, instances that
//! warm up. Every instant is worked out by hand.

use crate::instance_refresh::{action, ages, boxes, refreshed, told};
use crate::support::fleet::{Moved, jobs};
use crate::support::services::count;

const DAY: f64 = 86_400.0;

/// Of the new instances of a mixed group of six so many are bought On-Demand; all six are replaced.
fn on_demand_after(percents: (u32, u32), policy: &str) -> usize {
    let (min, max) = percents;
    let preferences = format!(
        "min_healthy_percentage = {min}\nmax_healthy_percentage = {max}\n\
         [capacity_provider.mixed_instances]\n{policy}\n"
    );
    let ran = refreshed(&(boxes(6) + "spot_discount_percent = 75\n"), &preferences, "");
    assert_eq!(ran.event("terminated").len(), 6);
    let purchases = ran.of_instances("purchase");
    assert_eq!(purchases.len(), 12);
    purchases[6..].iter().filter(|(_, how)| *how == "on_demand").count()
}

#[test]
fn a_refresh_that_launches_first_keeps_the_on_demand_share() {
    let base = "on_demand_base_capacity = 2\non_demand_percentage_above_base_capacity = 0";
    let half = "on_demand_percentage_above_base_capacity = 50";
    for percents in [(100, 200), (100, 150), (100, 110), (90, 110), (90, 100)] {
        assert_eq!(on_demand_after(percents, base), 2, "{percents:?}: two, and four Spot");
        assert_eq!(on_demand_after(percents, half), 3, "{percents:?}: half of six");
    }
}

#[test]
fn a_refresh_goes_on_when_what_came_before_it_is_warm() {
    let change = action(10, "desired_capacity = 3\nlaunch_template_version = 2");
    let sizes = format!("max_size = 3\ndesired_capacity = 2\n{change}");
    let preferences = "launch_template_version = 2\nskip_matching = true\n\
                       instance_warmup = \"300s\"";
    let ran = refreshed(&sizes, preferences, "");
    // Two of three stay in service and warm. boxes-2 is ACTIVE at 70 s and warm at 370 s, its follower 60 + 300 s later.
    assert_eq!(ran.event("terminated"), [(370.0, "boxes-0"), (730.0, "boxes-1")]);
    assert_eq!(told(&ran).last(), Some(&(1_090.0, "successful", "2 of 2")));
}

#[test]
fn what_stands_in_for_old_ones_is_not_missing_from_the_progress() {
    let preferences = "min_healthy_percentage = 100\nmax_healthy_percentage = 150";
    let ran = refreshed(&boxes(2), preferences, "");
    // At 160 s boxes-2 has replaced boxes-0, and boxes-3 begins to stand in for boxes-1.
    let expected = [
        (100.0, "started", "0 of 2"),
        (160.0, "progress", "1 of 2"),
        (220.0, "progress", "2 of 2"),
        (220.0, "successful", "2 of 2"),
    ];
    assert_eq!(told(&ran), expected);
}

#[test]
fn a_refresh_fails_after_fourteen_days_to_the_second() {
    let percentages: Vec<String> = (1..=10).map(|tenth| (10 * tenth).to_string()).collect();
    let refresh = format!(
        "[[capacity_provider.instance_refreshes]]\nat = \"100s\"\n\
         checkpoint_percentages = [{}]\ncheckpoint_delay = \"45h\"\n",
        percentages.join(", ")
    );
    let text = crate::instance_refresh::text(1_300_000, &format!("{}{refresh}", boxes(10)), "");
    let text = text.replace("sample_interval = \"60s\"", "sample_interval = \"1h\"");
    let ran = crate::support::fleet::run(&text);
    // One every 45 h and 60 s, the eighth at 100 + 60 + 7 · 162,060 = 1,134,580 s; 14 days are 1,209,600 s.
    let failed = (1_209_700.0, "failed", "timed_out 8 of 10");
    assert_eq!(told(&ran).last(), Some(&failed));
}

#[test]
fn old_instances_go_when_their_group_is_whole_because_it_has_shrunk() {
    let shortage = "[[capacity_provider.shortages]]\nat = \"80000s\"\nduration = \"30h\"\n";
    let ran = ages(3, &format!("{shortage}{}", action(87_400, "desired_capacity = 2")), "");
    // What replaces boxes-0 cannot be had. A thousand seconds later two are enough.
    assert_eq!(ran.event("terminated"), [(DAY, "boxes-0"), (DAY + 1_000.0, "boxes-1")]);
}

/// Two boxes of at most three with a task each until 603 s, one of them scaled in at 50 s, before a refresh at 100 s.
fn scaled_in_before_a_refresh() -> Moved {
    let pool = "[capacity_provider.warm_pool]\nreuse_on_scale_in = true\n";
    let sizes = "max_size = 3\ndesired_capacity = 2\n";
    let sizes = format!("{sizes}{}", action(50, "desired_capacity = 1"));
    refreshed(&sizes, pool, &jobs(2, "600s"))
}

#[test]
fn nothing_old_returns_to_a_warm_pool_that_a_refresh_has_launched_anew() {
    let ran = scaled_in_before_a_refresh();
    assert_eq!(told(&ran).last(), Some(&(160.0, "successful", "1 of 1")));
    assert_eq!(ran.event("returns_to_warm_pool"), []);
    let ended = ran.event("terminated");
    assert_eq!(ended[0], (100.0, "boxes-2"), "it was in the pool");
    assert_eq!(ended[1..].iter().map(|(at, _)| *at).collect::<Vec<_>>(), [603.0; 2]);
    // Three less the desired one wait; nothing else is counted on.
    assert_eq!([180.0, 720.0].map(|at| count(ran.at(at), "warm_instances")), [2, 2]);
    assert_eq!(ran.event("warmed"), [(150.0, "boxes-3"), (150.0, "boxes-4")]);
    let versions = ran.of_instances("launch_template_version");
    let old = versions.iter().filter(|(_, version)| *version == "1").map(|(name, _)| *name);
    assert_eq!(old.collect::<Vec<_>>(), ["boxes-0", "boxes-1", "boxes-2"]);
}
