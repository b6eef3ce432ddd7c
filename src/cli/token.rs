//! `geovagt token`: what programs use the administration's API with.

use std::collections::BTreeSet;
use std::io::Write;

use jiff::SignedDuration;

use super::local_time::{local, zone};
use super::people::{self, complain};
use super::{Answer, Context};
use crate::admin::access::token::{self, NewToken, Scope};
use crate::clock;
use crate::config::{Config, Role};
use crate::identifier::OrganizationId;
use crate::policy::UserName;
use crate::store::AdminToken;

/// A token lasts at most so many days.
const MOST_DAYS: i64 = 366;

/// Subcommands of `token`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a token and print it, once.
    Add(Add),
    /// List the tokens of an organisation.
    List(Of),
    /// Revoke a token at once.
    Revoke(Revoke),
}

/// Arguments of `token add`.
#[derive(Debug, clap::Args)]
#[command(
    before_help = "Example: geovagt token add Journal --organization ballerup --role case_officer"
)]
pub(crate) struct Add {
    /// What the token is for.
    label: String,
    #[command(flatten)]
    of: Of,
    /// A role that it has: operator, case_officer, approver, security, dpo.
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<String>,
    /// What it may do: read, write.
    #[arg(long, value_name = "SCOPE", default_value = "read")]
    scope: String,
    /// How long it is good for.
    #[arg(long, value_name = "DAYS", default_value_t = 90)]
    days: i64,
    /// Who does it; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Of which organisation.
#[derive(Debug, clap::Args)]
pub(crate) struct Of {
    /// Whose token it is.
    #[arg(long, value_name = "O")]
    organization: String,
}

/// Arguments of `token revoke`.
#[derive(Debug, clap::Args)]
pub(crate) struct Revoke {
    /// The token's id, from `token list`.
    id: String,
    #[command(flatten)]
    of: Of,
    /// Who does it; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Runs the command.
pub(crate) fn run(context: &Context, command: &Command) -> anyhow::Result<Answer> {
    let Some(loaded) = people::configuration(context)? else { return Ok(Answer::No) };
    let config = &loaded.config;
    let of = match command {
        Command::Add(arguments) => &arguments.of,
        Command::List(of) => of,
        Command::Revoke(arguments) => &arguments.of,
    };
    let organization = match people::organization(config, &of.organization) {
        Ok(organization) => organization.id.clone(),
        Err(problem) => return refuse(context, &[problem]),
    };
    match command {
        Command::Add(arguments) => add(context, config, &organization, arguments),
        Command::List(_) => list(context, config, &organization),
        Command::Revoke(arguments) => revoke(context, config, &organization, arguments),
    }
}

fn add(
    context: &Context,
    config: &Config,
    organization: &OrganizationId,
    arguments: &Add,
) -> anyhow::Result<Answer> {
    let mut problems = Vec::new();
    let mut noted = |problem: String| problems.push(problem);
    if let Err(problem) = people::check_text("LABEL", &arguments.label, 60) {
        noted(problem);
    }
    let mut roles = BTreeSet::new();
    for word in &arguments.roles {
        match Role::from_word(word) {
            Some(role) => {
                roles.insert(role);
            }
            None => noted(format!("no role is called {word}; see `geovagt token add --help`")),
        }
    }
    let scope = Scope::from_word(&arguments.scope);
    if scope.is_none() {
        noted(format!("--scope {} is neither read nor write", arguments.scope));
    }
    if !(1..=MOST_DAYS).contains(&arguments.days) {
        noted(format!("--days has to be a whole number from 1 to {MOST_DAYS}"));
    }
    let by = people::actor(arguments.by.as_deref()).map_err(noted).ok();
    let made_by = by.as_ref().and_then(|by| UserName::parse(&by.name.replace(':', " ")).ok());
    let (Some(by), Some(made_by), Some(scope), true) = (by, made_by, scope, problems.is_empty())
    else {
        return refuse(context, &problems);
    };
    let now = clock::now();
    let new = NewToken {
        organization,
        label: arguments.label.trim(),
        scope,
        roles: &roles,
        made_by: &made_by,
        proof: None,
        ends: now.checked_add(SignedDuration::from_hours(24 * arguments.days))?,
    };
    let (secret, token) = token::make(&new, now);
    context.block_on(async {
        let store = people::open_store(config).await?;
        store.add_admin_token(&token, &by).await?;
        people::tell(context, config, &store).await?;
        store.close().await;
        anyhow::Ok(())
    })??;
    if context.json {
        context.print_json(&serde_json::json!({
            "id": token.id, "token": secret, "organization": organization, "ends": token.ends,
        }))?;
    } else {
        writeln!(context.out(), "{secret}")?;
        writeln!(
            context.messages(),
            "{} of {organization}, until {}; it is not shown again",
            token.id,
            local(token.ends, &zone(config, organization))
        )?;
    }
    Ok(Answer::Yes)
}

fn list(
    context: &Context,
    config: &Config,
    organization: &OrganizationId,
) -> anyhow::Result<Answer> {
    let tokens = context.block_on(async {
        let store = people::open_store(config).await?;
        let tokens = store.admin_tokens(organization).await?;
        store.close().await;
        anyhow::Ok(tokens)
    })??;
    if context.json {
        let items: Vec<serde_json::Value> = tokens.iter().map(item).collect();
        context.print_json(&items)?;
        return Ok(Answer::Yes);
    }
    let now = clock::now();
    let mut out = context.out();
    for token in &tokens {
        let state = match token.revoked {
            Some(_) => "revoked",
            None if now >= token.ends => "expired",
            None => "valid",
        };
        writeln!(out, "{}  {:<7}  {:<5}  {}", token.id, state, token.scope, token.label)?;
    }
    Ok(Answer::Yes)
}

fn item(token: &AdminToken) -> serde_json::Value {
    serde_json::json!({
        "id": token.id,
        "organization": token.organization,
        "label": token.label,
        "scope": token.scope,
        "roles": token.roles.split_whitespace().collect::<Vec<_>>(),
        "made_by": token.made_by.as_str(),
        "created": token.created,
        "ends": token.ends,
        "revoked": token.revoked,
        "used": token.used,
    })
}

fn revoke(
    context: &Context,
    config: &Config,
    organization: &OrganizationId,
    arguments: &Revoke,
) -> anyhow::Result<Answer> {
    let by = match people::actor(arguments.by.as_deref()) {
        Ok(by) => by,
        Err(problem) => return refuse(context, &[problem]),
    };
    let revoked = context.block_on(async {
        let store = people::open_store(config).await?;
        let id = &arguments.id;
        let revoked = store.revoke_admin_token(organization, id, &by, clock::now()).await?;
        people::tell(context, config, &store).await?;
        store.close().await;
        anyhow::Ok(revoked)
    })??;
    if !revoked {
        let problem = format!(
            "{organization} has no token {} that still counts; see `geovagt token list`",
            arguments.id
        );
        return refuse(context, &[problem]);
    }
    if context.json {
        context.print_json(&serde_json::json!({ "id": arguments.id, "revoked": true }))?;
    } else {
        writeln!(context.out(), "revoked {}", arguments.id)?;
    }
    Ok(Answer::Yes)
}

fn refuse(context: &Context, problems: &[String]) -> anyhow::Result<Answer> {
    complain(&mut context.messages(), problems, "nothing was changed")?;
    Ok(Answer::No)
}
