//! `geovagt replay`: decides recorded entries again with today's policy and prints those that differ.
//!
//! The same function decides that serves. An entry is decided at the instant at which it was
//! recorded, by the lists, settings and exemptions that are there today, so that a policy before it
//! is changed, or a gateway after it was moved, can be held against what really came.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write as _};
use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use jiff::Timestamp;
use serde::Serialize;

use super::{Answer, Context};
use crate::app::View;
use crate::audit::event::Field;
use crate::audit::{Action, Event, line_event, terminal_safe};
use crate::client_address::{ClientAddress, KnownAddress, UnknownBecause};
use crate::clock;
use crate::gateway::canonical::canonical_path;
use crate::identifier::{OrganizationId, ProviderId, SiteId};
use crate::policy::{self, Person, Proof, Reason, Subject, Verdict};

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
#[command(
    before_help = "Example: geovagt audit export --format jsonl --since 7d | geovagt replay -"
)]
pub(crate) struct Arguments {
    /// The entries, one a line: a segment of the log, or what `audit export --format jsonl` or
    /// `audit search --json` wrote; `-` reads them from standard input.
    file: PathBuf,
    /// Decide everything at this instant instead of when it was recorded.
    #[arg(long, value_name = "TIME", value_parser = super::lists::read_time)]
    at: Option<Timestamp>,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Decision {
    verdict: String,
    reason: String,
}

/// An entry that would be decided otherwise.
#[derive(Debug, Serialize)]
struct Differing {
    id: String,
    timestamp: Timestamp,
    reference: Option<String>,
    organization: Option<String>,
    site: Option<String>,
    client: Option<String>,
    country: Option<String>,
    recorded: Decision,
    now: Decision,
}

#[derive(Debug, Default)]
struct Sums {
    decided: u64,
    passed_over: u64,
    unreadable: u64,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let Some(loaded) = super::people::configuration(context)? else { return Ok(Answer::No) };
    let view = context.block_on(View::open(loaded, clock::now()))??;
    let lines: Box<dyn BufRead> = if arguments.file.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        let shown = arguments.file.display();
        let file = File::open(&arguments.file)
            .with_context(|| format!("{shown} cannot be read; name a file with entries"))?;
        Box::new(BufReader::new(file))
    };
    let (differing, sums) = replay(&view, lines, arguments.at)?;
    if context.json {
        context.print_json(&differing)?;
    } else {
        let mut out = context.out();
        for one in &differing {
            writeln!(out, "{}", terminal_safe(&one_line(one)))?;
        }
    }
    say(context, &sums, differing.len())?;
    Ok(if differing.is_empty() && sums.decided > 0 { Answer::Yes } else { Answer::No })
}

fn say(context: &Context, sums: &Sums, differing: usize) -> anyhow::Result<()> {
    let mut messages = context.messages();
    let Sums { decided, passed_over, unreadable } = sums;
    write!(messages, "{decided} entries decided again, {differing} differ")?;
    if *passed_over > 0 {
        write!(messages, "; {passed_over} were not decided by the policy or hold no address now")?;
    }
    if *unreadable > 0 {
        write!(messages, "; {unreadable} lines are no entries")?;
    }
    writeln!(messages)?;
    if *decided == 0 {
        writeln!(
            messages,
            "geovagt: nothing could be decided again; give a file of entries with addresses, such as `audit export --format jsonl` writes"
        )?;
    }
    Ok(())
}

fn replay(
    view: &View,
    lines: impl BufRead,
    at: Option<Timestamp>,
) -> io::Result<(Vec<Differing>, Sums)> {
    let (mut differing, mut sums) = (Vec::new(), Sums::default());
    for line in lines.split(b'\n') {
        let line = line?;
        let Some((_, event)) = line_event(&line) else {
            let is_head = line.is_empty() || line.starts_with(b"{\"geovagt_export\"");
            // A segment begins with a header of its own.
            let is_head = is_head || line.starts_with(b"{\"format\"");
            sums.unreadable += u64::from(!is_head);
            continue;
        };
        match decided(view, &event, at) {
            None => sums.passed_over += 1,
            Some((recorded, now)) => {
                sums.decided += 1;
                if recorded != now {
                    differing.push(told(&event, recorded, now));
                }
            }
        }
    }
    Ok((differing, sums))
}

/// What was decided and what would be; none where no policy decided it, or what it was decided by is
/// gone.
fn decided(view: &View, event: &Event, at: Option<Timestamp>) -> Option<(Decision, Decision)> {
    if !matches!(event.action, Action::Allowed | Action::Denied | Action::Repeated) {
        return None;
    }
    let reason = event.reason.as_deref()?;
    if Reason::from_code(reason).is_none_or(is_not_of_the_policy) {
        return None;
    }
    let recorded = Decision { verdict: event.verdict.as_deref()?.into(), reason: reason.into() };
    let address = address(event)?;
    let site = SiteId::parse(event.site.as_deref()?).ok()?;
    let decision = |verdict: &str, reason: &str| Decision {
        verdict: verdict.to_owned(),
        reason: reason.to_owned(),
    };
    let Some(site) = view.snapshot.sites.by_id(&site) else {
        return Some((recorded, decision("deny", Reason::UnknownSite.code())));
    };
    let person = person(event);
    let proof = if person.is_some() { Proof::FULL } else { Proof::NONE };
    let location = view.snapshot.database.locate(&address).location;
    let subject = Subject { address, location, person: person.as_ref(), proof };
    let at = at.unwrap_or(event.at);
    let exemptions = &view.snapshot.exemptions;
    let decide = |policy: &policy::Policy| policy::decide(policy, &subject, exemptions, at);
    let canonical = canonical_path(event.path.as_deref().unwrap_or("/")).ok()?;
    let choice = site.policies.choose(canonical.path(), true).ok()?;
    let now = match site.policies.strictest(&choice, decide).1 {
        Verdict::Allow(permit) => decision("allow", permit.reason().code()),
        Verdict::Identify(challenge) => decision("identify", challenge.reason().code()),
        Verdict::Deny(denial) => decision("deny", denial.reason().code()),
    };
    Some((recorded, now))
}

/// What the gateway decides before a policy is asked, or beside it.
fn is_not_of_the_policy(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Overload
            | Reason::AuditUnavailable
            | Reason::UnknownSite
            | Reason::UnclearRequest
            | Reason::AcmeChallenge
            | Reason::SignInSite
            | Reason::NotAuthorized
    )
}

fn address(event: &Event) -> Option<ClientAddress> {
    match event.personal.get(Field::ClientIp) {
        Some(text) => {
            let address: IpAddr = text.parse().ok()?;
            Some(
                KnownAddress::new(address)
                    .map_or_else(ClientAddress::Unknown, ClientAddress::Known),
            )
        }
        // It was unknown then, and so it is now; one that was removed since cannot be decided.
        None if event.reason.as_deref() == Some(Reason::ClientAddressUnknown.code()) => {
            Some(ClientAddress::Unknown(UnknownBecause::Unparsable))
        }
        None => None,
    }
}

/// The person that was proven.
fn person(event: &Event) -> Option<Person> {
    let (provider, subject) = event.personal.get(Field::UserId)?.split_once('/')?;
    let organization = OrganizationId::parse(event.organization.as_deref()?).ok()?;
    Some(Person::new(organization, ProviderId::parse(provider).ok()?, subject))
}

fn told(event: &Event, recorded: Decision, now: Decision) -> Differing {
    let text = |text: &Option<smol_str::SmolStr>| text.as_deref().map(str::to_owned);
    Differing {
        id: event.id.to_string(),
        timestamp: event.at,
        reference: text(&event.reference),
        organization: text(&event.organization),
        site: text(&event.site),
        client: event.personal.get(Field::ClientIp).map(ToString::to_string),
        country: text(&event.country),
        recorded,
        now,
    }
}

fn one_line(one: &Differing) -> String {
    let Differing { timestamp, reference, site, client, country, recorded, now, .. } = one;
    let word = |word: &Option<String>| word.clone().unwrap_or_else(|| "-".to_owned());
    format!(
        "{}  {}  {}  {}  {}  {} {} -> {} {}",
        timestamp.strftime("%Y-%m-%d %H:%M:%SZ"),
        word(reference),
        word(country),
        word(client),
        word(site),
        recorded.verdict,
        recorded.reason,
        now.verdict,
        now.reason,
    )
}
