//! How long a decision takes, with one exemption and with ten thousand; and that it allocates
//! nothing, which is asserted before anything is measured.
//!
//! Goal: below 200 ns, the same for one exemption and for ten thousand.

#![expect(clippy::unwrap_used, reason = "a bench that cannot be set up should end at once")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use criterion::Criterion;
use geovagt::client_address::{ClientAddress, KnownAddress};
use geovagt::identifier::{ListId, OrganizationId, ProviderId, SiteId};
use geovagt::policy::{
    Admission, Authentication, Correction, CountryList, Demands, ExemptionId, ExemptionState,
    Exemptions, Extent, Leg, ListVersion, Location, Mode, NetworkRule, Person, Policy, PolicyParts,
    Proof, Scheduled, Subject, TravelExemption, UserName, decide,
};
use geovagt::territory::{Country, Territory};
use jiff::{SignedDuration, Timestamp};

const LISTED: &str = "AF DZ AO AM AZ BW BR CD EG GE GH HK BY IN ID IR IQ JP KZ CN KG LY ML MA MM NG \
                      KP CG RU TJ TH RU-CE UA UZ VN YE ZM ZW";

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[expect(
    unsafe_code,
    reason = "an allocator that counts is how the absence of allocation is shown"
)]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn now() -> Timestamp {
    "2026-12-04T12:30:00Z".parse().unwrap()
}

fn policy() -> Policy {
    let rule = |network: String| NetworkRule {
        network: network.parse().unwrap(),
        reason: "agreed".into(),
        expires: Some("2027-06-01T00:00:00Z".parse().unwrap()),
        class: None,
    };
    let versions = vec![ListVersion {
        version: "2025-05".into(),
        source: "minutes".into(),
        adopted_by: "the owners".into(),
        adopted_on: "2025-03-27".parse().unwrap(),
        announced_on: "2025-03-27".parse().unwrap(),
        effective_from: "2025-05-11T22:00:00Z".parse().unwrap(),
        early_start: None,
        territories: LISTED.split(' ').map(|code| Territory::parse(code).unwrap()).collect(),
    }];
    let list = CountryList::new(ListId::parse("cfcs").unwrap(), "list".into(), 14, versions);
    Policy::new(PolicyParts {
        organization: OrganizationId::parse("ballerup").unwrap(),
        site: SiteId::parse("mail").unwrap(),
        list: Arc::new(list.unwrap()),
        mode: Scheduled::fixed(Mode::Enforce),
        unknown_location: Scheduled::fixed(Admission::Deny),
        private_networks: Admission::Deny,
        allow_networks: (0..40).map(|n| rule(format!("192.0.{n}.0/{}", 24 + n % 4))).collect(),
        deny_networks: (0..40).map(|n| rule(format!("198.51.{n}.0/{}", 24 + n % 4))).collect(),
        corrections: (0..10)
            .map(|n| Correction {
                network: format!("203.1.{n}.0/24").parse().unwrap(),
                country: Country::parse("DK").unwrap(),
                reason: "provider's letter".into(),
                expires: "2027-06-01T00:00:00Z".parse().unwrap(),
            })
            .collect(),
        authentication: Authentication::WhenBlocked,
        exemptions_enabled: true,
        sign_in: false,
        extent: Extent::Site,
    })
}

fn person(subject: &str) -> Person {
    let organization = OrganizationId::parse("ballerup").unwrap();
    Person::new(organization, ProviderId::parse("local").unwrap(), subject)
}

/// One hour each, every other hour, all for China: none of them merge. Anna's is active now.
fn exemptions(count: i64) -> Exemptions {
    let first = now().checked_sub(SignedDuration::from_hours(count)).unwrap();
    let one = |number: i64| {
        let anna = number == count / 2;
        let subject = if anna { "anna".to_owned() } else { format!("traveller-{number}") };
        let from = if anna { now() } else { first + SignedDuration::from_hours(number * 2) };
        TravelExemption {
            id: ExemptionId::new(&format!("TE-{number:06}")),
            user_name: UserName::parse(&subject).unwrap(),
            person: person(&subject),
            organization: OrganizationId::parse("ballerup").unwrap(),
            sites: vec![SiteId::parse("mail").unwrap()],
            legs: vec![Leg {
                territories: vec![Territory::parse("CN").unwrap()],
                from,
                until: from + SignedDuration::from_hours(1),
            }],
            purpose: "visit".into(),
            case_number: "26/1".into(),
            demands: Demands::NONE,
            state: ExemptionState::Granted,
        }
    };
    Exemptions::new((0..count).map(one), |_| std::time::Duration::ZERO)
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let policy = policy();
    let anna = person("anna");
    let known = KnownAddress::new("203.0.113.9".parse().unwrap()).unwrap();
    let address = ClientAddress::Known(known);
    let at = |code: &str| Location::from(Country::parse(code).unwrap());
    let cases = [
        ("allowed", "DK", None, "country_not_listed"),
        ("listed", "RU", None, "country_listed"),
        ("door", "CN", None, "identification_needed"),
        ("exempt", "CN", Some(&anna), "travel_exemption"),
    ];
    for count in [1, 10_000] {
        let exemptions = exemptions(count);
        assert_eq!(exemptions.len(), usize::try_from(count).unwrap());
        for (name, code, person, reason) in cases {
            let subject = Subject { address, location: at(code), person, proof: Proof::NONE };
            let now = now();
            let verdict = decide(&policy, &subject, &exemptions, now);
            assert_eq!(verdict.reason().code(), reason, "{name}");
            let before = ALLOCATIONS.load(Ordering::Relaxed);
            for _ in 0..1000 {
                black_box(decide(&policy, black_box(&subject), &exemptions, black_box(now)));
            }
            let allocated = ALLOCATIONS.load(Ordering::Relaxed) - before;
            assert_eq!(allocated, 0, "a decision allocates nothing: {name}");
            criterion.bench_function(&format!("decide/{name}/{count}_exemptions"), |bencher| {
                bencher.iter(|| decide(&policy, black_box(&subject), &exemptions, black_box(now)));
            });
        }
    }
    criterion.final_summary();
}
