//! Lifecycle hooks of Auto Scaling groups from end to end: scenarios as text, run under all checks.
//!
//! Without hooks a new instance is ACTIVE 60 s after it was needed: launched after 5 s, it runs 15 s later, has booted
//! 30 s after that and registers within 10 s. A box costs a tenth of a cent a second.

use crate::instance_failures::boxes;
use crate::support::fleet::{Moved, errors, jobs, run};
use ecsim::scenario::load_text;
use std::path::Path;

fn action(at: u32, desired: u32) -> String {
    format!(
        "[[capacity_provider.scheduled_actions]]\nat = \"{at}s\"\ndesired_capacity = {desired}\n"
    )
}

fn hook(keys: &str) -> String {
    format!("[[capacity_provider.lifecycle_hooks]]\n{keys}\n")
}

fn launching(keys: &str) -> String {
    hook(&format!("transition = \"launching\"\n{keys}"))
}

/// A third box is needed at 100 s.
fn grows(hooks: &str) -> Moved {
    run(&boxes(&format!("max_size = 4\n{hooks}{}", action(100, 3)), ""))
}

#[test]
fn an_instance_registers_when_the_last_hook_of_its_launch_has_called() {
    let one = launching("takes = \"40s\"");
    assert_eq!(grows("").event("registered"), [(160.0, "boxes-2")]);
    assert_eq!(grows(&one).event("registered"), [(200.0, "boxes-2")]);
    let two = format!("{one}{}", launching("takes = \"70s\""));
    assert_eq!(grows(&two).event("registered"), [(230.0, "boxes-2")], "both begin at 150 s");
    // One that has not called after its heartbeat, and CONTINUEs.
    let late = "takes = \"100s\"\nheartbeat_timeout = \"60s\"\n";
    let late = launching(&format!("{late}default_result = \"CONTINUE\""));
    assert_eq!(grows(&late).event("registered"), [(220.0, "boxes-2")]);
}

#[test]
fn a_launch_whose_hook_does_not_call_is_abandoned_and_another_one_tried() {
    let late = launching("takes = \"100s\"\nheartbeat_timeout = \"60s\"");
    let ran = grows(&late);
    // Booted at 150 s, given up at 210 s; the next one 110 s later, and so on to the end at 1000 s.
    let abandoned = ran.event("launch_abandoned");
    assert_eq!(abandoned[..2], [(210.0, "boxes-2"), (320.0, "boxes-3")]);
    assert_eq!(ran.event("terminated")[..2], abandoned[..2]);
    assert_eq!(ran.event("launch")[..2], [(100.0, "boxes-2"), (210.0, "boxes-3")]);
    assert_eq!(abandoned.len(), 8, "210 + 7 · 110 = 980 s");
    assert!(ran.event("registered").is_empty());
    // It has run for 90 s.
    assert!(ran.of_instances("usd").contains(&("boxes-2", "0.090000000")));
}

/// The zones are equal, and the first one loses its instance at 100 s.
fn shrinks(keys: &str, hooks: &str, more: &str) -> Moved {
    run(&boxes(&format!("max_size = 4\n{keys}\n{hooks}{}", action(100, 1)), more))
}

#[test]
fn an_instance_that_is_empty_ends_when_its_hooks_have_called() {
    let hooks = hook("transition = \"terminating\"\ntakes = \"50s\"");
    let ran = shrinks("", &hooks, "");
    assert_eq!(ran.event("draining"), [(100.0, "boxes-0")]);
    assert_eq!(ran.event("terminated"), [(150.0, "boxes-0")]);
    // 150 s and 1000 s.
    assert_eq!(ran.number("ec2_usd"), 1.15);
}

#[test]
fn hooks_hold_an_instance_beside_managed_draining() {
    // Its tasks work from 3 s to 303 s.
    let hooks = |keys: &str| hook(&format!("transition = \"terminating\"\n{keys}"));
    let end = |keys: &str, hooks: &str| {
        let ran = shrinks(keys, hooks, &jobs(4, "300s"));
        (ran.event("terminated")[0].0, ran.number("tasks_lost"))
    };
    assert_eq!(end("", &hooks("takes = \"50s\"")), (303.0, 0.0));
    assert_eq!(end("", &hooks("takes = \"400s\"")), (500.0, 0.0));
    let late = "takes = \"100s\"\nheartbeat_timeout = \"60s\"\n";
    // Not waited for any longer, or the end of all waiting.
    let goes_on = hooks(&format!("{late}default_result = \"CONTINUE\""));
    assert_eq!(end("", &goes_on), (303.0, 0.0));
    assert_eq!(end("", &hooks(late)), (160.0, 2.0));
    // Without managed draining the hook alone holds it, DRAINING.
    assert_eq!(end("managed_draining = false", &hooks("takes = \"50s\"")), (150.0, 2.0));
    assert_eq!(end("managed_draining = false", &hooks("takes = \"250s\"")), (350.0, 0.0));
    assert_eq!(end("managed_draining = false", ""), (100.0, 2.0));
}

#[test]
fn instances_that_have_failed_do_not_wait_for_hooks() {
    let failure = "[[failure]]\nat = \"100s\"\ninstance = \"boxes-0\"\nkind = \"instance\"\n\
        found_after = \"60s\"\n";
    let hooks = hook("transition = \"terminating\"\ntakes = \"500s\"");
    let ran = run(&boxes(&format!("max_size = 4\n{hooks}"), failure));
    assert_eq!(ran.event("terminated"), [(160.0, "boxes-0")]);
    // What is ended as in a scale-in waits.
    let drains = format!("{failure}reaction = \"drain\"\n");
    let ran = run(&boxes(&format!("max_size = 4\n{hooks}"), &drains));
    assert_eq!(ran.event("terminated"), [(660.0, "boxes-0")]);
    assert_eq!(ran.event("launch"), [(160.0, "boxes-2")]);
}

#[test]
fn bad_hooks_are_refused() {
    let fine = "transition = \"launching\"\ntakes = \"1s\"\n";
    let cases = [
        ("transition = \"launching\"".to_string(), "`takes`"),
        ("takes = \"1s\"".to_string(), "`transition`"),
        ("transition = \"pending\"\ntakes = \"1s\"".to_string(), "terminating"),
        (format!("{fine}heartbeat_timeout = \"29s\""), "heartbeat_timeout"),
        (format!("{fine}heartbeat_timeout = \"3h\""), "heartbeat_timeout"),
        (format!("{fine}default_result = \"FAIL\""), "ABANDON"),
    ];
    for (keys, message) in cases {
        let found = errors(&boxes(&format!("max_size = 4\n{}", hook(&keys)), ""));
        assert!(found.contains(message), "{keys}: {found}");
    }
    let found = errors(&boxes(&hook(fine), ""));
    assert!(found.contains("`lifecycle_hooks` without `max_size`"), "{found}");
    let many = hook(fine).repeat(51);
    let found = errors(&boxes(&format!("max_size = 4\n{many}"), ""));
    assert!(found.contains("at most 50 lifecycle hooks, this one 51"), "{found}");
    let late = launching("takes = \"100s\"\nheartbeat_timeout = \"60s\"");
    let text = boxes(&format!("max_size = 4\n{late}"), &jobs(4, "300s"));
    let found = errors(&text.replace("duration = \"1000s\"\n", ""));
    assert!(found.contains("abandons every launch, again and again"), "{found}");
    let endless = |takes: &str| {
        let late = launching(&format!("takes = {takes}\nheartbeat_timeout = \"60s\""));
        let text = boxes(&format!("max_size = 4\n{late}"), &jobs(4, "300s"));
        let text = text.replace("duration = \"1000s\"\n", "");
        let found = load_text(&text, "test.toml", Path::new("."), &[]);
        found.err().is_some_and(|found| found.to_string().contains("abandons every launch"))
    };
    for takes in [
        "{ type = \"uniform\", min = \"61s\", max = \"200s\" }",
        "{ type = \"pareto\", min = \"61s\", alpha = 3 }",
        "{ type = \"empirical\", values = [\"90s\", \"70s\"] }",
    ] {
        assert!(endless(takes), "{takes}");
    }
    for takes in [
        "{ type = \"uniform\", min = \"60s\", max = \"200s\" }",
        "{ type = \"exponential\", mean = \"100s\" }",
    ] {
        assert!(!endless(takes), "{takes}: one may be in time");
    }
}
