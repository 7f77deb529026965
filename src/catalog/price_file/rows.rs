//! Lines and fields of a price file, with their places. There is no quoting, so a field is what stands between two
//! commas, and its column is exact.

/// Lines with their numbers from 1, ended by LF, CRLF or CR; a byte order mark, blank lines and `#` lines left out.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut rest = Some(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let all = std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = memchr::memchr2(b'\n', b'\r', text) else {
            rest = None;
            return Some(text);
        };
        let width = if text[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = Some(&text[end + width..]);
        Some(&text[..end])
    });
    let blank = |line: &[u8]| line.trim_ascii().is_empty() || line.trim_ascii_start()[0] == b'#';
    (1..).zip(all).filter(move |(_, line)| !blank(line))
}

/// Longest line and field, bytes, and most columns.
const LONGEST_LINE: usize = 1 << 20;
const LONGEST_FIELD: usize = 1 << 16;
const MOST_COLUMNS: usize = 1_000;

/// What is wrong with a line that no table has.
pub(super) fn too_long(line: &[u8]) -> Option<&'static str> {
    if line.len() > LONGEST_LINE {
        Some("the line is longer than 1 MiB")
    } else if line.split(|&byte| byte == b',').any(|field| field.len() > LONGEST_FIELD) {
        Some("a field is longer than 64 KiB")
    } else if line.iter().filter(|&&byte| byte == b',').count() >= MOST_COLUMNS {
        Some("the line has more than 1,000 fields")
    } else {
        None
    }
}

/// A place in a line, and what is wrong there.
pub(super) type Misplaced = (u64, &'static str);

/// The fields of a line as trimmed text, each with its column from 1.
pub(super) fn fields(line: &[u8]) -> Result<Vec<(u64, &str)>, Misplaced> {
    let mut fields = Vec::new();
    let mut column = 1;
    for bytes in line.split(|&byte| byte == b',') {
        let text = std::str::from_utf8(bytes).map_err(|_| (column, "is not UTF-8 text"))?;
        if let Some(at) = text.find(|c: char| c.is_control() && c != '\t') {
            return Err((column + at as u64, "has a control character"));
        }
        let indent = text.len() - text.trim_start().len();
        fields.push((column + indent as u64, text.trim()));
        column += bytes.len() as u64 + 1;
    }
    Ok(fields)
}

/// One row while it is read: fields by column name, and where each begins.
pub(super) struct Row<'a> {
    pub(super) line: u64,
    pub(super) columns: &'a [String],
    pub(super) fields: Vec<(u64, &'a str)>,
}

impl<'a> Row<'a> {
    /// A field and its column in the line; nothing where the file has no such column or the cell is empty.
    pub(super) fn get(&self, name: &str) -> Option<(u64, &'a str)> {
        let index = self.columns.iter().position(|column| column == name)?;
        self.fields.get(index).copied().filter(|(_, text)| !text.is_empty())
    }
}

/// Text as it is quoted in a message: escaped, and cut where it is very long.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}
