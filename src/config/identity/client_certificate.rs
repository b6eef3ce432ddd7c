//! `kind: client_certificate`

use std::path::PathBuf;

use super::block::Block;
use crate::config::checker::{Checker, Text, all};
use crate::identifier::ProviderId;

/// Certificates that managed devices show. A listener asks for them
/// (`listeners[].tls.client_certificates`), and a site takes them under `identity_providers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The authority that issues them, PEM: nobody else's count.
    pub ca: PathBuf,
    /// Its revocation lists; none: nothing is ever revoked.
    pub crl: Vec<PathBuf>,
    /// Which subject alternative name says whose device it is.
    pub name: CertificateName,
    /// The provider whose people these are, by their login name; none: people of this provider
    /// alone, by that name.
    pub people_of: Option<ProviderId>,
}

/// `name`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CertificateName {
    /// `upn`: the user principal name, an otherName.
    UserPrincipalName,
    /// `mail`
    Mail,
    /// `dns`
    Dns,
}

/// Also gives the text under `people_of`, which only the whole section can check.
pub(super) fn check(
    block: &mut Block<'_>,
    check: &mut Checker<'_>,
) -> Option<(ClientCertificate, Option<Text>)> {
    let here = block.here();
    let ca = block.text("ca", check);
    let ca = check.required(&ca, "ca", here).and_then(|text| check.path(text));
    let crl = block.texts("crl", check).unwrap_or_default();
    let crl = all(crl.iter().map(|text| check.path(text)));
    let words = [
        ("upn", CertificateName::UserPrincipalName),
        ("mail", CertificateName::Mail),
        ("dns", CertificateName::Dns),
    ];
    let name = block.text("name", check);
    let name = check.word(name.as_ref(), CertificateName::UserPrincipalName, &words);
    let people_of = block.text("people_of", check);
    let named = match &people_of {
        Some(text) => check.value(text).and_then(|name| ProviderId::parse(&name).ok()).map(Some),
        None => Some(None),
    };
    let certificate = ClientCertificate { ca: ca?, crl: crl?, name: name?, people_of: named? };
    Some((certificate, people_of))
}
