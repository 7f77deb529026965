//! Whose the bill is: AWS's split cost allocation, idle apart, and tags, end to end.

use crate::support::fleet::{BOXES, FARGATE, HEAD, LATENCY, Moved, WEB, errors, jobs, run};
use crate::support::program::{Desk, SMALL};
use crate::support::services::{Cells, rows};
use ecsim::base::money::NanoUsd;
use ecsim::report::allocation_tables;
use ecsim::scenario::{Scenario, load_text};
use std::path::Path;

fn scenario(text: &str) -> Scenario {
    load_text(text, "t.toml", Path::new("."), &[]).unwrap_or_else(|errors| panic!("{errors}"))
}

/// `cost_allocation.csv` of a run whose scenario asks for it.
fn allocated(text: &str) -> (Moved, Vec<Cells>) {
    let ran = run(text);
    let of = ran.result.allocation.as_ref().expect("it was asked for");
    let table = allocation_tables::cost_allocation(&scenario(text), &ran.result, of);
    let all = |usd: fn(&ecsim::pricing::allocation::Allocated) -> NanoUsd| -> NanoUsd {
        of.iter().map(usd).sum()
    };
    assert_eq!(all(|row| row.usd), ran.result.invoice.total());
    assert_eq!(all(|row| row.split()), ran.result.invoice.total());
    let table = rows(&String::from_utf8(table).unwrap());
    (ran, table)
}

/// Provider, kind, name, use and the three amounts of each row, without zeros at the end.
fn told(table: &[Cells]) -> Vec<String> {
    let line = |row: &Cells| {
        let usd =
            |column: &str| row[column].trim_end_matches('0').trim_end_matches('.').to_string();
        let of = ["capacity_provider", "kind", "name", "use"].map(|column| row[column].as_str());
        let usd = ["usd", "unused_usd", "split_usd"].map(usd);
        format!("{} {}", of.join("|"), usd.join(" "))
    };
    table.iter().map(line).collect()
}

const ASKED: &str = "[outputs]\ncost_allocation = true\n";

/// Four vCPUs and 16 GB at a dollar an hour.
const BOX: &str = r#"
[[instance_type]]
name = "m.xlarge"
vcpus = 4
memory = 16384
registered_memory = 16384
usd_per_hour = 1

[[capacity_provider]]
name = "boxes"
instance_types = ["m.xlarge"]
desired_capacity = 1
"#;

/// A service of one task that may use more than it reserves.
fn burst(name: &str, gb: u32, used_gb: u32, per_second: u32) -> String {
    format!(
        "[[task_definition]]\nfamily = \"{name}\"\nnetwork_mode = \"bridge\"\n[[task_definition.container]]\nname = \"app\"\n\
         cpu = 1024\nmemory = 8192\nmemory_reservation = {}\n[[service]]\nname = \"{name}\"\ntask_definition = \"{name}\"\n\
         desired_count = 1\nbehaviour = {{ idle_memory = {} }}\n[service.traffic]\ncpu_ms_per_request = 10\n\
         generate = {{ per_second = {per_second} }}\n",
        gb * 1_024,
        used_gb * 1_024
    )
}

#[test]
fn pr_80_end_to_end_tasks_that_burst_pay_for_what_they_use() {
    // Reserved and used vCPU and GB: 1 (0.1), 4 (3); 1 (1.9), 4 (6); 1 (0.5), 2 (2) twice; for an hour.
    let tasks = [("a", 4, 3, 10), ("b", 4, 6, 190), ("c", 2, 2, 50), ("d", 2, 2, 50)];
    let services: String = tasks.map(|(n, gb, used, rate)| burst(n, gb, used, rate)).concat();
    let text = format!("[simulation]\nduration = \"1h\"\n{ASKED}{BOX}{services}");
    let (_, table) = allocated(&text);
    let expected = [("a", 0.229199), ("b", 0.400314), ("c", 0.185243), ("d", 0.185243)];
    for (name, usd) in expected {
        let row = table.iter().find(|row| row["name"] == name).unwrap();
        let found: f64 = row["split_usd"].parse().unwrap();
        // Traffic is drawn.
        assert!((found - usd).abs() < 0.002, "{name}: {found} {usd}");
    }
}

#[test]
fn measuring_what_tasks_use_moves_nothing() {
    let services = burst("a", 4, 6, 150) + &burst("b", 2, 1, 90);
    let text = format!("[simulation]\nduration = \"3h\"\n{BOX}{services}");
    let (plain, asked) = (run(&text), run(&format!("{ASKED}{text}")));
    assert_eq!(plain.result.digest, asked.result.digest);
    assert_eq!(plain.result.invoice, asked.result.invoice);
    assert_eq!(plain.result.allocation, None);
    let summary = |ran: &Moved| ecsim::report::summary::to_json(&ran.result.summary);
    assert_eq!(summary(&plain), summary(&asked));
}

/// A box at 3.60 $ an hour with two vCPUs and 4 GB, for 1,000 s: a dollar. It weighs 2 · 9 + 4 = 22.
fn one_box(more: &str) -> String {
    format!(
        "{HEAD}{BOXES}{WEB}{LATENCY}\n[[capacity_provider]]\nname = \"boxes\"\n\
         instance_types = [\"box.large\"]\ndesired_capacity = 1\n{more}"
    )
}

#[test]
fn a_service_has_what_it_reserved_and_by_aws_the_rest_of_the_hour() {
    let web = "[[service]]\nname = \"web\"\ntask_definition = \"web\"\ndesired_count = 1\n";
    let (ran, table) = allocated(&one_box(&format!("{web}{ASKED}")));
    // A vCPU and a GB of 22: 10/22 $; the rest is given to it, the only task there.
    let expected = [
        "boxes|||idle 0.545454545 -0.545454545 0",
        "boxes|service|web|tasks 0.454545455 0.545454545 1",
    ];
    let close = |found: &str, wanted: &str| {
        let numbers = |line: &str| -> Vec<f64> {
            line.split(' ').skip(1).map(|cell| cell.parse().unwrap()).collect()
        };
        found.split(' ').next() == wanted.split(' ').next()
            && numbers(found).iter().zip(numbers(wanted)).all(|(a, b)| (a - b).abs() < 3e-9)
    };
    let found = told(&table);
    assert!(found.iter().zip(expected).all(|(f, w)| close(f, w)), "{found:#?}");
    // With idle apart it is what `cost.csv` says.
    let cost = ran.result.invoice.sum_by(|line| line.service.clone());
    let web: f64 = table.iter().find(|row| row["name"] == "web").unwrap()["usd"].parse().unwrap();
    assert!((cost["web"].to_f64() - web).abs() < 3e-9);
}

#[test]
fn an_hour_without_tasks_is_nobodys_and_callers_are_told_apart() {
    // Two hours of a box; in the second one it is empty.
    let other = jobs(1, "30m").replace("name = \"jobs\"", "name = \"late\"");
    let text = one_box(&format!("{}{other}{ASKED}", jobs(1, "30m")))
        .replace("duration = \"1000s\"", "duration = \"2h\"");
    let (_, table) = allocated(&text);
    let of = |name: &str, column: &str| -> f64 {
        table.iter().find(|row| row["name"] == name).unwrap()[column].parse().unwrap()
    };
    // 7.20 $ in all: the first hour's 3.60 are shared by the two, the second's are idle.
    assert!((of("", "split_usd") - 3.6).abs() < 1e-6, "{:#?}", told(&table));
    assert!((of("jobs", "split_usd") - 1.8).abs() < 1e-6);
    assert!((of("late", "split_usd") - 1.8).abs() < 1e-6);
    // 1,801 s or so of 10/22 of 0.001 $ a second.
    assert!((of("late", "usd") - 0.82).abs() < 0.01);
}

#[test]
fn tags_answer_what_a_team_costs_and_the_rows_of_a_tag_sum_to_the_bill() {
    let text = format!(
        "{}\ntags = {{ team = \"platform\" }}\n[[service]]\nname = \"web\"\ntask_definition = \"web\"\n\
         desired_count = 1\ntags = {{ team = \"shop\", env = \"prod\" }}\n{}",
        one_box(""),
        jobs(1, "990s")
    );
    let ran = run(&text);
    let of = ran.result.allocation.as_ref().expect("tags ask for it");
    let table = allocation_tables::cost_by_tag(&scenario(&text).tags, of);
    let table = rows(&String::from_utf8(table).unwrap());
    let keys: Vec<String> =
        table.iter().map(|row| format!("{}={} {}", row["tag"], row["value"], row["use"])).collect();
    // The caller has no tag of its own: its provider's. Of `env` nothing else has any.
    let expected = [
        "env= idle",
        "env= tasks",
        "env=prod tasks",
        "team=platform idle",
        "team=platform tasks",
        "team=shop tasks",
    ];
    assert_eq!(keys, expected);
    let nano = |row: &Cells, column: &str| -> i128 {
        let text = row[column].replace('.', "");
        text.parse().unwrap()
    };
    for key in ["env", "team"] {
        for column in ["usd", "split_usd"] {
            let own = table.iter().filter(|row| row["tag"] == key);
            let all: i128 = own.map(|row| nano(row, column)).sum();
            assert_eq!(all, ran.result.invoice.total().0, "{key} {column}");
        }
    }
    // 10/22 of a dollar is the shop's; both fill 20/22, so it is given nearly half of the rest.
    let shop = &table[5];
    assert!((shop["usd"].parse::<f64>().unwrap() - 10.0 / 22.0).abs() < 1e-8);
    assert!((shop["split_usd"].parse::<f64>().unwrap() - 0.5).abs() < 0.01);
}

#[test]
fn fargate_and_side_costs_belong_to_whom_they_were_metered_for() {
    let two = |name: &str, cpu: u32, count: u32| {
        format!(
            "[[task_definition]]\nfamily = \"{name}\"\nnetwork_mode = \"awsvpc\"\ncpu = {cpu}\nmemory = 2048\n\
             [[run_task]]\nname = \"{name}\"\ntask_definition = \"{name}\"\nlaunch_type = \"FARGATE\"\n\
             [run_task.generate]\nper_second = 1\nprocess = \"even\"\nlimit = 1\ncount = {count}\nduration = \"200s\"\n"
        )
    };
    let text = format!("{HEAD}{FARGATE}{}{}{ASKED}", two("one", 1024, 1), two("two", 512, 4));
    let (ran, table) = allocated(&text);
    let of = |name: &str| -> f64 {
        table.iter().find(|row| row["name"] == name).unwrap()["usd"].parse().unwrap()
    };
    // 215 s each: a vCPU and 2 GB; four times half a vCPU and 2 GB.
    let second = |cpu: f64| (cpu * 0.04048 + 2.0 * 0.004445) / 3_600.0;
    let seconds = ran.number("fargate_usd") / (second(1.0) + 4.0 * second(0.5));
    assert!((of("one") - seconds * second(1.0)).abs() < 1e-8);
    assert!((of("two") - seconds * 4.0 * second(0.5)).abs() < 1e-8);
}

#[test]
fn reserved_instances_are_shared_at_their_own_price_and_what_is_unused_of_them_is_apart() {
    let text = one_box(&format!(
        "[[service]]\nname = \"web\"\ntask_definition = \"web\"\ndesired_count = 2\n[[reserved_instances]]\n\
         instance_type = \"box.large\"\ninstance_count = 2\nusd_per_hour = 1.8\n{ASKED}"
    ));
    let (_, table) = allocated(&text);
    let of = |row: &str, column: &str| -> f64 {
        table.iter().find(|r| r["use"] == row).unwrap()[column].parse().unwrap()
    };
    // Half a dollar for the box, half for the reservation that nobody used.
    assert!((of("tasks", "split_usd") - 0.5).abs() < 1e-8, "{:#?}", told(&table));
    assert!((of("tasks", "usd") - 0.5 * 20.0 / 22.0).abs() < 1e-8);
    assert!((of("commitments", "usd") - 0.5).abs() < 1e-8);
}

#[test]
fn bad_tags_are_refused_with_their_place() {
    let of = |tags: &str| {
        errors(&one_box(&format!(
            "[[service]]\nname = \"web\"\ntask_definition = \"web\"\ndesired_count = 1\ntags = {tags}\n"
        )))
    };
    for (tags, message) in
        [("{ \"aws:team\" = \"a\" }", "aws:team"), ("{ team = 3 }", "team"), ("\"a\"", "`tags`")]
    {
        let said = of(tags);
        assert!(said.contains(message) && said.contains("test.toml"), "{said}");
    }
    let many: Vec<String> = (0..51).map(|n| format!("t{n} = \"a\"")).collect();
    let said = of(&format!("{{ {} }}", many.join(", ")));
    assert!(said.contains("51 tags; at most 50"), "{said}");
    let long = format!("{{ team = \"{}\" }}", "x".repeat(257));
    assert!(of(&long).contains("256"), "{}", of(&long));
}

#[test]
fn the_program_writes_both_tables_where_they_are_asked_for_and_neither_else() {
    let desk = Desk::with(SMALL);
    desk.ok("run small.toml --out plain");
    desk.ok("run small.toml --out asked --set outputs.cost_allocation=true");
    desk.ok("run small.toml --out tagged --set capacity_provider.general.tags={team=\"a\"}");
    let is_there = |name: &str| desk.path(name).exists();
    assert!(!is_there("plain/cost_allocation.csv") && !is_there("plain/cost_by_tag.csv"));
    assert!(is_there("asked/cost_allocation.csv") && !is_there("asked/cost_by_tag.csv"));
    assert!(is_there("tagged/cost_allocation.csv") && is_there("tagged/cost_by_tag.csv"));
    let sum = |file: &str, column: &str| -> i128 {
        let table = rows(&std::fs::read_to_string(desk.path(file)).unwrap());
        table.iter().map(|row| row[column].replace('.', "").parse::<i128>().unwrap()).sum()
    };
    let total = sum("plain/cost.csv", "usd");
    for file in
        ["asked/cost_allocation.csv", "tagged/cost_allocation.csv", "tagged/cost_by_tag.csv"]
    {
        assert_eq!(sum(file, "usd"), total, "{file}");
        assert_eq!(sum(file, "split_usd"), total, "{file}");
        assert_eq!(sum(file, "unused_usd"), 0, "{file}");
    }
    let same = |name: &str| std::fs::read(desk.path(name)).unwrap();
    assert_eq!(same("plain/cost.csv"), same("tagged/cost.csv"));
}
