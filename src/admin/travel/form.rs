//! The one page by which a clerk grants a journey, or applies on somebody's behalf: the form, the
//! summary before it takes effect, the receipt after.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::actions::{Desk, Undone};
use super::people::{self, Known};
use super::shown::{self, Fact};
use super::troubles::{Wrong, in_words};
use super::typed::{LEGS, Typed, TypedLeg};
use super::words::Words;
use super::{letter, sentences, without_form};
use crate::admin::access::{Looked, look};
use crate::admin::{Admin, Answer, Place, Sent, Visitor, shell};
use crate::identifier::SiteId;
use crate::journey::Trouble;
use crate::language::Language;
use crate::policy::{Application, Caution, ExemptionId, TravelExemption};
use crate::store::StoreError;
use crate::territory::{Country, Territory, sort_by_name};

/// What the form leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A grant.
    Grant,
    /// An application on behalf of somebody.
    OnBehalf,
    /// The traveller's own application.
    Own,
}

impl Kind {
    const fn action(self) -> &'static str {
        match self {
            Self::Grant => "/travel/new",
            Self::OnBehalf => "/travel/apply",
            Self::Own => "/own/apply",
        }
    }

    fn title(self, words: &Words) -> &'static str {
        match self {
            Self::Grant => words.new,
            Self::OnBehalf => words.apply_for,
            Self::Own => words.apply_own,
        }
    }

    fn lead(self, words: &Words) -> &'static str {
        match self {
            Self::Grant => words.form_lead,
            Self::OnBehalf | Self::Own => words.apply_lead,
        }
    }

    const fn place(self) -> Place {
        match self {
            Self::Grant | Self::OnBehalf => Place::Travel,
            Self::Own => Place::Own,
        }
    }
}

/// A person to choose.
pub(crate) struct Candidate {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) told_by: String,
    pub(crate) chosen: bool,
}

/// A leg and its number.
pub(crate) struct Numbered {
    pub(crate) number: usize,
    pub(crate) leg: TypedLeg,
}

/// The form as it is shown.
#[derive(Template)]
#[template(path = "travel/form.html")]
pub(crate) struct Form {
    words: &'static Words,
    csrf: String,
    kind: Kind,
    typed: Typed,
    first: Numbered,
    others: Vec<Numbered>,
    others_open: bool,
    wrong: Vec<Wrong>,
    sites: Vec<(String, bool)>,
    countries: Vec<String>,
    offered: Vec<(String, String)>,
    candidates: Vec<Candidate>,
}

impl Form {
    /// What is wrong with a field.
    pub(crate) fn wrong_at(&self, field: &str) -> Option<&str> {
        self.wrong.iter().find(|one| one.field == field).map(|one| one.text.as_str())
    }

    /// What is wrong with a field of a leg.
    fn wrong_in(&self, field: &str, number: &usize) -> Option<&str> {
        self.wrong_at(&format!("{field}-{number}"))
    }
}

/// The organisation's systems that exemptions can be for, by name.
pub(crate) fn sites(desk: &Desk<'_>) -> Vec<SiteId> {
    let own = &desk.organization().id;
    let sites = desk.loaded.config.sites.iter();
    sites.filter(|(_, site)| site.organization == *own).map(|(id, _)| id.clone()).collect()
}

/// The names of all countries, as the language sorts them.
fn countries(language: Language) -> Vec<String> {
    let mut all: Vec<Territory> = Country::assigned().map(Territory::country_of).collect();
    sort_by_name(&mut all, language);
    all.iter().map(|one| one.name(language).into_owned()).collect()
}

/// The form with what was typed and what is wrong with it.
pub(crate) async fn form(
    desk: &Desk<'_>,
    kind: Kind,
    typed: Typed,
    troubles: &[Trouble],
) -> Result<Form, Undone> {
    let language = desk.visitor.language;
    let everybody = match kind {
        Kind::Own => Vec::new(),
        Kind::Grant | Kind::OnBehalf => people::everybody(desk).await?,
    };
    let somebody = troubles.iter().any(|trouble| matches!(trouble, Trouble::Person(_)));
    let candidates = if somebody || !typed.person.is_empty() {
        candidates(&everybody, &typed, Words::of(language))
    } else {
        Vec::new()
    };
    let own_sites = sites(desk);
    let only = own_sites.len() == 1;
    let checked = |site: &SiteId| only || typed.sites.iter().any(|one| one == site.as_str());
    let mut legs = typed.legs.clone();
    legs.resize(LEGS, TypedLeg::default());
    let mut legs = (1..).zip(legs).map(|(number, leg)| Numbered { number, leg });
    let first = legs.next().unwrap_or(Numbered { number: 1, leg: TypedLeg::default() });
    let others: Vec<Numbered> = legs.collect();
    let offered = people::offered(&everybody).iter().map(|known| {
        let label = known.display_name.clone().unwrap_or_default();
        (known.user_name.to_string(), label)
    });
    Ok(Form {
        words: Words::of(language),
        csrf: desk.visitor.csrf.clone(),
        kind,
        others_open: others.iter().any(|one| one.leg != TypedLeg::default()),
        first,
        others,
        wrong: in_words(troubles, language),
        sites: own_sites.iter().map(|site| (site.to_string(), checked(site))).collect(),
        countries: countries(language),
        offered: offered.collect(),
        candidates,
        typed,
    })
}

/// Those who could be meant.
pub(crate) fn candidates(everybody: &[Known], typed: &Typed, words: &Words) -> Vec<Candidate> {
    let mut meant = people::resembling(everybody, &typed.who);
    if let Some(chosen) = people::chosen(everybody, typed)
        && !meant.contains(&chosen)
    {
        meant.insert(0, chosen);
    }
    let candidate = |known: &Known| Candidate {
        key: people::key(&known.person),
        name: match &known.display_name {
            Some(name) => format!("{name} ({})", known.user_name),
            None => known.user_name.to_string(),
        },
        told_by: match known.local {
            true => words.local_account.to_owned(),
            false => format!("{} {}", known.person.provider(), known.person.subject()),
        },
        chosen: people::key(&known.person) == typed.person,
    };
    meant.into_iter().filter(|known| !known.locked).map(candidate).collect()
}

/// The summary before it takes effect.
#[derive(Template)]
#[template(path = "travel/summary.html")]
pub(crate) struct Summary {
    words: &'static Words,
    csrf: String,
    kind: Kind,
    fields: Vec<(String, String)>,
    facts: Vec<Fact>,
    what_happens: String,
    cautions: Vec<String>,
    letter: letter::Preview,
}

/// What is shown of a journey that is not there yet.
pub(crate) async fn summary(
    desk: &Desk<'_>,
    kind: Kind,
    typed: &Typed,
    (exemption, reached): (&TravelExemption, &Application),
    cautions: &[Caution],
) -> Result<Summary, StoreError> {
    let language = desk.visitor.language;
    let words = Words::of(language);
    let zone = &desk.organization().time_zone;
    let record = letter::not_yet(exemption, reached, desk);
    let mut facts = shown::facts(&record, zone, words, language);
    if kind != Kind::Own {
        facts.extend(people::told_of(desk, &exemption.person).await?);
    }
    let mut told: Vec<String> =
        cautions.iter().map(|one| sentences::caution(one, language)).collect();
    if exemption.demands.device && reached.mail.is_empty() {
        told.push(words.link_needs_mail.to_owned());
    }
    Ok(Summary {
        words,
        csrf: desk.visitor.csrf.clone(),
        kind,
        fields: typed.fields(),
        facts,
        what_happens: match kind {
            Kind::Own => words.own_happens.to_owned(),
            Kind::Grant | Kind::OnBehalf => sentences::what_happens(exemption, desk.now, language),
        },
        cautions: told,
        letter: letter::preview(desk, exemption, reached),
    })
}

pub(super) async fn new(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    empty(&admin, &visitor, Kind::Grant).await
}

pub(super) async fn apply(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    empty(&admin, &visitor, Kind::OnBehalf).await
}

/// The form with nothing in it.
pub(crate) async fn empty(admin: &Admin, visitor: &Visitor, kind: Kind) -> Answer {
    let desk = Desk::of(admin, visitor);
    let words = Words::of(visitor.language);
    let form = form(&desk, kind, Typed::default(), &[]).await;
    let form = form.map_err(|undone| without_form(undone, visitor.language))?;
    Ok(shell::frame(visitor, kind.place(), kind.title(words), &form))
}

pub(super) async fn grant(State(admin): State<Admin>, visitor: Visitor, sent: Sent) -> Answer {
    let desk = Desk::of(&admin, &visitor);
    let typed = Typed::read(&sent);
    if sent.text("do") == "change" {
        return again(&desk, Kind::Grant, typed, &[], StatusCode::OK).await;
    }
    if sent.text("do") == "confirm" {
        return match desk.grant(&typed).await {
            Ok(exemption) => Ok(receipt(&exemption, &desk)),
            Err(undone) => failed(&desk, Kind::Grant, typed, undone).await,
        };
    }
    match desk.grantable(&typed).await {
        Ok(good) => {
            look_at(&admin, &visitor, good.grant.request().user_name.as_str()).await?;
            let exemption = good.grant.clone().into_exemption(ExemptionId::new("TE-"));
            let about = (&exemption, &good.reached);
            let page = summary(&desk, Kind::Grant, &typed, about, good.grant.cautions()).await?;
            let title = Words::of(visitor.language).summary;
            Ok(shell::frame(&visitor, Place::Travel, title, &page))
        }
        Err(undone) => failed(&desk, Kind::Grant, typed, undone).await,
    }
}

pub(super) async fn on_behalf(State(admin): State<Admin>, visitor: Visitor, sent: Sent) -> Answer {
    let desk = Desk::of(&admin, &visitor);
    let typed = Typed::read(&sent);
    if sent.text("do") == "change" {
        return again(&desk, Kind::OnBehalf, typed, &[], StatusCode::OK).await;
    }
    if sent.text("do") == "confirm" {
        return match desk.apply(&typed).await {
            Ok(exemption) => Ok(shell::see(&format!("/travel/{}?done=applied", exemption.id))),
            Err(undone) => failed(&desk, Kind::OnBehalf, typed, undone).await,
        };
    }
    match desk.applicable(&typed).await {
        Ok(good) => {
            look_at(&admin, &visitor, good.grant().request().user_name.as_str()).await?;
            let cautions = good.cautions().to_vec();
            let (exemption, reached) = good.into_exemption(ExemptionId::new("TE-"));
            let about = (&exemption, &reached);
            let page = summary(&desk, Kind::OnBehalf, &typed, about, &cautions).await?;
            let title = Words::of(visitor.language).summary;
            Ok(shell::frame(&visitor, Place::Travel, title, &page))
        }
        Err(undone) => failed(&desk, Kind::OnBehalf, typed, undone).await,
    }
}

/// The summary says who somebody is, before anything is kept.
async fn look_at(
    admin: &Admin,
    visitor: &Visitor,
    name: &str,
) -> Result<(), crate::admin::Refusal> {
    look(admin, visitor, Looked::Travel, |event| event.detail("view", "new").target(name)).await
}

fn receipt(exemption: &TravelExemption, desk: &Desk<'_>) -> axum::response::Response {
    use crate::policy::Phase;
    let done = match exemption.phase(desk.now) {
        Phase::AwaitingApproval => "awaiting",
        _ => "granted",
    };
    shell::see(&format!("/travel/{}?done={done}", exemption.id))
}

/// The form again, with what is wrong; or what else went wrong.
pub(crate) async fn failed(desk: &Desk<'_>, kind: Kind, typed: Typed, undone: Undone) -> Answer {
    match undone {
        Undone::Troubles(troubles) => {
            again(desk, kind, typed, &troubles, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        other => Err(without_form(other, desk.visitor.language)),
    }
}

/// The form again, with everything that was typed.
pub(crate) async fn again(
    desk: &Desk<'_>,
    kind: Kind,
    typed: Typed,
    troubles: &[Trouble],
    status: StatusCode,
) -> Answer {
    let language = desk.visitor.language;
    let form = form(desk, kind, typed, troubles).await;
    let form = form.map_err(|undone| without_form(undone, language))?;
    let title = kind.title(Words::of(language));
    Ok(shell::frame_with(status, desk.visitor, kind.place(), title, &form))
}
