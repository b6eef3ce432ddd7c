//! Whom a pseudonym stands for: one person asks and says why, another one answers and is told.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use super::words::{self, Words};
use crate::admin::fault::{Fault, Faults};
use crate::admin::{Admin, Answer, Place, Refusal, Right, Routes, Sent, Visitor, shell};
use crate::clock;
use crate::config::Role;
use crate::erasure::{self, OrderError, Question, ReidentifyError};
use crate::language::{self, Language};
use crate::store::By;

/// Those who may ask and answer.
pub(super) const TWO: &[Role] = &[Role::Security, Role::DataProtectionOfficer];

pub(super) fn routes(routes: Routes) -> Routes {
    let two = Right::Roles(TWO);
    routes.get("/insight/pseudonyms", two, list).post("/insight/pseudonyms", two, ask).post(
        "/insight/pseudonyms/{id}",
        two,
        answer,
    )
}

struct Waiting {
    id: String,
    wanted: String,
    reason: String,
    asked: String,
    own: bool,
}

struct Answered {
    wanted: String,
    said: String,
}

#[derive(Template)]
#[template(path = "insight/pseudonyms.html")]
struct Page<'a> {
    words: &'static Words,
    waiting: Vec<Waiting>,
    answered: Vec<Answered>,
    wanted: &'a str,
    reason: &'a str,
    faults: &'a Faults,
    csrf: &'a str,
}

async fn list(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    page(&admin, &visitor, ("", ""), &Faults::default()).await
}

async fn page(
    admin: &Admin,
    visitor: &Visitor,
    (wanted, reason): (&str, &str),
    faults: &Faults,
) -> Result<Response, Refusal> {
    let (language, words) = (visitor.language, Words::of(visitor.language));
    let (zone, now) = (&visitor.organization.time_zone, clock::now());
    let questions = admin.store().reidentifications(visitor.organization_id()).await?;
    let instant = |at| language::instant(at, zone, language);
    let waiting = questions.iter().filter(|one| !one.is_over(now)).map(|one| Waiting {
        id: one.id.clone(),
        wanted: one.wanted.clone(),
        reason: one.reason.clone(),
        asked: words::by(&instant(one.asked), &one.asked_by.name, language),
        own: one.is_asked_by(&visitor.person)
            || one.asked_by.name.eq_ignore_ascii_case(visitor.name.as_str()),
    });
    let answered = questions.iter().filter_map(|one| {
        let (at, by) = one.answered.as_ref()?;
        let said = words::by(&instant(*at), &by.name, language);
        Some(Answered { wanted: one.wanted.clone(), said })
    });
    let csrf = &visitor.csrf;
    let (waiting, answered) = (waiting.collect(), answered.take(50).collect());
    let page = Page { words, waiting, answered, wanted, reason, faults, csrf };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(shell::frame_with(status, visitor, Place::System, words.pseudonyms, &page))
}

async fn ask(State(admin): State<Admin>, visitor: Visitor, sent: Sent) -> Answer {
    let (wanted, reason) = (sent.text("wanted"), sent.text("reason"));
    let held = held(&visitor);
    let organization = visitor.organization_id();
    let question = Question { wanted, reason };
    let actor = visitor.actor();
    let by = By::proven(&actor, &visitor.person);
    let asked = erasure::ask(admin.store(), organization, &question, by, &held, clock::now()).await;
    let fault = match asked {
        Ok(_) => return Ok(shell::see("/insight/pseudonyms")),
        Err(ReidentifyError::Wanted(_)) => Fault::new(
            "wanted",
            match visitor.language {
                Language::Danish => {
                    "Skriv et pseudonym, som det står i loggen, eller en reference."
                }
                Language::English => "Write a pseudonym as it stands in the log, or a reference.",
            },
        ),
        Err(ReidentifyError::Reason) => Fault::new(
            "reason",
            match visitor.language {
                Language::Danish => "Skriv med få ord hvorfor.",
                Language::English => "Say why in a few words.",
            },
        ),
        Err(error) => return Err(refusal(error, visitor.language)),
    };
    page(&admin, &visitor, (wanted, reason), &Faults(vec![fault])).await
}

struct Value {
    field: &'static str,
    value: String,
}

#[derive(Template)]
#[template(path = "insight/revealed.html")]
struct Revealed {
    words: &'static Words,
    wanted: String,
    entry: String,
    values: Vec<Value>,
}

async fn answer(State(admin): State<Admin>, visitor: Visitor, Path(id): Path<String>) -> Answer {
    let loaded = admin.loaded();
    let condition = admin.in_effect().condition();
    let place = erasure::Place {
        state: &loaded.config.state_directory,
        log_name: &condition.node,
        store: admin.store(),
    };
    let (organization, held) = (visitor.organization_id(), held(&visitor));
    let actor = visitor.actor();
    let by = By::proven(&actor, &visitor.person);
    let answered = erasure::answer(place, organization, &id, by, &held, clock::now()).await;
    let revealed = answered.map_err(|error| refusal(error, visitor.language))?;
    let words = Words::of(visitor.language);
    let values = revealed.values.into_iter().map(|(field, value)| Value { field, value });
    let page = Revealed {
        words,
        wanted: revealed.wanted,
        entry: revealed.entry,
        values: values.collect(),
    };
    Ok(shell::frame(&visitor, Place::System, words.revealed, &page))
}

fn held(visitor: &Visitor) -> std::collections::BTreeSet<Role> {
    visitor.roles.get(visitor.organization_id()).cloned().unwrap_or_default()
}

fn refusal(error: ReidentifyError, language: Language) -> Refusal {
    let say = |danish: &str, english: &str| {
        Refusal::Conflict(match language {
            Language::Danish => danish.to_owned(),
            Language::English => english.to_owned(),
        })
    };
    match error {
        ReidentifyError::Role(..) => Refusal::NotPermitted,
        ReidentifyError::NoQuestion => Refusal::NotFound,
        ReidentifyError::SamePerson(_) => say(
            "Den, der har spurgt, kan ikke selv svare. Det skal en anden gøre.",
            "The one who asked cannot answer. Another person must.",
        ),
        ReidentifyError::NotFound(_) => say(
            "Det kan ikke åbnes: det står ikke i denne nodes log, tiden er gået, eller nøglen er væk.",
            "It cannot be opened: it is not in this node's log, its time is over, or its key is gone.",
        ),
        ReidentifyError::Store(error) | ReidentifyError::Keys(OrderError::Store(error)) => {
            error.into()
        }
        error => Refusal::fault(&error),
    }
}
