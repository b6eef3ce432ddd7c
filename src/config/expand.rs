//! `${NAME}` and `${file:PATH}` in text values.
//!
//! Always holds: expansion happens after the YAML was read, so what a variable or a secret's file
//! holds can never change the structure; it is not expanded again; it never stands in a finding.

use std::path::Path;

use super::bounded_file::read_text;

/// What a `${file:PATH}` may hold at most.
const MAXIMUM_SECRET_BYTES: u64 = 64 << 10;

/// A text value cut at its expansions.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Stands for itself.
    Literal(&'a str),
    /// `${NAME}`
    Variable(&'a str),
    /// `${file:PATH}`
    File(&'a str),
}

/// Why a text could not be expanded: what is wrong, and the way out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CannotExpand {
    pub(super) message: String,
    pub(super) help: String,
}

/// Cuts a text into its parts. `$${` stands for `${`; a `$` elsewhere stands for itself.
pub(super) fn parts(text: &str) -> Result<Vec<Part<'_>>, CannotExpand> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(escaped) = before.strip_suffix('$') {
            parts.push(Part::Literal(escaped));
            parts.push(Part::Literal("${"));
            rest = after;
            continue;
        }
        parts.push(Part::Literal(before));
        let (inside, tail) = after.split_once('}').ok_or_else(|| CannotExpand {
            message: "`${` is not closed".to_owned(),
            help: "write `${NAME}` or `${file:PATH}`; for the two characters themselves, `$${`"
                .to_owned(),
        })?;
        parts.push(part(inside)?);
        rest = tail;
    }
    parts.push(Part::Literal(rest));
    parts.retain(|part| *part != Part::Literal(""));
    Ok(parts)
}

fn part(inside: &str) -> Result<Part<'_>, CannotExpand> {
    if let Some(path) = inside.strip_prefix("file:").filter(|path| !path.is_empty()) {
        return Ok(Part::File(path));
    }
    let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !inside.is_empty()
        && inside.chars().all(name)
        && !inside.starts_with(|c: char| c.is_ascii_digit())
    {
        return Ok(Part::Variable(inside));
    }
    Err(CannotExpand {
        message: format!("`${{{inside}}}` is neither a variable nor a file"),
        help: "write `${NAME}` or `${file:PATH}`; nothing else is expanded".to_owned(),
    })
}

/// Puts the parts together with what they stand for.
pub(super) fn expand(
    parts: &[Part<'_>],
    directory: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<String, CannotExpand> {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Literal(literal) => text.push_str(literal),
            Part::Variable(name) => {
                text.push_str(&environment(name).ok_or_else(|| CannotExpand {
                    message: format!("the environment variable `{name}` is not set"),
                    help: format!("set {name} where geovagt is started, or write the value here"),
                })?);
            }
            Part::File(path) => text.push_str(&file(path, directory)?),
        }
    }
    Ok(text)
}

fn file(path: &str, directory: &Path) -> Result<String, CannotExpand> {
    let mut text =
        read_text(&directory.join(path), MAXIMUM_SECRET_BYTES).map_err(|why| CannotExpand {
            message: format!("cannot read the file `{path}`: {why}"),
            help: why.way_out().to_owned(),
        })?;
    // Editors and `echo` end a file with one newline that is no part of the secret.
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

/// The process's environment: the one place that reads it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
pub fn process_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn expanded(text: &str) -> Result<String, String> {
        let environment = |name: &str| (name == "HOME_TOWN").then(|| "Ballerup ${X}".to_owned());
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("secret"), "s3cret\n\n").unwrap();
        std::fs::write(directory.path().join("windows"), "s3cret\r\n").unwrap();
        std::fs::write(directory.path().join("large"), vec![b'x'; (64 << 10) + 1]).unwrap();
        parts(text)
            .and_then(|parts| expand(&parts, directory.path(), &environment))
            .map_err(|e| e.message)
    }

    #[test]
    fn variables_and_files_are_put_in_once_and_not_expanded_again() {
        for (text, expected) in [
            ("", ""),
            ("plain $5 $HOME_TOWN {x}", "plain $5 $HOME_TOWN {x}"),
            ("<${HOME_TOWN}>", "<Ballerup ${X}>"),
            ("$${HOME_TOWN}", "${HOME_TOWN}"),
            ("${file:secret}", "s3cret\n"),
            ("a${file:windows}b", "as3cretb"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_expanded_says_so_and_says_no_secret() {
        for (text, said) in [
            ("${MISSING}", "the environment variable `MISSING` is not set"),
            ("${file:gone}", "cannot read the file `gone`: it does not exist"),
            ("${file:large}", "cannot read the file `large`: it is larger than 64 KiB"),
            ("${file:.}", "cannot read the file `.`: it is a directory, not a file"),
            ("${HOME_TOWN", "`${` is not closed"),
            ("${}", "`${}` is neither a variable nor a file"),
            ("${file:}", "`${file:}` is neither a variable nor a file"),
            ("${env:X}", "`${env:X}` is neither a variable nor a file"),
            ("${A-default}", "`${A-default}` is neither a variable nor a file"),
        ] {
            assert_eq!(expanded(text), Err(said.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_text_without_a_dollar_stands_for_itself(text in "[^$]*") {
            prop_assert_eq!(expanded(&text), Ok(text));
        }

        #[test]
        fn no_text_panics(text in "[${}a-z:\\PC]{0,40}") {
            let _ = parts(&text);
        }
    }
}
