//! Spot instances that drain, boot or are at risk when EC2 takes them, what their tasks' owners pay then, and what a
//! group does when capacity is back: from end to end, under all checks. The boxes of `spot.rs`.

use crate::spot::{action, file, group};
use crate::support::fleet::{Moved, jobs, run};

const ONE_ZONE: &str =
    "availability_zones = [\"us-east-1a\"]\nmax_size = 4\ndesired_capacity = 2\n";

/// A group of Spot instances alone whose pool in us-east-1a holds so many, every so many seconds another number.
fn limited(sizes: &str, interruption: &str, (gap, data): (u32, &str)) -> String {
    let trace = file(
        "limit.json",
        &format!(r#"{{"metadata": {{"gap_seconds": {gap}}}, "data": [{data}]}}"#),
    );
    format!(
        "{sizes}\n[capacity_provider.mixed_instances]\non_demand_percentage_above_base_capacity = 0\n\
         [capacity_provider.mixed_instances.interruption]\n{interruption}\n\
         [[capacity_provider.mixed_instances.interruption.availability]]\n\
         availability_zone = \"us-east-1a\"\ntrace = \"{trace}\"\n"
    )
}

/// Large boxes become dearer than the highest price at 300 s, cheap ones never; groups launch before they lose.
fn dearer(sizes: &str, interruption: &str) -> String {
    let prices = file(
        "dearer.csv",
        "time_s,availability_zone,instance_type,usd_per_hour\n0,us-east-1a,box.large,0.5\n\
         300,us-east-1a,box.large,2\n0,us-east-1a,box.cheap,0.9\n",
    );
    format!(
        "availability_zones = [\"us-east-1a\"]\ninstance_types = [\"box.large\", \"box.cheap\"]\n\
         spot_prices = \"{prices}\"\n{sizes}\n[capacity_provider.mixed_instances]\n\
         on_demand_percentage_above_base_capacity = 0\nspot_max_price = 1.5\nspot_instance_pools = 1\n\
         [capacity_provider.mixed_instances.interruption]\nabove_max_price = true\n\
         capacity_rebalancing = true\n{interruption}\n"
    )
}

/// A service of tasks that need not be spread.
fn service(tasks: u32) -> String {
    format!(
        "[[service]]\nname = \"api\"\ntask_definition = \"web\"\nlaunch_type = \"EC2\"\n\
         desired_count = {tasks}\nstarts_running = true\navailability_zone_rebalancing = \"DISABLED\"\n"
    )
}

/// Two instances of at most so many; from 50 s on, for so many seconds, none can be had in us-east-1b.
fn short_in_b((most, seconds): (u32, u32), action: String) -> String {
    format!(
        "max_size = {most}\ndesired_capacity = 2\n{action}[[capacity_provider.shortages]]\nat = \"50s\"\n\
         duration = \"{seconds}s\"\navailability_zone = \"us-east-1b\"\n"
    )
}

/// Instants of an event of one instance.
fn of(ran: &Moved, event: &str, instance: &str) -> Vec<f64> {
    let own = ran.event(event).into_iter().filter(|(_, id)| *id == instance);
    own.map(|(at, _)| at).collect()
}

#[test]
fn an_instance_that_drains_can_be_taken_back_too() {
    // Scaled in at 100 s, boxes-1 waits for tasks that never end; the pool holds none from 400 s on.
    let sizes = format!(
        "{ONE_ZONE}min_size = 0\nmanaged_draining = true\n{}",
        action(100, "desired_capacity = 1")
    );
    // Tables of the scheduled actions stand before those of the policy.
    let (keys, actions) = sizes.split_once("[[").unwrap();
    let pool = limited(keys, "", (200, "4, 4, 0, 0, 0, 0"));
    let ran = run(&group(&format!("{pool}[[{actions}"), &jobs(4, "2000s")));
    assert_eq!(of(&ran, "draining", "boxes-1"), [100.0]);
    assert_eq!(of(&ran, "interruption_notice", "boxes-1"), [400.0]);
    assert_eq!(of(&ran, "terminated", "boxes-1"), [520.0]);
    assert_eq!(ran.number("tasks_lost"), 4.0, "the two on the instance that stayed as well");
}

#[test]
fn an_instance_drains_once_whatever_asks_for_it() {
    // The notice comes at 300 s, with the recommendation: the agent drains, and the group would at 360 s.
    let sizes = "max_size = 4\ndesired_capacity = 2\nmanaged_draining = true\n";
    let ran = run(&group(&dearer(sizes, "spot_instance_draining = true"), &service(3)));
    assert_eq!(of(&ran, "draining", "boxes-0"), [300.0]);
    assert_eq!(of(&ran, "draining", "boxes-1"), [300.0]);
    assert_eq!(ran.number("instances_interrupted"), 2.0);
}

#[test]
fn an_instance_that_is_noticed_while_it_boots_drains_when_it_registers() {
    let sizes = format!("{ONE_ZONE}{}", action(100, "desired_capacity = 4"));
    let (keys, actions) = sizes.split_once("[[").unwrap();
    let none_left = format!("{}{}", "4, ".repeat(13), ["0"; 87].join(", "));
    let pool = limited(keys, "spot_instance_draining = true", (10, &none_left));
    let ran = run(&group(&format!("{pool}[[{actions}"), &jobs(8, "2000s")));
    for launched in ["boxes-2", "boxes-3"] {
        assert_eq!(of(&ran, "interruption_notice", launched), [130.0]);
        assert_eq!(of(&ran, "registered", launched), [160.0]);
        assert_eq!(of(&ran, "draining", launched), [160.0]);
        assert_eq!(of(&ran, "terminated", launched), [250.0]);
    }
    assert_eq!(ran.number("tasks_placed"), 4.0, "nothing is put on what has two minutes to live");
}

#[test]
fn a_group_goes_beyond_its_limit_by_a_tenth_for_instances_at_risk() {
    // 20 at risk at once; 10 % above `max_size` is 2.
    let ran = run(&group(&dearer("max_size = 20\ndesired_capacity = 20\n", ""), ""));
    let before: Vec<f64> =
        ran.event("launch").into_iter().map(|(at, _)| at).filter(|&at| at < 360.0).collect();
    assert_eq!(before, [300.0; 2]);
    assert_eq!(ran.number("instances_launched"), 20.0, "the others when there is room");
}

#[test]
fn zones_are_balanced_when_a_shortage_ends() {
    let ran = run(&group(&short_in_b((8, 200), action(100, "desired_capacity = 6")), ""));
    // 5 and 1 at 250 s: two are moved, one after the other, each launched 60 s before another one ends.
    let moved: Vec<f64> = ran.event("launch").iter().skip(4).map(|(at, _)| *at).collect();
    assert_eq!(moved, [250.0, 310.0]);
    assert_eq!(
        ran.event("terminated").iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        [310.0, 370.0]
    );
    let lived = ran.instances.iter().filter(|row| row["end_cause"].is_empty());
    let in_b = lived.filter(|row| row["availability_zone"] == "us-east-1b").count();
    assert_eq!(in_b, 3);
}

#[test]
fn a_failed_launch_without_a_highest_price_is_no_question_of_price() {
    // us-east-1a is out, us-east-1b has no capacity.
    let sizes = short_in_b((4, 900), action(200, "desired_capacity = 4"));
    let outage = "[[failure]]\nkind = \"az_outage\"\navailability_zone = \"us-east-1a\"\n\
                  at = \"100s\"\nduration = \"700s\"\n";
    let ran = run(&group(&sizes, outage));
    let failed: Vec<&str> = ran
        .fleet
        .iter()
        .filter(|row| row["event"] == "launch_failed")
        .map(|row| row["reason"].as_str())
        .collect();
    assert!(
        !failed.is_empty() && failed.iter().all(|why| *why == "insufficient_capacity"),
        "{failed:?}"
    );
}

#[test]
fn a_service_does_not_pay_for_an_instance_that_cost_nothing() {
    // boxes-1 has its notice at 200 s; its task stops while the agent drains, before the instance is known to be free.
    let pool = limited(ONE_ZONE, "spot_instance_draining = true", (100, "2, 2, 1, 2"));
    let ran = run(&group(&pool, &service(2)));
    assert_eq!(ran.number("tasks_lost"), 0.0);
    let api = ran.result.services.iter().find(|service| service.name == "api").unwrap();
    // Both tasks live on boxes-0 from 201 s on, the first one from 0 s on: of 0.90 $ an hour each has
    // (9 · 1 + 1) / (9 · 2 + 4), as AWS splits costs.
    let shares = 0.9 * 10.0 / 22.0 / 3_600.0 * (1_000.0 + 799.0);
    let usd = api.usd.0 as f64 / 1e9;
    assert!((usd - shares).abs() < 1e-6, "{usd} {shares}");
}

#[test]
fn two_histories_of_one_market_are_one_in_either_order() {
    let record = |price: &str, minute: &str| {
        file(
            "history.json",
            &format!(
                r#"{{"SpotPriceHistory":[{{"AvailabilityZone":"us-east-1a","InstanceType":"box.large",
                "ProductDescription":"Linux/UNIX","SpotPrice":"{price}","Timestamp":"2016-03-01T00:{minute}:00Z"}}]}}"#
            ),
        )
    };
    let files = [record("1.0", "00"), record("2.0", "10")];
    let usd = |first: usize, second: usize| {
        let keys = format!(
            "{ONE_ZONE}spot_price_history = [\"{}\", \"{}\"]\nspot_price_start = \"2016-03-01T00:00:00Z\"\n\
             [capacity_provider.mixed_instances]\non_demand_percentage_above_base_capacity = 0\n",
            files[first], files[second]
        );
        run(&group(&keys, "")).number("ec2_usd")
    };
    // Two instances: 600 s at 1 $ an hour and 400 s at 2 $, each a line of the bill that is rounded.
    assert_eq!(usd(0, 1), 0.777_777_777);
    assert_eq!(usd(1, 0), usd(0, 1));
}
