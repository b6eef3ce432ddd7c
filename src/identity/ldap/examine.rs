//! What `check` asks a directory.

use ldap3::Scope;

use super::LdapProvider;
use super::error::LdapError;
use crate::config::LdapServer;

/// How one server answers.
#[derive(Debug)]
pub struct ExaminedServer {
    /// The server, as configured.
    pub server: String,
    /// What is there, or why nothing can be said.
    pub outcome: Result<PeopleThere, LdapError>,
}

/// Whom the service account sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeopleThere {
    /// Somebody, with a subject.
    Some,
    /// Somebody, without the attribute that `subject` names.
    WithoutSubject,
    /// Nobody.
    Nobody,
}

impl LdapProvider {
    /// Asks every server: whether TLS stands and its certificate names it, whether it takes the
    /// service account, and whether there is anybody under `base`.
    pub async fn examine(&self) -> Vec<ExaminedServer> {
        let mut examined = Vec::new();
        for server in &self.settings.servers {
            let within = self.settings.timeout;
            let asked = tokio::time::timeout(within, self.examine_server(server)).await;
            let outcome = asked.unwrap_or_else(|_| Err(LdapError::Slow(server.to_string())));
            examined.push(ExaminedServer { server: server.to_string(), outcome });
        }
        examined
    }

    async fn examine_server(&self, server: &LdapServer) -> Result<PeopleThere, LdapError> {
        let settings = &self.settings;
        let mut connection = self.servers.connect(server, settings.timeout).await?;
        let anybody = settings.filter.replace("{user}", "*").replace("{login}", "*");
        let attributes = [settings.subject.as_str()];
        let entries =
            connection.search(&settings.base, Scope::Subtree, &anybody, &attributes, 1).await?;
        Ok(match entries.found.first() {
            Some(entry) if entry.subject(&settings.subject).is_some() => PeopleThere::Some,
            Some(_) => PeopleThere::WithoutSubject,
            None if entries.more => PeopleThere::WithoutSubject,
            None => PeopleThere::Nobody,
        })
    }
}
