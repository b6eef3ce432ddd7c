//! An organisation, a rejection and the other views, with plain values.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::*;
use crate::config::{AllowedTraffic, Contact, Organization, Retention};
use crate::identifier::{OrganizationId, PolicyId};
use crate::language::Language;
use crate::policy::{ExemptionScheme, Mode, Reason};

pub(super) const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn organization() -> Organization {
    Organization {
        id: OrganizationId::parse("ballerup").unwrap(),
        name: "Ballerup Kommune".to_owned(),
        policy: PolicyId::parse("standard").unwrap(),
        time_zone: TimeZone::get("Europe/Copenhagen").unwrap(),
        language: Language::Danish,
        contact: Contact {
            phone: Some("+45 00 00 00 00".to_owned()),
            email: Some("servicedesk@example.dk".to_owned()),
            hours: Some("8-15".to_owned()),
        },
        travel_exemptions: ExemptionScheme {
            enabled: true,
            decision: Some("00.22.04-P35-12-25".to_owned()),
            maximum_days: 30,
            lead_days: 5,
            transit_grace: Duration::ZERO,
            two_approvers: vec![],
        },
        identity_providers: vec![],
    }
}

/// An organisation whose every text is an attack.
pub(super) fn hostile_organization() -> Organization {
    let attack = || Some(ATTACK.to_owned());
    Organization {
        name: ATTACK.to_owned(),
        contact: Contact { phone: Some(format!("{ATTACK}1")), email: attack(), hours: attack() },
        ..organization()
    }
}

pub(super) const ATTACK: &str = "\"'><script>alert(1)</script>&<b onload=x>";

pub(super) fn at() -> Timestamp {
    "2026-11-22T13:05:00Z".parse().unwrap()
}

pub(super) fn rejected(organization: &Organization, reason: Reason) -> Rejection<'_> {
    Rejection {
        reason,
        listed_country: Some(Names { danish: "Thailand", english: "Thailand" }),
        organization,
        language: Language::Danish,
        reference: "K7QX-2M9D",
        at: at(),
        kept: 400 * DAY,
        db_ip: true,
    }
}

pub(super) fn failed(organization: Option<&Organization>, failure: Failure) -> FailureView<'_> {
    FailureView {
        failure,
        organization,
        language: Language::Danish,
        reference: Some("K7QX-2M9D"),
        at: at(),
    }
}

pub(super) const FAILURES: [Failure; 14] = [
    Failure::UnclearRequest,
    Failure::SignInFailed,
    Failure::UnknownSite,
    Failure::PageNotFound,
    Failure::MethodNotAllowed,
    Failure::TooLarge,
    Failure::Misdirected,
    Failure::TooManyRequests { retry_after: 60 },
    Failure::HeaderTooLarge,
    Failure::UpstreamInvalid,
    Failure::UpstreamUnavailable,
    Failure::Overload,
    Failure::AuditUnavailable,
    Failure::UpstreamTimeout,
];

pub(super) fn form(organization: &Organization, language: Language) -> SignIn<'_> {
    SignIn {
        organization,
        language,
        next: "/post?mappe=ind",
        csrf: "t0ken",
        name: "anna.holm",
        problems: &[],
        providers: &[],
        takes_password: true,
    }
}

pub(super) fn visitor(organization: &Organization, language: Language) -> Seen<'_> {
    Seen {
        organization,
        language,
        at: at(),
        site: "kilden.example.dk",
        address: Some("1.46.12.7".parse().unwrap()),
        judged: None,
        origin: AddressOrigin::Peer,
        location: SeenLocation::Country {
            names: Names { danish: "Thailand", english: "Thailand" },
            listed: true,
        },
        verdict: SeenVerdict::Denied,
        reason: Reason::CountryListed,
        mode: Mode::Enforce,
        list_version: Some("2025-05"),
        database_built: Some("2026-06-01T00:00:00Z".parse().unwrap()),
        db_ip: true,
        reference: Some("K7QX-2M9D"),
        signed_in_as: None,
        exemption: None,
    }
}

pub(super) fn stored(organization: &Organization, language: Language) -> Privacy<'_> {
    Privacy {
        organization,
        language,
        retention: Retention { allowed: 30 * DAY, denied: 400 * DAY, people: 400 * DAY },
        allowed: AllowedTraffic::Requests,
        pseudonymise_after: Some(90 * DAY),
        query_strings: false,
        db_ip: true,
    }
}

const fn whole(name: &str) -> ListedEntry<'_> {
    ListedEntry { name, within: None }
}

pub(super) const DANISH: [ListedEntry<'static>; 38] = [
    whole("Afghanistan"),
    whole("Algeriet"),
    whole("Angola"),
    whole("Armenien"),
    whole("Aserbajdsjan"),
    whole("Botswana"),
    whole("Brasilien"),
    whole("DR Congo"),
    whole("Egypten"),
    whole("Georgien"),
    whole("Ghana"),
    whole("Hongkong"),
    whole("Hviderusland"),
    whole("Indien"),
    whole("Indonesien"),
    whole("Irak"),
    whole("Iran"),
    whole("Japan"),
    whole("Kasakhstan"),
    whole("Kina"),
    whole("Kirgisistan"),
    whole("Libyen"),
    whole("Mali"),
    whole("Marokko"),
    whole("Myanmar"),
    whole("Nigeria"),
    whole("Nordkorea"),
    whole("Republikken Congo"),
    whole("Rusland"),
    whole("Tadsjikistan"),
    whole("Thailand"),
    ListedEntry { name: "Tjetjenien", within: Some("Rusland") },
    whole("Ukraine"),
    whole("Usbekistan"),
    whole("Vietnam"),
    whole("Yemen"),
    whole("Zambia"),
    whole("Zimbabwe"),
];

pub(super) fn list<'a>(
    organization: &'a Organization,
    language: Language,
    entries: &'a [ListedEntry<'a>],
) -> Countries<'a> {
    Countries {
        organization,
        language,
        version: "2025-05",
        source: "Ballerup Kommune, Digitaliserings- og Teknologiudvalget 14-08-2025, punkt 3",
        adopted_by: "Ejerkommunerne og IT-Forsyningen",
        adopted_on: "2025-03-27".parse().unwrap(),
        announced_on: "2025-03-27".parse().unwrap(),
        effective_from: "2025-05-11T22:00:00Z".parse().unwrap(),
        mode: Mode::Enforce,
        entries,
        latest_change: None,
        announced: Some(Announced {
            version: "2027-01",
            effective_from: "2027-01-03T23:00:00Z".parse().unwrap(),
            change: Change { added: &["Pakistan", "Niger"], removed: &["Japan"] },
        }),
    }
}
