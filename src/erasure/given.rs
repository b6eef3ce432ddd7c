//! Orders that were given in the administration: what one would change, and carrying it out in the log
//! of this node.
//!
//! Always holds: an order is carried out under its own name however often it is begun anew; what the
//! store says of its entries at the end is what the log has on record.

use std::path::Path;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use uuid::Uuid;

use super::{OrderError, Place, Progress, Request, keys_for, order_of, run, settle};
use crate::audit::forecast::Forecast;
use crate::audit::order::Order;
use crate::audit::{Audit, EraseError, records};
use crate::clock;
use crate::store::{About, ErasureOrder, ErasurePart, ErasureWish, PartState, StoreError};

/// So often it is kept how far an order has come.
const KEPT_EVERY: Duration = Duration::from_secs(1);
/// What is kept of why an order does not go on.
const LONGEST_PROBLEM: usize = 300;

/// What an order would change in the log of this node, as far as that can be counted within the time.
///
/// # Errors
/// [`OrderError`].
pub async fn forecast(
    log: &Path,
    place: Place<'_>,
    request: &Request,
    within: Duration,
) -> Result<Forecast, OrderError> {
    let order = order_of(request, place.keys().await?)?;
    let (log, begun) = (log.to_owned(), clock::instant());
    let goes_on = move || clock::instant().duration_since(begun) < within;
    let count = move || crate::audit::forecast::forecast(&log, &order, goes_on);
    let counted = tokio::task::spawn_blocking(count).await.map_err(std::io::Error::other);
    Ok(counted.and_then(|counted| counted).map_err(EraseError::Io)?)
}

/// Carries an order out in this log, and keeps in the store how far it has come. One that could not
/// be carried out waits, with why.
///
/// # Errors
/// [`OrderError`].
pub async fn carry_out_given(
    audit: &Audit,
    place: Place<'_>,
    given: &ErasureOrder,
    now: Timestamp,
) -> Result<u64, OrderError> {
    let part = ErasurePart {
        log: place.log_name.to_owned(),
        state: PartState::UnderWay,
        looked_at: 0,
        segments: 0,
        entries: 0,
        refused: 0,
        problem: None,
        changed: now,
    };
    match carried_out(audit, place, given, &part).await {
        Ok(done) => {
            place.store.erasure_part(given.id, &done).await?;
            // With the last log that is done it was forgotten whom the order is about.
            settle(place).await;
            Ok(done.entries)
        }
        Err(error) => {
            let why = crate::telemetry::chain(&error);
            let waits = ErasurePart {
                state: PartState::Waiting,
                problem: Some(why.chars().take(LONGEST_PROBLEM).collect()),
                changed: clock::now(),
                ..part
            };
            place.store.erasure_part(given.id, &waits).await?;
            Err(error)
        }
    }
}

async fn carried_out(
    audit: &Audit,
    place: Place<'_>,
    given: &ErasureOrder,
    part: &ErasurePart,
) -> Result<ErasurePart, OrderError> {
    let request = request(given)?;
    let keys = keys_for(audit, place, &request, part.changed).await?;
    let order = Order { id: given.id, ..order_of(&request, keys)? };
    let mut kept: Option<Instant> = None;
    let erased = run(audit, place, order, |progress| {
        let now = clock::instant();
        let is_due = kept.is_none_or(|kept| now.duration_since(kept) >= KEPT_EVERY);
        if is_due {
            kept = Some(now);
        }
        keep(place, given.id, is_due.then(|| with(part, progress)))
    })
    .await?;
    let (log, id) = (audit.directory().to_owned(), given.id.to_string());
    let counted = tokio::task::spawn_blocking(move || on_record(&log, &id)).await;
    let io = |error| OrderError::Log(EraseError::Io(error));
    let (entries, segments) =
        counted.map_err(|error| io(std::io::Error::other(error)))?.map_err(io)?;
    Ok(ErasurePart {
        state: PartState::Done,
        looked_at: segments,
        segments,
        entries,
        refused: erased.refused.len() as u64,
        problem: erased.refused.first().map(|why| why.chars().take(LONGEST_PROBLEM).collect()),
        changed: clock::now(),
        ..part.clone()
    })
}

async fn keep(place: Place<'_>, id: Uuid, part: Option<ErasurePart>) -> Result<(), StoreError> {
    match part {
        Some(part) => place.store.erasure_part(id, &part).await,
        None => Ok(()),
    }
}

fn with(part: &ErasurePart, progress: Progress) -> ErasurePart {
    ErasurePart {
        looked_at: progress.looked_at as u64,
        segments: progress.segments as u64,
        entries: progress.entries,
        refused: progress.refused as u64,
        changed: clock::now(),
        ..part.clone()
    }
}

/// How many entries in how many files the log says that an order has changed, also before this process
/// began.
fn on_record(log: &Path, order: &str) -> std::io::Result<(u64, u64)> {
    let records = records::read(log)?;
    let all = records.rewritings.values().flatten().filter(|one| one.order == order);
    // What was written down anew counts once.
    let all = all.filter(|one| !one.event.details.contains_key("recorded"));
    Ok(all.fold((0, 0), |(entries, files), one| (entries + one.entries, files + 1)))
}

/// The order as the command line would give it.
fn request(given: &ErasureOrder) -> Result<Request, OrderError> {
    let names = match &given.wish.about {
        About::Everybody => Vec::new(),
        About::Person(names) if !names.is_empty() => names.clone(),
        // Without a name everybody would be meant.
        About::Person(_) | About::Forgotten => return Err(OrderError::Forgotten),
    };
    let ErasureWish { removes, since, before, why, case, .. } = given.wish.clone();
    Ok(Request {
        remove: removes,
        names,
        organization: Some(given.organization.clone()),
        since,
        until: before,
        why,
        case,
        by: given.by.name.clone(),
        by_as: given.by.operating_system_user.clone(),
    })
}
