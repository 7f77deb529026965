//! How EC2 takes Spot instances back, and capacity that is not to be had, from end to end: scenarios as text, run under
//! all checks. The boxes of `spot.rs`: ACTIVE 60 s after they were needed.

use crate::spot::{action, file, group};
use crate::support::fleet::{Moved, errors, run};
use crate::support::services::{Cells, count, seconds};
use crate::support::shipped::Shipped;

/// A group of Spot instances alone.
fn spot(sizes: &str, policy: &str, interruption: &str) -> String {
    format!(
        "{sizes}\n[capacity_provider.mixed_instances]\non_demand_percentage_above_base_capacity = 0\n{policy}\n\
         [capacity_provider.mixed_instances.interruption]\n{interruption}\n"
    )
}

const ONE_ZONE: &str =
    "availability_zones = [\"us-east-1a\"]\nmax_size = 4\ndesired_capacity = 2\n";

/// Two instances can be had, from 200 s to 300 s one.
fn dip(interruption: &str) -> String {
    let name = format!("dip-{}.json", interruption.len());
    let trace = file(&name, r#"{"metadata": {"gap_seconds": 100}, "data": [2, 2, 1, 2]}"#);
    let availability = format!(
        "{interruption}\n[[capacity_provider.mixed_instances.interruption.availability]]\n\
         availability_zone = \"us-east-1a\"\ntrace = \"{trace}\"\n"
    );
    spot(ONE_ZONE, "", &availability)
}

fn times<'a>(ran: &'a Moved, event: &str) -> Vec<(&'a str, &'a str)> {
    let rows = ran.fleet.iter().filter(|row| row["event"] == event);
    rows.map(|row| (row["time_s"].as_str(), row["reason"].as_str())).collect()
}

fn jobs(count: u32) -> String {
    format!(
        "[[run_task]]\nname = \"jobs\"\ntask_definition = \"web\"\non_failure = \"queue\"\n\
         [run_task.generate]\nper_second = 1\nprocess = \"even\"\nlimit = 1\ncount = {count}\n\
         duration = \"2000s\"\n"
    )
}

#[test]
fn an_instance_has_two_minutes_its_tasks_are_lost_and_the_group_replaces_it() {
    let ran = run(&group(&dip(""), &jobs(4)));
    assert_eq!(times(&ran, "rebalance_recommendation"), [("200", "initial")]);
    assert_eq!(times(&ran, "interruption_notice"), [("200", "initial")]);
    assert_eq!(times(&ran, "terminated"), [("320", "spot_interruption")]);
    assert_eq!(times(&ran, "launch"), [("320", "replacement")]);
    assert_eq!(ran.event("registered"), [(380.0, "boxes-2")]);
    assert_eq!((ran.number("tasks_lost"), ran.number("instances_interrupted")), (2.0, 1.0));
    // It was taken within its first hour: it costs nothing. The other one 1000 s of 0.90 $, the third one 660 s.
    let mut costs: Vec<&str> = ran.of_instances("usd").iter().map(|(_, usd)| *usd).collect();
    costs.sort_unstable();
    assert_eq!(costs, ["0.000000000", "0.165000000", "0.250000000"]);
    assert_eq!(ran.number("ec2_usd"), 0.415);
    let lost = ran.tasks.iter().filter(|task| task["stop_code"] == "TerminationNotice");
    assert!(lost.clone().all(|task| task["usd"].parse() == Ok(0.0)), "nor do its tasks");
    assert_eq!(lost.count(), 2);
}

#[test]
fn an_agent_that_drains_lets_services_move_before_the_end() {
    let service = "[[service]]\nname = \"api\"\ntask_definition = \"web\"\nlaunch_type = \"EC2\"\n\
                   desired_count = 2\nstarts_running = true\navailability_zone_rebalancing = \"DISABLED\"\n";
    let ran = run(&group(&dip(""), service));
    assert_eq!(ran.number("tasks_lost"), 1.0, "the agent does not drain by default");
    let ran = run(&group(&dip("spot_instance_draining = true"), service));
    assert_eq!(ran.number("tasks_lost"), 0.0);
    // Looked at after 1 s, RUNNING 2 s later, healthy 40 s after that, looked at 1 s later.
    let moved: Vec<&Cells> = ran
        .tasks
        .iter()
        .filter(|task| task["stopped_reason"] == "Container instance is draining")
        .collect();
    assert_eq!(moved[0]["stopping_s"], "244");
    assert_eq!(
        times(&ran, "terminated"),
        [("320", "spot_interruption")],
        "EC2 ends it, empty or not"
    );
    assert_eq!(count(ran.at(250.0), "draining_instances"), 0, "the group still counts it");
}

#[test]
fn every_instance_that_is_taken_back_is_in_the_log_once() {
    let ran = run(&group(&rise(""), &jobs(4)));
    let noticed = ran.event("interruption_notice");
    let mut taken: Vec<&str> = noticed.iter().map(|(_, name)| *name).collect();
    taken.sort_unstable();
    let ends = ran.of_instances("end_cause");
    let mut ended: Vec<&str> =
        ends.iter().filter(|(_, end)| *end == "spot_interruption").map(|(name, _)| *name).collect();
    ended.sort_unstable();
    assert_eq!(taken, ended);
    assert_eq!(taken.len() as f64, ran.number("instances_interrupted"));
    // Its end has a row of its own, with the tasks that were lost.
    let rows = ran.fleet.iter().filter(|row| row["event"] == "terminated");
    let lost: u32 = rows
        .filter(|row| row["reason"] == "spot_interruption")
        .map(|row| count(row, "tasks"))
        .sum();
    assert_eq!((f64::from(lost), lost), (ran.number("tasks_lost"), 4));
}

#[test]
fn a_dead_host_that_is_taken_back_is_counted_in_its_incident() {
    let dies =
        "[[failure]]\nkind = \"instance\"\nat = \"150s\"\ninstances = 2\nfound_after = \"500s\"\n";
    let ran = run(&group(&dip(""), &(jobs(4) + dies)));
    // One is taken at 320 s, the other one found at 650 s.
    assert_eq!(times(&ran, "terminated"), [("320", "spot_interruption"), ("650", "failure")]);
    let [incident] = ran.result.incidents.as_slice() else { panic!("one incident") };
    assert_eq!(incident.tasks_lost, 4);
}

/// Large boxes rise above the highest price at 300 s; cheap ones cost 0.90 $ all the time.
fn rise(interruption: &str) -> String {
    let prices = file(
        &format!("rise-{}.csv", interruption.len()),
        "time_s,availability_zone,instance_type,usd_per_hour\n0,us-east-1a,box.large,0.5\n\
         300,us-east-1a,box.large,2\n0,us-east-1a,box.cheap,0.9\n",
    );
    let sizes = format!(
        "{ONE_ZONE}instance_types = [\"box.large\", \"box.cheap\"]\nspot_prices = \"{prices}\"\n"
    );
    let policy = "spot_max_price = 1.5\nspot_instance_pools = 1\n";
    spot(&sizes, policy, &format!("above_max_price = true\n{interruption}"))
}

#[test]
fn in_the_old_market_a_price_above_the_highest_ends_instances() {
    let ran = run(&group(&rise(""), ""));
    assert_eq!(times(&ran, "interruption_notice"), [("300", "initial"); 2]);
    assert_eq!(times(&ran, "terminated"), [("420", "spot_interruption"); 2]);
    let types: Vec<&str> = ran.of_instances("instance_type").iter().map(|(_, t)| *t).collect();
    assert_eq!(types, ["box.large", "box.large", "box.cheap", "box.cheap"]);
    assert_eq!(ran.event("registered"), [(480.0, "boxes-2"), (480.0, "boxes-3")]);
    let without = run(&group(&rise("").replace("above_max_price = true", ""), ""));
    assert_eq!(without.number("instances_interrupted"), 0.0, "today the price takes nothing");
}

#[test]
fn an_interruption_after_the_first_hour_is_paid_to_the_second() {
    let prices = file(
        "late.csv",
        "time_s,availability_zone,instance_type,usd_per_hour\n0,us-east-1a,box.large,1\n\
         4000,us-east-1a,box.large,2\n",
    );
    let sizes = format!("{ONE_ZONE}spot_prices = \"{prices}\"\n");
    let text = group(&spot(&sizes, "spot_max_price = 1.5", "above_max_price = true"), "");
    let ran = run(&text.replace("duration = \"1000s\"", "duration = \"4500s\""));
    assert_eq!(times(&ran, "terminated"), [("4120", "spot_interruption"); 2]);
    // 4000 s at 1 $ an hour, 120 s at 2 $.
    assert_eq!(ran.of_instances("usd")[0].1, "1.177777778");
}

#[test]
fn capacity_rebalancing_launches_first_and_ends_the_one_at_risk_then() {
    let ran = run(&group(&rise("capacity_rebalancing = true"), ""));
    assert_eq!(times(&ran, "launch"), [("300", "capacity_rebalancing"); 2]);
    assert_eq!(times(&ran, "registered"), [("360", "capacity_rebalancing"); 2]);
    assert_eq!(times(&ran, "terminated"), [("360", "capacity_rebalancing"); 2]);
    assert_eq!(ran.number("instances_interrupted"), 0.0, "EC2 has come too late");
    // The group ended them: 300 s at 0.50 $ and 60 s at 2 $ an hour are paid.
    assert_eq!(ran.of_instances("usd")[0].1, "0.075000000");
    assert_eq!(count(ran.at(330.0), "instances"), 2);
}

#[test]
fn a_rate_takes_instances_one_by_one_at_random() {
    let sizes = "max_size = 300\ndesired_capacity = 200\n";
    let ran = run(&group(&spot(sizes, "", "per_instance_hour = 1"), ""));
    // A notice comes within 880 s with 1 - e^(-880 / 3600) = 21.7 %: 43 of 200, and of those that replace them some.
    let interrupted = ran.number("instances_interrupted");
    assert!((30.0..=65.0).contains(&interrupted), "{interrupted}");
    for row in ran.fleet.iter().filter(|row| row["event"] == "terminated") {
        let of = |event: &str| {
            let found = ran.fleet.iter().find(|other| {
                other["event"] == event && other["instance_id"] == row["instance_id"]
            });
            seconds(found.unwrap(), "time_s").unwrap()
        };
        let (end, notice) = (seconds(row, "time_s").unwrap(), of("interruption_notice"));
        assert!((end - notice - 120.0).abs() < 1e-5, "{end} {notice}");
        let lead = notice - of("rebalance_recommendation");
        assert!((0.0..=900.0).contains(&lead), "{lead}");
    }
    // The advisor knows m5.large in us-east-1; of a box it says nothing.
    let told = errors(&group(&spot(sizes, "", "spot_advisor = true"), ""));
    assert!(told.contains("the Spot Advisor says nothing about \"box.large\""), "{told}");
    let known = group(&spot(sizes, "", "spot_advisor = true"), "").replace("box.large", "m5.large");
    assert!(run(&known).number("instances_interrupted") < 5.0, "some percent a month");
    let pool = "[[capacity_provider.mixed_instances.pools]]\ninstance_type = \"box.large\"\n\
                interruptions_per_instance_hour = 0\n";
    let none = group(&(spot(sizes, "", "per_instance_hour = 1") + pool), "");
    assert_eq!(run(&none).number("instances_interrupted"), 0.0);
}

#[test]
fn a_pool_may_take_many_at_once() {
    let sizes = "max_size = 40\ndesired_capacity = 40\n";
    let how = "reclaims_per_pool_hour = 40\nreclaim_percent = 50";
    let ran = run(&group(&spot(sizes, "", how), ""));
    let mut at: Vec<&str> = times(&ran, "interruption_notice").iter().map(|(at, _)| *at).collect();
    assert!(!at.is_empty(), "22 are expected of two pools");
    let first = at[0];
    at.retain(|other| *other == first);
    assert_eq!(at.len(), 10, "half of the 20 in a zone");
}

fn shortage(of: &str) -> String {
    format!("[[capacity_provider.shortages]]\nat = \"50s\"\nduration = \"350s\"\n{of}\n")
}

#[test]
fn a_shortage_is_met_with_another_type_another_zone_or_patience() {
    let types =
        "instance_types = [\"box.large\", \"box.cheap\"]\nmax_size = 4\ndesired_capacity = 2\n";
    let launched = |of: &str, column: &str| {
        let sizes = format!("{types}{}{}", action(100, "desired_capacity = 4"), shortage(of));
        let ran = run(&group(&sizes, ""));
        let found: Vec<String> =
            ran.of_instances(column).iter().skip(2).map(|(_, cell)| cell.to_string()).collect();
        found
    };
    assert_eq!(launched("instance_type = \"box.large\"", "instance_type"), ["box.cheap"; 2]);
    assert_eq!(launched("purchase = \"spot\"", "instance_type"), ["box.large"; 2]);
    let zone = "availability_zone = \"us-east-1a\"";
    // 1 and 3 instances when the zone can be had again at 400 s: one is moved back.
    let back = ["us-east-1b", "us-east-1b", "us-east-1a"];
    assert_eq!(launched(zone, "availability_zone"), back);
    let sizes = format!("{types}{}{}", action(100, "desired_capacity = 4"), shortage(""));
    let ran = run(&group(&sizes, ""));
    let failed = [
        ("100", "insufficient_capacity"),
        ("160", "insufficient_capacity"),
        ("280", "insufficient_capacity"),
    ];
    assert_eq!(times(&ran, "launch_failed"), failed);
    assert_eq!(ran.event("launch"), [(520.0, "boxes-2"), (520.0, "boxes-3")], "4 minutes later");
    let told: Vec<&str> =
        ["shortage_begins", "shortage_ends"].iter().map(|event| times(&ran, event)[0].0).collect();
    assert_eq!(told, ["50", "400"]);
}

#[test]
fn what_interruptions_and_shortages_do_not_take_is_said() {
    let told = |policy: &str, keys: &str| errors(&group(&spot(ONE_ZONE, policy, keys), ""));
    assert!(
        told("", "above_max_price = true").contains("`above_max_price` without `spot_max_price`")
    );
    assert!(
        told("", "reclaim_percent = 50")
            .contains("`reclaim_percent` without `reclaims_per_pool_hour`")
    );
    assert!(told("", "per_instance_hour = -1").contains("`per_instance_hour`"));
    let availability = |keys: &str| {
        let head = "[[capacity_provider.mixed_instances.interruption.availability]]\ntrace = \"none.json\"\n";
        told("", &format!("{head}{keys}"))
    };
    assert!(availability("availability_zone = \"us-east-1a\"").contains("does not exist"));
    assert!(
        availability("availability_zone = \"us-east-1b\"")
            .contains("is not among the group's Availability Zones")
    );
    let sizes = |of: &str| errors(&group(&format!("max_size = 2\n{}", shortage(of)), ""));
    assert!(sizes("instance_type = \"box\"").contains("\"box\" is not among the `instance_types`"));
    assert!(sizes("purchase = \"free\"").contains("`purchase`"));
    let fixed = group(&format!("desired_capacity = 2\n{}", shortage("")), "");
    assert!(errors(&fixed).contains("`shortages` without `max_size`"));
    let history = |keys: &str| errors(&group(&spot(&format!("{ONE_ZONE}{keys}"), "", ""), ""));
    let two = history("spot_price_history = [\"a.json\", \"b.json\"]");
    assert!(two.contains("several files of `spot_price_history` need `spot_price_start`"), "{two}");
    assert!(
        history("spot_price_start = \"2016-03-01T00:00:00Z\"")
            .contains("without `spot_price_history`")
    );
    let start = history("spot_price_history = [\"a.json\"]\nspot_price_start = \"soon\"");
    assert!(start.contains("\"soon\" is no RFC 3339 instant"), "{start}");
}

/// Traces that are too large for the project.
fn shared(name: &str) -> Option<String> {
    let folder = std::env::var("ECSIM_SHARED").unwrap_or_else(|_| "/work/shared".into());
    let path = format!("{folder}/traces/{name}");
    std::path::Path::new(&path).exists().then_some(path)
}

#[test]
fn two_months_of_2016_with_a_bid_account_for_every_record() {
    let name =
        |zone: &str| shared(&format!("ec2-spot-price-2016/m3.medium-us-east-1{zone}.json.gz"));
    let (Some(first), Some(second)) = (name("a"), name("c")) else { return };
    let sizes = format!(
        "availability_zones = [\"us-east-1a\", \"us-east-1c\"]\ninstance_types = [\"m3.medium\"]\n\
         max_size = 4\ndesired_capacity = 4\nspot_price_history = [\"{first}\", \"{second}\"]\n\
         spot_price_start = \"2016-03-01T00:00:00Z\"\n"
    );
    let text = group(&spot(&sizes, "spot_max_price = 0.012", "above_max_price = true"), "")
        .replace("[\"us-east-1a\", \"us-east-1b\"]", "[\"us-east-1a\", \"us-east-1c\"]")
        .replace("name = \"box.large\"", "name = \"m3.medium\"")
        .replace("sample_interval = \"10s\"", "sample_interval = \"1h\"")
        .replace("duration = \"1000s\"", "duration = \"720h\"");
    let ran = run(&text);
    assert!(ran.number("instances_interrupted") > 0.0, "the bid was passed");
    assert_eq!(ran.number("instances_interrupted"), ran.number("instances_ended"));
    for rows in &ran.result.rows.markets {
        assert_eq!(rows.read, rows.used + rows.skipped.values().sum::<u64>(), "{rows:?}");
        assert!(rows.used > 0 && rows.skipped.contains_key("before the start"), "{rows:?}");
    }
    // Nobody pays more than the bid but in the two minutes of a notice.
    let hours = 4.0 * 720.0;
    assert!(ran.number("ec2_usd") < 0.012 * hours * 1.05, "{}", ran.number("ec2_usd"));
}

#[test]
fn skypilots_availability_of_sixteen_instances_runs_to_its_end() {
    let name =
        "spot-availability-skypilot/availability/16-node/aws-08-27-2023/us-west-2a_v100_1.json";
    let Some(path) = shared(name) else { return };
    let sizes = "availability_zones = [\"us-east-1a\"]\nmax_size = 16\ndesired_capacity = 16\n";
    let availability = format!(
        "[[capacity_provider.mixed_instances.interruption.availability]]\n\
         availability_zone = \"us-east-1a\"\ntrace = \"{path}\"\n"
    );
    let text = group(&spot(sizes, "", &availability), "")
        .replace("sample_interval = \"10s\"", "sample_interval = \"1h\"")
        .replace("duration = \"1000s\"", "duration = \"240h\"");
    let ran = run(&text);
    let rows = &ran.result.rows.markets[0];
    assert_eq!(rows.read, rows.used + rows.skipped.values().sum::<u64>());
    // Ten days of samples 300 s apart; the rest is after the end.
    assert_eq!(rows.used, 2_880);
    assert!(ran.number("instances_interrupted") > 0.0 && ran.number("launches_failed") > 0.0);
}

#[test]
fn the_shipped_pool_that_is_taken_back_costs_no_task_where_agents_drain() {
    let run = Shipped::run("70-spot-pool-taken-back", &[]);
    // 2 On-Demand and 6 Spot instances over two zones: 3 Spot ones in us-east-1a.
    assert_eq!(run.number("instances_interrupted"), 3.0);
    // Each is replaced in us-east-1b, and from 1:30 on 3 of the 7 there are moved back, one after the other.
    assert_eq!(run.number("instances_launched"), 3.0 + 3.0);
    assert_eq!(run.number("tasks_lost"), 0.0);
    let key = "capacity_provider.mixed.mixed_instances.interruption.spot_instance_draining";
    let run = Shipped::run("70-spot-pool-taken-back", &[(key, "false")]);
    // 10 of 20 tasks are in the zone, 2 or 3 on each of its 4 instances: the On-Demand one keeps its own.
    assert!([7.0, 8.0].contains(&run.number("tasks_lost")), "{}", run.number("tasks_lost"));
}
