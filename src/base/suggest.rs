//! "Did you mean": the nearest of the known names.

/// Longest name that is looked at: a longer one is no slip of the fingers, and comparing takes its length squared.
const LONGEST: usize = 200;
/// Most columns of a header that are looked at.
const MOST_COLUMNS: usize = 1_000;

/// The known name nearest to `name`, if it is near enough to be a likely misspelling.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    let wanted = name.to_ascii_lowercase();
    known
        .into_iter()
        .map(|candidate| {
            (strsim::damerau_levenshtein(&wanted, &candidate.to_ascii_lowercase()), candidate)
        })
        .min_by_key(|&(distance, candidate)| (distance, candidate))
        .filter(|&(distance, candidate)| distance <= 1 + candidate.len().min(wanted.len()) / 4)
        .map(|(_, candidate)| candidate)
}

/// What separates the fields of a header line that names known columns, but not with commas between them: in words, and
/// as a command that puts commas there.
pub fn other_separator<'a>(
    header: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<(&'static str, &'static str)> {
    let kinds = [
        (';', "semicolons", "`tr ';' ','`"),
        ('\t', "tabs", "`tr '\\t' ','`"),
        ('|', "vertical bars", "`tr '|' ','`"),
    ];
    let found = kinds.into_iter().find(|&(separator, ..)| header.contains(separator))?;
    let (separator, words, command) = found;
    let bare = |name: &'_ str| name.trim().trim_matches('"').trim().to_ascii_lowercase();
    let names: Vec<String> = header.split(separator).take(MOST_COLUMNS).map(bare).collect();
    let is_there = |name: &str| names.iter().any(|own| own.eq_ignore_ascii_case(name));
    known.into_iter().any(is_there).then_some((words, command))
}

/// What to do about a table whose fields something else separates than commas.
pub fn put_commas((words, command): (&str, &str)) -> (String, String) {
    let text = format!("the fields are separated by {words}, not by commas");
    (text, format!("put commas between them, as {command} does; decimals have a point"))
}

#[cfg(test)]
mod tests {
    use super::{nearest, other_separator};

    #[test]
    fn other_separators_are_seen_where_a_column_is_known() {
        let of = |header| other_separator(header, ["time_s", "requests_per_s"]).map(|of| of.0);
        assert_eq!(of("time_s;requests_per_s"), Some("semicolons"));
        assert_eq!(of("Time_s\t\"rate\""), Some("tabs"));
        assert_eq!(of("rate | time_s "), Some("vertical bars"));
        assert_eq!(of("time_s,requests_per_s"), None);
        assert_eq!(of("a;b"), None);
    }

    #[test]
    fn a_misspelling_finds_its_name_and_nonsense_finds_none() {
        let known = ["binpack", "random", "spread"];
        assert_eq!(nearest("binpak", known), Some("binpack"));
        assert_eq!(nearest("SPREAD", known), Some("spread"));
        assert_eq!(nearest("xyzzy", known), None);
    }
}
