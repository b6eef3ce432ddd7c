//! People whom the certificate of a managed device names. The certificate was verified in the TLS
//! handshake, and is anew for each request; here its name becomes a person.
//!
//! Always holds: it stands for a person from when it was issued; one from before everything of the
//! person's was ended counts no longer, whether or not it has been revoked.

use jiff::Timestamp;

use super::{Authenticator, How, Identity, KnownDevice};
use crate::identifier::{OrganizationId, ProviderId};
use crate::policy::{Person, UserName};

impl Authenticator {
    /// The person whom a good certificate names: somebody with a local account where the provider
    /// is for those, else a person of the provider itself. None where it names nobody.
    #[must_use]
    pub fn certified(
        &self,
        organization: &OrganizationId,
        provider: &ProviderId,
        people_of: Option<&str>,
        (name, issued): (&str, Timestamp),
    ) -> Option<Identity> {
        let user_name = UserName::parse(name).ok()?;
        let (person, epoch) = match people_of {
            Some(local) => {
                let directory = self.0.directory.load();
                let own = directory.providers().get(organization)?;
                let account = directory.named(organization, &user_name)?;
                if own.as_str() != local || account.locked {
                    return None;
                }
                (directory.person(account)?, account.epoch)
            }
            None => (Person::new(organization.clone(), provider.clone(), name), 0),
        };
        self.counts(&person, issued).then_some(Identity {
            person,
            user_name,
            how: How::Certificate,
            at: issued,
            epoch,
            device: Some(Box::new(KnownDevice::Managed)),
            grant: None,
            session: None,
            ends: None,
            outside: None,
        })
    }
}
