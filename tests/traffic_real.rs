//! Real traffic through auto-scaled services, to the end of each trace: no request is lost from the books.

use crate::support::shipped::Shipped;
use crate::trace_support::shared;
use ecsim::model::traffic::{MICRO, RequestTotals};

/// Runs a scenario whose two services meet the requests of one trace, and holds its books. Each has at most so many
/// tasks at its busiest.
fn balanced(
    name: &str,
    file: &str,
    requests: u64,
    at_busiest: std::ops::RangeInclusive<u32>,
) -> Option<Shipped> {
    shared(file)?;
    let run = Shipped::run_checked(name, &[], false);
    let mut all = RequestTotals::default();
    assert_eq!(run.result.services.len(), 2);
    for service in &run.result.services {
        let of = &service.requests;
        assert_eq!(
            of.offered,
            requests * MICRO,
            "{name}, {}: every request of the trace",
            service.name
        );
        assert_eq!(of.offered, of.served + of.dropped(), "{name}, {}", service.name);
        assert!(of.served > of.offered / 100 * 98, "{name}, {}: it keeps up", service.name);
        let most = service.samples.iter().map(|sample| sample.running).max().unwrap();
        assert!(at_busiest.contains(&most), "{name}, {}: {most} tasks at most", service.name);
        assert!(service.scaling[0] > 10 && service.scaling[1] > 10, "{name}: it follows the load");
        all = all.plus(of);
    }
    let total = |metric: &str| (run.number(metric) * MICRO as f64).round() as u64;
    assert_eq!(total("requests_offered"), all.offered);
    assert_eq!(total("requests_served"), all.served);
    assert_eq!(total("requests_dropped"), all.dropped());
    assert_eq!(all.offered, all.served + all.dropped());
    Some(run)
}

#[test]
fn elb_requests_of_nab_are_served_or_dropped_to_the_last() {
    let file = "nab/realAWSCloudwatch/elb_request_count_8c0756.csv";
    // A crowd is one period of five minutes. Three full minutes are seen two minutes late, when the check that waits too
    // long has begun to replace the two tasks: three to four run, 100 % of them at a target of 50 % are six to eight.
    // The cooldown of five minutes outlives the crowd, so nothing is added to that; what leaves still runs beside it.
    balanced("26-elb-nab", file, 249_327, 6..=10);
}

#[test]
fn worldcup98_is_served_or_dropped_to_the_last_request() {
    let file = "worldcup98/invocation_count.before-1998-06-21.csv.gz";
    balanced("27-worldcup98", file, 574_934_701, 10..=60);
}

#[test]
fn nasa_http_is_served_or_dropped_to_the_last_request() {
    let file = "nasa-http/nasa-jul95.requests-per-second.txt.gz";
    balanced("28-nasa-http", file, 1_891_713, 10..=60);
}
