//! What replaces instances that are well: `MaxInstanceLifetime` and instance refreshes, through whole runs. Every instant
//! is worked out by hand.

use crate::support::fleet::{BOXES, LATENCY, Moved, WEB, errors, jobs, run};
use crate::support::services::count;

/// A group of boxes with room for two tasks each, in two zones. One is ACTIVE 60 s after it was needed.
fn text(duration: u32, sizes: &str, more: &str) -> String {
    format!(
        "[simulation]\nregion = \"us-east-1\"\nduration = \"{duration}s\"\nsample_interval = \"60s\"\n\
         {LATENCY}\n[service_scheduler]\nreaction = \"1s\"\n{BOXES}\n[[capacity_provider]]\nname = \"boxes\"\n\
         instance_types = [\"box.large\"]\n{sizes}\n{WEB}\n{more}\n"
    )
}

const DAY: f64 = 86_400.0;
const LIFETIME: &str = "max_instance_lifetime = \"1d\"\n";

fn ages(count: u32, more: &str, jobs: &str) -> Moved {
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
