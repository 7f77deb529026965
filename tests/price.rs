//! `ecsim price`: what one task costs, against published months and by hand; what is no task definition.

use crate::support::program::Desk;
use ecsim::base::money::NanoUsd;
use ecsim::catalog::{Catalogue, PriceFile};
use ecsim::experiment::quote::{HOURS_PER_MONTH, OnFargate, OnInstance, Question, Quote, quote};
use ecsim::model::definition::TaskDefinition;
use ecsim::model::platform::{Architecture, OperatingSystem, Purchase};
use ecsim::scenario::task_definition_text;
use std::io::Write as _;
use std::process::Stdio;

const VIRGINIA: Question<'_> = Question {
    region: "us-east-1",
    packing_percent: 70,
    with_burstable: false,
    with_trunking: false,
};

/// A definition of one container and this size of the task.
fn definition(cpu: &str, memory: &str, more: &str) -> TaskDefinition {
    let text = format!(
        r#"{{"family": "t", "cpu": "{cpu}", "memory": "{memory}", {more}
            "containerDefinitions": [{{"name": "c", "image": "i"}}]}}"#
    );
    read(&text)
}

fn read(text: &str) -> TaskDefinition {
    task_definition_text("t.json", text).unwrap_or_else(|found| panic!("{found}")).definition
}

fn ask(size: &TaskDefinition, question: &Question<'_>) -> Quote {
    quote(&Catalogue::embedded(), size, question)
}

fn fargate(answer: &Quote, architecture: Architecture, purchase: Purchase) -> OnFargate {
    let mut of_it = answer.fargate.iter();
    *of_it.find(|o| (o.architecture, o.purchase) == (architecture, purchase)).unwrap()
}

/// A month, in cents.
fn cents(cost: NanoUsd) -> i128 {
    (cost.0 + 5_000_000) / 10_000_000
}

fn on(answer: &Quote, name: &str) -> OnInstance {
    let mut all = answer.instances.as_ref().unwrap().iter();
    all.find(|offer| offer.kind.name == name).unwrap().clone()
}

/// vCPUs in hundredths and GB in tenths of the sizes of PR-10 and PR-11, and the months in cents.
const MONTHS: [(u32, u32, i128, i128); 13] = [
    (256, 512, 901, 721),
    (256, 1024, 1_063, 851),
    (512, 1024, 1_802, 1_442),
    (1024, 2048, 3_604, 2_884),
    (1024, 4096, 4_253, 3_403),
    (2048, 4096, 7_208, 5_767),
    (2048, 8192, 8_506, 6_807),
    (4096, 8192, 14_416, 11_534),
    (4096, 16_384, 17_012, 13_613),
    (4096, 30_720, 21_555, 17_251),
    (8192, 16_384, 28_832, 23_068),
    (16_384, 32_768, 57_664, 46_136),
    (16_384, 122_880, 86_219, 69_005),
];

#[test]
fn pr_10_months_on_fargate_x86() {
    for (cpu, memory, x86, _) in MONTHS {
        let answer = ask(&definition(&cpu.to_string(), &memory.to_string(), ""), &VIRGINIA);
        let offer = fargate(&answer, Architecture::X86_64, Purchase::OnDemand);
        assert_eq!(cents(offer.cost.hours(HOURS_PER_MONTH)), x86, "{cpu} {memory}");
        assert_eq!(offer.wasted.hours(HOURS_PER_MONTH), NanoUsd::ZERO);
    }
}

#[test]
fn pr_11_months_on_fargate_arm() {
    for (cpu, memory, _, arm) in MONTHS {
        let answer = ask(&definition(&cpu.to_string(), &memory.to_string(), ""), &VIRGINIA);
        let offer = fargate(&answer, Architecture::Arm64, Purchase::OnDemand);
        assert_eq!(cents(offer.cost.hours(HOURS_PER_MONTH)), arm, "{cpu} {memory}");
    }
}

#[test]
fn pr_07_and_pr_08_months_and_discounts_of_fargate_spot_in_oregon() {
    // The Spot prices of that source, 30 % of On-Demand; the catalogue's are of another day.
    let spot = "region,os,arch,purchase,usd_per_vcpu_hour,usd_per_gb_hour\n\
                us-west-2,linux,x86_64,spot,0.012144,0.0013335\n";
    let book = Catalogue::embedded();
    let own = PriceFile::parse("spot.csv", spot.as_bytes(), &book).unwrap();
    let book = book.with_price_file(own);
    let oregon = Question { region: "us-west-2", ..VIRGINIA };
    for (cpu, memory, month, discount) in
        [(256, 512, 739 + 162, 517 + 114), (1024, 2048, 2_955 + 649, 2_069 + 454)]
    {
        let size = definition(&cpu.to_string(), &memory.to_string(), "");
        let answer = quote(&book, &size, &oregon);
        let of = |purchase| {
            let offer = fargate(&answer, Architecture::X86_64, purchase);
            cents(offer.cost.hours(HOURS_PER_MONTH))
        };
        // Two lines, each rounded to a cent.
        assert!((of(Purchase::OnDemand) - month).abs() <= 1);
        assert!((of(Purchase::OnDemand) - of(Purchase::Spot) - discount).abs() <= 1);
    }
}

#[test]
fn instances_hold_what_fits_and_the_break_even_is_their_price_by_fargates() {
    // 0.5 vCPU and 1 GiB, bridge: four by CPU on 2 vCPUs at $0.096 an hour, memory for seven.
    let answer = ask(&definition(".5 vCPU", "1 GB", ""), &VIRGINIA);
    let large = on(&answer, "m5.large");
    assert_eq!((large.tasks, large.binds), (4, "CPU"));
    assert_eq!(large.full.hours(1), NanoUsd(24_000_000));
    assert_eq!(cents(large.full.hours(HOURS_PER_MONTH)), 1_752);
    assert_eq!(cents(large.packed.hours(HOURS_PER_MONTH)), 2_503, "17.52 / 0.7");
    // Fargate: 0.5 · 0.04048 + 0.004445 = 0.024685 an hour; 0.024 / 0.024685 = 97.2 %, and a little more.
    assert_eq!(large.break_even_permille, Some(973));
    // An awsvpc task needs an interface, of which m5.large has two for tasks, and ten with trunking.
    let awsvpc = definition("512", "1024", r#""networkMode": "awsvpc","#);
    let large = on(&ask(&awsvpc, &VIRGINIA), "m5.large");
    assert_eq!((large.tasks, large.binds), (2, "interfaces"));
    let trunked = ask(&awsvpc, &Question { with_trunking: true, ..VIRGINIA });
    assert_eq!(on(&trunked, "m5.large").tasks, 4);
    let names = |answer: &Quote| -> Vec<String> {
        answer.families(Architecture::X86_64).iter().map(|o| o.kind.name.clone()).collect()
    };
    assert!(names(&answer).iter().all(|name| !name.starts_with('t')), "T types live on credits");
    let burstable =
        ask(&definition("512", "1024", ""), &Question { with_burstable: true, ..VIRGINIA });
    assert!(names(&burstable).iter().any(|name| name.starts_with("t3a.")));
}

#[test]
fn families_are_told_by_their_smallest_type_that_is_as_cheap_as_any() {
    let answer = ask(&definition("512", "1024", ""), &VIRGINIA);
    let families = answer.families(Architecture::X86_64);
    let of_m5: Vec<&str> =
        families.iter().filter(|o| o.kind.family() == "m5").map(|o| o.kind.name.as_str()).collect();
    assert_eq!(of_m5, ["m5.large"], "all sizes hold four to 2 vCPUs");
    assert!(
        families
            .is_sorted_by(|a, b| a.full.hours(HOURS_PER_MONTH) <= b.full.hours(HOURS_PER_MONTH))
    );
}

#[test]
fn reservations_count_on_ec2_and_limits_on_fargate_whose_ladder_has_its_price() {
    let text = r#"{"taskDefinition": {"family": "api", "revision": 2, "containerDefinitions": [
        {"name": "a", "image": "i", "cpu": 512, "memory": 1024, "memoryReservation": 768},
        {"name": "b", "image": "i", "cpu": 128, "memory": 256, "memoryReservation": 128}]}}"#;
    let read = task_definition_text("td.json", text).unwrap();
    let size = read.definition;
    assert!(!read.has_task_size);
    assert_eq!((size.family.as_str(), size.revision), ("api", 2));
    assert_eq!((size.demand.cpu, size.demand.memory), (640, 896));
    assert_eq!(size.fargate_request, (640, 1280));
    let answer = ask(&size, &VIRGINIA);
    assert_eq!(answer.fargate_size, Ok((1024, 2048)));
    // 0.375 vCPU and 0.75 GB too much: (0.375 · 0.04048 + 0.75 · 0.004445) · 730 = $13.5150375.
    let offer = fargate(&answer, Architecture::X86_64, Purchase::OnDemand);
    assert_eq!(offer.wasted.hours(HOURS_PER_MONTH), NanoUsd(13_515_037_500));
}

#[test]
fn storage_windows_and_gpus_have_their_prices_and_their_limits() {
    // 30 GiB above the included 20: 30 · 0.000111 · 730 = $2.4309 a month.
    let plain = ask(&definition("256", "512", ""), &VIRGINIA);
    let storage = r#""ephemeralStorage": {"sizeInGiB": 50},"#;
    let more = ask(&definition("256", "512", storage), &VIRGINIA);
    let month = |answer: &Quote| {
        fargate(answer, Architecture::X86_64, Purchase::OnDemand).cost.hours(HOURS_PER_MONTH)
    };
    assert_eq!(month(&more) - month(&plain), NanoUsd(2_430_900_000));
    let windows = r#""runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},"#;
    let size = definition("1 vCPU", "2 GB", windows);
    assert_eq!(size.platform.os, OperatingSystem::Windows);
    let answer = ask(&size, &VIRGINIA);
    assert_eq!(answer.instances, None, "the catalogue has prices of Linux only");
    assert_eq!(answer.fargate.len(), 1, "no Spot, no ARM");
    let gpu = r#"{"family": "g", "containerDefinitions": [{"name": "c", "image": "i", "cpu": 1024, "memory": 2048,
        "resourceRequirements": [{"type": "GPU", "value": "1"}]}]}"#;
    let answer = ask(&read(gpu), &VIRGINIA);
    assert_eq!(answer.fargate_size, Err("Fargate has no GPUs".into()));
    assert_eq!(on(&answer, "g4dn.xlarge").tasks, 1);
    assert!(answer.instances.unwrap().iter().all(|offer| offer.kind.gpus > 0));
    let huge = ask(&definition("65536", "1024", ""), &VIRGINIA);
    assert_eq!(huge.fargate_size, Err("no Fargate size holds 65536 CPU units and 1024 MiB".into()));
}

#[test]
fn a_definition_is_read_as_in_a_scenario_with_all_that_is_wrong_at_once() {
    let problems = |text: &str| task_definition_text("t.json", text).unwrap_err().to_string();
    let many = problems(
        r#"{"family": "t", "containerDefinitions": [{"name": "a", "image": "i", "cpu": "x", "memory": 7}],
            "runtimePlatform": {"cpuArchitecture": "arm"}}"#,
    );
    assert!(many.contains("t.json:1:77: `cpu` has the unknown unit \"x\""), "{many}");
    assert!(many.contains("(at $.runtimePlatform.cpuArchitecture)"), "{many}");
    for (text, hint) in [
        ("", "JSON"),
        ("{}", "neither `family` nor `containerDefinitions`"),
        (r#"{"Resources": {}}"#, "a CloudFormation template"),
        (r#"{"services": []}"#, "the output of `aws ecs describe-services`"),
    ] {
        assert!(problems(text).contains(hint), "{}", problems(text));
    }
}

#[test]
fn definitions_that_the_aws_cli_printed_are_read_as_they_are() {
    let folder = std::env::var("ECSIM_SHARED").unwrap_or_else(|_| "../shared".into());
    let folder = std::path::Path::new(&folder).join("aws-fixtures");
    let sizes = [
        ("shop-api", (640, 896), (640, 1280), false),
        ("shop-web", (512, 1024), (512, 1024), true),
        ("shop-worker", (1024, 2048), (1024, 2048), true),
    ];
    for (name, on_instance, on_fargate, has_size) in sizes {
        let path = folder.join(format!("ecs-describe-task-definition-{name}.json"));
        let Ok(bytes) = std::fs::read(&path) else {
            assert!(std::env::var_os("CI").is_none(), "{} is missing", path.display());
            eprintln!("skipped: {} is not there", path.display());
            return;
        };
        let read = task_definition_text(name, &String::from_utf8(bytes).unwrap()).unwrap();
        let task = read.definition;
        assert_eq!((task.demand.cpu, task.demand.memory), on_instance, "{name}");
        assert_eq!((task.fargate_request, read.has_task_size), (on_fargate, has_size), "{name}");
    }
}

#[test]
fn a_host_port_leaves_room_for_one_and_constraints_for_the_types_that_they_name() {
    let of_port = r#"{"family": "p", "networkMode": "bridge", "containerDefinitions": [{"name": "c", "image": "i",
        "cpu": 256, "memory": 512, "portMappings": [{"containerPort": 80, "hostPort": 80}]}]}"#;
    let large = on(&ask(&read(of_port), &VIRGINIA), "m5.large");
    assert_eq!((large.tasks, large.binds), (1, "host ports"));
    // 0.096 an hour for one task, against 0.25 · 0.04048 + 0.5 · 0.004445 = 0.0123425.
    assert_eq!(large.break_even_permille, Some(7_779));
    let constrained = definition(
        "512",
        "1024",
        r#""placementConstraints": [
            {"type": "memberOf", "expression": "attribute:ecs.instance-type =~ m5.*"},
            {"type": "memberOf", "expression": "attribute:stack == prod"}],"#,
    );
    let answer = ask(&constrained, &VIRGINIA);
    let names = answer.instances.unwrap();
    assert!(names.iter().all(|offer| offer.kind.name.starts_with("m5")) && names.len() > 5);
    assert_eq!(answer.open_constraints, ["attribute:stack == prod"]);
}

#[test]
fn the_program_answers_people_and_programs_from_a_file_and_from_a_pipe() {
    let desk = Desk::new();
    let text = r#"{"family": "api", "revision": 3, "cpu": "512", "memory": "1024", "networkMode": "bridge",
        "containerDefinitions": [{"name": "c", "image": "i"}]}"#;
    desk.write("api.json", text);
    let told = desk.ok("price api.json --top 1").stdout;
    assert!(
        told.starts_with(
            "api:3: 0.5 vCPU, 1024 MiB, x86_64, in us-east-1; a month has 730 hours\n"
        )
    );
    assert!(
        told.contains("the 1 cheapest of ")
            && told.contains("│ x86_64         On-Demand   0.02468")
    );
    let json: serde_json::Value =
        serde_json::from_str(&desk.ok("price api.json --format json").stdout).unwrap();
    for (key, value) in [
        ("schema", serde_json::json!("ecsim/1")),
        ("task_definition", serde_json::json!("api:3")),
        ("has_task_size", serde_json::json!(true)),
        ("fargate_size", serde_json::json!({"cpu": 512, "memory_mib": 1024})),
        ("packing_percent", serde_json::json!(70)),
    ] {
        assert_eq!(json[key], value, "{key}");
    }
    let large = json["instances"].as_array().unwrap().iter();
    let large = large.clone().find(|one| one["instance_type"] == "m5.large").unwrap();
    assert_eq!(large["usd_per_task_month_full"], serde_json::json!(17.52));
    let mut piped = desk.command("price - --top 1");
    let mut child = piped.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap(), told);
    desk.run("price none.json").ends_with(2).says("none.json: cannot be read");
    desk.write("bad.json", "{\"family\": 1,}");
    desk.run("price bad.json").ends_with(2).says("bad.json:1:");
    desk.run("price api.json --region mars").ends_with(2).says("unknown region \"mars\"");
}

#[test]
fn a_region_without_fargate_prices_is_said_to_have_none() {
    let desk = Desk::new();
    desk.write(
        "t.json",
        r#"{"family": "t", "cpu": "1024", "memory": "3072", "containerDefinitions": [{"name": "c", "image": "i"}]}"#,
    );
    let done = desk.ok("price t.json --region ap-southeast-5");
    assert!(
        done.stdout.contains("no Fargate price of this platform is known there"),
        "{}",
        done.stdout
    );
    assert!(!done.stdout.contains("of it above the request"), "{}", done.stdout);
    assert!(done.stdout.contains("m7i"), "EC2 is told all the same: {}", done.stdout);
}
