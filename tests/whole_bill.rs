//! Balancers, gateways, transfer, images, logs, alarms and volumes on the bill, end to end, worked out by hand.

use crate::side_costs::lines;
use crate::support::fleet::{BOXES, FARGATE, HEAD, LATENCY, Moved, WEB, errors, run};
use ecsim::base::money::NanoUsd;
use ecsim::pricing::{Category, Invoice, Line};
use ecsim::report::services::Rest;
use ecsim::scenario::load_text;
use std::collections::BTreeMap;
use std::path::Path;

/// Nothing but what a test asks for.
const QUIET: &str = "volumes = false\naddresses = false\nalarms = false\n";

fn text(duration: &str, bill: &str, more: &str) -> String {
    let sample = if duration.ends_with('s') { "10s" } else { "1h" };
    let head = HEAD.replace("10s", sample).replace("1000s", duration);
    format!(
        "{head}{BOXES}{WEB}{LATENCY}\n[bill]\n{bill}\n[[capacity_provider]]\nname = \"boxes\"\n\
         instance_types = [\"box.large\"]\ndesired_capacity = 2\n{more}"
    )
}

fn service(name: &str, per_second: u32, more: &str) -> String {
    format!(
        "\n[[service]]\nname = \"{name}\"\ntask_definition = \"web\"\ndesired_count = 1\n{more}\n\
         traffic = {{ cpu_ms_per_request = 1, generate = {{ per_second = {per_second} }} }}\n"
    )
}

fn job(bytes: &str) -> String {
    format!(
        "\n[[run_task]]\nname = \"job\"\ntask_definition = \"web\"\nbytes = {{ {bytes} }}\n[run_task.generate]\n\
         per_second = 1\nprocess = \"even\"\nlimit = 1\nduration = \"60s\"\n"
    )
}

fn cents(ran: &Moved) -> String {
    format!("{:.2}", ran.number("side_usd"))
}

#[test]
fn pr_52_two_thousand_gb_cross_zones_for_twenty_dollars_a_direction() {
    // 10,240 requests exchange 4,000 GB with peers in two zones: half of it crosses.
    let peers = service("web", 10, "bytes = { peers = 419430400 }");
    let ran = run(&text("1024s", QUIET, &peers));
    let bytes = 2_000_u64 << 30;
    let way = |way: &str| format!("|web|zone_transfer|peers {way} {bytes} bytes 20");
    assert_eq!(lines(&ran, &["zone_transfer"]), [way("in"), way("out")]);
    assert_eq!(cents(&ran), "40.00");
    let off = run(&text("1024s", &format!("{QUIET}transfer = false"), &peers));
    assert_eq!(lines(&off, &["zone_transfer"]), [""; 0]);
}

#[test]
fn pr_54_endpoints_against_nat_gateways() {
    let month = |bill: &str, bytes: &str| {
        cents(&run(&text("730h", &format!("{QUIET}transfer = false\n{bill}"), &job(bytes))))
    };
    // Two endpoints in three zones and 4 GB; nine and 13 GB. (The post gives totals: the GB follow from them.)
    assert_eq!(month("vpc_endpoints = 6", "endpoints = 4294967296"), "43.84");
    assert_eq!(month("vpc_endpoints = 27", "endpoints = 13958643712"), "197.23");
    // A gateway in each of three zones, and what goes through them.
    assert_eq!(month("nat_gateways = 3", "received = 12884901888"), "99.09");
    assert_eq!(month("nat_gateways = 3", "sent = 20000000000, received = 21518017195"), "100.29");
}

/// Quantity and dollars of all lines of a category whose item begins so, of one service or of all.
fn amount(ran: &Moved, category: &str, item: &str, service: Option<&str>) -> (f64, f64) {
    let of = |line: &&ecsim::pricing::Line| {
        line.category.name() == category
            && line.item.starts_with(item)
            && service.is_none_or(|name| name == line.service)
    };
    let all = ran.result.invoice.lines.iter().filter(of);
    let each = all.map(|line| (line.quantity().parse::<f64>().unwrap(), line.usd.to_f64()));
    each.fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
}

fn is_near(found: f64, wanted: f64, share: f64) {
    assert!((found - wanted).abs() <= wanted.abs() * share, "{found}, not {wanted}");
}

#[test]
fn the_balancer_of_the_pricing_page_has_its_bytes_billed() {
    // 5 requests a second, 5 by a connection of two minutes, 60 rules, 1.08 GB an hour: 1.08 units. Three zones.
    let of = "load_balancer = { rules = 60, requests_per_connection = 5, connection_duration = \"2m\" }\n\
              bytes = { request = 64424, response = 1 }";
    let ran = run(&text("2h", "volumes = false\nalarms = false", &service("web", 5, of)));
    let told = lines(&ran, &["load_balancer", "public_ipv4"]);
    assert_eq!(told[0], "|web|public_ipv4|load balancer 14400 address-seconds 0.02");
    assert_eq!(told[1], "|web|load_balancer|application web 7200 balancer-seconds 0.045");
    // 36,000 requests of 64,425 bytes are 2.16 GB: as many unit-hours, at 0.008 $.
    let gb = 36_000.0 * 64_425.0 / f64::from(1 << 30);
    let (units, usd) = amount(&ran, "load_balancer_capacity", "application web", Some("web"));
    is_near(units, gb * 3_600.0, 1e-6);
    is_near(usd, gb * 0.008, 1e-6);
}

#[test]
fn services_that_share_a_balancer_pay_by_the_dimension_that_counts_for_both() {
    // New connections: 50 and 25 a second are 3 units; of evaluations the second has 25 · 10.
    let two = |first: &str, second: &str| {
        service("a", 50, &format!("load_balancer = {{ name = \"front\"{first} }}"))
            + &service("b", 25, &format!("load_balancer = {{ name = \"front\"{second} }}"))
    };
    let ran = run(&text("90m", QUIET, &two("", ", rules = 20")));
    // Ninety minutes are two hours of a balancer; nobody's, since both have it.
    assert_eq!(
        lines(&ran, &["load_balancer"]),
        ["||load_balancer|application front 7200 balancer-seconds 0.045"]
    );
    assert_eq!(
        lines(&ran, &["load_balancer_capacity"]),
        [
            "|a|load_balancer_capacity|application front 10800 lcu-seconds 0.024",
            "|b|load_balancer_capacity|application front 5400 lcu-seconds 0.012"
        ]
    );
    // With 100 rules it is 25 · 90 evaluations, 2.25 units, and 50 · 90 of the other: 6.75 in all.
    let ran = run(&text("1h", QUIET, &two(", rules = 100", ", rules = 100")));
    is_near(amount(&ran, "load_balancer_capacity", "", Some("a")).0, 4.5 * 3_600.0, 1e-6);
    is_near(amount(&ran, "load_balancer_capacity", "", Some("b")).0, 2.25 * 3_600.0, 1e-6);
    let off = run(&text("1h", &format!("{QUIET}load_balancers = false"), &two("", "")));
    assert_eq!(lines(&off, &["load_balancer", "load_balancer_capacity"]), [""; 0]);
    let told = errors(&text("1h", QUIET, &two("", ", scheme = \"internal\"")));
    assert!(told.contains("another type, scheme or protocol"), "{told}");
}

#[test]
fn answers_go_out_to_the_internet_by_tiers_behind_a_public_balancer_only() {
    // 3,600 requests with answers of 4 GB: 14,400 GB; 10 TB of it at 0.09 $, the rest at 0.085 $.
    let of = |scheme: &str| {
        let more = format!(
            "load_balancer = {{ scheme = \"{scheme}\" }}\nbytes = {{ response = 4294967296 }}"
        );
        service("web", 1, &more)
    };
    let ran = run(&text("1h", QUIET, &of("internet-facing")));
    let (gb, usd) = amount(&ran, "internet_transfer", "tier 1", Some("web"));
    assert_eq!((gb, usd), (10_240.0 * f64::from(1 << 30), 921.6));
    is_near(amount(&ran, "internet_transfer", "tier 2", Some("web")).1, 4_160.0 * 0.085, 1e-4);
    let free = run(&text("1h", &format!("{QUIET}internet_free_gb = 100"), &of("internet-facing")));
    is_near(amount(&free, "internet_transfer", "tier 1", Some("web")).1, 10_140.0 * 0.09, 1e-9);
    let internal = run(&text("1h", QUIET, &of("internal")));
    assert_eq!(lines(&internal, &["internet_transfer"]), [""; 0]);
}

#[test]
fn a_network_load_balancer_pays_for_crossing_zones_where_it_may() {
    let of = |cross: bool| {
        let more = format!(
            "load_balancer = {{ type = \"network\", scheme = \"internal\", cross_zone = {cross} }}\nbytes = {{ request = 1000000, response = 1000000 }}"
        );
        run(&text("1h", QUIET, &service("web", 10, &more)))
    };
    let crossing = amount(&of(true), "zone_transfer", "load balancer", Some("web"));
    // 36,000 requests of 2 MB: of two zones half crosses, and is paid for on both sides.
    is_near(crossing.0, 72e9, 1e-3);
    is_near(crossing.1, 72e9 / f64::from(1 << 30) * 0.01, 1e-3);
    assert_eq!(amount(&of(false), "zone_transfer", "", None).0, 0.0);
}

#[test]
fn logs_are_paid_for_when_they_come_and_while_they_are_kept() {
    // A million bytes in each of ten requests a second for four hours.
    let ran = run(&text("4h", QUIET, &service("web", 10, "bytes = { logs = 1000000 }")));
    let gb = 36e9 / f64::from(1 << 30);
    let (_, usd) = amount(&ran, "log_ingestion", "logs", Some("web"));
    is_near(usd, 4.0 * gb * 0.5, 1e-4);
    // 15 % of what came in each hour is kept from its end on: one, two, three hours of it.
    let (_, kept) = amount(&ran, "log_archive", "logs", Some("web"));
    is_near(kept, 0.15 * gb * 6.0 * 0.03 / 730.0, 1e-3);
    let off = run(&text(
        "4h",
        &format!("{QUIET}logs = false"),
        &service("web", 10, "bytes = { logs = 1000000 }"),
    ));
    assert_eq!(lines(&off, &["log_ingestion", "log_archive"]), [""; 0]);
    // By the time that a task runs: 60 s at 3.6 GB an hour, which a NAT gateway processes, too.
    let ran = run(&text(
        "1h",
        &format!("{QUIET}nat_gateways = 1"),
        &job("logs_per_task_hour = 3600000000"),
    ));
    is_near(amount(&ran, "log_ingestion", "logs", Some("")).0, 60e6, 1e-6);
    is_near(amount(&ran, "nat_gateway_data", "processed", Some("")).0, 60e6, 1e-6);
    // Through an endpoint where there is one.
    let both = format!("{QUIET}nat_gateways = 1\nvpc_endpoints = 1");
    let ran = run(&text("1h", &both, &job("logs_per_task_hour = 3600000000")));
    assert_eq!(amount(&ran, "nat_gateway_data", "", None).0, 0.0);
    is_near(amount(&ran, "vpc_endpoint_data", "processed", Some("")).0, 60e6, 1e-6);
}

#[test]
fn images_go_through_the_gateway_once_an_instance_and_always_on_fargate() {
    let with = |launch: &str, bill: &str, of: &str| {
        let of_image = format!("family = \"web\"\nimage_mib = 100\n{of}");
        let of_job = format!("name = \"job\"\nlaunch_type = \"{launch}\"");
        let image = text("1h", &format!("{QUIET}{bill}"), &job("logs = 0"))
            .replace("family = \"web\"", &of_image)
            .replace("name = \"job\"", &of_job)
            .replace("limit = 1", "limit = 2\ncount = 2");
        match launch {
            "FARGATE" => run(&image
                .replace(LATENCY, FARGATE)
                .replace("\"bridge\"", "\"awsvpc\"")
                .replace("memory = 1024\n", "memory = 2048\n")),
            _ => run(&image),
        }
    };
    // Four tasks on two instances pull it twice; on Fargate four times.
    let mib = f64::from(1 << 20);
    let nat = |ran: &Moved| amount(ran, "nat_gateway_data", "processed", Some("")).0;
    assert_eq!(nat(&with("EC2", "nat_gateways = 1", "")), 200.0 * mib);
    assert_eq!(nat(&with("FARGATE", "nat_gateways = 1", "")), 400.0 * mib);
    // Layers of ECR come by S3's endpoint where there is one, others do not.
    assert_eq!(nat(&with("EC2", "nat_gateways = 1\ns3_gateway_endpoint = true", "")), 0.0);
    assert_eq!(
        nat(&with("EC2", "nat_gateways = 1\ns3_gateway_endpoint = true", "registry = \"public\"")),
        200.0 * mib
    );
    // 100 MiB in ECR for an hour, at 0.10 $ a GB and month.
    let ran = with("EC2", "", "");
    is_near(amount(&ran, "ecr_storage", "ecr", Some("")).1, 0.1 * 100.0 / 1_024.0 / 730.0, 1e-4);
    assert_eq!(lines(&with("EC2", "", "registry = \"public\""), &["ecr_storage"]), [""; 0]);
    assert_eq!(lines(&with("EC2", "ecr = false", ""), &["ecr_storage"]), [""; 0]);
}

#[test]
fn alarms_metrics_and_container_insights_by_the_month() {
    let scaling = "scaling = { min_capacity = 1, max_capacity = 1, target_tracking = [{ metric = \"ECSServiceAverageCPUUtilization\", target_value = 60 }, \
         { metric = \"ECSServiceAverageMemoryUtilization\", target_value = 60 }] }";
    let bill = "volumes = false\naddresses = false\nother_alarms = 3\nother_high_resolution_alarms = 1\ncustom_metrics = 10\n\
         high_resolution_metrics = 2\ncontainer_insights = \"enhanced\"";
    let ran = run(&text("73h", bill, &service("web", 1, scaling)));
    // A tenth of a month: two alarms of each policy, three more, one of the dear ones.
    assert_eq!(
        lines(&ran, &["alarm", "custom_metric"]),
        [
            "||custom_metric|high-resolution 525600 metric-seconds 0.06",
            "||custom_metric|standard 2628000 metric-seconds 0.3",
            "||alarm|high-resolution 262800 alarm-seconds 0.03",
            "||alarm|standard 788400 alarm-seconds 0.03",
            "|web|alarm|standard 1051200 alarm-seconds 0.04",
        ]
    );
    // 20 metrics of the cluster, 15 of the service, 10 of the task: 45 · 0.07 / 10.
    assert_eq!(
        lines(&ran, &["container_insights"]),
        [
            "||container_insights|clusters 5256000 metric-seconds 0.14",
            "|web|container_insights|services 3942000 metric-seconds 0.105",
            "|web|container_insights|tasks 2628000 metric-seconds 0.07",
        ]
    );
    let ran = run(&text("73h", &bill.replace("enhanced", "enabled"), &service("web", 1, "")));
    is_near(amount(&ran, "container_insights", "", None).1, 35.0 * 0.03, 1e-9);
    let ran = run(&text("73h", "volumes = false\nalarms = false", &service("web", 1, scaling)));
    assert_eq!(lines(&ran, &["alarm", "custom_metric", "container_insights"]), [""; 0]);
}

#[test]
fn data_volumes_are_there_while_instances_are_and_task_volumes_while_tasks_are() {
    let data = "data_volume = { size_gib = 73, iops = 4000, throughput = 225 }\n";
    let ran = run(&text("1h", QUIET, data));
    // Two for an hour: 146 GB-hours at 0.08, 2,000 IOPS-hours at 0.005, 200 MB/s-hours at 0.04 $ of 730 each.
    assert_eq!(
        lines(&ran, &["ebs_volume", "ebs_iops", "ebs_throughput"]),
        [
            "boxes||ebs_volume|gp3 data 525600 gb-seconds 0.016",
            "boxes||ebs_iops|gp3 data 7200000 iops-seconds 0.01369863",
            "boxes||ebs_throughput|gp3 data 720000 mbps-seconds 0.010958904",
        ]
    );
    let stopped = "min_size = 0\nmax_size = 2\nwarm_pool = { min_size = 2 }\ndata_volume = { size_gib = 1 }\n";
    let ran =
        run(&text("1000s", QUIET, stopped).replace("desired_capacity = 2", "desired_capacity = 0"));
    assert_eq!(
        lines(&ran, &["ec2_on_demand", "ebs_volume"]),
        ["boxes||ebs_volume|gp3 data 2000 gb-seconds 0.000060883"]
    );
    let task = job("logs = 0").replace("bytes = { logs = 0 }", "ebs_volume = { size_gib = 100 }");
    let ran = run(&text("1h", QUIET, &task));
    // From its placement at once to its end: 2 s of start, 60 s, and a second until its container has gone.
    let of = &ran.tasks[0];
    let at = |column: &str| of[column].parse::<f64>().unwrap();
    let told = amount(&ran, "ebs_volume", "gp3 of tasks", Some(""));
    is_near(told.0, 100.0 * (at("stopped_s") - at("placed_s")).ceil(), 1e-9);
    let off = run(&text("1h", &format!("{QUIET}data_volumes = false"), &format!("{data}{task}")));
    assert_eq!(lines(&off, &["ebs_volume", "ebs_iops"]), [""; 0]);
}

#[test]
fn gateways_are_where_the_subnets_lead_and_have_addresses() {
    let vpc = "\n[network]\nsubnets = [{ id = \"a\", availability_zone = \"us-east-1a\", cidr = \"10.0.0.0/24\" }, \
         { id = \"b\", availability_zone = \"us-east-1b\", cidr = \"10.0.1.0/24\", route = \"endpoints\" }]\n";
    let bill = "volumes = false\n";
    let ran = run(&(text("90m", bill, "") + vpc));
    assert_eq!(
        lines(&ran, &["nat_gateway", "vpc_endpoint", "public_ipv4"]),
        [
            "||public_ipv4|nat gateway 5400 address-seconds 0.0075",
            "||nat_gateway|nat gateway 7200 gateway-seconds 0.09",
            "||vpc_endpoint|interface endpoint 21600 endpoint-seconds 0.06",
        ]
    );
    let ran = run(&(text("90m", "volumes = false\nnat_gateways = 0\nvpc_endpoints = 0", "") + vpc));
    assert_eq!(ran.number("total_usd"), 10.8);
}

#[test]
fn a_run_that_names_no_bytes_says_so() {
    let with = |bytes: &str| {
        run(&text("1h", QUIET, &service("web", 1, &format!("load_balancer = {{}}\n{bytes}"))))
    };
    let answer = |ran: &Moved| ecsim::report::answer::to_text(&ran.result.summary);
    let none = with("");
    assert_eq!(none.number("bill_names_bytes"), 0.0);
    assert!(answer(&none).contains("names no bytes"), "{}", answer(&none));
    assert_eq!(lines(&none, &["internet_transfer", "zone_transfer", "log_ingestion"]), [""; 0]);
    let some = with("bytes = { response = 1 }");
    assert_eq!(some.number("bill_names_bytes"), 1.0);
    assert!(!answer(&some).contains("names no bytes"), "{}", answer(&some));
}

#[test]
fn what_is_billed_changes_nothing_else() {
    let of = service("web", 100, "load_balancer = {}\nbytes = { response = 1000, logs = 100 }");
    let with = run(&text("5h", "", &of));
    let without = run(&text("5h", "", &of).replace("[bill]", ""));
    assert_eq!(with.result.digest, without.result.digest);
    assert_eq!(with.result.events, without.result.events);
    assert_eq!(with.number("requests_served"), without.number("requests_served"));
}

#[test]
fn a_price_file_outranks_the_book() {
    let folder = tempfile::tempdir().unwrap();
    let own = "region,item,usd\nus-east-1,alb,0.05\nus-east-1,gp3_gb,0.73\n";
    std::fs::write(folder.path().join("own.csv"), own).unwrap();
    let of = text("1h", "alarms = false", &service("web", 1, "load_balancer = {}"))
        + "\n[prices]\nfile = \"ec2.csv\"\nside_file = \"own.csv\"\n";
    let ec2 = "region,instance_type,usd_per_hour\nus-east-1,m5.large,1\n";
    std::fs::write(folder.path().join("ec2.csv"), ec2).unwrap();
    let scenario =
        load_text(&of, "test.toml", folder.path(), &[]).unwrap_or_else(|e| panic!("{e}"));
    let bill = scenario.setup.bill.as_ref().unwrap();
    assert_eq!(bill.balancers[0].rate.to_string(), "0.05");
    assert_eq!(bill.balancers[0].unit_rate.to_string(), "0.008");
    assert_eq!(bill.volumes.unwrap().gb_month.to_string(), "0.73");
    std::fs::write(
        folder.path().join("own.csv"),
        "region,item,usd\nus-east-1,albs,0.05\nus-east-1,nlb,x\nus-east-1,alb,1\nus-east-1,alb,2\n",
    )
    .unwrap();
    let told = load_text(&of, "test.toml", folder.path(), &[]).unwrap_err().to_string();
    for part in [
        "unknown item \"albs\"",
        "did you mean \"alb\"",
        "own.csv:3:15",
        "already priced on line 4",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn bad_keys_are_refused_with_their_place() {
    let of = |bill: &str, more: &str| errors(&text("1h", bill, more));
    for (bill, more, message) in [
        (
            "transfer = false\ninternet_free_gb = 1",
            "",
            "`internet_free_gb` with `transfer = false`",
        ),
        ("alarms = false\nother_alarms = 1", "", "`other_alarms` with `alarms = false`"),
        ("container_insights = \"on\"", "", "container_insights"),
        ("", "data_volume = { size_gib = 0 }", "size_gib"),
        ("", "data_volume = { size_gib = 1, iops = 100 }", "iops"),
    ] {
        let told = of(bill, more);
        assert!(told.contains(message) && told.contains("test.toml:"), "{bill}{more}: {told}");
    }
    let nlb = service("web", 1, "load_balancer = { type = \"network\", rules = 3 }");
    assert!(of("", &nlb).contains("a Network Load Balancer has no `rules`"));
    let alb = service("web", 1, "load_balancer = { protocol = \"UDP\" }");
    assert!(of("", &alb).contains("an Application Load Balancer has no `protocol`"));
}

#[test]
fn the_lines_of_the_shipped_scenario_are_those_worked_out_by_hand() {
    let path = Path::new("scenarios/82-whole-bill.toml");
    let scenario = ecsim::scenario::load(path, &[]).unwrap_or_else(|errors| panic!("{errors}"));
    let sinks = ecsim::sim::outputs::Sinks { hourly: true, ..Default::default() };
    let pulse = ecsim::engine::Pulse::default();
    let watch = ecsim::sim::Watch { pulse: &pulse, check_every_event: false };
    let result = ecsim::experiment::run_one(&scenario, scenario.setup.seed, sinks, watch).unwrap();
    let gb = f64::from(1 << 30);
    let day = 1.0 / 730.0 * 24.0;
    // Requests of a day: 50, 5 and 20 a second.
    let (shop, admin, stream) = (4_320_000.0, 432_000.0, 1_728_000.0);
    let balanced = (shop * 21_000.0 + admin * 51_000.0) / gb;
    for (category, expected, share) in [
        ("ec2_on_demand", 2.0 * 24.0 * 0.0416, 1e-9),
        // Two roots of 30 GB and two data volumes of 50; of four reports for an hour 100 GB each.
        ("ebs_volume", (160.0 * day + 400.0 / 730.0) * 0.08, 0.01),
        ("ebs_iops", 4.0 * 1_000.0 / 730.0 * 0.005, 0.05),
        ("ebs_throughput", 4.0 * 125.0 / 730.0 * 0.04, 0.05),
        // Two nodes of the public balancer, two NAT gateways.
        ("public_ipv4", 4.0 * 24.0 * 0.005, 1e-9),
        // 20 hours at 1.225 and 1.2 vCPUs or so, less 0.4 that are earned and 9.6 vCPU-hours that are owed.
        ("cpu_credits", ((0.8 + 0.85) * 20.0 - 19.2) * 0.05, 0.01),
        ("load_balancer", 2.0 * 24.0 * 0.0225, 1e-9),
        // Of the ALB its bytes count, 3.8 GB an hour; of the NLB too: 0.15 of an hour, of a TLS unit.
        ("load_balancer_capacity", balanced * 0.008 + stream * 8_000.0 / gb * 0.006, 1e-4),
        ("nat_gateway", 2.0 * 24.0 * 0.045, 1e-9),
        // Images: 256 MiB on each instance, 128 for each of two, 512 for each of four; admin's 2 KB a request, 3 GB a report.
        (
            "nat_gateway_data",
            ((512.0 + 256.0 + 2_048.0) / 1_024.0 + (admin * 2_000.0 + 12e9) / gb) * 0.045,
            0.01,
        ),
        ("vpc_endpoint", 2.0 * 24.0 * 0.01, 1e-9),
        // Logs: 300 bytes a request, 1 MB an hour of two tasks, 5 MB of each report.
        ("vpc_endpoint_data", (shop * 300.0 + 48e6 + 20e6) / gb * 0.01, 1e-3),
        ("log_ingestion", (shop * 300.0 + 48e6 + 20e6) / gb * 0.5, 1e-3),
        // Peers of shop and the stream's NLB: half of it crosses, both ways are paid for.
        ("zone_transfer", (shop * 2_000.0 + stream * 8_000.0) / gb * 0.01, 1e-4),
        ("internet_transfer", (shop * 20_000.0 + admin * 50_500.0 + 4e9) / gb * 0.09, 1e-4),
        ("ecr_storage", (256.0 + 128.0 + 512.0) / 1_024.0 * day * 0.1, 1e-6),
        ("custom_metric", 12.0 * 0.3 * day, 1e-9),
        // Two of shop's policy, three more; one of the dear ones.
        ("alarm", (5.0 * 0.1 + 0.3) * day, 1e-9),
        // A cluster, three services, five tasks all day, two for 20 hours and four for one.
        (
            "container_insights",
            (20.0 + 45.0 + 50.0 + 20.0 * 20.0 / 24.0 + 40.0 / 24.0) * 0.07 * day,
            0.01,
        ),
    ] {
        let own = result.invoice.lines.iter().filter(|line| line.category.name() == category);
        let usd: NanoUsd = own.map(|line| line.usd).sum();
        assert!(
            (usd.to_f64() - expected).abs() <= expected * share + 2e-9,
            "{category}: {usd}, not {expected}"
        );
    }
    let hours = result.by_hour.unwrap();
    for (line, of) in result.invoice.lines.iter().zip(&hours.lines) {
        assert_eq!(of.iter().copied().sum::<NanoUsd>(), line.usd, "{line:?}");
    }
    let services = result.invoice.sum_by(|line| line.service.clone());
    assert_eq!(services.values().copied().sum::<NanoUsd>(), result.invoice.total());
    for report in &result.services {
        assert_eq!(report.usd, services[&report.name], "{}", report.name);
    }
    the_rest_of_the_bill_adds_up_and_is_called_by_its_name(&result.invoice, &services);
}

/// Gateways and transfer that no service has alone are no tasks of callers.
fn the_rest_of_the_bill_adds_up_and_is_called_by_its_name(
    invoice: &Invoice,
    services: &BTreeMap<String, NanoUsd>,
) {
    let rest = Rest::of(invoice);
    let own: NanoUsd =
        services.iter().filter(|(name, _)| !name.is_empty()).map(|(_, usd)| *usd).sum();
    assert_eq!(own + rest.callers + rest.beside + rest.unused + rest.idle, invoice.total());
    let compute = |line: &&Line| !matches!(line.category, Category::Side(_));
    let jobs = |line: &&Line| line.service.is_empty() && !line.is_idle;
    let lines = invoice.lines.iter();
    assert_eq!(
        rest.callers,
        lines.filter(compute).filter(jobs).map(|line| line.usd).sum::<NanoUsd>()
    );
    // Two gateways alone are 2.16 $ of it.
    assert!(rest.beside > NanoUsd(2_160_000_000) && rest.unused == NanoUsd::ZERO);
}
