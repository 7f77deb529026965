//! D3, golden digests: what every shipped scenario gave when somebody last looked and found it right.
//!
//! `golden.txt` has a line a scenario: its event digest, and one digest of all its files. A commit that changes a line
//! says in its message which numbers moved and why they are right now; `ECSIM_GOLDEN=write cargo test golden` writes the
//! lines anew. Those of `scenarios/myths` have none: `myths` runs each under ten seeds, and holds what comes of it to the
//! page that shows it.

use crate::support::program::{Desk, same_lines};
use ecsim::base::digest::Digest;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shared() -> PathBuf {
    let default = || root().join("../shared");
    std::env::var_os("ECSIM_SHARED").map_or_else(default, PathBuf::from)
}

/// Names of the scenarios in `scenarios/`, in order, and whether each can run here.
fn scenarios() -> Vec<(String, bool)> {
    let mut found: Vec<(String, bool)> = std::fs::read_dir(root().join("scenarios"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_str().unwrap().to_string();
            (name, !text.contains("ECSIM_SHARED") || shared().is_dir())
        })
        .collect();
    found.sort();
    found
}

/// One number for all files of a finished folder: their names, lengths and digests, as the manifest has them.
fn digest_of_files(manifest: &serde_json::Value) -> u64 {
    let mut digest = Digest::default();
    for (name, file) in manifest["files"].as_object().unwrap() {
        let text = format!("{name} {} {}", file["bytes"], file["digest"]);
        text.bytes().for_each(|byte| digest.add(u64::from(byte)));
    }
    digest.value()
}

#[test]
fn shipped_scenarios_give_what_they_gave() {
    let kept = std::fs::read_to_string(root().join("tests/golden.txt")).unwrap();
    let desk = Desk::new();
    let mut now = String::new();
    for (name, is_possible) in scenarios() {
        if !is_possible {
            eprintln!("passed over: {name} needs ECSIM_SHARED");
            let line = kept.lines().find(|line| line.starts_with(&format!("{name} ")));
            writeln!(now, "{}", line.unwrap_or_default()).unwrap();
            continue;
        }
        let path = root().join(format!("scenarios/{name}.toml"));
        let out = desk.path(&name);
        let mut command = desk.command("run --quiet --out");
        command.arg(&out).arg(&path).env("ECSIM_SHARED", shared());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let manifest = std::fs::read(out.join("manifest.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
        let events = manifest["event_digest"].as_str().unwrap();
        writeln!(now, "{name} {events} {:016x}", digest_of_files(&manifest)).unwrap();
        std::fs::remove_dir_all(&out).unwrap();
    }
    if std::env::var_os("ECSIM_GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(root().join("tests/golden.txt"), &now).unwrap();
        return;
    }
    same_lines("golden.txt", kept.as_bytes(), now.as_bytes());
}
