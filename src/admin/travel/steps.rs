//! One step with one journey: a page that names what will happen, and the doing.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;

use super::actions::{Desk, Step, Undone};
use super::troubles::{self, Wrong};
use super::words::Words;
use super::{detail, sentences, without_form};
use crate::admin::access::{Looked, look};
use crate::admin::{Admin, Answer, Place, Refusal, Sent, Visitor, shell};
use crate::journey::contact::{self, ContactFault, Stated};
use crate::journey::decision;
use crate::journey::link::AtApproval;
use crate::language::Language;
use crate::policy::{Decision, ExemptionId, Phase};
use crate::store::{Contact, ExemptionRecord};

/// What a page asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Step(Step),
    Link,
    Lost,
}

impl Ask {
    fn of(word: &str) -> Option<Self> {
        Some(match word {
            "approve" => Self::Step(Step::Approve),
            "refuse" => Self::Step(Step::Refuse),
            "revoke" => Self::Step(Step::Revoke),
            "close" => Self::Step(Step::Close),
            "withdraw" => Self::Step(Step::Withdraw),
            "link" => Self::Link,
            "lost" => Self::Lost,
            _ => return None,
        })
    }

    fn title(self, words: &'static Words) -> &'static str {
        match self {
            Self::Step(Step::Approve) => words.approve,
            Self::Step(Step::Refuse) => words.refuse,
            Self::Step(Step::Revoke) => words.revoke,
            Self::Step(Step::Close) => words.close,
            Self::Step(Step::Withdraw) => words.withdraw,
            Self::Link => words.send_link,
            Self::Lost => words.lost,
        }
    }

    /// Help for the reason, where there has to be one.
    fn reason(self, words: &'static Words) -> Option<&'static str> {
        match self {
            Self::Step(step) if step.has_reason() => Some(words.reason_told),
            Self::Lost => Some(words.reason_kept),
            Self::Step(_) | Self::Link => None,
        }
    }

    fn is_dangerous(self) -> bool {
        matches!(self, Self::Step(Step::Revoke) | Self::Lost)
    }
}

/// The page that asks.
#[derive(Template)]
#[template(path = "travel/step.html")]
struct Question {
    words: &'static Words,
    csrf: String,
    action: String,
    back: String,
    version: usize,
    what: String,
    text: &'static str,
    dangerous: bool,
    reason: Option<&'static str>,
    typed: String,
    wrong: Vec<Wrong>,
}

/// Whether a journey, as it is, takes a step from this visitor.
pub(super) fn could(record: &ExemptionRecord, step: Step, desk: &Desk<'_>) -> bool {
    let decision = match step {
        Step::Approve => Decision::Approve { two_people: takes_two(record, desk) },
        Step::Refuse => Decision::Refuse,
        Step::Revoke => Decision::Revoke,
        Step::Close => Decision::Close,
        Step::Withdraw => Decision::Withdraw,
    };
    detail::takes(record, decision, desk)
}

fn takes_two(record: &ExemptionRecord, desk: &Desk<'_>) -> bool {
    let organization = decision::scheme_of(&desk.loaded.config, &record.exemption);
    organization.is_ok_and(|organization| decision::takes_two(organization, &record.exemption))
}

/// Where a journey is, by the words of its address.
type At = Path<(String, String)>;

pub(super) async fn ask(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path((id, word)): At,
) -> Answer {
    let ask = Ask::of(&word).ok_or(Refusal::NotFound)?;
    question(&admin, &visitor, &ExemptionId::new(&id), ask, "", Vec::new()).await
}

pub(super) async fn take(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path((id, word)): At,
    sent: Sent,
) -> Answer {
    let ask = Ask::of(&word).ok_or(Refusal::NotFound)?;
    let (desk, id) = (Desk::of(&admin, &visitor), ExemptionId::new(&id));
    // Of what is not there no version can be wrong.
    let there = desk.journey(&id).await;
    there.map_err(|undone| without_form(undone, visitor.language))?;
    let (reason, seen) = (sent.text("reason"), seen(&sent)?);
    let done = match ask {
        Ask::Step(step) => {
            desk.take(&id, step, reason, Some(seen)).await.map(|(exemption, link)| {
                match (step, exemption.phase(desk.now)) {
                    (Step::Approve, Phase::AwaitingApproval) => "one-of-two",
                    (Step::Approve, _) => match link {
                        AtApproval::Nothing => "approved",
                        AtApproval::Sent => "approved-link",
                        AtApproval::ToBeGiven => "approved-no-link",
                    },
                    (Step::Refuse, _) => "refused",
                    (Step::Revoke, _) => "revoked",
                    (Step::Close, _) => "closed",
                    (Step::Withdraw, _) => "withdrawn",
                }
            })
        }
        Ask::Link => desk.send_link(&id).await.map(|()| "link"),
        Ask::Lost => desk.lost(&id, reason).await.map(|_| "lost"),
    };
    match done {
        Ok(done) => Ok(shell::see(&format!("/travel/{id}?done={done}"))),
        Err(Undone::Text(fault)) => {
            let text = troubles::fault(fault, visitor.language);
            let wrong = vec![Wrong { field: "reason".to_owned(), text }];
            question(&admin, &visitor, &id, ask, reason, wrong).await
        }
        Err(other) => Err(without_form(other, visitor.language)),
    }
}

/// The version that a page showed; without one nothing is done.
pub(crate) fn seen(sent: &Sent) -> Result<usize, Refusal> {
    let version = sent.text("version").parse();
    version.map_err(|_| Refusal::Invalid("version".to_owned()))
}

async fn question(
    admin: &Admin,
    visitor: &Visitor,
    id: &ExemptionId,
    ask: Ask,
    typed: &str,
    wrong: Vec<Wrong>,
) -> Answer {
    let desk = Desk::of(admin, visitor);
    let language = visitor.language;
    let record = desk.journey(id).await.map_err(|undone| without_form(undone, language))?;
    let name = record.exemption.user_name.as_str();
    look(admin, visitor, Looked::Travel, |event| {
        event.detail("view", "question").exemption(id.as_str()).target(name)
    })
    .await?;
    let words = Words::of(language);
    let status = if wrong.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let word = match ask {
        Ask::Step(Step::Approve) => "approve",
        Ask::Step(Step::Refuse) => "refuse",
        Ask::Step(Step::Revoke) => "revoke",
        Ask::Step(Step::Close) => "close",
        Ask::Step(Step::Withdraw) => "withdraw",
        Ask::Link => "link",
        Ask::Lost => "lost",
    };
    let page = Question {
        words,
        csrf: visitor.csrf.clone(),
        action: format!("/travel/{id}/{word}"),
        back: format!("/travel/{id}"),
        version: record.version(),
        what: what(&record, ask, &desk, language),
        text: ask.title(words),
        dangerous: ask.is_dangerous(),
        reason: ask.reason(words),
        typed: typed.to_owned(),
        wrong,
    };
    let title = format!("{} · {id}", ask.title(words));
    Ok(shell::frame_with(status, visitor, Place::Travel, &title, &page))
}

/// What will happen, with the names of whom and what it happens to.
fn what(record: &ExemptionRecord, ask: Ask, desk: &Desk<'_>, language: Language) -> String {
    let exemption = &record.exemption;
    let (who, sites) = (&exemption.user_name, super::shown::sites(exemption, language));
    let places = sentences::all_places(exemption, language);
    let pick = |danish: String, english: String| sentences::pick(language, danish, english);
    match ask {
        Ask::Step(Step::Approve)
            if record.participants().len() < 2
                && takes_two(record, desk)
                && exemption.phase(desk.now) == Phase::Applied =>
        {
            pick(
                format!(
                    "{places} kræver to personer. Efter dig skal én mere godkende, før {who} kan bruge {sites}."
                ),
                format!(
                    "{places} takes two people. After you one more has to approve before {who} can use {sites}."
                ),
            )
        }
        Ask::Step(Step::Approve) => pick(
            format!("{who} kan bruge {sites} fra {places} i de dage, rejsen varer, og får besked."),
            format!(
                "{who} can use {sites} from {places} for the days of the journey, and is told."
            ),
        ),
        Ask::Step(Step::Refuse) => pick(
            format!("{who} kan ikke bruge {sites} fra {places}, og får besked med begrundelsen."),
            format!("{who} cannot use {sites} from {places}, and is told with the reason."),
        ),
        Ask::Step(Step::Revoke) => pick(
            format!(
                "{who} kan straks ikke længere bruge {sites} fra {places}. Åbne forbindelser bliver lukket, og {who} får besked med begrundelsen. Det kan ikke fortrydes; en ny adgang skal gives forfra."
            ),
            format!(
                "{who} can no longer use {sites} from {places}, at once. Open connections are closed, and {who} is told with the reason. It cannot be undone; new access has to be granted anew."
            ),
        ),
        Ask::Step(Step::Close) => pick(
            format!(
                "{who} er hjemme: adgangen til {sites} fra {places} slutter nu, og åbne forbindelser derfra bliver lukket."
            ),
            format!(
                "{who} is home: access to {sites} from {places} ends now, and open connections from there are closed."
            ),
        ),
        Ask::Step(Step::Withdraw) => pick(
            format!(
                "Ansøgningen for {who} om {places} bliver trukket tilbage, og ingen skal afgøre den."
            ),
            format!(
                "The application for {who} about {places} is withdrawn, and nobody has to decide it."
            ),
        ),
        Ask::Link => pick(
            format!(
                "{who} får en mail med et link, som tilknytter op til 4 enheder, når det åbnes hjemme i Danmark. Det virker i 7 dage, dog aldrig længere end rejsen."
            ),
            format!(
                "{who} gets a mail with a link that binds up to 4 devices when it is opened at home in Denmark. It works for 7 days, never longer than the journey."
            ),
        ),
        Ask::Lost => pick(
            format!(
                "Alt, der gælder for {who}, slutter nu: alle rejseadgange, tilknyttede enheder, log-in og åbne forbindelser. Adgangskoden virker stadig; sæt en ny bagefter."
            ),
            format!(
                "Everything of {who} ends now: all travel access, bound devices, sessions and open connections. The password still counts; set another one afterwards."
            ),
        ),
    }
}

/// The form for more time.
#[derive(Template)]
#[template(path = "travel/extend.html")]
pub(crate) struct Extension {
    pub(crate) words: &'static Words,
    pub(crate) csrf: String,
    pub(crate) action: String,
    pub(crate) back: String,
    pub(crate) ends: String,
    pub(crate) until: String,
    pub(crate) purpose: String,
    pub(crate) devices: String,
    pub(crate) telephone: String,
    pub(crate) mail: String,
    pub(crate) wrong: Vec<Wrong>,
}

impl Extension {
    pub(crate) fn wrong_at(&self, field: &str) -> Option<&str> {
        self.wrong.iter().find(|one| one.field == field).map(|one| one.text.as_str())
    }

    /// The form of a journey, with what was typed.
    pub(crate) fn of(
        desk: &Desk<'_>,
        record: &ExemptionRecord,
        (base, sent): (&str, Option<&Sent>),
        wrong: Vec<Wrong>,
    ) -> Self {
        let language = desk.visitor.language;
        let text = |name: &str| sent.map(|sent| sent.text(name).to_owned()).unwrap_or_default();
        let id = &record.exemption.id;
        let ends = record.exemption.journey().map_or(desk.now, |(_, until)| until);
        Self {
            words: Words::of(language),
            csrf: desk.visitor.csrf.clone(),
            action: format!("{base}/{id}/extend"),
            back: format!("{base}/{id}"),
            ends: sentences::last_day(ends, &desk.organization().time_zone, language),
            until: text("until"),
            purpose: text("purpose"),
            devices: text("devices"),
            telephone: text("telephone"),
            mail: text("mail"),
            wrong,
        }
    }
}

pub(super) async fn longer(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    let (desk, id) = (Desk::of(&admin, &visitor), ExemptionId::new(&id));
    let record = desk.journey(&id).await.map_err(|u| without_form(u, visitor.language))?;
    look_at(&admin, &visitor, &record).await?;
    let page = Extension::of(&desk, &record, ("/travel", None), Vec::new());
    let title = format!("{} · {id}", page.words.extend);
    Ok(shell::frame(&visitor, Place::Travel, &title, &page))
}

pub(super) async fn extend(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let (desk, id) = (Desk::of(&admin, &visitor), ExemptionId::new(&id));
    let (more, language) = (More::of(&sent), visitor.language);
    match desk.extend(&id, sent.text("until"), more.stated()).await {
        Ok(exemption) => Ok(shell::see(&format!("/travel/{}?done=extended", exemption.id))),
        Err(Undone::Troubles(found)) => {
            let record = desk.journey(&id).await.map_err(|u| without_form(u, language))?;
            look_at(&admin, &visitor, &record).await?;
            let wrong = troubles::in_words(&found, language);
            let page = Extension::of(&desk, &record, ("/travel", Some(&sent)), wrong);
            let title = format!("{} · {id}", page.words.extend);
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok(shell::frame_with(status, &visitor, Place::Travel, &title, &page))
        }
        Err(other) => Err(without_form(other, language)),
    }
}

/// What is to be otherwise in the time that is added, as a form sent it.
pub(crate) struct More {
    purpose: Option<String>,
    devices: Vec<String>,
    telephone: Option<String>,
    mail: Option<String>,
}

impl More {
    pub(crate) fn of(sent: &Sent) -> Self {
        let text = |name: &str| sent.given(name).map(str::to_owned);
        let typed = super::typed::Typed::read(sent);
        Self {
            purpose: text("purpose"),
            devices: typed.devices(),
            telephone: text("telephone"),
            mail: text("mail"),
        }
    }

    pub(crate) fn stated(&self) -> crate::journey::ask::More<'_> {
        crate::journey::ask::More {
            purpose: self.purpose.as_deref(),
            devices: &self.devices,
            telephone: self.telephone.as_deref(),
            mail: self.mail.as_deref(),
        }
    }
}

async fn look_at(
    admin: &Admin,
    visitor: &Visitor,
    record: &ExemptionRecord,
) -> Result<(), Refusal> {
    let exemption = &record.exemption;
    look(admin, visitor, Looked::Travel, |event| {
        event
            .detail("view", "form")
            .exemption(exemption.id.as_str())
            .target(exemption.user_name.as_str())
    })
    .await
}

/// The form for where a traveller is reached.
#[derive(Template)]
#[template(path = "travel/contact.html")]
struct ContactForm {
    words: &'static Words,
    csrf: String,
    action: String,
    back: String,
    name: String,
    mail: String,
    sms_mail: String,
    telephone: String,
    language: String,
    wrong: Vec<Wrong>,
}

impl ContactForm {
    fn wrong_at(&self, field: &str) -> Option<&str> {
        self.wrong.iter().find(|one| one.field == field).map(|one| one.text.as_str())
    }
}

pub(super) async fn contact(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    let (desk, id) = (Desk::of(&admin, &visitor), ExemptionId::new(&id));
    let record = desk.journey(&id).await.map_err(|u| without_form(u, visitor.language))?;
    look_at(&admin, &visitor, &record).await?;
    let known = desk.store.contact(&id).await?.unwrap_or_default();
    let page = contact_form(&visitor, &id, &known, Vec::new());
    Ok(shell::frame(&visitor, Place::Travel, Words::of(visitor.language).contact, &page))
}

pub(super) async fn set_contact(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let (desk, id) = (Desk::of(&admin, &visitor), ExemptionId::new(&id));
    let language = visitor.language;
    let record = desk.journey(&id).await.map_err(|u| without_form(u, language))?;
    let known = desk.store.contact(&id).await?.unwrap_or_default();
    let stated = Stated {
        mail: Some(sent.text("mail")),
        sms_mail: Some(sent.text("sms-mail")),
        telephone: Some(sent.text("telephone")),
        name: Some(sent.text("name")),
        language: Some(sent.text("language")),
    };
    let contact = match contact::changed(known.clone(), stated) {
        Ok(contact) => contact,
        Err(faults) => {
            look_at(&admin, &visitor, &record).await?;
            let wrong = faults.iter().map(|fault| contact_wrong(fault, language)).collect();
            let mut page = contact_form(&visitor, &id, &known, wrong);
            page.name = sent.text("name").to_owned();
            page.mail = sent.text("mail").to_owned();
            page.sms_mail = sent.text("sms-mail").to_owned();
            page.telephone = sent.text("telephone").to_owned();
            let (status, title) = (StatusCode::UNPROCESSABLE_ENTITY, Words::of(language).contact);
            return Ok(shell::frame_with(status, &visitor, Place::Travel, title, &page));
        }
    };
    let kept = desk.store.set_contact(&id, &contact, &visitor.actor(), desk.now).await;
    kept.map_err(|error| without_form(error.into(), language))?;
    Ok(shell::see(&format!("/travel/{id}?done=contact")))
}

fn contact_form(
    visitor: &Visitor,
    id: &ExemptionId,
    known: &Contact,
    wrong: Vec<Wrong>,
) -> ContactForm {
    let address = |address: &Option<crate::mail_address::MailAddress>| {
        address.as_ref().map(|one| one.as_str().to_owned()).unwrap_or_default()
    };
    ContactForm {
        words: Words::of(visitor.language),
        csrf: visitor.csrf.clone(),
        action: format!("/travel/{id}/contact"),
        back: format!("/travel/{id}"),
        name: known.name.clone().unwrap_or_default(),
        mail: address(&known.mail),
        sms_mail: address(&known.sms_mail),
        telephone: known.telephone.clone().unwrap_or_default(),
        language: known.language.map(|one| one.tag().to_owned()).unwrap_or_default(),
        wrong,
    }
}

fn contact_wrong(found: &ContactFault, language: Language) -> Wrong {
    use contact::Part;
    let field = |part: &Part| match part {
        Part::Mail => "mail",
        Part::SmsMail => "sms-mail",
        Part::Telephone => "telephone",
        Part::Name => "name",
    };
    match found {
        ContactFault::Address { part, typed, .. } => Wrong {
            field: field(part).to_owned(),
            text: sentences::pick(
                language,
                format!("“{typed}” er ikke en mailadresse. Skriv den som anna@example.net."),
                format!("“{typed}” is no mail address. Write it as anna@example.net."),
            ),
        },
        ContactFault::Text { part, fault } => {
            Wrong { field: field(part).to_owned(), text: troubles::fault(*fault, language) }
        }
        ContactFault::Language(_) => Wrong {
            field: "language".to_owned(),
            text: sentences::pick(language, "Vælg et sprog.", "Choose a language.").to_owned(),
        },
    }
}

pub(super) async fn retry(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path((id, notice)): At,
) -> Answer {
    let (desk, id) = (Desk::of(&admin, &visitor), ExemptionId::new(&id));
    let tried = desk.retry(&id, &notice).await;
    tried.map_err(|undone| without_form(undone, visitor.language))?;
    Ok(shell::see(&format!("/travel/{id}?done=retry")))
}
