//! `geovagt audit evidence`

use std::io::Write as _;
use std::path::PathBuf;

use super::time::When;
use crate::audit::Reference;
use crate::cli::{Answer, Context, people};
use crate::clock;
use crate::config::Loaded;
use crate::evidence::{self, Recorder, Wanted};

/// Arguments of `audit evidence`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// From then on: 2h, 3d, 2026-11-22 (UTC), 2026-11-22T03:11:51Z.
    #[arg(long, value_name = "T", value_parser = When::parse)]
    since: When,
    /// Until then; a day counts to its end.
    #[arg(long, value_name = "T", value_parser = When::parse)]
    until: When,
    /// About this person, by login name or `provider/subject`; can stand several times.
    #[arg(long, value_name = "U")]
    person: Vec<String>,
    /// With this reference; can stand several times.
    #[arg(long, value_name = "R", value_parser = Reference::parse)]
    reference: Vec<Reference>,
    /// Of this organisation; can stand several times.
    #[arg(long, value_name = "O")]
    organization: Vec<String>,
    /// The archive to write; must not be there yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Who takes it.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let Some(loaded) = people::configuration(context)? else { return Ok(Answer::No) };
    let asked = wanted(&loaded, arguments)
        .and_then(|wanted| Ok((wanted, people::actor(arguments.by.as_deref())?)));
    let (wanted, by) = match asked {
        Ok(asked) => asked,
        Err(problem) => {
            people::complain(&mut context.messages(), &[problem], "nothing was exported")?;
            return Ok(Answer::No);
        }
    };
    context.block_on(async {
        let store = people::open_store(&loaded.config).await?;
        let recorder = Recorder::Outbox(&store);
        let made = evidence::make(&loaded, &store, recorder, &wanted, &by, &arguments.out).await;
        people::tell(context, &loaded.config, &store).await?;
        store.close().await;
        let made = made?;
        if context.json {
            context.print_json(&made)?;
        } else {
            let (out, entries) = (arguments.out.display(), made.entries);
            writeln!(context.out(), "{out}: {entries} entries, SHA-256 {}", made.digest)?;
            writeln!(context.out(), "geovagt audit verify {out} --key {}", made.key)?;
        }
        Ok(Answer::Yes)
    })?
}

fn wanted(loaded: &Loaded, arguments: &Arguments) -> Result<Wanted, String> {
    let now = clock::now();
    let organizations = arguments
        .organization
        .iter()
        .map(|name| people::organization(&loaded.config, name).map(|found| found.id.clone()));
    Ok(Wanted {
        since: Some(arguments.since.from(now)),
        until: Some(arguments.until.until(now)),
        organizations: organizations.collect::<Result<_, _>>()?,
        persons: arguments.person.clone(),
        references: arguments.reference.clone(),
    })
}
