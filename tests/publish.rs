//! The output folder: whole or not there, ours or untouched, whatever fails and whenever.

use ecsim::experiment::cells::Outcome;
use ecsim::experiment::sweep::{Plan, Source};
use ecsim::report::error::OutputError;
use ecsim::report::files::{FileSystem, OutputFile, RealFileSystem};
use ecsim::report::folder::OutputFolder;
use ecsim::report::manifest::Manifest;
use ecsim::report::sweep::{Record, SweepFolder};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn manifest(seed: u64) -> Manifest {
    Manifest { scenario: "web".into(), seed, outcome: "completed".into(), ..Manifest::default() }
}

/// A streamed file of three blocks, a small one, and one in a folder.
fn write_results(folder: &OutputFolder, seed: u64) -> Result<(), OutputError> {
    let mut tasks = folder.file("tasks.csv")?;
    for row in 0..30_000u64 {
        tasks.put(format!("{seed},{row},some more text of a row\n").as_bytes())?;
    }
    tasks.finish()?;
    folder.write("summary.csv", format!("seed\n{seed}\n").as_bytes())?;
    folder.write("charts/load.svg", b"<svg/>")
}

fn run(target: &Path, seed: u64, force: bool) -> Result<Manifest, OutputError> {
    run_on(Arc::new(RealFileSystem), target, seed, force)
}

fn run_on(
    files: Arc<dyn FileSystem>,
    target: &Path,
    seed: u64,
    force: bool,
) -> Result<Manifest, OutputError> {
    let folder = OutputFolder::create_on(files, target, force)?;
    write_results(&folder, seed)?;
    folder.publish(manifest(seed)).map(|published| published.manifest)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn seed_at(target: &Path) -> Option<u64> {
    let seed = Manifest::read(target).ok()?.seed;
    assert_eq!(Manifest::verify(target), Ok(vec![]), "what is published is whole");
    Some(seed)
}

#[test]
fn a_published_folder_holds_its_files_with_length_and_digest_and_nothing_else_is_left() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("a/b/out");
    let manifest = run(&target, 1, false).unwrap();
    assert_eq!(names(root.path().join("a/b").as_path()), ["out"]);
    assert_eq!(names(&target), ["charts", "manifest.json", "summary.csv", "tasks.csv"]);
    let files: Vec<&str> = manifest.files.keys().map(String::as_str).collect();
    assert_eq!(files, ["charts/load.svg", "summary.csv", "tasks.csv"]);
    let rows = fs::metadata(target.join("tasks.csv")).unwrap().len();
    assert_eq!(manifest.files["tasks.csv"].bytes, rows);
    // `printf '<svg/>' | xxhsum -H2`
    let whole = xxhash_rust::xxh3::xxh3_128(b"<svg/>");
    assert_eq!(manifest.files["charts/load.svg"].digest, format!("{whole:032x}"));
    assert_eq!(Manifest::read(&target), Ok(manifest));
}

#[test]
fn the_manifest_is_the_same_bytes_wherever_it_is_written() {
    let root = tempfile::tempdir().unwrap();
    let bytes = ["one", "two"].map(|name| {
        run(&root.path().join(name), 7, false).unwrap();
        fs::read(root.path().join(name).join("manifest.json")).unwrap()
    });
    assert_eq!(bytes[0], bytes[1]);
    let text = String::from_utf8(bytes[0].clone()).unwrap();
    assert!(!text.contains(root.path().to_str().unwrap()), "no path of the machine");
}

#[test]
fn verify_names_the_files_that_were_changed_or_removed() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("out");
    run(&target, 1, false).unwrap();
    fs::write(target.join("summary.csv"), "seed\n2\n").unwrap();
    fs::remove_file(target.join("tasks.csv")).unwrap();
    let changed = Manifest::verify(&target).unwrap();
    assert_eq!(changed, ["summary.csv", "tasks.csv"]);
}

#[test]
fn results_of_ours_are_replaced_only_with_force() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("out");
    run(&target, 1, false).unwrap();
    let error = run(&target, 2, false).unwrap_err().to_string();
    assert!(error.contains("earlier run") && error.contains("--force"), "{error}");
    assert_eq!(seed_at(&target), Some(1));
    run(&target, 3, true).unwrap();
    assert_eq!(seed_at(&target), Some(3));
    assert_eq!(names(root.path()), ["out"]);
}

/// `make` prepares a place; writing there must be refused for `reason`, with and without force, and change nothing.
#[track_caller]
fn refused(make: impl Fn(&Path) -> std::path::PathBuf, reason: &str) {
    for force in [false, true] {
        let root = tempfile::tempdir().unwrap();
        let target = make(root.path());
        let before = names(root.path());
        let error = OutputFolder::create(&target, force).map(|_| ()).unwrap_err();
        assert!(matches!(error, OutputError::Refused { .. }), "{error}");
        assert!(error.to_string().contains(reason) && error.hint().is_some(), "{error}");
        assert_eq!(names(root.path()), before);
    }
}

#[test]
fn a_place_that_is_not_ours_is_never_touched() {
    refused(
        |root| {
            fs::write(root.join("out"), "x").unwrap();
            root.join("out")
        },
        "it is a file",
    );
    refused(
        |root| {
            fs::write(root.join("file"), "x").unwrap();
            root.join("file/out")
        },
        "is not a folder",
    );
    refused(
        |root| {
            fs::create_dir(root.join("out")).unwrap();
            fs::write(root.join("out/thesis.txt"), "x").unwrap();
            root.join("out")
        },
        "holds no `manifest.json`",
    );
    refused(
        |root| {
            fs::create_dir(root.join("out")).unwrap();
            fs::write(root.join("out/manifest.json"), "{\"schema\": \"webpack/4\"}").unwrap();
            root.join("out")
        },
        "does not say `\"schema\": \"ecsim/1\"`",
    );
    refused(|_| "/".into(), "names no folder");
    refused(|_| ".".into(), "names no folder");
    refused(|root| root.join(".."), "names no folder");
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_is_not_followed() {
    refused(
        |root| {
            run(&root.join("real"), 1, false).unwrap();
            std::os::unix::fs::symlink(root.join("real"), root.join("out")).unwrap();
            root.join("out")
        },
        "symbolic link",
    );
}

#[test]
fn files_that_somebody_put_beside_the_results_are_not_lost() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("out");
    run(&target, 1, false).unwrap();
    fs::write(target.join("charts/notes.txt"), "mine").unwrap();
    let error = run(&target, 2, true).unwrap_err().to_string();
    assert!(error.contains("`charts/notes.txt`"), "{error}");
    assert_eq!(seed_at(&target), Some(1));
}

#[test]
fn two_runs_into_one_folder_at_once_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("out");
    let first = OutputFolder::create(&target, false).unwrap();
    let error = OutputFolder::create(&target, false).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("another run is writing"), "{error}");
    write_results(&first, 1).unwrap();
    first.publish(manifest(1)).unwrap();
    assert_eq!(seed_at(&target), Some(1));
}

#[test]
fn an_unfinished_folder_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let folder = OutputFolder::create(&root.path().join("out"), false).unwrap();
    write_results(&folder, 1).unwrap();
    assert_eq!(names(root.path()).len(), 1);
    drop(folder);
    assert!(names(root.path()).is_empty());
}

#[test]
fn a_file_that_was_dropped_unfinished_stops_the_publication() {
    let root = tempfile::tempdir().unwrap();
    let folder = OutputFolder::create(&root.path().join("out"), false).unwrap();
    drop(folder.file("tasks.csv").unwrap());
    let error = folder.publish(manifest(1)).unwrap_err().to_string();
    assert!(error.contains("tasks.csv") && error.contains("not written to its end"), "{error}");
    assert!(names(root.path()).is_empty());
}

#[test]
fn what_a_killed_run_left_is_cleaned_up_by_the_next_one_into_the_same_folder() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("out");
    run(&target, 1, false).unwrap();
    // Killed while building; killed between the two renames of a replacement.
    fs::create_dir(root.path().join(".ecsim-out-aB3dE6gHaB3dE6gH")).unwrap();
    fs::write(root.path().join(".ecsim-out-aB3dE6gHaB3dE6gH/tasks.csv"), "half").unwrap();
    fs::rename(&target, root.path().join(".ecsim-out-bB3dE6gHaB3dE6gH")).unwrap();
    let error = run(&target, 2, false).unwrap_err().to_string();
    assert!(error.contains("earlier run"), "the old results are back: {error}");
    assert_eq!((seed_at(&target), names(root.path())), (Some(1), vec!["out".to_string()]));
    fs::create_dir(root.path().join(".ecsim-out-aB3dE6gHaB3dE6gH")).unwrap();
    let folder = OutputFolder::create(&target, true).unwrap();
    write_results(&folder, 2).unwrap();
    let notes = folder.publish(manifest(2)).unwrap().notes;
    assert!(notes[0].contains("removed `") && notes[0].contains("aB3dE6gH`"), "{notes:?}");
    assert_eq!((seed_at(&target), names(root.path())), (Some(2), vec!["out".to_string()]));
}

#[test]
fn folders_that_somebody_named_after_the_target_are_never_touched() {
    let root = tempfile::tempdir().unwrap();
    let others = [
        ".ecsim-other-aB3dE6gHaB3dE6gH",
        ".ecsim-out-backup",
        "out.old-20251125",
        "out.old-original",
        "out.tmp-analysis",
    ];
    for other in others {
        run(&root.path().join(other), 7, false).unwrap();
        fs::write(root.path().join(other).join("notes.txt"), "mine").unwrap();
    }
    let target = root.path().join("out");
    for (seed, force) in [(1, false), (2, true)] {
        run(&target, seed, force).unwrap();
        assert_eq!(seed_at(&target), Some(seed));
        for other in others {
            assert_eq!(seed_at(&root.path().join(other)), Some(7), "{other}");
            assert!(root.path().join(other).join("notes.txt").exists(), "{other}");
        }
    }
}

#[test]
fn whole_results_beside_the_target_go_only_with_force_and_not_with_work_of_the_user_in_them() {
    let root = tempfile::tempdir().unwrap();
    let (target, beside) =
        (root.path().join("out"), root.path().join(".ecsim-out-aB3dE6gHaB3dE6gH"));
    run(&beside, 1, false).unwrap();
    run(&target, 2, false).unwrap_err();
    assert_eq!(seed_at(&target), Some(1), "put back");
    run(&beside, 3, false).unwrap();
    run(&target, 4, false).unwrap_err();
    assert_eq!((seed_at(&target), seed_at(&beside)), (Some(1), Some(3)));
    fs::write(beside.join("notes.txt"), "mine").unwrap();
    run(&target, 4, true).unwrap();
    assert_eq!((seed_at(&target), seed_at(&beside)), (Some(4), Some(3)));
    fs::remove_file(beside.join("notes.txt")).unwrap();
    run(&target, 5, true).unwrap();
    assert_eq!((seed_at(&target), names(root.path())), (Some(5), vec!["out".to_string()]));
}

#[test]
fn force_does_not_replace_results_that_somebody_edited() {
    let root = tempfile::tempdir().unwrap();
    let target = root.path().join("out");
    run(&target, 1, false).unwrap();
    fs::create_dir(target.join("empty")).unwrap();
    let error = run(&target, 2, true).unwrap_err().to_string();
    assert!(error.contains("a file that ecsim did not write, such as `empty/`"), "{error}");
    fs::remove_dir(target.join("empty")).unwrap();
    fs::write(target.join("summary.csv"), "seed\n9\n").unwrap();
    let error = run(&target, 2, true).unwrap_err().to_string();
    assert!(error.contains("a file that somebody edited") && error.contains("summary"), "{error}");
    fs::remove_file(target.join("summary.csv")).unwrap();
    run(&target, 2, true).unwrap();
    assert_eq!(seed_at(&target), Some(2));
}

#[test]
fn files_that_somebody_removes_while_results_are_built_stop_the_publication() {
    let root = tempfile::tempdir().unwrap();
    let folder = OutputFolder::create(&root.path().join("out"), false).unwrap();
    write_results(&folder, 1).unwrap();
    fs::remove_file(folder.building().join("charts/load.svg")).unwrap();
    let error = folder.publish(manifest(1)).unwrap_err().to_string();
    assert!(error.contains("load.svg") && error.contains("changed or removed"), "{error}");
    assert!(names(root.path()).is_empty());
}

/// The real file system, whose n-th change fails; a write fails after half of its bytes.
#[derive(Clone, Debug)]
struct Faulty {
    left: Arc<AtomicU64>,
    /// Whether all later changes fail too, as on a disk that is gone, or only the one.
    for_ever: bool,
    /// Whether folders can be exchanged in one step.
    exchanges: bool,
}

impl Faulty {
    fn new(nth: u64, for_ever: bool, exchanges: bool) -> Faulty {
        Faulty { left: Arc::new(AtomicU64::new(nth)), for_ever, exchanges }
    }

    fn step(&self) -> io::Result<()> {
        let left = self.left.load(Ordering::Relaxed);
        match left {
            0 if self.for_ever => Err(io::Error::from(io::ErrorKind::StorageFull)),
            0 => Ok(()),
            _ => {
                self.left.store(left - 1, Ordering::Relaxed);
                let failed = Err(io::Error::from(io::ErrorKind::StorageFull));
                if left == 1 { failed } else { Ok(()) }
            }
        }
    }

    fn has_failed(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }
}

struct FaultyFile(Faulty, Box<dyn OutputFile>);

impl Write for FaultyFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.step() {
            Ok(()) => self.1.write(bytes),
            Err(error) => self.1.write_all(&bytes[..bytes.len() / 2]).and(Err(error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.flush()
    }
}

impl OutputFile for FaultyFile {
    fn sync(&mut self) -> io::Result<()> {
        self.0.step()?;
        self.1.sync()
    }
}

impl FileSystem for Faulty {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.step().and_then(|()| RealFileSystem.create_dir(path))
    }
    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.step().and_then(|()| RealFileSystem.create_dir_all(path))
    }
    fn create_file(&self, path: &Path) -> io::Result<Box<dyn OutputFile>> {
        self.step()?;
        Ok(Box::new(FaultyFile(self.clone(), RealFileSystem.create_file(path)?)))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step().and_then(|()| RealFileSystem.rename(from, to))
    }
    fn exchange(&self, one: &Path, other: &Path) -> io::Result<()> {
        match self.exchanges {
            true => self.step().and_then(|()| RealFileSystem.exchange(one, other)),
            false => Err(io::ErrorKind::Unsupported.into()),
        }
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.step().and_then(|()| RealFileSystem.sync_dir(path))
    }
    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.step().and_then(|()| RealFileSystem.remove_dir_all(path))
    }
}

/// Fails the n-th change for n = 1, 2, ... until none fails, each time on a fresh place that holds results of
/// seed 1 if `replace`. Returns how many changes there are.
fn loop_over_faults(replace: bool, for_ever: bool, exchanges: bool) -> u64 {
    for nth in 1.. {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("out");
        if replace {
            run(&target, 1, false).unwrap();
        }
        let faulty = Faulty::new(nth, for_ever, exchanges);
        let result = run_on(Arc::new(faulty.clone()), &target, 2, replace);
        let found = seed_at(&target);
        if !faulty.has_failed() {
            assert!(result.is_ok() && found == Some(2));
            assert_eq!(names(root.path()), ["out"]);
            return nth - 1;
        }
        match result {
            Err(error) => assert!(error.to_string().contains("disk is full"), "{nth}: {error}"),
            // Only what was replaced could not be removed, which `notes` tells.
            Ok(_) => assert!(replace && found == Some(2) && names(root.path()).len() == 2),
        }
        // The next run into the same place is as if nothing had happened.
        let restored = OutputFolder::create(&target, true).map(drop);
        assert!(restored.is_ok(), "change {nth}: {restored:?}");
        let after = seed_at(&target);
        match replace {
            true => assert!(matches!(after, Some(1 | 2)), "change {nth}: old or new results"),
            false => assert!(matches!(after, None | Some(2)), "change {nth}: nothing or all"),
        }
        assert_eq!(names(root.path()).len(), usize::from(after.is_some()), "change {nth}");
        let absent_is_allowed = !replace || (for_ever && !exchanges);
        assert!(found.is_some() || absent_is_allowed, "change {nth}: one failure loses nothing");
    }
    unreachable!("some run has fewer changes than failures");
}

#[test]
fn whichever_write_sync_rename_or_create_fails_the_run_fails_and_nothing_is_half_published() {
    for for_ever in [false, true] {
        assert!(loop_over_faults(false, for_ever, true) > 15);
        assert!(loop_over_faults(true, for_ever, true) > 16);
        assert!(loop_over_faults(true, for_ever, false) > 17);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_names_the_file_and_publishes_nothing() {
    use std::process::Command;
    let root = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"])
        .arg(root.path())
        .stderr(std::process::Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: mounting a small tmpfs is not permitted here");
        return;
    }
    let result = run(&root.path().join("out"), 1, false);
    let left = names(root.path());
    let unmounted = Command::new("umount").arg(root.path()).status().unwrap();
    assert!(unmounted.success());
    let error = result.unwrap_err().to_string();
    assert!(error.contains("tasks.csv") && error.contains("the disk is full"), "{error}");
    assert!(left.is_empty(), "{left:?}");
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_written_to_is_an_error_with_a_hint() {
    use std::os::unix::fs::PermissionsExt;
    let root = tempfile::tempdir().unwrap();
    let parent = root.path().join("read-only");
    fs::create_dir(&parent).unwrap();
    fs::set_permissions(&parent, fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(parent.join("probe"), "").is_ok() {
        eprintln!("skipped: this user may write everywhere");
        return;
    }
    let error = OutputFolder::create(&parent.join("out"), false).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("--out DIR"), "{error}");
}

#[test]
fn an_output_folder_can_be_sent_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<OutputFolder>();
    is_send::<ecsim::report::folder::FileWriter>();
}

/// Two cells, made up: the plan, and their records.
fn small_sweep(root: &Path) -> (Plan, Vec<Record>) {
    fs::write(root.join("small.toml"), crate::support::program::SMALL).unwrap();
    let grid = "[sweep]\nscenario = \"small.toml\"\n[[axis]]\nkey = \"task_definition.job.cpu\"\nvalues = [256, 512]\n";
    fs::write(root.join("grid.toml"), grid).unwrap();
    let sweep = ecsim::experiment::sweep::read(&root.join("grid.toml")).unwrap();
    let plan = Source::new(sweep, Vec::new()).unwrap().plan(None, None).unwrap().plan;
    let outcome = |index: usize| Outcome::Failed(format!("cell {index}"));
    let records = plan.ids().into_iter().enumerate();
    let records = records.map(|(index, id)| Record::of(&id, 7, &outcome(index), &[])).collect();
    (plan, records)
}

/// A sweep into `target`: both cells, a table, the manifest.
fn sweep_on(
    files: Arc<dyn FileSystem>,
    target: &Path,
    (plan, records): &(Plan, Vec<Record>),
) -> Result<(), OutputError> {
    let (folder, _) = SweepFolder::open_on(files, target, plan, false)?;
    for record in records {
        folder.keep(record)?;
    }
    let results = [
        ("sweep.csv".to_string(), b"a\n1\n".to_vec()),
        ("charts/axis-a.svg".into(), b"<svg/>".to_vec()),
    ];
    folder.finish(&plan.ids(), &results, manifest(7))
}

#[test]
fn whichever_change_to_a_sweeps_folder_fails_it_fails_and_goes_on_to_the_same_bytes() {
    let root = tempfile::tempdir().unwrap();
    let sweep = small_sweep(root.path());
    let whole = root.path().join("whole");
    sweep_on(Arc::new(RealFileSystem), &whole, &sweep).unwrap();
    assert_eq!(names(&whole), ["cells", "charts", "manifest.json", "sweep.csv", "sweep.json"]);
    for for_ever in [false, true] {
        for nth in 1.. {
            let target = root.path().join(format!("{for_ever}-{nth}"));
            let faulty = Faulty::new(nth, for_ever, true);
            let result = sweep_on(Arc::new(faulty.clone()), &target, &sweep);
            // A folder with a manifest is whole, whatever happened; without an error there is one.
            let is_published = target.join("manifest.json").exists();
            assert!(is_published || result.is_err(), "change {nth}");
            if is_published {
                assert_eq!(Manifest::verify(&target), Ok(Vec::new()), "change {nth}");
            }
            if !faulty.has_failed() {
                assert!(result.is_ok() && nth > 20, "{nth} changes");
                break;
            }
            sweep_on(Arc::new(RealFileSystem), &target, &sweep).unwrap();
            assert_eq!(names(&target), names(&whole), "change {nth}: nothing is left over");
            let text = |folder: &Path| fs::read_to_string(folder.join("manifest.json")).unwrap();
            assert_eq!(text(&target), text(&whole), "change {nth}: the manifest has every digest");
        }
    }
}
