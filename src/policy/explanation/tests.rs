use insta::assert_snapshot;
use jiff::tz::TimeZone;

use super::*;
use crate::client_address::UnknownBecause;
use crate::policy::fixture::{
    NOW, address, at, exemption, journey, leg, list, person, place, policy, snapshot,
};
use crate::policy::{
    Admission, Correction, Demands, ExemptionState, Location, Mode, NetworkRule, Person, Proof,
    Scheduled, TravelExemption,
};

fn copenhagen() -> TimeZone {
    TimeZone::get("Europe/Copenhagen").unwrap()
}

fn about(policy: &Policy, subject: Subject<'_>, name: Option<&str>) -> Explanation {
    let name = name.map(|n| UserName::parse(n).unwrap());
    let question = Question {
        subject,
        user_name: name.as_ref(),
        holdings: Holdings::default(),
        at: at(NOW),
        database: DatabaseFacts {
            registered_country: Country::parse("HK").ok(),
            network: "203.0.113.0/24".parse().ok(),
            built: Some(at("2026-06-01T00:00:00Z")),
        },
        time_zone: &copenhagen(),
    };
    explain(policy, &snapshot(vec![journey()]), &question)
}

fn from<'a>(code: &str, person: Option<&'a Person>) -> Subject<'a> {
    Subject { address: address("203.0.113.9"), location: place(code), person, proof: Proof::NONE }
}

#[test]
fn a_rejection_reads_from_top_to_bottom() {
    let policy = policy(|p| {
        p.list = list(&[
            ("2025-05", "2025-05-11T22:00:00Z", "CN RU RU-CE"),
            ("2027-01", "2026-12-31T23:00:00Z", "CN RU RU-CE TH"),
        ]);
    });
    let explanation = about(&policy, from("RU-MOW", None), None);
    assert_snapshot!(explanation.to_text(&copenhagen()), @r#"
    203.0.113.9 to mail of ballerup, 4 December 2026, 13:00 CET

     1 client address      203.0.113.9
     2 deny networks       no deny network holds it
     3 allow networks      no allow network holds it
     4 private networks    not a private network
     5 corrections         no correction holds it
     6 location            RU-MOW
     7 list                RU stands on cfcs 2025-05, in force since 12 May 2025
     8 travel exemptions   none for this place and site is active now → rejected

       verdict             deny: country_listed
       database            203.0.113.0/24, database of 1 June 2026
       registered          in HK; not what is decided on
       upcoming            from 1 January 2027, version 2027-01: deny:
                           country_listed
    "#);
}

#[test]
fn a_traveller_is_explained_with_the_exemption() {
    let anna = person("anna@ballerup");
    let explanation = about(&policy(|_| {}), from("CN", Some(&anna)), Some("anna"));
    assert_snapshot!(explanation.to_text(&copenhagen()), @r#"
    203.0.113.9 to mail of ballerup, anna taken as proven, 4 December 2026, 13:00
    CET

     1 client address      203.0.113.9
     2 deny networks       no deny network holds it
     3 allow networks      no allow network holds it
     4 private networks    not a private network
     5 corrections         no correction holds it
     6 location            CN
     7 list                CN stands on cfcs 2025-05, in force since 12 May 2025
     8 travel exemptions   TE-ANNA covers this place and site until the end of 8
                           December 2026
     9 authentication      the person is proven → let in

       verdict             allow: travel_exemption
       exemption           TE-ANNA
       database            203.0.113.0/24, database of 1 June 2026
       registered          in HK; not what is decided on
    "#);
}

#[test]
fn whoever_is_taken_as_proven_is_told_what_the_exemption_demands_besides() {
    let anna = person("anna@ballerup");
    let demanding = |device, multi_factor| {
        let mut held = journey();
        held.demands = Demands { multi_factor, device };
        let question = Question {
            subject: Subject { proof: Proof::FULL, ..from("CN", Some(&anna)) },
            user_name: None,
            holdings: Holdings::default(),
            at: at(NOW),
            database: DatabaseFacts::default(),
            time_zone: &copenhagen(),
        };
        let told = explain(&policy(|_| {}), &snapshot(vec![held]), &question);
        assert_eq!(told.verdict, "allow");
        told.to_text(&copenhagen()).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let device = "December 2026, but only from a device bound to it";
    assert!(!demanding(false, false).contains("but only"));
    assert!(demanding(true, false).contains(&format!("{device} 9 authentication")));
    assert!(demanding(false, true).contains("December 2026, but only with more than a password 9"));
    assert!(demanding(true, true).contains(&format!("{device}, and with more than a password 9")));
}

#[test]
fn the_json_carries_every_field_of_the_contract() {
    let policy = policy(|p| {
        p.mode = Scheduled::fixed(Mode::ReportOnly);
        p.list = list(&[
            ("2025-05", "2025-05-11T22:00:00Z", "CN"),
            ("2027-01", "2026-12-31T23:00:00Z", "CN TH"),
        ]);
        p.corrections = vec![Correction {
            network: "203.0.113.0/28".parse().unwrap(),
            country: Country::parse("CN").unwrap(),
            reason: "provider's letter".into(),
            expires: at("2027-01-31T00:00:00Z"),
        }];
    });
    let explanation = about(&policy, from("DK", None), None);
    assert_snapshot!(serde_json::to_string_pretty(&explanation).unwrap(), @r#"
    {
      "address": "203.0.113.9",
      "location": {
        "kind": "country",
        "country": "DK",
        "subdivision": null,
        "corrected_to": "CN",
        "registered_country": "HK",
        "network": "203.0.113.0/24",
        "database_built": "2026-06-01T00:00:00Z"
      },
      "site": "mail",
      "path_rule": null,
      "organization": "ballerup",
      "user": null,
      "at": "2026-12-04T12:00:00Z",
      "list": {
        "id": "cfcs",
        "version": "2025-05",
        "effective_from": "2025-05-11T22:00:00Z"
      },
      "verdict": "allow",
      "reason": "report_only",
      "would_be": "identification_needed",
      "exemption": null,
      "other_exemptions": [],
      "mode": "report_only",
      "upcoming": {
        "version": "2027-01",
        "effective_from": "2026-12-31T23:00:00Z",
        "verdict": "allow",
        "reason": "report_only",
        "would_be": "country_listed"
      },
      "steps": [
        {
          "step": "client_address",
          "outcome": "203.0.113.9",
          "ends": false
        },
        {
          "step": "deny_networks",
          "outcome": "no deny network holds it",
          "ends": false
        },
        {
          "step": "allow_networks",
          "outcome": "no allow network holds it",
          "ends": false
        },
        {
          "step": "private_networks",
          "outcome": "not a private network",
          "ends": false
        },
        {
          "step": "corrections",
          "outcome": "203.0.113.0/28 is in CN: provider's letter",
          "ends": false
        },
        {
          "step": "location",
          "outcome": "CN",
          "ends": false
        },
        {
          "step": "list",
          "outcome": "CN stands on cfcs 2025-05, in force since 12 May 2025",
          "ends": false
        },
        {
          "step": "travel_exemptions",
          "outcome": "one for this place and site is active now: who is it?",
          "ends": true
        },
        {
          "step": "mode",
          "outcome": "the policy only reports: enforced, this would be identification_needed",
          "ends": true
        },
        {
          "step": "authentication",
          "outcome": "the site does not ask here",
          "ends": true
        }
      ]
    }
    "#);
}

#[test]
fn every_way_out_is_told_as_the_last_step() {
    let everything = |network: &str| NetworkRule {
        network: network.parse().unwrap(),
        reason: "agreed".into(),
        expires: None,
        class: None,
    };
    let policy = policy(|p| {
        p.deny_networks = vec![everything("192.0.2.0/24")];
        p.allow_networks = vec![everything("198.51.100.0/24")];
        p.unknown_location = Scheduled::fixed(Admission::Allow);
    });
    let last = |address, location| {
        let explanation =
            about(&policy, Subject { address, location, person: None, proof: Proof::NONE }, None);
        let ending: Vec<_> = explanation.steps.iter().filter(|s| s.ends).map(|s| s.step).collect();
        (ending, explanation.verdict)
    };
    let unknown = ClientAddress::Unknown(UnknownBecause::Unparsable);
    assert_eq!(last(unknown, Location::AddressUnknown), (vec!["client_address"], "deny"));
    assert_eq!(last(address("192.0.2.1"), place("DK")), (vec!["deny_networks"], "deny"));
    assert_eq!(
        last(address("198.51.100.1"), place("CN")),
        (vec!["allow_networks", "authentication"], "allow")
    );
    assert_eq!(
        last(address("10.0.0.1"), Location::PrivateNetwork),
        (vec!["private_networks"], "deny")
    );
    assert_eq!(
        last(address("203.0.113.9"), Location::NotInDatabase),
        (vec!["location", "authentication"], "allow")
    );
    assert_eq!(last(address("203.0.113.9"), place("CN")), (vec!["travel_exemptions"], "identify"));
    assert_eq!(
        last(address("203.0.113.9"), place("DK")),
        (vec!["list", "authentication"], "allow")
    );
}

#[test]
fn text_never_passes_the_edge_nor_orders_the_terminal_about() {
    let long = format!("\u{1b}[31m{} and {}", "x".repeat(200), "word ".repeat(60));
    let policy = policy(|p| {
        p.deny_networks = vec![NetworkRule {
            network: "203.0.113.0/24".parse().unwrap(),
            reason: long,
            expires: None,
            class: None,
        }];
    });
    let text = about(&policy, from("CN", None), None).to_text(&copenhagen());
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
    assert!(text.contains(&"x".repeat(57)), "{text}");
}

/// What is told of an exemption that anna holds, of a client in China at noon on 4 December.
fn told(change: impl FnOnce(&mut TravelExemption), locked: bool) -> String {
    let mut held = journey();
    change(&mut held);
    let in_effect = if locked { snapshot(vec![]) } else { snapshot(vec![held.clone()]) };
    let anna = person("anna@ballerup");
    let question = Question {
        subject: from("CN", Some(&anna)),
        user_name: None,
        holdings: Holdings { exemptions: &[held], locked },
        at: at(NOW),
        database: DatabaseFacts::default(),
        time_zone: &copenhagen(),
    };
    let explanation = explain(&policy(|_| {}), &in_effect, &question);
    let text = explanation.to_text(&copenhagen());
    let others: Vec<_> = explanation
        .other_exemptions
        .iter()
        .map(|other| format!("{} {}", other.exemption, other.because))
        .collect();
    let found = others.join("; ");
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(&found.replacen(' ', ", which ", 1)), "{found} stands in {text}");
    found
}

#[test]
fn each_exemption_that_does_not_count_is_named_with_why() {
    let state = |state| told(move |held| held.state = state, false);
    assert_eq!(state(ExemptionState::Granted), "", "it lets her in, and nothing else is told");
    assert_eq!(state(ExemptionState::Revoked), "TE-ANNA was revoked");
    assert_eq!(state(ExemptionState::Closed), "TE-ANNA was closed before the journey was over");
    assert_eq!(state(ExemptionState::Applied), "TE-ANNA was applied for and waits for a decision");
    assert_eq!(
        state(ExemptionState::AwaitingApproval),
        "TE-ANNA waits for another person's approval"
    );
    assert_eq!(state(ExemptionState::Refused), "TE-ANNA was refused");
    assert_eq!(state(ExemptionState::Withdrawn), "TE-ANNA was taken back by whoever applied");
    assert_eq!(
        state(ExemptionState::Provisional { until: at("2026-12-04T11:00:00Z") }),
        "TE-ANNA counted until 4 December 2026, 12:00 CET, because nobody else approved it"
    );
    let legs = |codes: &'static str, from: &'static str, until: &'static str| {
        told(move |held| held.legs = vec![leg(codes, from, until)], false)
    };
    assert_eq!(
        legs("CN", "2026-11-01T23:00:00Z", "2026-11-08T23:00:00Z"),
        "TE-ANNA counted until the end of 8 November 2026"
    );
    assert_eq!(
        legs("CN", "2026-12-09T23:00:00Z", "2026-12-12T23:00:00Z"),
        "TE-ANNA counts from 10 December 2026"
    );
    assert_eq!(
        legs("TH", "2026-12-01T23:00:00Z", "2026-12-08T23:00:00Z"),
        "TE-ANNA is for TH alone"
    );
    let elsewhere = told(|held| held.sites = exemption("X", "x@y", &["web"], vec![]).sites, false);
    assert_eq!(elsewhere, "TE-ANNA is for web and not for mail");
    assert_eq!(told(|_| {}, true), "TE-ANNA belongs to a locked account");
}

#[test]
fn where_no_exemption_is_needed_none_is_told() {
    let mut held = journey();
    held.state = ExemptionState::Revoked;
    let anna = person("anna@ballerup");
    let question = Question {
        subject: from("DK", Some(&anna)),
        user_name: None,
        holdings: Holdings { exemptions: &[held], locked: false },
        at: at(NOW),
        database: DatabaseFacts::default(),
        time_zone: &copenhagen(),
    };
    assert!(explain(&policy(|_| {}), &snapshot(vec![]), &question).other_exemptions.is_empty());
}
