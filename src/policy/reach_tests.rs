//! A path that is open from some countries alone: `only_from`.

use std::sync::Arc;

use super::fixture::{NOW, address, at, decided, journey, person, place, policy, snapshot, words};
use super::{
    Admission, Authentication, Correction, Exemptions, Extent, Location, Mode, NetworkRule, Policy,
    PolicyParts, Proof, Reach, Scheduled, Subject, decide, everyone_denied_by_connection,
    opens_door,
};
use crate::territory::Country;

const ELSEWHERE: &str = "deny path_other_country";
const ANNA: Option<&str> = Some("anna@ballerup");

fn country(code: &str) -> Country {
    Country::parse(code).unwrap()
}

/// `/ecp/`, open from these countries, with one thing changed.
fn ecp(codes: &[&str], change: impl FnOnce(&mut PolicyParts)) -> Policy {
    policy(|parts| {
        let countries: Arc<[Country]> = codes.iter().map(|code| country(code)).collect();
        parts.extent = Extent::Path { rule: Arc::from("/ecp/"), reach: Reach::OnlyFrom(countries) };
        change(parts);
    })
}

fn stranger(policy: &Policy, location: Location) -> String {
    decided(policy, &snapshot(vec![]), location, None, NOW)
}

#[test]
fn whoever_is_abroad_is_rejected_listed_or_not() {
    let ecp = ecp(&["DK"], |_| {});
    assert_eq!(stranger(&ecp, place("DK")), "allow country_not_listed");
    for abroad in ["SE", "DE", "GL", "US"] {
        assert_eq!(stranger(&ecp, place(abroad)), ELSEWHERE, "{abroad}");
    }
    assert_eq!(stranger(&ecp, place("CN")), "deny country_listed");
    assert_eq!(stranger(&ecp, Location::NotInDatabase), "deny unknown_location");
    assert_eq!(stranger(&ecp, Location::AddressUnknown), "deny client_address_unknown");
    assert_eq!(stranger(&ecp, Location::PrivateNetwork), "deny denied_private_network");
}

#[test]
fn an_unknown_place_is_abroad_even_where_the_policy_lets_it_in() {
    let lenient = ecp(&["DK"], |p| p.unknown_location = Scheduled::fixed(Admission::Allow));
    assert_eq!(stranger(&lenient, Location::NotInDatabase), ELSEWHERE);
}

#[test]
fn no_exemption_counts_and_no_door_is_open_for_one() {
    let travels = snapshot(vec![journey()]);
    let ecp = ecp(&["DK"], |_| {});
    assert_eq!(decided(&ecp, &travels, place("CN"), ANNA, NOW), ELSEWHERE);
    assert_eq!(decided(&ecp, &travels, place("CN"), None, NOW), ELSEWHERE);
    let (anna, from) = (person("anna@ballerup"), address("203.0.113.9"));
    let proof = (&anna, Proof::FULL);
    assert!(!opens_door(&ecp, &travels, proof, from, place("CN"), at(NOW)));
    assert!(everyone_denied_by_connection(&ecp, from, place("CN"), &travels, at(NOW)));
    // Nor where the country that is named stands on the list itself.
    let china = self::ecp(&["CN"], |_| {});
    assert_eq!(decided(&china, &travels, place("CN"), ANNA, NOW), ELSEWHERE);
    assert_eq!(decided(&china, &travels, place("CN"), None, NOW), ELSEWHERE);
    let sign_in = self::ecp(&["CN"], |p| p.sign_in = true);
    assert_eq!(decided(&sign_in, &travels, place("CN"), None, NOW), ELSEWHERE);
}

#[test]
fn a_policy_that_only_reports_opens_nothing_abroad() {
    let reporting = ecp(&["DK"], |p| p.mode = Scheduled::fixed(Mode::ReportOnly));
    for abroad in ["CN", "SE"] {
        assert_eq!(stranger(&reporting, place(abroad)), ELSEWHERE, "{abroad}");
    }
    assert_eq!(stranger(&reporting, Location::NotInDatabase), ELSEWHERE);
    assert_eq!(stranger(&reporting, place("DK")), "allow country_not_listed");
    // The list alone is what is only reported.
    let named = ecp(&["CN"], |p| p.mode = Scheduled::fixed(Mode::ReportOnly));
    assert_eq!(stranger(&named, place("CN")), "allow report_only");
}

#[test]
fn networks_decide_as_they_do_elsewhere() {
    let rule = |network: &str, expires: Option<&str>| NetworkRule {
        network: network.parse().unwrap(),
        reason: "the town hall".into(),
        expires: expires.map(at),
        class: None,
    };
    let says = |policy: &Policy, ip: &str, location: Location| {
        let subject = Subject { address: address(ip), location, person: None, proof: Proof::NONE };
        words(&decide(policy, &subject, &Exemptions::default(), at(NOW)))
    };
    let allow = vec![
        rule("203.0.113.0/24", None),
        rule("192.0.2.0/24", Some(NOW)),
        rule("198.51.100.9/32", None),
    ];
    for codes in [&["DK"][..], &[]] {
        let ecp = ecp(codes, |p| {
            p.allow_networks = allow.clone();
            p.deny_networks = vec![rule("198.51.100.0/24", None)];
        });
        assert_eq!(says(&ecp, "203.0.113.9", place("SE")), "allow allowed_network");
        assert_eq!(says(&ecp, "192.0.2.9", place("SE")), ELSEWHERE, "its end has come");
        assert_eq!(says(&ecp, "198.51.100.9", place("DK")), "deny denied_network");
        let inside = if codes.is_empty() { ELSEWHERE } else { "allow country_not_listed" };
        assert_eq!(says(&ecp, "80.62.0.1", place("DK")), inside);
    }
    let private = ecp(&[], |p| p.private_networks = Admission::Allow);
    assert_eq!(says(&private, "10.0.0.9", Location::PrivateNetwork), "allow private_network");
}

#[test]
fn a_correction_says_where_somebody_is() {
    let correction = |code: &str| Correction {
        network: "203.0.113.0/24".parse().unwrap(),
        country: country(code),
        reason: "provider's letter".into(),
        expires: at("2027-06-01T00:00:00Z"),
    };
    let corrected = |code: &str| ecp(&["DK"], |p| p.corrections = vec![correction(code)]);
    assert_eq!(stranger(&corrected("DK"), place("SE")), "allow country_not_listed");
    assert_eq!(stranger(&corrected("SE"), place("DK")), ELSEWHERE);
    assert_eq!(stranger(&corrected("DK"), Location::NotInDatabase), "allow country_not_listed");
}

#[test]
fn whoever_may_come_in_is_still_asked_where_everybody_is() {
    let asks = ecp(&["DK"], |p| p.authentication = Authentication::Always);
    assert_eq!(stranger(&asks, place("DK")), "identify authentication_required");
    let none = snapshot(vec![]);
    assert_eq!(decided(&asks, &none, place("DK"), ANNA, NOW), "allow country_not_listed");
    assert_eq!(decided(&asks, &none, place("SE"), ANNA, NOW), ELSEWHERE);
}
