//! Scenarios: every error points into the file.

use ecsim::scenario::{Diagnostics, load_text};
use std::path::Path;

/// Bytes that may be a scenario.
pub fn scenario(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        try_text(text);
    }
}

/// What errors must hold: a line and a column inside the text, a message on one line, and text for people and programs.
pub fn errors_are_in_order(text: &str, problems: &Diagnostics) {
    assert!(!problems.is_empty());
    let lines: Vec<&str> = text.split('\n').collect();
    let mut last = (0, 0);
    for error in problems.located() {
        assert!(!error.message.contains('\n'), "{}", error.message);
        if error.file != "fuzz.toml" {
            continue;
        }
        assert!((1..=lines.len()).contains(&error.line), "{error:?}");
        let width = lines[error.line - 1].chars().count();
        assert!((1..=width + 1).contains(&error.column), "{error:?} in a line of {width}");
        assert!((error.line, error.column) >= last, "errors are in file order");
        last = (error.line, error.column);
    }
    assert!(problems.to_string().starts_with("error: "));
    assert!(problems.to_json()["errors"].is_array());
}

/// A scenario that is refused says so in order; one that is accepted is just that: nothing runs.
pub fn try_text(text: &str) {
    let base = Path::new("scenarios");
    if let Err(problems) = load_text(text, "fuzz.toml", base, &[]) {
        errors_are_in_order(text, &problems);
    }
}
