//! The house rules as a test: who may use whom, what is banned where, and how long things may be.
//!
//! It reads the text of `src/` and not its syntax: rules are kept simple enough for that.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Layers from the bottom. A module uses lower ones, never a higher one or another of its own layer.
const LAYERS: [&[&str]; 9] = [
    &["base"],
    &["engine"],
    &["model"],
    &["catalog", "load", "metrics", "policy", "pricing"],
    &["sim"],
    &["scenario", "trace"],
    &["experiment"],
    &["report"],
    &["cli"],
];

const LONGEST_FILE: usize = 600;
const LONGEST_FUNCTION: usize = 90;
/// rustfmt keeps code to 100 columns; it leaves strings and comments, which may be a little longer.
const LONGEST_LINE: usize = 140;

/// What is banned, where it is allowed all the same, and what to use in its place.
const BANNED: [(&str, &[&str], &str); 8] = [
    ("HashMap", &["src/base/lookup.rs"], "`base::lookup::Lookup`, or a `BTreeMap`: no hash order"),
    ("HashSet", &["src/base/lookup.rs"], "a sorted `Vec`, or a `BTreeSet`: no hash order"),
    ("Instant", &["src/cli/"], "`SimTime`: results know no wall clock"),
    ("SystemTime", &["src/cli/"], "`SimTime`: results know no wall clock"),
    (".unwrap()", &[], "`?`, or `expect(\"why it holds\")`"),
    ("todo!", &[], "code, or nothing"),
    ("println!", &[], "a writer that the caller gives: it must not panic on a closed pipe"),
    ("dbg!", &[], "nothing"),
];

/// The rooms of `src/sim` from the bottom: each imports earlier ones only, so there is no circle.
const ROOMS: [&str; 22] = [
    "setup", "task", "request", "event", "bucket", "books", "cluster", "fargate", "rules", "tasks",
    "callers", "services", "fleet", "faults", "arrivals", "sampling", "checks", "world", "summary",
    "end", "misfits", "waits",
];
/// Most lines of a file in `src/sim`.
const LONGEST_ROOM: usize = 450;

/// One source file.
struct Source {
    /// From the project's folder, with `/`.
    name: String,
    /// The module right below the crate.
    module: String,
    /// Lines before the unit tests, numbered from 1.
    code: Vec<(usize, String)>,
    /// Lines in all.
    lines: usize,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    files.sort();
    files.iter().map(|path| source(path)).collect()
}

fn source(path: &Path) -> Source {
    let relative = path.strip_prefix(root()).unwrap();
    let parts: Vec<String> =
        relative.iter().map(|part| part.to_str().unwrap().to_string()).collect();
    let text = std::fs::read_to_string(path).unwrap();
    let is_test_file = parts.last().is_some_and(|name| name == "tests.rs");
    let before_tests = |line: &&str| *line != "#[cfg(test)]";
    let code = text.lines().take_while(before_tests).enumerate();
    Source {
        name: parts.join("/"),
        module: parts[1].trim_end_matches(".rs").to_string(),
        lines: text.lines().count(),
        code: if is_test_file {
            Vec::new()
        } else {
            code.map(|(index, line)| (index + 1, line.to_string())).collect()
        },
    }
}

/// Fails with all problems, one a line.
fn report(problems: Vec<String>) {
    let mut text = String::new();
    problems.iter().for_each(|problem| writeln!(text, "{problem}").unwrap());
    assert!(problems.is_empty(), "{} problems:\n{text}", problems.len());
}

fn layer_of(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The modules of this crate that a line of code mentions by path: `crate::x`, or `ecsim::x` in an example.
fn mentioned(line: &str) -> Vec<&str> {
    let code = line.split(" // ").next().unwrap_or(line);
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit();
    code.match_indices("crate::")
        .map(|(at, prefix)| &code[at + prefix.len()..])
        .map(|rest| &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())])
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn modules_use_lower_layers_only() {
    let mut problems = Vec::new();
    for source in sources() {
        let Some(own) = layer_of(&source.module) else {
            if !["lib", "main"].contains(&source.module.as_str()) {
                problems.push(format!(
                    "{}:1: error: `{}` is in no layer; use a folder of one, or add it to LAYERS",
                    source.name, source.module
                ));
            }
            continue;
        };
        for (number, line) in &source.code {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for used in mentioned(line) {
                let is_allowed = used == source.module || layer_of(used).is_none_or(|of| of < own);
                if !is_allowed {
                    problems.push(format!(
                        "{}:{number}: error: `{}` (layer {own}) uses `{used}`; use lower layers only, and let a \
                         higher one bring them together",
                        source.name, source.module
                    ));
                }
            }
        }
    }
    report(problems);
}

#[test]
fn what_is_banned_is_not_used() {
    let mut problems = Vec::new();
    for source in sources() {
        for (number, line) in &source.code {
            if line.trim_start().starts_with("//") {
                continue;
            }
            for (banned, allowed, instead) in BANNED {
                if has_word(line, banned) && !allowed.iter().any(|at| source.name.starts_with(at)) {
                    problems.push(format!(
                        "{}:{number}: error: `{banned}` is banned here; use {instead}",
                        source.name
                    ));
                }
            }
        }
    }
    report(problems);
}

/// Whether `line` holds `word` outside of longer words.
fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let starts = word.starts_with('.') || !before.is_some_and(is_part);
        starts && !after.is_some_and(is_part)
    })
}

/// The room of `src/sim` that a file is in.
fn room_of(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("src/sim/")?;
    rest.split(['/', '.']).next()
}

/// The rooms that a line imports: by the crate's path, or from the file beside.
fn rooms_imported<'a>(name: &str, line: &'a str) -> Vec<&'a str> {
    let is_beside = name.matches('/').count() == 2 || name.ends_with("/mod.rs");
    let prefixes: &[&str] =
        if is_beside { &["crate::sim::", "use super::"] } else { &["crate::sim::"] };
    let room = |rest: &'a str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next();
    let found = prefixes.iter().flat_map(|p| line.match_indices(p));
    found.filter_map(|(at, prefix)| room(&line[at + prefix.len()..])).collect()
}

#[test]
fn rooms_of_the_simulation_import_lower_rooms_only() {
    let position = |room: &str| ROOMS.iter().position(|known| *known == room);
    let mut problems = Vec::new();
    for source in sources() {
        let Some(own) = room_of(&source.name).filter(|room| *room != "mod") else { continue };
        let Some(height) = position(own) else {
            problems.push(format!("{}:1: error: `{own}` is in no place; use ROOMS", source.name));
            continue;
        };
        for (number, line) in &source.code {
            for used in rooms_imported(&source.name, line) {
                if used != own && position(used).is_some_and(|of| of > height) {
                    problems.push(format!(
                        "{}:{number}: error: `{own}` uses `{used}`, which is above it; use an argument, or return \
                         what has changed",
                        source.name
                    ));
                }
            }
        }
        if source.lines > LONGEST_ROOM {
            problems.push(format!("{}:{LONGEST_ROOM}: error: use two files", source.name));
        }
    }
    report(problems);
}

#[test]
fn the_world_only_dispatches() {
    let all = sources();
    let world = all.iter().find(|source| source.name == "src/sim/world.rs").unwrap();
    let inside = world.code.iter().skip_while(|(_, line)| *line != "pub struct World {").skip(1);
    let fields = inside.take_while(|(_, line)| *line != "}").filter(|(_, l)| l.contains(": "));
    assert!(fields.count() <= 10, "the world has at most ten parts");
    let lines = all.iter().flat_map(|source| &source.code);
    let blocks = lines.filter(|(_, line)| line.contains("impl World")).count();
    assert!(blocks <= 3, "{blocks} blocks of `impl World`: a room has a receiver of its own");
}

#[test]
fn files_functions_and_lines_are_short() {
    let mut problems = Vec::new();
    for source in sources() {
        if source.lines > LONGEST_FILE {
            problems.push(format!(
                "{}:{LONGEST_FILE}: error: {} lines; use two files of one job each, {LONGEST_FILE} lines at most",
                source.name, source.lines
            ));
        }
        for (number, line) in &source.code {
            // The rows of a table cannot be broken.
            let is_table = line.starts_with("//! |") || line.trim_start().starts_with("/// |");
            if line.chars().count() > LONGEST_LINE && !is_table {
                problems.push(format!(
                    "{}:{number}: error: {} columns; use {LONGEST_LINE} at most",
                    source.name,
                    line.chars().count()
                ));
            }
        }
        for (number, length) in functions(&source.code) {
            if length > LONGEST_FUNCTION {
                problems.push(format!(
                    "{}:{number}: error: a function of {length} lines; use {LONGEST_FUNCTION} at most",
                    source.name
                ));
            }
        }
    }
    report(problems);
}

/// First line and length of every function: from its `fn` to the brace at the same depth, as rustfmt sets it.
fn functions(code: &[(usize, String)]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (index, (number, line)) in code.iter().enumerate() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let words: Vec<&str> = line.split_whitespace().take(4).collect();
        if !words.contains(&"fn") || line.trim_start().starts_with("//") || line.ends_with(';') {
            continue;
        }
        // A declaration without a body ends with a semicolon before any brace opens.
        let mut header = code[index..].iter().map(|(_, line)| line.trim_end());
        let opens = header.find(|line| line.ends_with('{') || line.ends_with(';'));
        if opens.is_none_or(|line| line.ends_with(';')) {
            continue;
        }
        let closing = format!("{indent}}}");
        let rest = code[index..].iter();
        let end = rest.take_while(|(_, line)| *line != closing).count();
        found.push((*number, end + 1));
    }
    found
}

#[test]
fn the_page_of_tests_names_every_file() {
    let page = std::fs::read_to_string(root().join("tests/README.md")).unwrap();
    let mut problems = Vec::new();
    for entry in std::fs::read_dir(root().join("tests")).unwrap() {
        let entry = entry.unwrap();
        let mut name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            name.push('/');
        }
        let is_known = ["README.md", "main.rs"].contains(&name.as_str());
        if !is_known && !page.contains(&format!("| `{name}` |")) {
            problems.push(format!(
                "tests/{name}:1: error: use a line of tests/README.md to say what it holds"
            ));
        }
    }
    report(problems);
}

#[test]
fn every_file_says_what_its_one_job_is() {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    rust_files(&root().join("tests"), &mut files);
    let is_bare = |path: &&PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        !text.starts_with("//!") && !path.ends_with("tests.rs")
    };
    let problem = |path: &PathBuf| {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        format!("{name}:1: error: no module documentation; use `//!` to say its one job")
    };
    report(files.iter().filter(is_bare).map(problem).collect());
}

#[test]
fn random_tests_draw_the_same_cases_every_time() {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    rust_files(&root().join("tests"), &mut files);
    let (start, config) = (concat!("proptest", "! {"), concat!("#![proptest_config", "(drawn("));
    let is_free = |path: &&PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        text.matches(start).count() != text.matches(config).count()
    };
    let problem = |path: &PathBuf| {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        format!("{name}:1: error: random cases without `support::random::drawn`: luck is no result")
    };
    report(files.iter().filter(is_free).map(problem).collect());
}

#[test]
fn the_rules_would_notice() {
    assert_eq!(mentioned("use crate::sim::setup::{Setup};"), ["sim"]);
    assert_eq!(mentioned("    pub(crate) fn x() -> crate::base::time::SimTime {"), ["base"]);
    assert!(has_word("let x: HashMap<u8, u8>", "HashMap") && !has_word("FxHashMapper", "HashMap"));
    assert!(has_word("x.unwrap()", ".unwrap()") && !has_word("x.unwrap_or(0)", ".unwrap()"));
    assert_eq!(rooms_imported("src/sim/end.rs", "use super::world::World;"), ["world"]);
    assert_eq!(
        rooms_imported("src/sim/tasks/stop.rs", "use crate::sim::books::Change;"),
        ["books"]
    );
    let code: Vec<(usize, String)> = ["impl X {", "    fn y() {", "        1", "    }", "}"]
        .iter()
        .enumerate()
        .map(|(index, line)| (index + 1, line.to_string()))
        .collect();
    assert_eq!(functions(&code), [(2, 3)]);
}
