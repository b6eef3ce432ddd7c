use super::*;
use crate::policy::exemption::ExemptionState;
use crate::policy::fixture::{at, leg, list, organization, person, site};
use crate::policy::{ExemptionId, UserName};

const NOW: &str = "2026-11-22T12:00:00Z";

fn scheme() -> ExemptionScheme {
    ExemptionScheme {
        enabled: true,
        decision: Some("00.22.04-P35-12-25".into()),
        maximum_days: 30,
        lead_days: 5,
        transit_grace: std::time::Duration::ZERO,
        two_approvers: vec![],
        emergency: None,
    }
}

fn request(legs: Vec<Leg>) -> GrantRequest {
    GrantRequest {
        demands: None,
        organization: organization("ballerup"),
        person: person("anna@ballerup"),
        user_name: UserName::parse("anna").unwrap(),
        sites: vec![site("mail")],
        legs,
        purpose: "visit to a friendship town".into(),
        case_number: "26/1234".into(),
    }
}

fn week() -> Leg {
    leg("CN", "2026-11-30T23:00:00Z", "2026-12-08T23:00:00Z")
}

fn check(request: &GrantRequest, scheme: &ExemptionScheme) -> Result<ValidGrant, Vec<Problem>> {
    let (ballerup, herlev) = (organization("ballerup"), organization("herlev"));
    let list =
        list(&[("1", "2025-05-12T00:00:00Z", "CN RU"), ("2", "2027-01-01T00:00:00Z", "CN RU TH")]);
    let known = |name: &SiteId| {
        let (organization, authentication) = match name.as_str() {
            "mail" | "intranet" => (&ballerup, Authentication::WhenBlocked),
            "web" => (&ballerup, Authentication::Never),
            "theirs" => (&herlev, Authentication::WhenBlocked),
            _ => return None,
        };
        Some(GrantSite { organization, authentication, list: &list })
    };
    let grounds = GrantGrounds {
        scheme,
        time_zone: &TimeZone::get("Europe/Copenhagen").unwrap(),
        site: &known,
        assigned: &|territory| territory.country().as_str() != "XX",
    };
    validate(request, grounds, at(NOW))
}

fn problems(request: &GrantRequest) -> Vec<Problem> {
    check(request, &scheme()).unwrap_err()
}

#[test]
fn a_good_request_is_granted_as_asked() {
    let mut asked = request(vec![week()]);
    asked.purpose = "  visit \n".trim_end().into();
    asked.sites = vec![site("mail"), site("intranet"), site("mail")];
    let valid = check(&asked, &scheme()).unwrap();
    assert!(!valid.needs_second_approval() && valid.cautions().is_empty());
    let granted = valid.into_exemption(ExemptionId::new("TE-1"));
    assert_eq!(granted.state, ExemptionState::Granted);
    assert_eq!(granted.purpose, "visit");
    assert_eq!(granted.sites, [site("intranet"), site("mail")]);
    assert_eq!(granted.legs, [week()]);
}

#[test]
fn everything_that_is_wrong_is_found_at_once() {
    let bad = GrantRequest {
        demands: None,
        organization: organization("ballerup"),
        person: person("anna@herlev"),
        sites: vec![site("theirs"), site("nowhere")],
        legs: vec![
            leg("", "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"),
            leg("XX", "2026-11-02T00:00:00Z", "2026-11-02T00:00:00Z"),
        ],
        purpose: " ".into(),
        case_number: "26/\u{1b}[2J".into(),
        ..request(vec![])
    };
    let off = ExemptionScheme { enabled: false, ..scheme() };
    assert_eq!(
        check(&bad, &off).unwrap_err(),
        [
            Problem::SchemeOff(organization("ballerup")),
            Problem::PersonOfAnotherOrganization {
                wanted: organization("ballerup"),
                actual: organization("herlev"),
            },
            Problem::NoTerritory { leg: 1 },
            Problem::Unassigned { leg: 2, territory: Territory::parse("XX").unwrap() },
            Problem::EndNotAfterStart { leg: 2 },
            Problem::EndInThePast,
            Problem::UnknownSite(site("nowhere")),
            Problem::SiteOfAnotherOrganization(site("theirs")),
            Problem::Empty(Text::Purpose),
            Problem::ControlCharacter(Text::CaseNumber),
        ]
    );
    let nothing = GrantRequest { sites: vec![], ..request(vec![]) };
    assert_eq!(problems(&nothing), [Problem::NoLeg, Problem::NoSite]);
}

#[test]
fn a_start_in_the_past_is_fine_and_an_end_is_not() {
    let begun = leg("CN", "2026-11-20T00:00:00Z", "2026-11-22T12:00:00.001Z");
    assert!(check(&request(vec![begun]), &scheme()).is_ok());
    let over = leg("CN", "2026-11-20T00:00:00Z", NOW);
    assert_eq!(problems(&request(vec![over])), [Problem::EndInThePast]);
}

#[test]
fn the_longest_journey_is_counted_in_days_of_the_calendar() {
    let zone = TimeZone::get("Europe/Copenhagen").unwrap();
    let too_long = [Problem::TooLong { maximum: 30, organization: organization("ballerup") }];
    // Thirty days, over the change to summer time and over the one back.
    for text in ["CN 2027-03-10..2027-04-08", "CN 2027-10-10..2027-11-08"] {
        assert!(check(&request(vec![Leg::parse(text, &zone).unwrap()]), &scheme()).is_ok());
    }
    for text in ["CN 2027-03-10..2027-04-09", "CN 2027-10-10..2027-11-09"] {
        assert_eq!(problems(&request(vec![Leg::parse(text, &zone).unwrap()])), too_long);
    }
    // Short legs far apart are a long journey.
    let apart = ["CN 2027-01-01..2027-01-02", "CN 2027-03-01..2027-03-02"];
    let legs = apart.map(|text| Leg::parse(text, &zone).unwrap()).to_vec();
    assert_eq!(problems(&request(legs)), too_long);
}

#[test]
fn texts_have_an_end_and_show_what_they_hold() {
    let long = GrantRequest { purpose: "x".repeat(501), ..request(vec![week()]) };
    assert_eq!(
        problems(&long),
        [Problem::TextTooLong { text: Text::Purpose, length: 501, maximum: 500 }]
    );
    for hidden in ["a\nb", "a\u{202e}b", "a\u{2028}b", "a\u{0}b", "a\u{9b}b"] {
        let request = GrantRequest { case_number: hidden.into(), ..request(vec![week()]) };
        assert_eq!(problems(&request), [Problem::ControlCharacter(Text::CaseNumber)], "{hidden:?}");
    }
    let danish = GrantRequest { purpose: "Møde på Færøerne".into(), ..request(vec![week()]) };
    assert!(check(&danish, &scheme()).is_ok());
}

#[test]
fn masses_are_refused() {
    let many = vec![week(); 51];
    assert_eq!(problems(&request(many)), [Problem::TooManyLegs(51)]);
    let wide = Leg { territories: vec![Territory::parse("CN").unwrap(); 101], ..week() };
    assert_eq!(
        problems(&request(vec![wide])),
        [Problem::TooManyTerritories { leg: 1, count: 101 }]
    );
}

#[test]
fn a_second_person_is_needed_for_the_whole_and_for_the_part() {
    let needs = |named: &str, codes: &str| {
        let two_approvers = crate::policy::fixture::territories(named);
        let scheme = ExemptionScheme { two_approvers, ..scheme() };
        let leg = leg(codes, "2026-11-30T23:00:00Z", "2026-12-08T23:00:00Z");
        let valid = check(&request(vec![week_at_home(), leg]), &scheme).unwrap();
        let needed = valid.needs_second_approval();
        let state = valid.into_exemption(ExemptionId::new("TE-1")).state;
        assert_eq!(state == ExemptionState::AwaitingApproval, needed);
        needed
    };
    assert!(needs("RU", "RU") && needs("RU", "RU-CE") && needs("RU-CE", "RU"));
    assert!(needs("RU-CE", "RU-CE") && needs("CN RU", "TH RU"));
    assert!(!needs("RU-CE", "RU-MOW") && !needs("RU", "CN") && !needs("", "RU"));
}

fn week_at_home() -> Leg {
    leg("DK", "2026-11-30T23:00:00Z", "2026-12-08T23:00:00Z")
}

#[test]
fn what_would_change_nothing_is_said_but_not_forbidden() {
    let journey = leg("CN RU-CE TH KR", "2026-12-01T00:00:00Z", "2026-12-08T00:00:00Z");
    let asked = GrantRequest { sites: vec![site("web")], ..request(vec![journey]) };
    let valid = check(&asked, &scheme()).unwrap();
    assert_eq!(
        valid.cautions(),
        [
            Caution::NeverAsks(site("web")),
            Caution::NotListed { territory: Territory::parse("KR").unwrap(), site: site("web") },
        ]
    );
}
