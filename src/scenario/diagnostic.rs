//! What is wrong with a scenario: all errors of all its files, with file, line, column, the line itself and a hint.
//!
//! A value, not a side effect: reading collects, the caller decides what to print. Text from the user is escaped
//! and shortened before it is shown.

use super::tree::Place;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::fmt;

/// At most this many errors are shown; the number of the others is.
const MOST_SHOWN: usize = 100;
/// At most this many are kept: a file that is nothing but errors is not worth its weight in messages.
const MOST_KEPT: usize = 1_000;
/// Longest line of input that is shown whole.
const LONGEST_SHOWN_LINE: usize = 400;

/// A text that errors can point into.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Source {
    /// As it is shown: a path as the user wrote it, or `--set`.
    name: String,
    /// `None` where the text could not be read, or where only the name matters.
    text: Option<String>,
    /// Number of the first line of `text`.
    first_line: usize,
    /// Where each line begins, so that finding a line takes no walk through the text.
    line_starts: Vec<usize>,
}

/// One error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Where.
    pub place: Place,
    /// What is wrong, in one line.
    pub message: String,
    /// What would be right, in one line.
    pub help: Option<String>,
}

/// All errors of a scenario, in file order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Diagnostics {
    sources: Vec<Source>,
    list: Vec<Diagnostic>,
    /// Errors beyond those that are kept.
    dropped: usize,
}

/// An error with its place in numbers, for programs.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct Located<'a> {
    /// File, or `--set`.
    pub file: &'a str,
    /// Line from 1; 0 where the whole file is meant.
    pub line: usize,
    /// Column from 1, in characters; 0 where the whole file is meant.
    pub column: usize,
    /// What is wrong.
    pub message: &'a str,
    /// What would be right.
    pub help: Option<&'a str>,
}

impl Diagnostics {
    /// No errors and no sources yet.
    #[must_use]
    pub fn new() -> Diagnostics {
        Diagnostics::default()
    }

    /// Adds a text that errors can point into, and returns its index.
    pub fn add_source(&mut self, name: &str, text: &str) -> u32 {
        self.add_excerpt(name, text, 1)
    }

    /// Calls texts of `--set` otherwise, from the one with this number on.
    pub fn call_sets(&mut self, first: usize, name: &str) {
        let sets = self.sources.iter_mut().filter(|source| source.name == "--set");
        sets.skip(first).for_each(|source| source.name = name.to_string());
    }

    /// Whether so many errors were found that no more are kept, and looking for them can stop.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.list.len() >= MOST_KEPT
    }

    /// Adds lines of a longer text, the first of which has the number `first_line`.
    pub fn add_excerpt(&mut self, name: &str, text: &str, first_line: usize) -> u32 {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        let (name, text) = (name.into(), Some(text.into()));
        self.push_source(Source { name, text, first_line, line_starts })
    }

    /// Adds an error about a file as a whole, such as one that cannot be read.
    pub fn add_file_error(&mut self, name: &str, message: impl Into<String>, help: Option<String>) {
        let source = self.push_source(Source {
            name: name.into(),
            text: None,
            first_line: 0,
            line_starts: Vec::new(),
        });
        let place = Place::new(source, 0..0);
        self.push(Diagnostic { place, message: message.into(), help });
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < MOST_KEPT {
            self.list.push(diagnostic);
        } else {
            self.dropped += 1;
        }
    }

    fn push_source(&mut self, source: Source) -> u32 {
        self.sources.push(source);
        u32::try_from(self.sources.len() - 1).expect("fewer than 2^32 sources")
    }

    /// Adds an error.
    pub fn error(&mut self, place: Place, message: impl Into<String>) {
        self.push(Diagnostic { place, message: message.into(), help: None });
    }

    /// Adds an error that says what would be right.
    pub fn error_with_help(
        &mut self,
        place: Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Diagnostic { place, message: message.into(), help: Some(help.into()) });
    }

    /// Adds a path to the messages about `source` from index `first` on, for files whose readers think in paths.
    pub(super) fn name_json_paths(
        &mut self,
        first: usize,
        source: u32,
        path: impl Fn(Place) -> String,
    ) {
        for diagnostic in self.list[first..].iter_mut().filter(|d| d.place.source == source) {
            diagnostic.message += &format!(" (at {})", path(diagnostic.place));
        }
    }

    /// How many errors are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Brings the errors into the order of the files and of the places in them.
    pub fn sort(&mut self) {
        self.list.sort_by_key(|d| (d.place.source, d.place.start));
    }

    /// The errors with their places in numbers.
    pub fn located(&self) -> impl Iterator<Item = Located<'_>> {
        self.list.iter().map(|diagnostic| {
            let (file, line, column) = self.position(diagnostic.place);
            let help = diagnostic.help.as_deref();
            Located { file, line, column, message: &diagnostic.message, help }
        })
    }

    /// Each error as people read it: `file:line:column: message` with the line, a caret and a hint.
    pub fn rendered(&self) -> impl Iterator<Item = String> {
        self.list.iter().map(|diagnostic| self.render(diagnostic))
    }

    /// The errors as JSON: `{"schema": "ecsim/1", "errors": [...]}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let errors: Vec<Located<'_>> = self.located().collect();
        serde_json::json!({ "schema": "ecsim/1", "errors": errors })
    }

    /// `file:line:column` of a place, as messages write it.
    #[must_use]
    pub fn describe(&self, place: Place) -> String {
        let (file, line, column) = self.position(place);
        match line {
            0 => file.to_string(),
            _ => format!("{file}:{line}:{column}"),
        }
    }

    fn position(&self, place: Place) -> (&str, usize, usize) {
        let Some(source) = self.sources.get(place.source as usize) else {
            return ("default", 0, 0);
        };
        let Some(text) = &source.text else {
            return (&source.name, 0, 0);
        };
        let start = floor_boundary(text, place.start as usize);
        let index = source.line_starts.partition_point(|&at| at <= start) - 1;
        let column = text[source.line_starts[index]..start].chars().count() + 1;
        (&source.name, source.first_line + index, column)
    }

    /// The piece of text at a place.
    #[must_use]
    pub fn slice(&self, place: Place) -> Option<&str> {
        let text = self.sources.get(place.source as usize)?.text.as_deref()?;
        text.get(place.start as usize..place.end as usize)
    }

    /// The place of byte `at` of a string value: exact where the string was written without escapes, else all of it.
    #[must_use]
    pub fn within_text(&self, place: Place, decoded: &str, at: usize) -> Place {
        let Some(written) = self.slice(place) else { return place };
        let Some(offset) = written.find(decoded).filter(|_| !decoded.is_empty()) else {
            return place;
        };
        let start = place.start as usize + offset + at.min(decoded.len());
        let length =
            decoded.get(at..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        Place::new(place.source, start..(start + length).min(place.end as usize))
    }

    fn render(&self, diagnostic: &Diagnostic) -> String {
        let title = format!("{}: {}", self.describe(diagnostic.place), diagnostic.message);
        let mut group = annotate_snippets::Group::with_title(Level::ERROR.primary_title(title));
        let excerpt = self.excerpt(diagnostic.place);
        if let Some((line, text, span)) = &excerpt {
            let annotation = AnnotationKind::Primary.span(span.clone());
            group = group.element(Snippet::source(*text).line_start(*line).annotation(annotation));
        }
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(help));
        }
        let rendered = Renderer::plain().render(&[group]);
        rendered.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    /// The line of a place with its number, and the place inside it, cut at the end of the line.
    fn excerpt(&self, place: Place) -> Option<(usize, &str, std::ops::Range<usize>)> {
        let text = self.sources.get(place.source as usize)?.text.as_deref()?;
        let start = floor_boundary(text, place.start as usize);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[line_start..line_end].trim_end_matches('\r');
        let (_, number, _) = self.position(place);
        let from = (start - line_start).min(line.len());
        let to = floor_boundary(line, (place.end as usize).saturating_sub(line_start)).max(from);
        if line.len() > LONGEST_SHOWN_LINE {
            return None;
        }
        Some((number, line, from..to))
    }
}

/// The largest character boundary of `text` that is not above `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl fmt::Display for Diagnostics {
    /// Each error as in `file:line:column: message` with the line, a caret and a hint; an empty line between two.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.list.iter().take(MOST_SHOWN).enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            f.write_str(&self.render(diagnostic))?;
        }
        match self.list.len().saturating_sub(MOST_SHOWN) + self.dropped {
            0 => Ok(()),
            more => write!(f, "\n\nand {more} more errors"),
        }
    }
}

impl std::error::Error for Diagnostics {}

/// Text of the user in quotes, escaped and shortened: what messages show.
#[must_use]
pub fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() > LONGEST {
        let short: String = text.chars().take(LONGEST).collect();
        format!("{short:?}…")
    } else {
        format!("{text:?}")
    }
}

/// `did you mean "x"? valid: "a", "b"`: the nearest of the valid names, and some of them where there are many.
pub fn suggestion<'a>(wrong: &str, valid: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 40;
    const MOST_SEARCHED: usize = 2_000;
    let valid: Vec<&str> = valid.into_iter().collect();
    // Where there are very many names the nearest one is not worth the search, once per error.
    let searched = if valid.len() > MOST_SEARCHED { &[] } else { &valid[..] };
    let nearest = crate::base::suggest::nearest(wrong, searched.iter().copied());
    let start = nearest.map(|name| format!("did you mean {}?", quoted(name)));
    let list = match valid.len() {
        0 => None,
        n if n > MOST => None,
        _ => Some(format!(
            "valid: {}",
            valid.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
        )),
    };
    let parts: Vec<String> = start.into_iter().chain(list).collect();
    if parts.is_empty() { format!("{} names are valid", valid.len()) } else { parts.join(" ") }
}
