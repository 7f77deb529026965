//! Spot prices, Spot availability and outages from their published formats: what is read, how every row is accounted
//! for, and what is said about bad ones.

use ecsim::base::money::HourlyRate;
use ecsim::base::time::{SimSpan, SimTime};
use ecsim::model::arrival::RowCounts;
use ecsim::model::outage::OutageCause;
use ecsim::model::workload::OnRowError;
use ecsim::trace::capacity::availability::{self, Polarity};
use ecsim::trace::capacity::outages::{self, OutageFormat};
use ecsim::trace::capacity::spot_price::{self, Options};
use ecsim::trace::capacity::{BEFORE_START, Reading};
use std::path::PathBuf;

const FAIL: OnRowError = OnRowError::Fail;

fn at(seconds: u64) -> SimTime {
    SimTime(seconds * 1_000_000)
}

fn usd(text: &str) -> HourlyRate {
    HourlyRate::parse(text).unwrap()
}

/// A file of the shared traces, where they are.
pub fn shared(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("ECSIM_SHARED").unwrap_or_else(|| "/work/shared".into());
    let path = PathBuf::from(folder).join("traces").join(name);
    path.exists().then_some(path)
}

fn is_whole(counts: &RowCounts) -> bool {
    counts.read == counts.used + counts.skipped.values().sum::<u64>()
}

fn bytes(text: &str) -> std::io::Cursor<Vec<u8>> {
    std::io::Cursor::new(text.as_bytes().to_vec())
}

#[test]
fn native_prices_hold_until_the_next_one() {
    let text = "time_s,instance_type,availability_zone,usd_per_hour\n\
                0,m5.large,b,0.05\n60,m5.large,a,0.03\n120,m5.large,b,0.07\n120,m5.large,b,0.08\n";
    let history = spot_price::open_bytes(bytes(text), "p.csv", &Options::default()).unwrap();
    let zones: Vec<&str> = history.markets.iter().map(|market| &*market.zone).collect();
    assert_eq!(zones, ["a", "b"], "markets in order of their names");
    assert_eq!(history.price(1, at(119)), Some(usd("0.05")));
    assert_eq!(history.price(1, at(120)), Some(usd("0.07")), "the first of two at one instant");
    assert_eq!(history.price(0, at(59)), None, "unknown before its first record");
    assert_eq!(history.outbid(1, usd("0.06"), at(0)), Some(at(120)));
    assert_eq!(history.outbid(1, usd("0.07"), at(0)), None, "the bid itself is paid");
    assert!(is_whole(&history.counts));
    assert_eq!(history.counts.skipped["the same instant twice"], 1);
}

#[test]
fn prices_of_the_aws_client_are_sorted_and_counted_from_a_start() {
    let text = r#"{"SpotPriceHistory": [
      {"Timestamp": "2016-04-24T00:01:00.000Z", "ProductDescription": "Linux/UNIX", "InstanceType": "c1.medium", "SpotPrice": "0.03", "AvailabilityZone": "us-east-1a"},
      {"Timestamp": "2016-04-24T00:00:30.000Z", "ProductDescription": "Windows", "InstanceType": "c1.medium", "SpotPrice": "0.09", "AvailabilityZone": "us-east-1a"},
      {"Timestamp": "2016-04-23T00:00:00.000Z", "ProductDescription": "Linux/UNIX", "InstanceType": "c1.medium", "SpotPrice": "0.02", "AvailabilityZone": "us-east-1a"},
      {"Timestamp": "2016-04-22T00:00:00.000Z", "ProductDescription": "Linux/UNIX", "InstanceType": "c1.medium", "SpotPrice": "0.01", "AvailabilityZone": "us-east-1a"}]}"#;
    let start = Some(1_461_456_000_000_000); // 2016-04-24T00:00:00Z
    let options = Options { reading: Reading { start, on_error: FAIL }, ..Options::default() };
    let history = spot_price::open_bytes(bytes(text), "p.json", &options).unwrap();
    let changes: Vec<_> = history.changes.iter().map(|change| (change.at, change.price)).collect();
    assert_eq!(changes, [(at(0), usd("0.02")), (at(60), usd("0.03"))], "what was in force holds");
    assert_eq!(history.counts.skipped[BEFORE_START], 1);
    assert_eq!(history.counts.skipped["another product than Linux"], 1);
    assert!(is_whole(&history.counts) && history.counts.read == 4);
    let history = spot_price::open_bytes(bytes(text), "p.json", &Options::default()).unwrap();
    assert_eq!(history.changes[2].at, at(2 * 86_400 + 60), "else the first record is zero");
}

#[test]
fn a_region_stands_for_its_zones_where_a_file_has_no_other() {
    let text = "Timestamp,Region,SpotPrice\n2026-02-27 21:02:32+00:00,us-east-1,0.0047\n\
                2026-02-27 20:18:33+00:00,us-east-1,0.0035\n";
    let options = Options { instance_type: Some("t3.micro".into()), ..Options::default() };
    let history = spot_price::open_bytes(bytes(text), "p.csv", &options).unwrap();
    assert_eq!(history.markets[0].zone, "us-east-1");
    assert_eq!(history.changes[1].at, at(2_639));
    assert_eq!(history.counts.adjusted["a region stands for its zones"], 2);
    let problem = spot_price::open_bytes(bytes(text), "p.csv", &Options::default()).unwrap_err();
    assert!(problem.0.starts_with("p.csv:2:1: the row has no instance type"), "{problem}");
}

#[test]
fn bad_prices_are_told_by_file_line_and_column() {
    let says =
        |text: &str| spot_price::open_bytes(bytes(text), "p", &Options::default()).unwrap_err().0;
    let header = "time_s,instance_type,availability_zone,usd_per_hour\n";
    let row = says(&format!("{header}0,m5.large,a,cheap\n"));
    assert!(row.starts_with("p:2:14: the price is \"cheap\""), "{row}");
    let row = says(&format!("{header}soon,m5.large,a,1\n"));
    assert!(row.starts_with("p:2:1: time_s is \"soon\""), "{row}");
    assert!(says(&format!("{header}0,m5.large,a,1,2\n")).contains("the row has 5 fields"));
    assert!(says("time_s,instance_typ\n").contains("did you mean instance_type"));
    assert!(says(header).contains("has no price"));
    assert!(says("").contains("is empty"), "{}", says(""));
    assert!(says("{\"SpotPriceHistory\": 1}").starts_with("p:1:"));
    let json = r#"{"SpotPriceHistory": [{"Timestamp": "soon", "InstanceType": "a", "SpotPrice": "1", "AvailabilityZone": "a"}]}"#;
    assert!(says(json).starts_with("p:1:37: Timestamp is"), "{}", says(json));
    let skip = Options {
        reading: Reading { start: None, on_error: OnRowError::Skip },
        ..Options::default()
    };
    let history = spot_price::open_bytes(bytes(json), "p", &skip).unwrap();
    assert_eq!(history.counts.skipped["not an instant"], 1);
}

#[test]
fn availability_is_a_step_function_with_a_polarity() {
    let text = r#"{"metadata": {"gap_seconds": 300}, "data": [4, 4, 3, 0], "prices": [1.0, 1.0, 2.0, 2.0]}"#;
    let read = |how| availability::open_bytes(bytes(text), "a.json", how, FAIL).unwrap();
    let steps = |how| -> Vec<(u64, u32)> {
        read(how).changes.iter().map(|step| (step.at.0 / 1_000_000, step.instances)).collect()
    };
    assert_eq!(steps((Polarity::Available, None)), [(0, 4), (600, 3), (900, 0)]);
    assert_eq!(steps((Polarity::Unavailable, None)), [(0, 0), (900, 1)]);
    assert_eq!(steps((Polarity::Available, Some(SimSpan::from_secs(10))))[1], (20, 3));
    let trace = read((Polarity::Available, None));
    assert_eq!((trace.end, trace.counts.read, trace.counts.used), (at(1_200), 4, 4));
    assert_eq!(trace.prices, [(at(0), usd("1")), (at(600), usd("2"))]);
    let says = |text: &str| {
        availability::open_bytes(bytes(text), "a", (Polarity::Available, None), FAIL).unwrap_err().0
    };
    assert!(says(r#"{"metadata": {"gap_seconds": 0}, "data": [1]}"#).contains("gap_seconds is"));
    let bad = says("{\"metadata\": {\"gap_seconds\": 1},\n \"data\": [1, -2]}");
    assert!(bad.starts_with("a:2:14: the sample is \"-2\""), "{bad}");
    assert!(says(r#"{"metadata": {"gap_seconds": 1}, "data": []}"#).contains("0 samples"));
    assert!(says("").contains("is empty"));
}

#[test]
fn native_outages_are_joined_where_they_overlap() {
    let text =
        "time_s,machine,duration_s,cause\n0,b,10,hardware\n5,b,20,\n100,a,1,network\n7,a,0,\n";
    let read = |text: &str| {
        outages::open_bytes(bytes(text), "o.csv", OutageFormat::Native, Reading::default())
    };
    let trace = read(text).unwrap();
    assert_eq!(trace.machines, ["a", "b"]);
    assert_eq!(trace.outages.len(), 2);
    let first = trace.outages[0];
    assert_eq!((first.at, first.machine, first.cause), (at(0), 1, OutageCause::Hardware));
    assert_eq!(first.duration, SimSpan::from_secs(25));
    assert_eq!(trace.counts.adjusted["joined with the outage before"], 1);
    assert_eq!(trace.counts.skipped["of no length"], 1);
    assert!(is_whole(&trace.counts));
    let bad = read("time_s,machine,duration_s,cause\n0,b,10,gremlins\n").unwrap_err().0;
    assert!(bad.starts_with("o.csv:2:8: cause is \"gremlins\""), "{bad}");
    assert!(read("time_s,machine,duration_s\n0,,10\n").unwrap_err().0.contains("machine is empty"));
}

#[test]
fn the_event_table_is_read_with_its_blanks_and_its_mark() {
    let text = "# event_id component_id node_id platform_id node_name event_type event_start_time event_stop_time event_end_reason\n\
                0\t 0\t 670\t 5\tG1/n1\t 1\t 1000\t 1100\t NULL\n\
                1\t 0\t 670\t 5\tG1/n1\t 0\t 1100\t 1150\t NULL\n\
                2\t 0\t 670\t 5\tG1/n1\t 0\t 1160\t 1160\t NULL\n";
    let format = OutageFormat::FailureTraceArchive;
    let read = |text: &str, start| {
        outages::open_bytes(bytes(text), "e.tab", format, Reading { start, on_error: FAIL })
    };
    let trace = read(text, None).unwrap();
    assert_eq!(trace.outages.len(), 1);
    assert_eq!(trace.outages[0].at, at(100), "from the first event of all");
    assert_eq!(trace.outages[0].duration, SimSpan::from_secs(50));
    assert_eq!((trace.counts.read, trace.counts.used), (3, 2));
    let later = read(text, Some(1_120_000_000)).unwrap();
    assert_eq!(later.outages[0].duration, SimSpan::from_secs(30), "the rest of it");
    let after = read(text, Some(1_200_000_000)).unwrap();
    assert_eq!((after.outages.len(), after.counts.skipped[BEFORE_START]), (0, 1));
    let bad = read(&text.replace("1150", "1050"), None).unwrap_err().0;
    assert!(bad.contains("e.tab:3:") && bad.contains("before event_start_time"), "{bad}");
}

#[test]
fn every_event_of_grid_5000_is_accounted_for() {
    let Some(path) = shared("grid5000-failures/event_trace.sites-2-to-6.tab.gz") else { return };
    let format = OutageFormat::FailureTraceArchive;
    let trace = outages::open(&path, "grid", format, Reading::default()).unwrap();
    assert_eq!((trace.counts.read, trace.machines.len()), (146_338, 567));
    assert!(is_whole(&trace.counts));
    let joined = trace.counts.adjusted.get("joined with the outage before").copied().unwrap_or(0);
    let empty = trace.counts.skipped["of no length"];
    assert_eq!(trace.counts.used + empty, 146_338);
    assert!(trace.outages.len() as u64 + joined <= 73_015 && joined < 100);
    assert!(trace.outages.len() as u64 + joined + empty >= 73_015, "73,015 rows are down");
    let month = trace.outages.iter().filter(|outage| outage.at < at(30 * 86_400)).count();
    assert!(month > 0 && trace.outages.is_sorted_by_key(|outage| (outage.at, outage.machine)));
}

#[test]
fn every_outage_of_los_alamos_is_accounted_for() {
    let name = "lanl-failures/LA-UR-05-7318-failure-data-1996-2005.most-systems.csv.gz";
    let Some(path) = shared(name) else { return };
    let trace = outages::open(&path, "lanl", OutageFormat::Lanl, Reading::default()).unwrap();
    assert_eq!(trace.counts.read, 16_225);
    assert_eq!(trace.counts.skipped["a row without a node"], 126, "system 17");
    assert!(is_whole(&trace.counts));
    let hardware = trace.outages.iter().filter(|o| o.cause == OutageCause::Hardware).count();
    assert!(hardware * 2 > trace.outages.len(), "most are hardware");
    let longest = trace.outages.iter().map(|outage| outage.duration).max().unwrap();
    assert!(longest <= SimSpan::from_secs(2 * 319_482 * 60));
}

#[test]
fn the_spot_histories_are_read_whole() {
    let Some(folder) = shared("ec2-spot-price-2016") else { return };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "gz"));
    files.sort();
    let (mut read, mut markets) = (0, 0);
    for path in files {
        let history = spot_price::open(&path, "spot", &Options::default()).unwrap();
        assert!(
            is_whole(&history.counts) && history.changes.is_sorted_by_key(|c| (c.at, c.market))
        );
        read += history.counts.read;
        markets += history.markets.len();
    }
    assert_eq!((read, markets), (285_096, 33));
    let path = shared("ec2-spot-price-2025/t3.micro.us-east-1.csv").unwrap();
    let options = Options { instance_type: Some("t3.micro".into()), ..Options::default() };
    let history = spot_price::open(&path, "spot", &options).unwrap();
    assert_eq!(history.counts.read, 1_212);
    let prices = || history.changes.iter().map(|change| change.price);
    assert_eq!((prices().min(), prices().max()), (Some(usd("0.0015")), Some(usd("0.0054"))));
}

#[test]
fn the_availability_traces_are_read_whole() {
    let folder = "spot-availability-skypilot/preemption/1-node/aws-04-19-2023";
    let Some(folder) = shared(folder) else { return };
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let how = (Polarity::Available, None);
        let trace = availability::open(&path, "sky", how, FAIL).unwrap();
        assert_eq!((trace.counts.read, trace.counts.used), (16_090, 16_090));
        assert_eq!(trace.end, at(16_090 * 34));
        assert!(trace.changes.iter().all(|step| step.instances <= 1));
    }
}
