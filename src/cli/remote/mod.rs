//! `--server`: the command line as a client of another machine's API, with a token in the place of
//! the configuration and the store.
//!
//! May use nothing of the gateway but words: who may do what, and what holds, is for the server to
//! say. A command that the API does not offer is refused and nothing is asked.

mod audit;
mod client;
mod exemption;

use std::io::Write as _;
use std::path::PathBuf;

use anyhow::bail;
use http::Uri;
use serde_json::Value;

use super::{Answer, Command, Context};
use client::{Client, Said};

/// Where the command is carried out instead of on this machine.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Another machine")]
pub(crate) struct Elsewhere {
    /// Ask the administration of this gateway, such as https://gateway.example.dk:9443, and read no
    /// configuration: for `exemption` and `audit search`. The token comes from a file or from
    /// GEOVAGT_TOKEN.
    #[arg(long, global = true, env = "GEOVAGT_SERVER", value_name = "URL")]
    pub(crate) server: Option<Uri>,
    /// A file with the token for --server, as `geovagt token add` printed it.
    #[arg(long, global = true, env = "GEOVAGT_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// The certificate authority of --server, where it is none that this machine trusts.
    #[arg(long, global = true, env = "GEOVAGT_SERVER_CA", value_name = "FILE")]
    server_ca: Option<PathBuf>,
}

/// A server whose token was taken.
struct Server<'a> {
    context: &'a Context,
    client: Client,
    /// The organisation that the token acts in.
    organization: String,
    /// By whose clock its days are counted.
    zone: jiff::tz::TimeZone,
}

/// Carries a command out on the server.
pub(super) fn run(
    context: &Context,
    arguments: &Elsewhere,
    url: &Uri,
    command: &Command,
) -> anyhow::Result<Answer> {
    let asks = match command {
        Command::Exemption(command) => exemption::is_offered(command),
        Command::Audit(command) => audit::is_offered(command),
        _ => false,
    };
    if !asks {
        bail!(
            "a server is not asked for this: run it on that machine, without --server and GEOVAGT_SERVER"
        );
    }
    let client = Client::open(arguments, url)?;
    context.block_on(async {
        let server = match Server::enter(context, client).await? {
            Ok(server) => server,
            Err(why) => return no(context, &why),
        };
        match command {
            Command::Exemption(command) => exemption::run(&server, command).await,
            Command::Audit(command) => audit::run(&server, command).await,
            _ => Ok(Answer::No),
        }
    })?
}

fn no(context: &Context, why: &str) -> anyhow::Result<Answer> {
    for line in why.lines() {
        writeln!(context.messages(), "geovagt: {}", crate::audit::terminal_safe(line))?;
    }
    Ok(Answer::No)
}

impl<'a> Server<'a> {
    /// Asks whom the token stands for; or says why it does not count.
    async fn enter(context: &'a Context, client: Client) -> anyhow::Result<Result<Self, String>> {
        let session = match client.get("/api/v1/session").await? {
            Said::Yes(session) => session,
            Said::No(why) => return Ok(Err(why)),
        };
        let Some(organization) = session.get("organization").and_then(Value::as_str) else {
            return Ok(Err(
                "the server does not take the token: it has ended or was revoked, or whoever made it has no role any more; `geovagt token add` on that machine makes another"
                    .to_owned(),
            ));
        };
        let zone = session.get("time_zone").and_then(Value::as_str);
        let zone = zone.and_then(|name| jiff::tz::TimeZone::get(name).ok());
        let zone = zone.unwrap_or(jiff::tz::TimeZone::UTC);
        Ok(Ok(Self { context, client, organization: organization.to_owned(), zone }))
    }

    /// Says no where a command names another organisation than the token's, or whoever does it: that
    /// is the one who made the token.
    fn fits(&self, organization: Option<&str>, by: Option<&str>) -> Result<(), String> {
        if by.is_some() {
            return Err(
                "--by cannot be said to a server: whoever made the token does it".to_owned()
            );
        }
        match organization.filter(|named| *named != self.organization) {
            Some(named) => Err(format!(
                "the token is one of the organisation {}, and not of {named}",
                self.organization
            )),
            None => Ok(()),
        }
    }
}

/// A text of an answer; empty where there is none.
fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The texts of a list in an answer.
fn texts<'v>(value: &'v Value, name: &str) -> Vec<&'v str> {
    let list = value.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Text as it stands in a query or in a part of a path.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
