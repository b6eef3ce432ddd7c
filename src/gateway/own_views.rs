//! The three pages that tell a visitor something: the list, privacy, and what the gateway sees.

use http::Response;

use super::address_page::may_grant;
use super::answers;
use super::body::ResponseBody;
use super::exchange::Exchange;
use super::pages::{
    self, AddressGrantSeen, AddressOrigin, Announced, Change, Countries, Failure, ListedEntry,
    Names, OwnExemption, Privacy, Seen, SeenLocation, SeenVerdict,
};
use crate::client_address::{ClientAddress, HeaderSource};
use crate::identity::Identity;
use crate::language::Language;
use crate::policy::{ListVersion, Location, Verdict};
use crate::territory::{self, Territory};

/// The list in force, the announced one, and what changes.
pub(super) fn countries(exchange: &Exchange<'_>) -> Response<ResponseBody> {
    let (policy, now) = (exchange.policy(), exchange.now);
    let language = exchange.language();
    let Some(version) = policy.list_version(now) else {
        return answers::without_entry(exchange, Failure::PageNotFound);
    };
    let names = |territories: Vec<Territory>| sorted_names(territories, language);
    let mut listed = version.territories.to_vec();
    territory::sort_by_name(&mut listed, language);
    let entry_names: Vec<(String, Option<String>)> = listed
        .iter()
        .map(|t| {
            let within = t
                .subdivision()
                .map(|_| Territory::country_of(t.country()).name(language).into_owned());
            (t.name(language).into_owned(), within)
        })
        .collect();
    let entries: Vec<ListedEntry<'_>> = entry_names
        .iter()
        .map(|(name, within)| ListedEntry { name, within: within.as_deref() })
        .collect();
    let versions = policy.list().versions();
    let earlier = versions.iter().rev().find(|v| v.effective_from < version.effective_from);
    let latest = earlier.map(|earlier| changes(earlier, version, names));
    let next = policy.list().announced(now).map(|next| (next, changes(version, next, names)));
    let latest = latest.as_ref().map(|(added, removed)| (borrowed(added), borrowed(removed)));
    let next =
        next.as_ref().map(|(next, (added, removed))| (*next, borrowed(added), borrowed(removed)));
    let page = pages::countries(&Countries {
        organization: &exchange.site.organization,
        language,
        version: &version.version,
        source: &version.source,
        adopted_by: &version.adopted_by,
        adopted_on: version.adopted_on,
        announced_on: version.announced_on,
        effective_from: version.effective_from,
        mode: policy.mode(now),
        entries: &entries,
        latest_change: latest.as_ref().map(|(added, removed)| Change { added, removed }),
        announced: next.as_ref().map(|(next, added, removed)| Announced {
            version: &next.version,
            effective_from: next.effective_from,
            change: Change { added, removed },
        }),
    });
    answers::respond(exchange.parts, page)
}

fn changes(
    before: &ListVersion,
    after: &ListVersion,
    names: impl Fn(Vec<Territory>) -> Vec<String>,
) -> (Vec<String>, Vec<String>) {
    let missing_in = |these: &ListVersion, those: &ListVersion| {
        these.territories.to_vec().into_iter().filter(|&t| !those.territories.names(t)).collect()
    };
    (names(missing_in(after, before)), names(missing_in(before, after)))
}

fn sorted_names(mut territories: Vec<Territory>, language: Language) -> Vec<String> {
    territory::sort_by_name(&mut territories, language);
    territories.iter().map(|t| t.name(language).into_owned()).collect()
}

fn borrowed(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// What is stored, and how long.
pub(super) fn privacy(exchange: &Exchange<'_>) -> Response<ResponseBody> {
    let audit = &exchange.snapshot.config.audit;
    let page = pages::privacy(&Privacy {
        organization: &exchange.site.organization,
        language: exchange.language(),
        retention: audit.retention,
        allowed: audit.allowed,
        pseudonymise_after: None,
        query_strings: audit.query_strings,
        db_ip: exchange.snapshot.is_db_ip(),
    });
    answers::respond(exchange.parts, page)
}

/// What the gateway sees of a visitor who is not rejected, and why.
pub(super) fn seen(exchange: &Exchange<'_>, stranger: &Verdict) -> Response<ResponseBody> {
    let (policy, now) = (exchange.policy(), exchange.now);
    let identity = exchange.visitor();
    let own = identity.as_ref().map(|identity| exchange.decide_for(identity));
    let verdict = own.as_ref().unwrap_or(stranger);
    let exemption = match verdict {
        Verdict::Allow(permit) => permit.exemption(),
        Verdict::Identify(_) | Verdict::Deny(_) => None,
    };
    let held = exemption.and_then(|id| exchange.snapshot.exemptions.get(id));
    let until = held.and_then(crate::policy::TravelExemption::journey).map(|(_, until)| until);
    let location = exchange.corrected_location();
    let names = location.territory().map(|t| (t.name(Language::Danish), t.name(Language::English)));
    let version = policy.list_version(now);
    let page = pages::seen(&Seen {
        organization: &exchange.site.organization,
        language: exchange.language(),
        at: now,
        site: exchange.canonical.host(),
        address: known(exchange).map(|known| known.seen()),
        judged: known(exchange).filter(|k| k.seen() != k.judged()).map(|k| k.judged()),
        origin: origin(exchange),
        location: match (&names, location) {
            (Some((danish, english)), Location::Country { .. }) => SeenLocation::Country {
                names: Names { danish, english },
                listed: version.is_some_and(|v| v.territories.covering(location).is_some()),
            },
            (_, Location::PrivateNetwork) => SeenLocation::PrivateNetwork,
            (_, Location::AddressUnknown) => SeenLocation::AddressUnknown,
            (_, Location::NotInDatabase | Location::Country { .. }) => SeenLocation::NotInDatabase,
        },
        verdict: match verdict {
            Verdict::Allow(_) => SeenVerdict::Allowed,
            Verdict::Identify(_) => SeenVerdict::Identify,
            Verdict::Deny(_) => SeenVerdict::Denied,
        },
        reason: verdict.reason(),
        mode: policy.mode(now),
        list_version: version.map(|v| v.version.as_str()),
        database_built: Some(exchange.snapshot.database.info().built),
        db_ip: exchange.snapshot.is_db_ip(),
        reference: None,
        signed_in_as: identity.as_ref().map(|identity| identity.user_name().as_str()),
        exemption: exemption.zip(until).map(|(id, until)| OwnExemption { id: id.as_str(), until }),
        address_grant: identity.as_ref().map_or(AddressGrantSeen::None, |i| grants(exchange, i)),
    });
    answers::respond(exchange.parts, page)
}

fn grants(exchange: &Exchange<'_>, identity: &Identity) -> AddressGrantSeen {
    let authenticator = &exchange.gateway.authenticator;
    let running = authenticator.own_grants(identity, &exchange.site.site.id, exchange.now);
    match running.iter().map(|grant| grant.until).max() {
        Some(until) => AddressGrantSeen::Runs(until),
        None if may_grant(exchange, identity).is_some() => AddressGrantSeen::Offered,
        None => AddressGrantSeen::None,
    }
}

fn known(exchange: &Exchange<'_>) -> Option<crate::client_address::KnownAddress> {
    match exchange.client {
        ClientAddress::Known(known) => Some(known),
        ClientAddress::Unknown(_) => None,
    }
}

fn origin(exchange: &Exchange<'_>) -> AddressOrigin {
    match exchange.connection.address_source().source {
        HeaderSource::Peer => AddressOrigin::Peer,
        HeaderSource::XForwardedFor => AddressOrigin::XForwardedFor,
        HeaderSource::Forwarded => AddressOrigin::Forwarded,
        HeaderSource::ProxyProtocol => AddressOrigin::ProxyProtocol,
    }
}
