//! Charts: every shape of data gives a well-formed, finite, deterministic picture, and names stay inert.

use ecsim::base::money::NanoUsd;
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::metrics::capacity_track::{InstanceLife, ReservationTrack, Track};
use ecsim::metrics::histogram::SpanHistogram;
use ecsim::metrics::incident::Incident;
use ecsim::metrics::picture::{FleetPicture, MOST_COLUMNS, PictureColumn};
use ecsim::metrics::series::{Sample, ServiceSeries, Stretch};
use ecsim::metrics::service::{Mark, RequestTotals, ServiceReport, ServiceSample};
use ecsim::metrics::summary::{Metric, Summary, Value};
use ecsim::model::group::EndCause;
use ecsim::model::resources::Resources;
use ecsim::model::scaling::MetricValue;
use ecsim::report::bill_view::{BillView, Discounts};
use ecsim::report::charts::{ChartInput, Format, render};

/// Everything that a chart input borrows or owns.
struct Case {
    name: &'static str,
    title: String,
    series: Vec<Sample>,
    waits: SpanHistogram,
    costs: Vec<(String, NanoUsd)>,
    picture: Option<FleetPicture>,
    incidents: Vec<Incident>,
    services: Vec<ServiceReport>,
    summary: Summary,
}

impl Case {
    fn empty(name: &'static str) -> Case {
        Case {
            name,
            title: name.into(),
            series: Vec::new(),
            waits: SpanHistogram::default(),
            costs: Vec::new(),
            picture: None,
            incidents: Vec::new(),
            services: Vec::new(),
            summary: Summary::default(),
        }
    }

    fn input(&self) -> ChartInput<'_> {
        ChartInput {
            title: self.title.clone(),
            start: None,
            series: self.series.iter().copied().map(Stretch::from).collect(),
            waits: &self.waits,
            costs: self.costs.clone(),
            costs_by: "category",
            bill: bill(&self.series, &self.costs),
            picture: self.picture.clone(),
            lives: lives(&self.series),
            reservations: reservations(&self.series),
            incidents: &self.incidents,
            services: &self.services,
            summary: &self.summary,
        }
    }
}

/// So many incidents of every kind and order of instants, some of which have no end.
fn incidents(count: u64, end: u64) -> Vec<Incident> {
    let mut dice = Dice(7);
    let kinds = ["az_outage", "instance", "registry_outage", "fargate_retirement"];
    let one = |number: u64| {
        let mut at: [u64; 4] = std::array::from_fn(|_| dice.below(end.max(1)));
        at.sort_unstable();
        let [start, found, over, recovered] = at.map(SimTime);
        let turned = number % 3 == 1;
        let never = |at: SimTime, is_so: bool| if is_so { SimTime::NEVER } else { at };
        Incident {
            kind: kinds[number as usize % kinds.len()],
            what: "a provider, an image or a zone with quite a long name"
                .repeat(1 + number as usize % 3),
            start,
            found: never(found, number % 4 == 1),
            over: never(if turned { recovered } else { over }, number % 5 == 4),
            recovered: never(if turned { over } else { recovered }, number % 7 == 2),
            instances: 3,
            tasks_lost: number,
            services: 2,
            dropped: dice.below(1_000_000_000),
            errors: 0,
            shared_dropped: 0,
            shared_errors: 0,
        }
    };
    (0..count).map(one).collect()
}

/// A bill over the hours of the series: as many parts as the costs have and thirty services with long names.
fn bill(series: &[Sample], costs: &[(String, NanoUsd)]) -> Option<BillView> {
    let end = series.last()?.at;
    let hours = end.0.div_ceil(3_600_000_000).min(20_000);
    let begins: Vec<SimTime> = (0..hours).map(|hour| SimTime(hour * 3_600_000_000)).collect();
    let mut dice = Dice(13);
    let mut part = |name: String, most: i128| {
        let usd = |_| NanoUsd(i128::from(dice.below(1_000)) * most / 1_000);
        (name, (0..hours).map(usd).collect::<Vec<_>>())
    };
    let by_category = costs.iter().map(|(name, usd)| part(name.clone(), usd.0.max(0))).collect();
    let name = |number| format!("a-service-with-quite-a-long-name-that-tells-everything-{number}");
    let by_service = (0..30).map(|number| part(name(number), 1 << number)).collect();
    let by_use = ["tasks", "idle instances"].map(|name| part(name.into(), 5_000_000)).to_vec();
    let [list, spot, reserved, plans, unused, private] = [900, 100, 200, 50, 25, 90].map(NanoUsd);
    let bill = list - spot - reserved - plans + unused - private;
    let discounts = Discounts { list, spot, reserved, plans, unused, private, bill };
    let paid_in = Some(("EUR", 400));
    Some(BillView { begins, end, by_category, by_service, by_use, paid_in, discounts })
}

/// Instances of every length of life and with every kind of end, as many as the series has samples and three more.
fn lives(series: &[Sample]) -> Vec<InstanceLife> {
    let Some(end) = series.last().map(|last| last.at.0) else { return Vec::new() };
    let mut dice = Dice(11);
    let mut life = |number: usize| {
        let at: [u64; 5] = std::array::from_fn(|_| dice.below(end.saturating_mul(2).max(1)));
        let mut at = at.map(SimTime);
        at.sort_unstable();
        let [launched, running, registered, draining, ended] = at;
        let never = |at: SimTime, is_so: bool| if is_so { SimTime::NEVER } else { at };
        let lives = number.is_multiple_of(3);
        InstanceLife {
            name: format!("capacity-provider-with-a-long-name-{number}"),
            warm: never(SimTime(launched.0 / 2), number % 5 != 4),
            launched: SimTime(launched.0.min(end)),
            running: never(running, number % 7 == 1),
            registered: never(registered, number % 7 < 3),
            draining: never(draining, number.is_multiple_of(2)),
            ended: never(ended, lives),
            end: (!lives).then_some(if number.is_multiple_of(5) {
                EndCause::Failure
            } else {
                EndCause::ScaleIn
            }),
        }
    };
    (0..series.len() + 3).map(&mut life).collect()
}

/// The metric of seven providers, which no chart draws all.
fn reservations(series: &[Sample]) -> Vec<ReservationTrack> {
    let track = |number: u64| {
        let mut track = Track::default();
        for (index, sample) in (0..).zip(series) {
            let percent = if index == 2 { 4_000 } else { (index * 37 + number * 11) % 220 };
            track.add(sample.at, MetricValue(percent * 1_000_000));
        }
        let target = 100 - 10 * (number % 3) as u32;
        ReservationTrack { provider: format!("provider-{number}"), target, track }
    };
    (0..7).map(track).collect()
}

/// A small generator of our own: the numbers only have to look alive and to be the same every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn day_wave(at: u64, period: u64, least: u64, most: u64) -> u64 {
    let phase = (at % period) as f64 / period as f64 * std::f64::consts::TAU;
    least + ((most - least) as f64 * (0.5 - 0.5 * phase.cos())) as u64
}

/// A load that goes up and down once a `period` over `seconds`.
fn wave(seconds: u64, samples: u64, period: u64, fargate: bool) -> Vec<Sample> {
    let mut dice = Dice(7);
    let mut waiting = 0;
    let sample = |i: u64| {
        let at = seconds * i / samples;
        let running = day_wave(at, period, 60, 420) + dice.below(25);
        let instances = day_wave(at.saturating_sub(period / 20), period, 12, 68) + dice.below(2);
        waiting = if dice.below(9) == 0 { dice.below(60) } else { waiting / 2 };
        let starting = dice.below(20);
        Sample {
            at: SimTime(at * 1_000_000),
            instances,
            idle_instances: dice.below(4),
            needed_instances: running * 512 / 4096,
            tasks: [0, starting, 0, running, 0, 0, 0],
            starting,
            fargate_tasks: if fargate { running / 6 } else { 0 },
            waiting,
            registered_cpu: instances * 8192,
            reserved_cpu: (running * 1024).min(instances * 8192),
            registered_memory: instances * 31_000,
            reserved_memory: (running * 3_000).min(instances * 31_000),
            fargate_cpu: if fargate { running * 170 } else { 0 },
            fargate_memory: if fargate { running * 340 } else { 0 },
            desired_instances: 0,
            launching_instances: 0,
            draining_instances: 0,
            warm_instances: 0,
            nano_usd_per_hour: i128::from(instances) * 163_000_000,
        }
    };
    (0..=samples).map(sample).collect()
}

fn fleet(instances: usize, families: usize, whole: usize) -> FleetPicture {
    let mut dice = Dice(3);
    let columns = (0..instances).map(|i| {
        let large = i % 7 == 3;
        let registered = Resources {
            cpu: if large { 16_384 } else { 8_192 },
            memory: if large { 63_000 } else { 31_000 },
            ..Resources::ZERO
        };
        let (mut cpu, mut memory, mut tasks) = (0, 0, Vec::new());
        let fill = 50 + dice.below(51) as u32;
        loop {
            let family = dice.below(families as u64) as u32;
            let demand = Resources {
                cpu: 256 << (family % 4),
                memory: 700 + 600 * (family % 5),
                ..Resources::ZERO
            };
            (cpu, memory) = (cpu + demand.cpu, memory + demand.memory);
            if cpu > registered.cpu * fill / 100 || memory > registered.memory {
                break;
            }
            tasks.push((family, demand));
        }
        let instance_type = if large { "m6i.4xlarge" } else { "m6i.2xlarge" };
        PictureColumn {
            name: format!("i-{:017x}", i * 7919),
            instance_type: instance_type.into(),
            registered,
            tasks,
        }
    });
    FleetPicture {
        at: SimTime(47_000_000_000),
        families: (0..families)
            .map(|f| format!("{}-{f}", ["api", "checkout", "worker", "search"][f % 4]))
            .collect(),
        columns: columns.collect(),
        fleet: whole,
    }
}

fn waits(of: impl Fn(&mut Dice) -> u64, count: u64) -> SpanHistogram {
    let (mut histogram, mut dice) = (SpanHistogram::default(), Dice(11));
    (0..count).for_each(|_| histogram.add(SimSpan(of(&mut dice))));
    histogram
}

fn skewed(dice: &mut Dice) -> u64 {
    if dice.below(10) < 3 {
        return 0;
    }
    let base = 200_000 << dice.below(9);
    base + dice.below(base)
}

fn usd(dollars: f64) -> NanoUsd {
    NanoUsd((dollars * 1e9) as i128)
}

fn summary() -> Summary {
    let metric = |name: &'static str, value| Metric {
        name: name.into(),
        unit: "",
        meaning: "",
        section: "",
        value,
    };
    Summary(vec![
        metric("tasks_submitted", Value::Count(182_431)),
        metric("wait_s_p95", Value::Seconds(SimSpan(41_000_000))),
        metric("total_usd", Value::Usd(usd(1_284.31))),
        metric("cpu_reservation_percent", Value::Ratio(63.21)),
        metric("memory_reservation_percent", Value::Ratio(71.04)),
    ])
}

fn costs(names: &[(&str, f64)]) -> Vec<(String, NanoUsd)> {
    names.iter().map(|(name, dollars)| (name.to_string(), usd(*dollars))).collect()
}

/// A service that follows a daily wave with a delay, is overloaded by a spike, and deploys twice.
fn service(name: &str, seconds: u64, samples: u64, scale: u64) -> ServiceReport {
    let mut dice = Dice(5);
    let mut series = ServiceSeries::default();
    let mut report = ServiceReport {
        name: name.into(),
        cpu_target_percent: Some(60.0),
        memory_target_percent: Some(75.0),
        cpu_percent: Some(52.4),
        tasks_started: 214,
        tasks_failed: 3,
        scaling: [17, 12],
        deployments: [2, 1],
        usd: usd(73.2),
        ..ServiceReport::default()
    };
    let micros = |i: u64| 1_000_000 * seconds * i / samples;
    for i in 0..=samples {
        let at = seconds * i / samples;
        let day = seconds.min(86_400);
        let is_spike = (at % day) * 20 / day == 13;
        let rate = (day_wave(at, day, 40, 400) + dice.below(30)) * if is_spike { 3 } else { 1 };
        let healthy = day_wave(at.saturating_sub(day / 40), day, 5, 30);
        let capacity = healthy * 18;
        let lost = rate.saturating_sub(capacity);
        let span = micros(i) - micros(i.max(1) - 1);
        let amount = |per_s: u64| per_s * scale * span / 1_000;
        let (timeout, queue_full) = (amount(lost / 3), amount(lost - lost / 3));
        let no_target = if at * 40 / seconds == 9 { amount(rate / 20) } else { 0 };
        let offered = amount(rate);
        let requests = RequestTotals {
            offered,
            served: offered - (timeout + queue_full + no_target).min(offered),
            errors: offered / 90,
            timeout,
            queue_full,
            no_target,
            ..RequestTotals::default()
        };
        let load = (rate.min(capacity) as f64 / capacity as f64).min(0.99);
        let wait = (40_000.0 / (1.0 - load)) as u64;
        let deploys = (4..6).contains(&(at * 20 / seconds));
        report.requests = report.requests.plus(&requests);
        report.latency.add_many(SimSpan(wait), requests.served);
        series.push(ServiceSample {
            at: SimTime(micros(i)),
            desired: day_wave(at.saturating_sub(day / 60), day, 5, 30) as u32,
            running: healthy as u32 + if deploys { 3 } else { 0 },
            pending: if deploys { 2 } else { (dice.below(12) == 0) as u32 * 2 },
            healthy: healthy as u32,
            draining: 0,
            newest: if deploys { healthy as u32 / 2 } else { healthy as u32 + 2 },
            newest_traffic_percent: Some(if deploys { 40.0 } else { 100.0 }),
            requests,
            capacity_micro_per_s: capacity * scale * 1_000,
            backlog_micro: lost * 1_000_000,
            cpu_percent: Some(100.0 * load),
            memory_percent: (i % 400 > 30).then_some(35.0 + 10.0 * load),
            latency_mean: Some(SimSpan(wait)),
            latency_p50: Some(SimSpan(wait * 7 / 10)),
            latency_p95: Some(SimSpan(wait * 3)),
            latency_p99: Some(SimSpan(wait * 9 / 2)),
        });
    }
    report.samples = series.points();
    let mark = |permille: u64, label: &str| Mark {
        at: SimTime(seconds * 1_000 * permille),
        label: label.into(),
    };
    report.marks = vec![
        mark(200, "deploy api:2"),
        mark(300, "deploy api:2 completed"),
        mark(312, "deploy api:3"),
        mark(330, "rolled back to api:2"),
        mark(970, "deploy api:4"),
    ];
    report
}

/// A service without any traffic, whose tasks all stay the same.
fn idle_service(name: &str) -> ServiceReport {
    let sample = |i: u64| ServiceSample {
        at: SimTime(i * 60_000_000),
        desired: 2,
        running: 2,
        healthy: 2,
        newest: 2,
        ..ServiceSample::default()
    };
    ServiceReport {
        name: name.into(),
        samples: (0..60).map(sample).collect(),
        ..ServiceReport::default()
    }
}

/// Numbers at the ends of their ranges, and those that are none.
fn extreme_service(name: &str) -> ServiceReport {
    let sample = |at, cpu| ServiceSample {
        at: SimTime(at),
        desired: u32::MAX,
        requests: RequestTotals {
            offered: u64::MAX,
            timeout: u64::MAX,
            ..RequestTotals::default()
        },
        capacity_micro_per_s: u64::MAX,
        cpu_percent: Some(cpu),
        latency_p99: Some(SimSpan(u64::MAX)),
        latency_p50: Some(SimSpan(0)),
        ..ServiceSample::default()
    };
    ServiceReport {
        name: name.into(),
        samples: vec![sample(0, f64::NAN), sample(1, f64::INFINITY), sample(u64::MAX / 2, -1e300)],
        requests: RequestTotals {
            offered: u64::MAX,
            timeout: u64::MAX,
            ..RequestTotals::default()
        },
        cpu_percent: Some(f64::NAN),
        cpu_target_percent: Some(f64::INFINITY),
        memory_target_percent: Some(f64::NAN),
        marks: vec![Mark { at: SimTime::NEVER, label: name.repeat(9) }; 300],
        ..ServiceReport::default()
    }
}

fn cases() -> Vec<Case> {
    let bill = [
        ("EC2 on-demand instances", 812.5),
        ("EC2 Spot instances", 143.02),
        ("Fargate vCPU", 201.4),
        ("Fargate memory", 61.13),
        ("EBS volumes", 44.9),
        ("data transfer between zones", 9.36),
        ("Savings Plan discount", -128.0),
    ];
    let long =
        "a-very-long-name-of-a-task-definition-that-somebody-made-from-a-branch-name-and-a-commit-"
            .repeat(3);
    let hostile = "\"><svg onload=1>&]]>&#x0;\u{0}\u{1b}[31m\u{202e}<script>alert(1)</script>";
    let sample = |at, n: u64| Sample {
        at: SimTime(at),
        instances: n,
        needed_instances: n,
        tasks: [0, 0, 0, n, 0, 0, 0],
        registered_cpu: n * 2048,
        reserved_cpu: n * 1024,
        registered_memory: n * 7900,
        reserved_memory: n * 4096,
        ..Sample::default()
    };
    let constant: Vec<Sample> = (0..100).map(|i| sample(i * 60_000_000, 8)).collect();
    let zeros: Vec<Sample> = (0..100).map(|i| sample(i * 60_000_000, 0)).collect();
    let huge = Sample {
        at: SimTime(u64::MAX),
        instances: u64::MAX,
        waiting: u64::MAX,
        registered_cpu: u64::MAX,
        reserved_memory: u64::MAX,
        ..Sample::default()
    };
    let two_days = Case {
        title: "web-spike".into(),
        series: wave(172_800, 2_880, 86_400, true),
        waits: waits(skewed, 20_000),
        costs: costs(&bill),
        picture: Some(fleet(60, 5, 60)),
        incidents: incidents(5, 172_800_000_000),
        services: vec![
            service("api", 172_800, 2_880, 1_000),
            service("checkout", 172_800, 2_880, 120),
            idle_service("admin"),
        ],
        summary: summary(),
        ..Case::empty("two-days")
    };
    vec![
        Case {
            series: wave(600, 120, 400, false),
            waits: waits(|dice| 900 + dice.below(400), 50),
            costs: costs(&bill[..1]),
            picture: Some(fleet(3, 1, 3)),
            incidents: incidents(2, 600_000_000),
            services: vec![service("api", 600, 60, 1)],
            ..Case::empty("ten-minutes")
        },
        Case {
            title: "capacity plan, one year".into(),
            series: wave(31_536_000, 2_048, 7 * 86_400, false),
            waits: waits(|dice| 1_000_000 * (1 + dice.below(200_000)), 50_000),
            costs: costs(&bill[..6]).into_iter().map(|(n, c)| (n, NanoUsd(c.0 * 1_000))).collect(),
            picture: Some(fleet(MOST_COLUMNS, 12, 1_812)),
            incidents: incidents(200, 31_536_000_000_000),
            services: vec![service("api", 31_536_000, 105_120, 7_000)],
            summary: summary(),
            ..Case::empty("a-year")
        },
        Case {
            series: constant,
            waits: waits(|_| 5_000_000, 10),
            costs: costs(&[("EC2", 10.0), ("EBS", 10.0)]),
            picture: Some(fleet(1, 1, 1)),
            services: vec![idle_service("admin")],
            ..Case::empty("constant")
        },
        Case {
            series: zeros,
            waits: waits(|_| 0, 10),
            costs: costs(&[("EC2", 0.0), ("EBS", 0.0)]),
            incidents: incidents(1, 6_000_000_000),
            picture: Some(FleetPicture::default()),
            ..Case::empty("all-zeros")
        },
        Case {
            title: long.clone(),
            series: vec![sample(0, 1)],
            waits: waits(|_| 1, 1),
            costs: (0..30).map(|i| (format!("{long}{i}"), usd(0.01 * f64::from(i)))).collect(),
            picture: Some(FleetPicture {
                families: (0..12).map(|i| format!("{i}-{long}")).collect(),
                ..fleet(8, 12, 8)
            }),
            ..Case::empty("long-names")
        },
        Case {
            title: hostile.into(),
            series: vec![huge],
            waits: waits(|_| u64::MAX, 3),
            costs: vec![
                (hostile.into(), NanoUsd(i64::MAX.into())),
                (hostile[1..].into(), NanoUsd(-5)),
            ],
            picture: Some(FleetPicture { families: vec![hostile.into(); 2], ..fleet(2, 2, 2) }),
            incidents: incidents(3, u64::MAX)
                .into_iter()
                .map(|of| Incident { what: hostile.into(), ..of })
                .collect(),
            services: vec![
                extreme_service(hostile),
                ServiceReport { name: "../../x".into(), ..ServiceReport::default() },
            ],
            ..Case::empty("hostile")
        },
        Case::empty("no-data"),
        two_days,
    ]
}

#[test]
fn incidents_have_a_chart_where_there_are_any() {
    let drawn = |case: &Case| {
        let files = render(&case.input(), Format::Svg);
        files.into_iter().find(|(name, _)| name == "charts/incidents.svg")
    };
    for case in cases() {
        let chart = drawn(&case);
        assert_eq!(chart.is_some(), !case.incidents.is_empty(), "{}", case.name);
        let Some((_, svg)) = chart else { continue };
        let text = String::from_utf8(svg).unwrap();
        // Eight at most, each by its name; and the panels of what there is.
        let rows = text.matches("outage: ").count() + text.matches("instance: ").count();
        let rows = rows + text.matches("retirement: ").count();
        assert_eq!(rows, case.incidents.len().min(8), "{}", case.name);
        let panels = ["Container instances", "Tasks of services", "Dropped requests per minute"];
        let there = panels.map(|panel| text.contains(panel));
        match case.name {
            "two-days" | "a-year" => assert_eq!(there, [true; 3], "{}", case.name),
            "all-zeros" => assert_eq!(there, [false; 3]),
            _ => {}
        }
    }
}

#[test]
fn the_chart_of_incidents_says_out_of_what_was_out() {
    let second = |second: u64| SimTime(second * 1_000_000);
    let [first, ..] = &incidents(1, 1)[..] else { panic!("one") };
    // Fargate takes tasks back at 100 s, which is over at once; an instance is out until then.
    let lines = |over: u64| -> Vec<String> {
        let times = (second(100), second(100), second(over), second(700));
        let (start, found, over, recovered) = times;
        let of = Incident { start, found, over, recovered, ..first.clone() };
        let series = [0, 1_000].map(|at| Sample { at: second(at), ..Sample::default() }).to_vec();
        let case = Case { series, incidents: vec![of], ..Case::empty("one") };
        let files = render(&case.input(), Format::Svg);
        let (_, svg) = files.into_iter().find(|(name, _)| name.contains("incidents")).unwrap();
        String::from_utf8(svg).unwrap().lines().map(str::to_string).collect()
    };
    let says = |lines: &[String], text: &str| lines.iter().any(|line| line == text);
    let is_orange = |lines: &[String]| lines.iter().any(|line| line.contains("#D55E00"));
    let fargate = lines(100);
    assert!(says(&fargate, "tasks still missing") && !says(&fargate, "out"), "{fargate:#?}");
    assert!(!is_orange(&fargate), "a bar without a meaning");
    let instance = lines(400);
    assert!(says(&instance, "tasks still missing") && says(&instance, "out"), "{instance:#?}");
    assert!(is_orange(&instance));
    let whole = lines(700);
    assert!(says(&whole, "out") && !says(&whole, "tasks still missing"), "{whole:#?}");
}

/// Elements that the painter uses; anything else came from a name.
const ELEMENTS: [&str; 8] =
    ["svg", "title", "rect", "polyline", "polygon", "circle", "line", "text"];

#[test]
fn every_svg_is_xml_of_our_elements_with_finite_numbers_and_few_points() {
    for case in cases() {
        for (file, bytes) in render(&case.input(), Format::Svg) {
            let text = String::from_utf8(bytes).unwrap();
            let name = format!("{}: {file}", case.name);
            let document =
                roxmltree::Document::parse(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert!(!text.contains("NaN") && !text.contains("inf\""), "{name}");
            assert!(text.len() < 1_500_000, "{name}: {} bytes", text.len());
            for element in document.descendants().filter(|node| node.is_element()) {
                assert!(ELEMENTS.contains(&element.tag_name().name()), "{name}: {element:?}");
                assert!(element.attributes().all(|a| !a.name().starts_with("on")), "{name}");
                let points = element.attribute("points").map_or(0, |p| p.split(' ').count());
                // A value that holds until the next takes two points.
                assert!(points <= 2 * 2_000 + 4, "{name}: {points} points");
            }
        }
    }
}

#[test]
fn the_same_input_gives_the_same_bytes_on_any_number_of_threads() {
    for case in cases().into_iter().filter(|case| case.name == "two-days") {
        for format in [Format::Svg, Format::Png] {
            let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
            let first = one.install(|| render(&case.input(), format));
            assert!(first == render(&case.input(), format), "{}", case.name);
        }
    }
}

#[test]
fn every_png_has_the_size_of_a_slide() {
    // For people who work on the charts: set the variable and look at all of them.
    let directory = std::env::var_os("ECSIM_CHART_GALLERY").map(std::path::PathBuf::from);
    let drawn = |name| directory.is_some() || ["ten-minutes", "hostile", "no-data"].contains(&name);
    for case in cases().into_iter().filter(|case| drawn(case.name)) {
        for (file, bytes) in render(&case.input(), Format::Png) {
            assert_eq!(&bytes[..8], b"\x89PNG\r\n\x1a\n", "{file}");
            assert_eq!(bytes[16..24], [0, 0, 6, 64, 0, 0, 3, 132], "{file} is 1600 × 900");
            assert!(bytes.len() < 300_000, "{}: {file} has {} bytes", case.name, bytes.len());
            if let Some(directory) = &directory {
                let file = format!("{}-{}", case.name, file.replace("charts/", ""));
                std::fs::write(directory.join(file), bytes).unwrap();
            }
        }
    }
}

#[test]
fn no_chart_is_drawn_where_none_was_asked_for() {
    assert!(render(&Case::empty("x").input(), Format::None).is_empty());
}

#[test]
fn an_empty_chart_says_why() {
    let said = |case: &Case, file: &str, sentence: &str| {
        let files = render(&case.input(), Format::Svg);
        let (_, bytes) = files.iter().find(|(name, _)| name == file).unwrap();
        let text = String::from_utf8_lossy(bytes);
        assert!(text.contains(sentence), "{}: {file} does not say `{sentence}`", case.name);
    };
    let cases = cases();
    let case = |name| cases.iter().find(|case| case.name == name).unwrap();
    said(case("no-data"), "charts/load.svg", "before its first sample");
    said(case("no-data"), "charts/waits.svg", "No task was placed");
    said(case("no-data"), "charts/costs.svg", "cost nothing");
    said(case("no-data"), "charts/fleet.svg", "No container instance");
    said(case("all-zeros"), "charts/waits.svg", "placed at once");
    said(case("two-days"), "charts/waits.svg", "% without a wait");
    said(case("two-days"), "charts/load.svg", "182,431 tasks submitted");
    said(case("two-days"), "charts/service-admin-traffic.svg", "No requests arrived");
    said(case("two-days"), "charts/service-admin-utilization.svg", "no traffic");
    said(case("two-days"), "charts/service-admin-latency.svg", "No request was answered");
    said(case("hostile"), "charts/service-..-..-x-tasks.svg", "before its first sample");
}

#[test]
fn tasks_without_requests_are_not_called_no_tasks() {
    let mut idle = idle_service("admin");
    for (minute, sample) in idle.samples.iter_mut().enumerate() {
        sample.at = SimTime(60_000_000 * (minute as u64 + 1));
        sample.running = 40;
    }
    if idle.samples.is_empty() {
        let at = SimTime(60_000_000);
        idle.samples.push(ecsim::metrics::service::ServiceSample {
            at,
            running: 40,
            ..Default::default()
        });
    }
    let case = Case { services: vec![idle], ..Case::empty("idle") };
    let files = render(&case.input(), Format::Svg);
    let chart = files.iter().find(|(name, _)| name.ends_with("-utilization.svg")).unwrap();
    let text = String::from_utf8(chart.1.clone()).unwrap();
    assert!(!text.contains("No task was running") && text.contains("no traffic"), "{text}");
}

#[test]
fn services_have_their_charts_and_runs_without_services_have_none() {
    let names = |name| {
        let case = cases().into_iter().find(|case| case.name == name).unwrap();
        let files = render(&case.input(), Format::Svg).into_iter().map(|(file, _)| file);
        files.skip(6).collect::<Vec<_>>()
    };
    assert_eq!(names("no-data"), [""; 0]);
    let kinds = ["traffic", "tasks", "utilization", "latency"];
    let expected = kinds.map(|kind| format!("charts/service-api-{kind}.svg"));
    // All of it within one hour: nothing of the bill to stack over time.
    let of_run = ["bill-from-list", "groups", "instances", "incidents", "traffic"];
    assert_eq!(names("ten-minutes")[..5], of_run.map(|kind| format!("charts/{kind}.svg")));
    assert_eq!(names("ten-minutes")[5..], expected);
    let of_bill = ["bill-by-category", "bill-by-service", "bill-by-use", "bill-from-list"];
    assert_eq!(names("two-days")[..4], of_bill.map(|kind| format!("charts/{kind}.svg")));
    let many = Case {
        services: (0..40).map(|i| idle_service(&format!("s{i}"))).collect(),
        ..Case::empty("many")
    };
    assert_eq!(render(&many.input(), Format::Svg).len(), 6 + 1 + 12 * 4);
}

#[test]
fn a_bill_has_no_charts_that_say_what_others_do() {
    let case = cases().into_iter().find(|case| case.name == "two-days").unwrap();
    let drawn = |change: fn(&mut BillView)| {
        let mut input = case.input();
        input.bill.iter_mut().for_each(change);
        let files = render(&input, Format::Svg).into_iter().map(|(file, _)| file);
        files.filter(|file| file.starts_with("charts/bill-")).collect::<Vec<_>>()
    };
    let parts = |bill: &mut BillView| {
        bill.by_category.truncate(1);
        bill.by_service.clear();
        // A part that cost nothing is none.
        bill.by_use.truncate(1);
        bill.by_use.push(("idle instances".into(), vec![NanoUsd::ZERO; bill.begins.len()]));
    };
    assert_eq!(drawn(parts), ["charts/bill-from-list.svg"]);
    fn at_list(bill: &mut BillView) {
        let list = bill.discounts.list;
        bill.discounts = Discounts { list, bill: list, ..Discounts::default() };
    }
    let stacks = ["bill-by-category", "bill-by-service", "bill-by-use"];
    assert_eq!(drawn(at_list), stacks.map(|name| format!("charts/{name}.svg")));
    // What is saved and what is left unused may come to the same: that is worth a picture.
    let balanced = |bill: &mut BillView| {
        at_list(bill);
        (bill.discounts.plans, bill.discounts.unused) = (NanoUsd(7), NanoUsd(7));
    };
    let all = stacks.into_iter().chain(["bill-from-list"]);
    assert_eq!(drawn(balanced), all.map(|name| format!("charts/{name}.svg")).collect::<Vec<_>>());
}

#[test]
fn the_legend_above_a_panel_is_one_row() {
    let cases = cases();
    let case = cases.iter().find(|case| case.name == "two-days").unwrap();
    for (file, names) in [
        ("charts/waits.svg", ["p50", "p95", "p99"].as_slice()),
        ("charts/load.svg", &["running", "starting", "waiting for", "on Fargate"]),
    ] {
        let files = render(&case.input(), Format::Svg);
        let (_, bytes) = files.iter().find(|(name, _)| name == file).unwrap();
        let text = String::from_utf8_lossy(bytes);
        let document = roxmltree::Document::parse(&text).unwrap();
        let mut rows = document
            .descendants()
            .filter(|node| names.iter().any(|n| node.text().unwrap_or("").trim().starts_with(n)))
            .filter_map(|node| node.attribute("y"));
        let first = rows.next().unwrap();
        assert_eq!(rows.filter(|y| *y == first).count(), names.len() - 1, "{file}");
    }
}

/// A text of a picture: its words, its base line, and from where to where it reaches at least, in the picture's units.
struct Words {
    text: String,
    y: f64,
    from: f64,
    to: f64,
}

/// The texts of a picture. A character is at least 0.4 of the size wide on average, in all the fonts that may be used.
fn words(document: &roxmltree::Document<'_>) -> Vec<Words> {
    let number = |node: roxmltree::Node<'_, '_>, name: &str| -> f64 {
        node.attribute(name).expect(name).parse().unwrap()
    };
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    let of = |node| {
        let text = roxmltree::Node::text(&node).unwrap_or("").trim().to_string();
        let wide = 0.4 * number(node, "font-size") * text.chars().count() as f64;
        let x = number(node, "x");
        let from = match node.attribute("text-anchor") {
            Some("middle") => x - wide / 2.0,
            Some("end") => x - wide,
            _ => x,
        };
        Words { text, y: number(node, "y"), from, to: from + wide }
    };
    texts.map(of).filter(|words| !words.text.is_empty()).collect()
}

#[test]
fn texts_lie_on_the_page_and_never_on_each_other() {
    for case in cases() {
        // By the hours since the start, and by the calendar from a Wednesday afternoon on.
        for start in [None, Some(1_773_843_210)] {
            let input = ChartInput { start, ..case.input() };
            for (file, bytes) in render(&input, Format::Svg) {
                let text = String::from_utf8(bytes).unwrap();
                let document = roxmltree::Document::parse(&text).unwrap();
                let root = document.root_element();
                let size = |name: &str| root.attribute(name).unwrap().parse::<f64>().unwrap();
                let (width, height) = match root.attribute("viewBox") {
                    Some(shape) => {
                        let sides: Vec<f64> =
                            shape.split_whitespace().map(|side| side.parse().unwrap()).collect();
                        (sides[2], sides[3])
                    }
                    None => (size("width"), size("height")),
                };
                let words = words(&document);
                for (index, one) in words.iter().enumerate() {
                    let place = format!("{} {start:?} {file}: {:?}", case.name, one.text);
                    assert!(one.from >= 0.0 && one.to <= width, "{place}: beyond the page");
                    assert!(one.y > 0.0 && one.y < height, "{place}: beyond the page");
                    for other in &words[..index] {
                        let apart = (one.y - other.y).abs() > 4.0
                            || one.to.min(other.to) <= one.from.max(other.from);
                        assert!(apart, "{place} lies on {:?}", other.text);
                    }
                }
            }
        }
    }
}

#[test]
fn a_fleet_of_three_hundred_is_told_by_type() {
    let case = Case { picture: Some(fleet(300, 3, 300)), ..Case::empty("large") };
    let files = render(&case.input(), Format::Svg);
    let (_, bytes) = files.iter().find(|(name, _)| name == "charts/fleet.svg").unwrap();
    let text = String::from_utf8_lossy(bytes);
    // Every seventh instance, from the fourth on, is a large one: 43 of 300.
    assert!(text.contains("257 × m6i.2xlarge") && text.contains("43 × m6i.4xlarge"), "{text}");
    assert!(text.contains("grey is free"));
}
