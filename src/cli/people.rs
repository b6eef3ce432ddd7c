//! What `exemption` and `user` share: who is asking, the configuration, the store.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use super::Context;
use crate::app::{self, outbox::Outbox};
use crate::audit::{Audit, OpenError, Options};
use crate::config::{self, Config, Loaded, Organization, Role, there_are};
use crate::identifier::OrganizationId;
use crate::journey::{self, Trouble};
use crate::lifecycle::Tasks;
use crate::policy::{Actor, UserName};
use crate::store::Store;

pub(super) use crate::journey::{person::local_provider, sentence};

/// Reads the configuration, or shows every finding and gives nothing.
pub(super) fn configuration(context: &Context) -> anyhow::Result<Option<Loaded>> {
    match config::load(&context.config_file) {
        Ok(loaded) => Ok(Some(loaded)),
        Err(findings) => {
            let sources: Vec<_> =
                config::SourceFile::read(&context.config_file).into_iter().collect();
            config::write_findings(&mut context.messages(), &findings, &sources)?;
            Ok(None)
        }
    }
}

pub(super) async fn open_store(config: &Config) -> anyhow::Result<Store> {
    Ok(app::store::open(config).await?)
}

/// Appends what was changed to the log, unless a running gateway will. It is in the store's outbox
/// already, so nothing is lost where this cannot be done.
pub(super) async fn tell(context: &Context, config: &Config, store: &Store) -> anyhow::Result<()> {
    let options = Options::from_config(config);
    // Files that another user could not continue would keep the gateway from starting.
    if must_own(&options.directory).is_err() {
        return Ok(());
    }
    let tasks = Tasks::new();
    let log = options.directory.clone();
    let told = match Audit::open(options, &tasks) {
        Ok((audit, _)) => {
            let told = match Outbox::open(&config.state_directory, &log) {
                Ok(outbox) => outbox.drain(store, &audit).await.map(|_| ()),
                Err(error) => Err(error),
            };
            audit.close().await;
            told.map_err(|error| sentence(&error))
        }
        Err(OpenError::Locked { .. }) => Ok(()),
        Err(error) => Err(sentence(&error)),
    };
    tasks.stop();
    tasks.finished().await;
    if let Err(problem) = told {
        writeln!(
            context.messages(),
            "warning: the change is made, and its log entry waits in the store: {problem}"
        )?;
    }
    Ok(())
}

/// Whether this process runs as the user whose log it is.
pub(super) fn must_own(log: &Path) -> anyhow::Result<()> {
    let own = |path: &Path| std::fs::metadata(path).ok().map(|found| found.uid());
    if own(log) == own(Path::new("/proc/self")) {
        return Ok(());
    }
    anyhow::bail!(
        "{} belongs to the gateway's own user, or is not there; run this as that user",
        log.display()
    )
}

/// The roles that somebody surely holds in an organisation: by name, as operating-system user or by
/// a group of that user.
pub(super) fn roles_held(
    organization: &Organization,
    by: &Actor,
) -> std::collections::BTreeSet<Role> {
    organization.roles.of(&names_of(by))
}

/// The organisation of this name, or a sentence with the names there are.
pub(super) fn organization<'a>(
    config: &'a Config,
    name: &str,
) -> Result<&'a Arc<Organization>, String> {
    let found = OrganizationId::parse(name).ok().and_then(|id| config.organizations.get(&id));
    found.ok_or_else(|| {
        let known = config.organizations.keys().map(OrganizationId::as_str);
        format!("there is no organisation {name:?}; {}", there_are(name, known))
    })
}

pub(super) fn user_name(text: &str) -> Result<UserName, String> {
    UserName::parse(text).map_err(|error| format!("{text:?} is no user name: {error}"))
}

/// Who is at the keyboard: the name from `--by`, else the operating system's.
pub(super) fn actor(by: Option<&str>) -> Result<Actor, String> {
    let account = operating_system_user();
    let name = match by {
        Some(name) => {
            check_text("--by", name, 100)?;
            name.trim().to_owned()
        }
        None => account.clone(),
    };
    Ok(Actor { name, operating_system_user: Some(account) })
}

/// Whether somebody may decide about the organisation's exemptions: whoever it names as case officer
/// or approver, by name, as operating-system user or by a group of that user; anybody where it names
/// nobody.
pub(super) fn may_decide(organization: &Organization, by: &Actor) -> Result<(), String> {
    if organization.roles.allow(&[Role::CaseOfficer, Role::Approver], &names_of(by)) {
        return Ok(());
    }
    Err(format!(
        "{} is neither case_officer nor approver of {id}; name the person under `roles` of {id}, or let one of those decide whom it names",
        by.name,
        id = organization.id
    ))
}

/// Says that somebody who gave no name keeps everybody with the same login from deciding, and the way
/// on: `undo` takes back what was just done.
pub(super) fn warn_nameless(out: &mut impl Write, by: &Actor, undo: &str) -> std::io::Result<()> {
    let Some(user) = by.operating_system_user.as_deref().filter(|_| by.is_nameless()) else {
        return Ok(());
    };
    writeln!(
        out,
        "you gave no --by, so that has to be somebody who is logged in as another user than {user}; \
         where you share one login: {undo}, and do it again with --by"
    )
}

fn names_of(by: &Actor) -> Vec<String> {
    let mut names = vec![by.name.clone()];
    if let Some(user) = &by.operating_system_user {
        let read = |path| String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into();
        let (accounts, groups): (String, String) = (read("/etc/passwd"), read("/etc/group"));
        names.push(user.clone());
        names.extend(groups_of(user, &accounts, &groups));
    }
    names
}

fn groups_of(user: &str, accounts: &str, groups: &str) -> Vec<String> {
    let own = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next()? == user).then_some(())?;
        fields.nth(2)
    });
    let group_of = |line: &str| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        let is_member = fields.next().is_some_and(|members| members.split(',').any(|m| m == user));
        (is_member || Some(number) == own).then(|| name.to_owned())
    };
    groups.lines().filter_map(group_of).collect()
}

/// A text that somebody types and somebody else reads: one line, nothing hidden in it.
pub(super) fn check_text(what: &str, text: &str, longest: usize) -> Result<(), String> {
    journey::check_text(text, longest).map_err(|fault| format!("{what} {fault}"))
}

/// The account that logged in, also after `sudo`; else the one that runs this process.
fn operating_system_user() -> String {
    const NEVER_LOGGED_IN: u32 = u32::MAX;
    let logged_in = std::fs::read_to_string("/proc/self/loginuid")
        .ok()
        .and_then(|text| text.trim().parse::<u32>().ok())
        .filter(|&id| id != NEVER_LOGGED_IN);
    let running = || std::fs::metadata("/proc/self").ok().map(|process| process.uid());
    let Some(id) = logged_in.or_else(running) else { return "unknown".to_owned() };
    let accounts = std::fs::read("/etc/passwd").unwrap_or_default();
    name_of(id, &String::from_utf8_lossy(&accounts)).unwrap_or_else(|| format!("uid {id}"))
}

fn name_of(id: u32, accounts: &str) -> Option<String> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let found: u32 = fields.nth(1)?.parse().ok()?;
        (found == id && !name.is_empty()).then(|| name.to_owned())
    })
}

/// Writes what is wrong, each on a line of its own, and what did not happen for it.
pub(super) fn complain(
    out: &mut impl Write,
    problems: &[String],
    outcome: &str,
) -> anyhow::Result<()> {
    for problem in problems {
        writeln!(out, "error: {problem}").context("cannot write")?;
    }
    writeln!(out, "geovagt: {outcome}")?;
    Ok(())
}

/// What was found good and who does it, where nothing is wrong; or everything that is.
pub(super) fn complete<T>(
    held: Result<T, Vec<Trouble>>,
    by: Option<Actor>,
    mut problems: Vec<String>,
) -> Result<(T, Actor), Vec<String>> {
    match (held, by) {
        (Ok(good), Some(by)) if problems.is_empty() => Ok((good, by)),
        (Ok(_), _) => Err(problems),
        (Err(troubles), _) => {
            problems.extend(said(&troubles));
            Err(problems)
        }
    }
}

/// What stands in the way, as sentences.
pub(super) fn said(troubles: &[Trouble]) -> impl Iterator<Item = String> {
    troubles.iter().map(ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operating_systems_name_is_found_by_number() {
        let accounts =
            "root:x:0:0::/root:/bin/sh\nbroken\n:x:7:\nanna:x:1000:1000::/home/anna:/bin/sh\n";
        assert_eq!(name_of(0, accounts).as_deref(), Some("root"));
        assert_eq!(name_of(1000, accounts).as_deref(), Some("anna"));
        assert_eq!(name_of(7, accounts), None);
        assert_eq!(name_of(4242, accounts), None);
        assert!(!operating_system_user().is_empty());
    }

    #[test]
    fn a_user_is_in_the_groups_that_name_them_and_in_their_own() {
        let accounts = "root:x:0:0::/root:/bin/sh\nanna:x:1000:1000::/home/anna:/bin/sh\n";
        let groups = "root:x:0:\nstaff:x:20:bo,anna\nanna:x:1000:\nothers:x:21:joanna\nbroken\n";
        assert_eq!(groups_of("anna", accounts, groups), ["staff", "anna"]);
        assert_eq!(groups_of("bo", accounts, groups), ["staff"]);
        assert!(groups_of("", accounts, "x:y").is_empty());
    }

    #[test]
    fn who_asks_is_the_stated_name_beside_the_account() {
        let stated = actor(Some(" Bente Lund ")).unwrap();
        assert_eq!(stated.name, "Bente Lund");
        assert_eq!(stated.operating_system_user, Some(operating_system_user()));
        assert_eq!(actor(None).unwrap().name, operating_system_user());
        for text in ["", "  ", "Bente\nLund", "Bente\u{202e}dnuL", &"b".repeat(101)] {
            assert!(actor(Some(text)).is_err(), "{text:?}");
        }
    }
}
