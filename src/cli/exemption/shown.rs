//! How exemptions are shown: a table that fits a terminal, one in full, JSON.

use std::io::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::config::Config;
use crate::policy::{Actor, Demands, Leg, Phase, TravelExemption};
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
    demands: Vec<&'static str>,
    granted_at: Timestamp,
    granted_by: Who<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<Vec<Step<'a>>>,
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
            demands: exemption.demands.words().collect(),
            granted_at: record.granted_at,
            granted_by: who(&record.granted_by),
            history: with_history.then(|| record.history.iter().map(step).collect()),
        }
    }
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
    let heads = ["ID", "STATE", "USER", "FROM", "TO", "WHERE", "SITES"].map(str::to_owned);
    line(out, &heads)?;
    for ExemptionRecord { exemption, .. } in records {
        let zone = zone(config, exemption);
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
                short(exemption.phase(now)).to_owned(),
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
    let zone = zone(config, exemption);
    let civil =
        |instant: Timestamp| zone.to_datetime(instant).strftime("%Y-%m-%d %H:%M").to_string();
    writeln!(out, "{}  {}", exemption.id, exemption.phase(now).word())?;
    writeln!(out, "person   {} of {}", exemption.user_name, exemption.organization)?;
    for leg in &exemption.legs {
        writeln!(out, "leg      {}", leg.written(&zone))?;
    }
    writeln!(out, "sites    {}", sites(exemption, ", "))?;
    writeln!(out, "purpose  {}", exemption.purpose)?;
    writeln!(out, "case     {}", exemption.case_number)?;
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

const WIDTHS: [usize; 7] = [9, 8, 15, 10, 10, 8, 8];

fn line(out: &mut impl Write, cells: &[String; 7]) -> std::io::Result<()> {
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

fn short(phase: Phase) -> &'static str {
    match phase {
        Phase::AwaitingApproval => "awaiting",
        Phase::Planned | Phase::Active | Phase::Ended | Phase::Revoked | Phase::Closed => {
            phase.word()
        }
    }
}

fn sites(exemption: &TravelExemption, between: &str) -> String {
    let names: Vec<&str> = exemption.sites.iter().map(crate::identifier::SiteId::as_str).collect();
    names.join(between)
}

/// The organisation's; UTC where the configuration no longer has it.
fn zone(config: &Config, exemption: &TravelExemption) -> TimeZone {
    config
        .organizations
        .get(&exemption.organization)
        .map_or(TimeZone::UTC, |organization| organization.time_zone.clone())
}
