//! The page of the question.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::actions::{self, ASKERS, NoAnswer, Typed, WITH_PEOPLE};
use super::api;
use super::words::{self, Words};
use crate::admin::fault::Faults;
use crate::admin::{Admin, Answer, Asked, Place, Right, Routes, Visitor, shell};
use crate::language;
use crate::policy::Explanation;
use crate::territory::Territory;

pub(in crate::admin) fn routes(routes: Routes) -> Routes {
    api::routes(routes.get("/would", Right::Roles(ASKERS), page))
}

struct Told {
    step: &'static str,
    outcome: String,
    ends: bool,
}

struct Other {
    exemption: String,
    because: String,
}

struct Answered {
    asked: String,
    verdict: &'static str,
    class: &'static str,
    steps: Vec<Told>,
    location: String,
    network: Option<String>,
    built: Option<String>,
    list: String,
    exemption: Option<String>,
    others: Vec<Other>,
    upcoming: Option<String>,
}

#[derive(Template)]
#[template(path = "would/page.html")]
struct Page<'a> {
    words: &'static Words,
    typed: &'a Typed,
    sites: Vec<String>,
    faults: &'a Faults,
    people: bool,
    answered: Option<Answered>,
    db_ip: bool,
}

async fn page(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let typed = Typed::of(&asked);
    let mut faults = Faults::default();
    let mut answered = None;
    if !typed.is_empty() {
        match actions::answer(&admin, &visitor, &typed).await {
            Ok(explanation) => answered = Some(tell(&explanation, &visitor)),
            Err(NoAnswer::Faults(found)) => faults = found,
            Err(NoAnswer::Refusal(refusal)) => return Err(refusal),
        }
    }
    let words = Words::of(visitor.language);
    let info = admin.in_effect().database();
    let page = Page {
        words,
        typed: &typed,
        sites: actions::sites(&admin, &visitor).iter().map(ToString::to_string).collect(),
        faults: &faults,
        people: visitor.has_any(WITH_PEOPLE),
        answered,
        db_ip: info.info().is_db_ip,
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(shell::frame_with(status, &visitor, Place::List, words.title, &page))
}

fn tell(explanation: &Explanation, visitor: &Visitor) -> Answered {
    let (language, zone) = (visitor.language, &visitor.organization.time_zone);
    let instant = |at| language::instant(at, zone, language);
    let (verdict, class) = words::verdict(explanation.verdict, language);
    let place = &explanation.location;
    let territory = place.country.map(|country| match place.subdivision {
        Some(part) => Territory::subdivision_of(country, part),
        None => Territory::country_of(country),
    });
    let address = explanation.address.map(|a| a.to_string()).unwrap_or_default();
    Answered {
        asked: words::asked(
            &address,
            explanation.site.as_str(),
            &instant(explanation.at),
            explanation.user.as_deref(),
            language,
        ),
        verdict,
        class,
        steps: explanation
            .steps
            .iter()
            .map(|step| Told {
                step: words::step(step.step, language),
                outcome: step.outcome.clone(),
                ends: step.ends,
            })
            .collect(),
        location: territory.map_or_else(
            || words::place(place.kind, language).to_owned(),
            |territory| format!("{} ({territory})", territory.name(language)),
        ),
        network: place.network.map(|network| network.to_string()),
        built: place
            .database_built
            .map(|built| language::date(built.to_zoned(zone.clone()).date(), language)),
        list: words::in_force(
            explanation.list.id.as_str(),
            explanation.list.version.as_deref(),
            language,
        ),
        exemption: explanation.exemption.as_ref().map(ToString::to_string),
        others: explanation
            .other_exemptions
            .iter()
            .map(|other| Other {
                exemption: other.exemption.to_string(),
                because: other.because.clone(),
            })
            .collect(),
        upcoming: explanation.upcoming.as_ref().map(|upcoming| {
            let from = instant(upcoming.effective_from);
            words::upcoming(&upcoming.version, &from, upcoming.verdict, language)
        }),
    }
}
