//! Findings as rustc shows them: the line, the mark under it, the way out.
//!
//! Always holds: no control character of a file or a value reaches the terminal, and a password in
//! a URL on the shown line is covered.

use std::io::Write;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Finding, Place, Severity, SourceFile};

/// A longer line is not shown, only named.
const LONGEST_LINE: usize = 2000;

/// Writes findings, worst last so that it stands where a person looks, with colour. Give it an
/// `anstream` stream, which takes the colour out where no terminal listens.
///
/// # Errors
/// What the stream says.
pub fn write_findings(
    out: &mut impl Write,
    findings: &[Finding],
    sources: &[SourceFile],
) -> std::io::Result<()> {
    let mut ordered: Vec<&Finding> = findings.iter().collect();
    ordered.sort_by_key(|finding| finding.severity);
    for (finding, also) in once(ordered) {
        writeln!(out, "{}\n", shown(finding, &also, sources, &Renderer::styled()))?;
    }
    Ok(())
}

/// Each thing that is said, at the first place, and the other lines of the same file that it is said
/// about: a name that is written wrong once is mentioned often.
fn once(findings: Vec<&Finding>) -> Vec<(&Finding, Vec<u32>)> {
    let file = |finding: &Finding| finding.place.as_ref().map(|place| place.file.clone());
    let mut told: Vec<(&Finding, Vec<u32>)> = Vec::new();
    for finding in findings {
        let same = told.iter_mut().find(|(first, _)| {
            (first.severity, &first.message, &first.help)
                == (finding.severity, &finding.message, &finding.help)
                && file(first) == file(finding)
        });
        match (same, &finding.place) {
            (Some((_, also)), Some(place)) => also.push(place.line),
            (Some(_), None) => {}
            (None, _) => told.push((finding, Vec::new())),
        }
    }
    told
}

/// One finding as plain text.
#[must_use]
pub fn plain(finding: &Finding, sources: &[SourceFile]) -> String {
    shown(finding, &[], sources, &Renderer::plain())
}

fn shown(finding: &Finding, also: &[u32], sources: &[SourceFile], renderer: &Renderer) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(level.primary_title(harmless(&finding.message)));
    if let Some(place) = &finding.place {
        group = with_place(group, place, sources);
    }
    if !also.is_empty() {
        let lines: Vec<String> = also.iter().map(ToString::to_string).collect();
        let word = if also.len() == 1 { "line" } else { "lines" };
        group = group.element(Level::NOTE.message(format!("also on {word} {}", lines.join(", "))));
    }
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(harmless(help)));
    }
    renderer.render(&[group])
}

fn with_place<'a>(group: Group<'a>, place: &Place, sources: &[SourceFile]) -> Group<'a> {
    let path = harmless(&place.file.display().to_string());
    let line = sources
        .iter()
        .find(|source| source.path == place.file)
        .and_then(|source| source.line(place.line))
        .filter(|text| text.len() <= LONGEST_LINE);
    let Some(line) = line else {
        return group.element(
            Origin::path(path).line(place.line as usize).char_column(place.column as usize),
        );
    };
    let text = cover_passwords(&harmless(line));
    let byte = |chars: usize| text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
    let first = place.column.saturating_sub(1) as usize;
    let span = byte(first)..byte(first + place.length as usize);
    group.element(
        Snippet::source(text)
            .path(path)
            .line_start(place.line as usize)
            .annotation(AnnotationKind::Primary.span(span)),
    )
}

/// Each control character becomes one visible sign, so that columns stay where they are.
fn harmless(text: &str) -> String {
    let sign = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() || is_reordering(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(sign).collect()
}

/// Characters that make a terminal show a line in another order than it is read.
fn is_reordering(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `scheme://user:password@host`: the password becomes as many stars.
fn cover_passwords(line: &str) -> String {
    let mut covered = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("://") {
        covered.push_str(before);
        covered.push_str("://");
        let end = after.find([' ', '"', '\'', '/', ',']).unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        match authority.rsplit_once('@').and_then(|(u, host)| Some((u.split_once(':')?, host))) {
            Some(((user, password), host)) => {
                let stars = "*".repeat(password.chars().count());
                covered.push_str(&format!("{user}:{stars}@{host}"));
            }
            None => covered.push_str(authority),
        }
        rest = tail;
    }
    covered.push_str(rest);
    covered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32, length: u32) -> Option<Place> {
        Some(Place { file: "x.yaml".into(), line, column, length })
    }

    #[test]
    fn the_mark_stands_under_the_value_whatever_stands_before_it() {
        let sources = [SourceFile::new("x.yaml", "navn: Rødøvre, sted: her\n")];
        let finding = Finding::warning("here").at(at(1, 22, 3)).with_help("there");
        insta::assert_snapshot!(plain(&finding, &sources), @r#"
        warning: here
         --> x.yaml:1:22
          |
        1 | navn: Rødøvre, sted: her
          |                      ^^^
          |
          = help: there
        "#);
    }

    #[test]
    fn a_place_without_its_text_is_still_named() {
        let finding = Finding::error("gone").at(at(7, 3, 1));
        insta::assert_snapshot!(plain(&finding, &[]), @r#"
        error: gone
        --> x.yaml:7:3
        "#);
        let sources = [SourceFile::new("x.yaml", &format!("a: {}", "x".repeat(5000)))];
        let long = Finding::error("long").at(at(1, 4, 5000));
        insta::assert_snapshot!(plain(&long, &sources), @r#"
        error: long
        --> x.yaml:1:4
        "#);
        insta::assert_snapshot!(plain(&Finding::note("nowhere"), &sources), @r#"note: nowhere"#);
    }

    #[test]
    fn a_place_beyond_the_file_does_no_harm() {
        let sources = [SourceFile::new("x.yaml", "a: 1")];
        for (line, column, length) in [(1, 99, 99), (99, 1, 1), (0, 0, 0), (1, u32::MAX, u32::MAX)]
        {
            let finding = Finding::error("odd").at(at(line, column, length));
            assert!(plain(&finding, &sources).starts_with("error: odd"));
        }
    }

    #[test]
    fn no_control_character_reaches_the_terminal() {
        let sources = [SourceFile::new("x.yaml", "a: \u{1b}[31mred\u{7}\u{202e}\n")];
        let finding = Finding::error("value \u{1b}]0;title\u{7}")
            .at(at(1, 4, 3))
            .with_help("\u{1b}[2J\u{9b}");
        let shown = plain(&finding, &sources);
        assert!(
            shown.chars().all(|c| c == '\n' || !c.is_control() && !is_reordering(c)),
            "{shown:?}"
        );
    }

    #[test]
    fn a_password_in_a_url_is_covered() {
        for (line, covered) in [
            ("store: postgres://g:hunter2@db/x", "store: postgres://g:*******@db/x"),
            ("[\"http://a:b@c\", http://d:8080]", "[\"http://a:*@c\", http://d:8080]"),
            ("a: http://user@host", "a: http://user@host"),
            ("a: http://u:p@ss@host", "a: http://u:****@host"),
        ] {
            assert_eq!(cover_passwords(line), covered);
        }
    }

    #[test]
    fn what_is_wrong_in_several_places_is_said_once() {
        let named =
            |line| Finding::error("no site is called `x`").at(at(line, 1, 1)).with_help("y");
        let findings = [named(1), named(2), Finding::error("other").at(at(2, 1, 1)), named(3)];
        let mut out = Vec::new();
        let sources = [SourceFile::new("x.yaml", "a\nb\nc\n")];
        write_findings(&mut anstream::StripStream::new(&mut out), &findings, &sources).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.matches("no site is called").count(), 1, "{out}");
        assert!(out.contains("= note: also on lines 2, 3\n  = help: y"), "{out}");
        assert!(out.contains("error: other"), "{out}");
    }

    #[test]
    fn the_worst_stands_last() {
        let mut out = Vec::new();
        let findings = [Finding::error("bad"), Finding::note("small"), Finding::warning("odd")];
        write_findings(&mut anstream::StripStream::new(&mut out), &findings, &[]).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "note: small\n\nwarning: odd\n\nerror: bad\n\n"
        );
    }
}
