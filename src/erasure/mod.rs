//! Taking personal values out of the log, and finding out together whom a pseudonym stands for.
//!
//! May use `audit`, `store` and `config`; knows no HTTP. The running gateway, the command line and the
//! administration call the same functions. Always holds: what leaves the segments leaves the index in
//! the same pass, or when the gateway runs again; the two halves of a month's key are in two places,
//! the state directory and the store.

mod given;
mod halves;
mod reidentify;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::order::{Order, Selection, What, Why};
use crate::audit::pseudonym::Keys;
use crate::audit::{Audit, Class, EraseError, Erased, Rewritten, Step};
use crate::config::Retention;
use crate::policy::Actor;
use crate::store::{Store, StoreError};

pub use given::{carry_out_given, forecast};
pub use halves::KeyError;
pub use reidentify::{Question, ReidentifyError, Revealed, answer, ask};

/// A log with what belongs to it beside it.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The state directory.
    pub state: &'a Path,
    /// What the log is called in the store.
    pub log_name: &'a str,
    /// The store.
    pub store: &'a Store,
}

/// What somebody orders, as it can be handed to the running gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Whether the values go for good; else pseudonyms stand in their place.
    pub remove: bool,
    /// What one person is called: names, `provider/subject`. None: everybody.
    pub names: Vec<String>,
    /// Of this organisation alone.
    pub organization: Option<String>,
    /// Not before this instant.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// One of [`Why::GIVEN`].
    pub why: String,
    /// The number of a case that says more.
    pub case: Option<String>,
    /// Who orders it.
    pub by: String,
    /// Who that is to the operating system.
    pub by_as: Option<String>,
}

/// Why an order is not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// The log.
    #[error(transparent)]
    Log(#[from] EraseError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The reason.
    #[error("{0:?} is no reason; say one of {known}", known = reasons())]
    Why(String),
    /// An order that was given in the administration and has forgotten whom it was about.
    #[error("the order is carried out, or it cannot be read whom it is about")]
    Forgotten,
    /// Nobody and no time is named.
    #[error(
        "an order that takes values out for good names a person or an end; it would empty the log"
    )]
    Everything,
}

fn reasons() -> String {
    Why::GIVEN.map(Why::word).join(", ")
}

/// Carries an order out. The control socket, the command line and the pages come in here.
///
/// # Errors
/// [`OrderError`].
pub async fn carry_out(
    audit: &Audit,
    place: Place<'_>,
    request: &Request,
    now: Timestamp,
) -> Result<Erased, OrderError> {
    let keys = keys_for(audit, place, request, now).await?;
    run(audit, place, order_of(request, keys)?, |_| std::future::ready(Ok(()))).await
}

/// The keys that an order needs. Those that it makes pseudonyms with are made where there are none.
async fn keys_for(
    audit: &Audit,
    place: Place<'_>,
    request: &Request,
    now: Timestamp,
) -> Result<Keys, OrderError> {
    if request.remove {
        // Also what stands under a pseudonym goes, as far as anybody can still tell whose it is.
        return place.keys().await;
    }
    let oldest = oldest(audit.directory())?.unwrap_or(now);
    place.keys_of_months(oldest, now).await
}

/// The order that a request means, with the keys there are.
fn order_of(request: &Request, keys: Keys) -> Result<Order, OrderError> {
    let why = Why::from_word(&request.why).ok_or_else(|| OrderError::Why(request.why.clone()))?;
    if request.remove && request.names.is_empty() && request.until.is_none() {
        return Err(OrderError::Everything);
    }
    let names = request.names.iter().map(|name| name.trim().to_lowercase());
    let pseudonyms = request.names.iter().flat_map(|name| keys.pseudonyms_of(name));
    let names = names.filter(|name| !name.is_empty()).chain(pseudonyms.map(Into::into)).collect();
    let selection = Selection {
        since: request.since,
        until: request.until,
        organization: request.organization.clone(),
        names,
    };
    let what = if request.remove { What::Remove } else { What::Pseudonymise(Arc::new(keys)) };
    let by = Actor { name: request.by.clone(), operating_system_user: request.by_as.clone() };
    Ok(Order { case: request.case.clone(), ..Order::given(what, selection, by, why) })
}

/// Puts pseudonyms in the place of what is older than `audit.pseudonymise_after`.
///
/// # Errors
/// [`OrderError`].
pub async fn pseudonymise_what_is_old(
    audit: &Audit,
    place: Place<'_>,
    after: Duration,
    now: Timestamp,
) -> Result<Erased, OrderError> {
    let before = now.checked_sub(after).unwrap_or(Timestamp::MIN);
    let Some(oldest) = oldest(audit.directory())?.filter(|oldest| *oldest < before) else {
        return Ok(Erased::default());
    };
    let keys = place.keys_of_months(oldest, before).await?;
    let order = Order::by_age(Arc::new(keys), before);
    run(audit, place, order, |_| std::future::ready(Ok(()))).await
}

/// Removes the keys of months of which nothing is kept any more.
///
/// # Errors
/// [`OrderError`].
pub async fn drop_spent_keys(
    place: Place<'_>,
    retention: Retention,
    now: Timestamp,
) -> Result<Vec<String>, OrderError> {
    let longest = retention.allowed.max(retention.denied).max(retention.people);
    // A segment goes as a whole, up to a day after its first entry's time.
    let slack = Duration::from_secs(2 * 86_400);
    let oldest = now.checked_sub(longest.saturating_add(slack)).unwrap_or(Timestamp::MIN);
    place.drop_before(&crate::audit::pseudonym::period(oldest)).await
}

/// Tells the index of segments that were written anew by a process that ended before it could.
///
/// # Errors
/// [`OrderError`].
pub async fn tell_what_was_not_told(audit: &Audit, place: Place<'_>) -> Result<(), OrderError> {
    for (chain, segment) in place.store.segments_to_tell(place.log_name).await? {
        if let Some(rewritten) = Rewritten::found(audit.directory(), &chain, segment) {
            tell_index(place, &rewritten).await?;
        }
        place.store.segment_is_told(place.log_name, &chain, segment).await?;
    }
    Ok(())
}

/// So often, each as long as SQLite waits for others, before an order is over all the same.
const SETTLED_AT_MOST: usize = 3;

/// What was deleted leaves the files of SQLite, too: until then its write-ahead log holds what was
/// there before. The next order, and the next round of an hour, do what could not be done.
async fn settle(place: Place<'_>) {
    for _ in 0..SETTLED_AT_MOST {
        match place.store.settle().await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                let error = crate::telemetry::chain(&error);
                tracing::warn!(error, "what was taken out may still stand in a file of SQLite");
                return;
            }
        }
    }
    tracing::warn!(
        "what was taken out may still stand in a file of SQLite: somebody keeps reading it"
    );
}

/// How far an order has come.
#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    looked_at: usize,
    segments: usize,
    entries: u64,
    refused: usize,
}

async fn run<F>(
    audit: &Audit,
    place: Place<'_>,
    order: Order,
    mut told: impl FnMut(Progress) -> F,
) -> Result<Erased, OrderError>
where
    F: Future<Output = Result<(), StoreError>>,
{
    let mut pass = audit.begin_erasing(order).await?;
    loop {
        let (looked_at, segments) = pass.looked_at();
        let Erased { entries, refused, .. } = pass.so_far();
        told(Progress { looked_at, segments, entries: *entries, refused: refused.len() }).await?;
        let next = match pass.next().await? {
            Step::Ready(next) => next,
            Step::Unchanged => continue,
            Step::Over => {
                settle(place).await;
                return Ok(pass.done());
            }
        };
        let (chain, segment) = (next.chain(), next.segment());
        place.store.note_segment(place.log_name, chain, segment).await?;
        if let Some(rewritten) = pass.put_in_place(next).await? {
            tell_index(place, &rewritten).await?;
        }
        place.store.segment_is_told(place.log_name, chain, segment).await?;
    }
}

/// The one place where the index learns what the files no longer say. Allowed traffic of others than
/// travellers is not in it.
async fn tell_index(place: Place<'_>, rewritten: &Rewritten) -> Result<(), OrderError> {
    if rewritten.class == Class::Allowed {
        return Ok(());
    }
    let io = |error| OrderError::Log(EraseError::Io(error));
    let Some(node) = rewritten.node().map_err(io)? else { return Ok(()) };
    let index = place.store.log();
    let mut some = Vec::new();
    for line in rewritten.lines().map_err(io)? {
        some.push(line.map_err(io)?);
        if some.len() == AT_ONCE {
            index.forget(&node, rewritten.class, &some).await?;
            some.clear();
        }
    }
    index.forget(&node, rewritten.class, &some).await?;
    Ok(())
}

/// So many lines are in memory while the index is told.
const AT_ONCE: usize = 1000;

/// When the oldest segment that is kept was begun.
fn oldest(log: &Path) -> Result<Option<Timestamp>, EraseError> {
    Ok(crate::audit::oldest_segment(log)?)
}

impl Place<'_> {
    /// Every key whose two halves are there.
    ///
    /// # Errors
    /// [`OrderError`].
    pub async fn keys(&self) -> Result<Keys, OrderError> {
        let mut keys = Keys::default();
        for (period, half) in self.store.pseudonym_halves(self.log_name).await? {
            if let Some(other) = halves::read(self.state, &period)? {
                keys.put_together(&period, &half, &other);
            }
        }
        Ok(keys)
    }

    /// The same, with keys made for the months in between that have none.
    async fn keys_of_months(&self, from: Timestamp, to: Timestamp) -> Result<Keys, OrderError> {
        let known = self.store.pseudonym_halves(self.log_name).await?;
        // Entries are a day older than their segment at the most.
        let from = from.checked_sub(Duration::from_secs(86_400)).unwrap_or(from);
        for period in halves::months(from, to) {
            let in_store = known.iter().any(|(name, _)| *name == period);
            match (in_store, halves::read(self.state, &period)?.is_some()) {
                (true, true) => continue,
                (true, false) => return Err(KeyError::Lost(period).into()),
                (false, true) if halves::is_used(self.state, &period)? => {
                    return Err(KeyError::LostInStore(period).into());
                }
                (false, true) => {}
                (false, false) => halves::make(self.state, &period)?,
            }
            let half = zeroize::Zeroizing::new(crate::clock::random_bytes());
            self.store.keep_pseudonym_half(self.log_name, &period, &half).await?;
        }
        self.keys().await
    }

    async fn drop_before(&self, period: &str) -> Result<Vec<String>, OrderError> {
        let mut dropped = Vec::new();
        for (name, _) in self.store.pseudonym_halves(self.log_name).await? {
            if name.as_str() < period {
                halves::remove(self.state, &name)?;
                self.store.drop_pseudonym_half(self.log_name, &name).await?;
                dropped.push(name);
            }
        }
        Ok(dropped)
    }
}

#[cfg(test)]
mod tests;
