//! `geovagt audit pseudonymise`, `key --rotate`, `retention --now`: what changes the log. The running
//! gateway does it; where none runs, this command does.

use std::io::Write as _;

use super::time::When;
use super::verify::shown_deletion;
use crate::app::outbox::Outbox;
use crate::audit::order::Why;
use crate::audit::sign::{FILE_NAME, Signer};
use crate::audit::verify::verify;
use crate::audit::{Audit, Erased, Options};
use crate::cli::{Answer, Context, people};
use crate::clock;
use crate::config::Loaded;
use crate::control::{self, ControlError};
use crate::erasure::{self, OrderError, Place, Request};
use crate::lifecycle::Tasks;

/// Arguments of `audit pseudonymise`.
#[derive(Debug, clap::Args)]
pub(crate) struct Pseudonymise {
    /// One person: a login name, or `provider/subject`. Can stand several times, for all the names of
    /// one person. Left out: everybody.
    #[arg(long, value_name = "U")]
    person: Vec<String>,
    /// Entries of this organisation alone.
    #[arg(long, value_name = "O")]
    organization: Option<String>,
    /// From then on: 90d, 2026-11-22 (UTC), 2026-11-22T03:11:51Z.
    #[arg(long, value_name = "T", value_parser = When::parse)]
    since: Option<When>,
    /// Until then; a day counts to its end.
    #[arg(long, value_name = "T", value_parser = When::parse)]
    until: Option<When>,
    /// Take the values out for good, instead of putting pseudonyms in their place.
    #[arg(long)]
    remove: bool,
    /// Why: `erasure_request`, `mistake`, `authority`, `no_longer_needed`.
    #[arg(long, value_name = "WORD", value_parser = why)]
    why: String,
    /// The number of the case that says more. It enters the log and stays there.
    #[arg(long, value_name = "NUMBER")]
    case: Option<String>,
    /// Who orders it.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Arguments of `audit key`.
#[derive(Debug, clap::Args)]
pub(crate) struct Key {
    /// Sign with a new key from now on; the old one signs that.
    #[arg(long)]
    rotate: bool,
}

/// Arguments of `audit retention`.
#[derive(Debug, clap::Args)]
pub(crate) struct Retention {
    /// Delete now what is older than its retention, as happens every hour.
    #[arg(long)]
    now: bool,
}

fn why(word: &str) -> Result<String, String> {
    let known = || Why::GIVEN.map(Why::word).join(", ");
    Why::from_word(word)
        .map(|why| why.word().to_owned())
        .ok_or_else(|| format!("say one of {}", known()))
}

pub(super) fn pseudonymise(context: &Context, arguments: &Pseudonymise) -> anyhow::Result<Answer> {
    let Some(loaded) = people::configuration(context)? else { return Ok(Answer::No) };
    let request = match request(&loaded, arguments) {
        Ok(request) => request,
        Err(problem) => {
            people::complain(&mut context.messages(), &[problem], "nothing was changed")?;
            return Ok(Answer::No);
        }
    };
    let answer = match ask(&loaded, &serde_json::to_string(&request)?) {
        Some(answer) => answer?,
        None => here(context, &loaded, async |audit, place| {
            let erased = erasure::carry_out(audit, place, &request, clock::now()).await?;
            Ok(serde_json::to_string(&erased).unwrap_or_default())
        })?,
    };
    match answer {
        Ok(text) => told(context, &text),
        Err(problem) => no(context, &problem),
    }
}

fn request(loaded: &Loaded, arguments: &Pseudonymise) -> Result<Request, String> {
    let by = people::actor(arguments.by.as_deref())?;
    let organization = match &arguments.organization {
        Some(name) => Some(people::organization(&loaded.config, name)?.id.to_string()),
        None => None,
    };
    if let Some(case) = &arguments.case {
        people::check_text("--case", case, 60)?;
    }
    let now = clock::now();
    Ok(Request {
        remove: arguments.remove,
        names: arguments.person.clone(),
        organization,
        since: arguments.since.map(|when| when.from(now)),
        until: arguments.until.map(|when| when.until(now)),
        why: arguments.why.clone(),
        case: arguments.case.clone(),
        by: by.name,
        by_as: by.operating_system_user,
    })
}

fn told(context: &Context, text: &str) -> anyhow::Result<Answer> {
    let Ok(erased) = serde_json::from_str::<Erased>(text) else {
        writeln!(context.messages(), "{text}")?;
        return Ok(Answer::Yes);
    };
    if context.json {
        context.print_json(&erased)?;
    } else {
        let (entries, segments) = (erased.entries, erased.segments.len());
        writeln!(
            context.out(),
            "{entries} entries changed in {segments} segments; order {}",
            erased.order
        )?;
    }
    if erased.refused.is_empty() {
        return Ok(Answer::Yes);
    }
    people::complain(&mut context.messages(), &erased.refused, "not everything could be changed")?;
    Ok(Answer::No)
}

pub(super) fn key(context: &Context, arguments: &Key) -> anyhow::Result<Answer> {
    let Some(loaded) = people::configuration(context)? else { return Ok(Answer::No) };
    let answer = if arguments.rotate {
        match ask(&loaded, "rotate-key") {
            Some(answer) => answer?,
            None => {
                here(context, &loaded, async |audit, _| Ok(audit.change_key().await?.to_string()))?
            }
        }
    } else {
        let path = loaded.config.state_directory.join(FILE_NAME);
        Signer::read(&path).map(|signer| signer.public().to_string()).map_err(|error| {
            format!("{} cannot be used: {error}; it is made at the first start", path.display())
        })
    };
    match answer {
        Ok(key) if context.json => context.print_json(&serde_json::json!({"key": key}))?,
        Ok(key) => writeln!(context.out(), "{key}")?,
        Err(problem) => return no(context, &problem),
    }
    Ok(Answer::Yes)
}

pub(super) fn retention(context: &Context, arguments: &Retention) -> anyhow::Result<Answer> {
    let Some(loaded) = people::configuration(context)? else { return Ok(Answer::No) };
    if arguments.now {
        let answer = match ask(&loaded, "retention") {
            Some(answer) => answer?,
            None => here(context, &loaded, async |audit, _| {
                Ok(audit.delete_what_is_over().await?.to_string())
            })?,
        };
        match answer {
            Ok(files) => writeln!(context.messages(), "{files} segments deleted")?,
            Err(problem) => return no(context, &problem),
        }
    }
    let report = verify(&loaded.config.state_directory.join("audit"))?;
    let kept = loaded.config.audit.retention;
    let kept = [kept.allowed, kept.denied, kept.people];
    if context.json {
        let chains: Vec<_> = report
            .chains
            .iter()
            .zip(kept)
            .map(|(chain, kept)| {
                serde_json::json!({
                    "id": chain.chain,
                    "kept_days": kept.as_secs() / 86_400,
                    "sequences": chain.sequences,
                    "deletion": chain.deletion,
                })
            })
            .collect();
        context.print_json(&chains)?;
    } else {
        for (chain, kept) in report.chains.iter().zip(kept) {
            let days = kept.as_secs() / 86_400;
            let deletion = shown_deletion(chain.deletion.as_ref());
            writeln!(context.out(), "{:<8} kept {days} days; {deletion}", chain.chain)?;
        }
    }
    if report.is_whole() {
        return Ok(Answer::Yes);
    }
    no(context, "the log is not whole: see `geovagt audit verify`")
}

fn no(context: &Context, problem: &str) -> anyhow::Result<Answer> {
    writeln!(context.messages(), "geovagt: {problem}")?;
    Ok(Answer::No)
}

/// What the running gateway answers; none where none runs.
fn ask(loaded: &Loaded, what: &str) -> Option<anyhow::Result<Result<String, String>>> {
    let line = format!("{}{what}", control::AUDIT);
    match control::ask(&loaded.config.state_directory, &line) {
        Ok(reply) if reply.ok => Some(Ok(Ok(reply.text))),
        Ok(reply) => Some(Ok(Err(reply.text))),
        Err(ControlError::NotRunning(..)) => None,
        Err(error) => Some(Err(error.into())),
    }
}

/// Does it in this process, which takes the log for as long.
fn here(
    context: &Context,
    loaded: &Loaded,
    work: impl AsyncFnOnce(&Audit, Place<'_>) -> Result<String, OrderError>,
) -> anyhow::Result<Result<String, String>> {
    let config = &loaded.config;
    context.block_on(async {
        let options = Options::from_config(config);
        let log = options.directory.clone();
        people::must_own(&log)?;
        let store = people::open_store(config).await?;
        let tasks = Tasks::new();
        let (audit, _) = Audit::open(options, &tasks)?;
        let outbox = Outbox::open(&config.state_directory, &log)?;
        outbox.drain(&store, &audit).await?;
        let state = config.state_directory.as_path();
        let place = Place { state, log_name: outbox.name(), store: &store };
        let done = work(&audit, place).await.map_err(|error| people::sentence(&error));
        audit.close().await;
        store.close().await;
        tasks.stop();
        tasks.finished().await;
        Ok(done)
    })?
}
