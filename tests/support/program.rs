//! The real program in a fresh folder, and comparisons of what it wrote.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A scenario of a few hundred tasks that ends in milliseconds.
pub const SMALL: &str = r#"
[simulation]
name = "small"
seed = 7

[[task_definition]]
family = "job"
cpu = 512
memory = 1024
image_mib = 100

[[capacity_provider]]
name = "general"
instance_types = ["m5.large"]
desired_capacity = 3

[[run_task]]
name = "jobs"
task_definition = "job"
placement_strategy = [{ type = "binpack", field = "memory" }]
on_failure = "queue"
generate = { per_second = 0.03, until = "2h", duration = { type = "lognormal", mean = "5m", sigma = 1.0 } }
"#;

/// An empty folder to work in, removed at the end.
pub struct Desk(tempfile::TempDir);

impl Desk {
    /// A fresh folder.
    pub fn new() -> Desk {
        Desk(tempfile::Builder::new().prefix("desk").tempdir().unwrap())
    }

    /// A fresh folder with this `small.toml`.
    pub fn with(scenario: &str) -> Desk {
        let desk = Desk::new();
        desk.write("small.toml", scenario);
        desk
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The program with these arguments (split at blanks) in this folder, not yet started.
    pub fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ecsim"));
        command.args(arguments.split_whitespace()).current_dir(self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &str) -> Done {
        Done::of(arguments, self.command(arguments).output().unwrap())
    }

    /// Runs the program, which must end with exit code 0.
    pub fn ok(&self, arguments: &str) -> Done {
        self.run(arguments).ends_with(0)
    }

    /// What lies in the folder itself, in order.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Every file below a folder, by name relative to it.
    pub fn files(&self, folder: &str) -> Files {
        let mut files = BTreeMap::new();
        collect(&self.path(folder), "", &mut files);
        Files(files)
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
}

/// A program that has ended.
pub struct Done {
    /// What was asked.
    pub arguments: String,
    /// Exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Results.
    pub stdout: String,
    /// Problems and notes.
    pub stderr: String,
}

impl Done {
    /// From what the system says.
    pub fn of(arguments: &str, output: Output) -> Done {
        Done {
            arguments: arguments.into(),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Panics where the exit code is another one.
    #[track_caller]
    pub fn ends_with(self, code: i32) -> Done {
        assert_eq!(self.code, Some(code), "`ecsim {}` said: {}", self.arguments, self.stderr);
        self
    }

    /// Panics where stderr does not hold this text.
    #[track_caller]
    pub fn says(self, text: &str) -> Done {
        assert!(self.stderr.contains(text), "{text:?} is not in: {}", self.stderr);
        self
    }
}

/// Files by name.
#[derive(Clone, PartialEq, Eq)]
pub struct Files(pub BTreeMap<String, Vec<u8>>);

impl Files {
    /// The names, in order.
    pub fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// One file as text.
    pub fn text(&self, name: &str) -> &str {
        let bytes = self.0.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.names()));
        std::str::from_utf8(bytes).unwrap()
    }

    /// Without the files that `unwanted` names.
    pub fn without(mut self, unwanted: impl Fn(&str) -> bool) -> Files {
        self.0.retain(|name, _| !unwanted(name));
        self
    }

    /// Panics at the first line that differs.
    #[track_caller]
    pub fn are_same_as(&self, other: &Files, what: &str) {
        assert_eq!(self.names(), other.names(), "{what}: other files");
        for (name, bytes) in &self.0 {
            same_lines(&format!("{what}: {name}"), bytes, &other.0[name]);
        }
    }
}

/// Panics at the first line that differs.
#[track_caller]
pub fn same_lines(what: &str, left: &[u8], right: &[u8]) {
    if left == right {
        return;
    }
    let lines = |bytes: &[u8]| -> Vec<String> {
        String::from_utf8_lossy(bytes).split('\n').map(String::from).collect()
    };
    let (left, right) = (lines(left), lines(right));
    let count = left.len().max(right.len());
    let at = |lines: &[String], i: usize| lines.get(i).cloned().unwrap_or("<no line>".into());
    let first = (0..count).find(|&i| at(&left, i) != at(&right, i)).unwrap_or(count);
    panic!("{what}: line {} differs\n  {}\n  {}", first + 1, at(&left, first), at(&right, first));
}
