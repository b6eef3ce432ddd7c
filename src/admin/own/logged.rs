//! What the log says of whoever asks.
//!
//! Always holds: an entry is shown only where it names this person by provider and subject, or is
//! about one of their own journeys; a name alone, which another may have, shows nothing. Who else
//! took part is not said.

use std::collections::BTreeSet;
use std::path::PathBuf;

use askama::Template;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};

use super::words::Words;
use crate::admin::access::{Looked, look};
use crate::admin::travel::actions::{Desk, Undone};
use crate::admin::travel::{sentences::pick, without_form};
use crate::admin::turn::turn;
use crate::admin::{Admin, Answer, Place, Refusal, Visitor, shell};
use crate::audit::event::Field;
use crate::audit::search::{Filter, search};
use crate::audit::{Action, Event};
use crate::language::{self, Language};
use crate::territory::Territory;

/// So far back is looked.
const SINCE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// So many are shown.
const MOST: usize = 200;
/// So many entries are looked at.
const LOOKED_AT: usize = 500_000;

/// One entry, as the traveller reads it.
#[derive(Debug)]
pub(super) struct Line {
    /// When.
    pub(super) at: Timestamp,
    /// What.
    pub(super) action: Action,
    /// At which system.
    pub(super) site: Option<String>,
    /// From where.
    pub(super) country: Option<String>,
    /// How often.
    pub(super) count: u64,
}

struct Shown {
    at: String,
    what: &'static str,
    site: String,
    from: String,
}

#[derive(Template)]
#[template(path = "own/log.html")]
struct Page {
    words: &'static Words,
    lines: Vec<Shown>,
    more: bool,
}

pub(super) async fn page(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let desk = Desk::own(&admin, &visitor)?;
    let (language, words) = (visitor.language, Words::of(visitor.language));
    look(&admin, &visitor, Looked::Person, |event| {
        event.detail("view", "own log").target(visitor.name.as_str())
    })
    .await?;
    let found = lines(&desk).await.map_err(|undone| without_form(undone, language))?;
    let zone = &desk.organization().time_zone;
    let place = |code: &String| match Territory::parse(code) {
        Ok(territory) => territory.name(language).into_owned(),
        Err(_) => code.clone(),
    };
    let shown = |line: &Line| Shown {
        at: language::instant(line.at, zone, language),
        what: what(line.action, language),
        site: line.site.clone().unwrap_or_default(),
        from: line.country.as_ref().map(place).unwrap_or_default(),
    };
    let page = Page { words, more: found.more, lines: found.lines.iter().map(shown).collect() };
    Ok(shell::frame(&visitor, Place::Own, words.logged, &page))
}

/// What was found, and whether there may be more.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) lines: Vec<Line>,
    more: bool,
}

/// What the log says of whoever asks, the newest first.
pub(super) async fn lines(desk: &Desk<'_>) -> Result<Found, Undone> {
    let person = &desk.visitor.person;
    let mine = desk.mine().await?;
    let own = Own {
        log: desk.log.clone(),
        organization: person.organization().to_string(),
        user_id: format!("{}/{}", person.provider(), person.subject()),
        journeys: mine.iter().map(|record| record.exemption.id.to_string()).collect(),
        since: desk.now.checked_sub(SINCE).unwrap_or(Timestamp::MIN),
    };
    let turn = turn(desk.visitor).await?;
    let read = move || {
        let _until_it_is_read = turn;
        own.lines()
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(lines)) => Ok(lines),
        Ok(Err(error)) => Err(Refusal::fault(&error).into()),
        Err(error) => Err(Refusal::fault(&error).into()),
    }
}

/// Whose entries are looked for, and where.
struct Own {
    log: PathBuf,
    organization: String,
    user_id: String,
    journeys: BTreeSet<String>,
    since: Timestamp,
}

impl Own {
    fn lines(&self) -> std::io::Result<Found> {
        let filter = Filter { since: Some(self.since), ..Filter::default() };
        let mut found = Found::default();
        for (looked_at, entry) in search(&self.log, &filter)?.enumerate() {
            let event = entry?.event;
            if self.is_about(&event) {
                found.lines.push(line(&event));
            }
            found.more = found.lines.len() == MOST || looked_at == LOOKED_AT;
            if found.more {
                break;
            }
        }
        Ok(found)
    }

    fn is_about(&self, event: &Event) -> bool {
        let is = |field| event.personal.get(field).is_some_and(|id| *id == self.user_id);
        let journey = event.exemption.as_deref().is_some_and(|id| self.journeys.contains(id));
        event.organization.as_deref() == Some(&self.organization) && (is(Field::UserId) || journey)
    }
}

fn line(event: &Event) -> Line {
    Line {
        at: event.at,
        action: event.action,
        site: event.site.as_ref().map(ToString::to_string),
        country: event.country.as_ref().map(ToString::to_string),
        count: event.count,
    }
}

/// What happened, to whoever it happened to.
pub(super) fn what(action: Action, language: Language) -> &'static str {
    let (danish, english) = match action {
        Action::Allowed => ("Du blev lukket ind", "You were let in"),
        Action::Denied | Action::Repeated => ("Du blev afvist", "You were rejected"),
        Action::Completed => ("En forbindelse sluttede", "A connection ended"),
        Action::Identified | Action::SignIn => ("Du loggede ind", "You signed in"),
        Action::SignInFailed => ("Et log-in lykkedes ikke", "A sign-in failed"),
        Action::SignOut => ("Du loggede ud", "You signed out"),
        Action::ExemptionApplied => ("En rejse blev ansøgt", "A journey was applied for"),
        Action::ExemptionGranted => ("En rejse blev givet", "A journey was granted"),
        Action::ExemptionApproved => ("En rejse blev godkendt", "A journey was approved"),
        Action::ExemptionRefused => ("En rejse blev afslået", "A journey was refused"),
        Action::ExemptionRevoked => ("En rejse blev tilbagekaldt", "A journey was revoked"),
        Action::ExemptionClosed => ("En rejse blev afsluttet", "A journey was closed"),
        Action::ExemptionEnded => ("En rejse sluttede", "A journey ended"),
        Action::ExemptionContact => {
            ("Dine kontaktoplysninger blev ændret", "Your contact details were changed")
        }
        Action::TravelLinkMade => ("Et rejselink blev lavet", "A travel link was made"),
        Action::DeviceBound => ("En enhed blev tilknyttet", "A device was bound"),
        Action::DeviceRevoked => ("En enhed blev frakoblet", "A device was taken back"),
        Action::PersonEnded => ("Alt for dig blev lukket", "Everything of yours was ended"),
        Action::AddressGranted => ("En adresse fik adgang", "An address was granted"),
        Action::AddressGrantEnded => ("En adresses adgang sluttede", "An address's grant ended"),
        Action::OddUse => ("Brugen så usædvanlig ud", "The use looked odd"),
        Action::TravelViewed => ("Nogen så på din rejse", "Somebody looked at your travel"),
        Action::PersonViewed => {
            ("Nogen så, hvad der er gemt om dig", "Somebody looked at what is stored about you")
        }
        _ => ("Noget andet", "Something else"),
    };
    pick(language, danish, english)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(user_id: Option<&str>, exemption: Option<&str>, organization: &str) -> Event {
        let mut event =
            Event::new(Action::Allowed, "2026-11-22T12:00:00Z".parse().unwrap(), [0; 10]);
        event.organization = Some(organization.into());
        event.exemption = exemption.map(Into::into);
        event.personal.set(Field::UserName, Some("anna.holm".into()));
        event.personal.set(Field::UserId, user_id.map(Into::into));
        event
    }

    #[test]
    fn what_names_another_of_the_same_name_is_not_about_me() {
        let own = Own {
            log: PathBuf::new(),
            organization: "ballerup".to_owned(),
            user_id: "local/1".to_owned(),
            journeys: BTreeSet::from(["TE-7K2M9D".to_owned()]),
            since: Timestamp::MIN,
        };
        assert!(own.is_about(&event(Some("local/1"), None, "ballerup")));
        assert!(own.is_about(&event(None, Some("TE-7K2M9D"), "ballerup")));
        assert!(!own.is_about(&event(None, None, "ballerup")));
        assert!(!own.is_about(&event(Some("entra/1"), None, "ballerup")));
        assert!(!own.is_about(&event(Some("local/1"), None, "egedal")));
        assert!(!own.is_about(&event(None, Some("TE-000000"), "ballerup")));
    }
}
