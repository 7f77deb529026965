//! Bugs on purpose (`src/base/canary.rs`): each kind must be caught by the battery that is there for it, and a broken
//! invariant must end the program with exit code 3 and nothing written.
//!
//! Built with `--features canary` only; this test program then runs itself with a bug switched on.

use crate::support::program::{Desk, SMALL};
use ecsim::base::canary::KINDS;
use std::process::Command;

/// A battery of this test program by its name, with a bug switched on; whether it held, and what it printed.
fn battery(name: &str, bug: &str) -> (bool, String) {
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--test-threads", "1"])
        .envs([("ECSIM_CANARY", bug), ("ECSIM_SWARM_CASES", "40"), ("ECSIM_SWARM_SERVICES", "20")])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    assert!(text.contains("running 1 test"), "there is no test {name}:\n{text}");
    (done.status.success(), text.into_owned())
}

/// Where each kind of bug must be seen, and what is said of it.
const SEEN: [(&str, &str, &str); 4] = [
    ("ledger", "swarm::invariants_hold_and_slow_and_fast_agree_on_random_scenarios", "host"),
    ("placement", "swarm::invariants_hold_and_slow_and_fast_agree_on_random_scenarios", "slow"),
    ("bill", "swarm::invariants_hold_and_slow_and_fast_agree_on_random_scenarios", "M1: "),
    ("requests", "swarm::services::invariants_hold_for_random_services", "L1: offered requests"),
];

#[test]
fn each_battery_fails_on_the_bug_that_it_is_there_for() {
    assert_eq!(SEEN.map(|(bug, ..)| bug), KINDS);
    for (bug, name, says) in SEEN {
        let (holds, text) = battery(name, bug);
        assert!(!holds, "{name} did not see the bug in {bug}");
        assert!(text.contains(says), "{bug}: not for this reason:\n{text}");
        assert!(battery(name, "").0, "{name} fails without a bug, too");
    }
}

#[test]
fn a_broken_invariant_ends_the_program_with_3_and_writes_nothing() {
    let desk = Desk::with(SMALL);
    let run = |bug: &str| {
        let mut command = desk.command("run small.toml --check --seed 11 --set simulation.name=x");
        let done = command.env("ECSIM_CANARY", bug).output().unwrap();
        (done.status.code(), String::from_utf8(done.stdout).unwrap(), done.stderr)
    };
    let (code, stdout, stderr) = run("ledger");
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!((code, stdout.as_str()), (Some(3), ""), "{stderr}");
    assert!(stderr.contains("error: an invariant of the simulator broke: this is a bug of ecsim"));
    // The command that repeats it holds the seed and every key that was set.
    let replay = "ecsim run small.toml --seed 11 --set 'simulation.name=x' --check";
    assert!(stderr.contains(replay), "{stderr}");
    assert!(!desk.path("output/x").exists());
    let left = std::fs::read_dir(desk.path("output")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "nothing is left behind");
    assert_eq!(run("").0, Some(0), "without the bug the same scenario runs");
}
