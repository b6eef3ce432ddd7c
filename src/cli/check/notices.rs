//! Whether travellers get mail: whether it is configured, and whether the mail server takes it.

use crate::config::{Finding, Loaded};
use crate::notice::smtp::Session;
use crate::telemetry;

/// A server that is away for a moment is no reason not to start.
pub(super) fn check(loaded: &Loaded) -> Vec<Finding> {
    let Some(notices) = &loaded.config.notices else {
        let organizations = loaded.config.organizations.values();
        let travels = |organization: &&std::sync::Arc<crate::config::Organization>| {
            organization.travel_exemptions.enabled
        };
        return match organizations.filter(travels).count() {
            0 => Vec::new(),
            _ => vec![
                Finding::note("travellers get no mail about their exemptions")
                    .with_help("add `notices:`; config/gateway.yaml shows it"),
            ],
        };
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let opened = runtime.map(|runtime| {
        runtime.block_on(async {
            let session = Session::open(&notices.smtp, notices.sender.address.domain()).await?;
            session.close().await;
            Ok::<_, crate::notice::smtp::SmtpError>(())
        })
    });
    let why = match opened {
        Ok(Ok(())) => return Vec::new(),
        Ok(Err(error)) => telemetry::chain(&error),
        Err(error) => error.to_string(),
    };
    let help = "see `notices.smtp`: host, port, security, ca, user and password";
    vec![Finding::warning(format!("notices cannot be sent: {why}")).with_help(help)]
}
