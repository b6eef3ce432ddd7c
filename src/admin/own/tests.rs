//! The traveller's flows, as a phone without scripts sends them.

use axum::body::Body;
use http::{Method, Request, StatusCode};

use crate::admin::fixture::Browser;
use crate::admin::travel::tests::{all, and, day, form, granted, office, step};
use crate::policy::ExemptionState;

#[tokio::test]
async fn a_traveller_applies_sees_it_and_takes_it_back() {
    let office = office().await;
    let mut anna = office.signed_in("anna.holm").await;
    let page = office.get(&mut anna, "/own/apply").await;
    assert!(!page.text.contains("name=\"who\""), "{}", page.text);
    let (from, until) = (day(0), day(8));
    // Whoever is named in the form, it is for the one who is signed in.
    let fields = form("bo.lund", "Thailand", (&from, &until));
    let summary = office.post(&mut anna, "/own/apply", &fields).await;
    assert_eq!(summary.status, StatusCode::OK, "{}", summary.text);
    assert!(summary.text.contains("anna.holm") && all(&office).await.is_empty());
    let done = office.post(&mut anna, "/own/apply", &and(&fields, ("do", "confirm"))).await;
    let kept = all(&office).await;
    let exemption = &kept[0].exemption;
    assert_eq!(done.location(), format!("/own/{}?done=applied", exemption.id));
    assert_eq!(
        (exemption.user_name.as_str(), exemption.state),
        ("anna.holm", ExemptionState::Applied)
    );
    assert_eq!(kept[0].history[0].person.as_ref(), Some(&exemption.person));
    let list = office.get(&mut anna, "/own").await;
    assert!(list.text.contains("Thailand") && list.text.contains("Ansøgt"), "{}", list.text);
    let path = format!("/own/{}/withdraw", exemption.id);
    let done = step(&office, &mut anna, &path, &[]).await;
    assert_eq!(done.location(), format!("/own/{}?done=withdrawn", exemption.id));
    assert_eq!(all(&office).await[0].exemption.state, ExemptionState::Withdrawn);
}

#[tokio::test]
async fn a_traveller_is_home_again_and_asks_for_more_time() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let mut anna = office.signed_in("anna.holm").await;
    let id = granted(&office, &mut clerk, "Thailand").await;
    let until = day(12);
    let more = office.post(&mut anna, &format!("/own/{id}/extend"), &[("until", &until)]).await;
    assert!(more.location().ends_with("?done=extended"), "{}", more.text);
    let link = step(&office, &mut anna, &format!("/own/{id}/link"), &[]).await;
    assert_eq!(link.location(), format!("/own/{id}?done=sent"), "{}", link.text);
    let home = step(&office, &mut anna, &format!("/own/{id}/home"), &[]).await;
    assert_eq!(home.location(), format!("/own/{id}?done=closed"));
    let receipt = office.get(&mut anna, home.location()).await;
    assert!(receipt.text.contains("Velkommen hjem") && receipt.text.contains("Afsluttet"));
    let again = step(&office, &mut anna, &format!("/own/{id}/home"), &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text);
}

#[tokio::test]
async fn nobody_elses_journey_is_there() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let id = granted(&office, &mut clerk, "Thailand").await;
    // A clerk has no journey of their own by seeing everybody's.
    for name in ["mads.bro", "kirsten.vang", "eva.egedal"] {
        let mut other = office.signed_in(name).await;
        for path in ["", "/home", "/withdraw", "/link", "/extend"] {
            let answered = office.get(&mut other, &format!("/own/{id}{path}")).await;
            assert_eq!(answered.status, StatusCode::NOT_FOUND, "{name} {path}");
        }
        for path in ["home", "withdraw", "link", "extend"] {
            let fields = [("version", "1"), ("until", "2030-01-01")];
            let answered = office.post(&mut other, &format!("/own/{id}/{path}"), &fields).await;
            assert_eq!(answered.status, StatusCode::NOT_FOUND, "{name} {path}");
        }
        let api = format!("/api/v1/me/exemptions/{id}");
        assert_eq!(office.get(&mut other, &api).await.status, StatusCode::NOT_FOUND);
        let mine = office.get(&mut other, "/api/v1/me/exemptions").await;
        assert_eq!(mine.json(), serde_json::json!([]), "{name}");
        assert!(!office.get(&mut other, "/own").await.text.contains(&id));
    }
    assert_eq!(all(&office).await[0].exemption.state, ExemptionState::Granted);
    // And the traveller sees nothing of the secretariat's pages.
    let mut anna = office.signed_in("anna.holm").await;
    for path in ["/travel", "/travel/new", "/api/v1/exemptions"] {
        assert_eq!(office.get(&mut anna, path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn one_action_ends_everything_when_a_device_is_lost() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let first = granted(&office, &mut clerk, "Thailand").await;
    granted(&office, &mut clerk, "Kina").await;
    let mut anna = office.signed_in("anna.holm").await;
    let page = office.get(&mut anna, "/own/lost").await;
    assert!(page.text.contains("Alle dine rejseadgange"), "{}", page.text);
    let done = office.post(&mut anna, "/own/lost", &[]).await;
    assert_eq!(done.status, StatusCode::OK);
    assert!(
        done.text.contains("Alt er lukket") && done.text.contains("tel:+4544772000"),
        "{}",
        done.text
    );
    for record in all(&office).await {
        assert_eq!(record.exemption.state, ExemptionState::Revoked, "{first}");
        assert_eq!(record.history.last().unwrap().by.name, "anna.holm");
    }
}

#[tokio::test]
async fn what_is_logged_about_me_is_about_me() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    granted(&office, &mut clerk, "Thailand").await;
    office.get(&mut clerk, &format!("/travel/{}", all(&office).await[0].exemption.id)).await;
    let mut anna = office.signed_in("anna.holm").await;
    let page = office.get(&mut anna, "/own/log").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    assert!(page.text.contains("Nogen så på din rejse"), "{}", page.text);
    assert!(!page.text.contains("kirsten.vang"), "{}", page.text);
    let lines = office.get(&mut anna, "/api/v1/me/log").await.json();
    assert_eq!(lines[0]["action"], "travel_viewed", "{lines}");
    let mut mads = office.signed_in("mads.bro").await;
    assert_eq!(office.get(&mut mads, "/api/v1/me/log").await.json(), serde_json::json!([]));
}

#[tokio::test]
async fn a_program_applies_for_whoever_its_token_is() {
    let office = office().await;
    let mut anna: Browser = office.signed_in("anna.holm").await;
    let csrf = office.get(&mut anna, "/account").await.field("csrf");
    let new = serde_json::json!({
        "person": "mads.bro",
        "legs": [{"territories": ["TH"], "from": day(1), "until": day(8)}],
        "sites": ["kilden"],
        "purpose": "Studietur",
        "devices": ["iPad"],
        "telephone": "+45 20 00 00 00",
        "mail": "anna@example.net",
    });
    let request = Request::builder()
        .method(Method::POST)
        .uri("/api/v1/me/exemptions")
        .header("Content-Type", "application/json")
        .header("X-CSRF-Token", csrf)
        .body(Body::from(new.to_string()))
        .unwrap();
    let made = office.ask(&mut anna, request).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    assert_eq!(
        (&made.json()["user"], &made.json()["state"]),
        (&"anna.holm".into(), &"applied".into())
    );
    let me = office.get(&mut anna, "/api/v1/me").await.json();
    assert_eq!(
        me,
        serde_json::json!({"name": "anna.holm", "organization": "ballerup", "provider": "local"})
    );
}
