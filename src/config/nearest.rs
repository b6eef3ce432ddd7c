//! "Did you mean …": the known word nearest to one that is not known. PURE.

/// Words are compared up to this length; a longer one is no typing error.
const LONGEST: usize = 80;

/// The candidate nearest to `word`, where one is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    let asked = normal(word);
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&asked, &normal(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// `trustedProxies`, `trusted-proxies` and `trusted_proxies` are the same word to a reader.
fn normal(word: &str) -> String {
    word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The way out for a name that is not known: the nearest one, or all there are.
pub(crate) fn known_names<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    if let Some(near) = nearest(word, candidates.clone()) {
        return format!("did you mean `{near}`?");
    }
    let names: Vec<String> = candidates.into_iter().map(|name| format!("`{name}`")).collect();
    match names.as_slice() {
        [] => "none is defined".to_owned(),
        [one] => format!("known is only {one}"),
        _ => format!("known are {}", names.join(", ")),
    }
}

/// Of more names than this only the nearest are told.
const HANDFUL: usize = 5;

/// What there is instead of a name that is not: a handful of them, the nearest first.
pub(crate) fn there_are<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let asked: String = normal(word).chars().take(LONGEST).collect();
    let likeness = |name: &str| strsim::jaro_winkler(&asked, &normal(name));
    let mut names: Vec<(f64, &str)> =
        candidates.into_iter().map(|name| (likeness(name), name)).collect();
    names.sort_by(|(a, one), (b, other)| b.total_cmp(a).then(one.cmp(other)));
    let shown: Vec<&str> = names.iter().take(HANDFUL).map(|(_, name)| *name).collect();
    match (shown.as_slice(), names.len().saturating_sub(HANDFUL)) {
        ([], _) => "there is none".to_owned(),
        (shown, 0) => format!("there are: {}", shown.join(", ")),
        (shown, more) => format!("there are: {} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_finds_its_word_and_nonsense_finds_none() {
        let words = ["database", "warn_after", "trusted_proxies"];
        assert_eq!(nearest("databse", words), Some("database"));
        assert_eq!(nearest("trustedProxies", words), Some("trusted_proxies"));
        assert_eq!(nearest("xyz", words), None);
        assert_eq!(nearest("", words), None);
        assert_eq!(nearest(&"d".repeat(100_000), words), None);
        assert_eq!(known_names("zzz", ["a", "b"]), "known are `a`, `b`");
        assert_eq!(known_names("zzz", []), "none is defined");
    }

    #[test]
    fn what_there_is_begins_with_what_is_meant_and_has_an_end() {
        assert_eq!(there_are("mial", ["kilden", "mail"]), "there are: mail, kilden");
        assert_eq!(there_are("x", []), "there is none");
        let many: Vec<String> = (1..=40).map(|n| format!("site-{n}")).collect();
        let told = there_are("site-33", many.iter().map(String::as_str));
        assert!(told.starts_with("there are: site-33, "), "{told}");
        assert!(told.ends_with(" and 35 more"), "{told}");
        assert!(there_are(&"s".repeat(1 << 20), ["site"]).ends_with("site"));
    }
}
