//! Faults from outside: kill -9 at any moment, a full disk, folders that may not be written to. Whatever happens, the
//! output folder holds the old results, the new ones or nothing, and the next run is as if nothing had been.

use crate::support::program::{Desk, Done, Files, SMALL};
use ecsim::base::random::{Purpose, Seed};
use ecsim::report::manifest::Manifest;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A run of about a second in a slow build, with all files.
fn long() -> String {
    SMALL
        .replace("per_second = 0.03, until = \"2h\"", "per_second = 0.25, until = \"30h\"")
        .replace("desired_capacity = 3", "desired_capacity = 30")
}

/// Starts a run and kills it after this long.
fn killed_after(desk: &Desk, arguments: &str, patience: Duration) {
    let mut child = desk.command(arguments).spawn().unwrap();
    std::thread::sleep(patience);
    child.kill().unwrap(); // SIGKILL; no error where it has ended
    child.wait().unwrap();
}

#[test]
fn kill_9_at_any_moment_leaves_the_old_results_the_new_ones_or_none() {
    let desk = Desk::with(&long());
    let begun = Instant::now();
    let clean = [1, 2].map(|seed| {
        desk.ok(&format!("run small.toml --out results --force --seed {seed}"));
        desk.files("results")
    });
    let whole = begun.elapsed() / 2;
    let mut dice = Seed(11).stream(Purpose::Test, "kill");
    // The seed whose results are there; each round tries to replace them by those of the other one.
    let (mut present, mut found) = (2, [0; 3]);
    for round in 0..30 {
        let next = 3 - present;
        let arguments = format!("run small.toml --out results --force --seed {next}");
        killed_after(&desk, &arguments, whole.mul_f64(1.2 * dice.unit()));
        let [old, new] = [&clean[present - 1], &clean[next - 1]];
        let state = state_of(&desk, "results", old, new);
        found[state] += 1;
        if state == 1 {
            present = next;
        }
        if round % 10 == 9 {
            // A run that is left alone gives its bytes and cleans up.
            desk.ok(&arguments);
            new.are_same_as(&desk.files("results"), "a run after the kills");
            assert_eq!(desk.names(), ["results", "small.toml"], "something was left");
            present = next;
        }
    }
    println!("after 30 kills: old {}, new {}, none {}", found[0], found[1], found[2]);
    assert!(found[0] > 5, "the kills came too late to say much");
}

/// 0 old, 1 new, 2 none; panics at anything between.
fn state_of(desk: &Desk, folder: &str, old: &Files, new: &Files) -> usize {
    if !desk.path(folder).exists() {
        return 2;
    }
    assert_eq!(Manifest::verify(&desk.path(folder)), Ok(vec![]), "a folder that is there is whole");
    let found = desk.files(folder);
    let state = [old, new].into_iter().position(|files| *files == found);
    state.expect("neither the old results nor the new ones")
}

#[test]
fn a_kill_of_the_first_run_leaves_no_results_and_the_next_run_cleans_up() {
    let desk = Desk::with(&long());
    desk.ok("run small.toml --out clean");
    let mut dice = Seed(12).stream(Purpose::Test, "kill");
    for _ in 0..5 {
        killed_after(
            &desk,
            "run small.toml --out results",
            Duration::from_millis(20 + dice.below(200)),
        );
        if desk.path("results").exists() {
            desk.files("clean").are_same_as(&desk.files("results"), "it had ended");
            std::fs::remove_dir_all(desk.path("results")).unwrap();
        }
    }
    // A kill between the last sync and the renaming leaves whole results, which the next run puts in their place.
    desk.ok("run small.toml --out results --force");
    desk.files("clean").are_same_as(&desk.files("results"), "a run after five kills");
    assert_eq!(desk.names(), ["clean", "results", "small.toml"], "something was left");
}

#[test]
fn a_kill_amid_services_leaves_whole_results_or_none() {
    let desk = Desk::with(crate::services_cli::MIXED);
    let begun = Instant::now();
    desk.ok("run small.toml --out clean");
    let whole = begun.elapsed();
    let clean = desk.files("clean");
    let mut dice = Seed(13).stream(Purpose::Test, "kill");
    for _ in 0..8 {
        killed_after(&desk, "run small.toml --out results", whole.mul_f64(1.1 * dice.unit()));
        if desk.path("results").exists() {
            clean.are_same_as(&desk.files("results"), "it had ended");
            std::fs::remove_dir_all(desk.path("results")).unwrap();
        }
    }
    desk.ok("run small.toml --out results");
    clean.are_same_as(&desk.files("results"), "a run after the kills");
    assert_eq!(desk.names(), ["clean", "results", "small.toml"], "something was left");
}

/// A small file system of its own, unmounted at the end.
struct Disk(std::path::PathBuf);

impl Disk {
    /// `None`, said aloud, where mounting is not permitted.
    fn mount(at: &Path, bytes: u32) -> Option<Disk> {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={bytes}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at);
        match mount.output() {
            Ok(output) if output.status.success() => Some(Disk(at.into())),
            _ => {
                println!("mounting a small disk is not permitted here: skipped");
                None
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_ends_with_2_names_the_file_and_publishes_nothing() {
    let desk = Desk::with(&long());
    for (charts, kib) in [("svg", 16), ("svg", 600), ("none", 2_000), ("png", 4_096)] {
        let Some(_disk) = Disk::mount(&desk.path("disk"), kib * 1024) else { return };
        let done = desk.run(&format!("run small.toml --out disk/results --charts {charts}"));
        let done = done.ends_with(2).says("No space left on device");
        assert!(done.stderr.contains("disk/results/"), "which file? {}", done.stderr);
        assert_eq!(done.stdout, "", "a run that failed has no results");
        assert_eq!(desk.files("disk").names(), [""; 0], "nothing stays on a disk of {kib} KiB");
    }
}

#[test]
fn a_full_disk_leaves_old_results_as_they_were() {
    let desk = Desk::with(SMALL);
    desk.write("long.toml", long());
    let Some(_disk) = Disk::mount(&desk.path("disk"), 1 << 20) else { return };
    desk.ok("run small.toml --out disk/results --charts none");
    let before = desk.files("disk");
    desk.run("run long.toml --out disk/results --force").ends_with(2).says("No space left");
    before.are_same_as(&desk.files("disk"), "after the full disk");
}

#[test]
fn a_place_that_cannot_be_written_to_is_refused_with_the_reason() {
    let desk = Desk::with(SMALL);
    desk.write("file", "mine");
    std::fs::create_dir(desk.path("empty")).unwrap();
    for (out, says) in [
        ("file", "it is a file"),
        ("file/below", "is not a folder"),
        ("empty", "was not written by ecsim"),
        (".", "names no folder of its own"),
        ("/proc/ecsim", "/proc"),
    ] {
        let done = desk.run(&format!("run small.toml --out {out}")).ends_with(2).says(says);
        assert_eq!(done.stdout, "");
    }
    assert_eq!(desk.names(), ["empty", "file", "small.toml"]);
    assert_eq!(desk.read("file"), "mine");
}

#[cfg(unix)]
#[test]
fn a_read_only_parent_is_refused_with_the_reason() {
    // Permissions do not bind root: a file system that is mounted read-only does.
    let desk = Desk::with(SMALL);
    let Some(disk) = Disk::mount(&desk.path("disk"), 1 << 20) else { return };
    let mut remount = Command::new("mount");
    let locked = remount.args(["-o", "remount,ro"]).arg(&disk.0).status().unwrap().success();
    assert!(locked, "what could be mounted can be locked");
    let done: Done = desk.run("run small.toml --out disk/results").ends_with(2);
    assert!(done.stderr.contains("disk") && done.stderr.contains("Read-only"), "{}", done.stderr);
    assert_eq!(desk.files("disk").names(), [""; 0]);
}

#[test]
fn two_runs_into_one_folder_at_once_do_not_mix() {
    let desk = Desk::with(&long());
    let arguments = "run small.toml --out results";
    let children = [1, 2].map(|_| desk.command(arguments).spawn().unwrap());
    let done = children.map(|child| Done::of(arguments, child.wait_with_output().unwrap()));
    let codes: Vec<Option<i32>> = done.iter().map(|one| one.code).collect();
    assert!(codes.contains(&Some(0)) && codes.contains(&Some(2)), "{codes:?}: {}", done[1].stderr);
    desk.ok("run small.toml --out clean");
    desk.files("clean").are_same_as(&desk.files("results"), "of the run that won");
    assert_eq!(desk.names(), ["clean", "results", "small.toml"]);
}
