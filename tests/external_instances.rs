//! External instances (ECS Anywhere) from end to end: scenarios as text, run under all checks.
//!
//! A task is RUNNING 2 s after it was placed. A box has room for two tasks, and costs a tenth of a cent a second.

use std::collections::BTreeMap;

use crate::support::fleet::{BOXES, LATENCY, WEB, errors, jobs, run};

/// Two hosts of the user's own beside two boxes.
fn hosts(keys: &str, more: &str) -> String {
    format!(
        r#"
[simulation]
region = "us-east-1"
duration = "1000s"
sample_interval = "10s"

{LATENCY}

{BOXES}

[[instance_type]]
name = "rack"
vcpus = 2
memory = 4096
registered_memory = 4096

[[capacity_provider]]
name = "boxes"
instance_types = ["box.large"]
desired_capacity = 2

[[capacity_provider]]
name = "hosts"
external = true
instance_types = ["rack"]
desired_capacity = 2
{keys}

{WEB}
{more}
"#
    )
}

fn external_jobs(count: u32, duration: &str) -> String {
    jobs(count, duration).replacen(
        "task_definition",
        "launch_type = \"EXTERNAL\"\ntask_definition",
        1,
    )
}

#[test]
fn tasks_of_each_launch_type_keep_to_their_own_instances() {
    let ran = run(&hosts("", &external_jobs(6, "100s")));
    // Two hosts hold four tasks: the last two are placed when the first have ended, at 1 + 2 + 100 s.
    assert_eq!(ran.of_tasks("placed_s"), ["1", "1", "1", "1", "103", "103"]);
    assert!(ran.of_tasks("instance_id").iter().all(|on| on.starts_with("hosts-")));
    assert!(ran.of_tasks("availability_zone").iter().all(|zone| *zone == "external"));
    let ran = run(&hosts("", &jobs(6, "100s")));
    assert!(ran.of_tasks("instance_id").iter().all(|on| on.starts_with("boxes-")));
}

#[test]
fn the_bill_has_the_fee_of_ecs_anywhere_and_what_the_hosts_cost() {
    let lines = |keys: &str| {
        let ran = run(&hosts(keys, &external_jobs(1, "100s")));
        let mut lines: BTreeMap<&str, i128> = BTreeMap::new();
        for line in ran.result.invoice.lines.iter().filter(|line| line.item == "rack") {
            *lines.entry(line.category.name()).or_default() += line.usd.0;
        }
        let purchases: Vec<String> =
            ran.of_instances("purchase").iter().map(|(_, how)| how.to_string()).collect();
        assert_eq!(purchases, ["on_demand", "on_demand", "external", "external"]);
        lines.into_iter().rev().collect::<Vec<_>>()
    };
    // 2,000 instance-seconds at 0.01025 $/h are 5,694,444.4 nano-dollars.
    let fee = ("ecs_anywhere_fee", 5_694_444);
    assert_eq!(lines(""), [("external_host", 0), fee]);
    // At 0.36 $/h the hosts cost 0.2 $.
    assert_eq!(lines("usd_per_hour = 0.36"), [("external_host", 200_000_000), fee]);
    assert_eq!(lines("anywhere_fee_usd_per_hour = 0"), [("external_host", 0)]);
    let twice = ("ecs_anywhere_fee", 11_388_889);
    assert_eq!(lines("anywhere_fee_usd_per_hour = 0.0205"), [("external_host", 0), twice]);
}

#[test]
fn the_answer_tells_external_hosts_from_ec2() {
    let answer = |text: &str| {
        let summary = run(text).result.summary;
        let usd = summary.get("external_usd").and_then(|of| of.as_f64());
        (usd, ecsim::report::answer::to_text(&summary))
    };
    let both = hosts("usd_per_hour = 0.36", &external_jobs(1, "100s"));
    // Two hosts for 1,000 s at 0.36 + 0.01025 $/h beside two boxes for 1,000 s at a tenth of a cent a second.
    let (usd, said) = answer(&both);
    assert_eq!(usd, Some(0.205_694_444));
    assert!(said.contains(": EC2 $2.00, external hosts $0.21; "), "{said}");
    assert!(said.contains(" of the price of instances ("), "{said}");
    let at = both.find("[[capacity_provider]]\nname = \"boxes\"").unwrap();
    let end = both.find("[[capacity_provider]]\nname = \"hosts\"").unwrap();
    let (_, said) = answer(&format!("{}{}", &both[..at], &both[end..]));
    assert!(said.contains("Cost      $0.21 for 16 m 40 s, all external hosts; "), "{said}");
    assert!(!said.contains("EC2"), "{said}");
}

#[test]
fn services_run_on_external_instances_as_replicas_and_as_daemons() {
    let service = "[[service]]\nname = \"web\"\ntask_definition = \"web\"\ndesired_count = 2\n\
                   launch_type = \"EXTERNAL\"\n";
    let daemon = "[[service]]\nname = \"agent\"\ntask_definition = \"web\"\n\
                  launch_type = \"EXTERNAL\"\nscheduling_strategy = \"DAEMON\"\n";
    let ran = run(&hosts("", &format!("{service}{daemon}")));
    let mut on = ran.of_tasks("instance_id");
    on.sort_unstable();
    // Spread over the hosts, one daemon on each, and nothing on the boxes.
    assert_eq!(on, ["hosts-0", "hosts-0", "hosts-1", "hosts-1"]);
    // A daemon with the launch type EC2 is on the boxes alone.
    let daemon = daemon.replace("EXTERNAL", "EC2");
    let ran = run(&hosts("", &daemon));
    let mut on = ran.of_tasks("instance_id");
    on.sort_unstable();
    assert_eq!(on, ["boxes-0", "boxes-1"]);
}

#[test]
fn start_task_and_constraints_reach_external_instances() {
    let call = "[[run_task]]\nname = \"jobs\"\ntask_definition = \"web\"\n\
        start_task = { container_instances = [\"hosts-1\"] }\n\
        [run_task.generate]\nper_second = 1\nprocess = \"even\"\nlimit = 1\nduration = \"5s\"\n";
    let ran = run(&hosts("", call));
    assert_eq!(ran.of_tasks("instance_id"), ["hosts-1"]);
    let call = external_jobs(2, "5s").replacen(
        "launch_type",
        "placement_constraints = [{ type = \"memberOf\", \
         expression = \"attribute:site == attic\" }]\nlaunch_type",
        1,
    );
    let ran = run(&hosts("attributes = { site = \"attic\" }", &call));
    assert!(ran.of_tasks("instance_id").iter().all(|on| on.starts_with("hosts-")));
}

#[test]
fn what_ecs_anywhere_does_not_have_is_refused() {
    let service = |more: &str| {
        format!(
            "[[service]]\nname = \"web\"\ntask_definition = \"web\"\n\
             launch_type = \"EXTERNAL\"\n{more}\n"
        )
    };
    let awsvpc = "[[task_definition]]\nfamily = \"far\"\ncpu = 256\nmemory = 512\n\
        network_mode = \"awsvpc\"\n";
    let strategy = "[[service]]\nname = \"web\"\ntask_definition = \"web\"\n\
        capacity_provider_strategy = [{ capacity_provider = \"hosts\", weight = 1 }]\n";
    let cases = [
        ("", service("load_balancer = {}"), "cannot have a load balancer"),
        ("", service("availability_zone_rebalancing = \"ENABLED\""), "in no Availability Zone"),
        (
            "",
            format!("{}{awsvpc}", service("").replace("\"web\"\nlaunch", "\"far\"\nlaunch")),
            "network mode awsvpc, which external instances do not support",
        ),
        (
            "",
            format!("{}{awsvpc}", external_jobs(1, "1s").replace("\"web\"", "\"far\"")),
            "network mode awsvpc, which external instances do not support",
        ),
        ("", strategy.to_string(), "external instances are in no capacity provider strategy"),
        ("max_size = 3", String::new(), "`max_size` and `external` exclude each other"),
        ("managed_instances = {}", String::new(), "`managed_instances` and `external` exclude"),
        ("purchase = \"spot\"", String::new(), "`purchase` and `external` exclude each other"),
        (
            "availability_zones = [\"us-east-1a\"]",
            String::new(),
            "`availability_zones` and `external` exclude each other",
        ),
        (
            "attributes = { \"ecs.capability.external\" = \"no\" }",
            String::new(),
            "is set by the instance itself",
        ),
    ];
    for (keys, more, message) in cases {
        let found = errors(&hosts(keys, &more));
        assert!(found.contains(message), "{keys} {more}: {found}");
    }
    let found = errors(&hosts("", "").replace("[\"rack\"]", "[\"m5.large\"]"));
    assert!(found.contains("\"m5.large\" is a type of EC2"), "{found}");
    let found = errors(&hosts("anywhere_fee_usd_per_hour = 1", "").replace("external = true", ""));
    assert!(found.contains("without `external = true`"), "{found}");
    let found = errors(&hosts("", &service("")).replace("external = true", "usd_per_hour = 1"));
    assert!(found.contains("has no external instances"), "{found}");
}

#[test]
fn with_a_network_hosts_are_in_no_subnet_and_images_need_the_execution_role() {
    let network = |role: &str| {
        let subnet = |zone: &str, block: u32| {
            format!(
                "[[network.subnets]]\nid = \"subnet-{zone}\"\navailability_zone = \"us-east-1{zone}\"\n\
                 cidr = \"10.0.{block}.0/24\"\n"
            )
        };
        let needs = format!("registry = \"ecr\"\nexecution_role = \"{role}\"\nnetwork_mode");
        let text = hosts("", &(external_jobs(1, "100s") + &subnet("a", 0) + &subnet("b", 1)));
        run(&text.replace("network_mode", &needs))
    };
    let ran = network("allowed");
    assert_eq!(ran.of_tasks("started_s"), ["3"]);
    // The two boxes have an address each, the two hosts none.
    let last: Vec<&str> =
        ran.subnets.iter().rev().take(2).map(|row| row["instance_addresses"].as_str()).collect();
    assert_eq!(last, ["1", "1"]);
    let ran = network("denied");
    // ACTIVATING at 1 s, denied for 10 s.
    assert_eq!([ran.of_tasks("started_s"), ran.of_tasks("stopped_s")], [[""], ["11"]]);
    assert_eq!(
        ran.of_tasks("stopped_reason"),
        ["CannotPullECRContainerError: AccessDeniedException"]
    );
}

#[test]
fn the_place_of_external_hosts_is_no_availability_zone() {
    let own = "[[capacity_provider]]\nname = \"more\"\ninstance_types = [\"box.large\"]\n\
               desired_capacity = 1\navailability_zones = [\"external\"]\n";
    let told = errors(&hosts("", &format!("{own}{}", external_jobs(1, "10s"))));
    assert!(told.contains("\"external\" is no Availability Zone of us-east-1"), "{told}");
    let out = "[[failure]]\nkind = \"az_outage\"\navailability_zone = \"external\"\nat = \"5s\"\n\
               duration = \"10s\"\n";
    let told = errors(&hosts("", &format!("{}{out}", external_jobs(1, "10s"))));
    assert!(told.contains("unknown availability zone \"external\""), "{told}");
}
