//! Scenarios: what loads, and what it becomes.

use ecsim::scenario::load;
use std::path::Path;

#[test]
fn probe() {
    let text = std::env::var("PROBE").unwrap_or_default();
    if text.is_empty() { return; }
    match load(Path::new(&text), &[]) {
        Ok(s) => println!("{}\n{:#?}\n{}", s.resolved, s.setup.sources, s.digest),
        Err(e) => println!("{e}"),
    }
}
