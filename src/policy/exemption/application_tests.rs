use super::*;
use crate::identifier::SiteId;
use crate::policy::fixture::{at, exemption, leg, list, organization, person, site};
use crate::policy::{Authentication, ExemptionScheme, GrantSite, UserName};

/// A Sunday.
const NOW: &str = "2026-11-22T12:00:00Z";

fn with_grounds<T>(act: impl FnOnce(GrantGrounds<'_>) -> T) -> T {
    let scheme = ExemptionScheme {
        enabled: true,
        decision: Some("d".into()),
        maximum_days: 30,
        lead_days: 5,
        transit_grace: std::time::Duration::ZERO,
        two_approvers: vec![],
        emergency: None,
    };
    let list = list(&[("1", "2025-05-12T00:00:00Z", "CN RU")]);
    let ballerup = organization("ballerup");
    let known = |name: &SiteId| {
        let authentication = Authentication::WhenBlocked;
        (name.as_str() == "mail").then_some(GrantSite {
            organization: &ballerup,
            authentication,
            list: &list,
        })
    };
    let time_zone = &TimeZone::get("Europe/Copenhagen").unwrap();
    act(GrantGrounds { scheme: &scheme, time_zone, site: &known, assigned: &|_| true })
}

fn request(leg_text: &str) -> ApplicationRequest {
    let zone = TimeZone::get("Europe/Copenhagen").unwrap();
    ApplicationRequest {
        grant: GrantRequest {
            demands: None,
            organization: organization("ballerup"),
            person: person("anna@ballerup"),
            user_name: UserName::parse("anna").unwrap(),
            sites: vec![site("mail")],
            legs: vec![super::super::Leg::parse(leg_text, &zone).unwrap()],
            purpose: "Venskabsby".into(),
            case_number: String::new(),
        },
        application: Application {
            devices: vec![" iPad ".into()],
            telephone: "+45 20 00 00 00".into(),
            mail: "anna@example.net".into(),
            extends: None,
        },
    }
}

fn problems(request: &ApplicationRequest) -> Vec<Problem> {
    with_grounds(|grounds| validate_application(request, grounds, at(NOW)).unwrap_err())
}

fn is_good(request: &ApplicationRequest) -> bool {
    with_grounds(|grounds| validate_application(request, grounds, at(NOW)).is_ok())
}

#[test]
fn a_good_application_waits_with_its_texts_trimmed() {
    let asked = request("CN 2026-12-01..2026-12-08");
    let valid = with_grounds(|grounds| validate_application(&asked, grounds, at(NOW)).unwrap());
    let (exemption, application) = valid.into_exemption(ExemptionId::new("TE-1"));
    assert_eq!(exemption.state, ExemptionState::Applied);
    assert_eq!(application.devices, ["iPad"]);
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let mut bad = request("CN 2026-11-24..2027-02-01");
    bad.grant.purpose = " ".into();
    bad.grant.case_number = "26/\u{7}".into();
    bad.grant.sites = vec![];
    bad.application = Application {
        devices: vec![String::new(), "a\nb".into()],
        telephone: "call me".into(),
        mail: "anna".into(),
        extends: None,
    };
    let found = problems(&bad);
    let expected = [
        Problem::TooLong { maximum: 30, organization: organization("ballerup") },
        Problem::NoSite,
        Problem::Empty(Text::Purpose),
        Problem::ControlCharacter(Text::CaseNumber),
        Problem::Empty(Text::Device),
        Problem::ControlCharacter(Text::Device),
        Problem::NoTelephone("call me".into()),
        Problem::NoMail("anna".into()),
        Problem::TooSoon {
            organization: organization("ballerup"),
            lead_days: 5,
            begins: "2026-11-24".parse().unwrap(),
            earliest: "2026-11-28".parse().unwrap(),
        },
    ];
    assert_eq!(found, expected);
    let none = Application::default();
    let nothing = ApplicationRequest { application: none, ..request("CN 2026-12-01..2026-12-08") };
    assert!(problems(&nothing).contains(&Problem::NoDevice));
    let mut many = request("CN 2026-12-01..2026-12-08");
    many.application.devices = vec!["iPad".into(); 21];
    assert_eq!(problems(&many), [Problem::TooManyDevices(21)]);
}

#[test]
fn an_application_comes_so_many_working_days_ahead() {
    // Monday to Friday are five, so Saturday is the first day.
    assert!(is_good(&request("CN 2026-11-28..2026-11-29")));
    for day in ["2026-11-27", "2026-11-22", "2026-11-20"] {
        let found = problems(&request(&format!("CN {day}..2026-11-29")));
        assert!(matches!(found.as_slice(), [Problem::TooSoon { .. }]), "{day}: {found:?}");
    }
    // What is over is said to be over, and not also to be too soon.
    let over = problems(&request("CN 2026-11-01..2026-11-02"));
    assert_eq!(over, [Problem::EndInThePast]);
}

#[test]
fn an_address_is_one_that_can_stand_in_the_head_of_a_mail() {
    let takes = |mail: &str| {
        let mut asked = request("CN 2026-12-01..2026-12-08");
        asked.application.mail = mail.into();
        is_good(&asked)
    };
    for mail in ["anna@example.net", "a.b+c@mail.example.co", "søren@rød-grød.dk"] {
        assert!(takes(mail), "{mail}");
    }
    for mail in [
        "",
        "anna",
        "@example.net",
        "anna@",
        "anna@localhost",
        "a b@example.net",
        "anna@example.net, bo@example.net",
        "Anna <anna@example.net>",
        "anna@exa\nmple.net",
        "anna\r\nBcc:x@example.net",
        "anna@example..net",
        "anna@-example.net",
        "a@b@example.net",
        "anna\u{202e}@example.net",
    ] {
        assert!(!takes(mail), "{mail:?}");
    }
    assert!(!takes(&format!("{}@example.net", "a".repeat(250))));
}

#[test]
fn a_telephone_number_can_be_dialled() {
    let takes = |telephone: &str| {
        let mut asked = request("CN 2026-12-01..2026-12-08");
        asked.application.telephone = telephone.into();
        is_good(&asked)
    };
    for number in ["+45 20 00 00 00", "20000000", "+1 (202) 555-0123", "0045 20.00.00.00"] {
        assert!(takes(number), "{number}");
    }
    for number in [
        "",
        "112",
        "+",
        "++4520000000",
        "45+20000000",
        "+45 20 00 00 00 ext 7",
        "+4520000000\n",
        "1234567890123456",
    ] {
        assert_eq!(takes(number), number == "+4520000000\n", "{number:?}");
    }
}

#[test]
fn an_extension_goes_on_from_what_counts_and_stays_within_the_longest_journey() {
    let first = leg("CN", "2026-11-20T23:00:00Z", "2026-11-30T23:00:00Z");
    let granted = exemption("TE-1", "anna@ballerup", &["mail"], vec![first]);
    let began = granted.journey().unwrap().0;
    let extend = |extended: &TravelExemption, until: &str| {
        let mut asked = request("CN 2026-12-01..2026-12-01");
        asked.grant.legs = vec![leg("CN", "2026-11-30T23:00:00Z", until)];
        asked.application.extends = Some(extended.id.clone());
        with_grounds(|g| validate_extension(&asked, extended, began, g, at(NOW)).err())
    };
    // The lead time is not asked for again, and thirty days count from the first start.
    assert_eq!(extend(&granted, "2026-12-20T23:00:00Z"), None);
    assert_eq!(
        extend(&granted, "2026-12-20T23:00:01Z"),
        Some(vec![Problem::TooLong { maximum: 30, organization: organization("ballerup") }])
    );
    assert_eq!(
        extend(&granted, "2026-11-30T23:00:00Z"),
        Some(vec![
            Problem::EndNotAfterStart { leg: 1 },
            Problem::NotLater(at("2026-11-30T23:00:00Z").to_zoned(jiff::tz::TimeZone::UTC))
        ])
    );
    let until = at("2026-11-30T00:00:00Z");
    for state in [
        ExemptionState::Applied,
        ExemptionState::AwaitingApproval,
        ExemptionState::Provisional { until },
        ExemptionState::Refused,
        ExemptionState::Withdrawn,
        ExemptionState::Revoked,
        ExemptionState::Closed,
    ] {
        let other = TravelExemption { state, ..granted.clone() };
        let found = extend(&other, "2026-12-05T23:00:00Z").unwrap_or_default();
        assert!(matches!(found.as_slice(), [Problem::NothingToExtend { .. }]), "{state:?}");
    }
}
