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
    for finding in ordered {
        writeln!(out, "{}\n", shown(finding, sources, &Renderer::styled()))?;
    }
    Ok(())
}

/// One finding as plain text.
#[must_use]
pub fn plain(finding: &Finding, sources: &[SourceFile]) -> String {
    shown(finding, sources, &Renderer::plain())
}

fn shown(finding: &Finding, sources: &[SourceFile], renderer: &Renderer) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group = Group::with_title(level.primary_title(harmless(&finding.message)));
    if let Some(place) = &finding.place {
        group = with_place(group, place, sources);
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
