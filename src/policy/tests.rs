//! Each reason of a decision, each entry of the minutes, and the lessons of those who came before.

use std::time::Duration;

use super::fixture::{
    ENTRIES, NOW, address, at, decided, exemption, journey, leg, list, organization, person, place,
    policy, site, snapshot, words,
};
use super::{
    Admission, Authentication, Correction, Exemptions, Location, Mode, NetworkRule, Policy, Proof,
    Scheduled, Subject, Verdict, decide, door_is_open, everyone_denied_by_connection, forecast,
    opens_door,
};
use crate::client_address::{ClientAddress, UnknownBecause};
use crate::territory::Country;

const ANNA: Option<&str> = Some("anna@ballerup");

fn rule(network: &str, expires: Option<&str>) -> NetworkRule {
    NetworkRule {
        network: network.parse().unwrap(),
        reason: "agreed".into(),
        expires: expires.map(at),
        class: None,
    }
}

fn correction(network: &str, country: &str, expires: &str) -> Correction {
    Correction {
        network: network.parse().unwrap(),
        country: Country::parse(country).unwrap(),
        reason: "provider's letter".into(),
        expires: at(expires),
    }
}

fn standard() -> Policy {
    policy(|_| {})
}

fn nobody_travels() -> Exemptions {
    snapshot(vec![])
}

fn anna_travels() -> Exemptions {
    snapshot(vec![journey()])
}

fn from(policy: &Policy, ip: &str, location: Location) -> String {
    let subject = Subject { address: address(ip), location, person: None, proof: Proof::NONE };
    words(&decide(policy, &subject, &nobody_travels(), at(NOW)))
}

#[test]
fn each_of_the_38_entries_is_rejected() {
    let entries: Vec<&str> = ENTRIES.split_whitespace().collect();
    assert_eq!(entries.len(), 38);
    assert_eq!(standard().list_version(at(NOW)).unwrap().territories.len(), 38);
    for entry in entries {
        let verdict = decided(&standard(), &nobody_travels(), place(entry), None, NOW);
        assert_eq!(verdict, "deny country_listed", "{entry}");
    }
}

#[test]
fn near_misses_and_home_are_let_in() {
    for code in ["NE", "KR", "MO", "EH", "TM", "DK", "FO", "GL", "NO", "US", "XK"] {
        let verdict = decided(&standard(), &nobody_travels(), place(code), None, NOW);
        assert_eq!(verdict, "allow country_not_listed", "{code}");
    }
}

#[test]
fn an_unknown_client_address_is_rejected_whatever_the_policy_says() {
    let lenient = policy(|p| {
        p.mode = Scheduled::fixed(Mode::ReportOnly);
        p.unknown_location = Scheduled::fixed(Admission::Allow);
        p.private_networks = Admission::Allow;
        p.allow_networks = vec![rule("0.0.0.0/0", None), rule("::/0", None)];
    });
    let unknown = ClientAddress::Unknown(UnknownBecause::Unparsable);
    for location in [place("DK"), Location::PrivateNetwork, Location::AddressUnknown] {
        let subject = Subject { address: unknown, location, person: None, proof: Proof::NONE };
        let verdict = decide(&lenient, &subject, &nobody_travels(), at(NOW));
        assert_eq!(words(&verdict), "deny client_address_unknown");
    }
    let no_rule = policy(|p| p.mode = Scheduled::fixed(Mode::ReportOnly));
    assert_eq!(
        from(&no_rule, "203.0.113.9", Location::AddressUnknown),
        "deny client_address_unknown"
    );
}

#[test]
fn deny_networks_come_before_allow_networks_and_hold_in_report_only_too() {
    let both = policy(|p| {
        p.mode = Scheduled::fixed(Mode::ReportOnly);
        p.deny_networks = vec![rule("203.0.113.0/24", None)];
        p.allow_networks = vec![rule("203.0.113.9/32", None), rule("198.51.100.0/24", None)];
    });
    assert_eq!(from(&both, "203.0.113.9", place("DK")), "deny denied_network");
    assert_eq!(from(&both, "198.51.100.9", place("CN")), "allow allowed_network");
}

#[test]
fn a_deny_network_meets_the_address_as_seen_and_the_one_it_carries() {
    let policy = policy(|p| {
        p.deny_networks = vec![rule("2002::/16", None), rule("9.9.9.0/24", None)];
        p.allow_networks = vec![rule("2001::/32", None)];
    });
    // 6to4 for 8.8.8.8: denied as seen, though not by what it carries.
    assert_eq!(from(&policy, "2002:808:808::1", place("DK")), "deny denied_network");
    // NAT64 for 9.9.9.7: denied by what it carries.
    assert_eq!(from(&policy, "64:ff9b::909:907", place("DK")), "deny denied_network");
    // Teredo carrying 9.9.9.9: an allow network for the wrapping lets nobody in.
    let wrapped = "2001:0:4136:e378:8000:63bf:f7f7:f7f7";
    assert_eq!(from(&policy, wrapped, place("CN")), "deny country_listed");
}

#[test]
fn networks_end_at_their_instant() {
    let policy = policy(|p| {
        p.allow_networks = vec![rule("203.0.113.0/24", Some(NOW))];
    });
    let none = nobody_travels();
    let earlier = "2026-12-04T11:59:59.999Z";
    assert_eq!(decided(&policy, &none, place("CN"), None, earlier), "allow allowed_network");
    assert_eq!(decided(&policy, &none, place("CN"), None, NOW), "deny country_listed");
}

#[test]
fn private_networks_are_a_class_of_their_own() {
    let deny = policy(|p| p.mode = Scheduled::fixed(Mode::ReportOnly));
    assert_eq!(from(&deny, "10.0.0.1", Location::PrivateNetwork), "deny denied_private_network");
    let allow = policy(|p| p.private_networks = Admission::Allow);
    assert_eq!(from(&allow, "10.0.0.1", Location::PrivateNetwork), "allow private_network");
    let named = policy(|p| p.allow_networks = vec![rule("10.0.0.0/24", None)]);
    assert_eq!(from(&named, "10.0.0.1", Location::PrivateNetwork), "allow allowed_network");
    // A private network has no country that could be corrected.
    let corrected =
        policy(|p| p.corrections = vec![correction("10.0.0.0/8", "DK", "2027-01-01T00:00:00Z")]);
    assert_eq!(
        from(&corrected, "10.0.0.1", Location::PrivateNetwork),
        "deny denied_private_network"
    );
}

#[test]
fn a_correction_replaces_the_location_until_it_expires() {
    let policy = policy(|p| {
        p.corrections = vec![
            correction("203.0.113.0/24", "DK", "2027-01-01T00:00:00Z"),
            correction("203.0.113.128/25", "IN", "2027-01-01T00:00:00Z"),
            correction("198.51.100.0/24", "DK", NOW),
        ];
    });
    assert_eq!(from(&policy, "203.0.113.9", place("IN")), "allow country_not_listed");
    assert_eq!(from(&policy, "203.0.113.9", Location::NotInDatabase), "allow country_not_listed");
    assert_eq!(from(&policy, "203.0.113.200", place("DK")), "deny country_listed");
    assert_eq!(from(&policy, "198.51.100.9", place("IN")), "deny country_listed");
    assert_eq!(policy.corrected(address("203.0.113.200"), place("DK"), at(NOW)), place("IN"));
}

#[test]
fn an_unknown_location_is_settled_by_the_policy_and_by_no_exemption() {
    let unknown = Location::NotInDatabase;
    let travels = anna_travels();
    assert_eq!(decided(&standard(), &travels, unknown, ANNA, NOW), "deny unknown_location");
    let lenient = policy(|p| p.unknown_location = Scheduled::fixed(Admission::Allow));
    assert_eq!(decided(&lenient, &travels, unknown, None, NOW), "allow unknown_location_allowed");
    let reporting = policy(|p| p.mode = Scheduled::fixed(Mode::ReportOnly));
    assert_eq!(decided(&reporting, &travels, unknown, None, NOW), "allow report_only");
}

#[test]
fn report_only_says_what_enforcing_would_do() {
    let policy = policy(|p| p.mode = Scheduled::fixed(Mode::ReportOnly));
    let would_be = |location, who: Option<&str>| {
        let person = who.map(person);
        let subject = Subject {
            address: address("203.0.113.9"),
            location,
            person: person.as_ref(),
            proof: Proof::NONE,
        };
        let verdict = decide(&policy, &subject, &anna_travels(), at(NOW));
        let Verdict::Allow(permit) = verdict else { panic!("{verdict:?}") };
        (permit.reason().code(), permit.would_be().map(super::Reason::code))
    };
    assert_eq!(would_be(place("DK"), None), ("country_not_listed", None));
    assert_eq!(would_be(place("RU"), None), ("report_only", Some("country_listed")));
    assert_eq!(would_be(place("CN"), None), ("report_only", Some("identification_needed")));
    assert_eq!(would_be(place("CN"), ANNA), ("travel_exemption", None));
    assert_eq!(would_be(place("RU"), ANNA), ("report_only", Some("exemption_other_territory")));
    assert_eq!(would_be(Location::NotInDatabase, None), ("report_only", Some("unknown_location")));
}

#[test]
fn what_was_announced_starts_at_its_instant_and_not_before() {
    let start = at("2026-12-10T23:00:00Z");
    let policy = policy(|p| {
        p.mode = Scheduled::changing(Mode::ReportOnly, start, Mode::Enforce);
        p.unknown_location = Scheduled::changing(Admission::Allow, start, Admission::Deny);
    });
    let none = nobody_travels();
    let before = "2026-12-10T22:59:59.999999999Z";
    let after = "2026-12-10T23:00:00Z";
    assert_eq!(decided(&policy, &none, place("CN"), None, before), "allow report_only");
    assert_eq!(decided(&policy, &none, place("CN"), None, after), "deny country_listed");
    let unknown = Location::NotInDatabase;
    assert_eq!(decided(&policy, &none, unknown, None, before), "allow unknown_location_allowed");
    assert_eq!(decided(&policy, &none, unknown, None, after), "deny unknown_location");
}

#[test]
fn a_list_that_has_not_begun_rejects_nobody_and_the_forecast_says_what_it_will() {
    let policy = policy(|p| {
        p.list = list(&[
            ("2027-01", "2027-01-01T00:00:00Z", "CN"),
            ("2027-03", "2027-03-01T00:00:00Z", "CN TH"),
        ]);
    });
    let none = nobody_travels();
    assert_eq!(decided(&policy, &none, place("CN"), None, NOW), "allow country_not_listed");
    let ahead = |location, now| {
        let subject =
            Subject { address: address("203.0.113.9"), location, person: None, proof: Proof::NONE };
        forecast(&policy, &subject, &none, at(now))
            .map(|upcoming| format!("{} {}", upcoming.version, words(&upcoming.verdict)))
    };
    assert_eq!(ahead(place("CN"), NOW).unwrap(), "2027-01 deny country_listed");
    assert_eq!(ahead(place("TH"), NOW).unwrap(), "2027-01 allow country_not_listed");
    let january = "2027-01-01T00:00:00Z";
    assert_eq!(ahead(place("TH"), january).unwrap(), "2027-03 deny country_listed");
    assert_eq!(ahead(place("TH"), "2027-03-01T00:00:00Z"), None);
}

#[test]
fn the_door_exists_only_while_somebody_travels() {
    let policy = standard();
    let travels = anna_travels();
    let china = |now| decided(&policy, &travels, place("CN"), None, now);
    assert_eq!(china("2026-11-30T22:59:59.999999999Z"), "deny country_listed");
    assert_eq!(china("2026-11-30T23:00:00Z"), "identify identification_needed");
    assert_eq!(china("2026-12-08T22:59:59.999999999Z"), "identify identification_needed");
    assert_eq!(china("2026-12-08T23:00:00Z"), "deny country_listed");
    assert_eq!(decided(&policy, &travels, place("RU"), None, NOW), "deny country_listed");
    for closed in [
        super::fixture::policy(|p| p.site = site("intranet")),
        super::fixture::policy(|p| p.exemptions_enabled = false),
        super::fixture::policy(|p| p.authentication = Authentication::Never),
        super::fixture::policy(|p| p.organization = organization("herlev")),
    ] {
        assert_eq!(decided(&closed, &travels, place("CN"), None, NOW), "deny country_listed");
    }
}

#[test]
fn the_door_functions_agree_with_the_decision() {
    let policy = policy(|p| {
        p.deny_networks = vec![rule("198.51.100.0/24", None)];
        p.corrections = vec![correction("192.0.2.0/24", "CN", "2027-01-01T00:00:00Z")];
    });
    let travels = anna_travels();
    let now = at(NOW);
    let open = |ip, location| door_is_open(&policy, address(ip), location, &travels, now);
    let opens = |who, ip, location| {
        opens_door(&policy, &travels, (&person(who), Proof::NONE), address(ip), location, now)
    };
    let closed =
        |ip, location| everyone_denied_by_connection(&policy, address(ip), location, &travels, now);
    assert!(open("203.0.113.9", place("CN")) && !closed("203.0.113.9", place("CN")));
    assert!(opens("anna@ballerup", "203.0.113.9", place("CN")));
    assert!(!opens("bo@ballerup", "203.0.113.9", place("CN")));
    assert!(!opens("anna@herlev", "203.0.113.9", place("CN")));
    // Seen from a denied network there is no door, whatever the country.
    assert!(!open("198.51.100.1", place("CN")) && closed("198.51.100.1", place("CN")));
    assert!(!opens("anna@ballerup", "198.51.100.1", place("CN")));
    // The corrected location counts.
    assert!(open("192.0.2.1", place("DE")) && opens("anna@ballerup", "192.0.2.1", place("DE")));
    // Where no door is needed there is none, and nobody is closed out.
    assert!(!open("203.0.113.9", place("DK")) && !closed("203.0.113.9", place("DK")));
    assert!(!open("203.0.113.9", place("RU")) && closed("203.0.113.9", place("RU")));
}

#[test]
fn a_traveller_is_let_in_with_the_exemption_that_did_it() {
    let anna = person("anna@ballerup");
    let subject = Subject {
        address: address("203.0.113.9"),
        location: place("HK"),
        person: Some(&anna),
        proof: Proof::NONE,
    };
    let Verdict::Allow(permit) = decide(&standard(), &subject, &anna_travels(), at(NOW)) else {
        panic!("the traveller is let in");
    };
    assert_eq!(permit.reason().code(), "travel_exemption");
    assert_eq!(permit.exemption().map(super::ExemptionId::as_str), Some("TE-ANNA"));
    assert_eq!(permit.person(), Some(&anna));
}

#[test]
fn the_reason_that_tells_most_is_given() {
    let policy = standard();
    let december = |codes| leg(codes, "2026-12-01T00:00:00Z", "2026-12-09T00:00:00Z");
    let exempt = |id, sites: &[&str], leg| exemption(id, "anna@ballerup", sites, vec![leg]);
    let says = |exemptions: Vec<_>| decided(&policy, &snapshot(exemptions), place("CN"), ANNA, NOW);
    let later =
        || exempt("L", &["mail"], leg("CN", "2026-12-06T00:00:00Z", "2026-12-09T00:00:00Z"));
    let over = || exempt("O", &["mail"], leg("CN", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"));
    let just_over =
        || exempt("J", &["mail"], leg("CN", "2026-11-01T00:00:00Z", "2026-12-04T11:00:00Z"));
    let elsewhere = || exempt("E", &["mail"], december("TH"));
    let other_site = || exempt("S", &["intranet"], december("CN"));
    let both_wrong = || exempt("B", &["intranet"], december("TH"));
    assert_eq!(says(vec![later()]), "deny exemption_not_started");
    assert_eq!(says(vec![over()]), "deny exemption_ended");
    assert_eq!(says(vec![elsewhere()]), "deny exemption_other_territory");
    assert_eq!(says(vec![both_wrong()]), "deny exemption_other_territory");
    assert_eq!(says(vec![other_site()]), "deny exemption_other_site");
    assert_eq!(says(vec![]), "deny country_listed");
    // The nearest in time; the right place and time before the right site.
    assert_eq!(says(vec![over(), later()]), "deny exemption_not_started");
    assert_eq!(says(vec![just_over(), later()]), "deny exemption_ended");
    assert_eq!(says(vec![elsewhere(), other_site(), over()]), "deny exemption_ended");
    assert_eq!(says(vec![elsewhere(), other_site()]), "deny exemption_other_site");
    // What is neither here nor now says nothing.
    let planned_elsewhere =
        exempt("P", &["mail"], leg("TH", "2027-01-01T00:00:00Z", "2027-01-09T00:00:00Z"));
    assert_eq!(says(vec![planned_elsewhere]), "deny country_listed");
}

#[test]
fn without_the_scheme_exemptions_have_no_effect_and_holders_learn_why() {
    let policy = policy(|p| p.exemptions_enabled = false);
    let travels = anna_travels();
    assert_eq!(decided(&policy, &travels, place("CN"), ANNA, NOW), "deny exemptions_disabled");
    let bo = Some("bo@ballerup");
    assert_eq!(decided(&policy, &travels, place("CN"), bo, NOW), "deny country_listed");
}

#[test]
fn nobody_of_another_organisation_gets_in_by_an_exemption() {
    let foreign = journey_of("anna@herlev");
    let travels = snapshot(vec![journey(), foreign]);
    let herlev = Some("anna@herlev");
    assert_eq!(decided(&standard(), &travels, place("CN"), herlev, NOW), "deny not_authorized");
    // An exemption that says ballerup for a person of herlev is no exemption at all.
    let mut forged = journey_of("anna@herlev");
    forged.organization = organization("ballerup");
    let forged = snapshot(vec![forged]);
    assert!(forged.is_empty());
    assert_eq!(decided(&standard(), &forged, place("CN"), None, NOW), "deny country_listed");
}

fn journey_of(who: &str) -> super::TravelExemption {
    exemption("TE-OTHER", who, &["mail"], journey().legs)
}

#[test]
fn a_site_that_always_asks_wants_a_person_of_its_own() {
    let policy = policy(|p| {
        p.authentication = Authentication::Always;
        p.allow_networks = vec![rule("198.51.100.0/24", None)];
    });
    let travels = anna_travels();
    let says = |code, who| decided(&policy, &travels, place(code), who, NOW);
    assert_eq!(says("DK", None), "identify authentication_required");
    assert_eq!(says("DK", ANNA), "allow country_not_listed");
    assert_eq!(says("DK", Some("anna@herlev")), "deny not_authorized");
    assert_eq!(from(&policy, "198.51.100.1", place("CN")), "identify authentication_required");
    // From a listed country the door comes first, and there is none for strangers.
    assert_eq!(says("RU", None), "deny country_listed");
    assert_eq!(says("CN", None), "identify identification_needed");
    assert_eq!(says("CN", ANNA), "allow travel_exemption");
}

#[test]
fn a_site_that_never_asks_takes_no_exemption() {
    let policy = policy(|p| p.authentication = Authentication::Never);
    assert_eq!(decided(&policy, &anna_travels(), place("CN"), ANNA, NOW), "deny country_listed");
}

#[test]
fn a_foreign_person_is_let_in_by_place_but_never_named_to_the_upstream() {
    let named = |who: &str| {
        let person = person(who);
        let subject = Subject {
            address: address("203.0.113.9"),
            location: place("DK"),
            person: Some(&person),
            proof: Proof::NONE,
        };
        match decide(&standard(), &subject, &nobody_travels(), at(NOW)) {
            Verdict::Allow(permit) => permit.person().cloned(),
            verdict @ (Verdict::Identify(_) | Verdict::Deny(_)) => panic!("{verdict:?}"),
        }
    };
    assert_eq!(named("anna@ballerup"), Some(person("anna@ballerup")));
    assert_eq!(named("anna@herlev"), None);
}

#[test]
fn chechnya_is_told_apart_from_russia_where_the_database_can() {
    let policy = standard();
    let to = |codes| {
        let leg = leg(codes, "2026-12-01T00:00:00Z", "2026-12-09T00:00:00Z");
        snapshot(vec![exemption("TE-RU", "anna@ballerup", &["mail"], vec![leg])])
    };
    let russia = to("RU");
    let says = |exemptions: &Exemptions, code| {
        (
            decided(&policy, exemptions, place(code), ANNA, NOW),
            decided(&policy, exemptions, place(code), None, NOW),
        )
    };
    let inside = ("allow travel_exemption".into(), "identify identification_needed".into());
    let outside = ("deny exemption_other_territory".into(), "deny country_listed".to_owned());
    assert_eq!(says(&russia, "RU"), inside);
    assert_eq!(says(&russia, "RU-MOW"), inside);
    assert_eq!(says(&russia, "RU-CE"), outside);
    let chechnya = to("RU-CE");
    assert_eq!(says(&chechnya, "RU-CE"), inside);
    assert_eq!(says(&chechnya, "RU"), outside);
    assert_eq!(says(&to("RU-MOW"), "RU-MOW"), inside);
    // A list that names Russia alone leaves Chechnya a part of it.
    let whole = super::fixture::policy(|p| {
        p.list = list(&[("1", "2025-05-12T00:00:00Z", "RU")]);
    });
    assert_eq!(decided(&whole, &russia, place("RU-CE"), ANNA, NOW), "allow travel_exemption");
}

/// Lessons 1 and 2: one record, one evaluation, and its end is a comparison.
#[test]
fn nothing_has_to_run_for_an_exemption_to_end() {
    let policy = standard();
    let travels = anna_travels();
    let says = |now| decided(&policy, &travels, place("CN"), ANNA, now);
    assert_eq!(says("2026-11-30T22:59:59.999999999Z"), "deny exemption_not_started");
    assert_eq!(says("2026-11-30T23:00:00Z"), "allow travel_exemption");
    assert_eq!(says("2026-12-08T22:59:59.999999999Z"), "allow travel_exemption");
    assert_eq!(says("2026-12-08T23:00:00Z"), "deny exemption_ended");
}

/// Lesson 3: an exemption never opens the whole world.
#[test]
fn an_exemption_opens_its_countries_and_no_other() {
    for entry in ENTRIES.split_whitespace() {
        let wanted = if ["CN", "HK"].contains(&entry) {
            "allow travel_exemption"
        } else {
            "deny exemption_other_territory"
        };
        assert_eq!(
            decided(&standard(), &anna_travels(), place(entry), ANNA, NOW),
            wanted,
            "{entry}"
        );
    }
}

/// Lesson 4, story 8: Denmark never stops working because of an exemption.
#[test]
fn an_exemption_changes_nothing_at_home() {
    let (never_granted, travels) = (nobody_travels(), anna_travels());
    for now in ["2026-11-01T00:00:00Z", NOW, "2027-01-01T00:00:00Z"] {
        for authentication in
            [Authentication::Never, Authentication::WhenBlocked, Authentication::Always]
        {
            let policy = policy(|p| p.authentication = authentication);
            let at_home =
                |exemptions: &Exemptions, who| decided(&policy, exemptions, place("DK"), who, now);
            for who in [None, ANNA] {
                assert_eq!(at_home(&travels, who), at_home(&never_granted, who));
            }
            assert_eq!(at_home(&travels, ANNA), "allow country_not_listed");
        }
    }
}

/// Lesson 5: legs, with grace in transit that never leaves the journey.
#[test]
fn legs_reach_into_each_other_by_the_grace_and_no_further() {
    let legs = vec![
        leg("CN", "2026-12-01T00:00:00Z", "2026-12-04T00:00:00Z"),
        leg("TH", "2026-12-04T00:00:00Z", "2026-12-08T00:00:00Z"),
    ];
    let trip = exemption("TE-2", "anna@ballerup", &["mail"], legs);
    let grace = Exemptions::new(vec![trip], |_| Duration::from_hours(6));
    let policy = standard();
    let covered = |code, now| {
        decided(&policy, &grace, place(code), ANNA, now) == "allow travel_exemption"
            && decided(&policy, &grace, place(code), None, now) == "identify identification_needed"
    };
    assert!(covered("CN", "2026-12-04T05:59:59Z"));
    assert!(!covered("CN", "2026-12-04T06:00:00Z"));
    assert!(covered("TH", "2026-12-03T18:00:00Z"));
    assert!(!covered("TH", "2026-12-03T17:59:59Z"));
    // Neither before the journey begins nor after it ends.
    assert!(!covered("CN", "2026-11-30T23:59:59Z"));
    assert!(!covered("TH", "2026-12-08T00:00:00Z"));
}

/// Lesson 7: what was never valid has no effect, however it came to be stored.
#[test]
fn a_leg_that_ends_before_it_begins_opens_nothing() {
    let backwards = leg("CN", "2026-12-08T00:00:00Z", "2026-12-01T00:00:00Z");
    let worldwide = leg("", "2026-12-01T00:00:00Z", "2026-12-08T00:00:00Z");
    let policy = standard();
    for leg in [backwards, worldwide] {
        let broken = snapshot(vec![exemption("TE-X", "anna@ballerup", &["mail"], vec![leg])]);
        for now in ["2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z", NOW, "2026-12-08T00:00:00Z"] {
            assert_eq!(decided(&policy, &broken, place("CN"), None, now), "deny country_listed");
            assert_eq!(decided(&policy, &broken, place("CN"), ANNA, now), "deny country_listed");
        }
    }
}

#[test]
fn a_policy_knows_when_time_will_change_it() {
    let day = |day: u8| format!("2027-01-0{day}T00:00:00Z");
    let policy = policy(|p| {
        p.list = list(&[("a", "2025-05-12T00:00:00Z", "CN"), ("b", &day(1), "TH")]);
        p.mode = Scheduled::changing(Mode::ReportOnly, at(&day(2)), Mode::Enforce);
        p.unknown_location = Scheduled::changing(Admission::Allow, at(&day(3)), Admission::Deny);
        p.allow_networks = vec![rule("203.0.113.0/24", Some(&day(4))), rule("::/0", None)];
        p.deny_networks = vec![rule("2001:db8::/32", Some(&day(5)))];
        p.corrections = vec![correction("192.0.2.0/24", "DK", &day(6))];
    });
    let mut now = at(NOW);
    for expected in 1..=6 {
        now = policy.next_change(now).unwrap();
        assert_eq!(now, at(&day(expected)));
    }
    assert_eq!(policy.next_change(now), None);
}
