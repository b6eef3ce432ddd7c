//! One journey: its facts, its history, its messages and devices, and what can be done.

use askama::Template;
use axum::extract::{Path, State};

use super::actions::{Desk, Step};
use super::shown::{self, Dated, Fact};
use super::words::Words;
use super::{people, sentences, steps, without_form};
use crate::admin::access::{Looked, look};
use crate::admin::{Admin, Answer, Asked, Place, Visitor, shell};
use crate::config::Role;
use crate::language::{self, Language};
use crate::policy::{Decision, ExemptionId, ExemptionState, Phase, take_step};
use crate::store::{ExemptionRecord, NoticeRecord, NoticeState};

/// A message to the traveller.
pub(crate) struct Message {
    id: String,
    about: &'static str,
    way: &'static str,
    state: &'static str,
    at: String,
    why: String,
    failed: bool,
}

/// A bound device.
pub(crate) struct Device {
    pub(crate) label: String,
    pub(crate) bound: String,
}

/// What can be done, and where.
pub(crate) struct Link {
    pub(crate) href: String,
    pub(crate) text: &'static str,
    /// How the button looks.
    pub(crate) class: &'static str,
}

#[derive(Template)]
#[template(path = "travel/detail.html")]
struct Page {
    words: &'static Words,
    csrf: String,
    id: String,
    done: Option<&'static str>,
    state: sentences::State,
    until: Option<String>,
    facts: Vec<Fact>,
    history: Vec<Dated>,
    messages: Vec<Message>,
    devices: Vec<Device>,
    no_devices: &'static str,
    links: Vec<Link>,
    others: Option<&'static str>,
    officer: bool,
}

pub(super) async fn page(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    asked: Asked,
) -> Answer {
    let desk = Desk::of(&admin, &visitor);
    let language = visitor.language;
    let id = ExemptionId::new(&id);
    let record = desk.journey(&id).await.map_err(|undone| without_form(undone, language))?;
    let exemption = &record.exemption;
    look(&admin, &visitor, Looked::Travel, |event| {
        event.detail("view", "journey").exemption(id.as_str()).target(exemption.user_name.as_str())
    })
    .await?;
    let words = Words::of(language);
    let zone = &visitor.organization.time_zone;
    let notices = desk.store.notices_of(&id).await?;
    let mut facts = shown::facts(&record, zone, words, language);
    facts.extend(people::told_of(&desk, &exemption.person).await?);
    let links = links(&desk, &record, words);
    let waits_for_others =
        links.iter().all(|link| !link.href.ends_with("/approve")) && waits(&record, desk.now);
    let page = Page {
        words,
        csrf: visitor.csrf.clone(),
        id: id.to_string(),
        done: receipt(asked.text("done"), words),
        state: sentences::state(&record, desk.now, language),
        until: unconfirmed_until(&record, &desk, language),
        facts,
        history: shown::history(&record, zone, language),
        messages: notices.iter().map(|one| message(one, zone, language)).collect(),
        devices: devices(&desk, &record).await?,
        no_devices: match exemption.demands.device && goes_on(exemption.phase(desk.now)) {
            true => words.device_needed,
            false => words.no_devices,
        },
        others: waits_for_others.then_some(words.not_yours),
        links,
        officer: visitor.is(Role::CaseOfficer),
    };
    let title = format!("{} · {}", exemption.user_name, sentences::all_places(exemption, language));
    Ok(shell::frame(&visitor, Place::Travel, &title, &page))
}

const fn goes_on(phase: Phase) -> bool {
    matches!(phase, Phase::Planned | Phase::Active)
}

fn waits(record: &ExemptionRecord, now: jiff::Timestamp) -> bool {
    let phase = record.exemption.phase(now);
    matches!(phase, Phase::Applied | Phase::AwaitingApproval) || record.is_unconfirmed(now)
}

fn unconfirmed_until(
    record: &ExemptionRecord,
    desk: &Desk<'_>,
    language: Language,
) -> Option<String> {
    let ExemptionState::Provisional { until } = record.exemption.state else { return None };
    let shown = language::instant(until, &desk.organization().time_zone, language);
    record.is_unconfirmed(desk.now).then(|| {
        sentences::pick(
            language,
            format!("Slutter {shown}, hvis ingen anden godkender den inden."),
            format!("Ends {shown} unless another person approves it before."),
        )
    })
}

/// The devices that are bound to a journey.
pub(crate) async fn devices(
    desk: &Desk<'_>,
    record: &ExemptionRecord,
) -> Result<Vec<Device>, crate::store::StoreError> {
    let zone = &desk.organization().time_zone;
    let all = desk.store.bound_devices().await?;
    let own = all.into_iter().filter(|device| device.exemption == record.exemption.id);
    let shown = own.map(|device| Device {
        bound: language::instant(device.bound, zone, desk.visitor.language),
        label: device.label,
    });
    Ok(shown.collect())
}

/// What this visitor can do with it now.
fn links(desk: &Desk<'_>, record: &ExemptionRecord, words: &'static Words) -> Vec<Link> {
    let can = |step: Step| desk.visitor.has_any(step.roles()) && steps::could(record, step, desk);
    let exemption = &record.exemption;
    let phase = exemption.phase(desk.now);
    let officer = desk.visitor.is(Role::CaseOfficer);
    let goes_on = goes_on(phase);
    let grants = exemption.state == ExemptionState::Granted;
    let id = &exemption.id;
    let mut links = Vec::new();
    let mut add = |holds: bool, path: &str, text, class| {
        if holds {
            links.push(Link { href: format!("/travel/{id}/{path}"), text, class });
        }
    };
    add(can(Step::Approve), "approve", words.approve, "");
    add(can(Step::Refuse), "refuse", words.refuse, "second");
    add(officer && goes_on && grants, "extend", words.extend, "second");
    add(officer && goes_on, "link", words.send_link, "second");
    let over = matches!(
        phase,
        Phase::Ended | Phase::Refused | Phase::Withdrawn | Phase::Revoked | Phase::Closed
    );
    add(officer && !over, "contact", words.contact, "second");
    add(can(Step::Withdraw), "withdraw", words.withdraw, "second");
    add(can(Step::Close), "close", words.close, "second");
    add(can(Step::Revoke), "revoke", words.revoke, "danger");
    add(officer && goes_on, "lost", words.lost, "danger");
    links
}

/// Whether a journey, as it is, takes a step from this visitor.
pub(super) fn takes(record: &ExemptionRecord, decision: Decision, desk: &Desk<'_>) -> bool {
    let actor = desk.visitor.actor();
    take_step(&record.exemption, &record.participants(), decision, &actor, desk.now).is_ok()
        && record.may_decide(decision, &desk.visitor.person).is_ok()
}

fn receipt(done: &str, words: &'static Words) -> Option<&'static str> {
    Some(match done {
        "granted" => words.done_granted,
        "awaiting" => words.done_awaiting,
        "applied" => words.done_applied,
        "approved" => words.done_approved,
        "approved-link" => words.done_approved_link,
        "approved-no-link" => words.done_approved_no_link,
        "one-of-two" => words.done_one_of_two,
        "refused" => words.done_refused,
        "revoked" => words.done_revoked,
        "closed" => words.done_closed,
        "withdrawn" => words.done_withdrawn,
        "extended" => words.done_extended,
        "contact" => words.done_contact,
        "link" => words.done_link,
        "retry" => words.done_retry,
        "lost" => words.done_lost,
        "emergency" => words.done_emergency,
        _ => return None,
    })
}

fn message(notice: &NoticeRecord, zone: &jiff::tz::TimeZone, language: Language) -> Message {
    Message {
        id: notice.id.clone(),
        about: sentences::notice_kind(notice.kind, language),
        way: sentences::channel(notice.channel, language),
        state: sentences::notice_state(notice.state, language),
        at: language::instant(notice.ended.unwrap_or(notice.created), zone, language),
        why: sentences::notice_problem(notice.problem.as_deref(), language),
        failed: notice.state == NoticeState::Failed,
    }
}
