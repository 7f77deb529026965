//! The outputs of services: their tables row by row, their metrics, and what the program shows of them.

use crate::support::Page;
use ecsim::base::money::NanoUsd;
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::metrics::service::{Elasticity, RequestTotals, ServiceReport, ServiceSample};
use ecsim::metrics::service_summary::{of_each_service, service_metrics};
use ecsim::metrics::summary::{Summary, Value};
use ecsim::metrics::table::TableSpec;
use ecsim::model::connection::ConnectionState;
use ecsim::model::scaling::MetricValue;
use ecsim::report::summary::{Style, to_csv, to_json, to_text};
use ecsim::sim::outputs::Sinks;
use ecsim::sim::rows::field;
use ecsim::sim::service_tables::{
    DEPLOYMENTS, DeploymentRow, EventRow, SCALING, SERVICE_EVENTS, SERVICES, ScalingRow,
    ServiceTables,
};

/// The four tables, and where they go.
struct Tables {
    tables: ServiceTables,
    pages: [Page; 4],
}

impl Tables {
    fn new() -> Tables {
        let pages: [Page; 4] = std::array::from_fn(|_| Page::default());
        let [services, deployments, scaling, events] = pages.clone();
        let mut sinks = Sinks {
            services: Some(Box::new(services)),
            deployments: Some(Box::new(deployments)),
            scaling: Some(Box::new(scaling)),
            service_events: Some(Box::new(events)),
            ..Sinks::default()
        };
        Tables { tables: ServiceTables::new(&mut sinks), pages }
    }

    /// The text of each table; every row has a field for each column.
    fn texts(mut self) -> [String; 4] {
        self.tables.finish().unwrap();
        let specs: [TableSpec; 4] = [SERVICES, DEPLOYMENTS, SCALING, SERVICE_EVENTS];
        let texts = self.pages.map(|page| page.text());
        for (spec, text) in specs.iter().zip(&texts) {
            let mut reader = csv::Reader::from_reader(text.as_bytes());
            let names: Vec<&str> = spec.columns.iter().map(|column| column.name).collect();
            assert_eq!(reader.headers().unwrap(), names, "{}", spec.file);
            reader.records().for_each(|row| assert_eq!(row.unwrap().len(), names.len()));
        }
        texts
    }
}

fn totals() -> RequestTotals {
    RequestTotals {
        offered: 90_000_003_000_000,
        served: 89_999_000_000_001,
        errors: 7,
        no_target: 1_000_000_000,
        queue_full: 1_000_000,
        timeout: 500_000,
        task_lost: 499_999,
        dead_letters: 0,
        unfinished: 1_000_000,
        received_again: 2_000_000,
    }
}

#[test]
fn a_sample_of_a_service_is_a_row_of_exact_decimals() {
    let mut tables = Tables::new();
    let full = ServiceSample {
        at: SimTime(120_000_000),
        desired: 12,
        running: 11,
        pending: 1,
        healthy: 10,
        draining: 3,
        newest: 4,
        newest_traffic_percent: None,
        requests: RequestTotals {
            offered: 1_234_500_000,
            served: 1_234_000_001,
            errors: 1,
            no_target: 499_999,
            ..RequestTotals::default()
        },
        capacity_micro_per_s: 30_500_000,
        backlog_micro: 2_250_000,
        cpu_percent: Some(61.25),
        memory_percent: Some(f64::NAN),
        latency_mean: Some(SimSpan(84_100)),
        latency_p50: Some(SimSpan(70_000)),
        latency_p95: Some(SimSpan(200_000)),
        latency_p99: None,
    };
    tables.tables.sample(&field("api"), &ServiceSample::default(), SimSpan::ZERO).unwrap();
    tables.tables.sample(&field("api"), &full, SimSpan::from_secs(60)).unwrap();
    let [text, ..] = tables.texts();
    insta::assert_snapshot!(text, @r#"
    time_s,service,desired,running,pending,healthy,draining,newest_revision,offered,served,errors,dropped,dropped_no_target,dropped_queue_full,dropped_timeout,dropped_task_lost,dropped_dead_letter,dropped_unfinished,requests_per_s,capacity_per_s,backlog,cpu_utilization_percent,memory_utilization_percent,latency_mean_s,latency_p50_s,latency_p95_s,latency_p99_s,received_again,utc
    0,api,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,,0,0,,,,,,,0,
    120,api,12,11,1,10,3,4,1234.5,1234.000001,0.000001,0.499999,0.499999,0,0,0,0,0,20.575,30.5,2.25,61.250000,,0.0841,0.07,0.2,,0,
    "#);
}

#[test]
fn a_deployment_and_a_decision_say_what_and_why() {
    let mut tables = Tables::new();
    let deployment = DeploymentRow {
        at: SimTime(61_500_000),
        service: "api",
        deployment: 2,
        revision: "api:2",
        event: "FAILED",
        status: "PRIMARY",
        rollout_state: "FAILED",
        desired: 4,
        running: 1,
        failed_tasks: 3,
        traffic_percent: Some(10),
        reason: "ECS deployment circuit breaker: tasks failed to start.",
        ..DeploymentRow::default()
    };
    tables.tables.deployment(&deployment).unwrap();
    let without_traffic = DeploymentRow { traffic_percent: None, ..deployment };
    tables.tables.deployment(&without_traffic).unwrap();
    let points = [Some(MetricValue(75_500_000)), None, Some(MetricValue(81_000_000))];
    let decision = ScalingRow {
        at: SimTime(180_000_000),
        service: "api",
        policy: "cpu",
        policy_type: "TargetTrackingScaling",
        alarm: "AlarmHigh",
        metric: "ECSServiceAverageCPUUtilization",
        value: Some(MetricValue(81_000_000)),
        threshold: Some(MetricValue(60_000_000)),
        comparison: "GreaterThanThreshold",
        datapoints: &points,
        from: 10,
        wanted: 14,
        to: 12,
        min_capacity: 2,
        max_capacity: 12,
        reason: "max_capacity",
    };
    tables.tables.scaling(&decision).unwrap();
    let scheduled = ScalingRow { service: "api", policy: "night", ..ScalingRow::default() };
    tables.tables.scaling(&scheduled).unwrap();
    let [_, deployments, scaling, _] = tables.texts();
    insta::assert_snapshot!(deployments, @r#"
    time_s,service,deployment,revision,event,stage,status,rollout_state,desired,pending,running,healthy,draining,failed_tasks,traffic_percent,reason,utc
    61.5,api,2,api:2,FAILED,,PRIMARY,FAILED,4,0,1,0,0,3,10,ECS deployment circuit breaker: tasks failed to start.,
    61.5,api,2,api:2,FAILED,,PRIMARY,FAILED,4,0,1,0,0,3,,ECS deployment circuit breaker: tasks failed to start.,
    "#);
    insta::assert_snapshot!(scaling, @r#"
    time_s,service,policy,policy_type,alarm,metric,value,threshold,comparison,datapoints,from,wanted,to,min_capacity,max_capacity,reason,utc
    180,api,cpu,TargetTrackingScaling,AlarmHigh,ECSServiceAverageCPUUtilization,81,60,GreaterThanThreshold,75.5 missing 81,10,14,12,2,12,max_capacity,
    0,api,night,,,,,,,,0,0,0,0,0,,
    "#);
}

#[test]
fn free_text_is_quoted_and_never_a_formula() {
    let mut tables = Tables::new();
    for message in ["(service api) has reached a steady state.", "=cmd()", "a, \"b\"\n+1", ""] {
        let event = EventRow {
            service: "api",
            level: "INFO",
            event: "SERVICE_STEADY_STATE",
            message,
            ..EventRow::default()
        };
        tables.tables.event(&event).unwrap();
    }
    let [.., events] = tables.texts();
    insta::assert_snapshot!(events, @r#"
    time_s,service,level,event,message,utc
    0,api,INFO,SERVICE_STEADY_STATE,(service api) has reached a steady state.,
    0,api,INFO,SERVICE_STEADY_STATE,'=cmd(),
    0,api,INFO,SERVICE_STEADY_STATE,"'a, ""b""
    +1",
    0,api,INFO,SERVICE_STEADY_STATE,,
    "#);
}

#[test]
fn a_table_that_is_off_takes_rows_and_writes_nothing() {
    let mut tables = ServiceTables::new(&mut Sinks::default());
    assert!(!tables.wants_deployments() && !tables.wants_scaling() && !tables.wants_events());
    tables.sample(b"api", &ServiceSample::default(), SimSpan::ZERO).unwrap();
    tables.deployment(&DeploymentRow::default()).unwrap();
    tables.scaling(&ScalingRow::default()).unwrap();
    tables.event(&EventRow::default()).unwrap();
    tables.finish().unwrap();
}

fn reports() -> Vec<ServiceReport> {
    let mut api = ServiceReport {
        name: "api".into(),
        requests: totals(),
        cpu_percent: Some(60.0),
        reserved_cpu_time: 3_000,
        tasks_failed: 2,
        scaling: [5, 4],
        deployments: [1, 1],
        elasticity: Some(Elasticity {
            under_tasks: 0.5,
            over_tasks: 2.0,
            under_time_percent: 10.0,
            over_time_percent: 40.0,
        }),
        usd: NanoUsd(45_000_000_000),
        ..ServiceReport::default()
    };
    api.latency.add_many(SimSpan(100_000), 3_000_000);
    let mut worker = ServiceReport {
        name: "worker".into(),
        is_queue: true,
        requests: RequestTotals {
            offered: 1_500_000,
            served: 1_500_000,
            ..RequestTotals::default()
        },
        cpu_percent: Some(20.0),
        reserved_cpu_time: 1_000,
        elasticity: Some(Elasticity { under_tasks: 1.0, ..Elasticity::default() }),
        connections: Some(ConnectionState::default()),
        ..ServiceReport::default()
    };
    worker.latency.add_many(SimSpan(500_000), 1_000_000);
    vec![api, worker, ServiceReport { name: "idle".into(), ..ServiceReport::default() }]
}

#[test]
fn totals_add_up_and_are_weighted_as_they_say() {
    let summary = Summary(service_metrics(&reports(), NanoUsd(90_000_000_000)));
    let number = |name: &str| summary.get(name).and_then(Value::as_f64).unwrap();
    assert_eq!(number("services"), 3.0);
    assert_eq!(summary.get("requests_offered").unwrap().to_string(), "90000004.5");
    assert_eq!(summary.get("requests_served").unwrap().to_string(), "89999001.500001");
    assert_eq!(summary.get("requests_dropped").unwrap().to_string(), "1002.999999");
    // 3 requests of 0.1 s and 1 of 0.5 s.
    assert_eq!(number("request_latency_s_mean"), 0.2);
    assert!((number("request_latency_s_p50") - 0.1).abs() < 0.001);
    assert_eq!(number("request_latency_s_p99"), 0.5);
    // (60 · 3,000 + 20 · 1,000) ÷ 4,000; the service without tasks has no say.
    assert_eq!(number("cpu_utilization_percent"), 50.0);
    assert_eq!(number("under_provisioned_tasks"), 1.5);
    assert_eq!(number("over_provisioned_tasks"), 2.0);
    assert_eq!(number("under_provisioned_time_percent"), 5.0);
    assert_eq!(number("over_provisioned_time_percent"), 20.0);
    assert_eq!([number("scale_outs"), number("scale_ins")], [5.0, 4.0]);
    assert_eq!([number("deployments_completed"), number("deployments_failed")], [1.0, 1.0]);
    assert_eq!(number("service_tasks_failed"), 2.0);
    // 90 $ for 89.999 million requests; the service's own 45 $ for its 89.999 million.
    assert!((number("usd_per_million_requests") - 1.0).abs() < 1e-4);
    assert!((number("service.api.usd_per_million_requests") - 0.5).abs() < 1e-4);
    let dropped = 100.0 * 1_002.999_999 / 90_000_003.0;
    assert!((number("service.api.requests_dropped_percent") - dropped).abs() < 1e-9);
    assert_eq!(summary.get("service.idle.requests_dropped_percent"), Some(&Value::Missing));
}

#[test]
fn the_list_of_totals_is_the_same_without_services() {
    let names = |reports: &[ServiceReport]| -> Vec<String> {
        let metrics = service_metrics(reports, NanoUsd::ZERO);
        let totals = metrics.iter().filter(|metric| !metric.is_of_one_service());
        totals.map(|metric| metric.name.to_string()).collect()
    };
    assert_eq!(names(&[]), names(&reports()));
    let metrics = service_metrics(&reports(), NanoUsd::ZERO);
    let own: Vec<_> =
        metrics.iter().filter_map(|m| m.name.strip_prefix("service.worker.")).collect();
    let declared: Vec<_> = of_each_service().into_iter().map(|(name, ..)| name).collect();
    assert_eq!(own, declared);
}

#[test]
fn the_summary_for_people_shows_totals_where_there_are_services_and_no_single_service() {
    let text = |reports: &[ServiceReport]| {
        to_text(&Summary(service_metrics(reports, NanoUsd::ZERO)), Style::default())
    };
    assert_eq!(text(&[]), "");
    let shown = text(&reports());
    assert!(shown.contains("requests_dropped_percent "), "{shown}");
    assert!(!shown.contains("service.api"), "{shown}");
    let summary = Summary(service_metrics(&reports(), NanoUsd::ZERO));
    let json: serde_json::Value = serde_json::from_str(&to_json(&summary)).unwrap();
    assert_eq!(json["metrics"]["service.worker.requests_served"]["value"], 1.5);
    let csv = String::from_utf8(to_csv(&summary)).unwrap();
    assert!(csv.contains(",service.api.requests_dropped_percent,"));
}
