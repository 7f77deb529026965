//! CPU credits of burstable instances on the bill, end to end: scenarios as text, worked out by hand.

use crate::support::fleet::{HEAD, LATENCY, Moved, errors, jobs, run};
use crate::support::services::{Cells, rows};
use ecsim::base::money::NanoUsd;
use ecsim::report::bill_tables;

/// Provider, item, quantity, price and dollars of the lines of CPU credits.
fn lines(ran: &Moved) -> Vec<String> {
    let cost = rows(&String::from_utf8(bill_tables::cost(&ran.result)).unwrap());
    let own = cost.iter().filter(|row| row["category"] == "cpu_credits");
    let columns = ["capacity_provider", "item", "quantity", "usd_per_hour", "usd"];
    let line = |row: &Cells| columns.map(|name| row[name].clone()).join(" ");
    own.map(line).collect()
}

fn head(duration: &str) -> String {
    HEAD.replace("1000s", duration).replace("10s", "1h") + LATENCY
}

/// One instance of a type, and a task that wants two vCPUs from 3 s on.
fn burning(
    instance_type: &str,
    duration: &str,
    of_job: &str,
    provider: &str,
    bill: &str,
) -> String {
    format!(
        "{}\n[bill]\nvolumes = false\n{bill}\n[[capacity_provider]]\nname = \"burst\"\n\
         instance_types = [\"{instance_type}\"]\n{provider}\n\
         [[task_definition]]\nfamily = \"web\"\ncpu = 2048\nmemory = 512\nnetwork_mode = \"bridge\"\n{}",
        head(duration),
        jobs(1, of_job)
    )
}

#[test]
fn what_is_borrowed_beyond_a_day_of_earning_is_billed() {
    let text = burning("t3.large", "24h", "30h", "desired_capacity = 1", "");
    let ran = run(&text);
    // 2 vCPUs from 3 s on are 172,794 vCPU-seconds; 0.6 are earned, 51,840, and as much is owed.
    assert_eq!(lines(&ran), ["burst t3 69114 0.05 0.959916667"]);
    assert_eq!(ran.number("cpu_credits_owed_vcpu_h"), 14.4);
    assert_eq!(ran.number("cpu_credits_exhausted"), 0.0);
    assert_eq!(ran.number("side_usd"), 0.959916667);
    // A T4g costs four fifths of it.
    let ran = run(&burning("t4g.large", "24h", "30h", "desired_capacity = 1", "").replace(
        "network_mode",
        "runtime_platform = { cpu_architecture = \"ARM64\" }\nnetwork_mode",
    ));
    assert_eq!(lines(&ran), ["burst t4g 69114 0.04 0.767933333"]);
    // A day's worth in the beginning pays for all but 17,274 of it.
    let text =
        burning("t3.large", "24h", "30h", "desired_capacity = 1", "first_credits_percent = 100");
    assert_eq!(lines(&run(&text)), ["burst t3 17274 0.05 0.239916667"]);
    // Tasks that use half of what they hold: 86,397 vCPU-seconds, less than is earned and owed.
    let text = burning("t3.large", "24h", "30h", "desired_capacity = 1", "task_cpu_percent = 50");
    let ran = run(&text);
    assert_eq!(lines(&ran), [""; 0]);
    assert_eq!(ran.number("cpu_credits_owed_vcpu_h"), (86_397.0 - 51_840.0) / 3_600.0);
}

#[test]
fn a_standard_instance_costs_nothing_more_and_the_summary_says_what_it_lacks() {
    let standard = "desired_capacity = 1\ncpu_credits = \"standard\"";
    let ran = run(&burning("t3.large", "24h", "30h", standard, ""));
    assert_eq!(lines(&ran), [""; 0]);
    assert_eq!(ran.number("cpu_credits_exhausted"), 1.0);
    assert_eq!(ran.number("cpu_credits_denied_vcpu_h"), (172_794.0 - 51_840.0) / 3_600.0);
    // T2 is standard by itself, and has 60 launch credits: 3,600 vCPU-seconds.
    let ran = run(&burning("t2.large", "24h", "30h", "desired_capacity = 1", ""));
    assert_eq!(ran.number("cpu_credits_denied_vcpu_h"), (172_794.0 - 51_840.0 - 3_600.0) / 3_600.0);
    let unlimited = "desired_capacity = 1\ncpu_credits = \"unlimited\"";
    let ran = run(&burning("t2.large", "24h", "30h", unlimited, ""));
    assert_eq!(lines(&ran), ["burst t2 69114 0.05 0.959916667"]);
}

#[test]
fn what_an_instance_owes_is_billed_when_it_ends() {
    let group = "min_size = 0\nmax_size = 1\ndesired_capacity = 1\nscheduled_actions = [{ at = \"1h\", desired_capacity = 0 }]";
    let ran = run(&burning("t3.large", "2h", "30m", group, ""));
    let fleet = &ran.result.fleet;
    let ended = fleet.deregistered_at[ecsim::model::ids::InstanceId(0)].0;
    assert!((3_600_000_000..3_700_000_000).contains(&ended), "{ended}");
    let job = &ran.tasks[0];
    let at = |column: &str| (job[column].parse::<f64>().unwrap() * 1e6).round() as u64;
    // Two vCPUs while it ran, less 0.6 all the time.
    let owed = 2 * (at("execution_stopped_s") - at("started_s")) - ended * 3 / 5;
    let told = lines(&ran);
    let [line] = told.as_slice() else { panic!("{told:?}") };
    let [_, _, quantity, _, usd] = line.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{line}")
    };
    assert!((quantity.parse::<f64>().unwrap() - owed as f64 / 1e6).abs() < 2e-6, "{line}, {owed}");
    let expected = owed as f64 / 3.6e9 * 0.05;
    assert!((usd.parse::<f64>().unwrap() - expected).abs() < 2e-9, "{line}, {expected}");
    assert_eq!(ran.number("cpu_credits_owed_vcpu_h"), 0.0);
}

#[test]
fn an_instance_that_nobody_uses_pays_back_all_the_time() {
    let ran = run(&burning("t3.large", "1h", "30m", "desired_capacity = 1", ""));
    let job = &ran.tasks[0];
    let at = |column: &str| (job[column].parse::<f64>().unwrap() * 1e6).round();
    // Two vCPUs while it ran; 0.6 are earned in the whole hour, also while the instance is empty.
    let owed = 2.0 * (at("execution_stopped_s") - at("started_s")) - 0.6 * 3.6e9;
    assert!(owed > 1e9, "{owed}");
    assert!((ran.number("cpu_credits_owed_vcpu_h") - owed / 3.6e9).abs() < 1e-6, "{owed}");
    // An hour later it is all paid back.
    let ran = run(&burning("t3.large", "2h", "30m", "desired_capacity = 1", ""));
    assert_eq!(ran.number("cpu_credits_owed_vcpu_h"), 0.0);
}

fn serving(more: &str, bill: &str) -> String {
    format!(
        "{}\n{bill}\n[[capacity_provider]]\nname = \"burst\"\ninstance_types = [\"t3.medium\"]\n\
         desired_capacity = 1\n[[task_definition]]\nfamily = \"web\"\ncpu = 1024\nmemory = 512\n\
         network_mode = \"bridge\"\n[[service]]\nname = \"web\"\ntask_definition = \"web\"\n\
         desired_count = 2\n{more}\n",
        head("24h")
    )
}

#[test]
fn a_service_uses_what_its_requests_cost() {
    // 10 requests a second of 100 ms are a vCPU; 0.4 are earned and as much is owed: 86,400 · 0.2 vCPU-seconds.
    let traffic = "traffic = { cpu_ms_per_request = 100, generate = { per_second = 10 } }";
    let ran = run(&serving(traffic, "[bill]\nvolumes = false"));
    assert_eq!(lines(&ran), ["burst t3 17280 0.05 0.240000000"]);
    // Without work two tasks are taken to use both vCPUs, from the beginning on: 2 − 0.8.
    let ran = run(&serving("", "[bill]\nvolumes = false"));
    assert_eq!(lines(&ran), ["burst t3 103680 0.05 1.440000000"]);
    let off = "[bill]\nvolumes = false\ncpu_credits = false";
    assert_eq!(lines(&run(&serving("", off))), [""; 0]);
}

#[test]
fn cpu_of_starts_and_of_tasks_that_leave_counts_too() {
    // Every hour a deployment replaces both tasks, whose starts burn a vCPU for six minutes each.
    let traffic = "traffic = { cpu_ms_per_request = 100, generate = { per_second = 5 } }\n\
         behaviour = { startup_cpu = { vcpu = 1, duration = \"6m\" } }\n\
         deployment_configuration = { minimum_healthy_percent = 0, maximum_percent = 100 }";
    let updates: Vec<String> = (1..24)
        .map(|hour| format!("{{ at = \"{hour}h\", force_new_deployment = true }}"))
        .collect();
    let text = serving(
        &format!("{traffic}\nupdate = [{}]", updates.join(", ")),
        "[bill]\nfirst_credits_percent = 100",
    );
    let ran = run(&text);
    let cpu = ran.result.services[0].cpu_percent.unwrap() / 100.0;
    let reserved = ran.result.services[0].reserved_cpu_time as f64 / 1_024.0 / 1e6;
    let used = cpu * reserved;
    assert!(used > 43_200.0 + 10_000.0, "{used}");
    // All of it is within what is earned: what is owed or left says how much it was.
    assert_eq!(lines(&ran), [""; 0]);
    let standard =
        text.replace("desired_capacity = 1", "desired_capacity = 1\ncpu_credits = \"standard\"");
    let standard = run(&standard.replace("first_credits_percent = 100", ""));
    let denied = standard.number("cpu_credits_denied_vcpu_h") * 3_600.0;
    // A standard one without credits at first: at times it has some and at others it lacks some.
    assert!(denied > used - 0.4 * 86_400.0 - 1.0 && denied < used, "{denied} of {used}");
}

#[test]
fn counting_credits_changes_nothing_else() {
    let traffic = "traffic = { cpu_ms_per_request = 100, generate = { per_second = 10 } }";
    let (with, without) = (run(&serving(traffic, "[bill]")), run(&serving(traffic, "")));
    assert_eq!(with.result.digest, without.result.digest);
    assert_eq!(with.result.events, without.result.events);
    assert_eq!(with.number("requests_served"), without.number("requests_served"));
}

#[test]
fn the_hours_of_credits_add_up_to_their_line() {
    let text = burning("t3.large", "36h", "48h", "desired_capacity = 1", "");
    let scenario =
        ecsim::scenario::load_text(&text, "test.toml", std::path::Path::new("."), &[]).unwrap();
    let sinks = ecsim::sim::outputs::Sinks { hourly: true, ..Default::default() };
    let pulse = ecsim::engine::Pulse::default();
    let watch = ecsim::sim::Watch { pulse: &pulse, check_every_event: true };
    let seed = ecsim::base::random::Seed(1);
    let result = ecsim::experiment::run_one(&scenario, seed, sinks, watch).unwrap();
    let hours = &result.by_hour.unwrap().lines;
    let index =
        result.invoice.lines.iter().position(|l| l.category.name() == "cpu_credits").unwrap();
    assert_eq!(hours[index].iter().copied().sum::<NanoUsd>(), result.invoice.lines[index].usd);
    // 1.4 vCPUs an hour beyond what is earned, from the 11th hour on: 0.07 $ in each.
    assert_eq!(hours[index][9], NanoUsd(0));
    assert_eq!(hours[index][20], NanoUsd(70_000_000));
}

#[test]
fn a_provider_without_burstable_types_has_no_credits() {
    let text =
        burning("m5.large", "1h", "1m", "desired_capacity = 1\ncpu_credits = \"standard\"", "");
    let told = errors(&text);
    assert!(told.contains("no instance type is of the T families"), "{told}");
    let text =
        burning("t3.large", "1h", "1m", "desired_capacity = 1\ncpu_credits = \"endless\"", "");
    assert!(errors(&text).contains("cpu_credits"));
    let text = burning(
        "t3.large",
        "1h",
        "1m",
        "desired_capacity = 1",
        "cpu_credits = false\ntask_cpu_percent = 50",
    );
    assert!(errors(&text).contains("`task_cpu_percent` with `cpu_credits = false`"));
    let ran = run(&burning("m5.large", "1h", "1m", "desired_capacity = 1", ""));
    assert!(ran.result.summary.get("cpu_credits_exhausted").is_none());
}

/// Tasks on instances without credits are not slowed down: who has such instances is told before the run, and who does not
/// have credits counted at all is told that.
#[test]
fn what_is_not_modelled_of_burstable_instances_is_said_beforehand() {
    let notes = |text: &str| -> Vec<String> {
        let found = ecsim::scenario::load_text(text, "t.toml", std::path::Path::new("."), &[]);
        found.unwrap_or_else(|problems| panic!("{problems}")).notes
    };
    let of = |name: &str, more: &str, bill: &str| {
        notes(&burning(name, "1h", "1m", &format!("desired_capacity = 1\n{more}"), bill))
    };
    let [standard] = &of("t3.large", "cpu_credits = \"standard\"", "")[..] else { panic!() };
    assert!(standard.contains("their tasks are not slowed down"), "{standard}");
    let [uncounted] = &of("t4g.large", "", "cpu_credits = false")[..] else { panic!() };
    assert!(
        uncounted.contains("t4g.large of \"burst\": CPU credits are not counted"),
        "{uncounted}"
    );
    let without = burning("t3.large", "1h", "1m", "desired_capacity = 1", "")
        .replace("[bill]\nvolumes = false\n", "");
    assert!(notes(&without)[0].contains("CPU credits are not counted"));
    // T2 is standard unless somebody says otherwise.
    assert_eq!(of("t2.large", "", "").len(), 1);
    for (name, more) in
        [("t3.large", ""), ("t2.large", "cpu_credits = \"unlimited\""), ("m5.large", "")]
    {
        assert!(of(name, more, "").is_empty(), "{name}");
    }
}
