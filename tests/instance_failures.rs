//! Instances that fail, from end to end: scenarios as text, run under all checks.
//!
//! Boxes have room for two tasks each and cost a tenth of a cent a second. A task is RUNNING 2 s after it was placed. A new instance is ACTIVE 60 s after it was needed.

use crate::capacity_traces::shared;
use crate::support::fleet::{BOXES, LATENCY, Moved, WEB, errors, jobs, run};
use crate::support::services::Cells;
use ecsim::base::random::Seed;
use ecsim::base::time::SimTime;
use ecsim::engine::Pulse;
use ecsim::experiment::run_one;
use ecsim::model::arrival::RowCounts;
use ecsim::model::fleet::InstanceStatus;
use ecsim::scenario::load_text;
use ecsim::sim::outputs::Sinks;
use ecsim::sim::{RunResult, Watch};
use std::path::Path;

/// Two boxes in two zones, fixed or behind a group.
pub fn boxes(provider: &str, more: &str) -> String {
    format!(
        r#"
[simulation]
region = "us-east-1"
duration = "1000s"
sample_interval = "10s"

{LATENCY}

{BOXES}

[[capacity_provider]]
name = "boxes"
instance_types = ["box.large"]
desired_capacity = 2
{provider}

{WEB}
{more}
"#
    )
}

/// A failure of the first box at 100 s: it is found after 60 s, and its agent is missed after 30 s.
fn fails(more: &str) -> String {
    format!(
        "[[failure]]\nat = \"100s\"\ninstance = \"boxes-0\"\nfound_after = \"60s\"\n\
         agent_noticed_after = \"30s\"\n{more}\n"
    )
}

fn of_first<'a>(ran: &'a Moved, column: &str) -> Vec<&'a str> {
    let on_first = |task: &&Cells| task["instance_id"] == "boxes-0";
    ran.tasks.iter().filter(on_first).map(|task| task[column].as_str()).collect()
}

#[test]
fn a_host_that_stands_still_has_tasks_until_it_is_terminated() {
    let ran = run(&boxes("", &(jobs(4, "300s") + &fails("kind = \"instance\""))));
    assert_eq!(ran.event("failed"), [(100.0, "boxes-0")]);
    assert_eq!(ran.event("agent_lost"), [(130.0, "boxes-0")]);
    assert_eq!(ran.event("terminated"), [(160.0, "boxes-0")]);
    // ECS takes its tasks for RUNNING until the instance is deregistered.
    assert_eq!(of_first(&ran, "stopped_s"), ["160", "160"]);
    assert_eq!(of_first(&ran, "stop_code"), ["TerminationNotice"; 2]);
    assert_eq!((ran.number("tasks_lost"), ran.number("tasks_completed")), (2.0, 2.0));
    // 1000 s of one box and 160 s of the other: EC2 bills a host that stands still.
    assert_eq!(ran.number("ec2_usd"), 1.16);
    assert_eq!(ran.of_instances("end_cause"), [("boxes-0", "failure"), ("boxes-1", "")]);
    assert_eq!(ran.number("instances_ended"), 1.0);
}

#[test]
fn work_that_would_end_on_a_dead_host_does_not_end() {
    // Done at 103 s, if the host had not stood still at 100 s.
    let ran = run(&boxes("", &(jobs(4, "100s") + &fails("kind = \"instance\""))));
    assert_eq!(of_first(&ran, "stopped_s"), ["160", "160"]);
    assert_eq!((ran.number("tasks_lost"), ran.number("tasks_completed")), (2.0, 2.0));
}

#[test]
fn a_machine_of_a_fixed_fleet_comes_back_as_a_new_instance_when_it_is_repaired() {
    let failure = fails("kind = \"instance\"\nrepair = \"200s\"");
    let ran = run(&boxes("", &(jobs(6, "400s") + &failure)));
    assert_eq!(ran.event("registered"), [(300.0, "boxes-0.1")]);
    // Four tasks at first; two that wait have the room that comes at 300 s.
    assert_eq!(ran.of_tasks("placed_s"), ["1", "1", "1", "1", "300", "300"]);
    let ends = [("boxes-0", "failure"), ("boxes-1", ""), ("boxes-0.1", "")];
    assert_eq!(ran.of_instances("end_cause"), ends);
    let causes = [("boxes-0", "initial"), ("boxes-1", "initial"), ("boxes-0.1", "replacement")];
    assert_eq!(ran.of_instances("launch_cause"), causes);
    // 1000 s, 160 s and 700 s.
    assert_eq!(ran.number("ec2_usd"), 1.86);
}

#[test]
fn a_host_that_reboots_before_anybody_reacts_has_lost_its_tasks_and_goes_on() {
    let failure = fails("kind = \"instance\"\nrepair = \"50s\"");
    let ran = run(&boxes("", &(jobs(6, "400s") + &failure)));
    assert_eq!(ran.event("recovered"), [(150.0, "boxes-0")]);
    assert_eq!(ran.event("terminated"), []);
    let first: Vec<&str> = of_first(&ran, "stopped_s");
    assert_eq!(first, ["150", "150", "552", "552"], "two are lost, two have their room at 150 s");
    assert_eq!(ran.number("tasks_lost"), 2.0);
    assert_eq!(ran.number("ec2_usd"), 2.0);
}

#[test]
fn a_group_terminates_what_its_health_check_finds_and_launches_another_one() {
    let failure = fails("kind = \"instance\"");
    let ran = run(&boxes("max_size = 2", &(jobs(6, "400s") + &failure)));
    assert_eq!(ran.event("terminated"), [(160.0, "boxes-0")]);
    assert_eq!(ran.event("launch"), [(160.0, "boxes-2")]);
    assert_eq!(ran.event("registered"), [(220.0, "boxes-2")]);
    assert_eq!(ran.of_tasks("placed_s"), ["1", "1", "1", "1", "220", "220"]);
    let causes = [("boxes-0", "initial"), ("boxes-1", "initial"), ("boxes-2", "replacement")];
    assert_eq!(ran.of_instances("launch_cause"), causes);
    assert_eq!(ran.of_instances("end_cause")[0], ("boxes-0", "failure"));
    // 160 s, 1000 s, and 820 s from `running` at 180 s on.
    assert_eq!(ran.number("ec2_usd"), 1.98);
}

#[test]
fn nothing_is_replaced_for_its_health_in_its_grace_period() {
    let group = |grace: &str| format!("max_size = 2\nhealth_check_grace_period = \"{grace}\"");
    let ended = |grace: &str, failure: &str| {
        let ran = run(&boxes(&group(grace), failure));
        let ended = ran.event("terminated");
        assert_eq!(
            ran.event("launch").iter().map(|(at, _)| *at).collect::<Vec<_>>(),
            ended.iter().map(|(at, _)| *at).collect::<Vec<_>>()
        );
        ended.iter().map(|(at, name)| (*at, name.to_string())).collect::<Vec<_>>()
    };
    let first = |at: f64| (at, "boxes-0".to_string());
    let host = fails("kind = \"instance\"");
    // The first boxes are registered from the beginning; the fault of 100 s is found at 160 s.
    assert_eq!(ended("160s", &host), [first(160.0)]);
    assert_eq!(ended("300s", &host), [first(300.0)]);
    assert_eq!(ended("1h", &host), []);
    // What is well again by then is not replaced.
    assert_eq!(ended("300s", &(host.clone() + "repair = \"150s\"\n")), []);
    let impaired = fails("kind = \"impaired\"").replace("agent_noticed_after = \"30s\"\n", "");
    assert_eq!(ended("300s", &impaired), [first(300.0)]);
    // A lost agent is no health check of the group.
    let silent = fails("kind = \"agent_disconnect\"\nreaction = \"terminate\"");
    assert_eq!(ended("300s", &silent), [first(160.0)]);
    // The next box has a grace period of its own: it registers at 360 s, fails at 400 s, and ends at 660 s.
    let again = host
        + "[[failure]]\nkind = \"instance\"\nat = \"400s\"\ninstance = \"boxes-2\"\nfound_after = \"60s\"\n";
    assert_eq!(ended("300s", &again), [first(300.0), (660.0, "boxes-2".to_string())]);
    let fixed = errors(&boxes("health_check_grace_period = \"300s\"", ""));
    assert!(fixed.contains("`health_check_grace_period` without `max_size`"), "{fixed}");
}

#[test]
fn an_impaired_instance_works_until_its_group_replaces_it() {
    let failure = |more: &str| {
        fails(&format!("kind = \"impaired\"\n{more}"))
            .replace("agent_noticed_after = \"30s\"\n", "")
    };
    // Done at 103 s: the host works.
    let ran = run(&boxes("max_size = 2", &(jobs(4, "100s") + &failure(""))));
    assert_eq!((ran.number("tasks_lost"), ran.number("tasks_completed")), (0.0, 4.0));
    assert_eq!(ran.event("agent_lost"), []);
    assert_eq!(ran.event("terminated"), [(160.0, "boxes-0")]);
    // With managed draining what runs there goes on to its end: RUNNING at 3 s, 300 s of work.
    let drains = failure("reaction = \"drain\"");
    let ran = run(&boxes("max_size = 2", &(jobs(4, "300s") + &drains)));
    assert_eq!(ran.event("draining"), [(160.0, "boxes-0")]);
    assert_eq!(ran.event("terminated"), [(303.0, "boxes-0")]);
    assert_eq!(ran.event("registered"), [(220.0, "boxes-2")]);
    assert_eq!(ran.number("tasks_lost"), 0.0);
}

#[test]
fn tasks_of_a_silent_agent_run_on_and_are_heard_of_when_it_is_back() {
    let failure = fails("kind = \"agent_disconnect\"\nrepair = \"200s\"")
        .replace("found_after = \"60s\"\n", "");
    let ran = run(&boxes("", &(jobs(6, "100s") + &failure)));
    // All end at 103 s; on the silent host this is known at 300 s.
    assert_eq!(of_first(&ran, "stopped_s"), ["300", "300"]);
    assert_eq!((ran.number("tasks_lost"), ran.number("tasks_completed")), (0.0, 6.0));
    assert_eq!(ran.event("recovered"), [(300.0, "boxes-0")]);
    // Nobody reacts (documented), and the two that wait have the other host at 103 s.
    assert_eq!(ran.event("terminated"), []);
    assert_eq!(ran.of_tasks("placed_s"), ["1", "1", "1", "1", "103", "103"]);
}

#[test]
fn a_silent_instance_is_terminated_after_five_minutes_where_users_see_to_it() {
    let failure = "[[failure]]\nat = \"100s\"\ninstance = \"boxes-0\"\nkind = \"agent_disconnect\"\n\
                   reaction = \"terminate\"\n";
    let ran = run(&boxes("max_size = 2", &(jobs(4, "600s") + failure)));
    assert_eq!(ran.event("terminated"), [(400.0, "boxes-0")]);
    assert_eq!(ran.event("registered"), [(460.0, "boxes-2")]);
    assert_eq!(of_first(&ran, "stopped_s"), ["400", "400"]);
}

#[test]
fn ecs_places_on_a_dead_host_until_it_misses_the_agent() {
    // One pair is asked for at 125 s and one at 142.857143 s, when both boxes have room; the agent is missed at 130 s.
    let ask = |name: &str, rate: f64| {
        format!(
            "[[run_task]]\nname = \"{name}\"\ntask_definition = \"web\"\non_failure = \"queue\"\n\
             placement_strategy = [{{ type = \"spread\", field = \"instanceId\" }}]\n\
             [run_task.generate]\nper_second = {rate}\nprocess = \"even\"\nlimit = 1\ncount = 2\n\
             duration = \"5s\"\n"
        )
    };
    let work = ask("early", 0.008) + &ask("late", 0.007);
    let ran = run(&boxes("", &(work + &fails("kind = \"instance\""))));
    let on: Vec<&str> = ran.of_tasks("instance_id");
    assert_eq!(on[..2], ["boxes-0", "boxes-1"]);
    assert_eq!(on[2..], ["boxes-1", "boxes-1"]);
    assert_eq!(ran.number("tasks_lost"), 1.0);
}

#[test]
fn hazards_strike_each_instance_on_a_stream_of_its_own() {
    let hazard = "[[failure]]\nkind = \"instance\"\nfailures_per_year = 100000\nrepair = \"60s\"\n\
                  found_after = \"20s\"\n";
    let of = |more: &str| -> Vec<String> {
        let ran = run(&boxes("", &(more.to_string() + hazard)));
        ran.event("failed").iter().map(|(at, who)| format!("{who} {at}")).collect()
    };
    let failed = of("");
    // A mean of 315 s: two boxes that are out for a minute after each failure fail five times in 1000 s.
    assert!((2..=12).contains(&failed.len()), "{failed:?}");
    assert_eq!(failed, of(&jobs(4, "300s")), "work moves no failure");
    let constant = "[[failure]]\nkind = \"instance\"\ntime_to_failure = \"400s\"\nrepair = \"60s\"\n\
                    found_after = \"20s\"\n";
    let ran = run(&boxes("", constant));
    let both = [(400.0, "boxes-0"), (400.0, "boxes-1")];
    assert_eq!(ran.event("failed"), [both, [(860.0, "boxes-0.1"), (860.0, "boxes-1.1")]].concat());
}

#[test]
fn so_many_instances_of_a_provider_fail_at_random() {
    let failure = "[[failure]]\nat = \"100s\"\nkind = \"instance\"\ninstances = 2\n\
                   capacity_provider = \"boxes\"\nfound_after = \"10s\"\n";
    let ran = run(&boxes("", failure));
    assert_eq!(ran.event("failed").len(), 2);
    let ran = run(&boxes("", &failure.replace("instances = 2", "")));
    assert_eq!(ran.event("failed").len(), 1);
}

#[test]
fn bad_failures_of_instances_are_refused() {
    let failure = |text: &str| errors(&boxes("", &format!("[[failure]]\n{text}\n")));
    let cases = [
        ("kind = \"instance\"", "needs one of `at`, `time_to_failure` and `failures_per_year`"),
        ("kind = \"instance\"\nat = \"1s\"\nfailures_per_year = 1", "needs one of"),
        ("kind = \"instance\"\nat = \"1s\"\ninstance = \"boxs-0\"", "did you mean \"boxes-0\"?"),
        (
            "kind = \"instance\"\nat = \"1s\"\ncapacity_provider = \"boxs\"",
            "unknown capacity provider \"boxs\"",
        ),
        ("kind = \"instance\"\nat = \"1s\"\nservice = \"web\"", "`service` is about services"),
        ("kind = \"instance\"\nat = \"1s\"\ninstance = \"boxes-0\"\ninstances = 2", "which one"),
        ("kind = \"instance\"\nfailures_per_year = 1\ninstances = 2", "`instances` is about"),
        ("kind = \"instance\"\ntime_to_failure = \"1ms\"", "a mean below one second"),
        ("kind = \"instance\"\nfailures_per_year = 0", "failures_per_year"),
        (
            "kind = \"agent_disconnect\"\nat = \"1s\"\nfound_after = \"9s\"",
            "`found_after` is until the reaction, and there is none",
        ),
        (
            "kind = \"impaired\"\nat = \"1s\"\nagent_noticed_after = \"9s\"",
            "`agent_noticed_after` is about agents that fall silent; the kind is \"impaired\"",
        ),
        (
            "kind = \"never_registers\"\npercent = 1\nreaction = \"drain\"",
            "an instance that never registers has nothing to drain",
        ),
        ("at = \"1s\"", "needs `service`"),
        ("service = \"web\"", "needs `at`"),
        ("at = \"1s\"\nservice = \"web\"\nrepair = \"1s\"", "`repair` is about instances"),
    ];
    for (text, message) in cases {
        let found = failure(text);
        assert!(found.contains(message), "{text}: {found}");
    }
    let for_ever = boxes("", "[[failure]]\nkind = \"agent_disconnect\"\nat = \"1s\"\n")
        .replace("duration = \"1000s\"\n", "");
    assert!(errors(&for_ever).contains("needs a run that ends"));
}

/// A run of a fleet of 500 boxes with a service of 900 tasks on it for a year, not checked event by event.
fn a_year(provider: &str, trace: &str) -> RunResult {
    let service = "[[service]]\nname = \"web\"\ntask_definition = \"web\"\ndesired_count = 900\n";
    let text = boxes(provider, &format!("{service}\n[[failure_trace]]\n{trace}\n"))
        .replace("desired_capacity = 2", "desired_capacity = 500")
        .replace("duration = \"1000s\"", "duration = \"365d\"")
        .replace("sample_interval = \"10s\"", "sample_interval = \"1d\"");
    let scenario = load_text(&text, "test.toml", Path::new("."), &[])
        .unwrap_or_else(|errors| panic!("{errors}"));
    let watch = Watch { pulse: &Pulse::default(), check_every_event: false };
    run_one(&scenario, Seed(1), Sinks::default(), watch).unwrap()
}

fn number(result: &RunResult, metric: &str) -> u64 {
    result.summary.get(metric).and_then(|value| value.as_f64()).unwrap() as u64
}

/// Every outage is used or left out for a reason that is said.
fn accounted(result: &RunResult) -> &RowCounts {
    let [counts] = result.rows.outages.as_slice() else { panic!("one trace") };
    assert_eq!(counts.read, counts.used + counts.skipped.values().sum::<u64>(), "{counts:?}");
    let [rows] = result.rows.failures.as_slice() else { panic!("one trace") };
    assert_eq!(rows.read, rows.used + rows.skipped.values().sum::<u64>(), "{rows:?}");
    counts
}

#[test]
fn a_year_of_los_alamos_on_a_fixed_fleet_of_500() {
    let name = "lanl-failures/LA-UR-05-7318-failure-data-1996-2005.most-systems.csv.gz";
    let Some(path) = shared(name) else { return };
    let trace = format!("trace = {path:?}\nformat = \"lanl\"\nstart = \"2004-01-01T00:00:00Z\"");
    let result = a_year("", &trace);
    let counts = accounted(&result);
    assert!(counts.used > 200, "{counts:?}");
    let there = result.fleet.status.iter().filter(|s| **s == InstanceStatus::Active).count();
    assert!((480..=500).contains(&there), "{there} are up at the end");
    // Outages shorter than the reaction are reboots; all others end an instance, and most have brought another one.
    let (ended, came) = (number(&result, "instances_ended"), number(&result, "instances_launched"));
    assert!(ended <= counts.used && ended > 100 && came <= ended && ended - came <= 20);
    assert!(number(&result, "tasks_lost") > ended, "two tasks fit on a box");
}

#[test]
fn a_year_of_grid_5000_on_a_group_of_500() {
    let name = "grid5000-failures/event_trace.sites-2-to-6.tab.gz";
    let Some(path) = shared(name) else { return };
    let trace = format!("trace = {path:?}\nformat = \"failure_trace_archive\"");
    let result = a_year("max_size = 500", &trace);
    let counts = accounted(&result);
    assert!(
        counts.used > 10_000 && counts.skipped["no instance for the machine"] > 0,
        "{counts:?}"
    );
    assert!(counts.skipped["after the end of the run"] > 0, "{counts:?}");
    let there = result.fleet.status.iter().filter(|s| **s == InstanceStatus::Active).count();
    assert!((490..=500).contains(&there), "{there} are up at the end");
    let (ended, came) = (number(&result, "instances_ended"), number(&result, "instances_launched"));
    assert_eq!(ended, came, "the group replaces each one at once");
}

#[test]
fn machines_of_a_trace_are_instances_in_their_order() {
    let folder = std::env::temp_dir().join(format!("ecsim-outages-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("outages.csv");
    // The second machine fails twice: its successor takes the seat. The third has no instance.
    let rows = "time_s,machine,duration_s\n50,b,100\n100,a,20\n120,b,5\n400,b,50\n500,c,9\n";
    std::fs::write(&path, rows).unwrap();
    let trace = format!(
        "[[failure_trace]]\ntrace = {path:?}\nformat = \"outages\"\nfound_after = \"30s\"\n\
         capacity_provider = \"boxes\"\n"
    );
    let ran = run(&boxes("", &trace));
    std::fs::remove_dir_all(&folder).unwrap();
    let failed = [(50.0, "boxes-1"), (100.0, "boxes-0"), (400.0, "boxes-1.1")];
    assert_eq!(ran.event("failed"), failed);
    assert_eq!(ran.event("recovered"), [(120.0, "boxes-0")], "20 s are a reboot");
    assert_eq!(ran.event("registered"), [(150.0, "boxes-1.1"), (450.0, "boxes-1.2")]);
    let counts = accounted(&ran.result);
    // The outages of b at 50 s and 120 s overlap: one outage.
    assert_eq!((counts.read, counts.used), (4, 3));
    assert_eq!(counts.skipped["no instance for the machine"], 1);
    assert_eq!(ran.result.rows.failures[0].read, 5);
}

#[test]
fn bad_traces_of_machines_are_refused() {
    let trace = |text: &str| {
        errors(&boxes("", &format!("[[failure_trace]]\ntrace = \"Cargo.toml\"\n{text}\n")))
    };
    let cases = [
        ("format = \"lanl\"\nstart = \"2004\"", "no RFC 3339 instant"),
        ("format = \"outages\"\nstart = \"2004-01-01T00:00:00Z\"", "counts from the beginning"),
        ("format = \"lanl\"\ncapacity_provider = \"boxs\"", "unknown capacity provider \"boxs\""),
        ("reaction = \"none\"", "`reaction` is about machines"),
    ];
    for (text, message) in cases {
        let found = trace(text);
        assert!(found.contains(message), "{text}: {found}");
    }
}

/// The first zone is out from 100 s to 300 s; hosts are found after 60 s.
const FIRST_ZONE_IS_OUT: &str = "[[failure]]\nkind = \"az_outage\"\n\
    availability_zone = \"us-east-1a\"\nat = \"100s\"\nduration = \"200s\"\n\
    found_after = \"60s\"\nagent_noticed_after = \"30s\"\n";

#[test]
fn a_group_launches_in_the_zone_that_is_left_and_moves_back_launching_first() {
    let text = boxes("max_size = 4", FIRST_ZONE_IS_OUT)
        .replace("desired_capacity = 2", "desired_capacity = 4")
        .replace("us-east-1b\"]", "us-east-1b\", \"us-east-1c\"]");
    let ran = run(&text);
    // Four in three zones: boxes-0 and boxes-3 are in the first one.
    assert_eq!(ran.event("failed"), [(100.0, "boxes-0"), (100.0, "boxes-3")]);
    let ends = ran.event("terminated");
    assert_eq!(ends[..2], [(160.0, "boxes-0"), (160.0, "boxes-3")]);
    assert_eq!(ran.event("launch")[..2], [(160.0, "boxes-4"), (160.0, "boxes-5")]);
    // At 300 s there are none, two and two: one is launched in the first zone, and registers at 360 s. Then one ends.
    assert_eq!(ran.event("launch")[2..], [(300.0, "boxes-6")]);
    assert_eq!(ends[2..], [(360.0, "boxes-1")]);
    let zones: Vec<&str> = ran.of_instances("availability_zone").iter().map(|(_, z)| *z).collect();
    let letters: Vec<&str> = zones.iter().map(|zone| &zone[9..]).collect();
    assert_eq!(letters, ["a", "b", "c", "a", "b", "c", "a"]);
    assert_eq!(ran.of_instances("launch_cause")[6], ("boxes-6", "rebalance"));
    assert_eq!(ran.of_instances("end_cause")[1], ("boxes-1", "rebalance"));
    let [incident] = ran.result.incidents.as_slice() else { panic!("one incident") };
    assert_eq!((incident.kind, incident.what.as_str()), ("az_outage", "us-east-1a"));
    assert_eq!((incident.instances, incident.tasks_lost), (2, 0));
    let seconds = |at: SimTime| at.0 / 1_000_000;
    assert_eq!([incident.start, incident.found, incident.over].map(seconds), [100, 160, 300]);
}

#[test]
fn what_is_on_its_way_in_a_zone_that_goes_is_launched_elsewhere() {
    let action = "[[capacity_provider.scheduled_actions]]\nat = \"90s\"\ndesired_capacity = 4\n";
    let text = boxes(&format!("max_size = 4\n{action}"), FIRST_ZONE_IS_OUT);
    let ran = run(&text);
    // At 90 s one is asked for in each zone; that of the first zone fails at 100 s before it runs, and costs nothing.
    let launches = ran.event("launch");
    assert_eq!(launches[..3], [(90.0, "boxes-2"), (90.0, "boxes-3"), (100.0, "boxes-4")]);
    assert_eq!(ran.event("terminated")[0], (100.0, "boxes-2"));
    assert!(ran.of_instances("usd").contains(&("boxes-2", "0.000000000")));
}

#[test]
fn fargate_tasks_of_a_zone_are_lost_at_once_and_start_in_the_others() {
    let service = "[[service]]\nname = \"web\"\ntask_definition = \"far\"\nlaunch_type = \"FARGATE\"\n\
                   desired_count = 4\navailability_zone_rebalancing = \"ENABLED\"\n\
                   [[task_definition]]\nfamily = \"far\"\ncpu = 256\nmemory = 512\n\
                   network_mode = \"awsvpc\"\n";
    let ran = run(&boxes("", &format!("{service}{FIRST_ZONE_IS_OUT}")));
    let in_first = |task: &&Cells| task["availability_zone"] == "us-east-1a";
    let lost: Vec<&Cells> =
        ran.tasks.iter().filter(in_first).filter(|task| task["stopped_s"] == "100").collect();
    assert_eq!(lost.len(), 2);
    assert_eq!(ran.number("tasks_lost"), 2.0);
    let between = |task: &&Cells| {
        let placed = task["placed_s"].parse::<f64>().unwrap();
        (100.0..300.0).contains(&placed)
    };
    let meanwhile: Vec<&Cells> = ran.tasks.iter().filter(between).collect();
    assert!(meanwhile.len() >= 2);
    assert!(meanwhile.iter().all(|task| task["availability_zone"] == "us-east-1b"));
    let after = ran.tasks.iter().filter(in_first).filter(|task| task["stopped_s"].is_empty());
    assert_eq!(after.count(), 2, "rebalancing has moved two back");
    let [incident] = ran.result.incidents.as_slice() else { panic!("one incident") };
    assert_eq!((incident.tasks_lost, incident.services), (2, 1));
    assert!(incident.recovered > incident.start && incident.recovered < incident.over);
}

#[test]
fn a_service_that_never_gets_its_tasks_back_has_not_recovered() {
    let service = "[[service]]\nname = \"web\"\ntask_definition = \"web\"\ndesired_count = 4\n";
    let ran = run(&boxes("", &format!("{service}{}", fails("kind = \"instance\""))));
    let [incident] = ran.result.incidents.as_slice() else { panic!("one incident") };
    assert_eq!((incident.tasks_lost, incident.recovery()), (2, None));
    assert_eq!((ran.number("incidents"), ran.number("incidents_recovered")), (1.0, 0.0));
    // With a repair at 300 s it has: its tasks are RUNNING 2 s after they have been placed.
    let failure = fails("kind = \"instance\"\nrepair = \"200s\"");
    let ran = run(&boxes("", &format!("{service}{failure}")));
    let [incident] = ran.result.incidents.as_slice() else { panic!("one incident") };
    let last =
        ran.of_tasks("started_s").iter().map(|at| at.parse::<f64>().unwrap()).fold(0.0, f64::max);
    assert_eq!(incident.recovered.0, (last * 1e6) as u64);
    assert!(last > 302.0 && ran.number("recovery_s_max") == last - 100.0);
}

#[test]
fn bad_outages_of_zones_are_refused() {
    let failure =
        |text: &str| errors(&boxes("", &format!("[[failure]]\nkind = \"az_outage\"\n{text}\n")));
    let zone = "availability_zone = \"us-east-1a\"";
    let cases = [
        ("at = \"1s\"\nduration = \"1s\"".to_string(), "needs an `availability_zone`"),
        (format!("at = \"1s\"\n{zone}"), "needs a `duration`"),
        (format!("duration = \"1s\"\n{zone}"), "needs `at`"),
        (format!("at = \"1s\"\nduration = \"1s\"\n{zone}\nrepair = \"1s\""), "of a whole zone"),
        (
            "at = \"1s\"\nduration = \"1s\"\navailability_zone = \"us-east-1z\"".to_string(),
            "unknown availability zone \"us-east-1z\"",
        ),
    ];
    for (text, message) in cases {
        let found = failure(&text);
        assert!(found.contains(message), "{text}: {found}");
    }
    let found =
        errors(&boxes("", &format!("[[failure]]\nkind = \"instance\"\nat = \"1s\"\n{zone}\n")));
    assert!(found.contains("is about the kind \"az_outage\""), "{found}");
}

/// The drill with so many instances and tasks.
fn drill(instances: u32, tasks: u32) -> RunResult {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/67-az-outage-drill.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let text = text
        .replace("desired_capacity = 60", &format!("desired_capacity = {instances}"))
        .replace("desired_count = 120", &format!("desired_count = {tasks}"));
    let scenario = load_text(&text, "drill.toml", Path::new("."), &[]).unwrap();
    let watch = Watch { pulse: &Pulse::default(), check_every_event: false };
    run_one(&scenario, scenario.setup.seed, Sinks::default(), watch).unwrap()
}

#[test]
fn with_90_instances_two_zones_carry_the_peak_and_with_60_they_do_not() {
    let (tight, ample) = (drill(60, 120), drill(90, 180));
    let offered = 9_600 * 3_600;
    assert_eq!([&tight, &ample].map(|run| number(run, "requests_offered")), [offered; 2]);
    let [short, long] = [&tight, &ample].map(|run| {
        let [incident] = run.incidents.as_slice() else { panic!("one incident") };
        incident.clone()
    });
    assert_eq!((short.instances, short.tasks_lost), (20, 40));
    assert_eq!((long.instances, long.tasks_lost), (30, 60));
    // Two zones of three carry the peak: only what dead targets were sent before two checks had failed, 10 s apart, is
    // answered with errors, a third of the requests; and what they worked on is lost.
    let failed = number(&ample, "requests_errors");
    assert!((3_200 * 10..3_200 * 30).contains(&failed), "{failed}");
    assert!(number(&ample, "requests_dropped") < 1_000);
    // 80 vCPUs for 96 of work: a sixth is too much, until the group has replaced what it lost.
    let recovery = short.recovery().unwrap().0 / 1_000_000;
    assert!((120..600).contains(&recovery), "{recovery} s");
    assert!(short.dropped / 1_000_000 > 1_600 * (recovery - 60), "{short:?}");
    assert!(number(&tight, "requests_dropped") < offered / 20);
}

#[test]
fn an_instance_that_never_registers_is_replaced_after_a_while() {
    let action = "[[capacity_provider.scheduled_actions]]\nat = \"100s\"\ndesired_capacity = 3\n";
    let failure = "[[failure]]\nkind = \"never_registers\"\npercent = 100\n\
                   capacity_provider = \"boxes\"\nfound_after = \"300s\"\n";
    let ran = run(&boxes(&format!("max_size = 3\n{action}"), failure));
    // Asked for at 100 s, running at 120 s, its agent is there at 150 s and says nothing.
    assert_eq!(ran.event("never_registered"), [(450.0, "boxes-2"), (800.0, "boxes-3")]);
    assert_eq!(ran.event("launch"), [(100.0, "boxes-2"), (450.0, "boxes-3"), (800.0, "boxes-4")]);
    assert_eq!(ran.event("registered"), []);
    // Two for 1000 s; then 120 s to 450 s, 470 s to 800 s, and from 820 s on.
    assert_eq!(ran.number("ec2_usd"), 2.84);
    let none = failure.replace("percent = 100", "percent = 0");
    let ran = run(&boxes(&format!("max_size = 3\n{action}"), &none));
    assert_eq!(ran.event("registered"), [(160.0, "boxes-2")]);
    let bad = errors(&boxes("", "[[failure]]\nkind = \"never_registers\"\nat = \"1s\"\n"));
    assert!(bad.contains("needs a `percent`") && bad.contains("says nothing of launches"), "{bad}");
    let bad = errors(&boxes("", "[[failure]]\nkind = \"impaired\"\nat = \"1s\"\npercent = 1\n"));
    assert!(bad.contains("is about the kind \"never_registers\""), "{bad}");
}
