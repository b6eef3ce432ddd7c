//! One of every page, in both languages, and what holds for all of them.

use std::collections::BTreeSet;

use super::super::style::CSS;
use super::super::*;
use super::fixtures::*;
use super::html;
use crate::config::Organization;
use crate::language::Language::{self, Danish, English};
use crate::policy::Reason;

/// Every page there is.
fn gallery(organization: &Organization) -> Vec<(String, Page)> {
    let mut all = Vec::new();
    for language in [Danish, English] {
        let mut add = |name: &str, page| all.push((format!("{name}-{}", language.tag()), page));
        for &reason in Reason::ALL {
            let denied = Rejection { language, ..rejected(organization, reason) };
            add(&format!("rejection-{reason}"), rejection(&denied));
            let elsewhere = Rejection { listed_country: None, db_ip: false, ..denied };
            add(&format!("rejection-elsewhere-{reason}"), rejection(&elsewhere));
        }
        for kind in FAILURES {
            let view = FailureView { language, ..failed(Some(organization), kind) };
            add(&format!("failure-{kind:?}"), failure(&view));
            let nobody = FailureView { organization: None, reference: None, ..view };
            add(&format!("failure-nobody-{kind:?}"), failure(&nobody));
        }
        add("sign-in", sign_in(&form(organization, language)));
        let problems = &[SignInProblem::Name, SignInProblem::Password, SignInProblem::Expired];
        add("sign-in-problems", sign_in(&SignIn { problems, ..form(organization, language) }));
        let providers = &[ProviderButton {
            label: "Ballerup Kommune".to_owned(),
            href: "/.geovagt/sign-in?provider=entra&next=/".to_owned(),
        }];
        let elsewhere = SignIn { providers, ..form(organization, language) };
        add("sign-in-provider", sign_in(&elsewhere));
        add("sign-in-provider-alone", sign_in(&SignIn { takes_password: false, ..elsewhere }));
        let going_on = SignOut::GoingOn { elsewhere: "https://login.example.dk/end?a=b&c=d" };
        add("sign-out-going-on", sign_out(going_on, organization, language));
        let ask = SignOut::Ask { csrf: "t0ken", name: "anna.holm" };
        add("sign-out", sign_out(ask, organization, language));
        add("sign-out-done", sign_out(SignOut::Done, organization, language));
        for (name, view) in visitors(organization, language) {
            add(name, seen(&view));
        }
        for (name, state) in LINKS {
            let exemption = Some(("TE-7K2M9D", at()));
            let (path, name_of) = ("/.geovagt/rejse/abc", "anna.holm");
            let view =
                TravelLinkView { organization, language, path, name: name_of, exemption, state };
            add(name, travel_link(&view));
        }
        let grants = [("61.19.0.1/32".to_owned(), at())];
        for (name, state) in addresses(&grants) {
            let (site, network) = ("kilden.example.dk", "61.19.0.1/32");
            add(name, address(&AddressView { organization, language, site, network, state }));
        }
        add("countries", countries(&list(organization, language, &DANISH)));
        add("privacy", privacy(&stored(organization, language)));
    }
    all
}

const LINKS: [(&str, TravelLinkState<'static>); 8] = [
    ("link-sign-in", TravelLinkState::SignIn { location: "/.geovagt/sign-in?next=/x" }),
    ("link-ask", TravelLinkState::Ask { csrf: "t0ken", expired: false }),
    ("link-expired", TravelLinkState::Ask { csrf: "t0ken", expired: true }),
    ("link-bound", TravelLinkState::Bound { others: &[] }),
    ("link-unknown", TravelLinkState::Unknown),
    ("link-ended", TravelLinkState::Ended),
    ("link-used-up", TravelLinkState::UsedUp),
    ("link-abroad", TravelLinkState::Abroad),
];

fn addresses(grants: &[(String, jiff::Timestamp)]) -> [(&'static str, AddressState<'_>); 5] {
    let (csrf, hour) = ("t0ken", std::time::Duration::from_secs(3600));
    [
        ("address-ask", AddressState::Ask { csrf, span: hour }),
        ("address-runs", AddressState::Runs { csrf, grants, span: Some(hour) }),
        ("address-runs-elsewhere", AddressState::Runs { csrf, grants, span: None }),
        ("address-ended", AddressState::Ended),
        ("address-not-here", AddressState::NotHere),
    ]
}

fn visitors(organization: &Organization, language: Language) -> Vec<(&'static str, Seen<'_>)> {
    let denied = visitor(organization, language);
    let traveller = Seen {
        verdict: SeenVerdict::Allowed,
        reason: Reason::TravelExemption,
        reference: None,
        signed_in_as: Some("anna.holm"),
        exemption: Some(OwnExemption {
            id: "TE-7K2M9D",
            until: "2026-12-08T23:00:00Z".parse().unwrap(),
        }),
        ..denied
    };
    let at_home = Seen {
        verdict: SeenVerdict::Allowed,
        reason: Reason::CountryNotListed,
        reference: None,
        address: Some("2001:67c:1232::7".parse().unwrap()),
        location: SeenLocation::Country {
            names: Names { danish: "Danmark", english: "Denmark" },
            listed: false,
        },
        origin: AddressOrigin::XForwardedFor,
        ..denied
    };
    let unknown = Seen {
        address: None,
        origin: AddressOrigin::Forwarded,
        location: SeenLocation::AddressUnknown,
        reason: Reason::ClientAddressUnknown,
        list_version: None,
        ..denied
    };
    let embedded = Seen {
        address: Some("64:ff9b::12e:c07".parse().unwrap()),
        judged: Some("1.46.12.7".parse().unwrap()),
        origin: AddressOrigin::ProxyProtocol,
        verdict: SeenVerdict::Identify,
        reason: Reason::IdentificationNeeded,
        ..denied
    };
    vec![
        ("seen", denied),
        ("seen-traveller", traveller),
        ("seen-home", at_home),
        ("seen-unknown", unknown),
        ("seen-embedded", embedded),
    ]
}

fn text(page: &Page) -> &str {
    std::str::from_utf8(&page.body).unwrap()
}

#[test]
fn every_page_is_small_whole_and_says_its_language() {
    for organization in [organization(), hostile_organization()] {
        for (name, page) in gallery(&organization) {
            let elements = html::read(text(&page)).unwrap_or_else(|e| panic!("{name}: {e}"));
            let count = |tag: &str| elements.iter().filter(|e| e.name == tag).count();
            for tag in ["h1", "title", "main", "header"] {
                assert_eq!(count(tag), 1, "{name}: {tag}");
            }
            let language = if name.ends_with("-en") { "en" } else { "da" };
            assert_eq!(elements[0].attributes["lang"], language, "{name}");
            assert_eq!(page.headers["content-language"], language, "{name}");
            assert!(page.body.len() <= 15 * 1024, "{name} has {} bytes", page.body.len());
            let ids: Vec<_> = elements.iter().filter_map(|e| e.attributes.get("id")).collect();
            assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "{name}: {ids:?}");
        }
    }
}

#[test]
fn a_heading_never_skips_a_level() {
    for (name, page) in gallery(&organization()) {
        let mut before = 0;
        for element in html::read(text(&page)).unwrap() {
            let Some(level) = element.name.strip_prefix('h').and_then(|n| n.parse::<u8>().ok())
            else {
                continue;
            };
            assert!(level <= before + 1, "{name}: h{level} after h{before}");
            before = level;
        }
    }
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    for organization in [organization(), hostile_organization()] {
        for (name, page) in gallery(&organization) {
            for element in html::read(text(&page)).unwrap() {
                let tag = element.name.as_str();
                assert!(
                    !["script", "img", "iframe", "object", "embed"].contains(&tag),
                    "{name}: {tag}"
                );
                for (key, value) in &element.attributes {
                    assert!(
                        !key.starts_with("on") && key != "style" && key != "src",
                        "{name}: {key}"
                    );
                    if key == "href" || key == "action" {
                        // Signing out goes on to where somebody signed in.
                        let goes_on = name.starts_with("sign-out-going-on") && tag == "a";
                        assert!(goes_on || is_fine_target(tag, value), "{name}: {tag} {value}");
                    }
                }
            }
        }
    }
}

fn is_fine_target(tag: &str, value: &str) -> bool {
    match tag {
        "link" => value == "data:,",
        "form" => value.starts_with("/.geovagt/"),
        _ => {
            value == "https://db-ip.com"
                || value == "/"
                || ["/.geovagt/", "#", "?sprog=", "tel:", "mailto:"]
                    .iter()
                    .any(|head| value.starts_with(head))
        }
    }
}

#[test]
fn what_a_stranger_writes_is_shown_and_never_obeyed() {
    let organization = hostile_organization();
    let names = Names { danish: ATTACK, english: ATTACK };
    let entries = [
        ListedEntry { name: ATTACK, within: None },
        ListedEntry { name: ATTACK, within: Some(ATTACK) },
    ];
    let view = Seen {
        site: ATTACK,
        location: SeenLocation::Country { names, listed: true },
        list_version: Some(ATTACK),
        reference: Some(ATTACK),
        signed_in_as: Some(ATTACK),
        exemption: Some(OwnExemption { id: ATTACK, until: at() }),
        ..visitor(&organization, Danish)
    };
    let denied = Rejection {
        listed_country: Some(names),
        reference: ATTACK,
        ..rejected(&organization, Reason::CountryListed)
    };
    let change = Change { added: &[ATTACK], removed: &[ATTACK] };
    let listed = Countries {
        version: ATTACK,
        source: ATTACK,
        adopted_by: ATTACK,
        latest_change: Some(change),
        announced: Some(Announced { version: ATTACK, effective_from: at(), change }),
        ..list(&organization, Danish, &entries)
    };
    let failed = FailureView {
        reference: Some(ATTACK),
        ..failed(Some(&organization), Failure::UpstreamTimeout)
    };
    let sign_in_form =
        SignIn { next: ATTACK, csrf: ATTACK, name: ATTACK, ..form(&organization, Danish) };
    let ask = SignOut::Ask { csrf: ATTACK, name: ATTACK };
    let others = [ATTACK.to_owned()];
    let link = TravelLinkView {
        organization: &organization,
        language: Danish,
        path: ATTACK,
        name: ATTACK,
        exemption: Some((ATTACK, at())),
        state: TravelLinkState::Bound { others: &others },
    };
    let grants = [(ATTACK.to_owned(), at())];
    let passing = AddressView {
        organization: &organization,
        language: Danish,
        site: ATTACK,
        network: ATTACK,
        state: AddressState::Runs { csrf: ATTACK, grants: &grants, span: None },
    };
    for page in [
        travel_link(&link),
        travel_link(&TravelLinkView {
            state: TravelLinkState::Ask { csrf: ATTACK, expired: true },
            ..link
        }),
        address(&passing),
        rejection(&denied),
        failure(&failed),
        sign_in(&sign_in_form),
        sign_out(ask, &organization, Danish),
        seen(&view),
        countries(&listed),
        privacy(&stored(&organization, Danish)),
    ] {
        let text = text(&page);
        assert!(!text.contains("<script") && !text.contains("<b "), "{text}");
        let elements = html::read(text).unwrap();
        assert!(elements.iter().all(|e| !e.attributes.contains_key("onload")));
        assert!(!page.headers.contains_key("geovagt-reference"));
    }
}

#[test]
fn the_policy_allows_the_stylesheet_that_stands_in_the_page() {
    for (name, page) in gallery(&organization()) {
        let (_, after) = text(&page).split_once("<style>").unwrap();
        let (css, _) = after.split_once("</style>").unwrap();
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert_eq!(policy, content_security_policy(css), "{name}");
        for (header, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("vary", "Accept-Language, Accept"),
        ] {
            assert_eq!(page.headers[header], value, "{name}");
        }
    }
}

#[test]
fn a_site_that_is_not_known_names_nobody() {
    for kind in FAILURES {
        let page = failure(&FailureView { organization: None, ..failed(None, kind) });
        let text = text(&page);
        assert!(!text.contains("Ballerup") && !text.contains("tel:"), "{kind:?}");
    }
}

#[test]
fn the_pages_read_as_they_should() {
    let organization = organization();
    for (name, page) in gallery(&organization) {
        let shown = [
            "rejection-country_listed-da",
            "rejection-elsewhere-unknown_location-en",
            "failure-SignInFailed-da",
            "failure-nobody-UnknownSite-en",
            "failure-UpstreamTimeout-da",
            "sign-in-problems-da",
            "sign-in-en",
            "sign-out-da",
            "sign-out-done-en",
            "seen-da",
            "seen-traveller-en",
            "seen-embedded-da",
            "countries-da",
            "countries-en",
            "privacy-da",
            "privacy-en",
        ];
        if shown.contains(&name.as_str()) {
            insta::assert_snapshot!(name, text(&page).replace(CSS.as_str(), "[css]"));
        }
    }
}

#[test]
fn write_the_gallery() {
    let folder = std::env::temp_dir().join("geovagt-pages");
    std::fs::create_dir_all(&folder).unwrap();
    for (name, page) in gallery(&organization()) {
        std::fs::write(folder.join(format!("{name}.html")), &page.body).unwrap();
    }
}
