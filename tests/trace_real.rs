//! Public traces, read to the end, against the counts that their READMEs state.

use crate::trace_support::{assert_accounted, shared};
use ecsim::base::random::Seed;
use ecsim::model::arrival::{RowCounts, TaskRow};
use ecsim::model::workload::{TraceFormat, TraceInput, Workload};

/// The counts and the sum of the copies of all rows.
fn whole(
    path: &str,
    format: TraceFormat,
    set: impl FnOnce(&mut TraceInput),
) -> Option<(RowCounts, u64, Vec<TaskRow>)> {
    let mut input = TraceInput::new(shared(path)?, format);
    set(&mut input);
    let mut stream = ecsim::trace::open(&Workload::Trace(input), Seed(1)).unwrap();
    let (mut copies, mut first) = (0, Vec::new());
    while let Some(row) = stream.next_row().unwrap_or_else(|error| panic!("{error}")) {
        copies += u64::from(row.count);
        if first.len() < 3 {
            first.push(row);
        }
    }
    assert_accounted(stream.counts());
    Some((stream.counts().clone(), copies, first))
}

fn skipped(counts: &RowCounts) -> Vec<(&str, u64)> {
    counts.skipped.iter().map(|(reason, count)| (reason.as_str(), *count)).collect()
}

fn adjusted(counts: &RowCounts) -> Vec<(&str, u64)> {
    counts.adjusted.iter().map(|(reason, count)| (reason.as_str(), *count)).collect()
}

const NEVER_RAN: &str = "the job never ran (run time 0 or -1)";
const NO_MEMORY: &str = "no memory given: the default is used";

#[test]
fn hpc2n_has_all_its_202871_jobs_and_their_memory() {
    let file = "swf/HPC2N-2002-2.2-cln.swf.gz";
    let Some((counts, copies, first)) = whole(file, TraceFormat::Swf, |_| ()) else { return };
    assert_eq!((counts.read, counts.used, copies), (202_871, 202_871, 202_871));
    assert_eq!(skipped(&counts), []);
    let used = ("no memory requested: the memory used is taken", 25_375);
    assert_eq!(adjusted(&counts), [(NO_MEMORY, 2_137), used]);
    // Job 11: submitted at 342072 s, ran 43306 s on 32 processors; job 12 comes 271 s later, on 40.
    assert_eq!((first[0].arrival.0, first[0].cpu), (0, Some(32 * 1024)));
    assert_eq!(first[0].duration.unwrap().0, 43_306_000_000);
    assert_eq!((first[1].arrival.0, first[1].cpu), (271_000_000, Some(40 * 1024)));
}

#[test]
fn every_swf_log_is_accounted_for_in_strict_order() {
    for (file, rows, never_ran) in [
        ("swf/CTC-SP2-1996-3.1-cln.swf.gz", 77_222, 0),
        ("swf/KTH-SP2-1996-2.1-cln.swf.gz", 27_992, 0),
        ("swf/LCG.swf.gz", 188_041, 0),
        ("swf/LLNL-Thunder-2007-1.1-cln.swf.gz", 121_039, 2_285),
        ("swf/NASA-iPSC-1993-3.1-cln.swf.gz", 18_239, 0),
    ] {
        let Some((counts, ..)) = whole(file, TraceFormat::Swf, |_| ()) else { return };
        assert_eq!((counts.read, counts.used), (rows, rows - never_ran), "{file}");
        let expected = if never_ran == 0 { vec![] } else { vec![(NEVER_RAN, never_ran)] };
        assert_eq!(skipped(&counts), expected, "{file}");
    }
}

#[test]
fn a_task_per_processor_keeps_the_processors() {
    let file = "swf/HPC2N-2002-2.2-cln.swf.gz";
    let set = |input: &mut TraceInput| input.swf_task_per_processor = true;
    let Some((counts, copies, first)) = whole(file, TraceFormat::Swf, set) else { return };
    assert_eq!(counts.used, 202_871);
    assert!(copies > counts.used);
    assert_eq!((first[0].count, first[0].cpu), (32, Some(1024)));
}

#[test]
fn alibaba_v2017_has_39386_tasks_of_6624944_instances() {
    let file = "alibaba-v2017-batch/batch_task.create-before-40000.csv.gz";
    let Some((counts, copies, first)) = whole(file, TraceFormat::AlibabaV2017, |_| ()) else {
        return;
    };
    assert_eq!((counts.read, counts.used), (39_386, 37_452));
    // 1,849 Waiting with 244,340 instances and 85 Running without size with 15,870.
    assert_eq!(skipped(&counts), [("the task never started", 1_934)]);
    assert_eq!(copies, 6_624_944 - 244_340 - 15_870);
    assert_eq!(adjusted(&counts), [("no end known: the duration is left to the caller", 1_667)]);
    assert_eq!(first[0].arrival.0, 0);
}

#[test]
fn openb_has_8152_pods_and_shares_of_gpus_become_whole_ones() {
    let file = "alibaba-openb-v2023/openb_pod_list_default.csv";
    let Some((counts, _, first)) = whole(file, TraceFormat::Openb, |_| ()) else { return };
    assert_eq!((counts.read, counts.used), (8_152, 8_152));
    assert_eq!(
        adjusted(&counts),
        [
            ("a share of a GPU is raised to a whole one", 3_078),
            ("never scheduled: the duration is from creation to deletion", 897),
            (NO_MEMORY, 1),
            ("still running at the end of the trace: it ends there", 5_193),
        ]
    );
    // 12,000 thousandths of a vCPU are 12,288 CPU units.
    assert_eq!(
        (first[0].cpu, first[0].memory, first[0].gpus),
        (Some(12_288), Some(16_384), Some(1))
    );
}

#[test]
fn the_other_pod_lists_are_read_and_the_one_without_times_is_refused() {
    for (file, rows) in [("cpu050", 7_439), ("gpuspec33", 8_152), ("gpushare40", 8_152)] {
        let file = format!("alibaba-openb-v2023/openb_pod_list_{file}.csv");
        let Some((counts, ..)) = whole(&file, TraceFormat::Openb, |_| ()) else { return };
        assert_eq!((counts.read, counts.used), (rows, rows), "{file}");
    }
    let file = "alibaba-openb-v2023/openb_pod_list_multigpu20.csv";
    let Some(path) = shared(file) else { return };
    let input =
        TraceInput { display: "pods.csv".into(), ..TraceInput::new(path, TraceFormat::Openb) };
    let refused = ecsim::trace::open(&Workload::Trace(input), Seed(1));
    let text = refused.err().expect("no times").0;
    assert!(
        text.starts_with("pods.csv:1:1: bad header: missing creation_time, deletion_time\n"),
        "{text}"
    );
}
