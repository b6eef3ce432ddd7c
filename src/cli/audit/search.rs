//! `geovagt audit search`

use std::io::Write as _;

use ipnet::IpNet;

use super::time::When;
use super::{Where, show};
use crate::audit::event::Action;
use crate::audit::search::{Filter, search};
use crate::audit::{InvalidReference, Reference};
use crate::cli::{Answer, Context};
use crate::clock;
use crate::policy::Reason;
use crate::territory::Territory;

/// Arguments of `audit search`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The code that a rejected person read out: K7QX-2M9D, in any spelling.
    #[arg(long, value_name = "R", value_parser = reference)]
    reference: Option<Reference>,
    /// The client's address, or a network such as 203.0.113.0/24.
    #[arg(long, value_name = "NETWORK", value_parser = network)]
    client: Option<IpNet>,
    /// Who did it, or whom it was done to.
    #[arg(long, value_name = "U")]
    user: Option<String>,
    /// The site.
    #[arg(long, value_name = "S")]
    site: Option<String>,
    /// The client's country or subdivision: CN, RU-CE.
    #[arg(long, value_name = "CC")]
    country: Option<Territory>,
    /// The reason, such as `country_listed`.
    #[arg(long, value_name = "R", value_parser = reason)]
    reason: Option<Reason>,
    /// The action, such as `denied` or `exemption_granted`.
    #[arg(long, value_name = "A", value_parser = action)]
    action: Option<Action>,
    /// From then on: 2h, 3d, 2026-11-22 (UTC), 2026-11-22T03:11:51Z.
    #[arg(long, value_name = "T", value_parser = When::parse)]
    since: Option<When>,
    /// Until then; a day counts to its end.
    #[arg(long, value_name = "T", value_parser = When::parse)]
    until: Option<When>,
    /// At most this many.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
    #[command(flatten)]
    place: Where,
}

fn reference(text: &str) -> Result<Reference, InvalidReference> {
    Reference::parse(text)
}

fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from)).map_err(
        |_| "an address such as 203.0.113.9 or a network such as 203.0.113.0/24".to_owned(),
    )
}

fn reason(code: &str) -> Result<Reason, String> {
    Reason::from_code(code).ok_or_else(|| one_of(Reason::ALL.iter().map(|reason| reason.code())))
}

fn action(word: &str) -> Result<Action, String> {
    Action::from_word(word).ok_or_else(|| one_of(Action::ALL.iter().map(|action| action.word())))
}

fn one_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    format!("say one of {}", words.collect::<Vec<_>>().join(", "))
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let directory = arguments.place.find(context)?;
    let now = clock::now();
    let filter = Filter {
        reference: arguments.reference,
        client: arguments.client,
        user: arguments.user.clone(),
        site: arguments.site.clone(),
        country: arguments.country,
        reason: arguments.reason.map(|reason| reason.code().to_owned()),
        action: arguments.action,
        since: arguments.since.map(|when| when.from(now)),
        until: arguments.until.map(|when| when.until(now)),
    };
    let mut out = context.out();
    let mut found = 0_usize;
    for entry in search(&directory, &filter)?.take(arguments.limit) {
        let entry = entry?;
        found += 1;
        if context.json {
            writeln!(out, "{}", entry.line)?;
        } else {
            writeln!(out, "{}", show::one_line(&entry.event))?;
        }
    }
    if found == arguments.limit && !context.json {
        let text = "these are the newest; --limit shows more";
        writeln!(context.messages(), "{found} entries shown, {text}")?;
    }
    Ok(Answer::Yes)
}
