//! `output/README.md` lists every column and every metric as the code declares them. `UPDATE_README=1` renews it.

use crate::support::{caller, instance, row, run, setup};
use ecsim::report::reference::{MARK, render, render_metrics};
use ecsim::report::tables;

#[test]
fn the_page_of_outputs_lists_every_column_and_every_metric() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/output/README.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (head, _) = page.split_once(MARK).expect("the page has the mark");
    // The list of metrics is the same for every run.
    let finished = run(setup(vec![instance("i", 1024, 1024)], caller()), vec![row(0.0, 1.0)]);
    let metrics = render_metrics(&finished.result.summary);
    let expected = format!("{head}{MARK}\n{}{metrics}", render(&tables::ALL));
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path, &expected).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap();
    assert!(
        page == expected,
        "output/README.md is not what the code says: run with UPDATE_README=1"
    );
}

#[test]
fn the_page_of_outputs_names_every_file_of_a_run() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/output/README.md"));
    let page = page.unwrap();
    for file in ["manifest.json", "summary.csv", "summary.json"] {
        assert!(page.contains(&format!("`{file}`")), "{file}");
    }
    for table in tables::ALL {
        assert!(page.contains(&format!("\n## `{}`\n", table.file)), "{}", table.file);
    }
}
