//! What is on the bill beside compute, end to end: scenarios as text, bills worked out by hand.

use crate::support::fleet::{BOXES, FARGATE, HEAD, LATENCY, Moved, WEB, errors, run};
use crate::support::services::{Cells, rows};
use ecsim::base::money::NanoUsd;
use ecsim::report::bill_tables;

/// Category, service, item, quantity, unit and dollars of each line of these categories.
pub fn lines(ran: &Moved, categories: &[&str]) -> Vec<String> {
    let cost = rows(&String::from_utf8(bill_tables::cost(&ran.result)).unwrap());
    let line = |row: &Cells| {
        let usd = row["usd"].trim_end_matches('0').trim_end_matches('.');
        let of = [&row["capacity_provider"], &row["service"], &row["category"], &row["item"]];
        let of: Vec<&str> = of.into_iter().map(String::as_str).collect();
        format!("{} {} {} {usd}", of.join("|"), row["quantity"], row["unit"])
    };
    let is_it = |row: &&Cells| categories.contains(&row["category"].as_str());
    cost.iter().filter(is_it).map(line).collect()
}

fn boxes(more: &str) -> String {
    format!(
        "{HEAD}{BOXES}{WEB}{LATENCY}\n[[capacity_provider]]\nname = \"boxes\"\n\
         instance_types = [\"box.large\"]\n{more}"
    )
}

#[test]
fn without_the_table_only_compute_is_billed_and_with_it_every_root_volume() {
    let text = boxes("desired_capacity = 3\n");
    let plain = run(&text);
    assert_eq!(lines(&plain, &["ebs_volume"]), [""; 0]);
    assert_eq!(plain.number("total_usd"), 3.0);
    // Three volumes of 30 GB for 1,000 s: 90,000 GB-seconds, of 2,628,000 a month at 0.08 $.
    let ran = run(&format!("{text}\n[bill]\n"));
    assert_eq!(
        lines(&ran, &["ebs_volume"]),
        ["boxes||ebs_volume|gp3 90000 gb-seconds 0.002739726"]
    );
    assert_eq!(ran.number("total_usd"), 3.002739726);
    assert_eq!(ran.number("ec2_usd"), 3.0);
    assert_eq!(ran.number("fargate_usd"), 0.0);
    assert_eq!(ran.number("side_usd"), 0.002739726);
    // 73 GB at 0.036 $: 219,000 GB-seconds are a twelfth of a GB-month, 0.003 $.
    let given = "[bill]\nvolume_gb = 73\nvolume_usd_per_gb_month = 0.036\n";
    let ran = run(&format!("{text}\n{given}"));
    assert_eq!(lines(&ran, &["ebs_volume"]), ["boxes||ebs_volume|gp3 219000 gb-seconds 0.003"]);
    let off = run(&format!("{text}\n[bill]\nvolumes = false\n"));
    assert_eq!(lines(&off, &["ebs_volume"]), [""; 0]);
    assert_eq!(off.number("total_usd"), 3.0);
}

#[test]
fn the_root_volume_moves_the_break_even_of_section_3_1() {
    // m5.large with 30 GB of gp3 against Fargate with its 2 vCPU and 8 GB: 85.2 %, and 82.4 % without the volume.
    let of = |bill: &str| {
        let text = format!(
            "[simulation]\nregion = \"us-east-1\"\nduration = \"730h\"\nsample_interval = \"1h\"\n{bill}\n\
             [[capacity_provider]]\nname = \"m5\"\ninstance_types = [\"m5.large\"]\ndesired_capacity = 1\n"
        );
        run(&text).number("total_usd") / 730.0
    };
    let fargate = 2.0 * 0.04048 + 8.0 * 0.004445;
    let percent = |usd: f64| (usd / fargate * 1_000.0).round() / 10.0;
    assert_eq!(percent(of("")), 82.4);
    assert_eq!(percent(of("[bill]\n")), 85.2);
}

#[test]
fn a_volume_is_billed_while_its_instance_is_stopped_in_a_warm_pool() {
    let text = boxes(
        "desired_capacity = 0\nmax_size = 2\nwarm_pool = { min_size = 2 }\n\n[bill]\nvolume_gb = 1\n",
    );
    let ran = run(&text);
    // Two are stopped from the beginning on: no compute, 2,000 GB-seconds.
    let all = lines(&ran, &["ec2_on_demand", "ebs_volume"]);
    assert_eq!(all, ["boxes||ebs_volume|gp3 2000 gb-seconds 0.000060883"]);
}

const VPC: &str = "\n[network]\n\
     subnets = [{ id = \"out\", availability_zone = \"us-east-1a\", cidr = \"10.0.0.0/24\", \
     route = \"internet_gateway\" }, { id = \"in\", availability_zone = \"us-east-1b\", \
     cidr = \"10.0.1.0/24\", route = \"endpoints\" }]\n";

fn tasks(more: &str) -> String {
    format!(
        "[[task_definition]]\nfamily = \"job\"\nnetwork_mode = \"awsvpc\"\ncpu = 256\nmemory = 512\n\n\
         [[run_task]]\nname = \"jobs\"\ntask_definition = \"job\"\nlaunch_type = \"FARGATE\"\n{more}\n\
         [run_task.generate]\nper_second = 1\nprocess = \"even\"\nlimit = 1\ncount = 2\n\
         duration = \"200s\"\n"
    )
}

#[test]
fn a_fargate_task_with_a_public_address_pays_for_it() {
    let public = "subnets = [\"out\"]\nassign_public_ip = true";
    let text = format!("{HEAD}{FARGATE}{VPC}{}\n[bill]\n", tasks(public));
    let ran = run(&text);
    // The two are billed from the pull to the exit, 15 s before RUNNING and 200 s after: 430 s at 0.005 $ an hour.
    let told = lines(&ran, &["public_ipv4"]);
    assert_eq!(told, ["FARGATE||public_ipv4|fargate task 430 address-seconds 0.000597222"]);
    let private = format!("{HEAD}{FARGATE}{VPC}{}\n[bill]\n", tasks("subnets = [\"in\"]"));
    assert_eq!(lines(&run(&private), &["public_ipv4"]), [""; 0]);
}

#[test]
fn instances_in_public_subnets_have_addresses_and_others_where_it_is_said() {
    let fleet = |bill: &str, subnets: &str| {
        let own = format!("desired_capacity = 2\n{subnets}\n{bill}");
        let text = boxes(&own);
        let text = if subnets.is_empty() { text } else { format!("{text}{VPC}") };
        lines(&run(&text), &["public_ipv4"])
    };
    // Two for 1,000 s.
    let both = ["boxes||public_ipv4|instance 2000 address-seconds 0.002777778"];
    assert_eq!(fleet("[bill]\n", "subnets = [\"out\"]"), both);
    assert_eq!(fleet("[bill]\n", "subnets = [\"in\"]"), [""; 0]);
    assert_eq!(fleet("[bill]\n", ""), [""; 0]);
    assert_eq!(fleet("[bill]\npublic_instances = true\n", ""), both);
    assert_eq!(fleet("[bill]\npublic_instances = false\n", "subnets = [\"out\"]"), [""; 0]);
    assert_eq!(fleet("[bill]\naddresses = false\n", "subnets = [\"out\"]"), [""; 0]);
}

#[test]
fn the_hours_of_side_costs_add_up_to_their_lines() {
    let text = boxes("desired_capacity = 3\n\n[bill]\npublic_instances = true\n")
        .replace("duration = \"1000s\"", "duration = \"9000s\"\nstart = \"2026-01-05T00:30:00Z\"");
    let scenario =
        ecsim::scenario::load_text(&text, "test.toml", std::path::Path::new("."), &[]).unwrap();
    let sinks = ecsim::sim::outputs::Sinks { hourly: true, ..Default::default() };
    let pulse = ecsim::engine::Pulse::default();
    let watch = ecsim::sim::Watch { pulse: &pulse, check_every_event: true };
    let seed = ecsim::base::random::Seed(1);
    let result = ecsim::experiment::run_one(&scenario, seed, sinks, watch).unwrap();
    let by_hour = result.by_hour.unwrap();
    assert_eq!(by_hour.lines.len(), result.invoice.lines.len());
    for (line, hours) in result.invoice.lines.iter().zip(&by_hour.lines) {
        assert_eq!(hours.iter().copied().sum::<NanoUsd>(), line.usd, "{line:?}");
    }
    // From half past: half an hour, an hour, an hour; three addresses at 0.005 $ an hour.
    let told: Vec<i128> = by_hour.lines[2].iter().map(|usd| usd.0).collect();
    assert_eq!(told, [7_500_000, 15_000_000, 15_000_000]);
}

#[test]
fn bad_values_are_refused_with_their_place() {
    let of = |bill: &str| errors(&boxes(&format!("desired_capacity = 1\n\n[bill]\n{bill}\n")));
    for (bill, message) in [
        ("volume_gb = 0", "volume_gb"),
        ("volume_gb = 16385", "16,384"),
        ("volume_usd_per_gb_month = -1", "volume_usd_per_gb_month"),
        ("volumes = 3", "volumes"),
        ("address_usd_per_hour = \"x\"", "address_usd_per_hour"),
        ("public_instances = 1", "public_instances"),
        ("volums = false", "did you mean \"volumes\"?"),
        ("volumes = false\nvolume_gb = 8", "`volume_gb` with `volumes = false`"),
        ("addresses = false\npublic_instances = true", "leave out `public_instances`"),
    ] {
        let told = of(bill);
        assert!(told.contains(message) && told.contains("test.toml:"), "{bill}: {told}");
    }
}

#[test]
fn a_default_beside_its_switch_is_no_mistake() {
    // As a resolved scenario writes it.
    let defaults = "volumes = false\nvolume_gb = 30\nalarms = false\nother_alarms = 0\nlogs = false\n\
                    log_archived_percent = 15\ntransfer = false\ninternet_free_gb = 0\n";
    run(&boxes(&format!("desired_capacity = 1\n\n[bill]\n{defaults}")));
}

#[test]
fn of_a_service_with_a_mistake_only_the_mistake_is_told() {
    let service = "[[service]]\nname = \"web\"\ntask_definition = \"nobody\"\nlaunch_type = \"FARGATE\"\n\
                   load_balancer = {}\nbytes = { response = 1000 }\n\
                   traffic = { generate = { per_second = 1 } }\n";
    let told = errors(&format!("{HEAD}{WEB}{service}\n[bill]\n"));
    assert_eq!(told.matches("error:").count(), 1, "{told}");
    assert!(told.contains("nobody"), "{told}");
}
