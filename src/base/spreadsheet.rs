//! Free text that a spreadsheet shows and does not run.

use std::borrow::Cow;

/// Free text made safe for spreadsheets: a `'` goes before a cell that would be taken for a formula, that is one
/// where any line, after blanks, starts with `=`, `+`, `-`, `@`, or the cell starts with a tab or carriage return
/// (the rule of OWASP's page on CSV injection, read 2026-11-20). NUL, which no reader expects, is shown.
#[must_use]
pub fn free_text(text: &str) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    if out.contains('\0') {
        out = Cow::Owned(out.replace('\0', "\\0"));
    }
    let is_formula = |line: &str| {
        line.trim_start()
            .starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
    };
    if text.starts_with(['\t', '\r', '\n']) || text.split(['\n', '\r']).any(is_formula) {
        out = Cow::Owned(format!("'{out}"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_text_that_a_spreadsheet_would_run_gets_an_apostrophe() {
        for text in ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "  =1", "\u{a0}=1", "ok\n=cmd()"] {
            assert_eq!(free_text(text), format!("'{text}"), "{text:?}");
        }
        for text in ["", "plain", "a=b", "CannotPullContainerError: a-b", "i-0123"] {
            assert_eq!(free_text(text), text);
        }
    }
}
