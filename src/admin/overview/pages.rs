//! The first page.

use askama::Template;
use axum::extract::State;

use super::actions::{self, Figures, Overview, Traffic, Travel};
use super::api;
use super::map::{self, Map};
use super::words::{self, Words};
use crate::admin::chart::{Bar, BarList, Bars, Chart, Row as ChartRow, Tone};
use crate::admin::{Admin, Answer, Place, Right, Routes, Visitor, shell};
use crate::config::Role;
use crate::language::{self, Language};
use crate::policy::TravelExemption;
use crate::territory::Territory;

pub(in crate::admin) fn routes(routes: Routes) -> Routes {
    api::routes(routes.get("/", Right::SignedIn, page))
}

struct Health {
    name: String,
    text: String,
    state: &'static str,
    class: &'static str,
}

struct Waiting {
    text: String,
    href: &'static str,
}

struct Step {
    number: usize,
    range: String,
}

struct World {
    map: Map,
    steps: Vec<Step>,
    list: Chart,
}

struct Journey {
    id: String,
    name: String,
    places: String,
    days: String,
}

struct Organization {
    name: String,
    sites: usize,
    out: usize,
    lists: String,
    failed: usize,
}

#[derive(Template)]
#[template(path = "overview/page.html")]
struct Page {
    words: &'static Words,
    lead: String,
    parts: Vec<Health>,
    staff: bool,
    waiting: Vec<Waiting>,
    charts: Vec<Chart>,
    world: Option<World>,
    nobody_rejected: bool,
    db_ip: bool,
    travel: bool,
    no_entry: bool,
    now: Vec<Journey>,
    next: Vec<Journey>,
    organizations: Vec<Organization>,
}

async fn page(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    if visitor.is_traveller_only() {
        return Ok(shell::see("/own"));
    }
    let found = actions::overview(&admin, &visitor).await?;
    let words = Words::of(visitor.language);
    let page = tell(&found, &visitor, words, admin.in_effect().database().info().is_db_ip);
    Ok(shell::frame(&visitor, Place::Overview, words.title, &page))
}

fn tell(found: &Overview, visitor: &Visitor, words: &'static Words, db_ip: bool) -> Page {
    let (language, zone) = (visitor.language, &visitor.organization.time_zone);
    let part = |part: &super::health::Part| {
        let (name, text) = words::part(part, zone, language);
        let (state, class) = words::state(part.state(), language);
        Health { name, text, state, class }
    };
    let waiting = |one: &actions::Attention| {
        let (text, href) = words::attention(one, zone, language);
        Waiting { text, href }
    };
    let (travel, no_entry, now, next) = match &found.travel {
        Travel::NotShown => (false, false, Vec::new(), Vec::new()),
        Travel::NoEntry => (true, true, Vec::new(), Vec::new()),
        Travel::Shown { now, next } => {
            let all = |list: &[TravelExemption]| {
                list.iter().map(|one| journey(one, visitor)).collect::<Vec<_>>()
            };
            (true, false, all(now), all(next))
        }
    };
    let traffic = found.traffic.as_ref();
    Page {
        words,
        lead: words::lead(found.unwell(), found.attention.len(), language),
        parts: found.parts.iter().map(part).collect(),
        staff: visitor.has_any(&Role::ALL),
        waiting: found.attention.iter().map(waiting).collect(),
        charts: traffic.map(|traffic| charts(traffic, words, language)).unwrap_or_default(),
        world: traffic.and_then(|traffic| world(traffic, visitor, words)),
        nobody_rejected: traffic.is_some_and(|t| t.countries.is_empty() && t.unknown == 0),
        db_ip,
        travel,
        no_entry,
        now,
        next,
        organizations: found
            .organizations
            .iter()
            .map(|one| Organization {
                name: one.name.clone(),
                sites: one.sites,
                out: one.out,
                lists: one.lists.join(", "),
                failed: one.notices_failed,
            })
            .collect(),
    }
}

fn charts(traffic: &Traffic, words: &Words, language: Language) -> Vec<Chart> {
    let sum = |of: fn(&Figures) -> u64| traffic.days.iter().map(|(_, day)| of(day)).sum::<u64>();
    let draw = |id, title: &str, description, tone, of: fn(&Figures) -> u64| {
        let bars: Vec<Bar> = traffic
            .days
            .iter()
            .map(|(day, figures)| Bar {
                label: format!("{}/{}", day.day(), day.month()),
                name: language::date(*day, language),
                value: of(figures),
                usual: None,
            })
            .collect();
        Bars {
            id,
            title,
            description,
            name_head: words.day,
            value_head: words.number,
            usual_head: words.usual,
            bars: &bars,
            tone,
            language,
        }
        .draw()
    };
    let most = traffic.days.iter().max_by_key(|(_, day)| day.rejected);
    let most = most.filter(|(_, day)| day.rejected > 0);
    let most = most.map(|(day, figures)| (figures.rejected, language::date(*day, language)));
    let requests = words::requests(sum(|day| day.requests), language);
    let rejected = words::rejected(sum(|day| day.rejected), most, language);
    let exempt = words::exempt(sum(|day| day.exempt), language);
    vec![
        draw("requests", &requests, words.drawn_requests, Tone::Plain, |day| day.requests),
        draw("rejected", &rejected, words.drawn_rejected, Tone::Rejected, |day| day.rejected),
        draw("exempt", &exempt, words.drawn_exempt, Tone::Allowed, |day| day.exempt),
    ]
}

fn world(traffic: &Traffic, visitor: &Visitor, words: &Words) -> Option<World> {
    let language = visitor.language;
    if traffic.countries.is_empty() && traffic.unknown == 0 {
        return None;
    }
    let mut countries: Vec<(Territory, u64)> =
        traffic.countries.iter().map(|(territory, count)| (*territory, *count)).collect();
    countries.sort_by_cached_key(|(territory, count)| {
        let name = language::sort_key(&territory.name(language), language);
        (std::cmp::Reverse(*count), name)
    });
    let reads_log = visitor.has_any(&[Role::Security, Role::DataProtectionOfficer]);
    let mut rows: Vec<ChartRow> = countries
        .iter()
        .map(|(territory, count)| ChartRow {
            name: territory.name(language).into_owned(),
            link: reads_log.then(|| format!("/log?country={territory}&verdict=deny&span=30d")),
            value: *count,
            usual: None,
        })
        .collect();
    if traffic.unknown > 0 {
        let name = words.unknown_place.to_owned();
        rows.push(ChartRow { name, link: None, value: traffic.unknown, usual: None });
    }
    let most = countries.first().map(|(territory, _)| territory.name(language).into_owned());
    let title = words::map(countries.len(), most.as_deref().unwrap_or(words.none), language);
    let steps = map::steps(countries.first().map_or(0, |(_, count)| *count));
    Some(World {
        map: map::draw(&traffic.countries, &title, language),
        steps: steps
            .iter()
            .map(|step| Step {
                number: step.number,
                range: words::step(step.from, step.to, language),
            })
            .collect(),
        list: BarList {
            title: words.countries,
            name_head: words.country,
            value_head: words.rejections,
            usual_head: words.usual,
            rows: &rows,
            tone: Tone::Rejected,
            language,
        }
        .draw(),
    })
}

fn journey(exemption: &TravelExemption, visitor: &Visitor) -> Journey {
    let (language, zone) = (visitor.language, &visitor.organization.time_zone);
    let mut places: Vec<Territory> =
        exemption.legs.iter().flat_map(|leg| leg.territories.iter().copied()).collect();
    places.sort_unstable();
    places.dedup();
    crate::territory::sort_by_name(&mut places, language);
    let names: Vec<String> = places.iter().map(|place| place.name(language).into_owned()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let days = exemption.journey().map(|(from, until)| {
        let day = |at: jiff::Timestamp| language::date(at.to_zoned(zone.clone()).date(), language);
        format!("{} – {}", day(from), day(language::last_minute(until)))
    });
    Journey {
        id: exemption.id.to_string(),
        name: exemption.user_name.to_string(),
        places: language::enumeration(&names, language),
        days: days.unwrap_or_default(),
    }
}
