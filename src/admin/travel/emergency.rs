//! Somebody calls from in front of the wall: from the reference to the rejection to an access for
//! exactly that person, country and system.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::actions::{Desk, Undone};
use super::form::{Candidate, candidates};
use super::shown::Fact;
use super::troubles::{Wrong, in_words};
use super::typed::Typed;
use super::words::Words;
use super::{people, sentences, without_form};
use crate::admin::access::{Looked, look};
use crate::admin::{Admin, Answer, Asked, Place, Sent, Visitor, shell};
use crate::audit::Reference;
use crate::journey::Trouble;
use crate::language;
use crate::policy::EmergencyRejection;

#[derive(Template)]
#[template(path = "travel/emergency.html")]
struct Page {
    words: &'static Words,
    csrf: String,
    reference: String,
    /// What the log says, once the reference has been found.
    rejection: Option<Vec<Fact>>,
    who: String,
    candidates: Vec<Candidate>,
    offered: Vec<(String, String)>,
    caller_verified: String,
    purpose: String,
    case: String,
    wrong: Vec<Wrong>,
}

impl Page {
    fn wrong_at(&self, field: &str) -> Option<&str> {
        self.wrong.iter().find(|one| one.field == field).map(|one| one.text.as_str())
    }
}

/// The page with the reference of the address, where there is one.
pub(super) async fn page(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let desk = Desk::of(&admin, &visitor);
    let reference = asked.text("reference");
    if reference.is_empty() {
        return show(&desk, None, Form::default(), &[]).await;
    }
    let form = Form { reference: reference.to_owned(), ..Form::default() };
    match find(&admin, &desk, reference).await {
        Ok((_, rejection)) => show(&desk, Some(&rejection), form, &[]).await,
        Err(Undone::Troubles(troubles)) => show(&desk, None, form, &troubles).await,
        Err(other) => Err(without_form(other, visitor.language)),
    }
}

/// What was typed.
#[derive(Default)]
struct Form {
    reference: String,
    typed: Typed,
    caller_verified: String,
}

pub(super) async fn grant(State(admin): State<Admin>, visitor: Visitor, sent: Sent) -> Answer {
    let desk = Desk::of(&admin, &visitor);
    let mut typed = Typed::read(&sent);
    if typed.purpose.is_empty() {
        Words::of(visitor.language).emergency_purpose.clone_into(&mut typed.purpose);
    }
    let form = Form {
        reference: sent.text("reference").to_owned(),
        caller_verified: sent.text("caller-verified").to_owned(),
        typed,
    };
    let rejection = match find(&admin, &desk, &form.reference).await {
        Ok((_, rejection)) => rejection,
        Err(Undone::Troubles(troubles)) => return show(&desk, None, form, &troubles).await,
        Err(other) => return Err(without_form(other, visitor.language)),
    };
    let emergency = match desk.in_need(&rejection, &form.typed, &form.caller_verified).await {
        Ok(emergency) => emergency,
        Err(Undone::Troubles(troubles)) => {
            return show(&desk, Some(&rejection), form, &troubles).await;
        }
        Err(other) => return Err(without_form(other, visitor.language)),
    };
    let granted = desk.let_in(emergency).await;
    let exemption = granted.map_err(|undone| without_form(undone, visitor.language))?;
    Ok(shell::see(&format!("/travel/{}?done=emergency", exemption.id)))
}

/// What the log says of a reference; that it was looked up is an entry of its own.
pub(super) async fn find(
    admin: &Admin,
    desk: &Desk<'_>,
    text: &str,
) -> Result<(Reference, EmergencyRejection), Undone> {
    let Ok(reference) = Reference::parse(text) else {
        return Err(vec![Trouble::NoReference].into());
    };
    look(admin, desk.visitor, Looked::Log, |event| {
        event.detail("view", "emergency").detail("reference", reference.to_string())
    })
    .await?;
    Ok((reference, desk.rejection(reference).await?))
}

async fn show(
    desk: &Desk<'_>,
    rejection: Option<&EmergencyRejection>,
    form: Form,
    troubles: &[Trouble],
) -> Answer {
    let language = desk.visitor.language;
    let words = Words::of(language);
    let everybody = people::everybody(desk).await?;
    let somebody = troubles.iter().any(|trouble| matches!(trouble, Trouble::Person(_)));
    let candidates = if somebody || !form.typed.person.is_empty() {
        candidates(&everybody, &form.typed, words)
    } else {
        Vec::new()
    };
    let offered = people::offered(&everybody)
        .iter()
        .map(|known| (known.user_name.to_string(), known.display_name.clone().unwrap_or_default()));
    let page = Page {
        words,
        csrf: desk.visitor.csrf.clone(),
        reference: form.reference,
        rejection: rejection.map(|found| facts(found, desk, words)),
        candidates,
        offered: offered.collect(),
        who: form.typed.who,
        caller_verified: form.caller_verified,
        purpose: form.typed.purpose,
        case: form.typed.case,
        wrong: in_words(troubles, language),
    };
    let status =
        if troubles.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(shell::frame_with(status, desk.visitor, Place::Travel, words.emergency, &page))
}

fn facts(found: &EmergencyRejection, desk: &Desk<'_>, words: &'static Words) -> Vec<Fact> {
    let language = desk.visitor.language;
    let zone = &desk.organization().time_zone;
    let place = found.territory.map(|one| one.name(language).into_owned());
    let site = found.site.as_ref().map(ToString::to_string);
    vec![
        Fact { name: words.reference, values: vec![found.reference.clone()] },
        Fact { name: words.rejected_at, values: vec![language::instant(found.at, zone, language)] },
        Fact { name: words.rejected_from, values: place.into_iter().collect() },
        Fact { name: words.rejected_site, values: site.into_iter().collect() },
        Fact {
            name: words.rejected_why,
            values: vec![sentences::why_rejected(found.reason, language).to_owned()],
        },
    ]
}
