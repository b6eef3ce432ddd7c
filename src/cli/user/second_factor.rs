//! `geovagt user second-factor`: for somebody whose phone is gone.

use std::io::Write;

use super::{Context, Whom, refuse, target};
use crate::cli::{Answer, people};
use crate::clock;
use crate::config::Config;
use crate::policy::{Person, UserName};
use crate::store::Store;

/// Subcommands of `user second-factor`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Take every second factor of a person away and end their sessions in the administration; they
    /// set up a new one when they next sign in. Be sure who asks: a password alone is enough then.
    Reset(Whom),
}

/// Runs the command.
pub(super) fn run(context: &Context, config: &Config, command: &Command) -> anyhow::Result<Answer> {
    let Command::Reset(whom) = command;
    let target = match target(config, whom) {
        Ok(target) => target,
        Err(problems) => return refuse(context, &problems),
    };
    context.block_on(async {
        let store = people::open_store(config).await?;
        let persons = persons(config, &store, &target.organization, &target.name).await?;
        let mut removed = 0;
        for person in &persons {
            let (name, by) = (&target.name, &target.by);
            removed += store.remove_second_factors(person, name, None, by, clock::now()).await?;
            store.end_admin_sessions_of(person, "").await?;
        }
        people::tell(context, config, &store).await?;
        store.close().await;
        let (name, organization) = (&target.name, &target.organization);
        if persons.is_empty() {
            let problem =
                format!("{organization} knows nobody of the name {name}; see `geovagt user list`");
            return refuse(context, &[problem]);
        }
        if context.json {
            context.print_json(&serde_json::json!({
                "organization": organization, "name": name.as_str(), "removed": removed,
            }))?;
        } else {
            writeln!(context.out(), "{removed} taken away from {name} of {organization}")?;
        }
        anyhow::Ok(Answer::Yes)
    })?
}

/// Everybody whom this name may mean: the local account, and people of other providers.
async fn persons(
    config: &Config,
    store: &Store,
    organization: &crate::identifier::OrganizationId,
    name: &UserName,
) -> anyhow::Result<Vec<Person>> {
    let mut persons = Vec::new();
    let owner = config.organizations.get(organization);
    let provider = owner.and_then(|owner| people::local_provider(config, owner));
    if let (Some(provider), Some(account)) = (provider, store.account(organization, name).await?) {
        persons.push(Person::new(organization.clone(), provider, account.id.as_str()));
    }
    let known = store.known_people(organization).await?;
    persons.extend(known.into_iter().filter(|k| k.user_name == *name).map(|k| k.person));
    Ok(persons)
}
