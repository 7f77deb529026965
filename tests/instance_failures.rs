//! Instances that fail, from end to end: scenarios as text, run under all checks.
//!
//! Boxes have room for two tasks each and cost a tenth of a cent a second. A task is RUNNING 2 s after it was placed. A new instance is ACTIVE 60 s after it was needed.

use crate::capacity_traces::shared;
use crate::support::fleet::{Moved, errors, run};
use crate::support::services::Cells;
use ecsim::base::random::Seed;
use ecsim::engine::Pulse;
use ecsim::experiment::run_one;
use ecsim::model::arrival::RowCounts;
use ecsim::model::fleet::InstanceStatus;
use ecsim::scenario::load_text;
use ecsim::sim::outputs::Sinks;
use ecsim::sim::{RunResult, Watch};
use std::path::Path;

/// Two boxes in two zones, fixed or behind a group.
fn boxes(provider: &str, more: &str) -> String {
    format!(
        r#"
[simulation]
region = "us-east-1"
duration = "1000s"
sample_interval = "10s"

[latency]
ec2_start = "2s"
container_stop = "1s"
instance_launch = "5s"
instance_pending = "15s"
instance_boot = "30s"
instance_register = "10s"

[[instance_type]]
name = "box.large"
vcpus = 2
memory = 4096
registered_memory = 4096
usd_per_hour = 3.6

[[cluster]]
availability_zones = ["us-east-1a", "us-east-1b"]

[[capacity_provider]]
name = "boxes"
instance_types = ["box.large"]
desired_capacity = 2
{provider}

[[task_definition]]
family = "web"
cpu = 1024
memory = 1024
network_mode = "bridge"
{more}
"#
    )
}

/// Tasks of RunTask, asked for at 1 s, that wait in a queue.
fn jobs(count: u32, duration: &str) -> String {
    format!(
        "[[run_task]]\nname = \"jobs\"\ntask_definition = \"web\"\non_failure = \"queue\"\n\
         [run_task.generate]\nper_second = 1\nprocess = \"even\"\nlimit = 1\ncount = {count}\n\
         duration = \"{duration}\"\n"
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
fn an_impaired_instance_works_until_its_group_replaces_it() {
    let failure = fails("kind = \"impaired\"");
    // Done at 103 s: the host works.
    let ran = run(&boxes("max_size = 2", &(jobs(4, "100s") + &failure)));
    assert_eq!((ran.number("tasks_lost"), ran.number("tasks_completed")), (0.0, 4.0));
    assert_eq!(ran.event("agent_lost"), []);
    assert_eq!(ran.event("terminated"), [(160.0, "boxes-0")]);
    // With managed draining what runs there goes on to its end: RUNNING at 3 s, 300 s of work.
    let failure = fails("kind = \"impaired\"\nreaction = \"drain\"");
    let ran = run(&boxes("max_size = 2", &(jobs(4, "300s") + &failure)));
    assert_eq!(ran.event("draining"), [(160.0, "boxes-0")]);
    assert_eq!(ran.event("terminated"), [(303.0, "boxes-0")]);
    assert_eq!(ran.event("registered"), [(220.0, "boxes-2")]);
    assert_eq!(ran.number("tasks_lost"), 0.0);
}

#[test]
fn tasks_of_a_silent_agent_run_on_and_are_heard_of_when_it_is_back() {
    let failure = fails("kind = \"agent_disconnect\"\nrepair = \"200s\"");
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
