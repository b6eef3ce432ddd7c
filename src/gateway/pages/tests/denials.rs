//! The denial that fits the client, and what it may tell.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::super::*;
use super::fixtures::*;
use crate::config::Contact;
use crate::language::Language::{Danish, English};
use crate::policy::Reason;

const PAST_THE_LIST: [Reason; 8] = [
    Reason::ExemptionNotStarted,
    Reason::ExemptionEnded,
    Reason::ExemptionOtherTerritory,
    Reason::ExemptionOtherSite,
    Reason::ExemptionDeviceMissing,
    Reason::ExemptionMultiFactorMissing,
    Reason::ExemptionsDisabled,
    Reason::NotAuthorized,
];

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
        .collect()
}

fn denied(
    method: &Method,
    path: &str,
    pairs: &[(&'static str, &'static str)],
    reason: Reason,
) -> Page {
    let headers = headers(pairs);
    let organization = organization();
    deny_response(
        &RequestShape { method, path, headers: &headers },
        &rejected(&organization, reason),
    )
}

fn body(page: &Page) -> &str {
    std::str::from_utf8(&page.body).unwrap()
}

const PAGE: (&str, &str) = ("accept", "text/html");
const JSON: (&str, &str) = ("accept", "application/json");

#[test]
fn in_a_listed_country_every_reason_past_the_list_is_told_byte_for_byte_as_the_list() {
    for (path, accept) in
        [("/", PAGE), ("/", JSON), ("/", ("accept", "*/*")), ("/Microsoft-Server-ActiveSync", JSON)]
    {
        let listed = denied(&Method::GET, path, &[accept], Reason::CountryListed);
        for reason in PAST_THE_LIST {
            assert_eq!(
                denied(&Method::GET, path, &[accept], reason),
                listed,
                "{reason} {accept:?}"
            );
        }
    }
}

#[test]
fn what_the_gateway_sees_of_a_stranger_tells_no_more_than_the_rejection() {
    let organization = organization();
    let told = |reason| seen(&Seen { reason, ..visitor(&organization, Danish) });
    for reason in PAST_THE_LIST {
        assert_eq!(told(reason), told(Reason::CountryListed), "{reason}");
    }
    let ended = Seen {
        reason: Reason::ExemptionEnded,
        signed_in_as: Some("anna.holm"),
        ..visitor(&organization, Danish)
    };
    assert!(body(&seen(&ended)).contains("din rejseundtagelse er slut"));
    let unproven = Seen {
        exemption: Some(OwnExemption { id: "TE-7K2M9D", until: at() }),
        ..visitor(&organization, Danish)
    };
    assert!(!body(&seen(&unproven)).contains("TE-7K2M9D"));
}

#[test]
fn a_browser_gets_the_page() {
    let page = denied(&Method::GET, "/", &[PAGE], Reason::CountryListed);
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers["geovagt-reference"], "K7QX-2M9D");
    assert!(body(&page).contains("href=\"tel:+4500000000\""));
}

#[test]
fn a_script_gets_a_problem_document() {
    let page = denied(&Method::POST, "/api/mails", &[JSON], Reason::ExemptionEnded);
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(page.headers["content-type"], "application/problem+json");
    let document: serde_json::Value = serde_json::from_str(body(&page)).unwrap();
    assert_eq!(
        document,
        serde_json::json!({
            "type": "about:blank",
            "title": "Forbidden",
            "status": 403,
            "detail": "Ballerup Kommune har lukket for adgang fra Thailand; afvisningen skyldes kun, hvor forbindelsen kommer fra.",
            "reason": "country_listed",
            "reference": "K7QX-2M9D",
        })
    );
}

#[test]
fn active_sync_is_never_made_to_ask_for_a_password_or_fetch_everything_anew() {
    let path = "/Microsoft-Server-ActiveSync";
    let organization = organization();
    let no_headers = HeaderMap::new();
    for &reason in Reason::ALL {
        let page = denied(&Method::POST, path, &[], reason);
        assert!(page.body.is_empty());
        let expected = match reason {
            Reason::Overload | Reason::AuditUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::FORBIDDEN,
        };
        assert_eq!(page.status, expected, "{reason}");
        let again = if expected == StatusCode::FORBIDDEN { "300" } else { "30" };
        assert_eq!(page.headers["retry-after"], again, "{reason}");
        assert_eq!(page.headers["geovagt-reference"], "K7QX-2M9D");
    }
    for kind in FAILURES {
        let shape = RequestShape { method: &Method::POST, path, headers: &no_headers };
        let page = failure_response(&shape, &failed(Some(&organization), kind));
        assert!(page.body.is_empty() && page.status != StatusCode::UNAUTHORIZED);
        let server_error = page.status.is_server_error();
        assert!(!server_error || page.status == StatusCode::SERVICE_UNAVAILABLE, "{kind:?}");
        assert!(!server_error || page.headers.contains_key("retry-after"), "{kind:?}");
    }
}

#[test]
fn everything_else_gets_a_sentence_in_both_languages() {
    let propfind = Method::from_bytes(b"PROPFIND").unwrap();
    for (method, path, pairs) in [
        (&propfind, "/dav", vec![PAGE]),
        (&Method::POST, "/EWS/Exchange.asmx", vec![PAGE]),
        (&Method::GET, "/", vec![("upgrade", "websocket"), ("connection", "Upgrade")]),
        (&Method::GET, "/", vec![]),
    ] {
        let page = denied(method, path, &pairs, Reason::CountryListed);
        assert_eq!(page.status, StatusCode::FORBIDDEN);
        assert_eq!(page.headers["content-type"], "text/plain; charset=utf-8");
        insta::allow_duplicates! {
            insta::assert_snapshot!(body(&page), @"
            Ballerup Kommune har lukket for adgang fra Thailand; afvisningen skyldes kun, hvor forbindelsen kommer fra. Reference: K7QX-2M9D
            Ballerup Kommune has closed access from Thailand; you were turned away only because of where the connection comes from. Reference: K7QX-2M9D
            ");
        }
    }
}

#[test]
fn head_gets_the_headers_alone() {
    let get = denied(&Method::GET, "/", &[PAGE], Reason::CountryListed);
    let head = denied(&Method::HEAD, "/", &[PAGE], Reason::CountryListed);
    assert!(head.body.is_empty());
    assert_eq!(head.headers["content-length"], get.body.len().to_string().as_str());
    assert_eq!(head.status, get.status);
    let organization = organization();
    let no_headers = HeaderMap::new();
    let shape = RequestShape { method: &Method::HEAD, path: "/", headers: &no_headers };
    let failed = failure_response(&shape, &failed(Some(&organization), Failure::UpstreamInvalid));
    assert!(failed.body.is_empty() && failed.status == StatusCode::BAD_GATEWAY);
}

#[test]
fn a_person_who_is_at_home_and_may_not_is_told_so_and_nothing_of_countries() {
    let organization = organization();
    let page = rejection(&Rejection {
        listed_country: None,
        ..rejected(&organization, Reason::NotAuthorized)
    });
    assert!(body(&page).contains("Dit log-in giver ikke adgang til dette system"));
    assert!(!body(&page).contains("Thailand"));
}

#[test]
fn the_page_names_only_the_ways_to_reach_help_that_exist() {
    let mut organization = organization();
    organization.contact = Contact { phone: None, ..organization.contact };
    let page = rejection(&rejected(&organization, Reason::CountryListed));
    assert!(!body(&page).contains("tel:") && body(&page).contains("mailto:servicedesk@example.dk"));
    assert!(!body(&page).contains("Ring til") && !body(&page).contains("Call the"));
    organization.contact = Contact::default();
    let page = rejection(&rejected(&organization, Reason::CountryListed));
    assert!(!body(&page).contains("tel:") && !body(&page).contains("mailto:"));
    assert!(body(&page).contains("Kontakt Ballerup Kommunes servicedesk."));
    organization.travel_exemptions.enabled = false;
    let page = rejection(&rejected(&organization, Reason::CountryListed));
    assert!(!body(&page).contains("rejseundtagelse"));
}

#[test]
fn the_database_is_named_only_where_it_is_theirs() {
    let organization = organization();
    let view = rejected(&organization, Reason::CountryListed);
    assert!(body(&rejection(&view)).contains("https://db-ip.com"));
    let view = Rejection { db_ip: false, ..view };
    assert!(!body(&rejection(&view)).contains("db-ip"));
}

#[test]
fn a_failed_sign_in_gives_no_cause_and_a_way_to_try_again() {
    let organization = organization();
    let page = failure(&FailureView {
        language: English,
        ..failed(Some(&organization), Failure::SignInFailed)
    });
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(body(&page).contains("href=\"/.geovagt/sign-in?sprog=en\""));
    assert!(!body(&page).contains("exemption") && !body(&page).contains("locked"));
}

#[test]
fn whoever_asks_too_often_is_told_when_to_come_back() {
    let organization = organization();
    let kind = Failure::TooManyRequests { retry_after: 60 };
    let page = failure(&failed(Some(&organization), kind));
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(page.headers["retry-after"], "60");
}
