//! The foreign formats on lines made by hand after their publishers' descriptions, and the way back out.

use crate::trace_support::{Whole, input, native, read};
use ecsim::base::random::Seed;
use ecsim::base::time::SimSpan;
use ecsim::model::workload::{TraceFormat, TraceInput, Workload};
use ecsim::trace::guess::by_line;
use ecsim::trace::write::{Extra, write_native};

fn rows(text: &str, input: &TraceInput) -> Whole {
    read(text.as_bytes(), input).unwrap_or_else(|problem| panic!("{problem}"))
}

/// Arrival and duration in seconds, CPU units, MiB, copies, exit code.
type Short = (f64, Option<f64>, u32, u32, u32, u8);

fn short(whole: &Whole) -> Vec<Short> {
    let one = |row: &ecsim::model::arrival::TaskRow| {
        let duration = row.duration.map(SimSpan::to_secs_f64);
        let (cpu, memory) = (row.cpu.unwrap(), row.memory.unwrap());
        (row.arrival.to_secs_f64(), duration, cpu, memory, row.count, row.exit_code)
    };
    whole.rows.iter().map(one).collect()
}

fn counted(map: &std::collections::BTreeMap<String, u64>) -> Vec<(&str, u64)> {
    map.iter().map(|(reason, count)| (reason.as_str(), *count)).collect()
}

#[test]
fn google_tasks_run_from_schedule_to_end_and_each_try_is_a_task() {
    // Columns: time, missing, job, index, machine, event, user, class, priority, CPU, memory, disk, constraint.
    let event = |time: u64, job: u64, kind: u8, size: &str| {
        format!("{time},,{job},0,3938719206,{kind},u=,3,9,{size},0.0004244,0\n")
    };
    let text = [
        event(0, 3_418_314, 0, "0.125,0.07446"),
        event(0, 3_418_314, 1, "0.125,0.07446"),
        event(605_000_000, 2, 0, "0.5,0.25"),
        event(606_000_000, 2, 1, "0.5,0.25"),
        event(610_000_000, 3, 0, ","),
        event(616_000_000, 2, 3, "0.5,0.25"),
        event(617_000_000, 2, 0, "0.5,0.25"),
        event(618_000_000, 2, 1, "0.5,0.25"),
        event(619_000_000, 2, 8, "0.5,0.25"),
        event(620_000_000, 3, 5, ","),
        event(628_000_000, 2, 4, "0.5,0.25"),
        event(630_000_000, 9, 4, ","),
        event(660_000_000, 3_418_314, 2, "0.125,0.07446"),
        event(700_000_000, 4, 0, "0,0"),
        event(701_000_000, 4, 1, "0,0"),
        event(i64::MAX as u64, 4, 4, "0,0"),
    ]
    .concat();
    let mut google = input(TraceFormat::Google2011);
    google.default_duration = Some(SimSpan::from_secs(7));
    let whole = rows(&text, &google);
    assert_eq!(
        short(&whole),
        [
            // Scheduled before the trace began at 600 s, evicted at 660 s; 0.125 of 64 vCPU, 0.07446 of 256 GiB.
            (0.0, Some(60.0), 8_192, 19_519, 1, 137),
            (5.0, Some(10.0), 32_768, 65_536, 1, 1),
            (17.0, Some(10.0), 32_768, 65_536, 1, 0),
            // Open at the end of the file; a request of nothing is the least there is.
            (100.0, Some(7.0), 1, 1, 1, 0),
        ]
    );
    assert_eq!(
        counted(&whole.counts.skipped),
        [
            ("an event after the end of the trace", 1),
            ("an event of a task that is counted by its SUBMIT", 9),
            ("an event of a task without a SUBMIT", 1),
            ("the task ended before it was scheduled", 1),
        ]
    );
    assert_eq!(
        counted(&whole.counts.adjusted),
        [("no end known: the default duration is used", 1)]
    );
}

#[test]
fn google_events_out_of_order_and_unknown_kinds_are_refused() {
    let google = input(TraceFormat::Google2011);
    for (text, expected) in [
        (
            "9,,1,0,,0,u,0,0,0.1,0.1,0,0\n8,,1,0,,1,u,0,0,0.1,0.1,0,0\n",
            "t.csv:2:1: time 8 is before 9 on line 1",
        ),
        ("9,,1,0,,9,u,0,0,0.1,0.1,0,0\n", "t.csv:1:9: event type is \"9\""),
        ("9,,1,0,,0,u,0,0,x,0.1,0,0\n", "t.csv:1:17: CPU request is \"x\""),
        ("0,5,0,u,0.5,0.2493\n", "t.csv:1:1: the row has 6 fields, a line of this format has 13"),
    ] {
        let error = read(text.as_bytes(), &google).unwrap_err().0;
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn swf_zero_is_a_value_and_minus_one_is_none() {
    let job = |run: &str, allocated: &str, requested: &str, status: u8| {
        format!("1 0 0 {run} {allocated} -1 -1 {requested} 100 1024 {status} 1 1 1 1 1 -1 -1\n")
    };
    let text = [
        job("0", "4", "4", 1),
        job("60", "-1", "8", 1),
        // A whole log in one row: 79,808 processors for an hour.
        job("3600", "79808", "79808", 1),
        job("0", "4", "4", 5),
        job("0", "-1", "4", 1),
        job("-1", "4", "4", 1),
    ];
    let whole = rows(&text.concat(), &input(TraceFormat::Swf));
    assert_eq!(
        short(&whole),
        [
            (0.0, Some(0.0), 4_096, 4, 1, 0),
            (0.0, Some(60.0), 8_192, 8, 1, 0),
            (0.0, Some(3_600.0), 81_723_392, 79_808, 1, 0),
        ]
    );
    assert_eq!(
        counted(&whole.counts.adjusted),
        [("no allocated processors given: the requested ones are used", 1)]
    );
    assert_eq!(whole.counts.skipped["the job never ran (run time 0 or -1)"], 3);
}

#[test]
fn what_is_too_large_is_refused_and_never_cut() {
    let swf = "1 0 0 60 2000000 -1 -1 1 -1 -1 1 1 1 1 1 1 -1 -1\n";
    let google = "600000000,,1,0,,0,u,0,0,20000,0.1,0,0\n";
    let v2018 = "M1,1,j,1,Terminated,100,160,200000000,0.49\n";
    let v2017 = "0,9999999999,1,1,3,Terminated,50,0.01\n";
    let azure = "starttime,endtime,core,memory\n0,1,1000000,0.5\n";
    let openb = "cpu_milli,memory_mib,num_gpu,gpu_milli,creation_time,deletion_time\n\
                 1,1,0,0,0,9999999999\n";
    let mut large = input(TraceFormat::AzurePacking2020);
    large.cpu_of_one = 1 << 20;
    for (text, input, expected) in [
        (swf, input(TraceFormat::Swf), "t.csv:1:1: the row has 2048000000 CPU units"),
        (google, input(TraceFormat::Google2011), "t.csv:1:1: the row has 1310720000 CPU units"),
        (v2018, input(TraceFormat::AlibabaV2018), "t.csv:1:1: the row has 2048000000 CPU units"),
        (
            v2017,
            input(TraceFormat::AlibabaV2017),
            "t.csv:1:1: the row runs for more than 100 years",
        ),
        (azure, large, "t.csv:2:1: the row has 1048576000000 CPU units"),
        (openb, input(TraceFormat::Openb), "t.csv:2:1: the row runs for more than 100 years"),
    ] {
        let error = read(text.as_bytes(), &input).unwrap_err().0;
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn tables_that_went_through_floats_read_the_same() {
    let header =
        "task_name,instance_num,job_name,task_type,status,start_time,end_time,plan_cpu,plan_mem\n";
    let floats = "M1,2.0,j_1,1,Terminated,100.0,160.0,1e2,5e-1\n";
    let plain = "M1,2,j_1,1,Terminated,100,160,100,0.5\n";
    let v2018 = input(TraceFormat::AlibabaV2018);
    let expected = rows(plain, &v2018);
    assert_eq!(rows(floats, &v2018), expected);
    assert_eq!(rows(&format!("{header}{floats}"), &v2018), expected);
    let google = input(TraceFormat::Google2011);
    let event = |time: &str, share: &str| format!("{time},,1,0,,0,u,0,0,{share},0.5,0,0\n");
    let expected = rows(&event("605000000", "0.0000625"), &google);
    assert_eq!(rows(&event("605000000.0", "6.25e-05"), &google), expected);
    let header =
        "time,missing,job,index,machine,event,user,class,priority,cpu,memory,disk,constraint\n";
    assert_eq!(rows(&format!("{header}{}", event("605000000", "6.25e-5")), &google), expected);
}

#[test]
fn alibaba_v2018_tasks_are_sorted_and_sized_by_hundredths_of_a_core_and_percent() {
    let text = "\
        R2_1,4,j_2,1,Terminated,100,160,50,0.49\n\
        M1,1,j_1,1,Terminated,90,90,100,0.3\n\
        task_x==,2,j_3,1,Failed,95.5,195.5,150,101\n\
        M1,,j_4,1,Running,120,0,,\n\
        M1,1,j_5,1,Waiting,0,0,100,0.3\n\
        M2_1,1,j_5,1,Cancelled,130,129,100,-1\n\
        M3,10,j_6,1,Interrupted,130,131,100,-1\n";
    let mut alibaba = input(TraceFormat::AlibabaV2018);
    alibaba.memory_mib_of_one = 100_000;
    alibaba.default_duration = Some(SimSpan::from_secs(9));
    let whole = rows(text, &alibaba);
    assert_eq!(
        short(&whole),
        [
            (0.0, Some(0.0), 1_024, 300, 1, 0),
            (5.5, Some(100.0), 1_536, 1_024, 2, 1),
            (10.0, Some(60.0), 512, 490, 4, 0),
            (30.0, Some(9.0), 1_024, 1_024, 1, 0),
            (40.0, Some(1.0), 1_024, 1_024, 10, 1),
        ]
    );
    assert_eq!(
        counted(&whole.counts.skipped),
        [("the task ends before it begins", 1), ("the task never started", 1)]
    );
    let error = read(b"M1,1,j,1,Done,1,2,100,1\n", &alibaba).unwrap_err().0;
    assert!(error.starts_with("t.csv:1:10: status is \"Done\""), "{error}");
}

#[test]
fn alibaba_v2017_is_read_with_and_without_a_header() {
    let lines = "10,70,1,1,3,Terminated,50,0.01\n-5,20,1,2,1,Failed,100,0.02\n";
    let alibaba = input(TraceFormat::AlibabaV2017);
    let expected = [(0.0, Some(25.0), 1_024, 5_243, 1, 1), (15.0, Some(60.0), 512, 2_621, 3, 0)];
    let header =
        "task_create_time,task_end_time,job_id,task_id,instance_num,status,plan_cpu,plan_mem\n";
    assert_eq!(short(&rows(lines, &alibaba)), expected);
    let with_header = rows(&format!("{header}{lines}"), &alibaba);
    assert_eq!((short(&with_header), with_header.counts.read), (expected.to_vec(), 2));
}

#[test]
fn azure_vms_have_days_and_shares_of_a_machine() {
    let text = "\
        vmId,tenantId,priority,starttime,endtime,machineId,core,memory\n\
        1,7,0,-3.5,0.25,0,0.5,0.125\n\
        2,7,1,0.000000000,,0,0.015625,0.00390625\n\
        3,7,1,1.5,1.500011574,3,1,1\n\
        4,8,0,2,1.9,3,1,1\n";
    let mut azure = input(TraceFormat::AzurePacking2020);
    azure.default_duration = Some(SimSpan::from_secs(90 * 86_400));
    let whole = rows(text, &azure);
    assert_eq!(
        short(&whole),
        [
            (0.0, Some(21_600.0), 32_768, 32_768, 1, 0),
            (0.0, Some(7_776_000.0), 1_024, 1_024, 1, 0),
            (129_600.0, Some(0.999_993), 65_536, 262_144, 1, 0),
        ]
    );
    assert_eq!(
        counted(&whole.counts.skipped),
        [("the VM ends before it begins, or before the trace", 1)]
    );
    assert_eq!(
        counted(&whole.counts.adjusted),
        [
            ("no end known: the default duration is used", 1),
            ("there before the trace began: it arrives at the beginning", 1),
        ]
    );
    let error = read(b"starttime,core\n", &azure).unwrap_err().0;
    assert!(error.starts_with("t.csv:1:1: bad header: missing endtime, memory"), "{error}");
}

#[test]
fn every_format_is_guessed_by_its_first_line() {
    for (line, format) in [
        ("arrival_s,cpu,memory_mib,duration_s", TraceFormat::Native),
        ("; Version: 2.2", TraceFormat::Swf),
        ("1 0 0 60 4 -1 -1 4 -1 -1 1 1 1 1 1 1 -1 -1", TraceFormat::Swf),
        ("name,cpu_milli,memory_mib,num_gpu,gpu_milli", TraceFormat::Openb),
        ("vmId,starttime,endtime,core,memory", TraceFormat::AzurePacking2020),
        ("task_create_time,task_end_time,job_id", TraceFormat::AlibabaV2017),
        ("10,70,1,1,3,Terminated,50,0.01", TraceFormat::AlibabaV2017),
        ("M1,1,j_1,1,Terminated,90,90,100,0.3", TraceFormat::AlibabaV2018),
        (
            "0,,3418314,0,3938719206,0,70s3v5qRyCO/1PCdI6fVXnrW8FU/w+5CKRSa72xgcIo=,3,9,0.125,0.07446,0.0004244,0",
            TraceFormat::Google2011,
        ),
        ("what,is,this", TraceFormat::Native),
    ] {
        assert_eq!(by_line(line.as_bytes()).format, format, "{line}");
    }
}

/// Writes the rows of `text` as a native trace.
fn written(text: &[u8], input: &TraceInput) -> Vec<u8> {
    let mut stream = ecsim::trace::open_bytes(std::io::Cursor::new(text.to_vec()), input).unwrap();
    let extra = Extra::of(&Workload::Trace(input.clone()));
    let mut out = Vec::new();
    write_native(&mut *stream, extra, &mut out).unwrap();
    assert_eq!(stream.counts().read, stream.counts().used);
    out
}

#[test]
fn what_is_written_reads_back_as_the_same_rows() {
    let native_text = "\
        group,arrival_s,cpu,memory_mib,duration_s,count,gpus,task_definition,ephemeral_gib,exit_code\n\
        g:1,0.000001,,512,0.1,,,web:3,,\n\
        ,0.5,256,,,7,2,,30,255\n\
        g:1,86400,16777216,1073741824,946080000,10000000,0,batch,0,1\n";
    let swf = "1 10 0 60 2 -1 -1 2 -1 1048576 1 1 1 1 1 1 -1 -1\n\
               2 20 0 0.5 2 -1 100 2 -1 -1 5 1 1 1 1 1 -1 -1\n";
    let alibaba = "10,70,1,1,3,Terminated,50,0.01\n-5,20,1,2,1,Failed,100,0.02\n";
    let mut per_processor = input(TraceFormat::Swf);
    per_processor.swf_task_per_processor = true;
    for (text, input) in [
        (native_text, input(TraceFormat::Native)),
        (swf, input(TraceFormat::Swf)),
        (swf, per_processor),
        (alibaba, input(TraceFormat::AlibabaV2017)),
    ] {
        let again = native(&String::from_utf8(written(text.as_bytes(), &input)).unwrap()).unwrap();
        let before = rows(text, &input);
        assert_eq!((again.rows, again.names), (before.rows, before.names), "{:?}", input.format);
    }
}

#[test]
fn the_same_seed_generates_the_same_file() {
    let spec = crate::trace_generator::spec();
    let make = |seed| {
        let workload = Workload::Generated(spec.clone());
        let mut stream = ecsim::trace::open(&workload, Seed(seed)).unwrap();
        let mut out = Vec::new();
        write_native(&mut *stream, Extra::of(&workload), &mut out).unwrap();
        out
    };
    assert_eq!(make(1), make(1));
    assert_ne!(make(1), make(2));
}
