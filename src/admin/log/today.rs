//! The same question asked today: through the one function that decides.

use std::net::IpAddr;

use super::reasons;
use super::told::personal;
use super::words;
use crate::admin::{Admin, Visitor};
use crate::audit::Event;
use crate::audit::event::Field;
use crate::clock;
use crate::identifier::{ProviderId, SiteId};
use crate::policy::{Explanation, Holdings, Hypothetical, Person, UserName};

/// What the answer would be today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Today {
    /// In sentences.
    pub(crate) answer: String,
    /// Step by step.
    pub(crate) steps: Vec<String>,
}

/// Decides again with today's policy. None for what was no decision, or where the entry does not
/// hold enough to ask again.
pub(crate) fn today(admin: &Admin, visitor: &Visitor, event: &Event) -> Option<Today> {
    let explanation = explanation(admin, visitor, event)?;
    let language = visitor.language;
    let verdict = reasons::verdict(explanation.verdict, language);
    let because = reasons::capital(reasons::reason(explanation.reason, language));
    let same = event.verdict.as_deref() == Some(explanation.verdict)
        && event.reason.as_deref() == Some(explanation.reason.code());
    let words = words::of(language);
    let compared = if same { words.same_today } else { words.other_today };
    let answer = format!("{verdict}. {because}. {compared}");
    let steps = explanation.steps.into_iter().map(|step| step.outcome).collect();
    Some(Today { answer, steps })
}

/// The decision about what stands in the entry. Only who was proven then is taken as proven now.
pub(crate) fn explanation(admin: &Admin, visitor: &Visitor, event: &Event) -> Option<Explanation> {
    event.verdict.as_ref()?;
    let site = SiteId::parse(event.site.as_deref()?).ok()?;
    let address: IpAddr = personal(event, Field::ClientIp).parse().ok()?;
    let person = person(visitor, event);
    let asked = Hypothetical {
        address,
        path: event.path.as_deref().unwrap_or("/"),
        person: person.as_ref().map(|(name, person)| (name, person)),
        holdings: Holdings::default(),
        at: clock::now(),
    };
    admin.in_effect().explain(&site, &asked, visitor.language)?.ok()
}

fn person(visitor: &Visitor, event: &Event) -> Option<(UserName, Person)> {
    let (provider, subject) = personal(event, Field::UserId).split_once('/')?;
    let provider = ProviderId::parse(provider).ok()?;
    let name = UserName::parse(personal(event, Field::UserName)).ok()?;
    Some((name, Person::new(visitor.organization_id().clone(), provider, subject)))
}
