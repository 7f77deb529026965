//! Addresses of subnets, from end to end: scenarios as text, run under all checks. On Fargate an interface takes 5 s to
//! create and 1 s to delete, and a task is RUNNING 30 s after it was placed; a group's instance is ACTIVE 60 s after it
//! was launched, a task on it RUNNING 2 s after it was placed.

use crate::support::fleet::{BOXES, FARGATE, HEAD, LATENCY, Moved, WEB, errors, run};
use crate::support::services::tell;
use crate::support::shipped::{Shipped, rows};

/// A task that Fargate takes.
const WEB_ON_FARGATE: &str = r#"
[[task_definition]]
family = "web"
cpu = 1024
memory = 2048
network_mode = "awsvpc"
"#;

/// A subnet with so many addresses left: a /28 has 16, AWS keeps 5 of them.
fn subnet(id: &str, zone: &str, block: u32, free: u32) -> String {
    format!(
        "[[network.subnets]]\nid = \"{id}\"\navailability_zone = \"us-east-1{zone}\"\n\
         cidr = \"10.0.0.{}/28\"\nused_addresses = {}\n",
        16 * block,
        11 - free
    )
}

/// A RunTask call for so many tasks of 300 s, `1 / per_second` s after the beginning.
fn jobs(name: &str, per_second: &str, count: u32, more: &str) -> String {
    format!(
        "[[run_task]]\nname = \"{name}\"\ntask_definition = \"web\"\n{more}\n[run_task.generate]\n\
         per_second = {per_second}\nprocess = \"even\"\nlimit = 1\ncount = {count}\n\
         duration = \"300s\"\n"
    )
}

fn reasons(ran: &Moved) -> Vec<&str> {
    ran.of_tasks("stopped_reason")
}

const DONE: &str = "Essential container in task exited";

#[test]
fn a_fargate_task_without_an_address_fails_to_start_and_its_caller_is_not_told() {
    let text = format!(
        "{HEAD}{FARGATE}{WEB_ON_FARGATE}{}{}",
        subnet("subnet-a", "a", 0, 2),
        jobs("j", "1", 3, "")
    );
    let ran = run(&text);
    assert_eq!(ran.of_tasks("placed_s"), ["1", "1", "1"]);
    assert_eq!(ran.of_tasks("started_s"), ["31", "31", ""]);
    // The third is known to have no address when its interface should have been there.
    assert_eq!(ran.of_tasks("stopped_s"), ["332", "332", "6"]);
    assert_eq!(ran.of_tasks("stop_code")[2], "TaskFailedToStart");
    let why = "Unexpected EC2 error while attempting to Create Network Interface with public IP \
               assignment disabled in subnet 'subnet-a': InsufficientFreeAddressesInSubnet";
    assert_eq!(reasons(&ran), [DONE, DONE, why]);
    let public = text.replace(
        "task_definition = \"web\"\n",
        "task_definition = \"web\"\nassign_public_ip = true\n",
    );
    assert!(reasons(&run(&public))[2].contains("public IP assignment enabled"));
}

#[test]
fn an_address_comes_back_when_the_interface_is_gone_and_not_before() {
    let with = |duration: &str| {
        let one = jobs("one", "1", 1, "").replace("300s", duration);
        let two = jobs("two", "0.003125", 1, "");
        run(&format!("{HEAD}{FARGATE}{WEB_ON_FARGATE}{}{one}{two}", subnet("subnet-a", "a", 0, 1)))
            .of_tasks("started_s")[1]
            .to_string()
    };
    // The first task is RUNNING from 31 s on; its interface is gone a second after its end. The second one is asked for
    // at 320 s.
    assert_eq!(with("289s"), "", "the first is gone at 321 s");
    assert_eq!(with("288s"), "350", "at 320 s: what goes comes before what is asked for");
}

#[test]
fn fargate_goes_where_addresses_are_or_does_not_look() {
    let own = [subnet("subnet-a", "a", 0, 0), subnet("subnet-b", "b", 1, 4)].concat();
    let text = format!("{HEAD}{FARGATE}{WEB_ON_FARGATE}{own}{}", jobs("j", "1", 4, ""));
    let ran = run(&text);
    assert_eq!(ran.of_tasks("availability_zone"), ["us-east-1b"; 4]);
    assert_eq!(ran.of_tasks("started_s"), ["31"; 4]);
    // Spread over zones with no look at addresses: every other task goes where there is none.
    let ran = run(&text.replace(
        "[[network.subnets]]\nid = \"subnet-a\"",
        "[network]\nfull_subnets = \"picked\"\n[[network.subnets]]\nid = \"subnet-a\"",
    ));
    assert_eq!(ran.of_tasks("started_s"), ["", "31", "", "31"]);
}

#[test]
fn several_subnets_of_a_zone_fill_evenly_or_in_turn() {
    let own = [subnet("subnet-1", "a", 0, 1), subnet("subnet-2", "a", 1, 3)].concat();
    let text = format!("{HEAD}{FARGATE}{WEB_ON_FARGATE}{own}{}", jobs("j", "1", 5, ""));
    assert_eq!(run(&text).of_tasks("started_s"), ["31", "31", "31", "31", ""]);
    // In turn: the third goes where the first one took the only address, and the fifth too.
    let picked = text.replacen("[[network", "[network]\nfull_subnets = \"picked\"\n[[network", 1);
    assert_eq!(run(&picked).of_tasks("started_s"), ["31", "31", "", "31", ""]);
}

#[test]
fn a_caller_keeps_to_its_own_subnets() {
    let own = [subnet("subnet-a", "a", 0, 1), subnet("subnet-b", "b", 1, 9)].concat();
    let text = format!(
        "{HEAD}{FARGATE}{WEB_ON_FARGATE}{own}{}",
        jobs("j", "1", 2, "subnets = [\"subnet-a\"]")
    );
    let ran = run(&text);
    assert_eq!(ran.of_tasks("availability_zone"), ["us-east-1a"; 2]);
    assert_eq!(ran.of_tasks("started_s"), ["31", ""]);
}

#[test]
fn a_service_that_finds_no_address_is_throttled_and_its_breaker_gives_up() {
    let service = "[[service]]\nname = \"web\"\ntask_definition = \"web\"\ndesired_count = 2\n\
                   starts_running = false\n\
                   deployment_configuration = { deployment_circuit_breaker = { enable = true, rollback = false } }\n";
    let told =
        tell(&format!("{HEAD}{FARGATE}{WEB_ON_FARGATE}{}{service}", subnet("subnet-a", "a", 0, 1)));
    let started = told.tasks.iter().filter(|row| !row["started_s"].is_empty()).count();
    assert_eq!(started, 1, "one has the only address");
    let failed = told.tasks.iter().filter(|row| row["stop_code"] == "TaskFailedToStart");
    assert!(
        failed
            .clone()
            .all(|row| row["stopped_reason"].ends_with("InsufficientFreeAddressesInSubnet"))
    );
    assert!(failed.count() >= 3, "three failures trip the breaker");
    assert_eq!(told.deployments.last().unwrap()["rollout_state"], "FAILED");
}

#[test]
fn the_table_of_subnets_has_addresses_over_time() {
    let own = [subnet("subnet-a", "a", 0, 2), subnet("subnet-b", "b", 1, 0)].concat();
    let ran = run(&format!("{HEAD}{FARGATE}{WEB_ON_FARGATE}{own}{}", jobs("j", "1", 3, "")));
    let row = |at: &str, subnet: &str| {
        let is_it =
            |row: &&crate::support::services::Cells| row["time_s"] == at && row["subnet"] == subnet;
        let row = ran.subnets.iter().find(is_it).unwrap();
        [
            "used_addresses",
            "task_addresses",
            "free_addresses",
            "least_free_addresses",
            "tasks_refused",
        ]
        .map(|column| row[column].parse::<u32>().unwrap())
    };
    assert_eq!(row("0", "subnet-a"), [9, 0, 2, 2, 0]);
    assert_eq!(row("10", "subnet-a"), [9, 2, 0, 0, 0]);
    assert_eq!(row("330", "subnet-a"), [9, 2, 0, 0, 0]);
    // Given back at 332 s: at 340 s all are free, and there was an instant with none since 330 s.
    assert_eq!(row("340", "subnet-a"), [9, 0, 2, 0, 0]);
    assert_eq!(row("350", "subnet-a"), [9, 0, 2, 2, 0]);
    // Where there is none anywhere, the zone with fewest tasks is as good as any.
    assert_eq!(row("340", "subnet-b"), [11, 0, 0, 0, 1]);
    let cell = |column: &str| ran.subnets[0][column].as_str();
    assert_eq!(
        [cell("addresses"), cell("cidr"), cell("availability_zone")],
        ["11", "10.0.0.0/28", "us-east-1a"]
    );
    assert_eq!(ran.subnets.len(), 2 * 101, "two rows every 10 s");
    let number = |name| ran.result.summary.get(name).unwrap().as_f64();
    assert_eq!(
        (number("free_addresses_min"), number("tasks_without_address")),
        (Some(0.0), Some(1.0))
    );
    let text = ecsim::report::answer::to_text(&ran.result.summary);
    assert!(text.contains("Network   1 task found no free address"), "{text}");
}

/// A group of boxes with these sizes and changes of its desired capacity.
fn group(desired: u32, changes: &[(u32, u32)], more: &str) -> String {
    let mut text = format!(
        "{HEAD}{LATENCY}{BOXES}{WEB}[[capacity_provider]]\nname = \"boxes\"\n\
         instance_types = [\"box.large\"]\nmax_size = 9\ndesired_capacity = {desired}\n{more}\n"
    );
    for (at, desired) in changes {
        text += &format!(
            "[[capacity_provider.scheduled_actions]]\nat = \"{at}s\"\ndesired_capacity = {desired}\n"
        );
    }
    text
}

fn told<'a>(ran: &'a Moved, event: &str) -> Vec<(&'a str, &'a str, &'a str)> {
    let rows = ran.fleet.iter().filter(|row| row["event"] == event);
    rows.map(|row| {
        (row["time_s"].as_str(), row["availability_zone"].as_str(), row["reason"].as_str())
    })
    .collect()
}

#[test]
fn a_group_without_addresses_backs_off_and_goes_on_when_one_is_back() {
    let own = [subnet("subnet-a", "a", 0, 1), subnet("subnet-b", "b", 1, 1)].concat();
    let ran = run(&(group(2, &[(100, 3), (400, 1), (500, 2)], "") + &own));
    let why = "There are not enough free addresses in subnet 'subnet-a' to satisfy the requested \
               number of instances.";
    // A minute after the first failure, two after the second.
    assert_eq!(told(&ran, "launch_failed"), [("100", "", why), ("160", "", why), ("280", "", why)]);
    assert_eq!(told(&ran, "terminated").len(), 1);
    assert_eq!(told(&ran, "launch"), [("500", "us-east-1a", "scale_out")]);
    assert_eq!(told(&ran, "registered"), [("560", "us-east-1a", "scale_out")]);
}

#[test]
fn a_group_launches_in_the_other_zone_where_one_has_no_address() {
    let own = [subnet("subnet-a", "a", 0, 1), subnet("subnet-b", "b", 1, 5)].concat();
    let ran = run(&(group(0, &[(100, 4)], "") + &own));
    let zones: Vec<&str> = told(&ran, "launch").iter().map(|(_, zone, _)| *zone).collect();
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1b", "us-east-1b"]);
    assert!(told(&ran, "launch_failed").is_empty());
}

#[test]
fn a_group_draws_the_subnet_of_an_instance_which_says_where_it_is() {
    let own = |free: [u32; 3]| {
        [
            subnet("subnet-1", "a", 0, free[0]),
            subnet("subnet-2", "a", 1, free[1]),
            subnet("subnet-3", "b", 2, free[2]),
        ]
        .concat()
    };
    let only = "subnets = [\"subnet-1\", \"subnet-2\"]";
    let jobs = jobs(
        "j",
        "0.005",
        3,
        "placement_constraints = [{ type = \"memberOf\", expression = \"attribute:ecs.subnet-id == subnet-1\" }]",
    );
    let last = |ran: &Moved, subnet: &str| {
        let mut rows = ran.subnets.iter().rev();
        rows.find(|row| row["subnet"] == subnet).unwrap()["instance_addresses"].clone()
    };
    // By chance: the emptiest would be the first one six times, from 11 free addresses to 6.
    let ran = run(&(group(0, &[(100, 6)], only) + &own([11, 4, 9]) + &jobs));
    assert_eq!(told(&ran, "launch").len(), 6);
    let [one, two] = ["subnet-1", "subnet-2"].map(|id| last(&ran, id).parse::<usize>().unwrap());
    assert!(one + two == 6 && one > 0 && two > 0, "{one} and {two}");
    // A box has room for two of the three.
    let started = ran.of_tasks("started_s").iter().filter(|at| **at == "202").count();
    assert_eq!(started, 3.min(2 * one));

    // One that is drawn and full is no reason to take the other, but to launch in the other zone.
    let ran = run(&(group(0, &[(100, 8)], "") + &own([0, 11, 11])));
    assert_eq!(told(&ran, "launch").len(), 8);
    assert!(told(&ran, "launch").iter().all(|(at, ..)| *at == "100"));
    assert!(told(&ran, "launch_failed").is_empty());
    let zones: Vec<&str> = told(&ran, "launch").iter().map(|(_, zone, _)| *zone).collect();
    assert_eq!(
        zones.iter().filter(|zone| **zone == "us-east-1a").count().to_string(),
        last(&ran, "subnet-2")
    );
    let in_turn = ["us-east-1a", "us-east-1b"].repeat(4);
    assert!(zones != in_turn && zones.contains(&"us-east-1a"), "{zones:?}");

    // Where there is no other zone, it is tried again later, and drawn anew.
    let ran = run(&(group(0, &[(100, 8)], only) + &own([0, 11, 9])));
    let failed = told(&ran, "launch_failed");
    assert!(failed[0].2.contains("'subnet-1'") && failed[0].0 == "100", "{failed:?}");
    let launched = told(&ran, "launch");
    assert!(launched.iter().any(|(at, ..)| *at != "100"), "{launched:?}");
}

#[test]
fn instances_and_their_tasks_share_the_addresses_of_a_zone() {
    let web = WEB.replace("bridge", "awsvpc");
    let latency =
        LATENCY.replace("[latency]", "[latency]\neni_attach = \"4s\"\neni_detach = \"3s\"");
    let text = |mode: &str, free: u32| {
        let web = web.replace("awsvpc", mode);
        format!(
            "{HEAD}{latency}{BOXES}{web}[[capacity_provider]]\nname = \"boxes\"\n\
             instance_types = [\"box.large\"]\ndesired_capacity = 2\n\
             availability_zones = [\"us-east-1a\"]\n{}{}{}",
            subnet("subnet-a", "a", 0, free),
            subnet("subnet-b", "b", 1, 9),
            jobs("j", "1", 4, "")
        )
    };
    // Two of five addresses are the boxes' own; an interface is there after 4 s, the containers 2 s later.
    let ran = run(&text("awsvpc", 5));
    assert_eq!(ran.of_tasks("started_s"), ["7", "7", "7", ""]);
    assert_eq!(ran.of_tasks("stopped_s")[3], "5");
    assert_eq!(
        reasons(&ran)[3],
        "Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-a': \
         InsufficientFreeAddressesInSubnet"
    );
    let ran = run(&text("bridge", 2));
    assert_eq!(ran.of_tasks("started_s"), ["3"; 4], "no interface, no address");
    let said = errors(&text("bridge", 1));
    let short = "1 instances of the capacity provider \"boxes\" find no address in its subnets in us-east-1a";
    assert!(said.contains(short), "{said}");
}

#[test]
fn a_queue_goes_on_when_an_address_is_back_though_nothing_else_is() {
    // The only address of the zone that is up belongs to the first task: RUNNING at 31 s, its containers exit at 131 s, its
    // interface is gone at 132 s.
    let own = [subnet("subnet-a", "a", 0, 9), subnet("subnet-b", "b", 1, 1)].concat();
    let one = jobs("one", "1", 1, "subnets = [\"subnet-b\"]").replace("300s", "100s");
    let two = jobs("two", "0.05", 1, "on_failure = \"queue\"");
    let out = "[[failure]]\nkind = \"az_outage\"\navailability_zone = \"us-east-1a\"\nat = \"5s\"\n\
               duration = \"2000s\"\n";
    let ran = run(&format!("{HEAD}{FARGATE}{WEB_ON_FARGATE}{own}{one}{two}{out}"));
    assert_eq!(ran.of_tasks("placed_s"), ["1", "132"]);
    assert_eq!(ran.of_tasks("started_s"), ["31", "162"]);
    assert_eq!(ran.of_tasks("availability_zone"), ["us-east-1b"; 2]);
}

#[test]
fn placement_on_instances_keeps_to_zones_with_addresses() {
    let web = WEB.replace("bridge", "awsvpc");
    let latency =
        LATENCY.replace("[latency]", "[latency]\neni_attach = \"4s\"\neni_detach = \"3s\"");
    // Each box has an address itself: none is left in one zone.
    let text = format!(
        "{HEAD}{latency}{BOXES}{web}[[capacity_provider]]\nname = \"boxes\"\n\
         instance_types = [\"box.large\"]\ndesired_capacity = 2\n{}{}{}",
        subnet("subnet-a", "a", 0, 1),
        subnet("subnet-b", "b", 1, 9),
        jobs("j", "1", 4, "on_failure = \"queue\"")
    );
    let number = |ran: &Moved| {
        ran.result.summary.get("tasks_without_address").and_then(|of| of.as_f64()).unwrap()
    };
    // A box has room for two: the others wait for it, though the other box is empty.
    let ran = run(&text);
    assert_eq!(ran.of_tasks("availability_zone"), ["us-east-1b"; 4]);
    assert_eq!(ran.of_tasks("started_s")[..2], ["7", "7"]);
    assert!(ran.of_tasks("started_s").iter().all(|at| !at.is_empty()));
    assert_eq!(number(&ran), 0.0);
    let picked = text.replacen("[[network", "[network]\nfull_subnets = \"picked\"\n[[network", 1);
    assert_eq!(number(&run(&picked)), 2.0, "spread over both zones");
}

#[test]
fn zones_are_not_rebalanced_into_one_without_addresses() {
    let text = format!(
        "{}{LATENCY}{}[[capacity_provider]]\nname = \"boxes\"\ninstance_types = [\"m5.4xlarge\"]\n\
         desired_capacity = 2\n{}{}[[service]]\nname = \"web\"\ntask_definition = \"web\"\n\
         launch_type = \"EC2\"\ndesired_count = 6\nstarts_running = false\n",
        HEAD.replace("1000s", "2h"),
        WEB.replace("bridge", "awsvpc"),
        subnet("subnet-a", "a", 0, 2),
        subnet("subnet-b", "b", 1, 11),
    );
    let ran = run(&text);
    let count = |zone| ran.of_tasks("availability_zone").iter().filter(|of| **of == zone).count();
    // One address is left beside the box's own.
    assert_eq!([count("us-east-1a"), count("us-east-1b")], [1, 5]);
    let number = |name| ran.result.summary.get(name).unwrap().as_f64();
    assert_eq!(number("tasks_without_address"), Some(0.0));
}

#[test]
fn a_task_that_ends_before_its_interface_is_missed_is_not_counted() {
    let text = format!(
        "{HEAD}{}{WEB_ON_FARGATE}{}{}",
        FARGATE.replace("fargate_eni = \"5s\"", "fargate_eni = \"60s\""),
        subnet("subnet-a", "a", 0, 0),
        jobs("j", "1", 1, "")
    );
    let number = |text: &str| {
        let ran = run(text);
        ran.result.summary.get("tasks_without_address").unwrap().as_f64()
    };
    assert_eq!(number(&text), Some(1.0));
    let out = "[[failure]]\nkind = \"az_outage\"\navailability_zone = \"us-east-1a\"\nat = \"20s\"\n\
               duration = \"100s\"\n";
    assert_eq!(number(&(text + out)), Some(0.0), "its zone was the reason");
}

#[test]
fn no_address_is_blamed_where_zones_are_out_or_shifted_away_from() {
    let own = [subnet("subnet-a", "a", 0, 0), subnet("subnet-b", "b", 1, 9)].concat();
    let policy = "availability_zone_impairment_policy = { zonal_shift_enabled = true }";
    let shift = "[[zonal_shift]]\nat = \"50s\"\nduration = \"500s\"\n\
                 availability_zone = \"us-east-1a\"\n";
    let out = "[[failure]]\nkind = \"az_outage\"\navailability_zone = \"us-east-1b\"\nat = \"60s\"\n\
               duration = \"400s\"\n";
    let ran = run(&(group(0, &[(100, 2)], policy) + &own + shift + out));
    assert_eq!(told(&ran, "launch_failed")[0], ("100", "", "availability_zone_out"));
    let text =
        group(0, &[(100, 2)], policy) + &own.replace("used_addresses = 2", "used_addresses = 11");
    let ran = run(&(text + shift));
    let why = told(&ran, "launch_failed")[0].2;
    assert!(
        why.contains("'subnet-b'"),
        "not the subnet of the zone that is shifted away from: {why}"
    );
}

#[test]
fn services_cannot_have_run_for_long_without_addresses() {
    let service = |name: &str, tasks: u32, more: &str| {
        format!(
            "[[service]]\nname = \"{name}\"\ntask_definition = \"web\"\ndesired_count = {tasks}\n{more}\n"
        )
    };
    let own = [subnet("subnet-a", "a", 0, 11), subnet("subnet-b", "b", 1, 11)].concat();
    let base = format!("{HEAD}{FARGATE}{WEB_ON_FARGATE}{own}");
    let only_a = "subnets = [\"subnet-a\"]";
    let told = errors(&format!("{base}{}", service("one", 12, only_a)));
    let short =
        "12 tasks run on Fargate from the beginning on in \"subnet-a\", with 11 addresses left";
    assert!(told.contains(short) && told.contains("test.toml:"), "{told}");
    // Two that share a subnet: 11 + 11 tasks for 22 addresses, and then one more.
    let both = |tasks| [service("one", 11, only_a), service("two", tasks, "")].concat();
    let ran = run(&format!("{base}{}", both(11)));
    assert_eq!(ran.of_tasks("started_s"), ["0"; 22]);
    let told = errors(&format!("{base}{}", both(12)));
    assert!(told.contains("23 tasks run on Fargate") && told.contains("with 22 addr"), "{told}");
    // A service that is created at time zero may fail to start tasks: that can be what a run is to show.
    let created = format!("{only_a}\nstarts_running = false");
    let ran = run(&format!("{base}{}", service("one", 12, &created)));
    assert_eq!(ran.of_tasks("started_s").iter().filter(|at| !at.is_empty()).count(), 11);
}

#[test]
fn what_is_wrong_with_a_network_is_said_where_it_stands() {
    let with = |subnets: &str| {
        errors(&format!("{HEAD}{FARGATE}{WEB_ON_FARGATE}{subnets}{}", jobs("j", "1", 1, "")))
    };
    let good = subnet("subnet-a", "a", 0, 2);
    for (wrong, said) in [
        (good.replace("/28", "/29"), "a subnet cannot be a /29: AWS takes /16 to /28"),
        (good.replace("/28", "/15"), "a subnet cannot be a /15"),
        (good.replace("10.0.0.0/28", "10.0.0/28"), "\"10.0.0/28\" is no IPv4 block"),
        (good.replace("= 9", "= 12"), "`used_addresses` 12 is more than the 11 that 10.0.0.0/28 has"),
        (good.replace("us-east-1a", "us-west-2a"), "\"us-west-2a\" is no Availability Zone of us-east-1"),
        (good.clone() + &good.replace("10.0.0.0", "10.9.0.0"), "duplicate subnet \"subnet-a\""),
        (
            good.clone() + &subnet("subnet-b", "b", 0, 1).replace("/28", "/20"),
            "the block 10.0.0.0/20 overlaps 10.0.0.0/28 of the subnet \"subnet-a\"",
        ),
        ("[network]\nsubnets = []\n".into(), "`[network]` needs at least one of `subnets`"),
        (
            good.clone() + "[[cluster]]\navailability_zones = [\"us-east-1b\"]\n",
            "`[network]` has no subnet in us-east-1b",
        ),
        (
            good.clone() + "[[cluster]]\nsubnets = [{ id = \"s\", availability_zone = \"us-east-1a\" }]\n",
            "`subnets` of a cluster and `[network]` exclude each other",
        ),
        (
            good.clone() + "[[capacity_provider]]\nname = \"c\"\ninstance_types = [\"m7g.large\"]\ndesired_capacity = 1\nsubnets = [\"subnet-z\"]\n",
            "unknown subnet \"subnet-z\"",
        ),
        (
            "[[capacity_provider]]\nname = \"c\"\ninstance_types = [\"m7g.large\"]\ndesired_capacity = 1\nsubnets = [\"subnet-z\"]\n".into(),
            "`subnets` of a capacity provider without `[network]`",
        ),
    ] {
        let told = with(&wrong);
        assert!(told.contains(said), "{said}\n{told}");
        assert!(told.contains("test.toml:"), "{told}");
    }
    let told = errors(&format!(
        "{HEAD}{FARGATE}{WEB_ON_FARGATE}{}",
        jobs("j", "1", 1, "assign_public_ip = true")
    ));
    assert!(told.contains("`assign_public_ip` without `[network]`"), "{told}");
    for (more, said) in [
        (
            "launch_type = \"EC2\"\nassign_public_ip = true",
            "`assign_public_ip` is for Fargate alone",
        ),
        ("subnets = [\"subnet-a\", \"subnet-a\"]", "the subnet is listed twice"),
    ] {
        let told =
            errors(&format!("{HEAD}{FARGATE}{WEB_ON_FARGATE}{good}{}", jobs("j", "1", 1, more)));
        assert!(told.contains(said) && told.contains("test.toml:"), "{said}\n{told}");
    }
    let told = errors(&format!(
        "{HEAD}{LATENCY}{WEB}{good}[[capacity_provider]]\nname = \"c\"\ninstance_types = [\"m7g.large\"]\n\
         desired_capacity = 1\n{}",
        jobs("j", "1", 1, "launch_type = \"EC2\"\nsubnets = [\"subnet-a\"]")
    ));
    assert!(told.contains("`subnets` of tasks without `network_mode"), "{told}");
    let own = "availability_zones = [\"us-east-1c\"]";
    let told = errors(&format!("{HEAD}{FARGATE}{WEB_ON_FARGATE}{good}{}", jobs("j", "1", 1, own)));
    assert!(told.contains("has no subnet of the cluster \"default\" in us-east-1c"), "{told}");
}

#[test]
fn a_deployment_that_needs_more_addresses_than_there_are_is_rolled_back_for_nothing() {
    let run = Shipped::run("57-subnet-out-of-addresses", &[]);
    assert_eq!(run.number("tasks_without_address"), 6.0, "24 tasks for 18 addresses");
    assert_eq!(run.number("free_addresses_min"), 0.0);
    let events = run.cells(&run.deployments, "api", "event");
    assert!(events.iter().any(|event| event == "FAILED"), "{events:?}");
    assert_eq!(run.service("api").tasks_failed, 6);
    for (percent, failed) in [("125", 0.0), ("150", 5.0)] {
        let set = [("service.api.deployment_configuration.maximum_percent", percent)];
        let run = Shipped::run("57-subnet-out-of-addresses", &set);
        assert_eq!(run.number("tasks_without_address"), failed);
        is_complete(&run);
    }
}

/// The second deployment is the last one, and complete.
fn is_complete(run: &Shipped) {
    let last = |column: &str| run.cells(&run.deployments, "api", column).pop();
    assert_eq!(last("rollout_state").as_deref(), Some("COMPLETED"));
    assert_eq!(last("deployment").as_deref(), Some("2"));
}

#[test]
fn a_revision_that_cannot_be_pulled_is_rolled_back_and_nobody_loses_a_request() {
    let run = Shipped::run("58-no-way-to-the-registry", &[]);
    assert_eq!(run.number("tasks_without_access"), 4.0);
    let rows = rows(&run.tasks);
    let failed = rows.iter().filter(|row| row["stop_code"] == "TaskFailedToStart");
    assert!(
        failed.clone().all(|row| row["stopped_reason"].starts_with("CannotPullContainerError"))
    );
    assert_eq!(failed.count(), 4);
    assert_eq!(run.number("requests_dropped"), 0.0);
    let states = run.cells(&run.deployments, "api", "rollout_state");
    assert!(states.iter().any(|state| state == "FAILED"), "{states:?}");
    let nat =
        [("network.subnets.private-a.route", "nat"), ("network.subnets.private-b.route", "nat")];
    let run = Shipped::run("58-no-way-to-the-registry", &nat);
    assert_eq!(run.number("tasks_without_access"), 0.0);
    is_complete(&run);
}
