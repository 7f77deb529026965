//! Hostile scenarios: no bytes may cause a panic, and every error points into the file.
//!
//! Mutations of the shipped scenarios from a fixed seed, with a dictionary of odd values; the same cases each run.

use crate::fuzz_bodies::scenario::{errors_are_in_order, scenario, try_text};
use ecsim::base::random::{Purpose, Seed, Stream};
use ecsim::scenario::load_text;
use std::path::Path;

const DICTIONARY: [&str; 40] = [
    "nan",
    "-inf",
    "1e308",
    "1e400",
    "-0",
    "-1",
    "+1",
    "1_000",
    "0x10",
    "18446744073709551616",
    "\"\"",
    "\"90\"",
    "\"90s\"",
    "\"-1s\"",
    "\"99999999999d\"",
    "[]",
    "{}",
    "[[]]",
    "[{}]",
    "true",
    "1979-05-27",
    "\"\\u0000\"",
    "\"\u{202e}\u{200b}\"",
    "\"é\u{1F600}\"",
    "\n",
    "\r",
    "\r\n",
    "=",
    ".",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'''",
    "#",
    "\u{feff}",
    "\"FARGATE\"",
    "\"0.3 vCPU\"",
    "\"1.5 GiB\"",
];

fn pick<T: Clone>(list: &[T], stream: &mut Stream) -> T {
    list[stream.below(list.len() as u64) as usize].clone()
}

fn boundary(text: &str, stream: &mut Stream) -> usize {
    let mut at = stream.below(text.len() as u64 + 1) as usize;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn mutate(text: &str, stream: &mut Stream) -> String {
    let mut text = text.to_string();
    for _ in 0..=stream.below(3) {
        let at = boundary(&text, stream);
        match stream.below(5) {
            0 => text.insert_str(at, pick(&DICTIONARY, stream)),
            1 => {
                let end = boundary(&text, stream).clamp(at, text.len());
                let end = end.min(at + 40);
                let end = (end..=text.len()).find(|&e| text.is_char_boundary(e)).unwrap_or(at);
                text.replace_range(at..end, "");
            }
            2 => {
                // Another value after an equals sign.
                let signs: Vec<usize> = text.match_indices("= ").map(|(at, _)| at + 2).collect();
                if !signs.is_empty() {
                    let start = pick(&signs, stream);
                    let end =
                        text[start..].find(['\n', ',', '}']).map_or(text.len(), |n| start + n);
                    text.replace_range(start..end, pick(&DICTIONARY, stream));
                }
            }
            3 => {
                // A line twice.
                let lines: Vec<String> = text.lines().map(str::to_string).collect();
                if !lines.is_empty() {
                    let line = pick(&lines, stream);
                    let mut lines = lines;
                    lines.insert(stream.below(lines.len() as u64) as usize, line);
                    text = lines.join("\n");
                }
            }
            _ => {
                let lines: Vec<&str> = text.lines().collect();
                if !lines.is_empty() {
                    let out = stream.below(lines.len() as u64) as usize;
                    let kept = lines.iter().enumerate().filter(|(i, _)| *i != out);
                    text = kept.map(|(_, line)| *line).collect::<Vec<_>>().join("\n");
                }
            }
        }
    }
    text
}

#[test]
fn mutated_scenarios_never_panic_and_errors_point_into_the_file() {
    let mut stream = Seed(1).stream(Purpose::Test, "fuzz_scenario");
    let all = crate::scenario::shipped();
    for round in 0..800 {
        let (_, text) = &all[round % all.len()];
        try_text(&mutate(text, &mut stream));
    }
}

#[test]
fn random_bytes_never_panic() {
    let mut stream = Seed(2).stream(Purpose::Test, "fuzz_scenario");
    for _ in 0..2_000 {
        let length = stream.below(60);
        let alphabet = b"[]{}=.,\"'\\#\n\r\tabc_019 -+eninf\xc3\xa9\x00";
        let bytes: Vec<u8> = (0..length).map(|_| pick(alphabet, &mut stream)).collect();
        try_text(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn mutated_json_scenarios_never_panic() {
    let json = r#"{ "simulation": { "seed": 3, "duration": "1d" },
  "capacity_provider": [{ "name": "general", "instance_types": ["m5.large"], "desired_capacity": 3 }],
  "run_task": [{ "generate": { "per_second": 1.5e-1, "sizes": [{ "cpu": 256, "memory": 512, "gpus": null }] } }] }"#;
    let mut stream = Seed(3).stream(Purpose::Test, "fuzz_scenario");
    for _ in 0..800 {
        try_text(&mutate(json, &mut stream));
    }
}

#[test]
fn absurd_nesting_is_an_error_and_no_overflow() {
    for text in [
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}", "{a=".repeat(100_000)),
        format!("{}a = 1", "a.".repeat(100_000)),
        format!("[{}a]", "a.".repeat(100_000)),
        format!("[{}a]\nb = 1", "a . ".repeat(100_000)),
        format!("a = {{ {}a = 1 }}", "a.".repeat(400)),
        format!("{}a = 1", "a.".repeat(400)),
        "{\"a\":".repeat(100_000),
        "{\"a\":[".repeat(10_000) + &"[".repeat(100_000),
    ] {
        try_text(&text);
    }
}

#[test]
fn overrides_of_any_shape_never_panic() {
    let text = "[[capacity_provider]]\nname = \"a\"\ninstance_types = [\"m5.large\"]\ndesired_capacity = 1\n";
    let mut stream = Seed(4).stream(Purpose::Test, "fuzz_scenario");
    let keys = [
        "simulation",
        "capacity_provider",
        "a",
        "0",
        "seed",
        "",
        "\"",
        "\"x.y\"",
        "9",
        "run_task",
        "é",
    ];
    for _ in 0..2_000 {
        let parts: Vec<&str> = (0..=stream.below(4)).map(|_| pick(&keys, &mut stream)).collect();
        let value = pick(&DICTIONARY, &mut stream);
        let overrides = [(parts.join("."), value.to_string())];
        if let Err(problems) = load_text(text, "fuzz.toml", Path::new(""), &overrides) {
            errors_are_in_order(text, &problems);
        }
    }
}

#[test]
fn errors_of_a_hundred_thousand_entries_take_time_that_grows_with_their_number_only() {
    let mut text = String::new();
    for index in 0..100_000 {
        text += &format!("[[instance_type]]\nname = \"t{index}\"\nvcpus = 0\nmemory = 1024\n");
    }
    let start = std::time::Instant::now();
    let problems = load_text(&text, "fuzz.toml", Path::new(""), &[]).unwrap_err();
    let shown = problems.to_string();
    println!("100,000 wrong entries in {:?}", start.elapsed());
    assert_eq!(problems.len(), 1_000, "no more are kept");
    assert!(shown.ends_with("and 99900 more errors"));
}

#[test]
fn the_saved_corpus_of_scenarios_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/scenario");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        scenario(&std::fs::read(entry.unwrap().path()).unwrap());
        read += 1;
    }
    assert!(read >= 7);
}

/// A target without a program, or a program without a corpus, would look like one that holds.
#[test]
fn every_fuzz_target_has_a_program_and_a_corpus() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let stems = |folder: &str| -> Vec<String> {
        let entries = std::fs::read_dir(fuzz.join(folder)).unwrap();
        let stem = |path: std::path::PathBuf| path.file_stem().unwrap().to_string_lossy().into();
        let mut stems: Vec<String> = entries.map(|entry| stem(entry.unwrap().path())).collect();
        stems.sort();
        stems
    };
    let programs = stems("fuzz_targets");
    assert_eq!(programs, stems("corpus"));
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for name in programs {
        assert!(
            manifest.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\""))
        );
    }
}
