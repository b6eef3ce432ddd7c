//! `geovagt user`: local accounts.
//!
//! A password comes from a prompt or one line of standard input, never from an argument, which every
//! process on the machine can read.

mod second_factor;

use std::io::{BufRead, IsTerminal, Read, Write};

use jiff::Timestamp;
use serde::Serialize;
use zeroize::Zeroizing;

use super::exemption::devices::end_person;
use super::people::{self, complain, sentence};
use super::{Answer, Context};
use crate::clock;
use crate::config::{Config, there_are};
use crate::identifier::OrganizationId;
use crate::identity::{Argon2id, Password, PasswordFunction};
use crate::policy::{Actor, Person, UserName};
use crate::store::{Account, AccountError, NewAccount, Store};

/// Subcommands of `user`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make an account; reads its password from a prompt or one line of standard input.
    Add(Whom),
    /// Set another password; sessions from before end.
    Password(Whom),
    /// List accounts.
    List(List),
    /// Remove an account. A later one of the same name is another person.
    Remove(Whom),
    /// Lock an account at once, when a device is lost, say: sessions end, exemptions have no effect.
    Lock(Whom),
    /// Unlock an account; the person signs in anew.
    Unlock(Whom),
    /// A device is lost: end the person's exemptions, sessions, devices and open connections. The
    /// account stays.
    Lost(Lost),
    /// What somebody shows beside the password in the administration.
    #[command(subcommand)]
    SecondFactor(second_factor::Command),
}

/// Which account, and who asks.
#[derive(Debug, clap::Args)]
pub(crate) struct Whom {
    /// The login name.
    name: String,
    /// Whose person it is.
    #[arg(long, value_name = "O")]
    organization: String,
    /// Who does it; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Arguments of `user lost`.
#[derive(Debug, clap::Args)]
pub(crate) struct Lost {
    #[command(flatten)]
    whom: Whom,
    /// What happened; stays in the history of the exemptions.
    #[arg(long, value_name = "TEXT", default_value = "a device is lost")]
    reason: String,
}

/// Arguments of `user list`.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only those of this organisation.
    #[arg(long, value_name = "O")]
    organization: Option<String>,
}

/// Runs the command.
pub(crate) fn run(context: &Context, command: &Command) -> anyhow::Result<Answer> {
    let Some(loaded) = people::configuration(context)? else { return Ok(Answer::No) };
    let config = &loaded.config;
    let (whom, verb) = match command {
        Command::List(arguments) => return list(context, config, arguments),
        Command::Lost(arguments) => return lost(context, config, arguments),
        Command::SecondFactor(command) => return second_factor::run(context, config, command),
        Command::Add(whom) => (whom, Verb::Add),
        Command::Password(whom) => (whom, Verb::Password),
        Command::Remove(whom) => (whom, Verb::Remove),
        Command::Lock(whom) => (whom, Verb::Lock),
        Command::Unlock(whom) => (whom, Verb::Unlock),
    };
    let target = match target(config, whom) {
        Ok(target) => target,
        Err(problems) => return refuse(context, &problems),
    };
    let password_hash = if matches!(verb, Verb::Add | Verb::Password) {
        let password = read_password(&target.name)?;
        if let Err(unfit) = password.check_for(&target.name) {
            return refuse(context, &[unfit.to_string()]);
        }
        Argon2id.hash(&password)
    } else {
        String::new()
    };
    context.block_on(async {
        let store = people::open_store(config).await?;
        let now = clock::now();
        let done = change(&store, verb, &target, &password_hash, now).await;
        let answer = report(context, &store, verb, &target, done).await;
        people::tell(context, config, &store).await?;
        store.close().await;
        answer
    })?
}

/// Ends everything of somebody with a local account.
fn lost(context: &Context, config: &Config, arguments: &Lost) -> anyhow::Result<Answer> {
    let target = match target(config, &arguments.whom) {
        Ok(target) => target,
        Err(problems) => return refuse(context, &problems),
    };
    if let Err(problem) = people::check_text("--reason", &arguments.reason, 500) {
        return refuse(context, &[problem]);
    }
    context.block_on(async {
        let store = people::open_store(config).await?;
        let Target { organization, name, by } = &target;
        let account = store.account(organization, name).await?;
        let owner = config.organizations.get(organization);
        let provider = owner.and_then(|owner| people::local_provider(config, owner));
        let answer = match (account, provider) {
            (Some(account), Some(provider)) => {
                let person = Person::new(organization.clone(), provider, account.id.as_str());
                let who = (&person, name);
                end_person(context, &store, who, &arguments.reason, by).await
            }
            _ => {
                let (organization, name) = (organization.clone(), name.clone());
                let error = AccountError::Unknown { organization, name };
                refuse(context, &[unknown(&store, &target, &error).await?])
            }
        };
        people::tell(context, config, &store).await?;
        store.close().await;
        answer
    })?
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Add,
    Password,
    Remove,
    Lock,
    Unlock,
}

impl Verb {
    fn done(self) -> &'static str {
        match self {
            Self::Add => "added",
            Self::Password => "new password for",
            Self::Remove => "removed",
            Self::Lock => "locked",
            Self::Unlock => "unlocked",
        }
    }
}

struct Target {
    organization: OrganizationId,
    name: UserName,
    by: Actor,
}

fn target(config: &Config, whom: &Whom) -> Result<Target, Vec<String>> {
    let mut problems = Vec::new();
    let by = people::actor(whom.by.as_deref()).map_err(|problem| problems.push(problem)).ok();
    let name = people::user_name(&whom.name).map_err(|problem| problems.push(problem)).ok();
    let organization = people::organization(config, &whom.organization)
        .map_err(|problem| problems.push(problem))
        .ok();
    if let Some(organization) = organization
        && people::local_provider(config, organization).is_none()
    {
        problems.push(format!(
            "{} has no local accounts; name a provider of kind local under its identity_providers",
            organization.id
        ));
    }
    match (organization, name, by) {
        (Some(organization), Some(name), Some(by)) if problems.is_empty() => {
            Ok(Target { organization: organization.id.clone(), name, by })
        }
        _ => Err(problems),
    }
}

async fn change(
    store: &Store,
    verb: Verb,
    target: &Target,
    password_hash: &str,
    now: Timestamp,
) -> Result<(), AccountError> {
    let Target { organization, name, by } = target;
    match verb {
        Verb::Add => {
            let account = NewAccount { organization, name, password_hash };
            store.add_account(&account, by, now).await.map(|_| ())
        }
        Verb::Password => store.set_password(organization, name, password_hash, by, now).await,
        Verb::Remove => store.remove_account(organization, name, by, now).await,
        Verb::Lock => store.set_locked(organization, name, true, by, now).await,
        Verb::Unlock => store.set_locked(organization, name, false, by, now).await,
    }
}

async fn report(
    context: &Context,
    store: &Store,
    verb: Verb,
    target: &Target,
    done: Result<(), AccountError>,
) -> anyhow::Result<Answer> {
    match done {
        Ok(()) if context.json => {
            match store.account(&target.organization, &target.name).await? {
                Some(account) => context.print_json(&Item::of(&account))?,
                None => context.print_json(&serde_json::json!({
                    "organization": target.organization, "name": target.name.as_str(),
                    "removed": true,
                }))?,
            }
            Ok(Answer::Yes)
        }
        Ok(()) => {
            writeln!(context.out(), "{} {} of {}", verb.done(), target.name, target.organization)?;
            Ok(Answer::Yes)
        }
        Err(AccountError::Store(error)) => Err(error.into()),
        Err(error @ AccountError::Unknown { .. }) => {
            refuse(context, &[unknown(store, target, &error).await?])
        }
        Err(error) => refuse(context, &[sentence(&error)]),
    }
}

/// That there is no such account, and those that the organisation has.
async fn unknown(store: &Store, target: &Target, error: &AccountError) -> anyhow::Result<String> {
    let accounts = store.accounts().await?;
    let own = accounts.iter().filter(|account| account.organization == target.organization);
    let names = own.map(|account| account.name.as_str());
    Ok(format!("{}; {}", sentence(error), there_are(target.name.as_str(), names)))
}

fn refuse(context: &Context, problems: &[String]) -> anyhow::Result<Answer> {
    complain(&mut context.messages(), problems, "nothing was changed")?;
    Ok(Answer::No)
}

#[derive(Debug, Serialize)]
struct Item<'a> {
    id: &'a str,
    organization: &'a str,
    name: &'a str,
    locked: bool,
    created: Timestamp,
    changed: Timestamp,
}

impl<'a> Item<'a> {
    fn of(account: &'a Account) -> Self {
        Self {
            id: account.id.as_str(),
            organization: account.organization.as_str(),
            name: account.name.as_str(),
            locked: account.locked,
            created: account.created,
            changed: account.changed,
        }
    }
}

fn list(context: &Context, config: &Config, arguments: &List) -> anyhow::Result<Answer> {
    let only = match &arguments.organization {
        None => None,
        Some(name) => match people::organization(config, name) {
            Ok(organization) => Some(organization.id.clone()),
            Err(problem) => return refuse(context, &[problem]),
        },
    };
    let accounts = context.block_on(async {
        let store = people::open_store(config).await?;
        let accounts = store.accounts().await?;
        store.close().await;
        anyhow::Ok(accounts)
    })??;
    let mut accounts = accounts;
    accounts.retain(|account| only.as_ref().is_none_or(|only| *only == account.organization));
    if context.json {
        let items: Vec<Item<'_>> = accounts.iter().map(Item::of).collect();
        context.print_json(&items)?;
    } else {
        table(&mut context.out(), &accounts)?;
    }
    Ok(Answer::Yes)
}

fn table(out: &mut impl Write, accounts: &[Account]) -> std::io::Result<()> {
    for account in accounts {
        let state = if account.locked { "locked" } else { "" };
        let line = format!("{:<20}  {:<40}  {state}", account.organization, account.name);
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn read_password(name: &UserName) -> anyhow::Result<Password> {
    if !std::io::stdin().is_terminal() {
        return one_line(&mut std::io::stdin().lock());
    }
    let ask = |prompt: String| rpassword::prompt_password(prompt).map(Zeroizing::new);
    let first = ask(format!("Password for {name}: "))?;
    let second = ask("The same again: ".to_owned())?;
    anyhow::ensure!(*first == *second, "the two passwords differ; nothing was changed");
    Ok(Password::new((*first).clone()))
}

/// The first line, without its end.
fn one_line(input: &mut impl BufRead) -> anyhow::Result<Password> {
    const LONGEST: u64 = 4096;
    let mut line = Zeroizing::new(String::new());
    input.take(LONGEST).read_line(&mut line)?;
    let text = line.strip_suffix('\n').unwrap_or(&line);
    let text = text.strip_suffix('\r').unwrap_or(text);
    anyhow::ensure!(
        !text.is_empty(),
        "no password came on standard input; write it on one line, or run this in a terminal"
    );
    Ok(Password::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_one_line_of_standard_input() {
        let read = |text: &str| one_line(&mut text.as_bytes()).map(|p| p.reveal().to_owned());
        assert_eq!(read("rejsen går til Kina\nmore\n").unwrap(), "rejsen går til Kina");
        assert_eq!(read(" with spaces \r\n").unwrap(), " with spaces ");
        assert_eq!(read("no end").unwrap(), "no end");
        assert!(read("").is_err());
        assert!(read("\n").is_err());
    }
}
