//! One request from its head on: what is known about it before anything is decided.

use std::sync::Arc;
use std::time::Instant;

use http::request::Parts;
use http::{HeaderValue, header};
use jiff::Timestamp;

use super::canonical::{self, Canonical};
use super::handle::Instead;
use super::sites::ProtectedSite;
use super::{Gateway, Snapshot, answers};
use crate::audit::{self, Action, Event, Facts};
use crate::client_address::ClientAddress;
use crate::clock;
use crate::config::DenialStyle;
use crate::geoip::Located;
use crate::identifier::OrganizationId;
use crate::identity::{Attempt, Identity, Outcome, Why};
use crate::language::Language;
use crate::listen::ConnectionFacts;
use crate::policy::{self, Location, Person, Subject, UserName, Verdict};

/// A request whose host, client and location are known.
pub(super) struct Exchange<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) connection: &'a ConnectionFacts,
    pub(super) parts: &'a Parts,
    pub(super) now: Timestamp,
    pub(super) canonical: Canonical,
    pub(super) client: ClientAddress,
    pub(super) located: Located,
    pub(super) site: Arc<ProtectedSite>,
}

impl<'a> Exchange<'a> {
    /// Reads the head one way, or answers at once: 400 where it can be read two ways, 404 where no
    /// site takes the host.
    pub(super) fn begin(
        gateway: &'a Gateway,
        snapshot: Arc<Snapshot>,
        parts: &'a Parts,
        connection: &'a ConnectionFacts,
        now: Timestamp,
    ) -> Result<Self, Instead> {
        let client = connection.client_address(&parts.headers);
        let located = snapshot.database.locate(&client);
        let silent = |host: Option<&str>| is_silent(&snapshot, host, client, &located, now);
        let unsited = |silent| {
            let snapshot = &*snapshot;
            answers::Unsited { gateway, snapshot, connection, parts, client, located, now, silent }
        };
        let canonical =
            canonical::canonical(parts, connection.server_name()).map_err(|ambiguous| {
                let host = canonical::host_named(parts);
                Box::new(answers::unclear(&unsited(silent(host.as_deref())), ambiguous))
            })?;
        let Some(site) = snapshot.sites.by_host(canonical.host()) else {
            return Err(Box::new(answers::no_site(&unsited(silent(None)))));
        };
        let site = Arc::clone(site);
        Ok(Self { gateway, snapshot, connection, parts, now, canonical, client, located, site })
    }

    /// The verdict for this request by `person`, or by nobody in particular.
    pub(super) fn decide(&self, person: Option<&Person>) -> Verdict {
        let subject = Subject { address: self.client, location: self.location(), person };
        policy::decide(&self.site.policy, &subject, &self.snapshot.exemptions, self.now)
    }

    /// What the database says.
    fn location(&self) -> Location {
        self.located.location
    }

    /// What is decided by: the database's word, or a correction's.
    pub(super) fn corrected_location(&self) -> Location {
        self.site.policy.corrected(self.client, self.location(), self.now)
    }

    pub(super) fn organization(&self) -> &OrganizationId {
        &self.site.organization.id
    }

    /// The person that a valid session cookie names.
    pub(super) fn session(&self) -> Option<Identity> {
        self.gateway.authenticator.session(
            self.organization(),
            &self.parts.headers,
            self.is_secure(),
            self.now,
        )
    }

    /// Whether the browser's connection is protected, as far as it is ours to know: cookies are
    /// made accordingly.
    pub(super) fn is_secure(&self) -> bool {
        self.connection.tls.is_some() || self.connection.proxy_spoke_https(&self.parts.headers)
    }

    /// The Authorization value, where it speaks HTTP Basic (RFC 7617).
    pub(super) fn basic_login(&self) -> Option<&HeaderValue> {
        let value = self.parts.headers.get(header::AUTHORIZATION)?;
        let scheme = value.as_bytes().get(..6)?;
        scheme.eq_ignore_ascii_case(b"basic ").then_some(value)
    }

    /// Proves a login, as far as the person's credentials may be proven here at all: from a listed
    /// country only those that would open the door.
    pub(super) async fn prove_basic(&self, login: &HeaderValue) -> Outcome {
        let eligible = |person: &Person| self.may_be_proven(person);
        self.gateway.authenticator.basic(self.attempt(&eligible), login).await
    }

    pub(super) fn attempt<'s>(
        &'s self,
        eligible: &'s (dyn Fn(&Person) -> bool + Send + Sync),
    ) -> Attempt<'s> {
        Attempt {
            organization: self.organization(),
            client: self.client_ip(),
            eligible,
            now: self.now,
        }
    }

    pub(super) fn may_be_proven(&self, person: &Person) -> bool {
        matches!(self.decide(Some(person)), Verdict::Allow(_))
    }

    /// The address that limits count by.
    fn client_ip(&self) -> std::net::IpAddr {
        match self.client {
            ClientAddress::Known(known) => known.judged(),
            ClientAddress::Unknown(_) => self.connection.peer.ip(),
        }
    }

    /// What the log keeps of this request.
    pub(super) fn facts(&self, identity: Option<&Identity>) -> Facts {
        let policy = &self.site.policy;
        let mut facts =
            answers::facts(self.connection, self.parts, self.client, &self.located, self.now);
        facts.as_number = self.snapshot.as_number(&self.client);
        facts.site = Some(self.site.site.id.clone());
        facts.organization = Some(self.organization().clone());
        facts.domain = Some(self.canonical.host().to_owned());
        facts.location = self.corrected_location();
        facts.path = Some(self.canonical.path().to_owned());
        facts.query = self.canonical.path_and_query().query().map(ToOwned::to_owned);
        facts.user = identity.map(|identity| identity.user_name().to_string());
        facts.person = identity.map(|identity| identity.person().clone());
        facts.list = policy
            .list_version(self.now)
            .map(|version| (policy.list().id().clone(), Arc::from(version.version.as_str())));
        facts.mode = Some(policy.mode(self.now));
        facts.database_built = Some(self.snapshot.database.info().built);
        facts
    }

    /// The language that a page is written in.
    pub(super) fn language(&self) -> Language {
        let accept = self.parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
        Language::negotiate(accept, self.site.organization.language)
    }

    /// Whether a person reads the answer.
    pub(super) fn is_browser(&self) -> bool {
        let accept = self.parts.headers.get(header::ACCEPT).and_then(|v| v.to_str().ok());
        accept.is_some_and(|accept| accept.contains("text/html"))
    }

    /// Somebody's credentials did not open what they were for; the log says why, the answer does not.
    /// On disk before the answer goes out, as every sign-in is.
    pub(super) async fn record_failed_sign_in(&self, why: Why, claimed: Option<&UserName>) {
        let event = self
            .event(Action::SignInFailed, claimed.map(UserName::as_str))
            .outcome(audit::Outcome::Failure)
            .detail("why", why.word());
        if self.gateway.audit.record(event).durable().await.is_err() {
            tracing::error!("a failed sign-in could not be written to the audit log");
        }
    }

    /// Writes an event down that nobody waits for.
    pub(super) fn note(&self, event: Event) {
        drop(self.gateway.audit.record(event));
    }

    /// An event of this request.
    pub(super) fn event(&self, action: Action, user: Option<&str>) -> Event {
        let event = Event::new(action, self.now, clock::random_bytes()).facts(&self.facts(None));
        match user {
            Some(name) => event.user(name),
            None => event,
        }
    }

    pub(super) fn measure(&self, started: Instant) {
        let elapsed = clock::instant().duration_since(started);
        metrics::histogram!(
            "geovagt_request_duration_seconds",
            "site" => self.site.site.id.to_string()
        )
        .record(elapsed);
    }
}

/// Whether this client gets no byte for a request that reaches no site: it names one that would
/// reject the client so, or every site there is would.
fn is_silent(
    snapshot: &Snapshot,
    host: Option<&str>,
    address: ClientAddress,
    located: &Located,
    now: Timestamp,
) -> bool {
    let closes = |site: &Arc<ProtectedSite>| {
        let subject = Subject { address, location: located.location, person: None };
        let verdict = || policy::decide(&site.policy, &subject, &snapshot.exemptions, now);
        site.site.denial == DenialStyle::Close && matches!(verdict(), Verdict::Deny(_))
    };
    match host.and_then(|host| snapshot.sites.by_host(host)) {
        Some(site) => closes(site),
        None => !snapshot.sites.all().is_empty() && snapshot.sites.all().iter().all(closes),
    }
}
