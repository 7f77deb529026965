//! Incidents: what is counted once, whom failures by script strike, and that streams of failures are their own.

use crate::instance_failures::boxes;
use crate::support::fleet::{Moved, errors, jobs, run};
use crate::support::services::{count, seconds, tell};

/// A service of four tasks fills two boxes of a fixed fleet; ten requests a second.
fn served(more: &str) -> Moved {
    run(&boxes(
        "",
        &format!(
            r#"
[[service]]
name = "web"
task_definition = "web"
desired_count = 4

[service.load_balancer]
type = "application"

[service.traffic]
cpu_ms_per_request = 10
timeout = "1s"

[service.traffic.generate]
per_second = 10

{more}
"#
        ),
    ))
}

/// A host stands still at `at`, is terminated after 60 s and comes back after `repair`.
fn fails(name: &str, at: u32, repair: u32) -> String {
    format!(
        "[[failure]]\nkind = \"instance\"\ninstance = \"{name}\"\nat = \"{at}s\"\n\
         found_after = \"60s\"\nagent_noticed_after = \"30s\"\nrepair = \"{repair}s\"\n"
    )
}

#[test]
fn requests_dropped_in_two_incidents_at_once_count_once() {
    let ran = served(&(fails("boxes-0", 100, 300) + &fails("boxes-1", 200, 300)));
    let [first, second] = ran.result.incidents.as_slice() else { panic!("two incidents") };
    // The first goes on until the boxes are back, at 400 s and 500 s: only then are there four tasks. So the second
    // lies within it, and all that it counts the first one counts as well.
    assert_eq!(first.recovered, second.recovered);
    assert!(first.recovered.0 > 500_000_000);
    assert!(second.dropped > 0 && first.dropped > second.dropped);
    assert_eq!(first.shared_dropped, second.dropped);
    assert_eq!(second.shared_dropped, second.dropped);
    // From 260 s, when the second box is terminated, to 400 s there is no task: 10 × 140 requests at least.
    assert!(second.dropped >= 1_400_000_000);
    assert_eq!(ran.number("incident_requests_dropped"), first.dropped as f64 / 1e6);
    let alone = served(&fails("boxes-0", 100, 300));
    let [only] = alone.result.incidents.as_slice() else { panic!("one incident") };
    assert_eq!((only.shared_dropped, only.shared_errors), (0, 0));
    assert_eq!(alone.number("incident_requests_dropped"), only.dropped as f64 / 1e6);
}

#[test]
fn a_machine_that_has_come_back_is_struck_by_its_name_and_one_that_is_gone_is_told() {
    let text = fails("boxes-0", 100, 100) + &fails("boxes-0", 170, 1) + &fails("boxes-0", 300, 100);
    let ran = served(&text);
    // Terminated at 160 s, it is back at 200 s: the failure at 170 s finds nobody, that at 300 s its successor.
    assert_eq!(ran.event("failed"), [(100.0, "boxes-0"), (300.0, "boxes-0.1")]);
    assert_eq!(ran.number("failures_missed"), 1.0);
    assert_eq!(ran.number("incidents"), 2.0);
}

#[test]
fn a_failure_does_not_move_the_draws_of_others() {
    let hazard = "[[failure]]\nkind = \"agent_disconnect\"\nrepair = \"30s\"\n\
                  time_to_failure = { type = \"exponential\", mean = \"200s\" }\n";
    let impaired = "[[failure]]\nkind = \"impaired\"\nat = \"999s\"\nreaction = \"none\"\n";
    let crash = "[[failure]]\nat = \"998s\"\nservice = \"web\"\n";
    let times = |text: &str| -> Vec<(f64, String)> {
        let ran = served(text);
        let early = ran.event("failed").into_iter().filter(|(at, _)| *at < 990.0);
        early.map(|(at, name)| (at, name.to_string())).collect()
    };
    let alone = times(hazard);
    assert!(alone.len() > 3);
    assert_eq!(times(&format!("{impaired}{crash}{hazard}")), alone);
}

#[test]
fn tasks_of_a_dead_host_that_ends_for_another_reason_are_lost_in_the_incident() {
    let text = |provider: &str| {
        let dies = "[[failure]]\nkind = \"instance\"\nat = \"100s\"\ninstances = 2\nfound_after = \"900s\"\n";
        boxes(provider, &(jobs(4, "800s") + dies))
    };
    let action = "[[capacity_provider.scheduled_actions]]\nat = \"200s\"\ndesired_capacity = 0\n";
    let scaled_in = format!("max_size = 2\nmin_size = 0\nmanaged_draining = false\n{action}");
    let ran = run(&text(&scaled_in));
    assert_eq!(ran.event("terminated").iter().map(|(at, _)| *at).collect::<Vec<_>>(), [200.0; 2]);
    let [incident] = ran.result.incidents.as_slice() else { panic!("one incident") };
    assert_eq!((incident.instances, incident.tasks_lost), (2, 4));
    assert_eq!(ran.number("tasks_lost"), 4.0);
    // Nobody has reacted to the fault, and it was over when the instances had ended.
    assert_eq!(incident.over.0, 200_000_000);
    assert_eq!(incident.found, ecsim::base::time::SimTime::NEVER);
}

#[test]
fn launches_that_never_register_are_drawn_by_the_name_of_their_provider() {
    let action = "[[capacity_provider.scheduled_actions]]\nat = \"100s\"\ndesired_capacity = 14\n";
    let misfit = |of: &str| {
        format!(
            "[[failure]]\nkind = \"never_registers\"\npercent = 50\ncapacity_provider = \"{of}\"\n\
             found_after = \"900s\"\n"
        )
    };
    let other =
        "[[capacity_provider]]\nname = \"other\"\ninstance_types = [\"box.cheap\"]\nmax_size = 3\n";
    let registered = |failures: &str| -> Vec<String> {
        let ran = run(&boxes(&format!("max_size = 14\n{action}"), &format!("{other}{failures}")));
        ran.event("registered").into_iter().map(|(_, name)| name.to_string()).collect()
    };
    let alone = registered(&misfit("boxes"));
    assert!((1..12).contains(&alone.len()), "{alone:?}");
    assert_eq!(registered(&(misfit("other") + &misfit("boxes"))), alone);
}

#[test]
fn only_groups_drain_what_has_failed() {
    let failure = |of: &str| {
        format!("[[failure]]\nkind = \"impaired\"\nat = \"1s\"\nreaction = \"drain\"\n{of}\n")
    };
    let refused = "`reaction` \"drain\" is about Auto Scaling groups: this fleet is fixed";
    for of in ["", "instance = \"boxes-0\"", "capacity_provider = \"boxes\""] {
        let told = errors(&boxes("", &failure(of)));
        assert!(told.contains(refused) && told.contains("is terminated: \"terminate\""), "{told}");
    }
    // Where some are of a group and some are not, a note says so.
    let group =
        "[[capacity_provider]]\nname = \"group\"\ninstance_types = [\"box.cheap\"]\nmax_size = 3\n";
    let notes = |of: &str| {
        let text = boxes("", &format!("{group}{}", failure(of)));
        let loaded = ecsim::scenario::load_text(&text, "test.toml", std::path::Path::new("."), &[]);
        loaded.unwrap_or_else(|errors| panic!("{errors}")).notes
    };
    let note = "instances of fixed fleets are terminated and not drained";
    assert!(notes("").iter().any(|told| told.contains(note)), "{:?}", notes(""));
    assert!(notes("capacity_provider = \"group\"").is_empty());
}

#[test]
fn a_service_with_health_checks_has_recovered_when_its_tasks_are_healthy() {
    let with = |checks: &str| {
        let more = format!(
            "{checks}\nbehaviour = {{ ready_after = \"30s\" }}\nstarts_running = true\n\
             traffic = {{ cpu_ms_per_request = 10, generate = {{ per_second = 10 }} }}\n{}",
            fails("boxes-0", 100, 300)
        );
        let service = "[[service]]\nname = \"web\"\ntask_definition = \"web\"\ndesired_count = 4\n";
        let told = tell(&boxes("", &format!("{service}{more}")));
        let [incident] = told.result.incidents.as_slice() else { panic!("one incident") };
        let starts = told.tasks.iter().filter_map(|task| seconds(task, "started_s"));
        let after = incident.recovered.to_secs_f64() - starts.fold(0.0, f64::max);
        let at = (incident.recovered.to_secs_f64() / 10.0).ceil() * 10.0;
        let healthy = [at - 10.0, at].map(|at| count(told.service_at(at), "healthy"));
        (after, healthy)
    };
    // They answer 30 s after they are RUNNING, and a check passes within its interval of 10 s, the second 10 s later.
    let checks = "load_balancer = { health_check = { interval = \"10s\", healthy_threshold = 2 } }\n\
                  health_check_grace_period = \"100s\"";
    let (after, [before, then]) = with(checks);
    assert!((30.0..=50.0).contains(&after), "{after}");
    assert!(before < 4 && then == 4, "{before} {then}");
    // Without checks nobody knows more than that they are RUNNING.
    assert_eq!(with("").0, 0.0);
}
