//! What replaces instances that are well: `MaxInstanceLifetime` and instance refreshes, through whole runs. Every instant
//! is worked out by hand.

use crate::support::fleet::{BOXES, LATENCY, Moved, WEB, errors, jobs, run};
use crate::support::random::drawn;
use crate::support::services::{count, seconds};
use ecsim::policy::capacity::refresh::{View, limits, step};
use proptest::prelude::*;

/// A group of boxes with room for two tasks each, in two zones. One is ACTIVE 60 s after it was needed.
pub fn text(duration: u32, sizes: &str, more: &str) -> String {
    format!(
        "[simulation]\nregion = \"us-east-1\"\nduration = \"{duration}s\"\nsample_interval = \"60s\"\n\
         {LATENCY}\n[service_scheduler]\nreaction = \"1s\"\n{BOXES}\n[[capacity_provider]]\nname = \"boxes\"\n\
         instance_types = [\"box.large\"]\n{sizes}\n{WEB}\n{more}\n"
    )
}

const DAY: f64 = 86_400.0;
const LIFETIME: &str = "max_instance_lifetime = \"1d\"\n";

pub fn ages(count: u32, more: &str, jobs: &str) -> Moved {
    let sizes = format!("max_size = {count}\ndesired_capacity = {count}\n{LIFETIME}{more}");
    run(&text(90_000, &sizes, jobs))
}

#[test]
fn instances_of_the_highest_age_are_replaced_one_after_the_other() {
    let ran = ages(3, "", "");
    // All three are a day old at once; five minutes lie between the replacements.
    let ended = [(DAY, "boxes-0"), (DAY + 300.0, "boxes-1"), (DAY + 600.0, "boxes-2")];
    assert_eq!(ran.event("terminated"), ended);
    let launched = [(DAY, "boxes-3"), (DAY + 300.0, "boxes-4"), (DAY + 600.0, "boxes-5")];
    assert_eq!(ran.event("launch"), launched, "it ends one and launches one at the same time");
    let causes = |column: &str| -> Vec<String> {
        ran.of_instances(column).iter().map(|(_, cause)| (*cause).to_string()).collect()
    };
    let [old, new] = [vec!["max_lifetime"; 3], vec![""; 3]];
    assert_eq!(causes("end_cause"), [old.clone(), new].concat());
    assert_eq!(causes("launch_cause"), [vec!["initial"; 3], old].concat());
    assert_eq!(count(ran.at(DAY), "desired_instances"), 3, "the desired capacity stays");
}

#[test]
fn a_group_is_whole_again_before_the_next_one_goes() {
    let ran = ages(3, "max_instance_lifetime_pause = \"10s\"", "");
    let ended = [(DAY, "boxes-0"), (DAY + 60.0, "boxes-1"), (DAY + 120.0, "boxes-2")];
    assert_eq!(ran.event("terminated"), ended, "a launch takes 60 s");
}

#[test]
fn where_time_is_short_a_tenth_goes_at_once() {
    // With 12 hours between them two replacements fit a day: ten of the twenty at once would do, two are allowed.
    let ran = ages(20, "max_instance_lifetime_pause = \"12h\"", "");
    assert_eq!(ran.event("terminated"), [(DAY, "boxes-0"), (DAY, "boxes-1")]);
    assert_eq!(ran.event("launch"), [(DAY, "boxes-20"), (DAY, "boxes-21")]);
}

#[test]
fn an_old_instance_drains_while_its_replacement_is_on_its_way() {
    let ran = ages(1, "", &jobs(2, "87000s"));
    // Asked for at 1 s, RUNNING 2 s later, 87,000 s of work.
    assert_eq!(ran.event("draining"), [(DAY, "boxes-0")]);
    assert_eq!(ran.event("registered"), [(DAY + 60.0, "boxes-1")]);
    assert_eq!(ran.event("terminated"), [(87_003.0, "boxes-0")]);
    assert_eq!((ran.number("tasks_completed"), ran.number("tasks_lost")), (2.0, 0.0));
}

#[test]
fn age_counts_from_running_and_a_replacement_grows_old_too() {
    let sizes = "max_size = 1\nmax_instance_lifetime = \"1d\"\n\
                 [[capacity_provider.scheduled_actions]]\nat = \"100s\"\ndesired_capacity = 1\n";
    let ran = run(&text(180_000, sizes, ""));
    // Needed at 100 s, it runs from 120 s on; its replacement is needed a day later and runs after 20 s.
    let ended = [(120.0 + DAY, "boxes-0"), (140.0 + 2.0 * DAY, "boxes-1")];
    assert_eq!(ran.event("terminated"), ended);
}

#[test]
fn protection_from_scale_in_holds_old_instances_back() {
    let ran = ages(2, "protect_from_scale_in = true", "");
    assert_eq!(ran.event("terminated"), []);
    // ECS protects the instance that has tasks, until 1 + 2 + 87,000 s, and looks at the end of each minute.
    let managed = "min_size = 2\nprotect_from_scale_in = true\nmanaged_termination_protection = true\n\
                   [capacity_provider.managed_scaling]\n";
    let place = "placement_strategy = [{ type = \"binpack\", field = \"cpu\" }]\n";
    let jobs = jobs(2, "87000s").replace("on_failure", &format!("{place}on_failure"));
    let ran = ages(2, managed, &jobs);
    let busy = ran.of_tasks("instance_id")[0].to_string();
    let idle = if busy == "boxes-0" { "boxes-1" } else { "boxes-0" };
    assert_eq!(ran.of_tasks("instance_id"), [busy.as_str(); 2]);
    assert_eq!(ran.event("terminated"), [(DAY, idle), (87_060.0, busy.as_str())]);
    assert_eq!(ran.number("tasks_lost"), 0.0);
}

/// Boxes and one refresh at 100 s, some of them with more sections at the end.
pub fn refreshed(sizes: &str, preferences: &str, more: &str) -> Moved {
    let refresh =
        format!("[[capacity_provider.instance_refreshes]]\nat = \"100s\"\n{preferences}\n");
    run(&text(5_000, &format!("{sizes}\n{refresh}"), more))
}

pub fn boxes(count: u32) -> String {
    format!("max_size = {count}\ndesired_capacity = {count}\n")
}

pub fn action(at: u32, change: &str) -> String {
    format!("[[capacity_provider.scheduled_actions]]\nat = \"{at}s\"\n{change}\n")
}

/// What is told of refreshes: when, what, how far.
pub fn told(ran: &Moved) -> Vec<(f64, &str, &str)> {
    let rows = ran.fleet.iter().filter_map(|row| {
        let event = row["event"].strip_prefix("refresh_")?;
        Some((seconds(row, "time_s").unwrap(), event, row["reason"].as_str()))
    });
    rows.collect()
}

#[test]
fn by_default_a_small_group_ends_one_and_launches_one_after_the_other() {
    let ran = refreshed(&boxes(4), "", "");
    // 90 % of 4 is 4: nothing could end, and so one does. The first zone has boxes-0 and boxes-2; a launch takes 60 s.
    let ended = [(100.0, "boxes-0"), (160.0, "boxes-2"), (220.0, "boxes-1"), (280.0, "boxes-3")];
    assert_eq!(ran.event("terminated"), ended);
    let launched = [(100.0, "boxes-4"), (160.0, "boxes-5"), (220.0, "boxes-6"), (280.0, "boxes-7")];
    assert_eq!(ran.event("launch"), launched);
    let progress = [
        (100.0, "started", "0 of 4"),
        (160.0, "progress", "1 of 4"),
        (220.0, "progress", "2 of 4"),
        (280.0, "progress", "3 of 4"),
        (340.0, "progress", "4 of 4"),
        (340.0, "successful", "4 of 4"),
    ];
    assert_eq!(told(&ran), progress);
    assert_eq!(ran.of_instances("end_cause")[3], ("boxes-3", "instance_refresh"));
    assert_eq!(ran.of_instances("launch_cause")[4], ("boxes-4", "instance_refresh"));
    let versions: Vec<&str> =
        ran.of_instances("launch_template_version").iter().map(|(_, version)| *version).collect();
    assert_eq!(versions, [["1"; 4], ["2"; 4]].concat());
    let numbers = ["instances_refreshed", "refreshes_successful", "refreshes_failed"];
    assert_eq!(numbers.map(|name| ran.number(name)), [4.0, 1.0, 0.0]);
}

#[test]
fn a_large_group_replaces_a_tenth_at_a_time_and_each_batch_warms_up() {
    let ran = refreshed(&boxes(20), "instance_warmup = \"40s\"", "");
    let ended: Vec<f64> = ran.event("terminated").iter().map(|(at, _)| *at).collect();
    let expected: Vec<f64> =
        (0..10).flat_map(|batch| [100.0 + 100.0 * f64::from(batch); 2]).collect();
    assert_eq!(ended, expected, "two every 60 + 40 s");
    assert_eq!(told(&ran).last(), Some(&(1_100.0, "successful", "20 of 20")));
    // The warm-up that is not given is the group's grace period.
    let grace = "health_check_grace_period = \"40s\"\n";
    assert_eq!(refreshed(&(boxes(20) + grace), "", "").fleet, ran.fleet);
    assert_ne!(refreshed(&boxes(20), "", "").fleet, ran.fleet);
}

#[test]
fn above_100_percent_new_instances_come_first_in_the_zone_that_will_lack_one() {
    let preferences = "min_healthy_percentage = 100\nmax_healthy_percentage = 150";
    let ran = refreshed(&boxes(2), preferences, "");
    // Three at most: boxes-2 stands in for boxes-0 and, when it is ACTIVE, boxes-3 for boxes-1.
    assert_eq!(ran.event("launch"), [(100.0, "boxes-2"), (160.0, "boxes-3")]);
    assert_eq!(ran.event("terminated"), [(160.0, "boxes-0"), (220.0, "boxes-1")]);
    let zones: Vec<&str> = ran.of_instances("availability_zone").iter().map(|(_, z)| *z).collect();
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1a", "us-east-1b"]);
    assert_eq!(count(ran.at(180.0), "instances"), 2);
    assert_eq!(count(ran.at(180.0), "launching_instances"), 1);
    assert_eq!(count(ran.at(180.0), "desired_instances"), 2, "beyond `MaxSize`, too");
    assert_eq!(told(&ran).last(), Some(&(220.0, "successful", "2 of 2")));
}

#[test]
fn with_both_at_100_one_is_launched_before_one_ends() {
    let preferences = "min_healthy_percentage = 100\nmax_healthy_percentage = 100";
    let ran = refreshed(&boxes(3), preferences, "");
    let ended: Vec<f64> = ran.event("terminated").iter().map(|(at, _)| *at).collect();
    assert_eq!(ended, [160.0, 220.0, 280.0]);
}

#[test]
fn a_range_on_both_sides_ends_one_and_launches_two() {
    let preferences = "min_healthy_percentage = 90\nmax_healthy_percentage = 110";
    let ran = refreshed(&boxes(10), preferences, "");
    let at = |name: &str, at: f64| ran.event(name).iter().filter(|(when, _)| *when == at).count();
    let ended = [100.0, 160.0, 220.0, 280.0, 340.0, 400.0].map(|time| at("terminated", time));
    assert_eq!(ended, [1, 2, 2, 2, 2, 1]);
    let launched = [100.0, 160.0, 220.0, 280.0, 340.0, 400.0].map(|time| at("launch", time));
    assert_eq!(launched, [2, 2, 2, 2, 2, 0]);
    assert_eq!(told(&ran).last(), Some(&(400.0, "successful", "10 of 10")));
}

#[test]
fn what_a_refresh_ends_drains_and_is_not_waited_for() {
    let ran = refreshed(&boxes(1), "", &jobs(2, "1000s"));
    assert_eq!(ran.event("draining"), [(100.0, "boxes-0")]);
    // RUNNING at 3 s, 1,000 s of work.
    assert_eq!(ran.event("terminated"), [(1_003.0, "boxes-0")]);
    assert_eq!(told(&ran).last(), Some(&(160.0, "successful", "1 of 1")));
    let ran = refreshed(&(boxes(1) + "managed_draining = false\n"), "", &jobs(2, "1000s"));
    assert_eq!(ran.event("terminated"), [(100.0, "boxes-0")]);
    assert_eq!(ran.number("tasks_lost"), 2.0);
}

#[test]
fn it_pauses_at_checkpoints_ends_at_the_last_one_and_bakes() {
    let preferences = "checkpoint_percentages = [25, 50, 100]\ncheckpoint_delay = \"200s\"";
    let ran = refreshed(&boxes(3), preferences, "");
    // A quarter of three is one, half of them two.
    let expected = [
        (100.0, "started", "0 of 3"),
        (160.0, "progress", "1 of 3"),
        (160.0, "checkpoint", "1 of 3"),
        (420.0, "progress", "2 of 3"),
        (420.0, "checkpoint", "2 of 3"),
        (680.0, "progress", "3 of 3"),
        (680.0, "successful", "3 of 3"),
    ];
    assert_eq!(told(&ran), expected);
    let ended: Vec<f64> = ran.event("terminated").iter().map(|(at, _)| *at).collect();
    assert_eq!(ended, [100.0, 360.0, 620.0]);
    let ran = refreshed(&boxes(3), "checkpoint_percentages = [50]\nbake_time = \"5m\"", "");
    assert_eq!(ran.event("terminated").len(), 2);
    let [.., bakes, over] = told(&ran)[..] else { panic!() };
    assert_eq!(bakes, (220.0, "bakes", "2 of 3"));
    assert_eq!(over, (520.0, "successful", "2 of 3"));
    // Without `checkpoint_delay` an hour.
    let ran = refreshed(&boxes(2), "checkpoint_percentages = [50, 100]", "");
    assert_eq!(told(&ran).last(), Some(&(3_820.0, "successful", "2 of 2")));
}

#[test]
fn protected_instances_are_waited_for_an_hour_left_or_replaced() {
    let protected = |how: &str| {
        let preferences = format!("scale_in_protected_instances = \"{how}\"");
        let preferences = if how.is_empty() { "" } else { &preferences };
        refreshed(&(boxes(2) + "protect_from_scale_in = true\n"), preferences, "")
    };
    let ran = protected("");
    let waits = [
        (100.0, "started", "0 of 2"),
        (100.0, "waiting", "protected_from_scale_in 0 of 2"),
        (3_700.0, "failed", "protected_from_scale_in 0 of 2"),
    ];
    assert_eq!(told(&ran), waits, "the API's default is to wait");
    assert_eq!((ran.event("terminated").len(), ran.number("refreshes_failed")), (0, 1.0));
    let ran = protected("Ignore");
    let ignores = [(100.0, "started", "0 of 2"), (100.0, "successful", "0 of 2")];
    assert_eq!(told(&ran), ignores);
    let ran = protected("Refresh");
    assert_eq!(ran.event("terminated"), [(100.0, "boxes-0"), (160.0, "boxes-1")]);
}

#[test]
fn what_ecs_protects_is_replaced_when_its_tasks_have_ended() {
    let managed = "min_size = 2\nprotect_from_scale_in = true\nmanaged_termination_protection = true\n\
                   [capacity_provider.managed_scaling]\n";
    let ran = refreshed(&(boxes(2) + managed), "", &jobs(2, "1000s"));
    // The tasks are spread: RUNNING at 3 s, they end at 1,003 s, and ECS looks at the end of the minute.
    let ended = [(1_020.0, "boxes-0"), (1_080.0, "boxes-1")];
    assert_eq!(ran.event("terminated"), ended);
    let waits = (100.0, "waiting", "protected_from_scale_in 0 of 2");
    assert_eq!(told(&ran)[1], waits);
    assert_eq!(told(&ran).last(), Some(&(1_140.0, "successful", "2 of 2")));
    assert_eq!(ran.number("tasks_lost"), 0.0);
}

#[test]
fn instances_of_the_right_version_are_skipped() {
    let grows = |skip: &str| {
        let sizes = "max_size = 3\ndesired_capacity = 2\n".to_string();
        let change = action(10, "desired_capacity = 3\nlaunch_template_version = 2");
        let preferences = format!("launch_template_version = 2\n{skip}");
        let ran = refreshed(&(sizes + &change), &preferences, "");
        ran.event("terminated").iter().map(|(_, name)| (*name).to_string()).collect::<Vec<_>>()
    };
    assert_eq!(grows("skip_matching = true"), ["boxes-0", "boxes-1"]);
    assert_eq!(grows("").len(), 3, "without it all of them are replaced");
    // A refresh brings the next version: all instances are of another one.
    let ran = refreshed(&boxes(2), "skip_matching = true", "");
    assert_eq!(ran.event("terminated").len(), 2);
    let ran = refreshed(&boxes(2), "skip_matching = true\nlaunch_template_version = 1", "");
    assert_eq!(told(&ran), [(100.0, "started", "0 of 0"), (100.0, "successful", "0 of 0")]);
}

#[test]
fn the_oldest_launch_template_goes_first() {
    let ended = |policy: &str| {
        let sizes = format!(
            "max_size = 3\ndesired_capacity = 2\navailability_zones = [\"us-east-1a\"]\n\
             termination_policies = [\"{policy}\", \"NewestInstance\"]\n"
        );
        let more = action(10, "desired_capacity = 3\nlaunch_template_version = 2");
        let ran = run(&text(1_000, &(sizes + &more + &action(200, "desired_capacity = 2")), ""));
        ran.event("terminated").iter().map(|(_, name)| (*name).to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ended("OldestLaunchTemplate"), ["boxes-1"]);
    assert_eq!(ended("NewestInstance"), ["boxes-2"]);
}

#[test]
fn one_refresh_at_a_time_and_it_can_be_cancelled() {
    let second = "[[capacity_provider.instance_refreshes]]\nat = \"150s\"";
    let ran = refreshed(&boxes(4), &format!("cancel_at = \"200s\"\n{second}"), "");
    assert_eq!(ran.event("terminated"), [(100.0, "boxes-0"), (160.0, "boxes-2")]);
    let expected = [
        (100.0, "started", "0 of 4"),
        (150.0, "refused", "in_progress"),
        (160.0, "progress", "1 of 4"),
        (200.0, "cancelled", "1 of 4"),
    ];
    assert_eq!(told(&ran), expected);
    assert_eq!(count(ran.at(300.0), "instances"), 4, "what was launched stays");
    // What stood in for others is one too many then.
    let preferences = "min_healthy_percentage = 100\ncancel_at = \"130s\"";
    let ran =
        refreshed(&(boxes(2) + "termination_policies = [\"NewestInstance\"]\n"), preferences, "");
    assert_eq!(ran.event("launch"), [(100.0, "boxes-2")]);
    assert_eq!(ran.event("terminated"), [(160.0, "boxes-2")]);
    assert_eq!(ran.of_instances("end_cause")[2], ("boxes-2", "scale_in"));
}

#[test]
fn an_alarm_fails_it_and_the_group_goes_back_to_the_version_before() {
    let preferences = "launch_template_version = 2\nalarm_at = \"200s\"";
    let back = format!("{preferences}\nauto_rollback = true");
    let ran = refreshed(&boxes(4), &back, "");
    // Two are new by then, one of them on its way until 220 s. One at a time goes back.
    let expected = [
        (100.0, "started", "0 of 4"),
        (160.0, "progress", "1 of 4"),
        (200.0, "failed", "alarm 1 of 4"),
        (200.0, "rolls_back", "0 of 2"),
        (280.0, "progress", "1 of 2"),
        (340.0, "progress", "2 of 2"),
        (340.0, "rolled_back", "2 of 2"),
    ];
    assert_eq!(told(&ran), expected);
    let ended = [(100.0, "boxes-0"), (160.0, "boxes-2"), (220.0, "boxes-4"), (280.0, "boxes-5")];
    assert_eq!(ran.event("terminated"), ended);
    let versions = ran.of_instances("launch_template_version");
    let of_version = |of: &str| -> Vec<&str> {
        versions.iter().filter(|(_, version)| *version == of).map(|(name, _)| *name).collect()
    };
    assert_eq!(of_version("2"), ["boxes-4", "boxes-5"]);
    let counts = ["refreshes_failed", "refreshes_successful"].map(|name| ran.number(name));
    assert_eq!(counts, [1.0, 0.0]);
    // Without a rollback what has been replaced stays, and the next ones have the new version.
    let ran = refreshed(&boxes(4), preferences, "");
    assert_eq!(told(&ran).last(), Some(&(200.0, "failed", "alarm 1 of 4")));
    assert_eq!(ran.event("terminated").len(), 2);
    // The bake time is there for alarms.
    let bakes = "bake_time = \"5m\"\nalarm_at = \"300s\"";
    let ran = refreshed(&boxes(1), bakes, "");
    assert_eq!(told(&ran).last(), Some(&(300.0, "failed", "alarm 1 of 1")));
    // An alarm after the end is nobody's.
    let ran = refreshed(&boxes(1), "alarm_at = \"300s\"", "");
    assert_eq!(told(&ran).last(), Some(&(160.0, "successful", "1 of 1")));
}

#[test]
fn without_capacity_for_an_hour_it_fails() {
    let shortage = "[[capacity_provider.shortages]]\nat = \"90s\"\nduration = \"2h\"\n";
    let ran = refreshed(&(boxes(2) + shortage), "", "");
    assert_eq!(ran.event("terminated"), [(100.0, "boxes-0")]);
    let failed = (3_700.0, "failed", "insufficient_capacity 0 of 2");
    assert_eq!(told(&ran).last(), Some(&failed));
}

#[test]
fn a_group_that_shrinks_meanwhile_has_less_to_replace() {
    let ran = refreshed(&(boxes(4) + &action(150, "desired_capacity = 0")), "", "");
    // At 150 s three old ones end; the new one is on its way until 160 s.
    let ended = [
        (100.0, "boxes-0"),
        (150.0, "boxes-1"),
        (150.0, "boxes-3"),
        (150.0, "boxes-2"),
        (160.0, "boxes-4"),
    ];
    let mut found = ran.event("terminated");
    found[1..4].sort_by_key(|(_, name)| *name == "boxes-2");
    found[1..3].sort_by_key(|(_, name)| *name);
    assert_eq!(found, ended);
    assert_eq!(told(&ran).last(), Some(&(160.0, "successful", "4 of 4")));
}

#[test]
fn the_warm_pool_is_launched_anew() {
    let pool = "[capacity_provider.warm_pool]\nstart = \"8s\"\nboot = \"2s\"\n";
    let ran = refreshed(&("max_size = 3\ndesired_capacity = 1\n".to_string() + pool), "", "");
    // boxes-1 and boxes-2 waited. What replaces them is ready after 50 s, what replaces boxes-0 is launched at once.
    let ended = [(100.0, "boxes-1"), (100.0, "boxes-2"), (100.0, "boxes-0")];
    assert_eq!(ran.event("terminated"), ended);
    assert_eq!(ran.event("warmed"), [(150.0, "boxes-3"), (150.0, "boxes-4")]);
    assert_eq!(ran.event("registered"), [(160.0, "boxes-5")]);
    assert_eq!(told(&ran).last(), Some(&(160.0, "successful", "1 of 1")));
}

#[test]
fn nobody_is_too_old_while_a_refresh_is_in_progress() {
    let refresh = "[[capacity_provider.instance_refreshes]]\nat = \"86300s\"\n\
                   checkpoint_percentages = [50, 100]\ncheckpoint_delay = \"1000s\"\n";
    let ran = ages(2, refresh, "");
    // The checkpoint is from 86,360 s to 87,360 s.
    assert_eq!(ran.event("terminated"), [(86_300.0, "boxes-0"), (87_360.0, "boxes-1")]);
    assert_eq!(ran.of_instances("end_cause")[1], ("boxes-1", "instance_refresh"));
    assert_eq!(ran.number("instances_too_old"), 0.0);
}

#[test]
fn bad_refreshes_are_refused() {
    let told = |more: &str| {
        let refresh = format!("[[capacity_provider.instance_refreshes]]\nat = \"100s\"\n{more}");
        errors(&text(1_000, &format!("max_size = 1\n{refresh}"), ""))
    };
    for (given, expected) in [
        (
            "min_healthy_percentage = 50\nmax_healthy_percentage = 151",
            "`max_healthy_percentage` 151 is more than 100 above `min_healthy_percentage` 50",
        ),
        (
            "max_healthy_percentage = 150",
            "`max_healthy_percentage` without `min_healthy_percentage`",
        ),
        ("min_healthy_percentage = 101", "min_healthy_percentage"),
        ("max_healthy_percentage = 99", "max_healthy_percentage"),
        ("checkpoint_percentages = [50, 50]", "`checkpoint_percentages` must ascend"),
        ("checkpoint_percentages = [0, 50]", "checkpoint_percentages"),
        ("checkpoint_delay = \"1m\"", "`checkpoint_delay` without `checkpoint_percentages`"),
        ("cancel_at = \"100s\"", "`cancel_at` is not after `at`"),
        ("alarm_at = \"100s\"", "`alarm_at` is not after `at`"),
        ("auto_rollback = true", "`auto_rollback` without `launch_template_version`"),
        ("scale_in_protected_instances = \"wait\"", "\"Wait\""),
        ("launch_template_version = 0", "launch_template_version"),
        ("bake_time = \"49h\"", "bake_time"),
    ] {
        let found = told(given);
        assert!(found.contains(expected) && found.contains("test.toml:"), "{given}: {found}");
    }
    let fixed = "desired_capacity = 1\n[[capacity_provider.instance_refreshes]]\nat = \"1s\"";
    let found = errors(&text(1_000, fixed, ""));
    assert!(found.contains("`instance_refreshes` without `max_size`"), "{found}");
    let empty = errors(&text(1_000, &format!("max_size = 1\n{}", action(1, "")), ""));
    assert!(empty.contains("`desired_capacity` or `launch_template_version`"), "{empty}");
}

#[test]
fn bad_lifetimes_are_refused() {
    let told = |more: &str| errors(&text(1_000, &format!("max_size = 1\n{more}"), ""));
    let short = told("max_instance_lifetime = \"23h\"");
    assert!(short.contains("`max_instance_lifetime` is less than a day"), "{short}");
    assert!(short.contains("EC2 Auto Scaling takes 1 to 365 days, or \"0s\" for none"), "{short}");
    let long = told("max_instance_lifetime = \"366d\"");
    assert!(long.contains("max_instance_lifetime") && long.contains("365d"), "{long}");
    let alone = told("max_instance_lifetime = \"0s\"\nmax_instance_lifetime_pause = \"1m\"");
    assert!(
        alone.contains("`max_instance_lifetime_pause` without `max_instance_lifetime`"),
        "{alone}"
    );
    let fixed = errors(&text(1_000, "desired_capacity = 1\nmax_instance_lifetime = \"1d\"", ""));
    assert!(fixed.contains("`max_instance_lifetime` without `max_size`"), "{fixed}");
}

proptest! {
    #![proptest_config(drawn(512))]

    #[test]
    fn a_step_keeps_to_its_limits(
        desired in 0..200_u32, healthy in 0..300_u32, replaceable in 0..300_u32,
        free in 0..300_u32, allowed in 0..300_u32, min in 0..=100_u32, more in 0..=100_u32,
    ) {
        let percents = (min, (min + more).max(100));
        let may_end = free.min(replaceable).min(healthy);
        let view = View { desired, healthy, replaceable, may_end, allowed };
        let step = step(&view, percents);
        let (least, most) = limits(desired, percents);
        prop_assert!(least <= desired && desired <= most);
        prop_assert!(step.end == 0 || healthy - step.end >= least);
        prop_assert!(desired + step.extra <= most);
        prop_assert!(step.end <= may_end && step.end + step.extra <= replaceable.min(allowed));
        // A whole group with something old in service never stands still.
        if may_end > 0 && allowed > 0 && healthy >= desired {
            prop_assert!(step.end + step.extra > 0);
        }
    }
}
