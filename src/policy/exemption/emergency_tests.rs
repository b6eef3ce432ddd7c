use super::*;
use crate::policy::exemption::Phase;
use crate::policy::fixture::{at, list, organization, person, site, territories};
use crate::policy::{Authentication, EmergencyScheme, ExemptionScheme, GrantSite};

/// A Friday, 13 o'clock in Denmark.
const NOW: &str = "2026-11-20T12:00:00Z";

fn local(at: Timestamp) -> Zoned {
    at.to_zoned(TimeZone::get("Europe/Copenhagen").unwrap())
}

fn rejection() -> EmergencyRejection {
    EmergencyRejection {
        reference: "K7QX-2M9D".into(),
        at: at("2026-11-20T11:59:00Z"),
        organization: Some(organization("ballerup")),
        site: Some(site("mail")),
        territory: Territory::parse("TH").ok(),
        reason: Some(Reason::CountryListed),
        count: 1,
        names_client: true,
    }
}

fn call() -> EmergencyCall {
    EmergencyCall {
        person: person("anna@ballerup"),
        user_name: UserName::parse("anna").unwrap(),
        caller_verified: " called back ".into(),
        purpose: "Nødadgang".into(),
        case_number: String::new(),
        by: Actor { name: "Bente".into(), operating_system_user: Some("belu".into()) },
    }
}

fn scheme() -> ExemptionScheme {
    ExemptionScheme {
        enabled: true,
        decision: Some("d".into()),
        maximum_days: 30,
        lead_days: 5,
        transit_grace: std::time::Duration::ZERO,
        two_approvers: territories("RU"),
        emergency: Some(EmergencyScheme {
            maximum: Duration::from_secs(48 * 3600),
            sites: vec![site("mail")],
        }),
    }
}

fn ask(
    rejection: &EmergencyRejection,
    call: &EmergencyCall,
    scheme: &ExemptionScheme,
) -> Result<ValidEmergency, Vec<EmergencyRefused>> {
    let list = list(&[("1", "2025-05-12T00:00:00Z", "TH RU RU-CE")]);
    let ballerup = organization("ballerup");
    let known = |name: &SiteId| {
        let authentication = Authentication::WhenBlocked;
        let organization = &ballerup;
        ["mail", "kilden"].contains(&name.as_str()).then_some(GrantSite {
            organization,
            authentication,
            list: &list,
        })
    };
    let time_zone = &TimeZone::get("Europe/Copenhagen").unwrap();
    let grounds = GrantGrounds { scheme, time_zone, site: &known, assigned: &|_| true };
    emergency(rejection, call, grounds, at(NOW))
}

fn granted(rejection: &EmergencyRejection, scheme: &ExemptionScheme) -> TravelExemption {
    ask(rejection, &call(), scheme).unwrap().into_exemption(ExemptionId::new("TE-1")).0
}

fn refused(rejection: &EmergencyRejection) -> Vec<EmergencyRefused> {
    ask(rejection, &call(), &scheme()).unwrap_err()
}

#[test]
fn it_opens_exactly_what_was_rejected_for_a_short_while() {
    let one = granted(&rejection(), &scheme());
    assert_eq!(
        (one.person.clone(), one.sites.clone()),
        (person("anna@ballerup"), vec![site("mail")])
    );
    assert_eq!(one.legs.len(), 1);
    assert_eq!(one.legs[0].territories, territories("TH"));
    assert_eq!(one.journey(), Some((at(NOW), at("2026-11-22T12:00:00Z"))));
    // Without a second person until the end of Monday; the 48 hours are over before.
    assert_eq!(one.state, ExemptionState::Provisional { until: at("2026-11-23T23:00:00Z") });
    let kept = ask(&rejection(), &call(), &scheme()).unwrap();
    let kept = kept.into_exemption(ExemptionId::new("TE-1")).1;
    assert_eq!(kept.caller_verified, "called back");
    // Also where the organisation wants two people: it cannot wait, and it does not last.
    let russia = EmergencyRejection { territory: Territory::parse("RU").ok(), ..rejection() };
    assert_eq!(granted(&russia, &scheme()).phase(at(NOW)), Phase::Active);
}

#[test]
fn it_never_lasts_longer_than_three_days_whatever_is_written() {
    let mut generous = scheme();
    generous.emergency = Some(EmergencyScheme {
        maximum: Duration::from_secs(1000 * 3600),
        sites: vec![site("mail")],
    });
    let one = granted(&rejection(), &generous);
    assert_eq!(one.journey().unwrap().1, at("2026-11-23T12:00:00Z"));
    assert_eq!(one.counts_until(), Some(at("2026-11-23T12:00:00Z")));
}

#[test]
fn a_part_of_a_country_is_opened_alone_where_the_list_names_it() {
    let from =
        |code: &str| EmergencyRejection { territory: Territory::parse(code).ok(), ..rejection() };
    assert_eq!(granted(&from("RU-CE"), &scheme()).legs[0].territories, territories("RU-CE"));
    assert_eq!(granted(&from("RU-MOW"), &scheme()).legs[0].territories, territories("RU"));
}

#[test]
fn what_does_not_show_a_caller_in_front_of_the_wall_is_refused() {
    let reference = || "K7QX-2M9D".to_owned();
    let cases = [
        (
            EmergencyRejection { count: 2, ..rejection() },
            EmergencyRefused::Folded { reference: reference(), count: 2 },
        ),
        (
            EmergencyRejection { names_client: false, ..rejection() },
            EmergencyRefused::Folded { reference: reference(), count: 1 },
        ),
        (
            EmergencyRejection { reason: Some(Reason::UnknownLocation), ..rejection() },
            EmergencyRefused::NotTheCountry { reference: reference(), reason: "unknown_location" },
        ),
        (
            EmergencyRejection { reason: Some(Reason::NotAuthorized), ..rejection() },
            EmergencyRefused::NotTheCountry { reference: reference(), reason: "not_authorized" },
        ),
        (
            EmergencyRejection { at: at("2026-11-19T11:59:59Z"), ..rejection() },
            EmergencyRefused::TooOld {
                reference: reference(),
                at: local(at("2026-11-19T11:59:59Z")),
            },
        ),
        (
            EmergencyRejection { at: at("2026-11-20T12:01:01Z"), ..rejection() },
            EmergencyRefused::FromTheFuture {
                reference: reference(),
                at: local(at("2026-11-20T12:01:01Z")),
            },
        ),
        (
            EmergencyRejection { organization: Some(organization("herlev")), ..rejection() },
            EmergencyRefused::OtherOrganization {
                reference: reference(),
                wanted: organization("ballerup"),
                actual: "herlev".into(),
            },
        ),
        (
            EmergencyRejection { site: Some(site("kilden")), ..rejection() },
            EmergencyRefused::OtherSite {
                organization: organization("ballerup"),
                site: site("kilden"),
                known: "mail".into(),
            },
        ),
    ];
    for (asked, why) in cases {
        assert_eq!(refused(&asked), [why], "{asked:?}");
    }
    // A place that nobody is rejected from, and entries with holes: nothing is ever let through.
    for holey in [
        EmergencyRejection { territory: Territory::parse("DK").ok(), ..rejection() },
        EmergencyRejection { territory: None, ..rejection() },
        EmergencyRejection { site: None, ..rejection() },
        EmergencyRejection { reason: None, ..rejection() },
        EmergencyRejection { organization: None, ..rejection() },
    ] {
        assert!(!refused(&holey).is_empty(), "{holey:?}");
    }
}

#[test]
fn nobody_grants_it_to_themselves_or_without_a_word_of_how_they_knew() {
    for (name, user) in [("Anna", "belu"), ("Bente", "anna")] {
        let by = Actor { name: name.into(), operating_system_user: Some(user.into()) };
        let own = EmergencyCall { by, ..call() };
        assert_eq!(ask(&rejection(), &own, &scheme()), Err(vec![EmergencyRefused::Own]));
    }
    let silent = EmergencyCall { caller_verified: " ".into(), ..call() };
    let missing = EmergencyRefused::Problem(Problem::Empty(Text::Verification));
    assert_eq!(ask(&rejection(), &silent, &scheme()), Err(vec![missing]));
}

#[test]
fn where_the_organization_has_not_switched_it_on_there_is_none() {
    let none = ExemptionScheme { emergency: None, ..scheme() };
    let off = EmergencyRefused::Off(organization("ballerup"));
    assert_eq!(ask(&rejection(), &call(), &none), Err(vec![off]));
    let disabled = ExemptionScheme { enabled: false, ..scheme() };
    let off = EmergencyRefused::Problem(Problem::SchemeOff(organization("ballerup")));
    assert_eq!(ask(&rejection(), &call(), &disabled), Err(vec![off]));
}
