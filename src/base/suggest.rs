//! "Did you mean": the nearest of the known names.

/// Longest name that is looked at: a longer one is no slip of the fingers, and comparing takes its length squared.
const LONGEST: usize = 200;

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

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_misspelling_finds_its_name_and_nonsense_finds_none() {
        let known = ["binpack", "random", "spread"];
        assert_eq!(nearest("binpak", known), Some("binpack"));
        assert_eq!(nearest("SPREAD", known), Some("spread"));
        assert_eq!(nearest("xyzzy", known), None);
    }
}
