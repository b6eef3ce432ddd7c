//! The derivation itself: peer, trusted networks and headers in, one address or *unknown* out.

use std::net::IpAddr;

use http::header::{FORWARDED, GetAll, HeaderName};
use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;

use super::explain::{Notes, Step};
use super::{
    AddressSource, ClientAddress, HeaderSource, KnownAddress, UnknownBecause, forwarded,
    is_private_network, x_forwarded_for,
};

/// The lines of one header together are at most this many bytes long; more is unparsable.
pub const MAXIMUM_HEADER_LENGTH: usize = 8 * 1024;
/// A chain has at most this many addresses; more is unparsable.
pub const MAXIMUM_HOPS: usize = 64;

/// What proxies send beside the two headers that can be a source: never read, but whoever sends one
/// is a proxy.
const OTHERS: [HeaderName; 6] = [
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-client-ip"),
    HeaderName::from_static("x-cluster-client-ip"),
    HeaderName::from_static("true-client-ip"),
    HeaderName::from_static("cf-connecting-ip"),
    HeaderName::from_static("x-original-forwarded-for"),
];

/// What one proxy of a chain says about the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hop {
    /// This address.
    Address(IpAddr),
    /// It does not know, or will not tell.
    NotStated,
    /// Nothing that can be read.
    Unparsable,
}

/// What a PROXY protocol preamble says. Reading its bytes is the listener's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preamble {
    /// There was none.
    Missing,
    /// Version 1 `UNKNOWN`, version 2 `LOCAL`, or an address that is no IP address.
    NotStated,
    /// The client's address.
    Stated(IpAddr),
}

/// A preamble from a peer that is no trusted proxy: the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a peer that is not a trusted proxy sent a PROXY protocol header")]
pub struct PreambleRefused;

/// Derives the client's address of one request.
///
/// Only the header that `source` names is read, and only where the peer is a trusted proxy; then its
/// chain, with the peer appended, is walked from the right past trusted networks, and the first
/// address outside of them is the client. What the walk does not reach is what the client or an
/// untrusted machine wrote and plays no part, but for lengths, and for `Forwarded`, whose lines
/// have to follow the grammar of RFC 7239 as a whole (an open quotation mark could swallow what
/// a trusted proxy appended).
///
/// A private peer that is no trusted proxy and sends `X-Forwarded-For`, `Forwarded`, `X-Real-IP` or
/// the like is a proxy that nobody named: unknown, whatever the source is. From a public one the
/// header is ignored.
#[must_use]
pub fn derive(peer: IpAddr, source: &AddressSource, headers: &HeaderMap) -> ClientAddress {
    derive_noting(peer, source, headers, &mut ())
}

pub(super) fn derive_noting(
    peer: IpAddr,
    source: &AddressSource,
    headers: &HeaderMap,
    notes: &mut impl Notes,
) -> ClientAddress {
    let peer = peer.to_canonical();
    if !trusts(&source.trusted_proxies, peer) {
        notes.note(Step::UntrustedPeer(peer));
        return behind_unnamed_proxy(known(peer), headers, notes);
    }
    notes.note(Step::TrustedPeer(peer));
    let trusted = &source.trusted_proxies;
    let walked = match source.source {
        // A trusted proxy is never the client; which header speaks for it has not been said.
        HeaderSource::Peer => return ClientAddress::Unknown(UnknownBecause::OnlyProxies),
        HeaderSource::ProxyProtocol => {
            return ClientAddress::Unknown(UnknownBecause::HeaderMissing);
        }
        HeaderSource::XForwardedFor => {
            x_forwarded_for::hops(headers).map(|hops| walk(hops, trusted, notes))
        }
        HeaderSource::Forwarded => forwarded::hops(headers).map(|hops| walk(hops, trusted, notes)),
    };
    walked.unwrap_or_else(ClientAddress::Unknown)
}

/// Derives the client's address of a connection that speaks the PROXY protocol.
///
/// From a trusted proxy the preamble is the one source: missing, `LOCAL` or `UNKNOWN` leave the
/// address unknown, and so does one that names a trusted proxy as the client. Any other peer is
/// the client itself.
///
/// # Errors
/// [`PreambleRefused`] where a peer that is not trusted sent one.
pub fn derive_proxy(
    peer: IpAddr,
    source: &AddressSource,
    preamble: Preamble,
) -> Result<ClientAddress, PreambleRefused> {
    let peer = peer.to_canonical();
    if !trusts(&source.trusted_proxies, peer) {
        return match preamble {
            Preamble::Missing => Ok(known(peer)),
            Preamble::NotStated | Preamble::Stated(_) => Err(PreambleRefused),
        };
    }
    Ok(match preamble {
        Preamble::Missing => ClientAddress::Unknown(UnknownBecause::HeaderMissing),
        Preamble::NotStated => ClientAddress::Unknown(UnknownBecause::NotStated),
        Preamble::Stated(ip) if trusts(&source.trusted_proxies, ip.to_canonical()) => {
            ClientAddress::Unknown(UnknownBecause::OnlyProxies)
        }
        Preamble::Stated(ip) => known(ip),
    })
}

/// Holds an address that the connection itself gave against the headers of a request: where it is
/// private and the request carries a client address, a proxy that nobody named stands between.
#[must_use]
pub fn unless_relayed(address: ClientAddress, headers: &HeaderMap) -> ClientAddress {
    behind_unnamed_proxy(address, headers, &mut ())
}

/// Whether this peer's word about the client counts.
#[must_use]
pub fn is_trusted(source: &AddressSource, peer: IpAddr) -> bool {
    trusts(&source.trusted_proxies, peer.to_canonical())
}

fn behind_unnamed_proxy(
    address: ClientAddress,
    headers: &HeaderMap,
    notes: &mut impl Notes,
) -> ClientAddress {
    let relayed = headers.contains_key(x_forwarded_for::NAME) || headers.contains_key(FORWARDED);
    let otherwise = || OTHERS.iter().any(|name| headers.contains_key(name));
    match address {
        ClientAddress::Known(known) if is_internal(known.seen()) && (relayed || otherwise()) => {
            notes.note(Step::PrivatePeerWithHeader);
            ClientAddress::Unknown(UnknownBecause::UntrustedPrivatePeer)
        }
        ClientAddress::Known(_) if relayed => {
            notes.note(Step::HeaderIgnored);
            address
        }
        ClientAddress::Known(_) | ClientAddress::Unknown(_) => address,
    }
}

/// Walks a chain, nearest proxy first, past trusted networks.
fn walk(
    hops: impl IntoIterator<Item = Hop>,
    trusted: &[IpNet],
    notes: &mut impl Notes,
) -> ClientAddress {
    for hop in hops {
        match hop {
            Hop::Address(ip) if trusts(trusted, ip.to_canonical()) => {
                notes.note(Step::TrustedHop(ip.to_canonical()));
            }
            Hop::Address(ip) => {
                notes.note(Step::FirstUntrustedHop(ip.to_canonical()));
                return known(ip);
            }
            Hop::NotStated => return ClientAddress::Unknown(UnknownBecause::NotStated),
            Hop::Unparsable => return ClientAddress::Unknown(UnknownBecause::Unparsable),
        }
    }
    ClientAddress::Unknown(UnknownBecause::OnlyProxies)
}

fn known(ip: IpAddr) -> ClientAddress {
    match KnownAddress::new(ip) {
        Ok(known) => ClientAddress::Known(known),
        Err(because) => ClientAddress::Unknown(because),
    }
}

fn trusts(trusted: &[IpNet], ip: IpAddr) -> bool {
    trusted.iter().any(|network| network.contains(&ip))
}

/// Private networks and the shared space of RFC 6598: where a proxy of one's own would stand.
fn is_internal(ip: IpAddr) -> bool {
    let shared = match ip {
        IpAddr::V4(v4) => matches!(v4.octets(), [100, 64..128, ..]),
        IpAddr::V6(_) => false,
    };
    shared || is_private_network(ip)
}

/// All lines of a header in order, or why they cannot be used.
pub(super) fn lines(
    headers: &HeaderMap,
    name: HeaderName,
) -> Result<GetAll<'_, HeaderValue>, UnknownBecause> {
    let lines = headers.get_all(name);
    if lines.iter().next().is_none() {
        return Err(UnknownBecause::HeaderMissing);
    }
    if lines.iter().map(HeaderValue::len).sum::<usize>() > MAXIMUM_HEADER_LENGTH {
        return Err(UnknownBecause::Unparsable);
    }
    Ok(lines)
}
