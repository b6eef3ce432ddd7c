//! The traveller's pages.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;

use super::actions::Step;
use super::words::Words;
use crate::admin::access::{Looked, look};
use crate::admin::travel::actions::{Desk, Undone};
use crate::admin::travel::form::{self, Kind};
use crate::admin::travel::sentences::{self, State as Stands};
use crate::admin::travel::shown::{self, Dated, Fact, Row};
use crate::admin::travel::steps::{Extension, More, seen};
use crate::admin::travel::troubles::in_words;
use crate::admin::travel::typed::Typed;
use crate::admin::travel::words::Words as TravelWords;
use crate::admin::travel::{detail, without_form};
use crate::admin::{Admin, Answer, Asked, Place, Refusal, Sent, Visitor, shell};
use crate::policy::{Decision, ExemptionId, ExemptionState, Phase, take_step};
use crate::store::ExemptionRecord;

#[derive(Template)]
#[template(path = "own/list.html")]
struct List {
    words: &'static Words,
    rows: Vec<Row>,
}

pub(super) async fn list(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let desk = Desk::own(&admin, &visitor)?;
    let language = visitor.language;
    let mine = desk.mine().await.map_err(|undone| without_form(undone, language))?;
    look_at_own(&admin, &visitor, "own").await?;
    let zone = &desk.organization().time_zone;
    let words = Words::of(language);
    let row = |record: &ExemptionRecord| Row::of(record, desk.now, zone, language);
    let page = List { words, rows: mine.iter().map(row).collect() };
    Ok(shell::frame(&visitor, Place::Own, words.title, &page))
}

/// That somebody looks at their own is an entry like any other.
pub(super) async fn look_at_own(
    admin: &Admin,
    visitor: &Visitor,
    view: &'static str,
) -> Result<(), Refusal> {
    look(admin, visitor, Looked::Travel, |event| {
        event.detail("view", view).target(visitor.name.as_str())
    })
    .await
}

#[derive(Template)]
#[template(path = "own/one.html")]
struct One {
    words: &'static Words,
    id: String,
    done: Option<&'static str>,
    state: Stands,
    facts: Vec<Fact>,
    history: Vec<Dated>,
    devices: Vec<detail::Device>,
    demands_device: bool,
    steps: Vec<(&'static str, &'static str, bool)>,
}

pub(super) async fn one(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    asked: Asked,
) -> Answer {
    let desk = Desk::own(&admin, &visitor)?;
    let language = visitor.language;
    let record = desk.my_journey(&ExemptionId::new(&id)).await;
    let record = record.map_err(|undone| without_form(undone, language))?;
    look_at_own(&admin, &visitor, "own journey").await?;
    let words = Words::of(language);
    let zone = &desk.organization().time_zone;
    let page = One {
        words,
        id: record.exemption.id.to_string(),
        done: match asked.text("done") {
            "applied" => Some(words.applied),
            "closed" => Some(words.closed),
            "withdrawn" => Some(words.withdrawn),
            "sent" => Some(words.sent),
            "extended" => Some(words.extended),
            _ => None,
        },
        state: sentences::state(&record, desk.now, language),
        facts: shown::facts(&record, zone, TravelWords::of(language), language),
        history: shown::history(&record, zone, language),
        devices: detail::devices(&desk, &record).await?,
        demands_device: record.exemption.demands.device,
        steps: steps(&record, &desk, words),
    };
    let title = sentences::all_places(&record.exemption, language);
    Ok(shell::frame(&visitor, Place::Own, &title, &page))
}

/// What I can do with it: where, what it is called, whether it is the main thing.
fn steps(
    record: &ExemptionRecord,
    desk: &Desk<'_>,
    words: &'static Words,
) -> Vec<(&'static str, &'static str, bool)> {
    let exemption = &record.exemption;
    let actor =
        crate::policy::Actor { name: exemption.user_name.to_string(), operating_system_user: None };
    let could =
        |decision| take_step(exemption, &record.participants(), decision, &actor, desk.now).is_ok();
    let goes_on = matches!(exemption.phase(desk.now), Phase::Planned | Phase::Active);
    let mut steps = Vec::new();
    if goes_on {
        steps.push(("home", words.home, true));
    }
    if could(Decision::Withdraw) {
        steps.push(("withdraw", words.withdraw, false));
    }
    if goes_on {
        steps.push(("link", words.link, false));
    }
    if goes_on && exemption.state == ExemptionState::Granted {
        steps.push(("extend", words.extend, false));
    }
    steps
}

pub(super) async fn form(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let desk = Desk::own(&admin, &visitor)?;
    form::again(&desk, Kind::Own, Typed::default(), &[], StatusCode::OK).await
}

pub(super) async fn apply(State(admin): State<Admin>, visitor: Visitor, sent: Sent) -> Answer {
    let desk = Desk::own(&admin, &visitor)?;
    let typed = Typed::read(&sent);
    match sent.text("do") {
        "change" => form::again(&desk, Kind::Own, typed, &[], StatusCode::OK).await,
        "confirm" => match desk.apply_myself(&typed).await {
            Ok(exemption) => Ok(shell::see(&format!("/own/{}?done=applied", exemption.id))),
            Err(undone) => form::failed(&desk, Kind::Own, typed, undone).await,
        },
        _ => match desk.my_application(&typed).await {
            Ok(good) => {
                let cautions = good.cautions().to_vec();
                let (exemption, reached) = good.into_exemption(ExemptionId::new("TE-"));
                let about = (&exemption, &reached);
                let page = form::summary(&desk, Kind::Own, &typed, about, &cautions).await?;
                let title = TravelWords::of(visitor.language).summary;
                Ok(shell::frame(&visitor, Place::Own, title, &page))
            }
            Err(undone) => form::failed(&desk, Kind::Own, typed, undone).await,
        },
    }
}

#[derive(Template)]
#[template(path = "own/question.html")]
struct Question {
    words: &'static Words,
    csrf: String,
    action: String,
    back: String,
    version: usize,
    what: String,
    text: &'static str,
    danger: bool,
}

fn step_of(word: &str) -> Result<Step, Refusal> {
    match word {
        "home" => Ok(Step::Home),
        "withdraw" => Ok(Step::Withdraw),
        "link" => Ok(Step::Link),
        _ => Err(Refusal::NotFound),
    }
}

pub(super) async fn ask(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path((id, word)): Path<(String, String)>,
) -> Answer {
    let step = step_of(&word)?;
    let desk = Desk::own(&admin, &visitor)?;
    let language = visitor.language;
    let record = desk.my_journey(&ExemptionId::new(&id)).await;
    let record = record.map_err(|undone| without_form(undone, language))?;
    look_at_own(&admin, &visitor, "own journey").await?;
    let words = Words::of(language);
    let exemption = &record.exemption;
    let (places, sites) =
        (sentences::all_places(exemption, language), shown::sites(exemption, language));
    let pick = |danish: String, english: String| sentences::pick(language, danish, english);
    let (text, what) = match step {
        Step::Home => (
            words.home,
            pick(
                format!("Din adgang til {sites} fra {places} slutter nu, og åbne forbindelser derfra bliver lukket. Hjemmefra virker alt som før."),
                format!("Your access to {sites} from {places} ends now, and open connections from there are closed. At home everything works as before."),
            ),
        ),
        Step::Withdraw => (
            words.withdraw,
            pick(
                format!("Din ansøgning om {places} bliver trukket tilbage."),
                format!("Your application about {places} is withdrawn."),
            ),
        ),
        Step::Link => (
            words.link,
            pick(
                "Du får en mail med et link. Åbn det på hver enhed, mens du er hjemme. Det virker i 7 dage og på op til 4 enheder.".to_owned(),
                "You get a mail with a link. Open it on each device while you are at home. It works for 7 days and on up to 4 devices.".to_owned(),
            ),
        ),
    };
    let page = Question {
        words,
        csrf: visitor.csrf.clone(),
        action: format!("/own/{id}/{word}", id = exemption.id),
        back: format!("/own/{}", exemption.id),
        version: record.version(),
        what,
        text,
        danger: false,
    };
    Ok(shell::frame(&visitor, Place::Own, text, &page))
}

pub(super) async fn take(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path((id, word)): Path<(String, String)>,
    sent: Sent,
) -> Answer {
    let step = step_of(&word)?;
    let desk = Desk::own(&admin, &visitor)?;
    let id = ExemptionId::new(&id);
    // Of what is not there no version can be wrong.
    let mine = desk.my_journey(&id).await;
    mine.map_err(|undone| without_form(undone, visitor.language))?;
    let taken = desk.step(&id, step, Some(seen(&sent)?)).await;
    taken.map_err(|undone| without_form(undone, visitor.language))?;
    let done = match step {
        Step::Home => "closed",
        Step::Withdraw => "withdrawn",
        Step::Link => "sent",
    };
    Ok(shell::see(&format!("/own/{id}?done={done}")))
}

pub(super) async fn longer(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    let desk = Desk::own(&admin, &visitor)?;
    let record = desk.my_journey(&ExemptionId::new(&id)).await;
    let record = record.map_err(|undone| without_form(undone, visitor.language))?;
    look_at_own(&admin, &visitor, "own journey").await?;
    let page = Extension::of(&desk, &record, ("/own", None), Vec::new());
    Ok(shell::frame(&visitor, Place::Own, Words::of(visitor.language).extend, &page))
}

pub(super) async fn extend(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let desk = Desk::own(&admin, &visitor)?;
    let (id, more, language) = (ExemptionId::new(&id), More::of(&sent), visitor.language);
    match desk.extend_mine(&id, sent.text("until"), more.stated()).await {
        Ok(exemption) => Ok(shell::see(&format!("/own/{}?done=extended", exemption.id))),
        Err(Undone::Troubles(found)) => {
            let record = desk.my_journey(&id).await.map_err(|u| without_form(u, language))?;
            let wrong = in_words(&found, language);
            let page = Extension::of(&desk, &record, ("/own", Some(&sent)), wrong);
            let (status, title) = (StatusCode::UNPROCESSABLE_ENTITY, Words::of(language).extend);
            Ok(shell::frame_with(status, &visitor, Place::Own, title, &page))
        }
        Err(other) => Err(without_form(other, language)),
    }
}

pub(super) async fn ask_lost(visitor: Visitor) -> Response {
    let words = Words::of(visitor.language);
    let page = Question {
        words,
        csrf: visitor.csrf.clone(),
        action: "/own/lost".to_owned(),
        back: "/own".to_owned(),
        version: 0,
        what: words.lost_what.to_owned(),
        text: words.lost_now,
        danger: true,
    };
    shell::frame(&visitor, Place::Own, words.lost, &page)
}

#[derive(Template)]
#[template(path = "own/lost.html")]
struct Lost {
    words: &'static Words,
    /// As dialled, and as shown.
    phone: Option<(String, String)>,
}

/// The receipt is the answer itself: whoever asks for another page is not signed in any more.
pub(super) async fn lost(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let desk = Desk::own(&admin, &visitor)?;
    let words = Words::of(visitor.language);
    let ended = desk.lost_mine(words.lost_reason).await;
    ended.map_err(|undone| without_form(undone, visitor.language))?;
    let phone = desk.organization().contact.phone.clone();
    let page = Lost { words, phone: phone.map(|phone| (phone.replace(' ', ""), phone)) };
    Ok(shell::frame(&visitor, Place::Own, words.lost_done, &page))
}
