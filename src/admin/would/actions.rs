//! The question and its answer; pages and API both call it.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::{Date, Time};

use crate::admin::access::{self, Looked};
use crate::admin::fault::{Fault, Faults};
use crate::admin::{Admin, Fields, Refusal, Visitor};
use crate::clock;
use crate::config::Role;
use crate::identifier::SiteId;
use crate::journey::known::{is_locked, known};
use crate::language::Language;
use crate::policy::{Explanation, Holdings, Hypothetical, Person, TravelExemption, UserName};

/// Those who may ask.
pub(in crate::admin) const ASKERS: &[Role] =
    &[Role::Operator, Role::CaseOfficer, Role::Approver, Role::Security];
/// Those of them who may name a person.
pub(super) const WITH_PEOPLE: &[Role] = &[Role::CaseOfficer, Role::Approver, Role::Security];

/// Those of them who may read where somebody travels besides: the journeys' own readers.
const WITH_JOURNEYS: &[Role] = &[Role::CaseOfficer, Role::Approver];

const LONGEST_PATH: usize = 2000;

/// What somebody typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) address: String,
    pub(super) site: String,
    pub(super) path: String,
    pub(super) person: String,
    pub(super) day: String,
    pub(super) time: String,
}

/// What is asked.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    address: IpAddr,
    site: SiteId,
    path: String,
    person: Option<UserName>,
    at: Timestamp,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    Refusal(Refusal),
    Faults(Faults),
}

impl From<Refusal> for NoAnswer {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl Typed {
    pub(super) fn of(fields: &Fields) -> Self {
        let text = |name| fields.text(name).to_owned();
        Self {
            address: text("address"),
            site: text("site"),
            path: text("path"),
            person: text("person"),
            day: text("day"),
            time: text("time"),
        }
    }

    /// Whether anything is asked at all.
    pub(super) fn is_empty(&self) -> bool {
        self.address.is_empty() && self.site.is_empty() && self.person.is_empty()
    }

    pub(super) fn check(
        &self,
        visitor: &Visitor,
        sites: &[SiteId],
        now: Timestamp,
    ) -> Result<Asked, Faults> {
        let language = visitor.language;
        let say = |danish: &str, english: &str| match language {
            Language::Danish => danish.to_owned(),
            Language::English => english.to_owned(),
        };
        let mut faults = Vec::new();
        let address = self.address.parse::<IpAddr>();
        if address.is_err() {
            faults.push(Fault::new(
                "address",
                say(
                    "Skriv en adresse som 203.0.113.9 eller 2001:db8::1.",
                    "Write an address such as 203.0.113.9 or 2001:db8::1.",
                ),
            ));
        }
        let site = sites.iter().find(|site| site.as_str() == self.site);
        if site.is_none() {
            faults.push(Fault::new("site", say("Vælg et system.", "Choose a system.")));
        }
        let path = if self.path.is_empty() { "/" } else { &self.path };
        if !path.starts_with('/') || path.len() > LONGEST_PATH {
            faults.push(Fault::new("path", say("En sti begynder med /.", "A path begins with /.")));
        }
        let person = match self.person.as_str() {
            "" => Ok(None),
            name => UserName::parse(name).map(Some),
        };
        if person.is_err() {
            faults.push(Fault::new(
                "person",
                say("Det er ikke et brugernavn.", "That is no user name."),
            ));
        }
        let at = self.instant(visitor, now);
        if at.is_none() {
            faults.push(Fault::new(
                "day",
                say(
                    "Skriv en dag som 2026-12-01 og et klokkeslæt som 08:30, eller lad begge stå tomme.",
                    "Write a day such as 2026-12-01 and a time such as 08:30, or leave both empty.",
                ),
            ));
        }
        match (address, site, person, at, faults.is_empty()) {
            (Ok(address), Some(site), Ok(person), Some(at), true) => {
                let (site, path) = (site.clone(), path.to_owned());
                Ok(Asked { address, site, path, person, at })
            }
            _ => Err(Faults(faults)),
        }
    }

    /// Now, where neither day nor time is given; a day begins at midnight.
    fn instant(&self, visitor: &Visitor, now: Timestamp) -> Option<Timestamp> {
        let zone = &visitor.organization.time_zone;
        if self.day.is_empty() && self.time.is_empty() {
            return Some(now);
        }
        let day: Date = match self.day.as_str() {
            "" => now.to_zoned(zone.clone()).date(),
            text => text.parse().ok()?,
        };
        let time: Time = match self.time.as_str() {
            "" => Time::midnight(),
            text => text.parse().ok()?,
        };
        Some(zone.to_ambiguous_zoned(day.to_datetime(time)).compatible().ok()?.timestamp())
    }
}

/// The sites of the visitor's organisation.
pub(super) fn sites(admin: &Admin, visitor: &Visitor) -> Vec<SiteId> {
    let loaded = admin.loaded();
    let own =
        loaded.config.sites.values().filter(|site| site.organization == visitor.organization.id);
    own.map(|site| site.id.clone()).collect()
}

/// Decides about it as if it had been asked.
pub(super) async fn answer(
    admin: &Admin,
    visitor: &Visitor,
    typed: &Typed,
) -> Result<Explanation, NoAnswer> {
    let asked =
        typed.check(visitor, &sites(admin, visitor), clock::now()).map_err(NoAnswer::Faults)?;
    let person = match &asked.person {
        None => None,
        Some(name) => Some((name, person(admin, visitor, name).await?)),
    };
    let reads_journeys = visitor.has_any(WITH_JOURNEYS);
    let (held, locked) = match &person {
        Some((_, person)) if reads_journeys => holdings(admin, person).await?,
        Some(_) | None => (Vec::new(), false),
    };
    let hypothetical = Hypothetical {
        address: asked.address,
        path: &asked.path,
        person: person.as_ref().map(|(name, person)| (*name, person)),
        holdings: Holdings { exemptions: &held, locked },
        at: asked.at,
    };
    let explained = admin.in_effect().explain(&asked.site, &hypothetical, visitor.language);
    let ambiguous = |_| {
        NoAnswer::Faults(Faults(vec![Fault::new(
            "path",
            match visitor.language {
                Language::Danish => "Stien kan læses på flere måder, så den besvares med 400.",
                Language::English => {
                    "The path can be read in more than one way, so it is answered with 400."
                }
            },
        )]))
    };
    let explanation = explained.ok_or(Refusal::NotFound)?.map_err(ambiguous)?;
    Ok(if reads_journeys { explanation } else { explanation.without_journeys(visitor.language) })
}

/// What the person holds in whatever state, and whether the account is locked.
async fn holdings(admin: &Admin, person: &Person) -> Result<(Vec<TravelExemption>, bool), Refusal> {
    let accounts = admin.store().accounts().await?;
    let records = admin.store().exemptions_of(person).await?;
    let held = records.into_iter().map(|record| record.exemption).collect();
    Ok((held, is_locked(&accounts, person)))
}

/// Who is meant. Asking is a look: whoever learns whether somebody holds an exemption has looked at
/// their travel, also where the answer is that nobody of that name is known.
async fn person(admin: &Admin, visitor: &Visitor, name: &UserName) -> Result<Person, NoAnswer> {
    if !visitor.has_any(WITH_PEOPLE) {
        return Err(Refusal::NotPermitted.into());
    }
    access::look(admin, visitor, Looked::Travel, |event| event.target(name.as_str())).await?;
    let loaded = admin.loaded();
    let organization = visitor.organization_id();
    let accounts = admin.store().accounts().await.map_err(Refusal::from)?;
    let people = admin.store().known_people(organization).await.map_err(Refusal::from)?;
    known(&loaded.config, (&accounts, &people), organization, name).ok_or_else(|| {
        NoAnswer::Faults(Faults(vec![Fault::new(
            "person",
            match visitor.language {
                Language::Danish => "Ingen med det brugernavn har været her. Prøv uden person.",
                Language::English => {
                    "Nobody of that user name has been here. Try without a person."
                }
            },
        )]))
    })
}
