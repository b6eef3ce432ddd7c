//! `geovagt explain`: the decision and each step that led to it, by the function that serves.

use std::io::Write as _;
use std::net::IpAddr;

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Answer, Context};
use crate::app::View;
use crate::clock;
use crate::config::{Organization, there_are};
use crate::gateway::explained;
use crate::gateway::sites::ProtectedSite;
use crate::identifier::SiteId;
use crate::journey::directory;
use crate::language::Language;
use crate::policy::{Explanation, Holdings, Hypothetical, Person, UserName};

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: geovagt explain 203.0.113.9 --site kilden --user anna.holm")]
pub(crate) struct Arguments {
    /// The client's address.
    address: IpAddr,
    /// The site; needed where the configuration has more than one.
    #[arg(long)]
    site: Option<SiteId>,
    /// The path, as it would go on to the upstream: where the site has rules for its paths, one of
    /// them may decide.
    #[arg(long, default_value = "/")]
    path: String,
    /// A login name that is taken as proven.
    #[arg(long, value_parser = UserName::parse)]
    user: Option<UserName>,
    /// The instant of the decision, such as 2026-12-01T08:00:00+01:00, or a day (it begins at
    /// midnight in Denmark); now where it is not given.
    #[arg(long, value_name = "TIME", value_parser = super::lists::read_time)]
    at: Option<Timestamp>,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let Some(loaded) = super::people::configuration(context)? else { return Ok(Answer::No) };
    let at = arguments.at.unwrap_or_else(clock::now);
    let view = context.block_on(View::open(loaded, clock::now()))??;
    let site = site(&view, arguments.site.as_ref())?;
    let organization = &site.organization;
    let user = arguments.user.as_ref();
    let person = match user {
        Some(name) => Some(context.block_on(person(&view, organization, name))??),
        None => None,
    };
    let held = person.as_ref().map(|person| view.held_by(person)).unwrap_or_default();
    let locked = person.as_ref().is_some_and(|person| view.is_locked(person));
    let asked = Hypothetical {
        address: arguments.address,
        path: &arguments.path,
        person: user.zip(person.as_ref()),
        holdings: Holdings { exemptions: &held, locked },
        at,
    };
    let explanation = explained::explain(&view.snapshot, site, &asked, Language::English)?;
    for refused in super::check::refused_by_the_lock(&view.loaded) {
        writeln!(
            context.messages(),
            "geovagt: this is what the files say; a gateway that runs refuses them and decides by what it has: {refused}"
        )?;
    }
    print(context, &explanation, &organization.time_zone)
}

/// The site that was named, or the only one there is.
fn site<'a>(view: &'a View, named: Option<&SiteId>) -> anyhow::Result<&'a Arc<ProtectedSite>> {
    let sites = view.snapshot.sites.all();
    let names = |asked| there_are(asked, sites.iter().map(|site| site.site.id.as_str()));
    match (named, sites) {
        (Some(id), _) => view
            .snapshot
            .sites
            .by_id(id)
            .ok_or_else(|| anyhow::anyhow!("there is no site {id}; {}", names(id.as_str()))),
        (None, [only]) => Ok(only),
        (None, _) => anyhow::bail!("name the site with --site; {}", names("")),
    }
}

/// The person with this login name, taken as proven: a local account, else whom a directory knows,
/// else whom another provider has proven before or who holds an exemption.
async fn person(
    view: &View,
    organization: &Organization,
    name: &UserName,
) -> anyhow::Result<Person> {
    let id = &organization.id;
    if let Some(person) = view.account(id, name) {
        return Ok(person);
    }
    let asked = directory::person(&view.loaded.config, organization, None, name).await;
    if let Some(Ok((person, _))) = asked {
        return Ok(person);
    }
    match (view.known(id, name), asked) {
        (Some(person), _) => Ok(person),
        (None, Some(Err(problem))) => Err(problem.into()),
        (None, _) => anyhow::bail!(
            "{id} has no account {name}, and nobody of that name has signed in or holds an exemption; {}",
            there_are(name.as_str(), view.names(id))
        ),
    }
}

/// Prints an explanation. The answer is yes where the client is let in; one who is asked who they
/// are, or rejected, is not.
fn print(
    context: &Context,
    explanation: &Explanation,
    time_zone: &TimeZone,
) -> anyhow::Result<Answer> {
    if context.json {
        context.print_json(explanation)?;
    } else {
        write!(context.out(), "{}", explanation.to_text(time_zone))?;
    }
    Ok(answer(explanation))
}

fn answer(explanation: &Explanation) -> Answer {
    if explanation.verdict == "allow" { Answer::Yes } else { Answer::No }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Command::try_parse_from(line.split(' ')).map(|command| command.arguments)
    }

    #[test]
    fn the_arguments_are_read_as_the_contract_has_them() {
        let line =
            "explain 2001:db8::1 --site kilden --user Anna.Holm --at 2026-12-01T08:00:00+01:00";
        let arguments = parse(line).unwrap();
        assert_eq!(arguments.address, "2001:db8::1".parse::<IpAddr>().unwrap());
        assert_eq!(arguments.site.unwrap().as_str(), "kilden");
        assert_eq!(arguments.user.unwrap().as_str(), "anna.holm");
        assert_eq!(arguments.path, "/");
        assert_eq!(arguments.at.unwrap().to_string(), "2026-12-01T07:00:00Z");
        assert!(parse("explain 203.0.113.9").is_ok());
        for wrong in [
            "explain",
            "explain 203.0.113.300",
            "explain kilden.example.dk",
            "explain ::1 --at today",
            "explain ::1 --user a:b",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
