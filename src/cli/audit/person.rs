//! `geovagt audit person`: everything that is stored about one person, and its deletion.

use std::io::Write as _;

use crate::cli::{Answer, Context, people};
use crate::clock;
use crate::config::Config;
use crate::identifier::ProviderId;
use crate::insight::{self, Subject};
use crate::policy::{Actor, Person, UserName};
use crate::store::{ChangeAction, ChangeEvent, Store};

/// Arguments of `audit person`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The organisation.
    #[arg(value_name = "ORGANIZATION")]
    organization: String,
    /// The person's whole login name.
    #[arg(value_name = "PERSON")]
    person: String,
    /// The provider that knows the person, where several know the name.
    #[arg(long, value_name = "P")]
    provider: Option<String>,
    /// Delete what may be deleted, and say what stays and why.
    #[arg(long)]
    delete: bool,
    /// Who asks.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let Some(loaded) = people::configuration(context)? else { return Ok(Answer::No) };
    let config = &loaded.config;
    context.block_on(async {
        let store = people::open_store(config).await?;
        let answer = match asked(config, &store, arguments).await? {
            Ok((subject, by)) if arguments.delete => forget(context, &store, &subject, &by).await,
            Ok((subject, by)) => show(context, config, &store, &subject, &by).await,
            Err(problem) => {
                people::complain(&mut context.messages(), &[problem], "nothing is shown")?;
                Ok(Answer::No)
            }
        };
        people::tell(context, config, &store).await?;
        store.close().await;
        answer
    })?
}

async fn show(
    context: &Context,
    config: &Config,
    store: &Store,
    subject: &Subject,
    by: &Actor,
) -> anyhow::Result<Answer> {
    let now = clock::now();
    // Kept before anything is shown.
    let mut event =
        ChangeEvent::about_log(ChangeAction::PersonViewed, by).of(&subject.organization);
    event.target = subject.name.to_string();
    store.tell_log(&event, now).await?;
    let log = config.state_directory.join("audit");
    let insight = insight::about(store, &log, subject, now).await?;
    if context.json {
        context.print_json(&insight)?;
    } else if insight.is_nothing() {
        // A part of a name finds nobody, and that must not pass for an answer about the person.
        writeln!(
            context.messages(),
            "nothing is stored about {} of {}; if that is not the whole login name, write it out, such as anna.holm",
            subject.name,
            subject.organization
        )?;
    } else {
        write!(context.out(), "{}", insight.to_text())?;
    }
    Ok(Answer::Yes)
}

async fn forget(
    context: &Context,
    store: &Store,
    subject: &Subject,
    by: &Actor,
) -> anyhow::Result<Answer> {
    let forgotten = insight::forget(store, subject, by, clock::now()).await?;
    if context.json {
        context.print_json(&forgotten)?;
        return Ok(Answer::Yes);
    }
    let mut out = context.out();
    for (place, count) in &forgotten.removed {
        writeln!(out, "{place}: {count} deleted")?;
    }
    for (place, why) in &forgotten.kept {
        let why = match *why {
            "decision" => "stays: an authority keeps its decisions and who took them",
            "security" => "stays: it keeps somebody out, and ends by itself",
            "own_order" => {
                "stays: `geovagt audit pseudonymise --person NAME --remove --why erasure_request` takes it out"
            }
            _ => "stays: a running journey or account needs it",
        };
        writeln!(out, "{place}: {why}")?;
    }
    Ok(Answer::Yes)
}

/// Who is meant and who asks, or what is wrong.
async fn asked(
    config: &Config,
    store: &Store,
    arguments: &Arguments,
) -> anyhow::Result<Result<(Subject, Actor), String>> {
    let named = people::organization(config, &arguments.organization).and_then(|organization| {
        let by = people::actor(arguments.by.as_deref())?;
        Ok((organization, people::user_name(&arguments.person)?, by))
    });
    let (organization, name, by) = match named {
        Ok(named) => named,
        Err(problem) => return Ok(Err(problem)),
    };
    let mut found: Vec<Person> = Vec::new();
    if let (Some(account), Some(local)) = (
        store.account(&organization.id, &name).await?,
        people::local_provider(config, organization),
    ) {
        found.push(Person::new(organization.id.clone(), local, account.id.as_str()));
    }
    let known = store.known_people(&organization.id).await?;
    found.extend(
        known.into_iter().filter(|known| known.user_name == name).map(|known| known.person),
    );
    if let Some(provider) = &arguments.provider {
        found.retain(|person| person.provider().as_str() == provider);
    }
    Ok(one_of(found, &name, arguments.provider.as_deref())
        .map(|person| (Subject { person, organization: organization.id.clone(), name }, by)))
}

/// The one who is meant. Whom nobody has proven is meant by the name alone.
fn one_of(
    mut found: Vec<Person>,
    name: &UserName,
    provider: Option<&str>,
) -> Result<Option<Person>, String> {
    match (found.len(), provider) {
        (0, Some(provider)) => Err(format!("{provider} has never told of anybody called {name}")),
        (0 | 1, _) => Ok(found.pop()),
        _ => {
            let providers: Vec<&str> =
                found.iter().map(|person| ProviderId::as_str(person.provider())).collect();
            Err(format!(
                "several are called {name}; say which with --provider: {}",
                providers.join(", ")
            ))
        }
    }
}
