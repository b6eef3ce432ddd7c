//! Which groups somebody is in: by `memberOf`, or by a search for the groups that name the person.
//!
//! Always holds: what the directory says of the person is a value in the filter and nothing else, and
//! never what somebody typed; so many groups and no more are taken; where the search fails or takes
//! too long there are none by it, and nobody is kept out or let in by that.

use ldap3::Scope;

use super::LdapProvider;
use super::connection::Connection;
use super::entry::Entry;
use super::error::LdapError;
use super::filter::fill;
use super::look_up::Found;
use super::servers::Borrowed;

/// So many groups of one person are looked at.
pub(super) const MOST_GROUPS: usize = 1000;
/// The same, as the protocol counts.
const MOST_FOUND: i32 = 1000;
/// Asks for no attribute (RFC 4511 section 4.5.1.8).
const NOTHING: &str = "1.1";

impl LdapProvider {
    /// Whether the person is in a group that is required.
    pub(super) async fn is_in_group(
        &self,
        connection: &mut Connection,
        entry: &Entry,
    ) -> Result<bool, LdapError> {
        let required = &self.settings.required_groups;
        if required.is_empty() {
            return Ok(true);
        }
        if self.settings.group_filter.is_none() {
            let groups: Vec<String> = entry.texts("memberOf").map(plain).collect();
            return Ok(required.iter().any(|group| groups.contains(&plain(group))));
        }
        let Some(filter) = self.naming(entry) else { return Ok(false) };
        for group in required {
            let entries = connection.search(group, Scope::Base, &filter, &[NOTHING], 1).await?;
            if !entries.found.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds the groups under `group_base` that name the person.
    pub(super) async fn add_groups(
        &self,
        service: &mut Borrowed,
        entry: &Entry,
        found: &mut Found,
    ) {
        let Some(base) = &self.settings.group_base else { return };
        let Some(filter) = self.naming(entry) else { return };
        let searching =
            service.connection.search(base, Scope::Subtree, &filter, &[NOTHING], MOST_FOUND);
        let within = self.settings.timeout / 3;
        let searched = tokio::time::timeout(within, searching).await;
        match searched.unwrap_or_else(|_| Err(LdapError::Slow(self.id.to_string()))) {
            Ok(entries) => {
                let groups = entries.found.into_iter().map(|group| group.dn);
                found.groups.extend(groups.filter(|dn| !dn.is_empty()));
                found.groups.truncate(MOST_GROUPS);
            }
            Err(error) => {
                // What was asked may still be answered on it.
                service.spent = true;
                tracing::warn!(
                    provider = %self.id,
                    error = crate::telemetry::chain(&error),
                    "groups cannot be looked up under `group_base`: whoever signs in has no role by them"
                );
            }
        }
    }

    /// What holds of a group that names the person. None where the directory does not say by which
    /// one name.
    fn naming(&self, entry: &Entry) -> Option<String> {
        let template = self.settings.group_filter.as_deref()?;
        let user = entry.text(&self.settings.user_name);
        if user.is_none() && template.contains("{user}") {
            return None;
        }
        Some(fill(template, &[("{dn}", &entry.dn), ("{user}", user.unwrap_or_default())]))
    }
}

/// Distinguished names without what plays no part when they are compared: case, and spaces around
/// the signs.
fn plain(dn: &str) -> String {
    let parts = dn.split(',').map(|part| match part.split_once('=') {
        Some((name, value)) => format!("{}={}", name.trim(), value.trim()),
        None => part.trim().to_owned(),
    });
    parts.collect::<Vec<_>>().join(",").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn names_of_groups_are_compared_without_case_and_spaces() {
        assert_eq!(
            plain("CN=Rejsende, OU=Grupper,dc=dk"),
            plain("cn = rejsende,ou=grupper, DC=DK")
        );
        assert_ne!(plain("cn=a,dc=dk"), plain("cn=a,dc=dk,dc=dk"));
    }
}
