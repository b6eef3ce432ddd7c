//! How exemptions are shown: a table that fits a terminal, one in full, JSON.

use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::local_time::{local, zone};
use crate::config::Config;
use crate::policy::{
    Actor, Application, Demands, ExemptionId, ExemptionState, Leg, Phase, TravelExemption,
};
use crate::store::{ExemptionRecord, HistoryEntry};

/// An exemption as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Item<'a> {
    id: &'a str,
    state: &'static str,
    organization: &'a str,
    user: &'a str,
    subject: &'a str,
    provider: &'a str,
    sites: Vec<&'a str>,
    legs: &'a [Leg],
    purpose: &'a str,
    case_number: &'a str,
    /// When it was granted, or approved by as many as it takes.
    granted_at: Option<Timestamp>,
    granted_by: Option<Who<'a>>,
    counts_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<Applied<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emergency: Option<Called<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Step<'a>>,
    demands: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<Step<'a>>>,
}

#[derive(Debug, Serialize)]
struct Applied<'a> {
    at: Timestamp,
    by: Who<'a>,
    devices: &'a [String],
    telephone: &'a str,
    mail: &'a str,
    extends: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Called<'a> {
    reference: &'a str,
    caller_verified: &'a str,
    confirm_before: Timestamp,
    confirmed: bool,
}

#[derive(Debug, Serialize)]
struct Who<'a> {
    name: &'a str,
    operating_system_user: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Step<'a> {
    action: &'a str,
    at: Timestamp,
    by: Who<'a>,
    reason: Option<&'a str>,
}

impl<'a> Item<'a> {
    pub(super) fn of(record: &'a ExemptionRecord, now: Timestamp, with_history: bool) -> Self {
        let exemption = &record.exemption;
        Self {
            id: exemption.id.as_str(),
            state: exemption.phase(now).word(),
            organization: exemption.organization.as_str(),
            user: exemption.user_name.as_str(),
            subject: exemption.person.subject(),
            provider: exemption.person.provider().as_str(),
            sites: exemption.sites.iter().map(crate::identifier::SiteId::as_str).collect(),
            legs: &exemption.legs,
            purpose: &exemption.purpose,
            case_number: &exemption.case_number,
            granted_at: granted(record).map(|entry| entry.at),
            granted_by: granted(record).map(|entry| who(&entry.by)),
            counts_until: exemption.counts_until(),
            application: applied_for(record).map(|application| Applied {
                at: record.granted_at,
                by: who(&record.granted_by),
                devices: &application.devices,
                telephone: &application.telephone,
                mail: &application.mail,
                extends: application.extends.as_ref().map(ExemptionId::as_str),
            }),
            emergency: record.emergency.as_ref().map(|emergency| Called {
                reference: &emergency.reference,
                caller_verified: &emergency.caller_verified,
                confirm_before: emergency.confirm_before,
                confirmed: record.first("approved").is_some(),
            }),
            refusal: record.first("refused").map(step),
            demands: exemption.demands.words().collect(),
            history: with_history.then(|| record.history.iter().map(step).collect()),
        }
    }
}

/// What an application said; a grant can say how the traveller is reached, too.
fn applied_for(record: &ExemptionRecord) -> Option<&Application> {
    record.application.as_ref().filter(|_| record.first("applied").is_some())
}

/// What made it count: the grant itself, or the last approval that an application took.
fn granted(record: &ExemptionRecord) -> Option<&HistoryEntry> {
    let waits = matches!(
        record.exemption.state,
        ExemptionState::Applied
            | ExemptionState::AwaitingApproval
            | ExemptionState::Refused
            | ExemptionState::Withdrawn
    );
    let approved = || record.history.iter().rfind(|entry| entry.action == "approved");
    let at_once = record
        .history
        .iter()
        .find(|entry| entry.action != "applied")
        .filter(|entry| matches!(entry.action.as_str(), "granted" | "emergency"));
    at_once.or_else(|| approved().filter(|_| !waits))
}

fn who(actor: &Actor) -> Who<'_> {
    let operating_system_user = actor.operating_system_user.as_deref();
    Who { name: &actor.name, operating_system_user }
}

fn step(entry: &HistoryEntry) -> Step<'_> {
    Step {
        action: &entry.action,
        at: entry.at,
        by: who(&entry.by),
        reason: entry.reason.as_deref(),
    }
}

/// One line each, 80 columns at most.
pub(super) fn table(
    out: &mut impl Write,
    config: &Config,
    records: &[ExemptionRecord],
    now: Timestamp,
) -> std::io::Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    line(out, &HEADS.map(str::to_owned))?;
    for record in records {
        let exemption = &record.exemption;
        let zone = zone(config, &exemption.organization);
        let day = |instant: Timestamp| zone.to_datetime(instant).date().to_string();
        let (from, until) = exemption.journey().unwrap_or_default();
        let last = until.checked_sub(jiff::SignedDuration::from_nanos(1)).unwrap_or(until);
        let mut places: Vec<String> = exemption
            .legs
            .iter()
            .flat_map(|leg| &leg.territories)
            .map(ToString::to_string)
            .collect();
        places.sort_unstable();
        places.dedup();
        line(
            out,
            &[
                exemption.id.to_string(),
                short(record, now).to_owned(),
                exemption.user_name.to_string(),
                day(from),
                day(last),
                places.join(","),
                sites(exemption, ","),
            ],
        )?;
    }
    Ok(())
}

/// Everything about one.
pub(super) fn whole(
    out: &mut impl Write,
    config: &Config,
    record: &ExemptionRecord,
    now: Timestamp,
) -> std::io::Result<()> {
    let exemption = &record.exemption;
    let zone = zone(config, &exemption.organization);
    let civil = |instant: Timestamp| local(instant, &zone);
    writeln!(out, "{}  {}", exemption.id, exemption.phase(now).word())?;
    if let Some(until) = exemption.counts_until().filter(|_| record.is_unconfirmed(now)) {
        writeln!(out, "         ends {} unless another person approves it", civil(until))?;
    }
    writeln!(out, "person   {} of {}", exemption.user_name, exemption.organization)?;
    for leg in &exemption.legs {
        writeln!(out, "leg      {}", leg.written(&zone))?;
    }
    writeln!(out, "sites    {}", sites(exemption, ", "))?;
    writeln!(out, "purpose  {}", exemption.purpose)?;
    if !exemption.case_number.is_empty() {
        writeln!(out, "case     {}", exemption.case_number)?;
    }
    if let Some(application) = &record.application {
        if !application.devices.is_empty() {
            writeln!(out, "devices  {}", application.devices.join(", "))?;
        }
        if !application.mail.is_empty() {
            writeln!(out, "reached  {}, {}", application.telephone, application.mail)?;
        }
        if let Some(extended) = &application.extends {
            writeln!(out, "extends  {extended}")?;
        }
    }
    if let Some(emergency) = &record.emergency {
        writeln!(out, "called   {}", emergency.reference)?;
    }
    if exemption.demands != Demands::NONE {
        let demands: Vec<&str> = exemption.demands.words().collect();
        writeln!(out, "demands  {}", demands.join(", "))?;
    }
    for entry in &record.history {
        let account = entry.by.operating_system_user.as_deref().unwrap_or("not on this machine");
        let reason = entry.reason.as_deref().map(|r| format!(": {r}")).unwrap_or_default();
        writeln!(
            out,
            "{:<8} {} by {} ({account}){reason}",
            entry.action,
            civil(entry.at),
            entry.by.name
        )?;
    }
    Ok(())
}

/// The first line of the table.
pub(in crate::cli) const HEADS: [&str; 7] = ["ID", "STATE", "USER", "FROM", "TO", "WHERE", "SITES"];
const WIDTHS: [usize; 7] = [9, 11, 12, 10, 10, 8, 8];

/// One line of the table.
pub(in crate::cli) fn line(out: &mut impl Write, cells: &[String; 7]) -> std::io::Result<()> {
    let padded: Vec<String> = cells
        .iter()
        .zip(WIDTHS)
        .map(|(cell, width)| format!("{:<width$}", clipped(cell, width)))
        .collect();
    writeln!(out, "{}", padded.join("  ").trim_end())
}

fn clipped(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

fn short(record: &ExemptionRecord, now: Timestamp) -> &'static str {
    match record.exemption.phase(now) {
        _ if record.is_unconfirmed(now) => "unconfirmed",
        Phase::AwaitingApproval => "awaiting",
        phase => phase.word(),
    }
}

fn sites(exemption: &TravelExemption, between: &str) -> String {
    let names: Vec<&str> = exemption.sites.iter().map(crate::identifier::SiteId::as_str).collect();
    names.join(between)
}
