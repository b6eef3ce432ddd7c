//! One protected connection to one directory server.
//!
//! Always holds: before anything but the request for StartTLS is said, TLS stands and the server's
//! certificate names it; a bind has a name and a password; nothing waits without end: whoever drops
//! the future drops the connection. Referrals are not followed.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ldap3::{DerefAliases, LdapConnAsync, LdapConnSettings, Scope, SearchOptions};
use rustls::ClientConfig;

use super::entry::Entry;
use super::error::LdapError;
use crate::config::LdapServer;

/// What an answer to a bind means (RFC 4511 appendix A).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bound {
    Yes,
    No,
}

/// What a search found.
#[derive(Debug)]
pub(super) struct Entries {
    pub(super) found: Vec<Entry>,
    /// There are more than were asked for.
    pub(super) more: bool,
}

/// RFC 4511 appendix A, and what directories say of people who may not bind: busy and unavailable
/// are no answer, all of these are one.
const REFUSALS: [u32; 9] = [19, 32, 34, 48, 49, 50, 53, 65, 123];
const SUCCESS: u32 = 0;
const SIZE_LIMIT_EXCEEDED: u32 = 4;
const NO_SUCH_OBJECT: u32 = 32;

pub(super) struct Connection {
    ldap: ldap3::Ldap,
    /// Reads and writes; polled while something is asked.
    driver: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Connection {
    pub(super) async fn open(
        server: &LdapServer,
        tls: &Arc<ClientConfig>,
        within: Duration,
    ) -> Result<Self, LdapError> {
        let settings = LdapConnSettings::new()
            .set_config(Arc::clone(tls))
            .set_starttls(!server.tls_first)
            .set_no_tls_verify(false);
        let address = server.to_string();
        let opening = LdapConnAsync::with_settings(settings, &address);
        let (connection, ldap) = tokio::time::timeout(within, opening)
            .await
            .map_err(|_| LdapError::Slow(address.clone()))?
            .map_err(|source| LdapError::Connect { server: address, source: Box::new(source) })?;
        let mut driving = Box::pin(connection.drive());
        // The library panics at some answers that no directory gives.
        let driver = poll_fn(move |context| {
            match catch_unwind(AssertUnwindSafe(|| driving.as_mut().poll(context))) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(_)) | Err(_) => Poll::Ready(()),
            }
        });
        Ok(Self { ldap, driver: Box::pin(driver) })
    }

    /// Binds with name and password, neither of them empty.
    pub(super) async fn bind(&mut self, dn: &str, password: &str) -> Result<Bound, LdapError> {
        if dn.trim().is_empty() || password.is_empty() {
            return Err(LdapError::Unauthenticated);
        }
        let Self { ldap, driver } = self;
        let answer = driven(driver, ldap.simple_bind(dn, password)).await?;
        match answer.rc {
            SUCCESS => Ok(Bound::Yes),
            code if REFUSALS.contains(&code) => Ok(Bound::No),
            code => Err(LdapError::Bind { code }),
        }
    }

    /// At most `most` entries. References to other servers are passed by.
    pub(super) async fn search(
        &mut self,
        base: &str,
        scope: Scope,
        filter: &str,
        attributes: &[&str],
        most: i32,
    ) -> Result<Entries, LdapError> {
        let Self { ldap, driver } = self;
        let options = SearchOptions::new().deref(DerefAliases::Never).sizelimit(most).timelimit(15);
        let searching = ldap.with_search_options(options).search(base, scope, filter, attributes);
        let found = driven(driver, searching).await?;
        let more = match found.1.rc {
            SUCCESS => false,
            SIZE_LIMIT_EXCEEDED => true,
            NO_SUCH_OBJECT => return Ok(Entries { found: Vec::new(), more: false }),
            code => return Err(LdapError::Search { code }),
        };
        let found = found.0.into_iter().map(Entry::read).collect::<Option<Vec<_>>>();
        Ok(Entries { found: found.ok_or(LdapError::Broken)?, more })
    }
}

/// Waits for an answer while the connection is read and written.
async fn driven<T>(
    driver: &mut Pin<Box<dyn Future<Output = ()> + Send>>,
    asking: impl Future<Output = ldap3::result::Result<T>>,
) -> Result<T, LdapError> {
    tokio::select! {
        answer = asking => answer.map_err(|error| LdapError::Library(Box::new(error))),
        () = driver => Err(LdapError::Broken),
    }
}
