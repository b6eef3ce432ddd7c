//! One request from its head on: what is known about it before anything is decided.

use std::sync::Arc;
use std::time::Instant;

use http::request::Parts;
use http::{HeaderValue, Method, header};
use jiff::Timestamp;

use super::canonical::{self, Ambiguous, Canonical};
use super::handle::Instead;
use super::sites::ProtectedSite;
use super::{Gateway, Snapshot, answers, headers, logged, own_pages};
use crate::audit::{self, Action, Event, Facts};
use crate::client_address::ClientAddress;
use crate::clock;
use crate::config::{DenialStyle, Provider};
use crate::geoip::Located;
use crate::identifier::{OrganizationId, ProviderId};
use crate::identity::{self, Attempt, Certified, Holders, Identity, KnownDevice, Outcome, Why};
use crate::language::Language;
use crate::listen::{ConnectionAddress, ConnectionFacts};
use crate::policy::{
    self, Choice, Location, Person, Policy, Proof, Reason, Subject, TravelExemption, UnclearPath,
    UserName, Verdict,
};

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
    /// The device that the request comes from, where it is a known one.
    pub(super) device: Option<Box<KnownDevice>>,
    choice: Choice,
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
        if connection.forward_auth.is_some() && headers::says_in_our_name(&parts.headers) {
            let silent = silent(Some(canonical.host()));
            return Err(Box::new(answers::unclear(&unsited(silent), Ambiguous::Statement)));
        }
        let Some(site) = snapshot.sites.by_host(canonical.host()) else {
            return Err(Box::new(answers::no_site(&unsited(silent(None)))));
        };
        let site = Arc::clone(site);
        let device = known_device(gateway, &site.organization.id, (parts, &canonical), connection);
        let proof = brought(device.as_deref());
        let decide = |policy: &Policy| {
            let (address, location) = (client, located.location);
            let subject = Subject { address, location, person: None, proof };
            policy::decide(policy, &subject, &snapshot.exemptions, now)
        };
        let choice = if own_pages::is_own_page(canonical.path()) {
            site.policies.choose_for_own_pages(decide)
        } else {
            let only_reads = only_reads(parts, &canonical) && !keeps_more(connection, parts);
            site.policies.choose(canonical.path(), only_reads).map_err(|UnclearPath| {
                let silent = silent(Some(canonical.host()));
                Box::new(answers::unclear(&unsited(silent), Ambiguous::PathRule))
            })?
        };
        Ok(Self {
            gateway,
            snapshot,
            connection,
            parts,
            now,
            canonical,
            client,
            located,
            site,
            device,
            choice,
        })
    }

    /// The verdict for this request by whoever has not said who they are.
    pub(super) fn decide(&self) -> Verdict {
        self.decide_by(None, brought(self.device.as_deref())).1
    }

    /// The verdict for this request by somebody who has been proven.
    pub(super) fn decide_for(&self, identity: &Identity) -> Verdict {
        let device = device_of(identity, self.device.as_deref()).map(KnownDevice::proof);
        let proof = Proof { multi_factor: identity.multi_factor(), device };
        self.decide_by(Some(identity.person()), proof).1
    }

    /// The policy that decides at this path about whoever has not said who they are.
    pub(super) fn policy(&self) -> &Policy {
        self.site.policies.only(&self.choice).unwrap_or_else(|| self.decide_by(None, Proof::NONE).0)
    }

    /// Whether this is an ACME challenge, for which nobody's credentials play a part.
    pub(super) fn is_acme_challenge(&self) -> bool {
        self.choice.is_acme_challenge()
    }

    fn decide_by(&self, person: Option<&Person>, proof: Proof<'_>) -> (&Policy, Verdict) {
        let (address, location) = (self.client, self.location());
        let subject = Subject { address, location, person, proof };
        self.site.policies.strictest(&self.choice, |policy| {
            policy::decide(policy, &subject, &self.snapshot.exemptions, self.now)
        })
    }

    /// What the database says.
    fn location(&self) -> Location {
        self.located.location
    }

    /// What is decided by: the database's word, or a correction's.
    pub(super) fn corrected_location(&self) -> Location {
        self.policy().corrected(self.client, self.location(), self.now)
    }

    pub(super) fn organization(&self) -> &OrganizationId {
        &self.site.organization.id
    }

    /// The person that a valid session cookie names, where the site takes the provider that proved
    /// them.
    pub(super) fn session(&self) -> Option<Identity> {
        // Most requests bring no cookie at all.
        self.parts.headers.get(header::COOKIE)?;
        let session = self.gateway.authenticator.session(
            self.organization(),
            &self.parts.headers,
            self.is_secure(),
            self.now,
        );
        session.filter(|identity| self.takes(identity.person()))
    }

    /// Whether a form that was sent came from a page of ours, shown to this browser.
    pub(super) fn vouches(&self, form: &[u8]) -> bool {
        let (organization, headers) = (self.organization(), &self.parts.headers);
        self.gateway.authenticator.vouches(organization, headers, self.is_secure(), form)
    }

    /// Whether the site takes the provider that proves this person.
    pub(super) fn takes(&self, person: &Person) -> bool {
        self.site.site.identity_providers.contains(person.provider())
    }

    /// The person whom the certificate of the client's own connection names, with that certificate.
    /// What was shown for one host counts for no other, and a proxy's certificate for nobody.
    pub(super) fn certified(&self) -> Option<Identity> {
        let tls = self.connection.tls.as_ref()?;
        let shown = tls.certificate.as_ref()?;
        let own = matches!(self.connection.address, ConnectionAddress::Settled(_));
        if !own || tls.server_name.as_deref() != Some(self.canonical.host()) {
            return None;
        }
        let taken = &self.site.site.identity_providers;
        let good = shown.accepted_by(self.now);
        good.iter().filter(|provider| taken.contains(provider)).find_map(|provider| {
            let Some(Provider::ClientCertificate(rule)) =
                self.snapshot.config.identity.get(provider)
            else {
                return None;
            };
            let theirs = rule.people_of.as_ref();
            let has = |id: &ProviderId| self.site.organization.identity_providers.contains(id);
            if !theirs.is_none_or(has) {
                return None;
            }
            let holders = |visit: &mut dyn FnMut(&Person, &UserName)| self.holders(visit);
            let named = Certified {
                organization: self.organization(),
                provider,
                people_of: theirs,
                name: &shown.name(rule.name)?,
                issued: shown.issued()?,
                holders: &holders,
            };
            self.gateway.authenticator.certified(&named)
        })
    }

    /// Who it is on the gateway's own pages: whom a session names, else whom the certificate does.
    pub(super) fn visitor(&self) -> Option<Identity> {
        self.session().or_else(|| self.certified())
    }

    /// The people for whom the client's address may pass to this site for a while.
    pub(super) fn granted(&self) -> Vec<Identity> {
        let site = &self.site.site.id;
        let mut granted = match self.client {
            ClientAddress::Known(known) => {
                self.gateway.authenticator.granted(site, known.judged(), self.now)
            }
            ClientAddress::Unknown(_) => Vec::new(),
        };
        granted.retain(|identity| self.takes(identity.person()));
        granted
    }

    /// Whether the browser's connection is protected, as far as it is ours to know: cookies are
    /// made accordingly.
    pub(super) fn is_secure(&self) -> bool {
        self.connection.is_secure(&self.parts.headers)
    }

    /// The Authorization value, where it speaks HTTP Basic (RFC 7617).
    pub(super) fn basic_login(&self) -> Option<&HeaderValue> {
        let value = self.parts.headers.get(header::AUTHORIZATION)?;
        let scheme = value.as_bytes().get(..6)?;
        scheme.eq_ignore_ascii_case(b"basic ").then_some(value)
    }

    /// The Authorization value, where it brings a bearer token (RFC 6750) and the site takes those.
    pub(super) fn bearer_token(&self) -> Option<&HeaderValue> {
        let value = self.parts.headers.get(header::AUTHORIZATION)?;
        let scheme = value.as_bytes().get(..7)?;
        let takes = || self.gateway.authenticator.takes_bearer(&self.site.site.identity_providers);
        (scheme.eq_ignore_ascii_case(b"bearer ") && takes()).then_some(value)
    }

    /// Proves a bearer token. Whose it is is known only then; for whom the door does not open, it
    /// proves nothing.
    pub(super) async fn prove_bearer(&self, token: &HeaderValue) -> Outcome {
        // Which factors it tells of is known only then, too; the decision that follows looks at them.
        let device = self.device.as_deref().map(KnownDevice::proof);
        let proof = Proof { multi_factor: true, device };
        let eligible =
            |person: &Person| matches!(self.decide_by(Some(person), proof).1, Verdict::Allow(_));
        let taken = &self.site.site.identity_providers;
        self.gateway.authenticator.bearer(self.attempt(&eligible, &|_| {}), taken, token).await
    }

    /// Proves a login, as far as the person's credentials may be proven here at all: from a listed
    /// country only those that would open the door.
    pub(super) async fn prove_basic(&self, login: &HeaderValue) -> Outcome {
        let eligible = |person: &Person| self.may_be_proven(person);
        let holders = |visit: &mut dyn FnMut(&Person, &UserName)| self.holders(visit);
        self.gateway.authenticator.basic(self.attempt(&eligible, &holders), login).await
    }

    pub(super) fn attempt<'s>(
        &'s self,
        eligible: &'s (dyn Fn(&Person) -> bool + Send + Sync),
        holders: &'s Holders<'s>,
    ) -> Attempt<'s> {
        Attempt {
            organization: self.organization(),
            client: self.client_ip(),
            eligible,
            holders,
            now: self.now,
        }
    }

    pub(super) fn may_be_proven(&self, person: &Person) -> bool {
        self.takes(person) && self.lets_in(person)
    }

    /// Whether the decision would be yes, were it this person with a password. Where everybody gets
    /// in because one of them travels, that says nothing for this person: nobody's password is
    /// proven there, or a whole country could try them all.
    pub(super) fn lets_in(&self, person: &Person) -> bool {
        let proof = brought(self.device.as_deref());
        match self.decide_by(Some(person), proof).1 {
            Verdict::Allow(permit) => permit.reason() != Reason::SignInSite,
            Verdict::Identify(_) | Verdict::Deny(_) => false,
        }
    }

    /// Whether somebody who has been proven may come in.
    pub(super) fn takes_in(&self, identity: &Identity) -> bool {
        self.takes(identity.person()) && matches!(self.decide_for(identity), Verdict::Allow(_))
    }

    /// Shows whoever holds an exemption of this organisation's, with the name it was given under.
    pub(super) fn holders(&self, visit: &mut dyn FnMut(&Person, &UserName)) {
        let of_this = |exemption: &&TravelExemption| exemption.organization == *self.organization();
        for exemption in self.snapshot.exemptions.iter().filter(of_this) {
            visit(&exemption.person, &exemption.user_name);
        }
    }

    /// The address that limits count by.
    pub(super) fn client_ip(&self) -> std::net::IpAddr {
        match self.client {
            ClientAddress::Known(known) => known.judged(),
            ClientAddress::Unknown(_) => self.connection.peer.ip(),
        }
    }

    /// What the log keeps of this request.
    pub(super) fn facts(&self, identity: Option<&Identity>) -> Facts {
        let policy = self.policy();
        let mut facts =
            answers::facts(self.connection, self.parts, self.client, &self.located, self.now);
        facts.as_number = self.snapshot.as_number(&self.client);
        facts.site = Some(self.site.site.id.clone());
        facts.organization = Some(self.organization().clone());
        facts.domain = Some(self.canonical.host().into());
        facts.location = self.corrected_location();
        let path = self.canonical.path();
        facts.path = Some(logged::path(path).into());
        facts.query = logged::query(path, self.canonical.path_and_query().query()).map(Into::into);
        facts.user = identity.map(|identity| identity.user_name().as_str().into());
        facts.person = identity.map(|identity| identity.person().clone());
        facts.list = policy
            .list_version(self.now)
            .map(|version| (policy.list().id().clone(), version.version.as_str().into()));
        facts.mode = Some(policy.mode(self.now));
        facts.path_rule = policy.path_rule().cloned();
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
        self.site.traffic.took(clock::instant().duration_since(started));
    }
}

/// What a request brings along before anybody has said who they are.
fn brought(device: Option<&KnownDevice>) -> Proof<'_> {
    Proof { multi_factor: false, device: device.map(KnownDevice::proof) }
}

/// The device of an identity: its own, or else the one that the request comes from.
pub(super) fn device_of<'p>(
    identity: &'p Identity,
    device: Option<&'p KnownDevice>,
) -> Option<&'p KnownDevice> {
    identity.device().or(device.filter(|_| identity.names_the_person()))
}

/// The device that a request names. Most name none, and cost a look at two headers.
fn known_device(
    gateway: &Gateway,
    organization: &OrganizationId,
    (parts, canonical): (&Parts, &Canonical),
    connection: &ConnectionFacts,
) -> Option<Box<KnownDevice>> {
    if !identity::may_name_a_device(&parts.headers, canonical.path()) {
        return None;
    }
    let secure = connection.is_secure(&parts.headers);
    let target = canonical.path_and_query();
    gateway.authenticator.device(organization, &parts.headers, secure, target).map(Box::new)
}

/// Whether a request asks for a document and brings nothing along.
fn only_reads(parts: &Parts, canonical: &Canonical) -> bool {
    matches!(parts.method, Method::GET | Method::HEAD)
        && canonical.path_and_query().query().is_none()
        && !parts.headers.contains_key(header::TRANSFER_ENCODING)
        && !parts.headers.contains_key(header::UPGRADE)
        && parts.headers.get(header::CONTENT_LENGTH).is_none_or(|length| length == "0")
}

/// Whether another proxy will forward the request, and with it a login, cookie or change of protocol
/// that is not ours to take out.
fn keeps_more(connection: &ConnectionFacts, parts: &Parts) -> bool {
    connection.forward_auth.is_some_and(|asked| {
        let credentials = [header::AUTHORIZATION, header::COOKIE];
        asked.changes || credentials.iter().any(|n| parts.headers.contains_key(n))
    })
}

/// Whether this client gets no byte for a request that reaches no site: it names one that would
/// reject the client so, or every site there is would.
pub(super) fn is_silent(
    snapshot: &Snapshot,
    host: Option<&str>,
    address: ClientAddress,
    located: &Located,
    now: Timestamp,
) -> bool {
    let closes = |site: &Arc<ProtectedSite>| {
        let subject =
            Subject { address, location: located.location, person: None, proof: Proof::NONE };
        let verdict = || policy::decide(site.policy(), &subject, &snapshot.exemptions, now);
        site.site.denial == DenialStyle::Close && matches!(verdict(), Verdict::Deny(_))
    };
    match host.and_then(|host| snapshot.sites.by_host(host)) {
        Some(site) => closes(site),
        None => {
            let mut by_http = snapshot.sites.by_http().peekable();
            by_http.peek().is_some() && by_http.all(closes)
        }
    }
}
