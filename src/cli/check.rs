//! `geovagt check`: everything that is wrong, at once.
//!
//! What the file itself says is checked by [`config`](crate::config); what only the machine can say
//! by the functions in [`CHECKS`], each independent of the others.

mod access;
mod administration;
mod certificates;
mod client_certificates;
mod directories;
mod files;
mod lists;
mod notices;
mod providers;
#[cfg(test)]
mod sample;
mod upstreams;

use std::io::Write;

use serde::Serialize;

use super::{Answer, Context};
use crate::config::{
    Examined, Finding, Loaded, Severity, Surroundings, examine, process_environment, write_findings,
};

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Check only what the file itself says: open no certificate, secret, list, database, store or
    /// network, and expand nothing.
    #[arg(long = "static")]
    static_only: bool,
}

/// One thing that only the machine can say about a configuration that is well-formed.
type Check = fn(&Loaded) -> Vec<Finding>;

/// What `check` without `--static` looks at, in the order it is said.
const CHECKS: &[Check] = &[
    files::state_directory,
    files::databases,
    lists::seen_by_the_database,
    lists::announced_in_time,
    lists::that_only_report,
    certificates::check,
    client_certificates::check,
    upstreams::check,
    directories::check,
    providers::check,
    notices::check,
    access::check,
    administration::check,
    administration::unknown_people,
];

/// What `check --json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    ok: bool,
    findings: Vec<Item<'a>>,
}

#[derive(Debug, Serialize)]
struct Item<'a> {
    severity: &'static str,
    message: &'a str,
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
    help: Option<&'a str>,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let surroundings = Surroundings {
        environment: &process_environment,
        now: crate::clock::now(),
        static_only: arguments.static_only,
    };
    let mut examined = examine(&context.config_file, surroundings);
    if !arguments.static_only {
        let more = on_this_machine(&examined);
        examined.findings.extend(more);
    }
    let ok = !examined.has_errors();
    if context.json {
        context.print_json(&report(ok, &examined.findings))?;
    } else {
        write_findings(&mut context.messages(), &examined.findings, &examined.sources)?;
        let file = context.config_file.display();
        writeln!(context.out(), "{file}: {}", summary(&examined.findings))?;
    }
    Ok(if ok { Answer::Yes } else { Answer::No })
}

/// What the announcement lock does not let take effect, as the files stand.
pub(super) fn refused_by_the_lock(loaded: &Loaded) -> Vec<String> {
    let findings = lists::announced_in_time(loaded).into_iter();
    let refused = findings.filter(|finding| finding.severity == Severity::Error);
    refused.map(|finding| finding.message).collect()
}

fn on_this_machine(examined: &Examined) -> Vec<Finding> {
    let Some(config) = examined.config.clone() else { return Vec::new() };
    let (lists, sources) = (examined.lists.clone(), examined.sources.clone());
    let loaded = Loaded { config, findings: Vec::new(), lists, sources };
    CHECKS.iter().flat_map(|check| check(&loaded)).collect()
}

fn report(ok: bool, findings: &[Finding]) -> Report<'_> {
    Report { ok, findings: findings.iter().map(item).collect() }
}

fn item(finding: &Finding) -> Item<'_> {
    let place = finding.place.as_ref();
    Item {
        severity: severity(finding.severity),
        message: &finding.message,
        file: place.map(|place| place.file.display().to_string()),
        line: place.map(|place| place.line),
        column: place.map(|place| place.column),
        help: finding.help.as_deref(),
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// `well`, or how many findings of each kind.
fn summary(findings: &[Finding]) -> String {
    let count = |wanted: Severity| findings.iter().filter(|f| f.severity == wanted).count();
    let said: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .map(|kind| (severity(kind), count(kind)))
        .filter(|(_, count)| *count > 0)
        .map(|(word, count)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if said.is_empty() { "everything is well".to_owned() } else { said.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Place;

    fn findings() -> Vec<Finding> {
        let place = Place { file: "gateway.yaml".into(), line: 3, column: 5, length: 2 };
        vec![
            Finding::error("no list is called `x`").with_help("write it").at(Some(place)),
            Finding::warning("old"),
            Finding::warning("older"),
        ]
    }

    #[test]
    fn the_summary_counts() {
        assert_eq!(summary(&findings()), "1 error, 2 warnings");
        assert_eq!(summary(&[]), "everything is well");
    }

    #[test]
    fn the_report_holds_what_a_program_needs() {
        let findings = findings();
        let json = serde_json::to_value(report(false, &findings)).unwrap();
        assert_eq!(
            json["findings"][0],
            serde_json::json!({
                "severity": "error", "message": "no list is called `x`",
                "file": "gateway.yaml", "line": 3, "column": 5, "help": "write it",
            })
        );
        assert_eq!(json["ok"], false);
        assert_eq!(json["findings"][1]["file"], serde_json::Value::Null);
    }
}
