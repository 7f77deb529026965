//! Managed daemons: DAEMON services of Managed Instances, from end to end: scenarios as text, run under all checks.
//!
//! Tasks that wait are collected for 1 s, services look after 1 s; an instance is ACTIVE 30 s after its launch. A task is
//! RUNNING 2 s after it was placed, counts as healthy 40 s later without a check, and takes 1 s to stop. Every box has room
//! for the daemon and one task.

use crate::support::fleet::{MANAGED, Moved, errors, fleet_events, on_managed, run};
use ecsim::scenario::load_text;
use std::path::Path;

fn scenario(managed: &str, more: &str) -> String {
    let stages = MANAGED.replace("reaction = \"1s\"", "reaction = \"1s\"\ncrash_reaction = \"1s\"");
    on_managed(&stages, r#"["box.small"]"#, managed, &format!("{SLOW}{more}"))
}

/// A task whose image takes a while.
const SLOW: &str = r#"
[[task_definition]]
family = "slow"
cpu = 1024
memory = 1024
image_mib = 600
network_mode = "host"
"#;

const TO: &str = "capacity_provider_strategy = [{ capacity_provider = \"mi\", weight = 1 }]\n";

fn web(count: u32) -> String {
    format!(
        "[[service]]\nname = \"web\"\ntask_definition = \"web\"\ndesired_count = {count}\n{TO}\
         starts_running = false\n"
    )
}

fn agent(keys: &str) -> String {
    format!(
        "[[service]]\nname = \"agent\"\ntask_definition = \"web\"\nscheduling_strategy = \"DAEMON\"\n{TO}\
         starts_running = false\n{keys}\n"
    )
}

fn of<'a>(ran: &'a Moved, service: &str, column: &str) -> Vec<&'a str> {
    let own = ran.tasks.iter().filter(|task| task["source"] == service);
    own.map(|task| task[column].as_str()).collect()
}

/// A crash of the daemon at 200 s, of which the scheduler learns a second later.
const CRASH: &str = "[[failure]]\nat = \"200s\"\nservice = \"agent\"\n";

#[test]
fn the_failure_of_a_critical_daemon_drains_and_replaces_its_instance() {
    let ran = run(&scenario("", &(agent("") + &web(1) + CRASH)));
    let told = fleet_events(&ran);
    // The scheduler knows at 201 s. The service looks a second later, its batch is a second long, and the instance is
    // ACTIVE after 30 s. Its daemon runs at 235 s and the task 2 s after it, which is healthy at 277 s; the look of 278 s
    // stops the old one, in 1 s.
    assert_eq!(
        told[3..],
        [
            "201 impaired mi-0 daemon_failed",
            "201 draining mi-0 auto_repair",
            "203 launch mi-1 auto_repair",
            "219 running mi-1 auto_repair",
            "233 registered mi-1 auto_repair",
            "279 terminated mi-0 auto_repair",
        ]
    );
    // The daemon is not started again where it failed.
    assert_eq!(of(&ran, "agent", "instance_id"), ["mi-0", "mi-1"]);
    assert_eq!(of(&ran, "web", "instance_id"), ["mi-0", "mi-1"]);
    assert_eq!(ran.number("tasks_lost"), 0.0);
}

#[test]
fn a_daemon_that_is_not_critical_is_started_again_on_its_instance() {
    let ran = run(&scenario("", &(agent("critical = false") + &web(1) + CRASH)));
    assert!(ran.event("impaired").is_empty() && ran.event("draining").is_empty());
    assert_eq!(of(&ran, "agent", "instance_id"), ["mi-0", "mi-0"]);
    // A critical one, too, where nobody repairs; that is told.
    let ran = run(&scenario("auto_repair = \"DISABLED\"\n", &(agent("") + &web(1) + CRASH)));
    assert_eq!(ran.event("impaired").len(), 1);
    assert!(ran.event("draining").is_empty());
    assert_eq!(of(&ran, "agent", "instance_id"), ["mi-0", "mi-0"]);
}

/// StopTask and failing health checks are failures of the daemon as well.
#[test]
fn a_critical_daemon_that_is_stopped_or_unhealthy_is_a_failure_of_its_instance() {
    let stopped = CRASH.replace("service", "kind = \"stop_task\"\nservice");
    let ran = run(&scenario("", &(agent("") + &web(1) + &stopped)));
    assert_eq!(ran.event("impaired").len(), 1, "{:?}", fleet_events(&ran));
    assert_eq!(ran.of_instances("end_cause")[0], ("mi-0", "auto_repair"));
    let check = "[[task_definition]]\nfamily = \"checked\"\ncpu = 1024\nmemory = 1024\nnetwork_mode = \"host\"\n\
                 health_check = {}\n";
    let sick =
        agent("behaviour = { time_to_unhealthy = \"100s\" }").replace("\"web\"", "\"checked\"");
    let ran = run(&scenario("", &(check.to_string() + &sick + &web(1))));
    let first = ran.event("impaired").first().copied();
    assert!(first.is_some_and(|(at, _)| at < 400.0), "{:?}", fleet_events(&ran));
    assert_eq!(ran.of_instances("end_cause")[0], ("mi-0", "auto_repair"));
}

/// The daemon's image takes 600 MiB to pull: the task of the service is PENDING until the daemon runs.
#[test]
fn other_tasks_of_a_new_instance_start_when_its_critical_daemons_run() {
    let started = |keys: &str| {
        let slow = agent(keys).replace("\"web\"", "\"slow\"");
        let ran = run(&scenario("", &(slow + &web(1))));
        let at = |service: &str| of(&ran, service, "started_s")[0].parse::<f64>().unwrap();
        assert_eq!(of(&ran, "web", "placed_s"), ["31"]);
        (at("agent"), at("web"))
    };
    let (daemon, web) = started("");
    assert!(daemon > 35.0, "it pulls for a while: {daemon}");
    assert!((web - daemon - 2.0).abs() < 1e-6, "{web} after {daemon}");
    let (later, web) = started("critical = false");
    assert_eq!((later, web), (daemon, 33.0), "the task waits for nothing");
}

/// Both daemons crash: the second instance waits for its turn, and another reason for which it was IMPAIRED is over by then.
#[test]
fn an_instance_whose_daemon_has_failed_is_not_well_because_something_else_is_over() {
    let sick = "[[failure]]\nat = \"150s\"\nkind = \"impaired\"\ninstances = 2\nrepair = \"70s\"\n";
    let both = CRASH.to_string() + "tasks = 2\n" + sick;
    let ran = run(&scenario("", &(agent("") + &web(2) + &both)));
    let times = |event: &str| ran.event(event).iter().map(|(at, _)| *at).collect::<Vec<_>>();
    assert_eq!(times("recovered"), [220.0, 220.0], "{:?}", fleet_events(&ran));
    // The task of the one that drains moves to the room of the daemon that is gone from the other: at 202 s it is placed, it
    // is healthy at 244 s, and the look of 245 s stops the old one, in 1 s.
    assert_eq!(times("draining"), [201.0, 246.0]);
    assert_eq!(
        ran.of_instances("end_cause")[..2],
        [("mi-0", "auto_repair"), ("mi-1", "auto_repair")]
    );
}

/// When instances begin to drain, and which.
fn drained(ran: &Moved) -> Vec<(f64, &str)> {
    ran.event("draining")
}

/// Four instances, half of them at once: two drain, two come, and when these have settled the other two.
#[test]
fn an_update_replaces_instances_a_batch_at_a_time() {
    let update = "update = [{ at = \"300s\", force_new_deployment = true }]\n\
                  deployment_configuration = { drain_percent = 50, bake_time = \"2m\" }";
    let ran = run(&scenario("", &(agent(update) + &web(4))));
    // The scheduler looks at 301 s. Services look a second later, the batch is a second long, two instances are ACTIVE at
    // 333 s, their daemons run at 335 s, the tasks at 337 s and are healthy at 377 s; the look of 378 s stops the old ones,
    // in 1 s. The daemon's service looks a second after a stop: at 379 s it stops its tasks there, in 1 s, and at 380 s
    // nothing of the step is left. It bakes for 120 s; the next step begins at 500 s and takes 79 s as well.
    assert_eq!(drained(&ran), [(301.0, "mi-0"), (301.0, "mi-1"), (500.0, "mi-2"), (500.0, "mi-3")]);
    let gone = [(380.0, "mi-0"), (380.0, "mi-1"), (579.0, "mi-2"), (579.0, "mi-3")];
    assert_eq!(ran.event("terminated"), gone);
    let ends = ran.of_instances("end_cause");
    assert_eq!(ends[..4].iter().map(|(_, why)| *why).collect::<Vec<_>>(), ["daemon_deployment"; 4]);
    assert_eq!(ends.len(), 8);
    let causes = ran.of_instances("launch_cause");
    assert!(causes[4..].iter().all(|(_, why)| *why == "daemon_deployment"), "{causes:?}");
    // One task of the daemon on each of the eight; the first four stop last on their instances.
    assert_eq!(of(&ran, "agent", "instance_id").len(), 8);
    assert_eq!(ran.number("tasks_lost"), 0.0);
    assert_eq!(ran.result.services[0].deployments, [2, 0], "the first one, and this");
}

/// A quarter of four where nothing is said, one where the share is none, and all of them; without a time to bake.
#[test]
fn how_many_drain_at_once_is_a_share_of_the_instances() {
    for (keys, batches) in [("", vec![1, 1, 1, 1]), ("drain_percent = 0", vec![1, 1, 1, 1])]
        .into_iter()
        .chain([("drain_percent = 99.9", vec![3, 1]), ("drain_percent = 100", vec![4])])
    {
        let update = format!(
            "update = [{{ at = \"300s\", force_new_deployment = true }}]\n\
             deployment_configuration = {{ {keys} }}"
        );
        let ran = run(&scenario("", &(agent(&update) + &web(4))));
        let mut found: Vec<(f64, usize)> = Vec::new();
        for (at, _) in drained(&ran) {
            match found.last_mut() {
                Some((before, number)) if *before == at => *number += 1,
                _ => found.push((at, 1)),
            }
        }
        // Each step takes 79 s, as above.
        let steps = batches.iter().enumerate();
        let expected: Vec<(f64, usize)> =
            steps.map(|(step, number)| (301.0 + 79.0 * step as f64, *number)).collect();
        assert_eq!(found, expected, "{keys}");
    }
}

/// The new revision does not start: its instances are IMPAIRED, the circuit breaker opens, and what has it is replaced.
#[test]
fn an_update_that_cannot_start_goes_back_and_leaves_the_other_instances_alone() {
    let update = "update = [{ at = \"300s\", behaviour = { start_failure_percent = 100 } }]\n\
                  deployment_configuration = { drain_percent = 50, deployment_circuit_breaker = { rollback = true } }";
    let ran = run(&scenario("", &(agent(update) + &web(4))));
    let told = fleet_events(&ran);
    let ends = ran.of_instances("end_cause");
    assert_eq!(
        ends[..2],
        [("mi-0", "daemon_deployment"), ("mi-1", "daemon_deployment")],
        "{told:?}"
    );
    // Those of the second batch keep the revision that works.
    assert_eq!(ends[2..4], [("mi-2", ""), ("mi-3", "")], "{told:?}");
    assert_eq!(ends.iter().filter(|(_, why)| why.is_empty()).count(), 4, "{told:?}");
    assert!(ends[4..].iter().all(|(_, why)| ["", "auto_repair"].contains(why)), "{ends:?}");
    let daemon = &ran.result.services[0];
    assert_eq!(daemon.deployments[1], 1);
    assert_eq!(ran.number("tasks_alive_at_end"), 8.0, "four of each");
}

#[test]
fn what_managed_daemons_refuse_is_said() {
    let refused = |more: &str, sentence: &str| {
        let told = errors(&scenario("", more));
        assert!(told.contains(sentence), "{sentence:?} is not in:\n{told}");
    };
    let of_update = |keys: &str| agent(&format!("deployment_configuration = {{ {keys} }}"));
    refused(&of_update("drain_percent = 101"), "drain_percent");
    refused(&of_update("drain_percent = -1"), "drain_percent");
    refused(&of_update("bake_time = \"25h\""), "bake_time");
    refused(&of_update("maximum_percent = 150"), "must be 100");
    refused(&agent("critical = 1"), "critical");
    let replica = web(1) + "critical = true\n";
    refused(&replica, "`critical` is about managed daemons");
    let replica = web(1) + "deployment_configuration = { drain_percent = 10 }\n";
    refused(&replica, "`drain_percent` is about managed daemons");
    // What used to run still does, and is told that it means nothing.
    let text = scenario("", &of_update("minimum_healthy_percent = 50"));
    let notes = load_text(&text, "test.toml", Path::new("."), &[]).unwrap().notes.join("\n");
    assert!(
        notes.contains("`minimum_healthy_percent` changes nothing of a managed daemon"),
        "{notes}"
    );
}
