//! What `check` says about directories: they are asked.

use crate::config::{Finding, Loaded, Provider};
use crate::identity::{ExaminedServer, LdapError, LdapProvider, PeopleThere};
use crate::telemetry;

/// Every server answers over TLS with a certificate that names it, takes the service account, and
/// holds people.
pub(super) fn check(loaded: &Loaded) -> Vec<Finding> {
    let directories = loaded.config.identity.iter().filter_map(|(id, provider)| match provider {
        Provider::Ldap(settings) => Some((id, settings)),
        _ => None,
    });
    let mut findings = Vec::new();
    for (id, settings) in directories {
        let examined = LdapProvider::new(id.clone(), settings)
            .map_err(|error| telemetry::chain(&error))
            .and_then(|provider| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.map_err(|error| error.to_string())?;
                Ok(runtime.block_on(provider.examine()))
            });
        match examined {
            Ok(servers) => {
                let several = servers.len() > 1;
                let found = servers.iter().filter_map(|server| finding(server, several));
                findings.extend(found.map(|f| prefixed(id.as_str(), f)));
            }
            Err(why) => findings.push(Finding::error(format!("the directory `{id}`: {why}"))),
        }
    }
    findings
}

/// Where there are several, one that is away is a warning.
fn finding(examined: &ExaminedServer, several: bool) -> Option<Finding> {
    let server = &examined.server;
    let error = match &examined.outcome {
        Ok(PeopleThere::Some) => return None,
        Ok(PeopleThere::WithoutSubject) => {
            return Some(
                Finding::error(format!("{server} shows people without the attribute `subject`"))
                    .with_help("name another one, or let the service account read it"),
            );
        }
        Ok(PeopleThere::Nobody) => {
            return Some(
                Finding::error(format!("{server} shows nobody under `base`"))
                    .with_help("see `base` and `filter`, and what the service account may read"),
            );
        }
        Err(error) => error,
    };
    let says = telemetry::chain(error);
    let away = matches!(error, LdapError::Connect { .. } | LdapError::Slow(_));
    let finding = if away && several { Finding::warning(says) } else { Finding::error(says) };
    Some(finding.with_help(match error {
        LdapError::Connect { .. } => {
            "see that the server is there, that it speaks StartTLS (ldap://) or TLS (ldaps://), and that `ca` has issued a certificate that names this host"
        }
        LdapError::ServiceAccount { .. } => "see `bind_dn` and the file of `bind_password`",
        _ => "see the directory's own log",
    }))
}

fn prefixed(id: &str, finding: Finding) -> Finding {
    Finding { message: format!("the directory `{id}`: {}", finding.message), ..finding }
}
