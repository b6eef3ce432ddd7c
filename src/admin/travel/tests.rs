//! The flows of clerks and approvers, as browsers without scripts send them.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use jiff::{Timestamp, ToSpan as _};

use crate::admin::fixture::{Answered, Browser, Office, configuration};
use crate::clock;
use crate::identifier::OrganizationId;
use crate::policy::ExemptionState;
use crate::store::ExemptionRecord;

/// `2026-12-01`, so many days from today.
pub(crate) fn day(ahead: i64) -> String {
    let today = clock::now().to_zoned(jiff::tz::TimeZone::get("Europe/Copenhagen").unwrap()).date();
    today.saturating_add(ahead.days()).to_string()
}

/// An office whose organisation has two systems, mail notices and emergencies.
pub(crate) async fn office() -> Office {
    let office = Office::open().await;
    let text = configuration(", second_factor: off")
        .replace(
            "two_approvers: [RU, CN]",
            "two_approvers: [RU, CN], lead_days: 0, emergency: {sites: [kilden]}",
        )
        .replace(
            "  egedal-web:",
            "  mail: {organization: ballerup, hosts: [mail.example.dk], upstream: {servers: [\"http://127.0.0.1:9\"]}}\n  egedal-web:",
        )
        + "notices: {smtp: {host: 127.0.0.1, security: none}, sender: rejser@example.dk}\n";
    office.reload(&text);
    office
}

/// The form of a journey to somewhere.
pub(crate) fn form<'f>(
    who: &'f str,
    places: &'f str,
    (from, until): (&'f str, &'f str),
) -> Vec<(&'f str, &'f str)> {
    vec![
        ("who", who),
        ("places-1", places),
        ("from-1", from),
        ("until-1", until),
        ("site", "kilden"),
        ("purpose", "Venskabsby"),
        ("case", "26/1234"),
        ("devices", "iPad, PC"),
        ("telephone", "+45 20 00 00 00"),
        ("mail", "anna@example.net"),
    ]
}

pub(crate) fn and<'f>(
    fields: &[(&'f str, &'f str)],
    more: (&'f str, &'f str),
) -> Vec<(&'f str, &'f str)> {
    let mut fields: Vec<_> = fields.iter().copied().filter(|(name, _)| *name != more.0).collect();
    fields.push(more);
    fields
}

pub(crate) async fn all(office: &Office) -> Vec<ExemptionRecord> {
    let ballerup = OrganizationId::parse("ballerup").unwrap();
    office.admin.store().exemptions(Some(&ballerup)).await.unwrap()
}

/// Grants as a clerk does, and gives the journey's number.
pub(crate) async fn granted(office: &Office, clerk: &mut Browser, places: &str) -> String {
    let (from, until) = (day(0), day(8));
    let fields = form("anna.holm", places, (&from, &until));
    let done = office.post(clerk, "/travel/new", &and(&fields, ("do", "confirm"))).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let id = done.location().strip_prefix("/travel/").unwrap();
    id.split('?').next().unwrap().to_owned()
}

/// Answers the question of a step as its page asks it.
pub(crate) async fn step(
    office: &Office,
    browser: &mut Browser,
    path: &str,
    more: &[(&str, &str)],
) -> Answered {
    let page = office.get(browser, path).await;
    if page.status != StatusCode::OK {
        return page;
    }
    let version = page.field("version");
    let mut fields = vec![("version", version.as_str())];
    fields.extend_from_slice(more);
    office.post(browser, path, &fields).await
}

async fn state(office: &Office, id: &str) -> ExemptionState {
    let id = crate::policy::ExemptionId::new(id);
    office.admin.store().exemption(&id).await.unwrap().unwrap().exemption.state
}

#[tokio::test]
async fn a_clerk_grants_in_one_page_after_a_summary_that_changes_nothing() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let page = office.get(&mut clerk, "/travel/new").await;
    assert!(page.text.contains("<option value=\"anna.holm\">"), "{}", page.text);
    assert!(!page.text.contains("eva.egedal") && !page.text.contains("egedal-web"));
    let (from, until) = (day(0), day(8));
    let fields = form("anna.holm", "Thailand", (&from, &until));
    let summary = office.post(&mut clerk, "/travel/new", &fields).await;
    assert_eq!(summary.status, StatusCode::OK, "{}", summary.text);
    for said in
        ["Thailand", "Venskabsby", "26/1234", "iPad, PC", "anna.holm kan logge ind derfra", "Emne"]
    {
        assert!(summary.text.contains(said), "{said}: {}", summary.text);
    }
    assert!(all(&office).await.is_empty());
    // "Change" brings everything back.
    let again = office.post(&mut clerk, "/travel/new", &and(&fields, ("do", "change"))).await;
    assert_eq!(again.field("who"), "anna.holm");
    assert!(again.text.contains("value=\"Thailand\"") && again.text.contains("value=\"26/1234\""));
    let id = granted(&office, &mut clerk, "Thailand").await;
    let kept = all(&office).await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].exemption.state, ExemptionState::Granted);
    assert_eq!(kept[0].granted_by.name, "kirsten.vang");
    let receipt = office.get(&mut clerk, &format!("/travel/{id}?done=granted")).await;
    for said in [
        "Adgangen er givet.",
        "givet af kirsten.vang",
        "I gang",
        "+45 20 00 00 00",
        "Rejsen er godkendt",
    ] {
        assert!(receipt.text.contains(said), "{said}: {}", receipt.text);
    }
}

#[tokio::test]
async fn a_button_that_is_pressed_twice_makes_one_journey() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let id = granted(&office, &mut clerk, "Thailand").await;
    assert_eq!(granted(&office, &mut clerk, "Thailand").await, id);
    assert_eq!(all(&office).await.len(), 1);
    // What was taken back is granted anew.
    step(&office, &mut clerk, &format!("/travel/{id}/revoke"), &[("reason", "Fejl")]).await;
    assert_ne!(granted(&office, &mut clerk, "Thailand").await, id);
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let fields = [
        ("who", "anna holm"),
        ("places-1", "Kinesien"),
        ("from-1", "i morgen"),
        ("purpose", "Ferie <b>fed</b>"),
        ("telephone", "12"),
        ("mail", "anna"),
        ("do", "confirm"),
    ];
    for (tag, said) in [("da", "er ikke et land"), ("en", "is no country")] {
        let path = format!("/travel/new?sprog={tag}");
        let page = office.post(&mut clerk, &path, &fields).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        for id in ["who", "places-1", "from-1", "until-1", "sites", "case", "telephone", "mail"] {
            let (link, target) = (format!("href=\"#{id}\""), format!("id=\"{id}\""));
            assert!(page.text.contains(&link), "{link}: {}", page.text);
            assert!(page.text.contains(&target), "{target}: {}", page.text);
        }
        assert!(page.text.contains(said), "{}", page.text);
        assert!(
            page.text.contains("Ferie &#60;b&#62;fed") || page.text.contains("Ferie &lt;b&gt;fed")
        );
        // Whoever could be meant is offered, with who says so.
        assert!(
            page.text.contains("type=\"radio\" name=\"person\" value=\"local/"),
            "{}",
            page.text
        );
    }
    assert!(all(&office).await.is_empty());
}

#[tokio::test]
async fn two_decide_where_two_have_to_and_nobody_decides_their_own() {
    let office = office().await;
    let mut everything = office.signed_in("alt.muligt").await;
    let mut approver = office.signed_in("mads.bro").await;
    let id = granted(&office, &mut everything, "Kina").await;
    assert_eq!(state(&office, &id).await, ExemptionState::AwaitingApproval);
    let path = format!("/travel/{id}/approve");
    // Whoever granted it has the role, and may not.
    let page = office.get(&mut everything, &format!("/travel/{id}")).await;
    assert!(!page.text.contains(&path), "{}", page.text);
    let own = step(&office, &mut everything, &path, &[]).await;
    assert_eq!(own.status, StatusCode::CONFLICT, "{}", own.text);
    assert_eq!(state(&office, &id).await, ExemptionState::AwaitingApproval);
    let page = office.get(&mut approver, &format!("/travel/{id}")).await;
    assert!(page.text.contains(&path), "{}", page.text);
    let done = step(&office, &mut approver, &path, &[]).await;
    assert_eq!(done.location(), format!("/travel/{id}?done=approved-link"));
    assert_eq!(state(&office, &id).await, ExemptionState::Granted);
    let page = office.get(&mut approver, done.location()).await;
    for told in ["Den rejsende får rejselinket med mail", "når rejselinket er åbnet på enheden"]
    {
        assert!(page.text.contains(told), "{told} in {}", page.text);
    }
    // Nobody grants their own journey.
    let (from, until) = (day(0), day(8));
    let fields = and(&form("alt.muligt", "Thailand", (&from, &until)), ("do", "confirm"));
    let own = office.post(&mut everything, "/travel/new", &fields).await;
    assert_eq!(own.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(own.text.contains("Ingen giver sig selv adgang"), "{}", own.text);
    assert_eq!(all(&office).await.len(), 1);
}

#[tokio::test]
async fn the_traveller_decides_nothing_about_the_own_journey_whatever_the_role() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let mut traveller = office.signed_in("alt.muligt").await;
    let (from, until) = (day(0), day(8));
    let fields = and(&form("alt.muligt", "Thailand", (&from, &until)), ("do", "confirm"));
    let applied = office.post(&mut clerk, "/travel/apply", &fields).await;
    let id = applied.location()[8..17].to_owned();
    for word in ["approve", "refuse"] {
        let path = format!("/travel/{id}/{word}");
        let own = step(&office, &mut traveller, &path, &[("reason", "Fordi")]).await;
        assert_eq!(own.status, StatusCode::CONFLICT, "{word}: {}", own.text);
        // Nor does the one who applied.
        let forbidden = step(&office, &mut clerk, &path, &[("reason", "Fordi")]).await;
        assert_eq!(forbidden.status, StatusCode::FORBIDDEN, "{word}: {}", forbidden.text);
    }
    assert_eq!(state(&office, &id).await, ExemptionState::Applied);
}

#[tokio::test]
async fn an_application_is_refused_with_a_reason_that_is_told() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let mut approver = office.signed_in("mads.bro").await;
    let (from, until) = (day(0), day(8));
    let fields = and(&form("anna.holm", "Thailand", (&from, &until)), ("do", "confirm"));
    let applied = office.post(&mut clerk, "/travel/apply", &fields).await;
    let id = applied.location()[8..17].to_owned();
    let path = format!("/travel/{id}/refuse");
    let empty = step(&office, &mut approver, &path, &[("reason", " ")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", empty.text);
    let done = step(&office, &mut approver, &path, &[("reason", "Rejsen er privat")]).await;
    assert_eq!(done.location(), format!("/travel/{id}?done=refused"));
    let page = office.get(&mut clerk, &format!("/travel/{id}")).await;
    assert!(page.text.contains("Rejsen er privat") && page.text.contains("afslået af mads.bro"));
}

#[tokio::test]
async fn of_two_clerks_at_once_the_second_is_told_to_look_again() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let id = granted(&office, &mut clerk, "Thailand").await;
    let mut other = office.signed_in("alt.muligt").await;
    let path = format!("/travel/{id}/revoke");
    let seen = office.get(&mut other, &path).await.field("version");
    // Meanwhile more time is given up, and the journey is another one than was looked at.
    let close = format!("/travel/{id}/close");
    assert_eq!(step(&office, &mut clerk, &close, &[]).await.status, StatusCode::SEE_OTHER);
    let fields = [("version", seen.as_str()), ("reason", "Fejl")];
    let late = office.post(&mut other, &path, &fields).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
    assert!(late.text.contains("er ændret, siden du så den"), "{}", late.text);
    assert_eq!(state(&office, &id).await, ExemptionState::Closed);
    // And without saying what was seen nothing is done.
    let blind = office.post(&mut other, &path, &[("reason", "Fejl")]).await;
    assert_eq!(blind.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_dangerous_step_names_what_will_happen() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let id = granted(&office, &mut clerk, "Thailand").await;
    let page = office.get(&mut clerk, &format!("/travel/{id}/revoke")).await;
    for said in ["anna.holm", "kilden", "Thailand", "Åbne forbindelser", "Er du sikker?"] {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    let done =
        step(&office, &mut clerk, &format!("/travel/{id}/revoke"), &[("reason", "Fejl")]).await;
    assert_eq!(done.location(), format!("/travel/{id}?done=revoked"));
    assert_eq!(state(&office, &id).await, ExemptionState::Revoked);
}

#[tokio::test]
async fn more_time_contact_link_and_the_lost_device() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let id = granted(&office, &mut clerk, "Thailand").await;
    let until = day(12);
    let path = format!("/travel/{id}/extend");
    let wrong = office.post(&mut clerk, &path, &[("until", "i morgen")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text.contains("i morgen") && wrong.text.contains("er ikke en dag"));
    let done = office.post(&mut clerk, &path, &[("until", &until)]).await;
    assert!(done.location().ends_with("?done=extended"), "{}", done.text);
    let contact = format!("/travel/{id}/contact");
    let wrong = office.post(&mut clerk, &contact, &[("mail", "anna"), ("name", "Anna")]).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields = [("mail", "a@example.net"), ("name", "Anna Holm"), ("language", "en")];
    let done = office.post(&mut clerk, &contact, &fields).await;
    assert_eq!(done.location(), format!("/travel/{id}?done=contact"));
    let shown = office.get(&mut clerk, &contact).await;
    assert_eq!(
        (shown.field("mail"), shown.field("name")),
        ("a@example.net".into(), "Anna Holm".into())
    );
    let done = step(&office, &mut clerk, &format!("/travel/{id}/link"), &[]).await;
    assert_eq!(done.location(), format!("/travel/{id}?done=link"));
    let path = format!("/travel/{id}/lost");
    let done = step(&office, &mut clerk, &path, &[("reason", "Stjålet i toget")]).await;
    assert_eq!(done.location(), format!("/travel/{id}?done=lost"));
    assert_eq!(state(&office, &id).await, ExemptionState::Revoked);
}

#[tokio::test]
async fn the_list_is_filtered_by_its_address() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let thai = granted(&office, &mut clerk, "Thailand").await;
    let china = granted(&office, &mut clerk, "Kina").await;
    let all = office.get(&mut clerk, "/travel").await;
    assert!(
        all.text.contains("1 rejse er i gang") && all.text.contains("1 afventer en beslutning"),
        "{}",
        all.text
    );
    for (query, first, second) in [
        ("state=active", true, false),
        ("state=waiting", false, true),
        ("country=kina", false, true),
        ("country=Kinesien", false, false),
        ("person=ANNA", true, true),
        ("person=bo", false, false),
        ("site=mail", false, false),
        ("case=1234&country=TH", true, false),
    ] {
        let page = office.get(&mut clerk, &format!("/travel?{query}")).await;
        let shows = |id: &str| page.text.contains(&format!("href=\"/travel/{id}\""));
        assert_eq!((shows(&thai), shows(&china)), (first, second), "{query}");
    }
    let today = day(0);
    let month = office.get(&mut clerk, &format!("/travel/calendar?month={}", &today[..7])).await;
    assert!(month.text.matches(&format!("href=\"/travel/{thai}\"")).count() > 1, "{}", month.text);
    let past = office.get(&mut clerk, "/travel/calendar?month=2020-01").await;
    assert!(past.text.contains("Ingen rejser i denne måned"), "{}", past.text);
}

#[tokio::test]
async fn another_organisation_sees_nothing_of_it() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let id = granted(&office, &mut clerk, "Thailand").await;
    let mut eva = office.signed_in("eva.egedal").await;
    for path in
        [String::new(), "/approve".into(), "/revoke".into(), "/extend".into(), "/contact".into()]
    {
        let answered = office.get(&mut eva, &format!("/travel/{id}{path}")).await;
        assert_eq!(answered.status, StatusCode::NOT_FOUND, "{path}: {}", answered.text);
    }
    let fields = [("version", "1"), ("reason", "x"), ("until", "2030-01-01"), ("mail", "x@y.dk")];
    for path in ["approve", "refuse", "revoke", "close", "link", "lost", "extend", "contact"] {
        let answered = office.post(&mut eva, &format!("/travel/{id}/{path}"), &fields).await;
        assert_eq!(answered.status, StatusCode::NOT_FOUND, "{path}: {}", answered.text);
        let api = format!("/api/v1/exemptions/{id}/{path}");
        let answered =
            call(&office, &mut eva, Method::POST, &api, "{\"reason\":\"x\"}", None).await;
        assert_eq!(answered.status, StatusCode::NOT_FOUND, "{path}: {}", answered.text);
    }
    assert!(!office.get(&mut eva, "/travel").await.text.contains(&id));
    assert_eq!(state(&office, &id).await, ExemptionState::Granted);
    // Nor can she grant with the people or the systems of others.
    let (from, until) = (day(0), day(8));
    let fields = and(&form("anna.holm", "Thailand", (&from, &until)), ("do", "confirm"));
    let answered = office.post(&mut eva, "/travel/new", &fields).await;
    assert_eq!(answered.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!answered.text.contains("local/"), "{}", answered.text);
}

#[tokio::test]
async fn what_people_wrote_is_never_markup() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let attack = "\"'><script>alert(1)</script>";
    let (from, until) = (day(0), day(8));
    let mut fields = form("anna.holm", "Thailand", (&from, &until));
    fields = and(&and(&and(&fields, ("purpose", attack)), ("case", attack)), ("devices", attack));
    let summary = office.post(&mut clerk, "/travel/new", &fields).await;
    assert!(summary.text.contains("alert(1)") && !summary.text.contains("<script>alert"));
    let done = office.post(&mut clerk, "/travel/new", &and(&fields, ("do", "confirm"))).await;
    let id = done.location()[8..17].to_owned();
    for path in [
        format!("/travel/{id}"),
        "/travel".to_owned(),
        "/travel/calendar".to_owned(),
        format!("/travel?person={}&case={0}&country={0}", "%22%3E%3Cscript%3Ealert(1)"),
        "/travel/emergency?reference=%22%3E%3Cscript%3Ealert(1)".to_owned(),
        format!("/travel/{id}?done=%3Cscript%3Ealert(1)"),
    ] {
        let page = office.get(&mut clerk, &path).await;
        assert!(!page.text.contains("<script>alert"), "{path}: {}", page.text);
    }
    let path = format!("/travel/{id}/revoke");
    step(&office, &mut clerk, &path, &[("reason", attack)]).await;
    let page = office.get(&mut clerk, &format!("/travel/{id}")).await;
    assert!(page.text.contains("alert(1)") && !page.text.contains("<script>alert"));
    let every = [
        ("who", attack),
        ("places-1", attack),
        ("from-1", attack),
        ("until-1", attack),
        ("site", attack),
        ("purpose", attack),
        ("case", attack),
        ("devices", attack),
        ("telephone", attack),
        ("mail", attack),
        ("person", attack),
        ("places-3", attack),
    ];
    for path in ["/travel/new", "/travel/apply"] {
        let page = office.post(&mut clerk, path, &every).await;
        assert!(page.text.contains("alert(1)") && !page.text.contains("<script>alert"), "{path}");
    }
    let page = office.post(&mut clerk, "/travel/import", &[("rows", attack)]).await;
    assert!(page.text.contains("alert(1)") && !page.text.contains("<script>alert"));
}

const HEAD: &str = "person;lande;fra;til;systemer;formål;sagsnummer;udstyr;telefon;mail\n";

#[tokio::test]
async fn a_delegation_is_granted_as_a_whole_or_not_at_all() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let (from, until) = (day(0), day(8));
    let row = |who: &str, places: &str| {
        format!(
            "{who};{places};{from};{until};kilden, mail;Delegation;26/9;iPad;+45 20 00 00 00;a@b.dk\n"
        )
    };
    let half = format!(
        "{HEAD}{}{}{}",
        row("anna.holm", "Thailand"),
        row("ingen", "Kinesien"),
        row("anna.holm", "Thailand")
    );
    let page =
        office.post(&mut clerk, "/travel/import", &[("rows", &half), ("do", "confirm")]).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
    for said in
        ["Række 3", "Kinesien", "Ingen med det brugernavn", "Række 4", "Den samme som række 2"]
    {
        assert!(page.text.contains(said), "{said}: {}", page.text);
    }
    assert!(all(&office).await.is_empty());
    let whole =
        format!("{HEAD}{}{}", row("anna.holm", "Thailand, Hongkong"), row("mads.bro", "Kina"));
    let page = office.post(&mut clerk, "/travel/import", &[("rows", &whole)]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("2 rækker") && all(&office).await.is_empty());
    let pasted = page.field("rows");
    assert!(pasted.contains("anna.holm;Thailand, Hongkong"), "{pasted}");
    let done =
        office.post(&mut clerk, "/travel/import", &[("rows", &whole), ("do", "confirm")]).await;
    assert_eq!(done.location(), "/travel?imported=2");
    let states: Vec<ExemptionState> =
        all(&office).await.iter().map(|r| r.exemption.state).collect();
    assert_eq!(states.len(), 2);
    assert!(
        states.contains(&ExemptionState::AwaitingApproval)
            && states.contains(&ExemptionState::Granted)
    );
    let template = office.get(&mut clerk, "/api/v1/exemptions/import/template").await;
    assert!(template.text.starts_with('\u{feff}') && template.text.contains("person;lande;fra"));
    assert_eq!(template.headers["content-type"], "text/csv; charset=utf-8");
}

#[tokio::test]
async fn a_file_is_taken_as_browsers_send_one() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let csrf = office.get(&mut clerk, "/account").await.field("csrf");
    let (from, until) = (day(0), day(8));
    let rows = format!("{HEAD}anna.holm;Thailand;{from};{until};kilden;Delegation;26/9;;;\n");
    let part = |head: &str, text: &str| {
        format!("--xyz\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n")
    };
    let body = part("name=\"csrf\"", &csrf)
        + &part("name=\"file\"; filename=\"d.csv\"\r\nContent-Type: text/csv", &rows)
        + &part("name=\"rows\"", "")
        + "--xyz--\r\n";
    let request = Request::post("/travel/import")
        .header("Content-Type", "multipart/form-data; boundary=xyz")
        .body(Body::from(body))
        .unwrap();
    let page = office.ask(&mut clerk, request).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("1 række"), "{}", page.text);
}

/// A call with the token of the browser's session.
async fn call(
    office: &Office,
    browser: &mut Browser,
    method: Method,
    path: &str,
    body: &str,
    version: Option<&str>,
) -> Answered {
    let csrf = office.get(browser, "/account").await.field("csrf");
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("Content-Type", "application/json")
        .header("X-CSRF-Token", csrf);
    if let Some(version) = version {
        request = request.header("If-Match", version);
    }
    office.ask(browser, request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn the_api_does_what_the_pages_do() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let mut approver = office.signed_in("mads.bro").await;
    let new = serde_json::json!({
        "person": "anna.holm",
        "legs": [{"territories": ["Kina"], "from": day(0), "until": day(8)}],
        "sites": ["kilden"],
        "purpose": "Venskabsby",
        "case_number": "26/1234",
    });
    let made =
        call(&office, &mut clerk, Method::POST, "/api/v1/exemptions", &new.to_string(), None).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(made.json()["state"], "awaiting_approval");
    let path = format!("/api/v1/exemptions/{id}");
    let shown = office.get(&mut approver, &path).await;
    let version = shown.headers["etag"].to_str().unwrap().to_owned();
    let approve = format!("{path}/approve");
    let stale = call(&office, &mut approver, Method::POST, &approve, "", Some("\"00\"")).await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED);
    let done = call(&office, &mut approver, Method::POST, &approve, "", Some(&version)).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert_eq!(done.json()["state"], "active");
    let again = call(&office, &mut approver, Method::POST, &approve, "", None).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let list = office.get(&mut clerk, "/api/v1/exemptions?state=active").await;
    assert_eq!(list.json().as_array().unwrap().len(), 1);
    let refused = office.get(&mut clerk, "/api/v1/exemptions?state=x").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let wrong = new.to_string().replace("Kina", "Kinesien").replace("26/1234", "");
    let wrong = call(&office, &mut clerk, Method::POST, "/api/v1/exemptions", &wrong, None).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.text.contains("Kinesien") && wrong.text.contains("sagsnummer"), "{}", wrong.text);
    let longer = serde_json::json!({"until": day(12)}).to_string();
    let short =
        call(&office, &mut clerk, Method::POST, &format!("{path}/extend"), &longer, None).await;
    // Nobody has said where the traveller is reached, and an application has to.
    assert_eq!(short.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", short.text);
    let close = format!("{path}/close");
    let forbidden = call(&office, &mut approver, Method::POST, &close, "", None).await;
    assert_eq!(forbidden.status, StatusCode::FORBIDDEN);
    let closed = call(&office, &mut clerk, Method::POST, &close, "", None).await;
    assert_eq!(closed.json()["state"], "closed", "{}", closed.text);
    let rows = serde_json::json!({"csv": format!("{HEAD}ingen;Thailand;{};{};kilden;x;1;;;\n", day(0), day(8))});
    let wrong = call(
        &office,
        &mut clerk,
        Method::POST,
        "/api/v1/exemptions/import",
        &rows.to_string(),
        None,
    )
    .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.json()["detail"].as_str().unwrap().starts_with("2: "), "{}", wrong.text);
}

#[tokio::test]
async fn a_look_at_a_journey_is_on_disk_before_it_is_shown() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let id = granted(&office, &mut clerk, "Thailand").await;
    let viewed = || {
        let filter = crate::audit::search::Filter {
            action: Some(crate::audit::Action::TravelViewed),
            ..Default::default()
        };
        let log = office.state.path().join("state/audit");
        let found = crate::audit::search::search(&log, &filter).unwrap();
        found.map(|entry| entry.unwrap().line).collect::<Vec<_>>()
    };
    for path in [
        format!("/travel/{id}"),
        "/travel".to_owned(),
        "/travel/calendar".to_owned(),
        format!("/travel/{id}/revoke"),
        format!("/travel/{id}/extend"),
        format!("/travel/{id}/contact"),
        format!("/api/v1/exemptions/{id}"),
        "/api/v1/exemptions".to_owned(),
    ] {
        let before = viewed().len();
        let page = office.get(&mut clerk, &path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        let after = viewed();
        assert_eq!(after.len(), before + 1, "{path}");
        assert!(after[0].contains("kirsten.vang"), "{path}: {}", after[0]);
    }
}

#[tokio::test]
async fn a_callers_reference_leads_to_a_short_access_for_the_rejected_country_and_system() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    for wrong in ["K7QX", "K7QX-2M9D"] {
        let page = office.get(&mut clerk, &format!("/travel/emergency?reference={wrong}")).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", page.text);
    }
    reject(&office, "ballerup", "kilden", "K7QX2M9D").await;
    reject(&office, "egedal", "egedal-web", "A7QX2M9D").await;
    let other = office.get(&mut clerk, "/travel/emergency?reference=A7QX-2M9D").await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", other.text);
    assert!(!other.text.contains("egedal-web"));
    let page = office.get(&mut clerk, "/travel/emergency?reference=k7qx2m9d").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        page.text.contains("Thailand") && page.text.contains("Landet er på listen."),
        "{}",
        page.text
    );
    let fields = [("reference", "K7QX-2M9D"), ("who", "anna.holm"), ("caller-verified", "")];
    let empty = office.post(&mut clerk, "/travel/emergency", &fields).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.text.contains("Skriv, hvordan du ved") && empty.field("who") == "anna.holm");
    let fields = and(&fields, ("caller-verified", "Ringet tilbage"));
    let own =
        office.post(&mut clerk, "/travel/emergency", &and(&fields, ("who", "kirsten.vang"))).await;
    assert_eq!(own.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", own.text);
    let done = office.post(&mut clerk, "/travel/emergency", &fields).await;
    assert!(done.location().ends_with("?done=emergency"), "{}", done.text);
    let kept = all(&office).await;
    let ExemptionState::Provisional { .. } = kept[0].exemption.state else { panic!("{kept:?}") };
    let (from, until) = kept[0].exemption.journey().unwrap();
    assert!(until.duration_since(from) <= jiff::SignedDuration::from_hours(72));
    let twice = office.post(&mut clerk, "/travel/emergency", &fields).await;
    assert_eq!(twice.status, StatusCode::CONFLICT, "{}", twice.text);
}

/// A rejection as the gateway writes it.
async fn reject(office: &Office, organization: &str, site: &str, reference: &str) {
    use crate::audit::event::Field;
    let organization = OrganizationId::parse(organization).unwrap();
    let now: Timestamp = clock::now();
    let mut event =
        crate::audit::Event::new(crate::audit::Action::Denied, now, clock::random_bytes())
            .organization(&organization);
    event.site = Some(site.into());
    event.country = Some("TH".into());
    event.reason = Some("country_listed".into());
    let reference = crate::audit::Reference::parse(reference).unwrap();
    event.reference = Some(reference.short());
    event.personal.set(Field::ClientIp, Some("1.0.128.1".into()));
    assert!(office.admin.audit().record(event).reached_disk().await);
}
