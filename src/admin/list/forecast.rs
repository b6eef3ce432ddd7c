//! Who, among those that were seen, is rejected when the announced version starts.
//!
//! Each is decided about by the function that serves, at the instant at which the version starts and
//! with the exemptions that are granted by now.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::actions::Standing;
use crate::admin::access::{self, Looked};
use crate::admin::turn::{Turn, turn};
use crate::admin::{Admin, Refusal, Visitor};
use crate::audit::event::Field;
use crate::audit::search::{Filter, search_until};
use crate::audit::{self, Event};
use crate::config::Role;
use crate::identifier::{OrganizationId, SiteId};
use crate::journey::known::known;
use crate::policy::{
    ExemptionId, ExemptionState, Holdings, Hypothetical, Person, TravelExemption, UserName,
};
use crate::store::{Account, ExemptionRecord, KnownPerson};
use crate::territory::{Country, Subdivision, Territory};

/// Those who may see who it concerns.
pub(super) const SEERS: &[Role] = &[Role::CaseOfficer, Role::Security];

/// So far back is looked.
pub(super) const LOOK_BACK: SignedDuration = SignedDuration::from_hours(24 * 90);
/// For so long is looked.
const PATIENCE: Duration = Duration::from_secs(8);
/// With more new territories than this the whole log is read once and not once for each.
const ONE_BY_ONE: usize = 4;
/// So many different people, places and systems are kept.
const MOST: usize = 5000;

/// What the forecast says.
#[derive(Debug, Clone, Default)]
pub(super) struct Forecast {
    /// The announced version.
    pub(super) version: String,
    /// When it starts.
    pub(super) from: Option<Timestamp>,
    /// What it adds.
    pub(super) added: Vec<Territory>,
    /// Whom it concerns, by name.
    pub(super) people: Vec<Concerned>,
    /// Whether the log was read as far back as it should be.
    pub(super) complete: bool,
}

/// Somebody who would be rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Concerned {
    /// The login name.
    pub(super) name: String,
    /// The name, where a provider told it.
    pub(super) display_name: Option<String>,
    /// The address, where a provider told it.
    pub(super) mail: Option<String>,
    /// Where they were seen, newest first.
    pub(super) seen: Vec<Sighting>,
    /// The journeys that the version takes the cover from.
    pub(super) exemptions: Vec<ExemptionId>,
    /// The applications that wait.
    pub(super) waiting: Vec<ExemptionId>,
}

/// Where somebody was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sighting {
    /// The territory that the version adds.
    pub(super) territory: Territory,
    /// The system.
    pub(super) site: String,
    /// When last.
    pub(super) last: Timestamp,
    /// The reason of the rejection to come.
    pub(super) reason: &'static str,
}

/// One that was seen, before it is decided about.
#[derive(Debug, Clone)]
struct Raw {
    at: Timestamp,
    address: Option<IpAddr>,
}

type Key = (String, Territory, String);

/// Whom the announced version concerns; none where none is announced. The look is entered first.
pub(super) async fn forecast(
    admin: &Admin,
    visitor: &Visitor,
    standing: &Standing,
) -> Result<Option<Forecast>, Refusal> {
    if !visitor.has_any(SEERS) {
        return Err(Refusal::NotPermitted);
    }
    let (Some(announced), Some(change)) = (standing.announced(), standing.change()) else {
        return Ok(None);
    };
    let list = standing.list.id().to_string();
    access::look(admin, visitor, Looked::Log, |event| event.detail("forecast", &list)).await?;
    let mut forecast = Forecast {
        version: announced.version.clone(),
        from: Some(announced.effective_from),
        added: change.added.clone(),
        people: Vec::new(),
        complete: true,
    };
    if change.added.is_empty() {
        return Ok(Some(forecast));
    }
    let organization = visitor.organization_id();
    let directory = audit::Options::from_config(&admin.loaded().config).directory;
    let wanted = (organization.clone(), change.added.clone());
    let turn = turn(visitor).await?;
    let (seen, complete) = look(directory, wanted, standing.now, turn).await?;
    let accounts = admin.store().accounts().await?;
    let people = admin.store().known_people(organization).await?;
    let records = admin.store().exemptions(Some(organization)).await?;
    let case = Case {
        admin,
        visitor,
        accounts: &accounts,
        people: &people,
        from: announced.effective_from,
    };
    let mut concerned = case.of_log(seen);
    case.of_journeys(&records, &change.added, standing.now, &mut concerned);
    forecast.people = concerned.into_values().collect();
    forecast.people.sort_by_cached_key(|one| {
        let shown = one.display_name.as_deref().unwrap_or(&one.name);
        crate::language::sort_key(shown, visitor.language)
    });
    forecast.complete = complete;
    Ok(Some(forecast))
}

/// Reads the log, newest first, for so long as there is patience.
async fn look(
    directory: PathBuf,
    (organization, added): (OrganizationId, Vec<Territory>),
    now: Timestamp,
    turn: Turn,
) -> Result<(BTreeMap<Key, Raw>, bool), Refusal> {
    let given_up = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&given_up);
    let since = now.checked_sub(LOOK_BACK).ok();
    let reading = tokio::task::spawn_blocking(move || {
        let _until_it_is_read = turn;
        let countries = match added.len() <= ONE_BY_ONE {
            true => added.iter().map(|territory| Some(*territory)).collect(),
            false => vec![None],
        };
        let mut seen = BTreeMap::new();
        let mut complete = true;
        for country in countries {
            let filter = Filter { country, since, ..Filter::default() };
            for found in search_until(&directory, &filter, &given_up)? {
                complete &= note(&found?.event, &organization, &added, &mut seen);
            }
            complete &= !given_up.load(Ordering::Relaxed);
        }
        Ok::<_, std::io::Error>((seen, complete))
    });
    tokio::pin!(reading);
    let read = tokio::select! {
        read = &mut reading => read,
        () = tokio::time::sleep(PATIENCE) => {
            stop.store(true, Ordering::Relaxed);
            reading.await
        }
    };
    read.map_err(|error| Refusal::fault(&error))?.map_err(|error| Refusal::fault(&error))
}

/// Keeps the newest of each person, place and system; says no where there is no more room.
fn note(
    event: &Event,
    organization: &OrganizationId,
    added: &[Territory],
    seen: &mut BTreeMap<Key, Raw>,
) -> bool {
    if event.organization.as_deref() != Some(organization.as_str()) {
        return true;
    }
    let (Some(user), Some(site), Some(territory)) =
        (event.personal.get(Field::UserName), event.site.as_deref(), place(event, added))
    else {
        return true;
    };
    let key = (user.to_lowercase(), territory, site.to_owned());
    if seen.len() >= MOST && !seen.contains_key(&key) {
        return false;
    }
    let address = event.personal.get(Field::ClientIp).and_then(|text| text.parse().ok());
    let raw = Raw { at: event.at, address };
    let kept = seen.entry(key).or_insert_with(|| raw.clone());
    if kept.at < raw.at {
        *kept = raw;
    }
    true
}

/// Which of the new territories it came from.
fn place(event: &Event, added: &[Territory]) -> Option<Territory> {
    let country = Country::parse(event.country.as_deref()?).ok()?;
    let part = event.region.as_deref().and_then(|part| Subdivision::parse(part).ok());
    let exact = part.map(|part| Territory::subdivision_of(country, part));
    let whole = Territory::country_of(country);
    exact.into_iter().chain([whole]).find(|territory| added.contains(territory))
}

/// What everybody is decided by.
struct Case<'a> {
    admin: &'a Admin,
    visitor: &'a Visitor,
    accounts: &'a [Account],
    people: &'a [KnownPerson],
    from: Timestamp,
}

impl Case<'_> {
    fn of_log(&self, seen: BTreeMap<Key, Raw>) -> BTreeMap<String, Concerned> {
        let mut concerned = BTreeMap::new();
        for ((user, territory, site), raw) in seen {
            let name = UserName::parse(&user).ok();
            let person = name.as_ref().and_then(|name| self.person(name));
            let rejected = self.rejected(raw.address, &site, name.as_ref().zip(person.as_ref()));
            let Some(reason) = rejected else { continue };
            let one = self.entry(&mut concerned, &user);
            one.seen.push(Sighting { territory, site, last: raw.at, reason });
            one.seen.sort_by_key(|sighting| std::cmp::Reverse(sighting.last));
        }
        concerned
    }

    /// Why a request like that one will be rejected; none where it will not be. One whose address has
    /// been removed from the log came from a country that will stand on the list, and that is all
    /// that is known of it.
    fn rejected(
        &self,
        address: Option<IpAddr>,
        site: &str,
        person: Option<(&UserName, &Person)>,
    ) -> Option<&'static str> {
        let Some(address) = address else { return Some("country_listed") };
        let site = SiteId::parse(site).ok()?;
        let holdings = Holdings::default();
        let asked = Hypothetical { address, path: "/", person, holdings, at: self.from };
        let language = self.visitor.language;
        let explained = self.admin.in_effect().explain(&site, &asked, language)?.ok()?;
        (explained.verdict == "deny").then(|| explained.reason.code())
    }

    /// Journeys that the version takes the cover from, and applications for what it adds.
    fn of_journeys(
        &self,
        records: &[ExemptionRecord],
        added: &[Territory],
        now: Timestamp,
        concerned: &mut BTreeMap<String, Concerned>,
    ) {
        for record in records {
            let exemption = &record.exemption;
            let ends_before =
                exemption.journey().is_none_or(|(_, until)| until <= self.from.max(now));
            if ends_before {
                continue;
            }
            let waits = matches!(
                exemption.state,
                ExemptionState::Applied | ExemptionState::AwaitingApproval
            );
            let counts = exemption.state.counts() && loses_cover(exemption, added, self.from);
            let applied = waits && goes_to(exemption, added, self.from);
            if !counts && !applied {
                continue;
            }
            let one = self.entry(concerned, exemption.user_name.as_str());
            let into = if counts { &mut one.exemptions } else { &mut one.waiting };
            into.push(exemption.id.clone());
        }
    }

    fn entry<'m>(
        &self,
        concerned: &'m mut BTreeMap<String, Concerned>,
        user: &str,
    ) -> &'m mut Concerned {
        let user = user.to_lowercase();
        let described =
            self.people.iter().find(|known| known.user_name.as_str().to_lowercase() == user);
        concerned.entry(user.clone()).or_insert_with(|| Concerned {
            name: user,
            display_name: described.and_then(|known| known.display_name.clone()),
            mail: described.and_then(|known| known.mail.clone()),
            seen: Vec::new(),
            exemptions: Vec::new(),
            waiting: Vec::new(),
        })
    }

    fn person(&self, name: &UserName) -> Option<Person> {
        let loaded = self.admin.loaded();
        let organization = self.visitor.organization_id();
        known(&loaded.config, (self.accounts, self.people), organization, name)
    }
}

/// Whether a part of a country that gets an entry of its own was covered by the country's: from then
/// on it is not.
fn loses_cover(exemption: &TravelExemption, added: &[Territory], from: Timestamp) -> bool {
    exemption.legs.iter().filter(|leg| leg.until > from).any(|leg| {
        added.iter().any(|territory| {
            territory.subdivision().is_some()
                && leg.territories.contains(&Territory::country_of(territory.country()))
                && !leg.territories.contains(territory)
        })
    })
}

fn goes_to(exemption: &TravelExemption, added: &[Territory], from: Timestamp) -> bool {
    let legs = exemption.legs.iter().filter(|leg| leg.until > from);
    legs.flat_map(|leg| &leg.territories).any(|territory| added.contains(territory))
}
