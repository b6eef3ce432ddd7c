//! The travel link: a token that binds the browser of the right person to an exemption.
//!
//! Always holds: of the token only a hash is kept; it is looked up for people alone who have signed
//! in, and tells whoever is not its traveller the same as a token that never was.

use http::HeaderValue;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Authenticator, Identity, keys};
use crate::clock;
use crate::identifier::SiteId;
use crate::policy::TravelExemption;
use crate::store::{LinkError, NewBrowser, SharedKey};

const TOKEN_OCTETS: usize = 18;
const TOKEN_LENGTH: usize = 2 * TOKEN_OCTETS;
const LONGEST_LABEL: usize = 200;

/// The token of a travel link, as it stands in the link.
pub struct LinkToken(Zeroizing<String>);

/// A link that may bind this browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsableLink {
    /// For which exemption.
    pub exemption: TravelExemption,
    /// Whether this browser is bound to it already.
    pub bound: bool,
}

impl LinkToken {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        Self(Zeroizing::new(hex::encode(clock::random_bytes::<TOKEN_OCTETS>())))
    }

    /// The one that a message brings, the same at each attempt to send it, so that it is kept nowhere.
    /// Nobody tells it who does not know the key that the nodes share.
    #[must_use]
    pub fn of_notice(key: &SharedKey, notice: &str) -> Self {
        let own = keys::derive(&key.secret, &format!("geovagt travel link 1 {notice}"));
        let octets = own.iter().take(TOKEN_OCTETS).copied().collect::<Vec<u8>>();
        Self(Zeroizing::new(hex::encode(octets)))
    }

    /// Reads one from a path; none where it cannot be one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == TOKEN_LENGTH && text.bytes().all(hex))
            .then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// For the link itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }
}

impl Default for LinkToken {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for LinkToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkToken")
    }
}

impl Authenticator {
    /// What a link is to somebody who has signed in. Changes nothing: mail scanners open links too.
    ///
    /// # Errors
    /// [`LinkError`] where it would bind nothing; whether it is used up shows when it binds.
    pub async fn link(
        &self,
        identity: &Identity,
        token: &LinkToken,
        mark: Option<&str>,
        now: Timestamp,
    ) -> Result<UsableLink, LinkError> {
        let link = self.0.store.travel_link(&token.hash()).await?;
        let own = link.filter(|link| link.exemption.person == identity.person);
        let link = own.ok_or(LinkError::Unknown)?;
        let bound = mark.is_some_and(|mark| {
            let organization = identity.person.organization();
            let kind = crate::store::DeviceKind::Browser;
            let kept = self.0.kept.load();
            kept.exemptions_of(organization, kind, mark).contains(&link.exemption.id)
        });
        if link.is_over(now) {
            return Err(LinkError::Ended);
        }
        Ok(UsableLink { exemption: link.exemption, bound })
    }

    /// Binds this browser, and gives the cookie that it is known by from now on.
    ///
    /// # Errors
    /// [`LinkError`]: nothing was bound.
    pub async fn bind(
        &self,
        identity: &Identity,
        token: &LinkToken,
        (site, label): (&SiteId, &str),
        mark: Option<String>,
        (now, secure): (Timestamp, bool),
    ) -> Result<(UsableLink, Option<HeaderValue>), LinkError> {
        let mark = mark.unwrap_or_else(Self::new_mark);
        let link = self.link(identity, token, Some(&mark), now).await?;
        if !link.bound {
            let label: String = label.chars().take(LONGEST_LABEL).collect();
            let (token_hash, mark, label) = (&token.hash(), mark.as_str(), label.as_str());
            let browser = NewBrowser { token_hash, site, mark, label };
            self.0.store.bind_browser(browser, &identity.person, now).await?;
            self.reload(now).await?;
        }
        let until = link.exemption.journey().map_or(now, |(_, until)| until);
        let organization = identity.person.organization();
        let cookie = self.device_cookie(organization, &mark, (now, until), secure);
        Ok((UsableLink { bound: true, ..link }, cookie))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::KEY_LENGTH;

    #[test]
    fn a_message_has_one_token_that_only_the_shared_key_tells() {
        let key = |octet| SharedKey {
            id: "k".into(),
            used_from: None,
            secret: Zeroizing::new([octet; KEY_LENGTH]),
        };
        let token = |octet, notice: &str| LinkToken::of_notice(&key(octet), notice);
        let first = token(1, "notice-1");
        assert!(LinkToken::parse(first.reveal()).is_some());
        assert_eq!(first.hash(), token(1, "notice-1").hash());
        for other in [token(1, "notice-2"), token(2, "notice-1")] {
            assert_ne!(first.hash(), other.hash());
        }
    }
}
