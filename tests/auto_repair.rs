//! Auto-repair of ECS Managed Instances, from end to end: scenarios as text, run under all checks.
//!
//! Tasks that wait are collected for 1 s, services look after 1 s; an instance is ACTIVE 30 s after its launch and is billed
//! from 16 s on. A task is RUNNING 2 s after it was placed and takes 1 s to stop. Boxes have room for four tasks, small
//! ones for two.

use crate::support::fleet::{MANAGED, Moved, errors, fleet_events, on_managed, run};

fn scenario(managed: &str, more: &str) -> String {
    on_managed(MANAGED, r#"["box.large", "box.small"]"#, managed, more)
}

fn service(definition: &str, count: u32) -> String {
    format!(
        "[[service]]\nname = \"{definition}\"\ntask_definition = \"{definition}\"\ndesired_count = {count}\n\
         starts_running = false\n\
         capacity_provider_strategy = [{{ capacity_provider = \"mi\", weight = 1 }}]\n\
         placement_constraints = [{{ type = \"distinctInstance\" }}]\n"
    )
}

/// A failure at 200 s that is found after 60 s.
fn failure(kind: &str, more: &str) -> String {
    format!("[[failure]]\nat = \"200s\"\nkind = \"{kind}\"\nfound_after = \"60s\"\n{more}\n")
}

fn since_the_failure(ran: &Moved) -> Vec<String> {
    let all = fleet_events(ran);
    let at = all.iter().position(|event| event.contains(" failed ")).expect("a failure");
    all[at..].to_vec()
}

/// Found at 260 s it drains; the service looks at 261 s and starts the new task first, whose instance is launched at
/// 262 s and ACTIVE at 292 s. It runs at 294 s and counts as healthy 40 s later; the look of 335 s stops the old one, in
/// 1 s, and the old instance is empty then.
#[test]
fn an_impaired_instance_drains_its_tasks_start_elsewhere_first_and_it_ends() {
    let ran = run(&scenario("", &(service("web", 1) + &failure("impaired", ""))));
    let told = since_the_failure(&ran);
    assert_eq!(
        told[..6],
        [
            "200 failed mi-0 impaired",
            "260 impaired mi-0 impaired",
            "260 draining mi-0 auto_repair",
            "262 launch mi-1 auto_repair",
            "278 running mi-1 auto_repair",
            "292 registered mi-1 auto_repair",
        ]
    );
    assert_eq!(told[6..], ["336 terminated mi-0 auto_repair"]);
    let [old, new] = ran.tasks.as_slice() else { panic!("two tasks") };
    assert_eq!([&*old["instance_id"], &*new["instance_id"]], ["mi-0", "mi-1"]);
    assert_eq!([&*new["placed_s"], &*new["started_s"], &*old["stopped_s"]], ["292", "294", "336"]);
    assert_eq!(ran.number("tasks_lost"), 0.0);
    assert_eq!(ran.of_instances("end_cause"), [("mi-0", "auto_repair"), ("mi-1", "")]);
    let causes = [("mi-0", "tasks_waited"), ("mi-1", "auto_repair")];
    assert_eq!(ran.of_instances("launch_cause"), causes);
    let [incident] = ran.result.incidents.as_slice() else { panic!("one incident") };
    let seconds = |at: ecsim::base::time::SimTime| at.0 / 1_000_000;
    assert_eq!([incident.start, incident.found, incident.over].map(seconds), [200, 260, 336]);
    // Small boxes at 2.4 $/h: from 17 s to 336 s, and from 278 s on: 2,041 s.
    assert_eq!(ran.number("ec2_usd"), 1.523_946_667);
}

/// Nothing is heard of the old tasks: once they are not wanted any more their instance ends.
#[test]
fn an_instance_whose_agent_is_lost_is_repaired_and_nobody_waits_for_its_tasks_to_stop() {
    let lost = failure("agent_disconnect", "agent_noticed_after = \"30s\"");
    let ran = run(&scenario("", &(service("web", 1) + &lost)));
    let told = since_the_failure(&ran);
    assert_eq!(told[1], "230 agent_lost mi-0 agent_disconnect");
    assert_eq!(told[2], "260 impaired mi-0 agent_disconnect");
    assert_eq!(told[3], "260 draining mi-0 auto_repair");
    assert_eq!(*told.last().unwrap(), "335 terminated mi-0 auto_repair", "asked to stop at 335 s");
    // By itself it takes 300 s (assumed).
    let unsaid = lost.replace("found_after = \"60s\"\n", "");
    let ran = run(&scenario("", &(service("web", 1) + &unsaid)));
    assert_eq!(ran.event("impaired"), [(500.0, "mi-0")]);
}

#[test]
fn without_auto_repair_it_is_only_reported() {
    for kind in ["impaired", "agent_disconnect"] {
        let more = service("web", 1) + &failure(kind, "");
        let ran = run(&scenario("auto_repair = \"DISABLED\"\n", &more));
        assert_eq!(ran.event("impaired"), [(260.0, "mi-0")], "{kind}");
        assert!(ran.event("draining").is_empty() && ran.event("terminated").is_empty(), "{kind}");
        assert_eq!(ran.of_instances("end_cause"), [("mi-0", "")]);
    }
}

/// What is well before it is found, or before its turn, stays.
#[test]
fn an_instance_that_is_well_again_in_time_is_not_repaired() {
    let soon = failure("agent_disconnect", "repair = \"50s\"");
    let ran = run(&scenario("", &(service("web", 1) + &soon)));
    assert!(ran.event("impaired").is_empty());
    assert_eq!(ran.event("recovered"), [(250.0, "mi-0")]);
    // Two instances, one at a time: the second one is well at 280 s, before the first has gone.
    let both = failure("impaired", "instances = 2\nrepair = \"80s\"");
    let ran = run(&scenario("", &(service("web", 2) + &both)));
    assert_eq!(ran.event("impaired").len(), 2);
    assert_eq!(ran.event("draining").len(), 1, "{:?}", fleet_events(&ran));
}

/// Three of three: one at a time, in the order in which they were found; the next one drains when the last one ends.
#[test]
fn at_most_a_fifth_drains_for_repair_at_once_and_always_one() {
    let three = service("web", 3) + &failure("impaired", "instances = 3");
    let ran = run(&scenario("", &three));
    let drains: Vec<f64> = ran.event("draining").iter().map(|(at, _)| *at).collect();
    let ends: Vec<f64> = ran.event("terminated").iter().map(|(at, _)| *at).collect();
    assert_eq!((drains.len(), ends.len()), (3, 3));
    assert_eq!(drains[0], 260.0);
    assert_eq!(drains[1..], ends[..2]);
    // With 100 % all three at once.
    let ran = run(&scenario("repair_at_once_percent = 100\n", &three));
    let drains: Vec<f64> = ran.event("draining").iter().map(|(at, _)| *at).collect();
    assert_eq!(drains, [260.0; 3]);
}

/// A task of a caller goes on to its end, or as long as the drain may take.
#[test]
fn tasks_of_callers_go_on_while_their_instance_drains() {
    let jobs = "[[run_task]]\nname = \"jobs\"\ntask_definition = \"web\"\n\
                capacity_provider_strategy = [{ capacity_provider = \"mi\", weight = 1 }]\n[run_task.generate]\n\
                per_second = 1\nprocess = \"even\"\nlimit = 1\nduration = \"400s\"\n";
    let more = jobs.to_string() + &failure("impaired", "");
    // Placed at 32 s, RUNNING at 34 s, done at 434 s; the launch of another one waits for a task.
    let ran = run(&scenario("", &more));
    let told = since_the_failure(&ran);
    assert_eq!(told[2..], ["260 draining mi-0 auto_repair", "434 terminated mi-0 auto_repair"]);
    assert_eq!((ran.number("tasks_lost"), ran.number("tasks_completed")), (0.0, 1.0));
    let ran = run(&scenario("repair_drain_timeout = \"100s\"\n", &more));
    assert_eq!(*since_the_failure(&ran).last().unwrap(), "360 terminated mi-0 auto_repair");
    assert_eq!(ran.number("tasks_lost"), 1.0);
}

/// A reaction that is given is what is done, and a host that stands still is replaced as before.
#[test]
fn a_reaction_that_is_given_outranks_auto_repair() {
    let of =
        |kind: &str, more: &str| run(&scenario("", &(service("web", 1) + &failure(kind, more))));
    let ran = of("impaired", "reaction = \"terminate\"");
    assert_eq!(ran.event("terminated"), [(260.0, "mi-0")]);
    assert_eq!(ran.of_instances("end_cause")[0], ("mi-0", "failure"));
    let ran = of("instance", "");
    assert_eq!(ran.event("terminated"), [(260.0, "mi-0")]);
    assert!(ran.event("impaired").is_empty());
    let text = failure("impaired", "reaction = \"none\"").replace("found_after = \"60s\"\n", "");
    let ran = run(&scenario("", &(service("web", 1) + &text)));
    assert!(ran.event("impaired").is_empty() && ran.event("terminated").is_empty());
}

#[test]
fn what_auto_repair_refuses_is_said() {
    let refused = |managed: &str, more: &str, sentence: &str| {
        let told = errors(&scenario(managed, more));
        assert!(told.contains(sentence), "{sentence:?} is not in:\n{told}");
    };
    refused("auto_repair = \"ON\"\n", "", "auto_repair");
    refused("repair_at_once_percent = 0\n", "", "repair_at_once_percent");
    refused("repair_at_once_percent = 101\n", "", "repair_at_once_percent");
    for key in ["repair_at_once_percent = 50", "repair_drain_timeout = \"1h\""] {
        let managed = format!("auto_repair = \"DISABLED\"\n{key}\n");
        refused(&managed, "", "is about repairs, and `auto_repair` is \"DISABLED\"");
    }
    // Without an end of the run an instance that nobody ends would be out for ever.
    let open = |managed: &str| {
        let text = scenario(managed, &failure("agent_disconnect", "capacity_provider = \"mi\""));
        text.replace("duration = \"2000s\"\n", "")
    };
    assert!(errors(&open("auto_repair = \"DISABLED\"\n")).contains("needs a run that ends"));
}
