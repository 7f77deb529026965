//! ECS Managed Instances from end to end: scenarios as text, run under all checks; AS-60 through a whole run.
//!
//! Tasks that wait are collected for 1 s; an instance is ACTIVE 30 s after its launch (1 + 15 + 10 + 4 s) and is billed
//! from 16 s on.

use crate::support::fleet::{MANAGED, Moved, errors, run};

fn scenario(length: u32, provider: &str, more: &str) -> String {
    format!(
        r#"
[simulation]
region = "us-west-2"
duration = "{length}s"
sample_interval = "10s"

{MANAGED}
[[cluster]]
availability_zones = ["us-west-2a", "us-west-2b"]

[[capacity_provider]]
name = "mi"
{provider}

[[task_definition]]
family = "web"
cpu = 1024
memory = 1024
network_mode = "host"

[[task_definition]]
family = "a"
cpu = 1024
memory = 9728
network_mode = "host"

[[task_definition]]
family = "b"
cpu = 1024
memory = 5632
network_mode = "host"
{more}
"#
    )
}

fn boxes(keys: &str, managed: &str) -> String {
    format!(
        "instance_types = [\"box.large\", \"box.small\"]\n{keys}\n\
         [capacity_provider.managed_instances]\n{managed}\n"
    )
}

const STRATEGY: &str =
    "capacity_provider_strategy = [{ capacity_provider = \"mi\", weight = 1 }]\n";

/// Tasks of RunTask at this instant.
fn tasks(name: &str, at: u32, count: u32, seconds: u32, keys: &str) -> String {
    format!(
        "[[run_task]]\nname = \"{name}\"\ntask_definition = \"web\"\n{STRATEGY}{keys}\n[run_task.generate]\n\
         per_second = {rate}\nprocess = \"even\"\nlimit = 1\ncount = {count}\nduration = \"{seconds}s\"\n",
        rate = 1.0 / f64::from(at)
    )
}

fn service(name: &str, definition: &str, count: u32, keys: &str) -> String {
    format!(
        "[[service]]\nname = \"{name}\"\ntask_definition = \"{definition}\"\ndesired_count = {count}\n\
         {STRATEGY}{keys}\n"
    )
}

fn launches(ran: &Moved) -> Vec<(f64, String, String)> {
    let launched = ran.fleet.iter().filter(|row| row["event"] == "launch");
    launched
        .map(|row| {
            let at = row["time_s"].parse().unwrap();
            (at, row["instance_type"].clone(), row["availability_zone"].clone())
        })
        .collect()
}

fn events(ran: &Moved) -> Vec<String> {
    let told = |row: &crate::support::services::Cells| {
        format!("{} {} {} {}", row["time_s"], row["event"], row["instance_id"], row["reason"])
    };
    ran.fleet.iter().map(told).collect()
}

/// One task: the cheapest type that holds it, and it goes when it has been idle for as long as it may be.
#[test]
fn one_task_from_zero_gets_the_cheapest_instance_that_goes_when_idle() {
    let ran = run(&scenario(1_000, &boxes("", ""), &tasks("jobs", 1, 1, 100, "")));
    assert_eq!(
        events(&ran),
        [
            "2 launch mi-0 tasks_waited",
            "18 running mi-0 tasks_waited",
            "32 registered mi-0 tasks_waited",
            "434 terminated mi-0 idle",
        ],
        "placed at 32, runs from 34 to 134; quiet for 300 s then"
    );
    assert_eq!(ran.of_tasks("placed_s"), ["32"]);
    assert_eq!(launches(&ran)[0].1, "box.small");
    // 416 s at 2.4 $/h, and 12 % of it for ECS.
    assert_eq!(ran.number("ec2_usd"), 0.310_613_333);
    let lines = &ran.result.invoice.lines;
    let fee = lines.iter().filter(|line| line.category.name() == "managed_instances_fee");
    assert_eq!(fee.map(|line| line.usd.0).sum::<i128>(), 33_280_000);
    let by_task = lines.iter().filter(|line| !line.is_idle).count();
    assert_eq!(by_task, 2, "the task's part of the instance, and of its fee");
}

/// What a task costs, and what is idle, counts the fee as the lines of the bill do. The task holds 1 vCPU and a GB.
#[test]
fn the_fee_of_an_instance_is_shared_as_its_price_is() {
    let ran = run(&scenario(1_000, &boxes("", ""), &service("web", "web", 1, "")));
    let lines = &ran.result.invoice.lines;
    let sum = |is_idle: bool| -> i128 {
        lines.iter().filter(|line| line.is_idle == is_idle).map(|line| line.usd.0).sum()
    };
    let nano = |metric: &str| (ran.number(metric) * 1e9).round() as i128;
    // Lines are rounded by themselves, shares down: a nano-dollar or two between them.
    let is_near = |one: i128, other: i128| assert!((one - other).abs() <= 2, "{one} {other}");
    is_near(nano("service.web.usd"), sum(false));
    is_near(nano("ec2_idle_usd"), sum(true));
    // As full as without a fee: idle and whole are both 12 % dearer.
    let free = boxes("", "fee_usd_per_hour = 0");
    let without = run(&scenario(1_000, &free, &service("web", "web", 1, "")));
    let idle = |ran: &Moved| ran.number("usd_idle_percent");
    assert!((idle(&ran) - idle(&without)).abs() < 1e-5, "{} {}", idle(&ran), idle(&without));
}

/// AS-60: A goes to 0 at 1,000 s. Instances must be quiet for 300 s, rebalancing waits for 60 s of a steady state.
#[test]
fn as_60_two_large_instances_become_two_medium_ones_one_drain_at_a_time() {
    let managed =
        "instance_requirements = { allowed_instance_types = [\"r5a.*\", \"r7a.*\", \"m5.*\"] }";
    let provider = format!("[capacity_provider.managed_instances]\n{managed}\n");
    let services = service("a", "a", 2, "update = [{ at = \"1000s\", desired_count = 0 }]\n")
        + &service("b", "b", 2, "");
    let ran = run(&scenario(4_000, &provider, &services));
    let launch = |at: f64, kind: &str, zone: &str| (at, kind.to_string(), zone.to_string());
    assert_eq!(
        launches(&ran),
        [
            launch(1.0, "r5a.large", "us-west-2a"),
            launch(1.0, "r5a.large", "us-west-2b"),
            launch(1_602.0, "r7a.medium", "us-west-2b"),
            launch(1_979.0, "r7a.medium", "us-west-2a"),
        ]
    );
    let moves = |row: &&crate::support::services::Cells| {
        ["draining", "terminated"].contains(&row["event"].as_str())
    };
    let moved: Vec<String> = ran
        .fleet
        .iter()
        .filter(moves)
        .map(|row| format!("{} {} {}", row["event"], row["instance_id"], row["reason"]))
        .collect();
    assert_eq!(
        moved,
        [
            "draining mi-1 under_used",
            "terminated mi-1 under_used",
            "draining mi-0 under_used",
            "terminated mi-0 under_used",
        ],
        "never two drains at once"
    );
    let lost: Vec<&str> = ran
        .fleet
        .iter()
        .filter(|row| row["event"] == "terminated")
        .map(|row| &*row["tasks"])
        .collect();
    assert_eq!(lost, ["0", "0"]);
}

/// Eight tasks over two zones: four fit on a box.large, which is cheaper than two small ones.
#[test]
fn a_batch_is_spread_over_the_zones_and_packed_onto_the_cheapest_types() {
    let ran = run(&scenario(100, &boxes("", ""), &service("web", "web", 8, "")));
    let launched = launches(&ran);
    let told: Vec<(&str, &str)> = launched.iter().map(|(_, k, z)| (&**k, &**z)).collect();
    assert_eq!(told, [("box.large", "us-west-2a"), ("box.large", "us-west-2b")]);
    assert_eq!(ran.of_tasks("placed_s"), ["31"; 8]);
}

#[test]
fn room_on_an_instance_is_used_first_and_those_on_their_way_count() {
    // The first task gets a small box, which has room for the second one, 10 s later; the third one needs another.
    let more = tasks("one", 10, 1, 500, "")
        + &tasks("two", 20, 1, 500, "")
        + &tasks("three", 30, 1, 500, "");
    let ran = run(&scenario(100, &boxes("", ""), &more));
    let at: Vec<f64> = launches(&ran).iter().map(|(at, ..)| *at).collect();
    assert_eq!(at, [11.0, 31.0], "1 s after the first and the third task");
    assert_eq!(ran.of_tasks("placed_s"), ["41", "41", "61"]);
}

#[test]
fn how_long_an_instance_must_be_quiet_is_a_key() {
    let text = |managed: &str| scenario(1_000, &boxes("", managed), &tasks("jobs", 1, 1, 100, ""));
    let never = run(&text("scale_in_after = \"never\""));
    assert!(never.event("terminated").is_empty());
    let soon = run(&text("scale_in_after = \"0s\""));
    assert_eq!(events(&soon)[3..], ["134 terminated mi-0 idle"]);
}

/// 600 s after its launch an instance drains; its task moves to a new one first.
#[test]
fn an_instance_drains_when_it_is_old() {
    let ran = run(&scenario(900, &boxes("", "lifetime = \"600s\""), &service("web", "web", 1, "")));
    let told = events(&ran);
    assert_eq!(told[3], "601 draining mi-0 age");
    assert_eq!(told[4], "603 launch mi-1 tasks_waited", "1 s for the service, 1 s for the batch");
    assert!(told.last().unwrap().ends_with("terminated mi-0 age"), "{told:?}");
    assert_eq!(ran.fleet.last().unwrap()["tasks"], "0");
    // A standalone task is not moved: it is lost when the drain has lasted for as long as it may.
    let jobs = tasks("jobs", 1, 1, 5_000, "");
    let keys = boxes("drain_timeout = \"200s\"\n", "lifetime = \"600s\"");
    let ran = run(&scenario(900, &keys, &jobs));
    assert_eq!(events(&ran)[3..], ["602 draining mi-0 age", "802 terminated mi-0 age"]);
    assert_eq!(ran.number("tasks_lost"), 1.0);
}

/// A type that EC2 has none of is left alone for 300 s: others are tried, a batch each; then all are tried again.
#[test]
fn without_capacity_other_types_are_tried_and_then_the_same_again() {
    let one = "shortages = [{ at = \"0s\", duration = \"200s\", instance_type = \"box.small\" }]";
    let jobs = tasks("jobs", 1, 1, 100, "");
    let ran = run(&scenario(500, &boxes(one, ""), &jobs));
    assert_eq!(launches(&ran), [(3.0, "box.large".to_string(), "us-west-2a".to_string())]);
    let all = "shortages = [{ at = \"0s\", duration = \"200s\" }]";
    let ran = run(&scenario(500, &boxes(all, ""), &jobs));
    let failed: Vec<f64> = ran.event("launch_failed").iter().map(|(at, _)| *at).collect();
    assert_eq!(failed, [2.0, 3.0, 4.0, 5.0], "two types in two zones");
    assert_eq!(launches(&ran), [(302.0, "box.small".to_string(), "us-west-2a".to_string())]);
    assert_eq!(ran.of_tasks("placed_s"), ["332"]);
}

/// A daemon takes 1 of 4 vCPUs: the task of 2 vCPUs does not fit beside it on a small box.
#[test]
fn daemons_are_reckoned_with_and_come_first() {
    let wide = "[[task_definition]]\nfamily = \"wide\"\ncpu = 2048\nmemory = 1024\nnetwork_mode = \"host\"\n";
    let more = wide.to_string()
        + &service("agent", "web", 0, "scheduling_strategy = \"DAEMON\"\n")
            .replace("desired_count = 0\n", "")
        + &service("wide", "wide", 1, "");
    let ran = run(&scenario(1_000, &boxes("", ""), &more));
    assert_eq!(launches(&ran)[0].1, "box.large");
    let mut placed: Vec<(&str, &str)> =
        ran.tasks.iter().map(|t| (&*t["task_definition"], &*t["placed_s"])).collect();
    placed.sort_unstable();
    assert_eq!(placed, [("web:1", "31"), ("wide:1", "31")]);
    assert!(ran.event("terminated").is_empty(), "the daemon and the task that it is for");
}

/// Managed Instances are reached by a strategy only: a task with the launch type EC2 finds no instance.
#[test]
fn the_launch_type_ec2_does_not_reach_managed_instances() {
    let other = "[[run_task]]\nname = \"other\"\ntask_definition = \"web\"\nlaunch_type = \"EC2\"\n\
                 [run_task.generate]\nper_second = 0.01\nprocess = \"even\"\nlimit = 1\ncount = 1\nduration = \"10s\"\n";
    let ran = run(&scenario(500, &boxes("", ""), &(tasks("jobs", 1, 1, 400, "") + other)));
    assert_eq!(ran.number("tasks_refused"), 1.0);
    assert_eq!(ran.number("tasks_placed"), 1.0);
}

#[test]
fn what_managed_instances_refuse_is_said() {
    let refused = |provider: &str, more: &str, sentence: &str| {
        let told = errors(&scenario(100, provider, more));
        assert!(told.contains(sentence), "{sentence:?} is not in:\n{told}");
    };
    let jobs = |keys: &str| tasks("jobs", 1, 1, 10, keys);
    for key in ["max_size = 4", "desired_capacity = 4", "inventory = \"a.csv\""] {
        refused(&boxes(key, ""), "", "and `managed_instances` exclude each other");
    }
    refused(
        &boxes("operating_system_family = \"WINDOWS_SERVER_2022_CORE\"", ""),
        "",
        "Managed Instances run Linux only",
    );
    refused(
        &boxes("", ""),
        &jobs("placement_strategy = [{ type = \"binpack\", field = \"cpu\" }]"),
        "placement strategies are not supported with Managed Instances",
    );
    let bridge = "[[task_definition]]\nfamily = \"bridge\"\ncpu = 1\nmemory = 4\nnetwork_mode = \"bridge\"\n";
    let service = service("web", "bridge", 1, "");
    refused(&boxes("", ""), &(bridge.to_string() + &service), "has the network mode bridge");
    let requirements = "instance_requirements = { min_vcpus = 4, max_vcpus = 2 }";
    let only = |managed: &str| format!("[capacity_provider.managed_instances]\n{managed}\n");
    refused(&only(requirements), "", "`min_vcpus` 4 is above `max_vcpus` 2");
    refused(
        &only("instance_requirements = { allowed_instance_types = [\"q9.*\"] }"),
        "",
        "no instance type with a price in us-west-2 meets the `instance_requirements`",
    );
    refused(
        &boxes("", "instance_requirements = { min_vcpus = 4 }"),
        "",
        "`instance_requirements` and `instance_types` exclude each other",
    );
    refused(&boxes("", "scale_in_after = \"2h\""), "", "scale_in_after");
    let both = boxes("", "")
        + "\n[[capacity_provider]]\nname = \"fleet\"\ninstance_types = [\"box.large\"]\ndesired_capacity = 1\n";
    let mixed = jobs("").replace(
        "[{ capacity_provider = \"mi\", weight = 1 }]",
        "[{ capacity_provider = \"mi\", weight = 1 }, { capacity_provider = \"fleet\", weight = 1 }]",
    );
    refused(&both, &mixed, "a strategy cannot mix Managed Instances with other capacity providers");
}

/// A zone that is out is avoided, and used again when it is back (documented: Managed Instances avoid a zone in trouble).
#[test]
fn a_zone_that_is_out_gets_no_instance_until_it_is_back() {
    let outage = "[[failure]]\nkind = \"az_outage\"\nat = \"100s\"\nduration = \"400s\"\n\
                  availability_zone = \"us-west-2a\"\n";
    let more = tasks("early", 125, 1, 100, "") + &tasks("late", 625, 1, 100, "") + outage;
    let ran = run(&scenario(900, &boxes("", "scale_in_after = \"10s\""), &more));
    let zones: Vec<(f64, String)> =
        launches(&ran).into_iter().map(|(at, _, zone)| (at, zone)).collect();
    let expected = [(126.0, "us-west-2b".to_string()), (626.0, "us-west-2a".to_string())];
    assert_eq!(zones, expected);
}

/// While EC2 has nothing, a type in a zone is asked for once a `retry_after`, however many tasks come meanwhile.
#[test]
fn what_ec2_lacks_is_asked_for_once_a_while_and_counted() {
    let none = "shortages = [{ at = \"0s\", duration = \"1000s\" }]";
    let stream = "[[run_task]]\nname = \"jobs\"\ntask_definition = \"web\"\ncapacity_provider_strategy = \
                  [{ capacity_provider = \"mi\", weight = 1 }]\n[run_task.generate]\nper_second = 0.1\n\
                  process = \"even\"\nduration = \"50s\"\n";
    let ran = run(&scenario(950, &boxes(none, ""), stream));
    // Two types in two zones, from 11 s on each 300 s: four times.
    let failed = ran.event("launch_failed").len();
    assert_eq!(failed, 16);
    assert_eq!(ran.number("launches_failed"), 16.0);
    assert!(ran.number("events") < 600.0, "{}", ran.number("events"));
}

/// A service that found no room in the other zone looks again when an instance registers there.
#[test]
fn a_service_uses_the_instance_that_was_launched_to_balance_its_zones() {
    let short =
        "shortages = [{ at = \"0s\", duration = \"600s\", availability_zone = \"us-west-2b\" }]";
    let web = service(
        "web",
        "web",
        2,
        "starts_running = false\nplacement_constraints = [{ type = \"distinctInstance\" }]\n",
    );
    let ran = run(&scenario(3_000, &boxes(short, "scale_in_after = \"300s\""), &web));
    let live = ran.tasks.iter().filter(|task| task["stopped_s"].is_empty());
    let mut zones: Vec<&str> = live.map(|task| task["availability_zone"].as_str()).collect();
    zones.sort_unstable();
    assert_eq!(zones, ["us-west-2a", "us-west-2b"]);
    assert_eq!(launches(&ran).len(), 3, "two in the zone that was there, one in the other");
}

/// ECS takes constraints over four attributes there; another one could keep a task waiting for ever.
#[test]
fn constraints_are_over_four_attributes() {
    let job = |expression: &str| {
        let keys = format!(
            "placement_constraints = [{{ type = \"memberOf\", expression = \"{expression}\" }}]\n"
        );
        scenario(100, &boxes("", ""), &tasks("jobs", 1, 1, 10, &keys))
    };
    for refused in
        ["attribute:rack == a", "not (task:group == service:web)", "runningTasksCount < 2"]
    {
        let said = errors(&job(refused));
        assert!(said.contains("`memberOf` over four attributes only"), "{refused}: {said}");
    }
    let ran = run(&job("attribute:ecs.instance-type == box.large"));
    assert_eq!(launches(&ran)[0].1, "box.large");
}

/// Two daemons: while one of them is missing, its room is kept.
#[test]
fn room_is_kept_for_each_daemon_that_is_missing() {
    let daemon = |name: &str, keys: &str| {
        service(name, "web", 0, &format!("scheduling_strategy = \"DAEMON\"\n{keys}"))
            .replace("desired_count = 0\n", "")
    };
    // box.small has 2 vCPUs for two daemons of one; the task of one needs a large one beside them.
    let more = daemon("one", "")
        + &daemon("two", "critical = false\nbehaviour = { time_to_failure = \"40s\" }\n")
        + &tasks("jobs", 1, 1, 2_000, "")
        + &tasks("more", 80, 2, 500, "");
    let ran = run(&scenario(300, &boxes("", ""), &more));
    // The first instance has two daemons, the first task and room for one more; what a crash of the second daemon leaves
    // is its own again.
    let on_first = |name: &str| {
        let of = ran.tasks.iter().filter(|t| t["source"] == name && t["instance_id"] == "mi-0");
        of.count()
    };
    assert_eq!((on_first("jobs"), on_first("more")), (1, 1));
    assert!(launches(&ran).len() == 2, "{:?}", launches(&ran));
}

/// A Spot instance that drains from its notice to its end 120 s later, whatever holds it up.
#[test]
fn a_spot_instance_drains_at_its_notice_and_is_gone_two_minutes_later() {
    let keys = "purchase = \"spot\"\nspot_price_usd_per_hour = 1.2\ninterruption = { per_instance_hour = 3 }\n";
    let ran = run(&scenario(3_600, &boxes(keys, ""), &service("web", "web", 1, "")));
    let notices = ran.event("interruption_notice");
    assert!(!notices.is_empty(), "{:?}", events(&ran));
    let mut launched = ran.event("launch").into_iter();
    for (at, instance) in notices.into_iter().filter(|(at, _)| *at < 3_400.0) {
        let when = |event: &str| {
            let own = |(_, of): &&(f64, &str)| *of == instance;
            let all = ran.event(event);
            all.iter().find(own).map(|(at, _)| *at)
        };
        assert_eq!(when("draining"), Some(at), "{instance}");
        assert_eq!(when("terminated"), Some(at + 120.0), "{instance}");
        // The service reacts a second later, its batch is a second long: another instance comes for the task.
        let next = launched.find(|(launch, _)| *launch > at).map(|(launch, _)| launch);
        assert!(
            (next.unwrap() - at - 2.0).abs() < 1e-6,
            "{instance} at {at}, the next at {next:?}"
        );
    }
    assert_eq!(ran.number("tasks_lost"), 0.0, "the next instance is there after 32 s");
    let reasons: Vec<&str> = ran
        .fleet
        .iter()
        .filter(|row| row["event"] == "terminated")
        .map(|row| row["reason"].as_str())
        .collect();
    assert!(reasons.iter().all(|reason| *reason == "spot_interruption"), "{reasons:?}");
    // Without a rate none is taken back.
    let calm = keys.replace("per_instance_hour = 3", "notice = \"60s\"");
    let ran = run(&scenario(3_600, &boxes(&calm, ""), &service("web", "web", 1, "")));
    assert_eq!(ran.event("interruption_notice").len(), 0);
    assert_eq!(launches(&ran).len(), 1);
}

/// Ten instances for ten hours, each taken back twice an hour: about 200 times (σ = 14, three of it).
#[test]
fn as_many_spot_instances_are_taken_back_as_the_rate_says() {
    let keys = "purchase = \"spot\"\nspot_price_usd_per_hour = 1.2\ninterruption = { per_instance_hour = 2 }\n";
    // A service whose tasks fill an instance each.
    let more = service("b", "b", 10, "");
    let ran = run(&scenario(36_000, &boxes(keys, ""), &more));
    let notices = ran.event("interruption_notice").len();
    // While one drains its successor lives already: the tasks' instances alone are counted, 10 at a time.
    assert!((158..=242).contains(&notices), "{notices}");
}

#[test]
fn what_only_groups_have_of_interruptions_is_refused() {
    let of = |keys: &str| scenario(100, &boxes(keys, ""), "");
    let told = errors(&of("interruption = { per_instance_hour = 1 }\n"));
    assert!(told.contains("`interruption` is about Spot instances"), "{told}");
    let spot = "purchase = \"spot\"\nspot_price_usd_per_hour = 1.2\n";
    for key in [
        "spot_instance_draining = true",
        "capacity_rebalancing = true",
        "reclaims_per_pool_hour = 1",
    ] {
        let told = errors(&of(&format!("{spot}interruption = {{ {key} }}\n")));
        assert!(told.contains("is about the Spot instances of Auto Scaling groups"), "{told}");
    }
}
