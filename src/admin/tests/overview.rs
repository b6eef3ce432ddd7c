//! The overview, the list, what would happen, insight, the report and the register: who sees what,
//! what leaves an entry, and what becomes of what somebody pasted.

use std::net::IpAddr;

use http::{StatusCode, header};

use crate::admin::fixture::{Browser, Office, configuration};
use crate::admin::travel::tests as journeys;
use crate::audit::event::Field;
use crate::audit::search::{Filter, search};
use crate::audit::{Action, Event};
use crate::clock;
use crate::log_index::Follower;

const SCRIPT: &str = "<script>alert(1)</script>";
/// In the bundled database: South Korea, China, Denmark.
const KOREA: &str = "168.126.63.1";
const CHINA: &str = "114.114.114.114";
const DENMARK: &str = "130.225.96.1";
const THAILAND: &str = "61.19.0.1";

/// How often this was entered, for this visitor.
fn entries(office: &Office, action: Action, by: &str) -> Vec<Event> {
    let filter = Filter { action: Some(action), user: Some(by.to_owned()), ..Filter::default() };
    let found = search(&office.state.path().join("state/audit"), &filter).unwrap();
    found.map(|found| found.unwrap().event).collect()
}

async fn seen(office: &Office, user: &str, organization: &str, country: &str, address: &str) {
    let site = if organization == "egedal" { "egedal-web" } else { "kilden" };
    let mut event = Event::new(Action::SignIn, clock::now(), clock::random_bytes())
        .user(user)
        .personal(Field::ClientIp, address);
    event.organization = Some(organization.into());
    event.country = Some(country.into());
    event.site = Some(site.into());
    assert!(office.admin.audit().record(event).reached_disk().await);
}

/// A second version that adds South Korea and starts in three weeks.
fn announce(office: &Office) {
    let shipped = include_str!("../../../config/lists/cfcs.yaml");
    let today = clock::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let starts = today.checked_add(jiff::Span::new().days(21)).unwrap();
    let listed = shipped
        .lines()
        .filter_map(|line| line.strip_prefix("      - "))
        .filter_map(|entry| entry.split_whitespace().next())
        .collect::<Vec<_>>()
        .join(", ");
    let next = format!(
        "  - {{version: \"2027-01\", source: \"{SCRIPT}\", adopted_by: b, adopted_on: {today}, announced_on: {today}, effective_from: {starts}, territories: [{listed}, KR]}}\n"
    );
    let file = office.state.path().join("cfcs.yaml");
    std::fs::write(&file, format!("{shipped}{next}")).unwrap();
    let text = configuration(", second_factor: off");
    let root = env!("CARGO_MANIFEST_DIR");
    let text = text.replace(&format!("{root}/config/lists/cfcs.yaml"), file.to_str().unwrap());
    office.reload(&text);
}

fn plain(text: &str) -> String {
    text.split('<').map(|part| part.split_once('>').map_or(part, |(_, after)| after)).collect()
}

#[tokio::test]
async fn the_overview_shows_travel_only_to_those_who_may_see_it_and_only_with_an_entry() {
    let office = Office::open().await;
    for (name, travel) in [
        ("kirsten.vang", true),
        ("mads.bro", true),
        ("sofie.lind", false),
        ("ole.drift", false),
        ("cille.center", false),
    ] {
        let mut browser = office.signed_in(name).await;
        let page = office.get(&mut browser, "/").await;
        assert_eq!(page.status, StatusCode::OK, "{name}");
        assert_eq!(page.text.contains("Hvem rejser?"), travel, "{name}");
        let looks = entries(&office, Action::TravelViewed, name).len();
        assert_eq!(looks, usize::from(travel), "{name}");
        assert!(page.text.contains("Er alt vel?"), "{name}");
    }
    let mut traveller = office.signed_in("anna.holm").await;
    let page = office.get(&mut traveller, "/").await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/own"));
}

#[tokio::test]
async fn an_operator_of_the_centre_sees_how_all_are_and_nobody() {
    let office = Office::open().await;
    let mut centre = office.signed_in("cille.center").await;
    let page = office.get(&mut centre, "/").await;
    assert!(page.text.contains("Egedal Kommune") && page.text.contains("Alle organisationer"));
    for (person, ..) in crate::admin::fixture::PEOPLE {
        assert!(person == "cille.center" || !page.text.contains(person), "{person}");
    }
    let api = office.get(&mut centre, "/api/v1/overview").await.json();
    assert_eq!(api["days"], serde_json::json!([]), "how much people do is nothing of theirs");
    let mut operator = office.signed_in("ole.drift").await;
    let page = office.get(&mut operator, "/").await;
    assert!(!page.text.contains("Egedal"), "the other organisation");
    let api = office.get(&mut operator, "/api/v1/overview").await;
    assert_eq!(api.json()["parts"][0]["name"], "database");
    assert_eq!(api.json()["days"].as_array().unwrap().len(), 30);
}

/// So many entries of an action for an organisation from a country, in the index.
async fn entered(office: &Office, action: Action, those: &[(&str, &str, usize)]) {
    for (organization, country, count) in those {
        for _ in 0..*count {
            let mut event = Event::new(action, clock::now(), clock::random_bytes())
                .reason("country_listed")
                .personal(Field::ClientIp, CHINA);
            event.organization = Some((*organization).into());
            event.country = Some((*country).into());
            event.verdict = Some("deny".into());
            event.site = Some("kilden".into());
            assert!(office.admin.audit().record(event).reached_disk().await);
        }
    }
    let directory = office.state.path().join("state/audit");
    let mut follower = Follower::new(directory, office.admin.store().log().clone());
    while follower.round().await.unwrap().behind > 0 {}
}

#[tokio::test]
async fn the_map_and_its_table_are_of_the_organisations_own_rejections() {
    let office = Office::open().await;
    entered(&office, Action::Denied, &[("ballerup", "CN", 3), ("egedal", "JP", 2)]).await;
    let mut security = office.signed_in("sofie.lind").await;
    let page = office.get(&mut security, "/").await;
    assert!(page.text.contains("<title>Kina: 3</title>"), "on the map");
    assert!(!page.text.contains("Japan: "), "the other organisation's");
    assert!(page.text.contains("/log?country=CN"), "a click leads to the entries");
    assert!(plain(&page.text).contains("3 afvist"));
    let page = office.get(&mut security, "/?sprog=en").await;
    assert!(page.text.contains("<title>China: 3</title>") && page.text.contains("Is all well?"));
}

#[tokio::test]
async fn the_forecast_names_whom_the_announced_version_shuts_out() {
    let office = Office::open().await;
    let mut officer = office.signed_in("kirsten.vang").await;
    let none = office.get(&mut officer, "/list/forecast").await;
    assert!(none.text.contains("Ingen ny udgave er meddelt."));
    seen(&office, "anna.holm", "ballerup", "KR", KOREA).await;
    seen(&office, "mads.bro", "ballerup", "DK", DENMARK).await;
    seen(&office, "eva.egedal", "egedal", "KR", KOREA).await;
    // A Danish address that was taken for Korean then is let in all the same.
    seen(&office, "ole.drift", "ballerup", "KR", DENMARK).await;
    announce(&office);
    let page = office.get(&mut officer, "/list/forecast").await;
    assert_eq!(page.status, StatusCode::OK);
    let text = plain(&page.text);
    assert!(text.contains("1 person, vi har set, bliver afvist fra"), "{text}");
    assert!(text.contains("anna.holm") && text.contains("Sydkorea kommer på listen."), "{text}");
    for other in ["mads.bro", "eva.egedal", "ole.drift"] {
        assert!(!text.contains(other), "{other}");
    }
    assert!(text.contains("Kære anna.holm") && text.contains("+45 44 77 20 00"), "the letter");
    let looks = entries(&office, Action::LogSearched, "kirsten.vang");
    assert_eq!(looks.len(), 1, "one look was at something");
    let api = office.get(&mut officer, "/api/v1/lists/cfcs/forecast").await.json();
    assert_eq!(api["people"].as_array().unwrap().len(), 1);
    assert_eq!(api["people"][0]["seen"][0]["territory"], "KR");
    assert_eq!(api["people"][0]["seen"][0]["reason"], "country_listed");
    for name in ["mads.bro", "ole.drift", "cille.center"] {
        let mut other = office.signed_in(name).await;
        let page = office.get(&mut other, "/list/forecast").await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{name}");
    }
    let looks = entries(&office, Action::LogSearched, "kirsten.vang");
    assert_eq!(looks.len(), 2, "the page's and the program's");
    assert!(looks.iter().all(|look| look.details["forecast"] == "cfcs"), "{looks:?}");
    // A look that cannot be written shows nobody.
    office.end_log().await;
    for path in ["/list/forecast", "/api/v1/lists/cfcs/forecast"] {
        let page = office.get(&mut officer, path).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {}", page.text);
        assert!(!page.text.contains("anna.holm"), "{path}: {}", page.text);
    }
}

#[tokio::test]
async fn the_lock_says_what_may_start_when_and_why_not_earlier() {
    let office = Office::open().await;
    announce(&office);
    let mut browser = office.signed_in("ole.drift").await;
    let page = office.get(&mut browser, "/list").await;
    let text = plain(&page.text);
    assert!(text.contains("Varslet er 14 dage, så den må tidligst begynde"), "{text}");
    assert!(text.contains("En ny udgave begynder"), "{text}");
    assert!(!page.text.contains(SCRIPT), "the source of a version is text");
    assert!(page.text.contains("/list/cfcs/versions/2027-01"));
    let one = office.get(&mut browser, "/list/cfcs/versions/2027-01").await;
    assert!(plain(&one.text).contains("Sydkorea kommer på listen."));
    let none = office.get(&mut browser, "/list/cfcs/versions/2030-01").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let none = office.get(&mut browser, "/list?list=other").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let api = office.get(&mut browser, "/api/v1/lists/cfcs").await.json();
    assert_eq!((&api["announced"], &api["added"][0]["id"]), (&"2027-01".into(), &"KR".into()));
}

#[tokio::test]
async fn what_is_pasted_is_read_and_shown_as_text_and_made_into_a_version() {
    let office = Office::open().await;
    let mut browser = office.signed_in("ole.drift").await;
    let pasted = format!("Norge\nNigerai\n{SCRIPT}\nBali");
    let fields = [("text", pasted.as_str()), ("version", SCRIPT), ("effective_from", "2020-01-01")];
    let page = office.post(&mut browser, "/list/import", &fields).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(!page.text.contains(SCRIPT), "what was pasted is text");
    let text = plain(&page.text);
    assert!(text.contains("Nigeria (NG), Niger (NE)"), "the nearest: {text}");
    assert!(text.contains("Indonesien (ID)") && text.contains("må den tidligst begynde"), "{text}");
    let file = office.post(&mut browser, "/list/import/file", &fields).await;
    let disposition = file.headers[header::CONTENT_DISPOSITION].to_str().unwrap();
    assert_eq!(disposition, "attachment; filename=\"-script-alert-1---script-.yaml\"");
    assert_eq!(file.headers[header::CONTENT_TYPE], "application/yaml");
    assert!(file.text.contains("- \"Nigerai\" # not known"), "{}", file.text);
    for (fields, field) in [
        ([("text", ""), ("adopted_on", "")], "text"),
        ([("text", "Kina"), ("adopted_on", "i går")], "adopted_on"),
    ] {
        let page = office.post(&mut browser, "/list/import", &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.text.contains(&format!("href=\"#{field}\"")), "{}", page.text);
    }
}

#[tokio::test]
async fn anothers_list_is_held_against_ours_and_ours_is_handed_on() {
    let office = Office::open().await;
    let mut browser = office.signed_in("sofie.lind").await;
    let entra = office.get(&mut browser, "/list/cfcs/export/entra").await;
    let same = office.post(&mut browser, "/list/compare", &[("text", &entra.text)]).await;
    assert!(plain(&same.text).contains("siger det samme som"), "{}", same.text);
    let json = r#"{"displayName": "<script>alert(1)</script>", "countriesAndRegions": ["CN", "NE", "<x>"]}"#;
    let page = office.post(&mut browser, "/list/compare", &[("text", json)]).await;
    assert!(!page.text.contains(SCRIPT) && !page.text.contains("<x>"));
    let text = plain(&page.text);
    assert!(text.contains("Niger") && text.contains("slået fra"), "{text}");
    let broken = office.post(&mut browser, "/list/compare", &[("text", "{")]).await;
    assert_eq!(broken.status, StatusCode::UNPROCESSABLE_ENTITY);
    for (format, kind) in [
        ("nginx", "text/plain; charset=utf-8"),
        ("haproxy", "text/plain; charset=utf-8"),
        ("csv", "text/csv; charset=utf-8"),
        ("entra", "application/json"),
    ] {
        let file = office.get(&mut browser, &format!("/list/cfcs/export/{format}")).await;
        assert_eq!(
            (file.status, &file.headers[header::CONTENT_TYPE]),
            (StatusCode::OK, &kind.parse().unwrap())
        );
        let disposition = file.headers[header::CONTENT_DISPOSITION].to_str().unwrap();
        assert!(disposition.starts_with("attachment; filename=\"cfcs-2025-05."), "{disposition}");
    }
    let csv = office.get(&mut browser, "/list/cfcs/export/csv").await;
    assert_eq!(csv.text.lines().count(), 39);
    let odd = office.get(&mut browser, "/list/cfcs/export/..%2F..%2Fetc%2Fpasswd").await;
    assert_eq!(odd.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_would_happen_is_told_in_words_and_a_named_person_leaves_an_entry() {
    let office = Office::open().await;
    let mut officer = office.signed_in("kirsten.vang").await;
    let ask = |address: &str, more: &str| format!("/would?address={address}&site=kilden{more}");
    let china = office.get(&mut officer, &ask(CHINA, "")).await;
    let text = plain(&china.text);
    assert!(
        text.contains("Den ville blive afvist.") && text.contains("Kina (CN) står på cfcs"),
        "{text}"
    );
    let denmark = office.get(&mut officer, &ask(DENMARK, "")).await;
    assert!(plain(&denmark.text).contains("Den ville blive lukket ind."));
    assert!(entries(&office, Action::TravelViewed, "kirsten.vang").is_empty(), "nobody was named");
    let anna = office.get(&mut officer, &ask(CHINA, "&person=anna.holm&day=2027-01-05")).await;
    assert!(plain(&anna.text).contains("personen har ingen, der gælder her nu"), "{}", anna.text);
    let unknown = office.get(&mut officer, &ask(CHINA, "&person=ingen")).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    let looks = entries(&office, Action::TravelViewed, "kirsten.vang");
    assert_eq!(looks.len(), 2, "also the question about nobody");
    assert_eq!(
        looks[1].personal.get(Field::UserTarget).map(smol_str::SmolStr::as_str),
        Some("anna.holm")
    );
    for (more, field) in [("&day=i+morgen", "day"), ("&path=x", "path")] {
        let page = office.get(&mut officer, &ask(CHINA, more)).await;
        assert!(page.text.contains(&format!("href=\"#{field}\"")), "{more}");
    }
    let other = office.get(&mut officer, "/would?address=1.1.1.1&site=egedal-web").await;
    assert!(other.text.contains("href=\"#site\""), "another organisation's system is none");
    let mut operator = office.signed_in("ole.drift").await;
    let named = office.get(&mut operator, &ask(CHINA, "&person=anna.holm")).await;
    assert_eq!(named.status, StatusCode::FORBIDDEN);
    let english = office.get(&mut operator, &ask(CHINA, "&sprog=en")).await;
    assert!(plain(&english.text).contains("It would be rejected."));
    let api =
        office.get(&mut operator, "/api/v1/explain?address=114.114.114.114&site=kilden").await;
    assert_eq!(api.json()["verdict"], "deny");
    assert!(CHINA.parse::<IpAddr>().is_ok());
}

#[tokio::test]
async fn whoever_may_not_read_journeys_learns_of_none_that_is_to_come_by_asking_what_would_happen()
{
    let office = journeys::office().await;
    let mut officer = office.signed_in("kirsten.vang").await;
    let (from, until) = (journeys::day(5), journeys::day(9));
    let fields = journeys::form("anna.holm", "Thailand", (&from, &until));
    let fields = journeys::and(&fields, ("do", "confirm"));
    assert_eq!(
        office.post(&mut officer, "/travel/new", &fields).await.status,
        StatusCode::SEE_OTHER
    );
    let journey = journeys::all(&office).await[0].exemption.id.to_string();
    let mut security = office.signed_in("sofie.lind").await;
    let query = |address: &str| format!("address={address}&site=kilden&person=anna.holm");
    for address in [CHINA, THAILAND] {
        for path in ["/would", "/api/v1/explain"] {
            let path = format!("{path}?{}", query(address));
            let told = office.get(&mut officer, &path).await;
            assert!(told.text.contains(&journey), "{path}: {}", told.text);
            let kept = office.get(&mut security, &path).await;
            assert_eq!(kept.status, StatusCode::OK, "{path}: they may ask");
            assert!(!kept.text.contains(&journey), "{path}: {}", kept.text);
        }
    }
}

#[tokio::test]
async fn the_register_keeps_what_is_said_as_text_and_each_organisation_its_own() {
    let office = Office::open().await;
    let mut operator = office.signed_in("ole.drift").await;
    let fields = [
        ("name", SCRIPT),
        ("operator", "=HYPERLINK(\"x\")"),
        ("rule", "no"),
        ("checked_on", "2026-01-02"),
        ("note", "\"><img src=x onerror=alert(1)>"),
    ];
    let done = office.post(&mut operator, "/systems/new", &fields).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let path = done.location().split('?').next().unwrap().to_owned();
    for page in [path.as_str(), "/systems", &format!("{path}/change")] {
        let page = office.get(&mut operator, page).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(!page.text.contains(SCRIPT) && !page.text.contains("<img"), "{}", page.text);
        assert!(page.text.contains("alert(1)"), "it is there");
    }
    let changed = [
        ("name", "Mail"),
        ("operator", "MS"),
        ("rule", "yes"),
        ("checked_on", "2026-01-03"),
        ("revision", "1"),
    ];
    let change = format!("{path}/change");
    let done = office.post(&mut operator, &change, &changed).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    let late = office.post(&mut operator, &change, &changed).await;
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED, "an old form");
    let missing = office.post(&mut operator, &change, &[("name", "Mail"), ("revision", "2")]).await;
    assert_eq!(missing.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(missing.text.contains("value=\"Mail\"") && missing.text.contains("href=\"#rule\""));
    let history = office.get(&mut operator, &path).await;
    assert!(plain(&history.text).contains("rettet af ole.drift"));
    let mut eva = office.signed_in("eva.egedal").await;
    assert_eq!(office.get(&mut eva, &path).await.status, StatusCode::NOT_FOUND);
    let theirs = office.post(&mut eva, &change, &changed).await;
    assert_eq!(theirs.status, StatusCode::NOT_FOUND);
    assert!(!office.get(&mut eva, "/systems").await.text.contains("Mail"));
    let mut officer = office.signed_in("kirsten.vang").await;
    let read = office.get(&mut officer, &path).await;
    assert!(read.status == StatusCode::OK && !read.text.contains("/remove\""));
    assert_eq!(office.post(&mut officer, &change, &changed).await.status, StatusCode::FORBIDDEN);
    let gone = office.post(&mut operator, &format!("{path}/remove"), &[("revision", "2")]).await;
    assert_eq!((gone.status, gone.location()), (StatusCode::SEE_OTHER, "/systems?done=removed"));
    assert!(plain(&office.get(&mut operator, &path).await.text).contains("fjernet"));
}

#[tokio::test]
async fn insight_is_for_the_officer_alone_and_leaves_its_entry_first() {
    let office = Office::open().await;
    seen(&office, "anna.holm", "ballerup", "DK", DENMARK).await;
    let mut officer = office.signed_in("dorte.krogh").await;
    let first = office.get(&mut officer, "/insight").await;
    assert!(plain(&first.text).contains("Intet er blevet gammelt nok endnu."));
    let page = office.get(&mut officer, "/insight/person?name=anna.holm").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains(DENMARK), "what the log holds");
    assert!(!page.text.contains("dorte.krogh</dd>"), "who looked is not told");
    let json = office.get(&mut officer, "/insight/person/anna.holm/file/json").await;
    assert_eq!(json.json()["name"], "anna.holm");
    let looks = entries(&office, Action::PersonViewed, "dorte.krogh");
    assert_eq!(looks.len(), 2, "the page and the file");
    assert_eq!(
        looks[0].personal.get(Field::UserTarget).map(smol_str::SmolStr::as_str),
        Some("anna.holm")
    );
    let wrong = office.get(&mut officer, "/insight/person?name=a%3Ab").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let eva = office.get(&mut officer, "/insight/person?name=eva.egedal").await;
    assert!(!plain(&eva.text).contains("Konto"), "another organisation's account");
    for name in ["ole.drift", "kirsten.vang", "sofie.lind"] {
        let mut other: Browser = office.signed_in(name).await;
        let page = office.get(&mut other, "/insight/person?name=anna.holm").await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{name}");
    }
}

#[tokio::test]
async fn a_pseudonym_takes_two() {
    let office = Office::open().await;
    let mut one = office.signed_in("sofie.lind").await;
    let asked = [("wanted", "K7QX-2M9D"), ("reason", SCRIPT)];
    let done = office.post(&mut one, "/insight/pseudonyms", &asked).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let page = office.get(&mut one, "/insight/pseudonyms").await;
    assert!(page.text.contains("Du har selv spurgt") && !page.text.contains(SCRIPT));
    let mut other = office.signed_in("dorte.krogh").await;
    let page = office.get(&mut other, "/insight/pseudonyms").await;
    let (_, rest) = page.text.split_once("action=\"/insight/pseudonyms/").unwrap();
    let answer =
        format!("/insight/pseudonyms/{}", rest.split('"').next().unwrap().replace("%2D", "-"));
    let own = office.post(&mut one, &answer, &[]).await;
    assert_eq!(own.status, StatusCode::CONFLICT, "the one who asked");
    let none = office.post(&mut other, &answer, &[]).await;
    assert_eq!(none.status, StatusCode::CONFLICT, "there is no such entry");
    let mut eva = office.signed_in("eva.egedal").await;
    assert_eq!(office.post(&mut eva, &answer, &[]).await.status, StatusCode::NOT_FOUND);
    let empty = office.post(&mut one, "/insight/pseudonyms", &[("wanted", "x")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_report_is_of_one_quarter_and_one_organisation() {
    let office = Office::open().await;
    let mut officer = office.signed_in("dorte.krogh").await;
    let page = office.get(&mut officer, "/report").await;
    assert!(plain(&page.text).contains("Tal under fem vises ikke"), "{}", page.text);
    // Access with an exemption stands in the chain of what people did, as this entry does.
    entered(&office, Action::Allowed, &[("ballerup", "CN", 17), ("egedal", "JP", 21)]).await;
    let today = clock::now().to_zoned(jiff::tz::TimeZone::get("Europe/Copenhagen").unwrap()).date();
    let quarter = format!("{}-Q{}", today.year(), (today.month() - 1) / 3 + 1);
    let csv = office.get(&mut officer, &format!("/report/{quarter}/file")).await.text;
    let has = |wanted: &str| csv.split(['\n', ';', ',', '"']).any(|cell| cell.trim() == wanted);
    assert!(has("17") && !has("21") && !has("38"), "{csv}");
    let csv = office.get(&mut officer, "/report/2026-Q3/file").await;
    assert_eq!(csv.headers[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    for wrong in ["2999-Q1", "x", "2026-Q5"] {
        let page = office.get(&mut officer, &format!("/report?quarter={wrong}")).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{wrong}");
    }
}
