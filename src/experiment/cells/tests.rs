use super::*;
use crate::scenario::load_text;
use std::path::Path;

const TEXT: &str = r#"
    [[capacity_provider]]
    name = "general"
    instance_types = ["m5.large"]
    desired_capacity = 3

    [[run_task]]
    name = "jobs"
    on_failure = "queue"
    generate = { per_second = 0.01, until = "1h", duration = "5m", sizes = [{ cpu = 512, memory = 1024 }] }
"#;

fn scenario(instances: usize) -> Scenario {
    let set = ("capacity_provider.general.desired_capacity".to_string(), instances.to_string());
    load_text(TEXT, "jobs.toml", Path::new("."), &[set]).expect("it is valid")
}

fn cell(settings: usize, seed: u64) -> Cell {
    Cell { settings, seed: Seed(seed) }
}

fn foreseen_only(loads: &[u64]) -> Vec<Load> {
    loads.iter().map(|&foreseen| Load { foreseen, measured: None }).collect()
}

#[test]
fn one_of_each_settings_comes_first_and_then_the_longest() {
    let cells: Vec<Cell> = (0..3).flat_map(|s| (1..=2).map(move |seed| cell(s, seed))).collect();
    let mut queue = Queue::new(&cells, &foreseen_only(&[10, 30, 20]));
    // By what is foreseen: settings 1, 2, 0 with their first seeds.
    assert_eq!([queue.next(), queue.next(), queue.next()], [Some(2), Some(4), Some(0)]);
    // What was measured says otherwise.
    queue.learn(0, 5_000);
    queue.learn(1, 100);
    queue.learn(2, 900);
    assert_eq!([queue.next(), queue.next(), queue.next()], [Some(1), Some(5), Some(3)]);
    assert_eq!(queue.next(), None);
}

#[test]
fn what_an_earlier_start_has_measured_counts_from_the_beginning() {
    let cells = [cell(0, 2), cell(1, 2), cell(2, 1)];
    let mut loads = foreseen_only(&[1, 1, 1]);
    loads[0].measured = Some(7);
    loads[1].measured = Some(8);
    let mut queue = Queue::new(&cells, &loads);
    assert_eq!([queue.next(), queue.next(), queue.next()], [Some(2), Some(1), Some(0)]);
}

#[test]
fn results_are_in_the_order_of_the_grid_on_any_number_of_threads() {
    let cells: Vec<Cell> = (0..4).flat_map(|s| (1..=3).map(move |seed| cell(s, seed))).collect();
    let loads = foreseen_only(&[1, 4, 3, 2]);
    let run = |threads| {
        let pulse = Pulse::default();
        let runner = Runner { threads, pulse: &pulse, check_every_event: false };
        let made = |cell: Cell| match cell.settings {
            3 => Err("there is no such file".to_string()),
            settings => Ok(scenario(settings + 2)),
        };
        let kept = runner.run(&cells, &loads, made, |index, outcome| (index, outcome));
        kept.expect("threads").into_iter().map(|one| one.expect("it ended")).collect::<Vec<_>>()
    };
    let one = run(1);
    assert_eq!(one, run(2));
    for (index, (place, outcome)) in one.iter().enumerate() {
        assert_eq!(*place, index);
        let cell = cells[index];
        match outcome {
            Outcome::Done(measured) => {
                let pulse = Pulse::default();
                let watch = Watch { pulse: &pulse, check_every_event: false };
                let alone =
                    run_one(&scenario(cell.settings + 2), cell.seed, Sinks::default(), watch);
                let alone = alone.expect("it runs");
                assert_eq!(measured.summary, alone.summary);
                assert_eq!(measured.event_digest, alone.digest);
                assert!(measured.events() > 0);
            }
            failed => {
                assert_eq!(cell.settings, 3, "{failed:?}");
                assert_eq!(*failed, Outcome::Failed("there is no such file".into()));
            }
        }
    }
}

#[test]
fn what_is_interrupted_is_not_there() {
    let pulse = Pulse::default();
    pulse.interrupt.store(true, Ordering::Relaxed);
    let runner = Runner { threads: 1, pulse: &pulse, check_every_event: false };
    let kept = runner.run(&[cell(0, 1)], &foreseen_only(&[1]), |_| Ok(scenario(2)), |_, _| ());
    assert_eq!(kept.expect("threads"), [None]);
}

#[test]
fn a_cell_is_called_by_all_that_its_result_follows_from() {
    let digests = FileDigests::default();
    let of = |instances| digests.identity(&scenario(instances)).expect("no files");
    assert_eq!(of(3), of(3));
    assert_ne!(of(3), of(4));
    assert_ne!(cell_id(&of(3), Seed(1)), cell_id(&of(3), Seed(2)));
    assert_eq!(cell_id(&of(3), Seed(1)).len(), 32);

    // The content of a trace counts, not only its name.
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("trace.csv");
    let text = TEXT.replace(
        "generate = { per_second = 0.01, until = \"1h\", duration = \"5m\", sizes = [{ cpu = 512, memory = 1024 }] }",
        "trace = \"trace.csv\"",
    );
    let identity = |rows: &str, digests: &FileDigests| {
        let head = "arrival_s,cpu,memory_mib,duration_s\n";
        std::fs::write(&trace, format!("{head}{rows}")).expect("a file");
        let scenario = load_text(&text, "jobs.toml", folder.path(), &[]).expect("it is valid");
        digests.identity(&scenario)
    };
    let first = identity("0,256,512,60\n", &digests).expect("a trace");
    let other = identity("0,256,512,61\n", &FileDigests::default()).expect("a trace");
    assert_ne!(first, other);
    // It must not change while a study goes on.
    let changed = identity("0,256,512,60\n1,256,512,60\n", &digests).expect_err("another file");
    assert!(changed.0.contains("the file was changed"), "{}", changed.0);
}
