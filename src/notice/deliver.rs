//! From the store to the mail server, one message after another.
//!
//! Always holds: only the holder of a message's claim sends it, and the claim outlasts the longest
//! conversation; each message's fate is written down before the next one is begun.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::compose::Notice;
use super::message::{self, Post};
use super::retry::{next_attempt, useful_until};
use super::smtp::{Session, SmtpError};
use crate::clock;
use crate::config::{Config, Notices};
use crate::identity::LinkToken;
use crate::policy::Phase;
use crate::store::{Channel, Contact, LinkWanted, NoticeRecord, NoticeState, Store, StoreError};
use crate::telemetry;

/// A claim outlasts what the server may be given for letting us in and for the message by so much.
const ROOM: SignedDuration = SignedDuration::from_secs(15);
/// A message without an address is looked at again.
const UNTIL_ADDRESS: SignedDuration = SignedDuration::from_mins(15);

/// Why a message was not sent, where nobody tried; kept with it as it stands here.
pub(crate) mod why {
    pub(crate) const NOT_CONFIGURED: &str = "notices are not configured";
    pub(crate) const NO_SENDER: &str = "the organisation sends no notices";
    pub(crate) const EXEMPTION_GONE: &str = "the exemption is gone";
    pub(crate) const TOO_LATE: &str = "given up: it is too late to send it";
    pub(crate) const LINK_OVER: &str = "its link would bind nothing any more";
    pub(crate) const UNWRITABLE: &str = "it cannot be written as a message";
    pub(crate) const NO_SUCH_ADDRESS: &str = "no address of this kind is known";
    pub(crate) const NO_ADDRESS: &str =
        "no address is known: geovagt exemption contact ID --mail ADDRESS";
}

/// How delivering goes, for whoever asks.
#[derive(Debug, Default)]
pub(crate) struct Status(Mutex<State>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// Messages to be sent.
    pub(crate) waiting: usize,
    /// Messages given up that nobody has tried again.
    pub(crate) failed: usize,
    /// Why the server did not let us in the last time.
    pub(crate) trouble: Option<String>,
    /// Attempts in a row that did not get through.
    attempts: u32,
    /// Before then the server is left alone.
    rests_until: Option<Timestamp>,
}

impl Status {
    pub(crate) fn state(&self) -> State {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn let_in(&self) {
        if self.state().trouble.is_some() {
            tracing::info!("the mail server takes notices again");
        }
        self.change(|state| {
            state.trouble = None;
            state.attempts = 0;
            state.rests_until = None;
        });
    }

    fn in_trouble(&self, error: &SmtpError, now: Timestamp) {
        let why = telemetry::chain(error);
        if self.state().trouble.is_none() {
            tracing::error!(
                error = why,
                "notices cannot be sent; they are kept and tried again: see `geovagt notices list`"
            );
        }
        self.change(|state| {
            state.trouble = Some(why);
            state.attempts = state.attempts.saturating_add(1);
            let [random] = clock::random_bytes_in_bulk();
            state.rests_until = next_attempt(state.attempts.min(5), now, Timestamp::MAX, random);
        });
    }
}

/// Sends what is due. Ends early when `stopping`, and where the server is in trouble.
pub(crate) async fn round(
    store: &Store,
    config: &Config,
    status: &Status,
    stopping: &CancellationToken,
) -> Result<(), StoreError> {
    let waiting = store.waiting_notices().await?;
    let mut open = Open { session: None };
    let began = clock::now();
    let resting = status.state().rests_until.is_some_and(|rest| began < rest);
    let due = waiting.iter().filter(|record| record.due <= began && !resting);
    for record in due {
        if stopping.is_cancelled() {
            break;
        }
        let now = clock::now();
        let until = now + claim_length(config);
        let Some(claimed) = store.claim_notice(record, now, until).await? else { continue };
        match one(store, config, &claimed, &mut open, status).await? {
            Fate::Settled => {}
            Fate::ServerInTrouble => break,
        }
    }
    if let Some(session) = open.session {
        session.close().await;
    }
    count(store, status, waiting.is_empty()).await
}

fn claim_length(config: &Config) -> SignedDuration {
    let timeout = config.notices.as_ref().map_or(Duration::ZERO, |notices| notices.smtp.timeout);
    let timeout = SignedDuration::try_from(timeout).unwrap_or(SignedDuration::ZERO);
    timeout.saturating_mul(2).saturating_add(ROOM)
}

async fn count(store: &Store, status: &Status, none_waited: bool) -> Result<(), StoreError> {
    let waiting = if none_waited { 0 } else { store.waiting_notices().await?.len() };
    let failed = store.notices(Some(NoticeState::Failed)).await?.len();
    metrics::gauge!("geovagt_notices_waiting").set(waiting as f64);
    metrics::gauge!("geovagt_notices_failed").set(failed as f64);
    status.change(|state| (state.waiting, state.failed) = (waiting, failed));
    Ok(())
}

enum Fate {
    Settled,
    ServerInTrouble,
}

struct Open {
    session: Option<Session>,
}

/// What becomes of one claimed message.
async fn one(
    store: &Store,
    config: &Config,
    record: &NoticeRecord,
    open: &mut Open,
    status: &Status,
) -> Result<Fate, StoreError> {
    let now = clock::now();
    let written = match write(store, config, record, now).await? {
        Written::Post(post, until) => (post, until),
        Written::NotNow(why, until) => {
            let later = now + UNTIL_ADDRESS;
            if later < until {
                store.postpone_notice(record, later, why).await?;
            } else {
                end(store, record, NoticeState::Withheld, Some(why)).await?;
            }
            return Ok(Fate::Settled);
        }
        Written::Never(state, why) => {
            end(store, record, state, Some(why)).await?;
            return Ok(Fate::Settled);
        }
    };
    let (post, until) = written;
    let Some(notices) = &config.notices else { return Ok(Fate::Settled) };
    let Err(error) = send(notices, open, &post).await else {
        status.let_in();
        end(store, record, NoticeState::Sent, None).await?;
        return Ok(Fate::Settled);
    };
    open.session = None;
    failed(store, record, &error, until).await?;
    if error.is_about_the_letter() {
        status.let_in();
        return Ok(Fate::Settled);
    }
    status.in_trouble(&error, clock::now());
    Ok(Fate::ServerInTrouble)
}

async fn send(notices: &Notices, open: &mut Open, post: &Post) -> Result<(), SmtpError> {
    let session = match &mut open.session {
        Some(session) => session,
        none => {
            let our_name = notices.sender.address.domain();
            none.insert(Session::open(&notices.smtp, our_name).await?)
        }
    };
    session.send(post).await
}

async fn failed(
    store: &Store,
    record: &NoticeRecord,
    error: &SmtpError,
    until: Timestamp,
) -> Result<(), StoreError> {
    let why = telemetry::chain(error);
    tracing::warn!(
        notice = record.id,
        exemption = record.exemption.as_str(),
        kind = record.kind.word(),
        permanent = error.is_permanent(),
        "a notice was not taken by the mail server"
    );
    if error.is_permanent() {
        return end(store, record, NoticeState::Failed, Some(&why)).await;
    }
    if !error.is_about_the_letter() {
        // It is the server that rests, so that what happened first is still told first.
        let now = clock::now();
        return later(store, record, (Some(now).filter(|now| *now < until), &why)).await;
    }
    let [random] = clock::random_bytes_in_bulk();
    let next = next_attempt(record.attempts, clock::now(), until, random);
    later(store, record, (next, &why)).await
}

/// Has it tried again, or gives it up where that would be too late.
async fn later(
    store: &Store,
    record: &NoticeRecord,
    (next, why): (Option<Timestamp>, &str),
) -> Result<(), StoreError> {
    let Some(next) = next else {
        let why = format!("given up: {why}");
        return end(store, record, NoticeState::Failed, Some(&why)).await;
    };
    counted(record, "deferred");
    store.postpone_notice(record, next, why).await.map(|_| ())
}

async fn end(
    store: &Store,
    record: &NoticeRecord,
    state: NoticeState,
    why: Option<&str>,
) -> Result<(), StoreError> {
    if store.end_notice(record, state, why, clock::now()).await? {
        counted(record, state.word());
        let (notice, exemption) = (&record.id, record.exemption.as_str());
        let kind = record.kind.word();
        match state {
            NoticeState::Sent => tracing::info!(notice, exemption, kind, "a notice was sent"),
            NoticeState::Failed => tracing::error!(
                notice,
                exemption,
                kind,
                "a notice is given up; see `geovagt notices list --failed`"
            ),
            NoticeState::Withheld | NoticeState::Waiting => {}
        }
    }
    Ok(())
}

fn counted(record: &NoticeRecord, outcome: &'static str) {
    let channel = record.channel.word();
    metrics::counter!("geovagt_notices_total", "outcome" => outcome, "channel" => channel)
        .increment(1);
}

enum Written {
    /// To be sent, and of use until then.
    Post(Box<Post>, Timestamp),
    /// Nowhere to send it yet.
    NotNow(&'static str, Timestamp),
    /// Not to be sent.
    Never(NoticeState, &'static str),
}

async fn write(
    store: &Store,
    config: &Config,
    record: &NoticeRecord,
    now: Timestamp,
) -> Result<Written, StoreError> {
    let organization = config.organizations.get(&record.organization);
    let notices = config.notices.as_ref();
    let (Some(organization), Some(notices)) = (organization, notices) else {
        return Ok(Written::Never(NoticeState::Withheld, why::NOT_CONFIGURED));
    };
    let Some(sender) = notices.sender(&record.organization) else {
        return Ok(Written::Never(NoticeState::Withheld, why::NO_SENDER));
    };
    let Some(exemption) = store.exemption(&record.exemption).await? else {
        return Ok(Written::Never(NoticeState::Withheld, why::EXEMPTION_GONE));
    };
    let exemption = exemption.exemption;
    let until = useful_until(record.kind, &exemption, record.created, notices.give_up_after);
    let contact = store.contact(&record.exemption).await?.unwrap_or_default();
    let Some(address) = contact.address(record.channel) else {
        return Ok(no_address(&contact, until));
    };
    if now >= until {
        return Ok(Written::Never(NoticeState::Failed, why::TOO_LATE));
    }
    let mut record = record.clone();
    if let (Channel::Mail, Some(wanted)) = (record.channel, &record.details.link_wanted) {
        if is_over(exemption.phase(now)) {
            return Ok(Written::Never(NoticeState::Withheld, why::LINK_OVER));
        }
        record.details.link = Some(link(store, &record, wanted, now).await?);
    }
    let letter = Notice::of(&record, &exemption, organization, &contact)
        .letter(record.channel, sender.address.as_str());
    match message::write(&letter, sender, address, &record.id, now) {
        Ok(post) => Ok(Written::Post(Box::new(post), until)),
        Err(error) => {
            tracing::error!(error = telemetry::chain(&error), "a notice cannot be written");
            Ok(Written::Never(NoticeState::Failed, why::UNWRITABLE))
        }
    }
}

fn is_over(phase: Phase) -> bool {
    match phase {
        Phase::Applied | Phase::AwaitingApproval | Phase::Planned | Phase::Active => false,
        Phase::Ended | Phase::Refused | Phase::Withdrawn | Phase::Revoked | Phase::Closed => true,
    }
}

/// The link that this message brings. Of its token the hash alone is kept.
async fn link(
    store: &Store,
    record: &NoticeRecord,
    wanted: &LinkWanted,
    now: Timestamp,
) -> Result<String, StoreError> {
    let token = LinkToken::of_notice(&store.lasting_key(now).await?, &record.id);
    store.keep_link_of_notice(&record.exemption, &token.hash(), wanted, now).await?;
    Ok(format!("{}{}", wanted.address, token.reveal()))
}

fn no_address(contact: &Contact, until: Timestamp) -> Written {
    let elsewhere = Channel::ALL.iter().any(|&channel| contact.address(channel).is_some());
    if elsewhere {
        Written::Never(NoticeState::Withheld, why::NO_SUCH_ADDRESS)
    } else {
        Written::NotNow(why::NO_ADDRESS, until)
    }
}
