//! Text to value tree: the only place that knows TOML. JSON is read by [`super::json`] into the same tree.

use super::diagnostic::Diagnostics;
use super::json;
use super::tree::{Data, Entry, Node, Place};
use std::io::Read as _;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Largest scenario file, and largest file that a scenario refers to other than a trace.
pub const MOST_BYTES: u64 = 64 << 20;
/// In a longer text that is no TOML only the first error is looked for: each takes its place in memory, and a text of
/// megabytes that was no scenario has millions.
const MOST_BYTES_OF_ERRORS: usize = 256 << 10;
/// Deepest nesting of tables and lists: scenarios need six.
pub const MOST_LEVELS: usize = 32;

/// Reads a file as text. Anything but a regular file of valid UTF-8 is an error in `problems`.
///
/// It may be compressed with gzip. `display` is the name as the user wrote it.
pub fn read_text(path: &Path, display: &str, problems: &mut Diagnostics) -> Option<String> {
    let fail = |problems: &mut Diagnostics, message: String| {
        problems.add_file_error(display, message, None);
        None
    };
    let meta = match std::fs::metadata(path) {
        Ok(meta) => meta,
        Err(error) => return fail(problems, format!("cannot be read: {error}")),
    };
    if !meta.is_file() {
        return fail(problems, "is not a regular file".into());
    }
    if meta.len() > MOST_BYTES {
        return fail(problems, format!("is larger than {} MiB", MOST_BYTES >> 20));
    }
    match std::fs::read(path).and_then(unpacked) {
        Ok(bytes) => as_text(bytes, display, problems),
        Err(error) => fail(problems, format!("cannot be read: {error}")),
    }
}

/// Standard input, in messages.
pub const STDIN: &str = "standard input";

/// Reads standard input as text, as [`read_text`] does a file.
pub fn read_stdin(problems: &mut Diagnostics) -> Option<String> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(MOST_BYTES + 1).read_to_end(&mut bytes);
    match read.and_then(|_| unpacked(bytes)) {
        Ok(bytes) => as_text(bytes, STDIN, problems),
        Err(error) => {
            problems.add_file_error(STDIN, format!("cannot be read: {error}"), None);
            None
        }
    }
}

/// The bytes of a file as text, without a mark of their order.
fn as_text(bytes: Vec<u8>, display: &str, problems: &mut Diagnostics) -> Option<String> {
    if bytes.len() as u64 > MOST_BYTES {
        let message = format!("is larger than {} MiB unpacked", MOST_BYTES >> 20);
        problems.add_file_error(display, message, None);
        return None;
    }
    match String::from_utf8(bytes) {
        Ok(mut text) => {
            if text.starts_with('\u{feff}') {
                text.drain(..'\u{feff}'.len_utf8());
            }
            Some(text)
        }
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let valid = String::from_utf8_lossy(&error.as_bytes()[..at]).into_owned();
            let end = valid.len();
            let source = problems.add_source(display, &valid);
            problems.error(Place::new(source, end..end), "is not valid UTF-8 from here on");
            None
        }
    }
}

/// Undoes gzip where the first bytes say so, as for traces; at most one byte more than is allowed.
fn unpacked(bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
    if !bytes.starts_with(b"\x1f\x8b") {
        return Ok(bytes);
    }
    let mut text = Vec::new();
    let packed = flate2::read::MultiGzDecoder::new(&bytes[..]);
    packed.take(MOST_BYTES + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// Parses a scenario: JSON where its name or the first character says so, TOML otherwise.
pub fn parse(name: &str, text: &str, source: u32, problems: &mut Diagnostics) -> Option<Node> {
    let is_json = Path::new(name).extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
    if is_json || text.trim_start().starts_with('{') {
        json::parse(text, source, problems)
    } else {
        parse_toml(text, source, problems)
    }
}

/// Parses a TOML document.
pub fn parse_toml(text: &str, source: u32, problems: &mut Diagnostics) -> Option<Node> {
    if let Some(at) = too_many_dots(text) {
        problems.error(Place::new(source, at..at + 1), too_deep());
        return None;
    }
    let table = if text.len() > MOST_BYTES_OF_ERRORS {
        DeTable::parse(text).map_err(|first| vec![first])
    } else {
        let (table, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() { Ok(table) } else { Err(errors) }
    };
    match table {
        Ok(table) => {
            let span = table.span();
            let mut convert = Convert { source, problems };
            convert.table(table.into_inner(), Place::new(source, span), 0)
        }
        Err(errors) => {
            for error in errors {
                let span = error.span().unwrap_or(0..0);
                let message = one_line(error.message());
                problems.error(Place::new(source, span), format!("TOML: {message}"));
            }
            None
        }
    }
}

/// Parses one TOML value that starts at byte `offset` of a source, as `--set` takes it.
pub fn parse_value(
    text: &str,
    source: u32,
    offset: usize,
    problems: &mut Diagnostics,
) -> Option<Node> {
    if too_many_dots(text).is_some() {
        return None;
    }
    let value = DeValue::parse(text).ok()?;
    let span = value.span();
    let place = Place::new(source, span.start + offset..span.end + offset);
    let mut scratch = Diagnostics::new();
    let mut convert = Convert { source, problems: &mut scratch };
    let mut node = convert.value(value.into_inner(), place, 0);
    if scratch.is_empty() {
        if let Some(node) = &mut node {
            // Parts of the value all point to the whole of it: their own spans lack the offset.
            settle(node, place);
        }
        node
    } else {
        problems.error(place, too_deep());
        None
    }
}

pub(super) fn settle(node: &mut Node, place: Place) {
    node.place = place;
    match &mut node.data {
        Data::List(items) => items.iter_mut().for_each(|item| settle(item, place)),
        Data::Table(entries) => entries.iter_mut().for_each(|entry| {
            entry.key_place = place;
            settle(&mut entry.value, place);
        }),
        _ => {}
    }
}

/// A dotted key is nested by the parser without a limit, and the tree would be dropped by recursion: refuse a line
/// with absurdly many dots before it is parsed. Long decimal lists stay far below, because they have commas.
fn too_many_dots(text: &str) -> Option<usize> {
    const MOST: usize = 500;
    let mut dots = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'.' => dots += 1,
            // What ends a dotted key or cannot be part of one.
            b'\n' | b',' | b'=' | b'#' => dots = 0,
            _ => {}
        }
        if dots > MOST {
            return Some(at);
        }
    }
    None
}

fn too_deep() -> String {
    format!("nested deeper than {MOST_LEVELS} levels")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Convert<'a> {
    source: u32,
    problems: &'a mut Diagnostics,
}

impl Convert<'_> {
    fn table(&mut self, table: DeTable<'_>, place: Place, level: usize) -> Option<Node> {
        let mut entries: Vec<Entry> = Vec::with_capacity(table.len());
        for (key, value) in table {
            let key_place = Place::new(self.source, key.span());
            let value = self.spanned(value, level + 1)?;
            entries.push(Entry { key: key.into_inner().into_owned(), key_place, value });
        }
        // The parser sorts by name; people read in the order of the file.
        entries.sort_by_key(|entry| entry.key_place);
        Some(Node { place, data: Data::Table(entries) })
    }

    fn spanned(&mut self, value: Spanned<DeValue<'_>>, level: usize) -> Option<Node> {
        let place = Place::new(self.source, value.span());
        self.value(value.into_inner(), place, level)
    }

    fn value(&mut self, value: DeValue<'_>, place: Place, level: usize) -> Option<Node> {
        if level > MOST_LEVELS {
            self.problems.error(place, too_deep());
            return None;
        }
        let data = match value {
            DeValue::String(text) => Data::Text(text.into_owned()),
            DeValue::Integer(number) if number.radix() == 10 => {
                Data::Number(number.as_str().trim_start_matches('+').to_string())
            }
            DeValue::Integer(number) => {
                match u64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(value) => Data::Number(value.to_string()),
                    Err(_) => Data::Number("18446744073709551616".into()),
                }
            }
            DeValue::Float(number) => {
                Data::Number(number.as_str().trim_start_matches('+').to_string())
            }
            DeValue::Boolean(flag) => Data::Flag(flag),
            DeValue::Datetime(_) => Data::Time,
            DeValue::Array(items) => Data::List(
                items
                    .into_iter()
                    .map(|item| self.spanned(item, level + 1))
                    .collect::<Option<Vec<Node>>>()?,
            ),
            DeValue::Table(table) => return self.table(table, place, level),
        };
        Some(Node { place, data })
    }
}
