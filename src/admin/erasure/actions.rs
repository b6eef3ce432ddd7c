//! What the pages and the API both do: read an order, count what it would change, give it, look after
//! it.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::recorded::{self, Recorded};
use super::words::Words;
use crate::admin::access::{self, Looked};
use crate::admin::fault::{Fault, Faults};
use crate::admin::log::query::read_time;
use crate::admin::{Admin, Fields, Refusal, Visitor};
use crate::audit;
use crate::audit::forecast::Forecast;
use crate::audit::order::Why;
use crate::clock;
use crate::config::Role;
use crate::erasure::{self, OrderError, Place, Request};
use crate::store::{About, ErasureOrder, ErasureWish};

/// Those who answer for people's data.
pub(super) const OFFICERS: &[Role] = &[Role::DataProtectionOfficer];
/// So long is counted; a request has a minute.
const COUNTED_WITHIN: Duration = Duration::from_secs(20);
const LONGEST_CASE: usize = 60;
const LONGEST_NAME: usize = 200;
const MOST_NAMES: usize = 20;

/// Reads an order as it was typed: `what`, `about`, `persons` (a name a line), `since`, `until`, `why`,
/// `case`.
pub(super) fn check(fields: &Fields, visitor: &Visitor) -> Result<ErasureWish, Faults> {
    let words = Words::of(visitor.language);
    let zone = &visitor.organization.time_zone;
    let mut faults = Vec::new();
    let mut wrong = |field: &'static str, text: &'static str| faults.push(Fault::new(field, text));
    let removes = match fields.text("what") {
        "pseudonymise" => Some(false),
        "remove" => Some(true),
        _ => {
            wrong("what", words.bad_what);
            None
        }
    };
    let about = match fields.text("about") {
        "everybody" => Some(About::Everybody),
        "one_person" => match names(fields.exact("persons"), visitor, words) {
            Ok(names) => Some(About::Person(names)),
            Err(text) => {
                wrong("persons", text);
                None
            }
        },
        _ => {
            wrong("about", words.bad_about);
            None
        }
    };
    let mut time = |field: &'static str, end: bool| {
        let typed = fields.given(field)?;
        let read = read_time(typed, zone, end);
        if read.is_none() {
            wrong(field, words.bad_time);
        }
        read
    };
    let (since, before) = (time("since", false), time("until", true));
    if let (Some(since), Some(before)) = (since, before)
        && since >= before
    {
        wrong("until", words.bad_order);
    }
    let everybody = about == Some(About::Everybody);
    if removes == Some(true) && everybody && fields.given("until").is_none() {
        wrong("until", words.everything);
    }
    let why = Why::from_word(fields.text("why"));
    if why.is_none() {
        wrong("why", words.bad_why);
    }
    let case = fields.given("case").map(str::to_owned);
    let unfit =
        |case: &String| case.chars().count() > LONGEST_CASE || case.chars().any(char::is_control);
    if case.as_ref().is_some_and(unfit) {
        wrong("case", words.bad_case);
    }
    match (removes, about, why, faults.is_empty()) {
        (Some(removes), Some(about), Some(why), true) => {
            Ok(ErasureWish { removes, about, since, before, why: why.word().to_owned(), case })
        }
        _ => Err(Faults(faults)),
    }
}

/// The names of one person, one a line; nobody orders away what they did themselves.
fn names(
    text: &str,
    visitor: &Visitor,
    words: &'static Words,
) -> Result<Vec<String>, &'static str> {
    let lines = text.lines().map(str::trim).filter(|name| !name.is_empty());
    let mut names: Vec<String> = lines.map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Err(words.no_name);
    }
    if names.len() > MOST_NAMES {
        return Err(words.too_many);
    }
    let unfit =
        |name: &String| name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control);
    if names.iter().any(unfit) {
        return Err(words.bad_name);
    }
    let person = &visitor.person;
    let own = [
        visitor.name.as_str().to_lowercase(),
        format!("{}/{}", person.provider(), person.subject()).to_lowercase(),
    ];
    if names.iter().any(|name| own.contains(&name.to_lowercase())) {
        return Err(words.own);
    }
    Ok(names)
}

/// Counts what an order would change in the log of this node, after the entry of the look.
pub(super) async fn forecast(
    admin: &Admin,
    visitor: &Visitor,
    wish: &ErasureWish,
) -> Result<Forecast, Refusal> {
    let first = wish.about.names().first();
    let looked = if first.is_some() { Looked::Person } else { Looked::Log };
    access::look(admin, visitor, looked, |event| {
        let event = event.detail("view", "erasure_forecast");
        first.into_iter().fold(event, |event, name| event.target(name))
    })
    .await?;
    let loaded = admin.loaded();
    let condition = admin.in_effect().condition();
    let place = Place {
        state: &loaded.config.state_directory,
        log_name: &condition.node,
        store: admin.store(),
    };
    let log = audit::Options::from_config(&loaded.config).directory;
    let request = request(visitor, wish);
    let counted = erasure::forecast(&log, place, &request, COUNTED_WITHIN).await;
    counted.map_err(|error| match error {
        OrderError::Store(error) => error.into(),
        error => Refusal::fault(&error),
    })
}

/// What would be handed to the command line's function.
fn request(visitor: &Visitor, wish: &ErasureWish) -> Request {
    let actor = visitor.actor();
    Request {
        remove: wish.removes,
        names: wish.about.names().to_vec(),
        organization: Some(visitor.organization_id().to_string()),
        since: wish.since,
        until: wish.before,
        why: wish.why.clone(),
        case: wish.case.clone(),
        by: actor.name,
        by_as: actor.operating_system_user,
    }
}

/// Gives an order to every node, under this name; one that was given under it before stays what it is.
pub(super) async fn give(
    admin: &Admin,
    visitor: &Visitor,
    id: Uuid,
    wish: &ErasureWish,
) -> Result<(), Refusal> {
    let now = clock::now();
    let mut logs: Vec<String> =
        admin.store().nodes(now).await?.into_iter().map(|node| node.node).collect();
    logs.push(admin.in_effect().condition().node);
    logs.sort_unstable();
    logs.dedup();
    let order = (visitor.organization_id(), id);
    admin.store().give_erasure_order(order, wish, &logs, &visitor.actor(), now).await?;
    // A name that another organisation's order bears is nobody's here.
    given(admin, visitor, id).await.map(|_| ())
}

/// What was just given, as it stands now.
pub(super) async fn given(admin: &Admin, visitor: &Visitor, id: Uuid) -> Result<Known, Refusal> {
    let given = admin.store().erasure_order(visitor.organization_id(), id).await?;
    given.map(Known::Given).ok_or(Refusal::NotFound)
}

/// An order, whoever gave it.
#[derive(Debug, Clone)]
pub(super) enum Known {
    /// It was given here.
    Given(ErasureOrder),
    /// The log has it on record.
    Recorded(Recorded),
}

impl Known {
    pub(super) fn id(&self) -> Uuid {
        match self {
            Self::Given(order) => order.id,
            Self::Recorded(order) => order.id,
        }
    }

    pub(super) fn at(&self) -> Timestamp {
        match self {
            Self::Given(order) => order.given,
            Self::Recorded(order) => order.at,
        }
    }
}

/// Every order that has changed entries of the organisation or is to change them, newest first, after
/// the entry of the look; and whether there are more than those.
pub(super) async fn all(admin: &Admin, visitor: &Visitor) -> Result<(Vec<Known>, bool), Refusal> {
    access::look(admin, visitor, Looked::Log, |event| event.detail("view", "erasure_orders"))
        .await?;
    let given = admin.store().erasure_orders(visitor.organization_id()).await?;
    let (recorded, cut) = recorded::all(admin.store(), visitor.organization_id()).await?;
    let recorded = recorded.into_iter().filter(|one| !given.iter().any(|given| given.id == one.id));
    let mut known: Vec<Known> = recorded.map(Known::Recorded).collect();
    known.extend(given.into_iter().map(Known::Given));
    known.sort_by_key(|known| std::cmp::Reverse(known.at()));
    Ok((known, cut))
}

/// The order of this name, after the entry of the look. Another organisation's is none.
pub(super) async fn one(admin: &Admin, visitor: &Visitor, id: &str) -> Result<Known, Refusal> {
    let id: Uuid = id.parse().map_err(|_| Refusal::NotFound)?;
    let organization = visitor.organization_id();
    let known = match admin.store().erasure_order(organization, id).await? {
        Some(given) => Known::Given(given),
        None => {
            let (recorded, _) = recorded::all(admin.store(), organization).await?;
            let found = recorded.into_iter().find(|one| one.id == id);
            Known::Recorded(found.ok_or(Refusal::NotFound)?)
        }
    };
    access::look(admin, visitor, Looked::Log, |event| {
        event.detail("view", "erasure_order").detail("order", id)
    })
    .await?;
    Ok(known)
}

/// What a log's machine is called, for people.
pub(super) async fn hosts(admin: &Admin) -> Result<Vec<(String, String)>, Refusal> {
    let nodes = admin.store().nodes(clock::now()).await?;
    Ok(nodes.into_iter().map(|node| (node.node, node.host)).collect())
}
