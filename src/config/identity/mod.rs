//! `identity`: the ways to know a person, a file a kind.

mod bearer;
mod block;
mod client_certificate;
mod client_key;
mod ldap;
mod local;
mod oidc;
mod token;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_yaml::{Location, Spanned};

use super::checker::{Checker, Entries, Text, Wrong, all};
use super::names::Names;
use super::nearest::known_names;
use crate::identifier::ProviderId;
use block::{Block, Value};

pub use bearer::Bearer;
pub use client_certificate::{CertificateName, ClientCertificate};
pub use client_key::{AssertionAudience, ClientKey};
pub use ldap::{Ldap, LdapPassword, LdapServer};
pub use local::Local;
pub use oidc::{ClientAuthentication, ClientSecret, Oidc};
pub use token::{ClaimNames, MultiFactor, Reach, SigningAlgorithm, TokenRules};

/// `identity.*`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// `local`: accounts in the store.
    Local(Local),
    /// `oidc`: an OpenID Connect provider.
    Oidc(Arc<Oidc>),
    /// `bearer`: tokens that a client brings along.
    Bearer(Arc<Bearer>),
    /// `ldap`: a directory.
    Ldap(Arc<Ldap>),
    /// `client_certificate`: certificates that devices show.
    ClientCertificate(Arc<ClientCertificate>),
}

impl Provider {
    /// Whether somebody can be proven here by name and password.
    #[must_use]
    pub fn proves_passwords(&self) -> bool {
        matches!(self, Self::Local(_) | Self::Ldap(_))
    }
}

/// A provider. Which keys it takes depends on its kind, so any are read.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct RawProvider(Entries<Spanned<Value>>);

/// Which struct checks a block.
#[derive(Clone, Copy)]
enum Kind {
    Local,
    Oidc,
    Bearer,
    Ldap,
    ClientCertificate,
}

const KINDS: [(&str, Kind); 5] = [
    ("local", Kind::Local),
    ("oidc", Kind::Oidc),
    ("bearer", Kind::Bearer),
    ("ldap", Kind::Ldap),
    ("client_certificate", Kind::ClientCertificate),
];

/// Default `{local: {kind: local}}`.
pub(super) fn check(
    raw: Option<&Entries<RawProvider>>,
    names: &Names,
    check: &mut Checker<'_>,
) -> BTreeMap<ProviderId, Provider> {
    let Some(raw) = raw else {
        let local = ProviderId::parse("local").ok();
        return local.map(|id| (id, Provider::Local(Local {}))).into_iter().collect();
    };
    let mut providers = BTreeMap::new();
    let (mut mentioned, mut certified) = (Vec::new(), Vec::new());
    for (key, provider) in &raw.0 {
        let checked = provider.check(key.referenced, (&mut mentioned, &mut certified), check);
        if let (Ok(id), Some(checked)) = (ProviderId::parse(&key.value), checked)
            && names.providers.holds(&id)
        {
            providers.insert(id, checked);
        }
    }
    for text in &mentioned {
        people_of(text, names, &providers, check);
    }
    for text in &certified {
        let Some(id) = names.providers.mentioned(text, check) else { continue };
        if let Some(Provider::Bearer(_) | Provider::ClientCertificate(_)) = providers.get(&id) {
            let says = format!("`{id}` has no people with login names of their own");
            let help = "name a provider of kind local, ldap or oidc, or leave it out: the certificate's name is then the subject that an exemption is given to";
            check.refuse(text.referenced, says, help);
        }
    }
    providers
}

/// Two ways to know the same people must mean the same by a subject: of the kinds there are, those
/// of OpenID Connect do.
fn people_of(
    text: &Text,
    names: &Names,
    providers: &BTreeMap<ProviderId, Provider>,
    check: &mut Checker<'_>,
) {
    let Some(id) = names.providers.mentioned(text, check) else { return };
    if let Some(Provider::Oidc(_)) | None = providers.get(&id) {
        return;
    }
    let says = format!("`{id}` is no provider of kind oidc");
    check.refuse(text.referenced, says, "name the one whose people bring these tokens");
}

impl RawProvider {
    fn check(
        &self,
        here: Location,
        (mentioned, certified): (&mut Vec<Text>, &mut Vec<Text>),
        check: &mut Checker<'_>,
    ) -> Option<Provider> {
        let mut block = Block::new(&self.0, here);
        let word = block.text("kind", check);
        let word = check.required(&word, "kind", here)?;
        let kind = check.parsed(word, "a kind of provider", kind_of)?;
        let provider = match kind {
            Kind::Local => local::check(&mut block, check).map(Provider::Local),
            Kind::Oidc => oidc::check(&mut block, check).map(|oidc| Provider::Oidc(Arc::new(oidc))),
            Kind::Bearer => bearer::check(&mut block, check).map(|(bearer, people_of)| {
                mentioned.extend(people_of);
                Provider::Bearer(Arc::new(bearer))
            }),
            Kind::Ldap => ldap::check(&mut block, check).map(|ldap| Provider::Ldap(Arc::new(ldap))),
            Kind::ClientCertificate => {
                client_certificate::check(&mut block, check).map(|(certificate, people_of)| {
                    certified.extend(people_of);
                    Provider::ClientCertificate(Arc::new(certificate))
                })
            }
        };
        // Keys that a kind does not know are told of, also where something else is wrong.
        let known = block.finish(check);
        provider.filter(|_| known)
    }
}

fn kind_of(word: &str) -> Result<Kind, Wrong> {
    KINDS.iter().find(|(name, _)| *name == word).map(|(_, kind)| *kind).ok_or_else(|| {
        let names = KINDS.iter().map(|(name, _)| *name);
        Wrong::new("is no kind of provider", known_names(word, names))
    })
}

#[cfg(test)]
mod tests;
