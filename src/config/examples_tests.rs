//! The configuration that ships, whole and mutilated.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::config::render::plain;
use crate::config::{Examined, Provider, SourceFile, Surroundings, examine, examine_source};

const EXAMPLE: &str = include_str!("../../config/gateway.yaml");

fn surroundings<'a>(static_only: bool) -> Surroundings<'a> {
    Surroundings {
        environment: &|_| None,
        now: "2026-11-22T12:00:00Z".parse().unwrap(),
        static_only,
    }
}

/// Not static: a value that a static check leaves out is no finding, and no configuration either.
fn in_memory(text: &str) -> Examined {
    examine_source(SourceFile::new("/nonexistent/gateway.yaml", text), surroundings(false))
}

/// Ours. `forward-auth.PROGRAM.yaml` is that program's, and alive in `outside_forward_auth`.
fn shipped() -> Vec<PathBuf> {
    let of_another = |path: &Path| {
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        stem.is_none_or(|stem| stem.starts_with("forward-auth."))
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut files: Vec<PathBuf> = std::fs::read_dir(root.join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "yaml") && !of_another(path))
        .collect();
    files.push(root.join("gateway.yaml"));
    files
}

#[test]
fn every_shipped_example_is_valid_and_without_a_warning() {
    let files = shipped();
    for name in [
        "behind-haproxy",
        "behind-nginx",
        "behind-azure",
        "nextcloud",
        "wordpress",
        "exchange",
        "sharepoint",
        "entra",
        "adfs",
        "keycloak",
        "ldap",
        "dovecot-postfix",
        "sogo",
        "gateway",
    ] {
        assert!(files.iter().any(|path| path.file_stem().unwrap() == name), "{name}");
    }
    for path in files {
        let examined = examine(&path, surroundings(true));
        let shown: Vec<String> =
            examined.findings.iter().map(|f| plain(f, &examined.sources)).collect();
        assert!(examined.config.is_some() && shown.is_empty(), "{}", shown.join("\n"));
    }
}

#[test]
fn a_ping_of_an_hour_is_waited_for_in_front_of_exchange() {
    let file = shipped().into_iter().find(|path| path.ends_with("exchange.yaml")).unwrap();
    let config = examine(&file, surroundings(true)).config.unwrap();
    let mail = config.sites.values().find(|site| site.id.as_str() == "mail").unwrap();
    let response = mail.upstream.timeouts.response.unwrap();
    assert!(response > std::time::Duration::from_hours(1), "{response:?}");
}

/// What its head says to take in for phones and for Outlook on a desktop.
#[test]
fn exchange_is_valid_with_its_directory_and_its_desktops() {
    let file = shipped().into_iter().find(|path| path.ends_with("exchange.yaml")).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let (above, below) = text.split_once("# DIRECTORY, 2 of 2").unwrap();
    let block = |line: &str| line.strip_prefix("# ").unwrap_or(line).to_owned();
    let (said, below) = below.split_once('\n').unwrap();
    let below: Vec<String> = below.lines().map(block).collect();
    let above = above.replace("# identity_providers:", "identity_providers:");
    let above = above.replace("# address_grant:", "address_grant:");
    let whole = format!("{above}#{said}\n{}\n", below.join("\n"));
    let examined = examine_source(SourceFile::new("exchange.yaml", &whole), surroundings(true));
    let shown: Vec<String> =
        examined.findings.iter().map(|f| plain(f, &examined.sources)).collect();
    assert!(shown.is_empty(), "{}\n{whole}", shown.join("\n"));
    let config = examined.config.unwrap();
    let mail = config.sites.values().next().unwrap();
    assert!(mail.address_grant.is_some());
    assert_eq!(mail.identity_providers.len(), 1);
    assert!(matches!(config.identity.values().next(), Some(Provider::Ldap(_))));
}

/// Either it can run, or every error has a place and can be shown.
fn sound(text: &str) {
    let examined = in_memory(text);
    assert_eq!(examined.config.is_none(), examined.has_errors());
    for finding in &examined.findings {
        let shown = plain(finding, &examined.sources);
        assert!(!shown.is_empty());
        if examined.has_errors() && finding.severity == crate::config::Severity::Error {
            let place = finding.place.as_ref().unwrap_or_else(|| panic!("no place: {finding:?}"));
            assert!(place.line >= 1 && place.column >= 1);
        }
    }
}

#[test]
fn a_line_taken_out_or_written_twice_gives_a_configuration_or_a_finding_with_a_place() {
    let lines: Vec<&str> = EXAMPLE.lines().collect();
    let meaningful =
        lines.iter().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#'));
    for (index, _) in meaningful {
        let without = lines.iter().enumerate().filter(|(i, _)| *i != index).map(|(_, l)| *l);
        sound(&without.collect::<Vec<_>>().join("\n"));
        let twice = lines
            .iter()
            .enumerate()
            .flat_map(|(i, line)| std::iter::repeat_n(*line, if i == index { 2 } else { 1 }));
        sound(&twice.collect::<Vec<_>>().join("\n"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,80}|[-:{}\\[\\]&*!|>'\"%@`#, \\n\\ta-z0-9]{0,120}") {
        let examined = in_memory(&text);
        for finding in &examined.findings {
            let _ = plain(finding, &examined.sources);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gateway.yaml");
        std::fs::write(&path, &bytes).unwrap();
        let examined = examine(&path, surroundings(true));
        prop_assert!(examined.config.is_some() || examined.has_errors());
    }

    #[test]
    fn a_character_changed_anywhere_never_panics(at in 0..EXAMPLE.len(), to in any::<char>()) {
        let mut text: Vec<char> = EXAMPLE.chars().collect();
        let at = at % text.len();
        text[at] = to;
        sound(&text.into_iter().collect::<String>());
    }

    #[test]
    fn a_stretch_cut_out_never_panics(from in 0..EXAMPLE.len(), length in 0..400_usize) {
        let until = EXAMPLE.floor_char_boundary(from + length);
        let from = EXAMPLE.floor_char_boundary(from);
        sound(&format!("{}{}", &EXAMPLE[..from], &EXAMPLE[until..]));
    }
}
